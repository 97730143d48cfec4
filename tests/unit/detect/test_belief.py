"""Belief: each rule refuses by its name, and what passes them all is told exactly once."""

from __future__ import annotations

import pytest

from sniperforge.base import keys
from sniperforge.base.events import (
    CurveCompleted,
    Event,
    LaunchDisbelieved,
    LiquidityChanged,
    PoolCreated,
    PoolMigrated,
    Swapped,
    TokenWanted,
    TransactionWanted,
)
from sniperforge.detect.belief import LAUNCHPADS
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.detect.state import launch_id
from sniperforge.dex.programs import EVENT_TAG
from sniperforge.trading.launch import CURVES
from tests.unit.detect.fakes import (
    COMPLETE,
    LIQUIDITY,
    MIGRATE,
    ODD,
    OTHER,
    PROGRAM,
    TOKEN,
    Json,
    call,
    creation,
    data_line,
    frame,
    key_of,
    logs_frame,
    pool_of,
    trade,
    venue,
)
from tests.unit.detect.wire_forms import Made, base64_body, inner_json, meta, wire

LAUNCH = call(PROGRAM, data_line(creation("coin")))
LAUNCH_BELOW = call(PROGRAM, data_line(creation("coin")), depth=2)
POOL = pool_of(key_of("coin"))
FAILED = {"InstructionError": [0, {"Custom": 1}]}


def make(**settings: object) -> Detector:
    """Return a detector of two venues: one that makes its coins, and one that does not."""
    chosen = DetectSettings(**{"inspect_tokens": "none", "creator_coins_max": 0, "bundles_max": 0, **settings})  # type: ignore[arg-type]
    return Detector(chosen, [venue(), venue("pumpfun", OTHER, markers=())])


def tell(lines: list[str], detector: Detector | None = None, **about: object) -> list[Event]:
    """Return what a logs frame tells."""
    return (detector or make()).on_frame(logs_frame(lines, **about), 105)  # type: ignore[arg-type]


def reasons(told: list[Event]) -> list[str]:
    """Return the refusals' names; everything told must be a refusal."""
    assert all(isinstance(one, LaunchDisbelieved) for one in told), told
    return [one.reason for one in told if isinstance(one, LaunchDisbelieved)]


def full(lines: list[str] | None, made: list[Made] | None = None, **about: object) -> Json:
    """Return the same launch with its instructions."""
    space = [OTHER, PROGRAM, TOKEN, key_of("coin")]
    outer = [Made(PROGRAM, (key_of("coin"),), b"create")]
    inner = inner_json(space, {0: made}) if made else []
    return {"slot": 7, **base64_body(wire(space, outer), meta(lines, innerInstructions=inner, **about))}


# ── the rules ─────────────────────────────────────────────────────────────


def test_a_venues_own_creation_is_believed() -> None:
    """Printed by its program, parsed to its last byte, at the address derived from its mint."""
    detector = make()
    (created,) = tell(LAUNCH, detector)
    assert isinstance(created, PoolCreated)
    assert (created.pool.address, created.pool.base_mint, created.index) == (POOL, key_of("coin"), 0)
    assert created.trace_id == launch_id(POOL)
    assert detector.counters["believed"] == 1


def test_a_failed_transaction_creates_nothing() -> None:
    """It is told as what it was; a failed trade is not worth a word."""
    detector = make()
    assert reasons(tell(call(TOKEN, LAUNCH_BELOW), detector, err=FAILED)) == ["transaction_failed"]
    assert tell(call(PROGRAM, data_line(trade("coin"))), detector, err=FAILED, signature="6" * 88) == []
    odd = call(PROGRAM, data_line(creation("x") + b"more"))
    assert tell(odd, detector, err=FAILED, signature="7" * 88) == []
    assert detector.counters["transactions_failed"] == 2
    assert detector.counters["disbelieved_transaction_failed"] == 1


