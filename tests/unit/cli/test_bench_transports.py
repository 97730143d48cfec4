"""Every transport of `bench ring` carries every message to every consumer, in order.

Producer and consumers are threads here; the processes are in tests/integration/shm/test_bench_ring.py.
"""

from __future__ import annotations

import functools
import queue
import threading

import pytest

from sniperforge_cli.bench_peers import PEERS, available
from sniperforge_cli.bench_transports import Load, Transport

NAMES = [item.name for item in available(peers=())[0]] + [kind.name for kind in PEERS]
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
        assert transport.networked or transport.cpu_s() == 0.0  # only a broker works beside producer and consumer
    finally:
        transport.close()
    return got


@pytest.mark.parametrize("consumers", [1, 2])
@pytest.mark.parametrize("paced", [False, True], ids=["flat out", "paced"])
@pytest.mark.parametrize("name", NAMES)
def test_every_consumer_gets_every_message_in_order(name: str, paced: bool, consumers: int) -> None:
    sent = [number.to_bytes(8, "little") + bytes(56) for number in range(COUNT)]
    load = Load(size=64, consumers=consumers, paced=paced)
    assert carried(given(name), load, sent) == [sent] * consumers


def test_a_transport_is_whole_or_it_is_none() -> None:
    class Half(Transport):
        def open(self, load: Load) -> None:
            """Nothing to make."""

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]
