"""LaunchLab is read from its instructions, with its events as a second witness.

All creations, both lengths of a trade event, completion, both migrations; and the
launch, the first buy and the migration recorded on mainnet.
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
from sniperforge.base.events import CurveCompleted, LaunchDisbelieved, PoolCreated, PoolMigrated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import raydium_launchlab as launchlab
from sniperforge.dex import raydium_launchlab_layouts as layout
from sniperforge.dex import raydium_launchlab_reading as reading
from sniperforge.dex.borsh import encode_text
from sniperforge.dex.programs import EVENT_TAG, TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.raydium_recordings import CONTEXT, LAUNCH, MIGRATION, golden, recorded, shared_json

COIN = Pubkey(b"\x01" * 32)
USER, CREATOR = Pubkey(b"\x21" * 32), Pubkey(b"\x22" * 32)
CONFIG = key("6s1xP3hpbAfFoNtUNF8mfHsjr2Bd97JxFJRWLbL6aHuX")
PLATFORM = key("FfYek5vEz23cMkWsdJwG2oa6EphsvXSHrGpdALN4g6W1")
POOL = pda(launchlab.PROGRAM, b"pool", COIN, WSOL)


def arguments(kind: int = 0, *, sell: int = 793_100_000_000_000) -> bytes:
    mint = b"\x06" + encode_text("Coin") + encode_text("CN") + encode_text("http://x")
    sizes = struct.pack("<QQQ", 10**15, sell, 85 * 10**9) if kind == 0 else struct.pack("<QQ", 10**15, 85 * 10**9)
    return mint + bytes([kind]) + sizes + b"\x01" + struct.pack("<QQQ", 0, 0, 0)


def launch(
    head: bytes = layout.INITIALIZE_V2,
    data: bytes = b"",
    *,
    event: bool = True,
    platform: Pubkey = PLATFORM,
    **places: Pubkey,
) -> Step:
    """A launch with every address derived; *places* puts another key at "at<number>"."""
    with_metadata = head != layout.INITIALIZE_WITH_TOKEN_2022
    vaults = [pda(launchlab.PROGRAM, b"pool_vault", POOL, mint) for mint in (COIN, WSOL)]
    accounts = [USER, CREATOR, CONFIG, platform, layout.AUTHORITY, POOL, COIN, WSOL, *vaults]
    accounts += [Pubkey(b"\x51" * 32), TOKEN] if with_metadata else [TOKEN_2022]
    accounts += [TOKEN, *(Pubkey(bytes([number]) * 32) for number in range(0x60, 0x65 if with_metadata else 0x63))]
    for name, one in places.items():
        accounts[int(name[2:])] = one
    data = data or arguments()
    payload = layout.POOL_CREATE_EVENT + POOL + CREATOR + CONFIG + arguments() + b"\x00"
    return Step(launchlab.PROGRAM, tuple(accounts), head + data, (payload,) if event else ())


def created(step: Step) -> PoolCreated:
    (one,) = reading.read(step, CONTEXT)
    assert isinstance(one, PoolCreated)
    return one


def trade_event(
    *, direction: int = 0, status: int = 0, virtual_quote: int = 30_000_852_951, after: tuple[int, int] = (500, 70)
) -> bytes:
    counters = (793_100_000_000_000, 1_073_025_605_596_382, virtual_quote, 0, 0, *after)
    return layout.TRADE_EVENT + POOL + struct.pack("<13Q3B", *counters, 100, 500, 1, 2, 3, 0, direction, status, 1)


def trade_step(payload: bytes, *, listed: bool = True) -> Step:
    accounts = tuple(Pubkey(bytes([number]) * 32) for number in range(18))
    return Step(launchlab.PROGRAM, accounts, layout.BUY_EXACT_IN + bytes(24) if listed else b"\x00" * 8, (payload,))


# ── creations ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("head", [layout.INITIALIZE, layout.INITIALIZE_V2])
def test_a_launch_is_read_with_its_event_as_witness(head: bytes) -> None:
    """The usual coin starts at 1,073.0 million virtual coins against 30.0 virtual SOL."""
    event = created(launch(head))
    pool = event.pool
    assert (pool.address, pool.base_mint, pool.quote_mint) == (POOL, COIN, WSOL)
    assert (pool.base_program, pool.quote_program) == (TOKEN, TOKEN)
    assert (pool.base_reserve, pool.quote_reserve) == (1_073_025_605_596_382, 30_000_852_951)
    assert (event.user, event.creator, event.believed_by) == (USER, CREATOR, "event+instruction")
    assert (event.name, event.symbol, event.uri) == ("Coin", "CN", "http://x")
    assert (pool.numbers["fee_assumed"], pool.numbers["migrate_type"]) == (0, 1)
    assert launchlab.verify(event) == ""


def test_a_launch_whose_event_was_cut_is_read_from_the_instruction() -> None:
    assert created(launch(event=False)).believed_by == "instruction"


def test_an_event_of_another_pool_than_the_instruction_is_disbelieved() -> None:
    (one,) = reading.read(launch(at5=USER), CONTEXT)
    assert isinstance(one, LaunchDisbelieved)
    assert "pool_state" in one.values["event"]


def test_a_platform_nobody_measured_has_assumed_fees() -> None:
    assert created(launch(platform=USER)).pool.numbers["fee_assumed"] == 1


@pytest.mark.parametrize(
    ("tail", "fee"),
    [
        (b"\x00\x00" + bytes(10), None),
        (b"\x01\x01" + struct.pack("<HQ", 100, 5_000), (100, 5_000)),
        (b"", None),
    ],
)
def test_a_token_2022_launch_may_take_a_transfer_fee(tail: bytes, fee: tuple[int, int] | None) -> None:
    """The SDK writes ten zero bytes behind "none"."""
    pool = created(launch(layout.INITIALIZE_WITH_TOKEN_2022, arguments() + tail)).pool
    assert pool.base_program == TOKEN_2022
    numbers = pool.numbers
    assert (numbers.get("base_transfer_fee_bps"), numbers.get("base_transfer_fee_max")) == (fee or (None, None))


@pytest.mark.parametrize(("kind", "reserves"), [(1, (500_000_000_000_000, 85 * 10**9)), (2, (666_666_666_666_666, 0))])
def test_the_other_curves_start_with_their_own_numbers(kind: int, reserves: tuple[int, int]) -> None:
    pool = created(launch(data=arguments(kind), event=False)).pool
    assert pool.numbers["curve_type"] == kind
    assert (pool.base_reserve, pool.quote_reserve) == reserves


@pytest.mark.parametrize("payloads", [((layout.POOL_CREATE_EVENT + b"x",), ()), ((), ("Instruction: InitializeV2",))])
def test_logs_alone_ask_for_the_transaction(payloads: tuple[tuple[bytes, ...], tuple[str, ...]]) -> None:
    (one,) = reading.read(Step(launchlab.PROGRAM, events=payloads[0], logs=payloads[1]), CONTEXT)
    assert isinstance(one, Incomplete)


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (dataclasses.replace(launch(), accounts=launch().accounts[:17]), "18 accounts"),
        (dataclasses.replace(launch(), data=launch().data[:40]), "do not fit|does not fit|end"),
        (launch(data=arguments(sell=10**15), event=False), "no curve"),
        (launch(data=arguments(3), event=False), "variants"),
    ],
)
def test_a_launch_that_cannot_be_is_refused(step: Step, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        reading.read(step, CONTEXT)


@pytest.mark.parametrize("place", ["at4", "at5", "at8", "at9"])
def test_an_address_that_is_not_derived_is_named(place: str) -> None:
    """Authority, pool and both vaults follow from the two mints."""
    assert "claimed" in launchlab.verify(created(launch(event=False, **{place: USER})))


# ── trades ────────────────────────────────────────────────────────────────


def test_a_trade_is_told_with_virtual_reserves() -> None:
    (one,) = reading.read(trade_step(trade_event()), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.pool, one.base_mint, one.trader) == (POOL, b"\x09" * 32, b"\x00" * 32)
    assert (one.is_buy, one.quote_amount, one.base_amount) == (True, 100, 500)
    assert (one.base_reserve, one.quote_reserve) == (1_073_025_605_595_882, 30_000_853_021)


def test_a_trade_in_logs_alone_names_no_mint() -> None:
    (one,) = reading.read(dataclasses.replace(trade_step(trade_event()), accounts=(), data=b""), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.base_mint, one.trader) == (ZERO_KEY, CONTEXT.signer)


def test_an_event_both_logged_and_sent_to_itself_is_one_trade() -> None:
    step = trade_step(trade_event())
    twice = dataclasses.replace(step, events=step.events * 2)
    assert len(reading.read(twice, CONTEXT)) == 1
    assert reading.read(dataclasses.replace(step, data=EVENT_TAG + step.events[0], events=()), CONTEXT) == []


def test_a_sell_turns_the_amounts() -> None:
    (one,) = reading.read(trade_step(trade_event(direction=1)), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.is_buy, one.base_amount, one.quote_amount) == (False, 100, 500)


def test_a_linear_curve_has_what_is_left_and_what_was_raised_as_reserves() -> None:
    (one,) = reading.read(trade_step(trade_event(virtual_quote=0)), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.base_reserve, one.quote_reserve) == (793_100_000_000_000 - 500, 70)


def test_the_first_layout_of_the_event_is_read_too() -> None:
    """2025-04: 138 bytes, without the creator's fee and exact_in."""
    new = trade_event()
    old = new[: 8 + 32 + 11 * 8] + new[8 + 32 + 12 * 8 : -1]
    assert len(old) == 138
    assert reading.read(trade_step(old), CONTEXT) == reading.read(trade_step(new), CONTEXT)


