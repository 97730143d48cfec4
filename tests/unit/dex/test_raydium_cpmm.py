"""Raydium CPMM is read from its instructions, quoted to the last unit and traded with its own account lists.

Numbers come from the official SDK's golden vectors, from the program's own output,
from mainnet, and, so that the tests bite without those files, from small vectors here.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import raydium_cpmm as cpmm
from sniperforge.dex import raydium_cpmm_curve as curve
from sniperforge.dex import raydium_cpmm_layouts as layout
from sniperforge.dex import raydium_cpmm_reading as reading
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import EmptyPool, Incomplete, Step, SwapOrder
from tests.unit.dex.raydium_recordings import CONTEXT, as_metas, golden, recorded, shared_json

CONFIG_0 = key("D4FPEruKEHrG5TenZ2mpDGEfu1iUvTiqBxvpU8HLBvC2")
COIN = key("GePSa3AcRinNnVZnjyNbq5cCjHKkCbg3y5jszrnuoUDy")
LOW_COIN = Pubkey(b"\x01" * 32)
USER = Pubkey(b"\x21" * 32)
POOL = key("2bHLpteDb3YvwJDYGA7NvWXWPQ5XL3bZE8RSHDNJ9ETG")

#: SwapEvents of the real program (2024-11 build): buy and sell of one pool.
BUY_EVENT = (
    "QMbN6CYIceIXo+mFb+fGE2xfwJCHpbtDKNqoM/krBI3BiMCD47bGNwBWxGQSAAAAAADSg5jXAgAAypo7AAAAAGt/6Y4SCQAAAAAA"
    "AAAAAAAAAAAAAAAAAAE="
)
SELL_EVENT = (
    "QMbN6CYIceIXo+mFb+fGE2xfwJCHpbtDKNqoM/krBI3BiMCD47bGN5WA6PSFzgIAgAVZoBIAAABrf+mOEgkAAFx2TzsAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAE="
)


def make_pool(**numbers: int) -> Pool:
    """The pool of the program's own output: 79 SOL against 800 million coins, fee tier 0."""
    pool = reading.read(initialize(), CONTEXT)[0]
    assert isinstance(pool, PoolCreated)
    made = pool.pool
    made.numbers.update(numbers)
    return made


def initialize(
    mint_0: Pubkey = WSOL,
    mint_1: Pubkey = COIN,
    *,
    amounts: tuple[int, int] = (79_000_000_000, 800_000_000_000_000),
    open_time: int = 0,
    config: Pubkey = CONFIG_0,
    logs: tuple[str, ...] = (),
) -> Step:
    """An `initialize` with every address derived as the program wants it."""
    vault_0, vault_1 = (pda(cpmm.PROGRAM, b"pool_vault", POOL, mint) for mint in (mint_0, mint_1))
    accounts = (
        USER,
        config,
        layout.AUTHORITY,
        POOL,
        mint_0,
        mint_1,
        pda(cpmm.PROGRAM, b"pool_lp_mint", POOL),
        *(Pubkey(bytes([number]) * 32) for number in (7, 8, 9)),
        vault_0,
        vault_1,
        Pubkey(b"\x0c" * 32),
        pda(cpmm.PROGRAM, b"observation", POOL),
        TOKEN,
        TOKEN,
        TOKEN_2022,
        *(Pubkey(bytes([number]) * 32) for number in (17, 18, 19)),
    )
    data = layout.INITIALIZE + struct.pack("<QQQ", *amounts, open_time)
    return Step(cpmm.PROGRAM, accounts, data, logs=("Instruction: Initialize", *logs))


def created(step: Step, **context: Any) -> PoolCreated:
    (one,) = reading.read(step, CONTEXT._replace(**context))
    assert isinstance(one, PoolCreated)
    return one


# ── creations ─────────────────────────────────────────────────────────────


