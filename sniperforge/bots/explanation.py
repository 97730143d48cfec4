"""Why a bot takes a launch or leaves it: market events in, its verdicts with every value out.

PoolCreated, facts -> remembered       (`Explainer.on`)
the end            -> Explanation      for each launch that was asked about

The verdict is the judge's own, made as the bot would have made it at that time. The
tree shows all that was told by the end, also what came too late for the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sniperforge.base.config import Source
from sniperforge.base.events import Event, PoolCreated
from sniperforge.base.units import Pubkey
from sniperforge.bots import liquidity_sniper, pool_watch
from sniperforge.bots.judge import Judge, Verdict
from sniperforge.bots.settings import known_venues
from sniperforge.trading.conditions import Row
from sniperforge.trading.refusal import Refusal

#: Launches explained at once.
LAUNCHES_MAX = 10_000


class Explanation(msgspec.Struct, frozen=True):
    """What a bot makes of one launch.

    Attributes:
        verdict: the judge's last word; it waits when the input ended before.
        against: every plain setting that speaks against it, the first one first.
        rows: the tree of what is required; empty where nothing is.
    """

    verdict: Verdict
    against: tuple[Refusal, ...]
    rows: tuple[Row, ...]


def judge_for(kind: str, raw: Mapping[str, Any], where: str, source: Source | None = None) -> Judge:
    """Return the judge of a bot of that kind with the settings in *raw*; raises ConfigErrors."""
    venues = known_venues()
    if kind == pool_watch.KIND:
        return pool_watch.judge_of(pool_watch.settings_from(raw, where, source=source, venues=venues), venues)
    return liquidity_sniper.judge_of(liquidity_sniper.settings_from(raw, where, source=source, venues=venues), venues)


class Explainer:
    """Follows the launches that are asked about through a judge.

    Args:
        judge: a fresh one.
        asked: says of a launch whether it is asked about.
    """

    def __init__(self, judge: Judge, asked: Callable[[PoolCreated], bool]) -> None:
        self._judge, self._asked = judge, asked
        self._found: dict[Pubkey, Explanation] = {}
        self._decided_ns: dict[Pubkey, int] = {}
        self._launches_of: dict[Pubkey, list[Pubkey]] = {}
        self.launches = self.matched = 0

    def on(self, event: Event, now_ns: int) -> None:
        """Take the next event of the market."""
        for verdict in self._judge.tick(now_ns):
            self._note(verdict, now_ns)
        if isinstance(event, PoolCreated):
            self.launches += 1
            verdict = self._judge.launch(event, now_ns)
            if (verdict.refusal is None or verdict.refusal.filter != "pool_once") and self._asked(event):
                self.matched += 1
                self._note(verdict, now_ns)
            return
        for verdict in self._judge.told(event, now_ns):
            self._note(verdict, now_ns)
        for key in self._about(event):
            self._refresh(key)

    def explanations(self) -> list[Explanation]:
        """Return what was found, in the order of the launches."""
        return list(self._found.values())

    def _about(self, event: Event) -> list[Pubkey]:
        """Return the launches that *event* tells something about."""
        required = self._judge.required
        about = required.about(event) if required is not None else None
        return self._launches_of.get(about, []) if about is not None else []

    def _note(self, verdict: Verdict, now_ns: int) -> None:
        """Remember the newest verdict on a launch that is asked about."""
        launch = verdict.launch
        address = launch.pool.address
        if address not in self._found and self._asked(launch) and len(self._found) < LAUNCHES_MAX:
            for about in {address, launch.pool.base_mint, launch.creator}:
                self._launches_of.setdefault(about, []).append(address)
            self._found[address] = Explanation(verdict, (), ())
        if address in self._found:
            self._decided_ns[address] = now_ns
            against = tuple(self._judge.against(launch, now_ns))
            self._found[address] = Explanation(verdict, against, ())
            self._refresh(address)

    def _refresh(self, address: Pubkey) -> None:
        found, required = self._found[address], self._judge.required
        if required is not None:
            launch = found.verdict.launch
            rows = tuple(required.rows(launch, launch.pool, self._decided_ns[address]))
            self._found[address] = msgspec.structs.replace(found, rows=rows)
