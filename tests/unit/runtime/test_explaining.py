"""Explaining: events and frames are read to the end whatever is among them, and what is shown fits a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from sniperforge.base import wire
from sniperforge.base.events import BundleSeen, Frame, PoolCreated
from sniperforge.bots.explanation import Explainer, Explanation, judge_for
from sniperforge.dex.programs import TOKEN
from sniperforge.feeds.ndjson import frame_line
from sniperforge.runtime import explaining
from sniperforge_cli import frames
from tests.unit.bots.market import SOL, START, launch_of, pool_of

SHARED = Path(__file__).resolve().parents[4] / "shared"


def cpmm(number: int, **fields: Any) -> PoolCreated:
    """A launch that a bot of defaults waits for the mint of."""
    pool = msgspec.structs.replace(pool_of(number), venue="raydium_cpmm", numbers={"trade_fee_rate": 2_500})
    assert pool.base_program == TOKEN
    return msgspec.structs.replace(launch_of(pool), **fields)


def explained(launch: PoolCreated, **filters: Any) -> Explanation:
    seen = Explainer(judge_for("liquidity_sniper", {"filters": filters}, ""), lambda _launch: True)
    seen.on(launch, launch.ts_ns)
    (found,) = seen.explanations()
    return found


def text_of(found: Explanation) -> list[str]:
    lines = list(explaining.lines(found))
    assert [line for line in lines if len(line) > 80 or not line.isprintable()] == []
    return lines


# ── reading ───────────────────────────────────────────────────────────────


def test_events_are_read_with_their_time_and_what_is_none_is_told(tmp_path: Path) -> None:
    """The rest of the file goes on."""
    launch = launch_of(pool_of(1))
    frame = orjson.dumps({"type": "Frame", "v": 1, "ts_ns": START, "data": {}})
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n".join([b"{}x", b"", wire.to_json(launch), frame, b""]))
    told: list[str] = []
    assert list(explaining.told_in(str(path), told.append)) == [(launch, START)]
    assert [line.removeprefix(str(path)).partition(": ")[0] for line in told] == [":1", ":4"]
    assert told[1].endswith("a frame, not an event; give the file with --frames")


def test_frames_become_the_events_of_detection(tmp_path: Path) -> None:
    """Also those that are told when no more frames come."""
    source = SHARED / "frames" / "create.jsonl.gz"
    if not source.exists():
        pytest.skip("../shared/frames is not here")
    told: list[str] = []
    kinds = {type(event).__name__ for event, _now_ns in explaining.seen_in(str(source), told.append)}
    assert {"PoolCreated", "CreatorKnown", "BundleSeen"} <= kinds
    assert told == []
    (tmp_path / "bad.ndjson").write_bytes(b"nonsense\n")
    assert list(explaining.seen_in(str(tmp_path / "bad.ndjson"), told.append)) == []
    assert len(told) == 1 and "bad.ndjson:1: " in told[0]


def test_a_quiet_recording_has_time_too(tmp_path: Path) -> None:
    """The slot of a launch ends though the next frame was recorded a minute later."""
    second = 10**9
    data = [*(launch.frame for launch in frames.launches(1, 1)), next(frames.trades(1, 1))]
    stamped = [Frame(item, START + number * 60 * second, "tape") for number, item in enumerate(data)]
    (tmp_path / "day.ndjson").write_bytes(b"".join(frame_line(frame) + b"\n" for frame in stamped))
    told = list(explaining.seen_in(str(tmp_path / "day.ndjson"), pytest.fail))
    (bundle,) = [now_ns for event, now_ns in told if isinstance(event, BundleSeen)]
    assert START + 2 * second <= bundle < START + 3 * second


# ── showing ───────────────────────────────────────────────────────────────


def test_a_launch_that_passes_says_so() -> None:
    """And that nothing was required."""
    lines = text_of(explained(cpmm(1), mint_authority="allow", freeze_authority="allow"))
    assert lines[0] == "raydium_cpmm  Coin (COIN)"
    assert lines[4:] == ["verdict  passed", "setting  yes  no setting speaks against it", "require  nothing"]


def test_a_refusal_stands_with_everything_that_speaks_against_it() -> None:
    """Settings first; the tree tells its own verdict on every row."""
    found = explained(
        cpmm(1, late=True),
        venues=["pumpfun", "pumpswap", "raydium_launchlab", "raydium_clmm", "meteora_dbc", "orca_whirlpool"],
        require={"any": [{"age_ms": {"min": 5}}, {"not": {"mutable_metadata": True}}], "late": False},
    )
    assert text_of(found)[4:] == [
        "verdict  refused by venues: seen raydium_cpmm, allowed meteora_dbc,",
        "         orca_whirlpool, pumpfun, pumpswap, raydium_clmm, raydium_launchlab",
        "setting  no   venues: seen raydium_cpmm, allowed meteora_dbc, orca_whirlpool,",
        "         pumpfun, pumpswap, raydium_clmm, raydium_launchlab",
        "setting  no   late: seen late, allowed live frames only",
        "require",
        "no   all of",
        "?      any of",
        "no       age_ms              0        min 5",
        "?        not",
        "?          mutable_metadata  unknown  is true",
        "no     late                  true     is false",
    ]


@pytest.mark.parametrize(
    ("filters", "launch", "verdict"),
    [
        ({}, cpmm(1), "waits for its mint account; the input ends here"),
        (
            {"require": {"any": [{"late": False}, {"mutable_metadata": False}], "creator_rugged": 0}},
            cpmm(1),
            "waits for creator_rugged; the input ends here",
        ),
        (
            {"mint_authority": "allow", "freeze_authority": "allow"},
            cpmm(1, open_time=START // 10**9 + 9),
            "waits for its opening; the input ends here",
        ),
    ],
)
def test_what_a_launch_waits_for_is_named(filters: dict[str, Any], launch: PoolCreated, verdict: str) -> None:
    """Not what a decided group does not know."""
    assert text_of(explained(launch, **filters))[4] == f"verdict  {verdict}"


def test_strangers_texts_and_long_choices_keep_to_the_screen() -> None:
    """A name with an escape sequence, a uri of 500 letters, a list of keys."""
    keys = ["So11111111111111111111111111111111111111112", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"]
    launch = cpmm(1, name="\x1b[31m" + "n" * 90, symbol="", uri="u" * 500)
    require = {"creator": keys, "uri": {"matches": "u" * 200}, "name": {"in": ["a"]}}
    lines = text_of(explained(launch, require=require))
    assert lines[0].startswith("raydium_cpmm  ?[31mnnn")
    assert '("")' in lines[0]
    assert any(line.strip().startswith("in So111") and line.endswith("…") for line in lines)
    long = text_of(explained(cpmm(1, name="", symbol=""), name_require="z" * 200))
    assert long[0] == "raydium_cpmm"
    assert any(line.endswith("z…") for line in long)


def test_machines_get_values_not_words() -> None:
    """Integers are integers, unknown is null."""
    found = explained(cpmm(1), require={"quote_reserve_units": {"min": 5}, "creator_rugged": 0})
    told = explaining.as_json(found)
    assert (told["verdict"], told["waits_for"], told["refusal"]) == ("waits", ["creator_rugged"], None)
    assert told["require"] == [
        {"depth": 0, "path": "require", "label": "all of", "truth": None},
        {
            "depth": 1,
            "path": "require.quote_reserve_units",
            "label": "quote_reserve_units",
            "truth": True,
            "allowed": "min 5",
            "value": 100 * SOL,
        },
        {
            "depth": 1,
            "path": "require.creator_rugged",
            "label": "creator_rugged",
            "truth": None,
            "allowed": "is 0",
            "value": None,
        },
    ]
    refused = explaining.as_json(explained(cpmm(1), venues=["pumpfun"]))
    one = {"filter": "venues", "values": {"seen": "raydium_cpmm", "allowed": "pumpfun"}}
    assert (refused["verdict"], refused["refusal"], refused["settings_against"]) == ("refused", one, [one])
    passed = explaining.as_json(explained(cpmm(1), mint_authority="allow", freeze_authority="allow"))
    assert (passed["verdict"], passed["require"]) == ("passed", [])


def test_the_facts_are_listed_by_who_tells_them() -> None:
    """Each once, within the screen."""
    lines = list(explaining.fact_lines())
    assert [line for line in lines if len(line) > 80 or "…" in line] == []
    assert lines[0] == "PoolCreated:"
    assert "PoolCreated, TokenInspected:" in lines and "BundleSeen:" in lines
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(names) == sorted(str(fact["name"]) for fact in explaining.facts_json())
    (mutable,) = [fact for fact in explaining.facts_json() if fact["name"] == "mutable_metadata"]
    assert (mutable["kind"], mutable["told_by"]) == ("boolean", "MetadataInspected")
