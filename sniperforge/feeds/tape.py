"""A recorded tape, played again with the spacing it was recorded with.

PATH (plain, .gz, .zst) or standard input -> Sink.frame, Sink.note

Lines are those of `ndjson`: ours with their stamps, or bare notifications and
recorded transactions, which are due at once. A file that is one pretty-printed
JSON value is one frame, or one a member when it is an array. A line that is
unusable is told with its number, counted, and skipped; a tape whose writer was
killed is read up to the damage.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from sniperforge.base.clock import Clock
from sniperforge.base.errors import ConfigError, DecodeError
from sniperforge.base.events import Event, Frame, InputRefused
from sniperforge.base.units import NANOS_PER_SECOND
from sniperforge.feeds.compression import Unpacker, unpacker_for
from sniperforge.feeds.ndjson import json_items, parse_line
from sniperforge.feeds.settings import Tape
from sniperforge.feeds.source import Sink, SourceStats, ended

CHUNK_BYTES = 1 << 18
#: A line holds one frame of at most 64 MiB by default, plus its envelope.
LINE_BYTES_MAX = 128 << 20
#: Unusable lines told one by one; the rest is told as a number at the end.
REFUSALS_TOLD_MAX = 1_000
#: Frames handed on before the other tasks of the loop get their turn.
FRAMES_PER_TURN = 64
#: A pause longer than this in replayed time is a damaged stamp, or the night
#: between two sessions: it is skipped.
PAUSE_NS_MAX = 3_600 * NANOS_PER_SECOND

#: How a pretty-printed value begins; a line of a tape is never one of these.
_PRETTY = (b"{", b"[", b"[{", b"[ {")


class Pace:
    """When each frame is due. Pure.

    Args:
        speed: times faster than recorded; 0 = everything is due at once.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._begun: tuple[int, int] | None = None

    def due_ns(self, ts_ns: int, now_ns: int) -> int:
        """Return when the frame recorded at *ts_ns* is due; 0 as stamp: now.

        Counted from the first frame, not from the one before: a late frame
        does not make all that follow late.
        """
        if self._speed <= 0 or ts_ns <= 0:
            return now_ns
        if self._begun is not None:
            begun_ts_ns, begun_now_ns = self._begun
            due_ns = begun_now_ns + int((ts_ns - begun_ts_ns) / self._speed)
            if due_ns - now_ns <= PAUSE_NS_MAX:
                return due_ns
        self._begun = ts_ns, now_ns
        return now_ns


