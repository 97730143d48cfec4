"""The native reader of Borsh gives the records of the plain one, or leaves the bytes to it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.dex._borsh import Plan
from sniperforge.dex.borsh import FIELDS_MAX, TAIL_MAX, Codec, Layout, Record, Structs, encode_text

NAMES = ("u8", "u16", "u32", "u64", "i32", "i64", "bool", "pubkey", "string", "vec<Share>", "vec<u16>")
OWN = Structs(structs={"Share": (("owner", "pubkey"), ("bps", "u16"))})
LAYOUTS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=8).map(
    lambda kinds: tuple((f"f{number}", kind) for number, kind in enumerate(kinds))
)
PIECES = st.sampled_from([b"\0", b"\1", b"\2", bytes(4), bytes(8), bytes(32), b"\1\0\0\0", encode_text("né"), b"\xff"])


class Slow(Codec):
    """A codec that never asks the native reader."""

    def __init__(self, layout: Layout, *, required: int) -> None:
        super().__init__(layout, required=required, own=OWN)
        assert self._plan is not None
        self._plan = None


def told(codec: Codec, data: bytes, tail_max: int) -> Record | str:
    """Return the record, or the refusal's words."""
    try:
        return codec.decode(data, 1, tail_max=tail_max)
    except DecodeError as problem:
        return str(problem)


@given(
    layout=LAYOUTS,
    required=st.integers(0, 8),
    data=st.lists(PIECES | st.binary(max_size=40), max_size=8).map(b"".join),
    tail_max=st.sampled_from([0, 1, TAIL_MAX]),
)
def test_both_readers_agree(layout: Layout, required: int, data: bytes, tail_max: int) -> None:
    """On every layout the native one takes, on any bytes: values, ends, tails and refusals."""
    fast = told(Codec(layout, required=required, own=OWN), b"\0" + data, tail_max)
    assert fast == told(Slow(layout, required=required), b"\0" + data, tail_max)


@given(number=st.integers(-(2**63), 2**63 - 1), small=st.integers(-(2**31), 2**31 - 1), big=st.integers(0, 2**64 - 1))
def test_signs_and_widths_are_kept(number: int, small: int, big: int) -> None:
    """Little endian, two's complement."""
    plan = Plan((("a", "i64", False), ("b", "i32", False), ("c", "u64", False)))
    assert plan.read(struct.pack("<qiQ", number, small, big), 0, 0) == (
        {"a": number, "b": small, "c": big},
        {},
        {},
        {},
        20,
        0,
    )


def test_records_do_not_share_what_they_hold() -> None:
    """The zeros a record starts from are its own."""
    plan = Plan((("a", "u8", True), ("name", "string", True)))
    first = plan.read(b"", 0, 0)
    assert first == ({"a": 0}, {}, {"name": ""}, {}, 0, 0)
    first[0]["a"] = 7
    assert plan.read(b"", 0, 0) == ({"a": 0}, {}, {"name": ""}, {}, 0, 0)


@pytest.mark.parametrize(("data", "at"), [(b"x", 2), (b"x", -1), (b"", 1)])
def test_a_start_outside_is_left_to_the_plain_reader(data: bytes, at: int) -> None:
    """It says so; a start at the end is one."""
    plan = Plan((("a", "u8", True),))
    assert plan.read(data, at, 0) is None
    assert plan.read(data, len(data), 0) is not None


def test_a_length_beyond_the_end_is_left_to_the_plain_reader() -> None:
    """However large."""
    plan = Plan((("name", "string", False),))
    for length in (1, 2**31, 2**32 - 1):
        assert plan.read(struct.pack("<I", length), 0, 0) is None


def test_a_layout_of_many_fields_is_read_plainly() -> None:
    """The native table has its bound."""
    layout = tuple((f"f{number}", "u8") for number in range(FIELDS_MAX + 1))
    assert Codec(layout[:-1])._plan is not None
    assert Codec(layout)._plan is None
    assert sum(Codec(layout).decode(b"\1" * len(layout)).ints.values()) == len(layout)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ([],),
        ((("a", "u8"),),),
        (("a",),),
        ((("a", "u128", False),),),
        ((("a", "", False),),),
        ((("a", "u8", False),) * (FIELDS_MAX + 1),),
        (((b"a", "u8", False),),),
    ],
)
def test_a_table_that_does_not_fit_is_refused(arguments: tuple[object, ...]) -> None:
    """When it is made, not when it is used."""
    with pytest.raises((TypeError, ValueError)):
        Plan(*arguments)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Plan((), name="x")  # type: ignore[call-arg]


@pytest.mark.parametrize("arguments", [(), (b"x", 0), ("x", 0, 0), (b"x", "0", 0), (b"x", 0, 2**70)])
def test_reading_wants_bytes_and_numbers(arguments: tuple[object, ...]) -> None:
    """Anything else is a caller's mistake."""
    with pytest.raises((TypeError, OverflowError)):
        Plan(()).read(*arguments)  # type: ignore[arg-type]
