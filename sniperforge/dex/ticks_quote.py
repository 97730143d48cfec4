"""Quotes of a concentrated pool: what the coin's own transfer fee takes, then a walk across its ticks.

pool + amount + rules -> Quote

What a swap reaches and what it costs is the venue's to say (`Rules`); the coin's
transfer fee and what a fee in coins is worth are the same everywhere.
"""

from __future__ import annotations

from sniperforge.base.events import Pool
from sniperforge.dex import token_pair
from sniperforge.dex.ticks_pool import Book, book_of, impact_bps, worth
from sniperforge.dex.ticks_walk import Rules, Walk, walk
from sniperforge.dex.venue import EmptyPool, Quote


def is_down(pool: Pool, *, is_buy: bool) -> bool:
    """Return whether such a trade pays token 0 in, so that the price of token 0 falls."""
    return (pool.numbers["base_is_0"] == 1) is not is_buy


def book_to_trade(pool: Pool) -> Book:
    """Return what is known of the pool's liquidity.

    Raises:
        EmptyPool: its reserves are told to be gone.
    """
    book = book_of(pool.numbers)
    if book.liquidity and min(pool.base_reserve, pool.quote_reserve) <= 0:
        raise EmptyPool(f"{pool.venue}: a reserve is zero; nothing can be traded here")
    return book


def quote_in(pool: Pool, amount_in: int, rules: Rules, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives; raises EmptyPool beyond the ticks in reach."""
    book, down = book_to_trade(pool), is_down(pool, is_buy=is_buy)
    taxed = 0 if is_buy else token_pair.transfer_fee(pool, amount_in)
    done = walk(book, amount_in - taxed, rules, down=down, exact_in=True)
    return _quote(pool, book, done, rules, taxed, is_buy=is_buy)


def quote_out(pool: Pool, amount_out: int, rules: Rules, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives; raises EmptyPool beyond the ticks in reach."""
    book, down = book_to_trade(pool), is_down(pool, is_buy=is_buy)
    gross = token_pair.before_transfer_fee(pool, amount_out) if is_buy else amount_out
    done = walk(book, gross, rules, down=down, exact_in=False)
    taxed = 0 if is_buy else token_pair.before_transfer_fee(pool, done.amount_in) - done.amount_in
    return _quote(pool, book, done, rules, taxed, is_buy=is_buy)


def _quote(pool: Pool, book: Book, done: Walk, rules: Rules, taxed: int, *, is_buy: bool) -> Quote:
    base_is_0 = bool(pool.numbers["base_is_0"])
    taxed_out = token_pair.transfer_fee(pool, done.amount_out) if is_buy else 0
    coins, in_quote = taxed + taxed_out, done.fee
    if rules.fee_on_input is not is_buy:
        coins, in_quote = coins + done.fee, 0
    return Quote(
        amount_in=done.amount_in + taxed,
        amount_out=done.amount_out - taxed_out,
        fee_amount=in_quote + worth(coins, book.price, base_is_0=base_is_0),
        impact_bps=impact_bps(book.price, done.price, base_is_0=base_is_0),
    )
