"""What of ours lies in shared memory: every ring and board of this user, alive or left behind.

/dev/shm -> Found(shm_name, kind, name, pid, alive, bytes)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sniperforge.base.errors import UsageError
from sniperforge.shm import counters, errors, names, ring


@dataclass(frozen=True, slots=True)
class Found:
    """One segment.

    Attributes:
        kind: "ring", "counters" or "foreign" (not readable as ours; `problem` says why).
        name: instance/topic, as its header says.
        pid: who made it.
        alive: that process lives.
        open: a ring that was not closed.
    """

    shm_name: str
    kind: str
    name: str
    bytes: int
    pid: int = 0
    alive: bool = False
    open: bool = False
    problem: str = ""


def segments(directory: Path | None = None) -> list[Found]:
    """Return every segment of this user, by name.

    Raises:
        UsageError: this system does not list shared memory (macOS); ask for rings by name there.
    """
    place = directory or names.SHM_DIRECTORY
    if not place.is_dir():
        raise UsageError(f"{place}: this system does not list shared memory; name the ring")
    found = []
    for path in sorted(place.glob(names.PREFIX[1:] + "*")):
        try:
            size, start = path.stat().st_size, path.open("rb").read(16)
        except (FileNotFoundError, PermissionError):
            continue  # gone meanwhile, or another user's
        found.append(_look(f"/{path.name}", size, start))
    return sorted(found, key=lambda item: item.name)


def find(topic: str, *, instance: str | None) -> Found:
    """Return the ring *topic*; without an instance the name must be the only one of its kind.

    Raises:
        RingMissing: there is none. UsageError: there are several.
    """
    if instance is not None:
        name = names.full_name(topic, instance=instance)
        shm_name = names.segment_name(name)
        matching = [item for item in segments() if item.shm_name == shm_name]
    else:
        matching = [
            item for item in segments() if item.kind == "ring" and topic in (item.name, item.name.rpartition("/")[2])
        ]
    if not matching:
        raise errors.RingMissing(topic if instance is None else f"{instance}/{topic}")
    if len(matching) > 1:
        raise UsageError(f"ring {topic}: {len(matching)} instances have one; choose with --instance")
    return matching[0]


def attach(found: Found) -> ring.Ring:
    """Open a ring that was found; raises RingMissing, RingForeign, RingClosed."""
    instance, _, topic = found.name.rpartition("/")
    return ring.Ring.attach(topic, instance=instance)


def _look(shm_name: str, size: int, start: bytes) -> Found:
    try:
        if start[8:9] == b"{":
            board = counters.opened(shm_name, shm_name)
            reading = board.read()
            return Found(shm_name, "counters", board.name, size, reading.pid, reading.alive, True)
        stat = ring.open_segment(shm_name, None, "").stat()
        return Found(shm_name, "ring", stat["name"], size, stat["creator"], stat["creator_alive"], stat["open"])
    except errors.RingError as problem:
        return Found(shm_name, "foreign", shm_name, size, problem=str(problem))
