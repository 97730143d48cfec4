"""Settings: TOML text and environment -> frozen structs, or lines that say what is wrong.

text -> dict -> struct, with the full path of every bad key, its line in the file
and the nearest key that exists. All problems of a file are found in one go:
nobody likes to fix a config one error at a time.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from sniperforge.base.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)

_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\-\"']+)\s*=")
_PATH = re.compile(r"^(.*) - at `(.*)`$", re.DOTALL)
ENVIRONMENT_PREFIX = "SNIPERFORGE__"


class ConfigErrors(ConfigError):
    """Several problems of one file; the message has one line for each."""

    def __init__(self, problems: list[ConfigError]) -> None:
        self.problems = problems
        first = problems[0]
        super().__init__(first.where, first.problem, first.cure)
        self.args = ("\n".join(str(problem) for problem in problems),)


class Source:
    """One settings file: its values, and where each key stands in its text."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self.values: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            raise ConfigError(name, f"not TOML: {problem}", "mend that line") from None
        self._lines = dict(_positions(text))

    def where(self, path: str) -> str:
        """Return `file:line: path` for the dotted *path* of a key (the nearest parent that has a line)."""
        probe = path
        while probe and probe not in self._lines:
            probe = probe.rpartition(".")[0] if not probe.endswith("]") else probe.rpartition("[")[0]
        line = self._lines.get(probe)
        return f"{self.name}:{line}: {path}" if line else f"{self.name}: {path}"


def _positions(text: str) -> Iterator[tuple[str, int]]:
    """Yield (dotted path, line) of every table and key; arrays of tables count from 0."""
    prefix, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if table := _TABLE.match(line):
            name = table[2].replace('"', "")
            head, _, last = name.rpartition(".")
            parent = _latest(head, counts)
            prefix = f"{parent}.{last}" if parent else last
            if table[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
                for inner in [other for other in counts if other.startswith(f"{name}.")]:
                    del counts[inner]  # arrays inside the last element; those of this one start anew
                prefix = f"{prefix}[{counts[name]}]"
            yield prefix, number
        elif key := _KEY.match(line):
            name = key[1].replace('"', "")
            yield (f"{prefix}.{name}" if prefix else name), number


def _latest(name: str, counts: Mapping[str, int]) -> str:
    """Return *name* with the index of the array element each part means now."""
    done, plain = "", ""
    for part in filter(None, name.split(".")):
        plain = f"{plain}.{part}" if plain else part
        done = f"{done}.{part}" if done else part
        if plain in counts:
            done = f"{done}[{counts[plain]}]"
    return done


def settings(kind: type[T], values: Mapping[str, Any], *, source: Source | None = None, path: str = "") -> T:
    """Return *values* as a *kind*, checked to the last key.

    Args:
        kind: a frozen msgspec struct.
        values: what a TOML table held.
        source: the file it came from, for `file:line`.
        path: dotted path of the table inside the file.

    Raises:
        ConfigErrors: one line for every unknown key (with the nearest that
            exists) and for the first bad value of every table.
    """
    problems = [_unknown(kind_seen, where, key, source) for kind_seen, where, key in _strangers(kind, values, path)]
    if not problems:
        try:
            return msgspec.convert(values, kind)
        except msgspec.ValidationError as problem:
            problems.append(_bad_value(str(problem), path, source))
    raise ConfigErrors(problems)


def _strangers(kind: Any, value: Any, path: str) -> Iterator[tuple[type[msgspec.Struct], str, str]]:
    """Yield (struct, its path, unknown key) everywhere below *value*."""
    struct, element = _struct_of(kind), _element_of(kind)
    if struct is not None and isinstance(value, Mapping):
        hints = typing.get_type_hints(struct)
        names = dict(zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True))
        for key, item in value.items():
            if key not in names:
                yield struct, path, key
            else:
                yield from _strangers(hints[names[key]], item, f"{path}.{key}" if path else key)
    elif element is not None and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strangers(element, item, f"{path}[{index}]")
    elif element is not None and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strangers(element, item, f"{path}.{key}" if path else key)


def _struct_of(kind: Any) -> type[msgspec.Struct] | None:
    options = typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    found = [option for option in options if isinstance(option, type) and issubclass(option, msgspec.Struct)]
    return found[0] if len(found) == 1 else None


def _element_of(kind: Any) -> Any:
    """Return the element type of a list, tuple[X, ...] or dict[str, X], else None."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (list, tuple) and arguments:
        return arguments[0]
    if origin is dict and len(arguments) == 2:
        return arguments[1]
    return None


def _unknown(kind: type[msgspec.Struct], path: str, key: str, source: Source | None) -> ConfigError:
    full = f"{path}.{key}" if path else key
    near = difflib.get_close_matches(key, kind.__struct_encode_fields__, n=1, cutoff=0.5)
    known = ", ".join(kind.__struct_encode_fields__)
    cure = f"did you mean {near[0]!r}?" if near else f"known here: {known}"
    return ConfigError(source.where(full) if source else full, "unknown key", cure)


def _bad_value(message: str, path: str, source: Source | None) -> ConfigError:
    found = _PATH.match(message)
    problem, inner = (found[1], found[2].lstrip("$").lstrip(".")) if found else (message, "")
    full = ".".join(part for part in (path, inner) if part)
    where = source.where(full) if source else full or "settings"
    return ConfigError(where, problem[0].lower() + problem[1:], "set a value of that kind")


def override(values: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Lay `SNIPERFORGE__A__B=value` over *values* in place; return the dotted paths set.

    The value is read as TOML where it is TOML (numbers, booleans, arrays), else as a string.
    """
    done = []
    for name, text in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        parts = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table = values
        for part in parts[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise ConfigError(name, f"{part} is not a table", "unset the variable or name a key below a table")
        table[parts[-1]] = _literal(text)
        done.append(".".join(parts))
    return done


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
