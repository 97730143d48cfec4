"""`sniperforge ring`: what lies in shared memory, who reads it, who is behind, what is passing by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from sniperforge.shm.listing import Found
    from sniperforge.shm.ring import Record

app = typer.Typer(help="Look into the rings of this host.", no_args_is_help=True, rich_markup_mode=None)

_INSTANCE = typer.Option(
    None, "--instance", "-i", help="Run the ring belongs to; needed when several have such a ring."
)
_JSON = typer.Option(False, "--json", help="Print JSON.")


def register(root: typer.Typer) -> None:
    """Put the verbs of this module on *root*."""
    root.add_typer(app, name="ring")


@app.command()
def ls(json: bool = _JSON) -> None:
    """List the rings and counters of this user, living and left behind.

    Example: sniperforge ring ls
    """
    from sniperforge.shm.listing import segments

    found = segments()
    if json:
        _print_json([_found_fields(item) for item in found])
        return
    for item in found:
        state = "foreign" if item.kind == "foreign" else "alive" if item.alive else "dead"
        typer.echo(f"{item.kind:<9}{state:<8}{_size(item.bytes):>9}  pid {item.pid:<8}{item.problem or item.name}")


@app.command()
def stat(
    topic: str = typer.Argument(..., help="Ring, as `ring ls` names it, or its last part."),
    instance: str | None = _INSTANCE,
    json: bool = _JSON,
    watch: bool = typer.Option(False, "--watch", "-w", help="Print again every second until interrupted."),
) -> None:
    """Show a ring's fill, its producers, and each consumer's lag, losses and heartbeat.

    Example: sniperforge ring stat market --watch
    """
    import time

    from sniperforge.shm.listing import attach, find

    ring = attach(find(topic, instance=instance))
    while True:
        facts = ring.stat()
        if json:
            _print_json(facts)
        else:
            if watch:
                typer.echo("\x1b[H\x1b[2J", nl=False)
            typer.echo("\n".join(_stat_lines(facts)))
        if not watch:
            return
        time.sleep(1)


@app.command()
def tail(
    topic: str = typer.Argument(..., help="Ring, as `ring ls` names it, or its last part."),
    instance: str | None = _INSTANCE,
    json: bool = _JSON,
    head: bool = typer.Option(False, "--head", help="Start with what the ring still holds."),
    count: int = typer.Option(0, "--count", "-n", min=0, help="Stop after so many records; 0: when interrupted."),
) -> None:
    """Print records as they pass by. An observer: it holds nobody back, and says what it missed.

    Example: sniperforge ring tail fills --json | jq .event
    """
    import os

    from sniperforge.shm.errors import RingClosed
    from sniperforge.shm.listing import attach, find

    ring = attach(find(topic, instance=instance))
    eye = ring.consumer(f"tail-{os.getpid()}", start="head" if head else "tail", observer=True)
    shown = missed = 0
    try:
        while True:
            for record in eye.drain(256 if not count else min(256, count - shown)):
                _show(record, json)
                shown += 1
            if eye.lost > missed:
                typer.echo(f"ring tail: {eye.lost - missed} records passed unseen", err=True)
                missed = eye.lost
            if count and shown >= count:
                return
            eye.wait(None)
    except RingClosed:
        return
    finally:
        eye.close()


@app.command()
def rm(
    topic: str | None = typer.Argument(
        None, help="Ring to remove; without it, with --dead, all that dead processes left."
    ),
    instance: str | None = _INSTANCE,
    dead: bool = typer.Option(False, "--dead", help="Remove every ring and counter whose maker is dead."),
    force: bool = typer.Option(False, "--force", help="Remove it although its maker lives: its run will stop."),
) -> None:
    """Remove what an unclean end left in shared memory.

    Example: sniperforge ring rm --dead
    """
    from sniperforge.base.errors import UsageError
    from sniperforge.shm.errors import RingExists
    from sniperforge.shm.listing import find, segments

    if (topic is None) == (not dead):
        raise UsageError("ring rm: name one ring, or say --dead; not both and not neither")
    if topic is None:
        for item in segments():
            if not item.alive:
                _remove(item)
        return
    item = find(topic, instance=instance)
    if item.alive and not force:
        raise RingExists(item.name, pid=item.pid)
    _remove(item)


def _remove(item: Found) -> None:
    from sniperforge.shm import listing, names, ring
    from sniperforge.shm.errors import RingError

    try:
        listing.attach(item).unlink()
    except RingError:
        ring.remove(item.shm_name, f"{names.SHM_DIRECTORY}/no-bells")
    typer.echo(f"removed {item.kind} {item.name}", err=True)


def _print_json(value: Any) -> None:
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))


def _found_fields(item: Found) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(item)


def _size(count: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count} {unit}"
        count //= 1024
    return f"{count} GiB"


def _stat_lines(facts: dict[str, Any]) -> list[str]:
    percent = facts["used"] * 100 // facts["capacity"]
    state = "open" if facts["open"] else "closed"
    lines = [
        f"{facts['name']}  {facts['guarantee']}, {state}, {_size(facts['capacity'])}, {percent} % used, "
        f"{facts['head']} records, {facts['holes']} repaired, {facts['evicted']} evicted",
    ]
    lines += [
        f"  producer {row['name']:<20} pid {row['pid']:<8}{'' if row['alive'] else 'DEAD '}"
        f"sent {row['sent']}, waited {row['waits']} times"
        for row in facts["producers"]
    ]
    for row in facts["consumers"]:
        who = f"pid {row['pid']:<8}" if row["pid"] else "nobody yet  "
        beat = f", seen {row['heartbeat_age_ns'] // 1_000_000} ms ago" if row["heartbeat_age_ns"] else ""
        lines.append(
            f"  consumer {row['name']:<20} {who}{'' if row['alive'] or not row['pid'] else 'DEAD '}{row['seat']}"
            f"{' (' + row['reason'] + ')' if row['reason'] else ''}: {row['lag_records']} records and "
            f"{_size(row['lag_bytes'])} behind, received {row['received']}, lost {row['lost']}{beat}"
        )
    return lines


def _show(record: Record, json: bool) -> None:
    from sniperforge.base import wire
    from sniperforge.base.errors import DecodeError

    kind = wire.TYPES[record.type].__name__ if record.type in wire.TYPES else str(record.type)
    try:
        text = wire.to_json(wire.decode(record.type, record.payload)).decode()
    except DecodeError:
        text = record.payload.decode("utf-8", "replace")
    if not json:
        typer.echo(f"{record.sequence} {kind} key={record.key:016x} {len(record.payload)} B  {text[:400]}")
        return
    fields = {
        name: getattr(record, name)
        for name in ("sequence", "type", "flags", "key", "origin_ns", "trace_id", "publish_ns")
    }
    try:
        import orjson

        fields["event"] = orjson.loads(text)
    except orjson.JSONDecodeError:
        fields["text"] = text
    _print_json(fields)
