"""The coordinator's shell: writes, signs and sends what the desk decides, and tells what became of it.

OrderProposed -> journal -> signature -> journal -> wire        (`on`: one call, no await)
chain, paper  -> OrderLanded | OrderFailed | OrderExpired -> PositionChanged

The same order id is never executed twice: what was decided once is answered
from memory or journal. Nothing is sent that the journal does not hold, and the
journal's word survives us.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from sniperforge.base.clock import Clock
from sniperforge.base.errors import SniperForgeError
from sniperforge.base.events import (
    BotStarted,
    Event,
    HaltChanged,
    InputRefused,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    PoolCreated,
    PositionChanged,
)
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY
from sniperforge.chain.signer import SignRefused
from sniperforge.coordinate.builder import Builder
from sniperforge.coordinate.desk import Desk, Ticket
from sniperforge.coordinate.execution import Execution, Transport
from sniperforge.coordinate.intake import malformed
from sniperforge.coordinate.journal import Journal, JournalFailed, Order
from sniperforge.coordinate.on_paper import PaperExecution
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.coordinate.signing import Signing
from sniperforge.coordinate.wallet import open_signer, read_keys, read_tables
from sniperforge.dex.venue import Venue
from sniperforge.dex.venues import VENUES
from sniperforge.trading.risk import Refusal
from sniperforge.trading.transaction import TransactionInvalid

MINUTE_NS = 60 * NANOS_PER_SECOND
#: Ends this young are told again after a restart: the crash may have come between journal and ring.
RETOLD_NS = 5 * MINUTE_NS
MAINTENANCE_S = 0.1
REHEARSED_LAMPORTS = 1_000_000


@dataclass
class Counts:
    """What happened since the start; read by observers."""

    proposed: int = 0
    malformed: int = 0
    repeated: int = 0
    refused: int = 0
    signed: int = 0
    landed: int = 0
    failed: int = 0
    expired: int = 0


class Coordinator:
    """The single writer of one wallet's money.

    Args:
        settings: see `CoordinateSettings`.
        clock: stamps of everything; in a pipe one that follows the events.
        publish: where events go; called synchronously, in order.
        venues: name -> venue; default: all this version knows.
        transport: replaces the sender of `execution = "rpc"` (tests, benchmarks).
    """

    def __init__(
        self,
        settings: CoordinateSettings,
        *,
        clock: Clock,
        publish: Callable[[Event], None],
        venues: Mapping[str, Venue] | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.settings = settings.checked()
        self.counts = Counts()
        self._clock, self._publish = clock, publish
        self._venues = VENUES if venues is None else venues
        self._transport = transport
        self._tips = read_keys("coordinate.tip_accounts", settings.tip_accounts)
        self.desk = Desk(self.settings, self._venues, can_tip=bool(self._tips))
        self._unmarked: list[Order] = []
        self._launch: PoolCreated | None = None
        self._draining = False
        self._idle = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._opened = False
        self._failure: Exception | None = None

    # ── life ──

    def open(self) -> None:
        """Take the journal and the key and rebuild the desk. Idempotent.

        Raises:
            JournalUnusable, KeyUnusable, ConfigError: one line with the cure.
        """
        if self._opened:
            return
        settings = self.settings
        self.signer = open_signer(settings, self._venues, self._tips)
        self.builder = Builder(
            self.signer.wallet,
            self._venues,
            tip_account=self._tips[0] if self._tips else ZERO_KEY,
            tables=read_tables(settings.lookup_tables),
        )
        self._signing = Signing(self.builder, self.signer)
        self.journal = Journal(settings.journal, durability=settings.durability)
        self._opened = True
        try:
            for entry in self.desk.restore(self._orders()):
                self.journal.released(entry)
            self._execution = self._executes()
        except BaseException:
            self.close()
            raise

    def _executes(self) -> Execution:
        settings = self.settings
        if settings.execution == "paper":
            return PaperExecution(settings.paper, self._venues, self.desk, self)
        from sniperforge.coordinate.on_chain import ChainExecution

        return ChainExecution(settings, self.desk, self, self.builder, self._clock, self._transport)

    def _orders(self) -> list[Order]:
        orders = list(self.journal.orders())
        for order in orders:
            self._signing.remember(order, since_ns=self._clock.now_ns() - MINUTE_NS)
        return orders

    async def start(self) -> None:
        """Open, learn what became of whatever was in flight, tell the positions, begin.

        Raises:
            UnavailableError: the endpoint does not answer; nothing was sent.
        """
        self.open()
        now_ns = self._clock.now_ns()
        for order in self.desk.recent(now_ns - RETOLD_NS):
            if order.outcome is not None and not isinstance(order.outcome, OrderLanded):
                self._publish(order.outcome)
        closed = self.desk.closed_since(now_ns - RETOLD_NS, now_ns)
        try:
            await self._execution.start(now_ns)
        except BaseException:
            await self.stop()
            raise
        for position in (*closed, *self.desk.positions(None, now_ns)):
            self._publish(position)
        self._tasks.append(asyncio.create_task(self._maintain(), name="coordinate-maintenance"))
        if self.settings.canary_poll_s:
            # Its tables take 50 ms to load, and most coordinators run without.
            from sniperforge.coordinate.canary_watch import CanaryWatch

            watch = CanaryWatch(self.settings, self._venues, self._clock, self._halt)
            self._tasks.append(asyncio.create_task(self._watched(watch.run), name="coordinate-canary"))

    async def drain(self, deadline_s: float) -> bool:
        """Refuse entries from now on and wait until nothing is in flight.

        On paper everything pending is decided at once. Returns whether nothing is left.
        """
        self._draining = True
        self._execution.settle_all(self._clock.now_ns())
        self._idle.clear()
        if self.desk.open_orders:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), deadline_s)
        return not self.desk.open_orders

    async def stop(self) -> None:
        """End every task and close journal and sockets. What is in flight is in the journal."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._opened:
            await self._execution.stop()
        self.close()

    def close(self) -> None:
        """Close the journal."""
        if self._opened:
            self._opened = False
            # A mark that cannot be written changes nothing: signed counts as perhaps sent.
            with contextlib.suppress(JournalFailed):
                self._mark_sent(self._clock.now_ns())
            self.journal.close()

    async def _maintain(self) -> None:
        """Tick and checkpoint for ever; a failure comes out of the next `on`, so that the process ends with it."""
        try:
            while True:
                await asyncio.sleep(MAINTENANCE_S)
                self.tick(self._clock.now_ns())
                self.journal.checkpoint()
        except Exception as failure:
            self._failure = failure

    def _halt(self, event: Event) -> None:
        """Obey what the canary tells, and tell it on."""
        if isinstance(event, HaltChanged):
            self.desk.halt(event)
        self._publish(event)

    async def _watched(self, run: Callable[[], Awaitable[None]]) -> None:
        """Let the canary look for ever. Its own failure ends it, never us."""
        try:
            await run()
        except Exception as failure:
            cure = "trading goes on unwatched; report it, and restart to watch again"
            problem, now_ns = f"the canary failed: {failure!r}", self._clock.now_ns()
            self._publish(InputRefused(ts_ns=now_ns, where="coordinate.canary_poll_s", problem=problem, cure=cure))

    # ── the hot path ──

    def on(self, event: Event) -> None:
        """Handle one event; an order is on the wire when this returns.

        Raises:
            JournalFailed: the disk refuses; nothing was sent and nothing may be.
            Exception: whatever ended a background task; this process must not go on.
        """
        if self._failure is not None:
            raise self._failure
        now_ns = self._clock.now_ns()
        self._execution.advance(now_ns)
        if isinstance(event, OrderProposed):
            self._propose(event, now_ns)
        elif isinstance(event, BotStarted):
            for position in self.desk.positions(event.bot, now_ns):
                self._publish(position)
        elif isinstance(event, HaltChanged):
            self.desk.halt(event)
        elif isinstance(event, PoolCreated):
            # Changes no decision: an order for it finds its keys derived.
            self.builder.prepare(event.pool)
            self._launch = event
        else:
            self.desk.market(event)

    def _propose(self, intent: OrderProposed, now_ns: int) -> None:
        self.counts.proposed += 1
        if problem := malformed(intent):
            self.counts.malformed += 1
            where, cure = f"order {intent.id} of bot {intent.bot[:40]!r}", "mend the bot that proposed it"
            self._publish(InputRefused(ts_ns=now_ns, cause=intent.id, where=where, problem=problem, cure=cure))
            return
        if self.desk.knows(intent.id):
            self._repeat(intent, now_ns)
            return
        if intent.side == "buy" and intent.position_id != intent.id:
            intent = msgspec.structs.replace(intent, position_id=intent.id)
        ticket = self._ticket(intent, now_ns)
        if isinstance(ticket, Refusal):
            self._refuse(intent, ticket, now_ns)
            return
        anchor = self._execution.blockhash(intent, now_ns)
        signed = anchor if isinstance(anchor, Refusal) else self._signing.sign(intent, ticket, anchor, now_ns)
        if isinstance(signed, Refusal):
            self._refuse(intent, signed, now_ns)
            return
        self.journal.signed(signed, now_ns)
        signed_ns = self._clock.now_ns()
        self._execution.submit(signed, ticket, signed_ns)
        sent_ns = self._clock.now_ns()
        # The bytes are on their way: what is remembered and told costs nobody a slot.
        self.desk.accepted(signed, ticket.spend_lamports)
        self._unmarked.append(signed)
        self.counts.signed += 1
        self._publish(self.desk.signed(signed, signed_ns))
        self._publish(self.desk.sent(signed, sent_ns))

    def _ticket(self, intent: OrderProposed, now_ns: int) -> Ticket | Refusal:
        if intent.side == "buy" and self._draining:
            return Refusal("drain", 1, 0)
        return self.desk.decide(intent, now_ns)

    def _refuse(self, intent: OrderProposed, refusal: Refusal, now_ns: int) -> None:
        told = self.desk.refusal(intent, refusal, now_ns)
        self.desk.refused(self.journal.refused(intent, told, now_ns))
        self.counts.refused += 1
        self._publish(told)

    def _repeat(self, intent: OrderProposed, now_ns: int) -> None:
        """A restarted bot says it again: answer what is known, do nothing."""
        self.counts.repeated += 1
        order = self.desk.remembered(intent.id) or self.journal.order(intent.id)
        if order is None:
            raise SniperForgeError(f"order {intent.id} is known but not in {self.journal.path}; restore the journal")
        self._publish(self.desk.answer(order, now_ns))

    def rehearse(self) -> list[Event]:
        """Walk the way of a buy of the newest launch, short of writing and sending; return what it would tell.

        Nothing is signed with the wallet's key, counted, written or told. It keeps the
        code and tables of an order at hand for the next one.
        """
        launch = self._launch
        if launch is None:
            return []
        intent = OrderProposed(
            id=launch.id,
            ts_ns=launch.ts_ns,
            bot="rehearsal",
            side="buy",
            pool=launch.pool,
            amount_in=REHEARSED_LAMPORTS,
            amount_out_min=1,
            slippage_bps=0,
            priority_fee_micro_lamports=1,
            tip_lamports=0,
            reason="entry",
            attempt=0,
            position_id=launch.id,
            creator=launch.creator,
        )
        if malformed(intent) or self.desk.knows(intent.id):
            return []
        # Under an address nobody holds: the pool itself may be bought already.
        unclaimed = msgspec.structs.replace(launch.pool, address=ZERO_KEY)
        ticket = self.desk.decide(msgspec.structs.replace(intent, pool=unclaimed), launch.ts_ns)
        if isinstance(ticket, Refusal):
            return []
        try:
            order = self._signing.rehearse(intent, ticket.terms, launch.ts_ns)
        except (SignRefused, TransactionInvalid):
            return []
        self.journal.rehearse(order)
        return [intent, self.desk.signed(order, launch.ts_ns), self.desk.sent(order, launch.ts_ns)]

    # ── ends ──

    def tick(self, now_ns: int) -> None:
        """Do what is due: paper fills, marks of what was sent."""
        self._execution.advance(now_ns)
        self._mark_sent(now_ns)

    def _mark_sent(self, now_ns: int) -> None:
        for order in self._unmarked:
            if order.state == "signed":
                self.journal.moved(order, "sent", now_ns)
        self._unmarked.clear()

    def landed(self, order: Order, fill: OrderLanded) -> None:
        """The chain shows the order succeeded: write, fold, tell."""
        self._end(order, fill.commitment, fill, fill.ts_ns)

    def failed(self, order: Order, problem: str, fee_lamports: int, now_ns: int) -> None:
        """The chain shows the order reverted."""
        retryable = problem != "insufficient lamports"
        self._end(order, "failed", self.desk.failed(order, problem, fee_lamports, now_ns, retryable=retryable), now_ns)

    def expired(self, order: Order, now_ns: int) -> None:
        """It is proven that the order never landed and never will."""
        self._end(order, "expired", self.desk.expired(order, now_ns), now_ns)

    def noticed(self, order: Order, state: str, now_ns: int) -> None:
        """Write a state on the way: processed, or finalized after its fill was told."""
        if state != order.state:
            self.journal.moved(order, state, now_ns)

    def publish(self, event: Event) -> None:
        """Tell *event* as it is."""
        self._publish(event)

    def _end(self, order: Order, state: str, outcome: Event, now_ns: int) -> None:
        if not order.in_flight:
            return
        self.journal.moved(order, state, now_ns, outcome=outcome)
        told, closed_entry = self.desk.ended(order, outcome)
        if closed_entry is not None:
            self.journal.released(closed_entry)
        if isinstance(outcome, OrderLanded):
            self.counts.landed += 1
        elif isinstance(outcome, OrderFailed):
            self.counts.failed += 1
        else:
            self.counts.expired += 1
        self._publish(outcome)
        for event in told:
            self._publish(event)
        if not self.desk.open_orders:
            self._idle.set()

    # ── figures ──

    def prime(self, blockhash: bytes, last_valid_block_height: int, *, wallet_lamports: int) -> None:
        """Give what the endpoint would have told (benchmarks and tests without one)."""
        from sniperforge.coordinate.on_chain import ChainExecution

        assert isinstance(self._execution, ChainExecution)
        self._execution.prime(blockhash, last_valid_block_height, self._clock.now_ns())
        self.desk.exposure.wallet_lamports = wallet_lamports

    def positions(self) -> list[PositionChanged]:
        """Return every open position."""
        return self.desk.positions(None, self._clock.now_ns())

    def stats(self) -> dict[str, int]:
        """Return counters and gauges, lamports and counts."""
        exposure = self.desk.exposure
        gauges = {
            "orders_in_flight": len(self.desk.open_orders),
            "positions_open": len(self.desk.book.open()),
            "claims": len(exposure.claims),
            "wallet_lamports": exposure.wallet_lamports,
            "bound_lamports": exposure.held_lamports,
            "pnl_lamports": self.desk.book.pnl_lamports,
            "slow_messages": self.builder.slow_count,
        }
        return {**vars(self.counts), **gauges, **self._execution.stats()}
