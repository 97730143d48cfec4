"""What Raydium LaunchLab did, from its instructions and events.

initialize, initialize_v2, initialize_with_token_2022 + PoolCreateEvent -> PoolCreated
TradeEvent -> Swapped, and CurveCompleted when it sold the last coin
migrate_to_amm, migrate_to_cpswap -> PoolMigrated

PoolCreateEvent names no mint: where only logs are carried, a creation is `Incomplete`,
and a trade is told with `base_mint` zero. Reserves are virtual ones, see `reserves`.

Source: IDL raydium_launchpad 0.2.0; recorded mainnet transactions.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, LaunchDisbelieved, Pool, PoolCreated, PoolMigrated, Swapped
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import raydium_launchlab_curve as curve
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.programs import pda
from sniperforge.dex.raydium_launchlab_layouts import (
    AUTHORITY,
    BUY_EXACT_IN,
    BUY_EXACT_OUT,
    INITIALIZE,
    INITIALIZE_LAYOUT,
    INITIALIZE_V2,
    INITIALIZE_WITH_TOKEN_2022,
    INITIALIZE_WITH_TOKEN_2022_LAYOUT,
    MIGRATE_TO_AMM,
    MIGRATE_TO_CPSWAP,
    NAME,
    POOL_CREATE_EVENT,
    POOL_CREATE_EVENT_LAYOUT,
    PROGRAM,
    SELL_EXACT_IN,
    SELL_EXACT_OUT,
    STATUS_FUND,
    STATUS_MIGRATE,
    TRADE_EVENT,
    decode_trade_event,
)
from sniperforge.dex.token_pair import first_difference
from sniperforge.dex.venue import Context, EmptyPool, Incomplete, Reading, Step, disbelieved

#: Fees a creation does not tell: of the usual configs (mainnet, 2025-10), per million.
TRADE_FEE_RATES = {key("6s1xP3hpbAfFoNtUNF8mfHsjr2Bd97JxFJRWLbL6aHuX"): 2_500}
PLATFORM_FEE_RATES = {key("FfYek5vEz23cMkWsdJwG2oa6EphsvXSHrGpdALN4g6W1"): (10_000, 500)}
TRADE_FEE_RATE_USUAL, PLATFORM_FEE_RATES_USUAL = 2_500, (10_000, 500)

#: Accounts a creation has at least, and where the coin's token program stands (the quote's follows).
_CREATIONS = {INITIALIZE: (18, 11), INITIALIZE_V2: (18, 11), INITIALIZE_WITH_TOKEN_2022: (15, 10)}
_CREATION_LOGS = frozenset(
    ("Instruction: Initialize", "Instruction: InitializeV2", "Instruction: InitializeWithToken2022")
)
_MIGRATION_LOGS = frozenset(("Instruction: MigrateToAmm", "Instruction: MigrateToCpswap"))
_TRADES = frozenset((BUY_EXACT_IN, BUY_EXACT_OUT, SELL_EXACT_IN, SELL_EXACT_OUT))
TRADE_ACCOUNTS = 15

#: By migration: the venue, its program, how its creation starts and where it lists the
#: pool; and where the migration itself lists it.
_MIGRATIONS = {
    MIGRATE_TO_AMM: ("raydium_amm_v4", key("675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8"), b"\x01", 4, 13),
    MIGRATE_TO_CPSWAP: ("raydium_cpmm", key("CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C"), INITIALIZE, 3, 5),
}


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did, in order; `index` counts its events.

    Raises:
        DecodeError: an event, a creation or a migration that cannot be what it starts as.
    """
    # Every event is both logged and sent to itself: whoever lists both means one.
    events = tuple(dict.fromkeys(step.events))
    head = step.data[:8]
    if head in _CREATIONS:
        told = next((one for one in events if one[:8] == POOL_CREATE_EVENT), b"")
        return [_created(step, context, told)]
    if head in _MIGRATIONS:
        return [_migrated(step, context)]
    readings: list[Reading] = []
    if not step.accounts:
        if any(one[:8] == POOL_CREATE_EVENT for one in events) or not _CREATION_LOGS.isdisjoint(step.logs):
            readings.append(Incomplete(f"{NAME}: the event of a creation names no mint, the instruction does"))
        if not _MIGRATION_LOGS.isdisjoint(step.logs):
            readings.append(Incomplete(f"{NAME}: a migration emits no event, the instruction names both pools"))
    for index, payload in enumerate(events):
        if payload[:8] == TRADE_EVENT:
            readings += _traded(decode_trade_event(payload), step, context, index)
    return readings


