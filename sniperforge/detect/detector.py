"""The detector: frames -> what happened on the venues, believed or refused by name.

Frame -> PoolCreated, Swapped, LiquidityChanged, CurveCompleted, PoolMigrated,
         LaunchDisbelieved, TransactionWanted, TokenWanted, CreationWanted, InputRefused;
         and behind them CreatorKnown, BundleSeen

A creation is believed only if: the transaction did not fail · the payload or
instruction is attributed to the venue's own program by the invoke stack · the
discriminator is exact and the payload parses to its last byte · every derived
address matches · the pool is new (and the coin, where the venue makes it). The
same transaction from another endpoint or in another form tells nothing twice.

What is refused is told with its reason: transaction_failed, forged_by_program,
forged_by_log, pda_mismatch, payload_malformed, pool_known, logs_truncated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from sniperforge.base.errors import ConfigError, DecodeError
from sniperforge.base.events import (
    Event,
    Frame,
    InputRefused,
    LiquidityChanged,
    PoolCreated,
    PositionChanged,
    Swapped,
    TokenInspected,
    TransactionWanted,
    event_id,
)
from sniperforge.detect._native import read_logs
from sniperforge.detect.announced import Announcement, announced
from sniperforge.detect.belief import Reader
from sniperforge.detect.bundles import Bundles
from sniperforge.detect.creators import Creators
from sniperforge.detect.inputs import Reading, read_frame
from sniperforge.detect.noticed import Notices, noticed
from sniperforge.detect.scan import FORGED_LINE, NOTHING
from sniperforge.detect.settings import DetectSettings
from sniperforge.detect.state import State
from sniperforge.detect.transaction import Transaction, from_steps
from sniperforge.dex.venue import Step, Venue
from sniperforge.dex.venues import VENUES

_BACKSLASH = ord("\\")
#: A longer frame (a block) is not rehearsed: reading it takes as long as what the rehearsal saves.
REHEARSED_BYTES_MAX = 16 << 10


class Detector:
    """Turns frames into market events; pure: time comes in, nothing goes out but the returned list.

    Args:
        settings: see `DetectSettings`.
        venues: the venues to read; those named in the settings are used.

    Attributes:
        state: all that is remembered of the chain.
        bundles, creators: what is remembered of launches and of those who made them.
        notices: which accounts shown alone are worth a question.

    Raises:
        ConfigError: the settings name a venue that is not there.
    """

    def __init__(self, settings: DetectSettings, venues: Iterable[Venue] = tuple(VENUES.values())) -> None:
        self.state = State(settings, _chosen(settings, venues))
        # Where trades are not told, nobody knows who bought: then no figure is better than a wrong one.
        bundles_max = settings.bundles_max if settings.trades != "none" else 0
        self.bundles = Bundles(bundles_max=bundles_max, window_ms=settings.bundle_window_ms)
        self.creators = Creators(coins_max=settings.creator_coins_max, sold_within_s=settings.creator_sold_within_s)
        self.notices = Notices(self.state)
        self._look = self.state.scanner.look
        self._seen = self._rejected = 0
        self._launch: Frame | None = None
        self._shadow: Detector | None = None

    @property
    def counters(self) -> dict[str, int]:
        """How often what happened; nothing is dropped without being counted."""
        counters = self.state.counters
        counters["frames"] = self._seen + self._rejected
        counters["frames_rejected"] = self._rejected
        return counters

    def on(self, event: Event, now_ns: int) -> list[Event]:
        """Take note of what other stages say.

        PositionChanged keeps the pool of an open position tracked; TokenInspected
        that could not read the mint lets the next pool of that mint ask again. A
        TransactionWanted, the answer to a CreationWanted, comes back unless what it
        asks for is known by now.
        """
        if isinstance(event, PositionChanged):
            self.state.tracking.position(event)
        elif isinstance(event, TokenInspected):
            if event.found:
                self.state.mints_asked.put(event.mint, None)
                self.bundles.supply(event.mint, event.supply)
            else:
                self.state.mints_asked.drop(event.mint)
        elif isinstance(event, TransactionWanted) and not self.notices.is_told(event.cause):
            return self._unless_known(event)
        return []

    def on_tick(self, now_ns: int) -> Sequence[Event]:
        """Return what the time makes it say: bundles of launches whose slot must be over."""
        return self._counted(self.bundles.passed(0, now_ns))

    def end(self, now_ns: int) -> Sequence[Event]:
        """Return what is still to be said when no more input comes."""
        return self._counted(self.bundles.end(now_ns))

    def on_frame(self, frame: Frame, now_ns: int) -> list[Event]:
        """Return what a frame tells, in the order it happened; never raises for any frame."""
        told = self.stream(frame, now_ns)
        return list(told) if told else []

    def stream(self, frame: Frame, now_ns: int) -> Iterable[Event]:
        """Return the same one by one, each as soon as it is known; to be read to its end."""
        if not self._look(frame.data):  # NOTHING: nearly every frame ends here
            self._rejected += 1
            return ()
        return self._told(frame, now_ns)

    def rehearse(self) -> list[Event]:
        """Read the newest launch once more, with a memory that has never heard of it; return what it tells.

        Nothing is told or remembered: the way of a launch through code and tables is
        walked, so that it is at hand when the next one comes.
        """
        shadow = self._shadow
        if shadow is None:
            # Takes milliseconds: done at the first rehearsal, before there was a launch.
            shadow = self._shadow = Detector(self.state.settings, self.state.venues.values())
        if self._launch is None:
            return []
        shadow.state.forget()
        shadow.bundles.clear()
        shadow.creators.clear()
        return shadow.on_frame(self._launch, self._launch.recv_ns)

    def _told(self, frame: Frame, now_ns: int) -> Iterator[Event]:
        if not self._seen:
            self.creators.watching(now_ns)
        self._seen += 1
        counters = self.state.counters
        try:
            hearsay = announced(frame.data)
            if hearsay is not None:
                yield from self._counted(self._asked(hearsay, frame, now_ns))
                return
            notice = noticed(frame.data)
            if notice is not None:
                yield from self._counted(self.notices.take(notice, frame, now_ns))
                return
            readings = self._read(frame.data)
        except DecodeError as problem:
            counters["frames_refused"] += 1
            yield _refused(frame, problem, now_ns)
            return
        for reading in readings:
            if isinstance(reading, DecodeError):
                counters["transactions_refused"] += 1
                yield _refused(frame, reading, now_ns)
                continue
            for event in self._on_transaction(reading, frame, now_ns):
                counters["events"] += 1
                yield event
                if type(event) is PoolCreated and len(frame.data) <= REHEARSED_BYTES_MAX:
                    self._launch = frame
                yield from self._counted(self._learned(event, now_ns))
            if self.bundles:
                yield from self._counted(self.bundles.passed(reading.slot, now_ns))

    def _asked(self, hearsay: Announcement, frame: Frame, now_ns: int) -> Sequence[Event]:
        """Return the question for a transaction somebody announced, unless it is known or asked for."""
        signature = hearsay.signature
        if self.state.coins.get(hearsay.mint) == signature:
            return ()
        wanted = event_id("TransactionWanted", signature)
        return self._unless_known(
            TransactionWanted(
                id=wanted, ts_ns=now_ns, origin_ns=frame.recv_ns, signature=signature, slot=0, reason="announced"
            )
        )

    def _unless_known(self, wanted: TransactionWanted) -> list[Event]:
        """Return *wanted*, unless its transaction was asked for before or seen whole."""
        state = self.state
        if wanted.signature in state.wanted or wanted.signature in state.whole:
            return []
        state.wanted.put(wanted.signature, wanted.id)
        state.counters["wanted"] += 1
        return [wanted]

    def _counted(self, facts: Sequence[Event]) -> Sequence[Event]:
        self.state.counters["events"] += len(facts)
        return facts

    def _learned(self, event: Event, now_ns: int) -> Sequence[Event]:
        """Remember *event*, which is told already; return the facts it makes known."""
        kind = type(event)
        if kind is PoolCreated:
            created = cast(PoolCreated, event)
            return [*self.creators.launch(created, now_ns), *self.bundles.launch(created, now_ns)]
        if kind is Swapped:
            trade = cast(Swapped, event)
            self.bundles.swapped(trade)
            self.creators.swapped(trade, now_ns)
        elif kind is LiquidityChanged:
            self.creators.liquidity(cast(LiquidityChanged, event), now_ns)
        return ()

    def _read(self, data: bytes) -> Sequence[Reading]:
        state = self.state
        bytes_max = state.settings.frame_bytes_max
        if len(data) > bytes_max:
            raise DecodeError(f"frame of {len(data)} bytes, {bytes_max} are allowed; raise detect.frame_bytes_max")
        ordinary = read_logs(data, state.programs, Step)
        if ordinary is not None:
            return (from_steps(*ordinary),)
        return read_frame(data, wanted=self._is_wanted, keep=None if _is_odd(data) else state.by_program)

    def _is_wanted(self, data: bytes) -> bool:
        return self._look(data) != NOTHING

    # ── one transaction ───────────────────────────────────────────────────

    def _on_transaction(self, transaction: Transaction, frame: Frame, now_ns: int) -> Iterable[Event]:
        counters = self.state.counters
        counters["transactions"] += 1
        if transaction.logs_truncated:
            counters["logs_truncated"] += 1
        if transaction.logs_missing:
            counters["logs_missing"] += 1
        reader = Reader(self.state, transaction, frame, now_ns)
        if transaction.failed:
            counters["transactions_failed"] += 1
            return reader.failed()
        if transaction.carries_instructions:
            self.state.whole.put(transaction.signature, None)
        return reader.executed()


def _is_odd(data: bytes) -> bool:
    """Say whether words of the runtime stand elsewhere than at the start of a line: then every log text is kept."""
    pieces = data.rsplit(b"Program data: ")
    return any(not piece.endswith(b'"') for piece in pieces[:-1]) or (_BACKSLASH in data and FORGED_LINE in data)


def _chosen(settings: DetectSettings, venues: Iterable[Venue]) -> dict[str, Venue]:
    known = {venue.name: venue for venue in venues}
    for name in settings.venues:
        if name not in known:
            raise ConfigError("detect.venues", f"{name!r} is not a venue", f"choose from {', '.join(sorted(known))}")
    return {name: known[name] for name in settings.venues or known}


def _refused(frame: Frame, problem: DecodeError, now_ns: int) -> InputRefused:
    """Name the frame's source and split the error's line at its advice."""
    what, _, cure = str(problem).rpartition("; ")
    return InputRefused(
        ts_ns=now_ns, origin_ns=frame.recv_ns, where=frame.source or "frame", problem=what or cure, cure=cure
    )
