"""The judge: one verdict per pool, what must wait waits within bounds, and every end has a name."""

from __future__ import annotations

from typing import Any

from sniperforge.base.events import CreatorKnown, FactsWanted, HoldersInspected, Pool, TokenInspected, TokenWanted
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.bots.judge import FACTS_KEPT_MAX, Judge, Verdict, questions
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


# ── what is required ──────────────────────────────────────────────────────

OPEN: dict[str, Any] = {"mint_authority": "allow", "freeze_authority": "allow"}


def holders(of: Pool, top_1_bps: int = 0) -> HoldersInspected:
    return HoldersInspected(venue="amm", pool=of.address, base_mint=of.base_mint, found=True, top_1_bps=top_1_bps)


def rugged(of: Pool, count: int) -> CreatorKnown:
    return CreatorKnown(
        creator=pubkey(7),
        venue="amm",
        pool=of.address,
        base_mint=of.base_mint,
        launches=9,
        rugged=count,
        lifetime_s_median=0,
        watched_s=0,
    )


def test_what_a_launch_tells_itself_decides_at_once() -> None:
    """Also of a venue that makes its mints, which goes a shorter way without an expression."""
    for venue in ("amm", "pumpfun"):
        seen = judge(
            **OPEN, liquidity_quote_min=0, require={"name": {"matches": "coin"}, "quote_reserve_units": {"max": 100}}
        )
        assert name(seen.launch(launch_of(pool_of(1, venue=venue, quote=100)), START)) == "passed"
        over = seen.launch(launch_of(pool_of(2, venue=venue, quote=101)), START)
        assert over.refusal is not None
        assert over.refusal.filter == "require"
        assert over.refusal.values == {
            "leaf": "require.quote_reserve_units",
            "seen": "quote_reserve_units 101",
            "allowed": "max 100",
        }
        assert seen.waiting == 0


def test_settings_come_before_what_is_required() -> None:
    """They mean what they meant; the mint's facts among them."""
    seen = judge(require={"late": True})
    assert name(seen.launch(launch_of(pool_of(1), late=True), START)) == "late"
    seen.token(told(pool_of(2).base_mint, freeze=pubkey(3)), START)
    assert name(seen.launch(launch_of(pool_of(2)), START)) == "freeze_authority"
    assert name(seen.launch(launch_of(pool_of(3)), START)) == "require"


def test_unknown_facts_are_asked_for_and_waited_for() -> None:
    """One command for the mint, one for the rest; what comes by itself is not asked for."""
    seen = judge(**OPEN, require={"mint_authority": False, "holders_top_1_bps": {"max": 5}, "creator_rugged": 0})
    launch = launch_of(pool_of(1))
    verdict = seen.launch(launch, START)
    assert (verdict.waits, verdict.wants_token, verdict.wants) == (True, True, ("holders",))
    token, facts = questions(verdict, START, 7)
    assert isinstance(token, TokenWanted) and isinstance(facts, FactsWanted)
    assert (token.mint, facts.facts, facts.quote_amount) == (launch.pool.base_mint, ("holders",), 7)
    assert seen.told(told(launch.pool.base_mint), START) == []
    assert seen.told(holders(launch.pool), START) == []
    assert seen.told(holders(pool_of(2)), START) == []
    (passed,) = seen.told(rugged(launch.pool, 0), START)
    assert (name(passed), passed.waited, seen.waiting) == ("passed", True, 0)


def test_a_fact_that_decides_ends_the_waiting() -> None:
    """One no is enough; the others need not come."""
    seen = judge(**OPEN, require={"holders_top_1_bps": {"max": 5}, "creator_rugged": 0})
    launch = launch_of(pool_of(1))
    seen.launch(launch, START)
    (refused,) = seen.told(rugged(launch.pool, 1), START)
    assert name(refused) == "require"
    assert seen.told(holders(launch.pool), START) == []


def test_facts_told_before_the_launch_count() -> None:
    """The order of two stages is nobody's promise."""
    seen = judge(**OPEN, require={"creator_rugged": 0})
    assert seen.told(rugged(pool_of(1), 0), START) == []
    assert name(seen.launch(launch_of(pool_of(1)), START)) == "passed"


def test_what_stays_unknown_is_refused_at_the_deadline_by_the_first_unknown_fact() -> None:
    """By tick, or by a fact that comes too late; what is known by then is no matter."""
    for late in (False, True):
        seen = judge(**OPEN, facts_deadline_ms=10, require=[{"creator_rugged": 0}, {"holders_top_1_bps": {"max": 5}}])
        launch = launch_of(pool_of(1))
        seen.launch(launch, START)
        assert seen.told(rugged(launch.pool, 0), START) == []
        assert seen.tick(START + 9 * MS) == []
        end = START + 10 * MS
        (refused,) = seen.told(rugged(launch.pool, 0), end) if late else seen.tick(end)
        assert refused.refusal is not None
        assert refused.refusal == (
            "require",
            {
                "leaf": "require[1].holders_top_1_bps",
                "seen": "holders_top_1_bps unknown",
                "allowed": "known within 10 ms",
            },
        )


