"""PumpSwap's bytes: events, accounts, instruction arguments.

payload -> (event name, Record); account bytes -> Record

Layouts only ever grew at their end: 312 bytes for trades of 2025-04, 393 in
2025-10, 408 with the instruction's name, 481 in 2026-09.

Sources: @pump-fun/pump-swap-sdk 1.20.0 and pump-sdk 2.0.0 (IDL pump_amm.json),
events recorded on mainnet.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.dex.borsh import TAIL_MAX, Codec, Record, decode_at
from sniperforge.dex.layouts import fields, offsets

BUY_EVENT = bytes.fromhex("67f4521f2cf57777")
SELL_EVENT = bytes.fromhex("3e2f370aa503dc2a")
CREATE_EVENT = bytes.fromhex("b1310cd2a076a774")

_ACCOUNTS_OF_A_TRADE = (
    "pool:pubkey user:pubkey user_base_token_account:pubkey user_quote_token_account:pubkey "
    "protocol_fee_recipient:pubkey protocol_fee_recipient_token_account:pubkey "
    "coin_creator:pubkey coin_creator_fee_basis_points:u64 coin_creator_fee:u64 "
)
_LATEST = (
    "cashback_fee_basis_points:u64 cashback:u64 buyback_fee_basis_points:u64 buyback_fee:u64 "
    "virtual_quote_reserves:i128 can_boost:bool base_supply:u64 holder_rewards_bps:u64 holder_rewards:u64"
)

EVENTS: dict[bytes, tuple[str, Codec]] = {
    BUY_EVENT: (
        "BuyEvent",
        Codec(
            fields(
                "timestamp:i64 base_amount_out:u64 max_quote_amount_in:u64 user_base_token_reserves:u64 "
                "user_quote_token_reserves:u64 pool_base_token_reserves:u64 pool_quote_token_reserves:u64 "
                "quote_amount_in:u64 lp_fee_basis_points:u64 lp_fee:u64 protocol_fee_basis_points:u64 protocol_fee:u64 "
                "quote_amount_in_with_lp_fee:u64 user_quote_amount_in:u64 "
                + _ACCOUNTS_OF_A_TRADE
                + "track_volume:bool "
                "total_unclaimed_tokens:u64 total_claimed_tokens:u64 current_sol_volume:u64 last_update_timestamp:i64 "
                "min_base_amount_out:u64 ix_name:string " + _LATEST
            ),
            required=20,
        ),
    ),
    SELL_EVENT: (
        "SellEvent",
        Codec(
            fields(
                "timestamp:i64 base_amount_in:u64 min_quote_amount_out:u64 user_base_token_reserves:u64 "
                "user_quote_token_reserves:u64 pool_base_token_reserves:u64 pool_quote_token_reserves:u64 "
                "quote_amount_out:u64 lp_fee_basis_points:u64 lp_fee:u64 protocol_fee_basis_points:u64 "
                "protocol_fee:u64 quote_amount_out_without_lp_fee:u64 user_quote_amount_out:u64 "
                + _ACCOUNTS_OF_A_TRADE
                + _LATEST
            ),
            required=20,
        ),
    ),
    CREATE_EVENT: (
        "CreatePoolEvent",
        Codec(
            fields(
                "timestamp:i64 index:u16 creator:pubkey base_mint:pubkey quote_mint:pubkey base_mint_decimals:u8 "
                "quote_mint_decimals:u8 base_amount_in:u64 quote_amount_in:u64 pool_base_amount:u64 "
                "pool_quote_amount:u64 minimum_liquidity:u64 initial_liquidity:u64 lp_token_amount_out:u64 "
                "pool_bump:u8 pool:pubkey lp_mint:pubkey user_base_token_account:pubkey "
                "user_quote_token_account:pubkey coin_creator:pubkey is_mayhem_mode:bool creator_fee_bps:u64 "
                "can_edit_creator_fee:bool is_holder_reward:bool"
            ),
            required=19,
        ),
    ),
}

#: Arguments of create_pool; the SDK's OptionBool and OptionU64 have no tag.
CREATE_ARGUMENTS = Codec(
    fields(
        "index:u16 base_amount_in:u64 quote_amount_in:u64 coin_creator:pubkey is_mayhem_mode:bool "
        "is_cashback_coin:bool creator_fee_bps:u64 can_edit_creator_fee:bool is_holder_reward:bool"
    ),
    required=3,
)

#: account -> (discriminator, fields, size of its oldest form)
_ACCOUNTS = {
    "Pool": (
        bytes.fromhex("f19a6d0411b16dbc"),
        offsets(
            "8:pool_bump:u8 9:index:u16 11:creator:pubkey 43:base_mint:pubkey 75:quote_mint:pubkey 107:lp_mint:pubkey "
            "139:pool_base_token_account:pubkey 171:pool_quote_token_account:pubkey 203:lp_supply:u64 "
            "211:coin_creator:pubkey 243:is_mayhem_mode:bool 244:is_cashback_coin:bool 245:virtual_quote_reserves:i128 "
            "261:creator_fee_bps:u64 269:can_edit_creator_fee:bool 270:is_holder_reward:bool"
        ),
        211,
    ),
    "GlobalConfig": (
        bytes.fromhex("95089ccaa0fcb0d9"),
        offsets(
            "8:admin:pubkey 40:lp_fee_basis_points:u64 48:protocol_fee_basis_points:u64 56:disable_flags:u8 "
            "57:protocol_fee_recipients:[pubkey;8] 313:coin_creator_fee_basis_points:u64 "
            "321:admin_set_coin_creator_authority:pubkey 353:whitelist_pda:pubkey 417:mayhem_mode_enabled:bool "
            "642:is_cashback_enabled:bool 643:buyback_fee_recipients:[pubkey;8] 899:buyback_basis_points:u64 "
            "907:boost_authority:pubkey 939:boost_enabled:bool 940:creator_fee_configurable:bool "
            "941:max_configurable_creator_fee_bps:u64"
        ),
        313,
    ),
}


def decode_event(payload: bytes) -> tuple[str, Record] | None:
    """Return the event's name and values, or None when this is an event we do not know.

    A payload longer than the newest known layout is taken, as PumpSwap appends
    fields several times a year; `Record.tail` says by how many bytes it is longer.

    Raises:
        DecodeError: the discriminator is known but the bytes do not fit its layout.
    """
    known = EVENTS.get(payload[:8])
    if known is None:
        return None
    name, codec = known
    return name, codec.decode(payload, 8, tail_max=TAIL_MAX)


def account_head(name: str) -> bytes:
    """Return the 8 bytes that every account of the kind *name* starts with."""
    return _ACCOUNTS[name][0]


def decode_account(name: str, data: bytes) -> Record:
    """Return the fields of the account kind *name*; fields older accounts lack are zero.

    Raises:
        DecodeError: another discriminator, too short, or an impossible value.
    """
    discriminator, layout, size_min = _ACCOUNTS[name]
    if data[:8] != discriminator:
        raise DecodeError(f"pumpswap: this is no {name}: its first 8 bytes differ; check the address asked for")
    return decode_at(layout, data, size_min=size_min)
