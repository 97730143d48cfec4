"""Patterns: what a user may search for in a stranger's text, and what its worst case costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.trading.patterns import PATTERN_LENGTH_MAX, TEXT_LENGTH_MAX, Pattern, pattern_problem


@pytest.mark.parametrize(
    "source",
    [
        "",
        "pepe",
        "^(cat|dog)$",
        r"\bmoon\b",
        "[a-z]+ [0-9]*",
        "a{3}b{4}c{5}",
        "(?i)x+?y",
        r"\(\+\)\+",
        "[+*]x",
        "(ab)+",
    ],
)
def test_an_ordinary_pattern_is_fine(source: str) -> None:
    """What people write in practice passes."""
    assert pattern_problem(source) == ""


@pytest.mark.parametrize(
    ("source", "piece"),
    [
        ("(", "not a regular expression"),
        ("[[a]", "not a regular expression"),
        ("x" * (PATTERN_LENGTH_MAX + 1), "characters"),
        ("(a+)+$", "repeated group"),
        ("(a|a)*$", "repeated group"),
        ("((a?)){30}", "repeated group"),
        ("(?:a*b){2,}", "repeated group"),
        ("a*a*a*b", "3 repetitions"),
        ("a?" * 9, "9 optional"),
    ],
)
def test_a_pattern_without_a_bound_is_refused(source: str, piece: str) -> None:
    """A name chosen by a stranger must not stop the bot."""
    assert piece in pattern_problem(source)


def test_text_is_searched_without_case_and_only_so_far() -> None:
    """The last character that counts is found, the next is not."""
    pattern = Pattern("Z$|z!")
    assert pattern.found("a" * (TEXT_LENGTH_MAX - 1) + "z")
    assert not pattern.found("a" * (TEXT_LENGTH_MAX - 1) + "q" + "z!")


@given(st.text(alphabet="ab|()[]{}*+?\\^$.,:=!<>P1209-", max_size=40))
def test_any_text_gets_an_answer_and_a_good_one_compiles(source: str) -> None:
    """`pattern_problem` never raises, and what it lets through is a pattern."""
    if not pattern_problem(source):
        Pattern(source).found("ab" * 20)
