"""Exact arithmetic of pump.fun's curve.

curve + amount -> Quote; curve + market event -> curve after it

All divisions round down unless said otherwise; fees come on top of what reaches
the curve (a buy) or off what leaves it (a sell), each rounded up by itself.

Sources: @pump-fun/pump-sdk 2.0.0; buy_exact_quote_in checked against a mainnet
transaction of 2026-07-29, buys and sells against the trades of slot 332254908.
"""

from __future__ import annotations

import msgspec

from sniperforge.base.events import CurveCompleted, Event, Pool, PoolMigrated, Swapped
from sniperforge.base.units import BPS_ONE, ZERO_KEY, ceil_div
from sniperforge.dex import pump_fees
from sniperforge.dex.pump_fees import CURVE_RATES, Rates
from sniperforge.dex.token_pair import impact_bps
from sniperforge.dex.venue import EmptyPool, Quote

_PROTOCOL, _CREATOR = CURVE_RATES.protocol, CURVE_RATES.creator


def quote_in(pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
    """Return what the program pays for exactly *amount_in*.

    A buy follows `buy_exact_quote_in_v2` (fees inside *amount_in*), a sell
    `sell_v2`. A buy larger than what the curve has left takes all of it and pays
    only for that: `Quote.amount_in` is then smaller than asked.

    Raises:
        EmptyPool: the curve is complete, or empty on one side.
    """
    base, quote, left = _open(pool)
    if not is_buy:
        return _sold(base, quote, rates_of(pool), amount_in)
    get = pool.numbers.get
    protocol, creator = get("protocol_fee_bps", _PROTOCOL), get("creator_fee_bps", _CREATOR)
    # A sniper's own trade: `pump_fees.net_of`, its `fees` and `impact_bps`, written out.
    net = amount_in * BPS_ONE // (BPS_ONE + protocol + creator)
    fee = -(-net * protocol // BPS_ONE + -net * creator // BPS_ONE)
    if net + fee > amount_in:  # fees are rounded up one by one: as a rule they come to a unit too much
        net = amount_in - fee
        fee = -(-net * protocol // BPS_ONE + -net * creator // BPS_ONE)
    if net <= 0:
        net, fee = 0, 0
    # The program keeps one unit back, as its exact-out form adds one.
    spent = net - 1 if net else 0
    out = spent * base // (quote + spent)
    if out >= left:
        return quote_out(pool, left, is_buy=True)
    base_after = base - out
    impact = (net * base + quote * out) * BPS_ONE // (quote * base_after)
    return Quote(amount_in, out, fee, impact)


def quote_out(pool: Pool, amount_out: int, *, is_buy: bool) -> Quote:
    """Return what exactly *amount_out* costs (`buy_v2`), or the least sale that gives it.

    `Quote.amount_out` of a sell may be above what was asked, by less than one base
    unit's worth.

    Raises:
        EmptyPool: the curve is complete, or does not hold that much.
    """
    base, quote, left = _open(pool)
    rates = rates_of(pool)
    if is_buy:
        if amount_out > left:
            raise EmptyPool(f"pumpfun: {amount_out} base units asked, the curve has {left} left; ask for less")
        cost = amount_out * quote // (base - amount_out) + 1
        fee = pump_fees.fees(cost, rates)
        impact = impact_bps(base=base, quote=quote, base_after=base - amount_out, quote_after=quote + cost)
        return Quote(cost + fee, amount_out, fee, impact)
    gross = pump_fees.gross_for(amount_out, rates)
    if gross >= quote:
        raise EmptyPool(f"pumpfun: {amount_out} quote units asked, more than the curve can pay; ask for less")
    return _sold(base, quote, rates, ceil_div(gross * base, quote - gross))


def base_for_budget(pool: Pool, quote_in: int) -> int:
    """Return how many base units an exact-out buy can ask for within *quote_in*.

    The SDK's cautious form: it starts one unit lower than the program's exact-in
    arithmetic, so that the exact-out cost of the result fits the budget.
    """
    base, quote, left = _open(pool)
    rates = rates_of(pool)
    net = max(quote_in - 1, 0) * BPS_ONE // (BPS_ONE + rates.protocol + rates.creator)
    return min(net * base // (quote + net), left)


def market_cap(pool: Pool) -> int:
    """Return the quote base units all coins together are worth at the curve's price."""
    return pool.quote_reserve * pool.numbers["supply"] // pool.base_reserve


def rates_of(pool: Pool) -> Rates:
    """Return what a trade pays: the curve charges no lp fee."""
    numbers = pool.numbers
    return Rates(
        0,
        numbers.get("protocol_fee_bps", CURVE_RATES.protocol),
        numbers.get("creator_fee_bps", CURVE_RATES.creator),
    )


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* as it is after *event*; unchanged when that is of another pool or of an older slot."""
    if not isinstance(event, Swapped | CurveCompleted | PoolMigrated):
        return pool
    if event.pool != pool.address or event.slot < pool.slot:
        return pool
    if isinstance(event, Swapped):
        if event.base_reserve < 0 or event.quote_reserve < 0:
            return pool
        moved_base = event.base_reserve - pool.base_reserve
        moved_quote = event.quote_reserve - pool.quote_reserve
        numbers = dict(pool.numbers)
        numbers["real_base_reserve"] = max(numbers.get("real_base_reserve", 0) + moved_base, 0)
        numbers["real_quote_reserve"] = max(numbers.get("real_quote_reserve", 0) + moved_quote, 0)
        keys = pool.keys
        if event.creator not in (ZERO_KEY, keys.get("creator")):
            keys = {name: key for name, key in keys.items() if name != "creator_vault"} | {"creator": event.creator}
        return msgspec.structs.replace(
            pool,
            base_reserve=event.base_reserve,
            quote_reserve=event.quote_reserve,
            numbers=numbers,
            keys=keys,
            slot=event.slot,
        )
    return msgspec.structs.replace(pool, numbers={**pool.numbers, "complete": 1}, slot=event.slot)


def _open(pool: Pool) -> tuple[int, int, int]:
    """Return base and quote reserve and what is left to buy, of a curve that trades."""
    base, quote, most = pool.base_reserve, pool.quote_reserve, pool.base_reserve - 1
    if pool.numbers.get("complete"):
        raise EmptyPool("pumpfun: the curve is complete and trades no more; trade the coin's PumpSwap pool")
    if base <= 0 or quote <= 0:
        raise EmptyPool("pumpfun: the curve holds nothing on one side; load it again before trading")
    left = pool.numbers.get("real_base_reserve", most)
    return base, quote, left if left < most else most


def _sold(base: int, quote: int, rates: Rates, amount: int) -> Quote:
    gross = amount * quote // (base + amount)
    fee = pump_fees.fees(gross, rates)
    impact = impact_bps(base=base, quote=quote, base_after=base + amount, quote_after=quote - gross)
    return Quote(amount, max(gross - fee, 0), fee, impact)
