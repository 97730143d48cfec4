"""An announcer on a real socket: what it says is asked about, and only the chain's own words are believed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sniperforge.base.events import Frame, PoolCreated, TransactionWanted
from sniperforge.chain.rpc import RpcClient
from sniperforge.chain.rpc import endpoint as rpc_endpoint
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.feeds.feed import FeedSettings
from sniperforge.feeds.settings import Connection, Endpoint
from tests.integration.feeds.node import QUICK, Node, Shelf, feeding, http, logs, node, run, signature, until

RECORDED = (
    Path(__file__).parents[4]
    / "shared"
    / "mainnet"
    / "pumpfun"
    / "pumpfun-bonkfun-bot__raw_create_tx_from_getTransaction_dcd84759.json"
)


class Announcer(Node):
    """A server of PumpPortal's kind."""

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__()
        self.refuses = refuses

    async def converse(self, connection: ServerConnection) -> None:
        self.paths.append(connection.request.path if connection.request else "")
        try:
            async for text in connection:
                self.requests.append(json.loads(text))
                answer = {"errors": "no"} if self.refuses else {"message": "Successfully subscribed."}
                await connection.send(json.dumps(answer))
                if len(self.requests) % 2 == 0:
                    self.connections.append(connection)
        except ConnectionClosed:
            pass

    def portal(self, name: str = "portal") -> Endpoint:
        return Endpoint(url=self.endpoint().url, name=name, kind="pumpportal")


def announcement(of: str, mint: str = "", kind: str = "create") -> str:
    return json.dumps({"signature": of, "mint": mint, "txType": kind, "pool": "pump", "initialBuy": 1.5})


def test_announcements_arrive_and_a_lost_server_is_found_again() -> None:
    """It needs no program; both requests are made anew after the loss."""

    async def main() -> None:
        shelf, server = Shelf(), Announcer()
        await server.start()
        async with feeding(FeedSettings(endpoints=(server.portal(),), connection=QUICK), shelf) as feed:
            await until(lambda: "subscribed" in shelf.states("portal"), "subscribed")
            await server.send(announcement(signature(1)))
            await until(lambda: len(shelf.frames) == 1, "the announcement")
            await server.die()
            await until(lambda: "lost" in shelf.states("portal"), "lost")
            await server.start()
            await until(lambda: shelf.states("portal").count("subscribed") == 2, "subscribed again")
            await server.send(announcement(signature(2)))
            await until(lambda: len(shelf.frames) == 2, "the next one")
            assert feed.stats().gaps_seen == 0
        assert [one["method"] for one in server.requests] == ["subscribeNewToken", "subscribeMigration"] * 2
        await server.stop()

    run(main)


def test_a_server_that_refuses_is_told() -> None:
    async def main() -> None:
        shelf, server = Shelf(), Announcer(refuses=True)
        await server.start()
        async with feeding(FeedSettings(endpoints=(server.portal(),), connection=QUICK), shelf):
            await until(lambda: "refused" in shelf.states("portal"), "refused")
        await server.stop()

    run(main)


def test_a_silent_server_that_answers_pings_is_not_lost() -> None:
    """A quiet market is no stall."""

    async def main() -> None:
        shelf, server = Shelf(), Announcer()
        await server.start()
        limits = Connection(stall_s=0.6, retry_first_s=0.02)
        async with feeding(FeedSettings(endpoints=(server.portal(),), connection=limits), shelf):
            await until(lambda: "subscribed" in shelf.states("portal"), "subscribed")
            await asyncio.sleep(1.5)
            assert shelf.states("portal") == ["connecting", "connected", "subscribed"]
        await server.stop()

    run(main)


def test_an_announcement_never_takes_the_place_of_the_transaction_it_points_at() -> None:
    """It comes first, with the same signature; the frame of the node passes all the same."""

    async def main() -> None:
        shelf, announcer = Shelf(), Announcer()
        await announcer.start()
        async with node() as server:
            sources = (announcer.portal(), server.endpoint())
            program = Detector(DetectSettings()).state.venues["pumpfun"].program
            async with feeding(FeedSettings(endpoints=sources, programs=(program,), connection=QUICK), shelf) as feed:
                await until(lambda: "subscribed" in shelf.states("portal"), "portal subscribed")
                await until(lambda: "subscribed" in shelf.states("node"), "node subscribed")
                await announcer.send(announcement(signature(7)))
                await until(lambda: len(shelf.frames) == 1, "the announcement")
                await server.send(logs(7))
                await until(lambda: len(shelf.frames) == 2, "the transaction's own frame")
                assert [frame.source for frame in shelf.frames] == ["portal", "node"]
                assert "portal" not in feed.stats().race
        await announcer.stop()

    run(main)


def test_an_announced_coin_is_believed_when_the_chain_says_so() -> None:
    """Announcement -> question -> getTransaction -> launch, marked late; the announcement alone tells nothing."""
    if not RECORDED.exists():
        pytest.skip("the recordings of ../shared are not here")
    recorded = orjson.loads(RECORDED.read_bytes())
    recorded = recorded.get("result", recorded)
    told = recorded["transaction"]["signatures"][0]

    async def serve(request: web.Request) -> web.Response:
        call = await request.json()
        assert call["params"][0] == told
        return web.json_response({"jsonrpc": "2.0", "id": call["id"], "result": recorded})

    async def main() -> None:
        shelf, announcer, detector = Shelf(), Announcer(), Detector(DetectSettings(creator_coins_max=0, bundles_max=0))
        await announcer.start()
        async with (
            http(serve) as url,
            feeding(FeedSettings(endpoints=(announcer.portal(),), connection=QUICK), shelf),
        ):
            await until(lambda: "subscribed" in shelf.states("portal"), "subscribed")
            await announcer.send(announcement(told))
            await until(lambda: len(shelf.frames) == 1, "the announcement")
            (wanted,) = detector.on_frame(shelf.frames[0], 5)
            assert isinstance(wanted, TransactionWanted)
            client = RpcClient(rpc_endpoint(url, where="test"))
            answer = await client.call("getTransaction", [wanted.signature, {}])
            await client.close()
            events = detector.on_frame(Frame(orjson.dumps(answer), 6, "fetched", late=True), 7)
            (created,) = [event for event in events if isinstance(event, PoolCreated)]
            assert (created.signature, created.late, created.cause) == (told, True, wanted.id)
        await announcer.stop()

    run(main)
