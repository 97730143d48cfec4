"""Messages from text: NDJSON of a pipe or file, and recordings of any form.

bytes -> lines -> messages        (LineInbox: what stages write to each other)
bytes -> frames                   (FrameFileInbox: what was recorded elsewhere)

Both read through gzip and zstd. A line that is no message is told
(`InputRefused`, with file and line), counted and skipped.
"""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from sniperforge.base import wire
from sniperforge.base.errors import ConfigError, DecodeError, UnavailableError
from sniperforge.base.events import Frame, InputRefused
from sniperforge.feeds import ndjson
from sniperforge.feeds.compression import Unpacker, unpacker_for
from sniperforge.feeds.tape import TapeText
from sniperforge.runtime.loop import Message

LINE_BYTES_MAX = 128 << 20
CHUNK_BYTES = 256 << 10
CUT_SHORT = "the compressed stream has no end; its writer was killed, what was there is read"


class _Type(msgspec.Struct):
    type: str = ""


_type = msgspec.json.Decoder(_Type)


def message_of(line: bytes) -> Message:
    """Return what one line of a pipe holds: any message of the house, or a frame in any form a tape may have.

    Raises:
        DecodeError: it is neither.
    """
    if not line.startswith(b'{"type":"') or line.startswith(b'{"type":"Frame"'):
        try:
            name = _type.decode(line).type
        except (msgspec.DecodeError, ValueError, RecursionError):
            name = ""  # what is wrong with it is said better below
        if name not in wire.NAMES:
            return ndjson.parse_line(line)
    return wire.from_json(line)


