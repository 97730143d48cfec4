"""Orca Whirlpool: concentrated liquidity in arrays of 88 ticks, with one fee rate or an adaptive one.

initialize_pool… -> PoolCreated                                        (reading)
Traded, LiquidityIncreased … -> Swapped, LiquidityChanged              (reading)
pool + amount -> quote; pool + order -> instructions                   (writing)

Reading stands in orca_whirlpool_reading.py, the layouts in orca_whirlpool_layouts.py,
the arithmetic in ticks*.py.

pool.keys: whirlpools_config, base_vault, quote_vault, oracle.
pool.numbers: base_is_0 (the coin is token A), tick_spacing, fee_tier_index, fee_rate (per
million), fee_assumed (1: the rate is the usual one of that spacing, or an adaptive part
is unknown), sqrt_price, liquidity, tick, tick.<index>, tick_first, tick_last, followed
(see ticks_pool.py); volatility.<name> for an adaptive fee (see ticks_fees.py);
trade_enable_timestamp; base_transfer_fee_bps and _max for a coin that takes a fee.

base_reserve and quote_reserve are virtual (L/√P and L·√P at the current price), so a new
pool has none of either. A swap reaches three tick arrays in its direction, not more.

Program and layouts: orca-so/whirlpools, program id whirLbMi….
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Pool
from sniperforge.base.units import Pubkey
from sniperforge.dex import ticks, ticks_fees, ticks_pool, ticks_quote, token_pair
from sniperforge.dex.account_table import build
from sniperforge.dex.borsh import Record
from sniperforge.dex.orca_whirlpool_layouts import (
    MEMO,
    NAME,
    PROGRAM,
    SWAP_V2,
    SWAP_V2_ACCOUNTS,
    TICKS_PER_ARRAY,
    decode_oracle,
    decode_tick_array,
    decode_whirlpool,
)
from sniperforge.dex.orca_whirlpool_reading import read, verify
from sniperforge.dex.programs import pda
from sniperforge.dex.ticks_pool import Book
from sniperforge.dex.ticks_walk import Rules
from sniperforge.dex.token_pair import base_is_first
from sniperforge.dex.venue import Instruction, Quote, SwapOrder, Venue

__all__ = [
    "MAY_MISS",
    "NAME",
    "PROGRAM",
    "VENUE",
    "apply",
    "assemble",
    "compute_units",
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

ARRAYS_IN_REACH = 3
_SWAP_ARGUMENTS = struct.Struct("<8sQQ16sBBB")
_NO_LIMIT = bytes(16)
#: What `needs` names and the chain may not have: no oracle, no such tick array.
MAY_MISS = ("oracle", "tick_array.")


# ── tick arrays ───────────────────────────────────────────────────────────


def array_starts(tick: int, spacing: int, *, down: bool) -> list[int]:
    """Return where the tick arrays start that a swap from *tick* reaches, in its order: three, fewer at an end."""
    span = TICKS_PER_ARRAY * spacing
    base = tick // span * span
    if down:
        starts = [base, base - span, base - 2 * span]
        return [start for start in starts if start + span > ticks.TICK_MIN]
    # Going up, the search begins one spacing further.
    base += span if tick + spacing >= base + span else 0
    return [start for start in (base, base + span, base + 2 * span) if start <= ticks.TICK_MAX]


def tick_array_of(pool: Pubkey, start: int) -> Pubkey:
    """Return the address of the tick array that starts at *start*."""
    return pda(PROGRAM, b"tick_array", pool, str(start).encode())


def _rules(pool: Pool, *, is_buy: bool) -> Rules:
    numbers, down = pool.numbers, ticks_quote.is_down(pool, is_buy=is_buy)
    starts = _starts(pool, is_buy=is_buy)
    span = TICKS_PER_ARRAY * numbers["tick_spacing"]
    edge = starts[-1] if down else starts[-1] + span - 1
    return Rules(
        venue=NAME,
        price_at=ticks.orca_price_at,
        rate=numbers["fee_rate"],
        volatility=ticks_fees.volatility_of(numbers, is_orca=True),
        fee_on_input=True,
        edge=min(max(edge, ticks.TICK_MIN), ticks.TICK_MAX),
        needs_next=False,
        margin=0,
    )


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw whirlpool, by the names it wants them under.

    The tick arrays are those a swap reaches in either direction: five or six. Names
    that start as one of `MAY_MISS` need not exist: leave out what the node does not have.
    """
    state = decode_whirlpool(raw)
    keys, address = state.keys, _address_of(state)
    base, quote = ticks_pool.sides("a", "b", base_is_0=base_is_first(keys["token_mint_a"], keys["token_mint_b"]))
    wanted = {
        "base_mint": keys[f"token_mint_{base}"],
        "quote_mint": keys[f"token_mint_{quote}"],
        "base_vault": keys[f"token_vault_{base}"],
        "quote_vault": keys[f"token_vault_{quote}"],
        "oracle": pda(PROGRAM, b"oracle", address),
    }
    return wanted | {f"tick_array.{start}": tick_array_of(address, start) for start in _starts_around(state)}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `whirlpool`, and what `needs` lists: a missing tick array has no
            initialized tick, a missing oracle no adaptive fee. With `base_mint` also
            the coin's transfer fee is known. The token programs are told by the sizes
            of mints and vaults, or by `base_program` and `quote_program` (32 bytes).

    Raises:
        DecodeError: an account is missing or something else.
    """
    state = decode_whirlpool(token_pair.account(accounts, "whirlpool", NAME))
    ints, keys = state.ints, state.keys
    if _address_of(state) != address:
        raise DecodeError(f"{NAME}: this whirlpool belongs at another address; check which one was asked for")
    first = base_is_first(keys["token_mint_a"], keys["token_mint_b"])
    base, quote = ticks_pool.sides("a", "b", base_is_0=first)
    pool = Pool(
        venue=NAME,
        address=address,
        base_mint=keys[f"token_mint_{base}"],
        quote_mint=keys[f"token_mint_{quote}"],
        base_program=ticks_pool.token_program(accounts, "base"),
        quote_program=ticks_pool.token_program(accounts, "quote"),
        base_reserve=0,
        quote_reserve=0,
        keys={
            "whirlpools_config": keys["whirlpools_config"],
            "base_vault": keys[f"token_vault_{base}"],
            "quote_vault": keys[f"token_vault_{quote}"],
            "oracle": pda(PROGRAM, b"oracle", address),
        },
        numbers={
            "base_is_0": int(first),
            "tick_spacing": ints["tick_spacing"],
            "fee_tier_index": ints["fee_tier_index_seed"],
            "fee_rate": ints["fee_rate"],
            "fee_assumed": 0,
            **_adaptive(address, accounts),
            **token_pair.transfer_fee_numbers(accounts.get("base_mint", b"")),
        },
    )
    return ticks_pool.with_book(pool, _book(address, state, accounts), 0)


def _address_of(state: Record) -> Pubkey:
    keys, tier = state.keys, state.ints["fee_tier_index_seed"].to_bytes(2, "little")
    seeds = keys["whirlpools_config"], keys["token_mint_a"], keys["token_mint_b"], tier
    return pda(PROGRAM, b"whirlpool", *seeds)


def _starts_around(state: Record) -> list[int]:
    tick, spacing = state.ints["tick_current_index"], state.ints["tick_spacing"]
    if not spacing or not ticks.TICK_MIN <= tick <= ticks.TICK_MAX:
        raise DecodeError(f"{NAME}: a whirlpool of spacing {spacing} at tick {tick}; compare the layout of its account")
    return sorted({start for down in (True, False) for start in array_starts(tick, spacing, down=down)})


def _book(address: Pubkey, state: Record, accounts: Mapping[str, bytes]) -> Book:
    ints, nets, starts = state.ints, {}, _starts_around(state)
    spacing = ints["tick_spacing"]
    for start in starts:
        raw = accounts.get(f"tick_array.{start}")
        if raw is None:
            continue
        array = decode_tick_array(raw)
        if (array.whirlpool, array.start) != (address, start):
            raise DecodeError(f"{NAME}: tick_array.{start} is another pool's or starts at {array.start}; fetch its own")
        nets.update({start + offset * spacing: net for offset, net in array.nets.items()})
    price = ints["sqrt_price"]
    if not ticks.orca_price_at(ticks.TICK_MIN) <= price <= ticks.orca_price_at(ticks.TICK_MAX):
        raise DecodeError(f"{NAME}: a whirlpool at the price {price}, outside the range; compare its account's layout")
    last = min(starts[-1] + TICKS_PER_ARRAY * spacing - 1, ticks.TICK_MAX)
    return Book(price, ints["tick_current_index"], ints["liquidity"], nets, max(starts[0], ticks.TICK_MIN), last)


def _adaptive(address: Pubkey, accounts: Mapping[str, bytes]) -> dict[str, int]:
    """Return the numbers of an adaptive fee; empty for a pool without an oracle."""
    raw = accounts.get("oracle")
    if not raw:
        return {}
    oracle = decode_oracle(raw)
    if oracle.keys["whirlpool"] != address:
        raise DecodeError(f"{NAME}: the oracle is another pool's; fetch the one the pool derives")
    ints = oracle.ints
    fees = ticks_fees.Volatility(
        group=ints["tick_group_size"],
        control=ints["adaptive_fee_control_factor"],
        max=ints["max_volatility_accumulator"],
        reduction=ints["reduction_factor"],
        reference=ints["volatility_reference"],
        index=ints["tick_group_index_reference"],
        accumulator=ints["volatility_accumulator"],
        is_orca=True,
    )
    return {**ticks_fees.numbers_of(fees), "trade_enable_timestamp": ints["trade_enable_timestamp"]}


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* after a Swapped or LiquidityChanged of it; older slots change nothing."""
    return ticks_pool.apply(pool, event, ticks.orca_price_at)


