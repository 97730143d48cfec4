"""What Meteora DAMM v2 did, from its instructions and the events it sends to itself.

initialize_pool, _with_dynamic_config, initialize_customizable_pool (+ EvtInitializePool) -> PoolCreated
EvtSwap2 -> Swapped; EvtLiquidityChange -> LiquidityChanged

The program logs no event: where only logs are carried, a creation is `Incomplete` and
trades are not seen. Token A is the coin unless it alone is a known quote.

Source: MeteoraAg/damm-v2, instructions/* and event.rs.
"""

from __future__ import annotations

from collections.abc import Mapping

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.meteora_damm_v2_curve import root_of_reserves
from sniperforge.dex.meteora_damm_v2_layouts import (
    ADD_LIQUIDITY,
    AUTHORITY,
    COMPOUNDING,
    FEE_MAX,
    INITIALIZE_CUSTOMIZABLE,
    INITIALIZE_CUSTOMIZABLE_LAYOUT,
    INITIALIZE_EVENT,
    INITIALIZE_EVENT_LAYOUT,
    INITIALIZE_POOL,
    INITIALIZE_WITH_DYNAMIC_CONFIG,
    LIQUIDITY_EVENT,
    LIQUIDITY_EVENT_LAYOUT,
    NAME,
    PROGRAM,
    REMOVE_ALL_LIQUIDITY,
    REMOVE_LIQUIDITY,
    SWAP,
    SWAP2,
    SWAP2_EVENT,
    SWAP2_EVENT_LAYOUT,
    fee_numbers,
)
from sniperforge.dex.programs import pda
from sniperforge.dex.token_pair import base_is_first, first_difference
from sniperforge.dex.venue import Context, Incomplete, Reading, Step, disbelieved

