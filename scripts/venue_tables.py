"""Tables of docs/venues.md: `python scripts/venue_tables.py [SHARED]`.

all variants of all venues -> bytes of the longest transaction
recorded transactions      -> compute units of swaps; what `sniperforge decode` makes of every file

SHARED is the folder of recordings beside the checkout (../shared). What was decoded
is compared with a second reading that shares no code with the first: base64 through
solders, JSON by a plain walk, logs by regular expressions.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sniperforge.base.keys import text  # noqa: E402
from sniperforge.detect.inputs import documents  # noqa: E402
from sniperforge.dex.programs import EVENT_TAG  # noqa: E402
from sniperforge.dex.venues import VENUES  # noqa: E402
from sniperforge.runtime import decoding  # noqa: E402
from sniperforge.runtime.decoding import Invocation  # noqa: E402
from sniperforge.trading.transaction import TRANSACTION_BYTES_MAX  # noqa: E402
from tests.integration.detect.recorded import body_of, rows  # noqa: E402
from tests.unit.coordinate import dearest  # noqa: E402

SHARED = ROOT.parent / "shared"
PROGRAMS = {text(venue.program): name for name, venue in VENUES.items()}
_INVOKE = re.compile(r"Program (\w{32,44}) invoke \[\d+\]")
_CONSUMED = re.compile(r"Program (\w{32,44}) consumed (\d+) of \d+ compute units")
_END = re.compile(r"Program (\w{32,44}) (success|failed)")
#: First bytes of AMM v4's ray_log of a swap.
_RAY_SWAPS = {3: "swap_base_in", 4: "swap_base_out"}
_SWAP_WORDS = ("swap", "buy", "sell")


class Call(NamedTuple):
    """One invocation as the logs tell it."""

    program: str
    said: list[str]
    units: int


class Count:
    """What decode made of one venue in all files."""

    def __init__(self) -> None:
        self.files: set[Path] = set()
        self.told: Counter[str] = Counter()
        self.undecoded = self.invented = 0


# ── sizes ─────────────────────────────────────────────────────────────────


def sizes() -> Iterator[str]:
    """Yield the table of bytes: plain, with a nonce, and through a lookup table where that is too long."""
    yield "| venue | buy | sell | accounts | with a nonce: buy | sell | accounts |"
    yield "|---|---|---|---|---|---|---|"
    for name, venue in VENUES.items():
        cells = [name]
        for nonce in (False, True):
            found = [dearest.largest(venue, is_buy=is_buy, nonce=nonce) for is_buy in (True, False)]
            cells += [_bytes(one) for one in found] + [f"{max(one.accounts for one in found)}"]
        yield _row(cells)


def _bytes(found: dearest.Size) -> str:
    if found.bytes <= TRANSACTION_BYTES_MAX:
        return f"{found.bytes:,}"
    return f"**{found.bytes:,}**, {found.bytes_with_table:,} by table"


# ── compute units ─────────────────────────────────────────────────────────


def units(shared: Path) -> Iterator[str]:
    """Yield the table of compute units: our limits, and what the swap itself consumed where it was recorded."""
    spent: dict[tuple[str, str], list[int]] = defaultdict(list)
    for path in recordings(shared):
        source = "mainnet" if "mainnet" in path.parts else "program_output"
        for call in (one for logs in _logs_in(json.loads(path.read_bytes())) for one in calls(logs)):
            if call.program in PROGRAMS and _is_swap(call):
                spent[PROGRAMS[call.program], source].append(call.units)
    yield "| venue | limit buy | sell | mainnet: n | least | median | most | own runs: n | most |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, venue in VENUES.items():
        mainnet, own = sorted(spent[name, "mainnet"]), spent[name, "program_output"]
        cells = [name, *(f"{venue.compute_units(is_buy):,}" for is_buy in (True, False)), f"{len(mainnet)}"]
        cells += [f"{one:,}" for one in (mainnet[0], mainnet[len(mainnet) // 2], mainnet[-1])] if mainnet else [""] * 3
        yield _row([*cells, f"{len(own)}", f"{max(own):,}" if own else ""])


def _is_swap(call: Call) -> bool:
    names = [line.removeprefix("Instruction: ").lower() for line in call.said if line.startswith("Instruction: ")]
    names += [_RAY_SWAPS.get(base64.b64decode(line[9:])[0], "") for line in call.said if line.startswith("ray_log: ")]
    return bool(names) and names[0].startswith(_SWAP_WORDS) and call.units > 0


def calls(logs: Iterable[str]) -> Iterator[Call]:
    """Yield every invocation that succeeded, with what it said and consumed itself."""
    stack: list[Call] = []
    for line in logs:
        if found := _INVOKE.fullmatch(line):
            stack.append(Call(found[1], [], 0))
        elif not stack:
            continue
        elif found := _CONSUMED.fullmatch(line):
            stack[-1] = stack[-1]._replace(units=int(found[2]))
        elif found := _END.match(line):
            done = stack.pop()
            if found[2] == "success":
                yield done
        elif line.startswith("Program log: "):
            stack[-1].said.append(line[13:])


def _logs_in(value: Any) -> Iterator[list[str]]:
    if isinstance(value, list):
        for one in value:
            yield from _logs_in(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in ("logMessages", "log_messages", "logs") and one and isinstance(one[0], str):
                yield one
            else:
                yield from _logs_in(one)


# ── decoding ──────────────────────────────────────────────────────────────


def recordings(shared: Path) -> list[Path]:
    """Return every file of recorded transactions or instructions; accounts and slots are none."""
    found = [*(shared / "mainnet").rglob("*.json"), *(shared / "program_output").rglob("*.json")]
    return sorted(path for path in found if "accounts" not in path.parts and not path.name.startswith("slots_"))


def decoded(shared: Path) -> Iterator[str]:
    """Yield the table of what `sniperforge decode` names in every file."""
    counts = {name: Count() for name in VENUES}
    unreadable = 0
    for path in recordings(shared):
        told: Counter[str] = Counter()
        for _, document in documents(path.read_bytes()):
            for one in decoding.decode(document, source=path.name):
                unreadable += one.transaction is None
                carries = one.transaction is not None and one.transaction.carries_instructions
                for invocation in one.invocations:
                    _count(invocation, counts, told, path, carries=carries)
        there = recorded_calls(json.loads(path.read_bytes()))
        for name, count in counts.items():
            # More than there are were invented, fewer were missed.
            count.invented += max(0, told[name] - there[name])
            count.undecoded += max(0, there[name] - told[name])
    yield "| venue | files | instructions | events | undecoded | invented |"
    yield "|---|---|---|---|---|---|"
    total: Counter[str] = Counter()
    for name, count in counts.items():
        row = {"instructions": count.told["instructions"], "events": count.told["events"]}
        row |= {"undecoded": count.undecoded, "invented": count.invented}
        total.update(row)
        yield _row([name, f"{len(count.files)}", *(f"{value:,}" for value in row.values())])
    yield _row(["all", f"{len(recordings(shared))}", *(f"{value:,}" for value in total.values())])
    if unreadable:
        yield f"\n{unreadable} documents could not be read."


def _count(one: Invocation, counts: dict[str, Count], told: Counter[str], path: Path, *, carries: bool) -> None:
    name = PROGRAMS.get(text(one.step.program), "")
    if name:
        count = counts[name]
        count.files.add(path)
        if carries:
            told[name] += 1
            count.told["instructions"] += 1
            count.undecoded += one.told is None or not one.told.name or bool(one.told.problem)
            count.invented += _contradicts(one)
        for event in one.events:
            count.told["events"] += 1
            count.undecoded += not event.name or bool(event.problem)
            count.invented += event.fields.tail > 0
    for child in one.children:
        _count(child, counts, told, path, carries=carries)


def _contradicts(one: Invocation) -> bool:
    """Say whether the program itself logged another name than the one its data was given."""
    said = [line[13:].lower() for line in one.step.logs if line.startswith("Instruction: ")]
    return bool(said) and one.told is not None and said[0] != one.told.name.replace("_", "").lower()


def recorded_calls(document: Any) -> Counter[str]:
    """Return how often each venue is called in a document, events sent to itself aside."""
    if isinstance(document, dict) and "program_id" in document:
        return Counter([PROGRAMS[document["program_id"]]])
    if isinstance(document, dict) and document.get("method") == "logsNotification":
        return Counter()
    bodies = document["transactions"] if isinstance(document, dict) and "transactions" in document else None
    found: Counter[str] = Counter()
    for body in bodies if bodies is not None else [body_of(document)]:
        found.update(PROGRAMS[program] for program, _, data in rows(body) if _is_call(program, data))
    return found


def _is_call(program: str, data: bytes) -> bool:
    return program in PROGRAMS and not data.startswith(EVENT_TAG)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    shared = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    for lines in (sizes(), units(shared), decoded(shared)):
        print("\n".join(lines), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
