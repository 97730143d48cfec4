"""PumpSwap's instructions: program, addresses, account lists.

known keys by name -> every account of an instruction (`keys_for`)
name + keys + arguments -> Instruction                  (`instruction`)

`base_*` and `quote_*` are the pool's own two sides here, whichever is the coin.

Sources: @pump-fun/pump-swap-sdk 1.20.0, @pump-fun/pump-sdk 2.0.0 (IDL pump_amm.json),
pump-fun/pump-public-docs of 2026-05.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex.account_table import AccountTable, Keys, Rules, accounts, build
from sniperforge.dex.programs import ASSOCIATED_TOKEN, SYSTEM, TOKEN_2022, ata, pda
from sniperforge.dex.venue import Instruction

PROGRAM = key("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")
FEE_PROGRAM = key("pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ")
#: The launchpad whose migrated coins get the tiered fees.
LAUNCHPAD = key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")

#: Any of GlobalConfig's recipients will do; `pool.keys` may name another.
FEE_RECIPIENT = key("CebN5WGQ4jvEPvsVU4EoHEpgzq1VV7AbicfhtW4xC9iM")
MAYHEM_FEE_RECIPIENT = key("GesfTA3X2arioaHp8bbKdjG9vJtskViWACZoYvxp4twS")
BUYBACK_FEE_RECIPIENT = key("5YxQFdt3Tr9zJLvkFccqXVUwhdTWJQc1fFg2YPbxvxeD")

CONSTANTS: dict[str, Pubkey] = {
    "program": PROGRAM,
    "global_config": key("ADyA8hdefvWN2dbGGWFotbzWxrAvLW83WG6QCVXvJKqw"),
    "event_authority": key("GS4CU59F31iL7aR2Q8zVS8DRrcRnXX1yjQ66TqNVQnaR"),
    "fee_program": FEE_PROGRAM,
    "fee_config": key("5PHirr8joyTMp9JMm6nW7hNDVyEYdkzDqazxPD7RaTjx"),
    "global_volume_accumulator": key("C2aFPdENg4A2HQsmrd5rTw5TaYBX5Ku887cWjbFKtZpw"),
    "system_program": SYSTEM,
    "associated_token_program": ASSOCIATED_TOKEN,
    "token_2022_program": TOKEN_2022,
}

_cached_ata = lru_cache(maxsize=1024)(ata)


@lru_cache(maxsize=1024)
def pool_authority_of(base_mint: Pubkey) -> Pubkey:
    """Return who creates the pool a coin migrates to (the canonical one has index 0)."""
    return pda(LAUNCHPAD, b"pool-authority", base_mint)


def pool_of(index: int, creator: Pubkey, base_mint: Pubkey, quote_mint: Pubkey) -> Pubkey:
    """Return the address of the pool *creator* opens under *index*."""
    return pda(PROGRAM, b"pool", struct.pack("<H", index), creator, base_mint, quote_mint)


@lru_cache(maxsize=64)
def _volume_of(user: Pubkey) -> Pubkey:
    return pda(PROGRAM, b"user_volume_accumulator", user)


RULES: Rules = {
    "pool_authority": lambda k: pool_authority_of(k["base_mint"]),
    "canonical_pool": lambda k: pool_of(0, k["pool_authority"], k["base_mint"], k["quote_mint"]),
    "lp_mint": lambda k: pda(PROGRAM, b"pool_lp_mint", k["pool"]),
    "pool_v2": lambda k: pda(PROGRAM, b"pool-v2", k["base_mint"]),
    # The underscore is right here, and wrong at the launchpad.
    "coin_creator_vault_authority": lambda k: pda(PROGRAM, b"creator_vault", k["coin_creator"]),
    "coin_creator_vault_ata": lambda k: ata(
        k["coin_creator_vault_authority"], k["quote_mint"], k["quote_token_program"]
    ),
    "boost_vault_authority": lambda k: pda(PROGRAM, b"boost_vault", k["pool"]),
    "pool_base_token_account": lambda k: ata(k["pool"], k["base_mint"], k["base_token_program"]),
    "pool_quote_token_account": lambda k: ata(k["pool"], k["quote_mint"], k["quote_token_program"]),
    "user_base_token_account": lambda k: ata(k["user"], k["base_mint"], k["base_token_program"]),
    "user_quote_token_account": lambda k: _cached_ata(k["user"], k["quote_mint"], k["quote_token_program"]),
    "user_pool_token_account": lambda k: ata(k["user"], k["lp_mint"], TOKEN_2022),
    "protocol_fee_recipient_token_account": lambda k: _cached_ata(
        k["protocol_fee_recipient"], k["quote_mint"], k["quote_token_program"]
    ),
    "buyback_fee_recipient_token_account": lambda k: _cached_ata(
        k["buyback_fee_recipient"], k["quote_mint"], k["quote_token_program"]
    ),
    "user_volume_accumulator": lambda k: _volume_of(k["user"]),
    "user_volume_accumulator_quote_ata": lambda k: _cached_ata(
        k["user_volume_accumulator"], k["quote_mint"], k["quote_token_program"]
    ),
}

_TRADE = (
    "pool:w user:sw global_config base_mint quote_mint user_base_token_account:w user_quote_token_account:w "
    "pool_base_token_account:w pool_quote_token_account:w protocol_fee_recipient "
    "protocol_fee_recipient_token_account:w base_token_program quote_token_program system_program "
    "associated_token_program event_authority program coin_creator_vault_ata:w coin_creator_vault_authority "
)
_BUY = _TRADE + "global_volume_accumulator user_volume_accumulator:w fee_config fee_program "
_SELL = _TRADE + "fee_config fee_program "
_BUYBACK = "buyback_fee_recipient buyback_fee_recipient_token_account:w"

_DISCRIMINATORS = {
    "create_pool": bytes.fromhex("e992d18ecf6840bc"),
    "buy": bytes.fromhex("66063d1201daebea"),
    "buy_exact_quote_in": bytes.fromhex("c62e1552b4d9e870"),
    "sell": bytes.fromhex("33e685a4017f83ad"),
}
CREATE_POOL = _DISCRIMINATORS["create_pool"]

_CREATE = accounts(
    "pool:w global_config user:sw base_mint quote_mint lp_mint:w user_base_token_account:w user_quote_token_account:w "
    "user_pool_token_account:w pool_base_token_account:w pool_quote_token_account:w system_program token_2022_program "
    "base_token_program quote_token_program associated_token_program event_authority program"
)


@lru_cache(maxsize=16)
def table_of(name: str, *, cashback: bool = False, creator: bool = True) -> AccountTable:
    """Return the accounts of *name*.

    Args:
        cashback: Pool.is_cashback_coin.
        creator: Pool.coin_creator is not the zero key.
    """
    if name == "create_pool":
        return _CREATE
    earlier, later = _BUY if name != "sell" else _SELL, "pool_v2 " * creator + _BUYBACK
    if not cashback:
        return accounts(earlier + later)
    volume = "" if name != "sell" else "user_volume_accumulator:w "
    return accounts(earlier + "user_volume_accumulator_quote_ata:w " + volume + later)


def keys_for(**known: Pubkey) -> Keys:
    """Return the constants and *known*, deriving the other accounts on first use.

    Needed for a trade: pool, user, base_mint, base_token_program, quote_mint,
    quote_token_program, coin_creator, protocol_fee_recipient, buyback_fee_recipient.
    """
    return Keys(RULES, {**CONSTANTS, **known})


def instruction(name: str, table: AccountTable, keys: Mapping[str, Pubkey], arguments: bytes) -> Instruction:
    """Return the instruction *name* over *table* with its Borsh-encoded *arguments*."""
    return build(PROGRAM, table, keys, _DISCRIMINATORS[name] + arguments)
