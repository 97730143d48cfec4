"""Bytes of Meteora DLMM: its addresses, discriminators, events, arguments and accounts.

account bytes -> Record of its fields, bins of an array, arrays with liquidity
seeds         -> addresses of pairs, reserves, oracles and bin arrays

Sources: IDL lb_clmm 0.12.0 (MeteoraAg/dlmm-sdk, @meteora-ag/dlmm 1.9.14); the recorded
instructions and events of mainnet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex.account_table import AccountTable, accounts
from sniperforge.dex.borsh import Codec, Record, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.programs import pda
from sniperforge.dex.token_pair import LayoutMismatch, require_discriminator

NAME = "meteora_dlmm"
PROGRAM = key("LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo")
EVENT_AUTHORITY = key("D1ZN9Wj1fRSUQfCjhvnu1hqDMT7hzjzBBpi12nVniYD6")
#: Stands in the address of every pair anybody may open with parameters of his own.
CUSTOMIZABLE_BASE = key("MFGQxwAmB91SwuYX36okv2Qmdc9aMuHTwWGUrp4AtB1")
MEMO = key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
CLOCK = key("SysvarC1ock11111111111111111111111111111111")

BINS_PER_ARRAY = 70
BIN_ID_MAX = 443_636
#: The pair's own bitmap tells 512 arrays on each side of zero, its extension twelve times as many.
BITMAP_ARRAYS = 512
_EXTENSION_ROWS = 12

SWAP = bytes.fromhex("f8c69e91e17587c8")
SWAP2 = bytes.fromhex("414b3f4ceb5b5b88")
SWAP_EXACT_OUT = bytes.fromhex("fa49652126cf4bb8")
SWAP_EXACT_OUT2 = bytes.fromhex("2bd7f784893cf351")
SWAP_WITH_PRICE_IMPACT = bytes.fromhex("38ade6d0ade49ccd")
SWAP_WITH_PRICE_IMPACT2 = bytes.fromhex("4a62c0d6b1334b33")
SWAPS = frozenset((SWAP, SWAP2, SWAP_EXACT_OUT, SWAP_EXACT_OUT2, SWAP_WITH_PRICE_IMPACT, SWAP_WITH_PRICE_IMPACT2))
#: What `remaining_accounts_info` says when neither token has a transfer hook (so the SDK).
NO_HOOKS = bytes.fromhex("0200000000000100")

_SWAP_ACCOUNTS = (
    "lb_pair:w bin_array_bitmap_extension:w reserve_x:w reserve_y:w user_token_in:w user_token_out:w token_x_mint "
    "token_y_mint oracle:w host_fee_in:w user:s token_x_program token_y_program {memo}event_authority program"
)
SWAP_ACCOUNTS: AccountTable = accounts(_SWAP_ACCOUNTS.format(memo=""))
SWAP2_ACCOUNTS: AccountTable = accounts(_SWAP_ACCOUNTS.format(memo="memo_program "))

# ── creations ─────────────────────────────────────────────────────────────


class Creation(NamedTuple):
    """How one of the instructions that open a pair says what: accounts by name, and its arguments."""

    names: tuple[str, ...]
    arguments: Codec


_PRESET = "preset_parameter funder"
_CUSTOM = "user_token_x funder"
_HEAD = "lb_pair bin_array_bitmap_extension token_mint_x token_mint_y reserve_x reserve_y oracle "
_OPTIONS = (
    "activation_type:u8 has_alpha_vault:bool activation_point:option<u64> creator_pool_on_off_control:bool "
    "base_fee_power_factor:u8 concrete_function_type:u8 collect_fee_mode:u8"
)
_PARAMETERS = Codec(fields("active_id:i32 bin_step:u16 base_factor:u16 " + _OPTIONS), required=6)

INITIALIZE_LB_PAIR = bytes.fromhex("2d9aedd2dd0fa65c")
INITIALIZE_LB_PAIR2 = bytes.fromhex("493b2478ed536cc6")
INITIALIZE_CUSTOMIZABLE = bytes.fromhex("2e2729876fb7c840")
INITIALIZE_CUSTOMIZABLE2 = bytes.fromhex("f349817e3313f16b")
INITIALIZE_PERMISSION = bytes.fromhex("6c66d555fb033515")

CREATIONS = {
    INITIALIZE_LB_PAIR: Creation(
        tuple((_HEAD + _PRESET + " token_program system rent event_authority program").split()),
        Codec(fields("active_id:i32 bin_step:u16")),
    ),
    INITIALIZE_LB_PAIR2: Creation(
        tuple((_HEAD + _PRESET + " badge_x badge_y token_x_program token_y_program").split()),
        Codec(fields("active_id:i32")),
    ),
    INITIALIZE_CUSTOMIZABLE: Creation(
        tuple((_HEAD + _CUSTOM + " token_program system user_token_y event_authority program").split()), _PARAMETERS
    ),
    INITIALIZE_CUSTOMIZABLE2: Creation(
        tuple((_HEAD + _CUSTOM + " badge_x badge_y token_x_program token_y_program").split()), _PARAMETERS
    ),
    INITIALIZE_PERMISSION: Creation(
        tuple(("base " + _HEAD + "funder badge_x badge_y token_x_program token_y_program").split()),
        Codec(
            fields(
                "active_id:i32 bin_step:u16 base_factor:u16 base_fee_power_factor:u8 activation_type:u8 "
                "protocol_share:u16"
            )
        ),
    ),
}
#: Arguments end in padding that newer programs give a meaning to.
ARGUMENTS_TAIL_MAX = 128

# ── events ────────────────────────────────────────────────────────────────

LB_PAIR_CREATE = bytes.fromhex("b94afc7d1bd7bc6f")
SWAP_EVENT = bytes.fromhex("516ce3becdd00ac4")
SWAP2_EVENT = bytes.fromhex("2e7452d7941b544d")
ADD_LIQUIDITY = bytes.fromhex("1f5e7d5ae3343dba")
REMOVE_LIQUIDITY = bytes.fromhex("74f461e8671f983a")

_LIQUIDITY = Codec(fields("lb_pair:pubkey from:pubkey position:pubkey amount_x:u64 amount_y:u64 active_bin_id:i32"))
EVENTS = {
    LB_PAIR_CREATE: ("LbPairCreate", Codec(fields("lb_pair:pubkey bin_step:u16 token_x:pubkey token_y:pubkey"))),
    SWAP_EVENT: (
        "Swap",
        Codec(
            fields(
                "lb_pair:pubkey from:pubkey start_bin_id:i32 end_bin_id:i32 amount_in:u64 amount_out:u64 "
                "swap_for_y:bool fee:u64 protocol_fee:u64 fee_bps:u128 host_fee:u64"
            )
        ),
    ),
    SWAP2_EVENT: (
        "Swap2Evt",
        Codec(
            fields(
                "lb_pair:pubkey from:pubkey start_bin_id:i32 end_bin_id:i32 swap_for_y:bool fee_bps:u128 amount_in:u64 "
                "amount_left:u64 amount_out:u64 mm_fee:u64 protocol_fee:u64 limit_order_fee:u64 host_fee:u64 "
                "fees_on_input:bool fees_on_token_x:bool"
            )
        ),
    ),
    ADD_LIQUIDITY: ("AddLiquidity", _LIQUIDITY),
    REMOVE_LIQUIDITY: ("RemoveLiquidity", _LIQUIDITY),
}


def decode_event(payload: bytes, *, tail_max: int = 0) -> tuple[str, Record] | None:
    """Return the event's name and values, or None when this is an event we do not know.

    Raises:
        DecodeError: the discriminator is known but the bytes do not fit its layout.
    """
    known = EVENTS.get(payload[:8])
    return known and (known[0], known[1].decode(payload, 8, tail_max=tail_max))


# ── accounts ──────────────────────────────────────────────────────────────

LB_PAIR = bytes.fromhex("210b3162b565b10d")
LB_PAIR_SIZE = 904
LB_PAIR_LAYOUT = offsets(
    "8:base_factor:u16 10:filter_period:u16 12:decay_period:u16 14:reduction_factor:u16 16:variable_fee_control:u32 "
    "20:max_volatility_accumulator:u32 24:min_bin_id:i32 28:max_bin_id:i32 32:protocol_share:u16 "
    "34:base_fee_power_factor:u8 35:function_type:u8 36:collect_fee_mode:u8 40:volatility_accumulator:u32 "
    "44:volatility_reference:u32 48:index_reference:i32 56:last_update_timestamp:i64 75:pair_type:u8 76:active_id:i32 "
    "80:bin_step:u16 82:status:u8 86:activation_type:u8 88:token_x_mint:pubkey 120:token_y_mint:pubkey "
    "152:reserve_x:pubkey 184:reserve_y:pubkey 216:protocol_fee_x:u64 224:protocol_fee_y:u64 264:reward_mint_0:pubkey "
    "408:reward_mint_1:pubkey 552:oracle:pubkey 784:base_key:pubkey 816:activation_point:u64 848:creator:pubkey "
    "880:token_mint_x_program_flag:u8 881:token_mint_y_program_flag:u8 882:version:u8"
)
_BITMAP = slice(584, 712)

BIN_ARRAY = bytes.fromhex("5c8e5cdc059446b5")
BIN_ARRAY_SIZE = 10136
_ARRAY_HEAD = struct.Struct("<8sqB7x32s")
#: amount_x, amount_y, price, open_order_amount, processed_order_remaining_amount, limit_order_ask_side.
_BIN = struct.Struct("<QQ16s80xQ8xQ4xB3x")

BITMAP_EXTENSION = bytes.fromhex("506f7c7137ed1205")
BITMAP_EXTENSION_SIZE = 1576


class Bin(NamedTuple):
    """One bin: what liquidity providers hold in it, its price (Q64.64; 0 = never stored) and resting orders.

    `open_orders` and `processed_orders` are of token x when `is_ask`, else of token y.
    """

    bin_id: int
    amount_x: int
    amount_y: int
    price: int
    open_orders: int
    processed_orders: int
    is_ask: bool


class BinArray(NamedTuple):
    """Seventy neighbouring bins of one pair, from number `place * 70` on."""

    place: int
    lb_pair: Pubkey
    bins: tuple[Bin, ...]


def decode_lb_pair(raw: bytes) -> Record:
    """Return the fields of a raw LbPair account; raises LayoutMismatch or DecodeError."""
    if len(raw) != LB_PAIR_SIZE:
        raise LayoutMismatch(NAME, "lb_pair", size=len(raw), size_expected=LB_PAIR_SIZE)
    require_discriminator(raw, LB_PAIR, NAME, "lb_pair")
    state = decode_at(LB_PAIR_LAYOUT, raw, size_min=LB_PAIR_SIZE)
    if abs(state.ints["active_id"]) > BIN_ID_MAX:
        raise DecodeError(
            f"{NAME}: bin {state.ints['active_id']} is beyond {BIN_ID_MAX}, no pair has it; check the account"
        )
    return state


def decode_bin_array(raw: bytes) -> BinArray:
    """Return the bins of a raw BinArray account; raises LayoutMismatch or DecodeError."""
    if len(raw) != BIN_ARRAY_SIZE:
        raise LayoutMismatch(NAME, "bin_array", size=len(raw), size_expected=BIN_ARRAY_SIZE)
    require_discriminator(raw, BIN_ARRAY, NAME, "bin_array")
    _, index, _, lb_pair = _ARRAY_HEAD.unpack_from(raw)
    if abs(index) > array_of(BIN_ID_MAX) + 1:
        raise DecodeError(f"{NAME}: no pair has a bin array {index}; check the account")
    bins = (
        Bin(index * BINS_PER_ARRAY + place, x, y, int.from_bytes(price, "little"), opened, processed, bool(ask))
        for place, (x, y, price, opened, processed, ask) in enumerate(_BIN.iter_unpack(raw[_ARRAY_HEAD.size :]))
    )
    return BinArray(index, Pubkey(lb_pair), tuple(bins))


def liquid_arrays(lb_pair: bytes, extension: bytes = b"") -> list[int]:
    """Return the indices of all arrays with liquidity, ascending.

    Args:
        lb_pair: the raw pair, as `decode_lb_pair` takes it.
        extension: the raw BinArrayBitmapExtension; empty where the pair has none.

    Raises:
        DecodeError: the extension is something else.
    """
    found = [bit - BITMAP_ARRAYS for bit in _bits(lb_pair[_BITMAP])]
    if extension:
        if len(extension) != BITMAP_EXTENSION_SIZE:
            raise LayoutMismatch(NAME, "bitmap", size=len(extension), size_expected=BITMAP_EXTENSION_SIZE)
        require_discriminator(extension, BITMAP_EXTENSION, NAME, "bitmap")
        size = _EXTENSION_ROWS * BITMAP_ARRAYS // 8
        found += [BITMAP_ARRAYS + bit for bit in _bits(extension[40 : 40 + size])]
        found += [-BITMAP_ARRAYS - 1 - bit for bit in _bits(extension[40 + size :])]
    return sorted(found)


def _bits(raw: bytes) -> Iterator[int]:
    left = int.from_bytes(raw, "little")
    while left:
        lowest = left & -left
        yield lowest.bit_length() - 1
        left ^= lowest


# ── addresses ─────────────────────────────────────────────────────────────


def array_of(bin_id: int) -> int:
    """Return the index of the array that holds *bin_id*."""
    return bin_id // BINS_PER_ARRAY


def bin_array_address(lb_pair: Pubkey, index: int) -> Pubkey:
    """Return the address of a pair's bin array number *index*."""
    return pda(PROGRAM, b"bin_array", lb_pair, index.to_bytes(8, "little", signed=True))


def bitmap_extension_address(lb_pair: Pubkey) -> Pubkey:
    """Return the address of a pair's bitmap extension, which exists where its bins go far out."""
    return pda(PROGRAM, b"bitmap", lb_pair)


def oracle_address(lb_pair: Pubkey) -> Pubkey:
    """Return the address of a pair's oracle."""
    return pda(PROGRAM, b"oracle", lb_pair)


def reserve_address(lb_pair: Pubkey, mint: Pubkey) -> Pubkey:
    """Return the address of a pair's token account for *mint* (one recorded pair of 2024 has others)."""
    return pda(PROGRAM, lb_pair, mint)


def pair_address(mint_x: Pubkey, mint_y: Pubkey, *, before: bytes = b"", after: bytes = b"") -> Pubkey:
    """Return a pair's address: its two mints by their bytes, and the seeds its kind puts around them.

    before: the preset, `CUSTOMIZABLE_BASE`, or the permissioned base key; after: bin
    step and base factor, two bytes each, where the kind has them.
    """
    low, high = sorted((mint_x, mint_y))
    between = (after[place : place + 2] for place in range(0, len(after), 2))
    return pda(PROGRAM, *((before,) if before else ()), low, high, *between)
