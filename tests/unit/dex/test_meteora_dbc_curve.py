"""A curve of two spans by hand: walked up, down, across its points, to its end and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.dex import meteora_dbc_curve as curve
from sniperforge.dex import meteora_dbc_layouts as layout
from sniperforge.dex.meteora_liquidity import ROOT_ONE, split
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.meteora_vectors import pool_config, virtual_pool

NUMBERS = {
    **layout.config_numbers(layout.decode_pool_config(pool_config()), layout.decode_virtual_pool(virtual_pool())),
    "activation_point": 0,
    "point": 0,
}
ONE = 10**12


def _state(root: int = ROOT_ONE, **changes: int) -> curve.State:
    return curve.state({**NUMBERS, **split("sqrt_price", root), **changes})


def test_a_walk_up_crosses_a_point_and_stops_at_the_last_price() -> None:
    """10^12 of quote to a root of 2, as much again to 3, where the curve is complete."""
    assert curve.buy_in(_state(), ONE) == (ONE // 2, 0, 2 * ROOT_ONE)
    walk = curve.buy_in(_state(), 3 * ONE)
    assert (walk.left, walk.root, walk.moved) == (ONE, 3 * ROOT_ONE, ONE // 2 + ONE // 6)
    assert curve.buy_out(_state(), ONE // 2).moved == ONE
    assert curve.buy_out(_state(), ONE).left == ONE - ONE // 2 - ONE // 4


def test_a_walk_down_crosses_a_point_and_stops_at_the_first_price() -> None:
    """From 3 back to 1: 2 * 10^12 of quote for the coins bought on the way."""
    coins = ONE // 2 + ONE // 6 + 1
    walk = curve.sell_in(_state(3 * ROOT_ONE), coins)
    assert (walk.moved, walk.left, walk.root) == (2 * ONE, 0, ROOT_ONE)
    assert curve.sell_in(_state(3 * ROOT_ONE), 2 * ONE).left == 2 * ONE - coins
    assert curve.sell_out(_state(3 * ROOT_ONE), 2 * ONE).root == ROOT_ONE
    assert curve.sell_out(_state(3 * ROOT_ONE), 2 * ONE + 1).left == 1


def test_the_fee_is_on_the_quote_or_on_what_comes_out() -> None:
    """1 % of a million either way."""
    bought = curve.exact_in(_state(), 1_000_000, is_buy=True)
    assert (bought.net_in, bought.fee, bought.fee_on_input, bought.amount_out) == (990_000, 10_000, True, 989_999)
    output = curve.exact_in(_state(collect_fee_mode=layout.OUTPUT), 1_000_000, is_buy=True)
    assert (output.net_in, output.fee, output.fee_on_input, output.amount_out) == (1_000_000, 10_000, False, 989_999)
    sold = curve.exact_in(_state(2 * ROOT_ONE), 1_000_000, is_buy=False)
    assert (sold.fee_on_input, sold.fee, sold.gross_out) == (False, 40_000, 3_999_992)


@pytest.mark.parametrize("mode", [layout.ONLY_QUOTE, layout.OUTPUT])
def test_a_buy_that_completes_the_curve_pays_for_what_is_left(mode: int) -> None:
    """The program's partial fill: 2 * 10^12 of quote and its fee, no more."""
    trade = curve.exact_in(_state(collect_fee_mode=mode), 10 * ONE, is_buy=True)
    assert (trade.net_in, trade.root_after) == (2 * ONE, 3 * ROOT_ONE)
    assert trade.amount_in == (2 * ONE if mode == layout.OUTPUT else -(-2 * ONE * 100 // 99))


@pytest.mark.parametrize("mode", [layout.ONLY_QUOTE, layout.OUTPUT])
@pytest.mark.parametrize("is_buy", [True, False])
@given(amount=st.integers(1, ONE // 2))
def test_an_exact_purchase_is_the_trade_turned_round(mode: int, is_buy: bool, amount: int) -> None:
    """What it costs buys at least a unit less than asked."""
    state = _state(5 * ROOT_ONE // 2, collect_fee_mode=mode) if not is_buy else _state(collect_fee_mode=mode)
    there = curve.exact_out(state, amount, is_buy=is_buy)
    assert curve.exact_in(state, there.amount_in, is_buy=is_buy).amount_out >= amount - 2


def test_what_the_curve_does_not_hold_is_refused() -> None:
    """More coins than are left, more than its last price gives, more back than was sold."""
    for amount in (10 * ONE, ONE // 2 + ONE // 5):
        with pytest.raises(EmptyPool, match="holds less"):
            curve.exact_out(_state(), amount, is_buy=True)
    with pytest.raises(EmptyPool, match="sell less"):
        curve.exact_in(_state(2 * ROOT_ONE), ONE, is_buy=False)
    with pytest.raises(EmptyPool, match="holds less"):
        curve.exact_out(_state(), 1, is_buy=False)


def test_a_pool_without_its_config_has_no_curve() -> None:
    """And says what to do."""
    with pytest.raises(curve.CurveUnknown, match="load the pool with it"):
        curve.state({"curve_points": 0})
