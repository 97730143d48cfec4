"""The judge: launches in, verdicts out, and a bounded room for those that must wait.

PoolCreated                   -> passed | refused by name | waits (for its mint, for other facts, for its opening)
TokenInspected, facts, now    -> verdicts of those that waited

A launch waits when its mint account decides and has not been read, when what is
required of it is not decided yet, or when it opens later. What waits too long is
refused by name; nothing is dropped in silence.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from heapq import heappop, heappush

import msgspec

from sniperforge.base.events import Event, FactsWanted, Pool, PoolCreated, TokenInspected, TokenWanted
from sniperforge.base.units import Pubkey
from sniperforge.trading.conditions import parse
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
from sniperforge.trading.required import FILTER, Quoter, Required, no_quote

FACTS_KEPT_MAX = 4_096
#: Openings that are met to the millisecond; those beyond are met by the next regular tick.
OPENINGS_MAX = 4_096
#: The word for a mint account among what an expression wants to know.
MINT = "mint"


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What became of a launch: refused when there is a refusal, waiting when it says so, else passed.

    `wants_token`: its mint account shall be read; `wants`: words of `FactsWanted`, to be asked for.
    `waited`: the verdict came later than the launch, on purpose.
    """

    launch: PoolCreated
    refusal: Refusal | None = None
    waits: bool = False
    wants_token: bool = False
    waited: bool = False
    wants: tuple[str, ...] = ()


def questions(verdict: Verdict, now_ns: int, quote_amount: int) -> list[Event]:
    """Return the commands that get a launch which waits what it waits for; none for one that only opens later.

    *quote_amount* is the size of a buy, for facts that depend on it; 0: a small one.
    """
    launch = verdict.launch
    header = {"ts_ns": now_ns, "origin_ns": launch.origin_ns, "trace_id": launch.trace_id, "cause": launch.id}
    asked: list[Event] = []
    if verdict.wants_token:
        asked.append(TokenWanted(**header, mint=launch.pool.base_mint))
    if verdict.wants:
        pool, creator = launch.pool, launch.creator
        wanted = FactsWanted(**header, pool=pool, creator=creator, facts=verdict.wants, quote_amount=quote_amount)
        asked.append(wanted)
    return asked


@dataclass(slots=True)
class _Waiting:
    launch: PoolCreated
    wants_facts: bool
    deadline_ns: int
    undecided: bool = False


