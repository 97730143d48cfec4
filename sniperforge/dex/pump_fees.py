"""Fees of pump.fun and PumpSwap: one fee program serves both.

FeeConfig account -> FeeSchedule; schedule + market cap -> Rates; amount + Rates -> fees

Every fee is rounded up by itself, so two fees of 1 bp cost more than one of 2.

Sources: @pump-fun/pump-sdk 2.0.0 (pump_fees.json, fee tiers); tiers as read from
mainnet at slot 445186127 (2026-09-08); the rates of curve trades as the chain's
own `GetFees` returned them in 2026-07.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import BPS_ONE, Pubkey, ceil_div
from sniperforge.dex.borsh import Codec, Record, Structs
from sniperforge.dex.programs import USDC, WSOL
from sniperforge.dex.venue import EmptyPool

FEE_CONFIG = bytes.fromhex("8f3492bbdb7b4c9b")


class Rates(NamedTuple):
    """Basis points of the quote amount: lp (stays in the pool), protocol, creator."""

    lp: int
    protocol: int
    creator: int


Tiers = tuple[tuple[int, Rates], ...]


class FeeSchedule(NamedTuple):
    """What a FeeConfig account says.

    Attributes:
        flat: for pools that did not come from a curve.
        tiers: (market cap in lamports, rates), rising, for coins paid in SOL.
        stable_tiers: the same in USDC base units.
        exotic_flat: for other quotes; all zero means `flat`.
    """

    flat: Rates
    tiers: Tiers
    stable_tiers: Tiers
    exotic_flat: Rates


NO_RATES = Rates(0, 0, 0)

# threshold in SOL, creator rate; lp 20 and protocol 5 from the second tier on
_AMM_TIERS = (
    (420, 95), (1470, 90), (2460, 85), (3440, 80), (4420, 75), (9820, 70), (14740, 65), (19650, 60), (24560, 55),
    (29470, 50), (34380, 45), (39300, 40), (44210, 35), (49120, 30), (54030, 28), (58940, 25), (63860, 23),
    (68770, 20), (73681, 18), (78590, 15), (83500, 13), (88400, 10), (93330, 8), (98240, 5),
)  # fmt: skip
# in thousand USDC: the fact sheet names 59, 300, 500, 700, 900, 2000 and then every further million up to 20
_STABLE = (59, 300, 500, 700, 900, *range(2_000, 20_001, 1_000))
_FIRST = Rates(2, 93, 30)

AMM_SCHEDULE = FeeSchedule(
    flat=Rates(25, 5, 0),
    tiers=((0, _FIRST), *((cap * 10**9, Rates(20, 5, creator)) for cap, creator in _AMM_TIERS)),
    stable_tiers=(
        (0, _FIRST),
        *((cap * 10**9, Rates(20, 5, creator)) for cap, (_, creator) in zip(_STABLE, _AMM_TIERS, strict=True)),
    ),
    exotic_flat=NO_RATES,
)

#: A curve's market cap ends below the first threshold, so one tier is all.
CURVE_RATES = Rates(0, 95, 30)

_OWN = Structs(
    structs={
        "Fees": (("lp", "u64"), ("protocol", "u64"), ("creator", "u64")),
        "FeeTier": (("cap", "u128"), ("fees", "Fees")),
    }
)
_BODY = Codec(
    (
        ("bump", "u8"),
        ("admin", "pubkey"),
        ("flat", "Fees"),
        ("tiers", "vec<FeeTier>"),
        ("stable_tiers", "vec<FeeTier>"),
        ("exotic_flat", "Fees"),
    ),
    required=4,
    own=_OWN,
)
_PACKED = struct.Struct(">HHH")


def decode_fee_config(data: bytes) -> FeeSchedule:
    """Return the schedule in a raw FeeConfig account.

    The account is allocated larger than what it holds, so bytes after the last
    field are spare room; those of an account from before the stable tiers (2512
    bytes) are zeros and read as no tiers.

    Raises:
        DecodeError: it is another account, or a rate is above 100 %.
    """
    if data[:8] != FEE_CONFIG:
        raise DecodeError("this is no FeeConfig account: its first 8 bytes differ; check the address asked for")
    record = _BODY.decode(data, 8, tail_max=len(data))
    return FeeSchedule(
        _rates(record, "flat."),
        tuple((row.ints["cap"], _rates(row, "fees.")) for row in record.rows["tiers"]),
        tuple((row.ints["cap"], _rates(row, "fees.")) for row in record.rows["stable_tiers"]),
        _rates(record, "exotic_flat."),
    )


def tiered(schedule: FeeSchedule, quote_mint: Pubkey, market_cap: int) -> Rates:
    """Return the rates of a coin from a curve, by its market cap in quote base units."""
    if quote_mint == WSOL:
        tiers = schedule.tiers
    elif quote_mint == USDC:
        tiers = schedule.stable_tiers
    else:
        return schedule.exotic_flat if any(schedule.exotic_flat) else schedule.flat
    if not tiers:
        return schedule.flat
    chosen = tiers[0][1]
    for cap, rates in tiers:
        if cap > market_cap:
            break
        chosen = rates
    return chosen


def fees(amount: int, rates: Rates) -> int:
    """Return all fees on *amount*, each rounded up by itself."""
    lp, protocol, creator = rates
    # Three times `ceil_div`, written out: a quote comes here twice, and a sniper quotes all day.
    return -(-amount * lp // BPS_ONE + -amount * protocol // BPS_ONE + -amount * creator // BPS_ONE)


def net_of(spend: int, rates: Rates) -> int:
    """Return how much of *spend*, fees included, reaches the curve: as both programs compute it."""
    net = spend * BPS_ONE // (BPS_ONE + sum(rates))
    return net - max(net + fees(net, rates) - spend, 0)


def gross_for(net: int, rates: Rates) -> int:
    """Return the least gross amount of which *net* is left after the fees.

    Raises:
        EmptyPool: the rates take everything.
    """
    total = sum(rates)
    if total >= BPS_ONE:
        raise EmptyPool(f"fees of {total} bps leave nothing to receive; do not trade it")
    gross = ceil_div(net * BPS_ONE, BPS_ONE - total)
    # Rounding up three times costs at most three units more than the exact rate.
    while gross - fees(gross, rates) < net:
        gross += 1
    return gross


def to_numbers(schedule: FeeSchedule) -> dict[str, int]:
    """Return *schedule* as `Pool.numbers` carries it: `fees.…` -> packed rates."""
    numbers = {"fees.flat": _pack(schedule.flat), "fees.exotic": _pack(schedule.exotic_flat)}
    numbers |= {f"fees.sol.{cap}": _pack(rates) for cap, rates in schedule.tiers}
    return numbers | {f"fees.usdc.{cap}": _pack(rates) for cap, rates in schedule.stable_tiers}


def from_numbers(numbers: Mapping[str, int], default: FeeSchedule) -> FeeSchedule:
    """Return the schedule *numbers* carries, or *default* when it carries none."""
    if "fees.flat" not in numbers:
        return default
    return FeeSchedule(
        _unpack(numbers["fees.flat"]),
        _tiers_of(numbers, "fees.sol."),
        _tiers_of(numbers, "fees.usdc."),
        _unpack(numbers["fees.exotic"]),
    )


def _tiers_of(numbers: Mapping[str, int], prefix: str) -> Tiers:
    found = [(int(name[len(prefix) :]), _unpack(packed)) for name, packed in numbers.items() if name.startswith(prefix)]
    return tuple(sorted(found))


def _pack(rates: Rates) -> int:
    return int.from_bytes(_PACKED.pack(*rates), "big")


def _unpack(packed: int) -> Rates:
    return Rates(*_PACKED.unpack(packed.to_bytes(_PACKED.size, "big")))


def _rates(record: Record, prefix: str) -> Rates:
    rates = Rates(record.ints[prefix + "lp"], record.ints[prefix + "protocol"], record.ints[prefix + "creator"])
    if max(rates) > BPS_ONE:
        raise DecodeError(f"a fee of {max(rates)} bps is above 100 %; this is no FeeConfig, or its layout changed")
    return rates
