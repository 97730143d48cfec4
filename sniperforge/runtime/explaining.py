"""Why a bot takes a launch or leaves it, for a screen and for machines.

lines of events | recorded frames -> messages with their time      (`told_in`, `seen_in`)
Explanation -> lines of at most 80 columns                          (`lines`)
            -> one object                                           (`as_json`)
the facts there are -> lines, objects                               (`fact_lines`, `facts_json`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sniperforge.base.clock import SystemClock
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Frame, InputRefused
from sniperforge.base.keys import text
from sniperforge.bots.explanation import Explanation
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.runtime.hand import read_bytes
from sniperforge.runtime.lines import FrameFileInbox, message_of
from sniperforge.runtime.timeline import Timeline
from sniperforge.trading.conditions import Row, shown
from sniperforge.trading.facts import FACTS, OF_LAUNCH, TOLD
from sniperforge.trading.refusal import Refusal

Json = dict[str, object]
Complain = Callable[[str], None]
#: How often a quiet recording is asked what time alone says, and for how long after its last frame.
TICK_NS, QUIET_NS = 100_000_000, 10_000_000_000
_WIDTH = 80
#: Longer values (keys, names of coins) do not make the column wider for all.
_VALUE = 20
_MARKS = {True: "yes", False: "no", None: "?"}
_KINDS = {int: "integer", bool: "boolean", str: "text"}


def told_in(path: str, complain: Complain) -> Iterator[tuple[Event, int]]:
    """Yield the events in *path* ("-": standard input) as `sniperforge detect` writes them, each with its time.

    Args:
        complain: called with one line for everything that is no event.

    Raises:
        UsageError, DecodeError: the file cannot be read at all.
    """
    timeline = Timeline(SystemClock(), "event")
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            message = message_of(line)
        except DecodeError as problem:
            complain(f"{path}:{number}: {problem}")
            continue
        if isinstance(message, Frame):
            complain(f"{path}:{number}: a frame, not an event; give the file with --frames")
            continue
        yield message, timeline.at(message)


def seen_in(path: str, complain: Complain) -> Iterator[tuple[Event, int]]:
    """Yield what detection makes of the recorded frames in *path*, each event with its time.

    Raises:
        ConfigError: the file cannot be opened.
    """
    clock = SystemClock()
    timeline, detector = Timeline(clock, "event"), Detector(DetectSettings())
    inbox = FrameFileInbox(path, clock.now_ns)
    try:
        while not inbox.ended():
            for message in inbox.drain():
                before_ns, now_ns = timeline.now_ns(), timeline.at(message)
                if before_ns:
                    yield from _ticked(detector, before_ns, now_ns)
                if isinstance(message, InputRefused):
                    complain(f"{message.where}: {message.problem}; {message.cure}")
                elif isinstance(message, Frame):
                    for event in detector.stream(message, now_ns):
                        yield event, now_ns
        for event in detector.end(timeline.now_ns()):
            yield event, timeline.now_ns()
    finally:
        inbox.close()


def _ticked(detector: Detector, before_ns: int, now_ns: int) -> Iterator[tuple[Event, int]]:
    """Yield what detection would have said of itself, at its time, while nothing was recorded."""
    for at_ns in range(before_ns + TICK_NS, min(now_ns, before_ns + QUIET_NS), TICK_NS):
        for event in detector.on_tick(at_ns):
            yield event, at_ns


# ── showing ───────────────────────────────────────────────────────────────


def lines(found: Explanation) -> Iterator[str]:
    """Yield an explanation as text."""
    launch, pool = found.verdict.launch, found.verdict.launch.pool
    named = f"  {shown(launch.name)} ({shown(launch.symbol)})" if launch.name or launch.symbol else ""
    yield _cut(f"{pool.venue}{named}")
    yield f"pool     {text(pool.address)}"
    yield f"mint     {text(pool.base_mint)}"
    yield f"creator  {text(launch.creator)}"
    yield from _wrapped("verdict  ", _verdict(found))
    for refused in found.against:
        yield from _wrapped("setting  ", f"no   {_refusal(refused)}")
    if not found.against:
        yield "setting  yes  no setting speaks against it"
    if not found.rows:
        yield "require  nothing"
        return
    yield "require"
    names = max(2 * row.depth + len(row.label) for row in found.rows)
    values = max((len(_value(row)) for row in found.rows if len(_value(row)) <= _VALUE), default=0)
    for row in found.rows:
        yield from _row(row, names, values)


def _verdict(found: Explanation) -> str:
    verdict = found.verdict
    if verdict.refusal is not None:
        return f"refused by {_refusal(verdict.refusal)}"
    if not verdict.waits:
        return "passed"
    missing = list(dict.fromkeys(row.label for row in _missing(found.rows)))
    if verdict.wants_token and not missing:
        missing = ["its mint account"]
    return f"waits for {', '.join(missing) or 'its opening'}; the input ends here"


def _missing(rows: tuple[Row, ...]) -> Iterator[Row]:
    """Yield the unknown leaves; those below a group that is decided are waited for by nobody."""
    decided = 1 << 30
    for row in rows:
        if row.depth <= decided:
            decided = row.depth if row.truth is not None else 1 << 30
        if row.depth < decided and row.allowed and row.truth is None:
            yield row


def _refusal(refused: Refusal) -> str:
    return f"{refused.filter}: {', '.join(f'{name} {value}' for name, value in refused.values.items())}"


def _value(row: Row) -> str:
    return shown(row.value) if row.allowed else ""


def _row(row: Row, names: int, values: int) -> Iterator[str]:
    name = f"{'  ' * row.depth}{row.label}"
    line = f"{_MARKS[row.truth]:<5}{name:<{names}}  {_value(row):<{values}}  {row.allowed}".rstrip()
    if len(line) <= _WIDTH and len(_value(row)) <= values:
        yield line
        return
    yield _cut(f"{_MARKS[row.truth]:<5}{name:<{names}}  {_value(row)}")
    yield _cut(f"{'':<7}{'  ' * row.depth}{row.allowed}")


def _wrapped(head: str, body: str) -> Iterator[str]:
    """Yield *body* behind *head*, broken at spaces; a word too long for a line is cut."""
    line = head.rstrip("\n")
    for word in body.split(" "):
        if len(line) + len(word) >= _WIDTH and line.strip():
            yield line.rstrip()
            line = " " * len(head)
        line += _cut(word, _WIDTH - len(head)) + " "
    yield line.rstrip()


def _cut(line: str, width: int = _WIDTH) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"


def as_json(found: Explanation) -> Json:
    """Return an explanation as plain values: amounts in integers, keys in base58, null for what is unknown."""
    verdict, launch = found.verdict, found.verdict.launch
    word = "refused" if verdict.refusal is not None else "waits" if verdict.waits else "passed"
    return {
        "venue": launch.pool.venue,
        "pool": text(launch.pool.address),
        "base_mint": text(launch.pool.base_mint),
        "creator": text(launch.creator),
        "name": launch.name,
        "symbol": launch.symbol,
        "verdict": word,
        "refusal": _refusal_json(verdict.refusal) if verdict.refusal is not None else None,
        "settings_against": [_refusal_json(refused) for refused in found.against],
        "waits_for": list(dict.fromkeys(row.label for row in _missing(found.rows))) if verdict.waits else [],
        "require": [_row_json(row) for row in found.rows],
    }


def _refusal_json(refused: Refusal) -> Json:
    return {"filter": refused.filter, "values": refused.values}


def _row_json(row: Row) -> Json:
    told: Json = {"depth": row.depth, "path": row.path, "label": row.label, "truth": row.truth}
    return {**told, "allowed": row.allowed, "value": row.value} if row.allowed else told


# ── the facts there are ───────────────────────────────────────────────────


def facts_json() -> list[Json]:
    """Return every fact an expression can ask for."""
    return [
        {"name": fact.name, "kind": _KINDS[fact.kind], "told_by": _teller(fact.name), "what": fact.what}
        for fact in FACTS.values()
    ]


def _teller(name: str) -> str:
    """Return which events tell a fact; those of the launch come with it."""
    tellers = ["PoolCreated"] if name in OF_LAUNCH else []
    tellers += [kind.__name__ for kind, told in TOLD.items() if name in [fact.name for fact in told.facts]]
    return ", ".join(tellers)


def fact_lines() -> Iterator[str]:
    """Yield the facts by who tells them."""
    told_by: dict[str, list[Json]] = {}
    for fact in facts_json():
        told_by.setdefault(str(fact["told_by"]), []).append(fact)
    for teller, facts in told_by.items():
        yield f"{teller}:"
        width = max(len(str(fact["name"])) for fact in facts)
        for fact in facts:
            yield _cut(f"  {fact['name']:<{width}}  {fact['kind']:<7}  {fact['what']}")
