"""What the canary reads: recorded or fetched transactions, program accounts, pool accounts.

document, in any form `detect.inputs` reads -> Swap, … (successful swaps of our venues)
program account, its ProgramData            -> slot of the last deploy
pool account                                -> the keys it holds, or what is wrong with its size

Flags and mints of accounts stand in the transaction's header and token balances, which
detection has no use for: they are read here, beside its normal form of the same document.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from typing import NamedTuple

import orjson

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.coordinate.canary import Difference, Flags, Swap, is_trade
from sniperforge.detect.inputs import read_frame, read_line
from sniperforge.detect.transaction import KEYS_MAX, Transaction
from sniperforge.detect.values import JsonObject, base64, either, public_key, signature_text, whole
from sniperforge.detect.wire_message import read_message
from sniperforge.dex import (
    instruction_names,
    meteora_damm_v2,
    meteora_dbc,
    meteora_dlmm,
    orca_whirlpool_layouts,
    pumpfun,
    pumpswap,
    raydium_amm,
    raydium_clmm_layouts,
    raydium_cpmm,
    raydium_launchlab,
)
from sniperforge.dex.borsh import Record
from sniperforge.dex.venue import Step, Venue
from sniperforge.dex.venues import BY_PROGRAM

_NESTING_MAX = 8
_BARE_MAX = 65_536
_SIGNATURE_BYTES = 64
UPGRADEABLE_LOADER = key("BPFLoaderUpgradeab1e11111111111111111111111")
#: UpgradeableLoaderState: bincode, a u32 for the variant. Source: solana-loader-v3-interface, state.rs.
_PROGRAM = struct.Struct("<I32s")
_PROGRAM_DATA = struct.Struct("<IQ")
_PROGRAM_TAG, _PROGRAM_DATA_TAG = 2, 3


class About(NamedTuple):
    """What a transaction says of its accounts beside its instructions."""

    flags: Mapping[Pubkey, Flags]
    mints: Mapping[Pubkey, Pubkey]


_NOTHING = About({}, {})


# ── transactions ──────────────────────────────────────────────────────────


def read_swaps(document: bytes, *, source: str, venues: Container[str]) -> list[Swap]:
    """Return the successful swaps of *venues* in one recorded document, in order.

    Transactions that failed, that carry no instructions, or (in a block) cannot be
    read hold none.

    Raises:
        DecodeError: the document is no message this reads.
    """
    frame = read_line(document, recv_ns=0, source=source)
    if b'"program_id"' in frame.data[:_BARE_MAX] and b'"meta"' not in frame.data[:_BARE_MAX]:
        return list(_bare(_loads(frame.data), venues))
    readings = [one for one in read_frame(frame.data) if isinstance(one, Transaction)]
    wanted = [one for one in readings if one.carries_instructions and not one.failed and _calls(one, venues)]
    if not wanted:
        return []
    about = dict(_abouts(_loads(frame.data), 0))
    return [swap for one in wanted for swap in _swaps(one, about.get(one.signature, _NOTHING), venues)]


def _loads(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise DecodeError(f"not JSON ({problem}); check the source") from None


def _bare(body: object, venues: Container[str]) -> Iterator[Swap]:
    """Yield the swap of {program_id, accounts: [{pubkey, is_signer, is_writable}], data: hex}."""
    if not isinstance(body, dict) or not isinstance(body.get("accounts"), list):
        return
    try:
        rows = [(public_key(row["pubkey"]), row.get("is_signer"), row.get("is_writable")) for row in body["accounts"]]
        step = Step(public_key(body["program_id"]), tuple(row[0] for row in rows), bytes.fromhex(str(body["data"])))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DecodeError("not an instruction; give program_id, accounts with pubkeys, and data as hex") from None
    venue = _venue(step, venues)
    told = venue and instruction_names.instruction(step.program, step.data, step.accounts)
    if venue is not None and told is not None and is_trade(told.name):
        flags = {account: Flags(signer is True, writable is True) for account, signer, writable in rows}
        yield Swap(venue, "", 0, ZERO_KEY, step.accounts, step.data, flags=flags)


def _calls(transaction: Transaction, venues: Container[str]) -> bool:
    return any(_venue(step, venues) for outer in transaction.steps for step in outer.walk())


def _venue(step: Step, venues: Container[str]) -> Venue | None:
    venue = BY_PROGRAM.get(step.program)
    return venue if venue is not None and venue.name in venues and step.data and step.accounts else None


def _swaps(transaction: Transaction, about: About, venues: Container[str]) -> Iterator[Swap]:
    # How often the transaction's own instructions list an account: once means that one explains its flags.
    listed = Counter(account for outer in transaction.steps for account in outer.accounts)
    for outer in transaction.steps:
        for step in outer.walk():
            venue = _venue(step, venues)
            told = venue and instruction_names.instruction(step.program, step.data, step.accounts)
            if venue is None or told is None or not is_trade(told.name):
                continue
            own = (one for one in step.accounts if step is outer and listed[one] == 1 and one != transaction.signer)
            yield Swap(
                venue,
                transaction.signature,
                transaction.slot,
                transaction.signer,
                step.accounts,
                step.data,
                _told(step),
                about.flags,
                frozenset(own),
                about.mints,
            )


def _told(step: Step) -> dict[str, Pubkey]:
    """Return the keys the events of one invocation tell."""
    told: dict[str, Pubkey] = {}
    for payload in step.events:
        event = instruction_names.event(step.program, payload)
        if event is not None and not event.problem:
            told |= event.fields.keys
    return told


def _abouts(value: object, depth: int) -> Iterator[tuple[str, About]]:
    """Yield what is said of accounts by every transaction in a message, by signature."""
    if depth > _NESTING_MAX:
        return
    if isinstance(value, list):
        for item in value:
            yield from _abouts(item, depth + 1)
    elif isinstance(value, dict):
        meta, body = value.get("meta"), value.get("transaction")
        if isinstance(meta, dict) and isinstance(body, dict | list):
            try:
                yield _about(body, meta)
            except (DecodeError, IndexError):
                return  # its instructions may be readable all the same: it says nothing of flags
        else:
            for item in value.values():
                yield from _abouts(item, depth + 1)


def _about(body: JsonObject | list[object], meta: JsonObject) -> tuple[str, About]:
    signature, header, listed, parsed = _header(body)
    flags = list(parsed) or _flags(header, len(listed))
    writable, readonly = _looked_up(meta)
    if not parsed:  # a parsed message lists the looked-up keys among its own
        listed = [*listed, *writable, *readonly]
        flags += [Flags(False, True)] * len(writable) + [Flags(False, False)] * len(readonly)
    mints = {}
    for name in ("preTokenBalances", "pre_token_balances", "postTokenBalances", "post_token_balances"):
        rows = meta.get(name)
        for row in rows if isinstance(rows, list) else ():
            place = either(row, "accountIndex", "account_index") if isinstance(row, dict) else None
            if isinstance(place, int) and 0 <= place < len(listed) and "mint" in row:
                mints[listed[place]] = public_key(row["mint"])
    return signature, About(dict(zip(listed, flags, strict=False)), mints)


def _header(body: JsonObject | list[object]) -> tuple[str, tuple[int, int, int], list[Pubkey], list[Flags]]:
    """Return signature, header, static keys, and the flags where the node printed them (jsonParsed)."""
    if isinstance(body, list):
        raw = base64(str(body[0]))
        message = read_message(raw)
        at = 1 + _SIGNATURE_BYTES * len(message.signatures)
        at += raw[at] >= 0x80
        return signature_text(list(message.signatures[0])), (raw[at], raw[at + 1], raw[at + 2]), list(message.keys), []
    message_body, signatures = body.get("message"), body.get("signatures")
    if not isinstance(message_body, dict) or not isinstance(signatures, list) or not signatures:
        raise DecodeError("no message; check the source")
    listed = either(message_body, "accountKeys", "account_keys")
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise DecodeError("no keys; check the source")
    signature, keys = signature_text(signatures[0]), [public_key(item) for item in listed]
    if listed and isinstance(listed[0], dict) and "writable" in listed[0]:
        parsed = [Flags(item.get("signer") is True, item.get("writable") is True) for item in listed]
        return signature, (0, 0, 0), keys, parsed
    header = message_body.get("header")
    if not isinstance(header, dict):
        raise DecodeError("no header; check the source")
    required, signed, unsigned = (
        whole(either(header, camel, snake) or 0, what=camel)
        for camel, snake in (
            ("numRequiredSignatures", "num_required_signatures"),
            ("numReadonlySignedAccounts", "num_readonly_signed_accounts"),
            ("numReadonlyUnsignedAccounts", "num_readonly_unsigned_accounts"),
        )
    )
    return signature, (required, signed, unsigned), keys, []


def _flags(header: tuple[int, int, int], count: int) -> list[Flags]:
    """Return the flags of the static keys: signers first, in both groups the writable ones first."""
    required, signed, unsigned = header
    return [
        Flags(at < required, at < required - signed if at < required else at < count - unsigned) for at in range(count)
    ]


def _looked_up(meta: JsonObject) -> tuple[list[Pubkey], list[Pubkey]]:
    """Return the writable and the readonly keys the lookup tables gave."""
    loaded = meta.get("loadedAddresses")
    if isinstance(loaded, dict):
        parts = (loaded.get("writable"), loaded.get("readonly"))
    else:
        parts = (
            either(meta, "loadedWritableAddresses", "loaded_writable_addresses"),
            either(meta, "loadedReadonlyAddresses", "loaded_readonly_addresses"),
        )
    writable, readonly = ([public_key(one) for one in part] if isinstance(part, list) else [] for part in parts)
    return writable, readonly


# ── accounts ──────────────────────────────────────────────────────────────


def program_data_of(owner: Pubkey, raw: bytes) -> Pubkey | None:
    """Return where the code of a program account stands; None for a loader that has no such account.

    Raises:
        DecodeError: it belongs to the upgradeable loader and is no program.
    """
    if owner != UPGRADEABLE_LOADER:
        return None
    if len(raw) != _PROGRAM.size or raw[:4] != _PROGRAM_TAG.to_bytes(4, "little"):
        raise DecodeError(f"a program account of {len(raw)} bytes is none of the upgradeable loader; ask another node")
    return Pubkey(_PROGRAM.unpack(raw)[1])


def deploy_slot(raw: bytes) -> int:
    """Return the slot of the last deploy from the head of a ProgramData account; raises DecodeError."""
    if len(raw) < _PROGRAM_DATA.size or raw[:4] != _PROGRAM_DATA_TAG.to_bytes(4, "little"):
        raise DecodeError(f"{len(raw)} bytes are no head of a ProgramData account; ask another node")
    return int(_PROGRAM_DATA.unpack_from(raw)[1])


_POOL_ACCOUNTS: dict[str, Callable[[bytes], Record]] = {
    "meteora_damm_v2": meteora_damm_v2.decode_pool,
    "meteora_dbc": meteora_dbc.decode_virtual_pool,
    "meteora_dlmm": meteora_dlmm.decode_lb_pair,
    "orca_whirlpool": orca_whirlpool_layouts.decode_whirlpool,
    "pumpfun": lambda raw: pumpfun.decode_account("BondingCurve", raw),
    "pumpswap": lambda raw: pumpswap.decode_account("Pool", raw),
    "raydium_amm_v4": raydium_amm.decode_amm_info,
    "raydium_clmm": raydium_clmm_layouts.decode_pool_state,
    "raydium_cpmm": raydium_cpmm.decode_pool_state,
    "raydium_launchlab": raydium_launchlab.decode_pool_state,
}


#: Anchor's discriminators of those accounts: sha256("account:Name").
_POOL_HEADS = {
    name: hashlib.sha256(f"account:{kind}".encode()).digest()[:8]
    for name, kind in (
        ("meteora_damm_v2", "Pool"),
        ("meteora_dbc", "VirtualPool"),
        ("meteora_dlmm", "LbPair"),
        ("orca_whirlpool", "Whirlpool"),
        ("pumpfun", "BondingCurve"),
        ("pumpswap", "Pool"),
        ("raydium_clmm", "PoolState"),
        ("raydium_cpmm", "PoolState"),
        ("raydium_launchlab", "PoolState"),
    )
}
#: These two make their accounts larger beforehand: their layouts take any size, and what
#: is then written behind the last field they know nobody reads.
_KNOWN_BYTES = {"pumpfun": 125, "pumpswap": 271}


def read_accounts(document: bytes) -> list[tuple[Venue, dict[str, Pubkey] | Difference]]:
    """Return what `read_pool` says of every pool's account in a document; other kinds of accounts are passed over.

    Accounts are {"owner": …, "data": ["…", "base64"]}, as nodes answer and tools dump
    them, at any place. Raydium AMM v4's say nowhere what they are and are passed over too.

    Raises:
        DecodeError: not JSON.
    """
    return list(_accounts(_loads(document), 0))


def _accounts(value: object, depth: int) -> Iterator[tuple[Venue, dict[str, Pubkey] | Difference]]:
    if depth > _NESTING_MAX:
        return
    if isinstance(value, list):
        for item in value:
            yield from _accounts(item, depth + 1)
    elif isinstance(value, dict):
        owner, data = value.get("owner"), value.get("data")
        if isinstance(owner, str) and isinstance(data, list) and data[1:] == ["base64"]:
            venue, raw = BY_PROGRAM.get(public_key(owner)), base64(str(data[0]))
            if venue is not None and raw[:8] == _POOL_HEADS.get(venue.name):
                yield venue, read_pool(venue, raw)
        else:
            for item in value.values():
                yield from _accounts(item, depth + 1)


def read_pool(venue: Venue, raw: bytes) -> dict[str, Pubkey] | Difference:
    """Return the keys a pool's account holds, by name, or how it is not what our layout says."""
    try:
        record = _POOL_ACCOUNTS[venue.name](raw)
    except DecodeError as problem:
        what, _, cure = str(problem).partition("; ")
        return Difference("pool account", "our layout", what, cure or "compare the layout with the newest IDL")
    known = _KNOWN_BYTES.get(venue.name, len(raw))
    if any(raw[known:]):
        found = f"{len(raw)} bytes, in use behind byte {known}"
        cure = f"stop trading on {venue.name}, then compare our layout of that account with the newest IDL"
        return Difference("pool account", f"{known} bytes that mean something", found, cure)
    return dict(record.keys)
