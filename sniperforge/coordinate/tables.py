"""Lookup tables of the settings against the chain: a place that holds another key is another transaction.

tables + getMultipleAccounts -> nothing, or ConfigError naming the table and the place

What the signer checked is what the settings say a table holds; the runtime takes
what the chain holds. A table only ever grows, so one look at the start is enough.

Layout: the Address Lookup Table program, state.rs (56 bytes of metadata, then keys).
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence

import msgspec

from sniperforge.base.errors import ConfigError, DecodeError
from sniperforge.base.keys import text
from sniperforge.base.units import U64_MAX
from sniperforge.chain.rpc import RpcClient
from sniperforge.trading.transaction import LookupTable

ALT_PROGRAM = "AddressLookupTab1e1111111111111111111111111"
#: More in one call are refused by nodes.
TABLES_MAX = 100
_META_BYTES = 56
_LOOKUP_TABLE = 1
_META = struct.Struct("<IQ")  # kind, slot of deactivation


class _Account(msgspec.Struct):
    owner: str
    data: tuple[str, str]


class _Accounts(msgspec.Struct):
    value: list[_Account | None]


async def check_tables(client: RpcClient, tables: Sequence[LookupTable], commitment: str) -> None:
    """Return when every table holds on the chain what *tables* say, and is in use.

    Raises:
        ConfigError: one does not; the line names the setting and the first place that differs.
        UnavailableError, DecodeError: the endpoint.
    """
    if not tables:
        return
    if len(tables) > TABLES_MAX:
        raise ConfigError("coordinate.lookup_tables", f"{len(tables)} tables", f"name at most {TABLES_MAX}")
    wanted: list[object] = [[text(table.address) for table in tables], {"encoding": "base64", "commitment": commitment}]
    answer = await client.call("getMultipleAccounts", wanted)
    try:
        found = msgspec.convert(answer, _Accounts).value
    except (msgspec.ValidationError, ValueError) as problem:
        raise DecodeError(f"{client.target.name}: getMultipleAccounts answered {problem}; use another") from None
    if len(found) != len(tables):
        raise DecodeError(f"{client.target.name}: {len(found)} of {len(tables)} accounts came; use another endpoint")
    for table, account in zip(tables, found, strict=True):
        wrong = _difference(table, account)
        if wrong:
            where = f"coordinate.lookup_tables.{text(table.address)}"
            raise ConfigError(where, wrong, "list what the table on the chain holds")


def _difference(table: LookupTable, account: _Account | None) -> str:
    """Return what is wrong with a table as the chain has it; "" for nothing."""
    if account is None:
        return "is not on the chain"
    try:
        raw = base64.b64decode(account.data[0], validate=True)
    except ValueError:
        return "came as something that is not base64"
    if account.owner != ALT_PROGRAM or len(raw) < _META_BYTES or _META.unpack_from(raw)[0] != _LOOKUP_TABLE:
        return "is no lookup table"
    if _META.unpack_from(raw)[1] != U64_MAX:
        return "is deactivated"
    held = [raw[at : at + 32] for at in range(_META_BYTES, len(raw) - 31, 32)]
    for place, wanted in enumerate(table.keys):
        if place >= len(held):
            return f"holds {len(held)} keys on the chain, {len(table.keys)} here"
        if held[place] != wanted:
            return f"holds {text(held[place])} at place {place} on the chain, {text(wanted)} here"
    return ""
