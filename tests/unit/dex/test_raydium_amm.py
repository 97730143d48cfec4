"""Raydium AMM v4 quotes as the program computes, and builds both forms of its swaps.

Numbers come from the official SDK's golden vectors, the program's own output and 86
recorded mainnet trades; the small vectors here bite without those files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import raydium_amm as amm
from sniperforge.dex import raydium_amm_layouts as layout
from sniperforge.dex import raydium_amm_reading as reading
from sniperforge.dex.programs import TOKEN, WSOL, pda
from sniperforge.dex.venue import EmptyPool, SwapOrder
from tests.unit.dex.raydium_recordings import as_metas, golden, recorded, shared_json

COIN = Pubkey(b"\x01" * 32)
USER = Pubkey(b"\x21" * 32)
MARKET = Pubkey(b"\x31" * 32)
OPENBOOK = key("srmqPvymJeFKQ4zGQed1GFppgkRHL9kaELCbyksJtPX")


def make_pool(
    *, base_is_0: int = 1, base_reserve: int = 800_000_000_000_000, quote_reserve: int = 79_000_000_000
) -> Pool:
    """The pool of the program's own output: 79 SOL against 800 million coins."""
    return Pool(
        venue=amm.NAME,
        address=Pubkey(b"\x41" * 32),
        base_mint=COIN,
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        keys={"base_vault": Pubkey(b"\x42" * 32), "quote_vault": Pubkey(b"\x43" * 32)},
        numbers={"base_is_0": base_is_0, "swap_fee_numerator": 25, "swap_fee_denominator": 10_000},
        slot=5,
    )


def with_market(pool: Pool) -> Pool:
    extra = {name: Pubkey(bytes([0x50 + place]) * 32) for place, name in enumerate(amm.MARKET_KEYS)}
    return msgspec.structs.replace(pool, keys={**pool.keys, **extra})


# ── quotes ────────────────────────────────────────────────────────────────


def test_the_program_s_own_swaps_are_quoted_exactly() -> None:
    """One SOL into 79 SOL / 800 million coins brings 9,975,311,728,491; they bring 995,068,364 back."""
    pool = make_pool()
    bought = amm.quote_in(pool, 1_000_000_000, is_buy=True)
    assert (bought.amount_out, bought.fee_amount, bought.impact_bps) == (9_975_311_728_491, 2_500_000, 254)
    after = make_pool(base_reserve=800_000_000_000_000 - 9_975_311_728_491, quote_reserve=80_000_000_000)
    assert amm.quote_in(after, 9_975_311_728_491, is_buy=False).amount_out == 995_068_364


@given(st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), st.booleans())
def test_a_swap_never_shrinks_the_product(base: int, quote: int, amount: int, is_buy: bool) -> None:
    pool = make_pool(base_reserve=base, quote_reserve=quote)
    told = amm.quote_in(pool, amount, is_buy=is_buy)
    reserve_in, reserve_out = (quote, base) if is_buy else (base, quote)
    assert 0 <= told.amount_out < reserve_out
    assert (reserve_in + amount) * (reserve_out - told.amount_out) >= reserve_in * reserve_out


@given(st.integers(1, 2**64 - 1), st.integers(2, 2**64 - 1), st.data(), st.booleans())
def test_quote_out_is_the_inverse_of_quote_in(base: int, quote: int, data: st.DataObject, is_buy: bool) -> None:
    """Paying what `quote_out` says brings at least what was asked for."""
    pool = make_pool(base_reserve=base + 1, quote_reserve=quote)
    amount = data.draw(st.integers(1, (base if is_buy else quote - 1)))
    asked = amm.quote_out(pool, amount, is_buy=is_buy)
    assert asked.amount_out == amount
    assert amm.quote_in(pool, asked.amount_in, is_buy=is_buy).amount_out >= amount


def test_an_empty_pool_quotes_nothing() -> None:
    with pytest.raises(EmptyPool):
        amm.quote_in(make_pool(base_reserve=0), 1, is_buy=True)
    with pytest.raises(EmptyPool):
        amm.quote_out(make_pool(quote_reserve=9), 9, is_buy=False)


