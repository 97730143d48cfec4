"""Recorded mainnet transactions, decoded another way than the detector's: what was really created in them.

Base64 goes through solders, JSON through a plain walk; of a venue only program id,
discriminator and the position of the pool account are known here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from solders.transaction import VersionedTransaction

from tests.unit.detect.wire_forms import ALPHABET

SHARED = Path("../shared")
MAINNET = SHARED / "mainnet"
PUMP = "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"
#: Program -> its name, and by first bytes of a creation where the pool's account stands.
CREATIONS: dict[str, tuple[str, dict[bytes, int]]] = {
    PUMP: ("pumpfun", {bytes.fromhex("181ec828051c0777"): 2, bytes.fromhex("d6904cec5f8b31b4"): 2}),
    "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA": ("pumpswap", {bytes.fromhex("e992d18ecf6840bc"): 0}),
    "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C": (
        "raydium_cpmm",
        {bytes.fromhex("afaf6d1f0d989bed"): 3, bytes.fromhex("3f37fe4131b25979"): 4},
    ),
    "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8": ("raydium_amm_v4", {b"\x01": 4}),
    "LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj": (
        "raydium_launchlab",
        {
            bytes.fromhex("4399af27da102620"): 5,
            bytes.fromhex("25be7ede2c9aab11"): 5,
            bytes.fromhex("afaf6d1f0d989bed"): 5,
        },
    ),
}
Row = tuple[str, list[str], bytes]


def need() -> None:
    """Skip where the recordings are not beside the repository."""
    if not MAINNET.exists():
        pytest.skip("../shared/mainnet is not here")


def files() -> list[str]:
    """Return the recorded transactions' names."""
    names = [*MAINNET.glob("*/*.json"), *(SHARED / "program_output").glob("*/*.json")]
    kept = [
        name for name in names if name.parent.name not in ("accounts", "instructions", "blocks", "logs_notification")
    ]
    return sorted(str(name.relative_to(SHARED)) for name in kept)


def unbase58(text: str) -> bytes:
    """Return the bytes of base58 *text*."""
    value = 0
    for letter in text:
        value = value * 58 + ALPHABET.index(letter)
    body = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes(len(text) - len(text.lstrip("1"))) + body


def body_of(document: Any) -> Any:
    """Return {transaction, meta} of any recorded form."""
    if isinstance(document, list):
        return body_of(document[0])
    if "params" in document:
        return document["params"]["result"]["transaction"]
    if "result" in document:
        return document["result"]
    if "meta" in document:
        return document
    inner = document["transaction"]
    return inner if "meta" in inner else inner["transaction"]


def raw(value: Any) -> bytes:
    """Return bytes recorded as a list, a Buffer object, an empty object or base58."""
    if isinstance(value, str):
        return unbase58(value)
    return bytes(value.get("data", []) if isinstance(value, dict) else value)


def text_of(key: Any) -> str:
    """Return a key recorded in any way as base58."""
    if isinstance(key, str):
        return key
    if isinstance(key, dict) and "pubkey" in key:
        return str(key["pubkey"])
    value, out = int.from_bytes(raw(key), "big"), ""
    while value:
        value, digit = divmod(value, 58)
        out = ALPHABET[digit] + out
    return "1" * (32 - len(raw(key).lstrip(b"\0"))) + out


def rows(body: Any) -> Iterator[Row]:
    """Yield (program, accounts, data) of every outer and inner instruction."""
    meta, transaction = body["meta"], body["transaction"]
    loaded = meta.get("loadedAddresses") or {
        "writable": meta.get("loadedWritableAddresses", []),
        "readonly": meta.get("loadedReadonlyAddresses", []),
    }
    if isinstance(transaction, list):
        message = VersionedTransaction.from_bytes(base64.b64decode(transaction[0])).message
        keys = [str(key) for key in message.account_keys]
        outer = [
            {"programIdIndex": one.program_id_index, "accounts": list(one.accounts), "data": list(one.data)}
            for one in message.instructions
        ]
    else:
        message_json = transaction["message"]
        keys = [text_of(key) for key in message_json["accountKeys"]]
        outer = message_json["instructions"]
    keys += [text_of(key) for key in (*loaded["writable"], *loaded["readonly"])]
    inner = [row for group in meta.get("innerInstructions") or [] for row in group["instructions"]]
    for one in [*outer, *inner]:
        if "parsed" in one:
            continue
        listed = one["accounts"]
        if isinstance(listed, list) and listed and isinstance(listed[0], str):
            accounts = listed
        else:
            accounts = [keys[position] for position in raw(listed)]
        yield one.get("programId") or keys[one["programIdIndex"]], accounts, raw(one["data"])


def created(body: Any) -> list[tuple[str, str]]:
    """Return (venue, pool) of every creation in a transaction that succeeded."""
    if body["meta"].get("err") is not None:
        return []
    found = []
    for program, accounts, data in rows(body):
        name, creations = CREATIONS.get(program, ("", {}))
        for start, position in creations.items():
            if data.startswith(start):
                found.append((name, accounts[position]))
    return found


def logs_frame(body: Any, *, signature: str, slot: int = 7) -> bytes:
    """Return the logsNotification of a recorded transaction."""
    meta = body["meta"]
    value = {"signature": signature, "err": meta.get("err"), "logs": meta["logMessages"]}
    result = {"context": {"slot": slot}, "value": value}
    body = {"jsonrpc": "2.0", "method": "logsNotification", "params": {"result": result, "subscription": 1}}
    return json.dumps(body, separators=(",", ":")).encode()
