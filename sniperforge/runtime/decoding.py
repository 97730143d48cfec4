"""Recorded transactions into what a reader wants to know: who was asked what, what they said, what to believe.

document (one JSON message of any form `detect.inputs` reads) -> Decoded, …
Decoded -> lines for a screen (`lines`) or one object for machines (`as_json`)
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Frame, InputRefused
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY
from sniperforge.base.wire import to_fields
from sniperforge.detect.detector import Detector
from sniperforge.detect.inputs import read_frame, read_line
from sniperforge.detect.settings import DetectSettings
from sniperforge.detect.transaction import Transaction
from sniperforge.dex import instruction_names as names
from sniperforge.dex.borsh import Record
from sniperforge.dex.instruction_names import Told
from sniperforge.dex.programs import SYSTEM
from sniperforge.dex.venue import Step

Json = dict[str, object]
#: Event fields nobody decodes a recording for: they are of this run, not of the chain.
_OWN_FIELDS = frozenset({"id", "ts_ns", "origin_ns", "trace_id", "cause"})
_SETTINGS = DetectSettings(trades="all", inspect_tokens="none", creator_coins_max=0, bundles_max=0)
_WIDTH = 80


class Invocation(NamedTuple):
    """One instruction as it ran; `told` is None for a program without a table."""

    step: Step
    told: Told | None
    events: tuple[Told, ...]
    children: tuple[Invocation, ...]


class Decoded(NamedTuple):
    """One transaction; `problem` says why there is none."""

    transaction: Transaction | None
    invocations: tuple[Invocation, ...] = ()
    beliefs: tuple[Event, ...] = ()
    problem: str = ""


def decode(document: bytes, *, source: str, only: str = "") -> list[Decoded]:
    """Return the transactions of one recorded document; one that cannot be read is a `problem`.

    Args:
        document: a message, or a tape's line around one.
        source: names the input in what detection says.
        only: a program's short name: transactions that do not call it are left out,
            and so are the instructions that neither call it nor lead to a call of it.
    """
    try:
        frame = read_line(document, recv_ns=0, source=source)
        readings = read_frame(frame.data) or _instruction(frame.data)
    except DecodeError as problem:
        return [Decoded(None, problem=str(problem))]
    beliefs = _beliefs(frame)
    told: list[Decoded] = []
    for reading in readings:
        if isinstance(reading, DecodeError):
            told.append(Decoded(None, problem=str(reading)))
            continue
        invocations = _invocations(reading.steps, only)
        if invocations or not only:
            told.append(Decoded(reading, invocations, tuple(beliefs.get(reading.signature, ()))))
    return told


def _instruction(data: bytes) -> list[Transaction | DecodeError]:
    """Return a bare instruction {program_id, accounts: [{pubkey}], data: hex} as a transaction of its own."""
    try:
        body = orjson.loads(data)
        if not isinstance(body, dict) or "program_id" not in body:
            return []
        accounts = tuple(key(str(one["pubkey"])) for one in body["accounts"])
        step = Step(key(str(body["program_id"])), accounts, bytes.fromhex(body["data"]))
    except (KeyError, TypeError, ValueError) as problem:
        raise DecodeError(f"not an instruction ({problem!r}); give program_id, accounts and data as hex") from None
    return [Transaction("", 0, False, ZERO_KEY, (step,), True, False, logs_missing=True)]


def _beliefs(frame: Frame) -> dict[str, list[Event]]:
    """Return what a detector that has seen nothing else makes of the frame, by signature."""
    found: dict[str, list[Event]] = defaultdict(list)
    for event in Detector(_SETTINGS).on_frame(frame, 0):
        if not isinstance(event, InputRefused):
            found[getattr(event, "signature", "")].append(event)
    return found


def _invocations(steps: Iterable[Step], only: str) -> tuple[Invocation, ...]:
    made = (_invocation(step, only) for step in steps)
    return tuple(one for one in made if one is not None)


def _invocation(step: Step, only: str) -> Invocation | None:
    children = _invocations(step.children, only)
    if only and not children and names.program_name(step.program) != only:
        return None
    told = names.instruction(step.program, step.data, step.accounts, step.logs)
    events = [names.event(step.program, payload) for payload in step.events]
    events += [names.log_event(step.program, line) for line in step.logs]
    return Invocation(step, told, tuple(event for event in events if event is not None), children)


# ── for machines ──────────────────────────────────────────────────────────


def json_text(body: Json) -> str:
    """Return one line of JSON; prices of 128 bits stay integers, which the quicker writers refuse."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def as_json(decoded: Decoded) -> Json:
    """Return one transaction as plain values: keys in base58, integers as they are."""
    transaction = decoded.transaction
    if transaction is None:
        return {"problem": decoded.problem}
    return {
        "signature": transaction.signature,
        "slot": transaction.slot,
        "failed": transaction.failed,
        "signer": "" if transaction.signer == ZERO_KEY else text(transaction.signer),
        "carries_instructions": transaction.carries_instructions,
        "logs_truncated": transaction.logs_truncated,
        "instructions": [_invocation_json(one) for one in decoded.invocations],
        "beliefs": [_belief_json(event) for event in decoded.beliefs],
    }


