"""Several endpoints show one transaction; the first frame of it goes on.

frames of all sources -> the frames that say something new

Nothing is decoded: the signature is found by a scan for its key. A text from
the chain cannot forge that key: inside a JSON string its quotes are escaped, a
string that ends the array of logs is followed by a comma or bracket, and the
scan wants quote, name, quote, colon, quote.

What counts as new is richer than the signature: a transaction with its
instructions after its mere logs, and a success after a failure (a transaction
can fail on one fork and land on another). Failed transactions pass: `detect`
refuses them with everything at hand; here a wrong guess would lose a launch.
Of an account (`programNotification`) the first frame goes on, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from sniperforge.base.units import Pubkey

#: Base58 text of 64 bytes.
_SIGNATURE = re.compile(rb'"signature"\s{0,8}:\s{0,8}"([1-9A-HJ-NP-Za-km-z]{64,88})"')
#: Base58 text of 32 bytes.
_ACCOUNT = re.compile(rb'"pubkey"\s{0,8}:\s{0,8}"([1-9A-HJ-NP-Za-km-z]{32,44})"')
_METHOD_HEAD_BYTES = 96
#: In logs the signature comes after the slot; in a transaction it comes last.
_LOGS_HEAD_BYTES = 512
_TAIL_BYTES = 512
_SLOT = re.compile(rb'"slot"\s{0,8}:\s{0,8}(\d{1,20})[,}\s]')
_SUBSCRIPTION = re.compile(rb'"subscription"\s{0,8}:\s{0,8}(\d{1,20})[,}\s]')
_SUCCESS = re.compile(rb'"err"\s{0,8}:\s{0,8}null')

#: What a frame shows of a transaction, as bits of what was seen.
LOGS_FAILED, LOGS, FULL_FAILED, FULL = 1, 2, 4, 8
#: What a frame shows that is no transaction.
ACCOUNT = 16
#: A frame is old news when any of these was seen.
_COVERED_BY = {
    LOGS_FAILED: LOGS_FAILED | LOGS | FULL_FAILED | FULL,
    LOGS: LOGS | FULL,
    FULL_FAILED: FULL_FAILED | FULL,
    FULL: FULL,
    ACCOUNT: ACCOUNT,
}


class RaceStats(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one source in the race.

    Attributes:
        wins: frames that were first to say something.
        duplicates: frames somebody (or itself) had said before.
        unkeyed: frames without a signature or slot to know them by; all passed.
    """

    wins: int = 0
    duplicates: int = 0
    unkeyed: int = 0


