"""The halt of one venue refuses its entries by name and in words; exits go by the user's choice; the rest goes on."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from sniperforge.base.config import settings
from sniperforge.base.errors import ConfigError
from sniperforge.base.events import Event, HaltChanged, InputRefused, OrderRefused, OrderSent, OrderSigned
from sniperforge.coordinate import canary_watch
from sniperforge.coordinate.canary_watch import CanaryWatch
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings
from tests.unit.coordinate.stand import Stand, make_buy, make_sell
from tests.unit.coordinate.test_service import bought, only

REASON = "raydium_cpmm: account 1 (authority): expected A, found B; stop trading on raydium_cpmm"


def halt(**changes: object) -> HaltChanged:
    event = HaltChanged(halted=True, venue="raydium_cpmm", reason=REASON)
    return msgspec.structs.replace(event, **changes)


def test_a_venues_halt_stops_its_entries_and_lets_exits_out(stand: Stand) -> None:
    position = bought(stand)
    stand.on(halt())
    refused = only(stand.on(make_buy(2)), OrderRefused)
    assert (refused.limit, refused.detail) == ("risk.venue_halted", REASON)
    assert [type(e) for e in stand.on(make_sell(1, position.base_amount))] == [OrderSigned, OrderSent]
    stand.on(halt(halted=False))
    assert [type(e) for e in stand.on(make_buy(3))] == [OrderSigned, OrderSent]


def test_a_venues_halt_stops_exits_where_the_user_says_so(stand: Stand) -> None:
    position = bought(stand)
    stand.on(halt(exits_allowed=False))
    assert only(stand.on(make_sell(1, position.base_amount)), OrderRefused).limit == "risk.venue_halted"


def test_another_venues_halt_and_the_end_of_an_unknown_one_change_nothing(stand: Stand) -> None:
    stand.on(halt(venue="pumpfun"))
    stand.on(halt(halted=False, venue="orca_whirlpool"))
    assert [type(e) for e in stand.on(make_buy(1))] == [OrderSigned, OrderSent]


def test_the_refusal_is_the_same_when_it_is_asked_again(stand: Stand) -> None:
    """A restarted bot gets the answer of before, words and all."""
    stand.on(halt())
    stand.on(make_buy(2))
    assert only(stand.on(make_buy(2)), OrderRefused).detail == REASON
    stand.coordinator.close()
    stand.reopen()
    assert only(stand.on(make_buy(2)), OrderRefused).detail == REASON


# ── the canary in the coordinator ─────────────────────────────────────────


class Watch(CanaryWatch):
    """Sees one difference, then fails if it is told to."""

    failure: Exception | None = None

    async def run(self) -> None:
        self._tell(halt())
        if self.failure is not None:
            raise self.failure


def watched(stand: Stand, monkeypatch: pytest.MonkeyPatch, failure: Exception | None = None) -> list[Event]:
    """Run a coordinator with that canary; return what it told."""
    monkeypatch.setattr(canary_watch, "CanaryWatch", Watch)
    monkeypatch.setattr(Watch, "failure", failure)
    stand.coordinator.close()
    stand.settings = msgspec.structs.replace(stand.settings, canary_poll_s=1, rpc="http://127.0.0.1:1")
    coordinator: Coordinator = stand.reopen()
    stand.told.clear()

    async def scenario() -> None:
        await coordinator.start()
        await asyncio.sleep(0)
        coordinator.on(make_buy(1))
        await coordinator.stop()

    asyncio.run(scenario())
    return list(stand.told)


def test_what_the_canary_tells_is_obeyed_and_told_on(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    changed, refused = watched(stand, monkeypatch)
    assert isinstance(changed, HaltChanged)
    assert isinstance(refused, OrderRefused)
    assert refused.limit == "risk.venue_halted"


def test_a_canary_that_fails_is_told_and_ends_nothing_else(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    told = watched(stand, monkeypatch, failure=KeyError("odd"))
    failed = only(told, InputRefused)
    assert (failed.where, failed.problem) == ("coordinate.canary_poll_s", "the canary failed: KeyError('odd')")
    assert failed.cure.startswith("trading goes on unwatched")
    assert only(told, OrderRefused)


def test_a_canary_needs_an_endpoint() -> None:
    assert CoordinateSettings().canary_poll_s == 0
    with pytest.raises(ConfigError, match="is empty with a canary"):
        CoordinateSettings(canary_poll_s=60).checked()
    assert CoordinateSettings(canary_poll_s=60, rpc="http://127.0.0.1:1").checked().canary_exits == "allow"


@pytest.mark.parametrize(
    "table", [{"canary_poll_s": -1}, {"canary_transactions_max": 0}, {"canary_exits": "maybe"}], ids=str
)
def test_a_setting_that_cannot_be_is_named(table: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(CoordinateSettings, table, path="coordinate")
    assert caught.value.where == f"coordinate.{next(iter(table))}"
