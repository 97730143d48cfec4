"""One WebSocket endpoint: connects, subscribes, hands on frames, and comes back when it is lost.

ws(s)://… -> Sink.frame (data, untouched), Sink.note (FeedChanged, InputRefused), Watcher (slots)

The receive stamp is taken first, then the head of the frame is scanned for its
kind; only heartbeats and answers, a few hundred bytes each, are decoded. picows
costs 26-35 µs a 3 kB message where aiohttp costs 38-54 and websockets 48-79.

Compression is never offered, TLS is always verified, and no URL leaves this
module unmasked: picows is given a logger that says nothing, since its debug
output shows the request line with the key in it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import ssl
from collections.abc import Callable
from urllib.parse import unquote, urlsplit, urlunsplit

from picows import WSError, WSFrame, WSHandshakeError, WSListener, WSMsgType, WSTransport, ws_connect

from sniperforge.base.clock import Clock
from sniperforge.base.errors import ConfigError
from sniperforge.base.events import FeedChanged
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.feeds import dex_ws
from sniperforge.feeds.address import checked_url, default_name, masked, scrubbed
from sniperforge.feeds.backoff import Backoff
from sniperforge.feeds.dex_ws import AnnouncerSession
from sniperforge.feeds.session import Ending, Session, Tally
from sniperforge.feeds.settings import AccountFilter, Connection, Endpoint
from sniperforge.feeds.source import CONNECTING, LOST, REFUSED, Sink, SourceStats, Watcher, ended
from sniperforge.feeds.subscription import requests

#: Seconds a dead transport gets to say goodbye before it is forgotten.
GOODBYE_S = 1.0
#: Refusals of the handshake that pass by themselves: timeout, too early, too many.
_PASSING = (408, 425, 429)
_quiet = logging.Logger("picows.quiet", logging.CRITICAL + 1)


class _Listener(WSListener):
    """What picows calls; stamps first, then asks the session."""

    def __init__(self, session: Session, clock: Clock, frame_bytes_max: int) -> None:
        super().__init__()
        self.session = session
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._now_ns = clock.now_ns
        self._frame_bytes_max = frame_bytes_max

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self.ended.done():
            transport.disconnect(graceful=False)
            return
        for text in self.session.opened(self._now_ns()):
            transport.send(WSMsgType.TEXT, text)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        recv_ns = self._now_ns()
        if self.ended.done():
            return
        try:
            ending = self._taken(frame, recv_ns)
        except Exception as problem:
            # Boundary: what the sink raised must reach whoever waits for this
            # source; picows would log it and go on.
            self.ended.set_exception(problem)
            return
        if ending is not None:
            self.ended.set_result(ending)

    def _taken(self, frame: WSFrame, recv_ns: int) -> Ending | None:
        opcode = frame.msg_type
        # picows 2.3 hands on the frame that broke its own limit before it closes.
        if frame.payload_size > self._frame_bytes_max:
            return Ending(LOST, self._too_large())
        if opcode == WSMsgType.TEXT and frame.fin:
            return self.session.text(frame.get_payload_as_bytes(), recv_ns)
        if opcode in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            payload = frame.get_payload_as_bytes()
            return self.session.piece(
                payload,
                recv_ns,
                binary=opcode == WSMsgType.BINARY,
                first=opcode != WSMsgType.CONTINUATION,
                fin=frame.fin,
            )
        if opcode == WSMsgType.PONG:
            self.session.pong(recv_ns)
        return None

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.ended.done():
            self.ended.set_result(Ending(LOST, self._farewell(transport)))

    def _too_large(self) -> str:
        return f"a message was larger than {self._frame_bytes_max} bytes; raise connection.frame_bytes_max"

    def _farewell(self, transport: WSTransport) -> str:
        handshake = transport.close_handshake
        if handshake is None:
            return "the connection broke"
        if handshake.sent is not None and not handshake.recv_then_sent:
            code = int(handshake.sent.code.value)
            if code == 1009:
                return self._too_large()
            return f"the server broke the WebSocket protocol ({code} {handshake.sent.reason or ''})"
        if handshake.recv is not None:
            return f"the server closed ({int(handshake.recv.code.value)} {handshake.recv.reason or ''})"
        return "the connection was closed"


class WebSocketSource:
    """A `Source` over one endpoint.

    Args:
        endpoint: where and which subscription.
        programs: program ids wanted.
        limits: bounds of the connection.
        sink: takes frames and notes.
        watcher: told of heartbeats, of subscriptions and of losses.
        clock: stamps frames; counts silence.
        dice: number in [0, 1), spreads the waits between attempts.
        accounts: accounts wanted of an endpoint that shows those.

    Raises:
        ConfigError: the URL is unusable, there is no program (or account), or `ca_file` cannot be read.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        programs: tuple[Pubkey, ...],
        *,
        limits: Connection,
        sink: Sink,
        watcher: Watcher,
        clock: Clock,
        dice: Callable[[], float],
        accounts: tuple[AccountFilter, ...] = (),
    ) -> None:
        where = f"endpoint {masked(endpoint.url)}"
        parts = checked_url(endpoint.url, where, ("ws", "wss"))
        if not programs and endpoint.kind != "pumpportal":
            raise ConfigError(where, "has no program to subscribe to", "name at least one in feed.programs")
        self.name = endpoint.name or default_name(parts)
        if not accounts and endpoint.kind == "program":
            raise ConfigError(where, "has no account to subscribe to", "name at least one in feed.accounts")
        self._endpoint, self._programs, self._accounts = endpoint, programs, accounts
        self._limits, self._sink, self._watcher, self._clock = limits, sink, watcher, clock
        self._url, self._headers = _dialled(endpoint.url)
        self._tls = _trusting(limits.ca_file) if parts.scheme == "wss" else None
        self._tally = Tally()
        self._task: asyncio.Task[None] | None = None
        self._backoff = Backoff(
            first_s=limits.retry_first_s, most_s=limits.retry_most_s, stable_s=limits.stable_s, dice=dice
        )

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        self._task = asyncio.create_task(self._run(), name=f"feed {self.name}")

    async def wait(self) -> None:
        """Wait until `stop`; raises what the sink raised, if it did."""
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    async def stop(self) -> None:
        """Drop the connection and end."""
        if self._task is not None:
            await ended(self._task)

    def stats(self) -> SourceStats:
        """Return the figures so far."""
        tally = self._tally
        return SourceStats(
            name=self.name,
            state=tally.state,
            frames=tally.frames,
            bytes=tally.bytes,
            connections=tally.connections,
            refused=tally.refusals.count,
            slot=tally.slot,
        )

    async def _run(self) -> None:
        while True:
            self._change(CONNECTING, masked(self._endpoint.url))
            begun_ns = self._clock.now_ns()
            ending = await self._connection()
            stood_s = (self._clock.now_ns() - begun_ns) / NANOS_PER_SECOND if ending.subscribed else 0.0
            self._change(ending.state, ending.detail)
            wait_s = self._limits.refused_retry_s if ending.state == REFUSED else self._backoff.next_s(stood_s)
            await asyncio.sleep(wait_s)

    async def _connection(self) -> Ending:
        """Live through one connection; returns how it ended."""
        announces = self._endpoint.kind == "pumpportal"
        session = (AnnouncerSession if announces else Session)(
            self.name,
            dex_ws.requests() if announces else requests(self._endpoint, self._programs, self._accounts),
            limits=self._limits,
            sink=self._sink,
            watcher=self._watcher,
            tally=self._tally,
            scrub=lambda text: scrubbed(text, self._endpoint.url),
        )
        listener = _Listener(session, self._clock, self._limits.frame_bytes_max)
        try:
            transport = await self._dial(listener)
        except (WSError, OSError, TimeoutError, ValueError) as problem:
            # ValueError: a host name that IDNA cannot write.
            listener.ended.cancel()
            return self._refused_at_the_door(problem)
        try:
            ending = await self._watch(listener, transport)
        finally:
            listener.ended.cancel()
            transport.disconnect(graceful=False)
            if session.subscribed:
                self._watcher.lost(self.name)
            with contextlib.suppress(WSError, OSError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await transport.wait_disconnected()
        return Ending(ending.state, scrubbed(ending.detail, self._endpoint.url), session.subscribed)

    async def _dial(self, listener: _Listener) -> WSTransport:
        connect = ws_connect(
            lambda: listener,
            self._url,
            ssl_context=self._tls,
            websocket_handshake_timeout=self._limits.connect_s,
            logger_name=_quiet,
            max_frame_size=self._limits.frame_bytes_max,
            extra_headers=self._headers,
            # A redirect may lead a key to another host: told, not followed.
            max_redirects=0,
            use_aiofastnet=False,
        )
        # Not wait_for: in 3.11 it swallows a cancellation that comes together
        # with the result, and `stop` then waits for a source that goes on.
        async with asyncio.timeout(self._limits.connect_s):
            transport, _ = await connect
        return transport

    async def _watch(self, listener: _Listener, transport: WSTransport) -> Ending:
        """Wait for the end of a connection; make one when it has fallen silent."""
        limits, overdue = self._limits, ""
        tick_s = min(limits.stall_s, limits.subscribe_s, limits.ping_s) / 4
        while True:
            done, _ = await asyncio.wait({listener.ended}, timeout=tick_s)
            if done:
                return listener.ended.result()
            now_ns = self._clock.now_ns()
            ending = listener.session.overdue(now_ns)
            # uvloop runs timers before it reads sockets: after a pause of the
            # whole process the frames may be there, unread. So overdue twice.
            if ending is not None and overdue:
                return ending
            overdue = "" if ending is None else ending.state
            if listener.session.ping_due(now_ns):
                transport.send_ping()

    def _refused_at_the_door(self, problem: Exception) -> Ending:
        words = scrubbed(str(problem), self._endpoint.url)
        if isinstance(problem, ssl.SSLCertVerificationError):
            return Ending(REFUSED, f"certificate: {words}; check the host name, or set connection.ca_file")
        if isinstance(problem, WSHandshakeError) and problem.response is not None:
            status = int(problem.response.status)
            body = scrubbed((problem.raw_body or b"").decode("utf-8", "replace"), self._endpoint.url)[:120]
            final = 300 <= status < 500 and status not in _PASSING
            return Ending(REFUSED if final else LOST, f"the server answered HTTP {status} {body}".rstrip())
        if isinstance(problem, TimeoutError):
            return Ending(LOST, f"no connection within {self._limits.connect_s} s")
        return Ending(LOST, f"cannot connect: {words or type(problem).__name__}")

    def _change(self, state: str, detail: str) -> None:
        self._tally.state = state
        self._sink.note(FeedChanged(ts_ns=self._clock.now_ns(), source=self.name, state=state, detail=detail))


def _dialled(url: str) -> tuple[str, dict[str, str]]:
    """Return the URL without user part and fragment, and the header that carries the user part."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    headers = {}
    if at:
        headers["Authorization"] = "Basic " + base64.b64encode(unquote(user).encode()).decode()
    return urlunsplit((parts.scheme, host, parts.path, parts.query, "")), headers


def _trusting(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as problem:
            cure = "name a PEM file of certificates"
            raise ConfigError("connection.ca_file", f"{ca_file}: {problem}", cure) from problem
    return context
