"""Tapes as files and pipes: written by a process that is killed, read from a FIFO and from standard input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sniperforge.base.events import Frame, InputRefused
from sniperforge.feeds.feed import Feed, FeedSettings, Tape
from sniperforge.feeds.ndjson import frame_line
from tests.integration.feeds.node import LIMIT_S, Shelf, run

ROOT = Path(__file__).parents[3]

WRITER = """
import sys
from sniperforge.base.events import Frame
from sniperforge.feeds.recording import Recorder
recorder = Recorder(sys.argv[1])
for number in range(1000):
    recorder.write(Frame(b'{"n":%d,"fill":"%b"}' % (number, b"x" * (number % 97)), 1 + number, "node"))
    if number % 100 == 99:
        recorder.drain()
for number in range(50):
    recorder.write(Frame(b'{"n":"lost"}', 5000, "node"))
print("ready", flush=True)
sys.stdin.read()
"""

READER = """
import asyncio, sys
from sniperforge.feeds.feed import Feed, FeedSettings, parse_source
class Out:
    def frame(self, data, recv_ns, source, late):
        print(source, data.decode(), flush=True)
    def note(self, event):
        print(event.where, event.problem, file=sys.stderr)
async def main():
    feed = Feed(FeedSettings(tapes=(parse_source("-"),)), Out())
    await feed.start()
    await feed.wait()
    await feed.stop()
asyncio.run(main())
"""


def read(path: Path) -> Shelf:
    """Replay *path* at full speed."""
    shelf = Shelf()

    async def main() -> None:
        feed = Feed(FeedSettings(tapes=(Tape(path=str(path), speed=0.0),)), shelf)
        await feed.start()
        await feed.wait()
        await feed.stop()

    run(main)
    return shelf


@pytest.mark.parametrize("suffix", ["ndjson", "ndjson.gz", "ndjson.zst"])
def test_a_writer_killed_between_drains_loses_what_came_since_and_nothing_before(tmp_path: Path, suffix: str) -> None:
    """What was drained is there to the last byte, though the compressed stream never got its end."""
    path = tmp_path / f"tape.{suffix}"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait(LIMIT_S)
    shelf = read(path)
    assert [frame.data for frame in shelf.frames] == [
        b'{"n":%d,"fill":"%b"}' % (number, b"x" * (number % 97)) for number in range(1000)
    ]
    expected = [] if suffix == "ndjson" else ["the compressed stream has no end, its writer was killed"]
    assert [note.problem for note in shelf.of(InputRefused)] == expected


def test_a_fifo_is_waited_for_and_not_polled(tmp_path: Path) -> None:
    """`tape:/dev/fd/63` of a process substitution is a pipe."""
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb", buffering=0) as fifo:
            for number in range(20):
                fifo.write(b'{"n":%d}\n{"half' % number)
                fifo.write(b'":%d}\n' % number)

    writer = threading.Thread(target=write)
    writer.start()
    shelf = read(path)
    writer.join(LIMIT_S)
    assert [frame.data for frame in shelf.frames] == [
        text for number in range(20) for text in (b'{"n":%d}' % number, b'{"half":%d}' % number)
    ]


@pytest.mark.parametrize("piped", [True, False])
def test_standard_input_is_a_source_as_pipe_and_as_file(tmp_path: Path, piped: bool) -> None:
    """`… | feed --source -` and `feed --source - < FILE`; a bad line is named and skipped."""
    text = b'{"slot":1}\nnot json\n{"slot":2}'
    path = tmp_path / "lines"
    path.write_bytes(text)
    command = [sys.executable, "-c", READER]
    if piped:
        done = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, timeout=LIMIT_S, check=True)
    else:
        with path.open("rb") as file:
            done = subprocess.run(command, cwd=ROOT, stdin=file, capture_output=True, timeout=LIMIT_S, check=True)
    assert done.stdout == b'stdin {"slot":1}\nstdin {"slot":2}\n'
    assert done.stderr.startswith(b"stdin:2 not JSON")


def test_every_recorded_message_of_the_shared_folder_is_one_frame() -> None:
    """Pretty-printed objects, compact ones, compressed lines: each file's content is what the frame holds."""
    shared = ROOT.parent / "shared"
    if not shared.is_dir():
        pytest.skip("../shared is absent: no recorded mainnet messages to read")
    paths = sorted((shared / "mainnet" / "logs_notification").glob("*.json"))
    paths += sorted((shared / "mainnet" / "raydium_amm_v4").glob("*.json"))
    for path in paths:
        shelf = read(path)
        assert (len(shelf.frames), shelf.notes) == (1, []), path.name
        whole = json.loads(path.read_bytes())
        assert json.loads(shelf.frames[0].data) == (whole[0] if isinstance(whole, list) else whole)
    lines = read(shared / "frames" / "create.jsonl.gz")
    assert (len(lines.frames), lines.notes) == (400, [])


@pytest.mark.parametrize("spacing_ns", [1, 1_200_000_000])
def test_a_full_disk_ends_the_recording_and_not_the_feed(tmp_path: Path, spacing_ns: int) -> None:
    """Trading matters more than the tape; it is said once, at the end or in the middle."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("/dev/full is absent: no disk that is always full")
    source = tmp_path / "tape"
    frames = [Frame(b'{"slot":%d}' % slot, 1 + slot * spacing_ns, "node") for slot in (1, 2)]
    source.write_bytes(b"".join(frame_line(frame) + b"\n" for frame in frames))
    shelf = Shelf()

    async def main() -> None:
        settings = FeedSettings(tapes=(Tape(path=str(source), stamps="recorded"),), record=str(tmp_path / "out"))
        feed = Feed(settings, shelf)
        await feed.start()
        _fill_the_disk_under(tmp_path / "out")
        await feed.wait()
        await feed.stop()

    run(main)
    assert shelf.frames == frames
    assert [(note.where, note.problem) for note in shelf.of(InputRefused)] == [
        ("record", f"record {tmp_path / 'out'}: No space left on device")
    ]


def _fill_the_disk_under(path: Path) -> None:
    """Make the open file at *path* one that is always full."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        for entry in Path("/proc/self/fd").iterdir():
            if entry.is_symlink() and entry.resolve() == path:
                os.dup2(full.fileno(), int(entry.name))
                return
    pytest.fail(f"nobody has {path} open")
