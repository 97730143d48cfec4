"""The journal: what was decided, written before it is done.

order -> tail record           (one append, before the first byte leaves)
tail  -> row + transition      (one commit for many, a moment later)
files -> what may be in flight (after any crash)

SQLite in WAL mode and the tail beside it (`tail`) with one writer, held by a lock beside the file. An order's
states are proposed → admitted | refused → signed → sent → processed → confirmed
→ finalized | failed | expired | superseded; `transitions` only grows. What a
claim is, is the table `claims`: a view of the entries that still hold their pool,
kept unique by an index, so that not even a bug here can claim one twice.

Why WAL, and what `durability` means: docs/decisions/0003-journal-durability.md.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sniperforge.base import wire
from sniperforge.base.errors import ConfigError, DecodeError, SniperForgeError, UnavailableError
from sniperforge.base.events import Event, OrderProposed
from sniperforge.base.units import Pubkey
from sniperforge.coordinate.tail import Tail

SCHEMA = 1
CHECKPOINT_PAGES = 1_000
#: Orders that may wait in the tail; the maintenance brings them in long before.
PENDING_MAX = 4_096

IN_FLIGHT = ("signed", "sent", "processed")
#: From -> to. A state that is not a key is final.
NEXT: dict[str, frozenset[str]] = {
    "signed": frozenset(("sent", "processed", "confirmed", "finalized", "failed", "expired", "superseded")),
    "sent": frozenset(("processed", "confirmed", "finalized", "failed", "expired", "superseded")),
    # A fork may drop what was processed: it can still fail or expire.
    "processed": frozenset(("sent", "confirmed", "finalized", "failed", "expired", "superseded")),
    "confirmed": frozenset(("finalized",)),
}

_TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE orders(
    sequence INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL UNIQUE,
    state TEXT NOT NULL,
    bot TEXT NOT NULL,
    side TEXT NOT NULL,
    position_id INTEGER NOT NULL,
    pool BLOB NOT NULL,
    intent BLOB NOT NULL,
    signature TEXT NOT NULL,
    raw BLOB NOT NULL,
    last_valid_block_height INTEGER NOT NULL,
    cost_lamports INTEGER NOT NULL,
    signed_ns INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    outcome_type INTEGER NOT NULL DEFAULT 0,
    outcome BLOB NOT NULL DEFAULT x''
);
CREATE UNIQUE INDEX claims_are_unique ON orders(pool) WHERE claimed = 1;
CREATE VIEW claims AS SELECT pool, order_id, bot FROM orders WHERE claimed = 1;
CREATE TABLE transitions(
    sequence INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL,
    states TEXT NOT NULL,
    ts_ns INTEGER NOT NULL
);
-- Transitions are written by the same statement that makes them: one call, one commit.
CREATE TRIGGER order_inserted AFTER INSERT ON orders BEGIN
    INSERT INTO transitions(order_id, states, ts_ns) VALUES (
        new.order_id,
        CASE new.state WHEN 'refused' THEN 'proposed,refused' ELSE 'proposed,admitted,' || new.state END,
        new.changed_ns
    );
END;
CREATE TRIGGER order_moved AFTER UPDATE OF state ON orders BEGIN
    INSERT INTO transitions(order_id, states, ts_ns) VALUES (new.order_id, new.state, new.changed_ns);
END;
CREATE VIEW fills AS SELECT order_id, bot, side, position_id, signature, outcome FROM orders
    WHERE state IN ('confirmed', 'finalized');
"""
_INSERT_ORDER = (
    "INSERT INTO orders(order_id, state, bot, side, position_id, pool, intent, signature, raw,"
    " last_valid_block_height, cost_lamports, signed_ns, changed_ns, claimed, outcome_type, outcome)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    # Only a row that came in before the last crash is passed over; a claim
    # that is taken is an error.
    " ON CONFLICT(order_id) DO NOTHING"
)
_MOVE = "UPDATE orders SET state = ?, changed_ns = ? WHERE order_id = ?"
_END = "UPDATE orders SET state = ?, changed_ns = ?, claimed = ?, outcome_type = ?, outcome = ? WHERE order_id = ?"
_Row = tuple[int, str, str, str, int, bytes, bytes, str, bytes, int, int, int, int, bool, int, bytes]
_encode = wire.encode
_encode_row = msgspec.msgpack.Encoder().encode
_COLUMNS = (
    "order_id, intent, state, signature, raw, last_valid_block_height, cost_lamports, signed_ns, claimed,"
    " outcome_type, outcome"
)


class JournalUnusable(ConfigError):
    """The journal file cannot be used: locked, of the future, or not a journal."""


class JournalFailed(UnavailableError):
    """The disk did not take a write: nothing may be sent."""


