"""Steps, events and accounts of Raydium CPMM, made by hand with every address derived."""

from __future__ import annotations

import base64
import struct
from typing import Any

import msgspec

from sniperforge.base import keys as base58
from sniperforge.base.events import Pool, PoolCreated
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import raydium_cpmm as cpmm
from sniperforge.dex import raydium_cpmm_layouts as layout
from sniperforge.dex import raydium_cpmm_reading as reading
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, pda
from sniperforge.dex.venue import Step
from tests.unit.dex.raydium_recordings import CONTEXT

CONFIG_0 = key("D4FPEruKEHrG5TenZ2mpDGEfu1iUvTiqBxvpU8HLBvC2")
COIN = key("GePSa3AcRinNnVZnjyNbq5cCjHKkCbg3y5jszrnuoUDy")
LOW_COIN = Pubkey(b"\x01" * 32)
USER = Pubkey(b"\x21" * 32)
POOL = key("2bHLpteDb3YvwJDYGA7NvWXWPQ5XL3bZE8RSHDNJ9ETG")

#: SwapEvents of the real program (2024-11 build): buy and sell of one pool.
BUY_EVENT = (
    "QMbN6CYIceIXo+mFb+fGE2xfwJCHpbtDKNqoM/krBI3BiMCD47bGNwBWxGQSAAAAAADSg5jXAgAAypo7AAAAAGt/6Y4SCQAAAAAA"
    "AAAAAAAAAAAAAAAAAAE="
)
SELL_EVENT = (
    "QMbN6CYIceIXo+mFb+fGE2xfwJCHpbtDKNqoM/krBI3BiMCD47bGN5WA6PSFzgIAgAVZoBIAAABrf+mOEgkAAFx2TzsAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAE="
)


def make_pool(**numbers: int) -> Pool:
    """The pool of the program's own output: 79 SOL against 800 million coins, fee tier 0."""
    pool = reading.read(initialize(), CONTEXT)[0]
    assert isinstance(pool, PoolCreated)
    made = pool.pool
    made.numbers.update(numbers)
    return made


def initialize(
    mint_0: Pubkey = WSOL,
    mint_1: Pubkey = COIN,
    *,
    amounts: tuple[int, int] = (79_000_000_000, 800_000_000_000_000),
    open_time: int = 0,
    config: Pubkey = CONFIG_0,
    logs: tuple[str, ...] = (),
) -> Step:
    """An `initialize` with every address derived as the program wants it."""
    vault_0, vault_1 = (pda(cpmm.PROGRAM, b"pool_vault", POOL, mint) for mint in (mint_0, mint_1))
    accounts = (
        USER,
        config,
        layout.AUTHORITY,
        POOL,
        mint_0,
        mint_1,
        pda(cpmm.PROGRAM, b"pool_lp_mint", POOL),
        *(Pubkey(bytes([number]) * 32) for number in (7, 8, 9)),
        vault_0,
        vault_1,
        Pubkey(b"\x0c" * 32),
        pda(cpmm.PROGRAM, b"observation", POOL),
        TOKEN,
        TOKEN,
        TOKEN_2022,
        *(Pubkey(bytes([number]) * 32) for number in (17, 18, 19)),
    )
    data = layout.INITIALIZE + struct.pack("<QQQ", *amounts, open_time)
    return Step(cpmm.PROGRAM, accounts, data, logs=("Instruction: Initialize", *logs))


def created(step: Step, **context: Any) -> PoolCreated:
    (one,) = reading.read(step, CONTEXT._replace(**context))
    assert isinstance(one, PoolCreated)
    return one


def swap_step(event: str, *, buy: bool) -> Step:
    """A swap as the program's output has it: the old event, and the instruction's accounts."""
    mints = (WSOL, COIN) if buy else (COIN, WSOL)
    accounts = (USER, layout.AUTHORITY, CONFIG_0, POOL, *(Pubkey(bytes([n]) * 32) for n in range(4, 10)), *mints)
    data = layout.SWAP_BASE_INPUT + bytes(16)
    return Step(cpmm.PROGRAM, (*accounts, Pubkey(b"\x0d" * 32)), data, (base64.b64decode(event),))


def new_event(
    *,
    before: tuple[int, int],
    amounts: tuple[int, int],
    fees: tuple[int, int],
    trade_fee: int,
    creator: tuple[int, bool],
) -> bytes:
    head = layout.SWAP_EVENT + POOL + struct.pack("<QQQQQQB", *before, *amounts, *fees, 1)
    return head + WSOL + COIN + struct.pack("<QQB", trade_fee, *creator)


def lp_step(change: int, amounts: tuple[int, int], fees: tuple[int, int] = (0, 0)) -> Step:
    payload = layout.LP_CHANGE_EVENT + POOL + struct.pack("<QQQQQQQB", 5, 1_000, 2_000, *amounts, *fees, change)
    accounts = (*(Pubkey(bytes([n]) * 32) for n in range(10)), WSOL, COIN, Pubkey(b"\x0d" * 32))
    return Step(cpmm.PROGRAM, accounts, b"\x00" * 8, (payload,))


def replaced(pool: Pool, **fields: Any) -> Pool:
    return msgspec.structs.replace(pool, **fields)


def raw_pool(mint_0: Pubkey = WSOL, mint_1: Pubkey = COIN) -> bytes:
    raw = bytearray(layout.POOL_STATE_SIZE)
    raw[:8] = layout.POOL_STATE
    keys = {
        8: CONFIG_0,
        72: USER,
        104: POOL,
        136: LOW_COIN,
        168: mint_0,
        200: mint_1,
        232: TOKEN,
        264: TOKEN,
        296: COIN,
    }
    for offset, one in keys.items():
        raw[offset : offset + 32] = one
    struct.pack_into("<5B", raw, 328, 255, 0, 9, 9, 6)
    struct.pack_into("<QQQQQQ", raw, 333, 1, 100, 200, 10, 20, 1_900_000_000)
    struct.pack_into("<QQ", raw, 397, 1, 2)
    return bytes(raw)


def raw_config() -> bytes:
    raw = bytearray(layout.AMM_CONFIG_SIZE)
    raw[:8] = layout.AMM_CONFIG
    struct.pack_into("<QQQQ", raw, 12, 3_000, 120_000, 40_000, 1)
    struct.pack_into("<Q", raw, 108, 500)
    return bytes(raw)


def raw_token(mint: Pubkey, amount: int) -> bytes:
    return mint + USER + struct.pack("<Q", amount) + bytes(93)


def accounts() -> dict[str, bytes]:
    return {
        "pool_state": raw_pool(),
        "amm_config": raw_config(),
        "base_vault": raw_token(COIN, 5_000),
        "quote_vault": raw_token(WSOL, 4_000),
    }


def numbers_of(record: Any) -> dict[str, Any]:
    """Names of the SDK for what a Record holds."""
    return {**record.ints, **{name: base58.text(raw) for name, raw in record.keys.items()}}
