"""The curve's accounts decode to the last byte, and a config becomes numbers or an error of one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.dex import meteora_dbc_layouts as layout
from sniperforge.dex.meteora_fees import LIMITER
from sniperforge.dex.meteora_liquidity import ROOT_ONE, joined
from sniperforge.dex.token_pair import LayoutMismatch
from tests.unit.dex.meteora_vectors import COIN, CONFIG, DEPTH, pool_config, virtual_pool

POOL = layout.decode_virtual_pool(virtual_pool())
DYNAMIC = {"dynamic_fee": 1, "variable_fee_control": 956, "volatility_max": 14_460_000, "bin_step": 1}


def test_both_accounts_decode() -> None:
    assert (POOL.keys["base_mint"], POOL.keys["config"], POOL.ints["base_reserve"]) == (COIN, CONFIG, 10**12)
    assert layout.decode_pool_config(pool_config()).ints["curve_1_sqrt_price"] == 4 * ROOT_ONE


@pytest.mark.parametrize("decode", [layout.decode_virtual_pool, layout.decode_pool_config])
def test_another_account_is_refused_by_name(decode: object) -> None:
    """By its size, then by its first bytes."""
    assert callable(decode)
    raw = virtual_pool() if decode is layout.decode_virtual_pool else pool_config()
    with pytest.raises(LayoutMismatch, match="layout says"):
        decode(raw[:-1])
    with pytest.raises(DecodeError, match="another kind"):
        decode(b"\x00" + raw[1:])


def test_a_config_draws_the_curve() -> None:
    """Points up to the first empty one, or all twenty."""
    numbers = layout.config_numbers(layout.decode_pool_config(pool_config()), POOL)
    assert (numbers["curve_points"], joined(numbers, "curve_1_liquidity")) == (2, DEPTH)
    assert (numbers["sees_instructions"], numbers["base_decimals"]) == (0, 6)
    full = {f"curve_{at}_sqrt_price": (at + 2) * ROOT_ONE for at in range(20)}
    full |= {f"curve_{at}_liquidity": DEPTH for at in range(20)}
    assert layout.config_numbers(layout.decode_pool_config(pool_config(**full)), POOL)["curve_points"] == 20


@pytest.mark.parametrize(
    ("changes", "sees"),
    [
        ({"fee_mode": LIMITER, "fee_second": 600}, layout.EVERY_BUY),
        ({"enable_first_swap_with_min_fee": 1}, layout.EVERY_SWAP),
    ],
)
def test_some_configs_want_to_see_the_transaction(changes: dict[str, int], sees: int) -> None:
    numbers = layout.config_numbers(layout.decode_pool_config(pool_config(**changes)), POOL)
    assert numbers["sees_instructions"] == sees
    assert numbers.get("limiter_duration", 0) == changes.get("fee_second", 0)


def test_a_dynamic_fee_joins_config_and_pool() -> None:
    pool = layout.decode_virtual_pool(virtual_pool(volatility_accumulator=7, price_reference=ROOT_ONE))
    numbers = layout.config_numbers(layout.decode_pool_config(pool_config(**DYNAMIC)), pool)
    assert (numbers["volatility_accumulator"], numbers["variable_fee_control"]) == (7, 956)
    assert joined(numbers, "price_reference") == ROOT_ONE


@pytest.mark.parametrize(
    "changes",
    [
        {"fee_mode": 3},
        {"fee_cliff": 10**9},
        {"collect_fee_mode": 2},
        {"sqrt_start_price": 0},
        {"curve_1_sqrt_price": ROOT_ONE},
    ],
)
def test_a_config_nobody_could_make_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(DecodeError, match="compare its layout"):
        layout.config_numbers(layout.decode_pool_config(pool_config(**changes)), POOL)


def test_a_volatility_beyond_64_bits_is_refused() -> None:
    pool = layout.decode_virtual_pool(virtual_pool(volatility_accumulator=2**64))
    with pytest.raises(DecodeError, match="64 bits"):
        layout.config_numbers(layout.decode_pool_config(pool_config(**DYNAMIC)), pool)


@given(raw=st.binary(max_size=1_100))
def test_any_bytes_decode_or_raise_decode_error(raw: bytes) -> None:
    body = raw[8 : layout.POOL_CONFIG_SIZE].ljust(layout.POOL_CONFIG_SIZE - 8, b"\xff")
    for data in (raw, layout.POOL_CONFIG + body):
        try:
            layout.config_numbers(layout.decode_pool_config(data), POOL)
        except DecodeError as problem:
            assert "\n" not in str(problem)
