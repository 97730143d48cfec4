"""A swap across ticks is the official SDKs' and programs' to the base unit, and stops where they stop."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.dex import ticks
from sniperforge.dex.ticks_fees import Volatility
from sniperforge.dex.ticks_pool import Book
from sniperforge.dex.ticks_walk import Rules, farthest, walk
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.raydium_recordings import golden
from tests.unit.dex.ticks_vectors import BOOK

ORCA = Rules("orca", ticks.orca_price_at, 3_000, None, True, -5_632, False, 0)
UP = ORCA._replace(edge=5_631)


def _book(given_: dict[str, Any], tick: str, price: str) -> Book:
    nets = {at: int(net) for at, net in given_["ticks"]}
    return Book(int(given_[price]), given_[tick], int(given_["liquidity"]), nets)


@pytest.mark.parametrize("case", golden("orca_whirlpool", "quote"))
def test_orca_s_sdk_swaps_alike(case: dict[str, Any]) -> None:
    """Three arrays of 88 ticks; running past them is the SDK's error and our EmptyPool."""
    told, expected = case["inputs"], case["expected"]
    down, span = told["a_to_b"], 88 * told["tick_spacing"]
    base = told["tick_current_index"] // span * span
    edge = base - 2 * span if down else base + 3 * span - 1
    rules = ORCA._replace(rate=told["fee_rate"], edge=min(max(edge, ticks.TICK_MIN), ticks.TICK_MAX))
    book = _book(told, "tick_current_index", "sqrt_price")
    if "error" in expected:
        with pytest.raises(EmptyPool):
            walk(book, int(told["amount_in"]), rules, down=down, exact_in=True)
        return
    done = walk(book, int(told["amount_in"]), rules, down=down, exact_in=True)
    assert (done.amount_out, done.fee) == (int(expected["amount_out"]), int(expected["trade_fee"]))


@pytest.mark.parametrize("case", golden("raydium_clmm", "quote"))
def test_raydium_s_sdk_swaps_alike(case: dict[str, Any]) -> None:
    """With price, tick and liquidity after, and what is left where the ticks end."""
    told, expected = case["inputs"], case["expected"]
    down, span = told["zero_for_one"], 60 * told["tick_spacing"]
    starts = told["tick_array_starts"]
    edge = min(starts) if down else max(starts) + span - 1
    rules = Rules("clmm", ticks.raydium_price_at, told["trade_fee_rate"], None, True, edge, True, 1)
    done = farthest(
        _book(told, "tick_current", "sqrt_price_x64"), int(told["amount_in"]), rules, down=down, exact_in=True
    )
    assert done.left == int(expected["amount_remaining"])
    assert (done.amount_out, done.fee) == (int(expected["amount_out"]), int(expected["fee"]))
    assert (done.price, done.tick) == (int(expected["sqrt_price_x64"]), expected["tick_current"])
    assert done.liquidity == int(expected["liquidity"])


def test_ticks_crossed_change_the_liquidity() -> None:
    """Up over 64 there is half as much again, over 128 nothing; down over -64 nothing."""
    at_64 = ticks.amount_1(1 << 64, ticks.orca_price_at(64), 10**9, up=True)
    done = walk(BOOK, 2 * at_64, UP, down=False, exact_in=True)
    assert (done.liquidity, done.left) == (15 * 10**8, 0)
    assert 64 <= done.tick < 128
    with pytest.raises(EmptyPool, match=r"the ticks in reach trade \d+ of 1000000000000; ask for less"):
        walk(BOOK, 10**12, UP, down=False, exact_in=True)
    edge = farthest(BOOK, 10**12, ORCA, down=True, exact_in=True)
    assert (edge.liquidity, edge.tick, edge.price) == (0, -5_633, ticks.orca_price_at(-5_632))


