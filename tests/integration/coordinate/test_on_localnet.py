"""On a chain with real programs: bought, sold, crashed, expired, and every lamport accounted for."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import uvloop

from sniperforge.base.events import (
    OrderExpired,
    OrderFailed,
    OrderLanded,
    OrderSent,
    OrderSigned,
    PositionChanged,
)
from sniperforge.chain.localnet.market_client import Client, address, wallet
from sniperforge.coordinate.builder import Builder, Terms
from sniperforge.coordinate.journal import Journal
from sniperforge.dex.programs import TOKEN, ata
from sniperforge.dex.venue import AccountMeta, Instruction
from sniperforge.dex.venues import VENUES
from tests.integration.coordinate.localnet import LIMIT_S, WALLET_LAMPORTS, on_localnet


class Silent:
    """A lane that loses everything, and remembers what it lost."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def send(self, signature: str, raw: bytes, now_ns: int) -> None:
        self.sent.append((signature, raw))


def test_a_round_trip_is_the_wallets_change_to_the_lamport(tmp_path: Path) -> None:
    """Buy, sell a part, sell the rest: PnL in the book equals the difference on the chain."""

    async def scenario() -> None:
        async with on_localnet(tmp_path) as stage:
            coordinator = await stage.open()
            coordinator.on(stage.buy(1))
            assert [type(event) for event in stage.told[-2:]] == [OrderSigned, OrderSent]
            opened = await stage.heard(PositionChanged)
            bought = await stage.heard(OrderLanded)
            assert bought.quote_amount == 10**8
            assert bought.base_amount == opened.base_amount > 0
            assert bought.rent_lamports > 0
            assert WALLET_LAMPORTS - await stage.balance() == opened.spent_lamports

            coordinator.on(stage.sell(2, opened.base_amount // 3))
            await stage.heard(OrderLanded, lambda fill: fill.order_id == 2)
            coordinator.on(stage.sell(3, opened.base_amount - opened.base_amount // 3))
            closed = await stage.heard(PositionChanged, lambda changed: changed.state == "closed")
            change = await stage.balance() - WALLET_LAMPORTS
            assert closed.received_lamports - closed.spent_lamports == change
            assert coordinator.stats()["pnl_lamports"] == change
            sold = await stage.heard(OrderLanded, lambda fill: fill.order_id == 3)
            assert sold.rent_lamports == -bought.rent_lamports
            await finalized(stage.settings.journal, 3, coordinator.journal)

    uvloop.run(scenario())


async def finalized(path: str, order_id: int, journal: Journal) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            states = [state for state, _ in journal.transitions(order_id)]
            if states[-1] == "finalized":
                assert states[:3] == ["proposed", "admitted", "signed"]
                return
            await asyncio.sleep(0.05)


def test_a_revert_is_a_failure_that_cost_its_fee(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with on_localnet(tmp_path) as stage:
            coordinator = await stage.open()
            coordinator.on(stage.buy(1, amount_out_min=10**17))
            failed = await stage.heard(OrderFailed)
            assert failed.problem.startswith("InstructionError[")
            assert WALLET_LAMPORTS - await stage.balance() == failed.fee_lamports
            assert coordinator.stats()["pnl_lamports"] == -failed.fee_lamports

    uvloop.run(scenario())


def test_a_strangers_dust_keeps_nobody_from_selling(tmp_path: Path) -> None:
    """One coin sent to our account makes closing it, and so the exit, fail on the chain; the next try sells."""

    async def scenario() -> None:
        async with on_localnet(tmp_path) as stage, Client(stage.net.rpc_url) as client:
            coordinator = await stage.open()
            coordinator.on(stage.buy(1))
            opened = await stage.heard(PositionChanged)
            stranger, mint = wallet(7, "creator"), stage.pool.base_mint
            accounts = (
                AccountMeta(ata(address(stranger), mint), writable=True),
                AccountMeta(ata(address(stage.owner), mint), writable=True),
                AccountMeta(address(stranger), signer=True),
            )
            bought = Builder(address(stranger), VENUES).instructions(stage.pool, Terms(True, 10**7, 1, 0, 200_000, 0))
            dust = Instruction(TOKEN, accounts, struct.pack("<BQ", 3, 1))
            dusted = await client.land([*bought, dust], stranger)
            assert dusted is not None
            assert dusted.error is None
            coordinator.on(stage.sell(2, opened.base_amount))
            failed = await stage.heard(OrderFailed)
            assert failed.problem.endswith("Custom 11]")
            coordinator.on(stage.sell(3, opened.base_amount, attempt=1))
            closed = await stage.heard(PositionChanged, lambda changed: changed.state == "closed")
            change = await stage.balance() - WALLET_LAMPORTS
            assert closed.received_lamports - closed.spent_lamports == change

    uvloop.run(scenario())


def test_a_crash_between_journal_and_wire_sends_the_same_bytes_once(tmp_path: Path) -> None:
    """The next life finds the order signed, asks the chain, and sends what was signed: one buy."""

    async def scenario() -> None:
        async with on_localnet(tmp_path) as stage:
            silent = Silent()
            coordinator = await stage.open(silent)
            coordinator.on(stage.buy(1))
            signed = await stage.heard(OrderSigned)
            await stage.close()

            coordinator = await stage.open()
            coordinator.on(stage.buy(1))
            landed = await stage.heard(OrderLanded)
            assert landed.signature == signed.signature == silent.sent[0][0]
            assert coordinator.stats()["signed"] == 0
            assert WALLET_LAMPORTS - await stage.balance() == (await stage.heard(PositionChanged)).spent_lamports

    uvloop.run(scenario())


def test_a_crash_before_the_answer_finds_the_fill_on_the_chain(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with on_localnet(tmp_path) as stage:
            coordinator = await stage.open()
            coordinator.on(stage.buy(1))
            # Dropped without a word to the chain, as kill -9 does.
            for task in coordinator._execution._tasks:  # type: ignore[attr-defined]
                task.cancel()
            await asyncio.sleep(0.5)
            await stage.close()
            assert not any(isinstance(event, OrderLanded) for event in stage.told)
            await stage.open()
            assert (await stage.heard(OrderLanded)).order_id == 1
            assert (await stage.heard(PositionChanged)).state == "open"

    uvloop.run(scenario())


def test_an_order_nobody_carries_expires_by_proof_and_never_before(tmp_path: Path) -> None:
    """The blockhash dies, the history knows nothing: only then expired; the bytes sent were always the same."""

    async def scenario() -> None:
        async with on_localnet(tmp_path, blockhash_slots=20) as stage:
            silent = Silent()
            coordinator = await stage.open(silent)
            coordinator.on(stage.buy(1))
            expired = await stage.heard(OrderExpired)
            order = coordinator.journal.order(1)
            assert order is not None
            assert coordinator.stats()["block_height"] > order.last_valid_block_height
            assert expired.signature == order.signature
            assert len(set(silent.sent)) == 1
            assert len(silent.sent) > 1
            assert await stage.balance() == WALLET_LAMPORTS

    uvloop.run(scenario())


def test_lost_and_late_transactions_land_once_each(tmp_path: Path) -> None:
    """A third of all sends is dropped by the cluster: re-sending the same bytes brings each home, once."""

    async def scenario() -> None:
        async with on_localnet(tmp_path, drop_ppm=330_000, delay_ppm=330_000) as stage:
            coordinator = await stage.open()
            for number in range(1, 4):
                coordinator.on(stage.buy(number, position_id=number))
                opened = await stage.heard(PositionChanged, lambda changed, n=number: changed.position_id == n)  # type: ignore[misc]
                coordinator.on(stage.sell(100 + number, opened.base_amount, position_id=number))
                await stage.heard(
                    PositionChanged,
                    lambda changed, n=number: changed.position_id == n and changed.state == "closed",  # type: ignore[misc]
                )
            change = await stage.balance() - WALLET_LAMPORTS
            assert coordinator.stats()["pnl_lamports"] == change
            assert coordinator.stats()["landed"] == 6

    uvloop.run(scenario())
