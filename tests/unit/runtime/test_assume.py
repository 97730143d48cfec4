"""What a bot is told in a pipe is what a paper coordinator with the same settings says about the same messages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from sniperforge.base.clock import ManualClock
from sniperforge.base.events import (
    Event,
    Frame,
    OrderExpired,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    OrderRefused,
    OrderSent,
    Pool,
    PoolCreated,
    PositionChanged,
    Swapped,
)
from sniperforge.base.units import ZERO_KEY
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings, PaperSettings
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge.runtime.assume import AssumedFills
from sniperforge_cli.frames import launches

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
ALWAYS = PaperSettings(landing_bps=10_000, latency_ms=(500,))
NEVER = PaperSettings(landing_bps=0, expiry_ms=1_000)


def pool() -> Pool:
    launch = next(launches(1, 1))
    found = Detector(DetectSettings()).on_frame(Frame(launch.frame, NOW, "t"), NOW)
    return next(event.pool for event in found if isinstance(event, PoolCreated))


def order(order_id: int, side: str = "buy", amount: int = 10_000_000, position_id: int = 1) -> OrderProposed:
    return OrderProposed(
        id=order_id,
        ts_ns=NOW,
        origin_ns=NOW,
        bot="b",
        side=side,
        pool=POOL,
        amount_in=amount,
        amount_out_min=0,
        slippage_bps=500,
        priority_fee_micro_lamports=0,
        tip_lamports=0,
        reason="entry" if side == "buy" else "time_stop",
        attempt=0,
        position_id=position_id,
    )


POOL = pool()


def kinds(told: list[Event]) -> list[str]:
    return [type(event).__name__ for event in told]


def made(paper: PaperSettings) -> AssumedFills:
    return AssumedFills(VENUES, CoordinateSettings(paper=paper))


def test_an_order_is_sent_at_once_and_lands_when_it_is_due() -> None:
    fills = made(ALWAYS)
    assert kinds(fills.on(order(1), NOW)) == ["OrderSent"]
    assert fills.due(NOW + SECOND // 4) == []
    landed, position = fills.due(NOW + SECOND)
    assert isinstance(landed, OrderLanded)
    assert isinstance(position, PositionChanged)
    assert (position.state, position.entry_quote) == ("open", 10_000_000)
    assert fills.due(NOW + 2 * SECOND) == []


def test_a_position_is_bought_and_sold() -> None:
    fills = made(ALWAYS)
    fills.on(order(1), NOW)
    held = fills.due(NOW + SECOND)[1]
    assert isinstance(held, PositionChanged)
    fills.on(order(2, "sell", held.base_amount), NOW + SECOND)
    closed = fills.due(NOW + 2 * SECOND)[1]
    assert isinstance(closed, PositionChanged)
    assert (closed.state, closed.base_amount) == ("closed", 0)


def test_an_order_that_never_lands_expires_and_the_bot_is_told() -> None:
    fills = made(NEVER)
    fills.on(order(1), NOW)
    assert [type(event) for event in fills.due(NOW + 2 * SECOND)] == [OrderExpired]


def test_a_price_that_ran_away_meanwhile_fails_the_order() -> None:
    fills = made(ALWAYS)
    fills.on(order(1), NOW)
    dearer = Swapped(
        venue=POOL.venue,
        pool=POOL.address,
        base_mint=POOL.base_mint,
        trader=ZERO_KEY,
        is_buy=True,
        base_amount=1,
        quote_amount=1,
        base_reserve=POOL.base_reserve // 2,
        quote_reserve=POOL.quote_reserve * 2,
        slot=POOL.slot + 1,
        signature="",
    )
    assert fills.on(dearer, NOW) == []
    (failed,) = fills.due(NOW + SECOND)
    assert isinstance(failed, OrderFailed)
    assert (failed.problem, failed.retryable) == ("slippage", True)


def test_what_a_limit_refuses_is_refused_and_stays_so() -> None:
    fills = made(ALWAYS)
    refused = fills.on(order(1, amount=10**12), NOW)
    assert [type(event) for event in refused] == [OrderRefused]
    assert fills.on(order(1, amount=10**12), NOW + SECOND) == refused


def test_an_order_asked_again_is_not_done_twice() -> None:
    fills = made(ALWAYS)
    first = fills.on(order(1), NOW)
    assert [type(event) for event in fills.on(order(1), NOW)] == [OrderSent] == [type(event) for event in first]
    assert len(fills.due(NOW + SECOND)) == 2
    assert [type(event) for event in fills.on(order(1), NOW + SECOND)] == [OrderLanded]


def test_the_ways_of_a_chain_are_none_of_paper() -> None:
    fills = made(ALWAYS)
    fills.on(order(1), NOW)
    fills.noticed(fills._desk.open_orders[1], "processed", NOW)
    fills.publish(OrderExpired(order_id=1, bot="b", pool=POOL.address, side="buy", signature=""))
    assert kinds(fills.due(NOW)) == ["OrderExpired"]


@pytest.mark.parametrize("seed", range(5))
def test_a_paper_coordinator_behind_the_pipe_comes_to_the_same_ends(tmp_path: Path, seed: int) -> None:
    """Or the bot would sell what was never bought, and keep what it believes is sold."""
    paper = PaperSettings(seed=seed, landing_bps=5_000, expiry_ms=2_000)
    settings = CoordinateSettings(paper=paper, journal=str(tmp_path / "journal"))
    clock, told = ManualClock(NOW), list[Event]()
    coordinator = Coordinator(settings, clock=clock, publish=told.append)
    fills = AssumedFills(VENUES, settings)
    assumed: list[Event] = []

    async def both() -> None:
        await coordinator.start()
        for number in range(1, 9):
            other = msgspec.structs.replace(POOL, address=bytes([number]) * 32)
            intent = msgspec.structs.replace(order(number, position_id=number), pool=other)
            coordinator.on(intent)
            assumed.extend(fills.on(intent, clock.now_ns()))
            clock.advance(SECOND)
            coordinator.tick(clock.now_ns())
            assumed.extend(fills.due(clock.now_ns()))
        await coordinator.stop()

    asyncio.run(both())
    ends = (OrderLanded, OrderExpired, OrderFailed)
    ours = [(type(e), e.order_id, e.ts_ns) for e in assumed if isinstance(e, ends)]
    assert ours == [(type(e), e.order_id, e.ts_ns) for e in told if isinstance(e, ends)]
    assert ours