def test_a_creation_is_read_from_the_accounts_of_its_instruction() -> None:
    """The coin is the base and SOL the quote, whichever of them sorts first."""
    event = created(initialize())
    pool = event.pool
    assert (pool.base_mint, pool.quote_mint) == (COIN, WSOL)
    assert (pool.base_program, pool.quote_program) == (TOKEN_2022, TOKEN)
    assert (pool.base_reserve, pool.quote_reserve) == (800_000_000_000_000, 79_000_000_000)
    assert pool.numbers["base_is_0"] == 0
    assert pool.numbers["trade_fee_rate"] == 2_500
    assert pool.numbers["fee_assumed"] == 0
    assert (event.creator, event.user, event.believed_by) == (USER, USER, "instruction")
    assert (event.ts_ns, event.origin_ns) == (CONTEXT.now_ns, CONTEXT.recv_ns)
    assert cpmm.verify(event) == ""


def test_the_first_token_is_the_coin_when_it_sorts_before_the_quote() -> None:
    event = created(initialize(LOW_COIN, WSOL))
    assert (event.pool.base_mint, event.pool.quote_mint) == (LOW_COIN, WSOL)
    assert event.pool.numbers["base_is_0"] == 1
    assert event.pool.base_reserve == 79_000_000_000
    assert cpmm.verify(event) == ""


def test_a_fee_tier_nobody_published_is_marked_as_assumed() -> None:
    pool = created(initialize(config=Pubkey(b"\x05" * 32))).pool
    assert (pool.numbers["trade_fee_rate"], pool.numbers["fee_assumed"]) == (2_500, 1)


def test_what_arrived_in_the_vaults_beats_what_was_sent() -> None:
    """Mainnet, slot 356582144: lamports sent to the vault's address beforehand count too."""
    line = "liquidity:4193626126389, lock_lp_amount:100, vault_0_amount:85000000425,vault_1_amount:206900000000000"
    pool = created(initialize(amounts=(85_000_000_000, 1), logs=(line,))).pool
    assert (pool.quote_reserve, pool.base_reserve) == (85_000_000_425, 206_900_000_000_000)


@pytest.mark.parametrize("line", ["liquidity:", "liquidity:1, vault_0_amount:x,vault_1_amount:2", "other:1"])
def test_a_log_line_of_another_form_is_not_believed(line: str) -> None:
    assert created(initialize(logs=(line,))).pool.quote_reserve == 79_000_000_000


def test_the_permissioned_creation_has_its_accounts_moved_and_a_creator_fee() -> None:
    plain = initialize()
    before = (Pubkey(b"\x31" * 32), *plain.accounts[:14])
    accounts = (*before, Pubkey(b"\x32" * 32), *plain.accounts[14:])
    data = layout.INITIALIZE_WITH_PERMISSION + plain.data[8:] + b"\x02"
    event = created(Step(cpmm.PROGRAM, accounts, data))
    assert (event.user, event.creator) == (accounts[0], USER)
    assert event.pool.numbers["enable_creator_fee"] == 1
    assert event.pool.numbers["creator_fee_on"] == 2
    assert event.pool.base_program == TOKEN_2022
    assert cpmm.verify(event) == ""


@pytest.mark.parametrize(
    ("asked", "block_time", "told"),
    [
        (0, 1_700_000_000, 1_700_000_001),
        (1_800_000_000, 1_700_000_000, 1_800_000_000),
        (0, 0, 1_700_000_001),
        (1_699_999_999, 0, 1_700_000_001),
        (1_800_000_000, 0, 1_800_000_000),
    ],
)
def test_a_time_that_has_passed_opens_one_second_after_the_block(asked: int, block_time: int, told: int) -> None:
    assert created(initialize(open_time=asked), block_time=block_time).open_time == told


@pytest.mark.parametrize("log", ["Instruction: Initialize", "Instruction: InitializeWithPermission"])
def test_logs_alone_ask_for_the_transaction(log: str) -> None:
    (one,) = reading.read(Step(cpmm.PROGRAM, logs=(log,)), CONTEXT)
    assert isinstance(one, Incomplete)


