"""Ends open by URI, problems are told once by who saw them, a bot in a pipe hears of its orders, endings are quiet."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sniperforge.base import wire
from sniperforge.base.clock import SystemClock
from sniperforge.base.errors import ConfigError, UnavailableError, UsageError
from sniperforge.base.events import (
    Event,
    FeedChanged,
    Frame,
    InputRefused,
    OrderProposed,
    PositionChanged,
    Swapped,
)
from sniperforge.bots.bot import Bot
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge.feeds.ndjson import frame_line
from sniperforge.runtime import log, pipes
from sniperforge.runtime.assume import AssumedFills
from sniperforge.runtime.ends import TOPICS, LineOutbox, PipeClosed, RingInbox, RingOutbox
from sniperforge.runtime.lines import FrameFileInbox
from sniperforge.runtime.loop import Inbox, Message
from sniperforge.runtime.pipes import PASSED_ON, PROBLEMS_TOLD_MAX, Ends, PipedBot, Problems
from sniperforge.runtime.topology import make_bot
from sniperforge.shm.errors import RingMissing
from sniperforge.shm.ring import Ring
from sniperforge_cli.frames import launches
from tests.unit.runtime.stand import swap

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
INSTANCE = f"pipes-{os.getpid()}"


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(log, "warn", lambda message, **fields: lines.append(f"{fields['stage']}: {message}"))
    return lines


@pytest.fixture
def ends() -> Ends:
    return Ends("detect", instance=INSTANCE, clock=SystemClock())


def refused(number: int, ts_ns: int = 1) -> InputRefused:
    return InputRefused(ts_ns=ts_ns, where=f"stdin:{number}", problem="p", cure="c")


def everything(inbox: Inbox) -> list[Message]:
    found: list[Message] = []
    while not inbox.ended():
        found += inbox.drain()
    inbox.close()
    return found


# ── problems ──────────────────────────────────────────────────────────────


def test_a_problem_is_told_by_the_stage_that_saw_it(warned: list[str]) -> None:
    problems = Problems("detect")
    problems.refused(refused(1))
    problems.passing(refused(1))
    problems.heard(refused(2))
    problems.passing(refused(2))
    problems.passing(refused(3))
    problems.passing(swap(1))
    assert warned == ["detect: stdin:1: p; c", "detect: stdin:3: p; c"]


def test_an_endpoint_that_is_lost_is_told_and_one_that_is_well_is_not(warned: list[str]) -> None:
    problems = Problems("feed")
    for state, detail in [("connected", ""), ("subscribed", ""), ("lost", "reset"), ("stalled", "")]:
        problems.passing(FeedChanged(source="s", state=state, detail=detail))
    assert warned == ["feed: s: lost: reset", "feed: s: stalled"]


def test_a_flood_of_problems_is_told_as_a_number(warned: list[str]) -> None:
    problems = Problems("detect")
    for number in range(PROBLEMS_TOLD_MAX + 7):
        problems.refused(refused(number))
    problems.end()
    assert len(warned) == PROBLEMS_TOLD_MAX + 1
    assert warned[-1] == "detect: 7 more problems of this kind"
    Problems("quiet").end()
    assert len(warned) == PROBLEMS_TOLD_MAX + 1


def test_what_is_remembered_of_problems_is_bounded(warned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "HEARD_MAX", 2)
    problems = Problems("detect")
    for number in (1, 2, 3):
        problems.heard(refused(number))
    problems.passing(refused(3))
    problems.passing(refused(1))
    assert warned == ["detect: stdin:1: p; c"]


# ── ends ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["{}", "file:{}"])
def test_a_path_is_a_file_of_lines(ends: Ends, tmp_path: Path, form: str, warned: list[str]) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(wire.to_json(swap(5)) + b"\nnonsense\n" + wire.to_json(refused(9)) + b"\n")
    found = everything(ends.inbox(form.format(path), TOPICS["market"]))
    assert found[0] == swap(5)
    assert found[2] == refused(9)
    assert len(warned) == 1
    ends.problems.passing(refused(9))
    assert len(warned) == 1


@pytest.mark.parametrize("name", ["tape", "file", "ring"])
def test_a_file_may_be_called_like_a_kind(
    ends: Ends, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outbox = ends.outbox(name, "market")
    outbox.put(swap(5))
    outbox.flush()
    outbox.close()
    assert everything(ends.inbox(name, TOPICS["market"])) == [swap(5)]


def test_a_stage_that_wants_frames_reads_any_recording(ends: Ends, tmp_path: Path) -> None:
    path = tmp_path / "tape"
    path.write_bytes(frame_line(Frame(b"{}", 5, "s")) + b"\n")
    inbox = ends.inbox(f"tape:{path}", frozenset(), frames=True)
    assert isinstance(inbox, FrameFileInbox)
    assert everything(inbox) == [Frame(b"{}", 5, "s")]


def test_a_fifo_is_waited_for_also_when_frames_are_wanted(ends: Ends, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path, 0o600)
    writing = os.open(path, os.O_RDWR)
    inbox = ends.inbox(str(path), frozenset(), frames=True)
    os.write(writing, frame_line(Frame(b"{}", 5, "s")) + b"\n")
    assert inbox.fileno() >= 0
    assert inbox.drain() == [Frame(b"{}", 5, "s")]
    inbox.close()
    os.close(writing)


def test_a_dash_is_standard_input_and_output(ends: Ends, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with capfdbinary.disabled():
        assert isinstance(ends.outbox("-", "market"), LineOutbox)


def test_standard_input_is_read(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, wire.to_json(swap(5)) + b"\n")
    os.close(writing)
    monkeypatch.setattr("sys.stdin", os.fdopen(reading, "r"))
    assert everything(ends.inbox("-", TOPICS["market"])) == [swap(5)]


@pytest.fixture
def rings() -> Iterator[list[Ring]]:
    made = [Ring.create(topic, instance=INSTANCE, capacity=1 << 16) for topic in ("market", "system")]
    yield made
    for ring in made:
        ring.unlink()


def test_a_ring_is_read_and_all_rings_of_a_stage_are_written(ends: Ends, rings: list[Ring]) -> None:
    reader = Ends("bot", instance=INSTANCE, clock=SystemClock()).inbox("ring:market", TOPICS["market"])
    outbox = ends.outbox("ring:market", "market", "system")
    assert isinstance(reader, RingInbox)
    assert isinstance(outbox, RingOutbox)
    outbox.put(swap(5))
    outbox.put(refused(1))
    assert reader.drain() == [swap(5)]
    reader.close()
    ends.serve(_nothing())
    seats = [seat["name"] for seat in rings[0].stat()["producers"]]
    assert "detect" not in seats


async def _nothing() -> None:
    """A stage that ends at once."""


def test_an_end_that_is_not_there_is_refused(ends: Ends) -> None:
    with pytest.raises(UsageError, match=r"^--out ring:fills: this stage writes market, system; name one of them"):
        ends.outbox("ring:fills", "market", "system")
    with pytest.raises(RingMissing):
        ends.inbox("ring:market", TOPICS["market"])
    with pytest.raises(ConfigError, match=r"^/nowhere/x: cannot be opened"):
        ends.outbox("/nowhere/x", "market")


@pytest.mark.parametrize(
    ("mode", "source", "replaying"), [("auto", "-", True), ("auto", "ring:market", False), ("event", "ring:m", True)]
)
def test_a_ring_is_never_taken_for_a_recording(ends: Ends, mode: str, source: str, replaying: bool) -> None:
    timeline = ends.timeline(mode, source)
    timeline.at(swap(NOW))
    assert timeline.replaying is replaying


# ── endings ───────────────────────────────────────────────────────────────


def test_a_stage_ends_by_itself_after_its_time(ends: Ends) -> None:
    async def for_ever() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        await stopping.wait()

    ends.serve(for_ever(), seconds=0.01)


def test_a_stage_that_is_stopped_before_it_listens_ends_well(ends: Ends) -> None:
    async def deaf() -> None:
        await asyncio.sleep(3600)

    ends.serve(deaf(), seconds=0.01)


@pytest.mark.parametrize("failure", [PipeClosed(), BrokenPipeError()])
def test_a_reader_that_went_away_is_a_good_end(ends: Ends, failure: Exception) -> None:
    async def closed() -> None:
        raise failure

    kept = os.dup(1)
    try:
        ends.serve(closed())
        assert os.fstat(1).st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116 - compared with a descriptor's
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def test_what_a_stage_raises_comes_out_and_an_oserror_is_one_line(ends: Ends) -> None:
    async def broken(failure: Exception) -> None:
        raise failure

    with pytest.raises(ConfigError, match="x: y; z"):
        ends.serve(broken(ConfigError("x", "y", "z")))
    with pytest.raises(UnavailableError, match=r"^detect: \[Errno 5\] disk; check what it reads and writes"):
        ends.serve(broken(OSError(5, "disk")))


# ── the bot in a pipe ─────────────────────────────────────────────────────


def piped(*, assume: bool, kind: str = "liquidity_sniper") -> PipedBot:
    raw = {"exits": {"time_stop_s": 5, "take_profit": []}} if kind == "liquidity_sniper" else {}
    bot: Bot = make_bot(kind, "b", raw)
    return PipedBot(bot, AssumedFills(VENUES) if assume else None, PASSED_ON)


def market() -> list[Event]:
    (launch,) = launches(1, 1)
    return Detector(DetectSettings()).on_frame(Frame(launch.frame, NOW, "t"), NOW)


def test_a_bot_that_hears_of_its_fills_buys_and_sells_again() -> None:
    bot = piped(assume=True)
    said = [answer for event in market() for answer in bot.on(event, NOW)]
    for step in range(1, 100):
        said += bot.on_tick(NOW + step * SECOND // 10)
    orders = [event for event in said if isinstance(event, OrderProposed)]
    assert [(order.side, order.reason) for order in orders] == [("buy", "entry"), ("sell", "time_stop")]
    assert "1 positions" not in bot.describe()


def test_fills_that_are_due_are_heard_before_the_trade_behind_them() -> None:
    """As the coordinator further down will see it: what ended before comes before."""
    bot = piped(assume=True)
    said = [answer for event in market() for answer in bot.on(event, NOW)]
    (order,) = [event for event in said if isinstance(event, OrderProposed)]
    after = list(bot.on(swap(NOW + 2 * SECOND), NOW + 2 * SECOND))
    assert [type(event).__name__ for event in after] == ["ExitArmed", "Swapped"]
    assert order.position_id == after[0].position_id  # type: ignore[attr-defined]


def test_a_bot_with_real_fills_assumes_none() -> None:
    bot = piped(assume=False)
    said = [answer for event in market() for answer in bot.on(event, NOW)]
    for step in range(1, 100):
        said += bot.on_tick(NOW + step * SECOND // 10)
    assert [type(event) for event in said].count(OrderProposed) == 1
    assert PositionChanged in bot.interest


def test_the_market_and_problems_are_passed_on_also_by_a_bot_that_wants_neither() -> None:
    bot = piped(assume=True, kind="pool_watch")
    assert list(bot.on(swap(NOW), NOW)) == [swap(NOW)]
    assert list(bot.on(refused(1), NOW)) == [refused(1)]
    assert bot.name == "b"
    silent = PipedBot(make_bot("pool_watch", "b", {}), None, frozenset())
    assert list(silent.on(swap(NOW), NOW)) == []
    assert Swapped in PASSED_ON
