"""Launches on a real cluster, seen through nothing but their accounts: each one is told, once, and nothing else is.

The feed and detect commands, joined by a pipe; the market forges logs, trades and rugs
meanwhile, so that accounts of one pool come again and again.
"""

from __future__ import annotations

import asyncio
import time

import orjson

from sniperforge.base.events import Frame
from sniperforge.chain.localnet import LocalNet
from sniperforge.chain.localnet.market import run_market
from sniperforge.chain.localnet.market_plan import MarketSettings
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge.feeds.feed import FeedSettings
from sniperforge.feeds.settings import Endpoint
from sniperforge.runtime.watched import accounts_of
from tests.e2e.command import one_line, pipeline
from tests.e2e.command import run as command
from tests.integration.feeds.node import QUICK, Node, Shelf, feeding, node, until
from tests.integration.feeds.node import logs as logs_of
from tests.integration.feeds.node import run as on_uvloop
from tests.integration.localnet.net import run, short
from tests.unit.detect.fakes import key_of
from tests.unit.detect.test_noticed import message

LIVELY = MarketSettings(
    duration_ms=5_000,
    launches_until_ppm=600_000,
    launches_per_minute=120,
    spoofs_per_minute=120,
    failed_creates_per_minute=60,
    trades_per_minute=300,
    life_ms=(1_200, 2_000),
)


def test_launches_are_told_once_through_their_accounts_alone_and_beside_their_logs() -> None:
    """Two feeds on one cluster: the first sees accounts and nothing else, the second is shown each launch twice."""

    async def story() -> None:
        # Slots as long as detection takes them for, so that a minute is a minute.
        async with LocalNet(short(slot_ms=400)) as net:
            alone = ("-s", f"{net.ws_url}#program&name=accounts")
            both = (*alone, "-s", f"{net.ws_url}#logs&name=logs")
            detect = ("detect", "--rpc", net.rpc_url)
            piped = [
                asyncio.create_task(
                    asyncio.to_thread(pipeline, ("feed", *sources, "--rpc", net.rpc_url, "--for", "14s"), detect)
                )
                for sources in (alone, both)
            ]
            while net.sockets < 3:  # noqa: ASYNC110 - the feeds' first sign of life
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            entries = await run_market(net.rpc_url, LIVELY)
            told = [await one for one in piped]
        launched = {each.pool: each.signature for each in entries if each.type == "launch"}
        assert len(launched) >= 3
        for codes, out, errors in told:
            assert (codes, errors) == ([0, 0], ["", ""])
            created = [event for event in map(orjson.loads, out.splitlines()) if event["type"] == "PoolCreated"]
            assert sorted(event["pool"]["address"] for event in created) == sorted(launched)
            assert all(event["signature"] == launched[event["pool"]["address"]] for event in created)
        events = [orjson.loads(line) for line in told[0][1].splitlines()]
        assert not [event for event in events if event["type"] in ("LaunchDisbelieved", "InputRefused")]
        created = [event for event in events if event["type"] == "PoolCreated"]
        assert all((event["late"], event["source"]) == (True, "fetched") for event in created)

    run(story())


def test_an_endpoint_of_accounts_without_an_rpc_is_refused_in_one_line() -> None:
    done = command("feed", "-s", "ws://127.0.0.1:9/?api-key=SECRET#program", "-o", "/dev/null")
    assert done.code == 3
    line = one_line(done.err)
    assert "shows accounts, and there is no rpc to ask who made them; name one: feed.rpc, --rpc" in line
    assert "SECRET" not in line


def test_a_flood_of_accounts_ends_in_the_feed_and_another_source_is_not_late() -> None:
    """Ten thousand states of a hundred pools beside one transaction: a hundred go on, and ten are asked about."""

    async def main() -> None:
        shelf = Shelf()
        pools = [message(pool=key_of(f"pool {at}"), slot=slot).decode() for slot in range(100) for at in range(100)]
        async with node() as flood, node() as quiet:
            endpoints = (
                Endpoint(url=flood.endpoint().url, name="flood", kind="program"),
                Endpoint(url=quiet.endpoint().url, name="quiet"),
            )
            programs = tuple(venue.program for venue in VENUES.values())
            settings = FeedSettings(
                endpoints=endpoints,
                programs=programs,
                accounts=accounts_of(VENUES),
                rpc="http://127.0.0.1:9",
                connection=QUICK,
            )
            async with feeding(settings, shelf) as feed:
                await until(lambda: "subscribed" in shelf.states("flood"), "flood subscribed")
                await until(lambda: "subscribed" in shelf.states("quiet"), "quiet subscribed")
                assert [request["method"] for request in flood.requests] == [
                    *["programSubscribe"] * 10,
                    "slotSubscribe",
                ]
                sent = asyncio.create_task(_all(flood, pools))
                await asyncio.sleep(0.05)
                sent_ns = time.time_ns()
                await quiet.send(logs_of(7))
                await until(lambda: any(frame.source == "quiet" for frame in shelf.frames), "the transaction")
                arrived = next(frame for frame in shelf.frames if frame.source == "quiet")
                await sent
                await until(lambda: feed.stats().sources[0].frames == 10_000, "the whole flood")
                race = feed.stats().race["flood"]
                assert (race.wins, race.duplicates) == (100, 9_900)
                assert arrived.recv_ns - sent_ns < 5_000_000_000
        detector = Detector(DetectSettings())
        shown = [frame for frame in shelf.frames if frame.source == "flood"]
        for frame in shown:
            detector.on_frame(Frame(frame.data, 1_800_000_000 * 10**9, "flood"), 1_800_000_000 * 10**9)
        counters = detector.counters
        assert (counters["accounts"], counters["accounts_asked"], counters["accounts_unasked"]) == (100, 10, 90)

    on_uvloop(main)


async def _all(server: Node, messages: list[str]) -> None:
    for one in messages:
        await server.send(one)
