"""Base58 agrees with solders at 32 and 64 bytes, comes back as it went, and is bounded."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.signature import Signature

from sniperforge.base.errors import DecodeError
from sniperforge.chain.localnet import base58


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_it_agrees_with_solders(one: bytes, two: bytes) -> None:
    """Keys and signatures read the same from either."""
    assert base58.encode(one) == str(Pubkey.from_bytes(one))
    assert base58.encode(two) == str(Signature.from_bytes(two))


@given(st.binary(max_size=200))
def test_what_was_encoded_comes_back(raw: bytes) -> None:
    """Leading zeros included."""
    assert base58.decode(base58.encode(raw), size_max=200) == raw


@given(st.text(max_size=80))
def test_any_text_is_bytes_or_a_decode_error(text: str) -> None:
    """Nothing else leaves the decoder."""
    with suppress(DecodeError):
        assert len(base58.decode(text, size_max=40)) <= 40


@pytest.mark.parametrize(("text", "words"), [("0OIl", "not a base58 letter"), ("z" * 58, "43 bytes"), ("1" * 99, "99")])
def test_a_refusal_says_why(text: str, words: str) -> None:
    """Foreign letters, too many bytes, far too many letters."""
    with pytest.raises(DecodeError, match=words):
        base58.decode(text, size_max=41)