def test_another_programs_payload_is_a_forgery() -> None:
    """Also when it is printed inside, before or after the venue's own call."""
    stranger = key_of("stranger")
    for lines in (
        call(stranger, data_line(creation("coin"))),
        call(stranger, call(PROGRAM, depth=2), data_line(creation("coin"))),
        call(PROGRAM, call(stranger, data_line(creation("coin")), depth=2)),
    ):
        (refused,) = tell(lines)
        assert isinstance(refused, LaunchDisbelieved)
        assert (refused.reason, refused.venue) == ("forged_by_program", "fake")
        assert refused.values == {"program": keys.text(stranger)}


def test_another_venues_program_is_a_stranger_too() -> None:
    """Each venue speaks for itself alone."""
    told = tell(call(OTHER, data_line(creation("coin"))))
    assert [one.reason for one in told if isinstance(one, LaunchDisbelieved)] == ["forged_by_program"]


def test_a_printed_payload_is_a_forgery() -> None:
    """msg! by anybody, the venue's own program too: a name can be written so."""
    for program in (PROGRAM, key_of("stranger")):
        assert reasons(tell(call(program, "Program log: " + data_line(creation("coin"))))) == ["forged_by_log"]
    assert reasons(tell(call(TOKEN, "Program log: hi\n" + data_line(creation("coin"))))) == ["forged_by_log"]


def test_printed_stack_lines_are_a_forgery() -> None:
    """A newline in a text, then the words the runtime starts the venue's program with."""
    name = keys.text(PROGRAM)
    text = f"Program log: x\nProgram {name} invoke [1]\nProgram log: Instruction: Initialize\nProgram {name} success"
    (refused,) = tell(call(TOKEN, text))
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.venue) == ("forged_by_log", "fake")


def test_a_forgery_beside_a_real_creation_changes_nothing() -> None:
    """One is told, the other refused."""
    told = tell(call(PROGRAM, data_line(creation("coin")), "Program log: " + data_line(creation("other"))))
    assert [type(one) for one in told] == [LaunchDisbelieved, PoolCreated]


def test_a_claimed_address_is_derived_again() -> None:
    """What does not match is told with both."""
    (refused,) = tell(call(PROGRAM, data_line(creation("coin", pool=key_of("elsewhere")))))
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.values["problem"]) == ("pda_mismatch", "pool: claimed one, derived another")


def test_a_payload_that_does_not_parse_is_refused() -> None:
    """A creation by name; anything else is counted. A venue may refuse one itself."""
    detector = make()
    assert reasons(tell(call(PROGRAM, data_line(creation("coin") + b"x")), detector)) == ["payload_malformed"]
    told = tell(call(PROGRAM, data_line(creation("coin")), call(PROGRAM, data_line(b"whatever"), depth=2)))
    assert [type(one) for one in told] == [PoolCreated]
    (refused,) = tell(call(PROGRAM, data_line(ODD)), signature="6" * 88)
    assert isinstance(refused, LaunchDisbelieved)
    assert refused.values == {"a": "1", "problem": "layout"}


def test_a_pool_is_new_only_once() -> None:
    """A second creation of it, in another transaction, is refused with who made it."""
    detector = make()
    tell(LAUNCH, detector)
    (refused,) = tell(LAUNCH, detector, signature="6" * 88)
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.values["known_by"]) == ("pool_known", "5" * 88)


def test_a_launchpads_coin_is_new_only_once() -> None:
    """A pool of another address for a coin that was launched before; elsewhere a coin may have many pools."""
    detector = make()
    detector.state.coins.put(key_of("coin"), "earlier")
    (refused,) = tell(call(OTHER, data_line(creation("coin"))), detector)[1:]
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.values["known_by"]) == ("pool_known", "earlier")
    assert isinstance(tell(LAUNCH, detector, signature="6" * 88)[0], PoolCreated)


# ── once ──────────────────────────────────────────────────────────────────


def test_one_call_cannot_launch_a_coin_twice() -> None:
    """The first is remembered before the second is judged, also where nothing was told in between."""
    detector = make()
    told = tell(call(PROGRAM, data_line(creation("coin")), data_line(creation("coin"))), detector)
    assert [type(one) for one in told] == [PoolCreated]
    assert (detector.counters["believed"], detector.counters["duplicates"]) == (1, 1)


