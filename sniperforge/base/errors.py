"""The one tree of errors: each carries its facts and ends with what to do.

Expected refusals (a filter said no, a limit was reached) are values, not
exceptions; see `sniperforge.base.events`. What stands here stops a step.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CONFIG = 3
EXIT_UNAVAILABLE = 4
EXIT_LIMIT = 5
EXIT_INTERRUPTED = 130


class SniperForgeError(Exception):
    """Root of every error this project raises on purpose.

    The message is one line: what, where, and what to do about it.
    `exit_code` is what a command ends with when nobody handles the error.
    """

    exit_code = EXIT_FAILED


class UsageError(SniperForgeError):
    """The command line asks for something that cannot be."""

    exit_code = EXIT_USAGE


class ConfigError(SniperForgeError):
    """A setting is missing, unknown or out of its range."""

    exit_code = EXIT_CONFIG

    def __init__(self, where: str, problem: str, cure: str) -> None:
        self.where, self.problem, self.cure = where, problem, cure
        super().__init__(f"{where}: {problem}; {cure}")


class UnavailableError(SniperForgeError):
    """Something outside (endpoint, server, device) did not answer or refused."""

    exit_code = EXIT_UNAVAILABLE


class LimitError(SniperForgeError):
    """A limit or a halt stopped the step."""

    exit_code = EXIT_LIMIT


class DecodeError(SniperForgeError):
    """Bytes from outside are not what their sender claims they are.

    A decoder raises this, or nothing: no IndexError, no struct.error, no
    UnicodeDecodeError leaves it, whatever it is fed.
    """
