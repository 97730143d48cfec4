"""The signer is opened from settings: a named key, or on paper one that the seed makes; never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sniperforge.base.errors import ConfigError
from sniperforge.base.keys import text
from sniperforge.chain import keystore
from sniperforge.chain.keystore import KeyUnusable
from sniperforge.coordinate.settings import CoordinateSettings, PaperSettings
from sniperforge.coordinate.wallet import open_signer, read_keys, read_tables
from tests.unit.coordinate.stand import VENUES, name_key

SECRET = keystore.from_seed(bytes(range(32)))


def test_paper_makes_its_wallet_of_the_seed() -> None:
    first, again, other = (
        open_signer(CoordinateSettings(paper=PaperSettings(seed=seed)), VENUES, ()).wallet for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_named_key_file_is_the_wallet(tmp_path: Path) -> None:
    path = tmp_path / "id.json"
    path.write_text(json.dumps(list(SECRET.reveal())))
    path.chmod(0o600)
    assert open_signer(CoordinateSettings(keypair=str(path)), VENUES, ()).wallet == SECRET.public_key


def test_a_keystore_opens_with_the_named_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store"
    keystore.write(path, SECRET, passphrase=b"open sesame", scrypt_n=1 << 10)
    monkeypatch.setenv("SNIPER_PASS", "open sesame")
    settings = CoordinateSettings(keypair=str(path), keystore_passphrase="env:SNIPER_PASS")
    assert open_signer(settings, VENUES, ()).wallet == SECRET.public_key
    with pytest.raises(KeyUnusable, match="the variable is not set"):
        open_signer(settings, VENUES, ())


def test_programs_are_the_venues_and_those_named() -> None:
    named = name_key("mine")
    signer = open_signer(CoordinateSettings(programs=(text(named),)), VENUES, (name_key("tips"),))
    assert {named, VENUES["raydium_cpmm"].program} <= signer._policy.programs
    assert name_key("tips") in signer._targets
    assert name_key("stranger") not in signer._policy.programs


def test_a_text_that_is_no_address_names_its_setting() -> None:
    with pytest.raises(ConfigError, match=r"coordinate\.programs: 'x'"):
        read_keys("coordinate.programs", ("x",))


def test_lookup_tables_are_read_with_what_they_hold() -> None:
    """In the order of the settings, since a message names places."""
    held = tuple(text(name_key(f"held {number}")) for number in range(3))
    (table,) = read_tables({text(name_key("table")): held})
    assert (table.address, [text(one) for one in table.keys]) == (name_key("table"), list(held))


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ({"x": ("a",)}, r"coordinate\.lookup_tables: 'x'"),
        ({text(name_key("t")): ("y",)}, rf"coordinate\.lookup_tables\.{text(name_key('t'))}: 'y'"),
    ],
)
def test_a_table_that_cannot_be_names_its_setting(named: dict[str, tuple[str, ...]], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        open_signer(CoordinateSettings(lookup_tables=named), VENUES, ())
