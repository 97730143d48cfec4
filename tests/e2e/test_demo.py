"""The demo keeps its promises, and keeps them while every stage is killed in the middle of it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sniperforge.runtime.system import RING_TOPICS
from sniperforge.shm.errors import RingMissing
from sniperforge.shm.ring import Ring

COMMAND = Path(sys.executable).parent / "sniperforge"
STAGES = ("feed", "detect", "snipe:demo", "coordinate")


def _start(folder: Path, seconds: int, seed: int) -> subprocess.Popen[bytes]:
    arguments = ["demo", "--seconds", str(seconds), "--seed", str(seed), "--keep", str(folder), "--json"]
    return subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _figures(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, err = process.communicate(timeout=200)
    assert out, err.decode()[-3000:]
    figures: dict[str, Any] = json.loads(out)
    figures["code"], figures["stderr"] = process.returncode, err.decode()
    return figures


def _rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{folder / 'journal.sqlite'}?mode=ro", uri=True) as journal:
        return journal.execute(query).fetchall()


def _check_money(folder: Path, figures: dict[str, Any]) -> None:
    """No pool bought twice, no order under two signatures, nothing in flight, every lamport explained."""
    landed = "state IN ('confirmed', 'finalized')"
    assert (
        _rows(folder, f"SELECT pool FROM orders WHERE side = 'buy' AND {landed} GROUP BY pool HAVING count(*) > 1")
        == []
    )
    assert (
        _rows(folder, "SELECT signature FROM orders WHERE signature != '' GROUP BY signature HAVING count(*) > 1") == []
    )
    assert _rows(folder, "SELECT order_id FROM orders WHERE state IN ('signed', 'sent', 'processed')") == []
    assert figures["positions_open"] == 0
    assert figures["money"]["unexplained_lamports"] == 0


def _nothing_is_left(process: subprocess.Popen[bytes]) -> None:
    for topic in RING_TOPICS:
        with pytest.raises(RingMissing):
            Ring.attach(topic, instance=f"demo-{process.pid}")


def test_the_demo_catches_everything_and_believes_no_lie(tmp_path: Path) -> None:
    process = _start(tmp_path, seconds=40, seed=7)
    figures = _figures(process)
    assert figures["problems"] == [], figures["stderr"]
    assert figures["code"] == 0
    assert figures["positions_closed"] >= 5
    assert figures["detection"]["missed"] == figures["detection"]["believed_spoofs"] == 0
    assert figures["detection"]["spoofs"] > 0
    _check_money(tmp_path, figures)
    _nothing_is_left(process)


def test_every_stage_may_be_killed_in_the_middle(tmp_path: Path) -> None:
    """Each comes back by itself, no position is lost, no order is sent as another one."""
    process = _start(tmp_path, seconds=50, seed=11)
    killed: dict[str, int] = {}
    deadline = time.monotonic() + 60
    while len(killed) < len(STAGES) and time.monotonic() < deadline:
        time.sleep(0.5)
        if not (tmp_path / "journal.sqlite").exists() or len(_bought(tmp_path)) < 2 + len(killed):
            continue
        table = {row["stage"]: row for row in json.loads((tmp_path / "status.json").read_text())["stages"]}
        if any(row["state"] != "ready" for row in table.values()):
            continue
        stage = STAGES[len(killed)]
        killed[stage] = int(table[stage]["pid"])
        os.kill(killed[stage], signal.SIGKILL)
        time.sleep(2)
    status = json.loads((tmp_path / "status.json").read_text())
    figures = _figures(process)
    assert set(killed) == set(STAGES)
    for row in status["stages"]:
        assert row["restarts"] == 1, row
        assert row["pid"] != killed[row["stage"]]
    assert figures["positions_closed"] >= 5
    assert figures["detection"]["believed_spoofs"] == figures["detection"]["invented"] == 0
    _check_money(tmp_path, figures)
    _nothing_is_left(process)


def _bought(folder: Path) -> list[tuple[Any, ...]]:
    try:
        return _rows(folder, "SELECT order_id FROM orders WHERE side = 'buy' AND state != 'refused'")
    except sqlite3.OperationalError:
        return []
