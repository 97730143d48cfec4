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
from sniperforge.detect._native import ByteTest, read_logs
from sniperforge.detect.detector import _is_odd
from sniperforge.detect.inputs import read_frame
from sniperforge.detect.scan import Scanner, key_letters
from sniperforge.detect.transaction import Transaction, from_steps
from sniperforge.dex.venue import Step
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
            for lead in {lead for leads in scanner.leads.values() for lead in leads}:
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


@pytest.mark.parametrize("size", [*range(36), *range(56, 84), *range(120, 132)])
def test_a_word_is_found_at_every_place(size: int) -> None:
    """Sixteen and sixty-four places are tested at once; the first, the last and those between are no exception."""
    look = ByteTest((), (), ((b"need", (b"needle",)),), (), {}, []).look
    for after in (*range(20), *range(55, 70)):
        assert look(b"." * size + b"needle" + b"." * after) == 1
        assert look(b"." * size + b"needl" + b"n" * after + b" invoke [1]}") == 0


BY_PROGRAM = {one.program: one for one in (*VENUES.values(), venue(), venue("second", OTHER))}
PROGRAMS = b"".join(BY_PROGRAM)


def read(data: bytes) -> Transaction | None:
    """Return what the native reader tells, after asking the plain one for the same."""
    told = read_logs(data, PROGRAMS, Step)
    if told is None:
        return None
    transaction = from_steps(*told)
    assert [transaction] == read_frame(data, keep=BY_PROGRAM)
    # What lets the native reader pass for the plain one: nothing in it asks for every text to be kept.
    assert not _is_odd(data)
    return transaction


@given(data=mutated())
def test_the_log_walk_tells_what_the_plain_one_tells_or_nothing(data: bytes) -> None:
    """Whatever it takes for ordinary is read the same by logs.py."""
    read(data)


@given(number=st.integers(0, 49), size=st.integers(0, 9_000))
def test_a_frame_that_was_cut_is_not_ordinary(number: int, size: int) -> None:
    """Wherever it ends; nothing is read behind the end."""
    data = recorded("create")[number % len(recorded("create"))]
    assert read_logs(data[:size], PROGRAMS, Step) is None or size >= len(data)


@given(data=st.binary(max_size=300) | st.lists(PIECES, max_size=30).map(b"".join))
def test_any_bytes_are_read_or_left(data: bytes) -> None:
    """Also those that start like the ordinary notification."""
    start = frame_of([])[:-25]
    for frame in (data, start + data, start + b'"' + data):
        read(frame)


def test_a_step_that_cannot_be_made_is_an_error() -> None:
    """Not a frame to be read the other way."""

    class Refusing(Step):
        def __init__(self, *_: object) -> None:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        read_logs(frame_of(call(PROGRAM, data_line(b"x"), call(OTHER, data_line(b"y"), depth=2))), PROGRAMS, Refusing)


def test_every_recorded_frame_is_ordinary() -> None:
    """Otherwise the quick way would be quick for nobody."""
    for data in (*recorded("create"), *recorded("trade")):
        assert read(data) is not None


LINES = st.sampled_from(
    [
        *call(PROGRAM, data_line(b"x"), call(OTHER, depth=2)),
        *call(TOKEN, depth=3),
        f"Program {keys.text(PROGRAM)} failed: custom program error: 0x1",
        f"Program {keys.text(PROGRAM)} consumed 1 of 2 compute units",
        f"Program return: {keys.text(PROGRAM)} AAAA",
        f"Program return: {keys.text(PROGRAM)} AAAA success",
        "Program return: x] failed: ",
        "Log truncated",
        "a Log truncated b",
        "Program log: x",
        "Program log: ",
        "Program log: 5 units",
        "Program ",
        "Program x",
        "Program  success",
        "Program data: ",
        "Program data: AA== AAA= AAAA ",
        "Program data: AB==",
        "Program data: AA=A",
        "Program data: ====",
        "Program data: A",
        "Program data: a\u00e4==",
        "Program consumption: 5 units remaining",
        "",
        "hello",
    ]
) | st.text(max_size=80)


@given(lines=st.lists(LINES, max_size=12) | st.lists(LINES, max_size=4).map(lambda few: call(PROGRAM, *few)))
def test_any_lines_are_told_alike(lines: list[str]) -> None:
    """Line by line, in any order."""
    read(frame_of(lines))


NAME = keys.text(PROGRAM)


