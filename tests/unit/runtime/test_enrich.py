"""What a frame lacked is fetched off the path, asked again while it is not there, bounded; told if it never came."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import UnavailableError
from sniperforge.base.events import (
    CreationWanted,
    Event,
    Frame,
    InputRefused,
    TokenInspected,
    TokenWanted,
    TransactionWanted,
)
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.dex.programs import TOKEN
from sniperforge.runtime import enrich
from sniperforge.runtime.enrich import ATTEMPTS, CREATIONS_MAX, IN_FLIGHT_MAX, Enricher
from sniperforge.runtime.loop import Message

NOW = 5
MINT = Pubkey(bytes([7]) * 32)
#: An SPL mint: authority 9…9, supply 1000, 6 decimals, initialised, no freeze authority.
ACCOUNT = (1).to_bytes(4, "little") + bytes([9]) * 32 + (1000).to_bytes(8, "little") + bytes([6, 1]) + bytes(36)
FOUND = {"value": {"owner": text(TOKEN), "data": [base64.b64encode(ACCOUNT).decode(), "base64"]}}


class Node(RpcClient):
    """A node that answers from a list, the last entry for ever; an exception in it is raised."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(endpoint("http://h/?api-key=SECRETVALUE", where="rpc"))
        self.answers, self.asked, self.closed = list(answers), list[str](), False

    async def call(self, method: str, params: Sequence[object]) -> Any:
        self.asked.append(method)
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True


def played(node: Node, *events: Event, then: Callable[[Enricher], Awaitable[None]] | None = None) -> list[Message]:
    """Return what an enricher delivers for *events*."""
    told: list[Message] = []

    async def no_pause(seconds: float) -> None:
        assert 0 < seconds <= enrich.WAIT_MAX_S

    async def main() -> None:
        enricher = Enricher(node, told.append, ManualClock(NOW), pause=no_pause)
        for event in events:
            assert enricher.take(event)
        await enricher.finish()
        if then is not None:
            await then(enricher)
        await enricher.stop()

    asyncio.run(main())
    assert node.closed
    return told


def wanted(number: int = 1) -> TransactionWanted:
    return TransactionWanted(signature=f"s{number}", slot=1, reason="logs_truncated")


def test_a_transaction_comes_as_a_late_frame() -> None:
    told = played(Node({"slot": 1}), wanted())
    assert told == [Frame(orjson.dumps({"slot": 1}), NOW, "fetched", late=True)]


def test_a_transaction_that_is_not_there_yet_is_asked_for_again() -> None:
    node = Node(None, UnavailableError("busy"), {"slot": 1})
    assert len(played(node, wanted())) == 1
    assert node.asked == ["getTransaction"] * 3


def test_what_never_comes_is_told_without_the_endpoints_key() -> None:
    node = Node(UnavailableError("bad key SECRETVALUE; check it"))
    (refused,) = played(node, wanted())
    assert isinstance(refused, InputRefused)
    assert refused.where == "getTransaction s1"
    assert f"after {ATTEMPTS} attempts" in refused.problem
    assert "SECRETVALUE" not in refused.problem
    assert len(node.asked) == ATTEMPTS


def test_a_mint_is_read() -> None:
    (told,) = played(Node(FOUND), TokenWanted(id=3, mint=MINT, trace_id=4, origin_ns=2))
    assert isinstance(told, TokenInspected)
    assert (told.found, told.decimals, told.supply, told.freeze_authority) == (True, 6, 1000, ZERO_KEY)
    assert (told.mint, told.token_program, told.mint_authority) == (MINT, TOKEN, bytes([9]) * 32)
    assert (told.cause, told.trace_id, told.origin_ns, told.ts_ns) == (3, 4, 2, NOW)


def test_a_mint_is_asked_for_once_and_told_to_everybody() -> None:
    """Detection and every bot want the same one."""
    node = Node(FOUND)
    ask = TokenWanted(mint=MINT)

    async def again(enricher: Enricher) -> None:
        assert enricher.take(ask)

    told = played(node, ask, ask, then=again)
    assert [type(each) for each in told] == [TokenInspected, TokenInspected]
    assert node.asked == ["getAccountInfo"]


def test_a_mint_that_could_not_be_read_is_told_and_may_be_asked_again() -> None:
    odd = {"value": {"owner": "x", "data": []}}
    short = {"value": {"owner": text(TOKEN), "data": ["AAAA", "base64"]}}
    answers: list[Any] = [odd, short, {"value": None}, [], 3]
    for answer in answers:
        node = Node(answer)

        async def again(enricher: Enricher) -> None:
            assert enricher.take(TokenWanted(mint=MINT))
            await enricher.finish()

        told = [each for each in played(node, TokenWanted(mint=MINT), then=again) if isinstance(each, TokenInspected)]
        assert [each.found for each in told] == [False, False]


