"""Conditions: an expression of the settings over named facts.

TOML tables   -> Node, or every mistake in them by its path      (`parse`)
Node + facts  -> True | False | None: not known yet              (`truth`)
              -> the leaves that decided, the first unknown one, a tree of rows

A table holds when each of its keys does. A key is the name of a fact, or one of

    all = [ … ]   every table of the array holds
    any = [ … ]   at least one does
    not = { … }   that one condition does not

and a fact is held against a value (`= true`, `= 3`, `= "SOL"`), a choice
(`= ["SOL", "USDC"]`) or a table of min, max, is, in, matches. What is unknown decides
nothing by itself: false and unknown is false, true or unknown is true.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sniperforge.trading.facts import FACTS, Fact, Value
from sniperforge.trading.patterns import Pattern, pattern_problem

#: Tables inside tables, and conditions on facts in all.
DEPTH_MAX = 8
LEAVES_MAX = 64
CHOICES_MAX = 1_000
#: Of a text of a stranger, on a screen and in an event.
SHOWN_MAX = 48

Known = Mapping[str, Value | None]
_INTEGER_MAX = (1 << 64) - 1
_WORDS = ("all", "any", "not")
_KINDS = {int: "an integer", bool: "true or false", str: "a text"}
_BOUNDS = {int: ("min", "max", "is", "in"), bool: ("is",), str: ("is", "in", "matches")}


class Mistake(NamedTuple):
    """What is wrong with an expression: where, what, and what to do."""

    path: str
    problem: str
    cure: str


class Row(NamedTuple):
    """One line of an explanation.

    Attributes:
        depth: 0 for the whole expression.
        path: of the key in the settings.
        label: "all of", "any of", "not", or the name of a fact.
        allowed: what the fact is held against; "" for a group.
        value: what the fact is; None: unknown, or a group.
        truth: None: not known yet.
    """

    depth: int
    path: str
    label: str
    allowed: str
    value: Value | None
    truth: bool | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One fact, held against bounds; those that are None are not asked."""

    path: str
    name: str
    least: int | None = None
    most: int | None = None
    choices: tuple[Value, ...] | None = None
    pattern: Pattern | None = None

    def truth(self, facts: Known) -> bool | None:
        """Return whether the fact is within the bounds."""
        value = facts.get(self.name)
        if value is None:
            return None
        if isinstance(value, str):
            chosen = self.choices is None or value in self.choices
            return chosen and (self.pattern is None or self.pattern.found(value))
        return (
            (self.choices is None or value in self.choices)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
        )

    def allowed(self) -> str:
        """Return the bounds as half a line."""
        said = [f"{word} {bound}" for word, bound in (("min", self.least), ("max", self.most)) if bound is not None]
        if self.choices is not None:
            several = "in " if len(self.choices) > 1 else "is "
            said.append(several + ", ".join(shown(choice) for choice in self.choices))
        if self.pattern is not None:
            said.append(f"matches {self.pattern.source}")
        return ", ".join(said)

    def seen(self, facts: Known) -> str:
        """Return what the fact is, as a text."""
        return shown(facts.get(self.name))


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions: all of them, or any."""

    path: str
    every: bool
    members: tuple[Node, ...]

    def truth(self, facts: Known) -> bool | None:
        """Return the truth of all, or of any; one that decides ends the asking."""
        answer: bool | None = self.every
        for member in self.members:
            one = member.truth(facts)
            if one is (not self.every):
                return one
            if one is None:
                answer = None
        return answer


@dataclass(frozen=True, slots=True)
class Negation:
    """What must not be."""

    path: str
    member: Node

    def truth(self, facts: Known) -> bool | None:
        """Return the opposite of its condition."""
        one = self.member.truth(facts)
        return None if one is None else not one


Node = Leaf | Group | Negation


def shown(value: Value | None) -> str:
    """Return a value as a text for a screen: a stranger's text is cut, and loses what no screen shows."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    cut = value if len(value) <= SHOWN_MAX else f"{value[: SHOWN_MAX - 1]}…"
    return "".join(letter if letter.isprintable() else "?" for letter in cut) or '""'


# ── asking ────────────────────────────────────────────────────────────────


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield every leaf in order."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Negation):
        yield from leaves(node.member)
    else:
        for member in node.members:
            yield from leaves(member)


