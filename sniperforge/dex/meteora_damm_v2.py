"""Meteora DAMM v2: liquidity in one range of prices, fees that fall with time or rise with size.

creation, EvtSwap2, EvtLiquidityChange -> PoolCreated, Swapped, LiquidityChanged   (reading)
pool + amount -> quote; pool + order -> instructions                               (writing)

Reading stands in meteora_damm_v2_reading.py, the arithmetic in meteora_damm_v2_curve.py,
meteora_liquidity.py and meteora_fees.py, the layouts in meteora_damm_v2_layouts.py.

pool.keys: authority, base_vault, quote_vault; config (a creation from one names it);
referral_token_account where a share of the protocol's fee shall go there.
pool.numbers: base_is_0 (the coin is token A), collect_fee_mode (0 the output, 1 token B,
2 token B of a constant product), status (0 enabled), activation_type (0 slots, 1 Unix
seconds), activation_point, point (now, in those units: `load` takes it from a `clock`,
trades move it on), fee_mode (0 linear, 1 exponential, 2 limiter, 3 and 4 by market cap),
fee_cliff, fee_first, fee_second, fee_third, fee_max, compounding_fee_bps;
limiter_duration, limiter_max; with a dynamic fee variable_fee_control, bin_step,
volatility_*, filter_period, decay_period; sqrt_price, init_sqrt_price, sqrt_min_price,
sqrt_max_price, liquidity, bin_step_root, price_reference as `_low` and `_high` 64 bits;
base_transfer_fee_bps and base_transfer_fee_max for a coin that takes a fee.
Reserves are what the pool counts as its own; the root of the price prices the trade.

Program id cpamdpZC…; MeteoraAg/damm-v2 and @meteora-ag/cp-amm-sdk.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, LiquidityChanged, Pool, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import meteora_damm_v2_curve as curve
from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex import token_pair
from sniperforge.dex.account_table import AccountTable, build
from sniperforge.dex.account_table import accounts as account_table
from sniperforge.dex.meteora_damm_v2_layouts import (
    AUTHORITY,
    COMPOUNDING,
    EVENT_AUTHORITY,
    FEE_MAX,
    INSTRUCTIONS_SYSVAR,
    NAME,
    PROGRAM,
    SWAP,
    SWAP2,
    decode_pool,
    fee_numbers,
)
from sniperforge.dex.meteora_damm_v2_reading import read, verify
from sniperforge.dex.meteora_fees import LIMITER, unrest_after
from sniperforge.dex.programs import TOKEN, TOKEN_2022
from sniperforge.dex.token_pair import base_is_first
from sniperforge.dex.venue import EmptyPool, Instruction, Quote, SwapOrder, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "apply",
    "assemble",
    "compute_units",
    "decode_pool",
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

CLOCK_SYSVAR = key("SysvarC1ock11111111111111111111111111111111")
#: slot, start of the epoch, epoch, epoch of the leader schedule, Unix seconds.
_CLOCK = struct.Struct("<QqQQq")
_SWAP_ARGUMENTS = struct.Struct("<8sQQ")
_SWAP2_ARGUMENTS = struct.Struct("<8sQQB")
EXACT_OUT = 2


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw pool, by the names it wants them under."""
    keys = decode_pool(raw).keys
    first = base_is_first(keys["token_a_mint"], keys["token_b_mint"])
    return {"base_mint": keys["token_a_mint" if first else "token_b_mint"], "clock": CLOCK_SYSVAR}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `pool`; with `base_mint` also the coin's transfer fee is known, with
            `clock` (the sysvar) the fee of now; without, the fee at activation.

    Raises:
        DecodeError: an account is missing or something else.
    """
    state = decode_pool(token_pair.account(accounts, "pool", NAME))
    ints, keys = state.ints, state.keys
    roots = {name: ints[name] for name in ("sqrt_price", "init_sqrt_price", "sqrt_min_price", "sqrt_max_price")}
    in_range = 0 < roots["sqrt_min_price"] <= roots["sqrt_price"] <= roots["sqrt_max_price"]
    kinds = max(ints["token_a_flag"], ints["token_b_flag"], ints["activation_type"], ints["fee_version"])
    if ints["collect_fee_mode"] > COMPOUNDING or kinds > 1 or not (in_range or ints["collect_fee_mode"] == COMPOUNDING):
        raise DecodeError(f"{NAME}: the pool is of a kind nobody knows; the program was upgraded: compare its layout")
    first = base_is_first(keys["token_a_mint"], keys["token_b_mint"])
    base, quote = ("a", "b") if first else ("b", "a")
    reserves = dict(zip("ab", _reserves(ints), strict=True))
    programs = {side: TOKEN_2022 if ints[f"token_{side}_flag"] else TOKEN for side in "ab"}
    slot, seconds = _clock(accounts)
    point = seconds if ints["activation_type"] else slot
    same = ("collect_fee_mode", "activation_type", "activation_point", "protocol_fee_percent", "referral_fee_percent")
    return Pool(
        venue=NAME,
        address=address,
        base_mint=keys[f"token_{base}_mint"],
        quote_mint=keys[f"token_{quote}_mint"],
        base_program=programs[base],
        quote_program=programs[quote],
        base_reserve=reserves[base],
        quote_reserve=reserves[quote],
        keys={
            "authority": AUTHORITY,
            "base_vault": keys[f"token_{base}_vault"],
            "quote_vault": keys[f"token_{quote}_vault"],
        },
        numbers={
            "base_is_0": int(first),
            "status": ints["pool_status"],
            **{name: ints[name] for name in same},
            "point": max(point, ints["activation_point"]),
            **fee_numbers(ints),
            "fee_max": FEE_MAX[ints["fee_version"]],
            **{name: half for root in roots for name, half in liquidity.split(root, roots[root]).items()},
            **liquidity.split("liquidity", ints["liquidity"]),
            **token_pair.transfer_fee_numbers(accounts.get("base_mint", b"")),
        },
        slot=slot,
    )


def _reserves(ints: Mapping[str, int]) -> tuple[int, int]:
    """Return the reserves of token A and B; an account of the first layout does not hold them."""
    if ints["layout_version"] or ints["collect_fee_mode"] == COMPOUNDING:
        return ints["token_a_amount"], ints["token_b_amount"]
    root, depth = ints["sqrt_price"], ints["liquidity"]
    return (
        liquidity.first_between(root, ints["sqrt_max_price"], depth, up=True),
        liquidity.second_between(ints["sqrt_min_price"], root, depth, up=True),
    )


def _clock(accounts: Mapping[str, bytes]) -> tuple[int, int]:
    raw = accounts.get("clock")
    if raw is None:
        return 0, 0
    if len(raw) != _CLOCK.size:
        raise DecodeError(f"{NAME}: the clock has {_CLOCK.size} bytes, got {len(raw)}; fetch {CLOCK_SYSVAR.hex()}")
    slot, _, _, _, seconds = _CLOCK.unpack(raw)
    return slot, max(seconds, 0)


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* after a Swapped or LiquidityChanged of it; older slots change nothing.

    A trade that tells reserves but no price moves the price by what the reserves moved.
    """
    if not isinstance(event, Swapped | LiquidityChanged):
        return pool
    after = token_pair.apply(pool, event)
    if after is pool:
        return pool
    numbers = dict(pool.numbers)
    if isinstance(event, LiquidityChanged):
        change = liquidity.joined(event.numbers, "liquidity_delta")
        depth = liquidity.joined(numbers, "liquidity") + (change if event.added else -change)
        numbers |= liquidity.split("liquidity", max(depth, 0))
        return msgspec.structs.replace(after, numbers=numbers)
    before, root = liquidity.joined(numbers, "sqrt_price"), _root_after(pool, after, event)
    seconds = event.numbers.get("seconds", 0)
    if seconds and numbers.get("variable_fee_control"):
        numbers |= unrest_after(numbers, before, root, seconds)
    numbers |= liquidity.split("sqrt_price", root)
    numbers["point"] = max(numbers["point"], seconds if numbers["activation_type"] else event.slot)
    return msgspec.structs.replace(after, numbers=numbers)


