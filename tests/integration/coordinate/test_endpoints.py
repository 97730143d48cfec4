"""Against real sockets: an endpoint that answers late, wrong, never, or goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
import pytest
import uvloop
from aiohttp import web
from websockets.asyncio.server import ServerConnection, serve

from sniperforge.chain.rpc import EndpointUnavailable, RpcClient, RpcRefused, endpoint
from sniperforge.chain.sender import NoConnection, RpcSender
from sniperforge.chain.watch import SignatureWatch

LIMIT_S = 20.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(handler: Handler, port: int = 0) -> AsyncIterator[int]:
    """An HTTP server on loopback; gives its port."""
    application = web.Application(client_max_size=1 << 22)
    application.router.add_post("/{path:.*}", handler)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    assert runner.addresses
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], bool]) -> None:
    """Look until it is so: the other side is a process of its own and raises no event here."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# ── the client ──


async def ask(handler: Handler, *, attempts: int = 2, timeout_s: float = 2.0) -> object:
    async with answering(handler) as port:
        client = RpcClient(
            endpoint(f"http://127.0.0.1:{port}/key?token=hidden", where="x"), timeout_s=timeout_s, attempts=attempts
        )
        try:
            return await client.call("getSlot", [])
        finally:
            await client.close()


def test_an_answer_arrives() -> None:
    async def handler(request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": asked["method"]})

    assert uvloop.run(ask(handler)) == "getSlot"


def test_a_large_answer_arrives_whole() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"result": "x" * 3_000_000})

    assert len(str(uvloop.run(ask(handler)))) == 3_000_000


@pytest.mark.parametrize(
    ("status", "told"), [(429, "HTTP 429"), (503, "HTTP 503"), (302, "a redirect is not followed"), (404, "HTTP 404")]
)
def test_a_status_that_is_no_answer_is_told_with_the_endpoint_alone(status: int, told: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text="no", headers={"Location": "http://127.0.0.1:1/"})

    with pytest.raises(EndpointUnavailable, match=told) as caught:
        uvloop.run(ask(handler))
    assert "hidden" not in str(caught.value)


def test_a_refusal_in_an_http_error_is_read() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"error": {"code": -32600, "message": "no"}}, status=400)

    with pytest.raises(RpcRefused, match="-32600"):
        uvloop.run(ask(handler))


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.chain.rpc.ANSWER_BYTES_MAX", 1_000)

    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"result": "x" * 5_000})

    with pytest.raises(EndpointUnavailable, match="an answer over 1000 bytes"):
        uvloop.run(ask(handler))


def test_silence_and_absence_end_in_one_line() -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(LIMIT_S)
        return web.Response()

    with pytest.raises(EndpointUnavailable, match="failed 1 times, last TimeoutError"):
        uvloop.run(ask(handler, attempts=1, timeout_s=0.1))
    with pytest.raises(EndpointUnavailable, match="ClientConnectorError"):
        uvloop.run(RpcClient(endpoint("http://127.0.0.1:1", where="x"), attempts=1).call("getSlot", []))


# ── the sender ──


class Node:
    """Takes transactions and answers with what the test says."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        asked = orjson.loads(await request.read())
        self.methods.append(asked["method"])
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": "sig"})


def test_a_sender_sends_over_warm_connections_and_comes_back() -> None:
    async def scenario() -> None:
        node, told = Node(), list[tuple[str, str]]()
        async with answering(node.handle) as port:
            sender = RpcSender(
                endpoint(f"http://127.0.0.1:{port}", where="x"), answered=lambda s, p: told.append((s, p))
            )
            await sender.start()
            await until(lambda: len(sender._open) == 2)
            sender.send("sig", b"raw", 0)
            await until(lambda: told == [("sig", "")])
        await until(lambda: not sender._open)
        sender.send("sig", b"raw", 0)
        assert sender.unsent == 1
        async with answering(node.handle, port):
            await until(lambda: len(sender._open) == 2)
            sender.send("sig", b"raw", 0)
            await until(lambda: len(told) == 2)
            await sender.stop()
        assert node.methods.count("sendTransaction") == 2

    uvloop.run(scenario())


def test_idle_connections_are_kept_warm_and_deaf_ones_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        node = Node()
        async with answering(node.handle) as port:
            monkeypatch.setattr("sniperforge.chain.sender.WARM_S", 0.0)
            sender = RpcSender(endpoint(f"http://127.0.0.1:{port}", where="x"), connections=1)
            await sender.start()
            await until(lambda: "getHealth" in node.methods)
            monkeypatch.setattr("sniperforge.chain.sender.WARM_S", 100.0)
            await until(lambda: not sender._open[0].outstanding)
            monkeypatch.setattr("sniperforge.chain.sender.ANSWER_TIMEOUT_S", -1.0)
            deaf = sender._open[0]
            deaf.outstanding.append("lost")
            await until(lambda: deaf.transport is None)
            await until(lambda: len(sender._open) == 1)
            assert sender.refused == 1
            await sender.stop()

    uvloop.run(scenario())


def test_a_sender_without_an_endpoint_says_so() -> None:
    with pytest.raises(NoConnection, match="cannot connect"):
        uvloop.run(RpcSender(endpoint("http://127.0.0.1:1", where="x")).start())


# ── the watch ──


def test_a_watch_subscribes_again_after_its_connection_was_lost() -> None:
    async def scenario() -> None:
        asked: list[str] = []
        told: list[tuple[str, str]] = []

        async def node(socket: ServerConnection) -> None:
            async for message in socket:
                request = orjson.loads(message)
                asked.append(request["params"][0])
                if len(asked) == 1:
                    await socket.close()
                    return
                await socket.send(orjson.dumps({"id": request["id"], "result": 5}).decode())
                value = {"context": {"slot": 1}, "value": {"err": None}}
                params = {"subscription": 5, "result": value}
                await socket.send(orjson.dumps({"method": "signatureNotification", "params": params}).decode())

        async with serve(node, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            target = endpoint(f"ws://127.0.0.1:{port}", where="x", schemes=("ws", "wss"))
            watch = SignatureWatch(target, commitment="confirmed", seen=lambda s, e: told.append((s, e)))
            watch.start()
            watch.watch("forgotten")
            watch.forget("forgotten")
            watch.watch("sig")
            await until(lambda: told == [("sig", "")])
            assert asked == ["sig", "sig"]
            assert watch.connects == 2
            await watch.stop()

    uvloop.run(scenario())


def test_a_watch_waits_for_an_endpoint_that_is_not_there() -> None:
    async def scenario() -> None:
        target = endpoint("ws://127.0.0.1:1", where="x", schemes=("ws", "wss"))
        watch = SignatureWatch(target, commitment="confirmed", seen=lambda s, e: None)
        await watch.stop()
        watch.start()
        await asyncio.sleep(0.05)
        assert watch.connects == 0
        await watch.stop()

    uvloop.run(scenario())
