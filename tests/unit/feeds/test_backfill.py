"""A gap is filled oldest first, within its bounds, and called filled only when all of it came."""

from __future__ import annotations

import asyncio
import json
import random

import msgspec
import pytest

from sniperforge.base import keys
from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import UnavailableError
from sniperforge.feeds.backfill import PAGE_SIGNATURES, Backfill, BackfillIncomplete, late_frame
from sniperforge.feeds.gaps import Gap
from sniperforge.feeds.rpc import Caller, Reply, ReplyError
from sniperforge.feeds.settings import Gaps
from sniperforge.feeds.signature import FULL, transaction_key

PUMP = keys.key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
SWAP = keys.key("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")
GAP = Gap("node", 100, 110)


def signature(number: int) -> str:
    text = ""
    for _ in range(6):
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return "5" * 80 + text


class Node(Caller):
    """A node with a ledger: program -> [(slot, number, failed)], newest first; its moods by method."""

    def __init__(self, ledger: dict[str, list[tuple[int, int, bool]]], **limits: int) -> None:
        async def sleep(seconds: float) -> None:
            await asyncio.sleep(0)

        settings = Gaps(calls_per_s=10_000, **limits)
        super().__init__("http://node.example", settings, sleep=sleep, now_s=lambda: 0.0)
        self.ledger = ledger
        self.slots = {signature(number): slot for rows in ledger.values() for slot, number, _ in rows}
        self.moods: dict[str, list[Reply]] = {}
        self.calls: list[tuple[str, list[object]]] = []
        self.running = self.running_most = 0

    async def call(self, method: str, params: list[object]) -> Reply:
        self.calls.append((method, params))
        self.running += 1
        self.running_most = max(self.running, self.running_most)
        for _ in range(random.randrange(4)):
            await asyncio.sleep(0)
        self.running -= 1
        if self.moods.get(method):
            return self.moods[method].pop(0)
        answer = self._page(params) if method == "getSignaturesForAddress" else self._transaction(str(params[0]))
        return Reply(result=msgspec.Raw(json.dumps(answer).encode()))

    def _page(self, params: list[object]) -> list[dict[str, object]]:
        program, options = params
        assert isinstance(options, dict)
        rows = self.ledger[str(program)]
        names = [signature(number) for _, number, _ in rows]
        start = names.index(options["before"]) + 1 if "before" in options else 0
        return [
            {"signature": signature(number), "slot": slot, "err": {"x": 1} if failed else None, "memo": None}
            for slot, number, failed in rows[start : start + int(options["limit"])]
        ]

    def _transaction(self, wanted: str) -> dict[str, object]:
        return {"slot": self.slots[wanted], "meta": {"err": None}, "transaction": ["AA==", "base64"], "version": 0}


def fill(node: Node, *, programs: int = 1, seen: frozenset[str] = frozenset()) -> tuple[int, list[tuple[int, str]]]:
    """Fill GAP; return what `fill` returned and what came out (-1: it was incomplete)."""
    found: list[tuple[int, str]] = []

    def take(data: bytes, recv_ns: int, source: str, late: bool) -> None:
        assert (recv_ns, source, late) == (77, "backfill node.example", True)
        result = json.loads(data)["params"]["result"]
        found.append((result["slot"], result["signature"]))

    wanted = (PUMP, SWAP)[:programs]
    backfill = Backfill(node, wanted, clock=ManualClock(77), was_seen=seen.__contains__, found=take)
    return asyncio.run(backfill.fill(GAP)), found


def test_what_is_in_the_gap_comes_oldest_first() -> None:
    """Not what failed, was seen, or lies outside; and what two programs name comes once."""
    pump, swap = keys.text(PUMP), keys.text(SWAP)
    node = Node(
        {
            pump: [(111, 9, False), (110, 8, False), (105, 7, True), (104, 6, False), (100, 5, False), (99, 4, False)],
            swap: [(104, 6, False), (102, 3, False)],
        },
        concurrency=3,
    )
    filled, found = fill(node, programs=2, seen=frozenset({signature(5)}))
    assert filled == 3
    assert found == [(102, signature(3)), (104, signature(6)), (110, signature(8))]
    options = node.calls[0][1][1]
    assert options == {"limit": PAGE_SIGNATURES, "commitment": "confirmed", "minContextSlot": 110}


