"""A feed watches the pool accounts of the venues it is told, by their size and first bytes."""

from __future__ import annotations

from sniperforge.dex.venues import VENUES
from sniperforge.feeds.settings import AccountFilter
from sniperforge.runtime.watched import accounts_of


def test_each_venue_is_one_filter_in_the_order_named() -> None:
    cpmm, curve, amm = accounts_of(["raydium_cpmm", "pumpfun", "raydium_amm_v4"])
    program = VENUES["raydium_cpmm"].program
    assert cpmm == AccountFilter(program=program, size=637, head=bytes.fromhex("f7ede3f5d7c3de46"))
    assert (curve.program, curve.size, len(curve.head)) == (VENUES["pumpfun"].program, 0, 8)
    assert (amm.size, amm.head) == (752, b"")


def test_no_venue_goes_without_a_filter() -> None:
    """Every account of a program is more than anybody wants."""
    assert all(one.size or one.head for one in accounts_of(VENUES))
    assert len(accounts_of(VENUES)) == len(VENUES)
