"""The stages are one shell pipeline: launches go in, positions come out, and every end of it is quiet."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import orjson
import pytest

from sniperforge.base.events import Frame
from sniperforge.base.keys import text
from sniperforge.feeds.ndjson import frame_line
from sniperforge_cli import frames
from tests.e2e.command import PATIENCE_S, SHARED, SNIPERFORGE, environment, one_line, pipeline, run

SECOND = 1_000_000_000
#: A day long ago: a replay must not mind.
BEGIN = 1_700_000_000 * SECOND
SNIPE = ["snipe", "--set", "cooldown_ms=0", "--set", "exits.time_stop_s=5", "--set", "exits.take_profit=[]"]


def tape(count: int = 12, *, quiet_s: int = 30) -> bytes:
    """Return *count* launches a second apart, and after *quiet_s* a trade of a stranger: the clock of the tape."""
    frame_list = [launch.frame for launch in frames.launches(count, 1)]
    stamped = [Frame(data, BEGIN + number * SECOND, "tape") for number, data in enumerate(frame_list)]
    ends = [next(frames.trades(1, seed)) for seed in range(5)]
    for number, data in enumerate(ends):
        stamped.append(Frame(data, BEGIN + (count + quiet_s * (number + 1)) * SECOND, "tape"))
    return b"".join(frame_line(frame) + b"\n" for frame in stamped)


@pytest.fixture(scope="module")
def market() -> bytes:
    """Every event of the tape, all trades told, as a bot reads it."""
    result = run("detect", "--trades", "all", given=tape())
    assert (result.code, result.err) == (0, "")
    return result.out


@pytest.fixture(scope="module")
def intents(market: bytes) -> bytes:
    result = run(*SNIPE, given=market)
    assert (result.code, result.err) == (0, "")
    return result.out


def test_from_a_tape_to_closed_positions_in_one_pipeline(tmp_path: Path) -> None:
    (tmp_path / "day.ndjson.gz").write_bytes(gzip.compress(tape()))
    codes, out, errors = pipeline(
        ["feed", "--source", "tape:day.ndjson.gz?speed=max&stamps=recorded", "--out", "-"],
        ["detect", "--trades", "all"],
        SNIPE,
        ["coordinate", "--venue", "paper"],
        cwd=tmp_path,
    )
    assert codes == [0, 0, 0, 0]
    assert errors == [""] * 4
    events = [orjson.loads(line) for line in out.splitlines()]
    positions = {event["position_id"]: event for event in events if event["type"] == "PositionChanged"}
    assert len(positions) >= 2
    assert {event["state"] for event in positions.values()} == {"closed"}
    assert {event["reason"] for event in positions.values()} == {"time_stop"}
    assert not [event for event in events if event["type"] == "OrderRefused" and event["side"] == "sell"]


def test_the_time_of_a_replay_is_the_tapes_to_the_last_event(intents: bytes) -> None:
    """A time stop of five seconds is five seconds of the tape, though it all took less than one."""
    events = [orjson.loads(line) for line in intents.splitlines()]
    orders = [event for event in events if event["type"] == "OrderProposed"]
    bought = {event["position_id"]: event["ts_ns"] for event in orders if event["side"] == "buy"}
    sold = {
        event["position_id"]: event["ts_ns"] for event in orders if event["side"] == "sell" and not event["attempt"]
    }
    assert sold
    for position, at in sold.items():
        assert 5 * SECOND < at - bought[position] < 7 * SECOND  # landing takes a slot or two


def test_equal_tapes_give_equal_runs(market: bytes, intents: bytes) -> None:
    assert run(*SNIPE, given=market).out == intents
    first, second = (run("coordinate", given=intents).out for _ in range(2))
    assert first == second


def test_the_watcher_passes_launches_on_with_its_judgement(market: bytes) -> None:
    result = run("snipe", "--bot", "pool_watch", "--no-pass", given=market)
    assert result.code == 0
    kinds = result.types()
    assert kinds["PoolCreated"] == kinds["LaunchPassed"] + kinds["LaunchRefused"] == 12


def test_detect_reads_a_file_and_writes_a_file(tmp_path: Path) -> None:
    (tmp_path / "in.zst").write_bytes(tape())  # its name lies: it is plain
    result = run("detect", "--in", "in.zst", "--out", "file:out.ndjson", cwd=tmp_path)
    assert (result.code, result.out, result.err) == (0, b"", "")
    lines = (tmp_path / "out.ndjson").read_bytes().splitlines()
    launches = [orjson.loads(line) for line in lines if line.startswith(b'{"type":"PoolCreated"')]
    expected = list(frames.launches(12, 1))
    assert [launch["pool"]["address"] for launch in launches] == [text(each.curve) for each in expected]
    assert [launch["creator"] for launch in launches] == [text(each.creator) for each in expected]


def test_the_recorded_creations_are_detected_with_the_oracles_fields() -> None:
    """400 real log lists of July 2026 against what another program decoded from them."""
    folder = SHARED / "frames"
    if not folder.exists():
        pytest.skip("../shared/frames is not here")
    result = run("detect", "--in", str(folder / "create.jsonl.gz"), "--trades", "none")
    assert (result.code, result.err) == (0, "")
    oracle = [
        orjson.loads(line) for line in gzip.decompress((folder / "oracle_create.jsonl.gz").read_bytes()).splitlines()
    ]
    launches = [event for event in result.events() if event["type"] == "PoolCreated"]
    assert len(launches) == len(oracle) == 400
    for launch, known in zip(launches, oracle, strict=True):
        pool = launch["pool"]
        assert isinstance(pool, dict)
        assert (pool["base_mint"], pool["address"]) == (known["mint"], known["bonding_curve"])
        assert (launch["name"], launch["symbol"]) == (known["name"], known["symbol"])
        assert (launch["signature"], pool["quote_mint"]) == (known["sig"], known["quote_mint"])
        assert (launch["user"], launch["creator"]) == (known["user"], known["creator"])


@pytest.mark.parametrize(
    "name",
    [
        "pumpfun/pumpfun-bonkfun-bot__raw_create_tx_from_blocksubscribe.json",
        "pumpfun/pumpfun-bonkfun-bot__raw_create_tx_from_blockSubscribe_dcd84759.json",
        "pumpfun/pumpfun-bonkfun-bot__raw_create_tx_from_getTransaction_dcd84759.json",
        "raydium_amm_v4/crypto-emulator-service__create-pool_0.json",
    ],
)
def test_recorded_creations_of_every_form_are_detected(name: str) -> None:
    """Elements of blockSubscribe, a getTransaction answer, a Helius notification."""
    path = SHARED / "mainnet" / name
    if not path.exists():
        pytest.skip("../shared/mainnet is not here")
    result = run("detect", "--in", str(path))
    assert (result.code, result.types()["PoolCreated"]) == (0, 1)


def test_the_recorded_creations_make_a_whole_pipeline() -> None:
    path = SHARED / "frames" / "create.jsonl.gz"
    if not path.exists():
        pytest.skip("../shared/frames is not here")
    codes, out, errors = pipeline(["detect", "--in", str(path)], ["snipe"], ["coordinate", "--venue", "paper"])
    assert (codes, errors) == ([0, 0, 0], ["", "", ""])
    assert b'{"type":"OrderSigned"' in out


# ── endings ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stage", ["feed", "detect", "snipe", "coordinate"])
def test_a_reader_that_leaves_ends_a_stage_quietly(stage: str, tmp_path: Path, market: bytes, intents: bytes) -> None:
    """`| head -1`: the writer has far more to say than a pipe holds, and ends with 0 and nothing on stderr."""
    (tmp_path / "tape").write_bytes(tape() * 40)
    given = {"feed": b"", "detect": tape() * 40, "snipe": market * 200, "coordinate": intents * 200}[stage]
    (tmp_path / "given").write_bytes(given)
    arguments = ["--source", "tape:tape?speed=max"] if stage == "feed" else ["--in", "given"]
    process = subprocess.Popen(
        [SNIPERFORGE, stage, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=environment(),
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b'{"type":')
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_reader_that_never_reads_ends_every_stage_before_it(tmp_path: Path) -> None:
    (tmp_path / "tape").write_bytes(tape() * 20)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [SNIPERFORGE, "detect", "--in", "tape"],
            stdout=closed,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            env=environment(),
            cwd=tmp_path,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def waiting(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a stage on an open pipe that carried one launch, and wait until it has said so."""
    process = subprocess.Popen(
        [SNIPERFORGE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(tape(1))
    process.stdin.flush()
    assert b"PoolCreated" in process.stdout.readline()
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_stage_finish_and_ends_it_well(number: signal.Signals) -> None:
    process = waiting("detect")
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in ((0,) if number == signal.SIGTERM else (0, 130))
    assert err == b""


def test_for_ends_a_stage_that_would_wait_for_ever() -> None:
    process = waiting("detect", "--for", "2s")
    begun = time.monotonic()
    assert process.wait(PATIENCE_S) == 0
    assert time.monotonic() - begun < PATIENCE_S
    process.communicate()


@pytest.mark.parametrize("stage", ["detect", "snipe", "coordinate"])
def test_nothing_in_is_nothing_wrong(stage: str) -> None:
    assert run(stage).code == 0
    codes, _, errors = pipeline([stage])  # its stdin is /dev/null, as cron gives it
    assert (codes, errors) == ([0], [""])


# ── lines that are none ───────────────────────────────────────────────────


def test_a_malformed_line_is_one_line_on_stderr_and_the_rest_goes_on() -> None:
    lines = tape(2).splitlines()
    result = run("detect", given=b"\n".join([lines[0], b"nonsense", lines[1], *lines[2:]]))
    assert result.code == 0
    assert result.types()["PoolCreated"] == 2
    assert result.types()["InputRefused"] == 1
    told = orjson.loads(one_line(result.err))
    assert told["event"].startswith("stdin:2: not JSON: ")
    assert "; one JSON object a line is expected" in told["event"]


def test_a_malformed_line_is_told_by_the_stage_that_saw_it_and_by_no_other() -> None:
    codes, _, errors = pipeline(["detect", "--in", __file__], ["snipe"], ["coordinate"])
    assert codes == [0, 0, 0]
    told = [orjson.loads(line) for line in errors[0].splitlines()]
    assert 1 <= len(told) <= 101
    assert all(each["stage"] == "detect" for each in told)
    assert errors[1:] == ["", ""]


def test_frames_that_are_json_and_nothing_else_are_survived() -> None:
    dice = random.Random(3)
    odd = [b"{}", b'{"params":{"result":-0}}', b'{"a":1e400}', b'{"jsonrpc":"2.0","method":"logsNotification"}']
    odd += [b'{"params":' + b"[" * depth + b"]" * depth + b"}" for depth in (10, 1000, 100_000)]
    odd += [dice.randbytes(200) for _ in range(20)]
    odd += [b'{"x":"' + b"y" * (2 << 20) + b'"}']
    result = run("detect", given=b"\n".join(odd) + b"\n" + tape(1))
    assert result.code == 0
    assert result.types()["PoolCreated"] == 1
    assert "Traceback" not in result.err
