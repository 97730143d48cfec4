"""Exits: what sells, how much, in which order of urgency, and how a failure widens the next try."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.units import BPS_ONE, NANOS_PER_SECOND
from sniperforge.trading.exits import (
    Exit,
    ExitSettings,
    Position,
    TakeProfit,
    due,
    pause_ns,
    slippage_of,
)
from tests.unit.bots.market import SOL, START, pool_of

PAID = 1_000_000
BOUGHT = 10_000


def position(*, held: int = BOUGHT, **fields: Any) -> Position:
    defaults: dict[str, Any] = {"pool": pool_of(1), "opened_ns": START, "liquidity_entry": 100 * SOL}
    return Position(position_id=1, held=held, entry_base=BOUGHT, entry_quote=PAID, **{**defaults, **fields})


def only(**rules: Any) -> ExitSettings:
    """A program of nothing but *rules*."""
    off: dict[str, Any] = {
        "take_profit": (),
        "stop_loss_bps": 0,
        "trailing_distance_bps": 0,
        "time_stop_s": 0,
        "pool_dead_bps": 0,
    }
    return ExitSettings(**{**off, **rules})


def ladder(*steps: tuple[int, int]) -> ExitSettings:
    return only(take_profit=tuple(TakeProfit(gain_bps=gain, sell_bps=sell) for gain, sell in steps))


@pytest.mark.parametrize(("value", "reason"), [(PAID * 7_001 // 10_000, ""), (PAID * 7 // 10, "stop_loss")])
def test_a_stop_loss_binds_at_its_edge(value: int, reason: str) -> None:
    """One basis point above it the position is kept, at it everything goes."""
    found = due(only(stop_loss_bps=3_000), position(), value, START)
    assert (found.reason if found else "") == reason


@pytest.mark.parametrize(("gain", "step", "sold"), [(4_999, -1, 0), (5_000, 0, 5_000), (20_000, 1, 7_500)])
def test_the_ladder_sells_shares_of_the_entry(gain: int, step: int, sold: int) -> None:
    """A step jumped over is sold with the one that was reached."""
    found = due(ladder((5_000, 5_000), (20_000, 2_500)), position(), PAID * (BPS_ONE + gain) // BPS_ONE, START)
    assert found == (Exit("take_profit", step, sold) if step >= 0 else None)
    assert found is None or found.reason == f"take_profit[{step}]"


def test_a_step_is_done_when_no_more_is_held_than_it_leaves() -> None:
    """The holding is the memory: partial fills are completed, done steps stay done, also after a restart."""
    settings = ladder((5_000, 5_000), (20_000, 2_500))
    assert due(settings, position(held=5_000), PAID, START) is None
    partly = due(settings, position(held=6_000), PAID * 2 * 6 // 10, START)
    assert partly == Exit("take_profit", 0, 1_000)
    assert due(settings, position(held=2_500), PAID, START) is None


def test_a_ladder_of_the_whole_sells_to_the_last_unit() -> None:
    """Shares that add up to 10_000 leave nothing."""
    odd = position()
    odd.entry_base = odd.held = 9_999
    assert due(ladder((1, 3_333), (2, 6_667)), odd, PAID * 2, START) == Exit("take_profit", 1, 9_999)


def test_the_trailing_stop_follows_the_highest_value() -> None:
    """It counts from its activation, and binds at its distance."""
    settings = only(trailing_activation_bps=5_000, trailing_distance_bps=2_000, time_stop_s=9)
    held = position()
    for value in (PAID * 14 // 10, PAID):
        assert due(settings, held, value, START) is None
    assert due(settings, held, PAID * 2, START) is None
    assert due(settings, held, PAID * 16 // 10 + 100, START) is None
    assert due(settings, held, PAID * 16 // 10, START) == Exit("trailing_stop", 0, BOUGHT)


@pytest.mark.parametrize(("age_ns", "reason"), [(60 * NANOS_PER_SECOND - 1, ""), (60 * NANOS_PER_SECOND, "time_stop")])
def test_the_time_stop_binds_at_its_edge(age_ns: int, reason: str) -> None:
    """Age counts from the fill."""
    found = due(only(time_stop_s=60), position(), PAID, START + age_ns)
    assert (found.reason if found else "") == reason


@pytest.mark.parametrize(("quote", "reason"), [(50 * SOL, ""), (50 * SOL - 1, "pool_dead")])
def test_liquidity_that_leaves_is_an_exit_of_its_own(quote: int, reason: str) -> None:
    """Liquidity removed leaves the price where it was: no other rule would see it."""
    found = due(only(pool_dead_bps=5_000), position(pool=pool_of(1, quote=quote)), PAID, START)
    assert (found.reason if found else "") == reason


def test_a_curve_cannot_lose_its_liquidity() -> None:
    """Its real reserve is near nothing while the coin is young."""
    assert due(only(pool_dead_bps=5_000), position(pool=pool_of(1, venue="pumpfun")), PAID, START) is None


def test_urgent_rules_come_first_and_a_stop_stays_chosen() -> None:
    """A price that comes back does not call off a stop that was reached."""
    held = position(pool=pool_of(1, quote=SOL))
    settings = msgspec.structs.replace(ExitSettings(), time_stop_s=1)
    assert due(settings, held, 0, START + NANOS_PER_SECOND) == Exit("pool_dead", 0, BOUGHT)
    held.pool = pool_of(1)
    assert due(settings, held, PAID * 5, START) == Exit("pool_dead", 0, BOUGHT)


def test_nothing_held_is_nothing_to_sell() -> None:
    """A sale has landed, its position's own message is on the way."""
    assert due(ExitSettings(), position(held=0), 0, START) is None


