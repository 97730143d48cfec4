"""What plays a creation is recognised as that, and only that."""

from __future__ import annotations

import pytest

from sniperforge.base import keys
from sniperforge.detect.forgery import hints_creation, printed_forgery
from tests.unit.detect.fakes import CREATE, OTHER, PROGRAM, creation, data_line, tag, trade

TAGS = {tag(CREATE): "fake"}
PAYLOAD_LINE = data_line(creation("x"))


@pytest.mark.parametrize(
    ("text", "venue"),
    [
        (PAYLOAD_LINE, "fake"),
        ("hello\n" + PAYLOAD_LINE, "fake"),
        (data_line(trade("x")) + "\n" + PAYLOAD_LINE, "fake"),
        (data_line(trade("x")), None),
        ("Program data: ", None),
        (f"x\nProgram {keys.text(PROGRAM)} invoke [1]", "fake"),
        (f"x\nProgram {keys.text(OTHER)} invoke [1]\nProgram {keys.text(PROGRAM)} invoke [2]", "fake"),
        (f"x\nProgram {keys.text(OTHER)} invoke [1]", None),
        (f"Program {keys.text(PROGRAM)} invoke [1]", None),
        ("Program data: ääääääääääää", None),
        ("hello", None),
    ],
)
def test_a_text_that_shows_a_payload_is_a_forgery(text: str, venue: str | None) -> None:
    """Also behind a newline, or behind another payload."""
    assert printed_forgery(text, TAGS, {keys.text(PROGRAM): "fake"}) == venue


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (PAYLOAD_LINE, tag(CREATE).decode()),
        ("Program log: Instruction: CreateV2", "Program log: Instruction: CreateV2"),
        ("Program log: Instruction: InitializeV2", "Program log: Instruction: InitializeV2"),
        ("Program log: Instruction: Initialize", "Program log: Instruction: Initialize"),
        ("Program log: initialize2: InitializeInstruction2 {", "Program log: initialize2: InitializeInstruction2 {"),
        ("Program log: Instruction: InitializeAccount3", ""),
        ("Program log: Instruction: InitializeMint2", ""),
        ("Program log: Instruction: CreateIdempotent", ""),
        ("Program log: Instruction: Buy", ""),
        (data_line(trade("x")), ""),
        ("Program x success", ""),
    ],
)
def test_hints_in_lines_nobody_owns(line: str, hint: str) -> None:
    """A creation's tag or an instruction's name; the token programs' daily words are none."""
    assert hints_creation(["Program y success", line], TAGS) == hint
