"""Who was already in when a launch became visible: the buys of its own slot.

PoolCreated, Swapped (of that slot) -> remembered
a later slot, time, the end         -> BundleSeen

Nothing is asked of anybody: these are the trades detection tells anyway. A slot is
over when a transaction of a later one was read, or when the window's time is up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sniperforge.base.events import BundleSeen, PoolCreated, Swapped, event_id
from sniperforge.base.units import BPS_ONE, ZERO_KEY, Pubkey, ceil_div
from sniperforge.dex.token_pair import oriented

#: Different wallets told apart in one slot; no slot has room for so many buys of one coin.
BUYERS_MAX = 1_024
_NANOS_PER_MS = 1_000_000
#: Its creation does not tell the supply; the venue's reading assumes that of pump.fun's coins.
_SUPPLY_ASSUMED = "pumpswap"


@dataclass(slots=True)
class _Bundle:
    launch: PoolCreated
    until_ns: int
    buys: int = 0
    creator_buys: int = 0
    quote: list[int] = field(default_factory=lambda: [0, 0])  # others, creator
    base: list[int] = field(default_factory=lambda: [0, 0])
    buyers: set[Pubkey] = field(default_factory=set)


class Bundles:
    """The launches whose slot is not over yet.

    Args:
        bundles_max: how many; the oldest is told incomplete for a newer one. 0: none at all.
        window_ms: how long a slot may take to be over, counted from the launch's telling.
    """

    def __init__(self, *, bundles_max: int, window_ms: int) -> None:
        self._bundles_max, self._window_ns = bundles_max, window_ms * _NANOS_PER_MS
        self._open: dict[Pubkey, _Bundle] = {}
        self._supplies: dict[Pubkey, int] = {}
        self._newest_slot = 0

    def __len__(self) -> int:
        return len(self._open)

    def launch(self, created: PoolCreated, now_ns: int) -> list[BundleSeen]:
        """Begin to count; return the bundle that had to make room."""
        if not self._bundles_max:
            return []
        told = []
        if len(self._open) >= self._bundles_max:
            oldest = next(iter(self._open))
            told.append(self._close(oldest, now_ns, complete=False))
        self._open[created.pool.address] = _Bundle(created, now_ns + self._window_ns)
        return told

    def swapped(self, trade: Swapped) -> None:
        """Count a buy of a launch in its own slot."""
        bundle = self._open.get(trade.pool)
        if bundle is None or trade.slot != bundle.launch.slot:
            return
        told = oriented(trade, bundle.launch.pool)
        if not (isinstance(told, Swapped) and told.is_buy):
            return
        trader, launch = trade.trader, bundle.launch
        own = trader != ZERO_KEY and trader in (launch.creator, launch.user)
        bundle.buys += 1
        bundle.creator_buys += own
        bundle.quote[own] += told.quote_amount
        bundle.base[own] += told.base_amount
        if trader != ZERO_KEY and len(bundle.buyers) < BUYERS_MAX:
            bundle.buyers.add(trader)

    def supply(self, mint: Pubkey, supply: int) -> None:
        """Note the supply of a coin as its mint account tells it."""
        if any(bundle.launch.pool.base_mint == mint for bundle in self._open.values()):
            self._supplies[mint] = supply

    def passed(self, slot: int, now_ns: int) -> list[BundleSeen]:
        """Return the bundles of slots before *slot*, and those whose time is up."""
        if not self._open:
            return []
        if slot <= self._newest_slot and now_ns < next(iter(self._open.values())).until_ns:
            return []  # a block brings two thousand transactions of one slot
        self._newest_slot = max(slot, self._newest_slot)
        over = [
            address for address, bundle in self._open.items() if bundle.launch.slot < slot or bundle.until_ns <= now_ns
        ]
        return [self._close(address, now_ns, complete=True) for address in over]

    def end(self, now_ns: int) -> list[BundleSeen]:
        """Return what is open when no more input comes."""
        return [self._close(address, now_ns, complete=False) for address in list(self._open)]

    def clear(self) -> None:
        """Forget everything; nothing of it is told."""
        self._open.clear()
        self._supplies.clear()

    def _close(self, address: Pubkey, now_ns: int, *, complete: bool) -> BundleSeen:
        bundle = self._open.pop(address)
        launch, pool = bundle.launch, bundle.launch.pool
        supply = self._supply(launch)
        shares = [ceil_div(base * BPS_ONE, supply) if supply else -1 for base in bundle.base]
        return BundleSeen(
            id=event_id("BundleSeen", launch.id),
            ts_ns=now_ns,
            origin_ns=launch.origin_ns,
            trace_id=launch.trace_id,
            cause=launch.id,
            venue=pool.venue,
            pool=address,
            base_mint=pool.base_mint,
            slot=launch.slot,
            buys=bundle.buys,
            buyers=len(bundle.buyers),
            creator_buys=bundle.creator_buys,
            creator_quote=bundle.quote[1],
            others_quote=bundle.quote[0],
            creator_base=bundle.base[1],
            others_base=bundle.base[0],
            supply=supply,
            creator_bps=shares[1],
            others_bps=shares[0],
            complete=complete and not launch.late and len(bundle.buyers) < BUYERS_MAX,
        )

    def _supply(self, launch: PoolCreated) -> int:
        pool = launch.pool
        read = self._supplies.get(pool.base_mint, 0)
        if not any(bundle.launch.pool.base_mint == pool.base_mint for bundle in self._open.values()):
            self._supplies.pop(pool.base_mint, None)
        if read or (pool.venue == _SUPPLY_ASSUMED and not pool.numbers.get("canonical")):
            return read
        return pool.numbers.get("supply", 0)
