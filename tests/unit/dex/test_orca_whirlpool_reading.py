"""What Orca Whirlpool did is read from instructions, events and, before there were events, from its transfers."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LaunchDisbelieved, LiquidityChanged, PoolCreated, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import orca_whirlpool_layouts as layouts
from sniperforge.dex.orca_whirlpool_reading import read, verify
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.raydium_recordings import CONTEXT, recorded, shared_json
from tests.unit.dex.ticks_vectors import COIN, USER, named_key

PROGRAM, CONFIG = layouts.PROGRAM, named_key("config")
ONE = (1 << 64).to_bytes(16, "little")
ARGUMENTS = {
    layouts.INITIALIZE_POOL: b"\xff" + struct.pack("<H", 64) + ONE,
    layouts.INITIALIZE_POOL_V2: struct.pack("<H", 64) + ONE,
    layouts.INITIALIZE_POOL_ADAPTIVE: ONE + b"\1" + struct.pack("<Q", 1_900_000_000),
}


def creation(head: bytes, tier: int = 64, arguments: bytes = b"") -> Step:
    """Return a creation of a pool of WSOL and a coin."""
    index = tier.to_bytes(2, "little")
    known = {
        "whirlpools_config": CONFIG,
        "token_mint_a": WSOL,
        "token_mint_b": COIN,
        "whirlpool": pda(PROGRAM, b"whirlpool", CONFIG, WSOL, COIN, index),
        "fee_tier": pda(PROGRAM, b"fee_tier", CONFIG, index),
        "token_program": TOKEN,
        "token_program_a": TOKEN,
        "token_program_b": TOKEN_2022,
    }
    table = layouts.CREATIONS[head][1]
    accounts = tuple(known.get(name, named_key(name)) for name, _, _ in table)
    return Step(PROGRAM, accounts, head + (arguments or ARGUMENTS[head]))


def opened(step: Step, pool: Pubkey | None = None) -> Step:
    """Return *step* with the event of a creation."""
    address = pool or pda(PROGRAM, b"whirlpool", CONFIG, WSOL, COIN, (64).to_bytes(2, "little"))
    event = layouts.POOL_INITIALIZED + address + CONFIG + WSOL + COIN + struct.pack("<H", 64) + bytes(66) + ONE
    return Step(PROGRAM, step.accounts, step.data, events=(event,))


@pytest.mark.parametrize("head", [layouts.INITIALIZE_POOL, layouts.INITIALIZE_POOL_V2])
def test_a_creation_is_told_whole(head: bytes) -> None:
    for step, belief in ((creation(head), "instruction"), (opened(creation(head)), "event+instruction")):
        (created,) = read(step, CONTEXT)
        assert isinstance(created, PoolCreated)
        pool, numbers = created.pool, created.pool.numbers
        assert (pool.base_mint, pool.quote_mint, pool.quote_program) == (COIN, WSOL, TOKEN)
        assert pool.base_program == (TOKEN if head == layouts.INITIALIZE_POOL else TOKEN_2022)
        assert (numbers["fee_rate"], numbers["fee_assumed"], numbers["tick"]) == (3_000, 0, 0)
        assert (pool.base_reserve, created.open_time, created.believed_by) == (0, 0, belief)
        assert pool.keys["base_vault"] == named_key("token_vault_b")
        assert verify(created) == ""


def test_an_adaptive_tier_is_found_by_its_address() -> None:
    """It stands in no argument; when trading starts does."""
    (created,) = read(creation(layouts.INITIALIZE_POOL_ADAPTIVE, tier=1_100), CONTEXT._replace(signer=ZERO_KEY))
    assert isinstance(created, PoolCreated)
    assert (created.pool.numbers["fee_tier_index"], created.pool.numbers["fee_assumed"]) == (1_100, 1)
    assert (created.open_time, created.user) == (1_900_000_000, named_key("funder"))
    assert verify(created) == ""
    (unknown,) = read(creation(layouts.INITIALIZE_POOL_ADAPTIVE, tier=7), CONTEXT)
    assert isinstance(unknown, PoolCreated)
    assert verify(unknown).startswith("whirlpool: claimed")


def test_mints_out_of_order_are_told() -> None:
    step = creation(layouts.INITIALIZE_POOL)
    turned = (step.accounts[0], COIN, WSOL, *step.accounts[3:])
    (created,) = read(Step(PROGRAM, turned, step.data), CONTEXT)
    assert isinstance(created, PoolCreated)
    assert "the smaller of both" in verify(created)


def test_a_creation_in_logs_only_is_incomplete() -> None:
    event = opened(creation(layouts.INITIALIZE_POOL)).events
    lines = (
        "Instruction: InitializePool",
        "Instruction: InitializePoolV2",
        "Instruction: InitializePoolWithAdaptiveFee",
    )
    for step in (Step(PROGRAM, events=event), *(Step(PROGRAM, logs=(line,)) for line in lines)):
        (reading,) = read(step, CONTEXT)
        assert isinstance(reading, Incomplete)
    assert read(Step(PROGRAM, logs=("Instruction: InitializePositionBundle",)), CONTEXT) == []


def test_an_event_of_another_pool_is_disbelieved() -> None:
    (refused,) = read(opened(creation(layouts.INITIALIZE_POOL_V2), USER), CONTEXT)
    assert isinstance(refused, LaunchDisbelieved)


def traded(*, a_to_b: bool, price: bytes = ONE, fee: int = 1) -> tuple[bytes, ...]:
    """Return a trade of 100 for 90, of which a transfer fee takes a part."""
    body = layouts.TRADED + named_key("whirlpool") + bytes((a_to_b,)) + ONE + price
    return (body + struct.pack("<QQQQQQ", 100, 90, 2, fee, 3, 4),)


def changed(kind: bytes, lower: int = -64) -> tuple[bytes, ...]:
    body = kind + named_key("whirlpool") + named_key("position")
    if kind == layouts.LIQUIDITY_REPOSITIONED:
        body += struct.pack("<iiii", lower, 64, -128, 128) + (500).to_bytes(16, "little") + (300).to_bytes(16, "little")
        return (body + struct.pack("<QQQQQQ?QQ?", 1, 2, 3, 4, 5, 6, True, 7, 8, False),)
    return (body + struct.pack("<ii", lower, 64) + (500).to_bytes(16, "little") + struct.pack("<QQQQ", 7, 8, 0, 0),)


def swap_v2() -> Step:
    known = {"token_mint_a": WSOL, "token_mint_b": COIN}
    accounts = tuple(known.get(name, named_key(name)) for name, _, _ in layouts.SWAP_V2_ACCOUNTS)
    return Step(PROGRAM, accounts, layouts.SWAP_V2)


@pytest.mark.parametrize("a_to_b", [True, False])
def test_a_trade_tells_its_price(a_to_b: bool) -> None:
    """In logs as the first token's; with the instruction as the coin's and by whom."""
    (swap,) = read(Step(PROGRAM, events=traded(a_to_b=a_to_b)), CONTEXT)
    assert isinstance(swap, Swapped)
    assert (swap.base_mint, swap.is_buy, swap.base_reserve) == (ZERO_KEY, not a_to_b, -1)
    assert (swap.base_amount, swap.quote_amount) == ((100, 89) if a_to_b else (89, 100))
    assert swap.numbers == {"sqrt_price": 0, "sqrt_price.high": 1}
    step = swap_v2()
    (named,) = read(Step(PROGRAM, step.accounts, step.data, events=traded(a_to_b=a_to_b)), CONTEXT)
    assert isinstance(named, Swapped)
    assert (named.base_mint, named.is_buy, named.trader) == (COIN, a_to_b, named_key("token_authority"))


@pytest.mark.parametrize("kind", [layouts.LIQUIDITY_INCREASED, layouts.LIQUIDITY_DECREASED])
def test_a_change_of_liquidity_tells_its_ticks(kind: bytes) -> None:
    (change,) = read(Step(PROGRAM, events=changed(kind)), CONTEXT)
    assert isinstance(change, LiquidityChanged)
    size = 500 if kind == layouts.LIQUIDITY_INCREASED else -500
    assert change.numbers == {"tick_lower": -64, "tick_upper": 64, "liquidity_change": size}
    assert (change.added, change.base_amount, change.quote_amount) == (size > 0, 7, 8)


def test_a_position_moved_is_one_gone_and_one_come() -> None:
    gone, come = read(Step(PROGRAM, events=changed(layouts.LIQUIDITY_REPOSITIONED)), CONTEXT)
    assert isinstance(gone, LiquidityChanged)
    assert isinstance(come, LiquidityChanged)
    assert (gone.added, gone.base_amount, gone.numbers["liquidity_change"]) == (False, 1, -500)
    assert (come.added, come.quote_amount, come.numbers["tick_lower"]) == (True, 4, -128)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step(PROGRAM, (USER,) * 10, creation(layouts.INITIALIZE_POOL).data), "11 accounts lists 10"),
        (creation(layouts.INITIALIZE_POOL_V2, arguments=bytes(18)), "starts at the price 0"),
        (Step(PROGRAM, events=traded(a_to_b=True, price=bytes(16))), "takes more than there was"),
        (Step(PROGRAM, events=traded(a_to_b=True, fee=91)), "takes more than there was"),
        (Step(PROGRAM, events=changed(layouts.LIQUIDITY_INCREASED, 64)), "from 64 to 64"),
    ],
)
def test_what_cannot_be_is_refused(step: Step, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        read(step, CONTEXT)


# ── without events ────────────────────────────────────────────────────────


def _transfer(kind: str, source: str, target: str, amount: int) -> Step:
    accounts = [named_key(source), named_key(target), USER]
    head = {"plain": b"\x03", "checked": b"\x0c", "fee": b"\x1a\x01"}[kind]
    if kind != "plain":
        accounts.insert(1, COIN)
    return Step(TOKEN, tuple(accounts), head + struct.pack("<Q", amount) + bytes(9))


def test_a_swap_of_an_older_program_is_its_transfers() -> None:
    """The price is not told then, so that following it leaves the pool as it is."""
    step = swap_v2()
    moves = (
        _transfer("checked", "token_owner_account_b", "token_vault_b", 100),
        Step(TOKEN, (USER,), b"\x09"),
        Step(PROGRAM, (USER,) * 3, b"\x03" + bytes(8)),
        _transfer("fee", "token_vault_a", "token_owner_account_a", 90),
    )
    (swap,) = read(Step(PROGRAM, step.accounts, step.data, children=moves), CONTEXT)
    assert isinstance(swap, Swapped)
    assert (swap.is_buy, swap.base_amount, swap.quote_amount, swap.numbers) == (False, 100, 90, {})
    other = (_transfer("plain", "x", "token_vault_a", 7), _transfer("plain", "token_vault_b", "y", 6))
    (bought,) = read(Step(PROGRAM, step.accounts, step.data, children=other), CONTEXT)
    assert isinstance(bought, Swapped)
    assert (bought.is_buy, bought.base_amount, bought.quote_amount) == (True, 6, 7)
    assert read(Step(PROGRAM, step.accounts, step.data, children=moves[1:3]), CONTEXT) == []
    assert read(step, CONTEXT) == []


def test_recorded_instructions_of_the_real_program_read() -> None:
    """A pool made, liquidity added, one SOL in: program of 2024, without events."""
    found = []
    for name in ("initialize_pool_v2", "increase_liquidity", "snipe", "exit"):
        told = recorded(shared_json("program_output", "orca_whirlpool", f"{name}.json"))
        found += [one for step in told.of(PROGRAM) for one in read(step, told.context)]
    made, added, bought, sold = found
    assert isinstance(made, PoolCreated)
    assert verify(made) == ""
    assert isinstance(added, LiquidityChanged)
    assert (added.base_amount, added.quote_amount) == (78_210_000_001, 741_788_384_923_968)
    assert isinstance(bought, Swapped)
    assert isinstance(sold, Swapped)
    # Both name no mint: the first token, SOL, stands for the coin.
    assert (bought.is_buy, bought.base_amount, sold.base_amount) == (False, 10**9, 994_028_606)


def test_a_recorded_trade_of_mainnet_reads() -> None:
    folder = shared_json("mainnet", "orca_whirlpool", "test-caching__test_route_v2_solana_accounts0__1.json")
    told = recorded(folder)
    (swap,) = [one for step in told.of(PROGRAM) for one in read(step, told.context)]
    assert isinstance(swap, Swapped)
    assert (swap.base_amount, swap.quote_amount) == (1_984_309_890, 171_477_013)


HEADS = [*layouts.CREATIONS, *layouts.SWAPS, *layouts.ADDITIONS, *layouts.REMOVALS]


@given(kind=st.sampled_from(sorted(layouts.EVENTS)), body=st.binary(max_size=260), head=st.sampled_from(HEADS))
def test_any_bytes_raise_its_own_error_or_nothing(kind: bytes, body: bytes, head: bytes) -> None:
    children = (Step(TOKEN, (USER,) * 4, body),)
    steps = (
        Step(PROGRAM, events=(kind + body,)),
        Step(PROGRAM, (USER,) * 16, head + body, children=children),
        Step(PROGRAM, (USER,) * 9, head + body, children=children),
    )
    for step in steps:
        try:
            read(step, CONTEXT)
        except DecodeError as problem:
            assert "\n" not in str(problem)
