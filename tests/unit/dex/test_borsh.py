"""Borsh tables read exactly what was written, to the last byte, and refuse everything else by DecodeError."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex.borsh import TAIL_MAX, VEC_MAX, Codec, Layout, Structs, decode, decode_at, encode_text

KEY = bytes(range(32))
WIDE: Layout = (("a", "u8"), ("b", "u16"), ("c", "u32"), ("d", "u64"), ("e", "u128"), ("f", "i32"), ("g", "i64"))
OWN = Structs(
    structs={
        "Vesting": (("locked", "u64"), ("cliff", "u16")),
        "Share": (("owner", "pubkey"), ("bps", "u16")),
    },
    enums={"Curve": ((("supply", "u64"), ("kind", "string")), (), (("fee", "u8"),)), "Side": ((), ())},
)


def test_every_integer_width_is_little_endian() -> None:
    """One value per type, at a value that no other width could give."""
    data = b"\xfe" + struct.pack("<HIQ", 0xBEEF, 0xDEADBEEF, 1 << 63) + (1 << 127).to_bytes(16, "little")
    data += struct.pack("<iq", -7, -(1 << 62))
    record = decode(WIDE, data)
    assert record.ints == {
        "a": 0xFE,
        "b": 0xBEEF,
        "c": 0xDEADBEEF,
        "d": 1 << 63,
        "e": 1 << 127,
        "f": -7,
        "g": -(1 << 62),
    }
    assert (record.end, record.tail) == (len(data), 0)


def test_signed_wide_integers_keep_their_sign() -> None:
    """PumpSwap's virtual reserves are i128 and may be negative."""
    raw = (-12345678901234567890).to_bytes(16, "little", signed=True)
    assert decode((("v", "i128"),), raw).ints == {"v": -12345678901234567890}


def test_texts_between_fixed_fields() -> None:
    """A run of fixed fields starts anew after every text."""
    layout: Layout = (("n", "u8"), ("name", "string"), ("key", "pubkey"), ("uri", "string"), ("on", "bool"))
    data = b"\x05" + encode_text("né") + KEY + encode_text("") + b"\x01"
    record = decode(layout, data)
    assert (record.ints, record.keys, record.texts) == ({"n": 5, "on": 1}, {"key": KEY}, {"name": "né", "uri": ""})


def test_a_name_that_is_not_utf8_is_replaced_and_not_refused() -> None:
    """A launch with a broken name still is a launch."""
    assert decode((("name", "string"),), b"\x02\0\0\0\xff\xfe").texts == {"name": "\ufffd\ufffd"}


def test_structs_lie_flat_under_dotted_names() -> None:
    """Nested structs and vectors of structs."""
    codec = Codec((("vest", "Vesting"), ("shares", "vec<Share>"), ("tags", "vec<u16>")), own=OWN)
    data = struct.pack("<QH", 9, 8) + b"\x01\0\0\0" + KEY + b"\x07\0" + b"\x02\0\0\0\x01\0\x02\0"
    record = codec.decode(data)
    assert record.ints == {"vest.locked": 9, "vest.cliff": 8}
    assert [(row.keys["owner"], row.ints["bps"]) for row in record.rows["shares"]] == [(KEY, 7)]
    assert [row.ints[""] for row in record.rows["tags"]] == [1, 2]


@pytest.mark.parametrize(
    ("data", "ints", "texts"),
    [
        (b"\0" + struct.pack("<Q", 5) + encode_text("x"), {"curve": 0, "curve.supply": 5}, {"curve.kind": "x"}),
        (b"\x01", {"curve": 1}, {}),
        (b"\x02\x09", {"curve": 2, "curve.fee": 9}, {}),
    ],
)
def test_enums_tell_their_variant_and_its_payload(data: bytes, ints: dict[str, int], texts: dict[str, str]) -> None:
    """One byte picks the layout that follows."""
    record = Codec((("curve", "Curve"),), own=OWN).decode(data)
    assert (record.ints, record.texts) == (ints, texts)


def test_options_tell_whether_they_are_there() -> None:
    """The flag stands under "name?", the value under its name or dotted ones."""
    codec = Codec((("a", "option<u64>"), ("b", "option<Vesting>"), ("c", "option<u8>")), own=OWN)
    record = codec.decode(b"\x01" + struct.pack("<Q", 3) + b"\x01" + struct.pack("<QH", 1, 2) + b"\0")
    assert record.ints == {"a?": 1, "a": 3, "b?": 1, "b.locked": 1, "b.cliff": 2, "c?": 0}


APPENDED: Layout = (("a", "u64"), ("key", "pubkey"), ("on", "bool"), ("late", "u16"), ("name", "string"), ("z", "i128"))


@pytest.mark.parametrize(("size", "fields"), [(40, 2), (41, 3), (43, 4), (48, 5), (64, 6)])
def test_older_layouts_end_between_two_fields(size: int, fields: int) -> None:
    """Programs append fields: what is missing as a whole reads as zero."""
    data = (struct.pack("<Q", 4) + KEY + b"\x01\x02\0" + encode_text("n") + bytes(15) + b"\x80")[:size]
    record = decode(APPENDED, data, required=2)
    assert record.ints == {
        "a": 4,
        "on": int(fields > 2),
        "late": 2 if fields > 3 else 0,
        "z": -(1 << 127) if fields > 5 else 0,
    }
    assert record.texts == {"name": "n" if fields > 4 else ""}
    assert record.keys == {"key": KEY}


