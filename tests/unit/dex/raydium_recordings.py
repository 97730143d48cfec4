"""Recorded transactions as Steps, and the golden vectors, for the tests of the three Raydium venues."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from solders.pubkey import Pubkey as SoldersPubkey
from solders.transaction import VersionedTransaction

from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.venue import Context, Instruction, Step

SHARED = Path(__file__).parents[4] / "shared"
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

#: LaunchLab on mainnet: a launch with its creator's first buy, and a migration to CPMM.
LAUNCH = (
    "yellowstone-vixen__5LzhiGZB462sKGLhav13z3KUjjN6EhT9y21F4e4hKpsggFj6bseibkmPP7qXMnac6uDuKZZpdwDcbDqP3YHUXRVp"
    "_txupdate.json"
)
MIGRATION = "building-on-solana__example_grpc_bonk.json"

CONTEXT = Context(
    signature="5sig",
    slot=77,
    recv_ns=1_700_000_000_000_000_000,
    now_ns=1_700_000_000_000_000_500,
    source="test",
    signer=Pubkey(bytes(range(32))),
    carries_instructions=True,
    logs_truncated=False,
    late=False,
)


def golden(dex: str, kind: str, *ops: str) -> list[Any]:
    """Return the golden cases of *kind* (and *ops*) as parameters; one that skips when there are none here."""
    path = SHARED / "dex" / "golden" / f"{dex}.json"
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/dex/golden is absent"), id="absent")]
    cases = json.loads(path.read_text())["cases"]
    return [
        pytest.param(case, id=case["id"]) for case in cases if case["kind"] == kind and (not ops or case["op"] in ops)
    ]


def shared_json(*parts: str) -> Any:
    """Return a recorded file under ../shared, or skip."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"../shared/{'/'.join(parts)} is absent")
    return json.loads(path.read_text())


def as_metas(instruction: Instruction) -> dict[str, Any]:
    """Return an instruction as the golden vectors write it."""
    return {
        "program_id": str(SoldersPubkey.from_bytes(instruction.program)),
        "data_hex": instruction.data.hex(),
        "accounts": [
            {
                "pubkey": str(SoldersPubkey.from_bytes(meta.key)),
                "is_signer": meta.signer,
                "is_writable": meta.writable,
            }
            for meta in instruction.accounts
        ],
    }


class Recorded(NamedTuple):
    """One recorded transaction: its outer steps, and what its source says of the whole."""

    steps: tuple[Step, ...]
    context: Context
    failed: bool

    def of(self, program: Pubkey) -> Iterator[Step]:
        """Yield every invocation of *program*, outer or inner, in order."""
        for step in self.steps:
            yield from (inner for inner in step.walk() if inner.program == program)


def recorded(raw: Any) -> Recorded:
    """Return one recorded transaction of any of the forms in ../shared as Steps."""
    result, meta, message, signature = _parts(raw)
    keys = [_key(entry) for entry in message["accountKeys"]]
    loaded = meta.get("loadedAddresses") or {}
    if not isinstance(message["accountKeys"][0], dict) or "pubkey" not in message["accountKeys"][0]:
        for name, names in (("loadedWritableAddresses", "writable"), ("loadedReadonlyAddresses", "readonly")):
            keys += [_key(entry) for entry in meta.get(name) or loaded.get(names) or []]
    inner = {entry["index"]: entry["instructions"] for entry in meta.get("innerInstructions") or []}
    flat: list[tuple[int, Pubkey, tuple[Pubkey, ...], bytes]] = []
    for index, outer in enumerate(message["instructions"]):
        flat += [(index, *_instruction(one, keys)) for one in (outer, *inner.get(index, ()))]
    steps = tuple(_nest(iter(flat), iter(meta["logMessages"])))
    context = CONTEXT._replace(
        signature=signature,
        slot=int(result["slot"]),
        signer=keys[0],
        block_time=int(result.get("blockTime") or 0),
    )
    return Recorded(steps, context, failed=meta.get("err") is not None)


