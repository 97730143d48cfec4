"""Venues whose liquidity is a token: which token it is, and how much of it the pool counts as given out.

pool account's bytes -> LpState

A pool's own count goes down only when liquidity is withdrawn; burning LP tokens lowers
their mint's supply and leaves the pool's count alone. The difference is liquidity nobody
can withdraw. What a venue locks for ever at creation is in it: CPMM counts 100 units
more than it mints, AMM v4 one whole LP token.

Sources: raydium-cp-swap, instructions/initialize.rs; raydium-amm, processor.rs,
process_initialize2; PumpSwap's IDL ("lp_supply: true circulating supply without burns and lock-ups").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import Pubkey
from sniperforge.dex import pumpswap_layouts, raydium_amm_layouts, raydium_cpmm_layouts
from sniperforge.dex.borsh import Record
from sniperforge.dex.pumpswap import PROGRAM as PUMPSWAP


class LpState(NamedTuple):
    """The LP token of a pool and how much of it the pool counts, base units."""

    lp_mint: Pubkey
    minted: int


#: Venue -> its program, how its pool is decoded, and the field that counts the LP tokens.
_VENUES: Mapping[str, tuple[Pubkey, Callable[[bytes], Record], str]] = {
    raydium_cpmm_layouts.NAME: (raydium_cpmm_layouts.PROGRAM, raydium_cpmm_layouts.decode_pool_state, "lp_supply"),
    raydium_amm_layouts.NAME: (raydium_amm_layouts.PROGRAM, raydium_amm_layouts.decode_amm_info, "lp_amount"),
    "pumpswap": (PUMPSWAP, lambda raw: pumpswap_layouts.decode_account("Pool", raw), "lp_supply"),
}

#: Venues with an LP mint. The others are curves, whose liquidity nobody owns, or
#: concentrated: there liquidity is positions, and no token stands for all of it.
LP_VENUES = frozenset(_VENUES)


def lp_state(venue: str, pool: bytes, owner: Pubkey) -> LpState:
    """Return the LP token of the raw *pool* account of a venue in `LP_VENUES`.

    Raises:
        DecodeError: another program's account, or not a pool.
    """
    program, decode, count = _VENUES[venue]
    if owner != program:
        raise DecodeError(f"{venue}: the pool's account belongs to another program; check the address asked for")
    record = decode(pool)
    return LpState(record.keys["lp_mint"], record.ints[count])
