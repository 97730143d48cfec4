"""pump.fun's bytes: events, accounts, instruction arguments.

payload -> (event name, Record); account bytes -> Record

Every layout only ever grew at its end: `required` behind a layout is how many fields
must be there. TradeEvent had 129 bytes on chain until 2025-04, 225 after 2025-05, 358
in 2026-07; a form without the real reserves (113) is let through, as nothing needs them.

Sources: @pump-fun/pump-sdk 2.0.0 (IDL pump.json), events recorded on mainnet.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.dex.borsh import TAIL_MAX, Codec, Record, Structs, decode_at
from sniperforge.dex.layouts import fields, offsets

CREATE_EVENT = bytes.fromhex("1b72a94ddeeb6376")
TRADE_EVENT = bytes.fromhex("bddb7fd34ee661ee")
COMPLETE_EVENT = bytes.fromhex("5f72619cd42e9808")
MIGRATION_EVENT = bytes.fromhex("bde95db95c94ea94")
EXTEND_EVENT = bytes.fromhex("6161d7905d92167c")

_SHARES = Structs(structs={"Shareholder": fields("address:pubkey share_bps:u16")})

EVENTS: dict[bytes, tuple[str, Codec]] = {
    CREATE_EVENT: (
        "CreateEvent",
        Codec(
            fields(
                "name:string symbol:string uri:string mint:pubkey bonding_curve:pubkey user:pubkey creator:pubkey "
                "timestamp:i64 virtual_token_reserves:u64 virtual_sol_reserves:u64 real_token_reserves:u64 "
                "token_total_supply:u64 token_program:pubkey is_mayhem_mode:bool is_cashback_enabled:bool "
                "quote_mint:pubkey virtual_quote_reserves:u64 creator_fee_bps:u64 is_holder_reward:bool"
            ),
            required=6,
        ),
    ),
    TRADE_EVENT: (
        "TradeEvent",
        Codec(
            fields(
                "mint:pubkey sol_amount:u64 token_amount:u64 is_buy:bool user:pubkey timestamp:i64 "
                "virtual_sol_reserves:u64 virtual_token_reserves:u64 real_sol_reserves:u64 real_token_reserves:u64 "
                "fee_recipient:pubkey fee_basis_points:u64 fee:u64 creator:pubkey creator_fee_basis_points:u64 "
                "creator_fee:u64 track_volume:bool total_unclaimed_tokens:u64 total_claimed_tokens:u64 "
                "current_sol_volume:u64 last_update_timestamp:i64 ix_name:string mayhem_mode:bool "
                "cashback_fee_basis_points:u64 cashback:u64 buyback_fee_basis_points:u64 buyback_fee:u64 "
                "shareholders:vec<Shareholder> quote_mint:pubkey quote_amount:u64 virtual_quote_reserves:u64 "
                "real_quote_reserves:u64 holder_rewards_bps:u64 holder_rewards:u64"
            ),
            required=8,
            own=_SHARES,
        ),
    ),
    COMPLETE_EVENT: (
        "CompleteEvent",
        Codec(fields("user:pubkey mint:pubkey bonding_curve:pubkey timestamp:i64 quote_mint:pubkey"), required=4),
    ),
    MIGRATION_EVENT: (
        "CompletePumpAmmMigrationEvent",
        Codec(
            fields(
                "user:pubkey mint:pubkey mint_amount:u64 sol_amount:u64 pool_migration_fee:u64 bonding_curve:pubkey "
                "timestamp:i64 pool:pubkey quote_mint:pubkey"
            ),
            required=8,
        ),
    ),
    EXTEND_EVENT: (
        "ExtendAccountEvent",
        Codec(fields("account:pubkey user:pubkey current_size:u64 new_size:u64 timestamp:i64")),
    ),
}

#: Arguments of create and create_v2; the SDK's OptionBool and OptionU64 have no tag.
CREATE_ARGUMENTS = Codec(fields("name:string symbol:string uri:string creator:pubkey"), required=3)
CREATE_V2_ARGUMENTS = Codec(
    fields(
        "name:string symbol:string uri:string creator:pubkey is_mayhem_mode:bool is_cashback_enabled:bool "
        "creator_fee_bps:u64 is_holder_reward:bool"
    ),
    required=4,
)

#: account -> (discriminator, fields, size of its oldest form)
_ACCOUNTS = {
    "BondingCurve": (
        bytes.fromhex("17b7f83760d8ac60"),
        offsets(
            "8:virtual_token_reserves:u64 16:virtual_quote_reserves:u64 24:real_token_reserves:u64 "
            "32:real_quote_reserves:u64 40:token_total_supply:u64 48:complete:bool 49:creator:pubkey "
            "81:is_mayhem_mode:bool 82:is_cashback_coin:bool 83:quote_mint:pubkey 115:creator_fee_bps:u64 "
            "123:can_edit_creator_fee:bool 124:is_holder_reward:bool"
        ),
        49,
    ),
    "Global": (
        bytes.fromhex("a7e8e8b1c86c727f"),
        offsets(
            "8:initialized:bool 9:authority:pubkey 41:fee_recipient:pubkey 73:initial_virtual_token_reserves:u64 "
            "81:initial_virtual_sol_reserves:u64 89:initial_real_token_reserves:u64 97:token_total_supply:u64 "
            "105:fee_basis_points:u64 113:withdraw_authority:pubkey 145:enable_migrate:bool 146:pool_migration_fee:u64 "
            "154:creator_fee_basis_points:u64 162:fee_recipients:[pubkey;7] 386:set_creator_authority:pubkey "
            "418:admin_set_creator_authority:pubkey 450:create_v2_enabled:bool 451:whitelist_pda:pubkey "
            "483:reserved_fee_recipient:pubkey 515:mayhem_mode_enabled:bool 516:reserved_fee_recipients:[pubkey;7] "
            "740:is_cashback_enabled:bool 741:buyback_fee_recipients:[pubkey;8] 997:buyback_basis_points:u64 "
            "1005:initial_virtual_quote_reserves:u64 1013:whitelisted_quote_mints:[pubkey;1] "
            "1045:creator_fee_configurable:bool 1046:max_configurable_creator_fee_bps:u64 "
            "1054:holder_reward_claim_authority:pubkey 1086:is_holder_reward_enabled:bool"
        ),
        113,
    ),
    "UserVolumeAccumulator": (
        bytes.fromhex("56ff700e66359afa"),
        offsets(
            "8:user:pubkey 40:needs_claim:bool 41:total_unclaimed_tokens:u64 49:total_claimed_tokens:u64 "
            "57:current_sol_volume:u64 65:last_update_timestamp:i64 73:has_total_claimed_tokens:bool "
            "74:cashback_earned:u64 82:total_cashback_claimed:u64 90:stable_cashback_earned:u64 "
            "98:total_stable_cashback_claimed:u64"
        ),
        57,
    ),
}


def decode_event(payload: bytes) -> tuple[str, Record] | None:
    """Return the event's name and values, or None when this is an event we do not know.

    A payload longer than the newest known layout is taken, since pump.fun appends
    fields several times a year and a bot that goes blind on such a day loses
    money; `Record.tail` says by how many bytes it is longer, at most `TAIL_MAX`.

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
        raise DecodeError(f"pumpfun: this is no {name}: its first 8 bytes differ; check the address asked for")
    return decode_at(layout, data, size_min=size_min)
