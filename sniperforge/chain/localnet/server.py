"""The sockets: JSON-RPC over HTTP and WebSocket, on two ports as a validator has them.

POST / -> answer · GET / with an upgrade -> notifications · GET /health -> ok

Source: Solana's JSON-RPC; aiohttp serves.
"""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress

import orjson
from aiohttp import WSMsgType, web

from sniperforge.chain.localnet import methods
from sniperforge.chain.localnet.node import Node
from sniperforge.chain.localnet.refusal import PARSE_ERROR, Json, PortBusy, RpcRefusal
from sniperforge.chain.localnet.subscriptions import Hub
from sniperforge.chain.localnet.topics import is_unsubscribe, read_topic

#: RFC 6455: policy violation. A client that does not read breaks ours.
CLOSE_SLOW = 1008
_JSON = "application/json"


class Socket:
    """One WebSocket client: what waits to be sent to it, bounded."""

    def __init__(self, websocket: web.WebSocketResponse, queue_max: int) -> None:
        self.websocket = websocket
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(queue_max)
        self.overrun = asyncio.Event()

    def offer(self, message: bytes) -> None:
        """Queue *message*; when the queue is full the client is cut off."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.overrun.set()

    async def write(self) -> None:
        """Send what waits until the client is gone or too slow."""
        with suppress(ConnectionError):
            while True:
                await self.websocket.send_frame(await self.queue.get(), WSMsgType.TEXT)

    async def watch(self) -> None:
        """Close the socket once it fell behind, with the reason."""
        await self.overrun.wait()
        reason = f"slow client: more than {self.queue.maxsize} notifications waited".encode()
        await self.websocket.close(code=CLOSE_SLOW, message=reason, drain=False)


class Server:
    """HTTP and WebSocket ends of one node."""

    def __init__(self, node: Node, hub: Hub) -> None:
        self.node, self.hub = node, hub
        self.sockets: set[Socket] = set()
        self.dropped_slow = 0

    def application(self) -> web.Application:
        """Return the aiohttp application; both ports serve it."""
        app = web.Application(client_max_size=self.node.bank.settings.body_bytes_max)
        app.router.add_post("/", self._post)
        app.router.add_get("/", self._get)
        app.router.add_get("/health", self._health)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        return web.Response(body=methods.answer(self.node, body), content_type=_JSON)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=405, text="localnet: POST JSON-RPC here, or open a WebSocket\n")
        websocket = web.WebSocketResponse(
            compress=False, max_msg_size=self.node.bank.settings.body_bytes_max, autoping=True
        )
        await websocket.prepare(request)
        socket = Socket(websocket, self.node.bank.settings.queue_max)
        self.sockets.add(socket)
        tasks = [asyncio.create_task(socket.write()), asyncio.create_task(socket.watch())]
        try:
            async for message in websocket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._on_message(socket, message.data)
        finally:
            self.hub.leave(socket)
            self.sockets.discard(socket)
            self.dropped_slow += socket.overrun.is_set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return websocket

    def _on_message(self, socket: Socket, message: str | bytes) -> None:
        identity: Json = None
        try:
            body = orjson.loads(message)
            identity = body.get("id") if isinstance(body, dict) else None
            identity, method, params = methods.parse(body)
            if is_unsubscribe(method):
                self.hub.unsubscribe(params.number(0, "subscription"), socket)
                socket.offer(methods.accept(identity, True))
                return
            topic = read_topic(method, params)
            number = self.hub.subscribe(topic, socket)
            # The number first: a client drops news of a subscription it does not know.
            socket.offer(methods.accept(identity, number))
            self.hub.catch_up(topic)
        except orjson.JSONDecodeError as problem:
            socket.offer(methods.refuse(None, RpcRefusal(PARSE_ERROR, f"Parse error: {problem}")))
        except RpcRefusal as refusal:
            socket.offer(methods.refuse(identity, refusal))

    async def close(self) -> None:
        """Say goodbye to every client."""
        for socket in list(self.sockets):
            await socket.websocket.close(code=1001, message=b"localnet stops")


async def listen(runner: web.AppRunner, host: str, port: int) -> int:
    """Serve *runner* on a port and return it (the kernel's choice for 0); raises PortBusy."""
    site = web.TCPSite(runner, host, port, reuse_address=True)
    try:
        await site.start()
    except OSError as problem:
        if problem.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise PortBusy(host, port) from None
        raise
    return int(runner.addresses[-1][1])
