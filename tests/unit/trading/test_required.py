"""What is required: nothing is asked twice, a refusal names what decided, and unknown is a no only at the end."""

from __future__ import annotations

import pytest

from sniperforge.base.events import CreatorKnown, HoldersInspected, Pool, TokenInspected
from sniperforge.base.units import Pubkey
from sniperforge.dex.venue import Quote
from sniperforge.trading.conditions import parse
from sniperforge.trading.refusal import Refusal
from sniperforge.trading.required import NAMED_MAX, TOLD_MAX, Answer, Required, no_quote, quoter
from tests.unit.bots.market import SOL, VENUES, pool_of
from tests.unit.trading.test_filters import NOW, launch, pool


def required(raw: object) -> Required:
    node, mistakes = parse(raw, "require")
    assert node is not None and mistakes == []
    return Required(node, no_quote, 3_000)


def known(address: Pubkey, rugged: int) -> CreatorKnown:
    return CreatorKnown(
        creator=launch().creator,
        venue="v",
        pool=address,
        base_mint=pool().base_mint,
        launches=9,
        rugged=rugged,
        lifetime_s_median=0,
        watched_s=0,
    )


def test_what_holds_is_no_refusal() -> None:
    """At once, and at the end."""
    seen = required({"late": False})
    assert seen.ask(launch(), pool(), NOW) == Answer()
    assert seen.last(launch(), pool(), NOW) is None


def test_a_refusal_names_the_leaf_and_what_it_saw() -> None:
    """The user finds the key to change in the event."""
    seen = required({"any": [{"base_reserve_units": {"min": 10**15}}, {"venue": "pumpfun"}]})
    wanted = Refusal(
        "require",
        {
            "leaf": "require.any[0].base_reserve_units; require.any[1].venue",
            "seen": "base_reserve_units 1000000000000; venue raydium_cpmm",
            "allowed": "min 1000000000000000; is pumpfun",
        },
    )
    assert seen.ask(launch(), pool(), NOW) == Answer(wanted)
    assert seen.last(launch(), pool(), NOW) == wanted


def test_below_a_not_the_refusal_says_so() -> None:
    """The leaf was true, and that was the trouble."""
    refused = required({"not": {"symbol": {"matches": "^mc"}}}).last(launch(), pool(), NOW)
    assert refused is not None
    assert refused.values == {"leaf": "require.not.symbol", "seen": "symbol MCAT", "allowed": "not (matches ^mc)"}


def test_a_long_refusal_is_cut_and_says_so() -> None:
    """An event is no book."""
    refused = required({"any": [{"decimals": n} for n in range(NAMED_MAX + 3)]}).last(
        launch(), pool(numbers={"decimals": 99}), NOW
    )
    assert refused is not None
    assert refused.values["seen"] == "decimals 99; " * NAMED_MAX + "and 3 more"


def test_what_is_unknown_waits_asks_once_and_ends_as_a_refusal_by_its_name() -> None:
    """What comes by itself is not asked for."""
    seen = required({"all": [{"creator_rugged": 0}, {"holders_counted": {"min": 2}}, {"holders_top_1_bps": 1}]})
    assert seen.ask(launch(), pool(), NOW) == Answer(waits=True, wanted=("holders",))
    assert seen.last(launch(), pool(), NOW) == Refusal(
        "require",
        {"leaf": "require.all[0].creator_rugged", "seen": "creator_rugged unknown", "allowed": "known within 3000 ms"},
    )
    assert required({"mint_authority": False}).ask(launch(), pool(), NOW).wanted == ("mint",)


def test_facts_are_kept_by_whom_they_are_about() -> None:
    """Also before the launch is seen; of another pool, or not asked for, they are nothing."""
    seen = required({"creator_rugged": 0, "mint_authority": False})
    other = known(Pubkey(b"\x77" * 32), 1)
    assert seen.about(other) == seen.hear(other) == b"\x77" * 32
    assert seen.hear(HoldersInspected(venue="v", pool=pool().address, base_mint=pool().base_mint, found=True)) is None
    assert seen.ask(launch(), pool(), NOW).waits
    assert seen.hear(known(pool().address, 0)) == pool().address
    assert seen.hear(TokenInspected(mint=pool().base_mint, token_program=pool().base_program, found=True))
    assert seen.ask(launch(), pool(), NOW) == Answer()
    assert seen.kinds == {CreatorKnown, TokenInspected}
    seen.hear(known(pool().address, 1))
    assert [row.value for row in seen.rows(launch(), pool(), NOW)] == [None, 1, False]


def test_facts_are_remembered_within_a_bound() -> None:
    """Those told longest ago are forgotten; what is told again is young again."""
    seen = required({"creator_rugged": 0})
    seen.hear(known(pool().address, 0))
    for number in range(TOLD_MAX - 1):
        seen.hear(known(Pubkey(number.to_bytes(32, "big")), 0))
    assert not seen.ask(launch(), pool(), NOW).waits
    seen.hear(known(pool().address, 0))
    for number in range(TOLD_MAX - 1):
        seen.hear(known(Pubkey((9_000 + number).to_bytes(32, "big")), 0))
    assert not seen.ask(launch(), pool(), NOW).waits
    seen.hear(known(Pubkey(bytes(31) + b"\xff"), 0))
    assert seen.ask(launch(), pool(), NOW).waits


@pytest.mark.parametrize(("of", "out"), [(pool_of(1), True), (pool_of(1, quote=0), False), (pool_of(1, base=1), False)])
def test_our_size_is_quoted_by_the_pools_own_venue(of: Pool, out: bool) -> None:
    """A pool that is empty or gives nothing quotes nothing."""
    quote = quoter(SOL, VENUES)(of)
    assert (quote is not None) == out
    if isinstance(quote, Quote):
        assert quote == VENUES["amm"].quote_in(of, SOL, is_buy=True)
    assert no_quote(of) is None
