"""A quote is a walk, with the coin's own transfer fee and every fee told in quote units."""

from __future__ import annotations

import msgspec
import pytest

from sniperforge.dex import ticks, ticks_quote
from sniperforge.dex.ticks_walk import Rules
from sniperforge.dex.venue import EmptyPool
from tests.unit.dex.ticks_vectors import BOOK, make_pool

#: Price 4: root 2, so a coin that is token 0 costs 4.
BOOK_4 = BOOK._replace(price=2 << 64, tick=13_863, liquidity=10**12, nets={}, first=0, last=20_000)


def _rules(*, down: bool, fee_on_input: bool = True) -> Rules:
    return Rules("v", ticks.orca_price_at, 10_000, None, fee_on_input, 0 if down else 20_000, False, 0)


@pytest.mark.parametrize(("base_is_0", "is_buy", "down"), [(1, True, False), (1, False, True), (0, True, True)])
def test_a_buy_pays_the_quote_side(base_is_0: int, is_buy: bool, down: bool) -> None:
    assert ticks_quote.is_down(make_pool("v", base_is_0=base_is_0), is_buy=is_buy) is down


@pytest.mark.parametrize("fee_on_input", [True, False])
def test_fees_in_coins_are_told_at_the_price_before(fee_on_input: bool) -> None:
    """1 % of 4,000 is 40 quote units or 10 coins worth 4 each."""
    pool = make_pool("v", BOOK_4)
    bought = ticks_quote.quote_in(pool, 4_000, _rules(down=False, fee_on_input=fee_on_input), is_buy=True)
    assert (bought.amount_in, bought.fee_amount, bought.impact_bps) == (4_000, 40, 0)
    assert 988 <= bought.amount_out <= 990
    sold = ticks_quote.quote_in(pool, 1_000, _rules(down=True, fee_on_input=fee_on_input), is_buy=False)
    assert (sold.amount_in, sold.fee_amount) == (1_000, 40)


def test_a_coin_s_transfer_fee_is_off_what_arrives_and_what_is_sent() -> None:
    plain = make_pool("v", BOOK_4)
    taxed = make_pool("v", BOOK_4, base_transfer_fee_bps=1_000, base_transfer_fee_max=10**6)
    up, down = _rules(down=False), _rules(down=True)
    gross = ticks_quote.quote_in(plain, 4_000, up, is_buy=True).amount_out
    assert ticks_quote.quote_in(taxed, 4_000, up, is_buy=True).amount_out == gross - -(-gross // 10)
    net = ticks_quote.quote_in(plain, 900, down, is_buy=False).amount_out
    assert ticks_quote.quote_in(taxed, 1_000, down, is_buy=False).amount_out == net
    bought = ticks_quote.quote_out(taxed, 900, up, is_buy=True)
    assert bought.amount_out == 900
    assert bought.amount_in == ticks_quote.quote_out(plain, 1_000, up, is_buy=True).amount_in
    sold = ticks_quote.quote_out(taxed, 900, down, is_buy=False)
    plainly = ticks_quote.quote_out(plain, 900, down, is_buy=False).amount_in
    assert (sold.amount_out, sold.amount_in) == (900, -(-plainly * 10 // 9))


def test_reserves_told_to_be_gone_are_believed() -> None:
    """Whatever the numbers say; a pool without liquidity at its price may have some further on."""
    gone = msgspec.structs.replace(make_pool("v", BOOK_4), base_reserve=0)
    with pytest.raises(EmptyPool, match="a reserve is zero"):
        ticks_quote.quote_in(gone, 1, _rules(down=False), is_buy=True)
    ahead = make_pool("v", BOOK_4._replace(liquidity=0, nets={14_000: 10**12, 19_000: -(10**12)}))
    assert ahead.base_reserve == 0
    assert ticks_quote.quote_in(ahead, 10_000, _rules(down=False), is_buy=True).amount_out > 2_000
