"""`sniperforge bench decide`: from the text of a frame to signed bytes, in one process.

The whole way of ours (attribution, belief, filters, sizing, limits, template,
signature, journal), until the transport gets the bytes, against the least any Python program must do, frame by frame
in turns, so that a noisy moment hits both. Trade frames nobody holds are timed on
the reject path of the detector.
"""

from __future__ import annotations

import gc
import json as stdlib_json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

#: chainstack's bot as shipped, and the bare script beside it, on one machine (µs, p50).
CHAINSTACK_US, BARE_US = 2464, 150


def measure(*, launches: Sequence[bytes], trades: Sequence[bytes], rounds: int, durability: str) -> dict[str, Any]:
    """Return the figures, times in microseconds."""
    from sniperforge.host.process import freeze

    ours: list[float] = []
    bare_times: list[float] = []
    rejects: list[float] = []
    bare_rejects: list[float] = []
    with tempfile.TemporaryDirectory(prefix="sniperforge-bench-") as folder:
        for number in range(rounds):
            run = _Ours(Path(folder), f"{number}", durability)
            bare = run.bare(launches[0])
            run.forget()
            freeze()  # as every stage does
            for frame in launches:
                began = time.perf_counter_ns()
                bare.decide(frame)
                between = time.perf_counter_ns()
                run.decide(frame)
                bare_times.append((between - began) / 1e3)
                ours.append((run.left_ns - between) / 1e3)
            run.check(len(launches))
            rejects.append(_rate(run.reject, trades))
            bare_rejects.append(_rate(bare.decide, trades))
            run.close()
            gc.unfreeze()
    ratio = statistics.median(ours) / statistics.median(bare_times)
    return {
        "launches": len(launches),
        "rounds": rounds,
        "durability": durability,
        "ours_us": _shape(ours),
        "bare_us": _shape(bare_times),
        "ratio_p50": round(ratio, 3),
        "faster_than_chainstack_scaled": round(CHAINSTACK_US / BARE_US / ratio, 2),
        "rejects_per_s": {"median": round(statistics.median(rejects)), "best": round(max(rejects))},
        "bare_rejects_per_s": {"median": round(statistics.median(bare_rejects)), "best": round(max(bare_rejects))},
    }


