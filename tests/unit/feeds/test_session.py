"""The conversation of one connection, with time passed in: answers, heartbeats, refusals, fragments."""

from __future__ import annotations

from sniperforge.base import keys
from sniperforge.base.events import Event, FeedChanged, InputRefused
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.feeds.session import Ending, Session, Tally
from sniperforge.feeds.settings import Connection, Endpoint
from sniperforge.feeds.subscription import requests

PUMP = keys.key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P")
SWAP = keys.key("pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA")
LOGS = b'{"jsonrpc":"2.0","method":"logsNotification","params":{}}'
LIMITS = Connection(stall_s=5, subscribe_s=3, ping_s=30, frame_bytes_max=2048)


class Ear:
    """Sink and watcher: writes down what it hears."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, int]] = []
        self.notes: list[Event] = []
        self.standing: dict[int, Pubkey | None] = {}
        self.slots: list[tuple[int, int]] = []

    def frame(self, data: bytes, recv_ns: int, source: str, late: bool) -> None:
        assert (source, late) == ("node", False)
        self.frames.append((data, recv_ns))

    def note(self, event: Event) -> None:
        self.notes.append(event)

    def live(self, source: str, subscriptions: dict[int, Pubkey | None]) -> None:
        self.standing = subscriptions

    def slot(self, source: str, slot: int, parent: int) -> None:
        self.slots.append((slot, parent))

    def lost(self, source: str) -> None:
        raise AssertionError("a session does not know that it is lost")

    def states(self) -> list[tuple[str, str]]:
        return [(note.state, note.detail) for note in self.notes if isinstance(note, FeedChanged)]


def opened(ear: Ear, tally: Tally | None = None) -> Session:
    session = Session(
        "node",
        requests(Endpoint(url="ws://h"), (PUMP, SWAP)),
        limits=LIMITS,
        sink=ear,
        watcher=ear,
        tally=tally or Tally(),
        scrub=lambda text: text.replace("secret", "***"),
    )
    assert len(session.opened(0)) == 3
    return session


def answered(session: Session, *texts: str) -> Ending | None:
    """Give the answers; return the ending the last one made."""
    ending = None
    for text in texts or ('{"id":2,"result":70}', '{"id":3,"result":71}', '{"id":1,"result":72}'):
        assert ending is None
        ending = session.text(text.encode(), 1)
    return ending


def beat(slot: int) -> bytes:
    return b'{"jsonrpc":"2.0","method":"slotNotification","params":{"result":{"parent":%d,"slot":%d}}}' % (
        slot - 1,
        slot,
    )


def seconds(count: float) -> int:
    return int(count * NANOS_PER_SECOND)


def test_subscribed_when_everything_is_answered() -> None:
    """And the watcher learns which subscription is about which program."""
    ear = Ear()
    session = opened(ear)
    assert answered(session) is None
    assert ear.states() == [("connected", ""), ("subscribed", "2 subscriptions")]
    assert ear.standing == {70: PUMP, 71: SWAP}
    assert session.subscribed


def test_data_passes_before_all_is_answered() -> None:
    """Nothing is held back."""
    ear, tally = Ear(), Tally()
    session = opened(ear, tally)
    assert session.text(LOGS, 9) is None
    assert ear.frames == [(LOGS, 9)]
    assert (tally.frames, tally.bytes, tally.connections) == (1, len(LOGS), 1)


def test_one_refused_program_does_not_cost_the_others() -> None:
    """It is told in the server's words, without its secrets."""
    ear = Ear()
    session = opened(ear)
    ending = answered(
        session, '{"id":2,"error":{"code":1,"message":"no secret"}}', '{"id":3,"result":71}', '{"id":1,"result":72}'
    )
    assert ending is None
    assert ear.states()[1:] == [
        ("refused", f"logsSubscribe {keys.text(PUMP)}: no *** (code 1)"),
        ("subscribed", "1 subscriptions"),
    ]


def test_all_refused_is_the_end() -> None:
    """A heartbeat alone is of no use."""
    refusal = '"error":{"code":1,"message":"no"}'
    ending = answered(opened(Ear()), f'{{"id":2,{refusal}}}', f'{{"id":3,{refusal}}}', '{"id":1,"result":72}')
    assert ending is not None
    assert ending.state == "refused"
    assert ending.detail.count("no (code 1)") == 2


def test_an_unanswered_request_is_overdue_just_after_its_time() -> None:
    """Not at it."""
    session = opened(Ear())
    assert session.text(b'{"id":2,"result":70}', 1) is None
    assert session.overdue(seconds(3)) is None
    assert session.overdue(seconds(3) + 1) == Ending("lost", "no answer to logsSubscribe within 3 s")


