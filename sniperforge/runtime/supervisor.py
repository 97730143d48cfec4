"""The supervisor: forks the stages, restarts the dead with backoff, drains on SIGTERM.

specs -> processes -> StageChanged (to whoever listens), status.json

One thread, no event loop: it sleeps in select on the readiness pipes and on the
signal pipe, so it can fork at any moment. A stage that ends with 0 has finished
its work (a tape that ran out): the rest is drained and the run ends well. A stage
that ends with the config code will not get better by trying again: the run ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sniperforge.base.errors import EXIT_CONFIG, EXIT_FAILED, EXIT_OK
from sniperforge.host import affinity, process

BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 30.0
#: A stage that lived this long starts its backoff anew.
STEADY_S = 30.0
FLAPPING_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One process to keep alive.

    Attributes:
        name: unique, shown everywhere.
        body: what it runs; see `sniperforge.host.process.fork`.
        rank: stages are started from the highest rank down and drained from the lowest up,
            so that nobody ever writes to a stage that is not there.
        cores: to pin to; empty for any.
        slice_ns: of processor time; 0 for the kernel's own choice.
    """

    name: str
    body: Callable[[Callable[[], None]], int]
    rank: int
    cores: tuple[int, ...] = ()
    slice_ns: int = 0


@dataclass(slots=True)
class _Stage:
    spec: StageSpec
    child: process.Child | None = None
    state: str = "stopped"
    detail: str = ""
    started_s: float = 0.0
    restart_at_s: float = 0.0
    backoff_s: float = BACKOFF_FIRST_S
    restarts: int = 0
    deaths_s: deque[float] = field(default_factory=lambda: deque(maxlen=64))


