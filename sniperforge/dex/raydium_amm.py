"""Raydium AMM v4: the oldest constant product, made from an OpenBook market.

initialize2 -> PoolCreated; ray_log lines -> Swapped, LiquidityChanged   (reading)
pool + amount -> quote; pool + order -> instructions                     (writing)

Reading stands in raydium_amm_reading.py, the layouts in raydium_amm_layouts.py. The
program calls the first token "coin" and the second "pc"; SOL is often the coin.

pool.keys: authority, base_vault, quote_vault, lp_mint, target_orders, market; where
the pool has an order book also open_orders, market_program; and, when `load` was
given the market, market_bids, market_asks, market_event_queue, market_base_vault,
market_quote_vault, market_vault_signer: then swaps list them (the form every build of
the program takes), else they use the 8-account form of 2025-09 and later.
pool.numbers: base_is_0 (the coin is the base), swap_fee_numerator,
swap_fee_denominator, status; base_decimals, quote_decimals; from `load` open_time.

Program: raydium-io/raydium-amm, program id 675kPX9M….
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

from solders.pubkey import Pubkey as SoldersPubkey

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Pool
from sniperforge.base.units import ZERO_KEY, Pubkey, ceil_div
from sniperforge.dex import token_pair
from sniperforge.dex.account_table import accounts as account_table
from sniperforge.dex.account_table import build
from sniperforge.dex.programs import TOKEN
from sniperforge.dex.raydium_amm_layouts import (
    AUTHORITY,
    NAME,
    PROGRAM,
    SWAP_BASE_IN,
    SWAP_BASE_IN_V2,
    SWAP_BASE_OUT,
    SWAP_BASE_OUT_V2,
    decode_amm_info,
    decode_log,
    decode_market,
)
from sniperforge.dex.raydium_amm_reading import read, verify
from sniperforge.dex.token_pair import base_is_first, oriented
from sniperforge.dex.venue import EmptyPool, Instruction, Quote, SwapOrder, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "amount_in_for",
    "amount_out_for",
    "apply",
    "assemble",
    "compute_units",
    "decode_amm_info",
    "decode_log",
    "decode_market",
    "load",
    "market_keys",
    "needs",
    "oriented",
    "quote_in",
    "quote_out",
    "read",
    "swap",
    "swap_keys",
    "variant",
    "verify",
]

ACCOUNTS = account_table(
    "token_program amm_id:w authority coin_vault:w pc_vault:w user_source:w user_destination:w user:s"
)
MARKET_ACCOUNTS = account_table(
    "token_program amm_id:w authority open_orders:w target_orders:w coin_vault:w pc_vault:w market_program market:w "
    "market_bids:w market_asks:w market_event_queue:w market_base_vault:w market_quote_vault:w market_vault_signer "
    "user_source:w user_destination:w user:s"
)
MARKET_KEYS = tuple(name for name, _, _ in MARKET_ACCOUNTS if name.startswith("market") or name.endswith("orders"))
_SWAP_ARGUMENTS = struct.Struct("<BQQ")


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw amm_id, by the names it wants them under.

    `market` stands among them where the pool has one; without it swaps use the short form.
    """
    keys = decode_amm_info(raw).keys
    base, quote = ("coin", "pc") if base_is_first(keys["coin_vault_mint"], keys["pc_vault_mint"]) else ("pc", "coin")
    wanted = {"base_vault": keys[f"{base}_vault"], "quote_vault": keys[f"{quote}_vault"]}
    return wanted if keys["market_program"] == ZERO_KEY else {**wanted, "market": keys["market"]}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `amm_id` (the pool itself), `base_vault`, `quote_vault`; with
            `market` swaps list the market's accounts.

    Raises:
        DecodeError: an account is missing or something else.
    """
    info = decode_amm_info(token_pair.account(accounts, "amm_id", NAME))
    ints, keys = info.ints, info.keys
    if ints["swap_fee_numerator"] >= ints["swap_fee_denominator"]:
        raise DecodeError(f"{NAME}: the pool takes everything as its fee; compare the layout of its account")
    first = base_is_first(keys["coin_vault_mint"], keys["pc_vault_mint"])
    base, quote = ("coin", "pc") if first else ("pc", "coin")
    reserves = {}
    for name, side in (("base_vault", base), ("quote_vault", quote)):
        held = token_pair.balance(accounts, name, venue=NAME, mint=keys[f"{side}_vault_mint"], program=TOKEN)
        reserves[name] = max(held - ints[f"need_take_pnl_{side}"], 0)
    names = ("lp_mint", "target_orders", "market")
    found = {"authority": AUTHORITY, **{name: keys[name] for name in names}}
    if keys["market_program"] != ZERO_KEY:
        found |= {"open_orders": keys["open_orders"], "market_program": keys["market_program"]}
        if "market" in accounts:
            found |= market_keys(keys["market"], keys["market_program"], accounts["market"])
    return Pool(
        venue=NAME,
        address=address,
        base_mint=keys[f"{base}_vault_mint"],
        quote_mint=keys[f"{quote}_vault_mint"],
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=reserves["base_vault"],
        quote_reserve=reserves["quote_vault"],
        keys={**found, "base_vault": keys[f"{base}_vault"], "quote_vault": keys[f"{quote}_vault"]},
        numbers={
            "base_is_0": int(first),
            "swap_fee_numerator": ints["swap_fee_numerator"],
            "swap_fee_denominator": ints["swap_fee_denominator"],
            "status": ints["status"],
            "open_time": ints["pool_open_time"],
            "base_decimals": ints[f"{base}_decimals"],
            "quote_decimals": ints[f"{quote}_decimals"],
        },
    )


def market_keys(address: Pubkey, program: Pubkey, raw: bytes) -> dict[str, Pubkey]:
    """Return what a swap lists of the market at *address*; raises DecodeError when *raw* is another account."""
    market = decode_market(raw)
    if market.keys["own_address"] != address:
        raise DecodeError(f"{NAME}: the market says it is another one; fetch the market AmmInfo names")
    nonce = market.ints["vault_signer_nonce"].to_bytes(8, "little")
    # create_program_address: one fixed nonce, no search for a bump.
    signer = Pubkey(hashlib.sha256(address + nonce + program + b"ProgramDerivedAddress").digest())
    if SoldersPubkey.from_bytes(signer).is_on_curve():
        raise DecodeError(f"{NAME}: the market's signer nonce gives no address; these bytes are no market")
    names = ("market_bids", "market_asks", "market_event_queue", "market_base_vault", "market_quote_vault")
    return {**{name: market.keys[name] for name in names}, "market_vault_signer": signer}


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* with the reserves after a Swapped or LiquidityChanged of it; older slots change nothing."""
    return token_pair.apply(pool, event)


