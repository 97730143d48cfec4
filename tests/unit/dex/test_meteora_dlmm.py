"""Meteora DLMM is loaded from its accounts, quoted over the bins it shows, and followed trade by trade."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import meteora_dlmm as dlmm
from sniperforge.dex import meteora_dlmm_curve as curve
from sniperforge.dex import meteora_dlmm_layouts as layout
from sniperforge.dex.programs import TOKEN_2022, WSOL
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.meteora_dlmm_vectors import (
    BINS,
    COIN,
    NOW,
    PAIR,
    RESERVES,
    USER,
    accounts,
    make_pool,
    raw_array,
    raw_clock,
    raw_pair,
    raw_token,
    recorded_pair,
)
from tests.unit.dex.raydium_recordings import golden

WIDE = dict.fromkeys(range(-70, 70), (10**12, 10**12))


def _traded(pool: Pool, **changed: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": "meteora_dlmm",
        "pool": PAIR,
        "base_mint": COIN,
        "trader": USER,
        "is_buy": True,
        "base_amount": 0,
        "quote_amount": 0,
        "base_reserve": -1,
        "quote_reserve": -1,
        "slot": 6,
        "signature": "s",
        "numbers": {"active_id": 0, "now": NOW + 5},
    }
    return Swapped(**{**fields, **changed})


# ── loading ───────────────────────────────────────────────────────────────


def test_what_it_needs_is_named_and_enough() -> None:
    """The nearest three arrays with liquidity on each side, only where the pair's address is told."""
    raw = raw_pair(arrays=(-9, -7, -5, -3, 0, 2, 4, 6))
    assert dlmm.needs(raw) == {
        "reserve_x": RESERVES[0],
        "reserve_y": RESERVES[1],
        "base_mint": COIN,
        "clock": layout.CLOCK,
    }
    named = dlmm.needs(raw, PAIR)
    assert [name for name in named if name.startswith("bin_array.")] == [
        f"bin_array.{index}" for index in (-5, -3, 0, 2, 4)
    ]
    assert named["bin_array.-5"] == layout.bin_array_address(PAIR, -5)
    assert named["bin_array_bitmap_extension"] == layout.bitmap_extension_address(PAIR)
    assert dlmm.needs(raw_pair(x=WSOL, y=COIN))["base_mint"] == COIN


def test_a_pair_is_loaded_with_its_bins() -> None:
    """Reserves without the protocol's share, bins that hold something, the chain's second."""
    pool = make_pool(lb_pair=raw_pair(protocol_fee_x=100, protocol_fee_y=10_000))
    assert (pool.base_mint, pool.quote_mint, pool.base_reserve, pool.quote_reserve) == (COIN, WSOL, 9_900, 0)
    numbers = pool.numbers
    assert [numbers[f"array.{place}"] for place in range(numbers["arrays"])] == [-1, 0, 1]
    assert {name: numbers[name] for name in numbers if name.startswith("bin.")} == {
        f"bin.{bin_id}.{side}": amount for bin_id, row in BINS.items() for side, amount in zip("xy", row, strict=True)
    }
    assert (numbers["now"], numbers["bin_step"], numbers["base_is_0"]) == (NOW, 100, 1)
    assert pool.keys["bin_array.-1"] == layout.bin_array_address(PAIR, -1)
    assert "bin_array_bitmap_extension" not in pool.keys


def test_without_the_clock_the_fee_is_the_dearest() -> None:
    """As just after the last trade; a clock behind it counts the same."""
    without = {name: raw for name, raw in accounts().items() if name != "clock"}
    assert dlmm.load(PAIR, without).numbers["now"] == NOW - 1_000
    assert make_pool(clock=raw_clock(5)).numbers["now"] == NOW - 1_000
    with pytest.raises(DecodeError, match="clock has 3 bytes"):
        make_pool(clock=b"123")


def test_the_coin_may_be_the_second_token() -> None:
    """Reserves, mints and programs turn, and with them every quote."""
    changed = {"reserve_x": raw_token(WSOL, 9_000), "reserve_y": raw_token(COIN, 10_000)}
    pair = raw_pair(x=WSOL, y=COIN, token_mint_y_program_flag=1)
    pool = make_pool(lb_pair=pair, **changed)
    assert (pool.base_mint, pool.base_program, pool.base_reserve) == (COIN, TOKEN_2022, 10_000)
    straight = make_pool()
    bought, sold = dlmm.quote_in(pool, 1_500, is_buy=True), dlmm.quote_in(straight, 1_500, is_buy=False)
    assert (bought.amount_out, bought.fee_amount) == (sold.amount_out, sold.fee_amount)
    assert dlmm.quote_in(pool, 500, is_buy=False).amount_out == dlmm.quote_in(straight, 500, is_buy=True).amount_out


