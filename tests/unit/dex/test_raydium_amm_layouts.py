"""AmmInfo and every kind of ray_log decode to what the official SDK finds in them."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys as base58
from sniperforge.base.errors import DecodeError
from sniperforge.dex import raydium_amm as amm
from sniperforge.dex import raydium_amm_layouts as layout
from tests.unit.dex.raydium_recordings import golden

SDK_INFO = {
    "max_order": "order_num", "base_decimal": "coin_decimals", "quote_decimal": "pc_decimals", "owner": "amm_owner",
    "amount_wave_ratio": "amount_wave", "base_lot_size": "coin_lot_size", "quote_lot_size": "pc_lot_size",
    "system_decimal_value": "sys_decimal_value", "base_need_take_pnl": "need_take_pnl_coin", "market_id": "market",
    "quote_need_take_pnl": "need_take_pnl_pc", "quote_total_pnl": "total_pnl_pc", "base_total_pnl": "total_pnl_coin",
    "swap_base_in_amount": "swap_coin_in_amount", "swap_quote_out_amount": "swap_pc_out_amount",
    "swap_base2_quote_fee": "swap_acc_pc_fee", "swap_quote_in_amount": "swap_pc_in_amount",
    "swap_base_out_amount": "swap_coin_out_amount", "swap_quote2_base_fee": "swap_acc_coin_fee",
    "base_vault": "coin_vault", "quote_vault": "pc_vault", "base_mint": "coin_vault_mint",
    "quote_mint": "pc_vault_mint", "market_program_id": "market_program", "lp_reserve": "lp_amount",
}  # fmt: skip


@pytest.mark.parametrize("case", golden("raydium_amm_v4", "account"))
def test_golden_accounts(case: Any) -> None:
    record = amm.decode_amm_info(bytes.fromhex(case["inputs"]["data_hex"]))
    found = {**record.ints, **{name: base58.text(raw) for name, raw in record.keys.items()}}
    expected = case["expected"]
    assert {name: str(found[SDK_INFO.get(name, name)]) for name in expected} == {
        name: str(value) for name, value in expected.items()
    }


@pytest.mark.parametrize("case", golden("raydium_amm_v4", "log"))
def test_golden_logs(case: Any) -> None:
    kind, record = layout.decode_log(case["inputs"]["line"].removeprefix("Program log: "))
    found = {"log_type": kind, **record.ints, **{name: base58.text(raw) for name, raw in record.keys.items()}}
    assert {name: str(value) for name, value in found.items()} == {
        name: str(value) for name, value in case["expected"].items()
    }


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ray_log", "no ray_log"),
        ("ray_log: " + "A" * 257, "no ray_log"),
        ("ray_log: A", "base64"),
        ("ray_log: Ä", "base64"),
        ("ray_log: ", "nothing"),
        ("ray_log: BQ==", "05"),
        ("ray_log: AwAA", "early"),
    ],
)
def test_a_line_the_program_does_not_write_is_refused(line: str, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        layout.decode_log(line)


@given(st.text(max_size=200) | st.binary(max_size=140).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_is_a_log_or_a_decode_error(text: str) -> None:
    with contextlib.suppress(DecodeError):
        kind, record = layout.decode_log("ray_log: " + text)
        assert 0 <= kind <= 4
        assert record.ints


def test_a_market_starts_with_its_word() -> None:
    raw = b"serum" + bytes(383)
    assert layout.decode_market(raw).ints["vault_signer_nonce"] == 0
    with pytest.raises(DecodeError, match="serum"):
        layout.decode_market(bytes(388))
    with pytest.raises(DecodeError, match="388"):
        layout.decode_market(raw[:-1])
    with pytest.raises(DecodeError, match="752"):
        layout.decode_amm_info(bytes(751))
