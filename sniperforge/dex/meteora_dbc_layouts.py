"""Bytes of Meteora's dynamic bonding curve: its discriminators, events, arguments and accounts.

account bytes -> Record of its fields
pool config -> numbers of a Pool: the curve's points and the fees

Layouts: @meteora-ag/dynamic-bonding-curve-sdk 1.5.12 (IDL 0.2.1) and
MeteoraAg/dynamic-bonding-curve, event.rs, state/config.rs.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import U64_MAX
from sniperforge.dex.borsh import Codec, Record, Structs, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.meteora_fees import FEE_ONE, LIMITER
from sniperforge.dex.meteora_liquidity import split
from sniperforge.dex.token_pair import LayoutMismatch, require_discriminator

NAME = "meteora_dbc"
PROGRAM = key("dbcij3LWUppWqq96dh6gJWwBifmcGfLSB5D4DuSMaqN")
AUTHORITY = key("FhVo3mqL8PW5pH5U2CN4XE33DokiyZnUwuGpH2hmHLuM")
EVENT_AUTHORITY = key("8Ks12pbrD6PXxfty1hVQiE9sc289zgU1zHkvXhrSdriF")
INSTRUCTIONS_SYSVAR = key("Sysvar1nstructions1111111111111111111111111")

INITIALIZE_WITH_SPL_TOKEN = bytes.fromhex("8c55d7b06636684f")
INITIALIZE_WITH_TOKEN_2022 = bytes.fromhex("a976334e916edc9b")
SWAP = bytes.fromhex("f8c69e91e17587c8")
SWAP2 = bytes.fromhex("414b3f4ceb5b5b88")
MIGRATE_TO_DAMM_V2 = bytes.fromhex("9ca9e66735e45040")
MIGRATE_TO_DAMM_V1 = bytes.fromhex("1b013016b43f76d9")
INITIALIZE_EVENT = bytes.fromhex("e432f655cb428625")
SWAP_EVENT = bytes.fromhex("1b3c15d58aaabb93")
SWAP2_EVENT = bytes.fromhex("bd4233a826507599")
COMPLETE_EVENT = bytes.fromhex("e5e756549c864b18")
VIRTUAL_POOL = bytes.fromhex("d5e005d16245775c")
POOL_CONFIG = bytes.fromhex("1a6c0e7b74e6812b")

ONLY_QUOTE, OUTPUT = range(2)
#: Which swaps list the sysvar of the transaction's instructions.
EVERY_BUY, EVERY_SWAP = 1, 2
FEE_MAX = 990_000_000
PROTOCOL_PERCENT, REFERRAL_PERCENT = 20, 20
POINTS_MAX = 20

_RESULT = "output_amount:u64 next_sqrt_price:u128 trading_fee:u64 protocol_fee:u64 referral_fee:u64"
_OWN = Structs(
    structs={
        "SwapParameters": fields("amount_in:u64 minimum_amount_out:u64"),
        "SwapParameters2": fields("amount_0:u64 amount_1:u64 swap_mode:u8"),
        "SwapResult": fields(f"actual_input_amount:u64 {_RESULT}"),
        "SwapResult2": fields(f"included_fee_input_amount:u64 excluded_fee_input_amount:u64 amount_left:u64 {_RESULT}"),
    }
)
_TRADE = "pool:pubkey config:pubkey trade_direction:u8 has_referral:bool"
INITIALIZE_LAYOUT = Codec(fields("name:string symbol:string uri:string"))
INITIALIZE_EVENT_LAYOUT = Codec(
    fields("pool:pubkey config:pubkey creator:pubkey base_mint:pubkey pool_type:u8 activation_point:u64")
)
SWAP_EVENT_LAYOUT = Codec(
    fields(f"{_TRADE} params:SwapParameters swap_result:SwapResult amount_in:u64 current_timestamp:u64"), own=_OWN
)
SWAP2_EVENT_LAYOUT = Codec(
    fields(
        f"{_TRADE} swap_parameters:SwapParameters2 swap_result:SwapResult2 quote_reserve_amount:u64 "
        "migration_threshold:u64 current_timestamp:u64"
    ),
    own=_OWN,
)
COMPLETE_EVENT_LAYOUT = Codec(fields("pool:pubkey config:pubkey base_reserve:u64 quote_reserve:u64"))

VIRTUAL_POOL_SIZE = 424
VIRTUAL_POOL_LAYOUT = offsets(
    "8:volatility_updated:u64 24:price_reference:u128 40:volatility_accumulator:u128 56:volatility_reference:u128 "
    "72:config:pubkey 104:creator:pubkey 136:base_mint:pubkey 168:base_vault:pubkey 200:quote_vault:pubkey "
    "232:base_reserve:u64 240:quote_reserve:u64 248:protocol_base_fee:u64 256:protocol_quote_fee:u64 "
    "264:partner_base_fee:u64 272:partner_quote_fee:u64 280:sqrt_price:u128 296:activation_point:u64 "
    "304:pool_type:u8 305:is_migrated:u8 308:migration_progress:u8 344:finish_curve_timestamp:u64 "
    "352:creator_base_fee:u64 360:creator_quote_fee:u64 370:has_swap:u8"
)
POOL_CONFIG_SIZE = 1048
POOL_CONFIG_LAYOUT = offsets(
    "8:quote_mint:pubkey 40:fee_claimer:pubkey 72:leftover_receiver:pubkey 104:fee_cliff:u64 112:fee_second:u64 "
    "120:fee_third:u64 128:fee_first:u16 130:fee_mode:u8 136:dynamic_fee:u8 144:volatility_max:u32 "
    "148:variable_fee_control:u32 152:bin_step:u16 154:filter_period:u16 156:decay_period:u16 "
    "158:volatility_reduction:u16 168:bin_step_root:u128 232:collect_fee_mode:u8 233:migration_option:u8 "
    "234:activation_type:u8 235:token_decimal:u8 236:version:u8 237:token_type:u8 238:quote_token_flag:u8 "
    "243:migration_fee_option:u8 245:creator_trading_fee_percentage:u8 256:swap_base_amount:u64 "
    "264:migration_quote_threshold:u64 272:migration_base_threshold:u64 280:migration_sqrt_price:u128 "
    "344:pre_migration_token_supply:u64 352:post_migration_token_supply:u64 365:enable_first_swap_with_min_fee:u8 "
    "392:sqrt_start_price:u128 "
    + " ".join(
        f"{408 + 32 * at}:curve_{at}_sqrt_price:u128 {424 + 32 * at}:curve_{at}_liquidity:u128"
        for at in range(POINTS_MAX)
    )
)


def decode_virtual_pool(raw: bytes) -> Record:
    """Return the fields of a raw VirtualPool account; raises LayoutMismatch or DecodeError."""
    if len(raw) != VIRTUAL_POOL_SIZE:
        raise LayoutMismatch(NAME, "pool", size=len(raw), size_expected=VIRTUAL_POOL_SIZE)
    require_discriminator(raw, VIRTUAL_POOL, NAME, "pool")
    return decode_at(VIRTUAL_POOL_LAYOUT, raw, size_min=VIRTUAL_POOL_SIZE)


def decode_pool_config(raw: bytes) -> Record:
    """Return the fields of a raw PoolConfig account; raises LayoutMismatch or DecodeError."""
    if len(raw) != POOL_CONFIG_SIZE:
        raise LayoutMismatch(NAME, "config", size=len(raw), size_expected=POOL_CONFIG_SIZE)
    require_discriminator(raw, POOL_CONFIG, NAME, "config")
    return decode_at(POOL_CONFIG_LAYOUT, raw, size_min=POOL_CONFIG_SIZE)


def config_numbers(config: Record, pool: Record) -> dict[str, int]:
    """Return the numbers of a Pool that its config decides: the curve, the fees, when it is complete.

    Raises:
        DecodeError: a mode nobody knows, a curve that does not rise, or a fee that takes all.
    """
    ints = config.ints
    kinds = max(ints[name] for name in ("collect_fee_mode", "activation_type", "token_type", "quote_token_flag"))
    is_unknown = kinds > 1 or ints["fee_mode"] > LIMITER or ints["fee_cliff"] >= FEE_ONE
    if is_unknown or not ints["sqrt_start_price"]:
        raise DecodeError(f"{NAME}: the config is of a kind nobody knows; the program was upgraded: compare its layout")
    same = ("fee_mode", "fee_cliff", "fee_first", "fee_second", "fee_third", "collect_fee_mode", "activation_type")
    numbers = {name: ints[name] for name in same}
    numbers["fee_max"] = FEE_MAX
    if ints["fee_mode"] == LIMITER:
        numbers |= {"limiter_duration": ints["fee_second"], "limiter_max": FEE_MAX}
    limited = EVERY_BUY if ints["fee_mode"] == LIMITER else 0
    numbers["sees_instructions"] = EVERY_SWAP if ints["enable_first_swap_with_min_fee"] else limited
    numbers["migration_quote_threshold"] = ints["migration_quote_threshold"]
    numbers["base_decimals"] = ints["token_decimal"]
    for name in ("sqrt_start_price", "migration_sqrt_price"):
        numbers |= split(name, ints[name])
    numbers |= _points(config)
    return numbers | _unrest(config, pool) if ints["dynamic_fee"] else numbers


def _points(config: Record) -> dict[str, int]:
    ints, numbers, below = config.ints, dict[str, int](), config.ints["sqrt_start_price"]
    for at in range(POINTS_MAX):
        root, depth = ints[f"curve_{at}_sqrt_price"], ints[f"curve_{at}_liquidity"]
        if not root or not depth:
            return {"curve_points": at, **numbers}
        if root <= below:
            raise DecodeError(f"{NAME}: point {at} of the curve is not above the one before; compare its layout")
        numbers |= {**split(f"curve_{at}_sqrt_price", root), **split(f"curve_{at}_liquidity", depth)}
        below = root
    return {"curve_points": POINTS_MAX, **numbers}


def _unrest(config: Record, pool: Record) -> dict[str, int]:
    accumulated = ("volatility_accumulator", "volatility_reference", "volatility_updated")
    numbers = {name: pool.ints[name] for name in accumulated}
    if max(numbers.values()) > U64_MAX:
        raise DecodeError(f"{NAME}: a volatility beyond 64 bits; compare the layout of the pool account")
    same = (
        "variable_fee_control",
        "volatility_max",
        "volatility_reduction",
        "bin_step",
        "filter_period",
        "decay_period",
    )
    return {
        **numbers,
        **{name: config.ints[name] for name in same},
        **split("bin_step_root", config.ints["bin_step_root"]),
        **split("price_reference", pool.ints["price_reference"]),
    }
