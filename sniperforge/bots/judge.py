"""The judge: launches in, verdicts out, and a bounded room for those that must wait.

PoolCreated                   -> passed | refused by name | waits (for its mint, for its opening)
TokenInspected, now           -> verdicts of those that waited

A launch waits when its mint account decides and has not been read, or when it
opens later. What waits too long is refused by name; nothing is dropped in silence.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from sniperforge.base.events import Pool, PoolCreated, TokenInspected
from sniperforge.base.units import Pubkey
from sniperforge.trading.filters import (
    NANOS_PER_MS,
    Filters,
    FilterSettings,
    Refusal,
    TokenFacts,
    facts_of_program,
    opens_ns,
    refusal,
)

FACTS_KEPT_MAX = 4_096


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What became of a launch: refused when there is a refusal, waiting when it says so, else passed.

    `waited`: the verdict came later than the launch, on purpose.
    """

    launch: PoolCreated
    refusal: Refusal | None = None
    waits: bool = False
    wants_token: bool = False
    waited: bool = False


@dataclass(slots=True)
class _Waiting:
    launch: PoolCreated
    wants_facts: bool
    deadline_ns: int


class Judge:
    """Runs the filters over launches as they and the facts about them arrive.

    Args:
        settings: the filters.
        venues: names of all venues of this build.
        waiting_max: how many launches may wait; `seen_max`: how many pools are remembered as judged.
    """

    def __init__(
        self, settings: FilterSettings, venues: frozenset[str], *, waiting_max: int = 1_024, seen_max: int = 65_536
    ) -> None:
        self._settings = settings
        self._filters = Filters(settings, venues)
        self._waiting_max, self._seen_max = waiting_max, seen_max
        self._seen: OrderedDict[Pubkey, None] = OrderedDict()
        self._facts: OrderedDict[Pubkey, TokenFacts] = OrderedDict()
        self._waiting: OrderedDict[Pubkey, _Waiting] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many launches wait."""
        return len(self._waiting)

    def launch(self, launch: PoolCreated, now_ns: int) -> Verdict:
        """Return the verdict on *launch*; a pool is judged once, its repeats are refused as `pool_once`."""
        pool, seen = launch.pool, self._seen
        address = pool.address
        if address in seen:
            return Verdict(launch, refusal("pool_once", seen="judged before", allowed="one verdict per pool"))
        seen[address] = None
        if len(seen) > self._seen_max:
            seen.popitem(last=False)
        refused = self._filters.check(launch, now_ns)
        if refused is not None:
            return Verdict(launch, refused)
        if pool.venue in self._filters.mints_known and not launch.open_time:
            return Verdict(launch)
        facts = facts_of_program(pool) or self._facts.get(pool.base_mint)
        if facts is None:
            wants_facts = self._filters.wants_facts(pool)
        else:
            wants_facts, refused = False, self._filters.check_facts(facts)
            if refused is not None:
                return Verdict(launch, refused)
        if not wants_facts and not (launch.open_time and self._opens_ns(launch) > now_ns):
            return Verdict(launch)
        if len(self._waiting) >= self._waiting_max:
            return Verdict(launch, refusal("waiting_max", seen=len(self._waiting), allowed=self._waiting_max))
        deadline_ns = now_ns + self._settings.facts_deadline_ms * NANOS_PER_MS
        self._waiting[address] = _Waiting(launch, wants_facts, deadline_ns)
        return Verdict(launch, waits=True, wants_token=wants_facts)

    def reserves(self, pool: Pool) -> Refusal | None:
        """Return why the newest reserves of a pool are not enough: they may have changed while it waited."""
        return self._filters.reserves(pool)

    def token(self, told: TokenInspected, now_ns: int) -> list[Verdict]:
        """Return the verdicts that *told* completes. An account not found yet completes none."""
        if not told.found:
            return []
        facts = TokenFacts(told.mint_authority, told.freeze_authority, told.extensions)
        self._facts[told.mint] = facts
        self._facts.move_to_end(told.mint)
        if len(self._facts) > FACTS_KEPT_MAX:
            self._facts.popitem(last=False)
        verdicts = []
        for address, waiting in list(self._waiting.items()):
            if not waiting.wants_facts or waiting.launch.pool.base_mint != told.mint:
                continue
            refused = self._expired(waiting, now_ns) or self._filters.check_facts(facts)
            if refused is None:
                waiting.wants_facts = False
            verdicts += self._settle(address, waiting, refused, now_ns)
        return verdicts

    def tick(self, now_ns: int) -> list[Verdict]:
        """Return the verdicts that the time completes: deadlines passed, pools that opened."""
        verdicts: list[Verdict] = []
        for address, waiting in list(self._waiting.items()):
            verdicts += self._settle(address, waiting, self._expired(waiting, now_ns), now_ns)
        return verdicts

    def _opens_ns(self, launch: PoolCreated) -> int:
        return opens_ns(launch, self._settings.open_margin_ms)

    def _expired(self, waiting: _Waiting, now_ns: int) -> Refusal | None:
        if not waiting.wants_facts or now_ns < waiting.deadline_ns:
            return None
        allowed = f"within {self._settings.facts_deadline_ms} ms"
        return refusal("token_facts_deadline", seen="mint account not read", allowed=allowed)

    def _settle(self, address: Pubkey, waiting: _Waiting, refused: Refusal | None, now_ns: int) -> list[Verdict]:
        """Return the verdict on a waiting launch and let it go, or nothing while it still waits."""
        if refused is None and (waiting.wants_facts or self._opens_ns(waiting.launch) > now_ns):
            return []
        del self._waiting[address]
        return [Verdict(waiting.launch, refused or self._filters.age(waiting.launch, now_ns), waited=True)]