class IllegalTransition(SniperForgeError):
    """An order was to jump to a state that does not follow its own."""


@dataclass(slots=True)
class Order:
    """One order as the journal has it.

    Attributes:
        intent: the proposal, whole.
        raw: the signed transaction; empty when refused.
        cost_lamports: the most that sending it may cost beside the trade.
        outcome: the event that told its end; None while it is open.
    """

    id: int
    intent: OrderProposed
    state: str
    signature: str = ""
    raw: bytes = b""
    last_valid_block_height: int = 0
    cost_lamports: int = 0
    signed_ns: int = 0
    claimed: bool = False
    outcome: Event | None = None

    @property
    def in_flight(self) -> bool:
        """Whether the chain may still surprise us with it."""
        return self.state in IN_FLIGHT


class Journal:
    """One writer of one journal file.

    Raises (on opening):
        JournalUnusable: another coordinator holds it, a newer version wrote it,
            or it is no journal.
    """

    def __init__(self, path: str | Path, *, durability: str = "process") -> None:
        self.path = str(path)
        self._lock = _lock(self.path)
        self._tail = Tail(self.path + ".tail", sync=durability == "power")
        self._pending: list[_Row] = []
        try:
            self._connection = self._open(durability)
            self._execute = self._connection.execute
            self._replay()
        except BaseException:
            self._tail.close()
            os.close(self._lock)
            raise

    def _open(self, durability: str) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, cached_statements=64, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
            # A checkpoint inside a commit would cost milliseconds on the hot path: see `checkpoint`.
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                connection.executescript(f"BEGIN; {_TABLES} INSERT INTO meta VALUES('schema', {SCHEMA}); COMMIT;")
            version = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0]
        except (sqlite3.Error, TypeError) as problem:
            raise JournalUnusable(
                self.path, f"not a usable journal: {problem}", "restore it, or name another file"
            ) from None
        if version != SCHEMA:
            connection.close()
            raise JournalUnusable(
                self.path, f"schema {version}, this version reads {SCHEMA}", "upgrade sniperforge or name another file"
            )
        return connection

    def _replay(self) -> None:
        """Bring the tail of the last life into the tables, and learn what is taken."""
        try:
            self._pending = [msgspec.msgpack.decode(record, type=_Row) for record in self._tail.read()]
            self.flush()
            self._ids = {number for (number,) in self._execute("SELECT order_id FROM orders")}
            self._claimed = {pool for (pool,) in self._execute("SELECT pool FROM claims")}
        except (sqlite3.Error, msgspec.DecodeError, msgspec.ValidationError, JournalFailed) as problem:
            raise JournalUnusable(
                self.path, f"its tail does not fit it: {problem}", "restore journal and tail together"
            ) from None

    # ── writing ──

    def refused(self, intent: OrderProposed, outcome: Event, now_ns: int) -> Order:
        """Write that admission said no."""
        order = Order(intent.id, intent, "refused", signed_ns=now_ns, outcome=outcome)
        self._insert(order, now_ns)
        return order

    def signed(self, order: Order, now_ns: int) -> None:
        """Write the signed order; only after this returns may a byte leave.

        Admission and signature are one commit: nothing happens between them
        that a crash could leave half done.

        Raises:
            JournalFailed: the disk said no, or the order (or a claim on its pool) is there already.
        """
        self._insert(order, now_ns)

    def _insert(self, order: Order, now_ns: int) -> None:
        pool = order.intent.pool.address
        if order.id in self._ids or (order.claimed and pool in self._claimed):
            raise JournalFailed(
                f"{self.path}: order {order.id} or a claim on its pool is there already; nothing is sent: report this"
            )
        row = _row(order, now_ns)
        try:
            self._tail.append(_encode_row(row))
        except OSError as problem:
            raise self._failed(problem) from None
        self._pending.append(row)
        if len(self._pending) >= PENDING_MAX:
            self.flush()
        self._ids.add(order.id)
        if order.claimed:
            self._claimed.add(pool)

    def rehearse(self, order: Order) -> None:
        """Make the record of *order* and let it go: nothing is written."""
        _encode_row(_row(order, order.signed_ns))

    def flush(self) -> None:
        """Bring what is in the tail into the tables: one commit for all, then the tail is empty."""
        if not self._pending:
            return
        try:
            self._execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT_ORDER, self._pending)
            self._execute("COMMIT")
            self._tail.clear()
        except (sqlite3.Error, OSError) as problem:
            with contextlib.suppress(sqlite3.Error):
                self._execute("ROLLBACK")
            raise self._failed(problem) from None
        self._pending.clear()

    def moved(self, order: Order, state: str, now_ns: int, *, outcome: Event | None = None) -> None:
        """Write that *order* is in *state* now, then let the object say so.

        The end of an entry that never landed frees its claim in the same commit
        (the claim of one that landed ends with its position: `released`).

        Raises:
            IllegalTransition: *state* does not follow the order's own.
            JournalFailed: the disk said no; the object is unchanged.
        """
        if state not in NEXT.get(order.state, frozenset()):
            raise IllegalTransition(f"order {order.id}: {order.state} -> {state} is no step of an order; report this")
        claimed = order.claimed and state not in ("failed", "expired", "superseded")
        if outcome is None:
            self._write(_MOVE, (state, now_ns, order.id))
        else:
            self._write(_END, (state, now_ns, claimed, wire.TAGS[type(outcome)], wire.encode(outcome), order.id))
            if order.claimed and not claimed:
                self._claimed.discard(order.intent.pool.address)
            order.outcome, order.claimed = outcome, claimed
        order.state = state

    def released(self, order: Order) -> None:
        """Free the claim of an entry whose position is closed."""
        self._write("UPDATE orders SET claimed = 0 WHERE order_id = ?", (order.id,))
        self._claimed.discard(order.intent.pool.address)
        order.claimed = False

    def _write(self, statement: str, row: tuple[object, ...]) -> None:
        """Run one statement as one commit, after everything that was decided before it."""
        self.flush()
        try:
            self._execute(statement, row)
        except sqlite3.Error as problem:
            raise self._failed(problem) from None

    def _failed(self, problem: Exception) -> JournalFailed:
        return JournalFailed(f"{self.path}: {problem}; nothing is sent until it can be written: check the disk")

    def checkpoint(self) -> None:
        """Bring the tail in, and move the log into the file when it has grown; outside the hot path."""
        self.flush()
        wal = Path(self.path + "-wal")
        if wal.exists() and wal.stat().st_size > CHECKPOINT_PAGES * 4096:
            self._execute("PRAGMA wal_checkpoint(PASSIVE)")

    # ── reading ──

    def orders(self) -> Iterator[Order]:
        """Yield every order, in the order they were written.

        Raises:
            JournalUnusable: a row does not decode.
        """
        self.flush()
        for row in self._execute(f"SELECT {_COLUMNS} FROM orders ORDER BY sequence"):
            yield self._order(row)

    def order(self, order_id: int) -> Order | None:
        """Return one order, or None when it was never written."""
        self.flush()
        row = self._execute(f"SELECT {_COLUMNS} FROM orders WHERE order_id = ?", (order_id,)).fetchone()
        return self._order(row) if row else None

    def _order(self, row: tuple[int, bytes, str, str, bytes, int, int, int, int, int, bytes]) -> Order:
        number, intent, state, signature, raw, height, cost, signed_ns, claimed, kind, outcome = row
        try:
            proposed = wire.decode(wire.TAGS[OrderProposed], intent)
            told = wire.decode(kind, outcome) if kind else None
        except DecodeError as problem:
            raise JournalUnusable(self.path, f"order {number}: {problem}", "restore the journal") from None
        assert isinstance(proposed, OrderProposed)
        return Order(number, proposed, state, signature, raw, height, cost, signed_ns, bool(claimed), told)

    def claims(self) -> dict[Pubkey, int]:
        """Return pool -> order id of every claim."""
        self.flush()
        return {Pubkey(pool): number for pool, number in self._execute("SELECT pool, order_id FROM claims")}

    def transitions(self, order_id: int) -> list[tuple[str, int]]:
        """Return (state, ts_ns) of everything that happened to an order, in order."""
        self.flush()
        rows = self._execute("SELECT states, ts_ns FROM transitions WHERE order_id = ? ORDER BY sequence", (order_id,))
        return [(state, ts_ns) for states, ts_ns in rows for state in states.split(",")]

    def close(self) -> None:
        """Bring the tail in, close the files and let go of the lock."""
        try:
            self.flush()
        finally:
            self._connection.close()
            self._tail.close()
            os.close(self._lock)


def _row(order: Order, now_ns: int) -> _Row:
    intent, outcome = order.intent, order.outcome
    return (
        order.id,
        order.state,
        intent.bot,
        intent.side,
        intent.position_id,
        intent.pool.address,
        _encode(intent),
        order.signature,
        order.raw,
        order.last_valid_block_height,
        order.cost_lamports,
        order.signed_ns,
        now_ns,
        order.claimed,
        wire.TAGS[type(outcome)] if outcome else 0,
        _encode(outcome) if outcome else b"",
    )


def _lock(path: str) -> int:
    """Take the lock beside the journal. It dies with the process, whatever kills it."""
    try:
        descriptor = os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise JournalUnusable(path, f"cannot open: {problem.strerror}", "make its folder, or name another") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalUnusable(
            path, "another coordinator holds it", "stop that one, or give this one its own journal and wallet"
        ) from None
    return descriptor
