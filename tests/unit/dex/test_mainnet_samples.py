"""Events of mainnet, told by name: every field of all 37 samples as the fact sheets decode it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sniperforge.dex import instruction_names
from sniperforge.dex.venues import VENUES
from sniperforge.runtime.decoding import record_json

SAMPLES = Path(__file__).parents[4] / "shared" / "dex" / "golden" / "mainnet_samples.json"
#: What the sheets spell and we number, and what they call by another name.
NUMBERS = {"Buy": 0, "Fund": 0, "QuoteToken": 0}
OURS = {"open_time": "time"}


def samples() -> list[Any]:
    if not SAMPLES.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/dex/golden is absent"), id="absent")]
    return [pytest.param(case, id=case["id"]) for case in json.loads(SAMPLES.read_text())["cases"]]


def leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, value) of every field; an enum's variant is no level of its own, and a bool is 0 or 1."""
    if isinstance(value, dict):
        for name, part in value.items():
            inner = path if name in ("Constant", "data") and path.endswith("curve_param") else f"{path}.{name}"
            yield from leaves(part, inner.lstrip("."))
    else:
        yield path, str(int(value)) if isinstance(value, bool) else str(NUMBERS.get(str(value), value))


def test_all_samples_are_here() -> None:
    if SAMPLES.exists():
        assert len(samples()) == 37


@pytest.mark.parametrize("case", samples())
def test_a_recorded_event_is_told_as_the_sheet_tells_it(case: Any) -> None:
    program = VENUES[case["dex"]].program
    if "line" in case:
        told = instruction_names.log_event(program, case["line"].removeprefix("Program log: "))
    else:
        told = instruction_names.event(program, base64.b64decode(case["data_base64"]))
    assert told is not None
    assert told.name == case["event"].replace(" ", ".")
    assert told.problem == ""
    found = dict(leaves(record_json(told.fields)))
    expected = {OURS.get(name, name) if name not in found else name: value for name, value in leaves(case["decoded"])}
    assert {name: found.get(name) for name in expected} == expected
