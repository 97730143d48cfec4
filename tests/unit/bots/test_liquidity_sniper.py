"""The sniper: one proposal per pool, refusals by name, places given back, and nothing forgotten after a restart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sniperforge.base.config import ConfigErrors, Source
from sniperforge.base.events import (
    BotStarted,
    CreatorKnown,
    CurveCompleted,
    Event,
    ExitArmed,
    FactsWanted,
    FeedChanged,
    HaltChanged,
    LaunchRefused,
    OrderExpired,
    OrderProposed,
    OrderRefused,
    OrderSent,
    TokenInspected,
    TokenWanted,
    event_id,
)
from sniperforge.base.units import ZERO_KEY, Pubkey, slippage_min
from sniperforge.bots.liquidity_sniper import LiquiditySniper, SniperSettings, make, settings_from
from tests.unit.bots.market import (
    MS,
    SECOND,
    SOL,
    START,
    VENUES,
    failed,
    held,
    landed,
    launch_of,
    opened,
    pool_of,
    pubkey,
    quote_in,
    trade,
)

OPEN_DOOR: dict[str, Any] = {"mint_authority": "allow", "freeze_authority": "allow", "creator_launches_max": 0}


def sniper(**raw: Any) -> LiquiditySniper:
    raw = {"cooldown_ms": 0, **raw}
    raw["filters"] = {**OPEN_DOOR, **raw.get("filters", {})}
    return LiquiditySniper("s1", settings_from(raw, "bot.s1", venues=VENUES), VENUES)


def started(**raw: Any) -> LiquiditySniper:
    bot = sniper(**raw)
    assert bot.on_tick(START) == [BotStarted(ts_ns=START, bot="s1")]
    return bot


def inspected(mint: Pubkey, *, mint_authority: Pubkey = ZERO_KEY, found: bool = True) -> TokenInspected:
    return TokenInspected(mint=mint, token_program=pubkey(1), found=found, mint_authority=mint_authority)


def only_order(messages: list[Event]) -> OrderProposed:
    orders = [message for message in messages if isinstance(message, OrderProposed)]
    assert len(orders) == 1, messages
    return orders[0]


def only_refusal(messages: list[Event]) -> LaunchRefused:
    assert len(messages) == 1
    assert isinstance(messages[0], LaunchRefused), messages
    return messages[0]


def test_the_first_word_is_bot_started_and_it_is_said_once() -> None:
    """The coordinator answers it with open positions; twice would arm them twice."""
    bot = sniper()
    first = bot.on(FeedChanged(source="x", state="lost"), START)
    assert first == [BotStarted(ts_ns=START, bot="s1")]
    assert bot.on_tick(START + 1) == []


def test_a_launch_that_passes_is_proposed_with_its_stable_id() -> None:
    """Everything latency and claims need is in the proposal."""
    bot, launch = started(), launch_of(pool_of(1))
    order = only_order(bot.on(launch, START + MS))
    assert order.id == order.position_id == event_id("order", "s1", launch.pool.address, "buy")
    assert (order.side, order.reason, order.attempt) == ("buy", "entry", 0)
    assert (order.trace_id, order.cause, order.origin_ns) == (launch.trace_id, launch.id, launch.origin_ns)
    sizing = SniperSettings().sizing
    quote = quote_in(order.pool, sizing.quote_amount, is_buy=True)
    assert order.amount_in == sizing.quote_amount
    assert order.amount_out_min == slippage_min(quote.amount_out, sizing.slippage_bps) > 0
    assert order.creator == launch.creator
    assert "1 entries" in bot.describe()


def test_a_pool_is_never_proposed_twice() -> None:
    """A second sighting of the pool is refused by name, also after the entry failed."""
    bot, launch = started(), launch_of(pool_of(1))
    order = only_order(bot.on(launch, START))
    assert only_refusal(bot.on(launch, START)).filter == "pool_once"
    bot.on(failed(order), START)
    assert only_refusal(bot.on(launch, START)).filter == "pool_once"


def test_a_refusal_carries_the_filter_and_its_values() -> None:
    """A user reads from the event alone why a launch was passed over."""
    bot = started(filters={"liquidity_quote_min": 5 * SOL})
    refused = only_refusal(bot.on(launch_of(pool_of(1, quote=SOL)), START))
    assert refused.filter == "liquidity_quote_min"
    assert refused.values == {"seen": str(SOL), "allowed": str(5 * SOL)}
    assert (refused.bot, refused.venue) == ("s1", "amm")


def test_entries_and_positions_share_their_places_and_give_them_back() -> None:
    """positions_max counts both; a failed entry, a silent one and a closed position free their place."""
    bot = started(positions_max=1, entry_answer_s=10)
    order = only_order(bot.on(launch_of(pool_of(1)), START))
    assert only_refusal(bot.on(launch_of(pool_of(2)), START)).filter == "positions_max"
    bot.on(failed(order), START)
    only_order(bot.on(launch_of(pool_of(3)), START))
    bot.on_tick(START + 10 * SECOND)
    later = START + 11 * SECOND
    order = only_order(bot.on(launch_of(pool_of(4), at_ns=later), later))
    position = opened(order, base=100, at_ns=later)
    bot.on(position, later)
    assert only_refusal(bot.on(launch_of(pool_of(5), at_ns=later), later)).filter == "positions_max"
    bot.on(held(position, 0), later)
    only_order(bot.on(launch_of(pool_of(6), at_ns=later), later))


def test_a_cooldown_spaces_entries() -> None:
    """The last forbidden millisecond is refused, the first allowed one passes."""
    bot = started(cooldown_ms=100)
    only_order(bot.on(launch_of(pool_of(1)), START))
    assert only_refusal(bot.on(launch_of(pool_of(2)), START + 99 * MS)).filter == "cooldown_ms"
    only_order(bot.on(launch_of(pool_of(3)), START + 100 * MS))


def test_one_position_per_coin() -> None:
    """A second pool of a coin that is held is not a launch."""
    bot = started()
    order = only_order(bot.on(launch_of(pool_of(1)), START))
    other = msgspec.structs.replace(pool_of(2), base_mint=order.pool.base_mint)
    assert only_refusal(bot.on(launch_of(other), START)).filter == "mint_once"
    bot.on(opened(order, base=100), START)
    third = msgspec.structs.replace(pool_of(3), base_mint=order.pool.base_mint)
    assert only_refusal(bot.on(launch_of(third), START)).filter == "mint_once"


def test_a_halt_stops_entries_only() -> None:
    """Exits go on while trading is halted; entries come back when it ends."""
    bot = started(exits={"time_stop_s": 1})
    order = only_order(bot.on(launch_of(pool_of(1)), START))
    bot.on(opened(order, base=499_000), START)
    bot.on(HaltChanged(halted=True), START)
    assert only_refusal(bot.on(launch_of(pool_of(2)), START)).filter == "halted"
    assert "halted" in bot.describe()
    assert only_order(bot.on_tick(START + SECOND)).side == "sell"
    bot.on(HaltChanged(halted=False), START)
    only_order(bot.on(launch_of(pool_of(3)), START))


def test_the_halt_of_one_venue_is_the_coordinators() -> None:
    """It refuses those orders by name; the bot's other venues are well, and so is the bot."""
    bot = started()
    bot.on(HaltChanged(halted=True, venue="pumpfun"), START)
    only_order(bot.on(launch_of(pool_of(1)), START))
    bot.on(HaltChanged(halted=True), START)
    bot.on(HaltChanged(halted=False, venue="pumpfun"), START)
    assert only_refusal(bot.on(launch_of(pool_of(2)), START)).filter == "halted"


