"""A batch is acknowledged after it was handled; failures come out of `run`; a replay ticks by its own time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

import pytest

from sniperforge.base.clock import ManualClock, SystemClock
from sniperforge.base.events import BotStarted, Event, Frame
from sniperforge.runtime.loop import BATCHES_PER_TURN, TICKS_PER_JUMP_MAX, Loop, Message
from sniperforge.runtime.timeline import Timeline
from tests.unit.runtime.stand import Batches, Kept, Pipe, swap

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def each_its_own(stamps: Iterable[int]) -> list[list[Message]]:
    return [[swap(stamp)] for stamp in stamps]


def echo(message: Message, now_ns: int) -> Iterable[Message]:
    return (message,)


def made(
    *inboxes: Batches,
    react: Callable[[Message, int], Iterable[Message]] = echo,
    tick: Callable[[int], Iterable[Message]] | None = None,
    mode: str = "event",
) -> tuple[Loop, Kept]:
    outbox = Kept()
    clock = ManualClock(NOW)
    return Loop(
        inboxes=inboxes, outbox=outbox, react=react, timeline=Timeline(clock, mode), tick=tick, tick_s=0.01
    ), outbox


def finish(loop: Loop, *, meanwhile: Callable[[], None] = lambda: None) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(meanwhile)
        await asyncio.wait_for(loop.run(), 20)

    asyncio.run(main())


def test_every_batch_is_handled_written_and_then_acknowledged() -> None:
    batches = [[swap(n)] for n in range(1, 3 * BATCHES_PER_TURN)]
    inbox = Batches(*[list[Message](batch) for batch in batches])
    loop, outbox = made(inbox)
    finish(loop)
    assert outbox.flushed == [batch[0] for batch in batches]
    assert inbox.committed == len(batches)
    assert inbox.closed


def test_what_a_handler_failed_at_is_not_acknowledged() -> None:
    """The supervisor restarts the stage and it sees that batch again."""

    def fails(message: Message, now_ns: int) -> Iterable[Message]:
        if message.slot == 2:  # type: ignore[union-attr]
            raise KeyError("a bug")
        return (message,)

    inbox = Batches([swap(1, 1)], [swap(2, 2)], [swap(3, 3)])
    loop, outbox = made(inbox, react=fails)
    with pytest.raises(KeyError, match="a bug"):
        finish(loop)
    assert (inbox.committed, outbox.flushed) == (1, [swap(1, 1)])
    assert inbox.closed


def test_an_outbox_that_fails_ends_the_loop_before_the_batch_is_acknowledged() -> None:
    inbox = Batches([swap(1)])
    loop, outbox = made(inbox)

    def broken() -> None:
        raise OSError("gone")

    outbox.flush = broken  # type: ignore[method-assign]
    with pytest.raises(OSError, match="gone"):
        finish(loop)
    assert inbox.committed == 0


def test_a_pipe_is_waited_for_and_its_end_is_the_loops_end() -> None:
    pipe = Pipe([swap(1)], [swap(2)])

    def meanwhile() -> None:
        pipe.send()
        asyncio.get_running_loop().call_later(0.01, pipe.send_last)

    loop, outbox = made(pipe)
    finish(loop, meanwhile=meanwhile)
    assert outbox.flushed == [swap(1), swap(2)]


def test_an_inbox_that_ends_in_its_turn_and_by_its_reader_ends_once() -> None:
    """Both are called in one round of the event loop when more than a turn's batches were there."""
    count = 2 * BATCHES_PER_TURN
    first = Pipe(*each_its_own(range(1, count + 1)))
    second = Pipe([swap(99)])
    first.send(count)
    os.close(first.writing)

    def meanwhile() -> None:
        asyncio.get_running_loop().call_later(0.02, second.send_last)

    loop, outbox = made(first, second)
    finish(loop, meanwhile=meanwhile)
    assert len(outbox.flushed) == count + 1


def test_stop_ends_a_loop_to_which_nothing_comes() -> None:
    pipe = Pipe()
    loop, outbox = made(pipe)
    finish(loop, meanwhile=loop.stop)
    assert outbox.flushed == []
    assert pipe.closed
    os.close(pipe.writing)


