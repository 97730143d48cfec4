"""Accounts in the encodings of Solana's RPC: base58, base64, base64+zstd, jsonParsed.

account -> {"data", "executable", "lamports", "owner", "rentEpoch", "space"}

`jsonParsed` knows token accounts and mints of both token programs (without
their extensions); any other account comes back as base64, as a node does with
programs it cannot parse.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

import zstandard
from solders.account import Account

from sniperforge.base.keys import text
from sniperforge.base.units import U64_MAX, Pubkey
from sniperforge.chain.localnet import base58
from sniperforge.chain.localnet.refusal import INVALID_REQUEST, Json, RpcRefusal, invalid
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL

TOKEN_SIZE = 165
MINT_SIZE = 82
TOKEN_PROGRAMS = {TOKEN: "spl-token", TOKEN_2022: "spl-token-2022"}
ENCODINGS = ("binary", "base58", "base64", "base64+zstd", "jsonParsed")
_BASE58_BYTES_MAX = 128
_STATES = ("uninitialized", "initialized", "frozen")


class Snapshot(NamedTuple):
    """An account at one moment."""

    lamports: int
    data: bytes
    owner: Pubkey
    executable: bool


class Slice(NamedTuple):
    """Which bytes of the data are wanted."""

    offset: int
    length: int


def snapshot(account: Account | None) -> Snapshot | None:
    """Return *account* as plain values; None stays None."""
    if account is None:
        return None
    return Snapshot(account.lamports, account.data, Pubkey(bytes(account.owner)), account.executable)


def account_json(account: Snapshot, encoding: str, part: Slice | None = None, decimals: int = 0) -> dict[str, Json]:
    """Return *account* as a node would.

    Args:
        encoding: one of ENCODINGS.
        part: only these bytes; ignored by jsonParsed, as nodes do.
        decimals: of the mint, for a token account in jsonParsed.

    Raises:
        RpcRefusal: base58 of more than 128 bytes.
    """
    return {
        "data": _data(account, encoding, part, decimals),
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": text(account.owner),
        "rentEpoch": U64_MAX,
        "space": len(account.data),
    }


def _data(account: Snapshot, encoding: str, part: Slice | None, decimals: int) -> Json:
    if encoding == "jsonParsed":
        parsed = _parsed(account, decimals)
        if parsed is not None:
            program = TOKEN_PROGRAMS[account.owner]
            return {"program": program, "parsed": parsed, "space": len(account.data)}
        encoding = "base64"
    data = account.data if part is None else account.data[part.offset : part.offset + part.length]
    if encoding == "base64":
        return [base64.b64encode(data).decode(), "base64"]
    if encoding == "base64+zstd":
        return [base64.b64encode(zstandard.compress(data)).decode(), "base64+zstd"]
    if encoding not in ENCODINGS:
        raise invalid(f"encoding {encoding!r} is none of {', '.join(ENCODINGS)}")
    if len(data) > _BASE58_BYTES_MAX:
        raise RpcRefusal(
            INVALID_REQUEST,
            "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding.",
        )
    plain = base58.encode(data)
    return plain if encoding == "binary" else [plain, "base58"]


def is_token_account(account: Snapshot) -> bool:
    """Whether *account* is an initialized token account of either token program."""
    if account.owner not in TOKEN_PROGRAMS or len(account.data) < TOKEN_SIZE or account.data[108] == 0:
        return False
    return len(account.data) == TOKEN_SIZE or account.data[TOKEN_SIZE] == 2


def is_mint(account: Snapshot) -> bool:
    """Whether *account* is an initialized mint of either token program."""
    if account.owner not in TOKEN_PROGRAMS or len(account.data) < MINT_SIZE or account.data[45] != 1:
        return False
    return len(account.data) == MINT_SIZE or (len(account.data) > TOKEN_SIZE and account.data[TOKEN_SIZE] == 1)


def token_mint(account: Snapshot) -> Pubkey:
    """Return the mint of a token account."""
    return Pubkey(account.data[:32])


def token_owner(account: Snapshot) -> Pubkey:
    """Return the wallet of a token account."""
    return Pubkey(account.data[32:64])


def token_amount(account: Snapshot) -> int:
    """Return the base units in a token account."""
    return int.from_bytes(account.data[64:72], "little")


def amount_json(amount: int, decimals: int) -> dict[str, Json]:
    """Return base units with their decimals; the float is for a screen."""
    whole, part = divmod(amount, 10**decimals)
    shown = f"{whole}.{part:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(amount)
    return {
        "amount": str(amount),
        "decimals": decimals,
        "uiAmount": amount / 10**decimals if amount else None,
        "uiAmountString": shown,
    }


def _optional_key(data: bytes, offset: int) -> str | None:
    present = data[offset : offset + 4] == b"\1\0\0\0"
    return text(data[offset + 4 : offset + 36]) if present else None


def _parsed(account: Snapshot, decimals: int) -> dict[str, Json] | None:
    data = account.data
    if is_mint(account):
        return {
            "type": "mint",
            "info": {
                "mintAuthority": _optional_key(data, 0),
                "supply": str(int.from_bytes(data[36:44], "little")),
                "decimals": data[44],
                "isInitialized": True,
                "freezeAuthority": _optional_key(data, 46),
            },
        }
    if not is_token_account(account):
        return None
    native = token_mint(account) == WSOL
    info: dict[str, Json] = {
        "mint": text(token_mint(account)),
        "owner": text(token_owner(account)),
        "tokenAmount": amount_json(token_amount(account), 9 if native else decimals),
        "state": _STATES[min(data[108], 2)],
        "isNative": native,
    }
    if native:
        info["rentExemptReserve"] = amount_json(int.from_bytes(data[113:121], "little"), 9)
    delegate = _optional_key(data, 72)
    if delegate is not None:
        info["delegate"] = delegate
        info["delegatedAmount"] = amount_json(int.from_bytes(data[121:129], "little"), 9 if native else decimals)
    close = _optional_key(data, 129)
    if close is not None:
        info["closeAuthority"] = close
    return {"type": "account", "info": info}
