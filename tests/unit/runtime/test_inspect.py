"""Facts of a pool are read from the chain when asked for, once for everybody, strictly; or told as not found."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sniperforge.base.clock import ManualClock
from sniperforge.base.errors import UnavailableError
from sniperforge.base.events import (
    BundleSeen,
    CreatorKnown,
    Event,
    FactsWanted,
    HoldersInspected,
    InputRefused,
    LiquidityInspected,
    MetadataInspected,
    Pool,
    SellabilityTested,
)
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.dex.metadata import metaplex_address
from sniperforge.dex.programs import METADATA, SYSTEM, TOKEN, TOKEN_2022, WSOL
from sniperforge.runtime import inspect, system
from sniperforge.runtime.ends import TOPICS
from sniperforge.runtime.enrich import ATTEMPTS, IN_FLIGHT_MAX, Enricher
from sniperforge.runtime.inspect import FRESH_NS
from sniperforge.runtime.loop import Message
from sniperforge.runtime.prover import Prover
from tests.unit.dex.coin_accounts import (
    AMM_V4,
    CPMM,
    PUMPSWAP,
    balance,
    lp_pool,
    metaplex,
    mint,
    numbered,
    pointer,
    token_metadata,
)

NOW, SLOT = 5, 77
COIN, POOL, LP, CREATOR = numbered(1), numbered(2), numbered(3), numbered(4)
VAULT, WHALE, OTHER_POOL = numbered(5), numbered(6), numbered(7)
AUTHORITY = key("GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL")
Accounts = Mapping[Pubkey, tuple[bytes, Pubkey]]
Kind = TypeVar("Kind", bound=Event)


class Chain(RpcClient):
    """A node that knows some accounts and which are a mint's largest; an `odd` answer goes before."""

    def __init__(self, accounts: Accounts | None = None, largest: Mapping[Pubkey, list[Pubkey]] | None = None) -> None:
        super().__init__(endpoint("http://h/", where="rpc"))
        self.accounts, self.largest = dict(accounts or {}), dict(largest or {})
        self.asked: list[str] = []
        self.odd: dict[str, Any] = {}

    async def call(self, method: str, params: Sequence[Any]) -> Any:
        self.asked.append(method)
        await asyncio.sleep(0)
        if method in self.odd:
            if isinstance(self.odd[method], Exception):
                raise self.odd[method]
            return self.odd[method]
        if method == "getTokenLargestAccounts":
            rows: list[Any] = [{"address": text(one), "amount": "1"} for one in self.largest[key(params[0])]]
        else:
            rows = [self.row(key(address), "dataSlice" in params[1]) for address in params[0]]
        return {"context": {"slot": SLOT}, "value": rows}

    def row(self, address: Pubkey, sliced: bool) -> dict[str, Any] | None:
        if address not in self.accounts:
            return None
        data, owner = self.accounts[address]
        return {"data": [base64.b64encode(b"" if sliced else data).decode(), "base64"], "owner": text(owner)}


def pool(venue: str = "raydium_cpmm") -> Pool:
    return Pool(
        venue=venue,
        address=POOL,
        base_mint=COIN,
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=1,
        quote_reserve=1,
        keys={"base_vault": VAULT, "authority": AUTHORITY, "creator": CREATOR},
    )


def wanted(*facts: str, venue: str = "raydium_cpmm") -> FactsWanted:
    return FactsWanted(id=3, origin_ns=1, trace_id=2, pool=pool(venue), creator=CREATOR, facts=facts)


async def no_pause(seconds: float) -> None:
    assert seconds > 0


def played(chain: Chain, *events: Event) -> list[Message]:
    """Return what an enricher delivers for *events*."""
    told: list[Message] = []

    async def main() -> None:
        enricher = Enricher(chain, told.append, ManualClock(NOW), pause=no_pause)
        for event in events:
            assert enricher.take(event)
        await enricher.finish()
        await enricher.stop()

    asyncio.run(main())
    return told


def only(kind: type[Kind], told: list[Message]) -> Kind:
    (one,) = told
    assert isinstance(one, kind)
    return one


def refused(told: list[Message]) -> InputRefused:
    """Return the only line of complaint in *told*."""
    (one,) = [each for each in told if isinstance(each, InputRefused)]
    return one


