"""Fees of the pump programs: tiers by market cap, every fee rounded up by itself, schedules that travel in a pool."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import USDC, WSOL
from sniperforge.dex.pump_fees import (
    AMM_SCHEDULE,
    FEE_CONFIG,
    NO_RATES,
    FeeSchedule,
    Rates,
    decode_fee_config,
    fees,
    from_numbers,
    gross_for,
    net_of,
    tiered,
    to_numbers,
)
from sniperforge.dex.venue import EmptyPool

SOL = 10**9
OTHER = Pubkey(bytes(range(32)))
SCHEDULE = FeeSchedule(
    flat=Rates(25, 5, 0),
    tiers=((0, Rates(2, 93, 30)), (420 * SOL, Rates(20, 5, 95))),
    stable_tiers=((10, Rates(1, 2, 3)),),
    exotic_flat=Rates(0, 300, 25),
)


def _account(schedule: FeeSchedule) -> bytes:
    raw = FEE_CONFIG + b"\xff" + bytes(32) + struct.pack("<3Q", *schedule.flat)
    for tiers in (schedule.tiers, schedule.stable_tiers):
        raw += struct.pack("<I", len(tiers))
        raw += b"".join(cap.to_bytes(16, "little") + struct.pack("<3Q", *rates) for cap, rates in tiers)
    return raw + struct.pack("<3Q", *schedule.exotic_flat)


def test_a_fee_config_is_read_with_its_spare_room() -> None:
    """The account is allocated for more tiers than it holds."""
    assert decode_fee_config(_account(SCHEDULE)) == SCHEDULE
    assert decode_fee_config(_account(SCHEDULE) + bytes(3000)) == SCHEDULE


def test_an_account_from_before_the_stable_tiers_has_none() -> None:
    """It may end right after the SOL tiers."""
    whole = _account(SCHEDULE._replace(stable_tiers=(), exotic_flat=NO_RATES))
    old = decode_fee_config(whole[: -4 - 24])
    assert (old.tiers, old.stable_tiers, old.exotic_flat) == (SCHEDULE.tiers, (), NO_RATES)


@pytest.mark.parametrize(
    "raw", [b"", bytes(100), _account(SCHEDULE)[:70], _account(SCHEDULE._replace(flat=Rates(10_001, 0, 0)))]
)
def test_another_account_is_refused(raw: bytes) -> None:
    """Wrong discriminator, cut inside a tier, or a rate above 100 %."""
    with pytest.raises(DecodeError):
        decode_fee_config(raw)


@given(st.binary(max_size=300))
def test_decoding_raises_its_own_error_or_nothing(body: bytes) -> None:
    """Whatever follows the discriminator."""
    try:
        decode_fee_config(FEE_CONFIG + body)
    except DecodeError as problem:
        assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("quote", "cap", "rates"),
    [
        (WSOL, 0, Rates(2, 93, 30)),
        (WSOL, 420 * SOL - 1, Rates(2, 93, 30)),
        (WSOL, 420 * SOL, Rates(20, 5, 95)),
        (WSOL, 10**18, Rates(20, 5, 95)),
        (USDC, 9, Rates(1, 2, 3)),
        (OTHER, 0, Rates(0, 300, 25)),
    ],
)
def test_a_tier_binds_at_its_edge(quote: Pubkey, cap: int, rates: Rates) -> None:
    """The last tier at or below the cap; the first one below all."""
    assert tiered(SCHEDULE, quote, cap) == rates


def test_without_tiers_or_exotic_rates_the_flat_ones_hold() -> None:
    """An empty list is no free trade."""
    assert tiered(SCHEDULE._replace(tiers=()), WSOL, 5) == SCHEDULE.flat
    assert tiered(SCHEDULE._replace(exotic_flat=NO_RATES), OTHER, 5) == SCHEDULE.flat


def test_the_built_in_schedule_is_the_recorded_one() -> None:
    """25 tiers of 2026-09; the creator's share falls as the coin grows."""
    assert len(AMM_SCHEDULE.tiers) == len(AMM_SCHEDULE.stable_tiers) == 25
    assert tiered(AMM_SCHEDULE, WSOL, 98_240 * SOL) == Rates(20, 5, 5)
    assert tiered(AMM_SCHEDULE, USDC, 20 * 10**12) == Rates(20, 5, 5)
    creators = [rates.creator for _, rates in AMM_SCHEDULE.tiers[1:]]
    assert creators == sorted(creators, reverse=True)


@pytest.mark.parametrize(("amount", "total"), [(0, 0), (1, 3), (10_000, 125), (10_001, 128)])
def test_every_fee_is_rounded_up_by_itself(amount: int, total: int) -> None:
    """One unit pays three fees of one unit."""
    assert fees(amount, Rates(2, 93, 30)) == total


RATES = st.builds(Rates, st.integers(0, 300), st.integers(0, 300), st.integers(0, 500))


@given(st.integers(0, 2**64 - 1), RATES)
def test_what_reaches_the_curve_and_its_fees_fit_the_budget(spend: int, rates: Rates) -> None:
    """And no unit more would."""
    net = net_of(spend, rates)
    assert net + fees(net, rates) <= spend
    assert net + fees(net, rates) >= spend - 3


@given(st.integers(1, 2**63), RATES)
def test_the_gross_for_a_net_is_the_least(net: int, rates: Rates) -> None:
    """One unit less gross leaves less than asked."""
    gross = gross_for(net, rates)
    assert gross - fees(gross, rates) >= net > (gross - 1) - fees(gross - 1, rates)


def test_fees_that_take_all_have_no_gross() -> None:
    """Nothing would be left to receive."""
    with pytest.raises(EmptyPool):
        gross_for(1, Rates(5000, 3000, 2000))


def test_a_schedule_travels_in_a_pools_numbers() -> None:
    """What a FeeConfig said reaches every process that quotes the pool."""
    assert from_numbers(to_numbers(SCHEDULE), AMM_SCHEDULE) == SCHEDULE
    assert from_numbers({}, AMM_SCHEDULE) is AMM_SCHEDULE
