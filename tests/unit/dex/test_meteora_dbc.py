"""The Meteora curve as a venue: loaded with its config, quoted, followed through trades, and traded.

Small vectors of our own; the SDK's and the real program's stand in test_meteora_dbc_golden.py.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import BotStarted, CurveCompleted, Pool, Swapped
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex import meteora_dbc as dbc
from sniperforge.dex import meteora_dbc_layouts as layout
from sniperforge.dex.meteora_liquidity import ROOT_ONE, joined, split
from sniperforge.dex.programs import EVENT_TAG, TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.venue import EmptyPool, SwapOrder
from tests.unit.dex.meteora_vectors import CLOCK, COIN, CONFIG, CREATOR, DBC_POOL, USER, pool_config, virtual_pool

DYNAMIC: dict[str, Any] = {
    "dynamic_fee": 1,
    "variable_fee_control": 956,
    "volatility_max": 14_460_000,
    "bin_step": 1,
    "bin_step_root": 1_844_674_407_370_955,
}


def _loaded(pool: dict[str, Any] | None = None, **config: Any) -> Pool:
    return dbc.load(DBC_POOL, {"pool": virtual_pool(**(pool or {})), "config": pool_config(**config)})


def _traded(pool: Pool, **changes: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": dbc.NAME,
        "pool": pool.address,
        "base_mint": COIN,
        "trader": USER,
        "is_buy": True,
        "base_amount": 1_000,
        "quote_amount": 1_000,
        "base_reserve": -1,
        "quote_reserve": -1,
        "slot": 1_000,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


def _told(root: int, *, base: int = 30, quote: int = 40) -> dict[str, int]:
    return {**split("sqrt_price", root), "seconds": 6_000, "base_moved": base, "quote_moved": quote}


# ── loading ───────────────────────────────────────────────────────────────


def test_a_pool_is_loaded_with_its_config() -> None:
    pool = _loaded({"quote_reserve": 9}, token_type=1)
    assert (pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program) == (COIN, WSOL, TOKEN_2022, TOKEN)
    assert (pool.base_reserve, pool.quote_reserve, pool.numbers["real_quote_reserve"]) == (10**12, 9, 9)
    assert (pool.keys["creator"], pool.numbers["status"], pool.numbers["point"]) == (CREATOR, 0, 1_000)
    assert dbc.needs(virtual_pool()) == {"config": CONFIG, "clock": dbc.CLOCK_SYSVAR}


def test_a_clock_tells_the_fee_of_now() -> None:
    """By seconds or by slots, as the config counts; never before the activation."""
    accounts = {"pool": virtual_pool(activation_point=800), "config": pool_config(), "clock": CLOCK}
    assert (dbc.load(DBC_POOL, accounts).numbers["point"], dbc.load(DBC_POOL, accounts).slot) == (5_000, 900)
    assert dbc.load(DBC_POOL, {**accounts, "config": pool_config(activation_type=0)}).numbers["point"] == 900
    with pytest.raises(DecodeError, match="clock"):
        dbc.load(DBC_POOL, {**accounts, "clock": b"short"})


def test_a_pool_without_a_price_is_refused() -> None:
    with pytest.raises(DecodeError, match="no price"):
        _loaded({"sqrt_price": 0})


@given(place=st.integers(8, layout.POOL_CONFIG_SIZE - 1), value=st.integers(0, 255))
def test_a_changed_account_loads_or_raises_decode_error(place: int, value: int) -> None:
    pool, config = bytearray(virtual_pool()), bytearray(pool_config(**DYNAMIC))
    config[place] = value
    pool[8 + place % (layout.VIRTUAL_POOL_SIZE - 8)] = value
    try:
        loaded = dbc.load(DBC_POOL, {"pool": bytes(pool), "config": bytes(config)})
    except DecodeError as problem:
        assert "\n" not in str(problem)
        return
    assert max(loaded.numbers.values()) < 2**64


# ── following ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("is_buy", "after"), [(True, (70, 240)), (False, (130, 160))])
def test_a_trade_moves_reserves_by_what_it_moved(is_buy: bool, after: tuple[int, int]) -> None:
    """The fee is in neither."""
    pool = msgspec.structs.replace(_loaded(), base_reserve=100, quote_reserve=200)
    moved = dbc.apply(pool, _traded(pool, is_buy=is_buy, numbers=_told(2 * ROOT_ONE)))
    assert (moved.base_reserve, moved.quote_reserve, moved.numbers["real_quote_reserve"]) == (*after, after[1])
    assert (joined(moved.numbers, "sqrt_price"), moved.numbers["point"]) == (2 * ROOT_ONE, 6_000)


def test_a_told_reserve_wins_and_unrest_is_kept() -> None:
    pool = _loaded(**DYNAMIC)
    after = dbc.apply(pool, _traded(pool, quote_reserve=777, numbers=_told(2 * ROOT_ONE)))
    assert (after.quote_reserve, after.numbers["volatility_accumulator"]) == (777, 14_460_000)


@pytest.mark.parametrize("moved", [10**6, -(10**6)])
def test_a_trade_that_tells_reserves_alone_moves_the_price_by_them(moved: int) -> None:
    pool = _loaded({"sqrt_price": 2 * ROOT_ONE, "quote_reserve": 10**12}, activation_type=0)
    after = dbc.apply(pool, _traded(pool, base_reserve=5, quote_reserve=10**12 + moved))
    assert (joined(after.numbers, "sqrt_price") > 2 * ROOT_ONE) is (moved > 0)
    assert (after.base_reserve, after.numbers["point"]) == (5, 1_000)


def test_a_pool_without_its_config_is_followed_too() -> None:
    """Its price and reserves are known, the curve is not."""
    loaded = _loaded()
    bare = msgspec.structs.replace(loaded, numbers={"curve_points": 0})
    after = dbc.apply(bare, _traded(bare, numbers=_told(2 * ROOT_ONE)))
    assert joined(after.numbers, "sqrt_price") == 2 * ROOT_ONE
    assert dbc.apply(bare, _traded(bare, base_reserve=5, quote_reserve=6)).quote_reserve == 6
    with pytest.raises(dbc.CurveUnknown):
        dbc.quote_out(after, 1, is_buy=True)


def test_a_completed_curve_trades_no_more() -> None:
    """By its event, by its reserve, by its account."""
    pool = _loaded()
    event = CurveCompleted(venue=dbc.NAME, pool=pool.address, base_mint=COIN, slot=9, signature="s")
    full = msgspec.structs.replace(pool, quote_reserve=2 * 10**12)
    for done in (dbc.apply(pool, event), full, _loaded({"is_migrated": 1}), _loaded({"migration_progress": 1})):
        with pytest.raises(EmptyPool, match="complete"):
            dbc.quote_in(done, 1_000, is_buy=False)


def test_what_is_not_about_the_pool_leaves_it() -> None:
    pool = _loaded()
    other = msgspec.structs.replace(pool, address=ZERO_KEY)
    for event in (BotStarted(bot="b"), _traded(other), _traded(pool)):
        assert dbc.apply(pool, event) is pool


# ── quoting ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", [layout.ONLY_QUOTE, layout.OUTPUT])
@pytest.mark.parametrize("is_buy", [True, False])
def test_a_quote_says_its_fee_in_the_quote(mode: int, is_buy: bool) -> None:
    """1 % of a million at a price of 1, whichever side it is taken on."""
    pool = _loaded({"sqrt_price": ROOT_ONE + (0 if is_buy else 1 << 50), "quote_reserve": 10**9}, collect_fee_mode=mode)
    quote = dbc.quote_in(pool, 1_000_000, is_buy=is_buy)
    assert quote.amount_in == 1_000_000
    assert 989_998 <= quote.amount_out <= 990_200
    assert 9_999 <= quote.fee_amount <= 10_003
    assert dbc.quote_out(pool, quote.amount_out, is_buy=is_buy).amount_in <= 1_000_001


# ── writing ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sees", "is_buy", "listed"),
    [(0, True, False), (layout.EVERY_BUY, True, True), (layout.EVERY_BUY, False, False), (2, False, True)],
)
def test_the_sysvar_is_listed_where_the_config_wants_it(sees: int, is_buy: bool, listed: bool) -> None:
    pool = _loaded()
    pool.numbers["sees_instructions"] = sees
    order = SwapOrder(USER, is_buy, 5, 7)
    (trade,) = [one for one in dbc.swap(pool, order) if one.program == dbc.PROGRAM]
    assert (trade.accounts[-1].key == layout.INSTRUCTIONS_SYSVAR) is listed
    assert dbc.variant(pool, order).endswith("/seen") is listed
    assert trade.data[:8] == (layout.SWAP2 if is_buy else layout.SWAP)


def test_a_referrer_is_listed_and_told_in_the_variant() -> None:
    pool = _loaded()
    pool.keys["referral_token_account"] = ZERO_KEY
    order = SwapOrder(USER, True, 5, 7, exact_out=True)
    (trade,) = [one for one in dbc.swap(pool, order) if one.program == dbc.PROGRAM]
    assert trade.accounts[12] == (ZERO_KEY, False, True)
    assert trade.data[-1] == dbc.EXACT_OUT
    assert dbc.variant(pool, order) == "spl/spl/wrap/share"
    assert dbc.compute_units(True) > dbc.compute_units(False) > 50_000


def test_a_completion_is_found_in_any_encoding() -> None:
    """Its 96 bytes start with the same letters whatever they say."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    for seed in range(20):
        body = b"".join(hashlib.sha256(bytes([seed, part])).digest() for part in range(3))[:80]
        data = EVENT_TAG + layout.COMPLETE_EVENT + body
        number, letters = int.from_bytes(data, "big"), ""
        while number:
            number, digit = divmod(number, 58)
            letters = alphabet[digit] + letters
        assert letters.encode().startswith(dbc.VENUE.markers[-2])
        assert base64.b64encode(data).startswith(dbc.VENUE.markers[-1])
