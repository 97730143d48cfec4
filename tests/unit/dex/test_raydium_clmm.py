"""Raydium CLMM is followed from its creation and quoted as the real program paid, loaded, and traded with its lists."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Pool, PoolCreated, Swapped
from sniperforge.base.units import Pubkey
from sniperforge.dex import raydium_clmm as clmm
from sniperforge.dex import raydium_clmm_layouts as layouts
from sniperforge.dex import ticks, ticks_pool
from sniperforge.dex.programs import TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import EmptyPool, SwapOrder
from tests.unit.dex.raydium_recordings import recorded, shared_json
from tests.unit.dex.ticks_vectors import BOOK, COIN, USER, changed, make_pool, named_key

KEYS = "amm_config base_vault quote_vault observation_state bitmap_extension"
SPAN = 60 * 64


def _pool(**numbers: int) -> Pool:
    fields = {"trade_fee_rate": 10_000, "fee_on": 0, "status": 0, **numbers}
    return make_pool("raydium_clmm", BOOK, keys=KEYS, base_is_0=1, **fields)


def test_the_program_s_own_life_of_a_pool_is_followed_to_the_base_unit() -> None:
    """Created, first position, one SOL in, all of it back: quotes, accounts and every event agree."""
    pool, slot = None, 0
    for name in ("create_pool", "open_position", "snipe", "exit"):
        told = recorded(shared_json("program_output", "raydium_clmm", f"{name}.json"))
        (step,) = told.of(clmm.PROGRAM)
        slot += 1
        (event,) = clmm.read(step, told.context._replace(slot=slot))
        if isinstance(event, PoolCreated):
            assert clmm.verify(event) == ""
            pool = event.pool
            with pytest.raises(EmptyPool):
                clmm.quote_in(pool, 1, is_buy=True)
            continue
        assert pool is not None
        assert isinstance(event, Event)
        if isinstance(event, Swapped):
            amounts = (
                (event.quote_amount, event.base_amount) if event.is_buy else (event.base_amount, event.quote_amount)
            )
            assert clmm.quote_in(pool, amounts[0], is_buy=event.is_buy).amount_out == amounts[1]
            order = SwapOrder(event.trader, event.is_buy, amounts[0], 0, wrap_quote=False, open_base_account=False)
            (built,) = clmm.swap(pool, order)
            assert {meta.key for meta in built.accounts} >= set(step.accounts[:1] + step.accounts[2:3])
            assert built.accounts[-1].key == step.accounts[-1]
        pool = clmm.apply(pool, event)
        assert pool.slot == slot


def test_a_new_pool_trades_once_its_first_liquidity_is_seen() -> None:
    """A position above the price alone: the way up costs nothing to reach."""
    pool = make_pool(
        "raydium_clmm",
        BOOK._replace(nets={}, liquidity=0, first=ticks.TICK_MIN, last=ticks.TICK_MAX),
        keys=KEYS,
        trade_fee_rate=10_000,
        followed=1,
    )
    assert (pool.base_reserve, pool.quote_reserve) == (0, 0)
    after = clmm.apply(pool, changed(pool, 64, 6_400, 10**12))
    assert clmm.quote_in(after, 10**6, is_buy=True).amount_out > 900_000
    with pytest.raises(EmptyPool):
        clmm.quote_in(after, 10**6, is_buy=False)


@pytest.mark.parametrize(("fee_on", "moved"), [(0, 99_000), (1, 100_000), (2, 99_000)])
def test_the_fee_is_taken_where_the_pool_says(fee_on: int, moved: int) -> None:
    """Token 0 is the coin here: taken of it, the whole payment moves the price."""
    pool = _pool(fee_on=fee_on)
    quote = clmm.quote_in(pool, 100_000, is_buy=True)
    gross = ticks.step_in(1 << 64, 2 << 64, 10**9, moved, 0).amount_out
    assert quote.amount_out == gross - (-(-gross // 100) if fee_on == 1 else 0)
    assert quote.fee_amount == 1_000
    assert clmm.quote_out(pool, quote.amount_out, is_buy=True).amount_in <= 100_000


def test_swaps_switched_off_are_refused() -> None:
    with pytest.raises(EmptyPool, match="switched off"):
        clmm.quote_in(_pool(status=16), 1, is_buy=True)


def test_arrays_go_with_a_swap_in_its_direction() -> None:
    pool = _pool()
    assert clmm.array_starts(pool.numbers, down=True) == [0, -SPAN]
    assert clmm.array_starts(pool.numbers, down=False) == [0]
    buy, sell = (clmm.swap(pool, SwapOrder(USER, is_buy, 7, 5, exact_out=is_buy)) for is_buy in (True, False))
    (trade,) = [one for one in buy if one.program == clmm.PROGRAM]
    assert trade.data == layouts.SWAP_V2 + struct.pack("<QQ16sB", 5, 7, bytes(16), 0)
    assert trade.accounts[13].key == pool.keys["bitmap_extension"]
    assert [meta.key for meta in trade.accounts[14:]] == [layouts.tick_array_of(pool.address, 0)]
    (back,) = [one for one in sell if one.program == clmm.PROGRAM]
    assert len(back.accounts) == 16
    order = SwapOrder(USER, True, 7, 5)
    bare = msgspec.structs.replace(pool, keys={k: v for k, v in pool.keys.items() if k != "bitmap_extension"})
    assert (clmm.variant(pool, order), clmm.variant(bare, order)) == ("spl/spl/wrap/x1", "spl/spl/wrap/1")
    assert clmm.compute_units(True) > clmm.compute_units(False) >= 78_010 + 2 * 6_200


# ── loading ───────────────────────────────────────────────────────────────

CONFIG = named_key("config")
ADDRESS = pda(clmm.PROGRAM, b"pool", CONFIG, WSOL, COIN)


def _put(raw: bytearray, at: int, value: int | bytes, size: int = 0) -> None:
    data = value if isinstance(value, bytes) else value.to_bytes(size, "little", signed=value < 0)
    raw[at : at + len(data)] = data


def raw_pool(**changes: Any) -> bytes:
    """Return a PoolState of WSOL and a coin, at tick 0, with three arrays in its bitmap."""
    raw = bytearray(layouts.POOL_STATE_SIZE)
    _put(raw, 0, layouts.POOL_STATE)
    for at, value in ((9, CONFIG), (73, WSOL), (105, COIN), (137, named_key("v0")), (169, named_key("v1"))):
        _put(raw, at, value)
    fields = {"spacing": 64, "liquidity": 10**9, "price": 1 << 64, "tick": 0, "fee_on": 0, "period": 0, **changes}
    places = {
        "spacing": (235, 2),
        "liquidity": (237, 16),
        "price": (253, 16),
        "tick": (269, 4),
        "fee_on": (390, 1),
        "period": (1096, 2),
    }
    for name, (at, size) in places.items():
        _put(raw, at, fields[name], size)
    bits = sum(1 << (512 + place) for place in fields.get("arrays", (-1, 0, 1)))
    _put(raw, 904, bits, 128)
    return bytes(raw)


def raw_config(rate: int = 2_500) -> bytes:
    raw = bytearray(layouts.AMM_CONFIG_SIZE)
    _put(raw, 0, layouts.AMM_CONFIG)
    _put(raw, 47, rate, 4)
    return bytes(raw)


def raw_array(start: int, nets: dict[int, int], *, pool: Pubkey = ADDRESS, orders: int = 0) -> bytes:
    raw = bytearray(layouts.TICK_ARRAY_SIZE)
    _put(raw, 0, layouts.TICK_ARRAY + pool)
    _put(raw, 40, start, 4)
    for tick, net in nets.items():
        at = 44 + (tick - start) // 64 * 168
        _put(raw, at, struct.pack("<i", tick) + net.to_bytes(16, "little", signed=True) + (1).to_bytes(16, "little"))
        _put(raw, at + 124, orders, 8)
    return bytes(raw)


def accounts(**changes: bytes) -> dict[str, bytes]:
    return {
        "pool_state": raw_pool(),
        "amm_config": raw_config(),
        "base_mint": bytes(82),
        "quote_mint": bytes(82),
        f"tick_array.{-SPAN}": raw_array(-SPAN, {-64: 10**9}),
        "tick_array.0": raw_array(0, {64: 5}, orders=3),
        f"tick_array.{SPAN}": raw_array(SPAN, {SPAN: -(10**9) - 5}),
        **changes,
    }


def test_load_knows_the_ticks_of_the_arrays_it_was_given() -> None:
    pool = clmm.load(ADDRESS, accounts())
    book = ticks_pool.book_of(pool.numbers)
    assert book.nets == {-64: 10**9, 64: 5, SPAN: -(10**9) - 5}
    assert (book.first, book.last, pool.base_mint, pool.numbers["orders"]) == (-443_636, 443_636, COIN, 1)
    assert (pool.numbers["trade_fee_rate"], pool.numbers["base_is_0"]) == (2_500, 0)
    assert pool.keys["base_vault"] == named_key("v1")
    assert clmm.quote_in(pool, 10_000, is_buy=True).amount_out == 9_974
    wanted = clmm.needs(raw_pool())
    assert set(wanted) == {
        "amm_config",
        "base_mint",
        "quote_mint",
        "bitmap_extension",
        *(f"tick_array.{place * SPAN}" for place in (-1, 0, 1)),
    }


def test_knowledge_ends_at_an_array_that_was_not_given() -> None:
    """Below it, above it, or around the price itself."""
    given_ = accounts()
    for start, bounds in ((-SPAN, (0, 443_636)), (SPAN, (-443_636, SPAN - 1)), (0, (-443_636, -1))):
        told = {name: raw for name, raw in given_.items() if name != f"tick_array.{start}"}
        book = ticks_pool.book_of(clmm.load(ADDRESS, told).numbers)
        assert (book.first, book.last) == bounds


def test_where_the_bitmap_ends_the_extension_goes_on() -> None:
    """A spacing of 1: the pool's own bitmap covers 30,720 ticks to either side."""
    raw = raw_pool(spacing=1, arrays=())
    wanted = clmm.needs(raw)
    assert {f"tick_array.{place * 60}" for place in range(-3, 4)} <= set(wanted)
    told = {"pool_state": raw, "amm_config": raw_config()}
    book = ticks_pool.book_of(clmm.load(ADDRESS, told).numbers)
    assert (book.first, book.last) == (-30_720, 30_720)
    extension = bytearray(layouts.EXTENSION_SIZE)
    _put(extension, 0, layouts.EXTENSION)
    extension[40] = extension[40 + 14 * 64 + 63] = 0x80
    assert set(layouts.extension_starts(bytes(extension), 1)) == {30_720 + 7 * 60, -30_720 - 60}
    pool = clmm.load(ADDRESS, {**told, "bitmap_extension": bytes(extension)})
    book = ticks_pool.book_of(pool.numbers)
    assert (book.first, book.last) == (-30_720, 30_720 + 7 * 60 - 1)
    assert "bitmap_extension" in pool.keys


