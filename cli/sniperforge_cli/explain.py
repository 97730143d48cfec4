"""`sniperforge explain`: why a bot takes a launch or leaves it, with every value it compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sniperforge.base.events import PoolCreated
    from sniperforge.bots.explanation import Explanation
    from sniperforge.bots.judge import Judge


def register(root: typer.Typer) -> None:
    """Put the verb of this module on *root*."""
    root.command()(explain)


def explain(
    config: str = typer.Option("", "--config", "-c", help="The file that has the bot."),
    bot: str = typer.Option("", "--bot", "-b", help="Its name; needed where the file has several."),
    setting: list[str] = typer.Option([], "--set", help="One setting, e.g. filters.age_ms_max=500 (TOML value)."),
    events: str = typer.Option("", "--events", metavar="FILE|-", help="Events as detect writes them; - reads a pipe."),
    frames: str = typer.Option("", "--frames", metavar="FILE", help="Recorded frames or transactions."),
    pool: str = typer.Option("", "--pool", help="Only the launch of this pool."),
    mint: str = typer.Option("", "--mint", help="Only launches of this coin."),
    facts: bool = typer.Option(False, "--facts", help="List the facts that filters.require can ask for."),
    json: bool = typer.Option(False, "--json", help="One JSON object a launch (or a fact)."),
) -> None:
    """Show why a bot takes a launch or leaves it: its verdict, and the tree of filters.require.

    No network: the launch, and what was found out about it, come from a file or a pipe.
    Without --config it is a liquidity_sniper of defaults and --set.

    Examples:

    sniperforge explain -c configs/paper.toml --frames day.ndjson.gz --mint MINT

    sniperforge detect --in day.ndjson.gz | sniperforge explain -c live.toml --bot first --events - --json

    sniperforge explain --frames day.ndjson.gz --set 'filters.require={ buy_impact_bps = { max = 300 } }'
    """
    from sniperforge.base.errors import EXIT_FAILED, UsageError
    from sniperforge.bots.explanation import Explainer
    from sniperforge.runtime import explaining
    from sniperforge.runtime.pipes import PROBLEMS_TOLD_MAX

    if facts:
        _list_facts(json=json)
        return
    if bool(events) == bool(frames):
        raise UsageError("--events: give either events with --events FILE, or recorded frames with --frames FILE")
    troubles: list[str] = []

    def complain(line: str) -> None:
        troubles.append(line)
        if len(troubles) <= PROBLEMS_TOLD_MAX:
            typer.echo(f"sniperforge: {line}", err=True)

    explainer = Explainer(_judge(config, bot, setting), _asked(pool, mint))
    for event, now_ns in explaining.told_in(events, complain) if events else explaining.seen_in(frames, complain):
        explainer.on(event, now_ns)
    _show(explainer.explanations(), json=json)
    if explainer.matched != len(explainer.explanations()):
        complain(f"{explainer.matched - len(explainer.explanations())} more launches; name one with --pool or --mint")
    if len(troubles) > PROBLEMS_TOLD_MAX:
        typer.echo(f"sniperforge: {len(troubles) - PROBLEMS_TOLD_MAX} more problems of this kind", err=True)
    if not explainer.matched:
        source, named = events or frames, pool or mint
        which = f"{explainer.launches} launches, none of {named}" if explainer.launches else "no launch"
        raise UsageError(f"{source}: has {which}; give what was recorded when it was launched")
    if troubles:
        raise typer.Exit(EXIT_FAILED)


def _judge(config: str, bot: str, setting: list[str]) -> Judge:
    """Return the judge of the bot that is meant."""
    from sniperforge.base.errors import ConfigError, UsageError
    from sniperforge.bots.explanation import judge_for
    from sniperforge.runtime.topology import load
    from sniperforge_cli.run import _set

    if not config:
        if bot:
            raise UsageError("--bot: is a bot of a file; give the file with --config")
        raw: dict[str, object] = {}
        _set(raw, setting)
        return judge_for("liquidity_sniper", raw, "")
    topology = load(config)
    tables = {table.name: table for table in topology.bots}
    name = bot or (next(iter(tables)) if len(tables) == 1 else "")
    if name not in tables:
        problem = f"has no bot {name!r}" if name else f"has {len(tables)} bots"
        raise ConfigError(config, problem, f"name one with --bot: {', '.join(tables) or 'there is none'}")
    table = tables[name]
    raw = dict(table.raw)
    _set(raw, setting)
    return judge_for(table.bot, raw, table.path, None if setting else topology.source)


def _asked(pool: str, mint: str) -> Callable[[PoolCreated], bool]:
    """Return what says of a launch whether it is asked about."""
    from sniperforge.runtime.hand import key_option

    address, coin = key_option(pool, option="--pool"), key_option(mint, option="--mint")
    return lambda launch: (not pool or launch.pool.address == address) and (not mint or launch.pool.base_mint == coin)


def _show(found: list[Explanation], *, json: bool) -> None:
    from sniperforge.runtime import explaining
    from sniperforge.runtime.decoding import json_text

    for number, one in enumerate(found):
        if json:
            typer.echo(json_text(explaining.as_json(one)))
        else:
            typer.echo("\n" * bool(number) + "\n".join(explaining.lines(one)))


def _list_facts(*, json: bool) -> None:
    from sniperforge.runtime import explaining
    from sniperforge.runtime.decoding import json_text

    if json:
        for fact in explaining.facts_json():
            typer.echo(json_text(fact))
    else:
        typer.echo("\n".join(explaining.fact_lines()))
