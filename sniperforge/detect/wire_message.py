"""The wire form of a transaction -> signatures, keys, instructions.

bytes -> Message     (legacy and version 0; anything else is refused)

compact-u16 count, 64-byte signatures; then the message: an optional version byte
(0x80 | version), three header bytes, counted 32-byte keys, a 32-byte blockhash,
counted instructions, and for version 0 counted table lookups. Parsed to the last
byte; a count that does not fit the bytes is refused before anything is made.

Source: solana.com/docs/core/transactions, solana-sdk short_vec.rs (compact-u16
may not be longer than it has to be).
"""

from __future__ import annotations

from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import Pubkey

#: 1232 today; SIMD-0296 asks for 4096.
WIRE_BYTES_MAX = 4096


class Compiled(NamedTuple):
    """One instruction as compiled: positions in the key space of the transaction."""

    program: int
    accounts: bytes
    data: bytes


class Message(NamedTuple):
    """A transaction as signed.

    Attributes:
        signatures: 64 bytes each.
        keys: static keys; looked-up ones follow them in the index space.
        instructions: outer ones, in order.
        lookups: how many writable and how many readonly keys the tables must give.
    """

    signatures: tuple[bytes, ...]
    keys: tuple[Pubkey, ...]
    instructions: tuple[Compiled, ...]
    lookups: tuple[int, int]


class _Reader:
    __slots__ = ("at", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.raw):
            raise DecodeError(f"transaction ends at byte {len(self.raw)}, {end} are announced; check the source")
        piece = self.raw[self.at : end]
        self.at = end
        return piece

    def count(self) -> int:
        value = 0
        for position in range(3):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:
                if (position and not byte) or value > 0xFFFF:
                    break
                return value
        raise DecodeError(f"count before byte {self.at} is not a compact-u16; check the source")

    def rows(self, size: int) -> tuple[bytes, ...]:
        amount = self.count()
        block = self.take(amount * size)
        return tuple(block[at : at + size] for at in range(0, amount * size, size))


def read_message(raw: bytes) -> Message:
    """Return the transaction *raw* holds, to its last byte.

    Raises:
        DecodeError: another version than legacy or 0, a size or count that does not fit.
    """
    if len(raw) > WIRE_BYTES_MAX:
        raise DecodeError(f"transaction of {len(raw)} bytes, at most {WIRE_BYTES_MAX} are read; check the source")
    reader = _Reader(raw)
    signatures = reader.rows(64)
    versioned = reader.at < len(raw) and raw[reader.at] >= 0x80
    if versioned and (version := reader.take(1)[0] & 0x7F):
        raise DecodeError(f"transaction of version {version}; this build reads legacy and version 0, upgrade it")
    required = reader.take(3)[0]
    if required != len(signatures) or not required:
        raise DecodeError(f"{len(signatures)} signatures, the header asks for {required}; check the source")
    keys = tuple(Pubkey(row) for row in reader.rows(32))
    if len(keys) < required:
        raise DecodeError(f"{len(keys)} keys but {required} signers; check the source")
    reader.take(32)
    instructions = tuple(_instruction(reader) for _ in range(reader.count()))
    lookups = _lookups(reader) if versioned else (0, 0)
    if reader.at != len(raw):
        raise DecodeError(f"{len(raw) - reader.at} bytes after the end of the transaction; check the source")
    return Message(signatures, keys, instructions, lookups)


def _instruction(reader: _Reader) -> Compiled:
    program = reader.take(1)[0]
    accounts = reader.take(reader.count())
    return Compiled(program, accounts, reader.take(reader.count()))


def _lookups(reader: _Reader) -> tuple[int, int]:
    writable = readonly = 0
    for _ in range(reader.count()):
        reader.take(32)
        writable += len(reader.take(reader.count()))
        readonly += len(reader.take(reader.count()))
    return writable, readonly
