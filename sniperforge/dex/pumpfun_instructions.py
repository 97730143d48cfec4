"""pump.fun's instructions: programs, addresses, account lists, data.

known keys by name -> every account of an instruction (`keys_for`)
name + keys + arguments -> Instruction                  (`instruction`)

One set of names for all lists: `base_*` is the coin, `quote_*` what it is paid in
(WSOL's mint for coins sold for SOL, whose lamports move natively).

Sources: @pump-fun/pump-sdk 2.0.0 (IDL pump.json), pump-fun/pump-public-docs of
2026-05, mainnet transactions of 2026-07.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import _derive
from sniperforge.dex.account_table import AccountTable, Keys, Rules, accounts, build
from sniperforge.dex.programs import ASSOCIATED_TOKEN, METADATA, RENT, SYSTEM, TOKEN_2022, ata, pda
from sniperforge.dex.venue import Instruction

PROGRAM = key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
FEE_PROGRAM = key("pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ")
AMM = key("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")
MAYHEM = key("MAyhSmzXzV1pTf7LsNkrNwkWKTo4ougAJ1PPg47MD4e")

#: Global.fee_recipients and Global.reserved_fee_recipients (for mayhem coins): the
#: program takes any of its list, so the choice only has to be stable. These are
#: the ones the chain showed most lately; `pool.keys["fee_recipient"]` overrides.
FEE_RECIPIENT = key("CebN5WGQ4jvEPvsVU4EoHEpgzq1VV7AbicfhtW4xC9iM")
MAYHEM_FEE_RECIPIENT = key("GesfTA3X2arioaHp8bbKdjG9vJtskViWACZoYvxp4twS")
BUYBACK_FEE_RECIPIENT = key("5YxQFdt3Tr9zJLvkFccqXVUwhdTWJQc1fFg2YPbxvxeD")

CONSTANTS: dict[str, Pubkey] = {
    "program": PROGRAM,
    "global": key("4wTV1YmiEkRvAtNtsSGPtUrqRYQMe5SKy2uB4Jjaxnjf"),
    "event_authority": key("Ce6TQqeHC9p8KetsN6JsjHK7UTZk7nasjjnr7XxXp9F1"),
    "fee_program": FEE_PROGRAM,
    "fee_config": key("8Wf5TiAheLUqBrKXeYg2JtAFFMWtKdG2BSFgqUcPVwTt"),
    "global_volume_accumulator": key("Hq2wp8uJ9jCPsYgNHex8RtqdvMPfVGoYwjvF1ATiwn2Y"),
    "mint_authority": key("TSLvdd1pWpHVjahSpsvCXUbgwsL3JAcvokwaKt1eokM"),
    "quote_control": key("6z6GDdfb2AjR9ZhJmAUQ5cipJCVxQvLJhB2H8mCwTFBP"),
    "mayhem_program_id": MAYHEM,
    "global_params": key("13ec7XdrjF3h3YcqBTFDSReRcUFwbCnJaAQspM4j6DDJ"),
    "sol_vault": key("BwWK17cbHxwWBKZkUYvzxLcNQ1YVyaFezduWbtm2de6s"),
    "pump_amm": AMM,
    "amm_global_config": key("ADyA8hdefvWN2dbGGWFotbzWxrAvLW83WG6QCVXvJKqw"),
    "pump_amm_event_authority": key("GS4CU59F31iL7aR2Q8zVS8DRrcRnXX1yjQ66TqNVQnaR"),
    "mpl_token_metadata": METADATA,
    "system_program": SYSTEM,
    "associated_token_program": ASSOCIATED_TOKEN,
    "token_2022_program": TOKEN_2022,
    "rent": RENT,
}

#: The same few wallets and recipients come back with every order.
_cached_ata = lru_cache(maxsize=1024)(ata)


@lru_cache(maxsize=8192)
def curve_of(mint: Pubkey) -> Pubkey:
    """Return the bonding curve of *mint*; cached, since a trade names only the mint."""
    return _derive.pda(PROGRAM, b"bonding-curve", mint)


@lru_cache(maxsize=8192)
def base_account_of(curve: Pubkey, mint: Pubkey, program: Pubkey) -> Pubkey:
    """Return the account a curve holds its coins in; cached, since every order of a coin lists it."""
    return _derive.pda(ASSOCIATED_TOKEN, curve, program, mint)


@lru_cache(maxsize=8192)
def vault_of(creator: Pubkey) -> Pubkey:
    """Return the vault of a coin's creator; cached, since every order of a coin lists it."""
    return _derive.pda(PROGRAM, b"creator-vault", creator)