def _root_after(pool: Pool, after: Pool, event: Swapped) -> int:
    told = liquidity.joined(event.numbers, "sqrt_price")
    if told:
        return told
    if pool.numbers["collect_fee_mode"] == COMPOUNDING:
        return curve.root_of_reserves(*_by_token(after))
    try:
        state = curve.state(pool.numbers, *_by_token(pool))
        moved = _by_token(after)[1] - state.reserve_b
        if moved >= 0:
            return liquidity.after_second_in(state.root, state.liquidity, moved)
        return liquidity.after_second_out(state.root, state.liquidity, -moved)
    except EmptyPool:
        # More than the pool as known holds: the next event that tells a price sets it.
        return liquidity.joined(pool.numbers, "sqrt_price")


def _by_token(pool: Pool) -> tuple[int, int]:
    both = (pool.base_reserve, pool.quote_reserve)
    return both if pool.numbers["base_is_0"] else (both[1], both[0])


# ── quoting ───────────────────────────────────────────────────────────────


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    Exact as the program computes it at `pool.numbers["point"]`; what the coin's own
    transfer fee takes is off already. Fees taken in the coin are valued at the price
    before the trade.

    Raises:
        EmptyPool: nothing is there, or the trade would leave the pool's range of prices.
    """
    taxed = 0 if is_buy else token_pair.transfer_fee(pool, amount_in)
    state, second_in = _state(pool, is_buy)
    return _quote(pool, state, curve.exact_in(state, amount_in - taxed, second_in=second_in), taxed, is_buy=is_buy)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives; `Quote.amount_out` is what then does.

    Raises:
        EmptyPool: the pool holds no more than that within its range of prices.
    """
    gross = token_pair.before_transfer_fee(pool, amount_out) if is_buy else amount_out
    state, second_in = _state(pool, is_buy)
    trade = curve.exact_out(state, gross, second_in=second_in)
    taxed = 0 if is_buy else token_pair.before_transfer_fee(pool, trade.amount_in) - trade.amount_in
    return _quote(pool, state, trade, taxed, is_buy=is_buy)


