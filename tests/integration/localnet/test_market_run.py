"""The market's ledger is the truth: what it calls a launch is on chain, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sniperforge.base.keys import text
from sniperforge.chain.localnet import LocalNet, cpmm
from sniperforge.chain.localnet.genesis import FORGER
from sniperforge.chain.localnet.landed import Landed
from sniperforge.chain.localnet.ledger import read_ledger
from sniperforge.chain.localnet.market import run_market
from sniperforge.chain.localnet.market_client import Client, MarketUnreachable
from sniperforge.chain.localnet.market_plan import FAILURE_FORMS, SPOOF_FORMS, MarketSettings, make_plan
from tests.integration.localnet.net import run, short

LIVELY = MarketSettings(
    duration_ms=6_000,
    # All of it early, so that a slow machine still comes to the rugs.
    launches_until_ppm=300_000,
    launches_per_minute=240,
    spoofs_per_minute=300,
    failed_creates_per_minute=100,
    trades_per_minute=240,
    life_ms=(1_200, 2_000),
    rug_ppm=500_000,
    pump_ppm=300_000,
    dump_ppm=100_000,
)


def _pools_made(landed: Landed) -> list[str]:
    """Return the pools a transaction really created, read from the chain alone."""
    if landed.error is not None:
        return []
    return [
        text(landed.keys[call.accounts[3]])
        for call in landed.envelope.calls
        if landed.keys[call.program_index] == cpmm.PROGRAM and call.data.startswith(cpmm.INITIALIZE)
    ]


def test_the_ledger_tells_every_launch_and_no_lie_as_one(tmp_path: Path) -> None:
    """Under drops and delays: pools on chain are the ledger's launches, each form of lie was told."""

    async def story() -> None:
        lossy = short(slot_ms=60, drop_ppm=100_000, delay_ppm=100_000, delay_slots_max=2, finalized_after=32)
        async with LocalNet(lossy) as net:
            path = tmp_path / "truth.ndjson"
            entries = await run_market(net.rpc_url, LIVELY, ledger_path=path)
            chain = [each for block in net.bank.history.blocks.values() for each in block.transactions]
            of_type = {
                kind: [e for e in entries if e.type == kind] for kind in ("launch", "spoof", "failed_create", "rug")
            }
            made = [pool for landed in chain for pool in _pools_made(landed)]
            assert sorted(made) == sorted(each.pool for each in of_type["launch"])
            assert len(made) >= 3
            by_signature = {each.signature: each for each in chain}
            for spoof in of_type["spoof"]:
                assert by_signature[spoof.signature].error is None
                assert FORGER in by_signature[spoof.signature].keys
            assert {each.form for each in of_type["spoof"]} == set(SPOOF_FORMS)
            assert {each.form for each in of_type["failed_create"]} == set(FAILURE_FORMS)
            assert all(by_signature[each.signature].error is not None for each in of_type["failed_create"])
            assert {each.pool for each in of_type["rug"]} <= set(made)
            assert of_type["rug"]
            assert net.bank.counters.dropped > 0
            assert net.bank.counters.failed > len(of_type["failed_create"])
            last = entries[-1]
            assert (last.type, last.launches, last.spoofs) == ("summary", len(made), len(of_type["spoof"]))
            assert read_ledger(path) == entries

    run(story())


def test_the_plan_is_what_happens() -> None:
    """On a cluster that loses nothing every planned launch is made, with the liquidity planned."""

    async def story() -> None:
        quiet = MarketSettings(duration_ms=2_500, launches_per_minute=150, trades_per_minute=60, spoofs_per_minute=0)
        async with LocalNet(short()) as net:
            entries = await run_market(net.rpc_url, quiet)
            launches = sorted((e.liquidity, e.supply, e.kind) for e in entries if e.type == "launch")
            assert launches == sorted((e.liquidity, e.supply, e.kind) for e in make_plan(quiet).launches)

    run(story())


def test_an_absent_cluster_is_named() -> None:
    """One line with the URL, not a traceback of aiohttp."""

    async def story() -> None:
        with pytest.raises(MarketUnreachable, match=r"market: http://127\.0\.0\.1:9: .*is the localnet running"):
            await run_market("http://127.0.0.1:9", LIVELY)
        async with Client("http://127.0.0.1:9") as client:
            with pytest.raises(MarketUnreachable):
                await client.call("getSlot")

    run(story())


def test_a_refusal_of_the_cluster_is_told() -> None:
    """An error answer names the method and the reason."""

    async def story() -> None:
        async with LocalNet(short()) as net, Client(net.rpc_url) as client:
            with pytest.raises(MarketUnreachable, match="getBalance was refused"):
                await client.call("getBalance", "x")
            assert await client.token_amount(text(cpmm.PROGRAM)) == 0

    run(story())
