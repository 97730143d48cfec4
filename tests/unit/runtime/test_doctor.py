"""Every file is read once, every venue has a row, every line fits 80 columns, and the state is what was well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sniperforge.base.errors import ConfigError, UnavailableError, UsageError
from sniperforge.coordinate.canary import Deployed, Difference, Judged, compare, judge
from sniperforge.dex import raydium_cpmm
from sniperforge.dex.venues import VENUES
from sniperforge.runtime import doctor
from sniperforge.runtime.doctor import (
    STATE_BYTES_MAX,
    Checked,
    as_json,
    check_chain,
    check_recorded,
    lines,
    read_recorded,
    read_state,
    write_state,
)
from tests.unit.coordinate.test_canary import EQUAL, OTHER
from tests.unit.coordinate.test_canary_reading import MESSAGE, TRADE, bare, body, message_of
from tests.unit.coordinate.test_canary_watch import account, pool_state

CPMM = raydium_cpmm.VENUE
ONLY = {"raydium_cpmm": CPMM}


def judged(*swaps: Any, **more: Any) -> Judged:
    return judge(CPMM, [compare(one) for one in swaps], **more)


# ── files ─────────────────────────────────────────────────────────────────


def test_files_and_folders_are_read_and_a_swap_counts_once(tmp_path: Path) -> None:
    """The same transaction in two files is one swap; other files of a folder are left alone."""
    folder = tmp_path / "more" / "deeper"
    folder.mkdir(parents=True)
    (tmp_path / "one.json").write_text(json.dumps(body(MESSAGE)))
    (folder / "same.json").write_text(json.dumps(body(MESSAGE)))
    (folder / "two.ndjson").write_text(
        json.dumps(body(message_of(TRADE._replace(data=TRADE.data[:-1] + b"\7")))) + "\n"
    )
    (folder / "bare.json").write_text(json.dumps(bare(), indent=1))
    (folder / "notes.txt").write_text("not read")
    (folder / "empty.json").write_text("{}")
    found = read_recorded([str(tmp_path / "one.json"), str(tmp_path / "more")], ONLY)
    assert (len(found.swaps), found.files, found.without, found.problems) == (3, 5, 1, ())


def test_what_cannot_be_read_is_told_with_its_place_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(json.dumps(body(MESSAGE)) + '\n{"method": 7}\n')
    (tmp_path / "b.gz").write_bytes(b"\x1f\x8b\x08broken")
    found = read_recorded([str(tmp_path)], ONLY)
    assert len(found.swaps) == 1
    assert [problem.split(": ")[0].removeprefix(f"{tmp_path}/") for problem in found.problems] == ["a.ndjson:2", "b.gz"]


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_recorded([str(tmp_path / "nothing.json")], ONLY)


def test_recorded_pools_are_looked_at(tmp_path: Path) -> None:
    """One as our layout says and one that grew: the second is an alarm, and other venues' are left alone."""
    good, grown = account(CPMM.program, pool_state()), account(CPMM.program, pool_state() + bytes(8))
    (tmp_path / "dump.json").write_text(json.dumps({"pubkey": "x", "account": good}))
    (tmp_path / "answer.json").write_text(json.dumps({"value": [grown, None]}))
    found = read_recorded([str(tmp_path)], ONLY)
    assert (found.without, len(found.pools)) == (0, 2)
    (checked,) = check_recorded(found, ONLY)
    assert checked.judged is not None
    assert checked.judged.pools == 2
    ((difference, swap),) = checked.judged.alarms
    assert (difference.field, swap) == ("pool account", None)
    assert read_recorded([str(tmp_path)], {"pumpfun": VENUES["pumpfun"]}).pools == ()


def test_every_venue_asked_for_has_its_own_swaps(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(body(MESSAGE)))
    checked = check_recorded(read_recorded([str(tmp_path)], VENUES), VENUES)
    assert [one.venue for one in checked] == list(VENUES)
    counts = {one.venue: one.judged.count("equal") for one in checked if one.judged}
    assert counts == {**dict.fromkeys(VENUES, 0), "raydium_cpmm": 1}


# ── endpoint ──────────────────────────────────────────────────────────────


def test_a_venue_that_cannot_be_asked_has_a_problem_and_the_next_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def look(client: object, venue: Any, bounds: Any) -> Judged:
        asked.append((venue.name, bounds))
        if venue.name == "pumpfun":
            raise UnavailableError("there: failed; check the endpoint")
        return judge(venue, [])

    monkeypatch.setattr(doctor, "look", look)
    two = {name: VENUES[name] for name in ("pumpfun", "raydium_cpmm")}
    first, second = check_chain("http://127.0.0.1:1", two, {"raydium_cpmm": 9}, transactions_max=3, seconds_max=1.5)
    assert (first.judged, first.problem) == (None, "there: failed; check the endpoint")
    assert second.judged is not None
    assert asked == [("pumpfun", (3, 1.5, 0)), ("raydium_cpmm", (3, 1.5, 9))]
    with pytest.raises(ConfigError, match="--rpc"):
        check_chain("nowhere", two, {}, transactions_max=1, seconds_max=1)


