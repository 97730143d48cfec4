"""Holdings: one exit in flight per position, every failure answered, a graduated coin followed, nothing abandoned."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sniperforge.base.events import (
    CurveCompleted,
    Event,
    ExitArmed,
    FeedChanged,
    LiquidityChanged,
    OrderExpired,
    OrderProposed,
    OrderRefused,
    OrderSent,
    OrderSigned,
    Pool,
    PoolMigrated,
    PositionChanged,
    event_id,
)
from sniperforge.bots.holdings import ASKS_MAX, SETTLE_NS, Holdings
from sniperforge.trading.exits import ExitSettings
from tests.unit.bots.market import (
    MS,
    SECOND,
    SOL,
    START,
    VENUES,
    failed,
    held,
    landed,
    launch_of,
    pool_of,
    pubkey,
    trade,
)

POOL = pool_of(1)
BOUGHT = 500_000
PAID = 50_000_000 - 25_000  # what 500_000 units sell for in POOL, so that gains start near 0


def program(**fields: Any) -> ExitSettings:
    """Only a stop-loss, unless *fields* say more."""
    quiet: dict[str, Any] = {
        "take_profit": (),
        "trailing_distance_bps": 0,
        "time_stop_s": 0,
        "pool_dead_bps": 0,
        "dust_quote": 1_000,
    }
    return ExitSettings(**{**quiet, **fields})


def told(
    pool: Pool = POOL, *, base: int = BOUGHT, recovered: bool = False, at_ns: int = START, number: int = 77
) -> PositionChanged:
    return PositionChanged(
        id=number,
        ts_ns=at_ns,
        trace_id=5,
        position_id=number,
        bot="s1",
        pool=pool,
        state="open" if base else "closed",
        base_amount=base,
        spent_lamports=PAID,
        received_lamports=0,
        entry_quote=PAID,
        entry_base=BOUGHT,
        opened_ns=START,
        recovered=recovered,
    )


def holding(settings: ExitSettings, position: PositionChanged | None = None) -> Holdings:
    holdings = Holdings("s1", settings, VENUES)
    position = told() if position is None else position
    holdings.changed(position, position.pool, START, entered=not position.recovered)
    return holdings


def sales(messages: list[Event]) -> list[OrderProposed]:
    return [message for message in messages if isinstance(message, OrderProposed)]


def sale(messages: list[Event]) -> OrderProposed:
    (only,) = sales(messages)
    return only


def details(messages: list[Event]) -> list[str]:
    return [message.detail for message in messages if isinstance(message, ExitArmed)]


def crash(slot: int = 2) -> Event:
    """A trade that leaves the coin at a tenth of its price."""
    return trade(POOL, base=3_000_000_000, quote=30 * SOL, slot=slot)


def test_a_position_is_armed_when_it_opens_and_gone_when_it_closes() -> None:
    """A closing told about a position nobody knows is nothing."""
    holdings = Holdings("s1", program(), VENUES)
    assert details(holdings.changed(told(), POOL, START)) == ["opened"]
    assert holdings.holds_mint(POOL.base_mint)
    assert holdings.changed(told(base=0), POOL, START) == []
    assert not holdings.holds_mint(POOL.base_mint)
    assert holdings.changed(told(base=0), POOL, START) == []
    assert holdings.market(crash(), START) == []


def test_an_exit_has_the_id_of_its_try() -> None:
    """Bot, position, rule, step and attempt: the same in every replay."""
    holdings = holding(program())
    order = sale(holdings.market(crash(), START + MS))
    assert order.id == event_id("order", "s1", 77, "stop_loss", 0, 0)
    assert (order.side, order.amount_in, order.amount_out_min, order.attempt) == ("sell", BOUGHT, 0, 0)
    assert (order.position_id, order.trace_id, order.cause, order.origin_ns) == (77, 5, crash().id, START)
    assert (order.slippage_bps, order.pool.quote_reserve) == (500, 30 * SOL)


def test_one_exit_is_in_flight() -> None:
    """However far the price falls, and however often the clock ticks."""
    holdings = holding(program())
    sale(holdings.market(crash(), START))
    assert holdings.market(crash(slot=3), START + MS) == []
    assert holdings.tick(START + 2 * MS) == []


@pytest.mark.parametrize("kind", ["failed", "refused", "expired"])
def test_an_exit_that_did_not_land_is_tried_again_wider_and_later(kind: str) -> None:
    """From the newest reserves, with a new id, after a pause; a refusal met no price, so it widens nothing."""
    holdings = holding(program(retry_ms=100))
    first = sale(holdings.market(crash(), START))
    answers: dict[str, OrderRefused | OrderExpired | Any] = {
        "failed": failed(first),
        "refused": OrderRefused(
            order_id=first.id, bot="s1", pool=POOL.address, limit="x", asked=1, allowed=0, position_id=77
        ),
        "expired": OrderExpired(
            order_id=first.id, bot="s1", pool=POOL.address, side="sell", signature="x", position_id=77
        ),
    }
    assert holdings.answered(answers[kind], START + MS) == []
    holdings.market(trade(POOL, base=3_100_000_000, quote=29 * SOL, slot=3), START + 2 * MS)
    assert holdings.tick(START + 100 * MS) == []
    second = sale(holdings.tick(START + 101 * MS))
    assert (second.attempt, second.pool.quote_reserve) == (1, 29 * SOL)
    assert second.slippage_bps == (500 if kind == "refused" else 1_500)
    assert second.id == event_id("order", "s1", 77, "stop_loss", 0, 1)


def test_an_exit_is_never_given_up() -> None:
    """A hundred failures later it still tries, at any price."""
    holdings, now = holding(program(retry_ms_max=1_000)), START
    order = sale(holdings.market(crash(), now))
    for attempt in range(1, 101):
        holdings.answered(failed(order), now)
        now += SECOND
        order = sale(holdings.tick(now))
        assert order.attempt == attempt
    assert order.slippage_bps == 9_999


@pytest.mark.parametrize("position_first", [True, False])
def test_a_partial_fill_is_taken_off_once_and_the_rest_is_sold(position_first: bool) -> None:
    """Whichever of the two messages comes first."""
    holdings = holding(program())
    first = sale(holdings.market(crash(), START))
    fill, position = landed(first, base=200_000, quote=1), held(told(), 300_000)
    if position_first:
        assert holdings.changed(position, POOL, START) == []
        assert holdings.answered(fill, START) == []
    else:
        assert holdings.answered(fill, START) == []
    second = sale(holdings.tick(START + MS))
    assert (second.amount_in, second.attempt, second.slippage_bps) == (300_000, 1, 500)
    assert holdings.changed(position, POOL, START) == []


def test_a_sale_of_everything_leaves_nothing_to_propose() -> None:
    """Until the coordinator says closed, the position is there and quiet."""
    holdings = holding(program())
    holdings.answered(landed(sale(holdings.market(crash(), START)), base=BOUGHT, quote=1), START)
    assert holdings.tick(START + SECOND) == []
    assert holdings.positions


def test_answers_to_other_orders_change_nothing() -> None:
    """Late commitments of an older sale, or another position."""
    holdings = holding(program())
    order = sale(holdings.market(crash(), START))
    assert holdings.answered(failed(msgspec.structs.replace(order, id=1)), START) == []
    assert holdings.answered(failed(msgspec.structs.replace(order, position_id=1)), START) == []
    holdings.acknowledged(OrderSent(order_id=1, bot="s1", signature="", lane="", position_id=77), START)
    assert holdings.tick(START + SECOND) == []


def test_a_proposal_without_an_answer_is_asked_again_under_its_id() -> None:
    """A coordinator that died before its journal had it gets it again; one that has it cannot do it twice."""
    holdings = holding(program(answer_ms=1_000, retry_ms=1))
    now, order = START, sale(holdings.market(crash(), START))
    for _ in range(ASKS_MAX - 1):
        assert holdings.tick(now + SECOND - 1) == []
        now += SECOND
        assert sale(holdings.tick(now)).id == order.id
    now += SECOND
    assert holdings.tick(now) == []
    assert sale(holdings.tick(now + MS)).attempt == 1


def test_an_order_that_was_signed_may_land_until_its_blockhash_is_dead() -> None:
    """So patience is longer, and counts from the signature."""
    holdings = holding(program(answer_ms=1_000))
    order = sale(holdings.market(crash(), START))
    holdings.acknowledged(OrderSigned(order_id=order.id, bot="s1", signature="", size_bytes=1, position_id=77), START)
    holdings.acknowledged(OrderSent(order_id=1, bot="s1", signature="", lane="", position_id=1), START)
    assert holdings.tick(START + SETTLE_NS - 1) == []
    assert sale(holdings.tick(START + SETTLE_NS)).id == order.id


def test_a_worthless_holding_is_tried_once_at_any_price_then_rarely() -> None:
    """A sale that costs more than it brings is no emergency; it is said once."""
    holdings = holding(program(dust_retry_s=10, dust_retry_s_max=15))
    rug = LiquidityChanged(
        venue="amm",
        pool=POOL.address,
        added=False,
        base_amount=1,
        quote_amount=1,
        base_reserve=10**9,
        quote_reserve=1_000,
        slot=2,
        signature="rug",
    )
    messages = holdings.market(rug, START)
    assert details(messages) == ["worth 0, less than the fee, trying rarely"]
    order = sale(messages)
    assert order.slippage_bps == 9_999
    holdings.answered(failed(order), START)
    assert holdings.tick(START + 10 * SECOND - 1) == []
    messages = holdings.tick(START + 10 * SECOND)
    assert details(messages) == []
    holdings.answered(failed(sale(messages)), START + 10 * SECOND)
    assert holdings.tick(START + 25 * SECOND - 1) == []
    sale(holdings.tick(START + 25 * SECOND))


def test_value_that_comes_back_is_sold_at_the_ordinary_pace() -> None:
    """Without a try for every flicker of the price."""
    holdings = holding(program(dust_retry_s=3_600, retry_ms_max=1_000))
    order = sale(holdings.market(trade(POOL, base=10**9, quote=0, slot=2), START))
    holdings.answered(failed(order), START)
    messages = holdings.market(crash(slot=3), START + SECOND)
    assert sales(messages) == []
    assert details(messages)[0].endswith("selling again")
    assert sale(holdings.tick(START + 2 * SECOND)).slippage_bps == 500


def test_a_venue_unknown_to_this_build_quotes_nothing() -> None:
    """Its position is watched all the same: rarely, at any price."""
    strange = msgspec.structs.replace(POOL, venue="nowhere")
    holdings = Holdings("s1", program(), VENUES)
    assert sale(holdings.changed(told(strange), strange, START)).slippage_bps == 9_999
    assert holdings.market(crash(), START) == []


def test_older_news_does_not_undo_newer() -> None:
    """Back-filled trades and a stale telling leave the reserves alone; newer ones do not."""
    fresh = msgspec.structs.replace(POOL, slot=9)
    holdings = holding(program(), told(fresh))
    assert holdings.market(crash(slot=8), START) == []
    assert holdings.changed(told(msgspec.structs.replace(POOL, quote_reserve=1)), POOL, START) == []
    position = holdings.positions[77]
    assert position.pool == fresh
    newest = msgspec.structs.replace(POOL, slot=10)
    holdings.changed(told(newest), newest, START)
    assert position.pool == newest


# ── curves that end ───────────────────────────────────────────────────────

CURVE = pool_of(1, venue="pumpfun")
HOME = msgspec.structs.replace(pool_of(2, venue="pumpswap", base=10**9, quote=30 * SOL), base_mint=CURVE.base_mint)
COMPLETED = CurveCompleted(venue="pumpfun", pool=CURVE.address, base_mint=CURVE.base_mint, slot=3, signature="c")
MIGRATED = PoolMigrated(
    venue="pumpfun",
    pool=CURVE.address,
    base_mint=CURVE.base_mint,
    new_venue="pumpswap",
    new_pool=HOME.address,
    slot=4,
    signature="m",
)
MOVED = "moved to pumpswap"


@pytest.mark.parametrize(
    "events",
    [
        [COMPLETED, MIGRATED, launch_of(HOME)],
        [COMPLETED, launch_of(HOME), MIGRATED],
        [launch_of(HOME), MIGRATED],
        [MIGRATED, launch_of(HOME)],
        [launch_of(HOME), MIGRATED, COMPLETED],
    ],
)
def test_a_graduated_coin_is_sold_in_its_new_pool(events: list[Event]) -> None:
    """In whatever order the news arrives, nothing is sold on the dead curve."""
    holdings = holding(program(stop_loss_bps=0, time_stop_s=1), told(CURVE))
    said = [message for event in events for message in holdings.market(event, START)]
    assert sales(said) == []
    assert details(said)[-1].startswith(MOVED)
    order = sale(holdings.tick(START + SECOND))
    assert order.pool == HOME
    assert holdings.positions[77].liquidity_entry == 30 * SOL
    assert holdings.market(trade(HOME, base=10**9, quote=31 * SOL), START) == []
    assert holdings.positions[77].pool.quote_reserve == 31 * SOL


def test_between_curve_and_pool_nothing_is_sold() -> None:
    """It is said once, and the stop waits."""
    holdings = holding(program(time_stop_s=1), told(CURVE))
    assert details(holdings.market(COMPLETED, START)) == ["curve is complete, waiting for its new pool"]
    assert holdings.market(COMPLETED, START) == []
    assert holdings.tick(START + 5 * SECOND) == []
    other = msgspec.structs.replace(COMPLETED, base_mint=pubkey(4))
    assert holdings.market(other, START) == []
    assert holdings.market(FeedChanged(source="x", state="lost"), START) == []


def test_a_position_opened_after_the_end_knows_it() -> None:
    """The fill may be told after the completion, and a restart after everything."""
    holdings = Holdings("s1", program(time_stop_s=1), VENUES)
    holdings.market(COMPLETED, START)
    assert len(details(holdings.changed(told(CURVE), CURVE, START))) == 2
    complete = msgspec.structs.replace(CURVE, numbers={"complete": 1})
    restarted = Holdings("s1", program(time_stop_s=1), VENUES)
    assert len(details(restarted.changed(told(complete, recovered=True), complete, START))) == 2
    assert restarted.tick(START + SECOND) == []


def test_the_coordinator_may_know_the_new_pool_first() -> None:
    """It reads the chain; a bot that missed the migration learns it from there."""
    holdings = holding(program(stop_loss_bps=0, time_stop_s=1), told(CURVE))
    holdings.market(COMPLETED, START)
    messages = holdings.changed(told(HOME, recovered=True), HOME, START + SECOND)
    assert details(messages)[0].startswith(MOVED)
    assert sale(messages).pool == HOME


# ── after a restart ───────────────────────────────────────────────────────


def test_a_recovered_position_counts_its_tries_above_all_earlier_ones() -> None:
    """An id used before the restart would be dropped as a repeat, and the exit with it."""
    again = told(recovered=True, at_ns=START + 5 * SECOND)
    ids = []
    for _ in range(2):
        holdings = holding(program(), again)
        order = sale(holdings.market(crash(), START + 6 * SECOND))
        assert order.attempt == 5_000
        ids.append(order.id)
    assert ids[0] == ids[1]


def test_told_again_while_watched_keeps_what_is_in_flight() -> None:
    """The coordinator restarted, this bot did not."""
    holdings = holding(program())
    sale(holdings.market(crash(), START))
    assert details(holdings.changed(told(recovered=True), POOL, START)) == ["told again"]
    assert holdings.tick(START + SECOND) == []


def test_several_positions_in_one_pool_have_their_own_exits() -> None:
    """After a restart a pool may have two; each is sold by itself."""
    holdings = holding(program())
    holdings.changed(told(number=78), POOL, START)
    assert {order.position_id for order in sales(holdings.market(crash(), START))} == {77, 78}
    holdings.changed(told(base=0, number=78), POOL, START)
    assert list(holdings.positions) == [77]
