"""A feed over real sockets: what a server does to it, and what it makes of that.

Real WebSocket servers (`websockets`), a real JSON-RPC server (aiohttp), all on
loopback with ports the kernel chose. Every wait is bounded by LIMIT_S.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import uvloop
from aiohttp import web
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from sniperforge.base import keys
from sniperforge.base.events import Event, FeedChanged, Frame, GapSeen, InputRefused
from sniperforge.base.units import Pubkey
from sniperforge.feeds.feed import Endpoint, Feed, FeedSettings, Tape
from sniperforge.feeds.settings import Connection, EndpointKind, Gaps
from sniperforge.feeds.tape import TapeText

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
        self._server = await serve(self._serve, "127.0.0.1", self._port, max_size=None)
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

    async def _serve(self, connection: ServerConnection) -> None:
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


def test_every_program_gets_its_subscription_and_frames_pass_untouched() -> None:
    """5 MiB in one piece and a message in three fragments arrive byte for byte, stamped, in order."""

    async def main() -> None:
        shelf = Shelf()
        async with node() as server, feeding(settings(server.endpoint(), programs=(PUMP, SWAP)), shelf) as feed:
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            large, small = logs(1, padding=5 << 20), logs(2)
            await server.slot(10, 9)
            await server.send(large)
            await server.send([small[:10], small[10:200], small[200:]])
            await until(lambda: len(shelf.frames) == 2, "both frames")
            assert [frame.data for frame in shelf.frames] == [large.encode(), small.encode()]
            assert 0 < shelf.frames[0].recv_ns <= shelf.frames[1].recv_ns
            assert feed.stats().slot == 10
        mentions = [r["params"][0]["mentions"][0] for r in server.requests if r["method"] == "logsSubscribe"]  # type: ignore[index]
        assert mentions == [keys.text(PUMP), keys.text(SWAP)]
        assert server.paths == [f"/?api-key={KEY}"]
        assert shelf.states("node") == ["connecting", "connected", "subscribed"]

    run(main)


def test_two_endpoints_race_and_each_transaction_passes_once() -> None:
    """Whoever is first wins; the rest is counted per source."""

    async def main() -> None:
        shelf = Shelf()
        async with (
            node() as one,
            node() as two,
            feeding(settings(one.endpoint("one"), two.endpoint("two")), shelf) as feed,
        ):
            for name in ("one", "two"):
                await until(lambda name=name: "subscribed" in shelf.states(name), name)  # type: ignore[misc]
            await one.send(logs(1))
            await until(lambda: len(shelf.frames) == 1, "the first")
            await two.send(logs(1))
            await two.send(logs(2))
            await until(lambda: len(shelf.frames) == 2, "the second")
            await one.send(logs(2))
            await one.send(logs(3))
            await until(lambda: len(shelf.frames) == 3, "the third")
            assert [frame.source for frame in shelf.frames] == ["one", "two", "one"]
            race = feed.stats().race
            assert (race["one"].wins, race["one"].duplicates) == (2, 1)
            assert (race["two"].wins, race["two"].duplicates) == (1, 1)

    run(main)


def test_blocks_are_told_apart_by_slot_and_program() -> None:
    """One block shown for two programs is two frames; shown again by another endpoint it is none."""

    def block(slot: int, subscription: int) -> str:
        value: dict[str, object] = {"slot": slot, "err": None, "block": {"transactions": []}}
        result = {"context": {"slot": slot}, "value": value}
        params = {"result": result, "subscription": subscription}
        return json.dumps({"jsonrpc": "2.0", "method": "blockNotification", "params": params})

    async def main() -> None:
        shelf = Shelf()
        endpoint_kinds: list[EndpointKind] = ["block", "block"]
        async with node() as one, node() as two:
            endpoints = [
                server.endpoint(name, kind) for server, name, kind in zip((one, two), "ab", endpoint_kinds, strict=True)
            ]
            async with feeding(settings(*endpoints, programs=(PUMP, SWAP)), shelf) as feed:
                await until(lambda: all("subscribed" in shelf.states(name) for name in "ab"), "both subscribed")
                for subscription in (1002, 1003, 1002):
                    await one.send(block(7, subscription))
                await two.send(block(7, 1003))
                await two.send(block(8, 1003))
                await until(lambda: sum(s.frames for s in feed.stats().sources) == 5, "all five heard")
                assert sorted(json.loads(f.data)["params"]["result"]["value"]["slot"] for f in shelf.frames) == [
                    7,
                    7,
                    8,
                ]
        assert {r["params"][1]["commitment"] for r in one.requests if r["method"] == "blockSubscribe"} == {"confirmed"}  # type: ignore[index]

    run(main)


def test_a_server_that_dies_and_comes_back_is_subscribed_again_and_the_gap_is_filled() -> None:
    """Slots nobody showed are told, fetched, passed on as late, oldest first, and the gap is closed."""

    async def main() -> None:
        shelf, chain = Shelf(), Chain()
        async with (
            node() as server,
            rpc(chain) as url,
            feeding(settings(server.endpoint(), rpc=url), shelf) as feed,
        ):
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await server.slot(100, 99)
            await server.send(logs(100))
            await until(lambda: len(shelf.frames) == 1, "the live frame")
            chain.landed = {n: n for n in (90, 100, 101, 103, 104)}
            chain.failed = {102}
            await server.die()
            await until(lambda: "lost" in shelf.states("node"), "lost")
            await server.start()
            await until(lambda: shelf.states("node")[-1] == "subscribed", "subscribed again")
            await server.slot(106, 104)
            await until(lambda: feed.stats().gaps_closed == 1, "gap closed")
        gaps = shelf.of(GapSeen)
        assert [(g.slot_from, g.slot_to, g.closed, g.filled) for g in gaps] == [
            (100, 104, False, 0),
            (100, 104, True, 3),
        ]
        late = [frame for frame in shelf.frames if frame.late]
        results = [json.loads(frame.data)["params"]["result"] for frame in late]
        # 100 was seen live, 102 failed, 105 was skipped by the chain, 90 was before.
        assert [(r["slot"], r["signature"]) for r in results] == [(n, signature(n)) for n in (101, 103, 104)]
        assert results[0]["transaction"]["meta"] == {"err": None}

    run(main)


def test_a_node_that_is_busy_and_behind_is_asked_again() -> None:
    """429, a slot not yet confirmed and a transaction not yet indexed pass by themselves."""

    async def main() -> None:
        shelf, chain = Shelf(), Chain(busy=1, behind=1, unindexed=1)
        chain.landed = {101: 101}
        async with (
            node() as server,
            rpc(chain) as url,
            feeding(settings(server.endpoint(), rpc=url), shelf) as feed,
        ):
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await server.slot(100, 99)
            await server.slot(103, 102)
            await until(lambda: feed.stats().gaps_closed == 1, "gap closed")
            assert feed.stats().late == 1
            assert chain.busy == chain.behind == chain.unindexed == 0

    run(main)


def test_an_rpc_that_refuses_leaves_the_gap_open_and_says_why() -> None:
    """A gap is only called closed when all of it came; the node's words are told without the key."""

    async def main() -> None:
        shelf = Shelf()
        chain = Chain(refusal=f"key {KEY} has no archive")
        async with (
            node() as server,
            rpc(chain) as url,
            feeding(settings(server.endpoint(), rpc=f"{url}/?api-key={KEY}"), shelf) as feed,
        ):
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await server.slot(100, 99)
            await server.slot(103, 102)
            await until(lambda: len(shelf.of(InputRefused)) == 1, "refusal")
            assert feed.stats().gaps_closed == 0
            assert "has no archive" in shelf.of(InputRefused)[0].problem

    run(main)


