"""A plan is shown whole within 80 columns, and told to machines in integers and base58."""

from __future__ import annotations

import base64

import msgspec
import pytest

from sniperforge.base.events import OrderLanded, OrderSent, PositionChanged, SellabilityTested
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import TOKEN, USDC, WSOL
from sniperforge.dex.venue import AccountMeta, Instruction
from sniperforge.runtime import hand_view
from sniperforge.runtime.hand import Plan, Wanted, make_plan
from tests.unit.runtime.test_hand_order import POOL, SOL, VENUE, named

WALLET = named("wallet")


def plan(**changes: object) -> Plan:
    wanted = {"is_buy": True, "amount": SOL, "wallet": WALLET, "tip_lamports": 1_000, "tip_account": named("tip")}
    return make_plan(VENUE, POOL, Wanted(**{**wanted, **changes}))  # type: ignore[arg-type]


@pytest.mark.parametrize("is_buy", [True, False])
@pytest.mark.parametrize("exact_out", [True, False])
def test_a_plan_stays_within_80_columns(is_buy: bool, exact_out: bool) -> None:
    """All but the transaction itself, which nobody reads and everybody copies."""
    made = plan(is_buy=is_buy, exact_out=exact_out)
    *rows, last = hand_view.lines(made)
    assert max(map(len, rows)) <= 80
    assert base64.b64decode(last) == made.transaction
    shown = "\n".join(rows)
    for part in ("route", "reserves", "fees", "impact", "and back", "limit", "compute units", "size", "tip"):
        assert part in shown
    assert text(POOL.keys["observation_state"]) in shown
    assert ("at most" if exact_out else "at least") in shown


def test_a_quote_alone_shows_no_transaction_and_a_closed_way_back() -> None:
    made = plan(wallet=Pubkey(bytes(32)))._replace(back=None)
    shown = "\n".join(hand_view.lines(made))
    assert "impossible: the pool pays nothing for it" in shown
    assert "base64" not in shown
    body = hand_view.as_json(made)
    assert body["back"] is None
    assert "transaction" not in body


def test_a_pool_paid_in_something_else_shows_no_sol() -> None:
    other = msgspec.structs.replace(POOL, quote_mint=USDC)
    shown = "\n".join(hand_view.lines(make_plan(VENUE, other, Wanted(True, SOL))))
    assert "quote units" in shown
    assert "SOL" not in shown
    assert text(WSOL) not in shown


def test_machines_get_integers_names_and_the_transaction() -> None:
    made = plan()
    body = hand_view.as_json(made)
    assert body["quote"] == {
        "amount_in": made.quote.amount_in,
        "amount_out": made.quote.amount_out,
        "fee_amount": made.quote.fee_amount,
        "impact_bps": made.quote.impact_bps,
    }
    assert base64.b64decode(str(body["transaction"])) == made.transaction
    assert body["size_bytes"] == len(made.transaction)
    instructions = body["instructions"]
    assert isinstance(instructions, list)
    swap = next(one for one in instructions if one["name"] == "raydium_cpmm.swap_base_input")
    assert swap["arguments"] == {"amount_in": SOL, "minimum_amount_out": made.amount_out_min}
    assert {"name": "pool_state", "key": text(POOL.address), "signer": False, "writable": True} in swap["accounts"]


def test_an_instruction_of_a_stranger_is_shown_by_its_address() -> None:
    stranger = Instruction(named("stranger"), (AccountMeta(TOKEN),), b"\x01")
    made = plan()._replace(instructions=(stranger,))
    shown = list(hand_view.lines(made))
    assert any(text(named("stranger")) in row for row in shown)
    assert any("account_0" in row for row in shown)
    told = hand_view.as_json(made)["instructions"]
    assert isinstance(told, list)
    assert (told[0]["name"], told[0]["accounts"][0]["name"]) == ("", "account_0")


def test_a_fill_is_shown_with_its_position() -> None:
    fill = OrderLanded(
        order_id=1,
        bot="hand",
        pool=POOL.address,
        base_mint=POOL.base_mint,
        side="buy",
        signature="5" * 88,
        slot=7,
        base_amount=10,
        quote_amount=2_000_000_000,
        fee_lamports=5_000,
        tip_lamports=0,
        rent_lamports=2_039_280,
        commitment="confirmed",
    )
    held = PositionChanged(
        position_id=1,
        bot="hand",
        pool=POOL,
        state="open",
        base_amount=10,
        spent_lamports=11,
        received_lamports=0,
        entry_quote=1,
        entry_base=1,
        opened_ns=0,
    )
    sent = OrderSent(order_id=1, bot="hand", signature="5", lane="rpc")
    rows = list(hand_view.fill_lines([sent, fill, held]))
    assert rows[0].split() == ["filled", "10", "coin", "units"]
    assert "2 SOL" in rows[1]
    assert "1 open, holds 10 coin units" in "\n".join(rows)
    assert "5" * 88 in rows


def test_a_trial_is_shown_with_what_it_lost_and_why_it_failed() -> None:
    tried = SellabilityTested(
        venue="raydium_cpmm",
        pool=POOL.address,
        base_mint=POOL.base_mint,
        quote_mint=POOL.quote_mint,
        found=True,
        slot=7,
        amount=SOL,
        paid=SOL,
        bought=10,
        returned=SOL - 5_000_000,
        sellable=True,
        loss_bps=50,
        buy_units=3,
        sell_units=4,
        ahead_s=2,
    )
    rows = [row.split() for row in hand_view.tested_lines(tried)]
    assert ["sellable", "yes"] in rows
    assert ["lost", "50", "bps", "of", "what", "was", "paid"] in rows
    assert ["paid", "in", "SOL"] in rows
    assert not any(row[0] in ("problem", "opens") for row in rows)
    odd = msgspec.structs.replace(
        tried, sellable=False, problem="sell: " + "x" * 150, ahead_s=3_600, slot=0, quote_mint=named("usd")
    )
    shown = list(hand_view.tested_lines(odd))
    assert max(map(len, shown)) <= 80
    assert "".join(row[14:] for row in shown[-3:]) == odd.problem
    assert any(row.startswith("opens") and "3600 s" in row for row in shown)
    assert any(row.endswith(text(named("usd"))) for row in shown)
    assert "quote units" in "".join(shown)
    assert not any(row.startswith("slot") for row in shown)
