"""Sizing: how much of the quote token one entry spends.

pool + settings -> Size | Refusal

A fixed amount, cut down until the venue's own quote says that it moves the price
no further than allowed; too small a rest is no trade.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from sniperforge.base.events import Pool
from sniperforge.base.units import BPS_ONE
from sniperforge.dex.venue import EmptyPool, Quote, Venue
from sniperforge.trading.filters import Amount, Refusal, refusal

Slippage = Annotated[int, msgspec.Meta(ge=0, le=BPS_ONE - 1)]

#: Quotes asked to find the largest size within the impact; the answer is then
#: within 1/1024 of the fixed amount.
BISECTIONS_MAX = 10


class SizingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one entry spends and pays. Amounts are in base units of the quote mint (lamports for SOL).

    Attributes:
        quote_amount: what to spend on one launch.
        quote_amount_min: do not trade below this, after impact_bps_max has cut it.
        impact_bps_max: how far the entry may move the price.
        slippage_bps: how much less than quoted an entry accepts.
        priority_fee_micro_lamports: price per compute unit.
        tip_lamports: tip to the sender's lane.
    """

    quote_amount: Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)] = 50_000_000
    quote_amount_min: Amount = 10_000_000
    impact_bps_max: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    slippage_bps: Slippage = 1_000
    priority_fee_micro_lamports: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 200_000
    tip_lamports: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Yield (key, problem, cure) of what types and ranges cannot say."""
        if self.quote_amount_min > self.quote_amount:
            problem = (
                f"{self.quote_amount_min} is above quote_amount = {self.quote_amount}: nothing would ever be bought"
            )
            yield "quote_amount_min", problem, "lower it or raise quote_amount"


class Size(msgspec.Struct, frozen=True, gc=False):
    """What to spend, and what the venue quotes for it."""

    amount_in: int
    quote: Quote


def size_entry(pool: Pool, settings: SizingSettings, venue: Venue) -> Size | Refusal:
    """Return what to spend on *pool*, or why not.

    The impact of a quote grows with its size, so the largest size within the
    bound is found by halving; the first quote usually answers.
    """
    try:
        whole = venue.quote_in(pool, settings.quote_amount, is_buy=True)
    except EmptyPool:
        whole = None
    if whole is None or whole.amount_out <= 0:
        return refusal("sizing.quote", seen="the pool quotes nothing", allowed="a pool that trades")
    if whole.impact_bps <= settings.impact_bps_max:
        return Size(settings.quote_amount, whole)
    best = _largest_within(pool, settings, venue)
    if best is None or best.amount_in < settings.quote_amount_min:
        seen = f"{whole.impact_bps} bps at {settings.quote_amount}, {best.amount_in if best else 0} within the bound"
        values = {"asked": str(settings.quote_amount), "seen": seen}
        values["allowed"] = f"{settings.impact_bps_max} bps and {settings.quote_amount_min} or more"
        return Refusal("sizing.impact_bps_max", values)
    return best


def _largest_within(pool: Pool, settings: SizingSettings, venue: Venue) -> Size | None:
    fits, too_much, best = 0, settings.quote_amount, None
    for _ in range(BISECTIONS_MAX):
        middle = (fits + too_much) // 2
        quote = _quoted(pool, middle, venue) if middle else None
        if quote is not None and quote.impact_bps <= settings.impact_bps_max:
            fits, best = middle, Size(middle, quote)
        else:
            too_much = middle
    return best


def _quoted(pool: Pool, amount: int, venue: Venue) -> Quote | None:
    """Return the venue's quote of a buy; None when it gives nothing."""
    try:
        quote = venue.quote_in(pool, amount, is_buy=True)
    except EmptyPool:
        return None
    assert isinstance(quote, Quote)
    return quote if quote.amount_out > 0 else None
