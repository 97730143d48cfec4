"""Turn one `clang -target bpf` object into the shared object Solana's loader runs.

ELF relocatable (.o) -> ELF shared object, SBF version 0 (.so)

The loader wants what clang's assembler does not make: .text at its file offset,
calls to syscalls as relocations against dynamic symbols by name, addresses of
constants as relocations against their place in this file, and no writable data.
Local calls need no relocation: they are made relative here.

Source: solana-sbpf, src/elf.rs (what the loader checks and which relocations it
resolves), and the ELF-64 object file format.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

R_BPF_64_64 = 1
R_BPF_64_32 = 10
SECTION_PROGBITS, SECTION_SYMTAB, SECTION_STRTAB, SECTION_DYNAMIC, SECTION_REL, SECTION_DYNSYM = 1, 2, 3, 6, 9, 11
STT_SECTION = 3
MACHINE_BPF = 247
#: ELF header (64) and three program headers (56 each) stand before the code.
TEXT_OFFSET = 64 + 3 * 56


class Unlinkable(Exception):
    """The object holds something the loader would refuse; says what."""


class Section(NamedTuple):
    """One section of the object as clang wrote it."""

    name: str
    kind: int
    target: int
    link: int
    align: int
    data: bytes


class Symbol(NamedTuple):
    """One symbol: `section` is 0 for a syscall, which the loader resolves by name."""

    name: str
    kind: int
    section: int
    value: int


@dataclass
class Dynamic:
    """What the loader resolves when it maps the program."""

    symbols: list[bytes] = field(default_factory=lambda: [bytes(24)])
    names: bytearray = field(default_factory=lambda: bytearray(b"\0"))
    relocations: list[bytes] = field(default_factory=list)
    index: dict[int, int] = field(default_factory=dict)

    def add(self, number: int, symbol: Symbol, address: int) -> int:
        """Return the dynamic symbol for object symbol *number*, made on first use."""
        if number not in self.index:
            self.index[number] = len(self.symbols)
            if symbol.section:
                entry = struct.pack("<IBBHQQ", 0, STT_SECTION, 0, 2, address, 0)
            else:
                entry = struct.pack("<IBBHQQ", len(self.names), 0x10, 0, 0, 0, 0)
                self.names += symbol.name.encode() + b"\0"
            self.symbols.append(entry)
        return self.index[number]


def link(relocatable: bytes) -> bytes:
    """Return the loadable program for one object file; raises Unlinkable."""
    sections = _sections(relocatable)
    symbols = _symbols(sections)
    text = next(number for number, section in enumerate(sections) if section.name == ".text")
    constants_at = _align(TEXT_OFFSET + len(sections[text].data), 8)
    constants, base = _place_constants(sections, constants_at)
    base[text] = TEXT_OFFSET
    code, dynamic = _relocate(sections, symbols, text, base)
    entry = [s.value for s in symbols if s.section == text and s.name == "entrypoint"]
    if not entry:
        raise Unlinkable("no function `entrypoint` in .text: export it")
    return _write(code, constants, constants_at, TEXT_OFFSET + entry[0], dynamic)


def _align(value: int, to: int) -> int:
    return -(-value // to) * to


def _text_at(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode()


def _sections(relocatable: bytes) -> list[Section]:
    table_at = struct.unpack_from("<Q", relocatable, 40)[0]
    count, names_number = struct.unpack_from("<HH", relocatable, 60)
    headers = [struct.unpack_from("<IIQQQQIIQQ", relocatable, table_at + 64 * i) for i in range(count)]
    bodies = [relocatable[header[4] : header[4] + header[5]] for header in headers]
    names = bodies[names_number]
    found = [
        Section(_text_at(names, h[0]), h[1], h[7], h[6], max(h[8], 1), body)
        for h, body in zip(headers, bodies, strict=True)
    ]
    for section, header in zip(found, headers, strict=True):
        if section.name.startswith((".data", ".bss")) and header[5]:
            raise Unlinkable(f"section {section.name} holds writable data: a program has none, use the heap")
    return found


def _symbols(sections: list[Section]) -> list[Symbol]:
    table = next(section for section in sections if section.kind == SECTION_SYMTAB)
    names = sections[table.link].data
    return [
        Symbol(_text_at(names, name), info & 15, number, value)
        for name, info, _, number, value, _ in struct.iter_unpack("<IBBHQQ", table.data)
    ]


def _place_constants(sections: list[Section], start: int) -> tuple[bytes, dict[int, int]]:
    body = bytearray()
    base: dict[int, int] = {}
    for number, section in enumerate(sections):
        if section.name.startswith(".rodata") and section.kind == SECTION_PROGBITS and section.data:
            body += bytes(-len(body) % section.align)
            base[number] = start + len(body)
            body += section.data
    return bytes(body + bytes(-len(body) % 8)), base


def _relocate(sections: list[Section], symbols: list[Symbol], text: int, base: dict[int, int]) -> tuple[bytes, Dynamic]:
    code = bytearray(sections[text].data)
    dynamic = Dynamic()
    for section in sections:
        if section.kind != SECTION_REL or section.target != text:
            continue
        for offset, info in struct.iter_unpack("<QQ", section.data):
            number, kind = info >> 32, info & 0xFFFF_FFFF
            symbol = symbols[number]
            if kind == R_BPF_64_32 and symbol.section == text:
                addend = (struct.unpack_from("<i", code, offset + 4)[0] + 1) * 8
                target = addend if symbol.kind == STT_SECTION else symbol.value
                struct.pack_into("<i", code, offset + 4, (target - offset) // 8 - 1)
            elif kind in (R_BPF_64_64, R_BPF_64_32):
                address = base[symbol.section] + symbol.value if symbol.section else 0
                place = dynamic.add(number, symbol, address)
                dynamic.relocations.append(struct.pack("<QQ", TEXT_OFFSET + offset, place << 32 | kind))
            else:
                raise Unlinkable(f"relocation of type {kind} at {offset:#x}: the loader knows only 1 and 10")
    return bytes(code), dynamic


class Places(NamedTuple):
    """Where each part of the file begins; addresses are file offsets."""

    constants: int
    dynamic: int
    symbols: int
    strings: int
    relocations: int
    names: int
    headers: int


#: Names of the sections in the order of their headers, behind the empty first one.
_NAMES = b"\0.text\0.rodata\0.dynamic\0.dynsym\0.dynstr\0.rel.dyn\0.shstrtab\0"
_DYNAMIC_TAGS = 8


def _write(code: bytes, constants: bytes, constants_at: int, entry: int, dynamic: Dynamic) -> bytes:
    symbols, relocations = b"".join(dynamic.symbols), b"".join(dynamic.relocations)
    dynamic_at = constants_at + len(constants)
    symbols_at = dynamic_at + _DYNAMIC_TAGS * 16
    strings_at = symbols_at + len(symbols)
    relocations_at = _align(strings_at + len(dynamic.names), 8)
    names_at = relocations_at + len(relocations)
    headers_at = _align(names_at + len(_NAMES), 8)
    places = Places(constants_at, dynamic_at, symbols_at, strings_at, relocations_at, names_at, headers_at)
    headers = _section_headers(places, len(code), dynamic)
    parts = (
        (0, _elf_header(entry, headers_at) + _program_headers(places, len(code))),
        (TEXT_OFFSET, code),
        (constants_at, constants),
        (dynamic_at, _dynamic_body(places, dynamic)),
        (symbols_at, symbols),
        (strings_at, bytes(dynamic.names)),
        (relocations_at, relocations),
        (names_at, _NAMES),
        (headers_at, headers),
    )
    out = bytearray(headers_at + len(headers))
    for place, part in parts:
        out[place : place + len(part)] = part
    return bytes(out)


def _elf_header(entry: int, headers_at: int) -> bytes:
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    return ident + struct.pack("<HHIQQQIHHHHHH", 3, MACHINE_BPF, 1, entry, 64, headers_at, 0, 64, 56, 3, 64, 8, 7)


def _program_headers(places: Places, code: int) -> bytes:
    """Two loaded segments (code, and everything read) and the dynamic table."""
    readable, table = places.names - places.constants, _DYNAMIC_TAGS * 16
    segments = (
        (1, 5, TEXT_OFFSET, TEXT_OFFSET, TEXT_OFFSET, code, code, 0x1000),
        (1, 4, places.constants, places.constants, places.constants, readable, readable, 0x1000),
        (2, 6, places.dynamic, places.dynamic, places.dynamic, table, table, 8),
    )
    return b"".join(struct.pack("<IIQQQQQQ", *segment) for segment in segments)


def _dynamic_body(places: Places, dynamic: Dynamic) -> bytes:
    tags = (
        (17, places.relocations),
        (18, 16 * len(dynamic.relocations)),
        (19, 16),
        (6, places.symbols),
        (11, 24),
        (5, places.strings),
        (10, len(dynamic.names)),
        (0, 0),
    )
    return b"".join(struct.pack("<qQ", *tag) for tag in tags)


def _section_headers(places: Places, code: int, dynamic: Dynamic) -> bytes:
    """Name, kind, flags, place, size, link, info, alignment, size of one entry; the first is empty."""
    rows = (
        (".text", SECTION_PROGBITS, 6, TEXT_OFFSET, code, 0, 0, 8, 0),
        (".rodata", SECTION_PROGBITS, 2, places.constants, places.dynamic - places.constants, 0, 0, 8, 0),
        (".dynamic", SECTION_DYNAMIC, 3, places.dynamic, _DYNAMIC_TAGS * 16, 5, 0, 8, 16),
        (".dynsym", SECTION_DYNSYM, 2, places.symbols, places.strings - places.symbols, 5, 1, 8, 24),
        (".dynstr", SECTION_STRTAB, 2, places.strings, len(dynamic.names), 0, 0, 1, 0),
        (".rel.dyn", SECTION_REL, 2, places.relocations, places.names - places.relocations, 4, 0, 8, 16),
        (".shstrtab", SECTION_STRTAB, 0, places.names, len(_NAMES), 0, 0, 1, 0),
    )
    made = bytearray(64)
    for name, kind, flags, at, size, link_to, info, align, each in rows:
        position = _NAMES.index(b"\0" + name.encode() + b"\0") + 1
        address = at if flags else 0
        made += struct.pack("<IIQQQQIIQQ", position, kind, flags, address, at, size, link_to, info, align, each)
    return bytes(made)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: link_sbf.py OBJECT.o PROGRAM.so")
    try:
        Path(sys.argv[2]).write_bytes(link(Path(sys.argv[1]).read_bytes()))
    except Unlinkable as problem:
        sys.exit(f"{sys.argv[1]}: {problem}")
