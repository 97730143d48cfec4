"""Holdings: the positions of one bot and the exits they need, until nothing is held.

PositionChanged                          -> a position watched (ExitArmed), changed or let go
trades, liquidity, time                  -> OrderProposed (sell), one in flight per position
OrderLanded, Failed, Refused, Expired    -> the next try: new quote, wider slippage, later
CurveCompleted, PoolMigrated             -> selling stops on the curve, goes on in the new pool

A failed exit is never the end: tries go on, further apart, with wider slippage,
until the coordinator says that the position is closed.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sniperforge.base import keys
from sniperforge.base.events import (
    CurveCompleted,
    Event,
    ExitArmed,
    LiquidityChanged,
    OrderExpired,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    OrderRefused,
    OrderSent,
    OrderSigned,
    Pool,
    PoolCreated,
    PoolMigrated,
    PositionChanged,
    Swapped,
    event_id,
)
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.bots.migrations import Migrations
from sniperforge.dex.venue import EmptyPool, Venue
from sniperforge.trading.exits import Exit, ExitSettings, Flight, Position, due, pause_ns, slippage_of
from sniperforge.trading.filters import NANOS_PER_MS, is_curve, quote_liquidity

#: A signed order can land until its blockhash dies (150 slots, about a minute);
#: after this long the coordinator has certainly asked the chain.
SETTLE_NS = 150 * NANOS_PER_SECOND
#: How often one proposal is asked again before it counts as failed.
ASKS_MAX = 3

Answer = OrderLanded | OrderFailed | OrderRefused | OrderExpired
Acknowledgement = OrderSigned | OrderSent


def advance(venues: Mapping[str, Venue], pool: Pool, event: Swapped | LiquidityChanged | CurveCompleted) -> Pool:
    """Return *pool* after *event*; what is older than the pool, or of a venue unknown here, changes nothing."""
    venue = venues.get(pool.venue)
    return pool if venue is None or event.slot < pool.slot else venue.apply(pool, event)


class Holdings:
    """Positions of one bot and their exit programs.

    Args:
        bot: whose they are; messages of other bots are nothing to it.
        settings: the exit program, the same for all of them.
        venues: every venue by name.
    """

    def __init__(self, bot: str, settings: ExitSettings, venues: Mapping[str, Venue]) -> None:
        self._bot, self._settings, self._venues = bot, settings, venues
        self._migrations = Migrations()
        self.positions: dict[int, Position] = {}
        self._by_pool: dict[Pubkey, list[Position]] = {}
        self._by_mint: dict[Pubkey, list[Position]] = {}

    def holds_mint(self, mint: Pubkey) -> bool:
        """Return whether a position in *mint* is open."""
        return mint in self._by_mint

    # ── what happened ─────────────────────────────────────────────────────

    def changed(self, told: PositionChanged, pool: Pool, now_ns: int, *, entered: bool = False) -> list[Event]:
        """Fold what the coordinator says about a position.

        Args:
            told: the position as it is now.
            pool: the newest state known of its pool.
            now_ns: the present.
            entered: this process proposed its entry, so no exit of it was tried before.
        """
        position = self.positions.get(told.position_id)
        if told.state != "open" or told.base_amount <= 0:
            if position is not None:
                self._forget(position)
            return []
        if position is None:
            return self._open(told, pool, now_ns, entered=entered)
        position.held = told.base_amount
        position.entry_base, position.entry_quote = told.entry_base, told.entry_quote
        same_coin = told.pool.base_mint == position.pool.base_mint
        if same_coin and told.pool.address == position.pool.address and told.pool.slot > position.pool.slot:
            position.pool = told.pool
        if position.suspended and same_coin and told.pool.address != position.pool.address:
            return [*self._move(position, told.pool, told, now_ns), *self._review(position, told, now_ns)]
        return [self._armed(position, "told again", told, now_ns)] if told.recovered else []

    def _open(self, told: PositionChanged, pool: Pool, now_ns: int, *, entered: bool) -> list[Event]:
        position = Position(
            position_id=told.position_id,
            pool=pool,
            held=told.base_amount,
            entry_base=told.entry_base,
            entry_quote=told.entry_quote,
            opened_ns=told.opened_ns or now_ns,
            liquidity_entry=quote_liquidity(pool),
            trace_id=told.trace_id,
            creator=told.creator,
            attempts_base=0 if entered else max(told.ts_ns - told.opened_ns, 0) // NANOS_PER_MS,
        )
        self.positions[position.position_id] = position
        self._by_pool.setdefault(pool.address, []).append(position)
        self._by_mint.setdefault(pool.base_mint, []).append(position)
        detail = "recovered, high-water mark starts now" if told.recovered else "opened"
        out: list[Event] = [self._armed(position, detail, told, now_ns)]
        if self._migrations.has_ended(pool.address) or (is_curve(pool) and pool.numbers.get("complete")):
            out += self._suspend(position, told, now_ns)
        return out + self._review(position, told, now_ns)

    def market(self, event: Event, now_ns: int) -> list[Event]:
        """Fold a message of the market; return the exits it makes due."""
        if isinstance(event, (Swapped, LiquidityChanged)):
            positions = self._by_pool.get(event.pool, ())
            out: list[Event] = []
            for position in positions:
                position.pool = advance(self._venues, position.pool, event)
                out += self._review(position, event, now_ns)
            return out
        if isinstance(event, PoolCreated):
            return self.created(event, now_ns)
        self._migrations.note(event)
        if isinstance(event, (CurveCompleted, PoolMigrated)):
            ended = [p for p in self._by_pool.get(event.pool, ()) if p.pool.base_mint == event.base_mint]
            return [message for position in ended for message in self._suspend(position, event, now_ns)]
        return []

    def created(self, event: PoolCreated, now_ns: int) -> list[Event]:
        """Fold a new pool: it may be the home of a coin whose curve is over. No curve ever is."""
        if is_curve(event.pool):
            return []
        self._migrations.note(event)
        return self._go_home(event, now_ns)

    def _suspend(self, position: Position, event: Event, now_ns: int) -> list[Event]:
        out: list[Event] = []
        if not position.suspended:
            position.suspended = True
            out.append(self._armed(position, "curve is complete, waiting for its new pool", event, now_ns))
        home = self._migrations.home(position.pool.base_mint)
        return out if home is None else out + self._move(position, home, event, now_ns)

    def _go_home(self, created: PoolCreated, now_ns: int) -> list[Event]:
        mint, out = created.pool.base_mint, list[Event]()
        waiting = [position for position in self._by_mint.get(mint, ()) if position.suspended]
        home = self._migrations.home(mint) if waiting else None
        for position in waiting if home is not None else ():
            assert home is not None
            out += self._move(position, home, created, now_ns)
        return out

    def _move(self, position: Position, home: Pool, event: Event, now_ns: int) -> list[Event]:
        _unlist(self._by_pool, position.pool.address, position)
        position.pool, position.suspended, position.retry_ns = home, False, 0
        position.liquidity_entry = quote_liquidity(home)
        self._by_pool.setdefault(home.address, []).append(position)
        detail = f"moved to {home.venue} {keys.text(home.address)}"
        return [self._armed(position, detail, event, now_ns)]

    # ── answers to orders ─────────────────────────────────────────────────

    def acknowledged(self, event: Acknowledgement, now_ns: int) -> None:
        """The coordinator has the order: only the chain can end it now."""
        position = self.positions.get(event.position_id)
        if position is not None and position.flight is not None and position.flight.order.id == event.order_id:
            position.flight.acknowledged, position.flight.asked_ns = True, now_ns

    def answered(self, event: Answer, now_ns: int) -> list[Event]:
        """An order ended; a sale that did not land is tried again, the first retry without waiting for a trade."""
        position = self.positions.get(event.position_id)
        if position is None or position.flight is None or position.flight.order.id != event.order_id:
            return []
        flight = position.flight
        if isinstance(event, OrderLanded):
            position.flight, position.failures, position.misses, position.retry_ns = None, 0, 0, 0
            # The position's own message may be here already; what it says is not taken off twice.
            if position.held == flight.held:
                position.held = max(position.held - event.base_amount, 0)
            return []
        self._failed(position, now_ns, missed=not isinstance(event, OrderRefused))
        return self._review(position, event, now_ns)

    def _failed(self, position: Position, now_ns: int, *, missed: bool) -> None:
        position.flight = None
        position.failures += 1
        position.misses += missed
        position.retry_ns = now_ns + pause_ns(self._settings, position)

    def tick(self, now_ns: int) -> list[Event]:
        """Return the exits that the time makes due."""
        nothing = msgspec.structs.replace(_TICK, ts_ns=now_ns)
        return [
            message for position in list(self.positions.values()) for message in self._review(position, nothing, now_ns)
        ]

    # ── what is due ───────────────────────────────────────────────────────

    def _review(self, position: Position, event: Event, now_ns: int) -> list[Event]:
        """Return what *position* needs now: nothing, a proposal, or an old one asked again."""
        if position.flight is not None:
            again = self._ask_again(position, position.flight, now_ns)
            if again is not None or position.flight is not None:
                return [] if again is None else [again]
        if position.suspended or position.held <= 0:
            return []
        value = self._value(position)
        found = due(self._settings, position, value, now_ns)
        if found is None:
            return []
        out = self._dust(position, value, event, now_ns) if position.closing else []
        if now_ns >= position.retry_ns:
            out.append(self._propose(position, found, event, now_ns))
        return out

    def _value(self, position: Position) -> int:
        """Return what the whole holding would sell for now, 0 when the pool quotes nothing."""
        venue = self._venues.get(position.pool.venue)
        if venue is None:
            return 0
        try:
            return int(venue.quote_in(position.pool, position.held, is_buy=False).amount_out)
        except EmptyPool:
            return 0

    def _dust(self, position: Position, value: int, event: Event, now_ns: int) -> list[Event]:
        """Note whether the holding is worth selling; say so when that changes."""
        dust = value <= self._settings.dust_quote
        if dust == position.dust:
            return []
        position.dust, position.failures, position.misses = dust, 0, 0
        if not dust:
            # Back to the ordinary pace, but a price that flickers must not buy a try each time.
            position.retry_ns = min(position.retry_ns, now_ns + self._settings.retry_ms_max * NANOS_PER_MS)
        detail = f"worth {value}, {'less than the fee, trying rarely' if dust else 'selling again'}"
        return [self._armed(position, detail, event, now_ns)]

    def _propose(self, position: Position, found: Exit, event: Event, now_ns: int) -> OrderProposed:
        attempt = position.attempts.get((found.rule, found.step), position.attempts_base)
        position.attempts[found.rule, found.step] = attempt + 1
        order = OrderProposed(
            id=event_id("order", self._bot, position.position_id, found.rule, found.step, attempt),
            ts_ns=now_ns,
            origin_ns=event.origin_ns,
            trace_id=position.trace_id,
            cause=event.id,
            bot=self._bot,
            side="sell",
            pool=position.pool,
            amount_in=found.amount,
            amount_out_min=0,
            slippage_bps=slippage_of(self._settings, position, found.rule),
            priority_fee_micro_lamports=self._settings.priority_fee_micro_lamports,
            tip_lamports=self._settings.tip_lamports,
            reason=found.reason,
            attempt=attempt,
            position_id=position.position_id,
            creator=position.creator,
        )
        position.flight = Flight(order=order, asked_ns=now_ns, held=position.held)
        return order

    def _ask_again(self, position: Position, flight: Flight, now_ns: int) -> OrderProposed | None:
        """Return the proposal in flight once more when it stayed without an answer too long.

        The id is the same, so a coordinator that has it cannot do it twice. After
        ASKS_MAX silent rounds it counts as failed.
        """
        patience_ns = SETTLE_NS if flight.acknowledged else self._settings.answer_ms * NANOS_PER_MS
        if now_ns - flight.asked_ns < patience_ns:
            return None
        if flight.asks >= ASKS_MAX:
            self._failed(position, now_ns, missed=flight.acknowledged)
            return None
        flight.asks, flight.asked_ns = flight.asks + 1, now_ns
        flight.order = msgspec.structs.replace(flight.order, ts_ns=now_ns, pool=position.pool)
        return flight.order

    # ── the list ──────────────────────────────────────────────────────────

    def _armed(self, position: Position, detail: str, event: Event, now_ns: int) -> ExitArmed:
        return ExitArmed(
            ts_ns=now_ns,
            origin_ns=event.origin_ns,
            trace_id=position.trace_id,
            cause=event.id,
            bot=self._bot,
            position_id=position.position_id,
            detail=detail,
        )

    def _forget(self, position: Position) -> None:
        _unlist(self._by_pool, position.pool.address, position)
        _unlist(self._by_mint, position.pool.base_mint, position)
        del self.positions[position.position_id]


def _unlist(lists: dict[Pubkey, list[Position]], key: Pubkey, position: Position) -> None:
    """Take *position* off the list at *key*; an empty list goes too."""
    lists[key] = [other for other in lists[key] if other is not position]
    if not lists[key]:
        del lists[key]


_TICK = Event()
