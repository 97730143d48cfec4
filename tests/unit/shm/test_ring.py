"""A ring carries records whole and in order, says who lost what, and refuses by name."""

from __future__ import annotations

import resource
import select
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sniperforge.base.errors import UsageError
from sniperforge.shm import _ring, errors, names
from sniperforge.shm.counters import Board
from sniperforge.shm.ring import Consumer, Guarantee, Ring, open_segment, remove

SMALL = 1 << 14


@pytest.fixture
def instance() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def ring(instance: str) -> Iterator[Ring]:
    with Ring.create("topic", instance=instance, capacity=SMALL, deadline_ns=2_000_000) as made:
        yield made


def payloads(consumer: Consumer) -> list[bytes]:
    return [record.payload for record in consumer.drain()]


# ── records ───────────────────────────────────────────────────────────────


def test_a_record_keeps_its_whole_header(ring: Ring) -> None:
    """What goes in comes out, with a sequence and an epoch stamp made inside publish."""
    consumer, producer = ring.consumer("c"), ring.producer("p")
    before = time.monotonic_ns() + ring.clock_offset_ns
    assert producer.publish(7, b"hello", key=1, origin_ns=2, trace_id=3, flags=4) == 0
    assert producer.publish(2**16 - 1, b"", 2**64 - 1, 2**64 - 1, 2**64 - 1, 2**16 - 1) == 1
    first, second = consumer.drain()
    assert (first.type, first.flags, first.key, first.sequence, first.origin_ns, first.trace_id, first.payload) == (
        7, 4, 1, 0, 2, 3, b"hello",
    )  # fmt: skip
    assert before <= first.publish_ns <= second.publish_ns <= time.monotonic_ns() + ring.clock_offset_ns
    assert (second.type, second.flags, second.key, second.payload) == (2**16 - 1, 2**16 - 1, 2**64 - 1, b"")
    assert first.producer == second.producer
    assert "sequence=0" in repr(first)


@pytest.mark.parametrize("payload", [bytearray(b"abc"), memoryview(b"xabcx")[1:4]])
def test_any_contiguous_buffer_is_a_payload(ring: Ring, payload: bytearray | memoryview) -> None:
    consumer = ring.consumer("c")
    ring.producer("p").publish(1, payload)
    assert payloads(consumer) == [b"abc"]


@pytest.mark.parametrize(
    ("arguments", "named", "error"),
    [
        ((), {}, TypeError),
        ((1,), {}, TypeError),
        ((1, "text"), {}, TypeError),
        ((1, None), {}, TypeError),
        ((-1, b""), {}, ValueError),
        ((1 << 16, b""), {}, ValueError),
        ((1, b""), {"key": 1 << 64}, ValueError),
        ((1, b""), {"flags": 1 << 16}, ValueError),
        ((1, b""), {"wrong": 1}, TypeError),
        ((1, b""), {"payload": b""}, TypeError),
        ((1, b"", 0, 0, 0, 0, 0), {}, TypeError),
        (("1", b""), {}, TypeError),
        ((1, memoryview(b"abcdef")[::2]), {}, BufferError),
    ],
)
def test_a_wrong_record_is_refused_before_anything_is_claimed(
    ring: Ring, arguments: tuple[object, ...], named: dict[str, object], error: type[Exception]
) -> None:
    """No hole, no sequence spent."""
    publish = ring.producer("p").publish
    with pytest.raises(error):
        publish(*arguments, **named)  # type: ignore[arg-type]
    assert ring.stat()["head"] == 0


def test_a_record_may_fill_a_quarter_of_the_ring_and_no_more(ring: Ring) -> None:
    consumer, producer = ring.consumer("c"), ring.producer("p")
    largest = ring.stat()["record_max"]
    assert largest == SMALL // 4 - 64
    for _ in range(9):
        producer.publish(1, b"x" * largest)
        assert [len(payload) for payload in payloads(consumer)] == [largest]
    with pytest.raises(errors.RecordTooLarge, match="more capacity"):
        producer.publish(1, b"x" * (largest + 1))