def test_raydium_wants_a_tick_ahead_even_where_it_is_not_reached() -> None:
    rules = UP._replace(needs_next=True, margin=1)
    assert walk(BOOK, 1_000, rules, down=False, exact_in=True).amount_out == 996
    with pytest.raises(EmptyPool):
        walk(BOOK._replace(nets={}), 1_000, rules, down=False, exact_in=True)


def test_the_last_price_of_all_is_the_end() -> None:
    """Of a position over the whole range nobody buys the last base unit."""
    book = BOOK._replace(nets={}, first=ticks.TICK_MIN, last=ticks.TICK_MAX)
    for down, edge, price in ((True, ticks.TICK_MIN, 4_295_048_016), (False, ticks.TICK_MAX, None)):
        end = farthest(book, 10**30, ORCA._replace(edge=edge), down=down, exact_in=True)
        assert end.price == (price or ticks.orca_price_at(ticks.TICK_MAX))
    one_off = farthest(book, 10**30, ORCA._replace(edge=ticks.TICK_MIN, margin=1), down=True, exact_in=True)
    assert one_off.price == 4_295_048_017
    beyond = book._replace(nets={ticks.TICK_MIN + 1: 0})
    assert farthest(beyond, 10**30, ORCA._replace(edge=ticks.TICK_MIN), down=True, exact_in=True).left > 0
    near = ORCA._replace(edge=ticks.TICK_MIN, margin=ticks.orca_price_at(0) - 4_295_048_016)
    assert farthest(BOOK, 10, near, down=True, exact_in=True).left == 10


@pytest.mark.parametrize(
    "book", [BOOK._replace(first=1), BOOK._replace(last=-1), BOOK._replace(price=0)], ids=["below", "above", "no price"]
)
def test_a_price_outside_what_is_known_is_refused(book: Book) -> None:
    with pytest.raises(EmptyPool, match="not known; load the pool again"):
        walk(book, 1, UP, down=False, exact_in=True)


def test_ticks_that_take_more_than_there_is_are_refused() -> None:
    with pytest.raises(EmptyPool, match="do not add up"):
        walk(BOOK._replace(nets={64: -(10**10)}), 10**8, UP, down=False, exact_in=True)


def test_more_than_a_token_can_hold_is_refused() -> None:
    book = BOOK._replace(nets={}, liquidity=1 << 100, last=ticks.TICK_MAX)
    with pytest.raises(EmptyPool):
        walk(book, (1 << 64) - 1, UP._replace(edge=ticks.TICK_MAX), down=False, exact_in=False)


@given(amount=st.integers(0, 4_000_000), down=st.booleans(), fee_on_input=st.booleans())
def test_exact_output_is_the_inverse(amount: int, down: bool, fee_on_input: bool) -> None:
    """What an exact output costs brings at most a few units less: each step rounds."""
    rules = (ORCA if down else UP)._replace(fee_on_input=fee_on_input)
    try:
        asked = walk(BOOK, amount, rules, down=down, exact_in=False)
    except EmptyPool:
        return
    assert asked.amount_out == amount
    paid = walk(BOOK, asked.amount_in, rules, down=down, exact_in=True)
    assert amount - 4 <= paid.amount_out <= amount + 1


@given(amount=st.integers(1, 3_000_000), down=st.booleans(), is_orca=st.booleans(), exact_in=st.booleans())
def test_a_fee_that_rises_never_gives_more(amount: int, down: bool, is_orca: bool, exact_in: bool) -> None:
    """Whatever second it lands in."""
    fees = Volatility(16, 4_000, 350_000, 5_000, 20_000, 1, 100_000, is_orca)
    rules = ORCA if down else UP
    try:
        flat = walk(BOOK, amount, rules, down=down, exact_in=exact_in)
        risen = walk(BOOK, amount, rules._replace(volatility=fees), down=down, exact_in=exact_in)
    except EmptyPool:
        return
    assert risen.amount_out <= flat.amount_out
    assert risen.amount_in >= flat.amount_in
    assert risen.fee >= flat.fee