def test_an_unknown_entry_price_leaves_the_clock_and_the_pool() -> None:
    """No gain or loss is invented."""
    strange = position()
    strange.entry_quote = 0
    assert due(msgspec.structs.replace(ExitSettings(), time_stop_s=0), strange, 0, START) is None
    assert due(ExitSettings(), strange, 0, START + 10**6 * NANOS_PER_SECOND) == Exit("time_stop", 0, BOUGHT)


def test_slippage_widens_with_misses_up_to_its_bound() -> None:
    """A dead pool or a worthless holding does not bargain."""
    settings, held = ExitSettings(slippage_bps=500, slippage_step_bps=1_000, slippage_bps_max=3_000), position()
    seen = []
    for held.misses in range(5):
        seen.append(slippage_of(settings, held, "stop_loss"))
    assert seen == [500, 1_500, 2_500, 3_000, 3_000]
    held.misses = 0
    assert slippage_of(settings, held, "pool_dead") == 3_000
    held.dust = True
    assert slippage_of(settings, held, "stop_loss") == 3_000


def test_pauses_grow_and_have_a_bound() -> None:
    """Tries get rarer, they never end."""
    settings, held = ExitSettings(retry_ms=100, retry_ms_max=1_000), position()
    seen = []
    for held.failures in (1, 2, 5, 10_000):
        seen.append(pause_ns(settings, held) // 1_000_000)
    assert seen == [100, 200, 1_000, 1_000]
    held.dust, held.failures = True, 1
    assert pause_ns(settings, held) == settings.dust_retry_s * NANOS_PER_SECOND
    held.failures = 10_000
    assert pause_ns(settings, held) == settings.dust_retry_s_max * NANOS_PER_SECOND


@pytest.mark.parametrize(
    ("tries", "failures", "dust", "value", "rule"),
    [
        (3, 3, True, 0, "write_off"),
        (3, 2, True, 0, "stop_loss"),
        (3, 3, True, 1, "stop_loss"),
        (3, 3, False, 0, "stop_loss"),
        (0, 99, True, 0, "stop_loss"),
    ],
)
def test_what_no_pool_pays_for_is_written_off_in_the_end(
    tries: int, failures: int, dust: bool, value: int, rule: str
) -> None:
    """Only what brings nothing at all, only after the tries that were set, and never when none were."""
    held = position()
    held.closing, held.failures, held.dust = "stop_loss", failures, dust
    found = due(ExitSettings(write_off_tries=tries), held, value, START)
    assert found is not None
    assert (found.reason, found.amount) == (rule, held.held)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (ladder((2, 1), (2, 1)), "take_profit"),
        (ladder((1, 6_000), (2, 6_000)), "take_profit"),
        (only(), "time_stop_s"),
        (ExitSettings(slippage_bps=2, slippage_bps_max=1), "slippage_bps"),
        (ExitSettings(retry_ms=2, retry_ms_max=1), "retry_ms"),
        (ExitSettings(dust_retry_s=2, dust_retry_s_max=1), "dust_retry_s"),
    ],
)
def test_a_program_that_cannot_work_is_a_fault_by_key(settings: ExitSettings, key: str) -> None:
    """Above all one that would hold a loser for ever."""
    assert key in [fault[0] for fault in settings.faults()]


def test_the_defaults_have_no_fault() -> None:
    """A user who sets nothing has a program that closes everything."""
    assert list(ExitSettings().faults()) == []


@given(
    held=st.integers(0, 10**12),
    bought=st.integers(0, 10**12),
    paid=st.integers(0, 10**12),
    value=st.integers(0, 10**14),
    age=st.integers(0, 10**13),
    shares=st.lists(st.integers(1, 2_500), max_size=4),
)
def test_an_exit_sells_something_and_never_more_than_is_held(
    held: int, bought: int, paid: int, value: int, age: int, shares: list[int]
) -> None:
    """Whatever the book says about the entry."""
    steps = tuple(TakeProfit(gain_bps=(index + 1) * 1_000, sell_bps=share) for index, share in enumerate(shares))
    settings = msgspec.structs.replace(ExitSettings(), take_profit=steps)
    some = position(held=held)
    some.entry_base, some.entry_quote = bought, paid
    found = due(settings, some, value, START + age)
    assert found is None or 0 < found.amount <= held
