"""`sniperforge bench path`: from a frame written to a socket to an order read from one.

endpoint -> [feed] ring [detect] ring [snipe] ring [coordinate] -> RPC, every stage a process

The stages are those of `sniperforge up`, filters, limits and journal on. Launches
are buried in trades nobody holds, as on mainnet; what counts is the time between
the endpoint handing a launch to the kernel and the RPC reading its order.
"""

from __future__ import annotations

import json as stdlib_json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

CONFIG = """\
[run]
instance = "{instance}"
directory = "{directory}"

[[feed.endpoints]]
name = "bench"
url = "{ws}"

[detect]
venues = ["pumpfun"]

[[bots]]
name = "bench"
positions_max = 1000
cooldown_ms = 0

[bots.filters]
venues = ["pumpfun"]

[coordinate]
execution = "rpc"
rpc = "{rpc}"
keypair = "{directory}/wallet.json"
wallet_signs_minute_lamports_max = 1_000_000_000_000_000
resend_ms = 600_000
status_poll_ms = 600_000
balance_poll_ms = 600_000

[coordinate.limits]
spend_lamports_max = 1_000_000_000
positions_open_max = 10_000
exposure_creator_lamports_max = 1_000_000_000_000
exposure_venue_lamports_max = 1_000_000_000_000_000
loss_day_lamports_max = 1_000_000_000_000
fees_hour_lamports_max = 1_000_000_000_000
orders_minute_max = 100_000
"""
START_S = 60.0


def measure(*, rate: int, launches: int, seconds: float, seed: int) -> dict[str, Any]:
    """Run once and return the figures, times in nanoseconds."""
    from sniperforge.host import process
    from sniperforge.observe.session import percentile
    from sniperforge.runtime.system import System
    from sniperforge.runtime.topology import load
    from sniperforge.shm.ring import Ring

    with tempfile.TemporaryDirectory(prefix="sniperforge-bench-") as folder:
        directory = Path(folder)
        result, addresses = directory / "result.json", directory / "addresses.json"
        ends = process.fork(_ends_body(rate, launches, seconds, seed, result, addresses), name="bench-ends")
        _wait_ready(ends, "the endpoint")
        found = stdlib_json.loads(addresses.read_text())
        _wallet(directory / "wallet.json")
        config = directory / "bench.toml"
        instance = f"bench-{os.getpid()}"
        config.write_text(CONFIG.format(instance=instance, directory=directory, **found))
        topology = load(config, {})
        system = process.fork(lambda ready: System(topology).run(ready=ready), name="bench-system")
        try:
            _wait_ready(system, "the system")
            _wait_file(result, seconds + START_S)
            told = stdlib_json.loads(result.read_text())
            frames = Ring.attach("frames", instance=instance).stat()
            legs = _legs(instance)
        finally:
            for child in (system, ends):
                os.kill(child.pid, signal.SIGTERM)
                os.waitpid(child.pid, 0)
    times = told["latency_ns"]
    lost = sum(reader["lost"] for reader in frames["consumers"]) + told["frames"] - frames["head"]
    return {
        "frames": told["frames"],
        "launches": told["launches"],
        "ordered": told["ordered"],
        "repeated": told["repeated"],
        "lost": lost + told["launches"] - told["ordered"],
        "p50_ns": percentile(times, 0.5),
        "p99_ns": percentile(times, 0.99),
        "p999_ns": percentile(times, 0.999),
        "schedule_late_p99_ns": percentile(told["late_ns"], 0.99),
        "legs_p50_ns": {leg: percentile(values, 0.5) for leg, values in legs.items()},
        "rpc_calls": told["calls"],
    }


def _legs(instance: str) -> dict[str, list[int]]:
    """Return the stages' own stamps of the launches the rings still hold, leg by leg."""
    from sniperforge.base import wire
    from sniperforge.observe.session import Session
    from sniperforge.shm.ring import Ring

    session = Session()
    for topic in ("market", "intents", "fills"):
        with Ring.attach(topic, instance=instance).consumer("bench-legs", start="head", observer=True) as reader:
            while batch := reader.drain():
                for record in batch:
                    session.on(wire.decode(record.type, record.payload))
    return {leg: values for leg, values in session.legs.items() if values}


def _ends_body(
    rate: int, launches: int, seconds: float, seed: int, result: Path, addresses: Path
) -> Callable[[Callable[[], None]], int]:
    def body(ready: Callable[[], None]) -> int:
        import asyncio

        import uvloop

        from sniperforge_cli.bench_ends import Ends

        def told(ws: str, rpc: str) -> None:
            addresses.write_text(stdlib_json.dumps({"ws": ws, "rpc": rpc}))
            ready()

        async def serve() -> None:
            ends = Ends(rate=rate, launches_per_s=launches, seconds=seconds, seed=seed, told=result)
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ends.finished.set)
            await ends.serve(told)

        uvloop.run(serve())
        return 0

    return body


def _wait_ready(child: Any, what: str) -> None:
    import select

    from sniperforge.base.errors import UnavailableError

    if not select.select([child.ready_fd], [], [], START_S)[0] or not os.read(child.ready_fd, 16):
        raise UnavailableError(f"bench path: {what} did not start within {START_S:.0f} s; see its lines above")


def _wait_file(path: Path, seconds: float) -> None:
    from sniperforge.base.errors import UnavailableError

    deadline = time.monotonic() + seconds
    while not path.exists() or not path.stat().st_size:
        if time.monotonic() > deadline:
            raise UnavailableError(f"bench path: no result after {seconds:.0f} s; the load was not carried")
        time.sleep(0.2)
    time.sleep(0.1)


def _wallet(path: Path) -> None:
    from solders.keypair import Keypair

    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(Keypair.from_seed(bytes(range(32))).to_json())


def report(*, rate: int, launches: int, seconds: float, runs: int, seed: int, json: bool) -> None:
    """Measure and print; see `sniperforge bench path`."""
    figures = [measure(rate=rate, launches=launches, seconds=seconds, seed=seed + run) for run in range(runs)]
    if json:
        typer.echo(stdlib_json.dumps(figures, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="socket to socket, every stage a process on rings", title_justify="left", box=None, width=80)
    for column in ("frames/s", "launches", "orders", "lost", "p50", "p99", "p99.9", "load ms late p99"):
        table.add_column(column, justify="right")
    for run in figures:
        times = (f"{run[share] / 1e6:.2f} ms" for share in ("p50_ns", "p99_ns", "p999_ns"))
        late = f"{run['schedule_late_p99_ns'] / 1e6:.2f}"
        table.add_row(str(rate), str(run["launches"]), str(run["ordered"]), str(run["lost"]), *times, late)
    Console(width=80).print(table)
