"""Instructions into the exact bytes that are signed, and templates that skip the work.

instructions + payer + blockhash -> message                 (compiling, about 100 µs)
template + keys + numbers + blockhash -> message            (patching, a few µs)

A message that is too long becomes one of version 0 that names keys by their places
in address lookup tables, where the caller has such tables.

Between two buys on one venue only some keys, some integers and the blockhash
differ. A template is compiled once from sentinels, remembers where each of them
came to stand, and from then on writes the real values there.

Wire format: Solana's transaction documentation, "Message format"; equal to
solders' for the same order of accounts (tested).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from sniperforge.base.errors import SniperForgeError
from sniperforge.base.units import U64_MAX, Pubkey
from sniperforge.dex.programs import SYSTEM
from sniperforge.dex.venue import Instruction

#: An IPv6 packet's minimum MTU less its headers: no cluster takes a longer transaction.
TRANSACTION_BYTES_MAX = 1232
#: What one transaction may lock (the runtime's MAX_TX_ACCOUNT_LOCKS before SIMD-0339).
ACCOUNTS_MAX = 64
SIGNATURE_BYTES = 64
BLOCKHASH_BYTES = 32
#: Places a message can name in one lookup table: it does so by a byte.
TABLE_KEYS_MAX = 256

_SIGNER, _WRITABLE = 2, 1
_U64 = struct.Struct("<Q")
_pack_u64 = _U64.pack


class TransactionInvalid(SniperForgeError):
    """These instructions cannot be one transaction: too long, or too many accounts."""


class TransactionTooLong(TransactionInvalid):
    """These instructions need more bytes than a transaction may have."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(
            f"the transaction is {size} bytes, {TRANSACTION_BYTES_MAX} are allowed; drop an optional instruction, "
            "or name a lookup table that holds its fixed accounts"
        )


class TemplateMismatch(SniperForgeError):
    """A builder does not put its keys and numbers verbatim into the message."""


class LookupTable(NamedTuple):
    """An address lookup table: where it lives, and the keys it holds, each at its place."""

    address: Pubkey
    keys: tuple[Pubkey, ...]


Build = Callable[[Sequence[Pubkey], Sequence[int]], Iterable[Instruction]]


def compact(length: int) -> bytes:
    """Return *length* (0..65535) as Solana's compact-u16: seven bits a byte, low first."""
    if not 0 <= length <= 0xFFFF:
        raise TransactionInvalid(f"a list of {length} does not fit a transaction; use fewer")
    out = bytearray()
    while length > 0x7F:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return bytes(out)


def compile_message(
    payer: Pubkey,
    instructions: Iterable[Instruction],
    blockhash: bytes,
    *,
    versioned: bool = False,
    tables: Sequence[LookupTable] = (),
) -> bytes:
    """Return the message all signers sign.

    Accounts stand in the order the runtime wants: writable signers (the payer
    first), read-only signers, writable, read-only; inside a class in order of
    first use, so that equal shapes give equal offsets.

    Args:
        payer: pays the fee; signer and writable whatever the instructions say.
        blockhash: 32 bytes of a recent blockhash.
        versioned: a v0 message instead of a legacy one.
        tables: lookup tables to use if it is too long without. Signers, programs
            and what a System instruction names stay in the message: the runtime
            wants the nonce account there, and senders look for their tip there.

    Raises:
        TransactionTooLong: over 1232 bytes with its signatures, even with the tables.
        TransactionInvalid: over 64 accounts.
    """
    listed = tuple(instructions)
    if len(blockhash) != BLOCKHASH_BYTES:
        raise TransactionInvalid(f"a blockhash has 32 bytes, got {len(blockhash)}; pass the decoded hash")
    roles = _roles(payer, listed)
    message, size = _written(roles, listed, blockhash, () if versioned else None)
    if size > TRANSACTION_BYTES_MAX and tables:
        message, size = _written(roles, listed, blockhash, _lookups(roles, listed, tables))
    if size > TRANSACTION_BYTES_MAX:
        raise TransactionTooLong(size)
    return message


