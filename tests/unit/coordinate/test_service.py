"""One intent is one order: journaled before it is sent, executed once, ended once, whatever repeats or crashes."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sniperforge.base.errors import ConfigError, SniperForgeError
from sniperforge.base.events import (
    BotStarted,
    Event,
    HaltChanged,
    InputRefused,
    OrderExpired,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    OrderRefused,
    OrderSent,
    OrderSigned,
    PoolCreated,
    PositionChanged,
    Swapped,
)
from sniperforge.base.keys import text
from sniperforge.coordinate.journal import JournalFailed, JournalUnusable
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings, PaperSettings
from sniperforge.trading.risk import Limits
from sniperforge.trading.transaction import TransactionInvalid
from tests.unit.coordinate.stand import START_NS, VENUES, Stand, make_buy, make_pool, make_sell, name_key

E = TypeVar("E", bound=Event)
StandMaker = Callable[..., Stand]


def only(events: list[Event], kind: type[E]) -> E:
    """The one event of that kind."""
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, [type(event).__name__ for event in events]
    return found[0]


def bought(stand: Stand, number: int = 1) -> PositionChanged:
    stand.on(make_buy(number))
    return only(stand.wait(), PositionChanged)


# ── the way of one order ──


def test_a_buy_is_signed_sent_and_lands_as_a_position(stand: Stand) -> None:
    told = stand.on(make_buy())
    assert [type(event) for event in told] == [OrderSigned, OrderSent]
    signed = only(told, OrderSigned)
    assert (signed.order_id, signed.bot, signed.trace_id, signed.cause) == (1001, "first", 7, 1001)
    landed, changed = stand.wait()
    assert isinstance(landed, OrderLanded)
    assert (landed.quote_amount, landed.signature, landed.reason) == (10_000_000, signed.signature, "entry")
    assert isinstance(changed, PositionChanged)
    assert (changed.state, changed.base_amount, changed.position_id) == ("open", landed.base_amount, 1001)
    assert changed.spent_lamports == 10_000_000 + landed.fee_lamports + landed.rent_lamports
    assert changed.creator == name_key("creator 1")


def test_a_launch_prepares_its_order_and_says_nothing(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keys are derived ahead; the order itself is what it would have been."""
    prepared: list[object] = []
    monkeypatch.setattr(stand.coordinator.builder, "prepare", prepared.append)
    pool, maker = make_pool(), name_key("creator 1")
    launch = PoolCreated(
        pool=pool, creator=maker, user=maker, open_time=0, slot=1, signature="s", index=0, believed_by="event"
    )
    before = stand.coordinator.stats()
    assert stand.on(launch) == []
    assert (prepared, stand.coordinator.stats()) == ([pool], before)
    assert [type(event) for event in stand.on(make_buy())] == [OrderSigned, OrderSent]


def test_a_full_sale_closes_the_position_and_frees_its_claim(stand: Stand) -> None:
    position = bought(stand)
    stand.on(make_sell(1, position.base_amount))
    closed = only(stand.wait(), PositionChanged)
    assert (closed.state, closed.base_amount, closed.reason) == ("closed", 0, "take_profit[0]")
    assert stand.coordinator.stats()["claims"] == 0
    assert [type(e) for e in stand.on(make_buy(1, id=2001, position_id=2001))] == [OrderSigned, OrderSent]


