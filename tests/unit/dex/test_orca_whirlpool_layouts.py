"""Every layout of Orca Whirlpool starts with the discriminator its name hashes to."""

from __future__ import annotations

import hashlib

from sniperforge.dex import orca_whirlpool_layouts as layouts


def _head(kind: str, name: str) -> bytes:
    return hashlib.sha256(f"{kind}:{name}".encode()).digest()[:8]


def test_events_hash_to_their_discriminators() -> None:
    assert all(head == _head("event", name) for head, (name, _) in layouts.EVENTS.items())


def test_instructions_hash_to_their_discriminators() -> None:
    names = ["initialize_pool", "initialize_pool_v2", "initialize_pool_with_adaptive_fee"]
    assert list(layouts.CREATIONS) == [_head("global", name) for name in names]
    assert list(layouts.SWAPS) == [_head("global", "swap"), _head("global", "swap_v2")]
    for table, verb in ((layouts.ADDITIONS, "increase"), (layouts.REMOVALS, "decrease")):
        assert list(table) == [_head("global", f"{verb}_liquidity"), _head("global", f"{verb}_liquidity_v2")]


def test_accounts_hash_to_their_discriminators() -> None:
    assert _head("account", "Whirlpool") == layouts.WHIRLPOOL
    assert _head("account", "TickArray") == layouts.TICK_ARRAY
    assert _head("account", "DynamicTickArray") == layouts.DYNAMIC_TICK_ARRAY
    assert _head("account", "Oracle") == layouts.ORACLE
