"""Each limit binds at its edge and names itself; exits pass all of them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import OrderProposed, Pool, PositionChanged
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.trading.risk import (
    DAY_NS,
    HOUR_NS,
    MINUTE_NS,
    Cost,
    Exposure,
    Hold,
    Limits,
    Refusal,
    Window,
    cost,
    refuse_entry,
    refuse_exit,
)

NOW = 20_000 * DAY_NS
CREATOR = Pubkey(b"\x05" * 32)
COSTS = Cost(10_000, 500)
AMOUNT = 1_000_000
SPEND = AMOUNT + COSTS.total
POOL = Pool(
    venue="curve",
    address=Pubkey(b"\x02" * 32),
    base_mint=Pubkey(b"\x03" * 32),
    quote_mint=WSOL,
    base_program=TOKEN,
    quote_program=TOKEN,
    base_reserve=1,
    quote_reserve=1,
)
BUY = OrderProposed(
    id=1,
    bot="bot",
    side="buy",
    pool=POOL,
    amount_in=AMOUNT,
    amount_out_min=0,
    slippage_bps=500,
    priority_fee_micro_lamports=700,
    tip_lamports=500,
    reason="entry",
    attempt=0,
    position_id=1,
    creator=CREATOR,
)
#: Limits that let BUY through, each by a hair where it can.
EDGE = {
    "spend_lamports_max": SPEND,
    "price_micro_lamports_max": 700,
    "tip_lamports_max": 500,
    "positions_open_max": 1,
    "exposure_creator_lamports_max": SPEND,
    "exposure_venue_lamports_max": SPEND,
    "fees_hour_lamports_max": COSTS.total,
    "orders_minute_max": 1,
    "slippage_bps_max": 500,
}


def rich() -> Exposure:
    return Exposure(wallet_lamports=10**12)


def hold(number: int, lamports: int, *, creator: Pubkey = CREATOR, venue: str = "curve") -> Hold:
    return Hold(Pubkey(number.to_bytes(32, "big")), "bot", creator, venue, lamports)


def test_the_last_allowed_value_of_every_limit_passes() -> None:
    assert refuse_entry(BUY, COSTS, Limits(**EDGE), rich(), NOW) is None


@pytest.mark.parametrize("name", list(EDGE))
def test_one_more_is_refused_by_name(name: str) -> None:
    limits = Limits(**{**EDGE, name: EDGE[name] - 1})
    assert refuse_entry(BUY, COSTS, limits, rich(), NOW) == Refusal(f"risk.{name}", EDGE[name], EDGE[name] - 1)


def test_the_wallet_keeps_its_reserve_to_the_lamport() -> None:
    limits = Limits(wallet_reserve_lamports_min=50)
    assert refuse_entry(BUY, COSTS, limits, Exposure(wallet_lamports=SPEND + 50), NOW) is None
    refusal = refuse_entry(BUY, COSTS, limits, Exposure(wallet_lamports=SPEND + 49), NOW)
    assert refusal == Refusal("risk.wallet_reserve_lamports_min", 49, 50)


@pytest.mark.parametrize("amount", [0, -1])
def test_an_entry_spends_something(amount: int) -> None:
    order = msgspec.structs.replace(BUY, amount_in=amount)
    assert refuse_entry(order, COSTS, Limits(), rich(), NOW) == Refusal("risk.amount_in_min", amount, 1)


def test_slippage_is_never_negative() -> None:
    order = msgspec.structs.replace(BUY, slippage_bps=-1)
    assert refuse_entry(order, COSTS, Limits(), rich(), NOW) == Refusal("risk.slippage_bps_max", -1, 5_000)


def test_a_halt_refuses_entries_first() -> None:
    exposure = rich()
    exposure.halted = True
    assert refuse_entry(BUY, COSTS, Limits(), exposure, NOW) == Refusal("risk.halted", 1, 0)


def test_one_claim_per_pool_until_it_is_released() -> None:
    exposure = rich()
    exposure.hold(9, Hold(POOL.address, "other", ZERO_KEY, "curve", 5), NOW)
    assert refuse_entry(BUY, COSTS, Limits(), exposure, NOW) == Refusal("risk.claim", 2, 1)
    exposure.release(9)
    assert refuse_entry(BUY, COSTS, Limits(), exposure, NOW) is None


def test_an_unknown_creator_has_no_exposure() -> None:
    """Nobody told who it is: the limit cannot add strangers up."""
    exposure = rich()
    exposure.hold(9, hold(9, 10**9, creator=ZERO_KEY, venue="other"), NOW)
    order = msgspec.structs.replace(BUY, creator=ZERO_KEY)
    assert refuse_entry(order, COSTS, Limits(exposure_creator_lamports_max=1), exposure, NOW) is None


def test_exposure_counts_what_is_bound_by_creator_and_venue() -> None:
    exposure = rich()
    exposure.hold(8, hold(8, 30, venue="other"), NOW)
    exposure.hold(9, hold(9, 70, creator=ZERO_KEY), NOW)
    assert (exposure.creator_lamports(CREATOR), exposure.venue_lamports("curve"), exposure.held_lamports) == (
        30,
        70,
        100,
    )
    by_creator = Limits(exposure_creator_lamports_max=SPEND + 29)
    assert refuse_entry(BUY, COSTS, by_creator, exposure, NOW) == Refusal(
        "risk.exposure_creator_lamports_max", SPEND + 30, SPEND + 29
    )
    by_venue = Limits(exposure_venue_lamports_max=SPEND + 69)
    assert refuse_entry(BUY, COSTS, by_venue, exposure, NOW) == Refusal(
        "risk.exposure_venue_lamports_max", SPEND + 70, SPEND + 69
    )


def test_orders_leave_the_minute_and_fees_the_hour() -> None:
    exposure = rich()
    exposure.hold(9, hold(9, 1), NOW)
    exposure.paid(100, NOW)
    assert (exposure.orders_minute(NOW + MINUTE_NS - 1), exposure.orders_minute(NOW + MINUTE_NS)) == (1, 0)
    assert (exposure.fees_hour(NOW + HOUR_NS - 1), exposure.fees_hour(NOW + HOUR_NS)) == (100, 0)


def test_the_days_loss_stops_entries_until_midnight() -> None:
    exposure = rich()
    exposure.closed(closed(spent=500, received=400), NOW)
    limits = Limits(loss_day_lamports_max=100)
    assert refuse_entry(BUY, COSTS, limits, exposure, NOW) == Refusal("risk.loss_day_lamports_max", 100, 100)
    assert refuse_entry(BUY, COSTS, limits, exposure, NOW + DAY_NS) is None
    exposure.realised(1, NOW)
    assert refuse_entry(BUY, COSTS, limits, exposure, NOW) is None


def test_a_profit_is_no_loss() -> None:
    exposure = rich()
    exposure.closed(closed(spent=400, received=500), NOW)
    assert exposure.loss_day(NOW) == 0


def closed(*, spent: int, received: int) -> PositionChanged:
    return PositionChanged(
        position_id=1,
        bot="bot",
        pool=POOL,
        state="closed",
        base_amount=0,
        spent_lamports=spent,
        received_lamports=received,
        entry_quote=0,
        entry_base=0,
        opened_ns=0,
    )


def test_releasing_twice_is_releasing_once() -> None:
    exposure = rich()
    exposure.hold(9, hold(9, 5), NOW)
    exposure.release(9)
    exposure.release(9)
    assert (exposure.held_lamports, exposure.claims, exposure.holds) == (0, {}, {})


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 3), st.sampled_from("abc")), max_size=20))
def test_what_is_released_leaves_nothing_behind(holds: list[tuple[int, int, str]]) -> None:
    exposure = Exposure()
    for number, (lamports, creator, venue) in enumerate(holds):
        exposure.hold(number, hold(number, lamports, creator=Pubkey(bytes([creator]) * 32), venue=venue), NOW)
    assert exposure.held_lamports == sum(lamports for lamports, _, _ in holds)
    for number in range(len(holds)):
        exposure.release(number)
    assert exposure.held_lamports == 0


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50)), max_size=30))
def test_a_window_is_the_sum_of_what_is_young_enough(steps: list[tuple[int, int]]) -> None:
    window, now, seen = Window(60), 0, []
    for amount, pause in steps:
        now += pause
        window.add(amount, now)
        seen.append((now, amount))
        assert window.at(now) == sum(amount for at, amount in seen if at > now - 60)


def test_costs_are_signature_and_priority_rounded_up_and_the_tip() -> None:
    """The runtime rounds the priority fee up to a lamport."""
    assert cost(compute_units=3, price_micro_lamports=400_000, tip_lamports=9) == Cost(5_002, 9)
    assert cost(compute_units=100_000, price_micro_lamports=0, tip_lamports=0).total == 5_000


# ── exits ──


SELL = msgspec.structs.replace(BUY, id=2, side="sell", amount_in=10)


def test_no_limit_of_entries_holds_an_exit() -> None:
    exposure = Exposure(wallet_lamports=0)
    exposure.halted = True
    exposure.realised(-(10**12), NOW)
    assert refuse_exit(SELL, held=10, in_flight=0, exposure=exposure) is None


@pytest.mark.parametrize(
    ("held", "amount", "in_flight", "refusal"),
    [
        (10, 10, 0, None),
        (0, 10, 0, Refusal("risk.position", 10, 0)),
        (9, 10, 0, Refusal("risk.position_base_amount", 10, 9)),
        (10, 0, 0, Refusal("risk.position_base_amount", 0, 10)),
        (10, 10, 1, Refusal("risk.exit_in_flight", 2, 1)),
    ],
)
def test_an_exit_sells_what_is_held_once(held: int, amount: int, in_flight: int, refusal: Refusal | None) -> None:
    order = msgspec.structs.replace(SELL, amount_in=amount)
    assert refuse_exit(order, held=held, in_flight=in_flight, exposure=rich()) == refusal


def test_only_a_halt_of_everything_stops_an_exit() -> None:
    exposure = rich()
    exposure.halted, exposure.exits_allowed = True, False
    assert refuse_exit(SELL, held=10, in_flight=0, exposure=exposure) == Refusal("risk.halted", 1, 0)


def test_limits_refuse_unknown_keys() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"spend_max": 1}, Limits)
