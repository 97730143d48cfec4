"""Sockets of announcers, in PumpPortal's shape: somebody tells which transaction made a coin.

{"method":"subscribeNewToken"}, … -> answers without a number, in the order of the requests
announcements                     -> Sink.frame, untouched

What comes here is hearsay: it runs in no race (it must not take the place of the
transaction it points at), knows no slots and so closes no gap. `detect` asks for the
transaction and believes that.

Source: pumpportal.fun, "Real-time updates"; recorded logs of its users.
"""

from __future__ import annotations

import msgspec
import orjson

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import Pubkey
from sniperforge.feeds.session import Ending, Session
from sniperforge.feeds.subscription import CONTROL_BYTES_MAX, HEARTBEAT_ID, Answer, Request

#: What is worth asking for: coins that are made, and those that get another home.
METHODS = ("subscribeNewToken", "subscribeMigration")
#: Stands in every announcement, and in no answer.
_POINTS_AT = b'"signature"'


class _Reply(msgspec.Struct):
    message: str = ""
    errors: str = ""


_replies = msgspec.json.Decoder(_Reply)


def requests() -> tuple[Request, ...]:
    """Return what is said to an announcer; the numbers are ours alone."""
    return tuple(
        Request(HEARTBEAT_ID + 1 + place, method, orjson.dumps({"method": method}), None)
        for place, method in enumerate(METHODS)
    )


def read_answer(data: bytes) -> str:
    """Return an answer's refusal, "" for an acceptance; raises DecodeError for anything else."""
    try:
        reply = _replies.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as problem:
        raise DecodeError(f"neither an announcement nor an answer: {problem}; check the endpoint") from None
    if not reply.message and not reply.errors:
        raise DecodeError("neither an announcement nor an answer; check the endpoint")
    return reply.errors


class AnnouncerSession(Session):
    """The conversation of one connection with an announcer; pongs are its only regular sign of life."""

    heartbeat = False

    def text(self, data: bytes, recv_ns: int) -> Ending | None:
        """Take one whole text message."""
        if len(data) > CONTROL_BYTES_MAX or _POINTS_AT in data:
            self._data(data, recv_ns)
            # Who announces has understood what was asked.
            return self._accepted(recv_ns) if self._pending else None
        try:
            refusal = read_answer(data)
        except DecodeError as problem:
            self._refuse(str(problem), recv_ns)
            return None
        if not self._pending:
            return None
        request = self._pending.pop(next(iter(self._pending)))
        self._settle(request, Answer(request.id, request.id, refusal))
        return None if self._pending else self._settled(recv_ns)

    def _accepted(self, now_ns: int) -> Ending | None:
        for request in self._pending.values():
            self._settle(request, Answer(request.id, request.id, ""))
        self._pending.clear()
        return self._settled(now_ns)


class Unwatched:
    """A `Watcher` that is told nothing: an announcer shows no slots, so it covers none."""

    def live(self, source: str, subscriptions: dict[int, Pubkey | None]) -> None:
        """See `source.Watcher`."""

    def slot(self, source: str, slot: int, parent: int) -> None:
        """See `source.Watcher`."""

    def lost(self, source: str) -> None:
        """See `source.Watcher`."""
