"""A signature is told once, whatever order answers and notifications come in; nonsense is counted and skipped."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.chain import watch as module
from sniperforge.chain.rpc import endpoint
from sniperforge.chain.watch import SignatureWatch


class Ear:
    """A watch whose messages the test brings itself."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        target = endpoint("ws://127.0.0.1:8900", where="x", schemes=("ws", "wss"))
        self.watch = SignatureWatch(target, commitment="confirmed", seen=lambda s, e: self.told.append((s, e)))

    def asked(self, number: int, signature: str) -> None:
        """As if the subscription had been sent with that id."""
        self.watch.watch(signature)
        self.watch._asked[number] = signature

    def take(self, message: object) -> None:
        self.watch._take(orjson.dumps(message))


def notice(subscription: int, err: object = None) -> dict[str, object]:
    params = {"subscription": subscription, "result": {"context": {"slot": 1}, "value": {"err": err}}}
    return {"jsonrpc": "2.0", "method": "signatureNotification", "params": params}


def test_a_notification_tells_its_signature() -> None:
    ear = Ear()
    ear.asked(1, "sig")
    ear.take({"id": 1, "result": 70})
    ear.take(notice(70, {"InstructionError": [0, {"Custom": 1}]}))
    assert ear.told == [("sig", "InstructionError[0, Custom 1]")]


def test_a_notification_before_its_answer_is_not_lost() -> None:
    """Nodes do that when the transaction is there already."""
    ear = Ear()
    ear.asked(1, "sig")
    ear.take(notice(70))
    ear.take({"id": 1, "result": 70})
    assert ear.told == [("sig", "")]


def test_a_signature_is_told_once_and_not_after_it_was_forgotten() -> None:
    ear = Ear()
    ear.asked(1, "sig")
    ear.asked(2, "gone")
    ear.take({"id": 1, "result": 70})
    ear.take({"id": 2, "result": 71})
    ear.watch.forget("gone")
    for subscription in (70, 70, 71):
        ear.take(notice(subscription))
    assert ear.told == [("sig", "")]


def test_a_received_notice_and_a_refused_subscription_say_nothing() -> None:
    ear = Ear()
    ear.asked(1, "sig")
    ear.take({"id": 1, "error": {"code": -32602, "message": "no"}})
    received = notice(70)
    received["params"] = {"subscription": 70, "result": {"value": "receivedSignature"}}
    ear.take(received)
    ear.take({"method": "slotNotification", "params": {}})
    assert ear.told == []
    assert ear.watch.malformed == 0


@pytest.mark.parametrize(
    "noise", [b"", b"{", b"[]", b"1", b"{}", b'{"id": 99}', b'{"method": "signatureNotification"}']
)
def test_nonsense_is_counted(noise: bytes) -> None:
    ear = Ear()
    ear.watch._take(noise)
    assert ear.watch.malformed == 1


@given(st.binary(max_size=80))
def test_no_bytes_break_it(noise: bytes) -> None:
    ear = Ear()
    ear.watch._take(noise)
    assert ear.told == []


def test_what_is_watched_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WATCHED_MAX", 2)
    ear = Ear()
    for number in range(3):
        ear.watch.watch(str(number))
        ear.take(notice(number))
    assert list(ear.watch._wanted) == ["0", "1"]
    assert len(ear.watch._early) == 2
