"""The detector: frames go in whole or are refused in one line; it takes note of positions and tokens."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sniperforge.base.errors import ConfigError
from sniperforge.base.events import (
    BotStarted,
    BundleSeen,
    CreatorKnown,
    Event,
    Frame,
    InputRefused,
    LiquidityChanged,
    PoolCreated,
    PositionChanged,
    Swapped,
    TokenInspected,
    TokenWanted,
    TransactionWanted,
)
from sniperforge.base.keys import text
from sniperforge.detect.detector import REHEARSED_BYTES_MAX, Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge_cli.frames import launches
from tests.unit.detect.fakes import (
    LIQUIDITY,
    OTHER,
    PROGRAM,
    TOKEN,
    call,
    creation,
    data_line,
    frame,
    key_of,
    logs_frame,
    logs_json,
    pool_of,
    position,
    trade,
    venue,
)
from tests.unit.detect.test_announced import SIGNATURE, message
from tests.unit.detect.wire_forms import Made, base64_body, meta, wire

LAUNCH = call(PROGRAM, data_line(creation("coin")))


#: What is learned of launches has tests of its own.
BARE = DetectSettings(creator_coins_max=0, bundles_max=0)


def make(settings: DetectSettings = BARE) -> Detector:
    """Return a detector of the fake venue."""
    return Detector(settings, [venue()])


def test_the_house_venues_are_watched_unless_others_are_given() -> None:
    """All of them, or those the settings name."""
    assert set(Detector(DetectSettings()).state.venues) == set(VENUES)
    assert set(Detector(DetectSettings(venues=("pumpfun",))).state.venues) == {"pumpfun"}


def test_an_unknown_venue_is_refused_with_the_known_ones() -> None:
    """The key's path and the choice are in the line."""
    with pytest.raises(ConfigError, match=r"detect\.venues: 'x' is not a venue; choose from fake"):
        Detector(DetectSettings(venues=("x",)), [venue()])


def test_a_creation_is_told_with_its_stamps() -> None:
    """The frame's receive stamp, the reader's own, and the launch's id for everything that follows."""
    created, wanted = make().on_frame(logs_frame(LAUNCH), now_ns=105)
    assert isinstance(created, PoolCreated)
    assert (created.ts_ns, created.origin_ns, created.source, created.late) == (105, 100, "endpoint", False)
    assert created.id and created.trace_id
    assert isinstance(wanted, TokenWanted)
    assert (wanted.mint, wanted.cause, wanted.trace_id) == (key_of("coin"), created.id, created.trace_id)


def test_an_announcement_is_asked_about_and_never_believed() -> None:
    """Once; a trade somebody announces is nothing, and one without a signature is refused."""
    detector = make()
    (wanted,) = detector.on_frame(Frame(message(), 100, "portal"), 105)
    assert isinstance(wanted, TransactionWanted)
    assert (wanted.signature, wanted.reason, wanted.origin_ns, wanted.ts_ns) == (SIGNATURE, "announced", 100, 105)
    assert detector.on_frame(Frame(message(), 106, "portal"), 107) == []
    assert detector.on_frame(Frame(message(txType="buy"), 108, "portal"), 109) == []
    assert (detector.counters["wanted"], detector.counters["believed"], detector.counters["events"]) == (1, 0, 1)
    (refused,) = detector.on_frame(Frame(message(signature="x"), 110, "portal"), 111)
    assert isinstance(refused, InputRefused)
    assert refused.where == "portal"


def test_what_was_told_already_is_not_asked_about_when_it_is_announced() -> None:
    """A coin by its launch, and any transaction that was seen whole."""
    detector = Detector(BARE)
    launch = next(launches(1, seed=3))
    hearsay = message(signature=launch.signature, mint=text(launch.mint))
    assert isinstance(detector.on_frame(Frame(launch.frame, 1, "node"), 2)[0], PoolCreated)
    assert detector.on_frame(Frame(hearsay, 3, "portal"), 4) == []
    detector = Detector(BARE)
    detector.state.whole.put(SIGNATURE, None)
    assert detector.on_frame(Frame(message(), 3, "portal"), 4) == []


def test_a_launch_that_was_announced_before_is_told_when_its_frame_comes() -> None:
    """The question does not stand in its way."""
    detector = Detector(BARE)
    launch = next(launches(1, seed=3))
    hearsay = message(signature=launch.signature, mint=text(launch.mint))
    assert isinstance(detector.on_frame(Frame(hearsay, 1, "portal"), 2)[0], TransactionWanted)
    assert isinstance(detector.on_frame(Frame(launch.frame, 3, "node"), 4)[0], PoolCreated)


