"""Pools and trades of PumpSwap, made by hand from the layouts."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

from sniperforge.base.events import Pool
from sniperforge.base.units import Pubkey
from sniperforge.dex import pumpswap
from sniperforge.dex.borsh import encode_text
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, ata
from sniperforge.dex.pumpswap_instructions import pool_authority_of, pool_of, table_of
from sniperforge.dex.pumpswap_layouts import BUY_EVENT, CREATE_EVENT, SELL_EVENT
from sniperforge.dex.venue import Context, Reading, Step

BLOCK = Path(__file__).parents[4] / "shared" / "mainnet" / "blocks" / "332254908.json"


def make_key(name: str) -> Pubkey:
    return Pubkey(hashlib.sha256(name.encode()).digest())


COIN, USER, CREATOR, OTHER, SIGNER = (
    make_key("coin"),
    make_key("user"),
    make_key("creator"),
    make_key("other"),
    make_key("signer"),
)
AUTHORITY = pool_authority_of(COIN)
CONTEXT = Context("sig", 9, 100, 200, "endpoint", SIGNER, True, False, False)


def pool_address(base: Pubkey = COIN, quote: Pubkey = WSOL, creator: Pubkey = AUTHORITY, index: int = 0) -> Pubkey:
    return pool_of(index, creator, base, quote)


def create_event(
    *,
    base: Pubkey = COIN,
    quote: Pubkey = WSOL,
    creator: Pubkey = AUTHORITY,
    program: Pubkey = TOKEN_2022,
    coin_creator: Pubkey = CREATOR,
    pool: Pubkey | None = None,
) -> bytes:
    body = struct.pack("<qH", 1, 0) + creator + base + quote + b"\x06\x09"
    body += struct.pack("<7QB", 500, 700, 206_900, 85_000, 100, 1, 2, 255)
    body += (pool or pool_address(base, quote, creator)) + make_key("lp")
    body += ata(creator, base, program) + ata(creator, quote, TOKEN if quote in (WSOL, USDC) else program)
    return CREATE_EVENT + body + coin_creator + b"\x01" + struct.pack("<Q??", 42, True, False)


def trade_event(*, is_buy: bool, pool: Pubkey | None = None, virtual: int = -30, latest: bool = True) -> bytes:
    amounts = (100, 0, 0, 0, 1000, 2000, 222, 20, 4, 5, 1, 226 if is_buy else 218, 230 if is_buy else 215)
    body = struct.pack("<q13Q", 1, *amounts) + (pool or pool_address()) + USER + OTHER * 4
    body += CREATOR + struct.pack("<QQ", 5, 3)
    if is_buy:
        body += b"\x01" + struct.pack("<3QqQ", 0, 0, 0, 0, 0) + encode_text("buy")
    body += struct.pack("<4Q", 0, 0, 5000, 1) + virtual.to_bytes(16, "little", signed=True)
    body += struct.pack("<?3Q", True, 10**15, 0, 0)
    return (BUY_EVENT if is_buy else SELL_EVENT) + (body if latest else body[: 312 - 8])


def listed_accounts(name: str, *, base: Pubkey = COIN, quote: Pubkey = WSOL) -> tuple[Pubkey, ...]:
    keys = pumpswap.keys_for(
        base_mint=base,
        quote_mint=quote,
        user=AUTHORITY,
        pool=pool_address(base, quote),
        base_token_program=TOKEN_2022,
        quote_token_program=TOKEN,
        coin_creator=CREATOR,
        protocol_fee_recipient=OTHER,
        buyback_fee_recipient=OTHER,
    )
    return tuple(keys[row[0]] for row in table_of(name))


ARGUMENTS = struct.pack("<HQQ", 0, 500, 700) + CREATOR + b"\0\x01" + bytes(10)


def only(readings: list[Reading]) -> Any:
    (reading,) = readings
    return reading


def make_step(*events: bytes, accounts: tuple[Pubkey, ...] = (), data: bytes = b"") -> Step:
    return Step(pumpswap.PROGRAM, accounts=accounts, data=data, events=events)


def make_pool(**changes: Any) -> Pool:
    turned = changes.pop("turned", False)
    numbers = {"canonical": 1, "base_is_0": int(not turned), "supply": 10**15, **changes.pop("numbers", {})}
    return Pool(
        venue="pumpswap",
        address=changes.pop("address", pool_address()),
        base_mint=COIN,
        quote_mint=changes.pop("quote_mint", WSOL),
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=changes.pop("base", 206_900_000_000_000),
        quote_reserve=changes.pop("quote", 85_000_000_000),
        keys=changes.pop("keys", {"pool_creator": AUTHORITY, "coin_creator": CREATOR}),
        numbers=numbers,
    )
