"""The core plan is a pure function; pinning says whether it held."""

from __future__ import annotations

import os
import platform
import struct
import sys

import pytest

from sniperforge.host import process
from sniperforge.host.affinity import pin, plan, take_slice, usable_cores


def test_on_few_cores_a_short_path_shares_one_and_who_is_nearer_to_the_wire_goes_first() -> None:
    found = plan((0, 1), ["coordinate", "detect", "feed"], ["bot"])
    assert set(found.cores) == {"coordinate", "detect", "feed", "bot"}
    assert set(found.cores.values()) == {(1,)}
    assert found.slices_ns == {"bot": 100_000, "coordinate": 200_000, "detect": 400_000, "feed": 800_000}
    assert "shares core 1" in found.reason


def test_one_core_or_many_bots_on_few_pin_nothing_and_say_so() -> None:
    alone = plan((0,), ["detect"], ["bot"])
    crowd = plan((0, 1), ["detect"], [f"bot-{number}" for number in range(5)])
    assert alone.cores == crowd.cores == {}
    assert alone.slices_ns == crowd.slices_ns == {}
    assert "1 usable cores, 1 bots: nothing is pinned" in alone.reason
    assert "nothing is pinned" in crowd.reason


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


def _slice_ns() -> int:
    """Return the slice the kernel has noted for this process (sched_getattr)."""
    import ctypes

    attributes = ctypes.create_string_buffer(48)
    number = {"x86_64": 315, "aarch64": 275}[platform.machine()]
    assert ctypes.CDLL(None).syscall(number, 0, attributes, 48, 0) == 0
    return int(struct.unpack("=IIQiIQQQ", attributes.raw)[5])


@pytest.mark.skipif(sys.platform != "linux", reason="slices are Linux's")
def test_a_slice_is_taken_and_the_niceness_stays() -> None:
    def body(ready: object) -> int:
        os.nice(3)
        if not take_slice(0) or not take_slice(300_000):
            return 1
        if os.getpriority(os.PRIO_PROCESS, 0) != 3:
            return 2
        # Kernels before 6.12 take the wish and note nothing.
        return 0 if _slice_ns() in (300_000, 0) else 3

    child = process.fork(body, name="slice")
    assert process.describe_exit(os.waitpid(child.pid, 0)[1]) == "exit 0"
    os.close(child.ready_fd)


def test_a_machine_without_slices_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert take_slice(300_000) is False
    assert take_slice(0) is True
