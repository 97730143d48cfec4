"""Which process runs on which core: a pure function of the cores and the stages.

On a box with few cores pinning costs more than it gives (measured on two: a
waker and a sleeper that share a core are faster than two that do not, and fifty
bots fit nowhere), so below `CORES_MIN` nothing is pinned and the plan says why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

CORES_MIN = 4


@dataclass(frozen=True, slots=True)
class CorePlan:
    """Cores by process name (empty: every usable core), and the reason in words."""

    cores: dict[str, tuple[int, ...]]
    reason: str


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
        shared: the rest (bots, observers), which share what is left.
    """
    if len(cores) < CORES_MIN:
        return CorePlan({}, f"{len(cores)} usable cores: nothing is pinned below {CORES_MIN}")
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
