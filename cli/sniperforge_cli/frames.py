"""Frames for the benchmarks: pump.fun launches and trades as a WebSocket delivers them.

seed -> logsNotification texts, every one with fresh keys and the real bonding
curve address of its mint, so that nothing can win by remembering.

Shape and size follow mainnet's of mid-2026: a `create_v2` with the creator's
first buy is about 8 kB of logs, a trade 2.5 kB. Values are made up here.
"""

from __future__ import annotations

import base64
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from solders.pubkey import Pubkey as SoldersPubkey
from solders.signature import Signature

from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import TOKEN_2022, WSOL, pda
from sniperforge.dex.pumpfun import PROGRAM

CREATE_EVENT = bytes.fromhex("1b72a94ddeeb6376")
TRADE_EVENT = bytes.fromhex("bddb7fd34ee661ee")
_PUMP = str(SoldersPubkey.from_bytes(PROGRAM))
_TOKEN = str(SoldersPubkey.from_bytes(TOKEN_2022))
_SYSTEM = "11111111111111111111111111111111"
_ATA = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"
_FEES = "pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ"
VIRTUAL_BASE = 1_073_000_000_000_000
VIRTUAL_QUOTE = 30_000_000_000


@dataclass(frozen=True, slots=True)
class Launch:
    """One made-up launch: its frame, and what a reader must find in it."""

    frame: bytes
    mint: Pubkey
    curve: Pubkey
    creator: Pubkey
    signature: str


def launches(count: int, seed: int) -> Iterator[Launch]:
    """Yield *count* launches; the same seed gives the same bytes."""
    dice = random.Random(seed)
    for number in range(count):
        mint, creator = Pubkey(dice.randbytes(32)), Pubkey(dice.randbytes(32))
        curve = pda(PROGRAM, b"bonding-curve", mint)
        signature = _signature(dice)
        logs = [*_create_logs(dice, number, mint, curve, creator), *_buy_logs(dice, mint, creator)]
        yield Launch(_notification(signature, 400_000_000 + number // 8, logs), mint, curve, creator, signature)


def trades(count: int, seed: int) -> Iterator[bytes]:
    """Yield *count* trade frames of coins that nobody holds."""
    dice = random.Random(seed)
    for number in range(count):
        logs = _buy_logs(dice, Pubkey(dice.randbytes(32)), Pubkey(dice.randbytes(32)))
        yield _notification(_signature(dice), 400_000_000 + number // 8, logs)


def _signature(dice: random.Random) -> str:
    return str(Signature.from_bytes(dice.randbytes(64)))


def _notification(signature: str, slot: int, logs: list[str]) -> bytes:
    value = {"signature": signature, "err": None, "logs": logs}
    result = {"context": {"slot": slot}, "value": value}
    return orjson.dumps(
        {"jsonrpc": "2.0", "method": "logsNotification", "params": {"result": result, "subscription": 24040}}
    )


def _create_logs(dice: random.Random, number: int, mint: bytes, curve: bytes, creator: bytes) -> list[str]:
    text = f"Coin {number:05d}", f"C{number}", "https://ipfs.io/ipfs/" + dice.randbytes(22).hex()
    event = CREATE_EVENT + b"".join(struct.pack("<I", len(part)) + part.encode() for part in text)
    event += mint + curve + creator + creator
    event += struct.pack("<qQQQQ", 1_780_000_000 + number, VIRTUAL_BASE, VIRTUAL_QUOTE, 793_100_000_000_000, 10**15)
    event += TOKEN_2022 + b"\0\0" + WSOL + struct.pack("<Q", VIRTUAL_QUOTE)
    token = [
        "MetadataPointerInstruction::Initialize",
        "Instruction: InitializeMint2",
        "TokenMetadataInstruction: Initialize",
        "TokenMetadataInstruction: UpdateAuthority",
        "Instruction: MintTo",
        "Instruction: SetAuthority",
    ]
    logs = [f"Program {_PUMP} invoke [1]", "Program log: Instruction: CreateV2"]
    logs += _call(_SYSTEM, 2) * 3
    for words in token:
        logs += _call(_TOKEN, 2, words, units=dice.randrange(900, 4000))
    logs += _open_account(dice, 2)
    logs += [f"Program data: {base64.b64encode(event).decode()}", *_call(_PUMP, 2, units=2125)]
    logs += [f"Program {_PUMP} consumed 96852 of 600000 compute units", f"Program {_PUMP} success"]
    return logs + _open_account(dice, 1)


def _buy_logs(dice: random.Random, mint: bytes, user: bytes) -> list[str]:
    tokens, lamports = dice.randrange(10**9, 10**13), dice.randrange(10**6, 10**9)
    event = TRADE_EVENT + mint + struct.pack("<QQ?", lamports, tokens, True) + user
    event += struct.pack("<qQQQQ", 1_780_000_000, VIRTUAL_QUOTE + lamports, VIRTUAL_BASE - tokens, lamports, 10**14)
    event += dice.randbytes(32) + struct.pack("<QQ", 95, lamports // 105)
    event += dice.randbytes(32) + struct.pack("<QQ", 30, lamports // 333)
    event += struct.pack("<?QQQq", False, 0, 0, 0, 0) + struct.pack("<I", 3) + b"buy"
    event += struct.pack("<?QQQQ", False, 0, 0, 5000, lamports // 210) + struct.pack("<I", 0)
    event += WSOL + struct.pack("<QQQ", lamports, VIRTUAL_QUOTE + lamports, lamports)
    logs = [f"Program {_PUMP} invoke [1]", "Program log: Instruction: Buy", *_call(_SYSTEM, 2)]
    logs += _call(_FEES, 2, "Instruction: GetFees", units=3302)
    logs += _call(_TOKEN, 2, "Instruction: TransferChecked", units=2562)
    logs += _call(_SYSTEM, 2) * 5
    logs += [f"Program data: {base64.b64encode(event).decode()}", *_call(_PUMP, 2, units=2125)]
    return [*logs, f"Program {_PUMP} consumed 71995 of 486038 compute units", f"Program {_PUMP} success"]


def _open_account(dice: random.Random, depth: int) -> list[str]:
    logs = [f"Program {_ATA} invoke [{depth}]", "Program log: CreateIdempotent"]
    logs += _call(_TOKEN, depth + 1, "Instruction: GetAccountDataSize", units=1447)
    logs += _call(_SYSTEM, depth + 1)
    logs += _call(_TOKEN, depth + 1, "Instruction: InitializeImmutableOwner", units=736)
    logs += _call(_TOKEN, depth + 1, "Instruction: InitializeAccount3", units=dice.randrange(1900, 2200))
    return [*logs, f"Program {_ATA} consumed 16947 of 569224 compute units", f"Program {_ATA} success"]


def _call(program: str, depth: int, words: str = "", units: int = 0) -> list[str]:
    logs = [f"Program {program} invoke [{depth}]"]
    if words:
        logs.append(f"Program log: {words}")
    if units:
        logs.append(f"Program {program} consumed {units} of 600000 compute units")
    return [*logs, f"Program {program} success"]
