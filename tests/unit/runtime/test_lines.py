"""Every line is a message or one refusal with its place; no byte sequence raises, stalls or takes a line with it."""

from __future__ import annotations

import gzip
import os
import select
import socket
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base import wire
from sniperforge.base.errors import ConfigError, DecodeError, UnavailableError
from sniperforge.base.events import Frame, InputRefused
from sniperforge.feeds.ndjson import frame_line
from sniperforge.runtime.lines import CUT_SHORT, FrameFileInbox, LineInbox, message_of, opened
from sniperforge.runtime.loop import Message
from tests.unit.runtime.stand import swap

NOW = 77
GOOD = wire.to_json(swap(5))
FRAME = Frame(b'{"jsonrpc":"2.0"}', 9, "src")


def now_ns() -> int:
    return NOW


def everything(inbox: LineInbox | FrameFileInbox) -> list[Message]:
    """Return all messages of a text that is there in full."""
    found: list[Message] = []
    while not inbox.ended():
        found += inbox.drain()
        inbox.commit()
    inbox.close()
    return found


def piped(text: bytes, **options: int) -> tuple[list[Message], list[InputRefused]]:
    """Return what a pipe with *text* in it holds, and what was told."""
    reading, writing = os.pipe()
    writer = threading.Thread(target=_write, args=(writing, text))  # a pipe holds 64 KiB
    writer.start()
    told: list[InputRefused] = []
    inbox = LineInbox(os.fdopen(reading, "rb"), "stdin", now_ns, told.append, **options)
    found: list[Message] = []
    while not inbox.ended():
        select.select([inbox.fileno()], [], [])
        found += inbox.drain()
    inbox.close()
    writer.join()
    return found, told


def _write(descriptor: int, text: bytes) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text)


def filed(tmp_path: Path, text: bytes) -> list[Message]:
    path = tmp_path / "in.ndjson"
    path.write_bytes(text)
    return everything(LineInbox(opened(str(path), "rb"), "in.ndjson", now_ns))


def test_messages_and_frames_come_out_as_they_were_written() -> None:
    found, told = piped(GOOD + b"\n" + frame_line(FRAME) + b"\n" + GOOD + b"\n")
    assert found == [swap(5), FRAME, swap(5)]
    assert told == []


def test_a_line_another_program_wrote_with_blanks_is_the_same_message() -> None:
    """`json.dumps` and `jq .` put blanks where we do not."""
    text = b"  " + GOOD.replace(b'":', b'": ').replace(b"{", b"{ ") + b" \r"
    assert piped(text + b"\n")[0] == [swap(5)]


def test_fields_in_another_order_are_the_same_message() -> None:
    fields = orjson.loads(GOOD)
    assert message_of(orjson.dumps(dict(reversed(fields.items())))) == swap(5)


def test_the_last_line_needs_no_line_break() -> None:
    assert piped(GOOD)[0] == [swap(5)]


