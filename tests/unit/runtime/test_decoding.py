"""A recording is explained as far as its source carries, and what did not happen or cannot be read says so."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.runtime import decoding
from sniperforge.runtime.decoding import as_json, decode, json_text, lines

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
PUMP = "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"
STRANGER = "metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s"
SIGNATURE = "5" * 87


def shared(*parts: str) -> bytes:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip("the recordings of ../shared are not here")
    return path.read_bytes()


def notification(*logs: str, err: object = None) -> bytes:
    value = {"signature": SIGNATURE, "err": err, "logs": list(logs)}
    result = {"context": {"slot": 9}, "value": value}
    return orjson.dumps({"jsonrpc": "2.0", "method": "logsNotification", "params": {"result": result}})


def test_a_launch_is_told_with_names_fields_and_belief() -> None:
    (told,) = decode(shared("mainnet", "pumpfun", "tx-parser__pumpfun_create_0.json"), source="test")
    body = as_json(told)
    instructions, beliefs = body["instructions"], body["beliefs"]
    assert isinstance(instructions, list)
    assert isinstance(beliefs, list)
    create = next(one for one in instructions if one["name"] == "create")
    assert create["arguments"]["symbol"] == "MOODOG"
    assert create["events"][0]["name"] == "CreateEvent"
    assert [event["type"] for event in beliefs] == ["PoolCreated", "Swapped"]
    assert "id" not in beliefs[0]
    shown = "\n".join(lines(told, accounts=True))
    assert "symbol=MOODOG" in shown
    assert "[bonding_curve]" in shown
    assert "=> PoolCreated" in shown


@pytest.mark.parametrize("folder", ["meteora_dbc", "meteora_dlmm", "raydium_clmm", "raydium_amm_v4", "pumpfun"])
def test_every_program_output_is_json_with_integers(folder: str) -> None:
    """Prices of 128 bits too; reading it back gives the same."""
    shared("program_output", "README.md")
    for path in sorted((SHARED / "program_output" / folder).glob("*.json")):
        (told,) = decode(path.read_bytes(), source=str(path))
        assert json.loads(json_text(as_json(told)))["failed"] is False
        for row in lines(told):
            # A line is longer than the screen only when a single value is.
            assert len(row) <= 80 or " " not in row.strip()


def test_a_failed_transaction_says_that_nothing_happened() -> None:
    recorded = orjson.loads(shared("program_output", "raydium_cpmm", "snipe.json"))
    recorded["meta"] |= {"err": {"InstructionError": [1, {"Custom": 6005}]}, "status": {"Err": "x"}}
    (told,) = decode(orjson.dumps(recorded), source="test")
    assert told.beliefs == ()
    assert as_json(told)["failed"] is True
    assert "FAILED, nothing of it happened" in next(line for line in lines(told) if "slot" in line)


def test_logs_alone_say_what_they_can() -> None:
    """The name the program printed, the invocations nobody named, and that nothing is believed."""
    document = notification(
        f"Program {PUMP} invoke [1]",
        "Program log: Instruction: Sell",
        f"Program {STRANGER} invoke [2]",
        f"Program {STRANGER} success",
        f"Program {PUMP} success",
        "Log truncated",
    )
    (told,) = decode(document, source="test")
    shown = "\n".join(lines(told))
    for part in ("pumpfun.sell", f"{STRANGER} (0 bytes)", "logs cut, from logs alone", "=> nothing to tell"):
        assert part in shown
    body = as_json(told)
    instructions = body["instructions"]
    assert isinstance(instructions, list)
    assert body["signer"] == ""
    assert instructions[0]["problem"] == "this source carries no arguments"
    assert (instructions[0]["inner"][0]["program_name"], instructions[0]["inner"][0]["data"]) == ("", "")


def test_an_event_nobody_knows_is_told_as_unknown() -> None:
    document = notification(f"Program {PUMP} invoke [1]", "Program data: AAAAAAAAAAA=", f"Program {PUMP} success")
    (told,) = decode(document, source="test")
    assert "* ?  (no event starts with 0000000000000000)" in "\n".join(lines(told))
    assert "no event starts" in json_text(as_json(told))


def test_one_program_alone_keeps_the_way_to_it() -> None:
    """What leads to a call stays, what does not call it goes, and so do other transactions."""
    block = shared("mainnet", "jupiter_v6", sorted(p.name for p in (SHARED / "mainnet" / "jupiter_v6").iterdir())[0])
    assert decode(block, source="test", only="pumpfun") == []
    snipe = shared("program_output", "raydium_cpmm", "snipe.json")
    (told,) = decode(snipe, source="test", only="raydium_cpmm")
    assert [one.told.name for one in told.invocations if one.told] == ["swap_base_input"]
    assert told.invocations[0].children == ()


@pytest.mark.parametrize("document", [b"{", b'{"transaction": 5, "meta": {}}', b'{"type":"Frame","data":', b"[1]"])
def test_what_cannot_be_read_is_one_line(document: bytes) -> None:
    (told,) = decode(document, source="test")
    assert told.transaction is None
    assert "\n" not in told.problem
    assert list(lines(told)) == [f"unreadable: {told.problem}"]
    assert as_json(told) == {"problem": told.problem}


def test_an_instruction_alone_is_explained_too() -> None:
    body = {"program_id": PUMP, "accounts": [{"pubkey": STRANGER}], "data": "33e685a4017f83ad" + "00" * 16}
    (told,) = decode(orjson.dumps(body), source="test")
    shown = list(lines(told))
    assert shown[0] == "(an instruction alone)"
    assert "  pumpfun.sell" in shown
    assert decode(b'{"jsonrpc":"2.0","result":5,"id":1}', source="test") == []
    (deep,) = decode(b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}", source="test")
    assert "\n" not in deep.problem
    for broken in ({"program_id": PUMP}, {**body, "data": "zz"}, {**body, "program_id": "x"}, {**body, "accounts": 5}):
        (problem,) = decode(orjson.dumps(broken), source="test")
        assert problem.problem


def test_a_bad_element_of_a_block_does_not_take_the_block() -> None:
    good = orjson.loads(shared("program_output", "raydium_cpmm", "snipe.json"))
    block = {"blockTime": 1, "parentSlot": 4, "transactions": [{"transaction": 5, "meta": {}}, good]}
    bad, told = decode(orjson.dumps(block), source="test")
    assert bad.transaction is None
    assert told.transaction is not None


def test_a_tapes_line_is_the_frame_inside_it() -> None:
    inner = notification(f"Program {PUMP} invoke [1]", f"Program {PUMP} success")
    tape = b'{"type":"Frame","v":1,"ts_ns":5,"source":"a","late":false,"data":' + inner + b"}"
    (told,) = decode(tape, source="test")
    assert told.transaction is not None
    assert told.transaction.slot == 9


def test_values_are_shown_safely() -> None:
    """A coin's name cannot write to the terminal; what is nested stands under dotted names."""
    shown = list(decoding._fields_lines({"a": ["plain", "\x1b[2Jx"], "b": {"c": 5}}, " "))
    assert shown == [" a.0=plain a.1='\\x1b[2Jx' b.c=5"]


@given(st.binary(max_size=400))
def test_any_bytes_are_transactions_or_problems(data: bytes) -> None:
    for told in decode(data, source="test"):
        assert list(lines(told))
        assert json_text(as_json(told))
