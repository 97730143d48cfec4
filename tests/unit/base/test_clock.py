"""A clock never goes back, and two processes of a run agree."""

from __future__ import annotations

import pytest

from sniperforge.base.clock import ManualClock, SystemClock, wall_offset_ns


def test_the_system_clock_is_monotonic_plus_one_offset() -> None:
    offset = wall_offset_ns()
    first, second = SystemClock(offset), SystemClock(offset)
    stamps = [first.now_ns(), second.now_ns(), first.now_ns()]
    assert stamps == sorted(stamps)
    assert abs(SystemClock().offset_ns - offset) < 10**9


def test_a_manual_clock_moves_only_forward() -> None:
    clock = ManualClock(5)
    clock.advance(3)
    assert clock.now_ns() == 8
    with pytest.raises(ValueError, match="never goes back"):
        clock.advance(-1)
