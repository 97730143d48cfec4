"""Frames: which message is this, and where in it are the transactions.

frame bytes -> Transaction, …     (none for acknowledgements, slots, errors)
recorded text -> Frame, …         (NDJSON, or one JSON document over many lines)

Read here: `logsNotification`, `transactionNotification` (Helius), `blockNotification`,
answers of `getTransaction` and `getBlock` (bare, in their envelope, or in a list),
elements of a block, and Yellowstone updates (transaction, block) printed as JSON.

A block holds 2,000 transactions of which a handful matter: the caller hands in the
byte test it uses on frames, and only what passes is parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

import msgspec
import orjson

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Frame
from sniperforge.base.units import Pubkey
from sniperforge.detect.transaction import Transaction, from_body, from_logs
from sniperforge.detect.values import JsonObject, object_of, signature_text, whole

#: A finalized block with all its transactions was 5 MB in 2025.
FRAME_BYTES_MAX = 64 << 20
TRANSACTIONS_MAX = 100_000

Wanted = Callable[[bytes], bool]
#: An element of a block that cannot be read is a value: its neighbours can.
Reading = Transaction | DecodeError
_LOGS_METHOD = b'"logsNotification"'


class _LogsContext(msgspec.Struct):
    slot: int


class _LogsValue(msgspec.Struct):
    signature: str
    err: msgspec.Raw
    logs: list[str]


class _LogsResult(msgspec.Struct):
    context: _LogsContext
    value: _LogsValue


class _LogsParams(msgspec.Struct):
    result: _LogsResult


class _LogsFrame(msgspec.Struct):
    method: str
    params: _LogsParams


class _Envelope(msgspec.Struct):
    """The outermost object of every other message; what we do not name is skipped."""

    method: str | None = None
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    transaction: msgspec.Raw = msgspec.Raw()
    transactions: list[msgspec.Raw] | None = None
    block: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()


class _Block(msgspec.Struct):
    transactions: list[msgspec.Raw] | None = None
    slot: int | str | None = None
    parentSlot: int | None = None
    blockTime: msgspec.Raw = msgspec.Raw()


class _BlockValue(msgspec.Struct):
    slot: int
    block: _Block | None = None


class _BlockResult(msgspec.Struct):
    value: _BlockValue


class _BlockParams(msgspec.Struct):
    result: _BlockResult


_logs = msgspec.json.Decoder(_LogsFrame)
_envelope = msgspec.json.Decoder(_Envelope)
_block = msgspec.json.Decoder(_Block)
_block_params = msgspec.json.Decoder(_BlockParams)


def read_frame(data: bytes, *, wanted: Wanted | None = None, keep: Container[Pubkey] | None = None) -> list[Reading]:
    """Return the transactions a message carries, in order; a DecodeError for an unreadable one of a block.

    Args:
        data: one JSON document.
        wanted: byte test for each transaction of a block; None reads all.
        keep: programs whose silent leaves stay in a logs-only tree; None keeps all.

    Raises:
        DecodeError: not JSON, too large, or its only transaction is unreadable.
    """
    if len(data) > FRAME_BYTES_MAX:
        raise DecodeError(
            f"frame of {len(data)} bytes, at most {FRAME_BYTES_MAX} are read; ask for less in one message"
        )
    try:
        if data.find(_LOGS_METHOD, 0, 256) >= 0:
            return _read_logs_frame(data, keep)
        if data.lstrip()[:1] == b"[":
            rows = msgspec.json.decode(data, type=list[msgspec.Raw])
            return [row for raw in rows for row in _read_object(bytes(raw), wanted, keep)]
        return _read_object(data, wanted, keep)
    except (msgspec.MsgspecError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise DecodeError(f"not a message this reads: {str(problem)[:120]}; check the source") from None


def _read_logs_frame(data: bytes, keep: Container[Pubkey] | None) -> list[Reading]:
    frame = _logs.decode(data)
    if frame.method != "logsNotification":
        return _read_object(data, None, keep)
    result = frame.params.result
    value = result.value
    failed = bytes(value.err) != b"null"
    signature = signature_text(value.signature)
    slot = whole(result.context.slot, what="slot")
    return [from_logs(signature, slot, failed=failed, lines=value.logs, keep=keep)]


def _read_object(data: bytes, wanted: Wanted | None, keep: Container[Pubkey] | None) -> list[Reading]:
    envelope = _envelope.decode(data)
    if envelope.method is not None:
        if envelope.method == "transactionNotification":
            body = object_of(_object(envelope.params).get("result"), what="result")
            return [_nested(body)]
        if envelope.method == "blockNotification":
            value = _block_params.decode(envelope.params).result.value
            return _read_block(value.block, value.slot, wanted) if value.block else []
        if envelope.method == "logsNotification":
            return _read_logs_frame(data, keep)
        return []
    if envelope.transactions is not None:
        return _read_block(_block.decode(data), None, wanted)
    if envelope.meta and envelope.transaction:
        return [_bare(_object(data))]
    if envelope.transaction:
        return [_update(_object(data))]
    if envelope.block:
        block = _block.decode(envelope.block)
        return _read_block(block, None, wanted)
    result = bytes(envelope.result)
    return _read_object(result, wanted, keep) if result[:1] == b"{" else []


def _read_block(block: _Block, slot: int | None, wanted: Wanted | None) -> list[Reading]:
    rows = block.transactions or []
    if len(rows) > TRANSACTIONS_MAX:
        raise DecodeError(f"block of {len(rows)} transactions, at most {TRANSACTIONS_MAX} are read; check the source")
    if slot is None and block.slot is not None:
        slot = whole(block.slot, what="slot")
    if slot is None:  # getBlock does not repeat what it was asked; this is never above the truth
        slot = (block.parentSlot or -1) + 1
    time = _block_time(orjson.loads(bytes(block.blockTime)) if bytes(block.blockTime) else None)
    raws = map(bytes, rows)
    return [_element(raw, slot, time) for raw in raws if wanted is None or wanted(raw)]


def _block_time(value: object) -> int:
    if isinstance(value, dict):  # protobuf's UnixTimestamp
        value = value.get("timestamp")
    return 0 if value is None else whole(value, what="blockTime")


def _element(raw: bytes, slot: int, time: int) -> Transaction | DecodeError:
    """Read an element of a block; one that cannot be read does not take the block with it."""
    try:
        return from_body(_object(raw), slot=slot, block_time=time)
    except DecodeError as problem:
        return problem


def _object(raw: bytes | msgspec.Raw) -> JsonObject:
    return object_of(orjson.loads(bytes(raw)), what="message")


def _bare(body: JsonObject) -> Transaction:
    """Read getTransaction's result (or a block's element, which tells no slot)."""
    slot = body.get("slot")
    return from_body(
        body, slot=0 if slot is None else whole(slot, what="slot"), block_time=_block_time(body.get("blockTime"))
    )


def _nested(result: JsonObject) -> Transaction:
    """Read Helius' result {transaction: {transaction, meta, version}, signature, slot}."""
    signature = signature_text(result.get("signature"))
    body = object_of(result.get("transaction"), what="transaction")
    return from_body(body, slot=whole(result.get("slot"), what="slot"), signature=signature)


