"""`sniperforge doctor venues` as a stranger runs it: a table, JSON, exit codes, and one line for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from sniperforge.dex.venues import VENUES
from tests.e2e.command import SHARED, one_line, run
from tests.unit.coordinate.test_canary_reading import MESSAGE, TRADE, body, message_of


def changed() -> dict[str, object]:
    """A swap with an account more in front."""
    return body(message_of(TRADE._replace(accounts=(TRADE.accounts[-1], *TRADE.accounts))))


def test_recordings_of_years_are_no_alarm() -> None:
    if not (SHARED / "mainnet").exists():
        pytest.skip("../shared/mainnet is not here")
    result = run("doctor", "venues", "--from", str(SHARED / "mainnet"))
    assert (result.code, result.err) == (0, "")
    shown = result.out.decode().splitlines()
    assert all(len(line) <= 80 for line in shown)
    assert [line.split()[0] for line in shown[2:12]] == list(VENUES)
    assert "DIFFERS" not in result.out.decode()


def test_a_difference_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    (tmp_path / "swap.json").write_text(json.dumps(changed()))
    result = run("doctor", "venues", "--from", str(tmp_path / "swap.json"), "--venue", "raydium_cpmm")
    assert result.code == 1
    text = " ".join(result.out.decode().split())
    assert "1 files, 0 of them without a swap or pool of these venues" in text
    assert (
        "DIFFERS raydium_cpmm, account 1 (authority): expected GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL, found"
        in text
    )
    assert "stop trading on raydium_cpmm, then compare our table of that instruction with the newest IDL" in text


def test_machines_get_one_object_a_venue_also_from_a_pipe() -> None:
    given = json.dumps(body(MESSAGE)).encode()
    result = run("doctor", "venues", "--from", "-", "--json", "-v", "raydium_cpmm", "-v", "pumpfun", given=given)
    assert (result.code, result.err) == (0, "")
    first, second = map(orjson.loads, result.out.splitlines())
    assert (first["venue"], first["equal"], second["venue"], second["compared"]) == ("raydium_cpmm", 1, "pumpfun", 0)


def test_a_file_that_cannot_be_read_is_one_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"method": 7}')
    (tmp_path / "b.json").write_text(json.dumps(body(MESSAGE)))
    result = run("doctor", "venues", "--from", str(tmp_path))
    assert result.code == 1
    assert one_line(result.err).startswith(f"sniperforge: {tmp_path}/a.json:1: not a message this reads")
    assert b"raydium_cpmm             1     1" in result.out


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        ((), 2, "--rpc: missing; give an endpoint to ask, or --from with recorded transactions"),
        (("--from", "/nowhere.json"), 2, "/nowhere.json: No such file or directory; give a file that can be read"),
        (("--from", "-", "--venue", "pumpfn"), 2, "--venue pumpfn: no such choice; did you mean 'pumpfun'?"),
        (("--rpc", "nowhere"), 3, "--rpc: must start with http:// or https://"),
    ],
    ids=["nothing", "no file", "no venue", "no url"],
)
def test_what_cannot_be_is_one_line(arguments: tuple[str, ...], code: int, line: str, tmp_path: Path) -> None:
    result = run("doctor", "venues", *arguments, cwd=tmp_path)
    assert (result.code, result.out) == (code, b"")
    assert one_line(result.err).startswith(f"sniperforge: {line}")
    assert list(tmp_path.iterdir()) == []


def test_an_endpoint_that_is_not_there_is_told_for_its_venue(tmp_path: Path) -> None:
    result = run("doctor", "venues", "--rpc", "http://127.0.0.1:9/?api-key=SECRET", "-v", "pumpfun", cwd=tmp_path)
    assert result.code == 4
    assert b"pumpfun            unknown" in result.out
    assert b"getAccountInfo failed 4 times" in result.out
    assert b"SECRET" not in result.out + result.err.encode()
    assert (tmp_path / "sniperforge-doctor.json").read_bytes() == b"{}\n"
