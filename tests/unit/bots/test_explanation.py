"""Explanations: the verdict is the bot's own, and the tree shows all that was told of that launch."""

from __future__ import annotations

from typing import Any

import pytest

from sniperforge.base.config import ConfigErrors
from sniperforge.base.events import CreatorKnown, FeedChanged, Pool, PoolCreated
from sniperforge.bots import explanation
from sniperforge.bots.explanation import Explainer, Explanation, judge_for
from sniperforge.bots.judge import Judge
from sniperforge.trading.filters import FilterSettings
from tests.unit.bots.market import MS, START, VENUES, launch_of, pool_of, pubkey

OPEN: dict[str, Any] = {"mint_authority": "allow", "freeze_authority": "allow", "creator_launches_max": 0}


def explainer(*pools: Pool, **filters: Any) -> Explainer:
    """One that is asked about *pools*, or about all when none is named."""
    asked = {pool.address for pool in pools}
    judge = Judge(FilterSettings(**{**OPEN, **filters}), frozenset(VENUES))
    return Explainer(judge, lambda launch: not asked or launch.pool.address in asked)


def known(of: Pool, rugged: int) -> CreatorKnown:
    return CreatorKnown(
        creator=pubkey(7),
        venue="amm",
        pool=of.address,
        base_mint=of.base_mint,
        launches=9,
        rugged=rugged,
        lifetime_s_median=0,
        watched_s=0,
    )


def only(seen: Explainer) -> Explanation:
    (found,) = seen.explanations()
    return found


def test_only_the_launches_that_are_asked_about_are_explained() -> None:
    """The others are judged all the same: they count for their creators."""
    seen = explainer(pool_of(2), creator_launches_max=1)
    for number in (1, 2, 3):
        seen.on(launch_of(pool_of(number)), START)
    found = only(seen)
    assert found.verdict.launch.pool == pool_of(2)
    assert found.verdict.refusal is not None and found.verdict.refusal.filter == "creator_launches_max"
    assert (seen.launches, seen.matched, found.rows) == (3, 1, ())


def test_a_repeat_changes_nothing() -> None:
    """One verdict a pool, whoever tells it again."""
    seen = explainer()
    for _ in range(2):
        seen.on(launch_of(pool_of(1)), START)
    assert only(seen).verdict.refusal is None
    assert (seen.launches, seen.matched) == (2, 1)


def test_the_verdict_follows_what_is_told_and_the_tree_shows_it() -> None:
    """A launch waits until its facts have come; facts of others are not its own."""
    seen = explainer(require={"creator_rugged": 0, "name": "Coin"})
    seen.on(launch_of(pool_of(1)), START)
    waiting = only(seen)
    assert waiting.verdict.waits
    assert [(row.label, row.value, row.truth) for row in waiting.rows] == [
        ("all of", None, None),
        ("creator_rugged", None, None),
        ("name", "Coin", True),
    ]
    seen.on(FeedChanged(source="x", state="live"), START)
    seen.on(known(pool_of(2), 1), START)
    assert only(seen) == waiting
    seen.on(known(pool_of(1), 0), START + MS)
    passed = only(seen)
    assert (passed.verdict.waits, passed.verdict.refusal) == (False, None)
    assert [row.truth for row in passed.rows] == [True, True, True]


def test_what_comes_too_late_is_shown_beside_the_verdict_it_did_not_change() -> None:
    """The deadline passed; the value is told all the same."""
    seen = explainer(facts_deadline_ms=10, require={"creator_rugged": 0})
    seen.on(launch_of(pool_of(1)), START)
    seen.on(launch_of(pool_of(2)), START + 10 * MS)
    seen.on(known(pool_of(1), 0), START + 11 * MS)
    first, second = seen.explanations()
    assert first.verdict.refusal is not None and first.verdict.refusal.values["seen"] == "creator_rugged unknown"
    assert [row.value for row in first.rows] == [0]
    assert second.verdict.waits


def test_every_setting_that_speaks_against_it_is_told() -> None:
    """Also those behind the first."""
    seen = explainer(venues=("pumpfun",), name_refuse="coin", require={"late": False})
    seen.on(launch_of(pool_of(1)), START)
    found = only(seen)
    assert [refused.filter for refused in found.against] == ["venues", "name_refuse"]
    assert [row.truth for row in found.rows] == [True]


def test_so_many_and_no_more_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is counted."""
    monkeypatch.setattr(explanation, "LAUNCHES_MAX", 2)
    seen = explainer(require={"creator_rugged": 0})
    for number in range(3):
        seen.on(launch_of(pool_of(number)), START)
        seen.on(known(pool_of(number), 0), START)
    assert [found.verdict.launch.pool for found in seen.explanations()] == [pool_of(0), pool_of(1)]
    assert (seen.launches, seen.matched) == (3, 3)


def test_the_judge_is_that_of_the_bot() -> None:
    """With its size, where it has one."""
    raw: dict[str, Any] = {"filters": {"require": {"buy_impact_bps": {"max": 300}}}}
    judge = judge_for("liquidity_sniper", raw, "b")
    assert judge.required is not None
    with pytest.raises(ConfigErrors, match=r"b\.filters\.require\.buy_impact_bps: .* this bot buys nothing"):
        judge_for("pool_watch", raw, "b")
    raw["filters"]["impact_quote_amount"] = 5
    assert judge_for("pool_watch", raw, "b").required is not None


def test_what_is_asked_is_asked_of_the_launch() -> None:
    """Not of its pool alone: the coin or its creator will do."""
    judge = Judge(FilterSettings(**OPEN), frozenset(VENUES))

    def by_creator(launch: PoolCreated) -> bool:
        return launch.creator == pubkey(8)

    seen = Explainer(judge, by_creator)
    seen.on(launch_of(pool_of(1)), START)
    seen.on(launch_of(pool_of(2), creator=8), START)
    assert only(seen).verdict.launch.creator == pubkey(8)
