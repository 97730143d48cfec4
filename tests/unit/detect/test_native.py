"""The native loops answer what the plain ones answer, or leave the answer to them; no byte makes them fall."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.units import Pubkey
from sniperforge.detect._native import ByteTest
from sniperforge.detect.scan import Scanner, key_letters
from sniperforge.dex.venues import VENUES
from tests.unit.detect.fakes import OTHER, PROGRAM, TOKEN, call, creation, data_line, key_of, logs_json, trade, venue
from tests.unit.detect.slow_scan import slow_look

FRAMES = Path("../shared/frames")
TAIL, ESCAPED = b'AEB"', b'Instruction: Initialize\\"'


@cache
def recorded(name: str) -> tuple[bytes, ...]:
    """Return recorded frames, or made-up ones where there are none."""
    if FRAMES.exists():
        return tuple(gzip.decompress((FRAMES / f"{name}.jsonl.gz").read_bytes()).splitlines())
    payload = creation("x") if name == "create" else trade("x")
    return (frame_of(call(PROGRAM, "Program log: a", call(TOKEN, depth=2), data_line(payload))),)


def frame_of(lines: list[str]) -> bytes:
    """Return a notification in the spelling of a validator."""
    return json.dumps(logs_json(lines), separators=(",", ":")).encode()


PIECES = st.sampled_from(
    [
        b"Program data: ",
        b'"Program data: ',
        b"Program log: ",
        b'","',
        b'"]',
        b"\\n",
        b"\\nProgram ",
        b"\\/",
        b"\\u0041",
        b"Log truncated",
        b'Instruction: Initialize"',
        ESCAPED,
        b"Instruction: MigrateTo",
        b'AAAAAAEB"',
        TAIL,
        b" invoke [1]",
        b" invoke [17]",
        b" success",
        b" units",
        b" failed: ",
        b"Program return: ",
        b"null",
        b"\xff",
        b"\xc3\xa4",
        b"\0",
        b'"',
        b"[",
        b"]",
        b"=",
        b"A",
        b"x" * 7_000,
        data_line(creation("x")).encode(),
        data_line(trade("x")).encode(),
        keys.text(PROGRAM).encode(),
    ]
) | st.binary(max_size=12)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a frame with a few pieces put in, taken out or written over, or cut short."""
    made = [frame_of(call(PROGRAM, data_line(trade("x")), call(OTHER, "Program log: b", depth=2)))]
    data = draw(st.sampled_from([*made, recorded("create")[0], *recorded("trade")[:2]]))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        size = draw(st.sampled_from([0, 0, 1, 2, 30]))
        data = data[:start] + draw(PIECES) + data[start + size :]
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 4)) == 0 else data


def scanners() -> list[Scanner]:
    """Return the byte tests of the real venues and of made-up ones, under every setting."""
    made = [venue(markers=(TAIL, ESCAPED, b"initialize2", b"Initialize")), venue("second", OTHER, blind=True)]
    found = []
    for trades in ("tracked", "all", "none"):
        for venues in (list(VENUES.values()), made, []):
            scanner = Scanner(venues, trades=trades)
            for lead in scanner.leads:
                scanner.tracked[key_letters(Pubkey(key_of("x")), lead)] = 1
            scanner.seek([keys.text(OTHER).encode()])
            found.append(scanner)
    return found


SCANNERS = scanners()


@given(data=mutated() | st.lists(PIECES, max_size=12).map(b"".join))
def test_the_byte_test_answers_as_the_plain_one(data: bytes) -> None:
    """Whatever a frame is made of, and wherever it ends."""
    assert [one.look(data) for one in SCANNERS] == [slow_look(one, data) for one in SCANNERS]


def test_the_byte_test_agrees_on_recorded_frames() -> None:
    """Creations and trades of mainnet, whose keys are tracked or not."""
    for data in (*recorded("create")[:50], *recorded("trade")[:50]):
        assert [one.look(data) for one in SCANNERS] == [slow_look(one, data) for one in SCANNERS]


@pytest.mark.parametrize("size", [0, 1, 13, 14, 15, 16, 17, 30, 31, 32, 33])
def test_a_word_is_found_at_every_place(size: int) -> None:
    """Sixteen places are tested at once; the first, the last and those between the sixteens are no exception."""
    look = ByteTest((), (), ((b"need", (b"needle",)),), (), {}, []).look
    for after in range(20):
        assert look(b"." * size + b"needle" + b"." * after) == 1
        assert look(b"." * size + b"needl" + b"n" * after + b" invoke [1]}") == 0


TAG = b"abcdefghij"


@pytest.mark.parametrize(
    "arguments",
    [
        ((), (), (), (), {}),
        ([], (), (), (), {}, []),
        (((TAG[:9], None),), (), (), (), {}, []),
        (((TAG, [1]),), (), (), (), {}, []),
        (((TAG, ((2, 1),)),), (), (), (), {}, []),
        (((TAG, ((-1, 1),)),), (), (), (), {}, []),
        (((TAG, (1,)),), (), (), (), {}, []),
        (((TAG, ((0, 1),) * 5),), (), (), (), {}, []),
        (((TAG, None),) * 33, (), (), (), {}, []),
        ((TAG,), (), (), (), {}, []),
        ((), (b"",), (), (), {}, []),
        ((), ("text",), (), (), {}, []),
        ((), (b"x",) * 33, (), (), {}, []),
        ((), (), ((b"x", (b"x",) * 33),), (), {}, []),
        ((), (), ((b"x", ()),) * 33, (), {}, []),
        ((), (), ((b"x", [b"x"]),), (), {}, []),
        ((), (), (), (b"",), {}, []),
    ],
)
def test_tables_that_do_not_fit_are_refused(arguments: tuple[object, ...]) -> None:
    """A wrong table is our own mistake: said when it is made, not at the first frame."""
    with pytest.raises((TypeError, ValueError)):
        ByteTest(*arguments)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ByteTest((), (), (), (), {}, [], word=b"x")  # type: ignore[call-arg]


def test_only_bytes_are_looked_at() -> None:
    """Text is a caller's mistake; programs that are not bytes are nobody's."""
    with pytest.raises(TypeError, match="a frame is bytes"):
        ByteTest((), (), (), (), {}, []).look("text")  # type: ignore[arg-type]
    assert ByteTest((), (), (), (), {}, ["x"]).look(b" invoke [1]x}") == 0  # type: ignore[list-item]
