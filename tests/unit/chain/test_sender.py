"""Bytes go out in the caller's own call; answers are counted and believed nothing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable

import orjson
import pytest

from sniperforge.chain.rpc import endpoint
from sniperforge.chain.sender import ANSWER_BYTES_MAX, OUTSTANDING_MAX, RpcSender, _Connection

RAW = bytes(range(200))


class Wire(asyncio.Transport):
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Line:
    """A sender with one open connection to a wire."""

    def __init__(self, url: str = "http://127.0.0.1:8899") -> None:
        self.told: list[tuple[str, str]] = []
        self.sender = RpcSender(endpoint(url, where="x"), answered=lambda s, p: self.told.append((s, p)))
        self.wire = Wire()
        self.connection = _Connection(self.sender._answered, lambda: None)
        self.connection.connection_made(self.wire)
        self.sender._open.append(self.connection)

    def answer(self, body: bytes, *, status: str = "200 OK", extra: bytes = b"") -> None:
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n" % (status.encode(), len(body), extra)
        self.connection.data_received(head + body)


def within(use: Callable[[], None]) -> None:
    """Run *use* inside an event loop."""

    async def run() -> None:
        use()

    asyncio.run(run())


def test_a_send_is_one_written_request() -> None:
    line = Line("http://127.0.0.1:8899/path?key=x")
    within(lambda: line.sender.send("sig", RAW, 0))
    head, _, body = line.wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /path?key=x HTTP/1.1\r\nHost: 127.0.0.1:8899\r\n")
    assert b"Content-Length: %d" % len(body) in head
    request = orjson.loads(body)
    assert request["method"] == "sendTransaction"
    assert base64.b64decode(request["params"][0]) == RAW
    assert request["params"][1] == {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
    assert line.sender.sent == 1


@pytest.mark.parametrize(
    ("url", "host"), [("https://a.example/", b"a.example"), ("http://[::1]:1/", b"[::1]:1"), ("http://b", b"b")]
)
def test_the_host_header_names_a_port_only_when_it_must(url: str, host: bytes) -> None:
    line = Line(url)
    within(lambda: line.sender.send("sig", RAW, 0))
    assert b"Host: " + host + b"\r\n" in line.wire.written


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b'{"result":"sig"}', "200 OK", ""),
        (b'{"result":"other"}', "200 OK", "HTTP 200: answered another signature"),
        (b'{"error":{"code":-32002,"message":"Blockhash not found"}}', "200 OK", "-32002: Blockhash not found"),
        (b"<html>", "502 Bad Gateway", "HTTP 502 without JSON"),
        (b"[]", "200 OK", "HTTP 200: not JSON-RPC"),
    ],
)
def test_answers_are_told_to_their_order(body: bytes, status: str, problem: str) -> None:
    line = Line()
    within(lambda: line.sender.send("sig", RAW, 0))
    line.answer(body, status=status)
    assert line.told == [("sig", problem)]
    assert line.sender.refused == bool(problem)


def test_answers_come_in_the_order_of_the_requests() -> None:
    line = Line()

    def use() -> None:
        line.sender.send("one", RAW, 0)
        line.sender.send("two", RAW, 0)

    within(use)
    line.answer(b'{"result":"one"}')
    line.answer(b'{"result":"two"}')
    assert line.told == [("one", ""), ("two", "")]


def test_the_least_busy_connection_takes_the_next() -> None:
    line, other = Line(), Line()
    line.sender._open.append(other.connection)

    def use() -> None:
        line.sender.send("one", RAW, 0)
        line.sender.send("two", RAW, 0)

    within(use)
    assert line.wire.written
    assert other.wire.written


def test_without_a_connection_nothing_is_sent_and_it_is_counted() -> None:
    line = Line()
    line.wire.closed = True
    within(lambda: line.sender.send("sig", RAW, 0))
    assert (line.sender.sent, line.sender.unsent, line.wire.written) == (0, 1, b"")


def test_a_connection_takes_no_more_than_its_bound() -> None:
    line = Line()

    def use() -> None:
        for _ in range(OUTSTANDING_MAX + 1):
            line.sender.send("sig", RAW, 0)

    within(use)
    assert (line.sender.sent, line.sender.unsent) == (OUTSTANDING_MAX, 1)


def test_a_lost_connection_tells_what_it_was_waiting_for() -> None:
    line = Line()

    def use() -> None:
        line.sender.send("sig", RAW, 0)
        line.connection.write("", b"ping", 0.0)

    within(use)
    line.connection.connection_lost(None)
    assert line.told == [("sig", "connection lost before the answer")]
    line.connection.abort()


@pytest.mark.parametrize(
    "noise", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + bytes(ANSWER_BYTES_MAX + 1)]
)
def test_noise_closes_the_connection(noise: bytes) -> None:
    line = Line()
    within(lambda: line.sender.send("sig", RAW, 0))
    line.connection.data_received(noise)
    assert line.wire.closed


def test_an_answer_that_closes_ends_the_connection() -> None:
    line = Line()
    within(lambda: line.sender.send("sig", RAW, 0))
    line.answer(b'{"result":"sig"}', extra=b"Connection: close\r\n")
    assert line.wire.closed


def test_an_answer_nobody_asked_for_is_ignored() -> None:
    line = Line()
    line.answer(b'{"result":"sig"}')
    assert line.told == []


def test_a_sender_without_a_listener_still_counts() -> None:
    line = Line()
    line.sender._tell = None
    within(lambda: line.sender.send("sig", RAW, 0))
    line.answer(b"<html>")
    assert line.sender.refused == 1


def test_tls_is_always_verified() -> None:
    context = RpcSender(endpoint("https://a.example", where="x"))._context
    assert context is not None
    assert context.check_hostname
