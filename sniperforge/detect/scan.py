"""Is this frame worth parsing? A few byte searches answer for nearly all of them.

frame bytes -> NOTHING | WANTED | UNCLEAR

Most frames are trades of pools nobody here holds. An event stands in every form
of a frame as the log line `"Program data: <base64>"`, so its discriminator is the
same ten letters everywhere, and the 32-byte key at a fixed offset behind it is the
same letters for a given key and offset modulo 3: 42 letters that are looked up in
a dictionary of tracked keys. Measured on 2.8 kB trade frames: a search for a word
costs 0.7 µs from the left and 0.4 µs from the right (CPython then tests the word's
first letter, which is rarer than its last), an alternation of four in `re` 17 µs.

A frame that hides its logs from such a search (no log lines, cut log lines, JSON
escapes inside base64, not an object) is UNCLEAR and parsed.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable

from sniperforge.base import keys
from sniperforge.base.units import Pubkey
from sniperforge.dex.venue import Venue

NOTHING, WANTED, UNCLEAR = 0, 1, 2

_DATA = b"Program data: "
_LOGS_PREFIX = b'{"jsonrpc":"2.0","method":"logsNotification"'
#: Letters of base64 that eight bytes of discriminator fill wholly.
TAG_LETTERS = 10
#: A marker of exactly these letters is a discriminator; any other one is a word.
_TAG = re.compile(rb"[A-Za-z0-9+/]{10}\Z")
_CUT = b"Log truncated"
_BACKSLASH = ord("\\")  # looked for as a number: four times faster than as bytes
#: A frame below this size cannot have lost a creation's event to the runtime's
#: limit of 10,000 bytes: the longest one (name, symbol and uri fill a transaction
#: of 1232 bytes) is 2,000 letters, and what came before it is in the frame.
_CUT_BYTES_MIN = 7_000
_WORD_LETTERS_MIN = 6


def tag_of(payload: bytes) -> bytes:
    """Return the ten letters a payload's discriminator starts with in base64."""
    return binascii.b2a_base64(payload[:8], newline=False)[:TAG_LETTERS]


def key_letters(key: Pubkey, offset: int) -> bytes:
    """Return the letters that stand for *key* alone where it is at *offset* of a payload."""
    lead = offset % 3
    text = binascii.b2a_base64(bytes(lead) + key, newline=False)
    return text[-(-8 * lead // 6) : (8 * lead + 256) // 6]


def letters_span(offset: int) -> tuple[int, int]:
    """Return from which to which letter of a payload's base64 stand `key_letters` of that offset."""
    return -(-8 * offset // 6), (8 * offset + 256) // 6


class Scanner:
    """The byte test for frames of some venues.

    Attributes:
        creation_tags: ten letters of a creation's (completion's, migration's)
            discriminator -> name of the venue whose it is.
        leads: offsets modulo 3 at which tracked keys must be known by their letters.
        tracked: letters of tracked keys; whoever tracks pools keeps it.
        blind: program ids as text: in frames with instructions they count as a
            trade. For venues whose trade events name no pool, see `seek`.
        look: frame bytes -> what they may hold; 0 only when parsing them would tell
            nothing wanted.
    """

    def __init__(self, venues: Iterable[Venue], *, trades: str) -> None:
        self.creation_tags: dict[bytes, str] = {}
        self.tracked: dict[bytes, int] = {}
        self.blind: list[bytes] = []
        self._trades = trades
        words: list[bytes] = []
        spans: dict[bytes, set[tuple[int, int]]] = {}
        leads: set[int] = set()
        for venue in venues:
            for marker in venue.markers:
                if _TAG.match(marker):
                    self.creation_tags[marker[:TAG_LETTERS]] = venue.name
                elif marker != _CUT:
                    words.append(marker)
            if trades == "all" and not venue.trade_markers:
                self.blind.append(program_text(venue))
            for marker, offset in venue.trade_markers:
                spans.setdefault(marker[:TAG_LETTERS], set()).add(letters_span(offset))
                leads.add(offset % 3)
        self.leads = tuple(sorted(leads))
        tags = {tag: tuple(found) for tag, found in spans.items()} if trades == "tracked" else {}
        always = [*self.creation_tags, *(spans if trades == "all" else ())]
        self.look: Callable[[bytes], int] = _make_look(tags, always, words, self.tracked, self.blind)

    def seek(self, programs: list[bytes]) -> None:
        """Set which venues without a pool in their trades are looked for, where trades of tracked pools are."""
        if self._trades == "tracked":
            self.blind[:] = programs


def program_text(venue: Venue) -> bytes:
    """Return a venue's program id as it stands in a log line."""
    return keys.text(venue.program).encode()


def _make_look(
    spans: dict[bytes, tuple[tuple[int, int], ...]],
    always: list[bytes],
    words: list[bytes],
    tracked: dict[bytes, int],
    blind: list[bytes],
) -> Callable[[bytes], int]:
    """Return the test as a closure: attribute look-ups were a quarter of its time."""
    in_tag = {**spans, **dict.fromkeys(always, ())}.get
    shared = _shared(words)

    def look(data: bytes) -> int:
        for piece in data.rsplit(_DATA):  # faster than a loop; the first piece starts no payload
            found = in_tag(piece[:10])
            if found is not None:
                if not found:
                    return WANTED
                for start, end in found:
                    if piece[start:end] in tracked:
                        return WANTED
        if words and data.rfind(shared) >= 0:
            for word in words:
                if word in data:
                    return WANTED
        if not data.startswith(_LOGS_PREFIX):
            if b" invoke [1]" not in data:
                return UNCLEAR
            for program in blind:
                if program in data:
                    return WANTED
        if len(data) > _CUT_BYTES_MIN and _CUT in data:
            return UNCLEAR
        if _BACKSLASH in data and (b"\\/" in data or b"\\u" in data):
            return UNCLEAR
        return NOTHING if data.endswith(b"}") else UNCLEAR

    return look


def _shared(words: list[bytes]) -> bytes:
    """Return the longest piece all *words* share: one search instead of one for each; b"" for a short one."""
    if not words:
        return b""
    first = min(words, key=len)
    for size in range(len(first), _WORD_LETTERS_MIN - 1, -1):
        for start in range(len(first) - size + 1):
            piece = first[start : start + size]
            if all(piece in word for word in words):
                return piece
    return b""
