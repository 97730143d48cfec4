"""Meteora DLMM's arithmetic is the program's: every quote of the official SDK, every recorded trade of one bin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.units import ceil_div
from sniperforge.dex import meteora_dlmm_curve as curve
from sniperforge.dex import meteora_dlmm_layouts as layout
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.meteora_dlmm_vectors import folded, make_pool
from tests.unit.dex.raydium_recordings import SHARED, block, golden, recorded, shared_json

#: Every step a preset has; a trade of mainnet names none.
STEPS = (1, 2, 4, 5, 8, 10, 15, 16, 20, 25, 30, 50, 60, 75, 80, 100, 125, 150, 160, 200, 250, 400)


@pytest.mark.parametrize("case", golden("meteora_dlmm", "math"))
def test_prices_are_the_sdk_s(case: Any) -> None:
    """All 128 bits, far from one on either side."""
    given_, expected = case["inputs"], case["expected"]
    assert str(curve.price_of(given_["bin_id"], given_["bin_step"])) == expected["price_q64"]
    assert str(layout.array_of(given_["bin_id"])) == expected["bin_array_index"]


def test_a_price_beyond_the_range_is_zero() -> None:
    """The program refuses it; whoever divides by a price looks first."""
    assert curve.price_of(0, 100) == curve.ONE
    assert curve.price_of(443_636, 400) == 0
    assert curve.price_of(-443_636, 400) == 0
    assert curve.price_of(1, 100) == 18_631_211_514_446_647_132
    assert curve.price_of(-1, 100) == 18_264_103_043_276_783_778


def _numbers(given_: Any) -> dict[str, int]:
    state = layout.decode_lb_pair(bytes.fromhex(given_["lb_pair_data_hex"]))
    arrays = sorted({row[0] // 70 for row in given_["bins"]})
    numbers = {**state.ints, "now": given_["current_timestamp"], "arrays": len(arrays)}
    numbers |= {f"array.{place}": index for place, index in enumerate(arrays)}
    for bin_id, x, y in given_["bins"]:
        numbers |= {f"bin.{bin_id}.x": int(x), f"bin.{bin_id}.y": int(y)}
    return numbers


@pytest.mark.parametrize("case", golden("meteora_dlmm", "quote"))
def test_quotes_are_the_sdk_s(case: Any) -> None:
    """What is taken, what is given and the whole fee; and the way back costs no more than that."""
    given_, expected = case["inputs"], case["expected"]
    numbers, x_to_y = _numbers(given_), given_["swap_for_y"]
    if "error" in expected:
        with pytest.raises(EmptyPool, match="reload"):
            curve.walk_in(numbers, int(given_["amount_in"]), x_to_y=x_to_y)
        return
    walk = curve.walk_in(numbers, int(given_["amount_in"]), x_to_y=x_to_y)
    told = int(expected["amount_in_consumed"]), int(expected["amount_out"])
    assert (walk.amount_in, walk.amount_out) == told
    assert walk.fee == int(expected["fee"]) + int(expected["protocol_fee"])
    back = curve.walk_out(numbers, walk.amount_out, x_to_y=x_to_y)
    assert back.amount_out >= walk.amount_out
    assert back.amount_in <= walk.amount_in


def test_trades_of_one_bin_are_reproduced_to_the_unit() -> None:
    """17 of 23 recorded swaps: their fee by the told rate, their output by the price of one step only."""
    folders = [SHARED / kind / "meteora_dlmm" for kind in ("mainnet", "program_output")]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip("../shared/mainnet is absent")
    raws: list[Any] = [json.loads(path.read_text()) for folder in folders for path in sorted(Path(folder).iterdir())]
    for slot in (254170887, 332254908):
        raws += [one for one in block(slot) if one["meta"].get("err") is None]
    trades = [trade for raw in raws for trade in _trades(raw)]
    inside = [trade for trade in trades if trade["start_bin_id"] == trade["end_bin_id"]]
    assert (len(trades), len(inside)) == (23, 17)
    for trade in inside:
        assert trade["fee"] == ceil_div(trade["amount_in"] * trade["fee_bps"], curve.RATE_ONE)
        assert len([step for step in STEPS if _gives(trade, step)]) == 1


def _trades(raw: Any) -> list[dict[str, int]]:
    if not any("LBUZKhRx" in line for line in _logs(raw)):
        return []
    events = [payload for step in recorded(raw).of(layout.PROGRAM) for payload in folded(step).events]
    return [layout.EVENTS[one[:8]][1].decode(one, 8).ints for one in events if one[:8] == layout.SWAP_EVENT]


def _logs(raw: Any) -> list[str]:
    raw = raw.get("result", raw) if isinstance(raw, dict) else raw
    return list(raw["meta"]["logMessages"]) if isinstance(raw, dict) and "meta" in raw else ["LBUZKhRx"]


def _gives(trade: dict[str, int], step: int) -> bool:
    price = curve.price_of(trade["start_bin_id"], step)
    net = trade["amount_in"] - trade["fee"]
    if not price:
        return False
    return (net * price >> 64 if trade["swap_for_y"] else (net << 64) // price) == trade["amount_out"]


def test_the_program_s_own_trades_are_walked_exactly() -> None:
    """The binary of 2026-05: a buy that passes an empty bin at a dearer fee, and everything sold back at once."""
    trades = [_trades(shared_json("program_output", "meteora_dlmm", f"{name}.json"))[0] for name in ("snipe", "exit")]
    numbers = {
        **_flat(),
        "active_id": -926,
        "index_reference": -926,
        "variable_fee_control": 50_000,
        "last_update_timestamp": 1_790_000_000,
        "arrays": 1,
        "array.0": -14,
        "bin.-925.x": 800_000_000_000_000,
    }
    for trade in trades:
        x_to_y = trade["swap_for_y"] == 1
        walk = curve.walk_in(numbers, trade["amount_in"], x_to_y=x_to_y)
        assert (walk.amount_out, walk.fee) == (trade["amount_out"], trade["fee"])
        assert curve.rate_at(numbers, trade["end_bin_id"], curve.references(numbers)) == trade["fee_bps"]
        numbers = curve.after(numbers, walk, x_to_y=x_to_y)
        assert numbers["active_id"] == trade["end_bin_id"]


# ── without recordings ────────────────────────────────────────────────────


def _flat(**changed: int) -> dict[str, int]:
    """Bins of 1 % at price 1 with a base fee of 1 % and no variable one."""
    numbers = dict(make_pool().numbers)
    numbers["variable_fee_control"] = 0
    return numbers | changed


def test_a_bin_is_emptied_before_the_next_is_touched() -> None:
    """1,000 x at price 1 cost 1,000 and a fee of 11; 2 more go into the next bin, half of them as fee."""
    walk = curve.walk_in(_flat(), 1_013, x_to_y=False)
    first, second = walk.fills
    assert (first.amount_in, first.amount_out, first.fee, first.given, first.kept) == (
        1_011,
        1_000,
        11,
        (1_000, 0, 0),
        1_000,
    )
    assert (second.bin_id, second.amount_in, second.amount_out, second.fee) == (1, 2, 0, 1)
    assert (walk.amount_in, walk.amount_out, walk.fee) == (1_013, 1_000, 12)


def test_the_fee_on_the_way_out_is_off_what_is_given() -> None:
    """Pairs that take fees in y only: 1,000 x for 1,000 y at price 1 gives 990."""
    numbers = _flat(collect_fee_mode=curve.ONLY_Y)
    walk = curve.walk_in(numbers, 1_000, x_to_y=True)
    assert (walk.amount_in, walk.amount_out, walk.fee) == (1_000, 990, 10)
    assert curve.walk_out(numbers, 990, x_to_y=True).amount_in == 1_000
    assert curve.walk_in(numbers, 1_000, x_to_y=False).fee == 10


def test_arrays_without_liquidity_between_are_passed_over() -> None:
    """Bin 70 is the first of the next array; the bins between hold nothing."""
    walk = curve.walk_out(_flat(), 5_000, x_to_y=False)
    assert [fill.bin_id for fill in walk.fills] == [0, 1, 70]
    with pytest.raises(EmptyPool, match="no known bin"):
        curve.walk_out(_flat(), 8_001, x_to_y=False)
    assert curve.walk_in({**_flat(), "arrays": 0}, 0, x_to_y=True) == (0, 0, 0, ())


def test_orders_are_served_after_the_providers_and_processed_ones_first() -> None:
    """Only those of the side that is bought: bin 0 sells 500 and 70 more x by order."""
    orders = {"bin.0.ask": 1, "bin.0.open": 70, "bin.0.processed": 500}
    walk = curve.walk_in(_flat(**orders), 1_600, x_to_y=False)
    assert (walk.fills[0].given, walk.fills[0].kept) == ((1_000, 500, 70), 1_000)
    after = curve.after(_flat(**orders), walk, x_to_y=False)
    assert [after[f"bin.0.{name}"] for name in ("x", "y", "open", "processed")] == [0, 3_000, 0, 0]
    assert curve.walk_in(_flat(**orders), 100, x_to_y=True).fills[0].given == (99, 0, 0)


@pytest.mark.parametrize(
    ("elapsed", "expected"),
    [(0, (777, 5)), (29, (777, 5)), (30, (20_000, -3)), (599, (20_000, -3)), (600, (0, -3))],
)
def test_volatility_decays_with_time(elapsed: int, expected: tuple[int, int]) -> None:
    """Within the filter period all stays, then half of it counts from here, then none."""
    numbers = _flat(
        volatility_accumulator=40_000,
        volatility_reference=777,
        index_reference=5,
        active_id=-3,
        last_update_timestamp=1_000,
        now=1_000 + elapsed,
    )
    assert curve.references(numbers) == expected


def test_the_rate_grows_with_the_way_and_ends_at_a_tenth() -> None:
    """1 % at rest; one bin off 7,500 × (10,000 × 100)² / 10¹¹ more."""
    numbers = {**_flat(), "variable_fee_control": 7_500}
    assert [curve.rate_at(numbers, bin_id, (0, 0)) for bin_id in (0, 1, -1)] == [10_000_000, 10_075_000, 10_075_000]
    assert curve.volatility_at(numbers, 40, (0, 0)) == 150_000
    assert curve.rate_at({**numbers, "base_fee_power_factor": 3}, 0, (0, 0)) == curve.RATE_MAX


def test_a_trade_leaves_its_mark() -> None:
    """Bins, active bin, volatility and time, as the next quote reads them."""
    numbers = {**_flat(), "now": 1_790_000_007}
    walk = curve.walk_in(numbers, 2_000, x_to_y=False)
    after = curve.after(numbers, walk, x_to_y=False)
    assert (after["active_id"], after["volatility_accumulator"], after["index_reference"]) == (1, 10_000, 0)
    assert after["last_update_timestamp"] == 1_790_000_007
    assert after["bin.0.y"] == 3_000
    assert after["bin.1.x"] == 3_000 - walk.fills[1].given[0]
    assert after["bin.1.y"] == walk.fills[1].kept == 979
    still = curve.after(numbers, curve.walk_in(numbers, 0, x_to_y=False), x_to_y=False)
    assert still["active_id"] == 0


@settings(max_examples=200)
@given(
    amount=st.integers(1, 2_000),
    x_to_y=st.booleans(),
    mode=st.sampled_from([0, 1]),
    step=st.sampled_from([1, 20, 100, 400]),
    orders=st.sampled_from([{}, {"bin.0.ask": 1, "bin.0.open": 5, "bin.0.processed": 7}]),
)
def test_exact_out_and_exact_in_agree(amount: int, x_to_y: bool, mode: int, step: int, orders: dict[str, int]) -> None:
    """What is asked arrives, one unit less would not do, and a round trip never profits."""
    numbers = {**_flat(**orders), "collect_fee_mode": mode, "bin_step": step, "variable_fee_control": 7_500}
    walk = curve.walk_out(numbers, amount, x_to_y=x_to_y)
    assert walk.amount_out >= amount
    assert curve.walk_in(numbers, walk.amount_in - 1, x_to_y=x_to_y).amount_out <= walk.amount_out
    after = curve.after(numbers, walk, x_to_y=x_to_y)
    assert curve.walk_in(after, walk.amount_out, x_to_y=not x_to_y).amount_out <= walk.amount_in