# ── the state of the last run ─────────────────────────────────────────────


def test_the_first_run_records_and_a_later_one_keeps_what_alarmed(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    assert read_state(path) == {}
    write_state(path, {"pumpfun": 3}, [Checked("raydium_cpmm", judged(EQUAL, deployed=Deployed(70)))])
    assert read_state(path) == {"pumpfun": 3, "raydium_cpmm": 70}
    alarmed = judged(EQUAL, deployed=Deployed(101, 70))
    assert alarmed.alarms
    write_state(path, read_state(path), [Checked("raydium_cpmm", alarmed), Checked("pumpswap", problem="away")])
    assert read_state(path) == {"pumpfun": 3, "raydium_cpmm": 70}
    assert [one.name for one in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["[]", '{"pumpfun": "x"}', "{", "\xff", "1" * (STATE_BYTES_MAX + 1)])
def test_a_state_file_that_is_something_else_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="no deploy slots by venue; name another file, or remove it"):
        read_state(str(path))


def test_a_state_file_that_cannot_be_used_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        read_state(str(tmp_path))
    with pytest.raises(UsageError, match="--state"):
        write_state(str(tmp_path / "missing" / "state.json"), {}, [])


# ── telling ───────────────────────────────────────────────────────────────


def test_the_table_has_a_row_for_each_venue_and_says_what_differs() -> None:
    told = [
        Checked("raydium_cpmm", judged(OTHER, EQUAL._replace(slot=1), deployed=Deployed(435_888_000, 1))),
        Checked(
            "pumpfun", problem="http://there: getAccountInfo failed 4 times, last TimeoutError; check the endpoint"
        ),
        Checked("raydium_amm_v4", judged(EQUAL._replace(data=b"\xff" * 24))),
    ]
    shown = list(lines(told))
    head = ["venue", "compared", "equal", "older", "differing", "not", "compared", "pools", "deployed"]
    assert shown[0].split() == head
    assert shown[1].split() == ["raydium_cpmm", "2", "1", "0", "1", "0", "0", "435888000"]
    assert shown[2].split() == ["pumpfun", "unknown"]
    assert shown[3].split() == ["raydium_amm_v4", "0", "0", "0", "0", "1", "0", "-"]
    text = " ".join(line.strip() for line in shown)
    assert "DIFFERS raydium_cpmm, account 1 (authority): expected " in text
    assert "(slot 100, signature of 100); stop trading on raydium_cpmm, " in text
    assert "DIFFERS raydium_cpmm, deploy slot: expected 1, or a later swap equal to ours, found 435888000;" in text
    assert "pumpfun: http://there: getAccountInfo failed" in text
    assert "1 x ffffffffffffffff not compared: we do not build ffffffffffffffff, only" in text
    assert all(len(line) <= 80 for line in shown)


def test_an_older_form_and_a_bare_instruction_are_told_as_such() -> None:
    older = compare(EQUAL)._replace(verdict="older", reason="an older form: 12 accounts, ours has 13")
    text = " ".join(line.strip() for line in lines([Checked("raydium_cpmm", judge(CPMM, [older]))]))
    assert "raydium_cpmm: 1 x swap_base_input, an older form: 12 accounts, ours has 13" in text
    alone = " ".join(line.strip() for line in lines([Checked("x", judged(OTHER._replace(signature="", slot=0)))]))
    assert "(slot 0, an instruction alone)" in alone


def test_machines_get_every_figure() -> None:
    told = as_json(Checked("raydium_cpmm", judged(OTHER, deployed=Deployed(5, 4))))
    alarms = told.pop("alarms")
    assert told == {
        "venue": "raydium_cpmm",
        "compared": 1,
        "equal": 0,
        "older": 0,
        "differing": 1,
        "not_compared": 0,
        "pools": 0,
        "proven_slot": 0,
        "deploy_slot": 5,
        "deploy_slot_known": 4,
        "notes": [],
        "reasons": {},
    }
    assert isinstance(alarms, list)
    assert [(one["field"], one["slot"]) for one in alarms] == [("account 1 (authority)", 100), ("deploy slot", 0)]
    bare_told = as_json(Checked("x", judged(EQUAL, accounts=[Difference("pool account", "1", "2", "stop")])))
    assert (bare_told["deploy_slot"], bare_told["deploy_slot_known"]) == (0, 0)
    assert as_json(Checked("x", problem="away")) == {"venue": "x", "problem": "away"}
