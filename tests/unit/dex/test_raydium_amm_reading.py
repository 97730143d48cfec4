"""Raydium AMM v4 is read from initialize2 and from ray_log lines, never from logs alone.

Both forms of a creation, every kind of log line, the four creations recorded on
mainnet, and every trade of two whole blocks.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import raydium_amm as amm
from sniperforge.dex import raydium_amm_layouts as layout
from sniperforge.dex import raydium_amm_reading as reading
from sniperforge.dex.programs import WSOL, pda
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.raydium_recordings import CONTEXT, SHARED, block, golden, recorded, shared_json

COIN = Pubkey(b"\x01" * 32)
USER = Pubkey(b"\x21" * 32)
MARKET = Pubkey(b"\x31" * 32)
PROGRAM_TEXT = base58.text(amm.PROGRAM)


def of_market(seed: bytes) -> Pubkey:
    return pda(amm.PROGRAM, amm.PROGRAM, MARKET, seed)


def initialize2(
    coin: Pubkey = COIN, pc: Pubkey = WSOL, *, short: bool = False, open_time: int = 0, logs: tuple[str, ...] = ()
) -> Step:
    """A creation of 79 SOL (pc) and 800 million coins, every address derived."""
    filler = [Pubkey(bytes([number]) * 32) for number in range(0x70, 0x90)]
    named = {name: of_market(seed) for name, seed in reading.SEEDS.items()}
    accounts = [*filler[:4], of_market(b"amm_associated_seed"), layout.AUTHORITY]
    accounts += [] if short else [named["open_orders"]]
    accounts += [named["lp_mint"], coin, pc, named["coin_vault"], named["pc_vault"], named["target_orders"]]
    accounts += [filler[5], filler[6], *([] if short else [filler[7]]), MARKET, USER, *filler[8:11]]
    data = struct.pack("<BBQQQ", 1, 254, open_time, 79_000_000_000, 800_000_000_000_000)
    return Step(amm.PROGRAM, tuple(accounts), data, logs=logs)


def init_log(market: Pubkey = MARKET, pc: int = 79_000_000_007) -> str:
    raw = struct.pack("<BQBBQQQQ", 0, 0, 9, 6, 0, 0, pc, 800_000_000_000_000) + market
    return layout.LOG_PREFIX + base64.b64encode(raw).decode()


def created(step: Step, **context: Any) -> PoolCreated:
    (one,) = reading.read(step, CONTEXT._replace(**context))
    assert isinstance(one, PoolCreated)
    return one


# ── creations ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("short", "count"), [(False, 21), (True, 19)])
def test_both_forms_of_a_creation_are_read(short: bool, count: int) -> None:
    """The arguments name pc before coin, the accounts coin before pc."""
    step = initialize2(short=short)
    assert len(step.accounts) == count
    event = created(step)
    pool = event.pool
    assert (pool.base_mint, pool.quote_mint) == (COIN, WSOL)
    assert (pool.base_reserve, pool.quote_reserve) == (800_000_000_000_000, 79_000_000_000)
    assert (event.creator, event.user, event.believed_by) == (USER, USER, "instruction")
    assert ("open_orders" in pool.keys) is not short
    assert pool.keys["market"] == MARKET
    assert pool.numbers["swap_fee_numerator"] == 25
    assert amm.verify(event) == ""


def test_sol_as_the_coin_is_still_the_quote() -> None:
    event = created(initialize2(WSOL, COIN))
    assert (event.pool.base_mint, event.pool.quote_mint) == (COIN, WSOL)
    assert (event.pool.base_reserve, event.pool.quote_reserve) == (79_000_000_000, 800_000_000_000_000)
    assert amm.verify(event) == ""


def test_the_log_of_a_creation_tells_what_the_vaults_hold() -> None:
    """Lamports sent to the vault's address beforehand are in the log, not in the arguments."""
    event = created(initialize2(logs=("initialize2: …", init_log())))
    assert event.pool.quote_reserve == 79_000_000_007
    assert event.pool.numbers["base_decimals"] == 6
    assert event.believed_by == "instruction+log"


