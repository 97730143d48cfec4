"""What every venue promises, whatever it is: a new one is done when this passes.

Reading raises DecodeError or nothing, quotes are integers nobody can profit from by
turning round, swaps are signed by the wallet alone, and the form of a swap depends
on nothing but its side, its flags and its variant.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import importlib
import struct
from collections.abc import Iterable
from math import isqrt
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, Event, Pool, PoolCreated, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.meteora_liquidity import ROOT_MAX, ROOT_MIN, split
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.venue import Context, EmptyPool, Incomplete, Instruction, Step, SwapOrder, Venue
from sniperforge.dex.venues import BY_PROGRAM, VENUES

FRAMES = Path(__file__).parents[4] / "shared" / "frames"
MODULES = {"raydium_amm_v4": "raydium_amm"}
CONTEXT = Context("sig", 9, 100, 200, "endpoint", ZERO_KEY, True, True, False)


def _key(name: str) -> Pubkey:
    return Pubkey(hashlib.sha256(name.encode()).digest())


USER = _key("user")
#: The root of the price and the liquidity of a Meteora pool of the reserves `_pool` has.
ROOT, DEPTH = (
    isqrt((30_000_000_000 << 128) // 1_073_000_000_000_000),
    isqrt(30_000_000_000 * 1_073_000_000_000_000) << 64,
)
METEORA_FEES = {
    "base_is_0": 1,
    "collect_fee_mode": 1,
    "status": 0,
    "activation_type": 1,
    "activation_point": 5,
    "point": 5,
    "fee_mode": 0,
    "fee_cliff": 10_000_000,
    "fee_first": 0,
    "fee_second": 0,
    "fee_third": 0,
    "fee_max": 990_000_000,
}
#: What a pool of each venue must hold beside mints and reserves.
KEYS: dict[str, str] = {
    "orca_whirlpool": "whirlpools_config base_vault quote_vault oracle",
    "raydium_clmm": "amm_config base_vault quote_vault observation_state bitmap_extension",
    "pumpfun": "creator",
    "pumpswap": "pool_creator coin_creator",
    "raydium_cpmm": "amm_config base_vault quote_vault observation_state",
    "raydium_amm_v4": "base_vault quote_vault authority lp_mint target_orders market",
    "raydium_launchlab": "global_config platform_config base_vault quote_vault creator",
    "meteora_damm_v2": "base_vault quote_vault",
    "meteora_dbc": "config base_vault quote_vault",
    "meteora_dlmm": "reserve_x reserve_y oracle",
}
#: The root of 3e10 / 1.073e15, the liquidity between them, one position over the whole range.
_WHOLE_RANGE = {
    "base_is_0": 1,
    "sqrt_price": 97_539_491_883_135_591,
    "liquidity": 5_673_623_181_001,
    "tick": -104_853,
    "tick.-443520": 5_673_623_181_001,
    "tick.443520": -5_673_623_181_001,
}
NUMBERS: dict[str, dict[str, int]] = {
    # Splash pools: two arrays hold every tick, so any amount is within reach.
    "raydium_clmm": {**_WHOLE_RANGE, "tick_spacing": 120, "trade_fee_rate": 10_000, "fee_on": 0, "status": 0},
    "orca_whirlpool": {**_WHOLE_RANGE, "tick_spacing": 32_896, "fee_tier_index": 32_896, "fee_rate": 10_000},
    "pumpfun": {"real_base_reserve": 793_100_000_000_000},
    "pumpswap": {"index": 0, "canonical": 1, "base_is_0": 1},
    "raydium_cpmm": {
        "base_is_0": 1,
        "trade_fee_rate": 2500,
        "protocol_fee_rate": 120_000,
        "fund_fee_rate": 40_000,
        "creator_fee_rate": 0,
        "enable_creator_fee": 0,
        "creator_fee_on": 0,
    },
    "raydium_amm_v4": {"base_is_0": 1, "swap_fee_numerator": 25, "swap_fee_denominator": 10_000},
    "raydium_launchlab": {
        "curve_type": 0,
        "virtual_base": 1_073_000_000_000_000,
        "virtual_quote": 30_000_000_000,
        "total_base_sell": 793_100_000_000_000,
        "total_quote_fund_raising": 85_000_000_000,
        "supply": 1_000_000_000_000_000,
        "migrate_type": 1,
        "status": 0,
        "trade_fee_rate": 2500,
        "platform_fee_rate": 7500,
        "creator_fee_rate": 0,
    },
    "meteora_damm_v2": METEORA_FEES
    | split("sqrt_price", ROOT)
    | split("liquidity", DEPTH)
    | split("sqrt_min_price", ROOT_MIN)
    | split("sqrt_max_price", ROOT_MAX),
    "meteora_dbc": METEORA_FEES
    | {"migration_quote_threshold": 10**15, "curve_points": 1, "sees_instructions": 0}
    | split("sqrt_price", ROOT)
    | split("sqrt_start_price", ROOT_MIN)
    | split("migration_sqrt_price", ROOT_MAX)
    | split("curve_0_sqrt_price", ROOT_MAX)
    | split("curve_0_liquidity", DEPTH),
}

#: Bins of one percent each around the price of `_pool`, deep enough for every amount asked here.
NUMBERS["meteora_dlmm"] = {
    "base_is_0": 1,
    "active_id": -1054,
    "bin_step": 100,
    "base_factor": 10_000,
    "base_fee_power_factor": 0,
    "collect_fee_mode": 0,
    "filter_period": 30,
    "decay_period": 600,
    "reduction_factor": 5_000,
    "variable_fee_control": 7_500,
    "max_volatility_accumulator": 150_000,
    "volatility_accumulator": 0,
    "volatility_reference": 0,
    "index_reference": -1054,
    "last_update_timestamp": 1_790_000_000,
    "now": 1_790_000_000,
    "arrays": 2,
    "array.0": -16,
    "array.1": -15,
    "bin.-1055.y": 300_000_000_000,
    "bin.-1054.x": 20_000_000_000_000,
    "bin.-1054.y": 1_000_000_000,
    "bin.-1053.x": 10_000_000_000_000_000,
}


def _pool(venue: Venue, seed: str = "", program: Pubkey = TOKEN_2022) -> Pool:
    """Return a pool of *venue*; *seed* makes all its keys others."""
    # AMM v4 knows the classic token program only.
    program = TOKEN if venue.name == "raydium_amm_v4" else program
    return Pool(
        venue=venue.name,
        address=_key(seed + "pool"),
        base_mint=_key(seed + "mint"),
        quote_mint=WSOL,
        base_program=program,
        quote_program=TOKEN,
        base_reserve=1_073_000_000_000_000,
        quote_reserve=30_000_000_000,
        keys={name: _key(seed + name) for name in KEYS[venue.name].split()},
        numbers=NUMBERS[venue.name],
        slot=5,
    )


venues = pytest.mark.parametrize("venue", VENUES.values(), ids=list(VENUES))
SIDES = pytest.mark.parametrize("is_buy", [True, False], ids=["buy", "sell"])
FLAGS = pytest.mark.parametrize(
    "flags",
    [
        {},
        {"open_base_account": False, "wrap_quote": False},
        {"close_base_account": True},
        {"exact_out": True},
    ],
    ids=["plain", "bare", "closing", "exact-out"],
)


# ── the registry ──────────────────────────────────────────────────────────


def test_names_and_programs_are_the_venues_own() -> None:
    """Two ways to find one, and one venue behind both."""
    assert set(VENUES) == set(KEYS) == set(NUMBERS)
    assert {name: venue.name for name, venue in VENUES.items()} == {name: name for name in VENUES}
    assert {program: venue.program for program, venue in BY_PROGRAM.items()} == {key: key for key in BY_PROGRAM}
    assert len(BY_PROGRAM) == len(VENUES)


@venues
def test_a_venue_is_one_module_of_one_shape(venue: Venue) -> None:
    """Whoever opens the module finds every part of the venue under its name."""
    module = importlib.import_module(f"sniperforge.dex.{MODULES.get(venue.name, venue.name)}")
    assert (venue.name, venue.program, venue) == (module.NAME, module.PROGRAM, module.VENUE)
    parts = {"read", "verify", "load", "quote_in", "quote_out", "swap", "apply", "swap_keys", "assemble"}
    assert {name: getattr(module, name) for name in parts} == {name: getattr(venue, name) for name in parts}
    assert parts <= {field.name for field in dataclasses.fields(Venue)}


@venues
def test_markers_are_rare_words(venue: Venue) -> None:
    """The reject path is a scan for them, so they are few, and no recorded trade of pump.fun has one."""
    assert 1 <= len(venue.markers) <= 12
    assert all(len(marker) >= 9 for marker in venue.markers)
    assert all(len(marker) >= 10 and offset >= 8 for marker, offset in venue.trade_markers)
    path = FRAMES / "trade.jsonl.gz"
    if path.exists():
        with gzip.open(path) as lines:
            assert not [line for line in lines if any(marker in line for marker in venue.markers)]


@venues
def test_compute_units_are_within_a_transactions(venue: Venue) -> None:
    """At most 1,400,000, and enough for a token transfer."""
    for is_buy in (True, False):
        assert 20_000 <= venue.compute_units(is_buy) <= 1_400_000


# ── reading ───────────────────────────────────────────────────────────────


@venues
def test_an_invocation_that_says_nothing_reads_as_nothing(venue: Venue) -> None:
    """No event, no instruction, no log."""
    assert venue.read(Step(venue.program), CONTEXT) == []


def _known_heads(venue: Venue) -> list[bytes]:
    """Return the first bytes of the venue's own trades, for the fuzzer to start from."""
    order = SwapOrder(USER, True, 1, 1)
    built = [one for one in venue.swap(_pool(venue), order) if one.program == venue.program]
    return [one.data[:8] for one in built]


