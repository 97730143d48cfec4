"""Raydium LaunchLab: bonding curves of several launch platforms (bonk.fun among them).

instructions and events -> PoolCreated, Swapped, CurveCompleted, PoolMigrated   (reading)
pool + amount -> quote; pool + order -> instructions                            (writing)

Reading stands in raydium_launchlab_reading.py, the arithmetic in
raydium_launchlab_curve.py, the layouts in raydium_launchlab_layouts.py.

pool.keys: global_config, platform_config, authority, base_vault, quote_vault, creator;
share_fee_receiver where a share of the fee shall go to a referrer's token account.
pool.numbers: curve_type (0 constant product, 1 fixed, 2 linear), virtual_base,
virtual_quote, total_base_sell, total_quote_fund_raising, supply, migrate_type (0 AMM v4,
1 CPMM), status (0 tradable, 1 complete, 2 migrated), trade_fee_rate, platform_fee_rate,
creator_fee_rate, share_fee_rate (per million; the last counts with a receiver only),
fee_assumed (1: usual rates, until `load`), base_decimals; quote_decimals from `load`;
base_transfer_fee_bps and base_transfer_fee_max for a coin that takes a fee.

Program id LanMV9sA…; accounts of a trade as mainnet takes them since 2025-10 (18).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, Event, Pool
from sniperforge.base.units import BPS_ONE, Pubkey
from sniperforge.dex import raydium_launchlab_curve as curve
from sniperforge.dex import token_pair
from sniperforge.dex.account_table import accounts as account_table
from sniperforge.dex.account_table import build
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022, pda
from sniperforge.dex.raydium_launchlab_layouts import (
    AUTHORITY,
    BUY_EXACT_IN,
    BUY_EXACT_OUT,
    EVENT_AUTHORITY,
    NAME,
    PROGRAM,
    SELL_EXACT_IN,
    SELL_EXACT_OUT,
    STATUS_FUND,
    STATUS_MIGRATE,
    decode_global_config,
    decode_platform_config,
    decode_pool_state,
)
from sniperforge.dex.raydium_launchlab_reading import read, reserves, verify
from sniperforge.dex.venue import EmptyPool, Instruction, Quote, SwapOrder, Venue

__all__ = [
    "NAME",
    "PROGRAM",
    "VENUE",
    "apply",
    "assemble",
    "compute_units",
    "curve_of",
    "decode_global_config",
    "decode_platform_config",
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

_HEAD = (
    "user:sw authority global_config platform_config pool_state:w user_base_token:w user_quote_token:w base_vault:w "
    "quote_vault:w base_mint quote_mint base_program quote_program event_authority program "
)
_TAIL = "system_program platform_fee_vault:w creator_fee_vault:w"
ACCOUNTS = account_table(_HEAD + _TAIL)
ACCOUNTS_WITH_SHARE = account_table(_HEAD + "share_fee_receiver:w " + _TAIL)
_SWAP_ARGUMENTS = struct.Struct("<8sQQQ")


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw pool_state, by the names it wants them under."""
    keys = decode_pool_state(raw).keys
    return {name: keys[name] for name in ("global_config", "platform_config", "base_mint")}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `pool_state`, `global_config`, `platform_config`; with `base_mint`
            also the coin's transfer fee is known.

    Raises:
        DecodeError: an account is missing or something else.
    """
    state = decode_pool_state(token_pair.account(accounts, "pool_state", NAME))
    config = decode_global_config(token_pair.account(accounts, "global_config", NAME)).ints
    platform = decode_platform_config(token_pair.account(accounts, "platform_config", NAME)).ints
    ints, keys, flag = state.ints, state.keys, state.ints["token_program_flag"]
    counters = ("virtual_base", "virtual_quote", "real_base", "real_quote", "total_base_sell")
    found = curve.Curve(config["curve_type"], *(ints[name] for name in counters))
    rates = curve.Rates(config["trade_fee_rate"], platform["fee_rate"], platform["creator_fee_rate"])
    if not curve.is_sound(found) or rates.total >= curve.RATE_ONE:
        raise DecodeError(f"{NAME}: the accounts draw no curve, or take it all as fees; compare their layouts")
    base_reserve, quote_reserve = reserves(found)
    same = ("virtual_base", "virtual_quote", "total_base_sell", "total_quote_fund_raising", "supply", "migrate_type")
    fee_vaults = {
        "platform_fee_vault": pda(PROGRAM, keys["platform_config"], keys["quote_mint"]),
        "creator_fee_vault": pda(PROGRAM, keys["creator"], keys["quote_mint"]),
    }
    named = ("global_config", "platform_config", "base_vault", "quote_vault", "creator")
    return Pool(
        venue=NAME,
        address=address,
        base_mint=keys["base_mint"],
        quote_mint=keys["quote_mint"],
        base_program=TOKEN_2022 if flag & 1 else TOKEN,
        quote_program=TOKEN_2022 if flag & 2 else TOKEN,
        base_reserve=max(base_reserve, 0),
        quote_reserve=quote_reserve,
        keys={"authority": AUTHORITY, **{name: keys[name] for name in named}, **fee_vaults},
        numbers={
            "curve_type": config["curve_type"],
            **{name: ints[name] for name in same},
            "trade_fee_rate": rates.protocol,
            "platform_fee_rate": rates.platform,
            "creator_fee_rate": rates.creator,
            "fee_assumed": 0,
            "status": ints["status"],
            "base_decimals": ints["base_decimals"],
            "quote_decimals": ints["quote_decimals"],
            **token_pair.transfer_fee_numbers(accounts.get("base_mint", b"")),
        },
    )


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* after a Swapped or CurveCompleted of it; older slots change nothing."""
    if isinstance(event, CurveCompleted):
        if event.pool != pool.address:
            return pool
        return msgspec.structs.replace(pool, numbers={**pool.numbers, "status": STATUS_MIGRATE})
    return token_pair.apply(pool, event)


