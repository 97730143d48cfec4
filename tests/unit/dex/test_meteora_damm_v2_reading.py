"""DAMM v2 is read from its instructions and the events it sends to itself.

All three creations with and without their event, trades and liquidity in both
orders of the tokens, and whatever bytes.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, LaunchDisbelieved, LiquidityChanged, PoolCreated, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import meteora_damm_v2_layouts as layout
from sniperforge.dex import meteora_damm_v2_reading as reading
from sniperforge.dex.meteora_liquidity import ROOT_MAX, ROOT_MIN, ROOT_ONE, joined
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.meteora_vectors import COIN, CONFIG, CREATOR, DEPTH, LARGER, SMALLER, USER, base_fee
from tests.unit.dex.raydium_recordings import CONTEXT

CREATIONS = (layout.INITIALIZE_POOL, layout.INITIALIZE_WITH_DYNAMIC_CONFIG, layout.INITIALIZE_CUSTOMIZABLE)
DYNAMIC = b"\x01" + struct.pack("<H16sHHHII", 1, bytes(16), 10, 120, 5_000, 14_460_000, 956)


def _wide(value: int) -> bytes:
    return value.to_bytes(16, "little")


def _pool(head: bytes) -> Pubkey:
    if head == layout.INITIALIZE_CUSTOMIZABLE:
        return pda(layout.PROGRAM, b"cpool", LARGER, SMALLER)
    return pda(layout.PROGRAM, b"pool", CONFIG, LARGER, SMALLER)


def fees(dynamic: bytes = b"\x00", **changes: int) -> bytes:
    return base_fee(**changes) + struct.pack("<HB", 0, 0) + dynamic


def arguments(*, collect: int = 1, kind: int = 1, point: int | None = None, root: int = ROOT_ONE) -> bytes:
    option = b"\x00" if point is None else b"\x01" + struct.pack("<Q", point)
    limits = _wide(ROOT_MIN) + _wide(ROOT_MAX) + b"\x00" + _wide(DEPTH) + _wide(root)
    return fees() + limits + bytes([kind, collect]) + option


def told(head: bytes, mints: tuple[Pubkey, Pubkey], *, kind: int = 1, collect: int = 1, fee: bytes = b"") -> bytes:
    keys = _pool(head) + mints[0] + mints[1] + CREATOR + USER + ZERO_KEY
    tail = _wide(DEPTH) + _wide(ROOT_ONE) + struct.pack("<QBBQQQQB", 5_000, 0, 1, 10**12, 10**11, 1, 2, 0)
    return (
        layout.INITIALIZE_EVENT
        + keys
        + (fee or fees(DYNAMIC))
        + _wide(ROOT_MIN)
        + _wide(ROOT_MAX)
        + bytes([kind, collect])
        + tail
    )


def launch(head: bytes, *, mints: tuple[Pubkey, Pubkey] = (COIN, WSOL), data: bytes = b"", event: bytes = b"") -> Step:
    pool = _pool(head)
    front = [CREATOR, Pubkey(b"\x31" * 32), Pubkey(b"\x32" * 32), USER]
    front += [USER] if head == layout.INITIALIZE_WITH_DYNAMIC_CONFIG else []
    front += [] if head == layout.INITIALIZE_CUSTOMIZABLE else [CONFIG]
    vaults = [pda(layout.PROGRAM, b"token_vault", mint, pool) for mint in mints]
    accounts = (*front, layout.AUTHORITY, pool, Pubkey(b"\x33" * 32), *mints, *vaults, USER, USER, TOKEN_2022, TOKEN)
    return Step(layout.PROGRAM, accounts, head + (data or arguments()), (event,) if event else ())


def created(step: Step) -> PoolCreated:
    (one,) = reading.read(step, CONTEXT)
    assert isinstance(one, PoolCreated)
    return one


# ── creations ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("head", CREATIONS)
@pytest.mark.parametrize("mints", [(COIN, WSOL), (WSOL, COIN)])
def test_a_launch_is_read_with_its_event_as_witness(head: bytes, mints: tuple[Pubkey, Pubkey]) -> None:
    """The coin is the base, whichever token it is."""
    one = created(launch(head, mints=mints, event=told(head, mints)))
    pool, first = one.pool, mints[0] == COIN
    assert (pool.base_mint, pool.quote_mint, pool.numbers["base_is_0"]) == (COIN, WSOL, int(first))
    assert (pool.base_reserve, pool.quote_reserve) == ((10**12, 10**11) if first else (10**11, 10**12))
    assert (pool.base_program, pool.quote_program) == ((TOKEN_2022, TOKEN) if first else (TOKEN, TOKEN_2022))
    assert (one.creator, one.user, one.open_time, one.believed_by) == (CREATOR, USER, 5_000, "event+instruction")
    assert (pool.numbers["variable_fee_control"], pool.numbers["fee_cliff"]) == (956, 10_000_000)
    assert joined(pool.numbers, "liquidity") == DEPTH
    assert reading.verify(one) == ""


def test_a_launch_that_draws_its_own_fees_needs_no_event() -> None:
    """Reserves and activation are worked out as the program does."""
    one = created(launch(layout.INITIALIZE_CUSTOMIZABLE))
    now = CONTEXT.recv_ns // 10**9
    assert (one.believed_by, one.open_time, one.pool.numbers["activation_point"]) == ("instruction", now, now)
    assert (one.pool.base_reserve, one.pool.quote_reserve) == (999_999_999_768, 999_999_999_768)
    assert created(launch(layout.INITIALIZE_CUSTOMIZABLE, data=arguments(point=7_000))).open_time == 7_000


def test_a_compounding_launch_holds_both_sides_at_its_price() -> None:
    one = created(launch(layout.INITIALIZE_CUSTOMIZABLE, data=arguments(collect=2, root=2 * ROOT_ONE)))
    assert (one.pool.base_reserve, one.pool.quote_reserve) == (10**12 // 2, 2 * 10**12)
    assert joined(one.pool.numbers, "sqrt_price") == 2 * ROOT_ONE


def test_a_launch_by_slots_opens_when_they_have_passed() -> None:
    """400 ms each; one that is open already opens at once."""
    now = CONTEXT.recv_ns // 10**9
    data = arguments(kind=0, point=CONTEXT.slot + 100)
    assert created(launch(layout.INITIALIZE_CUSTOMIZABLE, data=data)).open_time == now + 40
    assert created(launch(layout.INITIALIZE_CUSTOMIZABLE, data=arguments(kind=0))).open_time == 0


def test_what_a_source_does_not_carry_is_asked_for() -> None:
    """A config's fees without the event; the creation where there are only logs."""
    for step in (
        launch(layout.INITIALIZE_POOL),
        Step(layout.PROGRAM, logs=("Instruction: InitializeCustomizablePool",)),
    ):
        (one,) = reading.read(step, CONTEXT)
        assert isinstance(one, Incomplete)


