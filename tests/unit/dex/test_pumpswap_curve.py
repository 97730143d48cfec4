"""PumpSwap's arithmetic: every recorded trade to the unit, both sides, and what follows a trade."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.events import LiquidityChanged, Pool, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex import pumpswap
from sniperforge.dex.pump_fees import AMM_SCHEDULE, Rates, to_numbers
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.pumpswap_vectors import (
    BLOCK,
    COIN,
    CONTEXT,
    CREATOR,
    OTHER,
    USER,
    make_pool,
    make_step,
    only,
    pool_address,
)

# ── recorded trades ────────────────────────────────────────────────────────────


def _recorded() -> list[bytes]:
    """Return PumpSwap's own event payloads of a recorded block, in order."""
    if not BLOCK.exists():
        pytest.skip("the recorded blocks of ../shared are absent")
    payloads: list[bytes] = []
    for transaction in json.loads(BLOCK.read_bytes())["transactions"]:
        running: list[str] = []
        for line in () if transaction["meta"]["err"] else transaction["meta"]["logMessages"] or ():
            words = line.split()
            if line.startswith("Program ") and words[2:3] == ["invoke"]:
                running.append(words[1])
            elif line.startswith("Program ") and words[2:] == ["success"]:
                running.pop()
            elif line.startswith("Program data: ") and running[-1] == text(pumpswap.PROGRAM):
                payloads.append(base64.b64decode(words[2]))
    return payloads


def test_every_recorded_trade_is_quoted_exactly_and_leads_to_the_next() -> None:
    """35 trades of one block: amounts, fees, and the reserves the next trade starts from."""
    known: dict[bytes, Pool] = {}
    counts: dict[str, int] = defaultdict(int)
    for payload in _recorded():
        decoded = pumpswap.decode_event(payload)
        if decoded is None:
            continue
        name, record = decoded
        ints, address = record.ints, record.keys["pool"]
        before = (ints["pool_base_token_reserves"], ints["pool_quote_token_reserves"])
        pool = known.get(address)
        if pool is not None:
            assert (pool.base_reserve, pool.quote_reserve) == before
            counts["followed"] += 1
        rates = {"lp_fee_bps": ints["lp_fee_basis_points"], "protocol_fee_bps": ints["protocol_fee_basis_points"]}
        pool = make_pool(address=address, base=before[0], quote=before[1], numbers={**rates, "creator_fee_bps": 0})
        if name == "BuyEvent":
            quote = pumpswap.quote_out(pool, ints["base_amount_out"], is_buy=True)
            assert quote.amount_in == ints["user_quote_amount_in"]
        else:
            quote = pumpswap.quote_in(pool, ints["base_amount_in"], is_buy=False)
            assert quote.amount_out == ints["user_quote_amount_out"]
        traded = only(pumpswap.read(make_step(payload), CONTEXT))
        known[address] = pumpswap.apply(pool, traded)
        counts[name] += 1
    assert counts == {"BuyEvent": 19, "SellEvent": 16, "followed": 22}


# ── the pool ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pool", "rates"),
    [
        (make_pool(), Rates(2, 93, 30)),
        (make_pool(quote=87_000_000_000), Rates(20, 5, 95)),
        (make_pool(numbers={"canonical": 0}), Rates(25, 5, 0)),
        (make_pool(numbers={"coin_creator_fee_bps": 77}), Rates(2, 93, 77)),
        (make_pool(keys={}), Rates(2, 93, 0)),
        (make_pool(numbers=to_numbers(AMM_SCHEDULE._replace(tiers=((0, Rates(1, 2, 3)),)))), Rates(1, 2, 3)),
        (make_pool(numbers={"lp_fee_bps": 7, "protocol_fee_bps": 8, "creator_fee_bps": 9}), Rates(7, 8, 9)),
    ],
)
def test_the_rates_of_a_pool(pool: Pool, rates: Rates) -> None:
    """By market cap for migrated coins, flat for others; the creator's only where there is one."""
    assert pumpswap.rates_of(pool) == rates


