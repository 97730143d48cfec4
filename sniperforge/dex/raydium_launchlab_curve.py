"""The arithmetic of LaunchLab's three curves: constant product, fixed price, linear price.

curve state, amount, fee rates -> what is paid, what comes, how the fee is shared

All of a curve's state are two constants (virtual_base, virtual_quote) and two
counters: what was sold (real_base) and what was raised (real_quote).

Source: @raydium-io/raydium-sdk-v2, launchpad/curve/*; the constant curve reproduces a
recorded mainnet buy. The linear curve's rounding on chain was not seen: the SDK rounds
its square root to the nearest, and so do we.
"""

from __future__ import annotations

from math import isqrt
from typing import NamedTuple

from sniperforge.base.units import ceil_div
from sniperforge.dex.venue import EmptyPool

RATE_ONE = 1_000_000
CONSTANT, FIXED, LINEAR = 0, 1, 2


class Curve(NamedTuple):
    """The state of a curve before a trade; `kind` is 0 constant product, 1 fixed price, 2 linear."""

    kind: int
    virtual_base: int
    virtual_quote: int
    real_base: int
    real_quote: int
    total_base_sell: int


class Rates(NamedTuple):
    """Fee rates per million of the quote side."""

    protocol: int
    platform: int = 0
    creator: int = 0
    share: int = 0

    @property
    def total(self) -> int:
        """All of them: the program rounds once, on this."""
        return self.protocol + self.platform + self.creator + self.share


class Fees(NamedTuple):
    """How one fee is shared: all floors, the rest is the protocol's."""

    platform: int
    creator: int
    share: int
    protocol: int


class Trade(NamedTuple):
    """One trade: `amount_in` paid with all fees, `amount_out` received, and the counters after it."""

    amount_in: int
    amount_out: int
    fee: int
    real_base_after: int
    real_quote_after: int


class Start(NamedTuple):
    """The constants a new curve gets."""

    virtual_base: int
    virtual_quote: int
    total_base_sell: int


def buy_exact_in(curve: Curve, amount_in: int, rates: Rates) -> Trade:
    """Return the trade that pays *amount_in* quote units, or less where the curve has less left to sell."""
    fee = ceil_div(amount_in * rates.total, RATE_ONE)
    net = amount_in - fee
    bought, left = _bought_for(curve, net), curve.total_base_sell - curve.real_base
    if bought > left:
        return buy_exact_out(curve, left, rates)
    return Trade(amount_in, bought, fee, curve.real_base + bought, curve.real_quote + net)


def buy_exact_out(curve: Curve, amount_out: int, rates: Rates) -> Trade:
    """Return the trade that buys exactly *amount_out* coins.

    Raises:
        EmptyPool: the curve has fewer left to sell.
    """
    left = curve.total_base_sell - curve.real_base
    if amount_out > left:
        raise EmptyPool(
            f"raydium_launchlab: {amount_out} coins are asked for, {left} are left on the curve; ask for less"
        )
    net = _cost_of(curve, amount_out)
    amount_in = _with_fee(net, rates)
    return Trade(amount_in, amount_out, amount_in - net, curve.real_base + amount_out, curve.real_quote + net)


def sell_exact_in(curve: Curve, amount_in: int, rates: Rates) -> Trade:
    """Return the trade that sells *amount_in* coins; the fee is taken from what comes.

    Raises:
        EmptyPool: the curve never sold that many.
    """
    gross = _paid_for(curve, amount_in)
    fee = ceil_div(gross * rates.total, RATE_ONE)
    return Trade(amount_in, gross - fee, fee, curve.real_base - amount_in, curve.real_quote - gross)


def sell_exact_out(curve: Curve, amount_out: int, rates: Rates) -> Trade:
    """Return the trade that sells just enough coins for *amount_out*.

    Raises:
        EmptyPool: the curve holds less.
    """
    gross = _with_fee(amount_out, rates)
    if gross > curve.real_quote:
        raise EmptyPool(f"raydium_launchlab: {gross} shall come out of {curve.real_quote}; ask for less")
    amount_in = _coins_for(curve, gross)
    return Trade(amount_in, amount_out, gross - amount_out, curve.real_base - amount_in, curve.real_quote - gross)


