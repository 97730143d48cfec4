"""Recorded creation frames become proposals, proposals become positions, and every position is sold again:
the real detector, the real venues' arithmetic and the sniper's defaults, with fills as the curve quotes them."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from sniperforge.base.events import (
    Event,
    Frame,
    OrderLanded,
    OrderProposed,
    PositionChanged,
    Swapped,
)
from sniperforge.base.units import NANOS_PER_SECOND
from sniperforge.bots.liquidity_sniper import LiquiditySniper, settings_from
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES

FRAMES = Path(__file__).resolve().parents[4] / "shared" / "frames" / "create.jsonl.gz"
NOW = 1_785_000_000 * NANOS_PER_SECOND


class Coordinator:
    """Fills every order at its quote, at once, and keeps the positions."""

    def __init__(self) -> None:
        self.positions: dict[int, PositionChanged] = {}
        self.reasons: list[str] = []

    def fill(self, order: OrderProposed, now_ns: int) -> list[Event]:
        is_buy = order.side == "buy"
        out = VENUES[order.pool.venue].quote_in(order.pool, order.amount_in, is_buy=is_buy).amount_out
        base, quote = (out, order.amount_in) if is_buy else (order.amount_in, out)
        position = self.positions.get(order.position_id) or PositionChanged(
            position_id=order.position_id,
            bot=order.bot,
            pool=order.pool,
            state="open",
            base_amount=0,
            spent_lamports=quote,
            received_lamports=0,
            entry_quote=quote,
            entry_base=base,
            opened_ns=now_ns,
            creator=order.creator,
        )
        left = position.base_amount + (base if is_buy else -base)
        position = msgspec.structs.replace(position, base_amount=left, state="open" if left else "closed")
        self.positions[order.position_id] = position
        self.reasons.append(order.reason)
        landed = OrderLanded(
            order_id=order.id,
            bot=order.bot,
            pool=order.pool.address,
            base_mint=order.pool.base_mint,
            side=order.side,
            signature="x",
            slot=order.pool.slot,
            base_amount=base,
            quote_amount=quote,
            fee_lamports=5_000,
            tip_lamports=0,
            rent_lamports=0,
            commitment="confirmed",
            position_id=order.position_id,
        )
        return [landed, position]


def settle(bot: LiquiditySniper, coordinator: Coordinator, said: list[Event], now_ns: int) -> None:
    """Fill every order the bot proposes, and those it proposes because of the fills."""
    queue = list(said)
    while queue:
        message = queue.pop(0)
        if isinstance(message, OrderProposed):
            for fill in coordinator.fill(message, now_ns):
                queue += bot.on(fill, now_ns)


def test_every_recorded_creation_is_bought_and_sold_by_the_program() -> None:
    """400 coins, each up to 2.25 times its price (the ladder sells), then back to 1.21 (the trailing stop does)."""
    if not FRAMES.exists():
        pytest.skip(f"{FRAMES} is absent: recorded frames are not part of this checkout")
    bot = LiquiditySniper("s1", settings_from({"positions_max": 1_000, "cooldown_ms": 0}, "bot.s1"), VENUES)
    detector, coordinator = Detector(DetectSettings()), Coordinator()
    for line in gzip.decompress(FRAMES.read_bytes()).splitlines():
        for event in detector.on_frame(Frame(line, NOW, "recorded"), NOW):
            settle(bot, coordinator, bot.on(event, NOW), NOW)
    positions = list(coordinator.positions.values())
    assert len(positions) == 400
    assert set(coordinator.reasons) == {"entry"}
    for step, (numerator, denominator) in enumerate(((3, 2), (11, 10))):
        for position in positions:
            pool = position.pool
            swap = Swapped(
                venue=pool.venue,
                pool=pool.address,
                base_mint=pool.base_mint,
                trader=pool.address,
                is_buy=True,
                base_amount=1,
                quote_amount=1,
                base_reserve=pool.base_reserve * denominator // numerator,
                quote_reserve=pool.quote_reserve * numerator // denominator,
                slot=pool.slot + 1 + step,
                signature="t",
            )
            settle(bot, coordinator, bot.on(swap, NOW + step), NOW + step)
    assert {position.state for position in coordinator.positions.values()} == {"closed"}
    assert coordinator.reasons.count("take_profit[0]") == 400
    assert coordinator.reasons.count("trailing_stop") == 400
    assert "0 positions, 0 entries" in bot.describe()