def deciding(node: Node, facts: Known) -> Iterator[Leaf]:
    """Yield the leaves that made *node* what it is: of a refusing `all` the first, of a refusing `any` each."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Negation):
        yield from deciding(node.member, facts)
    else:
        truth = node.truth(facts)
        one = truth is (not node.every)
        for member in node.members:
            if member.truth(facts) is truth:
                yield from deciding(member, facts)
                if one:
                    return


def unknown(node: Node, facts: Known) -> Iterator[Leaf]:
    """Yield the unknown leaves that *node* waits for, in order; none when it is decided."""
    if node.truth(facts) is not None:
        return
    if isinstance(node, Leaf):
        yield node
        return
    for member in (node.member,) if isinstance(node, Negation) else node.members:
        yield from unknown(member, facts)


def rows(node: Node, facts: Known, depth: int = 0) -> Iterator[Row]:
    """Yield the tree, a row for every group and leaf, parents first."""
    truth = node.truth(facts)
    if isinstance(node, Leaf):
        yield Row(depth, node.path, node.name, node.allowed(), facts.get(node.name), truth)
        return
    label = "not" if isinstance(node, Negation) else "all of" if node.every else "any of"
    yield Row(depth, node.path, label, "", None, truth)
    for member in (node.member,) if isinstance(node, Negation) else node.members:
        yield from rows(member, facts, depth + 1)


# ── reading ───────────────────────────────────────────────────────────────


def parse(raw: object, path: str, known: Mapping[str, Fact] = FACTS) -> tuple[Node | None, list[Mistake]]:
    """Return the expression in *raw* and what is wrong with it.

    Args:
        raw: a table as TOML gives it; an array of tables means all of them. Empty: no expression.
        path: dotted path of its key, the head of every mistake's.
        known: the facts there are.

    Returns:
        The expression, and no mistake; or None, and no mistake when *raw* is empty.
    """
    if raw in ({}, []):
        return None, []
    reader = _Reader(known)
    node = reader.array(raw, path, path, 1, every=True) if isinstance(raw, list) else reader.table(raw, path, 1)
    if reader.leaves > LEAVES_MAX:
        cure = f"{LEAVES_MAX} are allowed: a choice in one condition counts once"
        reader.mistakes.append(Mistake(path, f"holds {reader.leaves} conditions", cure))
    return (None if reader.mistakes else node), reader.mistakes


class _Reader:
    """Reads one expression to its end, whatever is wrong on the way."""

    def __init__(self, known: Mapping[str, Fact]) -> None:
        self._known = known
        self.mistakes: list[Mistake] = []
        self.leaves = 0

    def wrong(self, path: str, problem: str, cure: str) -> None:
        """Note a mistake."""
        self.mistakes.append(Mistake(path, problem, cure))

    def table(self, raw: object, path: str, depth: int) -> Node | None:
        """Return what a table asks: all of its keys."""
        if not isinstance(raw, Mapping):
            self.wrong(path, f"expected a table, got {_kind(raw)}", "write { NAME = … }")
            return None
        if not raw:
            self.wrong(path, "is empty, so it asks nothing", "write a condition, or take it out")
            return None
        if depth > DEPTH_MAX:
            self.wrong(path, f"is {depth} tables deep", f"{DEPTH_MAX} are allowed: ask it more simply")
            return None
        found = [self._key(str(key), value, f"{path}.{key}", depth) for key, value in raw.items()]
        return _group(path, [node for node in found if node is not None], every=True)

    def array(self, raw: object, path: str, key: str, depth: int, *, every: bool) -> Node | None:
        """Return what an array of tables asks: all of them, or any."""
        if not isinstance(raw, list):
            word = key.rpartition(".")[2]
            self.wrong(path, f"expected an array of tables, got {_kind(raw)}", f"write {word} = [{{ NAME = … }}, …]")
            return None
        if not raw:
            self.wrong(path, "is empty, so it asks nothing", "write a condition, or take it out")
        found = [self.table(item, f"{path}[{index}]", depth) for index, item in enumerate(raw[: LEAVES_MAX + 1])]
        self.leaves += max(len(raw) - LEAVES_MAX - 1, 0)
        return _group(path, [node for node in found if node is not None], every=every)

    def _key(self, key: str, value: object, path: str, depth: int) -> Node | None:
        if key in ("all", "any"):
            return self.array(value, path, path, depth + 1, every=key == "all")
        if key == "not":
            # "neither" or "not both"? A rule about money is not guessed at.
            if isinstance(value, Mapping) and len(value) > 1:
                self.wrong(path, f"holds {len(value)} conditions", "write not = { any = […] } or not = { all = […] }")
            member = self.table(value, path, depth + 1)
            return Negation(path, member) if member else None
        fact = self._known.get(key)
        if fact is None:
            near = difflib.get_close_matches(key, [*self._known, *_WORDS], n=1, cutoff=0.6)
            cure = f"did you mean {near[0]!r}?" if near else "`sniperforge explain --facts` lists what there is"
            self.wrong(path, "no such fact", cure)
            return None
        self.leaves += 1
        return self._leaf(fact, value, path)

    def _leaf(self, fact: Fact, raw: object, path: str) -> Leaf | None:
        """Return the condition on one fact."""
        before = len(self.mistakes)
        bounds: Mapping[str, object]
        if isinstance(raw, Mapping):
            bounds, shorthand = raw, False
            if not raw:
                self.wrong(path, "is empty, so it asks nothing", f"write {' or '.join(_BOUNDS[fact.kind])}")
        else:
            bounds, shorthand = {"in" if isinstance(raw, list) else "is": raw}, True
        allowed = _BOUNDS[fact.kind]
        found: dict[str, object] = {}
        for word, value in bounds.items():
            place = path if shorthand else f"{path}.{word}"
            if word not in allowed:
                asked = "a list" if shorthand else repr(str(word))
                self.wrong(place, f"{fact.name} is {_KINDS[fact.kind]}, {asked} cannot be asked of it", _cure(fact))
            else:
                found[word] = self._bound(fact, word, value, place)
        least, most = found.get("min"), found.get("max")
        if isinstance(least, int) and isinstance(most, int) and least > most:
            self.wrong(path, f"min {least} is above max {most}", "nothing could ever be both: raise max")
        if "is" in found and len(found) > 1:
            self.wrong(path, "'is' stands beside other bounds", "leave it, or leave them")
        if len(self.mistakes) > before:
            return None
        return _leaf_of(fact, path, found)

    def _bound(self, fact: Fact, word: str, value: object, path: str) -> object:
        """Return one bound as the leaf wants it; what it never can be is a mistake."""
        if word == "matches":
            return self._pattern(value, path)
        if word != "in":
            return self._one(fact, value, path)
        if not isinstance(value, list) or not value:
            self.wrong(path, f"expected a list, got {_kind(value)}", "write [A, B]")
            return None
        if len(value) > CHOICES_MAX:
            self.wrong(path, f"holds {len(value)} choices", f"{CHOICES_MAX} are allowed")
            return None
        return tuple(self._one(fact, one, f"{path}[{index}]") for index, one in enumerate(value))

    def _pattern(self, value: object, path: str) -> Pattern | None:
        if not isinstance(value, str):
            self.wrong(path, f"expected a text, got {_kind(value)}", "write a regular expression")
            return None
        if problem := pattern_problem(value):
            self.wrong(path, problem, "mend the pattern")
            return None
        return Pattern(value)

    def _one(self, fact: Fact, value: object, path: str) -> Value | None:
        """Return one value of the fact's kind, spelled as facts spell it."""
        if type(value) is not fact.kind:
            self.wrong(path, f"{fact.name} is {_KINDS[fact.kind]}, got {_kind(value)}", _cure(fact))
            return None
        if isinstance(value, str):
            spelled = fact.spelled(value)
            if spelled is None:
                self.wrong(path, f"{shown(value)!r} is never a {fact.name}", f"write {fact.spelling}")
            return spelled
        assert isinstance(value, int)
        if not 0 <= value <= _INTEGER_MAX:
            self.wrong(path, f"{value} is no amount of anything", f"write 0 to {_INTEGER_MAX}")
        return value


