"""`sniperforge bench decode`: a block's transactions through detect, beside a bare json.loads of the same lines.

recorded block | frames, one a line -> logsNotification frames -> tx/s, ratios, events

A block is turned into the frames a node would have sent for it (signature, err,
logs) once, before any clock runs. Three ways are timed, because detect does not
look at every line alike: as it runs in production (trades of tracked pools only),
with every trade told, and with the byte test left out, so that every line of every
transaction is attributed to its program. A round runs each of them, with a detector
that has seen nothing and json.loads right before it; a ratio is of one round.
"""

from __future__ import annotations

import gc
import json as stdlib_json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson
import typer

#: As many as block 332254908 of mainnet holds, a launch to every thirty of them.
MADE_LAUNCHES, MADE_TRADES = 62, 1_800
FRAMES_MAX = 1_000_000

Step = Callable[[bytes], int]
#: What makes a step, fresh for every round.
Way = Callable[[], Step]


class _Meta(msgspec.Struct):
    err: msgspec.Raw = msgspec.Raw(b"null")
    logMessages: list[str] | None = None


class _Element(msgspec.Struct):
    meta: _Meta


class _Block(msgspec.Struct):
    transactions: list[_Element] | None = None


class _Answer(msgspec.Struct):
    result: _Block | None = None


class Figures(NamedTuple):
    """What one way took, by round."""

    tx_per_s: list[float]
    ratios: list[float]
    events: int


def measure(frames: Sequence[bytes], *, rounds: int) -> dict[str, Any]:
    """Return the figures: transactions a second, and how many times json.loads' of the same round that is.

    Raises:
        SniperForgeError: one way told different things in two rounds.
    """
    from sniperforge.host.process import freeze

    ways = _ways()
    found: dict[str, Figures] = {}
    bare: list[float] = []
    freeze()  # as every stage does
    try:
        for _ in range(rounds):
            for name, way in ways.items():
                loads, _ = _timed(frames, _loads)
                rate, events = _timed(frames, way())
                figures = found.setdefault(name, Figures([], [], events))
                _same(name, figures.events, events)
                figures.tx_per_s.append(rate)
                figures.ratios.append(rate / loads)
                bare.append(loads)
    finally:
        gc.unfreeze()
    return {
        "transactions": len(frames),
        "bytes": sum(map(len, frames)),
        "rounds": rounds,
        "json_loads": _shape(bare),
        **{
            name: {**_shape(one.tx_per_s), "ratio": round(statistics.median(one.ratios), 3), "events": one.events}
            for name, one in found.items()
        },
    }


def _ways() -> dict[str, Way]:
    from sniperforge.base.events import Frame
    from sniperforge.detect.detector import Detector
    from sniperforge.detect.inputs import read_frame
    from sniperforge.detect.settings import DetectSettings

    def detect(settings: DetectSettings) -> Way:
        def fresh() -> Step:
            on_frame = Detector(settings).on_frame
            return lambda data: len(on_frame(Frame(data=data, recv_ns=1, source="bench"), 1))

        return fresh

    return {
        "detect": detect(DetectSettings(trades="tracked")),
        "detect_all_trades": detect(DetectSettings(trades="all")),
        "attribute": lambda: lambda data: len(read_frame(data)),
    }


def _loads(data: bytes) -> int:
    stdlib_json.loads(data)
    return 0


def _timed(frames: Sequence[bytes], step: Step) -> tuple[float, int]:
    """Return frames a second of *step*, and what it told in all."""
    told = 0
    began = time.perf_counter_ns()
    for frame in frames:
        told += step(frame)
    return len(frames) * 1e9 / (time.perf_counter_ns() - began), told


def _same(name: str, first: int, now: int) -> None:
    from sniperforge.base.errors import SniperForgeError

    if first != now:
        raise SniperForgeError(
            f"bench decode: {name} told {first} things in one round and {now} in another; report this as a bug"
        )


def _shape(rates: Sequence[float]) -> dict[str, int]:
    return {"tx_per_s": round(statistics.median(rates)), "tx_per_s_best": round(max(rates))}


# ── frames ────────────────────────────────────────────────────────────────


