"""Meteora dynamic bonding curve: launches along a curve of up to twenty points, drawn by a config.

creation, swaps, completion, migration -> PoolCreated, Swapped, CurveCompleted, PoolMigrated   (reading)
pool + amount -> quote; pool + order -> instructions                                         (writing)

Reading stands in meteora_dbc_reading.py, the arithmetic in meteora_dbc_curve.py,
meteora_liquidity.py and meteora_fees.py, the layouts in meteora_dbc_layouts.py.

pool.keys: authority, config, base_vault, quote_vault, creator; referral_token_account
where a share of the protocol's fee shall go there.
pool.numbers: curve_points (0: the config was not loaded, nothing can be quoted),
curve_<i>_sqrt_price and curve_<i>_liquidity, sqrt_price, sqrt_start_price,
migration_sqrt_price (each as `_low` and `_high` 64 bits), migration_quote_threshold,
real_quote_reserve, status (0 tradable, 1 complete or migrated), collect_fee_mode (0 the
quote side, 1 the output), activation_type (0 slots, 1 Unix seconds), activation_point,
point (now, in those units), fee_mode (0 linear, 1 exponential, 2 limiter), fee_cliff,
fee_first, fee_second, fee_third, fee_max, limiter_duration, limiter_max, and with a
dynamic fee the same as in meteora_damm_v2; sees_instructions (the sysvar of the
transaction's instructions is appended: 1 to buys, 2 to every swap), base_decimals.
Reserves are the real ones; the root of the price prices the trade.

Program id dbcij3LW…; MeteoraAg/dynamic-bonding-curve and its SDK.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, Event, Pool, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import meteora_dbc_curve as curve
from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex import token_pair
from sniperforge.dex.account_table import AccountTable, build
from sniperforge.dex.account_table import accounts as account_table
from sniperforge.dex.meteora_dbc_curve import CurveUnknown
from sniperforge.dex.meteora_dbc_layouts import (
    AUTHORITY,
    EVENT_AUTHORITY,
    EVERY_BUY,
    EVERY_SWAP,
    INSTRUCTIONS_SYSVAR,
    NAME,
    PROGRAM,
    SWAP,
    SWAP2,
    config_numbers,
    decode_pool_config,
    decode_virtual_pool,
)
from sniperforge.dex.meteora_dbc_reading import read, verify
from sniperforge.dex.meteora_fees import unrest_after
from sniperforge.dex.programs import TOKEN, TOKEN_2022
from sniperforge.dex.venue import EmptyPool, Instruction, Quote, SwapOrder, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "CurveUnknown",
    "apply",
    "assemble",
    "compute_units",
    "decode_pool_config",
    "decode_virtual_pool",
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
PARTIAL_FILL, EXACT_OUT = 1, 2


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw pool, by the names it wants them under."""
    return {"config": decode_virtual_pool(raw).keys["config"], "clock": CLOCK_SYSVAR}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `pool`, `config`; with `clock` (the sysvar) the fee is the one of now,
            else the one at activation.

    Raises:
        DecodeError: an account is missing or something else.
    """
    state = decode_virtual_pool(token_pair.account(accounts, "pool", NAME))
    config = decode_pool_config(token_pair.account(accounts, "config", NAME))
    numbers = config_numbers(config, state)
    ints, keys = state.ints, state.keys
    if not ints["sqrt_price"]:
        raise DecodeError(f"{NAME}: the pool has no price; compare the layout of its account")
    slot, seconds = _clock(accounts)
    point = seconds if numbers["activation_type"] else slot
    return Pool(
        venue=NAME,
        address=address,
        base_mint=keys["base_mint"],
        quote_mint=config.keys["quote_mint"],
        base_program=TOKEN_2022 if config.ints["token_type"] else TOKEN,
        quote_program=TOKEN_2022 if config.ints["quote_token_flag"] else TOKEN,
        base_reserve=ints["base_reserve"],
        quote_reserve=ints["quote_reserve"],
        keys={
            "authority": AUTHORITY,
            **{name: keys[name] for name in ("config", "base_vault", "quote_vault", "creator")},
        },
        numbers={
            "base_is_0": 1,
            **numbers,
            **liquidity.split("sqrt_price", ints["sqrt_price"]),
            "activation_point": ints["activation_point"],
            "point": max(point, ints["activation_point"]),
            "status": int(bool(ints["is_migrated"] or ints["migration_progress"])),
            "real_quote_reserve": ints["quote_reserve"],
        },
        slot=slot,
    )


def _clock(accounts: Mapping[str, bytes]) -> tuple[int, int]:
    raw = accounts.get("clock")
    if raw is None:
        return 0, 0
    if len(raw) != _CLOCK.size:
        raise DecodeError(f"{NAME}: the clock has {_CLOCK.size} bytes, got {len(raw)}; fetch the clock sysvar")
    slot, _, _, _, seconds = _CLOCK.unpack(raw)
    return slot, max(seconds, 0)


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* after a Swapped or CurveCompleted of it; older slots change nothing.

    A trade that tells reserves but no price moves the price by the quote that moved.
    """
    if isinstance(event, CurveCompleted) and event.pool == pool.address:
        return msgspec.structs.replace(pool, numbers={**pool.numbers, "status": 1})
    if not isinstance(event, Swapped) or event.pool != pool.address or event.slot < pool.slot:
        return pool
    numbers, told = dict(pool.numbers), event.numbers
    before, root = liquidity.joined(numbers, "sqrt_price"), liquidity.joined(told, "sqrt_price")
    if root:
        way = 1 if event.is_buy else -1
        base = max(pool.base_reserve - way * told["base_moved"], 0)
        quote = max(pool.quote_reserve + way * told["quote_moved"], 0)
        quote = event.quote_reserve if event.quote_reserve >= 0 else quote
    elif min(event.base_reserve, event.quote_reserve) >= 0:
        base, quote = event.base_reserve, event.quote_reserve
        root = _root_moved(pool, quote - pool.quote_reserve)
    else:
        return pool
    seconds = told.get("seconds", 0)
    if seconds and before and numbers.get("variable_fee_control"):
        numbers |= unrest_after(numbers, before, root, seconds)
    numbers |= liquidity.split("sqrt_price", root)
    numbers["real_quote_reserve"] = quote
    if "point" in numbers:
        numbers["point"] = max(numbers["point"], seconds if numbers["activation_type"] else event.slot)
    return msgspec.structs.replace(pool, base_reserve=base, quote_reserve=quote, numbers=numbers, slot=event.slot)


