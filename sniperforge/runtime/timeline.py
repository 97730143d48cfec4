"""What time it is for a stage: the host's, or that of the events it replays.

A live stage asks the clock. A stage fed from a tape must live in the tape's
time, or every age filter refuses yesterday's launches and every time stop waits
for real seconds. `auto` decides once, at the first message: one older than
`REPLAY_AGE_NS` comes from a recording.
"""

from __future__ import annotations

from sniperforge.base.clock import Clock
from sniperforge.base.events import Event, Frame

REPLAY_AGE_NS = 60 * 1_000_000_000


class Timeline:
    """The time line of one stage.

    Args:
        clock: the live clock.
        mode: "system", "event" (time is that of the newest message) or "auto".
    """

    def __init__(self, clock: Clock, mode: str = "auto") -> None:
        self._clock = clock
        self._mode = mode
        self._newest_ns = 0

    @property
    def replaying(self) -> bool:
        """Whether time comes from the messages."""
        return self._mode == "event"

    def now_ns(self) -> int:
        """Return the present of this stage; it never goes back."""
        return self._newest_ns if self._mode == "event" else self._clock.now_ns()

    def at(self, message: Event | Frame) -> int:
        """Return the present as *message* is handled."""
        if self._mode == "system":
            return self._clock.now_ns()
        stamp = message.recv_ns if isinstance(message, Frame) else message.ts_ns
        if self._mode == "auto":
            self._mode = "event" if 0 < stamp < self._clock.now_ns() - REPLAY_AGE_NS else "system"
            return self.at(message)
        self._newest_ns = max(self._newest_ns, stamp)
        return self._newest_ns
