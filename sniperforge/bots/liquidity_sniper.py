"""liquidity_sniper: buys launches that pass its filters, and gets out by its exit program.

PoolCreated -> LaunchRefused | TokenWanted, FactsWanted (it waits) | OrderProposed (buy)
fills       -> positions; trades and time -> OrderProposed (sell)

The first message it makes is BotStarted: the coordinator answers with the open
positions of this name, and each is watched again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from sniperforge.base.config import Source
from sniperforge.base.events import (
    BotStarted,
    CurveCompleted,
    Event,
    HaltChanged,
    LaunchRefused,
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
    TokenInspected,
    event_id,
)
from sniperforge.base.units import BPS_ONE, NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.bots.holdings import Holdings, advance
from sniperforge.bots.judge import Judge, Verdict, questions
from sniperforge.bots.settings import check_filters, known_venues, read_settings
from sniperforge.dex.venue import Venue
from sniperforge.trading.exits import ExitSettings
from sniperforge.trading.facts import TOLD
from sniperforge.trading.filters import CURVES, NANOS_PER_MS, FilterSettings, Refusal, refusal
from sniperforge.trading.required import Required, quoter
from sniperforge.trading.sizing import SizingSettings, size_entry

KIND = "liquidity_sniper"

_NO_POOL = Pool(
    venue="",
    address=ZERO_KEY,
    base_mint=ZERO_KEY,
    quote_mint=ZERO_KEY,
    base_program=ZERO_KEY,
    quote_program=ZERO_KEY,
    base_reserve=0,
    quote_reserve=0,
)
FACTS_TOLD = tuple(TOLD)
_MONEY = PositionChanged | OrderSigned | OrderSent | OrderLanded | OrderFailed | OrderRefused | OrderExpired


class SniperSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one liquidity_sniper.

    Attributes:
        positions_max: positions open and entries on their way, together. Entries that were
            on their way when the bot died are not known to its successor until they land:
            the hard limit is the coordinator's.
        cooldown_ms: least time between two entries.
        entry_answer_s: an entry without any answer for so long gives its place back.
        filters, sizing, exits: sections of their own.
    """

    positions_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3
    cooldown_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 500
    entry_answer_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 180
    filters: FilterSettings = FilterSettings()
    sizing: SizingSettings = SizingSettings()
    exits: ExitSettings = ExitSettings()


def settings_from(
    raw: Mapping[str, Any], where: str, *, source: Source | None = None, venues: Mapping[str, Venue] | None = None
) -> SniperSettings:
    """Return the settings in a TOML table; raises ConfigErrors with every problem by its full key path."""
    settings = read_settings(SniperSettings, raw, where, source)
    place = f"{where}.filters" if where else "filters"
    check_filters(settings.filters, known_venues() if venues is None else venues, place, source)
    return settings


def make(name: str, raw: Mapping[str, Any], *, where: str = "", source: Source | None = None) -> LiquiditySniper:
    """Return the bot *name* with the settings in *raw*; raises ConfigErrors."""
    venues = known_venues()
    return LiquiditySniper(name, settings_from(raw, where, source=source, venues=venues), venues)


def size_of(settings: SniperSettings) -> int:
    """Return the size of the buy that facts are about, quote base units."""
    return settings.filters.impact_quote_amount or settings.sizing.quote_amount


def judge_of(settings: SniperSettings, venues: Mapping[str, Venue], required: Required | None = None) -> Judge:
    """Return the judge of a bot with these settings; *required* is that of such a judge, to be shared."""
    quote = quoter(size_of(settings), venues)
    return Judge(settings.filters, frozenset(venues), quote=quote, required=required)


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """A buy that was proposed and has not become a position."""

    order: OrderProposed
    answer_ns: int


def _entry_of(name: str, sizing: SizingSettings) -> OrderProposed:
    """Return what every entry of the bot *name* says, without its pool and amounts."""
    return OrderProposed(
        bot=name,
        side="buy",
        pool=_NO_POOL,
        amount_in=0,
        amount_out_min=0,
        slippage_bps=sizing.slippage_bps,
        priority_fee_micro_lamports=sizing.priority_fee_micro_lamports,
        tip_lamports=sizing.tip_lamports,
        reason="entry",
        attempt=0,
        position_id=0,
    )


