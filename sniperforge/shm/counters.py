"""Counters, gauges and latency histograms of one process, read by any other without asking.

board.counter("trades").add()             one store
board.histogram("decide_ns").record(n)    three stores
Board.attach(owner, instance=…).read()    -> Reading

One writer, any reader, no lock: a reader sees every number whole, and two numbers
at nearly the same time. No logging on a hot path; observers look here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import orjson
import posix_ipc  # type: ignore[import-not-found]  # ships no types

from sniperforge.base.errors import UsageError
from sniperforge.shm import _ring, errors, names
from sniperforge.shm._ring import Counter, Histogram

__all__ = ["Board", "Counter", "Histogram", "HistogramReading", "Reading", "bucket_top"]

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class HistogramReading:
    """What a histogram held when it was read. Values are known to one sixteenth."""

    count: int
    sum: int
    max: int
    buckets: tuple[int, ...]

    def percentile(self, percent: float) -> int:
        """Return the value that *percent* of the records do not exceed, rounded up to its bucket; 0 when empty."""
        if not 0 < percent <= 100:
            raise ValueError(f"a percentile lies between 0 and 100, not {percent}")
        total = sum(self.buckets)
        wanted, passed = total * percent / 100, 0
        for index, count in enumerate(self.buckets):
            passed += count
            if count and passed >= wanted:
                return min(bucket_top(index), self.max)
        return 0

    @property
    def mean(self) -> int:
        """Return sum / count, rounded down; 0 when empty."""
        return self.sum // self.count if self.count else 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One process's numbers at one moment."""

    owner: str
    pid: int
    alive: bool
    counters: dict[str, int]
    histograms: dict[str, HistogramReading]


def bucket_top(index: int) -> int:
    """Return the largest value that falls into bucket *index*."""
    if index < 16:
        return index
    power, part = index // 16 + 3, index % 16
    return ((16 + part + 1) << (power - 4)) - 1


class Board:
    """The numbers of one owner. Made by `create` (the one writer) or `attach` (a reader)."""

    def __init__(self, words: _ring.Words, header: dict[str, object], *, shm_name: str, writer: bool) -> None:
        self._words, self._shm_name, self._writer = words, shm_name, writer
        self.owner = str(header["owner"])
        self.name = f"{header['instance']}/counters/{self.owner}"
        self._owner_word = int(str(header["process"]))
        counters, histograms = header["counters"], header["histograms"]
        assert isinstance(counters, list)
        assert isinstance(histograms, list)
        self._counters = {str(name): Counter(words, index) for index, name in enumerate(counters)}
        first = len(counters)
        self._histograms = {
            str(name): Histogram(words, first + index * _ring.HISTOGRAM_WORDS) for index, name in enumerate(histograms)
        }

    @classmethod
    def create(cls, owner: str, *, instance: str, counters: Sequence[str], histograms: Sequence[str] = ()) -> Board:
        """Make the board of *owner*; what a dead process of that name left is removed first.

        Raises:
            RingExists: a living process counts under this name.
            RingSpace: no shared memory left.
        """
        name = _board_name(owner, instance)
        shm_name = names.segment_name(name)
        header = {
            "schema": _SCHEMA, "owner": owner, "instance": instance, "process": _ring.owner_word(os.getpid()),
            "counters": list(counters), "histograms": list(histograms),
        }  # fmt: skip
        text = orjson.dumps(header)
        if len(text) > _ring.WORDS_OFFSET - 9:
            raise UsageError(f"counters {name}: {len(text)} bytes of names, at most 4087; use fewer or shorter ones")
        words = len(counters) + len(histograms) * _ring.HISTOGRAM_WORDS
        size = _ring.WORDS_OFFSET + 8 * max(words, 1)
        mapped = _ring_words(shm_name, name, size)
        mapped.header(text)
        return cls(mapped, header, shm_name=shm_name, writer=True)

    @classmethod
    def attach(cls, owner: str, *, instance: str) -> Board:
        """Open the board of another process; raises RingMissing or RingForeign."""
        name = _board_name(owner, instance)
        return opened(names.segment_name(name), name)

    def counter(self, name: str) -> Counter:
        """Return the counter *name*: `add(step)`, `set(value)`, `value`."""
        return self._counters[name]

    def histogram(self, name: str) -> Histogram:
        """Return the histogram *name*: `record(value)`."""
        return self._histograms[name]

    def read(self) -> Reading:
        """Return all numbers now."""
        pid = self._owner_word >> 32
        return Reading(
            owner=self.owner,
            pid=pid,
            alive=_ring.owner_word(pid) == self._owner_word,
            counters={name: cell.value for name, cell in self._counters.items()},
            histograms={name: _reading(cell) for name, cell in self._histograms.items()},
        )

    def unlink(self) -> None:
        """Remove the board; quiet when it is gone already."""
        with contextlib.suppress(posix_ipc.ExistentialError):
            posix_ipc.unlink_shared_memory(self._shm_name)

    def __enter__(self) -> Board:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self.unlink()


def _reading(cell: Histogram) -> HistogramReading:
    count, total, top, buckets = cell.snapshot()
    return HistogramReading(count=count, sum=total, max=top, buckets=tuple(buckets))


def _board_name(owner: str, instance: str) -> str:
    return names.full_name(f"counters/{owner}", instance=instance)


def opened(shm_name: str, name: str) -> Board:
    """Open a board by its segment; raises RingMissing or RingForeign."""
    try:
        shared = posix_ipc.SharedMemory(shm_name)
    except posix_ipc.ExistentialError:
        raise errors.RingMissing(name) from None
    try:
        names.check_owner(shared.fd, name)
        size = os.fstat(shared.fd).st_size
        if size < _ring.WORDS_OFFSET + 8 or size % 8:
            raise errors.RingForeign(name, what="size")
        words = _ring.map_words(shared.fd, size)
    finally:
        shared.close_fd()
    try:
        header = orjson.loads(words.header(None))
        if header["schema"] != _SCHEMA:
            raise errors.RingForeign(name, what="schema")
        return Board(words, header, shm_name=shm_name, writer=False)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AssertionError):
        raise errors.RingForeign(name, what="header") from None


def _ring_words(shm_name: str, name: str, size: int) -> _ring.Words:
    with contextlib.suppress(errors.RingMissing, errors.RingForeign):
        left = opened(shm_name, name).read()
        if left.alive:
            raise errors.RingExists(name, pid=left.pid)
    with contextlib.suppress(posix_ipc.ExistentialError):
        posix_ipc.unlink_shared_memory(shm_name)
    shared = posix_ipc.SharedMemory(shm_name, posix_ipc.O_CREX, mode=0o600, size=0)
    try:
        names.allocate(shared.fd, size, name)
        return _ring.map_words(shared.fd, size)
    except errors.RingSpace:
        posix_ipc.unlink_shared_memory(shm_name)
        raise
    finally:
        shared.close_fd()
