"""What one invocation of Meteora DLMM says: pairs opened, trades, liquidity put in and taken out.

step -> PoolCreated, Swapped, LiquidityChanged | LaunchDisbelieved | Incomplete

Events come as calls of the program to itself, never as log lines, so only a source with
inner instructions has them. LbPairCreate names pair, bin step and mints; the
instruction beside it adds the rest and must agree. A pair is born without liquidity: its
reserves are zero until somebody adds some.

A trade tells no reserves; it tells the bin it stopped in and its time, as
`numbers["active_id"]` and `numbers["now"]`, from which `apply` follows the bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.meteora_dlmm_layouts import (
    ADD_LIQUIDITY,
    ARGUMENTS_TAIL_MAX,
    BIN_ID_MAX,
    CREATIONS,
    CUSTOMIZABLE_BASE,
    EVENTS,
    INITIALIZE_CUSTOMIZABLE,
    INITIALIZE_CUSTOMIZABLE2,
    INITIALIZE_PERMISSION,
    LB_PAIR_CREATE,
    NAME,
    REMOVE_LIQUIDITY,
    SWAP2_EVENT,
    SWAP_EVENT,
    SWAPS,
    oracle_address,
    pair_address,
)
from sniperforge.dex.programs import TOKEN, TOKEN_2022
from sniperforge.dex.token_pair import base_is_first
from sniperforge.dex.venue import Context, Incomplete, Reading, Step, disbelieved

_SWAP_ACCOUNTS = 15
_TIMESTAMP = 1
_CUSTOMIZABLE = (INITIALIZE_CUSTOMIZABLE, INITIALIZE_CUSTOMIZABLE2)
#: Token instructions that move tokens -> where the receiving account stands.
_TRANSFERS = {3: 1, 12: 2}
_TRANSFER_FEE_EXTENSION, _TRANSFER_WITH_FEE = 26, 1


class _Trade(NamedTuple):
    """One trade in the pair's own terms; `numbers` as in `Swapped`."""

    pair: Pubkey
    trader: Pubkey
    amount_in: int
    amount_out: int
    x_to_y: bool
    numbers: dict[str, int]


