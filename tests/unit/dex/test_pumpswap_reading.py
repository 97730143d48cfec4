"""What an invocation of PumpSwap is read as: pools opened and trades.

Vectors here are made by hand; test_pumpswap_golden.py holds the SDK's.
"""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LaunchDisbelieved, Pool, PoolCreated, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pumpswap
from sniperforge.dex.borsh import TAIL_MAX
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.pumpswap_instructions import CREATE_POOL
from sniperforge.dex.pumpswap_layouts import BUY_EVENT, CREATE_EVENT, SELL_EVENT
from sniperforge.dex.venue import Context, Incomplete, Step
from tests.unit.dex.pumpswap_vectors import (
    ARGUMENTS,
    AUTHORITY,
    COIN,
    CONTEXT,
    CREATOR,
    OTHER,
    SIGNER,
    USER,
    create_event,
    listed_accounts,
    make_step,
    only,
    pool_address,
    trade_event,
)

# ── pools opened ────────────────────────────────────────────────────────────


def test_a_pool_is_read_from_its_event() -> None:
    """The token program is told by whose associated account the creator paid from."""
    created = only(pumpswap.read(make_step(create_event()), CONTEXT))
    assert isinstance(created, PoolCreated)
    assert (created.creator, created.user, created.believed_by, created.index) == (CREATOR, SIGNER, "event", 0)
    assert (created.ts_ns, created.origin_ns, created.slot) == (200, 100, 9)
    assert created.pool == Pool(
        venue="pumpswap",
        address=pool_address(),
        base_mint=COIN,
        quote_mint=WSOL,
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=206_900,
        quote_reserve=85_000,
        keys={"pool_creator": AUTHORITY, "coin_creator": CREATOR},
        numbers={
            "index": 0,
            "canonical": 1,
            "base_is_0": 1,
            "mayhem": 1,
            "holder_reward": 0,
            "coin_creator_fee_bps": 42,
            "supply": 10**15,
            "decimals": 6,
        },
        slot=9,
    )
    assert pumpswap.verify(created) == ""


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022])
def test_a_pool_with_sol_on_its_base_side_is_turned_round(program: Pubkey) -> None:
    """`base_mint` always is the coin."""
    event = create_event(base=WSOL, quote=COIN, creator=USER, program=program, coin_creator=ZERO_KEY)
    data = Context("sig", 9, 100, 200, "endpoint", ZERO_KEY, True, False, False)
    created = only(pumpswap.read(make_step(event), data))
    pool = created.pool
    assert (pool.base_mint, pool.quote_mint, pool.base_program) == (COIN, WSOL, program)
    assert (pool.base_reserve, pool.quote_reserve) == (85_000, 206_900)
    assert (pool.numbers["base_is_0"], pool.numbers["canonical"], pool.numbers["decimals"]) == (0, 0, 9)
    assert (created.creator, created.user) == (USER, USER)
    assert pumpswap.verify(created) == ""


def test_a_wrong_address_is_named_with_both() -> None:
    """Index, creator and mints give the address; a claimed one is not trusted."""
    created = only(pumpswap.read(make_step(create_event(pool=OTHER)), CONTEXT))
    assert pumpswap.verify(created) == f"pool: claimed {text(OTHER)}, derived {text(pool_address())}"


def test_event_and_instruction_agree() -> None:
    """The instruction tells the token programs and whether it is a cashback coin."""
    step = make_step(create_event(), accounts=listed_accounts("create_pool"), data=CREATE_POOL + ARGUMENTS)
    created = only(pumpswap.read(step, CONTEXT))
    assert created.believed_by == "event+instruction"
    assert (created.pool.base_program, created.pool.numbers["cashback"]) == (TOKEN_2022, 1)


def test_a_pool_without_its_event_is_read_from_the_instruction() -> None:
    """Where the log was cut."""
    created = only(
        pumpswap.read(make_step(accounts=listed_accounts("create_pool"), data=CREATE_POOL + ARGUMENTS), CONTEXT)
    )
    assert (created.believed_by, created.pool.address) == ("instruction", pool_address())
    assert (created.pool.base_reserve, created.pool.quote_reserve) == (500, 700)
    assert pumpswap.verify(created) == ""


