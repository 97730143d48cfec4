"""One file names a whole system: defaults, file and environment over each other, checked before a start."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sniperforge.base.config import ConfigErrors
from sniperforge.base.errors import ConfigError
from sniperforge.bots.liquidity_sniper import LiquiditySniper, SniperSettings
from sniperforge.dex.venues import VENUES
from sniperforge.feeds.settings import Endpoint, Tape
from sniperforge.runtime.topology import TABLES, Topology, check_live, load, make_bot, parse, shown

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
MINT = "So11111111111111111111111111111111111111112"
TAPE = '[[feed.tapes]]\npath = "a/day.ndjson"\n'
WALLET = "So11111111111111111111111111111111111111112"


def read(text: str, **environment: str) -> Topology:
    return parse(text, "x.toml", environment)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    return str(caught.value).splitlines()


def test_defaults_are_enough_but_for_a_source() -> None:
    topology = read(TAPE)
    assert topology.run.instance == "default"
    assert topology.coordinate.journal == "run/sniperforge-journal.sqlite"
    assert topology.bots == ()


def test_the_feed_subscribes_to_the_venues_that_are_detected() -> None:
    chosen = read(TAPE + '[detect]\nvenues = ["pumpfun"]\n').feed_settings()
    assert chosen.programs == (VENUES["pumpfun"].program,)
    assert read(TAPE).feed_settings().programs == tuple(venue.program for venue in VENUES.values())
    assert chosen.rpc is None
    assert read(TAPE + '[feed]\nrpc = "http://h"\n').feed_settings().rpc == "http://h"


def test_accounts_need_somebody_to_ask_who_made_them() -> None:
    """An endpoint of accounts without an RPC is refused; with one it is told which accounts."""
    text = '[[feed.endpoints]]\nurl = "wss://h"\nkind = "program"\n'
    assert problems(text) == [
        "x.toml:3: feed.endpoints[0].kind: shows accounts, and there is no rpc to ask who made them; set feed.rpc"
    ]
    chosen = read(text + '[feed]\nrpc = "http://h"\n[detect]\nvenues = ["raydium_cpmm"]\n').feed_settings()
    (watched,) = chosen.accounts
    assert (watched.program, watched.size) == (VENUES["raydium_cpmm"].program, 637)
    assert len(read(TAPE).feed_settings().accounts) == len(VENUES)


def test_every_source_has_a_name_that_frames_can_carry() -> None:
    text = '[[feed.endpoints]]\nurl = "wss://host/?api-key=k"\n[[feed.endpoints]]\nurl = "wss://host"\nname = "two"\n'
    topology = read(text + TAPE + '[[feed.tapes]]\npath = "-"\n')
    assert topology.source_names() == ["host", "two", "day.ndjson", "stdin", "backfill", "stdin"]


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        (TAPE, "system"),
        (TAPE + 'stamps = "recorded"\n', "event"),
        (TAPE + 'stamps = "recorded"\n[[feed.endpoints]]\nurl = "ws://h"\n', "system"),
        (TAPE + 'stamps = "recorded"\n[run]\nclock = "system"\n', "system"),
        (TAPE + '[run]\nclock = "event"\n', "event"),
    ],
)
def test_the_time_is_a_tapes_only_when_there_is_nothing_else(text: str, clock: str) -> None:
    """Stages on rings never guess: one that resumes behind a backlog would take old launches for fresh ones."""
    assert read(text).run.clock == clock


def test_a_bot_is_made_from_its_table() -> None:
    topology = read(TAPE + '[[bots]]\nname = "a"\npositions_max = 7\n')
    bot = topology.make_bot(topology.bots[0])
    assert isinstance(bot, LiquiditySniper)
    assert bot.name == "a"
    assert bot is not topology.make_bot(topology.bots[0])


def test_a_kind_of_bot_nobody_knows_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^--bot: 'pool_wtch' is no kind of bot; did you mean 'pool_watch'\?"):
        make_bot("pool_wtch", "n", {})
    with pytest.raises(ConfigError, match="known: liquidity_sniper, pool_watch"):
        make_bot("zzz", "n", {})


def test_the_environment_lies_over_the_file() -> None:
    topology = read(TAPE, SNIPERFORGE__RUN__INSTANCE='"other"', SNIPERFORGE__COORDINATE__PAPER__SEED="9", PATH="x")
    assert (topology.run.instance, topology.coordinate.paper.seed) == ("other", 9)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[feed]\n", "x.toml:1: feed: there is neither an endpoint nor a tape; add"),
        (TAPE + "[detct]\n", "x.toml:3: detct: unknown key; did you mean 'detect'?"),
        (TAPE + "zz = 1\n[qqq]\n", "x.toml:4: qqq: unknown key; known here: run"),
        ("detect = 1\n" + TAPE, "x.toml:1: detect: expected a table"),
        (TAPE + '[detect]\nvenues = ["pumpfn"]\n', "x.toml:4: detect.venues[0]: 'pumpfn' is not a venue; did you mean"),
        (TAPE + '[detect]\nvenues = ["qqq"]\n', "x.toml:4: detect.venues[0]: 'qqq' is not a venue; known: "),
        (TAPE + TAPE, "x.toml:3: feed.tapes[1]: has the name 'day.ndjson' of another one"),
        (TAPE + '[feed]\nrpc = "h"\n', "x.toml:4: feed.rpc: must start with http://"),
        (TAPE + '[[feed.endpoints]]\nurl = "wss://"\n', "x.toml:4: feed.endpoints[0].url: is not a URL"),
        (TAPE + '[coordinate]\nprograms = ["x"]\n', "x.toml:4: coordinate.programs[0]: 'x' is not a base58"),
        (TAPE + '[coordinate]\ntip_accounts = ["x"]\n', "x.toml:4: coordinate.tip_accounts[0]: 'x' is not"),
        (TAPE + f'[coordinate.lookup_tables]\nx = ["{MINT}"]\n', "x.toml:3: coordinate.lookup_tables: 'x' is not"),
        (
            TAPE + f'[coordinate.lookup_tables]\n{MINT} = ["y"]\n',
            f"x.toml:4: coordinate.lookup_tables.{MINT}[0]: 'y' is not",
        ),
        (TAPE + "[coordinate.paper]\nlatency_ms = []\n", "x.toml:4: coordinate.paper.latency_ms: is empty"),
        (TAPE + '[[bots]]\nname = ""\n', "x.toml:4: bots[0].name: a bot needs a name"),
        (TAPE + "[[bots]]\nname = 3\n", "x.toml:4: bots[0].name: a bot needs a name"),
        (TAPE + '[[bots]]\nname = "a"\n[[bots]]\nname = "a"\n', "x.toml:6: bots[1].name: 'a' is taken"),
        (TAPE + '[[bots]]\nname = "a"\nbot = "zzz"\n', "x.toml:5: bots[0].bot: 'zzz' is no kind of bot"),
        ("bots = 1\n" + TAPE, "x.toml:1: bots: expected an array of tables"),
    ],
)
def test_what_cannot_work_is_told_with_its_place(text: str, line: str) -> None:
    (found, *rest) = problems(text)
    assert found.startswith(line), found
    assert len(rest) == ("zz = 1" in text)


RPC = TAPE + '[coordinate]\nexecution = "rpc"\nkeypair = "k"\nrpc = "http://127.0.0.1:1"\n'


def test_real_money_is_refused_where_the_endpoint_is_another_machine() -> None:
    assert read(RPC + f'ws = "ws://127.0.0.1:2"\nprograms = ["{WALLET}"]\n').coordinate.execution == "rpc"
    (line,) = problems(RPC.replace("http://127.0.0.1:1", "https://h/?api-key=SECRET"))
    assert line.startswith("x.toml:6: coordinate.rpc: https://h:443 is not this machine; ")
    (line,) = problems(RPC + 'ws = "http://h"\n')
    assert line.startswith("x.toml:7: coordinate.ws: must start with ws://")
    (line,) = problems(TAPE + '[coordinate]\nexecution = "rpc"\n')
    assert line.startswith("x.toml:3: coordinate.rpc: is empty")


@pytest.mark.parametrize(("live", "asked", "good"), [(0, 0, True), (1, 1, True), (1, 0, False), (0, 1, False)])
def test_real_money_needs_both_to_say_so(live: int, asked: int, good: bool) -> None:
    coordinate = msgspec.structs.replace(read(TAPE).coordinate, live=bool(live))
    if good:
        check_live(coordinate, asked=bool(asked), where="w")
        return
    with pytest.raises(ConfigError, match=r"^w: .*--live"):
        check_live(coordinate, asked=bool(asked), where="w")


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "No such file"), (b"\xff", "is not text in UTF-8"), (b"a = ", "not TOML")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        load(path, {})


@pytest.mark.parametrize("path", sorted(CONFIGS.iterdir()), ids=lambda path: path.name)
def test_every_example_is_good_and_can_be_shown(path: Path) -> None:
    topology = load(path, {})
    assert msgspec.json.encode(shown(topology))
    assert [topology.make_bot(table).name for table in topology.bots] == [table.name for table in topology.bots]


def test_what_is_shown_holds_no_key_of_a_url_and_every_setting() -> None:
    text = RPC + 'ws = "ws://127.0.0.1:2/?k=SECRETVALUE1"\nkeystore_passphrase = "SECRETVALUE2"\n'
    text += '[feed]\nrpc = "https://h/SECRETVALUE3000000/"\n[[feed.endpoints]]\nurl = "wss://h/?api-key=SECRETVALUE4"\n'
    tables = shown(read(text + '[[bots]]\nname = "a"\n[[bots]]\nname = "w"\nbot = "pool_watch"\n'))
    assert "SECRET" not in str(tables)
    assert (
        tables["feed"]["endpoints"][0]["url"] == "wss://h?api-key=***" or "***" in tables["feed"]["endpoints"][0]["url"]
    )
    assert tables["bots"][0] == {
        "name": "a",
        "bot": "liquidity_sniper",
        **msgspec.to_builtins(SniperSettings()),
    }
    assert set(tables["bots"][1]) == {"name", "bot", "filters"}
    assert tables["coordinate"]["keystore_passphrase"] == "***"
    assert shown(read(RPC + 'keystore_passphrase = "env:X"\n'))["coordinate"]["keystore_passphrase"] == "env:X"


def keys_of(table: Any, path: str = "") -> set[str]:
    """Return the dotted path of every key below *table*; members of arrays count together."""
    if isinstance(table, list):
        return {key for member in table for key in keys_of(member, path)}
    if not isinstance(table, dict):
        return set()
    found = {f"{path}{name}" for name in table}
    return found.union(*(keys_of(value, f"{path}{name}.") for name, value in table.items())) if table else found


def fields_of(kind: type[msgspec.Struct], path: str) -> set[str]:
    return {f"{path}{name}" for name in kind.__struct_fields__}


def test_the_live_example_explains_every_key_there_is() -> None:
    text = (CONFIGS / "live.toml.example").read_text()
    written = keys_of(tomllib.loads(text))
    wanted = keys_of(msgspec.to_builtins({name: kind() for name, kind in TABLES.items()}))
    wanted |= keys_of({"bots": [{"name": "", "bot": "", **msgspec.to_builtins(SniperSettings())}]})
    wanted |= fields_of(Endpoint, "feed.endpoints.") - {""}
    wanted -= {"feed.tapes"}
    assert wanted - written == set()
    for name in Tape.__struct_fields__:  # beside an endpoint a tape stands in comments only
        assert f"# {name} = " in text


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SNIPERFORGE__RUN__INSTANCE", "from-outside")
    assert load(CONFIGS / "paper.toml").run.instance == "from-outside"
