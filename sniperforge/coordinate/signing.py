"""Admitted orders into signed transactions, no two of them the same bytes.

intent + ticket + blockhash -> Order (signed, not written) | Refusal
"""

from __future__ import annotations

from collections import deque

from solders.signature import Signature

from sniperforge.base.events import OrderProposed
from sniperforge.base.units import ZERO_KEY
from sniperforge.chain.signer import Plan, Signer, SignRefused
from sniperforge.coordinate.builder import Builder, Terms
from sniperforge.coordinate.desk import Ticket
from sniperforge.coordinate.journal import Order
from sniperforge.trading.risk import Refusal
from sniperforge.trading.transaction import TransactionInvalid

_read, _text = Signature.from_bytes, Signature.__str__
#: Signatures remembered to keep two orders apart that would be the same bytes.
SIGNATURES_KEPT = 4_096


class Signing:
    """Builds and signs for one wallet.

    Args:
        kept: how many signatures are remembered.
    """

    def __init__(self, builder: Builder, signer: Signer, *, kept: int = SIGNATURES_KEPT) -> None:
        self._builder, self._signer, self._kept = builder, signer, kept
        self._young: deque[str] = deque()
        self._used: set[str] = set()

    def remember(self, order: Order, *, since_ns: int) -> None:
        """Take over an order of an earlier life; what was signed after *since_ns* counts into the signer's minute."""
        if order.signature:
            self._use(order.signature)
        if order.signed_ns > since_ns and order.state != "refused":
            is_exit = order.intent.side == "sell"
            spend = order.cost_lamports + (0 if is_exit else order.intent.amount_in)
            self._signer.remember(Plan(spend, is_exit), order.signed_ns)

    def sign(self, intent: OrderProposed, ticket: Ticket, anchor: tuple[bytes, int], now_ns: int) -> Order | Refusal:
        """Return the signed order, or what the signer or the size of a transaction has against it.

        Args:
            anchor: a blockhash and its last valid block height.
        """
        terms, (blockhash, last_valid) = ticket.terms, anchor
        plan = Plan(ticket.spend_lamports, not terms.is_buy, terms.writes_off)
        try:
            raw = self._signer.sign(self._builder.message(intent.pool, terms, blockhash), plan, now_ns)
            signature = _text(_read(raw[1:65]))
            while signature in self._used:
                # Equal bytes are one transaction: the chain would answer for the
                # older order. One micro-lamport makes it another. The signer's
                # minute has counted this order already.
                terms = terms._replace(price_micro_lamports=terms.price_micro_lamports + 1)
                plan = plan._replace(is_exit=True)
                raw = self._signer.sign(self._builder.message(intent.pool, terms, blockhash), plan, now_ns)
                signature = str(Signature.from_bytes(raw[1:65]))
        except SignRefused as refusal:
            return Refusal(f"signer.{refusal.rule}", plan.lamports, 0)
        except TransactionInvalid:
            return Refusal("transaction.size", 1, 0)
        self._use(signature)
        fee, tip = ticket.costs
        return Order(intent.id, intent, "signed", signature, raw, last_valid, fee + tip, now_ns, terms.is_buy)

    def rehearse(self, intent: OrderProposed, terms: Terms, now_ns: int) -> Order:
        """Return *intent* as an order signed with a key nobody has, under no blockhash; nothing is remembered.

        Raises:
            SignRefused, TransactionInvalid: as for a real one.
        """
        raw = self._signer.rehearse(self._builder.message(intent.pool, terms, ZERO_KEY), Plan(0, False))
        return Order(intent.id, intent, "signed", _text(_read(raw[1:65])), raw, 0, 0, now_ns, terms.is_buy)

    def _use(self, signature: str) -> None:
        self._young.append(signature)
        self._used.add(signature)
        if len(self._young) > self._kept:
            self._used.discard(self._young.popleft())