# ── quoting ───────────────────────────────────────────────────────────────


def curve_of(pool: Pool) -> curve.Curve:
    """Return the curve's state that the reserves of *pool* stand for (see `reserves`)."""
    numbers = pool.numbers
    kind, virtual_base, virtual_quote = numbers["curve_type"], numbers["virtual_base"], numbers["virtual_quote"]
    sold, raised = virtual_base - pool.base_reserve, pool.quote_reserve - virtual_quote
    if kind == curve.LINEAR:
        sold, raised = numbers["total_base_sell"] - pool.base_reserve, pool.quote_reserve
    return curve.Curve(kind, virtual_base, virtual_quote, sold, raised, numbers["total_base_sell"])


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    A buy of more than the curve has left takes the rest: `Quote.amount_in` is then
    what it really costs. The coin's own transfer fee is off already.

    Raises:
        EmptyPool: the curve is complete, or a sell brings back more than was sold.
    """
    state, rates = _tradable(pool, is_buy=is_buy), _rates(pool)
    if is_buy:
        return _quote(pool, state, curve.buy_exact_in(state, amount_in, rates), is_buy=True)
    sent = amount_in - token_pair.transfer_fee(pool, amount_in)
    return _quote(pool, state, curve.sell_exact_in(state, sent, rates), is_buy=False, amount_in=amount_in)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives; `Quote.amount_out` is what then does.

    Raises:
        EmptyPool: the curve is complete or holds no more than that.
    """
    state, rates = _tradable(pool, is_buy=is_buy), _rates(pool)
    if is_buy:
        gross = token_pair.before_transfer_fee(pool, amount_out)
        return _quote(pool, state, curve.buy_exact_out(state, gross, rates), is_buy=True)
    trade = curve.sell_exact_out(state, amount_out, rates)
    amount_in = token_pair.before_transfer_fee(pool, trade.amount_in)
    return _quote(pool, state, trade, is_buy=False, amount_in=amount_in)


def _tradable(pool: Pool, *, is_buy: bool) -> curve.Curve:
    state = curve_of(pool)
    sold_out = is_buy and state.real_base >= state.total_base_sell
    if sold_out or pool.numbers["status"] != STATUS_FUND:
        raise EmptyPool(f"{NAME}: the curve is complete; trade the pool the coin migrates to")
    return state


