"""`--help` lists what exists and nothing else; every verb explains itself with an example."""

from __future__ import annotations

import re

import pytest

from tests.e2e.command import one_line, run

VERBS = ("feed", "detect", "snipe", "coordinate", "up", "demo", "localnet", "bench", "config")
GROUPS = {"bench": ("decide",), "config": ("check", "show")}
SINGLE: list[tuple[str, ...]] = [(verb,) for verb in VERBS if verb not in GROUPS] + [
    (group, verb) for group in GROUPS for verb in GROUPS[group]
]


def test_the_root_lists_every_verb_that_there_is() -> None:
    result = run("--help")
    assert (result.code, result.err) == (0, "")
    listed = re.findall(r"^  ([a-z]+)  ", result.out.decode().partition("Commands:")[2], re.MULTILINE)
    assert set(VERBS) <= set(listed)
    for verb in listed:
        assert run(verb, "--help").code == 0, verb


def test_no_arguments_show_the_help() -> None:
    result = run()
    assert b"Commands:" in result.out + result.err.encode()
    assert "Traceback" not in result.err


@pytest.mark.parametrize("verb", SINGLE, ids=" ".join)
def test_every_verb_explains_itself_with_an_example(verb: tuple[str, ...]) -> None:
    result = run(*verb, "--help")
    assert (result.code, result.err) == (0, "")
    assert b"sniperforge " + verb[0].encode() in result.out.partition(b"Options:")[0].replace(b"Usage: ", b"", 1)
    if verb[0] != "bench":
        assert b"Example" in result.out


def test_the_version_is_told() -> None:
    result = run("--version")
    assert (result.code, result.err) == (0, "")
    assert re.fullmatch(rb"sniperforge \d+\.\d+\.\d+\n", result.out)


@pytest.mark.parametrize("arguments", [("snip",), ("detect", "--inn", "x"), ("feed",), ("config", "chek", "x")])
def test_a_command_line_that_cannot_be_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert result.out == b""
    assert "Traceback" not in result.err
    assert "Error: " in result.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("detect", "--clock", "foo"), "--clock foo: no such choice; known: auto, event, system"),
        (("detect", "--clock", "systm"), "--clock systm: no such choice; did you mean 'system'?"),
        (("detect", "--trades", "traked"), "--trades traked: no such choice; did you mean 'tracked'?"),
        (("detect", "--venue", "pumpfn"), "--venue pumpfn: no such choice; did you mean 'pumpfun'?"),
        (("feed", "-s", "-", "--venue", "raydium"), "--venue raydium: no such choice; did you mean "),
        (("snipe", "--clock", "x"), "--clock x: no such choice"),
        (("coordinate", "--clock", "x"), "--clock x: no such choice"),
        (("coordinate", "--venue", "papr"), "--venue papr: no such choice; did you mean 'paper'?"),
        (("feed", "-s", "-", "--for", "soon"), "--for soon: no duration; write 90s, 15m or 2h"),
        (("detect", "--for", "-1s"), "--for -1s: no duration"),
        (("snipe", "--for", "nan"), "--for nan: no duration"),
        (("coordinate", "--for", "s"), "--for s: no duration"),
        (("snipe", "--set", "x"), "--set x: no setting; write KEY=VALUE"),
        (("snipe", "--set", "=1"), "--set =1: no setting"),
        (("snipe", "--set", "a..b=1"), "--set a..b=1: no setting"),
        (
            ("snipe", "--set", "cooldown_ms=1", "--set", "cooldown_ms.a=1"),
            "--set cooldown_ms.a=1: cooldown_ms is a value",
        ),
        (("detect", "--in", "/dev/null", "--out", "ring:fills"), "--out ring:fills: this stage writes market, system"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_choice_is_one_line_with_the_nearest_right_one(arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert one_line(result.err).startswith(f"sniperforge: {line}")
