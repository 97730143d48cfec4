"""Mint and token accounts of SPL Token and Token-2022.

account bytes -> Mint (authorities, supply, extensions by name), TokenBalance

Source: the SPL Token layout (82 and 165 bytes) and Token-2022's type-length-value
tail: padding to 165 bytes, one account-type byte (1 = mint), then entries of
u16 type, u16 length, value.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.programs import TOKEN, TOKEN_2022

MINT_SIZE = 82
ACCOUNT_SIZE = 165
_MINT_TYPE = 1
_ACCOUNT_TYPE = 2

#: Token-2022 extension types that stand on mints, by number (spl-token-2022, `ExtensionType`).
EXTENSIONS: dict[int, str] = {
    1: "transfer_fee",
    3: "mint_close_authority",
    4: "confidential_transfer",
    6: "default_account_state",
    9: "non_transferable",
    10: "interest_bearing",
    12: "permanent_delegate",
    14: "transfer_hook",
    16: "confidential_transfer_fee",
    18: "metadata_pointer",
    19: "token_metadata",
    20: "group_pointer",
    21: "token_group",
    22: "group_member_pointer",
    23: "token_group_member",
    24: "confidential_mint_burn",
    25: "scaled_ui_amount",
    26: "pausable",
}


@dataclass(frozen=True, slots=True)
class Mint:
    """What a mint account says; an authority is the zero key when there is none."""

    decimals: int
    supply: int
    mint_authority: Pubkey
    freeze_authority: Pubkey
    extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenBalance:
    """What a token account says."""

    mint: Pubkey
    owner: Pubkey
    amount: int


def decode_mint(data: bytes, owner: Pubkey) -> Mint:
    """Return the mint in *data*, an account owned by the program *owner*.

    Raises:
        DecodeError: not a token program's account, not a mint, or cut short.
    """
    if owner not in (TOKEN, TOKEN_2022):
        raise DecodeError("mint account is not owned by a token program; it is no mint")
    if len(data) < MINT_SIZE or (owner == TOKEN and len(data) != MINT_SIZE):
        raise DecodeError(f"mint account is {len(data)} bytes, a mint has {MINT_SIZE}; it is another account")
    has_mint_authority, supply, decimals, initialized, has_freeze = (
        int.from_bytes(data[0:4], "little"),
        int.from_bytes(data[36:44], "little"),
        data[44],
        data[45],
        int.from_bytes(data[46:50], "little"),
    )
    if initialized != 1 or has_mint_authority > 1 or has_freeze > 1:
        raise DecodeError("mint account is not initialized; wait for the transaction that makes it")
    return Mint(
        decimals=decimals,
        supply=supply,
        mint_authority=Pubkey(data[4:36]) if has_mint_authority else ZERO_KEY,
        freeze_authority=Pubkey(data[50:82]) if has_freeze else ZERO_KEY,
        extensions=_extensions(data) if len(data) > MINT_SIZE else (),
    )


def _extensions(data: bytes) -> tuple[str, ...]:
    if len(data) <= ACCOUNT_SIZE or data[ACCOUNT_SIZE] != _MINT_TYPE:
        raise DecodeError("Token-2022 account is not a mint; ask for the mint's address")
    names, offset = [], ACCOUNT_SIZE + 1
    while offset + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, offset)
        if kind == 0:
            break
        offset += 4 + size
        if offset > len(data):
            raise DecodeError(f"Token-2022 extension {kind} is cut short; read the account again")
        names.append(EXTENSIONS.get(kind, f"unknown_{kind}"))
    return tuple(names)


def decode_balance(data: bytes, owner: Pubkey) -> TokenBalance:
    """Return the token account in *data*; raises DecodeError when it is none."""
    if owner not in (TOKEN, TOKEN_2022):
        raise DecodeError("token account is not owned by a token program; it holds no tokens")
    plain = len(data) == ACCOUNT_SIZE
    extended = owner == TOKEN_2022 and len(data) > ACCOUNT_SIZE and data[ACCOUNT_SIZE] == _ACCOUNT_TYPE
    if not (plain or extended):
        raise DecodeError(f"token account is {len(data)} bytes, one has {ACCOUNT_SIZE}; it is another account")
    return TokenBalance(Pubkey(data[0:32]), Pubkey(data[32:64]), int.from_bytes(data[64:72], "little"))
