"""What only plays a creation: a text that looks like the runtime's lines, a hint in lines nobody owns.

log text -> which venue it plays, or None
lines after a cut -> the first hint of a creation, or ""
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sniperforge.detect.scan import TAG_LETTERS

_DATA = "Program data: "
#: Every line of the runtime starts with it: a text without it plays none of them.
RUNTIME_WORD = "Program "
_INVOKE = re.compile(r"\nProgram ([1-9A-HJ-NP-Za-km-z]{32,44}) invoke \[")
#: Anchor prints the instruction's name; the token programs' own initializations and
#: the associated token program's creation are in every second transaction.
_HINT = re.compile(
    r"Program log: (?:Instruction: (?:Create|Initialize|Migrate)"
    r"(?!Account|Mint|Multisig|ImmutableOwner|Idempotent|TokenMetadata|Buffer)|initialize2)"
)


def printed_forgery(text: str, tags: Mapping[bytes, str], programs: Mapping[str, str]) -> str | None:
    """Return the venue a `Program log:` text plays, or None.

    Args:
        tags: a creation's first letters -> its venue: the text shows such a payload.
        programs: program id -> venue: behind a newline the text starts it.
    """
    for line in _INVOKE.finditer(text):
        if line[1] in programs:
            return programs[line[1]]
    at = text.find(_DATA)
    while at >= 0:
        start = at + len(_DATA)
        owner = _owner(text[start : start + TAG_LETTERS], tags)
        if owner is not None:
            return owner
        at = text.find(_DATA, start)
    return None


def hints_creation(lines: Sequence[str], tags: Mapping[bytes, str]) -> str:
    """Return the first sign of a creation in lines nobody owns: a tag, or an instruction's name; "" for none."""
    for line in lines:
        if line.startswith(_DATA):
            tag = line[len(_DATA) : len(_DATA) + TAG_LETTERS]
            if _owner(tag, tags) is not None:
                return tag
        elif _HINT.match(line):
            return line[:80]
    return ""


def _owner(letters: str, tags: Mapping[bytes, str]) -> str | None:
    return tags.get(letters.encode()) if letters.isascii() else None
