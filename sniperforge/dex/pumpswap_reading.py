"""What one invocation of PumpSwap says: pools opened, trades.

step -> PoolCreated, Swapped | LaunchDisbelieved | Incomplete

The event is the truth; the instruction beside it must agree, adds what the event
leaves out (token programs, cashback), and stands in for it where the log was cut.
"""

from __future__ import annotations

from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Pool, PoolCreated, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, ata
from sniperforge.dex.pumpswap_curve import SUPPLY, flipped
from sniperforge.dex.pumpswap_instructions import CREATE_POOL, pool_authority_of, pool_of
from sniperforge.dex.pumpswap_layouts import BUY_EVENT, CREATE_ARGUMENTS, CREATE_EVENT, EVENTS, SELL_EVENT
from sniperforge.dex.token_pair import base_is_first
from sniperforge.dex.venue import Context, Incomplete, Reading, Step, disbelieved

NAME = "pumpswap"

_CREATE_ACCOUNTS = 18
_CREATE_LINE = "Instruction: CreatePool"


class _Opening(NamedTuple):
    """One creation in the program's own terms, from whichever source told it."""

    record: Record
    pool: Pubkey
    creator: Pubkey
    base_mint: Pubkey
    quote_mint: Pubkey
    base_program: Pubkey
    quote_program: Pubkey
    base_amount: int
    quote_amount: int
    believed_by: str


# ── reading ───────────────────────────────────────────────────────────────


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of PumpSwap did; only facts, see `verify`.

    A trade known from logs alone has no mints: its `base_mint` is the zero key and
    its sides are the pool's own.

    Raises:
        DecodeError: a trade's event does not fit its layout.
    """
    readings: list[Reading] = []
    created = 0
    for payload in step.events:
        kind = payload[:8]
        if kind == CREATE_EVENT:
            readings.append(_created_by_event(payload, step, context, created))
            created += 1
        elif kind in (BUY_EVENT, SELL_EVENT):
            record = EVENTS[kind][1].decode(payload, 8, tail_max=TAIL_MAX)
            readings.append(_swapped(record, kind == BUY_EVENT, step, context, len(readings)))
    if not created:
        if step.data[:8] == CREATE_POOL:
            readings.append(_created_by_instruction(step, context))
        elif not step.data and _CREATE_LINE in step.logs:
            readings.append(Incomplete("pumpswap: a create_pool ran, but the log was cut before its event"))
    return readings


def verify(created: PoolCreated) -> str:
    """Return "" when the pool is the address the program derives from its index, creator and mints."""
    pool = created.pool
    base, quote = pool.base_mint, pool.quote_mint
    if flipped(pool):
        base, quote = quote, base
    derived = pool_of(pool.numbers["index"], pool.keys["pool_creator"], base, quote)
    if derived == pool.address:
        return ""
    return f"pool: claimed {text(pool.address)}, derived {text(derived)}"


def _created_by_event(payload: bytes, step: Step, context: Context, index: int) -> Reading:
    try:
        record = EVENTS[CREATE_EVENT][1].decode(payload, 8, tail_max=TAIL_MAX)
    except DecodeError as problem:
        return disbelieved(NAME, "layout", context, {"problem": str(problem)})
    keys, ints = record.keys, record.ints
    pool, creator = keys["pool"], keys["creator"]
    base_mint, quote_mint = keys["base_mint"], keys["quote_mint"]
    accounts = step.accounts
    if step.data[:8] == CREATE_POOL and len(accounts) >= _CREATE_ACCOUNTS:
        if accounts[0] != pool or accounts[3] != base_mint or accounts[4] != quote_mint:
            return disbelieved(NAME, "instruction", context, {"pool": text(pool), "pool_listed": text(accounts[0])})
        try:
            told = CREATE_ARGUMENTS.decode(step.data, 8, tail_max=TAIL_MAX)
        except DecodeError as problem:
            return disbelieved(NAME, "layout", context, {"problem": str(problem)})
        ints.setdefault("is_cashback_coin", told.ints["is_cashback_coin"])
        base_program, quote_program, believed_by = accounts[13], accounts[14], "event+instruction"
    else:
        base_program = _program_of(creator, base_mint, keys["user_base_token_account"])
        quote_program = _program_of(creator, quote_mint, keys["user_quote_token_account"])
        believed_by = "event"
        if ZERO_KEY in (base_program, quote_program):
            return Incomplete("pumpswap: the event alone does not tell the token program of a mint")
    amounts = ints["pool_base_amount"], ints["pool_quote_amount"]
    opening = _Opening(record, pool, creator, base_mint, quote_mint, base_program, quote_program, *amounts, believed_by)
    return _created(opening, context, index)


def _created_by_instruction(step: Step, context: Context) -> Reading:
    accounts = step.accounts
    if len(accounts) < _CREATE_ACCOUNTS:
        return Incomplete(
            f"pumpswap: a create_pool lists {len(accounts)} accounts of {_CREATE_ACCOUNTS}, and its event is missing"
        )
    try:
        record = CREATE_ARGUMENTS.decode(step.data, 8, tail_max=TAIL_MAX)
    except DecodeError as problem:
        return disbelieved(NAME, "layout", context, {"problem": str(problem)})
    amounts = record.ints["base_amount_in"], record.ints["quote_amount_in"]
    opening = _Opening(
        record, accounts[0], accounts[2], accounts[3], accounts[4], accounts[13], accounts[14], *amounts, "instruction"
    )
    return _created(opening, context, 0)


def _program_of(owner: Pubkey, mint: Pubkey, account: Pubkey) -> Pubkey:
    """Return the token program of *mint*, told by which *account* is its owner's; the zero key if none is."""
    if mint in (WSOL, USDC):
        return TOKEN
    return next((program for program in (TOKEN_2022, TOKEN) if ata(owner, mint, program) == account), ZERO_KEY)


