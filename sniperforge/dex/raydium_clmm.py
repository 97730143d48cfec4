"""Raydium CLMM: concentrated liquidity in arrays of 60 ticks, with one fee rate or a dynamic one.

create_pool… -> PoolCreated                                        (reading)
SwapEvent, LiquidityChangeEvent -> Swapped, LiquidityChanged       (reading)
pool + amount -> quote; pool + order -> instructions               (writing)

Reading stands in raydium_clmm_reading.py, the layouts in raydium_clmm_layouts.py, the
arithmetic in ticks*.py.

pool.keys: amm_config, base_vault, quote_vault, observation_state, bitmap_extension (where
it exists).
pool.numbers: base_is_0 (the coin is token 0), tick_spacing, trade_fee_rate (per million),
fee_on (0 the input, 1 token 0, 2 token 1), status (16: swaps are off), fee_assumed (1: the
rate is the usual one of that spacing, or a dynamic part is unknown), sqrt_price,
liquidity, tick, tick.<index>, tick_first, tick_last, followed (see ticks_pool.py);
volatility.<name> for a dynamic fee (see ticks_fees.py); orders (1: limit orders wait at
ticks, which give a swap more than quoted); base_decimals, quote_decimals;
base_transfer_fee_bps and _max for a coin that takes a fee.

base_reserve and quote_reserve are virtual (L/√P and L·√P at the current price), so a new
pool has none of either. A swap is given the next three initialized tick arrays in its
direction: the program refuses one that is not initialized.

Program and layouts: raydium-io/raydium-clmm, program id CAMMCzo5….
"""

from __future__ import annotations

from collections.abc import Mapping

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Pool
from sniperforge.base.units import Pubkey
from sniperforge.dex import ticks, ticks_fees, ticks_pool, ticks_quote, token_pair
from sniperforge.dex.account_table import accounts as account_table
from sniperforge.dex.account_table import build
from sniperforge.dex.borsh import Record
from sniperforge.dex.programs import TOKEN, TOKEN_2022, pda
from sniperforge.dex.raydium_clmm_layouts import (
    MEMO,
    NAME,
    PROGRAM,
    SWAP_ARGUMENTS,
    SWAP_V2,
    SWAP_V2_ACCOUNTS,
    TICKS_PER_ARRAY,
    bitmap_range,
    bitmap_starts,
    decode_amm_config,
    decode_pool_state,
    decode_tick_array,
    extension_starts,
    tick_array_of,
)
from sniperforge.dex.raydium_clmm_reading import read, verify
from sniperforge.dex.ticks_pool import Book
from sniperforge.dex.ticks_walk import Rules
from sniperforge.dex.token_pair import base_is_first
from sniperforge.dex.venue import EmptyPool, Instruction, Quote, SwapOrder, Venue

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

#: What `needs` names and the chain may not have.
MAY_MISS = ("bitmap_extension", "tick_array.")
ARRAYS_IN_REACH = 3
STATUS_SWAP_OFF = 16
_NO_LIMIT = bytes(16)
_EXTENSION = account_table("bitmap_extension:w")
_ARRAYS = account_table(" ".join(f"tick_array_{place}:w" for place in range(ARRAYS_IN_REACH)))


# ── tick arrays ───────────────────────────────────────────────────────────


