"""Where a coin went after its curve: completions, migrations and new pools, remembered within bounds.

CurveCompleted, PoolMigrated, PoolCreated -> is this curve complete; which pool is its new home

Anybody can open a pool for any coin, so a pool is believed to be the new home
only when the migration names its address, or, where the source does not tell it,
when the same transaction made it.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from sniperforge.base.events import CurveCompleted, Event, Pool, PoolCreated, PoolMigrated
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.trading.filters import is_curve

REMEMBERED_MAX = 4_096
#: Pools remembered per coin: more than honest coins have while they migrate.
POOLS_PER_COIN_MAX = 8


class Migrations:
    """Folds the market's messages about curves that ended."""

    def __init__(self) -> None:
        self._ended: OrderedDict[Pubkey, None] = OrderedDict()
        self._moves: OrderedDict[Pubkey, PoolMigrated] = OrderedDict()
        self._pools: OrderedDict[Pubkey, deque[PoolCreated]] = OrderedDict()

    def note(self, event: Event) -> None:
        """Remember *event* when it is about a curve's end or a new pool; anything else is nothing."""
        if isinstance(event, PoolCreated):
            if is_curve(event.pool):
                return
            self._pools.setdefault(event.pool.base_mint, deque(maxlen=POOLS_PER_COIN_MAX)).append(event)
            self._pools.move_to_end(event.pool.base_mint)
        elif isinstance(event, CurveCompleted):
            self._ended[event.pool] = None
        elif isinstance(event, PoolMigrated):
            self._ended[event.pool] = None
            self._moves[event.base_mint] = event
        for remembered in (self._ended, self._moves, self._pools):
            while len(remembered) > REMEMBERED_MAX:
                remembered.popitem(last=False)

    def has_ended(self, curve: Pubkey) -> bool:
        """Return whether trading on *curve* is over."""
        return curve in self._ended

    def home(self, mint: Pubkey) -> Pool | None:
        """Return the pool *mint* moved to, once both the move and the pool are known."""
        move = self._moves.get(mint)
        if move is None:
            return None
        for created in self._pools.get(mint, ()):
            named = created.pool.address == move.new_pool
            if named or (move.new_pool == ZERO_KEY and created.signature == move.signature):
                return created.pool
        return None
