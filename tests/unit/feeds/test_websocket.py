"""What the socket library says becomes states and words; an unusable endpoint is refused before it is dialled."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import pytest
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSMsgType,
    WSTransport,
    WSUpgradeResponse,
)
from picows.picows import _make_test_ws_frame

from sniperforge.base import keys
from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import ConfigError
from sniperforge.base.events import Event
from sniperforge.base.units import Pubkey
from sniperforge.feeds.session import Ending, Session, Tally
from sniperforge.feeds.settings import Connection, Endpoint
from sniperforge.feeds.websocket import WebSocketSource, _dialled, _Listener

PUMP = keys.key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
LOGS = b'{"jsonrpc":"2.0","method":"logsNotification","params":{}}'


class Ear:
    """Sink and watcher that may fail."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.frames: list[bytes] = []
        self.notes: list[Event] = []
        self._problem = problem

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        if self._problem is not None:
            raise self._problem
        assert (recv_ns, late) == (5, False)
        self.frames.append(data)

    def note(self, event: Event) -> None:
        self.notes.append(event)

    def live(self, source: str, subscriptions: dict[int, Pubkey | None]) -> None:
        raise AssertionError("nothing was answered")

    def slot(self, source: str, slot: int, parent: int) -> None:
        raise AssertionError("no slot was told")

    def lost(self, source: str) -> None:
        raise AssertionError("nothing was subscribed")


@dataclass
class Close:
    """One side of a closing handshake."""

    code: WSCloseCode
    reason: str = ""


@dataclass
class Closing:
    """How a connection was closed."""

    recv: Close | None = None
    sent: Close | None = None
    recv_then_sent: bool = False


@dataclass
class Wire:
    """As much of a transport as a listener touches."""

    close_handshake: Closing | None = None
    sent: list[bytes] = field(default_factory=list)
    dropped: list[bool] = field(default_factory=list)

    def send(self, kind: WSMsgType, message: bytes) -> None:
        assert kind == WSMsgType.TEXT
        self.sent.append(message)

    def disconnect(self, graceful: bool = True) -> None:
        self.dropped.append(graceful)


def on(ear: Ear, act: Callable[[_Listener, Wire], None], wire: Wire | None = None) -> asyncio.Future[Ending]:
    """Let *act* play the library on a listener; return its future."""
    wire = wire or Wire()

    async def main() -> asyncio.Future[Ending]:
        session = Session(
            "node", (), limits=Connection(frame_bytes_max=1024), sink=ear, watcher=ear, tally=Tally(), scrub=str
        )
        listener = _Listener(session, ManualClock(5), 1024)
        act(listener, wire)
        return listener.ended

    return asyncio.run(main())


def heard(kind: WSMsgType, payload: bytes, *, fin: bool = True) -> WSFrame:
    return _make_test_ws_frame(kind, payload, fin, False)


def play(listener: _Listener, *frames: WSFrame) -> None:
    for frame in frames:
        listener.on_ws_frame(_wire(Wire()), frame)


def _wire(wire: Wire) -> WSTransport:
    return wire  # type: ignore[return-value]


def test_whole_and_fragmented_texts_pass_and_controls_do_not() -> None:
    """Ping is answered by the library, pong is a sign of life."""
    ear = Ear()
    ended = on(
        ear,
        lambda listener, wire: play(
            listener,
            heard(WSMsgType.TEXT, LOGS),
            heard(WSMsgType.TEXT, LOGS[:9], fin=False),
            heard(WSMsgType.PONG, b""),
            heard(WSMsgType.CONTINUATION, LOGS[9:]),
            heard(WSMsgType.PING, b""),
            heard(WSMsgType.BINARY, b"\x00"),
        ),
    )
    assert ear.frames == [LOGS, LOGS]
    assert not ended.done()


def test_a_frame_beyond_the_bound_ends_it_at_the_edge() -> None:
    """1,024 bytes pass, one more does not; what comes after the end is not heard."""
    ear = Ear()
    edge = LOGS + b" " * (1024 - len(LOGS))
    ended = on(
        ear,
        lambda listener, wire: play(
            listener, heard(WSMsgType.TEXT, edge), heard(WSMsgType.TEXT, edge + b" "), heard(WSMsgType.TEXT, LOGS)
        ),
    )
    assert ear.frames == [edge]
    assert ended.result() == Ending("lost", "a message was larger than 1024 bytes; raise connection.frame_bytes_max")


def test_what_the_sink_raises_is_what_the_connection_ends_with() -> None:
    """The library would log it and go on."""
    ended = on(
        Ear(MemoryError("gone")),
        lambda listener, wire: play(listener, heard(WSMsgType.TEXT, LOGS), heard(WSMsgType.TEXT, LOGS)),
    )
    with pytest.raises(MemoryError, match="gone"):
        ended.result()


