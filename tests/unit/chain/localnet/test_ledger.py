"""The ledger is whole lines on disk as they happen, and comes back as it was written."""

from __future__ import annotations

from pathlib import Path

from sniperforge.chain.localnet.ledger import LAUNCH, SPOOF, Entry, Ledger, read_ledger


def test_a_reader_sees_each_line_at_once(tmp_path: Path) -> None:
    """A demo tails the file while the market runs."""
    path = tmp_path / "truth.ndjson"
    book = Ledger(path)
    entries = [Entry(type=LAUNCH, ts_ms=1, pool="p", liquidity=5), Entry(type=SPOOF, ts_ms=2, form="f", error="e")]
    for number, entry in enumerate(entries, 1):
        book.write(entry)
        assert read_ledger(path) == entries[:number]
    book.close()
    assert (book.count(LAUNCH), book.count(SPOOF), book.entries) == (1, 1, entries)


def test_a_line_says_only_what_applies(tmp_path: Path) -> None:
    """Defaults are left out."""
    path = tmp_path / "truth.ndjson"
    book = Ledger(path)
    book.write(Entry(type=SPOOF, ts_ms=2, form="f"))
    book.close()
    assert path.read_bytes() == b'{"type":"spoof","ts_ms":2,"form":"f"}\n'


def test_a_line_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    """What was whole counts."""
    path = tmp_path / "truth.ndjson"
    path.write_bytes(b'{"type":"rug","ts_ms":2}\n{"type":"spo')
    assert [each.type for each in read_ledger(path)] == ["rug"]


def test_a_ledger_needs_no_file() -> None:
    """Entries stay in memory."""
    book = Ledger()
    book.write(Entry(type=LAUNCH, ts_ms=1))
    book.close()
    assert book.count(LAUNCH) == 1
