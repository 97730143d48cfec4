"""An order by hand ends: filled and told, refused by a named limit, expired for nothing, or known to the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sniperforge.base.clock import SystemClock
from sniperforge.base.errors import LimitError, UnavailableError, UsageError
from sniperforge.base.events import (
    Event,
    InputRefused,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    Pool,
    PositionChanged,
)
from sniperforge.base.units import Pubkey
from sniperforge.coordinate.settings import CoordinateSettings, PaperSettings
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.dex.venues import VENUES
from sniperforge.runtime import hand_order
from sniperforge.runtime.hand import Plan, Wanted, make_plan
from sniperforge.runtime.hand_order import OrderUnfilled, Sending, send

VENUE = VENUES["raydium_cpmm"]
SOL = 10**9


def named(name: str) -> Pubkey:
    return Pubkey(name.encode().ljust(32, b"_"))


POOL = Pool(
    venue="raydium_cpmm",
    address=named("pool"),
    base_mint=named("coin"),
    quote_mint=WSOL,
    base_program=TOKEN,
    quote_program=TOKEN,
    base_reserve=10**15,
    quote_reserve=50 * SOL,
    keys={
        name: named(name)
        for name in ("amm_config", "authority", "base_vault", "quote_vault", "lp_mint", "observation_state")
    },
    numbers={
        "base_is_0": 1,
        "trade_fee_rate": 2_500,
        "protocol_fee_rate": 120_000,
        "fund_fee_rate": 40_000,
        "creator_fee_rate": 0,
        "enable_creator_fee": 0,
        "creator_fee_on": 0,
        "status": 0,
        "open_time": 0,
    },
)


def plan(amount: int, *, is_buy: bool = True) -> Plan:
    return make_plan(VENUE, POOL, Wanted(is_buy, amount))


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    return Sending(paper(tmp_path))


def paper(folder: Path, **changes: int) -> CoordinateSettings:
    """Return a paper chain that lands everything at once."""
    numbers = {"landing_bps": 10_000, "expiry_ms": 1, **changes}
    settings = PaperSettings(latency_ms=(1,), **numbers)
    return CoordinateSettings(journal=str(folder / "journal.sqlite"), paper=settings)


def sent(what: Plan, how: Sending, **changes: float) -> list[Event]:
    return asyncio.run(send(what, how, SystemClock(), **changes))


def test_a_buy_and_the_sell_of_it_are_told_with_their_position(sending: Sending) -> None:
    """The journal joins the two commands: nothing else remembers."""
    bought = sent(plan(SOL // 20), sending)
    fill = next(event for event in bought if isinstance(event, OrderLanded))
    opened = next(event for event in bought if isinstance(event, PositionChanged))
    assert fill.base_amount == opened.base_amount == plan(SOL // 20).quote.amount_out
    assert (fill.bot, fill.reason) == ("hand", "by hand")
    sold = sent(plan(fill.base_amount, is_buy=False), sending._replace(position=opened.position_id))
    closed = next(event for event in sold if isinstance(event, PositionChanged))
    assert (closed.state, closed.position_id) == ("closed", opened.position_id)


def test_a_limit_that_says_no_is_named_with_both_numbers(sending: Sending) -> None:
    with pytest.raises(LimitError, match=r"risk\.spend_lamports_max refused it: asked \d+, allowed 100000000"):
        sent(plan(SOL), sending)


def test_a_second_buy_of_a_pool_is_told_to_sell_first(sending: Sending) -> None:
    sent(plan(SOL // 50), sending)
    with pytest.raises(LimitError, match=r"risk\.claim .* sell it first"):
        sent(plan(SOL // 50), sending)


def test_what_never_lands_says_that_it_cost_nothing(tmp_path: Path) -> None:
    with pytest.raises(OrderUnfilled, match="never landed and never will; it cost nothing"):
        sent(plan(SOL // 20), Sending(paper(tmp_path, landing_bps=0)))


def test_an_end_that_does_not_come_leaves_the_order_to_the_journal(tmp_path: Path) -> None:
    slow = CoordinateSettings(journal=str(tmp_path / "j.sqlite"), paper=PaperSettings(latency_ms=(10**6,)))
    with pytest.raises(UnavailableError, match="no end after 0 s; the journal has it"):
        sent(plan(SOL // 20), Sending(slow), wait_s=0)


def test_nothing_is_sold_that_the_journal_does_not_hold(sending: Sending) -> None:
    with pytest.raises(UsageError, match=r"journal\.sqlite: hand holds no "):
        sent(plan(10**9, is_buy=False), sending)


class Desk:
    """A coordinator that holds two positions of the coin."""

    def positions(self) -> list[PositionChanged]:
        return [held(5), held(6), held(7, bot="other")]


def held(number: int, bot: str = "hand") -> PositionChanged:
    return PositionChanged(
        position_id=number,
        bot=bot,
        pool=POOL,
        state="open",
        base_amount=number * 10,
        spent_lamports=1,
        received_lamports=0,
        entry_quote=1,
        entry_base=1,
        opened_ns=0,
    )


def test_of_several_positions_one_has_to_be_chosen(sending: Sending) -> None:
    find: Callable[..., int] = hand_order._position
    with pytest.raises(UsageError, match=r"choose one by --position: 5 \(50\), 6 \(60\)"):
        find(POOL.base_mint, sending, Desk())
    assert find(POOL.base_mint, sending._replace(position=6), Desk()) == 6
    assert find(POOL.base_mint, sending._replace(bot="other"), Desk()) == 7


def test_a_revert_and_a_malformed_order_are_told_in_one_line() -> None:
    intent = OrderProposed(
        id=9,
        bot="hand",
        side="buy",
        pool=POOL,
        amount_in=1,
        amount_out_min=1,
        slippage_bps=0,
        priority_fee_micro_lamports=0,
        tip_lamports=0,
        reason="by hand",
        attempt=0,
        position_id=9,
    )
    failed = OrderFailed(
        order_id=9,
        bot="hand",
        pool=POOL.address,
        side="buy",
        signature="s",
        problem="Custom 6001",
        fee_lamports=5_000,
        retryable=True,
    )
    with pytest.raises(OrderUnfilled, match="the chain refused it: Custom 6001; it cost 5000 lamports"):
        hand_order._judge([failed], intent)
    refused = InputRefused(cause=9, where="order 9", problem="an amount does not fit", cure="mend it")
    with pytest.raises(OrderUnfilled, match="an amount does not fit; mend it"):
        hand_order._judge([refused], intent)
