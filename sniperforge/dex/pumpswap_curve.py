"""Exact arithmetic of PumpSwap's pools.

pool + amount -> Quote; pool + market event -> pool after it

Constant product; three fees on the pool's quote side, each rounded up by itself;
the lp fee stays in the pool. A pool whose own base side is what coins are paid in
(anyone may open one with WSOL as base) is turned round when it is read:
`base_is_0` is 0, a buy of the coin is then the program's `sell`, fees are in the coin.

Sources: @pump-fun/pump-swap-sdk 1.20.0; checked against all 35 trades of slot
332254908, each of which leaves the reserves the next one starts from.
"""

from __future__ import annotations

import msgspec

from sniperforge.base.events import Event, Pool, Swapped
from sniperforge.base.units import BPS_ONE, ZERO_KEY, ceil_div
from sniperforge.dex import pump_fees, token_pair
from sniperforge.dex.pump_fees import AMM_SCHEDULE, Rates
from sniperforge.dex.token_pair import impact_bps
from sniperforge.dex.venue import EmptyPool, Quote

#: What a coin from the curve has, unless its mint says otherwise.
SUPPLY = 1_000_000_000_000_000


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what the program pays for exactly *amount_in* (fees inside it on a buy).

    Raises:
        EmptyPool: nothing on one side, or the vault cannot pay this much.
    """
    base, quote = _sides(pool)
    rates = rates_of(pool)
    if is_buy == flipped(pool):
        return _sold(pool, base, quote, rates, amount_in)
    net = max(pump_fees.net_of(amount_in, rates), 0)
    # The program keeps one unit back, as its exact-out form rounds up.
    spent = max(net - 1, 0)
    out = base * spent // (quote + spent)
    return _bought(base, quote, rates, net, out, amount_in)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return what exactly *amount_out* costs, or the least sale that gives it.

    `Quote.amount_out` of a sell may be above what was asked, by less than one base
    unit's worth.

    Raises:
        EmptyPool: the pool does not hold that much.
    """
    base, quote = _sides(pool)
    rates = rates_of(pool)
    if is_buy != flipped(pool):
        if amount_out >= base:
            raise EmptyPool(f"pumpswap: {amount_out} units asked of a pool of {base}; ask for less")
        raw = ceil_div(quote * amount_out, base - amount_out)
        return _bought(base, quote, rates, raw, amount_out, raw + pump_fees.fees(raw, rates))
    gross = pump_fees.gross_for(amount_out, rates)
    if gross >= quote:
        raise EmptyPool(f"pumpswap: {amount_out} units asked, more than the pool can pay; ask for less")
    return _sold(pool, base, quote, rates, ceil_div(gross * base, quote - gross))


def market_cap(pool: Pool) -> int:
    """Return the quote base units all coins together are worth at the pool's price."""
    base, quote = _sides(pool)
    return quote * pool.numbers.get("supply", SUPPLY) // base


def rates_of(pool: Pool) -> Rates:
    """Return what a trade pays now: a coin from the curve by its market cap, others flat."""
    numbers = pool.numbers
    if "lp_fee_bps" in numbers:
        rates = Rates(numbers["lp_fee_bps"], numbers["protocol_fee_bps"], numbers["creator_fee_bps"])
    else:
        schedule = pump_fees.from_numbers(numbers, AMM_SCHEDULE)
        if numbers.get("canonical"):
            rates = pump_fees.tiered(schedule, pool.quote_mint, market_cap(pool))
        else:
            rates = schedule.flat
    if pool.keys.get("coin_creator", ZERO_KEY) == ZERO_KEY:
        return rates._replace(creator=0)
    own = numbers.get("coin_creator_fee_bps", 0)
    return rates._replace(creator=own) if own else rates


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* as it is after *event*; see `token_pair.apply`. A trade also tells the coin's creator."""
    pool = token_pair.apply(pool, event)
    if isinstance(event, Swapped) and event.pool == pool.address:
        creator = pool.keys.get("coin_creator")
        if event.creator not in (ZERO_KEY, creator) and event.slot >= pool.slot:
            return msgspec.structs.replace(pool, keys={**pool.keys, "coin_creator": event.creator})
    return pool


def flipped(pool: Pool) -> bool:
    """Return whether the program's own base side is not the coin."""
    return not pool.numbers.get("base_is_0", 1)


def _sides(pool: Pool) -> tuple[int, int]:
    """Return the program's base and quote reserve, virtual ones included."""
    base, quote = pool.base_reserve, pool.quote_reserve
    if base <= 0 or quote <= 0:
        raise EmptyPool("pumpswap: the pool holds nothing on one side; load it again before trading")
    return (quote, base) if flipped(pool) else (base, quote)


def _bought(base: int, quote: int, rates: Rates, raw: int, out: int, paid: int) -> Quote:
    stays = raw + ceil_div(raw * rates.lp, BPS_ONE)
    impact = impact_bps(base=base, quote=quote, base_after=base - out, quote_after=quote + stays)
    return Quote(paid, out, pump_fees.fees(raw, rates), impact)


def _sold(pool: Pool, base: int, quote: int, rates: Rates, amount: int) -> Quote:
    raw = quote * amount // (base + amount)
    if raw > quote - pool.numbers.get("virtual_quote_reserves", 0):
        raise EmptyPool("pumpswap: part of the pool's price is virtual and its vault cannot pay this; sell less")
    fee = pump_fees.fees(raw, rates)
    leaves = raw - ceil_div(raw * rates.lp, BPS_ONE)
    impact = impact_bps(base=base, quote=quote, base_after=base + amount, quote_after=quote - leaves)
    return Quote(amount, max(raw - fee, 0), fee, impact)
