"""The ends of a stage: rings, stdio and files.

ring:market   a shared-memory ring of this instance
-             stdin or stdout, one JSON object a line
file:PATH     the same in a file (.gz and .zst are read through); PATH alone will do

A line that is no message is told (`InputRefused`, with file and line), counted
and skipped. A reader that went away (`| head`) ends a stage quietly.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from sniperforge.base import events, wire
from sniperforge.base.errors import ConfigError, DecodeError
from sniperforge.base.events import FRAME, Event, Frame, InputRefused
from sniperforge.feeds import ndjson
from sniperforge.feeds.compression import Unpacker, unpacker_for
from sniperforge.feeds.tape import TapeText
from sniperforge.runtime.loop import Message
from sniperforge.shm.ring import Consumer, Producer

LINE_BYTES_MAX = 128 << 20
CHUNK_BYTES = 256 << 10
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
    """Messages of one ring consumer; a frame gets back the name of its source."""

    def __init__(self, consumer: Consumer, sources: Mapping[int, str] | None = None) -> None:
        self._consumer = consumer
        self._sources = dict(sources or {})
        self.refused = 0

    def fileno(self) -> int:
        return self._consumer.fileno()

    def drain(self) -> list[Message]:
        batch: list[Message] = []
        for record in self._consumer.drain():
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
        return self._consumer.arm()

    def commit(self) -> None:
        self._consumer.commit()

    def ended(self) -> bool:
        return False

    def close(self) -> None:
        self._consumer.close()


class LineInbox:
    """Messages from NDJSON text: a pipe that is waited for, or a file that is read through.

    Args:
        stream: an open binary file.
        name: what to call it in a refusal.
        now_ns: the live clock, for bare frames that carry no time of their own.
    """

    def __init__(self, stream: BinaryIO, name: str, now_ns: Callable[[], int]) -> None:
        self._stream = stream
        self._name = name
        self._now_ns = now_ns
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._line = 0
        self._eof = False
        self._waited = _is_waited_for(stream)

    def fileno(self) -> int:
        return self._stream.fileno() if self._waited else -1

    def drain(self) -> list[Message]:
        if self._eof or (self._waited and not select.select([self._stream], [], [], 0)[0]):
            return []
        chunk = os.read(self._stream.fileno(), CHUNK_BYTES) if self._waited else self._stream.read(CHUNK_BYTES)
        if not chunk:
            self._eof = True
            chunk = b"\n"
        lines = chunk.split(b"\n")
        if len(lines) > 1:
            lines[0] = b"".join([*self._tail, lines[0]])
            self._tail, self._tail_bytes = [], 0
        self._tail.append(lines.pop())
        self._tail_bytes += len(self._tail[-1])
        if self._tail_bytes > LINE_BYTES_MAX:
            raise DecodeError(f"{self._name}:{self._line + 1}: a line of over {LINE_BYTES_MAX} bytes; it is no event")
        return [message for line in lines if (message := self._message(line)) is not None]

    def _message(self, line: bytes) -> Message | None:
        self._line += 1
        line = line.strip()
        if not line:
            return None
        try:
            if line.startswith(b'{"type":"') and not line.startswith(b'{"type":"Frame"'):
                return wire.from_json(line)
            found = ndjson.parse_line(line)
        except DecodeError as problem:
            where, (what, _, cure) = f"{self._name}:{self._line}", str(problem).partition("; ")
            return InputRefused(ts_ns=self._now_ns(), where=where, problem=what, cure=cure)
        if isinstance(found, Frame) and not found.recv_ns:
            return Frame(found.data, self._now_ns(), found.source or self._name, found.late)
        return found

    def arm(self) -> bool:
        return self._waited and not self._eof

    def commit(self) -> None:
        """A pipe keeps nothing to go back to."""

    def ended(self) -> bool:
        return self._eof

    def close(self) -> None:
        self._stream.close()


class FrameFileInbox:
    """Frames of a recorded file: a tape, bare notifications, or whole recorded transactions and blocks.

    Args:
        path: the file, plain, gzip or zstd.
        now_ns: the live clock, for frames that carry no time of their own.

    Raises:
        ConfigError: the file cannot be opened.
    """

    def __init__(self, path: str, now_ns: Callable[[], int]) -> None:
        try:
            self._stream = Path(path).open("rb")
        except OSError as problem:
            raise ConfigError(path, f"cannot be opened: {problem.strerror}", "give the path of a file") from None
        self._path = path
        self._now_ns = now_ns
        self._text = TapeText(path)
        self._unpacker: Unpacker | None = None
        self._eof = False

    def fileno(self) -> int:
        return -1

    def drain(self) -> list[Message]:
        if self._eof:
            return []
        chunk = self._stream.read(CHUNK_BYTES)
        self._unpacker = self._unpacker or unpacker_for(chunk)
        found: list[Message] = []
        try:
            for piece in self._unpacker.unpack(chunk):
                found += map(self._stamped, self._text.push(piece))
        except DecodeError as problem:
            what, _, cure = str(problem).rpartition("; ")
            where = f"{self._path}:{self._text.number + 1}"
            found.append(InputRefused(ts_ns=self._now_ns(), where=where, problem=what, cure=cure))
            chunk = b""
        if not chunk:
            self._eof = True
            found += map(self._stamped, self._text.end())
        return found

    def _stamped(self, item: Message) -> Message:
        if isinstance(item, Frame) and not item.recv_ns:
            return Frame(item.data, self._now_ns(), item.source or Path(self._path).name, item.late)
        if isinstance(item, InputRefused) and not item.ts_ns:
            return msgspec.structs.replace(item, ts_ns=self._now_ns())
        return item

    def arm(self) -> bool:
        return self._eof

    def commit(self) -> None:
        """A file keeps its place by itself."""

    def ended(self) -> bool:
        return self._eof

    def close(self) -> None:
        self._stream.close()


def _is_waited_for(stream: BinaryIO) -> bool:
    """Return whether the kernel can say when *stream* is readable: pipes, terminals and sockets."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


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
        stream: an open binary file, usually stdout.
        skip: message types that do not belong on this output.
    """

    def __init__(self, stream: BinaryIO, skip: Sequence[type[Event]] = ()) -> None:
        self._stream = stream
        self._skip = frozenset(skip)
        self._lines: list[bytes] = []

    def put(self, message: Message) -> None:
        if type(message) in self._skip:
            return
        line = ndjson.frame_line(message) if isinstance(message, Frame) else wire.to_json(message)
        self._lines.append(line)

    def flush(self) -> None:
        if not self._lines:
            return
        text = b"\n".join(self._lines) + b"\n"
        self._lines.clear()
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            raise PipeClosed from None

    def close(self) -> None:
        self._stream.close()
