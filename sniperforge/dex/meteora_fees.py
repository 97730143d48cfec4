"""Fees of Meteora's DAMM v2 and its bonding curve: they fall with time, rise with size or with unrest.

schedule, point in time, amount -> fee numerator of 10^9     (base fee)
accumulated volatility -> fee numerator                      (dynamic fee)
trade -> volatility after it

A point is a slot or a Unix second, as the pool's activation type says.

Source: MeteoraAg/damm-v2, base_fee/*, state/fee.rs, math/fee_math.rs; the same code,
less the market cap schedules, stands in MeteoraAg/dynamic-bonding-curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import NamedTuple

from sniperforge.base.units import BPS_ONE, U64_MAX, ceil_div
from sniperforge.dex.meteora_liquidity import ROOT_ONE, joined, split

FEE_ONE = 1_000_000_000
LINEAR, EXPONENTIAL, LIMITER, MARKET_CAP_LINEAR, MARKET_CAP_EXPONENTIAL = range(5)
_EXPONENTIALS = (EXPONENTIAL, MARKET_CAP_EXPONENTIAL)
_VARIABLE_ONE = 100_000_000_000


def excluded(amount: int, numerator: int) -> tuple[int, int]:
    """Return what is left of *amount*, and the fee taken from it (rounded up)."""
    fee = ceil_div(amount * numerator, FEE_ONE)
    return amount - fee, fee


def included(amount: int, numerator: int) -> tuple[int, int]:
    """Return the least that leaves *amount* after the fee, and that fee."""
    gross = ceil_div(amount * FEE_ONE, FEE_ONE - numerator)
    return gross, gross - amount


class Split(NamedTuple):
    """Where a fee goes; together they are all of it."""

    claiming: int
    compounding: int
    protocol: int
    referral: int


def split_fee(fee: int, *, protocol_percent: int, compounding_bps: int, referral_percent: int) -> Split:
    """Return the shares of *fee*, each rounded down; the referrer's comes out of the protocol's."""
    protocol = fee * protocol_percent // 100
    compounding = (fee - protocol) * compounding_bps // BPS_ONE
    referral = protocol * referral_percent // 100
    return Split(fee - protocol - compounding, compounding, protocol - referral, referral)


# ── fees that fall with periods ───────────────────────────────────────────


def scheduled(cliff: int, reduction: int, period: int, *, exponential: bool) -> int:
    """Return the fee numerator *period* periods after the start; never below 0.

    Args:
        cliff: the numerator at the start.
        reduction: taken off every period (linear), or basis points of what is left.
    """
    if not exponential:
        return max(cliff - reduction * period, 0)
    base = max(ROOT_ONE - (reduction << 64) // BPS_ONE, 0)
    return cliff * _power(base, period) >> 64 if reduction else cliff


def _power(base: int, exponent: int) -> int:
    """Return base^exponent of a Q64.64 below one, each product rounded down, as the program multiplies."""
    result = ROOT_ONE
    while exponent:
        if exponent & 1:
            result = result * base >> 64
        base = base * base >> 64
        exponent >>= 1
    return result


def market_cap_period(root: int, start: int, step_bps: int) -> int:
    """Return how many steps of *step_bps* the root of the price has risen since *start*."""
    return 0 if root <= start or not start or not step_bps else (root - start) * BPS_ONE // start // step_bps


# ── fees that rise with the amount ────────────────────────────────────────


class Limiter(NamedTuple):
    """A fee that grows by *increment* for every further *reference* of a buy, up to *maximum*.

    `cliff`, `increment` and `maximum` are numerators of 10^9.
    """

    cliff: int
    increment: int
    reference: int
    maximum: int

    @property
    def steps(self) -> int:
        """Increments until the maximum is reached."""
        return max(self.maximum - self.cliff, 0) // self.increment

    def of_included(self, amount: int) -> int:
        """Return the average numerator for *amount* with its fee in it."""
        cliff, step, reference = self.cliff, self.increment, self.reference
        if amount <= reference:
            return cliff
        whole, rest = divmod(amount - reference, reference)
        full = min(whole, self.steps)
        fee = reference * (cliff + cliff * full + step * full * (full + 1) // 2)
        if whole < self.steps:
            fee += rest * (cliff + step * (whole + 1))
        else:
            fee += ((whole - full) * reference + rest) * self.maximum
        return ceil_div(ceil_div(fee, FEE_ONE) * FEE_ONE, amount)

    def of_excluded(self, amount: int) -> int:
        """Return the average numerator for what has *amount* left after its fee."""
        if amount <= self._net(self.reference):
            return self.cliff
        gross_full = min((self.steps + 1) * self.reference, U64_MAX)
        net_full = self._net(gross_full)
        if amount == net_full:
            return self.of_included(gross_full)
        if amount < net_full:
            gross = self._solve(amount)
            return ceil_div((gross - amount) * FEE_ONE, gross)
        gross = included(amount - net_full, self.maximum)[0] + gross_full
        return ceil_div((gross - amount) * FEE_ONE, gross)

    def _net(self, gross: int) -> int:
        return excluded(gross, self.of_included(gross))[0]

    def _solve(self, amount: int) -> int:
        """Return what has *amount* left: the root of a quadratic, then the rest of its step."""
        step, reference = self.increment, self.reference
        linear = (2 * FEE_ONE + step - 2 * self.cliff) * reference
        inside = linear * linear - 8 * step * amount * FEE_ONE * reference
        gross = (linear - isqrt(max(inside, 0))) // (2 * step)
        rest = max(amount - self._net(gross), 0)
        return gross + included(rest, min(self.cliff + step * (gross // reference), self.maximum))[0]


# ── the base fee of a pool ────────────────────────────────────────────────


def numerator(numbers: Mapping[str, int], amount: int, *, is_included: bool, second_in: bool) -> int:
    """Return the whole fee's numerator for *amount*, which has its fee in it or not.

    Args:
        numbers: of a Pool: `fee_mode`, `fee_cliff`, `fee_first`, `fee_second`,
            `fee_third`, `fee_max`, `activation_point`, `point`, the root of the price,
            those of a limiter or a dynamic fee where it has one.
        second_in: the second token comes in: the only direction a limiter applies to.
    """
    if numbers["fee_mode"] == LIMITER:
        base = _limited(numbers, amount, is_included=is_included) if second_in else numbers["fee_cliff"]
    else:
        base = _by_period(numbers)
    control = numbers.get("variable_fee_control", 0)
    extra = variable(control, numbers["volatility_accumulator"], numbers["bin_step"]) if control else 0
    return min(base + extra, numbers["fee_max"])


def _by_period(numbers: Mapping[str, int]) -> int:
    mode, last, point, start = (numbers[name] for name in ("fee_mode", "fee_first", "point", "activation_point"))
    if mode in (LINEAR, EXPONENTIAL):
        frequency = numbers["fee_second"]
        if not frequency:
            return numbers["fee_cliff"]
        # Before the start only an alpha vault buys, at the last period's fee.
        period = last if point < start else min((point - start) // frequency, last)
    else:
        step_bps, duration = numbers["fee_second"] & 0xFFFFFFFF, numbers["fee_second"] >> 32
        risen = market_cap_period(joined(numbers, "sqrt_price"), joined(numbers, "init_sqrt_price"), step_bps)
        period = min(risen, last) if start <= point <= start + duration else last
    return scheduled(numbers["fee_cliff"], numbers["fee_third"], period, exponential=mode in _EXPONENTIALS)


def _limited(numbers: Mapping[str, int], amount: int, *, is_included: bool) -> int:
    start, duration = numbers["activation_point"], numbers["limiter_duration"]
    limiter = Limiter(
        numbers["fee_cliff"],
        numbers["fee_first"] * FEE_ONE // BPS_ONE,
        numbers["fee_third"],
        numbers["limiter_max"],
    )
    is_set = limiter.increment and limiter.reference and duration
    if not is_set or not start <= numbers["point"] <= start + duration:
        return limiter.cliff
    return limiter.of_included(amount) if is_included else limiter.of_excluded(amount)


# ── fees that rise with unrest ────────────────────────────────────────────


def variable(control: int, accumulator: int, bin_step: int) -> int:
    """Return the dynamic fee's numerator, rounded up; 0 when *control* is 0."""
    return ceil_div(control * (accumulator * bin_step) ** 2, _VARIABLE_ONE)


