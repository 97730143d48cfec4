"""Facts: what is known about a launch, by name.

PoolCreated, Pool, now, quote -> facts      (what the launch itself tells)
events about it               -> facts      (what others found out later: `TOLD`)

A fact is an integer, a boolean or a text; its unit is the end of its name. What is
not in the mapping, or stands there as None, is unknown. A new kind of event becomes
part of every expression by one row in `TOLD`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sniperforge.base import keys
from sniperforge.base.events import (
    BundleSeen,
    CreatorKnown,
    Event,
    HoldersInspected,
    LiquidityInspected,
    MetadataInspected,
    Pool,
    PoolCreated,
    SellabilityTested,
    TokenInspected,
)
from sniperforge.base.units import BPS_ONE, ZERO_KEY, Pubkey
from sniperforge.dex.programs import TOKEN_2022
from sniperforge.dex.token import EXTENSIONS
from sniperforge.dex.venue import Quote
from sniperforge.trading.launch import (
    NANOS_PER_MS,
    QUOTE_NAMES,
    facts_of_program,
    is_curve,
    is_key,
    key_text,
    opens_ns,
    quote_liquidity,
)

Value = int | bool | str
Facts = dict[str, Value | None]

_NAME_OF_QUOTE = {mint: name for name, mint in QUOTE_NAMES.items()}
_VENUE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_EXTENSIONS_KNOWN = frozenset(EXTENSIONS.values())


class Fact(NamedTuple):
    """One fact that can be known.

    Attributes:
        name: as settings call it; the unit comes last.
        kind: int, bool or str.
        read: takes it out of what tells it; None: that does not know.
        what: half a line for a person.
        spelled: for texts: the same text as facts spell it, None when it can never be one.
        spelling: what such a text looks like.
    """

    name: str
    kind: type[int] | type[bool] | type[str]
    read: Callable[[Any], Value | None]
    what: str
    spelled: Callable[[str], str | None] = str
    spelling: str = ""


class Told(NamedTuple):
    """An event that tells facts.

    Attributes:
        about: its field with the key of whom it is about: a pool, a mint or a creator.
        facts: what it tells.
        wanted: what to ask for to be told: "mint", or a word of `FactsWanted`; "": it comes by itself.
        found: False where the event says that it found nothing: then nothing is told.
    """

    about: str
    facts: tuple[Fact, ...]
    wanted: str = ""
    found: Callable[[Any], bool] = lambda _event: True


def _mint(name: str) -> str | None:
    return name if name in QUOTE_NAMES else _NAME_OF_QUOTE.get(keys.key(name), name) if is_key(name) else None


def _key(name: str) -> str | None:
    return name if is_key(name) else None


def _venue(name: str) -> str | None:
    return name if _VENUE.fullmatch(name) else None


def _decimals(pool: Pool) -> int | None:
    return pool.numbers.get("decimals", pool.numbers.get("base_decimals"))


def _share(bps: int) -> int | None:
    return bps if bps >= 0 else None


_KEYS = "a base58 key"

#: Of the pool, at its newest state.
POOL = (
    Fact("venue", str, lambda pool: pool.venue, "name of the venue", _venue, "a venue, e.g. pumpfun"),
    Fact("on_curve", bool, is_curve, "it is a bonding curve"),
    Fact(
        "quote_mint",
        str,
        lambda pool: _NAME_OF_QUOTE.get(pool.quote_mint) or key_text(pool.quote_mint),
        "what the coin is priced in",
        _mint,
        "SOL, USDC or a base58 key",
    ),
    Fact("token_2022", bool, lambda pool: pool.base_program == TOKEN_2022, "the coin is a Token-2022 one"),
    Fact("liquidity_quote_units", int, quote_liquidity, "quote tokens really in the pool"),
    Fact("quote_reserve_units", int, lambda pool: pool.quote_reserve, "quote tokens that set the price"),
    Fact("base_reserve_units", int, lambda pool: pool.base_reserve, "coins that set the price"),
    Fact("mayhem", bool, lambda pool: bool(pool.numbers.get("mayhem")), "pump.fun's flag of that name"),
    Fact("cashback", bool, lambda pool: bool(pool.numbers.get("cashback")), "pump.fun's flag of that name"),
    # PumpSwap's is what its own coins have, not what this one has.
    Fact("supply_units", int, lambda pool: pool.numbers.get("supply") if is_curve(pool) else None, "coins there are"),
    Fact("decimals", int, _decimals, "decimal places of the coin"),
)

#: Of the launch.
LAUNCH = (
    Fact("creator", str, lambda launch: key_text(launch.creator), "whom the venue records as creator", _key, _KEYS),
    Fact("user", str, lambda launch: key_text(launch.user), "who signed and paid", _key, _KEYS),
    Fact("creator_signed", bool, lambda launch: launch.creator == launch.user, "creator and signer are one"),
    Fact("late", bool, lambda launch: launch.late, "known by back-fill or a fetched transaction"),
    Fact("believed_by", str, lambda launch: launch.believed_by, "the evidence, e.g. event+instruction"),
    Fact("source", str, lambda launch: launch.source, "endpoint that delivered it first"),
    Fact("name", str, lambda launch: launch.name, "what the coin calls itself"),
    Fact("symbol", str, lambda launch: launch.symbol, "its symbol"),
    Fact("uri", str, lambda launch: launch.uri, "where it says its metadata is"),
)


class _At(NamedTuple):
    """A launch at a time."""

    launch: PoolCreated
    now_ns: int


def _age_ms(at: _At) -> int | None:
    born_ns = max(at.launch.origin_ns or at.launch.ts_ns, opens_ns(at.launch))
    return (at.now_ns - born_ns) // NANOS_PER_MS if at.launch.origin_ns or at.launch.ts_ns else None


#: Of the launch and the time.
TIME = (
    Fact("age_ms", int, _age_ms, "since its frame left the socket, or it opened"),
    Fact(
        "opens_in_ms",
        int,
        lambda at: max(opens_ns(at.launch) - at.now_ns, 0) // NANOS_PER_MS,
        "until it opens; 0: it has",
    ),
)

#: Of the venue's own quote for a buy of our size.
QUOTE = (
    Fact("buy_impact_bps", int, lambda quote: quote.impact_bps, "how far a buy of our size moves the price"),
    Fact(
        "buy_fee_bps",
        int,
        lambda quote: quote.fee_amount * BPS_ONE // quote.amount_in,
        "fees of such a buy, rounded down",
    ),
)


def _extension(name: str) -> Fact:
    return Fact(f"extension_{name}", bool, lambda mint: name in mint.extensions, "it has that one")


#: Of what somebody could still do with the mint.
POWERS = (
    Fact("mint_authority", bool, lambda mint: mint.mint_authority != ZERO_KEY, "somebody may print more coins"),
    Fact("freeze_authority", bool, lambda mint: mint.freeze_authority != ZERO_KEY, "somebody may freeze ours"),
    *(_extension(name) for name in EXTENSIONS.values()),
    Fact(
        "extension_unknown",
        bool,
        lambda mint: not _EXTENSIONS_KNOWN.issuperset(mint.extensions),
        "it has one newer than this build",
    ),
)
_MINT = (
    *POWERS,
    Fact("supply_units", int, lambda mint: mint.supply, "coins there are"),
    Fact("decimals", int, lambda mint: mint.decimals, "decimal places of the coin"),
)

_CREATOR = (
    Fact("creator_launches", int, lambda event: event.launches, "coins of his seen before this one"),
    Fact("creator_rugged", int, lambda event: event.rugged, "how many of them were rugged"),
    Fact("creator_lifetime_s", int, lambda event: event.lifetime_s_median, "how long they lived, median; 0: none seen"),
    Fact("signer_launches", int, lambda event: event.signer_launches, "the same of the wallet that signed and paid"),
    Fact("signer_rugged", int, lambda event: event.signer_rugged, "how many of those were rugged"),
    Fact("creator_watched_s", int, lambda event: event.watched_s, "how long launches have been watched"),
)
_BUNDLE = (
    Fact("slot_buys", int, lambda event: event.buys, "buys in the slot of the launch"),
    Fact("slot_buyers", int, lambda event: event.buyers, "wallets behind them"),
    Fact("creator_buy_quote_units", int, lambda event: event.creator_quote, "what the creator paid in that slot"),
    Fact("others_buy_quote_units", int, lambda event: event.others_quote, "what all others paid in that slot"),
    Fact("creator_buy_bps", int, lambda event: _share(event.creator_bps), "of the supply, bought so by the creator"),
    Fact("others_buy_bps", int, lambda event: _share(event.others_bps), "of the supply, bought so by all others"),
)
_HOLDERS = (
    Fact("holders_counted", int, lambda event: event.counted, "owners seen, without pools and curves"),
    Fact("holders_top_1_bps", int, lambda event: event.top_1_bps, "share of the largest owner"),
    Fact("holders_top_5_bps", int, lambda event: event.top_5_bps, "share of the largest five"),
    Fact("holders_top_10_bps", int, lambda event: event.top_10_bps, "share of the largest ten"),
    Fact("holders_creator_bps", int, lambda event: event.creator_bps, "share of the creator"),
    Fact("supply_burned_bps", int, lambda event: event.burned_bps, "share nobody has a key for"),
)


def _lp(read: Callable[[LiquidityInspected], int]) -> Callable[[LiquidityInspected], int | None]:
    return lambda event: read(event) if event.applicable and event.found else None


_LIQUIDITY = (
    Fact("has_lp_tokens", bool, lambda event: event.applicable, "its liquidity is held by LP tokens"),
    Fact("liquidity_burned_bps", int, _lp(lambda event: event.burned_bps), "of the liquidity, burned"),
    Fact("liquidity_locked_bps", int, _lp(lambda event: event.locked_bps), "of the liquidity, locked for good"),
    Fact("liquidity_secured_bps", int, _lp(lambda event: event.burned_bps + event.locked_bps), "both together"),
)
_METADATA = (
    Fact("mutable_metadata", bool, lambda event: event.mutable, "somebody may change name, symbol and uri"),
    Fact("metadata_standard", str, lambda event: event.standard, "metaplex, token_2022, foreign or none"),
)
_SELLABLE = (
    Fact("sellable", bool, lambda event: event.sellable, "a buy and its sell went through, tried off-chain"),
    Fact("round_trip_loss_bps", int, lambda event: event.loss_bps, "of what that buy paid, not returned"),
)

#: Which events tell facts about a launch, and which. One row is all a new one needs.
TOLD: Mapping[type[Event], Told] = {
    TokenInspected: Told("mint", _MINT, "mint", lambda event: event.found),
    CreatorKnown: Told("pool", _CREATOR),
    # An incomplete one counted too little: a bound from above would pass by mistake.
    BundleSeen: Told("pool", _BUNDLE, found=lambda event: event.complete),
    HoldersInspected: Told("pool", _HOLDERS, "holders", lambda event: event.found),
    LiquidityInspected: Told("pool", _LIQUIDITY, "liquidity"),
    MetadataInspected: Told("pool", _METADATA, "metadata", lambda event: event.found),
    SellabilityTested: Told("pool", _SELLABLE, "sellable", lambda event: event.found),
}


def _every() -> Iterator[Fact]:
    for group in (POOL, LAUNCH, TIME, QUOTE, *(told.facts for told in TOLD.values())):
        yield from group


def _by_name(every: Iterator[Fact]) -> dict[str, Fact]:
    named: dict[str, Fact] = {}
    for fact in every:
        named.setdefault(fact.name, fact)
    return named


#: Every fact by its name, in order; where two tell the same, the first one's words.
FACTS: Mapping[str, Fact] = _by_name(_every())
#: Those that the launch tells itself (of its mint, where its venue's program made it), or a quote.
OF_LAUNCH = frozenset(fact.name for group in (POOL, LAUNCH, TIME, QUOTE, POWERS) for fact in group)
#: Those that need the size of a buy.
QUOTE_NAMED = frozenset(fact.name for fact in QUOTE)
#: What to ask for to be told a fact, by its name; what is missing here comes by itself.
WANTED: Mapping[str, str] = {fact.name: told.wanted for told in TOLD.values() if told.wanted for fact in told.facts}


class Asked:
    """The facts somebody asks for, and nothing else: what is not asked costs nothing.

    Args:
        names: of the facts.

    Attributes:
        kinds: the events that tell one of them.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._pool, self._launch, self._time, self._quote, self._powers = (
            _among(group, names) for group in (POOL, LAUNCH, TIME, QUOTE, POWERS)
        )
        asked = {kind: _among(told.facts, names) for kind, told in TOLD.items()}
        self._told = {kind: facts for kind, facts in asked.items() if facts}
        self.kinds = frozenset(self._told)

    def of(self, launch: PoolCreated, pool: Pool, now_ns: int, quote: Callable[[Pool], Quote | None]) -> Facts:
        """Return what is known of *launch* by itself.

        Args:
            pool: its newest state.
            now_ns: the present, epoch nanoseconds.
            quote: the venue's, for a buy of our size; None: it quotes nothing.
        """
        facts: Facts = {}
        _fold(facts, self._pool, pool)
        _fold(facts, self._launch, launch)
        _fold(facts, self._time, _At(launch, now_ns))
        quoted = quote(pool) if self._quote else None
        if quoted is not None:
            _fold(facts, self._quote, quoted)
        powers = facts_of_program(pool) if self._powers else None
        if powers is not None:
            _fold(facts, self._powers, powers)
        return facts

    def fold(self, facts: Facts, event: Event) -> None:
        """Put what *event*, of one of `kinds`, tells into *facts*."""
        _fold(facts, self._told[type(event)], event)

    def about(self, event: Event) -> Pubkey | None:
        """Return whom *event* tells what is asked for about: a pool, a mint or a creator; None: it tells none of it."""
        if type(event) not in self._told:
            return None
        told = TOLD[type(event)]
        if not told.found(event):
            return None
        key: Pubkey = getattr(event, told.about)
        return key


def _among(facts: tuple[Fact, ...], names: frozenset[str]) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact.name in names)


def _fold(facts: Facts, known: tuple[Fact, ...], teller: Any) -> None:
    """Put what *teller* knows of *known* into *facts*; what it does not know stays as it was."""
    for fact in known:
        value = fact.read(teller)
        if value is not None:
            facts[fact.name] = value