def _root_moved(pool: Pool, quote: int) -> int:
    if not pool.numbers.get("curve_points"):
        return liquidity.joined(pool.numbers, "sqrt_price")
    state = curve.state(pool.numbers)
    return (curve.buy_in(state, quote) if quote >= 0 else curve.sell_out(state, -quote)).root


# ── quoting ───────────────────────────────────────────────────────────────


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    Exact as the program computes it at `pool.numbers["point"]`. A buy of more than the
    curve has left takes the rest: `Quote.amount_in` is then what it really costs.

    Raises:
        CurveUnknown: the pool was not loaded with its config.
        EmptyPool: the curve is complete, or a sell brings back more than was sold.
    """
    state = _tradable(pool, is_buy=is_buy)
    return _quote(state, curve.exact_in(state, amount_in, is_buy=is_buy), is_buy=is_buy)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives.

    Raises:
        CurveUnknown: the pool was not loaded with its config.
        EmptyPool: the curve is complete or holds no more than that.
    """
    state = _tradable(pool, is_buy=is_buy)
    return _quote(state, curve.exact_out(state, amount_out, is_buy=is_buy), is_buy=is_buy)


def _tradable(pool: Pool, *, is_buy: bool) -> curve.State:
    numbers = pool.numbers
    state = curve.state(numbers)
    is_complete = numbers.get("status") or pool.quote_reserve >= numbers["migration_quote_threshold"]
    if is_complete or (is_buy and pool.base_reserve <= 0):
        raise EmptyPool(f"{NAME}: the curve is complete; trade the pool the coin migrates to")
    return state


