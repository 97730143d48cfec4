"""Log lines: every payload and text is given to the program that printed it, or to nobody."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.detect import logs
from sniperforge.detect.logs import DEPTH_MAX, LINES_MAX, grow, read_logs
from tests.unit.detect.fakes import OTHER, PROGRAM, TOKEN, call, creation, data_line, key_of

FRAMES = Path("../shared/frames")


def test_a_payload_belongs_to_the_program_on_top() -> None:
    """Before, inside and after a nested call the printer is another one."""
    lines = call(PROGRAM, data_line(b"before"), call(OTHER, data_line(b"inside"), depth=2), data_line(b"after"))
    outer, inner = read_logs(lines).calls
    assert (outer.program, outer.events) == (PROGRAM, [b"before", b"after"])
    assert (inner.program, inner.events, inner.parent, inner.depth) == (OTHER, [b"inside"], PROGRAM, 2)


def test_several_fields_of_one_line_are_several_payloads() -> None:
    """sol_log_data prints its slices side by side, an empty one as nothing."""
    assert read_logs(call(PROGRAM, data_line(b"one", b"", b"two"))).calls[0].events == [b"one", b"", b"two"]


def test_a_printed_data_line_is_a_text() -> None:
    """msg!("Program data: …") comes behind the log prefix; a newline in it starts no line."""
    told = read_logs(call(PROGRAM, "Program log: " + data_line(creation("x")), "Program log: a\nProgram data: AAAA"))
    assert told.calls[0].events == []
    assert told.calls[0].logs == [data_line(creation("x")), "a\nProgram data: AAAA"]


def test_outer_calls_are_counted() -> None:
    """The index is the position of the outer invocation."""
    told = read_logs(call(OTHER, "Program log: a") + call(PROGRAM, call(TOKEN, depth=2)))
    assert [(one.index, one.depth) for one in told.calls] == [(0, 1), (1, 1), (1, 2)]


def test_lines_that_only_inform_say_nothing() -> None:
    """Return data, consumption, the reason of a failure and words never seen before are skipped."""
    name = keys.text(PROGRAM)
    lines = call(
        PROGRAM,
        f"Program return: {name} AAAA",
        "Program consumption: 5 units remaining",
        "Program failed to complete: foo failed: bar",
        "Program is now a great success",
        "Program thinks: ]",
        "something new",
    )
    assert [(one.events, one.logs) for one in read_logs(lines).calls] == [([], [])]


def test_a_failed_call_is_over() -> None:
    """Its reason may be any text; the line ends the call."""
    name = keys.text(PROGRAM)
    told = read_logs([f"Program {name} invoke [1]", f"Program {name} failed: custom program error: 0x1", *call(OTHER)])
    assert [one.program for one in told.calls] == [PROGRAM, OTHER]


def test_after_the_cut_nobody_is_believed() -> None:
    """An invoke or a success may be missing there; what stood before stays certain."""
    lines = call(PROGRAM, data_line(b"certain"), logs.TRUNCATED, data_line(b"whose?"))
    told = read_logs(lines)
    assert told.truncated
    assert told.calls[0].events == [b"certain"]
    assert next(iter(told.loose)) == data_line(b"whose?")


def test_a_program_cannot_cut_the_logs_itself() -> None:
    """Only the runtime's own line is the cut."""
    told = read_logs(call(PROGRAM, "Program log: Log truncated", data_line(b"mine")))
    assert not told.truncated
    assert told.calls[0].events == [b"mine"]


def test_texts_before_any_program_are_nobodys() -> None:
    """They are skipped: there is nobody to give them to."""
    assert read_logs(["Program log: hello", *call(PROGRAM)]).calls[0].logs == []


