"""What one invocation of pump.fun says: launches, trades, completions, migrations.

step -> PoolCreated, Swapped, CurveCompleted, PoolMigrated | LaunchDisbelieved | Incomplete

The event is the truth; the instruction beside it must agree, and stands in for it
where the log was cut. A trade without its event is not invented.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, Event, Pool, PoolCreated, PoolMigrated, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL
from sniperforge.dex.pump_fees import CURVE_RATES
from sniperforge.dex.pumpfun_instructions import INSTRUCTIONS, base_account_of, curve_of, vault_of
from sniperforge.dex.pumpfun_layouts import (
    COMPLETE_EVENT,
    CREATE_ARGUMENTS,
    CREATE_EVENT,
    CREATE_V2_ARGUMENTS,
    EVENTS,
    MIGRATION_EVENT,
    TRADE_EVENT,
)
from sniperforge.dex.venue import Context, Incomplete, Reading, Step, disbelieved

NAME = "pumpfun"

#: Global's figures for a new coin: what old events and bare instructions do not tell.
INITIAL_BASE = 1_073_000_000_000_000
INITIAL_REAL_BASE = 793_100_000_000_000
INITIAL_SUPPLY = 1_000_000_000_000_000
INITIAL_QUOTE = {WSOL: 30_000_000_000, USDC: 4_292_000_000}
DECIMALS = 6

_CREATE, _CREATE_V2 = INSTRUCTIONS["create"][0], INSTRUCTIONS["create_v2"][0]
_CREATE_LINES = frozenset(("Instruction: Create", "Instruction: CreateV2"))


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of pump.fun did; only facts, see `verify`.

    Creations inside the step are numbered from 0. Where the log was cut, a
    creation is read from its instruction; where there is none either, an
    Incomplete says so.

    Raises:
        DecodeError: an event other than a creation does not fit its layout.
    """
    readings: list[Reading] = []
    created = 0
    for payload in step.events:
        kind = payload[:8]
        if kind == CREATE_EVENT:
            readings.append(_created_by_event(payload, step, context, created))
            created += 1
        elif kind in _READERS:
            record = EVENTS[kind][1].decode(payload, 8, tail_max=TAIL_MAX)
            readings.append(_READERS[kind](record, context, len(readings)))
    if created:
        return readings
    if not step.data:
        if not _CREATE_LINES.isdisjoint(step.logs):
            readings.append(Incomplete("pumpfun: a create ran, but the log was cut before its event"))
    elif step.data[:8] in (_CREATE, _CREATE_V2):
        readings.append(_created_by_instruction(step, context))
    return readings


def verify(created: PoolCreated) -> str:
    """Return "" when the curve is the address the program derives from the mint."""
    derived = curve_of(created.pool.base_mint)
    if derived == created.pool.address:
        return ""
    return f"bonding_curve: claimed {text(created.pool.address)}, derived {text(derived)}"


def _created_by_event(payload: bytes, step: Step, context: Context, index: int) -> Reading:
    try:
        record = EVENTS[CREATE_EVENT][1].decode(payload, 8, tail_max=TAIL_MAX)
    except DecodeError as problem:
        return disbelieved(NAME, "layout", context, {"problem": str(problem)})
    keys, accounts = record.keys, step.accounts
    mint, curve = keys["mint"], keys["bonding_curve"]
    second = step.data[:8] == _CREATE_V2
    quote_mint, quote_program, believed_by = keys.get("quote_mint", ZERO_KEY), TOKEN, "event"
    if len(accounts) >= 14 and (second or step.data[:8] == _CREATE):
        if accounts[0] != mint or accounts[2] != curve:
            return disbelieved(NAME, "instruction", context, {"mint": text(mint), "mint_listed": text(accounts[0])})
        if len(accounts) >= 19:
            quote_program = accounts[18]
        believed_by = "event+instruction"
    base_program = keys.get("token_program", ZERO_KEY)
    if base_program == ZERO_KEY:
        base_program = TOKEN_2022 if second else TOKEN
    return _created(
        record, context, index, mint, curve, keys["user"], base_program, quote_mint, quote_program, believed_by
    )


def _created_by_instruction(step: Step, context: Context) -> Reading:
    second = step.data[:8] == _CREATE_V2
    codec, user_at, size = (CREATE_V2_ARGUMENTS, 5, 16) if second else (CREATE_ARGUMENTS, 7, 14)
    accounts = step.accounts
    if len(accounts) < size:
        return Incomplete(f"pumpfun: a create lists {len(accounts)} accounts of {size}, and its event is missing")
    try:
        record = codec.decode(step.data, 8, tail_max=TAIL_MAX)
    except DecodeError as problem:
        return disbelieved(NAME, "layout", context, {"problem": str(problem)})
    quote_mint, quote_program = (accounts[16], accounts[18]) if len(accounts) >= 19 else (ZERO_KEY, TOKEN)
    if quote_mint not in (ZERO_KEY, *INITIAL_QUOTE):
        return Incomplete(f"pumpfun: what a coin paid in {text(quote_mint)} starts with is only in its event")
    mint, curve, user, base_program = accounts[0], accounts[2], accounts[user_at], accounts[user_at + 2]
    return _created(record, context, 0, mint, curve, user, base_program, quote_mint, quote_program, "instruction")