def _created(opening: _Opening, context: Context, index: int) -> PoolCreated:
    record = opening.record
    ints, coin_creator = record.ints, record.keys["coin_creator"]
    turned = not base_is_first(opening.base_mint, opening.quote_mint)
    numbers = {
        "index": ints["index"],
        "canonical": int(opening.creator == pool_authority_of(opening.base_mint)),
        "base_is_0": int(not turned),
        "mayhem": ints["is_mayhem_mode"],
        "holder_reward": ints["is_holder_reward"],
        "coin_creator_fee_bps": ints["creator_fee_bps"],
        "supply": SUPPLY,
    }
    if "is_cashback_coin" in ints:
        numbers["cashback"] = ints["is_cashback_coin"]
    decimals = "quote_mint_decimals" if turned else "base_mint_decimals"
    if decimals in ints:
        numbers["decimals"] = ints[decimals]
    if record.tail:
        numbers["newer_layout"] = record.tail
    first = opening.base_mint, opening.base_program, opening.base_amount
    second = opening.quote_mint, opening.quote_program, opening.quote_amount
    (base_mint, base_program, base_reserve), (quote_mint, quote_program, quote_reserve) = (
        (second, first) if turned else (first, second)
    )
    pool = Pool(
        venue=NAME,
        address=opening.pool,
        base_mint=base_mint,
        quote_mint=quote_mint,
        base_program=base_program,
        quote_program=quote_program,
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        keys={"pool_creator": opening.creator, "coin_creator": coin_creator},
        numbers=numbers,
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=coin_creator if coin_creator != ZERO_KEY else opening.creator,
        user=context.signer if context.signer != ZERO_KEY else opening.creator,
        open_time=0,
        slot=context.slot,
        signature=context.signature,
        index=index,
        believed_by=opening.believed_by,
        late=context.late,
        source=context.source,
    )


def _swapped(record: Record, is_buy: bool, step: Step, context: Context, index: int) -> Event:
    ints, keys = record.ints, record.keys
    base, quote = ints["pool_base_token_reserves"], ints["pool_quote_token_reserves"]
    # The event tells the reserves before the trade; the lp fee stays in the vault.
    if is_buy:
        base_amount, quote_amount = ints["base_amount_out"], ints["user_quote_amount_in"]
        base, quote = base - base_amount, quote + ints["quote_amount_in_with_lp_fee"]
    else:
        base_amount, quote_amount = ints["base_amount_in"], ints["user_quote_amount_out"]
        base, quote = base + base_amount, quote - ints["quote_amount_out_without_lp_fee"]
    quote += ints.get("virtual_quote_reserves", 0)
    # A negative reserve would say "not told".
    base, quote = max(base, 0), max(quote, 0)
    mint = ZERO_KEY
    if len(step.accounts) > 4 and step.accounts[0] == keys["pool"]:
        mint, other = step.accounts[3], step.accounts[4]
        if not base_is_first(mint, other):
            mint, is_buy = other, not is_buy
            base_amount, quote_amount = quote_amount, base_amount
            base, quote = quote, base
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=keys["pool"],
        base_mint=mint,
        trader=keys["user"],
        is_buy=is_buy,
        base_amount=base_amount,
        quote_amount=quote_amount,
        base_reserve=base,
        quote_reserve=quote,
        slot=context.slot,
        signature=context.signature,
        index=index,
        creator=keys.get("coin_creator", ZERO_KEY),
    )
