"""The book: positions folded from fills, to the lamport.

OrderLanded, OrderFailed -> PositionChanged, PnL

The law it keeps: what all fills and failures changed in the wallet equals what
the book says was received minus what it says was spent. Fees, tips, rent and
failed sends are in it; nothing is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sniperforge.base.events import OrderFailed, OrderLanded, Pool, PositionChanged
from sniperforge.base.units import ZERO_KEY, Pubkey


@dataclass(slots=True)
class Position:
    """One coin held (or once held) for one bot. Amounts in lamports and base units.

    Attributes:
        id: the order id of the entry.
        spent_lamports: paid in: quote, fees, tips and rent of buys, and the fees of failed orders.
        received_lamports: paid out by sales, their fees, tips and rent taken off
            (a sale that costs more than it brings makes it smaller).
        fee_lamports, tip_lamports, rent_lamports: the parts, over its whole life.
        entry_quote, entry_base: moved by entry fills alone.
    """

    id: int
    bot: str
    pool: Pool
    creator: Pubkey = ZERO_KEY
    opened_ns: int = 0
    base_amount: int = 0
    spent_lamports: int = 0
    received_lamports: int = 0
    fee_lamports: int = 0
    tip_lamports: int = 0
    rent_lamports: int = 0
    entry_quote: int = 0
    entry_base: int = 0
    fills: int = 0

    @property
    def is_open(self) -> bool:
        """Whether base units are held."""
        return self.base_amount > 0

    @property
    def pnl_lamports(self) -> int:
        """What the wallet gained (negative: lost) by it so far."""
        return self.received_lamports - self.spent_lamports

    def changed(self, *, ts_ns: int, cause: int = 0, recovered: bool = False, reason: str = "") -> PositionChanged:
        """Return the event that tells this position as it is now."""
        return PositionChanged(
            id=self.id,
            ts_ns=ts_ns,
            trace_id=self.id,
            cause=cause,
            position_id=self.id,
            bot=self.bot,
            pool=self.pool,
            state="open" if self.is_open else "closed",
            base_amount=self.base_amount,
            spent_lamports=self.spent_lamports,
            received_lamports=self.received_lamports,
            entry_quote=self.entry_quote,
            entry_base=self.entry_base,
            opened_ns=self.opened_ns,
            recovered=recovered,
            creator=self.creator,
            reason=reason,
        )


@dataclass(slots=True)
class Book:
    """All positions by id, and the costs that belong to none.

    Attributes:
        lost_lamports: fees of entries that failed: no position, but money gone.
    """

    positions: dict[int, Position] = field(default_factory=dict)
    lost_lamports: int = 0

    def landed(self, fill: OrderLanded, *, pool: Pool, creator: Pubkey = ZERO_KEY) -> Position:
        """Fold a fill in and return its position. The caller folds each order once."""
        position = self.positions.get(fill.position_id)
        if position is None:
            position = Position(fill.position_id, fill.bot, pool, creator, opened_ns=fill.ts_ns)
            self.positions[fill.position_id] = position
        position.pool = pool
        position.fills += 1
        costs = fill.fee_lamports + fill.tip_lamports + fill.rent_lamports
        position.fee_lamports += fill.fee_lamports
        position.tip_lamports += fill.tip_lamports
        position.rent_lamports += fill.rent_lamports
        if fill.side == "buy":
            position.base_amount += fill.base_amount
            position.spent_lamports += fill.quote_amount + costs
            position.entry_quote += fill.quote_amount
            position.entry_base += fill.base_amount
        else:
            position.base_amount -= fill.base_amount
            position.received_lamports += fill.quote_amount - costs
        return position

    def failed(self, failure: OrderFailed) -> Position | None:
        """Count what a failed order cost; return its position when it has one."""
        position = self.positions.get(failure.position_id)
        if position is None:
            self.lost_lamports += failure.fee_lamports
            return None
        position.spent_lamports += failure.fee_lamports
        position.fee_lamports += failure.fee_lamports
        return position

    def open(self, bot: str | None = None) -> list[Position]:
        """Return the open positions (of *bot*), oldest first."""
        return [p for p in self.positions.values() if p.is_open and (bot is None or p.bot == bot)]

    @property
    def pnl_lamports(self) -> int:
        """What the wallet gained by everything in the book; equals its balance change to the lamport."""
        return sum(p.pnl_lamports for p in self.positions.values()) - self.lost_lamports


def wallet_change(event: OrderLanded | OrderFailed) -> int:
    """Return the lamports the wallet gained by *event* (negative: paid)."""
    if isinstance(event, OrderFailed):
        return -event.fee_lamports
    costs = event.fee_lamports + event.tip_lamports + event.rent_lamports
    return (event.quote_amount if event.side == "sell" else -event.quote_amount) - costs
