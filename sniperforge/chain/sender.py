"""The hot sender: signed bytes onto a warm connection, in the caller's own call.

raw transaction -> one write of an HTTP request; answers come back to a callback

A pool of keep-alive connections (TLS verified) is opened before it is needed and
kept warm by a getHealth now and then. `send` picks the connection with the
fewest answers outstanding and writes; it never waits. Measured on loopback: 63–80 µs
for a round trip this way, 300–570 µs through a general client.

What a send's answer says is no proof of anything: it is counted and shown, and
the chain is asked what happened.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools
import orjson

from sniperforge.base.errors import UnavailableError
from sniperforge.chain.rpc import Endpoint

ANSWER_BYTES_MAX = 1 << 20
OUTSTANDING_MAX = 64
RECONNECT_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
WARM_S = 10.0
CONNECT_TIMEOUT_S = 5.0
#: An answer that takes longer means a connection nobody listens on any more.
ANSWER_TIMEOUT_S = 10.0

Answered = Callable[[str, str], None]


class NoConnection(UnavailableError):
    """No connection to the endpoint could be opened."""


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: requests out, answers in order."""

    def __init__(self, answered: Answered, lost: Callable[[], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.outstanding: deque[str] = deque()
        self.written_s = 0.0
        self._answered, self._lost = answered, lost
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport but not its type.
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        for signature in self.outstanding:
            if signature:
                self._answered(signature, "connection lost before the answer")
        self.outstanding.clear()
        self._lost()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > ANSWER_BYTES_MAX:
            raise ValueError("answer too long")

    def on_message_complete(self) -> None:
        signature = self.outstanding.popleft() if self.outstanding else ""
        status = self._parser.get_status_code()
        body, self._body = bytes(self._body), bytearray()
        if signature:
            self._answered(signature, _problem(status, body, signature))
        if not self._parser.should_keep_alive():
            self.abort()

    def write(self, signature: str, request: bytes, now_s: float) -> None:
        assert self.transport is not None
        self.outstanding.append(signature)
        self.written_s = now_s
        self.transport.write(request)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def _problem(status: int, body: bytes, signature: str) -> str:
    """Return "" when the endpoint took the transaction, else what it said, in one line."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return f"HTTP {status} without JSON"
    if not isinstance(answer, dict):
        return f"HTTP {status}: not JSON-RPC"
    error = answer.get("error")
    if isinstance(error, dict):
        return f"{error.get('code')}: {str(error.get('message'))[:160]}"
    if answer.get("result") != signature:
        return f"HTTP {status}: answered another signature"
    return ""


class RpcSender:
    """Sends transactions to one endpoint by `sendTransaction`.

    Args:
        target: the endpoint.
        connections: how many are kept warm.
        answered: called with (signature, "" or the problem) for every answer.
    """

    def __init__(self, target: Endpoint, *, connections: int = 2, answered: Answered | None = None) -> None:
        self.target = target
        self.sent = self.refused = self.unsent = 0
        self._count = connections
        self._tell = answered
        self._open: list[_Connection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._context = ssl.create_default_context() if target.secure else None
        default_port = target.port == (443 if target.secure else 80)
        host = f"[{target.host}]" if ":" in target.host else target.host
        authority = host if default_port else f"{host}:{target.port}"
        self._head = (
            f"POST {target.path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode("ascii")
        self._id = 0

    async def start(self) -> None:
        """Open the connections.

        Raises:
            NoConnection: not one could be opened.
        """
        try:
            await self._connect()
        except (OSError, TimeoutError) as problem:
            raise NoConnection(
                f"{self.target.name}: cannot connect ({type(problem).__name__}); check the endpoint and the network"
            ) from None
        self._tasks = [asyncio.create_task(self._keep(), name="sender-keep")]

    async def stop(self) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._open):
            connection.abort()

    def send(self, signature: str, raw: bytes, now_ns: int) -> None:
        """Write the transaction out; never waits. Without a connection it is counted in `unsent` (re-sent later)."""
        self._id += 1
        body = b'{"jsonrpc":"2.0","id":%d,"method":"sendTransaction","params":["%b",%b]}' % (
            self._id,
            base64.b64encode(raw),
            _OPTIONS,
        )
        self._write(signature, body)

    def _write(self, signature: str, body: bytes) -> None:
        alive = [c for c in self._open if c.transport is not None and not c.transport.is_closing()]
        chosen = min(alive, key=lambda c: len(c.outstanding), default=None)
        if chosen is None or len(chosen.outstanding) >= OUTSTANDING_MAX:
            self.unsent += 1
            return
        chosen.write(signature, b"%b%d\r\n\r\n%b" % (self._head, len(body), body), asyncio.get_running_loop().time())
        if signature:
            self.sent += 1

    def _answered(self, signature: str, problem: str) -> None:
        if problem:
            self.refused += 1
        if self._tell is not None:
            self._tell(signature, problem)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()

        def lost() -> None:
            if connection in self._open:
                self._open.remove(connection)

        connection = _Connection(self._answered, lost)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await loop.create_connection(
                lambda: connection,
                self.target.host,
                self.target.port,
                ssl=self._context,
                server_hostname=self.target.host if self._context else None,
            )
        self._open.append(connection)

    async def _keep(self) -> None:
        """Hold the number of connections, and keep idle ones from being closed on us."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            while len(self._open) < self._count:
                try:
                    await self._connect()
                    failures = 0
                except (OSError, TimeoutError):
                    await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
                    failures += 1
            for connection in list(self._open):
                idle_s = loop.time() - connection.written_s
                if connection.outstanding and idle_s > ANSWER_TIMEOUT_S:
                    connection.abort()
                elif not connection.outstanding and idle_s > WARM_S and connection.transport is not None:
                    body = b'{"jsonrpc":"2.0","id":0,"method":"getHealth"}'
                    connection.write("", b"%b%d\r\n\r\n%b" % (self._head, len(body), body), loop.time())
            await asyncio.sleep(RECONNECT_S[0])


_OPTIONS = orjson.dumps({"encoding": "base64", "skipPreflight": True, "maxRetries": 0})
