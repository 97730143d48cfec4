"""Compressed tapes: gzip and zstd as streams that survive a kill.

bytes -> compressed bytes, whole after every flush      (Packer)
compressed bytes -> bytes, as far as they are undamaged  (Unpacker)

zstandard's own stream reader was not taken: at an unfinished frame it dropped
the last 4,565 of 39,565 bytes that were there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

from sniperforge.base.errors import DecodeError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
#: Bytes handed out at a time; a compression bomb does not get to be one piece.
PIECE_BYTES = 1 << 20
#: zstd has no bound on what it returns for an input, so the input is cut small:
#: a block of 4 bytes makes at most 128 KiB, these make 32 MiB.
_ZSTD_INPUT_BYTES = 1 << 10
_ZSTD_WINDOW_BYTES_MAX = 1 << 27


class Packer(Protocol):
    """Compresses a stream; what was flushed can be read back though the end never came."""

    def pack(self, data: bytes) -> bytes:
        """Return the compressed form of *data*, complete up to its last byte."""

    def end(self) -> bytes:
        """Return the closing bytes."""


class Unpacker(Protocol):
    """Decompresses a stream piece by piece."""

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* holds; raises DecodeError at damage, after yielding what was before it."""

    def finished(self) -> bool:
        """Return whether the stream was closed properly where it ended."""


class PlainPacker:
    """No compression."""

    def pack(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


class GzipPacker:
    """gzip, fastest level, flushed to a byte boundary."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(1, zlib.DEFLATED, 31)

    def pack(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._stream.flush(zlib.Z_FINISH)


class ZstdPacker:
    """zstd, level 3, flushed at a block."""

    def __init__(self) -> None:
        import zstandard

        self._block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self._stream = zstandard.ZstdCompressor(level=3).compressobj()

    def pack(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(self._block)

    def end(self) -> bytes:
        return self._stream.flush()


class PlainUnpacker:
    """No compression."""

    def unpack(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finished(self) -> bool:
        return True


class GzipUnpacker:
    """gzip, one or many members after another."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(31)
        self._begun = False

    def unpack(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream.eof:
                self._stream, self._begun = zlib.decompressobj(31), False
            try:
                piece = self._stream.decompress(data, PIECE_BYTES)
            except zlib.error as problem:
                raise DecodeError(f"gzip is damaged: {problem}; what came before it was read") from None
            self._begun = True
            if piece:
                yield piece
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def finished(self) -> bool:
        return self._stream.eof or not self._begun


class ZstdUnpacker:
    """zstd, one or many frames after another."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES_MAX)
        self._stream = self._reader.decompressobj()
        self._begun = False

    def unpack(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_INPUT_BYTES):
            rest = data[start : start + _ZSTD_INPUT_BYTES]
            while rest:
                if self._stream.eof:
                    self._stream, self._begun = self._reader.decompressobj(), False
                try:
                    piece = self._stream.decompress(rest)
                except self._error as problem:
                    raise DecodeError(f"zstd is damaged: {problem}; what came before it was read") from None
                self._begun = True
                if piece:
                    yield piece
                rest = self._stream.unused_data if self._stream.eof else b""

    def finished(self) -> bool:
        return self._stream.eof or not self._begun


def packer_for(path: str) -> Packer:
    """Return the packer a file name asks for: .gz, .zst, otherwise plain."""
    if path.endswith(".gz"):
        return GzipPacker()
    return ZstdPacker() if path.endswith((".zst", ".zstd")) else PlainPacker()


def unpacker_for(head: bytes) -> Unpacker:
    """Return the unpacker the first bytes of a file ask for; its name may lie."""
    if head.startswith(GZIP_MAGIC):
        return GzipUnpacker()
    return ZstdUnpacker() if head.startswith(ZSTD_MAGIC) else PlainUnpacker()
