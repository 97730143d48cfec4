"""The byte test in Python, slow and plain: what the native one must answer, frame by frame."""

from __future__ import annotations

from sniperforge.detect.scan import FORGED_LINE, NOTHING, UNCLEAR, WANTED, Scanner

_DATA = b"Program data: "
_LOGS_PREFIX = b'{"jsonrpc":"2.0","method":"logsNotification"'
_CUT, _CUT_BYTES_MIN = b"Log truncated", 7_000


def slow_look(scanner: Scanner, data: bytes) -> int:
    """Return what *data* may hold."""
    tests = scanner.tests
    if any(_is_wanted(scanner, piece) for piece in data.split(_DATA)[1:]):
        return WANTED
    if any(word in data for word in tests.words):
        return WANTED
    if not data.startswith(_LOGS_PREFIX):
        if b" invoke [1]" not in data:
            return UNCLEAR
        if any(program in data for program in scanner.blind):
            return WANTED
    if len(data) > _CUT_BYTES_MIN and _CUT in data:
        return UNCLEAR
    if any(word in data for word in (*tests.escaped, FORGED_LINE)):
        return WANTED
    if b"\\/" in data or b"\\u" in data:
        return UNCLEAR
    return NOTHING if data.endswith(b"}") else UNCLEAR


def _is_wanted(scanner: Scanner, piece: bytes) -> bool:
    tests = scanner.tests
    if piece[:10] not in tests.tags:
        return False
    spans = tests.tags[piece[:10]]
    if spans is None or any(piece[start:end] in scanner.tracked for start, end in spans):
        return True
    return piece.endswith(tuple(tests.tails), 0, piece.find(b'"') + 1)