# ── holders ──


def held(*rows: tuple[Pubkey, int]) -> tuple[dict[Pubkey, tuple[bytes, Pubkey]], list[Pubkey]]:
    """Return token accounts of the coin by (owner, amount), and their addresses; the first is the pool's vault."""
    places = [VAULT, *(numbered(50 + at) for at in range(len(rows) - 1))]
    return {place: (balance(COIN, *row), TOKEN) for place, row in zip(places, rows, strict=True)}, places


def test_who_holds_the_coin_is_told_without_the_pools_of_any_venue() -> None:
    """This one's vault by its key, another's because its owner is an account of a venue's program."""
    accounts, places = held((AUTHORITY, 600), (OTHER_POOL, 100), (WHALE, 50), (CREATOR, 30), (SYSTEM, 20), (WHALE, 5))
    accounts |= {COIN: (mint(1_000), TOKEN), OTHER_POOL: (b"", PUMPSWAP), WHALE: (b"", SYSTEM)}
    chain = Chain(accounts, {COIN: places})
    assert only(HoldersInspected, played(chain, wanted("holders"))) == HoldersInspected(
        id=only(HoldersInspected, played(chain, wanted("holders"))).id,
        ts_ns=NOW,
        origin_ns=1,
        trace_id=2,
        cause=3,
        venue="raydium_cpmm",
        pool=POOL,
        base_mint=COIN,
        found=True,
        slot=SLOT,
        supply=1_000,
        counted=2,
        whole=True,
        top_1_bps=550,
        top_5_bps=850,
        top_10_bps=850,
        creator_bps=300,
        excluded=2,
        excluded_bps=7_000,
        burned_bps=200,
    )


def test_twenty_accounts_are_perhaps_not_all() -> None:
    accounts, places = held(*[(numbered(100 + at), 1) for at in range(20)])
    told = only(
        HoldersInspected, played(Chain({**accounts, COIN: (mint(20), TOKEN)}, {COIN: places}), wanted("holders"))
    )
    assert (told.whole, told.counted, told.excluded) == (False, 19, 1)


def test_an_account_closed_between_two_answers_holds_nothing_and_one_told_twice_counts_once() -> None:
    accounts, places = held((AUTHORITY, 1), (WHALE, 5))
    chain = Chain({**accounts, COIN: (mint(10), TOKEN)}, {COIN: [*places, places[1], numbered(99)]})
    told = only(HoldersInspected, played(chain, wanted("holders")))
    assert (told.counted, told.top_1_bps) == (1, 5_000)


def test_a_coin_nobody_holds_asks_for_no_owners() -> None:
    chain = Chain({COIN: (mint(0), TOKEN)}, {COIN: []})
    told = only(HoldersInspected, played(chain, wanted("holders")))
    assert (told.found, told.counted, told.top_10_bps) == (True, 0, 0)
    assert chain.asked == ["getTokenLargestAccounts", "getMultipleAccounts"]


def test_a_coin_the_node_does_not_know_yet_is_waited_for() -> None:
    chain = Chain({}, {COIN: []})
    told = played(chain, wanted("holders"))
    assert f"after {ATTEMPTS} attempts" in refused(told).problem
    assert [one.found for one in told if isinstance(one, HoldersInspected)] == [False]
    assert chain.asked.count("getMultipleAccounts") == ATTEMPTS


# ── liquidity ──


@pytest.mark.parametrize(
    ("venue", "program"), [("raydium_cpmm", CPMM), ("raydium_amm_v4", AMM_V4), ("pumpswap", PUMPSWAP)]
)
def test_burned_and_locked_liquidity_is_told(venue: str, program: Pubkey) -> None:
    """1,000 were given out: 300 burned, 100 held by nobody, 200 in Raydium's locker, 400 can be withdrawn."""
    locker = key("3f7GcQFG397GAaEnv51zR6tsTVihYRydnydDD1cXekxH")
    rows = ((SYSTEM, 100), (locker, 200), (CREATOR, 400))
    places = [numbered(50 + at) for at in range(len(rows))]
    accounts = {place: (balance(LP, *row), TOKEN) for place, row in zip(places, rows, strict=True)}
    accounts |= {POOL: (lp_pool(venue, LP, 1_000), program), LP: (mint(700), TOKEN)}
    told = only(LiquidityInspected, played(Chain(accounts, {LP: places}), wanted("liquidity", venue=venue)))
    assert (told.applicable, told.found, told.slot, told.lp_mint) == (True, True, SLOT, LP)
    assert (told.minted, told.supply, told.burned, told.locked) == (1_000, 700, 400, 200)
    assert (told.burned_bps, told.locked_bps) == (4_000, 2_000)
    assert (told.venue, told.pool, told.base_mint, told.cause) == (venue, POOL, COIN, 3)