# ── quoting ───────────────────────────────────────────────────────────────


def amount_out_for(amount_in: int, *, reserve_in: int, reserve_out: int, numerator: int, denominator: int) -> int:
    """Return what the pool pays for *amount_in*, rounded down; the fee in it rounds up.

    Args:
        numerator, denominator: the swap fee, 25 / 10000 in every pool seen.

    Source: program/src/processor.rs, process_swap_base_in.
    """
    net = amount_in - ceil_div(amount_in * numerator, denominator)
    return net * reserve_out // (reserve_in + net)


def amount_in_for(amount_out: int, *, reserve_in: int, reserve_out: int, numerator: int, denominator: int) -> int:
    """Return the least to pay for *amount_out*, rounded up twice as the program does (the SDK floors).

    Source: program/src/processor.rs, process_swap_base_out.
    """
    net = ceil_div(reserve_in * amount_out, reserve_out - amount_out)
    return ceil_div(net * denominator, denominator - numerator)


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    The fee of a sell is taken in coins and valued at the price before the trade.

    Raises:
        EmptyPool: a reserve is zero.
    """
    reserve_in, reserve_out = _reserves(pool, is_buy=is_buy)
    numerator, denominator = pool.numbers["swap_fee_numerator"], pool.numbers["swap_fee_denominator"]
    amount_out = amount_out_for(
        amount_in, reserve_in=reserve_in, reserve_out=reserve_out, numerator=numerator, denominator=denominator
    )
    return _quote(pool, amount_in, amount_out, is_buy=is_buy)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives.

    Raises:
        EmptyPool: the pool holds no more than that.
    """
    reserve_in, reserve_out = _reserves(pool, is_buy=is_buy)
    if amount_out >= reserve_out:
        raise EmptyPool(f"{NAME}: {amount_out} shall come out of {reserve_out}; ask for less")
    numerator, denominator = pool.numbers["swap_fee_numerator"], pool.numbers["swap_fee_denominator"]
    amount_in = amount_in_for(
        amount_out, reserve_in=reserve_in, reserve_out=reserve_out, numerator=numerator, denominator=denominator
    )
    return _quote(pool, amount_in, amount_out, is_buy=is_buy)


