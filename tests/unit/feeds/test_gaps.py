"""A gap is what no source showed and the chain did make; the last slots before a loss belong to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import GapSeen
from sniperforge.feeds.gaps import MISSING_MAX, OPEN_MAX, SHOWN_MAX, Gap, GapLedger, told

GRACE = 100


def ledger(*, overlap: int = 2, shown: int = 0) -> GapLedger:
    """Return a ledger with one live source, "a", that showed slots 1 to *shown*."""
    made = GapLedger(grace_ns=GRACE, overlap_slots=overlap)
    made.live("a")
    for slot in range(1, shown + 1):
        assert made.slot("a", slot, slot - 1, 0) == []
    return made


def spans(gaps: list[Gap]) -> list[tuple[int, int]]:
    return [(gap.slot_from, gap.slot_to) for gap in gaps]


def test_what_was_before_our_start_is_no_gap() -> None:
    """The first heartbeat opens the book."""
    book = ledger()
    assert book.slot("a", 100, 99, 0) == []
    assert book.slot("a", 101, 100, 0) == []
    assert book.slot("a", 103, 98, 0) == []
    assert book.due(GRACE * 2) == []


def test_slots_the_chain_skipped_are_no_gap() -> None:
    """The parent of the next one says so."""
    book = ledger(shown=10)
    assert book.slot("a", 15, 10, 0) == []
    assert book.due(GRACE * 2) == []


def test_a_parent_nobody_showed_is_a_gap_after_the_time_of_grace() -> None:
    """At its edge; with all that may lie between it and what we know."""
    book = ledger(shown=10)
    assert book.slot("a", 14, 13, 5) == []
    assert book.due(5 + GRACE - 1) == []
    assert spans(book.due(5 + GRACE)) == [(11, 13)]
    assert book.due(5 + GRACE * 9) == []


def test_another_source_has_that_time_to_show_it() -> None:
    """Racing endpoints are never in step; 12 is proven to be no slot by 13's parent."""
    book = ledger(shown=10)
    book.live("b")
    book.slot("a", 14, 13, 5)
    assert book.slot("b", 11, 10, 50) == []
    assert book.slot("b", 13, 11, 60) == []
    assert book.due(GRACE * 9) == []


def test_a_slot_one_fork_skipped_is_still_missing_when_another_built_on_it() -> None:
    """That fork may be the one that wins."""
    book = ledger(shown=5)
    book.slot("a", 8, 7, 0)
    book.slot("a", 9, 5, 0)
    assert spans(book.due(GRACE)) == [(7, 7)]


def test_a_parent_from_before_a_loss_is_not_forgotten_in_it() -> None:
    """3 stood on 1; after the loss somebody builds on 2."""
    book = ledger(overlap=1, shown=1)
    book.slot("a", 3, 1, 0)
    book.lost("a")
    book.live("a")
    assert spans(book.slot("a", 4, 2, 0)) == [(3, 3)]
    assert spans(book.due(GRACE)) == [(2, 2)]


def test_a_forks_parent_that_was_not_shown_is_a_gap_of_its_own() -> None:
    """9 and 8 were shown; 7 on the other fork was not."""
    book = ledger(shown=5)
    book.slot("a", 8, 5, 0)
    book.slot("a", 9, 8, 0)
    book.slot("a", 10, 7, 0)
    assert spans(book.due(GRACE)) == [(7, 7)]


def test_the_last_source_lost_begins_a_gap_that_the_next_heartbeat_ends() -> None:
    """With the two slots before it, whose logs were still on their way."""
    book = ledger(shown=10)
    book.lost("a")
    book.lost("a")
    book.live("a")
    assert spans(book.slot("a", 16, 14, 0)) == [(9, 14)]
    assert spans(book.slot("a", 17, 16, 0)) == []
    assert book.due(GRACE) == []


def test_while_one_source_lives_nothing_is_lost() -> None:
    """That is what the race is for."""
    book = ledger(shown=10)
    book.live("b")
    book.lost("a")
    assert book.slot("b", 11, 10, 0) == []
    book.live("a")
    book.lost("b")
    assert book.slot("a", 12, 11, 0) == []


def test_a_short_loss_still_cuts_the_newest_slots() -> None:
    """Reconnected within one slot: its logs may have come in between."""
    book = ledger(shown=10)
    book.lost("a")
    book.live("a")
    assert spans(book.slot("a", 11, 10, 0)) == [(9, 10)]


