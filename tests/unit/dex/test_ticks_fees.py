"""The rate grows with the distance from the reference, group by group, up to a bound."""

from __future__ import annotations

import dataclasses

from sniperforge.dex import ticks, ticks_fees
from sniperforge.dex.ticks_fees import Meter, Volatility
from tests.unit.dex.ticks_vectors import BOOK, make_pool, price_at

FEES = Volatility(
    group=64, control=4_000, max=350_000, reduction=5_000, reference=20_000, index=2, accumulator=90_000, is_orca=True
)


def _meter(tick: int, *, down: bool = False, is_orca: bool = True, **changes: int) -> Meter:
    fees = dataclasses.replace(FEES, is_orca=is_orca, **changes)
    return Meter(fees, 3_000, tick, down=down, price_at=price_at)


def test_a_pool_carries_it_as_numbers() -> None:
    numbers = ticks_fees.numbers_of(FEES)
    assert numbers["volatility.index"] == 2
    assert ticks_fees.volatility_of(numbers, is_orca=True) == FEES
    assert ticks_fees.volatility_of({}, is_orca=True) is None


def test_the_rate_is_the_programs_formula() -> None:
    """Two groups away: (20,000 + 2 * 10,000) * 64 squared, times 4,000, over 100,000 * 10,000 squared, rounded up."""
    meter = _meter(0)
    assert meter.rate() == 3_000 + -(-4_000 * (40_000 * 64) ** 2 // (100_000 * 10_000**2))
    assert _meter(64 * 40).rate() == 100_000


def test_a_swap_may_land_in_three_times() -> None:
    """The reference stays, moves here with half the excitement, or with none."""
    told = [(fees.reference, fees.index) for fees in ticks_fees.regimes(FEES, 640)]
    assert told == [(20_000, 2), (45_000, 10), (0, 10)]


def test_a_group_ends_at_its_edge() -> None:
    """The price goes there at one rate, or to the target before it."""
    up, down = _meter(70), _meter(70, down=True)
    up.rate(), down.rate()
    assert up.bounded(price_at(500), 1) == (price_at(128), False)
    assert down.bounded(price_at(0), 1) == (price_at(64), False)
    assert up.bounded(price_at(100), 1) == (price_at(100), False)


def test_stretches_of_one_rate_are_gone_through_at_once() -> None:
    """Without liquidity, without a factor, and beyond the core where the fee is at its height."""
    assert _meter(0).bounded(price_at(500), 0) == (price_at(500), True)
    assert _meter(0, control=0).bounded(price_at(500), 1) == (price_at(500), True)
    # 33 groups to either side of group 2.
    high, low = 64 * 40, -64 * 40
    assert _meter(high).bounded(price_at(9_000), 1) == (price_at(9_000), True)
    assert _meter(high, down=True).bounded(price_at(0), 1) == (price_at(36 * 64), True)
    assert _meter(low, down=True).bounded(price_at(-9_000), 1) == (price_at(-9_000), True)
    assert _meter(low).bounded(price_at(0), 1) == (price_at(-31 * 64), True)
    raydium = _meter(high, is_orca=False)
    raydium.rate()
    assert raydium.bounded(price_at(9_000), 1) == (price_at(9_000), True)


def test_after_a_skip_the_group_is_where_the_price_is() -> None:
    """On a boundary going up, the group left behind is the one below; standing still is no step back."""
    meter = _meter(0)
    meter.advance(price_at(640), None, skipped=True)
    assert meter.rate() == _meter(640).rate()
    inside = _meter(0, is_orca=False)
    inside.advance(price_at(650), 650, skipped=True)
    assert inside.rate() == _meter(704).rate()
    still = _meter(640)
    still.advance(price_at(640), 640, skipped=True)
    assert still.rate() == _meter(704).rate()
    down = _meter(640, down=True)
    down.advance(price_at(640), 640, skipped=False)
    assert down.rate() == _meter(576).rate()
    far = _meter(640, down=True)
    far.advance(price_at(0), 0, skipped=True)
    assert far.rate() == _meter(-64).rate()


def test_a_trade_leaves_its_excitement_behind() -> None:
    pool = make_pool("orca_whirlpool", BOOK, keys="", base_is_0=1, **ticks_fees.numbers_of(FEES))
    assert ticks_fees.followed(pool).numbers["volatility.accumulator"] == 40_000
    plain = make_pool("orca_whirlpool")
    assert ticks_fees.followed(plain) is plain
    assert ticks_fees.accumulated(FEES, 1_000) == 350_000
    assert ticks.TICK_MAX == 443_636