# ── quoting ───────────────────────────────────────────────────────────────


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    Exact as the program computes it over the ticks known; with an adaptive fee the
    worst of what the second it lands in may make of it. Fees in coins are valued at
    the price before.

    Raises:
        EmptyPool: three tick arrays, or the ticks known, do not hold it.
    """
    return ticks_quote.quote_in(pool, amount_in, _rules(pool, is_buy=is_buy), is_buy=is_buy)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return the least to pay so that *amount_out* arrives; `Quote.amount_out` is what then does.

    Raises:
        EmptyPool: the pool holds no more than that within reach.
    """
    return ticks_quote.quote_out(pool, amount_out, _rules(pool, is_buy=is_buy), is_buy=is_buy)


# ── writing ───────────────────────────────────────────────────────────────


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return every key of a swap that is not a constant of the program (30 µs: two token accounts, three arrays)."""
    keys = token_pair.wallet_keys(pool, user)
    keys["whirlpool"] = pool.address
    for name in ("base_vault", "quote_vault"):
        keys[name] = pool.keys[name]
    keys["oracle"] = pool.keys.get("oracle") or pda(PROGRAM, b"oracle", pool.address)
    for place, start in enumerate(_starts(pool, is_buy=is_buy)):
        keys[f"tick_array_{place}"] = tick_array_of(pool.address, start)
    return keys


def _starts(pool: Pool, *, is_buy: bool) -> list[int]:
    down = ticks_quote.is_down(pool, is_buy=is_buy)
    return array_starts(pool.numbers["tick"], pool.numbers["tick_spacing"], down=down)


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys*; derives nothing."""
    sides = ticks_pool.sides("base", "quote", base_is_0=bool(pool.numbers["base_is_0"]))
    programs = {"base": pool.base_program, "quote": pool.quote_program}
    named = {**keys, "memo_program": MEMO, "token_authority": keys["user"]}
    for letter, side in zip("ab", sides, strict=True):
        named[f"token_program_{letter}"] = programs[side]
        named[f"token_mint_{letter}"] = keys[f"{side}_mint"]
        named[f"token_vault_{letter}"] = keys[f"{side}_vault"]
        named[f"token_owner_account_{letter}"] = keys[f"user_{side}_token"]
    for place in range(1, ARRAYS_IN_REACH):
        # At an end of the range there are fewer than three: the last is repeated.
        named.setdefault(f"tick_array_{place}", named[f"tick_array_{place - 1}"])
    trade = build(PROGRAM, SWAP_V2_ACCOUNTS, named, _arguments(pool, order))
    return token_pair.around(trade, keys, pool, order)


