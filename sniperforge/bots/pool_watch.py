"""pool_watch: forwards every launch with a judgement by the same filters, and never trades.

PoolCreated -> PoolCreated, then LaunchPassed | LaunchRefused (at once, or when its mint was read)

Its settings are one section, `filters`, with the sniper's names: a set of filters can be
watched for a day before money stands behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sniperforge.base.config import Source
from sniperforge.base.events import Event, LaunchPassed, LaunchRefused, PoolCreated, TokenInspected, TokenWanted
from sniperforge.bots.judge import Judge, Verdict
from sniperforge.bots.settings import check_venues, known_venues, read_settings
from sniperforge.dex.venue import Venue
from sniperforge.trading.filters import FilterSettings

KIND = "pool_watch"


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one pool_watch."""

    filters: FilterSettings = FilterSettings()


def settings_from(
    raw: Mapping[str, Any], where: str, *, source: Source | None = None, venues: Mapping[str, Venue] | None = None
) -> WatchSettings:
    """Return the settings in a TOML table; raises ConfigErrors with every problem by its full key path."""
    settings = read_settings(WatchSettings, raw, where, source)
    place = f"{where}.filters.venues" if where else "filters.venues"
    check_venues(settings.filters.venues, known_venues() if venues is None else venues, place, source)
    return settings


def make(name: str, raw: Mapping[str, Any], *, where: str = "", source: Source | None = None) -> PoolWatch:
    """Return the bot *name* with the settings in *raw*; raises ConfigErrors."""
    return PoolWatch(name, settings_from(raw, where, source=source), frozenset(known_venues()))


class PoolWatch:
    """The built-in watcher: see the module."""

    interest: frozenset[type[Event]] = frozenset({PoolCreated, TokenInspected})

    def __init__(self, name: str, settings: WatchSettings, venues: frozenset[str]) -> None:
        self.name = name
        self._judge = Judge(settings.filters, venues)
        self._launches = self._passed = 0

    def describe(self) -> str:
        """Return one line: what it is and what it saw."""
        return f"{KIND} {self.name}: {self._launches} launches, {self._passed} passed, {self._judge.waiting} waiting"

    def on(self, event: Event, now_ns: int) -> list[Event]:
        """Return a launch and what the filters say about it."""
        if isinstance(event, PoolCreated):
            self._launches += 1
            return [event, *self._tell(self._judge.launch(event, now_ns), now_ns)]
        if isinstance(event, TokenInspected):
            return [said for verdict in self._judge.token(event, now_ns) for said in self._tell(verdict, now_ns)]
        return []

    def on_tick(self, now_ns: int) -> list[Event]:
        """Return the judgements that the time completes."""
        return [said for verdict in self._judge.tick(now_ns) for said in self._tell(verdict, now_ns)]

    def _tell(self, verdict: Verdict, now_ns: int) -> Iterator[Event]:
        launch = verdict.launch
        header = {"ts_ns": now_ns, "origin_ns": launch.origin_ns, "trace_id": launch.trace_id, "cause": launch.id}
        pool = launch.pool
        if verdict.waits:
            if verdict.wants_token:
                yield TokenWanted(**header, mint=pool.base_mint)
        elif verdict.refusal is None:
            self._passed += 1
            yield LaunchPassed(**header, bot=self.name, pool=pool.address, base_mint=pool.base_mint, venue=pool.venue)
        else:
            yield LaunchRefused(
                **header,
                bot=self.name,
                pool=pool.address,
                base_mint=pool.base_mint,
                venue=pool.venue,
                filter=verdict.refusal.filter,
                values=verdict.refusal.values,
            )
