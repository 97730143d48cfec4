"""Every kind of news reaches a WebSocket client once, at its commitment, with what a node would say."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import websockets
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction

from sniperforge.base.keys import text
from sniperforge.chain.localnet import LocalNet, cpmm
from sniperforge.chain.localnet.market_client import Client, Outcome, address, wallet
from sniperforge.chain.localnet.market_tokens import make_mint, wrap
from sniperforge.dex.programs import TOKEN, WSOL, compute_limit, transfer_lamports
from tests.integration.localnet.net import Listener, run, short

SOL = 1_000_000_000


async def _rich(client: Client, name: str) -> Keypair:
    made = wallet(5, name)
    await client.airdrop(made, 200 * SOL)
    return made


def _socket_of(rpc_url: str) -> websockets.connect:
    return websockets.connect(rpc_url.replace("http", "ws"))


def _landed(outcome: Outcome | None) -> Outcome:
    assert outcome is not None
    assert outcome.error is None
    return outcome


def test_a_pool_creation_reaches_every_kind_of_subscriber() -> None:
    """Logs by mention, the whole transaction, the program's account, the block: one creation, four forms."""

    async def story() -> None:
        async with LocalNet(short()) as net, Client(net.rpc_url) as client, websockets.connect(net.ws_url) as socket:
            listener = Listener(socket)
            name, confirmed = text(cpmm.PROGRAM), {"commitment": "confirmed"}
            full: dict[str, Any] = {"transactionDetails": "full", "maxSupportedTransactionVersion": 0}
            await listener.subscribe("logsSubscribe", {"mentions": [name]}, {"commitment": "processed"})
            await listener.subscribe(
                "transactionSubscribe", {"accountInclude": [name], "failed": False},
                {"commitment": "processed", "encoding": "base64", **full},
            )  # fmt: skip
            filters = [{"dataSize": 637}]
            await listener.subscribe("programSubscribe", name, {"encoding": "base64", "filters": filters, **confirmed})
            await listener.subscribe(
                "blockSubscribe", {"mentionsAccountOrProgram": name}, {"encoding": "base64", **full, **confirmed}
            )
            maker, mint = await _rich(client, "maker"), wallet(5, "mint")
            steps = make_mint(address(maker), address(mint), TOKEN, 10**15, keeps_mint=False, keeps_freeze=False)
            _landed(await client.land([*steps, *wrap(address(maker), 60 * SOL)], maker, mint))
            keys = cpmm.pool_keys((address(mint), TOKEN), (WSOL, TOKEN))
            made = cpmm.initialize(keys, address(maker), (10**10, 10**10))
            outcome = _landed(await client.land([compute_limit(400_000), made], maker))

            logs = await listener.news("logs")
            assert (logs["value"]["signature"], logs["value"]["err"]) == (outcome.signature, None)
            assert "Program log: Instruction: Initialize" in logs["value"]["logs"]
            whole = await listener.news("transaction")
            assert (whole["signature"], whole["slot"]) == (outcome.signature, outcome.slot)
            raw, encoding = whole["transaction"]["transaction"]
            sent = VersionedTransaction.from_bytes(base64.b64decode(raw))
            assert (str(sent.signatures[0]), encoding, whole["transaction"]["version"]) == (
                outcome.signature,
                "base64",
                0,
            )
            meta = whole["transaction"]["meta"]
            assert {each["stackHeight"] for row in meta["innerInstructions"] for each in row["instructions"]} == {2, 3}
            assert sum(meta["preBalances"]) == sum(meta["postBalances"]) + meta["fee"]
            held = {each["owner"] for each in meta["postTokenBalances"]}
            assert text(cpmm.AUTHORITY) in held
            pool = await listener.news("program")
            assert pool["value"]["pubkey"] == text(keys.pool)
            block = await listener.news("block", lambda each: each["value"]["block"]["transactions"])
            assert (block["value"]["slot"], block["context"]["slot"]) == (outcome.slot, outcome.slot)
            assert len(block["value"]["block"]["transactions"]) == 1

    run(story())


