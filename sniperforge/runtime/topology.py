"""One TOML file names a whole system: feeds, detection, bots, money, rings.

TOML + environment -> Topology, or lines that say what is wrong and where
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from sniperforge.base.config import ConfigErrors, Source, override, settings
from sniperforge.base.errors import ConfigError
from sniperforge.base.keys import key
from sniperforge.bots.bot import BOTS, Bot
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge.feeds.address import default_name
from sniperforge.feeds.settings import Connection, Endpoint, FeedSettings, Gaps, Tape

_KiB = Annotated[int, msgspec.Meta(ge=64, le=1 << 20)]


class RunTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for every process.

    Attributes:
        instance: names the rings; two systems on one box need two names.
        directory: journal, status and tapes; made when it is not there.
        clock: "system", "event" (a replay lives in recorded time) or "auto".
        pin: pin the processes when there are cores enough.
        drain_s: how long a stage may finish its work after SIGTERM.
    """

    instance: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")] = "default"
    directory: str = "run"
    clock: Literal["auto", "system", "event"] = "auto"
    pin: bool = True
    drain_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 10.0


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
            rpc=feed.rpc or None,
            record=feed.record,
            connection=feed.connection,
            gaps=feed.gaps,
        )

    def source_names(self) -> list[str]:
        """Return the names frames can carry, so that a ring needs to carry their hashes only."""
        tapes = [tape.name or Path(tape.path).name for tape in self.feed.tapes]
        return [*(endpoint.name for endpoint in self.feed_settings().endpoints), *tapes, "backfill", "stdin"]

    def make_bot(self, table: BotTable) -> Bot:
        """Return a fresh bot of that table."""
        return make_bot(table.bot, table.name, table.raw, where=table.path, source=self.source)


def make_bot(kind: str, name: str, raw: Mapping[str, Any], *, where: str = "", source: Source | None = None) -> Bot:
    """Return a fresh bot; raises ConfigError for an unknown kind and ConfigErrors for bad settings."""
    if kind not in BOTS:
        near = difflib.get_close_matches(kind, BOTS, n=1)
        cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(BOTS))}"
        raise ConfigError(source.where(f"{where}.bot") if source else "--bot", f"{kind!r} is no kind of bot", cure)
    return BOTS[kind](name, raw, where=where, source=source)


def _named(endpoint: Endpoint) -> Endpoint:
    """Return *endpoint* with the name its frames will carry."""
    return endpoint if endpoint.name else msgspec.structs.replace(endpoint, name=default_name(urlsplit(endpoint.url)))


class _Root(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tables of the file; bots are checked by their own kind."""

    run: RunTable = RunTable()
    rings: RingTable = RingTable()
    feed: FeedTable = FeedTable()
    detect: DetectSettings = DetectSettings()
    coordinate: CoordinateSettings = CoordinateSettings()
    bots: list[dict[str, Any]] = []


def load(path: str | Path, environment: Mapping[str, str] = os.environ) -> Topology:
    """Return the topology in the file *path*, with the environment laid over it.

    Raises:
        ConfigErrors: one line for every problem: file, line, key, what to do.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(str(path), f"cannot be read: {problem}", "give the path of a TOML file") from None
    return parse(text, str(path), environment)


def parse(text: str, name: str, environment: Mapping[str, str]) -> Topology:
    """Return the topology in *text*; see `load`."""
    source = Source(name, text)
    override(source.values, environment)
    problems: list[ConfigError] = []
    root: _Root | None = None
    try:
        root = settings(_Root, source.values, source=source)
    except ConfigErrors as found:
        problems += found.problems
    bots = _bots(source, problems)
    if root is not None:
        _check(root, source, problems)
    if problems or root is None:
        raise ConfigErrors(problems)
    return Topology(
        run=root.run,
        rings=root.rings,
        feed=root.feed,
        detect=root.detect,
        bots=bots,
        coordinate=_in_directory(root),
        source=source,
    )


def _in_directory(root: _Root) -> CoordinateSettings:
    """Return the money settings with a relative journal placed in the run's directory."""
    journal = str(Path(root.run.directory) / root.coordinate.journal)
    return msgspec.structs.replace(root.coordinate, journal=journal).checked()


def _bots(source: Source, problems: list[ConfigError]) -> tuple[BotTable, ...]:
    made: list[BotTable] = []
    tables = source.values.get("bots", [])
    for index, table in enumerate(tables if isinstance(tables, list) else []):
        path = f"bots[{index}]"
        if not isinstance(table, dict):
            continue
        raw = dict(table)
        name, kind = str(raw.pop("name", "")), str(raw.pop("bot", "liquidity_sniper"))
        if not name:
            problems.append(ConfigError(source.where(path), "a bot without a name", 'write name = "…"'))
        elif name in [other.name for other in made]:
            problems.append(ConfigError(source.where(f"{path}.name"), f"{name!r} is taken", "give it another name"))
        made.append(BotTable(name=name, bot=kind, raw=raw, path=path))
        try:
            make_bot(kind, name, raw, where=path, source=source)
        except ConfigErrors as found:
            problems += found.problems
        except ConfigError as found_one:
            problems.append(found_one)
    return tuple(made)


def _check(root: _Root, source: Source, problems: list[ConfigError]) -> None:
    """Add what single keys cannot tell: tables that contradict each other."""
    for index, name in enumerate(root.detect.venues):
        if name not in VENUES:
            cure = f"known: {', '.join(sorted(VENUES))}"
            problems.append(ConfigError(source.where(f"detect.venues[{index}]"), f"{name!r} is not a venue", cure))
    if not root.feed.endpoints and not root.feed.tapes:
        problems.append(
            ConfigError(source.where("feed"), "there is neither an endpoint nor a tape", "add [[feed.endpoints]]")
        )
    try:
        root.coordinate.checked()
        for program in root.coordinate.programs:
            key(program)
    except ConfigError as found:
        problems.append(ConfigError(source.where(found.where), found.problem, found.cure))
