"""How long to wait before the next attempt: doubling, bounded, spread by luck from outside."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Waits between attempts.

    Half of each wait is certain and half is luck, so that a hundred clients of a
    server that came back do not knock in the same millisecond, and none of them
    knocks at once.

    Args:
        first_s, most_s: bounds of the doubling.
        stable_s: a connection that stood this long starts the doubling anew.
        dice: returns a number in [0, 1).
    """

    def __init__(self, *, first_s: float, most_s: float, stable_s: float, dice: Callable[[], float]) -> None:
        self._first_s, self._most_s, self._stable_s, self._dice = first_s, most_s, stable_s, dice
        self._failures = 0

    def next_s(self, stood_s: float) -> float:
        """Return seconds to wait after a connection that stood *stood_s* (0: it never did)."""
        if stood_s >= self._stable_s:
            self._failures = 0
        # 2^60 is past every bound; the cap keeps the power an ordinary number.
        limit = min(self._most_s, self._first_s * float(1 << min(self._failures, 60)))
        self._failures += 1
        return limit / 2 + self._dice() * limit / 2
