"""The `sniperforge` command as a user runs it: a subprocess, with an end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
SNIPERFORGE = str(Path(sys.executable).parent / "sniperforge")
PATIENCE_S = 60


class Result(NamedTuple):
    """What one command gave."""

    code: int
    out: bytes
    err: str

    def events(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.out.splitlines()]

    def types(self) -> Counter[str]:
        return Counter(str(event["type"]) for event in self.events())


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SNIPERFORGE")}
    return kept | dict(extra or {})


def run(*arguments: str, given: bytes = b"", env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Result:
    """Run one command to its end with *given* on a pipe as standard input."""
    done = subprocess.run(
        [SNIPERFORGE, *arguments],
        input=given,
        capture_output=True,
        timeout=PATIENCE_S,
        env=environment(env),
        cwd=cwd,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def pipeline(*commands: Sequence[str], cwd: Path | None = None) -> tuple[list[int], bytes, list[str]]:
    """Run commands joined by pipes, as a shell does; return exit codes, the last one's output, and all stderr."""
    running: list[subprocess.Popen[bytes]] = []
    for number, command in enumerate(commands):
        running.append(
            subprocess.Popen(
                [SNIPERFORGE, *command],
                stdin=running[-1].stdout if running else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
                cwd=cwd,
            )
        )
        if number:
            taken = running[-2].stdout
            assert taken is not None
            taken.close()  # the reader has it; kept here too, its end would never come
    try:
        out, last = running[-1].communicate(timeout=PATIENCE_S)
        errors = [each.stderr.read().decode() for each in running[:-1] if each.stderr] + [last.decode()]
        codes = [each.wait(PATIENCE_S) for each in running]
    finally:
        for each in running:
            each.kill()
            for stream in (each.stdout, each.stderr):
                if stream is not None:
                    stream.close()
    return codes, out, errors


def one_line(text: str) -> str:
    """Return the only line of *text*; fail when there are more, or a traceback."""
    assert "Traceback" not in text
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]