def test_a_log_that_only_starts_like_a_creation_is_none() -> None:
    assert reading.read(Step(cpmm.PROGRAM, logs=("Instruction: InitializeMint2",)), CONTEXT) == []


@pytest.mark.parametrize("cut", [0, 1, 23])
def test_a_creation_with_cut_arguments_is_refused(cut: int) -> None:
    step = initialize()
    with pytest.raises(DecodeError):
        reading.read(dataclasses.replace(step, data=step.data[: 8 + 23 - cut]), CONTEXT)


def test_a_permissioned_creation_without_its_last_argument_is_refused() -> None:
    step = initialize()
    data = layout.INITIALIZE_WITH_PERMISSION + step.data[8:]
    with pytest.raises(DecodeError, match="arguments"):
        reading.read(Step(cpmm.PROGRAM, (*step.accounts, USER), data), CONTEXT)


def test_a_creation_with_too_few_accounts_is_refused() -> None:
    step = initialize()
    with pytest.raises(DecodeError, match="20 accounts"):
        reading.read(dataclasses.replace(step, accounts=step.accounts[:19]), CONTEXT)


def test_bytes_behind_the_arguments_do_not_hide_a_creation() -> None:
    step = initialize()
    assert created(dataclasses.replace(step, data=step.data + b"\x00\x01")).pool.address == POOL


@pytest.mark.parametrize("place", [2, 6, 10, 11, 13])
def test_an_address_that_is_not_derived_is_named(place: int) -> None:
    """Authority, LP mint, both vaults and the observation follow from the pool's address."""
    step = initialize()
    wrong = (*step.accounts[:place], Pubkey(b"\x66" * 32), *step.accounts[place + 1 :])
    verdict = cpmm.verify(created(dataclasses.replace(step, accounts=wrong)))
    claimed = base58.text(b"\x66" * 32)
    assert f"claimed {claimed}, derived " in verdict


def test_mints_in_the_wrong_order_are_named() -> None:
    """The program demands that token 0 sorts before token 1."""
    assert "token_0_mint" in cpmm.verify(created(initialize(COIN, WSOL)))


# ── trades and liquidity ──────────────────────────────────────────────────


def swap_step(event: str, *, buy: bool) -> Step:
    """A swap as the program's output has it: the old event, and the instruction's accounts."""
    mints = (WSOL, COIN) if buy else (COIN, WSOL)
    accounts = (USER, layout.AUTHORITY, CONFIG_0, POOL, *(Pubkey(bytes([n]) * 32) for n in range(4, 10)), *mints)
    data = layout.SWAP_BASE_INPUT + bytes(16)
    return Step(cpmm.PROGRAM, (*accounts, Pubkey(b"\x0d" * 32)), data, (base64.b64decode(event),))


def test_the_old_event_is_told_with_the_mints_of_the_instruction() -> None:
    """80 SOL less the 0.0004 owed to protocol and fund: what the program's next event says it had."""
    (bought,) = reading.read(swap_step(BUY_EVENT, buy=True), CONTEXT)
    assert isinstance(bought, Swapped)
    assert bought.is_buy
    assert (bought.base_mint, bought.trader) == (COIN, USER)
    assert (bought.quote_amount, bought.base_amount) == (1_000_000_000, 9_975_311_728_491)
    assert (bought.quote_reserve, bought.base_reserve) == (79_999_600_000, 790_024_688_271_509)
    (sold,) = reading.read(swap_step(SELL_EVENT, buy=False), CONTEXT)
    assert isinstance(sold, Swapped)
    assert not sold.is_buy
    assert (sold.base_amount, sold.quote_amount) == (9_975_311_728_491, 995_063_388)
    assert sold.quote_reserve == 79_999_600_000 - 995_063_388


def test_the_old_event_alone_names_no_mint_and_tells_nothing() -> None:
    step = swap_step(BUY_EVENT, buy=True)
    assert reading.read(dataclasses.replace(step, accounts=(), data=b""), CONTEXT) == []


