"""Frames as lines: what stands on a pipe and on a tape.

Frame <-> {"type":"Frame","v":1,"ts_ns":…,"source":"…","late":false,"data":<the frame's own JSON>}
any line of a tape -> Frame (a line of ours, or a bare notification or recorded transaction) or Event

The frame's JSON is spliced in and sliced out: never decoded into objects, never
encoded again. It is checked to be exactly one JSON value (5 µs for 8 kB):
otherwise an endpoint could write `{},"type":"PoolCreated"` into our pipe.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
import orjson

from sniperforge.base import wire
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import SCHEMA_VERSION, Event, FeedChanged, Frame, GapSeen, InputRefused
from sniperforge.base.units import U64_MAX

_T = TypeVar("_T")
_CURE = "one JSON object a line is expected"
#: Messages a feed itself writes beside its frames.
_NOTES = (FeedChanged, GapSeen, InputRefused)


class _Line(msgspec.Struct):
    """The fields of a line that tell what it is; all others are skipped."""

    type: str | msgspec.UnsetType = msgspec.UNSET
    v: int = 0
    ts_ns: int = 0
    source: str = ""
    late: bool = False
    data: msgspec.Raw = msgspec.Raw()


class _Type(msgspec.Struct):
    type: msgspec.Raw = msgspec.Raw()


_raw = msgspec.json.Decoder(msgspec.Raw)
_type = msgspec.json.Decoder(_Type)
_line = msgspec.json.Decoder(_Line)
_many = msgspec.json.Decoder(list[msgspec.Raw])


def json_text(data: bytes) -> bytes:
    """Return the one JSON value *data* holds, in one line, otherwise as it was.

    Raises:
        DecodeError: it is not exactly one JSON value in UTF-8.
    """
    text = bytes(_decoded(_raw, data))
    # A raw line break cannot stand inside a JSON string, so these are spaces.
    if b"\n" in text or b"\r" in text:
        text = text.replace(b"\r", b" ").replace(b"\n", b" ")
    return text


def json_items(data: bytes) -> list[bytes]:
    """Return the values of a JSON array, or the one value that is no array; raises DecodeError."""
    text = json_text(data)
    return [bytes(item) for item in _decoded(_many, text)] if text.startswith(b"[") else [text]


def _decoded(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    try:
        if not data.isascii():
            data.decode()
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise DecodeError(f"not JSON: {problem}; {_CURE}") from None


def frame_line(frame: Frame) -> bytes:
    """Return *frame* as one line without its line break; raises DecodeError when its data is not JSON."""
    return b'{"type":"Frame","v":%d,"ts_ns":%d,"source":%b,"late":%b,"data":%b}' % (
        SCHEMA_VERSION,
        frame.recv_ns,
        orjson.dumps(frame.source),
        b"true" if frame.late else b"false",
        json_text(frame.data),
    )


def parse_frame_line(line: bytes) -> Frame:
    """Return the frame of a line that `frame_line` wrote; raises DecodeError for anything else."""
    item = parse_line(line)
    if isinstance(item, Frame) and item.recv_ns:
        return item
    raise DecodeError("the line is not a frame; write it with feed --out, or --record")


def parse_line(line: bytes) -> Frame | Event:
    """Return what a line of a tape or pipe holds.

    Returns:
        A Frame; its `recv_ns` is 0 where the line is the bare JSON of a
        notification, transaction or block. Or a message a feed writes about
        itself (FeedChanged, GapSeen, InputRefused).

    Raises:
        DecodeError: it is neither; in particular any other message of the house.
    """
    text = json_text(line)
    if not text.startswith(b"{"):
        raise DecodeError(f"not a JSON object; {_CURE}")
    try:
        kind = bytes(_type.decode(text).type)
        if kind == b'"Frame"':
            return _frame(_line.decode(text))
    except (msgspec.DecodeError, ValueError, RecursionError) as problem:
        raise DecodeError(f"not a frame: {problem}; {_CURE}") from None
    # A recorded transaction may have a `type` of its own, but never with our `v`.
    if kind[1:-1].decode() not in wire.NAMES:
        return Frame(data=text, recv_ns=0)
    event = wire.from_json(text)
    if isinstance(event, _NOTES):
        return event
    raise DecodeError(f"a {type(event).__name__} does not belong on a tape of frames; remove the line")


def _frame(line: _Line) -> Frame:
    data = bytes(line.data)
    if line.v != SCHEMA_VERSION:
        raise DecodeError(f"frame of schema {line.v}, this reader knows {SCHEMA_VERSION}; record it again")
    if not 0 < line.ts_ns <= U64_MAX:
        raise DecodeError(f"ts_ns {line.ts_ns} is no time; nanoseconds since 1970 are expected")
    if not data.startswith((b"{", b"[")):
        raise DecodeError("a frame without data; the JSON of the frame belongs into `data`")
    return Frame(data=data, recv_ns=line.ts_ns, source=line.source, late=line.late)
