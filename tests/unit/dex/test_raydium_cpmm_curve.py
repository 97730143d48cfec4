"""Raydium CPMM's fees round as the program rounds: once, then split."""

from __future__ import annotations

from typing import Any

import pytest

from sniperforge.dex import raydium_cpmm_curve as curve
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.raydium_recordings import golden


@pytest.mark.parametrize("case", golden("raydium_cpmm", "quote"))
def test_golden_quotes(case: Any) -> None:
    """Where the SDK rounds otherwise than the program, the program's figure counts."""
    given_, expected = case["inputs"], case["expected"].get("onchain", case["expected"])
    rates = curve.Rates(
        trade=int(given_["trade_fee_rate"]),
        creator=int(given_["creator_fee_rate"]),
        protocol=int(given_["protocol_fee_rate"]),
        fund=int(given_["fund_fee_rate"]),
        creator_on_input=given_["creator_fee_on_input"],
    )
    trade = {"exact_in": curve.exact_in, "exact_out": curve.exact_out}[case["op"]]
    amount = int(given_["amount_in" if case["op"] == "exact_in" else "amount_out"])
    found = trade(amount, reserve_in=int(given_["reserve_in"]), reserve_out=int(given_["reserve_out"]), rates=rates)
    assert {name: str(getattr(found, name)) for name in expected} == expected


def test_the_fee_is_rounded_once_and_then_split() -> None:
    """1,129 units at 1 % and 0.1 %: 13 in all, 12 and 1; two ceilings would take 12 and 2."""
    rates = curve.Rates(trade=10_000, creator=1_000, protocol=120_000, fund=40_000)
    trade = curve.exact_in(1_129, reserve_in=89_862_368, reserve_out=1_851_073, rates=rates)
    assert (trade.trade_fee, trade.creator_fee, trade.protocol_fee, trade.fund_fee) == (12, 1, 1, 0)
    assert (trade.amount_out, trade.fees_in, trade.fees_out) == (22, 13, 0)
    assert (trade.reserve_in_after, trade.reserve_out_after) == (89_862_368 + 1_129 - 1 - 1, 1_851_073 - 22)


def test_a_fee_on_the_output_is_taken_from_what_comes() -> None:
    rates = curve.Rates(trade=0, creator=100_000, creator_on_input=False)
    trade = curve.exact_in(1_000, reserve_in=1_000, reserve_out=1_003, rates=rates)
    assert (trade.amount_out, trade.creator_fee, trade.reserve_out_after) == (450, 51, 502)


def test_an_exact_output_rounds_what_it_costs_up() -> None:
    rates = curve.Rates(trade=2_500)
    trade = curve.exact_out(333, reserve_in=1_000, reserve_out=1_000, rates=rates)
    assert (trade.amount_in, trade.trade_fee, trade.amount_out) == (502, 2, 333)


@pytest.mark.parametrize(("reserve_in", "reserve_out"), [(0, 5), (5, 0)])
def test_a_reserve_of_zero_is_refused(reserve_in: int, reserve_out: int) -> None:
    rates = curve.Rates(trade=0)
    for trade in (curve.exact_in, curve.exact_out):
        with pytest.raises(EmptyPool):
            trade(1, reserve_in=reserve_in, reserve_out=reserve_out, rates=rates)


def test_a_trade_fee_alone_rounds_up() -> None:
    assert [curve.trade_fee(amount, 2_500) for amount in (0, 1, 400, 401)] == [0, 1, 1, 2]
