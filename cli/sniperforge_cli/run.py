"""The stages and the system: feed, detect, snipe, coordinate, up."""

from __future__ import annotations

import typer

INSTANCE = typer.Option(
    "default", "--instance", envvar="SNIPERFORGE_INSTANCE", help="Which system's rings ring: means."
)
CLOCK = typer.Option("auto", "--clock", help="system, event (recorded time) or auto.")
FOR = typer.Option("", "--for", metavar="TIME", help="End by itself after 90s, 15m or 2h.")


def register(app: typer.Typer) -> None:
    """Put the verbs of this module on *app*."""
    app.command()(feed)
    app.command()(detect)
    app.command()(snipe)
    app.command()(coordinate)
    app.command()(up)


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
        ..., "--source", "-s", help="tape:FILE[?speed=N], ws://…#logs|block|transaction, -"
    ),
    venue: list[str] = typer.Option([], "--venue", "-v", help="Venues to subscribe to; all by default."),
    out: str = typer.Option("-", "--out", "-o", help="- , file:PATH or ring:frames."),
    record: str = typer.Option("", "--record", help="Also write a tape (.gz, .zst or plain)."),
    rpc: str = typer.Option("", "--rpc", help="HTTP endpoint that fills gaps."),
    instance: str = INSTANCE,
    for_: str = FOR,
) -> None:
    """Read endpoints or tapes and pass on their frames, untouched.

    Examples:

    sniperforge feed --source 'tape:day.ndjson.gz?speed=10' | sniperforge detect

    sniperforge feed -s 'wss://api.mainnet-beta.solana.com#logs' --record today.ndjson.zst --for 15m -o /dev/null
    """
    from sniperforge.base.clock import SystemClock
    from sniperforge.base.errors import UsageError
    from sniperforge.dex.venues import VENUES
    from sniperforge.feeds.feed import parse_source
    from sniperforge.feeds.settings import Endpoint, FeedSettings, Tape
    from sniperforge.runtime import pipes, stages

    unknown = [name for name in venue if name not in VENUES]
    if unknown:
        raise UsageError(f"--venue {unknown[0]}: no such venue; known: {', '.join(sorted(VENUES))}")
    parsed = [parse_source(uri) for uri in source]
    settings = FeedSettings(
        endpoints=tuple(item for item in parsed if isinstance(item, Endpoint)),
        tapes=tuple(item for item in parsed if isinstance(item, Tape)),
        programs=tuple(VENUES[name].program for name in venue or VENUES),
        rpc=rpc or None,
        record=record,
    )
    target = pipes.outbox(out, instance=instance, name="feed", topics=("frames", "system"))
    pipes.serve(stages.run_feed(settings, target, SystemClock(), lambda: None), seconds=seconds_of(for_))


def detect(
    source: str = typer.Option("-", "--in", "-i", help="- , a file of frames or recorded transactions, ring:frames."),
    out: str = typer.Option("-", "--out", "-o", help="- , file:PATH or ring:market."),
    venue: list[str] = typer.Option([], "--venue", "-v", help="Venues to watch; all by default."),
    trades: str = typer.Option("tracked", "--trades", help="Trades to tell: tracked, all or none."),
    rpc: str = typer.Option("", "--rpc", help="HTTP endpoint for what a frame did not carry."),
    instance: str = INSTANCE,
    clock: str = CLOCK,
) -> None:
    """Decode frames and tell the launches that can be believed.

    Examples:

    sniperforge detect --in launches.jsonl.gz | jq -c 'select(.type=="PoolCreated") | [.pool.venue, .name]'

    sniperforge feed -s tape:day.ndjson.gz | sniperforge detect --trades all
    """
    from sniperforge.base.clock import SystemClock
    from sniperforge.base.config import settings
    from sniperforge.detect.settings import DetectSettings
    from sniperforge.runtime import pipes, stages
    from sniperforge.runtime.timeline import Timeline

    wall = SystemClock()
    checked = settings(DetectSettings, {"venues": list(venue), "trades": trades}, path="detect")
    source_end = pipes.inbox(source, instance=instance, name="detect", kinds=frozenset(), frames=True, clock=wall)
    target = pipes.outbox(out, instance=instance, name="detect", topics=("market", "system"))
    pipes.serve(
        stages.run_detect(checked, [source_end], target, Timeline(wall, clock), wall, lambda: None, rpc),
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
) -> None:
    """Run one bot: judge launches, propose entries and exits.

    Examples:

    … | sniperforge snipe --bot pool_watch | jq .

    … | sniperforge snipe --set sizing.quote_amount=20000000 | sniperforge coordinate --venue paper
    """
    from sniperforge.base.clock import SystemClock
    from sniperforge.dex.venues import VENUES
    from sniperforge.runtime import pipes, stages
    from sniperforge.runtime.assume import AssumedFills
    from sniperforge.runtime.ends import TOPICS
    from sniperforge.runtime.timeline import Timeline
    from sniperforge.runtime.topology import make_bot

    raw, kind = _bot_table(config, name, kind)
    _set(raw, setting)
    bot = make_bot(kind, name, raw, where=name)
    wall = SystemClock()
    stage = f"snipe:{name}"
    ends = [pipes.inbox(source, instance=instance, name=stage, kinds=TOPICS["market"], frames=False, clock=wall)]
    if fills:
        ends.append(pipes.inbox(fills, instance=instance, name=stage, kinds=TOPICS["fills"], frames=False, clock=wall))
    target = pipes.outbox(out, instance=instance, name=stage, topics=("intents", "system"))
    passing = pipes.PASSED_ON if pass_market and not out.startswith("ring:") else frozenset()
    piped = pipes.PipedBot(bot, None if fills else AssumedFills(VENUES), passing)
    pipes.serve(stages.run_snipe(piped, ends, target, Timeline(wall, clock), lambda: None))


