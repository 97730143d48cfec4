"""An announcement is a signature to ask for; whatever else it says is not read."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY
from sniperforge.detect.announced import BYTES_MAX, Announcement, announced

SIGNATURE = "4mcbFv4WTEPqbqXF5hN1WksNkzw8H97Y9vhCpv1EeG1Dcj3UMkg26CLNktbQk8J5o53S8ArZGaJTuZukK5aWWQg3"
MINT = "FNzXkQwLWzRm6Z1jJT9gnVH2pHiKiYLw3Ry1btY5KvLU"


def message(**changes: object) -> bytes:
    """A new token as PumpPortal tells it; None leaves a field out."""
    body: dict[str, object] = {
        "signature": SIGNATURE,
        "mint": MINT,
        "traderPublicKey": "9HkFiXkZgp3fAwNVKDwabLKSvfJExJVDoUpR4Meo7XD7",
        "txType": "create",
        "initialBuy": 59141732.283464,
        "vSolInBondingCurve": 31.749999999999982,
        "name": 'a "txType" in a name',
        "pool": "pump",
    }
    return orjson.dumps({name: value for name, value in {**body, **changes}.items() if value is not None})


@pytest.mark.parametrize("kind", ["create", "migrate"])
def test_what_makes_a_pool_is_pointed_at(kind: str) -> None:
    assert announced(message(txType=kind)) == Announcement(SIGNATURE, key(MINT))


def test_a_mint_may_be_missing() -> None:
    assert announced(message(mint=None)) == Announcement(SIGNATURE, ZERO_KEY)


@pytest.mark.parametrize(
    "data",
    [
        message(txType="buy"),
        message(txType=5),
        message(txType=None),
        message(uri="x" * BYTES_MAX),
        b'{"message":"Successfully subscribed to token creation events."}',
        b'["txType"]',
        b'{"jsonrpc":"2.0",' + message()[1:],
        b'"txType',
        b'{"txType": "create", ' + b"[" * 5000,
        b'\xff"txType"',
    ],
)
def test_everything_else_is_left_to_its_own_reader(data: bytes) -> None:
    assert announced(data) is None


@pytest.mark.parametrize("changes", [{"signature": "short"}, {"signature": None}, {"mint": "no key"}])
def test_one_that_points_nowhere_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(DecodeError, match=r"an announcement \(create\): "):
        announced(message(**changes))


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 300))
def test_bytes_raise_its_own_error_or_nothing(noise: bytes, start: int, end: int) -> None:
    """Also where they stand in the middle of a real one."""
    data = message()
    for damaged in (noise, data[:start] + noise + data[end:]):
        try:
            found = announced(damaged)
        except DecodeError as problem:
            assert "\n" not in str(problem)
            continue
        assert found is None or len(found.signature) >= 64
