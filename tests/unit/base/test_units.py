"""Money is exact: every rounding has a direction and an edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import units
from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key, text


@given(numerator=st.integers(0, 1 << 80), denominator=st.integers(1, 1 << 64))
def test_ceil_div_is_the_least_upper(numerator: int, denominator: int) -> None:
    quotient = units.ceil_div(numerator, denominator)
    assert (quotient - 1) * denominator < numerator <= quotient * denominator


@pytest.mark.parametrize(
    ("amount", "bps", "most", "least"), [(10_000, 30, 10_030, 9_970), (1, 9_999, 1, 0), (0, 5, 0, 0)]
)
def test_slippage_rounds_down_both_ways(amount: int, bps: int, most: int, least: int) -> None:
    assert units.slippage_max(amount, bps) == most
    assert units.slippage_min(amount, bps) == least


def test_slippage_never_leaves_a_u64_or_goes_below_zero() -> None:
    assert units.slippage_max(units.U64_MAX, 1) == units.U64_MAX
    assert units.slippage_min(5, 20_000) == 0


@pytest.mark.parametrize(("lamports", "words"), [(0, "0"), (1, "0.000000001"), (-2_500_000_000, "-2.5"), (10**9, "1")])
def test_sol_is_for_a_screen(lamports: int, words: str) -> None:
    assert units.sol(lamports) == words


@given(raw=st.binary(min_size=32, max_size=32))
def test_a_key_survives_its_text(raw: bytes) -> None:
    assert key(text(raw)) == raw


@pytest.mark.parametrize("words", ["", "abc", "0" * 44, "1" * 50])
def test_text_that_is_no_key_is_refused(words: str) -> None:
    with pytest.raises(DecodeError, match="not a base58 public key"):
        key(words)


def test_bytes_that_are_no_key_are_refused() -> None:
    with pytest.raises(DecodeError, match="has 32 bytes, got 31"):
        text(bytes(31))
