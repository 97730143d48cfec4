"""Spinning is for those who have a core; on shared cores it makes everybody slower."""

from __future__ import annotations

import os

import pytest

from sniperforge.shm.wait import SPIN_OWN_CORE_NS, SPIN_SPARE_CORES_NS, available_cores, spin_budget_ns


@pytest.mark.parametrize(
    ("owns_core", "cores", "budget"),
    [
        (True, 1, SPIN_OWN_CORE_NS),
        (True, 64, SPIN_OWN_CORE_NS),
        (False, 1, 0),
        (False, 2, 0),
        (False, 7, 0),
        (False, 8, SPIN_SPARE_CORES_NS),
    ],
)
def test_the_budget_follows_the_core_plan(owns_core: bool, cores: int, budget: int) -> None:
    assert spin_budget_ns(owns_core=owns_core, cores=cores) == budget


def test_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The affinity mask where there is one, else all of them."""
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS
    assert available_cores() == os.cpu_count()
    assert spin_budget_ns(owns_core=False) in (0, SPIN_SPARE_CORES_NS)
