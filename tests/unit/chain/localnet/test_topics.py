"""Each kind of subscription is read with its conditions, and a wrong one is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.account_json import Slice
from sniperforge.chain.localnet.bank import CONFIRMED, FINALIZED, PROCESSED
from sniperforge.chain.localnet.market_client import address
from sniperforge.chain.localnet.params import Params
from sniperforge.chain.localnet.refusal import Json, RpcRefusal
from sniperforge.chain.localnet.topics import Topic, is_unsubscribe, read_topic
from sniperforge.dex.programs import SYSTEM, transfer_lamports
from tests.unit.chain.localnet.stand import SOL, Stand
from tests.unit.chain.localnet.test_params import JSON_VALUES

KEY = "So11111111111111111111111111111111111111112"
RAW = key(KEY)
BOB = Pubkey(b"bob".ljust(32, b"\1"))
KINDS = ("logs", "account", "program", "signature", "slot", "root", "slotsUpdates", "block", "transaction")


@pytest.mark.parametrize(
    ("method", "params", "topic"),
    [
        ("logsSubscribe", ["all"], Topic("logs", FINALIZED)),
        ("logsSubscribe", ["allWithVotes", {"commitment": "processed"}], Topic("logs", PROCESSED)),
        ("logsSubscribe", [{"mentions": [KEY]}], Topic("logs", FINALIZED, key=RAW)),
        (
            "accountSubscribe", [KEY, {"encoding": "base64", "dataSlice": {"offset": 1, "length": 2}}],
            Topic("account", FINALIZED, key=RAW, part=Slice(1, 2)),
        ),
        ("programSubscribe", [KEY], Topic("program", FINALIZED, key=RAW, encoding="binary")),
        (
            "signatureSubscribe", ["abc", {"commitment": "confirmed", "enableReceivedNotification": True}],
            Topic("signature", CONFIRMED, signature="abc", takes_received=True),
        ),
        ("slotSubscribe", [], Topic("slot", PROCESSED)),
        ("rootSubscribe", [], Topic("root", PROCESSED)),
        ("slotsUpdatesSubscribe", [], Topic("slotsUpdates", PROCESSED)),
        (
            "blockSubscribe", ["all", {"showRewards": False, "encoding": "json", "commitment": "confirmed"}],
            Topic("block", CONFIRMED, options='{"encoding":"json","showRewards":false}'),
        ),
        (
            "transactionSubscribe",
            [{"accountInclude": [KEY], "failed": False}, {"transactionDetails": "none", "commitment": "processed"}],
            Topic("transaction", PROCESSED, include=frozenset({RAW}), takes_failed=False, details="none"),
        ),
    ],
)  # fmt: skip
def test_a_subscription_is_read(method: str, params: list[Json], topic: Topic) -> None:
    """Conditions, encoding and commitment, with the defaults of a node."""
    assert read_topic(method, Params(params)) == topic


def test_every_kind_can_be_ended() -> None:
    """And nothing else is an unsubscribe."""
    assert all(is_unsubscribe(f"{kind}Unsubscribe") for kind in KINDS)
    assert not is_unsubscribe("voteUnsubscribe")
    assert not is_unsubscribe("slotSubscribe")


@pytest.mark.parametrize("method", ["voteSubscribe", "logs", "getSlot", "Subscribe"])
def test_an_unknown_kind_is_not_found(method: str) -> None:
    """-32601, as for any method."""
    with pytest.raises(RpcRefusal) as caught:
        read_topic(method, Params([]))
    assert caught.value.code == -32601


@given(st.sampled_from(KINDS), st.lists(JSON_VALUES, max_size=3))
def test_any_request_is_a_topic_or_a_refusal(kind: str, params: list[Json]) -> None:
    """No type error leaves the reader, and what is read can be hashed."""
    try:
        hash(read_topic(f"{kind}Subscribe", Params(params)))
    except RpcRefusal as refusal:
        assert refusal.code == -32602


@pytest.mark.parametrize(
    ("topic", "wanted"),
    [
        (Topic("transaction", PROCESSED), True),
        (Topic("transaction", PROCESSED, include=frozenset({BOB, RAW})), True),
        (Topic("transaction", PROCESSED, include=frozenset({RAW})), False),
        (Topic("transaction", PROCESSED, required=frozenset({BOB, SYSTEM})), True),
        (Topic("transaction", PROCESSED, required=frozenset({BOB, RAW})), False),
        (Topic("transaction", PROCESSED, exclude=frozenset({BOB})), False),
        (Topic("transaction", PROCESSED, signature="other"), False),
    ],
)
def test_the_conditions_of_a_transaction_topic(topic: Topic, wanted: bool) -> None:
    """Any of, all of, none of, this one."""
    stand = Stand()
    landed = stand.send([transfer_lamports(address(stand.alice), BOB, 2 * SOL)], stand.alice)
    assert topic.wants(landed) is wanted


def test_failed_transactions_are_left_out_when_asked() -> None:
    """failed: false."""
    stand = Stand()
    landed = stand.send([transfer_lamports(address(stand.alice), BOB, 10**15)], stand.alice)
    assert Topic("transaction", PROCESSED).wants(landed)
    assert not Topic("transaction", PROCESSED, takes_failed=False).wants(landed)
