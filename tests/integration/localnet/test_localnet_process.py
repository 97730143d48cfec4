"""`sniperforge localnet` as a process: one ready line, a clean end on a signal, one line when it cannot run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from sniperforge.chain.localnet.ledger import read_ledger
from tests.integration.localnet.net import LIMIT_S, ROOT

#: The verb without the root command, so that this test needs no other room.
PROGRAM = """
import sys, typer
from sniperforge.base.errors import SniperForgeError
from sniperforge_cli import localnet
app = typer.Typer(pretty_exceptions_enable=False)
localnet.register(app)
try:
    app(standalone_mode=False)
except SniperForgeError as problem:
    sys.exit(f"sniperforge: {problem}")
"""
COMMAND = (sys.executable, "-c", PROGRAM)


def _start(*arguments: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        pass_fds=pass_fds,
    )


def _ask(url: str, method: str) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        return json.loads(answer.read())["result"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_is_ready_and_ends_clean_on_a_signal(number: signal.Signals) -> None:
    """One JSON line with both URLs; both signals end it with 0 and nothing on stderr."""
    process = _start("--port", "0", "--slot-ms", "50", "--json")
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"rpc", "ws"}
        assert _ask(ready["rpc"], "getHealth") == "ok"
        process.send_signal(number)
        rest, complaint = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, rest, complaint) == (0, "", "")
    finally:
        process.kill()
        process.wait()


def test_the_ready_line_also_goes_to_a_descriptor() -> None:
    """A supervisor that reads a pipe need not parse stdout."""
    reading, writing = os.pipe()
    process = _start("--port", "0", "--for", "1s", "--ready-fd", str(writing), pass_fds=(writing,))
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            assert set(json.loads(pipe.read())) == {"rpc", "ws"}
        said, complaint = process.communicate(timeout=LIMIT_S)
        assert said.startswith("localnet ready: rpc http://127.0.0.1:")
        assert (process.returncode, complaint) == (0, "")
    finally:
        process.kill()
        process.wait()


def test_a_busy_port_is_one_line() -> None:
    """It says which port and what to do, and leaves nothing running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, cwd=ROOT, timeout=LIMIT_S
        )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"sniperforge: localnet: 127.0.0.1:{port} is in use; stop what listens there or choose another --port"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--program", "x"), "--program x: write ID=FILE.so"),
        (("--program", "x=y.so"), "--program: 'x' is not a base58 public key"),
        (("--program", "Forger1111111111111111111111111111111111112=/absent.so"), "/absent.so: No such file"),
        (("--clone", "somewhere"), "--clone somewhere: write URL=ADDRESS"),
        (("--slot-ms", "1"), "localnet.slot_ms: is 1; choose 20 to 60000"),
        (("--ready-fd", "77"), "--ready-fd 77: Bad file descriptor"),
        (("--market", "--ledger", "/absent/x"), "--ledger /absent/x: No such file"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    """What, where, and what to do; no traceback."""
    command = [*COMMAND, "--port", "0", "--for", "2s", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=LIMIT_S)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_runs_a_market_of_its_own(tmp_path: Path) -> None:
    """--market ends with the market, and the ledger ends with its summary."""
    path = tmp_path / "truth.ndjson"
    command = [*COMMAND, "--port", "0", "--slot-ms", "50", "--market", "--for", "3s", "--ledger", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=LIMIT_S)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_ledger(path)[-1].type == "summary"
