"""Borsh by tables: bytes of events, instruction data and accounts -> named values.

(name, type), …          + bytes -> Record      (events and instruction data: `Codec`)
(offset, name, type), …  + bytes -> Record      (accounts: `decode_at`)

Types: u8 u16 u32 u64 u128 i64 i128 i32 bool pubkey string, `vec<X>`, `option<X>`,
`[X;n]` (accounts only, plain X), and the names of structs and enums handed in as a
dictionary. A struct's fields stand flat under dotted names ("vesting.cliff"); an
enum gives its variant's number under its own name and the payload under dotted
ones; an option gives 0 or 1 under "name?" and its value, when there, under "name".

Programs append fields to their events and never move them. So a shorter layout,
ending exactly between two fields that are known as appended, decodes, and what is
missing reads as zero; a longer one decodes only where the caller allows it, up to
`tail_max` bytes, and `Record.tail` says how many nobody understood.

Source: borsh.io; little endian, u32 lengths, enums by one byte.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import _borsh

Layout = tuple[tuple[str, str], ...]
AccountLayout = tuple[tuple[int, str, str], ...]
#: An enum is the layouts of its variants, in order; () for one without payload.
Variants = tuple[Layout, ...]

#: The longest tail of an event that is still taken for a newer layout of it: the
#: upgrades seen so far appended 1 to 107 bytes at once.
TAIL_MAX = 128
VEC_MAX = 1024
#: Fields of a layout the native reader takes, see `_borsh.c`.
FIELDS_MAX = 64

_PLAIN = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "u128": "16s", "i32": "i", "i64": "q", "i128": "16s"}
_PLAIN |= {"bool": "B", "pubkey": "32s"}
#: What the native reader knows; a layout of these alone is read by it.
_NATIVE = frozenset(_PLAIN) - {"u128", "i128"} | {"string", "vec"}
_LENGTH = struct.Struct("<I")


class Record(NamedTuple):
    """Decoded values, by kind, so that reading one needs no cast.

    Attributes:
        ints: integers, bools as 0/1, enum numbers, option flags.
        keys: 32-byte keys.
        texts: strings; bytes that are not UTF-8 are replaced: a name is untrusted
            text, and a launch with a broken one still is a launch.
        rows: vectors, each item a Record (a plain item's name is "").
        end: where the last byte was read, counted from the start of the data.
        tail: bytes after it that no known field explains.
    """

    ints: dict[str, int]
    keys: dict[str, Pubkey]
    texts: dict[str, str]
    rows: dict[str, tuple[Record, ...]]
    end: int = 0
    tail: int = 0


class Structs(NamedTuple):
    """Own types of a layout, by name."""

    structs: Mapping[str, Layout] = {}
    enums: Mapping[str, Variants] = {}


class _Leaf(NamedTuple):
    """One field after structs were laid flat; `may_end`: the data may stop before it."""

    name: str
    kind: str
    may_end: bool


class _Run:
    """Neighbouring fields of fixed size: one `unpack_from` for all."""

    def __init__(self, leaves: list[_Leaf]) -> None:
        self.name = leaves[0].name
        self.may_end = leaves[0].may_end
        self.fixed = _Fixed(leaves)
        self.shorter: dict[int, _Fixed] = {}
        for count in range(1, len(leaves)):
            if leaves[count].may_end:
                part = _Fixed(leaves[:count])
                self.shorter[part.size] = part


class _Fixed:
    def __init__(self, leaves: list[_Leaf]) -> None:
        packed = struct.Struct("<" + "".join(_PLAIN[leaf.kind] for leaf in leaves))
        self.size, self.unpack_from = packed.size, packed.unpack_from
        self.bools = [(leaf.name, at) for at, leaf in enumerate(leaves) if leaf.kind == "bool"]
        self.wide = [(leaf.name, at, leaf.kind == "i128") for at, leaf in enumerate(leaves) if leaf.kind[1:] == "128"]
        self.keys = [(leaf.name, at) for at, leaf in enumerate(leaves) if leaf.kind == "pubkey"]
        self.ints = [(leaf.name, at) for at, leaf in enumerate(leaves) if not _PLAIN[leaf.kind].endswith("s")]

    def read(self, data: bytes, at: int, into: Record) -> None:
        values = self.unpack_from(data, at)
        for name, place in self.bools:
            if values[place] > 1:
                raise DecodeError(f"{name}: a bool is 0 or 1, got {values[place]}; these bytes are something else")
        ints, keys = into.ints, into.keys
        for name, place in self.ints:
            ints[name] = values[place]
        for name, place in self.keys:
            keys[name] = values[place]
        for name, place, signed in self.wide:
            ints[name] = int.from_bytes(values[place], "little", signed=signed)


class Codec:
    """A layout compiled once; decoding an event then costs a microsecond or two.

    Plain fields, texts and empty vectors are read by `_borsh.c`; whatever it does not
    know or does not fit is read here, which says why.
    """

    def __init__(self, layout: Layout, *, required: int | None = None, own: Structs | None = None) -> None:
        """Compile *layout*; fields from number *required* on may be missing as a whole.

        Raises:
            DecodeError: the layout names a type nobody described.
        """
        self._own = own or Structs()
        count = len(layout) if required is None else required
        leaves: list[_Leaf] = []
        for number, (name, kind) in enumerate(layout):
            self._flatten(leaves, name, kind, may_end=number >= count)
        self._steps = _runs(leaves)
        self._zero = _zeros(leaves)
        # Thirty fields cost 8 µs here and 1 µs there.
        plan = tuple((leaf.name, leaf.kind.partition("<")[0], leaf.may_end) for leaf in leaves)
        is_native = len(plan) <= FIELDS_MAX and all(kind in _NATIVE for _, kind, _ in plan)
        self._plan = _borsh.Plan(plan) if is_native else None
        self._inner = {leaf.kind: self._codec_of(leaf.kind) for leaf in leaves if _generic(leaf.kind)}
        self._enums = {
            leaf.kind: tuple(Codec(variant, own=self._own) for variant in self._own.enums[leaf.kind])
            for leaf in leaves
            if leaf.kind in self._own.enums
        }

    def decode(self, data: bytes, offset: int = 0, *, tail_max: int = 0) -> Record:
        """Return the values in *data* from *offset* on, to the last byte.

        Raises:
            DecodeError: the bytes end inside a field or before a required one, a
                bool, length or enum number is impossible, or more than *tail_max*
                bytes are left over.
        """
        told = self._plan.read(data, offset, tail_max) if self._plan is not None else None
        if told is not None:
            return tuple.__new__(Record, told)
        record = self._read(data, offset)
        tail = len(data) - record.end
        if tail > tail_max:
            raise DecodeError(
                f"{tail} bytes are left after the last known field, at most {tail_max} are allowed; "
                "these bytes are something else, or the program was upgraded: compare the layout"
            )
        return record._replace(tail=tail) if tail else record

    def _flatten(self, leaves: list[_Leaf], name: str, kind: str, *, may_end: bool) -> None:
        fields = self._own.structs.get(kind)
        if fields is None:
            if kind not in _PLAIN and kind != "string" and kind not in self._own.enums and not _generic(kind):
                raise DecodeError(f"{name}: no type {kind!r} was described; add it to the layout's structs")
            leaves.append(_Leaf(name, kind, may_end))
            return
        for number, (inner, inner_kind) in enumerate(fields):
            self._flatten(leaves, f"{name}.{inner}" if name else inner, inner_kind, may_end=may_end and number == 0)

    def _codec_of(self, kind: str) -> Codec:
        return Codec((("", kind.partition("<")[2][:-1]),), own=self._own)

    def _read(self, data: bytes, at: int) -> Record:
        record = Record({}, {}, {}, {})
        size = len(data)
        if not 0 <= at <= size:
            raise DecodeError(f"decoding shall start at byte {at}, but there are {size}")
        for step in self._steps:
            left = size - at
            if isinstance(step, _Run):
                fixed = step.fixed
                if left >= fixed.size:
                    fixed.read(data, at, record)
                    at += fixed.size
                    continue
                if left == 0 and step.may_end:
                    return self._ended(record, at)
                shorter = step.shorter.get(left)
                if shorter is None:
                    raise DecodeError(f"{step.name}: the bytes end {fixed.size - left} too early, inside the fields")
                shorter.read(data, at, record)
                return self._ended(record, size)
            if left == 0 and step.may_end:
                return self._ended(record, at)
            at = self._read_variable(step, data, at, record)
        return record._replace(end=at)

    def _ended(self, record: Record, at: int) -> Record:
        zero = self._zero
        return Record(
            {**zero.ints, **record.ints},
            {**zero.keys, **record.keys},
            {**zero.texts, **record.texts},
            {**zero.rows, **record.rows},
            at,
        )

    def _read_variable(self, leaf: _Leaf, data: bytes, at: int, record: Record) -> int:
        if leaf.kind == "string":
            length, at = _length(data, at, leaf.name)
            end = at + length
            if end > len(data):
                raise DecodeError(f"{leaf.name}: a text of {length} bytes does not fit into what is left")
            record.texts[leaf.name] = data[at:end].decode("utf-8", "replace")
            return end
        if leaf.kind.startswith("vec<"):
            return self._read_vec(leaf, data, at, record)
        if at >= len(data):
            raise DecodeError(f"{leaf.name}: the bytes end before it")
        number = data[at]
        if leaf.kind.startswith("option<"):
            return self._read_option(leaf, number, data, at + 1, record)
        variants = self._enums[leaf.kind]
        if number >= len(variants):
            raise DecodeError(f"{leaf.name}: {leaf.kind} has {len(variants)} variants, got number {number}")
        record.ints[leaf.name] = number
        return _merge(leaf.name, variants[number]._read(data, at + 1), record)

    def _read_vec(self, leaf: _Leaf, data: bytes, at: int, record: Record) -> int:
        count, at = _length(data, at, leaf.name)
        if count > min(VEC_MAX, len(data) - at):
            raise DecodeError(f"{leaf.name}: {count} items do not fit into what is left")
        codec, items = self._inner[leaf.kind], []
        for _ in range(count):
            item = codec._read(data, at)
            items.append(item)
            at = item.end
        record.rows[leaf.name] = tuple(items)
        return at

    def _read_option(self, leaf: _Leaf, flag: int, data: bytes, at: int, record: Record) -> int:
        if flag > 1:
            raise DecodeError(f"{leaf.name}: an option starts with 0 or 1, got {flag}")
        record.ints[leaf.name + "?"] = flag
        if not flag:
            return at
        return _merge(leaf.name, self._inner[leaf.kind]._read(data, at), record)


@lru_cache(maxsize=256)
def _compiled(layout: Layout, required: int | None) -> Codec:
    return Codec(layout, required=required)


def decode(layout: Layout, data: bytes, offset: int = 0, *, required: int | None = None, tail_max: int = 0) -> Record:
    """Return `Codec(layout, required=required).decode(…)`, compiled on first use.

    Layouts with structs or enums of their own want a `Codec`.
    """
    return _compiled(layout, required).decode(data, offset, tail_max=tail_max)


def decode_at(layout: AccountLayout, data: bytes, *, size_min: int) -> Record:
    """Return the fields of an account by their offsets; gaps between them are skipped.

    Accounts of older layouts are shorter: a field that starts at or after the end
    reads as zero.

    Raises:
        DecodeError: fewer than *size_min* bytes, an end inside a field, or a bad bool.
    """
    size = len(data)
    if size < size_min:
        raise DecodeError(f"the account has {size} bytes, the layout needs {size_min}; it is another kind of account")
    record = Record({}, {}, {}, {}, size)
    for offset, field in _account(layout):
        if offset >= size:
            record.ints.update((name, 0) for name, _ in field.ints)
            record.ints.update((name, 0) for name, _, _ in field.wide)
            record.keys.update((name, ZERO_KEY) for name, _ in field.keys)
        elif offset + field.size > size:
            raise DecodeError(f"the account ends at byte {size}, inside the field at {offset}; compare the layout")
        else:
            field.read(data, offset, record)
    return record


def encode_text(text: str) -> bytes:
    """Return *text* as Borsh writes it: u32 length, then UTF-8."""
    raw = text.encode()
    return _LENGTH.pack(len(raw)) + raw


@lru_cache(maxsize=64)
def _account(layout: AccountLayout) -> tuple[tuple[int, _Fixed], ...]:
    fields = []
    for offset, name, kind in layout:
        if kind.startswith("["):
            inner, _, count = kind[1:-1].partition(";")
            leaves = [_Leaf(f"{name}.{number}", inner, False) for number in range(int(count))]
        else:
            leaves = [_Leaf(name, kind, False)]
        fields.append((offset, _Fixed(leaves)))
    return tuple(fields)


def _generic(kind: str) -> bool:
    return kind.startswith(("vec<", "option<"))


def _length(data: bytes, at: int, name: str) -> tuple[int, int]:
    if at + 4 > len(data):
        raise DecodeError(f"{name}: the bytes end before its length")
    return _LENGTH.unpack_from(data, at)[0], at + 4


def _merge(name: str, inner: Record, record: Record) -> int:
    """Put the payload of an option or enum under dotted names; returns where it ended."""
    record.ints.update((_dotted(name, key), number) for key, number in inner.ints.items())
    record.keys.update((_dotted(name, key), raw) for key, raw in inner.keys.items())
    record.texts.update((_dotted(name, key), text) for key, text in inner.texts.items())
    record.rows.update((_dotted(name, key), rows) for key, rows in inner.rows.items())
    return inner.end


def _dotted(name: str, inner: str) -> str:
    return f"{name}.{inner}" if inner else name


def _runs(leaves: list[_Leaf]) -> list[_Run | _Leaf]:
    steps: list[_Run | _Leaf] = []
    run: list[_Leaf] = []
    for leaf in leaves:
        if leaf.kind in _PLAIN:
            run.append(leaf)
            continue
        if run:
            steps.append(_Run(run))
            run = []
        steps.append(leaf)
    if run:
        steps.append(_Run(run))
    return steps


def _zeros(leaves: list[_Leaf]) -> Record:
    zero = Record({}, {}, {}, {})
    for leaf in leaves:
        if leaf.kind == "pubkey":
            zero.keys[leaf.name] = ZERO_KEY
        elif leaf.kind == "string":
            zero.texts[leaf.name] = ""
        elif leaf.kind.startswith("vec<"):
            zero.rows[leaf.name] = ()
        elif leaf.kind.startswith("option<"):
            zero.ints[leaf.name + "?"] = 0
        else:
            zero.ints[leaf.name] = 0
    return zero