def _update(update: JsonObject) -> Transaction:
    """Read a Yellowstone update: with its filters around it, or the inner message alone."""
    outer = object_of(update.get("transaction"), what="transaction")
    slot = update.get("slot")
    if "slot" in outer and slot is None:
        slot, outer = outer["slot"], object_of(outer.get("transaction"), what="transaction")
    body = object_of(outer, what="transaction")
    signature = body.get("signature")
    return from_body(
        body, slot=whole(slot, what="slot"), signature="" if signature is None else signature_text(signature)
    )


# ── recorded text ─────────────────────────────────────────────────────────


class _TapeLine(msgspec.Struct):
    """A frame as the recorder writes it; every other line is the frame itself."""

    type: str
    data: msgspec.Raw
    ts_ns: int = 0
    source: str = ""
    late: bool = False


_tape_line = msgspec.json.Decoder(_TapeLine)


def read_line(line: bytes, *, recv_ns: int, source: str) -> Frame:
    """Return the frame one recorded line (or file) holds.

    Args:
        line: a tape's `{"type":"Frame",…}`, or a bare message of any kind read here.
        recv_ns, source: for a bare message; a tape's line brings its own.

    Raises:
        DecodeError: it says it is a tape's line and is not.
    """
    if line.find(b'"Frame"', 0, 64) < 0:
        return Frame(data=line, recv_ns=recv_ns, source=source)
    try:
        tape = _tape_line.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise DecodeError(f"not a line of a tape: {str(problem)[:120]}; record it again") from None
    return Frame(data=bytes(tape.data), recv_ns=tape.ts_ns or recv_ns, source=tape.source or source, late=tape.late)


def documents(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, document) of recorded text: one JSON document a line, or a single one.

    A file is a single document when its first line alone is not one.
    """
    first = text.lstrip()
    head = first.split(b"\n", 1)[0].strip()
    try:
        msgspec.json.decode(head, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        if head[:1] in (b"{", b"[") and len(head) <= 2:
            yield 1, first.rstrip()
            return
    for number, line in enumerate(text.split(b"\n"), 1):
        if document := line.strip():
            yield number, document
