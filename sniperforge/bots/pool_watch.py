"""pool_watch: forwards every launch with a judgement by the same filters, and never trades.

PoolCreated -> PoolCreated, then LaunchPassed | LaunchRefused (at once, or when what it waits for was told)

Its settings are one section, `filters`, with the sniper's names: a set of filters can be
watched for a day before money stands behind it. It buys nothing, so facts about a buy
need `impact_quote_amount`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sniperforge.base.config import Source
from sniperforge.base.events import Event, LaunchPassed, LaunchRefused, PoolCreated, TokenInspected
from sniperforge.bots.judge import Judge, Verdict, questions
from sniperforge.bots.settings import check_filters, known_venues, read_settings
from sniperforge.dex.venue import Venue
from sniperforge.trading.facts import TOLD
from sniperforge.trading.filters import FilterSettings
from sniperforge.trading.required import quoter

KIND = "pool_watch"
FACTS_TOLD = tuple(TOLD)


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one pool_watch."""

    filters: FilterSettings = FilterSettings()


def settings_from(
    raw: Mapping[str, Any], where: str, *, source: Source | None = None, venues: Mapping[str, Venue] | None = None
) -> WatchSettings:
    """Return the settings in a TOML table; raises ConfigErrors with every problem by its full key path."""
    settings = read_settings(WatchSettings, raw, where, source)
    place = f"{where}.filters" if where else "filters"
    check_filters(settings.filters, known_venues() if venues is None else venues, place, source, sized=False)
    return settings


def make(name: str, raw: Mapping[str, Any], *, where: str = "", source: Source | None = None) -> PoolWatch:
    """Return the bot *name* with the settings in *raw*; raises ConfigErrors."""
    venues = known_venues()
    return PoolWatch(name, settings_from(raw, where, source=source, venues=venues), venues)


def judge_of(settings: WatchSettings, venues: Mapping[str, Venue]) -> Judge:
    """Return the judge of a bot with these settings."""
    quote = quoter(settings.filters.impact_quote_amount, venues)
    return Judge(settings.filters, frozenset(venues), quote=quote)


class PoolWatch:
    """The built-in watcher: see the module."""

    interest: frozenset[type[Event]] = frozenset({PoolCreated, TokenInspected})

    def __init__(self, name: str, settings: WatchSettings, venues: Mapping[str, Venue]) -> None:
        self.name = name
        self._judge = judge_of(settings, venues)
        self._quote_amount = settings.filters.impact_quote_amount
        if self._judge.required is not None:
            self.interest = PoolWatch.interest | self._judge.required.kinds
        self._launches = self._passed = 0

    def describe(self) -> str:
        """Return one line: what it is and what it saw."""
        return f"{KIND} {self.name}: {self._launches} launches, {self._passed} passed, {self._judge.waiting} waiting"

    def on(self, event: Event, now_ns: int) -> list[Event]:
        """Return a launch and what the filters say about it."""
        if isinstance(event, PoolCreated):
            self._launches += 1
            return [event, *self._tell(self._judge.launch(event, now_ns), now_ns)]
        if isinstance(event, FACTS_TOLD):
            return [said for verdict in self._judge.told(event, now_ns) for said in self._tell(verdict, now_ns)]
        return []

    def on_tick(self, now_ns: int) -> list[Event]:
        """Return the judgements that the time completes."""
        return [said for verdict in self._judge.tick(now_ns) for said in self._tell(verdict, now_ns)]

    def _tell(self, verdict: Verdict, now_ns: int) -> Iterator[Event]:
        launch = verdict.launch
        header = {"ts_ns": now_ns, "origin_ns": launch.origin_ns, "trace_id": launch.trace_id, "cause": launch.id}
        pool = launch.pool
        if verdict.waits:
            yield from questions(verdict, now_ns, self._quote_amount)
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
