"""What Meteora DLMM did is told by its own events and the instruction beside them, or not at all."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, LaunchDisbelieved, LiquidityChanged, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import meteora_dlmm_layouts as layout
from sniperforge.dex import meteora_dlmm_reading as reading
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.meteora_dlmm_vectors import (
    COIN,
    PAIR,
    PRESET,
    RESERVES,
    USER,
    creation,
    custom,
    folded,
    liquidity_event,
    swap2_event,
    swap_accounts,
    swap_event,
)
from tests.unit.dex.raydium_recordings import CONTEXT, SHARED, block, recorded, shared_json

PERMISSION_ARGUMENTS = struct.pack("<iHHBBH", -926, 100, 10_000, 0, 1, 500)
FORMS = {
    layout.INITIALIZE_LB_PAIR: struct.pack("<iH", -926, 100),
    layout.INITIALIZE_LB_PAIR2: struct.pack("<i", -926) + bytes(96),
    layout.INITIALIZE_CUSTOMIZABLE: custom(),
    layout.INITIALIZE_CUSTOMIZABLE2: custom(),
    layout.INITIALIZE_PERMISSION: PERMISSION_ARGUMENTS,
}
forms = pytest.mark.parametrize("form", list(FORMS), ids=lambda form: form.hex())


def _created(step: Step) -> PoolCreated:
    (one,) = reading.read(step, CONTEXT)
    assert isinstance(one, PoolCreated)
    return one


# ── creations ─────────────────────────────────────────────────────────────


@forms
def test_every_creation_is_read_and_verified(form: bytes) -> None:
    """All five instructions; the pair is born empty, at a bin."""
    created = _created(creation(form, FORMS[form]))
    pool = created.pool
    assert reading.verify(created) == ""
    assert (pool.base_mint, pool.quote_mint, pool.base_reserve, pool.quote_reserve) == (COIN, WSOL, 0, 0)
    assert (pool.numbers["active_id"], pool.numbers["bin_step"], pool.numbers["base_is_0"]) == (-926, 100, 1)
    assert (created.creator, created.user, created.believed_by) == (USER, CONTEXT.signer, "event+instruction")
    assert (pool.base_program, pool.quote_program) == (TOKEN, TOKEN)


@forms
def test_without_its_event_a_creation_is_still_told(form: bytes) -> None:
    """A source without inner instructions; the bin step is then known where the arguments have it."""
    step = creation(form, FORMS[form])
    step.events = ()
    created = _created(step)
    assert created.believed_by == "instruction"
    assert ("bin_step" in created.pool.numbers) == (form != layout.INITIALIZE_LB_PAIR2)
    assert reading.verify(created) == ""


def test_a_pair_opens_when_its_creator_said() -> None:
    """By time; an activation by slot tells no second. Without a signer the funder is the user."""
    step = creation(layout.INITIALIZE_CUSTOMIZABLE2, custom(activation=1_800_000_000), token_x_program=TOKEN_2022)
    (created,) = reading.read(step, CONTEXT._replace(signer=ZERO_KEY))
    assert isinstance(created, PoolCreated)
    assert (created.open_time, created.user, created.pool.base_program) == (1_800_000_000, USER, TOKEN_2022)
    by_slot = bytearray(custom(activation=1_800_000_000))
    by_slot[8] = 0
    assert _created(creation(layout.INITIALIZE_CUSTOMIZABLE2, bytes(by_slot))).open_time == 0


def test_the_coin_may_be_token_y() -> None:
    """Then everything of the pool is turned round."""
    step = creation(layout.INITIALIZE_CUSTOMIZABLE, custom())
    names = list(layout.CREATIONS[layout.INITIALIZE_CUSTOMIZABLE].names)
    accounts = list(step.accounts)
    x, y = names.index("token_mint_x"), names.index("token_mint_y")
    accounts[x], accounts[y] = accounts[y], accounts[x]
    event = layout.LB_PAIR_CREATE + accounts[0] + struct.pack("<H", 100) + WSOL + COIN
    created = _created(Step(layout.PROGRAM, tuple(accounts), step.data, (event,)))
    assert (created.pool.base_mint, created.pool.numbers["base_is_0"]) == (COIN, 0)
    assert reading.verify(created) == ""


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"events": (layout.LB_PAIR_CREATE + bytes(98),)}, "instruction"),
        ({"events": (layout.LB_PAIR_CREATE + bytes(97),)}, "layout"),
        ({"data": layout.INITIALIZE_CUSTOMIZABLE + b"\0" * 5}, "layout"),
        ({"data": layout.INITIALIZE_CUSTOMIZABLE + custom(443_637)}, "layout"),
    ],
)
def test_a_creation_that_contradicts_itself_is_disbelieved(changed: dict[str, Any], reason: str) -> None:
    """The event of another pair, bytes that end too early, a bin nobody can have."""
    step = creation(layout.INITIALIZE_CUSTOMIZABLE, custom())
    for name, value in changed.items():
        setattr(step, name, value)
    (one,) = reading.read(step, CONTEXT)
    assert isinstance(one, LaunchDisbelieved)
    assert (one.reason, one.venue, one.slot) == (reason, "meteora_dlmm", 77)


def test_half_of_a_creation_is_incomplete() -> None:
    """An unknown instruction, a cut list, or logs alone."""
    whole = creation(layout.INITIALIZE_CUSTOMIZABLE, custom())
    cut = Step(layout.PROGRAM, whole.accounts[:5], whole.data, whole.events)
    unknown = Step(layout.PROGRAM, whole.accounts, b"12345678", whole.events)
    logs = Step(layout.PROGRAM, logs=("Instruction: InitializeLbPair2", "Instruction: Swap"))
    for step in (cut, unknown, logs):
        (one,) = reading.read(step, CONTEXT)
        assert isinstance(one, Incomplete)


def test_claimed_addresses_are_derived_again() -> None:
    """Pair and oracle; reserves are not, see the module."""
    created = _created(creation(layout.INITIALIZE_CUSTOMIZABLE, custom()))
    pool = created.pool
    moved = msgspec.structs.replace(created, pool=msgspec.structs.replace(pool, address=COIN))
    assert "lb_pair: claimed GePSa3" in reading.verify(moved)
    keys = {**pool.keys, "oracle": COIN}
    assert "oracle: claimed" in reading.verify(
        msgspec.structs.replace(created, pool=msgspec.structs.replace(pool, keys=keys))
    )
    keys = {**pool.keys, "reserve_x": COIN}
    assert not reading.verify(msgspec.structs.replace(created, pool=msgspec.structs.replace(pool, keys=keys)))


def test_pairs_of_the_old_rules_verify() -> None:
    """Before presets were in the address, bin step and base factor were; at first the step alone."""
    for after, numbers in ((struct.pack("<HH", 100, 8_000), {"base_factor": 8_000}), (struct.pack("<H", 100), {})):
        created = _created(creation(layout.INITIALIZE_LB_PAIR, FORMS[layout.INITIALIZE_LB_PAIR]))
        address = layout.pair_address(COIN, WSOL, after=after)
        pool = msgspec.structs.replace(
            created.pool,
            address=address,
            keys={"preset_parameter": PRESET, "oracle": layout.oracle_address(address)},
            numbers={**created.pool.numbers, **numbers},
        )
        assert reading.verify(msgspec.structs.replace(created, pool=pool)) == ""


# ── trades and liquidity ──────────────────────────────────────────────────


@pytest.mark.parametrize("x_to_y", [True, False])
def test_a_trade_tells_where_it_ended(x_to_y: bool) -> None:
    """In old and new form at once it is one trade; its time is the block's where known."""
    events = (
        swap_event(x_to_y=x_to_y, paid=70, got=50, end=-3),
        swap2_event(x_to_y=x_to_y, paid=70, got=50, end=-3),
    )
    for carried in (events, events[1:]):
        step = Step(layout.PROGRAM, swap_accounts(), layout.SWAP2 + bytes(16), carried)
        (trade,) = reading.read(step, CONTEXT._replace(block_time=9))
        assert isinstance(trade, Swapped)
        assert (trade.pool, trade.base_mint, trade.trader, trade.is_buy) == (PAIR, COIN, USER, not x_to_y)
        assert (trade.base_amount, trade.quote_amount) == ((70, 50) if x_to_y else (50, 70))
        assert (trade.base_reserve, trade.quote_reserve) == (-1, -1)
        assert trade.numbers == {"active_id": -3, "now": 9}


