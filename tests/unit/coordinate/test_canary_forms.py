"""Our forms come out of the venues themselves: every account named, every swap of ours found among them."""

from __future__ import annotations

import msgspec
import pytest

from sniperforge.base.events import Pool
from sniperforge.base.units import ZERO_KEY
from sniperforge.coordinate.canary_forms import Form, expected, forms, pool_like, stand_in
from sniperforge.dex.programs import TOKEN
from sniperforge.dex.venue import Instruction, SwapOrder, Venue
from sniperforge.dex.venues import VENUES

EVERY = [
    pytest.param(form, id=f"{name}-{form.name}-{at}") for name in VENUES for at, form in enumerate(forms(VENUES[name]))
]


def trade_of(form: Form, *, exact_out: bool | None = None) -> Instruction:
    """The instruction the venue builds for a pool of that kind."""
    pool = pool_for(form)
    for exact in (False, True) if exact_out is None else (exact_out,):
        order = SwapOrder(stand_in("user"), form.is_buy, 5, 1, exact_out=exact)
        trade = next(one for one in form.venue.swap(pool, order) if one.program == form.venue.program)
        if trade.data.startswith(form.head):
            return trade
    raise AssertionError(form.name)


def pool_for(form: Form) -> Pool:
    """A pool of that kind whose tokens are of a real token program."""
    pool = pool_like(form.venue, form.specimen, {})
    return msgspec.structs.replace(pool, base_program=TOKEN, quote_program=TOKEN)


@pytest.mark.parametrize("venue", VENUES.values(), ids=list(VENUES))
def test_every_venue_has_forms_of_both_sides(venue: Venue) -> None:
    sides = {form.is_buy for form in forms(venue)}
    # Orca lists its accounts by token, whichever way the trade goes: one list for both.
    assert sides == {True, False} or venue.name == "orca_whirlpool"
    assert forms(venue) is forms(venue)


@pytest.mark.parametrize("form", EVERY)
def test_every_account_of_a_form_has_a_name(form: Form) -> None:
    """A difference is told by name, so there must be one; and an IDL's name where there is an IDL's list."""
    names = [row.name for row in form.rows]
    assert not [name for name in names if name.startswith("account_")]
    assert len(set(names)) == len(names)
    assert form.name
    assert all((row.key == ZERO_KEY) is bool(row.role) or row.name == "system_program" for row in form.rows)


@pytest.mark.parametrize("form", EVERY)
def test_what_is_expected_of_our_own_swap_is_our_own_swap(form: Form) -> None:
    """Every account that can be computed is computed as `swap` puts it; the rest nobody can say."""
    trade = trade_of(form)
    listed = [meta.key for meta in trade.accounts]
    wanted = expected(form, listed, {})
    assert len(trade.data) == form.size
    known = [(row.name, key) for row, key in zip(form.rows, wanted, strict=True) if key is not None][: form.fixed]
    placed = dict(zip((row.name for row in form.rows), listed, strict=False))
    assert known
    assert all(placed[name] == key for name, key in known)


def test_a_creator_the_events_tell_derives_the_vault() -> None:
    """pump.fun's TradeEvent names the creator: then his vault is computed and not believed."""
    form = next(form for form in forms(VENUES["pumpfun"]) if form.name == "buy_v2")
    at = [row.name for row in form.rows].index("creator_vault")
    listed = [meta.key for meta in trade_of(form).accounts]
    untold, told, zero = (
        expected(form, listed, told) for told in ({}, {"creator": stand_in("x")}, {"creator": ZERO_KEY})
    )
    assert untold[at] == zero[at] == listed[at]
    assert told[at] not in (None, listed[at])


def test_a_venue_nobody_described_has_no_forms() -> None:
    class Other:
        name = "other"

    assert forms(Other()) == ()
