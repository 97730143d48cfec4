"""Exits: when a position is sold, how much of it, and on what terms.

position + value + now -> Exit | None            (the exit program)
failures -> slippage, pause before the next try  (answering a failed exit)

The holding is the truth: a ladder step is done when no more is held than it
leaves, so partial fills, sells by hand and restarts need no memory. After a restart
the high-water mark of the trailing stop starts at the value of that moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import msgspec

from sniperforge.base.events import WRITE_OFF, OrderProposed, Pool
from sniperforge.base.units import BPS_ONE, NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.trading.filters import NANOS_PER_MS, is_curve, quote_liquidity
from sniperforge.trading.sizing import Slippage

Millis = Annotated[int, msgspec.Meta(ge=1, le=86_400_000)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=31_536_000)]
Share = Annotated[int, msgspec.Meta(ge=0, le=BPS_ONE)]

#: Rules that cannot wait for a better price: they start at the widest slippage.
URGENT = frozenset(("pool_dead",))


class TakeProfit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of the ladder.

    Attributes:
        gain_bps: gain over the entry price at which it sells, 10_000 = doubled.
        sell_bps: share of what the entry bought (not of what is left) to sell.
    """

    gain_bps: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
    sell_bps: Annotated[int, msgspec.Meta(ge=1, le=BPS_ONE)]


class ExitSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The exit program. Gains compare what the holding would sell for, the venue's fees
    taken off, with what the entry paid for it, fees of the network and rent left out.

    Attributes:
        take_profit: the ladder, gains rising, shares adding up to 10_000 at most.
        stop_loss_bps: loss at which all is sold; 0: off.
        trailing_activation_bps: gain from which the trailing stop counts.
        trailing_distance_bps: fall from the highest value at which all is sold; 0: off.
        time_stop_s: age at which all is sold; 0: off.
        pool_dead_bps: sell all at once when less than this share of the liquidity at
            entry is left in an AMM pool; 0: off.
        slippage_bps, slippage_step_bps, slippage_bps_max: of the first try, added by
            each miss, and never more; 9_999 is out at any price.
        retry_ms, retry_ms_max: pause after a failed exit, doubled by each, and never more.
        answer_ms: how long a proposal may stay without any answer before it is asked again.
        dust_quote: a full exit that brings no more than this (base units of the quote
            mint) costs more than it gives: tried once at any price, then again after
            dust_retry_s, doubled up to dust_retry_s_max, until it is gone or worth more.
        write_off_tries: a holding for which its pool pays nothing at all is burned
            after this many failed tries, its account closed and its rent taken back:
            a rug ends as a recorded loss. 0: never.
        priority_fee_micro_lamports, tip_lamports: what an exit pays.
    """

    take_profit: Annotated[tuple[TakeProfit, ...], msgspec.Meta(max_length=32)] = (
        TakeProfit(gain_bps=5_000, sell_bps=5_000),
        TakeProfit(gain_bps=20_000, sell_bps=2_500),
    )
    stop_loss_bps: Share = 3_000
    trailing_activation_bps: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 3_000
    trailing_distance_bps: Share = 2_000
    time_stop_s: Seconds = 900
    pool_dead_bps: Share = 5_000
    slippage_bps: Slippage = 500
    slippage_step_bps: Slippage = 1_000
    slippage_bps_max: Slippage = BPS_ONE - 1
    retry_ms: Millis = 400
    retry_ms_max: Millis = 15_000
    answer_ms: Millis = 15_000
    dust_quote: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] = 20_000
    dust_retry_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60
    dust_retry_s_max: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 3_600
    write_off_tries: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 6
    priority_fee_micro_lamports: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 200_000
    tip_lamports: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Yield (key, problem, cure) of what types and ranges cannot say."""
        gains = [step.gain_bps for step in self.take_profit]
        if gains != sorted(set(gains)):
            yield "take_profit", f"gain_bps must rise from step to step, got {gains}", "sort the steps"
        if (total := sum(step.sell_bps for step in self.take_profit)) > BPS_ONE:
            yield "take_profit", f"sell_bps add up to {total}, more than is held", f"keep the sum at {BPS_ONE} or below"
        if not self.stop_loss_bps and not self.time_stop_s:
            problem = "neither stop_loss_bps nor time_stop_s is on: a losing position would be held for ever"
            yield "time_stop_s", problem, "set one of them"
        for low, high in (("slippage_bps", "slippage_bps_max"), ("retry_ms", "retry_ms_max")):
            if getattr(self, low) > getattr(self, high):
                yield low, f"{getattr(self, low)} is above {high} = {getattr(self, high)}", f"lower it or raise {high}"
        if self.dust_retry_s > self.dust_retry_s_max:
            problem = f"{self.dust_retry_s} is above dust_retry_s_max = {self.dust_retry_s_max}"
            yield "dust_retry_s", problem, "lower it or raise dust_retry_s_max"


@dataclass(slots=True)
class Flight:
    """A proposed exit that has no final answer yet.

    Attributes:
        order: as proposed; asked_ns: when last; asks: how often.
        acknowledged: the coordinator has signed or sent it: only the chain can end it.
        held: what was held when it was proposed.
    """

    order: OrderProposed
    asked_ns: int
    held: int
    asks: int = 1
    acknowledged: bool = False


