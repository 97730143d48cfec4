"""The stages and the system: feed, detect, snipe, coordinate, up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from sniperforge.runtime.topology import Topology

INSTANCE = typer.Option(
    "default", "--instance", envvar="SNIPERFORGE_INSTANCE", help="Which system's rings ring: means."
)
CLOCK = typer.Option("auto", "--clock", help="system, event (recorded time) or auto.")
RPC_ENV, WS_ENV = "SNIPERFORGE_RPC", "SNIPERFORGE_WS"  # a URL with a key in it is nobody's business in `ps`
FOR = typer.Option("", "--for", metavar="TIME", help="End by itself after 90s, 15m or 2h.")


def register(app: typer.Typer) -> None:
    """Put the verbs of this module on *app*."""
    app.command()(feed)
    app.command()(detect)
    app.command()(snipe)
    app.command()(coordinate)
    app.command()(up)


def chosen(option: str, value: str, known: Iterable[str]) -> str:
    """Return *value* when it is one of *known*; else one line that says what is, and the nearest."""
    import difflib

    from sniperforge.base.errors import UsageError

    if value in (names := sorted(known)):
        return value
    near = difflib.get_close_matches(value, names, n=1, cutoff=0.5)
    cure = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    raise UsageError(f"{option} {value}: no such choice; {cure}")


def seconds_of(text: str) -> float | None:
    """Return a duration such as 90, 90s, 15m or 2h in seconds, None for an empty text."""
    from sniperforge.base.errors import UsageError

    if not text:
        return None
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], text[-1]) if text[-1] in units else (text, "s")
    try:
        value = float(number) * units[unit]
    except ValueError:
        value = 0.0
    if not 0 < value < 10**7:
        raise UsageError(f"--for {text}: no duration; write 90s, 15m or 2h")
    return value


def feed(
    source: list[str] = typer.Option(
        ..., "--source", "-s", help="tape:FILE[?speed=N], ws://…#logs|block|transaction|program|pumpportal, -"
    ),
    venue: list[str] = typer.Option([], "--venue", "-v", help="Venues to subscribe to; all by default."),
    out: str = typer.Option("-", "--out", "-o", help="- , file:PATH or ring:frames."),
    record: str = typer.Option("", "--record", help="Also write a tape (.gz, .zst or plain)."),
    rpc: str = typer.Option("", "--rpc", envvar=RPC_ENV, help="HTTP endpoint that fills gaps (#program needs one)."),
    instance: str = INSTANCE,
    for_: str = FOR,
) -> None:
    """Read endpoints or tapes and pass on their frames, untouched.

    Examples:

    sniperforge feed --source 'tape:day.ndjson.gz?speed=10' | sniperforge detect

    sniperforge feed -s 'wss://api.mainnet-beta.solana.com#logs' --record today.ndjson.zst --for 15m -o /dev/null
    """
    from sniperforge.base.clock import SystemClock
    from sniperforge.chain.rpc import endpoint
    from sniperforge.dex.venues import VENUES
    from sniperforge.feeds.feed import parse_source
    from sniperforge.feeds.settings import Endpoint, FeedSettings, Tape
    from sniperforge.runtime import stages
    from sniperforge.runtime.pipes import Ends
    from sniperforge.runtime.watched import accounts_of

    seconds = seconds_of(for_)
    venue = [chosen("--venue", name, VENUES) for name in venue]
    if rpc:
        endpoint(rpc, where="--rpc")
    parsed = [parse_source(uri) for uri in source]
    settings = FeedSettings(
        endpoints=tuple(item for item in parsed if isinstance(item, Endpoint)),
        tapes=tuple(item for item in parsed if isinstance(item, Tape)),
        programs=tuple(VENUES[name].program for name in venue or VENUES),
        accounts=accounts_of(venue or VENUES),
        rpc=rpc or None,
        record=record,
    )
    ends = Ends("feed", instance=instance, clock=SystemClock())
    target = ends.outbox(out, "frames", "system")
    ends.serve(stages.run_feed(settings, target, ends.clock, lambda: None), seconds=seconds)


def detect(
    source: str = typer.Option("-", "--in", "-i", help="- , a file of frames or recorded transactions, ring:frames."),
    out: str = typer.Option("-", "--out", "-o", help="- , file:PATH or ring:market."),
    venue: list[str] = typer.Option([], "--venue", "-v", help="Venues to watch; all by default."),
    trades: str = typer.Option("tracked", "--trades", help="Trades to tell: tracked, all or none."),
    rpc: str = typer.Option("", "--rpc", envvar=RPC_ENV, help="HTTP endpoint for what a frame did not carry."),
    instance: str = INSTANCE,
    clock: str = CLOCK,
    for_: str = FOR,
) -> None:
    """Decode frames and tell the launches that can be believed.

    Examples:

    sniperforge detect --in launches.jsonl.gz | jq -c 'select(.type=="PoolCreated") | [.pool.venue, .name]'

    sniperforge feed -s tape:day.ndjson.gz | sniperforge detect --trades all
    """
    from sniperforge.base.clock import SystemClock
    from sniperforge.base.config import settings
    from sniperforge.chain.rpc import endpoint
    from sniperforge.detect.settings import DetectSettings
    from sniperforge.dex.venues import VENUES
    from sniperforge.runtime import stages
    from sniperforge.runtime.pipes import Ends
    from sniperforge.runtime.timeline import MODES

    seconds = seconds_of(for_)
    chosen("--clock", clock, MODES)
    chosen("--trades", trades, ("tracked", "all", "none"))
    venues = [chosen("--venue", name, VENUES) for name in venue]
    if rpc:
        endpoint(rpc, where="--rpc")
    checked = settings(DetectSettings, {"venues": venues, "trades": trades}, path="detect")
    ends = Ends("detect", instance=instance, clock=SystemClock())
    inboxes = [ends.inbox(source, frozenset(), frames=True)]
    target = ends.outbox(out, "market", "system")
    timeline = ends.timeline(clock, source)
    ends.serve(
        stages.run_detect(checked, inboxes, target, timeline, ends.clock, lambda: None, rpc),
        seconds=seconds,
    )


def snipe(
    kind: str = typer.Option("liquidity_sniper", "--bot", "-b", help="Kind of bot."),
    name: str = typer.Option("sniper", "--name", "-n", help="Its name in every message."),
    config: str = typer.Option("", "--config", "-c", help="Take the bot --name of this file."),
    setting: list[str] = typer.Option([], "--set", help="One setting, e.g. filters.age_ms_max=500 (TOML value)."),
    source: str = typer.Option("-", "--in", "-i", help="Market: -, file:PATH or ring:market."),
    fills: str = typer.Option("", "--fills", help="Fills: file:PATH (a FIFO will do) or ring:fills; else assumed."),
    out: str = typer.Option("-", "--out", "-o", help="- , file:PATH or ring:intents."),
    pass_market: bool = typer.Option(True, "--pass/--no-pass", help="Pass trades on to a paper coordinator."),
    instance: str = INSTANCE,
    clock: str = CLOCK,
    for_: str = FOR,
) -> None:
    """Run one bot: judge launches, propose entries and exits.

    Without --fills its orders are taken to end as a paper coordinator with the same
    settings would end them; with real money behind it, give it the real fills.

    Examples:

    … | sniperforge snipe --bot pool_watch | jq .

    … | sniperforge snipe --set sizing.quote_amount=20000000 | sniperforge coordinate --venue paper
    """
    from sniperforge.base.clock import SystemClock
    from sniperforge.dex.venues import VENUES
    from sniperforge.runtime import pipes, stages
    from sniperforge.runtime.assume import AssumedFills
    from sniperforge.runtime.ends import TOPICS
    from sniperforge.runtime.timeline import MODES
    from sniperforge.runtime.topology import load, make_bot

    seconds = seconds_of(for_)
    chosen("--clock", clock, MODES)
    topology = load(config) if config else None
    raw, kind = _bot_table(topology, config, name) if topology else ({}, kind)
    _set(raw, setting)
    bot = make_bot(kind, name, raw, where=name)
    ends = pipes.Ends(f"snipe:{name}", instance=instance, clock=SystemClock())
    inboxes = [ends.inbox(source, TOPICS["market"])]
    if fills:
        inboxes.append(ends.inbox(fills, TOPICS["fills"]))
    target = ends.outbox(out, "intents", "system")
    passing = pipes.PASSED_ON if pass_market and not out.startswith("ring:") else frozenset()
    assumed = None if fills else AssumedFills(VENUES, topology.coordinate if topology else None)
    piped = pipes.PipedBot(bot, assumed, passing)
    ends.serve(
        stages.run_snipe(piped, inboxes, target, ends.timeline(clock, source), lambda: None),
        seconds=seconds,
    )


def _bot_table(topology: Topology, config: str, name: str) -> tuple[dict[str, Any], str]:
    """Return the raw settings and the kind of the bot *name* in the file *config*."""
    from sniperforge.base.errors import ConfigError

    tables = {table.name: table for table in topology.bots}
    if name not in tables:
        raise ConfigError(config, f"has no bot {name!r}", f"its bots: {', '.join(tables) or 'none'}")
    return dict(tables[name].raw), tables[name].bot


def _set(table: dict[str, Any], settings: list[str]) -> None:
    """Lay `a.b=value` settings over *table*; a value is TOML where it is, else text."""
    import tomllib

    from sniperforge.base.errors import UsageError

    for item in settings:
        path, equals, value = item.partition("=")
        *parents, last = path.strip().split(".")
        if not equals or not all((*parents, last)):
            raise UsageError(f"--set {item}: no setting; write KEY=VALUE, e.g. filters.age_ms_max=500")
        inner = table
        for parent in parents:
            inner = inner.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise UsageError(f"--set {item}: {parent} is a value, no table; set {parent} itself")
        try:
            inner[last] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            inner[last] = value


def coordinate(
    venue: str = typer.Option("", "--venue", help="Where orders execute: paper or rpc; that of --config, else paper."),
    source: str = typer.Option("-", "--in", "-i", help="Intents: -, file:PATH or ring:intents."),
    out: str = typer.Option("-", "--out", "-o", help="- , file:PATH or ring:fills."),
    config: str = typer.Option("", "--config", "-c", help="Take the [coordinate] table of this file."),
    rpc: str = typer.Option("", "--rpc", envvar=RPC_ENV, help="HTTP endpoint (venue rpc)."),
    ws: str = typer.Option("", "--ws", envvar=WS_ENV, help="WebSocket endpoint for confirmations."),
    keypair: str = typer.Option("", "--keypair", help="0600 key file or keystore."),
    journal: str = typer.Option("", "--journal", help="SQLite journal; in a pipe on paper a temporary one."),
    live: bool = typer.Option(False, "--live", help="Allow real money; the file of --config must say so too."),
    instance: str = INSTANCE,
    clock: str = CLOCK,
    for_: str = FOR,
) -> None:
    """Admit, journal, sign, send and confirm; tell fills and positions.

    Examples:

    … | sniperforge snipe | sniperforge coordinate --venue paper | jq -c 'select(.type=="PositionChanged")'
    """
    import tempfile
    from pathlib import Path

    import msgspec

    from sniperforge.base.clock import SystemClock
    from sniperforge.base.config import settings
    from sniperforge.coordinate.settings import CoordinateSettings
    from sniperforge.runtime import pipes, stages
    from sniperforge.runtime.ends import TOPICS
    from sniperforge.runtime.timeline import MODES
    from sniperforge.runtime.topology import check_live, load

    seconds = seconds_of(for_)
    chosen("--clock", clock, MODES)
    topology = load(config) if config else None
    base = topology.coordinate if topology else CoordinateSettings()
    venue = chosen("--venue", venue or base.execution, ("paper", "rpc"))
    check_live(base, asked=live, where=topology.source.where("coordinate.live") if topology else "--live")
    given: dict[str, object] = {"execution": venue}
    given |= {key: value for key, value in (("rpc", rpc), ("ws", ws), ("keypair", keypair)) if value}
    with tempfile.TemporaryDirectory(prefix="sniperforge-") as folder:
        given["journal"] = journal or (
            base.journal if config or venue == "rpc" else str(Path(folder) / "journal.sqlite")
        )
        checked = settings(CoordinateSettings, {**msgspec.to_builtins(base), **given}, path="coordinate").checked()
        ends = pipes.Ends("coordinate", instance=instance, clock=SystemClock())
        inboxes = [ends.inbox(source, TOPICS["intents"] | pipes.PASSED_ON)]
        target = ends.outbox(out, "fills", "system")
        timeline = ends.timeline(clock, source)
        ends.serve(
            stages.run_coordinate(checked, inboxes, target, timeline, lambda: None, drain_s=10.0),
            seconds=seconds,
        )


def up(
    config: str = typer.Argument(..., help="The TOML file that names the system."),
    live: bool = typer.Option(False, "--live", help="Allow real money; the file must say so too."),
    json: bool = typer.Option(False, "--json", help="One JSON line for every change of a stage."),
    for_: str = FOR,
) -> None:
    """Run a whole system: every stage a supervised process, joined by rings.

    SIGTERM (or Ctrl-C) drains it from the source down; a second one stops at once.

    Examples:

    sniperforge up configs/paper.toml

    sniperforge up configs/paper.toml --for 15m --json | jq -r .state
    """
    from sniperforge.base.events import StageChanged
    from sniperforge.runtime import log
    from sniperforge.runtime.system import System, print_event
    from sniperforge.runtime.topology import check_live, load

    seconds = seconds_of(for_)
    topology = load(config)
    check_live(topology.coordinate, asked=live, where=topology.source.where("coordinate.live"))

    def told(event: StageChanged) -> None:
        if json:
            print_event(event)
        else:
            log.say(f"{event.stage} {event.state}", **({"detail": event.detail} if event.detail else {}))

    code = System(topology, told).run(until_s=seconds)
    if code:
        raise typer.Exit(code)
