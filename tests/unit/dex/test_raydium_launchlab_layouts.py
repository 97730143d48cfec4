"""LaunchLab's accounts and events decode to what the official SDK finds in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.dex import raydium_launchlab as launchlab
from sniperforge.dex import raydium_launchlab_layouts as layout
from sniperforge.dex.borsh import Record
from tests.unit.dex.raydium_recordings import golden

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


@pytest.mark.parametrize(
    ("decode", "size"),
    [
        (layout.decode_pool_state, layout.POOL_STATE_SIZE),
        (layout.decode_global_config, layout.GLOBAL_CONFIG_SIZE),
        (layout.decode_platform_config, layout.PLATFORM_CONFIG_SIZE_MIN),
    ],
)
def test_an_account_of_another_size_or_kind_is_refused(decode: Callable[[bytes], Record], size: int) -> None:
    with pytest.raises(DecodeError, match=f"layout says {size}"):
        decode(bytes(size - 1))
    with pytest.raises(DecodeError, match="another kind of account"):
        decode(bytes(size))


def test_a_platform_has_its_two_rates_whatever_follows() -> None:
    raw = bytearray(layout.PLATFORM_CONFIG + bytes(720 + 40))
    raw[104:112] = (10_000).to_bytes(8, "little")
    raw[720:728] = (500).to_bytes(8, "little")
    ints = layout.decode_platform_config(bytes(raw)).ints
    assert (ints["fee_rate"], ints["creator_fee_rate"]) == (10_000, 500)


def test_the_first_trade_event_lacks_the_creator_s_fee() -> None:
    """138 bytes until 2025-08; the share's fee, side and status stand eight bytes earlier."""
    head = layout.TRADE_EVENT + bytes(32) + bytes(11 * 8)
    record = layout.decode_trade_event(head + (7).to_bytes(8, "little") + b"\x01\x02")
    names = ("share_fee", "trade_direction", "pool_status", "creator_fee", "exact_in")
    assert [record.ints[name] for name in names] == [7, 1, 2, 0, 1]
    with pytest.raises(DecodeError, match="something else"):
        layout.decode_trade_event(head + bytes(8) + b"\x02\x00")
