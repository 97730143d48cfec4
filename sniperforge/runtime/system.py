"""`sniperforge up`: one topology as supervised processes on rings.

Topology -> rings, a lock, forked stages, status.json -> exit code

The supervisor imports everything once and forks: a stage is ready in
milliseconds and restarts as fast. Rings are made before the first stage and know
every reader by name, so that nothing is lost while one is being restarted.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import orjson

from sniperforge.base.clock import SystemClock, wall_offset_ns
from sniperforge.base.errors import SniperForgeError, UnavailableError
from sniperforge.base.events import Event, StageChanged
from sniperforge.host import affinity, process
from sniperforge.runtime import log, stages
from sniperforge.runtime.ends import TOPICS, LineOutbox, RingInbox, RingOutbox, interest_mask, source_key
from sniperforge.runtime.supervisor import StageSpec, Supervisor
from sniperforge.runtime.timeline import Timeline
from sniperforge.runtime.topology import BotTable, Topology
from sniperforge.shm.ring import Ring

RING_TOPICS = ("frames", "market", "intents", "fills", "system")
LOSSY = ("frames", "system")
#: What detect wants back from the money: which pools must stay in sight.
_DETECT_FILLS = frozenset(kind for kind in TOPICS["fills"] if kind.__name__ == "PositionChanged")
_DETECT_INTENTS = frozenset(kind for kind in TOPICS["intents"] if kind.__name__ in ("TokenWanted", "FactsWanted"))
#: Facts that money asks nobody for.
_FACTS = frozenset(
    ("BundleSeen", "CreatorKnown", "HoldersInspected", "LiquidityInspected", "MetadataInspected", "SellabilityTested")
)
_COORDINATE_MARKET = frozenset(
    kind for kind in TOPICS["market"] if kind.__name__ not in _FACTS | {"LaunchDisbelieved", "TokenInspected"}
)
_COORDINATE_INTENTS = frozenset(kind for kind in TOPICS["intents"] if kind.__name__ in ("BotStarted", "OrderProposed"))

Body = Callable[[Callable[[], None]], int]


class AlreadyRunning(UnavailableError):
    """Another supervisor holds this instance."""


class System:
    """One instance: its rings, its stages, its folder.

    Args:
        topology: what to run.
        told: called with every StageChanged, in the supervisor.
    """

    def __init__(self, topology: Topology, told: Callable[[StageChanged], None] = lambda event: None) -> None:
        self.topology = topology
        self._told = told
        self._offset_ns = wall_offset_ns()
        self._clock = SystemClock(self._offset_ns)
        self._directory = Path(topology.run.directory)
        self._rings: dict[str, Ring] = {}
        self._lock_fd = -1
        self._supervisor: Supervisor | None = None
        self._system: RingOutbox | None = None

    def run(self, *, until_s: float | None = None, ready: Callable[[], None] | None = None) -> int:
        """Run until SIGTERM (or *until_s*), drain, leave nothing behind; return the exit code."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock()
        try:
            self._make_rings()
            self._system = RingOutbox({"system": self._rings["system"].producer("supervisor")})
            process.freeze()
            self._supervisor = Supervisor(self._specs(), changed=self._changed, drain_s=self.topology.run.drain_s)
            return self._supervisor.run(until_s=until_s, ready=ready)
        finally:
            if self._system is not None:
                self._system.close()
            for ring in self._rings.values():
                ring.unlink()
            os.close(self._lock_fd)

    def _lock(self) -> None:
        """Take the instance; the lock dies with this process, whatever ends it."""
        path = self._directory / "lock"
        self._lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock_fd, 32).decode(errors="replace").strip()
            os.close(self._lock_fd)
            raise AlreadyRunning(
                f"{path}: process {holder or '?'} runs this directory; stop it, or set another [run] directory "
                "and instance"
            ) from None
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, f"{os.getpid()}\n".encode(), 0)

    def _make_rings(self) -> None:
        """Make every ring with a seat for each reader; say what an unclean end had left."""
        topology, sizes = self.topology, self.topology.rings
        bots = [f"snipe:{bot.name}" for bot in topology.bots]
        readers = {
            "frames": ["detect"],
            "market": [*bots, "coordinate"],
            "intents": ["coordinate", "detect"],
            "fills": [*bots, "detect"],
            "system": [],
        }
        for topic in RING_TOPICS:
            self._rings[topic] = Ring.create(
                topic,
                instance=topology.run.instance,
                capacity=_power_of_two(getattr(sizes, topic) << 10),
                guarantee="lossy" if topic in LOSSY else "ordered",
                consumers=readers[topic],
                deadline_ns=sizes.deadline_ms * 1_000_000,
                clock_offset_ns=self._offset_ns,
            )
            if self._rings[topic].reclaimed:
                log.warn("removed what an unclean end had left", ring=self._rings[topic].reclaimed)

    def _specs(self) -> list[StageSpec]:
        bots = [f"snipe:{bot.name}" for bot in self.topology.bots]
        cores = affinity.usable_cores() if self.topology.run.pin else ()
        plan = affinity.plan(cores, ["coordinate", "detect", "feed"], bots)
        stages: list[tuple[str, Body, int]] = [
            ("feed", self._feed, 0),
            ("detect", self._detect, 1),
            ("coordinate", self._coordinate, 3),
            *((f"snipe:{table.name}", self._snipe(table), 2) for table in self.topology.bots),
        ]
        return [
            StageSpec(name, body, rank, plan.cores.get(name, ()), plan.slices_ns.get(name, 0))
            for name, body, rank in stages
        ]

    def _changed(self, stage: str, state: str, pid: int, detail: str) -> None:
        if state == "backing-off":
            # What it had claimed and not finished would stop every reader behind it.
            for ring in self._rings.values():
                ring.repair()
        event = StageChanged(ts_ns=self._clock.now_ns(), stage=stage, state=state, pid=pid, detail=detail)
        if self._system is not None:
            self._system.put(event)
        self._write_status()
        self._told(event)

    def _write_status(self) -> None:
        """Write who runs with which pid, for `ps`-like readers; whole or not at all."""
        if self._supervisor is None:
            return
        status = {
            "instance": self.topology.run.instance,
            "pid": os.getpid(),
            "ts_ns": self._clock.now_ns(),
            "stages": self._supervisor.table(),
        }
        path = self._directory / "status.json"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps(status, option=orjson.OPT_INDENT_2))
        fresh.replace(path)

    # ── the stages, each in its own process ──────────────────────────────

    def _feed(self, ready: Callable[[], None]) -> int:
        outbox = self._outbox("feed", "frames", "system")
        return self._serve(stages.run_feed(self.topology.feed_settings(), outbox, self._clock, ready))

    def _detect(self, ready: Callable[[], None]) -> int:
        sources = {source_key(name): name for name in self.topology.source_names()}
        inboxes = [
            RingInbox(self._attach("frames").consumer("detect", start="resume"), sources),
            self._inbox("fills", "detect", _DETECT_FILLS),
            self._inbox("intents", "detect", _DETECT_INTENTS),
        ]
        outbox = self._outbox("detect", "market", "system")
        return self._serve(
            stages.run_detect(
                self.topology.detect,
                inboxes,
                outbox,
                self._timeline(),
                self._clock,
                ready,
                self.topology.feed.rpc,
                self.topology.run.rehearse_ms / 1000,
            )
        )

    def _snipe(self, table: BotTable) -> Body:
        def body(ready: Callable[[], None]) -> int:
            bot = self.topology.make_bot(table)
            # All bots together rehearse as often as one: fifty of them would fill a core with it.
            rehearse_s = self.topology.run.rehearse_ms / 1000 * len(self.topology.bots)
            name = f"snipe:{table.name}"
            inboxes = [self._inbox(topic, name, bot.interest & TOPICS[topic]) for topic in ("fills", "market")]
            outbox = self._outbox(name, "intents", "system")
            return self._serve(stages.run_snipe(bot, inboxes, outbox, self._timeline(), ready, rehearse_s))

        return body

    def _coordinate(self, ready: Callable[[], None]) -> int:
        inboxes = [
            self._inbox("intents", "coordinate", _COORDINATE_INTENTS),
            self._inbox("market", "coordinate", _COORDINATE_MARKET),
        ]
        outbox = self._outbox("coordinate", "fills", "system")
        settings, drain_s = self.topology.coordinate, self.topology.run.drain_s * 0.8
        rehearse_s = self.topology.run.rehearse_ms / 1000
        return self._serve(
            stages.run_coordinate(settings, inboxes, outbox, self._timeline(), ready, drain_s, rehearse_s)
        )

    def _timeline(self) -> Timeline:
        return Timeline(self._clock, self.topology.run.clock)

    def _attach(self, topic: str) -> Ring:
        return Ring.attach(topic, instance=self.topology.run.instance)

    def _inbox(self, topic: str, name: str, kinds: frozenset[type[Event]]) -> RingInbox:
        return RingInbox(self._attach(topic).consumer(name, start="resume", interest=interest_mask(kinds)))

    def _outbox(self, name: str, *topics: str) -> RingOutbox:
        return RingOutbox({topic: self._attach(topic).producer(name) for topic in topics})

    def _serve(self, stage: Coroutine[Any, Any, None]) -> int:
        """Run one stage in this (forked) process; its failure is one line and an exit code."""
        import uvloop

        with contextlib.suppress(OSError):
            os.close(self._lock_fd)  # a child that kept it would hold the lock after our death
        try:
            uvloop.run(stage)
        except SniperForgeError as problem:
            log.warn(str(problem))
            return problem.exit_code
        return 0


def _power_of_two(size: int) -> int:
    return 1 << (size - 1).bit_length()


def print_event(event: Event) -> None:
    """Write one event as a JSON line to stdout (`up --json`)."""
    import sys

    outbox = LineOutbox(sys.stdout.buffer)
    outbox.put(event)
    outbox.flush()