class _Ours:
    """Detector, bot and coordinator in this process, with a transport that only keeps the bytes."""

    def __init__(self, folder: Path, name: str, durability: str) -> None:
        from solders.keypair import Keypair

        from sniperforge.base.clock import SystemClock
        from sniperforge.base.events import Event, Frame, OrderProposed
        from sniperforge.coordinate.service import Coordinator
        from sniperforge.detect.detector import Detector
        from sniperforge.detect.settings import DetectSettings
        from sniperforge.dex.venues import VENUES
        from sniperforge.runtime.topology import make_bot

        self._clock = SystemClock()
        self._frame, self._order = Frame, OrderProposed
        self._detector = Detector(DetectSettings(trades="tracked"), VENUES.values())
        self._bot = make_bot("liquidity_sniper", "bench", BOT)
        self._seed = bytes(range(32))
        keypair = folder / f"{name}.json"
        with os.fdopen(os.open(keypair, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(Keypair.from_seed(self._seed).to_json())
        self._sent: list[bytes] = []
        self.left_ns = 0
        self._published: list[Event] = []
        settings = _money(keypair, folder / f"{name}.sqlite", durability)
        self._coordinator = Coordinator(settings, clock=self._clock, publish=self._published.append, transport=self)
        self._coordinator.open()
        self._coordinator.prime(b"\x07" * 32, 10**9, wallet_lamports=10**15)

    def send(self, signature: str, raw: bytes, now_ns: int) -> None:
        """Take signed bytes as a socket would (a `Transport`); the clock of the bench stops here."""
        self.left_ns = time.perf_counter_ns()
        self._sent.append(raw)

    def decide(self, data: bytes) -> None:
        """Bring one frame all the way to the transport."""
        now_ns = self._clock.now_ns()
        for event in self._detector.stream(self._frame(data, now_ns, "bench"), now_ns):
            for said in self._bot.on(event, now_ns):
                if isinstance(said, self._order):
                    self._coordinator.on(said)

    @staticmethod
    def forget() -> None:
        """Empty every cache of derived addresses: a round must not live on what the last one derived."""
        import sys

        for name, module in list(sys.modules.items()):
            if name.startswith("sniperforge."):
                for item in vars(module).values():
                    clear = getattr(item, "cache_clear", None)
                    if clear is not None:
                        clear()

    def reject(self, data: bytes) -> None:
        """Hand one frame of no interest to the detector."""
        self._detector.on_frame(self._frame(data, 1, "bench"), 1)

    def bare(self, sample: bytes) -> Any:
        """Return the bare script, its message compiled by our builder for the launch *sample*."""
        from sniperforge_cli.bare import Bare

        self.decide(sample)
        return Bare(self._seed, self._sent[-1][65:], sample)

    def check(self, launches: int) -> None:
        """Every launch must have become one signed transaction, else the times mean nothing."""
        if len(self._sent) != launches:
            from sniperforge.base.errors import SniperForgeError

            refusals = {str(event)[:200] for event in self._published if "Refused" in type(event).__name__}
            raise SniperForgeError(f"bench decide: {len(self._sent)} of {launches} launches were signed; {refusals}")

    def close(self) -> None:
        """Close the journal."""
        self._coordinator.close()


BOT: dict[str, Any] = {
    "positions_max": 1000,
    "cooldown_ms": 0,
    "filters": {"venues": ["pumpfun"]},
    "sizing": {"quote_amount": 10_000_000},
}


def _money(keypair: Path, journal: Path, durability: str) -> Any:
    from sniperforge.base.config import settings
    from sniperforge.coordinate.settings import CoordinateSettings

    many = 10**15
    limits = {name: many for name in CoordinateSettings().limits.__struct_fields__ if name.endswith("_max")}
    limits |= {name: 10_000 for name in limits if "lamports" not in name}
    table: dict[str, Any] = {
        "execution": "rpc",
        "rpc": "http://127.0.0.1:1",
        "keypair": str(keypair),
        "journal": str(journal),
    }
    table |= {"durability": durability, "wallet_signs_minute_lamports_max": many, "limits": limits}
    return settings(CoordinateSettings, table, path="coordinate")


def _rate(step: Any, frames: Sequence[bytes]) -> float:
    """Return frames a second over one pass long enough to mean something."""
    passes = max(1, 20_000 // len(frames))
    began = time.perf_counter_ns()
    for _ in range(passes):
        for frame in frames:
            step(frame)
    return passes * len(frames) / ((time.perf_counter_ns() - began) / 1e9)


def _shape(values: Sequence[float]) -> dict[str, float]:
    ranked = sorted(values)
    return {name: round(ranked[int(share * (len(ranked) - 1))], 1) for name, share in (("p50", 0.5), ("p99", 0.99))}


def _lines(path: str) -> list[bytes]:
    import gzip

    if not path:
        return []
    data = Path(path).read_bytes()
    return (gzip.decompress(data) if path.endswith(".gz") else data).splitlines()


def _made_launches(count: int) -> list[bytes]:
    from sniperforge_cli.frames import launches

    return [launch.frame for launch in launches(count, seed=1)]


def _made_trades(count: int) -> list[bytes]:
    from sniperforge_cli.frames import trades

    return list(trades(count, seed=2))


def _print(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="frame text to signed bytes, one process", title_justify="left", box=None)
    for column in ("", "p50 µs", "p99 µs", "trade frames rejected/s"):
        table.add_column(column, justify="left" if not column else "right")
    for name, times, rate in (
        ("sniperforge", "ours_us", "rejects_per_s"),
        ("bare script", "bare_us", "bare_rejects_per_s"),
    ):
        table.add_row(name, str(figures[times]["p50"]), str(figures[times]["p99"]), f"{figures[rate]['median']:,}")
    console = Console(width=80)
    console.print(table)
    console.print(
        f"{figures['ratio_p50']} times the bare script (which checks, limits and journals nothing); "
        f"{figures['faster_than_chainstack_scaled']} times faster than chainstack's bot, scaled by the same script"
    )


def report(*, frames: str, trade_frames: str, count: int, rounds: int, durability: str, json: bool) -> None:
    """Measure and print; see `sniperforge bench decide`."""
    figures = measure(
        launches=_lines(frames) or _made_launches(count),
        trades=_lines(trade_frames) or _made_trades(count),
        rounds=rounds,
        durability=durability,
    )
    if json:
        typer.echo(stdlib_json.dumps(figures, indent=2))
    else:
        _print(figures)
