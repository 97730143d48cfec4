"""A refusal's values are text, whatever was compared."""

from __future__ import annotations

from sniperforge.trading.refusal import Refusal, refusal


def test_what_was_compared_is_told_as_text() -> None:
    """It goes onto the wire and into a report."""
    assert refusal("age_ms_max", seen=7, allowed=5) == Refusal("age_ms_max", {"seen": "7", "allowed": "5"})
