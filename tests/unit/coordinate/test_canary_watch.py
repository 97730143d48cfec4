"""A difference halts its venue and says why; only proof lifts the halt; an endpoint that fails does neither."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import ConfigError, DecodeError, UnavailableError
from sniperforge.base.events import Event, HaltChanged, InputRefused
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.rpc import RpcRefused, endpoint
from sniperforge.coordinate.canary import Deployed, Difference, Judged, compare
from sniperforge.coordinate.canary_forms import stand_in
from sniperforge.coordinate.canary_reading import UPGRADEABLE_LOADER
from sniperforge.coordinate.canary_watch import (
    ENOUGH,
    Bounds,
    CanaryWatch,
    alarm_line,
    known_slots,
    look,
)
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.detect.values import base58_text
from sniperforge.dex import raydium_cpmm
from sniperforge.dex.raydium_cpmm_layouts import POOL_STATE, POOL_STATE_SIZE
from tests.unit.coordinate.stand import START_NS, name_key
from tests.unit.coordinate.test_canary import EQUAL, OTHER
from tests.unit.coordinate.test_canary_reading import TRADE, body, message_of

CPMM = raydium_cpmm.VENUE
DATA_AT = name_key("program data")
POOL = stand_in("address")
BOUNDS = Bounds()


def account(owner: Pubkey, raw: bytes) -> dict[str, object]:
    return {"owner": text(owner), "data": [base64.b64encode(raw).decode(), "base64"], "lamports": 1}


def pool_state(**keys: Pubkey) -> bytes:
    """A PoolState that names the stand-ins our swap lists, or other keys."""
    order = ("amm_config", "pool_creator", "base_vault", "quote_vault", "lp_mint", "base_mint", "quote_mint")
    named = b"".join(keys.get(name, stand_in(name)) for name in (*order, "p0", "p1", "observation_state"))
    return (POOL_STATE + named).ljust(POOL_STATE_SIZE, b"\0")


class Chain:
    """An endpoint with *count* equal swaps, as it would answer."""

    def __init__(self, count: int = 2) -> None:
        self.target = endpoint("http://127.0.0.1:1/key", where="test")
        self.slot = 70
        self.signatures = [base58_text(bytes([n + 1]) * 64) for n in range(count)]
        self.transactions: dict[str, object] = {one: body(message_of(TRADE)) for one in self.signatures}
        self.accounts: dict[str, object] = {
            text(CPMM.program): account(UPGRADEABLE_LOADER, (2).to_bytes(4, "little") + DATA_AT),
            text(POOL): account(CPMM.program, pool_state()),
        }
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.wait_s = 0.0
        self.closed = False

    async def call(self, method: str, params: Sequence[Any]) -> object:
        self.asked.append(method)
        await asyncio.sleep(self.wait_s)
        if self.failure is not None:
            raise self.failure
        if method == "getSignaturesForAddress":
            failed = {"signature": "x", "slot": 78, "err": {"InstructionError": [0, "Custom"]}}
            return [failed, *({"signature": one, "slot": 77, "err": None} for one in self.signatures)]
        if method == "getTransaction":
            answer = self.transactions[params[0]]
            if isinstance(answer, Exception):
                raise answer
            return answer
        if method == "getAccountInfo":
            if params[0] == text(DATA_AT):
                assert params[1]["dataSlice"] == {"offset": 0, "length": 45}
                raw = (3).to_bytes(4, "little") + self.slot.to_bytes(8, "little")
                return {"value": account(UPGRADEABLE_LOADER, raw)}
            return {"value": self.accounts.get(params[0])}
        return {"value": [self.accounts.get(one) for one in params[0]]}

    async def close(self) -> None:
        self.closed = True


def looked(chain: Chain, bounds: Bounds = BOUNDS) -> Judged:
    return asyncio.run(look(chain, CPMM, bounds))  # type: ignore[arg-type]


# ── one look ──────────────────────────────────────────────────────────────


def test_equal_swaps_and_their_pools_are_no_alarm() -> None:
    told = looked(Chain())
    assert (told.count("equal"), told.alarms, told.deployed, told.pools) == (2, (), Deployed(70, 0), 1)
    assert all(one.swap.pool_keys["amm_config"] == stand_in("amm_config") for one in told.compared)


def test_it_stops_when_enough_are_equal() -> None:
    chain = Chain(ENOUGH + 4)
    assert looked(chain).count("equal") == ENOUGH
    assert chain.asked.count("getTransaction") == ENOUGH


def test_it_asks_for_no_more_than_it_may() -> None:
    chain = Chain(4)
    looked(chain, Bounds(transactions_max=3))
    assert chain.asked.count("getTransaction") == 3


def test_a_difference_lets_it_go_on_asking() -> None:
    """One client's own form among the equal ones: the whole bound is used before anything is said."""
    chain = Chain(ENOUGH + 4)
    chain.transactions[chain.signatures[0]] = body(message_of(TRADE._replace(data=TRADE.data + b"\1")))
    assert looked(chain).count("equal") == ENOUGH + 3


