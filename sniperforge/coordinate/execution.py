"""What executes signed orders: on paper or on a chain. The coordinator sees this and no more."""

from __future__ import annotations

from typing import Protocol

from sniperforge.base.events import Event, OrderLanded, OrderProposed
from sniperforge.coordinate.desk import Ticket
from sniperforge.coordinate.journal import Order
from sniperforge.trading.risk import Refusal


class Transport(Protocol):
    """Whatever takes signed bytes to a leader."""

    def send(self, signature: str, raw: bytes, now_ns: int) -> None:
        """Write the transaction out at once; never waits, never raises for a lost line."""


class Ends(Protocol):
    """Who is told how an order ended (the coordinator): it writes, folds and publishes."""

    def landed(self, order: Order, fill: OrderLanded) -> None:
        """The transaction succeeded; *fill* holds what it moved."""

    def failed(self, order: Order, problem: str, fee_lamports: int, now_ns: int) -> None:
        """The transaction is in a block and reverted."""

    def expired(self, order: Order, now_ns: int) -> None:
        """It is proven that the transaction never landed and never will."""

    def noticed(self, order: Order, state: str, now_ns: int) -> None:
        """The order is in a state on its way: processed, finalized."""

    def publish(self, event: Event) -> None:
        """Tell something else."""


class Execution(Protocol):
    """One way of executing."""

    def blockhash(self, intent: OrderProposed, now_ns: int) -> tuple[bytes, int] | Refusal:
        """Return the blockhash to sign with and its last valid block height, or why there is none."""

    def submit(self, order: Order, ticket: Ticket, now_ns: int) -> None:
        """Send a journaled order; never waits."""

    def advance(self, now_ns: int) -> None:
        """Report the ends that are due by *now_ns*; cheap when there are none."""

    def settle_all(self, now_ns: int) -> None:
        """Decide at once whatever can be decided without the world (a drain)."""

    async def start(self, now_ns: int) -> None:
        """Connect, and learn what became of the orders the journal has in flight."""

    async def stop(self) -> None:
        """End tasks, close sockets."""

    def stats(self) -> dict[str, int]:
        """Return its own counters and gauges."""
