"""Meteora DLMM: bins of constant price, and a fee that grows with the way travelled.

steps -> PoolCreated, Swapped, LiquidityChanged                  (meteora_dlmm_reading)
numbers + amount -> Walk through the bins                        (meteora_dlmm_curve)
accounts -> Pool; pool + amount -> Quote; pool + order -> instructions     (here)

A quote is exact over the bins that were loaded, up to three arrays with liquidity on
each side of the price, and EmptyPool beyond them. The pair's own tokens are x and y;
`base_is_0` says whether x is the coin. The reserves of `Pool` are what lies in the
pair's accounts less the protocol's share; they do not price a trade, the bins do.

`Pool.keys`: reserve_x, reserve_y, oracle; preset_parameter or base for the kinds of pair
whose address comes from them; when loaded also bin_array.<index> and, where it exists,
bin_array_bitmap_extension.
`Pool.numbers`: base_is_0, active_id, bin_step, base_factor, base_fee_power_factor,
collect_fee_mode (1: fees in y only), activation_type, activation_point; when loaded also
arrays and array.<n> (indices of the covered arrays, ascending), bin.<id>.x, bin.<id>.y,
bin.<id>.open, bin.<id>.processed, bin.<id>.ask (resting orders, 1: they sell x),
filter_period, decay_period, reduction_factor, variable_fee_control,
max_volatility_accumulator, volatility_accumulator, volatility_reference,
index_reference, last_update_timestamp, protocol_share, status, pair_type, and now: the
Unix second quotes are for (the chain's clock when loaded, then each trade's).
drift counts trades that the bins as known did not reproduce: load the pool anew.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, LiquidityChanged, Pool, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import BPS_ONE, ZERO_KEY, Pubkey
from sniperforge.dex import meteora_dlmm_curve as curve
from sniperforge.dex import token_pair
from sniperforge.dex.borsh import Record
from sniperforge.dex.meteora_dlmm_instructions import assemble, instruction, swap, swap_keys, variant
from sniperforge.dex.meteora_dlmm_layouts import (
    CLOCK,
    LB_PAIR_LAYOUT,
    NAME,
    PROGRAM,
    Bin,
    array_of,
    bin_array_address,
    bitmap_extension_address,
    decode_bin_array,
    decode_event,
    decode_lb_pair,
    liquid_arrays,
)
from sniperforge.dex.meteora_dlmm_reading import read, verify
from sniperforge.dex.programs import TOKEN, TOKEN_2022
from sniperforge.dex.token_pair import base_is_first
from sniperforge.dex.venue import EmptyPool, Quote, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "apply",
    "assemble",
    "compute_units",
    "decode_bin_array",
    "decode_event",
    "decode_lb_pair",
    "instruction",
    "load",
    "needs",
    "quote_in",
    "quote_out",
    "read",
    "swap",
    "swap_keys",
    "variant",
    "verify",
]

#: Arrays loaded on each side of the price; a swap that needs more would not fit its transaction.
ARRAYS_EACH_WAY = 3
_CLOCK = struct.Struct("<32xq")
_LIMIT_ORDER, _UNDETERMINED = 2, 0
#: Of a pair's numbers these have no use here, or go under another name.
_NOT_QUOTED = frozenset(
    ("min_bin_id", "max_bin_id", "function_type", "protocol_fee_x", "protocol_fee_y", "version")
) | {f"token_mint_{side}_program_flag" for side in "xy"}
_NUMBERS = tuple(name for _, name, kind in LB_PAIR_LAYOUT if kind != "pubkey" and name not in _NOT_QUOTED)


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes, address: Pubkey = ZERO_KEY, *, extension: bytes = b"") -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw lb_pair, by the names it wants them under.

    Args:
        address: of the pair, which its bytes do not tell. With it also the bin arrays a
            trade can come to and the bitmap extension are named; without it they are not.
        extension: the raw bitmap extension where the pair has one; ask again with it.
    """
    state = decode_lb_pair(raw)
    keys = state.keys
    base = "token_x_mint" if base_is_first(keys["token_x_mint"], keys["token_y_mint"]) else "token_y_mint"
    names = {
        "reserve_x": keys["reserve_x"],
        "reserve_y": keys["reserve_y"],
        "base_mint": keys[base],
        "clock": CLOCK,
    }
    if address == ZERO_KEY:
        return names
    names["bin_array_bitmap_extension"] = bitmap_extension_address(address)
    for index in _nearest(liquid_arrays(raw, extension), array_of(state.ints["active_id"])):
        names[f"bin_array.{index}"] = bin_array_address(address, index)
    return names


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `lb_pair`, `reserve_x`, `reserve_y`; `bin_array.<index>` as
            `needs` names them (what is missing is not covered by quotes);
            optional `bin_array_bitmap_extension`, `clock` (without it the fee is taken
            as just after the last trade, its highest) and `base_mint` (a transfer fee).

    Raises:
        DecodeError: an account is missing or something else.
    """
    raw = token_pair.account(accounts, "lb_pair", NAME)
    state = decode_lb_pair(raw)
    ints, keys = state.ints, state.keys
    extension = accounts.get("bin_array_bitmap_extension", b"")
    mints = keys["token_x_mint"], keys["token_y_mint"]
    programs = [_program(ints[f"token_mint_{side}_program_flag"]) for side in "xy"]
    reserves = []
    for side, mint, program in zip("xy", mints, programs, strict=True):
        held = token_pair.balance(accounts, f"reserve_{side}", venue=NAME, mint=mint, program=program)
        reserves.append(max(held - ints[f"protocol_fee_{side}"], 0))
    base, quote = (0, 1) if base_is_first(*mints) else (1, 0)
    numbers = {"base_is_0": int(base == 0), **{name: ints[name] for name in _NUMBERS}}
    numbers["now"] = _now(accounts, ints["last_update_timestamp"])
    covered = _covered(accounts, address, raw, state)
    pool_keys = {name: keys[name] for name in ("reserve_x", "reserve_y", "oracle")}
    for place, index in enumerate(sorted(covered)):
        numbers[f"array.{place}"] = index
        numbers |= _bin_numbers(covered[index], state)
        pool_keys[f"bin_array.{index}"] = bin_array_address(address, index)
    numbers["arrays"] = len(covered)
    if extension:
        pool_keys["bin_array_bitmap_extension"] = bitmap_extension_address(address)
    return Pool(
        venue=NAME,
        address=address,
        base_mint=mints[base],
        quote_mint=mints[quote],
        base_program=programs[base],
        quote_program=programs[quote],
        base_reserve=reserves[base],
        quote_reserve=reserves[quote],
        keys=pool_keys,
        numbers={**numbers, **token_pair.transfer_fee_numbers(accounts.get("base_mint", b""))},
    )


def _nearest(liquid: list[int], active: int) -> list[int]:
    """Return the arrays nearest to the price, those beyond it on each side and the active one."""
    below = [index for index in liquid if index <= active][-ARRAYS_EACH_WAY:]
    above = [index for index in liquid if index >= active][:ARRAYS_EACH_WAY]
    return sorted({*below, *above})


def _covered(accounts: Mapping[str, bytes], address: Pubkey, raw: bytes, state: Record) -> dict[int, tuple[Bin, ...]]:
    """Return the bins by array, without a gap in what has liquidity: a walk never jumps over bins it cannot see."""
    active = array_of(state.ints["active_id"])
    liquid = liquid_arrays(raw, accounts.get("bin_array_bitmap_extension", b""))
    wanted = _nearest(liquid, active)
    found: dict[int, tuple[Bin, ...]] = {}
    for way in (
        [index for index in wanted if index >= active],
        [index for index in reversed(wanted) if index < active],
    ):
        for index in way:
            account = accounts.get(f"bin_array.{index}", b"")
            if not account:
                break
            array = decode_bin_array(account)
            if array.place != index or array.lb_pair != address:
                raise DecodeError(f"{NAME}: bin_array.{index} is number {array.place} of {text(array.lb_pair)}")
            found[index] = array.bins
    return found


def _bin_numbers(bins: tuple[Bin, ...], state: Record) -> dict[str, int]:
    """Return the numbers of the bins that hold something; prices are checked, not kept."""
    ints, keys = state.ints, state.keys
    rewarded = any(keys[name] != ZERO_KEY for name in ("reward_mint_0", "reward_mint_1"))
    kind = ints["function_type"]
    takes_orders = kind == _LIMIT_ORDER or (kind == _UNDETERMINED and not rewarded)
    numbers: dict[str, int] = {}
    for one in bins:
        orders = takes_orders and (one.open_orders or one.processed_orders)
        if not (one.amount_x or one.amount_y or orders):
            continue
        price = curve.price_of(one.bin_id, ints["bin_step"])
        if not price or one.price not in (0, price):
            raise DecodeError(
                f"{NAME}: bin {one.bin_id} has the price {one.price}, its number says {price}; "
                "the program was probably upgraded: stop trading there, then compare the arithmetic"
            )
        name = f"bin.{one.bin_id}"
        numbers |= {f"{name}.x": one.amount_x, f"{name}.y": one.amount_y}
        if orders:
            numbers |= {f"{name}.open": one.open_orders, f"{name}.processed": one.processed_orders}
            numbers[f"{name}.ask"] = int(one.is_ask)
    return numbers


def _now(accounts: Mapping[str, bytes], last_update: int) -> int:
    clock = accounts.get("clock", b"")
    if not clock:
        return last_update
    if len(clock) != _CLOCK.size:
        raise DecodeError(f"{NAME}: the clock has {len(clock)} bytes, not {_CLOCK.size}; fetch {text(CLOCK)}")
    now: int = _CLOCK.unpack(clock)[0]
    return max(now, last_update)


def _program(flag: int) -> Pubkey:
    if flag > 1:
        raise DecodeError(f"{NAME}: token program flag {flag}, known are 0 and 1; compare the layout with the new IDL")
    return TOKEN_2022 if flag else TOKEN


# ── quoting ───────────────────────────────────────────────────────────────


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    Exact over the covered bins at `pool.numbers["now"]`; the coin's own transfer fee
    is off already. Fees taken in the coin are valued at the price before the trade.

    Raises:
        EmptyPool: nothing to be bought, a disabled pair, or more than the covered bins take.
    """
    _require_open(pool, is_buy=is_buy)
    taxed = 0 if is_buy else token_pair.transfer_fee(pool, amount_in)
    x_to_y = _x_to_y(pool, is_buy=is_buy)
    return _quote(pool, curve.walk_in(pool.numbers, amount_in - taxed, x_to_y=x_to_y), taxed, is_buy=is_buy)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives; `Quote.amount_out` is what then does.

    Raises:
        EmptyPool: the covered bins hold no more than that, or the pair is disabled.
    """
    _require_open(pool, is_buy=is_buy)
    gross = token_pair.before_transfer_fee(pool, amount_out) if is_buy else amount_out
    walk = curve.walk_out(pool.numbers, gross, x_to_y=_x_to_y(pool, is_buy=is_buy))
    taxed = 0 if is_buy else token_pair.before_transfer_fee(pool, walk.amount_in) - walk.amount_in
    return _quote(pool, walk, taxed, is_buy=is_buy)


def _require_open(pool: Pool, *, is_buy: bool) -> None:
    if pool.numbers.get("status"):
        raise EmptyPool(f"{NAME}: the pair is disabled; wait until its operator enables it")
    if not (pool.base_reserve if is_buy else pool.quote_reserve):
        raise EmptyPool(f"{NAME}: the pair holds nothing to buy; wait for liquidity")
    if not pool.numbers.get("arrays"):
        raise EmptyPool(f"{NAME}: no bins of the pair are known; load it with its bin arrays")


def _x_to_y(pool: Pool, *, is_buy: bool) -> bool:
    """Return whether a trade pays x: a sale where x is the coin, a buy where y is."""
    return is_buy is not (pool.numbers["base_is_0"] == 1)


def _quote(pool: Pool, walk: curve.Walk, taxed: int, *, is_buy: bool) -> Quote:
    numbers, base_is_x = pool.numbers, pool.numbers["base_is_0"] == 1
    start = curve.price_of(numbers["active_id"], numbers["bin_step"])
    end = curve.price_of(walk.fills[-1].bin_id, numbers["bin_step"]) if walk.fills else start
    x_to_y = _x_to_y(pool, is_buy=is_buy)
    fee_in_x = x_to_y and curve.fee_on_input(numbers, x_to_y=x_to_y)
    fee = walk.fee
    if fee_in_x == base_is_x:
        fee = fee * start >> 64 if base_is_x else (fee << 64) // start
    taxed_out = token_pair.transfer_fee(pool, walk.amount_out) if is_buy else 0
    return Quote(
        amount_in=walk.amount_in + taxed,
        amount_out=walk.amount_out - taxed_out,
        fee_amount=fee,
        # The price of the coin is y for x, or its inverse where the coin is y.
        impact_bps=abs(end - start) * BPS_ONE // (start if base_is_x else end),
    )


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* after a Swapped or LiquidityChanged of it; older slots and bare amounts change nothing.

    A trade is walked through the bins as known. Where that does not give what the
    trade gave, as much is taken out of the bins, the told bin becomes the active one,
    and `numbers["drift"]` counts it. Liquidity put in or taken out changes the
    reserves; which bins it changed no event tells.
    """
    if not isinstance(event, Swapped | LiquidityChanged) or event.pool != pool.address or event.slot < pool.slot:
        return pool
    if min(event.base_reserve, event.quote_reserve) < 0 and "active_id" not in event.numbers:
        return pool
    event = token_pair.oriented(event, pool)
    base, quote = event.base_reserve, event.quote_reserve
    if min(base, quote) < 0:
        gains_base = event.added if isinstance(event, LiquidityChanged) else not event.is_buy
        gains_quote = event.added if isinstance(event, LiquidityChanged) else event.is_buy
        base = max(pool.base_reserve + (event.base_amount if gains_base else -event.base_amount), 0)
        quote = max(pool.quote_reserve + (event.quote_amount if gains_quote else -event.quote_amount), 0)
    numbers = _followed(pool, event) if isinstance(event, Swapped) else {**pool.numbers, **event.numbers}
    return msgspec.structs.replace(pool, base_reserve=base, quote_reserve=quote, slot=event.slot, numbers=numbers)


