"""Account lists keep order and flags; keys derive themselves once, and only when listed."""

from __future__ import annotations

import pytest

from sniperforge.base.units import Pubkey
from sniperforge.dex.account_table import Keys, accounts, build
from sniperforge.dex.venue import AccountMeta, Instruction

ONE, TWO, PROGRAM = Pubkey(b"\x01" * 32), Pubkey(b"\x02" * 32), Pubkey(b"\x03" * 32)


def test_a_table_keeps_order_and_flags() -> None:
    """As the IDL prints it."""
    table = accounts("pool:w user:sw mint signer:s")
    assert table == (("pool", False, True), ("user", True, True), ("mint", False, False), ("signer", True, False))


def test_an_instruction_is_built_in_the_tables_order() -> None:
    """An account may stand in it twice."""
    built = build(PROGRAM, accounts("a:w b:s a"), {"a": ONE, "b": TWO}, b"data")
    metas = (AccountMeta(ONE, writable=True), AccountMeta(TWO, signer=True), AccountMeta(ONE))
    assert built == Instruction(PROGRAM, metas, b"data")


def test_a_missing_key_is_derived_once_and_a_known_one_never() -> None:
    """A derivation costs 11 µs."""
    calls: list[str] = []

    def two(keys: Keys) -> Pubkey:
        calls.append("two")
        assert keys["one"] == ONE
        return TWO

    keys = Keys({"two": two, "one": two}, {"one": ONE})
    assert (keys["two"], keys["two"], keys["one"]) == (TWO, TWO, ONE)
    assert calls == ["two"]


def test_a_name_without_a_rule_is_a_bug_and_raises() -> None:
    """Never an account of zeros."""
    with pytest.raises(KeyError):
        build(PROGRAM, accounts("nobody"), Keys({}, {}), b"")
