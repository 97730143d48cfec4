"""Two tokens in a pool, and a wallet that trades them: what is the same at every Raydium program.

two mints -> which one is the coin
token account, mint -> balance, transfer fee
swap instruction + order -> the instructions around it (open, wrap, swap, unwrap, close)

Source: the SPL Token and Token-2022 account layouts (amount at byte 64, native
accounts hold lamports only after SyncNative).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import msgspec

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, LiquidityChanged, Pool, Swapped
from sniperforge.base.keys import key
from sniperforge.base.units import BPS_ONE, ZERO_KEY, Pubkey, ceil_div
from sniperforge.dex.programs import (
    TOKEN,
    TOKEN_2022,
    USDC,
    WSOL,
    ata,
    close_account,
    open_ata,
    sync_native,
    transfer_lamports,
)
from sniperforge.dex.token import decode_balance
from sniperforge.dex.venue import Instruction, SwapOrder

USDT = key("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB")
USD1 = key("USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB")

#: Mints a coin is priced in. A pool of two of them, or of none, has its first token as the coin.
QUOTE_MINTS = frozenset((WSOL, USDC, USDT, USD1))

#: Token-2022 pads a mint to the size of an account, adds a type byte, then extensions.
MINT_EXTENSIONS_AT = 166
TRANSFER_FEE_CONFIG, TRANSFER_FEE_CONFIG_SIZE = 1, 108
_TRANSFER_FEE = struct.Struct("<QQH")  # epoch, maximum fee, basis points

_TOKEN_PROGRAM_NAMES = {TOKEN: "spl", TOKEN_2022: "2022"}


class LayoutMismatch(DecodeError):
    """An account is not as long as its layout, or does not start as it does."""

    def __init__(self, venue: str, what: str, *, size: int, size_expected: int) -> None:
        self.venue, self.what, self.size, self.size_expected = venue, what, size, size_expected
        super().__init__(
            f"{venue}: {what} is {size} bytes, layout says {size_expected}; "
            f"it is another account, or the program was upgraded: stop trading on {venue}, "
            f"then compare its layout with the new IDL"
        )


def base_is_first(mint_0: Pubkey, mint_1: Pubkey) -> bool:
    """Return whether *mint_0* is the coin: exactly one known quote decides, else it is."""
    return not (mint_0 in QUOTE_MINTS and mint_1 not in QUOTE_MINTS)


def base_of(mint_a: Pubkey, mint_b: Pubkey) -> Pubkey:
    """Return which of two mints is the coin in a program that sorts them by their bytes."""
    first, second = sorted((mint_a, mint_b))
    return first if base_is_first(first, second) else second


def first_difference(claimed: Mapping[str, Pubkey], derived: Mapping[str, Pubkey]) -> str:
    """Return "" when *claimed* has every address as *derived* says, else the first that differs."""
    for name, address in derived.items():
        claim = claimed.get(name, ZERO_KEY)
        if claim != address:
            return f"{name}: claimed {base58.text(claim)}, derived {base58.text(address)}"
    return ""


def require_discriminator(raw: bytes, discriminator: bytes, venue: str, what: str) -> None:
    """Raise DecodeError unless the account *raw* starts with *discriminator*."""
    if raw[:8] != discriminator:
        raise DecodeError(
            f"{venue}: {what} starts with {raw[:8].hex()}, not {discriminator.hex()}: it is another kind of account; "
            "check the address and the program that owns it"
        )


def oriented(event: Swapped | LiquidityChanged, pool: Pool) -> Swapped | LiquidityChanged:
    """Return *event* with the coin of *pool* as its base, when its source could not tell the mints.

    Then "base" stood for the pool's first token; `pool.numbers["base_is_0"]` says
    whether that is the coin (a venue without that number always puts the coin first).
    """
    if event.base_mint != ZERO_KEY:
        return event
    if pool.numbers.get("base_is_0", 1):
        return msgspec.structs.replace(event, base_mint=pool.base_mint)
    turned = msgspec.structs.replace(
        event,
        base_mint=pool.base_mint,
        base_amount=event.quote_amount,
        quote_amount=event.base_amount,
        base_reserve=event.quote_reserve,
        quote_reserve=event.base_reserve,
    )
    return msgspec.structs.replace(turned, is_buy=not turned.is_buy) if isinstance(turned, Swapped) else turned


def apply(pool: Pool, event: Event) -> Pool:
    """Return *pool* with the reserves after *event* of it.

    An event of another pool, of an older slot, or without reserves leaves it as it is.
    """
    if not isinstance(event, Swapped | LiquidityChanged) or event.pool != pool.address or event.slot < pool.slot:
        return pool
    if event.base_reserve < 0 or event.quote_reserve < 0:
        return pool
    event = oriented(event, pool)
    return msgspec.structs.replace(
        pool, base_reserve=event.base_reserve, quote_reserve=event.quote_reserve, slot=event.slot
    )


def account(accounts: Mapping[str, bytes], name: str, venue: str) -> bytes:
    """Return the raw account *name*; raises DecodeError when the caller did not give it."""
    raw = accounts.get(name)
    if raw is None:
        raise DecodeError(f"{venue}: account {name!r} is missing; fetch it along with the pool")
    return raw


def balance(accounts: Mapping[str, bytes], name: str, *, venue: str, mint: Pubkey, program: Pubkey) -> int:
    """Return the base units in the raw token account *name* of the token *program*.

    Raises:
        DecodeError: it is missing, no token account, or of another mint.
    """
    held = decode_balance(account(accounts, name, venue), program)
    if held.mint != mint:
        raise DecodeError(
            f"{venue}: token account {name} is of mint {base58.text(held.mint)}, the pool says {base58.text(mint)}; "
            "fetch the vaults the pool names"
        )
    return held.amount


def impact_bps(*, base: int, quote: int, base_after: int, quote_after: int) -> int:
    """Return how far the price quote/base moved, in basis points, rounded down; sizes before are positive."""
    return abs(quote_after * base - quote * base_after) * BPS_ONE // (quote * base_after)


# ── transfer fees of Token-2022 ───────────────────────────────────────────


def transfer_fee_numbers(mint: bytes) -> dict[str, int]:
    """Return `base_transfer_fee_bps` and `base_transfer_fee_max` of a raw mint account; empty when it takes none.

    A mint holds the fee of now and the one of an epoch to come; the dearer is
    returned, since this floor knows no epoch.

    Raises:
        DecodeError: the mint's extensions do not end where the account does.
    """
    for kind, body in _extensions(mint):
        if kind == TRANSFER_FEE_CONFIG and len(body) == TRANSFER_FEE_CONFIG_SIZE:
            older, newer = _TRANSFER_FEE.unpack_from(body, 72), _TRANSFER_FEE.unpack_from(body, 90)
            _, fee_max, bps = max(older, newer, key=lambda fee: (fee[2], fee[1]))
            return {"base_transfer_fee_bps": bps, "base_transfer_fee_max": fee_max} if bps else {}
    return {}


def _extensions(mint: bytes) -> Iterator[tuple[int, bytes]]:
    at = MINT_EXTENSIONS_AT
    while at + 4 <= len(mint):
        kind, size = struct.unpack_from("<HH", mint, at)
        if kind == 0:
            return
        at += 4
        if at + size > len(mint):
            raise DecodeError(f"a mint's extension {kind} of {size} bytes does not fit; the account is cut")
        yield kind, mint[at : at + size]
        at += size


def transfer_fee(pool: Pool, amount: int) -> int:
    """Return what the coin's own transfer fee takes from *amount* on its way (0 for most coins).

    Rounded up and capped, as Token-2022 does. Read from `pool.numbers`:
    `base_transfer_fee_bps` and `base_transfer_fee_max`.
    """
    bps = pool.numbers.get("base_transfer_fee_bps", 0)
    return min(ceil_div(amount * bps, BPS_ONE), pool.numbers.get("base_transfer_fee_max", 0)) if bps else 0


def before_transfer_fee(pool: Pool, amount: int) -> int:
    """Return the least to send so that at least *amount* of the coin arrives."""
    bps = pool.numbers.get("base_transfer_fee_bps", 0)
    if not bps or not amount:
        return amount
    capped = amount + pool.numbers.get("base_transfer_fee_max", 0)
    return capped if bps >= BPS_ONE else min(ceil_div(amount * BPS_ONE, BPS_ONE - bps), capped)


# ── the instructions around a swap ────────────────────────────────────────


def wallet_keys(pool: Pool, user: Pubkey) -> dict[str, Pubkey]:
    """Return the wallet's side of a swap: `user`, both mints and its two token accounts."""
    return {
        "user": user,
        "base_mint": pool.base_mint,
        "quote_mint": pool.quote_mint,
        "user_base_token": ata(user, pool.base_mint, pool.base_program),
        "user_quote_token": ata(user, pool.quote_mint, pool.quote_program),
    }


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return the form of the instructions: both token programs, and whether SOL gets wrapped."""
    wrap = "wrap" if order.wrap_quote and pool.quote_mint == WSOL else "hold"
    return f"{_program_name(pool.base_program)}/{_program_name(pool.quote_program)}/{wrap}"


def around(swap: Instruction, keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return *swap* with what has to happen before and after it in the wallet.

    A buy opens the coin's account; SOL is wrapped just before and what is left (or
    came) unwrapped just after: the wallet holds lamports between trades. Unwrapping
    closes the wallet's WSOL account, so wrapped SOL it held before is unwrapped too.

    *keys* are named as `wallet_keys` names them.
    """
    user = keys["user"]
    wrap = order.wrap_quote and pool.quote_mint == WSOL
    steps: list[Instruction] = []
    if wrap:
        quote_token = keys["user_quote_token"]
        steps.append(open_ata(user, user, keys["quote_mint"], pool.quote_program, quote_token))
        if order.is_buy:
            steps += (transfer_lamports(user, quote_token, order.amount_in), sync_native(quote_token))
    if order.is_buy and order.open_base_account:
        steps.append(open_ata(user, user, keys["base_mint"], pool.base_program, keys["user_base_token"]))
    steps.append(swap)
    if wrap:
        steps.append(close_account(keys["user_quote_token"], user, pool.quote_program))
    if order.close_base_account and not order.is_buy:
        steps.append(close_account(keys["user_base_token"], user, pool.base_program))
    return tuple(steps)


def _program_name(program: Pubkey) -> str:
    return _TOKEN_PROGRAM_NAMES.get(program) or base58.text(program)
