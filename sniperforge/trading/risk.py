"""Limits of money: what may be asked, and by how much it was too much.

order + exposure + limits -> None, or Refusal(limit, asked, allowed)

Entries pass every limit; exits pass none of them: a position is never kept
because a limit was reached. What an exit must satisfy is only that there is
something to sell (see `refuse_exit`).
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec

from sniperforge.base.events import OrderProposed, PositionChanged
from sniperforge.base.units import BPS_ONE, LAMPORTS_PER_SOL, NANOS_PER_SECOND, ZERO_KEY, Pubkey, ceil_div

K = TypeVar("K")
MINUTE_NS = 60 * NANOS_PER_SECOND
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
MICRO_LAMPORTS = 1_000_000
#: What the runtime takes for one signature.
SIGNATURE_FEE_LAMPORTS = 5_000


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All limits, in lamports unless the name says otherwise. 0 in `*_max` forbids, never "unlimited".

    Attributes:
        spend_lamports_max: one entry, with fees and tip.
        positions_open_max: open positions and entries in flight, together.
        exposure_creator_lamports_max, exposure_venue_lamports_max: open spending
            on one creator's coins, on one venue.
        loss_day_lamports_max: realised loss of the running UTC day.
        fees_hour_lamports_max: fees and tips paid in the last hour.
        wallet_reserve_lamports_min: what an entry must leave in the wallet.
        orders_minute_max: entries in the last minute.
        slippage_bps_max: of an entry.
        price_micro_lamports_max, tip_lamports_max: an entry above is refused, an
            exit is lowered to them.
    """

    spend_lamports_max: int = LAMPORTS_PER_SOL // 10
    positions_open_max: int = 10
    exposure_creator_lamports_max: int = LAMPORTS_PER_SOL // 5
    exposure_venue_lamports_max: int = LAMPORTS_PER_SOL
    loss_day_lamports_max: int = LAMPORTS_PER_SOL
    fees_hour_lamports_max: int = LAMPORTS_PER_SOL // 10
    wallet_reserve_lamports_min: int = LAMPORTS_PER_SOL // 50
    orders_minute_max: int = 30
    slippage_bps_max: int = 5_000
    price_micro_lamports_max: int = 20_000_000
    tip_lamports_max: int = LAMPORTS_PER_SOL // 100


class Refusal(NamedTuple):
    """A limit said no; `detail` says in words what numbers cannot."""

    limit: str
    asked: int
    allowed: int
    detail: str = ""


class Cost(NamedTuple):
    """What sending an order may cost at most beside what it trades, in lamports."""

    fee_lamports: int
    tip_lamports: int

    @property
    def total(self) -> int:
        return self.fee_lamports + self.tip_lamports


# Orders ask for the same few fees again and again.
@lru_cache(maxsize=64)
def cost(*, compute_units: int, price_micro_lamports: int, tip_lamports: int) -> Cost:
    """Return the fee of one signature plus the priority fee (rounded up, as the runtime does), and the tip."""
    priority = ceil_div(compute_units * price_micro_lamports, MICRO_LAMPORTS)
    return Cost(SIGNATURE_FEE_LAMPORTS + priority, tip_lamports)


class Hold(NamedTuple):
    """Money an entry binds from admission until its position is closed (or it never landed)."""

    pool: Pubkey
    bot: str
    creator: Pubkey
    venue: str
    lamports: int


class Window:
    """A sum over the last *span_ns*."""

    __slots__ = ("_entries", "_span_ns", "total")

    def __init__(self, span_ns: int) -> None:
        self._span_ns = span_ns
        self._entries: deque[tuple[int, int]] = deque()
        self.total = 0

    def add(self, amount: int, now_ns: int) -> None:
        """Count *amount* at *now_ns*; stamps come in order."""
        self._entries.append((now_ns, amount))
        self.total += amount

    def at(self, now_ns: int) -> int:
        """Return the sum as of *now_ns*, forgetting what is older than the span."""
        entries = self._entries
        while entries and entries[0][0] <= now_ns - self._span_ns:
            self.total -= entries.popleft()[1]
        return self.total


class Exposure:
    """What is bound, spent and lost now: folded from admissions, ends of orders and closed positions."""

    def __init__(self, *, wallet_lamports: int = 0) -> None:
        self.wallet_lamports = wallet_lamports
        self.halted = False
        self.exits_allowed = True
        self.claims: dict[Pubkey, int] = {}
        self.holds: dict[int, Hold] = {}
        self._by_creator: dict[Pubkey, int] = {}
        self._by_venue: dict[str, int] = {}
        self._orders = Window(MINUTE_NS)
        self._fees = Window(HOUR_NS)
        self._losses_day, self._loss_lamports = 0, 0

    # ── what happened ──

    def hold(self, order_id: int, hold: Hold, now_ns: int) -> None:
        """An entry was admitted: bind its money and claim its pool."""
        self.holds[order_id] = hold
        self.claims[hold.pool] = order_id
        self._by_creator[hold.creator] = self._by_creator.get(hold.creator, 0) + hold.lamports
        self._by_venue[hold.venue] = self._by_venue.get(hold.venue, 0) + hold.lamports
        self._orders.add(1, now_ns)

    def release(self, order_id: int) -> None:
        """The entry never landed, or its position is closed: let go of money and claim."""
        hold = self.holds.pop(order_id, None)
        if hold is None:
            return
        self.claims.pop(hold.pool, None)
        _take(self._by_creator, hold.creator, hold.lamports)
        _take(self._by_venue, hold.venue, hold.lamports)

    def paid(self, fee_lamports: int, now_ns: int) -> None:
        """Fees and tips left the wallet."""
        self._fees.add(fee_lamports, now_ns)

    def closed(self, position: PositionChanged, now_ns: int) -> None:
        """A position closed: its result counts into the day."""
        self.realised(position.received_lamports - position.spent_lamports, now_ns)

    def realised(self, lamports: int, now_ns: int) -> None:
        """Count a profit (positive) or loss (negative) into the running UTC day."""
        day = now_ns // DAY_NS
        if day != self._losses_day:
            self._losses_day, self._loss_lamports = day, 0
        self._loss_lamports -= lamports

    # ── what is asked ──

    def creator_lamports(self, creator: Pubkey) -> int:
        """Return what is bound on coins of *creator*."""
        return self._by_creator.get(creator, 0)

    def venue_lamports(self, venue: str) -> int:
        """Return what is bound on *venue*."""
        return self._by_venue.get(venue, 0)

    def loss_day(self, now_ns: int) -> int:
        """Return the realised loss of the UTC day of *now_ns*, 0 when it is a profit."""
        return max(self._loss_lamports, 0) if now_ns // DAY_NS == self._losses_day else 0

    def fees_hour(self, now_ns: int) -> int:
        """Return fees and tips of the last hour."""
        return self._fees.at(now_ns)

    def orders_minute(self, now_ns: int) -> int:
        """Return entries admitted in the last minute."""
        return self._orders.at(now_ns)

    @property
    def held_lamports(self) -> int:
        """Return all money bound now."""
        return sum(self._by_venue.values())


