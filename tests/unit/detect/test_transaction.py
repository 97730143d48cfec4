"""Every recorded form of one transaction gives the same tree, the same events, the same status."""

from __future__ import annotations

import base64
import contextlib
import copy
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.detect.transaction import CALLS_MAX, KEYS_MAX, Transaction, from_body, from_logs
from sniperforge.dex.programs import EVENT_TAG
from sniperforge.dex.venue import Step
from tests.unit.detect.fakes import OTHER, PROGRAM, SIGNATURE, TOKEN, Json, call, creation, data_line, key_of
from tests.unit.detect.wire_forms import Made, base58, base64_body, inner_json, json_body, meta, parsed_body, wire

USER, POOL = key_of("user"), key_of("pool")
SPACE = [USER, OTHER, PROGRAM, TOKEN, POOL]
EVENT = creation("coin")
OUTER = [Made(OTHER, (USER, POOL), b"route")]
INNER = {
    0: [
        Made(PROGRAM, (USER, POOL), b"create", 2),
        Made(TOKEN, (POOL,), b"mint", 3),
        Made(PROGRAM, (POOL,), EVENT_TAG + EVENT, 3),
    ]
}
LINES = call(
    OTHER,
    call(PROGRAM, "Program log: Create", call(TOKEN, depth=3), data_line(EVENT), call(PROGRAM, depth=3), depth=2),
)


def flat(transaction: Transaction) -> list[tuple[object, ...]]:
    """Return a transaction's steps as rows."""
    return [
        (one.program, one.accounts, one.data, one.events, one.logs, one.depth, one.parent_program, one.index)
        for outer in transaction.steps
        for one in outer.walk()
    ]


EXPECTED = [
    (OTHER, (USER, POOL), b"route", (), (), 1, ZERO_KEY, 0),
    (PROGRAM, (USER, POOL), b"create", (EVENT,), ("Create",), 2, OTHER, 0),
    (TOKEN, (POOL,), b"mint", (), (), 3, PROGRAM, 0),
]


def about(lines: list[str] | None = LINES, **more: object) -> Json:
    """Return the meta with the inner instructions."""
    return meta(lines, innerInstructions=inner_json(SPACE, INNER), **more)


def grpc_body(spell: str) -> Json:
    """Return the body of a Yellowstone update; bytes as lists, Buffers or base64."""

    def blob(raw: bytes) -> object:
        return {
            "list": list(raw),
            "buffer": {"type": "Buffer", "data": list(raw)},
            "text": base64.b64encode(raw).decode(),
        }[spell]

    def made(one: Made) -> Json:
        accounts = bytes(SPACE.index(key) for key in one.accounts)
        row = {"program_id_index": SPACE.index(one.program), "accounts": blob(accounts), "data": blob(one.data)}
        return row if one.depth is None else {**row, "stack_height": one.depth}

    return {
        "transaction": {
            "signatures": [blob(bytes([7]) * 64)],
            "message": {
                "account_keys": [blob(key) for key in SPACE[:3]],
                "instructions": [made(OUTER[0])],
                "versioned": True,
            },
        },
        "meta": {
            "fee": "5000",
            "inner_instructions": [{"instructions": [made(one) for one in INNER[0]]}],
            "log_messages": LINES,
            "loaded_writable_addresses": [blob(TOKEN)],
            "loaded_readonly_addresses": [blob(POOL)],
        },
    }


FORMS: dict[str, Json] = {
    "base64": base64_body(wire(SPACE, OUTER), about()),
    "base64 with tables": base64_body(
        wire(SPACE[:3], OUTER, space=SPACE, version=0, lookups=[(1, 1)]),
        about(loadedAddresses={"writable": [keys.text(TOKEN)], "readonly": [keys.text(POOL)]}),
        version=0,
    ),
    "json": json_body(SPACE, OUTER, about()),
    "jsonParsed": parsed_body(SPACE, OUTER, {**meta(LINES), "innerInstructions": [{"index": 0, "instructions": []}]}),
    "grpc lists": grpc_body("list"),
    "grpc buffers": grpc_body("buffer"),
    "grpc text": grpc_body("text"),
}
PARSED_INNER: list[Json] = [
    {
        "programId": keys.text(one.program),
        "accounts": [keys.text(key) for key in one.accounts],
        "data": base58(one.data),
    }
    | {"stackHeight": one.depth}
    for one in INNER[0]
]
FORMS["jsonParsed"]["meta"]["innerInstructions"][0]["instructions"] = PARSED_INNER  # type: ignore[index]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_tree(form: str) -> None:
    """The event told twice, by the log and by the CPI to itself, is one event."""
    told = from_body(FORMS[form], slot=7)
    assert flat(told) == EXPECTED
    assert (told.failed, told.signer, told.slot, told.carries_instructions) == (False, USER, 7, True)
    assert (told.logs_truncated, told.logs_missing) == (False, False)
    assert told.signature == base58(bytes([7]) * 64)


