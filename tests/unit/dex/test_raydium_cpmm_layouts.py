"""Accounts and events of Raydium CPMM decode to what the official SDK finds in them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from sniperforge.base.errors import DecodeError
from sniperforge.dex import raydium_cpmm as cpmm
from sniperforge.dex import raydium_cpmm_layouts as layout
from sniperforge.dex.borsh import Record
from tests.unit.dex.raydium_cpmm_steps import numbers_of
from tests.unit.dex.raydium_recordings import golden

SDK_POOL = {
    "config_id": "amm_config", "pool_creator": "pool_creator", "vault_a": "token_0_vault", "vault_b": "token_1_vault",
    "mint_lp": "lp_mint", "mint_a": "token_0_mint", "mint_b": "token_1_mint", "mint_program_a": "token_0_program",
    "mint_program_b": "token_1_program", "observation_id": "observation_key", "bump": "auth_bump", "status": "status",
    "lp_decimals": "lp_mint_decimals", "mint_decimal_a": "mint_0_decimals", "mint_decimal_b": "mint_1_decimals",
    "lp_amount": "lp_supply", "protocol_fees_mint_a": "protocol_fees_token_0", "open_time": "open_time",
    "protocol_fees_mint_b": "protocol_fees_token_1", "fund_fees_mint_a": "fund_fees_token_0", "epoch": "recent_epoch",
    "fund_fees_mint_b": "fund_fees_token_1", "fee_on": "creator_fee_on", "enable_creator_fee": "enable_creator_fee",
    "creator_fees_mint_a": "creator_fees_token_0", "creator_fees_mint_b": "creator_fees_token_1",
}  # fmt: skip


@pytest.mark.parametrize("case", golden("raydium_cpmm", "account", "pool_state"))
def test_golden_pool_accounts(case: Any) -> None:
    found = numbers_of(cpmm.decode_pool_state(bytes.fromhex(case["inputs"]["data_hex"])))
    assert set(case["expected"]) == set(SDK_POOL)
    assert {sdk: str(found[ours]) for sdk, ours in SDK_POOL.items()} == {
        sdk: str(int(value) if isinstance(value, bool) else value) for sdk, value in case["expected"].items()
    }


@pytest.mark.parametrize("case", golden("raydium_cpmm", "account", "amm_config"))
def test_golden_config_accounts(case: Any) -> None:
    """`creator_fee_share_rate` is the SDK's own: the program that is deployed has padding there."""
    found = numbers_of(cpmm.decode_amm_config(bytes.fromhex(case["inputs"]["data_hex"])))
    expected = {name: value for name, value in case["expected"].items() if name != "creator_fee_share_rate"}
    assert {name: str(found[name]) for name in expected} == {
        name: str(int(value) if isinstance(value, bool) else value) for name, value in expected.items()
    }


@pytest.mark.parametrize("case", golden("raydium_cpmm", "event"))
def test_golden_events(case: Any) -> None:
    payload = base64.b64decode(case["inputs"]["program_data_base64"])
    assert payload.hex() == case["inputs"]["payload_hex"]
    found = numbers_of(layout.SWAP_EVENT_LAYOUT.decode(payload, 8))
    assert {name: str(value) for name, value in found.items()} == {
        name: str(int(value) if isinstance(value, bool) else value) for name, value in case["expected"].items()
    }


@pytest.mark.parametrize(
    ("decode", "size"),
    [(layout.decode_pool_state, layout.POOL_STATE_SIZE), (layout.decode_amm_config, layout.AMM_CONFIG_SIZE)],
)
def test_an_account_of_another_size_or_kind_is_refused(decode: Callable[[bytes], Record], size: int) -> None:
    with pytest.raises(DecodeError, match=f"layout says {size}"):
        decode(bytes(size - 1))
    with pytest.raises(DecodeError, match="another kind of account"):
        decode(bytes(size))