def new_event(
    *,
    before: tuple[int, int],
    amounts: tuple[int, int],
    fees: tuple[int, int],
    trade_fee: int,
    creator: tuple[int, bool],
) -> bytes:
    head = layout.SWAP_EVENT + POOL + struct.pack("<QQQQQQB", *before, *amounts, *fees, 1)
    return head + WSOL + COIN + struct.pack("<QQB", trade_fee, *creator)


@pytest.mark.parametrize("tail", [b"", b"\x00" * 9])
@pytest.mark.parametrize(("on_input", "after"), [(True, (10_982_980, 899_900)), (False, (10_999_980, 882_900))])
def test_the_new_event_is_told_from_logs_alone(tail: bytes, on_input: bool, after: tuple[int, int]) -> None:
    """Protocol and fund take 12 % and 4 % of the trade fee (125: 15 and 5), the creator all of his 17,000."""
    payload = new_event(
        before=(10_000_000, 1_000_000),
        amounts=(1_000_000, 100_100),
        fees=(0, 100),
        trade_fee=125,
        creator=(17_000, on_input),
    )
    (swapped,) = reading.read(Step(cpmm.PROGRAM, events=(payload + tail,)), CONTEXT)
    assert isinstance(swapped, Swapped)
    assert swapped.trader == CONTEXT.signer
    assert (swapped.quote_amount, swapped.base_amount) == (1_000_000, 100_000)
    assert (swapped.quote_reserve, swapped.base_reserve) == after


def test_an_event_that_takes_more_than_there_is_is_refused() -> None:
    payload = new_event(before=(1, 1), amounts=(1, 2), fees=(0, 0), trade_fee=0, creator=(0, True))
    with pytest.raises(DecodeError, match="more than there was"):
        reading.read(Step(cpmm.PROGRAM, events=(payload,)), CONTEXT)


def lp_step(change: int, amounts: tuple[int, int], fees: tuple[int, int] = (0, 0)) -> Step:
    payload = layout.LP_CHANGE_EVENT + POOL + struct.pack("<QQQQQQQB", 5, 1_000, 2_000, *amounts, *fees, change)
    accounts = (*(Pubkey(bytes([n]) * 32) for n in range(10)), WSOL, COIN, Pubkey(b"\x0d" * 32))
    return Step(cpmm.PROGRAM, accounts, b"\x00" * 8, (payload,))


def test_added_liquidity_raises_both_reserves() -> None:
    (change,) = reading.read(lp_step(0, (10, 20), fees=(3, 4)), CONTEXT)
    assert isinstance(change, LiquidityChanged)
    assert change.added
    assert (change.quote_amount, change.base_amount) == (10, 20)
    assert (change.quote_reserve, change.base_reserve) == (1_010, 2_020)


def test_removed_liquidity_counts_what_left_the_vaults() -> None:
    """A withdrawal's amounts are what arrived; the mint's transfer fee left the vault too."""
    (change,) = reading.read(lp_step(1, (10, 20), fees=(0, 5)), CONTEXT)
    assert isinstance(change, LiquidityChanged)
    assert (change.added, change.base_mint) == (False, COIN)
    assert (change.quote_reserve, change.base_reserve) == (990, 1_975)


def test_a_liquidity_change_in_logs_alone_is_turned_round_by_the_pool() -> None:
    """It names no mint: token 0 stands for the base until `apply` knows better."""
    (change,) = reading.read(dataclasses.replace(lp_step(1, (10, 20)), accounts=()), CONTEXT)
    assert isinstance(change, LiquidityChanged)
    assert (change.base_mint, change.base_reserve, change.quote_reserve) == (ZERO_KEY, 990, 1_980)
    assert cpmm.apply(make_pool(), change).quote_reserve == 990
    assert cpmm.apply(make_pool(base_is_0=1), change).base_reserve == 990


def test_removing_more_than_there_is_is_refused() -> None:
    with pytest.raises(DecodeError, match="more than there was"):
        reading.read(lp_step(1, (1_001, 0)), CONTEXT)


