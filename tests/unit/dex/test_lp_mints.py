"""Of a venue whose liquidity is a token, the pool tells which, and how much of it was given out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import Pubkey
from sniperforge.dex.lp_mints import LP_VENUES, LpState, lp_state
from sniperforge.dex.programs import TOKEN
from sniperforge.dex.venues import VENUES
from tests.unit.dex.coin_accounts import AMM_V4, CPMM, PUMPSWAP, lp_pool, numbered

PROGRAMS = {"raydium_cpmm": CPMM, "raydium_amm_v4": AMM_V4, "pumpswap": PUMPSWAP}
LP = numbered(3)


def test_these_are_the_venues_with_an_lp_mint() -> None:
    """Under the names and programs the venues have."""
    assert set(PROGRAMS) == LP_VENUES
    assert {name: VENUES[name].program for name in LP_VENUES} == PROGRAMS


@pytest.mark.parametrize("venue", PROGRAMS)
def test_the_pool_tells_its_lp_token_and_how_much_was_given_out(venue: str) -> None:
    assert lp_state(venue, lp_pool(venue, LP, 123_456), PROGRAMS[venue]) == LpState(LP, 123_456)


@pytest.mark.parametrize("venue", PROGRAMS)
def test_another_account_is_refused(venue: str) -> None:
    raw = lp_pool(venue, LP, 1)
    with pytest.raises(DecodeError, match=f"{venue}: the pool's account belongs to another program"):
        lp_state(venue, raw, TOKEN)
    with pytest.raises(DecodeError):
        lp_state(venue, raw[:100], PROGRAMS[venue])


@given(
    venue=st.sampled_from(sorted(PROGRAMS)),
    data=st.binary(max_size=800),
    changes=st.lists(st.tuples(st.integers(0, 800), st.integers(0, 255)), max_size=5),
)
def test_any_bytes_are_read_or_refused(venue: str, data: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(lp_pool(venue, LP, 7))
    for place, byte in changes:
        mutated[place % len(mutated)] = byte
    for raw in (data, bytes(mutated), bytes(mutated[: len(data)])):
        try:
            found = lp_state(venue, raw, Pubkey(PROGRAMS[venue]))
        except DecodeError as problem:
            assert str(problem)
        else:
            assert 0 <= found.minted < 1 << 64
