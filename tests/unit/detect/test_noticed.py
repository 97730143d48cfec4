"""An account that was shown alone is a question when it is new and young, and never a launch."""

from __future__ import annotations

import base64
from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CreationWanted, Event, Frame, InputRefused, PoolCreated, TransactionWanted
from sniperforge.base.keys import text
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.detect.detector import Detector
from sniperforge.detect.noticed import BURST, BYTES_MAX, DATA_BYTES_MAX, Notice, noticed
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.venues import VENUES
from sniperforge_cli.frames import launches
from tests.unit.detect.fakes import key_of
from tests.unit.detect.test_announced import SIGNATURE
from tests.unit.dex.test_pool_accounts import account

POOL = key_of("pool")
NOW = 1_800_000_000 * NANOS_PER_SECOND
YOUNG = account("raydium_cpmm", (373, "Q", 1_800_000_000))
OLD = account("raydium_cpmm", (373, "Q", 1_799_999_000))
BARE = DetectSettings(creator_coins_max=0, bundles_max=0)


def message(
    shown: bytes = YOUNG, pool: Pubkey = POOL, venue: str = "raydium_cpmm", slot: int = 1_000, **changes: object
) -> bytes:
    """An account as a node shows it; *changes* are of the account, None leaves a field out."""
    body: dict[str, object] = {
        "data": [base64.b64encode(shown).decode(), "base64"],
        "executable": False,
        "lamports": 6_124_800,
        "owner": text(VENUES[venue].program),
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": len(shown),
        **changes,
    }
    fields = {name: value for name, value in body.items() if value is not None}
    value = {"pubkey": text(pool), "account": fields}
    result = {"context": {"apiVersion": "3.1.8", "slot": slot}, "value": value}
    params = {"result": result, "subscription": 24_041}
    return orjson.dumps({"jsonrpc": "2.0", "method": "programNotification", "params": params})


def told(detector: Detector, *frames: bytes, now_ns: int = NOW) -> list[Event]:
    return [event for frame in frames for event in detector.on_frame(Frame(frame, now_ns, "node"), now_ns + 5)]


def test_a_notification_tells_account_owner_data_and_slot() -> None:
    program = VENUES["raydium_cpmm"].program
    assert noticed(message()) == Notice(POOL, program, YOUNG, 1_000)
    assert noticed(message(space=None)) == Notice(POOL, program, YOUNG, 1_000)


@pytest.mark.parametrize(
    "data",
    [b"{}", b'{"method":"logsNotification"}', b'{"method":"programNotifications"}', b"x" * 300 + message()],
)
def test_any_other_message_is_left_to_its_own_reader(data: bytes) -> None:
    assert noticed(data) is None
    assert noticed(message().replace(b'"method":"program', b'"x":"programNotification","method":"logs')) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (message(owner="no key"), "is not a base58 public key"),
        (message(data=["AAAA"]), "a programNotification: "),
        (message(data="AAAA"), "a programNotification: "),
        (message(data=["AAA", "base64"]), "is not base64"),
        (message(data=["AAAA", "base64+zstd"]), "in 'base64+zstd', base64 was asked for"),
        (message(space=636), "with 637 of its 636 bytes"),
        (message(space=-1), "with 637 of its -1 bytes"),
        (message(bytes(DATA_BYTES_MAX + 1)), f"of {DATA_BYTES_MAX + 1} bytes, {DATA_BYTES_MAX} are read"),
        (message(bytes(BYTES_MAX)), f"{BYTES_MAX} are read"),
        (message(slot=-1), "slot is '-1'"),
        (message() + b"x", "a programNotification: "),
        (message()[:-1], "a programNotification: "),
        (b'"programNotification"' + b"[" * 5_000, "a programNotification: "),
    ],
)
def test_a_malformed_one_is_refused(data: bytes, words: str) -> None:
    """To its last byte; in one line that says where to look."""
    with pytest.raises(DecodeError) as caught:
        noticed(data)
    assert words in str(caught.value)
    assert str(caught.value).count("\n") == 0


@given(st.binary(max_size=200), st.integers(0, 1_300), st.integers(0, 1_300))
def test_bytes_raise_its_own_error_or_nothing(noise: bytes, start: int, end: int) -> None:
    """Also where they stand in the middle of a real one, in the parser and behind it."""
    data = message()
    for damaged in (noise, data[:start] + noise + data[end:]):
        for event in told(Detector(BARE), damaged):
            assert isinstance(event, CreationWanted | InputRefused)
        try:
            found = noticed(damaged)
        except DecodeError as problem:
            assert "\n" not in str(problem)
            continue
        assert found is None or len(found.account) == 32


