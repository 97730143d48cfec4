"""The demo as processes: a localnet, a market, the supervised stages, and this one watching.

It plays, watches the rings as any reader may, and compares at the end what the
market says it did with what the stages say they saw.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson
import psutil
from rich.console import Console
from rich.live import Live
from solders.keypair import Keypair

from sniperforge.base import wire
from sniperforge.base.errors import DecodeError, UnavailableError
from sniperforge.base.keys import text as base58
from sniperforge.base.units import LAMPORTS_PER_SOL
from sniperforge.chain.localnet import ledger
from sniperforge.chain.localnet.ledger import read_ledger
from sniperforge.host import process
from sniperforge.observe.session import Session, percentile
from sniperforge.runtime.system import System
from sniperforge.runtime.topology import load
from sniperforge.shm.errors import RingClosed
from sniperforge.shm.ring import Consumer, Ring
from sniperforge_cli import demo_view

WALLET_LAMPORTS = 100 * LAMPORTS_PER_SOL
#: Share of the run in which launches come (ppm): what is held then can be sold in time.
LAUNCHES_UNTIL_PPM = 720_000
#: How long positions may take to close after the last launch; a time stop sells them.
CLOSE_S = 40.0
POSITIONS_MIN = 5
VIEWER = "demo-view"
TRUTH = "truth.ndjson"
WATCHED = ("market", "intents", "fills", "system")

CONFIG = """\
# Written by `sniperforge demo`: a whole system on a local cluster.
[run]
instance = "{instance}"
directory = "{directory}"

[[feed.endpoints]]
name = "logs"
url = "{ws}"
kind = "logs"
commitment = "processed"

[[feed.endpoints]]
name = "transactions"
url = "{ws}"
kind = "transaction"
commitment = "processed"

[feed]
rpc = "{rpc}"

[[bots]]
name = "demo"
bot = "liquidity_sniper"
positions_max = 6
cooldown_ms = 0

[bots.filters]
venues = ["raydium_cpmm"]
liquidity_quote_min = 5_000_000_000
mint_authority = "refuse"
freeze_authority = "refuse"

[bots.sizing]
quote_amount = 500_000_000
slippage_bps = 1_500

[bots.exits]
time_stop_s = 10
dust_retry_s = 2
write_off_tries = 2

[coordinate]
execution = "rpc"
rpc = "{rpc}"
ws = "{ws}"
keypair = "{directory}/wallet.json"
journal = "journal.sqlite"
wallet_signs_minute_lamports_max = 50_000_000_000

