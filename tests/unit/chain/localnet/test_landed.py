"""What a node says about a landed transaction: errors in Solana's form, every encoding, meta complete."""

from __future__ import annotations

import base64

import orjson
import pytest
from solders.transaction_status import (
    InstructionErrorCustom,
    InstructionErrorFieldless,
    TransactionErrorDuplicateInstruction,
    TransactionErrorFieldless,
    TransactionErrorInstructionError,
    TransactionErrorInsufficientFundsForRent,
    TransactionErrorProgramExecutionTemporarilyRestricted,
    TransactionErrorType,
)

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import base58, cpmm
from sniperforge.chain.localnet.landed import Landed, error_json
from sniperforge.chain.localnet.market_client import address
from sniperforge.chain.localnet.refusal import Json, RpcRefusal
from sniperforge.dex.programs import TOKEN, WSOL, transfer_lamports
from sniperforge.dex.venue import AccountMeta, Instruction
from tests.unit.chain.localnet.stand import SOL, Stand

BOB = Pubkey(b"bob".ljust(32, b"\1"))


@pytest.mark.parametrize(
    ("error", "form"),
    [
        (TransactionErrorFieldless.AccountNotFound, "AccountNotFound"),
        (
            TransactionErrorInstructionError(2, InstructionErrorCustom(6005)),
            {"InstructionError": [2, {"Custom": 6005}]},
        ),
        (
            TransactionErrorInstructionError(0, InstructionErrorFieldless.InvalidAccountData),
            {"InstructionError": [0, "InvalidAccountData"]},
        ),
        (TransactionErrorInsufficientFundsForRent(3), {"InsufficientFundsForRent": {"account_index": 3}}),
        (TransactionErrorDuplicateInstruction(4), {"DuplicateInstruction": 4}),
        (
            TransactionErrorProgramExecutionTemporarilyRestricted(5),
            {"ProgramExecutionTemporarilyRestricted": {"account_index": 5}},
        ),
    ],
)
def test_errors_are_in_the_form_of_solanas_rpc(error: TransactionErrorType, form: Json) -> None:
    """The form clients match on, not the library's own JSON."""
    assert error_json(error) == form


@pytest.fixture(scope="module")
def trade() -> Landed:
    """A landed swap of version 0 with inner instructions."""
    stand = Stand()
    keys = stand.pool("landed")
    return stand.send([cpmm.swap_input(keys, address(stand.alice), WSOL, SOL, 1)], stand.alice)


def body_of(landed: Landed, encoding: str, version: int | None = 0) -> dict[str, Json]:
    """Return the encoded transaction as a client parses it."""
    body: dict[str, Json] = orjson.loads(orjson.dumps(landed.encoded(encoding, version)))
    return body


def part(body: Json, *path: str) -> dict[str, Json]:
    """Return a nested object."""
    for name in path:
        assert isinstance(body, dict)
        body = body[name]
    assert isinstance(body, dict)
    return body


def test_binary_encodings_carry_the_bytes_that_were_sent(trade: Landed) -> None:
    """base64 and base58 are the same transaction."""
    assert body_of(trade, "base64")["transaction"] == [base64.b64encode(trade.envelope.raw).decode(), "base64"]
    assert body_of(trade, "base58")["transaction"] == [base58.encode(trade.envelope.raw), "base58"]
    assert body_of(trade, "base64")["version"] == 0


def test_json_names_keys_by_index(trade: Landed) -> None:
    """Header, keys, instructions and lookups stand where a node puts them."""
    message = part(body_of(trade, "json"), "transaction", "message")
    assert message["accountKeys"] == [text(each) for each in trade.envelope.keys]
    assert message["addressTableLookups"] == []
    assert part(message, "header")["numRequiredSignatures"] == 1
    instructions = message["instructions"]
    assert isinstance(instructions, list)
    assert part(instructions[0])["data"] == base58.encode(trade.envelope.calls[0].data)


