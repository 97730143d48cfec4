"""Raydium CLMM agrees with its official SDK: accounts, instructions, addresses, events."""

from __future__ import annotations

from typing import Any

import pytest

from sniperforge.base.events import PoolCreated
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import raydium_clmm as clmm
from sniperforge.dex import raydium_clmm_layouts as layouts
from sniperforge.dex.account_table import accounts, build
from sniperforge.dex.programs import RENT, SYSTEM, TOKEN, TOKEN_2022, pda
from sniperforge.dex.venue import Step
from tests.unit.dex.raydium_recordings import CONTEXT, as_metas, golden

#: What the SDK calls the program's fields.
SDK_NAMES = {
    "config_id": "amm_config",
    "creator": "owner",
    "observation_id": "observation_key",
    "start_time": "open_time",
    **{f"mint_{a}": f"token_mint_{n}" for a, n in ("a0", "b1")},
    **{f"vault_{a}": f"token_vault_{n}" for a, n in ("a0", "b1")},
    **{f"mint_decimals_{a}": f"mint_decimals_{n}" for a, n in ("a0", "b1")},
    **{f"protocol_fees_token_{a}": f"protocol_fees_token_{n}" for a, n in ("a0", "b1")},
    **{f"fund_fees_token_{a}": f"fund_fees_token_{n}" for a, n in ("a0", "b1")},
}


def _keys(told: dict[str, Any]) -> dict[str, Pubkey]:
    return {name: key(text) for name, text in told.items() if isinstance(text, str) and len(text) > 31}


@pytest.mark.parametrize("case", golden("raydium_clmm", "pda"))
def test_addresses(case: dict[str, Any]) -> None:
    told, expected = case["inputs"], {name: key(text) for name, text in case["expected"].items()}
    if case["op"] == "amm_config":
        assert pda(clmm.PROGRAM, b"amm_config", told["index"].to_bytes(2, "big")) == expected["amm_config"]
        return
    keys = _keys(told)
    mint_0, mint_1 = keys["token_mint_0"], keys["token_mint_1"]
    pool = pda(clmm.PROGRAM, b"pool", keys["amm_config"], mint_0, mint_1)
    assert pool == expected["pool_state"]
    assert pda(clmm.PROGRAM, b"pool_vault", pool, mint_0) == expected["token_vault_0"]
    assert pda(clmm.PROGRAM, b"pool_vault", pool, mint_1) == expected["token_vault_1"]
    assert pda(clmm.PROGRAM, b"observation", pool) == expected["observation_state"]
    extension = pda(clmm.PROGRAM, b"pool_tick_array_bitmap_extension", pool)
    assert extension == expected["tick_array_bitmap_extension"]
    assert layouts.tick_array_of(pool, told["tick_array_start_index"]) == expected["tick_array"]


@pytest.mark.parametrize("case", golden("raydium_clmm", "instruction", "swap_v2"))
def test_swaps(case: dict[str, Any]) -> None:
    """The extension, where there is one, stands in front of the arrays."""
    told = case["inputs"]
    keys = {**_keys(told), "memo_program": layouts.MEMO, "token_program": TOKEN, "token_program_2022": TOKEN_2022}
    keys |= {
        "payer": keys["user"],
        "input_token_account": keys["user_input"],
        "output_token_account": keys["user_output"],
        "input_vault_mint": keys["input_mint"],
        "output_vault_mint": keys["output_mint"],
    }
    names = []
    for place, text in enumerate(told["tick_arrays"]):
        keys[f"tick_array_{place}"] = key(text)
        names.append(f"tick_array_{place}:w")
    if told["tick_array_bitmap_extension"]:
        names.insert(0, "tick_array_bitmap_extension:w")
    amounts = int(told["amount"]), int(told["other_amount_threshold"])
    limit = int(told["sqrt_price_limit_x64"]).to_bytes(16, "little")
    data = layouts.SWAP_ARGUMENTS.pack(layouts.SWAP_V2, *amounts, limit, told["is_base_input"])
    table = layouts.SWAP_V2_ACCOUNTS + accounts(" ".join(names))
    assert as_metas(build(layouts.PROGRAM, table, keys, data)) == case["expected"]


@pytest.mark.parametrize("case", golden("raydium_clmm", "instruction", "create_pool", "create_customizable_pool"))
def test_creations(case: dict[str, Any]) -> None:
    """The SDK's instruction has our account list, and reads back as the pool it makes."""
    told, expected = case["inputs"], case["expected"]
    data = bytes.fromhex(expected["data_hex"])
    metas = tuple(key(meta["pubkey"]) for meta in expected["accounts"])
    (created,) = clmm.read(Step(clmm.PROGRAM, metas, data), CONTEXT)
    assert isinstance(created, PoolCreated)
    keys = _keys(told)
    assert created.pool.address == pda(clmm.PROGRAM, b"pool", *metas[1:2], *metas[3:5])
    assert {created.pool.base_mint, created.pool.quote_mint} == {keys["token_mint_0"], keys["token_mint_1"]}
    assert created.pool.numbers["fee_on"] == told.get("collect_fee_on", 0)
    named = dict(zip((name for name, _, _ in layouts.CREATION_ACCOUNTS), metas, strict=False))
    named |= {"system_program": SYSTEM, "rent": RENT, **keys}
    ours = as_metas(build(clmm.PROGRAM, layouts.CREATION_ACCOUNTS, named, data))
    assert ours["accounts"] == expected["accounts"][: len(ours["accounts"])]


@pytest.mark.parametrize("case", golden("raydium_clmm", "account"))
def test_accounts(case: dict[str, Any]) -> None:
    record = layouts.decode_pool_state(bytes.fromhex(case["inputs"]["data_hex"]))
    values = {**record.ints, **record.keys}
    for name, expected in case["expected"].items():
        value = values[SDK_NAMES.get(name, name)]
        assert value == (key(expected) if isinstance(value, bytes) else int(expected)), name


@pytest.mark.parametrize("case", golden("raydium_clmm", "event"))
def test_events(case: dict[str, Any]) -> None:
    payload, expected = bytes.fromhex(case["inputs"]["data_hex"]), case["expected"]
    name, codec = layouts.EVENTS[payload[:8]]
    record = codec.decode(payload, 8)
    assert name == case["op"]
    assert {**record.ints, **record.keys}.keys() == expected.keys()
    for field, value in {**record.ints, **record.keys}.items():
        assert value == (key(expected[field]) if isinstance(value, bytes) else int(expected[field])), field
