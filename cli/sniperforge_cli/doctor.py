"""`sniperforge doctor`: is the world still as this build knows it?"""

from __future__ import annotations

import typer

from sniperforge_cli.run import RPC_ENV


def register(app: typer.Typer) -> None:
    """Put the verbs of this module on *app*."""
    group = typer.Typer(
        help="Check that the programs are still those we build for.", no_args_is_help=True, rich_markup_mode=None
    )
    # Without it a group of one verb would swallow that verb's name.
    group.callback()(_group)
    group.command()(venues)
    app.add_typer(group, name="doctor")


def _group() -> None:
    pass


def venues(
    rpc: str = typer.Option("", "--rpc", envvar=RPC_ENV, help="HTTP endpoint to ask for recent swaps."),
    recorded: list[str] = typer.Option(
        [], "--from", metavar="FILE", help="Recorded transactions and accounts, or a folder: no network. Repeat it."
    ),
    venue: list[str] = typer.Option([], "--venue", "-v", help="Only this venue. Repeat it."),
    transactions: int = typer.Option(20, "--transactions", help="How many to fetch of each venue.", min=1, max=1000),
    seconds: float = typer.Option(60.0, "--seconds", help="How long to ask for one venue.", min=1.0),
    state: str = typer.Option("sniperforge-doctor.json", "--state", help="Deploy slots of the last run (--rpc)."),
    json: bool = typer.Option(False, "--json", help="One JSON object a venue."),
) -> None:
    """Compare recent successful swaps of every venue with what we would build.

    Number and order of accounts, their flags, the length of the data, the accounts of
    pools; with --rpc also the slot of each program's last deploy against the run before.
    An older form of an instruction is told and is no alarm; a form we do not build is
    not compared. Exit code 1 when something differs or a file cannot be read, 4 when a
    venue could not be asked.

    Examples:

    sniperforge doctor venues --rpc https://your-endpoint.example

    sniperforge doctor venues --from day.ndjson.gz --from block.json --venue pumpfun

    sniperforge doctor venues --from recordings/ --json | jq -r '.alarms[].field'
    """
    from sniperforge.base.errors import EXIT_FAILED, EXIT_UNAVAILABLE, UsageError
    from sniperforge.dex.venues import VENUES
    from sniperforge.runtime import doctor
    from sniperforge.runtime.decoding import json_text
    from sniperforge_cli.run import chosen

    unreadable = False
    names = [chosen("--venue", name, VENUES) for name in venue] or list(VENUES)
    wanted = {name: VENUES[name] for name in names}
    if recorded:
        found = doctor.read_recorded(recorded, wanted)
        checked = doctor.check_recorded(found, wanted)
        unreadable = bool(found.problems)
        for problem in found.problems:
            typer.echo(f"sniperforge: {problem}", err=True)
        if not json:
            typer.echo(f"{found.files} files, {found.without} of them without a swap or pool of these venues")
    elif rpc:
        known = doctor.read_state(state)
        checked = doctor.check_chain(rpc, wanted, known, transactions_max=transactions, seconds_max=seconds)
        doctor.write_state(state, known, checked)
    else:
        raise UsageError("--rpc: missing; give an endpoint to ask, or --from with recorded transactions")
    typer.echo(
        "\n".join(json_text(doctor.as_json(one)) for one in checked) if json else "\n".join(doctor.lines(checked))
    )
    if unreadable or any(one.judged is not None and one.judged.alarms for one in checked):
        raise typer.Exit(EXIT_FAILED)
    if any(one.judged is None for one in checked):
        raise typer.Exit(EXIT_UNAVAILABLE)
