"""Raydium CPMM is quoted to the last unit, loaded from its accounts and traded with its own account lists.

Numbers come from the official SDK's golden vectors and the program's own output; the
small vectors here bite without those files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import raydium_cpmm as cpmm
from sniperforge.dex import raydium_cpmm_layouts as layout
from sniperforge.dex import raydium_cpmm_reading as reading
from sniperforge.dex.programs import TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import EmptyPool, SwapOrder
from tests.unit.dex.raydium_cpmm_steps import (
    BUY_EVENT,
    COIN,
    CONFIG_0,
    LOW_COIN,
    POOL,
    USER,
    accounts,
    lp_step,
    make_pool,
    raw_config,
    raw_pool,
    replaced,
    swap_step,
)
from tests.unit.dex.raydium_recordings import CONTEXT, as_metas, golden, recorded, shared_json


def test_apply_takes_the_reserves_of_newer_events_of_this_pool_only() -> None:
    pool = make_pool()
    (bought,) = reading.read(swap_step(BUY_EVENT, buy=True), CONTEXT._replace(slot=78))
    (change,) = reading.read(lp_step(1, (10, 20)), CONTEXT._replace(slot=79))
    assert isinstance(bought, Swapped)
    assert isinstance(change, LiquidityChanged)
    after = cpmm.apply(pool, bought)
    assert (after.quote_reserve, after.base_reserve, after.slot) == (79_999_600_000, 790_024_688_271_509, 78)
    assert cpmm.apply(pool, msgspec.structs.replace(bought, pool=USER)) == pool
    assert cpmm.apply(pool, change).quote_reserve == 990
    newer = cpmm.apply(pool, change)
    assert cpmm.apply(newer, msgspec.structs.replace(change, slot=78, quote_reserve=5)) == newer
    assert cpmm.apply(newer, msgspec.structs.replace(change, slot=80, quote_reserve=-1)) == newer


def test_the_program_s_own_swaps_are_quoted_exactly() -> None:
    """79 SOL / 800 million coins, 0.25 %: the real binary paid 9,975,311,728,491 for one SOL."""
    pool = make_pool()
    bought = cpmm.quote_in(pool, 1_000_000_000, is_buy=True)
    assert (bought.amount_out, bought.fee_amount, bought.impact_bps) == (9_975_311_728_491, 2_500_000, 254)
    after = replaced(pool, base_reserve=790_024_688_271_509, quote_reserve=79_999_600_000)
    assert cpmm.quote_in(after, 9_975_311_728_491, is_buy=False).amount_out == 995_063_388
    last = replaced(pool, base_reserve=800_000_000_000_000 - 24_938_279_322, quote_reserve=79_004_536_612)
    assert cpmm.quote_out(last, 1_000_000_000_000, is_buy=True).amount_in > 0


@pytest.mark.parametrize(
    ("creator_fee_on", "is_buy", "on_input"),
    [(0, True, True), (0, False, True), (1, True, True), (1, False, False), (2, True, False), (2, False, True)],
)
def test_the_creator_s_fee_is_taken_from_the_token_it_is_set_to(
    creator_fee_on: int, is_buy: bool, on_input: bool
) -> None:
    """Token 0 is WSOL here, so 1 means SOL and 2 the coin."""
    numbers = {
        "enable_creator_fee": 1,
        "creator_fee_rate": 100_000,
        "creator_fee_on": creator_fee_on,
        "trade_fee_rate": 0,
    }
    pool = replaced(make_pool(**numbers), base_reserve=10**12, quote_reserve=10**12)
    out = cpmm.quote_in(pool, 10**9, is_buy=is_buy).amount_out
    net = 900_000_000 if on_input else 10**9
    gross = net * 10**12 // (10**12 + net)
    assert out == (gross if on_input else gross - -(-gross // 10))


def test_a_coin_that_takes_a_transfer_fee_is_quoted_with_it() -> None:
    """1 % and at most 5,000,000 units: off what arrives on a buy, off what is sent on a sell."""
    plain = make_pool()
    taxed = make_pool(base_transfer_fee_bps=100, base_transfer_fee_max=5_000_000)
    small = cpmm.quote_in(plain, 1_000, is_buy=True).amount_out
    assert cpmm.quote_in(taxed, 1_000, is_buy=True).amount_out == small - min(-(-small // 100), 5_000_000)
    assert cpmm.quote_in(taxed, 10_000, is_buy=False).amount_out == cpmm.quote_in(plain, 9_900, is_buy=False).amount_out
    bought = cpmm.quote_out(taxed, 12_345, is_buy=True)
    assert bought.amount_out >= 12_345
    sold = cpmm.quote_out(taxed, 50, is_buy=False)
    assert cpmm.quote_in(taxed, sold.amount_in, is_buy=False).amount_out >= 50


def test_an_empty_pool_quotes_nothing() -> None:
    empty = replaced(make_pool(), base_reserve=0)
    with pytest.raises(EmptyPool):
        cpmm.quote_in(empty, 1, is_buy=True)
    with pytest.raises(EmptyPool):
        cpmm.quote_out(make_pool(), 800_000_000_000_000, is_buy=True)


RESERVES = st.integers(1, 2**64 - 1)
RATES = st.sampled_from([0, 100, 2_500, 10_000, 40_000])


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    numbers = {
        "trade_fee_rate": draw(RATES),
        "creator_fee_rate": draw(RATES),
        "enable_creator_fee": draw(st.integers(0, 1)),
        "creator_fee_on": draw(st.integers(0, 2)),
        "base_transfer_fee_bps": draw(st.sampled_from([0, 0, 1, 500, 10_000])),
        "base_transfer_fee_max": draw(st.integers(0, 10**6)),
    }
    return replaced(make_pool(**numbers), base_reserve=draw(RESERVES), quote_reserve=draw(RESERVES))


@given(pools(), st.integers(0, 2**64 - 1), st.booleans())
def test_a_swap_never_shrinks_the_product(pool: Pool, amount: int, is_buy: bool) -> None:
    quote = cpmm.quote_in(pool, amount, is_buy=is_buy)
    reserves = (pool.base_reserve, pool.quote_reserve)
    reserve_in, reserve_out = reserves[is_buy], reserves[not is_buy]
    assert quote.amount_in == amount
    assert 0 <= quote.amount_out < reserve_out
    assert (reserve_in + amount) * (reserve_out - quote.amount_out) >= reserve_in * reserve_out
    assert quote.fee_amount >= 0
    assert quote.impact_bps >= 0


@given(pools(), st.integers(1, 2**64 - 1), st.booleans())
def test_quote_out_is_the_inverse_of_quote_in(pool: Pool, amount: int, is_buy: bool) -> None:
    """Paying what `quote_out` says brings at least what was asked for."""
    try:
        asked = cpmm.quote_out(pool, amount, is_buy=is_buy)
    except EmptyPool:
        return
    assert cpmm.quote_in(pool, asked.amount_in, is_buy=is_buy).amount_out >= amount


def test_a_buy_wraps_opens_swaps_and_unwraps() -> None:
    pool = make_pool()
    order = SwapOrder(USER, is_buy=True, amount_in=10**9, amount_out_min=5)
    opened, sent, synced, coin, swap, closed = cpmm.swap(pool, order)
    assert sent.data == struct.pack("<IQ", 2, 10**9)
    assert (synced.data, closed.data, opened.data, coin.data) == (b"\x11", b"\x09", b"\x01", b"\x01")
    assert swap.data == layout.SWAP_BASE_INPUT + struct.pack("<QQ", 10**9, 5)
    assert swap.accounts[4].key == opened.accounts[1].key == sent.accounts[1].key == closed.accounts[0].key
    assert swap.accounts[5].key == coin.accounts[1].key
    assert coin.accounts[5].key == TOKEN_2022


def test_a_sell_opens_the_sol_account_first_and_may_close_the_coin_s() -> None:
    pool = make_pool()
    order = SwapOrder(USER, is_buy=False, amount_in=7, amount_out_min=1, close_base_account=True)
    opened, swap, unwrapped, closed = cpmm.swap(pool, order)
    assert opened.accounts[3].key == WSOL
    assert swap.data == layout.SWAP_BASE_INPUT + struct.pack("<QQ", 7, 1)
    assert unwrapped.accounts[0].key == swap.accounts[5].key
    assert (closed.program, closed.accounts[0].key) == (TOKEN_2022, swap.accounts[4].key)


def test_a_wallet_that_holds_the_quote_token_only_swaps() -> None:
    order = SwapOrder(USER, is_buy=True, amount_in=7, amount_out_min=1, open_base_account=False, wrap_quote=False)
    assert len(cpmm.swap(make_pool(), order)) == 1


def test_an_exact_output_order_uses_the_other_instruction() -> None:
    order = SwapOrder(USER, is_buy=True, amount_in=7, amount_out_min=1, exact_out=True)
    assert cpmm.swap(make_pool(), order)[4].data == layout.SWAP_BASE_OUTPUT + struct.pack("<QQ", 7, 1)


def test_the_variant_names_what_changes_the_form() -> None:
    order = SwapOrder(USER, is_buy=True, amount_in=7, amount_out_min=1)
    held = dataclasses.replace(order, wrap_quote=False)
    pool = make_pool()
    odd = replaced(pool, base_program=Pubkey(b"\x09" * 32))
    names = [cpmm.VENUE.variant(pool, order), cpmm.VENUE.variant(pool, held), cpmm.VENUE.variant(odd, order)]
    assert names[:2] == ["2022/spl/wrap", "2022/spl/hold"]
    assert len(set(names)) == 3


def test_the_compute_limit_covers_what_the_real_program_used() -> None:
    assert cpmm.compute_units(True) >= 54_316 + 2 * 20_000
    assert cpmm.compute_units(False) >= 36_964 + 2 * 20_000


def test_load_takes_the_fees_owed_off_the_vaults() -> None:
    """4,000 less 100 protocol, 10 fund and 1 creator; 5,000 less 200, 20 and 2."""
    pool = cpmm.load(POOL, accounts())
    assert (pool.quote_reserve, pool.base_reserve) == (3_889, 4_778)
    assert (pool.keys["quote_vault"], pool.keys["base_vault"]) == (USER, POOL)
    assert pool.numbers["trade_fee_rate"] == 3_000
    assert (pool.numbers["base_decimals"], pool.numbers["open_time"]) == (6, 1_900_000_000)
    assert cpmm.needs(raw_pool()) == {
        "amm_config": CONFIG_0,
        "base_vault": POOL,
        "quote_vault": USER,
        "base_mint": COIN,
    }
    assert cpmm.needs(raw_pool(LOW_COIN, WSOL))["base_vault"] == USER


def test_load_reads_the_coin_s_transfer_fee_from_its_mint() -> None:
    fees = struct.pack("<QQH", 1, 9, 50) + struct.pack("<QQH", 2, 7, 100)
    entry = struct.pack("<HH", 1, 108) + bytes(72) + fees
    mint = bytes(165) + b"\x01" + struct.pack("<HH", 18, 64) + bytes(64) + entry
    numbers = cpmm.load(POOL, {**accounts(), "base_mint": mint + bytes(8)}).numbers
    assert (numbers["base_transfer_fee_bps"], numbers["base_transfer_fee_max"]) == (100, 7)
    assert "base_transfer_fee_bps" not in cpmm.load(POOL, {**accounts(), "base_mint": bytes(82)}).numbers
    with pytest.raises(DecodeError, match="does not fit"):
        cpmm.load(POOL, {**accounts(), "base_mint": mint[:-3]})


@pytest.mark.parametrize(
    ("name", "raw", "problem"),
    [
        ("pool_state", b"\x00" * 636, "layout says 637"),
        ("pool_state", b"\x00" * 637, "another kind of account"),
        ("amm_config", b"\x00" * 235, "layout says 236"),
        ("base_vault", b"\x00" * 164, "token account"),
        ("quote_vault", bytes(165), "of mint"),
    ],
)
def test_an_account_that_is_something_else_is_refused(name: str, raw: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        cpmm.load(POOL, {**accounts(), name: raw})


def test_a_missing_account_is_named() -> None:
    with pytest.raises(DecodeError, match="'amm_config' is missing"):
        cpmm.load(POOL, {"pool_state": raw_pool()})


@given(st.sampled_from(["pool_state", "amm_config", "base_vault", "quote_vault", "base_mint"]), st.binary(max_size=700))
@settings(max_examples=200)
def test_loading_raises_a_decode_error_or_nothing(name: str, raw: bytes) -> None:
    heads = {"pool_state": raw_pool(), "amm_config": raw_config()}
    given_ = heads.get(name, b"")[:8] + raw
    size = len(heads.get(name, raw))
    with contextlib.suppress(DecodeError):
        cpmm.load(POOL, {**accounts(), name: given_.ljust(size, b"\x01")[:size]})


@pytest.mark.parametrize("case", golden("raydium_cpmm", "instruction", "swap_base_input", "swap_base_output"))
def test_golden_swaps(case: Any) -> None:
    given_ = case["inputs"]
    mint_in, mint_out = key(given_["input_mint"]), key(given_["output_mint"])
    pool = Pool(
        venue=cpmm.NAME,
        address=key(given_["pool_state"]),
        base_mint=mint_out,
        quote_mint=mint_in,
        base_program=key(given_["output_token_program"]),
        quote_program=key(given_["input_token_program"]),
        base_reserve=1,
        quote_reserve=1,
    )
    pool.keys.update(
        amm_config=key(given_["amm_config"]),
        base_vault=pda(cpmm.PROGRAM, b"pool_vault", pool.address, mint_out),
        quote_vault=pda(cpmm.PROGRAM, b"pool_vault", pool.address, mint_in),
        observation_state=pda(cpmm.PROGRAM, b"observation", pool.address),
    )
    exact_out = case["op"] == "swap_base_output"
    names = ("max_amount_in", "amount_out") if exact_out else ("amount_in", "minimum_amount_out")
    order = SwapOrder(
        user=key(given_["user"]),
        is_buy=True,
        amount_in=int(given_[names[0]]),
        amount_out_min=int(given_[names[1]]),
        open_base_account=False,
        wrap_quote=False,
        exact_out=exact_out,
    )
    (swap,) = cpmm.swap(pool, order)
    assert as_metas(swap) == case["expected"]
    mirrored = replaced(
        pool,
        base_mint=mint_in,
        quote_mint=mint_out,
        base_program=pool.quote_program,
        quote_program=pool.base_program,
        keys={**pool.keys, "base_vault": pool.keys["quote_vault"], "quote_vault": pool.keys["base_vault"]},
    )
    assert cpmm.swap(mirrored, dataclasses.replace(order, is_buy=False)) == (swap,)


@pytest.mark.parametrize("folder", ["raydium_cpmm", "raydium_cpmm_token2022"])
def test_the_real_program_s_creation_and_swaps(folder: str) -> None:
    """The pool followed from its creation through three swaps: every figure is the program's own."""
    steps = recorded(shared_json("program_output", folder, "initialize.json"))
    (first,) = (one for step in steps.of(cpmm.PROGRAM) for one in reading.read(step, steps.context))
    assert isinstance(first, PoolCreated)
    assert cpmm.verify(first) == ""
    pool = first.pool
    for name, is_buy in (("snipe", True), ("exit", False), ("exact_out", True)):
        transaction = recorded(shared_json("program_output", folder, f"{name}.json"))
        (swapped,) = (one for step in transaction.of(cpmm.PROGRAM) for one in reading.read(step, transaction.context))
        assert isinstance(swapped, Swapped)
        assert swapped.is_buy is is_buy
        amounts = (swapped.quote_amount, swapped.base_amount) if is_buy else (swapped.base_amount, swapped.quote_amount)
        if name == "exact_out":
            assert cpmm.quote_out(pool, amounts[1], is_buy=is_buy).amount_in == amounts[0]
        else:
            assert cpmm.quote_in(pool, amounts[0], is_buy=is_buy).amount_out == amounts[1]
        pool = cpmm.apply(pool, swapped)
        (mine,) = (one for one in transaction.of(cpmm.PROGRAM))
        amount_in, amount_out_min = struct.unpack("<QQ", mine.data[8:24])
        order = SwapOrder(swapped.trader, is_buy, amount_in, amount_out_min, exact_out=name == "exact_out")
        built = next(one for one in cpmm.swap(pool, order) if one.program == cpmm.PROGRAM)
        assert built.data == mine.data
        assert tuple(meta.key for meta in built.accounts) == mine.accounts
