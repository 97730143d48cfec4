"""`sniperforge bench ring` counts every message, compares within one round, and draws what it saw."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import typer
from typer.testing import CliRunner

from sniperforge.base.errors import UsageError
from sniperforge_cli.bench_ring import bench_ring

RUNNER = CliRunner()


def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(bench_ring)
    return made


def test_a_paced_run_reports_latency_and_the_floor(tmp_path: Path) -> None:
    """Ratios are of the same round; the bare futex wake stands beside them."""
    picture = tmp_path / "bench.svg"
    arguments = ["--rate", "500", "--seconds", "0.2", "--rounds", "1", "--only", "unix datagram", "--json"]
    report = json.loads(RUNNER.invoke(app(), [*arguments, "--svg", str(picture)]).stdout)
    assert set(report["transports"]) == {"ring", "unix datagram"}
    assert report["transports"]["ring"]["complete"]
    assert report["transports"]["ring"]["p50_us"] > 0
    assert report["futex_floor_p50_us"] > 0
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")


def test_every_consumer_gets_every_message() -> None:
    arguments = ["--consumers", "3", "--seconds", "0.1", "--rounds", "1", "--only", "ring"]
    text = RUNNER.invoke(app(), arguments).stdout
    assert "1 -> 3, 256 B, as fast as it goes" in text
    assert "INCOMPLETE" not in text


def test_an_unknown_peer_is_refused() -> None:
    result = RUNNER.invoke(app(), ["--only", "carrier pigeon"])
    assert isinstance(result.exception, UsageError)
