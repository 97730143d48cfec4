"""The one loop every process runs, each with another handler.

inboxes (rings, stdin, files) -> react(message, now) -> outbox

A batch is read, handled, written out, and only then acknowledged: a process
killed in between sees its batch again, so handlers answer repeats with the same
ids and the next stage drops them. Nothing here logs, sleeps or starts a thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from sniperforge.base.events import Event, Frame
from sniperforge.base.units import NANOS_PER_SECOND
from sniperforge.runtime.rehearsal import Rehearsal
from sniperforge.runtime.timeline import Timeline

Message = Event | Frame
BATCHES_PER_TURN = 4
#: A silence on a tape is walked through in at most so many steps.
TICKS_PER_JUMP_MAX = 1_000


class Inbox(Protocol):
    """Where messages come from."""

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when there is something; -1: always readable."""

    def drain(self) -> Sequence[Message]:
        """Return the next batch, empty when there is none now."""

    def arm(self) -> bool:
        """Ask to be woken; False when messages came in between: drain again."""

    def commit(self) -> None:
        """Acknowledge what `drain` returned last."""

    def ended(self) -> bool:
        """Return whether nothing will ever come again."""

    def close(self) -> None:
        """Let go of it; what was not acknowledged stays unacknowledged."""


class Outbox(Protocol):
    """Where messages go."""

    def put(self, message: Message) -> None:
        """Queue or publish one message."""

    def flush(self) -> None:
        """Make everything put so far visible."""

    def close(self) -> None:
        """Let go of it."""


