"""What an invocation of pump.fun is read as: launches, trades, the end of a curve.

Vectors here are made by hand; test_pumpfun_golden.py holds the SDK's.
"""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, LaunchDisbelieved, Pool, PoolCreated, PoolMigrated, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pumpfun
from sniperforge.dex.borsh import TAIL_MAX, encode_text
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, ata, pda
from sniperforge.dex.pumpfun_instructions import PROGRAM
from sniperforge.dex.pumpfun_layouts import COMPLETE_EVENT, CREATE_EVENT, MIGRATION_EVENT, TRADE_EVENT
from sniperforge.dex.venue import Incomplete, Step
from tests.unit.dex.pumpfun_vectors import (
    CONTEXT,
    CREATOR,
    CURVE,
    MINT,
    OTHER,
    POOL,
    SLOT,
    USER,
    create_event,
    listed_accounts,
    make_step,
    only,
    trade_event,
)

# ── launches ────────────────────────────────────────────────────────────


def test_a_launch_is_read_from_its_event() -> None:
    """Every field a bot judges by, and the stamps of the frame."""
    created = only(pumpfun.read(make_step(create_event()), CONTEXT))
    assert isinstance(created, PoolCreated)
    assert (created.ts_ns, created.origin_ns, created.slot, created.signature) == (200, 100, SLOT, "sig")
    assert (created.name, created.symbol, created.uri) == ("Coin", "COIN", "https://x")
    assert (created.creator, created.user, created.index, created.believed_by) == (CREATOR, USER, 0, "event")
    assert created.pool == Pool(
        venue="pumpfun",
        address=CURVE,
        base_mint=MINT,
        quote_mint=WSOL,
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=10**15,
        quote_reserve=30_000_000_000,
        keys={
            "creator": CREATOR,
            "creator_vault": pda(PROGRAM, b"creator-vault", CREATOR),
            "associated_base_bonding_curve": ata(CURVE, MINT, TOKEN_2022),
        },
        numbers={
            "quote_is_sol": 1,
            "mayhem": 0,
            "cashback": 1,
            "holder_reward": 1,
            "decimals": 6,
            "real_base_reserve": 7 * 10**14,
            "real_quote_reserve": 0,
            "supply": 10**15,
            "protocol_fee_bps": 95,
            "creator_fee_bps": 30,
            "coin_creator_fee_bps": 0,
        },
        slot=SLOT,
    )
    assert pumpfun.verify(created) == ""


def test_several_launches_in_one_invocation_are_numbered() -> None:
    """Two creations are two events."""
    readings = pumpfun.read(make_step(create_event(), create_event()), CONTEXT)
    assert [reading.index for reading in readings if isinstance(reading, PoolCreated)] == [0, 1]


def test_a_wrong_curve_is_named_with_both_addresses() -> None:
    """The address is re-derived from the mint, never trusted."""
    created = only(pumpfun.read(make_step(create_event(curve=OTHER)), CONTEXT))
    assert pumpfun.verify(created) == f"bonding_curve: claimed {text(OTHER)}, derived {text(CURVE)}"


def test_a_launch_paid_in_usdc() -> None:
    """Its SOL fields are zero; the reserves are in the quote's own."""
    event = create_event(quote_mint=USDC, quote=4_292_000_000)
    pool = only(pumpfun.read(make_step(event), CONTEXT)).pool
    assert (pool.quote_mint, pool.quote_reserve, pool.numbers["quote_is_sol"]) == (USDC, 4_292_000_000, 0)


@pytest.mark.parametrize(("creator", "own", "rate"), [(CREATOR, 120, 120), (ZERO_KEY, 0, 0), (CREATOR, 0, 30)])
def test_the_creators_rate(creator: Pubkey, own: int, rate: int) -> None:
    """The coin's own rate, none without a creator, else the usual one."""
    created = only(pumpfun.read(make_step(create_event(creator=creator, own_bps=own)), CONTEXT))
    assert created.pool.numbers["creator_fee_bps"] == rate
    assert created.creator == (CREATOR if creator == CREATOR else USER)


@pytest.mark.parametrize("size", [0, 32, 72])
def test_old_events_launch_with_the_usual_reserves(size: int) -> None:
    """2024's event ended after the user; what it lacks is assumed and said so."""
    event = create_event()
    end = event.index(USER) + 32
    created = only(pumpfun.read(make_step(event[: end + size]), CONTEXT))
    assert created.pool.base_program == TOKEN
    if size < 72:
        assert created.pool.numbers["reserves_assumed"] == 1
        assert (created.pool.base_reserve, created.pool.quote_reserve) == (1_073_000_000_000_000, 30_000_000_000)
    assert created.creator == (USER if size == 0 else CREATOR)


