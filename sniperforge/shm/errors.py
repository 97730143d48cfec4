"""What a ring refuses, one named error each, every one with its cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sniperforge.base.errors import LimitError, SniperForgeError, UnavailableError, UsageError


class RingError(SniperForgeError):
    """Root of everything a ring raises on purpose."""


class RingMissing(RingError, UnavailableError):
    """There is no such ring on this host."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"ring {topic}: does not exist; start its creator first (`sniperforge ring ls` shows what there is)"
        )


class RingExists(RingError):
    """Somebody who lives made this ring already."""

    def __init__(self, topic: str, *, pid: int) -> None:
        self.topic, self.pid = topic, pid
        super().__init__(
            f"ring {topic}: process {pid} holds it; stop that run, or choose another instance name for this one"
        )


class RingForeign(RingError):
    """A segment of another version, layout, owner, boot or name, or one that is scribbled on."""

    def __init__(self, topic: str, *, what: str) -> None:
        self.topic, self.what = topic, what
        super().__init__(
            f"ring {topic}: its {what} is not ours; stop all processes of the run that made it, "
            f"then remove it with `sniperforge ring rm`"
        )


class RingBroken(RingError):
    """The segment was truncated or scribbled on while it was in use."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"ring {topic or '(unmapped)'}: its memory was truncated or overwritten from outside; "
            f"restart the run, it makes a new one"
        )


class RingClosed(RingError):
    """Its owner closed the ring: nothing more will come."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(f"ring {topic}: closed by its owner; attach again when the run is up")


class RingReleased(RingError, UsageError):
    """This handle was closed before."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(f"ring {topic}: this handle is closed; open another one")


class RingForked(RingError, UsageError):
    """A handle of the parent was used in a forked child."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(f"ring {topic}: the handle belongs to the parent process; attach again after the fork")


class RingFull(RingError, LimitError):
    """No room within the deadline: somebody who lives holds the ring back."""

    def __init__(self, topic: str, *, holder: str, role: str, pid: int, lag_bytes: int, waited_ns: int) -> None:
        self.topic, self.holder, self.role, self.pid = topic, holder, role, pid
        self.lag_bytes, self.waited_ns = lag_bytes, waited_ns
        super().__init__(
            f"ring {topic}: no room after {waited_ns // 1_000_000} ms; {role} {holder or '(unnamed)'} (pid {pid}) is "
            f"{lag_bytes} bytes behind: restart it, or give the ring more capacity"
        )


class RecordTooLarge(RingError, LimitError):
    """The payload is larger than a quarter of the ring."""

    def __init__(self, topic: str, *, size: int, size_max: int) -> None:
        self.topic, self.size, self.size_max = topic, size, size_max
        super().__init__(f"ring {topic}: a record of {size} bytes, at most {size_max} fit; give the ring more capacity")


class RingCrowded(RingError, LimitError):
    """Every seat is taken."""

    def __init__(self, topic: str, *, role: str, limit: int) -> None:
        self.topic, self.role, self.limit = topic, role, limit
        super().__init__(f"ring {topic}: all {limit} {role} seats are taken; stop one, or put a second ring beside it")


class RingBusy(RingError, UnavailableError):
    """The seat lock is held by a living process that does not run."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"ring {topic}: a stopped process holds its seat lock; continue (SIGCONT) or kill that process"
        )


class ConsumerTaken(RingError):
    """A living process reads under this name."""

    def __init__(self, topic: str, *, name: str, pid: int) -> None:
        self.topic, self.name, self.pid = topic, name, pid
        super().__init__(f"ring {topic}: consumer {name} is process {pid}; stop it, or read under another name")


class ConsumerEvicted(RingError):
    """This consumer held the ring back too long and lost its place; reading goes on with the next call."""

    def __init__(self, topic: str, *, name: str, reason: str, lost: int) -> None:
        self.topic, self.name, self.reason, self.lost = topic, name, reason, lost
        super().__init__(
            f"ring {topic}: consumer {name} was evicted ({reason}), {lost} records lost so far; "
            f"catch up from what the ring still holds, and read faster or ask for more capacity"
        )


class RingSpace(RingError, UnavailableError):
    """The host has no memory left for the segment."""

    def __init__(self, topic: str, *, size: int, problem: str) -> None:
        self.topic, self.size = topic, size
        super().__init__(
            f"ring {topic}: {size} bytes of shared memory refused ({problem}); free /dev/shm "
            f"(`sniperforge ring ls`), or ask for less capacity"
        )


class BellMissing(RingError, UsageError):
    """arm() without fileno()."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(f"ring {topic}: this consumer has no doorbell; call fileno() before arm()")


_MAKERS: dict[str, Callable[..., RingError]] = {
    "foreign": RingForeign,
    "broken": RingBroken,
    "closed": RingClosed,
    "released": RingReleased,
    "forked": RingForked,
    "full": RingFull,
    "too large": RecordTooLarge,
    "busy": RingBusy,
    "taken": ConsumerTaken,
    "evicted": ConsumerEvicted,
    "no bell": BellMissing,
}


def from_code(code: str, facts: Mapping[str, Any]) -> RingError:
    """Return the error the extension means by *code*; the facts become its attributes."""
    if code in ("producers", "consumers", "crowded"):
        from sniperforge.shm import _ring

        limit = _ring.PRODUCERS_MAX if code == "producers" else _ring.CONSUMERS_MAX
        return RingCrowded(facts["topic"], role="producer" if code == "producers" else "consumer", limit=limit)
    return _MAKERS[code](**facts)