@venues
@given(data=st.data())
def test_reading_raises_its_own_error_or_nothing(venue: Venue, data: st.DataObject) -> None:
    """Whatever an invocation carries."""
    head = data.draw(st.sampled_from([b"", *_known_heads(venue)]) | st.binary(max_size=8))
    events = data.draw(st.lists(st.binary(max_size=300), max_size=3))
    accounts = (_key("account"),) * data.draw(st.integers(0, 30))
    logs = tuple(data.draw(st.lists(st.text(max_size=80), max_size=3)))
    step = Step(venue.program, accounts, head + data.draw(st.binary(max_size=200)), events=tuple(events), logs=logs)
    try:
        readings = venue.read(step, CONTEXT)
    except DecodeError as problem:
        assert "\n" not in str(problem)
        return
    assert all(isinstance(reading, Event | Incomplete) for reading in readings)


@venues
@given(raws=st.lists(st.binary(max_size=900), min_size=6, max_size=6))
def test_loading_raises_its_own_error_or_nothing(venue: Venue, raws: list[bytes]) -> None:
    """Accounts are bytes from outside, and may be missing."""
    names = ["bonding_curve", "pool", "pool_state", "amm_info", "whirlpool", "quote_vault"]
    for accounts in ({}, dict(zip(names, raws, strict=True))):
        with pytest.raises(DecodeError):
            venue.load(_key("pool"), accounts)