def _bot_table(config: str, name: str, kind: str) -> tuple[dict[str, object], str]:
    """Return the raw settings and the kind of the bot *name* in the file *config*."""
    from sniperforge.base.errors import ConfigError
    from sniperforge.runtime.topology import load

    if not config:
        return {}, kind
    tables = {table.name: table for table in load(config).bots}
    if name not in tables:
        raise ConfigError(config, f"has no bot {name!r}", f"its bots: {', '.join(tables) or 'none'}")
    return dict(tables[name].raw), tables[name].bot


def _set(table: dict[str, object], settings: list[str]) -> None:
    """Lay `a.b=value` settings over *table*; a value is TOML where it is, else text."""
    from sniperforge.base.config import override
    from sniperforge.base.errors import UsageError

    for item in settings:
        path, equals, value = item.partition("=")
        if not equals or not path:
            raise UsageError(f"--set {item}: no setting; write KEY=VALUE, e.g. filters.age_ms_max=500")
        override(table, {"SNIPERFORGE__" + path.replace(".", "__"): value})


def coordinate(
    venue: str = typer.Option("paper", "--venue", help="Where orders execute: paper or rpc."),
    source: str = typer.Option("-", "--in", "-i", help="Intents: -, file:PATH or ring:intents."),
    out: str = typer.Option("-", "--out", "-o", help="- , file:PATH or ring:fills."),
    config: str = typer.Option("", "--config", "-c", help="Take the [coordinate] table of this file."),
    rpc: str = typer.Option("", "--rpc", help="HTTP endpoint (venue rpc)."),
    ws: str = typer.Option("", "--ws", help="WebSocket endpoint for confirmations."),
    keypair: str = typer.Option("", "--keypair", help="0600 key file or keystore."),
    journal: str = typer.Option("", "--journal", help="SQLite journal; in a pipe on paper a temporary one."),
    live: bool = typer.Option(False, "--live", help="Allow real money: an rpc that is not this machine."),
    instance: str = INSTANCE,
    clock: str = CLOCK,
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
    from sniperforge.runtime.timeline import Timeline
    from sniperforge.runtime.topology import load

    base = load(config).coordinate if config else CoordinateSettings()
    given = {"execution": venue, "live": live or base.live}
    given |= {key: value for key, value in (("rpc", rpc), ("ws", ws), ("keypair", keypair)) if value}
    with tempfile.TemporaryDirectory(prefix="sniperforge-") as folder:
        given["journal"] = journal or (
            base.journal if config or venue == "rpc" else str(Path(folder) / "journal.sqlite")
        )
        checked = settings(CoordinateSettings, {**msgspec.to_builtins(base), **given}, path="coordinate").checked()
        wall = SystemClock()
        kinds = TOPICS["intents"] | pipes.PASSED_ON
        ends = [pipes.inbox(source, instance=instance, name="coordinate", kinds=kinds, frames=False, clock=wall)]
        target = pipes.outbox(out, instance=instance, name="coordinate", topics=("fills", "system"))
        timeline = Timeline(wall, clock)
        pipes.serve(stages.run_coordinate(checked, ends, target, timeline, lambda: None, drain_s=10.0))


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
    from sniperforge.base.errors import ConfigError
    from sniperforge.base.events import StageChanged
    from sniperforge.runtime import log
    from sniperforge.runtime.system import System, print_event
    from sniperforge.runtime.topology import load

    topology = load(config)
    if topology.coordinate.live and not live:
        raise ConfigError(
            topology.source.where("coordinate.live"), "is true but --live was not given", "add --live to trade for real"
        )
    if live and not topology.coordinate.live:
        raise ConfigError(config, "--live was given but coordinate.live is not true", "say it in the file too")

    def told(event: StageChanged) -> None:
        if json:
            print_event(event)
        else:
            log.say(f"{event.stage} {event.state}", **({"detail": event.detail} if event.detail else {}))

    code = System(topology, told).run(until_s=seconds_of(for_))
    if code:
        raise typer.Exit(code)
