"""How often one creator launches: a launch and the present in, a refusal or nothing out."""

from __future__ import annotations

from collections import OrderedDict, deque

from sniperforge.base.units import Pubkey
from sniperforge.trading.refusal import Refusal, refusal


class CreatorRate:
    """Counts launches per creator within a window; the least recently seen creators are forgotten.

    Args:
        launches_max: how many are fine; 0: any number.
        window_ns: the window's length.
        creators_max: how many creators to remember.
    """

    def __init__(self, launches_max: int, window_ns: int, creators_max: int = 16_384) -> None:
        self._launches_max, self._window_ns, self._creators_max = launches_max, window_ns, creators_max
        self._seen: OrderedDict[Pubkey, tuple[int, ...]] = OrderedDict()

    def over(self, creator: Pubkey, now_ns: int) -> Refusal | None:
        """Count one launch of *creator*; return a refusal when it is one too many."""
        if not self._launches_max:
            return None
        known = self._seen.get(creator)
        if known is None:  # nearly all of them: one launch is never too many
            self._seen[creator] = (now_ns,)
            if len(self._seen) > self._creators_max:
                self._seen.popitem(last=False)
            return None
        stamps = deque(known, maxlen=self._launches_max + 1)
        stamps.append(now_ns)
        while stamps[0] <= now_ns - self._window_ns:
            stamps.popleft()
        self._seen[creator] = tuple(stamps)
        self._seen.move_to_end(creator)
        if len(stamps) <= self._launches_max:
            return None
        return refusal("creator_launches_max", seen=f"{len(stamps)} or more", allowed=self._launches_max)
