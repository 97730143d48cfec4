"""Is this frame worth parsing? A few byte searches answer for nearly all of them.

frame bytes -> NOTHING | WANTED | UNCLEAR

Most frames are trades of pools nobody here holds. An event stands in every form
of a frame as the log line `"Program data: <base64>"`, so its discriminator is the
same ten letters everywhere, and the 32-byte key at a fixed offset behind it is the
same letters for a given key and offset modulo 3: 42 letters that are looked up in
a dictionary of tracked keys. What is looked for is gathered here; the looking is
`ByteTest` of `byte_test.h` (0.6 µs for a trade frame of 2.8 kB, CPython's own searches
took 2.5).

A frame that hides its logs from such a search (no log lines, cut log lines, JSON
escapes inside base64, not an object) is UNCLEAR and parsed.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable

from sniperforge.base import keys
from sniperforge.base.units import Pubkey
from sniperforge.detect._native import ByteTest
from sniperforge.dex.venue import Venue

NOTHING, WANTED, UNCLEAR = 0, 1, 2

#: Letters of base64 that eight bytes of discriminator fill wholly.
TAG_LETTERS = 10
#: Bytes of a discriminator that those letters tell wholly.
HEAD_BYTES = 7
#: A marker of exactly these letters is a discriminator; any other one is a word.
_TAG = re.compile(rb"[A-Za-z0-9+/]{10}\Z")
_CUT = b"Log truncated"
#: A newline inside a text, and what the runtime's lines start with: nobody but a forger prints it.
FORGED_LINE = b"\\nProgram "
#: A marker of base64 that ends in the quote behind a payload is looked for only there.
_TAIL = re.compile(rb'[A-Za-z0-9+/]{4,}={0,2}\\?"\Z')
_WORD_LETTERS_MIN = 6
#: Stands in nearly every frame: no piece of it tells anything.
_FREQUENT = b"Program log: Instruction: "


#: What stands before a key, by its offset modulo 3, and from which to which letter it is told alone.
_LETTERS = ((b"", 0, 42), (b"\0", 2, 44), (b"\0\0", 3, 45))


def tag_of(payload: bytes) -> bytes:
    """Return the ten letters a payload's discriminator starts with in base64."""
    return binascii.b2a_base64(payload[:8], newline=False)[:TAG_LETTERS]


def key_letters(key: Pubkey, offset: int) -> bytes:
    """Return the letters that stand for *key* alone where it is at *offset* of a payload."""
    lead, start, end = _LETTERS[offset % 3]
    return binascii.b2a_base64(lead + key, newline=False)[start:end]


def letters_span(offset: int) -> tuple[int, int]:
    """Return from which to which letter of a payload's base64 stand `key_letters` of that offset."""
    return -(-8 * offset // 6), (8 * offset + 256) // 6


class Scanner:
    """The byte test for frames of some venues.

    Attributes:
        creation_tags: ten letters of a creation's (completion's, migration's)
            discriminator -> name of the venue whose it is.
        creation_heads: the bytes such payloads start with, as far as a tag tells them -> whose
            they are; "" where several venues' start alike.
        leads: venue -> offsets modulo 3 at which its tracked keys must be known by their letters.
        tracked: letters of tracked keys -> how many pools want them; whoever tracks pools keeps it.
        blind: program ids as text: in frames with instructions they count as a
            trade. For venues whose trade events name no pool, see `seek`.
        tests: what is looked for.
        look: frame bytes -> what they may hold; 0 only when parsing them would tell
            nothing wanted.
    """

    def __init__(self, venues: Iterable[Venue], *, trades: str) -> None:
        self.creation_tags: dict[bytes, str] = {}
        self.creation_heads: dict[bytes, str] = {}
        self.leads: dict[str, tuple[int, ...]] = {}
        self.tracked: dict[bytes, int] = {}
        self.blind: list[bytes] = []
        self._trades = trades
        self.tests = tests = Tests()
        for venue in venues:
            for marker in venue.markers:
                if _TAG.match(marker):
                    self.creation_tags[marker[:TAG_LETTERS]] = venue.name
                    head = binascii.a2b_base64(marker[:TAG_LETTERS] + b"==")[:HEAD_BYTES]
                    owner = self.creation_heads.setdefault(head, venue.name)
                    self.creation_heads[head] = owner if owner == venue.name else ""
                    tests.tags[marker] = None
                elif marker != _CUT:
                    tests.sort(marker)
            if trades == "all" and not venue.trade_markers:
                self.blind.append(program_text(venue))
            for marker, offset in venue.trade_markers:
                tests.trade(marker[:TAG_LETTERS], letters_span(offset), trades)
            self.leads[venue.name] = tuple(sorted({offset % 3 for _, offset in venue.trade_markers}))
        self.look = tests.compiled(self.tracked, self.blind).look

    def seek(self, programs: list[bytes]) -> None:
        """Set which venues without a pool in their trades are looked for, where trades of tracked pools are."""
        if self._trades == "tracked":
            self.blind[:] = programs


def program_text(venue: Venue) -> bytes:
    """Return a venue's program id as it stands in a log line."""
    return keys.text(venue.program).encode()


Spans = tuple[tuple[int, int], ...]


class Tests:
    """What the byte test looks for, by where it is looked for.

    Attributes:
        tags: first letters of a payload -> where the traded key stands; None: wanted anyway.
        tails: last letters of a payload, with the quote behind it.
        words: searched in the whole frame; escaped: those that hold a backslash.
    """

    def __init__(self) -> None:
        self.tags: dict[bytes, Spans | None] = {}
        self.tails: list[bytes] = []
        self.words: list[bytes] = []
        self.escaped: list[bytes] = []

    def sort(self, marker: bytes) -> None:
        """Put a marker that is no tag where it costs least to look for."""
        if _TAIL.match(marker):
            self.tails.append(marker)
        elif b"\\" in marker:
            self.escaped.append(marker)
        elif marker not in self.words:
            self.words.append(marker)

    def trade(self, tag: bytes, span: tuple[int, int], trades: str) -> None:
        """Add a trade's tag: wanted for a tracked key, always, or only for a tail it may have."""
        if trades == "all":
            self.tags[tag] = None
        known = self.tags.setdefault(tag, ())
        if known is not None and trades == "tracked" and span not in known:
            self.tags[tag] = (*known, span)

    def compiled(self, tracked: dict[bytes, int], blind: list[bytes]) -> ByteTest:
        """Return the test; it goes on looking into *tracked* and *blind* as they change."""
        groups = tuple((shared, tuple(words)) for shared, words in grouped(self.words))
        return ByteTest(tuple(self.tags.items()), tuple(self.tails), groups, tuple(self.escaped), tracked, blind)


def grouped(words: list[bytes]) -> list[tuple[bytes, list[bytes]]]:
    """Return words by a rare piece they share: one search for each group instead of one for each word."""
    groups: list[tuple[bytes, list[bytes]]] = []
    for word in sorted(words, key=len):
        for place, (_, members) in enumerate(groups):
            piece = _shared([*members, word])
            if piece:
                groups[place] = (piece, [*members, word])
                break
        else:
            groups.append((word, [word]))
    return groups


def _shared(words: list[bytes]) -> bytes:
    """Return the longest piece all *words* share that is not in every frame anyway; b"" for a short one."""
    first = words[0]
    for size in range(len(first), _WORD_LETTERS_MIN - 1, -1):
        for start in range(len(first) - size + 1):
            piece = first[start : start + size]
            if piece not in _FREQUENT and all(piece in word for word in words):
                return piece
    return b""