def _take(sums: dict[K, int], name: K, amount: int) -> None:
    left = sums[name] - amount
    if left:
        sums[name] = left
    else:
        del sums[name]


def refuse_entry(order: OrderProposed, costs: Cost, limits: Limits, exposure: Exposure, now_ns: int) -> Refusal | None:
    """Return the first limit *order* breaks, or None. The last allowed value passes.

    Args:
        order: a buy; `amount_in` is lamports.
        costs: the most its sending may cost.
        exposure: everything admitted before it.
    """
    amount_in, pool, slippage_bps = order.amount_in, order.pool, order.slippage_bps
    fee, tip = costs
    spend = amount_in + fee + tip
    if exposure.halted:
        return Refusal("risk.halted", 1, 0)
    if amount_in <= 0:
        return Refusal("risk.amount_in_min", amount_in, 1)
    if not 0 <= slippage_bps <= limits.slippage_bps_max or slippage_bps > BPS_ONE:
        return Refusal("risk.slippage_bps_max", slippage_bps, limits.slippage_bps_max)
    if pool.address in exposure.claims:
        return Refusal("risk.claim", 2, 1)
    if spend > limits.spend_lamports_max:
        return Refusal("risk.spend_lamports_max", spend, limits.spend_lamports_max)
    price = order.priority_fee_micro_lamports
    if price > limits.price_micro_lamports_max:
        return Refusal("risk.price_micro_lamports_max", price, limits.price_micro_lamports_max)
    if tip > limits.tip_lamports_max:
        return Refusal("risk.tip_lamports_max", tip, limits.tip_lamports_max)
    return _refuse_sums(order, spend, fee + tip, limits, exposure, now_ns)


def _refuse_sums(
    order: OrderProposed, spend: int, fees: int, limits: Limits, exposure: Exposure, now_ns: int
) -> Refusal | None:
    """Return the first limit that *order* breaks together with everything admitted before it."""
    positions = len(exposure.holds) + 1
    if positions > limits.positions_open_max:
        return Refusal("risk.positions_open_max", positions, limits.positions_open_max)
    if order.creator != ZERO_KEY:
        asked = exposure.creator_lamports(order.creator) + spend
        if asked > limits.exposure_creator_lamports_max:
            return Refusal("risk.exposure_creator_lamports_max", asked, limits.exposure_creator_lamports_max)
    asked = exposure.venue_lamports(order.pool.venue) + spend
    if asked > limits.exposure_venue_lamports_max:
        return Refusal("risk.exposure_venue_lamports_max", asked, limits.exposure_venue_lamports_max)
    asked = exposure.fees_hour(now_ns) + fees
    if asked > limits.fees_hour_lamports_max:
        return Refusal("risk.fees_hour_lamports_max", asked, limits.fees_hour_lamports_max)
    asked = exposure.orders_minute(now_ns) + 1
    if asked > limits.orders_minute_max:
        return Refusal("risk.orders_minute_max", asked, limits.orders_minute_max)
    # A loss already at the limit stops; the limit itself is still allowed to be lost.
    loss = exposure.loss_day(now_ns)
    if loss >= limits.loss_day_lamports_max:
        return Refusal("risk.loss_day_lamports_max", loss, limits.loss_day_lamports_max)
    left = exposure.wallet_lamports - spend
    if left < limits.wallet_reserve_lamports_min:
        return Refusal("risk.wallet_reserve_lamports_min", left, limits.wallet_reserve_lamports_min)
    return None


def refuse_exit(order: OrderProposed, *, held: int, in_flight: int, exposure: Exposure) -> Refusal | None:
    """Return why *order* cannot be a sale: nothing held, more than held, or a sale of it is under way.

    Args:
        order: a sell; `amount_in` is base units.
        held: base units of its position (0: no such position).
        in_flight: unfinished sales of the position; one at a time, since two
            could both land and each was sized for the whole.
    """
    if exposure.halted and not exposure.exits_allowed:
        return Refusal("risk.halted", 1, 0)
    if held <= 0:
        return Refusal("risk.position", order.amount_in, 0)
    if not 0 < order.amount_in <= held:
        return Refusal("risk.position_base_amount", order.amount_in, held)
    if in_flight:
        return Refusal("risk.exit_in_flight", in_flight + 1, 1)
    return None