def frames_of(path: str) -> list[bytes]:
    """Return a file's transactions as logsNotification frames; a line that is no block stays the frame it is.

    Args:
        path: getBlock answers (bare or in their envelope), or frames as a feed records them; .gz and .zst too.

    Raises:
        UsageError: it cannot be read, or holds no transaction.
        DecodeError: a line is no JSON or a block that is none.
    """
    from sniperforge.base.errors import UsageError
    from sniperforge.detect.inputs import documents, read_line
    from sniperforge.runtime.hand import read_bytes

    frames: list[bytes] = []
    for number, document in documents(read_bytes(path)):
        data = read_line(document, recv_ns=0, source=path).data
        where = f"{path}:{number}"
        frames += _block_frames(data, where) if b'"transactions"' in data else [_checked(data, where)]
    if not 0 < len(frames) <= FRAMES_MAX:
        raise UsageError(f"{path}: {len(frames)} transactions; give a file that holds 1 to {FRAMES_MAX} of them")
    return frames


def _checked(data: bytes, where: str) -> bytes:
    """Return *data* if both readers that are timed can read it; raises DecodeError with its place."""
    from sniperforge.base.errors import DecodeError
    from sniperforge.detect.inputs import read_frame

    try:
        stdlib_json.loads(data)
        read_frame(data)
    except DecodeError as problem:
        raise DecodeError(f"{where}: {problem}") from None
    except (ValueError, RecursionError) as problem:
        raise DecodeError(f"{where}: not JSON ({problem}); give a block, or frames, one a line") from None
    return data


def _block_frames(data: bytes, where: str) -> Iterator[bytes]:
    """Yield what a logs subscription would have sent for a block."""
    from sniperforge.base.errors import DecodeError
    from sniperforge.detect.inputs import read_frame

    elements = _elements(data, where)
    readings = read_frame(data)
    if len(readings) != len(elements):
        raise DecodeError(f"{where}: a block in a form this does not take apart; give what getBlock answered")
    for position, (reading, element) in enumerate(zip(readings, elements, strict=True)):
        if isinstance(reading, DecodeError):
            raise DecodeError(f"{where}: transaction {position}: {reading}")
        value = {"signature": reading.signature, "err": element.err, "logs": element.logMessages or []}
        params = {"result": {"context": {"slot": reading.slot}, "value": value}, "subscription": 1}
        yield msgspec.json.encode({"jsonrpc": "2.0", "method": "logsNotification", "params": params})


def _elements(data: bytes, where: str) -> list[_Meta]:
    from sniperforge.base.errors import DecodeError

    try:
        answer = msgspec.json.decode(data, type=_Answer)
        block = answer.result or msgspec.json.decode(data, type=_Block)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise DecodeError(f"{where}: not a block ({str(problem)[:120]}); give what getBlock answered") from None
    return [element.meta for element in block.transactions or []]


def made_frames() -> list[bytes]:
    """Return made-up launches and trades, mixed as they come."""
    from sniperforge_cli.frames import launches, trades

    made = list(trades(MADE_TRADES, seed=2))
    for number, launch in enumerate(launches(MADE_LAUNCHES, seed=1)):
        made.insert(number * (1 + MADE_TRADES // MADE_LAUNCHES), launch.frame)
    return made


# ── telling ───────────────────────────────────────────────────────────────

_SHOWN = {
    "detect": "detect, as it runs",
    "detect_all_trades": "detect, every trade told",
    "attribute": "every line attributed",
    "json_loads": "json.loads alone",
}


def _print(figures: dict[str, Any], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None)
    for column in ("one core", "tx/s", "best", "/ json.loads", "events"):
        table.add_column(column, justify="left" if column == "one core" else "right")
    for name, shown in _SHOWN.items():
        row = figures[name]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        events = f"{row['events']:,}" if name.startswith("detect") else ""
        table.add_row(shown, f"{row['tx_per_s']:,}", f"{row['tx_per_s_best']:,}", ratio, events)
    Console(width=80).print(table)


def report(*, frames: str, rounds: int, json: bool) -> None:
    """Measure and print; see `sniperforge bench decode`."""
    from pathlib import Path

    figures = measure(frames_of(frames) if frames else made_frames(), rounds=rounds)
    if json:
        typer.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
        return
    name = Path(frames).name if frames else "made-up frames"
    size = figures["bytes"] / 1e6
    _print(figures, f"{name}: {figures['transactions']:,} transactions as logs, {size:.1f} MB, {rounds} rounds")
