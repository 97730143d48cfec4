"""Layouts written as text, the way the IDLs of the programs list them.

"pool_id:pubkey amount:u64"  -> ((name, type), …)           for `borsh.Codec`
"8:amm_config:pubkey …"      -> ((offset, name, type), …)   for `borsh.decode_at`
"""

from __future__ import annotations

from sniperforge.dex.borsh import AccountLayout, Layout


def fields(text: str) -> Layout:
    """Return the layout of an event or of instruction data, one `name:type` per word."""
    return tuple(_pair(word) for word in text.split())


def offsets(text: str) -> AccountLayout:
    """Return the layout of an account, one `offset:name:type` per word."""
    rows = (word.split(":") for word in text.split())
    return tuple((int(offset), name, kind) for offset, name, kind in rows)


def _pair(word: str) -> tuple[str, str]:
    name, kind = word.split(":")
    return name, kind
