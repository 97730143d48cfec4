"""The root command: verbs, exit codes, and one line for every failure.

Imports are lazy: a verb's module holds its options only, and its body imports
what it needs. `--help` must stay under 150 ms, of which typer takes 100.
"""

from __future__ import annotations

import copy
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


def _narrowed(arguments: list[str]) -> typer.Typer:
    """Return *app* with the options of the verb that is asked for, and the others by name and help only.

    typer makes every option of every verb before it looks at the first word: a
    sixth of the time of `--help`. Shells that complete want all of them.
    """
    if any(name.endswith("_COMPLETE") for name in os.environ):
        return app
    wanted = next((argument for argument in arguments if not argument.startswith("-")), "")
    narrowed = copy.copy(app)
    narrowed.registered_commands = [_command(info, wanted) for info in app.registered_commands]
    narrowed.registered_groups = [_group(info, wanted) for info in app.registered_groups]
    return narrowed


def _command(info: Any, wanted: str) -> Any:
    name = info.name or info.callback.__name__
    if name == wanted:
        return info

    def outlined() -> None:
        raise AssertionError(f"{name} was not asked for")

    outlined.__doc__ = info.callback.__doc__
    outline = copy.copy(info)
    outline.name, outline.callback = name, outlined
    return outline


def _group(info: Any, wanted: str) -> Any:
    if info.name == wanted:
        return info
    outline = copy.copy(info)
    outline.typer_instance = copy.copy(info.typer_instance)
    outline.typer_instance.registered_commands = []
    return outline


def main() -> None:
    """Run one command and leave with its exit code (see `sniperforge.base.errors`)."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Return the exit code of one command line; a failure is one line on stderr."""
    command = typer.main.get_command(_narrowed(arguments))
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
