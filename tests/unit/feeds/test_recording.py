"""A tape being written: new files only, bounded, closed once, honest about what it left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sniperforge.base.errors import ConfigError
from sniperforge.base.events import Frame
from sniperforge.feeds.ndjson import frame_line
from sniperforge.feeds.recording import Recorder, RecordingStopped

FRAME = Frame(b'{"a":1}', 7, "node", True)


def test_a_drain_writes_what_was_kept_and_close_the_rest(tmp_path: Path) -> None:
    """One line each, whole."""
    path = tmp_path / "tape"
    recorder = Recorder(str(path))
    recorder.drain()
    assert path.read_bytes() == b""
    recorder.write(FRAME)
    recorder.write(FRAME)
    recorder.drain()
    assert path.read_bytes() == (frame_line(FRAME) + b"\n") * 2
    recorder.write(FRAME)
    recorder.close()
    recorder.close()
    assert path.read_bytes() == (frame_line(FRAME) + b"\n") * 3
    assert (recorder.written, recorder.dropped, recorder.refused) == (3, 0, 0)


def test_what_is_no_json_has_no_place_in_a_line(tmp_path: Path) -> None:
    """It is counted."""
    recorder = Recorder(str(tmp_path / "tape"))
    recorder.write(Frame(b"garbage", 7))
    recorder.close()
    assert (recorder.written, recorder.refused) == (0, 1)


def test_the_buffer_binds_at_its_edge_and_is_free_after_a_drain(tmp_path: Path) -> None:
    """A dead disk does not eat the memory of a live feed."""
    size = len(frame_line(FRAME))
    recorder = Recorder(str(tmp_path / "tape"), pending_bytes_max=2 * size)
    for _ in range(3):
        recorder.write(FRAME)
    assert (recorder.written, recorder.dropped) == (2, 1)
    recorder.drain()
    recorder.write(FRAME)
    recorder.close()
    assert (recorder.written, recorder.dropped) == (3, 1)


def test_an_existing_tape_is_never_overwritten(tmp_path: Path) -> None:
    """It may be the only copy of a day."""
    path = tmp_path / "tape"
    path.write_text("yesterday")
    with pytest.raises(ConfigError, match="exists already; name another file"):
        Recorder(str(path))
    assert path.read_text() == "yesterday"


def test_a_tape_in_no_folder_is_refused(tmp_path: Path) -> None:
    """By what the system says."""
    with pytest.raises(ConfigError, match="cannot be made: No such file or directory; check the folder"):
        Recorder(str(tmp_path / "none" / "tape"))


def test_a_disk_that_takes_no_more_stops_the_recording_by_name(tmp_path: Path) -> None:
    """And the file is closed all the same."""
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is absent: no disk that is always full")
    recorder = Recorder(str(tmp_path / "tape"))
    recorder._file.close()
    recorder._file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - closed by the recorder
    recorder.write(FRAME)
    with pytest.raises(RecordingStopped, match="No space left on device; free some space"):
        recorder.close()
    assert recorder._file.closed
