"""Stages as commands of a shell pipe: ends by URI, time from the messages, quiet endings.

`-` lines on stdin or stdout · `file:PATH` or PATH lines in a file · `ring:TOPIC` a ring of a running instance
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from sniperforge.base.clock import SystemClock
from sniperforge.base.errors import ConfigError, UsageError
from sniperforge.base.events import Event, OrderProposed
from sniperforge.bots.bot import Bot
from sniperforge.runtime.assume import AssumedFills
from sniperforge.runtime.ends import (
    TOPICS,
    FrameFileInbox,
    LineInbox,
    LineOutbox,
    PipeClosed,
    RingInbox,
    RingOutbox,
    interest_mask,
)
from sniperforge.runtime.loop import Inbox, Outbox
from sniperforge.shm.ring import Ring

#: What a paper coordinator further down the pipe needs to see of the market.
PASSED_ON = frozenset(
    kind
    for kind in TOPICS["market"]
    if kind.__name__ in ("Swapped", "LiquidityChanged", "CurveCompleted", "PoolMigrated")
)


def inbox(uri: str, *, instance: str, name: str, kinds: frozenset[type[Event]], frames: bool, clock: SystemClock) -> Inbox:
    """Open the reading end *uri* of the stage *name*.

    Args:
        kinds: the message types wanted from a ring.
        frames: whether raw frames are wanted (a file may then be any recording).
    """
    kind, _, rest = uri.partition(":")
    if kind == "ring":
        mask = interest_mask(kinds, frames=frames)
        return RingInbox(Ring.attach(rest, instance=instance).consumer(name, start="resume", interest=mask))
    if uri == "-":
        return LineInbox(sys.stdin.buffer, "stdin", clock.now_ns)
    path = rest if kind in ("file", "tape") else uri
    if frames and not Path(path).is_fifo():
        return FrameFileInbox(path, clock.now_ns)
    return LineInbox(_opened(path, "rb"), path, clock.now_ns)


def outbox(uri: str, *, instance: str, name: str, topics: Sequence[str]) -> Outbox:
    """Open the writing end *uri* of the stage *name*; a ring URI opens all rings the stage writes."""
    kind, _, rest = uri.partition(":")
    if kind == "ring":
        if rest not in topics:
            raise UsageError(f"--out {uri}: this stage writes {', '.join(topics)}; name one of them")
        return RingOutbox({topic: Ring.attach(topic, instance=instance).producer(name) for topic in topics})
    if uri == "-":
        return LineOutbox(sys.stdout.buffer)
    return LineOutbox(_opened(rest if kind == "file" else uri, "wb"))


def _opened(path: str, mode: str) -> BinaryIO:
    try:
        return open(path, mode)  # type: ignore[return-value]  # both modes are binary
    except OSError as problem:
        raise ConfigError(path, f"cannot be opened: {problem.strerror}", "check the path") from None


def serve(stage: Coroutine[Any, Any, None], *, seconds: float | None = None) -> None:
    """Run one stage to its end; a reader that went away is a good end.

    Args:
        seconds: end by itself after so long (`--for`), as SIGTERM would.
    """
    import signal

    import uvloop

    async def bounded() -> None:
        timer = asyncio.get_running_loop().call_later(seconds, os.kill, os.getpid(), signal.SIGTERM) if seconds else None
        try:
            await stage
        finally:
            if timer:
                timer.cancel()

    try:
        uvloop.run(bounded())
    except (PipeClosed, BrokenPipeError):
        # Python would complain once more when it flushes stdout at exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class PipedBot:
    """A bot in a pipe: passes the market on, and assumes its fills when nobody tells them.

    Args:
        assumed: what orders become; None when fills come in by another end.
        passing: market messages to pass on to the next stage.
    """

    def __init__(self, bot: Bot, assumed: AssumedFills | None, passing: frozenset[type[Event]]) -> None:
        self._bot, self._assumed, self._passing = bot, assumed, passing
        self.name, self.interest = bot.name, bot.interest

    def on(self, event: Event, now_ns: int) -> Iterable[Event]:
        """Return what the bot says to *event*, and *event* itself where it is to be passed on."""
        passed = [event] if type(event) in self._passing else []
        if type(event) not in self.interest:
            return passed
        return [*passed, *self._answers(self._bot.on(event, now_ns), now_ns)]

    def on_tick(self, now_ns: int) -> Iterable[Event]:
        """Return what the time makes the bot say."""
        return self._answers(self._bot.on_tick(now_ns), now_ns)

    def describe(self) -> str:
        """Return the bot's own line."""
        return self._bot.describe()

    def _answers(self, said: Iterable[Event], now_ns: int) -> list[Event]:
        """Return *said*; every order in it fills as quoted, and the bot answers to that too."""
        answers: list[Event] = []
        queue = list(said)
        while queue:
            event = queue.pop(0)
            answers.append(event)
            if self._assumed is not None and isinstance(event, OrderProposed):
                for fill in self._assumed.on(event, now_ns):
                    queue += self._bot.on(fill, now_ns)
        return answers
