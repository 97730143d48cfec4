"""The tables of docs/venues.md are what the code builds and what decode makes of every recording: 0 undecoded."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import venue_tables
from sniperforge.base.keys import text
from tests.unit.coordinate.dearest import PUMPSWAP_FIXED

PAGE = (Path(__file__).parents[3] / "docs" / "venues.md").read_text().splitlines()


def recordings() -> Path:
    if not venue_tables.SHARED.exists():
        pytest.skip("the recordings of ../shared are not here")
    return venue_tables.SHARED


def test_sizes_are_the_ones_on_the_page() -> None:
    assert set(venue_tables.sizes()) <= set(PAGE)


def test_the_lookup_table_on_the_page_is_the_one_measured() -> None:
    at = PAGE.index("YOUR_TABLE = [")
    listed = PAGE[at + 1 : PAGE.index("]", at)]
    assert [line.strip(' ",') for line in listed] == [text(key) for key in PUMPSWAP_FIXED.values()]


def test_compute_units_are_the_ones_on_the_page() -> None:
    """And a limit covers the dearest recorded swap with an account opened beside it."""
    rows = list(venue_tables.units(recordings()))
    assert set(rows) <= set(PAGE)
    for row in rows[2:]:
        _, _, buy, sell, _, _, _, most, _, own, _ = (cell.strip().replace(",", "") for cell in row.split("|"))
        dearest = max(int(most or 0), int(own or 0))
        assert int(buy) >= dearest + 21_000
        assert int(sell) >= dearest


def test_decode_names_everything_and_invents_nothing() -> None:
    rows = list(venue_tables.decoded(recordings()))
    assert set(rows) <= set(PAGE)
    for row in rows[2:]:
        assert row.endswith(" | 0 | 0 |")
