"""Concentrated liquidity between two prices: the arithmetic Orca Whirlpool and Raydium CLMM share.

tick -> square root of the price (each program in its own rounding) -> tick
liquidity, two prices -> amounts
amount, liquidity, price, target -> one step of a swap, to the base unit

Prices are square roots of token 1 per token 0, times 2^64 (Q64.64). Amounts that come
in round up, amounts that go out round down, a price never moves further than paid for.

Source: orca-so/whirlpools, math/{tick,token,swap}_math.rs; raydium-io/raydium-clmm,
libraries/{tick,sqrt_price,liquidity,swap}_math.rs. Both descend from Uniswap v3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from sniperforge.base.units import U64_MAX, ceil_div
from sniperforge.dex.venue import EmptyPool

TICK_MIN, TICK_MAX = -443_636, 443_636
#: Fee rates are per million.
RATE_ONE = 1_000_000
ONE_X64 = 1 << 64
U128_MAX = (1 << 128) - 1

#: Tick -> root of its price.
PriceAt = Callable[[int], int]

# Row i is the root of 1.0001^(-2^i) as Q0.64, as each program rounds it.
_ORCA_DOWN = (
    18445821805675392311, 18444899583751176498, 18443055278223354162, 18439367220385604838,
    18431993317065449817, 18417254355718160513, 18387811781193591352, 18329067761203520168,
    18212142134806087854, 17980523815641551639, 17526086738831147013, 16651378430235024244,
    15030750278693429944, 12247334978882834399, 8131365268884726200, 3584323654723342297,
    696457651847595233, 26294789957452057, 37481735321082,
)  # fmt: skip
# The root of 1.0001^(2^i) as Q32.96.
_ORCA_UP = (
    79232123823359799118286999567, 79236085330515764027303304731, 79244008939048815603706035061,
    79259858533276714757314932305, 79291567232598584799939703904, 79355022692464371645785046466,
    79482085999252804386437311141, 79736823300114093921829183326, 80248749790819932309965073892,
    81282483887344747381513967011, 83390072131320151908154831281, 87770609709833776024991924138,
    97234110755111693312479820773, 119332217159966728226237229890, 179736315981702064433883588727,
    407748233172238350107850275304, 2098478828474011932436660412517, 55581415166113811149459800483533,
    38992368544603139932233054999993551,
)  # fmt: skip
_RAYDIUM_DOWN = (
    0xFFFCB933BD6FB800, 0xFFF97272373D4000, 0xFFF2E50F5F657000, 0xFFE5CACA7E10F000, 0xFFCB9843D60F7000,
    0xFF973B41FA98E800, 0xFF2EA16466C9B000, 0xFE5DEE046A9A3800, 0xFCBE86C7900BB000, 0xF987A7253AC65800,
    0xF3392B0822BB6000, 0xE7159475A2CAF000, 0xD097F3BDFD2F2000, 0xA9F746462D9F8000, 0x70D869A156F31C00,
    0x31BE135F97ED3200, 0x9AA508B5B85A500, 0x5D6AF8DEDC582C, 0x2216E584F5FA,
)  # fmt: skip


# ── prices and ticks ──────────────────────────────────────────────────────


@lru_cache(maxsize=8192)
def orca_price_at(tick: int) -> int:
    """Return the root of the price at *tick* as Orca computes it; ticks beyond the range are the range's ends."""
    tick = min(max(tick, TICK_MIN), TICK_MAX)
    if tick < 0:
        return _product(-tick, _ORCA_DOWN, 64)
    return _product(tick, _ORCA_UP, 96) >> 32


@lru_cache(maxsize=8192)
def raydium_price_at(tick: int) -> int:
    """Return the root of the price at *tick* as Raydium computes it: above 0 the reciprocal of the mirrored tick."""
    tick = min(max(tick, TICK_MIN), TICK_MAX)
    root = _product(abs(tick), _RAYDIUM_DOWN, 64)
    return U128_MAX // root if tick > 0 else root


def _product(steps: int, powers: tuple[int, ...], bits: int) -> int:
    root = 1 << bits
    for number, power in enumerate(powers):
        if steps >> number & 1:
            root = root * power >> bits
    return root


def tick_at(price: int, price_at: PriceAt) -> int:
    """Return the greatest tick whose price is at most *price*; the lowest tick for anything less."""
    low, high = TICK_MIN, TICK_MAX
    while low < high:
        middle = (low + high + 1) // 2
        if price_at(middle) <= price:
            low = middle
        else:
            high = middle - 1
    return low


# ── amounts ───────────────────────────────────────────────────────────────


