"""Values inside foreign JSON: bytes, keys, whole numbers, in every spelling recorded so far.

JSON value -> bytes, Pubkey, int, list, dict     (or DecodeError, never anything else)

A byte string arrives as base58 or base64 text, as a list of numbers, as a Node
`Buffer` object ({"type":"Buffer","data":[…]}), or as a typed array that was printed
as an object ({"0":1,"1":2}; empty: {}). A u64 may arrive as text.
"""

from __future__ import annotations

import binascii
from functools import lru_cache

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.units import U64_MAX, Pubkey

JsonObject = dict[str, object]

#: The runtime lets a CPI carry 10,240 bytes of instruction data.
DATA_BYTES_MAX = 16_384
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {letter: digit for digit, letter in enumerate(_ALPHABET)}
_CHUNK = 10


@lru_cache(maxsize=16_384)
def _key(text: str) -> Pubkey:
    return keys.key(text)


def base58(text: str) -> bytes:
    """Return the bytes of base58 *text* of any length; raises DecodeError."""
    if len(text) > DATA_BYTES_MAX * 11 // 8:
        raise DecodeError(f"base58 text of {len(text)} letters is longer than any instruction; check the source")
    value = 0
    try:
        for start in range(0, len(text), _CHUNK):  # big products are made once a chunk, not once a letter
            piece = 0
            chunk = text[start : start + _CHUNK]
            for letter in chunk:
                piece = piece * 58 + _DIGITS[letter]
            value = value * 58 ** len(chunk) + piece
    except KeyError as letter_seen:
        raise DecodeError(f"{letter_seen} is not a base58 letter in {text[:40]!r}; check the source") from None
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + value.to_bytes((value.bit_length() + 7) // 8, "big")


def base58_text(raw: bytes) -> str:
    """Return base58 of *raw* (a signature)."""
    value = int.from_bytes(raw, "big")
    letters = []
    while value:
        value, digit = divmod(value, 58)
        letters.append(_ALPHABET[digit])
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + "".join(reversed(letters))


def base64(text: str) -> bytes:
    """Return the bytes of base64 *text*; raises DecodeError."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise DecodeError(f"{text[:40]!r} is not base64; check the source") from None


def blob(value: object, *, text_is_base64: bool) -> bytes:
    """Return a byte string in any of its spellings; raises DecodeError."""
    if isinstance(value, bytes):  # from the wire parser
        return value
    if isinstance(value, str):
        return base64(value) if text_is_base64 else base58(value)
    if isinstance(value, dict):
        value = value["data"] if value.get("type") == "Buffer" and "data" in value else _typed_array(value)
    if not isinstance(value, list) or len(value) > DATA_BYTES_MAX:
        raise DecodeError(f"bytes expected, got {type(value).__name__}; check the source")
    try:
        return bytes(value)
    except (TypeError, ValueError):
        raise DecodeError("bytes expected, got a list of something else; check the source") from None


def _typed_array(value: JsonObject) -> list[object]:
    try:
        return [value[str(position)] for position in range(len(value))]
    except KeyError:
        raise DecodeError(f"bytes expected, got an object with {list(value)[:3]}; check the source") from None


def public_key(value: object) -> Pubkey:
    """Return a 32-byte key in any of its spellings; raises DecodeError."""
    if isinstance(value, dict) and isinstance(value.get("pubkey"), str):  # jsonParsed
        value = value["pubkey"]
    if isinstance(value, str) and not value.endswith("="):  # 32 bytes in base64 always end so, base58 never
        return _key(value)
    raw = blob(value, text_is_base64=True)
    if len(raw) != 32:
        raise DecodeError(f"a public key has 32 bytes, got {len(raw)}; check the source")
    return Pubkey(raw)


def signature_text(value: object) -> str:
    """Return a 64-byte signature in any of its spellings as base58; raises DecodeError."""
    if isinstance(value, str) and not value.endswith("="):
        if not (64 <= len(value) <= 90 and value.isascii() and value.isalnum()):
            raise DecodeError(f"{value[:90]!r} is not a signature; check the source")
        return value
    raw = blob(value, text_is_base64=True)
    if len(raw) != 64:
        raise DecodeError(f"a signature has 64 bytes, got {len(raw)}; check the source")
    return base58_text(raw)


def whole(value: object, *, what: str) -> int:
    """Return a whole number from 0 to 2^64-1, also when it is written as text; raises DecodeError."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= U64_MAX:
        raise DecodeError(f"{what} is {str(value)[:40]!r}, a whole number is expected; check the source")
    return value


def objects(value: object, *, what: str, length_max: int) -> list[JsonObject]:
    """Return a list of objects; None counts as empty; raises DecodeError."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > length_max or not all(isinstance(row, dict) for row in value):
        raise DecodeError(f"{what} is not a list of at most {length_max} objects; check the source")
    return value


def object_of(value: object, *, what: str) -> JsonObject:
    """Return an object; raises DecodeError."""
    if not isinstance(value, dict):
        raise DecodeError(f"{what} is {type(value).__name__}, an object is expected; check the source")
    return value


def either(row: JsonObject, camel: str, snake: str) -> object:
    """Return a field spelled in camelCase (JSON-RPC, Node) or snake_case (protobuf), or None."""
    value = row.get(camel)
    return row.get(snake) if value is None else value
