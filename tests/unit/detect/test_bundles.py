"""The buys of a launch's own slot are told once, when the slot is over: whose, for how much, how much of the coin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import BundleSeen
from sniperforge.base.units import ZERO_KEY
from sniperforge.detect import bundles as module
from sniperforge.detect.bundles import Bundles
from tests.unit.detect.fakes import key_of
from tests.unit.detect.launches import SLOT, launch, trade

MS = 1_000_000


def counting(**changes: int) -> Bundles:
    """Return an empty counter of two launches at most."""
    return Bundles(**{"bundles_max": 2, "window_ms": 1_000, **changes})


def test_the_creators_buys_are_told_apart_from_the_others() -> None:
    """His wallet is the one of record and the one that signed."""
    bundles = counting()
    assert bundles.launch(launch("coin"), 10) == []
    for trader in ("creator", "user", "sniper", "sniper", "other"):
        bundles.swapped(trade("coin", trader))
    assert bundles.passed(SLOT, 11) == []
    (told,) = bundles.passed(SLOT + 1, 12)
    assert told == BundleSeen(
        id=told.id,
        ts_ns=12,
        origin_ns=3,
        trace_id=9,
        cause=5,
        venue="fake",
        pool=key_of("pool coin"),
        base_mint=key_of("coin"),
        slot=SLOT,
        buys=5,
        buyers=4,
        creator_buys=2,
        creator_quote=20,
        others_quote=30,
        creator_base=200,
        others_base=300,
        supply=1_000_000,
        creator_bps=2,
        others_bps=3,
    )
    assert told.id
    assert bundles.passed(SLOT + 2, 13) == []


def test_a_launch_nobody_bought_is_told_too() -> None:
    """That nobody was in is a fact a filter waits for."""
    bundles = counting()
    bundles.launch(launch("coin"), 0)
    (told,) = bundles.passed(SLOT + 1, 1)
    assert (told.buys, told.buyers, told.creator_bps, told.others_bps, told.complete) == (0, 0, 0, 0, True)


def test_sells_other_slots_and_other_pools_do_not_count() -> None:
    bundles = counting()
    bundles.launch(launch("coin"), 0)
    for other in (
        trade("coin", "a", is_buy=False),
        trade("coin", "a", slot=SLOT + 1),
        trade("coin", "a", slot=SLOT - 1),
        trade("else", "a"),
    ):
        bundles.swapped(other)
    assert bundles.passed(SLOT + 1, 1)[0].buys == 0


def test_a_buyer_the_source_does_not_name_is_no_creator_and_no_wallet() -> None:
    """Even where the creator is not named either."""
    bundles = counting()
    bundles.launch(launch("coin", user=""), 0)
    bundles.swapped(trade("coin", ""))
    (told,) = bundles.passed(SLOT + 1, 1)
    assert (told.buys, told.buyers, told.creator_buys, told.others_quote) == (1, 0, 0, 10)


def test_a_trade_told_by_the_pools_own_sides_is_turned_round() -> None:
    """What logs call a sale of the first token is a purchase where that token is the quote."""
    bundles = counting()
    bundles.launch(launch("coin", pool={"numbers": {"base_is_0": 0, "supply": 1_000}}), 0)
    bundles.swapped(trade("coin", "a", is_buy=False, base_mint=ZERO_KEY, base_amount=7, quote_amount=50))
    (told,) = bundles.passed(SLOT + 1, 1)
    assert (told.buys, told.others_quote, told.others_base, told.others_bps) == (1, 7, 50, 500)


def test_time_ends_a_slot_of_which_nothing_later_is_read() -> None:
    bundles = counting()
    bundles.launch(launch("coin"), 5)
    assert bundles.passed(0, 1_000 * MS + 4) == []
    (told,) = bundles.passed(0, 1_000 * MS + 5)
    assert told.complete


@pytest.mark.parametrize(
    ("late", "ended", "complete"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_what_may_be_missing_is_said(late: bool, ended: bool, complete: bool) -> None:
    """A launch that came late has trades nobody read; an input that ended has more to come."""
    bundles = counting()
    bundles.launch(launch("coin", late=late), 0)
    (told,) = bundles.end(1) if ended else bundles.passed(SLOT + 1, 1)
    assert told.complete is complete
    assert len(bundles) == 0


def test_a_full_room_tells_the_oldest_incomplete() -> None:
    bundles = counting()
    assert bundles.launch(launch("first"), 0) == bundles.launch(launch("second"), 1) == []
    (told,) = bundles.launch(launch("third"), 2)
    assert (told.pool, told.complete) == (key_of("pool first"), False)
    assert len(bundles) == 2


def test_with_no_room_at_all_nothing_is_told() -> None:
    bundles = counting(bundles_max=0)
    assert bundles.launch(launch("coin"), 0) == []
    bundles.swapped(trade("coin", "a"))
    assert bundles.passed(SLOT + 9, 10**12) == bundles.end(10**12) == []


def test_wallets_told_apart_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The money of all of them still counts."""
    monkeypatch.setattr(module, "BUYERS_MAX", 2)
    bundles = counting()
    bundles.launch(launch("coin"), 0)
    for trader in ("a", "b", "c"):
        bundles.swapped(trade("coin", trader))
    (told,) = bundles.passed(SLOT + 1, 1)
    assert (told.buys, told.buyers, told.others_quote, told.complete) == (3, 2, 30, False)


