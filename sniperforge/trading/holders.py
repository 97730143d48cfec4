"""Who holds how much: shares of a coin by owner, and of a pool's liquidity that is gone for good.

largest accounts + supply -> Shares
LP accounts + counts      -> LpShares

What speaks against a coin is rounded up, what speaks for it down: no rounding flatters.

Sources: SPL Token lets anybody burn what belongs to the system program or the
incinerator (`is_owned_by_system_program_or_incinerator`): nobody has a key for those.
Raydium's "Burn & Earn" keeps LP tokens under one authority and has no instruction
that gives them back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sniperforge.base.events import Pool
from sniperforge.base.keys import key
from sniperforge.base.units import BPS_ONE, ZERO_KEY, Pubkey, ceil_div
from sniperforge.dex import (
    meteora_damm_v2_layouts,
    meteora_dbc_layouts,
    raydium_amm_layouts,
    raydium_cpmm_layouts,
    raydium_launchlab_layouts,
)
from sniperforge.dex.programs import SYSTEM

#: Owners whose tokens nobody can move.
BURN_OWNERS = frozenset((SYSTEM, key("1nc1nerator11111111111111111111111111111111")))
#: Authorities of lockers that never give LP tokens back: PDA ["lock_cp_authority_seed"] of LockrWmn6K….
LOCK_OWNERS = frozenset((key("3f7GcQFG397GAaEnv51zR6tsTVihYRydnydDD1cXekxH"),))
#: Authorities that own the vaults of every pool of their venue. The vaults of the
#: others belong to the pool's own account.
_AUTHORITIES = frozenset(
    layouts.AUTHORITY
    for layouts in (
        meteora_damm_v2_layouts,
        meteora_dbc_layouts,
        raydium_amm_layouts,
        raydium_cpmm_layouts,
        raydium_launchlab_layouts,
    )
)
#: Names in `Pool.keys` of what is the pool's own; others there are people (its creator).
_OWN_KEYS = ("authority", "base_vault", "quote_vault")


class Holding(NamedTuple):
    """One token account, base units."""

    account: Pubkey
    owner: Pubkey
    amount: int


class Shares(NamedTuple):
    """See `HoldersInspected` for each."""

    counted: int
    top_1_bps: int
    top_5_bps: int
    top_10_bps: int
    creator_bps: int
    excluded: int
    excluded_bps: int
    burned_bps: int


class LpShares(NamedTuple):
    """See `LiquidityInspected` for each."""

    burned: int
    locked: int
    burned_bps: int
    locked_bps: int


def pool_owned(pool: Pool) -> frozenset[Pubkey]:
    """Return the accounts, and owners of accounts, that are *pool*'s or any pool's of a venue with one authority."""
    named = (pool.keys[name] for name in _OWN_KEYS if name in pool.keys)
    return _AUTHORITIES | {pool.address, *named}


def shares(holdings: Iterable[Holding], *, supply: int, owned: frozenset[Pubkey], creator: Pubkey) -> Shares:
    """Return who holds how much of *supply*, base units.

    Args:
        holdings: the largest token accounts; those of one owner are added up.
        owned: accounts and owners that are pools or curves: left out.
        creator: whose share is told apart; the zero key: nobody's.
    """
    by_owner: Counter[Pubkey] = Counter()
    excluded = excluded_amount = burned = 0
    for one in holdings:
        if one.account in owned or one.owner in owned:
            excluded, excluded_amount = excluded + 1, excluded_amount + one.amount
        elif one.owner in BURN_OWNERS:
            burned += one.amount
        elif one.amount:
            by_owner[one.owner] += one.amount
    largest = sorted(by_owner.values(), reverse=True)
    own = by_owner[creator] if creator != ZERO_KEY else 0
    return Shares(
        counted=len(by_owner),
        top_1_bps=_against(sum(largest[:1]), supply),
        top_5_bps=_against(sum(largest[:5]), supply),
        top_10_bps=_against(sum(largest[:10]), supply),
        creator_bps=_against(own, supply),
        excluded=excluded,
        excluded_bps=_for(excluded_amount, supply),
        burned_bps=_for(burned, supply),
    )


def lp_shares(holdings: Iterable[Holding], *, minted: int, supply: int) -> LpShares:
    """Return how much of a pool's liquidity nobody can withdraw.

    Args:
        holdings: the largest accounts of the LP token.
        minted: LP tokens the pool counts; supply: those that exist.
    """
    held = [one for one in holdings if one.amount]
    burned = max(minted - supply, 0) + sum(one.amount for one in held if one.owner in BURN_OWNERS)
    locked = sum(one.amount for one in held if one.owner in LOCK_OWNERS)
    return LpShares(burned, locked, _for(burned, minted), _for(locked, minted))


def _against(amount: int, whole: int) -> int:
    return min(ceil_div(amount * BPS_ONE, whole), BPS_ONE) if whole else 0


def _for(amount: int, whole: int) -> int:
    return min(amount * BPS_ONE // whole, BPS_ONE) if whole else 0