def _quote(state: curve.State, trade: curve.Trade, *, is_buy: bool) -> Quote:
    in_coins = is_buy and not trade.fee_on_input
    return Quote(
        amount_in=trade.amount_in,
        amount_out=trade.amount_out,
        fee_amount=liquidity.first_in_second(trade.fee, state.root) if in_coins else trade.fee,
        impact_bps=liquidity.impact_bps(state.root, trade.root_after, base_is_first=True),
    )


# ── writing ───────────────────────────────────────────────────────────────


def _table(is_buy: bool, referral: str, tail: str) -> AccountTable:
    paid, got = ("quote", "base") if is_buy else ("base", "quote")
    return account_table(
        f"authority config pool:w user_{paid}_token:w user_{got}_token:w base_vault:w quote_vault:w base_mint "
        f"quote_mint user:s base_program quote_program {referral} event_authority program{tail}"
    )


#: By is_buy, with a referrer, with the instructions of the transaction.
_TABLES = {
    (is_buy, shares, sees): _table(
        is_buy, "referral_token_account:w" if shares else "program", " instructions_sysvar" if sees else ""
    )
    for is_buy in (True, False)
    for shares in (True, False)
    for sees in (True, False)
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
    for name in ("config", "base_vault", "quote_vault", "referral_token_account"):
        if name in pool.keys:
            keys[name] = pool.keys[name]
    return keys


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys*; derives nothing.

    An exact-in buy is filled as far as the curve goes: it completes the curve where an
    ordinary swap would fail.
    """
    programs = {"base_program": pool.base_program, "quote_program": pool.quote_program}
    if order.exact_out:
        data = _SWAP2_ARGUMENTS.pack(SWAP2, order.amount_out_min, order.amount_in, EXACT_OUT)
    elif order.is_buy:
        data = _SWAP2_ARGUMENTS.pack(SWAP2, order.amount_in, order.amount_out_min, PARTIAL_FILL)
    else:
        data = _SWAP_ARGUMENTS.pack(SWAP, order.amount_in, order.amount_out_min)
    trade = build(PROGRAM, _TABLES[order.is_buy, *_form(pool, order.is_buy)], {**keys, **programs, **_FIXED}, data)
    return token_pair.around(trade, keys, pool, order)


def _form(pool: Pool, is_buy: bool) -> tuple[bool, bool]:
    sees = pool.numbers["sees_instructions"]
    return "referral_token_account" in pool.keys, sees == EVERY_SWAP or (is_buy and sees == EVERY_BUY)


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the form of the instructions: token programs, wrapping, and what is appended."""
    shares, sees = _form(pool, order.is_buy)
    return token_pair.variant(pool, order) + ("/share" if shares else "") + ("/seen" if sees else "")


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap.

    Measured on the real program: 37,878 for a buy within one span of the curve, 35,538
    for a sell, 13,424 to open an account. The classic token program of mainnet takes
    6,200 per transfer where the one measured took 110; every further span walked and a
    falling fee cost some thousands each.
    """
    return 220_000 if is_buy else 180_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # The program logs no event. A completion is seen by its call to itself: the event's
    # tag and discriminator as they start 96 bytes in base58, and any bytes in base64.
    markers=(
        b"Instruction: InitializeVirtualPoolWith",
        b'Instruction: MigrationDammV2"',
        b'Instruction: MigrationDammV2\\"',
        b'Instruction: MigrateMeteoraDamm"',
        b'Instruction: MigrateMeteoraDamm\\"',
        b"2Mdmj2S19dqZXBXqNSdry5",
        b"5EWlLlHLmh3l51ZUnIZLG",
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