class Judge:
    """Runs the filters over launches as they and the facts about them arrive.

    Args:
        settings: the filters.
        venues: names of all venues of this build.
        waiting_max: how many launches may wait; `seen_max`: how many pools are remembered as judged.
        quote: what a buy of our size gives in a pool.
        required: that of another judge with the same settings, to be shared with what it was told.

    Attributes:
        required: the expression of the settings; None where there is none.
    """

    def __init__(
        self,
        settings: FilterSettings,
        venues: frozenset[str],
        *,
        waiting_max: int = 1_024,
        seen_max: int = 65_536,
        quote: Quoter = no_quote,
        required: Required | None = None,
    ) -> None:
        self._settings = settings
        self._filters = Filters(settings, venues)
        self.required = required
        if required is None and (node := parse(settings.require, FILTER)[0]) is not None:
            self.required = Required(node, quote, settings.facts_deadline_ms)
        self._waiting_max, self._seen_max = waiting_max, seen_max
        self._seen: OrderedDict[Pubkey, None] = OrderedDict()
        self._facts: OrderedDict[Pubkey, TokenFacts] = OrderedDict()
        self._waiting: OrderedDict[Pubkey, _Waiting] = OrderedDict()
        self._openings: list[int] = []  # a heap of times; what was settled before its time stays until then

    @property
    def due_ns(self) -> int:
        """When the next pool opens that is waited for: `tick` is worth calling then; 0: nothing is waited for."""
        return self._openings[0] if self._openings else 0

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
        if self.required is not None:
            return self._required(launch, now_ns, wants_facts=wants_facts)
        if not wants_facts and not (launch.open_time and self._opens_ns(launch) > now_ns):
            return Verdict(launch)
        return self._wait(launch, now_ns, wants_facts=wants_facts)

    def _required(self, launch: PoolCreated, now_ns: int, *, wants_facts: bool) -> Verdict:
        """Return the verdict on a launch that nothing else refuses, by what is required of it."""
        assert self.required is not None
        refused, undecided, wanted = self.required.ask(launch, launch.pool, now_ns)
        if refused is not None:
            return Verdict(launch, refused)
        if not (wants_facts or undecided or self._opens_ns(launch) > now_ns):
            return Verdict(launch)
        verdict = self._wait(launch, now_ns, wants_facts=wants_facts)
        if verdict.refusal is not None:
            return verdict
        self._waiting[launch.pool.address].undecided = undecided
        chain = tuple(word for word in wanted if word != MINT)
        return msgspec.structs.replace(verdict, wants_token=wants_facts or MINT in wanted, wants=chain)

    def _wait(self, launch: PoolCreated, now_ns: int, *, wants_facts: bool) -> Verdict:
        """Return the verdict that *launch* waits, or that there is no room for it."""
        if len(self._waiting) >= self._waiting_max:
            return Verdict(launch, refusal("waiting_max", seen=len(self._waiting), allowed=self._waiting_max))
        deadline_ns = now_ns + self._settings.facts_deadline_ms * NANOS_PER_MS
        self._waiting[launch.pool.address] = _Waiting(launch, wants_facts, deadline_ns)
        opens = self._opens_ns(launch)
        if opens > now_ns and len(self._openings) < OPENINGS_MAX:
            heappush(self._openings, opens)
        return Verdict(launch, waits=True, wants_token=wants_facts)

    def against(self, launch: PoolCreated, now_ns: int) -> list[Refusal]:
        """Return every setting that speaks against *launch* and its mint; `launch` stops at the first."""
        facts = facts_of_program(launch.pool) or self._facts.get(launch.pool.base_mint)
        refused = self._filters.check_facts(facts) if facts is not None else None
        return [*self._filters.against(launch, now_ns), *([refused] if refused is not None else [])]

    def reserves(self, pool: Pool) -> Refusal | None:
        """Return why the newest reserves of a pool are not enough: they may have changed while it waited."""
        return self._filters.reserves(pool)

    def again(self, launch: PoolCreated, pool: Pool, now_ns: int) -> Refusal | None:
        """Return what stands against *launch* at the newest state of its pool; see `reserves`."""
        refused = self._filters.reserves(pool)
        if refused is not None or self.required is None:
            return refused
        return self.required.last(launch, pool, now_ns)

    def told(self, event: Event, now_ns: int) -> list[Verdict]:
        """Return the verdicts that a fact completes: of a mint account, or of what the expression asks for."""
        about = self.required.hear(event) if self.required is not None else None
        verdicts = self.token(event, now_ns) if isinstance(event, TokenInspected) else []
        if about is None:
            return verdicts
        for address, waiting in list(self._waiting.items()):
            launch = waiting.launch
            if waiting.undecided and about in (address, launch.pool.base_mint, launch.creator):
                verdicts += self._asked_again(address, waiting, now_ns)
        return verdicts

    def _asked_again(self, address: Pubkey, waiting: _Waiting, now_ns: int) -> list[Verdict]:
        """Return the verdict on a launch that waits for facts, now that one more is known."""
        assert self.required is not None
        refused = self._expired(waiting, now_ns)
        if refused is None:
            refused, waiting.undecided, _wanted = self.required.ask(waiting.launch, waiting.launch.pool, now_ns)
        return self._settle(address, waiting, refused, now_ns)

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
        while self._openings and self._openings[0] <= now_ns:
            heappop(self._openings)
        verdicts: list[Verdict] = []
        for address, waiting in list(self._waiting.items()):
            verdicts += self._settle(address, waiting, self._expired(waiting, now_ns), now_ns)
        return verdicts

    def _opens_ns(self, launch: PoolCreated) -> int:
        return opens_ns(launch, self._settings.open_margin_ms)

    def _expired(self, waiting: _Waiting, now_ns: int) -> Refusal | None:
        """Return the refusal of a launch whose facts came too late; time itself may have decided meanwhile."""
        if not (waiting.wants_facts or waiting.undecided) or now_ns < waiting.deadline_ns:
            return None
        if waiting.wants_facts:
            allowed = f"within {self._settings.facts_deadline_ms} ms"
            return refusal("token_facts_deadline", seen="mint account not read", allowed=allowed)
        assert self.required is not None
        waiting.undecided = False
        return self.required.last(waiting.launch, waiting.launch.pool, now_ns)

    def _settle(self, address: Pubkey, waiting: _Waiting, refused: Refusal | None, now_ns: int) -> list[Verdict]:
        """Return the verdict on a waiting launch and let it go, or nothing while it still waits."""
        launch = waiting.launch
        waits = waiting.wants_facts or waiting.undecided or self._opens_ns(launch) > now_ns
        if refused is None and waits:
            return []
        del self._waiting[address]
        refused = refused or self._filters.age(launch, now_ns)
        if refused is None and self.required is not None:
            refused = self.required.last(launch, launch.pool, now_ns)
        return [Verdict(launch, refused, waited=True)]
