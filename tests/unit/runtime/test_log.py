"""Words for people go to stderr: one JSON object a line where nobody watches, pretty at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import orjson
import pytest

from sniperforge.runtime import log


class Terminal:
    """A stderr that keeps what is written; a terminal or not."""

    def __init__(self, *, isatty: bool) -> None:
        self.text, self._isatty = "", isatty

    def isatty(self) -> bool:
        return self._isatty

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Everything is there already."""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    log._logger.cache_clear()
    yield
    log._logger.cache_clear()


def test_a_line_is_one_json_object_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Terminal(isatty=False)
    monkeypatch.setattr(sys, "stderr", stderr)
    log.say("feed ready", pid=3)
    log.warn("x.toml:1: a problem\nwith a line break")
    first, second = (orjson.loads(line) for line in stderr.text.splitlines())
    assert (first["event"], first["level"], first["pid"]) == ("feed ready", "info", 3)
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"]) == ("x.toml:1: a problem\nwith a line break", "warning")


def test_a_terminal_gets_words(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Terminal(isatty=True)
    monkeypatch.setattr(sys, "stderr", stderr)
    log.say("feed ready")
    assert "feed ready" in stderr.text
    assert not stderr.text.startswith("{")
