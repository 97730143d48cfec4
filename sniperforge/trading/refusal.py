"""A refusal: the name of what said no, and what it compared, as text."""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """Why not: the filter's name and what it compared, as text."""

    filter: str
    values: dict[str, str]


def refusal(name: str, *, seen: object, allowed: object) -> Refusal:
    """Return a refusal of the usual two values."""
    return Refusal(name, {"seen": str(seen), "allowed": str(allowed)})
