"""Tables of instructions and events as text -> names by discriminator.

    buy 66063d1201daebea
    ( amount:u64 max_sol_cost:u64 / track_volume:u8
    = global fee_recipient mint … *extra
    = an older list of accounts

An entry starts at the margin; `(` its arguments or fields, `/` before those that may
be missing as a whole, `=` a list of accounts, `*name` what further ones are called.
Lines that start otherwise continue the one above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex.borsh import TAIL_MAX, Codec, Layout, Record, Structs
from sniperforge.dex.layouts import fields


class Form(NamedTuple):
    """One list of accounts: names in order, and what further ones are called ("" when nobody said)."""

    names: tuple[str, ...]
    rest: str = ""


class Entry(NamedTuple):
    """One instruction or event: its layouts from the newest to the oldest, and its lists of accounts."""

    name: str
    layouts: tuple[Codec, ...]
    forms: tuple[Form, ...] = ()

    def decode(self, data: bytes, offset: int) -> Record:
        """Return the fields that are there, and no others; raises DecodeError.

        An older form has fewer; bytes after the last known field are counted in `tail`.
        """
        newest, *older = self.layouts
        for codec in older:
            try:
                return codec.decode(data, offset)
            except DecodeError:
                continue
        return newest.decode(data, offset, tail_max=TAIL_MAX)


class Table(NamedTuple):
    """What one program's instructions and events are called."""

    name: str
    program: Pubkey
    instructions: Mapping[bytes, Entry]
    events: Mapping[bytes, Entry]


def table(name: str, program: str, *, instructions: str, events: str = "", own: Structs | None = None) -> Table:
    """Return the table of *program* (base58).

    Raises:
        DecodeError: a layout names a type that *own* does not describe.
    """
    return Table(
        name,
        key(program),
        {tag: Entry(title, _codecs(layout, own), forms) for title, tag, layout, forms in _blocks(instructions)},
        {tag: Entry(title, _codecs(layout, own)) for title, tag, layout, _ in _blocks(events)},
    )


def _blocks(text: str) -> Iterator[tuple[str, bytes, str, tuple[Form, ...]]]:
    """Yield (name, discriminator, layout, account lists) of each entry."""
    entries: list[list[str]] = []
    for line in text.splitlines():
        if line[:1] not in ("", " ", "(", "="):
            entries.append([line, ""])
        elif line[:1] == "(":
            entries[-1][1] = line[1:]
        elif line[:1] == "=":
            entries[-1].append(line[1:])
        elif line:
            entries[-1][-1] += line
    for head, layout, *lists in entries:
        name, tag = head.split()
        yield name, bytes.fromhex(tag), layout, tuple(_form(one) for one in lists)


def _form(text: str) -> Form:
    names, _, rest = text.partition("*")
    return Form(tuple(names.split()), rest.strip())


def _codecs(text: str, own: Structs | None) -> tuple[Codec, ...]:
    """Return the whole layout first, then, from the shortest, every older one it grew from."""
    certain, _, later = text.partition("/")
    layout: Layout = fields(certain)
    older = []
    for field in fields(later):
        older.append(layout)
        layout = (*layout, field)
    return tuple(Codec(one, own=own) for one in (layout, *older))
