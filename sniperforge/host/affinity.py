"""Which process runs on which core: a pure function of the cores and the stages.

With cores enough each hot process has its own. On a box with few, a waker and a
sleeper that share a core and its caches are faster than two that do not: a short
path has one core to itself, and who is nearer to the wire goes first on it. With
many bots nothing is pinned there: fifty of them fit on no one core.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

CORES_MIN = 4
#: More bots than these do not share the one core of the path.
BOTS_TOGETHER_MAX = 4
#: The slice of processor time of bots that share a core with the path; the path's own
#: processes have 2, 4, 8 … times as much, the most urgent the least. A process that wakes
#: goes before a running one with a longer slice.
SLICE_NS = 100_000
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTR = struct.Struct("=IIQiIQQQ")


@dataclass(frozen=True, slots=True)
class CorePlan:
    """Cores by process name (empty: every usable core), slices by name (none: the kernel's own), and why."""

    cores: dict[str, tuple[int, ...]]
    reason: str
    slices_ns: dict[str, int] = field(default_factory=dict)


def usable_cores() -> tuple[int, ...]:
    """Return the cores this process may run on; all of them where the system cannot tell."""
    if sys.platform == "linux":
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def plan(cores: Sequence[int], hot: Sequence[str], shared: Sequence[str]) -> CorePlan:
    """Return who runs where.

    Args:
        cores: usable core numbers, ascending.
        hot: processes of the path from frame to signed bytes, most urgent first;
            each gets a core of its own when there are `len(hot) + 1` or more.
        shared: the rest (bots), which share what is left.
    """
    if len(cores) < 2 or (len(cores) < CORES_MIN and len(shared) > BOTS_TOGETHER_MAX):
        return CorePlan({}, f"{len(cores)} usable cores, {len(shared)} bots: nothing is pinned")
    if len(cores) < CORES_MIN:
        together: dict[str, tuple[int, ...]] = dict.fromkeys((*hot, *shared), (cores[-1],))
        slices = dict.fromkeys(shared, SLICE_NS) | {name: SLICE_NS << at for at, name in enumerate(hot, start=1)}
        reason = f"{len(cores)} usable cores: the whole path shares core {cores[-1]}, who is nearer to the wire first"
        return CorePlan(together, reason, slices)
    own = cores[-min(len(hot), len(cores) - 1) :] if hot else ()
    left = tuple(core for core in cores if core not in own)
    layout: dict[str, tuple[int, ...]] = {name: (own[index % len(own)],) for index, name in enumerate(hot)}
    layout |= dict.fromkeys(shared, left)
    kind = "one core each" if len(own) == len(hot) else f"{len(own)} cores in turn"
    return CorePlan(layout, f"{len(hot)} hot processes: {kind}; {len(shared)} others share {len(left)} cores")


def pin(cores: Sequence[int]) -> bool:
    """Pin the calling process; True when it holds afterwards. No cores: left as it is.

    The kernel silently drops cores that do not exist, so what it did is read back.
    """
    if not cores or sys.platform != "linux":
        return not cores
    try:
        os.sched_setaffinity(0, cores)
    except OSError:
        return False
    return os.sched_getaffinity(0) == set(cores)


def take_slice(slice_ns: int) -> bool:
    """Ask for slices of *slice_ns* for the calling process; True when the kernel took it. 0: left as it is.

    Needs no privilege. Linux 6.12 and later use it; earlier ones take it and do not.
    Source: sched_setattr(2), `sched_runtime` under SCHED_OTHER.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if not slice_ns or sys.platform != "linux" or number is None:
        return not slice_ns
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = _SCHED_ATTR.pack(_SCHED_ATTR.size, os.SCHED_OTHER, 0, nice, 0, slice_ns, 0, 0)
    return bool(ctypes.CDLL(None).syscall(number, 0, wanted, 0) == 0)
