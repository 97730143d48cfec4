"""Facts: each has the unit of its name, what is not known is absent, and nothing is read that nobody asks for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sniperforge.base import keys
from sniperforge.base.events import (
    BundleSeen,
    CreatorKnown,
    Event,
    FeedChanged,
    HoldersInspected,
    LiquidityInspected,
    MetadataInspected,
    Pool,
    PoolCreated,
    SellabilityTested,
    TokenInspected,
)
from sniperforge.dex.programs import TOKEN_2022, USDC
from sniperforge.dex.token import EXTENSIONS
from sniperforge.dex.venue import Quote
from sniperforge.trading.facts import FACTS, OF_LAUNCH, QUOTE_NAMED, TOLD, WANTED, Asked, Facts, Value
from tests.unit.trading.test_filters import CREATOR, NOW, OTHER, launch, pool

MS = 1_000_000
EVERY = Asked(frozenset(FACTS))
OF_POOL: dict[str, Any] = {"venue": "v", "pool": pool().address, "base_mint": pool().base_mint}


def nothing(_pool: Pool) -> Quote | None:
    return None


def of(seen: PoolCreated, now_ns: int = NOW) -> Facts:
    return EVERY.of(seen, seen.pool, now_ns, nothing)


def told(event: Event) -> Facts:
    facts: Facts = {}
    assert EVERY.about(event) is not None
    EVERY.fold(facts, event)
    return facts


@pytest.mark.parametrize(
    ("of_pool", "of_launch", "name", "value"),
    [
        ({}, {}, "venue", "raydium_cpmm"),
        ({}, {}, "on_curve", False),
        ({}, {}, "quote_mint", "SOL"),
        ({"quote_mint": USDC}, {}, "quote_mint", "USDC"),
        ({"quote_mint": CREATOR}, {}, "quote_mint", keys.text(CREATOR)),
        ({}, {}, "token_2022", False),
        ({"base_program": TOKEN_2022}, {}, "token_2022", True),
        ({"quote": 7}, {}, "quote_reserve_units", 7),
        ({"quote": 7}, {}, "liquidity_quote_units", 7),
        ({"venue": "pumpfun", "numbers": {"real_quote_reserve": 3}}, {}, "liquidity_quote_units", 3),
        ({"base": 8}, {}, "base_reserve_units", 8),
        ({"numbers": {"mayhem": 1}}, {}, "mayhem", True),
        ({}, {}, "cashback", False),
        ({"venue": "pumpfun", "numbers": {"supply": 9}}, {}, "supply_units", 9),
        ({"venue": "pumpswap", "numbers": {"supply": 9}}, {}, "supply_units", None),
        ({"numbers": {"decimals": 6}}, {}, "decimals", 6),
        ({"numbers": {"base_decimals": 5}}, {}, "decimals", 5),
        ({}, {}, "decimals", None),
        ({}, {}, "creator", keys.text(CREATOR)),
        ({}, {"user": OTHER}, "user", keys.text(OTHER)),
        ({}, {"user": OTHER}, "creator_signed", False),
        ({}, {}, "creator_signed", True),
        ({}, {"late": True}, "late", True),
        ({}, {}, "believed_by", "event"),
        ({}, {"source": "a"}, "source", "a"),
        ({}, {}, "name", "Moon Cat"),
        ({}, {}, "symbol", "MCAT"),
        ({}, {}, "uri", "https://ipfs.io/x"),
        ({}, {"origin_ns": NOW - 5 * MS}, "age_ms", 5),
        ({}, {"origin_ns": NOW - 9_000 * MS, "open_time": NOW // 10**9 - 2}, "age_ms", 2_000),
        ({}, {"origin_ns": 0, "ts_ns": NOW - 3 * MS}, "age_ms", 3),
        ({}, {"origin_ns": 0, "ts_ns": 0}, "age_ms", None),
        ({}, {}, "opens_in_ms", 0),
        ({}, {"open_time": NOW // 10**9 + 2}, "opens_in_ms", 2_000),
        ({"venue": "pumpfun"}, {}, "mint_authority", False),
        ({"venue": "pumpfun", "base_program": TOKEN_2022}, {}, "extension_token_metadata", True),
        ({"venue": "pumpfun", "base_program": TOKEN_2022}, {}, "extension_transfer_fee", False),
        ({}, {}, "mint_authority", None),
    ],
)
def test_a_launch_tells_what_it_knows(
    of_pool: dict[str, Any], of_launch: dict[str, Any], name: str, value: Value | None
) -> None:
    """And of its mint only what its program makes certain."""
    assert of(launch(pool(**of_pool), **of_launch)).get(name) == value


def test_the_quote_is_the_venues_own() -> None:
    """Fees are of what is paid in; a pool that quotes nothing tells nothing."""
    quote = Quote(amount_in=1_000, amount_out=5, fee_amount=12, impact_bps=321)
    facts = EVERY.of(launch(), pool(), NOW, lambda _pool: quote)
    assert (facts["buy_impact_bps"], facts["buy_fee_bps"]) == (321, 120)
    assert not QUOTE_NAMED & of(launch()).keys()


def test_a_mint_account_tells_powers_supply_and_decimals() -> None:
    """Extensions by name; one nobody knows has a name of its own."""
    mint: dict[str, Any] = {"mint": pool().base_mint, "token_program": TOKEN_2022, "found": True}
    facts = told(TokenInspected(**mint, supply=5, decimals=2, freeze_authority=OTHER, extensions=("transfer_fee",)))
    assert (facts["supply_units"], facts["decimals"]) == (5, 2)
    assert (facts["mint_authority"], facts["freeze_authority"]) == (False, True)
    assert [name for name in EXTENSIONS.values() if facts[f"extension_{name}"]] == ["transfer_fee"]
    assert facts["extension_unknown"] is False
    assert told(TokenInspected(**mint, extensions=("unknown_99",)))["extension_unknown"] is True


def test_what_others_find_out_is_folded_in_under_its_name() -> None:
    """One row of the table for each kind of event."""
    slot: dict[str, Any] = {"slot": 1, "buys": 3, "buyers": 2, "creator_buys": 1, "creator_quote": 7, "others_quote": 8}
    assert told(BundleSeen(**OF_POOL, **slot, creator_base=1, others_base=1, creator_bps=4)) == {
        "slot_buys": 3,
        "slot_buyers": 2,
        "creator_buy_quote_units": 7,
        "others_buy_quote_units": 8,
        "creator_buy_bps": 4,
    }
    known = CreatorKnown(**OF_POOL, creator=CREATOR, launches=3, rugged=2, lifetime_s_median=60, watched_s=100)
    known = msgspec.structs.replace(known, signer_launches=5, signer_rugged=4)
    assert told(known) == {
        "creator_launches": 3,
        "creator_rugged": 2,
        "creator_lifetime_s": 60,
        "signer_launches": 5,
        "signer_rugged": 4,
        "creator_watched_s": 100,
    }
    shares: dict[str, Any] = {"top_1_bps": 1, "top_5_bps": 5, "top_10_bps": 10, "creator_bps": 2, "burned_bps": 3}
    assert told(HoldersInspected(**OF_POOL, found=True, counted=9, **shares)) == {
        "holders_counted": 9,
        "holders_top_1_bps": 1,
        "holders_top_5_bps": 5,
        "holders_top_10_bps": 10,
        "holders_creator_bps": 2,
        "supply_burned_bps": 3,
    }
    assert told(LiquidityInspected(**OF_POOL, applicable=True, found=True, burned_bps=7, locked_bps=5)) == {
        "has_lp_tokens": True,
        "liquidity_burned_bps": 7,
        "liquidity_locked_bps": 5,
        "liquidity_secured_bps": 12,
    }
    assert told(LiquidityInspected(**OF_POOL, applicable=False)) == {"has_lp_tokens": False}
    assert told(MetadataInspected(**OF_POOL, found=True, standard="metaplex", mutable=True)) == {
        "mutable_metadata": True,
        "metadata_standard": "metaplex",
    }
    assert told(SellabilityTested(**OF_POOL, found=True, sellable=True, loss_bps=300)) == {
        "sellable": True,
        "round_trip_loss_bps": 300,
    }


@pytest.mark.parametrize(
    "event",
    [
        SellabilityTested(**OF_POOL, found=False),
        TokenInspected(mint=OTHER, token_program=TOKEN_2022, found=False),
        HoldersInspected(**OF_POOL, found=False),
        MetadataInspected(**OF_POOL, found=False),
        BundleSeen(
            **OF_POOL,
            slot=1,
            buys=0,
            buyers=0,
            creator_buys=0,
            creator_quote=0,
            others_quote=0,
            creator_base=0,
            others_base=0,
            complete=False,
        ),
        FeedChanged(source="x", state="live"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_was_not_found_or_not_counted_whole_is_unknown(event: Event) -> None:
    """A zero that nobody counted would pass a bound from above."""
    assert EVERY.about(event) is None


def test_nothing_is_read_that_nobody_asks_for() -> None:
    """The quote is the dearest of it."""

    def never(_pool: Pool) -> Quote | None:
        raise AssertionError("nobody asked for a quote")

    asked = Asked(frozenset(("age_ms", "creator_rugged")))
    assert asked.of(launch(), pool(), NOW, never) == {"age_ms": 0}
    assert asked.kinds == {CreatorKnown}
    assert asked.about(HoldersInspected(**OF_POOL, found=True)) is None


def test_every_fact_has_a_kind_words_and_somebody_who_tells_it() -> None:
    """What is listed can be known, and what must be asked for has a word to ask with."""
    by_events = {fact.name for row in TOLD.values() for fact in row.facts}
    assert set(FACTS) == OF_LAUNCH | by_events
    assert all(fact.kind in (int, bool, str) and fact.what for fact in FACTS.values())
    assert set(WANTED.values()) == {"mint", "holders", "liquidity", "metadata", "sellable"}
    assert set(WANTED) <= by_events
    assert not {"all", "any", "not"} & set(FACTS)
    units = ("_units", "_bps", "_ms", "_s", "decimals", "_launches", "_rugged", "_buys", "_buyers", "_counted")
    assert [fact.name for fact in FACTS.values() if fact.kind is int and not fact.name.endswith(units)] == []
