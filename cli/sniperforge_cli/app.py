"""The root command: verbs, exit codes, and one line for every failure.

Imports are lazy: a verb's module holds its options only, and its body imports
what it needs. `--help` must stay under 150 ms, of which typer takes 100.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import typer

from sniperforge import __version__
from sniperforge.base.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    SniperForgeError,
)

app = typer.Typer(
    name="sniperforge",
    help="Snipe liquidity on Solana: see a new pool in its first frames, judge it, buy, manage, get out.",
    epilog="Start with `sniperforge demo`: it needs no keys, no network and no money.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

#: What the parser raises for a command line that cannot be (typer vendors click and exports no name for it).
CommandLineError: type[Any] = typer.BadParameter.__mro__[2]

#: Modules of verbs; each registers its own on the `app` it is given.
VERBS = ("run", "demo", "localnet", "decode", "explain", "trade", "ring", "bench", "config", "doctor")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sniperforge {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


for _name in VERBS:
    import_module(f"sniperforge_cli.{_name}").register(app)


def main() -> None:
    """Run one command and leave with its exit code (see `sniperforge.base.errors`)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Return the exit code of one command line; a failure is one line on stderr."""
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="sniperforge", standalone_mode=False)
        return code if isinstance(code, int) else EXIT_OK
    except SniperForgeError as problem:
        for line in str(problem).splitlines():
            print(f"sniperforge: {line}", file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): that is how a pipe ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_OK
    except typer.Abort:
        return EXIT_INTERRUPTED
    except CommandLineError as problem:
        problem.show(file=sys.stderr)
        return int(problem.exit_code)
