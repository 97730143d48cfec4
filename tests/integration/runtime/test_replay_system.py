"""A recorded tape through a whole supervised system: it lives in the tape's time, trades on paper, and ends with 0."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import orjson

from tests.e2e.command import run
from tests.e2e.test_pipes import tape

CONFIG = """
[run]
instance = "{instance}"
directory = "run"
[[feed.tapes]]
path = "day.ndjson"
speed = 0
stamps = "recorded"
[detect]
trades = "all"
[[bots]]
name = "b"
cooldown_ms = 0
[bots.exits]
time_stop_s = 5
take_profit = []
"""


def test_a_tape_is_replayed_by_a_system_that_ends_with_it(tmp_path: Path) -> None:
    """Launches of years ago are young in it: or every one would be refused for its age."""
    instance = f"replay-{os.getpid()}"
    (tmp_path / "x.toml").write_text(CONFIG.format(instance=instance))
    (tmp_path / "day.ndjson").write_bytes(tape())
    result = run("up", "x.toml", "--json", "--for", "40s", cwd=tmp_path)
    assert result.code == 0, result.err
    assert "Traceback" not in result.err
    states = [(event["stage"], event["state"]) for event in result.events()]
    assert ("feed", "finished") in states
    assert states[-1] == ("coordinate", "stopped")
    assert not [state for state in states if state[1] in ("backing-off", "refused")]
    status = orjson.loads((tmp_path / "run" / "status.json").read_bytes())
    assert status["instance"] == instance
    with sqlite3.connect(tmp_path / "run" / "sniperforge-journal.sqlite") as journal:
        bought = journal.execute("SELECT count(*) FROM orders WHERE side = 'buy' AND state != 'refused'").fetchone()[0]
    assert bought >= 2
    assert not list(Path("/dev/shm").glob(f"*{instance}*"))
