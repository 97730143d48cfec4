"""A session counts what happened once, whatever comes twice, and measures every leg from stamps alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import events
from sniperforge.base.events import Event, Pool
from sniperforge.base.units import ZERO_KEY
from sniperforge.observe.session import HOT, LEGS, WAITED, Session, Trade, percentile

POOL = Pool(
    venue="v",
    address=ZERO_KEY,
    base_mint=ZERO_KEY,
    quote_mint=ZERO_KEY,
    base_program=ZERO_KEY,
    quote_program=ZERO_KEY,
    base_reserve=1,
    quote_reserve=1,
)


def created(*, late: bool = False) -> events.PoolCreated:
    return events.PoolCreated(
        ts_ns=150,
        origin_ns=100,
        pool=POOL,
        creator=ZERO_KEY,
        user=ZERO_KEY,
        open_time=0,
        slot=1,
        signature="s",
        index=0,
        believed_by="event",
        late=late,
    )


def proposed(order_id: int = 7, side: str = "buy", waited_ns: int = 0) -> events.OrderProposed:
    return events.OrderProposed(
        id=order_id,
        ts_ns=170 + waited_ns,
        origin_ns=100,
        bot="b",
        side=side,
        pool=POOL,
        amount_in=1,
        amount_out_min=0,
        slippage_bps=0,
        priority_fee_micro_lamports=0,
        tip_lamports=0,
        reason="entry",
        attempt=0,
        position_id=7,
        waited_ns=waited_ns,
    )


def signed(ts_ns: int = 200) -> events.OrderSigned:
    return events.OrderSigned(ts_ns=ts_ns, order_id=7, bot="b", signature="x", size_bytes=1)


def sent(ts_ns: int = 230) -> events.OrderSent:
    return events.OrderSent(ts_ns=ts_ns, origin_ns=100, order_id=7, bot="b", signature="x", lane="rpc")


def landed(order_id: int = 7, side: str = "buy") -> events.OrderLanded:
    return events.OrderLanded(
        ts_ns=900,
        order_id=order_id,
        bot="b",
        pool=ZERO_KEY,
        base_mint=ZERO_KEY,
        side=side,
        signature="x",
        slot=1,
        base_amount=1,
        quote_amount=1,
        fee_lamports=5,
        tip_lamports=2,
        rent_lamports=0,
        commitment="confirmed",
    )


def failed(side: str = "buy") -> events.OrderFailed:
    return events.OrderFailed(
        order_id=8, bot="b", pool=ZERO_KEY, side=side, problem="slippage", retryable=True, fee_lamports=5
    )


def position(state: str, ts_ns: int, *, spent: int = 10, received: int = 0, **more: object) -> events.PositionChanged:
    fields: dict[str, object] = {"reason": "", "recovered": False, **more}
    return events.PositionChanged(
        ts_ns=ts_ns,
        position_id=7,
        bot="b",
        pool=POOL,
        state=state,
        base_amount=int(state == "open"),
        spent_lamports=spent,
        received_lamports=received,
        entry_quote=1,
        entry_base=1,
        opened_ns=900,
        reason=str(fields["reason"]),
        recovered=bool(fields["recovered"]),
    )


def folded(*told: Event) -> Session:
    session = Session()
    for event in told:
        session.on(event)
    return session


def test_every_leg_is_a_subtraction_of_stamps() -> None:
    session = folded(created(), proposed(), signed(), sent(), landed())
    assert [session.legs[leg] for leg in LEGS] == [[50], [20], [30], [30], [670]]
    assert session.legs[HOT] == [130]
    assert session.legs[WAITED] == []


def test_what_an_entry_waited_on_purpose_is_nobodys_latency() -> None:
    session = folded(created(), proposed(waited_ns=1_000), signed(1_200), sent(1_230))
    assert session.legs[WAITED] == [1_000]
    assert session.legs[LEGS[1]] == []
    assert session.legs[HOT] == [130]


def test_a_late_launch_is_counted_and_not_measured() -> None:
    session = folded(created(late=True))
    assert len(session.launches) == 1
    assert session.legs[LEGS[0]] == []


def test_an_order_whose_proposal_was_missed_is_counted_without_legs() -> None:
    session = folded(signed(), sent(), landed())
    assert (session.sent["x"], session.landed["buy"], session.legs[HOT]) == (1, 1, [])
    unsigned = folded(proposed(), sent())
    assert unsigned.legs[LEGS[3]] == [60]
    assert folded(proposed(), landed()).legs[LEGS[4]] == []


def test_a_trade_goes_from_open_to_closed_with_its_money() -> None:
    session = folded(position("open", 900), position("open", 950, spent=12, recovered=True))
    assert [trade.spent_lamports for trade in session.open_trades()] == [12]
    session.on(position("closed", 1_000, spent=12, received=20, reason="time_stop"))
    session.on(position("closed", 1_100, spent=12, received=20))
    assert session.open_trades() == []
    assert session.closed_trades() == [
        Trade(7, "b", ZERO_KEY, "v", ZERO_KEY, 900, 1_000, 0, 12, 20, "time_stop", True, "closed")
    ]
    assert session.closed_trades()[0].pnl_lamports == 8


def test_fees_of_a_failed_entry_are_money_gone_and_of_a_failed_exit_the_positions() -> None:
    assert folded(failed()).entry_losses_lamports == 5
    exits = folded(failed("sell"))
    assert (exits.entry_losses_lamports, exits.fees_lamports) == (0, 5)


ONCE = [
    created(),
    events.LaunchDisbelieved(reason="pda_mismatch", venue="v", slot=1, signature="s"),
    events.LaunchRefused(bot="b", pool=ZERO_KEY, base_mint=ZERO_KEY, venue="v", filter="age_ms_max"),
    proposed(),
    events.OrderRefused(order_id=9, bot="b", pool=ZERO_KEY, limit="spend", asked=2, allowed=1),
    signed(),
    landed(),
    failed(),
    events.OrderExpired(order_id=10, bot="b", pool=ZERO_KEY, side="buy", signature="x"),
    position("open", 900),
    position("closed", 950),
    events.StageChanged(stage="feed", state="ready"),
    events.TokenWanted(mint=ZERO_KEY),
]


def figures(session: Session) -> tuple[object, ...]:
    counters = (session.disbelieved, session.refused, session.orders_refused, session.orders_failed, session.landed)
    money = (session.fees_lamports, session.entry_losses_lamports, session.trades, session.stages)
    return (*counters, *money, session.legs, session.launches)


@pytest.mark.parametrize("event", ONCE, ids=lambda event: type(event).__name__)
def test_what_is_told_twice_counts_once(event: Event) -> None:
    """A coordinator that restarts tells the ends of the last minutes again."""
    assert figures(folded(proposed(), event, event)) == figures(folded(proposed(), event))


def test_every_count_is_one_after_one_of_each() -> None:
    session = folded(*ONCE)
    assert session.disbelieved == {"pda_mismatch": 1}
    assert session.refused == {"age_ms_max": 1}
    assert session.orders_refused == {"spend": 1}
    assert session.orders_failed == {"slippage": 1, "expired": 1}
    assert session.landed == {"buy": 1}
    assert session.fees_lamports == 12
    assert list(session.stages) == ["feed"]


def test_trades_of_others_are_counted_and_not_listed() -> None:
    swap = events.Swapped(
        venue="v",
        pool=ZERO_KEY,
        base_mint=ZERO_KEY,
        trader=ZERO_KEY,
        is_buy=True,
        base_amount=1,
        quote_amount=1,
        base_reserve=1,
        quote_reserve=1,
        slot=1,
        signature="",
    )
    session = folded(swap, swap)
    assert (session.swaps, list(session.recent)) == (2, [])


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)])
def test_percentiles_are_values_that_were_measured(share: float, value: int) -> None:
    assert percentile([4, 1, 3, 2], share) == value


@given(st.lists(st.integers(min_value=0), min_size=1), st.floats(min_value=0, max_value=1))
def test_a_percentile_is_not_exceeded_by_its_share(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert sum(value <= found for value in values) * 1_000_000 >= int(share * 1_000_000) * len(values)


def test_no_values_have_no_percentile() -> None:
    assert percentile([], 0.5) == 0
