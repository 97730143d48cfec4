"""`sniperforge localnet`: a Solana cluster of one node on this machine."""

from __future__ import annotations

import typer

PROGRAM = typer.Option([], "--program", metavar="ID=FILE.so", help="Load a program; may be repeated.")
CLONE = typer.Option(
    [], "--clone", metavar="URL=ADDRESS[,ADDRESS…]", help="Copy programs and accounts from a cluster; repeatable."
)


def register(app: typer.Typer) -> None:
    """Put the verb on *app*."""
    app.command()(localnet)


def localnet(
    port: int = typer.Option(8899, "--port", help="JSON-RPC port (WebSocket too); 0 takes a free one."),
    ws_port: int = typer.Option(0, "--ws-port", help="Second WebSocket port; port + 1 by default."),
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on."),
    slot_ms: int = typer.Option(400, "--slot-ms", help="Length of a slot."),
    confirmed_after: int = typer.Option(2, "--confirmed-after", help="Slots until a slot is confirmed."),
    finalized_after: int = typer.Option(32, "--finalized-after", help="Slots until a slot is final."),
    drop_ppm: int = typer.Option(0, "--drop-ppm", help="Of a million transactions, how many never land."),
    delay_ppm: int = typer.Option(0, "--delay-ppm", help="Of a million transactions, how many land slots late."),
    seed: int = typer.Option(1, "--seed", help="Of drops, delays and the market."),
    program: list[str] = PROGRAM,
    clone: list[str] = CLONE,
    market: bool = typer.Option(False, "--market", help="Also run the market maker until --for is over."),
    ledger: str = typer.Option("", "--ledger", metavar="FILE", help="Where the market writes what really happened."),
    for_: str = typer.Option("", "--for", metavar="TIME", help="End by itself after 90s, 15m or 2h."),
    ready_fd: int = typer.Option(-1, "--ready-fd", metavar="N", help="Write the ready line to this descriptor, too."),
    as_json: bool = typer.Option(False, "--json", help="The ready line as one JSON object."),
) -> None:
    """Run a Solana JSON-RPC and WebSocket server over a real virtual machine.

    Bundled: SPL Token, Token-2022 and a constant-product program under Raydium CPMM's id.

    Examples:

    sniperforge localnet --port 8899 --slot-ms 100

    sniperforge localnet --program 675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8=raydium_amm.so

    sniperforge localnet --market --for 60s --ledger truth.ndjson
    """
    from sniperforge.chain.localnet.serve import Serving, serve
    from sniperforge.chain.localnet.settings import LocalNetSettings, read_clone, read_program
    from sniperforge_cli.run import seconds_of

    settings = LocalNetSettings(
        host=host,
        port=port,
        ws_port=ws_port,
        slot_ms=slot_ms,
        confirmed_after=confirmed_after,
        finalized_after=finalized_after,
        drop_ppm=drop_ppm,
        delay_ppm=delay_ppm,
        seed=seed,
        programs=tuple(read_program(each) for each in program),
        clones=tuple(read_clone(each) for each in clone),
    )
    serve(
        settings.check(),
        Serving(as_json=as_json, ready_fd=ready_fd, seconds=seconds_of(for_), market=market, ledger=ledger),
    )
