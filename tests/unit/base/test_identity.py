"""Ids are the same in every process, after every restart, and in whatever language computes them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base._identity import event_id

PARTS = st.binary(max_size=300) | st.text(st.characters(exclude_categories=["Cs"]), max_size=80) | st.integers()


def plain(kind: str, *parts: bytes | int | str) -> int:
    """Return the id as hashlib computes it."""
    digest = hashlib.blake2b(kind.encode(), digest_size=8)
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(raw).to_bytes(4, "little") + raw)
    return int.from_bytes(digest.digest(), "little") >> 11


@given(kind=st.text(st.characters(exclude_categories=["Cs"]), max_size=200), parts=st.lists(PARTS, max_size=6))
def test_an_id_is_blake2b_of_its_parts(kind: str, parts: list[bytes | int | str]) -> None:
    """Of any size: also where a part ends with a block of the hash."""
    assert event_id(kind, *parts) == plain(kind, *parts) < 1 << 53


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 255, 256, 257])
def test_ids_around_a_block(size: int) -> None:
    """The last block is hashed as the last, full or not."""
    assert event_id("k" * size) == plain("k" * size)
    assert event_id("", b"x" * size, size) == plain("", b"x" * size, size)


@pytest.mark.parametrize("arguments", [(), (b"kind",), ("kind", None), ("kind", 1.0), ("kind", "\ud800"), ("\ud800",)])
def test_what_has_no_bytes_has_no_id(arguments: tuple[object, ...]) -> None:
    """A caller's mistake, said at once."""
    with pytest.raises((TypeError, UnicodeEncodeError)):
        event_id(*arguments)  # type: ignore[arg-type]