# ── creations ─────────────────────────────────────────────────────────────


def _created(step: Step, context: Context, payload: bytes) -> PoolCreated | LaunchDisbelieved:
    accounts, (accounts_min, program_at) = step.accounts, _CREATIONS[step.data[:8]]
    if len(accounts) < accounts_min:
        raise DecodeError(f"{NAME}: a creation has {accounts_min} accounts, got {len(accounts)}; the list is cut")
    with_fee = step.data[:8] == INITIALIZE_WITH_TOKEN_2022
    codec = INITIALIZE_WITH_TOKEN_2022_LAYOUT if with_fee else INITIALIZE_LAYOUT
    # Anchor ignores bytes behind the arguments, and the SDK writes ten of them.
    record = codec.decode(step.data, 8, tail_max=len(step.data))
    believed_by = "instruction"
    if payload:
        event = POOL_CREATE_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX)
        listed = {"pool_state": accounts[5], "creator": accounts[1], "config": accounts[2]}
        difference = first_difference(event.keys, listed)
        if difference:
            return disbelieved(NAME, "instruction", context, {"event": difference})
        believed_by = "event+instruction"
    numbers = _numbers(record, accounts[2], accounts[3])
    new = curve.Curve(
        numbers["curve_type"], numbers["virtual_base"], numbers["virtual_quote"], 0, 0, numbers["total_base_sell"]
    )
    base_reserve, quote_reserve = reserves(new)
    pool = Pool(
        venue=NAME,
        address=accounts[5],
        base_mint=accounts[6],
        quote_mint=accounts[7],
        base_program=accounts[program_at],
        quote_program=accounts[program_at + 1],
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        keys={
            "global_config": accounts[2],
            "platform_config": accounts[3],
            "authority": accounts[4],
            "base_vault": accounts[8],
            "quote_vault": accounts[9],
            "creator": accounts[1],
        },
        numbers=numbers,
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=accounts[1],
        user=accounts[0],
        open_time=0,
        slot=context.slot,
        signature=context.signature,
        index=0,
        believed_by=believed_by,
        late=context.late,
        source=context.source,
        name=record.texts["mint.name"],
        symbol=record.texts["mint.symbol"],
        uri=record.texts["mint.uri"],
    )


def _numbers(record: Record, global_config: Pubkey, platform_config: Pubkey) -> dict[str, int]:
    ints = record.ints
    kind, raising = ints["curve"], ints["curve.total_quote_fund_raising"]
    try:
        # The migrate fee stands in the global config; it is 0 in the usual one, where
        # this gives the numbers mainnet's first trades show.
        start = curve.start(
            kind,
            supply=ints["curve.supply"],
            total_base_sell=ints.get("curve.total_base_sell", 0),
            raising=raising,
            locked=ints["vesting.total_locked_amount"],
            migrate_fee=0,
        )
    except EmptyPool as problem:
        raise DecodeError(str(problem)) from None
    platform, creator = PLATFORM_FEE_RATES.get(platform_config, PLATFORM_FEE_RATES_USUAL)
    known = global_config in TRADE_FEE_RATES and platform_config in PLATFORM_FEE_RATES
    numbers = {
        "curve_type": kind,
        "virtual_base": start.virtual_base,
        "virtual_quote": start.virtual_quote,
        "total_base_sell": start.total_base_sell,
        "total_quote_fund_raising": raising,
        "supply": ints["curve.supply"],
        "migrate_type": ints["curve.migrate_type"],
        "trade_fee_rate": TRADE_FEE_RATES.get(global_config, TRADE_FEE_RATE_USUAL),
        "platform_fee_rate": platform,
        "creator_fee_rate": creator,
        "fee_assumed": int(not known),
        "status": STATUS_FUND,
        "base_decimals": ints["mint.decimals"],
    }
    if ints.get("transfer_fee?"):
        numbers["base_transfer_fee_bps"] = ints["transfer_fee.basis_points"]
        numbers["base_transfer_fee_max"] = ints["transfer_fee.maximum"]
    return numbers


