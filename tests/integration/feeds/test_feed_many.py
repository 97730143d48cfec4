"""Several endpoints and an RPC node over real sockets: the race, the gaps, and what fills them."""

from __future__ import annotations

import json

from sniperforge.base.events import GapSeen, InputRefused
from sniperforge.feeds.settings import EndpointKind
from tests.integration.feeds.node import (
    KEY,
    PUMP,
    SWAP,
    Chain,
    Shelf,
    feeding,
    logs,
    node,
    rpc,
    run,
    settings,
    signature,
    until,
)


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