[coordinate.limits]
spend_lamports_max = 600_000_000
exposure_creator_lamports_max = 1_000_000_000
exposure_venue_lamports_max = 10_000_000_000
loss_day_lamports_max = 10_000_000_000
orders_minute_max = 120
"""


class Demo:
    """One run.

    Args:
        directory: where everything it writes goes.
        seconds: from the first possible launch to the end of launches and quiet.
        seed: of the market.
        live: draw the live view.
    """

    def __init__(self, directory: Path, *, seconds: float, seed: int, live: bool) -> None:
        self.directory = directory.resolve()
        self.seconds, self.seed, self.live = seconds, seed, live
        self.session = Session()
        self.instance = f"demo-{os.getpid()}"
        self._readers: dict[str, Consumer] = {}
        self._children: dict[str, process.Child] = {}
        self._rpc = ""

    def play(self) -> dict[str, Any]:
        """Run the whole demo and return its figures."""
        handler = signal.signal(signal.SIGTERM, _interrupt)
        try:
            self._start_localnet()
            wallet_before = self._fund()
            self._start_system()
            self._spawn("market", self._make_market)
            self._watch()
            memory = self._memory()
            self._stop("system")
            self._drain()
            return self._figures(wallet_before, self._balance(), memory)
        finally:
            for name in ("market", "system", "localnet"):
                self._stop(name)
            signal.signal(signal.SIGTERM, handler)

    def print_report(self, figures: dict[str, Any]) -> None:
        """Print the closing report for a person."""
        Console(width=demo_view.WIDTH).print(demo_view.report(figures, self.session))

    # ── processes ────────────────────────────────────────────────────────

    def _start_localnet(self) -> None:
        addresses = self.directory / "localnet.json"
        self._spawn("localnet", lambda ready: _serve_localnet(addresses, self.seed, ready))
        found = orjson.loads(addresses.read_bytes())
        self._rpc, self._ws = found["rpc"], found["ws"]

    def _start_system(self) -> None:
        config = self.directory / "demo.toml"
        config.write_text(CONFIG.format(instance=self.instance, directory=self.directory, rpc=self._rpc, ws=self._ws))
        topology = load(config, {})
        self._spawn("system", lambda ready: System(topology).run(ready=ready), timeout_s=60.0)
        for topic in WATCHED:
            ring = Ring.attach(topic, instance=self.instance)
            self._readers[topic] = ring.consumer(VIEWER, start="head", observer=True)

    def _make_market(self, ready: Callable[[], None]) -> int:
        """Run the market maker in this process to its end."""
        import asyncio

        from sniperforge.chain.localnet.market import run_market
        from sniperforge.chain.localnet.market_plan import MarketSettings

        settings = MarketSettings(
            seed=self.seed, duration_ms=int(self.seconds * 1000), launches_until_ppm=LAUNCHES_UNTIL_PPM
        )
        ready()
        asyncio.run(run_market(self._rpc, settings, ledger_path=self.directory / TRUTH))
        return 0

    def _spawn(self, name: str, body: Callable[[Callable[[], None]], int], timeout_s: float = 30.0) -> None:
        child = process.fork(body, name=f"demo-{name}")
        self._children[name] = child
        if not _readable(child.ready_fd, timeout_s) or not os.read(child.ready_fd, 16):
            raise UnavailableError(f"demo: {name} did not get ready within {timeout_s:.0f} s; see its lines above")

    def _stop(self, name: str) -> int:
        """SIGTERM a child and wait for it; SIGKILL after half a minute."""
        child = self._children.pop(name, None)
        if child is None:
            return 0
        os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline:
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])

    # ── watching ─────────────────────────────────────────────────────────

    def _watch(self) -> None:
        """Fold what the rings say until launches have ended and every position is closed."""
        began = time.monotonic()
        view = Live(console=Console(width=demo_view.WIDTH), refresh_per_second=4, screen=True) if self.live else None
        if view:
            view.start()
        try:
            while True:
                elapsed = time.monotonic() - began
                self._drain()
                if view:
                    rings = self._ring_rows()
                    view.update(demo_view.live(self.session, rings, elapsed_s=elapsed, seconds=self.seconds))
                if elapsed > self.seconds and not self.session.open_trades():
                    return
                if elapsed > self.seconds + CLOSE_S:
                    return
                time.sleep(0.1)
        finally:
            if view:
                view.stop()

    def _drain(self) -> None:
        for reader in self._readers.values():
            with contextlib.suppress(RingClosed):  # the system is down, and this was the rest
                self._drain_one(reader)

    def _drain_one(self, reader: Consumer) -> None:
        while batch := reader.drain():
            for record in batch:
                try:
                    self.session.on(wire.decode(record.type, record.payload))
                except DecodeError:
                    continue

    def _ring_rows(self) -> list[dict[str, Any]]:
        rows = []
        for topic in ("frames", *WATCHED):
            stat = Ring.attach(topic, instance=self.instance).stat()
            readers = [reader for reader in stat["consumers"] if reader["name"] != VIEWER]
            lag = max((reader["lag_records"] for reader in readers), default=0)
            lost = sum(reader["lost"] for reader in readers)
            rows.append({"ring": topic, "records": stat["head"], "lag": lag, "lost": lost})
        return rows

    def _memory(self) -> dict[str, int]:
        """Return the proportional set size of the supervisor and its stages."""
        root = psutil.Process(self._children["system"].pid)
        family = [root, *root.children(recursive=True)]
        total = sum(member.memory_full_info().pss for member in family)
        return {"pss_mib": total >> 20, "processes": len(family)}

    # ── money and truth ──────────────────────────────────────────────────

    def _fund(self) -> int:
        """Make a wallet (0600) with money of the localnet; return its balance."""
        wallet = Keypair()
        path = self.directory / "wallet.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(wallet.to_json())
        self._wallet = str(wallet.pubkey())
        self._call("requestAirdrop", [self._wallet, WALLET_LAMPORTS])
        deadline = time.monotonic() + 10.0
        while not (balance := self._balance()):
            if time.monotonic() > deadline:
                raise UnavailableError("demo: the localnet gave no money within 10 s; the machine may be overloaded")
            time.sleep(0.05)
        return balance

    def _balance(self) -> int:
        return int(self._call("getBalance", [self._wallet, {"commitment": "processed"}])["value"])

    def _call(self, method: str, parameters: list[Any]) -> Any:
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        request = Request(self._rpc, body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=10) as answer:
            found = orjson.loads(answer.read())
        if "error" in found:
            raise UnavailableError(f"demo: {method}: {found['error'].get('message')}")
        return found["result"]

    def _figures(self, before: int, after: int, memory: dict[str, int]) -> dict[str, Any]:
        """Return everything the report says, and what of it is not as it should be."""
        session, truth = self.session, read_ledger(self.directory / TRUTH)
        seen = {base58(pool) for pool in session.launches}
        launches = {entry.pool for entry in truth if entry.type == ledger.LAUNCH}
        forged = {entry.pool for entry in truth if entry.type in (ledger.SPOOF, ledger.FAILED_CREATE)} - launches
        pnl = sum(trade.pnl_lamports for trade in session.trades.values()) - session.entry_losses_lamports
        figures: dict[str, Any] = {
            "positions_closed": len(session.closed_trades()),
            "positions_open": len(session.open_trades()),
            "detection": {
                "launches": len(launches),
                "detected": len(launches & seen),
                "missed": len(launches - seen),
                "spoofs": sum(entry.type == ledger.SPOOF for entry in truth),
                "failed_creates": sum(entry.type == ledger.FAILED_CREATE for entry in truth),
                "believed_spoofs": len(seen & forged),
                "invented": len(seen - launches),
                "refused": dict(session.disbelieved),
            },
            "money": {
                "pnl_lamports": pnl,
                "fees_lamports": session.fees_lamports,
                "entry_losses_lamports": session.entry_losses_lamports,
                "wallet_before_lamports": before,
                "wallet_after_lamports": after,
                "unexplained_lamports": after - before - pnl,
            },
            "latency_ns": {
                leg: {"samples": len(values), "p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
                for leg, values in session.legs.items()
            },
            "filters": dict(session.refused),
            "orders_refused": dict(session.orders_refused),
            "orders_failed": dict(session.orders_failed),
            "memory": memory,
            "lost_records": sum(reader.lost for reader in self._readers.values()),
        }
        figures["problems"] = _problems(figures)
        return figures


def _problems(figures: dict[str, Any]) -> list[str]:
    """Return what of a demo is not as promised, one line each."""
    found, checks = figures["detection"], []
    checks.append(
        (figures["positions_closed"] >= POSITIONS_MIN, f"only {figures['positions_closed']} positions closed")
    )
    checks.append((figures["positions_open"] == 0, f"{figures['positions_open']} positions are still open"))
    checks.append((found["missed"] == 0, f"{found['missed']} real launches were missed"))
    checks.append((found["believed_spoofs"] == 0, f"{found['believed_spoofs']} spoofed launches were believed"))
    checks.append((found["invented"] == 0, f"{found['invented']} launches were invented"))
    checks.append((figures["lost_records"] == 0, f"{figures['lost_records']} records were lost on rings"))
    return [words for good, words in checks if not good]


def _serve_localnet(addresses: Path, seed: int, ready: Callable[[], None]) -> int:
    """Run a localnet in this process until SIGTERM."""
    import asyncio

    import uvloop

    from sniperforge.chain.localnet import LocalNet, LocalNetSettings, market_plan

    def told(rpc: str, ws: str) -> None:
        addresses.write_bytes(orjson.dumps({"rpc": rpc, "ws": ws}))
        ready()

    async def serve() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
        # Sends are dropped and delayed as in the recorded blocks, so that re-sending is seen at work.
        settings = LocalNetSettings(
            port=0,
            seed=seed,
            drop_ppm=market_plan.CHOSEN_DROP_PPM,
            delay_ppm=market_plan.RECORDED_DELAY_PPM,
            delay_slots_max=market_plan.RECORDED_DELAY_SLOTS_MAX,
        )
        async with LocalNet(settings) as net:
            told(net.rpc_url, net.ws_url)
            await stopping.wait()

    uvloop.run(serve())
    return 0


def _readable(descriptor: int, timeout_s: float) -> bool:
    import select

    return bool(select.select([descriptor], [], [], timeout_s)[0])


def _interrupt(number: int, frame: object) -> None:
    sys.exit(130)
