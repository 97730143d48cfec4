"""What Raydium CLMM did, from its instructions and events.

create_pool, create_customizable_pool -> PoolCreated
SwapEvent -> Swapped
LiquidityChangeEvent with the position's own event -> LiquidityChanged

PoolCreatedEvent names neither the fee tier nor the token programs: a creation seen in
logs only is `Incomplete`. Trades and changes of liquidity tell everything in logs.

Source: raydium-io/raydium-clmm, instructions/ and states/{pool,personal_position}.rs.
"""

from __future__ import annotations

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LaunchDisbelieved, LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import ticks, token_pair
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.programs import pda
from sniperforge.dex.raydium_clmm_layouts import (
    CALCULATE_EVENT,
    CREATE_POSITION_EVENT,
    CREATION_ACCOUNTS,
    CREATIONS,
    DECREASE_EVENT,
    EVENTS,
    INCREASE_EVENT,
    LIQUIDITY_CHANGE_EVENT,
    NAME,
    POOL_CREATED_EVENT,
    PROGRAM,
    SWAP_EVENT,
    SWAP_V2,
    SWAP_V2_ACCOUNTS,
)
from sniperforge.dex.ticks_pool import Book, numbers_of, sides, wide
from sniperforge.dex.token_pair import base_is_first, base_of
from sniperforge.dex.venue import Context, Incomplete, Reading, Step, disbelieved

