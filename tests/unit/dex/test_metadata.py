"""A coin's metadata is read from both standards, whoever may change it is named, and nothing else passes for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex import metadata as module
from sniperforge.dex.metadata import Metadata, decode_metaplex, decode_token_2022, metaplex_address, pointed_to
from sniperforge.dex.programs import METADATA, TOKEN, TOKEN_2022
from tests.unit.dex.coin_accounts import metaplex, mint, numbered, pointer, token_metadata

COIN, AUTHORITY = numbered(1), numbered(2)
TEXTS = (b"A name", b"SYM", b"https://example.invalid/x.json")
INSIDE = token_metadata(COIN, authority=AUTHORITY, texts=TEXTS)
WHOLE = mint(5, (1, bytes(108)), (18, pointer(COIN)), (19, INSIDE))


def test_the_address_is_derived_as_metaplex_does() -> None:
    """That of USDC on mainnet."""
    usdc = key("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
    assert metaplex_address(usdc) == key("5x38Kp4hvdomTCnCrAny4UtMUt5rQBdB6px2K1Ui45Wq")


@pytest.mark.parametrize("mutable", [True, False])
@pytest.mark.parametrize("creators", [0, 1, 5])
def test_a_metaplex_account_is_read_without_its_padding(mutable: bool, creators: int) -> None:
    data = metaplex(COIN, authority=AUTHORITY, mutable=mutable, texts=TEXTS, creators=creators)
    assert decode_metaplex(data, METADATA, COIN) == Metadata(mutable, AUTHORITY, *TEXTS)


def test_what_stands_behind_what_the_program_trusts_is_not_read() -> None:
    """Old accounts hold garbage there, and the program reads them all the same."""
    for tail in (b"", b"\xff" * 100, bytes(100)):
        assert decode_metaplex(metaplex(COIN, tail=tail), METADATA, COIN).mutable


@pytest.mark.parametrize(
    ("data", "owner", "problem"),
    [
        (metaplex(COIN), TOKEN, "not owned by Metaplex"),
        (metaplex(COIN, tail=bytes(400)), METADATA, "the longest has 679"),
        (b"", METADATA, "starts with nothing"),
        (b"\x06" + metaplex(COIN)[1:], METADATA, "starts with 06"),
        (metaplex(numbered(9)), METADATA, "of another mint"),
        (metaplex(COIN)[:200], METADATA, "does not fit"),
        (metaplex(COIN, tail=b"")[:-1], METADATA, "too early"),
        (metaplex(COIN)[:65] + b"\xff\xff\xff\xff" + metaplex(COIN)[69:], METADATA, "does not fit"),
    ],
)
def test_what_is_no_metadata_of_the_coin_is_refused(data: bytes, owner: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        decode_metaplex(data, owner, COIN)  # type: ignore[arg-type]


def test_the_extension_is_read_and_the_pointer_before_it() -> None:
    assert pointed_to(WHOLE, TOKEN_2022) == COIN
    assert decode_token_2022(WHOLE, TOKEN_2022, COIN) == Metadata(True, AUTHORITY, *TEXTS)


def test_without_an_authority_nobody_changes_it() -> None:
    data = mint(5, (19, token_metadata(COIN, texts=(b"", b"", b""))))
    assert decode_token_2022(data, TOKEN_2022, COIN) == Metadata(False, ZERO_KEY, b"", b"", b"")
    assert pointed_to(data, TOKEN_2022) == ZERO_KEY


def test_a_mint_without_extensions_says_nothing() -> None:
    """Of either program; zeros behind the last extension end them."""
    for data, owner in ((mint(5), TOKEN), (mint(5), TOKEN_2022), (mint(5, (1, bytes(108))) + bytes(9), TOKEN_2022)):
        assert decode_token_2022(data, owner, COIN) is None
        assert pointed_to(data, owner) == ZERO_KEY


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (mint(5, (19, INSIDE + b"\0")), "left after the last"),
        (mint(5, (19, INSIDE[:-1])), "does not fit"),
        (mint(5, (19, token_metadata(numbered(9), texts=TEXTS))), "of another mint"),
        (WHOLE[:-1], "cut short"),
        (mint(5)[:80], "a mint has 82"),
    ],
)
def test_an_extension_that_is_not_what_it_says_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        decode_token_2022(data, TOKEN_2022, COIN)


def test_a_pointer_of_another_size_is_refused() -> None:
    with pytest.raises(DecodeError, match="pointer has 63 bytes"):
        pointed_to(mint(5, (18, bytes(63))), TOKEN_2022)


def test_a_mint_of_a_mebibyte_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MINT_SIZE_MAX", len(WHOLE) - 1)
    with pytest.raises(DecodeError, match="leave this coin alone"):
        pointed_to(WHOLE, TOKEN_2022)


def read(data: bytes) -> None:
    """Read *data* as everything it could be; only DecodeError may come of it."""
    for step in (
        lambda: decode_metaplex(data, METADATA, COIN),
        lambda: decode_token_2022(data, TOKEN_2022, COIN),
        lambda: pointed_to(data, TOKEN_2022),
    ):
        try:
            found = step()
        except DecodeError as problem:
            assert str(problem)
        else:
            assert found is None or isinstance(found, Metadata | bytes)


@given(data=st.binary(max_size=700))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read(data)


@given(
    real=st.sampled_from([WHOLE, metaplex(COIN, authority=AUTHORITY, texts=TEXTS)]),
    changes=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 900),
)
def test_mutated_accounts_are_read_or_refused(real: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(real)
    for place, byte in changes:
        data[place % len(data)] = byte
    read(bytes(data))
    read(bytes(data[:cut]))


def test_every_length_of_both_is_read_or_refused() -> None:
    """Cut anywhere before its end neither is taken for whole; Metaplex's may end behind `is_mutable`."""
    whole = metaplex(COIN, tail=b"")
    for size in range(len(whole)):
        with pytest.raises(DecodeError):
            decode_metaplex(whole[:size], METADATA, COIN)
    start = WHOLE.index(INSIDE)
    for size in range(start + 1, len(WHOLE)):
        with pytest.raises(DecodeError):
            decode_token_2022(WHOLE[:size], TOKEN_2022, COIN)
