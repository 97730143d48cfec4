"""What a transport of `bench ring` carries, with threads as producer and consumers."""

from __future__ import annotations

import functools
import queue
import threading

import pytest

from sniperforge_cli.bench_peers import available
from sniperforge_cli.bench_transports import Load, Transport

COUNT = 250  # two batches of a broker's client and a half


@functools.cache
def found_here() -> tuple[list[Transport], dict[str, str]]:
    return available()


def given(name: str) -> Transport:
    """Return the transport *name*, or skip saying why it is not here."""
    transports, absent = found_here()
    if name in absent:
        pytest.skip(f"{name} is not here: {absent[name]}")
    return next(item for item in transports if item.name == name)


def carried(transport: Transport, load: Load, sent: list[bytes]) -> list[list[bytes]]:
    """Return what each consumer got of *sent*."""
    ready: queue.Queue[int] = queue.Queue()
    got: list[list[bytes]] = [[] for _ in range(load.consumers)]

    def consume(index: int) -> None:
        receive = transport.receiver(index)
        ready.put(index)
        got[index].extend(receive() for _ in sent)

    transport.open(load)
    try:
        threads = [threading.Thread(target=consume, args=(index,), daemon=True) for index in range(load.consumers)]
        for thread in threads:
            thread.start()
            ready.get(timeout=20)
        send = transport.sender()
        for message in sent:
            send(message)
        transport.flush()
        for thread in threads:
            thread.join(20)
        assert transport.cpu_s() == 0.0 or transport.networked  # only a broker works beside producer and consumer
    finally:
        transport.close()
    return got


def check(name: str, *, paced: bool, consumers: int) -> None:
    """Assert that the transport *name* brings every message to every consumer, in order; skip where it is not."""
    sent = [number.to_bytes(8, "little") + bytes(56) for number in range(COUNT)]
    assert carried(given(name), Load(size=64, consumers=consumers, paced=paced), sent) == [sent] * consumers