@pytest.mark.parametrize("venue", ["pumpfun", "meteora_dlmm", "orca_whirlpool", "raydium_clmm", "meteora_damm_v2"])
def test_a_venue_without_an_lp_mint_is_told_as_such_and_nobody_is_asked(venue: str) -> None:
    chain = Chain()
    told = only(LiquidityInspected, played(chain, wanted("liquidity", venue=venue)))
    assert (told.applicable, told.found) == (False, False)
    assert chain.asked == []


def test_a_pool_that_is_none_is_told_in_a_line() -> None:
    told = played(Chain({POOL: (b"x", TOKEN)}), wanted("liquidity"))
    assert "belongs to another program" in refused(told).problem
    assert refused(told).where == f"liquidity of pool {text(POOL)}"
    assert [(one.applicable, one.found) for one in told if isinstance(one, LiquidityInspected)] == [(True, False)]


def test_a_pool_that_goes_away_between_two_answers_is_told_in_a_line() -> None:
    chain = Chain({POOL: (lp_pool("raydium_cpmm", LP, 5), CPMM), LP: (mint(5), TOKEN)}, {LP: []})

    class Gone(Chain):
        async def call(self, method: str, params: Sequence[Any]) -> Any:
            answer = await super().call(method, params)
            if method == "getTokenLargestAccounts":
                del self.accounts[POOL]
            return answer

    told = played(Gone(chain.accounts, chain.largest), wanted("liquidity"))
    assert "is gone between two answers" in refused(told).problem


# ── metadata ──

TEXTS = (b"A coin", b"COIN", b"https://x.invalid")


def coin(data: bytes, program: Pubkey, beside: tuple[bytes, Pubkey] | None = None) -> MetadataInspected:
    """Return what is told of a coin with these accounts."""
    accounts = {COIN: (data, program)} | ({metaplex_address(COIN): beside} if beside else {})
    return only(MetadataInspected, played(Chain(accounts), wanted("metadata")))


def test_metaplex_metadata_is_told() -> None:
    told = coin(mint(1), TOKEN, (metaplex(COIN, authority=CREATOR, texts=TEXTS), METADATA))
    assert (told.found, told.standard, told.mutable, told.update_authority) == (True, "metaplex", True, CREATOR)
    assert (told.name, told.symbol, told.uri) == ("A coin", "COIN", "https://x.invalid")
    assert (told.name_bytes, told.symbol_bytes, told.uri_bytes, told.slot) == (6, 4, 17, SLOT)


def test_metadata_in_the_mint_is_told_and_its_texts_are_cut() -> None:
    inside = token_metadata(COIN, texts=(b"n" * 500, b"\xff" * 500, b"u" * 5_000))
    told = coin(mint(1, (18, pointer(COIN)), (19, inside)), TOKEN_2022)
    assert (told.standard, told.mutable, told.update_authority) == ("token_2022", False, ZERO_KEY)
    assert (len(told.name), len(told.symbol), len(told.uri)) == (64, 32, 256)
    assert (told.name_bytes, told.symbol_bytes, told.uri_bytes) == (500, 500, 5_000)


def test_the_pointer_decides_where_metadata_is() -> None:
    """To Metaplex's account though the mint has some inside; to somebody else's, and nobody here can say."""
    inside = (19, token_metadata(COIN, texts=TEXTS))
    beside = (metaplex(COIN, mutable=False, texts=TEXTS), METADATA)
    there = mint(1, (18, pointer(metaplex_address(COIN))), inside)
    assert coin(there, TOKEN_2022, beside).standard == "metaplex"
    told = coin(mint(1, (18, pointer(WHALE))), TOKEN_2022, beside)
    assert (told.found, told.standard, told.mutable, told.name) == (True, "foreign", True, "")


