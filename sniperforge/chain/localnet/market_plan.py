"""What the market will do: who launches what when, which pools pump, fall or are rugged, and the lies in between.

settings -> plan (pure: the same seed gives the same plan)

Rates from recorded blocks. In block 254170887 305 of 444 transactions that are
no votes failed (69 %), in block 332254908 231 of 482 (48 %): the later one is
the default here. Of 48 gaps between the 49 slots recorded on 2026-02-05, 5 were
more than a quarter longer than the median of 366 ms, the longest 1.8 times: so
often, and so far, a transaction is late here. None of those slots was lost;
what was never included cannot be read from what was, so one in 49 is a bound we
chose, harsher than the record.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import msgspec

from sniperforge.base.errors import ConfigError

RECORDED_FAILED_PPM = 231 * 1_000_000 // 482
RECORDED_DELAY_PPM = 5 * 1_000_000 // 48
RECORDED_DELAY_SLOTS_MAX = 2
CHOSEN_DROP_PPM = 1_000_000 // 49

KINDS = ("pump", "walk", "dump", "rug")
SPOOF_FORMS = ("pump_data", "pump_log_and_data", "launchlab_self_call", "cpmm_lookalike", "cpmm_forged_invoke")
FAILURE_FORMS = ("too_poor", "reverted_after")
_MILLION = 1_000_000
#: A buy, in parts of the pool's opening liquidity: pumps are bought with conviction.
_BUY_BPS = {"pump": (200, 1_000), "rug": (200, 800), "walk": (50, 500), "dump": (50, 300)}
LAMPORTS = 1_000_000_000
BPS = 10_000


class MarketSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How lively the market is; shares are in parts per million.

    Attributes:
        duration_ms: how long it runs; the last launch comes at `launches_until_ppm` of it.
        launches_per_minute: mean of exponential gaps.
        spoofs_per_minute, failed_creates_per_minute: spread evenly, each at a random
            moment of its span.
        trades_per_minute: mean per pool while it lives.
        life_ms: shortest and longest time a pool is traded.
        liquidity: least and most lamports a pool opens with.
        failed_ppm: trades sent with a limit nobody can meet.
        rug_ppm, pump_ppm, dump_ppm: kinds of pools; the rest walk.
        token_2022_ppm, mint_authority_ppm, freeze_authority_ppm: kinds of mints.
        keypair_pool_ppm: pools at a fresh key instead of the derived address.
        traders: wallets that trade.
    """

    seed: int = 1
    duration_ms: int = 60_000
    launches_until_ppm: int = 850_000
    launches_per_minute: int = 24
    spoofs_per_minute: int = 10
    failed_creates_per_minute: int = 4
    trades_per_minute: int = 75
    life_ms: tuple[int, int] = (12_000, 30_000)
    liquidity: tuple[int, int] = (5 * LAMPORTS, 90 * LAMPORTS)
    failed_ppm: int = RECORDED_FAILED_PPM
    rug_ppm: int = 200_000
    pump_ppm: int = 400_000
    dump_ppm: int = 150_000
    token_2022_ppm: int = 300_000
    mint_authority_ppm: int = 120_000
    freeze_authority_ppm: int = 100_000
    keypair_pool_ppm: int = 120_000
    traders: int = 6

    def check(self) -> MarketSettings:
        """Return these settings; raises ConfigError naming the first that cannot be."""
        for name in ("duration_ms", "launches_per_minute", "trades_per_minute", "traders"):
            if getattr(self, name) < 1:
                raise ConfigError(f"market.{name}", f"is {getattr(self, name)}", "give 1 or more")
        for name in self.__struct_fields__:
            if name.endswith("_ppm") and not 0 <= getattr(self, name) <= _MILLION:
                raise ConfigError(f"market.{name}", f"is {getattr(self, name)}", "give 0 to 1000000")
        for name in ("life_ms", "liquidity"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ConfigError(f"market.{name}", f"is {low} to {high}", "give a least and a most")
        if self.rug_ppm + self.pump_ppm + self.dump_ppm > _MILLION:
            raise ConfigError("market.rug_ppm", "and pump_ppm and dump_ppm are more than all pools", "lower one")
        return self


class Trade(NamedTuple):
    """One trade: *size_bps* of the pool's opening side, or of what the seller holds."""

    at_ms: int
    trader: int
    is_buy: bool
    size_bps: int
    fails: bool
    unit_price: int


class Launch(NamedTuple):
    """One real pool and what becomes of it; *rug_at_ms* is -1 for an honest one."""

    number: int
    at_ms: int
    kind: str
    is_token_2022: bool
    keeps_mint_authority: bool
    keeps_freeze_authority: bool
    pool_is_keypair: bool
    liquidity: int
    supply: int
    pooled_bps: int
    trades: tuple[Trade, ...]
    rug_at_ms: int


class Lie(NamedTuple):
    """A creation that is none: a spoof or a failed one, by the name of its form."""

    number: int
    at_ms: int
    form: str


class Plan(NamedTuple):
    """Everything, in order of time within each row."""

    launches: tuple[Launch, ...]
    spoofs: tuple[Lie, ...]
    failures: tuple[Lie, ...]


def make_plan(settings: MarketSettings) -> Plan:
    """Return the plan of *settings*; equal settings give equal plans."""
    dice = random.Random(settings.seed)
    until = settings.duration_ms * settings.launches_until_ppm // _MILLION
    moments = _moments(dice, settings.launches_per_minute, until)
    launches = tuple(_launch(dice, settings, number, at) for number, at in enumerate(moments))
    spoofs = _lies(dice, settings.spoofs_per_minute, until, SPOOF_FORMS)
    return Plan(launches, spoofs, _lies(dice, settings.failed_creates_per_minute, until, FAILURE_FORMS))


def _moments(dice: random.Random, per_minute: int, until_ms: int) -> list[int]:
    moments, at = [], 0.0
    while per_minute:
        at += dice.expovariate(per_minute / 60_000)
        if at >= until_ms:
            break
        moments.append(int(at))
    return moments


def _lies(dice: random.Random, per_minute: int, until_ms: int, forms: tuple[str, ...]) -> tuple[Lie, ...]:
    # One in each of equal spans, and every form in turn: a short run must tell most of them,
    # which exponential gaps do not promise.
    count = per_minute * until_ms // 60_000
    span = max(until_ms // max(count, 1), 1)
    return tuple(
        Lie(number, number * span + dice.randrange(span), forms[number % len(forms)]) for number in range(count)
    )


def _share(dice: random.Random, ppm: int) -> bool:
    return dice.randrange(_MILLION) < ppm


def _kind(dice: random.Random, settings: MarketSettings) -> str:
    draw = dice.randrange(_MILLION)
    for kind, ppm in (("rug", settings.rug_ppm), ("pump", settings.pump_ppm), ("dump", settings.dump_ppm)):
        if draw < ppm:
            return kind
        draw -= ppm
    return "walk"


def _launch(dice: random.Random, settings: MarketSettings, number: int, at_ms: int) -> Launch:
    kind = _kind(dice, settings)
    life = dice.randint(*settings.life_ms)
    low, high = settings.liquidity
    rug_at = dice.randint(life // 3, life) if kind == "rug" else -1
    return Launch(
        number=number,
        at_ms=at_ms,
        kind=kind,
        is_token_2022=_share(dice, settings.token_2022_ppm),
        keeps_mint_authority=_share(dice, settings.mint_authority_ppm),
        keeps_freeze_authority=_share(dice, settings.freeze_authority_ppm),
        pool_is_keypair=_share(dice, settings.keypair_pool_ppm),
        # Many small pools and few large ones, as on any launch day.
        liquidity=low + (high - low) * dice.randrange(1_000) ** 2 // 1_000_000,
        supply=dice.choice((10**15, 10**16, 69 * 10**13)),
        pooled_bps=dice.choice((5_000, 7_900, 9_500)),
        trades=_trades(dice, settings, kind, life if rug_at < 0 else rug_at),
        rug_at_ms=rug_at,
    )


def _trades(dice: random.Random, settings: MarketSettings, kind: str, life_ms: int) -> tuple[Trade, ...]:
    rows: list[Trade] = []
    # The pool opens in the second after its creation: nobody trades before.
    at = 1_000.0
    while True:
        at += dice.expovariate(settings.trades_per_minute / 60_000)
        if at >= life_ms:
            return tuple(rows)
        is_buy = dice.randrange(100) < _buyers(kind, int(at * 100 / life_ms))
        size = dice.randint(*_BUY_BPS[kind]) if is_buy else dice.randint(1_000, 6_000)
        fails = _share(dice, settings.failed_ppm)
        rows.append(Trade(int(at), dice.randrange(settings.traders), is_buy, size, fails, dice.randrange(200_000)))


def _buyers(kind: str, progress: int) -> int:
    """Return the percentage of buys among the trades at *progress* percent of a pool's life."""
    if kind in ("pump", "rug"):
        return 92 if progress < 60 else 25
    return 20 if kind == "dump" else 55
