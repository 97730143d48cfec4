"""Real processes on a ring: killed, stopped, forked, restarted; nothing is lost and nobody waits for ever."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from sniperforge.shm import errors, names
from sniperforge.shm.counters import Board
from sniperforge.shm.ring import Ring

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

SMALL = 1 << 15


@pytest.fixture
def instance() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def ring(instance: str) -> Iterator[Ring]:
    with Ring.create("topic", instance=instance, capacity=SMALL, deadline_ns=10_000_000_000) as made:
        yield made


@pytest.fixture
def child() -> Iterator[Callable[[Callable[[], None]], int]]:
    """Run a function in a forked process; whoever is left at the end is killed by its pid."""
    pids: list[int] = []

    def start(work: Callable[[], None]) -> int:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work()
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        pids.append(pid)
        return pid

    yield start
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_three_producers_and_two_consumers(
    ring: Ring, instance: str, child: Callable[[Callable[[], None]], int]
) -> None:
    """Every record reaches both consumers, each producer's in its order."""

    def produce(author: int) -> None:
        producer = Ring.attach("topic", instance=instance).producer(f"p{author}")
        for number in range(3000):
            producer.publish(author, number.to_bytes(4, "big") * (number % 50 + 1), key=number)

    consumers = [ring.consumer("a", start="tail"), ring.consumer("b", start="tail")]
    pids = [child(lambda author=author: produce(author)) for author in range(3)]  # type: ignore[misc]
    following = [[0, 0, 0], [0, 0, 0]]
    while any(sum(nexts) < 9000 for nexts in following):
        for consumer, nexts in zip(consumers, following, strict=True):
            for record in consumer.drain():
                assert record.key == nexts[record.type]
                assert record.payload == record.key.to_bytes(4, "big") * (record.key % 50 + 1)
                nexts[record.type] += 1
        consumers[0].wait(1_000_000)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0]
    assert [consumer.lost for consumer in consumers] == [0, 0]


def test_a_killed_consumer_resumes_at_its_last_commit(
    ring: Ring, instance: str, child: Callable[[Callable[[], None]], int]
) -> None:
    """What it had not acknowledged comes again to the next process of its name."""
    producer = ring.producer("p")

    def consume() -> None:
        consumer = Ring.attach("topic", instance=instance).consumer("stage")
        assert [r.payload for r in consumer.drain(2)] == [b"0", b"1"]
        consumer.commit()
        assert [r.payload for r in consumer.drain(1)] == [b"2"]
        die()

    for number in range(5):
        producer.publish(1, b"%d" % number)
    os.waitpid(child(consume), 0)
    stage = ring.consumer("stage")
    assert stage.started == "resumed"
    assert [r.payload for r in stage.drain()] == [b"2", b"3", b"4"]


def test_a_dead_consumer_without_reservation_releases_the_ring(
    instance: str, child: Callable[[Callable[[], None]], int]
) -> None:
    """At the deadline it is evicted; a name that comes back is told."""
    with Ring.create("t", instance=instance, capacity=4096, deadline_ns=20_000_000) as ring:
        producer = ring.producer("p")

        def consume() -> None:
            gone = Ring.attach("t", instance=instance).consumer("gone")
            assert gone.drain() == []
            die()

        os.waitpid(child(consume), 0)
        for number in range(200):
            producer.publish(1, b"%d" % number)
        (seat,) = ring.stat()["consumers"]
        assert (seat["seat"], seat["reason"]) == ("evicted", "dead")
        again = ring.consumer("gone")
        assert again.started == "evicted"
        assert len(again.drain(1000)) + again.lost == 200


def test_a_stopped_consumer_is_never_taken_for_dead(instance: str, child: Callable[[Callable[[], None]], int]) -> None:
    """SIGSTOP: the producer is refused with its name and pid; continued, it reads everything."""
    with Ring.create("t", instance=instance, capacity=4096, deadline_ns=20_000_000) as ring:
        producer = ring.producer("p")
        ready, say = os.pipe()

        def consume() -> None:
            consumer = Ring.attach("t", instance=instance).consumer("stopped")
            os.write(say, b"!")
            while consumer.wait(None):
                if any(record.payload == b"end" for record in consumer.drain()):
                    return

        pid = child(consume)
        os.read(ready, 1)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(errors.RingFull, match="stopped") as caught:
            while True:
                producer.publish(1, b"x" * 100)
        assert caught.value.pid == pid
        os.kill(pid, signal.SIGCONT)
        producer.deadline_ns = 10_000_000_000
        producer.publish(1, b"end")
        assert os.waitpid(pid, 0)[1] == 0