def test_a_coin_without_metadata_has_none() -> None:
    """Lamports somebody sent to the address are no metadata."""
    for beside in (None, (b"", SYSTEM)):
        told = coin(mint(1), TOKEN, beside)
        assert (told.found, told.standard, told.mutable) == (True, "none", False)


def test_metadata_that_cannot_be_read_is_told_in_a_line() -> None:
    told = played(Chain({COIN: (mint(1), TOKEN), metaplex_address(COIN): (b"\x04", METADATA)}), wanted("metadata"))
    assert refused(told).where.startswith("metadata of pool")
    assert [one.found for one in told if isinstance(one, MetadataInspected)] == [False]


# ── asking ──


def test_a_systems_questions_reach_detection_and_its_answers_do_not_wake_the_money() -> None:
    """By the sets of types their rings wake them for."""
    assert FactsWanted in system._DETECT_INTENTS
    facts = {BundleSeen, CreatorKnown, HoldersInspected, LiquidityInspected, MetadataInspected, SellabilityTested}
    assert facts <= TOPICS["market"]
    assert not facts & system._COORDINATE_MARKET


def everything() -> Chain:
    accounts, places = held((AUTHORITY, 600))
    accounts |= {COIN: (mint(1_000), TOKEN), POOL: (lp_pool("raydium_cpmm", LP, 9), CPMM), LP: (mint(9), TOKEN)}
    return Chain(accounts, {COIN: places, LP: []})


def test_all_facts_are_one_question() -> None:
    told = played(everything(), wanted("holders", "liquidity", "metadata", "holders"))
    assert {type(one) for one in told} == {HoldersInspected, LiquidityInspected, MetadataInspected}
    assert len(told) == 3


def test_what_is_asked_twice_at_once_is_read_and_told_once() -> None:
    chain = everything()
    assert len(played(chain, wanted("metadata"), wanted("metadata"))) == 1
    assert chain.asked == ["getMultipleAccounts"]


def test_a_young_answer_is_told_again_and_an_old_one_is_read_again() -> None:
    chain, told, clock = everything(), list[Message](), ManualClock(NOW)

    async def main() -> None:
        enricher = Enricher(chain, told.append, clock, pause=no_pause)
        for wait_ns in (0, FRESH_NS, 1):
            clock.advance(wait_ns)
            enricher.take(wanted("metadata"))
            await enricher.finish()
        await enricher.stop()

    asyncio.run(main())
    assert [one.ts_ns for one in told if isinstance(one, MetadataInspected)] == [
        NOW,
        NOW + FRESH_NS,
        NOW + FRESH_NS + 1,
    ]
    assert chain.asked == ["getMultipleAccounts"] * 2


def test_what_was_not_found_is_asked_again() -> None:
    chain, told = Chain({COIN: (b"", TOKEN)}), list[Message]()

    async def main() -> None:
        enricher = Enricher(chain, told.append, ManualClock(NOW), pause=no_pause)
        for _ in range(2):
            enricher.take(wanted("metadata"))
            await enricher.finish()
        await enricher.stop()

    asyncio.run(main())
    assert chain.asked == ["getMultipleAccounts"] * 2


def test_answers_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "ANSWERS_KEPT", 1)
    chain = everything()
    played(chain, wanted("metadata"), wanted("holders"), wanted("metadata"))
    assert chain.asked.count("getMultipleAccounts") == 3


def test_what_is_no_fact_is_refused_by_name() -> None:
    told = played(Chain(), wanted("socials"))
    assert refused(told).problem == "'socials' is no fact"
    assert refused(told).cure == "choose from holders, liquidity, metadata, sellable"


def test_what_there_is_no_room_for_is_counted_and_told() -> None:
    chain, told = everything(), list[Message]()

    async def main() -> None:
        enricher = Enricher(chain, told.append, ManualClock(NOW), pause=no_pause)
        for number in range(IN_FLIGHT_MAX + 1):
            one = wanted("metadata")
            enricher.take(FactsWanted(pool=Pool(**{**_fields(one.pool), "address": numbered(number)}), facts=one.facts))
        assert enricher.dropped == 1
        await enricher.stop()

    asyncio.run(main())
    assert refused(told).where == "FactsWanted"


