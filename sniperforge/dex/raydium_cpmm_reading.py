"""What Raydium CPMM did, from its instructions and events.

Initialize instruction -> PoolCreated
SwapEvent, LpChangeEvent -> Swapped, LiquidityChanged

A creation emits no event: the instruction and its accounts tell it, and the
program's own log line tells what arrived in the vaults. Where only logs are
carried, a creation is `Incomplete`.

Source: raydium-io/raydium-cp-swap, instructions/ and states/events.rs.
"""

from __future__ import annotations

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex import raydium_cpmm_curve as curve
from sniperforge.dex import token_pair
from sniperforge.dex.borsh import TAIL_MAX, Record
from sniperforge.dex.programs import pda
from sniperforge.dex.raydium_cpmm_layouts import (
    AUTHORITY,
    INITIALIZE,
    INITIALIZE_LAYOUT,
    INITIALIZE_WITH_PERMISSION,
    LP_CHANGE_EVENT,
    LP_CHANGE_EVENT_LAYOUT,
    NAME,
    PROGRAM,
    SWAP_BASE_INPUT,
    SWAP_BASE_OUTPUT,
    SWAP_EVENT,
    SWAP_EVENT_LAYOUT,
)
from sniperforge.dex.token_pair import base_is_first, base_of
from sniperforge.dex.venue import Context, Incomplete, Reading, Step

#: Trade fee rate of the public fee tiers by config account: a creation names the
#: account only. Source: AmmConfig accounts on mainnet, indices 0 1 2 3 4 5.
TRADE_FEE_RATES = {
    key("D4FPEruKEHrG5TenZ2mpDGEfu1iUvTiqBxvpU8HLBvC2"): 2_500,
    key("G95xxie3XbkCqtE39GgQ9Ggc7xBC8Uceve7HFDEFApkc"): 10_000,
    key("2fGXL8uhqxJ4tpgtosHZXT4zcQap6j62z3bMDxdkMvy5"): 20_000,
    key("C7Cx2pMLtjybS3mDKSfsBj4zQ3PRZGkKt7RCYTTbCSx2"): 40_000,
    key("BhH6HphjBKXu2PkUc2aw3xEMdUvK14NXxE5LbNWZNZAA"): 5_000,
    key("BgxH5ifebqHDuiADWKhLjXGP5hWZeZLoCdmeWJLkRqLP"): 3_000,
}
TRADE_FEE_RATE_USUAL = 2_500
#: The same in every public tier: two shares of the trade fee, and the creator's rate.
PROTOCOL_FEE_RATE, FUND_FEE_RATE, CREATOR_FEE_RATE = 120_000, 40_000, 500

#: Where the accounts of both creations stand; the permissioned one has a payer in front of
#: the creator and a permission account behind the observation.
_CREATION_ACCOUNTS = {INITIALIZE: (20, 0), INITIALIZE_WITH_PERMISSION: (21, 1)}
_CREATION_LOGS = frozenset(("Instruction: Initialize", "Instruction: InitializeWithPermission"))
SWAP_ACCOUNTS, LIQUIDITY_ACCOUNTS = 13, 13
_SWAPS = (SWAP_BASE_INPUT, SWAP_BASE_OUTPUT)


def read(step: Step, context: Context) -> list[Reading]:
    """Return what one invocation of the program did, in order; `index` counts its events.

    Raises:
        DecodeError: an event or a creation that cannot be what its discriminator says.
    """
    readings: list[Reading] = []
    form = _CREATION_ACCOUNTS.get(step.data[:8])
    if form is not None:
        readings.append(_created(step, context, accounts_min=form[0], shift=form[1]))
    elif not step.accounts and not _CREATION_LOGS.isdisjoint(step.logs):
        readings.append(Incomplete(f"{NAME}: a creation emits no event, its mints are in the instruction alone"))
    for index, payload in enumerate(step.events):
        reading: Reading | None = None
        if payload[:8] == SWAP_EVENT:
            reading = _swapped(SWAP_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX), step, context, index)
        elif payload[:8] == LP_CHANGE_EVENT:
            reading = _liquidity(LP_CHANGE_EVENT_LAYOUT.decode(payload, 8, tail_max=TAIL_MAX), step, context, index)
        if reading is not None:
            readings.append(reading)
    return readings


