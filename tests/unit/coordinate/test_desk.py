"""The desk decides and remembers: a decision changes nothing, an end frees exactly what its order bound."""

from __future__ import annotations

import pytest

from sniperforge.base.events import WRITE_OFF, OrderExpired, OrderLanded, OrderProposed
from sniperforge.coordinate.desk import Desk, Ticket
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.trading.risk import Limits, Refusal
from tests.unit.coordinate.stand import START_NS, VENUES, make_buy, make_pool, make_sell

WALLET = 10**10


def make_desk(**changes: object) -> Desk:
    desk = Desk(CoordinateSettings(**changes), VENUES, can_tip=True)  # type: ignore[arg-type]
    desk.exposure.wallet_lamports = WALLET
    return desk


def accept(desk: Desk, number: int = 1) -> Order:
    ticket = desk.decide(make_buy(number), START_NS)
    assert isinstance(ticket, Ticket)
    order = Order(1000 + number, make_buy(number), "sent", f"s{number}", cost_lamports=ticket.costs.total)
    order.signed_ns = START_NS
    desk.accepted(order, ticket.spend_lamports)
    return order


def landed(order: Order, *, side: str = "buy", base: int = 777, quote: int = 10_000_000) -> OrderLanded:
    intent = order.intent
    return OrderLanded(
        ts_ns=START_NS + 1,
        order_id=order.id,
        bot=intent.bot,
        pool=intent.pool.address,
        base_mint=intent.pool.base_mint,
        side=side,
        signature=order.signature,
        slot=1,
        base_amount=base,
        quote_amount=quote,
        fee_lamports=5_000,
        tip_lamports=0,
        rent_lamports=0,
        commitment="confirmed",
        position_id=intent.position_id,
    )


def test_a_decision_changes_nothing() -> None:
    desk = make_desk()
    assert desk.decide(make_buy(), START_NS) == desk.decide(make_buy(), START_NS)
    assert (desk.exposure.claims, desk.open_orders, desk.exposure.wallet_lamports) == ({}, {}, WALLET)


def test_the_least_to_accept_is_the_quote_less_slippage() -> None:
    desk, buy = make_desk(), make_buy()
    ticket = desk.decide(buy, START_NS)
    assert isinstance(ticket, Ticket)
    quote = VENUES["raydium_cpmm"].quote_in(buy.pool, buy.amount_in, is_buy=True)
    assert ticket.terms.amount_out_min == quote.amount_out * 9_000 // 10_000
    chosen = desk.decide(make_buy(amount_out_min=5), START_NS)
    assert isinstance(chosen, Ticket)
    assert chosen.terms.amount_out_min == 5


def test_an_accepted_entry_binds_money_and_an_expired_one_frees_it() -> None:
    desk = make_desk()
    order = accept(desk)
    assert desk.bound_in_flight() == WALLET - desk.exposure.wallet_lamports == 10_000_000 + order.cost_lamports
    told, freed = desk.ended(order, desk.expired(order, START_NS))
    assert (told, freed) == ([], None)
    assert (desk.exposure.wallet_lamports, desk.exposure.claims, desk.pools) == (WALLET, {}, {})


def test_a_closed_position_gives_its_entry_back_to_be_released() -> None:
    desk = make_desk()
    entry = accept(desk)
    desk.ended(entry, landed(entry))
    sale = Order(5100, make_sell(1, 777), "sent", "s2")
    desk.accepted(sale, 0)
    assert desk.decide(make_sell(1, 777, attempt=1), START_NS) == Refusal("risk.exit_in_flight", 2, 1)
    _, freed = desk.ended(sale, landed(sale, side="sell", quote=9_000_000))
    assert freed is entry
    assert desk.exposure.wallet_lamports == WALLET - 1_010_000
    assert desk.exposure.loss_day(START_NS) == 1_010_000


def test_fees_of_an_exit_are_lowered_to_the_caps_not_refused() -> None:
    desk = make_desk(limits=Limits(price_micro_lamports_max=1_000, tip_lamports_max=50))
    limits = desk.limits
    desk.limits = Limits()
    entry = accept(desk)
    desk.ended(entry, landed(entry))
    desk.limits = limits
    sale = desk.decide(make_sell(1, 777, priority_fee_micro_lamports=10**9, tip_lamports=10**9), START_NS)
    assert isinstance(sale, Ticket)
    assert (sale.terms.price_micro_lamports, sale.terms.tip_lamports, sale.terms.closes_account) == (1_000, 50, True)


