"""Orca Whirlpool is loaded from fixed and dynamic tick arrays, quoted within three of them, traded with its list."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import PoolCreated
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import orca_whirlpool as orca
from sniperforge.dex import orca_whirlpool_layouts as layouts
from sniperforge.dex import ticks, ticks_pool
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import EmptyPool, SwapOrder
from tests.unit.dex.raydium_recordings import recorded, shared_json
from tests.unit.dex.ticks_vectors import BOOK, COIN, USER, changed, make_pool, named_key

KEYS, SPAN = "whirlpools_config base_vault quote_vault oracle", 88 * 64
CONFIG = named_key("config")
TIER = (64).to_bytes(2, "little")
ADDRESS = pda(orca.PROGRAM, b"whirlpool", CONFIG, WSOL, COIN, TIER)


@pytest.mark.parametrize(
    ("tick", "down", "starts"),
    [
        (0, True, [0, -SPAN, -2 * SPAN]),
        (-1, True, [-SPAN, -2 * SPAN, -3 * SPAN]),
        (0, False, [0, SPAN, 2 * SPAN]),
        (SPAN - 65, False, [0, SPAN, 2 * SPAN]),
        (SPAN - 64, False, [SPAN, 2 * SPAN, 3 * SPAN]),
        (-443_600, True, [-79 * SPAN]),
        (443_600, False, [78 * SPAN]),
    ],
)
def test_a_swap_reaches_three_arrays_as_the_program_counts_them(tick: int, down: bool, starts: list[int]) -> None:
    """Going up, the search begins one spacing further; at an end there are fewer."""
    assert orca.array_starts(tick, 64, down=down) == starts


def test_the_program_s_own_life_of_a_pool_is_followed_to_the_base_unit() -> None:
    """Created, first position (ticks from open_position, size from increase_liquidity), one SOL in: as it paid."""
    told = {}
    for name in ("initialize_pool_v2", "open_position", "increase_liquidity", "snipe", "exit"):
        run = recorded(shared_json("program_output", "orca_whirlpool", f"{name}.json"))
        told[name] = next(run.of(orca.PROGRAM)), run.context
    (created,) = orca.read(*told["initialize_pool_v2"])
    assert isinstance(created, PoolCreated)
    pool = created.pool
    with pytest.raises(EmptyPool):
        orca.quote_in(pool, 1, is_buy=True)
    lower, upper = struct.unpack_from("<ii", told["open_position"][0].data, 9)
    size = int.from_bytes(told["increase_liquidity"][0].data[8:24], "little")
    pool = orca.apply(pool, changed(pool, lower, upper, size, slot=pool.slot))
    bought = orca.quote_in(pool, 10**9, is_buy=True)
    assert bought.amount_out == 10_029_820_826_791
    assert orca.quote_out(pool, bought.amount_out, is_buy=True).amount_in == 10**9
    trade = next(one for one in orca.swap(pool, SwapOrder(USER, True, 10**9, 0)) if one.program == orca.PROGRAM)
    assert [meta.key for meta in trade.accounts[11:14]] == list(told["snipe"][0].accounts[7:10])
    assert trade.accounts[14].key == told["snipe"][0].accounts[10]


def test_a_swap_has_one_list_and_says_its_direction() -> None:
    pool = make_pool("orca_whirlpool", BOOK, keys=KEYS, base_is_0=0, fee_rate=3_000)
    order = SwapOrder(USER, is_buy=True, amount_in=7, amount_out_min=5, exact_out=True)
    (trade,) = [one for one in orca.swap(pool, order) if one.program == orca.PROGRAM]
    # Token A is the quote here, so a buy goes down.
    assert trade.data == layouts.SWAP_V2 + struct.pack("<QQ16sBBB", 5, 7, bytes(16), 0, 1, 0)
    assert [meta.key for meta in trade.accounts[11:14]] == [
        orca.tick_array_of(pool.address, start) for start in (0, -SPAN, -2 * SPAN)
    ]
    assert trade.accounts[5].key == WSOL
    other = make_pool("orca_whirlpool", BOOK._replace(tick=-443_600), keys="whirlpools_config base_vault quote_vault")
    (edge,) = [one for one in orca.swap(other, SwapOrder(USER, False, 7, 5)) if one.program == orca.PROGRAM]
    assert edge.accounts[11].key == edge.accounts[13].key
    assert edge.accounts[14].key == pda(orca.PROGRAM, b"oracle", other.address)
    names = {orca.variant(pool, order), orca.variant(other, SwapOrder(USER, False, 7, 5))}
    assert names == {"spl/spl/wrap/b3", "spl/spl/wrap/a1"}
    assert orca.compute_units(True) > orca.compute_units(False) >= 41_614 + 2 * 6_200


# ── loading ───────────────────────────────────────────────────────────────


def _put(raw: bytearray, at: int, data: bytes) -> None:
    raw[at : at + len(data)] = data


def raw_whirlpool(**changes: Any) -> bytes:
    """Return a Whirlpool of WSOL and a coin at tick 0."""
    told = {"spacing": 64, "tick": 0, "price": 1 << 64, **changes}
    raw = bytearray(layouts.WHIRLPOOL_SIZE)
    _put(raw, 0, layouts.WHIRLPOOL + CONFIG)
    _put(raw, 41, struct.pack("<H2sHH", told["spacing"], TIER, 3_000, 0))
    _put(raw, 49, (10**9).to_bytes(16, "little") + told["price"].to_bytes(16, "little"))
    _put(raw, 81, struct.pack("<i", told["tick"]))
    for at, value in ((101, WSOL), (133, named_key("va")), (181, COIN), (213, named_key("vb"))):
        _put(raw, at, value)
    return bytes(raw)


def raw_fixed(start: int, nets: dict[int, int], pool: Pubkey = ADDRESS) -> bytes:
    raw = bytearray(layouts.TICK_ARRAY_SIZE)
    _put(raw, 0, layouts.TICK_ARRAY + struct.pack("<i", start))
    for tick, net in nets.items():
        _put(raw, 12 + (tick - start) // 64 * 113, b"\1" + net.to_bytes(16, "little", signed=True))
    _put(raw, 9956, pool)
    return bytes(raw)


def raw_dynamic(start: int, nets: dict[int, int]) -> bytes:
    raw = layouts.DYNAMIC_TICK_ARRAY + struct.pack("<i", start) + ADDRESS + bytes(16)
    for offset in range(88):
        net = nets.get(start + offset * 64)
        raw += b"\0" if net is None else b"\1" + net.to_bytes(16, "little", signed=True) + bytes(96)
    return raw


def raw_oracle(pool: Pubkey = ADDRESS) -> bytes:
    raw = bytearray(layouts.ORACLE_SIZE)
    _put(raw, 0, layouts.ORACLE + pool)
    _put(raw, 40, struct.pack("<QHHHIIHH", 1_900_000_000, 30, 600, 5_000, 4_000, 350_000, 64, 64))
    return bytes(raw)


def accounts(**changes: bytes) -> dict[str, bytes]:
    return {
        "whirlpool": raw_whirlpool(),
        "base_mint": bytes(82),
        f"tick_array.{-SPAN}": raw_dynamic(-SPAN, {-64: 10**9, -128: -5}),
        "tick_array.0": raw_fixed(0, {64: -(10**9)}),
        **changes,
    }


def test_load_knows_the_ticks_of_either_form() -> None:
    pool = orca.load(ADDRESS, accounts(quote_vault=bytes(170)))
    book = ticks_pool.book_of(pool.numbers)
    assert book.nets == {-128: -5, -64: 10**9, 64: -(10**9)}
    assert (book.first, book.last) == (-2 * SPAN, 3 * SPAN - 1)
    assert (pool.base_mint, pool.base_program, pool.quote_program) == (COIN, TOKEN, TOKEN_2022)
    assert (pool.numbers["fee_rate"], pool.numbers["fee_tier_index"], pool.numbers["base_is_0"]) == (3_000, 64, 0)
    assert orca.quote_in(pool, 10_000, is_buy=True).amount_out == 9_969
    wanted = orca.needs(raw_whirlpool())
    assert {name for name in wanted if name.startswith("tick_array.")} == {
        f"tick_array.{place * SPAN}" for place in (-2, -1, 0, 1, 2)
    }
    assert wanted["base_vault"] == pool.keys["base_vault"] == named_key("vb")


def test_an_oracle_makes_the_fee_adaptive() -> None:
    """The worst of the three times it may land in is no better than the fixed fee."""
    plain, adaptive = orca.load(ADDRESS, accounts()), orca.load(ADDRESS, accounts(oracle=raw_oracle()))
    assert (adaptive.numbers["volatility.max"], adaptive.numbers["trade_enable_timestamp"]) == (350_000, 1_900_000_000)
    quotes = [orca.quote_in(pool, 10**6, is_buy=True).amount_out for pool in (plain, adaptive)]
    assert quotes[1] <= quotes[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"whirlpool": raw_whirlpool()[:-1]}, "layout says 653"),
        ({"whirlpool": raw_whirlpool(spacing=0)}, "spacing 0"),
        ({"whirlpool": raw_whirlpool(tick=500_000)}, "tick 500000"),
        ({"whirlpool": raw_whirlpool(price=5)}, "price 5"),
        ({"oracle": raw_oracle(USER)}, "another pool's"),
        ({"oracle": raw_oracle()[:-1]}, "layout says 254"),
        ({"tick_array.0": raw_fixed(0, {}, USER)}, "another pool's"),
        ({"tick_array.0": raw_fixed(64, {})}, "starts at 64"),
        ({"tick_array.0": raw_fixed(0, {})[:-1]}, "layout says 9988"),
        ({"tick_array.0": raw_dynamic(0, {})[:147]}, "layout says 148"),
        ({"tick_array.0": raw_dynamic(0, {0: 1})[:160]}, "ends inside its tick 0"),
        ({"tick_array.0": raw_dynamic(0, {0: 1})[:200]}, "ends before its tick"),
        ({"tick_array.0": raw_fixed(0, {})[:12] + b"\2" + raw_fixed(0, {})[13:]}, "flag 2"),
    ],
)
def test_another_account_is_refused(changes: dict[str, bytes], words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        orca.load(ADDRESS, accounts(**changes))


def test_a_pool_asked_for_under_another_address_is_refused() -> None:
    with pytest.raises(DecodeError, match="another address"):
        orca.load(USER, accounts())


def test_sol_usdc_of_mainnet_loads_and_trades_both_ways() -> None:
    """Its price then was some 33 USDC; turning round costs twice the fee."""
    folder = ("mainnet", "accounts", "orca_sol_usdc")
    pool_name = "HJPjoWUrhoZzkNfRpHuieeFk9WcZWjwy6PBjZ81ngndJ"
    raw = _recorded(*folder, f"sol_usdc_wp_whirlpool.{pool_name}.json")
    wanted = orca.needs(raw)
    files = {
        -33_792: "n33792.2Eh8HEeu45tCWxY6ruLLRN6VcTSD7bfshGj7bZA87Kne",
        -28_160: "n28160.A2W6hiA2nf16iqtbZt9vX8FJbiXjv3DBUG3DgTja61HT",
        -39_424: "n39424.EVqGhR2ukNuqZNfvFFAitrX6UqrRm2r8ayKX9LH9xHzK",
    }
    told = {"whirlpool": raw}
    for start, name in files.items():
        assert wanted[f"tick_array.{start}"] == key(name.partition(".")[2])
        told[f"tick_array.{start}"] = _recorded(*folder, f"sol_usdc_wp_ta_{name}.json")
    pool = orca.load(key(pool_name), told)
    book = ticks_pool.book_of(pool.numbers)
    assert len(book.nets) > 20
    assert ticks.tick_at(book.price, ticks.orca_price_at) == book.tick
    out = orca.quote_in(pool, 10**9, is_buy=False).amount_out
    assert 0 < out < orca.quote_out(pool, 10**9, is_buy=True).amount_in
    moved = msgspec.structs.replace(pool, numbers={**pool.numbers, "tick": 400_000})
    with pytest.raises(EmptyPool, match="load the pool again"):
        orca.quote_in(moved, 1, is_buy=True)


def _recorded(*parts: str) -> bytes:
    return base64.b64decode(shared_json(*parts)["account"]["data"][0])


@given(raw=st.binary(max_size=40), at=st.integers(0, 700), size=st.integers(0, 10_004))
def test_any_bytes_raise_its_own_error_or_nothing(raw: bytes, at: int, size: int) -> None:
    for name, good in {**accounts(), "oracle": raw_oracle()}.items():
        broken = bytearray(good)
        broken[at : at + len(raw)] = raw
        for cut in (bytes(broken), bytes(broken[:size])):
            try:
                orca.load(ADDRESS, accounts(**{name: cut}))
            except DecodeError as problem:
                assert "\n" not in str(problem)
