"""What Raydium AMM v4 did, from its instructions and its `ray_log` lines.

initialize2 (21 accounts, or 19 without OpenBook) -> PoolCreated
ray_log of a swap, deposit or withdrawal + the instruction's pool -> Swapped, LiquidityChanged

A ray_log names neither pool nor mint. So a source that carries logs only tells no
trades, and a creation as `Incomplete`; and with instructions a trade is told as coin
against pc with `base_mint` zero: the venue's `apply` turns it round.

Source: raydium-io/raydium-amm, program/src/processor.rs.
"""

from __future__ import annotations

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex.borsh import Record
from sniperforge.dex.programs import TOKEN, pda
from sniperforge.dex.raydium_amm_layouts import (
    AUTHORITY,
    DEPOSIT,
    INITIALIZE2,
    INITIALIZE2_LAYOUT,
    INITIALIZE2_SIZE,
    LOG_DEPOSIT,
    LOG_INIT,
    LOG_PREFIX,
    LOG_SWAP_BASE_IN,
    LOG_SWAP_BASE_OUT,
    LOG_WITHDRAW,
    NAME,
    PROGRAM,
    SWAP_BASE_IN,
    SWAP_BASE_IN_V2,
    SWAP_BASE_OUT,
    SWAP_BASE_OUT_V2,
    WITHDRAW,
    decode_log,
)
from sniperforge.dex.token_pair import base_is_first, first_difference
from sniperforge.dex.venue import Context, Incomplete, Reading, Step

#: What the program writes into every pool it makes: 0.25 %.
SWAP_FEE_NUMERATOR, SWAP_FEE_DENOMINATOR = 25, 10_000
STATUS_SWAP_ONLY, STATUS_WAITING_TRADE = 6, 7

