"""Conditions: every shape of TOML is read or refused by its path, and what is unknown decides nothing by itself."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.dex.programs import USDC
from sniperforge.trading.conditions import (
    CHOICES_MAX,
    DEPTH_MAX,
    LEAVES_MAX,
    Group,
    Leaf,
    Mistake,
    Negation,
    Node,
    deciding,
    leaves,
    parse,
    rows,
    shown,
    unknown,
)

KEY = keys.text(USDC)
UNKNOWN = None


def read(text: str) -> Node:
    """The expression in one line of TOML."""
    node, mistakes = parse(tomllib.loads(f"require = {text}")["require"], "require")
    assert mistakes == []
    assert node is not None
    return node


def wrong(raw: object) -> list[Mistake]:
    node, mistakes = parse(raw, "require")
    assert node is None
    return mistakes


@pytest.mark.parametrize("raw", [{}, []])
def test_nothing_is_no_expression(raw: object) -> None:
    """The default: a bot without one asks nothing."""
    assert parse(raw, "require") == (None, [])


@pytest.mark.parametrize(
    ("text", "facts", "truth"),
    [
        ("{ age_ms = { max = 3 } }", {"age_ms": 3}, True),
        ("{ age_ms = { max = 3 } }", {"age_ms": 4}, False),
        ("{ age_ms = { min = 3 } }", {"age_ms": 3}, True),
        ("{ age_ms = { min = 3 } }", {"age_ms": 2}, False),
        ("{ age_ms = { min = 3, max = 5 } }", {"age_ms": 6}, False),
        ("{ age_ms = 3 }", {"age_ms": 3}, True),
        ("{ age_ms = { is = 3 } }", {"age_ms": 4}, False),
        ("{ age_ms = [3, 4] }", {"age_ms": 4}, True),
        ("{ age_ms = { in = [3, 4], min = 4 } }", {"age_ms": 3}, False),
        ("{ age_ms = { min = 0 } }", {}, UNKNOWN),
        ("{ age_ms = { min = 0 } }", {"age_ms": None}, UNKNOWN),
        ("{ on_curve = true }", {"on_curve": True}, True),
        ("{ on_curve = { is = false } }", {"on_curve": True}, False),
        ('{ quote_mint = "SOL" }', {"quote_mint": "SOL"}, True),
        ('{ quote_mint = ["SOL", "USDC"] }', {"quote_mint": "other"}, False),
        (f'{{ quote_mint = "{KEY}" }}', {"quote_mint": "USDC"}, True),
        ('{ name = { matches = "^moon" } }', {"name": "Moon Cat"}, True),
        ('{ name = { matches = "^moon", in = ["Moonlight"] } }', {"name": "Moon Cat"}, False),
        ('{ name = { matches = "dog" } }', {"name": "Moon Cat"}, False),
    ],
)
def test_a_fact_is_held_against_its_bounds(text: str, facts: dict[str, Any], truth: bool | None) -> None:
    """The last allowed value passes; what is not known is neither."""
    assert read(text).truth(facts) is truth


TRUTHS = (True, False, None)


@pytest.mark.parametrize(("one", "other"), list(itertools.product(TRUTHS, TRUTHS)))
def test_and_or_and_not_have_three_values(one: bool | None, other: bool | None) -> None:
    """False and unknown is false, true or unknown is true: Kleene's tables."""
    facts = {"mayhem": one, "cashback": other}
    both = "{ mayhem = true }, { cashback = true }"
    order = {False: 0, None: 1, True: 2}
    assert read(f"{{ all = [{both}] }}").truth(facts) is min(one, other, key=lambda truth: order[truth])
    assert read(f"[{both}]").truth(facts) is min(one, other, key=lambda truth: order[truth])
    assert read("{ mayhem = true, cashback = true }").truth(facts) is min(one, other, key=lambda truth: order[truth])
    assert read(f"{{ any = [{both}] }}").truth(facts) is max(one, other, key=lambda truth: order[truth])
    assert read("{ not = { mayhem = true } }").truth(facts) is (None if one is None else not one)


def test_tables_and_one_line_say_the_same() -> None:
    """A long expression reads better as tables."""
    compact = 'require = { age_ms = 1, any = [{ mayhem = true }, { not = { venue = "pumpfun" } }] }'
    tables = """
    [require]
    age_ms = 1
    [[require.any]]
    mayhem = true
    [[require.any]]
    not.venue = "pumpfun"
    """
    one, other = (parse(tomllib.loads(text)["require"], "require") for text in (compact, tables))
    assert one == other
    node = one[0]
    assert node == Group(
        "require",
        True,
        (
            Leaf("require.age_ms", "age_ms", choices=(1,)),
            Group(
                "require.any",
                False,
                (
                    Leaf("require.any[0].mayhem", "mayhem", choices=(True,)),
                    Negation("require.any[1].not", Leaf("require.any[1].not.venue", "venue", choices=("pumpfun",))),
                ),
            ),
        ),
    )
    assert node is not None
    assert [leaf.name for leaf in leaves(node)] == ["age_ms", "mayhem", "venue"]


