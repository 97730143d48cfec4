"""Patterns of a user over text of a stranger, bounded in what they can cost.

A launch's name is chosen by whoever launches it. A pattern that backtracks
without end would let a stranger stop the bot with one name, so nested repetition
is refused in the settings and the text is cut before it is searched.
"""

from __future__ import annotations

import re
import warnings

PATTERN_LENGTH_MAX = 256
#: Longer names are cut: with two open repetitions a search takes at most
#: TEXT_LENGTH_MAX ** 3 / 6 steps, about a million, a few milliseconds.
TEXT_LENGTH_MAX = 200
REPETITIONS_MAX = 2
OPTIONALS_MAX = 8

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[^:)]*?[:=!>]|[()|]|\?|[*+]|\{\d*,?\d*\}|.", re.DOTALL)


class Pattern:
    """A compiled pattern; it must have passed `pattern_problem`."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._compiled = re.compile(source, re.IGNORECASE)

    def found(self, text: str) -> bool:
        """Return whether the pattern is somewhere in the first 200 characters of *text*."""
        return self._compiled.search(text[:TEXT_LENGTH_MAX]) is not None


def pattern_problem(source: str) -> str:
    """Return why *source* cannot be used as a pattern, "" when it can."""
    if len(source) > PATTERN_LENGTH_MAX:
        return f"pattern has {len(source)} characters, at most {PATTERN_LENGTH_MAX}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # "[[" and the like will one day mean something else
            re.compile(source, re.IGNORECASE)
    except (re.error, FutureWarning, OverflowError, RecursionError) as problem:
        return f"not a regular expression: {problem}"
    return _cost_problem(source)


def _cost_problem(source: str) -> str:
    """Walk the pattern's tokens: which groups repeat, and what do they hold?"""
    groups: list[bool] = []  # does the open group hold a repetition or an alternative?
    closed_busy, previous, repetitions, optionals = False, "", 0, 0
    for match in _TOKEN.finditer(source):
        token = match[0]
        counted = len(token) > 2 and token[0] == "{"
        repeats = token in ("*", "+") or counted
        if token == "?" and (previous in ("*", "+", "?") or (len(previous) > 2 and previous[0] == "{")):
            previous = ""
            continue  # a lazy repetition is counted at its sign
        if repeats or token == "?":
            if previous == ")" and closed_busy and repeats:
                return "a repeated group holds a repetition or an alternative: its cost has no bound"
            repetitions += repeats and not (counted and "," not in token)  # a fixed count never backtracks
            optionals += token == "?"
            groups[-1:] = [True] * bool(groups)
        elif token[0] == "(":
            groups.append(False)
        elif token == "|":
            groups[-1:] = [True] * bool(groups)
        elif token == ")" and groups:
            closed_busy = groups.pop()
            groups[-1:] = [groups[-1] or closed_busy] if groups else []
        previous = token
    if repetitions > REPETITIONS_MAX:
        return f"{repetitions} repetitions, at most {REPETITIONS_MAX}: its cost grows with each"
    if optionals > OPTIONALS_MAX:
        return f"{optionals} optional parts, at most {OPTIONALS_MAX}: its cost doubles with each"
    return ""