def test_a_deploy_behind_the_newest_equal_swap_is_an_alarm() -> None:
    chain = Chain()
    chain.slot = 78
    ((difference, _),) = looked(chain, Bounds(known_slot=70)).alarms
    assert difference.line() == "deploy slot: expected 70, or a later swap equal to ours, found 78"
    assert looked(chain).alarms == ()


@pytest.mark.parametrize("program", [None, account(name_key("another loader"), b"\x7fELF")])
def test_a_program_without_deploy_slot_has_none(program: object) -> None:
    chain = Chain()
    chain.accounts[text(CPMM.program)] = program
    assert looked(chain).deployed is None


def test_a_pool_of_another_size_is_an_alarm() -> None:
    chain = Chain()
    chain.accounts[text(POOL)] = account(CPMM.program, pool_state() + bytes(8))
    ((difference, swap),) = looked(chain).alarms
    assert (difference.field, swap) == ("pool account", None)
    assert difference.found.endswith("pool_state is 645 bytes, layout says 637")


def test_a_key_the_pool_does_not_hold_is_an_alarm() -> None:
    chain = Chain()
    chain.accounts[text(POOL)] = account(CPMM.program, pool_state(amm_config=name_key("another")))
    assert {difference.field for difference, _ in looked(chain).alarms} == {"account 2 (amm_config)"}


@pytest.mark.parametrize("pool", [None, account(name_key("another program"), b"")])
def test_a_pool_that_is_gone_says_nothing(pool: object) -> None:
    chain = Chain()
    chain.accounts[text(POOL)] = pool
    told = looked(chain)
    assert (told.count("equal"), told.alarms) == (2, ())


def test_a_transaction_this_endpoint_cannot_show_is_passed_over() -> None:
    chain = Chain(4)
    chain.transactions[chain.signatures[0]] = None
    chain.transactions[chain.signatures[1]] = RpcRefused("here", "getTransaction", -32015, "version")
    chain.transactions[chain.signatures[2]] = {"version": 7, "meta": {}, "transaction": {}}
    assert looked(chain).count("equal") == 1


def test_without_swaps_no_pool_is_asked_for() -> None:
    chain = Chain(0)
    assert looked(chain).compared == ()
    assert "getMultipleAccounts" not in chain.asked


def test_an_answer_that_is_something_else_is_refused() -> None:
    chain = Chain()
    chain.signatures = [5]  # type: ignore[list-item]
    with pytest.raises(DecodeError, match="getSignaturesForAddress answered something else"):
        looked(chain)


def test_accounts_that_do_not_belong_to_the_question_are_refused() -> None:
    class Short(Chain):
        async def call(self, method: str, params: Sequence[Any]) -> object:
            return {"value": []} if method == "getMultipleAccounts" else await super().call(method, params)

    with pytest.raises(DecodeError, match="getMultipleAccounts answered something else"):
        looked(Short())


def test_time_is_bounded() -> None:
    chain = Chain()
    chain.wait_s = 5.0
    with pytest.raises(UnavailableError, match=r"raydium_cpmm took more than 0\.01 s"):
        looked(chain, Bounds(seconds_max=0.01))


# ── the watch ─────────────────────────────────────────────────────────────


def watch_of(told: list[Event], chain: Chain | None = None, **changes: object) -> CanaryWatch:
    settings = CoordinateSettings(**{"rpc": "http://127.0.0.1:1", "canary_poll_s": 1, **changes})  # type: ignore[arg-type]
    watch = CanaryWatch(settings, {"raydium_cpmm": CPMM}, ManualClock(START_NS), told.append)
    if chain is not None:
        watch.client = chain  # type: ignore[assignment]
    return watch


