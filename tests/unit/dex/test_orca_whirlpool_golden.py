"""Orca Whirlpool agrees with its official SDK: accounts, instructions, addresses, events."""

from __future__ import annotations

from typing import Any

import pytest

from sniperforge.base.events import PoolCreated
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.dex import orca_whirlpool as orca
from sniperforge.dex import orca_whirlpool_layouts as layouts
from sniperforge.dex.account_table import build
from sniperforge.dex.programs import RENT, SYSTEM, TOKEN, ata, pda
from sniperforge.dex.venue import Instruction, Step
from tests.unit.dex.raydium_recordings import CONTEXT, as_metas, golden


def _keys(told: dict[str, Any]) -> dict[str, Pubkey]:
    return {name: key(text) for name, text in told.items() if isinstance(text, str) and len(text) > 31}


@pytest.mark.parametrize("case", golden("orca_whirlpool", "pda"))
def test_addresses(case: dict[str, Any]) -> None:
    told, expected = case["inputs"], case["expected"]
    keys, spacing = _keys(told), told["tick_spacing"].to_bytes(2, "little")
    config = keys["whirlpools_config"]
    pool = pda(layouts.PROGRAM, b"whirlpool", config, keys["token_mint_a"], keys["token_mint_b"], spacing)
    assert pool == key(expected["whirlpool"])
    assert orca.tick_array_of(pool, told["start_tick_index"]) == key(expected["tick_array"])
    assert pda(layouts.PROGRAM, b"oracle", pool) == key(expected["oracle"])
    assert pda(layouts.PROGRAM, b"fee_tier", config, spacing) == key(expected["fee_tier"])
    for side in "ab":
        badge = pda(layouts.PROGRAM, b"token_badge", config, keys[f"token_mint_{side}"])
        assert badge == key(expected[f"token_badge_{side}"])


def _swap_keys(told: dict[str, Any]) -> dict[str, Pubkey]:
    keys = _keys(told)
    programs = keys.get("token_program_a", TOKEN), keys.get("token_program_b", TOKEN)
    for side, program in zip("ab", programs, strict=True):
        keys[f"token_program_{side}"] = program
        keys[f"token_owner_account_{side}"] = ata(keys["user"], keys[f"token_mint_{side}"], program)
    keys |= {f"tick_array_{place}": key(text) for place, text in enumerate(told["tick_arrays"])}
    oracle = pda(layouts.PROGRAM, b"oracle", keys["whirlpool"])
    return {
        **keys,
        "token_program": TOKEN,
        "token_authority": keys["user"],
        "memo_program": layouts.MEMO,
        "oracle": oracle,
    }


@pytest.mark.parametrize("case", golden("orca_whirlpool", "instruction", "swap", "swap_v2"))
def test_swaps(case: dict[str, Any]) -> None:
    """Both account lists, and data whose first eight bytes are the program's own."""
    told, is_v2 = case["inputs"], case["op"] == "swap_v2"
    head = layouts.SWAP_V2 if is_v2 else layouts.SWAP
    data = head + b"".join(
        (
            int(told["amount"]).to_bytes(8, "little"),
            int(told["other_amount_threshold"]).to_bytes(8, "little"),
            int(told["sqrt_price_limit"]).to_bytes(16, "little"),
            bytes((told["amount_specified_is_input"], told["a_to_b"])),
            _remaining(told["remaining_accounts_info"]) if is_v2 else b"",
        )
    )
    built = build(layouts.PROGRAM, layouts.SWAPS[head], _swap_keys(told), data)
    assert as_metas(built) == case["expected"]


def _remaining(slices: list[dict[str, int]] | None) -> bytes:
    if slices is None:
        return b"\0"
    rows = slices["slices"] if isinstance(slices, dict) else slices
    return b"\1" + len(rows).to_bytes(4, "little") + b"".join(bytes(row.values()) for row in rows)


@pytest.mark.parametrize("case", golden("orca_whirlpool", "instruction", "initialize_pool", "initialize_pool_v2"))
def test_creations(case: dict[str, Any]) -> None:
    """The SDK's instruction has our account list, and reads back as the pool it makes."""
    told, expected = case["inputs"], case["expected"]
    data = bytes.fromhex(expected["data_hex"])
    metas = tuple(key(meta["pubkey"]) for meta in expected["accounts"])
    (created,) = orca.read(Step(orca.PROGRAM, metas, data), CONTEXT)
    assert isinstance(created, PoolCreated)
    keys = _keys(told)
    assert orca.verify(created) == ""
    assert {created.pool.base_mint, created.pool.quote_mint} == {keys["token_mint_a"], keys["token_mint_b"]}
    assert created.pool.numbers["tick_spacing"] == told["tick_spacing"]
    table = layouts.CREATIONS[data[:8]][1]
    keys["whirlpool"] = created.pool.address
    config, tier = keys["whirlpools_config"], told["tick_spacing"].to_bytes(2, "little")
    named = {
        "token_program": TOKEN,
        "system_program": SYSTEM,
        "rent": RENT,
        "fee_tier": pda(orca.PROGRAM, b"fee_tier", config, tier),
        "token_badge_a": pda(orca.PROGRAM, b"token_badge", config, keys["token_mint_a"]),
        "token_badge_b": pda(orca.PROGRAM, b"token_badge", config, keys["token_mint_b"]),
        **keys,
    }
    built: Instruction = build(orca.PROGRAM, table, named, data)
    assert as_metas(built) == expected


@pytest.mark.parametrize("case", golden("orca_whirlpool", "account"))
def test_accounts(case: dict[str, Any]) -> None:
    record = layouts.decode_whirlpool(bytes.fromhex(case["inputs"]["data_hex"]))
    expected = case["expected"]
    for name, value in {**record.ints, **record.keys}.items():
        if name in ("fee_tier_index_seed", "whirlpool_bump"):
            # Byte arrays in the program, hex here.
            assert value == int.from_bytes(bytes.fromhex(expected[name]), "little")
        elif name in expected:
            assert value == (key(expected[name]) if isinstance(value, bytes) else int(expected[name])), name
    assert len(record.ints) + len(record.keys) == 18


@pytest.mark.parametrize("case", golden("orca_whirlpool", "event"))
def test_events(case: dict[str, Any]) -> None:
    payload, expected = bytes.fromhex(case["inputs"]["data_hex"]), case["expected"]
    name, codec = layouts.EVENTS[payload[:8]]
    record = codec.decode(payload, 8)
    assert name == case["op"]
    assert {**record.ints, **record.keys}.keys() == expected.keys()
    for field, value in {**record.ints, **record.keys}.items():
        assert value == (key(expected[field]) if isinstance(value, bytes) else int(expected[field])), field
