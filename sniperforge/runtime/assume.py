"""Fills for a bot nobody tells of fills: in a pipe without a way back, orders end as they would on paper.

OrderProposed, market -> OrderSent | OrderRefused, OrderLanded | OrderFailed | OrderExpired, PositionChanged

`snipe | coordinate` is a one-way street: the bot would never learn that it holds
something and its exits would never fire. Without `--fills` it is told what the same
desk and the same paper chain say here, with the same dice, about the same messages:
a `coordinate --venue paper` behind it with the same settings comes to the same ends.
What really happened is what `coordinate` prints.
"""

from __future__ import annotations

from collections.abc import Mapping

from sniperforge.base.events import Event, OrderLanded, OrderProposed
from sniperforge.coordinate.desk import Desk, Ticket
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.on_paper import PaperExecution
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.dex.venue import Venue


class AssumedFills:
    """A coordinator on paper in memory: no journal, no key, no signature.

    Args:
        venues: every venue by name.
        settings: limits and paper chain, as the coordinator further down has them.
    """

    def __init__(self, venues: Mapping[str, Venue], settings: CoordinateSettings | None = None) -> None:
        settings = settings or CoordinateSettings()
        self._desk = Desk(settings, venues, can_tip=bool(settings.tip_accounts))
        self._paper = PaperExecution(settings.paper, venues, self._desk, self)
        self._told: list[Event] = []

    def on(self, event: Event, now_ns: int) -> list[Event]:
        """Return what has ended by now, then what an order is answered."""
        self._paper.advance(now_ns)
        if isinstance(event, OrderProposed):
            self._propose(event, now_ns)
        else:
            self._desk.market(event)
        return self._taken()

    def due(self, now_ns: int) -> list[Event]:
        """Return what has ended by now."""
        self._paper.advance(now_ns)
        return self._taken()

    def _taken(self) -> list[Event]:
        told, self._told = self._told, []
        return told

    def _propose(self, intent: OrderProposed, now_ns: int) -> None:
        known = self._desk.remembered(intent.id)
        if known is not None:
            self._told.append(known.outcome or self._desk.sent(known, now_ns))
            return
        ticket = self._desk.decide(intent, now_ns)
        if not isinstance(ticket, Ticket):
            refused = self._desk.refusal(intent, ticket, now_ns)
            self._desk.refused(Order(intent.id, intent, "refused", signed_ns=now_ns, outcome=refused))
            self._told.append(refused)
            return
        order = Order(intent.id, intent, "sent", cost_lamports=ticket.costs.total, signed_ns=now_ns)
        self._desk.accepted(order, ticket.spend_lamports)
        self._paper.submit(order, ticket, now_ns)
        self._told.append(self._desk.sent(order, now_ns))

    # ── what the paper chain says ─────────────────────────────────────────

    def landed(self, order: Order, fill: OrderLanded) -> None:
        """See `sniperforge.coordinate.execution.Ends`."""
        self._end(order, "confirmed", fill)

    def failed(self, order: Order, problem: str, fee_lamports: int, now_ns: int) -> None:
        """See `sniperforge.coordinate.execution.Ends`."""
        retryable = problem != "insufficient lamports"
        self._end(order, "failed", self._desk.failed(order, problem, fee_lamports, now_ns, retryable=retryable))

    def expired(self, order: Order, now_ns: int) -> None:
        """See `sniperforge.coordinate.execution.Ends`."""
        self._end(order, "expired", self._desk.expired(order, now_ns))

    def noticed(self, order: Order, state: str, now_ns: int) -> None:
        """See `sniperforge.coordinate.execution.Ends`; on paper there is nothing on the way."""

    def publish(self, event: Event) -> None:
        """See `sniperforge.coordinate.execution.Ends`."""
        self._told.append(event)

    def _end(self, order: Order, state: str, outcome: Event) -> None:
        order.state, order.outcome = state, outcome
        told, _ = self._desk.ended(order, outcome)
        self._told += [outcome, *told]
