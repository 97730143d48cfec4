"""Each transaction passes once per form, whoever shows it; no text from the chain can pose as a signature."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.units import Pubkey
from sniperforge.feeds.signature import (
    ACCOUNT,
    FULL,
    FULL_FAILED,
    LOGS,
    LOGS_FAILED,
    Race,
    RaceStats,
    Seen,
    account_key,
    block_key,
    logs_key,
    transaction_key,
)

SIGNATURE = "5uD93BJxoiPfzBuUQkJ26W85bGYCVQ8byiXeFynKLetXZwNNonbyDubUAGyQe2SUDmcWerBijxZR71eAHkLVedHn"
FORGED = "2" * 88
FAILED = {"InstructionError": [2, {"Custom": 6002}]}
PROGRAM = Pubkey(b"p" * 32)
HOSTILE = [
    f'"signature":"{FORGED}"',
    f'{{"signature":"{FORGED}","err":null}}',
    '"signature',
    "signature",
    f'\\"signature\\":\\"{FORGED}\\"',
    '"err":null',
    '"err',
    "err",
    f'"}},"signature":"{FORGED}',
]


def logs(signature: str = SIGNATURE, err: object = None, lines: tuple[str, ...] = (), *, spaced: bool = False) -> bytes:
    value = {"signature": signature, "err": err, "logs": list(lines)}
    body = {
        "jsonrpc": "2.0",
        "method": "logsNotification",
        "params": {"result": {"context": {"slot": 5}, "value": value}, "subscription": 1},
    }
    return json.dumps(body, separators=(", ", ": ") if spaced else (",", ":")).encode()


def transaction(signature: str = SIGNATURE, err: object = None, lines: tuple[str, ...] = ()) -> bytes:
    whole = {"transaction": ["AA==", "base64"], "meta": {"err": err, "logMessages": list(lines)}, "version": 0}
    result = {"transaction": whole, "signature": signature, "slot": 5}
    body = {"jsonrpc": "2.0", "method": "transactionNotification", "params": {"subscription": 1, "result": result}}
    return json.dumps(body, separators=(",", ":")).encode()


def block(slot: int, subscription: int, *, err: object = None) -> bytes:
    value = {"slot": slot, "err": err, "block": None if err else {"transactions": []}}
    params = {"result": {"context": {"slot": slot}, "value": value}, "subscription": subscription}
    return json.dumps({"jsonrpc": "2.0", "method": "blockNotification", "params": params}).encode()


def raced(*frames: tuple[str, bytes], entries_max: int = 100) -> tuple[list[tuple[str, bytes]], Race]:
    """Give the frames of each source; return what passed."""
    passed: list[tuple[str, bytes]] = []
    race = Race(entries_max, lambda data, recv_ns, source, late: passed.append((source, data)))
    race.subscribed("a", {1: PROGRAM, 2: Pubkey(b"q" * 32), 3: None})
    race.subscribed("b", {1: PROGRAM})
    for source, data in frames:
        race.frame(data, 1, source, False)
    return passed, race


def test_the_first_frame_of_a_signature_passes_and_the_rest_is_counted() -> None:
    """Per source: who wins, who is behind."""
    passed, race = raced(("a", logs()), ("b", logs()), ("b", logs("4" * 87)), ("a", logs()))
    assert [source for source, _ in passed] == ["a", "b"]
    assert race.stats() == {"a": RaceStats(wins=1, duplicates=1), "b": RaceStats(wins=1, duplicates=1)}
    assert race.was_seen(SIGNATURE)
    assert not race.was_seen(FORGED)


def shown(account: str, *, slot: int = 1, named: str = "pubkey") -> bytes:
    """Return a `programNotification` of *account*."""
    value = {named: account, "account": {"data": ["AAAA", "base64"], "owner": "1" * 32}}
    params = {"result": {"context": {"slot": slot}, "value": value}, "subscription": 1}
    return json.dumps({"jsonrpc": "2.0", "method": "programNotification", "params": params}).encode()


def test_an_account_passes_once_whatever_becomes_of_it() -> None:
    """It hides no signature; one that is not told passes, for detection to refuse."""
    one, two = shown("A" * 44), shown("B" * 32, slot=2)
    passed, race = raced(("a", one), ("b", shown("A" * 44, slot=2)), ("a", two), ("b", logs()), ("a", one))
    assert passed == [("a", one), ("a", two), ("b", logs())]
    assert race.stats() == {"a": RaceStats(wins=2, duplicates=1), "b": RaceStats(wins=1, duplicates=1)}
    odd = shown("A" * 44, named="key")
    assert account_key(odd) == (b"", 0)
    assert len(raced(("a", odd), ("a", odd))[0]) == 2
    assert account_key(b" " * 600 + one) == (b"A" * 44, ACCOUNT)


def test_a_busy_account_stays_known_and_makes_no_transaction_forgotten() -> None:
    """Between two of its states a memory of four turns over many times."""
    busy = ("a", shown("C" * 40))
    others = [("a", shown(f"{'D' * 40}{digit}")) for digit in "123456789"]
    passed, race = raced(("a", logs()), busy, *[one for other in others for one in (other, busy)], entries_max=4)
    assert [data for _, data in passed[2:]] == [data for _, data in others]
    assert race.was_seen(SIGNATURE)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (logs(), transaction(), True),
        (transaction(), logs(), False),
        (logs(err=FAILED), logs(), True),
        (logs(), logs(err=FAILED), False),
        (logs(), transaction(err=FAILED), True),
        (transaction(err=FAILED), transaction(), True),
        (transaction(err=FAILED), logs(), True),
        (transaction(err=FAILED), logs(err=FAILED), False),
        (transaction(), transaction(err=FAILED), False),
    ],
)
def test_only_a_richer_form_of_the_same_transaction_is_news(first: bytes, second: bytes, both: bool) -> None:
    """Instructions after logs; a success after a failure, since forks disagree."""
    assert len(raced(("a", first), ("b", second))[0]) == (2 if both else 1)


def test_failed_transactions_pass() -> None:
    """`detect` refuses them, with everything at hand."""
    assert len(raced(("a", logs(err=FAILED)))[0]) == 1


@pytest.mark.parametrize("line", HOSTILE)
@pytest.mark.parametrize("err", [None, FAILED])
def test_a_log_cannot_forge_a_signature_or_a_success(line: str, err: object) -> None:
    """Quotes inside a JSON string are escaped; a string at the end of an array has no colon behind it."""
    form = LOGS_FAILED if err else LOGS
    assert logs_key(logs(err=err, lines=(line,))) == (SIGNATURE.encode(), form)
    assert logs_key(logs("not base58 0OIl", err=err, lines=(line,))) == (b"", 0)
    full = FULL_FAILED if err else FULL
    assert transaction_key(transaction(err=err, lines=(line, line))) == (SIGNATURE.encode(), full)


@given(lines=st.lists(st.text() | st.sampled_from(HOSTILE), max_size=6), failed=st.booleans())
def test_no_text_forges_a_key(lines: list[str], failed: bool) -> None:
    """Whatever a program prints."""
    err = FAILED if failed else None
    assert logs_key(logs(err=err, lines=tuple(lines))) == (SIGNATURE.encode(), LOGS_FAILED if failed else LOGS)
    assert transaction_key(transaction(err=err, lines=tuple(lines)))[0] == SIGNATURE.encode()


def test_a_transaction_full_of_lines_that_read_err_still_passes() -> None:
    """The scan gives up and calls it failed, which hides nothing the first time."""
    flood = json.loads(transaction(lines=("err",) * 20))
    meta = flood["params"]["result"]["transaction"]["meta"]
    flood["params"]["result"]["transaction"]["meta"] = dict(reversed(meta.items()))
    data = json.dumps(flood).encode()
    assert transaction_key(data) == (SIGNATURE.encode(), FULL_FAILED)
    assert len(raced(("a", logs()), ("b", data))[0]) == 2


def test_other_orders_and_spaces_are_understood() -> None:
    """Servers differ."""
    assert logs_key(logs(spaced=True)) == (SIGNATURE.encode(), LOGS)
    early = b'{"slot":5,"transaction":{"signature":"%b","meta":{"err": null},"pad":"%b"}}' % (
        SIGNATURE.encode(),
        b"x" * 999,
    )
    assert transaction_key(early) == (SIGNATURE.encode(), FULL)
    late = json.loads(logs(lines=("x" * 2000,)))
    value = late["params"]["result"]["value"]
    late["params"]["result"]["value"] = {"logs": value["logs"], "err": None, "signature": SIGNATURE}
    # A success written before the signature is not seen: counted as a failure, which hides nothing.
    assert logs_key(json.dumps(late).encode()) == (SIGNATURE.encode(), LOGS_FAILED)


@pytest.mark.parametrize("data", [b"", b"garbage", b'{"signature":5}', b'{"signatures":["x"]}', logs("short")])
def test_a_frame_without_a_signature_passes_every_time(data: bytes) -> None:
    """What cannot be known cannot be a duplicate."""
    passed, race = raced(("a", data), ("a", data))
    assert len(passed) == 2
    assert race.stats()["a"] == RaceStats(unkeyed=2)


def test_blocks_are_known_by_slot_and_program() -> None:
    """The same block for another program holds other transactions."""
    passed, race = raced(
        ("a", block(5, 1)), ("a", block(5, 2)), ("b", block(5, 1)), ("b", block(6, 1)), ("a", block(5, 2))
    )
    assert [source for source, _ in passed] == ["a", "a", "b"]
    assert race.stats()["a"].duplicates == race.stats()["b"].duplicates == 1


@pytest.mark.parametrize("data", [block(5, 9), block(5, 3), block(5, 1, err="gone"), b'{"method":"blockNotification"}'])
def test_a_block_of_nobody_or_in_error_is_unkeyed(data: bytes) -> None:
    """An unknown subscription, one for all programs, or a block the node could not read."""
    passed, _ = raced(("a", data), ("a", data))
    assert len(passed) == 2
    assert block_key(data, {1: PROGRAM, 3: None}) == (b"", 0)


@given(st.lists(st.integers(0, 60), max_size=300), st.integers(2, 40))
def test_memory_is_bounded_and_the_newest_half_is_always_known(keys: list[int], entries_max: int) -> None:
    """Two generations: the older is dropped when the younger is full."""
    seen = Seen(entries_max)
    for at, key in enumerate(keys):
        seen.put(str(key).encode(), seen.get(str(key).encode()) | 1)
        assert len(seen) <= entries_max
        recent = list(dict.fromkeys(reversed(keys[: at + 1])))[: entries_max // 2]
        assert all(seen.get(str(one).encode()) for one in recent)


@given(st.binary(max_size=300), st.sampled_from([b"", logs()[:80], transaction()[-300:], block(5, 1)[:90]]))
def test_any_bytes_are_raced(data: bytes, head: bytes) -> None:
    """The scans never fail."""
    passed, _ = raced(("a", head + data))
    assert passed == [("a", head + data)]


def test_every_shared_create_frame_has_its_signature() -> None:
    """Real frames, as a provider writes them."""
    path = Path(__file__).parents[4] / "shared" / "frames" / "create.jsonl.gz"
    if not path.exists():
        pytest.skip("../shared is absent: no recorded frames to read")
    with gzip.open(path) as file:
        lines = file.read().splitlines()
    for line in lines:
        value = json.loads(line)["params"]["result"]["value"]
        assert value["err"] is None
        assert logs_key(line) == (value["signature"].encode(), LOGS)
