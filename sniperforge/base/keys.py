"""Keys as text and as bytes (base58, 32 bytes)."""

from __future__ import annotations

from solders.pubkey import Pubkey as SoldersPubkey

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import Pubkey


def key(text: str) -> Pubkey:
    """Return the 32 bytes of a base58 public key; raises DecodeError otherwise."""
    try:
        return Pubkey(bytes(SoldersPubkey.from_string(text)))
    except ValueError:
        raise DecodeError(f"{text[:60]!r} is not a base58 public key of 32 bytes; check the text") from None


def text(raw: bytes) -> str:
    """Return the base58 text of a 32-byte key; raises DecodeError for another size."""
    if len(raw) != 32:
        raise DecodeError(f"a public key has 32 bytes, got {len(raw)}")
    return str(SoldersPubkey.from_bytes(raw))
