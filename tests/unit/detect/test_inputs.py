"""Messages: every kind gives its transactions, everything else none, and nothing but DecodeError is raised."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.detect import inputs
from sniperforge.detect.inputs import documents, read_frame, read_line
from sniperforge.detect.transaction import Transaction
from tests.unit.detect.fakes import OTHER, PROGRAM, SIGNATURE, Json, call, data_line, logs_json
from tests.unit.detect.wire_forms import Made, base58, base64_body, json_body, meta, parsed_body, wire

SPACE, OUTER = [OTHER, PROGRAM], [Made(PROGRAM, (OTHER,), b"x")]
LINES = call(PROGRAM, data_line(b"payload"))
WIRE = wire(SPACE, OUTER)
ELEMENT = base64_body(WIRE, meta(LINES))
OWN = base58(bytes([7]) * 64)


def rpc(method: str, result: object) -> Json:
    """Return a notification."""
    return {"jsonrpc": "2.0", "method": method, "params": {"subscription": 1, "result": result}}


def block(*elements: Json, **more: object) -> Json:
    """Return a block."""
    return {"blockhash": "x", "parentSlot": 41, "blockTime": 1_700_000_000, "transactions": list(elements), **more}


def grpc(slot: object = "42") -> Json:
    """Return the transaction message of a Yellowstone update."""
    message = {
        "accountKeys": [list(key) for key in SPACE],
        "instructions": [{"programIdIndex": 1, "accounts": [0], "data": list(b"x")}],
        "versioned": False,
    }
    inner = {"signatures": [OWN], "message": message}
    return {"signature": SIGNATURE, "isVote": False, "transaction": inner, "meta": meta(LINES)} | {"index": "3"}


HELIUS = {"transaction": parsed_body(SPACE, OUTER, meta(LINES)), "signature": SIGNATURE, "slot": 42}
BARE = {"slot": 42, "blockTime": 9, **json_body(SPACE, OUTER, meta(LINES))}
MESSAGES: dict[str, tuple[object, str, int, int]] = {
    "logsNotification": (logs_json(LINES, slot=42), SIGNATURE, 42, 0),
    "helius parsed": (rpc("transactionNotification", HELIUS), SIGNATURE, 42, 0),
    "helius base64": (
        rpc("transactionNotification", {"transaction": ELEMENT, "signature": SIGNATURE, "slot": 42}),
        SIGNATURE,
        42,
        0,
    ),
    "getTransaction bare": (BARE, OWN, 42, 9),
    "getTransaction answer": ({"jsonrpc": "2.0", "id": 1, "result": BARE}, OWN, 42, 9),
    "getTransaction list": ([BARE], OWN, 42, 9),
    "block element": (ELEMENT, OWN, 0, 0),
    "blockNotification": (
        rpc(
            "blockNotification", {"context": {"slot": 42}, "value": {"slot": 42, "err": None, "block": block(ELEMENT)}}
        ),
        OWN,
        42,
        1_700_000_000,
    ),
    "getBlock bare": (block(ELEMENT), OWN, 42, 1_700_000_000),
    "getBlock answer": ({"jsonrpc": "2.0", "id": 1, "result": block(ELEMENT, blockTime=None)}, OWN, 42, 0),
    "grpc update": ({"filters": ["x"], "transaction": {"transaction": grpc(), "slot": "42"}}, SIGNATURE, 42, 0),
    "grpc inner": ({"slot": 42, "transaction": grpc()}, SIGNATURE, 42, 0),
    "grpc unsigned": (
        {"slot": 42, "transaction": {name: value for name, value in grpc().items() if name != "signature"}},
        OWN,
        42,
        0,
    ),
    "grpc block": (
        {"filters": [], "block": {"slot": "42", "blockTime": {"timestamp": "7"}, "transactions": [grpc()]}},
        OWN,
        42,
        7,
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("indent", [None, 2])
def test_every_message_gives_its_transaction(name: str, indent: int | None) -> None:
    """Compact as a socket gives it, or pretty as somebody recorded it."""
    body, signature, slot, time = MESSAGES[name]
    separators = (",", ":") if indent is None else None
    (told,) = read_frame(json.dumps(body, indent=indent, separators=separators).encode())
    assert isinstance(told, Transaction)
    assert (told.signature, told.slot, told.block_time, told.failed) == (signature, slot, time, False)
    assert [(step.program, step.events) for step in told.steps] == [(PROGRAM, (b"payload",))]


@pytest.mark.parametrize(
    "body",
    [
        {"jsonrpc": "2.0", "result": 24040, "id": 1},
        {"jsonrpc": "2.0", "result": None, "id": 1},
        {"jsonrpc": "2.0", "result": True, "id": 1},
        {"jsonrpc": "2.0", "error": {"code": -32602, "message": "x"}, "id": 1},
        rpc("slotNotification", {"parent": 1, "root": 1, "slot": 2}),
        rpc("rootNotification", 5),
        rpc("blockNotification", {"context": {"slot": 42}, "value": {"slot": 42, "err": "x", "block": None}}),
        block(),
        {},
        [],
    ],
)
def test_other_messages_carry_no_transaction(body: object) -> None:
    """Acknowledgements, errors, slots, empty blocks."""
    assert read_frame(json.dumps(body).encode()) == []


def test_the_word_alone_makes_no_logs_notification() -> None:
    """A message is what its method says; the method may stand behind the parameters."""
    body = logs_json(LINES)
    late = {"params": body["params"], "pad": "x" * 300, "method": "logsNotification"}
    (told,) = read_frame(json.dumps(late).encode())
    assert isinstance(told, Transaction)
    assert told.steps[0].events == (b"payload",)
    assert read_frame(json.dumps({**body, "method": "other", "note": "logsNotification"}).encode()) == []
    odd = {"note": "logsNotification", "method": "other", "params": body["params"]}
    assert read_frame(json.dumps(odd).encode()) == []


def test_a_failed_transaction_is_told_as_failed() -> None:
    """Any error value counts."""
    (told,) = read_frame(json.dumps(logs_json(LINES, err={"InstructionError": [2, {"Custom": 6002}]})).encode())
    assert isinstance(told, Transaction)
    assert told.failed


def test_one_unreadable_element_does_not_take_the_block() -> None:
    """Its refusal stands in its place."""
    first, second, third = read_frame(
        json.dumps(block(ELEMENT, base64_body(wire(SPACE, OUTER, version=1), meta([])), ELEMENT)).encode()
    )
    assert isinstance(first, Transaction)
    assert isinstance(second, DecodeError)
    assert isinstance(third, Transaction)


def test_only_wanted_elements_of_a_block_are_parsed() -> None:
    """The byte test of frames is asked for each."""
    assert read_frame(json.dumps(block(ELEMENT, ELEMENT)).encode(), wanted=lambda raw: False) == []
    assert len(read_frame(json.dumps(block(ELEMENT, ELEMENT)).encode(), wanted=lambda raw: b"base64" in raw)) == 2


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "not a message"),
        (b"hello", "not a message"),
        (b"{", "not a message"),
        (b'{"method":5}', "not a message"),
        (b'{"method":"logsNotification"}', "not a message"),
        (b"\xff\xfe", "not a message"),
        (b'{"method":"\xff"}', "not a message"),
        (b"[" * 100_000, "not a message"),
        (b'{"x":' + b"[" * 100_000, "not a message"),
        (b'{"transaction":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b',"meta":{}}', "not a message"),
        (json.dumps(logs_json(LINES, signature="x")).encode(), "not a signature"),
        (json.dumps(logs_json(LINES, slot=-1)).encode(), "slot is"),
        (json.dumps(rpc("transactionNotification", {})).encode(), "not a signature|bytes expected"),
        (json.dumps(rpc("transactionNotification", 5)).encode(), "result is"),
        (json.dumps({"transaction": {"slot": 1}}).encode(), "transaction is"),
        (json.dumps({"transaction": 5}).encode(), "transaction is"),
        (json.dumps({"slot": None, "transaction": grpc()}).encode(), "slot is"),
        (json.dumps({"transaction": ELEMENT["transaction"], "meta": 1}).encode(), "meta is"),
        (json.dumps({"transactions": 5}).encode(), "not a message"),
        (json.dumps(block(ELEMENT, slot="x")).encode(), "slot is"),
        (json.dumps(block(ELEMENT, blockTime="x")).encode(), "blockTime is"),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, word: str) -> None:
    """In one line that says what it is not."""
    with pytest.raises(DecodeError, match=word):
        read_frame(data)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of a message, and transactions of a block."""
    monkeypatch.setattr(inputs, "FRAME_BYTES_MAX", 10)
    with pytest.raises(DecodeError, match="at most 10 are read"):
        read_frame(b" " * 11)
    monkeypatch.undo()
    monkeypatch.setattr(inputs, "TRANSACTIONS_MAX", 1)
    with pytest.raises(DecodeError, match="block of 2 transactions"):
        read_frame(json.dumps(block(ELEMENT, ELEMENT)).encode())