def test_logs_alone_give_the_same_attribution() -> None:
    """Without accounts and data, and without those who said nothing."""
    told = from_logs(SIGNATURE, 7, failed=False, lines=LINES, keep={PROGRAM})
    assert flat(told) == [
        (OTHER, (), b"", (), (), 1, ZERO_KEY, 0),
        (PROGRAM, (), b"", (EVENT,), ("Create",), 2, OTHER, 0),
    ]
    assert (told.carries_instructions, told.signer) == (False, ZERO_KEY)


def test_the_signature_around_it_wins() -> None:
    """Helius and Yellowstone name it outside."""
    assert from_body(FORMS["json"], slot=1, signature="outer").signature == "outer"


@pytest.mark.parametrize(
    ("about_it", "failed"),
    [
        ({"err": None}, False),
        ({}, False),
        ({"err": {"InstructionError": [0, {"Custom": 1}]}}, True),
        ({"err": {"raw_bincode_base64": "CAAAAAIZAAAAAQAAAA=="}}, True),
        ({"err": {"err": [8, 0]}}, True),
        ({"err": {}}, True),
        ({"err": None, "status": {"Err": "AccountInUse"}}, True),
        ({"err": None, "status": {"Ok": None}}, False),
    ],
)
def test_any_error_is_a_failure(about_it: Json, failed: bool) -> None:
    """Unset means success, anything else failed, however it is spelled."""
    status = {"innerInstructions": [], "logMessages": [], **about_it}
    assert from_body(base64_body(wire(SPACE, OUTER), status), slot=1).failed is failed


# ── logs laid onto instructions ───────────────────────────────────────────


def test_without_logs_the_instructions_tell() -> None:
    """The event is in the CPI to itself."""
    told = from_body(base64_body(wire(SPACE, OUTER), about(None)), slot=1)
    assert told.logs_missing
    assert flat(told)[1][3] == (EVENT,)


def test_logs_that_contradict_themselves_are_left_out() -> None:
    """The instructions remain, and it is told."""
    told = from_body(base64_body(wire(SPACE, OUTER), about(LINES[:-1])), slot=1)
    assert told.logs_missing
    assert flat(told)[1][3:5] == ((EVENT,), ())


def test_logs_of_another_transaction_are_left_out() -> None:
    """From the first invocation that does not match on nothing is taken from them."""
    lines = call(OTHER, "Program log: same", call(TOKEN, data_line(b"whose?"), depth=2))
    told = from_body(base64_body(wire(SPACE, OUTER), about(lines)), slot=1)
    assert told.logs_missing
    assert [row[4] for row in flat(told)] == [("same",), (), ()]
    assert [row[3] for row in flat(told)] == [(), (EVENT,), ()]


def test_logs_of_an_instruction_that_is_not_there_are_left_out() -> None:
    """What is told must be there."""
    assert from_body(base64_body(wire(SPACE, OUTER), about(LINES + call(PROGRAM))), slot=1).logs_missing


def test_cut_logs_give_what_was_certain() -> None:
    """The calls told before the cut are laid on; the event comes from the instructions."""
    lines = [*LINES[:3], "Log truncated", data_line(EVENT)]
    told = from_body(base64_body(wire(SPACE, OUTER), about(lines)), slot=1)
    assert told.logs_truncated
    assert not told.logs_missing
    assert list(told.loose) == [data_line(EVENT)]
    assert flat(told)[1][3:5] == ((EVENT,), ("Create",))