def test_a_restored_desk_is_the_desk_before() -> None:
    desk = make_desk()
    entry, lost = accept(desk, 1), accept(desk, 2)
    entry.outcome = landed(entry)
    desk.ended(entry, entry.outcome)
    lost.outcome = desk.expired(lost, START_NS + 5)
    assert isinstance(lost.outcome, OrderExpired)
    desk.ended(lost, lost.outcome)
    flying = accept(desk, 3)
    again = make_desk()
    assert again.restore([entry, lost, flying]) == []
    assert again.book == desk.book
    assert again.exposure.claims == desk.exposure.claims
    assert again.exposure.holds == desk.exposure.holds
    assert set(again.open_orders) == {flying.id}
    assert all(again.knows(number) for number in (1001, 1002, 1003))


def test_a_write_off_burns_only_a_whole_holding_that_brings_nothing() -> None:
    """A bot cannot burn what could be sold, nor a part of it."""
    desk = make_desk()
    order = accept(desk)
    desk.ended(order, landed(order))
    dead = make_pool(1, quote_reserve=1)
    part = desk.decide(make_sell(1, 776, reason=WRITE_OFF, pool=dead), START_NS)
    assert part == Refusal("risk.write_off", 776, 777)
    rich = desk.decide(make_sell(1, 777, reason=WRITE_OFF, pool=make_pool(1, base_reserve=1_000)), START_NS)
    assert isinstance(rich, Refusal)
    assert rich.limit == "risk.write_off_value"
    for pool in (dead, make_pool(1, base_reserve=0, quote_reserve=0)):
        ticket = desk.decide(make_sell(1, 777, reason=WRITE_OFF, pool=pool), START_NS)
        assert isinstance(ticket, Ticket)
        assert (ticket.terms.writes_off, ticket.terms.closes_account, ticket.terms.amount_in) == (True, True, 777)


@pytest.mark.parametrize("code", [11, 35])
def test_an_account_that_cannot_be_closed_keeps_nobody_from_selling(code: int) -> None:
    """One coin sent to our account by a stranger makes closing it fail: the next try sells and leaves it open."""
    desk = make_desk()
    entry = accept(desk)
    desk.ended(entry, landed(entry))
    exit_order = Order(5100, make_sell(1, 777), "sent", "exit", b"raw", 9, 1_000, START_NS)
    desk.accepted(exit_order, 0)

    def closes(intent: OrderProposed) -> bool:
        ticket = desk.decide(intent, START_NS)
        assert isinstance(ticket, Ticket)
        return ticket.terms.closes_account

    problem = f"InstructionError[4, Custom {code}]"
    desk.ended(exit_order, desk.failed(exit_order, problem, 5_000, START_NS + 1, retryable=True))
    again = make_sell(1, 777, attempt=1)
    assert not closes(again)
    assert not closes(make_sell(1, 777, attempt=2, reason=WRITE_OFF, pool=make_pool(1, quote_reserve=1)))
    exit_order.state, exit_order.outcome = (
        "failed",
        desk.failed(exit_order, problem, 5_000, START_NS + 1, retryable=True),
    )
    entry.outcome = landed(entry)
    after_a_crash = make_desk()
    after_a_crash.restore([entry, exit_order])
    ticket = after_a_crash.decide(again, START_NS)
    assert isinstance(ticket, Ticket)
    assert not ticket.terms.closes_account


def test_any_other_failure_lets_the_account_be_closed() -> None:
    desk = make_desk()
    entry = accept(desk)
    desk.ended(entry, landed(entry))
    exit_order = Order(5100, make_sell(1, 777), "sent", "exit", b"raw", 9, 1_000, START_NS)
    desk.accepted(exit_order, 0)
    desk.ended(exit_order, desk.failed(exit_order, "InstructionError[3, Custom 6005]", 5_000, START_NS, retryable=True))
    ticket = desk.decide(make_sell(1, 777, attempt=1), START_NS)
    assert isinstance(ticket, Ticket)
    assert ticket.terms.closes_account