@venues
def test_a_launch_under_a_foreign_address_is_told_or_allowed_by_rule(venue: Venue) -> None:
    """One line, with both addresses; only CPMM lets a creator choose the pool's key."""
    pool = _pool(venue)
    created = PoolCreated(
        pool=pool,
        creator=USER,
        user=USER,
        open_time=0,
        slot=9,
        signature="s",
        index=0,
        believed_by="event",
    )
    reason = venue.verify(created)
    assert "\n" not in reason
    assert ("claimed" in reason and "derived" in reason) or venue.name == "raydium_cpmm"


# ── quoting ───────────────────────────────────────────────────────────────


@venues
@given(amount=st.integers(1, 60_000_000_000))
def test_turning_round_never_profits(venue: Venue, amount: int) -> None:
    """A buy sold back at once returns less than it cost, and says what the fees were."""
    pool = _pool(venue)
    bought = venue.quote_in(pool, amount, is_buy=True)
    assert bought.amount_in <= amount
    if not bought.amount_out:
        return
    after = msgspec.structs.replace(
        pool,
        base_reserve=pool.base_reserve - bought.amount_out,
        quote_reserve=pool.quote_reserve + bought.amount_in,
        numbers={**pool.numbers, "real_base_reserve": 10**15},
    )
    sold = venue.quote_in(after, bought.amount_out, is_buy=False)
    assert sold.amount_out < bought.amount_in
    assert min(bought.fee_amount, sold.fee_amount, bought.impact_bps, sold.impact_bps) >= 0


