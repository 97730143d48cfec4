"""The arithmetic of Raydium CPMM: constant product, and two fees that round as the program rounds.

amount, reserves, rates -> amounts and every fee, exact

Source: raydium-io/raydium-cp-swap, programs/cp-swap/src/curve/{calculator,fees}.rs.
The official SDK rounds trade and creator fee apart when both are on the input and
is off by one unit now and then; the program rounds once and splits.
"""

from __future__ import annotations

from typing import NamedTuple

from sniperforge.base.units import ceil_div
from sniperforge.dex.venue import EmptyPool

RATE_ONE = 1_000_000


class Rates(NamedTuple):
    """Fee rates per million; `protocol` and `fund` are shares of the trade fee.

    Attributes:
        creator: 0 unless the pool has its creator fee enabled.
        creator_on_input: the creator's fee is taken from what goes in, else from what comes out.
    """

    trade: int
    creator: int = 0
    protocol: int = 0
    fund: int = 0
    creator_on_input: bool = True


class Trade(NamedTuple):
    """One trade: what goes in with all fees, what comes out, and where the fees went.

    `protocol_fee` and `fund_fee` are parts of `trade_fee`; these two and
    `creator_fee` leave the reserves, the rest of `trade_fee` stays in the pool.
    `fees_in` are all fees taken from what goes in, `fees_out` from what comes out.
    """

    amount_in: int
    amount_out: int
    trade_fee: int
    creator_fee: int
    protocol_fee: int
    fund_fee: int
    reserve_in_after: int
    reserve_out_after: int
    fees_in: int
    fees_out: int


def trade_fee(amount_in: int, rate: int) -> int:
    """Return the trade fee of *amount_in*, rounded up, where no creator fee is taken with it."""
    return ceil_div(amount_in * rate, RATE_ONE)


def exact_in(amount_in: int, *, reserve_in: int, reserve_out: int, rates: Rates) -> Trade:
    """Return the trade that pays *amount_in*; fees round up, what comes out rounds down.

    Args:
        amount_in: base units that reach the vault.
        reserve_in, reserve_out: vault balances less all fees owed, before the trade.

    Raises:
        EmptyPool: a reserve is zero.
    """
    if reserve_in <= 0 or reserve_out <= 0:
        raise EmptyPool("raydium_cpmm: a reserve is zero; nothing can be traded here")
    fees_in = ceil_div(amount_in * _rate_in(rates), RATE_ONE)
    net = amount_in - fees_in
    gross_out = net * reserve_out // (reserve_in + net)
    fees_out = 0 if rates.creator_on_input else ceil_div(gross_out * rates.creator, RATE_ONE)
    return _trade(net, fees_in, gross_out, fees_out, reserve_in, reserve_out, rates)


def exact_out(amount_out: int, *, reserve_in: int, reserve_out: int, rates: Rates) -> Trade:
    """Return the trade that pays out *amount_out*; what goes in rounds up.

    Raises:
        EmptyPool: a reserve is zero, or holds no more than what shall come out.
    """
    rate_out = 0 if rates.creator_on_input else rates.creator
    gross_out = ceil_div(amount_out * RATE_ONE, RATE_ONE - rate_out)
    if reserve_in <= 0 or gross_out >= reserve_out:
        raise EmptyPool(f"raydium_cpmm: {gross_out} shall come out of {reserve_out}; ask for less")
    net = ceil_div(reserve_in * gross_out, reserve_out - gross_out)
    fees_in = ceil_div(net * RATE_ONE, RATE_ONE - _rate_in(rates)) - net
    return _trade(net, fees_in, gross_out, gross_out - amount_out, reserve_in, reserve_out, rates)


def _rate_in(rates: Rates) -> int:
    return rates.trade + (rates.creator if rates.creator_on_input else 0)


def _trade(
    net: int, fees_in: int, gross_out: int, fees_out: int, reserve_in: int, reserve_out: int, rates: Rates
) -> Trade:
    together = rates.trade + rates.creator
    creator_in = fees_in * rates.creator // together if rates.creator_on_input and together else 0
    trade_fee_taken = fees_in - creator_in
    protocol_fee = trade_fee_taken * rates.protocol // RATE_ONE
    fund_fee = trade_fee_taken * rates.fund // RATE_ONE
    return Trade(
        amount_in=net + fees_in,
        amount_out=gross_out - fees_out,
        trade_fee=trade_fee_taken,
        creator_fee=creator_in + fees_out,
        protocol_fee=protocol_fee,
        fund_fee=fund_fee,
        reserve_in_after=reserve_in + net + trade_fee_taken - protocol_fee - fund_fee,
        reserve_out_after=reserve_out - gross_out,
        fees_in=fees_in,
        fees_out=fees_out,
    )
