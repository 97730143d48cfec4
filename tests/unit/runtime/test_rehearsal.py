"""A rehearsal says nothing, goes through the codec as the real thing does, and ends at its first failure."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

import pytest

from sniperforge.base import wire
from sniperforge.base.clock import ManualClock
from sniperforge.base.events import BotStarted, Event, InputRefused
from sniperforge.runtime.loop import Loop, Message
from sniperforge.runtime.rehearsal import Rehearsal
from sniperforge.runtime.timeline import Timeline
from tests.unit.runtime.stand import Kept, Pipe

SAID = BotStarted(ts_ns=1, bot="s1")


def echo(message: Message, now_ns: int) -> Iterable[Message]:
    return (message,)


def run_until(enough: Callable[[], bool], rehearsal: Rehearsal, *, mode: str = "system") -> Kept:
    """Run a loop that gets nothing but one message at its end."""
    outbox, pipe = Kept(), Pipe()
    timeline = Timeline(ManualClock(1_700_000_000_000_000_000), mode)
    loop = Loop(inboxes=[pipe], outbox=outbox, react=echo, timeline=timeline, rehearsal=rehearsal)

    async def main() -> None:
        running = asyncio.ensure_future(loop.run())
        for _ in range(2_000):
            await asyncio.sleep(0.001)
            if enough():
                break
        loop.stop()
        await running

    asyncio.run(main())
    os.close(pipe.writing)
    return outbox


def test_what_it_says_is_encoded_and_decoded_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[object] = []
    decode = wire.decode

    def kept(tag: int, payload: bytes) -> Event:
        decoded.append(decode(tag, payload))
        return decode(tag, payload)

    monkeypatch.setattr(wire, "decode", kept)
    rehearsal = Rehearsal("s1", lambda: [SAID], period_s=0.001)
    outbox = run_until(lambda: len(decoded) >= 3, rehearsal)
    assert decoded[:3] == [SAID] * 3
    assert outbox.flushed == []
    assert not rehearsal.over


def test_the_first_failure_is_told_once_and_the_stage_goes_on() -> None:
    walked: list[int] = []

    def fails() -> Iterable[Event]:
        walked.append(1)
        raise KeyError("a bug")

    rehearsal = Rehearsal("detect", fails, period_s=0.001)
    later = iter(range(30))
    outbox = run_until(lambda: next(later, None) is None, rehearsal)
    assert walked == [1]
    assert rehearsal.over
    (told,) = outbox.flushed
    assert isinstance(told, InputRefused)
    assert (told.where, told.problem) == ("detect", "a rehearsal failed: KeyError: 'a bug'")
    assert "orders are not touched" in told.cure


def test_a_replay_is_not_rehearsed_for() -> None:
    """A replay is as fast as it can be, and bit for bit the same."""
    walked: list[int] = []

    def walk() -> Iterable[Event]:
        walked.append(1)
        return ()

    later = iter(range(20))
    run_until(lambda: next(later, None) is None, Rehearsal("s1", walk, period_s=0.001), mode="event")
    assert walked == []
