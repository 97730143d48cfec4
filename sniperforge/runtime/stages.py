"""The wiring map: which room does the work of which stage.

feed        sockets and tapes -> frames
detect      frames, fills -> market           (+ fetched transactions and mints)
snipe       market, fills -> intents
coordinate  intents, market -> fills

Every stage is a coroutine over ends that are already open, so that a process of
`sniperforge up` (rings) and a command in a shell pipe (lines) run the same code.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Sequence

from sniperforge.base.clock import Clock
from sniperforge.base.events import (
    BundleSeen,
    Event,
    FactsWanted,
    Frame,
    HaltChanged,
    HoldersInspected,
    InputRefused,
    LiquidityInspected,
    MetadataInspected,
    SellabilityTested,
    TokenInspected,
    TokenWanted,
)
from sniperforge.bots.bot import Bot, Punctual, Rehearsing
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge.feeds.feed import Feed
from sniperforge.feeds.settings import FeedSettings
from sniperforge.runtime import log
from sniperforge.runtime.enrich import Enricher
from sniperforge.runtime.loop import Inbox, Loop, Message, Outbox
from sniperforge.runtime.rehearsal import Rehearsal
from sniperforge.runtime.timeline import Timeline

Ready = Callable[[], None]
#: How often detection looks whether a launch's slot must be over.
DETECT_TICK_S = 0.1
#: Made beside detection (fetched, or by the time) and passed on as they are.
_PASSED = (TokenInspected, HoldersInspected, LiquidityInspected, MetadataInspected, SellabilityTested, BundleSeen)


class FeedSink:
    """What a feed delivers to: frames go out at once, notes beside them."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        self._outbox.put(Frame(data, recv_ns, source, late))
        self._outbox.flush()

    def note(self, event: Event) -> None:
        self._outbox.put(event)
        self._outbox.flush()


async def run_feed(settings: FeedSettings, outbox: Outbox, clock: Clock, ready: Ready) -> None:
    """Run a feed until its tapes have ended, or until SIGTERM."""
    feed = Feed(settings, FeedSink(outbox), clock=clock)
    await feed.start()
    ready()
    stopping = _stop_signal()
    ended = asyncio.ensure_future(feed.wait())
    waiting = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            ended.result()
    finally:
        waiting.cancel()
        ended.cancel()
        await feed.stop()


async def run_detect(
    settings: DetectSettings,
    inboxes: Sequence[Inbox],
    outbox: Outbox,
    timeline: Timeline,
    clock: Clock,
    ready: Ready,
    rpc: str = "",
    rehearse_s: float = 0.0,
) -> None:
    """Run detection; with *rpc*, fetch what frames did not carry; with *rehearse_s*, keep warm."""
    detector = Detector(settings, VENUES.values())
    enricher: Enricher | None = None

    def react(message: Message, now_ns: int) -> Iterable[Message]:
        if isinstance(message, InputRefused):
            return (message,)
        found: Iterable[Event]
        if isinstance(message, Frame):
            found = detector.stream(message, now_ns)
        elif isinstance(message, TokenWanted | FactsWanted):
            found = (message,)
        else:
            said = (message,) if isinstance(message, _PASSED) else ()
            found = (*detector.on(message, now_ns), *said)
        if not found or enricher is None:
            return found
        return (event for event in found if not enricher.take(event))

    async def tick() -> None:
        # Beside the loop, so that a rejected frame costs nothing; a recording's own frames tell its time.
        while True:
            await asyncio.sleep(DETECT_TICK_S)
            if not timeline.replaying:
                tell(detector.on_tick(timeline.now_ns()))

    def tell(facts: Iterable[Event]) -> None:
        for fact in facts:
            loop.inject(fact)

    async def linger() -> None:
        if enricher is not None:
            await enricher.finish()
        tell(detector.end(timeline.now_ns()))

    rehearsal = _rehearsal("detect", detector.rehearse, rehearse_s)
    loop = Loop(inboxes=inboxes, outbox=outbox, react=react, timeline=timeline, linger=linger, rehearsal=rehearsal)
    if rpc:
        enricher = Enricher(RpcClient(endpoint(rpc, where="rpc")), loop.inject, clock)
        enricher.prover.start()
    ticking = asyncio.ensure_future(tick())
    try:
        await _run(loop, ready)
    finally:
        ticking.cancel()
        if enricher is not None:
            await enricher.stop()


async def run_snipe(
    bot: Bot,
    inboxes: Sequence[Inbox],
    outbox: Outbox,
    timeline: Timeline,
    ready: Ready,
    rehearse_s: float = 0.0,
) -> None:
    """Run one bot; with *rehearse_s*, keep it warm if it is of a kind that rehearses."""

    def react(message: Message, now_ns: int) -> Iterable[Message]:
        if isinstance(message, Frame):
            return ()
        return bot.on(message, now_ns)

    due = bot.due_ns if isinstance(bot, Punctual) else None
    rehearsal = _rehearsal(bot.name, bot.rehearse, rehearse_s) if isinstance(bot, Rehearsing) else None
    loop = Loop(
        inboxes=inboxes, outbox=outbox, react=react, timeline=timeline, tick=bot.on_tick, due=due, rehearsal=rehearsal
    )
    await _run(loop, ready)


async def run_coordinate(
    settings: CoordinateSettings,
    inboxes: Sequence[Inbox],
    outbox: Outbox,
    timeline: Timeline,
    ready: Ready,
    drain_s: float,
    rehearse_s: float = 0.0,
) -> None:
    """Run the coordinator: nothing is taken in before the journal has been replayed."""

    def publish(event: Event) -> None:
        outbox.put(event)
        outbox.flush()
        if isinstance(event, HaltChanged):
            log.warn(event.reason, venue=event.venue, halted=event.halted, exits_allowed=event.exits_allowed)

    coordinator = Coordinator(settings, clock=timeline, publish=publish)

    def react(message: Message, now_ns: int) -> Iterable[Message]:
        if not isinstance(message, Frame):
            coordinator.on(message)
        return ()

    def tick(now_ns: int) -> Iterable[Message]:
        # Also raises what ended one of its background tasks: then this process must end too.
        coordinator.tick(now_ns)
        return ()

    await coordinator.start()
    try:
        rehearsal = _rehearsal("coordinate", coordinator.rehearse, rehearse_s)
        loop = Loop(inboxes=inboxes, outbox=outbox, react=react, timeline=timeline, tick=tick, rehearsal=rehearsal)
        await _run(loop, ready)
        await coordinator.drain(drain_s)
    finally:
        await coordinator.stop()


def _rehearsal(stage: str, walk: Callable[[], Iterable[Event]], period_s: float) -> Rehearsal | None:
    return Rehearsal(stage, walk, period_s=period_s) if period_s else None


async def _run(loop: Loop, ready: Ready) -> None:
    """Run *loop*; SIGTERM and SIGINT let it finish what already arrived."""
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, loop.stop)
    ready()
    await loop.run()


def _stop_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
