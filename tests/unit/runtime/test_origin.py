"""The oldest transaction that names an account made it, if the way back to it is short and it is news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CreationWanted, TransactionWanted, event_id
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.runtime.origin import BUSY, NOTHING, OLD, PAGE_SIGNATURES, PAGES_MAX, creation

ACCOUNT = Pubkey(bytes([7]) * 32)
WANTED = CreationWanted(
    id=3,
    ts_ns=1,
    origin_ns=2,
    trace_id=4,
    venue="raydium_cpmm",
    account=ACCOUNT,
    slot=1_000,
    slot_min=850,
    second_min=50,
)
Row = dict[str, Any]


def signature(number: int) -> str:
    return f"{number:09d}".replace("0", "z").rjust(88, "5")


def rows(*slots: int, failed: tuple[int, ...] = ()) -> list[Row]:
    """Transactions of these slots, newest first, each signature told by its slot."""
    error = {"InstructionError": [0, "Custom"]}
    return [
        {"signature": signature(slot), "slot": slot, "err": error if slot in failed else None, "memo": None}
        for slot in slots
    ]


def full(slot: int) -> list[Row]:
    return rows(*[slot] * PAGE_SIGNATURES)


class Node:
    """Answers from a list, as the enricher asks: again until it is ready, and None when it never is."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[list[Any]] = []

    async def __call__(self, method: str, parameters: list[Any], what: str, *, ready: Callable[[Any], bool]) -> Any:
        assert (method, what, parameters[0]) == ("getSignaturesForAddress", text(ACCOUNT), text(ACCOUNT))
        self.asked.append(msgspec.json.decode(msgspec.json.encode(parameters[1:])))
        while self.answers:
            answer = self.answers.pop(0)
            if ready(answer):
                return answer
        return None


def found(*answers: Any) -> TransactionWanted | str:
    return asyncio.run(creation(Node(*answers), WANTED))


def slot_of(found: TransactionWanted | str) -> int:
    assert isinstance(found, TransactionWanted)
    return found.slot


def test_the_oldest_of_a_page_that_is_not_full_is_asked_for() -> None:
    told = found(rows(1_003, 1_000, 999))
    assert isinstance(told, TransactionWanted)
    assert (told.signature, told.slot, told.reason) == (signature(999), 999, "account")
    assert told.id == event_id("TransactionWanted", signature(999))
    assert (told.cause, told.origin_ns, told.trace_id) == (3, 2, 4)


def test_a_failed_one_made_nothing() -> None:
    """A first try to make the pool, say; where all failed there is none."""
    assert slot_of(found(rows(1_000, 999, 998, failed=(998,)))) == 999
    assert found(rows(1_000, 999, failed=(1_000, 999))) == NOTHING


def test_a_node_that_does_not_list_it_yet_is_asked_again() -> None:
    """An empty list is "not yet" at first, and "no more" behind a full page."""
    assert slot_of(found([], None, rows(999))) == 999
    assert slot_of(found(full(999), [])) == 999
    assert found() == NOTHING
    assert found(full(999)) == NOTHING


def test_what_reaches_back_too_far_is_no_news() -> None:
    """The last slot that is news is; a full page ends there too."""
    assert slot_of(found(rows(1_000, 850))) == 850
    assert found(rows(1_000, 849)) == OLD
    assert found(rows(1_000, 849, failed=(849,))) == OLD
    assert found(full(849)) == OLD


def test_the_second_it_happened_counts_as_the_slot_does() -> None:
    """Whoever showed the account may lie about its slot; a node that does not know the second says null."""
    (row,) = rows(999)
    assert slot_of(found([{**row, "blockTime": 50}])) == 999
    assert slot_of(found([{**row, "blockTime": None}])) == 999
    assert found([{**row, "blockTime": 49}]) == OLD


def test_the_way_back_is_a_few_pages_long() -> None:
    node = Node(full(990), full(980), rows(970, 960))
    assert slot_of(asyncio.run(creation(node, WANTED))) == 960
    first = {"limit": PAGE_SIGNATURES, "commitment": "confirmed"}
    assert node.asked == [[first], [{**first, "before": signature(990)}], [{**first, "before": signature(980)}]]
    busy = Node(*[full(990)] * (PAGES_MAX + 1))
    assert asyncio.run(creation(busy, WANTED)) == BUSY
    assert len(busy.asked) == PAGES_MAX


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"signature": 1}, "answered something else"),
        ([{"signature": signature(1)}], "answered something else"),
        ([{"signature": "short", "slot": 1}], "is not a signature"),
        ([*full(990), *rows(980)], f"told {PAGE_SIGNATURES + 1} signatures"),
        (3, "answered something else"),
    ],
)
def test_an_answer_of_another_kind_is_refused(answer: Any, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        found(answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 65) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["signature", "slot", "err"]), inner),
)


@given(JSON)
def test_any_answer_is_read_or_refused(answer: Any) -> None:
    try:
        assert found(answer) in (OLD, NOTHING)
    except DecodeError as problem:
        assert "\n" not in str(problem)