def judged(*swaps: Any, slot: int = 0) -> Judged:
    from sniperforge.coordinate.canary import judge

    return judge(CPMM, [compare(one) for one in swaps], deployed=Deployed(slot) if slot else None)


@pytest.mark.parametrize(("exits", "allowed"), [("allow", True), ("refuse", False)])
def test_a_difference_halts_its_venue_once_and_says_which_field(exits: str, allowed: bool) -> None:
    told: list[Event] = []
    watch = watch_of(told, canary_exits=exits)
    watch.heard(judged(OTHER))
    watch.heard(judged(OTHER))
    (halt,) = told
    assert isinstance(halt, HaltChanged)
    assert (halt.venue, halt.halted, halt.exits_allowed) == ("raydium_cpmm", True, allowed)
    assert halt.reason.startswith("raydium_cpmm: account 1 (authority): expected ")
    assert " in signature of 100; stop trading on raydium_cpmm, " in halt.reason


def test_another_reason_is_told_again() -> None:
    told: list[Event] = []
    watch = watch_of(told)
    watch.heard(judged(OTHER))
    watch.heard(judged(EQUAL._replace(data=EQUAL.data + b"\1")))
    assert [isinstance(event, HaltChanged) and event.reason.split(":")[1] for event in told] == [
        " account 1 (authority)",
        " data",
    ]


def test_only_an_equal_swap_lifts_a_halt() -> None:
    told: list[Event] = []
    watch = watch_of(told)
    watch.heard(judged(OTHER))
    watch.heard(judged())
    assert watch.halted == {"raydium_cpmm"}
    watch.heard(judged(OTHER, EQUAL._replace(slot=101)))
    assert watch.halted == set()
    lifted = told[-1]
    assert isinstance(lifted, HaltChanged)
    assert (lifted.halted, lifted.reason) == (False, "a swap of slot 101 is equal to ours again")
    watch.heard(judged(OTHER._replace(slot=102), EQUAL))
    assert len(told) == 3


def test_an_endpoint_that_fails_is_told_once_and_halts_nothing() -> None:
    told: list[Event] = []
    chain = Chain()
    watch = watch_of(told, chain)
    chain.failure = UnavailableError("there: getAccountInfo failed 4 times; check the endpoint")

    async def looks(count: int) -> None:
        for _ in range(count):
            await watch.look_once(CPMM)

    asyncio.run(looks(2))
    (refused,) = told
    assert isinstance(refused, InputRefused)
    assert (refused.where, refused.cure) == ("canary of raydium_cpmm", "check the endpoint")
    chain.failure = None
    asyncio.run(looks(1))
    assert (watch.looks, len(told)) == (1, 1)
    chain.failure = DecodeError("broken")
    asyncio.run(looks(1))
    assert isinstance(told[-1], InputRefused)
    assert told[-1].problem == "broken"


def test_the_first_deploy_slot_is_recorded_and_later_ones_compared() -> None:
    told: list[Event] = []
    chain = Chain()
    watch = watch_of(told, chain)

    async def look_at(slot: int) -> None:
        chain.slot = slot
        await watch.look_once(CPMM)

    for slot in (76, 77, 79):  # the swaps are of slot 77: the deploy of 79 is doubted
        asyncio.run(look_at(slot))
    (halt,) = told
    assert isinstance(halt, HaltChanged)
    assert "deploy slot: expected 77, or a later swap equal to ours, found 79" in halt.reason


def test_it_looks_at_every_venue_until_it_is_stopped() -> None:
    chain = Chain()
    watch = watch_of([], chain)

    async def scenario() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watch.run(), 0.05)

    asyncio.run(scenario())
    assert (watch.looks, chain.closed) == (1, True)


def test_a_url_that_is_none_is_told_at_start() -> None:
    with pytest.raises(ConfigError, match=r"coordinate\.rpc"):
        watch_of([], rpc="nowhere")


def test_an_alarm_is_one_line() -> None:
    two = Judged("here", (), ((Difference("data", "1", "2", "stop"), None), (Difference("x", "1", "2", "y"), None)), ())
    assert alarm_line(two) == "here: data: expected 1, found 2, and 1 more; stop"


def test_a_slot_behind_an_alarm_is_not_known_to_be_well() -> None:
    assert known_slots([judged(EQUAL, slot=5), judged(EQUAL)]) == {"raydium_cpmm": 5}
    assert known_slots([judged(OTHER, slot=5)]) == {}