def test_an_unconcerned_frame_is_rejected_and_counted() -> None:
    """Without a parser having seen it: its log lines would be refused."""
    detector = make()
    broken = logs_frame(["Program x success", data_line(trade("x"))])
    assert detector.on_frame(broken, 1) == []
    assert (detector.counters["frames"], detector.counters["frames_rejected"]) == (1, 1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"junk", "not a message this reads"),
        (json.dumps(logs_json([data_line(creation("x"))])).encode(), "a payload line stands outside"),
        (b" " * 2_000, "frame of 2000 bytes"),
    ],
)
def test_an_unusable_frame_is_one_line(data: bytes, problem: str) -> None:
    """Where, what and what to do; and the next frame is read."""
    detector = make(replace(BARE, frame_bytes_max=1_024))
    (refused,) = detector.on_frame(Frame(data=data, recv_ns=9, source="tape:x"), 10)
    assert isinstance(refused, InputRefused)
    assert (refused.where, refused.origin_ns, refused.ts_ns) == ("tape:x", 9, 10)
    assert refused.problem.startswith(problem)
    assert refused.cure
    assert detector.counters["frames_refused"] == 1
    assert len(detector.on_frame(logs_frame(LAUNCH), 1)) == 2


def test_an_unreadable_element_of_a_block_is_refused_alone() -> None:
    """The others are told."""
    space = [OTHER, PROGRAM]
    good = base64_body(wire(space, [Made(PROGRAM)]), meta(LAUNCH))
    bad = base64_body(wire(space, [Made(PROGRAM)], version=1), meta(LAUNCH))
    vote = base64_body(wire([TOKEN], [Made(TOKEN)]), meta(call(TOKEN)))
    detector = make()
    told = detector.on_frame(frame({"parentSlot": 1, "transactions": [bad, vote, good]}), 1)
    assert [type(one) for one in told] == [InputRefused, PoolCreated, TokenWanted]
    assert detector.counters["transactions"] == detector.counters["transactions_refused"] == 1


def opened(state: str) -> PositionChanged:
    """Return what the coordinator says of a position in a pool nobody saw being made."""
    return position(pool_of(key_of("held")), key_of("held"), state)


def test_the_trades_of_a_position_are_told_while_it_is_open() -> None:
    """After a restart nobody remembers its creation; the position tells the pool."""
    detector = make()
    assert detector.on(opened("open"), 1) == []
    (swapped,) = detector.on_frame(logs_frame(call(PROGRAM, data_line(trade("held"))), signature="6" * 88), 1)
    assert isinstance(swapped, Swapped)
    detector.on(opened("closed"), 1)
    assert detector.on_frame(logs_frame(call(PROGRAM, data_line(trade("held"))), signature="7" * 88), 1) == []


def asked(detector: Detector, pool: str, mint: str) -> bool:
    """Make another pool of a mint; say whether its mint is asked for."""
    lines = call(PROGRAM, data_line(creation(mint)))
    told = detector.on_frame(logs_frame(lines, signature=pool * 88), 1)
    return any(isinstance(one, TokenWanted) for one in told)


def test_an_inspected_token_is_not_asked_for_again() -> None:
    """Unless it could not be read."""
    detector = make()
    detector.on(TokenInspected(mint=key_of("known"), token_program=TOKEN, found=True), 1)
    assert not asked(detector, "1", "known")
    detector.on(TokenInspected(mint=key_of("unread"), token_program=TOKEN, found=True), 1)
    detector.on(TokenInspected(mint=key_of("unread"), token_program=TOKEN, found=False), 1)
    assert asked(detector, "2", "unread")


def test_other_events_are_no_concern_here() -> None:
    """Nothing is answered."""
    assert make().on(BotStarted(bot="x"), 1) == []


@given(data=st.binary(max_size=300), cut=st.integers(0, 2_000))
def test_no_frame_raises(data: bytes, cut: int) -> None:
    """Whatever arrives gives events, or an InputRefused, or nothing."""
    detector = make()
    real = logs_frame(LAUNCH).data
    for mixed in (data, real[:cut], real[:cut] + data, real[: cut % len(real)] + data + real[cut % len(real) :]):
        told: list[Event] = detector.on_frame(Frame(data=mixed, recv_ns=1), 1)
        assert all(isinstance(one, Event) for one in told)


# ── rehearsals ──


