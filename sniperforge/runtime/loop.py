"""The one loop every process runs, each with another handler.

inboxes (rings, stdin, files) -> react(message, now) -> outbox

A batch is read, handled, written out, and only then acknowledged: a process
killed in between sees its batch again, so handlers answer repeats with the same
ids and the next stage drops them. Nothing here logs, sleeps or starts a thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from sniperforge.base.events import Event, Frame
from sniperforge.runtime.timeline import Timeline

Message = Event | Frame
BATCHES_PER_TURN = 4


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
        """Let go of it."""


class Outbox(Protocol):
    """Where messages go."""

    def put(self, message: Message) -> None:
        """Queue or publish one message."""

    def flush(self) -> None:
        """Make everything put so far visible."""

    def close(self) -> None:
        """Let go of it."""


class Loop:
    """Runs *react* over everything the inboxes bring, and *tick* every *tick_s* seconds."""

    def __init__(
        self,
        *,
        inboxes: Sequence[Inbox],
        outbox: Outbox,
        react: Callable[[Message, int], Iterable[Message]],
        timeline: Timeline,
        tick: Callable[[int], Iterable[Message]] | None = None,
        tick_s: float = 0.1,
    ) -> None:
        self._inboxes = list(inboxes)
        self._outbox = outbox
        self._react = react
        self._tick = tick
        self._tick_s = tick_s
        self._timeline = timeline
        self._injected: deque[Message] = deque()
        self._done = asyncio.Event()
        self._failure: BaseException | None = None
        self._draining = False

    def inject(self, message: Message) -> None:
        """Handle a message an adapter of this process made (a fetched transaction, say)."""
        self._injected.append(message)
        asyncio.get_running_loop().call_soon(self._guarded, self._take_injected)

    def stop(self) -> None:
        """End as soon as every inbox is empty: nothing that already arrived is dropped."""
        self._draining = True
        asyncio.get_running_loop().call_soon(self._guarded, self._drain_all)

    async def run(self) -> None:
        """Run until every inbox has ended or `stop` was called; raise what a handler or an end raised."""
        running = asyncio.get_running_loop()
        for inbox in self._inboxes:
            if inbox.fileno() >= 0:
                running.add_reader(inbox.fileno(), self._guarded, self._turn, inbox)
            running.call_soon(self._guarded, self._turn, inbox)
        ticking = running.create_task(self._ticks()) if self._tick else None
        try:
            await self._done.wait()
        finally:
            if ticking:
                ticking.cancel()
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
            self._failure = failure
            self._done.set()

    def _turn(self, inbox: Inbox) -> None:
        """Handle a few batches, then let the other inboxes and sockets have theirs."""
        running = asyncio.get_running_loop()
        for _ in range(BATCHES_PER_TURN):
            if not self._batch(inbox):
                if inbox.ended():
                    self._finish(inbox)
                    return
                if inbox.arm():
                    if self._draining:
                        self._drain_all()
                    return
        running.call_soon(self._guarded, self._turn, inbox)

    def _batch(self, inbox: Inbox) -> bool:
        batch = inbox.drain()
        for message in batch:
            for answer in self._react(message, self._timeline.at(message)):
                self._outbox.put(answer)
        if batch:
            self._outbox.flush()
            inbox.commit()
        return bool(batch)

    def _take_injected(self) -> None:
        while self._injected:
            message = self._injected.popleft()
            for answer in self._react(message, self._timeline.at(message)):
                self._outbox.put(answer)
        self._outbox.flush()

    def _finish(self, inbox: Inbox) -> None:
        self._leave(inbox)
        self._inboxes.remove(inbox)
        if not self._inboxes:
            self._done.set()

    def _drain_all(self) -> None:
        for inbox in self._inboxes:
            while self._batch(inbox):
                pass
        self._done.set()

    def _leave(self, inbox: Inbox) -> None:
        if inbox.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(inbox.fileno())

    async def _ticks(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            self._guarded(self._one_tick)

    def _one_tick(self) -> None:
        assert self._tick is not None
        for answer in self._tick(self._timeline.now_ns()):
            self._outbox.put(answer)
        self._outbox.flush()
