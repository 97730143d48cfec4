"""pump.fun's arithmetic: exact, never to the trader's surprise, and followed from trade to trade."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import CurveCompleted, Pool, PoolMigrated, Swapped
from sniperforge.base.units import slippage_max
from sniperforge.dex import pump_fees, pumpfun
from sniperforge.dex.token_pair import impact_bps
from sniperforge.dex.venue import EmptyPool, Quote
from tests.unit.dex.pumpfun_vectors import (
    CONTEXT,
    CREATOR,
    CURVE,
    MINT,
    OTHER,
    POOL,
    USER,
    create_event,
    make_pool,
    make_step,
    only,
)


def test_a_buy_as_the_chain_executed_it() -> None:
    """The launch buy of slot 435946190: 3,520,371,073,923 for 98,750,018 and its fees."""
    quote = pumpfun.quote_out(make_pool(), 3_520_371_073_923, is_buy=True)
    assert (quote.amount_in, quote.fee_amount) == (98_750_018 + 938_126 + 296_251, 938_126 + 296_251)


@pytest.mark.parametrize(
    ("is_buy", "base", "quote", "tokens", "sol"),
    [
        (True, 815_861_183_296_812, 39_455_241_547, 0, 0),
        (False, 815_659_304_435_278, 39_465_006_873, 201_878_861_534, 9_765_326),
    ],
)
def test_a_sale_as_the_chain_executed_it(is_buy: bool, base: int, quote: int, tokens: int, sol: int) -> None:
    """A sale of slot 332254908, before fees; and nothing for nothing."""
    quoted = pumpfun.quote_in(make_pool(base=base, quote=quote), tokens, is_buy=is_buy)
    assert quoted.amount_out + (0 if is_buy else quoted.fee_amount) == sol


def test_the_end_of_a_curve_is_bought_for_what_it_costs() -> None:
    """A buy larger than the rest pays only for the rest; asking for more is refused."""
    pool = make_pool(numbers={"real_base_reserve": 1_000_000})
    rest = pumpfun.quote_in(pool, 10**12, is_buy=True)
    assert (rest.amount_out, rest.amount_in) == (1_000_000, pumpfun.quote_out(pool, 1_000_000, is_buy=True).amount_in)
    with pytest.raises(EmptyPool):
        pumpfun.quote_out(pool, 1_000_001, is_buy=True)
    with pytest.raises(EmptyPool):
        pumpfun.quote_out(make_pool(), 30_000_000_000, is_buy=False)


@pytest.mark.parametrize("pool", [make_pool(numbers={"complete": 1}), make_pool(base=0), make_pool(quote=0)])
def test_a_curve_that_does_not_trade_gives_no_quote(pool: Pool) -> None:
    """Complete, or empty on one side."""
    for quote in (pumpfun.quote_in, pumpfun.quote_out):
        with pytest.raises(EmptyPool):
            quote(pool, 1, is_buy=True)
    with pytest.raises(EmptyPool):
        pumpfun.base_for_budget(pool, 1)


def test_fees_that_leave_nothing_are_refused() -> None:
    """100 % of fees cannot be inverted."""
    with pytest.raises(EmptyPool):
        pumpfun.quote_out(make_pool(numbers={"protocol_fee_bps": 9000, "creator_fee_bps": 1000}), 1, is_buy=False)


SOL_AMOUNTS = st.integers(1, 200_000_000_000)
CURVES = st.builds(
    lambda sold: make_pool(
        base=1_073_000_000_000_000 - sold, quote=30_000_000_000 * 1_073 * 10**12 // (1_073 * 10**12 - sold)
    ),
    st.integers(0, 793_000_000_000_000),
)


@given(CURVES, SOL_AMOUNTS)
def test_a_buy_never_shrinks_the_product_and_never_overspends(pool: Pool, amount: int) -> None:
    """What arrives, bought exactly, costs no more than what was paid (but for the unit the program keeps)."""
    quote = pumpfun.quote_in(pool, amount, is_buy=True)
    net = quote.amount_in - quote.fee_amount
    assert (pool.base_reserve - quote.amount_out) * (pool.quote_reserve + net) >= pool.base_reserve * pool.quote_reserve
    assert quote.amount_in <= amount
    if quote.amount_out:
        assert pumpfun.quote_out(pool, quote.amount_out, is_buy=True).amount_in <= quote.amount_in
    assert quote.impact_bps >= 0


@given(CURVES, SOL_AMOUNTS)
def test_the_budget_form_fits_the_budget(pool: Pool, budget: int) -> None:
    """Exactly what `buy_v2` may ask for within it, slippage aside."""
    tokens = pumpfun.base_for_budget(pool, budget)
    assert pumpfun.quote_out(pool, tokens, is_buy=True).amount_in <= slippage_max(budget, 0) + 2


@given(CURVES, st.integers(1, 20_000_000_000))
def test_the_least_sale_for_an_amount_is_the_least(pool: Pool, wanted: int) -> None:
    """One unit less sold gives less than asked."""
    quote = pumpfun.quote_out(pool, wanted, is_buy=False)
    assert quote.amount_out >= wanted
    assert pumpfun.quote_in(pool, quote.amount_in, is_buy=False) == quote
    assert pumpfun.quote_in(pool, quote.amount_in - 1, is_buy=False).amount_out < wanted


def swapped(**changes: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": "pumpfun",
        "pool": CURVE,
        "base_mint": MINT,
        "trader": USER,
        "is_buy": True,
        "base_amount": 73,
        "quote_amount": 5,
        "base_reserve": 1_073_000_000_000_000 - 73,
        "quote_reserve": 30_000_000_005,
        "slot": 7,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


def test_a_trade_moves_the_curve_and_follows_its_creator() -> None:
    """Virtual and real reserves move together; the next sell needs the new creator's vault."""
    pool = pumpfun.apply(make_pool(), swapped(creator=OTHER))
    assert (pool.base_reserve, pool.quote_reserve, pool.slot) == (1_073_000_000_000_000 - 73, 30_000_000_005, 7)
    assert (pool.numbers["real_base_reserve"], pool.numbers["real_quote_reserve"]) == (793_100_000_000_000 - 73, 5)
    assert pool.keys["creator"] == OTHER
    launched = msgspec.structs.replace(make_pool(), keys={"creator": CREATOR, "creator_vault": CURVE})
    assert pumpfun.apply(launched, swapped(creator=OTHER)).keys == {"creator": OTHER}
    assert pumpfun.apply(make_pool(), swapped()).keys == {"creator": CREATOR}