@pytest.mark.parametrize(
    "lines",
    [
        [f"Program {keys.text(PROGRAM)} invoke [2]"],
        [*call(PROGRAM)[:1], f"Program {keys.text(OTHER)} invoke [3]"],
        [f"Program {keys.text(PROGRAM)} invoke [0]"],
        [f"Program {keys.text(PROGRAM)} invoke [{DEPTH_MAX + 1}]"],
        [f"Program {keys.text(PROGRAM)} invoke [{'9' * 5000}]"],
        [f"Program {keys.text(PROGRAM)} invoke [²]"],
        [f"Program {keys.text(PROGRAM)} invoke [001]"],
        [f"Program {keys.text(PROGRAM)} invoke [x]"],
        ["Program notakey invoke [1]"],
        [f"Program {keys.text(PROGRAM)} success"],
        [*call(PROGRAM)[:1], f"Program {keys.text(OTHER)} success"],
        [*call(PROGRAM)[:1], f"Program {keys.text(OTHER)} failed: x"],
        call(PROGRAM)[:1],
        [data_line(b"nobody's")],
        call(PROGRAM, "Program data: not base64!"),
        call(PROGRAM, "Program data: AAA"),
        call(PROGRAM, "Program data: ä"),
        ["x"] * (LINES_MAX + 1),
    ],
)
def test_lines_that_contradict_themselves_are_refused(lines: list[str]) -> None:
    """Better no events than events given to the wrong program."""
    with pytest.raises(DecodeError, match="check the"):
        read_logs(lines)


def test_ten_thousand_lines_are_read() -> None:
    """A node may run without the limit of 10,000 bytes."""
    told = read_logs(call(PROGRAM, *["Program log: x"] * 5_000, *[call(TOKEN, depth=2)] * 1_000))
    assert len(told.calls) == 1_001


def test_only_calls_somebody_reads_are_told() -> None:
    """Where there is nothing but logs, a silent call says nothing; those above a telling one stay."""
    lines = call(OTHER, "Program log: skip", call(TOKEN, depth=2), call(PROGRAM, "Program log: keep", depth=2))
    lines += call(TOKEN, data_line(b"told"))
    told = read_logs(lines, keep={PROGRAM})
    assert [(one.program, one.logs, one.events) for one in told.calls] == [
        (OTHER, [], []),
        (PROGRAM, ["keep"], []),
        (TOKEN, [], [b"told"]),
    ]
    assert [(one.parent, one.index, one.depth) for one in told.calls] == [
        (ZERO_KEY, 0, 1),
        (OTHER, 0, 2),
        (ZERO_KEY, 1, 1),
    ]


def test_calls_grow_into_a_tree() -> None:
    """Children stand in order below the one who called them."""
    lines = call(PROGRAM, call(OTHER, call(TOKEN, depth=3), depth=2), call(TOKEN, data_line(b"x"), depth=2))
    (step,) = grow(read_logs(lines).calls)
    assert [child.program for child in step.children] == [OTHER, TOKEN]
    assert [one.program for one in step.walk()] == [PROGRAM, OTHER, TOKEN, TOKEN]
    assert step.children[1].events == (b"x",)
    assert step.children[0].children[0].parent_program == OTHER


def test_known_stack_lines_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes up programs cannot fill our memory with their names."""
    monkeypatch.setattr(logs, "_MARKS_MAX", 4)
    monkeypatch.setattr(logs, "_marks", {})
    for number in range(20):
        read_logs(call(key_of(str(number))))
    assert len(logs._marks) <= 4


LINES = st.sampled_from(
    [
        *call(PROGRAM, data_line(b"x"), call(OTHER, depth=2)),
        logs.TRUNCATED,
        "Program log: x",
        "Program ",
        "Program  success",
        "Program data: ",
        "",
    ]
) | st.text(max_size=80)


@given(lines=st.lists(LINES, max_size=60), keep=st.none() | st.just({PROGRAM}))
def test_any_lines_are_read_or_refused(lines: list[str], keep: set[Pubkey] | None) -> None:
    """Nothing but DecodeError comes out, and a payload is only given to somebody on the stack."""
    try:
        told = read_logs(lines, keep)
    except DecodeError:
        return
    assert sum(len(one.events) for one in told.calls) <= sum(line.count("Program data: ") for line in lines) * 2
    assert all(1 <= one.depth <= DEPTH_MAX for one in told.calls)
    grow(told.calls)


def test_every_recorded_create_frame_nests() -> None:
    """Real lines of mainnet are read without a word."""
    if not FRAMES.exists():
        pytest.skip("../shared/frames is not here")
    for line in gzip.decompress((FRAMES / "create.jsonl.gz").read_bytes()).splitlines():
        told = read_logs(json.loads(line)["params"]["result"]["value"]["logs"])
        assert sum(len(one.events) for one in told.calls) >= 2