def _created(step: Step, context: Context, *, accounts_min: int, shift: int) -> PoolCreated:
    accounts = step.accounts
    if len(accounts) < accounts_min:
        raise DecodeError(f"{NAME}: a creation has {accounts_min} accounts, got {len(accounts)}; the list is cut")
    # Anchor ignores bytes behind the arguments: such a creation is one too.
    arguments = INITIALIZE_LAYOUT.decode(step.data[: 32 + shift], 8).ints
    if len(step.data) < 32 + shift:
        raise DecodeError(f"{NAME}: the arguments of a creation are {24 + shift} bytes, got {len(step.data) - 8}")
    config, authority, address, mint_0, mint_1, lp_mint = accounts[1 + shift : 7 + shift]
    vaults, observation = accounts[10 + shift : 12 + shift], accounts[13 + shift]
    programs = accounts[15 + 2 * shift : 17 + 2 * shift]
    amounts = _arrived(step.logs) or (arguments["init_amount_0"], arguments["init_amount_1"])
    first = base_is_first(mint_0, mint_1)
    base, quote = (0, 1) if first else (1, 0)
    pool = Pool(
        venue=NAME,
        address=address,
        base_mint=mint_0 if first else mint_1,
        quote_mint=mint_1 if first else mint_0,
        base_program=programs[base],
        quote_program=programs[quote],
        base_reserve=amounts[base],
        quote_reserve=amounts[quote],
        keys={
            "amm_config": config,
            "authority": authority,
            "base_vault": vaults[base],
            "quote_vault": vaults[quote],
            "lp_mint": lp_mint,
            "observation_state": observation,
        },
        numbers={
            "base_is_0": int(first),
            **_rates(config),
            "enable_creator_fee": shift,
            "creator_fee_on": arguments["creator_fee_on"],
            "status": 0,
        },
        slot=context.slot,
    )
    return PoolCreated(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        pool=pool,
        creator=accounts[shift],
        user=accounts[0],
        open_time=_open_time(arguments["open_time"], context),
        slot=context.slot,
        signature=context.signature,
        index=0,
        believed_by="instruction",
        late=context.late,
        source=context.source,
    )


def _rates(config: Pubkey) -> dict[str, int]:
    return {
        "trade_fee_rate": TRADE_FEE_RATES.get(config, TRADE_FEE_RATE_USUAL),
        "protocol_fee_rate": PROTOCOL_FEE_RATE,
        "fund_fee_rate": FUND_FEE_RATE,
        "creator_fee_rate": CREATOR_FEE_RATE,
        "fee_assumed": int(config not in TRADE_FEE_RATES),
    }


def _arrived(logs: tuple[str, ...]) -> tuple[int, int] | None:
    """Return the vault balances after a creation, from the program's own line about them.

    They differ from the arguments when a mint takes a transfer fee, or when
    somebody sent lamports to the WSOL vault's address beforehand (seen on mainnet:
    85000000425 instead of 85000000000).
    """
    for line in logs:
        if line.startswith("liquidity:"):
            parts = line.replace(",", " ").replace(":", " ").split()
            named = dict(zip(parts[::2], parts[1::2], strict=False))
            both = (named.get("vault_0_amount", ""), named.get("vault_1_amount", ""))
            if all(text.isascii() and text.isdecimal() and len(text) <= 20 for text in both):
                return int(both[0]), int(both[1])
    return None


