"""Two whole blocks of mainnet: no creation is invented, every pump.fun and PumpSwap trade is told, from both forms."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sniperforge.base import keys
from sniperforge.base.events import Event, Frame, InputRefused, LaunchDisbelieved, PoolCreated, Swapped
from sniperforge.detect.detector import Detector
from sniperforge.detect.inputs import read_frame
from sniperforge.detect.settings import DetectSettings
from sniperforge.detect.transaction import Transaction
from tests.integration.detect.recorded import CREATIONS, MAINNET, created, logs_frame, need, rows

BLOCKS = {"254170887": 602, "332254908": 1862}
#: First bytes of the events a program sends itself for each trade.
TRADES = {
    "pumpfun": [bytes.fromhex("e445a52e51cb9a1dbddb7fd34ee661ee")],
    "pumpswap": [bytes.fromhex("e445a52e51cb9a1d" + one) for one in ("67f4521f2cf57777", "3e2f370aa503dc2a")],
}


def load(slot: str) -> tuple[bytes, list[Any]]:
    """Return a block and its transactions."""
    need()
    data = (MAINNET / "blocks" / f"{slot}.json").read_bytes()
    return data, json.loads(data)["transactions"]


def trades(told: list[Event], *venues: str) -> Counter[tuple[str, str]]:
    """Return how many trades of which pool each transaction told."""
    return Counter(
        (one.signature, keys.text(one.pool)) for one in told if isinstance(one, Swapped) and one.venue in venues
    )


@pytest.mark.parametrize("slot", BLOCKS)
def test_nothing_is_invented_in_a_block(slot: str) -> None:
    """Its instructions create no pool, so none is told; every transaction is readable."""
    data, elements = load(slot)
    assert len(elements) == BLOCKS[slot]
    assert [row for element in elements for row in created(element)] == []
    told = Detector(DetectSettings(trades="all")).on_frame(Frame(data=data, recv_ns=1), 2)
    assert [one for one in told if isinstance(one, PoolCreated | LaunchDisbelieved | InputRefused)] == []
    expected: Counter[str] = Counter()
    for element in elements:
        if element["meta"]["err"] is None:
            for program, _, raw in rows(element):
                venue = CREATIONS.get(program, ("", {}))[0]
                expected[venue] += any(raw.startswith(start) for start in TRADES.get(venue, ()))
    for venue in TRADES:
        assert sum(trades(told, venue).values()) == expected[venue]


@pytest.mark.parametrize("slot", BLOCKS)
def test_every_transaction_reads_and_its_logs_match_its_instructions(slot: str) -> None:
    """Failed ones too; only where logs were cut something is missing."""
    data, _ = load(slot)
    readings = read_frame(data)
    assert len(readings) == BLOCKS[slot]
    for one in readings:
        assert isinstance(one, Transaction)
        assert not one.logs_missing


@pytest.mark.parametrize("slot", BLOCKS)
def test_the_blocks_logs_invent_nothing_either(slot: str) -> None:
    """As a logs subscription would have delivered them; the same trades are told as from the instructions."""
    data, elements = load(slot)
    signatures = [one.signature for one in read_frame(data) if isinstance(one, Transaction)]
    whole = Detector(DetectSettings(trades="all")).on_frame(Frame(data=data, recv_ns=1), 2)
    detector = Detector(DetectSettings(trades="all"))
    told: list[Event] = []
    for signature, element in zip(signatures, elements, strict=True):
        told += detector.on_frame(Frame(data=logs_frame(element, signature=signature), recv_ns=1), 2)
    assert [one for one in told if isinstance(one, PoolCreated | LaunchDisbelieved | InputRefused)] == []
    assert trades(told, *TRADES) == trades(whole, *TRADES)
    assert detector.counters["frames_rejected"] > len(elements) // 2
