"""Settings of detection: bounded, and nothing unknown."""

from __future__ import annotations

import msgspec
import pytest

from sniperforge.detect.settings import DetectSettings


def test_the_defaults_stand_in_their_own_bounds() -> None:
    """What is written out can be read in."""
    assert msgspec.convert(msgspec.to_builtins(DetectSettings()), DetectSettings) == DetectSettings()


@pytest.mark.parametrize(
    "table", [{"trades": "some"}, {"tracked_max": 0}, {"seen_max": 1 << 23}, {"frame_bytes_max": 10}, {"venue": ["x"]}]
)
def test_odd_settings_are_refused(table: dict[str, object]) -> None:
    """Values out of range, and keys that are not there."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, DetectSettings)