def _followed(pool: Pool, trade: Swapped) -> dict[str, int]:
    numbers = {**pool.numbers, "now": max(trade.numbers.get("now", 0), pool.numbers.get("now", 0))}
    if not numbers.get("arrays"):
        return {**numbers, **trade.numbers}
    x_to_y = _x_to_y(pool, is_buy=trade.is_buy)
    amounts = trade.quote_amount, trade.base_amount
    paid, got = amounts if trade.is_buy else amounts[::-1]
    try:
        walk = curve.walk_in(numbers, paid, x_to_y=x_to_y)
        if walk.amount_out != got:
            numbers["drift"] = numbers.get("drift", 0) + 1
            walk = curve.walk_out(numbers, got, x_to_y=x_to_y)
    except EmptyPool:
        # It went beyond what is covered: nothing of the way there is known any more.
        return {**numbers, "drift": numbers.get("drift", 0) + 1, **trade.numbers}
    followed = curve.after(numbers, walk, x_to_y=x_to_y)
    return {**followed, "active_id": trade.numbers.get("active_id", followed["active_id"])}


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap through a good dozen of bins, and the coin's account on a buy."""
    return 260_000 if is_buy else 240_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # Its events are no log lines: what stands in every form of a frame is what the instruction prints.
    markers=(
        b"Instruction: InitializeLbPair",
        b"Instruction: InitializeCustomizablePermissionlessLbPair",
        b"Instruction: InitializePermissionLbPair",
    ),
    trade_markers=(),
    read=read,
    verify=verify,
    load=load,
    quote_in=quote_in,
    quote_out=quote_out,
    swap=swap,
    compute_units=compute_units,
    apply=apply,
    swap_keys=swap_keys,
    assemble=assemble,
    variant=variant,
)
