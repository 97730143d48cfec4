"""A tape is read line by line, told where it is bad, and played with the spacing it was recorded with."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import wire
from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import ConfigError
from sniperforge.base.events import Event, FeedChanged, Frame, InputRefused
from sniperforge.base.units import NANOS_PER_SECOND
from sniperforge.feeds import tape as module
from sniperforge.feeds.ndjson import frame_line
from sniperforge.feeds.settings import Tape
from sniperforge.feeds.tape import PAUSE_NS_MAX, Pace, TapeSource, TapeText

S = NANOS_PER_SECOND


class Shelf:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.notes: list[Event] = []

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        self.frames.append(Frame(data, recv_ns, source, late))

    def note(self, event: Event) -> None:
        self.notes.append(event)

    def problems(self) -> list[tuple[str, str]]:
        return [(note.where, note.problem) for note in self.notes if isinstance(note, InputRefused)]


def recorded(number: int, ts_ns: int) -> bytes:
    return frame_line(Frame(b'{"n":%d}' % number, ts_ns, "node")) + b"\n"


def play(tape: Tape, *, line_bytes_max: int = 1 << 20, slow_s: float = 0.0) -> tuple[Shelf, TapeSource, list[float]]:
    """Play *tape* to its end on a clock that moves only by its own sleeps; return also how long it slept."""
    shelf, clock, slept = Shelf(), ManualClock(1000 * S), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(int((seconds + slow_s) * S) if seconds else 0)

    source = TapeSource(tape, sink=shelf, clock=clock, sleep=sleep, line_bytes_max=line_bytes_max)

    async def main() -> None:
        await source.wait()
        await source.start()
        await source.wait()
        await source.stop()

    asyncio.run(main())
    return shelf, source, [seconds for seconds in slept if seconds]


# ── pace ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("speed", "due"), [(1.0, [100, 101, 104]), (2.0, [100, 100.5, 102]), (0.5, [100, 102, 108])])
def test_frames_are_due_with_their_recorded_spacing(speed: float, due: list[float]) -> None:
    """Counted from the first one: a late frame delays nothing behind it."""
    pace = Pace(speed)
    assert [pace.due_ns(ts * S, 100 * S) for ts in (7, 8, 11)] == [int(at * S) for at in due]


def test_at_full_speed_and_without_a_stamp_everything_is_due_now() -> None:
    """Bare notifications have no spacing."""
    assert [Pace(0.0).due_ns(ts, 5) for ts in (1, 10 * S)] == [5, 5]
    assert Pace(1.0).due_ns(0, 5) == 5


def test_a_pause_beyond_the_bound_is_skipped_once() -> None:
    """A damaged stamp or a night between sessions does not hang the replay; spacing goes on behind it."""
    pace = Pace(1.0)
    pace.due_ns(S, 0)
    assert pace.due_ns(S + PAUSE_NS_MAX, 0) == PAUSE_NS_MAX
    night = 2 * S + 2 * PAUSE_NS_MAX
    assert pace.due_ns(night, 5) == 5
    assert pace.due_ns(night + S, 5) == 5 + S


@given(st.lists(st.integers(0, (1 << 64) - 1)), st.sampled_from([0.001, 1.0, 1e6]))
def test_no_stamp_makes_a_replay_wait_longer_than_the_bound(stamps: list[int], speed: float) -> None:
    """Whatever stands on the tape."""
    pace = Pace(speed)
    assert all(pace.due_ns(ts, 50) - 50 <= PAUSE_NS_MAX for ts in stamps)


# ── text ──────────────────────────────────────────────────────────────────


def items(data: bytes, *, step: int = 1 << 20, line_bytes_max: int = 1 << 20) -> list[Frame | Event]:
    text = TapeText("t", line_bytes_max=line_bytes_max)
    found = [item for at in range(0, len(data), step) for item in text.push(data[at : at + step])]
    return [*found, *text.end()]


@given(step=st.integers(1, 200))
def test_lines_are_the_same_however_they_are_cut(step: int) -> None:
    """A pipe delivers what it likes."""
    data = recorded(1, 5) + b'\r\n\n{"bare":1}\nbad\n[{"x":1},{"y":2}]\n' + recorded(2, 6) + b'{"last":1}'
    found = items(data, step=step)
    assert found == [
        Frame(b'{"n":1}', 5, "node"),
        Frame(b'{"bare":1}', 0),
        InputRefused(
            where="t:5",
            problem="not JSON: JSON is malformed: invalid character (byte 0)",
            cure="one JSON object a line is expected",
        ),
        Frame(b'{"x":1}', 0),
        Frame(b'{"y":2}', 0),
        Frame(b'{"n":2}', 6, "node"),
        Frame(b'{"last":1}', 0),
    ]


@pytest.mark.parametrize("value", [{"slot": 1, "t": ["a"]}, [{"slot": 1}, {"slot": 2}]])
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_pretty_printed_file_is_its_value(value: object, step: int) -> None:
    """One object is one frame, an array is one a member."""
    data = b"\n" + json.dumps(value, indent=2).encode() + b"\n"
    expected = value if isinstance(value, list) else [value]
    found = [item for item in items(data, step=step) if isinstance(item, Frame)]
    assert [json.loads(frame.data) for frame in found] == expected


def test_a_pretty_printed_file_that_is_broken_is_told_once() -> None:
    """Not once a line."""
    found = items(b'{\n  "a": 1,\n  "b":\n')
    assert [type(item) for item in found] == [InputRefused]
    assert found[0].problem.startswith("the file is neither lines nor one JSON value: ")  # type: ignore[union-attr]


def test_a_brace_alone_later_on_is_a_bad_line() -> None:
    """Only the first line says that a file is pretty-printed."""
    assert [type(item) for item in items(b'{"a":1}\n{\n{"b":1}\n')] == [Frame, InputRefused, Frame]


def test_a_cut_last_line_is_told_as_such() -> None:
    """Its writer was killed; all before it is there."""
    found = items(recorded(1, 5) + recorded(2, 6)[:-20])
    assert found[0] == Frame(b'{"n":1}', 5, "node")
    assert isinstance(found[1], InputRefused)
    assert (found[1].where, found[1].problem[:28]) == ("t:2", "the last line is cut off: no")


@pytest.mark.parametrize("step", [1, 10, 1 << 20])
def test_a_line_beyond_the_bound_is_skipped_and_the_next_read(step: int) -> None:
    """The bound is for what has to be held; a line that came whole in one piece is read."""
    long = b'{"n":"' + b"x" * 200 + b'"}'
    found = items(b'{"a":1}\n' + long + b'\n{"b":1}\n', step=step, line_bytes_max=100)
    whole = step > 200
    assert [type(item) for item in found] == [Frame, Frame if whole else InputRefused, Frame]
    if not whole:
        assert found[1] == InputRefused(where="t:2", problem="longer than 100 bytes", cure="cut the tape into lines")


def test_an_endless_line_is_told_once_at_the_end() -> None:
    """And takes no memory."""
    found = items(b"x" * 10_000, step=50, line_bytes_max=100)
    assert [type(item) for item in found] == [InputRefused]


@given(st.binary(max_size=400), st.integers(1, 100))
def test_any_bytes_are_items(data: bytes, step: int) -> None:
    """Frames, notes and refusals, never an exception."""
    assert all(isinstance(item, Frame | InputRefused | Event) for item in items(data, step=step, line_bytes_max=64))


# ── source ────────────────────────────────────────────────────────────────


def test_a_tape_is_played_with_its_spacing_and_stamped_when_given(tmp_path: Path) -> None:
    """Latency is measured from the moment the tape gave the frame."""
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress(recorded(1, 5 * S) + recorded(2, 6 * S) + b'{"bare":1}\n' + recorded(3, 9 * S)))
    shelf, source, slept = play(Tape(path=str(path), speed=2.0))
    assert slept == [0.5, 1.5]
    assert [frame.recv_ns for frame in shelf.frames] == [1000 * S, 1000 * S + S // 2, 1000 * S + S // 2, 1002 * S]
    assert [frame.source for frame in shelf.frames] == ["node", "node", "t.gz", "node"]
    stats = source.stats()
    assert (stats.name, stats.state, stats.frames, stats.refused) == ("t.gz", "ended", 4, 0)


def test_recorded_stamps_can_be_kept(tmp_path: Path) -> None:
    """Two replays are then equal."""
    path = tmp_path / "t"
    path.write_bytes(recorded(1, 5 * S) + b'{"bare":1}\n')
    shelf, _, _ = play(Tape(path=str(path), speed=0.0, stamps="recorded", name="n"))
    assert [(frame.recv_ns, frame.source) for frame in shelf.frames] == [(5 * S, "node"), (1000 * S, "n")]


def test_a_late_replay_catches_up(tmp_path: Path) -> None:
    """Frames that are overdue are not waited for."""
    path = tmp_path / "t"
    path.write_bytes(b"".join(recorded(n, (5 + n) * S) for n in range(4)))
    _, _, slept = play(Tape(path=str(path)), slow_s=1.5)
    assert slept == [1.0, 0.5]


def test_notes_on_a_tape_pass_and_bad_lines_are_counted(tmp_path: Path) -> None:
    """A note that was recorded is not a refusal of ours."""
    old = InputRefused(ts_ns=3, where="node", problem="p", cure="c")
    path = tmp_path / "t"
    path.write_bytes(wire.to_json(FeedChanged(source="s", state="lost")) + b"\n" + wire.to_json(old) + b"\nbad\n")
    shelf, source, _ = play(Tape(path=str(path), speed=0.0))
    assert shelf.notes[:2] == [FeedChanged(source="s", state="lost"), old]
    assert shelf.problems()[1][0] == f"{path}:3"
    assert source.stats().refused == 1


@pytest.mark.parametrize("cut", [1, 30, 60])
def test_a_damaged_tape_is_read_up_to_the_damage_and_told_once(tmp_path: Path, cut: int) -> None:
    """The cut line is part of the damage."""
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress(b"".join(recorded(n, 5) for n in range(50)))[:-cut])
    shelf, source, _ = play(Tape(path=str(path), speed=0.0))
    assert shelf.problems() == [
        (f"{path}:{len(shelf.frames) + 1}", "the compressed stream has no end, its writer was killed")
    ]
    assert source.stats().refused == 1


def test_rubbish_inside_a_compressed_tape_is_damage(tmp_path: Path) -> None:
    """What came before it is played."""
    path = tmp_path / "t.gz"
    path.write_bytes(gzip.compress(recorded(1, 5)) + b"rubbish")
    shelf, _, _ = play(Tape(path=str(path), speed=0.0))
    assert len(shelf.frames) == 1
    assert shelf.problems()[0][1].startswith("gzip is damaged: ")


def test_a_file_of_rubbish_does_not_flood_the_notes(tmp_path: Path) -> None:
    """A thousand lines are told, the rest is a number."""
    path = tmp_path / "t"
    path.write_bytes(b"bad\n" * (module.REFUSALS_TOLD_MAX + 7))
    shelf, source, _ = play(Tape(path=str(path), speed=0.0))
    assert len(shelf.notes) == module.REFUSALS_TOLD_MAX + 1
    assert shelf.problems()[-1] == (str(path), "7 more lines were unusable")
    assert source.stats().refused == module.REFUSALS_TOLD_MAX + 7


def test_an_empty_tape_ends_at_once(tmp_path: Path) -> None:
    """Without a word."""
    path = tmp_path / "t"
    path.write_bytes(b"")
    shelf, source, _ = play(Tape(path=str(path)))
    assert (shelf.frames, shelf.notes, source.stats().state) == ([], [], "ended")


def test_a_missing_tape_is_refused_at_the_start(tmp_path: Path) -> None:
    """Before anything else begins."""
    with pytest.raises(ConfigError, match="cannot be opened: No such file or directory; check the path"):
        play(Tape(path=str(tmp_path / "none")))


def test_a_folder_as_tape_is_refused(tmp_path: Path) -> None:
    """It can be named, not read."""
    with pytest.raises(ConfigError, match="cannot be opened: Is a directory"):
        play(Tape(path=str(tmp_path)))


def test_a_disk_error_is_damage() -> None:
    """/proc/self/mem opens and refuses to be read at 0."""
    path = Path("/proc/self/mem")
    if not path.exists():
        pytest.skip("/proc/self/mem is absent: no file that opens and cannot be read")
    shelf, _, _ = play(Tape(path=str(path), speed=0.0))
    assert shelf.problems() == [(f"{path}:1", "Input/output error")]
