"""Bytes of Raydium CPMM: its discriminators, events, arguments and accounts.

account bytes -> Record of its fields

Layouts: raydium-io/raydium-cp-swap, states/{pool,config,events}.rs.
"""

from __future__ import annotations

from sniperforge.base.keys import key
from sniperforge.dex.borsh import Codec, Record, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.token_pair import LayoutMismatch, require_discriminator

NAME = "raydium_cpmm"
PROGRAM = key("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
AUTHORITY = key("GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL")

INITIALIZE = bytes.fromhex("afaf6d1f0d989bed")
INITIALIZE_WITH_PERMISSION = bytes.fromhex("3f37fe4131b25979")
SWAP_BASE_INPUT = bytes.fromhex("8fbe5adac41e33de")
SWAP_BASE_OUTPUT = bytes.fromhex("37d96256a34ab4ad")
SWAP_EVENT = bytes.fromhex("40c6cde8260871e2")
LP_CHANGE_EVENT = bytes.fromhex("79a3cdc939da753c")
POOL_STATE = bytes.fromhex("f7ede3f5d7c3de46")
AMM_CONFIG = bytes.fromhex("daf42168cbcb2b6f")

SWAP_EVENT_LAYOUT = Codec(
    fields(
        "pool_id:pubkey input_vault_before:u64 output_vault_before:u64 input_amount:u64 output_amount:u64 "
        "input_transfer_fee:u64 output_transfer_fee:u64 base_input:bool input_mint:pubkey output_mint:pubkey "
        "trade_fee:u64 creator_fee:u64 creator_fee_on_input:bool"
    ),
    required=8,
)
LP_CHANGE_EVENT_LAYOUT = Codec(
    fields(
        "pool_id:pubkey lp_amount_before:u64 token_0_vault_before:u64 token_1_vault_before:u64 token_0_amount:u64 "
        "token_1_amount:u64 token_0_transfer_fee:u64 token_1_transfer_fee:u64 change_type:u8"
    )
)
#: `creator_fee_on` belongs to initialize_with_permission alone.
INITIALIZE_LAYOUT = Codec(fields("init_amount_0:u64 init_amount_1:u64 open_time:u64 creator_fee_on:u8"), required=3)
POOL_STATE_SIZE = 637
POOL_STATE_LAYOUT = offsets(
    "8:amm_config:pubkey 40:pool_creator:pubkey 72:token_0_vault:pubkey 104:token_1_vault:pubkey 136:lp_mint:pubkey "
    "168:token_0_mint:pubkey 200:token_1_mint:pubkey 232:token_0_program:pubkey 264:token_1_program:pubkey "
    "296:observation_key:pubkey 328:auth_bump:u8 329:status:u8 330:lp_mint_decimals:u8 331:mint_0_decimals:u8 "
    "332:mint_1_decimals:u8 333:lp_supply:u64 341:protocol_fees_token_0:u64 349:protocol_fees_token_1:u64 "
    "357:fund_fees_token_0:u64 365:fund_fees_token_1:u64 373:open_time:u64 381:recent_epoch:u64 389:creator_fee_on:u8 "
    "390:enable_creator_fee:bool 397:creator_fees_token_0:u64 405:creator_fees_token_1:u64"
)
AMM_CONFIG_SIZE = 236
AMM_CONFIG_LAYOUT = offsets(
    "8:bump:u8 9:disable_create_pool:bool 10:index:u16 12:trade_fee_rate:u64 20:protocol_fee_rate:u64 "
    "28:fund_fee_rate:u64 36:create_pool_fee:u64 44:protocol_owner:pubkey 76:fund_owner:pubkey 108:creator_fee_rate:u64"
)


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
