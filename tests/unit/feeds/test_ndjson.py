"""A frame on a line keeps its bytes; nothing but a frame comes back; no frame can write a line of ours."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import wire
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import FeedChanged, Frame, HaltChanged
from sniperforge.feeds.ndjson import frame_line, json_items, json_text, parse_frame_line, parse_line

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)
STAMPS = st.integers(1, (1 << 64) - 1)
LINE = b'{"type":"Frame","v":1,"ts_ns":5,"source":"s","late":false,"data":{"a":1}}'


@given(value=OBJECTS, recv_ns=STAMPS, source=st.text(st.characters(exclude_categories=["Cs"])), late=st.booleans())
def test_a_frame_comes_back_as_it_was(value: dict[str, object], recv_ns: int, source: str, late: bool) -> None:
    """Byte for byte, when it was in one line already."""
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            continue
        frame = Frame(text.encode(), recv_ns, source, late)
        line = frame_line(frame)
        assert b"\n" not in line
        assert parse_frame_line(line) == frame
        assert json.loads(line)["data"] == json.loads(text)


@given(value=OBJECTS)
def test_pretty_printed_json_is_squeezed_without_changing_it(value: dict[str, object]) -> None:
    """Line breaks between tokens become spaces; those inside strings are escaped already."""
    text = json.dumps(value, indent=2).replace("\n", "\r\n").encode()
    line = frame_line(Frame(text, 1))
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(parse_frame_line(line).data) == value


def test_the_line_has_the_fields_every_reader_knows() -> None:
    """The form is a contract between stages."""
    assert frame_line(Frame(b' {"a": "\xc3\xa9"} ', 7, 'n"1', True)) == (
        b'{"type":"Frame","v":1,"ts_ns":7,"source":"n\\"1","late":true,"data":{"a": "\xc3\xa9"}}'
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b'{},"type":"PoolCreated"',
        b"{}}\n{",
        b'{"a":1} {"b":2}',
        b'{"a":"\xff"}',
        b'{"a":1',
        b'{"a":"\n"}',
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_data_that_is_not_one_json_value_gets_no_line(data: bytes) -> None:
    """An endpoint cannot write a second message, or fields, into our pipe."""
    with pytest.raises(DecodeError, match="one JSON object a line is expected"):
        frame_line(Frame(data, 1))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"5", "not a JSON object"),
        (LINE.replace(b'"v":1', b'"v":2'), "frame of schema 2, this reader knows 1; record it again"),
        (LINE.replace(b'"ts_ns":5', b'"ts_ns":0'), "ts_ns 0 is no time"),
        (LINE.replace(b'"ts_ns":5', b'"ts_ns":-5'), "ts_ns -5 is no time"),
        (LINE.replace(b'"ts_ns":5', b'"ts_ns":18446744073709551616'), "no"),
        (LINE.replace(b'"ts_ns":5', b'"ts_ns":"5"'), "not a frame"),
        (LINE.replace(b'{"a":1}}', b"5}"), "a frame without data"),
        (LINE.replace(b',"data":{"a":1}', b""), "a frame without data"),
        (LINE.replace(b'"late":false', b'"late":0'), "not a frame"),
        (wire.to_json(HaltChanged(halted=True)), "a HaltChanged does not belong on a tape of frames"),
        (b'{"type":"FeedChanged","v":1}', "FeedChanged.source is missing"),
    ],
)
def test_what_is_no_frame_is_refused_by_name(line: bytes, words: str) -> None:
    """In particular the commands of the house: a tape cannot order anything."""
    with pytest.raises(DecodeError) as caught:
        parse_line(line)
    assert words in str(caught.value)


def test_a_feeds_own_notes_come_back() -> None:
    """A pipe carries them beside the frames."""
    note = FeedChanged(ts_ns=3, source="s", state="lost", detail="d")
    assert parse_line(wire.to_json(note)) == note


def test_bare_json_is_a_frame_without_a_time() -> None:
    """A notification, a recorded transaction, one with a `type` of its own."""
    for text in (b'{"jsonrpc":"2.0"}', b' {"type": "transfer"} ', b'{"type":5}', b'{"type":["x"]}'):
        assert parse_line(text) == Frame(text.strip(), 0)


@pytest.mark.parametrize("line", [b'{"jsonrpc":"2.0"}', wire.to_json(FeedChanged(source="s", state="lost"))])
def test_only_a_frame_is_a_frame_line(line: bytes) -> None:
    """Bare JSON and notes are other things."""
    with pytest.raises(DecodeError, match="the line is not a frame"):
        parse_frame_line(line)


def test_fields_of_a_newer_writer_are_skipped() -> None:
    """Unknown fields do not make a line unreadable."""
    assert parse_frame_line(LINE.replace(b'"v":1', b'"v":1,"new":[{}]')).recv_ns == 5


def test_an_array_is_its_members() -> None:
    """Recorded transactions often come as one array."""
    assert json_items(b'[{"a":1},\n {"b":2}]') == [b'{"a":1}', b'{"b":2}']
    assert json_items(b'{"a":1}') == [b'{"a":1}']
    assert json_items(b"[]") == []


@given(st.one_of(st.binary(), st.text().map(str.encode), st.binary().map(lambda tail: LINE[:-9] + tail)))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No other exception leaves."""
    for reader in (json_text, json_items, parse_line, parse_frame_line):
        try:
            reader(data)
        except DecodeError:
            continue


@given(place=st.integers(0, len(LINE) - 1), byte=st.integers(0, 255))
def test_one_wrong_byte_never_escapes(place: int, byte: int) -> None:
    """The line is read, or refused."""
    try:
        parse_line(LINE[:place] + bytes([byte]) + LINE[place + 1 :])
    except DecodeError:
        return
