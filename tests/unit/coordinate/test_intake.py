"""Intents inside the bounds pass, whatever limits may say later; one step outside is told in words."""

from __future__ import annotations

import msgspec
import pytest

from sniperforge.base.units import U64_MAX
from sniperforge.coordinate.intake import malformed
from tests.unit.coordinate.stand import make_buy, make_pool


@pytest.mark.parametrize(
    "changes", [{}, {"id": 1}, {"id": (1 << 63) - 1}, {"amount_in": U64_MAX}, {"amount_in": -1}, {"position_id": 0}]
)
def test_what_a_limit_can_judge_passes(changes: dict[str, object]) -> None:
    assert malformed(make_buy(1, **changes)) == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": 0}, "its id"),
        ({"position_id": 1 << 63}, "position id"),
        ({"amount_out_min": U64_MAX + 1}, "64 bits"),
        ({"slippage_bps": -(1 << 64)}, "64 bits"),
        ({"pool": make_pool(address=bytes(33))}, "32 bytes"),
    ],
)
def test_what_no_journal_can_hold_is_named(changes: dict[str, object], problem: str) -> None:
    assert problem in malformed(make_buy(1, **changes))


@pytest.mark.parametrize("name", ["address", "base_mint", "quote_mint", "base_program", "quote_program", "keys"])
@pytest.mark.parametrize("size", [0, 31, 33])
def test_every_key_of_a_pool_is_measured(name: str, size: int) -> None:
    odd: object = {**make_pool().keys, "lp_mint": bytes(size)} if name == "keys" else bytes(size)
    pool = msgspec.structs.replace(make_pool(), **{name: odd})
    assert "32 bytes" in malformed(make_buy(1, pool=pool))
