"""`sniperforge bench wake`: what an interest mask saves when many wait on one ring.

one producer, typed records -> N consumers that want one type each, or all of them

Both arms run in every round, in shuffled order, on the same schedule. Every record is
counted at every consumer that wants it; the producer's own call is what is timed.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
import uuid
from array import array
from functools import partial
from typing import Any

import orjson
import typer

from sniperforge_cli.bench_ring_run import HEADER, answer, forked, machine, told

#: Every type is wanted by so many of the consumers: a bot's own answer wakes the bot, and an observer.
WANTED_BY = 2
_PATIENCE_S = 30.0


def report(*, consumers: int, rate: int, seconds: float, rounds: int, json: bool) -> None:
    """Measure and print; see `sniperforge bench wake`."""
    found = measure(consumers=consumers, rate=rate, seconds=seconds, rounds=rounds)
    typer.echo(orjson.dumps(found) if json else "\n".join(table(found)))


def measure(*, consumers: int, rate: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Run both arms once a round and return medians, and the ratio of each round."""
    arms: dict[str, list[dict[str, float]]] = {"by topic": [], "all": []}
    for _ in range(rounds):
        for name in random.sample(list(arms), len(arms)):
            arms[name].append(_run(consumers, rate, seconds, by_topic=name == "by topic"))
    pairs = list(zip(arms["by topic"], arms["all"], strict=True))
    shares = [masked["publish_p50_us"] / waking["publish_p50_us"] for masked, waking in pairs]
    return {
        "machine": machine(),
        "consumers": consumers,
        "rate": rate,
        "seconds": seconds,
        "rounds": rounds,
        "lost": sum(row["lost"] for rows in arms.values() for row in rows),
        "arms": {name: _medians(rows) for name, rows in arms.items()},
        "publish_ratio": [statistics.median(shares), min(shares), max(shares)],
    }  # fmt: skip


def _medians(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def _run(consumers: int, rate: int, seconds: float, *, by_topic: bool) -> dict[str, float]:
    from sniperforge.shm.ring import Ring

    types = max(1, consumers // WANTED_BY)
    instance, count = f"bench-{uuid.uuid4().hex[:8]}", max(1, int(rate * seconds))
    ready, say = os.pipe()
    answers, pids = [], []
    names = [str(index) for index in range(consumers)]
    with Ring.create("wake", instance=instance, capacity=1 << 20, consumers=names, deadline_ns=10_000_000_000):
        try:
            for index in range(consumers):
                interest = 1 << index % types if by_topic else (1 << types) - 1
                fd, tell = os.pipe()
                answers.append(fd)
                pids.append(forked(partial(_consume, instance, index, interest, say, tell)))
                os.close(tell)
            told(ready, consumers)
            fd, tell = os.pipe()
            answers.append(fd)
            pids.append(forked(partial(_produce, instance, types, count, rate, tell)))
            os.close(tell)
            results = [answer(fd) for fd in answers]
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            for fd in (*answers, ready, say):
                os.close(fd)
    sent, received = results[-1], results[:-1]
    wanted = sum(_wanted(index % types, types, count) if by_topic else count for index in range(consumers))
    cpu_s = sent.get("cpu_s", 0.0) + sum(row.get("cpu_s", 0.0) for row in received)
    return {
        "publish_p50_us": sent.get("p50_us", 0.0),
        "publish_mean_us": sent.get("mean_us", 0.0),
        "p50_us": statistics.median(row.get("p50_us", 0.0) for row in received),
        "cpu_us": cpu_s / count * 1e6,
        "lost": wanted - sum(row.get("count", 0) for row in received),
    }


def _wanted(kind: int, types: int, count: int) -> int:
    """Return how many of the numbers 0 … count - 1 are *kind* modulo *types*."""
    return (count - kind + types - 1) // types


def _produce(instance: str, types: int, count: int, rate: int, tell: int) -> None:
    from sniperforge.shm.ring import Ring

    producer = Ring.attach("wake", instance=instance).producer("bench")
    publish, pack, clock = producer.publish, HEADER.pack, time.monotonic_ns
    costs, body, interval = array("q"), bytes(240), 1_000_000_000 // rate
    cpu, due = time.process_time(), clock()
    for number in range(count):
        due += interval
        rest = due - clock() - 90_000
        if rest > 0:
            time.sleep(rest / 1e9)
        while clock() < due:
            pass
        message = pack(due, number) + body
        began = clock()
        publish(number % types, message)
        costs.append(clock() - began)
    cpu_s = time.process_time() - cpu
    time.sleep(0.5)  # the slowest consumer takes its last record
    result = {"p50_us": statistics.median(costs) / 1000, "mean_us": statistics.fmean(costs) / 1000, "cpu_s": cpu_s}
    for kind in range(types):
        publish(kind, pack(0, -1) + body)
    os.write(tell, orjson.dumps(result))
    os.close(tell)
    time.sleep(_PATIENCE_S)


def _consume(instance: str, index: int, interest: int, say: int, tell: int) -> None:
    from sniperforge.shm.ring import Ring

    consumer = Ring.attach("wake", instance=instance).consumer(str(index), interest=interest, spin_ns=0)
    receive, unpack, clock = consumer.receive, HEADER.unpack_from, time.monotonic_ns
    ages, taken = array("q"), 0
    os.write(say, b"!")
    cpu = time.process_time()
    while True:
        record = receive(None)
        if record is None:
            continue  # a signal came
        scheduled, number = unpack(record.payload)
        if number < 0:
            break
        ages.append(clock() - scheduled)
        taken += 1
    cpu_s = time.process_time() - cpu
    median = statistics.median(ages) / 1000 if ages else 0.0
    os.write(tell, orjson.dumps({"count": taken, "p50_us": median, "cpu_s": cpu_s}))
    os.close(tell)


def table(report: dict[str, Any]) -> list[str]:
    """Return the report as lines for a terminal."""
    facts = report["machine"]
    lines = [
        f"{facts['system']}, Python {facts['python']}, {facts['cores']} cores, load {facts['load_1m']}",
        f"1 -> {report['consumers']}, {report['rate']} records/s, {report['rounds']} x {report['seconds']} s, medians",
        f"{'woken':<12}{'publish p50 us':>16}{'mean us':>10}{'latency p50 us':>16}{'cpu us/record':>15}{'lost':>7}",
    ]
    for name, row in report["arms"].items():
        who = f"{WANTED_BY} of {report['consumers']}" if name == "by topic" else f"all {report['consumers']}"
        lines.append(
            f"{who:<12}{row['publish_p50_us']:>16.1f}{row['publish_mean_us']:>10.1f}{row['p50_us']:>16.1f}"
            f"{row['cpu_us']:>15.1f}{row['lost']:>7.0f}"
        )
    middle, least, most = report["publish_ratio"]
    lines.append(f"waking by topic costs the producer {middle:.3f} of waking all ({least:.3f} to {most:.3f} by round)")
    return lines
