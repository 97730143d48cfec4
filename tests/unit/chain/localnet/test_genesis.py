"""Block zero holds what a trader finds on mainnet, and a program file that is none is refused with its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import cpmm, genesis
from sniperforge.chain.localnet.account_json import is_mint, is_token_account
from sniperforge.chain.localnet.refusal import ProgramUnreadable
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.raydium_cpmm_layouts import decode_amm_config
from tests.unit.chain.localnet.stand import Stand


def test_the_programs_of_a_trader_are_there() -> None:
    """SPL Token, Token-2022, our CPMM and the forger can be called."""
    stand = Stand()
    for program in (TOKEN, TOKEN_2022, cpmm.PROGRAM, genesis.FORGER):
        account = stand.bank.executor.account(program)
        assert account is not None
        assert account.executable


def test_the_fee_tier_is_mainnets() -> None:
    """The codec reads AmmConfig 0 with the rates of mainnet."""
    stand = Stand()
    numbers = decode_amm_config(stand.data(cpmm.AMM_CONFIG)).ints
    assert (numbers["trade_fee_rate"], numbers["protocol_fee_rate"], numbers["fund_fee_rate"]) == (2500, 120000, 40000)
    assert numbers["create_pool_fee"] == 150_000_000


def test_wrapped_sol_and_the_fee_receiver_are_token_accounts() -> None:
    """Both are as the token program would have made them."""
    executor = Stand().bank.executor
    mint, receiver = executor.account(WSOL), executor.account(cpmm.CREATE_FEE_ACCOUNT)
    assert mint is not None
    assert receiver is not None
    assert is_mint(mint)
    assert is_token_account(receiver)
    assert executor.decimals(WSOL) == 9


def test_a_program_file_is_installed(tmp_path: Path) -> None:
    """Any ELF of the loader's kind runs under any address."""
    stand = Stand()
    path = tmp_path / "forger.so"
    path.write_bytes(genesis.bundled("forger"))
    genesis.load_file(stand.svm, Pubkey(b"\7" * 32), path)
    account = stand.bank.executor.account(Pubkey(b"\7" * 32))
    assert account is not None
    assert account.executable


def test_a_file_that_is_no_program_is_refused_with_its_path(tmp_path: Path) -> None:
    """Absent, not ELF, and ELF the loader refuses: each says which file."""
    stand = Stand()
    absent, text_file, broken = tmp_path / "absent.so", tmp_path / "text.so", tmp_path / "broken.so"
    text_file.write_bytes(b"#!/bin/sh\n")
    broken.write_bytes(genesis.bundled("forger")[:400])
    for path, words in ((absent, "No such file"), (text_file, "not an ELF file"), (broken, "the loader refuses it")):
        with pytest.raises(ProgramUnreadable, match=words) as caught:
            genesis.load_file(stand.svm, Pubkey(b"\7" * 32), path)
        assert str(path) in str(caught.value)
