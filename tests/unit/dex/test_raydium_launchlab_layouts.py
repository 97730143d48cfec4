"""LaunchLab's accounts and events decode to what the official SDK finds in them."""

from __future__ import annotations

from typing import Any

import pytest

from sniperforge.base import keys as base58
from sniperforge.base.units import Pubkey
from sniperforge.dex import raydium_launchlab as launchlab
from sniperforge.dex import raydium_launchlab_layouts as layout
from tests.unit.dex.raydium_recordings import golden

COIN, USER = Pubkey(b"\x01" * 32), Pubkey(b"\x21" * 32)


SDK_NAMES = {
    "bump": "auth_bump", "mint_decimals_a": "base_decimals", "mint_decimals_b": "quote_decimals",
    "total_sell_a": "total_base_sell", "virtual_a": "virtual_base", "virtual_b": "virtual_quote",
    "real_a": "real_base", "real_b": "real_quote", "total_fund_raising_b": "total_quote_fund_raising",
    "protocol_fee": "quote_protocol_fee", "config_id": "global_config", "platform_id": "platform_config",
    "mint_a": "base_mint", "mint_b": "quote_mint", "vault_a": "base_vault", "vault_b": "quote_vault",
    "mint_program_flag": "token_program_flag", "cpmm_creator_fee_on": "amm_creator_fee_on",
    "min_supply_a": "min_base_supply", "min_sell_rate_a": "min_base_sell_rate",
    "min_migrate_rate_a": "min_base_migrate_rate", "min_fund_raising_b": "min_quote_fund_raising",
    "migrate_to_cpmm_wallet": "migrate_to_cpswap_wallet",
    "vesting.total_allocated_share": "vesting.allocated_share_amount",
}  # fmt: skip


@pytest.mark.parametrize("case", golden("raydium_launchlab", "account"))
def test_golden_accounts(case: Any) -> None:
    raw = bytes.fromhex(case["inputs"]["data_hex"])
    is_pool = case["op"] == "pool_state"
    record = launchlab.decode_pool_state(raw) if is_pool else launchlab.decode_global_config(raw)
    found = {**record.ints, **{name: base58.text(one) for name, one in record.keys.items()}}
    expected: dict[str, Any] = dict(case["expected"])
    for name, value in expected.pop("vesting_schedule", {}).items():
        expected[f"vesting.{name}"] = value
    if not is_pool:
        expected["quote_mint"] = expected.pop("mint_b")
    assert {name: str(found[SDK_NAMES.get(name, name)]) for name in expected} == {
        name: str(value) for name, value in expected.items()
    }


@pytest.mark.parametrize("case", golden("raydium_launchlab", "event", "TradeEvent"))
def test_golden_trade_events(case: Any) -> None:
    record = layout.decode_trade_event(bytes.fromhex(case["inputs"]["data_hex"]))
    found = {**record.ints, **{name: base58.text(raw) for name, raw in record.keys.items()}}
    expected = {name: int(value) if isinstance(value, bool) else value for name, value in case["expected"].items()}
    assert {name: str(value) for name, value in found.items()} == {name: str(value) for name, value in expected.items()}


@pytest.mark.parametrize("case", golden("raydium_launchlab", "event", "PoolCreateEvent"))
def test_golden_creation_events(case: Any) -> None:
    record = layout.POOL_CREATE_EVENT_LAYOUT.decode(bytes.fromhex(case["inputs"]["data_hex"]), 8)
    expected = case["expected"]
    for name in ("pool_state", "creator", "config"):
        assert base58.text(record.keys[name]) == expected[name]
    ((variant, curve),) = expected["curve_param"].items()
    assert record.ints["curve"] == ("Constant", "Fixed", "Linear").index(variant)
    flat = {f"curve.{name}": value for name, value in curve.items()}
    flat |= {f"vesting.{name}": value for name, value in expected["vesting_param"].items()}
    flat |= {f"mint.{name}": value for name, value in expected["base_mint_param"].items()}
    flat["amm_fee_on"] = expected["amm_fee_on"]
    found = {**record.ints, **record.texts}
    assert {name: str(found[name]) for name in flat} == {name: str(value) for name, value in flat.items()}
