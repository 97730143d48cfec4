"""A feed of tapes: played, recorded, refused where it cannot be; and the watch it keeps over slots."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sniperforge.base import keys
from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import ConfigError
from sniperforge.base.events import Event, Frame, GapSeen, InputRefused
from sniperforge.base.units import Pubkey
from sniperforge.feeds.feed import Endpoint, Feed, FeedSettings, Tape
from sniperforge.feeds.ndjson import frame_line
from sniperforge.feeds.recording import RecordingStopped
from sniperforge.feeds.settings import Gaps

PUMP = keys.key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
LINES = b"".join(frame_line(Frame(b'{"signature":"%b"}' % (b"5" * 88), 5, "node")) + b"\n" for _ in range(3))


class Shelf:
    """A sink that keeps everything."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.frames: list[Frame] = []
        self.notes: list[Event] = []
        self._problem = problem

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        if self._problem is not None:
            raise self._problem
        self.frames.append(Frame(data, recv_ns, source, late))

    def note(self, event: Event) -> None:
        self.notes.append(event)


def tape(folder: Path) -> Tape:
    path = folder / "in"
    path.write_bytes(LINES)
    return Tape(path=str(path), speed=0.0)


def test_a_tape_is_played_to_its_end_and_recorded_again(tmp_path: Path) -> None:
    """Tapes do not race: three frames of one signature are three frames."""
    shelf, record = Shelf(), tmp_path / "out"

    async def main() -> Feed:
        feed = Feed(FeedSettings(tapes=(tape(tmp_path),), record=str(record)), shelf, clock=ManualClock(9))
        await feed.start()
        await feed.wait()
        await feed.stop()
        await feed.stop()
        return feed

    stats = asyncio.run(main()).stats()
    assert len(shelf.frames) == 3
    assert record.read_bytes().count(b'"ts_ns":9,') == 3
    assert (stats.frames, stats.late, stats.recorded, stats.record_refused, stats.record_dropped) == (3, 0, 3, 0, 0)
    assert [source.state for source in stats.sources] == ["ended"]
    assert stats.race == {}


def test_a_sink_that_fails_ends_the_wait(tmp_path: Path) -> None:
    """Without a sink there is no feed."""

    async def main() -> None:
        feed = Feed(FeedSettings(tapes=(tape(tmp_path),)), Shelf(MemoryError("gone")))
        await feed.start()
        try:
            with pytest.raises(MemoryError, match="gone"):
                await feed.wait()
        finally:
            await feed.stop()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (FeedSettings(), "feed: has nothing to read; name an endpoint or a tape"),
        (FeedSettings(tapes=(Tape(path="x/a"), Tape(path="y/a"))), "source a: has the name of another one"),
        (FeedSettings(endpoints=(Endpoint(url="ws://h"),)), "has no program to subscribe to"),
        (
            FeedSettings(endpoints=(Endpoint(url="ws://h", kind="program"),), programs=(PUMP,)),
            "endpoint ws://h: shows accounts, and there is no rpc to ask who made them; name one: feed.rpc, --rpc",
        ),
        (
            FeedSettings(endpoints=(Endpoint(url="ws://h", kind="program"),), programs=(PUMP,), rpc="http://h"),
            "has no account to subscribe to",
        ),
        (FeedSettings(tapes=(Tape(path="a"),), rpc="ftp://h"), "scheme 'ftp' is not served here; use http or https"),
    ],
)
def test_a_feed_that_cannot_be_is_refused(settings: FeedSettings, words: str) -> None:
    """Before anything is opened."""

    async def main() -> None:
        with pytest.raises(ConfigError) as caught:
            Feed(settings, Shelf())
        assert words in str(caught.value)

    asyncio.run(main())


def watching(shelf: Shelf, rpc: str | None = None, pending_max: int = 64) -> Feed:
    """Return a feed, not started, whose heartbeats the test gives."""
    return Feed(
        FeedSettings(
            endpoints=(Endpoint(url="ws://h", name="node"),),
            programs=(PUMP,),
            rpc=rpc,
            gaps=Gaps(pending_max=pending_max),
        ),
        shelf,
        clock=ManualClock(7),
    )


def test_a_gap_is_told_when_the_heartbeats_show_it() -> None:
    """Without an RPC it stays open, and nothing is queued."""

    async def main() -> None:
        shelf = Shelf()
        feed = watching(shelf)
        feed.live("node", {1: Pubkey(PUMP)})
        feed.slot("node", 100, 99)
        feed.lost("node")
        feed.live("node", {1: Pubkey(PUMP)})
        feed.slot("node", 105, 104)
        assert shelf.notes == [GapSeen(ts_ns=7, source="node", slot_from=100, slot_to=104)]
        stats = feed.stats()
        assert (stats.slot, stats.gaps_seen, stats.gaps_closed) == (105, 1, 0)

    asyncio.run(main())


def test_more_gaps_than_may_wait_are_told_to_stay_open() -> None:
    """At the edge of the bound."""

    async def main() -> None:
        shelf = Shelf()
        feed = watching(shelf, rpc="http://h", pending_max=1)
        feed.live("node", {})
        for slot in (100, 200, 300):
            feed.slot("node", slot, slot - 1)
            feed.lost("node")
            feed.live("node", {})
        refused = [note for note in shelf.notes if isinstance(note, InputRefused)]
        assert [note.problem for note in refused] == ["slots 199 to 299 stay open: 1 gaps wait already"]

    asyncio.run(main())


def test_a_recording_that_stops_is_told_once_and_the_feed_goes_on() -> None:
    """Trading matters more than the tape."""

    async def main() -> None:
        shelf = Shelf()
        feed = watching(shelf)
        feed._recording_stopped(RecordingStopped("record x: No space left; free some"))
        assert shelf.notes == [
            InputRefused(ts_ns=7, where="record", problem="record x: No space left", cure="free some")
        ]

    asyncio.run(main())
