"""Every refusal of a ring carries its facts and ends with what to do."""

from __future__ import annotations

import pytest

from sniperforge.base.errors import EXIT_LIMIT, EXIT_UNAVAILABLE, EXIT_USAGE
from sniperforge.shm import errors

FACTS: dict[str, dict[str, object]] = {
    "foreign": {"topic": "i/t", "what": "version"},
    "broken": {"topic": ""},
    "closed": {"topic": "i/t"},
    "released": {"topic": "i/t"},
    "forked": {"topic": "i/t"},
    "full": {"topic": "i/t", "holder": "", "role": "consumer", "pid": 7, "lag_bytes": 9, "waited_ns": 5_000_000},
    "too large": {"topic": "i/t", "size": 10, "size_max": 9},
    "busy": {"topic": "i/t"},
    "taken": {"topic": "i/t", "name": "c", "pid": 7},
    "evicted": {"topic": "i/t", "name": "c", "reason": "slow", "lost": 3},
    "no bell": {"topic": "i/t"},
    "producers": {"topic": "i/t"},
    "consumers": {"topic": "i/t"},
    "crowded": {"topic": "i/t"},
}


@pytest.mark.parametrize("code", FACTS)
def test_each_code_becomes_one_line_with_a_cure(code: str) -> None:
    """One line, what and where, then what to do behind the semicolon."""
    error = errors.from_code(code, FACTS[code])
    text = str(error)
    assert "\n" not in text
    assert text.startswith("ring ")
    assert ";" in text


def test_a_crowd_is_named_by_its_role() -> None:
    producers, consumers = (errors.from_code(code, {"topic": "t"}) for code in ("producers", "consumers"))
    assert isinstance(producers, errors.RingCrowded)
    assert isinstance(consumers, errors.RingCrowded)
    assert (producers.role, producers.limit, consumers.role, consumers.limit) == ("producer", 32, "consumer", 64)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RingMissing("t"), EXIT_UNAVAILABLE),
        (errors.RingSpace("t", size=1, problem="no space"), EXIT_UNAVAILABLE),
        (errors.RecordTooLarge("t", size=2, size_max=1), EXIT_LIMIT),
        (errors.RingForked("t"), EXIT_USAGE),
    ],
)
def test_a_command_ends_with_the_code_of_its_kind(error: errors.RingError, code: int) -> None:
    assert error.exit_code == code


def test_the_living_holder_is_named() -> None:
    assert "process 12" in str(errors.RingExists("t", pid=12))
