"""The Meteora curve is read from its instructions and the events it sends to itself.

Both creations, trades told once or twice, completion, both migrations, and whatever bytes.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, Event, LaunchDisbelieved, PoolCreated, PoolMigrated, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import meteora_dbc_layouts as layout
from sniperforge.dex import meteora_dbc_reading as reading
from sniperforge.dex.borsh import encode_text
from sniperforge.dex.meteora_liquidity import ROOT_ONE, joined
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.meteora_vectors import COIN, CONFIG, CREATOR, DBC_POOL, USER
from tests.unit.dex.raydium_recordings import CONTEXT

CREATIONS = [layout.INITIALIZE_WITH_SPL_TOKEN, layout.INITIALIZE_WITH_TOKEN_2022]
ARGUMENTS = encode_text("Coin") + encode_text("CN") + encode_text("http://x")
TOLD = layout.INITIALIZE_EVENT + DBC_POOL + CONFIG + CREATOR + COIN + struct.pack("<BQ", 0, 1_000)
OTHER = Pubkey(b"\x77" * 32)


def launch(head: bytes, *, event: bytes = TOLD, config: Pubkey = CONFIG) -> Step:
    vaults = [pda(layout.PROGRAM, b"token_vault", mint, DBC_POOL) for mint in (COIN, WSOL)]
    accounts = [config, layout.AUTHORITY, CREATOR, COIN, WSOL, DBC_POOL, *vaults]
    plain = head == layout.INITIALIZE_WITH_SPL_TOKEN
    accounts += [OTHER, OTHER] if plain else []
    accounts += [USER, TOKEN, TOKEN if plain else TOKEN_2022, OTHER, OTHER, OTHER]
    return Step(layout.PROGRAM, tuple(accounts), head + ARGUMENTS, (event,) if event else ())


def swap_event(direction: int, *, net: int = 99, paid: int = 100) -> bytes:
    result = struct.pack("<Q16s3Q", 90, (2 * ROOT_ONE).to_bytes(16, "little"), 4, 1, 0)
    head = layout.SWAP_EVENT + DBC_POOL + CONFIG + bytes([direction, 0]) + struct.pack("<3Q", 100, 1, net)
    return head + result + struct.pack("<QQ", paid, 5_000)


def swap2_event(direction: int, *, net: int = 99, paid: int = 100) -> bytes:
    result = struct.pack("<4Q16s3Q", paid, net, 0, 90, (2 * ROOT_ONE).to_bytes(16, "little"), 4, 1, 0)
    head = layout.SWAP2_EVENT + DBC_POOL + CONFIG + bytes([direction, 0]) + struct.pack("<QQB", 100, 1, 0)
    return head + result + struct.pack("<QQQ", 777, 10**9, 5_000)


COMPLETE = layout.COMPLETE_EVENT + DBC_POOL + CONFIG + struct.pack("<QQ", 1, 2)


def trade(*events: bytes, head: bytes = layout.SWAP2) -> Step:
    accounts = [OTHER] * 15
    accounts[7], accounts[9] = COIN, USER
    return Step(layout.PROGRAM, tuple(accounts) if head else (), head, events)


# ── creations and migrations ──────────────────────────────────────────────


@pytest.mark.parametrize("head", CREATIONS)
def test_a_launch_is_read_with_its_event_as_witness(head: bytes) -> None:
    (one,) = reading.read(launch(head), CONTEXT)
    assert isinstance(one, PoolCreated)
    pool = one.pool
    assert (pool.address, pool.base_mint, pool.quote_mint) == (DBC_POOL, COIN, WSOL)
    assert (one.creator, one.user, one.name, one.symbol, one.uri) == (CREATOR, USER, "Coin", "CN", "http://x")
    assert pool.base_program == (TOKEN if head == layout.INITIALIZE_WITH_SPL_TOKEN else TOKEN_2022)
    assert (pool.numbers["activation_point"], one.believed_by) == (1_000, "event+instruction")
    assert reading.verify(one) == ""


def test_a_launch_whose_event_is_not_carried_is_read_from_the_instruction() -> None:
    (one,) = reading.read(launch(CREATIONS[0], event=b""), CONTEXT)
    assert isinstance(one, PoolCreated)
    assert one.believed_by == "instruction"


def test_an_event_of_another_config_is_disbelieved() -> None:
    (one,) = reading.read(launch(CREATIONS[0], config=OTHER), CONTEXT)
    assert isinstance(one, LaunchDisbelieved)
    assert "config" in one.values["event"]


def test_a_pool_under_a_foreign_address_is_told() -> None:
    (one,) = reading.read(launch(CREATIONS[0], event=b"", config=OTHER), CONTEXT)
    assert isinstance(one, PoolCreated)
    assert reading.verify(one).startswith("pool: claimed")


@pytest.mark.parametrize(
    ("head", "venue", "mint_at"),
    [(layout.MIGRATE_TO_DAMM_V2, "meteora_damm_v2", 13), (layout.MIGRATE_TO_DAMM_V1, "meteora_damm_v1", 7)],
)
def test_a_migration_names_both_pools(head: bytes, venue: str, mint_at: int) -> None:
    accounts = [OTHER] * 25
    accounts[0], accounts[4], accounts[mint_at] = DBC_POOL, USER, COIN
    (one,) = reading.read(Step(layout.PROGRAM, tuple(accounts), head), CONTEXT)
    assert isinstance(one, PoolMigrated)
    assert (one.pool, one.new_pool, one.base_mint, one.new_venue) == (DBC_POOL, USER, COIN, venue)


@pytest.mark.parametrize("log", ["Instruction: InitializeVirtualPoolWithSplToken", "Instruction: MigrationDammV2"])
def test_logs_alone_ask_for_the_transaction(log: str) -> None:
    (one,) = reading.read(Step(layout.PROGRAM, logs=(log,)), CONTEXT)
    assert isinstance(one, Incomplete)


@pytest.mark.parametrize("head", [*CREATIONS, layout.MIGRATE_TO_DAMM_V2, layout.MIGRATE_TO_DAMM_V1])
def test_a_list_that_is_cut_is_an_error(head: bytes) -> None:
    with pytest.raises(DecodeError):
        reading.read(Step(layout.PROGRAM, (COIN,) * 6, head + ARGUMENTS), CONTEXT)


# ── trades ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("direction", [0, 1])
def test_a_trade_told_twice_is_one(direction: int) -> None:
    """The second telling has the reserve too."""
    (one,) = reading.read(trade(swap_event(direction), swap2_event(direction)), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.is_buy, one.base_mint, one.trader, one.index) == (direction == 1, COIN, USER, 1)
    assert (one.base_amount, one.quote_amount) == ((90, 100) if one.is_buy else (100, 90))
    assert (one.base_reserve, one.quote_reserve, joined(one.numbers, "sqrt_price")) == (-1, 777, 2 * ROOT_ONE)


@pytest.mark.parametrize(("net", "moved"), [(99, (90, 99)), (100, (95, 100))])
def test_a_trade_of_the_first_event_is_read(net: int, moved: tuple[int, int]) -> None:
    """Where nothing was taken from the input, the fee left the reserve with what came out."""
    (one,) = reading.read(trade(swap_event(1, net=net), head=b""), CONTEXT)
    assert isinstance(one, Swapped)
    assert (one.base_mint, one.trader, one.quote_reserve) == (ZERO_KEY, CONTEXT.signer, -1)
    assert (one.numbers["base_moved"], one.numbers["quote_moved"]) == moved


def test_a_completion_is_read_behind_its_trade() -> None:
    readings = reading.read(trade(swap_event(1), swap2_event(1), COMPLETE), CONTEXT)
    assert [type(one) for one in readings] == [Swapped, CurveCompleted]
    (alone,) = reading.read(trade(COMPLETE, head=b""), CONTEXT)
    assert isinstance(alone, CurveCompleted)
    assert (alone.pool, alone.base_mint) == (DBC_POOL, ZERO_KEY)


@pytest.mark.parametrize("event", [swap_event(2), swap2_event(1, net=101), COMPLETE[:-1]])
def test_an_event_of_other_bytes_is_an_error(event: bytes) -> None:
    with pytest.raises(DecodeError):
        reading.read(trade(event), CONTEXT)


@given(data=st.data())
def test_any_bytes_are_read_or_raise_decode_error(data: st.DataObject) -> None:
    """Truncated, lengthened and changed anywhere."""
    heads = st.sampled_from([*CREATIONS, layout.SWAP, layout.MIGRATE_TO_DAMM_V2, layout.MIGRATE_TO_DAMM_V1])
    payloads = [swap_event(1), swap2_event(0), COMPLETE, TOLD, ARGUMENTS]
    raw = bytearray(data.draw(st.sampled_from(payloads)) + data.draw(st.binary(max_size=140)))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    accounts = (COIN,) * data.draw(st.integers(0, 20))
    step = Step(layout.PROGRAM, accounts, data.draw(heads) + cut, (bytes(raw), cut))
    try:
        assert all(isinstance(one, Event | Incomplete) for one in reading.read(step, CONTEXT))
    except DecodeError as problem:
        assert "\n" not in str(problem)
