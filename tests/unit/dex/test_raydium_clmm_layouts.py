"""Every layout of Raydium CLMM starts with the discriminator its name hashes to; bitmaps name arrays."""

from __future__ import annotations

import hashlib

from sniperforge.dex import raydium_clmm_layouts as layouts


def _head(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()[:8]


def test_events_hash_to_their_discriminators() -> None:
    assert all(head == _head("event", name) for head, (name, _) in layouts.EVENTS.items())


def test_instructions_and_accounts_hash_to_their_discriminators() -> None:
    names = ("create_pool", "create_customizable_pool")
    assert list(layouts.CREATIONS) == [_head("global", name) for name in names]
    assert (_head("global", "swap"), _head("global", "swap_v2")) == (layouts.SWAP, layouts.SWAP_V2)
    assert _head("account", "PoolState") == layouts.POOL_STATE
    assert _head("account", "AmmConfig") == layouts.AMM_CONFIG
    assert _head("account", "TickArrayState") == layouts.TICK_ARRAY
    assert _head("account", "TickArrayBitmapExtension") == layouts.EXTENSION


def test_the_pool_s_bitmap_names_arrays_around_zero() -> None:
    """Bit 512 is the array at 0; a spacing of 10 makes 600 ticks of one array."""
    bits = (1 << 511) | (1 << 512) | (1 << 1023)
    raw = bytes(904) + bits.to_bytes(128, "little")
    assert list(layouts.bitmap_starts(raw, 10)) == [-600, 0, 511 * 600]
    assert layouts.bitmap_range(10) == (-307_200, 307_200)
