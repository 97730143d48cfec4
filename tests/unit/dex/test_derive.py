"""Derived addresses are the runtime's, with and without the CPU's hash instructions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from sniperforge.dex import _derive

KEYS = st.binary(min_size=32, max_size=32)
P = 2**255 - 19


@pytest.fixture(params=[False, True], autouse=True, scope="module")
def hashing(request: pytest.FixtureRequest) -> Iterator[None]:
    _derive.use_plain(request.param)
    yield
    _derive.use_plain(False)


@given(program=KEYS, seeds=st.lists(st.binary(max_size=32), max_size=6))
def test_an_address_is_the_one_solders_finds(program: bytes, seeds: list[bytes]) -> None:
    expected, _ = Pubkey.find_program_address(seeds, Pubkey.from_bytes(program))
    assert _derive.pda(program, *seeds) == bytes(expected)


@given(key=KEYS)
def test_a_point_is_what_the_runtime_calls_one(key: bytes) -> None:
    assert _derive.is_point(key) == Pubkey.from_bytes(key).is_on_curve()


@pytest.mark.parametrize("number", [0, 1, 2, P - 1, P, P + 1, 2**255 - 1, 2**255, 2**255 + 1, 2**256 - 1])
def test_the_edges_of_the_field(number: int) -> None:
    key = number.to_bytes(32, "little")
    assert _derive.is_point(key) == Pubkey.from_bytes(key).is_on_curve()


def test_every_small_number() -> None:
    for number in range(512):
        key = number.to_bytes(32, "little")
        assert _derive.is_point(key) == Pubkey.from_bytes(key).is_on_curve(), number


@pytest.mark.parametrize("arguments", [(), (b"short",), (bytes(32), bytes(33)), (bytes(32), *[b"a"] * 16)])
def test_what_the_runtime_would_refuse_is_refused(arguments: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="seed"):
        _derive.pda(*arguments)


def test_only_bytes_are_taken() -> None:
    with pytest.raises(TypeError, match="bytes"):
        _derive.pda(bytes(32), "seed")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="32 bytes"):
        _derive.is_point(b"short")
