"""The hub tells each subscriber what it asked for, once, encoded once, until it leaves."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import cpmm
from sniperforge.chain.localnet.bank import CONFIRMED, FINALIZED, PROCESSED
from sniperforge.chain.localnet.market_client import address
from sniperforge.chain.localnet.refusal import RpcRefusal
from sniperforge.chain.localnet.subscriptions import Hub
from sniperforge.chain.localnet.topics import Topic
from sniperforge.dex.programs import TOKEN, WSOL, ata, transfer_lamports
from tests.unit.chain.localnet.stand import SOL, Stand

BOB = Pubkey(b"bob".ljust(32, b"\1"))


class Ear:
    """A subscriber that keeps everything."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []

    def offer(self, message: bytes) -> None:
        self.raw.append(message)

    @property
    def heard(self) -> list[Any]:
        """What was told: the results, in order."""
        return [orjson.loads(each)["params"]["result"] for each in self.raw]


class Listening(Stand):
    """A stand whose bank tells a hub."""

    def __init__(self, subscriptions_max: int = 50) -> None:
        super().__init__()
        self.hub = self.bank.listener = Hub(subscriptions_max)
        self.hub.bank = self.bank
        self.ear = Ear()

    def listen(self, topic: Topic) -> int:
        """Subscribe the ear."""
        return self.hub.subscribe(topic, self.ear)

    def payment(self, lamports: int = 2 * SOL) -> str:
        """Return the signature of a landed payment to BOB."""
        return self.send([transfer_lamports(address(self.alice), BOB, lamports)], self.alice).signature


def test_logs_come_at_their_commitment() -> None:
    """Processed at once, the others when the slot is of age; each once."""
    stand = Listening()
    for commitment in (PROCESSED, CONFIRMED, FINALIZED):
        stand.listen(Topic("logs", commitment))
    signature, slot = stand.payment(), stand.bank.slot
    ages = []
    for _ in range(6):
        ages.append(len(stand.ear.heard))
        stand.step()
    assert ages == [1, 1, 2, 2, 3, 3]
    assert {each["value"]["signature"] for each in stand.ear.heard} == {signature}
    assert {each["context"]["slot"] for each in stand.ear.heard} == {slot}


def test_a_mention_is_of_any_key() -> None:
    """Payer, target and program are all mentions; a stranger is not."""
    stand = Listening()
    for key in (BOB, address(stand.alice), Pubkey(bytes(32)), WSOL):
        stand.listen(Topic("logs", PROCESSED, key=key))
    stand.payment()
    assert len(stand.ear.heard) == 3


def test_two_subscribers_of_one_topic_get_the_same_bytes_but_for_the_number() -> None:
    """The result is encoded once."""
    stand = Listening()
    other = Ear()
    one = stand.listen(Topic("logs", PROCESSED))
    two = stand.hub.subscribe(Topic("logs", PROCESSED), other)
    stand.payment()
    head, tail = stand.ear.raw[0].split(b',"subscription":')
    assert (head + b',"subscription":%d}}' % two, tail) == (other.raw[0], b"%d}}" % one)


def test_an_account_is_told_in_the_encoding_asked() -> None:
    """jsonParsed knows decimals; base58 too long says so in place of the data."""
    stand = Listening()
    keys = stand.pool("told")
    account = ata(address(stand.alice), WSOL)
    stand.listen(Topic("account", PROCESSED, key=account, encoding="jsonParsed"))
    stand.listen(Topic("account", PROCESSED, key=keys.pool, encoding="base58"))
    stand.listen(Topic("account", PROCESSED, key=BOB))
    stand.send([cpmm.swap_input(keys, address(stand.alice), WSOL, SOL, 1)], stand.alice)
    told = {each["value"]["owner"]: each["value"]["data"] for each in stand.ear.heard}
    assert set(told) == {text(TOKEN), text(cpmm.PROGRAM)}
    assert told[text(TOKEN)]["parsed"]["info"]["tokenAmount"]["decimals"] == 9
    assert isinstance(told[text(cpmm.PROGRAM)], str)


def test_a_programs_accounts_are_told_at_their_commitment() -> None:
    """Both vaults change in a swap; one state of each when the slot is confirmed."""
    stand = Listening()
    keys = stand.pool("vaults")
    stand.listen(Topic("program", CONFIRMED, key=TOKEN))
    for lamports in (SOL, 2 * SOL):
        stand.send([cpmm.swap_input(keys, address(stand.alice), WSOL, lamports, 1)], stand.alice)
    stand.step(2)
    names = [each["value"]["pubkey"] for each in stand.ear.heard]
    assert {text(each) for each in keys.vaults} <= set(names)
    assert len(names) == len(set(names)) == 4


