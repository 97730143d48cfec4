"""Fills for a bot nobody tells of fills: in a pipe without a way back, orders fill as quoted.

OrderProposed -> OrderLanded, PositionChanged

`snipe | coordinate` is a one-way street: the bot would never learn that it holds
something and its exits would never fire. Without `--fills` its orders are assumed
to fill at the quote of the pool they were proposed with, at once and without
fees of the chain. What really happened is what `coordinate` prints.
"""

from __future__ import annotations

from collections.abc import Mapping

from sniperforge.base.events import Event, OrderLanded, OrderProposed, Pool, PositionChanged, event_id
from sniperforge.dex.venue import EmptyPool, Quote, Venue


class AssumedFills:
    """Positions as they would be if every order filled as quoted."""

    def __init__(self, venues: Mapping[str, Venue]) -> None:
        self._venues = venues
        self._open: dict[int, PositionChanged] = {}

    def on(self, order: OrderProposed, now_ns: int) -> list[Event]:
        """Return the fill and the position that follow from *order*."""
        is_buy = order.side == "buy"
        try:
            quote = self._venues[order.pool.venue].quote_in(order.pool, order.amount_in, is_buy=is_buy)
        except EmptyPool:
            quote = Quote(order.amount_in, 0, 0, 0)
        position = self._bought(order, quote, now_ns) if is_buy else self._sold(order, quote, now_ns)
        if position is None:
            return []
        base, paid = (quote.amount_out, order.amount_in) if is_buy else (order.amount_in, quote.amount_out)
        landed = OrderLanded(
            id=event_id("assumed", order.id),
            ts_ns=now_ns,
            origin_ns=order.origin_ns,
            trace_id=order.trace_id,
            cause=order.id,
            order_id=order.id,
            bot=order.bot,
            pool=order.pool.address,
            base_mint=order.pool.base_mint,
            side=order.side,
            signature="",
            slot=order.pool.slot,
            base_amount=base,
            quote_amount=paid,
            fee_lamports=0,
            tip_lamports=0,
            rent_lamports=0,
            commitment="processed",
            position_id=position.position_id,
            reason=order.reason,
        )
        return [landed, position]

    def _bought(self, order: OrderProposed, quote: Quote, now_ns: int) -> PositionChanged | None:
        if order.id in self._open:
            return None
        held = self._position(order, order.pool, order.id, quote.amount_out, order.amount_in, 0, now_ns)
        self._open[order.id] = held
        return held

    def _sold(self, order: OrderProposed, quote: Quote, now_ns: int) -> PositionChanged | None:
        held = self._open.get(order.position_id)
        if held is None:
            return None
        left = max(0, held.base_amount - order.amount_in)
        received = held.received_lamports + quote.amount_out
        now = self._position(order, order.pool, order.position_id, left, held.spent_lamports, received, held.opened_ns)
        if left:
            self._open[order.position_id] = now
        else:
            del self._open[order.position_id]
        return now

    def _position(
        self, order: OrderProposed, pool: Pool, position_id: int, base: int, spent: int, received: int, opened_ns: int
    ) -> PositionChanged:
        first = self._open.get(position_id)
        return PositionChanged(
            id=event_id("assumed-position", order.id),
            ts_ns=order.ts_ns,
            origin_ns=order.origin_ns,
            trace_id=order.trace_id,
            cause=order.id,
            position_id=position_id,
            bot=order.bot,
            pool=pool,
            state="open" if base else "closed",
            base_amount=base,
            spent_lamports=spent,
            received_lamports=received,
            entry_quote=first.entry_quote if first else spent,
            entry_base=first.entry_base if first else base,
            opened_ns=opened_ns,
            creator=order.creator,
            reason=order.reason,
        )