def test_a_bare_notification_is_a_frame_of_now() -> None:
    assert piped(b'{"jsonrpc":"2.0","method":"x"}\n')[0] == [Frame(b'{"jsonrpc":"2.0","method":"x"}', NOW, "stdin")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "not JSON"),
        (b"nonsense", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"type":"Unheard","v":1}', "type 'Unheard' is unknown"),
        (b'{"type":"Swapped","v":1}', "Swapped.venue is missing"),
        (b'{"type": "Swapped"}', "Swapped.venue is missing"),
        (b'{"type":"Frame","v":2,"ts_ns":1,"data":{}}', "frame of schema 2"),
        (b'{"type":"Frame","v":1,"ts_ns":1,"data":3}', "a frame without data"),
        (GOOD.replace(b'"ts_ns":5', b'"ts_ns":1e999'), "not a JSON object"),
        (GOOD.replace(b'"ts_ns":5', b'"ts_ns":NaN'), "not a JSON object"),
        (GOOD.replace(b'"ts_ns":5', b'"ts_ns":5.5'), "Swapped: "),
        (b'{"type":"' + b"\xff" * 9 + b'"}', "not a JSON object"),
        (b"{" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_line_is_one_refusal_with_its_place_and_the_rest_goes_on(line: bytes, problem: str) -> None:
    found, told = piped(GOOD + b"\n" + line + b"\n" + GOOD + b"\n")
    assert [found[0], found[2]] == [swap(5), swap(5)]
    refused = found[1]
    assert isinstance(refused, InputRefused)
    assert (refused.where, refused.ts_ns) == ("stdin:2", NOW)
    assert refused.problem.startswith(problem)
    assert refused.cure
    assert told == [refused]


@pytest.mark.parametrize("number", [b"-0", b"0", b"18446744073709551615"])
def test_strange_but_whole_numbers_are_read(number: bytes) -> None:
    found, _ = piped(GOOD.replace(b'"slot":0', b'"slot":' + number) + b"\n")
    assert found == [swap(5, int(number))]


def test_a_number_beyond_64_bits_is_refused_or_read_and_never_raises() -> None:
    assert len(piped(GOOD.replace(b'"slot":0', b'"slot":' + b"9" * 400) + b"\n" + GOOD)[0]) == 2


def test_a_line_of_over_a_mebibyte_is_read(tmp_path: Path) -> None:
    frame = Frame(b'{"x":"' + b"y" * (3 << 20) + b'"}', 9, "src")
    assert filed(tmp_path, frame_line(frame) + b"\n" + GOOD + b"\n") == [frame, swap(5)]


def test_a_line_without_an_end_is_refused_once_and_the_next_one_is_read(tmp_path: Path) -> None:
    found, told = piped(b"x" * 5000 + b"\n" + GOOD + b"\n" + b"y" * 5000, line_bytes_max=1000)
    assert [found[0], found[2]] == told
    assert found[1] == swap(5)
    assert [each.where for each in told] == ["stdin:1", "stdin:3"]
    assert told[0].problem == "a line of over 1000 bytes"


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_empty_and_blank_input_is_no_message(tmp_path: Path, size: int) -> None:
    assert piped(b"\n" * size) == ([], [])
    assert filed(tmp_path, b" \n" * size) == []


def test_blank_lines_do_not_look_like_silence(tmp_path: Path) -> None:
    """An empty answer would make the loop wait for more while a message stands behind the blanks."""
    inbox = LineInbox(opened(str(_written(tmp_path, b"\n" * 600_000 + GOOD)), "rb"), "in", now_ns)
    assert inbox.drain() == [swap(5)]
    inbox.close()


def _written(tmp_path: Path, text: bytes) -> Path:
    path = tmp_path / "in.ndjson"
    path.write_bytes(text)
    return path


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_compressed_lines_are_read_through(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    text = b"\n".join([GOOD] * 5000)
    assert filed(tmp_path, pack(text)) == [swap(5)] * 5000
    assert piped(pack(text))[0] == [swap(5)] * 5000


def test_a_compressed_pipe_is_not_waited_for_while_it_still_unpacks() -> None:
    """1.5 MiB come out of a few kB: what is left in the unpacker has no descriptor to wake anybody."""
    reading, writing = os.pipe()
    os.write(writing, zstandard.ZstdCompressor().compress(b"\n".join([GOOD] * 5000)))
    inbox = LineInbox(os.fdopen(reading, "rb"), "stdin", now_ns)
    count = len(inbox.drain())
    while not inbox.arm():
        count += len(inbox.drain())
    assert count == 4999
    os.close(writing)
    assert len(everything(inbox)) == 1


@pytest.mark.parametrize("cut", [1, 9])
def test_a_compressed_file_that_was_cut_is_read_as_far_as_it_goes(tmp_path: Path, cut: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    text = packer.compress(GOOD + b"\n") + packer.flush(zlib.Z_SYNC_FLUSH) + packer.compress(GOOD) + packer.flush()
    found = filed(tmp_path, text[:-cut])
    assert found[0] == swap(5)
    assert isinstance(found[-1], InputRefused)
    assert found[-1].problem == CUT_SHORT.partition("; ")[0]


def test_a_compressed_file_that_is_damaged_says_so(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"\n".join([GOOD] * 50)))
    packed[len(packed) // 2] ^= 255
    last = filed(tmp_path, bytes(packed))[-1]
    assert isinstance(last, InputRefused)
    assert last.problem.startswith("gzip is damaged")


def test_a_live_pipe_has_nothing_now_and_ends_when_its_writer_does() -> None:
    reading, writing = os.pipe()
    inbox = LineInbox(os.fdopen(reading, "rb"), "stdin", now_ns)
    assert inbox.fileno() == reading
    assert (inbox.drain(), inbox.arm(), inbox.ended()) == ([], True, False)
    os.write(writing, GOOD[:10])
    assert (inbox.drain(), inbox.arm()) == ([], True)
    os.write(writing, GOOD[10:] + b"\n")
    assert inbox.drain() == [swap(5)]
    os.close(writing)
    assert (inbox.drain(), inbox.ended(), inbox.arm()) == ([], True, False)
    assert inbox.drain() == []
    inbox.close()


def test_a_fifo_and_a_socket_are_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    writing = os.open(fifo, os.O_RDWR)
    inbox = LineInbox(opened(str(fifo), "rb"), "fifo", now_ns)
    os.write(writing, GOOD + b"\n")
    assert (inbox.drain(), inbox.drain(), inbox.arm()) == ([swap(5)], [], True)
    os.close(writing)
    inbox.close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        over = LineInbox(os.fdopen(os.dup(ours.fileno()), "rb"), "socket", now_ns)
        theirs.send(GOOD + b"\n")
        assert over.fileno() >= 0
        assert over.drain() == [swap(5)]
        over.close()


def test_dev_null_is_an_empty_file_and_not_waited_for() -> None:
    """It is what cron gives as stdin, and epoll refuses it."""
    inbox = LineInbox(opened("/dev/null", "rb"), "stdin", now_ns)
    assert inbox.fileno() == -1
    assert everything(inbox) == []


def test_a_stream_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("wb") as writing:
        inbox = LineInbox(writing, "stdin", now_ns)
        with pytest.raises(UnavailableError, match=r"^stdin: cannot be read: Bad file descriptor; check it"):
            inbox.drain()


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(GOOD), st.text(max_size=20).map(str.encode)), max_size=12))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_messages_or_refusals_and_good_lines_always_come_through(pieces: list[bytes]) -> None:
    lines = [line for piece in pieces for line in piece.split(b"\n")]
    lines[:1] = [b" " + line for line in lines[:1]]  # never the magic of a compressed file
    found, told = piped(b"\n".join(lines))
    assert found.count(swap(5)) >= lines.count(GOOD)
    assert all(isinstance(each, (InputRefused, Frame)) or each == swap(5) for each in found)
    assert len(told) <= len(lines)


