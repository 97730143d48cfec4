"""`sniperforge up`: a whole system from one file, ended by its tape, by SIGTERM, or by force."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sniperforge.runtime.system import RING_TOPICS
from sniperforge.shm.errors import RingMissing
from sniperforge.shm.ring import Ring
from sniperforge_cli.frames import launches

COMMAND = Path(sys.executable).parent / "sniperforge"
INSTANCE = f"up-{os.getpid()}"
CONFIG = """
[run]
instance = "{instance}"
directory = "{folder}/run"

[[feed.tapes]]
path = "{folder}/tape.ndjson"
speed = {speed}

[[bots]]
name = "one"
positions_max = 5
cooldown_ms = 0

[bots.filters]
venues = ["pumpfun"]

[coordinate.paper]
landing_bps = 10000
latency_ms = [1]
"""


def _config(folder: Path, *, frames: int, spacing_ns: int, speed: float, tail: str = "") -> Path:
    lines = [
        b'{"type":"Frame","v":1,"ts_ns":%d,"source":"tape","late":false,"data":%b}'
        % (1_800_000_000_000_000_000 + number * spacing_ns, launch.frame)
        for number, launch in enumerate(launches(frames, seed=3))
    ]
    (folder / "tape.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    path = folder / "system.toml"
    path.write_text(CONFIG.format(instance=INSTANCE, folder=folder, speed=speed) + tail)
    return path


def _up(config: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [COMMAND, "up", config, "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _wait(found: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _states(folder: Path) -> dict[str, tuple[str, int]]:
    path = folder / "run" / "status.json"
    if not path.exists():
        return {}
    return {row["stage"]: (row["state"], row["pid"]) for row in json.loads(path.read_text())["stages"]}


def _nothing_is_left() -> None:
    for topic in RING_TOPICS:
        with pytest.raises(RingMissing):
            Ring.attach(topic, instance=INSTANCE)


def _all_ready(folder: Path) -> bool:
    states = _states(folder)
    return bool(states) and all(state == "ready" for state, _ in states.values())


def _orders(folder: Path) -> int:
    with sqlite3.connect(f"file:{folder / 'run' / 'sniperforge-journal.sqlite'}?mode=ro", uri=True) as journal:
        return int(
            journal.execute("SELECT count(*) FROM orders WHERE side = 'buy' AND state != 'refused'").fetchone()[0]
        )


def test_a_tape_that_ends_ends_the_system_well(tmp_path: Path) -> None:
    """Everything on it was handled: the drain goes from the source down."""
    process = _up(_config(tmp_path, frames=12, spacing_ns=1_000_000, speed=0))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    changes = [(line["stage"], line["state"]) for line in map(json.loads, out.splitlines())]
    assert changes.index(("coordinate", "ready")) < changes.index(("feed", "starting"))
    assert ("feed", "finished") in changes
    assert changes[-1] == ("coordinate", "stopped")
    assert _orders(tmp_path) == 5
    _nothing_is_left()


def test_sigterm_drains_and_a_second_instance_is_refused(tmp_path: Path) -> None:
    config = _config(tmp_path, frames=50, spacing_ns=10**10, speed=1)
    process = _up(config)
    _wait(lambda: _all_ready(tmp_path))
    second = subprocess.run([COMMAND, "up", config], capture_output=True, timeout=30, check=False)
    assert second.returncode == 4
    [line] = second.stderr.decode().splitlines()
    assert line.startswith("sniperforge: ") and f"process {process.pid} runs this directory; stop it" in line
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err.decode()
    _nothing_is_left()


def test_a_killed_supervisor_takes_its_stages_along_and_the_next_one_cleans_up(
    tmp_path: Path,
) -> None:
    config = _config(tmp_path, frames=50, spacing_ns=10**10, speed=1)
    process = _up(config)
    _wait(lambda: _all_ready(tmp_path))
    pids = [pid for _, pid in _states(tmp_path).values()]
    process.kill()
    process.communicate(timeout=30)
    _wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    again = _up(config, "--for", "2s")
    _, err = again.communicate(timeout=30)
    assert again.returncode == 0, err.decode()
    assert "unclean end" in err.decode()
    _nothing_is_left()


def test_an_unknown_key_is_refused_before_anything_starts(tmp_path: Path) -> None:
    config = _config(tmp_path, frames=1, spacing_ns=1, speed=0, tail="\n[coordinate.limits]\nspend_lamport_max = 5\n")
    done = subprocess.run([COMMAND, "up", config], capture_output=True, timeout=30, check=False)
    assert done.returncode == 3
    [line] = done.stderr.decode().splitlines()
    assert "coordinate.limits.spend_lamport_max: unknown key; did you mean 'spend_lamports_max'?" in line
    assert f"{config}:" in line
    assert not (tmp_path / "run").exists()


def test_live_needs_the_file_and_the_flag(tmp_path: Path) -> None:
    config = _config(tmp_path, frames=1, spacing_ns=1, speed=0)
    done = subprocess.run([COMMAND, "up", config, "--live"], capture_output=True, timeout=30, check=False)
    assert done.returncode == 3
    assert b"coordinate.live is not true" in done.stderr
