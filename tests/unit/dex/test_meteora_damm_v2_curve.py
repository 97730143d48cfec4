"""A DAMM v2 trade by hand: a range or constant product, the fee on input or output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.dex import meteora_damm_v2_curve as curve
from sniperforge.dex.meteora_liquidity import ROOT_MAX, ROOT_MIN, ROOT_ONE, split
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.meteora_vectors import DEPTH

NUMBERS = {
    "status": 0,
    "collect_fee_mode": 1,
    "fee_mode": 0,
    "fee_cliff": 10_000_000,
    "fee_first": 0,
    "fee_second": 0,
    "fee_third": 0,
    "fee_max": 990_000_000,
    "activation_point": 0,
    "point": 0,
    **split("sqrt_price", ROOT_ONE),
    **split("liquidity", DEPTH),
    **split("sqrt_min_price", ROOT_MIN),
    **split("sqrt_max_price", ROOT_MAX),
}
HELD = 10**12
MODES = pytest.mark.parametrize("mode", [0, 1, 2])
SIDES = pytest.mark.parametrize("second_in", [True, False])


def _state(**changes: int) -> curve.State:
    return curve.state({**NUMBERS, **changes}, HELD, HELD)


def test_a_trade_by_hand() -> None:
    """1,000,000 of B: 10,000 are the fee, 990,000 at a price of 1 give a unit less for the impact."""
    trade = curve.exact_in(_state(), 1_000_000, second_in=True)
    assert (trade.net_in, trade.fee, trade.fee_on_input, trade.amount_out) == (990_000, 10_000, True, 989_999)
    back = curve.exact_in(_state(), 1_000_000, second_in=False)
    assert (back.gross_out, back.fee, back.fee_on_input, back.amount_out) == (999_999, 10_000, False, 989_999)


@MODES
@SIDES
@given(amount=st.integers(2, 10**11))
def test_an_exact_purchase_is_the_trade_turned_round(mode: int, second_in: bool, amount: int) -> None:
    """What it costs buys at least that much, and a unit of price less might not."""
    state = _state(collect_fee_mode=mode)
    there = curve.exact_out(state, amount, second_in=second_in)
    back = curve.exact_in(state, there.amount_in, second_in=second_in)
    assert back.amount_out >= amount - 1
    assert there.amount_in >= amount
    assert (there.fee > 0, there.fee_on_input) == (True, second_in and mode != 0)


@SIDES
def test_a_compounding_pool_follows_its_reserves(second_in: bool) -> None:
    """Constant product; the root of the price is their quotient's."""
    trade = curve.exact_in(_state(collect_fee_mode=2), 10**12, second_in=second_in)
    assert trade.gross_out == 10**12 * trade.net_in // (10**12 + trade.net_in)
    assert (trade.root_after > ROOT_ONE) is second_in
    assert curve.root_of_reserves(100, 400) == 2 * ROOT_ONE
    assert curve.root_of_reserves(0, 400) == curve.root_of_reserves(1, 0) == 0


@SIDES
def test_nothing_comes_out_of_nothing(second_in: bool) -> None:
    """No liquidity, a disabled pool, empty reserves, and the end of the range."""
    for changes in ({"status": 1}, split("liquidity", 0), split("sqrt_price", 0)):
        with pytest.raises(EmptyPool, match="disabled or has no liquidity"):
            _state(**changes)
    for mode in (1, 2):
        empty = curve.state({**NUMBERS, "collect_fee_mode": mode}, 0, 0)
        for trade in (curve.exact_in, curve.exact_out):
            with pytest.raises(EmptyPool):
                trade(empty, 1_000, second_in=second_in)
    with pytest.raises(EmptyPool, match="ask for less"):
        curve.exact_out(_state(collect_fee_mode=2, fee_cliff=0), HELD, second_in=second_in)
    narrow = _state(**split("sqrt_min_price", ROOT_ONE), **split("sqrt_max_price", ROOT_ONE))
    with pytest.raises(EmptyPool, match="range"):
        curve.exact_in(narrow, 1_000_000, second_in=second_in)