def sharing_of(mint: Pubkey) -> Pubkey:
    """Return where a coin's creator may say with whom the fees are shared."""
    return pda(FEE_PROGRAM, b"sharing-config", mint)


@lru_cache(maxsize=64)
def _volume_of(user: Pubkey) -> Pubkey:
    return pda(PROGRAM, b"user_volume_accumulator", user)


RULES: Rules = {
    "bonding_curve": lambda k: curve_of(k["base_mint"]),
    "bonding_curve_v2": lambda k: pda(PROGRAM, b"bonding-curve-v2", k["base_mint"]),
    "associated_base_bonding_curve": lambda k: base_account_of(
        k["bonding_curve"], k["base_mint"], k["base_token_program"]
    ),
    "associated_quote_bonding_curve": lambda k: ata(k["bonding_curve"], k["quote_mint"], k["quote_token_program"]),
    "associated_base_user": lambda k: ata(k["user"], k["base_mint"], k["base_token_program"]),
    "associated_quote_user": lambda k: _cached_ata(k["user"], k["quote_mint"], k["quote_token_program"]),
    "creator_vault": lambda k: vault_of(k["creator"]),
    "associated_creator_vault": lambda k: ata(k["creator_vault"], k["quote_mint"], k["quote_token_program"]),
    "sharing_config": lambda k: sharing_of(k["base_mint"]),
    "holder_rewards": lambda k: pda(PROGRAM, b"holder-rewards", k["base_mint"]),
    "user_volume_accumulator": lambda k: _volume_of(k["user"]),
    "associated_user_volume_accumulator": lambda k: _cached_ata(
        k["user_volume_accumulator"], k["quote_mint"], k["quote_token_program"]
    ),
    "associated_quote_fee_recipient": lambda k: _cached_ata(
        k["fee_recipient"], k["quote_mint"], k["quote_token_program"]
    ),
    "associated_quote_buyback_fee_recipient": lambda k: _cached_ata(
        k["buyback_fee_recipient"], k["quote_mint"], k["quote_token_program"]
    ),
    "metadata": lambda k: pda(METADATA, b"metadata", METADATA, k["base_mint"]),
    "mayhem_state": lambda k: pda(MAYHEM, b"mayhem-state", k["base_mint"]),
    "mayhem_token_vault": lambda k: ata(k["sol_vault"], k["base_mint"], TOKEN_2022),
    "pool_authority": lambda k: pda(PROGRAM, b"pool-authority", k["base_mint"]),
    "pool": lambda k: pda(AMM, b"pool", b"\0\0", k["pool_authority"], k["base_mint"], k["quote_mint"]),
    "pool_authority_mint_account": lambda k: ata(k["pool_authority"], k["base_mint"], k["base_token_program"]),
    "pool_authority_quote_account": lambda k: ata(k["pool_authority"], k["quote_mint"], k["quote_token_program"]),
    "lp_mint": lambda k: pda(AMM, b"pool_lp_mint", k["pool"]),
    "user_pool_token_account": lambda k: ata(k["pool_authority"], k["lp_mint"], TOKEN_2022),
    "pool_base_token_account": lambda k: ata(k["pool"], k["base_mint"], k["base_token_program"]),
    "pool_quote_token_account": lambda k: ata(k["pool"], k["quote_mint"], k["quote_token_program"]),
    "boost_vault_authority": lambda k: pda(AMM, b"boost_vault", k["pool"]),
    "boost_vault_quote": lambda k: ata(k["boost_vault_authority"], k["quote_mint"], k["quote_token_program"]),
}

_BUY_OLD = accounts(
    "global fee_recipient:w base_mint bonding_curve:w associated_base_bonding_curve:w associated_base_user:w user:sw "
    "system_program base_token_program creator_vault:w event_authority program global_volume_accumulator "
    "user_volume_accumulator:w fee_config fee_program bonding_curve_v2 buyback_fee_recipient:w"
)
# Unlike in a buy, the creator's vault stands before the token program.
_SELL_OLD = (
    "global fee_recipient:w base_mint bonding_curve:w associated_base_bonding_curve:w associated_base_user:w user:sw "
    "system_program creator_vault:w base_token_program event_authority program fee_config fee_program "
)
_TRADE = (
    "global base_mint quote_mint base_token_program quote_token_program associated_token_program fee_recipient:w "
    "associated_quote_fee_recipient:w buyback_fee_recipient:w associated_quote_buyback_fee_recipient:w "
    "bonding_curve:w associated_base_bonding_curve:w associated_quote_bonding_curve:w user:sw associated_base_user:w "
    "associated_quote_user:w creator_vault:w associated_creator_vault:w sharing_config "
)
_TRADE_END = (
    "user_volume_accumulator:w associated_user_volume_accumulator:w fee_config fee_program system_program "
    "event_authority program"
)
_CREATE = (
    "base_mint:sw mint_authority bonding_curve:w associated_base_bonding_curve:w global user:sw system_program "
    "base_token_program associated_token_program mayhem_program_id:w global_params sol_vault:w mayhem_state:w "
    "mayhem_token_vault:w event_authority program "
)
_POOL = (
    "lp_mint:w user_pool_token_account:w pool_base_token_account:w pool_quote_token_account:w "  # of both migrations
)
_BUY = accounts(_TRADE + "global_volume_accumulator " + _TRADE_END)

