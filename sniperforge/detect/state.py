"""What a detector remembers, every part of it bounded.

settings + venues -> State      (the memories one transaction's reader works with)
"""

from __future__ import annotations

from functools import lru_cache

from sniperforge.base import keys
from sniperforge.base.events import event_id
from sniperforge.base.units import Pubkey
from sniperforge.detect.memory import Remembered
from sniperforge.detect.scan import Scanner
from sniperforge.detect.settings import DetectSettings
from sniperforge.detect.tracking import Tracking
from sniperforge.dex.venue import Venue

COUNTERS = (
    "frames",
    "frames_rejected",
    "frames_refused",
    "transactions",
    "transactions_failed",
    "transactions_refused",
    "events",
    "duplicates",
    "believed",
    "disbelieved",
    "wanted",
    "trades_untracked",
    "payloads_malformed",
    "logs_truncated",
    "logs_missing",
    "incomplete_for_good",
    "accounts",
    "accounts_known",
    "accounts_old",
    "accounts_asked",
    "accounts_unasked",
)


@lru_cache(maxsize=4096)
def launch_id(pool: Pubkey) -> int:
    """Return the trace id of everything that belongs to one pool."""
    return event_id("launch", pool)


class State:
    """What a detector remembers, every part of it bounded by the settings.

    Attributes:
        settings, venues (by name), by_program, names (by program id), programs
            (their ids in one row of bytes): what it was made from.
        scanner, tracking: the byte test, and the pools whose trades are told.
        pools, coins: those no longer new -> the signature that made them.
        mints_asked: mints somebody was asked to read.
        told: (signature, what) already told.
        wanted: signatures asked for -> id of the question; whole: seen with instructions.
        counters: how often what happened.
    """

    def __init__(self, settings: DetectSettings, venues: dict[str, Venue]) -> None:
        self.settings, self.venues = settings, venues
        self.by_program = {venue.program: venue for venue in venues.values()}
        self.programs = b"".join(self.by_program)
        self.names = {keys.text(venue.program): venue.name for venue in venues.values()}
        self.scanner = Scanner(venues.values(), trades=settings.trades)
        self.tracking = Tracking(self.scanner, venues, tracked_max=settings.tracked_max, held_max=settings.held_max)
        self.pools: Remembered[Pubkey, str] = Remembered(settings.known_max)
        self.coins: Remembered[Pubkey, str] = Remembered(settings.known_max)
        self.mints_asked: Remembered[Pubkey, None] = Remembered(settings.known_max)
        self.told: Remembered[tuple[object, ...], None] = Remembered(settings.seen_max)
        self.wanted: Remembered[str, int] = Remembered(settings.wanted_max)
        self.whole: Remembered[str, None] = Remembered(settings.wanted_max)
        self.counters = dict.fromkeys(COUNTERS, 0)

    def forget(self) -> None:
        """Forget every transaction, pool and coin: all of them are new again. Who is tracked stays."""
        for memory in (self.pools, self.coins, self.mints_asked, self.told, self.wanted, self.whole):
            memory.clear()
