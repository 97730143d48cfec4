"""Refusals of one source: all counted, one a second told."""

from __future__ import annotations

from sniperforge.feeds.source import Refusals


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