def test_mints_kept_are_bounded() -> None:
    node = Node(FOUND)
    before, enrich.TOKENS_KEPT = enrich.TOKENS_KEPT, 2
    try:
        mints = [TokenWanted(mint=Pubkey(bytes([number]) * 32)) for number in (1, 2, 3, 1)]
        played(node, *mints)
    finally:
        enrich.TOKENS_KEPT = before
    assert len(node.asked) == 4


def test_what_there_is_no_room_for_is_counted_and_told() -> None:
    asked = [wanted(number) for number in range(IN_FLIGHT_MAX + 5)]
    told = played(Node({"slot": 1}), *asked)
    refused = [each for each in told if isinstance(each, InputRefused)]
    assert len([each for each in told if isinstance(each, Frame)]) == IN_FLIGHT_MAX
    assert [each.problem.rpartition(", ")[2] for each in refused] == [
        f"{count} were dropped so far" for count in (1, 2, 4)
    ]


def test_what_asks_for_nothing_is_left_to_others() -> None:
    async def main() -> None:
        enricher = Enricher(Node(None), lambda message: None, ManualClock(NOW))
        assert not enricher.take(InputRefused(where="", problem="", cure=""))
        await enricher.finish()
        await enricher.stop()

    asyncio.run(main())


def test_stopping_drops_what_is_in_flight() -> None:
    told: list[Message] = []

    async def main() -> None:
        enricher = Enricher(Node(None), told.append, ManualClock(NOW))
        enricher.take(wanted())
        await asyncio.sleep(0)
        await enricher.stop()

    asyncio.run(main())
    assert told == []


SIGNATURE = "5" * 88


def made(number: int = 1) -> CreationWanted:
    account = Pubkey(number.to_bytes(32, "big"))
    return CreationWanted(id=number, venue="raydium_cpmm", account=account, slot=100, slot_min=50, second_min=0)


def test_who_made_an_account_comes_as_a_question_for_detection() -> None:
    """Not as a frame: detection may know the transaction by then."""
    node = Node([], [{"signature": SIGNATURE, "slot": 99}])
    (told,) = played(node, made(3))
    assert isinstance(told, TransactionWanted)
    assert (told.signature, told.slot, told.cause, told.ts_ns) == (SIGNATURE, 99, 3, NOW)
    assert node.asked == ["getSignaturesForAddress"] * 2


def test_what_is_asked_for_at_the_end_is_waited_for_too() -> None:
    """The answer to one question makes another."""
    node = Node([{"signature": SIGNATURE, "slot": 99}], {"slot": 99})
    told: list[Message] = []

    async def main() -> None:
        def deliver(message: Message) -> None:
            told.append(message)
            if isinstance(message, TransactionWanted):
                assert enricher.take(message)

        enricher = Enricher(node, deliver, ManualClock(NOW))
        assert enricher.take(made())
        await enricher.finish()
        await enricher.stop()
        assert enricher.creations == {"found": 1, "old": 0, "busy": 0, "nothing": 0}

    asyncio.run(main())
    assert [type(each) for each in told] == [TransactionWanted, Frame]


def test_an_old_account_ends_there_and_a_bad_answer_is_told() -> None:
    ends: list[dict[str, int]] = []

    async def then(enricher: Enricher) -> None:
        ends.append(enricher.creations)

    assert played(Node([{"signature": SIGNATURE, "slot": 49}]), made(), then=then) == []
    (refused,) = played(Node([{"signature": "x", "slot": 49}]), made(), then=then)
    assert isinstance(refused, InputRefused)
    assert refused.where == f"account {text(Pubkey((1).to_bytes(32, 'big')))}"
    assert refused.problem == "'x' is not a signature"
    assert ends == [
        {"found": 0, "old": 1, "busy": 0, "nothing": 0},
        {"found": 0, "old": 0, "busy": 0, "nothing": 1},
    ]


def test_a_flood_of_accounts_takes_no_room_of_anything_else() -> None:
    """It has its own, what does not fit is counted and told; a transaction is fetched all the same."""
    flood = [made(number) for number in range(CREATIONS_MAX + 2)]
    node = Node(*[[{"signature": SIGNATURE, "slot": 49}]] * CREATIONS_MAX, {"slot": 1})
    told = played(node, *flood, wanted())
    assert [each.problem for each in told if isinstance(each, InputRefused)] == [
        f"{CREATIONS_MAX} requests are in flight, {count} were dropped so far" for count in (1, 2)
    ]
    assert len([each for each in told if isinstance(each, Frame)]) == 1
    assert node.asked.count("getSignaturesForAddress") == CREATIONS_MAX