class Seen:
    """What was seen, by key, in bounded memory: two generations, the older one dropped when the younger is full.

    So between half and all of *entries_max* newest keys are known at any time.
    """

    def __init__(self, entries_max: int) -> None:
        self._half = max(1, entries_max // 2)
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def get(self, key: bytes) -> int:
        """Return the bits seen of *key*; 0 = never (or forgotten)."""
        return self._young.get(key) or self._old.get(key, 0)

    def put(self, key: bytes, bits: int) -> None:
        """Remember *bits* of *key*, the old ones included."""
        if key not in self._young and len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = bits

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class Race:
    """Passes each transaction once per form, whoever shows it first.

    Args:
        entries_max: transactions and blocks remembered; and as many accounts.
        passed: takes a frame that goes on: data, recv_ns, source, late.
    """

    def __init__(self, entries_max: int, passed: Callable[[bytes, int, str, bool], None]) -> None:
        self._seen, self._accounts = Seen(entries_max), Seen(entries_max)
        self._passed = passed
        self._wins: dict[str, int] = {}
        self._duplicates: dict[str, int] = {}
        self._unkeyed: dict[str, int] = {}
        self._programs: dict[str, dict[int, Pubkey | None]] = {}

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        """Pass one frame on, or count it as known."""
        key, bit = self._key(data, source)
        if not bit:
            self._unkeyed[source] = self._unkeyed.get(source, 0) + 1
        else:
            # Apart, so that a flood of accounts makes no transaction forgotten.
            memory = self._accounts if bit == ACCOUNT else self._seen
            seen = memory.get(key)
            if seen & _COVERED_BY[bit]:
                if bit == ACCOUNT:
                    # A busy pool would be news again each time the memory is turned over.
                    memory.put(key, seen)
                self._duplicates[source] = self._duplicates.get(source, 0) + 1
                return
            memory.put(key, seen | bit)
            self._wins[source] = self._wins.get(source, 0) + 1
        self._passed(data, recv_ns, source, late)

    def was_seen(self, signature: str) -> bool:
        """Return whether a frame of this transaction passed in any form."""
        return self._seen.get(signature.encode()) > 0

    def subscribed(self, source: str, subscriptions: dict[int, Pubkey | None]) -> None:
        """Learn which program each subscription of *source* is about; blocks are told apart by it."""
        self._programs[source] = dict(subscriptions)

    def stats(self) -> dict[str, RaceStats]:
        """Return the figures of every source heard so far."""
        names = sorted({*self._wins, *self._duplicates, *self._unkeyed})
        return {
            name: RaceStats(
                wins=self._wins.get(name, 0),
                duplicates=self._duplicates.get(name, 0),
                unkeyed=self._unkeyed.get(name, 0),
            )
            for name in names
        }

    def _key(self, data: bytes, source: str) -> tuple[bytes, int]:
        if data.find(b'"logsNotification"', 0, _METHOD_HEAD_BYTES) >= 0:
            return logs_key(data)
        if data.find(b'"blockNotification"', 0, _METHOD_HEAD_BYTES) >= 0:
            return block_key(data, self._programs.get(source, {}))
        if data.find(b'"programNotification"', 0, _METHOD_HEAD_BYTES) >= 0:
            return account_key(data)
        return transaction_key(data)


def logs_key(data: bytes) -> tuple[bytes, int]:
    """Return signature and form of a `logsNotification`; form 0 when there is no signature to be found."""
    found = _SIGNATURE.search(data, 0, _LOGS_HEAD_BYTES) or _SIGNATURE.search(data)
    if found is None:
        return b"", 0
    # Servers write err right behind the signature; elsewhere it counts as a
    # failure, which hides nothing: a success is news after any failure.
    succeeded = _SUCCESS.search(data, found.end(), found.end() + 64)
    return found[1], LOGS if succeeded else LOGS_FAILED


def transaction_key(data: bytes) -> tuple[bytes, int]:
    """Return signature and form of a frame that carries a transaction; form 0 when there is no signature."""
    # A short tail first: a full scan of 100 kB of base64 costs more than all the rest.
    start = max(0, len(data) - _TAIL_BYTES)
    found = _SIGNATURE.search(data, start)
    if found is None:
        place = data.rfind(b'"signature"')
        found = _SIGNATURE.match(data, place) if place >= 0 else None
    if found is None:
        return b"", 0
    return found[1], FULL if _succeeded(data) else FULL_FAILED


def account_key(data: bytes) -> tuple[bytes, int]:
    """Return the key of a `programNotification`: its account, which is news once; form 0 when it names none.

    Here, so that the thousands of accounts that trades change each second end in the feed.
    """
    found = _ACCOUNT.search(data, 0, _LOGS_HEAD_BYTES) or _ACCOUNT.search(data)
    return (found[1], ACCOUNT) if found else (b"", 0)


def _succeeded(data: bytes) -> bool:
    """Return whether some `err` of a transaction is null; ten times faster than the pattern alone.

    A log line that reads exactly "err" is passed over, a few of them; what is
    then taken for a failure still passes once.
    """
    place = data.find(b'"err"')
    for _ in range(8):
        if place < 0:
            break
        if _SUCCESS.match(data, place):
            return True
        place = data.find(b'"err"', place + 5)
    return False


def block_key(data: bytes, programs: dict[int, Pubkey | None]) -> tuple[bytes, int]:
    """Return the key of a `blockNotification`: slot and program; form 0 when either is unknown or the block failed."""
    slot = _SLOT.search(data, 0, _LOGS_HEAD_BYTES)
    tail = _SUBSCRIPTION.search(data, max(0, len(data) - _TAIL_BYTES))
    program = programs.get(int(tail[1])) if tail else None
    if slot is None or program is None or not _SUCCESS.search(data, slot.end(), slot.end() + _LOGS_HEAD_BYTES):
        return b"", 0
    return b"slot " + slot[1] + b" " + program, FULL