def test_the_same_transaction_tells_nothing_twice() -> None:
    """From another endpoint, or with its instructions after its logs."""
    detector = make()
    lines = call(PROGRAM, data_line(creation("coin")), data_line(trade("coin")), data_line(trade("coin")))
    signature = "93JmLBRQZ6NtWd5tVxhtGDPc3NRxuXcxDbVFYyv1f7Mn6yk4D8UdKBhXn4xLFvtnQv8nFsN4sKM3ZzUEHv7iMPh"
    told = tell(lines, detector, signature=signature)
    assert [type(one) for one in told] == [PoolCreated, Swapped, Swapped]
    assert tell(lines, detector, signature=signature) == []
    body = {"jsonrpc": "2.0", "method": "transactionNotification"}
    result = {"signature": signature, "slot": 7, "transaction": full(lines)}
    assert detector.on_frame(frame({**body, "params": {"result": result}}), 1) == []
    assert detector.counters["duplicates"] == 6


def test_a_refusal_is_told_once() -> None:
    """However many endpoints deliver it."""
    detector = make()
    assert len(tell(LAUNCH, detector, err=FAILED)) == 1
    assert tell(LAUNCH, detector, err=FAILED) == []


def test_a_refusal_does_not_stand_in_the_way_of_the_truth() -> None:
    """A forged report of a transaction cannot make its real one a duplicate."""
    detector = make()
    assert reasons(tell(call(PROGRAM, data_line(creation("coin", pool=key_of("x")))), detector)) == ["pda_mismatch"]
    assert [type(one) for one in tell(LAUNCH, detector)] == [PoolCreated]


def test_several_creations_are_several_events() -> None:
    """Each with its place, wherever in the tree it stands."""
    lines = call(
        PROGRAM, data_line(creation("a")), call(TOKEN, call(PROGRAM, data_line(creation("b")), depth=3), depth=2)
    )
    told = tell(lines + call(PROGRAM, data_line(creation("c"))))
    assert [(one.index, one.pool.base_mint) for one in told if isinstance(one, PoolCreated)] == [
        (0, key_of("a")),
        (1, key_of("b")),
        (2, key_of("c")),
    ]
    assert len({one.id for one in told}) == 3


def test_an_event_of_instructions_and_logs_is_one() -> None:
    """The CPI to itself and the log line are the same payload."""
    made = [Made(PROGRAM, (), EVENT_TAG + creation("coin"), 2)]
    lines = call(PROGRAM, data_line(creation("coin")), call(PROGRAM, depth=2))
    told = make().on_frame(frame(full(lines, made)), 1)
    assert [type(one) for one in told] == [PoolCreated]
    assert [type(one) for one in make().on_frame(frame(full(None, made)), 1)] == [PoolCreated]


# ── not enough ────────────────────────────────────────────────────────────

UNTOLD = call(PROGRAM, "Program log: Instruction: Initialize")


def test_what_logs_cannot_tell_is_asked_for_once() -> None:
    """The answer is late, and knows the question it came from."""
    detector = make()
    (wanted,) = tell(UNTOLD, detector)
    assert isinstance(wanted, TransactionWanted)
    assert (wanted.signature, wanted.slot, wanted.reason) == ("5" * 88, 7, "no accounts in the logs")
    assert tell(UNTOLD, detector) == []
    signature = "5" * 88
    body = full(call(PROGRAM, data_line(creation("coin"))))
    result = {"signature": signature, "slot": 7, "transaction": body}
    answer = {"jsonrpc": "2.0", "method": "transactionNotification", "params": {"result": result}}
    (created,) = detector.on_frame(frame(answer, late=True), 1)
    assert isinstance(created, PoolCreated)
    assert (created.late, created.cause) == (True, wanted.id)


def test_what_was_seen_whole_is_not_asked_for() -> None:
    """The logs of another endpoint come after it."""
    detector = make()
    result = {"signature": "5" * 88, "slot": 7, "transaction": full(call(PROGRAM, data_line(creation("coin"))))}
    detector.on_frame(frame({"method": "transactionNotification", "params": {"result": result}}), 1)
    assert tell(UNTOLD, detector) == []


def test_an_answer_that_lacks_it_too_ends_the_asking() -> None:
    """It is counted; nobody asks in circles."""
    detector = make()
    assert tell(UNTOLD, detector, late=True) == []
    assert detector.counters["incomplete_for_good"] == 1


