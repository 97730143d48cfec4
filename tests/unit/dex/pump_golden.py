"""The official SDKs' vectors for the pump programs, and the accounts their quotes start from."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from sniperforge.base.keys import text
from sniperforge.dex.venue import Instruction

GOLDEN = Path(__file__).parents[4] / "shared" / "dex" / "golden"
Case = dict[str, Any]


def load(name: str) -> Case:
    """Return a vector file, or one without cases where it is absent."""
    path = GOLDEN / name
    loaded: Case = json.loads(path.read_text()) if path.exists() else {"cases": []}
    return loaded


def samples(dex: str) -> list[Any]:
    """Return the recorded mainnet events of *dex*."""
    return _parameters([case for case in load("mainnet_samples.json")["cases"] if case["dex"] == dex])


def cases(file: Case, kind: str, *ops: str) -> list[Any]:
    """Return the vectors of *kind* (and of *ops*) as parameters, or one that skips saying why."""
    return _parameters([case for case in file["cases"] if case["kind"] == kind and (not ops or case["op"] in ops)])


def _parameters(chosen: list[Case]) -> list[Any]:
    if not chosen:
        return [pytest.param(None, marks=pytest.mark.skip(reason="the golden vectors of ../shared are absent"))]
    return [pytest.param(case, id=case["id"]) for case in chosen]


def listed(built: Instruction) -> Case:
    """Return an instruction as the vectors write one."""
    return {
        "program_id": text(built.program),
        "data_hex": built.data.hex(),
        "accounts": [
            {"pubkey": text(meta.key), "is_signer": meta.signer, "is_writable": meta.writable}
            for meta in built.accounts
        ],
    }


def fee_account(config: Case) -> bytes:
    """Return a FeeConfig account that says what the vectors' *config* says."""

    def tiers(rows: list[list[str]]) -> bytes:
        body = b"".join(int(row[0]).to_bytes(16, "little") + struct.pack("<3Q", *map(int, row[1:])) for row in rows)
        return struct.pack("<I", len(rows)) + body

    body = bytes.fromhex("8f3492bbdb7b4c9b") + b"\xff" + bytes(32) + struct.pack("<3Q", *map(int, config["flat"]))
    body += tiers(config["tiers"]) + tiers(config["stable_tiers"])
    body += struct.pack("<3Q", *map(int, config["exotic_flat"]))
    return body.ljust(4097, b"\0")