@pytest.mark.parametrize(
    ("closing", "words"),
    [
        (None, "the connection broke"),
        (Closing(), "the connection was closed"),
        (Closing(recv=Close(WSCloseCode.GOING_AWAY, "bye")), "the server closed (1001 bye)"),
        (
            Closing(recv=Close(WSCloseCode.OK), sent=Close(WSCloseCode.OK), recv_then_sent=True),
            "the server closed (1000 )",
        ),
        (
            Closing(sent=Close(WSCloseCode.MESSAGE_TOO_BIG)),
            "a message was larger than 1024 bytes; raise connection.frame_bytes_max",
        ),
        (
            Closing(sent=Close(WSCloseCode.PROTOCOL_ERROR, "mask")),
            "the server broke the WebSocket protocol (1002 mask)",
        ),
    ],
)
def test_the_end_of_a_connection_has_words(closing: Closing | None, words: str) -> None:
    """Who closed, and why."""
    wire = Wire(close_handshake=closing)
    ended = on(Ear(), lambda listener, at: listener.on_ws_disconnected(_wire(at)), wire)
    assert ended.result() == Ending("lost", words)


def test_a_handshake_that_comes_after_we_gave_up_is_dropped() -> None:
    """And the end, told once, stays as it was."""
    wire = Wire()

    def late(listener: _Listener, at: Wire) -> None:
        listener.ended.cancel()
        listener.on_ws_connected(_wire(at))
        listener.on_ws_disconnected(_wire(at))

    assert on(Ear(), late, wire).cancelled()
    assert (wire.dropped, wire.sent) == ([False], [])


def source(url: str = "wss://h/?api-key=secretsecret", *, ca_file: str = "") -> WebSocketSource:
    ear = Ear()
    return WebSocketSource(
        Endpoint(url=url),
        (PUMP,),
        limits=Connection(ca_file=ca_file),
        sink=ear,
        watcher=ear,
        clock=ManualClock(),
        dice=lambda: 0.0,
    )


def refusal(status: int, body: bytes = b"") -> WSHandshakeError:
    response = WSUpgradeResponse()
    response.status = HTTPStatus(status)
    return WSHandshakeError("no", b"", body, response)


@pytest.mark.parametrize(
    ("problem", "ending"),
    [
        (refusal(401, b"bad secretsecret"), ("refused", "the server answered HTTP 401 bad ***")),
        (refusal(302), ("refused", "the server answered HTTP 302")),
        (refusal(429), ("lost", "the server answered HTTP 429")),
        (refusal(503, b"\xff"), ("lost", "the server answered HTTP 503 �")),
        (WSHandshakeError("odd secretsecret"), ("lost", "cannot connect: odd ***")),
        (TimeoutError(), ("lost", "no connection within 5.0 s")),
        (OSError(), ("lost", "cannot connect: OSError")),
        (ConnectionRefusedError(111, "refused"), ("lost", "cannot connect: [Errno 111] refused")),
        (WSError("bad"), ("lost", "cannot connect: bad")),
        (
            ssl.SSLCertVerificationError("self-signed"),
            ("refused", "certificate: ('self-signed',); check the host name, or set connection.ca_file"),
        ),
    ],
)
def test_a_failed_handshake_is_refused_for_good_or_lost_for_now(problem: Exception, ending: tuple[str, str]) -> None:
    """A wrong key stays wrong; a busy server does not stay busy."""
    assert source()._refused_at_the_door(problem)[:2] == ending


def test_the_user_part_of_a_url_becomes_a_header() -> None:
    """The library ignores it; the fragment is ours."""
    assert _dialled("wss://us%40er:pass@h:1/p?q=1#logs") == (
        "wss://h:1/p?q=1",
        {"Authorization": "Basic dXNAZXI6cGFzcw=="},
    )
    assert _dialled("ws://h") == ("ws://h", {})


def test_an_unusable_endpoint_is_refused_without_its_key() -> None:
    """Before anything is dialled."""
    for url in ("http://h/?k=secretsecret", "ws://h:x/?k=secretsecret"):
        with pytest.raises(ConfigError) as caught:
            source(url)
        assert "secretsecret" not in str(caught.value)
    with pytest.raises(ConfigError, match="has no program to subscribe to; name at least one"):
        ear = Ear()
        WebSocketSource(
            Endpoint(url="ws://h"),
            (),
            limits=Connection(),
            sink=ear,
            watcher=ear,
            clock=ManualClock(),
            dice=lambda: 0.0,
        )


def test_a_certificate_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """Missing, or not PEM."""
    path = tmp_path / "ca.pem"
    with pytest.raises(ConfigError, match=r"connection.ca_file: .*; name a PEM file"):
        source(ca_file=str(path))
    path.write_text("no certificate")
    with pytest.raises(ConfigError, match=r"connection.ca_file: .*; name a PEM file"):
        source(ca_file=str(path))


def test_a_source_that_never_began_waits_and_stops() -> None:
    """Its figures are all zero."""

    async def main() -> None:
        one = source()
        await one.wait()
        await one.stop()
        stats = one.stats()
        assert (stats.name, stats.state, stats.frames, stats.connections) == ("h", "connecting", 0, 0)

    asyncio.run(main())