def test_a_signature_is_told_once_and_forgotten() -> None:
    """Also when it landed before anybody asked."""
    stand = Listening()
    envelope = stand.pay(2 * SOL, BOB)
    topic = Topic("signature", CONFIRMED, signature=envelope.signature, takes_received=True)
    stand.listen(topic)
    stand.hub.catch_up(topic)
    stand.bank.submit(envelope)
    stand.step(4)
    assert [each["value"] for each in stand.ear.heard] == ["receivedSignature", {"err": None}]
    assert stand.hub.count == 0
    late = Topic("signature", PROCESSED, signature=envelope.signature)
    stand.listen(late)
    stand.hub.catch_up(late)
    stand.hub.catch_up(Topic("logs", PROCESSED))
    assert stand.ear.heard[-1]["value"] == {"err": None}
    assert stand.hub.count == 0


def test_blocks_hold_what_they_are_asked_for() -> None:
    """All, or those that mention; what cannot be encoded is an error in place of the block."""
    stand = Listening()
    every, bobs = Ear(), Ear()
    options = '{"maxSupportedTransactionVersion":0,"transactionDetails":"signatures"}'
    stand.hub.subscribe(Topic("block", CONFIRMED, options=options), every)
    stand.hub.subscribe(Topic("block", CONFIRMED, key=BOB, options=options), bobs)
    stand.listen(Topic("block", CONFIRMED, options="{}"))
    mine = stand.payment()
    other = stand.send([transfer_lamports(address(stand.alice), Pubkey(b"\7" * 32), 2 * SOL)], stand.alice).signature
    slot = stand.bank.slot
    stand.step(2)
    told = {each["value"]["slot"]: each["value"] for each in every.heard}
    assert told[slot]["block"]["signatures"] == [mine, other]
    assert {each["value"]["slot"]: each["value"] for each in bobs.heard}[slot]["block"]["signatures"] == [mine]
    refused = {each["value"]["slot"]: each["value"] for each in stand.ear.heard}[slot]
    assert refused["block"] is None
    assert "maxSupportedTransactionVersion" in refused["err"]


def test_whole_transactions_in_the_detail_asked() -> None:
    """full carries the meta, signatures only the name; failed ones where asked."""
    stand = Listening()
    for details in ("full", "signatures"):
        stand.listen(Topic("transaction", PROCESSED, include=frozenset({BOB}), details=details))
    signature = stand.payment()
    whole, brief = stand.ear.heard
    assert (whole["signature"], whole["slot"]) == (signature, stand.bank.slot)
    assert whole["transaction"]["meta"]["fee"] == 5_000
    assert brief == {"signature": signature, "slot": stand.bank.slot}


def test_slots_roots_and_updates_come_with_every_slot() -> None:
    """In order and without a context."""
    stand = Listening()
    for kind in ("slot", "root", "slotsUpdates"):
        stand.listen(Topic(kind, PROCESSED))
    stand.step()
    slot, root = stand.bank.slot, stand.bank.slot_at(FINALIZED)
    assert stand.ear.heard[0] == {"parent": slot - 1, "root": root, "slot": slot}
    assert stand.ear.heard[1] == root
    kinds = [each["type"] for each in stand.ear.heard[2:]]
    assert kinds == ["frozen", "createdBank", "root", "optimisticConfirmation"]


def test_who_left_is_not_told() -> None:
    """By unsubscribing or by closing the socket; a stranger cannot end another's."""
    stand = Listening()
    one, two = stand.listen(Topic("slot", PROCESSED)), stand.listen(Topic("root", PROCESSED))
    with pytest.raises(RpcRefusal, match="Invalid subscription id"):
        stand.hub.unsubscribe(one, Ear())
    stand.hub.unsubscribe(one, stand.ear)
    with pytest.raises(RpcRefusal, match="Invalid subscription id"):
        stand.hub.unsubscribe(one, stand.ear)
    stand.step()
    assert [orjson.loads(each)["method"] for each in stand.ear.raw] == ["rootNotification"]
    stand.hub.leave(stand.ear)
    stand.step()
    assert (len(stand.ear.raw), stand.hub.count, two) == (1, 0, 2)


def test_subscriptions_of_one_socket_are_bounded() -> None:
    """The last is given, one more is refused; another socket has its own."""
    stand = Listening(subscriptions_max=2)
    for _ in range(2):
        stand.listen(Topic("slot", PROCESSED))
    with pytest.raises(RpcRefusal, match="2 subscriptions on one socket are the limit"):
        stand.listen(Topic("slot", PROCESSED))
    assert stand.hub.subscribe(Topic("slot", PROCESSED), Ear()) == 3


def test_a_hub_without_a_bank_is_quiet() -> None:
    """While the bank makes its first blocks there is nobody to ask."""
    hub, ear = Hub(9), Ear()
    topic = Topic("signature", PROCESSED, signature="x", takes_received=True)
    hub.subscribe(topic, ear)
    hub.catch_up(topic)
    hub.received("x")
    assert ear.heard[0]["context"]["slot"] == 0
