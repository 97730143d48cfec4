"""Peers of `bench ring` are optional: one that cannot run is named with the reason, and brokers never stay behind."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from sniperforge.base.errors import UnavailableError, UsageError
from sniperforge_cli import bench_peers
from sniperforge_cli.bench_peers import Server, available, found
from sniperforge_cli.bench_transports import Load, PipeTransport
from tests.unit.cli.carrying import check

LOAD = Load(size=24, consumers=1, paced=True)


class Missing(PipeTransport):
    name = "missing"

    def __init__(self) -> None:
        import_module("no_such_package")


class Silent(bench_peers.BrokerTransport):
    """A broker that starts and never answers."""

    name = "silent"
    sender = receiver = PipeTransport.sender  # type: ignore[assignment]

    def start(self) -> Server:
        return Server(["sleep", "60"], self.folder, lambda: False, patience_s=0.05)


class Old(PipeTransport):
    name = "old"

    def __init__(self) -> None:
        raise UnavailableError("old 0.1 is too old")


class Here(PipeTransport):
    name = "here"


@pytest.mark.parametrize("consumers", [1, 2])
@pytest.mark.parametrize("paced", [False, True], ids=["flat out", "paced"])
@pytest.mark.parametrize("name", ["iceoryx2", "redis", "nats"])
def test_every_consumer_gets_every_message_in_order(name: str, paced: bool, consumers: int) -> None:
    check(name, paced=paced, consumers=consumers)


def test_what_cannot_run_is_named_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    transports, absent = available(peers=(Missing, Silent, Old, Here))
    assert [item.name for item in transports][-2:] == ["unix datagram", "here"]
    assert absent == {
        "missing": "no Python package no_such_package",
        "silent": "sleep did not start within 0.05 s: it said nothing",
        "old": "old 0.1 is too old",
    }
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_asked_for_is_tried_and_the_ring_always_runs() -> None:
    transports, absent = available(["here"], peers=(Missing, Silent, Here))
    assert [item.name for item in transports] == ["ring", "here"]
    assert absent == {}


def test_asking_for_what_cannot_run_says_how_to_get_it() -> None:
    with pytest.raises(UsageError, match=r"missing cannot run here: no Python package no_such_package; .*pip install"):
        available(["missing"], peers=(Missing,))


def test_asking_for_what_nobody_knows_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"no transport is called pigeon; there are ring, .*, unix datagram, here"):
        available(["pigeon"], peers=(Here,))


def test_an_iceoryx2_without_back_pressure_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "iceoryx2-0.5.0.dist-info").mkdir()
    (tmp_path / "iceoryx2-0.5.0.dist-info" / "METADATA").write_text("Name: iceoryx2\nVersion: 0.5.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "iceoryx2", ModuleType("iceoryx2"))
    with pytest.raises(UnavailableError, match=r"iceoryx2 0\.5\.0 is too old; 0\.10"):
        bench_peers.IceoryxTransport()


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(UnavailableError, match="no program no-such-broker"):
        found("no-such-broker")


def test_a_version_is_read_from_what_the_program_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, said in (("told", "told: v2.9.10, build x"), ("shy", "hello")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{said}'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert bench_peers.program_version("told") == "told 2.9.10"
    assert bench_peers.program_version("shy") == "shy of unknown version"


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="sh ended with 3: cannot bind"):
        Server(["sh", "-c", "echo starting; echo cannot bind >&2; exit 3"], tmp_path, lambda: False)


def test_a_server_that_does_not_listen_is_ended_by_force(tmp_path: Path) -> None:
    up = tmp_path / "up"
    command = ["sh", "-c", "trap '' TERM; touch up; while :; do :; done"]
    server = Server(command, tmp_path, up.exists, patience_s=5.0)
    end = time.monotonic() + 10
    while server.cpu_s() == 0 and time.monotonic() < end:
        time.sleep(0.01)
    assert server.cpu_s() > 0
    server.patience_s = 0.05
    server.stop()
    assert server.process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_server_does_not_outlive_a_killed_benchmark(tmp_path: Path) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        server = Server(["sleep", "60"], tmp_path, lambda: True)
        os.write(write, str(server.process.pid).encode())
        time.sleep(60)
        os._exit(0)
    left = int(os.read(read, 20))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    end = time.monotonic() + 10
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.01)
    assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("kind", [bench_peers.RedisTransport, bench_peers.NatsTransport])
def test_a_broker_leaves_nothing(kind: type[bench_peers.BrokerTransport]) -> None:
    try:
        broker = kind()
    except (ImportError, UnavailableError) as error:
        pytest.skip(f"{kind.name} is not here: {error}")
    broker.open(LOAD)
    pid, folder = broker.server.process.pid, broker.folder
    assert psutil.pid_exists(pid)
    broker.close()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def test_iceoryx2_leaves_nothing() -> None:
    try:
        peer = bench_peers.IceoryxTransport()
    except (ImportError, UnavailableError) as error:
        pytest.skip(f"iceoryx2 is not here: {error}")
    peer.open(LOAD)
    left = Path("/dev/shm") / f"{peer.prefix}left"
    left.touch()
    peer.close()
    assert not left.exists()
    assert not Path(peer.folder).exists()
