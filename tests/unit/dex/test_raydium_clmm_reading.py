"""What Raydium CLMM did is read from instructions and events, and told only as far as they tell it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LaunchDisbelieved, LiquidityChanged, PoolCreated, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import raydium_clmm_layouts as layouts
from sniperforge.dex import ticks
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.raydium_clmm_reading import TIERS, read, verify
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.raydium_recordings import CONTEXT, recorded, shared_json
from tests.unit.dex.ticks_vectors import COIN, USER, named_key

PROGRAM = layouts.PROGRAM
CONFIG = next(iter(TIERS))
ONE = (1 << 64).to_bytes(16, "little")


def creation(head: bytes = layouts.CREATE_POOL, arguments: bytes = ONE + bytes(8), pool: Pubkey | None = None) -> Step:
    """Return a creation of a pool of WSOL and a coin, with its event."""
    address = pool or pda(PROGRAM, b"pool", CONFIG, WSOL, COIN)
    vaults = [pda(PROGRAM, b"pool_vault", address, mint) for mint in (WSOL, COIN)]
    observation = pda(PROGRAM, b"observation", address)
    extension = pda(PROGRAM, b"pool_tick_array_bitmap_extension", address)
    accounts = (USER, CONFIG, address, WSOL, COIN, *vaults, observation, extension, TOKEN, TOKEN_2022, USER, USER)
    event = layouts.POOL_CREATED_EVENT + WSOL + COIN + struct.pack("<H", 60) + address + ONE + bytes(4) + bytes(64)
    return Step(PROGRAM, accounts, head + arguments, events=(event,))


def trade(*, down: bool, price: bytes = ONE, tick: int = 0, step: Step | None = None) -> Step:
    """Return a swap of 100 for 90, both with a transfer fee of 1."""
    event = layouts.SWAP_EVENT + named_key("pool") + USER + bytes(64)
    event += struct.pack("<QQQQ?", 100 if down else 90, 1, 90 if down else 100, 1, down)
    event += price + (1_000).to_bytes(16, "little") + struct.pack("<i", tick)
    base = step or Step(PROGRAM)
    return Step(PROGRAM, base.accounts, base.data, events=(event,))


def test_a_creation_is_told_by_instruction_and_event() -> None:
    (created,) = read(creation(), CONTEXT)
    assert isinstance(created, PoolCreated)
    pool = created.pool
    assert (pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program) == (COIN, WSOL, TOKEN_2022, TOKEN)
    assert (pool.numbers["trade_fee_rate"], pool.numbers["tick_spacing"], pool.numbers["fee_assumed"]) == (2_500, 60, 0)
    assert (pool.numbers["tick_first"], pool.numbers["tick_last"]) == (-443_636, 443_636)
    assert (created.believed_by, created.open_time, created.creator) == ("event+instruction", 0, USER)
    assert verify(created) == ""


def test_a_customizable_pool_says_where_its_fee_is_taken() -> None:
    step = creation(layouts.CREATE_CUSTOMIZABLE_POOL, ONE + b"\2\1" + bytes(8))
    (created,) = read(step, CONTEXT._replace(signer=ZERO_KEY))
    assert isinstance(created, PoolCreated)
    assert (created.pool.numbers["fee_on"], created.pool.numbers["fee_assumed"], created.user) == (2, 1, USER)


def test_a_creation_without_its_event_is_believed_by_its_instruction() -> None:
    step = creation()
    (created,) = read(Step(PROGRAM, step.accounts, step.data), CONTEXT)
    assert isinstance(created, PoolCreated)
    assert created.believed_by == "instruction"


def test_a_creation_in_logs_only_is_incomplete() -> None:
    for step in (
        Step(PROGRAM, events=creation().events),
        Step(PROGRAM, logs=("Instruction: CreatePool",)),
    ):
        assert any(isinstance(one, Incomplete) for one in read(step, CONTEXT))


def test_an_event_of_another_pool_is_disbelieved() -> None:
    step = Step(PROGRAM, creation().accounts, creation().data, events=creation(pool=USER).events)
    (refused,) = read(step, CONTEXT)
    assert isinstance(refused, LaunchDisbelieved)
    assert refused.reason == "instruction"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step(PROGRAM, (USER,) * 12, creation().data), "13 accounts, got 12"),
        (creation(arguments=bytes(24)), "starts at the price 0"),
        (creation(layouts.CREATE_CUSTOMIZABLE_POOL, ONE + b"\3\0"), "takes its fee on 3"),
        (trade(down=True, price=bytes(16)), "leaves no price"),
        (trade(down=True, tick=500_000), "leaves no price"),
    ],
)
def test_what_cannot_be_is_refused(step: Step, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        read(step, CONTEXT)


def test_addresses_that_do_not_derive_are_told() -> None:
    (created,) = read(creation(pool=USER), CONTEXT)
    assert isinstance(created, PoolCreated)
    assert verify(created).startswith("pool_state: claimed")
    step = creation()
    turned = (*step.accounts[:3], COIN, WSOL, *step.accounts[5:])
    (created,) = read(Step(PROGRAM, turned, step.data), CONTEXT)
    assert isinstance(created, PoolCreated)
    assert "the smaller of both" in verify(created)


@pytest.mark.parametrize("down", [True, False])
def test_a_trade_in_logs_is_told_as_its_first_token(down: bool) -> None:
    """Paid is what left the wallet, 101; received what arrived, 90."""
    (swap,) = read(trade(down=down), CONTEXT)
    assert isinstance(swap, Swapped)
    assert (swap.base_mint, swap.is_buy) == (ZERO_KEY, not down)
    assert (swap.base_amount, swap.quote_amount) == ((101, 90) if down else (90, 101))
    assert (swap.base_reserve, swap.quote_reserve) == (1_000, 1_000)
    assert swap.numbers == {"sqrt_price": 0, "sqrt_price.high": 1, "liquidity": 1_000, "tick": 0}


def test_a_trade_with_its_instruction_names_the_coin() -> None:
    accounts = (USER,) * 11 + (WSOL, COIN)
    (swap,) = read(trade(down=True, step=Step(PROGRAM, accounts, layouts.SWAP_V2)), CONTEXT)
    assert isinstance(swap, Swapped)
    assert (swap.base_mint, swap.is_buy, swap.base_amount, swap.quote_amount) == (COIN, True, 90, 101)


def _position(kind: bytes, *, lower: int = -60, price: bytes = ONE) -> tuple[bytes, ...]:
    calculated = layouts.CALCULATE_EVENT + bytes(16) + price + bytes(4 + 48)
    pool = layouts.LIQUIDITY_CHANGE_EVENT + named_key("pool") + struct.pack("<iii", 0, lower, 60)
    pool += bytes(16) + (500).to_bytes(16, "little")
    body = (500).to_bytes(16, "little") + struct.pack("<QQ", 7, 8)
    own = {
        layouts.CREATE_POSITION_EVENT: bytes(96) + struct.pack("<ii", lower, 60) + body,
        layouts.INCREASE_EVENT: bytes(32) + body,
        layouts.DECREASE_EVENT: bytes(32) + body + bytes(40),
    }
    return calculated, pool, kind + own[kind]


@pytest.mark.parametrize("kind", [layouts.CREATE_POSITION_EVENT, layouts.INCREASE_EVENT, layouts.DECREASE_EVENT])
def test_a_change_of_liquidity_is_told_with_its_ticks(kind: bytes) -> None:
    (change,) = read(Step(PROGRAM, events=_position(kind)), CONTEXT)
    assert isinstance(change, LiquidityChanged)
    sign = -1 if kind == layouts.DECREASE_EVENT else 1
    assert change.numbers == {"tick_lower": -60, "tick_upper": 60, "liquidity_change": sign * 500}
    assert (change.added, change.base_amount, change.quote_amount, change.base_reserve) == (sign > 0, 7, 8, 500)


def test_a_change_without_its_other_half_is_told_as_far_as_it_goes() -> None:
    """No price: no reserves. No pool: nothing. Impossible ticks: refused."""
    events = _position(layouts.INCREASE_EVENT)
    (change,) = read(Step(PROGRAM, events=events[1:]), CONTEXT)
    assert isinstance(change, LiquidityChanged)
    assert change.base_reserve == -1
    assert read(Step(PROGRAM, events=events[2:]), CONTEXT) == []
    with pytest.raises(DecodeError, match="from 60 to 60"):
        read(Step(PROGRAM, events=_position(layouts.INCREASE_EVENT, lower=60)), CONTEXT)


def test_recorded_trades_of_mainnet_read() -> None:
    """With the prices they left behind."""
    told = recorded(shared_json("mainnet", "raydium_clmm", "agavesim__txn_json_0.json"))
    (swap,) = [one for step in told.of(PROGRAM) for one in read(step, told.context)]
    assert isinstance(swap, Swapped)
    assert (swap.is_buy, swap.base_amount, swap.quote_amount) == (True, 807_769_528_641, 300_000_000)
    price = swap.numbers["sqrt_price"] + (swap.numbers["sqrt_price.high"] << 64)
    assert ticks.tick_at(price, ticks.raydium_price_at) == swap.numbers["tick"]


KINDS = sorted(layouts.EVENTS)


@given(kind=st.sampled_from(KINDS), body=st.binary(max_size=260), head=st.sampled_from(sorted(layouts.CREATIONS)))
def test_any_bytes_raise_its_own_error_or_nothing(kind: bytes, body: bytes, head: bytes) -> None:
    for step in (Step(PROGRAM, events=(kind + body,)), Step(PROGRAM, (USER,) * 13, head + body)):
        try:
            read(step, CONTEXT)
        except DecodeError as problem:
            assert "\n" not in str(problem)