def reserves(state: curve.Curve) -> tuple[int, int]:
    """Return the base and quote reserve that stand for *state* in a Pool and in trades.

    Constant product and fixed price: (virtual_base - real_base, virtual_quote +
    real_quote), whose ratio is the price of the constant one. Linear, which has no
    virtual quote: (left to sell, raised).
    """
    if state.kind == curve.LINEAR:
        return state.total_base_sell - state.real_base, state.real_quote
    return state.virtual_base - state.real_base, state.virtual_quote + state.real_quote


# ── trades and migrations ─────────────────────────────────────────────────


def _traded(record: Record, step: Step, context: Context, index: int) -> list[Reading]:
    ints, pool = record.ints, record.keys["pool_state"]
    listed = step.data[:8] in _TRADES and len(step.accounts) >= TRADE_ACCOUNTS
    base_mint = step.accounts[9] if listed else ZERO_KEY
    is_buy = ints["trade_direction"] == 0
    # Only a linear curve has no virtual quote; which of the other two it is does not matter here.
    kind = curve.CONSTANT if ints["virtual_quote"] else curve.LINEAR
    state = curve.Curve(
        kind,
        ints["virtual_base"],
        ints["virtual_quote"],
        ints["real_base_after"],
        ints["real_quote_after"],
        ints["total_base_sell"],
    )
    base_reserve, quote_reserve = reserves(state)
    if base_reserve < 0:
        raise DecodeError(f"{NAME}: a TradeEvent sold more than there was; these bytes are something else")
    amounts = (ints["amount_out"], ints["amount_in"]) if is_buy else (ints["amount_in"], ints["amount_out"])
    readings: list[Reading] = [
        Swapped(
            ts_ns=context.now_ns,
            origin_ns=context.recv_ns,
            venue=NAME,
            pool=pool,
            base_mint=base_mint,
            trader=step.accounts[0] if listed else context.signer,
            is_buy=is_buy,
            base_amount=amounts[0],
            quote_amount=amounts[1],
            base_reserve=base_reserve,
            quote_reserve=quote_reserve,
            slot=context.slot,
            signature=context.signature,
            index=index,
        )
    ]
    if ints["pool_status"] == STATUS_MIGRATE:
        readings.append(
            CurveCompleted(
                ts_ns=context.now_ns,
                origin_ns=context.recv_ns,
                venue=NAME,
                pool=pool,
                base_mint=base_mint,
                slot=context.slot,
                signature=context.signature,
                index=index,
            )
        )
    return readings


def _migrated(step: Step, context: Context) -> PoolMigrated:
    accounts = step.accounts
    venue, program, head, pool_at, listed_at = _MIGRATIONS[step.data[:8]]
    if len(accounts) <= listed_at:
        raise DecodeError(f"{NAME}: a migration lists more than {listed_at} accounts, got {len(accounts)}")
    pool = pda(PROGRAM, b"pool", accounts[1], accounts[2])
    if pool not in accounts:
        raise DecodeError(f"{NAME}: a migration lists its pool, derived {text(pool)}; the account list changed")
    made = (one.accounts for one in step.children if one.program == program and one.data.startswith(head))
    new_pool = next((one[pool_at] for one in made if len(one) > pool_at), accounts[listed_at])
    return PoolMigrated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=pool,
        base_mint=accounts[1],
        new_venue=venue,
        new_pool=new_pool,
        slot=context.slot,
        signature=context.signature,
        index=0,
    )


def verify(created: PoolCreated) -> str:
    """Return "" when every derived address of the creation is right, else the first that is not."""
    pool = created.pool
    claimed = {"pool_state": pool.address, **pool.keys}
    derived = {
        "authority": AUTHORITY,
        "pool_state": pda(PROGRAM, b"pool", pool.base_mint, pool.quote_mint),
        "base_vault": pda(PROGRAM, b"pool_vault", pool.address, pool.base_mint),
        "quote_vault": pda(PROGRAM, b"pool_vault", pool.address, pool.quote_mint),
    }
    return first_difference(claimed, derived)