@pytest.mark.parametrize("case", golden("raydium_amm_v4", "quote"))
def test_golden_quotes(case: Any) -> None:
    """The SDK floors what an exact output costs; the figure the program asks for is the one that counts."""
    given_, expected = case["inputs"], case["expected"]
    sides = {
        "reserve_in": int(given_["reserve_in"]),
        "reserve_out": int(given_["reserve_out"]),
        "numerator": given_["fee_numerator"],
        "denominator": given_["fee_denominator"],
    }
    if case["op"] == "exact_in":
        assert str(amm.amount_out_for(int(given_["amount_in"]), **sides)) == expected["amount_out"]
        pool = make_pool(base_reserve=sides["reserve_out"], quote_reserve=sides["reserve_in"])
        pool.numbers.update(swap_fee_numerator=sides["numerator"], swap_fee_denominator=sides["denominator"])
        told = amm.quote_in(pool, int(given_["amount_in"]), is_buy=True)
        assert (str(told.amount_out), str(told.fee_amount)) == (expected["amount_out"], expected["fee"])
    else:
        assert str(amm.amount_in_for(int(given_["amount_out"]), **sides)) == expected["amount_in_onchain"]


# ── swaps ─────────────────────────────────────────────────────────────────


def test_a_buy_uses_the_short_form_and_wraps_around_it() -> None:
    opened, sent, synced, coin, swap, closed = amm.swap(make_pool(), SwapOrder(USER, True, 10**9, 5))
    assert [one.data[0] for one in (opened, sent, synced, coin, closed)] == [1, 2, 0x11, 1, 9]
    assert swap.data == struct.pack("<BQQ", 16, 10**9, 5)
    assert [meta.key for meta in swap.accounts[1:5]] == [
        make_pool().address,
        layout.AUTHORITY,
        make_pool().keys["base_vault"],
        make_pool().keys["quote_vault"],
    ]
    assert swap.accounts[5].key == opened.accounts[1].key
    assert swap.accounts[6].key == coin.accounts[1].key


def test_coin_and_pc_vault_keep_their_places_when_sol_is_the_coin() -> None:
    pool = make_pool(base_is_0=0)
    _, swap, _ = amm.swap(pool, SwapOrder(USER, False, 7, 1))
    assert swap.accounts[3].key == pool.keys["quote_vault"]
    assert swap.accounts[5].key == amm.swap_keys(pool, USER, False)["user_base_token"]


def test_a_pool_whose_market_is_known_lists_it() -> None:
    pool = with_market(make_pool())
    order = SwapOrder(USER, True, 7, 1, open_base_account=False, wrap_quote=False)
    (swap,) = amm.swap(pool, order)
    assert (swap.data[0], len(swap.accounts)) == (9, 18)
    (exact,) = amm.swap(pool, dataclasses.replace(order, exact_out=True))
    assert exact.data[0] == 11
    assert amm.variant(pool, order) != amm.variant(make_pool(), order)


@pytest.mark.parametrize("case", golden("raydium_amm_v4", "instruction", *(
    "swap_base_in", "swap_base_out", "swap_base_in_v2", "swap_base_out_v2",
)))  # fmt: skip
def test_golden_swaps(case: Any) -> None:
    given_ = {
        name: value if name.startswith(("amount", "max", "min")) else key(value)
        for name, value in case["inputs"].items()
    }
    short = case["op"].endswith("_v2")
    vaults = {"base_vault": given_["coin_vault"], "quote_vault": given_["pc_vault"]}
    known = {} if short else {name: given_[name] for name in amm.MARKET_KEYS}
    pool = msgspec.structs.replace(make_pool(), address=given_["amm_id"], keys={**vaults, **known})
    exact_out = "base_out" in case["op"]
    amounts = ("max_amount_in", "amount_out") if exact_out else ("amount_in", "minimum_amount_out")
    order = SwapOrder(
        user=given_["user"],
        is_buy=True,
        amount_in=int(given_[amounts[0]]),
        amount_out_min=int(given_[amounts[1]]),
        open_base_account=False,
        wrap_quote=False,
        exact_out=exact_out,
    )
    keys = amm.swap_keys(pool, given_["user"], True)
    keys |= {"user_quote_token": given_["user_source"], "user_base_token": given_["user_destination"]}
    (swap,) = amm.assemble(keys, pool, order)
    assert as_metas(swap) == case["expected"]


def test_the_compute_limit_covers_what_the_real_program_used() -> None:
    assert amm.compute_units(True) >= 41_439 + 2 * 20_000
    assert amm.compute_units(False) >= 22_717 + 2 * 20_000


