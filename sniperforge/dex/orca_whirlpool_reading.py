"""What Orca Whirlpool did, from its instructions, its events and the transfers it made.

initialize_pool, _v2, _with_adaptive_fee -> PoolCreated
Traded, or a swap's transfers -> Swapped
LiquidityIncreased, -Decreased, -Repositioned, or the transfers -> LiquidityChanged

The vaults are fresh keys that stand in the instruction alone, so a creation seen in
logs only is `Incomplete`. Programs before 2025 emitted no events: their amounts are
those of the token transfers inside, and the price after them is not told.

Source: orca-so/whirlpools, instructions/ and events.rs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, LaunchDisbelieved, LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import ticks
from sniperforge.dex.account_table import AccountTable
from sniperforge.dex.borsh import TAIL_MAX, Codec, Record
from sniperforge.dex.orca_whirlpool_layouts import (
    ADDITIONS,
    CREATIONS,
    EVENTS,
    INITIALIZE_POOL_ADAPTIVE,
    LIQUIDITY_INCREASED,
    LIQUIDITY_REPOSITIONED,
    NAME,
    POOL_INITIALIZED,
    PROGRAM,
    REMOVALS,
    SWAPS,
    TRADED,
)
from sniperforge.dex.programs import TOKEN, TOKEN_2022, pda
from sniperforge.dex.ticks_pool import Book, numbers_of, sides, wide
from sniperforge.dex.token_pair import base_is_first
from sniperforge.dex.venue import Context, Incomplete, Reading, Step, disbelieved

#: Fee rate of the public configuration's fee tiers by tick spacing: a creation names
#: the tier only. Source: FeeTier accounts of 2Lecsh… on mainnet (1, 64 and 128), Orca's pages.
FEE_RATES = {
    1: 100, 2: 200, 4: 400, 8: 500, 16: 1_600, 64: 3_000, 96: 6_500, 128: 10_000, 256: 20_000, 32_896: 10_000,
}  # fmt: skip
FEE_RATE_USUAL = 10_000
SPACING_USUAL = 64
#: Adaptive tiers are numbered apart from the spacings; Orca's own begin at 1025 (its tools refuse less).
ADAPTIVE_TIERS = range(1_025, 4_096)

_CREATION_LOGS = ("Instruction: InitializePool", "Instruction: InitializePoolV2")
_CREATION_LOG_ADAPTIVE = "Instruction: InitializePoolWithAdaptiveFee"
#: Token instruction -> where its amount stands: Transfer, TransferChecked.
_TRANSFERS = {3: 1, 12: 1}
#: TransferFeeExtension and, inside it, TransferCheckedWithFee.
_TRANSFER_WITH_FEE = b"\x1a\x01"


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did, in order; `index` counts its events.

    Raises:
        DecodeError: an event or a creation that cannot be what its discriminator says.
    """
    readings: list[Reading] = []
    events = [(payload[:8], payload) for payload in step.events if payload[:8] in EVENTS]
    opened = next((_event(payload) for kind, payload in events if kind == POOL_INITIALIZED), None)
    if step.data[:8] in CREATIONS:
        readings.append(_created(step, context, opened))
    elif opened is not None or (not step.data and _says_created(step.logs)):
        readings.append(Incomplete(f"{NAME}: the vaults of a new pool are in the instruction alone"))
    for index, (kind, payload) in enumerate(events):
        if kind == TRADED:
            readings.append(_traded(_event(payload), step, context, index))
        elif kind != POOL_INITIALIZED:
            readings += _changed(kind, _event(payload), step, context, index)
    if not events:
        readings += _by_transfers(step, context)
    return readings


def verify(created: PoolCreated) -> str:
    """Return "" when the pool is the address the program derives from its configuration, mints and fee tier."""
    pool = created.pool
    mint_a, mint_b = sides(pool.base_mint, pool.quote_mint, base_is_0=bool(pool.numbers["base_is_0"]))
    tier = pool.numbers["fee_tier_index"].to_bytes(2, "little")
    derived = pda(PROGRAM, b"whirlpool", pool.keys["whirlpools_config"], mint_a, mint_b, tier)
    if not mint_a < mint_b:
        return f"token_mint_a: claimed {base58.text(mint_a)}, derived {base58.text(mint_b)}: the smaller of both"
    if derived != pool.address:
        return f"whirlpool: claimed {base58.text(pool.address)}, derived {base58.text(derived)}"
    return ""


def _event(payload: bytes) -> Record:
    return EVENTS[payload[:8]][1].decode(payload, 8, tail_max=TAIL_MAX)


def _says_created(logs: tuple[str, ...]) -> bool:
    return any(line in _CREATION_LOGS or line == _CREATION_LOG_ADAPTIVE for line in logs)


def _named(table: AccountTable, step: Step) -> dict[str, Pubkey]:
    """Return the accounts of *step* by their names; raises DecodeError when some are missing."""
    if len(step.accounts) < len(table):
        raise DecodeError(f"{NAME}: an instruction of {len(table)} accounts lists {len(step.accounts)}; it is cut")
    return {name: account for (name, _, _), account in zip(table, step.accounts, strict=False)}