def _reserves(pool: Pool, *, is_buy: bool) -> tuple[int, int]:
    if pool.base_reserve <= 0 or pool.quote_reserve <= 0:
        raise EmptyPool(f"{NAME}: a reserve is zero; nothing can be traded here")
    reserves = (pool.quote_reserve, pool.base_reserve)
    return reserves if is_buy else reserves[::-1]


def _quote(pool: Pool, amount_in: int, amount_out: int, *, is_buy: bool) -> Quote:
    fee = ceil_div(amount_in * pool.numbers["swap_fee_numerator"], pool.numbers["swap_fee_denominator"])
    base, quote = pool.base_reserve, pool.quote_reserve
    after = (base - amount_out, quote + amount_in) if is_buy else (base + amount_in, quote - amount_out)
    return Quote(
        amount_in=amount_in,
        amount_out=amount_out,
        fee_amount=fee if is_buy else fee * quote // base,
        impact_bps=token_pair.impact_bps(base=base, quote=quote, base_after=after[0], quote_after=after[1]),
    )


# ── writing ───────────────────────────────────────────────────────────────


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return every key of a swap that is not a constant of the program (22 µs: two token accounts)."""
    keys = token_pair.wallet_keys(pool, user)
    keys["amm_id"] = pool.address
    vaults = pool.keys["base_vault"], pool.keys["quote_vault"]
    keys["coin_vault"], keys["pc_vault"] = vaults if pool.numbers["base_is_0"] else vaults[::-1]
    if _lists_market(pool):
        for name in MARKET_KEYS:
            keys[name] = pool.keys[name]
    return keys


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys*; derives nothing."""
    sides = ("user_quote_token", "user_base_token") if order.is_buy else ("user_base_token", "user_quote_token")
    fixed = {
        "token_program": TOKEN,
        "authority": AUTHORITY,
        "user_source": keys[sides[0]],
        "user_destination": keys[sides[1]],
    }
    with_market = _lists_market(pool)
    if order.exact_out:
        tag = SWAP_BASE_OUT if with_market else SWAP_BASE_OUT_V2
    else:
        tag = SWAP_BASE_IN if with_market else SWAP_BASE_IN_V2
    data = _SWAP_ARGUMENTS.pack(tag, order.amount_in, order.amount_out_min)
    trade = build(PROGRAM, MARKET_ACCOUNTS if with_market else ACCOUNTS, {**keys, **fixed}, data)
    return token_pair.around(trade, keys, pool, order)


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the form of the instructions: token programs, wrapping, and whether the market is listed."""
    return token_pair.variant(pool, order) + ("/market" if _lists_market(pool) else "/short")


def _lists_market(pool: Pool) -> bool:
    return "market_bids" in pool.keys


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap.

    Measured on the real program: 22,717 for the swap alone, 19,424 to open an account.
    The classic token program of mainnet takes 4,700 per transfer where the one measured
    took 80; finding an address costs 1,500 more for every bump it misses.
    """
    return 120_000 if is_buy else 90_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    markers=(b"initialize2: InitializeInstruction2",),
    # Its log lines carry neither pool nor mint: nothing in a frame tells whose trade it is.
    trade_markers=(),
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
