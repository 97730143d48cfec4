"""Stages as commands of a shell pipe: ends by URI, time from the messages, quiet endings.

-             stdin or stdout, one JSON object a line
file:PATH     the same in a file; PATH alone will do, .gz and .zst are read through
ring:TOPIC    a ring of a running instance

Data goes to stdout; what a person should look at goes to stderr, one line each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from sniperforge.base.clock import SystemClock
from sniperforge.base.errors import UnavailableError, UsageError
from sniperforge.base.events import Event, FeedChanged, InputRefused, OrderProposed
from sniperforge.bots.bot import Bot
from sniperforge.runtime import log
from sniperforge.runtime.assume import AssumedFills
from sniperforge.runtime.ends import TOPICS, LineOutbox, PipeClosed, RingInbox, RingOutbox, interest_mask
from sniperforge.runtime.lines import FrameFileInbox, LineInbox, opened
from sniperforge.runtime.loop import Inbox, Message, Outbox
from sniperforge.runtime.timeline import Timeline
from sniperforge.shm.ring import Ring

#: What a paper coordinator further down the pipe needs to see of the market.
PASSED_ON = frozenset(
    kind
    for kind in TOPICS["market"]
    if kind.__name__ in ("Swapped", "LiquidityChanged", "CurveCompleted", "PoolMigrated")
)
#: Problems told one by one on stderr; of the rest only the number is told.
PROBLEMS_TOLD_MAX = 100
#: Problems remembered as told further up: more than one read of a pipe can bring.
HEARD_MAX = 16_384
#: States of an endpoint that are as they should be.
_FINE = frozenset(("connecting", "connected", "subscribed", "live", "replaying", "ended"))


class Problems:
    """What a person should look at, on stderr; each problem by the stage that saw it first.

    Args:
        stage: whose lines these are.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._heard: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.count = 0

    def refused(self, event: InputRefused) -> None:
        """Tell of a line this stage could not read."""
        self.heard(event)
        self._tell(f"{event.where}: {event.problem}; {event.cure}")

    def passing(self, message: Message) -> None:
        """Look at what leaves the stage: its own problems are told, those from further up were."""
        if isinstance(message, InputRefused) and (message.where, message.problem) not in self._heard:
            self.refused(message)
        elif isinstance(message, FeedChanged) and message.state not in _FINE:
            self._tell(f"{message.source}: {message.state}{': ' * bool(message.detail)}{message.detail}")

    def heard(self, message: Message) -> Message:
        """Note what came in, and return it: a stage further up has told it."""
        if isinstance(message, InputRefused):
            self._heard[message.where, message.problem] = None
            if len(self._heard) > HEARD_MAX:
                self._heard.popitem(last=False)
        return message

    def end(self) -> None:
        """Tell how many were not told one by one."""
        if self.count > PROBLEMS_TOLD_MAX:
            log.warn(f"{self.count - PROBLEMS_TOLD_MAX} more problems of this kind", stage=self._stage)

    def _tell(self, line: str) -> None:
        self.count += 1
        if self.count <= PROBLEMS_TOLD_MAX:
            log.warn(line, stage=self._stage)


