"""Parameters of a request, checked by name: anything wrong is a refusal that says what.

JSON array -> keys, texts, options, account filters
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import U64_MAX, Pubkey
from sniperforge.chain.localnet import base58
from sniperforge.chain.localnet.account_json import ENCODINGS, TOKEN_SIZE, Slice, Snapshot, is_mint, is_token_account
from sniperforge.chain.localnet.bank import COMMITMENTS, FINALIZED
from sniperforge.chain.localnet.refusal import Json, invalid

FILTERS_MAX = 4
MEMCMP_BYTES_MAX = 128
#: Names clients of before 2020 still send.
_OLD_COMMITMENTS = {"recent": "processed", "single": "confirmed", "singleGossip": "confirmed", "max": "finalized"}


class Filter(NamedTuple):
    """One condition on an account; `size` -1 and `data` None are "not asked"."""

    size: int
    offset: int
    data: bytes | None
    token_state: bool

    def holds(self, account: Snapshot) -> bool:
        """Whether *account* passes."""
        if self.token_state:
            return is_token_account(account) and not is_mint(account)
        if self.data is not None:
            return account.data[self.offset : self.offset + len(self.data)] == self.data
        return len(account.data) == self.size


class Options:
    """The object at the end of a request; absent members have defaults, unknown ones are passed over."""

    def __init__(self, body: dict[str, Json]) -> None:
        self.body = body

    def text(self, name: str, default: str) -> str:
        """Return a string member."""
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise invalid(f"{name} must be a string")
        return value

    def number(self, name: str, default: int | None = None) -> int | None:
        """Return an unsigned integer member."""
        value = self.body.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= U64_MAX:
            raise invalid(f"{name} must be an unsigned integer")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean member."""
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise invalid(f"{name} must be true or false")
        return value

    def rows(self, name: str, *, size_max: int) -> list[Json]:
        """Return an array member, empty when absent."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > size_max:
            raise invalid(f"{name} must be an array of at most {size_max}")
        return value

    def keys(self, name: str, *, size_max: int) -> frozenset[Pubkey]:
        """Return an array member of public keys."""
        return frozenset(read_key(each, name) for each in self.rows(name, size_max=size_max))

    def inner(self, name: str) -> Options | None:
        """Return an object member, or None."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid(f"{name} must be an object")
        return Options(value)

    def commitment(self, default: int = FINALIZED) -> int:
        """Return the commitment asked for."""
        name = self.text("commitment", COMMITMENTS[default])
        name = _OLD_COMMITMENTS.get(name, name)
        if name not in COMMITMENTS:
            raise invalid(f"commitment {name!r} is none of {', '.join(COMMITMENTS)}")
        return COMMITMENTS.index(name)

    def encoding(self, default: str) -> str:
        """Return the account encoding asked for."""
        name = self.text("encoding", default)
        if name not in ENCODINGS:
            raise invalid(f"encoding {name!r} is none of {', '.join(ENCODINGS)}")
        return name

    def slice(self) -> Slice | None:
        """Return the dataSlice asked for."""
        part = self.inner("dataSlice")
        if part is None:
            return None
        offset, length = part.number("offset"), part.number("length")
        if offset is None or length is None:
            raise invalid("dataSlice needs offset and length")
        return Slice(offset, length)

    def filters(self) -> tuple[Filter, ...]:
        """Return the account filters asked for."""
        return tuple(_filter(each) for each in self.rows("filters", size_max=FILTERS_MAX))


class Params:
    """The positional parameters of one request."""

    def __init__(self, body: Json) -> None:
        if body is None:
            body = []
        if not isinstance(body, list):
            raise invalid("params must be an array")
        self.body = body

    def get(self, place: int) -> Json:
        """Return what stands at *place*, None when nothing does."""
        return self.body[place] if place < len(self.body) else None

    def text(self, place: int, name: str) -> str:
        """Return a string."""
        value = self.get(place)
        if not isinstance(value, str):
            raise invalid(f"{name} must be a string")
        return value

    def number(self, place: int, name: str) -> int:
        """Return an unsigned integer."""
        value = self.get(place)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= U64_MAX:
            raise invalid(f"{name} must be an unsigned integer")
        return value

    def key(self, place: int, name: str) -> Pubkey:
        """Return a public key."""
        return read_key(self.get(place), name)

    def texts(self, place: int, name: str, *, size_max: int) -> list[str]:
        """Return an array of strings."""
        value = self.get(place)
        if not isinstance(value, list) or len(value) > size_max:
            raise invalid(f"{name} must be an array of at most {size_max}")
        texts = [each for each in value if isinstance(each, str)]
        if len(texts) != len(value):
            raise invalid(f"{name} must hold strings only")
        return texts

    def options(self, place: int) -> Options:
        """Return the options object, empty when absent."""
        value = self.get(place)
        if value is None:
            return Options({})
        if not isinstance(value, dict):
            raise invalid("options must be an object")
        return Options(value)


def read_key(value: Json, name: str) -> Pubkey:
    """Return *value* as a public key; raises RpcRefusal naming *name*."""
    if not isinstance(value, str):
        raise invalid(f"{name} must be a base58 public key")
    try:
        return key(value)
    except DecodeError as problem:
        raise invalid(f"{name}: {problem}") from None


def read_bytes(value: str, encoding: str, name: str, *, size_max: int) -> bytes:
    """Return base58 or base64 text as bytes; raises RpcRefusal naming *name*."""
    try:
        if encoding == "base58":
            return base58.decode(value, size_max=size_max)
        if encoding == "base64":
            return base64.b64decode(value, validate=True)
    except (DecodeError, binascii.Error, ValueError) as problem:
        raise invalid(f"{name}: {problem}") from None
    raise invalid(f"{name}: encoding {encoding!r} is neither base58 nor base64")


def _filter(value: Json) -> Filter:
    if value == "tokenAccountState" or (isinstance(value, dict) and "tokenAccountState" in value):
        return Filter(TOKEN_SIZE, 0, None, True)
    if not isinstance(value, dict) or len(value) != 1:
        raise invalid("a filter is {memcmp} or {dataSize}")
    options = Options(value)
    size = options.number("dataSize")
    if size is not None:
        return Filter(size, 0, None, False)
    compare = options.inner("memcmp")
    if compare is None:
        raise invalid("a filter is {memcmp} or {dataSize}")
    offset = compare.number("offset", 0)
    data = read_bytes(
        compare.text("bytes", ""), compare.text("encoding", "base58"), "memcmp.bytes", size_max=MEMCMP_BYTES_MAX
    )
    if len(data) > MEMCMP_BYTES_MAX:
        raise invalid(f"memcmp.bytes is {len(data)} bytes, at most {MEMCMP_BYTES_MAX}")
    return Filter(-1, offset or 0, data, False)
