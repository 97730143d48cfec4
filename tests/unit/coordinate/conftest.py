"""Stands: coordinators on paper, closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.coordinate.stand import Stand


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    yield made
    made.coordinator.close()


@pytest.fixture
def make_stand(tmp_path: Path) -> Iterator[Callable[..., Stand]]:
    """Stands with other settings."""
    made: list[Stand] = []

    def make(**changes: object) -> Stand:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Stand(folder, **changes))
        return made[-1]

    yield make
    for stand in made:
        stand.coordinator.close()
