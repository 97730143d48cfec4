"""The door for intents: what no bot can mean is turned away before it touches money or journal."""

from __future__ import annotations

from sniperforge.base.events import OrderProposed, Pool
from sniperforge.base.units import U64_MAX

#: SQLite's integers are signed.
_ID_MAX = (1 << 63) - 1


def malformed(intent: OrderProposed) -> str:
    """Return what no bot can mean: numbers that fit no journal or no transaction, keys that are none."""
    pool = intent.pool
    if not (0 < intent.id <= _ID_MAX and 0 <= intent.position_id <= _ID_MAX):
        return "its id or position id is not a positive 63-bit integer"
    a, b, c, d = intent.amount_in, intent.amount_out_min, intent.priority_fee_micro_lamports, intent.tip_lamports
    # All bits together: below 2^64 only if each number is, and negative only if one is.
    if not 0 <= a | b | c | d <= U64_MAX and (max(a, b, c, d) > U64_MAX or min(a, b, c, d) < -_ID_MAX):
        return "an amount does not fit 64 bits"
    if not -_ID_MAX <= intent.slippage_bps <= _ID_MAX:
        return "an amount does not fit 64 bits"
    if not keys_fit(pool):
        return "a key of its pool does not have 32 bytes"
    return ""


def keys_fit(pool: Pool) -> bool:
    """Return whether every key of *pool* has 32 bytes."""
    if not 32 == len(pool.address) == len(pool.base_mint) == len(pool.quote_mint):
        return False
    for key in pool.keys.values():
        if len(key) != 32:
            return False
    return len(pool.base_program) == len(pool.quote_program) == 32
