"""The other side of a feed: servers that do what a test says, and a sink that keeps everything.

Real WebSocket servers (`websockets`), a real JSON-RPC server (aiohttp), all on
loopback with ports the kernel chose. Every wait is bounded by LIMIT_S.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import uvloop
from aiohttp import web
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from sniperforge.base import keys
from sniperforge.base.events import Event, FeedChanged, Frame
from sniperforge.base.units import Pubkey
from sniperforge.feeds.feed import Endpoint, Feed, FeedSettings
from sniperforge.feeds.settings import Connection, EndpointKind, Gaps

T = TypeVar("T")
LIMIT_S = 30.0
PUMP = keys.key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
SWAP = keys.key("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")
KEY = "b4dc0ffee-b4dc0ffee-b4dc0ffee"
QUICK = Connection(retry_first_s=0.02, retry_most_s=0.1, stall_s=20.0, subscribe_s=20.0, connect_s=20.0)


class Shelf:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.notes: list[Event] = []

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        self.frames.append(Frame(data, recv_ns, source, late))

    def note(self, event: Event) -> None:
        self.notes.append(event)

    def states(self, source: str) -> list[str]:
        return [note.state for note in self.notes if isinstance(note, FeedChanged) and note.source == source]

    def of(self, kind: type[T]) -> list[T]:
        return [note for note in self.notes if isinstance(note, kind)]


class Node:
    """A WebSocket server that answers subscriptions and then does what the test says.

    `refusals` maps a method to the error it is answered with.
    """

    def __init__(self, refusals: dict[str, dict[str, object]] | None = None) -> None:
        self.refusals = refusals or {}
        self.requests: list[dict[str, object]] = []
        self.connections: list[ServerConnection] = []
        self.paths: list[str] = []
        self.answering = True
        self._server: Server | None = None
        self._port = 0

    async def start(self) -> None:
        self._server = await serve(self.converse, "127.0.0.1", self._port, max_size=None)
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def die(self) -> None:
        """End without a word, as a killed server does."""
        assert self._server is not None
        for connection in self.connections:
            connection.transport.abort()
        self.connections.clear()
        self._server.close(close_connections=False)
        await self._server.wait_closed()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def endpoint(self, name: str = "node", kind: EndpointKind = "logs") -> Endpoint:
        return Endpoint(url=f"ws://127.0.0.1:{self._port}/?api-key={KEY}", name=name, kind=kind)

    async def send(self, message: str | bytes | list[str]) -> None:
        for connection in self.connections:
            await connection.send(message)

    async def slot(self, slot: int, parent: int) -> None:
        beat = {"result": {"parent": parent, "root": 0, "slot": slot}, "subscription": 0}
        await self.send(json.dumps({"jsonrpc": "2.0", "method": "slotNotification", "params": beat}))

    async def converse(self, connection: ServerConnection) -> None:
        """Answer the requests of one connection until it ends."""
        assert connection.request is not None
        self.paths.append(connection.request.path)
        try:
            async for text in connection:
                request = json.loads(text)
                self.requests.append(request)
                if not self.answering:
                    continue
                refusal = self.refusals.get(request["method"])
                answer = {"error": refusal} if refusal else {"result": 1000 + request["id"]}
                await connection.send(json.dumps({"jsonrpc": "2.0", **answer, "id": request["id"]}))
                if request["method"] == "slotSubscribe":
                    self.connections.append(connection)
        except ConnectionClosed:
            pass


def signature(number: int) -> str:
    """Return a text of the shape of a signature."""
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    text = ""
    for _ in range(4):
        number, digit = divmod(number, 58)
        text = digits[digit] + text
    return "5" * 84 + text


def logs(number: int, *, padding: int = 0, err: object = None) -> str:
    """Return one `logsNotification`."""
    value = {"signature": signature(number), "err": err, "logs": ["Program log: " + "x" * padding]}
    result = {"context": {"slot": number}, "value": value}
    return json.dumps(
        {"jsonrpc": "2.0", "method": "logsNotification", "params": {"result": result, "subscription": 1002}},
        separators=(",", ":"),
    )


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds; fails the test with *what* after LIMIT_S."""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not condition():  # noqa: ASYNC110 - the condition is a list that grew
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"never happened: {what}")


@asynccontextmanager
async def node(refusals: dict[str, dict[str, object]] | None = None) -> AsyncIterator[Node]:
    server = Node(refusals)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def feeding(settings: FeedSettings, shelf: Shelf) -> AsyncIterator[Feed]:
    feed = Feed(settings, shelf, dice=lambda: 0.0)
    await feed.start()
    try:
        yield feed
    finally:
        await asyncio.wait_for(feed.stop(), LIMIT_S)
        assert KEY not in repr(shelf.notes), "a message shows the key of an endpoint"


def run(main: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a test on the loop that production runs on."""
    uvloop.run(asyncio.wait_for(main(), 2 * LIMIT_S))


# ── the other side ───────────────────────────────────────────────────────────────


def settings(
    *endpoints: Endpoint,
    programs: tuple[bytes, ...] = (PUMP,),
    rpc: str | None = None,
    record: str = "",
    connection: Connection = QUICK,
) -> FeedSettings:
    return FeedSettings(
        endpoints=endpoints,
        programs=tuple(Pubkey(program) for program in programs),
        rpc=rpc,
        record=record,
        connection=connection,
        gaps=Gaps(grace_s=0.05, calls_per_s=1000.0),
    )


class Chain:
    """What the RPC server serves: which transaction landed in which slot, and its moods."""

    def __init__(self, *, busy: int = 0, behind: int = 0, unindexed: int = 0, refusal: str = "") -> None:
        self.landed: dict[int, int] = {}
        self.failed: set[int] = set()
        self.busy, self.behind, self.unindexed, self.refusal = busy, behind, unindexed, refusal

    async def serve(self, request: web.Request) -> web.Response:
        if self.busy:
            self.busy -= 1
            return web.Response(status=429)
        call = await request.json()
        return web.json_response({"jsonrpc": "2.0", "id": call["id"], **self._answer(call["method"], call["params"])})

    def _answer(self, method: str, params: list[object]) -> dict[str, object]:
        if self.refusal:
            return {"error": {"code": -32000, "message": self.refusal}}
        if method == "getSignaturesForAddress":
            if self.behind:
                self.behind -= 1
                return {"error": {"code": -32016, "message": "Minimum context slot has not been reached"}}
            all_of_them = sorted({*self.landed, *self.failed}, reverse=True)
            error = {"InstructionError": [0, "Custom"]}
            return {
                "result": [
                    {"signature": signature(n), "slot": n, "err": error if n in self.failed else None}
                    for n in all_of_them
                ]
            }
        if self.unindexed:
            self.unindexed -= 1
            return {"result": None}
        slot = next(slot for n, slot in self.landed.items() if signature(n) == params[0])
        transaction = {
            "blockTime": 1,
            "meta": {"err": None},
            "slot": slot,
            "transaction": ["AA==", "base64"],
            "version": 0,
        }
        return {"result": transaction}


@asynccontextmanager
async def http(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def rpc(chain: Chain) -> AsyncIterator[str]:
    async with http(chain.serve) as url:
        yield url
