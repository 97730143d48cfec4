"""A localnet as a process of its own: one ready line, then slots until told to stop.

settings -> {"rpc": …, "ws": …} on stdout (and on a descriptor), 0 after SIGTERM
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from sniperforge.base.errors import UsageError
from sniperforge.chain.localnet.cluster import LocalNet
from sniperforge.chain.localnet.market import run_market
from sniperforge.chain.localnet.market_plan import MarketSettings
from sniperforge.chain.localnet.settings import LocalNetSettings

_MARKET_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How the process behaves.

    Attributes:
        ready_fd: descriptor that gets the ready line, -1 for none; closed after it.
        seconds: when to end by itself; None runs until a signal.
        market: trade on it; the process ends with the market.
        ledger: file of the market's ground truth, "" for none.
    """

    as_json: bool = False
    ready_fd: int = -1
    seconds: float | None = None
    market: bool = False
    ledger: str = ""


def serve(settings: LocalNetSettings, serving: Serving) -> None:
    """Run a localnet until SIGTERM, SIGINT or the end of its time.

    Raises:
        PortBusy, ProgramUnreadable, CloneFailed: see `LocalNet.start`.
        UsageError: the ready descriptor or the ledger cannot be written.
    """
    uvloop.run(_serve(settings, serving))


async def _serve(settings: LocalNetSettings, serving: Serving) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with LocalNet(settings) as net:
        _announce(net, serving)
        ends: list[Coroutine[None, None, object]] = [told.wait(), net.failed()]
        if serving.market:
            ends.append(_market(net.rpc_url, settings.seed, serving))
        elif serving.seconds is not None:
            ends.append(asyncio.sleep(serving.seconds))
        tasks = [asyncio.ensure_future(each) for each in ends]
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for task in done:
            task.result()


async def _market(url: str, seed: int, serving: Serving) -> None:
    seconds = _MARKET_SECONDS if serving.seconds is None else serving.seconds
    path = Path(serving.ledger) if serving.ledger else None
    try:
        await run_market(url, MarketSettings(seed=seed, duration_ms=int(seconds * 1000)), ledger_path=path)
    except OSError as problem:
        raise UsageError(f"--ledger {serving.ledger}: {problem.strerror}; name a file that can be written") from None


def _announce(net: LocalNet, serving: Serving) -> None:
    line = orjson.dumps({"rpc": net.rpc_url, "ws": net.ws_url}) + b"\n"
    if serving.as_json:
        print(line.decode(), end="", flush=True)
    else:
        print(f"localnet ready: rpc {net.rpc_url} ws {net.ws_url}", flush=True)
    if serving.ready_fd >= 0:
        try:
            os.write(serving.ready_fd, line)
        except OSError as problem:
            raise UsageError(f"--ready-fd {serving.ready_fd}: {problem.strerror}; pass an open descriptor") from None
        with suppress(OSError):
            os.close(serving.ready_fd)
