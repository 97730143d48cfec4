"""One endpoint over a real socket: what a server does to it, and what it makes of that."""

from __future__ import annotations

import asyncio
import gzip
import logging
from pathlib import Path

import pytest
from aiohttp import web

from sniperforge.base import keys
from sniperforge.base.events import FeedChanged, Frame, InputRefused
from sniperforge.feeds.feed import Endpoint, FeedSettings, Tape
from sniperforge.feeds.settings import Connection
from sniperforge.feeds.tape import TapeText
from tests.integration.feeds.node import (
    KEY,
    LIMIT_S,
    PUMP,
    SWAP,
    Shelf,
    feeding,
    http,
    logs,
    node,
    run,
    settings,
    until,
)


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
                # A kill at this moment would find them on the disk.
                await until(lambda: path.stat().st_size > 100, "written while the feed lives")
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


def test_no_library_logs_the_key(caplog: pytest.LogCaptureFixture) -> None:
    """At its finest level the socket's library shows the request line, key and all."""
    caplog.set_level(1)
    logging.getLogger("picows").setLevel(1)

    async def main() -> None:
        shelf = Shelf()
        async with node() as server, feeding(settings(server.endpoint()), shelf):
            await until(lambda: "subscribed" in shelf.states("node"), "subscribed")
            await server.send("garbage")
            await server.die()
            await until(lambda: "lost" in shelf.states("node"), "lost")
            await server.start()

    run(main)
    ours = [record for record in caplog.records if not record.name.startswith("websockets")]
    assert KEY not in " ".join(record.getMessage() for record in ours)
