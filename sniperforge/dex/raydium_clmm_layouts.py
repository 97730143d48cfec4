"""Bytes of Raydium CLMM: its discriminators, events, arguments, account lists and accounts.

account bytes -> Record of its fields; tick array bytes -> net liquidity by tick

Layouts: raydium-io/raydium-clmm, states/{pool,config,tick_array,personal_position}.rs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex.account_table import accounts
from sniperforge.dex.borsh import Codec, Record, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.programs import pda
from sniperforge.dex.token_pair import LayoutMismatch, require_discriminator

NAME = "raydium_clmm"
PROGRAM = key("CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK")
MEMO = key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
TICKS_PER_ARRAY = 60

CREATE_POOL = bytes.fromhex("e992d18ecf6840bc")
CREATE_CUSTOMIZABLE_POOL = bytes.fromhex("2b44d4a7592fa401")
SWAP = bytes.fromhex("f8c69e91e17587c8")
SWAP_V2 = bytes.fromhex("2b04ed0b1ac91e62")
POOL_CREATED_EVENT = bytes.fromhex("195e4b2f7063353f")
SWAP_EVENT = bytes.fromhex("40c6cde8260871e2")
LIQUIDITY_CHANGE_EVENT = bytes.fromhex("7ef0afce9e58996b")
CREATE_POSITION_EVENT = bytes.fromhex("641e57f9c4df9ace")
INCREASE_EVENT = bytes.fromhex("314f69d420221e54")
DECREASE_EVENT = bytes.fromhex("3ade563a44325538")
CALCULATE_EVENT = bytes.fromhex("ed7094e63954b4a2")

CREATION_ACCOUNTS = accounts(
    "pool_creator:sw amm_config pool_state:w token_mint_0 token_mint_1 token_vault_0:w token_vault_1:w "
    "observation_state:w tick_array_bitmap:w token_program_0 token_program_1 system_program rent"
)
#: creation -> its arguments.
CREATIONS = {
    CREATE_POOL: Codec(fields("sqrt_price:u128 open_time:u64")),
    CREATE_CUSTOMIZABLE_POOL: Codec(fields("sqrt_price:u128 fee_on:u8 enable_dynamic_fee:bool")),
}
#: The accounts of swap_v2 before the bitmap extension and the tick arrays.
SWAP_V2_ACCOUNTS = accounts(
    "payer:s amm_config pool_state:w input_token_account:w output_token_account:w input_vault:w output_vault:w "
    "observation_state:w token_program token_program_2022 memo_program input_vault_mint output_vault_mint"
)
SWAP_ARGUMENTS = struct.Struct("<8sQQ16sB")

#: event -> (name, layout)
EVENTS = {
    POOL_CREATED_EVENT: (
        "PoolCreatedEvent",
        Codec(
            fields(
                "token_mint_0:pubkey token_mint_1:pubkey tick_spacing:u16 pool_state:pubkey sqrt_price_x64:u128 "
                "tick:i32 token_vault_0:pubkey token_vault_1:pubkey"
            )
        ),
    ),
    SWAP_EVENT: (
        "SwapEvent",
        Codec(
            fields(
                "pool_state:pubkey sender:pubkey token_account_0:pubkey token_account_1:pubkey amount_0:u64 "
                "transfer_fee_0:u64 amount_1:u64 transfer_fee_1:u64 zero_for_one:bool sqrt_price_x64:u128 "
                "liquidity:u128 tick:i32 trade_fee_0:u64 trade_fee_1:u64"
            ),
            required=12,
        ),
    ),
    LIQUIDITY_CHANGE_EVENT: (
        "LiquidityChangeEvent",
        Codec(
            fields(
                "pool_state:pubkey tick:i32 tick_lower:i32 tick_upper:i32 liquidity_before:u128 liquidity_after:u128"
            )
        ),
    ),
    CREATE_POSITION_EVENT: (
        "CreatePersonalPositionEvent",
        Codec(
            fields(
                "pool_state:pubkey minter:pubkey nft_owner:pubkey tick_lower:i32 tick_upper:i32 liquidity:u128 "
                "amount_0:u64 amount_1:u64 transfer_fee_0:u64 transfer_fee_1:u64"
            ),
            # The transfer fees were appended.
            required=8,
        ),
    ),
    INCREASE_EVENT: (
        "IncreaseLiquidityEvent",
        Codec(
            fields(
                "position_nft_mint:pubkey liquidity:u128 amount_0:u64 amount_1:u64 transfer_fee_0:u64 "
                "transfer_fee_1:u64"
            ),
            required=4,
        ),
    ),
    DECREASE_EVENT: (
        "DecreaseLiquidityEvent",
        Codec(
            fields(
                "position_nft_mint:pubkey liquidity:u128 amount_0:u64 amount_1:u64 fee_amount_0:u64 fee_amount_1:u64 "
                "reward_0:u64 reward_1:u64 reward_2:u64 transfer_fee_0:u64 transfer_fee_1:u64"
            ),
            required=9,
        ),
    ),
    CALCULATE_EVENT: (
        "LiquidityCalculateEvent",
        Codec(
            fields(
                "pool_liquidity:u128 pool_sqrt_price_x64:u128 pool_tick:i32 calc_amount_0:u64 calc_amount_1:u64 "
                "trade_fee_owed_0:u64 trade_fee_owed_1:u64 transfer_fee_0:u64 transfer_fee_1:u64"
            )
        ),
    ),
}

# ── accounts ──────────────────────────────────────────────────────────────

POOL_STATE = bytes.fromhex("f7ede3f5d7c3de46")
AMM_CONFIG = bytes.fromhex("daf42168cbcb2b6f")
TICK_ARRAY = bytes.fromhex("c09b55cd31f9812a")
POOL_STATE_SIZE, AMM_CONFIG_SIZE, TICK_ARRAY_SIZE = 1544, 117, 10_240
EXTENSION, EXTENSION_SIZE = bytes.fromhex("3c9624db61808b99"), 1832
_EXTENSION_AT, _EXTENSION_ROWS = 40, 14
_TICKS_AT, _TICK_SIZE = 44, 168
_TICK = struct.Struct("<i16s16s")
_ORDERS_AT, _ORDERS = 124, struct.Struct("<QQ")
_BITMAP_AT, _BITMAP_BITS = 904, 1024

POOL_STATE_LAYOUT = offsets(
    "8:bump:u8 9:amm_config:pubkey 41:owner:pubkey 73:token_mint_0:pubkey 105:token_mint_1:pubkey "
    "137:token_vault_0:pubkey 169:token_vault_1:pubkey 201:observation_key:pubkey 233:mint_decimals_0:u8 "
    "234:mint_decimals_1:u8 235:tick_spacing:u16 237:liquidity:u128 253:sqrt_price_x64:u128 269:tick_current:i32 "
    "277:fee_growth_global_0_x64:u128 293:fee_growth_global_1_x64:u128 309:protocol_fees_token_0:u64 "
    "317:protocol_fees_token_1:u64 389:status:u8 390:fee_on:u8 1064:fund_fees_token_0:u64 1072:fund_fees_token_1:u64 "
    "1080:open_time:u64 1088:recent_epoch:u64 1096:filter_period:u16 1098:decay_period:u16 1100:reduction_factor:u16 "
    "1102:dynamic_fee_control:u32 1106:max_volatility_accumulator:u32 1110:tick_spacing_index_reference:i32 "
    "1114:volatility_reference:u32 1118:volatility_accumulator:u32 1122:last_update_timestamp:u64"
)
AMM_CONFIG_LAYOUT = offsets(
    "8:bump:u8 9:index:u16 11:owner:pubkey 43:protocol_fee_rate:u32 47:trade_fee_rate:u32 51:tick_spacing:u16 "
    "53:fund_fee_rate:u32 61:fund_owner:pubkey"
)


class TickArray(NamedTuple):
    """An account of 60 ticks: `nets` by tick, initialized ones alone; `has_orders`: limit orders wait in it."""

    pool: Pubkey
    start: int
    nets: dict[int, int]
    has_orders: bool


def decode_pool_state(raw: bytes) -> Record:
    """Return the fields of a raw PoolState account; raises LayoutMismatch or DecodeError."""
    if len(raw) != POOL_STATE_SIZE:
        raise LayoutMismatch(NAME, "pool_state", size=len(raw), size_expected=POOL_STATE_SIZE)
    require_discriminator(raw, POOL_STATE, NAME, "pool_state")
    return decode_at(POOL_STATE_LAYOUT, raw, size_min=POOL_STATE_SIZE)


def decode_amm_config(raw: bytes) -> Record:
    """Return the fields of a raw AmmConfig account; raises LayoutMismatch or DecodeError."""
    if len(raw) != AMM_CONFIG_SIZE:
        raise LayoutMismatch(NAME, "amm_config", size=len(raw), size_expected=AMM_CONFIG_SIZE)
    require_discriminator(raw, AMM_CONFIG, NAME, "amm_config")
    return decode_at(AMM_CONFIG_LAYOUT, raw, size_min=AMM_CONFIG_SIZE)


def decode_tick_array(raw: bytes, spacing: int) -> TickArray:
    """Return a raw TickArrayState; raises LayoutMismatch, or DecodeError for ticks that stand elsewhere."""
    if len(raw) != TICK_ARRAY_SIZE:
        raise LayoutMismatch(NAME, "tick_array", size=len(raw), size_expected=TICK_ARRAY_SIZE)
    require_discriminator(raw, TICK_ARRAY, NAME, "tick_array")
    (start,) = struct.unpack_from("<i", raw, 40)
    nets, has_orders = {}, False
    for offset in range(TICKS_PER_ARRAY):
        at = _TICKS_AT + offset * _TICK_SIZE
        tick, net, gross = _TICK.unpack_from(raw, at)
        orders = any(_ORDERS.unpack_from(raw, at + _ORDERS_AT))
        if not orders and not any(gross):
            continue
        if tick != start + offset * spacing:
            raise DecodeError(f"{NAME}: tick {offset} of the array at {start} says it is {tick}; compare its layout")
        nets[tick] = int.from_bytes(net, "little", signed=True)
        has_orders = has_orders or orders
    return TickArray(Pubkey(raw[8:40]), start, nets, has_orders)


# ── tick arrays ───────────────────────────────────────────────────────────


def bitmap_starts(raw: bytes, spacing: int) -> Iterator[int]:
    """Yield where the initialized tick arrays start that the pool's own bitmap covers, upwards."""
    bits = int.from_bytes(raw[_BITMAP_AT : _BITMAP_AT + _BITMAP_BITS // 8], "little")
    for place in range(_BITMAP_BITS):
        if bits >> place & 1:
            yield (place - _BITMAP_BITS // 2) * TICKS_PER_ARRAY * spacing


def bitmap_range(spacing: int) -> tuple[int, int]:
    """Return the lowest tick the pool's own bitmap covers, and the first above it."""
    half = _BITMAP_BITS // 2 * TICKS_PER_ARRAY * spacing
    return -half, half


def tick_array_of(pool: Pubkey, start: int) -> Pubkey:
    """Return the address of the tick array that starts at *start*."""
    return pda(PROGRAM, b"tick_array", pool, struct.pack(">i", start))


def extension_starts(raw: bytes, spacing: int) -> Iterator[int]:
    """Yield where the initialized tick arrays start that the bitmap extension covers, in no order.

    Raises:
        LayoutMismatch, DecodeError: it is another account.
    """
    if len(raw) != EXTENSION_SIZE:
        raise LayoutMismatch(NAME, "tick_array_bitmap_extension", size=len(raw), size_expected=EXTENSION_SIZE)
    require_discriminator(raw, EXTENSION, NAME, "tick_array_bitmap_extension")
    span = TICKS_PER_ARRAY * spacing
    for row in range(2 * _EXTENSION_ROWS):
        at = _EXTENSION_AT + row * 64
        bits = int.from_bytes(raw[at : at + 64], "little")
        # Rows upwards from the pool's own bitmap, then rows downwards from it.
        low = 512 * span * (row + 1 if row < _EXTENSION_ROWS else _EXTENSION_ROWS - row - 2)
        for place in range(512):
            if bits >> place & 1:
                yield low + place * span
