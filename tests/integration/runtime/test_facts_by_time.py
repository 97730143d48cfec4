"""A launch's slot ends by time where nothing later is read: in a live detect process, while its input stays open."""

from __future__ import annotations

import subprocess
import threading

import orjson

from sniperforge.base import wire
from sniperforge.base.events import BundleSeen, FactsWanted, PoolCreated
from sniperforge_cli.frames import launches
from tests.e2e.command import PATIENCE_S, SNIPERFORGE, environment


def test_a_bundle_is_told_while_the_input_is_still_open() -> None:
    """And a question nobody there can answer is passed on, as one for a mint is."""
    (launch,) = launches(1, 1)
    with subprocess.Popen(
        [SNIPERFORGE, "detect", "--in", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as detect:
        patience = threading.Timer(PATIENCE_S, detect.kill)
        patience.start()
        assert detect.stdin is not None
        assert detect.stdout is not None
        detect.stdin.write(launch.frame + b"\n")
        detect.stdin.flush()
        told = [wire.from_json(detect.stdout.readline())]
        while not isinstance(told[-1], BundleSeen):
            told.append(wire.from_json(detect.stdout.readline()))
        created, seen = told[0], told[-1]
        assert isinstance(created, PoolCreated)
        assert isinstance(seen, BundleSeen)
        assert (seen.pool, seen.complete, seen.cause) == (created.pool.address, True, created.id)
        assert seen.ts_ns - created.ts_ns >= 2_000_000_000
        asked = wire.to_json(FactsWanted(pool=created.pool))
        rest, _ = detect.communicate(asked + b"\n")
        patience.cancel()
    assert [orjson.loads(line)["type"] for line in rest.splitlines()] == ["FactsWanted"]
    assert detect.returncode == 0
