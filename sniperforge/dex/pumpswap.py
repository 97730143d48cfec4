"""PumpSwap: where pump.fun's coins trade after their curve, and pools anyone opens.

steps -> PoolCreated, Swapped                                   (pumpswap_reading)
pool + amount -> Quote                                          (pumpswap_curve)
accounts -> Pool; pool + order -> instructions                  (here)

A pool's own base side is not always the coin: with WSOL or USDC there and
something else on the quote side, `Pool` is turned round (`numbers["base_is_0"]`
is 0), so that `base_mint` always is the coin; instructions turn it back.

`Pool.keys`: pool_creator, coin_creator; pool_base_token_account and
pool_quote_token_account when loaded (the program's sides); protocol_fee_recipient,
buyback_fee_recipient where others than the usual are wanted.
`Pool.numbers`: index, canonical (a migrated coin: tiered fees), base_is_0, mayhem,
holder_reward, cashback (missing: the source did not tell), coin_creator_fee_bps,
supply, decimals, virtual_quote_reserves (already inside the reserves; when
loaded); lp_fee_bps, protocol_fee_bps, creator_fee_bps where fixed rates apply;
fees.… where the schedule differs from the built-in one; newer_layout.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Pool
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pump_fees, token_pair
from sniperforge.dex.account_table import AccountTable, Keys
from sniperforge.dex.borsh import Record
from sniperforge.dex.programs import TOKEN, TOKEN_2022, ata
from sniperforge.dex.pump_fees import AMM_SCHEDULE
from sniperforge.dex.pumpswap_curve import SUPPLY, apply, flipped, market_cap, quote_in, quote_out, rates_of
from sniperforge.dex.pumpswap_instructions import (
    BUYBACK_FEE_RECIPIENT,
    CONSTANTS,
    FEE_RECIPIENT,
    MAYHEM_FEE_RECIPIENT,
    PROGRAM,
    RULES,
    instruction,
    keys_for,
    pool_authority_of,
    table_of,
)
from sniperforge.dex.pumpswap_layouts import decode_account, decode_event
from sniperforge.dex.pumpswap_reading import NAME, read, verify
from sniperforge.dex.token import decode_mint
from sniperforge.dex.venue import Instruction, SwapOrder, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "apply",
    "assemble",
    "compute_units",
    "decode_account",
    "decode_event",
    "instruction",
    "keys_for",
    "load",
    "market_cap",
    "needs",
    "quote_in",
    "quote_out",
    "rates_of",
    "read",
    "swap",
    "swap_keys",
    "variant",
    "verify",
]

_AMOUNTS = struct.Struct("<QQ")
#: Asks the program to count the trade for the volume rewards, as the SDK does.
_TRACK_VOLUME = b"\x01"
_VAULTS = ("pool_base_token_account", "pool_quote_token_account")
_IN_POOL = {"base_token_program", "quote_token_program"}


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the *raw* pool, by the names it wants them under."""
    keys = decode_account("Pool", raw).keys
    found = {name: keys[name] for name in (*_VAULTS, "base_mint")}
    return found | {name: CONSTANTS[name] for name in ("global_config", "fee_config")}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address*.

    Args:
        accounts: "pool", "pool_base_token_account" and "pool_quote_token_account"
            (the accounts the pool names); optional "base_mint" (the mint account:
            its supply sets the fee tier), "fee_config" and "global_config" (without
            them the fees are those of 2026-09).

    Raises:
        DecodeError: an account is missing or another one.
    """
    state = decode_account("Pool", token_pair.account(accounts, "pool", NAME))
    keys, ints = state.keys, state.ints
    mints = keys["base_mint"], keys["quote_mint"]
    vaults = tuple(keys[name] for name in _VAULTS)
    programs = [_program_of(address, mint, vault) for mint, vault in zip(mints, vaults, strict=True)]
    balances = [
        token_pair.balance(accounts, name, venue=NAME, mint=mint, program=program)
        for name, mint, program in zip(_VAULTS, mints, programs, strict=True)
    ]
    balances[1] = max(balances[1] + ints["virtual_quote_reserves"], 0)
    first, second = (0, 1) if token_pair.base_is_first(*mints) else (1, 0)
    return Pool(
        venue=NAME,
        address=address,
        base_mint=mints[first],
        quote_mint=mints[second],
        base_program=programs[first],
        quote_program=programs[second],
        base_reserve=balances[first],
        quote_reserve=balances[second],
        keys={
            "pool_creator": keys["creator"],
            "coin_creator": keys["coin_creator"],
            **dict(zip(_VAULTS, vaults, strict=True)),
        },
        numbers={**_numbers(state, accounts, programs[0]), "base_is_0": int(first == 0)},
    )


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*, compute budget aside.

    A buy is `buy_exact_quote_in` (spends all of `amount_in`), or `buy` with
    `exact_out`; of a flipped pool it is `sell` of the pool's base side, always
    exact-in. SOL is wrapped before and unwrapped after, see `token_pair.around`.
    """
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return the keys of a swap that are neither constant nor fixed by `variant`.

    `base_*` and `quote_*` are the program's own sides, see `base_is_0`.
    """
    usual = MAYHEM_FEE_RECIPIENT if pool.numbers.get("mayhem") else FEE_RECIPIENT
    base, quote = (pool.base_mint, pool.base_program), (pool.quote_mint, pool.quote_program)
    if flipped(pool):
        base, quote = quote, base
    keys = Keys(
        RULES,
        {
            "protocol_fee_recipient": usual,
            "buyback_fee_recipient": BUYBACK_FEE_RECIPIENT,
            "coin_creator": ZERO_KEY,
            **pool.keys,
            "pool": pool.address,
            "user": user,
            "base_mint": base[0],
            "base_token_program": base[1],
            "quote_mint": quote[0],
            "quote_token_program": quote[1],
        },
    )
    table = _table(pool, _name(pool, is_buy=is_buy, exact_out=False))
    return {name: keys[name] for name, _, _ in table if name not in CONSTANTS and name not in _IN_POOL}


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* from *keys* as `swap_keys` names them."""
    base_side, quote_side = ("quote", "base") if flipped(pool) else ("base", "quote")
    known = {
        **CONSTANTS,
        **keys,
        f"{base_side}_token_program": pool.base_program,
        f"{quote_side}_token_program": pool.quote_program,
    }
    name = _name(pool, is_buy=order.is_buy, exact_out=order.exact_out)
    if name == "buy":
        data = _AMOUNTS.pack(order.amount_out_min, order.amount_in) + _TRACK_VOLUME
    else:
        data = _AMOUNTS.pack(order.amount_in, order.amount_out_min)
        data += _TRACK_VOLUME if name == "buy_exact_quote_in" else b""
    ours = {
        "user": known["user"],
        "base_mint": known[f"{base_side}_mint"],
        "quote_mint": known[f"{quote_side}_mint"],
        "user_base_token": known[f"user_{base_side}_token_account"],
        "user_quote_token": known[f"user_{quote_side}_token_account"],
    }
    trade = instruction(name, _table(pool, name), known, data)
    return token_pair.around(trade, ours, pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return token programs and wrapping, and which accounts the pool's kind appends."""
    numbers = pool.numbers
    side = "flipped" if flipped(pool) else "straight"
    cashback = "cashback" if numbers.get("cashback") else "plain"
    creator = "creator" if _has_creator(pool) else "nobody"
    return f"{token_pair.variant(pool, order)}/{side}/{cashback}/{creator}"


def compute_units(is_buy: bool) -> int:
    """Return the limit to set: recorded trades took about 60,000, later fees and accounts as much again."""
    return 220_000 if is_buy else 200_000


def _has_creator(pool: Pool) -> bool:
    return pool.keys.get("coin_creator", ZERO_KEY) != ZERO_KEY


def _name(pool: Pool, *, is_buy: bool, exact_out: bool) -> str:
    if is_buy == flipped(pool):
        return "sell"
    return "buy" if exact_out and is_buy else "buy_exact_quote_in"


def _table(pool: Pool, name: str) -> AccountTable:
    return table_of(name, cashback=bool(pool.numbers.get("cashback")), creator=_has_creator(pool))


def _program_of(pool: Pubkey, mint: Pubkey, vault: Pubkey) -> Pubkey:
    """Return the token program of *mint*, told by the address of the pool's vault."""
    for program in (TOKEN, TOKEN_2022):
        if ata(pool, mint, program) == vault:
            return program
    raise DecodeError(f"pumpswap: {text(vault)} is not the vault of {text(mint)} in {text(pool)}; check the pool")


def _numbers(state: Record, accounts: Mapping[str, bytes], base_program: Pubkey) -> dict[str, int]:
    ints, keys = state.ints, state.keys
    own = ints["creator_fee_bps"]
    numbers = {
        "index": ints["index"],
        "canonical": int(keys["creator"] == pool_authority_of(keys["base_mint"])),
        "mayhem": ints["is_mayhem_mode"],
        "cashback": ints["is_cashback_coin"],
        "holder_reward": ints["is_holder_reward"],
        "virtual_quote_reserves": ints["virtual_quote_reserves"],
        "supply": SUPPLY,
    }
    if "base_mint" in accounts:
        numbers["supply"] = decode_mint(accounts["base_mint"], base_program).supply
    if "global_config" in accounts:
        config = decode_account("GlobalConfig", accounts["global_config"]).ints
        own = own if config["creator_fee_configurable"] else 0
        if "fee_config" not in accounts:
            # GlobalConfig's rates know no override (so the SDK).
            own = 0
            numbers["lp_fee_bps"] = config["lp_fee_basis_points"]
            numbers["protocol_fee_bps"] = config["protocol_fee_basis_points"]
            numbers["creator_fee_bps"] = config["coin_creator_fee_basis_points"]
    if "fee_config" in accounts:
        schedule = pump_fees.decode_fee_config(accounts["fee_config"])
        if schedule != AMM_SCHEDULE:
            numbers |= pump_fees.to_numbers(schedule)
    # Only a rate the program lets count is kept.
    return {**numbers, "coin_creator_fee_bps": own}


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # Ten base64 characters of CreatePoolEvent's discriminator; a cut log ends with the other.
    markers=(b"sTEM0qB2p3", b"Log truncated"),
    trade_markers=((b"Z/RSHyz1d3", 120), (b"Pi83CqUD3C", 120)),
    read=read,
    verify=verify,
    load=load,
    quote_in=quote_in,
    quote_out=quote_out,
    swap=swap,
    compute_units=compute_units,
    apply=apply,
    swap_keys=swap_keys,
    assemble=assemble,
    variant=variant,
)
