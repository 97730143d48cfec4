"""A live stage lives in the host's time, a replayed one in that of its tape, and nothing else moves that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.clock import ManualClock
from sniperforge.base.events import BotStarted, Event, Frame, InputRefused, MetadataInspected, SellabilityTested
from sniperforge.base.units import ZERO_KEY
from sniperforge.runtime.timeline import REPLAY_AGE_NS, Timeline
from tests.unit.runtime.stand import swap

NOW = 1_700_000_000 * 10**9
OLD = NOW - REPLAY_AGE_NS - 1


def refused(ts_ns: int) -> InputRefused:
    return InputRefused(ts_ns=ts_ns, where="x:1", problem="p", cure="c")


def test_system_time_is_the_clocks_whatever_comes() -> None:
    clock = ManualClock(NOW)
    timeline = Timeline(clock, "system")
    assert timeline.at(swap(5)) == NOW
    clock.advance(3)
    assert timeline.now_ns() == NOW + 3
    assert not timeline.replaying


def test_event_time_is_that_of_the_newest_message_and_never_goes_back() -> None:
    timeline = Timeline(ManualClock(NOW), "event")
    assert timeline.now_ns() == 0
    assert [timeline.at(swap(ts)) for ts in (5, 3, 9)] == [5, 5, 9]
    assert timeline.at(Frame(b"{}", 12)) == 12
    assert timeline.now_ns() == 12


@pytest.mark.parametrize(("stamp", "replaying"), [(OLD, True), (NOW - REPLAY_AGE_NS, False), (NOW, False)])
def test_auto_takes_what_is_older_than_a_minute_for_a_recording(stamp: int, replaying: bool) -> None:
    timeline = Timeline(ManualClock(NOW))
    assert timeline.at(Frame(b"{}", stamp)) == (stamp if replaying else NOW)
    assert timeline.replaying is replaying


def test_auto_decides_once() -> None:
    """A stage that fell behind is not suddenly in a replay."""
    timeline = Timeline(ManualClock(NOW))
    timeline.at(swap(NOW))
    assert timeline.at(swap(OLD)) == NOW


READ = MetadataInspected(ts_ns=NOW, venue="v", pool=ZERO_KEY, base_mint=ZERO_KEY, found=True)
TRIED = SellabilityTested(ts_ns=NOW, venue="v", pool=ZERO_KEY, base_mint=ZERO_KEY, found=True)


@pytest.mark.parametrize(
    "message", [BotStarted(ts_ns=NOW, bot="b"), refused(NOW), READ, TRIED, Frame(b"{}", NOW, late=True), swap(0)]
)
def test_what_the_host_stamped_does_not_decide(message: Event | Frame) -> None:
    """A bot that starts before the first frame of a tape would hold the coordinator in the present."""
    timeline = Timeline(ManualClock(NOW))
    assert timeline.at(message) == NOW
    assert timeline.at(swap(OLD)) == OLD


def test_one_malformed_line_does_not_move_a_replay_into_the_present() -> None:
    timeline = Timeline(ManualClock(NOW), "event")
    timeline.at(swap(OLD))
    assert timeline.at(refused(NOW)) == OLD
    assert timeline.at(Frame(b"{}", NOW, "fetched", late=True)) == OLD


@given(st.lists(st.integers(min_value=0, max_value=2 * NOW), max_size=30))
def test_replayed_time_never_goes_back(stamps: list[int]) -> None:
    timeline = Timeline(ManualClock(NOW), "event")
    seen = [timeline.at(swap(stamp)) for stamp in stamps]
    assert seen == sorted(seen)
