"""kill -9 in the middle of a write loop: nothing that was acknowledged is lost, nothing is half there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sniperforge.coordinate.journal import Journal

ROOT = Path(__file__).parents[3]
#: Writes orders for ever and says each id on stdout only after the journal returned.
WRITER = """
import sys
from sniperforge.coordinate.journal import Journal, Order
from tests.unit.coordinate.stand import make_buy
journal = Journal(sys.argv[1], durability=sys.argv[2])
for number in range(1_000_000):
    intent = make_buy(number)
    order = Order(intent.id, intent, "signed", f"signature {number}", bytes(700), 7, 5, number, claimed=True)
    journal.signed(order, number)
    sys.stdout.write(f"{order.id} signed\\n")
    sys.stdout.flush()
    journal.moved(order, "sent", number)
    sys.stdout.write(f"{order.id} sent\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize(("durability", "lines"), [("process", 1), ("process", 200), ("process", 601), ("power", 50)])
def test_nothing_acknowledged_is_lost(tmp_path: Path, durability: str, lines: int) -> None:
    path = tmp_path / "journal"
    command = [sys.executable, "-c", WRITER, str(path), durability]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().split() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        # What was said between our last line and the kill counts too.
        told += [line.split() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    journal = Journal(path)
    known = {order.id: order for order in journal.orders()}
    for number, state in ((int(row[0]), row[1]) for row in told):
        states = [each for each, _ in journal.transitions(number)]
        assert state in states
        assert known[number].raw == bytes(700)
    # At most one write was under way, and it is whole or not there.
    assert len(known) - len({row[0] for row in told}) in (0, 1)
    for order in known.values():
        assert [each for each, _ in journal.transitions(order.id)][-1] == order.state
    assert len(journal.claims()) == len(known)
    journal.close()
