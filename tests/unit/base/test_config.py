"""A bad setting is named by file, line and full path, with what to do; all of a file's in one go."""

from __future__ import annotations

import msgspec
import pytest

from sniperforge.base.config import ConfigErrors, Source, override, settings
from sniperforge.base.errors import ConfigError


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    spend_max: int = 5
    lanes: tuple[str, ...] = ()


class Bot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    limits: Limits = Limits()


class Root(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    bots: tuple[Bot, ...] = ()
    limits: Limits | None = None
    rings: dict[str, Limits] = {}


TEXT = """
[limits]
spend_max = 3

[[bots]]
name = "a"

[[bots]]
name = "b"
[bots.limits]
spend_mx = 4   # wrong
"""


def test_a_good_file_becomes_structs() -> None:
    source = Source("x.toml", TEXT.replace("spend_mx", "spend_max"))
    root = settings(Root, source.values, source=source)
    assert root.bots[1].limits.spend_max == 4
    assert root.limits == Limits(spend_max=3)


def test_an_unknown_key_is_named_by_its_full_path_line_and_nearest() -> None:
    source = Source("x.toml", TEXT)
    with pytest.raises(ConfigErrors) as caught:
        settings(Root, source.values, source=source)
    assert str(caught.value) == "x.toml:11: bots[1].limits.spend_mx: unknown key; did you mean 'spend_max'?"


def test_arrays_inside_arrays_are_counted_anew_in_each_element() -> None:
    """Or the line of the second bot's array would be told of the first one's."""
    source = Source("x.toml", "[[a]]\n[[a.b]]\nk = 1\n[[a.b]]\n[[a]]\n[[a.b]]\nk = 2\n[[other]]\n[[a.b]]\nk = 3\n")
    assert source.where("a[0].b[0].k") == "x.toml:3: a[0].b[0].k"
    assert source.where("a[1].b[0].k") == "x.toml:7: a[1].b[0].k"
    assert source.where("a[1].b[1].k") == "x.toml:10: a[1].b[1].k"


def test_all_unknown_keys_are_told_at_once() -> None:
    source = Source("x.toml", "zzz = 1\n[limits]\nspend_min = 1\n[rings.market]\nlane = 2\n")
    with pytest.raises(ConfigErrors) as caught:
        settings(Root, source.values, source=source)
    lines = str(caught.value).splitlines()
    assert lines[0] == "x.toml:1: zzz: unknown key; known here: bots, limits, rings"
    assert lines[1].startswith("x.toml:3: limits.spend_min: unknown key")
    assert lines[2].startswith("x.toml:5: rings.market.lane: unknown key; did you mean 'lanes'?")


def test_a_bad_value_is_named_by_its_path() -> None:
    source = Source("x.toml", '[limits]\nspend_max = "much"\n')
    with pytest.raises(ConfigErrors, match=r"^x.toml:2: limits.spend_max: expected `int`, got `str`; set"):
        settings(Root, source.values, source=source)


def test_a_missing_key_without_a_source_still_names_its_path() -> None:
    with pytest.raises(ConfigErrors, match=r"^bots\[0\]: object missing required field `name`"):
        settings(Root, {"bots": [{}]})


def test_text_that_is_not_toml_names_the_file() -> None:
    with pytest.raises(ConfigError, match=r"^x.toml: not TOML: .*line 1"):
        Source("x.toml", "a = = 3")


def test_the_environment_overrides_and_keeps_kinds() -> None:
    values = {"limits": {"spend_max": 1}}
    done = override(
        values,
        {
            "SNIPERFORGE__LIMITS__SPEND_MAX": "9",
            "SNIPERFORGE__LIMITS__LANES": '["a"]',
            "SNIPERFORGE__X": "b c",
            "P": "1",
        },
    )
    assert done == ["limits.lanes", "limits.spend_max", "x"]
    assert values == {"limits": {"spend_max": 9, "lanes": ["a"]}, "x": "b c"}


def test_the_environment_cannot_reach_below_a_value() -> None:
    with pytest.raises(ConfigError, match="SNIPERFORGE__A__B: a is not a table"):
        override({"a": 1}, {"SNIPERFORGE__A__B": "1"})
