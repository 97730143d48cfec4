"""The conversation with an announcer: answers without numbers, announcements untouched, pongs as the sign of life."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, FeedChanged, InputRefused
from sniperforge.base.units import NANOS_PER_SECOND
from sniperforge.feeds.dex_ws import AnnouncerSession, Unwatched, read_answer, requests
from sniperforge.feeds.session import Session, Tally
from sniperforge.feeds.settings import Connection

LIMITS = Connection(stall_s=5, subscribe_s=3, ping_s=30)
YES = b'{"message":"Successfully subscribed to token creation events."}'
NO = b'{"errors":"Invalid api key: secret"}'
TOKEN = b'{"signature":"5uD93","mint":"m","txType":"create"}'


class Ear:
    """A sink that writes down what it hears."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.notes: list[Event] = []

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        self.frames.append(data)

    def note(self, event: Event) -> None:
        self.notes.append(event)

    def states(self) -> list[tuple[str, str]]:
        return [(note.state, note.detail) for note in self.notes if isinstance(note, FeedChanged)]


def opened(ear: Ear) -> Session:
    session = AnnouncerSession(
        "portal",
        requests(),
        limits=LIMITS,
        sink=ear,
        watcher=Unwatched(),
        tally=Tally(),
        scrub=lambda text: text.replace("secret", "***"),
    )
    sent = [orjson.loads(text) for text in session.opened(0)]
    assert sent == [{"method": "subscribeNewToken"}, {"method": "subscribeMigration"}]
    return session


def test_two_answers_make_it_subscribed_and_announcements_pass_untouched() -> None:
    ear = Ear()
    session = opened(ear)
    assert session.text(YES, 1) is None
    assert not session.subscribed
    assert session.text(YES, 2) is None
    assert session.subscribed
    assert session.text(TOKEN, 3) is None
    assert ear.frames == [TOKEN]
    assert ear.states() == [("connected", ""), ("subscribed", "2 subscriptions")]


def test_an_announcement_is_an_answer_too() -> None:
    """Whoever sends one has understood the request."""
    ear = Ear()
    session = opened(ear)
    assert session.text(TOKEN, 1) is None
    assert session.subscribed
    assert session.text(YES, 2) is None
    assert ear.frames == [TOKEN]
    assert len(ear.notes) == 2


def test_one_refusal_is_told_and_two_end_it_with_the_secret_masked() -> None:
    ear = Ear()
    session = opened(ear)
    session.text(NO, 1)
    session.text(YES, 2)
    assert ear.states()[1:] == [
        ("refused", "subscribeNewToken: Invalid api key: ***"),
        ("subscribed", "1 subscriptions"),
    ]
    session = opened(Ear())
    assert session.text(NO, 1) is None
    ending = session.text(NO, 2)
    assert ending is not None
    assert (ending.state, ending.detail) == (
        "refused",
        "subscribeNewToken: Invalid api key: ***; subscribeMigration: Invalid api key: ***",
    )


def test_silence_is_an_end_unless_somebody_answers_pings() -> None:
    """Before the answers by `subscribe_s`, after them by `stall_s`; there are no slots to wait for."""
    session = opened(Ear())
    overdue = session.overdue(4 * NANOS_PER_SECOND)
    assert overdue is not None
    assert overdue.detail == "no answer to subscribeNewToken within 3 s"
    session.text(TOKEN, 4 * NANOS_PER_SECOND)
    assert session.ping_due(7 * NANOS_PER_SECOND)
    session.pong(8 * NANOS_PER_SECOND)
    assert session.overdue(12 * NANOS_PER_SECOND) is None
    stalled = session.overdue(14 * NANOS_PER_SECOND)
    assert stalled is not None
    assert stalled.detail == "no sign of life for 5 s on an open connection"


def test_what_is_neither_is_refused_and_the_rest_goes_on() -> None:
    ear = Ear()
    session = opened(ear)
    session.text(b"{}", 1)
    session.text(b"hello", 2)
    (refused,) = [note for note in ear.notes if isinstance(note, InputRefused)]
    assert (refused.problem, refused.cure) == ("neither an announcement nor an answer", "check the endpoint")
    session.text(b"x" * 5000, 3)
    assert ear.frames == [b"x" * 5000]


@given(st.binary(max_size=80))
def test_an_answer_is_read_or_refused(data: bytes) -> None:
    try:
        assert isinstance(read_answer(data), str)
    except DecodeError as problem:
        assert "\n" not in str(problem)


@pytest.mark.parametrize("data", [YES, b'{"message":"a","errors":""}'])
def test_a_message_is_an_acceptance(data: bytes) -> None:
    assert read_answer(data) == ""


def test_nobody_watches_an_announcer() -> None:
    """It tells no slots, so it may cover none."""
    nobody = Unwatched()
    nobody.live("portal", {2: None})
    nobody.slot("portal", 5, 4)
    nobody.lost("portal")