@venues
@SIDES
@given(data=st.data())
def test_more_in_never_gives_less_out(venue: Venue, is_buy: bool, data: st.DataObject) -> None:
    """And every figure is an integer."""
    pool = _pool(venue)
    if not is_buy and venue.name == "raydium_launchlab":
        pool = msgspec.structs.replace(pool, base_reserve=pool.base_reserve // 2, quote_reserve=pool.quote_reserve * 2)
    bound = 10**11 if is_buy else 10**14
    small, large = sorted((data.draw(st.integers(0, bound)), data.draw(st.integers(0, bound))))
    less, more = (venue.quote_in(pool, amount, is_buy=is_buy) for amount in (small, large))
    assert less.amount_out <= more.amount_out
    assert all(type(figure) is int for figure in dataclasses.astuple(more))


@venues
@given(wanted=st.integers(1, 10**14))
def test_an_exact_purchase_costs_what_the_quote_says(venue: Venue, wanted: int) -> None:
    """It gives at least what was asked, and more costs more."""
    pool = _pool(venue)
    quote = venue.quote_out(pool, wanted, is_buy=True)
    assert quote.amount_out >= wanted
    assert venue.quote_out(pool, wanted * 2, is_buy=True).amount_in >= quote.amount_in > 0


@venues
def test_an_empty_pool_is_refused(venue: Venue) -> None:
    """More than there is, or nothing on one side."""
    for quote in (venue.quote_in, venue.quote_out):
        with pytest.raises(EmptyPool):
            quote(msgspec.structs.replace(_pool(venue), base_reserve=0, numbers=_sold_out(venue)), 10, is_buy=True)
    with pytest.raises(EmptyPool):
        venue.quote_out(_pool(venue), 10**18, is_buy=True)


def _sold_out(venue: Venue) -> dict[str, int]:
    return {**NUMBERS[venue.name], "status": 1}


# ── following ─────────────────────────────────────────────────────────────


def _traded(pool: Pool, **changes: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": pool.venue,
        "pool": pool.address,
        "base_mint": pool.base_mint,
        "trader": USER,
        "is_buy": True,
        "base_amount": 1000,
        "quote_amount": 10,
        "base_reserve": pool.base_reserve - 1000,
        "quote_reserve": pool.quote_reserve + 10,
        "slot": 6,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


@venues
def test_a_trade_of_the_pool_moves_it(venue: Venue) -> None:
    """Reserves and slot are the trade's."""
    pool = _pool(venue)
    after = venue.apply(pool, _traded(pool))
    assert (after.base_reserve, after.quote_reserve, after.slot) == (pool.base_reserve - 1000, 30_000_000_010, 6)
    assert venue.quote_in(after, 10**9, is_buy=True).amount_out < venue.quote_in(pool, 10**9, is_buy=True).amount_out


@venues
def test_what_is_not_about_the_pool_leaves_it(venue: Venue) -> None:
    """Another pool's, an older slot's, and a trade that tells no reserves."""
    pool = _pool(venue)
    strangers: Iterable[Event] = (
        _traded(_pool(venue, "other ")),
        _traded(pool, slot=4),
        _traded(pool, base_reserve=-1, quote_reserve=-1),
        CurveCompleted(venue=venue.name, pool=_key("other"), base_mint=pool.base_mint, slot=9, signature="s"),
    )
    for event in strangers:
        assert venue.apply(pool, event) == pool


# ── writing ───────────────────────────────────────────────────────────────


def _places(built: Iterable[Instruction], keys: dict[str, Pubkey]) -> list[tuple[int, int, str]]:
    """Return where each named key stands: instruction, account, name."""
    named = {key: name for name, key in keys.items()}
    return [
        (at, place, named[meta.key])
        for at, one in enumerate(built)
        for place, meta in enumerate(one.accounts)
        if meta.key in named
    ]


@venues
@SIDES
@FLAGS
def test_a_swap_is_its_keys_assembled(venue: Venue, is_buy: bool, flags: dict[str, bool]) -> None:
    """The short way and the one through `swap_keys` agree, and the amounts stand in the data as they are."""
    pool = _pool(venue)
    order = SwapOrder(USER, is_buy, amount_in=0x1122334455667788, amount_out_min=0x0102030405060708, **flags)
    keys = venue.swap_keys(pool, USER, is_buy)
    built = venue.swap(pool, order)
    assert built == venue.assemble(keys, pool, order)
    assert _places(built, keys)
    data = next(one.data for one in built if one.program == venue.program)
    assert struct.pack("<Q", order.amount_in) in data
    assert struct.pack("<Q", order.amount_out_min) in data


@venues
def test_no_key_is_derived_for_nothing(venue: Venue) -> None:
    """Each costs 11 µs, so each stands in a buy or in a sell."""
    used: set[str] = set()
    named: set[str] = set()
    for is_buy in (True, False):
        keys = venue.swap_keys(_pool(venue), USER, is_buy)
        named |= set(keys)
        used |= {name for _, _, name in _places(venue.swap(_pool(venue), SwapOrder(USER, is_buy, 5, 7)), keys)}
    assert used == named


@venues
@SIDES
@FLAGS
def test_only_the_wallet_signs(venue: Venue, is_buy: bool, flags: dict[str, bool]) -> None:
    """Anything else could never be sent."""
    built = venue.swap(_pool(venue), SwapOrder(USER, is_buy, 5, 7, **flags))
    signers = {meta.key for one in built for meta in one.accounts if meta.signer}
    assert signers == {USER}


@venues
@SIDES
@FLAGS
def test_equal_variants_have_equal_forms(venue: Venue, is_buy: bool, flags: dict[str, bool]) -> None:
    """A message compiled from one pool can be patched for any other of the same variant."""
    order = SwapOrder(USER, is_buy, 5, 7, **flags)
    one, other = _pool(venue), _pool(venue, "other ")
    assert venue.variant(one, order) == venue.variant(other, order)
    forms = []
    for pool in (one, other):
        keys = venue.swap_keys(pool, USER, is_buy)
        built = venue.assemble(keys, pool, order)
        flagged = [[(meta.signer, meta.writable) for meta in step.accounts] for step in built]
        unnamed = [
            (step.program, step.data, [meta.key for meta in step.accounts if meta.key not in keys.values()])
            for step in built
        ]
        forms.append((_places(built, keys), flagged, unnamed))
    assert forms[0] == forms[1]


@venues
@SIDES
def test_assembling_derives_nothing(venue: Venue, is_buy: bool) -> None:
    """Placeholder keys come out as they went in, each where the real one stood."""
    pool, order = _pool(venue), SwapOrder(USER, is_buy, 5, 7)
    real = venue.swap_keys(pool, USER, is_buy)
    placeholders = {name: _key("placeholder " + name) for name in real}
    assert _places(venue.assemble(placeholders, pool, order), placeholders) == _places(
        venue.assemble(real, pool, order), real
    )


@venues
def test_another_token_program_is_another_variant(venue: Venue) -> None:
    """Where the venue knows more than one."""
    order = SwapOrder(USER, True, 5, 7)
    names = {venue.variant(_pool(venue, program=program), order) for program in (TOKEN, TOKEN_2022)}
    assert len(names) == (1 if venue.name == "raydium_amm_v4" else 2)
