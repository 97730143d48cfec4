"""Bytes of Raydium LaunchLab: its discriminators, events, arguments and accounts.

account bytes -> Record of its fields
TradeEvent payload -> Record, whichever of its two layouts it is

Layouts: IDL raydium_launchpad 0.2.0 (0.1.0 for the first TradeEvent) and
@raydium-io/raydium-sdk-v2, launchpad/layout.ts.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.dex.borsh import TAIL_MAX, Codec, Record, Structs, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.token_pair import LayoutMismatch, require_discriminator

NAME = "raydium_launchlab"
PROGRAM = key("LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj")
AUTHORITY = key("WLHv2UAZm6z4KyaaELi5pjdbJh6RESMva1Rnn8pJVVh")
EVENT_AUTHORITY = key("2DPAtwB8L12vrMRExbLuyGnC7n2J5LNoZQSejeQGpwkr")

INITIALIZE = bytes.fromhex("afaf6d1f0d989bed")
INITIALIZE_V2 = bytes.fromhex("4399af27da102620")
INITIALIZE_WITH_TOKEN_2022 = bytes.fromhex("25be7ede2c9aab11")
BUY_EXACT_IN = bytes.fromhex("faea0d7bd59c13ec")
BUY_EXACT_OUT = bytes.fromhex("18d3742869039938")
SELL_EXACT_IN = bytes.fromhex("9527de9bd37c981a")
SELL_EXACT_OUT = bytes.fromhex("5fc8472208090ba6")
MIGRATE_TO_AMM = bytes.fromhex("cf52c091fecf91df")
MIGRATE_TO_CPSWAP = bytes.fromhex("885cc8671cda908c")
POOL_CREATE_EVENT = bytes.fromhex("97d7e20976a173ae")
TRADE_EVENT = bytes.fromhex("bddb7fd34ee661ee")
POOL_STATE = bytes.fromhex("f7ede3f5d7c3de46")
GLOBAL_CONFIG = bytes.fromhex("95089ccaa0fcb0d9")
PLATFORM_CONFIG = bytes.fromhex("a04e8000f853e6a0")

STATUS_FUND, STATUS_MIGRATE, STATUS_TRADE = range(3)

_OTHER_CURVE = fields("supply:u64 total_quote_fund_raising:u64 migrate_type:u8")
_OWN = Structs(
    structs={
        "MintParams": fields("decimals:u8 name:string symbol:string uri:string"),
        "VestingParams": fields("total_locked_amount:u64 cliff_period:u64 unlock_period:u64"),
        "TransferFee": fields("basis_points:u16 maximum:u64"),
    },
    enums={
        "CurveParams": (
            fields("supply:u64 total_base_sell:u64 total_quote_fund_raising:u64 migrate_type:u8"),
            _OTHER_CURVE,
            _OTHER_CURVE,
        )
    },
)
_LAUNCH = "mint:MintParams curve:CurveParams vesting:VestingParams"
#: The first version's event and arguments end before `amm_fee_on`.
POOL_CREATE_EVENT_LAYOUT = Codec(
    fields(f"pool_state:pubkey creator:pubkey config:pubkey {_LAUNCH} amm_fee_on:u8"), required=6, own=_OWN
)
INITIALIZE_LAYOUT = Codec(fields(_LAUNCH), own=_OWN)
INITIALIZE_WITH_TOKEN_2022_LAYOUT = Codec(
    fields(f"{_LAUNCH} amm_fee_on:u8 transfer_fee:option<TransferFee>"), required=3, own=_OWN
)

_TRADE_HEAD = (
    "pool_state:pubkey total_base_sell:u64 virtual_base:u64 virtual_quote:u64 real_base_before:u64 "
    "real_quote_before:u64 real_base_after:u64 real_quote_after:u64 amount_in:u64 amount_out:u64 protocol_fee:u64 "
    "platform_fee:u64"
)
_TRADE_EVENT = Codec(
    fields(f"{_TRADE_HEAD} creator_fee:u64 share_fee:u64 trade_direction:u8 pool_status:u8 exact_in:bool")
)
_TRADE_EVENT_2025_04 = Codec(fields(f"{_TRADE_HEAD} share_fee:u64 trade_direction:u8 pool_status:u8"))
_TRADE_EVENT_2025_04_SIZE = 138

POOL_STATE_SIZE = 429
POOL_STATE_LAYOUT = offsets(
    "8:epoch:u64 16:auth_bump:u8 17:status:u8 18:base_decimals:u8 19:quote_decimals:u8 20:migrate_type:u8 "
    "21:supply:u64 29:total_base_sell:u64 37:virtual_base:u64 45:virtual_quote:u64 53:real_base:u64 61:real_quote:u64 "
    "69:total_quote_fund_raising:u64 77:quote_protocol_fee:u64 85:platform_fee:u64 93:migrate_fee:u64 "
    "101:vesting.total_locked_amount:u64 109:vesting.cliff_period:u64 117:vesting.unlock_period:u64 "
    "125:vesting.start_time:u64 133:vesting.allocated_share_amount:u64 141:global_config:pubkey "
    "173:platform_config:pubkey 205:base_mint:pubkey 237:quote_mint:pubkey 269:base_vault:pubkey "
    "301:quote_vault:pubkey 333:creator:pubkey 365:token_program_flag:u8 366:amm_creator_fee_on:u8 "
    "367:platform_vesting_share:u64"
)
GLOBAL_CONFIG_SIZE = 371
GLOBAL_CONFIG_LAYOUT = offsets(
    "8:epoch:u64 16:curve_type:u8 17:index:u16 19:migrate_fee:u64 27:trade_fee_rate:u64 35:max_share_fee_rate:u64 "
    "43:min_base_supply:u64 51:max_lock_rate:u64 59:min_base_sell_rate:u64 67:min_base_migrate_rate:u64 "
    "75:min_quote_fund_raising:u64 83:quote_mint:pubkey 115:protocol_fee_owner:pubkey 147:migrate_fee_owner:pubkey "
    "179:migrate_to_amm_wallet:pubkey 211:migrate_to_cpswap_wallet:pubkey"
)
#: It ends with a list of any length; a quote needs the two rates before it.
PLATFORM_CONFIG_SIZE_MIN = 728
PLATFORM_CONFIG_LAYOUT = offsets(
    "8:epoch:u64 16:platform_fee_wallet:pubkey 48:platform_nft_wallet:pubkey 80:platform_scale:u64 "
    "88:creator_scale:u64 96:burn_scale:u64 104:fee_rate:u64 688:cpswap_config:pubkey 720:creator_fee_rate:u64"
)


def decode_trade_event(payload: bytes) -> Record:
    """Return the fields of a TradeEvent *payload*, discriminator included; a fee the old layout lacks reads as 0.

    Raises:
        DecodeError: the bytes fit neither layout, or name no direction or status.
    """
    if len(payload) == _TRADE_EVENT_2025_04_SIZE:
        record = _TRADE_EVENT_2025_04.decode(payload, 8)
        record.ints.update(creator_fee=0, exact_in=1)
    else:
        record = _TRADE_EVENT.decode(payload, 8, tail_max=TAIL_MAX)
    if record.ints["trade_direction"] > 1 or record.ints["pool_status"] > STATUS_TRADE:
        raise DecodeError(
            f"{NAME}: a TradeEvent buys (0) or sells (1) in status 0 to 2; these bytes are something else"
        )
    return record


def decode_pool_state(raw: bytes) -> Record:
    """Return the fields of a raw PoolState account; raises LayoutMismatch or DecodeError."""
    if len(raw) != POOL_STATE_SIZE:
        raise LayoutMismatch(NAME, "pool_state", size=len(raw), size_expected=POOL_STATE_SIZE)
    require_discriminator(raw, POOL_STATE, NAME, "pool_state")
    return decode_at(POOL_STATE_LAYOUT, raw, size_min=POOL_STATE_SIZE)


def decode_global_config(raw: bytes) -> Record:
    """Return the fields of a raw GlobalConfig account; raises LayoutMismatch or DecodeError."""
    if len(raw) != GLOBAL_CONFIG_SIZE:
        raise LayoutMismatch(NAME, "global_config", size=len(raw), size_expected=GLOBAL_CONFIG_SIZE)
    require_discriminator(raw, GLOBAL_CONFIG, NAME, "global_config")
    return decode_at(GLOBAL_CONFIG_LAYOUT, raw, size_min=GLOBAL_CONFIG_SIZE)


def decode_platform_config(raw: bytes) -> Record:
    """Return the rates and wallets of a raw PlatformConfig account, which has no fixed size."""
    if len(raw) < PLATFORM_CONFIG_SIZE_MIN:
        raise LayoutMismatch(NAME, "platform_config", size=len(raw), size_expected=PLATFORM_CONFIG_SIZE_MIN)
    require_discriminator(raw, PLATFORM_CONFIG, NAME, "platform_config")
    return decode_at(PLATFORM_CONFIG_LAYOUT, raw, size_min=PLATFORM_CONFIG_SIZE_MIN)
