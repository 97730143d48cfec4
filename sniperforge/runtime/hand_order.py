"""One order by hand, through the whole coordinator: journal, limits, signer, sender, confirmation.

pool + what is wanted + settings -> the events of one order, until it ended
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from sniperforge.base.clock import Clock
from sniperforge.base.errors import LimitError, SniperForgeError, UnavailableError, UsageError
from sniperforge.base.events import (
    Event,
    InputRefused,
    OrderExpired,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    OrderRefused,
    PositionChanged,
    event_id,
)
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.runtime.hand import Plan

#: Who the journal says traded; a position opened by hand is sold under the same name.
BOT = "hand"
#: 151 blocks until a transaction expires, and finality behind it: nothing takes longer but a dead endpoint.
WAIT_S = 180.0

#: Limits that no smaller amount passes.
_CURES = {
    "risk.claim": "this journal holds a position of that pool; sell it first",
    "risk.quote_mint": "only coins paid in SOL are sent; sign the transaction of the plan yourself",
}
_ENDS = (OrderLanded, OrderFailed, OrderExpired, OrderRefused, InputRefused)


class OrderUnfilled(SniperForgeError):
    """The order ended without a fill."""


class Sending(NamedTuple):
    """How to send.

    Attributes:
        bot: under whose name; a sell takes from a position of that bot.
        position: its number, 0 for the bot's only open one of the coin.
    """

    settings: CoordinateSettings
    bot: str = BOT
    position: int = 0


async def send(plan: Plan, sending: Sending, clock: Clock, *, wait_s: float = WAIT_S) -> list[Event]:
    """Send *plan* and return what the coordinator told, up to the fill and its position.

    Raises:
        LimitError: a limit refused it; nothing was sent.
        OrderUnfilled: it failed on the chain, or expired: the line says what it cost.
        UnavailableError: the endpoint does not answer, or the end is not known yet;
            the journal holds the order, and the next start settles it.
        UsageError: a sell of something the journal does not hold.
    """
    told: list[Event] = []
    changed = asyncio.Event()

    def hear(event: Event) -> None:
        told.append(event)
        changed.set()

    coordinator = Coordinator(sending.settings, clock=clock, publish=hear, venues={plan.venue.name: plan.venue})
    await coordinator.start()
    try:
        intent = _intent(plan, sending, coordinator, clock.now_ns())
        told.clear()
        coordinator.on(intent)
        await _ended(told, changed, intent, wait_s)
    finally:
        await coordinator.stop()
    _judge(told, intent)
    return told


def _intent(plan: Plan, sending: Sending, coordinator: Coordinator, now_ns: int) -> OrderProposed:
    wanted = plan.wanted
    number = event_id("by hand", plan.pool.address, now_ns)
    position = number if wanted.is_buy else _position(plan.pool.base_mint, sending, coordinator)
    return OrderProposed(
        id=number,
        ts_ns=now_ns,
        origin_ns=now_ns,
        trace_id=number,
        bot=sending.bot,
        side="buy" if wanted.is_buy else "sell",
        pool=plan.pool,
        amount_in=plan.amount_in_max,
        amount_out_min=plan.amount_out_min,
        slippage_bps=wanted.slippage_bps,
        priority_fee_micro_lamports=wanted.price_micro_lamports,
        tip_lamports=wanted.tip_lamports,
        reason="by hand",
        attempt=0,
        position_id=position,
    )


def _position(mint: Pubkey, sending: Sending, coordinator: Coordinator) -> int:
    """Return the position a sell takes from."""
    held = [one for one in coordinator.positions() if one.bot == sending.bot and one.pool.base_mint == mint]
    if sending.position:
        held = [one for one in held if one.position_id == sending.position]
    if len(held) == 1:
        return held[0].position_id
    journal = sending.settings.journal
    if not held:
        raise UsageError(f"{journal}: {sending.bot} holds no {text(mint)}; give the --journal and --bot that bought it")
    numbers = ", ".join(f"{one.position_id} ({one.base_amount})" for one in held)
    raise UsageError(f"{journal}: {sending.bot} holds {len(held)} positions of it; choose one by --position: {numbers}")


async def _ended(told: list[Event], changed: asyncio.Event, intent: OrderProposed, wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            while not _is_ended(told, intent):
                changed.clear()
                await changed.wait()
    except TimeoutError:
        raise UnavailableError(
            f"order {intent.id}: no end after {wait_s:g} s; the journal has it, the next start learns what became of it"
        ) from None


def _is_ended(told: list[Event], intent: OrderProposed) -> bool:
    """Say whether the order ended and, when it landed, its position was told too."""
    end = _end(told, intent)
    return end is not None and (not isinstance(end, OrderLanded) or any(isinstance(e, PositionChanged) for e in told))


def _end(told: list[Event], intent: OrderProposed) -> Event | None:
    for event in told:
        if isinstance(event, _ENDS) and intent.id in (getattr(event, "order_id", 0), event.cause):
            return event
    return None


def _judge(told: list[Event], intent: OrderProposed) -> None:
    end = _end(told, intent)
    if isinstance(end, OrderRefused):
        cure = _CURES.get(end.limit, "ask for less, or raise that limit in the file of --config")
        raise LimitError(f"{end.limit} refused it: asked {end.asked}, allowed {end.allowed}; {cure}")
    if isinstance(end, OrderFailed):
        raise OrderUnfilled(f"the chain refused it: {end.problem}; it cost {end.fee_lamports} lamports in fees")
    if isinstance(end, OrderExpired):
        raise OrderUnfilled("it never landed and never will; it cost nothing, try again with a higher priority fee")
    if isinstance(end, InputRefused):
        raise OrderUnfilled(f"{end.problem}; {end.cure}")