def test_silence_on_an_open_connection_is_a_stall_and_ends_it() -> None:
    """A socket that stays open but tells no slots is the worst failure: everything looks well."""

    async def main() -> None:
        shelf = Shelf()
        quick = Connection(retry_first_s=0.02, retry_most_s=0.1, stall_s=0.5)
        async with node() as server, feeding(settings(server.endpoint(), connection=quick), shelf):
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await until(lambda: shelf.states("node").count("subscribed") > 1, "subscribed again")
            assert "stalled" in shelf.states("node")
            stall = next(note for note in shelf.of(FeedChanged) if note.state == "stalled")
            assert stall.detail == "no slot for 0.5 s on an open connection"

    run(main)


def test_where_slots_are_refused_pongs_are_the_heartbeat() -> None:
    """A provider without slotSubscribe is used all the same, and a quiet program is not a stall."""

    async def main() -> None:
        shelf = Shelf()
        refusals: dict[str, dict[str, object]] = {"slotSubscribe": {"code": -32601, "message": "Method not found"}}
        limits = Connection(stall_s=1.0)
        async with node(refusals) as server, feeding(settings(server.endpoint(), connection=limits), shelf) as feed:
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await asyncio.sleep(2.5)
            assert feed.stats().sources[0].connections == 1
            assert shelf.states("node") == ["connecting", "connected", "refused", "subscribed"]

    run(main)


