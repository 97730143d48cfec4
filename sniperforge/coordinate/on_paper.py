"""Execution on paper: the same orders, journal and signatures, a chain that is arithmetic.

signed order -> PaperChain -> landed | failed | expired, when due
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sniperforge.base.events import OrderLanded, OrderProposed, event_id
from sniperforge.base.units import Pubkey
from sniperforge.chain.paper import PaperChain, PaperResult, PaperTrade
from sniperforge.coordinate.desk import Desk, Ticket
from sniperforge.coordinate.execution import Ends
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.settings import PaperSettings
from sniperforge.dex.venue import Venue
from sniperforge.trading.risk import Refusal

_FOREVER_NS = 1 << 62
#: Expiry on paper is the paper chain's word, not a height.
_LAST_VALID = 1 << 40


class PaperExecution:
    """Executes on a paper chain whose wallet continues from what the journal says.

    Args:
        desk: already restored.
        ends: who is told.
    """

    def __init__(self, settings: PaperSettings, venues: Mapping[str, Venue], desk: Desk, ends: Ends) -> None:
        self._desk, self._ends = desk, ends
        self._chain = PaperChain(
            venues=venues,
            newest=desk.pools.get,
            wallet_lamports=settings.wallet_lamports,
            latency_ms=settings.latency_ms,
            landing_bps=settings.landing_bps,
            expiry_ms=settings.expiry_ms,
            account_rent_lamports=settings.account_rent_lamports,
            seed=settings.seed,
        )
        held: dict[Pubkey, int] = {}
        for position in desk.book.open():
            mint = position.pool.base_mint
            held[mint] = held.get(mint, 0) + position.base_amount
        balance = settings.wallet_lamports + desk.book.pnl_lamports
        self._chain.restore(balance, held)
        desk.exposure.wallet_lamports = balance - desk.bound_in_flight()

    def blockhash(self, intent: OrderProposed, now_ns: int) -> tuple[bytes, int] | Refusal:
        """Return a blockhash of the order's own: equal orders stay two transactions."""
        return hashlib.blake2b(f"paper {intent.id}".encode(), digest_size=32).digest(), _LAST_VALID

    def submit(self, order: Order, ticket: Ticket, now_ns: int) -> None:
        """Put the order into the paper chain's future."""
        terms, costs = ticket.terms, ticket.costs
        trade = PaperTrade(
            order_id=order.id,
            is_buy=terms.is_buy,
            pool=order.intent.pool,
            amount_in=terms.amount_in,
            amount_out_min=terms.amount_out_min,
            fee_lamports=costs.fee_lamports,
            tip_lamports=costs.tip_lamports,
            closes_account=terms.closes_account,
            burns=terms.writes_off,
        )
        self._chain.submit(trade, now_ns)

    def advance(self, now_ns: int) -> None:
        """Report everything that ended by *now_ns*."""
        due = self._chain.next_due_ns
        if due is not None and due <= now_ns:
            self._report(self._chain.due(now_ns))

    def settle_all(self, now_ns: int) -> None:
        """Decide everything pending against the pools as known now."""
        self._report([result._replace(landed_ns=now_ns) for result in self._chain.due(_FOREVER_NS)])

    async def start(self, now_ns: int) -> None:
        """What was undecided when we died never landed: the paper chain lives in memory."""
        for order in list(self._desk.open_orders.values()):
            self._ends.expired(order, now_ns)

    async def stop(self) -> None:
        """Nothing to close."""

    def stats(self) -> dict[str, int]:
        """Return what is pending and what the paper wallet holds."""
        return {"paper_pending": self._chain.pending, "paper_wallet_lamports": self._chain.wallet_lamports}

    def _report(self, results: list[PaperResult]) -> None:
        for result in results:
            order = self._desk.open_orders[result.order_id]
            if result.end == "landed":
                self._ends.landed(order, _fill(order, result))
            elif result.end == "failed":
                self._ends.failed(order, result.problem, result.fee_lamports, result.landed_ns)
            else:
                self._ends.expired(order, result.landed_ns)


def _fill(order: Order, result: PaperResult) -> OrderLanded:
    intent = order.intent
    return OrderLanded(
        id=event_id("landed", order.id),
        ts_ns=result.landed_ns,
        origin_ns=intent.origin_ns,
        trace_id=intent.trace_id,
        cause=order.id,
        order_id=order.id,
        bot=intent.bot,
        pool=intent.pool.address,
        base_mint=intent.pool.base_mint,
        side=intent.side,
        signature=order.signature,
        slot=result.slot,
        base_amount=result.base_amount,
        quote_amount=result.quote_amount,
        fee_lamports=result.fee_lamports,
        tip_lamports=result.tip_lamports,
        rent_lamports=result.rent_lamports,
        commitment="confirmed",
        position_id=intent.position_id,
        reason=intent.reason,
    )
