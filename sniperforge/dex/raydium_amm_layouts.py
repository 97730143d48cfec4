"""Bytes of Raydium AMM v4: its tags, log lines, arguments and accounts.

"ray_log: <base64>" -> (kind, Record)
account bytes -> Record of its fields

There are no Anchor discriminators: an instruction starts with one tag byte, an
account with its first field. Layouts: raydium-io/raydium-amm, program/src/{log,state,
instruction}.rs; the market's is OpenBook's (serum v3) with its 5 bytes of "serum".
"""

from __future__ import annotations

import base64
import binascii

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.dex.borsh import Codec, Record, decode_at
from sniperforge.dex.layouts import fields, offsets
from sniperforge.dex.token_pair import LayoutMismatch

NAME = "raydium_amm_v4"
PROGRAM = key("675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8")
AUTHORITY = key("5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1")

INITIALIZE2, DEPOSIT, WITHDRAW = 1, 3, 4
SWAP_BASE_IN, SWAP_BASE_OUT, SWAP_BASE_IN_V2, SWAP_BASE_OUT_V2 = 9, 11, 16, 17

LOG_PREFIX = "ray_log: "
LOG_INIT, LOG_DEPOSIT, LOG_WITHDRAW, LOG_SWAP_BASE_IN, LOG_SWAP_BASE_OUT = range(5)
_LOGS = (
    Codec(
        fields(
            "time:u64 pc_decimals:u8 coin_decimals:u8 pc_lot_size:u64 coin_lot_size:u64 pc_amount:u64 coin_amount:u64 "
            "market:pubkey"
        )
    ),
    Codec(
        fields(
            "max_coin:u64 max_pc:u64 base:u64 pool_coin:u64 pool_pc:u64 pool_lp:u64 calc_pnl_x:u128 calc_pnl_y:u128 "
            "deduct_coin:u64 deduct_pc:u64 mint_lp:u64"
        )
    ),
    Codec(
        fields(
            "withdraw_lp:u64 user_lp:u64 pool_coin:u64 pool_pc:u64 pool_lp:u64 calc_pnl_x:u128 calc_pnl_y:u128 "
            "out_coin:u64 out_pc:u64"
        )
    ),
    Codec(
        fields("amount_in:u64 minimum_out:u64 direction:u64 user_source:u64 pool_coin:u64 pool_pc:u64 out_amount:u64")
    ),
    Codec(fields("max_in:u64 amount_out:u64 direction:u64 user_source:u64 pool_coin:u64 pool_pc:u64 deduct_in:u64")),
)
#: The longest of them has 129 bytes; base64 of a longer line is not looked at.
_LOG_TEXT_MAX = 256

INITIALIZE2_LAYOUT = Codec(fields("nonce:u8 open_time:u64 init_pc_amount:u64 init_coin_amount:u64"))
INITIALIZE2_SIZE = 26

AMM_INFO_SIZE = 752
AMM_INFO_LAYOUT = offsets(
    "0:status:u64 8:nonce:u64 16:order_num:u64 24:depth:u64 32:coin_decimals:u64 40:pc_decimals:u64 48:state:u64 "
    "56:reset_flag:u64 64:min_size:u64 72:vol_max_cut_ratio:u64 80:amount_wave:u64 88:coin_lot_size:u64 "
    "96:pc_lot_size:u64 104:min_price_multiplier:u64 112:max_price_multiplier:u64 120:sys_decimal_value:u64 "
    "128:min_separate_numerator:u64 136:min_separate_denominator:u64 144:trade_fee_numerator:u64 "
    "152:trade_fee_denominator:u64 160:pnl_numerator:u64 168:pnl_denominator:u64 176:swap_fee_numerator:u64 "
    "184:swap_fee_denominator:u64 192:need_take_pnl_coin:u64 200:need_take_pnl_pc:u64 208:total_pnl_pc:u64 "
    "216:total_pnl_coin:u64 224:pool_open_time:u64 232:punish_pc_amount:u64 240:punish_coin_amount:u64 "
    "248:orderbook_to_init_time:u64 256:swap_coin_in_amount:u128 272:swap_pc_out_amount:u128 288:swap_acc_pc_fee:u64 "
    "296:swap_pc_in_amount:u128 312:swap_coin_out_amount:u128 328:swap_acc_coin_fee:u64 336:coin_vault:pubkey "
    "368:pc_vault:pubkey 400:coin_vault_mint:pubkey 432:pc_vault_mint:pubkey 464:lp_mint:pubkey "
    "496:open_orders:pubkey 528:market:pubkey 560:market_program:pubkey 592:target_orders:pubkey "
    "624:withdraw_queue:pubkey 656:lp_vault:pubkey 688:amm_owner:pubkey 720:lp_amount:u64 728:client_order_id:u64 "
    "736:recent_epoch:u64"
)
MARKET_SIZE = 388
MARKET_LAYOUT = offsets(
    "13:own_address:pubkey 45:vault_signer_nonce:u64 117:market_base_vault:pubkey 165:market_quote_vault:pubkey "
    "253:market_event_queue:pubkey 285:market_bids:pubkey 317:market_asks:pubkey"
)


def decode_log(text: str) -> tuple[int, Record]:
    """Return what kind of ray_log *text* is (0 init … 4 swap exact out) and its fields.

    Args:
        text: a program log without the runtime's "Program log: ".

    Raises:
        DecodeError: it is no ray_log, or not one this program writes.
    """
    encoded = text[len(LOG_PREFIX) :]
    if not text.startswith(LOG_PREFIX) or len(encoded) > _LOG_TEXT_MAX:
        raise DecodeError(f"{NAME}: {text[:40]!r} is no ray_log")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError(f"{NAME}: a ray_log is base64, got {encoded[:40]!r}") from None
    if not raw or raw[0] >= len(_LOGS):
        raise DecodeError(f"{NAME}: a ray_log starts with its kind, 0 to 4, got {raw[:1].hex() or 'nothing'}")
    return raw[0], _LOGS[raw[0]].decode(raw, 1)


def decode_amm_info(raw: bytes) -> Record:
    """Return the fields of a raw AmmInfo account; raises LayoutMismatch for another size."""
    if len(raw) != AMM_INFO_SIZE:
        raise LayoutMismatch(NAME, "amm_id", size=len(raw), size_expected=AMM_INFO_SIZE)
    return decode_at(AMM_INFO_LAYOUT, raw, size_min=AMM_INFO_SIZE)


def decode_market(raw: bytes) -> Record:
    """Return the fields of a raw OpenBook market that a swap with market accounts lists."""
    if len(raw) != MARKET_SIZE:
        raise LayoutMismatch(NAME, "market", size=len(raw), size_expected=MARKET_SIZE)
    if raw[:5] != b"serum":
        raise DecodeError(f"{NAME}: market does not start with 'serum'; check AmmInfo.market")
    return decode_at(MARKET_LAYOUT, raw, size_min=MARKET_SIZE)
