"""A plan for a screen and for machines.

Plan -> lines of at most 80 columns (`lines`), or one object (`as_json`)
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from sniperforge.base.events import Event, OrderLanded, Pool, PositionChanged, SellabilityTested
from sniperforge.base.keys import text
from sniperforge.base.units import sol
from sniperforge.base.wire import to_fields
from sniperforge.dex import instruction_names as names
from sniperforge.dex.programs import WSOL
from sniperforge.dex.venue import Instruction, Quote
from sniperforge.runtime.decoding import record_json
from sniperforge.runtime.hand import Plan
from sniperforge.trading.transaction import TRANSACTION_BYTES_MAX

Json = dict[str, object]
_LABEL, _WIDTH = 14, 80
#: Every pool is tried so far ahead: many open in the second after their creation.
OPENING_S = 2


def as_json(plan: Plan) -> Json:
    """Return the plan as plain values: integers in base units, keys in base58."""
    wanted = plan.wanted
    body: Json = {
        "venue": plan.venue.name,
        "side": "buy" if wanted.is_buy else "sell",
        "pool": to_fields(plan.pool),
        "quote": _quote_json(plan.quote),
        "back": _quote_json(plan.back) if plan.back else None,
        "slippage_bps": wanted.slippage_bps,
        "amount_in_max": plan.amount_in_max,
        "amount_out_min": plan.amount_out_min,
        "exact_out": wanted.exact_out,
        "compute_units": plan.compute_units,
    }
    if plan.instructions:
        body |= {
            "wallet": text(wanted.wallet),
            "tip_lamports": wanted.tip_lamports,
            "size_bytes": len(plan.transaction),
            "instructions": [_instruction_json(one) for one in plan.instructions],
            "transaction": base64.b64encode(plan.transaction).decode(),
        }
    return body


def _quote_json(quote: Quote) -> Json:
    return {
        "amount_in": quote.amount_in,
        "amount_out": quote.amount_out,
        "fee_amount": quote.fee_amount,
        "impact_bps": quote.impact_bps,
    }


def _instruction_json(one: Instruction) -> Json:
    told = names.instruction(one.program, one.data, tuple(meta.key for meta in one.accounts))
    return {
        "program": text(one.program),
        "name": f"{told.program}.{told.name}" if told else "",
        "arguments": record_json(told.fields) if told else {},
        "accounts": [
            {
                "name": told.accounts[at] if told else f"account_{at}",
                "key": text(meta.key),
                "signer": meta.signer,
                "writable": meta.writable,
            }
            for at, meta in enumerate(one.accounts)
        ],
        "data": one.data.hex(),
    }


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as a table of at most 80 columns; the transaction itself is one line more."""
    pool, wanted, quote = plan.pool, plan.wanted, plan.quote
    coin, money = _unit(pool, is_base=True), _unit(pool, is_base=False)
    unit_in, unit_out = (money, coin) if wanted.is_buy else (coin, money)
    yield _row("route", f"{plan.venue.name} {text(pool.address)}")
    yield _row("", f"{unit_in} -> {unit_out}, {'exact out' if wanted.exact_out else 'exact in'}")
    yield _row("coin", text(pool.base_mint))
    yield _row("paid in", "SOL" if pool.quote_mint == WSOL else text(pool.quote_mint))
    yield _row("reserves", f"{pool.base_reserve} {coin}")
    yield _row("", f"{_amount(pool.quote_reserve, money)}")
    side = "buy" if wanted.is_buy else "sell"
    yield _row(side, f"pay {_amount(quote.amount_in, unit_in)}")
    yield _row("", f"get {_amount(quote.amount_out, unit_out)}")
    yield _row("fees", f"{_amount(quote.fee_amount, money)}")
    yield _row("impact", f"{quote.impact_bps} bps")
    if plan.back is None:
        yield _row("and back", "impossible: the pool pays nothing for it")
    else:
        yield _row("and back", f"{_amount(plan.back.amount_out, unit_in)} in the same state")
    limit = f"at most {_amount(plan.amount_in_max, unit_in)}"
    if not wanted.exact_out:
        limit = f"at least {_amount(plan.amount_out_min, unit_out)}"
    yield _row("limit", f"{limit} ({wanted.slippage_bps} bps)")
    yield _row("compute units", str(plan.compute_units))
    if plan.instructions:
        yield from _transaction_lines(plan)


