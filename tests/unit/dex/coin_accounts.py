"""Accounts of a coin made by hand: mints, token accounts, metadata of both kinds, pools with an LP mint.

Written from the programs' sources, field by field, not from our decoders.
"""

from __future__ import annotations

import struct

from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey

CPMM = key("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
AMM_V4 = key("675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8")
PUMPSWAP = key("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")


def numbered(number: int) -> Pubkey:
    """Return a key that is different for every number."""
    return Pubkey(number.to_bytes(2, "big") * 16)


def mint(supply: int, *extensions: tuple[int, bytes]) -> bytes:
    """Return a mint account without authorities; with extensions it is one of Token-2022."""
    plain = bytes(36) + struct.pack("<QBB", supply, 6, 1) + bytes(36)
    if not extensions:
        return plain
    tail = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in extensions)
    return plain.ljust(165, b"\0") + b"\x01" + tail


def balance(coin: Pubkey, owner: Pubkey, amount: int) -> bytes:
    """Return an initialised token account."""
    return coin + owner + struct.pack("<Q", amount) + bytes(36) + b"\x01" + bytes(56)


def _text(raw: bytes, padded: int = 0) -> bytes:
    raw = raw.ljust(padded, b"\0")
    return struct.pack("<I", len(raw)) + raw


def metaplex(
    coin: Pubkey,
    *,
    authority: Pubkey = ZERO_KEY,
    mutable: bool = True,
    texts: tuple[bytes, bytes, bytes] = (b"Name", b"SYM", b"https://x"),
    creators: int = 1,
    tail: bytes = b"\x01\xff" + bytes(50),
) -> bytes:
    """Return a Metaplex metadata account as CreateMetadataAccountV3 leaves it: padded texts, creators, the rest."""
    name, symbol, uri = texts
    made = b"".join(numbered(number) + b"\x01\x64" for number in range(creators))
    data = _text(name, 32) + _text(symbol, 10) + _text(uri, 200) + struct.pack("<H", 500)
    some = (b"\x01" + struct.pack("<I", creators) + made) if creators else b"\x00"
    return b"\x04" + authority + coin + data + some + b"\x00" + bytes([mutable]) + tail


def token_metadata(coin: Pubkey, *, authority: Pubkey = ZERO_KEY, texts: tuple[bytes, bytes, bytes]) -> bytes:
    """Return the value of Token-2022's metadata extension, with one additional field."""
    more = struct.pack("<I", 1) + _text(b"field") + _text(b"value")
    return authority + coin + b"".join(map(_text, texts)) + more


def pointer(where: Pubkey) -> bytes:
    """Return the value of Token-2022's metadata pointer."""
    return ZERO_KEY + where


def lp_pool(venue: str, lp_mint: Pubkey, minted: int) -> bytes:
    """Return a pool account of *venue* in which only what concerns its LP token is not zero."""
    size, start, at, count_at = {
        "raydium_cpmm": (637, "f7ede3f5d7c3de46", 136, 333),
        "raydium_amm_v4": (752, "", 464, 720),
        "pumpswap": (300, "f19a6d0411b16dbc", 107, 203),
    }[venue]
    raw = bytearray(size)
    raw[: len(start) // 2] = bytes.fromhex(start)
    raw[at : at + 32] = lp_mint
    raw[count_at : count_at + 8] = struct.pack("<Q", minted)
    return bytes(raw)