def _leaf_of(fact: Fact, path: str, found: Mapping[str, object]) -> Leaf:
    least, most, pattern = found.get("min"), found.get("max"), found.get("matches")
    choices = (found["is"],) if "is" in found else found.get("in")
    return Leaf(
        path,
        fact.name,
        least if isinstance(least, int) else None,
        most if isinstance(most, int) else None,
        choices if isinstance(choices, tuple) else None,
        pattern if isinstance(pattern, Pattern) else None,
    )


def _group(path: str, members: list[Node], *, every: bool) -> Node | None:
    """Return *members* as one condition; a single one needs no group."""
    if len(members) < 2:
        return members[0] if members else None
    return Group(path, every, tuple(members))


def _cure(fact: Fact) -> str:
    if fact.kind is int:
        return f"write {fact.name} = {{ min = N }}, {{ max = N }} or = N"
    return f"write {fact.name} = true or false" if fact.kind is bool else f'write {fact.name} = "…" or [ "…", … ]'


def _kind(value: object) -> str:
    """Return what TOML calls the kind of *value*."""
    names = {bool: "true or false", int: "an integer", float: "a fraction", str: "a text", list: "an array"}
    if isinstance(value, list) and not value:
        return "an empty array"
    return "a table" if isinstance(value, Mapping) else names.get(type(value), "a date or time")