def test_a_log_of_another_market_is_refused() -> None:
    with pytest.raises(DecodeError, match="different markets"):
        reading.read(initialize2(logs=(init_log(USER),)), CONTEXT)


@pytest.mark.parametrize(
    ("asked", "block_time", "told"),
    [(0, 0, 0), (1_800_000_000, 0, 1_800_000_000), (1_699_999_999, 0, 0), (1_800_000_000, 1_900_000_000, 0)],
)
def test_a_time_to_come_is_told_and_a_past_one_is_at_once(asked: int, block_time: int, told: int) -> None:
    assert created(initialize2(open_time=asked), block_time=block_time).open_time == told


def test_logs_alone_ask_for_the_transaction() -> None:
    line = "initialize2: InitializeInstruction2 { nonce: 254, open_time: 0, init_pc_amount: 1, init_coin_amount: 2 }"
    (one,) = reading.read(Step(amm.PROGRAM, logs=(line,)), CONTEXT)
    assert isinstance(one, Incomplete)
    assert reading.read(Step(amm.PROGRAM, logs=("hello",)), CONTEXT) == []


@pytest.mark.parametrize("count", [0, 18, 20])
def test_a_creation_with_too_few_accounts_is_refused(count: int) -> None:
    step = initialize2()
    with pytest.raises(DecodeError, match="19 accounts"):
        reading.read(dataclasses.replace(step, accounts=step.accounts[:count]), CONTEXT)


def test_a_creation_with_cut_arguments_is_refused() -> None:
    step = initialize2()
    with pytest.raises(DecodeError):
        reading.read(dataclasses.replace(step, data=step.data[:25]), CONTEXT)


@pytest.mark.parametrize("place", [4, 5, 6, 7, 10, 11, 12, 16])
def test_an_address_that_is_not_derived_is_named(place: int) -> None:
    step = initialize2()
    wrong = (*step.accounts[:place], Pubkey(b"\x66" * 32), *step.accounts[place + 1 :])
    assert "claimed" in amm.verify(created(dataclasses.replace(step, accounts=wrong)))


# ── trades and liquidity ──────────────────────────────────────────────────


def log(kind: int, form: str, *values: int) -> str:
    return layout.LOG_PREFIX + base64.b64encode(bytes([kind]) + struct.pack("<" + form, *values)).decode()


def step_of(tag: int, count: int, line: str) -> Step:
    accounts = tuple(Pubkey(bytes([number]) * 32) for number in range(count))
    return Step(amm.PROGRAM, accounts, bytes([tag]) + bytes(16), logs=("other", line))


@pytest.mark.parametrize(("tag", "count"), [(9, 17), (9, 18), (16, 8)])
def test_a_swap_is_told_as_coin_against_pc(tag: int, count: int) -> None:
    """Nothing names the mints: base_mint is zero and the coin stands for the base."""
    (one,) = reading.read(step_of(tag, count, log(3, "7Q", 100, 1, 1, 500, 9_000, 1_000, 810)), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.pool, one.base_mint, one.is_buy) == (b"\x01" * 32, ZERO_KEY, True)
    assert one.trader == bytes([count - 1]) * 32
    assert (one.base_amount, one.quote_amount) == (810, 100)
    assert (one.base_reserve, one.quote_reserve) == (8_190, 1_100)


@pytest.mark.parametrize("tag", [11, 17])
def test_an_exact_output_is_told_with_what_it_cost(tag: int) -> None:
    (one,) = reading.read(step_of(tag, 18, log(4, "7Q", 999, 50, 2, 500, 9_000, 1_000, 480)), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.is_buy, one.base_amount, one.quote_amount) == (False, 480, 50)
    assert (one.base_reserve, one.quote_reserve) == (9_480, 950)


