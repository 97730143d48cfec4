"""Execution on paper continues from the journal's word and tells each end to whom it may concern."""

from __future__ import annotations

from sniperforge.base.events import Event, OrderLanded
from sniperforge.coordinate.desk import Desk, Ticket
from sniperforge.coordinate.execution import Ends, Execution
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.on_paper import PaperExecution
from sniperforge.coordinate.settings import CoordinateSettings, PaperSettings
from tests.unit.coordinate.stand import START_NS, VENUES, make_buy


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int]] = []

    def landed(self, order: Order, fill: OrderLanded) -> None:
        self.ends.append((fill.commitment, fill.ts_ns))

    def failed(self, order: Order, problem: str, fee_lamports: int, now_ns: int) -> None:
        self.ends.append((problem, fee_lamports))

    def expired(self, order: Order, now_ns: int) -> None:
        self.ends.append(("expired", now_ns))

    def noticed(self, order: Order, state: str, now_ns: int) -> None:
        self.ends.append((state, now_ns))

    def publish(self, event: Event) -> None:
        self.ends.append((type(event).__name__, event.ts_ns))


def sent(**changes: object) -> tuple[Execution, Heard]:
    """An execution that one buy was handed to."""
    desk, heard = Desk(CoordinateSettings(), VENUES, can_tip=False), Heard()
    ends: Ends = heard
    paper = PaperExecution(PaperSettings(latency_ms=(400,), landing_bps=10_000), VENUES, desk, ends)
    intent = make_buy(1, **changes)
    ticket = desk.decide(intent, START_NS)
    assert isinstance(ticket, Ticket)
    order = Order(intent.id, intent, "signed", "s")
    desk.accepted(order, ticket.spend_lamports)
    paper.submit(order, ticket, START_NS)
    return paper, heard


def test_the_wallet_starts_with_what_settings_give() -> None:
    desk = Desk(CoordinateSettings(), VENUES, can_tip=False)
    PaperExecution(PaperSettings(wallet_lamports=77), VENUES, desk, Heard())
    assert desk.exposure.wallet_lamports == 77


def test_an_end_is_told_when_it_is_due() -> None:
    paper, heard = sent()
    paper.advance(START_NS + 399_000_000)
    assert heard.ends == []
    paper.advance(START_NS + 402_000_000)
    (end,) = heard.ends
    assert end[0] == "confirmed"
    assert paper.stats()["paper_pending"] == 0


def test_a_drain_decides_everything_now() -> None:
    paper, heard = sent()
    paper.settle_all(START_NS + 7)
    assert heard.ends == [("confirmed", START_NS + 7)]


def test_a_failure_says_why_and_what_it_cost() -> None:
    paper, heard = sent(amount_out_min=10**18)
    paper.settle_all(START_NS)
    assert heard.ends == [("slippage", 20_000)]


def test_every_order_has_a_blockhash_of_its_own() -> None:
    paper, _ = sent()
    assert paper.blockhash(make_buy(1), 0) == paper.blockhash(make_buy(1), 9)
    assert paper.blockhash(make_buy(1), 0) != paper.blockhash(make_buy(2), 0)