def test_a_dynamic_fee_and_token_2022_are_loaded() -> None:
    pool = clmm.load(ADDRESS, accounts(pool_state=raw_pool(period=30), base_program=TOKEN_2022))
    assert (pool.numbers["volatility.group"], pool.base_program) == (64, TOKEN_2022)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pool_state": raw_pool()[:-1]}, "layout says 1544"),
        ({"amm_config": raw_config()[:-1]}, "layout says 117"),
        ({"amm_config": raw_config(10**6)}, "a fee of everything"),
        ({"pool_state": raw_pool(fee_on=3)}, "or on 3"),
        ({"pool_state": raw_pool(spacing=0)}, "spacing 0"),
        ({"pool_state": raw_pool(tick=500_000)}, "tick 500000"),
        ({"pool_state": raw_pool(price=5)}, "price 5"),
        ({"tick_array.0": raw_array(0, {}, pool=USER)}, "another pool's"),
        ({"tick_array.0": raw_array(64, {64: 5})}, "starts at 64"),
        ({"tick_array.0": raw_array(0, {})[:-1]}, "layout says 10240"),
        ({"bitmap_extension": bytes(5)}, "layout says 1832"),
        ({"bitmap_extension": bytes(1832)}, "another kind"),
    ],
)
def test_another_account_is_refused(changes: dict[str, bytes], words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        clmm.load(ADDRESS, accounts(**changes))


def test_a_pool_asked_for_under_another_address_is_refused() -> None:
    with pytest.raises(DecodeError, match="another address"):
        clmm.load(USER, accounts())


def test_a_tick_that_stands_elsewhere_is_refused() -> None:
    raw = bytearray(raw_array(0, {64: 5}))
    _put(raw, 44 + 168, 65, 4)
    with pytest.raises(DecodeError, match="says it is 65"):
        layouts.decode_tick_array(bytes(raw), 64)


def test_recorded_accounts_decode() -> None:
    """A pool and a tick array of mainnet."""
    parts = ("mainnet", "accounts", "raydium_clmm__pool_state_account.json")
    state = layouts.decode_pool_state(base64.b64decode(shared_json(*parts)["data"]))
    assert state.ints["tick_spacing"] >= 1
    raw = base64.b64decode(shared_json("mainnet", "accounts", "raydium_clmm__tick_array_state_account.json")["data"])
    start = struct.unpack_from("<i", raw, 40)[0]
    arrays = []
    for spacing in (1, 10, 60, 120):
        try:
            arrays.append(layouts.decode_tick_array(raw, spacing))
        except DecodeError:
            continue
    assert arrays
    assert arrays[0].start == start


@given(raw=st.binary(max_size=40), size=st.sampled_from([1544, 117, 10_240, 1832]), at=st.integers(0, 1500))
def test_any_bytes_raise_its_own_error_or_nothing(raw: bytes, size: int, at: int) -> None:
    for name, good in {**accounts(), "bitmap_extension": layouts.EXTENSION + bytes(1824)}.items():
        broken = bytearray(good)
        broken[at : at + len(raw)] = raw
        try:
            clmm.load(ADDRESS, accounts(**{name: bytes(broken[:size])}))
        except DecodeError as problem:
            assert "\n" not in str(problem)
