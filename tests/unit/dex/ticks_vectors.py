"""Small concentrated pools, for the tests of ticks*.py and of the two venues that use them."""

from __future__ import annotations

import hashlib
from typing import Any

from sniperforge.base.events import LiquidityChanged, Pool, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import ticks, ticks_pool
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.dex.ticks_pool import Book


def named_key(name: str) -> Pubkey:
    """Return a key nobody has."""
    return Pubkey(hashlib.sha256(name.encode()).digest())


COIN, USER = key("TqgEKXHjGDzMNvZCEo7x5cdPUPpfbcqGJ8P8MfJqb6C"), named_key("user")
#: Price 1, a thousand million at it; a step up at 64 and down at 128 and -64.
BOOK = Book(1 << 64, 0, 10**9, {-64: 10**9, 64: 5 * 10**8, 128: -(15 * 10**8)}, -5_632, 5_631)


def make_pool(venue: str, book: Book = BOOK, *, keys: str = "", base_is_0: int = 1, **numbers: int) -> Pool:
    """Return a pool of *venue* with *book*; *keys* are names."""
    pool = Pool(
        venue=venue,
        address=named_key("pool"),
        base_mint=COIN,
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=0,
        quote_reserve=0,
        keys={name: named_key(name) for name in keys.split()},
        numbers={"base_is_0": base_is_0, "tick_spacing": 64, **numbers},
    )
    return ticks_pool.with_book(pool, book, 5)


def swapped(pool: Pool, /, **changes: Any) -> Swapped:
    """Return a trade of *pool* that tells no reserves."""
    fields: dict[str, Any] = {
        "venue": pool.venue,
        "pool": pool.address,
        "base_mint": ZERO_KEY,
        "trader": USER,
        "is_buy": True,
        "base_amount": 1,
        "quote_amount": 1,
        "base_reserve": -1,
        "quote_reserve": -1,
        "slot": 6,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


def changed(pool: Pool, lower: int, upper: int, change: int, /, **changes: Any) -> LiquidityChanged:
    """Return a change of liquidity between two ticks."""
    numbers = {"tick_lower": lower, "tick_upper": upper, **ticks_pool.wide("liquidity_change", change)}
    fields: dict[str, Any] = {
        "venue": pool.venue,
        "pool": pool.address,
        "added": change > 0,
        "base_amount": 1,
        "quote_amount": 1,
        "base_reserve": -1,
        "quote_reserve": -1,
        "slot": 6,
        "signature": "s",
        "numbers": numbers,
    }
    return LiquidityChanged(**{**fields, **changes})


def price_at(tick: int) -> int:
    """Return Orca's price at *tick*."""
    return ticks.orca_price_at(tick)
