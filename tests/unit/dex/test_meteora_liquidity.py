"""Liquidity along a root of the price: amounts round against whoever trades, and 128 bits survive a Pool."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex.meteora_liquidity import ROOT_ONE
from sniperforge.dex.venue import EmptyPool

ROOTS = st.integers(liquidity.ROOT_MIN, liquidity.ROOT_MAX)
DEPTHS = st.integers(1 << 64, 1 << 127)
AMOUNTS = st.integers(0, 1 << 64)


def test_a_range_holds_what_its_formula_says() -> None:
    """From a root of 1 to 2: half the liquidity of the first token, all of the second."""
    depth = 1_001 << 64
    assert liquidity.first_between(ROOT_ONE, 2 * ROOT_ONE, depth) == 500
    assert liquidity.first_between(ROOT_ONE, 2 * ROOT_ONE, depth, up=True) == 501
    assert liquidity.second_between(ROOT_ONE, 2 * ROOT_ONE, depth) == 1_001
    assert liquidity.second_between(ROOT_ONE, 2 * ROOT_ONE, depth + 1, up=True) == 1_002


@given(root=ROOTS, depth=DEPTHS, amount=AMOUNTS)
def test_what_came_in_pays_for_no_more_than_itself(root: int, depth: int, amount: int) -> None:
    """The price moves at most as far as the amount carries it."""
    lower = liquidity.after_first_in(root, depth, amount)
    assert lower <= root
    assert liquidity.first_between(lower, root, depth) <= amount
    upper = liquidity.after_second_in(root, depth, amount)
    assert upper >= root
    assert liquidity.second_between(root, upper, depth) <= amount


@given(root=ROOTS, depth=DEPTHS, amount=AMOUNTS)
def test_what_goes_out_is_there(root: int, depth: int, amount: int) -> None:
    """Or it is refused."""
    try:
        upper = liquidity.after_first_out(root, depth, amount)
        assert liquidity.first_between(root, upper, depth, up=True) >= amount
    except EmptyPool:
        assert amount * root >= depth
    try:
        lower = liquidity.after_second_out(root, depth, amount)
        assert liquidity.second_between(lower, root, depth, up=True) >= amount
    except EmptyPool:
        assert amount << 128 > (root - 1) * depth


def test_the_impact_is_of_the_coins_price() -> None:
    """A root that doubles makes token A four times as dear, and token B a quarter."""
    assert liquidity.impact_bps(ROOT_ONE, 2 * ROOT_ONE, base_is_first=True) == 30_000
    assert liquidity.impact_bps(ROOT_ONE, 2 * ROOT_ONE, base_is_first=False) == 7_500
    assert liquidity.first_in_second(100, 2 * ROOT_ONE) == 400
    assert liquidity.second_in_first(400, 2 * ROOT_ONE) == 100


@pytest.mark.parametrize("value", [0, 1, 2**64 - 1, 2**64, 2**128 - 1])
def test_wide_numbers_survive_a_pool(value: int) -> None:
    """Each half fits what an event's integer holds."""
    halves = liquidity.split("root", value)
    assert max(halves.values()) < 2**64
    assert liquidity.joined(halves, "root") == value
    assert liquidity.joined({}, "root") == 0
