"""The ground truth of a market: one JSON object a line, flushed as it happens.

launch · spoof · failed_create · rug · lost · summary

A demo or test compares what was detected with the launches, and with the lies.
Each line is an Entry; fields that do not apply are left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

import msgspec

LAUNCH, SPOOF, FAILED_CREATE, RUG, LOST, SUMMARY = (
    "launch",
    "spoof",
    "failed_create",
    "rug",
    "lost",
    "summary",
)


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line.

    Attributes:
        type: launch (a real pool), spoof (a lie that landed), failed_create (a real
            creation that failed on chain), rug (liquidity withdrawn), lost (meant
            to be a launch, never landed), summary (the last line).
        form: of a spoof or failure, see `market_plan`.
        kind: of a launch: pump, walk, dump or rug.
        venue: what was created, or claimed.
        pool, mint, quote_mint, creator, token_program: base58.
        liquidity, supply: lamports in the pool at its opening, base units minted.
        error: why a failed creation failed, as the chain says it (JSON).
        trades_landed … sent: of a summary.
    """

    type: str
    ts_ms: int
    signature: str = ""
    slot: int = 0
    venue: str = ""
    form: str = ""
    kind: str = ""
    pool: str = ""
    mint: str = ""
    quote_mint: str = ""
    creator: str = ""
    token_program: str = ""
    mint_authority: bool = False
    freeze_authority: bool = False
    pool_is_keypair: bool = False
    liquidity: int = 0
    supply: int = 0
    error: str = ""
    launches: int = 0
    spoofs: int = 0
    failed_creates: int = 0
    rugs: int = 0
    lost: int = 0
    trades_sent: int = 0
    sent: int = 0


class Ledger:
    """Entries in memory, and in a file when there is one."""

    def __init__(self, path: Path | None = None) -> None:
        self.entries: list[Entry] = []
        self._file: IO[bytes] | None = path.open("wb") if path is not None else None
        self._encoder = msgspec.json.Encoder()

    def write(self, entry: Entry) -> None:
        """Keep *entry*; a reader of the file sees it at once."""
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(self._encoder.encode(entry) + b"\n")
            self._file.flush()

    def count(self, kind: str) -> int:
        """Return how many entries of that type there are."""
        return sum(each.type == kind for each in self.entries)

    def close(self) -> None:
        """Close the file; the entries stay readable."""
        if self._file is not None:
            self._file.close()


def read_ledger(path: Path) -> list[Entry]:
    """Return the entries of a ledger file; a last line cut by a crash is left out."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=Entry) for line in lines]
