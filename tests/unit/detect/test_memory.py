"""A bounded memory: the oldest goes first, and it is counted."""

from __future__ import annotations

from sniperforge.detect.memory import Remembered


def test_the_oldest_is_forgotten_for_the_newest() -> None:
    """Putting again makes a key young; what went is returned and counted."""
    memory: Remembered[str, int] = Remembered(2)
    assert memory.put("a", 1) == ()
    assert memory.put("b", 2) == ()
    assert memory.put("a", 3) == ()
    assert memory.put("c", 4) == (("b", 2),)
    assert memory.items() == [("a", 3), ("c", 4)]
    assert (len(memory), memory.forgotten, "b" in memory, memory.get("a"), memory.get("b")) == (2, 1, False, 3, None)


def test_what_is_dropped_is_returned() -> None:
    """Dropping what is not there is no error."""
    memory: Remembered[str, int] = Remembered(2)
    memory.put("a", 1)
    assert memory.drop("a") == 1
    assert memory.drop("a") is None
    assert memory.forgotten == 0


def test_all_of_it_is_forgotten_at_once() -> None:
    memory: Remembered[str, int] = Remembered(2)
    memory.put("a", 1)
    memory.clear()
    assert len(memory) == 0
    assert "a" not in memory
