"""pump.fun: a coin is launched on a bonding curve, sells out, and migrates to PumpSwap.

steps -> PoolCreated, Swapped, CurveCompleted, PoolMigrated     (pumpfun_reading)
curve + amount -> Quote                                         (pumpfun_curve)
accounts -> Pool; curve + order -> instructions                 (here)

The curve is a constant product over virtual reserves. A coin sold for SOL says so
by the zero key; here its `quote_mint` is WSOL's and `numbers["quote_is_sol"]` is 1:
lamports move natively, nothing is wrapped.

`Pool.keys`: creator (of the moment: it can change, and accounts of a swap follow
it); fee_recipient, buyback_fee_recipient where others than the usual are wanted.
`Pool.numbers`: quote_is_sol, mayhem, cashback, holder_reward, complete, decimals,
real_base_reserve, real_quote_reserve, supply, protocol_fee_bps, creator_fee_bps
(what a trade pays), coin_creator_fee_bps (the coin's own rate, 0: none);
reserves_assumed: 1 when the launch did not tell them; newer_layout: bytes of its
event that nobody understood.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Pool
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pump_fees
from sniperforge.dex._derive import pda as _derive
from sniperforge.dex.account_table import Keys
from sniperforge.dex.programs import ASSOCIATED_TOKEN, TOKEN, TOKEN_2022, WSOL, ata, close_account, open_ata, pda
from sniperforge.dex.pump_fees import CURVE_RATES, Rates
from sniperforge.dex.pumpfun_curve import apply, base_for_budget, market_cap, quote_in, quote_out, rates_of
from sniperforge.dex.pumpfun_instructions import (
    BUYBACK_FEE_RECIPIENT,
    CONSTANTS,
    FEE_RECIPIENT,
    MAYHEM_FEE_RECIPIENT,
    PROGRAM,
    RULES,
    base_account_of,
    curve_of,
    instruction,
    keys_for,
    sharing_of,
    vault_of,
)
from sniperforge.dex.pumpfun_layouts import decode_account, decode_event
from sniperforge.dex.pumpfun_reading import DECIMALS, NAME, read, verify
from sniperforge.dex.venue import Instruction, SwapOrder, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "apply",
    "assemble",
    "base_for_budget",
    "coin_keys",
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
    "swap_exact_out",
    "swap_keys",
    "variant",
    "verify",
]

_AMOUNTS = struct.Struct("<QQ")
#: `track_volume` of a buy: no.
NO_VOLUME = b"\0"
_TOKEN_PROGRAM_NAMES = {TOKEN: "spl", TOKEN_2022: "2022"}

#: What differs between wallets and quotes, but not between coins.
_STANDING = (
    "user",
    "fee_recipient",
    "associated_quote_fee_recipient",
    "buyback_fee_recipient",
    "associated_quote_buyback_fee_recipient",
    "associated_quote_user",
    "user_volume_accumulator",
    "associated_user_volume_accumulator",
)

#: What `coin_keys` returns of a coin, by its names in the account lists.
COIN_NAMES = (
    "base_mint",
    "bonding_curve",
    "associated_base_bonding_curve",
    "associated_base_user",
    "creator_vault",
    "bonding_curve_v2",
)


def needs() -> dict[str, Pubkey]:
    """Return the addresses `load` likes to have beside the curve, by the names it wants them under."""
    return {"global": CONSTANTS["global"], "fee_config": CONSTANTS["fee_config"]}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the curve at *address*.

    Args:
        accounts: "bonding_curve" (the account), "base_mint" and "base_program"
            (32 bytes each: the coin's mint, and the program that owns it, since
            the curve names neither); optional "quote_program" (32 bytes, SPL
            Token if missing), "global" and "fee_config" (the accounts; without
            them the fees are those the chain charged in 2026-07).

    Raises:
        DecodeError: an account is missing or another one, or the mint's curve is
            not *address*.
    """
    for name in ("bonding_curve", "base_mint", "base_program"):
        if name not in accounts:
            raise DecodeError(f"pumpfun: {name!r} is missing; give it along with the curve")
    curve = decode_account("BondingCurve", accounts["bonding_curve"])
    mint = Pubkey(accounts["base_mint"])
    if len(mint) != 32 or curve_of(mint) != address:
        raise DecodeError(f"pumpfun: {text(address)} is not the curve of that mint; check which coin was asked for")
    ints, creator, quote_mint = curve.ints, curve.keys["creator"], curve.keys["quote_mint"]
    is_sol = quote_mint in (ZERO_KEY, WSOL)
    quote_mint = WSOL if is_sol else quote_mint
    numbers = {
        "quote_is_sol": int(is_sol),
        "mayhem": ints["is_mayhem_mode"],
        "cashback": ints["is_cashback_coin"],
        "holder_reward": ints["is_holder_reward"],
        "complete": ints["complete"],
        "decimals": DECIMALS,
        "real_base_reserve": ints["real_token_reserves"],
        "real_quote_reserve": ints["real_quote_reserves"],
        "supply": ints["token_total_supply"],
        "coin_creator_fee_bps": ints["creator_fee_bps"],
    }
    pool = Pool(
        venue=NAME,
        address=address,
        base_mint=mint,
        quote_mint=quote_mint,
        base_program=Pubkey(accounts["base_program"]),
        quote_program=Pubkey(accounts.get("quote_program", TOKEN)),
        base_reserve=ints["virtual_token_reserves"],
        quote_reserve=ints["virtual_quote_reserves"],
        keys={"creator": creator},
        numbers=numbers,
    )
    rates = _rates_loaded(pool, accounts)
    numbers["protocol_fee_bps"], numbers["creator_fee_bps"] = rates.protocol, rates.creator
    return pool


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*, compute budget aside.

    A buy spends all of `amount_in` and takes every coin the price of the moment
    gives, at least `amount_out_min`: for SOL by `buy_exact_sol_in`, which lists 18
    accounts where the v2 form lists 27 and needs two derivations less, for any other
    quote by `buy_exact_quote_in_v2` from the wallet's associated account. With
    `exact_out` it is `buy_v2`: exactly `amount_out_min` coins for at most `amount_in`.
    """
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def swap_exact_out(pool: Pool, user: Pubkey, base_out: int, quote_max: int) -> tuple[Instruction, ...]:
    """Return the buy of exactly *base_out* for at most *quote_max*, fees included."""
    return swap(pool, SwapOrder(user, is_buy=True, amount_in=quote_max, amount_out_min=base_out, exact_out=True))


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return the keys of a swap that are neither constant nor fixed by `variant`.

    A buy for SOL derives two anew for a new coin, any other trade four, and two more when
    `pool.keys` does not name the creator's vault and the curve's account. What an exact-out
    buy for SOL lists besides is derived when it is asked for.
    """
    keys, mint, curve, program = pool.keys, pool.base_mint, pool.address, pool.base_program
    quote_mint, quote_program = pool.quote_mint, pool.quote_program
    usual = MAYHEM_FEE_RECIPIENT if pool.numbers.get("mayhem") else FEE_RECIPIENT
    vault = keys.get("creator_vault") or vault_of(keys.get("creator", ZERO_KEY))
    standing = _standing_keys(
        user,
        quote_mint,
        quote_program,
        keys.get("fee_recipient", usual),
        keys.get("buyback_fee_recipient", BUYBACK_FEE_RECIPIENT),
    )
    known = _CoinKeys(standing, pool)
    known["base_mint"] = mint
    known["bonding_curve"] = curve
    known["associated_base_bonding_curve"] = keys.get("associated_base_bonding_curve") or base_account_of(
        curve, mint, program
    )
    known["associated_base_user"] = ata(user, mint, program)
    known["creator_vault"] = vault
    if is_buy and quote_mint == WSOL:
        known["bonding_curve_v2"] = pda(PROGRAM, b"bonding-curve-v2", mint)
    else:
        known["associated_quote_bonding_curve"] = ata(curve, quote_mint, quote_program)
        known["associated_creator_vault"] = ata(vault, quote_mint, quote_program)
        known["sharing_config"] = sharing_of(mint)
    return known


