"""One feed: sources raced, deduplicated, watched for gaps, recorded.

endpoints -> race -> record, sink          tapes, announcers -> record, sink
heartbeats -> gap ledger -> back-fill -> race, marked late

Tapes do not race: what is on them was deduplicated when it was recorded, and a
test tape may repeat a signature on purpose. Nor do announcers, see `dex_ws`.
Accounts ("program" endpoints) race by their address, and cover no slots.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import msgspec

from sniperforge.base.clock import Clock, SystemClock
from sniperforge.base.errors import ConfigError, UnavailableError
from sniperforge.base.events import Event, Frame, InputRefused
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.feeds.address import masked, parse_source
from sniperforge.feeds.backfill import Backfill, BackfillIncomplete
from sniperforge.feeds.gaps import Gap, GapLedger, told
from sniperforge.feeds.recording import DRAIN_S, Recorder, RecordingStopped
from sniperforge.feeds.rpc import Caller
from sniperforge.feeds.settings import Endpoint, FeedSettings, Tape
from sniperforge.feeds.signature import Race, RaceStats
from sniperforge.feeds.source import Sink, Source, SourceStats, ended
from sniperforge.feeds.tape import TapeSource

__all__ = ["Endpoint", "Feed", "FeedSettings", "FeedStats", "Tape", "masked", "parse_source"]


class FeedStats(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a feed since its start.

    Attributes:
        frames: handed to the sink, late ones included; late: those by back-fill.
        sources: per source; race: per source that raced, and back-fill.
        gaps_seen, gaps_closed: gaps told, and gaps back-filled whole.
        recorded, record_dropped, record_refused: frames on the tape; lost to its
            buffer's bound; left out because they were no JSON.
    """

    frames: int
    late: int
    sources: tuple[SourceStats, ...]
    race: dict[str, RaceStats]
    gaps_seen: int
    gaps_closed: int
    slot: int
    recorded: int = 0
    record_dropped: int = 0
    record_refused: int = 0


class _Door:
    """A sink made of two functions."""

    def __init__(self, frame: Callable[[bytes, int, str, bool], None], note: Callable[[Event], None]) -> None:
        self.frame, self.note = frame, note


