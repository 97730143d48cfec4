"""The longest transaction each venue can make: every variant of pool and order, with a durable nonce and a tip.

venue + side -> pools, messages

A variant adds whatever lengthens: a Token-2022 coin, accounts opened and closed,
SOL wrapped and unwrapped, markets, referrers, bitmaps, arrays on both sides.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sniperforge.base.events import Pool
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.coordinate.builder import Builder, Terms
from sniperforge.dex import pumpswap_instructions, raydium_amm
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022, USDC, WSOL, ata
from sniperforge.dex.raydium_clmm_layouts import TICKS_PER_ARRAY
from sniperforge.dex.venue import AccountMeta, Instruction, Venue
from sniperforge.dex.venues import VENUES
from sniperforge.trading.transaction import (
    SIGNATURE_BYTES,
    TRANSACTION_BYTES_MAX,
    LookupTable,
    TransactionTooLong,
    compile_message,
)
from tests.unit.coordinate.stand import name_key
from tests.unit.dex.test_venue_conformance import NUMBERS, _pool

WALLET, TIP, NONCE = name_key("wallet"), name_key("tip account"), name_key("nonce account")
RECENT_BLOCKHASHES = key("SysvarRecentB1ockHashes11111111111111111111")
#: AdvanceNonceAccount, always the first instruction of a transaction with a durable nonce.
ADVANCE = Instruction(
    SYSTEM,
    (AccountMeta(NONCE, writable=True), AccountMeta(RECENT_BLOCKHASHES), AccountMeta(WALLET, signer=True)),
    struct.pack("<I", 4),
)

_SPACING = NUMBERS["raydium_clmm"]["tick_spacing"]
_SPAN, _TICK = TICKS_PER_ARRAY * _SPACING, NUMBERS["raydium_clmm"]["tick"]
_AMM_V4_MARKET = {name: name_key(name) for name in raydium_amm.MARKET_KEYS}
_BITMAP = {"bin_array_bitmap_extension": name_key("bitmap")}
_REFERRAL = {"referral_token_account": name_key("referral")}
#: What a pool of each venue may have besides, each with everything else.
MORE_KEYS: Mapping[str, Sequence[Mapping[str, Pubkey]]] = {
    "raydium_amm_v4": ({}, _AMM_V4_MARKET),
    "raydium_launchlab": ({}, {"share_fee_receiver": name_key("share fee receiver")}),
    "meteora_damm_v2": ({}, _REFERRAL),
    "meteora_dbc": ({}, _REFERRAL),
    "meteora_dlmm": ({}, _BITMAP),
}
_SIDES = ({"base_is_0": 0}, {"base_is_0": 1})
MORE_NUMBERS: Mapping[str, Sequence[Mapping[str, int]]] = {
    "pumpfun": ({}, {"mayhem": 1}),
    "pumpswap": tuple({**side, "cashback": cashback} for side in _SIDES for cashback in (0, 1)),
    "meteora_damm_v2": tuple({**side, "fee_mode": mode} for side in _SIDES for mode in (0, 2)),
    "meteora_dbc": tuple({"sees_instructions": sees} for sees in range(3)),
    # A third bin array in each direction.
    "meteora_dlmm": ({}, {"arrays": 5, **{f"array.{at}": at - 18 for at in range(5)}}),
    # Three arrays in each direction, each with a tick that has liquidity.
    "raydium_clmm": ({}, {f"tick.{_TICK // _SPAN * _SPAN + at * _SPAN}": -at for at in range(-3, 4) if at}),
    "orca_whirlpool": ({}, {"tick_spacing": 64}),
}

#: What a table for PumpSwap wants: the accounts every swap for SOL lists, none of a coin, a wallet or a tip.
PUMPSWAP_FIXED: dict[str, Pubkey] = {
    name: pumpswap_instructions.CONSTANTS[name]
    for name in ("global_config", "event_authority", "fee_program", "fee_config", "global_volume_accumulator")
}
for _name, _owner in (
    ("protocol_fee_recipient", pumpswap_instructions.FEE_RECIPIENT),
    ("mayhem_fee_recipient", pumpswap_instructions.MAYHEM_FEE_RECIPIENT),
    ("buyback_fee_recipient", pumpswap_instructions.BUYBACK_FEE_RECIPIENT),
):
    PUMPSWAP_FIXED |= {_name: _owner, f"{_name}_token_account": ata(_owner, WSOL)}
PUMPSWAP_FIXED["wrapped_sol"] = WSOL
TABLE = LookupTable(name_key("lookup table"), tuple(PUMPSWAP_FIXED.values()))


class Size(NamedTuple):
    """How long the longest variant is, without and with `TABLE`, in bytes with its signature; and what it locks."""

    bytes: int
    accounts: int
    bytes_with_table: int


def pools(venue: Venue) -> Iterator[Pool]:
    """Yield a pool of every variant of *venue*."""
    programs = (TOKEN,) if venue.name == "raydium_amm_v4" else (TOKEN, TOKEN_2022)
    keys, numbers = MORE_KEYS.get(venue.name, ({},)), MORE_NUMBERS.get(venue.name, ({},))
    for program, quote, more_keys, more_numbers in itertools.product(programs, (WSOL, USDC), keys, numbers):
        pool = _pool(venue, program=program)
        yield msgspec.structs.replace(
            pool, quote_mint=quote, keys={**pool.keys, **more_keys}, numbers={**pool.numbers, **more_numbers}
        )


def orders(venue: Venue, *, is_buy: bool) -> Iterator[tuple[Pool, Terms]]:
    """Yield every pool with every kind of order: accounts opened by a buy, closed by a sell, and a tip."""
    for pool, exact_out in itertools.product(pools(venue), (False, True)):
        units = venue.compute_units(is_buy)
        yield pool, Terms(is_buy, 10**9, 5, 1_000, units, 1_000, closes_account=not is_buy, exact_out=exact_out)


def instructions(pool: Pool, terms: Terms) -> tuple[Instruction, ...]:
    """Return what the coordinator would send, behind a nonce."""
    return ADVANCE, *Builder(WALLET, VENUES, tip_account=TIP).instructions(pool, terms)


def size(steps: Sequence[Instruction]) -> Size:
    """Return the size of *steps*, whether or not it may be sent."""
    accounts = {WALLET} | {one.program for one in steps} | {meta.key for one in steps for meta in one.accounts}
    length = _length(steps)
    with_table = _length(steps, [TABLE]) if length > TRANSACTION_BYTES_MAX else length
    return Size(length, len(accounts), with_table)


def _length(steps: Sequence[Instruction], tables: Sequence[LookupTable] = ()) -> int:
    try:
        return 1 + SIGNATURE_BYTES + len(compile_message(WALLET, steps, bytes(32), tables=tables))
    except TransactionTooLong as problem:
        return problem.size


def largest(venue: Venue, *, is_buy: bool, nonce: bool = True) -> Size:
    """Return the longest of all variants."""
    return max(size(instructions(*one)[0 if nonce else 1 :]) for one in orders(venue, is_buy=is_buy))
