"""Whatever a user does in whatever order, a ring does what a Python list would do."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sniperforge.shm import errors
from sniperforge.shm.ring import Consumer, Producer, Ring

CAPACITY = 4096
NAMES = st.sampled_from(["a", "b", "c"])


def span(length: int) -> int:
    return -(-(64 + length) // 16) * 16


class OrderedRing(RuleBasedStateMachine):
    """The model: all records ever sent, and per consumer what it acknowledged and what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = Ring.create("t", instance=f"test-{uuid.uuid4().hex[:12]}", capacity=CAPACITY, deadline_ns=0)
        self.producers: list[Producer] = []
        self.sent: list[tuple[int, int, bytes]] = []
        self.handles: dict[str, Consumer] = {}
        self.acknowledged: dict[str, int] = {}
        self.returned: dict[str, int] = {}

    def teardown(self) -> None:
        self.ring.unlink()

    @precondition(lambda self: len(self.producers) < 3)
    @rule()
    def a_producer_comes(self) -> None:
        self.producers.append(self.ring.producer("p"))

    @precondition(lambda self: self.producers)
    @rule()
    def a_producer_leaves(self) -> None:
        self.producers.pop().close()

    @precondition(lambda self: self.producers)
    @rule(
        kind=st.integers(0, 63), key=st.integers(0, 2**64 - 1), payload=st.binary(max_size=960), which=st.integers(0, 2)
    )
    def publish(self, kind: int, key: int, payload: bytes, which: int) -> None:
        try:
            sequence = self.producers[which % len(self.producers)].publish(kind, payload, key)
        except errors.RingFull:
            held = sum(span(len(p)) for _, _, p in self.sent[min(self.acknowledged.values()) :])
            assert held + 2 * span(len(payload)) > CAPACITY, "full although there was room"
            return
        assert sequence == len(self.sent)
        self.sent.append((kind, key, payload))

    @rule(name=NAMES)
    def a_consumer_comes_at_the_tail(self, name: str) -> None:
        if name in self.handles:
            with pytest.raises(errors.ConsumerTaken):
                self.ring.consumer(name)
            return
        resumed = name in self.acknowledged
        self.handles[name] = self.ring.consumer(name, start="resume" if resumed else "tail")
        assert self.handles[name].started == ("resumed" if resumed else "tail")
        self.acknowledged.setdefault(name, len(self.sent))
        self.returned[name] = self.acknowledged[name]

    @precondition(lambda self: self.handles)
    @rule(name=NAMES, most=st.integers(1, 20))
    def drain(self, name: str, most: int) -> None:
        if name not in self.handles:
            return
        self.acknowledged[name] = self.returned[name]
        records = self.handles[name].drain(most)
        start = self.returned[name]
        assert [(r.type, r.key, r.payload) for r in records] == self.sent[start : start + most]
        assert [r.sequence for r in records] == list(range(start, start + len(records)))
        self.returned[name] = start + len(records)

    @rule(name=NAMES)
    def commit(self, name: str) -> None:
        if name in self.handles:
            self.handles[name].commit()
            self.acknowledged[name] = self.returned[name]

    @rule(name=NAMES, keep=st.booleans())
    def a_consumer_leaves(self, name: str, keep: bool) -> None:
        if name in self.handles:
            self.handles.pop(name).close(keep)
            if not keep:
                del self.acknowledged[name]

    @invariant()
    def the_ring_tells_what_the_model_knows(self) -> None:
        stat = self.ring.stat()
        assert stat["head"] == len(self.sent)
        assert {seat["name"]: seat["lag_records"] for seat in stat["consumers"]} == {
            name: len(self.sent) - at for name, at in self.acknowledged.items()
        }
        assert all(seat["lost"] == 0 for seat in stat["consumers"])


TestOrderedRing = OrderedRing.TestCase
TestOrderedRing.settings = settings(max_examples=40, stateful_step_count=60, deadline=None)
