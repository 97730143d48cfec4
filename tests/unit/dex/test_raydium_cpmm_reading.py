"""Raydium CPMM is read from its instructions: creations by accounts, trades and liquidity by events.

Small vectors bite alone; beside them the SDK's golden creations, the program's own
output and the creation recorded on mainnet.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import raydium_cpmm as cpmm
from sniperforge.dex import raydium_cpmm_layouts as layout
from sniperforge.dex import raydium_cpmm_reading as reading
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.raydium_cpmm_steps import (
    BUY_EVENT,
    COIN,
    LOW_COIN,
    POOL,
    SELL_EVENT,
    USER,
    created,
    initialize,
    lp_step,
    make_pool,
    new_event,
    swap_step,
)
from tests.unit.dex.raydium_recordings import CONTEXT, golden, recorded, shared_json


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
