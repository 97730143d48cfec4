"""Transactions in wire form and in the JSON forms of every source, made by hand."""

from __future__ import annotations

import base64
from typing import NamedTuple

from sniperforge.base import keys
from sniperforge.base.units import Pubkey
from tests.unit.detect.fakes import Json

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Made(NamedTuple):
    """One instruction: program and accounts as keys; depth counts for inner ones."""

    program: Pubkey
    accounts: tuple[Pubkey, ...] = ()
    data: bytes = b""
    depth: int | None = None


def base58(raw: bytes) -> str:
    """Return base58 of *raw*, digit by digit (another way than the reader's)."""
    digits: list[int] = []
    for byte in raw:
        carry = byte
        for place, digit in enumerate(digits):
            carry += digit << 8
            digits[place] = carry % 58
            carry //= 58
        while carry:
            digits.append(carry % 58)
            carry //= 58
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "1" * zeros + "".join(ALPHABET[digit] for digit in reversed(digits))


def compact(value: int) -> bytes:
    """Return a compact-u16."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def counted(rows: list[bytes]) -> bytes:
    """Return rows behind their count."""
    return compact(len(rows)) + b"".join(rows)


def wire(
    static: list[Pubkey],
    outer: list[Made],
    *,
    space: list[Pubkey] | None = None,
    version: int | None = None,
    lookups: list[tuple[int, int]] | None = None,
    signatures: int = 1,
) -> bytes:
    """Return a transaction: keys *static*, instructions over the index space *space*."""
    indices = space or static
    rows = [
        bytes([indices.index(one.program)])
        + counted([bytes([indices.index(key)]) for key in one.accounts])
        + compact(len(one.data))
        + one.data
        for one in outer
    ]
    head = b"" if version is None else bytes([0x80 | version])
    body = head + bytes([signatures, 0, 0]) + counted([bytes(key) for key in static]) + bytes(32) + counted(rows)
    if version is not None:
        tables = [
            bytes(32) + counted([b"\1"] * writable) + counted([b"\2"] * readonly)
            for writable, readonly in lookups or []
        ]
        body += counted(tables)
    return counted([bytes([7]) * 64] * signatures) + body


def meta(lines: list[str] | None, **more: object) -> Json:
    """Return the meta of a transaction that succeeded."""
    return {"err": None, "fee": 5000, "innerInstructions": [], "logMessages": lines, **more}


def inner_json(space: list[Pubkey], groups: dict[int, list[Made]]) -> list[Json]:
    """Return inner instructions as JSON-RPC spells them with base64 and json encodings."""
    return [
        {"index": index, "instructions": [instruction_json(space, one) for one in made]}
        for index, made in groups.items()
    ]


def instruction_json(space: list[Pubkey], one: Made) -> Json:
    """Return an instruction by positions, data in base58."""
    return {
        "programIdIndex": space.index(one.program),
        "accounts": [space.index(key) for key in one.accounts],
        "data": base58(one.data),
        "stackHeight": one.depth,
    }


def base64_body(raw: bytes, about: Json, version: object = "legacy") -> Json:
    """Return an element of a block in base64 encoding."""
    return {"transaction": [base64.b64encode(raw).decode(), "base64"], "meta": about, "version": version}


def json_body(static: list[Pubkey], outer: list[Made], about: Json, space: list[Pubkey] | None = None) -> Json:
    """Return the body of getTransaction in json encoding."""
    message = {
        "accountKeys": [keys.text(key) for key in static],
        "instructions": [instruction_json(space or static, one) for one in outer],
        "recentBlockhash": "1" * 32,
    }
    return {"transaction": {"signatures": [base58(bytes([7]) * 64)], "message": message}, "meta": about, "version": 0}


def parsed_body(space: list[Pubkey], outer: list[Made], about: Json) -> Json:
    """Return the body of getTransaction in jsonParsed encoding: keys as objects, loaded ones among them."""
    rows: list[Json] = [
        {
            "programId": keys.text(one.program),
            "accounts": [keys.text(key) for key in one.accounts],
            "data": base58(one.data),
            "stackHeight": one.depth,
        }
        for one in outer
    ]
    message = {
        "accountKeys": [{"pubkey": keys.text(key), "signer": False, "source": "transaction"} for key in space],
        "instructions": rows,
        "addressTableLookups": [],
    }
    return {"transaction": {"signatures": [base58(bytes([7]) * 64)], "message": message}, "meta": about, "version": 0}
