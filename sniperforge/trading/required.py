"""What a bot requires of a launch: its expression, and what was told so far.

events about launches -> remembered, by whom they are about      (`hear`)
launch, pool, now     -> Answer: refused, waits and for what, or neither
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sniperforge.base.events import Event, Pool, PoolCreated
from sniperforge.base.units import Pubkey
from sniperforge.dex.venue import EmptyPool, Quote, Venue
from sniperforge.trading.conditions import Leaf, Node, Row, deciding, leaves, rows, unknown
from sniperforge.trading.facts import WANTED, Asked, Facts
from sniperforge.trading.refusal import Refusal

#: Pools, mints and creators whose facts are remembered.
TOLD_MAX = 4_096
#: Leaves a refusal names; of the others the number.
NAMED_MAX = 4
FILTER = "require"

Quoter = Callable[[Pool], Quote | None]


class Answer(NamedTuple):
    """What an expression says of a launch.

    Attributes:
        refusal: why not; None: nothing is against it so far.
        waits: it is not decided yet.
        wanted: what to ask for, so that it will be: "mint", or words of `FactsWanted`.
    """

    refusal: Refusal | None = None
    waits: bool = False
    wanted: tuple[str, ...] = ()


def no_quote(_pool: Pool) -> Quote | None:
    """Return nothing: whoever buys nothing has no size."""
    return None


def quoter(amount: int, venues: Mapping[str, Venue]) -> Quoter:
    """Return what asks a pool's venue for a buy of *amount* quote base units; None where it gives nothing."""

    def quote(pool: Pool) -> Quote | None:
        try:
            found = venues[pool.venue].quote_in(pool, amount, is_buy=True)
        except EmptyPool:
            return None
        assert isinstance(found, Quote)
        return found if found.amount_out > 0 else None

    return quote


class Required:
    """One bot's expression.

    Args:
        node: the expression.
        quote: what a buy of our size gives in a pool.
        deadline_ms: how long facts are waited for; for the words of a refusal.

    Attributes:
        kinds: the events that tell a fact it asks for.
    """

    def __init__(self, node: Node, quote: Quoter, deadline_ms: int) -> None:
        self._node, self._quote, self._deadline_ms = node, quote, deadline_ms
        self._asked = Asked(frozenset(leaf.name for leaf in leaves(node)))
        self._told: OrderedDict[Pubkey, Facts] = OrderedDict()
        self.kinds = self._asked.kinds

    def hear(self, event: Event) -> Pubkey | None:
        """Remember what *event* tells; return whom it is about: a pool, a mint or a creator; None: nothing was told."""
        about = self._asked.about(event)
        if about is None:
            return None
        self._asked.fold(self._told.setdefault(about, {}), event)
        self._told.move_to_end(about)
        if len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)
        return about

    def about(self, event: Event) -> Pubkey | None:
        """Return whom *event* tells what is asked for about; None: it tells none of it."""
        return self._asked.about(event)

    def ask(self, launch: PoolCreated, pool: Pool, now_ns: int) -> Answer:
        """Return what is to be said of *launch* now; *pool* is its newest state."""
        facts = self.facts(launch, pool, now_ns)
        truth = self._node.truth(facts)
        if truth is None:
            missing = (WANTED.get(leaf.name) for leaf in unknown(self._node, facts))
            return Answer(waits=True, wanted=tuple(dict.fromkeys(word for word in missing if word)))
        return Answer() if truth else Answer(self._refused(deciding(self._node, facts), facts))

    def last(self, launch: PoolCreated, pool: Pool, now_ns: int) -> Refusal | None:
        """Return why *launch* is refused now that nothing is waited for any more: unknown is a no."""
        facts = self.facts(launch, pool, now_ns)
        missing = next(unknown(self._node, facts), None)
        if missing is not None:
            within = f"known within {self._deadline_ms} ms"
            return Refusal(FILTER, {"leaf": missing.path, "seen": f"{missing.name} unknown", "allowed": within})
        return None if self._node.truth(facts) else self._refused(deciding(self._node, facts), facts)

    def facts(self, launch: PoolCreated, pool: Pool, now_ns: int) -> Facts:
        """Return all that is known of *launch* and asked for."""
        facts = self._asked.of(launch, pool, now_ns, self._quote)
        for about in (launch.creator, pool.base_mint, pool.address):
            facts |= self._told.get(about, {})
        return facts

    def rows(self, launch: PoolCreated, pool: Pool, now_ns: int) -> list[Row]:
        """Return the whole expression as a tree, with what is known of *launch*."""
        return list(rows(self._node, self.facts(launch, pool, now_ns)))

    def _refused(self, decided: Iterable[Leaf], facts: Facts) -> Refusal:
        """Return a refusal that names the leaves that decided, and what they saw."""
        found = list(decided)
        named, more = found[:NAMED_MAX], len(found) - NAMED_MAX
        rest = [f"and {more} more"] if more > 0 else []
        return Refusal(
            FILTER,
            {
                "leaf": "; ".join([*(leaf.path for leaf in named), *rest]),
                "seen": "; ".join([*(f"{leaf.name} {leaf.seen(facts)}" for leaf in named), *rest]),
                "allowed": "; ".join([*(_allowed(leaf, facts) for leaf in named), *rest]),
            },
        )


def _allowed(leaf: Leaf, facts: Facts) -> str:
    """Return what would have been let through: a leaf that refuses by being true stands below a `not`."""
    return f"not ({leaf.allowed()})" if leaf.truth(facts) else leaf.allowed()