def _arguments(pool: Pool, order: SwapOrder) -> bytes:
    amount, threshold = order.amount_in, order.amount_out_min
    if order.exact_out:
        amount, threshold = threshold, amount
    a_to_b = ticks_quote.is_down(pool, is_buy=order.is_buy)
    # The last byte: no remaining accounts, so no description of them.
    return _SWAP_ARGUMENTS.pack(SWAP_V2, amount, threshold, _NO_LIMIT, not order.exact_out, a_to_b, 0)


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the form of the instructions: token programs, wrapping, which token is the coin, how many arrays."""
    arrays = len(_starts(pool, is_buy=order.is_buy))
    return f"{token_pair.variant(pool, order)}/{'a' if pool.numbers['base_is_0'] else 'b'}{arrays}"


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap.

    Measured on the real program: 45,923 for a buy and 41,614 for a sell within one tick
    array, 13,424 to open an account, with a token program that took 80 per transfer where
    mainnet's classic one takes 6,200. Every tick crossed costs some 4,000 more, and an
    adaptive fee again as much for every group.
    """
    return 250_000 if is_buy else 200_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # Ten letters of PoolInitialized's discriminator; programs before 2025 emitted none and said the word alone.
    markers=(b"ZHatVwzG/u", b"Instruction: InitializePool"),
    # Traded, LiquidityIncreased, LiquidityDecreased, LiquidityRepositioned.
    trade_markers=((b"4cpJr5MroJ", 8), (b"HgeQtWb+m6", 8), (b"pgEkR3DKta", 8), (b"X4K1hPsywy", 8)),
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
