"""One session as a reader sees it: launches, decisions, orders, positions, legs.

events in any order of rings -> counts, tables and latencies for a view or a report

Nothing here probes anything: every leg is a subtraction between the stamps that
the messages of one chain already carry.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sniperforge.base import events
from sniperforge.base.events import Event
from sniperforge.base.units import Pubkey

#: Legs in the order of the path; each is measured from the leg before it.
LEGS = ("socket to detected", "detected to proposed", "proposed to signed", "signed to sent", "sent to landed")
#: The whole of ours: from the frame's receive stamp to the bytes that left, less what was waited on purpose.
HOT = "socket to sent"
#: An entry's wait for its pool to open and for the facts of its mint.
WAITED = "waited on purpose"
RECENT = 200


@dataclass(slots=True)
class Trade:
    """One position from its entry on, as far as the messages told."""

    position_id: int
    bot: str
    pool: Pubkey
    venue: str
    base_mint: Pubkey
    opened_ns: int = 0
    closed_ns: int = 0
    base_amount: int = 0
    spent_lamports: int = 0
    received_lamports: int = 0
    exit_reason: str = ""
    recovered: bool = False
    state: str = "open"

    @property
    def pnl_lamports(self) -> int:
        """Return what came back less everything paid, fees, tips and rent included."""
        return self.received_lamports - self.spent_lamports


@dataclass(slots=True)
class _Order:
    """Stamps of one order on its way; 0 where it has not been."""

    side: str
    waited_ns: int
    proposed_ns: int
    signed_ns: int = 0
    sent_ns: int = 0
    landed_ns: int = 0


@dataclass(slots=True)
class Session:
    """The fold. Feed it with `on`; read its fields."""

    launches: dict[Pubkey, events.PoolCreated] = field(default_factory=dict)
    disbelieved: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    orders_refused: Counter[str] = field(default_factory=Counter)
    orders_failed: Counter[str] = field(default_factory=Counter)
    landed: Counter[str] = field(default_factory=Counter)
    fees_lamports: int = 0
    #: Fees of entries that failed: they belong to no position.
    entry_losses_lamports: int = 0
    trades: dict[int, Trade] = field(default_factory=dict)
    swaps: int = 0
    recent: deque[Event] = field(default_factory=lambda: deque(maxlen=RECENT))
    stages: dict[str, events.StageChanged] = field(default_factory=dict)
    legs: dict[str, list[int]] = field(default_factory=lambda: {leg: [] for leg in (*LEGS, HOT, WAITED)})
    sent: Counter[str] = field(default_factory=Counter)
    _orders: dict[int, _Order] = field(default_factory=dict)
    _told: set[tuple[str | int | bytes, ...]] = field(default_factory=set)

    def on(self, event: Event) -> None:
        """Fold one message in; repeats of the same message change nothing."""
        match event:
            case events.PoolCreated():
                self._launched(event)
            case events.Swapped():
                self.swaps += 1
                return
            case events.LaunchDisbelieved():
                self.disbelieved[event.reason] += self._is_new(event.signature, event.reason, event.venue)
            case events.LaunchRefused():
                self.refused[event.filter] += self._is_new(event.bot, event.pool, event.filter)
            case events.OrderProposed():
                self._proposed(event)
            case events.OrderRefused():
                self.orders_refused[event.limit] += self._is_new("refused", event.order_id)
            case events.OrderSigned() | events.OrderSent():
                self._moved(event)
            case events.OrderLanded():
                self._landed(event)
            case events.OrderFailed():
                self._failed(event)
            case events.OrderExpired():
                self.orders_failed["expired"] += self._is_new("ended", event.order_id)
            case events.PositionChanged():
                self._position(event)
            case events.StageChanged():
                self.stages[event.stage] = event
            case _:
                pass
        self.recent.append(event)

    def open_trades(self) -> list[Trade]:
        """Return the positions that are open now, oldest first."""
        return sorted((t for t in self.trades.values() if t.state == "open"), key=lambda t: t.opened_ns)

    def closed_trades(self) -> list[Trade]:
        """Return the positions that were opened and closed, in order of closing."""
        return sorted((t for t in self.trades.values() if t.state == "closed"), key=lambda t: t.closed_ns)

    def _launched(self, event: events.PoolCreated) -> None:
        if event.pool.address not in self.launches:
            self.launches[event.pool.address] = event
            if event.origin_ns and not event.late:
                self.legs[LEGS[0]].append(event.ts_ns - event.origin_ns)

    def _proposed(self, event: events.OrderProposed) -> None:
        if event.id in self._orders:
            return
        self._orders[event.id] = _Order(event.side, event.waited_ns, event.ts_ns)
        created = self.launches.get(event.pool.address)
        if event.waited_ns:
            self.legs[WAITED].append(event.waited_ns)
        elif event.side == "buy" and created is not None:
            self.legs[LEGS[1]].append(event.ts_ns - created.ts_ns)

    def _moved(self, event: events.OrderSigned | events.OrderSent) -> None:
        order = self._orders.get(event.order_id)
        if isinstance(event, events.OrderSent):
            self.sent[event.signature] += 1
        if order is None:
            return
        if isinstance(event, events.OrderSigned) and not order.signed_ns:
            order.signed_ns = event.ts_ns
            self.legs[LEGS[2]].append(event.ts_ns - order.proposed_ns)
        elif isinstance(event, events.OrderSent) and not order.sent_ns:
            order.sent_ns = event.ts_ns
            self.legs[LEGS[3]].append(event.ts_ns - (order.signed_ns or order.proposed_ns))
            if order.side == "buy" and event.origin_ns:
                self.legs[HOT].append(event.ts_ns - event.origin_ns - order.waited_ns)

    def _is_new(self, *told: str | int | bytes) -> bool:
        """Return whether this was not told before: a coordinator that restarts tells its last ends again."""
        is_new = told not in self._told
        self._told.add(told)
        return is_new

    def _failed(self, event: events.OrderFailed) -> None:
        if not self._is_new("ended", event.order_id):
            return
        self.orders_failed[event.problem] += 1
        self.fees_lamports += event.fee_lamports
        if event.side == "buy":
            self.entry_losses_lamports += event.fee_lamports

    def _landed(self, event: events.OrderLanded) -> None:
        order = self._orders.get(event.order_id)
        if not self._is_new("ended", event.order_id):
            return
        self.landed[event.side] += 1
        self.fees_lamports += event.fee_lamports + event.tip_lamports
        if order is not None:
            order.landed_ns = event.ts_ns
            if order.sent_ns:
                self.legs[LEGS[4]].append(event.ts_ns - order.sent_ns)

    def _position(self, event: events.PositionChanged) -> None:
        trade = self.trades.get(event.position_id)
        if trade is None:
            pool = event.pool
            trade = Trade(event.position_id, event.bot, pool.address, pool.venue, pool.base_mint, event.opened_ns)
            self.trades[event.position_id] = trade
        trade.base_amount = event.base_amount
        trade.spent_lamports = event.spent_lamports
        trade.received_lamports = event.received_lamports
        trade.recovered = trade.recovered or event.recovered
        trade.exit_reason = event.reason or trade.exit_reason
        if event.state == "closed" and trade.state != "closed":
            trade.closed_ns = event.ts_ns
        trade.state = event.state


def percentile(values: Sequence[int], share: float) -> int:
    """Return the smallest value that at least *share* (0..1) of *values* do not exceed; 0 for none."""
    if not values:
        return 0
    ranked = sorted(values)
    index = max(0, -(-int(share * 1_000_000) * len(ranked) // 1_000_000) - 1)
    return ranked[min(index, len(ranked) - 1)]
