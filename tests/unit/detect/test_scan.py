"""The byte test: whatever may hold something wanted is parsed, nearly all the rest is not."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.units import Pubkey
from sniperforge.detect.scan import NOTHING, UNCLEAR, WANTED, Scanner, grouped, key_letters, letters_span, tag_of
from tests.unit.detect.fakes import (
    CREATE,
    OTHER,
    PROGRAM,
    TRADE,
    call,
    creation,
    data_line,
    key_of,
    logs_json,
    pool_of,
    tag,
    trade,
    venue,
)
from tests.unit.detect.wire_forms import Made, base64_body, meta, wire


def text_of(lines: list[str]) -> bytes:
    """Return a notification as a WebSocket delivers it."""
    return json.dumps(logs_json(lines), separators=(",", ":")).encode()


@given(key=st.binary(min_size=32, max_size=32), lead=st.binary(max_size=70), tail=st.binary(max_size=20))
def test_a_key_has_the_same_letters_wherever_it_stands(key: bytes, lead: bytes, tail: bytes) -> None:
    """Given the offset modulo 3, whatever is around it."""
    start, end = letters_span(len(lead))
    letters = base64.b64encode(lead + key + tail)[start:end]
    assert letters == key_letters(Pubkey(key), len(lead))
    assert len(letters) >= 41


def test_the_tag_is_the_discriminators_first_letters() -> None:
    """Ten letters: sixty bits of sixty-four."""
    assert tag_of(creation("x")) == tag(CREATE)
    assert tag_of(b"") == b""


def test_a_creation_is_wanted() -> None:
    """By its tag, wherever the line stands, and also where it is forged."""
    look = Scanner([venue()], trades="tracked").look
    assert look(text_of(call(PROGRAM, data_line(creation("x"))))) == WANTED
    assert look(text_of(call(OTHER, data_line(trade("y")), "Program log: " + data_line(creation("x"))))) == WANTED
    assert look(text_of(call(PROGRAM, "Program log: Instruction: Initialize"))) == WANTED
    assert look(text_of(call(PROGRAM, "Program log: Instruction: InitializeMint2"))) == NOTHING


@pytest.mark.parametrize(("trades", "before", "after"), [("tracked", 0, 1), ("all", 1, 1), ("none", 0, 0)])
def test_a_trade_is_wanted_when_its_key_is_tracked(trades: str, before: int, after: int) -> None:
    """Or always, or never, as set."""
    scanner = Scanner([venue()], trades=trades)
    data = text_of(call(PROGRAM, data_line(b"something of ours"), data_line(trade("x"))))
    assert scanner.look(data) == before
    for lead in {lead for leads in scanner.leads.values() for lead in leads}:
        scanner.tracked[key_letters(pool_of(key_of("x")), lead)] = 1
    assert scanner.look(data) == after
    assert scanner.look(text_of(call(PROGRAM, data_line(trade("y"))))) == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"not json",
        text_of(call(PROGRAM))[:-5],
        text_of(call(PROGRAM)) + b"\n",
        json.dumps(logs_json([])).encode(),
        json.dumps(base64_body(wire([PROGRAM], [Made(PROGRAM)]), meta(None))).encode(),
        text_of(call(PROGRAM, "Program log: " + "x" * 8_000, "Log truncated")),
        text_of(call(PROGRAM, "Program log: x")).replace(b"x", b"\\u0041"),
        text_of(call(PROGRAM, data_line(TRADE + b"\xff" * 32))).replace(b"/", b"\\/"),
    ],
)
def test_what_hides_its_logs_is_parsed(data: bytes) -> None:
    """Cut, escaped, without logs, or not whole."""
    assert Scanner([venue()], trades="tracked").look(data) == UNCLEAR


def test_a_newline_in_a_text_hides_nothing() -> None:
    """The escape of a newline is no letter of base64; behind it only a forger writes the runtime's words."""
    assert Scanner([], trades="none").look(text_of(call(PROGRAM, "Program log: a\nProgram b"))) == WANTED
    assert Scanner([venue()], trades="tracked").look(text_of(call(PROGRAM, "Program log: a\nb"))) == NOTHING