# ── accounts ──────────────────────────────────────────────────────────────


def raw_info(coin: Pubkey = COIN, pc: Pubkey = WSOL, *, market_program: Pubkey = OPENBOOK) -> bytes:
    raw = bytearray(layout.AMM_INFO_SIZE)
    struct.pack_into("<QQ", raw, 0, 6, 254)
    struct.pack_into("<QQ", raw, 32, 6, 9)
    struct.pack_into("<QQQQ", raw, 176, 25, 10_000, 100, 200)
    struct.pack_into("<Q", raw, 224, 1_900_000_000)
    places = {336: b"\x42" * 32, 368: b"\x43" * 32, 400: coin, 432: pc, 528: MARKET, 560: market_program}
    for offset, value in places.items():
        raw[offset : offset + 32] = value
    return bytes(raw)


def raw_market(nonce: int, address: Pubkey = MARKET) -> bytes:
    raw = bytearray(layout.MARKET_SIZE)
    raw[:5] = b"serum"
    raw[13:45] = address
    struct.pack_into("<Q", raw, 45, nonce)
    for place, offset in enumerate((117, 165, 253, 285, 317)):
        raw[offset : offset + 32] = bytes([0x60 + place]) * 32
    return bytes(raw)


def raw_token(mint: Pubkey, amount: int) -> bytes:
    return mint + USER + struct.pack("<Q", amount) + bytes(93)


def accounts(**more: bytes) -> dict[str, bytes]:
    vaults = {"base_vault": raw_token(COIN, 5_000), "quote_vault": raw_token(WSOL, 4_000)}
    return {"amm_id": raw_info(), **vaults, **more}


def nonces() -> tuple[int, int]:
    """A nonce that gives the market's signer, and one that falls on the curve."""
    from solders.pubkey import Pubkey as SoldersPubkey

    on_curve = [
        SoldersPubkey.from_bytes(
            hashlib.sha256(MARKET + number.to_bytes(8, "little") + OPENBOOK + b"ProgramDerivedAddress").digest()
        ).is_on_curve()
        for number in range(20)
    ]
    return on_curve.index(False), on_curve.index(True)


def test_load_takes_the_profit_owed_off_the_vaults() -> None:
    """5,000 less 100, 4,000 less 200."""
    pool = amm.load(USER, accounts())
    assert (pool.base_reserve, pool.quote_reserve) == (4_900, 3_800)
    assert pool.numbers == {
        "base_is_0": 1,
        "swap_fee_numerator": 25,
        "swap_fee_denominator": 10_000,
        "status": 6,
        "open_time": 1_900_000_000,
        "base_decimals": 6,
        "quote_decimals": 9,
    }
    assert amm.needs(raw_info()) == {
        "base_vault": b"\x42" * 32,
        "quote_vault": b"\x43" * 32,
        "market": MARKET,
    }


def test_load_turns_the_sides_when_sol_is_the_coin() -> None:
    pool = amm.load(USER, accounts(amm_id=raw_info(WSOL, COIN)))
    assert (pool.base_mint, pool.quote_mint, pool.numbers["base_is_0"]) == (COIN, WSOL, 0)
    assert (pool.base_reserve, pool.quote_reserve) == (4_800, 3_900)
    assert pool.keys["base_vault"] == b"\x43" * 32


def test_a_pool_without_an_order_book_has_no_market_to_fetch() -> None:
    raw = raw_info(market_program=ZERO_KEY)
    assert "market" not in amm.needs(raw)
    assert "open_orders" not in amm.load(USER, accounts(amm_id=raw)).keys


def test_load_with_the_market_lists_it_in_swaps() -> None:
    good, bad = nonces()
    pool = amm.load(USER, accounts(market=raw_market(good)))
    assert pool.keys["market_bids"] == b"\x63" * 32
    (_, _, _, _, swap, _) = amm.swap(pool, SwapOrder(USER, True, 1, 1))
    assert len(swap.accounts) == 18
    with pytest.raises(DecodeError, match="nonce"):
        amm.load(USER, accounts(market=raw_market(bad)))
    with pytest.raises(DecodeError, match="another one"):
        amm.load(USER, accounts(market=raw_market(good, USER)))


