"""`sniperforge decode`: recorded transactions as named instructions, events, and what detection believes."""

from __future__ import annotations

from collections.abc import Iterator

import typer


def register(root: typer.Typer) -> None:
    """Put the verb of this module on *root*."""
    root.command()(decode)


def decode(
    file: str = typer.Argument(
        ..., metavar="FILE|-", help="Recorded transactions (.gz, .zst or plain); - reads a pipe."
    ),
    json: bool = typer.Option(False, "--json", help="One JSON object a transaction."),
    program: str = typer.Option("", "--program", "-p", help="Only what calls this program, e.g. pumpfun."),
    accounts: bool = typer.Option(False, "--accounts", "-a", help="List every account by its name."),
) -> None:
    """Show what recorded transactions asked for, what the programs said, and what detect believes.

    Reads logsNotification, getTransaction (json, jsonParsed, base64), blocks, Helius
    and Yellowstone messages as JSON, one a line or one a file. What cannot be read is
    one line on stderr, the rest goes on, and the exit code is 1.

    Examples:

    sniperforge decode create.json

    sniperforge decode day.ndjson.gz --program raydium_cpmm --json | jq -c '.instructions[].name'

    sniperforge decode block.json -p pumpfun --accounts
    """
    from sniperforge.base.errors import EXIT_FAILED
    from sniperforge.detect.inputs import documents
    from sniperforge.dex.instruction_names import TABLES
    from sniperforge.runtime import decoding
    from sniperforge.runtime.hand import read_bytes
    from sniperforge_cli.run import chosen

    only = chosen("--program", program, (table.name for table in TABLES.values())) if program else ""
    unreadable = 0
    for number, document in _numbered(documents(read_bytes(file))):
        for decoded in decoding.decode(document, source=file, only=only):
            if decoded.transaction is None:
                unreadable += 1
                typer.echo(f"sniperforge: {file}:{number}: {decoded.problem}", err=True)
            elif json:
                typer.echo(decoding.json_text(decoding.as_json(decoded)))
            else:
                typer.echo("\n".join(decoding.lines(decoded, accounts=accounts)))
    if unreadable:
        raise typer.Exit(EXIT_FAILED)


def _numbered(found: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Yield the documents; a file without one is told."""
    from sniperforge.base.errors import DecodeError

    empty = True
    for item in found:
        empty = False
        yield item
    if empty:
        raise DecodeError("the input holds no transaction; give a file of recorded ones")