def test_json_parsed_names_keys_by_rights(trade: Landed) -> None:
    """Keys are objects, instructions partially decoded, and loadedAddresses is left out."""
    body = body_of(trade, "jsonParsed")
    keys = part(body, "transaction", "message")["accountKeys"]
    assert isinstance(keys, list)
    assert keys[0] == {"pubkey": text(trade.keys[0]), "signer": True, "writable": True, "source": "transaction"}
    instructions = part(body, "transaction", "message")["instructions"]
    assert isinstance(instructions, list)
    first = part(instructions[0])
    assert (first["programId"], first["stackHeight"]) == (text(cpmm.PROGRAM), 1)
    assert "loadedAddresses" not in part(body, "meta")


def test_the_meta_is_whole(trade: Landed) -> None:
    """Balances, token balances with owners, inner instructions with depth, logs, units."""
    meta = part(body_of(trade, "json"), "meta")
    assert (meta["err"], meta["status"], meta["fee"]) == (None, {"Ok": None}, 5_000)
    assert len(trade.balances[0]) == len(trade.balances[1]) == len(trade.keys)
    assert sum(trade.balances[0]) == sum(trade.balances[1]) + 5_000
    after = meta["postTokenBalances"]
    assert isinstance(after, list)
    assert {str(part(each)["owner"]) for each in after} == {text(trade.keys[0]), text(cpmm.AUTHORITY)}
    inner = meta["innerInstructions"]
    assert isinstance(inner, list)
    assert len(inner) == 1
    rows = part(inner[0])["instructions"]
    assert isinstance(rows, list)
    assert [part(each)["stackHeight"] for each in rows] == [2, 2]
    assert meta["loadedAddresses"] == {"writable": [], "readonly": []}
    assert meta["computeUnitsConsumed"] == trade.units > 0


def test_a_client_of_before_versions_is_refused_version_zero(trade: Landed) -> None:
    """The words are the node's: libraries look for them."""
    with pytest.raises(RpcRefusal, match=r"Transaction version \(0\) is not supported") as caught:
        trade.encoded("json", None)
    assert caught.value.code == -32015


def test_a_legacy_transaction_is_for_everybody() -> None:
    """Told of versions it is `legacy`, else nothing is said."""
    stand = Stand()
    envelope = stand.envelope([transfer_lamports(address(stand.alice), BOB, 2 * SOL)], stand.alice, legacy=True)
    stand.bank.submit(envelope)
    stand.step()
    landed = stand.bank.history.find(envelope.signature)
    assert landed is not None
    assert body_of(landed, "json", 0)["version"] == "legacy"
    assert "version" not in body_of(landed, "json", None)
    assert "addressTableLookups" not in part(body_of(landed, "json"), "transaction", "message")


def test_an_unknown_encoding_is_refused(trade: Landed) -> None:
    """It lists what there is."""
    with pytest.raises(RpcRefusal, match="none of json, jsonParsed, base58, base64"):
        trade.encoded("morse", 0)


def test_values_of_notifications_are_encoded_once(trade: Landed) -> None:
    """A thousand subscribers cost one encoding."""
    assert trade.logs_value() is trade.logs_value()
    assert orjson.loads(trade.logs_value()) == {"signature": trade.signature, "err": None, "logs": trade.logs}
    assert orjson.loads(trade.error_value()) == {"err": None}


def test_return_data_is_told() -> None:
    """GetAccountDataSize of the token program returns 165 as eight bytes."""
    stand = Stand()
    landed = stand.send([Instruction(TOKEN, (AccountMeta(WSOL),), b"\x15")], stand.alice)
    assert landed.error is None, landed.logs
    returned = part(body_of(landed, "json"), "meta", "returnData")
    size = base64.b64encode((165).to_bytes(8, "little")).decode()
    assert returned == {"programId": text(TOKEN), "data": [size, "base64"]}
