"""What `--record` writes: a tape of every frame, as it arrived and when.

frames -> PATH, PATH.gz or PATH.zst: one line each, see `ndjson`

`write` is called on the path of the frame: it makes the line and keeps it.
`drain` compresses and writes what was kept; it is called twice a second, from
another thread where there is a loop, so that a slow disk never holds a socket.
A kill -9 loses what came since the last drain and nothing before it.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

from sniperforge.base.errors import ConfigError, DecodeError, UnavailableError
from sniperforge.base.events import Frame
from sniperforge.feeds.compression import packer_for
from sniperforge.feeds.ndjson import frame_line

#: Seconds between two drains: half of what a kill may cost.
DRAIN_S = 0.5


class RecordingStopped(UnavailableError):
    """The tape cannot be written any more (disk full, device gone)."""


class Recorder:
    """One tape being written.

    Args:
        path: a file that does not exist yet; its suffix chooses the compression.
        pending_bytes_max: kept at most between two drains; what exceeds it is
            counted in `dropped`.

    Raises:
        ConfigError: the file exists, or cannot be made.
    """

    def __init__(self, path: str, *, pending_bytes_max: int = 256 << 20) -> None:
        self.path = path
        self.written = self.dropped = self.refused = 0
        self._pending_bytes_max = pending_bytes_max
        # One thread adds to one count, the other to the other: no lock.
        self._kept_bytes = self._drained_bytes = 0
        self._lines: deque[bytes] = deque()
        # Held while a batch is on its way: `close` may come while another thread drains.
        self._busy = threading.Lock()
        self._packer = packer_for(path)
        try:
            self._file = Path(path).open("xb", buffering=0)  # noqa: SIM115 - closed by close()
        except FileExistsError:
            raise ConfigError(f"record {path}", "exists already", "name another file, or move this one away") from None
        except OSError as problem:
            raise ConfigError(f"record {path}", f"cannot be made: {problem.strerror}", "check the folder") from problem

    def write(self, frame: Frame) -> None:
        """Keep one frame for the tape. What is not JSON is counted in `refused`: it has no place in a line."""
        try:
            line = frame_line(frame)
        except DecodeError:
            self.refused += 1
            return
        if self._kept_bytes - self._drained_bytes + len(line) > self._pending_bytes_max:
            self.dropped += 1
            return
        self._kept_bytes += len(line)
        self._lines.append(line)
        self.written += 1

    def drain(self) -> None:
        """Compress and write what was kept; raises RecordingStopped when the file takes no more."""
        with self._busy:
            self._drain()

    def close(self) -> None:
        """Write the rest and the end; raises RecordingStopped when the file takes no more."""
        with self._busy:
            if self._file.closed:
                return
            try:
                self._drain()
                self._put(self._packer.end())
            finally:
                self._file.close()

    def _drain(self) -> None:
        batch = []
        while self._lines:
            batch.append(self._lines.popleft())
        if not batch:
            return
        size = sum(map(len, batch))
        batch.append(b"")
        self._put(self._packer.pack(b"\n".join(batch)))
        self._drained_bytes += size

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as problem:
            raise RecordingStopped(
                f"record {self.path}: {problem.strerror}; free some space and record to a new file"
            ) from problem