class LineInbox:
    """Messages from NDJSON text: a pipe that is waited for, or a file that is read through.

    Args:
        stream: an open binary file.
        name: what to call it in a refusal.
        now_ns: the live clock, for bare frames that carry no time of their own.
        told: called with every refusal made here.
        line_bytes_max: a longer line is refused.
    """

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        now_ns: Callable[[], int],
        told: Callable[[InputRefused], None] = lambda refused: None,
        *,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:
        self._descriptor = stream.fileno()
        self._stream = stream
        self._name = name
        self._now_ns = now_ns
        self._told = told
        self._line_bytes_max = line_bytes_max
        self._tail: list[bytes] = []
        self._tail_bytes = 0
        self._skipping = False
        self._line = 0
        self._unpacker: Unpacker | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._unpacking = False
        self._damage = ""
        self._eof = False
        self._waited = _is_waited_for(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor if self._waited else -1

    def drain(self) -> list[Message]:
        """Return the next messages; empty when there are none now, never for blank lines alone."""
        found: list[Message] = []
        while not found and not self._eof:
            piece = self._piece()
            if piece is None:
                break
            found = self._messages(piece)
        return found

    def _piece(self) -> bytes | None:
        """Return the next piece of text, at the end a line break that closes the last line; None: nothing now."""
        try:
            piece = next(self._pieces, None)
            while piece is None:
                self._unpacking = False
                if self._waited and not select.select([self._descriptor], [], [], 0)[0]:
                    return None
                chunk = os.read(self._descriptor, CHUNK_BYTES)
                if not chunk:
                    return self._end()
                self._unpacker = self._unpacker or unpacker_for(chunk)
                self._pieces, self._unpacking = self._unpacker.unpack(chunk), True
                piece = next(self._pieces, None)
        except OSError as problem:
            raise UnavailableError(f"{self._name}: cannot be read: {problem.strerror}; check it") from None
        except DecodeError as problem:
            self._damage = str(problem)
            return self._end()
        return piece

    def _end(self) -> bytes:
        self._eof = True
        if self._unpacker is not None and not self._unpacker.finished():
            self._damage = self._damage or CUT_SHORT
        return b"\n"

    def _messages(self, chunk: bytes) -> list[Message]:
        first, *rest = chunk.split(b"\n")
        found: list[Message | None] = [self._keep(first)]
        for piece in rest:
            found.append(self._message())
            found.append(self._keep(piece))
        if self._damage:
            # A line cut by damage is part of the damage.
            found = [self._refused(self._line, self._damage)]
        return [message for message in found if message is not None]

    def _keep(self, piece: bytes) -> InputRefused | None:
        """Add *piece* to the line being read; refuse the line when it gets too long."""
        if self._skipping or not piece:
            return None
        self._tail.append(piece)
        self._tail_bytes += len(piece)
        if self._tail_bytes <= self._line_bytes_max:
            return None
        self._tail, self._tail_bytes, self._skipping = [], 0, True
        problem = f"a line of over {self._line_bytes_max} bytes"
        return self._refused(self._line + 1, f"{problem}; one event or frame a line is expected")

    def _message(self) -> Message | None:
        """Return what the line that ended just now holds."""
        line = b"".join(self._tail).strip()
        skipped, self._skipping = self._skipping, False
        self._tail, self._tail_bytes = [], 0
        self._line += 1
        if skipped or not line:
            return None
        try:
            found = message_of(line)
        except DecodeError as problem:
            return self._refused(self._line, str(problem))
        if isinstance(found, Frame) and not found.recv_ns:
            return Frame(found.data, self._now_ns(), found.source or self._name, found.late)
        return found

    def _refused(self, line: int, problem: str) -> InputRefused:
        refused = _refusal(f"{self._name}:{line}", problem, self._now_ns())
        self._told(refused)
        return refused

    def arm(self) -> bool:
        return self._waited and not self._eof and not self._unpacking

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
        told: called with every refusal made here.

    Raises:
        ConfigError: the file cannot be opened.
    """

    def __init__(
        self, path: str, now_ns: Callable[[], int], told: Callable[[InputRefused], None] = lambda refused: None
    ) -> None:
        self._stream = opened(path, "rb")
        self._path = path
        self._now_ns = now_ns
        self._told = told
        self._text = TapeText(path)
        self._found = self._items()
        self._eof = False

    def fileno(self) -> int:
        return -1

    def drain(self) -> list[Message]:
        """Return the next messages; a compression bomb is unpacked a piece at a time."""
        found: list[Message] = []
        for piece in self._found:
            found = [self._stamped(item) for item in piece]
            if found:
                return found
        self._eof = True
        return []

    def _items(self) -> Iterator[Iterable[Message]]:
        """Yield what each piece of the file holds, up to its end or its damage."""
        unpacker: Unpacker | None = None
        try:
            while chunk := self._stream.read(CHUNK_BYTES):
                unpacker = unpacker or unpacker_for(chunk)
                for piece in unpacker.unpack(chunk):
                    yield self._text.push(piece)
        except OSError as problem:
            yield [self._damage(f"{problem.strerror}; check the disk")]
        except DecodeError as problem:
            yield [self._damage(str(problem))]
        else:
            if unpacker is not None and not unpacker.finished():
                yield [self._damage(CUT_SHORT)]
                return
            yield self._text.end()
            return
        # A line cut by damage is part of the damage, which was told.
        yield [item for item in self._text.end() if not isinstance(item, InputRefused)]

    def _damage(self, problem: str) -> InputRefused:
        return _refusal(f"{self._path}:{self._text.number + 1}", problem, 0)

    def _stamped(self, item: Message) -> Message:
        if isinstance(item, Frame) and not item.recv_ns:
            return Frame(item.data, self._now_ns(), item.source or Path(self._path).name, item.late)
        if isinstance(item, InputRefused) and not item.ts_ns:
            item = msgspec.structs.replace(item, ts_ns=self._now_ns())
            self._told(item)
        return item

    def arm(self) -> bool:
        return self._eof

    def commit(self) -> None:
        """A file keeps its place by itself."""

    def ended(self) -> bool:
        return self._eof

    def close(self) -> None:
        self._stream.close()


def opened(path: str, mode: Literal["rb", "wb"]) -> BinaryIO:
    """Return the file *path*, open; raises ConfigError saying why not."""
    try:
        return Path(path).open(mode)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise ConfigError(path.replace("\0", "?"), f"cannot be opened: {reason}", "check the path") from None


def _refusal(where: str, problem: str, ts_ns: int) -> InputRefused:
    what, _, cure = problem.rpartition("; ")
    return InputRefused(ts_ns=ts_ns, where=where, problem=what or cure, cure=cure if what else "mend or remove it")


def _is_waited_for(descriptor: int) -> bool:
    """Return whether the kernel can say when it is readable: pipes, sockets and terminals (not /dev/null)."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