def coin_keys(pool: Pool, user: Pubkey) -> tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]] | None:
    """Return what decides the keys all coins share in a buy for SOL, and the coin's own keys in order of `COIN_NAMES`.

    The shorter way to the same keys as `swap_keys`; None when the coin is not sold for SOL.
    """
    if pool.quote_mint != WSOL:
        return None
    keys, mint, curve, program = pool.keys, pool.base_mint, pool.address, pool.base_program
    get = keys.get
    recipient = get("fee_recipient") or (MAYHEM_FEE_RECIPIENT if pool.numbers.get("mayhem") else FEE_RECIPIENT)
    return (
        (program, pool.quote_program, recipient, get("buyback_fee_recipient", BUYBACK_FEE_RECIPIENT)),
        (
            mint,
            curve,
            get("associated_base_bonding_curve") or base_account_of(curve, mint, program),
            _derive(ASSOCIATED_TOKEN, user, program, mint),
            get("creator_vault") or vault_of(get("creator", ZERO_KEY)),
            _derive(PROGRAM, b"bonding-curve-v2", mint),
        ),
    )


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* from *keys* as `swap_keys` names them."""
    known = _Listed(keys)
    known["base_token_program"] = pool.base_program
    known["quote_mint"], known["quote_token_program"] = pool.quote_mint, pool.quote_program
    user, account = known["user"], known["associated_base_user"]
    if not order.is_buy:
        sell = instruction("sell_v2", known, _AMOUNTS.pack(order.amount_in, order.amount_out_min))
        return (sell, close_account(account, user, pool.base_program)) if order.close_base_account else (sell,)
    if order.exact_out:
        buy = instruction("buy_v2", known, _AMOUNTS.pack(order.amount_out_min, order.amount_in))
    elif pool.quote_mint == WSOL:
        buy = instruction("buy_exact_sol_in", known, _AMOUNTS.pack(order.amount_in, order.amount_out_min) + NO_VOLUME)
    else:
        buy = instruction("buy_exact_quote_in_v2", known, _AMOUNTS.pack(order.amount_in, order.amount_out_min))
    if not order.open_base_account:
        return (buy,)
    return open_ata(user, user, known["base_mint"], pool.base_program, account), buy


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the coin's token program and what it is paid in."""
    program = _TOKEN_PROGRAM_NAMES.get(pool.base_program) or text(pool.base_program)
    if pool.quote_mint == WSOL:
        return f"{program}/sol"
    return f"{program}/{text(pool.quote_mint)}/{text(pool.quote_program)}"