#: name -> (discriminator, accounts). The names with "quote" or "cashback" appended
#: are the longer lists of the same instruction.
INSTRUCTIONS: dict[str, tuple[bytes, AccountTable]] = {
    "create": (
        bytes.fromhex("181ec828051c0777"),
        accounts(
            "base_mint:sw mint_authority bonding_curve:w associated_base_bonding_curve:w global mpl_token_metadata "
            "metadata:w user:sw system_program base_token_program associated_token_program rent event_authority program"
        ),
    ),
    "create_v2": (bytes.fromhex("d6904cec5f8b31b4"), accounts(_CREATE)),
    "create_v2+quote": (
        bytes.fromhex("d6904cec5f8b31b4"),
        accounts(_CREATE + "quote_mint associated_quote_bonding_curve:w quote_token_program quote_control"),
    ),
    "buy": (bytes.fromhex("66063d1201daebea"), _BUY_OLD),
    "buy_exact_sol_in": (bytes.fromhex("38fc74089edfcd5f"), _BUY_OLD),
    "sell": (bytes.fromhex("33e685a4017f83ad"), accounts(_SELL_OLD + "bonding_curve_v2 buyback_fee_recipient:w")),
    "sell+cashback": (
        bytes.fromhex("33e685a4017f83ad"),
        accounts(_SELL_OLD + "user_volume_accumulator:w bonding_curve_v2 buyback_fee_recipient:w"),
    ),
    "buy_v2": (bytes.fromhex("b817ee6167c5d33d"), _BUY),
    "buy_exact_quote_in_v2": (bytes.fromhex("c2ab1c46684d5b2f"), _BUY),
    "sell_v2": (bytes.fromhex("5df6823ce7e940b2"), accounts(_TRADE + _TRADE_END)),
    "migrate": (
        bytes.fromhex("9beae792ec9ea21e"),
        accounts(
            "global withdraw_authority:w base_mint bonding_curve:w associated_base_bonding_curve:w user:sw "
            "system_program quote_token_program pump_amm pool:w pool_authority:w pool_authority_mint_account:w "
            "pool_authority_quote_account:w amm_global_config quote_mint " + _POOL + "token_2022_program "
            "associated_token_program pump_amm_event_authority event_authority program rent "
            "boost_vault_authority boost_vault_quote:w"
        ),
    ),
    "migrate_v2": (
        bytes.fromhex("bbcb121fceedfe29"),
        accounts(
            "global withdraw_authority:w base_mint quote_mint bonding_curve:w associated_base_bonding_curve:w "
            "associated_quote_bonding_curve:w user:sw system_program pump_amm pool:w pool_authority:w "
            "pool_authority_mint_account:w pool_authority_quote_account:w amm_global_config " + _POOL + ""
            "base_token_program quote_token_program token_2022_program associated_token_program "
            "pump_amm_event_authority rent event_authority program boost_vault_authority boost_vault_quote:w"
        ),
    ),
    "extend_account": (
        bytes.fromhex("ea66c2cb96483ee5"),
        accounts("account:w user:sw system_program event_authority program"),
    ),
}


def keys_for(**known: Pubkey) -> Keys:
    """Return the constants and *known*, deriving the other accounts on first use.

    Needed for a trade: base_mint, base_token_program, quote_mint,
    quote_token_program, creator, user, fee_recipient, buyback_fee_recipient.
    """
    return Keys(RULES, {**CONSTANTS, **known})


def instruction(name: str, keys: Mapping[str, Pubkey], arguments: bytes = b"") -> Instruction:
    """Return the instruction *name* of `INSTRUCTIONS` with its Borsh-encoded *arguments*."""
    discriminator, table = INSTRUCTIONS[name]
    return build(PROGRAM, table, keys, discriminator + arguments)
