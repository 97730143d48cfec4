"""The arithmetic of Meteora DAMM v2: one range of liquidity, or constant product; a fee on one side.

numbers and reserves of a pool, amount -> amounts and fee, exact

Source: MeteoraAg/damm-v2, state/pool.rs (get_swap_result_from_*), liquidity_handler/*.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import NamedTuple

from sniperforge.base.units import ceil_div
from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex.meteora_damm_v2_layouts import BOTH_TOKENS, COMPOUNDING, NAME
from sniperforge.dex.meteora_fees import excluded, included, numerator
from sniperforge.dex.venue import EmptyPool


class State(NamedTuple):
    """A pool before a trade; `numbers` are those of its Pool, the reserves of its tokens A and B."""

    numbers: Mapping[str, int]
    reserve_a: int
    reserve_b: int
    root: int
    liquidity: int

    @property
    def compounds(self) -> bool:
        """The pool trades along its reserves, not along a range."""
        return self.numbers["collect_fee_mode"] == COMPOUNDING


class Trade(NamedTuple):
    """One trade: what goes in and comes out with all fees, and the root of the price after it.

    `net_in` and `gross_out` are what the reserves move by; `fee` is in the output token
    unless `fee_on_input`.
    """

    amount_in: int
    amount_out: int
    net_in: int
    gross_out: int
    fee: int
    fee_on_input: bool
    root_after: int


def state(numbers: Mapping[str, int], reserve_a: int, reserve_b: int) -> State:
    """Return the state that *numbers* and the reserves stand for.

    Raises:
        EmptyPool: there is no liquidity, or the pool was disabled.
    """
    root, depth = liquidity.joined(numbers, "sqrt_price"), liquidity.joined(numbers, "liquidity")
    if not root or not depth or numbers["status"]:
        raise EmptyPool(f"{NAME}: the pool is disabled or has no liquidity; nothing can be traded here")
    return State(numbers, reserve_a, reserve_b, root, depth)


def exact_in(pool: State, amount_in: int, *, second_in: bool) -> Trade:
    """Return the trade that pays *amount_in* of token B (*second_in*) or A.

    Raises:
        EmptyPool: it would leave the pool's range of prices, or the pool is empty.
    """
    rate = numerator(pool.numbers, amount_in, is_included=True, second_in=second_in)
    fee_on_input = _fee_on_input(pool, second_in)
    net_in, fee = excluded(amount_in, rate) if fee_on_input else (amount_in, 0)
    gross_out, root = _out(pool, net_in, second_in)
    amount_out = gross_out
    if not fee_on_input:
        amount_out, fee = excluded(gross_out, rate)
    _require(pool, gross_out, second_in)
    return Trade(amount_in, amount_out, net_in, gross_out, fee, fee_on_input, root)


def exact_out(pool: State, amount_out: int, *, second_in: bool) -> Trade:
    """Return the trade that pays out *amount_out* of token A (*second_in*) or B.

    Raises:
        EmptyPool: the pool holds no more than that within its range of prices.
    """
    fee_on_input, fee, gross_out = _fee_on_input(pool, second_in), 0, amount_out
    if not fee_on_input:
        rate = numerator(pool.numbers, amount_out, is_included=False, second_in=second_in)
        gross_out, fee = included(amount_out, rate)
    _require(pool, gross_out, second_in)
    net_in, root = _in(pool, gross_out, second_in)
    amount_in = net_in
    if fee_on_input:
        rate = numerator(pool.numbers, net_in, is_included=False, second_in=second_in)
        amount_in, fee = included(net_in, rate)
    return Trade(amount_in, amount_out, net_in, gross_out, fee, fee_on_input, root)


def root_of_reserves(reserve_a: int, reserve_b: int) -> int:
    """Return the root of the price of a compounding pool, rounded down; 0 when a side is empty."""
    return isqrt((reserve_b << liquidity.SCALE) // reserve_a) if reserve_a > 0 and reserve_b > 0 else 0


def _fee_on_input(pool: State, second_in: bool) -> bool:
    return second_in and pool.numbers["collect_fee_mode"] != BOTH_TOKENS


def _require(pool: State, gross_out: int, second_in: bool) -> None:
    held = pool.reserve_a if second_in else pool.reserve_b
    if held <= 0 or gross_out > held:
        raise EmptyPool(f"{NAME}: {gross_out} shall come out of {held}; ask for less")


def _out(pool: State, net_in: int, second_in: bool) -> tuple[int, int]:
    if pool.compounds:
        held = (pool.reserve_b, pool.reserve_a) if second_in else (pool.reserve_a, pool.reserve_b)
        if min(held) <= 0:
            raise EmptyPool(f"{NAME}: a reserve is zero; nothing can be traded here")
        gross_out = held[1] * net_in // (held[0] + net_in)
        return gross_out, _root_moved(pool, net_in, gross_out, second_in)
    if second_in:
        root = _in_range(pool, liquidity.after_second_in(pool.root, pool.liquidity, net_in))
        return liquidity.first_between(pool.root, root, pool.liquidity), root
    root = _in_range(pool, liquidity.after_first_in(pool.root, pool.liquidity, net_in))
    return liquidity.second_between(root, pool.root, pool.liquidity), root


def _in(pool: State, gross_out: int, second_in: bool) -> tuple[int, int]:
    if pool.compounds:
        held = (pool.reserve_b, pool.reserve_a) if second_in else (pool.reserve_a, pool.reserve_b)
        if held[0] <= 0 or gross_out >= held[1]:
            raise EmptyPool(f"{NAME}: {gross_out} shall come out of {held[1]}; ask for less")
        net_in = ceil_div(held[0] * gross_out, held[1] - gross_out)
        return net_in, _root_moved(pool, net_in, gross_out, second_in)
    if second_in:
        root = _in_range(pool, liquidity.after_first_out(pool.root, pool.liquidity, gross_out))
        return liquidity.second_between(pool.root, root, pool.liquidity, up=True), root
    root = _in_range(pool, liquidity.after_second_out(pool.root, pool.liquidity, gross_out))
    return liquidity.first_between(root, pool.root, pool.liquidity, up=True), root


def _root_moved(pool: State, net_in: int, gross_out: int, second_in: bool) -> int:
    moved = (-gross_out, net_in) if second_in else (net_in, -gross_out)
    return root_of_reserves(pool.reserve_a + moved[0], pool.reserve_b + moved[1])


def _in_range(pool: State, root: int) -> int:
    lowest, highest = (liquidity.joined(pool.numbers, name) for name in ("sqrt_min_price", "sqrt_max_price"))
    if not lowest <= root <= highest:
        raise EmptyPool(f"{NAME}: the trade would leave the pool's range of prices; ask for less")
    return root