def test_slots_keep_a_connection_and_data_does_not() -> None:
    """A node that fell behind the cluster may go on sending old logs."""
    ear = Ear()
    session = opened(ear)
    answered(session)
    session.text(beat(10), seconds(4))
    session.text(LOGS, seconds(8))
    session.pong(seconds(8))
    assert ear.slots == [(10, 9)]
    assert session.overdue(seconds(9)) is None
    assert session.overdue(seconds(9) + 1) == Ending("stalled", "no slot for 5 s on an open connection")


def test_without_slots_frames_and_pongs_are_signs_of_life() -> None:
    """The ping is then sent often enough to tell a stall in time."""
    ear = Ear()
    session = opened(ear)
    answered(session, '{"id":2,"result":70}', '{"id":3,"result":71}', '{"id":1,"error":{"code":1,"message":"no"}}')
    assert ("refused", "slotSubscribe: no (code 1)") in ear.states()
    assert session.ping_due(seconds(2.5))
    assert not session.ping_due(seconds(4.9))
    session.pong(seconds(4))
    assert session.overdue(seconds(9)) is None
    session.text(LOGS, seconds(9))
    assert session.overdue(seconds(14)) is None
    assert session.overdue(seconds(14) + 1) == Ending("stalled", "no sign of life for 5 s on an open connection")


def test_with_slots_a_ping_is_sent_as_often_as_set() -> None:
    """Idle connections are closed by providers."""
    session = opened(Ear())
    answered(session)
    assert [session.ping_due(seconds(at)) for at in (29.9, 30, 59.9, 60)] == [False, True, False, True]


def test_notifications_with_the_method_behind_are_understood() -> None:
    """Field order is the server's business."""
    ear = Ear()
    session = opened(ear)
    padding = '"params":{"result":{"parent":6,"root":0,"slot":7},"pad":"' + "x" * 90 + '"},"method":"%s"}'
    for method in ("slotNotification", "logsNotification"):
        assert session.text(b'{"jsonrpc":"2.0",' + (padding % method).encode(), 5) is None
    assert ear.slots == [(7, 6)]
    assert len(ear.frames) == 1


def test_what_cannot_be_understood_is_counted_and_told() -> None:
    """Where, what, and what to do."""
    ear, tally = Ear(), Tally()
    session = opened(ear, tally)
    for number, text in enumerate(
        (b"garbage secret", b'{"id":9,"result":1}', b'{"id":9,"error":{"message":"secret"}}', beat(0), b"")
    ):
        assert session.text(text, seconds(2 * number)) is None
    notes = [note for note in ear.notes if isinstance(note, InputRefused)]
    assert tally.refusals.count == len(notes) == 5
    assert notes[1].problem == "an answer to request 9, never asked: subscription 1"
    assert notes[2].problem == "an answer to request 9, never asked: *** (code 0)"
    assert all(note.where == "node" and note.cure for note in notes)


def test_fragments_are_joined_and_stamped_when_complete() -> None:
    """A frame is there when its last byte is."""
    ear = Ear()
    session = opened(ear)
    assert session.piece(LOGS[:9], 1, binary=False, first=True, fin=False) is None
    assert session.piece(LOGS[9:20], 2, binary=False, first=False, fin=False) is None
    assert session.piece(LOGS[20:], 3, binary=False, first=False, fin=True) is None
    assert ear.frames == [(LOGS, 3)]


def test_fragments_are_bounded_together_at_the_edge() -> None:
    """Endless fragments do not eat the memory."""
    ear = Ear()
    session = opened(ear)
    assert session.piece(b"x" * 1024, 1, binary=False, first=True, fin=False) is None
    assert session.piece(b"x" * 1024, 1, binary=False, first=False, fin=False) is None
    assert session.piece(b"x", 1, binary=False, first=False, fin=False) == Ending(
        "lost", "a message was larger than 2048 bytes; raise connection.frame_bytes_max"
    )


def test_a_binary_message_is_refused_whole() -> None:
    """In one piece or several; the next text passes."""
    ear, tally = Ear(), Tally()
    session = opened(ear, tally)
    assert session.piece(b"\x00", 1, binary=True, first=True, fin=False) is None
    assert session.piece(b"\x01", 2, binary=False, first=False, fin=True) is None
    assert session.text(LOGS, 3) is None
    assert tally.refusals.count == 1
    assert ear.frames == [(LOGS, 3)]
    note = ear.notes[-1]
    assert isinstance(note, InputRefused)
    assert (note.problem, note.cure) == ("a binary message of 2 bytes", "JSON-RPC speaks text: check the URL")
