"""Waits between attempts double, are bounded, spread by luck, and start anew after a stable time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sniperforge.feeds.backoff import Backoff


def made(luck: float) -> Backoff:
    return Backoff(first_s=1.0, most_s=10.0, stable_s=30.0, dice=lambda: luck)


def test_waits_double_up_to_the_bound() -> None:
    """Half of the wait is certain."""
    backoff = made(0.0)
    assert [backoff.next_s(0.0) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_stable_connection_starts_the_doubling_anew_at_its_edge() -> None:
    """Short ones do not: a server that drops everyone after a second is still down."""
    backoff = made(0.0)
    assert [backoff.next_s(s) for s in (0.0, 29.9, 29.9, 30.0, 0.0)] == [0.5, 1.0, 2.0, 0.5, 1.0]


@given(luck=st.floats(0, 1, exclude_max=True), times=st.integers(1, 200))
def test_no_wait_is_zero_or_beyond_the_bound(luck: float, times: int) -> None:
    """Not even after two hundred failures."""
    backoff = made(luck)
    waits = [backoff.next_s(0.0) for _ in range(times)]
    assert all(0.5 <= wait <= 10.0 for wait in waits)
