"""Raydium CPMM: constant product of two vaults, with a trade fee and sometimes a creator fee.

Initialize instruction -> PoolCreated                            (reading)
SwapEvent, LpChangeEvent -> Swapped, LiquidityChanged            (reading)
pool + amount -> quote; pool + order -> instructions             (writing)

Reading stands in raydium_cpmm_reading.py, the arithmetic in raydium_cpmm_curve.py,
the layouts in raydium_cpmm_layouts.py.

pool.keys: amm_config, authority, base_vault, quote_vault, lp_mint, observation_state.
pool.numbers: base_is_0, trade_fee_rate, protocol_fee_rate, fund_fee_rate,
creator_fee_rate (per million), enable_creator_fee, creator_fee_on (0 the input,
1 token 0, 2 token 1), status, fee_assumed (1: the fee tier is not a public one, the
usual rate is assumed); from `load` also open_time, base_decimals, quote_decimals;
base_transfer_fee_bps and base_transfer_fee_max for a coin that takes a fee.

Program and layouts: raydium-io/raydium-cp-swap, program id CPMMoo8L….
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import TypedDict

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Pool
from sniperforge.base.units import Pubkey
from sniperforge.dex import raydium_cpmm_curve as curve
from sniperforge.dex import token_pair
from sniperforge.dex.account_table import accounts as account_table
from sniperforge.dex.account_table import build
from sniperforge.dex.raydium_cpmm_layouts import (
    AUTHORITY,
    NAME,
    PROGRAM,
    SWAP_BASE_INPUT,
    SWAP_BASE_OUTPUT,
    decode_amm_config,
    decode_pool_state,
)
from sniperforge.dex.raydium_cpmm_reading import read, verify
from sniperforge.dex.token_pair import base_is_first, variant
from sniperforge.dex.venue import Instruction, Quote, SwapOrder, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "apply",
    "assemble",
    "compute_units",
    "decode_amm_config",
    "decode_pool_state",
    "load",
    "needs",
    "quote_in",
    "quote_out",
    "read",
    "swap",
    "swap_keys",
    "variant",
    "verify",
]

BUY_ACCOUNTS = account_table(
    "user:s authority amm_config pool_state:w user_quote_token:w user_base_token:w quote_vault:w base_vault:w "
    "quote_program base_program quote_mint base_mint observation_state:w"
)
SELL_ACCOUNTS = account_table(
    "user:s authority amm_config pool_state:w user_base_token:w user_quote_token:w base_vault:w quote_vault:w "
    "base_program quote_program base_mint quote_mint observation_state:w"
)
#: Both swaps take (most or exactly in, least or exactly out): one form of data.
_SWAP_ARGUMENTS = struct.Struct("<8sQQ")


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw pool_state, by the names it wants them under."""
    state = decode_pool_state(raw).keys
    first = base_is_first(state["token_0_mint"], state["token_1_mint"])
    base, quote = ("token_0", "token_1") if first else ("token_1", "token_0")
    return {
        "amm_config": state["amm_config"],
        "base_vault": state[f"{base}_vault"],
        "quote_vault": state[f"{quote}_vault"],
        "base_mint": state[f"{base}_mint"],
    }


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `pool_state`, `amm_config`, `base_vault`, `quote_vault`; with
            `base_mint` also the coin's transfer fee is known.

    Raises:
        DecodeError: an account is missing or something else.
    """
    state = decode_pool_state(token_pair.account(accounts, "pool_state", NAME))
    config = decode_amm_config(token_pair.account(accounts, "amm_config", NAME)).ints
    ints, keys = state.ints, state.keys
    first = base_is_first(keys["token_0_mint"], keys["token_1_mint"])
    base, quote = (0, 1) if first else (1, 0)
    reserves = {}
    for name, side in (("base_vault", base), ("quote_vault", quote)):
        mint, program = keys[f"token_{side}_mint"], keys[f"token_{side}_program"]
        held = token_pair.balance(accounts, name, venue=NAME, mint=mint, program=program)
        owed = sum(ints[f"{whose}_fees_token_{side}"] for whose in ("protocol", "fund", "creator"))
        reserves[name] = max(held - owed, 0)
    rates = ("trade_fee_rate", "protocol_fee_rate", "fund_fee_rate", "creator_fee_rate")
    if config["trade_fee_rate"] + config["creator_fee_rate"] >= curve.RATE_ONE:
        raise DecodeError(f"{NAME}: the fee tier takes everything; compare the layout of its account")
    return Pool(
        venue=NAME,
        address=address,
        base_mint=keys[f"token_{base}_mint"],
        quote_mint=keys[f"token_{quote}_mint"],
        base_program=keys[f"token_{base}_program"],
        quote_program=keys[f"token_{quote}_program"],
        base_reserve=reserves["base_vault"],
        quote_reserve=reserves["quote_vault"],
        keys={
            "amm_config": keys["amm_config"],
            "authority": AUTHORITY,
            "base_vault": keys[f"token_{base}_vault"],
            "quote_vault": keys[f"token_{quote}_vault"],
            "lp_mint": keys["lp_mint"],
            "observation_state": keys["observation_key"],
        },
        numbers={
            "base_is_0": int(first),
            **{name: config[name] for name in rates},
            "enable_creator_fee": ints["enable_creator_fee"],
            "creator_fee_on": ints["creator_fee_on"],
            "status": ints["status"],
            "fee_assumed": 0,
            "open_time": ints["open_time"],
            "base_decimals": ints[f"mint_{base}_decimals"],
            "quote_decimals": ints[f"mint_{quote}_decimals"],
            **token_pair.transfer_fee_numbers(accounts.get("base_mint", b"")),
        },
    )


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* with the reserves after a Swapped or LiquidityChanged of it; older slots change nothing."""
    return token_pair.apply(pool, event)