def test_a_rehearsal_reads_the_newest_launch_as_if_it_were_new_and_remembers_nothing() -> None:
    detector = make()
    assert detector.rehearse() == []
    launch = logs_frame(LAUNCH)
    told = detector.on_frame(launch, now_ns=105)
    before = dict(detector.counters)
    for _ in range(2):
        again = detector.rehearse()
        assert [type(event) for event in again] == [PoolCreated, TokenWanted]
        assert again[0].id == told[0].id
    assert detector.counters == before
    other = logs_frame(call(PROGRAM, data_line(creation("other coin"))), signature="6" * 88)
    assert [type(event) for event in detector.on_frame(other, 106)] == [PoolCreated, TokenWanted]
    created = detector.rehearse()[0]
    assert isinstance(created, PoolCreated)
    assert created.pool.address == pool_of(key_of("other coin"))


def test_neither_a_trade_nor_a_block_is_rehearsed() -> None:
    detector = make()
    detector.on_frame(logs_frame(call(PROGRAM, data_line(trade("coin")))), 1)
    assert detector.rehearse() == []
    heavy = logs_frame(call(PROGRAM, data_line(creation("coin")), *[f"Program log: {'x' * 900}"] * 20))
    assert len(heavy.data) > REHEARSED_BYTES_MAX
    assert detector.on_frame(heavy, 2) != []
    assert detector.rehearse() == []


# ── what is learned of launches ──


def told_of(detector: Detector, *lines: str, slot: int = 7, signature: str = "1" * 88) -> list[Event]:
    """Return what the detector tells of a transaction with these payload lines."""
    return detector.on_frame(frame(logs_json(call(PROGRAM, *lines), slot=slot, signature=signature)), now_ns=slot)


def test_the_creator_is_told_right_behind_his_launch_and_never_before() -> None:
    detector = make(DetectSettings())
    told = told_of(detector, data_line(creation("coin")))
    assert [type(one) for one in told] == [PoolCreated, CreatorKnown, TokenWanted]
    known = told[1]
    assert isinstance(known, CreatorKnown)
    assert (known.launches, known.cause, known.trace_id) == (0, told[0].id, told[0].trace_id)
    told_of(detector, data_line(creation("next")), signature="2" * 88)
    assert len(detector.creators) == 2
    assert detector.counters["events"] == 6


def test_the_buys_of_a_launchs_slot_are_told_behind_the_first_transaction_of_a_later_one() -> None:
    """A launch in it is on its way first."""
    detector = make(DetectSettings())
    told_of(detector, data_line(creation("coin")), data_line(trade("coin")))
    assert [type(one) for one in told_of(detector, data_line(trade("coin")), signature="2" * 88)] == [Swapped]
    told = told_of(detector, data_line(creation("next")), slot=8, signature="3" * 88)
    assert [type(one) for one in told] == [PoolCreated, CreatorKnown, TokenWanted, BundleSeen]
    seen = told[-1]
    assert isinstance(seen, BundleSeen)
    assert (seen.pool, seen.slot, seen.buys, seen.others_quote, seen.complete) == (
        pool_of(key_of("coin")),
        7,
        2,
        4,
        True,
    )


def test_time_and_the_end_tell_what_no_later_slot_told() -> None:
    detector = make(DetectSettings(bundle_window_ms=1))
    told_of(detector, data_line(creation("coin")))
    detector.on(TokenInspected(mint=key_of("coin"), token_program=TOKEN, found=True, supply=50), 1)
    assert detector.on_tick(8) == []
    (told,) = detector.on_tick(2_000_000)
    assert isinstance(told, BundleSeen)
    assert (told.supply, told.complete) == (50, True)
    told_of(detector, data_line(creation("next")), signature="2" * 88)
    (told,) = detector.end(9)
    assert isinstance(told, BundleSeen)
    assert not told.complete


def test_a_withdrawal_is_remembered_of_the_creator() -> None:
    """The fake venue's change of liquidity adds one to nothing: no rug, and no error."""
    detector = make(DetectSettings())
    told_of(detector, data_line(creation("coin")))
    told = told_of(detector, data_line(LIQUIDITY + pool_of(key_of("coin"))), signature="2" * 88)
    assert [type(one) for one in told] == [LiquidityChanged]
    told = told_of(detector, data_line(creation("next")), signature="3" * 88)
    assert [one.rugged for one in told if isinstance(one, CreatorKnown)] == [0]


def test_without_trades_nobody_knows_who_bought() -> None:
    detector = make(DetectSettings(trades="none"))
    told_of(detector, data_line(creation("coin")))
    assert detector.end(1) == []


def test_a_rehearsal_learns_nothing_and_knows_nobody() -> None:
    detector = make(DetectSettings())
    told_of(detector, data_line(creation("coin")))
    for _ in range(2):
        again = detector.rehearse()
        assert [one.launches for one in again if isinstance(one, CreatorKnown)] == [0]
        assert not [one for one in again if isinstance(one, BundleSeen)]
    assert len(detector.creators) == len(detector.bundles) == 1
