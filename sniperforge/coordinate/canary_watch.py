"""The canary's eyes: recent swaps of a venue from an endpoint, and the watch that halts.

venue -> getSignaturesForAddress, getTransaction …, the program's and the pools' accounts -> Judged   (`look`)
Judged -> HaltChanged of that venue when it differs, and when an equal swap came after it             (`CanaryWatch`)

Bounded in number (signatures, transactions, pools) and in time. An endpoint that fails
is told and changes nothing: neither does it halt a venue, nor does it free one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import orjson

from sniperforge.base.clock import Clock
from sniperforge.base.errors import DecodeError, UnavailableError
from sniperforge.base.events import Event, HaltChanged, InputRefused
from sniperforge.base.keys import key, text
from sniperforge.base.units import Pubkey
from sniperforge.chain.rpc import RpcClient, RpcRefused, endpoint
from sniperforge.coordinate.canary import Compared, Deployed, Difference, Judged, Swap, compare, judge, pool_of
from sniperforge.coordinate.canary_reading import deploy_slot, program_data_of, read_pool, read_swaps
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.detect.values import base64
from sniperforge.dex.venue import Venue

#: One page; a busy program's failures are among them.
SIGNATURES_MAX = 1_000
POOLS_MAX = 20
#: So many equal swaps and none that differs: the rest would say the same.
ENOUGH = 5
VENUE_S_MAX = 60.0
_COMMITMENT = "confirmed"
#: Tag, slot, and the authority behind them; the code itself is megabytes.
_HEAD_OF_PROGRAM_DATA = {"offset": 0, "length": 45}


class Bounds(NamedTuple):
    """How much one look may cost: transactions fetched, seconds, and the deploy slot known before (0: none)."""

    transactions_max: int = 20
    seconds_max: float = VENUE_S_MAX
    known_slot: int = 0


class _Signature(msgspec.Struct):
    signature: str
    slot: int
    err: object = None


class _Account(msgspec.Struct):
    owner: str
    data: tuple[str, str]


async def look(client: RpcClient, venue: Venue, bounds: Bounds) -> Judged:
    """Return what the newest successful swaps of *venue*, its program and its pools say.

    Raises:
        UnavailableError: the endpoint does not answer, or not within *bounds*.
        DecodeError: it answers something else than was asked.
    """
    try:
        async with asyncio.timeout(bounds.seconds_max):
            slot = await _deployed(client, venue)
            compared = await _compared(client, venue, bounds.transactions_max)
            compared, wrong, pools = await _with_pools(client, venue, compared)
    except TimeoutError:
        raise UnavailableError(
            f"{client.target.name}: {venue.name} took more than {bounds.seconds_max:g} s; "
            "ask for fewer transactions, or another endpoint"
        ) from None
    deployed = Deployed(slot, bounds.known_slot) if slot else None
    return judge(venue, compared, deployed=deployed, accounts=wrong, pools=pools)


async def _compared(client: RpcClient, venue: Venue, transactions_max: int) -> list[Compared]:
    options = {"limit": SIGNATURES_MAX, "commitment": _COMMITMENT}
    answer = await client.call("getSignaturesForAddress", [text(venue.program), options])
    rows = _typed(client, "getSignaturesForAddress", answer, list[_Signature])
    compared: list[Compared] = []
    for row in [row for row in rows if row.err is None][:transactions_max]:
        compared += [compare(swap) for swap in await _swaps(client, venue, row.signature)]
        verdicts = [one.verdict for one in compared]
        if verdicts.count("equal") >= ENOUGH and "differing" not in verdicts:
            break
    return compared


async def _swaps(client: RpcClient, venue: Venue, signature: str) -> list[Swap]:
    """Return the venue's swaps of one transaction; one that this endpoint cannot show, or we not read, has none."""
    options = {"encoding": "json", "commitment": _COMMITMENT, "maxSupportedTransactionVersion": 0}
    try:
        answer = await client.call("getTransaction", [signature, options])
        if not isinstance(answer, dict):
            return []
        return read_swaps(orjson.dumps(answer), source=client.target.name, venues=(venue.name,))
    except (RpcRefused, DecodeError):
        return []


async def _deployed(client: RpcClient, venue: Venue) -> int:
    """Return the slot of the program's last deploy, 0 for a loader that keeps none."""
    program = await _account(client, venue.program, {})
    place = program and program_data_of(*program)
    if not place:
        return 0
    data = await _account(client, place, {"dataSlice": _HEAD_OF_PROGRAM_DATA})
    return deploy_slot(data[1]) if data else 0


async def _account(client: RpcClient, place: Pubkey, more: Mapping[str, object]) -> tuple[Pubkey, bytes] | None:
    options = {"encoding": "base64", "commitment": _COMMITMENT, **more}
    answer = await client.call("getAccountInfo", [text(place), options])
    value = answer.get("value") if isinstance(answer, dict) else None
    return _read(client, "getAccountInfo", value) if value is not None else None