def test_a_launch_waits_for_its_mint_and_is_bought_at_the_newest_reserves() -> None:
    """The pool that is sized is the one of the moment of the decision."""
    bot = started(filters={"mint_authority": "refuse"})
    pool = pool_of(1)
    wanted = bot.on(launch_of(pool), START)
    assert [type(message) for message in wanted] == [TokenWanted]
    assert "1 launches waiting" in bot.describe()
    bot.on(trade(pool, base=900_000_000, quote=110 * SOL), START)
    assert bot.on(inspected(pool.base_mint, found=False), START) == []
    order = only_order(bot.on(inspected(pool.base_mint), START + MS))
    assert order.pool.quote_reserve == 110 * SOL


def test_a_repeat_does_not_disturb_a_launch_that_waits() -> None:
    """The repeat is refused, the first keeps its place and its newest reserves."""
    bot = started(filters={"mint_authority": "refuse"})
    pool = pool_of(1)
    bot.on(launch_of(pool), START)
    bot.on(trade(pool, base=900_000_000, quote=110 * SOL), START)
    assert only_refusal(bot.on(launch_of(pool), START)).filter == "pool_once"
    assert only_order(bot.on(inspected(pool.base_mint), START)).pool.quote_reserve == 110 * SOL


def test_liquidity_that_left_while_a_launch_waited_is_noticed() -> None:
    """A rug before the mint was read is not bought."""
    bot = started(filters={"mint_authority": "refuse"})
    pool = pool_of(1)
    bot.on(launch_of(pool), START)
    bot.on(trade(pool, base=1_000, quote=1_000), START)
    assert only_refusal(bot.on(inspected(pool.base_mint), START)).filter == "liquidity_quote_min"