def _rates(pool: Pool) -> curve.Rates:
    numbers = pool.numbers
    share = numbers.get("share_fee_rate", 0) if "share_fee_receiver" in pool.keys else 0
    return curve.Rates(numbers["trade_fee_rate"], numbers["platform_fee_rate"], numbers["creator_fee_rate"], share)


def _quote(pool: Pool, state: curve.Curve, trade: curve.Trade, *, is_buy: bool, amount_in: int = -1) -> Quote:
    taxed = token_pair.transfer_fee(pool, trade.amount_out) if is_buy else 0
    return Quote(
        amount_in=trade.amount_in if amount_in < 0 else amount_in,
        amount_out=trade.amount_out - taxed,
        fee_amount=trade.fee,
        impact_bps=_impact_bps(state, trade),
    )


def _impact_bps(state: curve.Curve, trade: curve.Trade) -> int:
    if state.kind == curve.FIXED:
        return 0
    if state.kind == curve.LINEAR:
        # The price is proportional to what was sold; the first coin costs nothing.
        return abs(trade.real_base_after - state.real_base) * BPS_ONE // max(state.real_base, 1)
    base, quote = reserves(state)
    base_after, quote_after = reserves(
        state._replace(real_base=trade.real_base_after, real_quote=trade.real_quote_after)
    )
    return token_pair.impact_bps(base=base, quote=quote, base_after=base_after, quote_after=quote_after)


# ── writing ───────────────────────────────────────────────────────────────


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return every key of a swap that is not a constant of the program (44 µs when nothing of it is known)."""
    known = pool.keys
    keys = token_pair.wallet_keys(pool, user)
    keys["pool_state"] = pool.address
    for name in ("global_config", "platform_config", "base_vault", "quote_vault"):
        keys[name] = known[name]
    for name, owner in (("platform_fee_vault", "platform_config"), ("creator_fee_vault", "creator")):
        keys[name] = known.get(name) or pda(PROGRAM, known[owner], pool.quote_mint)
    if "share_fee_receiver" in known:
        keys["share_fee_receiver"] = known["share_fee_receiver"]
    return keys


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys*; derives nothing."""
    fixed = {
        "authority": AUTHORITY,
        "base_program": pool.base_program,
        "quote_program": pool.quote_program,
        "event_authority": EVENT_AUTHORITY,
        "program": PROGRAM,
        "system_program": SYSTEM,
    }
    shares = "share_fee_receiver" in pool.keys
    share_fee_rate = pool.numbers.get("share_fee_rate", 0) if shares else 0
    if order.exact_out:
        head, amounts = BUY_EXACT_OUT if order.is_buy else SELL_EXACT_OUT, (order.amount_out_min, order.amount_in)
    else:
        head, amounts = BUY_EXACT_IN if order.is_buy else SELL_EXACT_IN, (order.amount_in, order.amount_out_min)
    data = _SWAP_ARGUMENTS.pack(head, *amounts, share_fee_rate)
    trade = build(PROGRAM, ACCOUNTS_WITH_SHARE if shares else ACCOUNTS, {**keys, **fixed}, data)
    return token_pair.around(trade, keys, pool, order)


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the form of the instructions: token programs, wrapping, and the share of a referrer."""
    shares = "share_fee_receiver" in pool.keys
    return token_pair.variant(pool, order) + (f"/share {pool.numbers.get('share_fee_rate', 0)}" if shares else "")


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap.

    Measured on mainnet (slot 372149510): 97,680 for a buy that also made the creator's
    fee vault, 20,339 to open the coin's account; opening and closing the wallet's WSOL
    account takes as much again.
    """
    return 200_000 if is_buy else 170_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    markers=(
        b"Instruction: InitializeV2",
        b"Instruction: InitializeWithToken2022",
        b"Instruction: MigrateTo",
        # The first version's name; the quote (or its escape) ends the JSON string.
        b'Instruction: Initialize"',
        b'Instruction: Initialize\\"',
        # The end of a TradeEvent in a log line that completes the curve: share fee
        # below 2^40, direction buy, status "migrate", exact input; or exact output.
        b'AAAAAAEB"',
        b'AAAAAAEA"',
    ),
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
)
