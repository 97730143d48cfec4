"""What a launch is by itself: the rest of it stands with the filters that ask it."""

from __future__ import annotations

import pytest

from sniperforge.base import keys
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex.programs import TOKEN_2022, USDC
from sniperforge.trading.launch import facts_of_program, is_curve, is_key, key_text, opens_ns, quote_liquidity
from tests.unit.trading.test_filters import launch, pool


@pytest.mark.parametrize(
    ("venue", "curve"), [("pumpfun", True), ("raydium_launchlab", True), ("meteora_dbc", True), ("pumpswap", False)]
)
def test_curves_are_known_by_their_venue(venue: str, curve: bool) -> None:
    """Their liquidity is what was really paid in."""
    assert is_curve(pool(venue)) is curve
    assert quote_liquidity(pool(venue, quote=7, numbers={"real_quote_reserve": 3})) == (3 if curve else 7)


def test_only_some_programs_make_the_mint_themselves() -> None:
    """Of those nobody has to read it."""
    made = facts_of_program(pool("pumpfun", base_program=TOKEN_2022))
    assert made == (ZERO_KEY, ZERO_KEY, ("metadata_pointer", "token_metadata"))
    assert facts_of_program(pool("raydium_launchlab")) == (ZERO_KEY, ZERO_KEY, ())
    assert facts_of_program(pool("raydium_launchlab", base_program=TOKEN_2022)) is None


def test_an_opening_has_a_margin_and_none_has_none() -> None:
    """0 is at once."""
    assert opens_ns(launch(open_time=5), 400) == 5 * NANOS_PER_SECOND + 400_000_000
    assert opens_ns(launch(), 400) == 0


def test_keys_have_a_text() -> None:
    """One that is none is shown as it is."""
    assert is_key(key_text(USDC)) and not is_key("USDC")
    assert key_text(USDC) == keys.text(USDC)
    assert key_text(Pubkey(b"\x01\x02")) == "0102"