def _created(
    record: Record,
    context: Context,
    index: int,
    mint: Pubkey,
    curve: Pubkey,
    user: Pubkey,
    base_program: Pubkey,
    quote_mint: Pubkey,
    quote_program: Pubkey,
    believed_by: str,
) -> PoolCreated:
    """Make the event of one creation, from whichever source told it."""
    ints, texts = record.ints, record.texts
    is_sol = quote_mint in (ZERO_KEY, WSOL)
    quote_mint = WSOL if is_sol else quote_mint
    # Layouts before 2025-05 end at the user, who was the creator then.
    creator = record.keys.get("creator", ZERO_KEY)
    base_reserve = ints.get("virtual_token_reserves", 0)
    quote_reserve = ints.get("virtual_quote_reserves", 0) or ints.get("virtual_sol_reserves", 0)
    told = base_reserve > 0 and quote_reserve > 0
    own_bps = ints.get("creator_fee_bps", 0)
    numbers = {
        "quote_is_sol": int(is_sol),
        "mayhem": ints.get("is_mayhem_mode", 0),
        "cashback": ints.get("is_cashback_enabled", 0),
        "holder_reward": ints.get("is_holder_reward", 0),
        "decimals": DECIMALS,
        "real_base_reserve": ints["real_token_reserves"] if told else INITIAL_REAL_BASE,
        "real_quote_reserve": 0,
        "supply": ints["token_total_supply"] if told else INITIAL_SUPPLY,
        "protocol_fee_bps": CURVE_RATES.protocol,
        # A coin can only have its own rate where the program allows one.
        "creator_fee_bps": 0 if creator == ZERO_KEY else own_bps or CURVE_RATES.creator,
        "coin_creator_fee_bps": own_bps,
    }
    if not told:
        numbers["reserves_assumed"] = 1
        base_reserve, quote_reserve = INITIAL_BASE, INITIAL_QUOTE.get(quote_mint, 0)
    if record.tail:
        numbers["newer_layout"] = record.tail
    # What every order of the coin lists; whoever builds one in this process finds them derived.
    account = base_account_of(curve, mint, base_program)
    keys = {"creator": creator, "associated_base_bonding_curve": account}
    if creator != ZERO_KEY:
        keys["creator_vault"] = vault_of(creator)
    pool = Pool(
        venue=NAME,
        address=curve,
        base_mint=mint,
        quote_mint=quote_mint,
        base_program=base_program,
        quote_program=quote_program,
        base_reserve=base_reserve,
        quote_reserve=quote_reserve,
        keys=keys,
        numbers=numbers,
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=creator if creator != ZERO_KEY else user,
        user=user,
        open_time=0,
        slot=context.slot,
        signature=context.signature,
        index=index,
        believed_by=believed_by,
        late=context.late,
        source=context.source,
        name=texts["name"],
        symbol=texts["symbol"],
        uri=texts["uri"],
    )


def _swapped(record: Record, context: Context, index: int) -> Event:
    ints, keys = record.ints, record.keys
    mint = keys["mint"]
    is_buy = bool(ints["is_buy"])
    if keys.get("quote_mint", ZERO_KEY) in (ZERO_KEY, WSOL):
        amount, quote_reserve = ints["sol_amount"], ints["virtual_sol_reserves"]
    else:
        # A coin paid in anything else leaves the SOL fields at zero.
        amount, quote_reserve = ints["quote_amount"], ints["virtual_quote_reserves"]
    # What the trader pays or is paid less. Cashback and holder rewards are told apart from
    # the creator's fee they replace (a recorded buy of 3 SOL is amount + fee + cashback to
    # the lamport); buyback is a share of the protocol's. Until 2025-04 no fee was told.
    fees = ints["fee"] + ints["creator_fee"] + ints["cashback"] + ints["holder_rewards"]
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=curve_of(mint),
        base_mint=mint,
        trader=keys["user"],
        is_buy=is_buy,
        base_amount=ints["token_amount"],
        quote_amount=amount + fees if is_buy else amount - fees,
        base_reserve=ints["virtual_token_reserves"],
        quote_reserve=quote_reserve,
        slot=context.slot,
        signature=context.signature,
        index=index,
        creator=keys.get("creator", ZERO_KEY),
    )


def _completed(record: Record, context: Context, index: int) -> Event:
    return CurveCompleted(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=record.keys["bonding_curve"],
        base_mint=record.keys["mint"],
        slot=context.slot,
        signature=context.signature,
        index=index,
    )


def _migrated(record: Record, context: Context, index: int) -> Event:
    return PoolMigrated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=record.keys["bonding_curve"],
        base_mint=record.keys["mint"],
        new_venue="pumpswap",
        new_pool=record.keys["pool"],
        slot=context.slot,
        signature=context.signature,
        index=index,
    )


_READERS = {TRADE_EVENT: _swapped, COMPLETE_EVENT: _completed, MIGRATION_EVENT: _migrated}