@pytest.mark.parametrize(
    ("raw", "path", "problem", "cure"),
    [
        ({"agems": 1}, ".agems", "no such fact", "did you mean 'age_ms'?"),
        ({"alle": []}, ".alle", "no such fact", "did you mean 'all'?"),
        ({"zzz": 1}, ".zzz", "no such fact", "`sniperforge explain --facts` lists what there is"),
        ({"age_ms": 1.5}, ".age_ms", "age_ms is an integer, got a fraction", "write age_ms = { min = N }"),
        ({"age_ms": True}, ".age_ms", "age_ms is an integer, got true or false", "write age_ms = "),
        ({"age_ms": "1"}, ".age_ms", "age_ms is an integer, got a text", "write age_ms = "),
        ({"age_ms": -1}, ".age_ms", "-1 is no amount", "write 0 to "),
        ({"age_ms": 1 << 64}, ".age_ms", "18446744073709551616 is no amount", "write 0 to "),
        ({"age_ms": {"least": 1}}, ".age_ms.least", "age_ms is an integer, 'least' cannot be asked of it", "write "),
        ({"age_ms": {"min": 2, "max": 1}}, ".age_ms", "min 2 is above max 1", "nothing could ever be both"),
        ({"age_ms": {"is": 2, "max": 3}}, ".age_ms", "'is' stands beside other bounds", "leave it"),
        ({"age_ms": {}}, ".age_ms", "is empty, so it asks nothing", "write min or max or is or in"),
        ({"age_ms": []}, ".age_ms", "expected a list, got an empty array", "write [A, B]"),
        ({"age_ms": {"in": 3}}, ".age_ms.in", "expected a list, got an integer", "write [A, B]"),
        ({"age_ms": [1, "2"]}, ".age_ms[1]", "age_ms is an integer, got a text", "write age_ms = "),
        ({"age_ms": [1] * (CHOICES_MAX + 1)}, ".age_ms", "holds 1001 choices", "1000 are allowed"),
        ({"mayhem": 1}, ".mayhem", "mayhem is true or false, got an integer", "write mayhem = true or false"),
        ({"mayhem": [True]}, ".mayhem", "mayhem is true or false, a list cannot be asked of it", "write mayhem"),
        ({"mayhem": {"min": 1}}, ".mayhem.min", "mayhem is true or false, 'min' cannot be asked of it", "write "),
        ({"name": {"max": "x"}}, ".name.max", "name is a text, 'max' cannot be asked of it", 'write name = "…"'),
        ({"name": {"matches": 1}}, ".name.matches", "expected a text, got an integer", "write a regular expression"),
        ({"name": {"matches": "("}}, ".name.matches", "not a regular expression", "mend the pattern"),
        ({"creator": "me"}, ".creator", "'me' is never a creator", "write a base58 key"),
        ({"quote_mint": "BTC"}, ".quote_mint", "'BTC' is never a quote_mint", "write SOL, USDC or a base58 key"),
        ({"venue": "Pump Fun"}, ".venue", "'Pump Fun' is never a venue", "write a venue"),
        ({"all": {"age_ms": 1}}, ".all", "expected an array of tables, got a table", "write all = [{ NAME"),
        ({"any": []}, ".any", "is empty, so it asks nothing", "write a condition"),
        ({"any": [{}]}, ".any[0]", "is empty, so it asks nothing", "write a condition"),
        ({"any": ["age_ms"]}, ".any[0]", "expected a table, got a text", "write { NAME = … }"),
        ({"not": []}, ".not", "expected a table, got an empty array", "write { NAME = … }"),
        ({"not": {"late": True, "mayhem": True}}, ".not", "holds 2 conditions", "write not = { any = […] }"),
        ([{"late": True}, {"x": 1}], "[1].x", "no such fact", "`sniperforge explain --facts`"),
    ],
)
def test_each_mistake_is_one_line_with_its_path(raw: object, path: str, problem: str, cure: str) -> None:
    """What, where, and what to do."""
    (mistake,) = wrong(raw)
    assert mistake.path == f"require{path}"
    assert mistake.problem.startswith(problem)
    assert mistake.cure.startswith(cure)


def test_all_mistakes_are_told_at_once() -> None:
    """In the order of the file."""
    raw = {"agems": 1, "any": [{"mayhem": 3, "not": {"x": 1}}, {"late": True}], "age_ms": {"min": "1", "most": 2}}
    assert [mistake.path for mistake in wrong(raw)] == [
        "require.agems",
        "require.any[0].mayhem",
        "require.any[0].not.x",
        "require.age_ms.min",
        "require.age_ms.most",
    ]


