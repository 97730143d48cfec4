"""Base58 of any length, bounded: Solana's text for signatures, instruction data and small accounts."""

from __future__ import annotations

from sniperforge.base.errors import DecodeError

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]


def encode(raw: bytes) -> str:
    """Return the base58 text of *raw*; a leading zero byte is a leading `1`."""
    number = int.from_bytes(raw, "big")
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    pairs = []
    while number:
        number, rest = divmod(number, 58 * 58)
        pairs.append(_PAIRS[rest])
    return "1" * zeros + "".join(reversed(pairs)).lstrip("1")


def decode(text: str, *, size_max: int) -> bytes:
    """Return the bytes of *text*; raises DecodeError for a foreign letter or more than *size_max* bytes."""
    if len(text) > size_max * 138 // 100 + 2:
        raise DecodeError(f"base58 text of {len(text)} letters is more than {size_max} bytes; send less")
    number = 0
    for letter in text:
        value = _VALUE.get(letter)
        if value is None:
            raise DecodeError(f"{letter!r} is not a base58 letter; check the text")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(raw) > size_max:
        raise DecodeError(f"base58 text is {len(raw)} bytes, more than {size_max}; send less")
    return raw
