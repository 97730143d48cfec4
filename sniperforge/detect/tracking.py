"""Whose trades are told: pools created lately, and pools a position holds.

PoolCreated, PoolMigrated, PositionChanged -> keys the byte test looks for

A held pool is never forgotten for one made lately: an exit lives on its trades.
Events name the pool or the coin, so both keys are looked for; which pool it was is
decided when the event is read.
"""

from __future__ import annotations

from sniperforge.base.events import Pool, PositionChanged
from sniperforge.base.units import Pubkey
from sniperforge.detect.memory import Remembered
from sniperforge.detect.scan import Scanner, key_letters, program_text
from sniperforge.dex.venue import Venue

_Tracked = tuple[str, Pubkey]


class Tracking:
    """The pools whose trades are wanted, by address.

    Args:
        scanner: gets the letters of every wanted key.
        venues: by name.
        tracked_max, held_max: see `DetectSettings`.
    """

    def __init__(self, scanner: Scanner, venues: dict[str, Venue], *, tracked_max: int, held_max: int) -> None:
        self._scanner, self._venues = scanner, venues
        self._lately: Remembered[Pubkey, _Tracked] = Remembered(tracked_max)
        self._held: Remembered[Pubkey, _Tracked] = Remembered(held_max)
        self._positions: Remembered[int, tuple[Pubkey, ...]] = Remembered(held_max)
        self._blind: dict[bytes, int] = {}

    def __contains__(self, address: Pubkey) -> bool:
        return address in self._lately or address in self._held

    def __len__(self) -> int:
        return len(self._lately) + len(self._held)

    def touch(self, address: Pubkey) -> None:
        """A trade of this pool was told: it is the least quiet one now."""
        found = self._lately.get(address)
        if found is not None:
            self._lately.put(address, found)

    def add(self, address: Pubkey, venue: str, mint: Pubkey) -> None:
        """Track a pool made lately."""
        if address not in self._lately:
            self._use(venue, address, mint)
        for gone, (name, coin) in self._lately.put(address, (venue, mint)):
            self._disuse(name, gone, coin)

    def moved(self, old: Pubkey, new: Pubkey, venue: str, mint: Pubkey) -> None:
        """A coin left its curve: follow it, for every position that holds it."""
        if old not in self:
            return
        self.add(new, venue, mint)
        if old in self._held:
            for position, addresses in self._positions.items():
                if old in addresses and new not in addresses:
                    self._hold(position, new, venue, mint)

    def position(self, event: PositionChanged) -> None:
        """An open position's pool is held until the position is closed."""
        if event.state == "closed":
            self._release(event.position_id)
            return
        pool: Pool = event.pool
        if pool.address not in (self._positions.get(event.position_id) or ()):
            self._hold(event.position_id, pool.address, pool.venue, pool.base_mint)

    def _hold(self, position: int, address: Pubkey, venue: str, mint: Pubkey) -> None:
        if address not in self._held:
            self._use(venue, address, mint)
        for gone, (name, coin) in self._held.put(address, (venue, mint)):
            self._disuse(name, gone, coin)
        self._positions.put(position, (*(self._positions.get(position) or ()), address))

    def _release(self, position: int) -> None:
        for address in self._positions.drop(position) or ():
            if any(address in others for _, others in self._positions.items()):
                continue
            found = self._held.drop(address)
            if found is not None:
                self._disuse(found[0], address, found[1])

    def _use(self, venue: str, *wanted: Pubkey) -> None:
        tracked = self._scanner.tracked
        for lead in self._scanner.leads.get(venue, ()):
            for key in wanted:
                letters = key_letters(key, lead)
                tracked[letters] = tracked.get(letters, 0) + 1
        self._look_for(venue, 1)

    def _disuse(self, venue: str, *unwanted: Pubkey) -> None:
        tracked = self._scanner.tracked
        for lead in self._scanner.leads.get(venue, ()):
            for key in unwanted:
                letters = key_letters(key, lead)
                tracked[letters] -= 1
                if not tracked[letters]:
                    del tracked[letters]
        self._look_for(venue, -1)

    def _look_for(self, venue: str, change: int) -> None:
        """Venues whose trade events name no pool are looked for by their program while it matters."""
        known = self._venues.get(venue)
        if known is None or known.trade_markers:
            return
        program = program_text(known)
        self._blind[program] = self._blind.get(program, 0) + change
        self._scanner.seek([name for name, uses in self._blind.items() if uses])