def test_time_may_decide_what_nobody_told() -> None:
    """At the deadline the launch is old enough for the other half of an `any`."""
    seen = judge(**OPEN, facts_deadline_ms=10, require={"any": [{"age_ms": {"min": 10}}, {"creator_rugged": 0}]})
    seen.launch(launch_of(pool_of(1)), START)
    assert [name(verdict) for verdict in seen.tick(START + 10 * MS)] == ["passed"]


def test_the_setting_for_the_mint_names_the_deadline_first() -> None:
    """A bot that reads mints anyway says what it always said."""
    seen = judge(facts_deadline_ms=10, require={"mint_authority": False})
    launch = launch_of(pool_of(1))
    assert seen.launch(launch, START).wants_token
    assert [name(verdict) for verdict in seen.tick(START + 10 * MS)] == ["token_facts_deadline"]
    seen.launch(launch_of(pool_of(2)), START)
    (refused,) = seen.told(told(pool_of(2).base_mint, freeze=pubkey(3)), START)
    assert name(refused) == "freeze_authority"
    seen.launch(launch_of(pool_of(3)), START)
    assert [name(verdict) for verdict in seen.told(told(pool_of(3).base_mint), START)] == ["passed"]


def test_at_the_opening_it_is_asked_again() -> None:
    """What was told meanwhile counts, whatever was true before."""
    seen = judge(**OPEN, require={"not": {"creator_rugged": {"min": 1}}})
    seen.told(rugged(pool_of(1), 0), START)
    assert seen.launch(launch_of(pool_of(1), open_time=START // SECOND + 2), START).waits
    seen.told(rugged(pool_of(1), 1), START + SECOND)
    assert [name(verdict) for verdict in seen.tick(START + 2 * SECOND + 400 * MS)] == ["require"]


def test_the_newest_reserves_are_held_against_it_once_more() -> None:
    """A pool is traded while its launch waits."""
    seen = judge(**OPEN, require={"quote_reserve_units": {"max": 10**12}})
    launch = launch_of(pool_of(1))
    assert seen.again(launch, launch.pool, START) is None
    refused = seen.again(launch, pool_of(1, quote=10**12 + 1), START)
    assert refused is not None and refused.filter == "require"
    empty = seen.again(launch, pool_of(1, quote=1), START)
    assert empty is not None and empty.filter == "liquidity_quote_min"
    assert judge().again(launch, pool_of(1, quote=10**15), START) is None


def test_there_is_no_more_room_to_wait_with_an_expression() -> None:
    """The bound holds for every kind of waiting."""
    seen = judge(waiting_max=1, **OPEN, require={"creator_rugged": 0})
    assert name(seen.launch(launch_of(pool_of(1)), START)) == "waits"
    assert name(seen.launch(launch_of(pool_of(2)), START)) == "waiting_max"
    assert seen.waiting == 1


def test_everything_that_speaks_against_a_launch_is_told_on_demand() -> None:
    """The verdict names the first; a person wants all of them."""
    seen = judge(venues=("pumpfun",))
    seen.token(told(pool_of(1).base_mint, freeze=pubkey(3)), START)
    against = seen.against(launch_of(pool_of(1, quote=1)), START)
    assert [refused.filter for refused in against] == ["venues", "liquidity_quote_min", "freeze_authority"]
    assert [refused.filter for refused in judge().against(launch_of(pool_of(2)), START)] == []


def test_an_opening_is_due_to_the_nanosecond() -> None:
    """The earliest of those waited for; past ones are no longer due, whatever else is waited for."""
    seen = judge()
    assert seen.due_ns == 0
    for number, seconds in ((1, 3), (2, 2)):
        assert seen.launch(launch_of(pool_of(number), open_time=START // SECOND + seconds), START).waits
    first = START + 2 * SECOND + 400 * MS
    assert seen.due_ns == first
    assert seen.tick(first - 1) == []
    assert seen.due_ns == first
    assert seen.tick(first) == []  # its mint has not been read
    assert seen.due_ns == first + SECOND
    seen.token(told(pool_of(1).base_mint), first)
    assert [name(verdict) for verdict in seen.tick(first + SECOND)] == ["passed", "token_facts_deadline"]
    assert seen.due_ns == 0