def test_an_event_of_another_pool_than_the_instruction_is_disbelieved() -> None:
    head = layout.INITIALIZE_POOL
    (one,) = reading.read(launch(head, event=told(head, (USER, WSOL))), CONTEXT)
    assert isinstance(one, LaunchDisbelieved)
    assert "token_a_mint" in one.values["event"]


def test_a_pool_under_a_foreign_address_is_told() -> None:
    """The config decides the address."""
    one = created(launch(layout.INITIALIZE_POOL, event=told(layout.INITIALIZE_POOL, (COIN, WSOL))))
    one.pool.keys["config"] = USER
    assert reading.verify(one).startswith("pool: claimed")


@pytest.mark.parametrize(
    "step",
    [
        Step(layout.PROGRAM, (USER,) * 5, layout.INITIALIZE_POOL),
        launch(layout.INITIALIZE_CUSTOMIZABLE, data=arguments()[:-1]),
        launch(layout.INITIALIZE_CUSTOMIZABLE, data=arguments(root=1)),
        launch(layout.INITIALIZE_CUSTOMIZABLE, data=arguments(collect=3)),
        launch(layout.INITIALIZE_POOL, event=told(layout.INITIALIZE_POOL, (COIN, WSOL), fee=fees(mode=5))),
    ],
    ids=["few accounts", "cut", "out of range", "unknown kind", "unknown fee"],
)
def test_a_creation_nobody_could_make_is_an_error(step: Step) -> None:
    with pytest.raises(DecodeError):
        reading.read(step, CONTEXT)


