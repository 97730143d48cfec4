"""Who is told what: topics, their subscribers, and each notification encoded once.

bank's news -> for every topic it touches one JSON body -> for every subscriber a message

A subscriber that does not read is not waited for: its queue is bounded, and when
it is full the subscriber is cut off and told why by the close code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import orjson

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.account_json import Snapshot, account_json, is_token_account, token_mint
from sniperforge.chain.localnet.bank import CONFIRMED, PROCESSED, Bank
from sniperforge.chain.localnet.history import Block
from sniperforge.chain.localnet.landed import Landed
from sniperforge.chain.localnet.methods_chain import block_json
from sniperforge.chain.localnet.node import SOLANA_CORE
from sniperforge.chain.localnet.params import Options
from sniperforge.chain.localnet.refusal import Json, RpcRefusal, invalid
from sniperforge.chain.localnet.topics import Topic


class Subscriber(Protocol):
    """One client's end."""

    def offer(self, message: bytes) -> None:
        """Queue a message, or cut the client off when its queue is full."""


class Hub:
    """All subscriptions of a localnet; a `BankListener`."""

    def __init__(self, subscriptions_max: int) -> None:
        self.subscriptions_max = subscriptions_max
        self.bank: Bank | None = None
        self._next = 0
        #: kind -> topic -> number -> who.
        self._topics: dict[str, dict[Topic, dict[int, Subscriber]]] = {}
        self._owned: dict[int, tuple[Topic, Subscriber]] = {}
        #: What a new slot's clock says, for slotsUpdates.
        self.unix_ms = 0

    # ── coming and going ──────────────────────────────────────────────────

    def subscribe(self, topic: Topic, subscriber: Subscriber) -> int:
        """Return the number of a new subscription; raises RpcRefusal at the limit."""
        held = sum(owner is subscriber for _, owner in self._owned.values())
        if held >= self.subscriptions_max:
            raise invalid(f"{held} subscriptions on one socket are the limit; open another")
        self._next += 1
        self._topics.setdefault(topic.kind, {}).setdefault(topic, {})[self._next] = subscriber
        self._owned[self._next] = (topic, subscriber)
        return self._next

    def catch_up(self, topic: Topic) -> None:
        """Tell a new signature topic what is known already."""
        if topic.kind != "signature" or self.bank is None:
            return
        landed = self.bank.history.find(topic.signature)
        if landed is not None and self.bank.commitment_of(landed.slot) >= topic.commitment:
            self._signature_done(topic, landed)

    def unsubscribe(self, number: int, subscriber: Subscriber) -> None:
        """End a subscription; raises RpcRefusal when it is not this subscriber's."""
        topic, owner = self._owned.get(number, (None, None))
        if topic is None or owner is not subscriber:
            raise invalid("Invalid subscription id.")
        self._drop(number)

    def leave(self, subscriber: Subscriber) -> None:
        """End everything *subscriber* had."""
        for number in [each for each, (_, owner) in self._owned.items() if owner is subscriber]:
            self._drop(number)

    @property
    def count(self) -> int:
        """Subscriptions held by all clients."""
        return len(self._owned)

    def _drop(self, number: int) -> None:
        topic, _ = self._owned.pop(number)
        group = self._topics[topic.kind][topic]
        del group[number]
        if not group:
            del self._topics[topic.kind][topic]

    # ── the bank's news ───────────────────────────────────────────────────

    def received(self, signature: str) -> None:
        """Tell who waits for a signature that it arrived."""
        for topic in self._of("signature"):
            if topic.signature == signature and topic.takes_received:
                self._tell(topic, b'"receivedSignature"', self._slot())

    def executed(self, landed: Landed, changes: dict[Pubkey, Snapshot]) -> None:
        """Tell what a transaction did, to subscribers of processed."""
        self._transactions((landed,), PROCESSED)
        self._accounts(changes, landed.slot, PROCESSED)

    def slot_opened(self, slot: int, root: int) -> None:
        """Tell the new slot and the newest final one."""
        for topic in self._of("slot"):
            self._send(topic, orjson.dumps({"parent": slot - 1, "root": root, "slot": slot}))
        for topic in self._of("root"):
            self._send(topic, str(root).encode())
        for topic in self._of("slotsUpdates"):
            for each in (
                {"type": "frozen", "slot": slot - 1, "timestamp": self.unix_ms, "stats": _NO_STATS},
                {"type": "createdBank", "slot": slot, "parent": slot - 1, "timestamp": self.unix_ms},
                {"type": "root", "slot": root, "timestamp": self.unix_ms},
            ):
                self._send(topic, orjson.dumps(each))

    def reached(self, block: Block, commitment: int) -> None:
        """Tell what is in a block, to subscribers of the commitment it reached."""
        self._transactions(block.transactions, commitment)
        self._accounts(block.changes, block.slot, commitment)
        for topic in self._of("block"):
            if topic.commitment == commitment:
                self._tell(topic, _block_value(topic, block), block.slot)
        if commitment == CONFIRMED:
            for topic in self._of("slotsUpdates"):
                body = {"type": "optimisticConfirmation", "slot": block.slot, "timestamp": self.unix_ms}
                self._send(topic, orjson.dumps(body))

    # ── matching ──────────────────────────────────────────────────────────

    def _of(self, kind: str) -> list[Topic]:
        return list(self._topics.get(kind, ()))

    def _transactions(self, transactions: Iterable[Landed], commitment: int) -> None:
        logs = [each for each in self._of("logs") if each.commitment == commitment]
        full = [each for each in self._of("transaction") if each.commitment == commitment]
        single = {each.signature: each for each in self._of("signature") if each.commitment == commitment}
        if not logs and not full and not single:
            return
        for landed in transactions:
            for topic in logs:
                if topic.key is None or topic.key in landed.keys:
                    self._tell(topic, landed.logs_value(), landed.slot)
            for topic in full:
                if topic.wants(landed):
                    self._send(topic, _transaction_value(topic, landed))
            if landed.signature in single:
                self._finish(commitment, landed)

    def _finish(self, commitment: int, landed: Landed) -> None:
        for topic in self._of("signature"):
            if topic.signature == landed.signature and topic.commitment == commitment:
                self._signature_done(topic, landed)

    def _signature_done(self, topic: Topic, landed: Landed) -> None:
        """Tell the end of a transaction; the subscription ends with it."""
        self._tell(topic, landed.error_value(), landed.slot)
        for number in list(self._topics[topic.kind][topic]):
            self._drop(number)

    def _accounts(self, changes: dict[Pubkey, Snapshot], slot: int, commitment: int) -> None:
        for topic in self._of("account"):
            if topic.commitment == commitment and topic.key in changes:
                self._tell(topic, orjson.dumps(self._account(topic, changes[topic.key])), slot)
        for topic in self._of("program"):
            if topic.commitment != commitment:
                continue
            for address, state in changes.items():
                if state.owner == topic.key and all(each.holds(state) for each in topic.filters):
                    body = {"pubkey": text(address), "account": self._account(topic, state)}
                    self._tell(topic, orjson.dumps(body), slot)

    def _account(self, topic: Topic, state: Snapshot) -> Json:
        decimals = 0
        if topic.encoding == "jsonParsed" and is_token_account(state) and self.bank is not None:
            decimals = self.bank.executor.decimals(token_mint(state)) or 0
        try:
            return account_json(state, topic.encoding, topic.part, decimals)
        except RpcRefusal:
            # Too long for base58: a node says so in place of the data.
            return account_json(state._replace(data=b"error: data too large for bs58 encoding"), "binary")

    # ── telling ───────────────────────────────────────────────────────────

    def _slot(self) -> int:
        return self.bank.slot if self.bank is not None else 0

    def _tell(self, topic: Topic, value: bytes, slot: int) -> None:
        context = b'{"context":{"apiVersion":"%b","slot":%d},"value":' % (SOLANA_CORE.encode(), slot)
        self._send(topic, context + value + b"}")

    def _send(self, topic: Topic, result: bytes) -> None:
        head = b'{"jsonrpc":"2.0","method":"%bNotification","params":{"result":' % topic.kind.encode()
        for number, subscriber in list(self._topics[topic.kind][topic].items()):
            subscriber.offer(head + result + b',"subscription":%d}}' % number)


_NO_STATS: dict[str, Json] = {
    "maxTransactionsPerEntry": 0,
    "numFailedTransactions": 0,
    "numSuccessfulTransactions": 0,
    "numTransactionEntries": 0,
}


def _transaction_value(topic: Topic, landed: Landed) -> bytes:
    """Return Helius' form: the transaction, its signature and slot."""
    body: dict[str, Json] = {"signature": landed.signature, "slot": landed.slot}
    if topic.details == "full":
        # A client that named no version gets them all: this feed knows no refusal per message.
        version = 0 if topic.version_max is None else topic.version_max
        body = {"transaction": landed.encoded(topic.encoding, version), **body}
    return orjson.dumps(body)


def _block_value(topic: Topic, block: Block) -> bytes:
    if topic.key is not None:
        mine = [each for each in block.transactions if topic.key in each.keys]
        block = Block(block.slot, block.height, block.time, block.blockhash, block.previous_blockhash, mine)
    body: dict[str, Json] = {"slot": block.slot, "err": None, "block": None}
    options = Options(orjson.loads(topic.options))
    options.body.setdefault("encoding", "base64")
    try:
        body["block"] = block_json(block, options)
    except RpcRefusal as refusal:
        body["err"] = refusal.message
    return orjson.dumps(body)