def test_a_payload_only_the_log_has_is_kept() -> None:
    """Venues like CPMM never send themselves an event; the same one twice is two."""
    lines = call(OTHER, call(PROGRAM, call(TOKEN, depth=3), data_line(b"log only"), data_line(EVENT), depth=2))
    lines = lines[:-2] + lines[-2:]
    made = {0: [Made(PROGRAM, (), b"x", 2), Made(TOKEN, (), b"", 3)]}
    told = from_body(base64_body(wire(SPACE, OUTER), meta(lines, innerInstructions=inner_json(SPACE, made))), slot=1)
    assert flat(told)[1][3] == (b"log only", EVENT)


def test_an_event_told_twice_by_both_is_two_events() -> None:
    """Two equal trades in one call are two trades."""
    twice = {0: [INNER[0][0], INNER[0][2], INNER[0][2]]}
    lines = call(OTHER, call(PROGRAM, *[data_line(EVENT)] * 3, *[call(PROGRAM, depth=3)] * 2, depth=2))
    told = from_body(base64_body(wire(SPACE, OUTER), meta(lines, innerInstructions=inner_json(SPACE, twice))), slot=1)
    assert flat(told)[1][3] == (EVENT, EVENT, EVENT)


def test_precompiles_leave_no_line() -> None:
    """A signature check before the program does not shift the logs."""
    check = keys.key("Ed25519SigVerify111111111111111111111111111")
    space = [*SPACE, check]
    told = from_body(
        base64_body(wire(space, [Made(check), Made(PROGRAM)]), meta(call(PROGRAM, "Program log: x"))), slot=1
    )
    assert not told.logs_missing
    assert [(one.program, one.logs) for one in told.steps] == [(check, ()), (PROGRAM, ("x",))]


def test_nesting_without_stack_heights_comes_from_the_logs() -> None:
    """Old recordings have none; without logs all inner ones stand flat below the outer one."""
    bare = {0: [one._replace(depth=None) for one in INNER[0]]}
    told = from_body(base64_body(wire(SPACE, OUTER), meta(LINES, innerInstructions=inner_json(SPACE, bare))), slot=1)
    assert flat(told) == EXPECTED
    told = from_body(base64_body(wire(SPACE, OUTER), meta(None, innerInstructions=inner_json(SPACE, bare))), slot=1)
    assert [row[5] for row in flat(told)] == [1, 2, 2, 2]


# ── whose event is it ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "made",
    [
        [Made(PROGRAM, (), b"x", 2), Made(OTHER, (), EVENT_TAG + EVENT, 3)],
        [Made(PROGRAM, (), EVENT_TAG + EVENT, 2)],
        [Made(PROGRAM, (), b"x", 2), Made(PROGRAM, (), b"other tag" + EVENT, 3)],
        [Made(PROGRAM, (), b"x", 2), Made(PROGRAM, (), EVENT_TAG + EVENT, 3), Made(TOKEN, (), b"", 4)],
    ],
)
def test_only_a_program_to_itself_sends_events(made: list[Made]) -> None:
    """Another program's, a stranger's call, another tag, one that calls on: none is an event."""
    body = base64_body(wire(SPACE, OUTER), meta(None, innerInstructions=inner_json(SPACE, {0: made})))
    assert all(one.events == () for one in steps(from_body(body, slot=1)))


def steps(transaction: Transaction) -> list[Step]:
    """Return all steps in order."""
    return [one for outer in transaction.steps for one in outer.walk()]


def test_a_parsed_native_instruction_has_neither_accounts_nor_data() -> None:
    """The RPC node threw the bytes away; the program is still told."""
    body = parsed_body(SPACE, OUTER, meta(None))
    body["transaction"]["message"]["instructions"][0] = {"programId": keys.text(TOKEN), "parsed": {"type": "x"}}  # type: ignore[index]
    assert flat(from_body(body, slot=1)) == [(TOKEN, (), b"", (), (), 1, ZERO_KEY, 0)]


# ── refusals ──────────────────────────────────────────────────────────────


def damaged(path: list[object], value: object, form: str = "json") -> Json:
    """Return a form with one field replaced."""
    body = copy.deepcopy(FORMS[form])
    place: object = body
    for part in path[:-1]:
        place = place[part]  # type: ignore[index]
    place[path[-1]] = value  # type: ignore[index]
    return body


