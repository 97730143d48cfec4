"""The book explains the wallet to the lamport: whatever fills and failures come, PnL is the balance change."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import OrderFailed, OrderLanded, Pool
from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.trading.book import Book, wallet_change

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
CREATOR = Pubkey(b"\x07" * 32)


def fill(
    side: str, base: int, quote: int, *, fee: int = 5, tip: int = 2, rent: int = 0, position: int = 1
) -> OrderLanded:
    return OrderLanded(
        ts_ns=99,
        order_id=position,
        bot=f"bot {position}",
        pool=POOL.address,
        base_mint=POOL.base_mint,
        side=side,
        signature="s",
        slot=1,
        base_amount=base,
        quote_amount=quote,
        fee_lamports=fee,
        tip_lamports=tip,
        rent_lamports=rent,
        commitment="confirmed",
        position_id=position,
        reason="entry",
    )


def failure(fee: int, *, position: int = 1) -> OrderFailed:
    return OrderFailed(
        order_id=9,
        bot="bot",
        pool=POOL.address,
        side="sell",
        problem="slippage",
        retryable=True,
        fee_lamports=fee,
        position_id=position,
    )


def test_a_round_trip_counts_every_cost() -> None:
    book = Book()
    opened = book.landed(fill("buy", 1_000, 500, rent=100), pool=POOL, creator=CREATOR)
    assert (opened.base_amount, opened.spent_lamports, opened.is_open) == (1_000, 607, True)
    book.landed(fill("sell", 400, 300), pool=POOL)
    position = book.landed(fill("sell", 600, 400, rent=-100), pool=POOL)
    assert not position.is_open
    assert (position.received_lamports, position.pnl_lamports) == (293 + 493, 786 - 607)
    assert (position.fee_lamports, position.tip_lamports, position.rent_lamports) == (15, 6, 0)
    assert book.pnl_lamports == 179


def test_the_entry_price_comes_from_entries_alone() -> None:
    book = Book()
    book.landed(fill("buy", 1_000, 500), pool=POOL)
    position = book.landed(fill("sell", 400, 300), pool=POOL)
    assert (position.entry_quote, position.entry_base, position.fills) == (500, 1_000, 2)


def test_a_failed_sale_is_a_cost_of_its_position() -> None:
    book = Book()
    book.landed(fill("buy", 1_000, 500), pool=POOL)
    position = book.failed(failure(7))
    assert position is not None
    assert (position.spent_lamports, position.fee_lamports) == (514, 12)


def test_a_failed_entry_is_lost_money_without_a_position() -> None:
    book = Book()
    assert book.failed(failure(7)) is None
    assert (book.lost_lamports, book.pnl_lamports, book.positions) == (7, -7, {})


def test_open_positions_are_asked_by_bot() -> None:
    book = Book()
    for number in (1, 2, 3):
        book.landed(fill("buy", 10, 5, position=number), pool=POOL)
    book.landed(fill("sell", 10, 5, position=3), pool=POOL)
    assert [p.id for p in book.open()] == [1, 2]
    assert [p.id for p in book.open("bot 2")] == [2]


def test_a_position_is_told_as_it_is() -> None:
    book = Book()
    newer = msgspec.structs.replace(POOL, slot=7)
    position = book.landed(fill("buy", 1_000, 500), pool=newer, creator=CREATOR)
    told = position.changed(ts_ns=5, cause=4, recovered=True, reason="recovered")
    assert (told.state, told.base_amount, told.spent_lamports, told.opened_ns) == ("open", 1_000, 507, 99)
    assert (told.pool, told.creator, told.recovered, told.reason, told.cause) == (newer, CREATOR, True, "recovered", 4)
    book.landed(fill("sell", 1_000, 1), pool=newer)
    assert position.changed(ts_ns=6).state == "closed"


AMOUNTS = st.integers(0, 10**12)
RENTS = st.integers(-(10**7), 10**7)
EVENTS = st.one_of(
    st.builds(
        lambda side, base, quote, fee, tip, rent, position: fill(
            side, base, quote, fee=fee, tip=tip, rent=rent, position=position
        ),
        st.sampled_from(["buy", "sell"]),
        AMOUNTS,
        AMOUNTS,
        AMOUNTS,
        AMOUNTS,
        RENTS,
        st.integers(1, 3),
    ),
    st.builds(lambda fee, position: failure(fee, position=position), AMOUNTS, st.integers(1, 3)),
)


@given(st.lists(EVENTS, max_size=30))
def test_pnl_is_the_wallets_change_whatever_happens(events: list[OrderLanded | OrderFailed]) -> None:
    """The law of the book: nothing is estimated, nothing forgotten."""
    book, wallet = Book(), 0
    for event in events:
        wallet += wallet_change(event)
        if isinstance(event, OrderLanded):
            book.landed(event, pool=POOL)
        else:
            book.failed(event)
    assert book.pnl_lamports == wallet
