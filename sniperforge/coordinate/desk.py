"""The desk: decides about money and remembers it. Touches neither disk, chain nor clock.

OrderProposed -> Ticket (what to build) or OrderRefused
an order's end -> OrderLanded | OrderFailed | OrderExpired folded into positions

The shell (`service`) writes, signs and sends what is decided here, and tells
back what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sniperforge.base.events import (
    WRITE_OFF,
    CurveCompleted,
    Event,
    HaltChanged,
    LiquidityChanged,
    OrderExpired,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    OrderRefused,
    OrderSent,
    OrderSigned,
    Pool,
    PositionChanged,
    Swapped,
    event_id,
)
from sniperforge.base.units import BPS_ONE, Pubkey, slippage_min
from sniperforge.coordinate.builder import Terms
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.dex.programs import WSOL
from sniperforge.dex.venue import EmptyPool, Venue
from sniperforge.trading.book import Book, wallet_change
from sniperforge.trading.risk import Cost, Exposure, Hold, Refusal, cost, refuse_entry, refuse_exit

#: Ends of orders kept in memory to answer a repeated intent at once; older ones are asked of the journal.
ENDED_KEPT = 4_096


#: Burning and closing; a Token-2022 account with every extension stays below half of it.
WRITE_OFF_UNITS = 20_000
#: How the token programs say that an account cannot be closed: a stranger sent coins to it (11), or a
#: Token-2022 coin keeps transfer fees there (35). Neither may keep us from selling: the next try leaves it open.
UNCLOSABLE = ("Custom 11]", "Custom 35]")


class Ticket(NamedTuple):
    """An admitted order: what to build, and what it costs at most to send."""

    terms: Terms
    costs: Cost
    spend_lamports: int


class Desk:
    """All decisions of one wallet's coordinator."""

    def __init__(self, settings: CoordinateSettings, venues: Mapping[str, Venue], *, can_tip: bool) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.book = Book()
        self.exposure = Exposure()
        self.pools: dict[Pubkey, Pool] = {}
        self.open_orders: dict[int, Order] = {}
        self._venues = venues
        self._can_tip = can_tip
        self._known: set[int] = set()
        self._ended: dict[int, Order] = {}
        self._exits: set[int] = set()
        self._unclosable: set[int] = set()
        self._entries: dict[int, Order] = {}
        #: venue -> (why its entries are refused, whether its exits are allowed).
        self.halted_venues: dict[str, tuple[str, bool]] = {}
        #: Grows with every change of what the wallet should hold.
        self.fold_count = 0

    # ── deciding ──

    def knows(self, order_id: int) -> bool:
        """Return whether this order was decided before, in this life or an earlier one."""
        return order_id in self._known

    def remembered(self, order_id: int) -> Order | None:
        """Return a known order that is still in memory."""
        return self.open_orders.get(order_id) or self._ended.get(order_id)

    def decide(self, intent: OrderProposed, now_ns: int) -> Ticket | Refusal:
        """Return what to build for *intent*, or which limit says no. Changes nothing."""
        pool = intent.pool
        if pool.venue not in self._venues:
            return Refusal("risk.venue_unknown", 1, 0)
        if halt := self.halted_venues.get(pool.venue):
            reason, exits_allowed = halt
            if intent.side == "buy" or not exits_allowed:
                return Refusal("risk.venue_halted", 1, 0, reason)
        if pool.quote_mint != WSOL:
            # Limits, fees and PnL are in lamports: nothing else is spent or received.
            return Refusal("risk.quote_mint", 1, 0)
        if intent.side == "buy":
            return self._decide_entry(intent, now_ns)
        if intent.side == "sell":
            return self._decide_exit(intent)
        return Refusal("risk.side", 1, 0)

    def _decide_entry(self, intent: OrderProposed, now_ns: int) -> Ticket | Refusal:
        units = self.settings.compute_units_buy or self._venues[intent.pool.venue].compute_units(True)
        price, tip = intent.priority_fee_micro_lamports, intent.tip_lamports
        if price < 0 or tip < 0:
            return Refusal("risk.fees_min", min(price, tip), 0)
        if tip and not self._can_tip:
            return Refusal("risk.tip_account", tip, 0)
        costs = cost(compute_units=units, price_micro_lamports=price, tip_lamports=tip)
        refusal = refuse_entry(intent, costs, self.limits, self.exposure, now_ns)
        if refusal is not None:
            return refusal
        terms = self._terms(intent, units, price, tip, closes=False)
        return (
            terms if isinstance(terms, Refusal) else Ticket(terms, costs, intent.amount_in + costs.fee_lamports + tip)
        )

    def _decide_exit(self, intent: OrderProposed) -> Ticket | Refusal:
        position = self.book.positions.get(intent.position_id)
        held = position.base_amount if position and position.bot == intent.bot else 0
        in_flight = int(intent.position_id in self._exits)
        if refusal := refuse_exit(intent, held=held, in_flight=in_flight, exposure=self.exposure):
            return refusal
        writes_off = intent.reason == WRITE_OFF
        if writes_off and (refusal := self._refuse_write_off(intent, held)):
            return refusal
        units = self.settings.compute_units_sell or self._venues[intent.pool.venue].compute_units(False)
        if writes_off:
            units = WRITE_OFF_UNITS
        # An exit is never refused for its price: what is beyond the cap is cut off.
        price = min(max(intent.priority_fee_micro_lamports, 0), self.limits.price_micro_lamports_max)
        tip = min(max(intent.tip_lamports, 0), self.limits.tip_lamports_max) if self._can_tip else 0
        closes = intent.amount_in == held and intent.position_id not in self._unclosable
        if writes_off:
            terms: Terms | Refusal = Terms(False, held, 0, price, units, tip, closes_account=closes, writes_off=True)
        else:
            terms = self._terms(intent, units, price, tip, closes=closes)
        costs = cost(compute_units=units, price_micro_lamports=price, tip_lamports=tip)
        return terms if isinstance(terms, Refusal) else Ticket(terms, costs, costs.total)

    def _refuse_write_off(self, intent: OrderProposed, held: int) -> Refusal | None:
        """Nothing is burned but a whole holding for which its pool pays nothing."""
        if intent.amount_in != held:
            return Refusal("risk.write_off", intent.amount_in, held)
        try:
            quote = self._venues[intent.pool.venue].quote_in(intent.pool, held, is_buy=False)
        except EmptyPool:
            return None
        return Refusal("risk.write_off_value", quote.amount_out, 0) if quote.amount_out else None

    def _terms(self, intent: OrderProposed, units: int, price: int, tip: int, *, closes: bool) -> Terms | Refusal:
        is_buy = intent.side == "buy"
        amount_out_min = intent.amount_out_min
        if amount_out_min < 0:
            return Refusal("risk.amount_out_min", amount_out_min, 0)
        if amount_out_min == 0:
            try:
                quote = self._venues[intent.pool.venue].quote_in(intent.pool, intent.amount_in, is_buy=is_buy)
            except EmptyPool:
                return Refusal("quote.empty_pool", intent.amount_in, 0)
            slippage_bps = min(max(intent.slippage_bps, 0), BPS_ONE)
            amount_out_min = slippage_min(quote.amount_out, slippage_bps)
            if is_buy and quote.amount_out <= 0:
                return Refusal("quote.amount_out_min", quote.amount_out, 1)
        exact_out = is_buy and self.settings.buy_exact_out
        return Terms(is_buy, intent.amount_in, amount_out_min, price, units, tip, closes, exact_out)

    def halt(self, event: HaltChanged) -> None:
        """Refuse from now on what *event* halts, or no longer."""
        if not event.venue:
            self.exposure.halted, self.exposure.exits_allowed = event.halted, event.exits_allowed
        elif event.halted:
            self.halted_venues[event.venue] = (event.reason, event.exits_allowed)
        else:
            self.halted_venues.pop(event.venue, None)

    # ── remembering ──

    def refused(self, order: Order) -> None:
        """Remember a refusal, so that the same intent gets the same answer."""
        self._known.add(order.id)
        self._keep(order)

    def accepted(self, order: Order, spend_lamports: int) -> None:
        """Remember an order that was signed: it binds money and claims until its end."""
        intent = order.intent
        self.fold_count += 1
        self._known.add(order.id)
        self.open_orders[order.id] = order
        newest = self.pools.get(intent.pool.address)
        if newest is None or newest.slot <= intent.pool.slot:
            self.pools[intent.pool.address] = intent.pool
        if intent.side == "buy":
            self._entries[order.id] = order
            pool = intent.pool
            hold = Hold(pool.address, intent.bot, intent.creator, pool.venue, spend_lamports)
            self.exposure.hold(order.id, hold, order.signed_ns)
            self.exposure.wallet_lamports -= spend_lamports
        else:
            self._exits.add(intent.position_id)

    def ended(self, order: Order, outcome: Event) -> tuple[list[Event], Order | None]:
        """Fold the end of an order in.

        Returns:
            what to publish after the outcome itself, and the entry whose claim
            the journal has to free, if a position closed by it.
        """
        self.fold_count += 1
        self.open_orders.pop(order.id, None)
        self._keep(order)
        intent, spend = order.intent, self._spend(order)
        if intent.side == "buy":
            self.exposure.wallet_lamports += spend
        else:
            self._exits.discard(intent.position_id)
        if isinstance(outcome, OrderLanded):
            return self._landed(order, outcome)
        told = self._failed(outcome) if isinstance(outcome, OrderFailed) else []
        if intent.side == "buy":
            self._let_go(order.id)
        return told, None

    def _landed(self, order: Order, fill: OrderLanded) -> tuple[list[Event], Order | None]:
        now_ns, intent = fill.ts_ns, order.intent
        self.exposure.wallet_lamports += wallet_change(fill)
        self.exposure.paid(fill.fee_lamports + fill.tip_lamports, now_ns)
        pool = self.pools.get(intent.pool.address, intent.pool)
        position = self.book.landed(fill, pool=pool, creator=intent.creator)
        changed = position.changed(ts_ns=now_ns, cause=order.id, reason=fill.reason)
        if position.is_open:
            return [changed], None
        self.exposure.closed(changed, now_ns)
        entry = self._entries.get(position.id)
        self._let_go(position.id)
        # A coin may be sold on another pool than it was bought on (graduation).
        self.pools.pop(intent.pool.address, None)
        return [changed], entry

    def _failed(self, failure: OrderFailed) -> list[Event]:
        """Fold a failure in; a position that paid for it is told, so that a reader's sums are ours at any time."""
        self.exposure.wallet_lamports -= failure.fee_lamports
        self.exposure.paid(failure.fee_lamports, failure.ts_ns)
        if failure.side == "sell" and failure.problem.endswith(UNCLOSABLE):
            self._unclosable.add(failure.position_id)
        position = self.book.failed(failure)
        if position is None:
            self.exposure.realised(-failure.fee_lamports, failure.ts_ns)
            return []
        return [position.changed(ts_ns=failure.ts_ns, cause=failure.order_id)]

    def _let_go(self, entry_id: int) -> None:
        self.exposure.release(entry_id)
        entry = self._entries.pop(entry_id, None)
        if entry is not None:
            self.pools.pop(entry.intent.pool.address, None)
        self._unclosable.discard(entry_id)

    def bound_in_flight(self) -> int:
        """Return what entries in flight may still take from the wallet."""
        return sum(self._spend(order) for order in self.open_orders.values() if order.intent.side == "buy")

    def _spend(self, order: Order) -> int:
        return order.intent.amount_in + order.cost_lamports if order.intent.side == "buy" else order.cost_lamports

    def _keep(self, order: Order) -> None:
        self._ended[order.id] = order
        if len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def restore(self, orders: Iterable[Order]) -> list[Order]:
        """Rebuild everything from the journal; return closed entries that still hold a claim.

        Ends are folded in the order in which they happened.
        """
        ends: list[tuple[int, Order, Event]] = []
        for order in orders:
            if order.state == "refused":
                self.refused(order)
                continue
            self.accepted(order, self._spend(order))
            if order.outcome is not None:
                told = order.outcome
                ends.append((told.ts_ns, order, told))
        ends.sort(key=lambda end: end[0])
        stale = []
        for _, order, outcome in ends:
            _, closed = self.ended(order, outcome)
            if closed is not None and closed.claimed:
                stale.append(closed)
        return stale

    # ── telling ──

    def positions(self, bot: str | None, now_ns: int) -> list[PositionChanged]:
        """Return the open positions (of *bot*) as after a restart, with the newest pools."""
        told = []
        for position in self.book.open(bot):
            position.pool = self.pools.get(position.pool.address, position.pool)
            told.append(position.changed(ts_ns=now_ns, recovered=True, reason="recovered"))
        return told

    def closed_since(self, since_ns: int, now_ns: int) -> list[PositionChanged]:
        """Return positions whose last order ended after *since_ns* and that are closed."""
        ids = {order.intent.position_id for order in self.recent(since_ns) if isinstance(order.outcome, OrderLanded)}
        positions = [self.book.positions[number] for number in sorted(ids)]
        return [p.changed(ts_ns=now_ns, recovered=True, reason="recovered") for p in positions if not p.is_open]

    def recent(self, since_ns: int) -> list[Order]:
        """Return the ended orders in memory whose end is younger than *since_ns*."""
        return [o for o in self._ended.values() if o.outcome is not None and o.outcome.ts_ns >= since_ns]

    def answer(self, order: Order, now_ns: int) -> Event:
        """Return what a repeated intent is told: its end, or that it is on its way."""
        if order.outcome is not None:
            return order.outcome
        return self.sent(order, now_ns)

    def signed(self, order: Order, now_ns: int) -> OrderSigned:
        """Return the event that says the order is journaled and signed."""
        intent = order.intent
        return OrderSigned(
            id=event_id("signed", order.id),
            ts_ns=now_ns,
            origin_ns=intent.origin_ns,
            trace_id=intent.trace_id,
            cause=order.id,
            order_id=order.id,
            bot=intent.bot,
            signature=order.signature,
            size_bytes=len(order.raw),
            position_id=intent.position_id,
            side=intent.side,
        )

    def sent(self, order: Order, now_ns: int) -> OrderSent:
        """Return the event that says the bytes left."""
        intent = order.intent
        return OrderSent(
            id=event_id("sent", order.signature),
            ts_ns=now_ns,
            origin_ns=intent.origin_ns,
            trace_id=intent.trace_id,
            cause=order.id,
            order_id=order.id,
            bot=intent.bot,
            signature=order.signature,
            lane=self.settings.lane if self.settings.execution == "rpc" else "paper",
            position_id=intent.position_id,
            side=intent.side,
        )

    def refusal(self, intent: OrderProposed, refusal: Refusal, now_ns: int) -> OrderRefused:
        """Return the event that says which limit refused *intent*."""
        return OrderRefused(
            id=event_id("refused", intent.id),
            ts_ns=now_ns,
            origin_ns=intent.origin_ns,
            trace_id=intent.trace_id,
            cause=intent.id,
            order_id=intent.id,
            bot=intent.bot,
            pool=intent.pool.address,
            limit=refusal.limit,
            asked=refusal.asked,
            allowed=refusal.allowed,
            position_id=intent.position_id,
            side=intent.side,
            detail=refusal.detail,
        )

    def expired(self, order: Order, now_ns: int) -> OrderExpired:
        """Return the event that says *order* never landed and never will."""
        intent = order.intent
        return OrderExpired(
            id=event_id("expired", order.id),
            ts_ns=now_ns,
            origin_ns=intent.origin_ns,
            trace_id=intent.trace_id,
            cause=order.id,
            order_id=order.id,
            bot=intent.bot,
            pool=intent.pool.address,
            side=intent.side,
            signature=order.signature,
            position_id=intent.position_id,
        )

    def failed(self, order: Order, problem: str, fee_lamports: int, now_ns: int, *, retryable: bool) -> OrderFailed:
        """Return the event that says *order* is in a block and reverted."""
        intent = order.intent
        return OrderFailed(
            id=event_id("failed", order.id),
            ts_ns=now_ns,
            origin_ns=intent.origin_ns,
            trace_id=intent.trace_id,
            cause=order.id,
            order_id=order.id,
            bot=intent.bot,
            pool=intent.pool.address,
            side=intent.side,
            problem=problem,
            retryable=retryable,
            fee_lamports=fee_lamports,
            signature=order.signature,
            position_id=intent.position_id,
        )

    def market(self, event: Event) -> None:
        """Keep the reserves of the pools we hold or trade now at their newest."""
        if isinstance(event, Swapped | LiquidityChanged | CurveCompleted):
            pool = self.pools.get(event.pool)
            if pool is not None:
                self.pools[event.pool] = self._venues[pool.venue].apply(pool, event)