class TapeText:
    """Splits the text of a tape into what its lines hold. Pure.

    `push` takes bytes as they come, `end` says there are no more; both yield
    frames, messages, and an InputRefused for each unusable line.
    """

    def __init__(self, path: str, *, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._path, self._line_bytes_max = path, line_bytes_max
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self._number = 0
        self._begun = self._pretty = self._skipping = False

    @property
    def number(self) -> int:
        """How many lines were read to their end."""
        return self._number

    def push(self, data: bytes) -> Iterator[Frame | Event]:
        """Yield what the lines that end in *data* hold."""
        if self._pretty:
            yield from self._keep(data)
            return
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line = self._joined(data[start:end])
            start = end + 1
            yield from self._line(line)
            if self._pretty:
                break
        yield from self._keep(data[start:])

    def end(self) -> Iterator[Frame | Event]:
        """Yield what stands behind the last line break."""
        text = self._joined(b"")
        if self._skipping or not text.strip():
            return
        if not self._pretty:
            yield from self._line(text, last=True)
            return
        try:
            for item in json_items(text):
                yield parse_line(item)
        except DecodeError as problem:
            yield self._refused(1, f"the file is neither lines nor one JSON value: {problem}")

    def _keep(self, data: bytes) -> Iterator[Event]:
        if not data or self._skipping:
            return
        self._rest.append(data)
        self._rest_bytes += len(data)
        if self._rest_bytes > self._line_bytes_max:
            self._rest, self._rest_bytes, self._skipping = [], 0, True
            yield self._refused(self._number + 1, f"longer than {self._line_bytes_max} bytes; cut the tape into lines")

    def _joined(self, data: bytes) -> bytes:
        if not self._rest:
            return data
        self._rest.append(data)
        whole, self._rest, self._rest_bytes = b"".join(self._rest), [], 0
        return whole

    def _line(self, line: bytes, *, last: bool = False) -> Iterator[Frame | Event]:
        self._number += 1
        if self._skipping:
            self._skipping = False
            return
        text = line.strip()
        if not text:
            return
        if not self._begun and not last and text in _PRETTY:
            self._pretty = True
            yield from self._keep(text + b"\n")
            return
        self._begun = True
        try:
            if text.startswith(b"["):
                for item in json_items(text):
                    yield parse_line(item)
            else:
                yield parse_line(text)
        except DecodeError as problem:
            cut = "the last line is cut off: " if last else ""
            yield self._refused(self._number, f"{cut}{problem}")

    def _refused(self, number: int, problem: str) -> InputRefused:
        what, _, cure = problem.rpartition("; ")
        return InputRefused(where=f"{self._path}:{number}", problem=what, cure=cure)


class TapeSource:
    """A `Source` that replays one tape, then ends.

    Args:
        tape: which file, how fast, and how frames are stamped.
        sink: takes frames and notes.
        clock: tells when a frame is due, and stamps it.
        sleep: waits so many seconds; a test passes its own.
    """

    def __init__(
        self,
        tape: Tape,
        *,
        sink: Sink,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:
        self.name = tape.name or ("stdin" if tape.path == "-" else Path(tape.path).name)
        self._tape, self._sink, self._clock, self._sleep = tape, sink, clock, sleep
        self._where = "stdin" if tape.path == "-" else tape.path
        self._text = TapeText(self._where, line_bytes_max=line_bytes_max)
        self._pace = Pace(tape.speed)
        self._state = "connecting"
        self._frames = self._bytes = self._refused = 0
        self._cut_short = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the tape and begin; raises ConfigError when it cannot be opened."""
        file = _opened(self._tape.path)
        self._state = "replaying"
        self._task = asyncio.create_task(self._run(file), name=f"feed {self.name}")

    async def wait(self) -> None:
        """Wait for the end of the tape; raises what the sink raised, if it did."""
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    async def stop(self) -> None:
        """End where the tape stands now."""
        if self._task is not None:
            await ended(self._task)

    def stats(self) -> SourceStats:
        """Return the figures so far."""
        return SourceStats(
            name=self.name, state=self._state, frames=self._frames, bytes=self._bytes, refused=self._refused
        )

    async def _run(self, file: BinaryIO) -> None:
        try:
            async with contextlib.aclosing(self._pieces(file)) as pieces:
                async for piece in pieces:
                    for item in self._text.push(piece):
                        await self._take(item)
            for item in self._text.end():
                # A line cut by damage is part of the damage, which was told.
                if not (self._cut_short and isinstance(item, InputRefused)):
                    await self._take(item)
        finally:
            self._state = "ended"
            file.close()
        if self._refused > REFUSALS_TOLD_MAX:
            untold = self._refused - REFUSALS_TOLD_MAX
            self._tell(InputRefused(where=self._where, problem=f"{untold} more lines were unusable", cure="see above"))

    async def _pieces(self, file: BinaryIO) -> AsyncGenerator[bytes, None]:
        """Yield the text of the tape, decompressed, up to its end or its damage."""
        unpacker: Unpacker | None = None
        try:
            async with contextlib.aclosing(_chunks(file)) as chunks:
                async for chunk in chunks:
                    unpacker = unpacker or unpacker_for(chunk)
                    for piece in unpacker.unpack(chunk):
                        yield piece
                    # A long tape at full speed leaves the other tasks their turn.
                    await self._sleep(0)
        except (DecodeError, OSError) as problem:
            self._damaged(str(problem) if isinstance(problem, DecodeError) else f"{problem.strerror}; check the disk")
            return
        if unpacker is not None and not unpacker.finished():
            self._damaged("the compressed stream has no end, its writer was killed; what was there is read")

    def _damaged(self, problem: str) -> None:
        self._cut_short = True
        what, _, cure = problem.rpartition("; ")
        self._refuse(InputRefused(where=f"{self._where}:{self._text.number + 1}", problem=what, cure=cure))

    async def _take(self, item: Frame | Event) -> None:
        # One with a time was recorded; ours get theirs when they are told.
        if isinstance(item, InputRefused) and not item.ts_ns:
            self._refuse(item)
        elif isinstance(item, Event):
            self._sink.note(item)
        else:
            await self._play(item)

    async def _play(self, frame: Frame) -> None:
        now_ns = self._clock.now_ns()
        due_ns = self._pace.due_ns(frame.recv_ns, now_ns)
        if due_ns > now_ns:
            await self._sleep((due_ns - now_ns) / NANOS_PER_SECOND)
        elif self._frames % FRAMES_PER_TURN == 0:
            await self._sleep(0)
        recorded = self._tape.stamps == "recorded" and frame.recv_ns > 0
        self._frames += 1
        self._bytes += len(frame.data)
        stamp_ns = frame.recv_ns if recorded else self._clock.now_ns()
        self._sink.frame(frame.data, stamp_ns, frame.source or self.name, frame.late)

    def _refuse(self, note: InputRefused) -> None:
        self._refused += 1
        if self._refused <= REFUSALS_TOLD_MAX:
            self._tell(note)

    def _tell(self, note: InputRefused) -> None:
        ts_ns = self._clock.now_ns()
        self._sink.note(InputRefused(ts_ns=ts_ns, where=note.where, problem=note.problem, cure=note.cure))


def _opened(path: str) -> BinaryIO:
    try:
        return os.fdopen(os.dup(0), "rb", 0) if path == "-" else Path(path).open("rb", 0)
    except OSError as problem:
        cure = "check the path and its permissions"
        raise ConfigError(f"tape {path}", f"cannot be opened: {problem.strerror}", cure) from problem


async def _chunks(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of *file*: a plain file is read here, a pipe or terminal is waited for."""
    mode = os.fstat(file.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or file.isatty()):
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
        return
    reader = asyncio.StreamReader(limit=CHUNK_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            yield chunk
    finally:
        # The pipe is shared with whoever started us; it was set non-blocking.
        with contextlib.suppress(OSError, ValueError):
            os.set_blocking(file.fileno(), True)
        transport.close()