def test_stop_handles_what_has_arrived_and_leaves_a_file_where_it_is() -> None:
    """A ring's or pipe's messages are gone if they are dropped; a file can be read again."""
    pipe = Pipe([swap(1)], [swap(2)], [swap(3)])
    endless = Batches(*each_its_own(range(10, 1000)))
    loop, outbox = made(pipe, endless)

    def meanwhile() -> None:
        pipe.send(3)
        loop.stop()
        loop.stop()

    finish(loop, meanwhile=meanwhile)
    assert [swap(1), swap(2), swap(3)] == [each for each in outbox.flushed if each.ts_ns < 10]  # type: ignore[union-attr]
    assert endless.batches
    assert pipe.committed == 3
    os.close(pipe.writing)


def test_stop_does_not_wait_for_ever_for_a_writer_that_never_pauses() -> None:
    pipe = Pipe()
    pipe.drain = lambda: [swap(1)]  # type: ignore[method-assign]
    loop, outbox = made(pipe)
    loop._drain_s = 0.05
    finish(loop, meanwhile=loop.stop)
    assert outbox.flushed
    os.close(pipe.writing)


def test_what_was_injected_is_handled_also_when_the_loop_is_about_to_end() -> None:
    pipe = Pipe()
    loop, outbox = made(pipe)

    def meanwhile() -> None:
        loop.inject(swap(7))
        loop.stop()
        loop.inject(swap(8))

    finish(loop, meanwhile=meanwhile)
    assert outbox.flushed == [swap(7), swap(8)]
    os.close(pipe.writing)


def test_work_under_way_is_waited_for_when_the_input_has_ended() -> None:
    """A fetched transaction comes after the end of the file that asked for it."""
    inbox = Batches([swap(1)])
    loop, outbox = made(inbox)

    async def linger() -> None:
        await asyncio.sleep(0)
        loop.inject(swap(2))

    loop._linger = linger
    finish(loop)
    assert outbox.flushed == [swap(1), swap(2)]


def test_a_failure_of_work_under_way_comes_out() -> None:
    loop, _ = made(Batches())

    async def linger() -> None:
        raise OSError("the endpoint is gone")

    loop._linger = linger
    with pytest.raises(OSError, match="endpoint"):
        finish(loop)


def test_a_failure_beside_the_loop_ends_it_at_once_and_the_first_one_counts() -> None:
    pipe = Pipe([swap(1)])
    loop, outbox = made(pipe)

    def meanwhile() -> None:
        loop.fail(OSError("first"))
        loop.fail(OSError("second"))
        loop.inject(swap(1))

    with pytest.raises(OSError, match="first"):
        finish(loop, meanwhile=meanwhile)
    assert outbox.flushed == []
    os.close(pipe.writing)


def test_a_live_loop_ticks_by_the_hosts_clock_also_in_silence() -> None:
    pipe = Pipe()
    ticks: list[int] = []

    def tick(now_ns: int) -> Iterable[Message]:
        ticks.append(now_ns)
        if len(ticks) == 3:
            os.close(pipe.writing)
        return [BotStarted(ts_ns=now_ns, bot="b")]

    loop, outbox = made(pipe, tick=tick, mode="auto")
    finish(loop)
    assert ticks[:3] == [NOW] * 3
    assert outbox.flushed[0] == BotStarted(ts_ns=NOW, bot="b")


def test_a_failing_tick_comes_out() -> None:
    def tick(now_ns: int) -> Iterable[Message]:
        raise ValueError("late")

    pipe = Pipe()
    loop, _ = made(pipe, tick=tick, mode="system")
    with pytest.raises(ValueError, match="late"):
        finish(loop)
    os.close(pipe.writing)