def _parts(raw: Any) -> tuple[Any, Any, Any, str]:
    if isinstance(raw, list):
        raw = raw[0]
    result = raw.get("result") or (raw.get("params") or {}).get("result") or raw
    if isinstance(result, list):
        result = result[0]
    if "slot" not in result:
        result = result["transaction"]
    transaction = result["transaction"]
    meta = result.get("meta") or transaction.get("meta")
    if isinstance(transaction, list):
        return result, meta, *_decoded(transaction[0])
    if "message" not in transaction:
        if meta is None:
            transaction = transaction["transaction"]
            meta = transaction["meta"]
        transaction = transaction["transaction"]
    signature = transaction["signatures"][0]
    return result, meta, transaction["message"], signature if isinstance(signature, str) else "buffer"


def _decoded(text: str) -> tuple[Any, str]:
    """Return message and signature of a base64 transaction."""
    transaction = VersionedTransaction.from_bytes(base64.b64decode(text))
    message = transaction.message
    return {
        "accountKeys": [str(one) for one in message.account_keys],
        "instructions": [
            {"programIdIndex": one.program_id_index, "accounts": list(one.accounts), "data": list(one.data)}
            for one in message.instructions
        ],
    }, str(transaction.signatures[0])


@cache
def block(slot: int) -> tuple[Any, ...]:
    """Return the transactions of a recorded block, as getTransaction would give each."""
    raw = shared_json("mainnet", "blocks", f"{slot}.json")
    return tuple({**one, "slot": slot, "blockTime": raw["blockTime"]} for one in raw["transactions"])


def _nest(flat: Iterator[tuple[int, Pubkey, tuple[Pubkey, ...], bytes]], logs: Iterator[str]) -> Iterator[Step]:
    """Yield the outer steps; every `invoke` line takes the next instruction of that program."""
    for line in logs:
        words = line.split()
        if words[2:3] == ["invoke"]:
            yield _step(key(words[1]), ZERO_KEY, 1, flat, logs)


def _step(
    program: Pubkey,
    parent: Pubkey,
    depth: int,
    flat: Iterator[tuple[int, Pubkey, tuple[Pubkey, ...], bytes]],
    logs: Iterator[str],
) -> Step:
    index, _, accounts, data = next(one for one in flat if one[1] == program)
    events: list[bytes] = []
    texts: list[str] = []
    children: list[Step] = []
    for line in logs:
        words = line.split()
        if line.startswith("Program log: "):
            texts.append(line[13:])
        elif line.startswith("Program data: "):
            events.append(base64.b64decode(words[2]))
        elif words[2:3] == ["invoke"]:
            children.append(_step(key(words[1]), program, depth + 1, flat, logs))
        elif words[2:3] == ["success"] or words[2:3] == ["failed:"]:
            break
    return Step(program, accounts, data, tuple(events), tuple(texts), tuple(children), index, depth, parent)


def _instruction(one: Any, keys: list[Pubkey]) -> tuple[Pubkey, tuple[Pubkey, ...], bytes]:
    if "programIdIndex" not in one:
        accounts = tuple(key(text) for text in one.get("accounts") or ())
        return key(one["programId"]), accounts, _bytes(one.get("data") or "")
    places = one["accounts"]
    if isinstance(places, dict):
        places = places.get("data") or []
    accounts = tuple(keys[place] for place in places)
    return keys[one["programIdIndex"]], accounts, _bytes(one["data"])


def _key(entry: Any) -> Pubkey:
    if isinstance(entry, dict) and "pubkey" in entry:
        entry = entry["pubkey"]
    return key(entry) if isinstance(entry, str) else Pubkey(_bytes(entry))


def _bytes(entry: Any) -> bytes:
    if isinstance(entry, dict):
        entry = entry.get("data") or []
    if isinstance(entry, list):
        return bytes(entry)
    number = 0
    for letter in entry:
        number = number * 58 + _ALPHABET.index(letter)
    zeros = len(entry) - len(entry.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
