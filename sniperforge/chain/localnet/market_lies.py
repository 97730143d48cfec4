"""Creations that are none, as a forger would print them.

form + dice -> instructions, and what they claim

Each claim is as good as a liar can make it: right discriminators, whole
payloads, derived addresses that match. Only who said it gives it away. Names of
the programs stand among the accounts, so that subscribers by mention get it.

Source: event layouts of the public IDLs of pump.fun and Raydium LaunchLab.
"""

from __future__ import annotations

import random
import struct
from typing import NamedTuple

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import cpmm
from sniperforge.chain.localnet.genesis import FORGER
from sniperforge.dex.programs import EVENT_TAG, TOKEN, WSOL, pda
from sniperforge.dex.venue import AccountMeta, Instruction

PUMP = key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
LAUNCHLAB = key("LanMV9sAd7wArD4vJFi2qDdfnVhFxYSUg6eADduJ3uj")
_PUMP_CREATE = bytes.fromhex("1b72a94ddeeb6376")
_LAUNCHLAB_CREATE = bytes.fromhex("97d7e20976a173ae")
_SAY_DATA, _SAY_TEXT, _CALL_ITSELF, _SAY_BOTH = range(4)


class Claim(NamedTuple):
    """A lie: what it pretends was created, and what prints it."""

    venue: str
    mint: Pubkey
    pool: Pubkey
    instruction: Instruction


def tell(form: str, creator: Pubkey, dice: random.Random, now_s: int) -> Claim:
    """Return the lie of *form*, one of `market_plan.SPOOF_FORMS`."""
    mint = Pubkey(dice.randbytes(32))
    if form.startswith("pump"):
        event = _pump_create(mint, creator, now_s)
        text = b"Instruction: Create"
        data = bytes([_SAY_DATA]) + event
        if form == "pump_log_and_data":
            data = struct.pack("<BH", _SAY_BOTH, len(text)) + text + event
        return Claim("pumpfun", mint, _curve(mint), _forged(data, PUMP))
    if form == "launchlab_self_call":
        pool = pda(LAUNCHLAB, b"pool", mint, WSOL)
        event = EVENT_TAG + _launchlab_create(pool, creator)
        return Claim("raydium_launchlab", mint, pool, _forged(bytes([_CALL_ITSELF]) + event, LAUNCHLAB))
    keys = cpmm.pool_keys((mint, TOKEN), (WSOL, TOKEN))
    real = cpmm.initialize(keys, creator, (10**12, 10**12), open_time=now_s)
    if form == "cpmm_lookalike":
        accounts = (*real.accounts, AccountMeta(cpmm.PROGRAM))
        return Claim("raydium_cpmm", mint, keys.pool, Instruction(FORGER, accounts, real.data))
    name = b"CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"
    lines = b"x\nProgram " + name + b" invoke [1]\nProgram log: Instruction: Initialize\nProgram " + name + b" success"
    return Claim("raydium_cpmm", mint, keys.pool, _forged(bytes([_SAY_TEXT]) + lines, cpmm.PROGRAM))


def _forged(data: bytes, mentioned: Pubkey) -> Instruction:
    return Instruction(FORGER, (AccountMeta(FORGER), AccountMeta(mentioned)), data)


def _curve(mint: Pubkey) -> Pubkey:
    return pda(PUMP, b"bonding-curve", mint)


def _text(words: str) -> bytes:
    raw = words.encode()
    return struct.pack("<I", len(raw)) + raw


def _pump_create(mint: Pubkey, creator: Pubkey, now_s: int) -> bytes:
    names = _text("Totally Real") + _text("REAL") + _text("https://example.org/real.json")
    reserves = struct.pack("<qQQQQ", now_s, 1_073_000_000_000_000, 30_000_000_000, 793_100_000_000_000, 10**15)
    flags = TOKEN + b"\0\0" + WSOL + struct.pack("<QQ?", 30_000_000_000, 0, False)
    return _PUMP_CREATE + names + mint + _curve(mint) + creator + creator + reserves + flags


def _launchlab_create(pool: Pubkey, creator: Pubkey) -> bytes:
    config = pda(LAUNCHLAB, b"global_config", WSOL, b"\0", b"\0\0")
    names = b"\6" + _text("Totally Real") + _text("REAL") + _text("https://example.org/real.json")
    curve = struct.pack("<BQQQB", 0, 10**15, 793_100_000_000_000, 85_000_000_000, 1)
    return _LAUNCHLAB_CREATE + pool + creator + config + names + curve + bytes(24) + b"\0"
