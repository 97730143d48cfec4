"""Filters: one launch and its facts in, a refusal by name or nothing out.

PoolCreated, now              -> Refusal | None        (what the launch itself tells)
TokenInspected                -> Refusal | None        (what its mint account tells)

Cheap filters come first, those that are switched off are not in the chain at
all, and none of them raises: a refusal is a value that names the filter and what
it compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec

from sniperforge.base import keys
from sniperforge.base.events import Pool, PoolCreated
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY
from sniperforge.dex.programs import TOKEN
from sniperforge.dex.token import EXTENSIONS
from sniperforge.trading import conditions
from sniperforge.trading.creator_rate import CreatorRate
from sniperforge.trading.launch import CURVES as CURVES
from sniperforge.trading.launch import NANOS_PER_MS as NANOS_PER_MS
from sniperforge.trading.launch import PLAIN, QUOTE_NAMES, WITH_METADATA, is_key, key_text
from sniperforge.trading.launch import TokenFacts as TokenFacts
from sniperforge.trading.launch import facts_of_program as facts_of_program
from sniperforge.trading.launch import is_curve as is_curve
from sniperforge.trading.launch import opens_ns as opens_ns
from sniperforge.trading.launch import quote_liquidity as quote_liquidity
from sniperforge.trading.patterns import Pattern, pattern_problem
from sniperforge.trading.refusal import Refusal as Refusal
from sniperforge.trading.refusal import refusal as refusal

#: More than any amount: what no maximum compares as.
NO_BOUND = 1 << 128

#: Extensions with which somebody can take, freeze, tax or mint what we hold.
EXTENSIONS_REFUSED = (
    "transfer_fee",
    "mint_close_authority",
    "confidential_transfer",
    "default_account_state",
    "non_transferable",
    "interest_bearing",
    "permanent_delegate",
    "transfer_hook",
    "confidential_transfer_fee",
    "confidential_mint_burn",
    "scaled_ui_amount",
    "pausable",
)

Choice = Literal["refuse", "allow"]
Amount = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Keys = Annotated[tuple[str, ...], msgspec.Meta(max_length=10_000)]


class FilterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a launch must be to be bought. Amounts are base units; a maximum of 0 is no bound.

    Attributes:
        venues: names of venues to trade; empty: all this build knows.
        quote_mints: what pools may be priced in, "SOL", "USDC" or base58. More
            than one only where their base units are worth the same: every
            amount in these settings is in base units of the quote mint.
        liquidity_quote_min, liquidity_quote_max: quote tokens really in a pool.
        curve_quote_min, curve_quote_max: the same for a bonding curve, which
            starts empty (its virtual reserves are not liquidity).
        base_reserve_min, base_reserve_max: coins in the pool.
        age_ms_max: from the frame's receive stamp (or the opening) to the decision.
        late: launches known only by back-fill or a fetched transaction.
        open_time: "wait" for a pool that opens later, up to open_wait_s_max, or "refuse".
        open_margin_ms: how long after a pool's opening the order goes out: a slot's
            clock is that of its beginning, so one slot earlier the swap still fails.
        mint_authority, freeze_authority: whether somebody may hold them.
        token_2022_extensions_refused: names as in `sniperforge.dex.token.EXTENSIONS`.
        unknown_extensions: extensions newer than this build.
        facts_deadline_ms: how long to wait for the mint account.
        creators_allowed: only these, when not empty; creators_refused: never these.
        name_require … uri_refuse: regular expressions, searched, case ignored; empty: off.
        creator_launches_max: launches of one creator within creator_window_s; 0: no bound.
        mayhem, cashback: coins that carry these pump.fun flags.
        require: an expression over facts, see `sniperforge.trading.conditions`; empty: none.
        impact_quote_amount: the buy that `buy_impact_bps`, `buy_fee_bps`, `sellable` and
            `round_trip_loss_bps` are about; 0: the whole `sizing.quote_amount`.
    """

    venues: tuple[str, ...] = ()
    quote_mints: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=16)] = ("SOL",)
    liquidity_quote_min: Amount = 5_000_000_000
    liquidity_quote_max: Amount = 0
    curve_quote_min: Amount = 0
    curve_quote_max: Amount = 0
    base_reserve_min: Amount = 1
    base_reserve_max: Amount = 0
    age_ms_max: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] = 5_000
    late: Choice = "refuse"
    open_time: Literal["refuse", "wait"] = "wait"
    open_wait_s_max: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 600
    open_margin_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 400
    mint_authority: Choice = "refuse"
    freeze_authority: Choice = "refuse"
    token_2022_extensions_refused: tuple[str, ...] = EXTENSIONS_REFUSED
    unknown_extensions: Choice = "refuse"
    facts_deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=600_000)] = 3_000
    creators_allowed: Keys = ()
    creators_refused: Keys = ()
    name_require: str = ""
    name_refuse: str = ""
    symbol_require: str = ""
    symbol_refuse: str = ""
    uri_require: str = ""
    uri_refuse: str = ""
    creator_launches_max: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 3
    creator_window_s: Annotated[int, msgspec.Meta(ge=1, le=604_800)] = 3_600
    mayhem: Choice = "refuse"
    cashback: Choice = "allow"
    require: dict[str, object] | list[object] = {}
    impact_quote_amount: Amount = 0

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Yield (key, problem, cure) of what types and ranges cannot say."""
        for name in self.quote_mints:
            if name not in QUOTE_NAMES and not is_key(name):
                yield "quote_mints", f"{name!r} is neither SOL, USDC nor a base58 key", "write the mint's address"
        for label in ("creators_allowed", "creators_refused"):
            for name in getattr(self, label):
                if not is_key(name):
                    yield label, f"{name!r} is not a base58 key", "write the creator's address"
        for label in ("liquidity_quote", "curve_quote", "base_reserve"):
            least, most = getattr(self, f"{label}_min"), getattr(self, f"{label}_max")
            if most and least > most:
                yield f"{label}_max", f"{most} is below {label}_min = {least}", "raise it, or set 0 for no bound"
        for name in self.token_2022_extensions_refused:
            if name not in EXTENSIONS.values():
                known = ", ".join(EXTENSIONS.values())
                yield "token_2022_extensions_refused", f"{name!r} is not an extension", f"known: {known}"
        for label in PATTERNS:
            if problem := pattern_problem(getattr(self, label)):
                yield label, problem, "mend the pattern, or leave it empty"
        yield from conditions.parse(self.require, "require")[1]


PATTERNS = ("name_require", "name_refuse", "symbol_require", "symbol_refuse", "uri_require", "uri_refuse")


_EXTENSIONS_KNOWN = frozenset(EXTENSIONS.values())


# ── the chain ─────────────────────────────────────────────────────────────

Check = Callable[[PoolCreated, int], Refusal | None]


class Filters:
    """The filters of one bot, compiled once.

    Args:
        settings: checked by `FilterSettings.faults` before.
        venues: names of all venues this build knows.
    """

    def __init__(self, settings: FilterSettings, venues: frozenset[str]) -> None:
        self._settings = settings
        self._venues = frozenset(settings.venues) or venues
        self._quote_mints = {QUOTE_NAMES.get(name) or keys.key(name) for name in settings.quote_mints}
        self._allowed = {keys.key(name) for name in settings.creators_allowed}
        self._refused = {keys.key(name) for name in settings.creators_refused}
        self._extensions = frozenset(settings.token_2022_extensions_refused)
        self._flags_refused = [flag for flag in ("mayhem", "cashback") if getattr(settings, flag) == "refuse"]
        self._patterns = [(label, Pattern(getattr(settings, label))) for label in PATTERNS if getattr(settings, label)]
        self._rate = CreatorRate(settings.creator_launches_max, settings.creator_window_s * NANOS_PER_SECOND)
        self._checks = self._chain()
        self._quick()

    def _quick(self) -> None:
        """Compute the constants of `_surely_passes`; lists of creators and patterns leave it no venue."""
        settings = self._settings
        listed = self._allowed or self._refused or self._patterns
        self._quick_venues = frozenset() if listed else CURVES & self._venues
        self._quick_age_ns = (settings.age_ms_max + 1) * NANOS_PER_MS
        self._curve_least, self._curve_most = settings.curve_quote_min, settings.curve_quote_max or NO_BOUND
        self._base_least, self._base_most = settings.base_reserve_min, settings.base_reserve_max or NO_BOUND
        # An expression is asked of every launch, so none goes the short way.
        sure = not settings.require and self.check_facts(PLAIN) is None and self.check_facts(WITH_METADATA) is None
        #: Venues whose own program makes every mint, and makes none that is refused.
        self.mints_known = frozenset(("pumpfun",)) if sure else frozenset()
        self._cashback_refused = settings.cashback == "refuse"

    def _chain(self) -> tuple[Check, ...]:
        checks: list[Check] = [self._venue, self._quote_mint]
        if self._settings.late == "refuse":
            checks.append(self._late)
        checks += [self.age, self._open_time]
        if self._allowed or self._refused:
            checks.append(self._creator)
        if self._flags_refused:
            checks.append(self._flags)
        checks.append(lambda launch, _now_ns: self.reserves(launch.pool))
        if self._patterns:
            checks.append(self._text)
        return tuple(checks)

    def check(self, launch: PoolCreated, now_ns: int) -> Refusal | None:
        """Return why *launch* is not for this bot, by what it tells itself; None: it passed.

        Every launch counts for its creator, refused or not.
        """
        over = self._rate.over(launch.creator, now_ns)
        if self._surely_passes(launch, now_ns):
            return over
        for check in self._checks:
            if refused := check(launch, now_ns):
                return refused
        return over

    def against(self, launch: PoolCreated, now_ns: int) -> list[Refusal]:
        """Return everything that speaks against *launch*, in the order of `check`; the launch is not counted again."""
        return [refused for check in self._checks if (refused := check(launch, now_ns))]

    def _surely_passes(self, launch: PoolCreated, now_ns: int) -> bool:
        """Return True only where no check of the chain refuses: most curve launches, in one call instead of seven."""
        pool, seen = launch.pool, launch.pool.numbers.get
        born_ns = launch.origin_ns or launch.ts_ns
        return (
            not launch.open_time
            and pool.venue in self._quick_venues
            and pool.quote_mint in self._quote_mints
            and not launch.late
            and born_ns > 0
            and now_ns - born_ns < self._quick_age_ns
            and self._curve_least <= seen("real_quote_reserve", 0) <= self._curve_most
            and self._base_least <= pool.base_reserve <= self._base_most
            and not (seen("mayhem") or (self._cashback_refused and seen("cashback")))
        )

    def _venue(self, launch: PoolCreated, _now_ns: int) -> Refusal | None:
        if launch.pool.venue in self._venues:
            return None
        return refusal("venues", seen=launch.pool.venue, allowed=", ".join(sorted(self._venues)))

    def _quote_mint(self, launch: PoolCreated, _now_ns: int) -> Refusal | None:
        if launch.pool.quote_mint in self._quote_mints:
            return None
        seen = key_text(launch.pool.quote_mint)
        return refusal("quote_mints", seen=seen, allowed=", ".join(self._settings.quote_mints))

    def _late(self, launch: PoolCreated, _now_ns: int) -> Refusal | None:
        return refusal("late", seen="late", allowed="live frames only") if launch.late else None

    def age(self, launch: PoolCreated, now_ns: int) -> Refusal | None:
        """Refuse what left its socket (or opened, if that was later) too long ago, or at an unknown time."""
        born_ns = launch.origin_ns or launch.ts_ns
        if not born_ns:
            return refusal("age_ms_max", seen="unknown", allowed=self._settings.age_ms_max)
        if launch.open_time:
            born_ns = max(born_ns, opens_ns(launch, self._settings.open_margin_ms))
        age_ms = (now_ns - born_ns) // NANOS_PER_MS
        if age_ms <= self._settings.age_ms_max:
            return None
        return refusal("age_ms_max", seen=age_ms, allowed=self._settings.age_ms_max)

    def _open_time(self, launch: PoolCreated, now_ns: int) -> Refusal | None:
        wait_ns = opens_ns(launch) - now_ns if launch.open_time else 0
        if wait_ns <= 0:
            return None
        if self._settings.open_time == "refuse":
            return refusal("open_time", seen=launch.open_time, allowed="open now")
        if wait_ns > self._settings.open_wait_s_max * NANOS_PER_SECOND:
            seen = f"opens in {wait_ns // NANOS_PER_SECOND} s"
            return refusal("open_wait_s_max", seen=seen, allowed=self._settings.open_wait_s_max)
        return None

    def _creator(self, launch: PoolCreated, _now_ns: int) -> Refusal | None:
        if launch.creator in self._refused or launch.user in self._refused:
            who = launch.creator if launch.creator in self._refused else launch.user
            return refusal("creators_refused", seen=key_text(who), allowed="anybody else")
        if self._allowed and launch.creator not in self._allowed:
            return refusal("creators_allowed", seen=key_text(launch.creator), allowed=f"{len(self._allowed)} creators")
        return None

    def _flags(self, launch: PoolCreated, _now_ns: int) -> Refusal | None:
        numbers = launch.pool.numbers
        for flag in self._flags_refused:
            if numbers.get(flag):
                return refusal(flag, seen=flag, allowed="coins without it")
        return None

    def reserves(self, pool: Pool) -> Refusal | None:
        """Refuse a pool that holds too little or too much of either side."""
        settings, seen = self._settings, quote_liquidity(pool)
        if is_curve(pool):
            refused = _bounds("curve_quote", seen, settings.curve_quote_min, settings.curve_quote_max)
        else:
            refused = _bounds("liquidity_quote", seen, settings.liquidity_quote_min, settings.liquidity_quote_max)
        least, most = settings.base_reserve_min, settings.base_reserve_max
        return refused or _bounds("base_reserve", pool.base_reserve, least, most)

    def _text(self, launch: PoolCreated, _now_ns: int) -> Refusal | None:
        for label, pattern in self._patterns:
            field, _, verb = label.partition("_")
            text: str = getattr(launch, field)
            if pattern.found(text) != (verb == "require"):
                return refusal(label, seen=text[:64], allowed=f"{verb} {pattern.source}")
        return None

    # ── facts of the mint ─────────────────────────────────────────────────

    def wants_facts(self, pool: Pool) -> bool:
        """Return whether a verdict on *pool* needs its mint account read first."""
        settings = self._settings
        authorities = "refuse" in (settings.mint_authority, settings.freeze_authority)
        tail = pool.base_program != TOKEN and bool(self._extensions or settings.unknown_extensions == "refuse")
        return (authorities or tail) and facts_of_program(pool) is None

    def check_facts(self, facts: TokenFacts) -> Refusal | None:
        """Return what the mint account holds against the coin; None: nothing."""
        settings = self._settings
        if settings.mint_authority == "refuse" and facts.mint_authority != ZERO_KEY:
            return refusal("mint_authority", seen=key_text(facts.mint_authority), allowed="none")
        if settings.freeze_authority == "refuse" and facts.freeze_authority != ZERO_KEY:
            return refusal("freeze_authority", seen=key_text(facts.freeze_authority), allowed="none")
        for name in facts.extensions:
            if name in self._extensions:
                return refusal("token_2022_extensions_refused", seen=name, allowed="coins without it")
            if settings.unknown_extensions == "refuse" and name not in _EXTENSIONS_KNOWN:
                return refusal("unknown_extensions", seen=name, allowed="extensions this build knows")
        return None


def _bounds(name: str, seen: int, least: int, most: int) -> Refusal | None:
    if seen < least:
        return refusal(f"{name}_min", seen=seen, allowed=least)
    if most and seen > most:
        return refusal(f"{name}_max", seen=seen, allowed=most)
    return None