# ── quoting ───────────────────────────────────────────────────────────────


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    Exact as the program computes it from these reserves; what the coin's own
    transfer fee takes is off already. Fees taken in the coin are valued at the
    price before the trade.

    Raises:
        EmptyPool: a reserve is zero.
    """
    taxed = 0 if is_buy else token_pair.transfer_fee(pool, amount_in)
    return _quote(pool, curve.exact_in(amount_in - taxed, **_sides(pool, is_buy=is_buy)), taxed, is_buy=is_buy)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives; `Quote.amount_out` is what then does.

    Raises:
        EmptyPool: the pool holds no more than that.
    """
    gross = token_pair.before_transfer_fee(pool, amount_out) if is_buy else amount_out
    trade = curve.exact_out(gross, **_sides(pool, is_buy=is_buy))
    taxed = 0 if is_buy else token_pair.before_transfer_fee(pool, trade.amount_in) - trade.amount_in
    return _quote(pool, trade, taxed, is_buy=is_buy)


class _Sides(TypedDict):
    reserve_in: int
    reserve_out: int
    rates: curve.Rates


def _sides(pool: Pool, *, is_buy: bool) -> _Sides:
    numbers = pool.numbers
    reserves = (pool.quote_reserve, pool.base_reserve)
    input_is_0 = (numbers["base_is_0"] == 1) is not is_buy
    rates = curve.Rates(
        trade=numbers["trade_fee_rate"],
        creator=numbers["creator_fee_rate"] if numbers["enable_creator_fee"] else 0,
        protocol=numbers["protocol_fee_rate"],
        fund=numbers["fund_fee_rate"],
        creator_on_input=numbers["creator_fee_on"] != (2 if input_is_0 else 1),
    )
    return _Sides(reserve_in=reserves[not is_buy], reserve_out=reserves[is_buy], rates=rates)


def _quote(pool: Pool, trade: curve.Trade, taxed: int, *, is_buy: bool) -> Quote:
    fees_in, fees_out = trade.fees_in, trade.fees_out
    after = (trade.reserve_in_after, trade.reserve_out_after)
    if is_buy:
        taxed_out = token_pair.transfer_fee(pool, trade.amount_out)
        in_quote, in_coins = fees_in, fees_out + taxed_out
    else:
        taxed_out = 0
        in_quote, in_coins = fees_out, fees_in + taxed
    return Quote(
        amount_in=trade.amount_in + taxed,
        amount_out=trade.amount_out - taxed_out,
        fee_amount=in_quote + in_coins * pool.quote_reserve // pool.base_reserve,
        impact_bps=token_pair.impact_bps(
            base=pool.base_reserve, quote=pool.quote_reserve, base_after=after[is_buy], quote_after=after[not is_buy]
        ),
    )


# ── writing ───────────────────────────────────────────────────────────────


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return every key of a swap that is not a constant of the program (22 µs: two token accounts)."""
    keys = token_pair.wallet_keys(pool, user)
    keys["pool_state"] = pool.address
    for name in ("amm_config", "base_vault", "quote_vault", "observation_state"):
        keys[name] = pool.keys[name]
    return keys


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys*; derives nothing."""
    programs = {"authority": AUTHORITY, "base_program": pool.base_program, "quote_program": pool.quote_program}
    form = SWAP_BASE_OUTPUT if order.exact_out else SWAP_BASE_INPUT
    data = _SWAP_ARGUMENTS.pack(form, order.amount_in, order.amount_out_min)
    trade = build(PROGRAM, BUY_ACCOUNTS if order.is_buy else SELL_ACCOUNTS, {**keys, **programs}, data)
    return token_pair.around(trade, keys, pool, order)


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap.

    Measured on the real program: 33,067 for the swap alone (36,964 with a Token-2022
    coin), 17,924 to open an account. The classic token program of mainnet takes 6,200
    per transfer where the one measured took 110; and finding an address costs 1,500
    more for every bump it misses.
    """
    return 150_000 if is_buy else 110_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # With the quote that ends the JSON string (or its escape): the token programs
    # log "Instruction: InitializeAccount3" and the like in every second transaction.
    markers=(b'Instruction: Initialize"', b'Instruction: Initialize\\"', b"Instruction: InitializeWithPermission"),
    trade_markers=((b"QMbN6CYIce", 8), (b"eaPNyTnadT", 8)),
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
