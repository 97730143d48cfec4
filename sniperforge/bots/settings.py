"""A bot's settings: a TOML table -> its frozen struct, all sections read before anything is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

import msgspec

from sniperforge.base.config import ConfigErrors, Source, settings
from sniperforge.base.errors import ConfigError
from sniperforge.dex.venue import Venue
from sniperforge.trading.conditions import leaves, parse
from sniperforge.trading.facts import QUOTE_NAMED
from sniperforge.trading.filters import FilterSettings

S = TypeVar("S", bound=msgspec.Struct)


def read_settings(kind: type[S], raw: Mapping[str, Any], where: str, source: Source | None = None) -> S:
    """Return *raw* as a *kind*, section by section, so that one reading finds the problems of all.

    Args:
        kind: a frozen struct; its fields that are structs are the sections. A
            struct may have `faults()`, which yields (key, problem, cure).
        where: dotted path of the table, the head of every key in a message.
        source: the file it came from, for `file:line`.

    Raises:
        ConfigErrors: every unknown key with the nearest that exists, and the
            first bad value of each section or else all its faults.
    """
    problems: list[ConfigError] = []
    hints = get_type_hints(kind)
    sections = {name: hint for name, hint in hints.items() if _is_struct(hint)}
    values: dict[str, Any] = {}
    for name, section in sections.items():
        table = raw.get(name, {})
        path = f"{where}.{name}" if where else name
        if isinstance(table, Mapping):
            values[name] = _section(section, table, path, source, problems)
        else:
            problems.append(ConfigError(_place(path, source), "expected a table", f"write [{path}]"))
    plain = {name: value for name, value in raw.items() if name not in sections}
    top = _section(kind, plain, where, source, problems)
    if problems or top is None:
        raise ConfigErrors(problems)
    return msgspec.structs.replace(top, **values)


def _section(
    kind: type[S], table: Mapping[str, Any], path: str, source: Source | None, problems: list[ConfigError]
) -> S | None:
    """Return *table* as a *kind*; what is wrong goes to *problems*."""
    try:
        made = settings(kind, table, source=source, path=path)
    except ConfigErrors as found:
        problems.extend(found.problems)
        return None
    faults = getattr(made, "faults", None)
    if faults is not None:
        for key, problem, cure in faults():
            problems.append(ConfigError(_place(f"{path}.{key}" if path else key, source), problem, cure))
    return made


def _is_struct(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _place(path: str, source: Source | None) -> str:
    return source.where(path) if source else path


def known_venues() -> Mapping[str, Venue]:
    """Return every venue of this build by name (imported when a bot is made: their tables are not free)."""
    from sniperforge.dex.venues import VENUES

    return VENUES


def check_filters(
    filters: FilterSettings, known: Iterable[str], where: str, source: Source | None = None, *, sized: bool = True
) -> None:
    """Raise ConfigErrors for what only the bot can know of its filters.

    Args:
        known: names of all venues of this build.
        where: dotted path of the filters' table.
        sized: the bot buys, so there is a size to ask the impact of.
    """
    names = sorted(known)
    problems = [
        ConfigError(_place(f"{where}.venues", source), *_stranger(name, names))
        for name in filters.venues
        if name not in names
    ]
    node = parse(filters.require, f"{where}.require")[0] if filters.require else None
    for leaf in leaves(node) if node is not None else ():
        if leaf.name == "venue":
            wrong = [str(name) for name in leaf.choices or () if name not in names]
            problems += [ConfigError(_place(leaf.path, source), *_stranger(name, names)) for name in wrong]
        if leaf.name in QUOTE_NAMED and not (sized or filters.impact_quote_amount):
            problem = f"{leaf.name} is about a buy, and this bot buys nothing"
            cure = f"set {where}.impact_quote_amount to the size you mean"
            problems.append(ConfigError(_place(leaf.path, source), problem, cure))
    if problems:
        raise ConfigErrors(problems)


def _stranger(name: str, known: Sequence[str]) -> tuple[str, str]:
    """Return what is wrong with a venue nobody has, and what to do."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"{name!r} is not a venue", f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
