"""Our instructions of Raydium CPMM are the recorded ones, account by account and byte by byte."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from sniperforge.base.keys import key, text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import base58, cpmm
from sniperforge.chain.localnet.market_client import address
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.venue import Instruction
from tests.unit.chain.localnet.stand import Stand, base_of

RECORDS = Path(__file__).resolve().parents[5] / "shared" / "program_output"
FOLDERS = (("raydium_cpmm", TOKEN), ("raydium_cpmm_token2022", TOKEN_2022))


def recorded(folder: str, name: str) -> tuple[dict[str, Any], tuple[Pubkey, ...], bytes]:
    """Return the transaction, and accounts and data of its CPMM instruction."""
    path = RECORDS / folder / f"{name}.json"
    if not path.exists():
        pytest.skip("../shared/program_output is not on this machine")
    whole = json.loads(path.read_text())
    message = whole["transaction"]["message"]
    keys = [key(each) for each in message["accountKeys"]]
    for call in message["instructions"]:
        if keys[call["programIdIndex"]] == cpmm.PROGRAM:
            data = base58.decode(call["data"], size_max=64)
            return whole, tuple(keys[each] for each in call["accounts"]), data
    raise AssertionError(f"{path} has no CPMM instruction")


def pool_of(accounts: tuple[Pubkey, ...], program: Pubkey, mints: tuple[int, int]) -> cpmm.PoolKeys:
    """Return the pool's keys derived from the two mints alone."""
    mint = next(accounts[place] for place in mints if accounts[place] != WSOL)
    return cpmm.pool_keys((mint, program), (WSOL, TOKEN))


def same(made: Instruction, accounts: tuple[Pubkey, ...], data: bytes) -> None:
    """Compare, with names in the report."""
    assert [text(each.key) for each in made.accounts] == [text(each) for each in accounts]
    assert made.data == data


@pytest.mark.parametrize(("folder", "program"), FOLDERS)
def test_the_creation_is_the_recorded_one(folder: str, program: Pubkey) -> None:
    """Every derived address, the order of the sides and the amounts."""
    _, accounts, data = recorded(folder, "initialize")
    keys = pool_of(accounts, program, (4, 5))
    amounts = tuple(int.from_bytes(data[at : at + 8], "little") for at in (8, 16))
    open_time = int.from_bytes(data[24:32], "little")
    same(cpmm.initialize(keys, accounts[0], (amounts[0], amounts[1]), open_time=open_time), accounts, data)


@pytest.mark.parametrize("name", ["snipe", "exact_out", "exit"])
@pytest.mark.parametrize(("folder", "program"), FOLDERS)
def test_swaps_are_the_recorded_ones(folder: str, program: Pubkey, name: str) -> None:
    """Exact input both ways, exact output."""
    _, accounts, data = recorded(folder, name)
    keys = pool_of(accounts, program, (10, 11))
    one, two = (int.from_bytes(data[at : at + 8], "little") for at in (8, 16))
    make = cpmm.swap_output if name == "exact_out" else cpmm.swap_input
    same(make(keys, accounts[0], accounts[10], one, two), accounts, data)


def test_liquidity_instructions_have_the_idls_shape() -> None:
    """Thirteen accounts, a memo program more to withdraw; amounts in order."""
    keys = cpmm.pool_keys((Pubkey(b"\1" * 32), TOKEN), (WSOL, TOKEN))
    user = Pubkey(b"\2" * 32)
    put, take = cpmm.deposit(keys, user, 7, (8, 9)), cpmm.withdraw(keys, user, 7, (8, 9))
    assert (len(put.accounts), len(take.accounts)) == (13, 14)
    assert take.accounts[-1].key == cpmm.MEMO
    for made, name in ((put, cpmm.DEPOSIT), (take, cpmm.WITHDRAW)):
        assert made.data[:8] == name
        assert [int.from_bytes(made.data[at : at + 8], "little") for at in (8, 16, 24)] == [7, 8, 9]
    assert keys.side(WSOL) == 1 - keys.side(Pubkey(b"\1" * 32))


def swap_event(logs: list[str]) -> bytes:
    """Return the payload of the one SwapEvent among *logs*."""
    lines = [line.removeprefix("Program data: ") for line in logs if line.startswith("Program data: ")]
    assert len(lines) == 1
    return base64.b64decode(lines[0])


@pytest.mark.parametrize("name", ["snipe", "exact_out", "exit"])
@pytest.mark.parametrize(("folder", "program"), FOLDERS)
def test_our_program_pays_what_the_real_one_paid(folder: str, program: Pubkey, name: str) -> None:
    """From the recorded reserves the recorded instruction gives the recorded event, number by number."""
    whole, accounts, data = recorded(folder, name)
    real = swap_event(whole["meta"]["logMessages"])
    reserve_in, reserve_out = (int.from_bytes(real[at : at + 8], "little") for at in (40, 48))
    stand = Stand()
    sells_sol = accounts[10] == WSOL
    quote, base = (reserve_in, reserve_out) if sells_sol else (reserve_out, reserve_in)
    keys = stand.pool("recorded", program=program, quote=quote, base=base)
    sold = WSOL if sells_sol else base_of(keys)
    one, two = (int.from_bytes(data[at : at + 8], "little") for at in (8, 16))
    make = cpmm.swap_output if name == "exact_out" else cpmm.swap_input
    ours = stand.send([make(keys, address(stand.alice), sold, one, two)], stand.alice)
    assert ours.error is None, ours.logs
    # The record is of a build before mints and fees were appended; the pool's key is ours.
    assert swap_event(ours.logs)[40 : len(real)] == real[40:]
    assert swap_event(ours.logs)[:8] == real[:8]
