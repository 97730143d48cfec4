"""A table is read as it is written, and an older form of its bytes shows the fields it has and no others."""

from __future__ import annotations

import pytest

from sniperforge.base.errors import DecodeError
from sniperforge.dex import name_table


def test_a_table_is_read_as_it_is_written() -> None:
    """Arguments, optional ones, two lists of accounts, and a line that goes on."""
    table = name_table.table(
        "toy",
        "11111111111111111111111111111111",
        instructions="""
one 01
( amount:u64 /
  late:u8
= first
  second *more
= first
two 02
""",
    )
    one = table.instructions[b"\x01"]
    assert [form.names for form in one.forms] == [("first", "second"), ("first",)]
    assert one.forms[0].rest == "more"
    assert one.decode(bytes(8), 0).ints == {"amount": 0}
    assert one.decode(bytes(9), 0).ints == {"amount": 0, "late": 0}
    assert one.decode(bytes(11), 0).tail == 2
    assert table.events == {}
    assert table.instructions[b"\x02"].decode(b"", 0).end == 0
    with pytest.raises(DecodeError):
        one.decode(bytes(3), 0)


def test_a_layout_with_a_type_nobody_described_is_refused() -> None:
    with pytest.raises(DecodeError, match="no type 'Unknown'"):
        name_table.table("toy", "11111111111111111111111111111111", instructions="", events="E 00\n( a:Unknown\n")