def _open_time(asked: int, context: Context) -> int:
    """Return when trading starts: the program stores block time + 1 for a time that has passed.

    A source that does not tell the block time has shown the block by now, so its
    second is at most the one of the receive stamp.
    """
    return max(asked, (context.block_time or context.recv_ns // NANOS_PER_SECOND) + 1)


def _swapped(event: Record, step: Step, context: Context, index: int) -> Swapped | None:
    ints, keys = event.ints, event.keys
    mint_in, mint_out, trade_fee = keys["input_mint"], keys["output_mint"], ints["trade_fee"]
    if mint_in == ZERO_KEY:
        # The event of 2024 ends before mints and fee; then the instruction tells them, or nobody.
        if step.data[:8] not in _SWAPS or len(step.accounts) < SWAP_ACCOUNTS:
            return None
        mint_in, mint_out = step.accounts[10:12]
        trade_fee = curve.trade_fee(ints["input_amount"], TRADE_FEE_RATES.get(step.accounts[2], TRADE_FEE_RATE_USUAL))
    is_buy = mint_out == base_of(mint_in, mint_out)
    owed_in = trade_fee * PROTOCOL_FEE_RATE // curve.RATE_ONE + trade_fee * FUND_FEE_RATE // curve.RATE_ONE
    owed_out = 0
    if ints["creator_fee_on_input"]:
        owed_in += ints["creator_fee"]
    else:
        owed_out += ints["creator_fee"]
    after_in = ints["input_vault_before"] + ints["input_amount"] - owed_in
    after_out = ints["output_vault_before"] - ints["output_amount"] - owed_out
    paid = ints["input_amount"] + ints["input_transfer_fee"]
    received = ints["output_amount"] - ints["output_transfer_fee"]
    if min(after_in, after_out, received) < 0:
        raise DecodeError(f"{NAME}: a SwapEvent takes more than there was; these bytes are something else")
    return Swapped(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=keys["pool_id"],
        base_mint=mint_out if is_buy else mint_in,
        trader=step.accounts[0] if step.accounts else context.signer,
        is_buy=is_buy,
        base_amount=received if is_buy else paid,
        quote_amount=paid if is_buy else received,
        base_reserve=after_out if is_buy else after_in,
        quote_reserve=after_in if is_buy else after_out,
        slot=context.slot,
        signature=context.signature,
        index=index,
    )


def _liquidity(event: Record, step: Step, context: Context, index: int) -> LiquidityChanged:
    ints = event.ints
    # The event names no mint. Without the instruction it is told as token 0 against
    # token 1, which `apply` turns round: a rug must be seen in logs too.
    mints = step.accounts[10:12] if len(step.accounts) >= LIQUIDITY_ACCOUNTS else ()
    base, quote = (0, 1) if not mints or base_is_first(*mints) else (1, 0)
    added = ints["change_type"] == 0
    amounts, after = [], []
    for side in ("token_0", "token_1"):
        amount, fee, before = ints[f"{side}_amount"], ints[f"{side}_transfer_fee"], ints[f"{side}_vault_before"]
        # A deposit's amount is what reached the vault, a withdrawal's what reached the wallet.
        moved = amount if added else amount + fee
        amounts.append(moved)
        after.append(before + moved if added else before - moved)
    if min(after) < 0:
        raise DecodeError(f"{NAME}: an LpChangeEvent takes more than there was; these bytes are something else")
    return LiquidityChanged(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        venue=NAME,
        pool=event.keys["pool_id"],
        added=added,
        base_amount=amounts[base],
        quote_amount=amounts[quote],
        base_reserve=after[base],
        quote_reserve=after[quote],
        slot=context.slot,
        signature=context.signature,
        index=index,
        base_mint=mints[base] if mints else ZERO_KEY,
    )


def verify(created: PoolCreated) -> str:
    """Return "" when every derived address of the creation is right, else the first that is not.

    The pool itself may be any keypair that signed, so its address proves nothing.
    """
    pool = created.pool
    mints = (pool.base_mint, pool.quote_mint) if pool.numbers["base_is_0"] else (pool.quote_mint, pool.base_mint)
    if not mints[0] < mints[1]:
        return f"token_0_mint: claimed {base58.text(mints[0])}, the smaller of both is {base58.text(mints[1])}"
    derived = {
        "authority": AUTHORITY,
        "base_vault": pda(PROGRAM, b"pool_vault", pool.address, pool.base_mint),
        "quote_vault": pda(PROGRAM, b"pool_vault", pool.address, pool.quote_mint),
        "lp_mint": pda(PROGRAM, b"pool_lp_mint", pool.address),
        "observation_state": pda(PROGRAM, b"observation", pool.address),
    }
    return token_pair.first_difference(pool.keys, derived)