async def _with_pools(
    client: RpcClient, venue: Venue, compared: list[Compared]
) -> tuple[list[Compared], list[Difference], int]:
    """Compare again with what the pools' own accounts hold; return also what is wrong with those, and how many."""
    pools = list(dict.fromkeys(pool for one in compared if (pool := pool_of(one)) is not None))[:POOLS_MAX]
    if not pools:
        return compared, [], 0
    options = {"encoding": "base64", "commitment": _COMMITMENT}
    answer = await client.call("getMultipleAccounts", [[text(pool) for pool in pools], options])
    rows = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or len(rows) != len(pools):
        raise DecodeError(f"{client.target.name}: getMultipleAccounts answered something else; use another endpoint")
    held: dict[Pubkey, dict[str, Pubkey]] = {}
    wrong: dict[str, Difference] = {}
    seen = 0
    for pool, row in zip(pools, rows, strict=True):
        if row is None:  # closed since: what it was like nobody can say
            continue
        owner, raw = _read(client, "getMultipleAccounts", row)
        if owner != venue.program:
            continue
        seen += 1
        found = read_pool(venue, raw)
        if isinstance(found, Difference):
            wrong.setdefault(found.found, found)
        else:
            held[pool] = found
    return [_again(one, held) for one in compared], list(wrong.values()), seen


def _again(compared: Compared, held: Mapping[Pubkey, dict[str, Pubkey]]) -> Compared:
    pool = pool_of(compared)
    keys = held.get(pool) if pool is not None else None
    return compare(compared.swap._replace(pool_keys=keys)) if keys else compared


def _read(client: RpcClient, method: str, value: object) -> tuple[Pubkey, bytes]:
    account = _typed(client, method, value, _Account)
    return key(account.owner), base64(account.data[0])


def _typed(client: RpcClient, method: str, answer: object, kind: Any) -> Any:
    try:
        return msgspec.convert(answer, kind)
    except (msgspec.ValidationError, ValueError) as problem:
        where = client.target.name
        raise DecodeError(f"{where}: {method} answered something else ({problem}); use another endpoint") from None


# ── the watch ─────────────────────────────────────────────────────────────


class CanaryWatch:
    """Looks at every venue again and again and tells what changes for trading.

    Args:
        tell: gets HaltChanged of one venue, and InputRefused for what could not be asked.
    """

    def __init__(
        self, settings: CoordinateSettings, venues: Mapping[str, Venue], clock: Clock, tell: Callable[[Event], None]
    ) -> None:
        target = endpoint(settings.rpc, where="coordinate.rpc")
        timeout_s = settings.rpc_timeout_ms / 1000
        self.client = RpcClient(target, timeout_s=timeout_s, attempts=settings.rpc_attempts)
        self.halted: set[str] = set()
        self.looks = 0
        self._settings, self._venues, self._clock, self._tell = settings, venues, clock, tell
        self._known_slots: dict[str, int] = {}
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Look at every venue each `canary_poll_s`, for ever, the first time at once."""
        try:
            while True:
                for venue in self._venues.values():
                    await self.look_once(venue)
                await asyncio.sleep(self._settings.canary_poll_s)
        finally:
            with contextlib.suppress(Exception):
                await self.client.close()

    async def look_once(self, venue: Venue) -> None:
        """Look at *venue* and tell what follows; an endpoint's failure is told once and changes nothing."""
        known = self._known_slots.get(venue.name, 0)
        bounds = Bounds(self._settings.canary_transactions_max, known_slot=known)
        try:
            judged = await look(self.client, venue, bounds)
        except (UnavailableError, DecodeError) as problem:
            self._unavailable(venue, str(problem))
            return
        self.looks += 1
        self._told.pop(venue.name, None)
        self.heard(judged)

    def heard(self, judged: Judged) -> None:
        """Tell what *judged* changes: a halt with its reason, or its end."""
        self._known_slots |= known_slots([judged])
        if judged.alarms:
            reason = alarm_line(judged)
            if judged.venue not in self.halted or self._told.get(f"!{judged.venue}") != reason:
                self.halted.add(judged.venue)
                self._told[f"!{judged.venue}"] = reason
                self._halt(judged.venue, reason, halted=True)
        elif judged.venue in self.halted and judged.proven_slot:
            # Only proof lifts a halt: without an equal swap nothing is known to be well.
            self.halted.discard(judged.venue)
            self._halt(judged.venue, f"a swap of slot {judged.proven_slot} is equal to ours again", halted=False)

    def _halt(self, venue: str, reason: str, *, halted: bool) -> None:
        allowed = self._settings.canary_exits == "allow"
        now_ns = self._clock.now_ns()
        self._tell(HaltChanged(ts_ns=now_ns, halted=halted, exits_allowed=allowed, reason=reason, venue=venue))

    def _unavailable(self, venue: Venue, line: str) -> None:
        if self._told.get(venue.name) == line:
            return
        self._told[venue.name] = line
        what, _, cure = line.rpartition("; ")
        where = f"canary of {venue.name}"
        self._tell(InputRefused(ts_ns=self._clock.now_ns(), where=where, problem=what or line, cure=cure))


def alarm_line(judged: Judged) -> str:
    """Return the first alarm as one line, with how many more there are and what to do."""
    difference, swap = judged.alarms[0]
    where = f" in {swap.signature}" if swap is not None and swap.signature else ""
    more = f", and {len(judged.alarms) - 1} more" if len(judged.alarms) > 1 else ""
    return f"{judged.venue}: {difference.line()}{where}{more}; {difference.cure}"


def known_slots(judged: Iterable[Judged]) -> dict[str, int]:
    """Return the deploy slots to remember of what was judged without alarm, by venue."""
    return {one.venue: one.deployed.slot for one in judged if one.deployed is not None and not one.alarms}
