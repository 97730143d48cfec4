"""One TOML file names a whole system: feeds, detection, bots, money, rings.

TOML + environment -> Topology, or lines that say what is wrong and where
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from sniperforge.base.config import ConfigErrors, Source, override, settings
from sniperforge.base.errors import ConfigError, DecodeError
from sniperforge.base.keys import key
from sniperforge.bots import liquidity_sniper, pool_watch
from sniperforge.bots.bot import BOTS, Bot, BotFactory
from sniperforge.chain.rpc import endpoint, guard_live
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge.feeds.address import MASK, checked_url, default_name, masked
from sniperforge.feeds.settings import Connection, Endpoint, FeedSettings, Gaps, Tape
from sniperforge.runtime.faults import every_problem
from sniperforge.runtime.watched import accounts_of

_BOT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_KiB = Annotated[int, msgspec.Meta(ge=64, le=1 << 20)]


class RunTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for every process.

    Attributes:
        instance: names the rings; two systems on one box need two names.
        directory: journal, status and tapes; made when it is not there.
        clock: "system", "event" (a replay lives in recorded time) or "auto".
        pin: pin the processes as `sniperforge.host.affinity.plan` says.
        drain_s: how long a stage may finish its work after SIGTERM.
        rehearse_ms: how often a stage walks the way of the newest launch again, so that
            the next one finds it in the caches; all bots together as often as one. 0: never.
    """

    instance: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")] = "default"
    directory: str = "run"
    clock: Literal["auto", "system", "event"] = "auto"
    pin: bool = True
    drain_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 10.0
    rehearse_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 5


class RingTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sizes of the rings, in KiB (a power of two is taken that holds it).

    Attributes:
        frames: raw frames; lossy, a feed never waits.
        market, intents, fills: ordered, nothing is lost.
        system: lossy, states of stages and endpoints.
        deadline_ms: how long a writer of an ordered ring waits for its slowest
            reader before that reader is put out and told.
    """

    frames: _KiB = 32 << 10
    market: _KiB = 8 << 10
    intents: _KiB = 2 << 10
    fills: _KiB = 2 << 10
    system: _KiB = 512
    deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=600_000)] = 5_000


class FeedTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where frames come from; see `sniperforge.feeds.settings` for each key."""

    endpoints: tuple[Endpoint, ...] = ()
    tapes: tuple[Tape, ...] = ()
    rpc: str = ""
    record: str = ""
    connection: Connection = Connection()
    gaps: Gaps = Gaps()


class BotTable(msgspec.Struct, frozen=True, kw_only=True):
    """One bot: its name, its kind, and its own settings as they stand in the file."""

    name: str
    bot: str
    raw: dict[str, Any]
    path: str


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """A checked system, ready to be started."""

    run: RunTable
    rings: RingTable
    feed: FeedTable
    detect: DetectSettings
    bots: tuple[BotTable, ...]
    coordinate: CoordinateSettings
    source: Source

    def feed_settings(self) -> FeedSettings:
        """Return the feed's settings with the program ids of the venues detected."""
        feed = self.feed
        return FeedSettings(
            endpoints=tuple(_named(endpoint) for endpoint in feed.endpoints),
            tapes=feed.tapes,
            programs=tuple(VENUES[name].program for name in self.detect.venues or VENUES),
            accounts=accounts_of(self.detect.venues or VENUES),
            rpc=feed.rpc or None,
            record=feed.record,
            connection=feed.connection,
            gaps=feed.gaps,
        )

    def source_names(self) -> list[str]:
        """Return the names frames can carry, so that a ring needs to carry their hashes only."""
        tapes = [_tape_name(tape) for tape in self.feed.tapes]
        return [*(endpoint.name for endpoint in self.feed_settings().endpoints), *tapes, "backfill", "stdin"]

    def make_bot(self, table: BotTable) -> Bot:
        """Return a fresh bot of that table."""
        return make_bot(table.bot, table.name, table.raw, where=table.path, source=self.source)


def make_bot(kind: str, name: str, raw: Mapping[str, Any], *, where: str = "", source: Source | None = None) -> Bot:
    """Return a fresh bot; raises ConfigError for an unknown kind and ConfigErrors for bad settings."""
    return _bot_factory(kind, where, source)(name, raw, where=where, source=source)


def _bot_factory(kind: str, where: str, source: Source | None) -> BotFactory:
    if kind in BOTS:
        return BOTS[kind]
    near = difflib.get_close_matches(kind, BOTS, n=1)
    cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(BOTS))}"
    raise ConfigError(source.where(f"{where}.bot") if source else "--bot", f"{kind!r} is no kind of bot", cure)


def _named(endpoint: Endpoint) -> Endpoint:
    """Return *endpoint* with the name its frames will carry."""
    return endpoint if endpoint.name else msgspec.structs.replace(endpoint, name=default_name(urlsplit(endpoint.url)))


TABLES: Mapping[str, type[msgspec.Struct]] = {
    "run": RunTable,
    "rings": RingTable,
    "feed": FeedTable,
    "detect": DetectSettings,
    "coordinate": CoordinateSettings,
}


