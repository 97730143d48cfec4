"""The machine: what it makes of bytes that are not what they should be, and how a loss is rounded."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Pool
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.chain import sellability
from sniperforge.chain.localnet import cpmm
from sniperforge.chain.localnet.account_json import Snapshot
from sniperforge.chain.localnet.genesis import bundled
from sniperforge.chain.sellability import (
    CLOCK,
    PROBLEM_CHARACTERS,
    SYSVARS,
    Machine,
    Now,
    RoundTrip,
    Trial,
    code_at,
    code_in,
    now_in,
)
from sniperforge.dex.programs import SYSTEM, TOKEN, WSOL, compute_limit, transfer_lamports
from sniperforge.dex.venue import Instruction
from sniperforge.trading.transaction import compile_message

WALLET, COIN, POOL = (Pubkey(bytes([number]) * 32) for number in (11, 12, 13))
LOADER = key("BPFLoaderUpgradeab1e11111111111111111111111")
NOW = Now(500_000_000, 1_800_000_000)


def message(*steps: Instruction) -> bytes:
    return compile_message(WALLET, steps, ZERO_KEY)


def trial(buy: bytes, sell: bytes = b"", **accounts: Snapshot) -> Trial:
    """Return a trial of a pool that has nothing but its name."""
    pool = Pool(
        venue="raydium_cpmm",
        address=POOL,
        base_mint=COIN,
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=1,
        quote_reserve=1,
    )
    rows = {CLOCK: accounts["clock"]} if accounts else {}
    return Trial(pool, 5, WALLET, frozenset(), rows, NOW, b"", buy, lambda bought, closes: sell)


def test_a_loss_is_rounded_up_and_never_below_nothing() -> None:
    assert RoundTrip(True, paid=10_000, returned=9_999).loss_bps == 1
    assert RoundTrip(True, paid=20_001, returned=20_000).loss_bps == 1
    assert RoundTrip(True, paid=3, returned=3).loss_bps == 0
    assert RoundTrip(True, paid=3, returned=4).loss_bps == 0
    assert RoundTrip(True, paid=10_000, returned=1).loss_bps == 9_999
    assert RoundTrip(False, paid=3, returned=3).loss_bps == 10_000


@given(st.integers(1, 1 << 64), st.integers(0, 1 << 64))
def test_a_loss_is_enough_and_the_next_smaller_is_not(paid: int, returned: int) -> None:
    loss = RoundTrip(True, paid=paid, returned=returned).loss_bps
    lost = max(0, paid - returned)
    assert (loss - 1) * paid < lost * 10_000 <= loss * paid


def test_a_buy_that_buys_nothing_is_no_buy() -> None:
    done = Machine().round_trip(trial(message(compute_limit(1_000))))
    assert (done.sellable, done.problem) == (False, "buy: it went through and gave nothing")


def test_a_sell_that_gives_nothing_is_no_sale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coins nobody here can make are made up: the lamports the buy spends are real."""
    monkeypatch.setattr(Machine, "_tokens", lambda self, address: 7)
    spends = message(transfer_lamports(WALLET, POOL, 2_000_000))
    done = Machine().round_trip(trial(spends, message(compute_limit(1_000))))
    assert (done.paid, done.bought, done.returned) == (2_000_000, 7, 0)
    assert (done.sellable, done.problem) == (False, "sell: it went through and gave nothing")
    assert Machine().round_trip(trial(spends, spends)).problem == "sell: it went through and gave nothing"


def test_a_message_that_is_none_is_one_line() -> None:
    with pytest.raises(DecodeError, match="the virtual machine refuses it"):
        Machine().round_trip(trial(b"\xff" * 40))


def test_the_machine_s_own_accounts_are_not_taken_from_an_endpoint() -> None:
    machine = Machine()
    lie = Snapshot(1, bytes(40), SYSTEM, False)
    for owner in (SYSTEM, SYSVARS):
        machine.round_trip(trial(message(compute_limit(1_000)), clock=lie._replace(owner=owner)))
    assert machine._svm.get_clock().unix_timestamp == NOW.unix_s + 2


def test_a_program_is_installed_once_and_known() -> None:
    machine = Machine()
    assert machine.runs(TOKEN)
    assert not machine.runs(cpmm.PROGRAM)
    machine.install(cpmm.PROGRAM, bundled("cpmm"))
    assert machine.runs(cpmm.PROGRAM)


def test_where_the_code_of_a_program_lies() -> None:
    program = Snapshot(1, struct.pack("<I", 2) + WALLET, LOADER, True)
    assert code_at(POOL, program) == WALLET
    assert code_in(program._replace(data=bytes(45) + b"code")) == b"code"
    for old in ("BPFLoader1111111111111111111111111111111111", "BPFLoader2111111111111111111111111111111111"):
        assert code_at(POOL, program._replace(owner=key(old))) is None
    for odd in (program._replace(owner=WALLET), program._replace(data=bytes(36)), program._replace(data=b"\2")):
        with pytest.raises(DecodeError, match="no loader known here"):
            code_at(POOL, odd)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_time_or_none(data: bytes) -> None:
    found = now_in(Snapshot(1, data, SYSVARS, False))
    assert found is None or (len(data) == 40 and found.slot > 0 and found.unix_s > 0)


def test_the_time_of_a_clock_account() -> None:
    clock = struct.pack("<QqQQq", 7, 1, 2, 3, 99)
    assert now_in(Snapshot(1, clock, SYSVARS, False)) == Now(7, 99)
    assert now_in(Snapshot(1, struct.pack("<QqQQq", 7, 1, 2, 3, -1), SYSVARS, False)) is None
    assert now_in(None) is None


def test_what_a_program_says_is_one_bounded_line() -> None:
    said = sellability._line("Custom 7", ["Program x invoke [1]", "Program log: Error:\n\x1b[31m" + "A" * 999])
    assert len(said) == PROBLEM_CHARACTERS
    assert said.startswith("Custom 7: Error:  [31mAAA")
    assert said.isprintable()
    assert sellability._line("X", ["Program y failed: out of it"]) == "X: Program y failed: out of it"
    assert sellability._line("X", []) == "X"