def test_a_batch_is_one_call(ring: Ring) -> None:
    consumer, producer = ring.consumer("c"), ring.producer("p")
    assert producer.publish_many([(1, b"a"), (2, b"b", 9), (3, bytearray(b"c"), 1, 2, 3, 4)]) == 3
    assert [(r.type, r.key, r.flags, r.payload) for r in consumer.drain()] == [
        (1, 0, 0, b"a"), (2, 9, 0, b"b"), (3, 1, 4, b"c"),
    ]  # fmt: skip
    assert producer.publish_many([]) == 0
    for wrong in ([(1,)], ["x"], [(1, b"", 0, 0, 0, 0, 0)], [(1, "text")]):
        with pytest.raises(TypeError):
            producer.publish_many(wrong)
    with pytest.raises(TypeError):
        producer.publish_many((1, b""))  # type: ignore[arg-type]
    assert producer.sent == 3


def test_views_show_the_record_in_place(ring: Ring) -> None:
    """Valid until the next drain; the memory stays mapped as long as the view lives."""
    consumer = ring.consumer("c")
    ring.producer("p").publish(1, b"in place")
    (record,) = consumer.views()
    view = memoryview(record.payload)
    assert view.readonly
    assert bytes(view) == b"in place"
    consumer.close()
    assert bytes(view) == b"in place"


def test_positions_wrap_at_64_bits(instance: str) -> None:
    """A ring that starts five laps before 2**64 goes on behind it."""
    with Ring.create("wrap", instance=instance, capacity=4096, start_position=2**64 - 5 * 4096) as ring:
        consumer, producer = ring.consumer("c"), ring.producer("p")
        for number in range(200):
            assert producer.publish(1, bytes(number)) == number
            assert consumer.read() is not None
        assert ring.stat()["position"] < 2**63
        late = ring.consumer("late", start="head")
        assert late.drain()


# ── acknowledging and waiting ─────────────────────────────────────────────


def test_the_next_drain_acknowledges_the_last(ring: Ring) -> None:
    consumer, producer = ring.consumer("c"), ring.producer("p")
    producer.publish(1, b"a")
    assert payloads(consumer) == [b"a"]
    assert ring.stat()["used"] == 80
    assert payloads(consumer) == []
    assert ring.stat()["used"] == 0
    producer.publish(1, b"b")
    assert consumer.read() is not None
    consumer.commit()
    assert ring.stat()["used"] == 0
    assert consumer.read() is None