# ── reading ───────────────────────────────────────────────────────────────


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did; only facts, see `verify`.

    Raises:
        DecodeError: an event of a trade or of liquidity does not fit its layout.
    """
    readings: list[Reading] = []
    created = 0
    kinds = [payload[:8] for payload in step.events]
    # Since 2026 a trade is told twice, in the old form and in the new one.
    trade = SWAP_EVENT if SWAP_EVENT in kinds else SWAP2_EVENT
    for kind, payload in zip(kinds, step.events, strict=True):
        if kind == LB_PAIR_CREATE:
            readings.append(_created_by_event(payload, step, context, created))
            created += 1
        elif kind == trade:
            readings.append(_swapped(_trade_of(_decoded(payload), context), step, context, len(readings)))
        elif kind in (ADD_LIQUIDITY, REMOVE_LIQUIDITY):
            readings.append(_liquidity(payload, context, len(readings)))
    if step.data[:8] in CREATIONS and not created:
        readings.append(_created(step, context, None, 0))
    elif step.data[:8] in SWAPS and trade not in kinds:
        readings += _swapped_by_transfers(step, context)
    elif not step.data and not step.events:
        readings += [Incomplete(f"{NAME}: {line}, but logs do not carry its accounts") for line in _opened(step.logs)]
    return readings


def _opened(logs: Sequence[str]) -> list[str]:
    return [line for line in logs if line.startswith("Instruction: Initialize") and "LbPair" in line]


def verify(created: PoolCreated) -> str:
    """Return "" when pair and oracle are the addresses the program derives, else the first that is not.

    The reserves are taken as listed: one recorded pair of 2024 keeps its tokens in
    accounts no known rule derives.
    """
    pool = created.pool
    step = pool.numbers["bin_step"].to_bytes(2, "little") if "bin_step" in pool.numbers else b""
    factor = pool.numbers["base_factor"].to_bytes(2, "little") if "base_factor" in pool.numbers else b""
    mints = pool.base_mint, pool.quote_mint
    if "base" in pool.keys:
        candidates = [pair_address(*mints, before=pool.keys["base"], after=step)]
    elif "preset_parameter" in pool.keys:
        candidates = [pair_address(*mints, before=pool.keys["preset_parameter"])]
        if step:
            candidates += [pair_address(*mints, after=step + factor), pair_address(*mints, after=step)]
    else:
        candidates = [pair_address(*mints, before=CUSTOMIZABLE_BASE)]
    if pool.address not in candidates:
        return f"lb_pair: claimed {text(pool.address)}, derived {text(candidates[0])}"
    oracle = oracle_address(pool.address)
    claimed = pool.keys.get("oracle", ZERO_KEY)
    return "" if claimed == oracle else f"oracle: claimed {text(claimed)}, derived {text(oracle)}"


# ── creations ─────────────────────────────────────────────────────────────


def _created_by_event(payload: bytes, step: Step, context: Context, index: int) -> Reading:
    try:
        told = _decoded(payload)
    except DecodeError as problem:
        return disbelieved(NAME, "layout", context, {"problem": str(problem)})
    if step.data[:8] not in CREATIONS:
        return Incomplete(f"{NAME}: a pair was opened by an instruction nobody described; its price is not told")
    return _created(step, context, told, index)


def _created(step: Step, context: Context, told: Record | None, index: int) -> Reading:
    creation = CREATIONS[step.data[:8]]
    if len(step.accounts) < len(creation.names):
        return Incomplete(f"{NAME}: a creation lists {len(step.accounts)} accounts of {len(creation.names)}")
    keys = dict(zip(creation.names, step.accounts, strict=False))
    try:
        given = creation.arguments.decode(step.data, 8, tail_max=ARGUMENTS_TAIL_MAX).ints
    except DecodeError as problem:
        return disbelieved(NAME, "layout", context, {"problem": str(problem)})
    if abs(given["active_id"]) > BIN_ID_MAX:
        return disbelieved(NAME, "layout", context, {"problem": f"bin {given['active_id']} is beyond {BIN_ID_MAX}"})
    numbers = {name: value for name, value in given.items() if name in _KEPT}
    if told is not None:
        listed = keys["lb_pair"], keys["token_mint_x"], keys["token_mint_y"]
        claimed = told.keys["lb_pair"], told.keys["token_x"], told.keys["token_y"]
        if listed != claimed or numbers.get("bin_step", told.ints["bin_step"]) != told.ints["bin_step"]:
            return disbelieved(NAME, "instruction", context, {"pool": text(claimed[0]), "pool_listed": text(listed[0])})
        numbers["bin_step"] = told.ints["bin_step"]
    believed_by = "instruction" if told is None else "event+instruction"
    activation = given.get("activation_point", 0)
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=_pool(step.data[:8], keys, numbers, context),
        creator=keys["funder"],
        user=context.signer if context.signer != ZERO_KEY else keys["funder"],
        open_time=activation if given.get("activation_type") == _TIMESTAMP else 0,
        slot=context.slot,
        signature=context.signature,
        index=index,
        believed_by=believed_by,
        late=context.late,
        source=context.source,
    )


_KEPT = frozenset(("active_id", "bin_step", "base_factor", "base_fee_power_factor", "collect_fee_mode")) | {
    "activation_type",
    "activation_point",
}


def _pool(form: bytes, keys: dict[str, Pubkey], numbers: dict[str, int], context: Context) -> Pool:
    mints = keys["token_mint_x"], keys["token_mint_y"]
    # The first two creations know the classic token program alone.
    programs = keys.get("token_x_program", TOKEN), keys.get("token_y_program", TOKEN)
    base, quote = (0, 1) if base_is_first(*mints) else (1, 0)
    kept = ["reserve_x", "reserve_y", "oracle"]
    if form == INITIALIZE_PERMISSION:
        kept.append("base")
    elif form not in _CUSTOMIZABLE:
        kept.append("preset_parameter")
    return Pool(
        venue=NAME,
        address=keys["lb_pair"],
        base_mint=mints[base],
        quote_mint=mints[quote],
        base_program=programs[base],
        quote_program=programs[quote],
        base_reserve=0,
        quote_reserve=0,
        keys={name: keys[name] for name in kept},
        numbers={"base_is_0": int(base == 0), **numbers},
        slot=context.slot,
    )


# ── trades and liquidity ──────────────────────────────────────────────────


def _decoded(payload: bytes) -> Record:
    return EVENTS[payload[:8]][1].decode(payload, 8, tail_max=TAIL_MAX)


def _time(context: Context) -> int:
    """Return the second the program saw, or the nearest one known."""
    return context.block_time or context.recv_ns // NANOS_PER_SECOND


def _trade_of(event: Record, context: Context) -> _Trade:
    ints, keys = event.ints, event.keys
    numbers = {"active_id": ints["end_bin_id"], "now": _time(context)}
    x_to_y = ints["swap_for_y"] == 1
    return _Trade(keys["lb_pair"], keys["from"], ints["amount_in"], ints["amount_out"], x_to_y, numbers)


def _swapped(trade: _Trade, step: Step, context: Context, index: int) -> Swapped:
    mints: Sequence[Pubkey] = ()
    if step.data[:8] in SWAPS and len(step.accounts) >= _SWAP_ACCOUNTS and step.accounts[0] == trade.pair:
        mints = step.accounts[6:8]
    base, quote = (0, 1) if not mints or base_is_first(*mints) else (1, 0)
    amounts = trade.amount_in, trade.amount_out
    if not trade.x_to_y:
        amounts = trade.amount_out, trade.amount_in
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=trade.pair,
        base_mint=mints[base] if mints else ZERO_KEY,
        trader=trade.trader,
        is_buy=trade.x_to_y == (base == 1),
        base_amount=amounts[base],
        quote_amount=amounts[quote],
        base_reserve=-1,
        quote_reserve=-1,
        slot=context.slot,
        signature=context.signature,
        index=index,
        numbers=trade.numbers,
    )


def _liquidity(payload: bytes, context: Context, index: int) -> LiquidityChanged:
    event = _decoded(payload)
    return LiquidityChanged(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=event.keys["lb_pair"],
        added=payload[:8] == ADD_LIQUIDITY,
        base_amount=event.ints["amount_x"],
        quote_amount=event.ints["amount_y"],
        base_reserve=-1,
        quote_reserve=-1,
        slot=context.slot,
        signature=context.signature,
        index=index,
        numbers={"active_id": event.ints["active_bin_id"], "now": _time(context)},
    )


def _swapped_by_transfers(step: Step, context: Context) -> list[Reading]:
    """Return the trade as its two token transfers tell it; the bin it ended in is unknown then."""
    accounts = step.accounts
    if len(accounts) < _SWAP_ACCOUNTS:
        return []
    reserves, (user_in, user_out) = accounts[2:4], accounts[4:6]
    paid = got = -1
    x_to_y = False
    for child in step.children:
        moved = _transfer(child)
        if moved is None:
            continue
        source, target, amount = moved
        if source == user_in and target in reserves:
            paid, x_to_y = amount, target == reserves[0]
        elif target == user_out and source in reserves:
            got = amount
    if min(paid, got) < 0:
        return []
    return [_swapped(_Trade(accounts[0], accounts[10], paid, got, x_to_y, {}), step, context, 0)]


def _transfer(step: Step) -> tuple[Pubkey, Pubkey, int] | None:
    """Return source, target and amount of a token transfer, plain, checked or with a fee."""
    if step.program not in (TOKEN, TOKEN_2022):
        return None
    data, at = step.data, 1
    if data[:2] == bytes((_TRANSFER_FEE_EXTENSION, _TRANSFER_WITH_FEE)):
        place, at = 2, 2
    elif data[:1] and data[0] in _TRANSFERS:
        place = _TRANSFERS[data[0]]
    else:
        return None
    if len(data) < at + 8 or len(step.accounts) <= place:
        return None
    return step.accounts[0], step.accounts[place], int.from_bytes(data[at : at + 8], "little")