#: The program takes 19 accounts for the form without OpenBook, everything else for the long one.
CREATION_ACCOUNTS, CREATION_ACCOUNTS_SHORT = 21, 19
_CREATION_LOG = "initialize2: InitializeInstruction2"
#: The kinds of ray_log an instruction writes when it succeeds.
_LOGS_OF = {
    DEPOSIT: LOG_DEPOSIT,
    WITHDRAW: LOG_WITHDRAW,
    SWAP_BASE_IN: LOG_SWAP_BASE_IN,
    SWAP_BASE_IN_V2: LOG_SWAP_BASE_IN,
    SWAP_BASE_OUT: LOG_SWAP_BASE_OUT,
    SWAP_BASE_OUT_V2: LOG_SWAP_BASE_OUT,
}
_PC_TO_COIN, _COIN_TO_PC = 1, 2
#: What is derived from a market besides the pool itself.
SEEDS = {
    "lp_mint": b"lp_mint_associated_seed",
    "coin_vault": b"coin_vault_associated_seed",
    "pc_vault": b"pc_vault_associated_seed",
    "target_orders": b"target_associated_seed",
    "open_orders": b"open_order_associated_seed",
}


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did; failed transactions are the caller's to drop.

    Raises:
        DecodeError: a creation or a ray_log that cannot be what it starts as.
    """
    tag = step.data[0] if step.data else -1
    if tag == INITIALIZE2:
        return [_created(step, context)]
    if not step.accounts:
        if any(line.startswith(_CREATION_LOG) for line in step.logs):
            return [Incomplete(f"{NAME}: the log of a creation names no pool and no mint, the instruction does")]
        return []
    kind = _LOGS_OF.get(tag)
    if kind is None or len(step.accounts) < 8:
        return []
    readings: list[Reading] = []
    for line in step.logs:
        if line.startswith(LOG_PREFIX):
            found, record = decode_log(line)
            if found == kind:
                make = _swapped if kind in (LOG_SWAP_BASE_IN, LOG_SWAP_BASE_OUT) else _liquidity
                readings.append(make(record, step, context, kind))
    return readings


def _created(step: Step, context: Context) -> PoolCreated:
    accounts, count = step.accounts, len(step.accounts)
    short = count == CREATION_ACCOUNTS_SHORT
    if count < CREATION_ACCOUNTS and not short:
        raise DecodeError(f"{NAME}: initialize2 has 19 accounts, or 21 and more, got {count}; the list is cut")
    arguments = INITIALIZE2_LAYOUT.decode(step.data[:INITIALIZE2_SIZE], 1).ints
    # Open orders stand before the LP mint, the market's program before the market.
    at = 6 if short else 7
    lp_mint, coin_mint, pc_mint, coin_vault, pc_vault, target_orders = accounts[at : at + 6]
    market, user = accounts[-5:][:2] if short else accounts[16:18]
    told = _init_log(step, market)
    amounts = (
        (told["coin_amount"], told["pc_amount"])
        if told
        else (
            arguments["init_coin_amount"],
            arguments["init_pc_amount"],
        )
    )
    first = base_is_first(coin_mint, pc_mint)
    base, quote = (0, 1) if first else (1, 0)
    mints, vaults = (coin_mint, pc_mint), (coin_vault, pc_vault)
    decimals = (told.get("coin_decimals", 0), told.get("pc_decimals", 0))
    keys = {
        "authority": accounts[5],
        "lp_mint": lp_mint,
        "base_vault": vaults[base],
        "quote_vault": vaults[quote],
        "target_orders": target_orders,
        "market": market,
    }
    if not short:
        keys |= {"open_orders": accounts[6], "market_program": accounts[15]}
    numbers = {
        "base_is_0": int(first),
        "swap_fee_numerator": SWAP_FEE_NUMERATOR,
        "swap_fee_denominator": SWAP_FEE_DENOMINATOR,
        "status": STATUS_WAITING_TRADE,
    }
    if told:
        numbers |= {"base_decimals": decimals[base], "quote_decimals": decimals[quote]}
    pool = Pool(
        venue=NAME,
        address=accounts[4],
        base_mint=mints[base],
        quote_mint=mints[quote],
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=amounts[base],
        quote_reserve=amounts[quote],
        keys=keys,
        numbers=numbers,
        slot=context.slot,
    )
    now = context.block_time or context.recv_ns // NANOS_PER_SECOND
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=user,
        user=user,
        open_time=arguments["open_time"] if arguments["open_time"] > now else 0,
        slot=context.slot,
        signature=context.signature,
        index=0,
        believed_by="instruction+log" if told else "instruction",
        late=context.late,
        source=context.source,
    )


def _init_log(step: Step, market: Pubkey) -> dict[str, int]:
    """Return the creation's own ray_log: it has the vaults' balances, lamports sent there before included."""
    for line in step.logs:
        if line.startswith(LOG_PREFIX):
            kind, record = decode_log(line)
            if kind == LOG_INIT:
                if record.keys["market"] != market:
                    raise DecodeError(f"{NAME}: the creation's log and its instruction name different markets")
                return record.ints
    return {}


def _swapped(record: Record, step: Step, context: Context, kind: int) -> Swapped:
    ints = record.ints
    direction, coin, pc = ints["direction"], ints["pool_coin"], ints["pool_pc"]
    if direction not in (_PC_TO_COIN, _COIN_TO_PC):
        raise DecodeError(f"{NAME}: a swap's direction is 1 or 2, got {direction}")
    exact_in = kind == LOG_SWAP_BASE_IN
    paid = ints["amount_in"] if exact_in else ints["deduct_in"]
    received = ints["out_amount"] if exact_in else ints["amount_out"]
    buys_coin = direction == _PC_TO_COIN
    # The logged reserves are those before the swap, less the profit owed; the fee stays in.
    coin_after, pc_after = (coin - received, pc + paid) if buys_coin else (coin + paid, pc - received)
    if coin_after < 0 or pc_after < 0:
        raise DecodeError(f"{NAME}: a ray_log pays out more than there was; these bytes are something else")
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=step.accounts[1],
        base_mint=ZERO_KEY,
        trader=step.accounts[7 if step.data[0] >= SWAP_BASE_IN_V2 else -1],
        is_buy=buys_coin,
        base_amount=received if buys_coin else paid,
        quote_amount=paid if buys_coin else received,
        base_reserve=coin_after,
        quote_reserve=pc_after,
        slot=context.slot,
        signature=context.signature,
    )


def _liquidity(record: Record, step: Step, context: Context, kind: int) -> LiquidityChanged:
    ints = record.ints
    added = kind == LOG_DEPOSIT
    names = ("deduct_coin", "deduct_pc") if added else ("out_coin", "out_pc")
    coin, pc = ints[names[0]], ints[names[1]]
    sign = 1 if added else -1
    coin_after, pc_after = ints["pool_coin"] + sign * coin, ints["pool_pc"] + sign * pc
    if coin_after < 0 or pc_after < 0:
        raise DecodeError(f"{NAME}: a ray_log takes out more than there was; these bytes are something else")
    return LiquidityChanged(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=step.accounts[1],
        added=added,
        base_amount=coin,
        quote_amount=pc,
        base_reserve=coin_after,
        quote_reserve=pc_after,
        slot=context.slot,
        signature=context.signature,
    )


def verify(created: PoolCreated) -> str:
    """Return "" when every derived address of the creation is right, else the first that is not.

    All follow from the market's address, the pool's own included.
    """
    pool = created.pool
    keys = pool.keys
    market = keys.get("market", ZERO_KEY)
    vaults = ("coin_vault", "pc_vault") if pool.numbers["base_is_0"] else ("pc_vault", "coin_vault")
    claimed = {**keys, "amm_id": pool.address}
    claimed |= {name: keys[side] for name, side in zip(vaults, ("base_vault", "quote_vault"), strict=True)}
    derived = {"amm_id": pda(PROGRAM, PROGRAM, market, b"amm_associated_seed"), "authority": AUTHORITY}
    for name, seed in SEEDS.items():
        # A pool made without OpenBook has no open orders.
        if name in claimed or name != "open_orders":
            derived[name] = pda(PROGRAM, PROGRAM, market, seed)
    return first_difference(claimed, derived)