def compute_units(is_buy: bool) -> int:
    """Return the limit to set: mainnet buys took 72,000 to 94,000, opening the coin's account 17,000 more."""
    return 180_000 if is_buy else 150_000


class _CoinKeys(dict[str, Pubkey]):
    """Keys of one coin's trades; what only the rarer forms list is derived when it is asked for."""

    def __init__(self, known: Mapping[str, Pubkey], pool: Pool) -> None:
        super().__init__(known)
        self._pool = pool

    def __missing__(self, name: str) -> Pubkey:
        pool = self._pool
        programs = {"base_token_program": pool.base_program, "quote_token_program": pool.quote_program}
        derived = self[name] = Keys(RULES, {**self, **programs, "quote_mint": pool.quote_mint})[name]
        return derived


class _Listed(dict[str, Pubkey]):
    """Keys of a swap as an account list asks for them: the constants, then what *keys* has or derives."""

    def __init__(self, keys: Mapping[str, Pubkey]) -> None:
        super().__init__(CONSTANTS)
        self._keys = keys

    def __missing__(self, name: str) -> Pubkey:
        return self._keys[name]


@lru_cache(maxsize=256)
def _standing_keys(
    user: Pubkey, quote_mint: Pubkey, quote_program: Pubkey, fee_recipient: Pubkey, buyback_fee_recipient: Pubkey
) -> dict[str, Pubkey]:
    """Derive once what is the same for every coin."""
    known = {
        "user": user,
        "quote_mint": quote_mint,
        "quote_token_program": quote_program,
        "fee_recipient": fee_recipient,
        "buyback_fee_recipient": buyback_fee_recipient,
    }
    keys = Keys(RULES, known)
    return {name: keys[name] for name in _STANDING}


def _rates_loaded(pool: Pool, accounts: Mapping[str, bytes]) -> Rates:
    rates, configurable = CURVE_RATES, True
    if "global" in accounts:
        ints = decode_account("Global", accounts["global"]).ints
        rates = Rates(0, ints["fee_basis_points"], ints["creator_fee_basis_points"])
        configurable = bool(ints["creator_fee_configurable"])
    if "fee_config" in accounts:
        schedule = pump_fees.decode_fee_config(accounts["fee_config"])
        rates = pump_fees.tiered(schedule, pool.quote_mint, market_cap(pool) if pool.base_reserve else 0)
    own = pool.numbers["coin_creator_fee_bps"]
    if pool.keys["creator"] == ZERO_KEY:
        return rates._replace(creator=0)
    return rates._replace(creator=own) if configurable and own else rates


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # The first ten base64 characters of the discriminators of CreateEvent, CompleteEvent
    # and CompletePumpAmmMigrationEvent: an eleventh would depend on what follows. Where
    # the log was cut before one of them, it ends with the fourth.
    markers=(b"G3KpTd7rY3", b"X3JhnNQumA", b"velduVyU6p", b"Log truncated"),
    trade_markers=((b"vdt/007mYe", 8),),
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
    coin_names=COIN_NAMES,
    coin_keys=coin_keys,
)