def amount_0(lower: int, upper: int, liquidity: int, *, up: bool) -> int:
    """Return token 0 between two prices, *lower* the smaller; rounded up or down."""
    numerator, denominator = (liquidity << 64) * (upper - lower), lower * upper
    return ceil_div(numerator, denominator) if up else numerator // denominator


def amount_1(lower: int, upper: int, liquidity: int, *, up: bool) -> int:
    """Return token 1 between two prices, *lower* the smaller; rounded up or down."""
    product = liquidity * (upper - lower)
    return -(-product >> 64) if up else product >> 64


def price_after_in(price: int, liquidity: int, amount: int, *, down: bool) -> int:
    """Return the price after *amount* came in: token 0 (*down*, rounded up) or token 1 (rounded down)."""
    if not down:
        return price + (amount << 64) // liquidity
    wide = liquidity << 64
    return ceil_div(wide * price, wide + amount * price)


def price_after_out(price: int, liquidity: int, amount: int, *, down: bool) -> int:
    """Return the price after *amount* went out: token 1 (*down*, rounded down) or token 0 (rounded up).

    Raises:
        EmptyPool: the liquidity holds no more than that at any price.
    """
    if down:
        after = price - ceil_div(amount << 64, liquidity)
        if after > 0:
            return after
    else:
        wide = liquidity << 64
        left = wide - amount * price
        if left > 0:
            return ceil_div(wide * price, left)
    raise EmptyPool(f"{amount} is more than the liquidity here holds; ask for less")


# ── one step ──────────────────────────────────────────────────────────────


class Step(NamedTuple):
    """What one stretch of equal liquidity did.

    Attributes:
        price: after it.
        amount_in: what moved the price, without the fee; amount_out: what came out.
        fee: on top of `amount_in`, or (a fee on the output) already off `amount_out`.
    """

    price: int
    amount_in: int
    amount_out: int
    fee: int


def step_in(price: int, target: int, liquidity: int, left: int, rate: int, *, fee_on_input: bool = True) -> Step:
    """Return the step that spends at most *left*, fee included, on the way from *price* to *target*.

    Args:
        rate: fee per million; on the input it stays with what the step spends, and
            where the target is not reached all that is left over is fee.
    """
    down = target < price
    net = left * (RATE_ONE - rate) // RATE_ONE if fee_on_input else left
    reached = _needed(price, target, liquidity, down=down) <= net
    after = target if reached else price_after_in(price, liquidity, net, down=down)
    # A rounding may land on the target with less than it needs: to the programs that is reached, too.
    reached = after == target
    amount_in = _needed(price, after, liquidity, down=down)
    amount_out = _given(price, after, liquidity, down=down)
    if not fee_on_input:
        fee = ceil_div(amount_out * rate, RATE_ONE)
        return Step(after, amount_in if reached else left, amount_out - fee, fee)
    fee = ceil_div(amount_in * rate, RATE_ONE - rate) if reached else left - amount_in
    return Step(after, amount_in, amount_out, fee)


def step_out(price: int, target: int, liquidity: int, left: int, rate: int, *, fee_on_input: bool = True) -> Step:
    """Return the step that brings at most *left* (fee off) on the way from *price* to *target*."""
    down = target < price
    gross = left if fee_on_input else ceil_div(left * RATE_ONE, RATE_ONE - rate)
    reached = _given(price, target, liquidity, down=down) <= gross
    after = target if reached else price_after_out(price, liquidity, gross, down=down)
    amount_in = _needed(price, after, liquidity, down=down)
    amount_out = _given(price, after, liquidity, down=down)
    if fee_on_input:
        return Step(after, amount_in, min(amount_out, left), ceil_div(amount_in * rate, RATE_ONE - rate))
    net = min(amount_out - ceil_div(amount_out * rate, RATE_ONE), left)
    return Step(after, amount_in, net, amount_out - net)


def _needed(price: int, after: int, liquidity: int, *, down: bool) -> int:
    """Return what has to come in to move the price, rounded up."""
    if down:
        return amount_0(after, price, liquidity, up=True)
    return amount_1(price, after, liquidity, up=True)


def _given(price: int, after: int, liquidity: int, *, down: bool) -> int:
    """Return what goes out as the price moves, rounded down."""
    if down:
        return amount_1(after, price, liquidity, up=False)
    return amount_0(price, after, liquidity, up=False)


# ── reserves ──────────────────────────────────────────────────────────────


def reserves(price: int, liquidity: int) -> tuple[int, int]:
    """Return the virtual reserves of tokens 0 and 1 at *price*: L/√P and L·√P, at most 2^64 - 1 each.

    A constant product of these two trades as the pool does until the next tick.
    """
    return min((liquidity << 64) // price, U64_MAX), min(liquidity * price >> 64, U64_MAX)
