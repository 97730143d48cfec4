"""What Meteora's bonding curve did, from its instructions and the events it sends to itself.

initialize_virtual_pool_with_spl_token, _with_token2022 (+ EvtInitializePool) -> PoolCreated
EvtSwap2 (EvtSwap before it existed) -> Swapped; EvtCurveComplete -> CurveCompleted
migration_damm_v2, migrate_meteora_damm -> PoolMigrated

The program logs no event: where only logs are carried, creations and migrations are
`Incomplete` and trades are not seen. A creation names its config, where curve and fees
stand: its pool can be quoted once it is loaded with that account.

Source: MeteoraAg/dynamic-bonding-curve, instructions/* and event.rs.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, LaunchDisbelieved, Pool, PoolCreated, PoolMigrated, Swapped
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.meteora_dbc_layouts import (
    AUTHORITY,
    COMPLETE_EVENT,
    COMPLETE_EVENT_LAYOUT,
    EVERY_SWAP,
    INITIALIZE_EVENT,
    INITIALIZE_EVENT_LAYOUT,
    INITIALIZE_LAYOUT,
    INITIALIZE_WITH_SPL_TOKEN,
    INITIALIZE_WITH_TOKEN_2022,
    MIGRATE_TO_DAMM_V1,
    MIGRATE_TO_DAMM_V2,
    NAME,
    PROGRAM,
    SWAP,
    SWAP2,
    SWAP2_EVENT,
    SWAP2_EVENT_LAYOUT,
    SWAP_EVENT,
    SWAP_EVENT_LAYOUT,
)
from sniperforge.dex.programs import pda
from sniperforge.dex.token_pair import first_difference
from sniperforge.dex.venue import Context, Incomplete, Reading, Step, disbelieved

#: Accounts a creation has at least, and where payer, quote and coin program stand.
_CREATIONS = {INITIALIZE_WITH_SPL_TOKEN: (16, 10, 11, 12), INITIALIZE_WITH_TOKEN_2022: (14, 8, 9, 10)}
_CREATION_LOGS = frozenset(
    ("Instruction: InitializeVirtualPoolWithSplToken", "Instruction: InitializeVirtualPoolWithToken2022")
)
_MIGRATION_LOGS = frozenset(("Instruction: MigrationDammV2", "Instruction: MigrateMeteoraDamm"))
#: By migration: the venue the coin moves to, where the coin is listed. Both list the curve
#: first and the new pool fifth.
_MIGRATIONS = {MIGRATE_TO_DAMM_V2: ("meteora_damm_v2", 13), MIGRATE_TO_DAMM_V1: ("meteora_damm_v1", 7)}
SWAP_ACCOUNTS = 15
#: What a swap takes beside the result: its event's names of paid, net and the fee's parts.
_FEES = ("trading_fee", "protocol_fee", "referral_fee")


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did, in order; `index` counts its events.

    Raises:
        DecodeError: an event, a creation or a migration that cannot be what it starts as.
    """
    head, readings = step.data[:8], list[Reading]()
    if head in _CREATIONS:
        readings.append(_created(step, context))
    elif head in _MIGRATIONS:
        readings.append(_migrated(step, context))
    elif not step.accounts:
        if not _CREATION_LOGS.isdisjoint(step.logs):
            readings.append(Incomplete(f"{NAME}: a creation logs no event, the instruction names its mint"))
        if not _MIGRATION_LOGS.isdisjoint(step.logs):
            readings.append(Incomplete(f"{NAME}: a migration logs no event, the instruction names both pools"))
    # A trade is told twice since EvtSwap2 exists.
    is_told_twice = any(payload[:8] == SWAP2_EVENT for payload in step.events)
    for index, payload in enumerate(step.events):
        kind = payload[:8]
        if kind == SWAP2_EVENT:
            readings.append(_swapped2(SWAP2_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX), step, context, index))
        elif kind == SWAP_EVENT and not is_told_twice:
            readings.append(_swapped1(SWAP_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX), step, context, index))
        elif kind == COMPLETE_EVENT:
            event = COMPLETE_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX)
            readings.append(_completed(event, step, context, index))
    return readings


# ── creations and migrations ──────────────────────────────────────────────


