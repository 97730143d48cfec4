"""DAMM v2 as a venue: loaded from its account, quoted, followed through trades, and traded.

Small vectors of our own; the SDK's and the real program's stand in test_meteora_damm_v2_golden.py.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import BotStarted, LiquidityChanged, Pool, Swapped
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex import meteora_damm_v2 as damm
from sniperforge.dex import meteora_damm_v2_layouts as layout
from sniperforge.dex.meteora_fees import LIMITER
from sniperforge.dex.meteora_liquidity import ROOT_ONE, joined, split
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.venue import SwapOrder
from tests.unit.dex.meteora_vectors import CLOCK, COIN, DAMM_POOL, DEPTH, DYNAMIC, USER, damm_pool


def _loaded(**changes: Any) -> Pool:
    return damm.load(DAMM_POOL, {"pool": damm_pool(**changes)})


TURNED = {"token_a_mint": WSOL, "token_b_mint": COIN}


def _traded(pool: Pool, **changes: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": damm.NAME,
        "pool": pool.address,
        "base_mint": COIN,
        "trader": USER,
        "is_buy": True,
        "base_amount": 1_000,
        "quote_amount": 1_000,
        "base_reserve": pool.base_reserve - 1_000,
        "quote_reserve": pool.quote_reserve + 1_000,
        "slot": 1_000,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


# ── loading ───────────────────────────────────────────────────────────────


def test_a_pool_is_loaded_whole() -> None:
    pool = _loaded(token_a_flag=1)
    assert (pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program) == (COIN, WSOL, TOKEN_2022, TOKEN)
    assert (pool.base_reserve, pool.quote_reserve, pool.slot) == (10**12, 10**12, 0)
    assert (pool.numbers["point"], pool.numbers["fee_max"], pool.numbers["base_is_0"]) == (1_000, 990_000_000, 1)
    assert damm.needs(damm_pool()) == {"base_mint": COIN, "clock": damm.CLOCK_SYSVAR}
    assert damm.needs(damm_pool(**TURNED))["base_mint"] == COIN


def test_a_clock_tells_the_fee_of_now() -> None:
    """By seconds or by slots, as the pool counts; never before the activation."""
    accounts = {"pool": damm_pool(), "clock": CLOCK}
    assert (damm.load(DAMM_POOL, accounts).numbers["point"], damm.load(DAMM_POOL, accounts).slot) == (5_000, 900)
    slots = damm.load(DAMM_POOL, {"pool": damm_pool(activation_type=0, activation_point=800), "clock": CLOCK})
    assert slots.numbers["point"] == 900
    with pytest.raises(DecodeError, match="clock"):
        damm.load(DAMM_POOL, {**accounts, "clock": b"short"})


def test_an_account_of_the_first_layout_has_its_reserves_worked_out() -> None:
    pool = _loaded(layout_version=0, token_a_amount=0, token_b_amount=0)
    assert (pool.base_reserve, pool.quote_reserve) == (999_999_999_768, 999_999_999_768)


@pytest.mark.parametrize(
    "changes", [{"collect_fee_mode": 3}, {"fee_version": 2}, {"sqrt_price": 1}, {"sqrt_min_price": 0}]
)
def test_a_pool_of_an_unknown_kind_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(DecodeError, match="kind nobody knows"):
        _loaded(**changes)


@given(place=st.integers(8, layout.POOL_SIZE - 1), value=st.integers(0, 255))
def test_a_changed_account_loads_or_raises_decode_error(place: int, value: int) -> None:
    raw = bytearray(damm_pool(**DYNAMIC))
    raw[place] = value
    try:
        pool = damm.load(DAMM_POOL, {"pool": bytes(raw)})
    except DecodeError as problem:
        assert "\n" not in str(problem)
        return
    assert max(pool.numbers.values()) < 2**64


# ── following ─────────────────────────────────────────────────────────────


def test_a_trade_that_tells_the_price_sets_it() -> None:
    """And time and unrest, where the pool has a dynamic fee."""
    pool = _loaded(**DYNAMIC)
    told = {**split("sqrt_price", 2 * ROOT_ONE), "seconds": 6_000}
    after = damm.apply(pool, _traded(pool, numbers=told))
    assert (joined(after.numbers, "sqrt_price"), after.numbers["point"], after.slot) == (2 * ROOT_ONE, 6_000, 1_000)
    assert after.numbers["volatility_accumulator"] == 14_460_000
    assert (after.base_reserve, after.quote_reserve) == (10**12 - 1_000, 10**12 + 1_000)


@pytest.mark.parametrize("moved", [1_000_000, -1_000_000])
def test_a_trade_that_tells_reserves_alone_moves_the_price_by_them(moved: int) -> None:
    pool = _loaded(activation_type=0)
    event = _traded(pool, quote_reserve=pool.quote_reserve + moved, base_reserve=pool.base_reserve - moved)
    after = damm.apply(pool, event)
    assert (joined(after.numbers, "sqrt_price") > ROOT_ONE) is (moved > 0)
    assert after.numbers["point"] == 1_000


def test_a_trade_of_more_than_the_pool_holds_leaves_the_price() -> None:
    """It tells reserves, which are taken, and no price."""
    pool = _loaded()
    pool.numbers["status"] = 1
    after = damm.apply(pool, _traded(pool))
    assert (after.base_reserve, joined(after.numbers, "sqrt_price")) == (10**12 - 1_000, ROOT_ONE)


def test_a_compounding_pool_is_priced_by_its_reserves() -> None:
    pool = _loaded(collect_fee_mode=2)
    after = damm.apply(pool, _traded(pool, base_reserve=10**12, quote_reserve=4 * 10**12))
    assert joined(after.numbers, "sqrt_price") == 2 * ROOT_ONE


@pytest.mark.parametrize(("added", "depth"), [(True, DEPTH + 5), (False, DEPTH - 5)])
def test_liquidity_changes_the_depth(added: bool, depth: int) -> None:
    pool = _loaded()
    event = LiquidityChanged(
        venue=damm.NAME,
        pool=pool.address,
        added=added,
        base_amount=1,
        quote_amount=1,
        base_reserve=7,
        quote_reserve=8,
        slot=9,
        signature="s",
        base_mint=COIN,
        numbers=split("liquidity_delta", 5),
    )
    after = damm.apply(pool, event)
    assert (joined(after.numbers, "liquidity"), after.base_reserve, after.quote_reserve) == (depth, 7, 8)


def test_what_is_not_about_the_pool_leaves_it() -> None:
    pool = _loaded()
    assert damm.apply(pool, BotStarted(bot="b")) is pool
    assert damm.apply(pool, _traded(msgspec.structs.replace(pool, address=ZERO_KEY))) is pool


# ── quoting ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("changes", [{}, TURNED], ids=["coin is A", "coin is B"])
@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("is_buy", [True, False])
def test_a_quote_says_its_fee_in_the_quote(changes: dict[str, Any], mode: int, is_buy: bool) -> None:
    """1 % of a million at a price of 1, whichever side it is taken on."""
    quote = damm.quote_in(_loaded(collect_fee_mode=mode, **changes), 1_000_000, is_buy=is_buy)
    assert (quote.amount_in, quote.amount_out, quote.impact_bps) == (1_000_000, 989_999, 0)
    assert 9_999 <= quote.fee_amount <= 10_000
    assert damm.quote_out(_loaded(collect_fee_mode=mode, **changes), 989_999, is_buy=is_buy).amount_in <= 1_000_001


@pytest.mark.parametrize("is_buy", [True, False])
def test_a_coin_that_takes_a_fee_itself_is_quoted_with_it(is_buy: bool) -> None:
    """1 % off what arrives in the pool or in the wallet; bought exactly, it arrives."""
    plain = _loaded()
    taxed = msgspec.structs.replace(
        plain, numbers={**plain.numbers, "base_transfer_fee_bps": 100, "base_transfer_fee_max": 10**9}
    )
    without, within = (damm.quote_in(pool, 1_000_000, is_buy=is_buy) for pool in (plain, taxed))
    assert within.amount_out < without.amount_out
    assert within.fee_amount > without.fee_amount
    exact = damm.quote_out(taxed, 500_000, is_buy=is_buy)
    assert exact.amount_out >= 500_000
    assert damm.quote_in(taxed, exact.amount_in, is_buy=is_buy).amount_out >= 500_000


# ── writing ───────────────────────────────────────────────────────────────


def test_a_limiter_sees_the_transaction_of_a_buy() -> None:
    """Selling it does not apply, so nothing is appended."""
    pool = _loaded(base_fee__mode=LIMITER, base_fee__second=600 | 5_000 << 32, base_fee__first=100, base_fee__third=5)
    for is_buy in (True, False):
        order = SwapOrder(USER, is_buy, 5, 7)
        keys = [meta.key for one in damm.swap(pool, order) if one.program == damm.PROGRAM for meta in one.accounts]
        assert (keys[-1] == layout.INSTRUCTIONS_SYSVAR, len(keys)) == (is_buy, 15 if is_buy else 14)
        assert damm.variant(pool, order).endswith("/limited") is is_buy


def test_a_referrer_is_listed_and_told_in_the_variant() -> None:
    pool = _loaded()
    pool.keys["referral_token_account"] = ZERO_KEY
    order = SwapOrder(USER, True, 5, 7, exact_out=True)
    (trade,) = [one for one in damm.swap(pool, order) if one.program == damm.PROGRAM]
    assert trade.accounts[11] == (ZERO_KEY, False, True)
    assert (trade.data[:8], trade.data[-1]) == (layout.SWAP2, damm.EXACT_OUT)
    assert damm.variant(pool, order) == "spl/spl/wrap/a/share"
    assert damm.compute_units(True) > damm.compute_units(False) > 30_000
