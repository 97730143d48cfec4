"""Instructions that make a token and give it away: mint, supply, authorities, wrapped SOL.

Source: the SPL Token and Token-2022 programs' instruction numbers (equal in both).
"""

from __future__ import annotations

import struct

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.genesis import MINT_RENT
from sniperforge.dex.programs import SYSTEM, TOKEN, WSOL, ata, open_ata, sync_native, transfer_lamports
from sniperforge.dex.venue import AccountMeta, Instruction

MINT_SIZE = 82
DECIMALS = 6
_MINT_AUTHORITY = 0


def make_mint(
    creator: Pubkey, mint: Pubkey, program: Pubkey, supply: int, *, keeps_mint: bool, keeps_freeze: bool
) -> list[Instruction]:
    """Return what creates *mint* with *supply* in the creator's account; *mint* signs too."""
    account = ata(creator, mint, program)
    signer = AccountMeta(creator, signer=True)
    made = AccountMeta(mint, writable=True)
    create = struct.pack("<IQQ", 0, MINT_RENT, MINT_SIZE) + program
    freeze = b"\1" + creator if keeps_freeze else b"\0"
    steps = [
        Instruction(
            SYSTEM,
            (AccountMeta(creator, signer=True, writable=True), AccountMeta(mint, signer=True, writable=True)),
            create,
        ),
        Instruction(program, (made,), struct.pack("<BB", 20, DECIMALS) + creator + freeze),
        open_ata(creator, creator, mint, program, account),
        Instruction(program, (made, AccountMeta(account, writable=True), signer), struct.pack("<BQ", 7, supply)),
    ]
    if not keeps_mint:
        steps.append(Instruction(program, (made, signer), struct.pack("<BBB", 6, _MINT_AUTHORITY, 0)))
    return steps


def wrap(owner: Pubkey, lamports: int) -> list[Instruction]:
    """Return what turns *lamports* into wrapped SOL in the owner's account."""
    account = ata(owner, WSOL)
    return [
        open_ata(owner, owner, WSOL, TOKEN, account),
        transfer_lamports(owner, account, lamports),
        sync_native(account),
    ]