def test_facts_that_never_come_are_a_refusal_by_name() -> None:
    """At the deadline the launch is refused; facts after it change nothing."""
    bot = started(filters={"mint_authority": "refuse", "facts_deadline_ms": 50})
    pool = pool_of(1)
    bot.on(launch_of(pool), START)
    assert bot.on_tick(START + 49 * MS) == []
    assert only_refusal(bot.on_tick(START + 50 * MS)).filter == "token_facts_deadline"
    assert bot.on(inspected(pool.base_mint), START + 51 * MS) == []


def test_a_mint_authority_is_refused() -> None:
    """Somebody who can mint can take all the quote."""
    bot = started(filters={"mint_authority": "refuse"})
    pool = pool_of(1)
    bot.on(launch_of(pool), START)
    refused = only_refusal(bot.on(inspected(pool.base_mint, mint_authority=pubkey(5)), START))
    assert refused.filter == "mint_authority"


def test_a_pool_that_opens_later_is_bought_when_it_opens() -> None:
    """A swap before the opening would only fail."""
    bot = started()
    launch = launch_of(pool_of(1), open_time=START // SECOND + 5)
    assert bot.on(launch, START) == []
    opened = START + 5 * SECOND + 400 * MS
    assert bot.on_tick(opened - 1) == []
    only_order(bot.on_tick(opened))


def test_a_size_that_moves_the_price_too_far_is_refused() -> None:
    """The sizing's refusal is a launch refused like any other."""
    bot = started(filters={"liquidity_quote_min": 0}, sizing={"impact_bps_max": 1})
    assert only_refusal(bot.on(launch_of(pool_of(1, quote=SOL)), START)).filter == "sizing.impact_bps_max"


def test_a_position_is_watched_and_sold_at_its_stop() -> None:
    """The whole way: launch, fill, fall, sale, closed."""
    bot = started()
    pool = pool_of(1)
    order = only_order(bot.on(launch_of(pool), START))
    position = opened(order, base=500_000)
    bot.on(landed(order, base=500_000, quote=order.amount_in), START)
    armed = bot.on(position, START)
    assert [type(message) for message in armed] == [ExitArmed]
    assert "1 positions, 0 entries" in bot.describe()
    assert bot.on(trade(pool, base=1_001_000_000, quote=100 * SOL), START) == []
    sale = only_order(bot.on(trade(pool, base=2_000_000_000, quote=60 * SOL, slot=3), START))
    assert (sale.side, sale.reason, sale.amount_in) == ("sell", "stop_loss", 500_000)
    bot.on(OrderSent(order_id=sale.id, bot="s1", signature="x", lane="rpc", position_id=sale.position_id), START)
    bot.on(landed(sale, base=500_000, quote=1), START)
    bot.on(held(position, 0), START)
    assert "0 positions, 0 entries" in bot.describe()


def test_the_newer_of_two_tellings_of_a_pool_opens_the_position() -> None:
    """Trades seen between proposal and fill are in the entry's pool; a newer reading of the coordinator wins."""
    for slot, quote in ((5, 120 * SOL), (1, 110 * SOL)):
        bot = started(exits={"time_stop_s": 1})
        pool = pool_of(1)
        order = only_order(bot.on(launch_of(pool), START))
        bot.on(trade(pool, base=900_000_000, quote=110 * SOL, slot=2), START)
        told = msgspec.structs.replace(pool, slot=slot, quote_reserve=120 * SOL)
        bot.on(msgspec.structs.replace(opened(order, base=500_000), pool=told), START)
        assert only_order(bot.on_tick(START + SECOND)).pool.quote_reserve == quote


def test_answers_to_other_bots_are_not_its_business() -> None:
    """Two bots share one ring of fills."""
    bot = started()
    order = only_order(bot.on(launch_of(pool_of(1)), START))
    assert bot.on(msgspec.structs.replace(opened(order, base=5), bot="s2"), START) == []
    assert "0 positions, 1 entries" in bot.describe()


@pytest.mark.parametrize("kind", ["refused", "expired"])
def test_a_refused_or_expired_entry_is_over(kind: str) -> None:
    """Its place is free again."""
    bot = started(positions_max=1)
    order = only_order(bot.on(launch_of(pool_of(1)), START))
    answer: Event
    if kind == "refused":
        answer = OrderRefused(order_id=order.id, bot="s1", pool=order.pool.address, limit="x", asked=1, allowed=0)
    else:
        answer = OrderExpired(order_id=order.id, bot="s1", pool=order.pool.address, side="buy", signature="x")
    assert bot.on(answer, START) == []
    only_order(bot.on(launch_of(pool_of(2)), START))


def test_after_a_restart_every_position_told_is_watched_again() -> None:
    """A new process that never saw the launch sells by the same program."""
    order = only_order(started().on(launch_of(pool_of(1)), START))
    bot = started(exits={"time_stop_s": 5})
    armed = bot.on(opened(order, base=500_000, recovered=True), START + SECOND)
    assert [message.detail for message in armed if isinstance(message, ExitArmed)] == [
        "recovered, high-water mark starts now"
    ]
    assert only_order(bot.on_tick(START + 6 * SECOND)).reason == "time_stop"


def test_a_completed_curve_reaches_the_positions() -> None:
    """Selling on it would only fail."""
    bot = started()
    curve = pool_of(1, venue="pumpfun")
    order = only_order(bot.on(launch_of(curve), START))
    bot.on(opened(order, base=500_000), START)
    done = CurveCompleted(venue="pumpfun", pool=curve.address, base_mint=curve.base_mint, slot=3, signature="x")
    assert [type(message) for message in bot.on(done, START)] == [ExitArmed]


def test_settings_name_every_problem_by_its_full_path() -> None:
    """One reading of a bad file tells all of it, with the nearest key that exists."""
    raw = {
        "positions_maximum": 3,
        "filters": {"age_ms_max": 0},
        "sizing": {"quote_amount": 10},
        "exits": {"stop_loss": 3, "take_profits": []},
    }
    with pytest.raises(ConfigErrors) as caught:
        settings_from(raw, "bot.s1", venues=VENUES)
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    joined = "\n".join(lines)
    for piece in (
        "bot.s1.positions_maximum: unknown key; did you mean 'positions_max'?",
        "bot.s1.filters.age_ms_max",
        "bot.s1.sizing.quote_amount_min: 10000000 is above quote_amount = 10",
        "bot.s1.exits.stop_loss: unknown key; did you mean 'stop_loss_bps'?",
        "bot.s1.exits.take_profits: unknown key; did you mean 'take_profit'?",
    ):
        assert piece in joined


def test_a_section_that_is_no_table_and_a_venue_that_does_not_exist_are_named() -> None:
    """With the file and the line where they stand."""
    source = Source("x.toml", 'exits = 3\n[filters]\nvenues = ["ammm", "zzz"]\n')
    with pytest.raises(ConfigErrors, match=r"x.toml:1: exits: expected a table; write \[exits\]"):
        settings_from(source.values, "", source=source, venues=VENUES)
    del source.values["exits"]
    with pytest.raises(ConfigErrors) as caught:
        settings_from(source.values, "", source=source, venues=VENUES)
    first, second = str(caught.value).splitlines()
    assert first == "x.toml:3: filters.venues: 'ammm' is not a venue; did you mean 'amm'?"
    assert second.endswith("known: amm, pumpfun, pumpswap, raydium_launchlab")


def test_made_from_a_table_it_knows_every_venue_of_this_build() -> None:
    """The door `BOTS` opens."""
    bot = make("s1", {"filters": {"venues": ["raydium_cpmm"]}}, where="bot.s1")
    assert bot.describe().startswith("liquidity_sniper s1: 0 positions")
    with pytest.raises(ConfigErrors, match="did you mean 'raydium_cpmm'"):
        make("s1", {"filters": {"venues": ["raydium_cpm"]}})


def test_a_rehearsal_is_the_newest_launch_judged_by_a_bot_that_holds_nothing() -> None:
    bot = started()
    assert bot.rehearse() == []
    launch = launch_of(pool_of(1))
    order = only_order(bot.on(launch, START))
    described = bot.describe()
    seen, again = bot.rehearse()
    assert seen == launch
    assert isinstance(again, OrderProposed)
    assert (again.id, again.amount_in, again.amount_out_min) == (order.id, order.amount_in, order.amount_out_min)
    assert bot.describe() == described
    assert only_refusal(bot.on(launch, START)).filter == "pool_once"


def test_what_is_required_knows_the_size_and_is_asked_again_before_the_entry() -> None:
    """The impact is that of the bot's own amount; a pool that was traded while it waited is quoted anew."""
    raw = {
        "filters": {"require": {"buy_impact_bps": {"max": 100}, "creator_rugged": 0}},
        "sizing": {"quote_amount": SOL // 2, "impact_bps_max": 10_000},
    }
    bot = started(**raw)
    assert CreatorKnown in bot.interest and CreatorKnown not in LiquiditySniper.interest
    deep, shallow = pool_of(1), pool_of(2, quote=20 * SOL)
    refused = only_refusal(bot.on(launch_of(shallow), START))
    impact = quote_in(shallow, SOL // 2, is_buy=True).impact_bps
    assert (refused.filter, refused.values["seen"]) == ("require", f"buy_impact_bps {impact}")
    known: dict[str, Any] = {
        "creator": pubkey(7),
        "venue": "amm",
        "launches": 0,
        "rugged": 0,
        "lifetime_s_median": 0,
        "watched_s": 0,
    }
    assert bot.on(launch_of(deep), START) == []
    order = only_order(bot.on(CreatorKnown(**known, pool=deep.address, base_mint=deep.base_mint), START))
    assert order.pool == deep
    assert bot.rehearse()[1:] == [order]  # with what was told of it
    traded = pool_of(3)
    assert bot.on(launch_of(traded), START) == []
    assert bot.on(trade(traded, base=5 * 10**9, quote=20 * SOL), START) == []
    told = bot.on(CreatorKnown(**known, pool=traded.address, base_mint=traded.base_mint), START)
    assert only_refusal(told).values["leaf"] == "require.buy_impact_bps"


def test_the_size_to_ask_about_can_be_another_one() -> None:
    """The same filters for bots of several sizes."""
    bot = started(filters={"require": {"buy_impact_bps": {"max": 100}}, "impact_quote_amount": 50 * SOL})
    assert only_refusal(bot.on(launch_of(pool_of(1)), START)).filter == "require"


def test_facts_from_the_chain_are_asked_for_with_the_size_of_the_buy() -> None:
    """Whether it can be sold again depends on how much was bought."""
    raw = {"filters": {"require": {"sellable": True}}, "sizing": {"quote_amount": SOL // 2}}
    (wanted,) = started(**raw).on(launch_of(pool_of(1)), START)
    assert isinstance(wanted, FactsWanted)
    assert (wanted.facts, wanted.quote_amount) == (("sellable",), SOL // 2)


def test_it_knows_when_the_next_pool_opens() -> None:
    bot = started()
    assert bot.due_ns() == 0
    bot.on(launch_of(pool_of(1), open_time=START // SECOND + 1), START)
    assert bot.due_ns() == START + SECOND + 400 * MS
