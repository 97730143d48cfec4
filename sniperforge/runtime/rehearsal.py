"""Rehearsals: the way of a launch is walked again and again, so that the next one finds it warm.

newest launch -> the stage's own code, short of telling and sending -> nothing

Between two launches other processes use the same caches: the first walk after 40 ms
of trades takes four to six times as long as the second (docs/performance.md). A
rehearsal is that first walk, taken while nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sniperforge.base import wire
from sniperforge.base.events import Event, InputRefused


class Rehearsal:
    """One stage's rehearsal; what it says goes through the ring's codec both ways, and no further.

    Args:
        stage: its name, for the line that says it went wrong.
        walk: does what a launch makes the stage do; changes nothing, sends nothing.
        period_s: between two walks.
    """

    def __init__(self, stage: str, walk: Callable[[], Iterable[Event]], *, period_s: float) -> None:
        self.period_s = period_s
        self.over = False
        self._stage, self._walk = stage, walk

    def once(self, now_ns: int) -> Iterable[Event]:
        """Walk once; return what is to be told, which is a failure, once: then there are no more rehearsals."""
        try:
            for event in self._walk():
                tag = wire.TAGS[type(event)]
                wire.decode(tag, wire.encode(event))
        except Exception as failure:  # a stage that handles money does not end over a dry run
            self.over = True
            problem = f"a rehearsal failed: {type(failure).__name__}: {failure}"
            cure = "report this; orders are not touched, they only start cold"
            return (InputRefused(ts_ns=now_ns, where=self._stage, problem=problem, cure=cure),)
        return ()
