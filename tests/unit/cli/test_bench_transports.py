"""Every transport of `bench ring` that needs no server carries every message to every consumer, in order.

Producer and consumers are threads here; the processes are in tests/integration/shm/test_bench_ring.py.
"""

from __future__ import annotations

import pytest

from sniperforge_cli.bench_peers import available
from sniperforge_cli.bench_transports import DrainedFifoTransport, FifoTransport, Load, Transport, ZmqTransport
from tests.unit.cli.carrying import check

NAMES = [
    *(item.name for item in available(peers=())[0]),
    *(kind.name for kind in (ZmqTransport, FifoTransport, DrainedFifoTransport)),
]


@pytest.mark.parametrize("consumers", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_every_consumer_gets_every_message_in_order(name: str, consumers: int) -> None:
    check(name, paced=False, consumers=consumers)


def test_a_transport_is_whole_or_it_is_none() -> None:
    class Half(Transport):
        def open(self, load: Load) -> None:
            """Nothing to make."""

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]
