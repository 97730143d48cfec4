"""One running localnet: `await LocalNet(settings).start()`, use its URLs, `await stop()`.

settings -> a bank that makes slots, and a server that speaks for it
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress

from aiohttp import web
from solders.keypair import Keypair

from sniperforge.base.keys import key
from sniperforge.chain.localnet import genesis
from sniperforge.chain.localnet.bank import Bank
from sniperforge.chain.localnet.clone import clone
from sniperforge.chain.localnet.node import Node
from sniperforge.chain.localnet.server import Server, listen
from sniperforge.chain.localnet.settings import LocalNetSettings
from sniperforge.chain.localnet.subscriptions import Hub


class LocalNet:
    """A Solana cluster of one node in this process, on the running event loop."""

    def __init__(self, settings: LocalNetSettings) -> None:
        self.settings = settings.check()
        self._keys = [_keypair(settings.seed, name) for name in ("faucet", "identity", "vote")]
        self._runner: web.AppRunner | None = None
        self._clock: asyncio.Task[None] | None = None
        self._server: Server | None = None
        self._bank: Bank | None = None
        self.rpc_url = self.ws_url = ""

    @property
    def bank(self) -> Bank:
        """The bank of a started localnet."""
        if self._bank is None:
            raise RuntimeError("this localnet was not started")
        return self._bank

    @property
    def sockets(self) -> int:
        """How many WebSocket clients are connected."""
        return len(self._server.sockets) if self._server is not None else 0

    async def start(self) -> LocalNet:
        """Load programs, listen, and begin to make slots.

        Raises:
            PortBusy: somebody listens there already.
            ProgramUnreadable: a program of the settings.
            CloneFailed: the cluster to copy from.
        """
        settings = self.settings
        faucet, identity, vote = self._keys
        svm = genesis.build(faucet)
        for name, path in settings.programs:
            genesis.load_file(svm, key(name), path)
        for url, addresses in settings.clones:
            await clone(svm, url, tuple(key(each) for each in addresses))
        hub = Hub(settings.subscriptions_max)
        self._bank = hub.bank = Bank(settings, svm, faucet, hub, unix_ms=_unix_ms())
        await self._listen(hub, str(identity.pubkey()), str(vote.pubkey()))
        self._clock = asyncio.create_task(self._make_slots(hub))
        return self

    async def stop(self) -> None:
        """Stop making slots and close every socket; nothing is kept."""
        if self._clock is not None:
            self._clock.cancel()
            with suppress(asyncio.CancelledError):
                await self._clock
        if self._server is not None:
            await self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._clock = self._server = self._runner = None

    async def failed(self) -> None:
        """Wait until slots stop being made; raises what stopped them."""
        if self._clock is not None:
            await asyncio.shield(self._clock)

    async def __aenter__(self) -> LocalNet:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _listen(self, hub: Hub, identity: str, vote: str) -> None:
        settings = self.settings
        node = Node(self.bank, identity, vote, f"{settings.host}:{settings.port}")
        self._server = Server(node, hub)
        self._runner = web.AppRunner(self._server.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            port = await listen(self._runner, settings.host, settings.port)
            second = settings.ws_port or (settings.port and port + 1)
            ws_port = await listen(self._runner, settings.host, second)
        except BaseException:
            await self.stop()
            raise
        self.rpc_url = f"http://{settings.host}:{port}"
        self.ws_url = f"ws://{settings.host}:{ws_port}"

    async def _make_slots(self, hub: Hub) -> None:
        """Entries at even steps; a machine too slow for its slots makes them late, never fewer."""
        bank, settings = self.bank, self.settings
        step = settings.slot_ms / 1000 / settings.entries_per_slot
        due = time.monotonic()
        while True:
            for _ in range(settings.entries_per_slot):
                due = max(due + step, time.monotonic() - step)
                await asyncio.sleep(due - time.monotonic())
                bank.run_entry()
            hub.unix_ms = _unix_ms()
            bank.close_slot(hub.unix_ms)


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


def _keypair(seed: int, name: str) -> Keypair:
    return Keypair.from_seed(hashlib.sha256(f"sniperforge localnet {seed} {name}".encode()).digest())