def _transaction_lines(plan: Plan) -> Iterator[str]:
    raw = plan.transaction
    if plan.wanted.tip_lamports:
        yield _row("tip", _amount(plan.wanted.tip_lamports, "lamports"))
    yield _row("size", f"{len(raw)} of {TRANSACTION_BYTES_MAX} bytes")
    for number, one in enumerate(plan.instructions, 1):
        told = names.instruction(one.program, one.data, tuple(meta.key for meta in one.accounts))
        yield f"{number:>3} {told.program + '.' + told.name if told else text(one.program)}"
        for at, meta in enumerate(one.accounts):
            flags = ("s" if meta.signer else "-") + ("w" if meta.writable else "-")
            name = told.accounts[at] if told else f"account_{at}"
            # A name of more than 28 letters is cut: the key must not be.
            yield f"    {flags} {name[:28]:<28} {text(meta.key)}"
    yield "unsigned transaction, base64:"
    yield base64.b64encode(raw).decode()


def fill_lines(told: Iterable[Event]) -> Iterator[str]:
    """Yield what became of an order that was sent."""
    for event in told:
        if isinstance(event, OrderLanded):
            yield _row("filled", f"{event.base_amount} coin units")
            yield _row("", _amount(event.quote_amount, "lamports"))
            yield _row("paid", f"fee {event.fee_lamports}, tip {event.tip_lamports}, rent {event.rent_lamports}")
            yield _row("slot", f"{event.slot}, {event.commitment}")
            yield _row("signature", "")
            yield event.signature
        elif isinstance(event, PositionChanged):
            yield _row("position", f"{event.position_id} {event.state}, holds {event.base_amount} coin units")
            yield _row("", f"spent {event.spent_lamports}, received {event.received_lamports} lamports")


def tested_lines(tested: SellabilityTested) -> Iterator[str]:
    """Yield what became of a buy and a sell that were tried, as a table of at most 80 columns."""
    quote_unit = "lamports" if tested.quote_mint == WSOL else "quote units"
    yield _row("tried", f"{tested.venue} {text(tested.pool)}")
    yield _row("coin", text(tested.base_mint))
    yield _row("paid in", "SOL" if tested.quote_mint == WSOL else text(tested.quote_mint))
    if tested.slot:
        yield _row("slot", str(tested.slot))
    if tested.ahead_s > OPENING_S:
        yield _row("opens", f"not yet: tried as it will be in {tested.ahead_s} s")
    yield _row("paid", _amount(tested.paid, quote_unit))
    yield _row("bought", f"{tested.bought} coin units")
    yield _row("returned", _amount(tested.returned, quote_unit))
    yield _row("sellable", "yes" if tested.sellable else "no")
    yield _row("lost", f"{tested.loss_bps} bps of what was paid")
    yield _row("compute units", f"{tested.buy_units} buy, {tested.sell_units} sell")
    for at in range(0, len(tested.problem), _WIDTH - _LABEL):
        yield _row("" if at else "problem", tested.problem[at : at + _WIDTH - _LABEL])


def _row(label: str, value: str) -> str:
    return f"{label:<{_LABEL}}{value}"


def _unit(pool: Pool, *, is_base: bool) -> str:
    if is_base:
        return "coin units"
    return "lamports" if pool.quote_mint == WSOL else "quote units"


def _amount(amount: int, unit: str) -> str:
    return f"{amount} {unit} ({sol(amount)} SOL)" if unit == "lamports" else f"{amount} {unit}"
