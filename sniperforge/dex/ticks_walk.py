"""A swap across ticks: from one initialized tick to the next until the amount is spent.

Book + amount + rules of the venue -> amounts, fee, price, tick and liquidity after

Source: orca-so/whirlpools, manager/swap_manager.rs; raydium-io/raydium-clmm,
instructions/swap.rs, swap_internal.
"""

from __future__ import annotations

from typing import NamedTuple

from sniperforge.base.units import U64_MAX
from sniperforge.dex import ticks
from sniperforge.dex.ticks import PriceAt
from sniperforge.dex.ticks_fees import Meter, Volatility, regimes
from sniperforge.dex.ticks_pool import Book
from sniperforge.dex.venue import EmptyPool


class Rules(NamedTuple):
    """How a venue walks.

    Attributes:
        venue: its name, for errors.
        price_at: tick -> root of the price.
        rate: fee per million; volatility: what comes on top of it.
        fee_on_input: else the fee is taken from what comes out.
        edge: the last tick the accounts of one swap reach, in its direction.
        needs_next: there must be an initialized tick ahead, reached or not (Raydium);
            else the price may go up to `edge` (Orca).
        margin: how far from the lowest and highest price the limit is.
    """

    venue: str
    price_at: PriceAt
    rate: int
    volatility: Volatility | None
    fee_on_input: bool
    edge: int
    needs_next: bool
    margin: int


class Walk(NamedTuple):
    """A swap. `fee` is part of `amount_in` where it is taken on the input, else it is off `amount_out`.

    `left` is what of the amount asked for could not be traded.
    """

    amount_in: int
    amount_out: int
    fee: int
    price: int
    tick: int
    liquidity: int
    left: int = 0


def walk(book: Book, amount: int, rules: Rules, *, down: bool, exact_in: bool) -> Walk:
    """Return what swapping *amount* does; with a fee that depends on the second it lands in, the worst of it.

    Args:
        amount: what reaches the vault (*exact_in*) or what leaves it.
        down: token 0 comes in, the price falls.

    Raises:
        EmptyPool: the ticks known, or those one swap reaches, do not hold it.
    """
    if rules.volatility is None:
        done = farthest(book, amount, rules, down=down, exact_in=exact_in)
    else:
        worst = []
        for fees in regimes(rules.volatility, book.tick):
            meter = Meter(fees, rules.rate, book.tick, down=down, price_at=rules.price_at)
            worst.append(farthest(book, amount, rules, meter, down=down, exact_in=exact_in))
        done = max(worst, key=lambda one: (one.left, -one.amount_out, one.amount_in))
    if done.left or max(done.amount_in, done.amount_out) > U64_MAX:
        raise EmptyPool(
            f"{rules.venue}: the ticks in reach trade {amount - done.left} of {amount}; "
            "ask for less, or load the pool again"
        )
    return done


class _State:
    """What changes along the way."""

    def __init__(self, book: Book, amount: int) -> None:
        self.price, self.tick, self.liquidity = book.price, book.tick, book.liquidity
        self.left, self.other, self.fee = amount, 0, 0


def farthest(book: Book, amount: int, rules: Rules, meter: Meter | None = None, *, down: bool, exact_in: bool) -> Walk:
    """Return the swap of *amount* or of what the ticks in reach hold of it, at the rates of *meter* if given."""
    state = _State(book, amount)
    limit = rules.price_at(ticks.TICK_MIN) + rules.margin if down else rules.price_at(ticks.TICK_MAX) - rules.margin
    for tick in _stops(book, rules, down=down):
        if not state.left or state.price == limit:
            break
        ahead = rules.price_at(tick)
        target = max(ahead, limit) if down else min(ahead, limit)
        before = state.price
        _stretch(state, target, tick, rules, meter, down=down, exact_in=exact_in)
        if state.price == ahead:
            state.tick = tick - 1 if down else tick
            net = book.nets.get(tick, 0)
            state.liquidity += -net if down else net
            if state.liquidity < 0:
                raise EmptyPool(f"{rules.venue}: the ticks known do not add up; load the pool again")
        elif state.price != before:
            state.tick = ticks.tick_at(state.price, rules.price_at)
    done = amount - state.left
    paid, out = (done, state.other) if exact_in else (state.other, done)
    return Walk(paid, out, state.fee, state.price, state.tick, state.liquidity, state.left)


def _stops(book: Book, rules: Rules, *, down: bool) -> list[int]:
    """Return the ticks ahead at which the liquidity changes, nearest first, and the edge if a swap may go there."""
    if not book.first <= book.tick <= book.last or not book.price:
        raise EmptyPool(f"{rules.venue}: the ticks around the price are not known; load the pool again")
    if down:
        edge = max(rules.edge, book.first)
        stops = sorted((tick for tick in book.nets if edge <= tick <= book.tick), reverse=True)
    else:
        edge = min(rules.edge, book.last)
        stops = sorted(tick for tick in book.nets if book.tick < tick <= edge)
    if not rules.needs_next and (not stops or stops[-1] != edge):
        stops.append(edge)
    return stops


def _stretch(
    state: _State, target: int, tick: int, rules: Rules, meter: Meter | None, *, down: bool, exact_in: bool
) -> None:
    """Move *state* to *target* or as far as the amount goes, in as many steps as the fee has rates."""
    while True:
        rate, bound, skipped = rules.rate, target, False
        if meter is not None:
            rate = meter.rate()
            bound, skipped = meter.bounded(target, state.liquidity)
        run = ticks.step_in if exact_in else ticks.step_out
        done = run(state.price, bound, state.liquidity, state.left, rate, fee_on_input=rules.fee_on_input)
        paid = done.amount_in + (done.fee if rules.fee_on_input else 0)
        state.left -= paid if exact_in else done.amount_out
        state.other += done.amount_out if exact_in else paid
        state.fee += done.fee
        state.price = done.price
        if meter is not None:
            meter.advance(done.price, tick if done.price == rules.price_at(tick) else None, skipped=skipped)
        if not state.left or state.price == target:
            return