def test_a_hint_behind_the_cut_is_asked_for() -> None:
    """Refused as what it is, nobody's, and fetched; without a hint nothing is."""
    detector = make()
    cut = [*call(PROGRAM)[:1], "Log truncated"]
    told = tell([*cut, data_line(creation("coin"))], detector)
    assert [type(one) for one in told] == [LaunchDisbelieved, TransactionWanted]
    assert isinstance(told[0], LaunchDisbelieved)
    assert (told[0].reason, told[0].venue) == ("logs_truncated", "fake")
    padding = "Program log: " + "x" * 8_000
    told = tell([*cut[:1], padding, *cut[1:], "Program log: Instruction: CreateV2"], detector, signature="6" * 88)
    assert [type(one) for one in told] == [LaunchDisbelieved, TransactionWanted]
    assert tell([*cut[:1], padding, *cut[1:]], detector, signature="7" * 88) == []
    assert detector.counters["logs_truncated"] == 3


def test_what_stood_before_the_cut_is_believed() -> None:
    """The stack was whole until there."""
    told = tell([*call(PROGRAM, data_line(creation("coin")))[:2], "Log truncated"])
    assert [type(one) for one in told] == [PoolCreated]


def test_cut_logs_with_instructions_need_no_question() -> None:
    """The tree is there."""
    lines = [*call(PROGRAM)[:1], "Log truncated", data_line(creation("coin"))]
    assert make().on_frame(frame(full(lines)), 1) == []


# ── trades, and the rest of a coin's life ─────────────────────────────────


@pytest.mark.parametrize(("trades", "kinds"), [("tracked", []), ("none", []), ("all", [Swapped])])
def test_trades_of_unknown_pools(trades: str, kinds: list[type]) -> None:
    """Told only when all are."""
    assert [type(one) for one in tell(call(PROGRAM, data_line(trade("coin"))), make(trades=trades))] == kinds


@pytest.mark.parametrize(("trades", "number"), [("tracked", 2), ("none", 0), ("all", 3)])
def test_trades_and_liquidity_of_known_pools(trades: str, number: int) -> None:
    """With the launch they belong to; those of others beside them are counted."""
    detector = make(trades=trades)
    tell(LAUNCH, detector)
    lines = call(PROGRAM, data_line(trade("coin")), data_line(LIQUIDITY + POOL), data_line(trade("other")))
    told = tell(lines, detector, signature="6" * 88)
    assert len(told) == number
    assert {one.trace_id for one in told[:2]} <= {launch_id(POOL)}
    if trades == "tracked":
        assert [type(one) for one in told] == [Swapped, LiquidityChanged]
        assert detector.counters["trades_untracked"] == 1


def test_completions_and_migrations_are_always_told() -> None:
    """And a tracked coin's trades are told from its new pool on."""
    detector = make()
    tell(LAUNCH, detector)
    new = pool_of(key_of("grown up"))
    lines = call(PROGRAM, data_line(COMPLETE + POOL), data_line(MIGRATE + POOL + new))
    told = tell(lines, detector, signature="6" * 88)
    assert [type(one) for one in told] == [CurveCompleted, PoolMigrated]
    assert [type(one) for one in tell(call(PROGRAM, data_line(trade("grown up"))), detector, signature="7" * 88)] == [
        Swapped
    ]


@pytest.mark.parametrize(("asks", "foreign", "own"), [("foreign", 1, 0), ("all", 1, 1), ("none", 0, 0)])
def test_which_mints_are_asked_for(asks: str, foreign: int, own: int) -> None:
    """A launchpad's own mints are known; each mint is asked for once."""
    detector = make(inspect_tokens=asks)
    assert sum(isinstance(one, TokenWanted) for one in tell(LAUNCH, detector)) == foreign
    told = tell(call(OTHER, data_line(creation("second"))), detector, signature="6" * 88)
    assert sum(isinstance(one, TokenWanted) for one in told) == own


def test_who_makes_the_coin_has_a_curve() -> None:
    """The rule of one launch a mint, and the filters of curves, are about the same venues."""
    assert LAUNCHPADS == CURVES