# ── trades and liquidity ──────────────────────────────────────────────────


def swap_event(direction: int) -> bytes:
    result = struct.pack("<4Q16s4Q", 100, 99, 0, 90, _wide(2 * ROOT_ONE), 4, 1, 0, 0)
    tail = struct.pack("<6Q", 101, 91, 90, 5_000, 1_000, 2_000)
    return layout.SWAP2_EVENT + USER + bytes([direction, 1, 0]) + struct.pack("<QQB", 100, 1, 0) + result + tail


def liquidity_event(kind: int) -> bytes:
    amounts = struct.pack("<6Q16sQQB", 10, 20, 11, 21, 1_000, 2_000, _wide(77), 0, 0, kind)
    return layout.LIQUIDITY_EVENT + USER + CREATOR + CREATOR + amounts


def _step(head: bytes, event: bytes, mints: tuple[Pubkey, Pubkey] | None = (COIN, WSOL)) -> Step:
    place = 7 if head in (layout.REMOVE_LIQUIDITY, layout.REMOVE_ALL_LIQUIDITY) else 6
    accounts = (USER,) * place + (*mints, CREATOR) if mints else ()
    return Step(layout.PROGRAM, accounts, head if mints else b"", (event,))


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("mints", [(COIN, WSOL), (WSOL, COIN)])
def test_a_trade_is_read(direction: int, mints: tuple[Pubkey, Pubkey]) -> None:
    """What was paid and what arrived, transfer fees counted; reserves, price and time after it."""
    (one,) = reading.read(_step(layout.SWAP, swap_event(direction), mints), CONTEXT)
    assert isinstance(one, Swapped)
    first = mints[0] == COIN
    assert (one.base_mint, one.is_buy, one.trader) == (COIN, (direction == 1) is first, CREATOR)
    assert (one.base_amount, one.quote_amount) == ((90, 101) if one.is_buy else (101, 90))
    assert (one.base_reserve, one.quote_reserve) == ((1_000, 2_000) if first else (2_000, 1_000))
    assert (joined(one.numbers, "sqrt_price"), one.numbers["seconds"]) == (2 * ROOT_ONE, 5_000)


@pytest.mark.parametrize("head", [layout.ADD_LIQUIDITY, layout.REMOVE_LIQUIDITY, layout.REMOVE_ALL_LIQUIDITY])
def test_liquidity_is_read(head: bytes) -> None:
    kind = int(head != layout.ADD_LIQUIDITY)
    (one,) = reading.read(_step(head, liquidity_event(kind), (WSOL, COIN)), CONTEXT)
    assert isinstance(one, LiquidityChanged)
    assert (one.added, one.base_mint, one.base_amount, one.quote_amount) == (kind == 0, COIN, 20, 10)
    assert (one.base_reserve, one.quote_reserve, joined(one.numbers, "liquidity_delta")) == (2_000, 1_000, 77)


@pytest.mark.parametrize("event", [swap_event(1), liquidity_event(0)])
def test_an_event_without_its_instruction_names_no_mint(event: bytes) -> None:
    """ "Base" is then token A, which `apply` turns round."""
    (one,) = reading.read(_step(b"", event, None), CONTEXT)
    assert isinstance(one, Swapped | LiquidityChanged)
    assert (one.base_mint, one.base_reserve) == (ZERO_KEY, 1_000)


@pytest.mark.parametrize("event", [swap_event(2), liquidity_event(2), swap_event(1)[:-1]])
def test_an_event_of_other_bytes_is_an_error(event: bytes) -> None:
    with pytest.raises(DecodeError):
        reading.read(_step(layout.SWAP, event), CONTEXT)


@given(data=st.data())
def test_any_bytes_are_read_or_raise_decode_error(data: st.DataObject) -> None:
    """Truncated, lengthened and changed anywhere."""
    heads = st.sampled_from([*CREATIONS, layout.SWAP, layout.ADD_LIQUIDITY, layout.REMOVE_LIQUIDITY])
    payloads = [swap_event(1), liquidity_event(0), told(CREATIONS[0], (COIN, WSOL)), arguments()]
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
