"""What a launch is by itself: curve or pool, liquidity, what its program made of the mint, when it opens.

Pool        -> is it a curve, the quote tokens in it, the facts of its mint that are certain
PoolCreated -> when it can be traded
"""

from __future__ import annotations

from typing import NamedTuple

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Pool, PoolCreated
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex.programs import TOKEN, USDC, WSOL

NANOS_PER_MS = 1_000_000

#: Quote mints that settings may call by name.
QUOTE_NAMES = {"SOL": WSOL, "USDC": USDC}

#: Venues where nobody can take liquidity out, and where reserves that set the
#: price are virtual: a fresh curve quotes 30 SOL and holds none.
CURVES = frozenset(("pumpfun", "raydium_launchlab", "meteora_dbc"))


def is_curve(pool: Pool) -> bool:
    """Return whether *pool* is a bonding curve (virtual reserves, liquidity nobody can remove)."""
    return pool.venue in CURVES


def quote_liquidity(pool: Pool) -> int:
    """Return the quote base units that are really in *pool*.

    A curve tells them as `numbers["real_quote_reserve"]`; where it does not, they
    count as 0. An AMM's are its quote reserve, less the virtual part PumpSwap may add
    to it (`base_is_0` = 0: the pool is turned round, the virtual part is on the other side).
    """
    if is_curve(pool):
        return pool.numbers.get("real_quote_reserve", 0)
    virtual = pool.numbers.get("virtual_quote_reserves", 0) if pool.numbers.get("base_is_0", 1) else 0
    return max(pool.quote_reserve - virtual, 0)


class TokenFacts(NamedTuple):
    """What the mint account says; an authority is the zero key when there is none."""

    mint_authority: Pubkey
    freeze_authority: Pubkey
    extensions: tuple[str, ...]


def facts_of_program(pool: Pool) -> TokenFacts | None:
    """Return what is certain because the venue's own program made the mint, else None.

    pump.fun makes the mint, mints the whole supply to the curve and gives up the
    mint authority in the same instruction, with no freeze authority; `create_v2`
    adds metadata_pointer and token_metadata and nothing else. LaunchLab does the
    same for SPL Token coins; its Token-2022 coins may carry a transfer fee, so
    those are read. Recorded creations of both show it: InitializeMint2 without a
    freeze authority, MintTo, SetAuthority(mint tokens, none). A PumpSwap or Raydium
    pool takes any mint: nothing is certain.
    """
    if pool.venue == "pumpfun":
        return PLAIN if pool.base_program == TOKEN else WITH_METADATA
    if pool.venue == "raydium_launchlab" and pool.base_program == TOKEN:
        return PLAIN
    return None


#: What the programs of pump.fun and LaunchLab make of a mint.
PLAIN = TokenFacts(ZERO_KEY, ZERO_KEY, ())
WITH_METADATA = TokenFacts(ZERO_KEY, ZERO_KEY, ("metadata_pointer", "token_metadata"))


def opens_ns(launch: PoolCreated, margin_ms: int = 0) -> int:
    """Return when *launch* can be traded (opening and margin), in epoch nanoseconds; 0 = at once."""
    return launch.open_time * NANOS_PER_SECOND + margin_ms * NANOS_PER_MS if launch.open_time else 0


def is_key(name: str) -> bool:
    """Return whether *name* is a base58 key."""
    try:
        keys.key(name)
    except DecodeError:
        return False
    return True


def key_text(key: Pubkey) -> str:
    """Return *key* in base58; in hex when it is none."""
    return keys.text(key) if len(key) == 32 else key.hex()
