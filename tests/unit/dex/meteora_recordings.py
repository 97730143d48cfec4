"""Recorded transactions of the Meteora programs as Steps with the events they sent to themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import EVENT_TAG
from sniperforge.dex.venue import Step
from tests.unit.dex.raydium_recordings import SHARED, recorded, shared_json


def self_told(step: Step) -> Step:
    """Return *step* with its calls to itself as the events they are."""
    told = tuple(one.data[8:] for one in step.children if one.program == step.program and one.data[:8] == EVENT_TAG)
    rest = tuple(self_told(one) for one in step.children if one.data[:8] != EVENT_TAG)
    return dataclasses.replace(step, events=told, children=rest)


def calls(program: Pubkey, *parts: str) -> list[Step]:
    """Return every invocation of *program* in a file of ../shared, or skip."""
    steps = recorded(shared_json(*parts)).steps
    return [one for outer in steps for one in self_told(outer).walk() if one.program == program]


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return the fields of a golden event under dotted names, integers as integers."""
    fields: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            fields |= flat(item, f"{prefix}{name}.")
        else:
            fields[prefix + name] = int(item) if isinstance(item, bool) or _is_number(item) else item
    return fields


def _is_number(item: Any) -> bool:
    return isinstance(item, int) or (isinstance(item, str) and item.isdecimal())


__all__ = ["SHARED", "calls", "flat", "self_told"]