@pytest.mark.parametrize("size", [0, 8, 39, 42, 44, 47, 49, 63])
def test_an_end_inside_a_field_or_before_a_required_one_is_refused(size: int) -> None:
    """Half a field is not an older layout."""
    data = (struct.pack("<Q", 4) + KEY + b"\x01\x02\0" + encode_text("n") + bytes(16))[:size]
    with pytest.raises(DecodeError):
        decode(APPENDED, data, required=2)


def test_missing_fields_of_every_kind_read_as_zero() -> None:
    """Appended vectors, options, keys and enums too."""
    layout: Layout = (
        ("a", "u8"),
        ("v", "vec<u8>"),
        ("o", "option<u8>"),
        ("k", "pubkey"),
        ("e", "Side"),
        ("t", "string"),
    )
    record = Codec(layout, required=1, own=OWN).decode(b"\x01")
    assert record.ints == {"a": 1, "o?": 0, "e": 0}
    assert (record.keys, record.texts, record.rows) == ({"k": ZERO_KEY}, {"t": ""}, {"v": ()})
    assert Codec(layout[:4], required=1, own=OWN).decode(b"\x01\0\0\0\0\0").keys == {"k": ZERO_KEY}


def test_a_tail_is_refused_unless_a_newer_layout_is_allowed() -> None:
    """The last allowed byte passes and is told; one more is refused."""
    layout: Layout = (("a", "u8"),)
    with pytest.raises(DecodeError, match="1 bytes are left"):
        decode(layout, b"\x01\x02")
    assert decode(layout, bytes(1 + TAIL_MAX), tail_max=TAIL_MAX).tail == TAIL_MAX
    with pytest.raises(DecodeError):
        decode(layout, bytes(2 + TAIL_MAX), tail_max=TAIL_MAX)


@pytest.mark.parametrize(
    ("layout", "data"),
    [
        ((("a", "bool"),), b"\x02"),
        ((("o", "option<u8>"),), b"\x02\0"),
        ((("o", "option<u8>"),), b""),
        ((("o", "option<u8>"),), b"\x01"),
        ((("e", "Side"),), b"\x02"),
        ((("v", "vec<u8>"),), b"\x01\0\0"),
        ((("v", "vec<u8>"),), struct.pack("<I", VEC_MAX + 1) + bytes(VEC_MAX + 1)),
        ((("v", "vec<u8>"),), b"\xff\xff\xff\xff"),
        ((("s", "string"),), b"\x01\0\0"),
        ((("s", "string"),), b"\xff\xff\xff\xff"),
    ],
)
def test_impossible_bytes_are_refused(layout: Layout, data: bytes) -> None:
    """Bools, flags, variants and lengths have bounds."""
    with pytest.raises(DecodeError):
        Codec(layout, own=OWN).decode(data)


def test_an_unknown_type_is_refused_when_the_table_is_made() -> None:
    """A typo in a table shows at import, not in a trade."""
    with pytest.raises(DecodeError, match="u46"):
        Codec((("a", "u46"),))


@pytest.mark.parametrize("offset", [-1, 5])
def test_decoding_starts_inside_the_data(offset: int) -> None:
    """No negative index reads from the end."""
    with pytest.raises(DecodeError):
        decode((("a", "u8"),), b"\0\0\0\0", offset)


def test_accounts_are_read_by_offset() -> None:
    """Gaps are skipped, arrays are numbered, and fields beyond the end read as zero."""
    layout = (
        (8, "a", "u64"),
        (20, "on", "bool"),
        (21, "keys", "[pubkey;2]"),
        (85, "wide", "u128"),
        (101, "late", "u8"),
    )
    data = bytes(8) + struct.pack("<Q", 6) + bytes(4) + b"\x01" + KEY + KEY + (7).to_bytes(16, "little")
    record = decode_at(layout, data, size_min=16)
    assert record.ints == {"a": 6, "on": 1, "wide": 7, "late": 0}
    assert record.keys == {"keys.0": KEY, "keys.1": KEY}
    old = decode_at(layout, data[:21], size_min=16)
    assert old.ints == {"a": 6, "on": 1, "wide": 0, "late": 0}
    assert old.keys == {"keys.0": ZERO_KEY, "keys.1": ZERO_KEY}


@pytest.mark.parametrize("size", [15, 22])
def test_an_account_that_is_too_short_or_ends_in_a_field_is_refused(size: int) -> None:
    """Another kind of account must not be read as this one."""
    with pytest.raises(DecodeError):
        decode_at(((8, "a", "u64"), (21, "key", "pubkey")), bytes(size), size_min=16)


@given(data=st.binary(max_size=200))
def test_a_decoder_raises_its_own_error_or_nothing(data: bytes) -> None:
    """Whatever the bytes are."""
    layout: Layout = (("n", "string"), ("c", "Curve"), ("s", "vec<Share>"), ("o", "option<Vesting>"), ("b", "bool"))
    codec = Codec(layout, required=2, own=OWN)
    try:
        record = codec.decode(data, tail_max=TAIL_MAX)
    except DecodeError:
        return
    assert record.end + record.tail == len(data)


@given(st.integers(0, 2**64 - 1), st.text(max_size=40), st.binary(min_size=32, max_size=32), st.booleans())
def test_what_was_written_is_read(number: int, text: str, raw: bytes, flag: bool) -> None:
    """Writing by hand and reading by table agree for any value."""
    layout: Layout = (("n", "u64"), ("t", "string"), ("k", "pubkey"), ("b", "bool"))
    record = decode(layout, struct.pack("<Q", number) + encode_text(text) + raw + bytes([flag]))
    assert (record.ints["n"], record.texts["t"], record.keys["k"], record.ints["b"]) == (number, text, raw, flag)
