"""How `bench ring` measures: one producer, N consumers, forked; all transports in every round.

transports -> runs (per round and transport) -> medians and paired ratios -> bench_ring_show
"""

from __future__ import annotations

import os
import platform
import random
import select
import signal
import statistics
import struct
import time
import uuid
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import psutil

from sniperforge.base.errors import SniperForgeError, UsageError
from sniperforge_cli.bench_peers import available
from sniperforge_cli.bench_transports import Load, Send, Transport

HEADER = struct.Struct("qq")  # when it was due, number; number -1 ends the run
_PATIENCE_S = 30.0
DISTURBED_CORES = 0.5  # a run beside more work of others than this is counted as disturbed


def measure(*, size: int, consumers: int, rate: int, seconds: float, rounds: int, only: list[str]) -> dict[str, Any]:
    """Run every transport once a round, in shuffled order, and return medians and paired ratios."""
    transports, absent = available(only)
    runs: dict[str, list[dict[str, float]]] = {item.name: [] for item in transports}
    floors: list[int] = []
    for _ in range(rounds):
        if rate:
            floors.append(floor_p50_ns(min(rate, 2000), min(seconds, 1.0)))
        for transport in random.sample(transports, len(transports)):
            try:
                row = run_once(transport, size=size, consumers=consumers, rate=rate, seconds=seconds)
            except SniperForgeError as error:
                if transport.name == "ring":
                    raise
                absent[transport.name] = str(error)  # a peer that breaks does not take the others with it
                transports.remove(transport)
                del runs[transport.name]
            else:
                runs[transport.name].append(row)
    return {
        "machine": machine(),
        "others": _others([row for rows in runs.values() for row in rows]),
        "size": size, "consumers": consumers, "rate": rate, "seconds": seconds, "rounds": rounds,
        "absent": absent,
        "networked": [item.name for item in transports if item.networked],
        "versions": {item.name: item.version for item in transports if item.version},
        "in_process_ns": in_process_ns(size),
        "futex_floor_p50_us": statistics.median(floors) / 1000 if floors else None,
        "transports": {name: _summary(name, rows, runs["ring"], rate) for name, rows in runs.items()},
    }  # fmt: skip


def _summary(name: str, rows: list[dict[str, float]], ours: list[dict[str, float]], rate: int) -> dict[str, Any]:
    good = [(row, ring) for row, ring in zip(rows, ours, strict=True) if row["complete"] and ring["complete"]]
    keys = ("rate", "p50_us", "p99_us", "p999_us", "cpu_us")
    summary: dict[str, Any] = {key: statistics.median(row[key] for row in rows) for key in keys}
    summary["best_p99_us"] = min(row["p99_us"] for row in rows)
    summary["complete"] = all(row["complete"] for row in rows)
    key = "p50_us" if rate else "rate"
    ratios = [ring[key] / row[key] for row, ring in good if row[key]]
    if ratios and name != "ring":
        summary["ring_ratio"] = [statistics.median(ratios), min(ratios), max(ratios)]
    return summary


def machine() -> dict[str, object]:
    """Return what a reader must know to read the numbers."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _others(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return what else the machine did during the runs: cores at work for others, cores the host took."""
    return {
        "cores": statistics.median(row["other_cores"] for row in rows),
        "stolen_cores": statistics.median(row["stolen_cores"] for row in rows),
        "runs": len(rows),
        "runs_disturbed": sum(row["other_cores"] + row["stolen_cores"] > DISTURBED_CORES for row in rows),
    }


# ── one run ───────────────────────────────────────────────────────────────


def run_once(transport: Transport, *, size: int, consumers: int, rate: int, seconds: float) -> dict[str, float]:
    """Carry messages for *seconds* and return rate, latency from the schedule, and CPU per message."""
    quiet = _times()
    transport.open(Load(size=size, consumers=consumers, paced=bool(rate)))
    answers: list[int] = []
    ready, say = os.pipe()
    pids = []
    try:
        for index in range(consumers):
            fd, tell = os.pipe()
            answers.append(fd)
            work = partial(_consume, transport, index, say, tell)
            pids.append(forked(work, place=1 if consumers == 1 else None))
            os.close(tell)
        told(ready, consumers)
        cpu_before = transport.cpu_s()
        fd, tell = os.pipe()
        answers.append(fd)
        work = partial(_produce, transport, size, rate, seconds, tell)
        pids.append(forked(work, place=0 if consumers == 1 else None))
        os.close(tell)
        results = [answer(fd) for fd in answers]
        cpu_beside = transport.cpu_s() - cpu_before
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for fd in (*answers, ready, say):
            os.close(fd)
        transport.close()
    return _folded(results[-1], results[:-1], cpu_beside) | _disturbance(quiet, _times())


