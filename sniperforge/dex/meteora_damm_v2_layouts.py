"""Bytes of Meteora DAMM v2: its discriminators, events, arguments and the pool account.

account bytes -> Record of its fields
base fee and dynamic fee, wherever they stand -> numbers of a Pool

Layouts: @meteora-ag/cp-amm-sdk 1.5.0 (IDL cp_amm 0.2.5) and MeteoraAg/damm-v2, event.rs.
"""

from __future__ import annotations

from collections.abc import Mapping

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import BPS_ONE, U64_MAX
from sniperforge.dex.borsh import Codec, Record, Structs, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.meteora_fees import FEE_ONE, LIMITER, MARKET_CAP_EXPONENTIAL
from sniperforge.dex.meteora_liquidity import split
from sniperforge.dex.token_pair import LayoutMismatch, require_discriminator

NAME = "meteora_damm_v2"
PROGRAM = key("cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG")
AUTHORITY = key("HLnpSz9h2S4hiLQ43rnSD9XkcUThA7B8hQMKmDaiTLcC")
EVENT_AUTHORITY = key("3rmHSu74h1ZcmAisVcWerTCiRDQbUrBKmcwptYGjHfet")
INSTRUCTIONS_SYSVAR = key("Sysvar1nstructions1111111111111111111111111")

INITIALIZE_POOL = bytes.fromhex("5fb40aac54aee828")
INITIALIZE_WITH_DYNAMIC_CONFIG = bytes.fromhex("955248c5fdfc440f")
INITIALIZE_CUSTOMIZABLE = bytes.fromhex("14a1f118bdddb402")
SWAP = bytes.fromhex("f8c69e91e17587c8")
SWAP2 = bytes.fromhex("414b3f4ceb5b5b88")
ADD_LIQUIDITY = bytes.fromhex("b59d59438fb63448")
REMOVE_LIQUIDITY = bytes.fromhex("5055d14818ceb16c")
REMOVE_ALL_LIQUIDITY = bytes.fromhex("0a333d2370691855")
INITIALIZE_EVENT = bytes.fromhex("e432f655cb428625")
SWAP2_EVENT = bytes.fromhex("bd4233a826507599")
LIQUIDITY_EVENT = bytes.fromhex("c5ab4e7fe0d3570d")
POOL = bytes.fromhex("f19a6d0411b16dbc")

BOTH_TOKENS, ONLY_SECOND, COMPOUNDING = range(3)
#: The highest fee by `fee_version`.
FEE_MAX = (500_000_000, 990_000_000)

_OWN = Structs(
    structs={
        "BaseFee": fields("cliff:u64 first:u16 second:u64 third:u64 mode:u8"),
        "DynamicFee": fields(
            "bin_step:u16 bin_step_u128:u128 filter_period:u16 decay_period:u16 reduction_factor:u16 "
            "max_volatility_accumulator:u32 variable_fee_control:u32"
        ),
        "PoolFees": fields("base_fee:BaseFee compounding_fee_bps:u16 padding:u8 dynamic_fee:option<DynamicFee>"),
        "SwapParameters": fields("amount_0:u64 amount_1:u64 swap_mode:u8"),
        "SwapResult": fields(
            "included_fee_input_amount:u64 excluded_fee_input_amount:u64 amount_left:u64 output_amount:u64 "
            "next_sqrt_price:u128 claiming_fee:u64 protocol_fee:u64 compounding_fee:u64 referral_fee:u64"
        ),
    }
)
INITIALIZE_POOL_LAYOUT = Codec(fields("liquidity:u128 sqrt_price:u128 activation_point:option<u64>"))
INITIALIZE_CUSTOMIZABLE_LAYOUT = Codec(
    fields(
        "pool_fees:PoolFees sqrt_min_price:u128 sqrt_max_price:u128 has_alpha_vault:bool liquidity:u128 "
        "sqrt_price:u128 activation_type:u8 collect_fee_mode:u8 activation_point:option<u64>"
    ),
    own=_OWN,
)
INITIALIZE_EVENT_LAYOUT = Codec(
    fields(
        "pool:pubkey token_a_mint:pubkey token_b_mint:pubkey creator:pubkey payer:pubkey alpha_vault:pubkey "
        "pool_fees:PoolFees sqrt_min_price:u128 sqrt_max_price:u128 activation_type:u8 collect_fee_mode:u8 "
        "liquidity:u128 sqrt_price:u128 activation_point:u64 token_a_flag:u8 token_b_flag:u8 token_a_amount:u64 "
        "token_b_amount:u64 total_amount_a:u64 total_amount_b:u64 pool_type:u8"
    ),
    own=_OWN,
)
SWAP2_EVENT_LAYOUT = Codec(
    fields(
        "pool:pubkey trade_direction:u8 collect_fee_mode:u8 has_referral:bool params:SwapParameters "
        "swap_result:SwapResult included_transfer_fee_amount_in:u64 included_transfer_fee_amount_out:u64 "
        "excluded_transfer_fee_amount_out:u64 current_timestamp:u64 reserve_a_amount:u64 reserve_b_amount:u64"
    ),
    own=_OWN,
)
LIQUIDITY_EVENT_LAYOUT = Codec(
    fields(
        "pool:pubkey position:pubkey owner:pubkey token_a_amount:u64 token_b_amount:u64 total_amount_a:u64 "
        "total_amount_b:u64 reserve_a_amount:u64 reserve_b_amount:u64 liquidity_delta:u128 "
        "token_a_amount_threshold:u64 token_b_amount_threshold:u64 change_type:u8"
    )
)