class Ends:
    """Opens the ends of one stage of a pipe.

    Args:
        stage: its name, on rings and in front of problems.
        instance: which system's rings `ring:` means.
        clock: the live clock.
    """

    def __init__(self, stage: str, *, instance: str, clock: SystemClock) -> None:
        self.stage, self.instance, self.clock = stage, instance, clock
        self.problems = Problems(stage)
        self._outbox: Outbox | None = None

    def inbox(self, uri: str, kinds: frozenset[type[Event]], *, frames: bool = False) -> Inbox:
        """Open the reading end *uri*.

        Args:
            kinds: the message types wanted from a ring.
            frames: whether raw frames are wanted (a file may then be any recording).

        Raises:
            ConfigError, RingMissing: it cannot be opened.
        """
        kind, rest = _parted(uri)
        if kind == "ring":
            mask = interest_mask(kinds, frames=frames)
            return RingInbox(Ring.attach(rest, instance=self.instance).consumer(self.stage, interest=mask))
        told = self.problems.refused
        if uri == "-":
            return _Heard(LineInbox(sys.stdin.buffer, "stdin", self.clock.now_ns, told), self.problems)
        if frames and not Path(rest).is_fifo():
            return FrameFileInbox(rest, self.clock.now_ns, told)
        return _Heard(LineInbox(opened(rest, "rb"), rest, self.clock.now_ns, told), self.problems)

    def outbox(self, uri: str, *topics: str) -> Outbox:
        """Open the writing end *uri*; a ring URI opens all rings the stage writes."""
        kind, rest = _parted(uri)
        if kind == "ring":
            if rest not in topics:
                raise UsageError(f"--out {uri}: this stage writes {', '.join(topics)}; name one of them")
            rings = {topic: Ring.attach(topic, instance=self.instance) for topic in topics}
            outbox: Outbox = RingOutbox({topic: ring.producer(self.stage) for topic, ring in rings.items()})
        elif uri == "-":
            outbox = LineOutbox(sys.stdout.buffer, told=self.problems.passing)
        else:
            outbox = LineOutbox(opened(rest, "wb"), rest, told=self.problems.passing)
        self._outbox = outbox
        return outbox

    def timeline(self, mode: str, source: str) -> Timeline:
        """Return the stage's time; a ring is never a recording, however long its messages have waited."""
        return Timeline(self.clock, "system" if mode == "auto" and source.startswith("ring:") else mode)

    def serve(self, stage: Coroutine[Any, Any, None], *, seconds: float | None = None) -> None:
        """Run one stage to its end; a reader that went away is a good end.

        Args:
            seconds: end by itself after so long (`--for`), as SIGTERM would.
        """
        import uvloop

        async def bounded() -> None:
            running, work = asyncio.get_running_loop(), asyncio.ensure_future(stage)
            # Until the stage has its own handler there is nothing of it to be drained.
            running.add_signal_handler(signal.SIGTERM, work.cancel)
            timer = running.call_later(seconds, os.kill, os.getpid(), signal.SIGTERM) if seconds else None
            try:
                await asyncio.wait({work})
            finally:
                if timer:
                    timer.cancel()
            if not work.cancelled():
                work.result()

        try:
            uvloop.run(bounded())
        except (PipeClosed, BrokenPipeError):
            # Python would complain once more when it flushes stdout at exit.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        except OSError as problem:
            raise UnavailableError(f"{self.stage}: {problem}; check what it reads and writes") from None
        finally:
            self.problems.end()
            if isinstance(self._outbox, RingOutbox):
                self._outbox.close()


def _parted(uri: str) -> tuple[str, str]:
    """Return the kind of *uri* and what it names; a text without one of our kinds is a path."""
    for kind in ("ring", "file", "tape"):
        if uri.startswith(f"{kind}:"):
            return kind, uri.removeprefix(f"{kind}:")
    return "file", uri


class _Heard:
    """An inbox of lines that notes which problems a stage further up has told."""

    def __init__(self, inbox: LineInbox, problems: Problems) -> None:
        self._inbox, self._problems = inbox, problems
        self.fileno, self.arm, self.commit = inbox.fileno, inbox.arm, inbox.commit
        self.ended, self.close = inbox.ended, inbox.close

    def drain(self) -> list[Message]:
        """Return the next messages; see `LineInbox`."""
        return [self._problems.heard(message) for message in self._inbox.drain()]


class PipedBot:
    """A bot in a pipe: passes the market on, and assumes its fills when nobody tells them.

    Args:
        assumed: tells what becomes of its orders; None when fills come in by another end.
        passing: market messages to pass on to the next stage.
    """

    def __init__(self, bot: Bot, assumed: AssumedFills | None, passing: frozenset[type[Event]]) -> None:
        self._bot, self._assumed = bot, assumed
        self._passing = passing | {InputRefused}
        self.name, self.interest = bot.name, bot.interest

    def on(self, event: Event, now_ns: int) -> Iterable[Event]:
        """Return what the bot says to *event*, and *event* itself where it is to be passed on."""
        # What ended before *event* is answered before it, as the coordinator will see it.
        out = self._ended(now_ns)
        if type(event) in self._passing:
            out.append(event)
            if self._assumed is not None:
                self._assumed.on(event, now_ns)
        if type(event) in self.interest:
            out += self._answers(self._bot.on(event, now_ns), now_ns)
        return out

    def on_tick(self, now_ns: int) -> Iterable[Event]:
        """Return what the time makes the bot say."""
        return [*self._ended(now_ns), *self._answers(self._bot.on_tick(now_ns), now_ns)]

    def describe(self) -> str:
        """Return the bot's own line."""
        return self._bot.describe()

    def _ended(self, now_ns: int) -> list[Event]:
        """Return what the bot says to the orders that have ended by now."""
        if self._assumed is None:
            return []
        said = [answer for fill in self._assumed.due(now_ns) for answer in self._bot.on(fill, now_ns)]
        return self._answers(said, now_ns)

    def _answers(self, said: Iterable[Event], now_ns: int) -> list[Event]:
        """Return *said*; the bot hears what becomes of every order in it, and what it says to that is said too."""
        answers: list[Event] = []
        queue = list(said)
        while queue:
            event = queue.pop(0)
            answers.append(event)
            if self._assumed is not None and isinstance(event, OrderProposed):
                for fill in self._assumed.on(event, now_ns):
                    queue += self._bot.on(fill, now_ns)
        return answers
