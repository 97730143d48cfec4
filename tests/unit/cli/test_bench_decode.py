"""`sniperforge bench decode` turns a block into the frames a node would have sent, and counts what is told of them."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from sniperforge.base.errors import DecodeError, SniperForgeError, UsageError
from sniperforge.base.events import PoolCreated
from sniperforge.base.units import Pubkey
from sniperforge.detect.inputs import read_frame
from sniperforge.detect.transaction import Transaction
from sniperforge_cli import bench_decode
from sniperforge_cli.bench import register
from sniperforge_cli.frames import launches, trades
from tests.unit.detect.wire_forms import Made, wire

BLOCK = Path(__file__).parents[4] / "shared" / "mainnet" / "blocks" / "332254908.json"
PAYER, SYSTEM = Pubkey(bytes(range(32))), Pubkey(bytes(32))


def logs_of(frame: bytes) -> list[str]:
    return list(orjson.loads(frame)["params"]["result"]["value"]["logs"])


def block(*rows: tuple[object, list[str] | None]) -> dict[str, Any]:
    """Return a getBlock answer whose transactions ended with these errors and logs."""
    raw = base64.b64encode(wire([PAYER, SYSTEM], [Made(SYSTEM)])).decode()
    elements = [
        {"transaction": [raw, "base64"], "meta": {"err": err, "logMessages": logs, "innerInstructions": []}}
        for err, logs in rows
    ]
    return {"parentSlot": 8, "blockTime": 5, "transactions": elements}


@pytest.fixture
def launch() -> bytes:
    return next(launches(1, seed=5)).frame


def saved(path: Path, *documents: object) -> str:
    path.write_bytes(b"\n".join(one if isinstance(one, bytes) else orjson.dumps(one) for one in documents))
    return str(path)


def run(*arguments: str) -> str:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["bench", "decode", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_block_becomes_the_frames_of_its_transactions(tmp_path: Path, launch: bytes) -> None:
    """Signature, slot, error and logs are the block's; one without logs is a frame without lines."""
    failure = {"InstructionError": [0, "Custom"]}
    for body in (
        block((None, logs_of(launch)), (failure, None)),
        {"result": block((None, logs_of(launch)), (failure, None))},
    ):
        made = [orjson.loads(one) for one in bench_decode.frames_of(saved(tmp_path / "block.json", body))]
        assert {one["method"] for one in made} == {"logsNotification"}
        results = [one["params"]["result"] for one in made]
        assert [one["context"]["slot"] for one in results] == [9, 9]
        readings = read_frame(orjson.dumps(body))
        signatures = [one.signature for one in readings if isinstance(one, Transaction)]
        assert [one["value"]["signature"] for one in results] == signatures
        assert [one["value"]["err"] for one in results] == [None, failure]
        assert [one["value"]["logs"] for one in results] == [logs_of(launch), []]


def test_frames_stay_what_they_are_and_blocks_may_stand_among_them(tmp_path: Path, launch: bytes) -> None:
    """A recorder's line is opened; compression is looked through."""
    tape = b'{"type":"Frame","ts_ns":7,"source":"a","data":' + launch + b"}"
    path = tmp_path / "mixed.ndjson.gz"
    path.write_bytes(gzip.compress(b"\n".join([launch, tape, orjson.dumps(block((None, logs_of(launch))))])))
    frames = bench_decode.frames_of(str(path))
    assert frames[:2] == [launch, launch]
    assert logs_of(frames[2]) == logs_of(launch)


def test_every_round_starts_anew_and_the_figures_say_what_was_told(tmp_path: Path, launch: bytes) -> None:
    """A launch and its first buy in each of three rounds; a stranger's trade only where every trade is told."""
    path = saved(tmp_path / "frames", launch, *trades(2, seed=3))
    figures = json.loads(run("--frames", path, "--rounds", "3", "--json"))
    assert (figures["transactions"], figures["rounds"]) == (3, 3)
    assert figures["bytes"] == len(Path(path).read_bytes()) - 2
    assert figures["detect_all_trades"]["events"] == figures["detect"]["events"] + 2
    assert figures["detect"]["events"] >= 1
    assert figures["attribute"]["events"] == 3
    for name in ("detect", "detect_all_trades", "attribute"):
        row = figures[name]
        assert 0 < row["tx_per_s"] <= row["tx_per_s_best"]
        assert row["ratio"] > 0
    assert figures["json_loads"]["tx_per_s"] > 0


def test_the_made_up_frames_are_as_many_as_a_block_and_told_whole() -> None:
    """The default needs no file; the table fits a terminal."""
    text = run("--rounds", "1")
    assert text.startswith("made-up frames: 1,862 transactions as logs")
    assert max(map(len, text.splitlines())) <= 80
    assert all(word in text for word in ("detect, as it runs", "json.loads alone", "/ json.loads", "events"))
    created = [one for one in _told(bench_decode.made_frames()) if isinstance(one, PoolCreated)]
    assert len(created) == bench_decode.MADE_LAUNCHES


def _told(frames: list[bytes]) -> list[object]:
    from sniperforge.base.events import Frame
    from sniperforge.detect.detector import Detector
    from sniperforge.detect.settings import DetectSettings

    detector = Detector(DetectSettings())
    return list(itertools.chain.from_iterable(detector.on_frame(Frame(data=one, recv_ns=1), 1) for one in frames))


def test_two_rounds_that_differ_are_no_measurement(monkeypatch: pytest.MonkeyPatch, launch: bytes) -> None:
    counts = itertools.count()
    monkeypatch.setattr(bench_decode, "_ways", lambda: {"odd": lambda: lambda data: next(counts)})
    with pytest.raises(SniperForgeError, match="odd told 0 things in one round and 1 in another"):
        bench_decode.measure([launch], rounds=2)


def test_a_file_without_transactions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 transactions; give a file"):
        run("--frames", saved(tmp_path / "empty"))
    with pytest.raises(UsageError, match="nowhere: No such file"):
        run("--frames", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"hello", r"broken:1: not JSON \(Expecting value"),
        ({"transaction": 5, "meta": {}}, "broken:1: "),
        ({"transactions": [{"meta": 5}]}, r"broken:1: not a block \(Expected `object`"),
        ({"params": {"transactions": []}, "transactions": [{"meta": {}}]}, r"broken:1: transaction 0: "),
        (
            {"method": "blockNotification", "params": {"result": {"value": {"slot": 5, "block": block((None, []))}}}},
            "broken:1: a block in a form this does not take apart",
        ),
    ],
)
def test_a_block_that_is_none_is_told_with_its_line(tmp_path: Path, document: object, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        bench_decode.frames_of(saved(tmp_path / "broken", document))


def test_a_recorded_block_goes_through_detect_at_20_000_a_second() -> None:
    """The promise, and with every trade told; 97 trades are."""
    if not BLOCK.exists():
        pytest.skip("../shared/mainnet is not here")
    figures = bench_decode.measure(bench_decode.frames_of(str(BLOCK)), rounds=3)
    assert figures["transactions"] == 1_862
    assert (figures["detect"]["events"], figures["detect_all_trades"]["events"]) == (0, 97)
    if sys.gettrace() is None:  # what is traced line by line is another speed
        assert figures["detect"]["tx_per_s_best"] >= 20_000
        assert figures["detect_all_trades"]["tx_per_s_best"] >= 20_000
