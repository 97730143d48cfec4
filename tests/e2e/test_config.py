"""What cannot work is refused in lines a person can act on, with the exit code of its kind; nothing is lost by it."""

from __future__ import annotations

import functools
import os
import select
import sqlite3
import subprocess
from pathlib import Path

import orjson
import pytest

from tests.e2e.command import PATIENCE_S, ROOT, SNIPERFORGE, environment, one_line, run
from tests.e2e.test_pipes import tape

GOOD = """
[[feed.tapes]]
path = "day.ndjson"
[[bots]]
name = "b"
[bots.filters]
age_ms_max = 500
"""


def checked(tmp_path: Path, text: str, *verb: str) -> tuple[int, list[str]]:
    (tmp_path / "x.toml").write_text(text)
    result = run(*(verb or ("config", "check")), "x.toml", cwd=tmp_path)
    assert "Traceback" not in result.err
    return result.code, [line.removeprefix("sniperforge: ") for line in result.err.splitlines()]


@pytest.mark.parametrize("path", sorted((ROOT / "configs").iterdir()), ids=lambda path: path.name)
def test_every_example_is_good(path: Path) -> None:
    result = run("config", "check", str(path))
    assert (result.code, result.err) == (0, "")
    assert result.out.decode().startswith(f"{path}: good; ")


@pytest.mark.parametrize("verb", [("config", "check"), ("config", "show"), ("up",)])
def test_an_unknown_key_is_named_by_file_line_full_path_and_nearest(tmp_path: Path, verb: tuple[str, ...]) -> None:
    code, lines = checked(tmp_path, GOOD.replace("age_ms_max", "age_ms_mx"), *verb)
    assert code == 3
    assert lines == ["x.toml:7: bots[0].filters.age_ms_mx: unknown key; did you mean 'age_ms_max'?"]


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD
        + '[run]\ndrain_s = -1\npinn = true\n[detect]\nvenues = ["pumpfn"]\n[coordinate]\nprograms = ["x"]\n[zzz]\n'
    )
    code, lines = checked(tmp_path, text)
    assert code == 3
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == [
        "zzz",
        "run.pinn",
        "run.drain_s",
        "detect.venues[0]",
        "coordinate.programs[0]",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = = 1", "x.toml: not TOML: "),
        ("", "x.toml: feed: there is neither an endpoint nor a tape; add "),
        (GOOD.replace('"b"', '"b c"'), "x.toml:5: bots[0].name: a bot needs a name; "),
        (GOOD + '[[bots]]\nname = "b"\n', "x.toml:9: bots[1].name: 'b' is taken; "),
        (GOOD + '[[bots]]\nname = "c"\nbot = "snipr"\n', "x.toml:10: bots[1].bot: 'snipr' is no kind of bot; "),
        (GOOD + '[coordinate]\nexecution = "rpc"\n', "x.toml:8: coordinate.rpc: is empty with execution"),
        (
            GOOD + '[[feed.endpoints]]\nurl = "http://h"\n',
            "x.toml:9: feed.endpoints[0].url: scheme 'http' is ",
        ),
        ("run = 3\n" + GOOD, "x.toml:1: run: expected a table; write [run]"),
        ("bots = 3\n[[feed.tapes]]\npath = 'x'\n", "x.toml:1: bots: expected an array of tables; write [[bots]]"),
    ],
)
def test_a_file_that_cannot_work_says_where_and_what_to_do(tmp_path: Path, text: str, line: str) -> None:
    code, lines = checked(tmp_path, text)
    assert code == 3
    assert [found.startswith(line) for found in lines] == [True], lines


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    for path, problem in [
        ("nowhere.toml", "No such file"),
        (".", "Is a directory"),
        ("x.toml", "is not text in UTF-8"),
    ]:
        result = run("up", path, cwd=tmp_path)
        assert result.code == 3
        assert problem in one_line(result.err)


def test_the_environment_lies_over_the_file_and_show_prints_what_is_in_force(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        GOOD + '[coordinate]\nrpc = "https://host/SECRETVALUE0123456789/?api-key=SECRETVALUE"\n'
    )
    result = run("config", "show", "x.toml", cwd=tmp_path, env={"SNIPERFORGE__COORDINATE__PAPER__SEED": "7"})
    assert (result.code, result.err) == (0, "")
    shown = orjson.loads(result.out)
    assert shown["coordinate"]["paper"]["seed"] == 7
    assert shown["coordinate"]["rpc"] == "https://host/***/?api-key=***"
    assert shown["bots"][0]["filters"]["age_ms_max"] == 500
    assert shown["bots"][0]["exits"]["time_stop_s"] == 900
    assert shown["run"]["clock"] == "system"
    assert "SECRET" not in result.out.decode()


