"""Which slots nobody showed us.

slot heartbeats and losses of all sources -> gaps: GapSeen, to be back-filled

Pure: time comes in as nanoseconds. A slot the chain itself skipped is no gap:
every heartbeat names its parent, and what lies between parent and slot was
never made. A parent that no source showed is one, once the other sources had
time to show it. When the last live source is lost, everything until the next
heartbeat is one, with the last slots before it: the logs of a slot come after
its heartbeat, so those were cut.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from sniperforge.base.events import GapSeen

#: Slots remembered as shown: 27 minutes of the chain.
SHOWN_MAX = 4_096
#: Slots that may be waiting for another source at once.
MISSING_MAX = 4_096
#: Gaps kept as open; without back-fill none ever closes.
OPEN_MAX = 1_024


class Gap(NamedTuple):
    """Slots *slot_from* to *slot_to*, both included; *source* is whose heartbeat told."""

    source: str
    slot_from: int
    slot_to: int


class GapLedger:
    """Keeps the slots shown, and tells the gaps between them.

    Args:
        grace_ns: how long another source may be behind before a slot counts as missing.
        overlap_slots: slots before a loss that count as cut.
    """

    def __init__(self, *, grace_ns: int, overlap_slots: int) -> None:
        self._grace_ns, self._overlap_slots = grace_ns, overlap_slots
        self._shown: OrderedDict[int, None] = OrderedDict()
        self._missing: OrderedDict[int, tuple[str, int]] = OrderedDict()
        self._proven: set[int] = set()
        self._live: set[str] = set()
        self._floor = self.newest = 0
        self._blind_from: int | None = None
        self._open: dict[Gap, None] = {}

    @property
    def open_gaps(self) -> tuple[Gap, ...]:
        """Gaps told and not closed."""
        return tuple(self._open)

    def live(self, source: str) -> None:
        """*source* is subscribed."""
        self._live.add(source)

    def lost(self, source: str) -> None:
        """*source* shows nothing any more; the last one to go begins a gap."""
        if source not in self._live:
            return
        self._live.discard(source)
        if not self._live and self.newest and self._blind_from is None:
            self._blind_from = max(self._floor, self.newest + 1 - self._overlap_slots)

    def slot(self, source: str, slot: int, parent: int, now_ns: int) -> list[Gap]:
        """Take one heartbeat; return the gaps it tells."""
        gaps: list[Gap] = []
        if not self.newest:
            # What was before our start is history, not a gap.
            self._floor = self.newest = slot
        elif self._blind_from is not None:
            until = max(parent, self.newest)
            if self._blind_from <= until:
                gaps += self._opened(Gap(source, self._blind_from, until))
            # Slots of the blind time are in that gap, so they need no second one.
            for unseen in range(max(self._blind_from, until + 1 - SHOWN_MAX), until + 1):
                self._show(unseen)
            self._blind_from = None
        self._miss(source, parent, now_ns)
        for unseen in [one for one in self._missing if parent < one < slot and one not in self._proven]:
            del self._missing[unseen]
        self._show(slot)
        self.newest = max(self.newest, slot)
        return gaps + self.due(now_ns)

    def due(self, now_ns: int) -> list[Gap]:
        """Return the gaps whose time of grace is over; called now and then."""
        ripe = [(slot, source) for slot, (source, since) in self._missing.items() if now_ns - since >= self._grace_ns]
        gaps: list[Gap] = []
        for slot, source in sorted(ripe):
            del self._missing[slot]
            self._show(slot)
            if gaps and gaps[-1].slot_to + 1 == slot:
                gaps[-1] = Gap(gaps[-1].source, gaps[-1].slot_from, slot)
            else:
                gaps.append(Gap(source, slot, slot))
        return [told for gap in gaps for told in self._opened(gap)]

    def closed(self, gap: Gap) -> None:
        """Back-fill of *gap* is done."""
        self._open.pop(gap, None)

    def _miss(self, source: str, parent: int, now_ns: int) -> None:
        """Note a parent nobody showed, and with it what may lie between it and the slots we know."""
        if parent < self._floor or parent in self._shown:
            return
        # Named as a parent it exists, on some fork; the others beside it may be skipped ones.
        self._proven.add(parent)
        # Below the newest slot it is a fork's parent: only that one is known to exist.
        start = self.newest + 1 if parent > self.newest else parent
        for unseen in range(max(start, parent + 1 - MISSING_MAX), parent + 1):
            if unseen not in self._shown and unseen not in self._missing:
                self._missing[unseen] = (source, now_ns)
        while len(self._missing) > MISSING_MAX:
            self._proven.discard(self._missing.popitem(last=False)[0])

    def _show(self, slot: int) -> None:
        self._missing.pop(slot, None)
        self._proven.discard(slot)
        self._shown[slot] = None
        while len(self._shown) > SHOWN_MAX:
            oldest, _ = self._shown.popitem(last=False)
            # Below what is remembered nothing can be told missing any more.
            self._floor = max(self._floor, min(oldest + 1, self.newest))

    def _opened(self, gap: Gap) -> list[Gap]:
        if gap in self._open:
            return []
        self._open[gap] = None
        while len(self._open) > OPEN_MAX:
            del self._open[next(iter(self._open))]
        return [gap]


def told(gap: Gap, now_ns: int, *, closed: bool = False, filled: int = 0) -> GapSeen:
    """Return the message about *gap*."""
    return GapSeen(
        ts_ns=now_ns, source=gap.source, slot_from=gap.slot_from, slot_to=gap.slot_to, closed=closed, filled=filled
    )
