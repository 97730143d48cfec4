"""How a consumer waits: spin, then sleep. A pure choice from the cores there are.

Spinning saves a wake (28-54 us across cores on a virtual machine), and costs the
core it runs on. On a core that others need it makes everybody slower: eight
spinning consumers on two cores had a p50 three times worse than sleeping ones.
"""

from __future__ import annotations

import os

#: A core of its own: spin for as long as a wake takes, then some.
SPIN_OWN_CORE_NS = 200_000
#: Enough cores for everybody, none promised: a short spin catches bursts.
SPIN_SPARE_CORES_NS = 20_000


def spin_budget_ns(*, owns_core: bool, cores: int | None = None) -> int:
    """Return how many nanoseconds wait() should spin before it sleeps.

    Args:
        owns_core: the plan pinned this process to a core of its own.
        cores: cores this process may use; default: its affinity mask.
    """
    usable = available_cores() if cores is None else cores
    if owns_core:
        return SPIN_OWN_CORE_NS
    return SPIN_SPARE_CORES_NS if usable >= 8 else 0


def available_cores() -> int:
    """Return how many cores this process may run on: its affinity mask where there is one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
