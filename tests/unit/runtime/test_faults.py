"""Every problem of a table is told in one reading, none twice, and none that only our mending made."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest

from sniperforge.base.config import Source, settings
from sniperforge.base.errors import ConfigError
from sniperforge.bots.settings import read_settings
from sniperforge.runtime.faults import every_problem
from sniperforge.trading.filters import FilterSettings


class Inner(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    must: int
    may: int = 0


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    a: int = 0
    b: int = 0
    numbers: tuple[int, ...] = ()
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()


def told(text: str) -> tuple[Table | None, list[str]]:
    source = Source("x.toml", text)
    problems: list[ConfigError] = []
    values: dict[str, Any] = source.values["t"]
    before = msgspec.json.encode(values)
    made = every_problem(lambda raw: settings(Table, raw, source=source, path="t"), values, "t", source, problems)
    assert msgspec.json.encode(values) == before
    return made, [str(problem).partition(" `")[0].partition(";")[0] for problem in problems]


def test_a_good_table_is_made() -> None:
    made, problems = told("[t]\na = 1\n")
    assert (made, problems) == (Table(a=1), [])


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('[t]\na = "x"\nb = "y"\n', ["x.toml:2: t.a: expected", "x.toml:3: t.b: expected"]),
        ('[t]\nz = 1\nb = "y"\n', ["x.toml:2: t.z: unknown key", "x.toml:3: t.b: expected"]),
        ('[t]\nnumbers = [1, "x", "y"]\nb = "y"\n', ["x.toml:3: t.b: expected", "x.toml:2: t.numbers[1]: expected"]),
        ("[t.inner]\nmay = 1\n", ["x.toml:1: t.inner: object missing required field"]),
        ('[t.inner]\nmust = "x"\n', ["x.toml:2: t.inner.must: expected"]),
        ('[[t.many]]\nmust = "x"\n[[t.many]]\nmust = 1\nmay = "y"\n', ["x.toml:2: t.many[0].must: expected"]),
    ],
)
def test_all_of_them_are_told(text: str, problems: list[str]) -> None:
    made, found = told(text)
    assert made is None
    assert sorted(found) == sorted(problems)


def test_a_reader_that_is_never_content_is_not_asked_for_ever() -> None:
    """Its complaint is not about a key that could be taken out."""
    source = Source("x.toml", "[t]\na = 1\n")
    rounds = []

    def read(raw: dict[str, Any]) -> Table:
        rounds.append(raw)
        return settings(Table, {"a": "x"}, source=source, path="t.elsewhere")

    problems: list[ConfigError] = []
    assert every_problem(partial(read), {"a": 1}, "t", source, problems) is None
    assert (len(rounds), len(problems)) == (1, 1)


def test_a_problem_of_the_table_itself_ends_the_reading() -> None:
    source = Source("x.toml", "[t]\na = 1\n")
    problems: list[ConfigError] = []
    assert every_problem(lambda raw: settings(Inner, raw, source=source, path="t"), {}, "t", source, problems) is None
    assert len(problems) == 1


def test_a_table_that_our_mending_emptied_is_not_told() -> None:
    """Its only key was wrong, and that was said."""
    text = "[t]\nrequire = { not = { x = 1 }, any = [{ late = 1 }], all = [{}] }\nage_ms_max = 0\n"
    source = Source("x.toml", text)
    problems: list[ConfigError] = []
    read = partial(_filters, source)
    assert every_problem(read, source.values["t"], "t", source, problems) is None
    assert [problem.where for problem in problems] == [
        "x.toml:3: t.age_ms_max",
        "x.toml:2: t.require.not.x",
        "x.toml:2: t.require.any[0].late",
        "x.toml:2: t.require.all[0]",
    ]


def _filters(source: Source, raw: dict[str, Any]) -> FilterSettings:
    return read_settings(FilterSettings, raw, "t", source)