class _Lookup(NamedTuple):
    """What a message takes from one table: key -> its place there."""

    table: Pubkey
    writable: dict[Pubkey, int]
    readonly: dict[Pubkey, int]


def _written(
    roles: Mapping[Pubkey, int], listed: tuple[Instruction, ...], blockhash: bytes, lookups: Sequence[_Lookup] | None
) -> tuple[bytes, int]:
    """Return the message and the size of its transaction; *lookups* None: a legacy one."""
    loaded = [key for one in lookups or () for key in one.writable]
    loaded += [key for one in lookups or () for key in one.readonly]
    keys, header = _order(roles, frozenset(loaded))
    # The runtime counts the loaded keys on behind the message's own.
    index = {key: position for position, key in enumerate((*keys, *loaded))}
    head = b"" if lookups is None else b"\x80"
    parts = [head, header, compact(len(keys)), *keys, blockhash, compact(len(listed))]
    for program, accounts, data in listed:
        parts.append(bytes((index[program],)))
        parts.append(compact(len(accounts)))
        parts.append(bytes([index[meta.key] for meta in accounts]))
        parts.append(compact(len(data)))
        parts.append(data)
    if lookups is not None:
        parts.append(compact(len(lookups)))
        for table, *places in lookups:
            parts.append(table)
            parts += (part for row in places for part in (compact(len(row)), bytes(row.values())))
    message = b"".join(parts)
    return message, len(compact(header[0])) + header[0] * SIGNATURE_BYTES + len(message)


def _roles(payer: Pubkey, instructions: tuple[Instruction, ...]) -> dict[Pubkey, int]:
    """Return every account with what the instructions together want of it, in order of first use."""
    roles: dict[Pubkey, int] = {payer: _SIGNER | _WRITABLE}
    for program, accounts, _ in instructions:
        for key, signer, writable in accounts:
            roles[key] = roles.get(key, 0) | (_SIGNER if signer else 0) | (_WRITABLE if writable else 0)
        roles.setdefault(program, 0)
    if len(roles) > ACCOUNTS_MAX:
        raise TransactionInvalid(f"the transaction names {len(roles)} accounts, {ACCOUNTS_MAX} may be locked; split it")
    return roles


def _order(roles: Mapping[Pubkey, int], loaded: frozenset[Pubkey]) -> tuple[list[Pubkey], bytes]:
    """Return the account table without what is *loaded*, and the three header bytes."""
    # By role: 0 read-only, 1 writable, 2 read-only signer, 3 writable signer.
    classes: tuple[list[Pubkey], ...] = ([], [], [], [])
    for key, role in roles.items():
        if key not in loaded:
            classes[role].append(key)
    header = bytes((len(classes[3]) + len(classes[2]), len(classes[2]), len(classes[0])))
    return [*classes[3], *classes[2], *classes[1], *classes[0]], header


def _lookups(
    roles: Mapping[Pubkey, int], listed: tuple[Instruction, ...], tables: Sequence[LookupTable]
) -> list[_Lookup]:
    """Return what each table saves; one that holds a single key of the message saves nothing."""
    kept = {one.program for one in listed}
    kept |= {meta.key for one in listed if one.program == SYSTEM for meta in one.accounts}
    left = {key: role for key, role in roles.items() if not role & _SIGNER and key not in kept}
    found: list[_Lookup] = []
    for table in tables:
        places = {key: place for place, key in reversed(tuple(enumerate(table.keys[:TABLE_KEYS_MAX]))) if key in left}
        if len(places) < 2:
            continue
        taken = _Lookup(table.address, {}, {})
        for key, role in left.items():
            if key in places:
                (taken.writable if role & _WRITABLE else taken.readonly)[key] = places[key]
        left = {key: role for key, role in left.items() if key not in places}
        found.append(taken)
    return found