def test_deposits_and_withdrawals_are_told() -> None:
    deposit = (
        layout.LOG_PREFIX
        + base64.b64encode(
            b"\x01" + struct.pack("<6Q", 1, 1, 0, 1_000, 2_000, 50) + bytes(32) + struct.pack("<3Q", 10, 20, 5)
        ).decode()
    )
    withdrawal = (
        layout.LOG_PREFIX
        + base64.b64encode(
            b"\x02" + struct.pack("<5Q", 5, 5, 1_000, 2_000, 50) + bytes(32) + struct.pack("<2Q", 100, 200)
        ).decode()
    )
    (added,) = reading.read(step_of(3, 14, deposit), CONTEXT)
    (removed,) = reading.read(step_of(4, 20, withdrawal), CONTEXT)
    assert isinstance(added, LiquidityChanged)
    assert isinstance(removed, LiquidityChanged)
    assert (added.added, added.base_reserve, added.quote_reserve) == (True, 1_010, 2_020)
    assert (removed.added, removed.base_reserve, removed.quote_reserve) == (False, 900, 1_800)


def test_logs_of_a_swap_alone_tell_nothing() -> None:
    line = log(3, "7Q", 100, 1, 1, 500, 9_000, 1_000, 810)
    assert reading.read(Step(amm.PROGRAM, logs=(line,)), CONTEXT) == []


def test_a_log_of_another_kind_than_the_instruction_is_passed_over() -> None:
    line = log(4, "7Q", 999, 50, 2, 500, 9_000, 1_000, 480)
    assert reading.read(step_of(9, 18, line), CONTEXT) == []
    assert reading.read(step_of(7, 18, line), CONTEXT) == []


@pytest.mark.parametrize(
    ("tag", "line", "problem"),
    [
        (9, log(3, "7Q", 100, 1, 3, 500, 9_000, 1_000, 810), "direction"),
        (9, log(3, "7Q", 100, 1, 1, 500, 9_000, 1_000, 9_001), "more than there was"),
        (9, log(3, "6Q", 100, 1, 1, 500, 9_000, 1_000), "too early"),
        (9, log(5, "Q", 1), "0 to 4"),
        (9, "ray_log: ", "nothing"),
        (9, "ray_log: ???", "base64"),
        (9, "ray_log: " + "A" * 300, "no ray_log"),
        (4, log(2, "5QQQQQQQ", 5, 5, 1, 2, 50, 0, 0, 0, 0, 2, 1), "more than there was"),
    ],
)
def test_a_log_that_cannot_be_is_refused(tag: int, line: str, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        reading.read(step_of(tag, 18, line), CONTEXT)


@given(st.sampled_from([b"", b"\x01", b"\x03", b"\x04", b"\x09", b"\x10"]), st.binary(max_size=40), st.integers(0, 23),
       st.integers(0, 6), st.binary(max_size=140), st.text(max_size=40))  # fmt: skip
def test_reading_raises_a_decode_error_or_nothing(
    tag: bytes, data: bytes, count: int, kind: int, payload: bytes, text: str
) -> None:
    accounts = tuple(Pubkey(bytes([number]) * 32) for number in range(count))
    line = layout.LOG_PREFIX + base64.b64encode(bytes([kind]) + payload).decode()
    with contextlib.suppress(DecodeError):
        for one in reading.read(Step(amm.PROGRAM, accounts, tag + data, logs=(line, "ray_log: " + text)), CONTEXT):
            assert not isinstance(one, PoolCreated) or isinstance(amm.verify(one), str)


# ── golden vectors ────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", golden("raydium_amm_v4", "instruction", "initialize2"))
def test_golden_creations(case: Any) -> None:
    given_, expected = case["inputs"], case["expected"]
    accounts = tuple(key(meta["pubkey"]) for meta in expected["accounts"])
    event = created(Step(amm.PROGRAM, accounts, bytes.fromhex(expected["data_hex"])))
    pool = event.pool
    reserves = {pool.base_mint: pool.base_reserve, pool.quote_mint: pool.quote_reserve}
    assert reserves == {
        key(given_["coin_mint"]): int(given_["coin_amount"]),
        key(given_["pc_mint"]): int(given_["pc_amount"]),
    }
    assert (event.user, pool.keys["market"]) == (key(given_["user"]), key(given_["market"]))
    assert amm.verify(event) == ""


# ── mainnet ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "coins", "quote"),
    [
        ("create-pool_0", 100_000_000_000_000, 19_010_000_000),
        ("create-pool_2", 206_900_000_000_000, 79_005_359_099),
        ("create-pool_3", 610_000_000_000_000_000, 4_000_000_000),
        ("init_0", 1_000_000_000, 7_900_000_000),
    ],
)
def test_mainnet_s_creations(name: str, coins: int, quote: int) -> None:
    raw = shared_json("mainnet", "raydium_amm_v4", f"crypto-emulator-service__{name}.json")
    steps = recorded(raw)
    made = [
        one
        for step in steps.of(amm.PROGRAM)
        for one in reading.read(step, steps.context)
        if isinstance(one, PoolCreated)
    ]
    (event,) = made
    assert amm.verify(event) == ""
    assert event.believed_by == "instruction+log"
    assert (event.pool.base_reserve, event.pool.quote_reserve) == (coins, quote)
    frame = json.dumps(raw).encode()
    assert any(marker in frame for marker in amm.VENUE.markers)


