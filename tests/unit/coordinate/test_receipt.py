"""A fill is what the balances say, to the lamport, whatever the message asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.receipt import Receipt, fill, read_receipt
from sniperforge.dex.programs import WSOL
from sniperforge.trading.book import wallet_change
from tests.unit.coordinate.stand import make_buy, make_sell, name_key

WALLET, MINT, COINS, WRAPPED, VAULT, TIPS, OTHER = (
    name_key(name) for name in ("wallet", "mint 1", "coins", "wrapped", "vault", "tips", "other")
)
RENT = 2_039_280
KEYS = (WALLET, COINS, WRAPPED, VAULT, TIPS)


def token(index: int, mint: Pubkey, amount: int, owner: Pubkey = WALLET) -> dict[str, Any]:
    return {"accountIndex": index, "mint": text(mint), "owner": text(owner), "uiTokenAmount": {"amount": str(amount)}}


def answer(
    before: tuple[int, ...],
    after: tuple[int, ...],
    *,
    tokens_before: list[dict[str, Any]] | None = None,
    tokens_after: list[dict[str, Any]] | None = None,
    err: object = None,
    fee: int = 5_000,
    keys: tuple[Pubkey, ...] = KEYS,
) -> dict[str, Any]:
    return {
        "slot": 9,
        "blockTime": 1,
        "meta": {
            "err": err,
            "fee": fee,
            "preBalances": list(before),
            "postBalances": list(after),
            "preTokenBalances": tokens_before,
            "postTokenBalances": tokens_after or [],
            "loadedAddresses": {"writable": [], "readonly": []},
        },
        "transaction": {"message": {"accountKeys": [text(k) for k in keys]}, "signatures": ["sig"]},
    }


def read(raw: dict[str, Any], *, owned: frozenset[Pubkey] = frozenset()) -> Receipt:
    return read_receipt(raw, signature="sig", wallet=WALLET, base_mint=MINT, owned=owned, tip_account=TIPS)


BUY = answer(
    (10_000_000, 0, 0, 50, 7),
    (10_000_000 - 1_000 - 5_000 - 300 - RENT, RENT, 0, 1_050, 307),
    tokens_after=[token(1, MINT, 777), token(3, WSOL, 1_050, OTHER)],
)


def order(*, is_buy: bool = True) -> Order:
    return Order(1001, make_buy() if is_buy else make_sell(1, 777), "sent", "sig")


def test_a_buy_is_told_apart_into_quote_fee_tip_and_rent() -> None:
    receipt = read(BUY)
    assert receipt == Receipt(9, "", 5_000, -(1_000 + 5_000 + 300 + RENT), 777, 300, RENT)
    landed = fill(order(), receipt, commitment="confirmed", now_ns=4)
    assert (landed.base_amount, landed.quote_amount, landed.fee_lamports) == (777, 1_000, 5_000)
    assert (landed.tip_lamports, landed.rent_lamports, landed.slot) == (300, RENT, 9)
    assert wallet_change(landed) == receipt.lamports


def test_a_sale_that_closes_its_account_gets_the_rent_back() -> None:
    raw = answer(
        (10_000, RENT, 0, 5_000, 7),
        (10_000 + 4_000 - 5_000 + RENT, 0, 0, 1_000, 7),
        tokens_before=[token(1, MINT, 777)],
    )
    receipt = read(raw)
    landed = fill(order(is_buy=False), receipt, commitment="finalized", now_ns=4)
    assert (landed.base_amount, landed.quote_amount, landed.rent_lamports) == (777, 4_000, -RENT)
    assert wallet_change(landed) == receipt.lamports == -1_000 + RENT


def test_wrapped_sol_that_stays_wrapped_is_still_ours() -> None:
    """An account left open with 400 wrapped: the rent is locked, the 400 are not spent."""
    raw = answer(
        (10_000_000, 0, 0, 50, 7),
        (10_000_000 - 1_000 - 400 - RENT - 5_000, 0, RENT + 400, 1_050, 7),
        tokens_after=[token(2, WSOL, 400)],
    )
    receipt = read(raw)
    assert (receipt.lamports, receipt.rent) == (-(1_000 + RENT + 5_000), RENT)


def test_rent_in_the_venues_accounts_for_us_is_rent() -> None:
    raw = answer((10_000, 0, 0, 50, 7), (2_000, 0, 0, 1_050, 2_007), keys=(WALLET, COINS, WRAPPED, VAULT, OTHER))
    assert read(raw, owned=frozenset((OTHER, WALLET))).rent == 2_000


def test_loaded_addresses_count_as_accounts() -> None:
    raw = {**BUY, "transaction": {"message": {"accountKeys": [text(WALLET)]}, "signatures": ["sig"]}}
    raw["meta"] = {
        **BUY["meta"],
        "loadedAddresses": {"writable": [text(COINS), text(WRAPPED), text(VAULT)], "readonly": [text(TIPS)]},
    }
    assert read(raw) == read(BUY)


def test_a_failure_keeps_its_error_and_fee() -> None:
    receipt = read(answer((10_000, 0, 0, 50, 7), (5_000, 0, 0, 50, 7), err={"InstructionError": [3, {"Custom": 6005}]}))
    assert (receipt.error, receipt.fee, receipt.lamports) == ("InstructionError[3, Custom 6005]", 5_000, -5_000)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({}, "slot"),
        ({**BUY, "meta": None}, "meta"),
        ({**BUY, "transaction": {"message": {"accountKeys": []}, "signatures": ["sig"]}}, "index"),
        ({**BUY, "transaction": {"message": {"accountKeys": [text(WALLET)]}, "signatures": []}}, "index"),
        (
            {**BUY, "transaction": {"message": {"accountKeys": [text(WALLET)]}, "signatures": ["x"]}},
            "another transaction",
        ),
        ({**BUY, "transaction": {"message": {"accountKeys": [text(OTHER)]}, "signatures": ["sig"]}}, "another wallet"),
        ({**BUY, "transaction": {"message": {"accountKeys": [text(WALLET)]}, "signatures": ["sig"]}}, "1 accounts, 5"),
        (answer((1,) * 5, (1,) * 5, tokens_after=[token(77, MINT, 1)]), "index"),
    ],
)
def test_an_answer_that_is_not_that_transaction_is_refused(raw: dict[str, Any], problem: str) -> None:
    with pytest.raises(DecodeError, match=problem) as caught:
        read(raw)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("is_buy", "receipt"),
    [
        (True, Receipt(9, "", 5_000, -10_000, -1, 0, 0)),
        (True, Receipt(9, "", 5_000, 10_000, 5, 0, 0)),
        (False, Receipt(9, "", 5_000, 10_000, 5, 0, 0)),
    ],
)
def test_balances_that_moved_the_wrong_way_are_no_fill(is_buy: bool, receipt: Receipt) -> None:
    with pytest.raises(DecodeError, match="compare with the chain"):
        fill(order(is_buy=is_buy), receipt, commitment="confirmed", now_ns=4)


LAMPORTS = st.integers(0, 10**12)


@given(LAMPORTS, LAMPORTS, LAMPORTS, st.integers(-(10**7), 10**7), LAMPORTS, st.booleans())
def test_a_fill_explains_the_wallets_change(quote: int, fee: int, tip: int, rent: int, base: int, is_buy: bool) -> None:
    change = (-quote if is_buy else quote) - fee - tip - rent
    receipt = Receipt(1, "", fee, change, base if is_buy else -base, tip, rent)
    landed = fill(order(is_buy=is_buy), receipt, commitment="confirmed", now_ns=1)
    assert (landed.quote_amount, landed.base_amount, wallet_change(landed)) == (quote, base, change)