def test_an_event_of_another_kind_is_passed_over() -> None:
    assert reading.read(Step(cpmm.PROGRAM, events=(b"\x00" * 40,)), CONTEXT) == []


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


def replaced(pool: Pool, **fields: Any) -> Pool:
    return msgspec.structs.replace(pool, **fields)


# ── quotes ────────────────────────────────────────────────────────────────


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


# ── swaps ─────────────────────────────────────────────────────────────────


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


# ── accounts ──────────────────────────────────────────────────────────────


def raw_pool(mint_0: Pubkey = WSOL, mint_1: Pubkey = COIN) -> bytes:
    raw = bytearray(layout.POOL_STATE_SIZE)
    raw[:8] = layout.POOL_STATE
    keys = {
        8: CONFIG_0,
        72: USER,
        104: POOL,
        136: LOW_COIN,
        168: mint_0,
        200: mint_1,
        232: TOKEN,
        264: TOKEN,
        296: COIN,
    }
    for offset, one in keys.items():
        raw[offset : offset + 32] = one
    struct.pack_into("<5B", raw, 328, 255, 0, 9, 9, 6)
    struct.pack_into("<QQQQQQ", raw, 333, 1, 100, 200, 10, 20, 1_900_000_000)
    struct.pack_into("<QQ", raw, 397, 1, 2)
    return bytes(raw)


def raw_config() -> bytes:
    raw = bytearray(layout.AMM_CONFIG_SIZE)
    raw[:8] = layout.AMM_CONFIG
    struct.pack_into("<QQQQ", raw, 12, 3_000, 120_000, 40_000, 1)
    struct.pack_into("<Q", raw, 108, 500)
    return bytes(raw)


def raw_token(mint: Pubkey, amount: int) -> bytes:
    return mint + USER + struct.pack("<Q", amount) + bytes(93)


def accounts() -> dict[str, bytes]:
    return {
        "pool_state": raw_pool(),
        "amm_config": raw_config(),
        "base_vault": raw_token(COIN, 5_000),
        "quote_vault": raw_token(WSOL, 4_000),
    }


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


# ── whatever comes ────────────────────────────────────────────────────────


@given(
    st.sampled_from([b"", layout.INITIALIZE, layout.INITIALIZE_WITH_PERMISSION, layout.SWAP_BASE_INPUT]),
    st.binary(max_size=64),
    st.sampled_from([b"", layout.SWAP_EVENT, layout.LP_CHANGE_EVENT]),
    st.binary(max_size=200),
    st.integers(0, 22),
    st.lists(st.text(max_size=60), max_size=3),
)
def test_reading_raises_a_decode_error_or_nothing(
    head: bytes, data: bytes, event: bytes, payload: bytes, count: int, logs: list[str]
) -> None:
    keys = tuple(Pubkey(bytes([n]) * 32) for n in range(count))
    step = Step(cpmm.PROGRAM, keys, head + data, (event + payload,), tuple(logs))
    try:
        for one in reading.read(step, CONTEXT):
            if isinstance(one, PoolCreated):
                assert isinstance(cpmm.verify(one), str)
    except DecodeError:
        pass


@given(st.sampled_from(["pool_state", "amm_config", "base_vault", "quote_vault", "base_mint"]), st.binary(max_size=700))
@settings(max_examples=200)
def test_loading_raises_a_decode_error_or_nothing(name: str, raw: bytes) -> None:
    heads = {"pool_state": raw_pool(), "amm_config": raw_config()}
    given_ = heads.get(name, b"")[:8] + raw
    size = len(heads.get(name, raw))
    with contextlib.suppress(DecodeError):
        cpmm.load(POOL, {**accounts(), name: given_.ljust(size, b"\x01")[:size]})


# ── golden vectors ────────────────────────────────────────────────────────


def numbers_of(record: Any) -> dict[str, Any]:
    """Names of the SDK for what a Record holds."""
    return {**record.ints, **{name: base58.text(raw) for name, raw in record.keys.items()}}