def test_a_signature_is_told_received_and_then_landed_and_the_subscription_ends() -> None:
    """Received, then the error value once; a late subscriber is told at once."""

    async def story() -> None:
        async with LocalNet(short()) as net, Client(net.rpc_url) as client, websockets.connect(net.ws_url) as socket:
            listener = Listener(socket)
            payer = await _rich(client, "payer")
            move = transfer_lamports(address(payer), address(wallet(5, "payee")), SOL)
            coded, signature = await client._sign([move], [payer])
            options = {"commitment": "confirmed", "enableReceivedNotification": True}
            number = await listener.subscribe("signatureSubscribe", signature, options)
            await client._submit(coded)
            first = await listener.news("signature")
            last = await listener.news("signature", lambda each: each["value"] != "receivedSignature")
            assert (first["value"], last["value"]) == ("receivedSignature", {"err": None})
            gone = await listener.ask("signatureUnsubscribe", number)
            assert gone["error"]["code"] == -32602
            late = await listener.subscribe("signatureSubscribe", signature, {"commitment": "processed"})
            told = await listener.until(lambda m: m.get("params", {}).get("subscription") == late)
            assert told["params"]["result"]["value"] == {"err": None}

    run(story())


def test_accounts_slots_and_roots_are_told_until_unsubscribed() -> None:
    """An account's new state; slots in order; a root behind; silence after unsubscribing."""

    async def story() -> None:
        # The RPC port speaks WebSocket, too.
        async with LocalNet(short()) as net, Client(net.rpc_url) as client, _socket_of(net.rpc_url) as socket:
            listener = Listener(socket)
            target = wallet(5, "target")
            numbers = {
                "account": await listener.subscribe(
                    "accountSubscribe", str(target.pubkey()), {"commitment": "processed", "encoding": "base64"}
                ),
                "slot": await listener.subscribe("slotSubscribe"),
                "root": await listener.subscribe("rootSubscribe"),
                "slotsUpdates": await listener.subscribe("slotsUpdatesSubscribe"),
            }
            await client.airdrop(target, 3 * SOL)
            account = await listener.news("account")
            assert (account["value"]["lamports"], account["value"]["rentEpoch"]) == (3 * SOL, 2**64 - 1)
            slot = await listener.news("slot")
            assert (slot["parent"], slot["root"]) == (slot["slot"] - 1, slot["slot"] - 6)
            assert isinstance(await listener.news("root"), int)
            await listener.news("slotsUpdates", lambda each: each["type"] == "optimisticConfirmation")
            for kind, number in numbers.items():
                assert (await listener.ask(f"{kind}Unsubscribe", number))["result"] is True
            heard = len(listener.heard)
            # Slots go by while this lands and is confirmed.
            await client.airdrop(wallet(5, "another"), SOL)
            await listener.ask("rootUnsubscribe", 999)
            assert len(listener.heard) == heard + 1

    run(story())


def test_a_client_that_does_not_read_is_cut_off_and_others_are_not() -> None:
    """The queue is bounded; the close code says policy, the reason says why."""

    async def story() -> None:
        # One slot's news is 450 messages: a queue below that would cut off readers, too.
        settings = short(queue_max=1_000, slot_ms=20, entries_per_slot=1)
        async with LocalNet(settings) as net, websockets.connect(net.ws_url, max_queue=1) as slow:
            listener = Listener(slow)
            for _ in range(150):
                await listener.subscribe("slotsUpdatesSubscribe")
            async with websockets.connect(net.ws_url) as brisk:
                awake = Listener(brisk)
                await awake.subscribe("slotSubscribe")
                # The kernel's buffers have to fill before the queue does.
                while net.sockets == 2:
                    await awake.socket.recv()
                await awake.socket.recv()
            with pytest.raises(websockets.ConnectionClosedError, match=r"slow client: more than 1000|no close frame"):
                while True:
                    await slow.recv()

    run(story())


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("logsSubscribe", [{"mentions": ["1" * 32, "1" * 32]}], -32602),
        ("logsSubscribe", [7], -32602),
        ("accountSubscribe", ["short"], -32602),
        ("blockSubscribe", ["all", {"commitment": "processed"}], -32602),
        ("blockSubscribe", ["some"], -32602),
        ("transactionSubscribe", [{}, {"encoding": "morse"}], -32602),
        ("transactionSubscribe", [{}, {"transactionDetails": "half"}], -32602),
        ("transactionSubscribe", ["all"], -32602),
        ("voteSubscribe", [], -32601),
        ("slotUnsubscribe", [99], -32602),
        ("slotUnsubscribe", ["x"], -32602),
    ],
)
def test_a_wrong_subscription_is_refused_and_the_socket_lives(method: str, params: list[Any], code: int) -> None:
    """The answer names the fault; the next request is answered."""

    async def story() -> None:
        async with LocalNet(short()) as net, websockets.connect(net.ws_url) as socket:
            listener = Listener(socket)
            assert (await listener.ask(method, *params))["error"]["code"] == code
            await socket.send("{not json")
            await listener.until(lambda m: m.get("error", {}).get("code") == -32700)
            assert await listener.subscribe("slotSubscribe") > 0

    run(story())