def test_the_books_result_is_the_wallets_change_to_the_lamport(stand: Stand) -> None:
    """Buys, partial sales, failed sends and rents: nothing is unexplained."""
    for number in range(1, 5):
        position = bought(stand, number)
        stand.on(make_sell(number, position.base_amount // 3))
        stand.wait()
    # This one fails: it wants more than the pool gives.
    stand.on(make_buy(9, amount_out_min=10**18))
    only(stand.wait(), OrderFailed)
    stats = stand.coordinator.stats()
    change = stats["paper_wallet_lamports"] - stand.settings.paper.wallet_lamports
    assert stats["pnl_lamports"] == change
    assert stats["wallet_lamports"] == stats["paper_wallet_lamports"]


def test_slippage_is_counted_from_the_bots_newest_pool(stand: Stand) -> None:
    """The pool moved against us between signing and landing: reverted, fee paid, claim free."""
    stand.on(make_buy())
    stand.on(swapped(base_reserve=10**15 // 2, quote_reserve=200 * 10**9))
    failed = only(stand.wait(), OrderFailed)
    assert (failed.problem, failed.retryable, failed.fee_lamports) == ("slippage", True, 20_000)
    assert stand.coordinator.stats()["claims"] == 0


def test_a_failed_sale_tells_the_position_with_its_fee_in_it(stand: Stand) -> None:
    """A reader that sums what positions say has our result at any time, not only when they close."""
    position = bought(stand)
    stand.on(make_sell(1, position.base_amount, amount_out_min=10**18))
    failed, changed = stand.wait()
    assert isinstance(failed, OrderFailed)
    assert isinstance(changed, PositionChanged)
    assert (changed.state, changed.base_amount, changed.cause) == ("open", position.base_amount, failed.order_id)
    assert changed.spent_lamports == position.spent_lamports + failed.fee_lamports
    assert changed.received_lamports - changed.spent_lamports == stand.coordinator.stats()["pnl_lamports"]


def test_signed_and_sent_carry_the_moments_after_signing_and_after_sending(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each leg is a subtraction of stamps: a stamp from before the work would hide it."""
    ticks = iter(range(START_NS, START_NS + 100))
    monkeypatch.setattr(stand.clock, "now_ns", lambda: next(ticks))
    signed, sent = stand.on(make_buy())
    assert (signed.ts_ns, sent.ts_ns) == (START_NS + 1, START_NS + 2)


def test_a_better_pool_at_landing_gives_more(stand: Stand) -> None:
    stand.on(make_buy())
    stand.on(swapped(base_reserve=2 * 10**15, quote_reserve=100 * 10**9))
    assert only(stand.wait(), OrderLanded).base_amount > 190_000_000_000


def test_an_order_that_does_not_land_expires_without_cost(make_stand: StandMaker) -> None:
    stand = make_stand(paper=PaperSettings(landing_bps=0))
    stand.on(make_buy())
    assert stand.wait(50_000) == []
    expired = only(stand.wait(6_000), OrderExpired)
    assert expired.order_id == 1001
    assert stand.coordinator.stats()["wallet_lamports"] == stand.settings.paper.wallet_lamports


def swapped(*, base_reserve: int, quote_reserve: int) -> Swapped:
    return Swapped(
        venue="raydium_cpmm",
        pool=make_pool().address,
        base_mint=make_pool().base_mint,
        trader=name_key("somebody"),
        is_buy=True,
        base_amount=1,
        quote_amount=1,
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        slot=101,
        signature="theirs",
    )


# ── exactly once ──


def test_the_same_intent_again_is_answered_not_executed(stand: Stand) -> None:
    first = only(stand.on(make_buy()), OrderSent)
    assert stand.on(make_buy()) == [first]
    landed = only(stand.wait(), OrderLanded)
    assert stand.on(make_buy()) == [landed]
    assert stand.coordinator.stats()["signed"] == 1


def test_a_refusal_is_repeated_word_for_word(stand: Stand) -> None:
    refused = only(stand.on(make_buy(amount_in=10**12)), OrderRefused)
    assert refused.limit == "risk.spend_lamports_max"
    assert stand.on(make_buy(amount_in=10**12)) == [refused]


def test_an_end_that_left_memory_is_answered_from_the_journal(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.coordinate.desk.ENDED_KEPT", 1)
    refused = only(stand.on(make_buy(1, amount_in=10**12)), OrderRefused)
    stand.on(make_buy(2, amount_in=10**12))
    assert stand.on(make_buy(1, amount_in=10**12)) == [refused]


def test_two_bots_cannot_claim_one_pool(stand: Stand) -> None:
    stand.on(make_buy())
    second = make_buy(1, id=2001, position_id=2001, bot="second")
    assert only(stand.on(second), OrderRefused).limit == "risk.claim"


def test_equal_orders_in_one_blockhash_are_two_transactions(stand: Stand) -> None:
    """Equal bytes would be one signature, and the chain would answer for the older order."""
    stand.coordinator._execution.blockhash = lambda intent, now_ns: (bytes(32), 1)  # type: ignore[method-assign]
    position = bought(stand)
    part = position.base_amount // 4
    first = only(stand.on(make_sell(1, part)), OrderSigned)
    stand.wait()
    stand.on(make_sell(1, part, attempt=1, amount_out_min=1))
    stand.wait()
    again = only(stand.on(make_sell(1, part, attempt=2)), OrderSigned)
    stand.wait()
    third = only(stand.on(make_sell(1, part, attempt=3)), OrderSigned)
    assert len({first.signature, again.signature, third.signature}) == 3


class Crash(BaseException):
    """kill -9, as far as one process can play it."""


def crash_at(stand: Stand, point: str) -> None:
    """Let the next step of that name end the coordinator's life."""
    coordinator = stand.coordinator

    def die(*arguments: object, **options: object) -> None:
        raise Crash

    if point == "before journal":
        coordinator.journal.signed = die  # type: ignore[method-assign]
    elif point == "before send":
        coordinator._execution.submit = die  # type: ignore[method-assign]
    elif point == "after send":
        coordinator._publish = die
    elif point == "before end":
        coordinator.journal.moved = die  # type: ignore[method-assign]
    elif point == "after end":
        coordinator.desk.ended = die  # type: ignore[method-assign, assignment]


POINTS = ["none", "before journal", "before send", "after send", "before end", "after end"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["buy 1", "buy 2", "sell 1", "sell 2", "wait"]), st.sampled_from(POINTS)), max_size=14
    )
)
def test_no_interleaving_of_repeats_and_crashes_sends_twice(
    steps: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each order id is submitted to the chain at most once in all lives, and the wallet adds up after them."""
    stand = Stand(tmp_path_factory.mktemp("lives"))
    submitted: list[int] = []
    record(stand, submitted)
    for step, point in steps:
        crash_at(stand, point)
        try:
            if step == "wait":
                stand.wait()
            else:
                verb, number = step.split()
                held = [p for p in stand.coordinator.positions() if p.position_id == 1000 + int(number)]
                amount = held[0].base_amount if held else 1
                stand.on(make_buy(int(number)) if verb == "buy" else make_sell(int(number), amount))
        except Crash:
            pass
        if point != "none":
            # The lock dies with a process; here the object has to let go of it.
            stand.coordinator._unmarked.clear()
            stand.coordinator.close()
            asyncio.run(reborn(stand))
            record(stand, submitted)
    assert len(submitted) == len(set(submitted))
    stats = stand.coordinator.stats()
    assert stats["pnl_lamports"] == stats["paper_wallet_lamports"] - stand.settings.paper.wallet_lamports
    for order in stand.coordinator.journal.orders():
        states = [state for state, _ in stand.coordinator.journal.transitions(order.id)]
        assert states[-1] == order.state
        assert states.count("signed") <= 1
    stand.coordinator.close()


def record(stand: Stand, submitted: list[int]) -> None:
    submit = stand.coordinator._execution.submit

    def counted(order: object, ticket: object, now_ns: int) -> None:
        submitted.append(order.id)  # type: ignore[attr-defined]
        submit(order, ticket, now_ns)  # type: ignore[arg-type]

    stand.coordinator._execution.submit = counted  # type: ignore[method-assign]


async def reborn(stand: Stand) -> None:
    """The next life, with its maintenance switched off: time moves by hand here."""
    coordinator = stand.reopen()
    await coordinator.start()
    for task in coordinator._tasks:
        task.cancel()
    await asyncio.gather(*coordinator._tasks, return_exceptions=True)


# ── after a restart ──


def test_open_positions_are_told_again_and_can_be_sold(stand: Stand) -> None:
    before = bought(stand)
    stand.coordinator.close()
    stand.told.clear()
    asyncio.run(reborn(stand))
    after = only(stand.told, PositionChanged)
    assert after.recovered
    assert msgspec.structs.replace(after, recovered=False, ts_ns=0, cause=0, reason="") == msgspec.structs.replace(
        before, ts_ns=0, cause=0, reason=""
    )
    stand.on(make_sell(1, after.base_amount))
    assert only(stand.wait(), PositionChanged).state == "closed"


def test_an_end_the_crash_may_have_swallowed_is_told_again(stand: Stand) -> None:
    stand.on(make_buy(amount_out_min=10**18))
    failed = only(stand.wait(), OrderFailed)
    sold = bought(stand, 2)
    stand.on(make_sell(2, sold.base_amount))
    stand.wait()
    stand.coordinator.close()
    stand.told.clear()
    asyncio.run(reborn(stand))
    assert failed in stand.told
    assert only(stand.told, PositionChanged).state == "closed"


def test_what_paper_had_not_decided_is_expired_at_the_restart(stand: Stand) -> None:
    stand.on(make_buy())
    stand.coordinator.close()
    stand.told.clear()
    asyncio.run(reborn(stand))
    assert only(stand.told, OrderExpired).order_id == 1001
    assert stand.on(make_buy())[0] == stand.told[0]


def test_a_claim_a_crash_left_behind_is_freed(stand: Stand) -> None:
    """The sale was written, the release was not."""
    position = bought(stand)
    stand.on(make_sell(1, position.base_amount))
    stand.coordinator.journal.released = lambda order: None  # type: ignore[method-assign]
    stand.wait()
    assert len(stand.coordinator.journal.claims()) == 1
    stand.coordinator.close()
    asyncio.run(reborn(stand))
    assert stand.coordinator.journal.claims() == {}


def test_a_bot_that_starts_is_told_its_own_positions(stand: Stand) -> None:
    bought(stand, 1)
    stand.on(make_buy(2, bot="second"))
    stand.wait()
    told = stand.on(BotStarted(bot="second"))
    assert only(told, PositionChanged).position_id == 1002


# ── refusals ──


def test_a_sell_without_a_position_is_refused(stand: Stand) -> None:
    assert only(stand.on(make_sell(1, 5)), OrderRefused).limit == "risk.position"


def test_another_bots_position_cannot_be_sold(stand: Stand) -> None:
    position = bought(stand)
    refused = only(stand.on(make_sell(1, position.base_amount, bot="second")), OrderRefused)
    assert refused.limit == "risk.position"


def test_one_sale_of_a_position_at_a_time(stand: Stand) -> None:
    position = bought(stand)
    stand.on(make_sell(1, position.base_amount))
    refused = only(stand.on(make_sell(1, position.base_amount, attempt=1)), OrderRefused)
    assert refused.limit == "risk.exit_in_flight"


def test_a_halt_stops_entries_and_lets_exits_out(stand: Stand) -> None:
    position = bought(stand)
    stand.on(HaltChanged(halted=True))
    assert only(stand.on(make_buy(2)), OrderRefused).limit == "risk.halted"
    assert [type(e) for e in stand.on(make_sell(1, position.base_amount))] == [OrderSigned, OrderSent]
    stand.on(HaltChanged(halted=False))
    assert [type(e) for e in stand.on(make_buy(3))] == [OrderSigned, OrderSent]


def test_a_halt_of_everything_stops_exits_too(stand: Stand) -> None:
    position = bought(stand)
    stand.on(HaltChanged(halted=True, exits_allowed=False))
    assert only(stand.on(make_sell(1, position.base_amount)), OrderRefused).limit == "risk.halted"


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"side": "hold"}, "risk.side"),
        ({"pool": make_pool(quote_mint=name_key("usd"))}, "risk.quote_mint"),
        ({"pool": make_pool(venue="nowhere")}, "risk.venue_unknown"),
        ({"pool": make_pool(base_reserve=0)}, "quote.empty_pool"),
        ({"pool": make_pool(base_reserve=1)}, "quote.amount_out_min"),
        ({"tip_lamports": 5}, "risk.tip_account"),
        ({"tip_lamports": -5}, "risk.fees_min"),
        ({"amount_out_min": -1}, "risk.amount_out_min"),
        ({"slippage_bps": 9_999}, "risk.slippage_bps_max"),
    ],
)
def test_an_impossible_buy_is_refused_by_name(stand: Stand, changes: dict[str, object], limit: str) -> None:
    assert only(stand.on(make_buy(1, **changes)), OrderRefused).limit == limit


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 0},
        {"id": 1 << 63},
        {"position_id": -1},
        {"amount_in": 1 << 64},
        {"tip_lamports": -(1 << 64)},
        {"slippage_bps": 1 << 64},
        {"pool": make_pool(base_mint=b"short")},
        {"pool": make_pool(keys={"amm_config": b""})},
    ],
)
def test_an_intent_no_bot_can_mean_is_counted_and_skipped(stand: Stand, changes: dict[str, object]) -> None:
    told = only(stand.on(make_buy(1, **changes)), InputRefused)
    assert told.cure == "mend the bot that proposed it"
    assert list(stand.coordinator.journal.orders()) == []
    assert stand.coordinator.stats()["malformed"] == 1


def test_the_signer_has_the_last_word(make_stand: StandMaker) -> None:
    stand = make_stand(wallet_signs_minute_lamports_max=15_000_000)
    assert [type(e) for e in stand.on(make_buy(1))] == [OrderSigned, OrderSent]
    refused = only(stand.on(make_buy(2)), OrderRefused)
    assert refused.limit == "signer.minute_lamports_max"
    assert stand.wait(61_000)
    assert [type(e) for e in stand.on(make_buy(3))] == [OrderSigned, OrderSent]


def test_the_signers_minute_survives_a_restart(make_stand: StandMaker) -> None:
    stand = make_stand(wallet_signs_minute_lamports_max=15_000_000)
    stand.on(make_buy(1))
    stand.coordinator.close()
    stand.reopen()
    assert only(stand.on(make_buy(2)), OrderRefused).limit == "signer.minute_lamports_max"


def test_a_tip_is_paid_when_somebody_may_get_it(make_stand: StandMaker) -> None:
    stand = make_stand(tip_accounts=(text(name_key("tips")),))
    stand.on(make_buy(tip_lamports=77_000))
    assert only(stand.wait(), OrderLanded).tip_lamports == 77_000


def test_a_journal_that_cannot_be_written_sends_nothing(stand: Stand) -> None:
    full = os.open("/dev/full", os.O_RDWR)
    file, stand.coordinator.journal._tail._file = stand.coordinator.journal._tail._file, full
    with pytest.raises(JournalFailed, match="nothing is sent"):
        stand.on(make_buy())
    stand.coordinator.journal._tail._file = file
    os.close(full)
    assert stand.told == []
    assert stand.coordinator.stats()["paper_pending"] == 0


def test_a_known_order_the_journal_lost_is_an_error_not_a_resend(stand: Stand) -> None:
    stand.on(make_buy(amount_in=10**12))
    stand.coordinator.desk._ended.clear()
    stand.coordinator.journal.flush()
    stand.coordinator.journal._connection.execute("DELETE FROM orders")
    with pytest.raises(SniperForgeError, match="restore the journal"):
        stand.on(make_buy(amount_in=10**12))


# ── life ──


def test_a_drain_refuses_entries_and_settles_what_is_pending(stand: Stand) -> None:
    async def scenario() -> bool:
        await stand.coordinator.start()
        stand.on(make_buy(1))
        done = await stand.coordinator.drain(1.0)
        stand.told.clear()
        stand.coordinator.on(make_buy(2))
        return done

    assert asyncio.run(scenario())
    assert only(stand.told, OrderRefused).limit == "drain"
    assert stand.coordinator.stats()["positions_open"] == 1


def test_a_drain_says_when_something_is_left(stand: Stand) -> None:
    async def scenario() -> bool:
        await stand.coordinator.start()
        stand.on(make_buy(1))
        stand.coordinator._execution.settle_all = lambda now_ns: None  # type: ignore[method-assign]
        return await stand.coordinator.drain(0.01)

    assert not asyncio.run(scenario())


def test_the_maintenance_marks_what_was_sent(stand: Stand) -> None:
    async def scenario() -> None:
        await stand.coordinator.start()
        stand.on(make_buy(1))
        while stand.coordinator._unmarked:
            await asyncio.sleep(0)
            stand.coordinator.tick(stand.clock.now_ns())
        await stand.coordinator.stop()
        await stand.coordinator.stop()

    asyncio.run(scenario())
    stand.reopen()
    assert [state for state, _ in stand.coordinator.journal.transitions(1001)][:4] == [
        "proposed",
        "admitted",
        "signed",
        "sent",
    ]


def test_a_failed_maintenance_ends_the_process_with_its_reason(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.coordinate.service.MAINTENANCE_S", 0)

    async def scenario() -> None:
        await stand.coordinator.start()
        await asyncio.sleep(0.001)
        stand.coordinator.journal._connection.close()
        stand.coordinator._unmarked.append(next(iter(stand.coordinator.desk.open_orders.values())))
        await stand.coordinator._tasks[0]

    stand.coordinator._execution.start = nothing  # type: ignore[method-assign]
    stand.on(make_buy())
    stand.coordinator._unmarked.clear()
    stand.coordinator.journal.flush()
    asyncio.run(scenario())
    with pytest.raises(JournalFailed):
        stand.on(make_buy(2))


async def nothing(now_ns: int) -> None:
    """A start that finds nothing to do."""


def test_a_buys_position_is_its_own_whatever_the_bot_says(stand: Stand) -> None:
    stand.on(make_buy(1, position_id=4711))
    assert only(stand.wait(), PositionChanged).position_id == 1001


def test_an_order_too_large_for_a_transaction_is_refused(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.trading.transaction.TRANSACTION_BYTES_MAX", 500)
    assert only(stand.on(make_buy()), OrderRefused).limit == "transaction.size"


def test_chosen_compute_units_replace_the_venues_own(make_stand: StandMaker) -> None:
    stand = make_stand(compute_units_buy=50_000)
    stand.on(make_buy())
    assert only(stand.wait(), OrderLanded).fee_lamports == 5_000 + 5_000


def test_opening_twice_is_opening_once(stand: Stand) -> None:
    stand.coordinator.open()
    assert stand.coordinator.settings.execution == "paper"


def test_a_second_coordinator_on_one_journal_is_refused(stand: Stand) -> None:
    with pytest.raises(JournalUnusable, match="another coordinator holds it"):
        Coordinator(stand.settings, clock=stand.clock, publish=stand.told.append, venues=VENUES).open()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"execution": "rpc"}, "coordinate.rpc"),
        ({"execution": "rpc", "rpc": "http://127.0.0.1:1"}, "coordinate.keypair"),
        ({"paper": PaperSettings(latency_ms=())}, "coordinate.paper.latency_ms"),
        ({"tip_accounts": ("no key",)}, "coordinate.tip_accounts"),
    ],
)
def test_settings_that_contradict_each_other_are_one_line(changes: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Coordinator(CoordinateSettings(**changes), clock=Stand.__new__(Stand).__dict__.get("clock"), publish=print)  # type: ignore[arg-type]
    assert caught.value.where == where
    assert "\n" not in str(caught.value)


def test_a_real_endpoint_needs_the_live_switch(tmp_path: Path) -> None:
    key_file = tmp_path / "id.json"
    from sniperforge.chain.keystore import from_seed

    key_file.write_bytes(msgspec.json.encode(list(from_seed(bytes(range(32))).reveal())))
    key_file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    settings = CoordinateSettings(
        execution="rpc",
        rpc="https://rpc.example.com/?api-key=hidden",
        keypair=str(key_file),
        journal=str(tmp_path / "journal"),
    )
    stand = Stand.__new__(Stand)
    from sniperforge.base.clock import ManualClock

    stand.clock = ManualClock(START_NS)
    coordinator = Coordinator(settings, clock=stand.clock, publish=print, venues=VENUES)
    with pytest.raises(ConfigError, match=r"coordinate\.live = true") as caught:
        coordinator.open()
    assert "hidden" not in str(caught.value)
    coordinator.close()


def test_limits_hold_at_their_edges(make_stand: StandMaker) -> None:
    """The last allowed position passes, one more is refused by name."""
    stand = make_stand(limits=Limits(positions_open_max=2))
    for number in (1, 2):
        assert [type(e) for e in stand.on(make_buy(number))] == [OrderSigned, OrderSent]
    refused = only(stand.on(make_buy(3)), OrderRefused)
    assert (refused.limit, refused.asked, refused.allowed) == ("risk.positions_open_max", 3, 2)


# ── rehearsals ──


def launched(number: int = 1, **changes: object) -> PoolCreated:
    maker = name_key(f"creator {number}")
    return PoolCreated(
        id=77,
        pool=make_pool(number, **changes),
        creator=maker,
        user=maker,
        open_time=0,
        slot=1,
        signature="s",
        index=0,
        believed_by="event",
    )


def test_a_rehearsal_walks_the_way_of_an_order_and_leaves_no_trace(stand: Stand) -> None:
    """Not even when its pool is held: the way itself is what is kept warm."""
    assert stand.coordinator.rehearse() == []
    stand.on(launched())
    stand.on(make_buy())
    stand.wait()
    before = (stand.coordinator.stats(), list(stand.coordinator.journal.orders()))
    stand.told.clear()
    intent, signed, sent = stand.coordinator.rehearse()
    assert isinstance(intent, OrderProposed)
    assert (intent.bot, intent.pool) == ("rehearsal", make_pool())
    assert [type(signed), type(sent)] == [OrderSigned, OrderSent]
    assert (stand.coordinator.stats(), list(stand.coordinator.journal.orders())) == before
    assert stand.told == []


def test_a_rehearsal_ends_where_the_order_would(make_stand: StandMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are none, a limit, a message that fits no transaction: nothing is made, nothing is raised."""
    odd = make_stand()
    odd.on(launched(address=b"short"))
    assert odd.coordinator.rehearse() == []
    poor = make_stand(limits=Limits(spend_lamports_max=1))
    poor.on(launched())
    assert poor.coordinator.rehearse() == []

    def too_long(*order: object) -> bytes:
        raise TransactionInvalid("1233 bytes, 1232 are allowed; fewer accounts")

    long = make_stand()
    long.on(launched())
    monkeypatch.setattr(long.coordinator.builder, "message", too_long)
    assert long.coordinator.rehearse() == []