# ── creations ─────────────────────────────────────────────────────────────


def _created(step: Step, context: Context, event: Record | None) -> PoolCreated | LaunchDisbelieved:
    codec, table = CREATIONS[step.data[:8]]
    named = _named(table, step)
    # Anchor ignores bytes behind the arguments: such a creation is one too.
    told = _arguments(codec, step.data)
    if event is not None and event.keys["whirlpool"] != named["whirlpool"]:
        claimed = {"pool": base58.text(event.keys["whirlpool"]), "pool_listed": base58.text(named["whirlpool"])}
        return disbelieved(NAME, "instruction", context, claimed)
    adaptive = step.data[:8] == INITIALIZE_POOL_ADAPTIVE
    numbers = _numbers(told, event, named, adaptive=adaptive)
    mints = named["token_mint_a"], named["token_mint_b"]
    program = named.get("token_program", TOKEN)
    programs = named.get("token_program_a", program), named.get("token_program_b", program)
    vaults = named["token_vault_a"], named["token_vault_b"]
    first = base_is_first(*mints)
    base, quote = (0, 1) if first else (1, 0)
    pool = Pool(
        venue=NAME,
        address=named["whirlpool"],
        base_mint=mints[base],
        quote_mint=mints[quote],
        base_program=programs[base],
        quote_program=programs[quote],
        base_reserve=0,
        quote_reserve=0,
        keys={
            "whirlpools_config": named["whirlpools_config"],
            "base_vault": vaults[base],
            "quote_vault": vaults[quote],
            "oracle": pda(PROGRAM, b"oracle", named["whirlpool"]),
        },
        numbers={"base_is_0": int(first), **numbers},
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=named["funder"],
        user=context.signer if context.signer != ZERO_KEY else named["funder"],
        open_time=told.ints.get("trade_enable_timestamp", 0),
        slot=context.slot,
        signature=context.signature,
        index=0,
        believed_by="instruction" if event is None else "event+instruction",
        late=context.late,
        source=context.source,
    )


def _arguments(codec: Codec, data: bytes) -> Record:
    return codec.decode(data, 8, tail_max=len(data))


def _numbers(told: Record, event: Record | None, named: dict[str, Pubkey], *, adaptive: bool) -> dict[str, int]:
    """Return a new pool's numbers: a price, no liquidity, and so every tick is known."""
    price = told.ints["sqrt_price"]
    if not ticks.orca_price_at(ticks.TICK_MIN) <= price <= ticks.orca_price_at(ticks.TICK_MAX):
        raise DecodeError(f"{NAME}: a pool starts at the price {price}, outside the program's range; it is no creation")
    spacing = told.ints.get("tick_spacing", 0)
    if event is not None:
        spacing = event.ints["tick_spacing"]
    tier = spacing if not adaptive else _adaptive_tier(named["whirlpools_config"], named["fee_tier"])
    book = Book(price, ticks.tick_at(price, ticks.orca_price_at), 0, {})
    return {
        "tick_spacing": spacing or SPACING_USUAL,
        "fee_tier_index": tier,
        "fee_rate": FEE_RATES.get(tier, FEE_RATE_USUAL),
        "fee_assumed": int(adaptive or tier not in FEE_RATES),
        **numbers_of(book),
        "followed": 1,
    }


@lru_cache(maxsize=256)
def _adaptive_tier(config: Pubkey, fee_tier: Pubkey) -> int:
    """Return the index an adaptive fee tier's address is derived from, which stands in no argument; 0: none tried.

    A handful of tiers make all pools, so the search (6 µs a try) happens once for each.
    """
    for index in ADAPTIVE_TIERS:
        if pda(PROGRAM, b"fee_tier", config, index.to_bytes(2, "little")) == fee_tier:
            return index
    return 0


# ── trades and liquidity ──────────────────────────────────────────────────


class _Sides(NamedTuple):
    """Which token of a pool is the coin, where the instruction tells; else the first stands for it."""

    base_mint: Pubkey
    base_is_a: bool


def _sides_of(step: Step, pool: Pubkey) -> _Sides:
    for tables in (SWAPS, ADDITIONS, REMOVALS):
        table = tables.get(step.data[:8])
        if table is not None and len(step.accounts) >= len(table):
            named = _named(table, step)
            if named["whirlpool"] == pool and "token_mint_a" in named:
                mints = named["token_mint_a"], named["token_mint_b"]
                first = base_is_first(*mints)
                return _Sides(mints[0] if first else mints[1], first)
    return _Sides(ZERO_KEY, True)


