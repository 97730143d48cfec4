"""`doctor venues`: recorded or fetched swaps of every venue beside what we would build.

files | endpoint            -> Checked, … (one for each venue)
Checked, …                  -> a table of 80 columns, what differs, and what to do
state file of the last run  -> deploy slots to compare with, and the other way round
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import msgspec
import orjson

from sniperforge.base.errors import ConfigError, DecodeError, UnavailableError, UsageError
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.coordinate.canary import Compared, Judged, Swap, Verdict, compare, judge
from sniperforge.coordinate.canary_reading import read_swaps
from sniperforge.coordinate.canary_watch import Bounds, known_slots, look
from sniperforge.detect.inputs import documents
from sniperforge.dex.venue import Venue
from sniperforge.runtime.hand import read_bytes

_WIDTH = 80
_KINDS = (".json", ".jsonl", ".ndjson", ".gz", ".zst")
#: A state file holds ten numbers.
STATE_BYTES_MAX = 1 << 16
_VERDICTS: tuple[Verdict, ...] = ("equal", "older", "differing", "not compared")


class Checked(NamedTuple):
    """One venue; `problem` says why nothing is known of it."""

    venue: str
    judged: Judged | None = None
    problem: str = ""


# ── from files ────────────────────────────────────────────────────────────


class Recorded(NamedTuple):
    """What was read: each different swap once; files without a transaction; and what could not be read."""

    swaps: tuple[Swap, ...]
    files: int
    without: int
    problems: tuple[str, ...]


def read_recorded(paths: Sequence[str], venues: Mapping[str, Venue]) -> Recorded:
    """Return the swaps recorded in files and (walked through, in order of names) folders.

    Raises:
        UsageError: a path that does not exist.
    """
    swaps: dict[tuple[object, ...], Swap] = {}
    files = without = 0
    problems: list[str] = []
    for path in _files(paths):
        files += 1
        found, seen = 0, 0
        try:
            for number, document in documents(read_bytes(path)):
                seen += 1
                try:
                    for swap in read_swaps(document, source=path, venues=venues):
                        found += 1
                        swaps.setdefault((swap.signature, swap.venue.name, swap.accounts, swap.data), swap)
                except DecodeError as problem:
                    problems.append(f"{path}:{number}: {problem}")
        except DecodeError as problem:
            problems.append(f"{path}: {problem}")
        without += not found
    return Recorded(tuple(swaps.values()), files, without, tuple(problems))


def _files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        place = Path(path)
        if path != "-" and place.is_dir():
            yield from sorted(str(one) for one in place.rglob("*") if one.is_file() and one.suffix in _KINDS)
        else:
            yield path


def check_recorded(recorded: Recorded, venues: Mapping[str, Venue]) -> list[Checked]:
    """Return each venue with every recorded swap of it compared."""
    return [
        Checked(name, judge(venue, [compare(swap) for swap in recorded.swaps if swap.venue.name == name]))
        for name, venue in venues.items()
    ]


# ── from an endpoint ──────────────────────────────────────────────────────


def check_chain(
    url: str, venues: Mapping[str, Venue], known: Mapping[str, int], *, transactions_max: int, seconds_max: float
) -> list[Checked]:
    """Return each venue as the endpoint shows it now; one it cannot show is a `problem`.

    Raises:
        ConfigError: not a URL.
    """
    target = endpoint(url, where="--rpc")

    async def ask() -> list[Checked]:
        client = RpcClient(target)
        try:
            return [await _check(client, venue) for venue in venues.values()]
        finally:
            await client.close()

    async def _check(client: RpcClient, venue: Venue) -> Checked:
        bounds = Bounds(transactions_max, seconds_max, known.get(venue.name, 0))
        try:
            return Checked(venue.name, await look(client, venue, bounds))
        except (UnavailableError, DecodeError) as problem:
            return Checked(venue.name, problem=str(problem))

    return asyncio.run(ask())


def read_state(path: str) -> dict[str, int]:
    """Return the deploy slots of the last run by venue; empty when there was none.

    Raises:
        UsageError: the file cannot be read; ConfigError: it is something else.
    """
    try:
        with Path(path).open("rb") as file:
            raw = file.read(STATE_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise UsageError(f"--state {path}: {problem.strerror}; name a file that can be read and written") from None
    try:
        if len(raw) > STATE_BYTES_MAX:
            raise ValueError
        return msgspec.json.decode(raw, type=dict[str, int])
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        raise ConfigError(f"--state {path}", "no deploy slots by venue", "name another file, or remove it") from None


def write_state(path: str, known: Mapping[str, int], checked: Iterable[Checked]) -> None:
    """Remember the deploy slots of venues without alarm; what alarmed stays as it was known.

    Raises:
        UsageError: the file cannot be written.
    """
    slots = {**known, **known_slots(one.judged for one in checked if one.judged is not None)}
    place = Path(path)
    fresh = place.with_name(f"{place.name}.new")
    try:
        fresh.write_bytes(orjson.dumps(slots, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
        fresh.replace(place)
    except OSError as problem:
        raise UsageError(f"--state {path}: {problem.strerror}; name a file that can be written") from None


# ── telling ───────────────────────────────────────────────────────────────


def lines(checked: Sequence[Checked]) -> Iterator[str]:
    """Yield the table, then for each venue what differs, what was not compared and why."""
    yield f"{'venue':<18}{'compared':>9}{'equal':>7}{'older':>7}{'differing':>11}{'not compared':>14}{'deployed':>12}"
    for one in checked:
        yield _row(one)
    for one in checked:
        yield from _details(one)


def _row(one: Checked) -> str:
    judged = one.judged
    if judged is None:
        return f"{one.venue:<18}{'unknown':>9}"
    equal, older, differing, rest = (judged.count(verdict) for verdict in _VERDICTS)
    slot = str(judged.deployed.slot) if judged.deployed else "-"
    return f"{one.venue:<18}{equal + older + differing:>9}{equal:>7}{older:>7}{differing:>11}{rest:>14}{slot:>12}"


def _details(one: Checked) -> Iterator[str]:
    if one.judged is None:
        yield from _told("", f"{one.venue}: {one.problem}")
        return
    for difference, swap in one.judged.alarms:
        where = f" (slot {swap.slot}, {swap.signature or 'an instruction alone'})" if swap else ""
        yield from _told("DIFFERS ", f"{one.venue}, {difference.line()}{where}; {difference.cure}")
    for note in one.judged.notes:
        yield from _told("", f"{one.venue}: {note}")
    for reason, count in _reasons(one.judged.compared):
        yield from _told("", f"{one.venue}: {count} x {reason}")


def _reasons(compared: Iterable[Compared]) -> list[tuple[str, int]]:
    told = Counter(
        f"{one.name}, {one.reason}" if one.verdict == "older" else f"{one.name} not compared: {one.reason}"
        for one in compared
        if one.reason
    )
    return told.most_common()


def _told(mark: str, line: str) -> list[str]:
    """Return *line* at most 80 columns wide; a signature or an address is never cut."""
    return wrap(
        mark + line, _WIDTH, initial_indent="" if mark else "  ", subsequent_indent="    ", break_long_words=False
    )


def as_json(one: Checked) -> dict[str, object]:
    """Return one venue for machines."""
    judged = one.judged
    if judged is None:
        return {"venue": one.venue, "problem": one.problem}
    counts = {verdict.replace(" ", "_"): judged.count(verdict) for verdict in _VERDICTS}
    return {
        "venue": one.venue,
        "compared": counts["equal"] + counts["older"] + counts["differing"],
        **counts,
        "proven_slot": judged.proven_slot,
        "deploy_slot": judged.deployed.slot if judged.deployed else 0,
        "deploy_slot_known": judged.deployed.known if judged.deployed else 0,
        "alarms": [
            {**difference._asdict(), "signature": swap.signature if swap else "", "slot": swap.slot if swap else 0}
            for difference, swap in judged.alarms
        ],
        "notes": list(judged.notes),
        "reasons": dict(_reasons(judged.compared)),
    }
