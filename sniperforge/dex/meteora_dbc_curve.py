"""The arithmetic of Meteora's bonding curve: liquidity between up to twenty roots of the price.

numbers and reserves of a pool, amount -> amounts and fee, exact

A buy that reaches the last price takes what is left and pays for that (the program's
partial fill); the fee is on the quote side, or on whatever comes out.

Source: MeteoraAg/dynamic-bonding-curve, state/virtual_pool.rs and curve.rs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex.meteora_dbc_layouts import NAME, ONLY_QUOTE
from sniperforge.dex.meteora_fees import excluded, included, numerator
from sniperforge.dex.venue import EmptyPool


class CurveUnknown(EmptyPool):
    """The curve and its fees stand in the config account, which nobody has loaded yet."""


class Span(NamedTuple):
    """Liquidity between two roots of the price."""

    lower: int
    upper: int
    depth: int


class State(NamedTuple):
    """A curve before a trade; `spans` rise from its start to its last point."""

    numbers: Mapping[str, int]
    root: int
    last: int
    spans: tuple[Span, ...]


class Trade(NamedTuple):
    """One trade, as in meteora_damm_v2_curve: `net_in` and `gross_out` move the reserves."""

    amount_in: int
    amount_out: int
    net_in: int
    gross_out: int
    fee: int
    fee_on_input: bool
    root_after: int


def state(numbers: Mapping[str, int]) -> State:
    """Return the state that *numbers* of a Pool stand for.

    Raises:
        CurveUnknown: they hold no curve.
    """
    count = numbers.get("curve_points", 0)
    if not count:
        raise CurveUnknown(f"{NAME}: the curve stands in the config account; load the pool with it before quoting")
    lower, spans = liquidity.joined(numbers, "sqrt_start_price"), []
    for at in range(count):
        upper = liquidity.joined(numbers, f"curve_{at}_sqrt_price")
        spans.append(Span(lower, upper, liquidity.joined(numbers, f"curve_{at}_liquidity")))
        lower = upper
    root, last = liquidity.joined(numbers, "sqrt_price"), liquidity.joined(numbers, "migration_sqrt_price")
    return State(numbers, root, last, tuple(spans))


# ── along the curve ───────────────────────────────────────────────────────


class Walk(NamedTuple):
    """How far along the curve: what was paid and got on the way, what is left to do, where it ends."""

    moved: int
    left: int
    root: int


def buy_in(curve: State, amount: int) -> Walk:
    """Return the coins *amount* of quote (less its fee) buys, up to the last price."""
    root, left, moved = curve.root, amount, 0
    for span in _above(curve, min(curve.last, curve.spans[-1].upper)):
        most = liquidity.second_between(root, span.upper, span.depth, up=True)
        if left < most:
            after = liquidity.after_second_in(root, span.depth, left)
            return Walk(moved + liquidity.first_between(root, after, span.depth), 0, after)
        moved += liquidity.first_between(root, span.upper, span.depth)
        left, root = left - most, span.upper
    return Walk(moved, left, root)


def buy_out(curve: State, amount: int) -> Walk:
    """Return the quote that *amount* of coins costs, before the fee."""
    root, left, moved = curve.root, amount, 0
    for span in _above(curve, curve.spans[-1].upper):
        most = liquidity.first_between(root, span.upper, span.depth)
        if left < most:
            after = liquidity.after_first_out(root, span.depth, left)
            return Walk(moved + liquidity.second_between(root, after, span.depth, up=True), 0, after)
        moved += liquidity.second_between(root, span.upper, span.depth, up=True)
        left, root = left - most, span.upper
    return Walk(moved, left, root)


def sell_in(curve: State, amount: int) -> Walk:
    """Return the quote that *amount* of coins brings, down to the first price."""
    root, left, moved = curve.root, amount, 0
    for span in _below(curve):
        most = liquidity.first_between(span.lower, root, span.depth, up=True)
        after = liquidity.after_first_in(root, span.depth, left)
        # The lowest span swallows what does not move its price below the first one.
        if left < most or (span is curve.spans[0] and after >= span.lower):
            return Walk(moved + liquidity.second_between(after, root, span.depth), 0, after)
        moved += liquidity.second_between(span.lower, root, span.depth)
        left, root = left - most, span.lower
    return Walk(moved, left, root)


def sell_out(curve: State, amount: int) -> Walk:
    """Return the coins that bring *amount* of quote, before the fee."""
    root, left, moved = curve.root, amount, 0
    for span in _below(curve):
        most = liquidity.second_between(span.lower, root, span.depth)
        if left < most or (span is curve.spans[0] and left == most):
            after = liquidity.after_second_out(root, span.depth, left)
            return Walk(moved + liquidity.first_between(after, root, span.depth, up=True), 0, after)
        moved += liquidity.first_between(span.lower, root, span.depth, up=True)
        left, root = left - most, span.lower
    return Walk(moved, left, root)


def _above(curve: State, last: int) -> Iterator[Span]:
    for span in curve.spans:
        upper = min(span.upper, last)
        if upper > curve.root:
            yield Span(max(span.lower, curve.root), upper, span.depth)


def _below(curve: State) -> Iterator[Span]:
    for span in reversed(curve.spans):
        if span.lower < curve.root:
            yield span


# ── trades ────────────────────────────────────────────────────────────────


def exact_in(curve: State, amount_in: int, *, is_buy: bool) -> Trade:
    """Return the trade that pays *amount_in*, or less where a buy completes the curve.

    Raises:
        EmptyPool: a sell brings back more than was ever sold.
    """
    rate, on_input = numerator(curve.numbers, amount_in, is_included=True, second_in=is_buy), _on_input(curve, is_buy)
    net_in, fee = excluded(amount_in, rate) if on_input else (amount_in, 0)
    walk = buy_in(curve, net_in) if is_buy else sell_in(curve, net_in)
    if walk.left and not is_buy:
        raise EmptyPool(f"{NAME}: the curve takes back {net_in - walk.left} coins at most; sell less")
    if walk.left:
        net_in -= walk.left
        amount_in = net_in
        if on_input:
            rate = numerator(curve.numbers, net_in, is_included=False, second_in=is_buy)
            amount_in, fee = included(net_in, rate)
    amount_out = walk.moved
    if not on_input:
        amount_out, fee = excluded(walk.moved, rate)
    return Trade(amount_in, amount_out, net_in, walk.moved, fee, on_input, walk.root)


def exact_out(curve: State, amount_out: int, *, is_buy: bool) -> Trade:
    """Return the trade that pays out *amount_out*.

    Raises:
        EmptyPool: the curve holds no more than that.
    """
    on_input, fee, gross_out = _on_input(curve, is_buy), 0, amount_out
    if not on_input:
        rate = numerator(curve.numbers, amount_out, is_included=False, second_in=is_buy)
        gross_out, fee = included(amount_out, rate)
    walk = buy_out(curve, gross_out) if is_buy else sell_out(curve, gross_out)
    if walk.left or walk.root > curve.last:
        raise EmptyPool(f"{NAME}: {gross_out} shall come out, the curve holds less; ask for less")
    amount_in = walk.moved
    if on_input:
        rate = numerator(curve.numbers, walk.moved, is_included=False, second_in=is_buy)
        amount_in, fee = included(walk.moved, rate)
    return Trade(amount_in, amount_out, walk.moved, gross_out, fee, on_input, walk.root)


def _on_input(curve: State, is_buy: bool) -> bool:
    return is_buy and curve.numbers["collect_fee_mode"] == ONLY_QUOTE