def replayed(*stamps: int) -> list[tuple[str, int]]:
    """Return what a replay of swaps at *stamps* (in 10 ms) makes happen, and when."""
    step = SECOND // 100
    seen: list[tuple[str, int]] = []

    def react(message: Message, now_ns: int) -> Iterable[Message]:
        seen.append(("react", now_ns // step))
        return ()

    def tick(now_ns: int) -> Iterable[Message]:
        seen.append(("tick", now_ns // step))
        return [swap(1)]

    loop, _ = made(Batches([swap(stamp * step) for stamp in stamps]), react=react, tick=tick)
    finish(loop)
    return seen


def test_a_replay_ticks_by_the_time_of_its_messages_before_each_is_handled() -> None:
    """A time stop due between two trades fires between them, however fast the tape runs."""
    assert replayed(100, 100, 101, 103) == [
        ("react", 100),
        ("react", 100),
        ("tick", 101),
        ("react", 101),
        ("tick", 102),
        ("tick", 103),
        ("react", 103),
    ]


def test_a_night_on_a_tape_is_walked_through_in_bounded_steps() -> None:
    seen = replayed(1, 1 + 100 * 3600 * 8)
    ticks = [at for what, at in seen if what == "tick"]
    assert TICKS_PER_JUMP_MAX <= len(ticks) <= TICKS_PER_JUMP_MAX + 1
    assert ticks[-1] <= seen[-1][1]
    assert ticks == sorted(ticks)


def test_a_replay_does_not_tick_by_the_hosts_clock() -> None:
    """Its time stands still between messages: the same tick again says nothing new, but not the same twice."""
    pipe = Pipe([Frame(b"{}", SECOND, "t")])
    ticks: list[int] = []

    def tick(now_ns: int) -> Iterable[Event]:
        ticks.append(now_ns)
        return ()

    def meanwhile() -> None:
        pipe.send()
        asyncio.get_running_loop().call_later(0.05, os.close, pipe.writing)

    loop, _ = made(pipe, tick=tick)
    finish(loop, meanwhile=meanwhile)
    assert ticks == []


# ── what is due ──


def ticked_at(due_ns: list[int], *, mode: str = "system") -> list[int]:
    """Run a loop whose handler names these times one after the other; return when it was ticked."""
    ticks: list[int] = []
    pipe, clock = Pipe([swap(1)]), SystemClock()

    def tick(now_ns: int) -> Iterable[Message]:
        ticks.append(now_ns)
        while due_ns and due_ns[0] <= now_ns:
            due_ns.pop(0)
        return ()

    loop = Loop(
        inboxes=[pipe],
        outbox=Kept(),
        react=echo,
        timeline=Timeline(clock, mode),
        tick=tick,
        tick_s=3600,
        due=lambda: due_ns[0] if due_ns else 0,
    )

    async def main() -> None:
        running = asyncio.ensure_future(loop.run())
        pipe.send()
        for _ in range(300):
            await asyncio.sleep(0.002)
            if not due_ns or mode == "event":
                break
        loop.stop()
        await running

    asyncio.run(main())
    os.close(pipe.writing)
    return ticks


def test_a_tick_comes_when_it_is_due_and_not_at_the_next_beat() -> None:
    """Two openings, no regular tick within the hour."""
    now = SystemClock().now_ns()
    due = [now + 20_000_000, now + 45_000_000]
    ticks = ticked_at(list(due))
    assert ticks[-1] >= due[1]
    assert any(due[0] <= tick < due[1] for tick in ticks)


def test_what_was_due_before_is_done_at_once() -> None:
    assert len(ticked_at([5])) == 1


def test_a_replay_has_no_timer() -> None:
    assert ticked_at([5], mode="event") == []


def test_an_earlier_time_replaces_a_later_one() -> None:
    """The timer of the later one is given up; nothing due sets none."""
    now = SystemClock().now_ns()
    loop, _ = made(Batches(), mode="system", tick=lambda now_ns: ())

    async def main() -> None:
        loop._wake_when(now + 3_600 * SECOND)
        first = loop._due_timer
        assert first is not None
        loop._wake_when(now + 3_600 * SECOND)
        assert loop._due_timer is first
        loop._wake_when(now + 1_800 * SECOND)
        assert first.cancelled()
        second = loop._due_timer
        assert second is not None
        assert second is not first
        loop._wake_when(0)
        assert second.cancelled()

    asyncio.run(main())
