"""Paper is honest: exact arithmetic on the newest pool, costs and luck included, the same for the same seed."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest

from sniperforge.base.events import Pool
from sniperforge.base.units import Pubkey
from sniperforge.chain.paper import NANOS_PER_MS, PaperChain, PaperResult, PaperTrade
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.dex.venue import EmptyPool, Quote, Venue

POOL = Pool(
    venue="half",
    address=Pubkey(b"\x02" * 32),
    base_mint=Pubkey(b"\x03" * 32),
    quote_mint=WSOL,
    base_program=TOKEN,
    quote_program=TOKEN,
    base_reserve=1_000,
    quote_reserve=1_000,
    slot=10,
)


class Half:
    """A venue that pays half of what comes in, times base_reserve / 1000."""

    def quote_in(self, pool: Pool, amount_in: int, *, is_buy: bool) -> Quote:
        if not pool.base_reserve:
            raise EmptyPool("nothing there")
        return Quote(amount_in, amount_in * pool.base_reserve // 2_000, 0, 0)


BUY = PaperTrade(1, True, POOL, 10_000, 5_000, 100, 20, False)
SELL = PaperTrade(2, False, POOL, 5_000, 2_500, 100, 20, True)


def chain(pools: dict[Pubkey, Pool] | None = None, **changes: object) -> PaperChain:
    fields: dict[str, object] = {
        "venues": {"half": cast(Venue, Half())},
        "newest": (pools or {}).get,
        "wallet_lamports": 100_000,
        "latency_ms": (400,),
        "landing_bps": 10_000,
        "expiry_ms": 60_000,
        "account_rent_lamports": 2_000,
        "seed": 1,
    }
    return PaperChain(**{**fields, **changes})  # type: ignore[arg-type]


def end(paper: PaperChain, trade: PaperTrade) -> PaperResult:
    paper.submit(trade, 0)
    (result,) = paper.due(10**15)
    return result


def test_a_round_trip_pays_rent_fees_and_tips_and_gets_the_rent_back() -> None:
    paper = chain()
    bought = end(paper, BUY)
    assert (bought.end, bought.base_amount, bought.quote_amount) == ("landed", 5_000, 10_000)
    assert (bought.fee_lamports, bought.tip_lamports, bought.rent_lamports, bought.slot) == (100, 20, 2_000, 10)
    assert paper.wallet_lamports == 100_000 - 12_120
    sold = end(paper, SELL)
    assert (sold.base_amount, sold.quote_amount, sold.rent_lamports) == (5_000, 2_500, -2_000)
    assert paper.wallet_lamports == 100_000 - 12_120 + 2_500 - 120 + 2_000


def test_a_partial_sale_keeps_the_account_open() -> None:
    paper = chain()
    end(paper, BUY)
    assert end(paper, SELL._replace(amount_in=4_000, amount_out_min=0)).rent_lamports == 0
    again = end(paper, BUY._replace(order_id=3))
    assert again.rent_lamports == 0


def test_it_lands_after_its_latency_and_not_before() -> None:
    paper = chain()
    due = paper.submit(BUY, 5)
    assert 5 + 400 * NANOS_PER_MS <= due < 5 + 401 * NANOS_PER_MS
    assert (paper.pending, paper.next_due_ns) == (1, due)
    assert paper.due(due - 1) == []
    assert paper.due(due)[0].landed_ns == due
    assert (paper.pending, paper.next_due_ns) == (0, None)


def test_the_newest_pool_decides_not_the_one_of_the_order() -> None:
    better = msgspec.structs.replace(POOL, base_reserve=2_000, slot=11)
    assert end(chain({POOL.address: better}), BUY).base_amount == 10_000
    older = msgspec.structs.replace(POOL, base_reserve=2_000, slot=9)
    assert end(chain({POOL.address: older}), BUY).base_amount == 5_000


def test_slippage_reverts_and_costs_the_fee_but_no_tip() -> None:
    paper = chain()
    failed = end(paper, BUY._replace(amount_out_min=5_001))
    assert (failed.end, failed.problem, failed.fee_lamports, failed.tip_lamports) == ("failed", "slippage", 100, 0)
    assert paper.wallet_lamports == 99_900


@pytest.mark.parametrize(
    ("trade", "pool", "problem"),
    [
        (BUY, msgspec.structs.replace(POOL, base_reserve=0), "the pool is empty or closed"),
        (BUY._replace(amount_in=99_000, amount_out_min=0), POOL, "insufficient lamports"),
        (SELL, POOL, "insufficient coins"),
    ],
)
def test_what_cannot_be_done_fails(trade: PaperTrade, pool: Pool, problem: str) -> None:
    failed = end(chain({POOL.address: pool}), trade)
    assert (failed.end, failed.problem, failed.fee_lamports) == ("failed", problem, 100)


def test_a_poor_wallet_pays_what_it_has() -> None:
    paper = chain(wallet_lamports=30)
    assert end(paper, BUY).fee_lamports == 30
    assert paper.wallet_lamports == 0


def test_what_never_lands_expires_and_costs_nothing() -> None:
    paper = chain(landing_bps=0)
    expired = end(paper, BUY)
    assert (expired.end, expired.fee_lamports) == ("expired", 0)
    assert expired.landed_ns >= 60_000 * NANOS_PER_MS
    assert paper.wallet_lamports == 100_000


def test_equal_seeds_are_equal_runs_in_any_order() -> None:
    """Each order has dice of its own: who speaks first changes nobody's luck."""
    latency = tuple(range(100, 1_000, 7))

    def ends(seed: int, numbers: list[int]) -> dict[int, tuple[str, int]]:
        paper = chain(seed=seed, latency_ms=latency, landing_bps=5_000, wallet_lamports=10**12)
        for number in numbers:
            paper.submit(BUY._replace(order_id=number), 0)
        return {result.order_id: (result.end, result.landed_ns) for result in paper.due(10**15)}

    numbers = list(range(50))
    assert ends(1, numbers) == ends(1, numbers[::-1])
    assert ends(1, numbers) != ends(2, numbers)
    kinds = [kind for kind, _ in ends(1, numbers).values()]
    assert 10 < kinds.count("landed") < 40


def test_ends_come_in_the_order_of_their_time() -> None:
    paper = chain(latency_ms=(100, 900), wallet_lamports=10**12)
    for number in range(20):
        paper.submit(BUY._replace(order_id=number), 0)
    stamps = [result.landed_ns for result in paper.due(10**15)]
    assert stamps == sorted(stamps)


def test_balances_can_be_taken_over_from_a_journal() -> None:
    paper = chain()
    paper.restore(777_000, {POOL.base_mint: 5_000})
    assert end(paper, SELL).end == "landed"
    assert paper.wallet_lamports == 777_000 + 2_500 - 120 + 2_000


def test_burning_brings_nothing_but_the_rent_whatever_the_pool_says() -> None:
    """Also when it is empty: that is what burning is for."""
    empty = msgspec.structs.replace(POOL, base_reserve=0, slot=11)
    pools = {POOL.address: POOL}
    paper = chain(pools)
    end(paper, BUY)
    before = paper.wallet_lamports
    pools[POOL.address] = empty
    assert end(paper, SELL).problem == "the pool is empty or closed"
    burned = end(paper, SELL._replace(order_id=4, burns=True, amount_out_min=0))
    assert (burned.end, burned.base_amount, burned.quote_amount, burned.rent_lamports) == ("landed", 5_000, 0, -2_000)
    assert paper.wallet_lamports == before - 100 - 120 + 2_000
