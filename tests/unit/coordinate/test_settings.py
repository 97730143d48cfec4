"""Settings are checked to the last key; the defaults trade on paper and never for real."""

from __future__ import annotations

import msgspec
import pytest

from sniperforge.base.config import settings
from sniperforge.base.errors import ConfigError
from sniperforge.coordinate.settings import CoordinateSettings


def test_the_defaults_are_paper_and_not_live() -> None:
    chosen = CoordinateSettings().checked()
    assert (chosen.execution, chosen.live, chosen.rpc, chosen.durability) == ("paper", False, "", "process")


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ({"exeuction": "paper"}, "coordinate.exeuction"),
        ({"limits": {"spend_max": 1}}, "coordinate.limits.spend_max"),
        ({"paper": {"latency": [1]}}, "coordinate.paper.latency"),
        ({"execution": "mainnet"}, "coordinate.execution"),
        ({"rpc_attempts": 0}, "coordinate.rpc_attempts"),
        ({"paper": {"landing_bps": 10_001}}, "coordinate.paper.landing_bps"),
        ({"resend_ms": 0.5}, "coordinate.resend_ms"),
        ({"lookup_tables": {"T": []}}, "coordinate.lookup_tables[...]"),
        ({"lookup_tables": {"T": ["K"] * 257}}, "coordinate.lookup_tables[...]"),
    ],
)
def test_a_wrong_key_is_named_by_its_full_path(table: dict[str, object], where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(CoordinateSettings, table, path="coordinate")
    assert caught.value.where == where


def test_nothing_is_changed_after_it_was_read() -> None:
    with pytest.raises(AttributeError):
        CoordinateSettings().live = True  # type: ignore[misc]
    assert msgspec.structs.replace(CoordinateSettings(), live=True).live
