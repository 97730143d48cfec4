"""One connection to a JSON-RPC WebSocket server, without the socket (sans-I/O).

messages in -> Sink.frame, Sink.note, Watcher; and an `Ending` when it is over

Time comes in with every call, so its watchdog is tested without waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import FeedChanged
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.feeds.settings import Connection
from sniperforge.feeds.source import CONNECTED, CONNECTING, LOST, REFUSED, STALLED, SUBSCRIBED, Refusals, Sink, Watcher
from sniperforge.feeds.subscription import HEARTBEAT_ID, Answer, Kind, Request, kind_of, read_answer, read_slot


class Ending(NamedTuple):
    """Why a connection is over: the state to tell, in whose words, and whether it ever was of use."""

    state: str
    detail: str
    subscribed: bool = False


@dataclass(slots=True)
class Tally:
    """What one source counts over all its connections."""

    state: str = CONNECTING
    frames: int = 0
    bytes: int = 0
    connections: int = 0
    slot: int = 0
    refusals: Refusals = field(default_factory=Refusals)


class Session:
    """The conversation of one connection.

    Args:
        name: label of the source.
        wanted: requests to send, see `subscription.requests`.
        limits: how long an answer or a heartbeat may take.
        scrub: masks secrets in the server's words.

    Attributes:
        heartbeat: whether slots are expected as signs of life; else pongs and data are.
    """

    heartbeat = True

    def __init__(
        self,
        name: str,
        wanted: tuple[Request, ...],
        *,
        limits: Connection,
        sink: Sink,
        watcher: Watcher,
        tally: Tally,
        scrub: Callable[[str], str],
    ) -> None:
        self.name, self.subscribed = name, False
        self._limits, self._sink, self._watcher, self._tally, self._scrub = limits, sink, watcher, tally, scrub
        self._wanted = wanted
        self._pending = {request.id: request for request in wanted}
        self._standing: dict[int, Pubkey | None] = {}
        self._refused: list[str] = []
        self._heartbeat = self.heartbeat
        self._opened_ns = self._alive_ns = self._pinged_ns = 0
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._parts_binary = False

    def opened(self, now_ns: int) -> list[bytes]:
        """The connection stands: return what to send."""
        self._opened_ns = self._alive_ns = self._pinged_ns = now_ns
        self._tally.connections += 1
        self._change(CONNECTED, "", now_ns)
        return [request.text for request in self._wanted]

    def text(self, data: bytes, recv_ns: int) -> Ending | None:
        """Take one whole text message."""
        kind = kind_of(data)
        if kind is Kind.DATA:
            self._data(data, recv_ns)
            return None
        try:
            if kind is Kind.ANSWER:
                return self._answer(data, recv_ns)
            self._slot(data, recv_ns)
        except DecodeError as problem:
            self._refuse(str(problem), recv_ns)
        return None

    def piece(self, payload: bytes, recv_ns: int, *, binary: bool, first: bool, fin: bool) -> Ending | None:
        """Take one piece of a fragmented message, or a binary one."""
        if first:
            self._parts, self._parts_bytes, self._parts_binary = [], 0, binary
        self._parts.append(payload)
        self._parts_bytes += len(payload)
        if self._parts_bytes > self._limits.frame_bytes_max:
            size = self._limits.frame_bytes_max
            return Ending(LOST, f"a message was larger than {size} bytes; raise connection.frame_bytes_max")
        if not fin:
            return None
        data, self._parts, self._parts_bytes = b"".join(self._parts), [], 0
        if self._parts_binary:
            self._refuse(f"a binary message of {len(data)} bytes; JSON-RPC speaks text: check the URL", recv_ns)
            return None
        return self.text(data, recv_ns)

    def pong(self, now_ns: int) -> None:
        """The server answered a ping: proof of life where it tells no slots."""
        if not self._heartbeat:
            self._alive_ns = now_ns

    def ping_due(self, now_ns: int) -> bool:
        """Return whether to send a ping now."""
        every_s = self._limits.ping_s if self._heartbeat else min(self._limits.ping_s, self._limits.stall_s / 2)
        if now_ns - self._pinged_ns < every_s * NANOS_PER_SECOND:
            return False
        self._pinged_ns = now_ns
        return True

    def overdue(self, now_ns: int) -> Ending | None:
        """Return the ending of a connection that has been silent too long."""
        if self._pending:
            if now_ns - self._opened_ns > self._limits.subscribe_s * NANOS_PER_SECOND:
                method = next(iter(self._pending.values())).method
                return Ending(LOST, f"no answer to {method} within {self._limits.subscribe_s} s")
        elif now_ns - self._alive_ns > self._limits.stall_s * NANOS_PER_SECOND:
            what = "slot" if self._heartbeat else "sign of life"
            return Ending(STALLED, f"no {what} for {self._limits.stall_s} s on an open connection")
        return None

    def _data(self, data: bytes, recv_ns: int) -> None:
        tally = self._tally
        tally.frames += 1
        tally.bytes += len(data)
        self._sink.frame(data, recv_ns, self.name, False)
        if not self._heartbeat:
            self._alive_ns = recv_ns

    def _slot(self, data: bytes, now_ns: int) -> None:
        beat = read_slot(data)
        self._alive_ns = now_ns
        self._tally.slot = max(self._tally.slot, beat.slot)
        self._watcher.slot(self.name, beat.slot, beat.parent)

    def _answer(self, data: bytes, now_ns: int) -> Ending | None:
        answer = read_answer(data)
        if answer is None:
            # A small notification with its method somewhere else than in the head.
            if b'"slotNotification"' in data:
                self._slot(data, now_ns)
            else:
                self._data(data, now_ns)
            return None
        request = self._pending.pop(answer.id, None)
        if request is None:
            words = answer.refusal or f"subscription {answer.subscription}"
            self._refuse(f"an answer to request {answer.id}, never asked: {words}; check the endpoint", now_ns)
            return None
        self._settle(request, answer)
        return None if self._pending else self._settled(now_ns)

    def _settle(self, request: Request, answer: Answer) -> None:
        if not answer.refusal:
            if request.id != HEARTBEAT_ID:
                self._standing[answer.subscription] = request.program
            return
        about = f" {keys.text(request.program)}" if request.program is not None else ""
        self._refused.append(f"{request.method}{about}: {self._scrub(answer.refusal)}")
        if request.id == HEARTBEAT_ID:
            self._heartbeat = False

    def _settled(self, now_ns: int) -> Ending | None:
        """Every request is answered."""
        if not self._standing:
            return Ending(REFUSED, "; ".join(self._refused))
        for words in self._refused:
            self._change(REFUSED, words, now_ns)
        self._alive_ns = now_ns
        self.subscribed = True
        self._change(SUBSCRIBED, f"{len(self._standing)} subscriptions", now_ns)
        self._watcher.live(self.name, self._standing)
        return None

    def _refuse(self, problem: str, now_ns: int) -> None:
        what, _, cure = self._scrub(problem).rpartition("; ")
        note = self._tally.refusals.add(self.name, what, cure, now_ns)
        if note is not None:
            self._sink.note(note)

    def _change(self, state: str, detail: str, now_ns: int) -> None:
        self._tally.state = state
        self._sink.note(FeedChanged(ts_ns=now_ns, source=self.name, state=state, detail=detail))
