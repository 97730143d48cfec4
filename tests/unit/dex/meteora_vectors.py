"""Small accounts and events of the Meteora programs, made from the layouts: no recording needed."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from sniperforge.base.units import Pubkey
from sniperforge.dex import meteora_damm_v2_layouts as damm
from sniperforge.dex import meteora_dbc_layouts as dbc
from sniperforge.dex.borsh import AccountLayout
from sniperforge.dex.meteora_liquidity import ROOT_MAX, ROOT_MIN, ROOT_ONE
from sniperforge.dex.programs import WSOL, pda

_SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16}
COIN, CONFIG = Pubkey(b"\x01" * 32), Pubkey(b"\x0c" * 32)
USER, CREATOR = Pubkey(b"\x21" * 32), Pubkey(b"\x22" * 32)
SMALLER, LARGER = sorted((COIN, WSOL))
#: A root of 1 and 10^12 of liquidity: 10^12 units of either token at a price of 1.
DEPTH = 10**12 << 64
CLOCK = struct.pack("<QqQQq", 900, 0, 0, 0, 5_000)


def account(layout: AccountLayout, size: int, head: bytes, values: Mapping[str, int | bytes]) -> bytes:
    """Return a raw account with *values* where *layout* has them, zeros elsewhere."""
    raw = bytearray(size)
    raw[:8] = head
    places = {name: (offset, kind) for offset, name, kind in layout}
    for name, value in values.items():
        offset, kind = places[name]
        packed = value if isinstance(value, bytes) else value.to_bytes(_SIZES[kind], "little")
        raw[offset : offset + len(packed)] = packed
    return bytes(raw)


DAMM_POOL = pda(damm.PROGRAM, b"cpool", LARGER, SMALLER)


def damm_pool(**changes: int | bytes) -> bytes:
    """Return a raw DAMM v2 pool over the whole range: COIN is token A, the fee 1 % on token B."""
    values: dict[str, int | bytes] = {
        "base_fee.cliff": 10_000_000,
        "protocol_fee_percent": 20,
        "referral_fee_percent": 20,
        "token_a_mint": COIN,
        "token_b_mint": WSOL,
        "token_a_vault": pda(damm.PROGRAM, b"token_vault", COIN, DAMM_POOL),
        "token_b_vault": pda(damm.PROGRAM, b"token_vault", WSOL, DAMM_POOL),
        "liquidity": DEPTH,
        "init_sqrt_price": ROOT_ONE,
        "sqrt_min_price": ROOT_MIN,
        "sqrt_max_price": ROOT_MAX,
        "sqrt_price": ROOT_ONE,
        "activation_point": 1_000,
        "activation_type": 1,
        "collect_fee_mode": 1,
        "fee_version": 1,
        "token_a_amount": 10**12,
        "token_b_amount": 10**12,
        "layout_version": 1,
    }
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return account(damm.POOL_LAYOUT, damm.POOL_SIZE, damm.POOL, {**values, **named})


DYNAMIC = {
    "dynamic_fee?": 1,
    "dynamic_fee.max_volatility_accumulator": 14_460_000,
    "dynamic_fee.variable_fee_control": 956,
    "dynamic_fee.bin_step": 1,
    "dynamic_fee.filter_period": 10,
    "dynamic_fee.decay_period": 120,
    "dynamic_fee.reduction_factor": 5_000,
    "dynamic_fee.bin_step_u128": 1_844_674_407_370_955,
    "dynamic_fee.sqrt_price_reference": ROOT_ONE,
}


def base_fee(cliff: int = 10_000_000, first: int = 0, second: int = 0, third: int = 0, mode: int = 0) -> bytes:
    """Return the 27 bytes of a base fee as arguments and events have it."""
    return struct.pack("<QHQQB", cliff, first, second, third, mode)


DBC_POOL = pda(dbc.PROGRAM, b"pool", CONFIG, LARGER, SMALLER)


def virtual_pool(**changes: int | bytes) -> bytes:
    """Return a raw VirtualPool of COIN at the start of its curve."""
    values: dict[str, int | bytes] = {
        "config": CONFIG,
        "creator": CREATOR,
        "base_mint": COIN,
        "base_vault": pda(dbc.PROGRAM, b"token_vault", COIN, DBC_POOL),
        "quote_vault": pda(dbc.PROGRAM, b"token_vault", WSOL, DBC_POOL),
        "base_reserve": 10**12,
        "sqrt_price": ROOT_ONE,
        "activation_point": 1_000,
    }
    return account(dbc.VIRTUAL_POOL_LAYOUT, dbc.VIRTUAL_POOL_SIZE, dbc.VIRTUAL_POOL, {**values, **changes})


def pool_config(**changes: int | bytes) -> bytes:
    """Return a raw PoolConfig: two spans from a root of 1 to 2 and to 4, complete at 10^12, 1 % on the quote."""
    values: dict[str, int | bytes] = {
        "quote_mint": WSOL,
        "fee_cliff": 10_000_000,
        "activation_type": 1,
        "token_decimal": 6,
        "migration_quote_threshold": 2 * 10**12,
        "migration_sqrt_price": 3 * ROOT_ONE,
        "sqrt_start_price": ROOT_ONE,
        "curve_0_sqrt_price": 2 * ROOT_ONE,
        "curve_0_liquidity": DEPTH,
        "curve_1_sqrt_price": 4 * ROOT_ONE,
        "curve_1_liquidity": DEPTH,
    }
    return account(dbc.POOL_CONFIG_LAYOUT, dbc.POOL_CONFIG_SIZE, dbc.POOL_CONFIG, {**values, **changes})
