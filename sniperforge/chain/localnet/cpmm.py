"""What the market maker sends to Raydium CPMM: creations, liquidity and trades.

mints + amounts -> the addresses of a pool and its instructions

Written apart from the codec the bots use, so that the demo does not check a
mistake against itself. Source: account lists and argument order of the public
IDL of raydium_cp_swap 0.2.0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import ASSOCIATED_TOKEN, RENT, SYSTEM, TOKEN, TOKEN_2022, ata, pda
from sniperforge.dex.venue import AccountMeta, Instruction

PROGRAM = key("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C")
AUTHORITY = key("GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL")
AMM_CONFIG = key("D4FPEruKEHrG5TenZ2mpDGEfu1iUvTiqBxvpU8HLBvC2")
CREATE_FEE_ACCOUNT = key("DNXgeM9EiiaAbaWvwjHj9fQQLAX5ZsfHyvmYUNRAdNC8")
ADMIN = key("GThUX1Atko4tqhN2NaiTazWSeFWMuiUvfFnyJyUghFMJ")
MEMO = key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")

INITIALIZE = bytes.fromhex("afaf6d1f0d989bed")
DEPOSIT = bytes.fromhex("f223c68952e1f2b6")
WITHDRAW = bytes.fromhex("b712469c946da122")
SWAP_BASE_INPUT = bytes.fromhex("8fbe5adac41e33de")
SWAP_BASE_OUTPUT = bytes.fromhex("37d96256a34ab4ad")

#: An instruction with two or three u64 arguments after its discriminator.
_TWO = struct.Struct("<8sQQ")
_THREE = struct.Struct("<8sQQQ")


@dataclass(frozen=True, slots=True)
class PoolKeys:
    """Every address of one pool; side 0 is the mint whose key sorts first."""

    pool: Pubkey
    mints: tuple[Pubkey, Pubkey]
    programs: tuple[Pubkey, Pubkey]
    vaults: tuple[Pubkey, Pubkey]
    lp_mint: Pubkey
    observation: Pubkey

    def side(self, mint: Pubkey) -> int:
        """Return 0 or 1, the place of *mint* in this pool."""
        return self.mints.index(mint)


def pool_keys(one: tuple[Pubkey, Pubkey], other: tuple[Pubkey, Pubkey], pool: Pubkey | None = None) -> PoolKeys:
    """Return the pool of two (mint, token program) pairs, given in any order.

    *pool* names a pool that is not at its derived address (a fresh keypair).
    """
    (mint_0, program_0), (mint_1, program_1) = sorted((one, other))
    pool = pool or pda(PROGRAM, b"pool", AMM_CONFIG, mint_0, mint_1)
    vaults = (pda(PROGRAM, b"pool_vault", pool, mint_0), pda(PROGRAM, b"pool_vault", pool, mint_1))
    lp_mint = pda(PROGRAM, b"pool_lp_mint", pool)
    observation = pda(PROGRAM, b"observation", pool)
    return PoolKeys(pool, (mint_0, mint_1), (program_0, program_1), vaults, lp_mint, observation)


def initialize(
    keys: PoolKeys, creator: Pubkey, amounts: tuple[int, int], *, open_time: int = 0, pool_signs: bool = False
) -> Instruction:
    """Return the creation of a pool; *amounts* in base units, in the order of the sides."""
    read = AccountMeta
    accounts = (
        AccountMeta(creator, signer=True, writable=True),
        read(AMM_CONFIG),
        read(AUTHORITY),
        AccountMeta(keys.pool, signer=pool_signs, writable=True),
        read(keys.mints[0]),
        read(keys.mints[1]),
        _writable(keys.lp_mint),
        _writable(ata(creator, keys.mints[0], keys.programs[0])),
        _writable(ata(creator, keys.mints[1], keys.programs[1])),
        _writable(ata(creator, keys.lp_mint)),
        _writable(keys.vaults[0]),
        _writable(keys.vaults[1]),
        _writable(CREATE_FEE_ACCOUNT),
        _writable(keys.observation),
        read(TOKEN),
        read(keys.programs[0]),
        read(keys.programs[1]),
        read(ASSOCIATED_TOKEN),
        read(SYSTEM),
        read(RENT),
    )
    return Instruction(PROGRAM, accounts, _THREE.pack(INITIALIZE, amounts[0], amounts[1], open_time))


def swap_input(keys: PoolKeys, user: Pubkey, mint_in: Pubkey, amount_in: int, amount_out_min: int) -> Instruction:
    """Return a swap of exactly *amount_in* base units of *mint_in*."""
    data = _TWO.pack(SWAP_BASE_INPUT, amount_in, amount_out_min)
    return Instruction(PROGRAM, _swap_accounts(keys, user, keys.side(mint_in)), data)


def swap_output(keys: PoolKeys, user: Pubkey, mint_in: Pubkey, amount_in_max: int, amount_out: int) -> Instruction:
    """Return a swap that pays out exactly *amount_out* base units of the other mint."""
    data = _TWO.pack(SWAP_BASE_OUTPUT, amount_in_max, amount_out)
    return Instruction(PROGRAM, _swap_accounts(keys, user, keys.side(mint_in)), data)


def deposit(keys: PoolKeys, owner: Pubkey, lp_amount: int, maximum: tuple[int, int]) -> Instruction:
    """Return a deposit that mints *lp_amount* and pays at most *maximum* of each side."""
    return Instruction(PROGRAM, _liquidity_accounts(keys, owner), _THREE.pack(DEPOSIT, lp_amount, *maximum))


def withdraw(keys: PoolKeys, owner: Pubkey, lp_amount: int, minimum: tuple[int, int] = (0, 0)) -> Instruction:
    """Return a withdrawal that burns *lp_amount* for at least *minimum* of each side."""
    accounts = (*_liquidity_accounts(keys, owner), AccountMeta(MEMO))
    return Instruction(PROGRAM, accounts, _THREE.pack(WITHDRAW, lp_amount, *minimum))


def _writable(address: Pubkey) -> AccountMeta:
    return AccountMeta(address, writable=True)


def _swap_accounts(keys: PoolKeys, user: Pubkey, side: int) -> tuple[AccountMeta, ...]:
    other = 1 - side
    return (
        AccountMeta(user, signer=True),
        AccountMeta(AUTHORITY),
        AccountMeta(AMM_CONFIG),
        _writable(keys.pool),
        _writable(ata(user, keys.mints[side], keys.programs[side])),
        _writable(ata(user, keys.mints[other], keys.programs[other])),
        _writable(keys.vaults[side]),
        _writable(keys.vaults[other]),
        AccountMeta(keys.programs[side]),
        AccountMeta(keys.programs[other]),
        AccountMeta(keys.mints[side]),
        AccountMeta(keys.mints[other]),
        _writable(keys.observation),
    )


def _liquidity_accounts(keys: PoolKeys, owner: Pubkey) -> tuple[AccountMeta, ...]:
    return (
        AccountMeta(owner, signer=True),
        AccountMeta(AUTHORITY),
        _writable(keys.pool),
        _writable(ata(owner, keys.lp_mint)),
        _writable(ata(owner, keys.mints[0], keys.programs[0])),
        _writable(ata(owner, keys.mints[1], keys.programs[1])),
        _writable(keys.vaults[0]),
        _writable(keys.vaults[1]),
        AccountMeta(TOKEN),
        AccountMeta(TOKEN_2022),
        AccountMeta(keys.mints[0]),
        AccountMeta(keys.mints[1]),
        _writable(keys.lp_mint),
    )