class Feed:
    """All sources of one `feed` stage.

    Args:
        settings: what to read.
        sink: takes what comes; its methods return at once.
        clock: stamps frames; the live clock when not given.
        dice: number in [0, 1) that spreads reconnects.

    Raises:
        ConfigError: there is nothing to read, two sources share a name, or an
            address is unusable.
    """

    def __init__(
        self,
        settings: FeedSettings,
        sink: Sink,
        *,
        clock: Clock | None = None,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._settings, self._sink = settings, sink
        self._clock = clock or SystemClock()
        self._frames = self._late = self._gaps_seen = self._gaps_closed = 0
        self._race = Race(settings.seen_max, self._pass)
        limits = settings.gaps
        self._ledger = GapLedger(grace_ns=int(limits.grace_s * NANOS_PER_SECOND), overlap_slots=limits.overlap_slots)
        self._gaps: asyncio.Queue[Gap] = asyncio.Queue(limits.pending_max)
        self._sources = self._made(dice)
        self._caller = Caller(settings.rpc, limits, now_s=self._now_s) if settings.rpc else None
        self._recorder: Recorder | None = None
        self._services: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the tape to record, then every source; raises ConfigError when a file cannot be opened."""
        if self._settings.record:
            self._recorder = Recorder(self._settings.record)
        self._services.append(asyncio.create_task(self._keep_house(), name="feed house"))
        if self._caller is not None:
            self._services.append(asyncio.create_task(self._fill_gaps(self._caller), name="feed backfill"))
        for source in self._sources:
            await source.start()

    async def wait(self) -> None:
        """Return when every source is at its end (a tape's; an endpoint has none).

        Raises:
            What the sink raised while it took a frame: without a sink there is no feed.
        """
        waits = {asyncio.create_task(source.wait()) for source in self._sources}
        watched = {*waits, *self._services}
        try:
            while waits & watched:
                done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    # A service ends by failure, or because `stop` cancelled it.
                    if not task.cancelled():
                        task.result()
        finally:
            for task in waits:
                task.cancel()

    async def stop(self) -> None:
        """Stop every source, then finish the tape; may be called twice."""
        await asyncio.gather(*(source.stop() for source in self._sources))
        await asyncio.gather(*(ended(task) for task in self._services))
        if self._caller is not None:
            await self._caller.close()
        if self._recorder is not None:
            try:
                self._recorder.close()
            except RecordingStopped as problem:
                self._recording_stopped(problem)

    def stats(self) -> FeedStats:
        """Return the figures so far."""
        recorder = self._recorder
        return FeedStats(
            frames=self._frames,
            late=self._late,
            sources=tuple(source.stats() for source in self._sources),
            race=self._race.stats(),
            gaps_seen=self._gaps_seen,
            gaps_closed=self._gaps_closed,
            slot=self._ledger.newest,
            recorded=recorder.written if recorder else 0,
            record_dropped=recorder.dropped if recorder else 0,
            record_refused=recorder.refused if recorder else 0,
        )

    # ── Watcher ───────────────────────────────────────────────────────────

    def live(self, source: str, subscriptions: dict[int, Pubkey | None]) -> None:
        """See `source.Watcher`."""
        self._race.subscribed(source, subscriptions)
        self._ledger.live(source)

    def slot(self, source: str, slot: int, parent: int) -> None:
        """See `source.Watcher`."""
        self._tell_gaps(self._ledger.slot(source, slot, parent, self._clock.now_ns()))

    def lost(self, source: str) -> None:
        """See `source.Watcher`."""
        self._ledger.lost(source)

    # ── inside ────────────────────────────────────────────────────────────

    def _made(self, dice: Callable[[], float]) -> list[Source]:
        settings = self._settings
        raced, plain = _Door(self._race.frame, self._sink.note), _Door(self._pass, self._sink.note)
        sources: list[Source] = [TapeSource(tape, sink=plain, clock=self._clock) for tape in settings.tapes]
        for endpoint in settings.endpoints:
            # 148 ms to import: not for a replay.
            from sniperforge.feeds.dex_ws import Unwatched
            from sniperforge.feeds.websocket import WebSocketSource

            # An announcement carries the signature of what it points at: in the race it
            # would win, and the transaction itself would be thrown away as known.
            hearsay = endpoint.kind == "pumpportal"
            if endpoint.kind == "program" and settings.rpc is None:
                where = f"endpoint {masked(endpoint.url)}"
                cure = "name one: feed.rpc, --rpc or SNIPERFORGE_RPC"
                raise ConfigError(where, "shows accounts, and there is no rpc to ask who made them", cure)
            sources.append(
                WebSocketSource(
                    endpoint,
                    settings.programs,
                    limits=settings.connection,
                    sink=plain if hearsay else raced,
                    # Accounts stand for no slot: none of its transactions was shown.
                    watcher=Unwatched() if hearsay or endpoint.kind == "program" else self,
                    clock=self._clock,
                    dice=dice,
                    accounts=settings.accounts,
                )
            )
        if not sources:
            raise ConfigError("feed", "has nothing to read", "name an endpoint or a tape with --source")
        names = [source.name for source in sources]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"source {name}", "has the name of another one", "give each its own: …#logs&name=N")
        return sources

    def _pass(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        self._frames += 1
        self._late += late
        self._sink.frame(data, recv_ns, source, late)
        if self._recorder is not None:
            self._recorder.write(Frame(data, recv_ns, source, late))

    def _now_s(self) -> float:
        return self._clock.now_ns() / NANOS_PER_SECOND

    def _tell_gaps(self, gaps: list[Gap]) -> None:
        for gap in gaps:
            self._gaps_seen += 1
            self._sink.note(told(gap, self._clock.now_ns()))
            if self._caller is None:
                continue
            try:
                self._gaps.put_nowait(gap)
            except asyncio.QueueFull:
                problem = f"slots {gap.slot_from} to {gap.slot_to} stay open: {self._gaps.maxsize} gaps wait already"
                self._refuse("gaps", problem, "raise gaps.pending_max, or find out why the endpoints are lost so often")

    async def _keep_house(self) -> None:
        """Twice a second: tell the gaps whose grace is over, and write the tape."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(DRAIN_S)
            self._tell_gaps(self._ledger.due(self._clock.now_ns()))
            if self._recorder is None:
                continue
            try:
                await loop.run_in_executor(None, self._recorder.drain)
            except RecordingStopped as problem:
                self._recording_stopped(problem)

    async def _fill_gaps(self, caller: Caller) -> None:
        backfill = Backfill(
            caller,
            self._settings.programs,
            clock=self._clock,
            was_seen=self._race.was_seen,
            found=self._race.frame,
        )
        while True:
            gap = await self._gaps.get()
            try:
                filled = await backfill.fill(gap)
            except UnavailableError as problem:
                what, _, cure = str(problem).rpartition("; ")
                self._refuse(backfill.source, what, cure)
                filled = problem.filled if isinstance(problem, BackfillIncomplete) else 0
                self._sink.note(told(gap, self._clock.now_ns(), filled=filled))
                continue
            self._ledger.closed(gap)
            self._gaps_closed += 1
            self._sink.note(told(gap, self._clock.now_ns(), closed=True, filled=filled))

    def _recording_stopped(self, problem: RecordingStopped) -> None:
        """Trading goes on without the tape; said once."""
        self._recorder = None
        what, _, cure = str(problem).rpartition("; ")
        self._refuse("record", what, cure)

    def _refuse(self, where: str, problem: str, cure: str) -> None:
        self._sink.note(InputRefused(ts_ns=self._clock.now_ns(), where=where, problem=problem, cure=cure))
