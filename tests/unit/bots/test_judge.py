"""The judge: one verdict per pool, what must wait waits within bounds, and every end has a name."""

from __future__ import annotations

from typing import Any

from sniperforge.base.events import TokenInspected
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.bots.judge import FACTS_KEPT_MAX, Judge, Verdict
from sniperforge.trading.filters import FilterSettings
from tests.unit.bots.market import MS, SECOND, START, VENUES, launch_of, pool_of, pubkey

NAMES = frozenset(VENUES)


def judge(waiting_max: int = 8, seen_max: int = 8, **filters: Any) -> Judge:
    settings = FilterSettings(creator_launches_max=0, **filters)
    return Judge(settings, NAMES, waiting_max=waiting_max, seen_max=seen_max)


def told(mint: Pubkey, *, freeze: Pubkey = ZERO_KEY, found: bool = True) -> TokenInspected:
    return TokenInspected(mint=mint, token_program=pubkey(1), found=found, freeze_authority=freeze)


def name(verdict: Verdict) -> str:
    return verdict.refusal.filter if verdict.refusal else ("waits" if verdict.waits else "passed")


def test_a_coin_of_a_program_that_makes_the_mint_needs_no_reading() -> None:
    """Waiting for what is certain loses the launch."""
    assert name(judge().launch(launch_of(pool_of(1, venue="pumpfun")), START)) == "passed"


def test_facts_told_before_the_launch_are_used() -> None:
    """The reader may be faster than the frame of another source."""
    seen = judge()
    assert seen.token(told(pool_of(1).base_mint), START) == []
    assert seen.token(told(pool_of(2).base_mint, freeze=pubkey(3)), START) == []
    assert name(seen.launch(launch_of(pool_of(1)), START)) == "passed"
    assert name(seen.launch(launch_of(pool_of(2)), START)) == "freeze_authority"


def test_facts_are_remembered_within_a_bound() -> None:
    """The mint told longest ago is forgotten."""
    seen = judge()
    for number in range(FACTS_KEPT_MAX + 1):
        seen.token(told(pool_of(number).base_mint), START)
    assert name(seen.launch(launch_of(pool_of(0)), START)) == "waits"
    assert name(seen.launch(launch_of(pool_of(1)), START)) == "passed"


def test_facts_and_opening_are_both_waited_for() -> None:
    """The later of the two decides."""
    seen = judge()
    launch = launch_of(pool_of(1), open_time=START // SECOND + 2)
    verdict = seen.launch(launch, START)
    assert (verdict.waits, verdict.wants_token) == (True, True)
    assert seen.token(told(launch.pool.base_mint), START + MS) == []
    assert seen.tick(START + 2 * SECOND + 399 * MS) == []
    assert [name(verdict) for verdict in seen.tick(START + 2 * SECOND + 400 * MS)] == ["passed"]
    assert seen.waiting == 0


def test_facts_after_the_deadline_do_not_count() -> None:
    """Also when they come before the tick that would have said so."""
    seen = judge(facts_deadline_ms=10)
    launch = launch_of(pool_of(1))
    seen.launch(launch, START)
    assert [name(verdict) for verdict in seen.token(told(launch.pool.base_mint), START + 10 * MS)] == [
        "token_facts_deadline"
    ]


def test_what_waited_too_long_for_its_age_is_refused_by_age() -> None:
    """The age filter asks again at the end of the wait."""
    seen = judge(age_ms_max=100)
    launch = launch_of(pool_of(1))
    seen.launch(launch, START)
    assert [name(verdict) for verdict in seen.token(told(launch.pool.base_mint), START + 101 * MS)] == ["age_ms_max"]


def test_the_waiting_room_and_the_memory_of_pools_are_bounded() -> None:
    """One too many is refused by name; the pool judged longest ago may come again."""
    seen = judge(waiting_max=1, seen_max=2)
    assert name(seen.launch(launch_of(pool_of(1)), START)) == "waits"
    assert name(seen.launch(launch_of(pool_of(2)), START)) == "waiting_max"
    assert name(seen.launch(launch_of(pool_of(2)), START)) == "pool_once"
    assert name(seen.launch(launch_of(pool_of(3)), START)) == "waiting_max"
    seen.token(told(pool_of(1).base_mint), START)
    assert name(seen.launch(launch_of(pool_of(1)), START)) == "passed"


def test_facts_of_another_coin_change_nothing() -> None:
    """Each waits for its own."""
    seen = judge()
    seen.launch(launch_of(pool_of(1)), START)
    assert seen.token(told(pool_of(2).base_mint), START) == []
    assert seen.token(told(pool_of(1).base_mint, found=False), START) == []
    assert seen.waiting == 1


def test_the_newest_reserves_can_be_judged_again() -> None:
    """For the moment of the entry."""
    refused = judge(liquidity_quote_min=1_000).reserves(pool_of(1, quote=999))
    assert refused is not None
    assert refused.filter == "liquidity_quote_min"
