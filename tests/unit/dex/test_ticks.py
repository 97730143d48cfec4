"""Prices are the programs' own, amounts round against whoever trades, a step is exact to the base unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.units import U64_MAX
from sniperforge.dex import ticks
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.raydium_recordings import golden

ONE = 1 << 64
BOTH = pytest.mark.parametrize("price_at", [ticks.orca_price_at, ticks.raydium_price_at])
PRICES = st.integers(1 << 40, 1 << 88)
LIQUIDITY = st.integers(1, 1 << 80)
AMOUNTS = st.integers(1, 1 << 60)
RATES = st.sampled_from([0, 100, 3_000, 60_000])


def test_the_ends_of_the_range_are_the_programs_constants() -> None:
    """Their lowest price is the same, the highest is not: Raydium's is a reciprocal."""
    assert ticks.orca_price_at(-443_636) == ticks.raydium_price_at(-443_636) == 4_295_048_016
    assert ticks.orca_price_at(443_636) == 79_226_673_515_401_279_992_447_579_055
    assert ticks.raydium_price_at(443_636) == 79_226_673_521_066_979_257_578_248_091
    assert ticks.orca_price_at(500_000) == ticks.orca_price_at(443_636)


@pytest.mark.parametrize("case", golden("orca_whirlpool", "math") + golden("raydium_clmm", "math"))
def test_prices_are_the_official_sdks(case: dict[str, dict[str, str]]) -> None:
    """Each SDK has its program's rounding."""
    tick, price = int(case["inputs"]["tick"]), int(case["expected"]["sqrt_price_x64"])
    # The two vector files have equal ids; where the roundings differ, one of them fits.
    assert price in (ticks.orca_price_at(tick), ticks.raydium_price_at(tick))


@BOTH
@given(tick=st.integers(-443_636, 443_635))
def test_a_price_stands_at_its_tick_until_the_next(price_at: Callable[[int], int], tick: int) -> None:
    assert ticks.tick_at(price_at(tick), price_at) == tick
    assert ticks.tick_at(price_at(tick + 1) - 1, price_at) == tick


def test_what_is_cheaper_than_everything_stands_at_the_lowest_tick() -> None:
    assert ticks.tick_at(0, ticks.orca_price_at) == -443_636


def test_amounts_between_two_prices_by_hand() -> None:
    """From 1 to 2 with a liquidity of 101: 50.5 of token 0, 101 of token 1."""
    assert [ticks.amount_0(ONE, 2 * ONE, 101, up=up) for up in (False, True)] == [50, 51]
    assert [ticks.amount_1(ONE, 2 * ONE, 101, up=up) for up in (False, True)] == [101, 101]
    assert ticks.amount_1(ONE, ONE + 1, 101, up=True) == 1
    assert ticks.reserves(2 * ONE, 100) == (50, 200)
    assert ticks.reserves(1, 1 << 100) == (U64_MAX, 1 << 36)


@given(price=PRICES, liquidity=LIQUIDITY, amount=AMOUNTS, down=st.booleans())
def test_a_price_never_moves_further_than_paid_for(price: int, liquidity: int, amount: int, down: bool) -> None:
    after = ticks.price_after_in(price, liquidity, amount, down=down)
    if down:
        assert after <= price
        assert ticks.amount_0(after, price, liquidity, up=True) <= amount
    else:
        assert after >= price
        assert ticks.amount_1(price, after, liquidity, up=True) <= amount


@given(price=PRICES, liquidity=LIQUIDITY, amount=AMOUNTS, down=st.booleans())
def test_a_price_moves_far_enough_for_what_goes_out(price: int, liquidity: int, amount: int, down: bool) -> None:
    try:
        after = ticks.price_after_out(price, liquidity, amount, down=down)
    except EmptyPool as problem:
        assert "ask for less" in str(problem)
        return
    if down:
        assert ticks.amount_1(after, price, liquidity, up=False) >= amount
    else:
        assert ticks.amount_0(price, after, liquidity, up=False) >= amount


@pytest.mark.parametrize("down", [True, False])
def test_liquidity_that_holds_less_is_refused(down: bool) -> None:
    with pytest.raises(EmptyPool, match="1001 is more"):
        ticks.price_after_out(ONE, 1_000, 1_001, down=down)


@given(price=PRICES, target=PRICES, liquidity=LIQUIDITY, left=AMOUNTS, rate=RATES, on_input=st.booleans())
def test_a_step_spends_and_brings_at_most_what_it_may(
    price: int, target: int, liquidity: int, left: int, rate: int, on_input: bool
) -> None:
    """And stops at its target, where it takes no more fee than its rate, rounded up."""
    paid = ticks.step_in(price, target, liquidity, left, rate, fee_on_input=on_input)
    assert paid.amount_in + (paid.fee if on_input else 0) <= left
    assert min(price, target) <= paid.price <= max(price, target)
    assert min(paid.amount_in, paid.amount_out, paid.fee) >= 0
    try:
        brought = ticks.step_out(price, target, liquidity, left, rate, fee_on_input=on_input)
    except EmptyPool:
        return
    assert 0 <= brought.amount_out <= left
    assert min(price, target) <= brought.price <= max(price, target)


def test_where_the_target_is_not_reached_all_that_is_left_is_fee() -> None:
    """1 % of 1,000: 990 move the price, and what the rounding does not take is fee, too."""
    step = ticks.step_in(ONE, 2 * ONE, 10**9, 1_000, 10_000)
    assert (step.amount_in, step.fee, step.amount_out) == (990, 10, 989)
    reached = ticks.step_in(ONE, ONE + (ONE >> 20), 10**9, 10**6, 10_000)
    assert (reached.price, reached.amount_in, reached.fee) == (ONE + (ONE >> 20), 954, 10)
    onward = ticks.step_in(ONE, 2 * ONE, 10**9, 1_000, 10_000, fee_on_input=False)
    assert (onward.amount_in, onward.amount_out, onward.fee) == (1_000, 989, 10)


def test_exact_output_pays_its_fee_on_top() -> None:
    step = ticks.step_out(ONE, 2 * ONE, 10**9, 1_000, 10_000)
    assert (step.amount_out, step.amount_in, step.fee) == (1_000, 1_001, 11)
    fee_out = ticks.step_out(ONE, 2 * ONE, 10**9, 1_000, 10_000, fee_on_input=False)
    assert (fee_out.amount_out, fee_out.amount_in, fee_out.fee) == (1_000, 1_012, 11)