def test_bins_behind_a_missing_array_are_not_covered() -> None:
    """A walk never jumps over bins it cannot see."""
    given_ = accounts()
    del given_["bin_array.0"]
    pool = dlmm.load(PAIR, given_)
    assert [pool.numbers["arrays"], pool.numbers["array.0"]] == [1, -1]
    with pytest.raises(EmptyPool, match="reload"):
        dlmm.quote_in(pool, 5, is_buy=True)


def test_a_pair_that_goes_far_out_names_its_extension() -> None:
    """The account is listed in swaps, its arrays are covered."""
    extension = bytearray(layout.BITMAP_EXTENSION_SIZE)
    extension[:8] = layout.BITMAP_EXTENSION
    extension[40] = 1
    far = {512 * 70: (50, 0)}
    pool = make_pool(
        far,
        lb_pair=raw_pair(arrays=(), active_id=512 * 70 - 5, bin_step=1),
        bin_array_bitmap_extension=bytes(extension),
    )
    assert pool.numbers["array.0"] == 512
    assert pool.keys["bin_array_bitmap_extension"] == layout.bitmap_extension_address(PAIR)
    assert dlmm.quote_out(pool, 50, is_buy=True).amount_out == 50


def test_orders_are_kept_where_the_pair_takes_them() -> None:
    """Function type 2, or 0 without rewards; else those bytes mean something else."""
    orders = {0: (70, 500, 1), 2: (9, 0, 1)}
    array = raw_array(0, {**BINS, 2: (0, 0)}, orders=orders)
    kept = make_pool(lb_pair=raw_pair(function_type=2), **{"bin_array.0": array}).numbers
    assert [kept[f"bin.0.{name}"] for name in ("x", "open", "processed", "ask")] == [1_000, 70, 500, 1]
    assert kept["bin.2.open"] == 9
    assert make_pool(**{"bin_array.0": array}).numbers["bin.0.open"] == 70
    rewarded = bytearray(raw_pair())
    rewarded[264:296] = USER
    for pair in (bytes(rewarded), raw_pair(function_type=1)):
        assert "bin.0.open" not in make_pool(lb_pair=pair, **{"bin_array.0": array}).numbers


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"bin_array.0": raw_array(1, BINS)}, "bin_array.0 is number 1"),
        ({"bin_array.0": raw_array(0, BINS, pair=COIN)}, "bin_array.0 is number 0 of GePSa3"),
        ({"bin_array.0": raw_array(0, {0: (1, 1)}, price=curve.ONE + 1)}, "has the price"),
        ({"lb_pair": raw_pair(bin_step=65_535, active_id=69)}, "has the price"),
        ({"lb_pair": raw_pair(token_mint_x_program_flag=2)}, "program flag 2"),
        ({"reserve_x": raw_token(WSOL, 1)}, "of mint So111"),
    ],
)
def test_accounts_that_do_not_belong_together_are_refused(changed: dict[str, bytes], told: str) -> None:
    """Each with what differs."""
    bins = {69: (1, 1)} if "lb_pair" in changed else None
    with pytest.raises(DecodeError, match=told):
        make_pool(bins, **changed)


@pytest.mark.parametrize("name", ["lb_pair", "reserve_x", "reserve_y"])
def test_a_missing_account_is_named(name: str) -> None:
    """Quotes would be wrong without it."""
    given_ = accounts()
    del given_[name]
    with pytest.raises(DecodeError, match=f"'{name}' is missing"):
        dlmm.load(PAIR, given_)