@pytest.mark.parametrize("wrong", [0, -1])
def test_drain_takes_at_least_one(ring: Ring, wrong: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ring.consumer("c").drain(wrong)


def test_drain_names_its_argument(ring: Ring) -> None:
    consumer, producer = ring.consumer("c"), ring.producer("p")
    for _ in range(3):
        producer.publish(1, b"")
    assert len(consumer.drain(max=2)) == 2
    for wrong in ({"min": 1}, {"max": "x"}):
        with pytest.raises(TypeError):
            consumer.drain(**wrong)


def test_wait_says_whether_there_is_something(ring: Ring) -> None:
    consumer, producer = ring.consumer("c", spin_ns=1000), ring.producer("p")
    assert consumer.wait(0) is False
    assert consumer.wait(2_000_000) is False
    producer.publish(1, b"")
    assert consumer.wait(None) is True
    with pytest.raises(TypeError):
        consumer.wait("soon")  # type: ignore[arg-type]


def test_receive_is_read_and_wait_in_one_call(ring: Ring) -> None:
    consumer, producer = ring.consumer("c", spin_ns=1000), ring.producer("p")
    assert consumer.receive(0) is None
    assert consumer.receive(2_000_000) is None
    producer.publish(1, b"first")
    producer.publish(1, b"second")
    texts = [record.payload for record in (consumer.receive(None), consumer.receive(0)) if record]
    assert texts == [b"first", b"second"]
    with pytest.raises(TypeError):
        consumer.receive("soon")  # type: ignore[arg-type]


def test_take_is_receive_without_the_header(ring: Ring) -> None:
    consumer, producer = ring.consumer("c"), ring.producer("p")
    assert consumer.take(0) is None
    producer.publish_many([(1, b"first"), (1, b"")])
    assert (consumer.take(None), consumer.take(None), consumer.take(2_000_000)) == (b"first", b"", None)
    assert consumer.lag_bytes == 0
    producer.publish(1, b"last")
    ring.close()
    assert consumer.take(None) == b"last"
    with pytest.raises(errors.RingClosed):
        consumer.take(None)


def test_wait_lets_signal_handlers_run(ring: Ring) -> None:
    """A handler that returns ends the wait early; one that raises goes through."""
    consumer = ring.consumer("c")

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: heard.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert consumer.wait(None) is False
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert consumer.receive(None) is None
        assert heard == [signal.SIGALRM] * 2
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        with pytest.raises(KeyboardInterrupt):
            consumer.wait(None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_doorbell_rings_once_when_armed(ring: Ring) -> None:
    """drain, arm, and the descriptor tells; not armed, nothing is written."""
    consumer, producer = ring.consumer("c"), ring.producer("p")
    with pytest.raises(errors.BellMissing, match="fileno"):
        consumer.arm()
    fd = consumer.fileno()
    assert consumer.fileno() == fd
    assert consumer.arm() is True
    assert select.select([fd], [], [], 0)[0] == []
    producer.publish(1, b"")
    producer.publish(1, b"")
    assert select.select([fd], [], [], 5)[0] == [fd]
    assert consumer.arm() is False
    assert len(consumer.drain()) == 2
    assert consumer.arm() is True
    assert select.select([fd], [], [], 0)[0] == []


def test_a_bell_follows_its_consumer_to_a_new_fifo(ring: Ring) -> None:
    """The producer's open descriptor of the last consumer is not the next one's."""
    producer = ring.producer("p")
    for _ in range(2):
        with ring.consumer("c", start="tail") as consumer:
            fd = consumer.fileno()
            assert consumer.arm()
            producer.publish(1, b"")
            assert select.select([fd], [], [], 5)[0] == [fd]


# ── interest ──────────────────────────────────────────────────────────────


def test_a_consumer_sees_what_it_is_interested_in(ring: Ring) -> None:
    """Others are passed by, and do not hold the ring back."""
    consumer, producer = ring.consumer("c", interest=1 << 5), ring.producer("p")
    seen: list[int] = []
    for number in range(2000):
        producer.publish(5 if number % 100 == 1 else 2, b"%d" % number)
        if number % 50 == 0:
            seen += [int(payload) for payload in payloads(consumer)]
    assert seen == list(range(1, 2000, 100))
    assert consumer.lost == 0


def test_an_armed_consumer_is_not_rung_for_others_types(ring: Ring) -> None:
    consumer, producer = ring.consumer("c", interest=1 << 5), ring.producer("p")
    fd = consumer.fileno()
    assert consumer.arm()
    producer.publish(6, b"")
    assert select.select([fd], [], [], 0)[0] == []
    producer.publish(5, b"")
    assert select.select([fd], [], [], 5)[0] == [fd]


# ── starting ──────────────────────────────────────────────────────────────


def test_a_new_name_starts_at_the_oldest_record(ring: Ring) -> None:
    producer = ring.producer("p")
    for number in range(5):
        producer.publish(1, b"%d" % number)
    consumer = ring.consumer("late")
    assert consumer.started == "head"
    assert payloads(consumer) == [b"0", b"1", b"2", b"3", b"4"]
    tail = ring.consumer("tail", start="tail")
    assert (tail.started, payloads(tail)) == ("tail", [])
    third = ring.consumer("third", start=3)
    assert (third.started, payloads(third), third.lost) == ("sequence", [b"3", b"4"], 0)


def test_a_late_joiner_behind_the_tail_holds_producers_back_at_once(instance: str) -> None:
    """A gate computed before it came is void: nothing it may still read is overwritten."""
    with Ring.create("t", instance=instance, capacity=4096, deadline_ns=0) as ring:
        producer = ring.producer("p")
        for number in range(100):
            producer.publish(1, b"%d" % number)
        late = ring.consumer("late", start="head")
        with pytest.raises(errors.RingFull):
            for number in range(100, 200):
                producer.publish(1, b"%d" % number)
        seen = [int(payload) for payload in payloads(late)]
        assert seen == list(range(seen[0], seen[-1] + 1))
        assert seen[-1] > 99
        assert late.lost == 0


def test_a_start_before_the_oldest_record_counts_as_loss(instance: str) -> None:
    with Ring.create("t", instance=instance, capacity=4096, guarantee="lossy") as ring:
        producer = ring.producer("p")
        for number in range(500):
            producer.publish(1, b"%d" % number)
        consumer = ring.consumer("c", start=10)
        received = len(consumer.drain(1000))
        assert consumer.lost > 0
        assert received + consumer.lost == 490


def test_a_name_resumes_at_its_last_commit(ring: Ring) -> None:
    """What was returned and not acknowledged comes again."""
    producer = ring.producer("p")
    first = ring.consumer("c")
    for number in range(3):
        producer.publish(1, b"%d" % number)
    assert first.read() is not None
    assert first.read() is not None
    first.close(keep=True)
    again = ring.consumer("c")
    assert again.started == "resumed"
    assert payloads(again) == [b"1", b"2"]
    again.close()
    assert ring.consumer("c").started == "head"


def test_a_reserved_seat_gates_before_anybody_comes(instance: str) -> None:
    """Nothing is lost while a stage is still starting."""
    with Ring.create("t", instance=instance, capacity=4096, consumers=["stage"], deadline_ns=0) as ring:
        producer, sent = ring.producer("p"), 0
        with pytest.raises(errors.RingFull, match="stage"):
            while True:
                producer.publish(1, b"%d" % sent)
                sent += 1
        stage = ring.consumer("stage")
        assert [int(payload) for payload in payloads(stage)] == list(range(sent))
        stage.close()
        assert [seat["name"] for seat in ring.stat()["consumers"]] == ["stage"]


@pytest.mark.parametrize("start", ["sometime", -1])
def test_an_unknown_start_is_refused(ring: Ring, start: int) -> None:
    with pytest.raises(UsageError, match="head, tail, resume"):
        ring.consumer("c", start=start)


# ── full, lapped, evicted ─────────────────────────────────────────────────


def test_a_full_ordered_ring_refuses_at_the_deadline_and_names_the_slowest(ring: Ring) -> None:
    consumer, producer = ring.consumer("slow"), ring.producer("p")
    with pytest.raises(errors.RingFull, match="slow") as caught:
        while True:
            producer.publish(1, b"x" * 1000)
    assert caught.value.role == "consumer"
    assert caught.value.holder == "slow"
    sent = producer.sent
    assert len(consumer.drain(1000)) == sent
    consumer.commit()
    producer.publish(1, b"again")
    assert [r.sequence for r in consumer.drain()] == [sent]


def test_without_consumers_an_ordered_ring_goes_round(ring: Ring) -> None:
    producer = ring.producer("p")
    for _ in range(1000):
        producer.publish(1, b"x" * 100)
    assert ring.stat()["used"] == 0


def test_an_evicting_ring_drops_the_slowest_and_tells_it(instance: str) -> None:
    """The consumer hears it once, counts what it lost, and goes on with what is there."""
    with Ring.create("t", instance=instance, capacity=4096, evict=True, deadline_ns=0) as ring:
        slow, producer = ring.consumer("slow"), ring.producer("p")
        producer.publish(1, b"seen")
        assert payloads(slow) == [b"seen"]
        for number in range(300):
            producer.publish(1, b"%d" % number)
        assert ring.stat()["evicted"] == 1
        with pytest.raises(errors.ConsumerEvicted, match="slow") as caught:
            slow.drain()
        rest = [int(record.payload) for record in slow.drain(1000)]
        assert caught.value.reason == "slow"
        assert caught.value.lost == slow.lost > 0
        assert 1 + slow.lost + len(rest) == 301
        assert rest == list(range(rest[0], 300))


def test_an_evicted_name_resumes_with_its_loss(instance: str) -> None:
    with Ring.create("t", instance=instance, capacity=4096, evict=True, deadline_ns=0) as ring:
        ring.consumer("c").close(keep=True)
        producer = ring.producer("p")
        for _ in range(300):
            producer.publish(1, b"12345678")
        consumer = ring.consumer("c")
        assert consumer.started == "evicted"
        assert len(consumer.drain(1000)) + consumer.lost == 300


def test_a_lapped_lossy_consumer_knows_how_many_it_lost(instance: str) -> None:
    """received + lost = sent, whatever the speed."""
    with Ring.create("t", instance=instance, capacity=4096, guarantee="lossy") as ring:
        consumer, producer = ring.consumer("c"), ring.producer("p")
        received = 0
        for number in range(1000):
            producer.publish(1, bytes(number % 200))
            if number % 97 == 0:
                received += len(consumer.drain(3))
        received += len(consumer.drain(1000))
        assert consumer.lost > 0
        assert received == consumer.received
        assert received + consumer.lost == 1000
        assert consumer.lag_bytes == 0
        assert consumer.holes == 0


def test_an_observer_holds_nobody_back(instance: str) -> None:
    """It looks on at an ORDERED ring and is lapped like on a LOSSY one."""
    with Ring.create("t", instance=instance, capacity=4096, deadline_ns=0) as ring:
        observer, producer = ring.consumer("eye", observer=True), ring.producer("p")
        for number in range(300):
            producer.publish(1, b"%d" % number)
        seen = observer.drain(1000)
        assert ring.stat()["used"] == 0
        assert observer.lost > 0
        assert len(seen) + observer.lost == 300
        producer.publish(1, b"next")
        assert observer.wait(0) is True
        assert payloads(observer) == [b"next"]


# ── groups ────────────────────────────────────────────────────────────────


def test_a_group_shares_records_without_overlap(ring: Ring) -> None:
    producer = ring.producer("p")
    one, two = ring.consumer("one", group="g"), ring.consumer("two", group="g")
    everything = ring.consumer("everything")
    for number in range(10):
        producer.publish(1, b"%d" % number)
    first, second, third = one.drain(3), two.drain(4), one.drain()
    shares = [int(r.payload) for share in (first, second, third) for r in share]
    assert shares == list(range(10))
    assert one.drain() == []
    assert two.read() is None
    assert ring.stat()["used"] > 0, "the broadcast consumer still holds them"
    assert len(everything.drain()) == 10


def test_what_a_leaving_member_had_not_acknowledged_goes_to_another(ring: Ring) -> None:
    producer = ring.producer("p")
    one, two = ring.consumer("one", group="g"), ring.consumer("two", group="g")
    for number in range(4):
        producer.publish(1, b"%d" % number)
    assert len(one.drain(2)) == 2
    one.close()
    assert [int(r.payload) for _ in range(2) for r in two.drain(2)] == [0, 1, 2, 3]
    assert two.redelivered == 2
    two.drain()
    two.close()
    assert ring.stat()["consumers"] == []


def test_a_group_needs_an_ordered_ring(instance: str) -> None:
    with (
        Ring.create("t", instance=instance, capacity=4096, guarantee="lossy") as ring,
        pytest.raises(UsageError, match="group"),
    ):
        ring.consumer("c", group="g")


# ── durable ───────────────────────────────────────────────────────────────


def test_a_durable_ring_shows_nothing_before_the_recorder_has_it(instance: str) -> None:
    """Recorded first: the recorder's commit releases records to everybody else."""
    with Ring.create("t", instance=instance, capacity=4096, guarantee="durable") as ring:
        producer, reader = ring.producer("p"), ring.consumer("reader")
        producer.publish(1, b"a")
        producer.publish(1, b"b")
        assert payloads(reader) == []
        assert reader.wait(0) is False
        recorder = ring.consumer("recorder")
        assert recorder.read() is not None
        assert payloads(reader) == []
        recorder.commit()
        assert payloads(reader) == [b"a"]
        assert recorder.read() is not None
        recorder.commit()
        assert payloads(reader) == [b"b"]


# ── life ──────────────────────────────────────────────────────────────────


def test_a_closed_ring_is_read_to_its_end(ring: Ring) -> None:
    consumer, producer = ring.consumer("c"), ring.producer("p")
    producer.publish(1, b"last")
    ring.close()
    with pytest.raises(errors.RingClosed):
        producer.publish(1, b"")
    with pytest.raises(errors.RingClosed):
        ring.producer("q")
    assert payloads(consumer) == [b"last"]
    for call in (consumer.drain, consumer.read, lambda: consumer.wait(None), lambda: consumer.receive(None)):
        with pytest.raises(errors.RingClosed):
            call()


def test_a_closed_handle_says_so(ring: Ring) -> None:
    consumer, producer = ring.consumer("c"), ring.producer("p")
    consumer.close()
    producer.close()
    producer.close()
    for call in (
        consumer.drain,
        consumer.commit,
        consumer.arm,
        lambda: producer.publish(1, b""),
        lambda: consumer.lost,
    ):
        with pytest.raises(errors.RingReleased):
            call()


def test_two_consumers_of_one_name_are_refused(ring: Ring) -> None:
    consumer = ring.consumer("c")
    with pytest.raises(errors.ConsumerTaken, match="another name"):
        ring.consumer("c")
    consumer.close()
    ring.consumer("c").close()


def test_the_sixty_fifth_consumer_and_the_thirty_third_producer_are_refused(ring: Ring) -> None:
    consumers = [ring.consumer(f"c{number}") for number in range(64)]
    with pytest.raises(errors.RingCrowded, match="64 consumer"):
        ring.consumer("one more")
    producers = [ring.producer("p") for _ in range(32)]
    with pytest.raises(errors.RingCrowded, match="32 producer"):
        ring.producer("one more")
    consumers.pop().close()
    producers.pop().close()
    ring.consumer("room again")
    ring.producer("room again")


@pytest.mark.parametrize("name", ["", "x" * 40, "a\0b"])
def test_a_seat_has_a_short_name(ring: Ring, name: str) -> None:
    with pytest.raises(UsageError, match="1 to 39"):
        ring.consumer(name)


@pytest.mark.parametrize("capacity", [0, 2048, 5000, 1 << 33])
def test_a_capacity_is_a_power_of_two_within_bounds(instance: str, capacity: int) -> None:
    with pytest.raises(UsageError, match="power of two"):
        Ring.create("t", instance=instance, capacity=capacity)


def test_no_memory_is_refused_when_the_ring_is_made(instance: str) -> None:
    """A limit on file size stands for a full /dev/shm: one error, and nothing is left behind."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(errors.RingSpace, match="less capacity"):
            Ring.create("t", instance=instance, capacity=1 << 24)
        with pytest.raises(errors.RingSpace, match="less capacity"):
            Board.create("b", instance=instance, counters=[], histograms=[f"h{number}" for number in range(200)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(errors.RingMissing):
        Ring.attach("t", instance=instance)


def test_an_unknown_guarantee_is_refused(instance: str) -> None:
    wrong: Guarantee = "maybe"  # type: ignore[assignment]
    with pytest.raises(UsageError, match="lossy, ordered or durable"):
        Ring.create("t", instance=instance, guarantee=wrong)


def test_a_living_creator_keeps_its_name(ring: Ring, instance: str) -> None:
    with pytest.raises(errors.RingExists, match="another instance"):
        Ring.create("topic", instance=instance, capacity=SMALL)
    assert ring.reclaimed is None


def test_a_closed_leftover_is_reclaimed_and_reported(instance: str) -> None:
    left = Ring.create("t", instance=instance, capacity=4096)
    left.close()
    with Ring.create("t", instance=instance, capacity=4096) as ring:
        assert ring.reclaimed is not None
        assert "0 records" in ring.reclaimed


def test_a_missing_ring_is_named(instance: str) -> None:
    with pytest.raises(errors.RingMissing, match="start its creator"):
        Ring.attach("nothing", instance=instance)


def test_attaching_shares_the_ring(ring: Ring, instance: str) -> None:
    other = Ring.attach("topic", instance=instance, adopt=True)
    consumer = other.consumer("c")
    ring.producer("p").publish(1, b"x")
    assert payloads(consumer) == [b"x"]
    ring.close()
    with pytest.raises(errors.RingClosed):
        Ring.attach("topic", instance=instance)


def test_unlinking_leaves_nothing(instance: str) -> None:
    ring = Ring.create("t", instance=instance, capacity=4096)
    ring.consumer("c").fileno()
    ring.unlink()
    ring.unlink()
    assert not (names.SHM_DIRECTORY / names.segment_name(ring.name)[1:]).exists()
    assert list(names.runtime_directory(instance).iterdir()) == []
    remove(names.segment_name(ring.name), "/tmp/sniperforge-no-such/bell")


@pytest.mark.parametrize(
    ("offset", "what"),
    [(8, "version"), (12, "layout"), (16, "size"), (24, "capacity"), (40, "owner"), (64, "boot id")],
)
def test_a_scribbled_header_is_refused_by_field(instance: str, offset: int, what: str) -> None:
    """Every field of the identity is checked at attach, and the next create removes such a segment."""
    ring = Ring.create("t", instance=instance, capacity=4096)
    path = names.SHM_DIRECTORY / names.segment_name(ring.name)[1:]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5\xa5")
    with pytest.raises(errors.RingForeign, match=f"{what} is not ours"):
        Ring.attach("t", instance=instance)
    if what != "owner":
        with Ring.create("t", instance=instance, capacity=4096) as again:
            assert again.reclaimed is not None
            assert what in again.reclaimed
    else:
        with pytest.raises(errors.RingForeign):
            Ring.create("t", instance=instance, capacity=4096)
        remove(names.segment_name(ring.name), "/tmp/sniperforge-no-such/bell")


def test_a_segment_under_the_wrong_name_is_refused(ring: Ring) -> None:
    with pytest.raises(errors.RingForeign, match="name is not ours"):
        open_segment(names.segment_name(ring.name), "another/topic", "")


def test_a_mode_open_to_others_is_refused(ring: Ring, instance: str) -> None:
    path = names.SHM_DIRECTORY / names.segment_name(ring.name)[1:]
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(errors.RingForeign, match="owner or mode"):
        Ring.attach("topic", instance=instance)


def test_a_truncated_segment_ends_in_an_error_and_not_in_a_signal(instance: str) -> None:
    """The pages are gone: the guard puts zeroes there, and every call says the ring is broken."""
    ring = Ring.create("t", instance=instance, capacity=1 << 16)
    consumer, producer = ring.consumer("c"), ring.producer("p")
    path = names.SHM_DIRECTORY / names.segment_name(ring.name)[1:]
    with path.open("r+b") as file:
        file.truncate(4096)
    with pytest.raises(errors.RingForeign, match="size"):
        Ring.attach("t", instance=instance)
    with pytest.raises(errors.RingBroken, match="restart"):
        producer.publish(1, b"x" * 1000)
    for call in (consumer.drain, consumer.commit, ring.stat, lambda: producer.publish(1, b"")):
        with pytest.raises(errors.RingBroken):
            call()
    Path(path).unlink()


def test_a_scribbled_record_is_an_error_and_not_a_wild_read(instance: str) -> None:
    """A length that leads out of the ring is refused."""
    ring = Ring.create("t", instance=instance, capacity=4096)
    consumer = ring.consumer("c")
    ring.producer("p").publish(1, b"x" * 100)
    with (names.SHM_DIRECTORY / names.segment_name(ring.name)[1:]).open("r+b") as file:
        file.seek(_ring.OVERHEAD - 64 + 8)
        file.write(b"\xff\xff\xff\xff")
    with pytest.raises(errors.RingBroken):
        consumer.drain()
    ring.unlink()


def test_stat_shows_seats_lag_and_types(ring: Ring) -> None:
    consumer, producer = ring.consumer("c", interest=0b1110), ring.producer("p")
    producer.publish(1, b"abc")
    producer.publish(2, b"abc")
    stat = ring.stat()
    assert stat["types"] == {1: 1, 2: 1}
    assert (stat["capacity"], stat["head"], stat["used"], stat["holes"]) == (SMALL, 2, 160, 0)
    (seat,) = stat["consumers"]
    assert (seat["name"], seat["alive"], seat["lag_records"], seat["lag_bytes"], seat["lost"]) == ("c", True, 2, 160, 0)
    assert seat["interest"] == 0b1110
    (writer,) = stat["producers"]
    assert (writer["name"], writer["alive"], writer["sent"], writer["sent_bytes"]) == ("p", True, 2, 6)
    assert ring.repair() == (0, 0)
    assert consumer.index == 0


def test_a_consumer_made_by_hand_has_no_bell(ring: Ring) -> None:
    consumer = Consumer(ring._segment, "c", 0, 0, 1, 0, None, False)
    consumer._bell_path = None
    with pytest.raises(UsageError, match=r"Ring\.consumer"):
        consumer.fileno()
