"""Sizing: the fixed amount, cut to what moves the price no further than allowed, or no trade."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import Pool
from sniperforge.dex.venue import EmptyPool, Quote
from sniperforge.trading.filters import Refusal
from sniperforge.trading.sizing import Size, SizingSettings, size_entry
from tests.unit.bots.market import SOL, VENUES, pool_of, quote_in

VENUE = VENUES["amm"]


def test_a_deep_pool_takes_the_whole_amount() -> None:
    """And the quote that decided comes along."""
    size = size_entry(pool_of(1), SizingSettings(), VENUE)
    assert isinstance(size, Size)
    assert size.amount_in == SizingSettings().quote_amount
    assert size.quote == quote_in(pool_of(1), size.amount_in, is_buy=True)


def test_a_shallow_pool_gets_less_and_a_puddle_nothing() -> None:
    """The refusal says what was asked, what it would have moved and what is allowed."""
    settings = SizingSettings(quote_amount=SOL, quote_amount_min=SOL // 100, impact_bps_max=500)
    cut = size_entry(pool_of(1, quote=5 * SOL), settings, VENUE)
    assert isinstance(cut, Size)
    assert SOL // 100 <= cut.amount_in < SOL
    refused = size_entry(pool_of(1, quote=SOL // 10), settings, VENUE)
    assert isinstance(refused, Refusal)
    assert refused.filter == "sizing.impact_bps_max"
    assert refused.values["asked"] == str(SOL)


def test_a_size_the_pool_does_not_quote_is_no_size() -> None:
    """A venue may refuse the smaller amount: the whole one moves the price too far, so nothing is left."""

    def only_the_whole(pool: Pool, amount: int, *, is_buy: bool) -> Quote:
        if amount < SOL:
            raise EmptyPool("too little")
        return quote_in(pool, amount, is_buy=is_buy)

    settings = SizingSettings(quote_amount=SOL, quote_amount_min=1, impact_bps_max=500)
    refused = size_entry(pool_of(1, quote=5 * SOL), settings, dataclasses.replace(VENUE, quote_in=only_the_whole))
    assert isinstance(refused, Refusal)
    assert refused.values["seen"].endswith(", 0 within the bound")


@pytest.mark.parametrize(("quote", "base"), [(0, 0), (SOL, 0), (10**18, 1)])
def test_a_pool_that_quotes_nothing_is_refused(quote: int, base: int) -> None:
    """Empty, or so thin that the amount buys no base unit."""
    refused = size_entry(pool_of(1, quote=quote, base=base), SizingSettings(), VENUE)
    assert isinstance(refused, Refusal)
    assert refused.filter == "sizing.quote"


def test_a_minimum_above_the_amount_is_a_fault() -> None:
    """Such a bot would refuse everything."""
    assert [fault[0] for fault in SizingSettings(quote_amount=1).faults()] == ["quote_amount_min"]
    assert list(SizingSettings().faults()) == []


@given(
    quote=st.integers(0, 10**15),
    base=st.integers(0, 10**15),
    amount=st.integers(1, 10**12),
    impact=st.integers(1, 20_000),
)
def test_a_size_is_within_every_bound(quote: int, base: int, amount: int, impact: int) -> None:
    """Never more than asked, never less than the minimum, never beyond the impact."""
    settings = SizingSettings(quote_amount=amount, quote_amount_min=amount // 2, impact_bps_max=impact)
    size = size_entry(pool_of(1, quote=quote, base=base), settings, VENUE)
    if isinstance(size, Size):
        assert amount // 2 <= size.amount_in <= amount
        assert size.quote.impact_bps <= impact
        assert size.quote.amount_out > 0