def test_the_supply_is_the_mints_or_the_venues_or_unknown() -> None:
    """A share of an assumed supply would be a wrong number."""
    shares = []
    for name, fields, read in (
        ("told by the venue", {}, 0),
        ("read from the mint", {}, 500),
        ("unknown", {"numbers": {}}, 0),
        ("assumed", {"venue": "pumpswap"}, 0),
        ("assumed and read", {"venue": "pumpswap"}, 200),
        ("pump.fun's own", {"venue": "pumpswap", "numbers": {"supply": 1_000, "canonical": 1}}, 0),
    ):
        bundles = counting()
        bundles.launch(launch(name, pool=fields), 0)
        bundles.supply(key_of("nobody's"), 3)
        if read:
            bundles.supply(key_of(name), read)
        bundles.swapped(trade(name, "a"))
        (told,) = bundles.passed(SLOT + 1, 1)
        shares.append((told.supply, told.others_bps))
    assert shares == [(1_000_000, 1), (500, 2_000), (0, -1), (0, -1), (200, 5_000), (1_000, 1_000)]


def test_two_pools_of_one_coin_share_what_its_mint_told() -> None:
    bundles = counting()
    bundles.launch(launch("coin", pool={"numbers": {}}), 0)
    bundles.launch(launch("coin", slot=SLOT + 1, pool={"numbers": {}, "address": key_of("second pool")}), 0)
    bundles.supply(key_of("coin"), 900)
    assert [told.supply for told in bundles.passed(SLOT + 1, 1)] == [900]
    assert [told.supply for told in bundles.passed(SLOT + 2, 1)] == [900]


def test_what_is_forgotten_is_not_told() -> None:
    bundles = counting()
    bundles.launch(launch("coin"), 0)
    bundles.clear()
    assert bundles.end(1) == []


BUYS = st.lists(st.tuples(st.sampled_from(["creator", "user", "a", "b", ""]), st.booleans(), st.integers(0, 2)))


@given(buys=BUYS)
def test_every_buy_of_the_slot_counts_once_whatever_its_order(buys: list[tuple[str, bool, int]]) -> None:
    """Money and coins of both sides add up to those of the slot's buys."""
    bundles = counting()
    bundles.launch(launch("coin"), 0)
    counted = 0
    for trader, is_buy, later in buys:
        bundles.swapped(trade("coin", trader, is_buy=is_buy, slot=SLOT + later))
        counted += is_buy and not later
    (told,) = bundles.passed(SLOT + 1, 1)
    assert told.buys == counted
    assert told.creator_quote + told.others_quote == 10 * counted
    assert told.creator_base + told.others_base == 100 * counted
    assert told.creator_buys <= told.buys >= told.buyers
