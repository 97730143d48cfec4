"""`sniperforge bench`: how fast it is here, as ratios against a named baseline of the same run.

Only the options stand here; what measures is imported when it is asked for.
"""

from __future__ import annotations

import typer

from sniperforge_cli.bench_ring import bench_ring


def register(app: typer.Typer) -> None:
    """Put the verbs of this module on *app*."""
    group = typer.Typer(help="Measure this machine: ratios in one run.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(decide)
    group.command()(decode)
    group.command()(path)
    group.command("ring")(bench_ring)
    group.command()(wake)
    app.add_typer(group, name="bench")


def decide(
    frames: str = typer.Option("", "--frames", metavar="FILE", help="Launch frames, one a line; made up by default."),
    trade_frames: str = typer.Option("", "--trade-frames", metavar="FILE", help="Trade frames, one a line."),
    count: int = typer.Option(400, "--count", min=20, max=100_000, help="Made-up frames of each kind."),
    rounds: int = typer.Option(7, "--rounds", min=1, max=100, help="Times through all frames."),
    durability: str = typer.Option("process", "--durability", help="Journal: process or power."),
    json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Measure frame text to signed bytes against a bare script, and the reject path.

    Example: sniperforge bench decide --rounds 11 --json | jq .ratio_p50
    """
    from sniperforge_cli import bench_decide

    bench_decide.report(
        frames=frames, trade_frames=trade_frames, count=count, rounds=rounds, durability=durability, json=json
    )


def decode(
    frames: str = typer.Option(
        "", "--frames", metavar="FILE", help="A recorded block, or frames, one a line; made up by default."
    ),
    rounds: int = typer.Option(7, "--rounds", min=1, max=1000, help="Times through all transactions."),
    json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Measure transactions a second through detect, beside json.loads of the same lines.

    A block (what getBlock answers) is first turned into the logsNotification frames
    a node would have sent for it.

    Example: sniperforge bench decode --frames block.json --rounds 11
    """
    from sniperforge_cli import bench_decode

    bench_decode.report(frames=frames, rounds=rounds, json=json)


def path(
    rate: int = typer.Option(2000, "--rate", min=10, max=50_000, help="Frames a second."),
    launches: int = typer.Option(25, "--launches", min=1, max=1000, help="Launches among them a second."),
    seconds: float = typer.Option(30.0, "--seconds", min=1.0, max=600.0),
    runs: int = typer.Option(1, "--runs", min=1, max=50, help="p99 is told as the best of several runs."),
    seed: int = typer.Option(1, "--seed"),
    json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Measure socket to socket, all stages as processes on rings.

    Example: sniperforge bench path --rate 2000 --seconds 30 --runs 3
    """
    from sniperforge_cli import bench_path

    bench_path.report(rate=rate, launches=launches, seconds=seconds, runs=runs, seed=seed, json=json)


def wake(
    consumers: int = typer.Option(50, "--consumers", min=2, max=60, help="Consumers that sleep on the ring."),
    rate: int = typer.Option(1000, "--rate", min=10, max=20_000, help="Records a second."),
    seconds: float = typer.Option(2.0, "--seconds", min=0.1, max=60, help="Length of each run."),
    rounds: int = typer.Option(5, "--rounds", min=1, max=50, help="Rounds; both arms run once in each."),
    json: bool = typer.Option(False, "--json", help="Print the figures as JSON."),
) -> None:
    """Measure what a record costs its producer when two of fifty want it, and when all do.

    Example: sniperforge bench wake --consumers 50 --rate 1000 --rounds 5
    """
    from sniperforge_cli import bench_wake

    bench_wake.report(consumers=consumers, rate=rate, seconds=seconds, rounds=rounds, json=json)
