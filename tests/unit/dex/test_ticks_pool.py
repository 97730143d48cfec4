"""A concentrated pool survives its messages, and follows its events tick by tick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import wire
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import OrderProposed, Pool
from sniperforge.dex import ticks, ticks_pool
from sniperforge.dex.programs import TOKEN, TOKEN_2022
from sniperforge.dex.ticks_fees import Volatility, numbers_of
from sniperforge.dex.ticks_pool import Book
from tests.unit.dex.ticks_vectors import BOOK, changed, make_pool, named_key, price_at, swapped

ONE = 1 << 64


@given(value=st.integers(-(1 << 127), (1 << 128) - 1))
def test_a_wide_number_travels_as_two(value: int) -> None:
    numbers = ticks_pool.wide("net", value)
    assert all(-(1 << 63) <= part < 1 << 64 for part in numbers.values())
    assert ticks_pool.number(numbers, "net") == value


def test_a_book_survives_ring_and_pipe() -> None:
    """Both carry 64 bits a number at most."""
    book = Book((77 << 64) + 5, -12, 1 << 100, {-64: -(1 << 100), 64: 1 << 100, 128: 0}, -5_632, 5_631)
    pool = make_pool("orca_whirlpool", book)
    order = OrderProposed(
        bot="b",
        side="buy",
        pool=pool,
        amount_in=1,
        amount_out_min=1,
        slippage_bps=1,
        priority_fee_micro_lamports=0,
        tip_lamports=0,
        reason="entry",
        attempt=0,
        position_id=1,
    )
    for back in (wire.decode(26, wire.encode(order)), wire.from_json(wire.to_json(order))):
        assert isinstance(back, OrderProposed)
        assert ticks_pool.book_of(back.pool.numbers) == book
    assert ticks_pool.book_of({"sqrt_price": 5}) == Book(5, 0, 0, {})


def test_reserves_are_virtual_and_the_coin_s_side_is_the_base() -> None:
    """At the price 4 (root 2) a liquidity of 100 is 50 of token 0 and 200 of token 1."""
    book = BOOK._replace(price=2 * ONE, liquidity=100)
    first, second = make_pool("v", book), make_pool("v", book, base_is_0=0)
    assert (first.base_reserve, first.quote_reserve) == (50, 200)
    assert (second.base_reserve, second.quote_reserve) == (200, 50)


def test_prices_and_impacts_are_of_the_coin() -> None:
    assert ticks_pool.impact_bps(ONE, 2 * ONE, base_is_0=True) == 30_000
    assert ticks_pool.impact_bps(ONE, 2 * ONE, base_is_0=False) == 7_500
    assert ticks_pool.worth(10, 2 * ONE, base_is_0=True) == 40
    assert ticks_pool.worth(10, 2 * ONE, base_is_0=False) == 2


def test_token_programs_are_told_or_seen_by_size() -> None:
    assert ticks_pool.token_program({}, "base") == TOKEN
    assert ticks_pool.token_program({"base_mint": bytes(82), "base_vault": bytes(165)}, "base") == TOKEN
    assert ticks_pool.token_program({"base_mint": bytes(83)}, "base") == TOKEN_2022
    assert ticks_pool.token_program({"quote_vault": bytes(170)}, "quote") == TOKEN_2022
    assert ticks_pool.token_program({"base_program": TOKEN_2022}, "base") == TOKEN_2022
    with pytest.raises(DecodeError, match="31 bytes"):
        ticks_pool.token_program({"base_program": bytes(31)}, "base")


# ── following ─────────────────────────────────────────────────────────────


def _after(pool: Pool, event: object) -> Book:
    return ticks_pool.book_of(ticks_pool.apply(pool, event, price_at).numbers)  # type: ignore[arg-type]


def test_a_trade_that_tells_all_is_taken_at_its_word() -> None:
    pool = make_pool("v")
    numbers = {**ticks_pool.wide("sqrt_price", 3 * ONE), "liquidity": 7, "tick": 21_972}
    after = ticks_pool.apply(pool, swapped(pool, numbers=numbers), price_at)
    book = ticks_pool.book_of(after.numbers)
    assert (book.price, book.tick, book.liquidity, book.nets) == (3 * ONE, 21_972, 7, BOOK.nets)
    assert (after.base_reserve, after.quote_reserve, after.slot) == (2, 21, 6)


@pytest.mark.parametrize(
    ("tick", "liquidity"), [(10, 10**9), (64, 15 * 10**8), (70, 15 * 10**8), (128, 0), (-1, 10**9), (-65, 0)]
)
def test_a_trade_that_tells_its_price_crosses_the_ticks_between(tick: int, liquidity: int) -> None:
    """Up over 64 and 128; down over -64 once it is left below."""
    pool = make_pool("v")
    book = _after(pool, swapped(pool, numbers=ticks_pool.wide("sqrt_price", price_at(tick))))
    assert (book.tick, book.liquidity) == (tick, liquidity)


def test_a_price_that_falls_onto_a_tick_has_crossed_it() -> None:
    pool = make_pool("v")
    book = _after(pool, swapped(pool, numbers=ticks_pool.wide("sqrt_price", price_at(-64))))
    assert (book.tick, book.liquidity) == (-65, 0)


def test_a_trade_that_tells_reserves_alone_sets_what_they_stand_for() -> None:
    """4 to 1 of token 1 is the root 2; a reserve of nothing is kept and stands for no price."""
    for base_is_0, reserves in ((1, (1_000, 4_000)), (0, (4_000, 1_000))):
        pool = make_pool("v", base_is_0=base_is_0)
        base, quote = reserves
        after = ticks_pool.apply(pool, swapped(pool, base_reserve=base, quote_reserve=quote), price_at)
        assert (after.base_reserve, after.quote_reserve, after.slot) == (base, quote, 6)
        book = ticks_pool.book_of(after.numbers)
        assert (book.price, book.liquidity, book.tick) == (2 * ONE, 2_000, ticks.tick_at(2 * ONE, price_at))
    emptied = ticks_pool.apply(pool, swapped(pool, base_reserve=0, quote_reserve=5), price_at)
    assert (emptied.base_reserve, ticks_pool.book_of(emptied.numbers)) == (0, BOOK)


def test_liquidity_comes_and_goes_between_its_ticks() -> None:
    pool = make_pool("v", followed=1)
    around = _after(pool, changed(pool, -64, 192, 5))
    assert (around.liquidity, around.nets[-64], around.nets[192]) == (10**9 + 5, 10**9 + 5, -5)
    above = _after(pool, changed(pool, 64, 128, 10**9))
    assert (above.liquidity, above.nets[64]) == (10**9, 15 * 10**8)
    gone = _after(pool, changed(pool, -64, 64, -(10**9)))
    assert (gone.liquidity, -64 in gone.nets, gone.nets[64]) == (0, False, 15 * 10**8)
    assert _after(pool, changed(pool, -64, 64, 1 << 90)).liquidity == (1 << 90) + 10**9


def test_two_positions_back_to_back_leave_their_tick() -> None:
    pool = make_pool("v")
    book = _after(pool, changed(pool, 128, 256, 15 * 10**8))
    assert book.nets[128] == 0


def test_a_change_at_the_slot_a_pool_was_loaded_is_known_already() -> None:
    """A pool followed from its creation was not loaded: everything of that slot counts."""
    loaded, followed = make_pool("v"), make_pool("v", followed=1)
    event = changed(loaded, 64, 128, 10, slot=5)
    assert ticks_pool.apply(loaded, event, price_at) == loaded
    assert _after(followed, event).nets[64] == 5 * 10**8 + 10
    assert ticks_pool.apply(loaded, changed(loaded, 64, 128, 10), price_at).numbers["followed"] == 1


def test_what_is_not_about_the_pool_leaves_it() -> None:
    pool = make_pool("v")
    events = (
        swapped(pool, pool=named_key("other"), base_reserve=1, quote_reserve=1),
        swapped(pool, slot=4, base_reserve=1, quote_reserve=1),
        swapped(pool),
    )
    for event in events:
        assert ticks_pool.apply(pool, event, price_at) == pool


def test_a_trade_excites_an_adaptive_fee() -> None:
    pool = make_pool("v", BOOK, keys="", base_is_0=1, **numbers_of(Volatility(64, 1, 10**6, 0, 0, 0, 0, True)))
    after = ticks_pool.apply(pool, swapped(pool, numbers=ticks_pool.wide("sqrt_price", price_at(130))), price_at)
    assert after.numbers["volatility.accumulator"] == 20_000
