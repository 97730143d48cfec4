"""Filters: each limit binds at its edge, names itself and says what it saw; none of them raises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.events import Pool, PoolCreated
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL
from sniperforge.dex.token import EXTENSIONS
from sniperforge.trading.filters import (
    EXTENSIONS_REFUSED,
    NANOS_PER_MS,
    Filters,
    FilterSettings,
    TokenFacts,
    facts_of_program,
    quote_liquidity,
)

SHARED = Path(__file__).resolve().parents[4] / "shared"
NOW = 1_700_000_000 * NANOS_PER_SECOND
VENUES = frozenset(("pumpfun", "pumpswap", "raydium_cpmm", "raydium_amm", "raydium_launchlab"))
CREATOR, OTHER = Pubkey(b"\x05" * 32), Pubkey(b"\x06" * 32)


def pool(venue: str = "raydium_cpmm", *, quote: int = 10**12, base: int = 10**12, **fields: Any) -> Pool:
    defaults: dict[str, Any] = {
        "address": Pubkey(b"\x01" * 32),
        "base_mint": Pubkey(b"\x02" * 32),
        "quote_mint": WSOL,
        "base_program": TOKEN,
        "quote_program": TOKEN,
    }
    return Pool(venue=venue, base_reserve=base, quote_reserve=quote, **{**defaults, **fields})


def launch(of: Pool | None = None, **fields: Any) -> PoolCreated:
    defaults: dict[str, Any] = {
        "origin_ns": NOW,
        "creator": CREATOR,
        "user": CREATOR,
        "open_time": 0,
        "name": "Moon Cat",
        "symbol": "MCAT",
        "uri": "https://ipfs.io/x",
    }
    return PoolCreated(pool=of or pool(), slot=1, signature="s", index=0, believed_by="event", **{**defaults, **fields})


def verdict(settings: FilterSettings, seen: PoolCreated, now_ns: int = NOW) -> str:
    """The name of the filter that refuses, "" when none does."""
    refused = Filters(settings, VENUES).check(seen, now_ns)
    return refused.filter if refused else ""


def test_a_plain_launch_passes_the_defaults() -> None:
    """Or nothing would ever be bought."""
    assert verdict(FilterSettings(), launch()) == ""


@pytest.mark.parametrize(
    ("settings", "seen", "name"),
    [
        ({"venues": ("pumpfun",)}, {}, "venues"),
        ({"quote_mints": ("USDC",)}, {}, "quote_mints"),
        ({}, {"late": True}, "late"),
        ({"late": "allow"}, {"late": True}, ""),
        ({"creators_refused": (keys.text(CREATOR),)}, {}, "creators_refused"),
        ({"creators_refused": (keys.text(OTHER),)}, {"user": OTHER}, "creators_refused"),
        ({"creators_allowed": (keys.text(OTHER),)}, {}, "creators_allowed"),
        ({"creators_allowed": (keys.text(CREATOR),)}, {}, ""),
        ({"name_require": "^moon"}, {}, ""),
        ({"name_require": "dog"}, {}, "name_require"),
        ({"name_refuse": "cat"}, {}, "name_refuse"),
        ({"symbol_require": "^DOG"}, {}, "symbol_require"),
        ({"symbol_refuse": "^MC"}, {}, "symbol_refuse"),
        ({"uri_require": "^https://arweave"}, {}, "uri_require"),
        ({"uri_refuse": "ipfs"}, {}, "uri_refuse"),
        ({"open_time": "refuse"}, {"open_time": NOW // NANOS_PER_SECOND + 1}, "open_time"),
        ({"open_time": "refuse"}, {"open_time": NOW // NANOS_PER_SECOND}, ""),
        ({"open_wait_s_max": 10}, {"open_time": NOW // NANOS_PER_SECOND + 10}, ""),
        ({"open_wait_s_max": 10}, {"open_time": NOW // NANOS_PER_SECOND + 11}, "open_wait_s_max"),
        ({}, {"origin_ns": 0, "ts_ns": 0}, "age_ms_max"),
        ({}, {"origin_ns": 0, "ts_ns": NOW}, ""),
    ],
)
def test_each_filter_refuses_by_its_own_name(settings: dict[str, Any], seen: dict[str, Any], name: str) -> None:
    """A user finds the key to change in the event."""
    assert verdict(FilterSettings(**settings), launch(**seen)) == name


@pytest.mark.parametrize(("numbers", "name"), [({"mayhem": 1}, "mayhem"), ({"mayhem": 0}, ""), ({"cashback": 1}, "")])
def test_flags_of_the_coin_are_read_from_the_pool(numbers: dict[str, int], name: str) -> None:
    """Mayhem coins are refused by default: their quotes are not known to be exact."""
    assert verdict(FilterSettings(), launch(pool("pumpfun", numbers=numbers))) == name
    assert (
        verdict(FilterSettings(cashback="refuse", mayhem="allow"), launch(pool(numbers={"cashback": 1}))) == "cashback"
    )


@pytest.mark.parametrize(("late_ms", "name"), [(-5, ""), (0, ""), (100, ""), (101, "age_ms_max")])
def test_age_binds_at_its_edge(late_ms: int, name: str) -> None:
    """The last allowed millisecond passes; a clock slightly behind is no reason to refuse."""
    assert verdict(FilterSettings(age_ms_max=100), launch(), NOW + late_ms * NANOS_PER_MS) == name


def test_age_counts_from_the_opening_when_that_is_later() -> None:
    """A pool made an hour ago that opens now is new."""
    opened = launch(origin_ns=NOW - 3_600 * NANOS_PER_SECOND, open_time=NOW // NANOS_PER_SECOND)
    assert verdict(FilterSettings(), opened) == ""


@pytest.mark.parametrize(
    ("quote", "base", "name"),
    [
        (99, 50, "liquidity_quote_min"),
        (100, 50, ""),
        (200, 50, ""),
        (201, 50, "liquidity_quote_max"),
        (150, 9, "base_reserve_min"),
        (150, 10, ""),
        (150, 60, ""),
        (150, 61, "base_reserve_max"),
    ],
)
def test_reserves_bind_at_both_edges(quote: int, base: int, name: str) -> None:
    """The last allowed base unit passes; one more is refused by name."""
    settings = FilterSettings(
        liquidity_quote_min=100, liquidity_quote_max=200, base_reserve_min=10, base_reserve_max=60
    )
    assert verdict(settings, launch(pool(quote=quote, base=base))) == name


def test_virtual_reserves_are_no_liquidity() -> None:
    """A fresh curve quotes 30 SOL and holds none; PumpSwap may add a virtual part."""
    curve = pool("pumpfun", quote=30 * 10**9, numbers={"real_quote_reserve": 0})
    assert quote_liquidity(curve) == 0
    assert quote_liquidity(pool("raydium_launchlab", quote=30 * 10**9)) == 0
    assert quote_liquidity(pool("pumpswap", quote=100, numbers={"virtual_quote_reserves": 30})) == 70
    turned = {"virtual_quote_reserves": 30, "base_is_0": 0}
    assert quote_liquidity(pool("pumpswap", quote=100, numbers=turned)) == 100
    assert verdict(FilterSettings(), launch(curve)) == ""
    assert verdict(FilterSettings(curve_quote_min=1), launch(curve)) == "curve_quote_min"


def test_a_creator_has_a_rate() -> None:
    """The launch after the last allowed one is refused, and the window forgets."""
    filters = Filters(FilterSettings(creator_launches_max=2, creator_window_s=10), VENUES)
    stamps = [NOW, NOW, NOW, NOW + 10 * NANOS_PER_SECOND]
    names = [filters.check(launch(origin_ns=stamp), stamp) for stamp in stamps]
    assert [refused.filter if refused else "" for refused in names] == ["", "", "creator_launches_max", ""]


def test_what_a_program_guarantees_needs_no_reading() -> None:
    """Only the programs that make the mint themselves give certainty."""
    assert facts_of_program(pool("pumpfun")) == TokenFacts(ZERO_KEY, ZERO_KEY, ())
    modern = facts_of_program(pool("pumpfun", base_program=TOKEN_2022))
    assert modern is not None
    assert Filters(FilterSettings(), VENUES).check_facts(modern) is None
    assert facts_of_program(pool("raydium_launchlab")) is not None
    assert facts_of_program(pool("raydium_launchlab", base_program=TOKEN_2022)) is None
    assert facts_of_program(pool("pumpswap")) is None


@pytest.mark.parametrize(
    "file",
    [
        "raydium_launchlab/building-on-solana__example_grpc_bonk.json",
        "pumpfun/pumpfun-bonkfun-bot__raw_create_tx_from_blocksubscribe.json",
    ],
)
def test_the_guarantee_is_what_recorded_creations_did(file: str) -> None:
    """InitializeMint2 without a freeze authority, and SetAuthority(mint tokens, none), on the chain."""
    path = SHARED / "mainnet" / file
    if not path.exists():
        pytest.skip(f"{path} is absent: recorded transactions are not part of this checkout")
    instructions = list(_instruction_data(json.loads(path.read_bytes())))
    made = [data for data in instructions if data[:1] == b"\x14" and len(data) in (35, 67)]
    assert made
    assert all(data[34:35] == b"\x00" for data in made)
    assert b"\x06\x00\x00" in instructions


def _instruction_data(value: object) -> list[bytes]:
    """All instruction data in a recorded transaction, base58 or a Buffer of bytes."""
    if isinstance(value, list):
        return [data for item in value for data in _instruction_data(item)]
    if not isinstance(value, dict):
        return []
    data = value.get("data")
    found = [found for key, item in value.items() if key != "data" for found in _instruction_data(item)]
    if isinstance(data, str):
        found += [raw for raw in [_base58(data)] if raw]
    elif isinstance(data, dict) and data.get("type") == "Buffer":
        found.append(bytes(data["data"]))
    return found


def _base58(text: str) -> bytes:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    if not set(text) <= set(alphabet):
        return b""
    number = 0
    for letter in text:
        number = number * 58 + alphabet.index(letter)
    return bytes(len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8, "big")


@pytest.mark.parametrize(
    ("settings", "base_program", "wants"),
    [
        ({}, TOKEN, True),
        ({"mint_authority": "allow"}, TOKEN, True),
        ({"mint_authority": "allow", "freeze_authority": "allow"}, TOKEN, False),
        ({"mint_authority": "allow", "freeze_authority": "allow"}, TOKEN_2022, True),
        (
            {
                "mint_authority": "allow",
                "freeze_authority": "allow",
                "token_2022_extensions_refused": (),
                "unknown_extensions": "allow",
            },
            TOKEN_2022,
            False,
        ),
    ],
)
def test_facts_are_wanted_only_when_they_decide(settings: dict[str, Any], base_program: Pubkey, wants: bool) -> None:
    """A read of the chain costs the time that wins the launch."""
    filters = Filters(FilterSettings(**settings), VENUES)
    assert filters.wants_facts(pool(base_program=base_program)) is wants


@pytest.mark.parametrize(
    ("facts", "settings", "name"),
    [
        (TokenFacts(ZERO_KEY, ZERO_KEY, ()), {}, ""),
        (TokenFacts(OTHER, ZERO_KEY, ()), {}, "mint_authority"),
        (TokenFacts(OTHER, ZERO_KEY, ()), {"mint_authority": "allow"}, ""),
        (TokenFacts(ZERO_KEY, OTHER, ()), {}, "freeze_authority"),
        (TokenFacts(ZERO_KEY, OTHER, ()), {"freeze_authority": "allow"}, ""),
        (TokenFacts(ZERO_KEY, ZERO_KEY, ("token_metadata", "pausable")), {}, "token_2022_extensions_refused"),
        (TokenFacts(ZERO_KEY, ZERO_KEY, ("unknown_99",)), {}, "unknown_extensions"),
        (TokenFacts(ZERO_KEY, ZERO_KEY, ("unknown_99",)), {"unknown_extensions": "allow"}, ""),
    ],
)
def test_facts_of_a_mint_are_judged_by_name(facts: TokenFacts, settings: dict[str, Any], name: str) -> None:
    """Whoever can mint, freeze, tax or take is refused unless the settings say otherwise."""
    refused = Filters(FilterSettings(**settings), VENUES).check_facts(facts)
    assert (refused.filter if refused else "") == name


def test_every_extension_that_is_refused_exists() -> None:
    """A misspelt default would refuse nothing."""
    assert set(EXTENSIONS_REFUSED) <= set(EXTENSIONS.values())
    assert list(FilterSettings().faults()) == []


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"quote_mints": ("BTC",)}, "quote_mints"),
        ({"creators_allowed": ("me",)}, "creators_allowed"),
        ({"creators_refused": ("me",)}, "creators_refused"),
        ({"liquidity_quote_min": 2, "liquidity_quote_max": 1}, "liquidity_quote_max"),
        ({"curve_quote_min": 2, "curve_quote_max": 1}, "curve_quote_max"),
        ({"base_reserve_min": 2, "base_reserve_max": 1}, "base_reserve_max"),
        ({"token_2022_extensions_refused": ("pauseable",)}, "token_2022_extensions_refused"),
        ({"name_require": "("}, "name_require"),
        ({"uri_refuse": "(a+)+"}, "uri_refuse"),
    ],
)
def test_settings_that_contradict_are_faults_by_key(settings: dict[str, Any], key: str) -> None:
    """A typo in a list of creators must not become a bot without that list."""
    assert [fault[0] for fault in FilterSettings(**settings).faults()] == [key]


def test_a_quote_mint_may_be_an_address() -> None:
    """Beside SOL and USDC."""
    settings = FilterSettings(quote_mints=(keys.text(USDC),))
    assert list(settings.faults()) == []
    assert verdict(settings, launch(pool(quote_mint=USDC))) == ""
    assert verdict(settings, launch(pool(quote_mint=Pubkey(b"")))) == "quote_mints"


@given(
    text=st.text(max_size=300),
    numbers=st.dictionaries(st.sampled_from(["mayhem", "real_quote_reserve", "virtual_quote_reserves"]), st.integers()),
    quote=st.integers(0, 1 << 64),
    open_time=st.integers(0, 1 << 64),
    now_ns=st.integers(0, 1 << 70),
    venue=st.sampled_from([*sorted(VENUES), "nowhere"]),
)
def test_no_filter_raises(
    text: str, numbers: dict[str, int], quote: int, open_time: int, now_ns: int, venue: str
) -> None:
    """Whatever a launch calls itself, the answer is a value of text."""
    settings = FilterSettings(name_require="moon", uri_refuse="x+", cashback="refuse")
    seen = launch(pool(venue, quote=quote, numbers=numbers), name=text, uri=text, open_time=open_time)
    refused = Filters(settings, VENUES).check(seen, now_ns)
    if refused is not None:
        assert msgspec.convert(refused.values, dict[str, str]) == refused.values


EDGES = st.sampled_from((0, 1, 2, 3))


@given(
    settings=st.fixed_dictionaries(
        {
            "quote_mints": st.sampled_from((("SOL",), ("USDC",))),
            "curve_quote_min": EDGES,
            "curve_quote_max": EDGES,
            "base_reserve_min": EDGES,
            "base_reserve_max": EDGES,
            "age_ms_max": st.integers(1, 3),
            "late": st.sampled_from(("refuse", "allow")),
            "mayhem": st.sampled_from(("refuse", "allow")),
            "cashback": st.sampled_from(("refuse", "allow")),
            "creators_refused": st.sampled_from(((), (keys.text(CREATOR),))),
            "symbol_require": st.sampled_from(("", "dog")),
        }
    ),
    numbers=st.dictionaries(st.sampled_from(("mayhem", "cashback", "real_quote_reserve")), EDGES),
    seen=st.fixed_dictionaries(
        {
            "late": st.booleans(),
            "origin_ns": st.sampled_from((0, NOW)),
            "open_time": st.sampled_from((0, 0, NOW // NANOS_PER_SECOND + 1)),
        }
    ),
    base=EDGES,
    age_ns=st.integers(-1, 4 * NANOS_PER_MS),
)
def test_the_short_way_never_passes_what_a_filter_refuses(
    settings: dict[str, Any], numbers: dict[str, int], seen: dict[str, Any], base: int, age_ns: int
) -> None:
    """A curve launch that passes is told by one comparison; each check of the chain must agree."""
    filters = Filters(FilterSettings(**settings), VENUES)
    made = launch(pool("pumpfun", base=base, numbers=numbers), **seen)
    if filters._surely_passes(made, NOW + age_ns):
        assert [check(made, NOW + age_ns) for check in filters._checks] == [None] * len(filters._checks)


def test_the_short_way_is_taken_by_a_usual_launch() -> None:
    """Most launches are of a curve, and most settings name no creator."""
    made = launch(pool("pumpfun"))
    assert Filters(FilterSettings(), VENUES)._surely_passes(made, NOW)
    assert not Filters(FilterSettings(symbol_require="dog"), VENUES)._surely_passes(made, NOW)


def test_mistakes_of_an_expression_are_faults_of_the_settings() -> None:
    """With the path inside the section, as any other."""
    settings = FilterSettings(require={"age_ms": {"max": 5}, "agems": 1, "any": [{"late": 1}]}, quote_mints=("x",))
    assert [key for key, _problem, _cure in settings.faults()] == [
        "quote_mints",
        "require.agems",
        "require.any[0].late",
    ]
    assert [*FilterSettings(require=[{"late": False}]).faults()] == []


def test_with_an_expression_no_launch_goes_the_short_way() -> None:
    """It is asked of every launch; without one the venues that make their mints are known."""
    assert Filters(FilterSettings(), VENUES).mints_known == {"pumpfun"}
    assert Filters(FilterSettings(require={"late": False}), VENUES).mints_known == frozenset()


def test_everything_that_speaks_against_a_launch_can_be_told() -> None:
    """For a person who wants to know more than the first; nothing is counted by it."""
    filters = Filters(FilterSettings(venues=("pumpfun",), creator_launches_max=1), VENUES)
    seen = launch(pool(quote=1), late=True)
    for _ in range(3):
        assert [refused.filter for refused in filters.against(seen, NOW)] == ["venues", "late", "liquidity_quote_min"]
    assert filters.against(launch(pool("pumpfun")), NOW) == []
