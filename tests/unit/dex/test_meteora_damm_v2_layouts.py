"""DAMM v2's accounts decode to the last byte, and their fees become numbers or an error of one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.dex import meteora_damm_v2_layouts as layout
from sniperforge.dex.meteora_fees import LIMITER
from sniperforge.dex.meteora_liquidity import ROOT_ONE
from sniperforge.dex.token_pair import LayoutMismatch
from tests.unit.dex.meteora_vectors import COIN, DYNAMIC, base_fee, damm_pool


def test_a_pool_account_decodes() -> None:
    record = layout.decode_pool(damm_pool())
    assert (record.keys["token_a_mint"], record.ints["sqrt_price"]) == (COIN, ROOT_ONE)
    assert (record.ints["base_fee.cliff"], record.ints["activation_point"]) == (10_000_000, 1_000)


def test_another_account_is_refused_by_name() -> None:
    with pytest.raises(LayoutMismatch, match="1111 bytes, layout says 1112"):
        layout.decode_pool(damm_pool()[:-1])
    with pytest.raises(DecodeError, match="another kind"):
        layout.decode_pool(b"\x00" + damm_pool()[1:])


def test_a_limiter_is_told_by_its_duration_and_its_highest_fee() -> None:
    """Which share the eight bytes a scheduler has for its frequency."""
    second = 600 | 5_000 << 32
    record = layout.decode_pool(damm_pool(base_fee__mode=LIMITER, base_fee__second=second, base_fee__first=100))
    numbers = layout.fee_numbers(record.ints)
    assert (numbers["limiter_duration"], numbers["limiter_max"]) == (600, 500_000_000)
    assert "variable_fee_control" not in numbers


def test_a_dynamic_fee_is_numbers_too() -> None:
    numbers = layout.fee_numbers(layout.decode_pool(damm_pool(**DYNAMIC)).ints)
    assert (numbers["variable_fee_control"], numbers["volatility_max"], numbers["bin_step"]) == (956, 14_460_000, 1)
    assert numbers["price_reference_high"] == 1


@pytest.mark.parametrize(
    "changes",
    [{"base_fee__mode": 5}, {"base_fee__cliff": 10**9}, {**DYNAMIC, "dynamic_fee.volatility_accumulator": 2**64}],
)
def test_what_no_program_writes_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(DecodeError):
        layout.fee_numbers(layout.decode_pool(damm_pool(**changes)).ints)


def test_a_base_fee_has_27_bytes_in_an_event() -> None:
    assert len(base_fee()) == 27


@given(raw=st.binary(max_size=1_200))
def test_any_bytes_decode_or_raise_decode_error(raw: bytes) -> None:
    for data in (raw, layout.POOL + raw[8 : layout.POOL_SIZE].ljust(layout.POOL_SIZE - 8, b"\xff")):
        try:
            layout.fee_numbers(layout.decode_pool(data).ints)
        except DecodeError as problem:
            assert "\n" not in str(problem)
