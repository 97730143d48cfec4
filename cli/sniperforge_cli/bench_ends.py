"""Both ends of `bench path` in one process: the endpoint that sends frames, the RPC that takes orders.

plan (frames, schedule) -> WebSocket frames out, HTTP orders in -> stamps of both, by mint

It sits outside of what is measured: it stamps a launch just before its frame is
handed to the kernel, and an order as soon as its bytes come out of the kernel.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httptools
import orjson
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server
from solders.hash import Hash
from solders.signature import Signature

from sniperforge.base.errors import UnavailableError
from sniperforge_cli.frames import Launch, launches, trades

SLOT_S = 0.4
#: Distinct trade frames; each goes out under a fresh signature, since a feed drops a signature it has seen.
TRADES_MADE = 2_000
LEAD_S = 1.5


class Ends:
    """The two servers and their stamps.

    Args:
        rate: frames a second; launches_per_s of them are launches, spread evenly.
        seconds: how long frames are sent.
        told: file the result is written to.
    """

    def __init__(self, *, rate: int, launches_per_s: int, seconds: float, seed: int, told: Path) -> None:
        self._count = int(rate * seconds)
        self._rate = rate
        self._told = told
        launch_count = int(launches_per_s * seconds)
        self._launches: list[Launch] = list(launches(launch_count, seed))
        self._trades = [_split(frame) for frame in trades(TRADES_MADE, seed + 1)]
        self._every = max(1, self._count // max(1, launch_count))
        self._signatures = [str(Signature.from_bytes(_bytes64(seed, number))) for number in range(self._count)]
        self.sent_ns: dict[bytes, int] = {}
        self.orders: list[tuple[int, bytes]] = []
        self.late_ns: list[int] = []
        self.calls: dict[str, int] = {}
        self._clients: list[WSTransport] = []
        self._subscribed = asyncio.Event()
        self.finished = asyncio.Event()

    async def serve(self, ready: Callable[[str, str], None]) -> None:
        """Listen, wait for the subscriber, send everything, wait for the last orders, write the result."""
        running = asyncio.get_running_loop()
        socket = await ws_create_server(lambda request: _Subscriber(self, request), "127.0.0.1", 0)
        rpc = await running.create_server(lambda: _Rpc(self), "127.0.0.1", 0)
        ready(f"ws://127.0.0.1:{_port(socket)}", f"http://127.0.0.1:{_port(rpc)}")
        beat = running.create_task(self._heartbeat())
        await self._subscribed.wait()
        await asyncio.sleep(LEAD_S)
        await self._send_all()
        await asyncio.sleep(1.0)
        beat.cancel()
        self._told.write_bytes(orjson.dumps(self._result()))
        await self.finished.wait()
        socket.close()
        rpc.close()

    def subscribed(self, transport: WSTransport) -> None:
        """Take a subscriber that has asked for logs."""
        if transport not in self._clients:
            self._clients.append(transport)
            self._subscribed.set()

    async def _send_all(self) -> None:
        """Keep an absolute schedule; how late each launch went out is recorded.

        The beat is a timer of the kernel: the event loop's own have milliseconds,
        and a loop that sleeps for less spins on one of the few cores measured.
        """
        client, sent = self._clients[-1], 0
        upcoming = iter(self._launches)
        done = asyncio.Event()
        began = time.monotonic_ns()
        beat = _timer(1_000_000_000 // self._rate)

        def due() -> None:
            nonlocal sent
            os.read(beat, 8)
            until = min(self._count, (time.monotonic_ns() - began) * self._rate // 1_000_000_000)
            while sent < until:
                launch = next(upcoming, None) if sent % self._every == self._every // 2 else None
                if launch is not None:
                    now = time.monotonic_ns()
                    self.late_ns.append(now - began - sent * 1_000_000_000 // self._rate)
                    self.sent_ns[launch.mint] = now
                    client.send(WSMsgType.TEXT, launch.frame)
                else:
                    head, tail = self._trades[sent % TRADES_MADE]
                    client.send(WSMsgType.TEXT, head + self._signatures[sent].encode() + tail)
                sent += 1
            if sent == self._count:
                done.set()

        asyncio.get_running_loop().add_reader(beat, due)
        await done.wait()
        asyncio.get_running_loop().remove_reader(beat)
        os.close(beat)

    async def _heartbeat(self) -> None:
        slot = 400_000_000
        while True:
            slot += 1
            result = {"parent": slot - 1, "root": slot - 32, "slot": slot}
            note = {"method": "slotNotification", "params": {"result": result, "subscription": 0}}
            for client in self._clients:
                client.send(WSMsgType.TEXT, orjson.dumps({"jsonrpc": "2.0", **note}))
            await asyncio.sleep(SLOT_S)

    def _result(self) -> dict[str, Any]:
        """Match orders to launches by the mint among the order's account keys."""
        legs: dict[bytes, list[int]] = {}
        strangers = 0
        for arrived_ns, text in self.orders:
            raw = base64.b64decode(text)
            keys = {raw[start : start + 32] for start in range(69, 69 + 32 * raw[68], 32)}
            mints = keys & self.sent_ns.keys()
            strangers += not mints
            for mint in mints:
                legs.setdefault(mint, []).append(arrived_ns - self.sent_ns[mint])
        return {
            "frames": self._count,
            "launches": len(self.sent_ns),
            "ordered": len(legs),
            "repeated": sum(len(times) - 1 for times in legs.values()),
            "strangers": strangers,
            "latency_ns": [times[0] for times in legs.values()],
            "late_ns": self.late_ns,
            "calls": self.calls,
        }