def test_a_newer_layout_still_launches_and_says_so() -> None:
    """A bot must not go blind on the day a field is appended."""
    created = only(pumpfun.read(make_step(create_event() + bytes(9)), CONTEXT))
    assert created.pool.numbers["newer_layout"] == 9


@pytest.mark.parametrize("event", [create_event()[:-3], create_event() + bytes(TAIL_MAX + 1), CREATE_EVENT])
def test_an_event_that_does_not_fit_is_disbelieved_by_name(event: bytes) -> None:
    """Half a field, or far too many bytes, is not a launch."""
    refused = only(pumpfun.read(make_step(event), CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.venue, refused.source) == ("layout", "pumpfun", "endpoint")


def test_a_broken_name_is_still_a_launch() -> None:
    """Names are untrusted text."""
    assert only(pumpfun.read(make_step(create_event(name=b"\xff\xfe")), CONTEXT)).name == "\ufffd\ufffd"


@pytest.mark.parametrize("count", [16, 19, 20])
def test_event_and_instruction_agree(count: int) -> None:
    """All three account lists of create_v2; the longer ones name the quote's program."""
    accounts = listed_accounts("create_v2+quote", quote_token_program=TOKEN_2022)[:count]
    data = encode_text("n") + encode_text("s") + encode_text("u") + CREATOR
    created = only(pumpfun.read(make_step(create_event(), name="create_v2", accounts=accounts, data=data), CONTEXT))
    assert created.believed_by == "event+instruction"
    assert created.pool.quote_program == (TOKEN if count == 16 else TOKEN_2022)


@pytest.mark.parametrize("place", [0, 2])
def test_an_instruction_that_names_another_coin_is_disbelieved(place: int) -> None:
    """Mint and curve of the event must be the instruction's."""
    accounts = list(listed_accounts("create_v2"))
    accounts[place] = OTHER
    refused = only(pumpfun.read(make_step(create_event(), name="create_v2", accounts=tuple(accounts)), CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert refused.reason == "instruction"


ARGUMENTS = encode_text("Coin") + encode_text("COIN") + encode_text("https://x") + CREATOR


@pytest.mark.parametrize(
    ("name", "data", "mayhem"),
    [("create", ARGUMENTS, 0), ("create_v2", ARGUMENTS, 0), ("create_v2", ARGUMENTS + b"\x01\0" + bytes(9), 1)],
)
def test_a_launch_without_its_event_is_read_from_the_instruction(name: str, data: bytes, mayhem: int) -> None:
    """Where the log was cut; trailing arguments may be missing."""
    created = only(pumpfun.read(make_step(name=name, accounts=listed_accounts(name), data=data), CONTEXT))
    assert (created.believed_by, created.user, created.creator) == ("instruction", USER, CREATOR)
    assert (created.pool.address, created.pool.base_mint) == (CURVE, MINT)
    assert created.pool.base_program == (TOKEN_2022 if name == "create_v2" else TOKEN)
    assert (created.pool.numbers["mayhem"], created.pool.numbers["reserves_assumed"]) == (mayhem, 1)
    assert pumpfun.verify(created) == ""


@pytest.mark.parametrize(("quote", "reserve"), [(WSOL, 30_000_000_000), (USDC, 4_292_000_000)])
def test_the_quote_of_a_launch_read_from_its_instruction(quote: Pubkey, reserve: int) -> None:
    """Global's first reserves are known for SOL and USDC."""
    step = make_step(name="create_v2", accounts=listed_accounts("create_v2+quote", quote_mint=quote), data=ARGUMENTS)
    pool = only(pumpfun.read(step, CONTEXT)).pool
    assert (pool.quote_mint, pool.quote_reserve) == (quote, reserve)


def test_what_an_instruction_cannot_tell_is_fetched() -> None:
    """An unknown quote's first reserves, a short account list, or nothing but a cut log."""
    strange = make_step(name="create_v2", accounts=listed_accounts("create_v2+quote", quote_mint=OTHER), data=ARGUMENTS)
    short = make_step(name="create", accounts=(MINT,), data=ARGUMENTS)
    cut = Step(pumpfun.PROGRAM, logs=("Instruction: CreateV2",))
    for step in (strange, short, cut):
        assert isinstance(only(pumpfun.read(step, CONTEXT)), Incomplete)


def test_an_instruction_that_does_not_decode_is_disbelieved() -> None:
    """Its arguments are bytes from outside, too."""
    refused = only(pumpfun.read(make_step(name="create", accounts=listed_accounts("create"), data=b"\x01"), CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)


def test_a_token_account_being_created_is_no_launch() -> None:
    """Other programs print "Create", and pump.fun prints much else."""
    assert pumpfun.read(Step(pumpfun.PROGRAM, logs=("Instruction: CreateIdempotent", "Create")), CONTEXT) == []
    assert pumpfun.read(make_step(b"unknown!" + bytes(20)), CONTEXT) == []


# ── trades and the curve's end ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("is_buy", "cashback", "moved"), [(True, 0, 1013), (False, 0, 987), (True, 4, 1017)])
def test_a_trade_tells_what_the_trader_moved_and_what_is_left(is_buy: bool, cashback: int, moved: int) -> None:
    """Fees on top for a buyer, off for a seller; cashback is paid like a fee."""
    traded = only(pumpfun.read(make_step(trade_event(is_buy=is_buy, cashback=cashback)), CONTEXT))
    assert isinstance(traded, Swapped)
    assert (traded.pool, traded.base_mint, traded.trader, traded.is_buy) == (CURVE, MINT, USER, is_buy)
    assert (traded.base_amount, traded.quote_amount) == (500, moved)
    assert (traded.base_reserve, traded.quote_reserve, traded.creator) == (900_000, 31_000, CREATOR)


def test_a_trade_in_usdc_uses_the_quote_fields() -> None:
    """The SOL fields of such a coin are zero."""
    traded = only(pumpfun.read(make_step(trade_event(is_buy=True, quote_mint=USDC)), CONTEXT))
    assert (traded.quote_amount, traded.quote_reserve) == (2013, 41_000)


@pytest.mark.parametrize(
    ("size", "moved", "creator"), [(113, 1000, ZERO_KEY), (129, 1000, ZERO_KEY), (225, 1013, CREATOR)]
)
def test_old_trades_still_read(size: int, moved: int, creator: Pubkey) -> None:
    """Without real reserves, of 2025-04 and of 2025-05; the older told no fees."""
    traded = only(pumpfun.read(make_step(trade_event(is_buy=True)[:size]), CONTEXT))
    assert (traded.quote_amount, traded.base_reserve, traded.creator) == (moved, 900_000, creator)


def test_a_trade_whose_event_is_missing_is_not_invented() -> None:
    """What an instruction asked for is not what happened."""
    step = make_step(
        name="buy_v2", accounts=listed_accounts("buy_v2", fee_recipient=OTHER, buyback_fee_recipient=OTHER)
    )
    assert pumpfun.read(step, CONTEXT) == []


def test_a_trade_that_does_not_fit_its_layout_is_an_error() -> None:
    """Counted by the caller, never guessed at."""
    with pytest.raises(DecodeError):
        pumpfun.read(make_step(trade_event(is_buy=True)[:130]), CONTEXT)


def test_completion_and_migration() -> None:
    """The curve is told sold out, and where the coin went."""
    complete = COMPLETE_EVENT + USER + MINT + CURVE + struct.pack("<q", 1)
    migration = MIGRATION_EVENT + USER + MINT + struct.pack("<3Q", 1, 2, 3) + CURVE + struct.pack("<q", 1) + POOL
    completed, migrated = pumpfun.read(make_step(complete, migration), CONTEXT)
    assert isinstance(completed, CurveCompleted)
    assert (completed.pool, completed.base_mint, completed.index) == (CURVE, MINT, 0)
    assert isinstance(migrated, PoolMigrated)
    assert (migrated.pool, migrated.new_venue, migrated.new_pool, migrated.index) == (CURVE, "pumpswap", POOL, 1)


@given(st.sampled_from((CREATE_EVENT, TRADE_EVENT, COMPLETE_EVENT, MIGRATION_EVENT)), st.binary(max_size=500))
def test_reading_raises_its_own_error_or_nothing(kind: bytes, body: bytes) -> None:
    """Whatever follows a discriminator."""
    try:
        pumpfun.read(make_step(kind + body), CONTEXT)
    except DecodeError as problem:
        assert "\n" not in str(problem)


@given(st.sampled_from(("create", "create_v2")), st.binary(max_size=300), st.integers(0, 24))
def test_reading_any_instruction_raises_nothing(name: str, data: bytes, count: int) -> None:
    """A launch read from its instruction is read, refused or incomplete."""
    readings = pumpfun.read(make_step(name=name, accounts=(MINT,) * count, data=data), CONTEXT)
    assert isinstance(only(readings), PoolCreated | LaunchDisbelieved | Incomplete)
