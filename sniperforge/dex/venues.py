"""Every venue of the house, by name and by program.

A new venue is one module, one line here, and done when the conformance suite passes.
"""

from __future__ import annotations

from sniperforge.base.units import Pubkey
from sniperforge.dex import (
    meteora_damm_v2,
    meteora_dbc,
    meteora_dlmm,
    orca_whirlpool,
    pumpfun,
    pumpswap,
    raydium_amm,
    raydium_clmm,
    raydium_cpmm,
    raydium_launchlab,
)
from sniperforge.dex.venue import Venue

VENUES: dict[str, Venue] = {
    venue.name: venue
    for venue in (
        pumpfun.VENUE,
        pumpswap.VENUE,
        raydium_cpmm.VENUE,
        raydium_amm.VENUE,
        raydium_launchlab.VENUE,
        meteora_damm_v2.VENUE,
        meteora_dbc.VENUE,
        meteora_dlmm.VENUE,
        orca_whirlpool.VENUE,
        raydium_clmm.VENUE,
    )
}

BY_PROGRAM: dict[Pubkey, Venue] = {venue.program: venue for venue in VENUES.values()}
