"""LaunchLab's three curves give the SDK's figures to the unit, and nobody gains by trading to and fro."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sniperforge.dex import raydium_launchlab_curve as curve
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.raydium_recordings import golden

RATES = curve.Rates(protocol=2_500, platform=10_000, creator=500)
#: bonk.fun's usual launch: 793.1 of 1,000 million coins for 85 SOL (mainnet, 2025-10).
USUAL = {"supply": 10**15, "total_base_sell": 793_100_000_000_000, "raising": 85 * 10**9, "locked": 0, "migrate_fee": 0}


def usual(kind: int = curve.CONSTANT) -> curve.Curve:
    made = curve.start(kind, **USUAL)
    return curve.Curve(kind, made.virtual_base, made.virtual_quote, 0, 0, made.total_base_sell)


def test_the_usual_launch_starts_where_mainnet_s_do() -> None:
    assert curve.start(curve.CONSTANT, **USUAL)[:2] == (1_073_025_605_596_382, 30_000_852_951)


def test_mainnet_s_first_buy_is_quoted_to_the_unit() -> None:
    """Slot 372149510: 9,999,999 lamports, of which 130,000 are fees, bring 352,899,251,106 coins."""
    bought = curve.buy_exact_in(usual(), 9_999_999, RATES)
    assert (bought.amount_in, bought.fee, bought.real_quote_after) == (9_999_999, 130_000, 9_869_999)
    assert bought.amount_out == bought.real_base_after == 352899251106
    assert curve.shared(130_000, RATES) == curve.Fees(platform=100_000, creator=5_000, share=0, protocol=25_000)


def test_a_buy_of_more_than_is_left_takes_the_rest_and_pays_for_that() -> None:
    state = usual()
    bought = curve.buy_exact_in(state, 10**15, RATES)
    assert bought.amount_out == state.total_base_sell
    assert bought.amount_in < 87 * 10**9
    assert bought.real_quote_after >= 85 * 10**9 - 1


def test_what_is_not_there_is_not_quoted() -> None:
    state = usual()
    with pytest.raises(EmptyPool, match="left on the curve"):
        curve.buy_exact_out(state, state.total_base_sell + 1, RATES)
    with pytest.raises(EmptyPool, match="were sold"):
        curve.sell_exact_in(state, 1, RATES)
    with pytest.raises(EmptyPool, match="ask for less"):
        curve.sell_exact_out(state, 1, RATES)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (0, {"total_base_sell": 10**15}),
        (0, {"total_base_sell": 1}),
        (0, {"raising": 0}),
        (1, {"raising": 0}),
        (2, {"raising": 0}),
        (1, {"locked": 10**15}),
        (2, {"migrate_fee": 85 * 10**9 + 1}),
        (2, {"raising": 1}),
        (3, {}),
    ],
)
def test_numbers_that_give_no_curve_are_refused(kind: int, change: dict[str, int]) -> None:
    with pytest.raises(EmptyPool, match="no curve"):
        curve.start(kind, **{**USUAL, **change})


@pytest.mark.parametrize(
    ("state", "sound"),
    [
        (usual(), True),
        (usual(curve.LINEAR), True),
        (usual()._replace(virtual_base=793_100_000_000_000), False),
        (usual()._replace(virtual_quote=0), False),
        (usual(curve.LINEAR)._replace(virtual_quote=1), False),
        (usual()._replace(kind=3), False),
        (usual()._replace(total_base_sell=0), False),
    ],
)
def test_a_curve_without_a_price_is_not_sound(state: curve.Curve, sound: bool) -> None:
    assert curve.is_sound(state) is sound


@given(st.sampled_from([0, 1, 2]), st.integers(0, 10**12), st.integers(0, 10**11))
def test_buying_and_selling_back_never_pays(kind: int, before: int, amount: int) -> None:
    """Rounding goes to the curve, and both ways pay fees."""
    state = usual(kind)
    first = curve.buy_exact_in(state, before, RATES)
    state = state._replace(real_base=first.real_base_after, real_quote=first.real_quote_after)
    bought = curve.buy_exact_in(state, amount, RATES)
    after = state._replace(real_base=bought.real_base_after, real_quote=bought.real_quote_after)
    sold = curve.sell_exact_in(after, bought.amount_out, RATES)
    assert sold.amount_out <= bought.amount_in
    assert min(bought.fee, sold.fee, sold.amount_out, sold.real_quote_after) >= 0


@given(st.sampled_from([0, 1, 2]), st.integers(10**7, 10**11), st.data())
def test_exact_outputs_are_the_inverse_of_exact_inputs(kind: int, before: int, data: st.DataObject) -> None:
    """Paying what an exact output costs brings it, whichever way."""
    state = usual(kind)
    first = curve.buy_exact_in(state, before, RATES)
    state = state._replace(real_base=first.real_base_after, real_quote=first.real_quote_after)
    left = state.total_base_sell - state.real_base
    assume(left > 0)
    wanted = data.draw(st.integers(1, left))
    asked = curve.buy_exact_out(state, wanted, RATES)
    # The linear curve's square root is rounded to the nearest: one coin unit of slack.
    assert curve.buy_exact_in(state, asked.amount_in, RATES).amount_out >= wanted - (kind == curve.LINEAR)
    most = state.real_quote - -(-state.real_quote * RATES.total // curve.RATE_ONE) - 1
    quote = data.draw(st.integers(1, max(most, 1)))
    sold = curve.sell_exact_out(state, quote, RATES)
    assert curve.sell_exact_in(state, sold.amount_in, RATES).amount_out >= quote


@pytest.mark.parametrize("case", golden("raydium_launchlab", "quote"))
def test_golden_quotes(case: Any) -> None:
    given_ = {name: int(value) for name, value in case["inputs"].items()}
    expected = case["expected"]
    if case["op"] == "init_params":
        found = curve.start(
            given_["curve_type"],
            supply=given_["supply"],
            total_base_sell=given_["total_base_sell"],
            raising=given_["total_quote_fund_raising"],
            locked=given_["total_locked_amount"],
            migrate_fee=given_["migrate_fee"],
        )
        assert {name: str(value) for name, value in found._asdict().items()} == expected
        return
    counters = ("curve_type", "virtual_base", "virtual_quote", "real_base", "real_quote", "total_base_sell")
    state = curve.Curve(*(given_[name] for name in counters))
    names = ("protocol_fee_rate", "platform_fee_rate", "creator_fee_rate", "share_fee_rate")
    rates = curve.Rates(*(given_[name] for name in names))
    trade = {
        "buy_exact_in": curve.buy_exact_in,
        "buy_exact_out": curve.buy_exact_out,
        "sell_exact_in": curve.sell_exact_in,
    }[case["op"]](state, given_.get("amount_in", given_.get("amount_out", 0)), rates)
    amounts = {"amount_in_used": trade.amount_in, "amount_in": trade.amount_in, "amount_out": trade.amount_out}
    assert {name: str(amounts[name]) for name in expected if name in amounts} == {
        name: value for name, value in expected.items() if name in amounts
    }
    shares = curve.shared(trade.fee, rates)._asdict()
    assert {f"{name}_fee": str(value) for name, value in shares.items()} == expected["fees"]
