"""Mints and token accounts are read to the last byte, or refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022
from sniperforge.dex.token import Mint, TokenBalance, decode_balance, decode_mint

KEY = Pubkey(bytes(range(32)))
PLAIN = struct.pack("<I32sQBBI32s", 1, KEY, 77, 6, 1, 0, bytes(32))


def _extended(*entries: tuple[int, bytes], kind: int = 1) -> bytes:
    tail = b"".join(struct.pack("<HH", number, len(value)) + value for number, value in entries)
    return PLAIN.ljust(165, b"\0") + bytes([kind]) + tail


def test_a_classic_mint_is_read() -> None:
    assert decode_mint(PLAIN, TOKEN) == Mint(6, 77, KEY, ZERO_KEY, ())


def test_a_freeze_authority_is_told() -> None:
    data = struct.pack("<I32sQBBI32s", 0, KEY, 77, 9, 1, 1, KEY)
    assert decode_mint(data, TOKEN_2022) == Mint(9, 77, ZERO_KEY, KEY, ())


def test_extensions_have_names_and_unknown_ones_a_number() -> None:
    data = _extended((1, bytes(108)), (12, bytes(32)), (99, b"")) + bytes(3)
    assert decode_mint(data, TOKEN_2022).extensions == ("transfer_fee", "permanent_delegate", "unknown_99")
    assert decode_mint(_extended((18, b"ab")) + bytes(8), TOKEN_2022).extensions == ("metadata_pointer",)


@pytest.mark.parametrize(
    ("data", "owner", "words"),
    [
        (PLAIN, SYSTEM, "not owned by a token program"),
        (PLAIN[:-1], TOKEN_2022, "81 bytes"),
        (PLAIN + b"\0", TOKEN, "83 bytes"),
        (bytes(82), TOKEN, "not initialized"),
        (_extended(kind=2), TOKEN_2022, "not a mint"),
        (PLAIN.ljust(165, b"\0"), TOKEN_2022, "not a mint"),
        (_extended((1, bytes(108)))[:-1], TOKEN_2022, "cut short"),
    ],
)
def test_what_is_no_mint_is_refused(data: bytes, owner: Pubkey, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        decode_mint(data, owner)


def test_a_token_account_is_read() -> None:
    data = (KEY + TOKEN + (5).to_bytes(8, "little")).ljust(165, b"\0")
    expected = TokenBalance(KEY, TOKEN, 5)
    assert decode_balance(data, TOKEN) == expected
    assert decode_balance(data + b"\x02" + bytes(9), TOKEN_2022) == expected


@pytest.mark.parametrize(
    ("data", "owner"), [(bytes(165), SYSTEM), (bytes(164), TOKEN), (bytes(170), TOKEN), (bytes(170), TOKEN_2022)]
)
def test_what_is_no_token_account_is_refused(data: bytes, owner: Pubkey) -> None:
    with pytest.raises(DecodeError):
        decode_balance(data, owner)


@given(data=st.binary(max_size=400), prefix=st.sampled_from([b"", PLAIN, PLAIN.ljust(165, b"\0") + b"\x01"]))
def test_any_bytes_decode_or_are_refused(data: bytes, prefix: bytes) -> None:
    for decoder in (decode_mint, decode_balance):
        try:
            decoder(prefix + data, TOKEN_2022)
        except DecodeError as refusal:
            assert ";" in str(refusal)