def test_a_young_account_is_a_question_once() -> None:
    """With what counts as news in slots; the next state of it is none."""
    detector = Detector(BARE)
    (asked,) = told(detector, message(), message(slot=1_001))
    assert isinstance(asked, CreationWanted)
    assert (asked.venue, asked.account, asked.slot) == ("raydium_cpmm", POOL, 1_000)
    assert (asked.slot_min, asked.second_min) == (850, 1_800_000_000 - 60)
    assert (asked.origin_ns, asked.ts_ns) == (NOW, NOW + 5)
    seen = {name: count for name, count in detector.counters.items() if name.startswith("account")}
    assert seen == {
        "accounts": 2,
        "accounts_known": 1,
        "accounts_old": 0,
        "accounts_asked": 1,
        "accounts_unasked": 0,
    }
    assert (detector.counters["believed"], detector.counters["events"]) == (0, 1)


def test_an_old_account_is_none() -> None:
    """Nor does it become young."""
    detector = Detector(BARE)
    assert told(detector, message(OLD), message(YOUNG)) == []
    assert (detector.counters["accounts_old"], detector.counters["accounts_known"]) == (1, 1)


def test_age_is_what_the_settings_say() -> None:
    detector = Detector(DetectSettings(account_age_s=1_000))
    (asked,) = told(detector, message(OLD, slot=9_000))
    assert isinstance(asked, CreationWanted)
    assert asked.slot_min == 9_000 - 2_500


def test_an_account_nobody_asked_for_is_refused_and_may_come_again_as_it_should() -> None:
    """Of a venue that is not watched, or one that is no pool."""
    detector = Detector(DetectSettings(venues=("raydium_cpmm",)))
    (stranger, short, asked) = told(detector, message(venue="pumpswap"), message(YOUNG[:-1]), message())
    assert isinstance(stranger, InputRefused)
    assert "which is not watched" in stranger.problem
    assert isinstance(short, InputRefused)
    assert "is 636 bytes, layout says 637" in short.problem
    assert isinstance(asked, CreationWanted)


def test_a_pool_that_was_told_is_no_question() -> None:
    detector = Detector(BARE)
    launch = next(launches(1, seed=3))
    (created, *_) = told(detector, launch.frame)
    assert isinstance(created, PoolCreated)
    assert told(detector, message(pool=created.pool.address, venue=created.pool.venue)) == []
    assert detector.counters["accounts_known"] == 1


def test_memory_is_bounded_and_the_longest_unseen_is_forgotten() -> None:
    detector = Detector(DetectSettings(known_max=2))
    a, b, c = (message(pool=key_of(name)) for name in "abc")
    assert len(told(detector, a, b, a, c)) == 3
    assert told(detector, a) == []
    assert len(told(detector, b)) == 1


def test_each_venue_has_its_rate_of_questions() -> None:
    """A flood of one is counted, told at 1, 2, 4, 8 …, and another's launch is asked about; later there is room."""
    detector = Detector(DetectSettings(account_questions_per_s=4))
    flood = [message(account("pumpswap"), key_of(f"pool {at}"), "pumpswap") for at in range(BURST + 9)]
    seen = told(detector, *flood, message())
    asked = [event.venue for event in seen if isinstance(event, CreationWanted)]
    assert Counter(asked) == {"pumpswap": BURST, "raydium_cpmm": 1}
    refused = [event for event in seen if isinstance(event, InputRefused)]
    assert [one.problem.split()[0] for one in refused] == ["1", "2", "4", "8"]
    assert refused[0].where == "node"
    assert "detect.account_questions_per_s" in refused[0].cure
    assert detector.counters["accounts_unasked"] == 9
    late = [message(account("pumpswap"), key_of(f"later {at}"), "pumpswap") for at in range(3)]
    seen = told(detector, *late, now_ns=NOW + NANOS_PER_SECOND // 2)
    assert [type(event) for event in seen] == [CreationWanted, CreationWanted]


def test_the_answer_is_asked_for_unless_it_is_known_by_then() -> None:
    """By its signature, or because the pool was told in the meantime."""
    detector = Detector(BARE)
    (asked,) = told(detector, message())
    answer = TransactionWanted(id=7, cause=asked.id, signature=SIGNATURE, slot=999, reason="account")
    assert detector.on(answer, NOW) == [answer]
    assert detector.state.wanted.get(SIGNATURE) == 7
    assert detector.on(answer, NOW) == []
    launch = next(launches(1, seed=3))
    created = told(detector, launch.frame)[0]
    assert isinstance(created, PoolCreated)
    fresh = Detector(BARE)
    (asked,) = told(fresh, message(account("raydium_cpmm", (373, "Q", 1 << 40)), created.pool.address))
    told(fresh, launch.frame)
    answer = TransactionWanted(id=8, cause=asked.id, signature=launch.signature, slot=999, reason="account")
    assert fresh.on(answer, NOW) == []