# ── templates ─────────────────────────────────────────────────────────────


class Template:
    """One shape of transaction with its keys, numbers and blockhash left open.

    Args:
        payer: the wallet; fixed for the template's life.
        build: keys + numbers -> instructions. It must be a pure function that
            copies each key and each u64 verbatim; that is proven here, once,
            with two sets of sentinels.
        key_count, number_count: how many of each `build` takes.

    Raises:
        TemplateMismatch: `build` computes with a value instead of copying it.
        TransactionInvalid: the shape is too large for one transaction.
    """

    _KEY, _NUMBER, _BLOCKHASH = range(3)

    __slots__ = (
        "_arranged",
        "_build",
        "_key_count",
        "_number_count",
        "_pieces",
        "_row_count",
        "_rows",
        "_size",
        "_static",
        "payer",
        "slow_count",
    )

    def __init__(self, payer: Pubkey, build: Build, *, key_count: int, number_count: int) -> None:
        self.payer = payer
        self.slow_count = 0
        self._build = build
        self._key_count, self._number_count = key_count, number_count
        keys, numbers, blockhash = _sentinels("first", key_count, number_count)
        message = compile_message(payer, build(keys, numbers), blockhash)
        table = _account_table(message)
        places = [(at, 32, slot, self._KEY) for slot, key in enumerate(keys) for at in _all(message, key)]
        places += [
            (at, 8, slot, self._NUMBER)
            for slot, number in enumerate(numbers)
            for at in _all(message, _U64.pack(number))
        ]
        places.append((message.index(blockhash), BLOCKHASH_BYTES, 0, self._BLOCKHASH))
        self._size = len(message)
        self._cut(message, sorted(places))
        self._static = frozenset(table).difference(keys)
        # A slot the builder does not use has no row, so it cannot collide either.
        rows = sorted({slot for _, _, slot, kind in places if kind == self._KEY})
        self._rows = None if len(rows) == key_count else rows
        self._row_count = len(rows)
        self._prove()

    def _cut(self, message: bytes, places: list[tuple[int, int, int, int]]) -> None:
        """Cut *message* into the pieces that stay, and say in which order they and the values are joined."""
        cuts = [0, *(edge for at, size, _, _ in places for edge in (at, at + size)), len(message)]
        kept = [message[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
        # The values stand behind the pieces: keys, numbers, blockhash.
        first = (len(kept), len(kept) + self._key_count, len(kept) + self._key_count + self._number_count)
        order = [0]
        for piece, (_, _, slot, kind) in enumerate(places, start=1):
            order += (first[kind] + slot, piece)
        self._pieces = tuple(kept)
        self._arranged = itemgetter(*order)

    def _prove(self) -> None:
        keys, numbers, blockhash = _sentinels("second", self._key_count, self._number_count)
        slow = compile_message(self.payer, self._build(keys, numbers), blockhash)
        if self.patch(keys, numbers, blockhash) != slow:
            raise TemplateMismatch(
                "the builder computes with a key or a number instead of copying it; compile such orders one by one"
            )

    def bound(self, keys: Sequence[Pubkey], slots: Sequence[int]) -> Template:
        """Return this template with every key slot filled from *keys* but *slots*, which stay open in that order.

        Raises:
            TemplateMismatch: two of the filled keys, or one and a fixed account, would share a row.
        """
        opened = {slot: place for place, slot in enumerate(slots)}
        rows = range(self._key_count) if self._rows is None else self._rows
        filled = [keys[slot] for slot in rows if slot not in opened]
        if len({*filled} - self._static) != len(filled):
            raise TemplateMismatch("a key to be filled in stands in the template already; leave its slot open")

        def build(part: Sequence[Pubkey], numbers: Sequence[int]) -> Iterable[Instruction]:
            return self._build(
                [part[opened[slot]] if slot in opened else key for slot, key in enumerate(keys)], numbers
            )

        made = Template.__new__(Template)
        made.payer, made.slow_count, made._size, made._build = self.payer, 0, self._size, build
        made._key_count, made._number_count = len(opened), self._number_count
        made._static = self._static.union(filled)
        used = [opened[slot] for slot in rows if slot in opened]
        made._rows, made._row_count = None if len(used) == len(opened) else sorted(used), len(used)
        self._fill(made, keys, opened)
        return made

    def _fill(self, made: Template, keys: Sequence[Pubkey], opened: dict[int, int]) -> None:
        """Give *made* our pieces with the filled keys melted into them."""
        first, texts, open_values = len(self._pieces), [bytearray()], []
        for place in self._arranged(range(first + self._key_count + self._number_count + 1)):
            slot = place - first
            if slot < 0:
                texts[-1] += self._pieces[place]
            elif slot < self._key_count and slot not in opened:
                texts[-1] += keys[slot]
            else:
                open_values.append(opened[slot] if slot < self._key_count else slot - self._key_count + len(opened))
                texts.append(bytearray())
        order = [0]
        for piece, value in enumerate(open_values, start=1):
            # Slots that stand side by side have nothing between them.
            order += (len(texts) + value, piece) if texts[piece] else (len(texts) + value,)
        made._pieces, made._arranged = tuple(map(bytes, texts)), itemgetter(*order)

    def patch(self, keys: Sequence[Pubkey], numbers: Sequence[int], blockhash: bytes) -> bytes:
        """Return the message for these values.

        Two slots that hold the same key (or one that equals a fixed account)
        share a row of the account table, which shifts every index: then the
        message is compiled the slow way, and counted in `slow_count`.

        Args:
            keys, numbers: as many as the template was made for; numbers are u64.
            blockhash: 32 bytes.

        Raises:
            TransactionInvalid: wrong count or size of a value.
        """
        if len(keys) != self._key_count or len(numbers) != self._number_count or len(blockhash) != BLOCKHASH_BYTES:
            raise TransactionInvalid(
                f"the template takes {self._key_count} keys, {self._number_count} numbers and a 32-byte blockhash, "
                f"got {len(keys)}, {len(numbers)} and {len(blockhash)}; rebuild it for this order"
            )
        used = keys if self._rows is None else [keys[slot] for slot in self._rows]
        if len(set(used)) != self._row_count or not self._static.isdisjoint(used):
            self.slow_count += 1
            return compile_message(self.payer, self._build(keys, numbers), blockhash)
        try:
            values = (*self._pieces, *keys, *map(_pack_u64, numbers), blockhash)
        except struct.error:
            raise TransactionInvalid(f"an amount is outside 0..{U64_MAX}; check the order's amounts") from None
        message = b"".join(self._arranged(values))
        if len(message) != self._size:
            raise TransactionInvalid("a key of the order is not 32 bytes; check the pool it came with")
        return message


def _sentinels(name: str, key_count: int, number_count: int) -> tuple[list[Pubkey], list[int], bytes]:
    """Return values that occur nowhere by chance: hashes of what they stand for."""
    keys = [Pubkey(hashlib.blake2b(f"{name} key {k}".encode(), digest_size=32).digest()) for k in range(key_count)]
    numbers = [
        int.from_bytes(hashlib.blake2b(f"{name} number {k}".encode(), digest_size=8).digest(), "little") >> 1
        for k in range(number_count)
    ]
    return keys, numbers, hashlib.blake2b(f"{name} blockhash".encode(), digest_size=32).digest()


def _all(haystack: bytes, needle: bytes) -> list[int]:
    found, at = [], haystack.find(needle)
    while at >= 0:
        found.append(at)
        at = haystack.find(needle, at + 1)
    return found


def _account_table(message: bytes) -> list[Pubkey]:
    """Return the account keys of a legacy message we compiled ourselves (under 128 of them)."""
    return [Pubkey(message[at : at + 32]) for at in range(4, 4 + 32 * message[3], 32)]
