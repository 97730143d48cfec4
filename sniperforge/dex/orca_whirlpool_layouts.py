"""Bytes of Orca Whirlpool: its discriminators, events, arguments, account lists and accounts.

account bytes -> Record of its fields; tick array bytes -> net liquidity by tick

Layouts: orca-so/whirlpools, events.rs, state/{whirlpool,tick_array,oracle}.rs.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex.account_table import accounts
from sniperforge.dex.borsh import Codec, Record, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.token_pair import LayoutMismatch, require_discriminator

NAME = "orca_whirlpool"
PROGRAM = key("whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc")
MEMO = key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
TICKS_PER_ARRAY = 88

INITIALIZE_POOL = bytes.fromhex("5fb40aac54aee828")
INITIALIZE_POOL_V2 = bytes.fromhex("cf2d57f21b3fcc43")
INITIALIZE_POOL_ADAPTIVE = bytes.fromhex("8f5e604cac7c77c7")
SWAP = bytes.fromhex("f8c69e91e17587c8")
SWAP_V2 = bytes.fromhex("2b04ed0b1ac91e62")
POOL_INITIALIZED = bytes.fromhex("6476ad570cc6fee5")
TRADED = bytes.fromhex("e1ca49af932ba096")
LIQUIDITY_INCREASED = bytes.fromhex("1e0790b566fe9ba1")
LIQUIDITY_DECREASED = bytes.fromhex("a601244770cab5ab")
LIQUIDITY_REPOSITIONED = bytes.fromhex("5f82b584fb32c326")

#: creation -> (arguments, accounts)
CREATIONS = {
    INITIALIZE_POOL: (
        Codec(fields("bumps:u8 tick_spacing:u16 sqrt_price:u128")),
        accounts(
            "whirlpools_config token_mint_a token_mint_b funder:sw whirlpool:w token_vault_a:sw token_vault_b:sw "
            "fee_tier token_program system_program rent"
        ),
    ),
    INITIALIZE_POOL_V2: (
        Codec(fields("tick_spacing:u16 sqrt_price:u128")),
        accounts(
            "whirlpools_config token_mint_a token_mint_b token_badge_a token_badge_b funder:sw whirlpool:w "
            "token_vault_a:sw token_vault_b:sw fee_tier token_program_a token_program_b system_program rent"
        ),
    ),
    INITIALIZE_POOL_ADAPTIVE: (
        Codec(fields("sqrt_price:u128 trade_enable_timestamp:option<u64>")),
        accounts(
            "whirlpools_config token_mint_a token_mint_b token_badge_a token_badge_b funder:sw "
            "initialize_pool_authority:s whirlpool:w oracle:w token_vault_a:sw token_vault_b:sw fee_tier "
            "token_program_a token_program_b system_program rent"
        ),
    ),
}
SWAP_ACCOUNTS = accounts(
    "token_program token_authority:s whirlpool:w token_owner_account_a:w token_vault_a:w token_owner_account_b:w "
    "token_vault_b:w tick_array_0:w tick_array_1:w tick_array_2:w oracle"
)
SWAP_V2_ACCOUNTS = accounts(
    "token_program_a token_program_b memo_program token_authority:s whirlpool:w token_mint_a token_mint_b "
    "token_owner_account_a:w token_vault_a:w token_owner_account_b:w token_vault_b:w tick_array_0:w tick_array_1:w "
    "tick_array_2:w oracle:w"
)
_INCREASE = accounts(
    "whirlpool:w token_program position_authority:s position:w position_token_account token_owner_account_a:w "
    "token_owner_account_b:w token_vault_a:w token_vault_b:w tick_array_lower:w tick_array_upper:w"
)
_INCREASE_V2 = accounts(
    "whirlpool:w token_program_a token_program_b memo_program position_authority:s position:w position_token_account "
    "token_mint_a token_mint_b token_owner_account_a:w token_owner_account_b:w token_vault_a:w token_vault_b:w "
    "tick_array_lower:w tick_array_upper:w"
)
#: instruction of one pool -> its accounts; the name of the pool's is `whirlpool` in all.
SWAPS = {SWAP: SWAP_ACCOUNTS, SWAP_V2: SWAP_V2_ACCOUNTS}
ADDITIONS = {
    bytes.fromhex("2e9cf3760dcdfbb2"): _INCREASE,
    bytes.fromhex("851d59df45eeb00a"): _INCREASE_V2,
}
REMOVALS = {
    bytes.fromhex("a026d06f685b2c01"): _INCREASE,
    bytes.fromhex("3a7fbc3e4f52c460"): _INCREASE_V2,
}

_CHANGED = Codec(
    fields(
        "whirlpool:pubkey position:pubkey tick_lower:i32 tick_upper:i32 liquidity:u128 amount_a:u64 amount_b:u64 "
        "transfer_fee_a:u64 transfer_fee_b:u64"
    )
)
#: event -> (name, layout)
EVENTS = {
    POOL_INITIALIZED: (
        "PoolInitialized",
        Codec(
            fields(
                "whirlpool:pubkey whirlpools_config:pubkey token_mint_a:pubkey token_mint_b:pubkey tick_spacing:u16 "
                "token_program_a:pubkey token_program_b:pubkey decimals_a:u8 decimals_b:u8 initial_sqrt_price:u128"
            )
        ),
    ),
    TRADED: (
        "Traded",
        Codec(
            fields(
                "whirlpool:pubkey a_to_b:bool pre_sqrt_price:u128 post_sqrt_price:u128 input_amount:u64 "
                "output_amount:u64 input_transfer_fee:u64 output_transfer_fee:u64 lp_fee:u64 protocol_fee:u64"
            )
        ),
    ),
    LIQUIDITY_INCREASED: ("LiquidityIncreased", _CHANGED),
    LIQUIDITY_DECREASED: ("LiquidityDecreased", _CHANGED),
    LIQUIDITY_REPOSITIONED: (
        "LiquidityRepositioned",
        Codec(
            fields(
                "whirlpool:pubkey position:pubkey old_lower:i32 old_upper:i32 new_lower:i32 new_upper:i32 "
                "old_liquidity:u128 new_liquidity:u128 old_amount_a:u64 old_amount_b:u64 new_amount_a:u64 "
                "new_amount_b:u64 moved_a:u64 transfer_fee_a:u64 is_paid_a:bool moved_b:u64 transfer_fee_b:u64 "
                "is_paid_b:bool"
            )
        ),
    ),
}

# ── accounts ──────────────────────────────────────────────────────────────

WHIRLPOOL = bytes.fromhex("3f95d10ce1806309")
TICK_ARRAY = bytes.fromhex("4561bdbe6e0742bb")
DYNAMIC_TICK_ARRAY = bytes.fromhex("11d8f68ee1c7da38")
ORACLE = bytes.fromhex("8bc283b38cb3e5f4")
WHIRLPOOL_SIZE, TICK_ARRAY_SIZE, ORACLE_SIZE = 653, 9988, 254
_TICK_SIZE, _TICKS_AT, _DYNAMIC_TICKS_AT, _DYNAMIC_TICK_SIZE = 113, 12, 60, 112
DYNAMIC_SIZE_MIN, DYNAMIC_SIZE_MAX = 148, 10_004

WHIRLPOOL_LAYOUT = offsets(
    "8:whirlpools_config:pubkey 40:whirlpool_bump:u8 41:tick_spacing:u16 43:fee_tier_index_seed:u16 45:fee_rate:u16 "
    "47:protocol_fee_rate:u16 49:liquidity:u128 65:sqrt_price:u128 81:tick_current_index:i32 "
    "85:protocol_fee_owed_a:u64 93:protocol_fee_owed_b:u64 101:token_mint_a:pubkey 133:token_vault_a:pubkey "
    "165:fee_growth_global_a:u128 181:token_mint_b:pubkey 213:token_vault_b:pubkey 245:fee_growth_global_b:u128 "
    "261:reward_last_updated_timestamp:u64"
)
ORACLE_LAYOUT = offsets(
    "8:whirlpool:pubkey 40:trade_enable_timestamp:u64 48:filter_period:u16 50:decay_period:u16 "
    "52:reduction_factor:u16 54:adaptive_fee_control_factor:u32 58:max_volatility_accumulator:u32 "
    "62:tick_group_size:u16 64:major_swap_threshold_ticks:u16 82:last_reference_update_timestamp:u64 "
    "90:last_major_swap_timestamp:u64 98:volatility_reference:u32 102:tick_group_index_reference:i32 "
    "106:volatility_accumulator:u32"
)


class TickArray(NamedTuple):
    """An account of 88 ticks: `nets` by offset in the array, initialized ones alone."""

    whirlpool: Pubkey
    start: int
    nets: dict[int, int]


def decode_whirlpool(raw: bytes) -> Record:
    """Return the fields of a raw Whirlpool account; raises LayoutMismatch or DecodeError."""
    if len(raw) != WHIRLPOOL_SIZE:
        raise LayoutMismatch(NAME, "whirlpool", size=len(raw), size_expected=WHIRLPOOL_SIZE)
    require_discriminator(raw, WHIRLPOOL, NAME, "whirlpool")
    return decode_at(WHIRLPOOL_LAYOUT, raw, size_min=WHIRLPOOL_SIZE)


def decode_oracle(raw: bytes) -> Record:
    """Return the fields of a raw Oracle account; raises LayoutMismatch or DecodeError."""
    if len(raw) != ORACLE_SIZE:
        raise LayoutMismatch(NAME, "oracle", size=len(raw), size_expected=ORACLE_SIZE)
    require_discriminator(raw, ORACLE, NAME, "oracle")
    return decode_at(ORACLE_LAYOUT, raw, size_min=ORACLE_SIZE)


def decode_tick_array(raw: bytes) -> TickArray:
    """Return a raw tick array of either form; raises LayoutMismatch or DecodeError."""
    if raw[:8] == DYNAMIC_TICK_ARRAY:
        return _dynamic(raw)
    if len(raw) != TICK_ARRAY_SIZE:
        raise LayoutMismatch(NAME, "tick_array", size=len(raw), size_expected=TICK_ARRAY_SIZE)
    require_discriminator(raw, TICK_ARRAY, NAME, "tick_array")
    nets = {}
    for offset in range(TICKS_PER_ARRAY):
        at = _TICKS_AT + offset * _TICK_SIZE
        if _flag(raw[at], offset):
            nets[offset] = _signed(raw, at + 1)
    return TickArray(Pubkey(raw[9956:9988]), struct.unpack_from("<i", raw, 8)[0], nets)


def _dynamic(raw: bytes) -> TickArray:
    if not DYNAMIC_SIZE_MIN <= len(raw) <= DYNAMIC_SIZE_MAX:
        raise LayoutMismatch(NAME, "dynamic tick_array", size=len(raw), size_expected=DYNAMIC_SIZE_MIN)
    at, nets = _DYNAMIC_TICKS_AT, {}
    for offset in range(TICKS_PER_ARRAY):
        if at >= len(raw):
            raise DecodeError(f"{NAME}: a dynamic tick array ends before its tick {offset}; the account is cut")
        is_initialized = _flag(raw[at], offset)
        at += 1
        if is_initialized:
            if at + _DYNAMIC_TICK_SIZE > len(raw):
                raise DecodeError(f"{NAME}: a dynamic tick array ends inside its tick {offset}; the account is cut")
            nets[offset] = _signed(raw, at)
            at += _DYNAMIC_TICK_SIZE
    return TickArray(Pubkey(raw[12:44]), struct.unpack_from("<i", raw, 8)[0], nets)


def _flag(value: int, offset: int) -> bool:
    if value > 1:
        raise DecodeError(f"{NAME}: tick {offset} of an array has the flag {value}, not 0 or 1; compare its layout")
    return value == 1


def _signed(raw: bytes, at: int) -> int:
    return int.from_bytes(raw[at : at + 16], "little", signed=True)
