"""A localnet with one open pool and a funded wallet, for coordinators that trade for real.

Every wait is bounded by LIMIT_S.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from solders.keypair import Keypair

from sniperforge.base.clock import SystemClock
from sniperforge.base.events import Event, OrderProposed, Pool
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import LocalNet, LocalNetSettings
from sniperforge.chain.localnet.market import OpenPool
from sniperforge.chain.localnet.market_client import Client, address, wallet
from sniperforge.chain.localnet.market_plan import Launch
from sniperforge.chain.localnet.market_tokens import make_mint, wrap
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.coordinate.execution import Transport
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.dex import raydium_cpmm
from sniperforge.trading.risk import Limits

E = TypeVar("E", bound=Event)
LIMIT_S = 30.0
SOL = 10**9
WALLET_LAMPORTS = 5 * SOL


class Stage:
    """A coordinator, what it told, and the chain it trades on."""

    def __init__(self, net: LocalNet, folder: Path, pool: Pool, owner: Keypair) -> None:
        self.net, self.pool, self.owner = net, pool, owner
        key_file = folder / "wallet.json"
        key_file.write_text(json.dumps(list(bytes(owner))))
        key_file.chmod(0o600)
        self.settings = CoordinateSettings(
            execution="rpc",
            rpc=net.rpc_url,
            ws=net.ws_url,
            keypair=str(key_file),
            journal=str(folder / "journal.sqlite"),
            status_poll_ms=100,
            resend_ms=200,
            blockhash_poll_ms=100,
            limits=Limits(spend_lamports_max=SOL, exposure_creator_lamports_max=4 * SOL),
            wallet_signs_minute_lamports_max=4 * SOL,
        )
        self.told: list[Event] = []
        self.changed = asyncio.Event()
        self.coordinator: Coordinator | None = None

    def hear(self, event: Event) -> None:
        self.told.append(event)
        self.changed.set()

    async def open(self, transport: Transport | None = None) -> Coordinator:
        """Start a coordinator over the same journal."""
        self.coordinator = Coordinator(self.settings, clock=SystemClock(), publish=self.hear, transport=transport)
        await self.coordinator.start()
        return self.coordinator

    async def close(self) -> None:
        if self.coordinator is not None:
            await self.coordinator.stop()
            self.coordinator = None

    async def heard(self, kind: type[E], matches: Callable[[E], bool] = lambda event: True) -> E:
        """Wait for an event of that kind."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for event in self.told:
                    if isinstance(event, kind) and matches(event):
                        return event
                self.changed.clear()
                await self.changed.wait()

    async def balance(self) -> int:
        client = RpcClient(endpoint(self.net.rpc_url, where="test"))
        try:
            return await client.balance(address(self.owner), "confirmed")
        finally:
            await client.close()

    def buy(self, number: int = 1, **changes: object) -> OrderProposed:
        fields: dict[str, object] = {
            "id": number,
            "bot": "first",
            "side": "buy",
            "pool": self.pool,
            "amount_in": SOL // 10,
            "amount_out_min": 0,
            "slippage_bps": 500,
            "priority_fee_micro_lamports": 50_000,
            "tip_lamports": 0,
            "reason": "entry",
            "attempt": 0,
            "position_id": number,
        }
        return OrderProposed(**{**fields, **changes})  # type: ignore[arg-type]

    def sell(self, number: int, amount: int, *, position_id: int = 1, **changes: object) -> OrderProposed:
        return self.buy(number, side="sell", amount_in=amount, position_id=position_id, reason="exit", **changes)


@asynccontextmanager
async def on_localnet(folder: Path, **settings: object) -> AsyncIterator[Stage]:
    """Run a localnet with an open pool of 50 SOL and a wallet of 5 SOL."""
    chosen = LocalNetSettings(**{"port": 0, "slot_ms": 40, "finalized_after": 8, **settings})  # type: ignore[arg-type]
    async with LocalNet(chosen) as net, Client(net.rpc_url) as client:
        owner, creator, mint = (wallet(7, name) for name in ("sniper", "creator", "mint"))
        launch = Launch(0, 0, "honest", False, False, False, False, 50 * SOL, 10**15, 10_000, (), -1)
        opened = OpenPool(launch, creator, mint, None)
        await client.airdrop(creator, 52 * SOL)
        await client.airdrop(owner, WALLET_LAMPORTS)
        made = make_mint(
            address(creator), opened.mint, opened.program, launch.supply, keeps_mint=False, keeps_freeze=False
        )
        await client.land([*made, *wrap(address(creator), launch.liquidity)], creator, mint)
        landed = await client.land(opened.opening(), creator)
        assert landed is not None
        assert landed.error is None
        pool = await read_pool(client, opened.keys.pool)
        # The program lets nobody trade before the second after the creation.
        await asyncio.sleep(max(0.0, pool.numbers["open_time"] + 0.5 - time.time()))
        stage = Stage(net, folder, pool, owner)
        try:
            yield stage
        finally:
            await stage.close()


async def read_pool(client: Client, pool: Pubkey) -> Pool:
    """Load a pool as the venue reads it."""
    raw = {"pool_state": await account(client, pool)}
    for name, place in raydium_cpmm.needs(raw["pool_state"]).items():
        raw[name] = await account(client, place)
    return raydium_cpmm.load(pool, raw)


async def account(client: Client, place: Pubkey) -> bytes:
    row = await client.value("getAccountInfo", text(place), {"encoding": "base64", "commitment": "processed"})
    assert isinstance(row, dict)
    data = row["data"]
    assert isinstance(data, list)
    return base64.b64decode(str(data[0]))