def test_a_trade_of_unknown_mints_stands_in_the_pair_s_own_order() -> None:
    """Where the instruction is another program's or another pair's; `apply` turns it."""
    event = swap_event(x_to_y=True, paid=70, got=50)
    for step in (
        Step(layout.PROGRAM, (), b"", (event,)),
        Step(layout.PROGRAM, (COIN, *swap_accounts()[1:]), layout.SWAP, (event,)),
    ):
        (trade,) = reading.read(step, CONTEXT)
        assert isinstance(trade, Swapped)
        assert (trade.base_mint, trade.is_buy, trade.base_amount) == (ZERO_KEY, False, 70)
        assert trade.numbers["now"] == 1_700_000_000


def test_where_wsol_is_token_x_the_sides_turn() -> None:
    """The coin is y: paying x buys it."""
    step = Step(layout.PROGRAM, swap_accounts(x=WSOL, y=COIN), layout.SWAP, (swap_event(x_to_y=True, paid=70, got=50),))
    (trade,) = reading.read(step, CONTEXT)
    assert isinstance(trade, Swapped)
    assert (trade.is_buy, trade.base_mint, trade.base_amount, trade.quote_amount) == (True, COIN, 50, 70)


def _moved(source: Pubkey, target: Pubkey, data: bytes, *, mint: bool = True, program: Pubkey = TOKEN) -> Step:
    return Step(program, (source, COIN, target) if mint else (source, target), data)