@pytest.mark.parametrize("place", [0, 3, 4])
def test_an_instruction_that_names_another_pool_is_disbelieved(place: int) -> None:
    """Pool and mints of the event must be the instruction's."""
    accounts = list(listed_accounts("create_pool"))
    accounts[place] = OTHER
    step = make_step(create_event(), accounts=tuple(accounts), data=CREATE_POOL + ARGUMENTS)
    refused = only(pumpswap.read(step, CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.venue) == ("instruction", "pumpswap")


@pytest.mark.parametrize(
    "step",
    [
        make_step(create_event()[:-3]),
        make_step(create_event() + bytes(TAIL_MAX + 1)),
        make_step(create_event(), accounts=listed_accounts("create_pool"), data=CREATE_POOL + b"\0"),
        make_step(accounts=listed_accounts("create_pool"), data=CREATE_POOL + b"\0"),
    ],
)
def test_bytes_that_do_not_fit_are_disbelieved_by_name(step: Step) -> None:
    """Of the event and of the instruction alike."""
    refused = only(pumpswap.read(step, CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert refused.reason == "layout"


@pytest.mark.parametrize(
    "step",
    [
        make_step(create_event(program=OTHER)),
        make_step(accounts=(COIN,), data=CREATE_POOL + ARGUMENTS),
        Step(pumpswap.PROGRAM, logs=("Instruction: CreatePool",)),
    ],
)
def test_what_a_source_cannot_tell_is_fetched(step: Step) -> None:
    """An unknown token program, a short account list, or nothing but a cut log."""
    assert isinstance(only(pumpswap.read(step, CONTEXT)), Incomplete)


def test_a_newer_layout_still_reads_and_says_so() -> None:
    """The bytes nobody understands are counted."""
    assert only(pumpswap.read(make_step(create_event() + bytes(5)), CONTEXT)).pool.numbers["newer_layout"] == 5


def test_two_pools_are_numbered_and_strangers_ignored() -> None:
    """Unknown events are none of ours."""
    readings = pumpswap.read(make_step(create_event(), b"unknown!" + bytes(9), create_event()), CONTEXT)
    assert [reading.index for reading in readings if isinstance(reading, PoolCreated)] == [0, 1]
    assert pumpswap.read(Step(pumpswap.PROGRAM, logs=("Instruction: Buy",)), CONTEXT) == []


# ── trades ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("is_buy", "moved", "base", "quote"), [(True, 230, 900, 2226 - 30), (False, 215, 1100, 1782 - 30)]
)
def test_a_trade_tells_the_reserves_after_it(is_buy: bool, moved: int, base: int, quote: int) -> None:
    """The lp fee stays; the virtual part counts; logs alone do not name the mint."""
    traded = only(pumpswap.read(make_step(trade_event(is_buy=is_buy)), CONTEXT))
    assert isinstance(traded, Swapped)
    assert (traded.pool, traded.base_mint, traded.trader) == (pool_address(), ZERO_KEY, USER)
    assert (traded.is_buy, traded.base_amount, traded.quote_amount) == (is_buy, 100, moved)
    assert (traded.base_reserve, traded.quote_reserve, traded.creator) == (base, quote, CREATOR)


def test_an_old_trade_still_reads() -> None:
    """312 bytes: no creator, no virtual reserves."""
    traded = only(pumpswap.read(make_step(trade_event(is_buy=True, latest=False)), CONTEXT))
    assert (traded.quote_reserve, traded.creator) == (2226, ZERO_KEY)


def test_a_trade_with_its_instruction_names_the_coin() -> None:
    """And is turned round where the coin is on the quote side."""
    straight = make_step(trade_event(is_buy=True), accounts=listed_accounts("buy"), data=b"")
    assert only(pumpswap.read(straight, CONTEXT)).base_mint == COIN
    event = trade_event(is_buy=True, pool=pool_address(WSOL, COIN))
    turned = only(pumpswap.read(make_step(event, accounts=listed_accounts("buy", base=WSOL, quote=COIN)), CONTEXT))
    assert (turned.base_mint, turned.is_buy, turned.base_amount, turned.quote_amount) == (COIN, False, 230, 100)
    assert (turned.base_reserve, turned.quote_reserve) == (2196, 900)


def test_a_trade_that_does_not_fit_its_layout_is_an_error() -> None:
    """Counted by the caller, never guessed at."""
    with pytest.raises(DecodeError):
        pumpswap.read(make_step(trade_event(is_buy=True)[:200]), CONTEXT)
    assert pumpswap.decode_event(b"whatever") is None
    decoded = pumpswap.decode_event(trade_event(is_buy=False))
    assert decoded is not None
    assert (decoded[0], decoded[1].ints["base_amount_in"]) == ("SellEvent", 100)


@given(st.sampled_from((CREATE_EVENT, BUY_EVENT, SELL_EVENT)), st.binary(max_size=600))
def test_reading_raises_its_own_error_or_nothing(kind: bytes, body: bytes) -> None:
    """Whatever follows a discriminator."""
    try:
        pumpswap.read(make_step(kind + body), CONTEXT)
    except DecodeError as problem:
        assert "\n" not in str(problem)


@given(st.binary(max_size=120), st.integers(0, 22))
def test_reading_any_instruction_raises_nothing(data: bytes, count: int) -> None:
    """A pool read from its instruction is read, refused or incomplete."""
    readings = pumpswap.read(make_step(accounts=(COIN,) * count, data=CREATE_POOL + data), CONTEXT)
    assert isinstance(only(readings), PoolCreated | LaunchDisbelieved | Incomplete)


def test_markers_are_the_discriminators_as_a_log_prints_them() -> None:
    """Whatever byte follows; and the trade's pool stands where the offset says."""
    prints = [pumpswap.VENUE.markers[0], *(marker for marker, _ in pumpswap.VENUE.trade_markers)]
    for marker, discriminator in zip(prints, (CREATE_EVENT, BUY_EVENT, SELL_EVENT), strict=True):
        for following in (b"\x00", b"\xff"):
            assert base64.b64encode(discriminator + following * 4).startswith(marker)
    for (_, offset), is_buy in zip(pumpswap.VENUE.trade_markers, (True, False), strict=True):
        assert trade_event(is_buy=is_buy)[offset : offset + 32] == pool_address()
