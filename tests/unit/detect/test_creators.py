"""What is told of a creator: the coins before this one, how many were rugged, how long they lived. Bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import CreatorKnown
from sniperforge.base.units import ZERO_KEY
from sniperforge.detect import creators as module
from sniperforge.detect.creators import Creators
from tests.unit.detect.fakes import key_of
from tests.unit.detect.launches import SECOND, launch, liquidity, trade


def remembering(coins_max: int = 100) -> Creators:
    """Return an empty memory; selling all within 60 s is a rug."""
    return Creators(coins_max=coins_max, sold_within_s=60)


def known(creators: Creators, name: str, at_s: int = 0, **changes: object) -> CreatorKnown:
    """Launch *name* and return what is told."""
    (told,) = creators.launch(launch(name, **changes), at_s * SECOND)  # type: ignore[arg-type]
    return told


def test_a_first_launch_has_no_history_and_says_how_long_was_watched() -> None:
    creators = remembering()
    creators.watching(10 * SECOND)
    creators.watching(20 * SECOND)
    told = known(creators, "coin", 15)
    assert told == CreatorKnown(
        id=told.id,
        ts_ns=15 * SECOND,
        origin_ns=3,
        trace_id=9,
        cause=5,
        creator=key_of("creator"),
        venue="fake",
        pool=key_of("pool coin"),
        base_mint=key_of("coin"),
        launches=0,
        rugged=0,
        lifetime_s_median=0,
        watched_s=5,
    )
    assert told.id


def test_the_creator_and_the_wallet_that_signed_have_a_history_each() -> None:
    """A launch may name anybody its creator, and a platform signs for thousands: neither hides the other."""
    creators = remembering()
    for name, creator in (("a", "x"), ("b", "y"), ("c", "z")):
        known(creators, name, creator=creator, user="platform")
    creators.liquidity(liquidity("a", added=False, amount=9, after=1), 1)
    told = known(creators, "d", creator="y", user="platform")
    assert (told.launches, told.rugged, told.signer_launches, told.signer_rugged) == (1, 0, 3, 1)
    told = known(creators, "e", creator="x", user="own")
    assert (told.launches, told.rugged, told.signer_launches, told.signer_rugged) == (1, 1, 0, 0)
    told = known(creators, "f", creator="own", user="own")
    assert (told.launches, told.signer_launches) == (1, 1)
    told = known(creators, "g", creator="new", user="newer")
    assert (told.launches, told.signer_launches) == (0, 0)


def test_nobody_has_no_history() -> None:
    """A source that names no signer says nothing about all others of its kind."""
    creators = remembering()
    for name in ("a", "b"):
        (told,) = creators.launch(launch(name, creator="x" + name, user=""), 1)
        assert told.launches == told.signer_launches == 0


def test_a_coins_second_pool_is_no_launch_and_belongs_to_its_first_hands() -> None:
    """Whoever sends the migration is not its creator."""
    creators = remembering()
    known(creators, "coin")
    second = {"address": key_of("second")}
    assert known(creators, "coin", creator="robot", user="robot", pool=second).launches == 0
    assert known(creators, "next", creator="robot", user="robot").launches == 0
    assert known(creators, "next one", user="else").launches == 1
    creators.swapped(trade("coin", "a", pool=key_of("second")), 9 * SECOND)
    assert known(creators, "next two", user="more").lifetime_s_median == 0
    assert len(creators) == 4


def test_a_stranger_cannot_rug_a_coin_by_a_pool_of_his_own() -> None:
    """He opens a second one and empties it: the creator has done nothing. His own history he keeps."""
    creators = remembering()
    known(creators, "coin")
    known(creators, "his", creator="stranger", user="stranger")
    second = {"address": key_of("second")}
    assert known(creators, "coin", creator="stranger", user="stranger", pool=second).launches == 1
    creators.liquidity(liquidity("coin", added=False, amount=9, after=0, pool=key_of("second")), 1)
    told = known(creators, "next")
    assert (told.launches, told.rugged) == (1, 0)


def test_whoever_sends_the_migration_of_a_curve_nobody_saw_is_no_creator() -> None:
    creators = remembering()
    migrated = {"numbers": {"canonical": 1}}
    known(creators, "a", creator="x", user="robot", pool=migrated)
    told = known(creators, "b", creator="y", user="robot", pool=migrated)
    assert told.launches == told.signer_launches == 0
    assert known(creators, "c", creator="x", user="z").launches == 1


def test_a_withdrawal_of_four_fifths_is_a_rug_and_one_unit_less_is_not() -> None:
    for taken, rugged in ((799, 0), (800, 1)):
        creators = remembering()
        known(creators, "coin")
        creators.liquidity(liquidity("coin", added=False, amount=taken, after=1_000 - taken), 30 * SECOND)
        told = known(creators, "next", 50)
        assert (told.rugged, told.lifetime_s_median) == (rugged, 30 if rugged else 0)


def test_withdrawals_add_up_and_deposits_count_against_them() -> None:
    creators = remembering()
    known(creators, "coin")
    creators.liquidity(liquidity("coin", added=False, amount=500, after=500), 1)
    creators.liquidity(liquidity("coin", added=False, amount=250, after=250), 2)
    assert known(creators, "b").rugged == 0
    creators.liquidity(liquidity("coin", added=True, amount=2_250, after=2_500), 3)
    creators.liquidity(liquidity("coin", added=False, amount=2_000, after=500), 4)
    assert known(creators, "c").rugged == 0
    creators.liquidity(liquidity("coin", added=False, amount=300, after=200), 5)
    assert known(creators, "d").rugged == 1


def test_where_reserves_are_not_told_nothing_is_concluded() -> None:
    creators = remembering()
    known(creators, "coin")
    for change in (
        liquidity("coin", added=False, amount=10, after=-1),
        liquidity("coin", added=True, amount=10, after=10),
        liquidity("else", added=False, amount=10, after=0),
    ):
        creators.liquidity(change, 1)
    assert known(creators, "b").rugged == 0


def test_a_withdrawal_told_by_the_pools_own_sides_is_turned_round() -> None:
    """Logs name no mint; the quote is the first token here."""
    creators = remembering()
    known(creators, "coin", pool={"numbers": {"base_is_0": 0}})
    changes = {"base_mint": ZERO_KEY, "base_amount": 900, "base_reserve": 100}
    creators.liquidity(liquidity("coin", added=False, amount=1, after=10**9, **changes), 1)
    assert known(creators, "b").rugged == 1


@pytest.mark.parametrize(
    ("sold", "at_s", "rugged"), [(98, 10, 0), (99, 10, 1), (100, 60, 1), (100, 61, 0), (150, 5, 1)]
)
def test_a_creator_who_sells_all_soon_after_the_launch_rugged_it(sold: int, at_s: int, rugged: int) -> None:
    """All but dust, within the time set; later it is his good right."""
    creators = remembering()
    known(creators, "coin")
    creators.swapped(trade("coin", "creator"), 0)
    creators.swapped(trade("coin", "user", is_buy=False, base_amount=sold), at_s * SECOND)
    assert known(creators, "b", 100).rugged == rugged


def test_a_creator_who_never_bought_is_not_judged_by_his_sales() -> None:
    """What he holds from before the pool is not known here; and others may sell what they like."""
    creators = remembering()
    known(creators, "coin")
    creators.swapped(trade("coin", "creator", is_buy=False), 1)
    creators.swapped(trade("coin", "stranger"), 1)
    creators.swapped(trade("coin", "stranger", is_buy=False), 1)
    creators.swapped(trade("elsewhere", "creator"), 1)
    assert known(creators, "b").rugged == 0


def test_the_median_life_ends_with_the_last_trade_or_the_rug() -> None:
    """Of four lives the second shortest; a rug ends one though trades go on, and one never traded has none."""
    creators = remembering()
    for name, seconds in (("a", 40), ("b", 10), ("c", 30), ("d", 20)):
        known(creators, name)
        creators.swapped(trade(name, "x"), seconds * SECOND + 1)
    assert known(creators, "e", 50).lifetime_s_median == 20
    creators.liquidity(liquidity("a", added=False, amount=9, after=1), 45 * SECOND)
    creators.swapped(trade("a", "x"), 90 * SECOND)
    told = known(creators, "f", 99)
    assert (told.launches, told.rugged, told.lifetime_s_median) == (5, 1, 20)


def test_the_memory_is_bounded_and_forgets_in_the_order_of_launches() -> None:
    creators = remembering(coins_max=2)
    for name in ("a", "b", "c"):
        known(creators, name)
    assert len(creators) == 2
    assert known(creators, "d").launches == 2
    creators.swapped(trade("a", "x"), 1)
    creators.liquidity(liquidity("a", added=False, amount=1, after=0), 1)
    assert known(creators, "e", creator="new", user="new").launches == 0
    assert known(creators, "f", creator="new", user="new").launches == 1


def test_a_pool_told_again_stays_what_it_was() -> None:
    """Detection may have forgotten it; what was withdrawn from it is remembered, and forgotten once."""
    creators = remembering(coins_max=2)
    known(creators, "a")
    creators.liquidity(liquidity("a", added=False, amount=50, after=50), 1)
    known(creators, "a")
    known(creators, "thief", pool={"address": key_of("pool a")})
    creators.liquidity(liquidity("a", added=False, amount=30, after=20), 2)
    assert known(creators, "b").rugged == 1
    for name in ("c", "d", "e"):
        known(creators, name)
    assert len(creators) == 2


def test_coins_of_one_wallet_and_pools_of_one_coin_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COINS_EACH_MAX", 2)
    monkeypatch.setattr(module, "POOLS_EACH_MAX", 1)
    creators = remembering()
    for name in ("a", "b", "c"):
        known(creators, name)
    assert known(creators, "d").launches == 2
    known(creators, "d", pool={"address": key_of("second")})
    creators.liquidity(liquidity("d", added=False, amount=1, after=0, pool=key_of("second")), 1)
    assert known(creators, "e").rugged == 0


def test_switched_off_it_tells_and_remembers_nothing() -> None:
    creators = remembering(coins_max=0)
    assert creators.launch(launch("coin"), 1) == []
    assert len(creators) == 0


def test_what_is_forgotten_is_forgotten() -> None:
    creators = remembering()
    known(creators, "a", 5)
    creators.clear()
    told = known(creators, "b", 9)
    assert (told.launches, told.watched_s) == (0, 0)


STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["x", "y", "z"]), st.integers(0, 3)), max_size=60)


@given(steps=STEPS)
def test_whatever_happens_the_indexes_agree_and_rugs_are_no_more_than_launches(
    steps: list[tuple[str, str, int]],
) -> None:
    """The three ways to find a coin hold the same coins, none of them more than allowed."""
    creators = remembering(coins_max=3)
    for at, (name, hand, what) in enumerate(steps):
        if what == 0:
            told = known(creators, name, at, creator=hand, user=hand)
            assert 0 <= told.rugged <= told.launches <= 3
        elif what == 1:
            creators.swapped(trade(name, hand, is_buy=at % 2 == 0), at)
        else:
            creators.liquidity(liquidity(name, added=what == 2, amount=at, after=at % 5), at)
        coins = set(creators._coins)
        assert {mint for mints in creators._by_hand.values() for mint in mints} == coins
        assert {home.coin.mint for home in creators._by_pool.values()} == coins
        assert all(creators._by_hand.values())
        assert len(coins) <= 3