POOL_SIZE = 1112
POOL_LAYOUT = offsets(
    "8:base_fee.cliff:u64 16:base_fee.mode:u8 22:base_fee.first:u16 24:base_fee.second:u64 32:base_fee.third:u64 "
    "48:protocol_fee_percent:u8 50:referral_fee_percent:u8 54:compounding_fee_bps:u16 56:dynamic_fee?:u8 "
    "64:dynamic_fee.max_volatility_accumulator:u32 68:dynamic_fee.variable_fee_control:u32 72:dynamic_fee.bin_step:u16 "
    "74:dynamic_fee.filter_period:u16 76:dynamic_fee.decay_period:u16 78:dynamic_fee.reduction_factor:u16 "
    "80:dynamic_fee.last_update_timestamp:u64 88:dynamic_fee.bin_step_u128:u128 "
    "104:dynamic_fee.sqrt_price_reference:u128 120:dynamic_fee.volatility_accumulator:u128 "
    "136:dynamic_fee.volatility_reference:u128 152:init_sqrt_price:u128 168:token_a_mint:pubkey "
    "200:token_b_mint:pubkey 232:token_a_vault:pubkey 264:token_b_vault:pubkey 296:whitelisted_vault:pubkey "
    "360:liquidity:u128 392:protocol_a_fee:u64 400:protocol_b_fee:u64 424:sqrt_min_price:u128 440:sqrt_max_price:u128 "
    "456:sqrt_price:u128 472:activation_point:u64 480:activation_type:u8 481:pool_status:u8 482:token_a_flag:u8 "
    "483:token_b_flag:u8 484:collect_fee_mode:u8 485:pool_type:u8 486:fee_version:u8 552:permanent_lock_liquidity:u128 "
    "648:creator:pubkey 680:token_a_amount:u64 688:token_b_amount:u64 696:layout_version:u8"
)


def decode_pool(raw: bytes) -> Record:
    """Return the fields of a raw Pool account; raises LayoutMismatch or DecodeError."""
    if len(raw) != POOL_SIZE:
        raise LayoutMismatch(NAME, "pool", size=len(raw), size_expected=POOL_SIZE)
    require_discriminator(raw, POOL, NAME, "pool")
    return decode_at(POOL_LAYOUT, raw, size_min=POOL_SIZE)


def fee_numbers(ints: Mapping[str, int], prefix: str = "") -> dict[str, int]:
    """Return the numbers of a Pool that say its fees.

    Args:
        ints: decoded integers; under *prefix* stand `base_fee.*` and `dynamic_fee.*`.

    Raises:
        DecodeError: a mode nobody knows, or a fee that takes all.
    """
    base = {name: ints[f"{prefix}base_fee.{name}"] for name in ("mode", "cliff", "first", "second", "third")}
    if base["mode"] > MARKET_CAP_EXPONENTIAL or base["cliff"] >= FEE_ONE:
        raise DecodeError(
            f"{NAME}: base fee mode {base['mode']} of {base['cliff']}/10^9 is unknown; the program was upgraded"
        )
    numbers = {f"fee_{name}": value for name, value in base.items()}
    if base["mode"] == LIMITER:
        numbers["limiter_duration"] = base["second"] & 0xFFFFFFFF
        numbers["limiter_max"] = min((base["second"] >> 32) * FEE_ONE // BPS_ONE, FEE_MAX[1])
    numbers["compounding_fee_bps"] = ints[f"{prefix}compounding_fee_bps"]
    if ints[f"{prefix}dynamic_fee?"]:
        numbers |= _unrest(ints, f"{prefix}dynamic_fee.")
    return numbers


def _unrest(ints: Mapping[str, int], prefix: str) -> dict[str, int]:
    accumulated = ("volatility_accumulator", "volatility_reference")
    numbers = {name: ints.get(prefix + name, 0) for name in accumulated}
    if max(numbers.values()) > U64_MAX:
        raise DecodeError(f"{NAME}: a volatility beyond 64 bits; compare the layout of the pool account")
    return {
        **numbers,
        "variable_fee_control": ints[prefix + "variable_fee_control"],
        "volatility_max": ints[prefix + "max_volatility_accumulator"],
        "volatility_reduction": ints[prefix + "reduction_factor"],
        "volatility_updated": ints.get(prefix + "last_update_timestamp", 0),
        **{name: ints[prefix + name] for name in ("bin_step", "filter_period", "decay_period")},
        **split("bin_step_root", ints[prefix + "bin_step_u128"]),
        **split("price_reference", ints.get(prefix + "sqrt_price_reference", 0)),
    }