class _Subscriber(WSListener):
    """One feed: every subscription is granted."""

    def __init__(self, ends: Ends, request: WSUpgradeRequest) -> None:
        super().__init__()
        self._ends = ends
        self._granted = 0

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        asked = orjson.loads(frame.get_payload_as_bytes())
        self._granted += 1
        number = 0 if asked["method"] == "slotSubscribe" else 24_000 + self._granted
        transport.send(WSMsgType.TEXT, orjson.dumps({"jsonrpc": "2.0", "result": number, "id": asked["id"]}))
        if asked["method"] == "logsSubscribe":
            self._ends.subscribed(transport)


class _Rpc(asyncio.Protocol):
    """One keep-alive HTTP connection: orders are stamped, everything else is answered well."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._parser = httptools.HttpRequestParser(self)
        self._body = bytearray()
        self._read_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._read_ns = time.monotonic_ns()
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body.clear()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        asked = orjson.loads(self._body)
        method = asked["method"]
        self._ends.calls[method] = self._ends.calls.get(method, 0) + 1
        if method == "sendTransaction":
            text = asked["params"][0]
            self._ends.orders.append((self._read_ns, text))
            found: object = str(Signature.from_bytes(base64.b64decode(text)[1:65]))
        else:
            found = _answer(method, asked.get("params") or [])
        body = orjson.dumps({"jsonrpc": "2.0", "result": found, "id": asked["id"]})
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )


def _answer(method: str, parameters: list[Any]) -> object:
    context = {"slot": 400_000_000}
    if method == "getLatestBlockhash":
        return {"context": context, "value": {"blockhash": str(Hash(b"\x07" * 32)), "lastValidBlockHeight": 10**9}}
    if method == "getSignatureStatuses":
        return {"context": context, "value": [None] * len(parameters[0])}
    if method == "getBalance":
        return {"context": context, "value": 10**15}
    return {"getBlockHeight": 1_000, "getHealth": "ok", "getSlot": 400_000_000}.get(method)


def _split(frame: bytes) -> tuple[bytes, bytes]:
    """Return a frame without its signature: what stands before and behind it."""
    start = frame.index(b'"signature":"') + 13
    return frame[:start], frame[frame.index(b'"', start) :]


def _bytes64(seed: int, number: int) -> bytes:
    import hashlib

    return hashlib.blake2b(f"{seed} {number}".encode(), digest_size=64).digest()


def _timer(interval_ns: int) -> int:
    """Return a descriptor that becomes readable every *interval_ns* (Linux timerfd)."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    seconds, nanos = divmod(interval_ns, 1_000_000_000)
    schedule = (ctypes.c_long * 4)(seconds, nanos, seconds, nanos)
    if descriptor < 0 or libc.timerfd_settime(descriptor, 0, schedule, None) < 0:
        raise UnavailableError("bench path: this system has no timerfd; run it on Linux")
    return descriptor


def _port(server: asyncio.AbstractServer) -> int:
    return int(cast(asyncio.Server, server).sockets[0].getsockname()[1])
