"""Liquidity along a square-root price, as Meteora's DAMM v2 and its bonding curve count it.

liquidity, root of the price, amount -> the next root, amounts on either side
u128 <-> two numbers of a Pool

A root is Q64.64, liquidity is scaled by 2^64 as well: the first token of a range is
L * (upper - lower) / (lower * upper), the second L * (upper - lower) / 2^128.

Source: MeteoraAg/damm-v2, liquidity_handler/concentrated_liquidity.rs; the same
arithmetic stands in MeteoraAg/dynamic-bonding-curve, curve.rs.
"""

from __future__ import annotations

from collections.abc import Mapping

from sniperforge.base.units import BPS_ONE, U64_MAX, ceil_div
from sniperforge.dex.venue import EmptyPool

SCALE = 128
ROOT_ONE = 1 << 64
ROOT_MIN, ROOT_MAX = 4_295_048_016, 79_226_673_521_066_979_257_578_248_091


# ── amounts ───────────────────────────────────────────────────────────────


def first_between(lower: int, upper: int, liquidity: int, *, up: bool = False) -> int:
    """Return the first token's base units between two roots, rounded down unless *up*."""
    product, divisor = liquidity * (upper - lower), lower * upper
    return ceil_div(product, divisor) if up else product // divisor


def second_between(lower: int, upper: int, liquidity: int, *, up: bool = False) -> int:
    """Return the second token's base units between two roots, rounded down unless *up*."""
    product = liquidity * (upper - lower)
    return -(-product >> SCALE) if up else product >> SCALE


# ── roots ─────────────────────────────────────────────────────────────────


def after_first_in(root: int, liquidity: int, amount: int) -> int:
    """Return the root after *amount* of the first token came in: lower, rounded up."""
    return ceil_div(liquidity * root, liquidity + amount * root)


def after_second_in(root: int, liquidity: int, amount: int) -> int:
    """Return the root after *amount* of the second token came in: higher, rounded down."""
    return root + (amount << SCALE) // liquidity


def after_first_out(root: int, liquidity: int, amount: int) -> int:
    """Return the root after *amount* of the first token went out: higher, rounded up.

    Raises:
        EmptyPool: the liquidity holds no more than that, at any price.
    """
    left = liquidity - amount * root
    if left <= 0:
        raise EmptyPool(f"the liquidity holds less than {amount} of the coin; ask for less")
    return ceil_div(liquidity * root, left)


def after_second_out(root: int, liquidity: int, amount: int) -> int:
    """Return the root after *amount* of the second token went out: lower, rounded down.

    Raises:
        EmptyPool: the liquidity holds no more than that, at any price.
    """
    lower = root - ceil_div(amount << SCALE, liquidity)
    if lower <= 0:
        raise EmptyPool(f"the liquidity holds less than {amount} of the second token; ask for less")
    return lower


def impact_bps(root: int, after: int, *, base_is_first: bool) -> int:
    """Return how far the coin's price moved, in basis points, rounded down."""
    before, moved = root * root, abs(after * after - root * root)
    return moved * BPS_ONE // (before if base_is_first else after * after)


def first_in_second(amount: int, root: int) -> int:
    """Return what *amount* of the first token is worth in the second, rounded down."""
    return amount * root * root >> SCALE


def second_in_first(amount: int, root: int) -> int:
    """Return what *amount* of the second token is worth in the first, rounded down."""
    return (amount << SCALE) // (root * root)


# ── u128 in the numbers of a Pool ─────────────────────────────────────────


def split(name: str, value: int) -> dict[str, int]:
    """Return *value* as `<name>_low` and `<name>_high`: an event's integers have 64 bits."""
    return {f"{name}_low": value & U64_MAX, f"{name}_high": value >> 64}


def joined(numbers: Mapping[str, int], name: str) -> int:
    """Return the value `split` took apart; 0 when it is not there."""
    return numbers.get(f"{name}_high", 0) << 64 | numbers.get(f"{name}_low", 0)
