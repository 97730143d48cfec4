"""`sniperforge bench ring` counts every message, compares within one round, and draws what it saw."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from sniperforge.base.errors import UnavailableError, UsageError
from sniperforge_cli import bench_peers
from sniperforge_cli.bench_ring import bench_ring
from sniperforge_cli.bench_ring_run import run_once
from sniperforge_cli.bench_transports import Load, PipeTransport, Send

RUNNER = CliRunner()


class Careless(PipeTransport):
    """Sends the messages of every ten in the order *order*: some of them, or all of them elsewhere."""

    def __init__(self, order: Sequence[int]) -> None:
        self.order = order

    def sender(self) -> Send:
        send, held = super().sender(), list[bytes]()

        def send_ten(message: bytes) -> None:
            held.append(message)
            if len(held) == 10:
                for place in self.order:
                    send(held[place])
                held.clear()

        self.rest: Callable[[], object] = lambda: [send(message) for message in held]
        return send_ten

    def flush(self) -> None:
        self.rest()


class Breaking(PipeTransport):
    """Opens once, and then no more."""

    name = "breaking"

    def open(self, load: Load) -> None:
        if hasattr(self, "pipes"):
            raise UnavailableError("breaking-server ended with 1: out of ports")
        super().open(load)


class Gone(PipeTransport):
    name = "gone"

    def __init__(self) -> None:
        raise UnavailableError("no program gone-server; Debian has it as a package of that name")


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


@pytest.mark.parametrize("consumers", [1, 2])
@pytest.mark.parametrize("rate", [0, 500], ids=["flat out", "paced"])
@pytest.mark.parametrize("name", [kind.name for kind in bench_peers.PEERS])
def test_a_peer_carries_every_message_between_processes(name: str, rate: int, consumers: int) -> None:
    try:
        peer = bench_peers.available([name])[0][-1]
    except UsageError as error:
        pytest.skip(str(error))
    row = run_once(peer, size=256, consumers=consumers, rate=rate, seconds=0.1)
    assert row["complete"]
    assert row["p50_us"] > 0
    assert row["cpu_us"] > 0
    assert row["other_cores"] >= 0


@pytest.mark.parametrize(
    ("order", "complete"),
    [(range(10), 1.0), ([0, 1, 2, 3, 4, 5, 6, 7, 9], 0.0), ([0, 2, 1, 3, 4, 5, 6, 7, 8, 9], 0.0)],
    ids=["all in order", "one lost", "two swapped"],
)
def test_what_is_lost_or_out_of_order_is_seen(order: Sequence[int], complete: float) -> None:
    """Without it, a transport that drops would be the fastest."""
    assert run_once(Careless(order), size=64, consumers=1, rate=0, seconds=0.1)["complete"] == complete


def test_a_peer_that_cannot_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_peers, "PEERS", (Gone,))
    arguments = ["--seconds", "0.1", "--rounds", "1", "--size", "64"]
    text = RUNNER.invoke(app(), arguments).stdout
    assert "not measured: gone: no program gone-server; Debian has it" in text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert json.loads(RUNNER.invoke(app(), [*arguments, "--json"]).stdout)["absent"].keys() == {"gone"}


def test_a_peer_that_breaks_later_does_not_take_the_others_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_peers, "PEERS", (Breaking,))
    arguments = ["--seconds", "0.1", "--rounds", "2", "--only", "breaking,unix datagram", "--json"]
    report = json.loads(RUNNER.invoke(app(), arguments).stdout)
    assert set(report["transports"]) == {"ring", "unix datagram"}
    assert report["absent"] == {"breaking": "breaking-server ended with 1: out of ports"}


def test_a_picture_that_cannot_be_written_is_refused_before_measuring(tmp_path: Path) -> None:
    result = RUNNER.invoke(app(), ["--svg", str(tmp_path / "no" / "bench.svg"), "--rounds", "50", "--seconds", "60"])
    assert isinstance(result.exception, UsageError)
    assert "name a file that can be written" in str(result.exception)
