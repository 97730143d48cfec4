"""Launches, trades and changes of liquidity made by hand: what the tests of facts stand on."""

from __future__ import annotations

from typing import Any

from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex.programs import TOKEN
from tests.unit.detect.fakes import key_of

SECOND = 1_000_000_000
SLOT = 7


def pool(name: str, **changes: Any) -> Pool:
    """Return the pool of the coin *name*; 1,000,000 coins against 1,000 of WSOL's stand-in."""
    fields: dict[str, Any] = {
        "venue": "fake",
        "address": key_of(f"pool {name}"),
        "base_mint": key_of(name),
        "quote_mint": key_of("quote"),
        "base_program": TOKEN,
        "quote_program": TOKEN,
        "base_reserve": 1_000_000,
        "quote_reserve": 1_000,
        "numbers": {"supply": 1_000_000},
    }
    return Pool(**{**fields, **changes})


def launch(name: str, *, creator: str = "creator", user: str = "user", **changes: Any) -> PoolCreated:
    """Return a launch of *name* in `SLOT`, the user "" unknown; changes of `pool` go to its pool."""
    fields: dict[str, Any] = {
        "id": 5,
        "origin_ns": 3,
        "trace_id": 9,
        "pool": pool(name, **changes.pop("pool", {})),
        "creator": key_of(creator),
        "user": key_of(user) if user else ZERO_KEY,
        "open_time": 0,
        "slot": SLOT,
        "signature": name,
        "index": 0,
        "believed_by": "event",
    }
    return PoolCreated(**{**fields, **changes})


def trade(name: str, trader: str, *, is_buy: bool = True, **changes: Any) -> Swapped:
    """Return a trade of *name* in `SLOT`: 100 coins for 10; the trader "" is nobody the source names."""
    fields: dict[str, Any] = {
        "venue": "fake",
        "pool": key_of(f"pool {name}"),
        "base_mint": key_of(name),
        "trader": key_of(trader) if trader else ZERO_KEY,
        "is_buy": is_buy,
        "base_amount": 100,
        "quote_amount": 10,
        "base_reserve": 1,
        "quote_reserve": 1,
        "slot": SLOT,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


def liquidity(name: str, *, added: bool, amount: int, after: int, **changes: Any) -> LiquidityChanged:
    """Return a change of *name*'s liquidity by *amount* of the quote, which leaves *after*."""
    fields: dict[str, Any] = {
        "venue": "fake",
        "pool": key_of(f"pool {name}"),
        "added": added,
        "base_amount": 0,
        "quote_amount": amount,
        "base_reserve": 0,
        "quote_reserve": after,
        "slot": SLOT,
        "signature": "s",
        "base_mint": key_of(name),
    }
    return LiquidityChanged(**{**fields, **changes})
