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
from sniperforge.base.units import Pubkey
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.coordinate.canary import Compared, Difference, Judged, Swap, Verdict, compare, judge
from sniperforge.coordinate.canary_reading import read_accounts, read_swaps
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
    """What was read: each different swap once, pools' accounts; files with neither; and what could not be read."""

    swaps: tuple[Swap, ...]
    files: int
    without: int
    problems: tuple[str, ...]
    pools: tuple[tuple[Venue, dict[str, Pubkey] | Difference], ...] = ()


def read_recorded(paths: Sequence[str], venues: Mapping[str, Venue]) -> Recorded:
    """Return the swaps and pools' accounts in files and (walked through, in order of names) folders.

    Raises:
        UsageError: a path that does not exist.
    """
    swaps: dict[tuple[object, ...], Swap] = {}
    files = without = 0
    problems: list[str] = []
    pools: list[tuple[Venue, dict[str, Pubkey] | Difference]] = []
    for path in _files(paths):
        files += 1
        found = 0
        try:
            for number, document in documents(read_bytes(path)):
                try:
                    read = read_swaps(document, source=path, venues=venues)
                    seen = [] if read else [pool for pool in read_accounts(document) if pool[0].name in venues]
                except DecodeError as problem:
                    problems.append(f"{path}:{number}: {problem}")
                    continue
                found += len(read) + len(seen)
                pools += seen
                for swap in read:
                    swaps.setdefault((swap.signature, swap.venue.name, swap.accounts, swap.data), swap)
        except DecodeError as problem:
            problems.append(f"{path}: {problem}")
        without += not found
    return Recorded(tuple(swaps.values()), files, without, tuple(problems), tuple(pools))


def _files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        place = Path(path)
        if path != "-" and place.is_dir():
            yield from sorted(str(one) for one in place.rglob("*") if one.is_file() and one.suffix in _KINDS)
        else:
            yield path


def check_recorded(recorded: Recorded, venues: Mapping[str, Venue]) -> list[Checked]:
    """Return each venue with every recorded swap of it compared, and every recorded pool looked at."""
    return [Checked(name, _judged(venue, recorded)) for name, venue in venues.items()]


def _judged(venue: Venue, recorded: Recorded) -> Judged:
    compared = [compare(swap) for swap in recorded.swaps if swap.venue is venue]
    pools = [found for of, found in recorded.pools if of is venue]
    wrong = [found for found in pools if isinstance(found, Difference)]
    return judge(venue, compared, accounts=wrong, pools=len(pools))


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
    counts = f"{'compared':>8}{'equal':>6}{'older':>6}{'differing':>10}{'not compared':>13}"
    yield f"{'venue':<18}{counts}{'pools':>6}{'deployed':>11}"
    for one in checked:
        yield _row(one)
    for one in checked:
        yield from _details(one)


def _row(one: Checked) -> str:
    judged = one.judged
    if judged is None:
        return f"{one.venue:<18}{'unknown':>8}"
    equal, older, differing, rest = (judged.count(verdict) for verdict in _VERDICTS)
    slot = str(judged.deployed.slot) if judged.deployed else "-"
    counts = f"{equal + older + differing:>8}{equal:>6}{older:>6}{differing:>10}{rest:>13}"
    return f"{one.venue:<18}{counts}{judged.pools:>6}{slot:>11}"


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
        "pools": judged.pools,
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