def test_without_events_the_transfers_tell_a_trade() -> None:
    """Checked, plain or with a fee; what they do not tell is not told."""
    accounts = swap_accounts()
    paid = _moved(accounts[4], RESERVES[1], b"\x0c" + struct.pack("<QB", 70, 9))
    got = _moved(RESERVES[0], accounts[5], b"\x03" + struct.pack("<Q", 50), mint=False)
    with_fee = _moved(RESERVES[0], accounts[5], b"\x1a\x01" + struct.pack("<QBQ", 50, 6, 1), program=TOKEN_2022)
    noise = (
        Step(WSOL, accounts[:3], b"\x0c" + bytes(9)),
        _moved(accounts[4], COIN, b"\x0c" + bytes(9)),
        Step(TOKEN, (), b""),
        Step(TOKEN, accounts, b"\x09"),
        Step(TOKEN, (COIN,), b"\x0c" + bytes(9)),
    )
    for taken in (got, with_fee):
        (trade,) = reading.read(Step(layout.PROGRAM, accounts, layout.SWAP, children=(*noise, paid, taken)), CONTEXT)
        assert isinstance(trade, Swapped)
        assert (trade.is_buy, trade.base_amount, trade.quote_amount, trade.numbers) == (True, 50, 70, {})
        assert trade.trader == USER
    assert reading.read(Step(layout.PROGRAM, accounts, layout.SWAP, children=(paid,)), CONTEXT) == []
    assert reading.read(Step(layout.PROGRAM, accounts[:9], layout.SWAP, children=(paid, got)), CONTEXT) == []


@pytest.mark.parametrize("added", [True, False])
def test_liquidity_is_told_in_the_pair_s_own_order(added: bool) -> None:
    """Both tokens, and the active bin."""
    step = Step(layout.PROGRAM, (), b"", (liquidity_event(added=added, x=8, y=9), b"another!"))
    (change,) = reading.read(step, CONTEXT)
    assert isinstance(change, LiquidityChanged)
    assert (change.added, change.base_amount, change.quote_amount, change.base_mint) == (added, 8, 9, ZERO_KEY)
    assert change.numbers == {"active_id": 3, "now": 1_700_000_000}


