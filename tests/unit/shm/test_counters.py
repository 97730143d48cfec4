"""Numbers in shared memory: whole, read by anybody, known to one sixteenth."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import UsageError
from sniperforge.shm import _ring, errors, names
from sniperforge.shm.counters import Board, HistogramReading, bucket_top


@pytest.fixture
def instance() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def board(instance: str) -> Iterator[Board]:
    with Board.create("stage", instance=instance, counters=["trades", "beat"], histograms=["decide_ns"]) as made:
        yield made


def test_a_reader_sees_what_the_writer_counts(board: Board, instance: str) -> None:
    reader = Board.attach("stage", instance=instance)
    board.counter("trades").add()
    board.counter("trades").add(41)
    board.counter("beat").set(7)
    board.histogram("decide_ns").record(1000)
    board.histogram("decide_ns").record(-5)
    reading = reader.read()
    assert reading.alive
    assert reading.counters == {"trades": 42, "beat": 7}
    decide = reading.histograms["decide_ns"]
    assert (decide.count, decide.sum, decide.max, decide.mean) == (2, 1000, 1000, 500)
    with reader:
        pass  # a reader leaves the board where it is
    assert Board.attach("stage", instance=instance).owner == "stage"


@given(
    st.lists(st.integers(min_value=0, max_value=2**62), min_size=1, max_size=50),
    st.floats(min_value=0.1, max_value=100),
)
def test_a_percentile_is_right_to_one_sixteenth(values: list[int], percent: float) -> None:
    """Never below the true value, never more than its bucket above."""
    with Board.create("h", instance=f"test-{uuid.uuid4().hex[:12]}", counters=[], histograms=["h"]) as board:
        for value in values:
            board.histogram("h").record(value)
        answer = board.read().histograms["h"].percentile(percent)
    ordered, wanted = sorted(values), len(values) * percent / 100
    true = next(value for index, value in enumerate(ordered, 1) if index >= wanted)
    assert true <= answer <= true + true // 16 + 1


def test_buckets_join_without_gap() -> None:
    """Each bucket starts where the one before ends; the last one holds the largest number."""
    tops = [bucket_top(index) for index in range(_ring.HISTOGRAM_WORDS - 8)]
    assert tops == sorted(set(tops))
    assert tops[:16] == list(range(16))
    assert tops[-1] == 2**64 - 1


def test_an_empty_histogram_has_no_percentile() -> None:
    empty = HistogramReading(count=0, sum=0, max=0, buckets=(0,))
    assert (empty.percentile(50), empty.mean) == (0, 0)
    for percent in (0, 101):
        with pytest.raises(ValueError, match="between 0 and 100"):
            empty.percentile(percent)


def test_a_living_owner_keeps_its_board(board: Board, instance: str) -> None:
    with pytest.raises(errors.RingExists):
        Board.create("stage", instance=instance, counters=[])


def test_a_broken_board_is_refused_and_replaced(board: Board, instance: str) -> None:
    path = names.SHM_DIRECTORY / names.segment_name(f"{instance}/counters/stage")[1:]
    with path.open("r+b") as file:
        file.seek(8)
        file.write(b"not json")
    with pytest.raises(errors.RingForeign, match="header"):
        Board.attach("stage", instance=instance)
    with path.open("r+b") as file:
        file.seek(8)
        file.write(b'{"schema":9}\0')
    with pytest.raises(errors.RingForeign, match="schema"):
        Board.attach("stage", instance=instance)
    with path.open("r+b") as file:
        file.truncate(100)
    with pytest.raises(errors.RingForeign, match="size"):
        Board.attach("stage", instance=instance)
    with Board.create("stage", instance=instance, counters=["a"]) as again:
        assert again.read().counters == {"a": 0}
    with pytest.raises(errors.RingMissing):
        Board.attach("stage", instance=instance)


def test_names_have_a_page(instance: str) -> None:
    with pytest.raises(UsageError, match="4087"):
        Board.create("s", instance=instance, counters=["x" * 5000])


@pytest.mark.parametrize("index", [-1, 10**6])
def test_a_cell_lies_within_its_segment(board: Board, index: int) -> None:
    for kind in (_ring.Counter, _ring.Histogram):
        with pytest.raises(ValueError, match="outside"):
            kind(board._words, index)


def test_wrong_numbers_are_refused(board: Board) -> None:
    counter = board.counter("trades")
    with pytest.raises(ValueError, match="step"):
        counter.add(-1)
    with pytest.raises(TypeError):
        counter.add(1, 2)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        board.histogram("decide_ns").record("x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="header is"):
        board._words.header(b"x" * 5000)
