"""What is said to a JSON-RPC WebSocket server, and what its small answers mean.

endpoint + programs, or accounts of them -> requests
head of a frame -> data (passes untouched), slot heartbeat, or answer to a request

Pure. Source: solana.com/docs/rpc/websocket (agave 3.1), helius.dev/docs (transactionSubscribe).
"""

from __future__ import annotations

from binascii import b2a_base64
from enum import Enum
from typing import NamedTuple

import msgspec
import orjson

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.units import U64_MAX, Pubkey
from sniperforge.feeds.settings import AccountFilter, Endpoint

#: Answers and heartbeats are shorter than this; a longer frame is data unread.
CONTROL_BYTES_MAX = 4096
#: The method stands in here in every server's notifications we know.
HEAD_BYTES = 96
#: Request id of the heartbeat.
HEARTBEAT_ID = 1


class Request(NamedTuple):
    """One request to send; `program` is whom it is about (None: all, or the heartbeat)."""

    id: int
    method: str
    text: bytes
    program: Pubkey | None


class Kind(Enum):
    """What a text frame is, as far as its head tells."""

    DATA = 0
    SLOT = 1
    ANSWER = 2


class Slot(NamedTuple):
    """The chain began *slot* on top of *parent*."""

    slot: int
    parent: int


class Answer(NamedTuple):
    """The server's answer to one request: a subscription id, or its words of refusal."""

    id: int
    subscription: int
    refusal: str


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Heartbeat(msgspec.Struct):
    slot: int
    parent: int


class _Params(msgspec.Struct):
    result: _Heartbeat


class _Notification(msgspec.Struct):
    params: _Params


class _Reply(msgspec.Struct):
    id: int | str | None = None
    result: int | None = None
    error: _Error | None = None
    method: str = ""


_slots = msgspec.json.Decoder(_Notification)
_replies = msgspec.json.Decoder(_Reply)


def requests(
    endpoint: Endpoint, programs: tuple[Pubkey, ...], accounts: tuple[AccountFilter, ...] = ()
) -> tuple[Request, ...]:
    """Return all requests of one connection, the heartbeat last.

    Last, so that the first slot it tells begins when the data subscriptions
    already stand: everything from that slot on is shown whole.
    """
    texts = [keys.text(program) for program in programs]
    level = endpoint.commitment or ("confirmed" if endpoint.kind == "block" else "processed")
    wanted: list[tuple[str, list[object], Pubkey | None]] = []
    if endpoint.kind == "transaction":
        chosen = {"accountInclude": texts, "accountExclude": [], "accountRequired": [], "vote": False, "failed": False}
        wanted.append(("transactionSubscribe", [chosen, _full(level)], None))
    for program, text in zip(programs, texts, strict=True):
        if endpoint.kind == "logs":
            wanted.append(("logsSubscribe", [{"mentions": [text]}, {"commitment": level}], program))
        elif endpoint.kind == "block":
            wanted.append(("blockSubscribe", [{"mentionsAccountOrProgram": text}, _full(level)], program))
    if endpoint.kind == "program":
        wanted += [("programSubscribe", _accounts(one, level), one.program) for one in accounts]
    made = [_request(HEARTBEAT_ID + 1 + k, *parts) for k, parts in enumerate(wanted)]
    return (*made, _request(HEARTBEAT_ID, "slotSubscribe", [], None))


def _accounts(wanted: AccountFilter, commitment: str) -> list[object]:
    filters: list[object] = [{"dataSize": wanted.size}] if wanted.size else []
    if wanted.head:
        head = b2a_base64(wanted.head, newline=False).decode()
        filters.append({"memcmp": {"offset": 0, "bytes": head, "encoding": "base64"}})
    return [keys.text(wanted.program), {"commitment": commitment, "encoding": "base64", "filters": filters}]


def _full(commitment: str) -> dict[str, object]:
    return {
        "commitment": commitment,
        "encoding": "base64",
        "transactionDetails": "full",
        "showRewards": False,
        "maxSupportedTransactionVersion": 0,
    }


def _request(number: int, method: str, params: list[object], program: Pubkey | None) -> Request:
    body: dict[str, object] = {"jsonrpc": "2.0", "id": number, "method": method}
    if params:
        body["params"] = params
    return Request(number, method, orjson.dumps(body), program)


def kind_of(data: bytes) -> Kind:
    """Return what *data* is by a scan of its first bytes; never decodes anything.

    An unknown small frame is called an answer, so that `read_answer` looks at it.
    """
    if data.find(b'Notification"', 0, HEAD_BYTES) >= 0:
        return Kind.SLOT if data.find(b'"slotNotification"', 0, HEAD_BYTES) >= 0 else Kind.DATA
    return Kind.ANSWER if len(data) <= CONTROL_BYTES_MAX else Kind.DATA


def read_slot(data: bytes) -> Slot:
    """Return what a slot notification says; raises DecodeError for anything else."""
    try:
        beat = _slots.decode(data).params.result
    except (msgspec.DecodeError, ValueError, RecursionError) as problem:
        raise DecodeError(f"not a slotNotification: {problem}; compare the endpoint with Solana's RPC") from None
    if not 0 <= beat.parent < beat.slot <= U64_MAX:
        raise DecodeError(f"slotNotification: slot {beat.slot} on parent {beat.parent}; check the endpoint")
    return Slot(beat.slot, beat.parent)


def read_answer(data: bytes) -> Answer | None:
    """Return the answer to a request, or None for a notification; raises DecodeError for anything else."""
    try:
        reply = _replies.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as problem:
        # A notification whose result is an object lands here too: its method says so.
        if b'Notification"' in data:
            return None
        raise DecodeError(f"neither a notification nor an answer: {problem}; check the endpoint") from None
    if reply.method:
        return None
    number = reply.id if isinstance(reply.id, int) else 0
    if reply.error is not None:
        return Answer(number, 0, f"{reply.error.message} (code {reply.error.code})")
    if reply.result is None or reply.result < 0:
        raise DecodeError("an answer without a subscription id; check the endpoint")
    return Answer(number, reply.result, "")
