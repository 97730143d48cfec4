"""Pairs, bin arrays and steps of Meteora DLMM, made by hand with every address derived."""

from __future__ import annotations

import base64
import struct
from typing import Any

from sniperforge.base.events import Pool
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import meteora_dlmm as dlmm
from sniperforge.dex import meteora_dlmm_layouts as layout
from sniperforge.dex.programs import EVENT_TAG, TOKEN, WSOL
from sniperforge.dex.venue import Step
from tests.unit.dex.raydium_recordings import shared_json

COIN = key("GePSa3AcRinNnVZnjyNbq5cCjHKkCbg3y5jszrnuoUDy")
USER = Pubkey(b"\x21" * 32)
POSITION = Pubkey(b"\x22" * 32)
PRESET = Pubkey(b"\x23" * 32)
PAIR = layout.pair_address(COIN, WSOL, before=layout.CUSTOMIZABLE_BASE)
RESERVES = layout.reserve_address(PAIR, COIN), layout.reserve_address(PAIR, WSOL)
NOW = 1_790_000_000

#: Bins of one percent around price 1: id -> (x, y).
BINS = {-1: (0, 5_000), 0: (1_000, 2_000), 1: (3_000, 0), 70: (4_000, 0)}


def raw_pair(*, x: Pubkey = COIN, y: Pubkey = WSOL, arrays: tuple[int, ...] = (-1, 0, 1), **numbers: int) -> bytes:
    """An LbPair account; *numbers* by the names of its layout."""
    raw = bytearray(layout.LB_PAIR_SIZE)
    raw[:8] = layout.LB_PAIR
    values = {
        "base_factor": 10_000,
        "filter_period": 30,
        "decay_period": 600,
        "reduction_factor": 5_000,
        "variable_fee_control": 7_500,
        "max_volatility_accumulator": 150_000,
        "protocol_share": 500,
        "last_update_timestamp": NOW - 1_000,
        "bin_step": 100,
        "pair_type": 3,
        **numbers,
    }
    keys = {"token_x_mint": x, "token_y_mint": y, "reserve_x": RESERVES[0], "reserve_y": RESERVES[1]}
    keys["oracle"] = layout.oracle_address(PAIR)
    formats = {"u8": "<B", "u16": "<H", "u32": "<I", "i32": "<i", "u64": "<Q", "i64": "<q"}
    for offset, name, kind in layout.LB_PAIR_LAYOUT:
        if kind == "pubkey":
            raw[offset : offset + 32] = keys.get(name, ZERO_KEY)
        else:
            struct.pack_into(formats[kind], raw, offset, values.get(name, 0))
    bits = sum(1 << (index + 512) for index in arrays)
    raw[584:712] = bits.to_bytes(128, "little")
    return bytes(raw)


def raw_array(
    index: int,
    bins: dict[int, tuple[int, int]],
    *,
    pair: Pubkey = PAIR,
    orders: dict[int, tuple[int, int, int]] | None = None,
    price: int = 0,
) -> bytes:
    """A BinArray account; *orders*: bin -> (open, processed, is ask)."""
    raw = bytearray(layout.BIN_ARRAY_SIZE)
    raw[:8] = layout.BIN_ARRAY
    struct.pack_into("<qB7x32s", raw, 8, index, 2, pair)
    for bin_id, (x, y) in bins.items():
        if bin_id // 70 == index:
            at = 56 + 144 * (bin_id - index * 70)
            struct.pack_into("<QQ16s", raw, at, x, y, price.to_bytes(16, "little"))
            opened, processed, ask = (orders or {}).get(bin_id, (0, 0, 0))
            struct.pack_into("<QQQIB", raw, at + 112, opened, 0, processed, 0, ask)
    return bytes(raw)


def raw_token(mint: Pubkey, amount: int) -> bytes:
    return mint + PAIR + struct.pack("<Q", amount) + bytes(93)


def raw_clock(now: int) -> bytes:
    return bytes(32) + struct.pack("<q", now)


