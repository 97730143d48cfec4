"""Create frames as a WebSocket delivers them equal the oracle; forged, cut, failed or mutated ones are not believed.

Each forgery is made from a real frame by changing one thing.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.events import (
    Event,
    Frame,
    InputRefused,
    LaunchDisbelieved,
    PoolCreated,
    Swapped,
    TransactionWanted,
)
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.programs import TOKEN_2022, ata, pda
from tests.integration.detect.recorded import PUMP
from tests.unit.detect.fakes import key_of

FRAMES = Path("../shared/frames")
TAG = "Program data: G3KpTd7rY3"
#: What is learned of launches stands in test_facts.py.
BARE = DetectSettings(creator_coins_max=0, bundles_max=0)


def load(name: str) -> list[bytes]:
    """Return the frames (or the oracle's lines) of a file."""
    if not FRAMES.exists():
        pytest.skip("../shared/frames is not here")
    return gzip.decompress((FRAMES / name).read_bytes()).splitlines()


def first() -> Any:
    """Return the first create frame, decoded."""
    return json.loads(load("create.jsonl.gz")[0])


def lines_of(body: Any) -> list[str]:
    """Return a notification's log lines."""
    lines: list[str] = body["params"]["result"]["value"]["logs"]
    return lines


def read(body: Any, detector: Detector | None = None) -> list[Event]:
    """Return what a changed frame tells."""
    text = json.dumps(body, separators=(",", ":")).encode()
    return (detector or Detector(BARE)).on_frame(Frame(data=text, recv_ns=1, source="x"), 2)


def reasons(told: list[Event]) -> list[str]:
    """Return the names of the refusals; no creation is told."""
    assert not [one for one in told if isinstance(one, PoolCreated)]
    return [one.reason for one in told if isinstance(one, LaunchDisbelieved)]


def position(body: Any) -> int:
    """Return where the creation's payload stands in the lines."""
    return next(at for at, line in enumerate(lines_of(body)) if line.startswith(TAG))


def payload(body: Any) -> bytearray:
    """Return the creation's payload, to be changed."""
    return bytearray(base64.b64decode(lines_of(body)[position(body)][14:]))


def with_payload(body: Any, raw: bytes) -> Any:
    """Return the frame with another payload in the same place."""
    lines_of(body)[position(body)] = "Program data: " + base64.b64encode(raw).decode()
    return body


# ── the truth ─────────────────────────────────────────────────────────────


def test_every_create_frame_equals_the_oracle() -> None:
    """400 of 400, field by field, the derivable addresses too; the buy in the same transaction follows."""
    detector = Detector(BARE)
    for line, answer in zip(load("create.jsonl.gz"), load("oracle_create.jsonl.gz"), strict=True):
        oracle = json.loads(answer)
        told = detector.on_frame(Frame(data=line, recv_ns=7, source="x"), 9)
        one = told[0]
        assert isinstance(one, PoolCreated)
        pool = one.pool
        program = keys.key(PUMP)
        read_back = {
            "sig": one.signature,
            "name": one.name,
            "symbol": one.symbol,
            "mint": keys.text(pool.base_mint),
            "bonding_curve": keys.text(pool.address),
            "user": keys.text(one.user),
            "creator": keys.text(one.creator),
            "creator_vault": keys.text(pda(program, b"creator-vault", one.creator)),
            "abc": keys.text(ata(pool.address, pool.base_mint, TOKEN_2022)),
            "mayhem": bool(pool.numbers["mayhem"]),
            "cashback": bool(pool.numbers["cashback"]),
            "quote_mint": keys.text(pool.quote_mint),
            "vqr": pool.quote_reserve,
        }
        assert read_back == {name: value for name, value in oracle.items() if name != "tx"}
        assert pool.base_program == TOKEN_2022
        assert (one.origin_ns, one.ts_ns, one.index, one.late) == (7, 9, 0, False)
        assert [type(other) for other in told[1:]] == [Swapped]
    assert detector.counters["believed"] == 400


def test_every_trade_frame_of_others_is_rejected_unparsed() -> None:
    """All 400; with the pool tracked the same frame is told."""
    detector = Detector(BARE)
    frames = [Frame(data=line, recv_ns=1) for line in load("trade.jsonl.gz")]
    assert [one for frame in frames for one in detector.on_frame(frame, 2)] == []
    assert detector.counters["frames_rejected"] == detector.counters["frames"] == 400
    everything = Detector(DetectSettings(trades="all"))
    trades = [one for frame in frames for one in everything.on_frame(frame, 2)]
    assert len(trades) >= 400
    swap = trades[0]
    assert isinstance(swap, Swapped)
    detector.state.tracking.add(swap.pool, "pumpfun", swap.base_mint)
    (told,) = detector.on_frame(frames[0], 2)
    assert isinstance(told, Swapped)
    assert told.pool == swap.pool


# ── forgeries made from it ────────────────────────────────────────────────


def test_another_program_printing_it_is_not_believed() -> None:
    """The same lines, every one of them, under another program's name."""
    text = json.dumps(first()).replace(PUMP, keys.text(key_of("forger")))
    assert reasons(read(json.loads(text))) == ["forged_by_program"]


def test_a_payload_inside_anothers_call_is_not_believed() -> None:
    """Printed by the token program while pump.fun is below it on the stack."""
    body = first()
    lines = lines_of(body)
    at = position(body)
    line = lines.pop(at)
    inside = next(place for place, other in enumerate(lines) if other.startswith("Program Token"))
    lines.insert(inside + 1, line)
    assert "forged_by_program" in reasons(read(body))


def test_a_printed_message_is_not_believed() -> None:
    """msg!("Program data: …"), by whoever."""
    body = first()
    lines = lines_of(body)
    lines[position(body)] = "Program log: " + lines[position(body)]
    told = read(body)
    assert reasons(told) == ["forged_by_log"]
    assert [type(one) for one in told if not isinstance(one, LaunchDisbelieved | Swapped)] == [TransactionWanted]


def test_a_message_of_several_lines_is_not_believed() -> None:
    """The newline is inside the log text; the payload line after it is part of the text."""
    body = first()
    lines = lines_of(body)
    at = position(body)
    lines[at] = f"Program log: x\nProgram {PUMP} invoke [1]\n" + lines[at]
    assert reasons(read(body)) == ["forged_by_log"]


@pytest.mark.parametrize("field", ["mint", "bonding_curve"])
def test_a_wrong_address_is_not_believed(field: str) -> None:
    """The curve is derived from the mint: changing either breaks it."""
    body = first()
    raw = payload(body)
    place = bytes(raw).index(keys.key("HoDCiNTNNKaCPo9Fs7s58BUGC65hgBCVHgC8PEe1UMA7")) + (32 if field != "mint" else 0)
    raw[place] ^= 1
    assert reasons(read(with_payload(body, bytes(raw)))) == ["pda_mismatch"]


def test_a_failed_transaction_is_not_believed() -> None:
    """Its logs look the same."""
    body = first()
    body["params"]["result"]["value"]["err"] = {"InstructionError": [1, {"Custom": 6002}]}
    told = read(body)
    assert reasons(told) == ["transaction_failed"]
    assert len(told) == 1


def test_cut_logs_are_not_believed_but_asked_for() -> None:
    """Before its payload the creation is asked for; behind the cut nothing is anybody's."""
    body = first()
    lines = lines_of(body)
    lines[position(body)] = "Log truncated"
    told = read(body)
    assert reasons(told) == []
    assert [type(one) for one in told] == [TransactionWanted]
    body = first()
    lines_of(body).insert(position(body), "Log truncated")
    told = read(body)
    assert reasons(told) == ["logs_truncated"]
    assert [type(one) for one in told if not isinstance(one, LaunchDisbelieved)] == [TransactionWanted]
    body = first()
    lines_of(body).insert(position(body) + 1, "Log truncated")
    assert [type(one) for one in read(body)] == [PoolCreated]


def test_several_creations_in_one_transaction() -> None:
    """Two launches, two events, in order."""
    body, other = first(), json.loads(load("create.jsonl.gz")[1])
    lines_of(body).extend(lines_of(other))
    created = [one for one in read(body) if isinstance(one, PoolCreated)]
    assert [one.index for one in created] == [0, 1]
    assert created[0].pool.base_mint != created[1].pool.base_mint
    assert created[0].id != created[1].id


def test_a_frame_twice_is_told_once() -> None:
    """And the same launch under another signature is not new."""
    detector, body = Detector(BARE), first()
    assert len(read(body, detector)) == 2
    assert read(body, detector) == []
    body["params"]["result"]["value"]["signature"] = "4" * 88
    assert reasons(read(body, detector)) == ["pool_known"]


def test_a_shorter_payload_is_not_believed() -> None:
    """Cut anywhere but between two fields that the program appended over the years."""
    whole = bytes(payload(first()))
    believed = []
    for size in range(8, len(whole)):
        told = read(with_payload(first(), whole[:size]))
        if any(isinstance(one, PoolCreated) for one in told):
            believed.append(size)
        else:
            assert set(reasons(told)) <= {"payload_malformed", "pda_mismatch"}
    texts = whole.index(keys.key("HoDCiNTNNKaCPo9Fs7s58BUGC65hgBCVHgC8PEe1UMA7"))
    appended = (96, 128, 136, 144, 152, 160, 168, 200, 201, 202, 234)
    assert set(believed) <= {texts + size for size in appended}


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=5))
def test_mutated_payloads_are_believed_only_with_the_right_curve(changes: list[tuple[int, int]]) -> None:
    """Whatever bytes change, a believed curve is the one derived from the believed mint."""
    body = first()
    raw = payload(body)
    for place, byte in changes:
        raw[place % len(raw)] = byte
    for one in read(with_payload(body, bytes(raw))) if raw[:8] == payload(first())[:8] else []:
        if isinstance(one, PoolCreated):
            assert one.pool.address == pda(keys.key(PUMP), b"bonding-curve", one.pool.base_mint)


@settings(max_examples=150, deadline=None)
@given(cuts=st.lists(st.tuples(st.integers(0, 9_000), st.binary(max_size=3)), min_size=1, max_size=4))
def test_mutated_frames_never_raise(cuts: list[tuple[int, bytes]]) -> None:
    """They tell events, or are refused in one line."""
    data = bytearray(load("create.jsonl.gz")[0])
    for place, piece in cuts:
        at = place % len(data)
        data[at : at + len(piece)] = piece
    for one in Detector(BARE).on_frame(Frame(data=bytes(data), recv_ns=1), 2):
        if isinstance(one, InputRefused):
            assert one.problem and one.cure
