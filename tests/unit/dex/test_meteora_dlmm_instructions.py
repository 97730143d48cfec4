"""Swaps of Meteora DLMM list the accounts the official SDK lists, and the arrays the walk comes to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sniperforge.base.events import Pool
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import meteora_dlmm as dlmm
from sniperforge.dex import meteora_dlmm_instructions as writing
from sniperforge.dex import meteora_dlmm_layouts as layout
from sniperforge.dex.programs import TOKEN, WSOL, ata
from sniperforge.dex.venue import SwapOrder
from tests.unit.dex.meteora_dlmm_vectors import COIN, PAIR, RESERVES, USER, make_pool, raw_pair, raw_token
from tests.unit.dex.raydium_recordings import as_metas, golden, shared_json


def _pool_of(given: Any) -> Pool:
    x, y = key(given["token_x_mint"]), key(given["token_y_mint"])
    pool = make_pool()
    arrays = {f"bin_array.{place}": key(one) for place, one in enumerate(given["bin_arrays"])}
    numbers = {f"array.{place}": place for place in range(len(arrays))} | {"arrays": len(arrays), "base_is_0": 1}
    downwards = given["input_mint"] == given["token_x_mint"]
    if downwards:
        # The walk goes down: the first array listed is the highest.
        arrays = {f"bin_array.{len(arrays) - 1 - place}": one for place, one in enumerate(arrays.values())}
    return msgspec.structs.replace(
        pool,
        address=key(given["lb_pair"]),
        base_mint=x,
        quote_mint=y,
        keys={name: key(given[name]) for name in ("reserve_x", "reserve_y", "oracle")} | arrays,
        numbers={**numbers, "active_id": 70 * (len(arrays) - 1) if downwards else 0},
    )


def _order(given: Any) -> SwapOrder:
    is_buy = given["input_mint"] == given["token_y_mint"]
    amounts = int(given["amount_in"]), int(given["min_amount_out"])
    return SwapOrder(key(given["user"]), is_buy, *amounts, open_base_account=False, wrap_quote=False)


@pytest.mark.parametrize("case", golden("meteora_dlmm", "instruction", "swap2"))
def test_swaps_are_the_sdk_s(case: Any) -> None:
    """Data, order and flags, both ways, with one to three arrays behind."""
    pool, order = _pool_of(case["inputs"]), _order(case["inputs"])
    (built,) = dlmm.swap(pool, order)
    assert as_metas(built) == case["expected"]


@pytest.mark.parametrize("case", golden("meteora_dlmm", "instruction", "swap_idl"))
def test_the_older_swap_is_the_idl_s(case: Any) -> None:
    """The form routers still send: no memo program, no hooks."""
    given = case["inputs"]
    user, sold = key(given["user"]), key(given["input_mint"])
    keys = {name: key(given[name]) for name in ("lb_pair", "reserve_x", "reserve_y", "oracle")}
    keys |= {name: key(given[name]) for name in ("token_x_mint", "token_y_mint")}
    keys |= {"user": user, "token_x_program": TOKEN, "token_y_program": TOKEN}
    keys |= {"user_token_in": ata(user, sold), "user_token_out": ata(user, key(given["output_mint"]))}
    amounts = int(given["amount_in"]), int(given["min_amount_out"])
    built = writing.instruction("swap", keys, amounts, [key(one) for one in given["bin_arrays"]])
    assert as_metas(built) == case["expected"]


def test_a_recorded_swap_has_our_accounts() -> None:
    """swap2 of mainnet: the same order; only `user` is writable there, since he pays."""
    recorded = shared_json("mainnet", "instructions", "meteora_dlmm__swap2_ix.json")
    listed = [key(one["pubkey"]) for one in recorded["accounts"]]
    names = [name for name, _, _ in layout.SWAP2_ACCOUNTS]
    built = writing.instruction("swap2", dict(zip(names, listed, strict=True)), (217_206_901, 0), ())
    assert [meta.key for meta in built.accounts] == listed
    flags = [(meta.signer, meta.writable) for meta in built.accounts]
    told = [
        (one["is_signer"], one["is_writable"] and name != "user")
        for one, name in zip(recorded["accounts"], names, strict=True)
    ]
    assert flags == told
    assert built.data[:24].hex() == recorded["data"][:48]


# ── without recordings ────────────────────────────────────────────────────


def test_a_buy_goes_up_where_the_coin_is_x() -> None:
    """The active array first, then the next one; a sale goes down."""
    pool = make_pool()
    bought = dlmm.swap_keys(pool, USER, True)
    sold = dlmm.swap_keys(pool, USER, False)
    arrays = [layout.bin_array_address(PAIR, index) for index in (-1, 0, 1)]
    assert [bought["bin_array_0"], bought["bin_array_1"]] == arrays[1:]
    assert [sold["bin_array_0"], sold["bin_array_1"]] == arrays[1::-1]
    turned = msgspec.structs.replace(pool, numbers={**pool.numbers, "base_is_0": 0})
    assert dlmm.swap_keys(turned, USER, True)["bin_array_1"] == arrays[0]


def test_a_pool_just_opened_derives_what_it_does_not_hold() -> None:
    """Reserves, oracle and the active array by the program's rules."""
    bare = msgspec.structs.replace(make_pool(), keys={}, numbers={"base_is_0": 1, "active_id": -926})
    keys = dlmm.swap_keys(bare, USER, True)
    assert (keys["reserve_x"], keys["reserve_y"], keys["oracle"]) == (*RESERVES, layout.oracle_address(PAIR))
    assert keys["bin_array_0"] == layout.bin_array_address(PAIR, -14)
    assert "bin_array_1" not in keys


