"""Log lines -> who printed what, by the runtime's own words.

lines -> calls in order of execution, each with the payloads and texts it printed itself

The runtime writes `Program X invoke [n]` when a program starts and `Program X
success` or `Program X failed: …` when it ends; what stands between belongs to
the program on top of that stack. A program can print only behind the prefixes
`Program log: `, `Program data: ` and `Program return: `, so it cannot forge a
stack line: `msg!("Program data: …")` arrives as a log text, and a newline inside
a text stays inside its array element.

After `Log truncated` any line may be missing, an `invoke` or a `success` too:
from there on nothing is attributed to anybody. What stood before stays certain.

Source: agave program-runtime stable_log.rs and log_collector.rs (10,000 bytes a
transaction), firedancer fd_log_collector.h.
"""

from __future__ import annotations

import binascii
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex.venue import Step

#: The runtime stops at 5 (9 once SIMD-0268 is active everywhere).
DEPTH_MAX = 16
#: 10,000 bytes of logs are about 300 lines; nodes may run with a higher limit.
LINES_MAX = 20_000

TRUNCATED = "Log truncated"
_LOG, _DATA, _PROGRAM = "Program log: ", "Program data: ", "Program "


class Call:
    """One invocation: who, how deep, and what it printed itself.

    Attributes:
        program, depth, parent: as in `Step`; depth 0 = the source does not tell it.
        index: position of the outer instruction it belongs to.
        accounts, data: of the instruction; empty when only logs were carried.
        events: payloads it emitted; logs: its `Program log:` texts.
    """

    __slots__ = ("accounts", "data", "depth", "events", "index", "logs", "parent", "program")

    def __init__(self, program: Pubkey, depth: int, index: int, parent: Pubkey = ZERO_KEY) -> None:
        self.program, self.depth, self.index, self.parent = program, depth, index, parent
        self.accounts: tuple[Pubkey, ...] = ()
        self.data = b""
        self.events: list[bytes] = []
        self.logs: list[str] = []


class Logs(NamedTuple):
    """What the lines of one transaction say.

    Attributes:
        calls: every invocation, in order of execution.
        truncated: the runtime cut the logs; calls is what was certain before.
        loose: lines after the cut, attributed to nobody.
    """

    calls: list[Call]
    truncated: bool = False
    loose: Sequence[str] = ()


#: What a stack line says: program, depth (0: it ends there).
_Mark = tuple[Pubkey, int]
#: A few thousand distinct stack lines make up nearly all of them: looked up, not parsed.
_MARKS_MAX = 16_384
_marks: dict[str, _Mark] = {}


def read_logs(lines: Sequence[str], keep: Container[Pubkey] | None = None) -> Logs:
    """Return the calls the lines of one transaction tell.

    Args:
        lines: `logMessages`, in order.
        keep: tell only calls which emitted something, or are of these programs and
            printed something, and those above them: a tenth of all, and nobody reads
            the others where there is nothing but logs. None tells all.

    Raises:
        DecodeError: a stack line contradicts the stack, a payload is not base64,
            something never ended, or a bound is exceeded.
    """
    if len(lines) > LINES_MAX:
        raise DecodeError(f"{len(lines)} log lines, at most {LINES_MAX} are read; check the source")
    told = _Told()
    stack, made = told.stack, told.made
    for line in lines:
        mark = _marks.get(line)
        if mark is None:
            if line.endswith(" units"):  # what it consumed
                continue
            if line.startswith(_LOG):
                if stack and (keep is None or stack[-1] in keep):
                    (made[-1] or told.make()).logs.append(line[13:])
                continue
            if line.startswith(_DATA):
                if not stack:
                    raise DecodeError("a payload line stands outside every program; check the source")
                (made[-1] or told.make()).events.extend(_payloads(line))
                continue
            if line == TRUNCATED:
                return Logs(told.calls, True, lines[lines.index(TRUNCATED) + 1 :])
            mark = _stack_line(line)
            if mark is None:
                continue
        program, depth = mark
        if depth:
            if depth != len(stack) + 1:
                raise DecodeError(f"{line[:90]!r} at depth {len(stack)}; the lines do not nest, check the source")
            told.outer += depth == 1
            stack.append(program)
            made.append(None)
            if keep is None:
                told.make()
        elif stack and stack[-1] == program:
            stack.pop()
            made.pop()
        else:
            raise DecodeError(f"{line[:90]!r} ends what is not on top; the lines do not nest, check the source")
    if stack:
        raise DecodeError(f"{len(stack)} programs never ended; the lines are incomplete, check the source")
    return Logs(told.calls)


class _Told:
    """The stack while the lines go by: programs, and their calls where one was worth making."""

    __slots__ = ("calls", "made", "outer", "stack")

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.stack: list[Pubkey] = []
        self.made: list[Call | None] = []
        self.outer = -1

    def make(self) -> Call:
        """Make the calls on the stack that are not made yet; return the top one."""
        above = ZERO_KEY
        for position, program in enumerate(self.stack):
            if self.made[position] is None:
                call = Call(program, position + 1, self.outer, above)
                self.made[position] = call
                self.calls.append(call)
            above = program
        return call


def _stack_line(line: str) -> _Mark | None:
    """Return what a line says about the stack; None for one that only informs."""
    if not line.startswith(_PROGRAM):
        return None
    depth = 0
    if line.endswith(" success"):
        name = line[8:-8]
    elif line.endswith("]") and " invoke [" in line:
        name, _, number = line[8:-1].partition(" invoke [")
        if not (number.isascii() and number.isdigit() and len(number) <= 2 and 1 <= int(number) <= DEPTH_MAX):
            raise DecodeError(f"{line[:90]!r}: depth is not 1 to {DEPTH_MAX}; check the source")
        depth = int(number)
    elif " failed: " in line:
        name = line[8 : line.index(" failed: ")]
    else:
        return None
    if " " in name:  # "Program failed to complete: …" tells why, it ends nothing
        return None
    mark = (keys.key(name), depth)
    if " failed: " not in line:  # its reason makes every such line another one
        if len(_marks) >= _MARKS_MAX:
            _marks.clear()
        _marks[line] = mark
    return mark


def _payloads(line: str) -> list[bytes]:
    """Return the payloads of a `Program data:` line: one, unless the program passed several slices."""
    text = line[14:]
    try:
        if " " not in text:
            return [binascii.a2b_base64(text, strict_mode=True)]
        return [binascii.a2b_base64(field, strict_mode=True) for field in text.split(" ")]
    except ValueError:
        raise DecodeError(f"payload line {line[:60]!r} is not base64; check the source") from None


def grow(calls: Iterable[Call]) -> tuple[Step, ...]:
    """Return calls (in order of execution, each one deeper than its predecessor by at most one) as a tree."""
    grown: list[list[Step]] = [[] for _ in range(DEPTH_MAX + 2)]
    for call in reversed(list(calls)):
        below = grown[call.depth + 1]
        step = Step(
            call.program,
            call.accounts,
            call.data,
            tuple(call.events),
            tuple(call.logs),
            tuple(reversed(below)),
            call.index,
            call.depth,
            call.parent,
        )
        below.clear()
        grown[call.depth].append(step)
    return tuple(reversed(grown[1]))