def _created(step: Step, context: Context) -> PoolCreated | LaunchDisbelieved:
    accounts, (accounts_min, payer_at, quote_at, base_at) = step.accounts, _CREATIONS[step.data[:8]]
    if len(accounts) < accounts_min:
        raise DecodeError(f"{NAME}: a creation has {accounts_min} accounts, got {len(accounts)}; the list is cut")
    # Anchor ignores bytes behind the arguments: such a creation is one too.
    texts = INITIALIZE_LAYOUT.decode(step.data, 8, tail_max=len(step.data)).texts
    config, authority, creator, base_mint, quote_mint, address, base_vault, quote_vault = accounts[:8]
    point, believed_by = 0, "instruction"
    payload = next((one for one in step.events if one[:8] == INITIALIZE_EVENT), b"")
    if payload:
        event = INITIALIZE_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX)
        listed = {"pool": address, "config": config, "creator": creator, "base_mint": base_mint}
        difference = first_difference(event.keys, listed)
        if difference:
            return disbelieved(NAME, "instruction", context, {"event": difference})
        point, believed_by = event.ints["activation_point"], "event+instruction"
    pool = Pool(
        venue=NAME,
        address=address,
        base_mint=base_mint,
        quote_mint=quote_mint,
        base_program=accounts[base_at],
        quote_program=accounts[quote_at],
        base_reserve=0,
        quote_reserve=0,
        keys={
            "authority": authority,
            "config": config,
            "base_vault": base_vault,
            "quote_vault": quote_vault,
            "creator": creator,
        },
        # No curve yet, see `CurveUnknown`. The sysvar some configs want is taken by all.
        numbers={
            "base_is_0": 1,
            "curve_points": 0,
            "sees_instructions": EVERY_SWAP,
            "activation_point": point,
            "real_quote_reserve": 0,
        },
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=creator,
        user=accounts[payer_at],
        open_time=0,
        slot=context.slot,
        signature=context.signature,
        index=0,
        believed_by=believed_by,
        late=context.late,
        source=context.source,
        name=texts["name"],
        symbol=texts["symbol"],
        uri=texts["uri"],
    )


def _migrated(step: Step, context: Context) -> PoolMigrated:
    venue, mint_at = _MIGRATIONS[step.data[:8]]
    if len(step.accounts) <= mint_at:
        raise DecodeError(f"{NAME}: a migration lists more than {mint_at} accounts, got {len(step.accounts)}")
    return PoolMigrated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=step.accounts[0],
        base_mint=step.accounts[mint_at],
        new_venue=venue,
        new_pool=step.accounts[4],
        slot=context.slot,
        signature=context.signature,
        index=0,
    )


# ── trades ────────────────────────────────────────────────────────────────


def _listed(step: Step) -> tuple[Pubkey, Pubkey] | None:
    """Return coin and trader as a swap lists them."""
    is_swap = step.data[:8] in (SWAP, SWAP2) and len(step.accounts) >= SWAP_ACCOUNTS
    return (step.accounts[7], step.accounts[9]) if is_swap else None


def _swapped2(event: Record, step: Step, context: Context, index: int) -> Swapped:
    ints = event.ints
    paid, net = ints["swap_result.included_fee_input_amount"], ints["swap_result.excluded_fee_input_amount"]
    return _swapped(event, step, context, index, paid=paid, net=net, quote_reserve=ints["quote_reserve_amount"])


def _swapped1(event: Record, step: Step, context: Context, index: int) -> Swapped:
    net = event.ints["swap_result.actual_input_amount"]
    return _swapped(event, step, context, index, paid=event.ints["amount_in"], net=net, quote_reserve=-1)


def _swapped(
    event: Record, step: Step, context: Context, index: int, *, paid: int, net: int, quote_reserve: int
) -> Swapped:
    ints = event.ints
    if ints["trade_direction"] > 1 or net > paid:
        raise DecodeError(f"{NAME}: a swap event sells (0) or buys (1) for what was paid; these bytes are another's")
    is_buy = ints["trade_direction"] == 1
    received = ints["swap_result.output_amount"]
    # Where nothing was taken from the input, the fee was taken from the output.
    gross = received + (sum(ints[f"swap_result.{name}"] for name in _FEES) if net == paid else 0)
    listed = _listed(step)
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=event.keys["pool"],
        base_mint=listed[0] if listed else ZERO_KEY,
        trader=listed[1] if listed else context.signer,
        is_buy=is_buy,
        base_amount=received if is_buy else paid,
        quote_amount=paid if is_buy else received,
        base_reserve=-1,
        quote_reserve=quote_reserve,
        slot=context.slot,
        signature=context.signature,
        index=index,
        numbers={
            **liquidity.split("sqrt_price", ints["swap_result.next_sqrt_price"]),
            "seconds": ints["current_timestamp"],
            "base_moved": gross if is_buy else net,
            "quote_moved": net if is_buy else gross,
        },
    )


def _completed(event: Record, step: Step, context: Context, index: int) -> CurveCompleted:
    listed = _listed(step)
    return CurveCompleted(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=event.keys["pool"],
        base_mint=listed[0] if listed else ZERO_KEY,
        slot=context.slot,
        signature=context.signature,
        index=index,
    )


def verify(created: PoolCreated) -> str:
    """Return "" when every derived address of the creation is right, else the first that is not."""
    pool = created.pool
    smaller, larger = sorted((pool.base_mint, pool.quote_mint))
    derived = {
        "authority": AUTHORITY,
        "pool": pda(PROGRAM, b"pool", pool.keys["config"], larger, smaller),
        "base_vault": pda(PROGRAM, b"token_vault", pool.base_mint, pool.address),
        "quote_vault": pda(PROGRAM, b"token_vault", pool.quote_mint, pool.address),
    }
    return first_difference({"pool": pool.address, **pool.keys}, derived)
