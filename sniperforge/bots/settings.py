"""A bot's settings: a TOML table -> its frozen struct, all sections read before anything is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_type_hints

import msgspec

from sniperforge.base.config import ConfigErrors, Source, settings
from sniperforge.base.errors import ConfigError
from sniperforge.dex.venue import Venue

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


def check_venues(names: Iterable[str], known: Iterable[str], where: str, source: Source | None = None) -> None:
    """Raise ConfigErrors for every name in *names* that no venue of this build has."""
    known = sorted(known)
    problems = []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            problems.append(ConfigError(_place(where, source), f"{name!r} is not a venue", cure))
    if problems:
        raise ConfigErrors(problems)
