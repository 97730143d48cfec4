"""`sniperforge demo`: the whole way on this machine, with nothing installed and no money."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Put the verb of this module on *app*."""
    app.command()(demo)


def demo(
    seconds: float = typer.Option(60.0, "--seconds", min=20.0, max=3600.0, help="How long launches come."),
    seed: int = typer.Option(1, "--seed", help="Of everything the market does."),
    keep: str = typer.Option("", "--keep", metavar="DIR", help="Keep the run's folder (journal, config, truth) here."),
    json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
    view: bool = typer.Option(True, "--view/--no-view", help="Live view, at a terminal."),
) -> None:
    """Catch launches on a local cluster, buy, manage, sell, and report what it cost and how fast it was.

    A real SVM with a constant-product AMM, a market maker that opens pools, trades,
    rugs and forges logs, and every stage as a supervised process: no keys, no
    network, no money.

    Examples:

    sniperforge demo

    sniperforge demo --seconds 30 --json | jq .money
    """
    import sys
    import tempfile
    from pathlib import Path

    from sniperforge_cli.demo_run import Demo

    with tempfile.TemporaryDirectory(prefix="sniperforge-demo-") as folder:
        directory = Path(keep) if keep else Path(folder)
        directory.mkdir(parents=True, exist_ok=True)
        run = Demo(directory, seconds=seconds, seed=seed, live=view and not json and sys.stdout.isatty())
        figures = run.play()
        if json:
            import orjson

            typer.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())
        else:
            run.print_report(figures)
    if figures["problems"]:
        for problem in figures["problems"]:
            typer.echo(f"sniperforge: demo: {problem}", err=True)
        raise typer.Exit(1)
