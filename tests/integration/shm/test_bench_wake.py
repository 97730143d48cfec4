"""`sniperforge bench wake` counts every record at whoever wants it, and compares within a round."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from sniperforge_cli.bench import wake
from sniperforge_cli.bench_wake import _wanted

RUNNER = CliRunner()


def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(wake)
    return made


def test_nothing_is_lost_whoever_is_woken() -> None:
    arguments = ["--consumers", "6", "--rate", "400", "--seconds", "0.3", "--rounds", "1"]
    report = json.loads(RUNNER.invoke(app(), [*arguments, "--json"]).stdout)
    assert report["lost"] == 0
    assert set(report["arms"]) == {"by topic", "all"}
    for arm in report["arms"].values():
        assert arm["publish_p50_us"] > 0
        assert arm["p50_us"] > 0
    assert report["publish_ratio"][1] <= report["publish_ratio"][0] <= report["publish_ratio"][2]


def test_the_table_fits_a_terminal() -> None:
    result = RUNNER.invoke(app(), ["--consumers", "4", "--rate", "200", "--seconds", "0.1", "--rounds", "1"])
    lines = result.stdout.splitlines()
    assert "2 of 4" in result.stdout
    assert "all 4" in result.stdout
    assert max(len(line) for line in lines) <= 80


@pytest.mark.parametrize(("count", "types"), [(1, 3), (10, 3), (12, 4)])
def test_every_number_has_one_type(count: int, types: int) -> None:
    wanted = [_wanted(kind, types, count) for kind in range(types)]
    assert wanted == [sum(1 for number in range(count) if number % types == kind) for kind in range(types)]
