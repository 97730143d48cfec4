"""Blocks and what is in them are remembered for as long as was said, and forgotten whole."""

from __future__ import annotations

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.history import Block, History
from sniperforge.chain.localnet.market_client import address
from sniperforge.dex.programs import compute_price, transfer_lamports
from tests.unit.chain.localnet.stand import SOL, Stand

BOB = Pubkey(b"bob".ljust(32, b"\1"))


def test_the_oldest_block_is_forgotten_with_its_transactions() -> None:
    """By slot, by signature and by address."""
    stand = Stand()
    stand.bank.history.blocks_max = 10
    old = stand.send([transfer_lamports(address(stand.alice), BOB, 2 * SOL)], stand.alice)
    stand.step(2)
    new = stand.send([transfer_lamports(address(stand.alice), BOB, 3 * SOL)], stand.alice)
    history = stand.bank.history
    assert [each.signature for each in history.of_address(BOB)] == [new.signature, old.signature]
    while old.slot in history.blocks:
        stand.step()
    assert history.find(old.signature) is None
    assert history.find(new.signature) is new
    assert list(history.of_address(BOB)) == [new]
    stand.step(12)
    assert list(history.of_address(BOB)) == []
    assert history.transactions_total == 2


def test_the_least_price_of_a_block_is_its_cheapest_transaction() -> None:
    """An empty block asks nothing."""
    stand = Stand()
    assert stand.bank.block.unit_price_min == 0
    for price in (900, 40):
        stand.send([compute_price(price), transfer_lamports(address(stand.alice), BOB, SOL + price)], stand.alice)
    assert stand.bank.block.unit_price_min == 40


def test_a_final_block_lets_go_of_its_account_states() -> None:
    """They were told to everybody: memory is for what is still waiting."""
    stand = Stand()
    landed = stand.send([transfer_lamports(address(stand.alice), BOB, 2 * SOL)], stand.alice)
    block = stand.bank.history.blocks[landed.slot]
    assert BOB in block.changes
    stand.step(stand.settings.finalized_after)
    assert block.changes == {}


def test_a_history_of_one_keeps_one() -> None:
    """The bound is exact."""
    history = History(1)
    for slot in (5, 6):
        history.open(Block(slot, slot, 0, "", ""))
    assert list(history.blocks) == [6]
