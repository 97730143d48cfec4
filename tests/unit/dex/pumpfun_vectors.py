"""Launches, trades and curves of pump.fun, made by hand from the layouts."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

from sniperforge.base.events import Pool
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pumpfun
from sniperforge.dex.borsh import encode_text
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, pda
from sniperforge.dex.pumpfun_instructions import INSTRUCTIONS
from sniperforge.dex.pumpfun_layouts import CREATE_EVENT, TRADE_EVENT
from sniperforge.dex.venue import Context, Reading, Step

FRAMES = Path(__file__).parents[4] / "shared" / "frames"
SLOT = 435_946_190
CONTEXT = Context("sig", SLOT, 100, 200, "endpoint", ZERO_KEY, True, False, False)


def make_key(name: str) -> Pubkey:
    return Pubkey(hashlib.sha256(name.encode()).digest())


MINT, USER, CREATOR, OTHER = make_key("mint"), make_key("user"), make_key("creator"), make_key("other")
CURVE = pda(pumpfun.PROGRAM, b"bonding-curve", MINT)
POOL = pumpfun.keys_for(base_mint=MINT, quote_mint=WSOL)["pool"]


def create_event(
    *,
    quote_mint: Pubkey = ZERO_KEY,
    quote: int = 30_000_000_000,
    creator: Pubkey = CREATOR,
    own_bps: int = 0,
    name: bytes = b"Coin",
    curve: Pubkey = CURVE,
) -> bytes:
    head = struct.pack("<I", len(name)) + name + encode_text("COIN") + encode_text("https://x")
    sol = 0 if quote_mint == USDC else quote
    body = MINT + curve + USER + creator + struct.pack("<qQQQQ", 1, 10**15, sol, 7 * 10**14, 10**15)
    body += TOKEN_2022 + b"\x00\x01" + quote_mint + struct.pack("<QQ?", quote, own_bps, True)
    return CREATE_EVENT + head + body


def trade_event(*, is_buy: bool, quote_mint: Pubkey = ZERO_KEY, cashback: int = 0) -> bytes:
    paid_in_sol = quote_mint == ZERO_KEY
    body = MINT + struct.pack("<QQ?", 1000 if paid_in_sol else 0, 500, is_buy) + USER + struct.pack("<q", 1)
    body += struct.pack("<QQQQ", 31_000 if paid_in_sol else 0, 900_000, 1000, 600_000)
    body += OTHER + struct.pack("<QQ", 95, 10) + CREATOR + struct.pack("<QQ", 30, 3) + bytes(33)
    body += encode_text("buy") + b"\0" + struct.pack("<4Q", 30, cashback, 5000, 5) + bytes(4)
    return TRADE_EVENT + body + quote_mint + struct.pack("<3Q", 2000, 41_000, 1000) + bytes(16)


def make_step(*events: bytes, name: str = "", accounts: tuple[Pubkey, ...] = (), data: bytes = b"") -> Step:
    head = INSTRUCTIONS[name][0] if name else b""
    return Step(pumpfun.PROGRAM, accounts=accounts, data=head + data, events=events)


def listed_accounts(name: str, **known: Pubkey) -> tuple[Pubkey, ...]:
    keys = pumpfun.keys_for(
        base_mint=MINT,
        user=USER,
        creator=CREATOR,
        base_token_program=TOKEN_2022 if name.startswith("create_v2") else TOKEN,
        quote_mint=known.get("quote_mint", WSOL),
        quote_token_program=TOKEN,
    )
    keys.update(known)
    return tuple(keys[row[0]] for row in INSTRUCTIONS[name][1])


def only(readings: list[Reading]) -> Any:
    (reading,) = readings
    return reading


def make_pool(**changes: Any) -> Pool:
    numbers = {"real_base_reserve": 793_100_000_000_000, "supply": 10**15, **changes.pop("numbers", {})}
    return Pool(
        venue="pumpfun",
        address=CURVE,
        base_mint=MINT,
        quote_mint=changes.pop("quote_mint", WSOL),
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=changes.pop("base", 1_073_000_000_000_000),
        quote_reserve=changes.pop("quote", 30_000_000_000),
        keys=changes.pop("keys", {"creator": CREATOR}),
        numbers=numbers,
        slot=changes.pop("slot", 0),
    )
