"""What the journal said is there after any crash; what it cannot be is one clear line."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.events import OrderExpired, OrderRefused
from sniperforge.coordinate.journal import (
    IN_FLIGHT,
    NEXT,
    IllegalTransition,
    Journal,
    JournalFailed,
    JournalUnusable,
    Order,
)
from tests.unit.coordinate.stand import make_buy, make_pool

NOW = 1_000
STATES = ["signed", "sent", "processed", "confirmed", "finalized", "failed", "expired", "superseded", "refused"]


def signed(number: int = 1, **changes: object) -> Order:
    intent = make_buy(number)
    order = Order(intent.id, intent, "signed", f"signature {number}", b"raw", 77, 5_000, NOW, claimed=True)
    for name, value in changes.items():
        setattr(order, name, value)
    return order


def expired(order: Order) -> OrderExpired:
    return OrderExpired(
        order_id=order.id, bot="first", pool=order.intent.pool.address, side="buy", signature=order.signature
    )


def test_an_order_comes_back_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    order = signed()
    journal.signed(order, NOW)
    journal.close()
    journal = Journal(tmp_path / "j")
    assert list(journal.orders()) == [order]
    assert journal.order(order.id) == order
    assert journal.order(4711) is None
    assert order.in_flight


def test_an_end_and_its_event_are_one_write(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    order = signed()
    journal.signed(order, NOW)
    journal.moved(order, "sent", NOW + 1)
    journal.moved(order, "expired", NOW + 2, outcome=expired(order))
    assert (order.state, order.outcome, order.claimed) == ("expired", expired(order), False)
    (again,) = journal.orders()
    assert again == order
    assert journal.transitions(order.id) == [
        ("proposed", NOW),
        ("admitted", NOW),
        ("signed", NOW),
        ("sent", NOW + 1),
        ("expired", NOW + 2),
    ]


def test_a_refusal_is_kept_with_its_words(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    intent = make_buy()
    told = OrderRefused(order_id=intent.id, bot="first", pool=intent.pool.address, limit="risk.x", asked=2, allowed=1)
    journal.refused(intent, told, NOW)
    (order,) = journal.orders()
    assert (order.state, order.outcome, order.in_flight) == ("refused", told, False)
    assert [state for state, _ in journal.transitions(intent.id)] == ["proposed", "refused"]


def test_one_pool_cannot_be_claimed_twice_even_by_a_bug(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    first = signed(1)
    journal.signed(first, NOW)
    second = signed(2, intent=msgspec.structs.replace(make_buy(2), pool=make_pool(1)))
    with pytest.raises(JournalFailed, match="is there already"):
        journal.signed(second, NOW)
    assert journal.claims() == {make_pool(1).address: first.id}
    journal.released(first)
    assert not first.claimed
    journal.signed(second, NOW)


def test_one_order_cannot_be_written_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.signed(signed(), NOW)
    with pytest.raises(JournalFailed, match="is there already"):
        journal.signed(signed(claimed=False), NOW)
    assert len(list(journal.orders())) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STATES), max_size=6))
def test_only_steps_of_the_state_machine_are_written(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    journal = Journal(tmp_path_factory.mktemp("j") / "j")
    order = signed()
    journal.signed(order, NOW)
    walked = ["proposed", "admitted", "signed"]
    for state in steps:
        before = order.state
        if state in NEXT.get(before, frozenset()):
            journal.moved(order, state, NOW)
            walked.append(state)
        else:
            with pytest.raises(IllegalTransition, match=f"{before} -> {state}"):
                journal.moved(order, state, NOW)
            assert order.state == before
    assert [state for state, _ in journal.transitions(order.id)] == walked
    journal.close()


def test_what_may_be_in_flight_can_still_end() -> None:
    for state in IN_FLIGHT:
        assert {"failed", "expired", "confirmed"} <= NEXT[state]
    for final in ("finalized", "failed", "expired", "superseded", "refused"):
        assert final not in NEXT


@pytest.mark.parametrize(("durability", "level"), [("process", 1), ("power", 2)])
def test_durability_is_the_synchronous_level_of_the_write_ahead_log(
    tmp_path: Path, durability: str, level: int
) -> None:
    journal = Journal(tmp_path / "j", durability=durability)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    # No checkpoint ever runs inside a commit on the hot path.
    assert journal._connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)


def test_the_log_is_folded_in_when_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j")
    journal.signed(signed(1), NOW)
    size = (tmp_path / "j").stat().st_size
    journal.checkpoint()
    assert (tmp_path / "j").stat().st_size == size
    monkeypatch.setattr("sniperforge.coordinate.journal.CHECKPOINT_PAGES", 0)
    journal.checkpoint()
    assert (tmp_path / "j").stat().st_size > size


# ── the tail ──


def crashed(journal: Journal) -> None:
    """The process is gone: nothing more is written, the lock dies with it."""
    journal._pending.clear()
    journal.close()


def test_what_is_in_the_tail_alone_survives(tmp_path: Path) -> None:
    """Written by one append, not yet in the tables: the next life brings it in, once."""
    journal = Journal(tmp_path / "j")
    order = signed()
    journal.signed(order, NOW)
    assert journal._connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)
    crashed(journal)
    journal = Journal(tmp_path / "j")
    assert list(journal.orders()) == [order]
    assert (tmp_path / "j.tail").stat().st_size == 0
    assert [state for state, _ in journal.transitions(order.id)] == ["proposed", "admitted", "signed"]


def test_a_crash_between_tables_and_clearing_writes_nothing_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    order = signed()
    journal.signed(order, NOW)
    record = (tmp_path / "j.tail").read_bytes()
    journal.moved(order, "sent", NOW + 1)
    journal.close()
    (tmp_path / "j.tail").write_bytes(record)
    journal = Journal(tmp_path / "j")
    assert [o.state for o in journal.orders()] == ["sent"]
    assert [state for state, _ in journal.transitions(order.id)] == ["proposed", "admitted", "signed", "sent"]


def test_the_tail_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.coordinate.journal.PENDING_MAX", 2)
    journal = Journal(tmp_path / "j")
    for number, waiting in ((1, 1), (2, 0), (3, 1)):
        journal.signed(signed(number), NOW)
        assert len(journal._pending) == waiting


def test_a_tail_that_cannot_be_written_sends_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    os.close(journal._tail._file)
    with pytest.raises(JournalFailed, match="nothing is sent"):
        journal.signed(signed(), NOW)


def test_a_tail_of_another_journal_is_refused(tmp_path: Path) -> None:
    """Its claims are taken here: somebody mixed two journals up."""
    journal = Journal(tmp_path / "j")
    journal.signed(signed(2, intent=msgspec.structs.replace(make_buy(2), pool=make_pool(1))), NOW)
    foreign = (tmp_path / "j.tail").read_bytes()
    crashed(journal)
    (tmp_path / "j.tail").write_bytes(b"")
    journal = Journal(tmp_path / "j")
    journal.signed(signed(1), NOW)
    journal.close()
    (tmp_path / "j.tail").write_bytes(foreign)
    with pytest.raises(JournalUnusable, match="tail does not fit it"):
        Journal(tmp_path / "j")


# ── what cannot be used ──


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    first = Journal(tmp_path / "j")
    with pytest.raises(JournalUnusable, match="another coordinator holds it"):
        Journal(tmp_path / "j")
    first.close()
    Journal(tmp_path / "j").close()


def test_a_journal_of_the_future_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path / "j").close()
    with sqlite3.connect(tmp_path / "j") as file:
        file.execute("UPDATE meta SET value = 99")
    for _ in range(2):
        with pytest.raises(JournalUnusable, match="schema 99, this version reads 1; upgrade"):
            Journal(tmp_path / "j")


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look", b"SQLite format 3\0" + bytes(200)]
)
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(JournalUnusable, match="not a usable journal") as caught:
        Journal(tmp_path / "j")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "j").read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "j") as file:
        file.execute("CREATE TABLE meta(key, value)")
    with pytest.raises(JournalUnusable, match="not a usable journal"):
        Journal(tmp_path / "j")


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="cannot open: No such file"):
        Journal(tmp_path / "nowhere" / "j")


def test_a_damaged_row_stops_the_start(tmp_path: Path) -> None:
    """Going on without an order that may be in flight could buy twice."""
    journal = Journal(tmp_path / "j")
    journal.signed(signed(), NOW)
    journal.flush()
    journal._connection.execute("UPDATE orders SET intent = x'c1'")
    with pytest.raises(JournalUnusable, match="order 1001: OrderProposed"):
        list(journal.orders())


def test_a_write_the_disk_refuses_changes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    order = signed()
    journal.signed(order, NOW)
    journal.flush()
    journal._connection.close()
    with pytest.raises(JournalFailed, match="check the disk"):
        journal.moved(order, "sent", NOW)
    with pytest.raises(JournalFailed, match="check the disk"):
        journal.released(order)
    assert (order.state, order.claimed) == ("signed", True)


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.rehearse(signed())
    assert (list(journal.orders()), journal.claims()) == ([], {})
    assert (tmp_path / "j.tail").stat().st_size == 0
    journal.signed(signed(), NOW)
    assert len(list(journal.orders())) == 1
    journal.close()