def _fields(one: Pool) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def test_a_node_that_refuses_is_told_and_the_fact_is_not_found() -> None:
    """Many providers switch `getTokenLargestAccounts` off."""
    chain = everything()
    chain.odd["getTokenLargestAccounts"] = UnavailableError("h: method not available; use another plan")
    told = played(chain, wanted("holders"))
    assert refused(told).where == f"getTokenLargestAccounts {text(COIN)}"
    assert [one.found for one in told if isinstance(one, HoldersInspected)] == [False]


ODD: list[Any] = [
    {},
    [],
    "x",
    {"context": {"slot": 1}, "value": None},
    {"context": {"slot": 1}, "value": [{"address": "x"}]},
    {"context": {"slot": 1}, "value": [{"address": text(COIN)}] * (inspect.LARGEST_MAX + 1)},
    {"context": {"slot": 1}, "value": [{"address": text(LP), "amount": "1"}]},
    {"context": {"slot": 1}, "value": [{"data": ["?", "base64"], "owner": text(TOKEN)}] * 2},
    {"context": {"slot": 1}, "value": [{"data": ["AAAA", "base64"], "owner": text(TOKEN)}]},
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("method", ["getTokenLargestAccounts", "getMultipleAccounts"])
def test_an_answer_that_is_something_else_is_told_in_a_line(odd: Any, method: str) -> None:
    chain = everything()
    chain.odd[method] = odd
    told = played(chain, wanted("holders", "metadata"))
    assert all(not one.found for one in told if isinstance(one, HoldersInspected))
    assert all(one.problem and one.cure for one in told if isinstance(one, InputRefused))
    assert {HoldersInspected, MetadataInspected, InputRefused} == {type(one) for one in told}


def test_an_account_of_another_mint_is_no_holding() -> None:
    accounts, places = held((AUTHORITY, 1))
    accounts = {**accounts, COIN: (mint(1), TOKEN), numbered(60): (balance(LP, WHALE, 1), TOKEN)}
    told = played(Chain(accounts, {COIN: [*places, numbered(60)]}), wanted("holders"))
    assert "an account of another mint" in refused(told).problem


ANSWERS = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.sampled_from([text(COIN), text(TOKEN), "AAAA", "base64"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["context", "slot", "value", "address", "data", "owner"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(answer=ANSWERS)
def test_whatever_a_node_answers_each_fact_is_told_once(answer: Any) -> None:
    chain = everything()
    chain.odd = {"getTokenLargestAccounts": answer, "getMultipleAccounts": answer}
    told = [
        one for one in played(chain, wanted("holders", "liquidity", "metadata")) if not isinstance(one, InputRefused)
    ]
    assert {type(one) for one in told} == {HoldersInspected, LiquidityInspected, MetadataInspected}
    assert len(told) == 3


# ── sellability ──


def tried(monkeypatch: pytest.MonkeyPatch, answer: list[Event] | Exception) -> list[Message]:
    """Return what is told when the other process answers so."""

    async def prove(self: Prover, question: FactsWanted) -> list[Event]:
        assert question.quote_amount == 9
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Prover, "prove", prove)
    return played(Chain(), replace(wanted("sellable"), quote_amount=9))


def test_whether_it_can_be_sold_is_told_under_the_header_of_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    line = InputRefused(where="x", problem="y", cure="z")
    found = SellabilityTested(
        id=1, ts_ns=1, venue="raydium_cpmm", pool=POOL, base_mint=COIN, found=True, slot=SLOT, sellable=True, loss_bps=7
    )
    told = tried(monkeypatch, [line, found])
    assert told[0] == line
    assert isinstance(told[1], SellabilityTested)
    assert (told[1].found, told[1].sellable, told[1].loss_bps, told[1].slot) == (True, True, 7, SLOT)
    assert (told[1].ts_ns, told[1].origin_ns, told[1].trace_id, told[1].cause) == (NOW, 1, 2, 3)


def test_a_process_that_does_not_answer_is_a_fact_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    told = tried(monkeypatch, UnavailableError("it died"))
    assert refused(told).problem == "it died"
    (last,) = [one for one in told if isinstance(one, SellabilityTested)]
    assert (last.found, last.sellable, last.quote_mint, last.cause) == (False, False, WSOL, 3)
