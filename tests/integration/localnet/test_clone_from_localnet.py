"""Programs and accounts of one cluster live on in another, and what cannot be copied is named."""

from __future__ import annotations

import pytest
from aiohttp import web

from sniperforge.base.keys import text
from sniperforge.chain.localnet import LocalNet, cpmm, genesis
from sniperforge.chain.localnet.clone import clone
from sniperforge.chain.localnet.market_client import Client, address, wallet
from sniperforge.chain.localnet.market_tokens import make_mint, wrap
from sniperforge.chain.localnet.refusal import CloneFailed
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022, WSOL, ata, compute_limit, open_ata
from tests.integration.localnet.net import run, short

SOL = 1_000_000_000
ASSOCIATED = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"


def test_a_pool_and_its_program_are_copied_and_trade() -> None:
    """An upgradeable program, plain accounts, a token account: a swap on the copy pays as on the first."""

    async def story() -> None:
        async with LocalNet(short(slot_ms=100)) as first, Client(first.rpc_url) as client:
            maker, mint = wallet(6, "maker"), wallet(6, "mint")
            await client.airdrop(maker, 200 * SOL)
            steps = make_mint(address(maker), address(mint), TOKEN, 10**15, keeps_mint=False, keeps_freeze=False)
            await client.land([*steps, *wrap(address(maker), 60 * SOL)], maker, mint)
            keys = cpmm.pool_keys((address(mint), TOKEN), (WSOL, TOKEN))
            made = cpmm.initialize(keys, address(maker), (10**10, 10**10))
            outcome = await client.land([compute_limit(400_000), made], maker)
            assert outcome is not None
            assert outcome.error is None
            places = (keys.pool, *keys.vaults, keys.lp_mint, keys.observation, address(mint))
            names = [text(each) for each in (*places, cpmm.PROGRAM, TOKEN_2022, cpmm.AMM_CONFIG)]
            copied = short(clones=((first.rpc_url, (*names, ASSOCIATED)),), slot_ms=100)
            async with LocalNet(copied) as second, Client(second.rpc_url) as other:
                for place in places:
                    assert second.bank.executor.account(place) == first.bank.executor.account(place)
                buyer = wallet(6, "buyer")
                await other.airdrop(buyer, 10 * SOL)
                await other.land(wrap(address(buyer), 5 * SOL), buyer)
                account = ata(address(buyer), address(mint))
                steps = [
                    open_ata(address(buyer), address(buyer), address(mint), TOKEN, account),
                    cpmm.swap_input(keys, address(buyer), WSOL, SOL, 1),
                ]
                bought = None
                # The pool opens a second after its creation.
                while bought is None or bought.error is not None:
                    bought = await other.land(steps, buyer)
                assert await other.token_amount(text(account)) > 0

    run(story())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((text(SYSTEM),), "is built into every cluster"),
        (("Forger1111111111111111111111111111111111112",), "there is no account"),
    ],
)
def test_what_cannot_be_copied_is_named(names: tuple[str, ...], words: str) -> None:
    """The address and the reason in one line."""

    async def story() -> None:
        async with LocalNet(short()) as first:
            with pytest.raises(CloneFailed, match=words):
                await LocalNet(short(clones=((first.rpc_url, names),))).start()

    run(story())


def test_a_cluster_that_is_none_is_named() -> None:
    """Nobody listening, and an answer that is no cluster's."""

    async def story() -> None:
        svm = genesis.build(wallet(6, "faucet"))
        with pytest.raises(CloneFailed, match=r"cannot clone from http://127\.0\.0\.1:9"):
            await clone(svm, "http://127.0.0.1:9", (WSOL,))
        async with LocalNet(short()) as first:
            with pytest.raises(CloneFailed):
                await clone(svm, first.rpc_url + "/health", (WSOL,))

    run(story())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "0 accounts came for 1 asked"),
        ([{"data": ["?", "base64"], "executable": False, "lamports": 1, "owner": text(SYSTEM)}], "cannot clone"),
        ([{"data": ["", "base64"], "executable": False, "lamports": 1, "owner": "short"}], "'short' is not a base58"),
        (
            [{"data": ["", "base64"], "executable": True, "lamports": 1, "owner": text(SYSTEM)}],
            "to loader 1111",
        ),
    ],
)
def test_a_cluster_that_answers_oddly_is_named(value: list[object], words: str) -> None:
    """Too few accounts, broken data, an unknown loader."""

    async def odd(request: web.Request) -> web.Response:
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": {"value": value}})

    async def story() -> None:
        app = web.Application()
        app.router.add_post("/", odd)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        with pytest.raises(CloneFailed, match=words):
            await clone(genesis.build(wallet(6, "faucet")), url, (WSOL,))
        await runner.cleanup()

    run(story())