@settings(max_examples=150)
@given(
    head=st.sampled_from([*layout.EVENTS, *layout.CREATIONS, *layout.SWAPS, b""]),
    data=st.binary(max_size=200),
    event=st.binary(max_size=160),
    count=st.integers(0, 20),
)
def test_any_bytes_read_as_something_or_as_an_error_of_ours(head: bytes, data: bytes, event: bytes, count: int) -> None:
    """Every discriminator, followed by anything."""
    step = Step(layout.PROGRAM, swap_accounts()[:count], head + data, (head + event,))
    try:
        readings = reading.read(step, CONTEXT)
    except DecodeError:
        return
    assert all(isinstance(one, Event | Incomplete) for one in readings)
    assert all(isinstance(reading.verify(one), str) for one in readings if isinstance(one, PoolCreated))


# ── recordings ────────────────────────────────────────────────────────────


def _recorded_steps() -> Iterator[tuple[Step, Any]]:
    folder = SHARED / "mainnet" / "meteora_dlmm"
    if not folder.is_dir():
        pytest.skip("../shared/mainnet is absent")
    raws = [json.loads(path.read_text()) for path in sorted(folder.iterdir())]
    for slot in (254170887, 332254908):
        raws += [one for one in block(slot) if one["meta"].get("err") is None]
    for raw in raws:
        found = recorded(raw)
        yield from ((folded(step), found.context) for step in found.of(layout.PROGRAM) if step.data[:8] in layout.SWAPS)


def test_recorded_trades_move_what_their_transfers_moved() -> None:
    """Every swap of mainnet: event and token transfers tell the same, where transfers are readable."""
    told = 0
    for step, context in _recorded_steps():
        (trade,) = reading.read(step, context)
        assert isinstance(trade, Swapped)
        step.events = ()
        by_transfers = reading.read(step, context)
        if by_transfers:
            (other,) = by_transfers
            assert isinstance(other, Swapped)
            assert (other.is_buy, other.base_amount, other.quote_amount, other.base_mint) == (
                trade.is_buy,
                trade.base_amount,
                trade.quote_amount,
                trade.base_mint,
            )
            told += 1
    assert told == 20


@pytest.mark.parametrize("name", ["initialize_customizable_permissionless_lb_pair", "initialize_lb_pair2"])
def test_recorded_creations_verify(name: str) -> None:
    """One of them keeps its tokens in accounts no rule derives."""
    raw = shared_json("mainnet", "instructions", f"meteora_dlmm__{name}_ix.json")
    accounts = tuple(key(one["pubkey"]) for one in raw["accounts"])
    assert reading.verify(_created(Step(layout.PROGRAM, accounts, bytes.fromhex(raw["data"])))) == ""


def test_a_recorded_permissioned_creation_verifies() -> None:
    """Its base key stands first, its bin step in the address."""
    raw = shared_json("mainnet", "instructions", "meteora_dlmm__initialize_permission_lb_pair_ix.json")
    accounts = tuple(key(one["pubkey"]) for one in raw["accounts"])
    created = _created(Step(layout.PROGRAM, accounts, bytes.fromhex(raw["data"])))
    assert reading.verify(created) == ""
    assert (created.pool.numbers["bin_step"], created.creator) == (1, accounts[8])


def test_the_program_s_own_creation_is_believed() -> None:
    """The binary of 2026-05: bin -926 of one percent each."""
    found = recorded(shared_json("program_output", "meteora_dlmm", "initialize.json"))
    step = next(iter(found.of(layout.PROGRAM)))
    created = _created(folded(step))
    assert reading.verify(created) == ""
    assert created.believed_by == "event+instruction"
    assert (created.pool.numbers["active_id"], created.pool.numbers["base_factor"]) == (-926, 10_000)