def shared(fee: int, rates: Rates) -> Fees:
    """Return how *fee* is shared."""
    total = rates.total or 1
    platform, creator, share = (fee * rate // total for rate in (rates.platform, rates.creator, rates.share))
    return Fees(platform, creator, share, fee - platform - creator - share)


def start(kind: int, *, supply: int, total_base_sell: int, raising: int, locked: int, migrate_fee: int) -> Start:
    """Return the constants the program gives a new curve.

    Args:
        kind: 0 constant product, 1 fixed price, 2 linear.
        supply, total_base_sell, locked: coins made, to be sold (constant only), vested.
        raising: quote units at which the curve is complete.
        migrate_fee: GlobalConfig.migrate_fee, kept back from the pool that follows.

    Raises:
        EmptyPool: no curve can be drawn through these numbers.
    """
    free, kept = supply - locked, raising - migrate_fee
    made = Start(0, 0, 0)
    if kind == CONSTANT:
        left = free - total_base_sell
        scaled = kept * total_base_sell // left - raising if left > 0 else 0
        if scaled > 0:
            made = Start(kept * total_base_sell**2 // left // scaled, raising**2 // scaled, total_base_sell)
    elif free > 0 and kept >= 0 and raising > 0:
        share = raising if kind == FIXED else raising * 2
        sold = free * share // (share + kept)
        made = Start(sold, raising, sold) if kind == FIXED else Start((raising << 65) // (sold**2 or 1), 0, sold)
    if not is_sound(Curve(kind, made.virtual_base, made.virtual_quote, 0, 0, made.total_base_sell)):
        raise EmptyPool("raydium_launchlab: no curve can be drawn through the launch's numbers; do not trade it")
    return made


def is_sound(curve: Curve) -> bool:
    """Return whether *curve* can be traded along: it has a price everywhere, and sells before it runs out."""
    if curve.kind not in (CONSTANT, FIXED, LINEAR) or curve.total_base_sell <= 0 or curve.virtual_base <= 0:
        return False
    if curve.kind == CONSTANT and curve.virtual_base <= curve.total_base_sell:
        return False
    return (curve.virtual_quote > 0) is not (curve.kind == LINEAR)


def _with_fee(net: int, rates: Rates) -> int:
    return ceil_div(net * RATE_ONE, RATE_ONE - rates.total)


def _bought_for(curve: Curve, net: int) -> int:
    if curve.kind == CONSTANT:
        return net * (curve.virtual_base - curve.real_base) // (curve.virtual_quote + curve.real_quote + net)
    if curve.kind == FIXED:
        return net * curve.virtual_base // curve.virtual_quote
    square = ((curve.real_quote + net) << 65) // curve.virtual_base
    root = isqrt(square)
    return max(root + (square - root * root > root) - curve.real_base, 0)


def _cost_of(curve: Curve, coins: int) -> int:
    if curve.kind == CONSTANT:
        held = curve.virtual_base - curve.real_base
        return ceil_div((curve.virtual_quote + curve.real_quote) * coins, held - coins)
    if curve.kind == FIXED:
        return ceil_div(coins * curve.virtual_quote, curve.virtual_base)
    return max(ceil_div(curve.virtual_base * (curve.real_base + coins) ** 2, 1 << 65) - curve.real_quote, 0)


def _paid_for(curve: Curve, coins: int) -> int:
    if coins > curve.real_base:
        raise EmptyPool(f"raydium_launchlab: {coins} coins come back, {curve.real_base} were sold; sell fewer")
    if curve.kind == CONSTANT:
        held = curve.virtual_base - curve.real_base
        return coins * (curve.virtual_quote + curve.real_quote) // (held + coins)
    if curve.kind == FIXED:
        return coins * curve.virtual_quote // curve.virtual_base
    return max(curve.real_quote - ceil_div(curve.virtual_base * (curve.real_base - coins) ** 2, 1 << 65), 0)


def _coins_for(curve: Curve, gross: int) -> int:
    """Return the least coins that `_paid_for` pays *gross* for."""
    if curve.kind == CONSTANT:
        held, quote = curve.virtual_base - curve.real_base, curve.virtual_quote + curve.real_quote
        return ceil_div(held * gross, quote - gross)
    if curve.kind == FIXED:
        return ceil_div(gross * curve.virtual_base, curve.virtual_quote)
    # The most that may stay sold so that its cost, rounded up, leaves *gross* over.
    return curve.real_base - min(isqrt(((curve.real_quote - gross) << 65) // curve.virtual_base), curve.real_base)
