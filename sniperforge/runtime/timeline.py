"""What time it is for a stage: the host's, or that of the events it replays.

A live stage asks the clock. A stage fed from a tape must live in the tape's
time, or every age filter refuses yesterday's launches and every time stop waits
for real seconds. `auto` decides once, at the first message that carries a time of
the market: one older than `REPLAY_AGE_NS` comes from a recording.

Messages that a process stamps with its own clock whatever it replays (a line it
could not read, an endpoint that was lost) neither decide nor move the time: one
malformed line in a tape of last year would make every launch behind it a year old.
"""

from __future__ import annotations

from sniperforge.base.clock import Clock
from sniperforge.base.events import (
    BotStarted,
    Event,
    FeedChanged,
    Frame,
    GapSeen,
    HaltChanged,
    HoldersInspected,
    InputRefused,
    LiquidityInspected,
    MetadataInspected,
    SellabilityTested,
    StageChanged,
    TokenInspected,
)

REPLAY_AGE_NS = 60 * 1_000_000_000
MODES = ("auto", "system", "event")
#: Stamped by the clock of the host that made them.
_HOST_STAMPED = frozenset(
    {BotStarted, FeedChanged, GapSeen, HaltChanged, InputRefused, StageChanged, TokenInspected}
    | {HoldersInspected, LiquidityInspected, MetadataInspected, SellabilityTested},
)


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
        """Return the present of this stage; once decided, it never goes back."""
        return self._newest_ns if self._mode == "event" else self._clock.now_ns()

    def at(self, message: Event | Frame) -> int:
        """Return the present as *message* is handled."""
        stamp = 0
        if self._mode != "system":
            stamp = _market_ns(message)
        if self._mode == "auto" and stamp > 0:
            self._mode = "event" if stamp < self._clock.now_ns() - REPLAY_AGE_NS else "system"
        if self._mode == "event":
            self._newest_ns = max(self._newest_ns, stamp)
        return self.now_ns()


def _market_ns(message: Event | Frame) -> int:
    """Return the time of the market that *message* carries, 0 for none."""
    if isinstance(message, Frame):
        # One that was fetched is stamped when it came, not when it happened.
        return 0 if message.late else message.recv_ns
    return 0 if type(message) in _HOST_STAMPED else message.ts_ns