#: Fee rate and tick spacing of the oldest public fee tiers by config account, indices 1 to 4:
#: a creation names the account only. Source: AmmConfig accounts on mainnet (4), Raydium's pages.
TIERS = {
    key("E64NGkDLLCdQ2yFNPcavaKptrEgmiQaNykUuLC1Qgwyp"): (2_500, 60),
    key("HfERMT5DRA6C1TAqecrJQFpmkf3wsWTMncqnj3RDg5aw"): (500, 10),
    key("A1BBtTYJd4i3xU8D6Tc2FzU6ZN4oXZWXKZnCxwbHXr8x"): (10_000, 120),
    key("9iFER3bpjf1PTTCQCfTRu17EJgvsxo9pVyA9QWwEuX4x"): (100, 1),
}
#: Of a tier not listed, by its tick spacing; the dearest for one nobody saw.
FEE_RATES_USUAL = {1: 500, 10: 500, 60: 2_500, 120: 10_000}
FEE_RATE_UNUSUAL, SPACING_USUAL = 20_000, 60
_CREATION_LOGS = frozenset(("Instruction: CreatePool", "Instruction: CreateCustomizablePool"))
_POSITION_EVENTS = (CREATE_POSITION_EVENT, INCREASE_EVENT, DECREASE_EVENT)


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did, in order; `index` counts its events.

    Raises:
        DecodeError: an event or a creation that cannot be what its discriminator says.
    """
    readings: list[Reading] = []
    events = [(payload[:8], _event(payload)) for payload in step.events if payload[:8] in EVENTS]
    opened = next((record for kind, record in events if kind == POOL_CREATED_EVENT), None)
    if step.data[:8] in CREATIONS:
        readings.append(_created(step, context, opened))
    elif opened is not None or (not step.data and not _CREATION_LOGS.isdisjoint(step.logs)):
        readings.append(Incomplete(f"{NAME}: the fee tier of a new pool is in the instruction alone"))
    calculated: Record | None = None
    changed: Record | None = None
    for index, (kind, record) in enumerate(events):
        if kind == SWAP_EVENT:
            readings.append(_swapped(record, step, context, index))
        elif kind == CALCULATE_EVENT:
            calculated = record
        elif kind == LIQUIDITY_CHANGE_EVENT:
            changed = record
        elif kind in _POSITION_EVENTS and changed is not None:
            added = kind != DECREASE_EVENT
            readings.append(_liquidity(changed, record, calculated, context, index, added=added))
            changed = None
    return readings


def verify(created: PoolCreated) -> str:
    """Return "" when every address of the creation is the one the program derives, else the first that is not."""
    pool = created.pool
    mint_0, mint_1 = sides(pool.base_mint, pool.quote_mint, base_is_0=bool(pool.numbers["base_is_0"]))
    if not mint_0 < mint_1:
        return f"token_mint_0: claimed {base58.text(mint_0)}, derived {base58.text(mint_1)}: the smaller of both"
    claimed = {"pool_state": pool.address, **pool.keys}
    return token_pair.first_difference(
        claimed,
        {
            "pool_state": pda(PROGRAM, b"pool", pool.keys["amm_config"], mint_0, mint_1),
            "base_vault": pda(PROGRAM, b"pool_vault", pool.address, pool.base_mint),
            "quote_vault": pda(PROGRAM, b"pool_vault", pool.address, pool.quote_mint),
            "observation_state": pda(PROGRAM, b"observation", pool.address),
            "bitmap_extension": pda(PROGRAM, b"pool_tick_array_bitmap_extension", pool.address),
        },
    )


def _event(payload: bytes) -> Record:
    return EVENTS[payload[:8]][1].decode(payload, 8, tail_max=TAIL_MAX)


# ── creations ─────────────────────────────────────────────────────────────


def _created(step: Step, context: Context, event: Record | None) -> PoolCreated | LaunchDisbelieved:
    if len(step.accounts) < len(CREATION_ACCOUNTS):
        raise DecodeError(
            f"{NAME}: a creation has {len(CREATION_ACCOUNTS)} accounts, got {len(step.accounts)}; the list is cut"
        )
    named = {name: account for (name, _, _), account in zip(CREATION_ACCOUNTS, step.accounts, strict=False)}
    # Anchor ignores bytes behind the arguments: such a creation is one too.
    told = CREATIONS[step.data[:8]].decode(step.data, 8, tail_max=len(step.data)).ints
    if event is not None and event.keys["pool_state"] != named["pool_state"]:
        claimed = {
            "pool": base58.text(event.keys["pool_state"]),
            "pool_listed": base58.text(named["pool_state"]),
        }
        return disbelieved(NAME, "instruction", context, claimed)
    mints = named["token_mint_0"], named["token_mint_1"]
    vaults = named["token_vault_0"], named["token_vault_1"]
    programs = named["token_program_0"], named["token_program_1"]
    first = base_is_first(*mints)
    base, quote = (0, 1) if first else (1, 0)
    pool = Pool(
        venue=NAME,
        address=named["pool_state"],
        base_mint=mints[base],
        quote_mint=mints[quote],
        base_program=programs[base],
        quote_program=programs[quote],
        base_reserve=0,
        quote_reserve=0,
        keys={
            "amm_config": named["amm_config"],
            "base_vault": vaults[base],
            "quote_vault": vaults[quote],
            "observation_state": named["observation_state"],
            "bitmap_extension": named["tick_array_bitmap"],
        },
        numbers={"base_is_0": int(first), **_numbers(told, event, named["amm_config"])},
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=named["pool_creator"],
        user=context.signer if context.signer != ZERO_KEY else named["pool_creator"],
        # The program makes no pool that opens later than its own second.
        open_time=0,
        slot=context.slot,
        signature=context.signature,
        index=0,
        believed_by="instruction" if event is None else "event+instruction",
        late=context.late,
        source=context.source,
    )


def _numbers(told: dict[str, int], event: Record | None, config: Pubkey) -> dict[str, int]:
    """Return a new pool's numbers: a price, no liquidity, and so every tick is known."""
    price = told["sqrt_price"]
    if not ticks.raydium_price_at(ticks.TICK_MIN) <= price < ticks.raydium_price_at(ticks.TICK_MAX):
        raise DecodeError(f"{NAME}: a pool starts at the price {price}, outside the program's range; it is no creation")
    if told.get("fee_on", 0) > 2:
        raise DecodeError(f"{NAME}: a pool takes its fee on {told['fee_on']}, not on 0, 1 or 2; compare the layout")
    rate, spacing = TIERS.get(config, (0, SPACING_USUAL))
    if event is not None and event.ints["tick_spacing"]:
        spacing = event.ints["tick_spacing"]
    book = Book(price, ticks.tick_at(price, ticks.raydium_price_at), 0, {})
    return {
        "tick_spacing": spacing,
        "trade_fee_rate": rate or FEE_RATES_USUAL.get(spacing, FEE_RATE_UNUSUAL),
        "fee_on": told.get("fee_on", 0),
        "status": 0,
        "fee_assumed": int(not rate or told.get("enable_dynamic_fee", 0)),
        **numbers_of(book),
        "followed": 1,
    }