def test_pages_are_turned_until_the_gap_is_left_behind() -> None:
    """Newest first, a thousand at a time; and no more calls at once than set."""
    rows = [(110, number, False) for number in range(1500)] + [(90, number, False) for number in range(1500, 4000)]
    node = Node({keys.text(PUMP): rows}, concurrency=4)
    filled, found = fill(node)
    assert filled == len(found) == 1500
    pages = [params[1] for method, params in node.calls if method == "getSignaturesForAddress"]
    assert [page.get("before") for page in pages if isinstance(page, dict)] == [None, signature(999)]
    assert node.running_most == 4


@pytest.mark.parametrize(
    ("limits", "came", "words"),
    [
        ({"pages_max": 1}, 0, "has more than 1 pages of transactions since then; raise gaps.pages_max"),
        ({"transactions_max": 2}, 2, "999 transactions beyond the bound; raise gaps.transactions_max"),
    ],
)
def test_a_bound_is_told_and_the_gap_stays_open(limits: dict[str, int], came: int, words: str) -> None:
    """What came goes on all the same."""
    node = Node({keys.text(PUMP): [(105, number, False) for number in range(1001)]}, **limits)
    with pytest.raises(BackfillIncomplete) as caught:
        fill(node)
    assert words in str(caught.value)
    assert caught.value.filled == came


def test_a_node_that_is_behind_is_waited_for() -> None:
    """The slot of the gap is processed, not yet confirmed; the transaction named, not yet served."""
    node = Node({keys.text(PUMP): [(105, 1, False)]})
    node.moods = {
        "getSignaturesForAddress": [Reply(error=ReplyError(-32016, "Minimum context slot has not been reached"))] * 2,
        "getTransaction": [Reply()] * 2,
    }
    assert fill(node) == (1, [(105, signature(1))])


@pytest.mark.parametrize(
    ("method", "reply", "words"),
    [
        ("getSignaturesForAddress", Reply(error=ReplyError(-32016, "behind")), "never confirmed those slots; check"),
        ("getSignaturesForAddress", Reply(error=ReplyError(-1, "no")), "refused getSignaturesForAddress: no (code -1)"),
        ("getSignaturesForAddress", Reply(), "getSignaturesForAddress answered something else"),
        (
            "getSignaturesForAddress",
            Reply(result=msgspec.Raw(b'[{"signature":"\\"},{","slot":105}]')),
            "named no signature; check",
        ),
        ("getTransaction", Reply(), "is named by the node but not served; try another rpc"),
        ("getTransaction", Reply(error=ReplyError(-1, "no")), "refused getTransaction: no (code -1)"),
        ("getTransaction", Reply(result=msgspec.Raw(b"[]")), "getTransaction answered something else"),
        ("getTransaction", Reply(result=msgspec.Raw(b'{"slot":"x"}')), "getTransaction answered something else"),
    ],
)
def test_a_node_that_fails_leaves_the_gap_open(method: str, reply: Reply, words: str) -> None:
    """By its words; one program's or transaction's failure does not cost the others."""
    node = Node({keys.text(PUMP): [(105, 1, False)], keys.text(SWAP): []}, attempts_max=2)
    node.moods = {method: [reply] * 2}
    with pytest.raises(UnavailableError) as caught:
        fill(node, programs=2)
    assert words in str(caught.value)
    assert "slots 100 to 110: 0 transactions came, but" in str(caught.value)


def test_one_failed_fetch_does_not_cost_the_others() -> None:
    """They go on, in order."""
    node = Node({keys.text(PUMP): [(104, 2, False), (103, 1, False)]}, concurrency=1)
    node.moods = {"getTransaction": [Reply(error=ReplyError(-1, "no"))]}
    with pytest.raises(BackfillIncomplete) as caught:
        fill(node)
    assert caught.value.filled == 1


def test_a_sink_that_fails_stops_the_fetching() -> None:
    """Its error is nobody's but the sink's; what was under way is cancelled."""
    node = Node({keys.text(PUMP): [(105, number, False) for number in range(9)]}, concurrency=4)

    def broken(data: bytes, recv_ns: int, source: str, late: bool) -> None:
        raise MemoryError("the ring is gone")

    backfill = Backfill(node, (PUMP,), clock=ManualClock(77), was_seen=lambda _: False, found=broken)
    with pytest.raises(MemoryError):
        asyncio.run(backfill.fill(GAP))


def test_a_late_frame_is_known_by_its_signature() -> None:
    """It races like any other."""
    data = late_frame(b'{"slot":5,"meta":{"err":null}}', signature(1), 5)
    assert transaction_key(data) == (signature(1).encode(), FULL)
    assert json.loads(data)["params"]["result"] == {
        "transaction": {"slot": 5, "meta": {"err": None}},
        "signature": signature(1),
        "slot": 5,
    }
