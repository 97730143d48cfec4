"""Messages survive rings and lines as they are; a reader that went away and a full disk end a stage in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sniperforge.base import wire
from sniperforge.base.errors import UnavailableError
from sniperforge.base.events import FRAME, BotStarted, FeedChanged, Frame, InputRefused, Swapped
from sniperforge.runtime.ends import (
    TOPICS,
    LineOutbox,
    PipeClosed,
    RingInbox,
    RingOutbox,
    interest_mask,
    source_key,
)
from sniperforge.shm.ring import Ring
from tests.unit.runtime.stand import swap

REFUSED = InputRefused(ts_ns=1, where="x:1", problem="p", cure="c")


def made(topic: str, *consumers: str) -> Ring:
    return Ring.create(topic, instance=f"ends-{os.getpid()}", capacity=1 << 16, consumers=consumers)


@pytest.fixture
def market() -> Iterator[Ring]:
    with made("market", "bot") as ring:
        yield ring


@pytest.fixture
def frames() -> Iterator[Ring]:
    with made("frames", "detect") as ring:
        yield ring


def test_every_topic_has_its_own_types_and_each_type_one_topic() -> None:
    kinds = [kind for topic in TOPICS.values() for kind in topic]
    assert len(kinds) == len(set(kinds))
    commands = {"TransactionWanted", "CreationWanted"}  # done where it is said: never on a ring
    assert {kind.__name__ for kind in wire.TAGS} - {kind.__name__ for kind in kinds} == commands


def test_an_interest_mask_has_the_bits_of_its_types() -> None:
    assert interest_mask(frozenset({Swapped})) == 1 << wire.TAGS[Swapped]
    assert interest_mask(frozenset(), frames=True) == 1 << FRAME


def test_a_message_crosses_a_ring_as_it_is(market: Ring) -> None:
    outbox = RingOutbox({"market": market.producer("detect")})
    inbox = RingInbox(market.consumer("bot"))
    outbox.put(swap(5))
    outbox.flush()
    assert inbox.drain() == [swap(5)]
    inbox.commit()
    assert inbox.drain() == []
    assert not inbox.ended()
    outbox.close()


def test_a_message_of_a_topic_that_is_not_written_here_is_counted(market: Ring) -> None:
    outbox = RingOutbox({"market": market.producer("detect")})
    outbox.put(BotStarted(bot="b"))
    assert outbox.dropped == 1
    outbox.close()


def test_a_frame_crosses_with_its_stamp_its_source_and_whether_it_was_late(frames: Ring) -> None:
    outbox = RingOutbox({"frames": frames.producer("feed")})
    inbox = RingInbox(frames.consumer("detect"), {source_key("one"): "one"})
    sent = [Frame(b"{}", 5, "one"), Frame(b"[]", 6, "one", late=True), Frame(b"1", 7, "stranger")]
    for frame in sent:
        outbox.put(frame)
    assert inbox.drain() == [*sent[:2], Frame(b"1", 7, "")]
    outbox.close()


def test_a_record_that_is_no_message_is_counted_and_read_past(market: Ring) -> None:
    """An empty answer means "nothing now": the good record behind the bad one must not wait for a bell."""
    producer = market.producer("detect")
    inbox = RingInbox(market.consumer("bot"))
    for _ in range(300):
        producer.publish(wire.TAGS[Swapped], b"\xff")
    producer.publish(wire.TAGS[Swapped], wire.encode(swap(9)))
    assert inbox.drain() == [swap(9)]
    assert inbox.refused == 300
    producer.close()


def test_what_was_not_acknowledged_comes_again(market: Ring) -> None:
    """A stage that failed at a message sees it again after its restart."""
    outbox = RingOutbox({"market": market.producer("detect")})
    outbox.put(swap(1))
    first = RingInbox(market.consumer("bot"))
    assert first.drain() == [swap(1)]
    first.close()
    again = RingInbox(market.consumer("bot"))
    assert again.drain() == [swap(1)]
    again.commit()
    again.close()
    assert RingInbox(market.consumer("bot")).drain() == []
    outbox.close()


def test_an_armed_ring_rings_its_bell(market: Ring) -> None:
    outbox = RingOutbox({"market": market.producer("detect")})
    inbox = RingInbox(market.consumer("bot"))
    assert inbox.fileno() >= 0
    assert inbox.arm()
    outbox.put(swap(1))
    assert os.read(inbox.fileno(), 64)
    assert not inbox.arm()
    outbox.close()


def test_a_closed_ring_is_read_to_its_end_and_then_has_ended(market: Ring) -> None:
    outbox = RingOutbox({"market": market.producer("detect")})
    inbox = RingInbox(market.consumer("bot"))
    inbox.fileno()
    outbox.put(swap(1))
    market.close()
    assert inbox.drain() == [swap(1)]
    inbox.commit()
    assert inbox.drain() == []
    assert not inbox.arm()
    assert inbox.ended()
    assert inbox.drain() == []
    outbox.close()


def test_a_ring_closed_while_nothing_came_has_ended(market: Ring) -> None:
    inbox = RingInbox(market.consumer("bot"))
    inbox.fileno()
    market.close()
    assert not inbox.arm()
    assert inbox.ended()


def test_lines_are_written_when_flushed_and_told_when_put(tmp_path: Path) -> None:
    told: list[object] = []
    path = tmp_path / "out.ndjson"
    with path.open("wb") as stream:
        outbox = LineOutbox(stream, "out", told.append)
        outbox.flush()
        outbox.put(Frame(b'{"a":1}', 5, "t"))
        outbox.put(REFUSED)
        assert path.read_bytes() == b""
        outbox.flush()
        first, second = path.read_bytes().splitlines()
        assert first == b'{"type":"Frame","v":1,"ts_ns":5,"source":"t","late":false,"data":{"a":1}}'
        assert wire.from_json(second) == REFUSED
        assert told == [Frame(b'{"a":1}', 5, "t"), REFUSED]
        outbox.close()


def test_what_others_wrote_to_the_stream_before_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    with path.open("wb") as stream:
        stream.write(b"head\n")
        outbox = LineOutbox(stream)
        outbox.put(FeedChanged(source="s", state="lost"))
        outbox.flush()
    assert path.read_bytes().startswith(b'head\n{"type":"FeedChanged"')


def test_a_reader_that_went_away_is_told_apart_from_a_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", 0) as stream:
        outbox = LineOutbox(stream)
        outbox.put(REFUSED)
        with pytest.raises(PipeClosed):
            outbox.flush()


def test_a_full_disk_is_one_line_with_what_to_do() -> None:
    with Path("/dev/full").open("wb", 0) as stream:
        outbox = LineOutbox(stream, "out.ndjson")
        outbox.put(REFUSED)
        with pytest.raises(UnavailableError, match=r"^out.ndjson: cannot be written: No space left on device; "):
            outbox.flush()


def test_a_slow_reader_of_a_non_blocking_pipe_is_waited_for() -> None:
    """Whoever shares our terminal may have made it non-blocking; no byte is lost by it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    frame = Frame(b'"' + b"x" * (1 << 20) + b'"', 5, "t")
    pid = os.fork()
    if not pid:  # the reader
        os.close(writing)
        size = 0
        while piece := os.read(reading, 1 << 16):
            size += len(piece)
        os._exit(0 if size > 1 << 20 else 1)
    os.close(reading)
    with os.fdopen(writing, "wb", 0) as stream:
        outbox = LineOutbox(stream)
        outbox.put(frame)
        outbox.flush()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