def test_without_overlap_a_loss_that_missed_no_slot_is_no_gap() -> None:
    """The setting is obeyed at its edge."""
    book = ledger(overlap=0, shown=10)
    book.lost("a")
    book.live("a")
    assert book.slot("a", 11, 10, 0) == []
    book.lost("a")
    book.live("a")
    assert spans(book.slot("a", 13, 12, 0)) == [(12, 12)]


def test_the_overlap_does_not_reach_behind_our_start() -> None:
    """Nothing before the first heartbeat is ours to fill."""
    book = ledger()
    book.slot("a", 100, 99, 0)
    book.lost("a")
    book.live("a")
    assert spans(book.slot("a", 103, 102, 0)) == [(100, 102)]


def test_a_loss_before_any_heartbeat_is_no_gap() -> None:
    """Nothing was promised yet; an unknown source's loss is no loss either."""
    book = ledger()
    book.lost("a")
    book.lost("stranger")
    book.live("a")
    assert book.slot("a", 100, 99, 0) == []


def test_a_source_behind_the_newest_slot_ends_the_blind_time_at_that_slot() -> None:
    """What it shows next is shown."""
    book = ledger(shown=10)
    book.lost("a")
    book.live("b")
    assert spans(book.slot("b", 8, 7, 0)) == [(9, 10)]


def test_a_gap_is_open_until_it_is_closed() -> None:
    """And told once."""
    book = ledger(shown=10)
    book.lost("a")
    book.live("a")
    gap = book.slot("a", 12, 11, 0)[0]
    assert book.open_gaps == (gap,)
    book.closed(gap)
    book.closed(gap)
    assert not book.open_gaps
    assert told(gap, 7, closed=True, filled=3) == GapSeen(
        ts_ns=7, source="a", slot_from=9, slot_to=11, closed=True, filled=3
    )


def test_memory_is_bounded_by_a_server_that_counts_wildly() -> None:
    """Jumps of a billion slots are told in bounded pieces."""
    book = ledger()
    slot = 1
    for _ in range(50):
        slot += 1_000_000_000
        for gap in book.slot("a", slot, slot - 1, 0):
            assert gap.slot_to - gap.slot_from < MISSING_MAX
        assert len(book._missing) <= MISSING_MAX
        assert len(book._shown) <= SHOWN_MAX
    book.due(GRACE)
    assert len(book._shown) <= SHOWN_MAX


def test_open_gaps_are_bounded() -> None:
    """Without back-fill none is ever closed."""
    book = ledger(shown=1)
    slot = 1
    for _ in range(OPEN_MAX + 10):
        book.lost("a")
        book.live("a")
        book.slot("a", slot + 5, slot + 4, 0)
        slot += 5
    assert len(book.open_gaps) == OPEN_MAX


def test_the_same_gap_is_not_told_twice() -> None:
    """Two losses around the same heartbeats."""
    book = ledger(shown=10)
    for expected in ([(9, 10)], []):
        book.lost("a")
        book.live("a")
        assert spans(book.slot("a", 10, 9, 0)) == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from(["live", "lost", "slot"]),
            st.integers(1, 40),
            st.integers(1, 5),
        ),
        max_size=40,
    )
)
def test_every_slot_of_the_chain_is_shown_or_in_a_gap(story: list[tuple[str, str, int, int]]) -> None:
    """Whatever order the heartbeats and losses come in: nothing is forgotten between first and newest."""
    book = GapLedger(grace_ns=0, overlap_slots=1)
    shown: set[int] = set()
    gaps: list[Gap] = []
    proven: set[int] = set()
    for source, what, slot, back in story:
        if what == "live":
            book.live(source)
        elif what == "lost":
            book.lost(source)
        else:
            parent = max(0, slot - back)
            first = min(shown, default=slot)
            gaps += book.slot(source, slot, parent, 0)
            gaps += book.due(1)
            shown.add(slot)
            if shown != {slot} and parent >= first:
                proven.add(parent)
    covered = {slot for gap in gaps for slot in range(gap.slot_from, gap.slot_to + 1)}
    start = next((slot for _, what, slot, _ in story if what == "slot"), 0)
    assert {slot for slot in proven if slot >= start} <= shown | covered
