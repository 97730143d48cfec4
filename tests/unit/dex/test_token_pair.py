"""Two mints give a coin and a quote, a wallet's swap is framed, and transfer fees round as Token-2022 does."""

from __future__ import annotations

import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import BotStarted, LiquidityChanged, Pool, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import token_pair
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, ata
from sniperforge.dex.venue import AccountMeta, Instruction, SwapOrder

COIN, OTHER, USER = (Pubkey(bytes([number]) * 32) for number in (0x11, 0x12, 0x21))
SWAP = Instruction(COIN, (AccountMeta(USER, signer=True),), b"\x55")


def make_pool(quote: Pubkey = WSOL, **numbers: int) -> Pool:
    return Pool(
        venue="raydium_cpmm",
        address=Pubkey(b"\x41" * 32),
        base_mint=COIN,
        quote_mint=quote,
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=1_000,
        quote_reserve=500,
        numbers=numbers,
        slot=7,
    )


# ── which is the coin ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("mint_0", "mint_1", "first"),
    [
        (COIN, WSOL, True),
        (WSOL, COIN, False),
        (USDC, COIN, False),
        (token_pair.USDT, COIN, False),
        (token_pair.USD1, COIN, False),
        (WSOL, USDC, True),
        (COIN, OTHER, True),
    ],
)
def test_exactly_one_known_quote_decides(mint_0: Pubkey, mint_1: Pubkey, first: bool) -> None:
    """Of two quotes, or two strangers, the first token is the coin."""
    assert token_pair.base_is_first(mint_0, mint_1) is first


def test_a_program_that_sorts_its_mints_tells_the_coin_without_an_order() -> None:
    assert token_pair.base_of(WSOL, COIN) == token_pair.base_of(COIN, WSOL) == COIN
    assert token_pair.base_of(OTHER, COIN) == token_pair.base_of(COIN, OTHER) == COIN


def test_the_first_address_that_differs_is_named() -> None:
    derived = {"vault": COIN, "lp_mint": OTHER}
    assert token_pair.first_difference({**derived, "more": USER}, derived) == ""
    told = token_pair.first_difference({"vault": COIN, "lp_mint": USER}, derived)
    assert told == f"lp_mint: claimed {base58.text(USER)}, derived {base58.text(OTHER)}"
    assert "claimed 1111" in token_pair.first_difference({}, derived)


# ── accounts ──────────────────────────────────────────────────────────────


def raw_token(mint: Pubkey, amount: int) -> bytes:
    return mint + USER + struct.pack("<Q", amount) + bytes(93)


def test_a_balance_is_read_from_the_right_mint_only() -> None:
    accounts = {"base_vault": raw_token(COIN, 77)}
    assert token_pair.balance(accounts, "base_vault", venue="v", mint=COIN, program=TOKEN) == 77
    with pytest.raises(DecodeError, match="the pool says"):
        token_pair.balance(accounts, "base_vault", venue="v", mint=OTHER, program=TOKEN)
    with pytest.raises(DecodeError, match="'quote_vault' is missing"):
        token_pair.balance(accounts, "quote_vault", venue="v", mint=COIN, program=TOKEN)


def test_another_kind_of_account_is_refused_by_its_first_bytes() -> None:
    token_pair.require_discriminator(b"12345678rest", b"12345678", "v", "pool")
    with pytest.raises(DecodeError, match="another kind of account"):
        token_pair.require_discriminator(b"12345679rest", b"12345678", "v", "pool")


def test_a_layout_mismatch_carries_its_facts_and_says_what_to_do() -> None:
    problem = token_pair.LayoutMismatch("raydium_cpmm", "pool_state", size=3, size_expected=637)
    assert (problem.venue, problem.what, problem.size, problem.size_expected) == ("raydium_cpmm", "pool_state", 3, 637)
    assert "stop trading on raydium_cpmm" in str(problem)


# ── following ─────────────────────────────────────────────────────────────


def trade(base_mint: Pubkey = COIN, *, slot: int = 8, base: int = 10, quote: int = 20) -> Swapped:
    return Swapped(
        venue="v", pool=make_pool().address, base_mint=base_mint, trader=USER, is_buy=True, base_amount=1,
        quote_amount=2, base_reserve=base, quote_reserve=quote, slot=slot, signature="",
    )  # fmt: skip


def test_a_trade_without_a_mint_is_turned_round_by_a_pool_whose_coin_is_second() -> None:
    turned = token_pair.oriented(trade(ZERO_KEY), make_pool(base_is_0=0))
    assert isinstance(turned, Swapped)
    assert (turned.base_mint, turned.is_buy, turned.base_amount, turned.base_reserve) == (COIN, False, 2, 20)
    plain = token_pair.oriented(trade(ZERO_KEY), make_pool(base_is_0=1))
    assert plain == trade(COIN) == token_pair.oriented(trade(ZERO_KEY), make_pool())
    assert token_pair.oriented(plain, make_pool(base_is_0=0)) == plain


def test_a_liquidity_change_without_a_mint_is_turned_round_too() -> None:
    change = LiquidityChanged(
        venue="v", pool=make_pool().address, added=True, base_amount=1, quote_amount=2, base_reserve=10,
        quote_reserve=20, slot=8, signature="",
    )  # fmt: skip
    after = token_pair.apply(make_pool(base_is_0=0), change)
    assert (after.base_reserve, after.quote_reserve, after.slot) == (20, 10, 8)


