"""A concentrated pool as a Pool: prices, liquidity and ticks in its numbers, followed from event to event.

pool.numbers <-> Book (root of the price, tick, active liquidity, net liquidity by tick)
Book + Swapped | LiquidityChanged -> Book
Book -> virtual reserves of the Pool

Numbers travel as 64 bits, so a wider one stands as two: `name` holds the low 64 bits
unsigned, `name.high` the rest with the sign. Written are `sqrt_price`, `liquidity`,
`tick` (the current one), `tick.<index>` (net liquidity of an initialized tick),
`tick_first` and `tick_last` (the ticks between which every initialized one is known)
and `followed` (1: known event by event since the pool's creation).

`base_reserve` and `quote_reserve` are virtual: L/√P and L·√P at the current price, the
constant product that trades alike until the next tick. Zero: no liquidity at this price.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import NamedTuple, TypeVar

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, LiquidityChanged, Pool, Swapped
from sniperforge.base.units import BPS_ONE, Pubkey
from sniperforge.dex import ticks, ticks_fees
from sniperforge.dex.programs import TOKEN, TOKEN_2022
from sniperforge.dex.ticks import PriceAt
from sniperforge.dex.token import ACCOUNT_SIZE, MINT_SIZE

T = TypeVar("T")
_LOW = (1 << 64) - 1
_TICK = "tick."
_HIGH = ".high"


class Book(NamedTuple):
    """What is known of a pool's liquidity.

    Attributes:
        price: Q64.64 root of token 1 per token 0; tick: the current one.
        liquidity: active at that price.
        nets: initialized tick -> liquidity that starts (ends, if negative) there going up.
        first, last: between these every initialized tick is in `nets`.
    """

    price: int
    tick: int
    liquidity: int
    nets: dict[int, int]
    first: int = ticks.TICK_MIN
    last: int = ticks.TICK_MAX


# ── wide numbers ──────────────────────────────────────────────────────────


def wide(name: str, value: int) -> dict[str, int]:
    """Return *value* of up to 128 bits as one or two numbers a message can carry."""
    if -(1 << 63) <= value <= _LOW:
        return {name: value}
    return {name: value & _LOW, name + _HIGH: value >> 64}


def number(numbers: Mapping[str, int], name: str) -> int:
    """Return the number *name* that `wide` wrote; 0 when there is none."""
    return numbers.get(name, 0) + (numbers.get(name + _HIGH, 0) << 64)


# ── book and pool ─────────────────────────────────────────────────────────


def book_of(numbers: Mapping[str, int]) -> Book:
    """Return what `numbers_of` wrote."""
    nets = {
        int(name[len(_TICK) :]): number(numbers, name)
        for name in numbers
        if name.startswith(_TICK) and not name.endswith(_HIGH)
    }
    return Book(
        number(numbers, "sqrt_price"),
        numbers.get("tick", 0),
        number(numbers, "liquidity"),
        nets,
        numbers.get("tick_first", ticks.TICK_MIN),
        numbers.get("tick_last", ticks.TICK_MAX),
    )


def numbers_of(book: Book) -> dict[str, int]:
    """Return *book* as numbers of a Pool."""
    numbers = {**wide("sqrt_price", book.price), **wide("liquidity", book.liquidity), "tick": book.tick}
    for tick, net in sorted(book.nets.items()):
        numbers |= wide(f"{_TICK}{tick}", net)
    return {**numbers, "tick_first": book.first, "tick_last": book.last}


def sides(first: T, second: T, *, base_is_0: bool) -> tuple[T, T]:
    """Return two values of tokens 0 and 1 as base and quote, and back."""
    return (first, second) if base_is_0 else (second, first)


def with_book(pool: Pool, book: Book, slot: int) -> Pool:
    """Return *pool* with *book* in its numbers and the virtual reserves of it."""
    own = ("sqrt_price", "sqrt_price.high", "liquidity", "liquidity.high")
    kept = {name: value for name, value in pool.numbers.items() if not name.startswith(_TICK) and name not in own}
    base, quote = sides(*ticks.reserves(book.price, book.liquidity), base_is_0=bool(pool.numbers["base_is_0"]))
    numbers = {**kept, **numbers_of(book)}
    return msgspec.structs.replace(pool, base_reserve=base, quote_reserve=quote, numbers=numbers, slot=slot)


def impact_bps(before: int, after: int, *, base_is_0: bool) -> int:
    """Return how far the coin's price moved between two roots, in basis points, rounded down."""
    return abs(after * after - before * before) * BPS_ONE // (before * before if base_is_0 else after * after)


