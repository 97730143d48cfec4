"""The frozen executable is whole: it starts without our Python, forks, and finds its C extensions and programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [sys.executable, ROOT / "scripts" / "build_binary.py", target], capture_output=True, timeout=600, check=False
    )
    assert built.returncode == 0, built.stderr.decode()[-3000:]
    return target / "sniperforge"


def test_it_runs_the_demo_with_nothing_around_it(binary: Path, tmp_path: Path) -> None:
    """An empty environment and a strange folder: whatever it needs is inside."""
    done = subprocess.run(
        [binary, "demo", "--seconds", "25", "--seed", "5", "--json"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=180,
        check=False,
    )
    figures = json.loads(done.stdout)
    assert figures["positions_closed"] >= 1, done.stderr.decode()
    assert figures["detection"]["missed"] == figures["detection"]["believed_spoofs"] == 0
    assert figures["money"]["unexplained_lamports"] == 0


def test_its_stages_work_in_a_pipe(binary: Path) -> None:
    from sniperforge_cli.frames import launches

    frames = b"\n".join(launch.frame for launch in launches(3, seed=1))
    done = subprocess.run([binary, "detect"], input=frames, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds.count("PoolCreated") == 3
