"""A lookup table holds on the chain what the settings say, or nothing is signed; the runtime reads what we write."""

from __future__ import annotations

import asyncio
import base64
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey as SoldersPubkey

from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import ConfigError, DecodeError
from sniperforge.base.keys import key, text
from sniperforge.base.units import U64_MAX, Pubkey
from sniperforge.chain.localnet import genesis
from sniperforge.chain.localnet.bank import PROCESSED
from sniperforge.chain.localnet.envelope import read_envelope
from sniperforge.chain.localnet.market_client import address
from sniperforge.coordinate.on_chain import ChainExecution
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.coordinate.tables import ALT_PROGRAM, TABLES_MAX, check_tables
from sniperforge.dex.programs import SYSTEM, TOKEN, WSOL, ata, open_ata, sync_native
from sniperforge.trading.transaction import LookupTable, compile_message
from tests.unit.chain.localnet.stand import Stand
from tests.unit.coordinate.stand import START_NS, VENUES, name_key

TABLE = LookupTable(name_key("table"), tuple(name_key(f"held {n}") for n in range(3)))


def account(*keys: Pubkey, kind: int = 1, deactivated: int = U64_MAX, owner: str = ALT_PROGRAM) -> dict[str, object]:
    """A table's account as a node tells it."""
    raw = struct.pack("<IQQBB", kind, deactivated, 5, 0, 1) + bytes(34) + b"".join(keys)
    return {"owner": owner, "data": [base64.b64encode(raw).decode(), "base64"], "lamports": 1}


class Client:
    """A node that answers one thing."""

    target = SimpleNamespace(name="node")

    def __init__(self, answer: object) -> None:
        self.answer, self.asked = answer, list[tuple[str, list[Any]]]()

    async def call(self, method: str, params: list[Any]) -> object:
        self.asked.append((method, params))
        return self.answer


def check(answer: object, *tables: LookupTable) -> Client:
    client = Client(answer)
    asyncio.run(check_tables(client, tables, "confirmed"))  # type: ignore[arg-type]
    return client


def test_without_tables_nothing_is_asked() -> None:
    assert check(None).asked == []


def test_a_table_may_hold_more_than_was_told() -> None:
    """It grows at its end; what was told keeps its place."""
    client = check({"value": [account(*TABLE.keys), account(*TABLE.keys, name_key("more"))]}, TABLE, TABLE)
    options = {"encoding": "base64", "commitment": "confirmed"}
    assert client.asked == [("getMultipleAccounts", [[text(TABLE.address)] * 2, options])]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (None, "is not on the chain"),
        (account(*TABLE.keys, owner=text(SYSTEM)), "is no lookup table"),
        (account(*TABLE.keys, kind=0), "is no lookup table"),
        ({"owner": ALT_PROGRAM, "data": ["AAAA", "base64"]}, "is no lookup table"),
        ({"owner": ALT_PROGRAM, "data": ["A", "base64"]}, "not base64"),
        (account(*TABLE.keys, deactivated=7), "is deactivated"),
        (account(*TABLE.keys[:2]), "holds 2 keys on the chain, 3 here"),
        (account(TABLE.keys[0], WSOL, TABLE.keys[2]), f"holds {text(WSOL)} at place 1 on the chain, "),
    ],
)
def test_what_differs_is_told_with_its_place(row: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        check({"value": [row]}, TABLE)
    assert caught.value.where == f"coordinate.lookup_tables.{text(TABLE.address)}"


@pytest.mark.parametrize("answer", [5, {"value": [{"owner": 5}]}, {"value": []}])
def test_an_answer_that_is_none_blames_the_endpoint(answer: object) -> None:
    with pytest.raises(DecodeError, match=r"node: .*use another"):
        check(answer, TABLE)


def test_more_tables_than_one_call_takes_are_refused() -> None:
    with pytest.raises(ConfigError, match="name at most 100"):
        check(None, *[TABLE] * (TABLES_MAX + 1))


def test_a_coordinator_asks_before_it_signs(tmp_path: Path) -> None:
    """Its signer and its builder know the tables of the settings; a wrong one ends the start."""
    path = tmp_path / "id.json"
    path.write_text(Keypair.from_seed(bytes(range(32))).to_json())
    path.chmod(0o600)
    settings = CoordinateSettings(
        execution="rpc",
        rpc="http://127.0.0.1:1",
        keypair=str(path),
        journal=str(tmp_path / "journal"),
        lookup_tables={text(TABLE.address): tuple(map(text, TABLE.keys))},
    )
    coordinator = Coordinator(settings, clock=ManualClock(START_NS), publish=lambda event: None, venues=VENUES)
    coordinator.open()
    assert coordinator.builder.tables == (TABLE,)
    assert coordinator.signer._policy.lookup_tables == {TABLE.address: TABLE.keys}
    execution = coordinator._execution
    assert isinstance(execution, ChainExecution)
    client = Client({"value": [account(*TABLE.keys[:1])]})
    client.latest_blockhash = lambda commitment: asyncio.sleep(0, (bytes(32), 9))  # type: ignore[attr-defined]
    execution.client = client  # type: ignore[assignment]
    execution._sender = None
    with pytest.raises(ConfigError, match="holds 1 keys on the chain, 3 here"):
        asyncio.run(execution.start(START_NS))
    coordinator.close()


def test_the_runtime_takes_from_a_table_what_was_meant() -> None:
    """Forty wrapped-SOL accounts behind a table count their lamports anew, and one that is there stays so."""
    stand, rent = Stand(), 2_039_280
    payer, owner = address(stand.alice), name_key("owner")
    accounts = [name_key(f"wrapped {number}") for number in range(40)]
    for number, one in enumerate(accounts):
        body = WSOL + owner + bytes(8 + 36) + b"\1" + struct.pack("<IQ", 1, rent) + bytes(8 + 36)
        genesis.place(stand.svm, one, rent + number, body, TOKEN)
    held = (*accounts, ata(owner, WSOL), owner, WSOL, TOKEN)
    table = LookupTable(name_key("a table"), held)
    raw = base64.b64decode(account(*held)["data"][0])  # type: ignore[index]
    genesis.place(stand.svm, table.address, 10**8, raw, key(ALT_PROGRAM))
    order = [*map(sync_native, accounts), open_ata(payer, owner, WSOL, TOKEN, ata(owner, WSOL))]
    message = compile_message(payer, order, key(stand.bank.blockhash_at(PROCESSED)[0]), tables=[table])
    assert len(message) < 1000
    envelope = read_envelope(b"\1" + bytes(stand.alice.sign_message(message)) + message)
    stand.bank.submit(envelope)
    stand.step()
    landed = stand.bank.history.find(envelope.signature)
    assert landed is not None
    assert landed.error is None
    for number, one in enumerate((*accounts, ata(owner, WSOL))):
        found = stand.svm.get_account(SoldersPubkey(one))
        assert found is not None
        assert struct.unpack_from("<Q", found.data, 64) == (number % 40,)
