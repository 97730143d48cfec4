"""`sniperforge doctor venues` as a stranger runs it, and the same look inside a coordinator in a pipe."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from sniperforge.base.keys import text
from sniperforge.base.wire import to_json
from sniperforge.dex.venues import VENUES
from tests.e2e.command import PATIENCE_S, ROOT, SHARED, SNIPERFORGE, environment, one_line, run
from tests.unit.coordinate.stand import make_buy
from tests.unit.coordinate.test_canary_reading import MESSAGE, TRADE, body, message_of


def changed() -> dict[str, object]:
    """A swap with an account more in front."""
    return body(message_of(TRADE._replace(accounts=(TRADE.accounts[-1], *TRADE.accounts))))


class Node(BaseHTTPRequestHandler):
    """An endpoint with one swap of Raydium CPMM, whose program wants an account more; `down`: with nothing."""

    down = False

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        first = asked["params"][0]
        signatures = [{"signature": "x", "slot": 77, "err": None}] if first == text(TRADE.program) else []
        answers: dict[str, object] = {
            "getAccountInfo": {"value": None},
            "getMultipleAccounts": {"value": [None] * len(first)},
            "getSignaturesForAddress": signatures,
            "getTransaction": changed(),
        }
        reply = json.dumps({"jsonrpc": "2.0", "id": 1, "result": answers[asked["method"]]}).encode()
        self.send_response(503 if Node.down else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the test's stderr."""


@pytest.fixture
def node() -> Iterator[str]:
    """That endpoint's URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Node)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    Node.down = False


# ── recordings ────────────────────────────────────────────────────────────


def test_recordings_of_years_are_no_alarm() -> None:
    if not (SHARED / "mainnet").exists():
        pytest.skip("../shared/mainnet is not here")
    result = run("doctor", "venues", "--from", str(SHARED / "mainnet"))
    assert (result.code, result.err) == (0, "")
    shown = result.out.decode().splitlines()
    assert all(len(line) <= 80 for line in shown)
    assert [line.split()[0] for line in shown[2:12]] == list(VENUES)
    assert "DIFFERS" not in result.out.decode()


def test_a_difference_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    (tmp_path / "swap.json").write_text(json.dumps(changed()))
    result = run("doctor", "venues", "--from", str(tmp_path / "swap.json"), "--venue", "raydium_cpmm")
    assert result.code == 1
    shown = " ".join(result.out.decode().split())
    assert "1 files, 0 of them without a swap or pool of these venues" in shown
    assert "DIFFERS raydium_cpmm, account 1 (authority): expected GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL" in shown
    assert "stop trading on raydium_cpmm, then compare our table of that instruction with the newest IDL" in shown


def test_machines_get_one_object_a_venue_also_from_a_pipe() -> None:
    given = json.dumps(body(MESSAGE)).encode()
    result = run("doctor", "venues", "--from", "-", "--json", "-v", "raydium_cpmm", "-v", "pumpfun", given=given)
    assert (result.code, result.err) == (0, "")
    first, second = map(orjson.loads, result.out.splitlines())
    assert (first["venue"], first["equal"], second["venue"], second["compared"]) == ("raydium_cpmm", 1, "pumpfun", 0)


def test_a_file_that_cannot_be_read_is_one_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"method": 7}')
    (tmp_path / "b.json").write_text(json.dumps(body(MESSAGE)))
    result = run("doctor", "venues", "--from", str(tmp_path))
    assert result.code == 1
    assert one_line(result.err).startswith(f"sniperforge: {tmp_path}/a.json:1: not a message this reads")
    assert b"raydium_cpmm             1     1" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ((), 2, "--rpc: missing; give an endpoint to ask, or --from with recorded transactions"),
        (("--from", "/nowhere.json"), 2, "/nowhere.json: No such file or directory; give a file that can be read"),
        (("--from", "-", "--venue", "pumpfn"), 2, "--venue pumpfn: no such choice; did you mean 'pumpfun'?"),
        (("--rpc", "nowhere"), 3, "--rpc: must start with http:// or https://"),
    ],
    ids=["nothing", "no file", "no venue", "no url"],
)
def test_what_cannot_be_is_one_line(arguments: tuple[str, ...], code: int, line: str, tmp_path: Path) -> None:
    result = run("doctor", "venues", *arguments, cwd=tmp_path)
    assert (result.code, result.out) == (code, b"")
    assert one_line(result.err).startswith(f"sniperforge: {line}")
    assert list(tmp_path.iterdir()) == []


# ── an endpoint ───────────────────────────────────────────────────────────


def test_an_endpoint_that_is_not_there_is_told_for_its_venue(tmp_path: Path) -> None:
    result = run("doctor", "venues", "--rpc", "http://127.0.0.1:9/?api-key=SECRET", "-v", "pumpfun", cwd=tmp_path)
    assert result.code == 4
    assert b"pumpfun            unknown" in result.out
    assert b"getAccountInfo failed 4 times" in result.out
    assert b"SECRET" not in result.out + result.err.encode()
    assert (tmp_path / "sniperforge-doctor.json").read_bytes() == b"{}\n"


def test_an_endpoints_swap_that_differs_is_named(node: str, tmp_path: Path) -> None:
    result = run("doctor", "venues", "--rpc", node, "-v", "raydium_cpmm", "-v", "pumpswap", "--json", cwd=tmp_path)
    assert (result.code, result.err) == (1, "")
    first, second = map(orjson.loads, result.out.splitlines())
    assert first["alarms"][0]["field"] == "account 1 (authority)"
    assert (second["venue"], second["alarms"]) == ("pumpswap", [])
    Node.down = True
    assert run("doctor", "venues", "--rpc", node, "-v", "pumpswap", cwd=tmp_path).code == 4


def test_a_coordinator_halts_that_venue_and_says_so_in_log_event_and_refusal(node: str, tmp_path: Path) -> None:
    """On paper too: the canary needs an endpoint to look at, and nothing else."""
    config = tmp_path / "canary.toml"
    table = f'[coordinate]\nrpc = "{node}"\ncanary_poll_s = 1\ncanary_exits = "refuse"\n'
    config.write_text((ROOT / "configs" / "paper.toml").read_text().replace("[coordinate]\n", table))
    command = [SNIPERFORGE, "coordinate", "-c", str(config), "--journal", str(tmp_path / "j"), "--clock", "system"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stdout is not None
        halt = orjson.loads(running.stdout.readline())
        out, told = running.communicate(to_json(make_buy()) + b"\n", timeout=PATIENCE_S)
    assert (halt["type"], halt["venue"], halt["exits_allowed"]) == ("HaltChanged", "raydium_cpmm", False)
    (refused,) = (event for event in map(orjson.loads, out.splitlines()) if event["type"] == "OrderRefused")
    assert (refused["limit"], refused["detail"]) == ("risk.venue_halted", halt["reason"])
    warned = orjson.loads(told.splitlines()[0])
    assert (warned["event"], warned["venue"], warned["halted"]) == (halt["reason"], "raydium_cpmm", True)