@given(st.binary(max_size=200))
def test_one_line_is_a_message_or_a_decode_error(line: bytes) -> None:
    try:
        found = message_of(line)
    except DecodeError as problem:
        assert str(problem)
    else:
        assert isinstance(found, Message)


# ── recordings ────────────────────────────────────────────────────────────


def recorded(tmp_path: Path, content: bytes, name: str = "rec.json") -> tuple[list[Message], list[InputRefused]]:
    path = tmp_path / name
    path.write_bytes(content)
    told: list[InputRefused] = []
    inbox = FrameFileInbox(str(path), now_ns, told.append)
    assert (inbox.fileno(), inbox.arm()) == (-1, False)
    found = everything(inbox)
    assert inbox.arm()
    return found, told


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_tape_is_read_through_whatever_its_name_says(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    text = (frame_line(FRAME) + b"\n") * 3 + b'{"slot":1}\n'
    found, told = recorded(tmp_path, pack(text))
    assert found == [*[FRAME] * 3, Frame(b'{"slot":1}', NOW, "rec.json")]
    assert told == []


def test_a_recorded_transaction_spread_over_lines_is_one_frame(tmp_path: Path) -> None:
    found, _ = recorded(tmp_path, b'{\n  "slot": 1,\n  "meta": null\n}\n')
    assert [orjson.loads(frame.data) for frame in found if isinstance(frame, Frame)] == [{"slot": 1, "meta": None}]


def test_a_bad_line_of_a_tape_is_told_with_its_number(tmp_path: Path) -> None:
    found, told = recorded(tmp_path, frame_line(FRAME) + b"\nnonsense\n" + frame_line(FRAME) + b"\n")
    assert [found[0], found[2]] == [FRAME, FRAME]
    assert told == [found[1]]
    assert (told[0].where, told[0].ts_ns) == (f"{tmp_path / 'rec.json'}:2", NOW)


def test_an_empty_recording_has_ended(tmp_path: Path) -> None:
    assert recorded(tmp_path, b"") == ([], [])


def test_a_recording_that_was_cut_is_told_once(tmp_path: Path) -> None:
    """The line cut by the damage is part of the damage."""
    packed = gzip.compress((frame_line(FRAME) + b"\n") * 2)[:-8]
    found, told = recorded(tmp_path, packed)
    assert found[0] == FRAME
    assert [each.problem for each in told] == [CUT_SHORT.partition("; ")[0]]


def test_a_damaged_recording_is_read_up_to_the_damage(tmp_path: Path) -> None:
    found, told = recorded(tmp_path, gzip.compress(frame_line(FRAME) + b"\n") + b"garbage")
    assert found[0] == FRAME
    assert [each.problem.startswith("gzip is damaged") for each in told] == [True]


def test_a_compression_bomb_is_taken_apart_piece_by_piece(tmp_path: Path) -> None:
    """64 MiB of blanks in 2 kB: they never stand in memory at once, and the frame behind them comes."""
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    packed = b"".join(packer.compress(b" " * (1 << 20) + b"\n") for _ in range(64))
    found, _ = recorded(tmp_path, packed + packer.compress(frame_line(FRAME)) + packer.flush())
    assert found == [FRAME]


def test_a_disk_that_fails_is_told_and_ends_the_recording(tmp_path: Path) -> None:
    """/proc/self/mem opens and cannot be read at its beginning, as a broken disk cannot."""
    told: list[InputRefused] = []
    found = everything(FrameFileInbox("/proc/self/mem", now_ns, told.append))
    assert found == [told[0]]
    assert told[0].problem == "Input/output error"


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_recording_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    found, _ = recorded(tmp_path_factory.mktemp("fuzz"), content)
    assert all(isinstance(each, (Frame, InputRefused)) or each for each in found)


@pytest.mark.parametrize("path", ["/nowhere/x", "/", "a\0b"])
def test_a_path_that_cannot_be_opened_is_a_config_error(path: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be opened: .+; check the path"):
        opened(path, "rb")