def _traded(event: Record, step: Step, context: Context, index: int) -> Swapped:
    ints, pool = event.ints, event.keys["whirlpool"]
    received = ints["output_amount"] - ints["output_transfer_fee"]
    if received < 0 or not ints["post_sqrt_price"]:
        raise DecodeError(f"{NAME}: a Traded takes more than there was; these bytes are something else")
    numbers = wide("sqrt_price", ints["post_sqrt_price"])
    return _swapped(step, context, index, pool, bool(ints["a_to_b"]), (ints["input_amount"], received), numbers)


def _swapped(
    step: Step,
    context: Context,
    index: int,
    pool: Pubkey,
    a_to_b: bool,
    amounts: tuple[int, int],
    numbers: dict[str, int],
) -> Swapped:
    coin = _sides_of(step, pool)
    is_buy = a_to_b is not coin.base_is_a
    paid, received = amounts
    table = SWAPS.get(step.data[:8])
    trader = context.signer
    if table is not None and len(step.accounts) >= len(table):
        trader = _named(table, step)["token_authority"]
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=pool,
        base_mint=coin.base_mint,
        trader=trader,
        is_buy=is_buy,
        base_amount=received if is_buy else paid,
        quote_amount=paid if is_buy else received,
        # The event tells a price, but no liquidity: what the reserves are then, the pool's ticks say.
        base_reserve=-1,
        quote_reserve=-1,
        slot=context.slot,
        signature=context.signature,
        index=index,
        numbers=numbers,
    )


def _changed(kind: bytes, event: Record, step: Step, context: Context, index: int) -> list[Reading]:
    ints, pool = event.ints, event.keys["whirlpool"]
    if kind == LIQUIDITY_REPOSITIONED:
        rows = [
            (False, "old_lower", "old_upper", "old_liquidity", "old_amount_a", "old_amount_b"),
            (True, "new_lower", "new_upper", "new_liquidity", "new_amount_a", "new_amount_b"),
        ]
    else:
        rows = [(kind == LIQUIDITY_INCREASED, "tick_lower", "tick_upper", "liquidity", "amount_a", "amount_b")]
    changes: list[Reading] = []
    for added, lower, upper, liquidity, amount_a, amount_b in rows:
        change = ints[liquidity] if added else -ints[liquidity]
        numbers = {"tick_lower": ints[lower], "tick_upper": ints[upper], **wide("liquidity_change", change)}
        if not ticks.TICK_MIN <= ints[lower] < ints[upper] <= ticks.TICK_MAX:
            raise DecodeError(f"{NAME}: a position from {ints[lower]} to {ints[upper]}; these bytes are something else")
        changes.append(_moved(step, context, index, pool, added, (ints[amount_a], ints[amount_b]), numbers))
    return changes


def _moved(
    step: Step,
    context: Context,
    index: int,
    pool: Pubkey,
    added: bool,
    amounts: tuple[int, int],
    numbers: dict[str, int],
) -> LiquidityChanged:
    coin = _sides_of(step, pool)
    base, quote = sides(*amounts, base_is_0=coin.base_is_a)
    return LiquidityChanged(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=pool,
        added=added,
        base_amount=base,
        quote_amount=quote,
        base_reserve=-1,
        quote_reserve=-1,
        slot=context.slot,
        signature=context.signature,
        index=index,
        base_mint=coin.base_mint,
        numbers=numbers,
    )


# ── without events ────────────────────────────────────────────────────────


def _by_transfers(step: Step, context: Context) -> list[Event]:
    """Return what an instruction that emitted nothing did, by the transfers inside it."""
    head = step.data[:8]
    table = SWAPS.get(head) or ADDITIONS.get(head) or REMOVALS.get(head)
    if table is None or not step.children or len(step.accounts) < len(table):
        return []
    named = _named(table, step)
    vaults = named["token_vault_a"], named["token_vault_b"]
    came, went = [0, 0], [0, 0]
    for child in step.children:
        source, target, amount = _transfer(child)
        for side, vault in enumerate(vaults):
            came[side] += amount if target == vault else 0
            went[side] += amount if source == vault else 0
    pool = named["whirlpool"]
    if head not in SWAPS:
        amounts = came if head in ADDITIONS else went
        return [_moved(step, context, 0, pool, head in ADDITIONS, (amounts[0], amounts[1]), {})]
    a_to_b = came[0] > 0
    paid, received = (came[0], went[1]) if a_to_b else (came[1], went[0])
    return [_swapped(step, context, 0, pool, a_to_b, (paid, received), {})] if paid else []


def _transfer(step: Step) -> tuple[Pubkey, Pubkey, int]:
    """Return source, target and amount of a token transfer; zero keys for any other instruction."""
    data, accounts = step.data, step.accounts
    at, checked = _TRANSFERS.get(data[0] if data else 0, 0), data[:1] == b"\x0c"
    if data[:2] == _TRANSFER_WITH_FEE:
        at, checked = 2, True
    if not at or step.program not in (TOKEN, TOKEN_2022) or len(accounts) < 3 or len(data) < at + 8:
        return ZERO_KEY, ZERO_KEY, 0
    return accounts[0], accounts[2 if checked else 1], int.from_bytes(data[at : at + 8], "little")