def test_venues_without_a_key_in_their_trades_are_found_by_program() -> None:
    """Only where there are instructions: logs alone could not name the pool."""
    scanner = Scanner([venue(blind=True)], trades="tracked")
    lines = call(PROGRAM, "Program log: ray_log: A")
    full = json.dumps(base64_body(wire([PROGRAM], [Made(PROGRAM)]), meta(lines))).encode()
    assert scanner.look(full) == NOTHING
    scanner.seek([keys.text(PROGRAM).encode()])
    assert scanner.look(full) == WANTED
    assert scanner.look(text_of(lines)) == NOTHING
    assert Scanner([venue(blind=True)], trades="all").look(full) == WANTED
    never = Scanner([venue(blind=True)], trades="none")
    never.seek([keys.text(PROGRAM).encode()])
    assert never.look(full) == NOTHING


@pytest.mark.parametrize(
    "words",
    [(b"initialize2", b"another word"), (b"Log truncated",), (b"one word alone",), (b"short", b"shorter")],
)
def test_words_are_found_whatever_they_share(words: tuple[bytes, ...]) -> None:
    """A shared piece is searched first; without one each word is."""
    look = Scanner([venue(markers=words)], trades="tracked").look
    for word in words:
        wanted = NOTHING if word == b"Log truncated" else WANTED
        assert look(text_of(call(PROGRAM, "Program log: " + word.decode()))) == wanted
    assert look(text_of(call(PROGRAM, "Program log: nothing of it"))) == NOTHING


def test_the_last_letters_of_a_payload_may_tell() -> None:
    """A trade that ends a curve: looked for at the end of known payloads only, whoever's pool it is."""
    trades = trade("x") + b"\1\2\3"
    tail = base64.b64encode(trades)[-6:] + b'"'
    for setting in ("tracked", "none"):
        look = Scanner([venue(markers=(tail,))], trades=setting).look
        assert look(text_of(call(PROGRAM, data_line(trades)))) == WANTED
        assert look(text_of(call(PROGRAM, data_line(trades + b"\0\0\0")))) == NOTHING
        assert look(text_of(call(PROGRAM, data_line(b"of another kind" + trades)))) == NOTHING
        assert look(text_of(call(PROGRAM, "Program log: x" + tail[:-1].decode()))) == NOTHING


def test_an_escaped_quote_ends_a_word_too() -> None:
    """Where a notification was wrapped into a text once more."""
    look = Scanner([venue(markers=(b'Instruction: Initialize\\"',))], trades="tracked").look
    assert look(text_of(call(PROGRAM, 'Program log: Instruction: Initialize"'))) == WANTED
    assert look(text_of(call(PROGRAM, 'Program log: Instruction: "Initialize'))) == NOTHING
    assert look(text_of(call(PROGRAM, "Program log: Instruction: Initialize"))) == NOTHING


def test_words_are_grouped_by_a_rare_piece() -> None:
    """Not by what stands in every frame; a word alone is its own piece."""
    words = [b"Instruction: Initialize", b"initialize2: Initialize", b"Instruction: Migrate", b"unlike"]
    assert grouped(words) == [
        (b"unlike", [b"unlike"]),
        (b"Instruction: Migrate", [b"Instruction: Migrate"]),
        (b": Initialize", [b"Instruction: Initialize", b"initialize2: Initialize"]),
    ]
    assert grouped([]) == []


def test_several_venues_may_share_a_tag() -> None:
    """The key may stand in several places; one word is searched once."""
    first, second = venue(), venue("second", OTHER)
    scanner = Scanner([first, second], trades="tracked")
    scanner.tracked[key_letters(pool_of(key_of("x")), 8)] = 1
    assert scanner.look(text_of(call(OTHER, data_line(trade("x"))))) == WANTED


def test_a_head_of_several_venues_is_nobodys() -> None:
    """Whose a payload is then takes all of its letters."""
    first, second = venue(), venue("second", OTHER)
    alone, both = Scanner([first], trades="none"), Scanner([first, second], trades="none")
    assert set(alone.creation_heads.values()) == {first.name}
    assert set(alone.creation_heads) == set(both.creation_heads)
    assert set(both.creation_heads.values()) == {""}