@pytest.mark.parametrize(
    "event",
    [
        trade(slot=6),
        trade(base=-1),
        trade(quote=-1),
        msgspec.structs.replace(trade(), pool=USER),
        BotStarted(bot="b"),
    ],
)
def test_what_does_not_concern_the_pool_leaves_it(event: Swapped | BotStarted) -> None:
    assert token_pair.apply(make_pool(), event) == make_pool()


# ── transfer fees ─────────────────────────────────────────────────────────


def raw_mint(older: tuple[int, int], newer: tuple[int, int]) -> bytes:
    fees = struct.pack("<QQH", 1, older[1], older[0]) + struct.pack("<QQH", 2, newer[1], newer[0])
    return bytes(165) + b"\x01" + struct.pack("<HH", 3, 32) + bytes(32) + struct.pack("<HH", 1, 108) + bytes(72) + fees


@pytest.mark.parametrize(("older", "newer", "told"), [((50, 9), (100, 7), (100, 7)), ((60, 1), (50, 9), (60, 1))])
def test_the_dearer_of_two_fees_is_told(older: tuple[int, int], newer: tuple[int, int], told: tuple[int, int]) -> None:
    """One holds until an epoch this floor does not know, the other from then on."""
    numbers = token_pair.transfer_fee_numbers(raw_mint(older, newer))
    assert numbers == {"base_transfer_fee_bps": told[0], "base_transfer_fee_max": told[1]}


@pytest.mark.parametrize("raw", [b"", bytes(82), raw_mint((0, 5), (0, 5)), bytes(400)])
def test_a_mint_without_a_fee_has_no_numbers(raw: bytes) -> None:
    assert token_pair.transfer_fee_numbers(raw) == {}


def test_a_cut_mint_is_refused() -> None:
    with pytest.raises(DecodeError, match="does not fit"):
        token_pair.transfer_fee_numbers(raw_mint((1, 1), (1, 1))[:-1])


@given(st.binary(max_size=400))
def test_any_mint_gives_a_fee_or_a_decode_error(raw: bytes) -> None:
    try:
        numbers = token_pair.transfer_fee_numbers(bytes(166) + raw)
    except DecodeError:
        return
    assert set(numbers) in (set(), {"base_transfer_fee_bps", "base_transfer_fee_max"})


@given(st.integers(0, 2**64 - 1), st.integers(0, 10_000), st.integers(0, 2**64 - 1))
def test_what_is_sent_before_the_fee_is_enough_after_it(amount: int, bps: int, fee_max: int) -> None:
    pool = make_pool(base_transfer_fee_bps=bps, base_transfer_fee_max=fee_max)
    sent = token_pair.before_transfer_fee(pool, amount)
    assert sent - token_pair.transfer_fee(pool, sent) >= amount


@pytest.mark.parametrize(
    ("bps", "fee_max", "sent"), [(0, 9, 1_000), (100, 10**6, 1_011), (100, 4, 1_004), (10_000, 4, 1_004)]
)
def test_the_fee_is_capped(bps: int, fee_max: int, sent: int) -> None:
    """Even a fee of all stops at its maximum."""
    assert (
        token_pair.before_transfer_fee(make_pool(base_transfer_fee_bps=bps, base_transfer_fee_max=fee_max), 1_000)
        == sent
    )


# ── the instructions around a swap ────────────────────────────────────────


def test_a_buy_with_lamports_wraps_before_and_unwraps_after() -> None:
    pool, order = make_pool(), SwapOrder(USER, True, 1_234, 5)
    keys = token_pair.wallet_keys(pool, USER)
    opened, sent, synced, coin, swap, closed = token_pair.around(SWAP, keys, pool, order)
    sol = ata(USER, WSOL)
    assert [one.accounts[1].key for one in (opened, sent, coin)] == [sol, sol, ata(USER, COIN, TOKEN_2022)]
    assert sent.data == struct.pack("<IQ", 2, 1_234)
    assert (synced.accounts[0].key, closed.accounts[0].key, swap) == (sol, sol, SWAP)


@pytest.mark.parametrize(
    ("order", "tags"),
    [
        (SwapOrder(USER, True, 1, 1, open_base_account=False), [1, 2, 0x11, 0x55, 9]),
        (SwapOrder(USER, True, 1, 1, wrap_quote=False), [1, 0x55]),
        (SwapOrder(USER, False, 1, 1), [1, 0x55, 9]),
        (SwapOrder(USER, False, 1, 1, close_base_account=True), [1, 0x55, 9, 9]),
        (SwapOrder(USER, True, 1, 1, close_base_account=True, wrap_quote=False), [1, 0x55]),
    ],
)
def test_every_flag_adds_its_instructions(order: SwapOrder, tags: list[int]) -> None:
    pool = make_pool()
    built = token_pair.around(SWAP, token_pair.wallet_keys(pool, USER), pool, order)
    assert [one.data[0] for one in built] == tags


def test_another_quote_than_sol_is_never_wrapped() -> None:
    pool, order = make_pool(USDC), SwapOrder(USER, True, 1, 1)
    assert len(token_pair.around(SWAP, token_pair.wallet_keys(pool, USER), pool, order)) == 2
    assert token_pair.variant(pool, order) == "2022/spl/hold"
    assert token_pair.variant(make_pool(), order) == "2022/spl/wrap"
    odd = msgspec.structs.replace(pool, quote_program=OTHER)
    assert token_pair.variant(odd, order) == f"2022/{base58.text(OTHER)}/hold"


def test_impact_is_rounded_down_both_ways() -> None:
    assert token_pair.impact_bps(base=1_000, quote=1_000, base_after=990, quote_after=1_010) == 202
    assert token_pair.impact_bps(base=1_000, quote=1_000, base_after=1_010, quote_after=990) == 198
