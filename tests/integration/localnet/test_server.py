"""The server at its edges: plain HTTP, bodies too large, ports taken, and a bank that fails is not silent."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import aiohttp
import orjson
import pytest
import websockets
from aiohttp import web

from sniperforge.base.errors import UsageError
from sniperforge.base.keys import text
from sniperforge.chain.localnet import LocalNet, LocalNetSettings, PortBusy, genesis
from sniperforge.chain.localnet.market_client import Client, MarketUnreachable, wallet
from sniperforge.chain.localnet.serve import Serving, serve
from tests.integration.localnet.net import Listener, run, short

KEY = "Forger1111111111111111111111111111111111112"


def test_plain_http_is_answered() -> None:
    """A health check, a hint for browsers, JSON for requests, and 413 above the limit."""

    async def story() -> None:
        async with LocalNet(short(body_bytes_max=4_096)) as net, aiohttp.ClientSession() as http:
            async with http.get(net.rpc_url + "/health") as answer:
                assert (answer.status, await answer.text()) == (200, "ok")
            async with http.get(net.rpc_url) as answer:
                assert answer.status == 405
            async with http.post(net.rpc_url, data=b"{}") as answer:
                assert (answer.status, answer.content_type) == (200, "application/json")
            async with http.post(net.rpc_url, data=b" " * 5_000) as answer:
                assert answer.status == 413

    run(story())


def test_both_ports_speak_both_ways() -> None:
    """RPC and WebSocket clients may be given either URL; a stop says goodbye."""

    async def story() -> None:
        net = await LocalNet(short()).start()
        async with aiohttp.ClientSession() as http:
            body = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}
            async with http.post(net.ws_url.replace("ws", "http"), json=body) as answer:
                assert (await answer.json())["result"] == "ok"
        async with websockets.connect(net.rpc_url.replace("http", "ws")) as client:
            assert await Listener(client).subscribe("slotSubscribe") == 1
            stopping = asyncio.create_task(net.stop())
            with pytest.raises(websockets.ConnectionClosedOK, match="1001"):
                while True:
                    await client.recv()
            await stopping
        assert net.sockets == 0

    run(story())


def test_a_taken_port_is_refused_and_nothing_is_left_listening() -> None:
    """Also when it is the second one."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
            port, first = taken.getsockname()[1], free.getsockname()[1]
            free.close()
            with pytest.raises(PortBusy, match=f"127.0.0.1:{port} is in use"):
                await LocalNet(short(port=port)).start()
            with pytest.raises(PortBusy, match=f"127.0.0.1:{port} is in use"):
                await LocalNet(short(port=first, ws_port=port)).start()
            socket.create_server(("127.0.0.1", first)).close()

    run(story())


def test_a_program_of_the_settings_is_loaded(tmp_path: Path) -> None:
    """--program ends here."""

    async def story() -> None:
        path = tmp_path / "forger.so"
        path.write_bytes(genesis.bundled("forger"))
        async with LocalNet(short(programs=((KEY, path),))) as net, Client(net.rpc_url) as client:
            row = await client.value("getAccountInfo", KEY, {"encoding": "base64"})
            assert isinstance(row, dict)
            assert row["executable"] is True

    run(story())


def test_a_localnet_that_was_not_started_says_so() -> None:
    """Its bank is not there yet, and there is nothing to stop."""

    async def story() -> None:
        net = LocalNet(LocalNetSettings())
        with pytest.raises(RuntimeError, match="was not started"):
            assert net.bank
        await net.failed()
        await net.stop()

    run(story())


def test_slots_that_stop_being_made_are_told() -> None:
    """A process that serves a dead bank would look alive."""

    async def story() -> None:
        async with LocalNet(short()) as net:
            net.bank.run_entry = lambda: 1 // 0  # type: ignore[assignment, method-assign]
            with pytest.raises(ZeroDivisionError):
                await net.failed()
            net._clock = None

    run(story())


def test_serving_announces_and_ends(capfd: pytest.CaptureFixture[str]) -> None:
    """In this process: the ready line on stdout and on the descriptor, then the end of its time."""
    reading, writing = os.pipe()
    serve(short(), Serving(as_json=True, ready_fd=writing, seconds=0.2))
    with os.fdopen(reading, "rb") as pipe:
        ready = pipe.read()
    assert capfd.readouterr().out.encode() == ready
    assert set(orjson.loads(ready)) == {"rpc", "ws"}
    serve(short(), Serving(seconds=0.2))
    assert capfd.readouterr().out.startswith("localnet ready: rpc http://127.0.0.1:")


def test_serving_a_market_ends_with_it(tmp_path: Path) -> None:
    """And a ledger or descriptor that cannot be written is one line."""
    path = tmp_path / "truth.ndjson"
    serve(short(), Serving(market=True, seconds=1.0, ledger=str(path)))
    assert path.read_bytes().endswith(b"\n")
    with pytest.raises(UsageError, match="name a file that can be written"):
        serve(short(), Serving(market=True, seconds=1.0, ledger=str(tmp_path / "absent" / "x")))
    with pytest.raises(UsageError, match="--ready-fd 999"):
        serve(short(), Serving(ready_fd=999))


def test_a_closed_client_and_an_odd_node_are_told() -> None:
    """No session; a node whose blockhash is none."""

    async def story() -> None:
        with pytest.raises(MarketUnreachable, match="the session is closed"):
            await Client("http://127.0.0.1:9").call("getSlot")

        async def odd(request: web.Request) -> web.Response:
            return web.json_response({"jsonrpc": "2.0", "id": 1, "result": {"value": text(bytes(32))}})

        app = web.Application()
        app.router.add_post("/", odd)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with Client(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            with pytest.raises(MarketUnreachable, match="gave no blockhash"):
                await client.send([], wallet(1, "x"))
        await runner.cleanup()

    run(story())