# ── quoting ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", golden("meteora_dlmm", "quote"))
def test_quotes_from_accounts_are_the_sdk_s(case: Any) -> None:
    """The same 40 through `load`: the pair's bytes, arrays made of its bins."""
    given_, expected = case["inputs"], case["expected"]
    raw = bytes.fromhex(given_["lb_pair_data_hex"])
    state = layout.decode_lb_pair(raw).keys
    bins = {row[0]: (int(row[1]), int(row[2])) for row in given_["bins"]}
    made = {f"bin_array.{index}": raw_array(index, bins) for index in {bin_id // 70 for bin_id in bins}}
    made |= {"lb_pair": raw, "clock": raw_clock(given_["current_timestamp"])}
    made |= {f"reserve_{side}": raw_token(state[f"token_{side}_mint"], 10**15) for side in "xy"}
    pool = dlmm.load(PAIR, made)
    is_buy = given_["swap_for_y"] is not (pool.numbers["base_is_0"] == 1)
    if "error" in expected:
        with pytest.raises(EmptyPool):
            dlmm.quote_in(pool, int(given_["amount_in"]), is_buy=is_buy)
        return
    quote = dlmm.quote_in(pool, int(given_["amount_in"]), is_buy=is_buy)
    assert (quote.amount_in, quote.amount_out) == (int(given_["amount_in"]), int(expected["amount_out"]))


def test_fees_in_the_coin_are_valued_in_the_quote() -> None:
    """Price 1 here; an impact of one bin is one percent, rounded down."""
    pool = make_pool(lb_pair=raw_pair(variable_fee_control=0))
    sold = dlmm.quote_in(pool, 1_000, is_buy=False)
    assert (sold.amount_out, sold.fee_amount, sold.impact_bps) == (990, 10, 0)
    bought = dlmm.quote_in(pool, 2_000, is_buy=True)
    assert (bought.fee_amount, bought.impact_bps) == (21, 99)
    down = dlmm.quote_in(pool, 3_000, is_buy=False)
    assert down.impact_bps == 99
    assert dlmm.quote_in(pool, 0, is_buy=True).impact_bps == 0


def test_what_cannot_be_bought_is_refused() -> None:
    """A disabled pair, an empty side, unknown bins, more than there is."""
    pool = make_pool()
    for changed in (
        {"numbers": {**pool.numbers, "status": 1}},
        {"base_reserve": 0},
        {"numbers": {"base_is_0": 1, "active_id": 0, "bin_step": 100}},
    ):
        with pytest.raises(EmptyPool):
            dlmm.quote_in(msgspec.structs.replace(pool, **changed), 1, is_buy=True)
    with pytest.raises(EmptyPool):
        dlmm.quote_out(pool, 8_001, is_buy=True)


def test_a_coin_that_takes_a_transfer_fee_is_quoted_with_it() -> None:
    """Ten percent: off what arrives on a buy, off what is sent on a sale."""
    plain = make_pool(WIDE)
    taxed = msgspec.structs.replace(
        plain, numbers={**plain.numbers, "base_transfer_fee_bps": 1_000, "base_transfer_fee_max": 10**12}
    )
    raw = dlmm.quote_in(plain, 10**6, is_buy=True).amount_out
    assert dlmm.quote_in(taxed, 10**6, is_buy=True).amount_out == raw - -(-raw // 10)
    assert (
        dlmm.quote_in(taxed, 10**6, is_buy=False).amount_out == dlmm.quote_in(plain, 900_000, is_buy=False).amount_out
    )
    assert dlmm.quote_out(taxed, 10**6, is_buy=True).amount_out >= 10**6
    sold = dlmm.quote_out(taxed, 10**6, is_buy=False)
    assert dlmm.quote_in(taxed, sold.amount_in, is_buy=False).amount_out >= 10**6


@settings(max_examples=80)
@given(amount=st.integers(1, 10**13), is_buy=st.booleans(), mode=st.sampled_from([0, 1]))
def test_a_quote_is_what_happens(amount: int, is_buy: bool, mode: int) -> None:
    """Following a trade through `apply` gives the bins the next quote needs; nobody profits by turning round."""
    pool = make_pool(WIDE, lb_pair=raw_pair(arrays=(-1, 0), collect_fee_mode=mode))
    quote = dlmm.quote_in(pool, amount, is_buy=is_buy)
    amounts = (quote.amount_out, quote.amount_in) if is_buy else (quote.amount_in, quote.amount_out)
    trade = _traded(pool, is_buy=is_buy, base_amount=amounts[0], quote_amount=amounts[1], numbers={})
    told = msgspec.structs.replace(trade, base_reserve=10**9, quote_reserve=10**9)
    after = dlmm.apply(pool, told)
    assert "drift" not in after.numbers
    assert dlmm.quote_in(after, max(quote.amount_out, 1), is_buy=not is_buy).amount_out <= quote.amount_in


@pytest.mark.parametrize(
    ("name", "base", "quote", "bought"),
    [
        ("9t3EyC9FweyL7PBWvKz3mrXg8B9fwFc9SK3QxM4ENqhd", 229_999_999_999_970, 229_999_999_962, 989_005_994),
        ("EtAdVRLFH22rjWh3mcUasKFF27WtHhsaCvK27tPFFWig", 4_362_066_806, 1_820_186_920, 602_893_233),
    ],
)
def test_recorded_pairs_load(name: str, base: int, quote: int, bought: int) -> None:
    """Every price stored on mainnet is the one we compute; bins and orders are no more than the reserves."""
    address, raws = recorded_pair(name)
    pool = dlmm.load(address, raws)
    assert pool.numbers["arrays"] == 2
    assert pool.base_reserve == base
    asks = {one.rpartition(".")[0] for one, value in pool.numbers.items() if one.endswith(".ask") and value}
    held = sum(value for one, value in pool.numbers.items() if one.startswith("bin.") and one.endswith(".x"))
    held += sum(pool.numbers[f"{one}.{kind}"] for one in asks for kind in ("open", "processed"))
    assert 0 < held <= base
    assert dlmm.quote_in(pool, 10**9, is_buy=True).amount_out == bought
    assert pool.quote_reserve >= quote


# ── following ─────────────────────────────────────────────────────────────


def test_a_trade_moves_the_bins_it_went_through() -> None:
    """Exactly where the bins were right; reserves by the amounts, time by the trade's."""
    pool = make_pool()
    quote = dlmm.quote_in(pool, 2_000, is_buy=True)
    trade = _traded(pool, base_amount=quote.amount_out, quote_amount=2_000, numbers={"active_id": 1, "now": NOW + 5})
    after = dlmm.apply(pool, trade)
    assert (after.base_reserve, after.quote_reserve) == (10_000 - quote.amount_out, 11_000)
    numbers = after.numbers
    assert (numbers["bin.0.x"], numbers["active_id"], numbers["now"], numbers["index_reference"]) == (0, 1, NOW + 5, 0)
    assert "drift" not in numbers
    sold = dlmm.apply(after, _traded(pool, is_buy=False, base_amount=10, quote_amount=10, slot=7))
    assert (sold.base_reserve, sold.quote_reserve) == (10_010 - quote.amount_out, 10_990)


def test_a_trade_the_bins_do_not_reproduce_is_counted() -> None:
    """As much is taken out as left, and the told bin is the active one; beyond the bins only that is known."""
    pool = make_pool()
    after = dlmm.apply(pool, _traded(pool, base_amount=1_200, quote_amount=3_000, numbers={"active_id": 2, "now": NOW}))
    assert (after.numbers["drift"], after.numbers["active_id"], after.numbers["bin.1.x"]) == (1, 2, 2_800)
    far = dlmm.apply(
        after, _traded(pool, base_amount=9_000, quote_amount=90_000, numbers={"active_id": 90, "now": NOW})
    )
    assert (far.numbers["drift"], far.numbers["active_id"], far.base_reserve) == (2, 90, 0)


def test_a_pool_without_bins_keeps_its_place() -> None:
    """Just opened: the active bin and the time are all a trade tells."""
    bare = msgspec.structs.replace(make_pool(), numbers={"base_is_0": 1, "active_id": 0})
    after = dlmm.apply(bare, _traded(bare, base_amount=5, numbers={"active_id": 3, "now": NOW}))
    assert after.numbers == {"base_is_0": 1, "active_id": 3, "now": NOW}


@pytest.mark.parametrize("added", [True, False])
def test_liquidity_moves_the_reserves(added: bool) -> None:
    """Told in x and y, turned where the coin is y; a rug empties the pool."""
    changed = {"reserve_x": raw_token(WSOL, 9_000), "reserve_y": raw_token(COIN, 10_000)}
    pool = make_pool(lb_pair=raw_pair(x=WSOL, y=COIN), **changed)
    event = LiquidityChanged(
        venue="meteora_dlmm",
        pool=PAIR,
        added=added,
        base_amount=9_000,
        quote_amount=10_000,
        base_reserve=-1,
        quote_reserve=-1,
        slot=6,
        signature="s",
        numbers={"active_id": 0, "now": NOW},
    )
    after = dlmm.apply(pool, event)
    assert (after.base_reserve, after.quote_reserve) == ((20_000, 18_000) if added else (0, 0))
    if not added:
        with pytest.raises(EmptyPool):
            dlmm.quote_in(after, 5, is_buy=True)


def test_what_is_not_about_the_pool_leaves_it() -> None:
    """Another pair's, an older slot's, and amounts without a place."""
    pool = msgspec.structs.replace(make_pool(), slot=6)
    trade = _traded(pool, base_amount=5, quote_amount=5)
    for event in (
        msgspec.structs.replace(trade, pool=COIN),
        msgspec.structs.replace(trade, slot=5),
        msgspec.structs.replace(trade, numbers={}),
    ):
        assert dlmm.apply(pool, event) is pool
    unknown = msgspec.structs.replace(trade, base_mint=ZERO_KEY)
    assert dlmm.apply(pool, unknown) == dlmm.apply(pool, trade)


def test_the_limit_of_compute_units_covers_what_was_recorded() -> None:
    """103,293 was the most a recorded swap took; accounts to open come on top."""
    assert dlmm.compute_units(True) > dlmm.compute_units(False) > 2 * 103_293


def test_its_address_is_the_program_s() -> None:
    """And the clock's is the cluster's."""
    assert key("LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo") == dlmm.PROGRAM
    assert len({Pubkey(dlmm.PROGRAM), layout.CLOCK, layout.MEMO}) == 3