class Supervisor:
    """Keeps *specs* running until told to stop.

    Args:
        specs: the stages.
        changed: told (stage, state, pid, detail) at every change.
        drain_s: how long one rank may take to finish its work after SIGTERM.
    """

    def __init__(
        self,
        specs: Sequence[StageSpec],
        *,
        changed: Callable[[str, str, int, str], None] = lambda stage, state, pid, detail: None,
        drain_s: float = 10.0,
    ) -> None:
        self._stages = [_Stage(spec) for spec in sorted(specs, key=lambda spec: -spec.rank)]
        self._changed = changed
        self._drain_s = drain_s
        self._stop_signals = 0
        self._exit_code: int | None = None

    def table(self) -> list[dict[str, object]]:
        """Return one row a stage: name, state, pid, restarts, detail."""
        return [
            {
                "stage": stage.spec.name,
                "state": stage.state,
                "pid": stage.child.pid if stage.child else 0,
                "restarts": stage.restarts,
                "detail": stage.detail,
            }
            for stage in self._stages
        ]

    def run(self, *, until_s: float | None = None, ready: Callable[[], None] | None = None) -> int:
        """Run to the end and return the exit code.

        Args:
            until_s: stop by itself after this many seconds (`--for`).
            ready: called once when every stage has said it is ready.
        """
        read_fd, write_fd = os.pipe()
        os.set_blocking(write_fd, False)
        before = signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        deadline = time.monotonic() + until_s if until_s is not None else None
        try:
            self._start_all(read_fd)
            if ready and self._exit_code is None and not self._stop_signals:
                ready()
            while self._exit_code is None and not self._stop_signals:
                if deadline is not None and time.monotonic() >= deadline:
                    break
                self._pause(read_fd, deadline)
                self._reap()
                self._restart_due()
            self._drain(read_fd)
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(read_fd)
            os.close(write_fd)
        return self._exit_code or EXIT_OK

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop_signals += 1

    def _start_all(self, signal_fd: int) -> None:
        """Start rank by rank, each after the one below it is ready."""
        for rank in sorted({stage.spec.rank for stage in self._stages}, reverse=True):
            peers = [stage for stage in self._stages if stage.spec.rank == rank]
            for stage in peers:
                self._start(stage)
            while any(stage.state not in ("ready", "finished") for stage in peers):
                if self._stop_signals or self._exit_code is not None:
                    return
                self._pause(signal_fd, None)
                self._reap()
                self._restart_due()

    def _start(self, stage: _Stage) -> None:
        spec = stage.spec

        def body(ready: Callable[[], None]) -> int:
            affinity.pin(spec.cores)
            affinity.take_slice(spec.slice_ns)
            return spec.body(ready)

        stage.child = process.fork(body, name=spec.name)
        stage.started_s = time.monotonic()
        self._move(stage, "starting")

    def _move(self, stage: _Stage, state: str, detail: str = "") -> None:
        stage.state, stage.detail = state, detail
        self._changed(stage.spec.name, state, stage.child.pid if stage.child else 0, detail)

    def _pause(self, signal_fd: int, deadline: float | None) -> None:
        """Sleep until a signal, a stage's readiness, or the next restart is due."""
        now = time.monotonic()
        due = [stage.restart_at_s for stage in self._stages if stage.state == "backing-off"]
        due += [deadline] if deadline is not None else []
        timeout = min(1.0, max(0.0, min(due, default=now + 1.0) - now))
        waiting = {stage.child.ready_fd: stage for stage in self._stages if stage.child and stage.state == "starting"}
        readable, _, _ = select.select([signal_fd, *waiting], [], [], timeout)
        for descriptor in readable:
            if descriptor == signal_fd:
                os.read(signal_fd, 4096)
            elif os.read(descriptor, 64):
                self._move(waiting[descriptor], "ready")

    def _reap(self) -> None:
        for stage in self._stages:
            if stage.child is None:
                continue
            pid, status = os.waitpid(stage.child.pid, os.WNOHANG)
            if pid == stage.child.pid:
                self._died(stage, status)

    def _died(self, stage: _Stage, status: int) -> None:
        assert stage.child is not None
        os.close(stage.child.ready_fd)
        stage.child = None
        code = os.waitstatus_to_exitcode(status)
        if code == EXIT_OK:
            self._move(stage, "finished")
            self._exit_code = EXIT_OK
            return
        if code == EXIT_CONFIG:
            self._move(stage, "refused", "its settings cannot work; see its line above")
            self._exit_code = EXIT_CONFIG
            return
        now = time.monotonic()
        stage.backoff_s = (
            BACKOFF_FIRST_S if now - stage.started_s > STEADY_S or not stage.deaths_s else stage.backoff_s * 2
        )
        stage.backoff_s = min(stage.backoff_s, BACKOFF_MAX_S)
        stage.deaths_s.append(now)
        recent = sum(1 for death in stage.deaths_s if now - death < FLAPPING_WINDOW_S)
        stage.restart_at_s = now + stage.backoff_s
        how = process.describe_exit(status)
        self._move(stage, "backing-off", f"{stage.backoff_s:.2g} s, {recent} deaths in 60 s: last {how}")

    def _restart_due(self) -> None:
        now = time.monotonic()
        for stage in self._stages:
            if stage.state == "backing-off" and now >= stage.restart_at_s:
                stage.restarts += 1
                self._start(stage)

    def _drain(self, signal_fd: int) -> None:
        """Stop the stages from the source down; a rank that misses its deadline is killed."""
        patience = self._stop_signals
        for rank in sorted({stage.spec.rank for stage in self._stages}):
            peers = [stage for stage in self._stages if stage.spec.rank == rank]
            for stage in peers:
                if stage.child:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(stage.child.pid, signal.SIGTERM)
            deadline = time.monotonic() + self._drain_s
            while any(stage.child for stage in peers):
                if time.monotonic() > deadline or self._stop_signals > max(patience, 1):
                    self._kill(peers)
                self._pause_draining(signal_fd)
                for stage in peers:
                    self._reap_drained(stage)

    def _pause_draining(self, signal_fd: int) -> None:
        readable, _, _ = select.select([signal_fd], [], [], 0.05)
        if readable:
            os.read(signal_fd, 4096)

    def _reap_drained(self, stage: _Stage) -> None:
        if stage.child is None:
            return
        pid, status = os.waitpid(stage.child.pid, os.WNOHANG)
        if pid != stage.child.pid:
            return
        os.close(stage.child.ready_fd)
        stage.child = None
        code = os.waitstatus_to_exitcode(status)
        self._move(stage, "stopped", "" if code == EXIT_OK else process.describe_exit(status))
        if code != EXIT_OK and self._exit_code is None:
            self._exit_code = EXIT_FAILED

    def _kill(self, stages: Sequence[_Stage]) -> None:
        for stage in stages:
            if stage.child:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(stage.child.pid, signal.SIGKILL)