#: What a creation lists, by instruction; one made from a config names it.
_CREATION = (
    "token_a_mint token_b_mint base_vault quote_vault payer_token_a payer_token_b token_a_program token_b_program"
)
_CREATIONS: dict[bytes, list[str]] = {
    INITIALIZE_POOL: f"creator nft nft_account payer config authority pool position {_CREATION}".split(),
    INITIALIZE_WITH_DYNAMIC_CONFIG: (
        f"creator nft nft_account payer signer config authority pool position {_CREATION}".split()
    ),
    INITIALIZE_CUSTOMIZABLE: f"creator nft nft_account payer authority pool position {_CREATION}".split(),
}
_CREATION_LOGS = frozenset(
    f"Instruction: Initialize{name}" for name in ("Pool", "PoolWithDynamicConfig", "CustomizablePool")
)
#: Where the mints stand, by instruction.
_MINTS = {SWAP: 6, SWAP2: 6, ADD_LIQUIDITY: 6, REMOVE_LIQUIDITY: 7, REMOVE_ALL_LIQUIDITY: 7}
_SLOT_MS = 400


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did, in order; `index` counts its events.

    Raises:
        DecodeError: an event or a creation that cannot be what its discriminator says.
    """
    head, readings = step.data[:8], list[Reading]()
    if head in _CREATIONS:
        told = next((one for one in step.events if one[:8] == INITIALIZE_EVENT), b"")
        readings.append(_created(step, context, told))
    elif not step.accounts and not _CREATION_LOGS.isdisjoint(step.logs):
        readings.append(Incomplete(f"{NAME}: a creation logs no event, the inner instructions tell it"))
    for index, payload in enumerate(step.events):
        if payload[:8] == SWAP2_EVENT:
            readings.append(_swapped(SWAP2_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX), step, context, index))
        elif payload[:8] == LIQUIDITY_EVENT:
            event = LIQUIDITY_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX)
            readings.append(_liquidity(event, step, context, index))
    return readings


# ── creations ─────────────────────────────────────────────────────────────


def _created(step: Step, context: Context, payload: bytes) -> Reading:
    names = _CREATIONS[step.data[:8]]
    if len(step.accounts) < len(names):
        raise DecodeError(f"{NAME}: a creation lists {len(names)} accounts, got {len(step.accounts)}; the list is cut")
    listed = dict(zip(names, step.accounts, strict=False))
    if payload:
        event = INITIALIZE_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX)
        told = {name: event.keys[name] for name in ("pool", "token_a_mint", "token_b_mint", "creator", "payer")}
        difference = first_difference(told, {name: listed[name] for name in told})
        if difference:
            return disbelieved(NAME, "instruction", context, {"event": difference})
        return _creation(context, listed, event.ints, believed_by="event+instruction")
    if step.data[:8] == INITIALIZE_POOL:
        return Incomplete(f"{NAME}: a creation from a config names its fees in the event, which this source lacks")
    # Anchor ignores bytes behind the arguments: such a creation is one too.
    ints = INITIALIZE_CUSTOMIZABLE_LAYOUT.decode(step.data, 8, tail_max=len(step.data)).ints
    return _creation(context, listed, {**ints, **_unsaid(ints, context)}, believed_by="instruction")


def _unsaid(ints: Mapping[str, int], context: Context) -> dict[str, int]:
    """Return what the program works out itself and only its event tells."""
    now = _seconds(context) if ints["activation_type"] else context.slot
    root, depth = ints["sqrt_price"], ints["liquidity"]
    if not 0 < root <= ints["sqrt_max_price"] or ints["sqrt_min_price"] > root:
        raise DecodeError(f"{NAME}: a creation starts outside its range of prices; these bytes are something else")
    is_compounding = ints["collect_fee_mode"] == COMPOUNDING
    lowest, highest = (0, 0) if is_compounding else (ints["sqrt_min_price"], ints["sqrt_max_price"])
    reserve_a = -(-depth // root) if is_compounding else liquidity.first_between(root, highest, depth, up=True)
    return {
        "activation_point": ints["activation_point"] if ints["activation_point?"] else now,
        "token_a_amount": reserve_a,
        "token_b_amount": liquidity.second_between(lowest, root, depth, up=True),
    }


def _creation(
    context: Context, listed: Mapping[str, Pubkey], ints: Mapping[str, int], *, believed_by: str
) -> PoolCreated:
    first = base_is_first(listed["token_a_mint"], listed["token_b_mint"])
    base, quote = ("a", "b") if first else ("b", "a")
    vaults = {"a": listed["base_vault"], "b": listed["quote_vault"]}
    pool = Pool(
        venue=NAME,
        address=listed["pool"],
        base_mint=listed[f"token_{base}_mint"],
        quote_mint=listed[f"token_{quote}_mint"],
        base_program=listed[f"token_{base}_program"],
        quote_program=listed[f"token_{quote}_program"],
        base_reserve=ints[f"token_{base}_amount"],
        quote_reserve=ints[f"token_{quote}_amount"],
        keys={
            "authority": listed["authority"],
            "base_vault": vaults[base],
            "quote_vault": vaults[quote],
            **({"config": listed["config"]} if "config" in listed else {}),
        },
        numbers={"base_is_0": int(first), **_numbers(ints, context)},
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=listed["creator"],
        user=listed["payer"],
        open_time=_open_time(ints, context),
        slot=context.slot,
        signature=context.signature,
        index=0,
        believed_by=believed_by,
        late=context.late,
        source=context.source,
    )


def _numbers(ints: Mapping[str, int], context: Context) -> dict[str, int]:
    if ints["collect_fee_mode"] > COMPOUNDING or ints["activation_type"] > 1:
        raise DecodeError(f"{NAME}: a creation of a kind nobody knows; the program was upgraded")
    root = ints["sqrt_price"]
    if ints["collect_fee_mode"] == COMPOUNDING:
        root = root_of_reserves(ints["token_a_amount"], ints["token_b_amount"])
    return {
        **fee_numbers(ints, "pool_fees."),
        "fee_max": FEE_MAX[1],
        "status": 0,
        "collect_fee_mode": ints["collect_fee_mode"],
        "activation_type": ints["activation_type"],
        "activation_point": ints["activation_point"],
        # It trades from the activation on: whoever asks earlier asks for then.
        "point": ints["activation_point"],
        **liquidity.split("sqrt_price", root),
        **liquidity.split("init_sqrt_price", root),
        **liquidity.split("sqrt_min_price", ints["sqrt_min_price"]),
        **liquidity.split("sqrt_max_price", ints["sqrt_max_price"]),
        **liquidity.split("liquidity", ints["liquidity"]),
    }


def _seconds(context: Context) -> int:
    return context.block_time or context.recv_ns // NANOS_PER_SECOND


def _open_time(ints: Mapping[str, int], context: Context) -> int:
    """Return when trading starts; a slot to come is taken for 400 ms each."""
    if ints["activation_type"]:
        return ints["activation_point"]
    slots = max(ints["activation_point"] - context.slot, 0)
    return _seconds(context) + slots * _SLOT_MS // 1000 if slots else 0


# ── trades and liquidity ──────────────────────────────────────────────────


def _mints(step: Step) -> tuple[Pubkey, ...]:
    place = _MINTS.get(step.data[:8])
    return step.accounts[place : place + 2] if place and len(step.accounts) > place + 1 else ()


def _swapped(event: Record, step: Step, context: Context, index: int) -> Swapped:
    ints, mints = event.ints, _mints(step)
    if ints["trade_direction"] > 1:
        raise DecodeError(f"{NAME}: an EvtSwap2 sells A (0) or B (1); these bytes are something else")
    first = not mints or base_is_first(*mints)
    is_buy = (ints["trade_direction"] == 1) is first
    paid, received = ints["included_transfer_fee_amount_in"], ints["excluded_transfer_fee_amount_out"]
    reserves = (ints["reserve_a_amount"], ints["reserve_b_amount"])
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=event.keys["pool"],
        base_mint=mints[not first] if mints else ZERO_KEY,
        trader=step.accounts[8] if mints and len(step.accounts) > 8 else context.signer,
        is_buy=is_buy,
        base_amount=received if is_buy else paid,
        quote_amount=paid if is_buy else received,
        base_reserve=reserves[not first],
        quote_reserve=reserves[first],
        slot=context.slot,
        signature=context.signature,
        index=index,
        numbers={
            **liquidity.split("sqrt_price", ints["swap_result.next_sqrt_price"]),
            "seconds": ints["current_timestamp"],
        },
    )


def _liquidity(event: Record, step: Step, context: Context, index: int) -> LiquidityChanged:
    ints, mints = event.ints, _mints(step)
    if ints["change_type"] > 1:
        raise DecodeError(f"{NAME}: an EvtLiquidityChange adds (0) or removes (1); these bytes are something else")
    first = not mints or base_is_first(*mints)
    amounts = (ints["token_a_amount"], ints["token_b_amount"])
    reserves = (ints["reserve_a_amount"], ints["reserve_b_amount"])
    return LiquidityChanged(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=event.keys["pool"],
        added=ints["change_type"] == 0,
        base_amount=amounts[not first],
        quote_amount=amounts[first],
        base_reserve=reserves[not first],
        quote_reserve=reserves[first],
        slot=context.slot,
        signature=context.signature,
        index=index,
        base_mint=mints[not first] if mints else ZERO_KEY,
        numbers=liquidity.split("liquidity_delta", ints["liquidity_delta"]),
    )


def verify(created: PoolCreated) -> str:
    """Return "" when every derived address of the creation is right, else the first that is not."""
    pool = created.pool
    smaller, larger = sorted((pool.base_mint, pool.quote_mint))
    config = pool.keys.get("config")
    seeds = (b"pool", config, larger, smaller) if config else (b"cpool", larger, smaller)
    derived = {
        "authority": AUTHORITY,
        "pool": pda(PROGRAM, *seeds),
        "base_vault": pda(PROGRAM, b"token_vault", pool.base_mint, pool.address),
        "quote_vault": pda(PROGRAM, b"token_vault", pool.quote_mint, pool.address),
    }
    return first_difference({"pool": pool.address, **pool.keys}, derived)
