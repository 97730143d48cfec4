"""Clocks: one time line for a whole run, in nanoseconds since the Unix epoch.

Wall time may step (NTP, a user); a stop-loss timer may not. So a run reads the
wall clock once and then counts with CLOCK_MONOTONIC, which every process of a
host shares: stamps of two processes can be subtracted.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time of a run."""

    def now_ns(self) -> int:
        """Return nanoseconds since the Unix epoch; never goes back."""


class SystemClock:
    """The live clock: CLOCK_MONOTONIC plus an offset fixed at the start of the run.

    Args:
        offset_ns: epoch minus monotonic. The supervisor reads it once and hands
            it to every stage, so that their stamps are comparable.
    """

    def __init__(self, offset_ns: int | None = None) -> None:
        self.offset_ns = wall_offset_ns() if offset_ns is None else offset_ns

    def now_ns(self) -> int:
        return time.monotonic_ns() + self.offset_ns


class ManualClock:
    """A clock that stands still until it is moved: replay, backtest and tests."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, nanos: int) -> None:
        """Move forward by *nanos*; a negative step raises ValueError."""
        if nanos < 0:
            raise ValueError("a clock never goes back")
        self._now_ns += nanos


def wall_offset_ns() -> int:
    """Return epoch time minus CLOCK_MONOTONIC, in nanoseconds."""
    return time.time_ns() - time.monotonic_ns()
