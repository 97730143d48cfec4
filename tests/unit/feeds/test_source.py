"""Refusals of one source: all counted, one a second told. A task told to end does end."""

from __future__ import annotations

import asyncio

from sniperforge.feeds.source import Refusals, ended


def test_one_line_a_second_stands_for_all_that_came_between() -> None:
    """A server gone mad does not flood the notes, and nothing is hidden."""
    refusals = Refusals()
    told = [refusals.add("node", "bad", "cure", now_ns) for now_ns in (0, 1, 999_999_999, 1_000_000_000, 2_500_000_000)]
    assert [note.problem if note else None for note in told] == [
        "bad",
        None,
        None,
        "bad (and 2 more like it before)",
        "bad",
    ]
    assert refusals.count == 5
    assert told[3] is not None
    assert (told[3].where, told[3].cure, told[3].ts_ns) == ("node", "cure", 1_000_000_000)


def test_a_task_that_swallows_its_cancellation_is_cancelled_again() -> None:
    """`asyncio.wait_for` of 3.11 does that when the result comes at the same moment."""

    async def main() -> None:
        swallowed = 0

        async def stubborn() -> None:
            nonlocal swallowed
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    swallowed += 1
                    if swallowed == 3:
                        raise

        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        await ended(task, try_s=0.0)
        assert task.cancelled()
        assert swallowed == 3
        await ended(task)

    asyncio.run(main())