def test_depth_and_size_are_bounded_at_their_edges() -> None:
    """A table inside tables and the number of conditions: the last allowed passes, one more is refused."""
    raw: dict[str, object] = {"late": False}
    for _ in range(DEPTH_MAX - 1):
        raw = {"not": raw}
    assert parse(raw, "require")[1] == []
    (deep,) = wrong({"not": raw})
    assert deep.problem == f"is {DEPTH_MAX + 1} tables deep"
    many: list[object] = [{"age_ms": number} for number in range(LEAVES_MAX)]
    assert parse({"any": many}, "require")[1] == []
    (big,) = wrong({"any": [*many, {"late": False}]})
    assert (big.path, big.problem) == ("require", f"holds {LEAVES_MAX + 1} conditions")
    (huge,) = wrong({"any": many * 1_000})
    assert huge.problem == f"holds {LEAVES_MAX * 1_000} conditions"


def test_a_refusal_can_name_the_leaves_that_decided() -> None:
    """Of an `all` the first that said no, of an `any` each, below a `not` what was there."""
    node = read('{ age_ms = 1, any = [{ mayhem = true }, { not = { venue = "a" } }], late = false }')
    facts: dict[str, Any] = {"age_ms": 1, "mayhem": False, "venue": "a", "late": True}
    assert [leaf.path for leaf in deciding(node, facts)] == ["require.any[0].mayhem", "require.any[1].not.venue"]
    facts["mayhem"] = True
    assert [leaf.path for leaf in deciding(node, facts)] == ["require.late"]
    facts["late"] = False
    assert [leaf.name for leaf in deciding(node, facts)] == ["age_ms", "mayhem", "late"]


def test_only_what_is_still_waited_for_is_unknown() -> None:
    """What a decided group does not know is nobody's business."""
    node = read("{ any = [{ mayhem = true }, { cashback = true }], not = { late = true }, age_ms = 1 }")
    assert [leaf.name for leaf in unknown(node, {"age_ms": 1})] == ["mayhem", "cashback", "late"]
    assert [leaf.name for leaf in unknown(node, {"age_ms": 1, "cashback": True})] == ["late"]
    assert list(unknown(node, {"age_ms": 2})) == []


def test_the_tree_has_a_row_for_every_group_and_leaf() -> None:
    """Parents first, with what was seen and what was allowed."""
    node = read('{ age_ms = { min = 1, max = 9 }, not = { name = { in = ["a", "b"], matches = "x" } } }')
    assert [tuple(row) for row in rows(node, {"age_ms": 5})] == [
        (0, "require", "all of", "", None, None),
        (1, "require.age_ms", "age_ms", "min 1, max 9", 5, True),
        (1, "require.not", "not", "", None, None),
        (2, "require.not.name", "name", "in a, b, matches x", None, None),
    ]
    (first, *_) = rows(read("{ any = [{ late = true }, { mayhem = true }] }"), {"late": True})
    assert (first.label, first.truth) == ("any of", True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        ("", '""'),
        ("a\x1b[2Jb\n", "a?[2Jb?"),
        ("x" * 48, "x" * 48),
        ("x" * 49, "x" * 47 + "…"),
    ],
)
def test_values_are_shown_as_a_screen_can_bear_them(value: Any, text: str) -> None:
    """Names are chosen by strangers: no escape sequence of theirs reaches a terminal."""
    assert shown(value) == text


def test_the_examples_of_the_manual_are_expressions() -> None:
    """Word for word."""
    manual = (Path(__file__).resolve().parents[3] / "docs" / "filters.md").read_text()
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", manual, re.DOTALL)]
    tables = [block.get("bots", {}).get("filters", block)["require"] for block in blocks]
    assert [parse(table, "require")[1] for table in tables] == [[], []]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
WORDS = st.sampled_from(["all", "any", "not", "min", "max", "is", "in", "matches", "age_ms", "late", "name", "creator"])
RAW = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4),
    max_leaves=40,
)


@given(raw=RAW)
def test_whatever_a_file_holds_is_an_expression_or_mistakes_by_path(raw: object) -> None:
    """Nothing raises, and nothing is both."""
    node, mistakes = parse(raw, "require")
    assert node is None or not mistakes
    assert (node is None and not mistakes) == (raw in ({}, []))
    assert all(mistake.path.startswith("require") and mistake.problem and mistake.cure for mistake in mistakes)
    if node is not None:
        assert node.truth({}) is None
        assert list(unknown(node, {}))


FACTS = st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in ("late", "mayhem", "cashback")})
TREES = st.recursive(
    st.fixed_dictionaries({"late": st.booleans()}) | st.fixed_dictionaries({"mayhem": st.booleans()}),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=12,
)


@given(raw=TREES, facts=FACTS, late=st.booleans(), mayhem=st.booleans())
def test_what_is_decided_stays_decided_when_more_is_known(
    raw: object, facts: dict[str, bool | None], late: bool, mayhem: bool
) -> None:
    """Or a launch could be refused for what is not known yet."""
    node, _ = parse(raw, "require")
    if node is None:  # deeper than allowed
        return
    more = {
        name: facts[name] if facts[name] is not None else value for name, value in (("late", late), ("mayhem", mayhem))
    }
    before, after = node.truth(facts), node.truth(more)
    assert after is not None
    assert before in (None, after)
    assert all(leaf.truth(more) is not None for leaf in deciding(node, more))
