"""The wire form: legacy and version 0 to the last byte, everything else refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.detect.wire_message import WIRE_BYTES_MAX, read_message
from tests.unit.detect.fakes import OTHER, PROGRAM, TOKEN
from tests.unit.detect.wire_forms import Made, wire

KEYS = [OTHER, TOKEN, PROGRAM]
OUTER = [Made(PROGRAM, (OTHER, TOKEN), b"data"), Made(TOKEN)]


def test_a_legacy_transaction_is_read() -> None:
    """Keys, positions and data stand as they were compiled."""
    message = read_message(wire(KEYS, OUTER))
    assert message.keys == tuple(KEYS)
    assert message.signatures == (bytes([7]) * 64,)
    assert [(one.program, one.accounts, one.data) for one in message.instructions] == [
        (2, b"\0\1", b"data"),
        (1, b"", b""),
    ]
    assert message.lookups == (0, 0)


def test_a_version_0_transaction_counts_its_looked_up_keys() -> None:
    """Writable and readonly ones, over all tables."""
    raw = wire(KEYS[:1], OUTER, space=KEYS, version=0, lookups=[(1, 2), (0, 3)])
    assert read_message(raw).lookups == (1, 5)


def test_a_long_instruction_has_a_count_of_two_bytes() -> None:
    """300 needs a second compact-u16 byte."""
    assert read_message(wire(KEYS, [Made(TOKEN, (), bytes(300))])).instructions[0].data == bytes(300)


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "ends at byte 0"),
        (wire(KEYS, OUTER, version=1), "version 1"),
        (wire(KEYS, OUTER) + b"\0", "1 bytes after the end"),
        (wire(KEYS, OUTER)[:-1], "are announced"),
        (wire(KEYS, OUTER, signatures=0), "0 signatures"),
        (wire(KEYS[:1], [], signatures=2), "1 keys but 2 signers"),
        (b"\2" + wire(KEYS, OUTER)[1:65] + bytes(64) + wire(KEYS, OUTER)[65:], "2 signatures"),
        (b"\x80\x80\x80", "compact-u16"),
        (b"\x81\x00", "compact-u16"),
        (b"\xff\xff\x7f", "compact-u16"),
        (bytes(WIRE_BYTES_MAX + 1), "at most"),
    ],
)
def test_what_does_not_fit_is_refused(raw: bytes, word: str) -> None:
    """Each refusal says which count or size did not fit."""
    with pytest.raises(DecodeError, match=word):
        read_message(raw)


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but DecodeError comes out."""
    with contextlib.suppress(DecodeError):
        read_message(raw)


@given(cut=st.integers(0, 400), flip=st.integers(0, 400), to=st.integers(0, 255))
def test_a_damaged_transaction_is_read_or_refused(cut: int, flip: int, to: int) -> None:
    """A byte changed and the end cut off."""
    raw = bytearray(wire(KEYS, OUTER, version=0, lookups=[(1, 1)]))
    raw[flip % len(raw)] = to
    with contextlib.suppress(DecodeError):
        read_message(bytes(raw[: max(len(raw) - cut, 0)]))
