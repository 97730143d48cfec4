"""Requests say what the protocol wants; small answers are understood, data is never decoded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.feeds.settings import AccountFilter, Endpoint
from sniperforge.feeds.subscription import (
    CONTROL_BYTES_MAX,
    Answer,
    Kind,
    Slot,
    kind_of,
    read_answer,
    read_slot,
    requests,
)

PUMP = keys.key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
SWAP = keys.key("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")
FULL = {
    "encoding": "base64",
    "transactionDetails": "full",
    "showRewards": False,
    "maxSupportedTransactionVersion": 0,
}
BEAT = (
    '{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"parent":4,"root":1,"slot":5},"subscription":0}}'
)


def said(endpoint: Endpoint) -> list[tuple[str, object]]:
    made = requests(endpoint, (PUMP, SWAP))
    assert len({request.id for request in made}) == len(made)
    texts = [json.loads(request.text) for request in made]
    assert all(text["jsonrpc"] == "2.0" for text in texts)
    return [(text["method"], text.get("params")) for text in texts]


def test_logs_are_one_subscription_per_program_and_the_heartbeat_is_last() -> None:
    """More than one mention is an error; from the first slot told on, everything is shown."""
    assert said(Endpoint(url="ws://h")) == [
        ("logsSubscribe", [{"mentions": [keys.text(PUMP)]}, {"commitment": "processed"}]),
        ("logsSubscribe", [{"mentions": [keys.text(SWAP)]}, {"commitment": "processed"}]),
        ("slotSubscribe", None),
    ]


def test_blocks_are_confirmed_unless_told_otherwise() -> None:
    """blockSubscribe knows no "processed"."""
    assert said(Endpoint(url="ws://h", kind="block"))[0] == (
        "blockSubscribe",
        [{"mentionsAccountOrProgram": keys.text(PUMP)}, {"commitment": "confirmed", **FULL}],
    )
    assert "finalized" in str(said(Endpoint(url="ws://h", kind="block", commitment="finalized")))


def test_accounts_are_one_subscription_per_filter() -> None:
    """By size, by first bytes, or both; other kinds pass them over."""
    accounts = (
        AccountFilter(program=PUMP, head=bytes.fromhex("17b7f83760d8ac60")),
        AccountFilter(program=SWAP, size=752),
        AccountFilter(program=SWAP, size=637, head=b"12345678"),
    )
    head = {"memcmp": {"offset": 0, "bytes": "F7f4N2DYrGA=", "encoding": "base64"}}
    other = {"memcmp": {"offset": 0, "bytes": "MTIzNDU2Nzg=", "encoding": "base64"}}
    options = {"commitment": "processed", "encoding": "base64"}
    made = requests(Endpoint(url="ws://h", kind="program"), (PUMP,), accounts)
    assert [json.loads(request.text).get("params") for request in made] == [
        [keys.text(PUMP), {**options, "filters": [head]}],
        [keys.text(SWAP), {**options, "filters": [{"dataSize": 752}]}],
        [keys.text(SWAP), {**options, "filters": [{"dataSize": 637}, other]}],
        None,
    ]
    assert [request.method for request in made] == [*["programSubscribe"] * 3, "slotSubscribe"]
    assert [request.program for request in made] == [PUMP, SWAP, SWAP, None]
    final = requests(Endpoint(url="ws://h", kind="program", commitment="confirmed"), (), accounts)
    assert b'"confirmed"' in final[0].text
    assert len(requests(Endpoint(url="ws://h"), (PUMP,), accounts)) == 2


def test_transactions_are_one_subscription_for_all_programs() -> None:
    """Helius: accountInclude means any of."""
    method, params = said(Endpoint(url="ws://h", kind="transaction"))[0]
    assert method == "transactionSubscribe"
    assert params == [
        {
            "accountInclude": [keys.text(PUMP), keys.text(SWAP)],
            "accountExclude": [],
            "accountRequired": [],
            "vote": False,
            "failed": False,
        },
        {"commitment": "processed", **FULL},
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"jsonrpc":"2.0","method":"logsNotification","params":{}}', Kind.DATA),
        ('{"jsonrpc": "2.0", "method": "transactionNotification", "params": {}}', Kind.DATA),
        (BEAT, Kind.SLOT),
        ('{"jsonrpc":"2.0","result":24040,"id":1}', Kind.ANSWER),
        ("garbage", Kind.ANSWER),
        ("", Kind.ANSWER),
        ("x" * CONTROL_BYTES_MAX, Kind.ANSWER),
        ("x" * (CONTROL_BYTES_MAX + 1), Kind.DATA),
    ],
)
def test_the_head_tells_what_a_frame_is(text: str, kind: Kind) -> None:
    """A small frame without a method in its head is looked at; a large one is data unread."""
    assert kind_of(text.encode()) is kind


def test_a_heartbeat_tells_slot_and_parent() -> None:
    """Whatever the order of its fields."""
    assert read_slot(BEAT.encode()) == Slot(5, 4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        '{"params":{}}',
        '{"params":{"result":{"slot":5}}}',
        '{"params":{"result":{"slot":5,"parent":5}}}',
        '{"params":{"result":{"slot":5,"parent":-1}}}',
        '{"params":{"result":{"slot":"5","parent":4}}}',
        '{"params":{"result":{"slot":36893488147419103232,"parent":4}}}',
        "[" * 100_000,
    ],
)
def test_a_bad_heartbeat_is_refused(text: str) -> None:
    """By DecodeError and nothing else."""
    with pytest.raises(DecodeError):
        read_slot(text.encode())


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"jsonrpc":"2.0","result":24040,"id":1}', Answer(1, 24040, "")),
        ('{"id":2,"error":{"code":-32601,"message":"no"}}', Answer(2, 0, "no (code -32601)")),
        ('{"id":null,"error":{"code":-32700,"message":"Parse error"}}', Answer(0, 0, "Parse error (code -32700)")),
        ('{"id":"a","result":1}', Answer(0, 1, "")),
        ('{"params":{"result":1},"method":"rootNotification"}', None),
        ('{"result":{"value":1},"method":"logsNotification"}', None),
    ],
)
def test_an_answer_is_a_subscription_or_a_refusal(text: str, answer: Answer | None) -> None:
    """A notification with its method at the end is no answer."""
    assert read_answer(text.encode()) == answer


@pytest.mark.parametrize(
    "text", ["", "garbage", "{}", '{"id":1}', '{"result":-1,"id":1}', '{"result":[],"id":1}', "[1]"]
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    """Neither a notification nor an answer."""
    with pytest.raises(DecodeError):
        read_answer(text.encode())


@given(st.one_of(st.binary(), st.text().map(str.encode), st.binary().map(lambda tail: BEAT.encode()[:60] + tail)))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No other exception leaves."""
    kind_of(data)
    for reader in (read_slot, read_answer):
        try:
            reader(data)
        except DecodeError:
            continue
