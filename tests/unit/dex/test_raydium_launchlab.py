"""LaunchLab loads, quotes and trades a curve with the 18 accounts mainnet takes.

Numbers come from the official SDK's golden vectors and one recorded mainnet buy; the
small vectors here bite without those files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, Pool, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import raydium_launchlab as launchlab
from sniperforge.dex import raydium_launchlab_curve as curve
from sniperforge.dex import raydium_launchlab_layouts as layout
from sniperforge.dex import raydium_launchlab_reading as reading
from sniperforge.dex.programs import METADATA, TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import EmptyPool, SwapOrder
from tests.unit.dex.raydium_recordings import LAUNCH, as_metas, golden, recorded, shared_json

COIN, USER = Pubkey(b"\x01" * 32), Pubkey(b"\x21" * 32)
KEYS = ("global_config", "platform_config", "base_vault", "quote_vault", "creator")


def make_pool(kind: int = curve.CONSTANT, *, sold: int = 0, raised: int = 0, **numbers: int) -> Pool:
    """The usual launch: 793.1 of 1,000 million coins for 85 SOL, 1.3 % fees."""
    made = curve.start(
        kind, supply=10**15, total_base_sell=793_100_000_000_000, raising=85 * 10**9, locked=0, migrate_fee=0
    )
    state = curve.Curve(kind, made.virtual_base, made.virtual_quote, sold, raised, made.total_base_sell)
    base_reserve, quote_reserve = reading.reserves(state)
    return Pool(
        venue=launchlab.NAME,
        address=Pubkey(b"\x41" * 32),
        base_mint=COIN,
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        keys={name: Pubkey(bytes([0x50 + place]) * 32) for place, name in enumerate(KEYS)},
        numbers={
            "curve_type": kind,
            "virtual_base": made.virtual_base,
            "virtual_quote": made.virtual_quote,
            "total_base_sell": made.total_base_sell,
            "trade_fee_rate": 2_500,
            "platform_fee_rate": 10_000,
            "creator_fee_rate": 500,
            "status": 0,
            **numbers,
        },
    )


# ── quotes ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_the_reserves_stand_for_the_curve_s_counters(kind: int) -> None:
    state = launchlab.curve_of(make_pool(kind, sold=10**12, raised=5 * 10**7))
    assert (state.real_base, state.real_quote) == (10**12, 5 * 10**7)


def test_a_buy_and_a_sell_are_quoted_with_their_fees() -> None:
    pool = make_pool()
    bought = launchlab.quote_in(pool, 9_999_999, is_buy=True)
    assert (bought.amount_in, bought.fee_amount, bought.impact_bps) == (9_999_999, 130_000, 6)
    sold = launchlab.quote_in(make_pool(sold=bought.amount_out, raised=9_869_999), bought.amount_out, is_buy=False)
    assert (sold.amount_in, sold.amount_out) == (bought.amount_out, 9_869_998 - -(-9_869_998 * 13 // 1_000))


def test_a_buy_of_the_rest_costs_what_the_rest_costs() -> None:
    quote = launchlab.quote_in(make_pool(), 10**12, is_buy=True)
    assert quote.amount_out == 793_100_000_000_000
    assert quote.amount_in == launchlab.quote_out(make_pool(), 793_100_000_000_000, is_buy=True).amount_in


@pytest.mark.parametrize(("kind", "impact"), [(1, 0), (2, 4_142)])
def test_the_price_of_the_other_curves_moves_their_way(kind: int, impact: int) -> None:
    """A fixed price stays; a linear one follows what was sold: twice the money, root two of the coins."""
    first = launchlab.quote_in(make_pool(kind), 10**9, is_buy=True)
    net = 10**9 - first.fee_amount
    pool = make_pool(kind, sold=first.amount_out, raised=net)
    assert launchlab.quote_in(pool, 10**9, is_buy=True).impact_bps == impact


def test_a_complete_curve_quotes_nothing() -> None:
    done = make_pool(status=1)
    with pytest.raises(EmptyPool, match="complete"):
        launchlab.quote_in(done, 1, is_buy=True)
    with pytest.raises(EmptyPool, match="complete"):
        launchlab.quote_out(make_pool(sold=793_100_000_000_000, raised=85 * 10**9), 1, is_buy=True)


def test_a_coin_that_takes_a_transfer_fee_is_quoted_with_it() -> None:
    """1 %, at most a million units."""
    fee = {"base_transfer_fee_bps": 100, "base_transfer_fee_max": 10**6}
    plain, taxed = make_pool(sold=10**13, raised=3 * 10**8), make_pool(sold=10**13, raised=3 * 10**8, **fee)
    assert launchlab.quote_in(taxed, 10**6, is_buy=True).amount_out == (
        launchlab.quote_in(plain, 10**6, is_buy=True).amount_out - 10**6
    )
    sold = launchlab.quote_in(taxed, 10**7, is_buy=False)
    assert (sold.amount_in, sold.amount_out) == (10**7, launchlab.quote_in(plain, 9_900_000, is_buy=False).amount_out)
    assert launchlab.quote_out(taxed, 10**9, is_buy=True).amount_out >= 10**9
    asked = launchlab.quote_out(taxed, 10**5, is_buy=False)
    assert launchlab.quote_in(taxed, asked.amount_in, is_buy=False).amount_out >= 10**5


def test_a_referrer_s_share_counts_with_its_receiver_only() -> None:
    pool = make_pool(share_fee_rate=10_000)
    shared = msgspec.structs.replace(pool, keys={**pool.keys, "share_fee_receiver": USER})
    assert launchlab.quote_in(pool, 10**9, is_buy=True).fee_amount == 13_000_000
    assert launchlab.quote_in(shared, 10**9, is_buy=True).fee_amount == 23_000_000


@given(st.sampled_from([0, 1, 2]), st.integers(0, 10**11), st.integers(0, 10**12))
def test_to_and_fro_never_pays(kind: int, before: int, amount: int) -> None:
    pool = make_pool(kind)
    for spent in (before, amount):
        try:
            bought = launchlab.quote_in(pool, spent, is_buy=True)
        except EmptyPool:
            return
        net = bought.amount_in - bought.fee_amount
        state = launchlab.curve_of(pool)
        pool = make_pool(kind, sold=state.real_base + bought.amount_out, raised=state.real_quote + net)
    if launchlab.curve_of(pool).real_base < pool.numbers["total_base_sell"]:
        assert launchlab.quote_in(pool, bought.amount_out, is_buy=False).amount_out <= bought.amount_in


# ── apply ─────────────────────────────────────────────────────────────────


def test_apply_follows_trades_and_the_end_of_the_curve() -> None:
    pool = make_pool()
    swapped = Swapped(
        venue=launchlab.NAME, pool=pool.address, base_mint=COIN, trader=USER, is_buy=True, base_amount=1,
        quote_amount=2, base_reserve=10, quote_reserve=20, slot=3, signature="",
    )  # fmt: skip
    after = launchlab.apply(pool, swapped)
    assert (after.base_reserve, after.quote_reserve, after.slot) == (10, 20, 3)
    done = CurveCompleted(venue=launchlab.NAME, pool=pool.address, base_mint=COIN, slot=3, signature="")
    assert launchlab.apply(pool, done).numbers["status"] == 1
    assert launchlab.apply(pool, msgspec.structs.replace(done, pool=USER)) == pool


# ── swaps ─────────────────────────────────────────────────────────────────


def test_a_buy_lists_eighteen_accounts_and_the_fee_vaults_last() -> None:
    pool = make_pool()
    order = SwapOrder(USER, True, 10**9, 5)
    built = launchlab.swap(pool, order)
    swap = built[4]
    assert [one.data[0] for one in (*built[:4], built[5])] == [1, 2, 0x11, 1, 9]
    assert swap.data == layout.BUY_EXACT_IN + struct.pack("<QQQ", 10**9, 5, 0)
    assert len(swap.accounts) == 18
    platform, creator = pool.keys["platform_config"], pool.keys["creator"]
    assert swap.accounts[16].key == pda(launchlab.PROGRAM, platform, WSOL)
    assert swap.accounts[17].key == pda(launchlab.PROGRAM, creator, WSOL)


def test_exact_outputs_turn_the_amounts() -> None:
    order = SwapOrder(USER, True, 7, 9, exact_out=True, open_base_account=False, wrap_quote=False)
    (buy,) = launchlab.swap(make_pool(), order)
    assert buy.data == layout.BUY_EXACT_OUT + struct.pack("<QQQ", 9, 7, 0)
    (sell,) = launchlab.swap(make_pool(), dataclasses.replace(order, is_buy=False))
    assert sell.data == layout.SELL_EXACT_OUT + struct.pack("<QQQ", 9, 7, 0)


def test_the_variant_names_a_referrer_s_share() -> None:
    order, pool = SwapOrder(USER, True, 7, 9), make_pool(share_fee_rate=10)
    shared = msgspec.structs.replace(pool, keys={**pool.keys, "share_fee_receiver": USER})
    assert launchlab.variant(pool, order) == "spl/spl/wrap"
    assert launchlab.variant(shared, order) == "spl/spl/wrap/share 10"


@pytest.mark.parametrize(
    "case", golden("raydium_launchlab", "instruction", "buy_exact_in", "sell_exact_in", "buy_exact_out")
)
def test_golden_swaps(case: Any) -> None:
    given_, op = case["inputs"], case["op"]
    mints = key(given_["base_mint"]), key(given_["quote_mint"])
    address = key(given_["pool_state"])
    vaults = [pda(launchlab.PROGRAM, b"pool_vault", address, mint) for mint in mints]
    keys = {name: key(given_[name]) for name in ("global_config", "platform_config", "creator")}
    keys |= {"base_vault": vaults[0], "quote_vault": vaults[1]}
    if given_["share_fee_receiver"]:
        keys["share_fee_receiver"] = key(given_["share_fee_receiver"])
    pool = msgspec.structs.replace(
        make_pool(share_fee_rate=int(given_["share_fee_rate"])),
        address=address,
        base_mint=mints[0],
        quote_mint=mints[1],
        base_program=key(given_["base_token_program"]),
        quote_program=key(given_["quote_token_program"]),
        keys=keys,
    )
    exact_out = op == "buy_exact_out"
    names = ("maximum_amount_in", "amount_out") if exact_out else ("amount_in", "minimum_amount_out")
    order = SwapOrder(
        user=key(given_["user"]),
        is_buy=op.startswith("buy"),
        amount_in=int(given_[names[0]]),
        amount_out_min=int(given_[names[1]]),
        open_base_account=False,
        wrap_quote=False,
        exact_out=exact_out,
    )
    (swap,) = launchlab.swap(pool, order)
    assert as_metas(swap) == case["expected"]


def test_mainnet_s_buy_is_built_with_the_same_accounts() -> None:
    """Slot 372149510; the buyer used a throw-away WSOL account in place of the associated one."""
    transaction = recorded(shared_json("mainnet", "raydium_launchlab", LAUNCH))
    step = next(one for one in transaction.of(launchlab.PROGRAM) if one.data[:8] == layout.BUY_EXACT_IN)
    listed = dict(zip((name for name, _, _ in launchlab.ACCOUNTS), step.accounts, strict=True))
    keys = {name: listed[name] for name in ("global_config", "platform_config", "base_vault", "quote_vault")}
    pool = msgspec.structs.replace(
        make_pool(),
        address=listed["pool_state"],
        base_mint=listed["base_mint"],
        keys={**keys, "creator": listed["user"]},
    )
    amount_in, amount_out_min, _ = struct.unpack("<QQQ", step.data[8:32])
    built = launchlab.swap(pool, SwapOrder(listed["user"], True, amount_in, amount_out_min))
    (mine,) = (one for one in built if one.program == launchlab.PROGRAM)
    differing = [number for number, meta in enumerate(mine.accounts) if meta.key != step.accounts[number]]
    assert (mine.data, differing) == (step.data, [6])


def test_the_compute_limit_covers_what_mainnet_used() -> None:
    assert launchlab.compute_units(True) >= 97_680 + 2 * 20_339 + 10_000
    assert launchlab.compute_units(False) >= 97_680 + 20_339 + 10_000


# ── accounts ──────────────────────────────────────────────────────────────


def raw_pool(*, flag: int = 0, sold: int = 10**12) -> bytes:
    raw = bytearray(layout.POOL_STATE_SIZE)
    raw[:8] = layout.POOL_STATE
    struct.pack_into("<5B", raw, 16, 254, 0, 6, 9, 1)
    counters = (10**15, 793_100_000_000_000, 1_073_025_605_596_382, 30_000_852_951, sold, 5 * 10**7, 85 * 10**9)
    struct.pack_into("<7Q", raw, 21, *counters)
    for place, one in enumerate((0x50, 0x51, 1, 0, 0x52, 0x53, 0x54)):
        raw[141 + 32 * place : 173 + 32 * place] = WSOL if place == 3 else bytes([one]) * 32
    raw[365] = flag
    return bytes(raw)


def raw_config(kind: int = 0) -> bytes:
    raw = bytearray(layout.GLOBAL_CONFIG_SIZE)
    raw[:8] = layout.GLOBAL_CONFIG
    raw[16] = kind
    struct.pack_into("<Q", raw, 27, 2_500)
    return bytes(raw)


def raw_platform(creator_fee_rate: int = 500) -> bytes:
    raw = bytearray(944)
    raw[:8] = layout.PLATFORM_CONFIG
    struct.pack_into("<Q", raw, 104, 10_000)
    struct.pack_into("<Q", raw, 720, creator_fee_rate)
    return bytes(raw)


def accounts(**more: bytes) -> dict[str, bytes]:
    return {"pool_state": raw_pool(), "global_config": raw_config(), "platform_config": raw_platform(), **more}


def test_load_gives_the_pool_of_its_accounts() -> None:
    pool = launchlab.load(Pubkey(b"\x41" * 32), accounts())
    mine = make_pool(sold=10**12, raised=5 * 10**7)
    assert (pool.base_reserve, pool.quote_reserve) == (mine.base_reserve, mine.quote_reserve)
    assert {name: pool.keys[name] for name in KEYS} == mine.keys
    assert {name: pool.numbers[name] for name in mine.numbers} == mine.numbers
    assert (pool.numbers["base_decimals"], pool.numbers["quote_decimals"], pool.numbers["fee_assumed"]) == (6, 9, 0)
    assert launchlab.swap(pool, SwapOrder(USER, True, 1, 1)) == launchlab.swap(mine, SwapOrder(USER, True, 1, 1))
    assert set(launchlab.needs(raw_pool())) == {"global_config", "platform_config", "base_mint"}


@pytest.mark.parametrize(("flag", "programs"), [(1, (TOKEN_2022, TOKEN)), (2, (TOKEN, TOKEN_2022))])
def test_the_flag_names_the_token_programs(flag: int, programs: tuple[Pubkey, Pubkey]) -> None:
    pool = launchlab.load(USER, accounts(pool_state=raw_pool(flag=flag)))
    assert (pool.base_program, pool.quote_program) == programs


@pytest.mark.parametrize(
    ("name", "raw", "problem"),
    [
        ("pool_state", bytes(428), "layout says 429"),
        ("pool_state", bytes(429), "another kind of account"),
        ("global_config", bytes(370), "layout says 371"),
        ("platform_config", bytes(727), "layout says 728"),
        ("global_config", raw_config(7), "no curve"),
        ("platform_config", raw_platform(10**6), "no curve"),
    ],
)
def test_an_account_that_is_something_else_is_refused(name: str, raw: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        launchlab.load(USER, accounts(**{name: raw}))


@given(st.sampled_from(["pool_state", "global_config", "platform_config", "base_mint"]), st.binary(max_size=800))
def test_loading_raises_a_decode_error_or_nothing(name: str, raw: bytes) -> None:
    whole = accounts().get(name, b"")
    with contextlib.suppress(DecodeError):
        launchlab.load(USER, accounts(**{name: whole[:8] + raw.ljust(len(whole), b"\x03")[: max(len(whole) - 8, 200)]}))


@pytest.mark.parametrize("case", golden("raydium_launchlab", "pda"))
def test_golden_addresses(case: Any) -> None:
    given_, expected = case["inputs"], case["expected"]
    if case["op"] == "constants":
        assert base58.text(layout.AUTHORITY) == expected["authority"]
        assert pda(launchlab.PROGRAM, b"vault_auth_seed") == layout.AUTHORITY
        assert base58.text(layout.EVENT_AUTHORITY) == expected["event_authority"]
        assert pda(launchlab.PROGRAM, b"__event_authority") == layout.EVENT_AUTHORITY
        return
    quote = key(given_["quote_mint"])
    if case["op"] == "global_config":
        # The index stands little endian here, unlike CPMM's.
        seeds = b"global_config", quote, bytes([given_["curve_type"]]), given_["index"].to_bytes(2, "little")
        assert base58.text(pda(launchlab.PROGRAM, *seeds)) == expected["global_config"]
        return
    base, platform, creator = key(given_["base_mint"]), key(given_["platform_config"]), key(given_["creator"])
    address = pda(launchlab.PROGRAM, b"pool", base, quote)
    pool = make_pool()
    pool = msgspec.structs.replace(
        pool, address=address, base_mint=base, quote_mint=quote,
        keys={**pool.keys, "platform_config": platform, "creator": creator},
    )  # fmt: skip
    keys = launchlab.swap_keys(pool, USER, True)
    found = {
        "pool_state": address,
        "base_vault": pda(launchlab.PROGRAM, b"pool_vault", address, base),
        "quote_vault": pda(launchlab.PROGRAM, b"pool_vault", address, quote),
        "platform_fee_vault": keys["platform_fee_vault"],
        "creator_fee_vault": keys["creator_fee_vault"],
        "base_metadata": pda(METADATA, b"metadata", METADATA, base),
    }
    assert {name: base58.text(one) for name, one in found.items()} == expected