@pytest.mark.parametrize(
    ("name", "raw", "problem"),
    [
        ("amm_id", bytes(751), "layout says 752"),
        ("market", bytes(387), "layout says 388"),
        ("market", bytes(388), "serum"),
        ("base_vault", bytes(165), "of mint"),
    ],
)
def test_an_account_that_is_something_else_is_refused(name: str, raw: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        amm.load(USER, accounts(**{name: raw}))


@given(st.sampled_from(["amm_id", "market", "base_vault", "quote_vault"]), st.binary(max_size=800))
def test_loading_raises_a_decode_error_or_nothing(name: str, raw: bytes) -> None:
    sizes = {"amm_id": 752, "market": 388}
    with contextlib.suppress(DecodeError):
        amm.load(USER, accounts(**{name: raw.ljust(sizes.get(name, 0), b"\x02")[:752]}))


@pytest.mark.parametrize("case", golden("raydium_amm_v4", "pda"))
def test_golden_addresses(case: Any) -> None:
    given_, expected = case["inputs"], case["expected"]
    if case["op"] == "constants":
        assert base58.text(layout.AUTHORITY) == expected["authority"]
        assert pda(amm.PROGRAM, b"amm authority") == layout.AUTHORITY
        return
    market, program = key(given_["market_id"]), key(given_["market_program"])
    assert base58.text(pda(amm.PROGRAM, amm.PROGRAM, market, b"amm_associated_seed")) == expected["amm_id"]
    for name, seed in reading.SEEDS.items():
        assert base58.text(pda(amm.PROGRAM, amm.PROGRAM, market, seed)) == expected[name]
    signers = set()
    for nonce in range(100):
        raw = raw_market(nonce, market)
        with contextlib.suppress(DecodeError):
            signers.add(base58.text(amm.market_keys(market, program, raw)["market_vault_signer"]))
    assert expected["market_vault_signer"] in signers


# ── what the program said ─────────────────────────────────────────────────


def test_the_real_program_s_pool_is_followed_through_its_swaps() -> None:
    """Creation, buy and sell of one pool: what we quote is what it paid, what we build is what was sent."""
    first = recorded(shared_json("program_output", "raydium_amm_v4", "initialize2.json"))
    (made,) = (one for step in first.of(amm.PROGRAM) for one in reading.read(step, first.context))
    assert isinstance(made, PoolCreated)
    pool = made.pool
    for name, is_buy in (("snipe", True), ("exit", False)):
        transaction = recorded(shared_json("program_output", "raydium_amm_v4", f"{name}.json"))
        (step,) = transaction.of(amm.PROGRAM)
        (told,) = reading.read(step, transaction.context)
        assert isinstance(told, Swapped)
        swapped = amm.oriented(told, pool)
        assert isinstance(swapped, Swapped)
        assert (swapped.is_buy, swapped.base_mint) == (is_buy, pool.base_mint)
        paid, got = swapped.quote_amount, swapped.base_amount
        paid, got = (paid, got) if is_buy else (got, paid)
        assert amm.quote_in(pool, paid, is_buy=is_buy).amount_out == got
        listed = dict(zip((name for name, _, _ in amm.MARKET_ACCOUNTS), step.accounts, strict=False))
        if len(step.accounts) == 18:
            known = msgspec.structs.replace(
                pool, keys={**pool.keys, **{name: listed[name] for name in amm.MARKET_KEYS}}
            )
            amount_in, amount_out_min = struct.unpack("<QQ", step.data[1:17])
            built = amm.swap(known, SwapOrder(swapped.trader, is_buy, amount_in, amount_out_min))
            (mine,) = (one for one in built if one.program == amm.PROGRAM)
            assert (mine.data, tuple(meta.key for meta in mine.accounts)) == (step.data, step.accounts)
        pool = amm.apply(pool, told)


def test_apply_turns_a_liquidity_change_round() -> None:
    change = LiquidityChanged(
        venue=amm.NAME, pool=make_pool().address, added=False, base_amount=1, quote_amount=2,
        base_reserve=10, quote_reserve=20, slot=9, signature="",
    )  # fmt: skip
    turned = amm.apply(make_pool(base_is_0=0), change)
    assert (turned.base_reserve, turned.quote_reserve, turned.slot) == (20, 10, 9)
    plain = amm.apply(make_pool(), change)
    assert (plain.base_reserve, plain.quote_reserve) == (10, 20)