@pytest.mark.parametrize(("slot", "trades"), [(254170887, 23), (332254908, 40)])
def test_every_trade_of_a_block_is_quoted_to_the_unit(slot: int, trades: int) -> None:
    """The log has reserves before and amounts: the formula gives the rest, for each of them."""
    seen = 0
    for raw in block(slot):
        if raw["meta"]["err"] is not None or not any(PROGRAM_TEXT in line for line in raw["meta"]["logMessages"] or []):
            continue
        transaction = recorded(raw)
        for step in transaction.of(amm.PROGRAM):
            assert all(not isinstance(one, PoolCreated) for one in reading.read(step, transaction.context))
            for line in step.logs:
                if line.startswith(layout.LOG_PREFIX):
                    seen += quoted(line)
    assert seen == trades


def test_every_trade_recorded_alone_is_quoted_to_the_unit() -> None:
    """Seven recorders' files, 2024-07 to 2025-10: routers' 17 accounts and the SDK's 18."""
    files = sorted((SHARED / "mainnet").glob("*/*__*.json"))
    if not files:
        pytest.skip("../shared/mainnet is absent")
    seen = 0
    for path in files:
        if path.parent.name in ("accounts", "instructions", "frames") or PROGRAM_TEXT not in path.read_text():
            continue
        transaction = recorded(json.loads(path.read_text()))
        for step in transaction.of(amm.PROGRAM):
            swaps = [one for one in reading.read(step, transaction.context) if isinstance(one, Swapped)]
            told = sum(quoted(line) for line in step.logs if line.startswith(layout.LOG_PREFIX))
            assert transaction.failed or len(swaps) == told
            seen += told
    assert seen == 25


def quoted(line: str) -> int:
    """Check one ray_log of a swap against the formula; returns how many swaps it was."""
    kind, record = layout.decode_log(line)
    ints = record.ints
    if kind not in (layout.LOG_SWAP_BASE_IN, layout.LOG_SWAP_BASE_OUT):
        return 0
    sides = (ints["pool_pc"], ints["pool_coin"]) if ints["direction"] == 1 else (ints["pool_coin"], ints["pool_pc"])
    fee = {"reserve_in": sides[0], "reserve_out": sides[1], "numerator": 25, "denominator": 10_000}
    if kind == layout.LOG_SWAP_BASE_IN:
        assert amm.amount_out_for(ints["amount_in"], **fee) == ints["out_amount"]
    else:
        assert amm.amount_in_for(ints["amount_out"], **fee) == ints["deduct_in"]
    return 1