def check_live(coordinate: CoordinateSettings, *, asked: bool, where: str) -> None:
    """Raise ConfigError unless the file and the command line agree about real money.

    Args:
        asked: `--live` was given.
        where: place of `coordinate.live` in the file.
    """
    if coordinate.live and not asked:
        raise ConfigError(where, "is true but --live was not given", "add --live to trade for real")
    if asked and not coordinate.live:
        raise ConfigError(where, "--live was given but coordinate.live is not true in a file", "say it in both places")


def load(path: str | Path, environment: Mapping[str, str] = os.environ) -> Topology:
    """Return the topology in the file *path*, with the environment laid over it.

    Raises:
        ConfigErrors: one line for every problem: file, line, key, what to do.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise ConfigError(str(path), f"cannot be read: {problem.strerror}", "give the path of a TOML file") from None
    except ValueError:  # bytes that are no text, or a path with a zero byte
        raise ConfigError(ascii(str(path))[1:-1], "is not text in UTF-8", "give the path of a TOML file") from None
    return parse(text, str(path), environment)


def parse(text: str, name: str, environment: Mapping[str, str]) -> Topology:
    """Return the topology in *text*; see `load`."""
    source = Source(name, text)
    override(source.values, environment)
    problems = [_unknown(key, source) for key in sorted(source.values.keys() - TABLES.keys() - {"bots"})]
    tables: dict[str, Any] = {
        name: _table(kind, source.values.get(name, {}), name, source, problems) for name, kind in TABLES.items()
    }
    bots = _bots(source, problems)
    for name, check in _CHECKS.items():
        if tables[name] is not None:
            check(tables[name], source, problems)
    if problems:
        raise ConfigErrors(problems)
    topology = Topology(**tables, bots=bots, source=source)
    run, coordinate = topology.run, topology.coordinate
    journal = str(Path(run.directory) / coordinate.journal)
    return msgspec.structs.replace(
        topology,
        run=msgspec.structs.replace(run, clock=_clock(topology)),
        coordinate=msgspec.structs.replace(coordinate, journal=journal),
    )


def _clock(topology: Topology) -> Literal["system", "event"]:
    """Return whose time the stages live in: a recording's only when there is nothing else to live in.

    A stage on rings must not guess it from its first message: one that resumes behind
    a long backlog would take yesterday's launches for fresh ones.
    """
    if topology.run.clock != "auto":
        return topology.run.clock
    feed = topology.feed
    recorded = bool(feed.tapes) and all(tape.stamps == "recorded" for tape in feed.tapes)
    return "event" if recorded and not feed.endpoints else "system"


def _unknown(name: str, source: Source) -> ConfigError:
    known = [*TABLES, "bots"]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return ConfigError(
        source.where(name), "unknown key", f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    )


def _table(
    kind: type[msgspec.Struct], values: Any, path: str, source: Source, problems: list[ConfigError]
) -> msgspec.Struct | None:
    """Return the table *values* as a *kind*; every problem in it goes to *problems*."""
    if not isinstance(values, dict):
        problems.append(ConfigError(source.where(path), "expected a table", f"write [{path}]"))
        return None
    return every_problem(lambda raw: settings(kind, raw, source=source, path=path), values, path, source, problems)


def _bots(source: Source, problems: list[ConfigError]) -> tuple[BotTable, ...]:
    made: list[BotTable] = []
    tables = source.values.get("bots", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(ConfigError(source.where("bots"), "expected an array of tables", "write [[bots]]"))
        return ()
    for index, table in enumerate(tables):
        path = f"bots[{index}]"
        raw = dict(table)
        name, kind = raw.pop("name", ""), raw.pop("bot", "liquidity_sniper")
        if not isinstance(name, str) or not _BOT_NAME.fullmatch(name):
            cure = 'write name = "…" of 1 to 32 letters, digits, _ and -'
            problems.append(ConfigError(source.where(f"{path}.name"), "a bot needs a name", cure))
        elif name in [other.name for other in made]:
            problems.append(ConfigError(source.where(f"{path}.name"), f"{name!r} is taken", "give it another name"))
        made.append(BotTable(name=str(name), bot=str(kind), raw=raw, path=path))
        try:
            _bot_factory(str(kind), path, source)
        except ConfigError as unknown:
            problems.append(unknown)
            continue
        every_problem(partial(_made, made[-1], source), raw, path, source, problems)
    return tuple(made)


def _made(table: BotTable, source: Source, raw: dict[str, Any]) -> Bot:
    return make_bot(table.bot, table.name, raw, where=table.path, source=source)


def _check_detect(detect: DetectSettings, source: Source, problems: list[ConfigError]) -> None:
    """Add venues nobody has."""
    for index, name in enumerate(detect.venues):
        if name not in VENUES:
            near = difflib.get_close_matches(name, VENUES, n=1, cutoff=0.5)
            cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(VENUES))}"
            problems.append(ConfigError(source.where(f"detect.venues[{index}]"), f"{name!r} is not a venue", cure))


def _check_feed(feed: FeedTable, source: Source, problems: list[ConfigError]) -> None:
    """Add what is no source, and sources whose frames could not be told apart."""
    if not feed.endpoints and not feed.tapes:
        cure = "add [[feed.endpoints]] or [[feed.tapes]]"
        problems.append(ConfigError(source.where("feed"), "there is neither an endpoint nor a tape", cure))
    urls = [
        partial(checked_url, item.url, f"feed.endpoints[{index}].url", ("ws", "wss"))
        for index, item in enumerate(feed.endpoints)
    ]
    _try(urls, source, problems)
    if feed.rpc:
        _try([partial(endpoint, feed.rpc, where="feed.rpc")], source, problems)
    for index, item in enumerate(feed.endpoints):
        if item.kind == "program" and not feed.rpc:
            problem = "shows accounts, and there is no rpc to ask who made them"
            problems.append(ConfigError(source.where(f"feed.endpoints[{index}].kind"), problem, "set feed.rpc"))
    _check_names(feed, source, problems)


def _check_coordinate(coordinate: CoordinateSettings, source: Source, problems: list[ConfigError]) -> None:
    """Add what contradicts another key, and texts that are no keys."""
    checks: list[Callable[[], object]] = [coordinate.checked]
    for name in ("programs", "tip_accounts"):
        for index, text in enumerate(getattr(coordinate, name)):
            checks.append(partial(_key, text, f"coordinate.{name}[{index}]"))
    for table, held in coordinate.lookup_tables.items():
        checks.append(partial(_key, table, "coordinate.lookup_tables"))
        for index, text in enumerate(held):
            checks.append(partial(_key, text, f"coordinate.lookup_tables.{table}[{index}]"))
    if coordinate.execution == "rpc" and coordinate.rpc:
        checks.append(partial(_execution, coordinate))
    _try(checks, source, problems)


def _try(checks: Sequence[Callable[[], object]], source: Source, problems: list[ConfigError]) -> None:
    """Run *checks*; what they raise is told with its line."""
    for check in checks:
        try:
            check()
        except ConfigError as found:
            problems.append(ConfigError(source.where(found.where), found.problem, found.cure))


def _check_names(feed: FeedTable, source: Source, problems: list[ConfigError]) -> None:
    """Add sources that share a name: their frames could not be told apart."""
    taken: set[str] = set()
    named = [(f"feed.endpoints[{index}]", _named(item).name) for index, item in enumerate(feed.endpoints)]
    named += [(f"feed.tapes[{index}]", _tape_name(tape)) for index, tape in enumerate(feed.tapes)]
    for path, name in named:
        if name in taken:
            cure = 'give each its own: name = "…"'
            problems.append(ConfigError(source.where(path), f"has the name {name!r} of another one", cure))
        taken.add(name)


def _tape_name(tape: Tape) -> str:
    return tape.name or ("stdin" if tape.path == "-" else Path(tape.path).name)


def _key(text: str, where: str) -> None:
    try:
        key(text)
    except DecodeError as problem:
        what, _, cure = str(problem).partition("; ")
        raise ConfigError(where, what, cure) from None


def _execution(coordinate: CoordinateSettings) -> None:
    target = endpoint(coordinate.rpc, where="coordinate.rpc")
    guard_live(target, live=coordinate.live, where="coordinate.rpc")
    if coordinate.ws:
        endpoint(coordinate.ws, where="coordinate.ws", schemes=("ws", "wss"))


_CHECKS: Mapping[str, Callable[[Any, Source, list[ConfigError]], None]] = {
    "detect": _check_detect,
    "feed": _check_feed,
    "coordinate": _check_coordinate,
}


# ── showing ───────────────────────────────────────────────────────────────


def shown(topology: Topology) -> dict[str, Any]:
    """Return every setting in force, as builtins, fit for a screen: keys of providers and passphrases masked."""
    tables: dict[str, Any] = {name: msgspec.to_builtins(getattr(topology, name)) for name in TABLES}
    feed, coordinate = tables["feed"], tables["coordinate"]
    for table, name in [(item, "url") for item in feed["endpoints"]] + [
        (feed, "rpc"),
        (coordinate, "rpc"),
        (coordinate, "ws"),
    ]:
        table[name] = masked(table[name]) if table[name] else ""
    if not coordinate["keystore_passphrase"].startswith(("env:", "fd:")):
        # Meant to name a place; somebody may have written the passphrase itself.
        coordinate["keystore_passphrase"] = MASK if coordinate["keystore_passphrase"] else ""
    tables["bots"] = [
        {"name": table.name, "bot": table.bot, **msgspec.to_builtins(_bot_settings(table, topology.source))}
        for table in topology.bots
    ]
    return tables


def _bot_settings(table: BotTable, source: Source) -> msgspec.Struct:
    read = {liquidity_sniper.KIND: liquidity_sniper.settings_from, pool_watch.KIND: pool_watch.settings_from}[table.bot]
    found: msgspec.Struct = read(table.raw, table.path, source=source)
    return found