SDK_POOL = {
    "config_id": "amm_config", "pool_creator": "pool_creator", "vault_a": "token_0_vault", "vault_b": "token_1_vault",
    "mint_lp": "lp_mint", "mint_a": "token_0_mint", "mint_b": "token_1_mint", "mint_program_a": "token_0_program",
    "mint_program_b": "token_1_program", "observation_id": "observation_key", "bump": "auth_bump", "status": "status",
    "lp_decimals": "lp_mint_decimals", "mint_decimal_a": "mint_0_decimals", "mint_decimal_b": "mint_1_decimals",
    "lp_amount": "lp_supply", "protocol_fees_mint_a": "protocol_fees_token_0", "open_time": "open_time",
    "protocol_fees_mint_b": "protocol_fees_token_1", "fund_fees_mint_a": "fund_fees_token_0", "epoch": "recent_epoch",
    "fund_fees_mint_b": "fund_fees_token_1", "fee_on": "creator_fee_on", "enable_creator_fee": "enable_creator_fee",
    "creator_fees_mint_a": "creator_fees_token_0", "creator_fees_mint_b": "creator_fees_token_1",
}  # fmt: skip


@pytest.mark.parametrize("case", golden("raydium_cpmm", "account", "pool_state"))
def test_golden_pool_accounts(case: Any) -> None:
    found = numbers_of(cpmm.decode_pool_state(bytes.fromhex(case["inputs"]["data_hex"])))
    assert set(case["expected"]) == set(SDK_POOL)
    assert {sdk: str(found[ours]) for sdk, ours in SDK_POOL.items()} == {
        sdk: str(int(value) if isinstance(value, bool) else value) for sdk, value in case["expected"].items()
    }


@pytest.mark.parametrize("case", golden("raydium_cpmm", "account", "amm_config"))
def test_golden_config_accounts(case: Any) -> None:
    """`creator_fee_share_rate` is the SDK's own: the program that is deployed has padding there."""
    found = numbers_of(cpmm.decode_amm_config(bytes.fromhex(case["inputs"]["data_hex"])))
    expected = {name: value for name, value in case["expected"].items() if name != "creator_fee_share_rate"}
    assert {name: str(found[name]) for name in expected} == {
        name: str(int(value) if isinstance(value, bool) else value) for name, value in expected.items()
    }


@pytest.mark.parametrize("case", golden("raydium_cpmm", "event"))
def test_golden_events(case: Any) -> None:
    payload = base64.b64decode(case["inputs"]["program_data_base64"])
    assert payload.hex() == case["inputs"]["payload_hex"]
    found = numbers_of(layout.SWAP_EVENT_LAYOUT.decode(payload, 8))
    assert {name: str(value) for name, value in found.items()} == {
        name: str(int(value) if isinstance(value, bool) else value) for name, value in case["expected"].items()
    }


@pytest.mark.parametrize("case", golden("raydium_cpmm", "quote"))
def test_golden_quotes(case: Any) -> None:
    """Where the SDK rounds otherwise than the program, the program's figure counts."""
    given_, expected = case["inputs"], case["expected"].get("onchain", case["expected"])
    rates = curve.Rates(
        trade=int(given_["trade_fee_rate"]),
        creator=int(given_["creator_fee_rate"]),
        protocol=int(given_["protocol_fee_rate"]),
        fund=int(given_["fund_fee_rate"]),
        creator_on_input=given_["creator_fee_on_input"],
    )
    trade = {"exact_in": curve.exact_in, "exact_out": curve.exact_out}[case["op"]]
    amount = int(given_["amount_in" if case["op"] == "exact_in" else "amount_out"])
    found = trade(amount, reserve_in=int(given_["reserve_in"]), reserve_out=int(given_["reserve_out"]), rates=rates)
    assert {name: str(getattr(found, name)) for name in expected} == expected


