"""Meteora's fees, each mode by figures worked out by hand, and what holds for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.dex import meteora_fees as fees
from sniperforge.dex.meteora_liquidity import ROOT_ONE, joined, split

BASE = {
    "fee_mode": fees.LINEAR,
    "fee_cliff": 500_000_000,
    "fee_first": 10,
    "fee_second": 60,
    "fee_third": 40_000_000,
    "fee_max": 990_000_000,
    "activation_point": 1_000,
    "point": 1_000,
}
#: 1 % for the first 1,000 units, 1 % more for each further 1,000, at most 5 %.
LIMITER = fees.Limiter(10_000_000, 10_000_000, 1_000, 50_000_000)


def _rate(amount: int = 1_000, *, is_included: int = 1, second_in: int = 1, **changes: int) -> int:
    return fees.numerator({**BASE, **changes}, amount, is_included=bool(is_included), second_in=bool(second_in))


# ── taking a fee ──────────────────────────────────────────────────────────


@given(amount=st.integers(0, 2**64), rate=st.integers(0, 990_000_000))
def test_a_fee_put_on_covers_the_fee_taken_off(amount: int, rate: int) -> None:
    """Whoever pays the gross has at least the net left."""
    gross, fee = fees.included(amount, rate)
    assert (gross - fee, fees.excluded(gross, rate)[0] >= amount) == (amount, True)
    net, taken = fees.excluded(amount, rate)
    assert net + taken == amount


def test_the_shares_of_a_fee_are_all_of_it() -> None:
    """20 % to the protocol, a fifth of that to the referrer, half of the rest compounds."""
    shares = fees.split_fee(1_001, protocol_percent=20, compounding_bps=5_000, referral_percent=20)
    assert shares == (401, 400, 160, 40)
    assert sum(shares) == 1_001


# ── by time and by market cap ─────────────────────────────────────────────


@pytest.mark.parametrize(
    ("point", "rate"),
    [(1_000, 500_000_000), (1_059, 500_000_000), (1_060, 460_000_000), (9_999, 100_000_000), (999, 100_000_000)],
)
def test_a_linear_fee_falls_by_the_period(point: int, rate: int) -> None:
    """And before the start the alpha vault pays the last one."""
    assert _rate(point=point) == rate


def test_an_exponential_fee_falls_by_a_share_of_itself() -> None:
    """20 % off, twice: 50 % becomes a little less than 32 %, since every product is rounded down."""
    assert _rate(fee_mode=fees.EXPONENTIAL, fee_third=2_000, point=1_120) == 319_999_999
    assert _rate(fee_mode=fees.EXPONENTIAL, fee_third=0, point=1_120) == 500_000_000
    assert _rate(fee_mode=fees.EXPONENTIAL, fee_third=20_000, point=1_120) == 0


def test_a_fee_without_periods_or_beyond_zero() -> None:
    """No frequency: the first fee for ever. A reduction too large ends at nothing."""
    assert _rate(fee_second=0, point=9_999) == 500_000_000
    assert _rate(fee_third=400_000_000, point=9_999) == 0


@pytest.mark.parametrize(
    ("mode", "root", "point", "rate"),
    [
        (fees.MARKET_CAP_LINEAR, ROOT_ONE, 1_000, 500_000_000),
        (fees.MARKET_CAP_LINEAR, ROOT_ONE * 12 // 10, 1_000, 460_000_000),
        (fees.MARKET_CAP_LINEAR, ROOT_ONE * 100, 1_000, 100_000_000),
        (fees.MARKET_CAP_LINEAR, ROOT_ONE, 5_001, 100_000_000),
        (fees.MARKET_CAP_EXPONENTIAL, ROOT_ONE * 3 // 2, 1_000, 451_960_398),
    ],
)
def test_a_fee_falls_as_the_price_rises(mode: int, root: int, point: int, rate: int) -> None:
    """By steps of 10 % of the root, until it expires after 4,000 seconds."""
    steps = {"fee_second": 1_000 | 4_000 << 32} | split("sqrt_price", root) | split("init_sqrt_price", ROOT_ONE)
    if mode == fees.MARKET_CAP_EXPONENTIAL:
        steps["fee_third"] = 200
    assert _rate(fee_mode=mode, point=point, **steps) == rate


# ── by amount ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("amount", "fee"), [(1_000, 10), (2_000, 30), (2_500, 45), (5_000, 150), (9_000, 351)])
def test_a_limiter_takes_more_from_more(amount: int, fee: int) -> None:
    """Each thousand pays its own rate; the numerator is their mean, rounded up."""
    assert fees.excluded(amount, LIMITER.of_included(amount))[1] == fee


@given(net=st.integers(1, 10**7))
def test_a_limited_fee_put_on_is_enough(net: int) -> None:
    """Within two units of what the gross amount really pays."""
    gross, _ = fees.included(net, LIMITER.of_excluded(net))
    assert abs(fees.excluded(gross, LIMITER.of_included(gross))[0] - net) <= 2


def test_a_limited_fee_at_its_edges() -> None:
    """Exactly where the last step ends, and a reference so large that no amount reaches it."""
    net_full = 5_000 - 150
    assert LIMITER.of_excluded(net_full) == LIMITER.of_included(5_000)
    huge = fees.Limiter(10_000_000, 10_000_000, 2**62, 50_000_000)
    assert huge.of_excluded(2**61) == huge.cliff


def test_a_limiter_binds_in_its_time_and_direction_only() -> None:
    """Buys within the duration; else the first fee."""
    limited = {
        "fee_mode": fees.LIMITER,
        "fee_cliff": 10_000_000,
        "fee_first": 100,
        "fee_third": 1_000,
        "limiter_duration": 50,
        "limiter_max": 50_000_000,
    }
    assert _rate(2_000, **limited, point=1_050) == 15_000_000
    assert _rate(1_970, is_included=False, **limited, point=1_050) >= 15_000_000
    for changes in ({"point": 1_051}, {"limiter_duration": 0}, {"point": 999}):
        assert _rate(2_000, **{**limited, **changes}) == 10_000_000
    assert _rate(2_000, second_in=False, **limited, point=1_050) == 10_000_000


# ── by unrest ─────────────────────────────────────────────────────────────

UNREST = {
    "volatility_accumulator": 100_000,
    "volatility_reference": 7,
    "volatility_updated": 5_000,
    "volatility_max": 14_460_000,
    "volatility_reduction": 5_000,
    "variable_fee_control": 956,
    "bin_step": 1,
    "filter_period": 10,
    "decay_period": 120,
    **split("bin_step_root", 1_844_674_407_370_955),
    **split("price_reference", ROOT_ONE),
}


def test_unrest_adds_to_the_fee_up_to_the_highest() -> None:
    """956 * 100,000^2 / 10^11 is 95.6: rounded up."""
    assert _rate(**UNREST) == 500_000_096
    assert _rate(**{**UNREST, "volatility_accumulator": 10**8, "bin_step": 100}) == 990_000_000


@pytest.mark.parametrize(("now", "memory"), [(5_009, 7), (5_010, 50_000), (5_120, 0)])
def test_unrest_is_kept_halved_and_forgotten(now: int, memory: int) -> None:
    """Within the filter period, within the decay period, after it."""
    after = fees.unrest_after(UNREST, ROOT_ONE, ROOT_ONE, now)
    assert (after["volatility_reference"], after["volatility_accumulator"]) == (memory, memory)
    assert "volatility_updated" not in after


def test_a_move_of_the_price_is_unrest() -> None:
    """1 % of the root is 100 bins, which count twice; the time is taken since a bin was crossed."""
    after = fees.unrest_after(UNREST, ROOT_ONE, ROOT_ONE * 101 // 100, 5_200)
    assert after["volatility_accumulator"] == 2 * 100 * 10_000
    assert (after["volatility_updated"], joined(after, "price_reference")) == (5_200, ROOT_ONE)
    assert fees.unrest_after({**UNREST, **split("bin_step_root", 0)}, 0, 5, 5_200)["volatility_accumulator"] == 0
