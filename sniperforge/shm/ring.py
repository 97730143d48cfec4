"""A ring: records from many producers to every consumer, through shared memory.

producer.publish(type, payload, …) -> sequence
consumer.drain() -> records        -> commit() acknowledges them

ORDERED rings hold a producer back until the slowest registered consumer has room,
at most for a deadline. LOSSY rings never wait: a slow consumer is lapped and its
`lost` says by how many records. DURABLE rings are ORDERED, and nobody reads a record
before the recorder committed it. See docs/rings.md for the memory and the proofs.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import posix_ipc  # type: ignore[import-not-found]  # ships no types

from sniperforge.base.clock import wall_offset_ns
from sniperforge.base.errors import UsageError
from sniperforge.shm import _ring, errors, names
from sniperforge.shm._ring import Record
from sniperforge.shm.wait import spin_budget_ns

__all__ = ["EVERYTHING", "Consumer", "Producer", "Record", "Ring"]

_ring.set_raiser(errors.from_code)

Guarantee = Literal["lossy", "ordered", "durable"]
Start = Literal["head", "tail", "resume"] | int

#: Interest in every record type.
EVERYTHING = (1 << 64) - 1
#: Consumer whose commits release a DURABLE ring to everybody else.
RECORDER = "recorder"
DEADLINE_NS = 1_000_000_000
CAPACITY = 8 << 20

_GUARANTEES: dict[str, int] = {"lossy": 0, "ordered": 1, "durable": 2}
_STARTS: dict[str, int] = {"head": 0, "tail": 1, "resume": 2}
_SEQUENCE = 3
_STARTED = ("head", "tail", "resumed", "sequence", "evicted")
_ATTACH_PATIENCE_S = 1.0


class Producer(_ring.Producer):
    """Publishes to one ring; one handle belongs to one thread.

    `publish(type, payload, key=0, origin_ns=0, trace_id=0, flags=0)` returns the record's
    sequence. It raises RingFull when an ORDERED ring stays full for `deadline_ns`,
    RecordTooLarge, RingClosed. Types above 63 share the interest bit of type % 64.
    """

    __slots__ = ()


class Consumer(_ring.Consumer):
    """Reads one ring under a name; one handle belongs to one thread.

    Attributes:
        started: "resumed" (at the last commit of this name), "evicted" (of this name, and some
            records may be lost), "head", "tail" or "sequence".
    """

    __slots__ = ("_bell_path", "_pid")
    _bell_path: Path | None
    _pid: int

    @property
    def started(self) -> str:
        return _STARTED[self.started_code]

    def fileno(self) -> int:
        """Return a file descriptor that becomes readable after arm(), made at the first call.

        The protocol of an event loop: drain until empty, then arm(); when it says False
        drain again, when it says True wait for the descriptor.
        """
        if self.bell_fd < 0:
            path = self._bell_path
            if path is None:
                raise UsageError("this consumer was not made by Ring.consumer; use that")
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
            # Read and write: a FIFO without a writer would be readable (end of file) for ever.
            self.set_bell(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        return self.bell_fd

    def close(self, keep: bool = False) -> None:
        """Leave the ring. A reserved seat, or any with *keep*, goes on gating at its last commit."""
        if self._bell_path is not None and self.bell_fd >= 0 and os.getpid() == self._pid:
            self._bell_path.unlink(missing_ok=True)  # a forked child leaves its parent's alone
        super().close(keep)

    def __enter__(self) -> Consumer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Ring:
    """One named ring on this host. Made by `create` (who also unlinks it) or `attach`."""

    def __init__(
        self, segment: _ring.Segment, name: str, *, bells: str, owner: bool, reclaimed: str | None = None
    ) -> None:
        self._segment, self._bells, self._owner = segment, bells, owner
        self.name = name
        #: What an unclean end of an earlier run had left and `create` removed, or None.
        self.reclaimed = reclaimed
        #: Identity facts that never change.
        facts = segment.stat()
        self.capacity: int = facts["capacity"]
        self.guarantee: str = facts["guarantee"]
        self.clock_offset_ns: int = facts["clock_offset_ns"]
        self.deadline_ns: int = facts["deadline_ns"]

    @classmethod
    def create(
        cls,
        topic: str,
        *,
        instance: str,
        capacity: int = CAPACITY,
        guarantee: Guarantee = "ordered",
        evict: bool = False,
        deadline_ns: int = DEADLINE_NS,
        consumers: Sequence[str] = (),
        clock_offset_ns: int | None = None,
        start_position: int = 0,
    ) -> Ring:
        """Make a ring; what a dead creator of the same name left behind is removed first.

        Args:
            topic: the ring's name within *instance*.
            instance: name or directory of the run; two runs never meet.
            capacity: bytes of records, a power of two from 4 KiB to 4 GiB. One record may
                fill a quarter of it, its 64-byte header included.
            guarantee: "ordered", "lossy" or "durable" (which reserves the consumer "recorder").
            evict: when the deadline passes and nobody is dead, evict the slowest consumer
                (it is told by ConsumerEvicted) instead of refusing the record with RingFull.
            deadline_ns: how long publish waits for room before it looks for the dead.
            consumers: names whose seats are kept from now on: nothing is lost before they come.
            clock_offset_ns: epoch minus CLOCK_MONOTONIC for `publish_ns`; default: read now.
            start_position: first byte position (tests of the wrap of 64 bits).

        Raises:
            UsageError, RingExists, RingSpace, RingCrowded.
        """
        name = names.full_name(topic, instance=instance)
        if capacity & (capacity - 1) or not _ring.CAPACITY_MIN <= capacity <= _ring.CAPACITY_MAX:
            raise UsageError(
                f"ring {name}: capacity {capacity} is not a power of two from 4096 to {_ring.CAPACITY_MAX}"
            )
        if guarantee not in _GUARANTEES:
            raise UsageError(f"ring {name}: guarantee {guarantee!r} is unknown; choose lossy, ordered or durable")
        size = _ring.OVERHEAD + capacity
        bells = _bells(name, instance)
        shared, reclaimed = _made(name, size)
        try:
            segment = _ring.create(
                shared.fd, size, bells, capacity, deadline_ns, 0, secrets.randbits(63) << 1 | 1, start_position,
                names.pid_namespace(), wall_offset_ns() if clock_offset_ns is None else clock_offset_ns,
                _GUARANTEES[guarantee], int(evict), name, names.boot_id(),
            )  # fmt: skip
        finally:
            shared.close_fd()
        if guarantee == "durable":
            segment.reserve(RECORDER, True)
        for consumer in consumers:
            segment.reserve(_seat_name(name, consumer), False)
        return cls(segment, name, bells=bells, owner=True, reclaimed=reclaimed)

    @classmethod
    def attach(cls, topic: str, *, instance: str, adopt: bool = False) -> Ring:
        """Open an existing ring of this user.

        Args:
            adopt: answer for it from now on, as a supervisor does that succeeds a dead one.

        Raises:
            RingMissing, RingForeign, RingClosed, UsageError.
        """
        name = names.full_name(topic, instance=instance)
        bells = _bells(name, instance)
        segment = open_segment(names.segment_name(name), name, bells)
        if not segment.stat()["open"]:
            raise errors.RingClosed(name)
        if adopt:
            segment.adopt()
        return cls(segment, name, bells=bells, owner=adopt)

    def producer(self, name: str, *, deadline_ns: int | None = None) -> Producer:
        """Take a producer seat; raises RingCrowded when 32 are taken, RingClosed."""
        deadline = self.deadline_ns if deadline_ns is None else deadline_ns
        return Producer(self._segment, _seat_name(self.name, name), deadline)

    def consumer(
        self,
        name: str,
        *,
        start: Start = "resume",
        interest: int = EVERYTHING,
        spin_ns: int | None = None,
        owns_core: bool = False,
        group: str | None = None,
        observer: bool = False,
    ) -> Consumer:
        """Take the seat *name*.

        Args:
            start: "resume" goes on at the last commit of this name, or, when nobody of this
                name was here, at "head" (the oldest record still there); "tail" waits for the
                next; a number starts at that sequence.
            interest: bitmap of record types, 1 << type; others are passed by and do not wake.
            spin_ns: how long wait() spins before it sleeps; default from the cores of this process.
            owns_core: this process has a core to itself, so spinning costs nobody.
            group: compete with the other members of this group: each record goes to one of
                them. *start* counts for the first member. What a member that died or left had
                not acknowledged is given to another one (`redelivered` counts it).
            observer: look on: hold nobody back, and be lapped (`lost`) like on a LOSSY ring.

        Raises:
            ConsumerTaken: a living process reads under this name.
            RingCrowded: 64 consumers are there.
        """
        code, sequence = (_SEQUENCE, start) if isinstance(start, int) else (_STARTS.get(start, -1), 0)
        if code < 0 or sequence < 0:
            raise UsageError(f"ring {self.name}: start {start!r} is unknown; choose head, tail, resume or a sequence")
        if group is not None and (observer or self.guarantee == "lossy" or code == _SEQUENCE):
            raise UsageError(
                f"ring {self.name}: a group needs an ordered ring, members that hold it back, and starts at an end"
            )
        seat = _seat_name(self.name, name)
        seats = None if group is None else _seat_name(self.name, "@" + group)
        spin = spin_budget_ns(owns_core=owns_core) if spin_ns is None else spin_ns
        consumer = Consumer(self._segment, seat, code, sequence, interest & EVERYTHING, spin, seats, observer)
        consumer._bell_path = Path(f"{self._bells}.{consumer.index}")
        consumer._pid = os.getpid()
        return consumer

    def stat(self) -> dict[str, Any]:
        """Return what `sniperforge ring stat` prints: sizes, seats, lag, losses, heartbeats."""
        return self._segment.stat()

    def repair(self, *, evict_dead: bool = False) -> tuple[int, int]:
        """Repair what dead processes left; a supervisor calls it when a child died.

        Returns:
            (dead producers whose seat was freed and claim padded, dead consumers evicted).
        """
        return self._segment.repair(evict_dead)

    def close(self) -> None:
        """Say that nothing more will come: publishers are refused, consumers read what is left."""
        self._segment.shut()

    def unlink(self) -> None:
        """Close and remove the segment and its FIFOs; quiet when it is gone already."""
        self.close()
        remove(names.segment_name(self.name), self._bells)

    def __enter__(self) -> Ring:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owner:
            self.unlink()


def open_segment(shm_name: str, name: str | None, bells: str) -> _ring.Segment:
    """Map and check an existing segment; *name* None accepts any ring of this user (an observer).

    Raises:
        RingMissing, RingForeign.
    """
    label = name or shm_name
    try:
        shared = posix_ipc.SharedMemory(shm_name)
    except posix_ipc.ExistentialError:
        raise errors.RingMissing(label) from None
    except (posix_ipc.PermissionsError, PermissionError):
        raise errors.RingForeign(label, what="owner") from None
    try:
        names.check_owner(shared.fd, label)
        size = _settled_size(shared.fd, os.fstat(shared.fd).st_size)
        return _ring.attach(shared.fd, size, bells, names.pid_namespace(), name, names.boot_id())
    finally:
        shared.close_fd()


def remove(shm_name: str, bells: str) -> None:
    """Remove a segment and the FIFOs of its consumers."""
    with contextlib.suppress(posix_ipc.ExistentialError):  # another owner was faster
        posix_ipc.unlink_shared_memory(shm_name)
    prefix = Path(bells)
    for fifo in prefix.parent.glob(prefix.name + ".*"):
        fifo.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other rings of the instance still have FIFOs there
        prefix.parent.rmdir()


def _bells(name: str, instance: str) -> str:
    return str(names.runtime_directory(instance) / names.segment_name(name)[1:])


def _seat_name(ring: str, name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > _ring.NAME_MAX:
        raise UsageError(f"ring {ring}: a seat's name has 1 to {_ring.NAME_MAX} bytes, not {name!r}")
    return name


def _settled_size(fd: int, size: int) -> int:
    """Return the size once the creator has written the magic, or after its patience: then attach says why."""
    deadline = time.monotonic() + _ATTACH_PATIENCE_S
    while time.monotonic() < deadline:
        if size >= _ring.OVERHEAD:
            with mmap.mmap(fd, mmap.PAGESIZE, access=mmap.ACCESS_READ) as page:
                if page[:8] != bytes(8):
                    break
        time.sleep(0.001)
        size = os.fstat(fd).st_size
    return size


def _made(name: str, size: int) -> tuple[posix_ipc.SharedMemory, str | None]:
    """Create the shared memory, all of it allocated now: a full /dev/shm is an error here and not a SIGBUS later."""
    reclaimed = None
    shm_name = names.segment_name(name)
    for _ in range(3):
        try:
            shared = posix_ipc.SharedMemory(shm_name, posix_ipc.O_CREX, mode=0o600, size=0)
        except posix_ipc.ExistentialError:
            reclaimed = _reclaim(shm_name, name) or reclaimed
            continue
        try:
            names.allocate(shared.fd, size, name)
        except errors.RingSpace:
            shared.close_fd()
            posix_ipc.unlink_shared_memory(shm_name)
            raise
        return shared, reclaimed
    raise errors.RingExists(name, pid=0)


def _reclaim(shm_name: str, name: str) -> str | None:
    """Remove the segment of a dead creator; raises RingExists when it lives."""
    try:
        segment = open_segment(shm_name, None, "")
    except errors.RingMissing:
        return None
    except errors.RingForeign as foreign:
        if foreign.what.startswith("owner"):
            raise
        posix_ipc.unlink_shared_memory(shm_name)
        return f"{name}: a segment with a foreign {foreign.what}"
    found = segment.stat()
    if found["creator_alive"] and found["open"]:
        raise errors.RingExists(name, pid=found["creator"])
    segment.shut()
    remove(shm_name, f"{names.SHM_DIRECTORY}/no-bells")
    return f"{name}: {found['head']} records of process {found['creator']}, which died"
