"""Reading settings: sections apart, all problems together, defaults where nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import pytest

from sniperforge.base.config import ConfigErrors
from sniperforge.bots.settings import check_filters, known_venues, read_settings
from sniperforge.trading.filters import FilterSettings


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    low: Annotated[int, msgspec.Meta(ge=0)] = 1
    high: int = 2

    def faults(self) -> Iterator[tuple[str, str, str]]:
        if self.low > self.high:
            yield "low", "above high", "lower it"


class Whole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: int = 0
    one: Part = Part()
    other: Part = Part()


def test_what_is_not_said_has_its_default() -> None:
    """And what is said arrives in its section."""
    assert read_settings(Whole, {}, "bot.x") == Whole()
    assert read_settings(Whole, {"number": 3, "other": {"high": 9}}, "") == Whole(number=3, other=Part(high=9))


def test_problems_of_all_sections_are_said_at_once() -> None:
    """Nobody likes to fix a file one error at a time."""
    raw = {"numbr": 1, "one": {"low": -1}, "other": {"low": 3}}
    with pytest.raises(ConfigErrors) as caught:
        read_settings(Whole, raw, "bot.x")
    assert [problem.where for problem in caught.value.problems] == ["bot.x.one.low", "bot.x.other.low", "bot.x.numbr"]


def test_paths_are_right_without_a_head() -> None:
    """A file that is one bot has no prefix."""
    with pytest.raises(ConfigErrors, match=r"^one.low: above high; lower it$"):
        read_settings(Whole, {"one": {"low": 3}}, "")
    with pytest.raises(ConfigErrors, match=r"^one: expected a table; write \[one\]$"):
        read_settings(Whole, {"one": 3}, "")


def test_venues_of_this_build_are_known_by_name() -> None:
    """A name nobody has is refused, the others pass."""
    check_filters(FilterSettings(venues=tuple(sorted(known_venues()))), known_venues(), "filters")
    with pytest.raises(ConfigErrors, match=r"^filters\.venues: 'zzzzzz' is not a venue; known: a, b$"):
        check_filters(FilterSettings(venues=("zzzzzz",)), ["b", "a"], "filters")


def test_an_expression_can_only_name_venues_there_are() -> None:
    """Or `venue = "pumpfn"` would refuse every launch in silence."""
    filters = FilterSettings(require={"venue": ["pumpfun", "pumpfn"], "any": [{"venue": "zz"}, {"late": True}]})
    with pytest.raises(ConfigErrors) as caught:
        check_filters(filters, known_venues(), "f")
    assert [str(problem).partition("; ")[0] for problem in caught.value.problems] == [
        "f.require.venue: 'pumpfn' is not a venue",
        "f.require.any[0].venue: 'zz' is not a venue",
    ]


def test_a_bot_that_buys_nothing_has_no_size_to_ask_about() -> None:
    """It would wait for the impact of every launch; told a size, it can ask."""
    filters = FilterSettings(require={"buy_impact_bps": {"max": 300}})
    check_filters(filters, [], "f")
    with pytest.raises(ConfigErrors, match=r"f\.require\.buy_impact_bps: .* buys nothing; set f\.impact_quote_amount"):
        check_filters(filters, [], "f", sized=False)
    check_filters(msgspec.structs.replace(filters, impact_quote_amount=1), [], "f", sized=False)
