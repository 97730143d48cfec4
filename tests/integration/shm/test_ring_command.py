"""`sniperforge ring` shows what is there, follows it without holding it back, and clears what the dead left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from sniperforge.base import events, wire
from sniperforge.base.errors import UsageError
from sniperforge.shm.errors import RingClosed, RingExists, RingMissing
from sniperforge.shm.ring import Ring
from sniperforge_cli.ring import app

RUNNER = CliRunner()


@pytest.fixture
def ring() -> Iterator[Ring]:
    with Ring.create("topic", instance=f"test-{uuid.uuid4().hex[:12]}", capacity=1 << 16, consumers=["late"]) as made:
        yield made


def test_ls_shows_it(ring: Ring) -> None:
    assert ring.name in RUNNER.invoke(app, ["ls"]).stdout
    rows = json.loads(RUNNER.invoke(app, ["ls", "--json"]).stdout)
    (row,) = [row for row in rows if row["name"] == ring.name]
    assert (row["kind"], row["alive"], row["pid"]) == ("ring", True, os.getpid())


def test_stat_shows_lag_and_losses(ring: Ring) -> None:
    producer, consumer = ring.producer("feed"), ring.consumer("detect")
    for _ in range(3):
        producer.publish(1, b"x" * 100)
    assert consumer.read() is not None
    text = RUNNER.invoke(app, ["stat", ring.name]).stdout
    assert "3 records" in text
    assert "consumer detect" in text
    assert "nobody yet" in text
    facts = json.loads(RUNNER.invoke(app, ["stat", ring.name, "--json"]).stdout)
    assert {row["name"]: row["lag_records"] for row in facts["consumers"]} == {"late": 3, "detect": 3}
    assert facts["types"] == {"1": 3}


def test_tail_decodes_what_it_can(ring: Ring) -> None:
    """Messages as their JSON, frames as their text; the observer does not gate."""
    event = events.HaltChanged(halted=True)
    producer = ring.producer("p")
    producer.publish(wire.TAGS[type(event)], wire.encode(event), key=7)
    producer.publish(events.FRAME, b"not json")
    lines = RUNNER.invoke(app, ["tail", ring.name, "--head", "-n", "2", "--json"]).stdout.splitlines()
    first, second = (json.loads(line) for line in lines)
    assert (first["key"], first["event"]["type"]) == (7, "HaltChanged")
    assert second["text"] == "not json"
    text = RUNNER.invoke(app, ["tail", ring.name, "--head", "-n", "2"]).stdout
    assert "HaltChanged" in text
    assert [seat["name"] for seat in ring.stat()["consumers"]] == ["late"]


def test_tail_of_a_closed_ring_says_so(ring: Ring) -> None:
    ring.close()
    assert isinstance(RUNNER.invoke(app, ["tail", ring.name]).exception, RingClosed)


def test_rm_clears_what_a_dead_creator_left() -> None:
    """Living rings are refused without --force."""
    instance = f"test-{uuid.uuid4().hex[:12]}"
    script = (
        "import os, signal\nfrom sniperforge.shm.ring import Ring\n"
        f"Ring.create('t', instance={instance!r}, capacity=4096)\nos.kill(os.getpid(), {int(signal.SIGKILL)})"
    )
    subprocess.run([sys.executable, "-c", script], check=False, timeout=30)
    assert f"{instance}/t" in RUNNER.invoke(app, ["ls"]).stdout
    result = RUNNER.invoke(app, ["rm", "t", "--instance", instance])
    assert result.exit_code == 0
    assert isinstance(RUNNER.invoke(app, ["rm", "t", "--instance", instance]).exception, RingMissing)


def test_rm_asks_before_it_stops_a_run(ring: Ring) -> None:
    assert isinstance(RUNNER.invoke(app, ["rm", ring.name]).exception, RingExists)
    assert isinstance(RUNNER.invoke(app, ["rm"]).exception, UsageError)
    assert RUNNER.invoke(app, ["rm", ring.name, "--force"]).exit_code == 0
