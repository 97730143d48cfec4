"""Fees that rise with the price's jumps: Orca's adaptive and Raydium's dynamic fee.

constants and variables of a pool -> the rate for every group of ticks a swap crosses

The price range is cut into groups of ticks. The fee grows with the square of the
distance, in groups, from a reference the program renews as time passes: within the
filter period the reference stays, until the decay period it moves here with a part of
the excitement left, after that with none. Which of the three a swap will meet is
decided by the second it lands in, so a quote is the worst of them: never less arrives.

Source: orca-so/whirlpools, manager/fee_rate_manager.rs and state/oracle.rs;
raydium-io/raydium-clmm, states/pool_fee.rs and instructions/swap.rs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from sniperforge.base.events import Pool
from sniperforge.base.units import ceil_div
from sniperforge.dex.ticks import TICK_MAX, TICK_MIN, PriceAt, tick_at

RATE_MAX = 100_000
#: One group of distance, and the denominator of the reduction factor.
SCALE = 10_000
CONTROL_ONE = 100_000
NAMES = ("group", "control", "max", "reduction", "reference", "index", "accumulator")


@dataclass(slots=True)
class Volatility:
    """Constants of a pool and the variables one swap changes; indices count groups of ticks.

    Attributes:
        group: ticks in a group; control: how steeply the fee rises.
        max: bound of the accumulator; reduction: part of it kept while it decays, of 10,000.
        reference, index: excitement and group the distance is counted from.
        accumulator: as the last swap left it.
        is_orca: Orca skips whole stretches beyond `max` by another rule than Raydium.
    """

    group: int
    control: int
    max: int
    reduction: int
    reference: int
    index: int
    accumulator: int
    is_orca: bool


def numbers_of(fees: Volatility) -> dict[str, int]:
    """Return *fees* as numbers of a Pool, named `volatility.<name>`."""
    return {f"volatility.{name}": getattr(fees, name) for name in NAMES}


def volatility_of(numbers: Mapping[str, int], *, is_orca: bool) -> Volatility | None:
    """Return what `numbers_of` wrote, or None for a pool of one rate."""
    if not numbers.get("volatility.group"):
        return None
    group, control, most, reduction, reference, index, accumulator = (numbers[f"volatility.{name}"] for name in NAMES)
    return Volatility(group, control, most, reduction, reference, index, accumulator, is_orca)


def followed(pool: Pool) -> Pool:
    """Return *pool* with the excitement its move left behind."""
    fees = volatility_of(pool.numbers, is_orca=True)
    if fees is None:
        return pool
    reached = accumulated(fees, pool.numbers["tick"] // fees.group)
    return msgspec.structs.replace(pool, numbers={**pool.numbers, "volatility.accumulator": reached})


def accumulated(fees: Volatility, index: int) -> int:
    """Return the accumulator in the group *index*."""
    return min(fees.reference + abs(fees.index - index) * SCALE, fees.max)


def regimes(fees: Volatility, tick: int) -> Iterator[Volatility]:
    """Yield *fees* with the reference kept, moved here with a part left, and moved here with none."""
    here = tick // fees.group
    decayed = fees.accumulator * fees.reduction // SCALE
    for reference, index in ((fees.reference, fees.index), (decayed, here), (0, here)):
        yield Volatility(
            fees.group, fees.control, fees.max, fees.reduction, reference, index, fees.accumulator, fees.is_orca
        )


class Meter:
    """The rate along one swap, group by group."""

    def __init__(self, fees: Volatility, base_rate: int, tick: int, *, down: bool, price_at: PriceAt) -> None:
        self._fees, self._base, self._down, self._price_at = fees, base_rate, down, price_at
        self._at = tick // fees.group
        self._accumulator = 0
        span = ceil_div(max(fees.max - fees.reference, 0), SCALE)
        self._core = (fees.index - span, fees.index + span)

    def rate(self) -> int:
        """Return the rate per million in the group the swap is in."""
        self._accumulator = accumulated(self._fees, self._at)
        crossed = self._accumulator * self._fees.group
        extra = ceil_div(self._fees.control * crossed * crossed, CONTROL_ONE * SCALE * SCALE)
        return min(self._base + extra, RATE_MAX)

    def bounded(self, target: int, liquidity: int) -> tuple[int, bool]:
        """Return how far the price goes at this rate, and whether that may be many groups."""
        fees, price_at, down = self._fees, self._price_at, self._down
        if liquidity == 0:
            return target, True
        if fees.is_orca:
            outside = self._outside(target)
            if outside is not None:
                return outside, True
        elif self._accumulator == fees.max:
            return target, True
        edge = price_at((self._at + (0 if down else 1)) * fees.group)
        return (max(target, edge) if down else min(target, edge)), False

    def _outside(self, target: int) -> int | None:
        """Return Orca's bound where the fee is at its height whatever the group, else None."""
        fees, price_at, down = self._fees, self._price_at, self._down
        low, high = self._core
        if fees.control == 0:
            return target
        if self._at < low and low * fees.group > TICK_MIN:
            return target if down else min(target, price_at(low * fees.group))
        if self._at > high and (high + 1) * fees.group < TICK_MAX:
            return max(target, price_at((high + 1) * fees.group)) if down else target
        return None

    def advance(self, price: int, tick: int | None, *, skipped: bool) -> None:
        """Go on to the next group; after a skip from where *price* (or the *tick* it stands at) is."""
        step = -1 if self._down else 1
        if skipped:
            group = self._fees.group
            at = tick_at(price, self._price_at) if tick is None else tick
            reached = at // group
            if not self._down and at % group == 0 and self._price_at(at) == price:
                reached -= 1
            if self._fees.is_orca:
                # Standing still on a boundary must not count as a step back.
                reached = min(self._at, reached) if self._down else max(self._at, reached)
            self._at = reached
        self._at += step
