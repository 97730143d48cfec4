"""One executed transaction, in whatever JSON it came -> one normal form.

body {transaction, meta, version} -> Transaction: status, signer, steps

Encodings: base64, json and jsonParsed of JSON-RPC and Helius, and a Yellowstone
update printed as JSON (camelCase or snake_case, bytes in any spelling). Which
message holds which body is `sniperforge.detect.inputs`.

Index space = message keys, loaded writable keys, loaded readonly keys. Inner
instructions nest by their stack height; where the source has none, by the logs,
else flat below the outer one. When logs and instructions are both there, each
invocation of the logs is laid onto the instruction it tells of by walking both
in order; at the first pair that does not match the walk ends, and what comes
after gets nothing from the logs.

An inner instruction of a program to itself that starts with Anchor's event tag is
an event of that program: only it can sign for its event authority. The same
payload printed by `Program data:` is the same event.

Source: solana.com/docs/rpc (json structures), yellowstone-grpc-proto.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.detect.logs import DEPTH_MAX, LINES_MAX, Call, Logs, grow, read_logs
from sniperforge.detect.values import (
    JsonObject,
    base58_text,
    base64,
    blob,
    either,
    object_of,
    objects,
    public_key,
    signature_text,
    whole,
)
from sniperforge.detect.wire_message import read_message
from sniperforge.dex.programs import EVENT_TAG
from sniperforge.dex.venue import Step

#: The runtime's instruction trace holds 64; some room for what comes.
CALLS_MAX = 1024
KEYS_MAX = 256

#: Run by the runtime before any program: they leave no line in the logs.
_PRECOMPILES = frozenset(
    {
        key("Ed25519SigVerify111111111111111111111111111"),
        key("KeccakSecp256k11111111111111111111111111111"),
        key("Secp256r1SigVerify1111111111111111111111111"),
    }
)


class Transaction(NamedTuple):
    """What a source says about one executed transaction.

    Attributes:
        failed: the runtime reported an error: whatever it printed did not happen.
        signer: the fee payer; the zero key when the source does not carry it.
        steps: outer invocations with everything below them.
        carries_instructions: False when steps come from logs alone.
        logs_truncated: the runtime cut the logs.
        logs_missing: there were none, or they contradict themselves or the instructions.
        loose: log lines after the cut, attributed to nobody.
    """

    signature: str
    slot: int
    failed: bool
    signer: Pubkey
    steps: tuple[Step, ...]
    carries_instructions: bool
    logs_truncated: bool
    logs_missing: bool = False
    block_time: int = 0
    loose: Sequence[str] = ()


def from_logs(
    signature: str, slot: int, *, failed: bool, lines: Sequence[str], keep: Container[Pubkey] | None = None
) -> Transaction:
    """Return the normal form of a logs-only source; *keep* as in `read_logs`; raises DecodeError."""
    logs = read_logs(lines, keep)
    steps = grow(logs.calls)
    return Transaction(signature, slot, failed, ZERO_KEY, steps, False, logs.truncated, loose=logs.loose)


def from_steps(signature: str, slot: int, steps: tuple[Step, ...]) -> Transaction:
    """Return the normal form of an ordinary logs-only source, as `_native.read_logs` told it."""
    # The tuple at once: the constructor of a NamedTuple takes twice as long.
    return tuple.__new__(Transaction, (signature, slot, False, ZERO_KEY, steps, False, False, False, 0, ()))


def from_body(body: JsonObject, *, slot: int, block_time: int = 0, signature: str = "") -> Transaction:
    """Return the normal form of {transaction, meta, version}.

    Args:
        signature: where the message around it tells it; else taken from the transaction.

    Raises:
        DecodeError: a version, encoding, index, size or status this cannot read.
    """
    if body.get("version") not in (None, "legacy", 0):
        raise DecodeError(
            f"transaction of version {str(body['version'])[:20]}; this build reads legacy and 0, upgrade it"
        )
    meta = object_of(body.get("meta"), what="meta")  # without it nobody knows whether it failed
    failed, lines = _failed(meta), _lines(meta)
    source = body.get("transaction")
    is_grpc = isinstance(source, dict) and _is_grpc(source, meta)
    first, keys, calls, is_complete = _outer(source, is_grpc=is_grpc)
    if not is_complete:
        keys = (*keys, *_loaded(meta))
    if not calls or not keys:
        raise DecodeError("transaction without instructions or keys; check the source")
    calls = _with_inner(calls, meta, is_grpc=is_grpc)
    resolved = [_resolve(row, keys, is_grpc=is_grpc) for row in calls]
    logs, is_missing = _read_or_nothing(lines)
    is_missing = not _lay_on(resolved, logs) or is_missing
    steps = grow(_fold_events(resolved))
    return Transaction(
        signature or first, slot, failed, keys[0], steps, True, logs.truncated, is_missing, block_time, logs.loose
    )


# ── the message ───────────────────────────────────────────────────────────

#: Outer position, depth (0: not told), and the instruction as the source spells it.
_Row = tuple[int, int, JsonObject]


def _is_grpc(source: JsonObject, meta: JsonObject) -> bool:
    """Say whether text in byte fields is base64 (protobuf's JSON) and not base58 (JSON-RPC)."""
    message = source.get("message")
    tells = "loadedWritableAddresses" in meta or "loaded_writable_addresses" in meta
    return tells or (isinstance(message, dict) and "versioned" in message)


def _outer(source: object, *, is_grpc: bool) -> tuple[str, tuple[Pubkey, ...], list[_Row], bool]:
    """Return first signature, keys, outer rows, and whether the keys hold the loaded ones too."""
    if isinstance(source, list):
        if len(source) != 2 or not isinstance(source[0], str) or source[1] != "base64":
            raise DecodeError("transaction is neither [text, 'base64'] nor an object; ask for base64 or json encoding")
        message = read_message(base64(source[0]))
        rows: list[_Row] = [
            (index, 1, {"programIdIndex": row.program, "accounts": row.accounts, "data": row.data})
            for index, row in enumerate(message.instructions)
        ]
        return base58_text(message.signatures[0]), message.keys, rows, False
    body = object_of(source, what="transaction")
    message_body = object_of(body.get("message"), what="message")
    if message_body.get("config"):
        raise DecodeError("transaction of version 1; this build reads legacy and version 0, upgrade it")
    signatures = body.get("signatures")
    listed = either(message_body, "accountKeys", "account_keys")
    if not isinstance(signatures, list) or not signatures or not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise DecodeError(f"transaction without signatures or with more than {KEYS_MAX} keys; check the source")
    keys = tuple(public_key(item) for item in listed)
    is_parsed = bool(listed) and isinstance(listed[0], dict) and "pubkey" in listed[0]
    outer = objects(message_body.get("instructions"), what="instructions", length_max=CALLS_MAX)
    return signature_text(signatures[0]), keys, [(index, 1, row) for index, row in enumerate(outer)], is_parsed


def _loaded(meta: JsonObject) -> tuple[Pubkey, ...]:
    """Return the keys the lookup tables gave, writable ones first."""
    loaded = meta.get("loadedAddresses")
    if isinstance(loaded, dict):
        writable, readonly = loaded.get("writable"), loaded.get("readonly")
    else:
        writable = either(meta, "loadedWritableAddresses", "loaded_writable_addresses")
        readonly = either(meta, "loadedReadonlyAddresses", "loaded_readonly_addresses")
    keys: list[Pubkey] = []
    for part in (writable, readonly):
        if part is not None and (not isinstance(part, list) or len(part) > KEYS_MAX):
            raise DecodeError(f"loaded addresses are not a list of at most {KEYS_MAX}; check the source")
        keys.extend(public_key(item) for item in part or ())
    return tuple(keys)


def _with_inner(outer: list[_Row], meta: JsonObject, *, is_grpc: bool) -> list[_Row]:
    """Return outer and inner rows in order of execution."""
    inner: dict[int, list[_Row]] = {}
    total = len(outer)
    for group in objects(
        either(meta, "innerInstructions", "inner_instructions"), what="innerInstructions", length_max=CALLS_MAX
    ):
        index = whole(group.get("index", 0 if is_grpc else None), what="innerInstructions.index")
        if index >= len(outer):
            raise DecodeError(f"inner instructions of instruction {index}, there are {len(outer)}; check the source")
        rows = objects(group.get("instructions"), what="inner instructions", length_max=CALLS_MAX)
        total += len(rows)
        if total > CALLS_MAX:
            raise DecodeError(f"more than {CALLS_MAX} instructions in one transaction; check the source")
        for row in rows:
            height = either(row, "stackHeight", "stack_height")
            depth = 0 if height is None else whole(height, what="stackHeight")
            if depth == 1:
                raise DecodeError("an inner instruction of stack height 1; check the source")
            inner.setdefault(index, []).append((index, depth, row))
    return [row for index, first in enumerate(outer) for row in (first, *inner.get(index, ()))]


def _resolve(row: _Row, keys: tuple[Pubkey, ...], *, is_grpc: bool) -> Call:
    index, depth, body = row
    program = either(body, "programIdIndex", "program_id_index")
    name = body.get("programId")
    if isinstance(name, str):
        key_called = public_key(name)
    else:
        key_called = _at(keys, whole(0 if program is None and is_grpc else program, what="programIdIndex"))
    call = Call(key_called, depth, index)
    if "parsed" in body:  # the RPC node decoded a native program and threw the bytes away
        return call
    accounts = body.get("accounts")
    if isinstance(accounts, list) and accounts and isinstance(accounts[0], str):
        call.accounts = tuple(public_key(item) for item in accounts)
    elif accounts is not None:
        call.accounts = tuple(_at(keys, position) for position in blob(accounts, text_is_base64=True))
    call.data = blob(body.get("data") or [], text_is_base64=is_grpc)
    return call


def _at(keys: tuple[Pubkey, ...], position: int) -> Pubkey:
    if position >= len(keys):
        raise DecodeError(f"key {position} of {len(keys)}; the looked-up keys are missing, check the source")
    return keys[position]


# ── status and logs ───────────────────────────────────────────────────────


def _failed(meta: JsonObject) -> bool:
    status = meta.get("status")
    return meta.get("err") is not None or (isinstance(status, dict) and "Err" in status)


def _lines(meta: JsonObject) -> list[str] | None:
    lines = either(meta, "logMessages", "log_messages")
    if lines is None or (not lines and either(meta, "logMessagesNone", "log_messages_none")):
        return None
    if not isinstance(lines, list) or len(lines) > LINES_MAX or not all(isinstance(line, str) for line in lines):
        raise DecodeError(f"logMessages is not a list of at most {LINES_MAX} texts; check the source")
    return lines


def _read_or_nothing(lines: list[str] | None) -> tuple[Logs, bool]:
    """Return the logs, or none of them where they contradict themselves: the instructions remain."""
    if lines is None:
        return Logs([]), True
    try:
        return read_logs(lines), False
    except DecodeError:
        return Logs([]), True


def _lay_on(calls: list[Call], logs: Logs) -> bool:
    """Give each call what its invocation printed; False when the two do not tell the same story."""
    told = iter(logs.calls)
    line = next(told, None)
    above = 0
    for call in calls:
        matches = line is not None and line.program == call.program and call.depth in (0, line.depth)
        if matches and line is not None:
            call.depth = line.depth
            call.logs, call.events = line.logs, list(line.events)
            line = next(told, None)
        elif call.depth != 1 or call.program not in _PRECOMPILES:
            break
    ended_early = line is None
    for call in calls:
        call.depth = call.depth or 2
        if not 1 <= call.depth <= min(above + 1, DEPTH_MAX):
            raise DecodeError(
                f"stack height {call.depth} below {above}; the instructions do not nest, check the source"
            )
        above = call.depth
    return ended_early


def _fold_events(calls: list[Call]) -> list[Call]:
    """Return the calls without the events programs sent to themselves, which their parents now hold."""
    kept: list[Call] = []
    stack: list[Call] = []
    sent: dict[int, list[bytes]] = {}
    for position, call in enumerate(calls):
        del stack[call.depth - 1 :]
        parent = stack[-1] if stack else None
        call.parent = parent.program if parent else ZERO_KEY
        stack.append(call)
        is_leaf = position + 1 == len(calls) or calls[position + 1].depth <= call.depth
        if is_leaf and parent and parent.program == call.program and call.data[:8] == EVENT_TAG:
            sent.setdefault(id(parent), []).append(call.data[8:])
        else:
            kept.append(call)
    for call in kept:
        if own := sent.get(id(call)):
            printed = list(call.events)
            for payload in own:
                if payload in printed:
                    printed.remove(payload)
            call.events = own + printed
    return kept