def test_a_refused_subscription_is_told_in_the_servers_words_and_not_stormed() -> None:
    """Asking again at once cannot help: the key is wrong or the method does not exist."""

    async def main() -> None:
        shelf = Shelf()
        words = f"blockSubscribe is not enabled for {KEY}"
        refusals: dict[str, dict[str, object]] = {"logsSubscribe": {"code": -32601, "message": words}}
        async with node(refusals) as server, feeding(settings(server.endpoint()), shelf):
            await until(lambda: "refused" in shelf.states("node"), "refused")
            await asyncio.sleep(0.5)
            assert len(server.paths) == 1
            note = shelf.of(FeedChanged)[-1]
            assert (
                note.detail == f"logsSubscribe {keys.text(PUMP)}: blockSubscribe is not enabled for *** (code -32601)"
            )

    run(main)


def test_a_handshake_refused_with_401_is_not_stormed_either() -> None:
    """HTTP 4xx is a wrong key or a wrong path; the body is told, the key in it is not."""

    async def main() -> None:
        shelf, asked = Shelf(), []

        async def refuse(request: web.Request) -> web.Response:
            asked.append(request.path)
            return web.Response(status=401, text=f"Unauthorized: {KEY}")

        async with http(refuse) as url:
            endpoint = Endpoint(url=f"{url.replace('http', 'ws', 1)}/?api-key={KEY}", name="node")
            async with feeding(settings(endpoint), shelf):
                await until(lambda: "refused" in shelf.states("node"), "refused")
                await asyncio.sleep(0.3)
                assert asked == ["/"]
                assert shelf.of(FeedChanged)[-1].detail == "the server answered HTTP 401 Unauthorized: ***"

    run(main)


def test_a_server_that_never_answers_a_subscription_is_left() -> None:
    """The subscribe timeout is a loss like any other: tried again, with waits."""

    async def main() -> None:
        shelf = Shelf()
        quick = Connection(retry_first_s=0.02, retry_most_s=0.1, subscribe_s=0.3)
        async with node() as server:
            server.answering = False
            async with feeding(settings(server.endpoint(), connection=quick), shelf):
                await until(lambda: len(server.paths) > 1, "second attempt")
                lost = next(note for note in shelf.of(FeedChanged) if note.state == "lost")
                assert lost.detail == "no answer to logsSubscribe within 0.3 s"

    run(main)


def test_nobody_listening_is_lost_and_tried_again() -> None:
    """The endpoint comes up later than we do."""

    async def main() -> None:
        shelf = Shelf()
        async with node() as server:
            await server.die()
            async with feeding(settings(server.endpoint()), shelf):
                await until(lambda: shelf.states("node").count("lost") > 2, "a few losses")
                await server.start()
                await until(lambda: "subscribed" in shelf.states("node"), "subscribed")

    run(main)


