"""Neither a key nor a provider's secret is in anything a run writes, shows or hands to a child, however it fails."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import psutil
import pytest
from solders.keypair import Keypair

from tests.e2e.command import PATIENCE_S, SNIPERFORGE, environment, run

KEY = "SECRETVALUE7f3a9c1e5b"
PATH_KEY = "PATHSECRET4d8b2f6a0c"
PASSPHRASE = "correct-horse-SECRETPHRASE-42"


def forms(secret: bytes) -> list[bytes]:
    """Return every way 64 bytes of a key are written down, whole and its first half (the seed) alone."""
    written: list[bytes] = []
    for part in (secret, secret[:32]):
        numbers = [str(number) for number in part]
        written += [part, part.hex().encode(), part.hex().upper().encode()]
        written += [", ".join(numbers[:12]).encode(), ",".join(numbers[:12]).encode()]
        written += [base64.b64encode(part)[:40], base64.urlsafe_b64encode(part)[:40]]
    return [*written, str(Keypair.from_bytes(secret)).encode()]


SECRET = bytes(Keypair())
FORBIDDEN = [*forms(SECRET), KEY.encode(), PATH_KEY.encode()]


def assert_clean(content: bytes, where: str) -> None:
    found = [number for number, form in enumerate(FORBIDDEN) if form in content]
    # What was found is not shown: a failing test must not print it either.
    assert not found, f"forms {found} of a secret are in {where}"


@pytest.fixture
def wallet(tmp_path: Path) -> Path:
    path = tmp_path / "wallet.json"
    path.write_bytes(orjson.dumps(list(SECRET)))
    path.chmod(0o600)
    return path


ANSWERS = {
    "no json": b"<html>bad key SECRETVALUE7f3a9c1e5b</html>",
    "an error": orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -32401, "message": f"bad key {KEY}"}}),
    "something else": b'{"jsonrpc":"2.0","id":1,"result":{"value":"SECRETVALUE7f3a9c1e5b"}}',
}


@contextmanager
def endpoint(answer: bytes, status: bytes = b"200 OK") -> Iterator[int]:
    """Serve *answer* to every request on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(1 << 16)
                    peer.sendall(head % (status, len(answer)) + answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def urls(port: int) -> tuple[str, str]:
    place = f"127.0.0.1:{port}/{PATH_KEY}/?api-key={KEY}"
    return f"http://{place}", f"ws://{place}"


@contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize(
    "answer",
    [
        "no json",
        "an error",
        "something else",
    ],
)
@pytest.mark.parametrize("status", [b"200 OK", b"401 Unauthorized"])
def test_an_endpoint_that_answers_with_our_key_does_not_print_it_through_us(
    tmp_path: Path, wallet: Path, answer: str, status: bytes
) -> None:
    """A server's own words are not to be trusted with our secrets: some repeat the key they refuse."""
    with endpoint(ANSWERS[answer], status) as port:
        rpc, _ = urls(port)
        result = run(
            *("coordinate", "--venue", "rpc", "--keypair", str(wallet), "--journal", "journal"),
            env={"SNIPERFORGE_RPC": rpc},
            cwd=tmp_path,
        )
    assert result.code == 4 or result.code == 1, result.code
    assert "Traceback" not in result.err
    assert_clean(result.out + result.err.encode(), "its output")


def test_an_endpoint_that_refuses_is_told_without_its_key(tmp_path: Path, wallet: Path) -> None:
    with closed_port() as port:
        rpc, ws = urls(port)
        result = run(
            *("coordinate", "--venue", "rpc", "--keypair", str(wallet), "--journal", "journal"),
            env={"SNIPERFORGE_RPC": rpc, "SNIPERFORGE_WS": ws},
            cwd=tmp_path,
        )
        feed = run("feed", "--source", f"{ws}#logs", "--for", "2s", cwd=tmp_path)
    assert result.code == 4
    assert feed.code == 0
    assert_clean(result.out + result.err.encode() + feed.out + feed.err.encode(), "their output")


@pytest.mark.parametrize(
    "arguments",
    [
        ("feed", "--source", f"ftp://host/{PATH_KEY}/?api-key={KEY}"),
        ("feed", "--source", f"wss://host:port/{PATH_KEY}/?api-key={KEY}#logs"),
        ("feed", "--source", f"wss://host/{PATH_KEY}/?api-key={KEY}#nothing"),
        ("feed", "--source", "-", "--rpc", f"ftp://host/?api-key={KEY}"),
        ("detect", "--rpc", f"ftp://host/?api-key={KEY}"),
        ("coordinate", "--venue", "rpc", "--keypair", "k", "--rpc", f"https://host/{PATH_KEY}?api-key={KEY}"),
    ],
    ids=lambda value: value[0],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_key(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code == 3
    assert "Traceback" not in result.err
    assert_clean(result.out + result.err.encode(), "its output")


def test_a_damaged_key_file_is_refused_without_its_bytes(tmp_path: Path, wallet: Path) -> None:
    for content in (
        orjson.dumps(list(SECRET[:63])),
        b"x" + wallet.read_bytes(),
        str(Keypair.from_bytes(SECRET)).encode(),
    ):
        wallet.write_bytes(content)
        result = run("coordinate", "--keypair", str(wallet))
        assert result.code == 3
        assert_clean(result.out + result.err.encode(), "its output")


CONFIG = """
[run]
instance = "{instance}"
directory = "run"
[[feed.endpoints]]
url = "{ws}"
[feed]
rpc = "{rpc}"
record = "run/tape.ndjson"
[[bots]]
name = "b"
[coordinate]
execution = "{execution}"
rpc = "{rpc}"
ws = "{ws}"
keypair = "{wallet}"
"""


@pytest.mark.parametrize("execution", ["paper", "rpc"])
def test_a_whole_system_shows_no_secret_anywhere(tmp_path: Path, wallet: Path, execution: str) -> None:
    """Output, journal, status, tape, rings, and what any user can see of its processes: while it runs and fails."""
    instance = f"secrets-{os.getpid()}-{execution}"
    config = tmp_path / "x.toml"
    with closed_port() as port:
        rpc, ws = urls(port)
        config.write_text(CONFIG.format(instance=instance, ws=ws, rpc=rpc, wallet=wallet, execution=execution))
        with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
            system = subprocess.Popen(
                [SNIPERFORGE, "up", "x.toml", "--json"], stdout=out, stderr=err, env=environment(), cwd=tmp_path
            )
            try:
                _watch(system, tmp_path)
            finally:
                system.send_signal(signal.SIGTERM)
                system.wait(PATIENCE_S)
        shown = run("config", "show", "x.toml", cwd=tmp_path)
    assert shown.code == 0
    assert_clean(shown.out + shown.err.encode(), "config show")
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path not in (config, wallet)]
    assert {"out", "err", "status.json"} <= {path.name for path in files}
    for path in files:
        assert_clean(path.read_bytes(), path.name)
    assert b"Traceback" not in (tmp_path / "err").read_bytes()


def _watch(system: subprocess.Popen[bytes], folder: Path) -> None:
    """Look at every process of *system* until its stages have run, or failed, for a while."""
    deadline = time.monotonic() + PATIENCE_S
    seen: set[int] = set()
    while time.monotonic() < deadline and system.poll() is None:
        for process in [psutil.Process(system.pid), *psutil.Process(system.pid).children(recursive=True)]:
            for name in ("cmdline", "environ", "comm"):
                try:
                    assert_clean(Path(f"/proc/{process.pid}/{name}").read_bytes(), f"/proc/…/{name}")
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    break
            seen.add(process.pid)
        for ring in Path("/dev/shm").glob("*secrets*"):
            assert_clean(ring.read_bytes(), "a ring")
        states = (folder / "out").read_bytes()
        if b'"stage":"feed","state":"ready"' in states or states.count(b'"backing-off"') >= 2:
            break
        time.sleep(0.1)
    assert len(seen) > 1


def test_a_passphrase_written_where_its_place_belongs_is_not_shown(tmp_path: Path, wallet: Path) -> None:
    (tmp_path / "x.toml").write_text(
        f'[[feed.tapes]]\npath = "t"\n[coordinate]\nkeypair = "{wallet}"\nkeystore_passphrase = "{PASSPHRASE}"\n'
    )
    for verb in (("config", "show"), ("config", "check")):
        result = run(*verb, "x.toml", cwd=tmp_path)
        assert PASSPHRASE not in result.out.decode() + result.err
