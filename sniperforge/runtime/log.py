"""Words for people, on stderr: pretty at a terminal, one JSON object a line elsewhere.

structlog takes 160 ms to import and a line costs tens of microseconds, so it is
loaded with the first line and never used on a hot path.
"""

from __future__ import annotations

import functools
import sys
from typing import Any


@functools.cache
def _logger() -> Any:
    import structlog

    pretty = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if pretty else "iso", utc=not pretty),
    ]
    last = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    structlog.configure(processors=[*shared, last], logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    return structlog.get_logger()


def say(message: str, /, **fields: object) -> None:
    """Write one line about something that happened."""
    _logger().info(message, **fields)


def warn(message: str, /, **fields: object) -> None:
    """Write one line about something a person should look at."""
    _logger().warning(message, **fields)