@pytest.mark.parametrize(
    "lines",
    [
        [f"Program {NAME} invoke [2]", f"Program {NAME} success"],
        [f"Program {NAME} invoke [0]"],
        [f"Program {NAME} invoke [01]", f"Program {NAME} success"],
        [f"Program {NAME} invoke [:]"],
        [f"Program {NAME} invoke [1:]"],
        [f"Program {NAME} invoke [111]"],
        [f"Program {NAME} invoke []"],
        [f"Program {NAME} invoke [1] "],
        [f"Program {NAME} success"],
        [f"Program {NAME} invoke [1]", f"Program {keys.text(OTHER)} success"],
        [f"Program {NAME} invoke [1]"],
        [f"Program {'1' * 31} invoke [1]", f"Program {'1' * 31} success"],
        [f"Program {'1' * 33} invoke [1]", f"Program {'1' * 33} success"],
        [f"Program {'z' * 44} invoke [1]", f"Program {'z' * 44} success"],
        [f"Program {'z' * 45} invoke [1]", f"Program {'z' * 45} success"],
        [f"Program 0{'z' * 42} invoke [1]", f"Program 0{'z' * 42} success"],
        [data_line(b"nobody's")],
        [line for number in range(65) for line in call(key_of(str(number)))],
        ["x"] * 20_001,
        [*[f"Program {NAME} invoke [{depth}]" for depth in range(1, 18)], *[f"Program {NAME} success"] * 17],
    ],
)
def test_what_contradicts_itself_is_left_to_the_plain_reader(lines: list[str]) -> None:
    """It knows how to say what is wrong."""
    assert read_logs(frame_of(lines), PROGRAMS, Step) is None


def test_the_deepest_and_the_longest_are_still_ordinary() -> None:
    """Sixteen programs deep, twenty thousand lines; keys with zeros in front."""
    deep = [f"Program {NAME} invoke [{depth}]" for depth in range(1, 17)]
    assert read(frame_of([*deep, data_line(b"deep"), *[f"Program {NAME} success"] * 16])) is not None
    assert read(frame_of(["x"] * 20_000)) is not None
    assert read(frame_of([])) is not None
    assert read(frame_of([line for number in range(64) for line in call(key_of(str(number)))])) is not None
    for key in (bytes(32), bytes(31) + b"\1", bytes(3) + b"\xff" * 29, b"\xff" * 32):
        transaction = read(frame_of(call(Pubkey(key), data_line(b"x"))))
        assert transaction is not None
        assert transaction.steps[0].program == key


@given(key=st.binary(min_size=32, max_size=32), payload=st.binary(max_size=400))
def test_keys_and_payloads_are_read_to_the_bit(key: bytes, payload: bytes) -> None:
    """Of any value and size."""
    transaction = read(frame_of(call(Pubkey(key), data_line(payload), data_line(payload, b"", payload))))
    assert transaction is not None
    (step,) = transaction.steps
    assert (step.program, step.events) == (key, (payload, payload, b"", payload))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"err":null', b'"err":{"InstructionError":[0,"Custom"]}'),
        (b'"slot":', b'"slot":-'),
        (b'"slot":', b'"slot":0'),
        (b'"slot":', b'"slot":1' + b"9" * 19),
        (b'"jsonrpc":"2.0",', b'"jsonrpc": "2.0",'),
        (b'"2.0"', b'"1.0"'),
        (b'"logs":[', b'"logs":[1,'),
        (b'"logs":[', b'"logs":[,'),
        (b'"logs":[', b'"logs":["a" '),
        (b'"]', b'",]'),
        (b'"subscription":', b'"subscription":"'),
        (b'"subscription":', b'"subscription":00'),
        (b"}}", b"}} "),
        (b"5" * 64, b"5" * 63 + b"+"),
        (b"5" * 88, b"5" * 91),
        (b"5" * 88, b"5" * 63),
    ],
)
def test_another_spelling_is_left_to_the_plain_reader(old: bytes, new: bytes) -> None:
    """One spelling is quick; none is misread."""
    data = frame_of(call(PROGRAM, "Program log: a"))
    assert read(data) is not None
    assert read(data.replace(old, new)) is None


def test_read_logs_wants_bytes() -> None:
    """Anything else is a caller's mistake."""
    for wrong in ((b"x", b""), ("x", b"", Step), (b"x", "x", Step), (b"x", b"31 bytes are no key", Step)):
        with pytest.raises(TypeError, match="read_logs takes"):
            read_logs(*wrong)


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
        (((TAG, ((0, 1),) * 9),), (), (), (), {}, []),
        (((TAG, None),) * 257, (), (), (), {}, []),
        ((TAG,), (), (), (), {}, []),
        ((), (b"",), (), (), {}, []),
        ((), ("text",), (), (), {}, []),
        ((), (b"x",) * 257, (), (), {}, []),
        ((), (), ((b"x", (b"x",) * 257),), (), {}, []),
        ((), (), ((b"x", ()),) * 257, (), {}, []),
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


def test_a_frame_of_many_calls_is_left_to_the_plain_reader() -> None:
    """The native one holds the rows of 128 calls."""
    one = call(OTHER, data_line(b"payload"))
    assert read(frame_of(one * 128)) is not None
    assert read_logs(frame_of(one * 129), PROGRAMS, Step) is None