def test_a_gated_producer_goes_on_when_there_is_room(
    ring: Ring, instance: str, child: Callable[[Callable[[], None]], int]
) -> None:
    consumer = ring.consumer("c")

    def produce() -> None:
        producer = Ring.attach("topic", instance=instance).producer("p")
        for number in range(1000):
            producer.publish(1, b"x" * 1000, key=number)

    pid, seen = child(produce), 0
    while seen < 1000:
        assert consumer.wait(10_000_000_000)
        for record in consumer.drain(7):
            assert record.key == seen
            seen += 1
    assert os.waitpid(pid, 0)[1] == 0


def test_a_forked_child_must_attach_again(ring: Ring, child: Callable[[Callable[[], None]], int]) -> None:
    """Its parent's handles refuse, and dropping them harms the parent nothing."""
    producer, consumer = ring.producer("p"), ring.consumer("c")
    fd = consumer.fileno()

    def use() -> None:
        for call in (lambda: producer.publish(1, b""), consumer.drain, ring.stat):
            with pytest.raises(errors.RingForked, match="attach again"):
                call()
        producer.close()
        consumer.close()

    assert os.waitpid(child(use), 0)[1] == 0
    assert consumer.arm()
    producer.publish(1, b"still here")
    assert os.read(fd, 1) == b"!"
    assert [r.payload for r in consumer.drain()] == [b"still here"]


def test_an_unclean_end_is_reclaimed_and_told(instance: str, child: Callable[[Callable[[], None]], int]) -> None:
    """kill -9 of the creator: the next start says what it removed; who was attached sees a closed ring."""

    def create() -> None:
        Ring.create("t", instance=instance, capacity=4096).producer("p").publish(1, b"x")
        Board.create("stage", instance=instance, counters=["a"]).counter("a").add()
        die()

    os.waitpid(child(create), 0)
    survivor = Ring.attach("t", instance=instance).consumer("survivor")
    assert Board.attach("stage", instance=instance).read().alive is False
    with Ring.create("t", instance=instance, capacity=4096) as ring:
        assert ring.reclaimed is not None
        assert "1 records" in ring.reclaimed
        assert len(survivor.drain()) == 1
        with pytest.raises(errors.RingClosed):
            survivor.drain()
    with Board.create("stage", instance=instance, counters=["a"]) as board:
        assert board.read().counters == {"a": 0}


def test_of_many_creators_one_wins(instance: str, child: Callable[[Callable[[], None]], int]) -> None:
    """The others are told who holds it."""
    start, go = os.pipe()
    told, tell = os.pipe()

    def create() -> None:
        os.read(start, 1)
        try:
            Ring.create("t", instance=instance, capacity=4096)
            os.write(tell, b"w")
            time.sleep(30)
        except errors.RingExists:
            os.write(tell, b"l")

    for _ in range(12):
        child(create)
    os.write(go, b"!" * 12)
    answers = b""
    while len(answers) < 12:
        answers += os.read(told, 12)
    assert sorted(answers) == sorted(b"w" + b"l" * 11)
    Ring.attach("t", instance=instance, adopt=True).unlink()


def test_no_memory_is_an_error_and_not_a_signal(instance: str, child: Callable[[Callable[[], None]], int]) -> None:
    """All of a segment is taken when it is made; a limit stands for a full /dev/shm."""

    def create() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        with pytest.raises(errors.RingSpace, match="less capacity"):
            Ring.create("t", instance=instance, capacity=1 << 22)
        with pytest.raises(errors.RingSpace, match="less capacity"):
            Board.create("b", instance=instance, counters=[], histograms=[f"h{number}" for number in range(200)])

    assert os.waitpid(child(create), 0)[1] == 0
    assert not (names.SHM_DIRECTORY / names.segment_name(f"{instance}/t")[1:]).exists()


def test_a_half_made_segment_is_waited_for_and_then_refused(instance: str) -> None:
    """A creator that died before the magic leaves nothing that anybody would map as a ring."""
    path = names.SHM_DIRECTORY / names.segment_name(f"{instance}/t")[1:]
    path.touch(mode=0o600)
    with pytest.raises(errors.RingForeign, match="size"):
        Ring.attach("t", instance=instance)
    with Ring.create("t", instance=instance, capacity=4096) as ring:
        assert ring.reclaimed is not None


def test_sigterm_reaches_a_waiting_stage_at_once(
    ring: Ring, instance: str, child: Callable[[Callable[[], None]], int]
) -> None:
    ready, say = os.pipe()

    def consume() -> None:
        stopping: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, frame: stopping.append(number))
        consumer = Ring.attach("topic", instance=instance).consumer("stage")
        os.write(say, b"!")
        while not stopping:
            consumer.wait(None)

    pid = child(consume)
    os.read(ready, 1)
    os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == 0