def test_the_last_coin_completes_the_curve() -> None:
    swapped, completed = reading.read(trade_step(trade_event(status=1)), CONTEXT)
    assert isinstance(swapped, Swapped)
    assert isinstance(completed, CurveCompleted)
    assert (completed.pool, completed.base_mint) == (POOL, b"\x09" * 32)


@pytest.mark.parametrize("exact_in", [0, 1])
def test_a_marker_is_in_every_log_line_that_completes_a_curve(exact_in: int) -> None:
    line = "Program data: " + base64.b64encode(trade_event(status=1)[:-1] + bytes([exact_in])).decode()
    other = "Program data: " + base64.b64encode(trade_event()).decode()
    assert any(marker in json.dumps([line]).encode() for marker in launchlab.VENUE.markers)
    assert not any(marker in json.dumps([other]).encode() for marker in launchlab.VENUE.markers)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (trade_event(direction=2), "buys"),
        (trade_event(status=3), "buys"),
        (trade_event(after=(2**63, 0)), "more than there was"),
        (trade_event()[:-1], "early"),
    ],
)
def test_a_trade_that_cannot_be_is_refused(payload: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        reading.read(trade_step(payload), CONTEXT)


# ── migrations ────────────────────────────────────────────────────────────


def migration(head: bytes, *, inner: Step | None = None, pool: Pubkey = POOL) -> Step:
    accounts = [Pubkey(bytes([number]) * 32) for number in range(0x30, 0x50)]
    accounts[1], accounts[2], accounts[20] = COIN, WSOL, pool
    return Step(launchlab.PROGRAM, tuple(accounts), head, children=(inner,) if inner else ())


@pytest.mark.parametrize(
    ("head", "venue", "place"),
    [(layout.MIGRATE_TO_AMM, "raydium_amm_v4", 0x30 + 13), (layout.MIGRATE_TO_CPSWAP, "raydium_cpmm", 0x30 + 5)],
)
def test_a_migration_names_the_new_pool(head: bytes, venue: str, place: int) -> None:
    (one,) = reading.read(migration(head), CONTEXT)
    assert isinstance(one, PoolMigrated)
    assert (one.pool, one.base_mint, one.new_venue, one.new_pool) == (POOL, COIN, venue, bytes([place]) * 32)


def test_the_creation_inside_a_migration_is_believed_before_the_list() -> None:
    program = key("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
    inner = Step(program, (USER, USER, USER, CREATOR), layout.INITIALIZE + bytes(24))
    (one,) = reading.read(migration(layout.MIGRATE_TO_CPSWAP, inner=inner), CONTEXT)
    assert isinstance(one, PoolMigrated)
    assert one.new_pool == CREATOR


def test_a_migration_that_does_not_list_its_pool_is_refused() -> None:
    with pytest.raises(DecodeError, match="account list changed"):
        reading.read(migration(layout.MIGRATE_TO_AMM, pool=USER), CONTEXT)
    with pytest.raises(DecodeError, match="lists more than"):
        reading.read(Step(launchlab.PROGRAM, (USER,) * 5, layout.MIGRATE_TO_CPSWAP), CONTEXT)


@pytest.mark.parametrize("log", ["Instruction: MigrateToAmm", "Instruction: MigrateToCpswap"])
def test_a_migration_in_logs_alone_asks_for_the_transaction(log: str) -> None:
    (one,) = reading.read(Step(launchlab.PROGRAM, logs=(log,)), CONTEXT)
    assert isinstance(one, Incomplete)


# ── whatever comes ────────────────────────────────────────────────────────

HEADS = [layout.INITIALIZE, layout.INITIALIZE_V2, layout.INITIALIZE_WITH_TOKEN_2022, layout.MIGRATE_TO_AMM]


@given(
    st.sampled_from([b"", layout.BUY_EXACT_IN, *HEADS]),
    st.one_of(st.binary(max_size=120), st.binary(max_size=30).map(lambda tail: arguments() + tail)),
    st.sampled_from([b"", layout.TRADE_EVENT, layout.POOL_CREATE_EVENT]),
    st.binary(max_size=200),
    st.integers(0, 33),
)
def test_reading_raises_a_decode_error_or_nothing(
    head: bytes, data: bytes, event: bytes, payload: bytes, count: int
) -> None:
    keys = tuple(Pubkey(bytes([number]) * 32) for number in range(count))
    with contextlib.suppress(DecodeError):
        for one in reading.read(Step(launchlab.PROGRAM, keys, head + data, (event + payload,)), CONTEXT):
            assert not isinstance(one, PoolCreated) or isinstance(launchlab.verify(one), str)


# ── golden vectors ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "case", golden("raydium_launchlab", "instruction", "initialize_v2", "initialize_with_token_2022")
)
def test_golden_launches(case: Any) -> None:
    given_, expected = case["inputs"], case["expected"]
    accounts = tuple(key(meta["pubkey"]) for meta in expected["accounts"])
    event = created(Step(launchlab.PROGRAM, accounts, bytes.fromhex(expected["data_hex"])))
    pool = event.pool
    assert (pool.base_mint, pool.quote_mint) == (key(given_["base_mint"]), key(given_["quote_mint"]))
    assert (event.user, event.creator) == (key(given_["payer"]), key(given_["creator"]))
    assert (event.name, event.symbol, event.uri) == (given_["name"], given_["symbol"], given_["uri"])
    assert pool.numbers["total_quote_fund_raising"] == int(given_["curve"]["total_fund_raising_b"])
    assert pool.numbers["migrate_type"] == ("amm", "cpmm").index(given_["curve"]["migrate_type"])
    fee = given_.get("transfer_fee") or {}
    assert pool.numbers.get("base_transfer_fee_bps") == fee.get("transfer_fee_basis_points")
    assert launchlab.verify(event) == ""


# ── mainnet ───────────────────────────────────────────────────────────────


def test_mainnet_s_launch_and_its_first_buy() -> None:
    """Slot 372149510: the launch, then 9,999,999 lamports by its creator; both to the unit."""
    raw = shared_json("mainnet", "raydium_launchlab", LAUNCH)
    transaction = recorded(raw)
    told = [one for step in transaction.of(launchlab.PROGRAM) for one in reading.read(step, transaction.context)]
    made, bought = told
    assert isinstance(made, PoolCreated)
    assert isinstance(bought, Swapped)
    assert (made.symbol, made.believed_by) == ("SORA LOSER", "event+instruction")
    assert base58.text(made.pool.base_mint) == "54y4DV6shhwvojpRCCqwvgRTPd45UGrCEghpsa9pBj7F"
    assert launchlab.verify(made) == ""
    quote = launchlab.quote_in(made.pool, bought.quote_amount, is_buy=True)
    assert (quote.amount_out, quote.fee_amount) == (bought.base_amount, 130_000)
    after = launchlab.apply(made.pool, bought)
    assert after.base_reserve == made.pool.base_reserve - quote.amount_out
    assert after.quote_reserve == made.pool.quote_reserve + 9_869_999
    assert any(marker in json.dumps(raw).encode() for marker in launchlab.VENUE.markers)


def test_mainnet_s_migration() -> None:
    """Slot 356582144: to CPMM, into a pool at a random address."""
    raw = shared_json("mainnet", "raydium_launchlab", MIGRATION)
    transaction = recorded(raw)
    (one,) = (one for step in transaction.of(launchlab.PROGRAM) for one in reading.read(step, transaction.context))
    assert isinstance(one, PoolMigrated)
    assert base58.text(one.pool) == "CywSRWy2W4Aa7abDUcZKqgEgMqdgaeR7j4ALwY7c1mH9"
    assert base58.text(one.base_mint) == "GPsE7xn1AkjAdvdy6VF3kkpXTBVBTsjG8HAPLYX7bonk"
    assert (one.new_venue, base58.text(one.new_pool)) == (
        "raydium_cpmm",
        "Fnn1oVT8zjUs4Ys7sFDxBJRof8X1uqXy1bqfrhRCBRA8",
    )
    assert any(marker in json.dumps(raw).encode() for marker in launchlab.VENUE.markers)
