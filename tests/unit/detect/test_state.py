"""What a detector remembers: bounded as the settings say, found by every name it is asked by."""

from __future__ import annotations

from sniperforge.base import keys
from sniperforge.base.events import event_id
from sniperforge.detect.settings import DetectSettings
from sniperforge.detect.state import COUNTERS, State, launch_id
from tests.unit.detect.fakes import PROGRAM, key_of, venue


def test_every_memory_has_the_bound_of_its_setting() -> None:
    """Nothing grows with the length of a run."""
    state = State(DetectSettings(known_max=1, seen_max=2, wanted_max=3), {"fake": venue()})
    bounds = [one.entries_max for one in (state.pools, state.coins, state.mints_asked)]
    assert bounds == [1, 1, 1]
    assert [one.entries_max for one in (state.told, state.wanted, state.whole)] == [2, 3, 3]


def test_a_venue_is_found_by_its_program() -> None:
    """As bytes and as text; every counter starts at zero."""
    one = venue()
    state = State(DetectSettings(), {"fake": one})
    assert state.by_program == {PROGRAM: one}
    assert state.names == {keys.text(PROGRAM): "fake"}
    assert state.counters == dict.fromkeys(COUNTERS, 0)


def test_a_launch_has_the_same_id_everywhere() -> None:
    """Any process can name it from the pool's address."""
    assert launch_id(key_of("pool")) == event_id("launch", key_of("pool"))


def test_what_was_forgotten_is_new_again() -> None:
    state = State(DetectSettings(), {"fake": venue()})
    state.pools.put(key_of("pool"), "s")
    state.coins.put(key_of("coin"), "s")
    state.mints_asked.put(key_of("coin"), None)
    state.told.put(("s", 1), None)
    state.wanted.put("s", 1)
    state.whole.put("s", None)
    state.forget()
    memories = (state.pools, state.coins, state.mints_asked, state.told, state.wanted, state.whole)
    assert [len(memory) for memory in memories] == [0] * 6