class LiquiditySniper:
    """The built-in sniper: see the module.

    Args:
        name: of this instance, in every message it makes.
        settings: checked.
        venues: every venue by name.
        required: that of another bot with these settings, to be shared with what it was told.
    """

    interest: frozenset[type[Event]] = frozenset(
        {
            PoolCreated,
            Swapped,
            LiquidityChanged,
            CurveCompleted,
            PoolMigrated,
            TokenInspected,
            OrderSigned,
            OrderSent,
            OrderLanded,
            OrderFailed,
            OrderRefused,
            OrderExpired,
            PositionChanged,
            HaltChanged,
        }
    )

    def __init__(
        self, name: str, settings: SniperSettings, venues: Mapping[str, Venue], *, required: Required | None = None
    ) -> None:
        self.name = name
        self._settings, self._venues = settings, venues
        self._judge = judge_of(settings, venues, required)
        if self._judge.required is not None:
            self.interest = LiquiditySniper.interest | self._judge.required.kinds
        self._holdings = Holdings(name, settings.exits, venues)
        self._entries: dict[int, _Entry] = {}
        self._entering_mints: set[Pubkey] = set()
        # Pools that are judged or bought right now, at their newest state.
        self._fresh: dict[Pubkey, Pool] = {}
        # What all entries have in common: copying it costs a fifth of naming every field anew.
        self._entry = _entry_of(name, settings.sizing)
        self._sizing, self._positions_max = settings.sizing, settings.positions_max
        self._least_bps = BPS_ONE - settings.sizing.slippage_bps
        self._cooldown_ns = settings.cooldown_ms * NANOS_PER_MS
        self._answer_ns = settings.entry_answer_s * NANOS_PER_SECOND
        self._launch: PoolCreated | None = None
        self._started = self._halted = False
        self._entered_ns = 0

    def describe(self) -> str:
        """Return one line: what it is and what it holds now."""
        held, entering = len(self._holdings.positions), len(self._entries)
        state = ", halted" if self._halted else ""
        return (
            f"{KIND} {self.name}: {held} positions, {entering} entries, {self._judge.waiting} launches waiting{state}"
        )

    def on(self, event: Event, now_ns: int) -> list[Event]:
        """Return what *event* makes this bot say."""
        if self._started and isinstance(event, PoolCreated) and event.pool.venue in CURVES:
            return self._decide(self._judge.launch(event, now_ns), now_ns)  # no curve is a coin's new home
        out = self._start(now_ns)
        if isinstance(event, PoolCreated):
            out += self._holdings.created(event, now_ns)
            out += self._decide(self._judge.launch(event, now_ns), now_ns)
        elif isinstance(event, (Swapped, LiquidityChanged, CurveCompleted)):
            pool = self._fresh.get(event.pool)
            if pool is not None:
                self._fresh[event.pool] = advance(self._venues, pool, event)
            out += self._holdings.market(event, now_ns)
        elif isinstance(event, PoolMigrated):
            out += self._holdings.market(event, now_ns)
        elif isinstance(event, FACTS_TOLD):
            for verdict in self._judge.told(event, now_ns):
                out += self._decide(verdict, now_ns)
        elif isinstance(event, HaltChanged):
            # The halt of one venue is the coordinator's: it refuses those orders by name.
            self._halted = self._halted if event.venue else event.halted
        else:
            out += self._on_money(event, now_ns)
        return out

    def on_tick(self, now_ns: int) -> list[Event]:
        """Return what the time makes this bot say."""
        out = self._start(now_ns)
        for order_id, entry in list(self._entries.items()):
            if now_ns >= entry.answer_ns:
                self._leave_entry(order_id)
        for verdict in self._judge.tick(now_ns):
            out += self._decide(verdict, now_ns)
        return out + self._holdings.tick(now_ns)

    def due_ns(self) -> int:
        """Return when `on_tick` is worth calling: a pool opens that is waited for; 0: at no certain time."""
        return self._judge.due_ns

    def rehearse(self) -> list[Event]:
        """Judge the newest launch once more, as a bot that holds nothing; return it and what that bot says.

        Nothing of it may be sent. It keeps the way of a launch through the filters and
        the sizing at hand for the next one.
        """
        if self._launch is None:
            return []
        stranger = LiquiditySniper(self.name, self._settings, self._venues, required=self._judge.required)
        stranger._started = True
        return [self._launch, *stranger.on(self._launch, self._launch.ts_ns)]

    def _start(self, now_ns: int) -> list[Event]:
        if self._started:
            return []
        self._started = True
        return [BotStarted(ts_ns=now_ns, bot=self.name)]

    # ── entry ─────────────────────────────────────────────────────────────

    def _decide(self, verdict: Verdict, now_ns: int) -> list[Event]:
        """Return what follows from a verdict: a refusal, a question, or a proposal."""
        launch = self._launch = verdict.launch
        address = launch.pool.address
        if verdict.waits:
            self._fresh.setdefault(address, launch.pool)
            return questions(verdict, now_ns, size_of(self._settings))
        waited_ns = now_ns - launch.ts_ns if verdict.waited else 0
        answer = verdict.refusal or self._enter(launch, self._fresh.get(address, launch.pool), waited_ns, now_ns)
        if isinstance(answer, OrderProposed):
            self._fresh[address] = answer.pool
            return [answer]
        if answer.filter != "pool_once":  # the first verdict on that pool may still be waiting, or be bought
            self._fresh.pop(address, None)
        refused = LaunchRefused(
            ts_ns=now_ns,
            origin_ns=launch.origin_ns,
            trace_id=launch.trace_id,
            cause=launch.id,
            bot=self.name,
            pool=address,
            base_mint=launch.pool.base_mint,
            venue=launch.pool.venue,
            filter=answer.filter,
            values=answer.values,
        )
        return [refused]

    def _enter(self, launch: PoolCreated, pool: Pool, waited_ns: int, now_ns: int) -> OrderProposed | Refusal:
        """Return the order that buys *launch*, or what stands against it at this moment."""
        refused = self._no_room(pool, now_ns)
        if refused is None and pool is not launch.pool:  # it waited, and was traded meanwhile
            refused = self._judge.again(launch, pool, now_ns)
        if refused is not None:
            return refused
        size = size_entry(pool, self._sizing, self._venues[pool.venue])
        if isinstance(size, Refusal):
            return size
        order_id = event_id("order", self.name, pool.address, "buy")
        order = replace(
            self._entry,
            id=order_id,
            ts_ns=now_ns,
            origin_ns=launch.origin_ns,
            trace_id=launch.trace_id,
            cause=launch.id,
            pool=pool,
            amount_in=size.amount_in,
            # Of the very quote the size was judged by: nobody has to ask the pool again.
            amount_out_min=size.quote.amount_out * self._least_bps // BPS_ONE,  # `slippage_min` of it
            position_id=order_id,
            creator=launch.creator,
            waited_ns=waited_ns,
        )
        self._entries[order_id] = _Entry(order, now_ns + self._answer_ns)
        self._entering_mints.add(pool.base_mint)
        self._entered_ns = now_ns
        return order

    def _no_room(self, pool: Pool, now_ns: int) -> Refusal | None:
        if self._halted:
            return refusal("halted", seen="halted", allowed="exits only")
        taken = len(self._holdings.positions) + len(self._entries)
        if taken >= self._positions_max:
            return refusal("positions_max", seen=taken, allowed=self._positions_max)
        if now_ns - self._entered_ns < self._cooldown_ns and self._entered_ns:
            since_ms = (now_ns - self._entered_ns) // NANOS_PER_MS
            return refusal("cooldown_ms", seen=since_ms, allowed=self._settings.cooldown_ms)
        if pool.base_mint in self._entering_mints or self._holdings.holds_mint(pool.base_mint):
            return refusal("mint_once", seen="held or being bought", allowed="one position per coin")
        return None

    def _leave_entry(self, order_id: int) -> None:
        entry = self._entries.pop(order_id, None)
        if entry is not None:
            self._fresh.pop(entry.order.pool.address, None)
            self._entering_mints.discard(entry.order.pool.base_mint)

    # ── money ─────────────────────────────────────────────────────────────

    def _on_money(self, event: Event, now_ns: int) -> list[Event]:
        """Return what an answer of the coordinator makes this bot say; other bots' answers are nothing."""
        if not isinstance(event, _MONEY) or event.bot != self.name:
            return []
        if isinstance(event, PositionChanged):
            pool, entered = self._newest(event.pool), event.position_id in self._entries
            self._leave_entry(event.position_id)
            return self._holdings.changed(event, pool, now_ns, entered=entered)
        if isinstance(event, OrderSigned | OrderSent):
            self._holdings.acknowledged(event, now_ns)
        elif isinstance(event, OrderFailed | OrderRefused | OrderExpired):
            self._leave_entry(event.order_id)
            return self._holdings.answered(event, now_ns)
        elif isinstance(event, OrderLanded):
            return self._holdings.answered(event, now_ns)
        return []

    def _newest(self, told: Pool) -> Pool:
        """Return the newer of what the coordinator and the market said about a pool."""
        fresh = self._fresh.get(told.address, told)
        return told if told.slot > fresh.slot else fresh