@pytest.mark.parametrize("case", golden("raydium_cpmm", "pda"))
def test_golden_addresses(case: Any) -> None:
    given_, expected = case["inputs"], case["expected"]
    if case["op"] == "constants":
        assert base58.text(layout.AUTHORITY) == expected["authority"]
        assert pda(cpmm.PROGRAM, b"vault_and_lp_mint_auth_seed") == layout.AUTHORITY
        return
    if case["op"] == "amm_config":
        derived = pda(cpmm.PROGRAM, b"amm_config", given_["index"].to_bytes(2, "big"))
        assert base58.text(derived) == expected["amm_config"]
        return
    mints = key(given_["token_0_mint"]), key(given_["token_1_mint"])
    address = pda(cpmm.PROGRAM, b"pool", key(given_["amm_config"]), *mints)
    assert base58.text(address) == expected["pool_state"]
    step = initialize(*mints)
    accounts_ = list(step.accounts)
    accounts_[3] = address
    names = {6: "lp_mint", 10: "token_0_vault", 11: "token_1_vault", 13: "observation_state"}
    for place, name in names.items():
        accounts_[place] = key(expected[name])
    assert cpmm.verify(created(dataclasses.replace(step, accounts=tuple(accounts_)))) == ""


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


@pytest.mark.parametrize("case", golden("raydium_cpmm", "instruction", "initialize"))
def test_golden_creations(case: Any) -> None:
    given_, expected = case["inputs"], case["expected"]
    accounts_ = tuple(key(meta["pubkey"]) for meta in expected["accounts"])
    event = created(Step(cpmm.PROGRAM, accounts_, bytes.fromhex(expected["data_hex"])))
    pool = event.pool
    mints = [key(given_["token_0_mint"]), key(given_["token_1_mint"])]
    sides = [pool.base_mint, pool.quote_mint] if pool.numbers["base_is_0"] else [pool.quote_mint, pool.base_mint]
    assert sides == mints
    reserves = {pool.base_mint: pool.base_reserve, pool.quote_mint: pool.quote_reserve}
    assert [reserves[mint] for mint in mints] == [int(given_["init_amount_0"]), int(given_["init_amount_1"])]
    assert event.pool.address == key(given_["pool_state"])
    assert cpmm.verify(event) == ""


# ── what programs and mainnet said ────────────────────────────────────────


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


def test_mainnet_s_creation_inside_a_migration() -> None:
    """Slot 356582144: LaunchLab's program makes the pool by CPI; 85.000000425 SOL arrived."""
    steps = recorded(shared_json("mainnet", "raydium_launchlab", "building-on-solana__example_grpc_bonk.json"))
    (event,) = (one for step in steps.of(cpmm.PROGRAM) for one in reading.read(step, steps.context))
    assert isinstance(event, PoolCreated)
    assert base58.text(event.pool.base_mint) == "GPsE7xn1AkjAdvdy6VF3kkpXTBVBTsjG8HAPLYX7bonk"
    assert (event.pool.quote_mint, event.pool.quote_reserve) == (WSOL, 85_000_000_425)
    assert event.pool.base_reserve == 206_900_000_000_000
    assert base58.text(event.creator) == "WLHv2UAZm6z4KyaaELi5pjdbJh6RESMva1Rnn8pJVVh"
    assert cpmm.verify(event) == ""


def test_a_marker_is_in_every_recorded_creation() -> None:
    path = ("program_output", "raydium_cpmm", "initialize.json")
    frames = [json.dumps(shared_json(*path)), json.dumps(json.dumps(shared_json(*path)))]
    for frame in frames:
        assert any(marker in frame.encode() for marker in cpmm.VENUE.markers)


def test_trade_markers_are_the_discriminators_as_base64() -> None:
    for marker, offset in cpmm.VENUE.trade_markers:
        raw = base64.b64decode(marker + b"A=")
        assert any(event.startswith(raw[:7]) for event in (layout.SWAP_EVENT, layout.LP_CHANGE_EVENT))
        assert offset == 8
    assert ZERO_KEY not in cpmm.swap_keys(make_pool(), USER, True).values()
