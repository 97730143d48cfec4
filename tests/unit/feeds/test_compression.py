"""What was flushed can be read back, cut anywhere; damage and bombs stop the reader, never the process."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.feeds.compression import (
    PIECE_BYTES,
    GzipPacker,
    GzipUnpacker,
    Packer,
    PlainPacker,
    PlainUnpacker,
    Unpacker,
    ZstdPacker,
    ZstdUnpacker,
    packer_for,
    unpacker_for,
)

KINDS: list[tuple[Callable[[], Packer], Callable[[], Unpacker]]] = [
    (PlainPacker, PlainUnpacker),
    (GzipPacker, GzipUnpacker),
    (ZstdPacker, ZstdUnpacker),
]
each_kind = pytest.mark.parametrize(("packer", "unpacker"), KINDS, ids=["plain", "gzip", "zstd"])


def read(unpacker: Unpacker, data: bytes, step: int = 1 << 16) -> bytes:
    return b"".join(piece for at in range(0, len(data), step) for piece in unpacker.unpack(data[at : at + step]))


@each_kind
@given(parts=st.lists(st.binary(max_size=3000), max_size=5), step=st.integers(1, 5000))
def test_every_flushed_part_comes_back_without_the_end(
    packer: Callable[[], Packer], unpacker: Callable[[], Unpacker], parts: list[bytes], step: int
) -> None:
    """A killed writer never wrote the end."""
    writing, reading, whole = packer(), unpacker(), unpacker()
    written = b"".join(writing.pack(part) for part in parts)
    assert read(reading, written, step) == b"".join(parts)
    assert read(whole, written + writing.end(), step) == b"".join(parts)
    assert whole.finished()


@each_kind
def test_files_put_one_behind_the_other_are_one(packer: Callable[[], Packer], unpacker: Callable[[], Unpacker]) -> None:
    """`cat a.gz b.gz` is a valid gzip."""
    written = b""
    for part in (b"one", b"two", b"three"):
        writing = packer()
        written += writing.pack(part) + writing.end()
    for step in (1, 7, 1 << 16):
        assert read(unpacker(), written, step) == b"onetwothree"


@pytest.mark.parametrize(("packer", "unpacker"), KINDS[1:], ids=["gzip", "zstd"])
def test_a_missing_end_is_noticed(packer: Callable[[], Packer], unpacker: Callable[[], Unpacker]) -> None:
    """So that the reader can say once that the writer was killed."""
    reading = unpacker()
    assert reading.finished()
    read(reading, packer().pack(b"text"))
    assert not reading.finished()


@pytest.mark.parametrize(("packer", "unpacker"), KINDS[1:], ids=["gzip", "zstd"])
def test_damage_is_told_after_what_came_before_it(
    packer: Callable[[], Packer], unpacker: Callable[[], Unpacker]
) -> None:
    """The good part was handed out."""
    writing = packer()
    good = writing.pack(b"good" * 1000) + writing.end()
    reading, got = unpacker(), b""
    with pytest.raises(DecodeError, match=r"is damaged: .*; what came before it was read"):
        for piece in reading.unpack(good + b"\x00" * 64):
            got += piece
    assert got == b"good" * 1000


@given(
    st.binary(max_size=300),
    st.sampled_from([GzipUnpacker, ZstdUnpacker]),
    st.sampled_from([b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]),
)
def test_any_bytes_are_read_or_refused(data: bytes, unpacker: Callable[[], Unpacker], head: bytes) -> None:
    """No error of a library leaves."""
    try:
        read(unpacker(), head + data)
    except DecodeError:
        return


@pytest.mark.parametrize(
    "data", [gzip.compress(bytes(64 << 20)), zstandard.compress(bytes(64 << 20))], ids=["gzip", "zstd"]
)
def test_a_bomb_comes_in_bounded_pieces(data: bytes) -> None:
    """64 MiB of zeros in a few kB: the largest piece is what the reader has to hold."""
    sizes = [len(piece) for piece in unpacker_for(data).unpack(data)]
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= 32 * PIECE_BYTES


def test_the_name_chooses_how_to_write_and_the_content_how_to_read() -> None:
    """A renamed tape is still a tape."""
    names = {"a.gz": GzipPacker, "a.zst": ZstdPacker, "a.zstd": ZstdPacker, "a.ndjson": PlainPacker, "gz": PlainPacker}
    for name, kind in names.items():
        packer = packer_for(name)
        assert type(packer) is kind
        written = packer.pack(b'{"a":1}')
        assert read(unpacker_for(written), written) == b'{"a":1}'