OUTER_PATH = ["transaction", "message", "instructions", 0]
INNER_PATH = ["meta", "innerInstructions"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (damaged(["version"], 1), "version 1"),
        (damaged(["version"], []), "version"),
        (damaged(["meta"], None), "meta is"),
        (damaged(["transaction"], None), "transaction is"),
        (damaged(["transaction"], ["x"]), "base64"),
        (damaged(["transaction"], ["x", "base58"]), "base64"),
        (damaged(["transaction"], ["!", "base64"]), "not base64"),
        (damaged(["transaction", "message"], []), "message is"),
        (damaged(["transaction", "message", "config"], {"x": 1}), "version 1"),
        (damaged(["transaction", "signatures"], []), "without signatures"),
        (damaged(["transaction", "message", "accountKeys"], [keys.text(USER)] * (KEYS_MAX + 1)), "more than"),
        (damaged(["transaction", "message", "instructions"], []), "without instructions"),
        (damaged(["transaction", "message", "instructions"], [{}] * (CALLS_MAX + 1)), "instructions is not"),
        (damaged([*OUTER_PATH, "programIdIndex"], 99), "key 99 of 5"),
        (damaged([*OUTER_PATH, "programIdIndex"], None), "programIdIndex is"),
        (damaged([*OUTER_PATH, "accounts"], [0, 77]), "key 77 of 5"),
        (damaged([*OUTER_PATH, "accounts"], [0, 300]), "bytes expected"),
        (damaged([*OUTER_PATH, "data"], 5), "bytes expected"),
        (damaged([*INNER_PATH, 0, "index"], 5), "of instruction 5"),
        (damaged([*INNER_PATH, 0, "index"], None), "index is"),
        (damaged([*INNER_PATH, 0, "instructions", 0, "stackHeight"], 1), "stack height 1"),
        (damaged([*INNER_PATH, 0, "instructions", 0, "stackHeight"], 3), "do not nest"),
        (damaged([*INNER_PATH, 0, "instructions", 0, "stackHeight"], 99), "do not nest"),
        (damaged([*INNER_PATH, 0, "instructions"], [{}] * CALLS_MAX), "more than"),
        (damaged(["meta", "logMessages"], [1]), "logMessages"),
        (damaged(["meta", "logMessages"], "x"), "logMessages"),
        (damaged(["meta", "loadedAddresses"], {"writable": "x"}), "loaded addresses"),
    ],
)
def test_what_cannot_be_read_is_refused(body: Json, word: str) -> None:
    """Indices, heights, sizes, versions and kinds."""
    with pytest.raises(DecodeError, match=word):
        from_body(body, slot=1)


def test_missing_lookups_are_refused() -> None:
    """A position beyond the keys is not guessed."""
    raw = wire(SPACE[:3], OUTER, space=SPACE, version=0, lookups=[(1, 1)])
    with pytest.raises(DecodeError, match="key 4 of 3"):
        from_body(base64_body(raw, meta(None)), slot=1)


PATHS = [["version"], ["meta"], [*OUTER_PATH], [*OUTER_PATH, "accounts"], [*OUTER_PATH, "data"], INNER_PATH]
PATHS += [[*INNER_PATH, 0], [*INNER_PATH, 0, "instructions", 1], ["meta", "logMessages"], ["transaction", "signatures"]]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "data", "parsed", "x"]), inner)
    ),
    max_leaves=6,
)


@given(path=st.sampled_from(PATHS), value=VALUES)
def test_any_damage_is_read_or_refused(path: list[object], value: object) -> None:
    """Nothing but DecodeError comes out."""
    with contextlib.suppress(DecodeError):
        from_body(damaged(list(path), value), slot=1)


@given(seed=st.integers(0, 2**32))
def test_shuffled_lines_never_move_an_event_to_another_program(seed: int) -> None:
    """Whatever order the lines are in, the payload is the printer's, or nobody's."""
    lines = list(LINES)
    random.Random(seed).shuffle(lines)
    try:
        told = from_logs(SIGNATURE, 1, failed=False, lines=lines)
    except DecodeError:
        return
    assert all(isinstance(one.program, bytes) for one in steps(told))


def test_keys_are_the_same_type_everywhere() -> None:
    """Thirty-two bytes, whatever they came as."""
    for body in FORMS.values():
        for one in steps(from_body(body, slot=1)):
            assert all(len(Pubkey(account)) == 32 for account in one.accounts)