class Loop:
    """Runs *react* over everything the inboxes bring, and *tick* every *tick_s* seconds.

    Args:
        inboxes: closed when the loop ends.
        outbox: stays open: its owner may have last words.
        react: the handler.
        timeline: while it replays, *tick* runs by its time, not by the host's.
        tick: what the time makes the handler say.
        linger: awaited when every inbox has ended, before the loop does: work that is
            under way and will `inject` its results. Not awaited after `stop`.
        drain_s: how long `stop` may go on handling what still arrives.
        due: when the next *tick* matters, epoch nanoseconds, 0 for no certain time: one more
            tick comes then. Asked after every batch and tick; a replay ticks by its own time.
        rehearsal: walked every `period_s`, never while a recording is replayed.
    """

    def __init__(
        self,
        *,
        inboxes: Sequence[Inbox],
        outbox: Outbox,
        react: Callable[[Message, int], Iterable[Message]],
        timeline: Timeline,
        tick: Callable[[int], Iterable[Message]] | None = None,
        tick_s: float = 0.1,
        linger: Callable[[], Awaitable[None]] | None = None,
        drain_s: float = 5.0,
        due: Callable[[], int] | None = None,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self._inboxes = list(inboxes)
        self._outbox = outbox
        self._react = react
        self._tick = tick
        self._tick_s = tick_s
        self._tick_ns = max(1, int(tick_s * NANOS_PER_SECOND))
        self._ticked_ns = 0
        self._timeline = timeline
        self._linger = linger
        self._drain_s = drain_s
        self._drain_until_s = 0.0
        self._rehearsal = rehearsal
        self._due = due
        self._due_timer: asyncio.TimerHandle | None = None
        self._due_ns = 0
        self._injected: deque[Message] = deque()
        self._done = asyncio.Event()
        self._failure: BaseException | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def inject(self, message: Message) -> None:
        """Handle a message an adapter of this process made (a fetched transaction, say)."""
        self._injected.append(message)
        asyncio.get_running_loop().call_soon(self._guarded, self._take_injected)

    def stop(self) -> None:
        """End as soon as every ring and pipe is empty: nothing that already arrived there is dropped.

        A file is not read to its end: it can be read again.
        """
        running = asyncio.get_running_loop()
        self._drain_until_s = self._drain_until_s or running.time() + self._drain_s
        running.call_soon(self._guarded, self._drain_turn)

    def fail(self, failure: BaseException) -> None:
        """End now; `run` raises *failure*. For work beside the loop that cannot go on."""
        if not self._done.is_set():
            self._failure = failure
            self._done.set()

    async def run(self) -> None:
        """Run until every inbox has ended or `stop` was called; raise what a handler or an end raised."""
        running = asyncio.get_running_loop()
        for inbox in self._inboxes:
            if inbox.fileno() >= 0:
                running.add_reader(inbox.fileno(), self._guarded, self._turn, inbox)
            running.call_soon(self._guarded, self._turn, inbox)
        if self._tick is not None:
            self._tasks.append(running.create_task(self._ticks(self._tick)))
        if self._rehearsal is not None:
            self._rehearse(self._rehearsal)
        try:
            await self._done.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            for inbox in self._inboxes:
                self._leave(inbox)
        if self._failure:
            raise self._failure

    def _guarded(self, step: Callable[..., None], *arguments: object) -> None:
        """Run *step*; a failure ends the loop and comes out of `run` instead of a log line."""
        if self._done.is_set():
            return
        try:
            step(*arguments)
        except BaseException as failure:
            self.fail(failure)

    def _turn(self, inbox: Inbox) -> None:
        """Handle a few batches, then let the other inboxes and sockets have theirs."""
        if inbox not in self._inboxes:
            return  # it ended between being called for and being called
        for _ in range(BATCHES_PER_TURN):
            if not self._batch(inbox):
                if inbox.ended():
                    self._finish(inbox)
                    return
                if inbox.arm():
                    return
        asyncio.get_running_loop().call_soon(self._guarded, self._turn, inbox)

    def _batch(self, inbox: Inbox) -> bool:
        batch = inbox.drain()
        for message in batch:
            self._handle(message)
        if batch:
            self._outbox.flush()
            inbox.commit()
            if self._due is not None:
                self._wake_when(self._due())
        return bool(batch)

    def _handle(self, message: Message) -> None:
        now_ns = self._timeline.at(message)
        if self._tick is not None and self._timeline.replaying:
            self._tick_until(now_ns, self._tick)
        for answer in self._react(message, now_ns):
            self._outbox.put(answer)

    def _tick_until(self, now_ns: int, tick: Callable[[int], Iterable[Message]]) -> None:
        """Tick at every step of replayed time up to *now_ns*, before what happened then is handled.

        A replay runs faster than any clock: without this a time stop would wait for
        the next trade, and on a fast tape for ever.
        """
        if not self._ticked_ns:
            self._ticked_ns = now_ns
        step_ns = max(self._tick_ns, (now_ns - self._ticked_ns) // TICKS_PER_JUMP_MAX)
        while now_ns - self._ticked_ns >= step_ns:
            self._ticked_ns += step_ns
            for answer in tick(self._ticked_ns):
                self._outbox.put(answer)

    def _rehearse(self, rehearsal: Rehearsal) -> None:
        """Walk once and come back; a timer of its own, because a task costs what is to be saved here."""
        if not self._timeline.replaying:
            for failure in rehearsal.once(self._timeline.now_ns()):
                self._outbox.put(failure)
                self._outbox.flush()
        if not rehearsal.over:
            asyncio.get_running_loop().call_later(rehearsal.period_s, self._guarded, self._rehearse, rehearsal)

    def _take_injected(self) -> None:
        while self._injected:
            self._handle(self._injected.popleft())
        self._outbox.flush()

    def _finish(self, inbox: Inbox) -> None:
        self._inboxes.remove(inbox)
        self._leave(inbox)
        if self._inboxes:
            return
        if self._linger is None:
            self._end()
        else:
            self._tasks.append(asyncio.get_running_loop().create_task(self._lingered(self._linger)))

    async def _lingered(self, linger: Callable[[], Awaitable[None]]) -> None:
        try:
            await linger()
        except Exception as failure:  # of the adapter lingered for: it comes out of `run`
            self.fail(failure)
        self._guarded(self._end)

    def _drain_turn(self) -> None:
        """Handle what has arrived, a batch of each inbox at a time; end when nothing is left or time is up."""
        running = asyncio.get_running_loop()
        waited_for = [inbox for inbox in self._inboxes if inbox.fileno() >= 0]
        busy = [self._batch(inbox) for inbox in waited_for]
        if any(busy) and running.time() < self._drain_until_s:
            running.call_soon(self._guarded, self._drain_turn)
        else:
            self._end()

    def _end(self) -> None:
        self._take_injected()
        self._done.set()

    def _leave(self, inbox: Inbox) -> None:
        if inbox.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(inbox.fileno())
        inbox.close()

    async def _ticks(self, tick: Callable[[int], Iterable[Message]]) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            self._guarded(self._one_tick, tick)

    def _one_tick(self, tick: Callable[[int], Iterable[Message]]) -> None:
        if self._timeline.replaying:
            return
        for answer in tick(self._timeline.now_ns()):
            self._outbox.put(answer)
        self._outbox.flush()
        if self._due is not None:
            self._wake_when(self._due())

    def _wake_when(self, due_ns: int) -> None:
        """Have a tick at *due_ns*, unless one is set for it. Timers count milliseconds: a tick may ask for another."""
        if due_ns == self._due_ns or self._timeline.replaying:
            return
        if self._due_timer is not None:
            self._due_timer.cancel()
        self._due_ns = due_ns
        if due_ns:
            delay_s = max(0, due_ns - self._timeline.now_ns()) / NANOS_PER_SECOND
            self._due_timer = asyncio.get_running_loop().call_later(delay_s, self._guarded, self._due_now)

    def _due_now(self) -> None:
        self._due_ns = 0
        if self._tick is not None:
            self._one_tick(self._tick)
