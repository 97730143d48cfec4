"""The shape of a source: bytes come in, stamped; frames and notes go out.

endpoint or tape -> Sink.frame (every frame, untouched) and Sink.note (what happened to the source)

A source never decodes a frame and never waits for whoever takes it: `frame`
and `note` return at once, and a sink that cannot take more counts what it
drops itself.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from sniperforge.base.events import Event, InputRefused
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey

#: States a `FeedChanged` names.
CONNECTING = "connecting"
CONNECTED = "connected"
SUBSCRIBED = "subscribed"
LOST = "lost"
STALLED = "stalled"
REFUSED = "refused"
#: Seconds a cancelled task gets before it is cancelled again.
STOP_TRY_S = 2.0


class Sink(Protocol):
    """Where a source puts what it gets. Both methods return at once and never raise for one frame."""

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        """Take one frame: its text as it arrived, and when."""

    def note(self, event: Event) -> None:
        """Take one message about the source itself."""


class Source(Protocol):
    """Anything that delivers frames to a sink between `start` and `stop`."""

    @property
    def name(self) -> str:
        """What the frames of this source are labelled with."""

    async def start(self) -> None:
        """Begin; returns before the first frame."""

    async def wait(self) -> None:
        """Return when the source is at its end; raises what made it fail."""

    async def stop(self) -> None:
        """End; after it returned the sink hears nothing more."""

    def stats(self) -> SourceStats:
        """Return the figures so far."""


class Watcher(Protocol):
    """Who learns what the slot heartbeats of the live sources say (the gap ledger and the race)."""

    def live(self, source: str, subscriptions: dict[int, Pubkey | None]) -> None:
        """*source* is subscribed; the subscription ids it may name, each with its program (None: all)."""

    def slot(self, source: str, slot: int, parent: int) -> None:
        """*source* told that the chain began *slot* on top of *parent*."""

    def lost(self, source: str) -> None:
        """*source* shows nothing any more."""


class SourceStats(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one source since its start.

    Attributes:
        state: as in `FeedChanged`, or "replaying" and "ended" for a tape.
        frames, bytes: data frames handed on.
        connections: times the connection stood.
        refused: pieces of input that were unusable and skipped.
        slot: newest slot it told; 0 = none yet.
    """

    name: str
    state: str
    frames: int = 0
    bytes: int = 0
    connections: int = 0
    refused: int = 0
    slot: int = 0


class Refusals:
    """Unusable input of one source: all of it counted, at most one piece a second told.

    A server gone mad sends thousands of bad frames a second; each of them is a
    count, and one line a second is enough to see it.
    """

    def __init__(self) -> None:
        self.count = 0
        self._untold = 0
        self._told_ns: int | None = None

    def add(self, where: str, problem: str, cure: str, now_ns: int) -> InputRefused | None:
        """Count one piece; return what to tell about it, or None when a line was told just now."""
        self.count += 1
        if self._told_ns is not None and now_ns - self._told_ns < NANOS_PER_SECOND:
            self._untold += 1
            return None
        since = f" (and {self._untold} more like it before)" if self._untold else ""
        self._told_ns, self._untold = now_ns, 0
        return InputRefused(ts_ns=now_ns, where=where, problem=problem + since, cure=cure)


async def ended(task: asyncio.Task[None], *, try_s: float = STOP_TRY_S) -> None:
    """Cancel *task* until it is done, whatever of it swallows a cancellation; its error stays with it."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=try_s)
