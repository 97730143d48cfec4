"""The core plan is a pure function; pinning says whether it held."""

from __future__ import annotations

from sniperforge.host.affinity import pin, plan, usable_cores


def test_few_cores_pin_nothing_and_say_so() -> None:
    found = plan((0, 1), ["feed", "detect"], ["bot"])
    assert found.cores == {}
    assert "nothing is pinned" in found.reason


def test_every_hot_process_gets_a_core_and_the_rest_share() -> None:
    found = plan(tuple(range(8)), ["feed", "detect", "coordinate"], ["bot-a", "bot-b"])
    assert found.cores["feed"] == (5,)
    assert found.cores["coordinate"] == (7,)
    assert found.cores["bot-a"] == found.cores["bot-b"] == (0, 1, 2, 3, 4)
    assert "one core each" in found.reason


def test_hot_processes_take_turns_when_cores_are_short() -> None:
    found = plan((0, 1, 2, 3), ["a", "b", "c", "d"], ["bot"])
    assert found.cores["a"] == found.cores["d"] == (1,)
    assert found.cores["bot"] == (0,)
    assert "3 cores in turn" in found.reason


def test_no_hot_process_leaves_all_cores_to_the_others() -> None:
    assert plan((0, 1, 2, 3), [], ["bot"]).cores["bot"] == (0, 1, 2, 3)


def test_pinning_is_read_back() -> None:
    before = usable_cores()
    assert pin(()) is True
    assert pin((before[0],)) is True
    assert usable_cores() == (before[0],)
    assert pin((before[0], 4095)) is False
    assert pin((4095,)) is False
    assert pin(before) is True
