"""`sniperforge bench ring`: our ring and its peers in one interleaved run.

Honest by construction: shuffled order inside every round, ratios of the same
round, an absolute schedule (latency from the schedule, so a slow sender hides
nothing), every message counted and checked at every consumer, the bare C futex
wake of the same round as the floor, CPU per message beside it.
"""

from __future__ import annotations

import typer


def bench_ring(
    size: int = typer.Option(256, "--size", min=24, max=65536, help="Bytes per message."),
    consumers: int = typer.Option(1, "--consumers", min=1, max=50, help="Consumers; each gets every message."),
    rate: int = typer.Option(0, "--rate", min=0, help="Messages a second; 0: as many as go through."),
    seconds: float = typer.Option(1.0, "--seconds", min=0.1, max=60, help="Length of each run."),
    rounds: int = typer.Option(5, "--rounds", min=1, max=50, help="Rounds; every transport runs once in each."),
    only: str = typer.Option("", "--only", help="Names to run, separated by commas; ring is always there."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
    svg: str = typer.Option("", "--svg", help="Also draw the medians into this file."),
) -> None:
    """Measure the ring beside multiprocessing, sockets, and the peers that are installed.

    No peer is needed; one that is not here is named. To have all of them:

    \b
      pip install pyzmq faster-fifo iceoryx2 redis hiredis nats-py
      apt install redis-server nats-server

    The two servers are started for each run, on sockets of their own, and stopped.

    \b
    Examples:
      sniperforge bench ring --rate 2000 --rounds 7
      sniperforge bench ring --consumers 8 --only pyzmq,iceoryx2 --svg ring.svg
    """
    import signal
    import sys
    from pathlib import Path

    import orjson

    from sniperforge.base.errors import EXIT_INTERRUPTED, UsageError
    from sniperforge_cli import bench_ring_run as run
    from sniperforge_cli import bench_ring_show as show

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(EXIT_INTERRUPTED))  # the children end with us

    chosen = [name.strip() for name in only.split(",") if name.strip()]
    try:
        if svg:
            Path(svg).touch()  # now, not after minutes of measuring
    except OSError as error:
        raise UsageError(f"bench ring: --svg {svg}: {error.strerror}; name a file that can be written") from error
    report = run.measure(size=size, consumers=consumers, rate=rate, seconds=seconds, rounds=rounds, only=chosen)
    if svg:
        Path(svg).write_text(show.drawn(report))
    typer.echo(orjson.dumps(report) if json else "\n".join(show.table(report)))
