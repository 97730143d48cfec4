"""Tokens are made as the plan says: program, supply, and which authorities are kept."""

from __future__ import annotations

import pytest

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.market_client import address, wallet
from sniperforge.chain.localnet.market_tokens import DECIMALS, make_mint, wrap
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, ata
from tests.unit.chain.localnet.stand import SOL, Stand


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022], ids=["spl-token", "token-2022"])
@pytest.mark.parametrize("keeps_mint", [True, False])
@pytest.mark.parametrize("keeps_freeze", [True, False])
def test_a_mint_is_as_planned(program: Pubkey, keeps_mint: bool, keeps_freeze: bool) -> None:
    """Authorities given up are gone from the account."""
    stand = Stand()
    alice, mint = address(stand.alice), wallet(0, "mint")
    steps = make_mint(alice, address(mint), program, 777, keeps_mint=keeps_mint, keeps_freeze=keeps_freeze)
    assert stand.send(steps, stand.alice, mint).error is None
    raw = stand.data(address(mint))
    assert (raw[:4] == b"\1\0\0\0", raw[46:50] == b"\1\0\0\0") == (keeps_mint, keeps_freeze)
    assert (int.from_bytes(raw[36:44], "little"), raw[44]) == (777, DECIMALS)
    held = stand.data(ata(alice, address(mint), program))
    assert int.from_bytes(held[64:72], "little") == 777


def test_wrapped_sol_is_counted() -> None:
    """Twice adds up."""
    stand = Stand()
    alice = address(stand.alice)
    for lamports in (SOL, 2 * SOL):
        assert stand.send(wrap(alice, lamports), stand.alice).error is None
    assert int.from_bytes(stand.data(ata(alice, WSOL))[64:72], "little") == 3 * SOL
