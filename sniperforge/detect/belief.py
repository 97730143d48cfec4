"""One transaction -> what of it is believed, and what is refused by name.

Transaction + what is remembered -> PoolCreated, Swapped, LaunchDisbelieved, …

The rules of belief stand in `Reader.executed` and `Reader._creation`; who
attributed what to whom was settled before, in `sniperforge.detect.transaction`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import (
    CurveCompleted,
    Event,
    Frame,
    LaunchDisbelieved,
    LiquidityChanged,
    PoolCreated,
    PoolMigrated,
    Swapped,
    TokenWanted,
    TransactionWanted,
    event_id,
)
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.detect.forgery import RUNTIME_WORD, hints_creation, printed_forgery
from sniperforge.detect.scan import HEAD_BYTES, tag_of
from sniperforge.detect.state import State, launch_id
from sniperforge.detect.transaction import Transaction
from sniperforge.dex.venue import Context, Incomplete, Step, Venue

#: Venues which make the coin's mint themselves: a second launch of one mint is a lie.
LAUNCHPADS = frozenset(("pumpfun", "raydium_launchlab", "meteora_dbc"))
_Market = Swapped | LiquidityChanged | CurveCompleted | PoolMigrated
# As tuples: asking isinstance of a union takes a microsecond.
_MARKET = (Swapped, LiquidityChanged, CurveCompleted, PoolMigrated)
_TRADE = (Swapped, LiquidityChanged)


class Reader:
    """Reads one transaction; lives as long as that takes.

    Args:
        state: what the state remembers; this writes into it.
        transaction: in its normal form.
        frame: the frame it came in.
        now_ns: stamp of the events made.
    """

    __slots__ = ("cause", "context", "created", "launched", "ordinals", "state", "told", "transaction")

    def __init__(self, state: State, transaction: Transaction, frame: Frame, now_ns: int) -> None:
        self.state, self.transaction = state, transaction
        signature, slot, _, signer, _, is_whole, is_cut, _, block_time, _ = transaction
        late = frame.late
        # The tuple at once: the constructor of a NamedTuple takes twice as long.
        self.context = tuple.__new__(
            Context,
            (signature, slot, frame.recv_ns, now_ns, frame.source, signer, is_whole, is_cut, late, block_time),
        )
        self.cause = state.wanted.get(signature) or 0 if late else 0
        self.created = 0
        self.ordinals: dict[tuple[type[Event], Pubkey], int] = {}
        self.told: list[Event] = []
        self.launched: list[tuple[Pubkey, str, Pubkey]] = []  # told, not remembered yet

    def failed(self) -> list[Event]:
        """Tell what would have been a creation, once; nothing else of it happened."""
        for step in self._steps():
            venue = self.state.by_program.get(step.program)
            if venue is None:
                continue
            try:
                readings = venue.read(step, self.context)
            except DecodeError:
                continue
            if any(isinstance(reading, PoolCreated | Incomplete) for reading in readings):
                self._disbelieve("transaction_failed", venue.name, {})
        return self.told

    def executed(self) -> Iterator[Event]:
        """Tell what the venues' own programs did, and which forgeries were beside it.

        Each step's events are told before the next step is read: a launch is on its
        way before the creator's own first buy is decoded, and remembered after.
        """
        by_program, told = self.state.by_program, self.told
        for step in self._steps():
            venue = by_program.get(step.program)
            if step.events or step.logs:
                self._forgeries(step, venue)
            if venue is not None and (step.events or step.logs or step.data):
                self._read(venue, step)
            if told:
                yield from told
                told.clear()
                if self.launched:
                    self._remember()
        if self.transaction.logs_truncated:
            self._truncated()
            yield from told

    def _steps(self) -> Iterable[Step]:
        """Return every step in order of execution."""
        steps = self.transaction.steps
        for step in steps:
            if step.children:
                return _walked(steps)
        return steps

    def _read(self, venue: Venue, step: Step) -> None:
        try:
            readings = venue.read(step, self.context)
        except DecodeError as problem:
            self.state.counters["payloads_malformed"] += 1
            if any(tag_of(payload) in self.state.scanner.creation_tags for payload in step.events):
                self._disbelieve("payload_malformed", venue.name, {"problem": str(problem)})
            return
        for reading in readings:
            if isinstance(reading, PoolCreated):
                self._creation(venue, reading)
            elif isinstance(reading, Incomplete):
                self.created += 1
                self._want(reading.reason)
            elif isinstance(reading, LaunchDisbelieved):
                self._disbelieve("payload_malformed", venue.name, {**reading.values, "problem": reading.reason})
            elif isinstance(reading, _MARKET):
                self._market(reading)

    # ── creations ─────────────────────────────────────────────────────────

    def _creation(self, venue: Venue, created: PoolCreated) -> None:
        if self.launched:
            self._remember()
        state, context, pool = self.state, self.context, created.pool
        address, mint, signature = pool.address, pool.base_mint, context.signature
        index, self.created = self.created, self.created + 1
        problem = venue.verify(created)
        if problem:
            self._disbelieve("pda_mismatch", venue.name, {"problem": problem})
            return
        if (signature, PoolCreated, address, 0) in state.told:
            state.counters["duplicates"] += 1
            return
        makes_coins = venue.name in LAUNCHPADS
        known_by = state.pools.get(address)
        if known_by is None and makes_coins:
            known_by = state.coins.get(mint)
        if known_by is not None:
            state.told.put((signature, PoolCreated, address, 0), None)
            values = {"pool": keys.text(address), "mint": keys.text(mint), "known_by": known_by}
            self._disbelieve("pool_known", venue.name, values)
            return
        self.launched.append((address, venue.name, mint))
        told = replace(
            created,
            id=event_id("PoolCreated", signature, index),
            ts_ns=context.now_ns,
            origin_ns=context.recv_ns,
            trace_id=launch_id(address),
            cause=self.cause,
            index=index,
            late=context.late,
            source=context.source,
        )
        self.told.append(told)
        asks = state.settings.inspect_tokens
        if asks == "all" or (asks == "foreign" and not makes_coins):
            self._ask_for_token(told)

    def _remember(self) -> None:
        """Remember what was just launched, and follow its trades."""
        state, signature = self.state, self.context.signature
        for address, venue, mint in self.launched:
            state.told.put((signature, PoolCreated, address, 0), None)
            state.pools.put(address, signature)
            if venue in LAUNCHPADS:
                state.coins.put(mint, signature)
            state.tracking.add(address, venue, mint)
            state.counters["believed"] += 1
        self.launched.clear()

    def _ask_for_token(self, created: PoolCreated) -> None:
        state, mint = self.state, created.pool.base_mint
        if mint in state.mints_asked:
            return
        state.mints_asked.put(mint, None)
        self.told.append(
            TokenWanted(
                id=event_id("TokenWanted", mint, created.signature),
                ts_ns=created.ts_ns,
                origin_ns=created.origin_ns,
                trace_id=created.trace_id,
                cause=created.id,
                mint=mint,
            )
        )

    def _want(self, reason: str) -> None:
        """Ask once for the whole transaction, unless it was seen whole already or this is the answer."""
        state, signature = self.state, self.context.signature
        if self.context.late or self.context.carries_instructions:
            state.counters["incomplete_for_good"] += 1
            return
        if signature in state.wanted or signature in state.whole:
            return
        wanted = event_id("TransactionWanted", signature)
        state.wanted.put(signature, wanted)
        state.counters["wanted"] += 1
        self.told.append(
            TransactionWanted(
                id=wanted,
                ts_ns=self.context.now_ns,
                origin_ns=self.context.recv_ns,
                signature=signature,
                slot=self.context.slot,
                reason=reason,
            )
        )

    def _truncated(self) -> None:
        """After the cut nobody knows who spoke: a hint of a creation there is worth one question."""
        if self.context.carries_instructions:
            return
        scanner = self.state.scanner
        hint = hints_creation(self.transaction.loose, scanner.creation_tags)
        if hint:
            self._disbelieve("logs_truncated", scanner.creation_tags.get(hint.encode(), ""), {"hint": hint})
            self._want("logs_truncated")

    # ── trades and the rest of a coin's life ──────────────────────────────

    def _market(self, event: _Market) -> None:
        state, kind = self.state, type(event)
        ordinal = self.ordinals.get((kind, event.pool), 0)
        self.ordinals[kind, event.pool] = ordinal + 1
        if isinstance(event, _TRADE):
            if self.launched:
                self._remember()
            trades = state.settings.trades
            if trades == "none" or (trades == "tracked" and event.pool not in state.tracking):
                state.counters["trades_untracked"] += 1
                return
            state.tracking.touch(event.pool)
        elif isinstance(event, PoolMigrated) and event.new_pool != ZERO_KEY:
            state.tracking.moved(event.pool, event.new_pool, event.new_venue, event.base_mint)
        if not self._first_time(kind, event.pool, ordinal):
            return
        self.told.append(
            replace(
                event,
                id=event_id(kind.__name__, self.context.signature, event.pool, ordinal),
                ts_ns=self.context.now_ns,
                origin_ns=self.context.recv_ns,
                trace_id=launch_id(event.pool),
                cause=self.cause,
                index=ordinal,
            )
        )

    # ── refusals ──────────────────────────────────────────────────────────

    def _forgeries(self, step: Step, venue: Venue | None) -> None:
        """Tell payloads that belong to another venue's creation, and texts that play one."""
        scanner = self.state.scanner
        tags, heads = scanner.creation_tags, scanner.creation_heads
        for payload in step.events:
            head = payload[:HEAD_BYTES]
            if head not in heads or (venue is not None and heads[head] == venue.name):
                continue
            owner = tags.get(tag_of(payload))
            if owner is not None and (venue is None or venue.name != owner):
                self._disbelieve("forged_by_program", owner, {"program": keys.text(step.program)})
        for text in step.logs:
            if RUNTIME_WORD not in text:
                continue
            owner = printed_forgery(text, tags, self.state.names)
            if owner is not None:
                self._disbelieve("forged_by_log", owner, {"program": keys.text(step.program), "text": text[:80]})

    def _disbelieve(self, reason: str, venue: str, values: dict[str, str]) -> None:
        if not self._first_time(LaunchDisbelieved, reason, venue, *values.values()):
            return
        counters = self.state.counters
        counters["disbelieved"] += 1
        counters[f"disbelieved_{reason}"] = counters.get(f"disbelieved_{reason}", 0) + 1
        self.told.append(
            LaunchDisbelieved(
                id=event_id("LaunchDisbelieved", self.context.signature, reason, venue, *values.values()),
                ts_ns=self.context.now_ns,
                origin_ns=self.context.recv_ns,
                cause=self.cause,
                reason=reason,
                venue=venue,
                slot=self.context.slot,
                signature=self.context.signature,
                source=self.context.source,
                values=values,
            )
        )

    def _first_time(self, *what: object) -> bool:
        """Say whether this transaction tells this for the first time."""
        told, key = self.state.told, (self.context.signature, *what)
        if key in told:
            self.state.counters["duplicates"] += 1
            return False
        told.put(key, None)
        return True


def _walked(steps: tuple[Step, ...]) -> Iterator[Step]:
    left = list(steps[::-1])
    while left:
        step = left.pop()
        yield step
        if step.children:
            left += step.children[::-1]