@dataclass(slots=True)
class Position:
    """What is held of one coin, and how far its exit is.

    Attributes:
        held: base units now; entry_base, entry_quote: what the entry moved.
        liquidity_entry: quote liquidity of the pool when this position met it.
        peak_bps: highest value seen, 10_000 = the entry price.
        closing: rule that sells everything; once chosen it stays until nothing is held.
        failures: exits in a row that did not land; misses: those of them that may have
            met the chain. A refusal by the coordinator is not one: the price was not
            the reason, so it does not widen the slippage.
        attempts: tries per (rule, step), so that every try has its own order id;
            attempts_base: where counting starts. After a restart it is the age of the
            position in milliseconds: above every number used before, and the same
            again when the same message is handled again.
        retry_ns: no exit before this.
        suspended: the curve is complete and the new pool is not known yet.
        dust: the holding is worth less than selling it costs.
    """

    position_id: int
    pool: Pool
    held: int
    entry_base: int
    entry_quote: int
    opened_ns: int
    liquidity_entry: int
    trace_id: int = 0
    creator: Pubkey = ZERO_KEY
    peak_bps: int = 0
    closing: str = ""
    failures: int = 0
    misses: int = 0
    attempts: dict[tuple[str, int], int] = field(default_factory=dict)
    attempts_base: int = 0
    retry_ns: int = 0
    suspended: bool = False
    dust: bool = False
    flight: Flight | None = None


class Exit(NamedTuple):
    """Sell *amount* base units because of *rule* (its *step* where it is a ladder)."""

    rule: str
    step: int
    amount: int

    @property
    def reason(self) -> str:
        """The rule as orders name it: "stop_loss", "take_profit[1]"."""
        return f"{self.rule}[{self.step}]" if self.rule == "take_profit" else self.rule


def price_bps(position: Position, value: int) -> int:
    """Return *value* (quote units for all that is held) against what the entry paid for as
    much, 10_000 = the same, rounded down; 10_000 where the entry is unknown."""
    paid = position.entry_quote * position.held
    return value * position.entry_base * BPS_ONE // paid if paid > 0 and position.entry_base > 0 else BPS_ONE


def due(settings: ExitSettings, position: Position, value: int, now_ns: int) -> Exit | None:
    """Return the exit that is due, None while all is well; moves the high-water mark.

    A rule that sells everything is written into `position.closing` and stays:
    a price that comes back does not call off a stop.
    """
    if position.held <= 0:
        return None
    price = price_bps(position, value)
    position.peak_bps = max(position.peak_bps, price)
    position.closing = position.closing or _closing_rule(settings, position, price, now_ns)
    if position.closing:
        rule = WRITE_OFF if _is_lost(settings, position, value) else position.closing
        return Exit(rule, 0, position.held)
    return _ladder(settings, position, price - BPS_ONE)


def _is_lost(settings: ExitSettings, position: Position, value: int) -> bool:
    """Return whether the pool pays nothing and enough tries have shown it."""
    tried = settings.write_off_tries and position.failures >= settings.write_off_tries
    return bool(tried and position.dust and value == 0)


def _closing_rule(settings: ExitSettings, position: Position, price: int, now_ns: int) -> str:
    if settings.pool_dead_bps and not is_curve(position.pool):
        left = quote_liquidity(position.pool) * BPS_ONE
        if left < position.liquidity_entry * settings.pool_dead_bps:
            return "pool_dead"
    if settings.stop_loss_bps and price <= BPS_ONE - settings.stop_loss_bps:
        return "stop_loss"
    trailing = settings.trailing_distance_bps and position.peak_bps >= BPS_ONE + settings.trailing_activation_bps
    if trailing and price * BPS_ONE <= position.peak_bps * (BPS_ONE - settings.trailing_distance_bps):
        return "trailing_stop"
    if settings.time_stop_s and now_ns - position.opened_ns >= settings.time_stop_s * NANOS_PER_SECOND:
        return "time_stop"
    return ""


def _ladder(settings: ExitSettings, position: Position, gain: int) -> Exit | None:
    """Return the sale down to what the highest step reached leaves; steps jumped over are sold with it."""
    total, found = 0, None
    for step, rung in enumerate(settings.take_profit):
        if gain < rung.gain_bps:
            break
        total += rung.sell_bps
        amount = position.held - (position.entry_base - position.entry_base * total // BPS_ONE)
        found = Exit("take_profit", step, amount) if amount > 0 else None
    return found


def slippage_of(settings: ExitSettings, position: Position, rule: str) -> int:
    """Return the slippage of the next try: wider with every miss, the widest where there is no time or no value."""
    if rule in URGENT or position.dust:
        return settings.slippage_bps_max
    return min(settings.slippage_bps + settings.slippage_step_bps * position.misses, settings.slippage_bps_max)


def pause_ns(settings: ExitSettings, position: Position) -> int:
    """Return how long to wait after the newest failure; it grows, it has a bound, it never means giving up."""
    doublings = min(max(position.failures - 1, 0), 32)
    if position.dust:
        return min(settings.dust_retry_s << doublings, settings.dust_retry_s_max) * NANOS_PER_SECOND
    return min(settings.retry_ms << doublings, settings.retry_ms_max) * NANOS_PER_MS