def test_exact_out_is_another_instruction() -> None:
    """Most to pay first, then what is exactly bought."""
    order = SwapOrder(USER, True, 900, 800, exact_out=True)
    trade = next(one for one in dlmm.swap(make_pool(), order) if one.program == layout.PROGRAM)
    assert (
        trade.data
        == layout.SWAP_EXACT_OUT2 + (900).to_bytes(8, "little") + (800).to_bytes(8, "little") + layout.NO_HOOKS
    )


def test_a_bitmap_extension_is_listed_writable_and_named_in_the_variant() -> None:
    """Without one the program's own id stands there, read-only."""
    pool, order = make_pool(), SwapOrder(USER, True, 900, 800)
    far = msgspec.structs.replace(pool, keys={**pool.keys, "bin_array_bitmap_extension": COIN})
    places = []
    for one in (pool, far):
        trade = next(step for step in dlmm.swap(one, order) if step.program == layout.PROGRAM)
        places.append((trade.accounts[1].key, trade.accounts[1].writable))
    assert places == [(layout.PROGRAM, False), (COIN, True)]
    assert (dlmm.variant(pool, order), dlmm.variant(far, order)) == ("spl/spl/wrap/x/near/2", "spl/spl/wrap/x/far/2")
    turned = msgspec.structs.replace(pool, numbers={**pool.numbers, "base_is_0": 0})
    assert dlmm.variant(turned, order) == "spl/spl/wrap/y/near/2"


def test_the_coin_may_be_the_second_token() -> None:
    """Mints and reserves stay where the pair has them; what is paid and received turns."""
    changed = {"reserve_x": raw_token(WSOL, 9_000), "reserve_y": raw_token(COIN, 10_000)}
    pool = make_pool(lb_pair=raw_pair(x=WSOL, y=COIN), **changed)
    keys = dlmm.swap_keys(pool, USER, True)
    trade = next(one for one in dlmm.swap(pool, SwapOrder(USER, True, 5, 7)) if one.program == layout.PROGRAM)
    listed: list[Pubkey] = [meta.key for meta in trade.accounts]
    assert listed[6:8] == [pool.quote_mint, pool.base_mint]
    assert listed[4:6] == [keys["user_quote_token"], keys["user_base_token"]]
