"""Foreign JSON values: the same bytes from every spelling, or DecodeError."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.detect import values
from sniperforge.detect.values import DATA_BYTES_MAX
from tests.unit.detect.fakes import PROGRAM
from tests.unit.detect.wire_forms import base58

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=10,
)


@given(raw=st.binary(max_size=200))
def test_base58_goes_both_ways(raw: bytes) -> None:
    """Also with zero bytes in front, and over more letters than one chunk."""
    text = base58(raw)
    assert values.base58(text) == raw
    assert values.base58_text(raw) == text


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "ä", "a b", "1" * (DATA_BYTES_MAX * 2)])
def test_what_is_not_base58_is_refused(text: str) -> None:
    """Letters outside the alphabet, and more than any instruction holds."""
    with pytest.raises(DecodeError, match="base58"):
        values.base58(text)


@pytest.mark.parametrize(
    "spelled",
    [
        list(PROGRAM),
        {"type": "Buffer", "data": list(PROGRAM)},
        {str(at): byte for at, byte in enumerate(PROGRAM)},
        base64.b64encode(PROGRAM).decode(),
        PROGRAM,
    ],
)
def test_bytes_in_every_spelling(spelled: object) -> None:
    """A list, a Node Buffer, a printed typed array, protobuf's base64, and bytes themselves."""
    assert values.blob(spelled, text_is_base64=True) == PROGRAM
    assert values.public_key(spelled) == PROGRAM


def test_text_is_base58_where_json_rpc_speaks() -> None:
    """The same field is base64 in a protobuf printed as JSON."""
    assert values.blob(base58(b"hello"), text_is_base64=False) == b"hello"
    assert values.blob({}, text_is_base64=False) == b""


@pytest.mark.parametrize(
    "odd",
    [
        None,
        5,
        True,
        "not base64!",
        [256],
        [-1],
        ["x"],
        {"1": 2},
        {"type": "Buffer", "data": "x"},
        [0] * (DATA_BYTES_MAX + 1),
    ],
)
def test_what_is_no_byte_string_is_refused(odd: object) -> None:
    """By what it is instead."""
    with pytest.raises(DecodeError):
        values.blob(odd, text_is_base64=True)


def test_keys_and_signatures() -> None:
    """A key also as jsonParsed's object; both also as text."""
    assert values.public_key(keys.text(PROGRAM)) == PROGRAM
    assert values.public_key({"pubkey": keys.text(PROGRAM), "signer": True}) == PROGRAM
    raw = bytes(range(64))
    assert values.signature_text(base58(raw)) == base58(raw)
    assert values.signature_text(list(raw)) == base58(raw)
    assert values.signature_text(base64.b64encode(raw).decode()) == base58(raw)


@pytest.mark.parametrize("odd", ["", "x" * 63, "x" * 91, "-" * 88, "ä" * 70, [1] * 63, None, 7])
def test_what_is_no_signature_is_refused(odd: object) -> None:
    """By length, letters or kind."""
    with pytest.raises(DecodeError):
        values.signature_text(odd)


@pytest.mark.parametrize("odd", ["", "x", [1] * 31, {"pubkey": {"pubkey": "x"}}, None])
def test_what_is_no_key_is_refused(odd: object) -> None:
    """Nesting an object in its own field leads nowhere deeper."""
    with pytest.raises(DecodeError):
        values.public_key(odd)


@pytest.mark.parametrize(("value", "number"), [(0, 0), ("356582144", 356582144), (2**64 - 1, 2**64 - 1)])
def test_whole_numbers(value: object, number: int) -> None:
    """Protobuf prints a u64 as text."""
    assert values.whole(value, what="slot") == number


@pytest.mark.parametrize("odd", [-1, 2**64, True, 1.5, "1.5", "", "²", "9" * 21, None, []])
def test_what_is_no_whole_number_is_refused(odd: object) -> None:
    """The field's name is in the refusal."""
    with pytest.raises(DecodeError, match="slot is"):
        values.whole(odd, what="slot")


def test_lists_of_objects_are_bounded() -> None:
    """None is an empty list; longer, mixed or other things are refused."""
    assert values.objects(None, what="rows", length_max=1) == []
    assert values.objects([{}], what="rows", length_max=1) == [{}]
    odd: object
    for odd in ([{}, {}], [1], {}, "x"):
        with pytest.raises(DecodeError, match="rows is not a list"):
            values.objects(odd, what="rows", length_max=1)


def test_objects_and_their_two_spellings() -> None:
    """camelCase first, then snake_case."""
    assert values.object_of({"a": 1}, what="meta") == {"a": 1}
    with pytest.raises(DecodeError, match="meta is list"):
        values.object_of([], what="meta")
    assert values.either({"fooBar": 1, "foo_bar": 2}, "fooBar", "foo_bar") == 1
    assert values.either({"foo_bar": 2}, "fooBar", "foo_bar") == 2


@given(value=JSON)
def test_any_json_is_read_or_refused(value: object) -> None:
    """Nothing but DecodeError comes out of any reader."""
    for read in (
        lambda: values.blob(value, text_is_base64=True),
        lambda: values.blob(value, text_is_base64=False),
        lambda: values.public_key(value),
        lambda: values.signature_text(value),
        lambda: values.whole(value, what="x"),
        lambda: values.objects(value, what="x", length_max=3),
    ):
        with contextlib.suppress(DecodeError):
            read()