@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but DecodeError comes out."""
    with contextlib.suppress(DecodeError):
        read_frame(data)


@given(
    name=st.sampled_from(list(MESSAGES)),
    cuts=st.lists(st.tuples(st.integers(0, 3_000), st.binary(max_size=3)), max_size=4),
)
def test_any_damaged_message_is_read_or_refused(name: str, cuts: list[tuple[int, bytes]]) -> None:
    """Bytes of a real message replaced by others."""
    data = bytearray(json.dumps(MESSAGES[name][0]).encode())
    for at, piece in cuts:
        at %= len(data)
        data[at : at + len(piece)] = piece
    with contextlib.suppress(DecodeError):
        read_frame(bytes(data))


# ── recorded text ─────────────────────────────────────────────────────────


def test_a_tapes_line_brings_its_own_stamp_and_source() -> None:
    """The frame inside is the bytes that were recorded."""
    data = json.dumps(logs_json(LINES))
    line = f'{{"type":"Frame","v":1,"ts_ns":5,"source":"tape","late":true,"data":{data}}}'.encode()
    told = read_line(line, recv_ns=1, source="file")
    assert (told.data, told.recv_ns, told.source, told.late) == (data.encode(), 5, "tape", True)


def test_a_bare_message_is_its_own_frame() -> None:
    """With the stamp and the source of who read it."""
    told = read_line(b'{"x":1}', recv_ns=1, source="file")
    assert (told.data, told.recv_ns, told.source, told.late) == (b'{"x":1}', 1, "file", False)


@pytest.mark.parametrize("line", [b'{"type":"Frame"}', b'{"type":"Frame",', b'"Frame"', b'{"Frame":"\xff"}'])
def test_a_broken_tape_line_is_refused(line: bytes) -> None:
    """It says it is one and is not."""
    with pytest.raises(DecodeError, match="not a line of a tape"):
        read_line(line, recv_ns=1, source="file")


def test_lines_and_single_documents() -> None:
    """A file is one document when its first line alone is not one."""
    assert list(documents(b'{"a":1}\n\n{"b":2}\n')) == [(1, b'{"a":1}'), (3, b'{"b":2}')]
    pretty = json.dumps({"a": [1, 2]}, indent=2).encode() + b"\n"
    assert list(documents(pretty)) == [(1, pretty.strip())]
    assert next(iter(documents(json.dumps([{"a": 1}], indent=2).encode())))[0] == 1
    assert list(documents(b"broken\n{}\n")) == [(1, b"broken"), (2, b"{}")]
    assert list(documents(b"\xff\n")) == [(1, b"\xff")]
    assert list(documents(b"")) == []


def test_the_recorded_key_is_a_key() -> None:
    """The element's text names the program by position, the tree by its key."""
    (told,) = read_frame(json.dumps(ELEMENT).encode())
    assert isinstance(told, Transaction)
    assert keys.text(told.steps[0].program) == keys.text(PROGRAM)