def test_rubbish_on_the_wire_is_counted_and_the_feed_goes_on() -> None:
    """Binary messages, small texts that are no JSON and answers to nothing are refused; large data passes unread."""

    async def main() -> None:
        shelf = Shelf()
        async with node() as server, feeding(settings(server.endpoint()), shelf) as feed:
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await server.send(b"\x00\x01binary")
            await server.send("garbage")
            await server.send("")
            await server.send('{"jsonrpc":"2.0","result":5,"id":77}')
            await server.send('{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"slot":-1}}}')
            for connection in server.connections:
                await connection.send(b'{"jsonrpc":"2.0","method":"logsNotification","params":"\xff\xfe"}', text=True)
            await server.send(logs(1))
            await until(lambda: len(shelf.frames) == 2, "the good frame behind the bad ones")
            assert shelf.frames[1].data == logs(1).encode()
            # Not UTF-8: nothing on this path decodes it; whoever does refuses it.
            assert b"\xff\xfe" in shelf.frames[0].data
            assert feed.stats().sources[0].refused == 5
            assert feed.stats().sources[0].connections == 1
            assert 1 <= len(shelf.of(InputRefused)) <= 5

    run(main)


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_message_beyond_the_bound_ends_the_connection_and_names_the_setting(pieces: int) -> None:
    """In one frame or in fragments; memory stays bounded."""

    async def main() -> None:
        shelf = Shelf()
        tight = Connection(frame_bytes_max=1 << 20, retry_first_s=0.02, retry_most_s=0.1)
        async with node() as server, feeding(settings(server.endpoint(), connection=tight), shelf):
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            message, third = logs(1, padding=2 << 20), 700_000
            parts = [message[:third], message[third : 2 * third], message[2 * third :]]
            await server.send(message if pieces == 1 else parts)
            await until(lambda: "lost" in shelf.states("node"), "lost")
            lost = next(note for note in shelf.of(FeedChanged) if note.state == "lost")
            assert lost.detail == "a message was larger than 1048576 bytes; raise connection.frame_bytes_max"
            assert shelf.frames == []

    run(main)


def test_what_is_recorded_replays_as_what_was_seen(tmp_path: Path) -> None:
    """The tape holds every frame that passed, byte for byte, and what is no JSON is counted."""

    async def main() -> None:
        shelf, path = Shelf(), tmp_path / "tape.ndjson.gz"
        async with node() as server:
            async with feeding(settings(server.endpoint(), record=str(path)), shelf) as feed:
                await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
                for number in range(50):
                    await server.send(logs(number))
                await server.send('{"jsonrpc":"2.0","method":"logsNotification","params":nonsense}')
                await until(lambda: len(shelf.frames) == 51, "all frames")
            assert (feed.stats().recorded, feed.stats().record_refused) == (50, 1)
        again = Shelf()
        async with feeding(FeedSettings(tapes=(Tape(path=str(path), speed=0.0, stamps="recorded"),)), again) as replay:
            await asyncio.wait_for(replay.wait(), LIMIT_S)
        assert again.frames == shelf.frames[:50]
        with gzip.open(path, "rb") as file:
            assert len([item for item in TapeText("tape").push(file.read()) if isinstance(item, Frame)]) == 50

    run(main)


def test_a_sink_that_fails_ends_the_feed() -> None:
    """Its error reaches whoever waits; it is not logged away by the socket's library."""

    class Broken(Shelf):
        def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
            raise MemoryError("the ring is gone")

    async def main() -> None:
        shelf = Broken()
        async with node() as server, feeding(settings(server.endpoint()), shelf) as feed:
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await server.send(logs(1))
            with pytest.raises(MemoryError, match="the ring is gone"):
                await asyncio.wait_for(feed.wait(), LIMIT_S)

    run(main)


def test_waiting_ends_when_the_feed_is_stopped() -> None:
    """`stop` from elsewhere lets `wait` return, and the sink hears nothing afterwards."""

    async def main() -> None:
        shelf = Shelf()
        async with node() as server, feeding(settings(server.endpoint()), shelf) as feed:
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            waiting = asyncio.create_task(feed.wait())
            await feed.stop()
            await asyncio.wait_for(waiting, LIMIT_S)
            heard = len(shelf.frames) + len(shelf.notes)
            await asyncio.sleep(0.1)
            assert len(shelf.frames) + len(shelf.notes) == heard

    run(main)


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
    runner = web.AppRunner(application)
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
