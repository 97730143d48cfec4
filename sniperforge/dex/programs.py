"""Solana's own programs: ids, addresses derived from them, and the instructions all venues share.

Source: the SPL Token, Associated Token Account, System and Compute Budget programs.
"""

from __future__ import annotations

import struct

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import _derive
from sniperforge.dex.venue import AccountMeta, Instruction

SYSTEM = key("11111111111111111111111111111111")
TOKEN = key("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = key("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ASSOCIATED_TOKEN = key("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
COMPUTE_BUDGET = key("ComputeBudget111111111111111111111111111111")
RENT = key("SysvarRent111111111111111111111111111111111")
WSOL = key("So11111111111111111111111111111111111111112")
USDC = key("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
METADATA = key("metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s")

#: An Anchor program's event comes back as a CPI to itself with this in front.
EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")


def pda(program: Pubkey, *seeds: bytes) -> Pubkey:
    """Return the program-derived address of *seeds* (6 µs: derive once, pass on).

    Raises:
        ValueError: a seed of more than 32 bytes, or more than 15 of them.
    """
    return _derive.pda(program, *seeds)


def ata(owner: Pubkey, mint: Pubkey, token_program: Pubkey = TOKEN) -> Pubkey:
    """Return the associated token account of *owner* for *mint*."""
    return _derive.pda(ASSOCIATED_TOKEN, owner, token_program, mint)


def open_ata(payer: Pubkey, owner: Pubkey, mint: Pubkey, token_program: Pubkey, address: Pubkey) -> Instruction:
    """Return CreateIdempotent for an associated token account whose address is known."""
    return Instruction(
        ASSOCIATED_TOKEN,
        (
            AccountMeta(payer, signer=True, writable=True),
            AccountMeta(address, writable=True),
            AccountMeta(owner),
            AccountMeta(mint),
            AccountMeta(SYSTEM),
            AccountMeta(token_program),
        ),
        b"\x01",
    )


def transfer_lamports(source: Pubkey, target: Pubkey, lamports: int) -> Instruction:
    """Return a System transfer of *lamports*."""
    accounts = (AccountMeta(source, signer=True, writable=True), AccountMeta(target, writable=True))
    return Instruction(SYSTEM, accounts, struct.pack("<IQ", 2, lamports))


def sync_native(account: Pubkey) -> Instruction:
    """Return SyncNative: a wrapped-SOL account counts the lamports sent to it."""
    return Instruction(TOKEN, (AccountMeta(account, writable=True),), b"\x11")


def close_account(account: Pubkey, owner: Pubkey, token_program: Pubkey) -> Instruction:
    """Return CloseAccount; the rent (and any wrapped SOL) goes back to *owner*."""
    return Instruction(
        token_program,
        (AccountMeta(account, writable=True), AccountMeta(owner, writable=True), AccountMeta(owner, signer=True)),
        b"\x09",
    )


def burn(account: Pubkey, mint: Pubkey, owner: Pubkey, token_program: Pubkey, amount: int) -> Instruction:
    """Return Burn of *amount* base units held in *account*."""
    accounts = (AccountMeta(account, writable=True), AccountMeta(mint, writable=True), AccountMeta(owner, signer=True))
    return Instruction(token_program, accounts, struct.pack("<BQ", 8, amount))


def compute_limit(units: int) -> Instruction:
    """Return SetComputeUnitLimit."""
    return Instruction(COMPUTE_BUDGET, (), struct.pack("<BI", 2, units))


def compute_price(micro_lamports: int) -> Instruction:
    """Return SetComputeUnitPrice, in micro-lamports per compute unit."""
    return Instruction(COMPUTE_BUDGET, (), struct.pack("<BQ", 3, micro_lamports))
