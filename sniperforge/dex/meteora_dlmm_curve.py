"""Exact arithmetic of Meteora DLMM: bins of constant price, and a fee that grows with the way travelled.

bin id, bin step                  -> price (Q64.64)
numbers of a pool + amount        -> Walk: what each bin took and gave
numbers of a pool + walk          -> numbers after it

x for y goes down the bins, y for x goes up. In each bin the liquidity providers are
served first, then processed and open limit orders, all at the bin's price.

Sources: @meteora-ag/dlmm 1.9.14 and MeteoraAg/dlmm-sdk (commons); all 40 quotes of the
official SDK are met to the unit, and so is every recorded swap that stayed in one bin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from sniperforge.base.units import BPS_ONE, ceil_div
from sniperforge.dex.meteora_dlmm_layouts import BINS_PER_ARRAY
from sniperforge.dex.venue import EmptyPool

ONE = 1 << 64
_U128_MAX = (1 << 128) - 1
RATE_ONE = 1_000_000_000
RATE_MAX = 100_000_000
_VARIABLE_SCALE = 100_000_000_000
#: `collect_fee_mode` of a pair whose fees are in token y whichever way one trades.
ONLY_Y = 1

Numbers = Mapping[str, int]
#: What can be bought in a bin: of the providers, of processed orders, of open orders.
Layers = tuple[int, int, int]


class Fill(NamedTuple):
    """What one bin took (*amount_in*, fee included) and gave.

    Attributes:
        given: by layer, before a fee on the way out.
        kept: what came into the bin for the providers' layer, without fee.
        fee: in the token it is taken in, see `fee_on_input`.
    """

    bin_id: int
    amount_in: int
    amount_out: int
    fee: int
    given: Layers
    kept: int


class Walk(NamedTuple):
    """A whole trade, bin by bin."""

    amount_in: int
    amount_out: int
    fee: int
    fills: tuple[Fill, ...]


@lru_cache(maxsize=4096)
def price_of(bin_id: int, bin_step: int) -> int:
    """Return (1 + bin_step / 10000) ** bin_id as Q64.64; 0 where it leaves that range.

    By squaring the inverse and inverting once, each step rounded down, as the program does.
    """
    base = ONE + (bin_step << 64) // BPS_ONE
    squared, result = _U128_MAX // base, ONE
    exponent = abs(bin_id)
    while exponent:
        if exponent & 1:
            result = result * squared >> 64
        squared = squared * squared >> 64
        exponent >>= 1
    if bin_id <= 0 or not result:
        return result
    return _U128_MAX // result


# ── fees ──────────────────────────────────────────────────────────────────


def references(numbers: Numbers) -> tuple[int, int]:
    """Return volatility and index the fee is counted from, for a trade at `numbers["now"]`."""
    elapsed = numbers["now"] - numbers["last_update_timestamp"]
    if elapsed < numbers["filter_period"]:
        return numbers["volatility_reference"], numbers["index_reference"]
    volatility = 0
    if elapsed < numbers["decay_period"]:
        volatility = numbers["volatility_accumulator"] * numbers["reduction_factor"] // BPS_ONE
    return volatility, numbers["active_id"]


def volatility_at(numbers: Numbers, bin_id: int, counted_from: tuple[int, int]) -> int:
    """Return the volatility accumulator of a trade that has come to *bin_id*."""
    volatility, index = counted_from
    return min(numbers["max_volatility_accumulator"], volatility + abs(index - bin_id) * BPS_ONE)


def rate_at(numbers: Numbers, bin_id: int, counted_from: tuple[int, int]) -> int:
    """Return the fee rate in *bin_id*, in parts of `RATE_ONE`, at most a tenth."""
    step, power = numbers["bin_step"], numbers["base_fee_power_factor"]
    fixed: int = numbers["base_factor"] * step * 10 * 10**power
    squared = (volatility_at(numbers, bin_id, counted_from) * step) ** 2
    return min(fixed + ceil_div(numbers["variable_fee_control"] * squared, _VARIABLE_SCALE), RATE_MAX)


def fee_on_input(numbers: Numbers, *, x_to_y: bool) -> bool:
    """Return whether the fee is taken from what is paid in."""
    return numbers["collect_fee_mode"] != ONLY_Y or not x_to_y


# ── walking ───────────────────────────────────────────────────────────────


def walk_in(numbers: Numbers, amount: int, *, x_to_y: bool) -> Walk:
    """Return what paying exactly *amount* does.

    Raises:
        EmptyPool: the bins that are known cannot take it all.
    """
    on_input, counted_from = fee_on_input(numbers, x_to_y=x_to_y), references(numbers)
    fills: list[Fill] = []
    left = amount
    bins = _bins(numbers, x_to_y=x_to_y)
    while left:
        bin_id, layers = next(bins, (0, ()))
        if not layers:
            raise EmptyPool(f"meteora_dlmm: {left} of {amount} units find no bin with liquidity; trade less or reload")
        price, rate = price_of(bin_id, numbers["bin_step"]), rate_at(numbers, bin_id, counted_from)
        fill = _fill_in(bin_id, layers, left, price=price, rate=rate, x_to_y=x_to_y, on_input=on_input)
        fills.append(fill)
        left -= fill.amount_in
    return _walk(fills)


def walk_out(numbers: Numbers, amount: int, *, x_to_y: bool) -> Walk:
    """Return the cheapest way to get at least *amount* out: what `walk_in` gives for what it costs.

    Raises:
        EmptyPool: the bins that are known do not hold it.
    """
    on_input, counted_from = fee_on_input(numbers, x_to_y=x_to_y), references(numbers)
    cost, left = 0, amount
    bins = _bins(numbers, x_to_y=x_to_y)
    while left:
        bin_id, layers = next(bins, (0, ()))
        if not layers:
            raise EmptyPool(f"meteora_dlmm: {left} of {amount} units are in no known bin; ask for less or reload")
        price, rate = price_of(bin_id, numbers["bin_step"]), rate_at(numbers, bin_id, counted_from)
        gross = min(left if on_input else ceil_div(left * RATE_ONE, RATE_ONE - rate), sum(layers))
        net = sum(_cost(part, price, x_to_y=x_to_y) for part in _parts(gross, layers))
        cost += net + ceil_div(net * rate, RATE_ONE - rate) if on_input else net
        left -= min(gross if on_input else gross - ceil_div(gross * rate, RATE_ONE), left)
    return walk_in(numbers, cost, x_to_y=x_to_y)


def after(numbers: Numbers, walk: Walk, *, x_to_y: bool) -> dict[str, int]:
    """Return *numbers* as the program leaves them behind after *walk* at `numbers["now"]`."""
    changed = dict(numbers)
    taken, paid = ("y", "x") if x_to_y else ("x", "y")
    for fill in walk.fills:
        for layer, part in zip((taken, "processed", "open"), fill.given, strict=True):
            if part:
                changed[f"bin.{fill.bin_id}.{layer}"] -= part
        name = f"bin.{fill.bin_id}.{paid}"
        changed[name] = changed.get(name, 0) + fill.kept
    counted_from = references(numbers)
    end = walk.fills[-1].bin_id if walk.fills else numbers["active_id"]
    changed["volatility_accumulator"] = volatility_at(numbers, end, counted_from)
    changed["volatility_reference"], changed["index_reference"] = counted_from
    changed["last_update_timestamp"] = numbers["now"]
    changed["active_id"] = end
    return changed


def _bins(numbers: Numbers, *, x_to_y: bool) -> Iterator[tuple[int, Layers]]:
    """Yield the bins that hold what is bought, from the active one on."""
    active, count = numbers["active_id"], numbers.get("arrays", 0)
    side = "y" if x_to_y else "x"
    for place in reversed(range(count)) if x_to_y else range(count):
        first = numbers[f"array.{place}"] * BINS_PER_ARRAY
        last = first + BINS_PER_ARRAY - 1
        ids = range(min(last, active), first - 1, -1) if x_to_y else range(max(first, active), last + 1)
        for bin_id in ids:
            layers = _layers(numbers, bin_id, side)
            if any(layers):
                yield bin_id, layers


def _layers(numbers: Numbers, bin_id: int, side: str) -> Layers:
    own = numbers.get(f"bin.{bin_id}.{side}", 0)
    # Orders that sell x are asks; a bin holds orders of one side only.
    if numbers.get(f"bin.{bin_id}.ask", -1) != (side == "x"):
        return own, 0, 0
    return own, numbers.get(f"bin.{bin_id}.processed", 0), numbers.get(f"bin.{bin_id}.open", 0)


def _fill_in(bin_id: int, layers: Layers, left: int, *, price: int, rate: int, x_to_y: bool, on_input: bool) -> Fill:
    fee = ceil_div(left * rate, RATE_ONE) if on_input else 0
    net = left - fee
    used, kept = 0, 0
    given = []
    for place, have in enumerate(layers):
        cost = _cost(have, price, x_to_y=x_to_y)
        spent = min(cost, net - used)
        given.append(have if spent == cost else _worth(spent, price, x_to_y=x_to_y))
        used += spent
        kept = kept if place else spent
    out = sum(given)
    if tuple(given) == layers:
        # The bin is emptied: the fee is on what that took, not on what was offered.
        fee = ceil_div(used * rate, RATE_ONE - rate) if on_input else 0
        consumed = used + fee
    else:
        consumed = left
    if not on_input:
        fee = ceil_div(out * rate, RATE_ONE)
        out -= fee
    return Fill(bin_id, consumed, out, fee, (given[0], given[1], given[2]), kept)


def _parts(amount: int, layers: Layers) -> Iterator[int]:
    for have in layers:
        part = min(amount, have)
        amount -= part
        yield part


def _cost(amount_out: int, price: int, *, x_to_y: bool) -> int:
    """Return the least that buys *amount_out*, without fee."""
    return ceil_div(amount_out << 64, price) if x_to_y else ceil_div(amount_out * price, ONE)


def _worth(amount_in: int, price: int, *, x_to_y: bool) -> int:
    return amount_in * price >> 64 if x_to_y else (amount_in << 64) // price


def _walk(fills: list[Fill]) -> Walk:
    return Walk(
        sum(fill.amount_in for fill in fills),
        sum(fill.amount_out for fill in fills),
        sum(fill.fee for fill in fills),
        tuple(fills),
    )
