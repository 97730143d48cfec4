"""What holds for every test: no deadline for hypothesis, and no key in any output.

The keys of tests are made from the seed 0..31. Whatever a test prints, logs or
fails with is searched for every form that key could take; a hit fails the run.
"""

from __future__ import annotations

import base64

import pytest
from hypothesis import settings
from solders.keypair import Keypair

# A deadline is a timing assertion, and these machines are shared.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

SEED = bytes(range(32))
_WHOLE = bytes(Keypair.from_seed(SEED))
FORMS = (
    str(Keypair.from_seed(SEED)),
    _WHOLE.hex(),
    SEED.hex(),
    base64.b64encode(_WHOLE).decode(),
    base64.b64encode(SEED).decode(),
    ", ".join(map(str, _WHOLE)),
    ",".join(map(str, _WHOLE)),
    repr(SEED)[2:-1],
)
_leaks: dict[str, None] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search everything a test put out."""
    text = "\n".join([report.longreprtext, *(section for _, section in report.sections)])
    if any(form in text for form in FORMS):
        _leaks[report.nodeid] = None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a key was seen."""
    if _leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that put out a key; never the key."""
    for test in _leaks:
        terminalreporter.write_line(f"KEY MATERIAL in the output of {test}", red=True)