def test_real_money_needs_the_file_and_the_command_line_to_agree(tmp_path: Path) -> None:
    live = GOOD + '[coordinate]\nexecution = "rpc"\nrpc = "https://host"\nkeypair = "k"\nlive = true\n'
    code, lines = checked(tmp_path, live, "up")
    assert (code, lines) == (
        3,
        ["x.toml:12: coordinate.live: is true but --live was not given; add --live to trade for real"],
    )
    code, lines = checked(tmp_path, GOOD, "up", "--live")
    assert code == 3
    assert "--live was given but coordinate.live is not true" in lines[0]
    code, lines = checked(tmp_path, live.replace("live = true", ""))
    assert (code, lines[0][:60]) == (3, "x.toml:10: coordinate.rpc: https://host:443 is not this machine; "[:60])
    result = run("coordinate", "--venue", "rpc", "--rpc", "https://host", "--keypair", "k", "--live", cwd=tmp_path)
    assert result.code == 3
    assert "--live was given" in one_line(result.err)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("detect", "--in", "nowhere"), 3, "nowhere: cannot be opened: No such file or directory; check the path"),
        (("detect", "--in", "."), 3, ".: cannot be opened: Is a directory; check the path"),
        (("snipe", "--in", "nowhere"), 3, "nowhere: cannot be opened"),
        (("detect", "--in", "-", "--out", "no/where"), 3, "no/where: cannot be opened: No such file"),
        (("detect", "--in", "ring:frames"), 4, "ring "),
        (("snipe", "--bot", "snipr"), 3, "--bot: 'snipr' is no kind of bot; known: "),
        (("snipe", "--set", "filters.age_ms=1"), 3, "sniper.filters.age_ms: unknown key; did you mean 'age_ms_max'?"),
        (("snipe", "--set", "positions_max=many"), 3, "sniper.positions_max: expected `int`, got `str`"),
        (("feed", "--source", "http://h"), 3, "source 'http://h' is not a known kind of source"),
        (("feed", "--source", "wss://h:x/#logs"), 3, "source "),
        (("feed", "--source", "tape:nowhere"), 3, "tape nowhere: cannot be opened"),
        (("feed", "--source", "tape:x?speed=fast"), 3, "source 'tape:x?speed=fast': speed=fast is not a speed"),
        (("detect", "--rpc", "ftp://h"), 3, "--rpc: must start with http:// or https://"),
        (("coordinate", "--journal", "no/where/j"), 3, "no/where/j: cannot open"),
        (("coordinate", "--venue", "rpc"), 3, "coordinate.rpc: is empty"),
        (("detect", "--in", "/dev/null", "--out", "/dev/full"), 0, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_opened_or_understood_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, line: str
) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert result.code == code, result.err
    if code:
        assert one_line(result.err).replace("': is", "' is").startswith(f"sniperforge: {line}")


def test_a_full_disk_is_one_line_and_unavailable() -> None:
    result = run("detect", "--out", "/dev/full", given=tape(1))
    assert result.code == 4
    assert one_line(result.err).startswith("sniperforge: /dev/full: cannot be written: No space left on device; ")


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (orjson.dumps(list(range(64))), 0o644, "open to others|mode"),
        (orjson.dumps(list(range(63))), 0o600, "holds 63 bytes, a keypair has 64"),
        (b"not json", 0o600, "not a JSON array of bytes"),
        (b'["a"]', 0o600, "not a JSON array of bytes|holds"),
        (orjson.dumps([0] * 64), 0o600, "public half does not belong"),
        (b"", 0o600, "not a JSON array of bytes|empty"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_one_line_without_its_content(
    tmp_path: Path, content: bytes, mode: int, problem: str
) -> None:
    path = tmp_path / "wallet.json"
    path.write_bytes(content)
    path.chmod(mode)
    result = run("coordinate", "--keypair", "wallet.json", cwd=tmp_path)
    assert result.code == 3
    line = one_line(result.err)
    assert line.startswith("sniperforge: wallet.json: ")
    assert any(part in line for part in problem.split("|")), line
    assert "1, 2, 3" not in line
    assert "1,2,3" not in line


# ── the journal ───────────────────────────────────────────────────────────


@functools.cache
def intents() -> bytes:
    """Return what a bot says to three launches; its positions stay open."""
    return run("snipe", "--set", "cooldown_ms=0", given=run("detect", given=tape(3)).out).out


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Return a journal with orders in it."""
    result = run("coordinate", "--journal", "journal", given=intents(), cwd=tmp_path)
    assert result.code == 0
    assert result.types()["PositionChanged"]
    assert rows(tmp_path / "journal")
    return tmp_path / "journal"


def rows(path: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT order_id, state FROM orders ORDER BY sequence").fetchall()


def test_a_journal_of_the_future_is_refused_and_left_alone(journal: Path) -> None:
    with sqlite3.connect(journal) as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE key = 'schema'")
    before = rows(journal)
    result = run("coordinate", "--journal", str(journal))
    assert result.code == 3
    assert "schema 99, this version reads" in one_line(result.err)
    assert rows(journal) == before


def test_a_journal_another_process_holds_is_refused_and_left_alone(journal: Path) -> None:
    holder = subprocess.Popen(
        [SNIPERFORGE, "coordinate", "--journal", str(journal)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert holder.stdout is not None
    assert select.select([holder.stdout], [], [], PATIENCE_S)[0]
    assert b"PositionChanged" in holder.stdout.readline()  # it has read the journal and tells what it holds
    before = rows(journal)
    result = run("coordinate", "--journal", str(journal))
    assert result.code == 3
    assert "another coordinator holds it" in one_line(result.err)
    assert rows(journal) == before
    holder.communicate(timeout=PATIENCE_S)
    assert holder.returncode == 0


def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("do not touch " * 100)
    result = run("coordinate", "--journal", str(path))
    assert result.code == 3
    assert "not a usable journal" in one_line(result.err)
    assert path.read_text() == "do not touch " * 100


def test_orders_are_not_lost_nor_repeated_by_a_malformed_line_or_a_second_run(journal: Path) -> None:
    """The same intents again, with nonsense between them: every order is known, none is sent twice."""
    before = rows(journal)
    given = b"\nnonsense\n".join(intents().splitlines())
    result = run("coordinate", "--journal", str(journal), given=given)
    assert result.code == 0
    assert "Traceback" not in result.err
    assert [order for order, _ in rows(journal)] == [order for order, _ in before]


def test_the_folder_of_a_temporary_journal_is_gone_afterwards(tmp_path: Path) -> None:
    result = run("coordinate", env={"TMPDIR": str(tmp_path)})
    assert result.code == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names are what counts
