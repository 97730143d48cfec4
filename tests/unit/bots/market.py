"""A market of one honest constant-product venue, for bots that are tested without the real ones."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sniperforge.base.events import (
    CurveCompleted,
    Event,
    LiquidityChanged,
    OrderFailed,
    OrderLanded,
    OrderProposed,
    Pool,
    PoolCreated,
    PositionChanged,
    Swapped,
    event_id,
)
from sniperforge.base.units import BPS_ONE, Pubkey
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.dex.venue import EmptyPool, Instruction, Quote, SwapOrder, Venue

MS = 1_000_000
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
SOL = 1_000_000_000


def pubkey(number: int) -> Pubkey:
    return Pubkey(number.to_bytes(32, "big"))


def quote_in(pool: Pool, amount: int, *, is_buy: bool) -> Quote:
    """No fee: out = amount * other side / (this side + amount), rounded down."""
    here, there = (pool.quote_reserve, pool.base_reserve) if is_buy else (pool.base_reserve, pool.quote_reserve)
    if here <= 0 or there <= 0 or pool.numbers.get("complete"):
        raise EmptyPool("empty")
    out = amount * there // (here + amount)
    impact = ((here + amount) * there - here * (there - out)) * BPS_ONE // (here * max(there - out, 1))
    return Quote(amount_in=amount, amount_out=out, fee_amount=0, impact_bps=impact)


def apply(pool: Pool, event: Event) -> Pool:
    if isinstance(event, CurveCompleted):
        return msgspec.structs.replace(pool, numbers={**pool.numbers, "complete": 1}, slot=event.slot)
    assert isinstance(event, Swapped | LiquidityChanged)
    return msgspec.structs.replace(
        pool, base_reserve=event.base_reserve, quote_reserve=event.quote_reserve, slot=event.slot
    )


def _no_instructions(_pool: Pool, _order: SwapOrder) -> tuple[Instruction, ...]:
    return ()


def venue(name: str) -> Venue:
    return Venue(
        name=name,
        program=pubkey(9),
        markers=(),
        trade_markers=(),
        read=lambda _step, _context: [],
        verify=lambda _launch: "",
        load=lambda address, _accounts: pool_of(address[-1]),
        quote_in=quote_in,
        quote_out=quote_in,
        swap=_no_instructions,
        compute_units=lambda _is_buy: 1,
        apply=apply,
        swap_keys=lambda _pool, _user, _is_buy: {},
        assemble=lambda _keys, _pool, _order: (),
        variant=lambda _pool, _order: "",
    )


VENUES: Mapping[str, Venue] = {name: venue(name) for name in ("amm", "pumpfun", "pumpswap", "raydium_launchlab")}


def pool_of(
    number: int, *, venue: str = "amm", quote: int = 100 * SOL, base: int = 1_000_000_000, slot: int = 1
) -> Pool:
    numbers = {"real_quote_reserve": 0} if venue == "pumpfun" else {}
    return Pool(
        venue=venue,
        address=pubkey(1_000 + number),
        base_mint=pubkey(2_000 + number),
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=base,
        quote_reserve=quote,
        numbers=numbers,
        slot=slot,
    )


def launch_of(
    pool: Pool, *, at_ns: int = START, creator: int = 7, open_time: int = 0, late: bool = False
) -> PoolCreated:
    launch_id = event_id("launch", pool.address)
    return PoolCreated(
        id=launch_id,
        ts_ns=at_ns,
        origin_ns=at_ns,
        trace_id=launch_id,
        pool=pool,
        creator=pubkey(creator),
        user=pubkey(creator),
        open_time=open_time,
        slot=pool.slot,
        signature=f"sig{pool.address[-1]}",
        index=0,
        believed_by="event",
        late=late,
        name="Coin",
        symbol="COIN",
        uri="https://example.org/coin.json",
    )


def trade(pool: Pool, *, base: int, quote: int, slot: int = 2, at_ns: int = START) -> Swapped:
    """A trade after which the reserves are *base* and *quote*."""
    return Swapped(
        id=event_id("swap", pool.address, slot),
        origin_ns=at_ns,
        venue=pool.venue,
        pool=pool.address,
        base_mint=pool.base_mint,
        trader=pubkey(8),
        is_buy=True,
        base_amount=1,
        quote_amount=1,
        base_reserve=base,
        quote_reserve=quote,
        slot=slot,
        signature="trade",
    )


def opened(
    order: OrderProposed, *, base: int, quote: int | None = None, at_ns: int = START, recovered: bool = False
) -> PositionChanged:
    return PositionChanged(
        id=order.position_id,
        ts_ns=at_ns,
        trace_id=order.trace_id,
        position_id=order.position_id,
        bot=order.bot,
        pool=order.pool,
        state="open",
        base_amount=base,
        spent_lamports=order.amount_in,
        received_lamports=0,
        entry_quote=order.amount_in if quote is None else quote,
        entry_base=base,
        opened_ns=at_ns,
        recovered=recovered,
    )


def held(position: PositionChanged, base: int) -> PositionChanged:
    """The same position with *base* units left."""
    return msgspec.structs.replace(position, base_amount=base, state="open" if base else "closed")


def landed(order: OrderProposed, *, base: int, quote: int) -> OrderLanded:
    return OrderLanded(
        order_id=order.id,
        bot=order.bot,
        pool=order.pool.address,
        base_mint=order.pool.base_mint,
        side=order.side,
        signature="landed",
        slot=3,
        base_amount=base,
        quote_amount=quote,
        fee_lamports=5_000,
        tip_lamports=0,
        rent_lamports=0,
        commitment="confirmed",
        position_id=order.position_id,
    )


def failed(order: OrderProposed) -> OrderFailed:
    return OrderFailed(
        order_id=order.id,
        bot=order.bot,
        pool=order.pool.address,
        side=order.side,
        problem="slippage",
        retryable=True,
        fee_lamports=5_000,
        position_id=order.position_id,
    )