def _invocation_json(one: Invocation) -> Json:
    step, told = one.step, one.told
    names_of = told.accounts if told else ()
    body: Json = {
        "program": text(step.program),
        "program_name": told.program if told else "",
        "name": told.name if told else "",
        "arguments": record_json(told.fields) if told else {},
        "accounts": [
            {"name": names_of[at] if at < len(names_of) else f"account_{at}", "key": text(account)}
            for at, account in enumerate(step.accounts)
        ],
        "events": [_event_json(event) for event in one.events],
        "inner": [_invocation_json(child) for child in one.children],
    }
    if told is None or (told.problem and step.data):
        body["data"] = step.data.hex()
    if told is not None and told.problem:
        body["problem"] = told.problem
    return body


def _event_json(event: Told) -> Json:
    body: Json = {"name": event.name, "fields": record_json(event.fields)}
    return {**body, "problem": event.problem} if event.problem else body


def _belief_json(event: Event) -> Json:
    kept = {name: value for name, value in to_fields(event).items() if name not in _OWN_FIELDS}
    return {"type": type(event).__name__, **kept}


def record_json(record: Record) -> Json:
    """Return a record's values by name, keys in base58; `unread_bytes` when some were left over."""
    body: Json = dict(record.texts) | dict(record.ints)
    body |= {name: text(value) for name, value in record.keys.items()}
    body |= {name: [_row(row) for row in rows] for name, rows in record.rows.items()}
    return {**body, "unread_bytes": record.tail} if record.tail else body


def _row(row: Record) -> object:
    body = record_json(row)
    return body[""] if set(body) == {""} else body


# ── for a screen ──────────────────────────────────────────────────────────


def lines(decoded: Decoded, *, accounts: bool = False) -> Iterator[str]:
    """Yield one transaction as indented lines of at most 80 columns (a longer value is never cut).

    Args:
        accounts: list every account under its instruction.
    """
    transaction = decoded.transaction
    if transaction is None:
        yield f"unreadable: {decoded.problem}"
        return
    yield transaction.signature or "(an instruction alone)"
    state = "FAILED, nothing of it happened" if transaction.failed else "ok"
    cut = ", logs cut" if transaction.logs_truncated else ""
    form = "" if transaction.carries_instructions else ", from logs alone"
    yield f"  slot {transaction.slot}, {state}{cut}{form}"
    for one in decoded.invocations:
        yield from _invocation_lines(one, "  ", accounts=accounts)
    for event in decoded.beliefs:
        yield f"  => {type(event).__name__}"
        yield from _fields_lines(_belief_short(event), "     ")
    if not decoded.beliefs:
        yield "  => nothing to tell"


def _invocation_lines(one: Invocation, indent: str, *, accounts: bool) -> Iterator[str]:
    step, told = one.step, one.told
    if told is None:
        yield f"{indent}{text(step.program)} ({len(step.data)} bytes)"
    else:
        yield f"{indent}{told.program}.{told.name or '?'}" + (
            f"  ({told.problem})" if step.data and told.problem else ""
        )
        yield from _fields_lines(record_json(told.fields), indent + "    ")
        if accounts:
            for name, account in zip(told.accounts, step.accounts, strict=False):
                yield f"{indent}    [{name}] {text(account)}"
    for event in one.events:
        yield f"{indent}  * {event.name or '?'}" + (f"  ({event.problem})" if event.problem else "")
        yield from _fields_lines(record_json(event.fields), indent + "      ")
    for child in one.children:
        yield from _invocation_lines(child, indent + "  ", accounts=accounts)


def _belief_short(event: Event) -> Json:
    body = _belief_json(event)
    body.pop("type")
    body.pop("signature", None)
    body.pop("slot", None)
    pool = body.get("pool")
    if isinstance(pool, dict):
        body["pool"] = pool.get("address", "")
        body |= {name: pool[name] for name in ("venue", "base_mint", "quote_mint") if name in pool}
        body |= {name: pool[name] for name in ("base_reserve", "quote_reserve") if name in pool}
    return {name: value for name, value in body.items() if value not in ("", None, text(SYSTEM))}


def _fields_lines(fields: Json, indent: str) -> Iterator[str]:
    """Yield `name=value` pairs, as many to a line as fit."""
    line = ""
    for name, value in _flat(fields, ""):
        pair = f"{name}={_shown(value)}"
        if line and len(indent) + len(line) + 1 + len(pair) > _WIDTH:
            yield indent + line
            line = ""
        line = f"{line} {pair}" if line else pair
    if line:
        yield indent + line


def _flat(fields: Json, prefix: str) -> Iterator[tuple[str, object]]:
    """Yield the plain values of nested objects under dotted names, and the items of lists under their numbers."""
    for name, value in fields.items():
        if isinstance(value, list | tuple):
            value = {str(number): item for number, item in enumerate(value)}
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _shown(value: object) -> str:
    """Return a value for a terminal, which a coin's name must not be able to write to."""
    return ascii(value) if isinstance(value, str) and not value.isalnum() else str(value)
