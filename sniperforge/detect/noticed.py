"""Accounts shown alone: a pool or curve was written to, and nobody says by which transaction.

frame bytes -> Notice (account, program, data, slot), or None for any other frame
Notice      -> the question who made it (CreationWanted), or nothing

Nothing of a notice is believed, not even that its program owns the account: it is worth
a question when this process has not met the account and its own fields say that it
may be young. Questions have a rate for each venue, so that a flood at one hides no
launch of another.

Source: solana.com/docs/rpc/websocket/programsubscribe (agave 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CreationWanted, Event, Frame, InputRefused, event_id
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.detect.memory import Remembered
from sniperforge.detect.state import State
from sniperforge.detect.values import base64, whole
from sniperforge.dex.pool_accounts import POOL_ACCOUNTS, is_young, lately

#: The longest pool account of today's ten venues has 1,544 bytes.
DATA_BYTES_MAX = 10_240
#: What base64 and the message around it make of that.
BYTES_MAX = 16_384
#: Questions a venue may ask at once when it has been quiet.
BURST = 10
_METHOD = "programNotification"
_WORD = f'"{_METHOD}"'.encode()
_HEAD_BYTES = 256


class Notice(NamedTuple):
    """One state of an account, as of *slot*."""

    account: Pubkey
    program: Pubkey
    data: bytes
    slot: int


class _Context(msgspec.Struct):
    slot: int


class _Account(msgspec.Struct):
    data: tuple[str, str]
    owner: str
    space: int | None = None


class _Value(msgspec.Struct):
    pubkey: str
    account: _Account


class _Result(msgspec.Struct):
    context: _Context
    value: _Value


class _Params(msgspec.Struct):
    result: _Result


class _Message(msgspec.Struct):
    method: str
    params: _Params


_message = msgspec.json.Decoder(_Message)


def noticed(data: bytes) -> Notice | None:
    """Return the account a `programNotification` shows; None for any other message.

    Raises:
        DecodeError: it is one, and too long, malformed, or not in base64.
    """
    if data.find(_WORD, 0, _HEAD_BYTES) < 0:
        return None
    if len(data) > BYTES_MAX:
        raise DecodeError(f"a {_METHOD} of {len(data)} bytes, {BYTES_MAX} are read; check the endpoint's filters")
    try:
        message = _message.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise DecodeError(f"a {_METHOD}: {str(problem)[:120]}; check the endpoint") from None
    if message.method != _METHOD:
        return None
    result = message.params.result
    account = result.value.account
    text, encoding = account.data
    if encoding != "base64":
        raise DecodeError(f"a {_METHOD} in {encoding[:20]!r}, base64 was asked for; check the endpoint")
    raw = base64(text)
    if len(raw) > DATA_BYTES_MAX:
        raise DecodeError(f"an account of {len(raw)} bytes, {DATA_BYTES_MAX} are read; check the endpoint's filters")
    if account.space not in (None, len(raw)):
        raise DecodeError(f"an account with {len(raw)} of its {account.space} bytes; check the endpoint")
    slot = whole(result.context.slot, what="slot")
    return Notice(keys.key(result.value.pubkey), keys.key(account.owner), raw, slot)


class Notices:
    """Which accounts are worth a question; pure, bounded.

    Args:
        state: what detection remembers: venues, settings, pools it told of, counters.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        settings = state.settings
        self._met: Remembered[Pubkey, None] = Remembered(settings.known_max)
        self._asked: Remembered[int, Pubkey] = Remembered(settings.wanted_max)
        self._interval_ns = NANOS_PER_SECOND // settings.account_questions_per_s
        #: Venue -> when all its questions so far are paid for.
        self._paid_ns: dict[str, int] = {}

    def is_told(self, question: int) -> bool:
        """Say whether the account the *question* (its id) was about has been told as a pool by now."""
        account = self._asked.get(question)
        return account is not None and account in self._state.pools

    def take(self, notice: Notice, frame: Frame, now_ns: int) -> Sequence[Event]:
        """Return the question about an account, if it is new, looks young, and there is room for one.

        Raises:
            DecodeError: it is no pool account of a venue that is watched.
        """
        state, address = self._state, notice.account
        state.counters["accounts"] += 1
        if address in self._met or address in state.pools:
            self._met.put(address, None)
            state.counters["accounts_known"] += 1
            return ()
        venue = state.by_program.get(notice.program)
        known = POOL_ACCOUNTS.get(venue.name) if venue else None
        if known is None:
            program = keys.text(notice.program)
            raise DecodeError(f"an account of {program}, which is not watched; check the endpoint's filters")
        since = lately(frame.recv_ns // NANOS_PER_SECOND, notice.slot, age_s=state.settings.account_age_s)
        young = is_young(known, notice.data, since)
        self._met.put(address, None)
        if not young:
            state.counters["accounts_old"] += 1
            return ()
        if not self._has_room(known.venue, now_ns):
            return self._passed_over(known.venue, frame, now_ns)
        question = event_id("CreationWanted", address)
        self._asked.put(question, address)
        state.counters["accounts_asked"] += 1
        wanted = CreationWanted(
            id=question,
            ts_ns=now_ns,
            origin_ns=frame.recv_ns,
            venue=known.venue,
            account=address,
            slot=notice.slot,
            slot_min=since.slot,
            second_min=since.second,
        )
        return (wanted,)

    def _has_room(self, venue: str, now_ns: int) -> bool:
        """Pay for one question of *venue*; False when its burst is used up."""
        paid_ns = max(self._paid_ns.get(venue, 0), now_ns)
        if paid_ns - now_ns > (BURST - 1) * self._interval_ns:
            return False
        self._paid_ns[venue] = paid_ns + self._interval_ns
        return True

    def _passed_over(self, venue: str, frame: Frame, now_ns: int) -> Sequence[Event]:
        """Count an account nobody is asked about; it is told at 1, 2, 4, 8 … of them."""
        counters = self._state.counters
        counters["accounts_unasked"] += 1
        count = counters["accounts_unasked"]
        if count & (count - 1):
            return ()
        rate = self._state.settings.account_questions_per_s
        problem = f"{count} new accounts were not asked about, {venue} shows more than {rate} a second"
        cure = "raise detect.account_questions_per_s if the rpc endpoint bears it"
        where = frame.source or "frame"
        return (InputRefused(ts_ns=now_ns, origin_ns=frame.recv_ns, where=where, problem=problem, cure=cure),)
