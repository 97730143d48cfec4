"""Every creation recorded on mainnet, and by the real programs, is told from each form; none is invented."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.events import Event, Frame, InputRefused, LaunchDisbelieved, PoolCreated, TransactionWanted
from sniperforge.detect.detector import Detector
from sniperforge.detect.inputs import read_frame
from sniperforge.detect.settings import DetectSettings
from sniperforge.detect.transaction import Transaction
from tests.integration.detect.recorded import CREATIONS, MAINNET, SHARED, body_of, created, files, logs_frame, need

#: The venues whose creations are found another way in `recorded`: another venue's get their rows there.
SETTINGS = DetectSettings(venues=tuple(name for name, _ in CREATIONS.values()))
#: Venues whose creations name everything in an event that the logs carry.
TOLD_BY_LOGS = ("pumpfun", "pumpswap")


def short(name: str) -> str:
    """Return a name a terminal can hold."""
    return name[:70]


def pools(told: list[Event]) -> list[tuple[str, str]]:
    """Return (venue, pool) of the creations told."""
    return [(one.pool.venue, keys.text(one.pool.address)) for one in told if isinstance(one, PoolCreated)]


@pytest.mark.parametrize("name", files(), ids=short)
def test_what_was_created_is_told(name: str) -> None:
    """In the form it was recorded, and nothing else is."""
    need()
    data = (SHARED / name).read_bytes()
    told = Detector(SETTINGS).on_frame(Frame(data=data, recv_ns=1), 2)
    assert Counter(pools(told)) == Counter(created(body_of(json.loads(data))))
    assert not [one for one in told if isinstance(one, LaunchDisbelieved | InputRefused)]


@pytest.mark.parametrize("name", files(), ids=short)
def test_its_logs_tell_it_too_or_ask(name: str) -> None:
    """From the logs alone; what they cannot tell is asked for, and told late by the answer."""
    need()
    data = (SHARED / name).read_bytes()
    body = body_of(json.loads(data))
    expected = created(body)
    detector = Detector(SETTINGS)
    signature = signature_of(data)
    told = detector.on_frame(Frame(data=logs_frame(body, signature=signature), recv_ns=1), 2)
    now = [row for row in expected if row[0] in TOLD_BY_LOGS]
    assert Counter(pools(told)) == Counter(now)
    assert any(isinstance(one, TransactionWanted) for one in told) == (now != expected)
    if now != expected:
        late = detector.on_frame(Frame(data=data, recv_ns=3, late=True), 4)
        assert Counter(pools(late)) == Counter(expected)
        assert all(one.late and one.cause for one in late if isinstance(one, PoolCreated))


def signature_of(data: bytes) -> str:
    """Return the signature under which the detector knows a recorded transaction."""
    (told,) = read_frame(data)
    assert isinstance(told, Transaction)
    return told.signature


def test_the_recorded_notification_is_told() -> None:
    """The one logsNotification somebody recorded; its mint stands in its own instruction's words."""
    need()
    (name,) = (MAINNET / "logs_notification").glob("*.json")
    told = Detector(SETTINGS).on_frame(Frame(data=name.read_bytes(), recv_ns=1), 2)
    (one,) = [event for event in told if isinstance(event, PoolCreated)]
    assert (one.name, keys.text(one.pool.base_mint)) == (
        "Smoking Squirrel ",
        "GKXn8dqUaeHjjeStfT4Uq8KtKZSyAzUBQtSmE87Dpump",
    )


def test_the_list_is_not_empty() -> None:
    """Eleven creations stand in the recordings of mainnet, eight venues' programs printed theirs."""
    need()
    found: Counter[str] = Counter()
    for name in files():
        document: Any = json.loads((SHARED / name).read_bytes())
        for venue, _ in created(body_of(document)):
            found[f"{name.split('/')[0]} {venue}"] += 1
    assert found == {
        "mainnet pumpfun": 4,
        "mainnet raydium_amm_v4": 4,
        "mainnet raydium_cpmm": 1,
        "mainnet raydium_launchlab": 1,
        "program_output pumpfun": 1,
        "program_output raydium_amm_v4": 1,
        "program_output raydium_cpmm": 2,
    }


DAMAGED = [name for name in files() if "raw_create" in name or "create-pool_0" in name or "launchlab" in name]


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_damaged_recordings_never_raise(data: st.DataObject) -> None:
    """Bytes of a real recording replaced: events, or one line of refusal."""
    need()
    raw = bytearray((SHARED / data.draw(st.sampled_from(DAMAGED))).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        piece = data.draw(st.binary(max_size=2) | st.sampled_from([b"0", b"9", b"null", b"[", b'"']))
        raw[place : place + len(piece)] = piece
    for one in Detector(SETTINGS).on_frame(Frame(data=bytes(raw), recv_ns=1), 2):
        if isinstance(one, InputRefused):
            assert one.problem and one.cure