def accounts(bins: dict[int, tuple[int, int]] | None = None, /, **changed: bytes) -> dict[str, bytes]:
    """All that `load` takes."""
    bins = BINS if bins is None else bins
    made = {
        "lb_pair": raw_pair(),
        "reserve_x": raw_token(COIN, 10_000),
        "reserve_y": raw_token(WSOL, 9_000),
        "clock": raw_clock(NOW),
    }
    made |= {f"bin_array.{index}": raw_array(index, bins) for index in {bin_id // 70 for bin_id in bins}}
    return made | changed


def make_pool(bins: dict[int, tuple[int, int]] | None = None, /, **changed: bytes) -> Pool:
    return dlmm.load(PAIR, accounts(bins, **changed))


# ── steps ─────────────────────────────────────────────────────────────────


def creation(form: bytes, arguments: bytes, **changed: Pubkey) -> Step:
    """A creation by the instruction *form*, with its LbPairCreate (bin step 100)."""
    names = layout.CREATIONS[form].names
    before = {"preset_parameter": PRESET, "base": USER}
    seed = next((value for name, value in before.items() if name in names), layout.CUSTOMIZABLE_BASE)
    pair = layout.pair_address(COIN, WSOL, before=seed, after=struct.pack("<H", 100) if "base" in names else b"")
    keys = {
        **{name: Pubkey(bytes([place + 40]) * 32) for place, name in enumerate(names)},
        **{name: value for name, value in before.items() if name in names},
        "lb_pair": pair,
        "token_mint_x": COIN,
        "token_mint_y": WSOL,
        "reserve_x": layout.reserve_address(pair, COIN),
        "reserve_y": layout.reserve_address(pair, WSOL),
        "oracle": layout.oracle_address(pair),
        "token_x_program": TOKEN,
        "token_y_program": TOKEN,
        "funder": USER,
        **changed,
    }
    event = layout.LB_PAIR_CREATE + keys["lb_pair"] + struct.pack("<H", 100) + COIN + WSOL
    return Step(layout.PROGRAM, tuple(keys[name] for name in names), form + arguments, (event,))


def custom(active_id: int = -926, *, activation: int = 0) -> bytes:
    """Arguments of a customizable pair: bin step 100, base factor 10,000, activation by time."""
    option = b"\x01" + struct.pack("<Q", activation) if activation else b"\x00"
    return struct.pack("<iHHBB", active_id, 100, 10_000, 1, 0) + option + bytes(64)


def swap_event(*, x_to_y: bool, paid: int, got: int, start: int = 0, end: int = 0, pair: Pubkey = PAIR) -> bytes:
    head = layout.SWAP_EVENT + pair + USER + struct.pack("<iiQQB", start, end, paid, got, x_to_y)
    return head + struct.pack("<QQ16sQ", 1, 0, bytes(16), 0)


def swap2_event(*, x_to_y: bool, paid: int, got: int, end: int = 0) -> bytes:
    head = layout.SWAP2_EVENT + PAIR + USER + struct.pack("<iiB16s", 0, end, x_to_y, bytes(16))
    return head + struct.pack("<QQQQQQQBB", paid, 0, got, 1, 0, 0, 0, 1, 1)


def liquidity_event(*, added: bool, x: int, y: int) -> bytes:
    head = layout.ADD_LIQUIDITY if added else layout.REMOVE_LIQUIDITY
    return head + PAIR + USER + POSITION + struct.pack("<QQi", x, y, 3)


def swap_accounts(*, x: Pubkey = COIN, y: Pubkey = WSOL) -> tuple[Pubkey, ...]:
    """Accounts of a swap that pays from 0x04 and receives on 0x05."""
    filler = [Pubkey(bytes([number]) * 32) for number in range(17)]
    return (PAIR, filler[1], *RESERVES, filler[4], filler[5], x, y, filler[8], filler[9], USER, *filler[11:17])


def folded(step: Step) -> Step:
    """*step* with the events it sent to itself, as a source with inner instructions carries them."""
    own = tuple(child.data[8:] for child in step.children if child.data[:8] == EVENT_TAG)
    step.events = own + step.events
    return step


def recorded_pair(name: str) -> tuple[Pubkey, dict[str, bytes]]:
    """Return a recorded pair's address and accounts, or skip."""
    folder = f"meteora_dlmm_{name[:8]}"
    found: dict[str, Any] = {}
    for part in ("lb_pair", "reserve_x", "reserve_y", "bin_array_1", "bin_array_2"):
        found[part] = base64.b64decode(shared_json("mainnet", "accounts", folder, f"{part}.json")["account"]["data"][0])
    for part in ("bin_array_1", "bin_array_2"):
        raw = found.pop(part)
        found[f"bin_array.{layout.decode_bin_array(raw).place}"] = raw
    return key(name), found
