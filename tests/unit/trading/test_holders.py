"""Shares are of the whole supply, by owner, without pools and what is burned; no rounding flatters the coin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import Pool
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.programs import SYSTEM, TOKEN, WSOL, pda
from sniperforge.trading.holders import (
    BURN_OWNERS,
    LOCK_OWNERS,
    Holding,
    LpShares,
    Shares,
    lp_shares,
    pool_owned,
    shares,
)
from tests.unit.dex.coin_accounts import numbered

POOL, VAULT, CREATOR = numbered(100), numbered(101), numbered(102)
INCINERATOR = key("1nc1nerator11111111111111111111111111111111")
LOCKER = key("3f7GcQFG397GAaEnv51zR6tsTVihYRydnydDD1cXekxH")


def held(*amounts: int, owner: Pubkey | None = None) -> list[Holding]:
    """Return accounts with these amounts, each of an owner of its own unless one is given."""
    return [Holding(numbered(200 + at), owner or numbered(1 + at), amount) for at, amount in enumerate(amounts)]


def of(holdings: list[Holding], supply: int = 10_000, *owned: Pubkey, creator: Pubkey = ZERO_KEY) -> Shares:
    return shares(holdings, supply=supply, owned=frozenset(owned), creator=creator)


def test_the_largest_owners_are_added_up() -> None:
    told = of(held(100, 900, *[50] * 8, 1, 0))
    assert (told.counted, told.top_1_bps, told.top_5_bps, told.top_10_bps) == (11, 900, 1_150, 1_400)


def test_accounts_of_one_owner_are_one_holder() -> None:
    """Ten accounts of one wallet hide nothing."""
    told = of(held(*[100] * 10, owner=CREATOR) + held(300), creator=CREATOR)
    assert (told.counted, told.top_1_bps, told.creator_bps) == (2, 1_000, 1_000)


def test_pools_are_left_out_by_account_and_by_owner() -> None:
    holdings = [Holding(VAULT, numbered(1), 5_000), Holding(numbered(9), POOL, 999), *held(10)]
    told = of(holdings, 10_000, VAULT, POOL)
    assert (told.counted, told.top_10_bps, told.excluded, told.excluded_bps) == (1, 10, 2, 5_999)


def test_what_is_burned_is_nobodys() -> None:
    told = of(held(40, owner=INCINERATOR) + held(60, owner=SYSTEM) + held(5))
    assert (told.counted, told.burned_bps, told.top_1_bps) == (1, 100, 5)
    assert {INCINERATOR, SYSTEM} == BURN_OWNERS


def test_against_the_coin_is_rounded_up_and_for_it_down() -> None:
    told = of([*held(1), Holding(VAULT, POOL, 1), *held(1, owner=SYSTEM)], 30_000, POOL, creator=numbered(1))
    assert (told.top_1_bps, told.creator_bps, told.excluded_bps, told.burned_bps) == (1, 1, 0, 0)


def test_a_coin_without_supply_has_no_shares() -> None:
    assert of([], 0) == Shares(0, 0, 0, 0, 0, 0, 0, 0)


def test_nobodys_share_is_not_the_creators() -> None:
    assert of([Holding(numbered(1), ZERO_KEY, 10)]).creator_bps == 0


def test_a_pools_own_are_its_address_its_vaults_and_its_venues_authority() -> None:
    """Not the people its keys name, who hold what they hold."""
    keys = {"base_vault": VAULT, "quote_vault": numbered(7), "authority": numbered(8), "creator": CREATOR}
    pool = Pool(
        venue="x",
        address=POOL,
        base_mint=numbered(1),
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=1,
        quote_reserve=1,
        keys=keys,
    )
    owned = pool_owned(pool)
    assert {POOL, VAULT, numbered(7), numbered(8)} <= owned
    assert CREATOR not in owned
    assert key("GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL") in owned
    assert len(owned) == 4 + 5


def test_liquidity_is_burned_by_burning_and_by_giving_it_to_nobody() -> None:
    told = lp_shares(held(100, owner=INCINERATOR) + held(200), minted=1_000, supply=400)
    assert told == LpShares(burned=700, locked=0, burned_bps=7_000, locked_bps=0)


def test_liquidity_in_raydiums_locker_is_locked() -> None:
    """Whose authority is derived, not believed."""
    assert {pda(key("LockrWmn6K5twhz3y9w1dQERbmgSaRkfnTeTKbpofwE"), b"lock_cp_authority_seed")} == LOCK_OWNERS
    told = lp_shares(held(333, owner=LOCKER), minted=1_001, supply=1_001)
    assert told == LpShares(burned=0, locked=333, burned_bps=0, locked_bps=3_326)


def test_more_lp_tokens_than_the_pool_counts_are_no_burn() -> None:
    assert lp_shares([], minted=5, supply=6) == LpShares(0, 0, 0, 0)
    assert lp_shares(held(9, owner=SYSTEM), minted=0, supply=9) == LpShares(9, 0, 0, 0)


HOLDINGS = st.lists(
    st.builds(
        Holding,
        account=st.integers(0, 9).map(numbered),
        owner=st.sampled_from([numbered(1), numbered(2), POOL, SYSTEM, LOCKER, CREATOR]),
        amount=st.integers(0, (1 << 64) - 1),
    ),
    max_size=20,
)


@given(holdings=HOLDINGS, supply=st.integers(0, (1 << 64) - 1))
def test_whatever_a_node_tells_shares_stay_shares(holdings: list[Holding], supply: int) -> None:
    told = of(holdings, supply, POOL, creator=CREATOR)
    bps = (told.top_1_bps, told.top_5_bps, told.top_10_bps, told.creator_bps, told.excluded_bps, told.burned_bps)
    assert all(0 <= one <= 10_000 for one in bps)
    assert told.top_1_bps <= told.top_5_bps <= told.top_10_bps
    assert told.creator_bps <= told.top_1_bps
    lp = lp_shares(holdings, minted=supply, supply=supply // 2)
    assert 0 <= lp.burned_bps <= 10_000 and 0 <= lp.locked_bps <= 10_000
