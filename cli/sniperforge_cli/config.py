"""`sniperforge config`: is a file good, and what does it mean."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Put the verbs of this module on *app*."""
    group = typer.Typer(help="Check and show settings files.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(check)
    group.command()(show)
    app.add_typer(group, name="config")


def check(path: str = typer.Argument(..., help="A TOML file for `sniperforge up`.")) -> None:
    """Say whether the file is good; every problem is one line with its place and its cure.

    Example: sniperforge config check configs/paper.toml
    """
    from sniperforge.runtime.topology import load

    topology = load(path)
    bots = ", ".join(bot.name for bot in topology.bots) or "no bots"
    typer.echo(f"{path}: good; {bots}; money: {topology.coordinate.execution}")


def show(path: str = typer.Argument(..., help="A TOML file for `sniperforge up`.")) -> None:
    """Print every setting in force as JSON: defaults, file and environment laid over each other.

    What may be a provider's key in a URL is shown as ***.

    Example: sniperforge config show configs/paper.toml | jq .coordinate.limits
    """
    import msgspec

    from sniperforge.runtime.topology import load, shown

    typer.echo(msgspec.json.format(msgspec.json.encode(shown(load(path))), indent=2))
