"""Solana's own programs: ids, derived addresses and shared instructions, byte for byte."""

from __future__ import annotations

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import Instruction as SoldersInstruction
from solders.pubkey import Pubkey as SoldersPubkey
from solders.system_program import TransferParams, transfer
from solders.token.associated import get_associated_token_address

from sniperforge.base.keys import key, text
from sniperforge.base.units import Pubkey
from sniperforge.dex import programs
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.venue import Instruction

OWNER, MINT = Pubkey(b"\x07" * 32), Pubkey(b"\x08" * 32)


def _same(ours: Instruction, theirs: SoldersInstruction) -> bool:
    metas = [(bytes(meta.pubkey), meta.is_signer, meta.is_writable) for meta in theirs.accounts]
    return (ours.program, ours.data, [tuple(meta) for meta in ours.accounts]) == (
        bytes(theirs.program_id),
        bytes(theirs.data),
        metas,
    )


@pytest.mark.parametrize("units", [0, 180_000, 1_400_000])
def test_compute_budget_instructions_are_solders(units: int) -> None:
    """Limit as u32, price as u64."""
    assert _same(programs.compute_limit(units), set_compute_unit_limit(units))
    assert _same(programs.compute_price(units), set_compute_unit_price(units))


def test_a_transfer_is_solders() -> None:
    """Lamports move by the System program."""
    params = TransferParams(
        from_pubkey=SoldersPubkey.from_bytes(OWNER), to_pubkey=SoldersPubkey.from_bytes(MINT), lamports=5
    )
    assert _same(programs.transfer_lamports(OWNER, MINT, 5), transfer(params))


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022])
def test_a_token_account_is_associated_under_its_own_program(program: Pubkey) -> None:
    """The program is a seed: a Token-2022 coin has another account."""
    expected = get_associated_token_address(
        SoldersPubkey.from_bytes(OWNER), SoldersPubkey.from_bytes(MINT), SoldersPubkey.from_bytes(program)
    )
    assert programs.ata(OWNER, MINT, program) == bytes(expected)


def test_a_derived_address_is_off_the_curve() -> None:
    """The recorded curve of a recorded mint."""
    mint = key("7YD6ZHb39jGb33ki2iFd7kHK11yMkSFCc9kvjJscpump")
    derived = programs.pda(key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"), b"bonding-curve", mint)
    assert text(derived) == "9hgcsTpZP48Ttku3uhg5gZ388YFCfErayJ5rHSru9PF7"


def test_opening_an_account_is_idempotent() -> None:
    """CreateIdempotent is 1: a second one is no error."""
    address = programs.ata(OWNER, MINT, TOKEN_2022)
    opened = programs.open_ata(OWNER, OWNER, MINT, TOKEN_2022, address)
    assert (opened.program, opened.data) == (programs.ASSOCIATED_TOKEN, b"\x01")
    assert [meta.key for meta in opened.accounts] == [OWNER, address, OWNER, MINT, SYSTEM, TOKEN_2022]
    assert [(meta.signer, meta.writable) for meta in opened.accounts] == [
        (True, True),
        (False, True),
        (False, False),
        (False, False),
        (False, False),
        (False, False),
    ]


def test_wrapping_and_closing() -> None:
    """SyncNative is 17 of SPL Token; CloseAccount is 9 and signed by the owner."""
    account = programs.ata(OWNER, WSOL)
    synced = programs.sync_native(account)
    assert (synced.program, synced.data, synced.accounts) == (TOKEN, b"\x11", ((account, False, True),))
    closed = programs.close_account(account, OWNER, TOKEN_2022)
    assert (closed.program, closed.data) == (TOKEN_2022, b"\x09")
    assert closed.accounts == ((account, False, True), (OWNER, False, True), (OWNER, True, False))