@pytest.mark.parametrize(
    "event",
    [
        swapped(pool=OTHER),
        swapped(base_reserve=-1),
        swapped(quote_reserve=-1),
        swapped(slot=4),
        CurveCompleted(venue="pumpfun", pool=OTHER, base_mint=MINT, slot=9, signature="s"),
    ],
)
def test_what_is_not_about_this_curve_leaves_it(event: Any) -> None:
    """Another pool, untold reserves, or an older slot."""
    pool = make_pool(slot=5)
    assert pumpfun.apply(pool, event) is pool
    assert pumpfun.apply(pool, only(pumpfun.read(make_step(create_event()), CONTEXT))) is pool


@pytest.mark.parametrize(
    "event",
    [
        CurveCompleted(venue="pumpfun", pool=CURVE, base_mint=MINT, slot=9, signature="s"),
        PoolMigrated(
            venue="pumpfun", pool=CURVE, base_mint=MINT, new_venue="pumpswap", new_pool=POOL, slot=9, signature="s"
        ),
    ],
)
def test_a_completed_curve_trades_no_more(event: Any) -> None:
    """Exits move on to the coin's pool."""
    with pytest.raises(EmptyPool):
        pumpfun.quote_in(pumpfun.apply(make_pool(), event), 1, is_buy=False)


@given(
    amount=st.one_of(st.integers(-5, 5_000), st.integers(0, 1 << 64)),
    base=st.integers(1, 1 << 60),
    quote=st.integers(1, 1 << 60),
    protocol=st.integers(0, 10_000),
    creator=st.integers(0, 10_000),
)
def test_a_buy_written_out_is_the_sum_of_its_parts(
    amount: int, base: int, quote: int, protocol: int, creator: int
) -> None:
    """Net, fees and impact of the short way are those of the functions every other trade uses."""
    rates = pump_fees.Rates(0, protocol, creator)
    numbers = {"protocol_fee_bps": protocol, "creator_fee_bps": creator}
    pool = msgspec.structs.replace(make_pool(base=base, quote=quote), numbers=numbers)
    net = max(pump_fees.net_of(amount, rates), 0)
    spent = max(net - 1, 0)
    out = spent * base // (quote + spent)
    if out >= base - 1:
        assert pumpfun.quote_in(pool, amount, is_buy=True) == pumpfun.quote_out(pool, base - 1, is_buy=True)
    else:
        impact = impact_bps(base=base, quote=quote, base_after=base - out, quote_after=quote + net)
        expected = Quote(amount, out, pump_fees.fees(net, rates), impact)
        assert pumpfun.quote_in(pool, amount, is_buy=True) == expected
