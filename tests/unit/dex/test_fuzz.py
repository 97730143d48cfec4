"""Whatever bytes come, a decoder raises DecodeError or nothing: 20,000 inputs here, a million in `make fuzz`."""

from __future__ import annotations

import random

import pytest

from scripts import fuzz
from sniperforge.base.errors import DecodeError
from sniperforge.dex.venues import VENUES

COUNT = 20_000


def test_no_decoder_raises_anything_else() -> None:
    """Every decoder of every venue gets its share; the same inputs every time."""
    told, failures = fuzz.run(COUNT)
    assert not failures
    assert sum(count for name, count in told.items() if not name.endswith(" took")) == COUNT
    for venue in VENUES:
        assert told[f"{venue}.read"] > 100
        assert told[f"{venue}.read took"] > 0
        assert told[f"{venue}.load"] > 100


def test_another_exception_is_found_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each decoder and place, however often it happens; messages are one line."""

    def broken(dice: random.Random) -> None:
        if dice.random() < 0.5:
            raise DecodeError("two\nlines")
        raise IndexError("out of range")

    monkeypatch.setattr(fuzz, "decoders", lambda _: {"broken": broken})
    told, failures = fuzz.run(50)
    assert told["broken"] == 50
    causes = sorted(failure.cause.partition("(")[0].partition(":")[0] for failure in failures)
    assert causes == ["DecodeError", "IndexError"]


def test_mutations_are_the_seed_s() -> None:
    """A failure can be looked at again."""
    raw, heads = bytes(range(100)), (b"12345678",)
    first, second = ([fuzz.mutated(random.Random(seed), raw, heads) for seed in range(200)] for _ in range(2))
    assert first == second
    sizes = {len(one) for one in first}
    assert min(sizes) < 50 < 100 < max(sizes)
    assert any(one.startswith(heads[0]) for one in first)