@pytest.mark.parametrize("turned", [False, True])
@given(data=st.data())
def test_quotes_agree_with_each_other_on_both_sides(turned: bool, data: st.DataObject) -> None:
    """Paying what an exact amount costs gives at least that amount; selling the least gives enough."""
    pool = make_pool(turned=turned)
    is_buy = data.draw(st.booleans())
    held = pool.base_reserve if is_buy else pool.quote_reserve
    wanted = data.draw(st.integers(1, held // 3))
    quote = pumpswap.quote_out(pool, wanted, is_buy=is_buy)
    assert quote.amount_out >= wanted
    if is_buy == turned:
        # The program's own sell: exact in both directions, and one unit less is too little.
        assert pumpswap.quote_in(pool, quote.amount_in, is_buy=is_buy) == quote
        assert pumpswap.quote_in(pool, quote.amount_in - 1, is_buy=is_buy).amount_out < wanted
    else:
        # It keeps a unit back where the input is exact.
        again = pumpswap.quote_in(pool, quote.amount_in, is_buy=is_buy)
        in_side, out_side = (
            (pool.quote_reserve, pool.base_reserve) if is_buy else (pool.base_reserve, pool.quote_reserve)
        )
        assert wanted - 4 * (out_side // in_side + 1) <= again.amount_out
    assert quote.impact_bps >= 0 < quote.fee_amount


@pytest.mark.parametrize("pool", [make_pool(base=0), make_pool(quote=0), make_pool(base=0, turned=True)])
def test_an_empty_pool_gives_no_quote(pool: Pool) -> None:
    """Neither side may be empty."""
    for quote in (pumpswap.quote_in, pumpswap.quote_out):
        with pytest.raises(EmptyPool):
            quote(pool, 1, is_buy=True)


def test_more_than_a_pool_holds_is_refused() -> None:
    """Of the coin, of the quote, and of a vault whose price is partly virtual."""
    with pytest.raises(EmptyPool):
        pumpswap.quote_out(make_pool(), 206_900_000_000_000, is_buy=True)
    with pytest.raises(EmptyPool):
        pumpswap.quote_out(make_pool(), 85_000_000_000, is_buy=False)
    with pytest.raises(EmptyPool):
        pumpswap.quote_in(make_pool(numbers={"virtual_quote_reserves": 84_000_000_000}), 10**14, is_buy=False)
    assert pumpswap.quote_in(make_pool(), 1, is_buy=True).amount_out == 0


def swapped(**changes: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": "pumpswap",
        "pool": pool_address(),
        "base_mint": COIN,
        "trader": USER,
        "is_buy": True,
        "base_amount": 1,
        "quote_amount": 2,
        "base_reserve": 3,
        "quote_reserve": 4,
        "slot": 7,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


def test_a_trade_moves_the_pool_and_follows_its_creator() -> None:
    """Seen in logs alone, a turned pool's trade is turned, too."""
    pool = pumpswap.apply(make_pool(), swapped(creator=OTHER))
    assert (pool.base_reserve, pool.quote_reserve, pool.slot, pool.keys["coin_creator"]) == (3, 4, 7, OTHER)
    turned = pumpswap.apply(make_pool(turned=True), swapped(base_mint=ZERO_KEY))
    assert (turned.base_reserve, turned.quote_reserve, turned.keys["coin_creator"]) == (4, 3, CREATOR)


@pytest.mark.parametrize("event", [swapped(pool=OTHER, creator=OTHER), swapped(base_reserve=-1)])
def test_what_is_not_about_this_pool_leaves_it(event: Any) -> None:
    """Another pool, or reserves nobody told."""
    pool = make_pool()
    assert pumpswap.apply(pool, event) == pool


def test_liquidity_moves_the_pool() -> None:
    """Should a source tell it."""
    event = LiquidityChanged(
        venue="pumpswap",
        pool=pool_address(),
        base_mint=COIN,
        added=True,
        base_amount=1,
        quote_amount=1,
        base_reserve=5,
        quote_reserve=6,
        slot=8,
        signature="s",
    )
    pool = pumpswap.apply(make_pool(), event)
    assert (pool.base_reserve, pool.quote_reserve) == (5, 6)
