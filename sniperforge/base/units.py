"""Money, time and keys are integers and bytes with names.

Lamports and base units are never floats; a float is for a screen only.
"""

from __future__ import annotations

from typing import NewType

Lamports = NewType("Lamports", int)
BaseUnits = NewType("BaseUnits", int)
Nanos = NewType("Nanos", int)
Bps = NewType("Bps", int)
Slot = NewType("Slot", int)
Pubkey = NewType("Pubkey", bytes)

BPS_ONE = 10_000
LAMPORTS_PER_SOL = 1_000_000_000
U64_MAX = (1 << 64) - 1
NANOS_PER_SECOND = 1_000_000_000

ZERO_KEY = Pubkey(bytes(32))


def ceil_div(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded up; the denominator is positive."""
    return -(-numerator // denominator)


def slippage_max(amount: int, slippage_bps: int) -> int:
    """Return the most to pay for a quote of *amount*, rounded down to a base unit."""
    return min(amount * (BPS_ONE + slippage_bps) // BPS_ONE, U64_MAX)


def slippage_min(amount: int, slippage_bps: int) -> int:
    """Return the least to accept for a quote of *amount*, rounded down; never below 0."""
    return max(amount * (BPS_ONE - slippage_bps) // BPS_ONE, 0)


def sol(lamports: int) -> str:
    """Return *lamports* as SOL for a screen, nine decimals trimmed, sign kept."""
    sign = "-" if lamports < 0 else ""
    whole, part = divmod(abs(lamports), LAMPORTS_PER_SOL)
    return f"{sign}{whole}.{part:09d}".rstrip("0").rstrip(".")
