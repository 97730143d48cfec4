"""pool_watch: every launch goes on, its judgement follows, and nothing is ever proposed."""

from __future__ import annotations

from typing import Any

import pytest

from sniperforge.base.config import ConfigErrors
from sniperforge.base.events import (
    Event,
    FactsWanted,
    FeedChanged,
    HoldersInspected,
    LaunchPassed,
    LaunchRefused,
    PoolCreated,
    TokenInspected,
    TokenWanted,
)
from sniperforge.bots.pool_watch import PoolWatch, make, settings_from
from tests.unit.bots.market import SECOND, SOL, START, VENUES, launch_of, pool_of, pubkey


def watch(**filters: Any) -> PoolWatch:
    return PoolWatch("w1", settings_from({"filters": filters}, "bot.w1", venues=VENUES), VENUES)


def kinds(messages: list[Event]) -> list[type[Event]]:
    return [type(message) for message in messages]


def test_a_launch_is_forwarded_as_it_came_with_its_judgement() -> None:
    """The reader of the pipe joins them by `cause`."""
    bot = watch(mint_authority="allow", freeze_authority="allow")
    launch = launch_of(pool_of(1))
    first, second = bot.on(launch, START)
    assert first is launch
    assert isinstance(second, LaunchPassed)
    assert (second.bot, second.pool, second.cause) == ("w1", launch.pool.address, launch.id)
    assert bot.describe() == "pool_watch w1: 1 launches, 1 passed, 0 waiting"


def test_a_refusal_names_the_filter() -> None:
    """With the values, as the sniper would."""
    refused = watch(venues=["pumpfun"]).on(launch_of(pool_of(1)), START)[1]
    assert isinstance(refused, LaunchRefused)
    assert (refused.filter, refused.values["seen"]) == ("venues", "amm")


def test_a_judgement_that_needs_the_mint_follows_when_it_was_read() -> None:
    """Or at the deadline; other messages say nothing."""
    bot = watch()
    first, second = launch_of(pool_of(1)), launch_of(pool_of(2))
    assert kinds(bot.on(first, START)) == [PoolCreated, TokenWanted]
    assert kinds(bot.on(second, START)) == [PoolCreated, TokenWanted]
    read = TokenInspected(mint=first.pool.base_mint, token_program=pubkey(1), found=True)
    assert kinds(bot.on(read, START)) == [LaunchPassed]
    assert kinds(bot.on_tick(START + 3 * SECOND)) == [LaunchRefused]
    assert bot.on(FeedChanged(source="x", state="lost"), START) == []


def test_a_pool_that_opens_later_waits_without_a_question() -> None:
    """Its mint is no secret: nobody has to read it."""
    bot = watch(mint_authority="allow", freeze_authority="allow")
    assert kinds(bot.on(launch_of(pool_of(1), open_time=START // SECOND + 1), START)) == [PoolCreated]
    assert kinds(bot.on_tick(START + 2 * SECOND)) == [LaunchPassed]


def test_settings_are_read_like_the_snipers() -> None:
    """A wrong key by its full path, a wrong venue by the nearest."""
    with pytest.raises(ConfigErrors, match=r"bot.w1.sizing: unknown key"):
        make("w1", {"sizing": {}}, where="bot.w1")
    with pytest.raises(ConfigErrors, match="did you mean 'pumpfun'"):
        settings_from({"filters": {"venues": ["pumpfn"]}}, "", venues=VENUES)
    assert make("w1", {}).name == "w1"


def test_what_is_required_is_asked_for_and_judged_when_it_was_told() -> None:
    """The same filters as the sniper's, watched before money stands behind them."""
    bot = watch(
        mint_authority="allow",
        freeze_authority="allow",
        require={"holders_top_1_bps": {"max": 900}, "buy_impact_bps": {"max": 300}},
        impact_quote_amount=SOL,
    )
    assert HoldersInspected in bot.interest
    assert HoldersInspected not in watch().interest
    launch = launch_of(pool_of(1))
    first, wanted = bot.on(launch, START)
    assert first is launch
    assert isinstance(wanted, FactsWanted)
    assert (wanted.pool, wanted.creator, wanted.facts) == (launch.pool, launch.creator, ("holders",))
    assert wanted.quote_amount == SOL
    assert (wanted.cause, wanted.trace_id) == (launch.id, launch.trace_id)
    read = HoldersInspected(
        venue="amm", pool=launch.pool.address, base_mint=launch.pool.base_mint, found=True, top_1_bps=901
    )
    (refused,) = bot.on(read, START)
    assert isinstance(refused, LaunchRefused)
    assert (refused.filter, refused.values["leaf"]) == ("require", "require.holders_top_1_bps")