def worth(coins: int, price: int, *, base_is_0: bool) -> int:
    """Return what *coins* are worth in quote base units at the root *price*, rounded down."""
    return coins * price * price >> 128 if base_is_0 else (coins << 128) // (price * price)


def token_program(accounts: Mapping[str, bytes], side: str) -> Pubkey:
    """Return the token program of the `base` or `quote` *side*: what `<side>_program` says, else what sizes tell.

    A mint or vault with extensions is longer than the classic program's ever are.
    """
    told = accounts.get(f"{side}_program")
    if told is not None:
        if len(told) != len(TOKEN):
            raise DecodeError(f"{side}_program has {len(told)} bytes; give the 32 bytes of the mint's owner")
        return Pubkey(told)
    mint, vault = accounts.get(f"{side}_mint", b""), accounts.get(f"{side}_vault", b"")
    return TOKEN_2022 if len(mint) > MINT_SIZE or len(vault) > ACCOUNT_SIZE else TOKEN


# ── following ─────────────────────────────────────────────────────────────


def apply(pool: Pool, event: Event, price_at: PriceAt) -> Pool:
    """Return *pool* after *event* of it.

    A trade that tells the price moves it there, across the ticks known; one that tells
    only reserves sets the price and liquidity they stand for. A change of liquidity
    that tells its ticks is added to them: once, so an event of the very slot a pool was
    loaded at is taken for known. Other pools' events, older ones and such that tell
    nothing leave it as it is.
    """
    if not isinstance(event, Swapped | LiquidityChanged) or event.pool != pool.address or event.slot < pool.slot:
        return pool
    book, told = book_of(pool.numbers), event.numbers
    if "tick_lower" in told:
        if event.slot == pool.slot and not pool.numbers.get("followed"):
            return pool
        book = _with_position(book, told)
        return _followed(with_book(pool, book, event.slot))
    if "sqrt_price" in told:
        return ticks_fees.followed(with_book(pool, _moved(book, told, price_at), event.slot))
    if min(event.base_reserve, event.quote_reserve) < 0:
        return pool
    base, quote = event.base_reserve, event.quote_reserve
    after = msgspec.structs.replace(pool, base_reserve=base, quote_reserve=quote, slot=event.slot)
    amounts = sides(base, quote, base_is_0=bool(pool.numbers["base_is_0"]))
    if min(amounts) > 0:
        book = from_reserves(book, *amounts, price_at=price_at)
        kept = with_book(after, book, event.slot)
        return msgspec.structs.replace(after, numbers=kept.numbers)
    return after


def from_reserves(book: Book, first: int, second: int, *, price_at: PriceAt) -> Book:
    """Return *book* at the price and liquidity two positive virtual reserves stand for."""
    price = min(max(isqrt((second << 128) // first), price_at(ticks.TICK_MIN)), price_at(ticks.TICK_MAX))
    return book._replace(price=price, tick=ticks.tick_at(price, price_at), liquidity=isqrt(first * second))


def _followed(pool: Pool) -> Pool:
    return msgspec.structs.replace(pool, numbers={**pool.numbers, "followed": 1})


def _with_position(book: Book, told: Mapping[str, int]) -> Book:
    lower, upper, change = told["tick_lower"], told["tick_upper"], number(told, "liquidity_change")
    nets = dict(book.nets)
    for tick, net in ((lower, change), (upper, -change)):
        nets[tick] = nets.get(tick, 0) + net
        # The last one out leaves the tick uninitialized; a net of zero after an
        # addition is two positions back to back, and the tick stays.
        if not nets[tick] and change < 0:
            del nets[tick]
    active = book.liquidity + (change if lower <= book.tick < upper else 0)
    return book._replace(nets=nets, liquidity=max(active, 0))


def _moved(book: Book, told: Mapping[str, int], price_at: PriceAt) -> Book:
    price = number(told, "sqrt_price")
    tick = told.get("tick")
    if tick is None:
        tick = ticks.tick_at(price, price_at)
        # Going down, a tick is crossed as its price is reached.
        if price < book.price and tick in book.nets and price_at(tick) == price:
            tick -= 1
    liquidity = number(told, "liquidity") if "liquidity" in told else _crossed(book, tick)
    return book._replace(price=price, tick=tick, liquidity=liquidity)


def _crossed(book: Book, tick: int) -> int:
    """Return the liquidity active at *tick*, by the ticks known between here and there."""
    low, high = sorted((book.tick, tick))
    net = sum(net for at, net in book.nets.items() if low < at <= high)
    return max(book.liquidity + (net if tick > book.tick else -net), 0)