def _times() -> tuple[float, float, float, float]:
    """Return seconds: now, CPU of this process and its ended children, CPU of all, stolen by the host."""
    all_ = psutil.cpu_times()
    ours = sum(os.times()[:4])
    busy = sum(getattr(all_, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
    return time.monotonic(), ours, busy, getattr(all_, "steal", 0.0)


def _disturbance(before: tuple[float, ...], after: tuple[float, ...]) -> dict[str, float]:
    span, ours, busy, stolen = (late - early for early, late in zip(before, after, strict=True))
    return {"other_cores": max(busy - ours, 0.0) / span, "stolen_cores": stolen / span}


def _folded(sent: dict[str, float], received: list[dict[str, float]], cpu_beside: float) -> dict[str, float]:
    count = sent.get("count", 0)
    complete = bool(count) and all(row.get("count") == count and row.get("ordered") for row in received)
    last = max((row.get("last_ns", 0.0) for row in received), default=0.0)
    span_s = max(last - sent.get("first_ns", last), 1.0) / 1e9
    cpu = cpu_beside + sent.get("cpu_s", 0.0) + sum(row.get("cpu_s", 0.0) for row in received)
    folded = {"complete": float(complete), "rate": count / span_s, "cpu_us": cpu / max(count, 1) * 1e6}
    for key in ("p50_us", "p99_us", "p999_us"):
        folded[key] = statistics.median(row.get(key, 0.0) for row in received)
    return folded


def forked(work: Callable[[], None], *, place: int | None = None) -> int:
    """Run *work* in a child, on the core at *place* of the usable ones; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        if place is not None:
            _pin(place)
        work()
        code = 0
    finally:
        os._exit(code)


def told(fd: int, count: int) -> None:
    """Wait until *count* children have written a byte."""
    while count:
        if not select.select([fd], [], [], _PATIENCE_S)[0]:
            raise UsageError("bench ring: a consumer did not come up; look at its error above")
        count -= len(os.read(fd, count))


def answer(fd: int) -> dict[str, float]:
    """Return the JSON object a child wrote; empty when it died or hangs."""
    text = b""
    while select.select([fd], [], [], _PATIENCE_S)[0]:
        part = os.read(fd, 65536)
        if not part:
            return dict(orjson.loads(text)) if text else {}
        text += part
    return {}  # it hangs: the run counts as incomplete


def _produce(transport: Transport, size: int, rate: int, seconds: float, tell: int) -> None:
    send, body = transport.sender(), bytes(size - HEADER.size)
    cpu, first = time.process_time(), time.monotonic_ns()
    end = first + int(seconds * 1e9)
    number = _paced(send, body, first, end, 1_000_000_000 // rate) if rate else _flat_out(send, body, end)
    send(HEADER.pack(0, -1) + body)
    transport.flush()
    os.write(tell, orjson.dumps({"count": number, "first_ns": first, "cpu_s": time.process_time() - cpu}))
    os.close(tell)
    time.sleep(_PATIENCE_S)  # queues may have a thread that is still writing; the parent ends us


def _paced(send: Send, body: bytes, due: int, end: int, interval: int) -> int:
    """Send on an absolute schedule; the message carries when it was due, so that lateness counts as latency."""
    pack, clock, number = HEADER.pack, time.monotonic_ns, 0
    while due < end:
        due += interval
        rest = due - clock() - 90_000
        if rest > 0:
            time.sleep(rest / 1e9)
        while clock() < due:
            pass
        send(pack(due, number) + body)
        number += 1
    return number


def _flat_out(send: Send, body: bytes, end: int) -> int:
    """Send as fast as it goes; one message in 64 carries a stamp, since the clock would be the bottleneck."""
    pack, clock, number = HEADER.pack, time.monotonic_ns, 0
    while (now := clock()) < end:
        send(pack(now, number) + body)
        for number in range(number + 1, number + 64):  # noqa: B020
            send(pack(0, number) + body)
        number += 1
    return number


def _consume(transport: Transport, index: int, say: int, tell: int) -> None:
    receive, unpack, clock = transport.receiver(index), HEADER.unpack_from, time.monotonic_ns
    ages, expected, ordered = array("q"), 0, True
    os.write(say, b"!")
    cpu = time.process_time()
    while True:
        scheduled, number = unpack(receive())
        if number != expected:
            if number < 0:
                break
            ordered = False
        if scheduled:
            ages.append(clock() - scheduled)
        expected = number + 1
    result = {"count": expected, "last_ns": clock(), "ordered": ordered, "cpu_s": time.process_time() - cpu}
    rows = sorted(ages[len(ages) // 10 :]) or [0]  # the first tenth warms up
    for key, part in (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999)):
        result[key] = rows[min(len(rows) - 1, int(len(rows) * part))] / 1000
    os.write(tell, orjson.dumps(result))


def _pin(place: int) -> None:
    """One to one: producer on the first core, consumer on the second, where there are two."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[place]})


def floor_p50_ns(rate: int, seconds: float) -> int:
    """Return the median of bare futex wakes between two processes, in C, at *rate*."""
    from sniperforge.shm import _ring
    from sniperforge.shm.counters import Board

    count = max(int(rate * seconds), 1)
    with Board.create(
        "floor", instance=f"bench-{uuid.uuid4().hex[:8]}", counters=["futex", "stamp", "number"]
    ) as board:
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        pid = forked(partial(_ring.floor_send, board._words, count, 1_000_000_000 // rate), place=0)
        _pin(1)
        ages = _ring.floor_receive(board._words, count, int((seconds + 5) * 1e9))
        if cores:
            os.sched_setaffinity(0, cores)
        os.waitpid(pid, 0)
    return int(statistics.median(ages)) if ages else 0


def in_process_ns(size: int) -> float:
    """Return what one publish and one read of *size* bytes cost in one process: the best of 20 rows of 10,000."""
    from sniperforge.shm.ring import Ring

    best, body = float("inf"), bytes(size)
    with Ring.create("alone", instance=f"bench-{uuid.uuid4().hex[:8]}", capacity=1 << 20, consumers=["0"]) as ring:
        publish, read = ring.producer("bench").publish, ring.consumer("0").read
        for _ in range(20):
            began = time.perf_counter_ns()
            for _ in range(10_000):
                publish(1, body)
                read()
            best = min(best, (time.perf_counter_ns() - began) / 10_000)
    return round(best, 1)
