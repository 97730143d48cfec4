"""The protocol's models hold for every interleaving, and each known mistake breaks them.

Promela models run by spin; without spin or a C compiler the tests are skipped and say so.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SPIN, CC = shutil.which("spin"), shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(not (SPIN and CC), reason="spin or a C compiler is absent: install the package spin")


def explore(model: str, tmp_path: Path, *defines: str) -> str:
    """Return what the verifier of *model* prints after it has seen every reachable state."""
    (tmp_path / "model.pml").write_text((HERE / model).read_text())
    subprocess.run([str(SPIN), "-a", *defines, "model.pml"], cwd=tmp_path, check=True, capture_output=True)
    build = [str(CC), "-O2", "-w", "-DSAFETY", "-DMEMLIM=3000", "-o", "pan", "pan.c"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    run = subprocess.run(["./pan", "-m1000000"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    return run.stdout


@pytest.mark.parametrize(
    ("model", "defines"),
    [("ring.pml", ()), ("ring.pml", ("-DLOSSY",)), ("wake.pml", ())],
)
def test_a_model_holds(model: str, defines: tuple[str, ...], tmp_path: Path) -> None:
    """No assertion fails and nobody waits for ever, whoever dies where."""
    report = explore(model, tmp_path, *defines)
    assert "errors: 0" in report
    assert "max search depth too small" not in report


@pytest.mark.parametrize(
    ("model", "mutation"),
    [
        ("ring.pml", ("-DLOSSY", "-DNO_INFLIGHT")),
        ("ring.pml", ("-DCLAIM_FIRST",)),
        ("ring.pml", ("-DNO_LAP_CHECK",)),
        ("wake.pml", ("-DNO_FENCE",)),
        ("wake.pml", ("-DNO_RECHECK",)),
        ("wake.pml", ("-DWORD_FIRST",)),
    ],
)
def test_a_mutation_breaks_its_model(model: str, mutation: tuple[str, ...], tmp_path: Path) -> None:
    """The models see the mistakes they were made for."""
    assert "errors: 1" in explore(model, tmp_path, *mutation)
