"""The creator's rate: one launch too many is refused, the window forgets, memory is bounded."""

from __future__ import annotations

from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.trading.creator_rate import CreatorRate

NOW = 1_700_000_000 * NANOS_PER_SECOND
CREATOR, OTHER = Pubkey(b"\x05" * 32), Pubkey(b"\x06" * 32)


def test_the_rate_remembers_a_bounded_number_of_creators() -> None:
    """The one seen longest ago is forgotten first."""
    rate = CreatorRate(1, NANOS_PER_SECOND, creators_max=1)
    assert rate.over(CREATOR, NOW) is None
    assert rate.over(CREATOR, NOW) is not None
    assert rate.over(OTHER, NOW) is None
    assert rate.over(CREATOR, NOW) is None


def test_the_window_forgets_what_is_as_old_as_it() -> None:
    """Exactly one window later the first launch counts no more."""
    rate = CreatorRate(1, NANOS_PER_SECOND)
    assert rate.over(CREATOR, NOW) is None
    refused = rate.over(CREATOR, NOW + NANOS_PER_SECOND - 1)
    assert refused is not None
    assert refused.values == {"seen": "2 or more", "allowed": "1"}
    assert rate.over(CREATOR, NOW + 2 * NANOS_PER_SECOND) is None


def test_no_limit_counts_nothing() -> None:
    """0 allows any number."""
    rate = CreatorRate(0, NANOS_PER_SECOND)
    assert [rate.over(CREATOR, NOW) for _ in range(5)] == [None] * 5
