"""The venues this version can trade on, by name."""

from __future__ import annotations

from collections.abc import Mapping

from sniperforge.dex.venue import Venue


def known_venues() -> Mapping[str, Venue]:
    """Return name -> venue of every venue module. Imported here, late: `--help` does not pay for them."""
    from sniperforge.dex import pumpfun, pumpswap, raydium_amm, raydium_cpmm, raydium_launchlab

    venues = (pumpfun.VENUE, pumpswap.VENUE, raydium_amm.VENUE, raydium_cpmm.VENUE, raydium_launchlab.VENUE)
    return {venue.name: venue for venue in venues}
