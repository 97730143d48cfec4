"""All problems of a settings table in one go, from a reader that stops at the first bad value.

values, reader -> what it makes of them, or every problem it has with them
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any, TypeVar

from sniperforge.base.config import ConfigErrors, Source
from sniperforge.base.errors import ConfigError

T = TypeVar("T")
#: Rounds after which the rest is left for the next time.
ROUNDS_MAX = 100


def every_problem(
    read: Callable[[dict[str, Any]], T],
    values: dict[str, Any],
    path: str,
    source: Source,
    problems: list[ConfigError],
) -> T | None:
    """Return what *read* makes of *values*, or None and all its problems.

    A reader stops at the first bad value of a table: that one is taken out and the
    rest is read again, until nothing is left to say.
    """
    raw, found, gone = copy.deepcopy(values), dict[str, ConfigError](), list[str]()
    made: T | None = None
    for _ in range(ROUNDS_MAX):
        try:
            made = read(raw)
            break
        except ConfigErrors as several:
            fresh = {str(problem): problem for problem in several.problems if str(problem) not in found}
        places = [_inside(problem.where, path, source) for problem in fresh.values()]
        for place, (line, problem) in zip(places, fresh.items(), strict=True):
            # What is missing because we took it out was told before.
            emptied = "missing required field" in problem.problem or "is empty" in problem.problem
            if not (emptied and any(each.startswith(place) for each in gone)):
                found[line] = problem
        taken = [_take_out(raw, place) for place in places]
        gone += places
        if not any(taken):
            break
    problems += found.values()
    return None if found else made


def _inside(where: str, path: str, source: Source) -> str:
    """Return the key path below *path* that `source.where` put into *where*."""
    full = where.removeprefix(f"{source.name}:").lstrip("0123456789: ")
    return full.removeprefix(path).removeprefix(".")


def _take_out(values: Any, path: str) -> bool:
    """Delete the value at the dotted *path* (`a[1].b`) in *values*; False when it is not there.

    A member of an array goes with the whole array: the others must keep their numbers.
    """
    parts = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]
    while parts and isinstance(parts[-1], int):
        parts.pop()
    if not parts:
        return False
    try:
        for part in parts[:-1]:
            values = values[part]
        del values[parts[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True
