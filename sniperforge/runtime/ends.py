"""The ends of a stage: messages in from a ring, messages out to rings or as lines.

ring records <-> messages -> lines        (lines in: see `sniperforge.runtime.lines`)

A reader that went away (`| head`) ends a stage quietly; a full disk ends it with
one line.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Mapping
from typing import BinaryIO

from sniperforge.base import events, wire
from sniperforge.base.errors import DecodeError, UnavailableError
from sniperforge.base.events import FRAME, Event, Frame
from sniperforge.feeds import ndjson
from sniperforge.runtime.loop import Message
from sniperforge.shm.errors import RingClosed
from sniperforge.shm.ring import Consumer, Producer

#: Record flag of a frame that was fetched after the fact.
LATE = 1

#: Which ring carries which messages.
TOPICS: Mapping[str, frozenset[type[Event]]] = {
    "market": frozenset(
        {
            events.PoolCreated,
            events.Swapped,
            events.LiquidityChanged,
            events.CurveCompleted,
            events.PoolMigrated,
            events.LaunchDisbelieved,
            events.TokenInspected,
            events.BundleSeen,
            events.CreatorKnown,
            events.HoldersInspected,
            events.LiquidityInspected,
            events.MetadataInspected,
            events.SellabilityTested,
        }
    ),
    "intents": frozenset(
        {
            events.BotStarted,
            events.LaunchPassed,
            events.LaunchRefused,
            events.OrderProposed,
            events.ExitArmed,
            events.TokenWanted,
            events.FactsWanted,
        }
    ),
    "fills": frozenset(
        {
            events.OrderRefused,
            events.OrderSigned,
            events.OrderSent,
            events.OrderLanded,
            events.OrderFailed,
            events.OrderExpired,
            events.PositionChanged,
        }
    ),
    "system": frozenset(
        {events.FeedChanged, events.GapSeen, events.InputRefused, events.StageChanged, events.HaltChanged}
    ),
}
_TOPIC_OF = {kind: topic for topic, kinds in TOPICS.items() for kind in kinds}


class PipeClosed(Exception):
    """Nobody reads our output any more; the stage ends quietly with 0."""


def interest_mask(kinds: frozenset[type[Event]], *, frames: bool = False) -> int:
    """Return the ring's interest mask for these message types."""
    mask = 1 << FRAME if frames else 0
    for kind in kinds:
        mask |= 1 << wire.TAGS[kind]
    return mask


class RingInbox:
    """Messages of one ring consumer; a frame gets back the name of its source.

    A ring that its owner closed is read to its end and then has ended.
    """

    def __init__(self, consumer: Consumer, sources: Mapping[int, str] | None = None) -> None:
        self._consumer = consumer
        self._sources = dict(sources or {})
        self._closed = False
        self.refused = 0

    def fileno(self) -> int:
        return self._consumer.fileno()

    def drain(self) -> list[Message]:
        batch: list[Message] = []
        while not batch and not self._closed:
            try:
                records = self._consumer.drain()
            except RingClosed:
                self._closed = True
                break
            if not records:
                break
            for record in records:
                if record.type == FRAME:
                    source = self._sources.get(record.key, "")
                    batch.append(Frame(record.payload, record.origin_ns, source, bool(record.flags & LATE)))
                    continue
                try:
                    batch.append(wire.decode(record.type, record.payload))
                except DecodeError:
                    self.refused += 1
        return batch

    def arm(self) -> bool:
        try:
            return not self._closed and self._consumer.arm()
        except RingClosed:
            self._closed = True
            return False

    def commit(self) -> None:
        self._consumer.commit()

    def ended(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._consumer.close()


class RingOutbox:
    """Publishes every message on the ring of its topic.

    Args:
        producers: by topic; a message whose topic is not there is dropped and counted.
    """

    def __init__(self, producers: Mapping[str, Producer]) -> None:
        self._producers = dict(producers)
        self.dropped = 0

    def put(self, message: Message) -> None:
        if isinstance(message, Frame):
            self.frame(message.data, message.recv_ns, message.source, message.late)
            return
        kind = type(message)
        producer = self._producers.get(_TOPIC_OF.get(kind, ""))
        if producer is None:
            self.dropped += 1
            return
        trace = message.trace_id
        producer.publish(wire.TAGS[kind], wire.encode(message), trace, message.origin_ns, trace)

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        """Publish one raw frame; its source travels as the record's key."""
        flags = LATE if late else 0
        self._producers["frames"].publish(FRAME, data, source_key(source), recv_ns, 0, flags)

    def flush(self) -> None:
        """A published record is already visible."""

    def close(self) -> None:
        for producer in self._producers.values():
            producer.close()


_source_keys: dict[str, int] = {}


def source_key(source: str) -> int:
    """Return the record key that stands for a source name."""
    found = _source_keys.get(source)
    if found is None:
        found = _source_keys[source] = events.event_id("source", source)
    return found


class LineOutbox:
    """Writes one JSON object a line; `flush` after every batch.

    Args:
        stream: an open binary file, usually stdout; its own buffer is passed by.
        name: what to call it when it cannot be written.
        told: called with every message.
    """

    def __init__(
        self, stream: BinaryIO, name: str = "stdout", told: Callable[[Message], None] = lambda message: None
    ) -> None:
        stream.flush()
        self._stream = stream
        self._name = name
        self._told = told
        self._lines: list[bytes] = []

    def put(self, message: Message) -> None:
        line = ndjson.frame_line(message) if isinstance(message, Frame) else wire.to_json(message)
        self._lines.append(line)
        self._told(message)

    def flush(self) -> None:
        """Write the lines out, waiting for a slow reader.

        Raises:
            PipeClosed: nobody reads any more.
            UnavailableError: the file cannot be written (a full disk).
        """
        if not self._lines:
            return
        text = memoryview(b"\n".join(self._lines) + b"\n")
        self._lines.clear()
        try:
            while text:
                text = text[self._written(text) :]
        except BrokenPipeError:
            raise PipeClosed from None
        except OSError as problem:
            raise UnavailableError(
                f"{self._name}: cannot be written: {problem.strerror}; make room there, or write elsewhere"
            ) from None

    def _written(self, text: memoryview) -> int:
        """Return how many bytes of *text* were taken; a pipe another program made non-blocking is waited for."""
        descriptor = self._stream.fileno()
        try:
            return os.write(descriptor, text)
        except BlockingIOError:
            select.select([], [descriptor], [])
            return 0

    def close(self) -> None:
        self._stream.close()