def _state(pool: Pool, is_buy: bool) -> tuple[curve.State, bool]:
    return curve.state(pool.numbers, *_by_token(pool)), is_buy is bool(pool.numbers["base_is_0"])


def _quote(pool: Pool, state: curve.State, trade: curve.Trade, taxed: int, *, is_buy: bool) -> Quote:
    taxed_out = token_pair.transfer_fee(pool, trade.amount_out) if is_buy else 0
    coins = taxed + taxed_out
    fee, first = trade.fee, bool(pool.numbers["base_is_0"])
    if trade.fee_on_input is not is_buy:
        fee, coins = 0, coins + fee
    worth = liquidity.first_in_second if first else liquidity.second_in_first
    return Quote(
        amount_in=trade.amount_in + taxed,
        amount_out=trade.amount_out - taxed_out,
        fee_amount=fee + worth(coins, state.root),
        impact_bps=liquidity.impact_bps(state.root, trade.root_after, base_is_first=first) if trade.root_after else 0,
    )


# ── writing ───────────────────────────────────────────────────────────────


def _table(is_buy: bool, base_is_0: bool, referral: str, tail: str) -> AccountTable:
    base, quote = "base", "quote"
    paid, got = (quote, base) if is_buy else (base, quote)
    a, b = (base, quote) if base_is_0 else (quote, base)
    return account_table(
        f"authority pool:w user_{paid}_token:w user_{got}_token:w {a}_vault:w {b}_vault:w {a}_mint {b}_mint user:s "
        f"{a}_program {b}_program {referral} event_authority program{tail}"
    )


#: By is_buy, base_is_0, with a referrer, with a limiter (which wants to see the whole transaction).
_TABLES = {
    (is_buy, base_is_0, shares, limited): _table(
        is_buy,
        base_is_0,
        "referral_token_account:w" if shares else "program",
        " instructions_sysvar" if limited else "",
    )
    for is_buy in (True, False)
    for base_is_0 in (True, False)
    for shares in (True, False)
    for limited in (True, False)
}
_FIXED = {
    "authority": AUTHORITY,
    "event_authority": EVENT_AUTHORITY,
    "program": PROGRAM,
    "instructions_sysvar": INSTRUCTIONS_SYSVAR,
}


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return every key of a swap that is not a constant of the program (22 µs: two token accounts)."""
    keys = token_pair.wallet_keys(pool, user)
    keys["pool"] = pool.address
    for name in ("base_vault", "quote_vault", "referral_token_account"):
        if name in pool.keys:
            keys[name] = pool.keys[name]
    return keys


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys*; derives nothing."""
    programs = {"base_program": pool.base_program, "quote_program": pool.quote_program}
    if order.exact_out:
        data = _SWAP2_ARGUMENTS.pack(SWAP2, order.amount_out_min, order.amount_in, EXACT_OUT)
    else:
        data = _SWAP_ARGUMENTS.pack(SWAP, order.amount_in, order.amount_out_min)
    trade = build(PROGRAM, _TABLES[order.is_buy, *_form(pool, order.is_buy)], {**keys, **programs, **_FIXED}, data)
    return token_pair.around(trade, keys, pool, order)


def _form(pool: Pool, is_buy: bool) -> tuple[bool, bool, bool]:
    numbers, base_is_0 = pool.numbers, bool(pool.numbers["base_is_0"])
    limited = numbers["fee_mode"] == LIMITER and is_buy is base_is_0
    return base_is_0, "referral_token_account" in pool.keys, limited


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the form of the instructions: token programs, wrapping, which token is the coin, what is appended."""
    base_is_0, shares, limited = _form(pool, order.is_buy)
    marks = ("a" if base_is_0 else "b") + ("/share" if shares else "") + ("/limited" if limited else "")
    return f"{token_pair.variant(pool, order)}/{marks}"


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap.

    Measured on the real program: 15,292 for the swap alone (15,869 for exact output),
    13,424 to open an account. The classic token program of mainnet takes 6,200 per
    transfer where the one measured took 110; a fee that falls exponentially or is
    limited costs some thousands more.
    """
    return 150_000 if is_buy else 110_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # The program logs no event. With the quote that ends the JSON string (or its
    # escape): others log "Instruction: InitializePoolV2" and the like.
    markers=(
        b'Instruction: InitializePool"',
        b'Instruction: InitializePool\\"',
        b"Instruction: InitializePoolWithDynamicConfig",
        b"Instruction: InitializeCustomizablePool",
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
