"""`sniperforge bench`: how fast it is here, as ratios against a named baseline of the same run."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Put the verbs of this module on *app*."""
    from sniperforge_cli.bench_decide import decide
    from sniperforge_cli.bench_path import path
    from sniperforge_cli.bench_ring import bench_ring

    group = typer.Typer(
        help="Measure this machine: ratios within one run.", no_args_is_help=True, rich_markup_mode=None
    )
    group.command()(decide)
    group.command()(path)
    group.command("ring")(bench_ring)

    app.add_typer(group, name="bench")
