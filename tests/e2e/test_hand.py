"""By hand: recordings are explained, trades are planned without a network, and sent ones fill on a chain."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvloop

from sniperforge.base.keys import text
from sniperforge.chain.localnet.market_client import Client, address
from tests.e2e.command import ROOT, SHARED, Result, environment, run
from tests.integration.coordinate.localnet import Stage, on_localnet

SOL = 10**9
CREATE = SHARED / "mainnet" / "pumpfun" / "tx-parser__pumpfun_create_0.json"


@pytest.fixture
def recording() -> Path:
    if not CREATE.exists():
        pytest.skip("the recordings of ../shared are not here")
    return CREATE


def test_decode_explains_a_launch(recording: Path) -> None:
    """Names, arguments, events and what to believe, for a reader and for a machine."""
    shown = run("decode", str(recording), "--accounts")
    assert shown.code == 0, shown.err
    told = shown.out.decode()
    for part in ("pumpfun.create", "* CreateEvent", "* TradeEvent", "=> PoolCreated", "[bonding_curve]", "pumpfun.buy"):
        assert part in told
    machine = run("decode", str(recording), "--json", "--program", "pumpfun")
    body = orjson.loads(machine.out)
    assert [one["name"] for one in body["instructions"]] == ["create", "buy"]
    assert [event["type"] for event in body["beliefs"]] == ["PoolCreated", "Swapped"]


def test_decode_reads_a_pipe_and_goes_on_after_a_bad_line(recording: Path) -> None:
    """A malformed line is one line on stderr; the transaction behind it is still told."""
    line = orjson.dumps(orjson.loads(recording.read_bytes()))
    result = run("decode", "-", "--json", given=b'{"transaction": 5, "meta": {}}\n' + line + b"\n")
    assert result.code == 1
    assert len(result.out.splitlines()) == 1
    assert result.err.count("\n") == 1
    assert "sniperforge: -:1:" in result.err


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (("decode", "/nowhere/at/all"), "No such file", 2),
        (("decode", "-"), "holds no transaction", 1),
        (("decode", "-", "--program", "pumpfn"), "did you mean 'pumpfun'", 2),
        (("quote", "--venue", "raydium_cpmm", "--amount", "5", "--pool", "x"), "--state: missing", 2),
        (("buy", "--venue", "raydium_cpmm", "--amount", "5", "--pool", "x"), "--wallet: missing", 2),
        (("sell", "-v", "pumpfun", "-a", "5", "--mint", "x", "--send", "--exact-out"), "--exact-out", 2),
    ],
)
def test_a_command_that_cannot_be_is_one_line(arguments: tuple[str, ...], said: str, code: int) -> None:
    result = run(*arguments)
    assert result.code == code
    assert said in result.err
    assert result.err.count("\n") == 1


async def saved(stage: Stage, client: Client) -> dict[str, Any]:
    """Return the accounts of the stage's pool as an answer of getMultipleAccounts with its addresses."""
    keys = [stage.pool.address, *(stage.pool.keys[name] for name in ("amm_config", "base_vault", "quote_vault"))]
    addresses = [text(one) for one in (*keys, stage.pool.base_mint)]
    answer = await client.call("getMultipleAccounts", [*addresses], {"encoding": "base64"})
    assert isinstance(answer, dict)
    return {"addresses": addresses, **answer}


async def command(*arguments: str) -> Result:
    """Run the command beside the localnet of this process."""
    return await asyncio.to_thread(run, *arguments, env=environment())


def test_a_trade_by_hand_from_the_quote_to_the_profit(tmp_path: Path) -> None:
    """One pool on a localnet: quoted over RPC and from a file alike, planned, bought, refused, sold."""

    async def story() -> None:
        async with on_localnet(tmp_path) as stage, Client(stage.net.rpc_url) as client:
            pool = ("--venue", "raydium_cpmm", "--pool", text(stage.pool.address))
            state = tmp_path / "state.json"
            state.write_text(json.dumps(await saved(stage, client)))
            amount = ("--amount", str(SOL // 20))
            live = await command("quote", *pool, *amount, "--rpc", stage.net.rpc_url, "--json")
            saved_one = await command("quote", *pool, *amount, "--state", str(state), "--json")
            assert live.code == 0, live.err
            assert live.out == saved_one.out
            quote = orjson.loads(live.out)["quote"]

            tried = await command("simulate", *pool, *amount, "--rpc", stage.net.rpc_url, "--json")
            assert tried.code == 0, tried.err
            (told,) = tried.events()
            assert (told["sellable"], told["bought"], told["loss_bps"]) == (True, quote["amount_out"], 50)
            table = await command("simulate", *pool, "--amount", "1", "--rpc", stage.net.rpc_url)
            assert table.code == 1
            assert max(map(len, table.out.decode().splitlines())) <= 80
            assert b"problem       buy: InstructionError" in table.out
            lacks = await command("simulate", *pool, *amount, "--state", str(state))
            assert lacks.code == 4
            assert "does not say" in lacks.err or "has no " in lacks.err

            wallet = text(address(stage.owner))
            planned = await command("buy", *pool, *amount, "--state", str(state), "--wallet", wallet)
            assert planned.code == 0, planned.err
            rows = planned.out.decode().splitlines()
            assert max(map(len, rows[:-1])) <= 80
            assert any("raydium_cpmm.swap_base_input" in row for row in rows)

            key, journal = stage.settings.keypair, str(tmp_path / "hand.sqlite")
            send = (*pool, "--rpc", stage.net.rpc_url, "--send", "--keypair", key, "--journal", journal, "--json")
            bought = await command("buy", *amount, *send)
            assert bought.code == 0, bought.err
            fill = next(event for event in bought.events() if event["type"] == "OrderLanded")
            assert fill["base_amount"] == quote["amount_out"]

            refused = await command("buy", "--amount", str(SOL), *send)
            assert refused.code == 5
            assert "risk." in refused.err
            sold = await command("sell", "--amount", str(fill["base_amount"]), *send)
            assert sold.code == 0, sold.err
            closed = [event for event in sold.events() if event["type"] == "PositionChanged"][-1]
            assert closed["state"] == "closed"
            again = await command("sell", "--amount", str(SOL), *send)
            assert again.code == 2
            assert "holds no" in again.err

    uvloop.run(story())


def test_a_missing_account_is_named_with_its_address(tmp_path: Path) -> None:
    async def story() -> None:
        async with on_localnet(tmp_path) as stage, Client(stage.net.rpc_url) as client:
            accounts = await saved(stage, client)
            vault = accounts["addresses"].pop(2)
            accounts["value"].pop(2)
            state = tmp_path / "state.json"
            state.write_text(json.dumps(accounts))
            place = text(stage.pool.address)
            result = await command("quote", "-v", "raydium_cpmm", "--pool", place, "-a", "5", "--state", str(state))
            assert result.code == 4
            assert f"has no base_vault {vault}" in result.err

    uvloop.run(story())


def test_the_documentation_shows_what_the_commands_are() -> None:
    told = (ROOT / "docs" / "by-hand.md").read_text()
    for verb in ("decode", "quote", "simulate", "buy", "sell"):
        assert f"sniperforge {verb}" in told
