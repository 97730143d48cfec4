"""Settings outside their range are refused by name; options of the command line by what to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from sniperforge.base.errors import ConfigError, UsageError
from sniperforge.chain.localnet.settings import LocalNetSettings, read_clone, read_program

KEY = "So11111111111111111111111111111111111111112"


def test_the_defaults_are_a_validators() -> None:
    """Port 8899, slots of 400 ms, 150 of them for a blockhash; nothing is lost."""
    settings = LocalNetSettings().check()
    assert (settings.port, settings.slot_ms, settings.blockhash_slots) == (8899, 400, 150)
    assert (settings.drop_ppm, settings.delay_ppm) == (0, 0)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("slot_ms", 20, 19),
        ("slot_ms", 60_000, 60_001),
        ("port", 65_535, 65_536),
        ("drop_ppm", 1_000_000, 1_000_001),
        ("blockhash_slots", 300, 301),
        ("history_slots", 400, 399),
        ("queue_max", 1, 0),
    ],
)
def test_a_range_binds_at_its_edge(name: str, good: int, bad: int) -> None:
    """The last value passes, the next is named with what to choose."""
    assert getattr(replace(LocalNetSettings(), **{name: good}).check(), name) == good
    with pytest.raises(ConfigError, match=rf"localnet\.{name}: is {bad}; choose"):
        replace(LocalNetSettings(), **{name: bad}).check()


def test_final_does_not_come_before_confirmed() -> None:
    """The order of commitments holds."""
    with pytest.raises(ConfigError, match="a slot is confirmed before it is final"):
        LocalNetSettings(confirmed_after=5, finalized_after=4).check()


def test_programs_and_clones_are_read_from_options() -> None:
    """A URL may carry a key with = in it."""
    assert read_program(f"{KEY}=a/b=c.so") == (KEY, Path("a/b=c.so"))
    assert read_clone(f"https://x.org/?api-key=k={KEY},{KEY}") == ("https://x.org/?api-key=k", (KEY, KEY))


@pytest.mark.parametrize("argument", ["", KEY, f"{KEY}=", "x=y.so"])
def test_a_wrong_program_option_is_refused(argument: str) -> None:
    """One line that says the form."""
    with pytest.raises(UsageError, match="--program"):
        read_program(argument)


@pytest.mark.parametrize("argument", ["", KEY, f"ftp://x={KEY}", "http://x=", "http://x=short"])
def test_a_wrong_clone_option_is_refused(argument: str) -> None:
    """One line that says the form."""
    with pytest.raises(UsageError, match="--clone"):
        read_clone(argument)