def unrest_after(numbers: Mapping[str, int], before: int, after: int, now_seconds: int) -> dict[str, int]:
    """Return the numbers a trade changes: volatility, its references and when they were taken.

    Args:
        numbers: of a Pool with a dynamic fee (`variable_fee_control` is not 0).
        before, after: roots of the price around the trade.
        now_seconds: Unix time of the trade.
    """
    reference, memory = joined(numbers, "price_reference"), numbers["volatility_reference"]
    elapsed = max(now_seconds - numbers["volatility_updated"], 0)
    if elapsed >= numbers["filter_period"]:
        reference = before
        decays = elapsed < numbers["decay_period"]
        memory = numbers["volatility_accumulator"] * numbers["volatility_reduction"] // BPS_ONE if decays else 0
    moved = _bins(after, reference, joined(numbers, "bin_step_root"))
    changed = {
        "volatility_accumulator": min(memory + moved * BPS_ONE, numbers["volatility_max"]),
        "volatility_reference": memory,
        **split("price_reference", reference),
    }
    if _bins(before, after, joined(numbers, "bin_step_root")) > 0:
        changed["volatility_updated"] = now_seconds
    return changed


def _bins(one: int, other: int, step: int) -> int:
    lower, upper = sorted((one, other))
    return 2 * (((upper << 64) // lower - ROOT_ONE) // step) if lower and step else 0
