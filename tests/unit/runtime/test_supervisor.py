"""The supervisor starts downstream first, restarts the dead with backoff, and drains from the source down."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from sniperforge.runtime.supervisor import StageSpec, Supervisor

Body = Callable[[Callable[[], None]], int]
Seen = list[tuple[str, str]]


def _serve(ready: Callable[[], None]) -> int:
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.append(number))
    ready()
    while not stopping:
        signal.pause()
    return 0


def _watch(specs: list[StageSpec], **options: float) -> tuple[Supervisor, Seen, dict[str, int]]:
    seen: Seen = []
    pids: dict[str, int] = {}

    def changed(stage: str, state: str, pid: int, detail: str) -> None:
        seen.append((stage, state))
        if state == "ready":
            pids[stage] = pid

    return Supervisor(specs, changed=changed, **options), seen, pids


def test_stages_start_downstream_first_and_drain_from_the_source() -> None:
    supervisor, seen, _ = _watch([StageSpec("feed", _serve, 0), StageSpec("coordinate", _serve, 9)])
    code = supervisor.run(ready=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert code == 0
    assert seen == [
        ("coordinate", "starting"),
        ("coordinate", "ready"),
        ("feed", "starting"),
        ("feed", "ready"),
        ("feed", "stopped"),
        ("coordinate", "stopped"),
    ]


def test_a_killed_stage_is_restarted() -> None:
    supervisor, seen, pids = _watch([StageSpec("detect", _serve, 1)])

    def killer() -> None:
        os.kill(pids["detect"], signal.SIGKILL)
        threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    assert supervisor.run(ready=killer) == 0
    assert [state for _, state in seen] == ["starting", "ready", "backing-off", "starting", "ready", "stopped"]
    assert supervisor.table()[0]["restarts"] == 1


def test_a_flapping_stage_backs_off_longer_each_time_and_says_why() -> None:
    details: list[str] = []

    def changed(stage: str, state: str, pid: int, detail: str) -> None:
        if state == "backing-off":
            details.append(detail)
        if len(details) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    supervisor = Supervisor([StageSpec("bot", lambda ready: 1, 1)], changed=changed)
    assert supervisor.run() == 0
    assert details[0].startswith("0.05 s, 1 deaths in 60 s: last exit 1")
    assert details[2].startswith("0.2 s, 3 deaths")


def _finish(ready: Callable[[], None]) -> int:
    ready()
    return 0


def test_a_stage_that_finishes_ends_the_run_well() -> None:
    supervisor, seen, _ = _watch([StageSpec("feed", _finish, 0), StageSpec("detect", _serve, 1)])
    assert supervisor.run() == 0
    assert ("feed", "finished") in seen
    assert seen[-1] == ("detect", "stopped")


def test_a_stage_whose_settings_cannot_work_ends_the_run_with_the_config_code() -> None:
    supervisor, seen, _ = _watch([StageSpec("feed", lambda ready: 3, 0)])
    assert supervisor.run() == 3
    assert seen[-1] == ("feed", "refused")


def test_a_stage_deaf_to_sigterm_is_killed_at_the_deadline() -> None:
    def deaf(ready: Callable[[], None]) -> int:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready()
        while True:
            signal.pause()

    supervisor, seen, _ = _watch([StageSpec("deaf", deaf, 0)], drain_s=0.2)
    assert supervisor.run(until_s=0.1) == 1
    assert seen[-1] == ("deaf", "stopped")


def test_a_stop_while_starting_drains_what_is_there() -> None:
    def slow(ready: Callable[[], None]) -> int:
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()
        return 0

    supervisor, seen, _ = _watch([StageSpec("slow", slow, 5), StageSpec("never", _serve, 0)])
    assert supervisor.run() == 1
    assert ("never", "starting") not in seen
