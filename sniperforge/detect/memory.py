"""A memory with a bound: what was not asked about for longest is forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """At most *entries_max* keys with their values, forgotten in the order they were last put."""

    __slots__ = ("_entries", "entries_max", "forgotten")

    def __init__(self, entries_max: int) -> None:
        self.entries_max = entries_max
        self.forgotten = 0
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what is remembered of *key*, or None."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> tuple[tuple[K, V], ...]:
        """Remember *key*, as the newest; return what had to be forgotten for it."""
        entries = self._entries
        if key in entries:
            entries.move_to_end(key)
        entries[key] = value
        if len(entries) <= self.entries_max:
            return ()
        self.forgotten += 1
        return (entries.popitem(last=False),)

    def items(self) -> list[tuple[K, V]]:
        """Return all that is remembered, oldest first."""
        return list(self._entries.items())

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def drop(self, key: K) -> V | None:
        """Forget *key*; return what was remembered of it, or None."""
        return self._entries.pop(key, None)
