"""A forked child is ready when it says so, dies with a code, and never comes back into our code."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from sniperforge.host import process


def _wait(pid: int) -> str:
    return process.describe_exit(os.waitpid(pid, 0)[1])


def test_a_child_says_ready_and_its_code_is_told() -> None:
    def body(ready: Callable[[], None]) -> int:
        ready()
        return 7

    child = process.fork(body, name="unit-child")
    assert os.read(child.ready_fd, 16) == b"ready\n"
    assert _wait(child.pid) == "exit 7"
    os.close(child.ready_fd)


def test_an_exception_ends_the_child_with_one() -> None:
    def body(ready: Callable[[], None]) -> int:
        raise SystemExit(3)

    def broken(ready: Callable[[], None]) -> int:
        os.close(2)
        raise RuntimeError("child broke")

    def interrupted(ready: Callable[[], None]) -> int:
        raise KeyboardInterrupt

    assert _wait(process.fork(body, name="a").pid) == "exit 3"
    assert _wait(process.fork(broken, name="b").pid) == "exit 1"
    assert _wait(process.fork(interrupted, name="c").pid) == "exit 130"


def test_a_killed_child_is_not_alive_and_says_by_what() -> None:
    def pausing(ready: Callable[[], None]) -> int:
        signal.pause()
        return 0

    child = process.fork(pausing, name="pausing")
    os.kill(child.pid, signal.SIGKILL)
    assert _wait(child.pid) == "killed by SIGKILL"


def test_freezing_moves_everything_out_of_the_collector() -> None:
    import gc

    before = gc.get_threshold()
    process.freeze()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == process.COLLECT_AFTER
    gc.unfreeze()
    gc.set_threshold(*before)
