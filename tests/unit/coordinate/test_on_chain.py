"""Same bytes until proven landed or dead: nothing is expired before height and history say so, nothing told twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import DecodeError, UnavailableError
from sniperforge.base.events import (
    Event,
    InputRefused,
    OrderExpired,
    OrderFailed,
    OrderLanded,
    OrderRefused,
    PositionChanged,
)
from sniperforge.base.keys import text
from sniperforge.chain.keystore import from_seed
from sniperforge.chain.rpc import Status
from sniperforge.coordinate.on_chain import ChainExecution
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.dex.programs import TOKEN, ata
from tests.unit.coordinate.stand import START_NS, VENUES, make_buy, make_pool

SECRET = from_seed(bytes(range(32)))
LAST_VALID = 150
FEE = 20_000


class Chain:
    """What a node knows: heights, statuses and transactions, as the test sets them; and what it was sent."""

    def __init__(self) -> None:
        self.height = 10
        self.statuses_by: dict[str, Status] = {}
        self.transactions: dict[str, dict[str, Any]] = {}
        self.sent: list[tuple[str, bytes]] = []
        self.calls = self.retries = 0
        self.failure: Exception | None = None
        self.asked: list[str] = []

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if self.failure is not None:
            raise self.failure

    def send(self, signature: str, raw: bytes, now_ns: int) -> None:
        self.sent.append((signature, raw))

    async def latest_blockhash(self, commitment: str) -> tuple[bytes, int]:
        self._ask("blockhash")
        return bytes([self.height % 251]) * 32, LAST_VALID

    async def block_height(self, commitment: str) -> int:
        self._ask(f"height {commitment}")
        return self.height

    async def statuses(self, signatures: list[str], *, history: bool) -> list[Status | None]:
        self._ask(f"statuses history={history}")
        return [self.statuses_by.get(signature) for signature in signatures]

    async def transaction(self, signature: str, commitment: str) -> dict[str, Any] | None:
        self._ask("transaction")
        return self.transactions.get(signature)

    async def balance(self, wallet: bytes, commitment: str) -> int:
        self._ask("balance")
        return 10**10

    async def close(self) -> None:
        self.asked.append("close")

    def lands(self, signature: str, *, error: object = None, commitment: str = "confirmed") -> None:
        """Put a buy of 777 coins for all its money into a block."""
        coins = ata(SECRET.public_key, make_pool().base_mint, TOKEN)
        keys = [text(SECRET.public_key), text(coins)]
        spent = 0 if error else 10_000_000
        after = (
            []
            if error
            else [
                {
                    "accountIndex": 1,
                    "mint": text(make_pool().base_mint),
                    "owner": keys[0],
                    "uiTokenAmount": {"amount": "777"},
                }
            ]
        )
        self.statuses_by[signature] = Status(9, "failed" if error else "", commitment)
        self.transactions[signature] = {
            "slot": 9,
            "meta": {
                "err": error,
                "fee": FEE,
                "preBalances": [10**10, 2_039_280],
                "postBalances": [10**10 - spent - FEE, 2_039_280],
                "preTokenBalances": [],
                "postTokenBalances": after,
            },
            "transaction": {"message": {"accountKeys": keys}, "signatures": [signature]},
        }


class Desk:
    """A coordinator on that chain; its background tasks are called by hand."""

    def __init__(self, folder: Path, chain: Chain) -> None:
        key_file = folder / "id.json"
        if not key_file.exists():
            key_file.write_text(json.dumps(list(SECRET.reveal())))
            key_file.chmod(0o600)
        self.settings = CoordinateSettings(
            execution="rpc", rpc="http://127.0.0.1:1", keypair=str(key_file), journal=str(folder / "journal")
        )
        self.chain, self.clock, self.told = chain, ManualClock(START_NS), list[Event]()
        self.open()

    def open(self) -> None:
        """A new life over the same journal; asks the chain as `start` does."""
        self.coordinator = Coordinator(
            self.settings, clock=self.clock, publish=self.told.append, venues=VENUES, transport=self.chain
        )
        self.coordinator.open()
        execution = self.coordinator._execution
        assert isinstance(execution, ChainExecution)
        self.execution = execution
        execution.client = self.chain  # type: ignore[assignment]

        async def start() -> None:
            execution._every = lambda *arguments, **options: None  # type: ignore[method-assign]
            await self.coordinator.start()
            self.coordinator._tasks.pop().cancel()

        asyncio.run(start())

    def poll(self, ms: int = 1_000) -> None:
        self.clock.advance(ms * 1_000_000)

        async def steps() -> None:
            await self.execution._poll_blockhash()
            await self.execution._poll_statuses()
            await self.execution._poll_finality()
            await self.execution._resend()

        asyncio.run(steps())

    def buy(self, number: int = 1) -> str:
        """Propose a buy; return its signature."""
        self.coordinator.on(make_buy(number))
        return self.chain.sent[-1][0]

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.told)

    def state(self, order_id: int = 1001) -> str:
        order = self.coordinator.journal.order(order_id)
        assert order is not None
        return order.state


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, Chain())
    yield made
    made.coordinator.close()


def test_a_confirmed_transaction_is_a_fill_once(desk: Desk) -> None:
    desk.chain.lands(desk.buy())
    desk.poll()
    desk.poll()
    assert (desk.count(OrderLanded), desk.count(PositionChanged), desk.state()) == (1, 1, "confirmed")


def test_a_processed_one_is_only_noted(desk: Desk) -> None:
    """A fork may still drop it: no fill before the commitment of the settings."""
    signature = desk.buy()
    desk.chain.lands(signature, commitment="processed")
    desk.poll()
    assert (desk.count(OrderLanded), desk.state()) == (0, "processed")
    sent = len(desk.chain.sent)
    desk.poll()
    assert len(desk.chain.sent) == sent
    del desk.chain.statuses_by[signature]
    desk.poll()
    assert desk.state() == "sent"
    assert len(desk.chain.sent) == sent + 1


def test_finality_is_written_after_the_fill_was_told(desk: Desk) -> None:
    signature = desk.buy()
    desk.chain.lands(signature)
    desk.poll()
    desk.chain.lands(signature, commitment="finalized")
    desk.poll()
    assert (desk.state(), desk.count(OrderLanded)) == ("finalized", 1)


def test_finality_is_asked_again_in_the_next_life(desk: Desk) -> None:
    signature = desk.buy()
    desk.chain.lands(signature)
    desk.poll()
    desk.coordinator.close()
    desk.open()
    desk.chain.lands(signature, commitment="finalized")
    desk.poll()
    assert desk.state() == "finalized"


def test_a_transaction_the_node_cannot_show_yet_is_asked_again(desk: Desk) -> None:
    signature = desk.buy()
    desk.chain.lands(signature)
    shown = desk.chain.transactions.pop(signature)
    desk.poll()
    assert (desk.count(OrderLanded), desk.execution.unproven) == (0, 1)
    desk.chain.transactions[signature] = shown
    desk.poll()
    assert desk.count(OrderLanded) == 1


def test_a_revert_costs_its_fee_and_frees_the_pool(desk: Desk) -> None:
    desk.chain.lands(desk.buy(), error={"InstructionError": [4, {"Custom": 6005}]})
    desk.poll()
    (failed,) = [event for event in desk.told if isinstance(event, OrderFailed)]
    assert (failed.problem, failed.fee_lamports, failed.retryable) == ("InstructionError[4, Custom 6005]", FEE, True)
    assert desk.coordinator.stats()["claims"] == 0


def test_the_same_bytes_are_sent_until_they_are_seen(desk: Desk) -> None:
    signature = desk.buy()
    for _ in range(3):
        desk.poll()
    assert len(desk.chain.sent) == 4
    assert len(set(desk.chain.sent)) == 1
    desk.chain.lands(signature)
    desk.poll()
    desk.poll()
    assert len(desk.chain.sent) == 4
    assert desk.coordinator.stats()["resent"] == 3


def test_nothing_is_re_sent_before_its_time(desk: Desk) -> None:
    desk.buy()
    desk.poll(ms=100)
    assert len(desk.chain.sent) == 1


def test_an_order_expires_after_its_height_and_not_at_it(desk: Desk) -> None:
    """Height at the configured commitment first, full history after: only both together are proof."""
    desk.buy()
    desk.chain.height = LAST_VALID
    desk.poll()
    assert desk.count(OrderExpired) == 0
    desk.chain.height = LAST_VALID + 1
    desk.chain.asked.clear()
    desk.poll()
    assert (desk.count(OrderExpired), desk.state()) == (1, "expired")
    proof = [step for step in desk.chain.asked if step.startswith(("height", "statuses"))]
    assert proof == ["height finalized", "statuses history=True"]
    assert desk.coordinator.stats()["claims"] == 0


def test_a_dead_order_the_history_knows_is_a_fill(desk: Desk) -> None:
    signature = desk.buy()
    desk.chain.lands(signature)
    desk.chain.height = LAST_VALID + 1
    desk.poll()
    assert (desk.count(OrderLanded), desk.count(OrderExpired)) == (1, 0)


def test_a_dead_order_is_not_sent_again(desk: Desk) -> None:
    desk.buy()
    desk.chain.height = LAST_VALID + 1
    desk.execution._height = LAST_VALID + 1
    asyncio.run(desk.execution._resend())
    assert len(desk.chain.sent) == 1


def test_an_old_blockhash_signs_nothing(desk: Desk) -> None:
    desk.clock.advance(20_001 * 1_000_000)
    desk.coordinator.on(make_buy())
    (refused,) = [event for event in desk.told if isinstance(event, OrderRefused)]
    assert (refused.limit, refused.asked, refused.allowed) == ("risk.blockhash_age_ms_max", 20_001, 20_000)
    assert desk.chain.sent == []


def test_an_endpoint_that_falls_behind_does_not_take_us_back(desk: Desk) -> None:
    desk.execution._last_valid = LAST_VALID + 5
    before = desk.execution._blockhash
    desk.chain.height = 77
    asyncio.run(desk.execution._poll_blockhash())
    assert desk.execution._blockhash == before
    asyncio.run(desk.execution._poll_height())
    desk.chain.height = 5
    asyncio.run(desk.execution._poll_height())
    assert desk.execution._height == 77


def test_the_balance_is_taken_only_when_nothing_is_in_flight(desk: Desk) -> None:
    desk.execution._tasks.append(None)  # type: ignore[arg-type]
    desk.buy()
    wallet = desk.coordinator.desk.exposure.wallet_lamports
    asyncio.run(desk.execution._poll_balance())
    assert desk.coordinator.desk.exposure.wallet_lamports == wallet
    desk.execution._tasks.clear()


def test_settling_asks_at_once(desk: Desk) -> None:
    desk.execution.settle_all(0)
    assert desk.execution._wake.is_set()
    desk.execution._wake.clear()
    desk.execution._seen("sig", "")
    assert desk.execution._wake.is_set()


def test_a_background_failure_is_told_once_and_does_not_end_the_task(desk: Desk) -> None:
    """The endpoint is down for a while: one line, then silence, then work."""
    steps: list[str] = []

    async def step() -> None:
        steps.append("step")
        if len(steps) == 4:
            raise DecodeError("endpoint: getSlot answered not JSON; use another")
        raise UnavailableError("endpoint: getSlot failed 4 times; check the endpoint")

    async def scenario() -> None:
        for wake in (None, asyncio.Event()):
            ChainExecution._every(desk.execution, 1, step, "test", wake=wake)
        while len(steps) < 6:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        await ChainExecution.stop(desk.execution)

    desk.chain.target = desk.execution.client.target = type("T", (), {"name": "endpoint"})  # type: ignore[attr-defined, assignment]
    asyncio.run(scenario())
    told = [event for event in desk.told if isinstance(event, InputRefused)]
    assert 2 <= len(told) <= 3
    assert (told[0].where, told[0].cure) == ("endpoint", "check the endpoint")


def test_a_bug_in_a_background_task_ends_the_process_not_the_task(desk: Desk) -> None:
    async def broken() -> None:
        raise KeyError("a bug")

    async def scenario() -> None:
        ChainExecution._every(desk.execution, 1, broken, "test")
        await desk.execution._tasks[0]

    asyncio.run(scenario())
    with pytest.raises(KeyError):
        desk.coordinator.on(make_buy())
    assert desk.chain.sent == []


def test_an_endpoint_that_is_down_at_the_start_lets_go_of_the_journal(tmp_path: Path) -> None:
    chain = Chain()
    chain.failure = UnavailableError("down; wait")
    with pytest.raises(UnavailableError, match="down"):
        Desk(tmp_path, chain)
    chain.failure = None
    Desk(tmp_path, chain).coordinator.close()


def test_news_that_come_twice_are_told_once(desk: Desk) -> None:
    """Between question and answer somebody else may have ended the order."""
    signature = desk.buy()
    desk.chain.lands(signature)
    (order,) = desk.coordinator.desk.open_orders.values()
    shown = desk.chain.transaction

    async def meanwhile(asked: str, commitment: str) -> dict[str, Any] | None:
        answer = await shown(asked, commitment)
        desk.coordinator.failed(order, "elsewhere", 5, START_NS)
        return answer

    desk.chain.transaction = meanwhile  # type: ignore[method-assign, assignment]
    asyncio.run(desk.execution._settle([order], prove=False))
    asyncio.run(desk.execution._settle([order], prove=False))
    desk.coordinator.failed(order, "again", 5, START_NS)
    assert (desk.count(OrderFailed), desk.count(OrderLanded)) == (1, 0)


def test_a_subscription_is_held_for_what_is_in_flight(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Chain())
    first = desk.buy()
    desk.coordinator.close()
    desk.settings = msgspec.structs.replace(desk.settings, ws="ws://127.0.0.1:1")
    desk.open()
    watch = desk.execution._watch
    assert watch is not None
    second = desk.buy(2)
    assert list(watch._wanted) == [first, second]
    desk.chain.lands(first, error="AccountInUse")
    desk.poll()
    assert list(watch._wanted) == [second]
    desk.coordinator.close()


def test_a_coordinator_can_be_primed_without_an_endpoint(desk: Desk) -> None:
    desk.coordinator.prime(b"\x05" * 32, 99, wallet_lamports=10**9)
    desk.buy()
    order = desk.coordinator.journal.order(1001)
    assert order is not None
    assert order.last_valid_block_height == 99
    assert b"\x05" * 32 in order.raw


POINTS = st.sampled_from(["poll", "lands", "reverts", "dies", "crash", "again"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(POINTS, max_size=12))
def test_whatever_happens_there_is_one_signature_and_one_end(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Crashes, repeats and late news in any order: one order, one signature, at most one end."""
    desk = Desk(tmp_path_factory.mktemp("lives"), Chain())
    signature = desk.buy()
    for step in steps:
        if step == "poll":
            desk.poll()
        elif step == "lands" and signature not in desk.chain.statuses_by and desk.chain.height <= LAST_VALID:
            desk.chain.lands(signature)
        elif step == "reverts" and signature not in desk.chain.statuses_by and desk.chain.height <= LAST_VALID:
            desk.chain.lands(signature, error="AccountInUse")
        elif step == "dies":
            desk.chain.height = LAST_VALID + 1
        elif step == "again":
            desk.coordinator.on(make_buy())
        elif step == "crash":
            desk.coordinator.close()
            desk.told.clear()
            desk.open()
    desk.poll()
    known = signature in desk.chain.statuses_by
    wanted = {
        True: {"confirmed", "failed"},
        False: {"expired"} if desk.chain.height > LAST_VALID else {"signed", "sent"},
    }
    assert desk.state() in wanted[known]
    assert {sent for sent, _ in desk.chain.sent} == {signature}
    ends = [s for s, _ in desk.coordinator.journal.transitions(1001) if s in ("confirmed", "failed", "expired")]
    assert len(ends) <= 1
    desk.coordinator.close()