# ── trades and liquidity ──────────────────────────────────────────────────


def _swapped(event: Record, step: Step, context: Context, index: int) -> Swapped:
    ints, price = event.ints, event.ints["sqrt_price_x64"]
    if not price or not ticks.TICK_MIN <= ints["tick"] <= ticks.TICK_MAX:
        raise DecodeError(f"{NAME}: a SwapEvent leaves no price; these bytes are something else")
    base_mint, base_is_0 = ZERO_KEY, True
    if step.data[:8] == SWAP_V2 and len(step.accounts) >= len(SWAP_V2_ACCOUNTS):
        mint_in, mint_out = step.accounts[11:13]
        base_mint = base_of(mint_in, mint_out)
        base_is_0 = base_mint == min(mint_in, mint_out)
    zero_for_one = bool(ints["zero_for_one"])
    # What comes in is told without the transfer fee on its way, what goes out as it arrives.
    paid_0 = ints["amount_0"] + (ints["transfer_fee_0"] if zero_for_one else 0)
    paid_1 = ints["amount_1"] + (0 if zero_for_one else ints["transfer_fee_1"])
    base, quote = sides(paid_0, paid_1, base_is_0=base_is_0)
    base_reserve, quote_reserve = sides(*ticks.reserves(price, ints["liquidity"]), base_is_0=base_is_0)
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=event.keys["pool_state"],
        base_mint=base_mint,
        trader=event.keys["sender"],
        is_buy=zero_for_one is not base_is_0,
        base_amount=base,
        quote_amount=quote,
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        slot=context.slot,
        signature=context.signature,
        index=index,
        numbers={
            **wide("sqrt_price", price),
            **wide("liquidity", ints["liquidity"]),
            "tick": ints["tick"],
        },
    )


def _liquidity(
    changed: Record, position: Record, calculated: Record | None, context: Context, index: int, *, added: bool
) -> LiquidityChanged:
    """Return one change: its ticks from the pool's event, its size from the position's, the price where told."""
    ints, own = changed.ints, position.ints
    lower, upper = ints["tick_lower"], ints["tick_upper"]
    if not ticks.TICK_MIN <= lower < upper <= ticks.TICK_MAX:
        raise DecodeError(f"{NAME}: a position from {lower} to {upper}; these bytes are something else")
    reserves = -1, -1
    if calculated is not None and calculated.ints["pool_sqrt_price_x64"]:
        reserves = ticks.reserves(calculated.ints["pool_sqrt_price_x64"], ints["liquidity_after"])
    return LiquidityChanged(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=changed.keys["pool_state"],
        added=added,
        # No event of these names a mint: token 0 stands for the coin, `apply` turns it round.
        base_amount=own["amount_0"],
        quote_amount=own["amount_1"],
        base_reserve=reserves[0],
        quote_reserve=reserves[1],
        slot=context.slot,
        signature=context.signature,
        index=index,
        numbers={
            "tick_lower": lower,
            "tick_upper": upper,
            **wide("liquidity_change", own["liquidity"] if added else -own["liquidity"]),
        },
    )