def array_starts(numbers: Mapping[str, int], *, down: bool) -> list[int]:
    """Return where the initialized tick arrays start that a swap is given, in its order: three at most."""
    book, span = ticks_pool.book_of(numbers), TICKS_PER_ARRAY * numbers["tick_spacing"]
    return _nearest({tick // span * span for tick in book.nets}, book.tick // span * span, down=down)


def _nearest(starts: set[int], current: int, *, down: bool) -> list[int]:
    ahead = (start for start in starts if (start <= current if down else start >= current))
    return sorted(ahead, reverse=down)[:ARRAYS_IN_REACH]


def _rules(pool: Pool, *, is_buy: bool) -> Rules:
    numbers, down = pool.numbers, ticks_quote.is_down(pool, is_buy=is_buy)
    if numbers.get("status", 0) & STATUS_SWAP_OFF:
        raise EmptyPool(f"{NAME}: the pool's swaps are switched off; nothing can be traded here")
    starts = array_starts(numbers, down=down)
    span = TICKS_PER_ARRAY * numbers["tick_spacing"]
    # Without an array there is no tick ahead: an edge behind the price finds none.
    edge = numbers["tick"] + 1 if down else numbers["tick"]
    if starts:
        edge = starts[-1] if down else starts[-1] + span - 1
    fee_on = numbers.get("fee_on", 0)
    return Rules(
        venue=NAME,
        price_at=ticks.raydium_price_at,
        rate=numbers["trade_fee_rate"],
        volatility=ticks_fees.volatility_of(numbers, is_orca=False),
        fee_on_input=fee_on == 0 or (fee_on == 1) is down,
        edge=edge,
        needs_next=True,
        margin=1,
    )


# ── loading ───────────────────────────────────────────────────────────────


def needs(raw: bytes) -> dict[str, Pubkey]:
    """Return the addresses `load` wants along with the raw pool_state, by the names it wants them under.

    The tick arrays are the one at the price and three to either side, as the pool's
    bitmap has them; where that ends, the ones next to the price. Names that start as one
    of `MAY_MISS` need not exist: leave out what the node does not have.
    """
    state = decode_pool_state(raw)
    keys, address = state.keys, _address_of(state)
    base, quote = ticks_pool.sides(0, 1, base_is_0=base_is_first(keys["token_mint_0"], keys["token_mint_1"]))
    wanted = {
        "amm_config": keys["amm_config"],
        "base_mint": keys[f"token_mint_{base}"],
        "quote_mint": keys[f"token_mint_{quote}"],
        "bitmap_extension": pda(PROGRAM, b"pool_tick_array_bitmap_extension", address),
    }
    spacing, current = _spacing_and_current(state)
    span, known = TICKS_PER_ARRAY * spacing, set(bitmap_starts(raw, spacing))
    low, high = bitmap_range(spacing)
    starts = {current} & known
    for down, covered in ((True, low <= ticks.TICK_MIN), (False, high > ticks.TICK_MAX)):
        near = _nearest(known - {current}, current, down=down)
        if len(near) < ARRAYS_IN_REACH and not covered:
            step = -span if down else span
            near += [current + place * step for place in range(ARRAYS_IN_REACH + 1)]
        starts |= set(near)
    return wanted | {f"tick_array.{start}": tick_array_of(address, start) for start in sorted(starts)}


def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
    """Return the pool at *address* as its raw accounts tell it.

    Args:
        accounts: `pool_state`, `amm_config`, and what else `needs` lists. With
            `base_mint` also the coin's transfer fee is known. The token programs are
            told by the sizes of the mints, or by `base_program` and `quote_program`
            (32 bytes): a Token-2022 mint without any extension looks classic.

    Raises:
        DecodeError: an account is missing or something else.
    """
    raw = token_pair.account(accounts, "pool_state", NAME)
    state = decode_pool_state(raw)
    config = decode_amm_config(token_pair.account(accounts, "amm_config", NAME)).ints
    ints, keys = state.ints, state.keys
    if _address_of(state) != address:
        raise DecodeError(f"{NAME}: this pool_state belongs at another address; check which one was asked for")
    if config["trade_fee_rate"] >= ticks.RATE_ONE or ints["fee_on"] > 2:
        raise DecodeError(f"{NAME}: a fee of everything, or on {ints['fee_on']}; compare the layouts of its accounts")
    first = base_is_first(keys["token_mint_0"], keys["token_mint_1"])
    base, quote = ticks_pool.sides(0, 1, base_is_0=first)
    book, has_orders = _book(address, raw, state, accounts)
    named = {
        "amm_config": keys["amm_config"],
        "base_vault": keys[f"token_vault_{base}"],
        "quote_vault": keys[f"token_vault_{quote}"],
        "observation_state": keys["observation_key"],
    }
    if "bitmap_extension" in accounts:
        named["bitmap_extension"] = pda(PROGRAM, b"pool_tick_array_bitmap_extension", address)
    pool = Pool(
        venue=NAME,
        address=address,
        base_mint=keys[f"token_mint_{base}"],
        quote_mint=keys[f"token_mint_{quote}"],
        base_program=ticks_pool.token_program(accounts, "base"),
        quote_program=ticks_pool.token_program(accounts, "quote"),
        base_reserve=0,
        quote_reserve=0,
        keys=named,
        numbers={
            "base_is_0": int(first),
            "tick_spacing": ints["tick_spacing"],
            "trade_fee_rate": config["trade_fee_rate"],
            "fee_on": ints["fee_on"],
            "status": ints["status"],
            "fee_assumed": 0,
            "orders": int(has_orders),
            "base_decimals": ints[f"mint_decimals_{base}"],
            "quote_decimals": ints[f"mint_decimals_{quote}"],
            **_dynamic(ints),
            **token_pair.transfer_fee_numbers(accounts.get("base_mint", b"")),
        },
    )
    return ticks_pool.with_book(pool, book, 0)


def _address_of(state: Record) -> Pubkey:
    keys = state.keys
    return pda(PROGRAM, b"pool", keys["amm_config"], keys["token_mint_0"], keys["token_mint_1"])


def _spacing_and_current(state: Record) -> tuple[int, int]:
    """Return the tick spacing and where the array at the price starts."""
    tick, spacing = state.ints["tick_current"], state.ints["tick_spacing"]
    if not spacing or not ticks.TICK_MIN <= tick <= ticks.TICK_MAX:
        raise DecodeError(f"{NAME}: a pool of spacing {spacing} at tick {tick}; compare the layout of its account")
    span = TICKS_PER_ARRAY * spacing
    return spacing, tick // span * span


def _book(address: Pubkey, raw: bytes, state: Record, accounts: Mapping[str, bytes]) -> tuple[Book, bool]:
    ints, price = state.ints, state.ints["sqrt_price_x64"]
    if not ticks.raydium_price_at(ticks.TICK_MIN) <= price <= ticks.raydium_price_at(ticks.TICK_MAX):
        raise DecodeError(f"{NAME}: a pool at the price {price}, outside the range; compare its account's layout")
    spacing, current = _spacing_and_current(state)
    existing, (first, last) = set(bitmap_starts(raw, spacing)), bitmap_range(spacing)
    if "bitmap_extension" in accounts:
        existing |= set(extension_starts(accounts["bitmap_extension"], spacing))
        first, last = ticks.TICK_MIN, ticks.TICK_MAX
    nets: dict[int, int] = {}
    has_orders = False
    for start in existing:
        data = accounts.get(f"tick_array.{start}")
        if data is None:
            # What stands there is not known, so knowledge ends on this side of it.
            first = max(first, start + TICKS_PER_ARRAY * spacing) if start < current else first
            last = min(last, start - 1) if start >= current else last
            continue
        array = decode_tick_array(data, spacing)
        if (array.pool, array.start) != (address, start):
            raise DecodeError(f"{NAME}: tick_array.{start} is another pool's or starts at {array.start}; fetch its own")
        nets |= array.nets
        has_orders = has_orders or array.has_orders
    known = {tick: net for tick, net in nets.items() if first <= tick <= last}
    bounds = max(first, ticks.TICK_MIN), min(last, ticks.TICK_MAX)
    return Book(price, ints["tick_current"], ints["liquidity"], known, *bounds), has_orders


def _dynamic(ints: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of a dynamic fee; empty for a pool of one rate."""
    if not ints["filter_period"]:
        return {}
    fees = ticks_fees.Volatility(
        group=ints["tick_spacing"],
        control=ints["dynamic_fee_control"],
        max=ints["max_volatility_accumulator"],
        reduction=ints["reduction_factor"],
        reference=ints["volatility_reference"],
        index=ints["tick_spacing_index_reference"],
        accumulator=ints["volatility_accumulator"],
        is_orca=False,
    )
    return ticks_fees.numbers_of(fees)


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* after a Swapped or LiquidityChanged of it; older slots change nothing."""
    return ticks_pool.apply(pool, event, ticks.raydium_price_at)


# ── quoting ───────────────────────────────────────────────────────────────


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what paying *amount_in* gives: quote base units for a buy, coins for a sell.

    Exact as the program computes it over the ticks known; with a dynamic fee the worst
    of what the second it lands in may make of it. Fees in coins are valued at the price
    before.

    Raises:
        EmptyPool: three tick arrays, or the ticks known, do not hold it; swaps are off.
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
    """Return every key of a swap that is not a constant of the program (22 µs, and 6 for each tick array)."""
    keys = token_pair.wallet_keys(pool, user)
    keys["pool_state"] = pool.address
    for name in ("amm_config", "base_vault", "quote_vault", "observation_state", "bitmap_extension"):
        if name in pool.keys:
            keys[name] = pool.keys[name]
    starts = array_starts(pool.numbers, down=ticks_quote.is_down(pool, is_buy=is_buy))
    for place, start in enumerate(starts):
        keys[f"tick_array_{place}"] = tick_array_of(pool.address, start)
    return keys


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys*; derives nothing."""
    source, target = ("quote", "base") if order.is_buy else ("base", "quote")
    named = {
        **keys,
        "payer": keys["user"],
        "token_program": TOKEN,
        "token_program_2022": TOKEN_2022,
        "memo_program": MEMO,
        "input_token_account": keys[f"user_{source}_token"],
        "output_token_account": keys[f"user_{target}_token"],
        "input_vault": keys[f"{source}_vault"],
        "output_vault": keys[f"{target}_vault"],
        "input_vault_mint": keys[f"{source}_mint"],
        "output_vault_mint": keys[f"{target}_mint"],
    }
    # The program reads the extension only in front of the arrays.
    further = tuple(row for row in _EXTENSION + _ARRAYS if row[0] in keys)
    amount, threshold = order.amount_in, order.amount_out_min
    if order.exact_out:
        amount, threshold = threshold, amount
    data = SWAP_ARGUMENTS.pack(SWAP_V2, amount, threshold, _NO_LIMIT, not order.exact_out)
    return token_pair.around(build(PROGRAM, SWAP_V2_ACCOUNTS + further, named, data), keys, pool, order)


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the form of the instructions: token programs, wrapping, how many arrays, and whether an extension."""
    arrays = len(array_starts(pool.numbers, down=ticks_quote.is_down(pool, is_buy=order.is_buy)))
    return f"{token_pair.variant(pool, order)}/{'x' if 'bitmap_extension' in pool.keys else ''}{arrays}"


def compute_units(is_buy: bool) -> int:
    """Return a limit that covers a swap.

    Measured on the real program: 78,010 for a buy and 66,652 for a sell within one tick
    array, 14,924 to open an account, with a token program that took 110 per transfer where
    mainnet's classic one takes 6,200. Every tick crossed costs some 8,000 more.
    """
    return 300_000 if is_buy else 250_000


VENUE = Venue(
    name=NAME,
    program=PROGRAM,
    # Ten letters of PoolCreatedEvent's discriminator.
    markers=(b"GV5LL3BjNT",),
    # SwapEvent, LiquidityChangeEvent.
    trade_markers=((b"QMbN6CYIce", 8), (b"fvCvzp5YmW", 8)),
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
