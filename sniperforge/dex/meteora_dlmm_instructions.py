"""Instructions of Meteora DLMM: swaps with the bin arrays they may come to.

pool + order -> keys -> instructions

A swap walks from the active bin in its direction and needs the account of every array
it comes to: the arrays known with liquidity, three at most, or the active one where
none is known. Three more cost 99 bytes, and nothing where a lookup table has them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from sniperforge.base.events import Pool
from sniperforge.base.units import Pubkey
from sniperforge.dex import token_pair
from sniperforge.dex.account_table import AccountTable, build
from sniperforge.dex.meteora_dlmm_layouts import (
    EVENT_AUTHORITY,
    MEMO,
    NO_HOOKS,
    PROGRAM,
    SWAP,
    SWAP2,
    SWAP2_ACCOUNTS,
    SWAP_ACCOUNTS,
    SWAP_EXACT_OUT2,
    array_of,
    bin_array_address,
    oracle_address,
    reserve_address,
)
from sniperforge.dex.venue import Instruction, SwapOrder

_AMOUNTS = struct.Struct("<8sQQ")
ARRAYS_MAX = 3
#: Anchor's way to leave out an optional account: the program itself, read-only.
_NONE = PROGRAM
_CONSTANTS = {"memo_program": MEMO, "event_authority": EVENT_AUTHORITY, "program": PROGRAM}
_OPTIONAL = ("bin_array_bitmap_extension", "host_fee_in")
_FORMS: dict[str, tuple[bytes, AccountTable, bytes]] = {
    "swap": (SWAP, SWAP_ACCOUNTS, b""),
    "swap2": (SWAP2, SWAP2_ACCOUNTS, NO_HOOKS),
    "swap_exact_out2": (SWAP_EXACT_OUT2, SWAP2_ACCOUNTS, NO_HOOKS),
}


def instruction(
    name: str, keys: Mapping[str, Pubkey], amounts: tuple[int, int], arrays: Sequence[Pubkey]
) -> Instruction:
    """Return the swap called *name* with *arrays* behind its accounts.

    *keys* hold every account of its table but constants and optional ones; *amounts*
    are what is paid and what is got, one of them exact and the other a limit.
    """
    discriminator, table, tail = _FORMS[name]
    known = {**dict.fromkeys(_OPTIONAL, _NONE), **_CONSTANTS, **keys}
    table = tuple((one, signer, writable and known[one] != _NONE) for one, signer, writable in table)
    listed = {f"bin_array_{place}": array for place, array in enumerate(arrays)}
    table += tuple((one, False, True) for one in listed)
    return build(PROGRAM, table, {**known, **listed}, _AMOUNTS.pack(discriminator, *amounts) + tail)


def swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order*: accounts opened and SOL wrapped before, unwrapped after."""
    return assemble(swap_keys(pool, order.user, order.is_buy), pool, order)


def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
    """Return every key of a swap that is not a constant of the program; a loaded pool holds all but the wallet's."""
    keys = token_pair.wallet_keys(pool, user)
    keys["lb_pair"] = pool.address
    coin, other = _sides(pool)
    for name, mint in ((f"reserve_{coin}", pool.base_mint), (f"reserve_{other}", pool.quote_mint)):
        keys[name] = pool.keys.get(name) or reserve_address(pool.address, mint)
    keys["oracle"] = pool.keys.get("oracle") or oracle_address(pool.address)
    if "bin_array_bitmap_extension" in pool.keys:
        keys["bin_array_bitmap_extension"] = pool.keys["bin_array_bitmap_extension"]
    for place, index in enumerate(_arrays(pool, is_buy)):
        keys[f"bin_array_{place}"] = pool.keys.get(f"bin_array.{index}") or bin_array_address(pool.address, index)
    return keys


def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    """Return the instructions of *order* with *keys* as `swap_keys` names them; derives nothing."""
    coin, other = _sides(pool)
    paid, got = ("quote", "base") if order.is_buy else ("base", "quote")
    known = {
        **keys,
        "user_token_in": keys[f"user_{paid}_token"],
        "user_token_out": keys[f"user_{got}_token"],
        f"token_{coin}_mint": keys["base_mint"],
        f"token_{other}_mint": keys["quote_mint"],
        f"token_{coin}_program": pool.base_program,
        f"token_{other}_program": pool.quote_program,
    }
    name = "swap_exact_out2" if order.exact_out else "swap2"
    arrays = [keys[place] for place in _places(keys)]
    trade = instruction(name, known, (order.amount_in, order.amount_out_min), arrays)
    return token_pair.around(trade, keys, pool, order)


def variant(pool: Pool, order: SwapOrder) -> str:
    """Return token programs and wrapping, which side the coin is, and how many accounts follow."""
    side = "x" if pool.numbers["base_is_0"] else "y"
    extension = "far" if "bin_array_bitmap_extension" in pool.keys else "near"
    return f"{token_pair.variant(pool, order)}/{side}/{extension}/{len(_arrays(pool, order.is_buy))}"


def _places(keys: Mapping[str, Pubkey]) -> Iterator[str]:
    return (name for name in (f"bin_array_{place}" for place in range(ARRAYS_MAX)) if name in keys)


def _sides(pool: Pool) -> tuple[str, str]:
    """Return which of the pair's tokens is the coin, and which the other."""
    return ("x", "y") if pool.numbers["base_is_0"] else ("y", "x")


def _arrays(pool: Pool, is_buy: bool) -> list[int]:
    """Return the arrays a trade may come to, in the order it does."""
    numbers = pool.numbers
    active = array_of(numbers["active_id"])
    known = [numbers[f"array.{place}"] for place in range(numbers.get("arrays", 0))]
    if is_buy is (numbers["base_is_0"] == 1):
        ahead = [index for index in known if index >= active]
    else:
        ahead = [index for index in reversed(known) if index <= active]
    return ahead[:ARRAYS_MAX] or [active]
