"""Whatever arrives in whatever order: nothing raises, no pool is bought twice, no more is sold than is held,
one exit is in flight per position, and after the storm every open position has an exit under way."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.events import (
    BotStarted,
    CurveCompleted,
    Event,
    HaltChanged,
    LiquidityChanged,
    OrderExpired,
    OrderProposed,
    OrderRefused,
    OrderSigned,
    Pool,
    PoolMigrated,
    PositionChanged,
    TokenInspected,
)
from sniperforge.base.units import Pubkey
from sniperforge.bots.holdings import ASKS_MAX
from sniperforge.bots.liquidity_sniper import LiquiditySniper, settings_from
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
    trade,
)

RAW = {
    "positions_max": 3,
    "cooldown_ms": 0,
    "entry_answer_s": 30,
    "filters": {"creator_launches_max": 0, "age_ms_max": 60_000, "liquidity_quote_min": SOL},
    "exits": {
        "take_profit": [{"gain_bps": 1_000, "sell_bps": 4_000}, {"gain_bps": 3_000, "sell_bps": 3_000}],
        "time_stop_s": 60,
        "dust_retry_s": 5,
        "dust_retry_s_max": 20,
        "answer_ms": 2_000,
    },
}
POOLS = [pool_of(number, venue="pumpfun" if number % 3 == 0 else "amm") for number in range(6)]
HOMES = {
    pool.base_mint: msgspec.structs.replace(pool_of(50 + number, venue="pumpswap"), base_mint=pool.base_mint)
    for number, pool in enumerate(POOLS)
}


@dataclass
class World:
    """A market, a coordinator that keeps the truth, and one bot between them."""

    now: int = START
    slot: int = 1
    pending: dict[int, OrderProposed] = field(default_factory=dict)
    asks: Counter[int] = field(default_factory=Counter)
    forsaken: set[int] = field(default_factory=set)
    bought: dict[Pubkey, int] = field(default_factory=dict)
    positions: dict[int, PositionChanged] = field(default_factory=dict)
    fills: deque[Event] = field(default_factory=deque)
    moved: set[Pubkey] = field(default_factory=set)
    ended: set[Pubkey] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.bot = LiquiditySniper("s1", settings_from(RAW, "bot", venues=VENUES), VENUES)

    def tell(self, event: Event) -> None:
        for message in self.bot.on(event, self.now):
            self.hear(message)

    def tick(self, nanos: int) -> None:
        self.now += nanos
        for message in self.bot.on_tick(self.now):
            self.hear(message)

    def hear(self, message: Event) -> None:
        if isinstance(message, BotStarted):
            told = [msgspec.structs.replace(p, recovered=True, ts_ns=self.now) for p in self.positions.values()]
            self.fills.extend(told)
        elif isinstance(message, OrderProposed):
            self.admit(message)

    def admit(self, order: OrderProposed) -> None:
        self.asks[order.id] += 1
        if self.asks[order.id] >= ASKS_MAX:
            self.forsaken.add(order.position_id)
        if self.asks[order.id] > 1:
            return
        if order.side == "buy":
            assert order.pool.address not in self.bought, "one entry per pool"
            self.bought[order.pool.address] = order.id
            self.pending[order.id] = order
            return
        position = self.positions.get(order.position_id)
        rivals = [other for other in self.pending.values() if other.position_id == order.position_id]
        if position is None or rivals or order.amount_in > position.base_amount:
            # Only a process that has just started, or one whose question stayed without an
            # answer three times, can ask for what is under way or gone.
            assert order.attempt or order.position_id in self.forsaken, (
                "a bot that hears proposes one exit at a time, of what is held"
            )
            self.fills.append(self.refusal(order))
            return
        assert order.amount_in > 0
        self.pending[order.id] = order

    def refusal(self, order: OrderProposed) -> OrderRefused:
        return OrderRefused(
            order_id=order.id,
            bot="s1",
            pool=order.pool.address,
            limit="risk.exit_in_flight",
            asked=2,
            allowed=1,
            position_id=order.position_id,
        )

    def answer(self, choice: int) -> None:
        """End (or acknowledge) one pending order in one of the ways orders end."""
        if not self.pending:
            return
        order = list(self.pending.values())[choice % len(self.pending)]
        outcome = choice // 8 % 6
        if outcome == 5:
            signed = OrderSigned(
                order_id=order.id, bot="s1", signature="x", size_bytes=1, position_id=order.position_id
            )
            self.fills.append(signed)
            return
        del self.pending[order.id]
        if outcome >= 3:
            self.fill(order, part=outcome == 4, position_first=bool(choice & 1))
        elif outcome == 2:
            self.fills.append(failed(order))
        elif outcome == 1:
            self.fills.append(self.refusal(order))
        else:
            expired = OrderExpired(
                order_id=order.id,
                bot="s1",
                pool=order.pool.address,
                side=order.side,
                signature="x",
                position_id=order.position_id,
            )
            self.fills.append(expired)

    def fill(self, order: OrderProposed, *, part: bool, position_first: bool) -> None:
        if order.side == "buy":
            quote = VENUES[order.pool.venue].quote_in(order.pool, order.amount_in, is_buy=True)
            position = opened(order, base=quote.amount_out, at_ns=self.now)
            base = quote.amount_out
        else:
            before = self.positions[order.position_id]
            base = max(order.amount_in // 2, 1) if part else order.amount_in
            position = msgspec.structs.replace(held(before, before.base_amount - base), ts_ns=self.now)
        if position.state == "open":
            self.positions[position.position_id] = position
        else:
            del self.positions[position.position_id]
        fill: list[Event] = [landed(order, base=base, quote=1), position]
        self.fills.extend(reversed(fill) if position_first else fill)

    def deliver(self) -> None:
        if self.fills:
            self.tell(self.fills.popleft())

    def trade(self, pool: Pool, choice: int) -> None:
        self.slot += 1
        base = 1 + 10**9 * (1 + choice % 5) // 2
        quote = (0, 3, SOL, 60 * SOL, 150 * SOL, 400 * SOL)[choice // 5 % 6]
        event = trade(pool, base=base, quote=quote, slot=self.slot - choice % 3, at_ns=self.now)
        if choice % 7 == 0:
            self.tell(
                LiquidityChanged(
                    venue=event.venue,
                    pool=event.pool,
                    added=False,
                    base_amount=1,
                    quote_amount=1,
                    base_reserve=base,
                    quote_reserve=quote,
                    slot=self.slot,
                    signature="l",
                )
            )
        else:
            self.tell(event)

    def graduate(self, pool: Pool, choice: int) -> None:
        if pool.venue != "pumpfun":
            return
        home, self.slot = HOMES[pool.base_mint], self.slot + 1
        self.ended.add(pool.address)
        done = CurveCompleted(
            venue=pool.venue, pool=pool.address, base_mint=pool.base_mint, slot=self.slot, signature="c"
        )
        move = PoolMigrated(
            venue=pool.venue,
            pool=pool.address,
            base_mint=pool.base_mint,
            new_venue="pumpswap",
            new_pool=home.address,
            slot=self.slot,
            signature="m",
        )
        launch = launch_of(home, at_ns=self.now)
        for event in ([done], [done, move, launch], [done, launch, move], [launch, move])[choice % 4]:
            self.tell(event)


def step(world: World, action: int, choice: int) -> None:
    pool = POOLS[choice % len(POOLS)]
    if action == 0:
        world.tell(launch_of(pool, at_ns=world.now))
    elif action == 1:
        world.tell(TokenInspected(mint=pool.base_mint, token_program=pubkey(1), found=choice % 4 != 0))
    elif action in (2, 3):
        home = HOMES[pool.base_mint]
        world.trade(home if choice % 11 == 0 else pool, choice)
    elif action in (4, 5):
        world.answer(choice)
    elif action in (6, 7):
        world.deliver()
    elif action == 8:
        world.tick((choice % 50) * 100 * MS)
    elif action == 9:
        world.graduate(pool, choice)
    elif action == 10:
        world.tell(HaltChanged(halted=choice % 2 == 0))
    elif choice % 5 == 0:
        world.now += 20 * MS  # a process takes longer than that to come back
        world.restart()


def calm(world: World) -> None:
    """The storm is over: curves that ended find their pools, answers arrive, trades come in, time passes."""
    world.tell(HaltChanged(halted=False))
    for pool in POOLS:
        if pool.address in world.ended:
            world.graduate(pool, 1)
    for _ in range(12):
        while world.fills:
            world.deliver()
        for order in list(world.pending.values()):
            del world.pending[order.id]
            world.fills.append(failed(order))
        while world.fills:
            world.deliver()
        for pool in [*POOLS, *HOMES.values()]:
            world.slot += 3
            world.tell(trade(pool, base=10**9, quote=100 * SOL, slot=world.slot))
        world.tick(21 * SECOND)
    under_way = {order.position_id for order in world.pending.values() if order.side == "sell"}
    assert set(world.positions) <= under_way


def with_positions() -> World:
    """A world in which three positions are open, one of them on a curve."""
    world = World()
    for pool in POOLS[:3]:
        world.tell(launch_of(pool, at_ns=world.now))
        world.tell(TokenInspected(mint=pool.base_mint, token_program=pubkey(1), found=True))
    for order in list(world.pending.values()):
        del world.pending[order.id]
        world.fill(order, part=False, position_first=False)
    while world.fills:
        world.deliver()
    assert len(world.positions) == 3
    return world


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 9_999)), max_size=80))
def test_no_order_of_events_breaks_the_promises(actions: list[tuple[int, int]]) -> None:
    """The coordinator of this test asserts them at every proposal, and at the end."""
    world = with_positions()
    for action, choice in actions:
        step(world, action, choice)
    calm(world)


@pytest.mark.parametrize("seed", range(60))
def test_a_long_life_breaks_no_promise(seed: int) -> None:
    """Four hundred events deep, where positions have been through several pools, tries and restarts."""
    dice, world = random.Random(seed), World()
    for _ in range(400):
        step(world, dice.randint(0, 11), dice.randint(0, 9_999))
    calm(world)
