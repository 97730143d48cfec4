"""Parameters are read by name, and anything wrong is -32602 with the reason."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.account_json import Slice, Snapshot
from sniperforge.chain.localnet.bank import CONFIRMED, FINALIZED, PROCESSED
from sniperforge.chain.localnet.params import Options, Params, read_bytes, read_key
from sniperforge.chain.localnet.refusal import Json, RpcRefusal
from sniperforge.dex.programs import TOKEN
from tests.unit.chain.localnet.test_account_json import token

WSOL_TEXT = "So11111111111111111111111111111111111111112"


def test_what_is_absent_has_its_default() -> None:
    """Null and missing are the same, as clients send both."""
    for body in ({}, {"encoding": None, "commitment": None, "limit": None, "flag": None, "dataSlice": None}):
        options = Options(dict(body))
        assert (options.encoding("base64"), options.commitment(), options.number("limit", 7)) == ("base64", 2, 7)
        assert (options.flag("flag", True), options.slice(), options.filters()) == (True, None, ())
    assert Params(None).options(3).body == {}


@pytest.mark.parametrize(
    ("name", "commitment"),
    [("processed", PROCESSED), ("confirmed", CONFIRMED), ("finalized", FINALIZED), ("recent", PROCESSED),
     ("single", CONFIRMED), ("max", FINALIZED)],
)  # fmt: skip
def test_commitments_of_old_and_new_names(name: str, commitment: int) -> None:
    """Libraries of before 2020 still say recent and max."""
    assert Options({"commitment": name}).commitment() == commitment


Ask = Callable[[Options], object]


@pytest.mark.parametrize(
    ("body", "ask", "words"),
    [
        ({"encoding": "morse"}, lambda o: o.encoding("base64"), "none of binary"),
        ({"encoding": 7}, lambda o: o.encoding("base64"), "encoding must be a string"),
        ({"commitment": "soon"}, lambda o: o.commitment(), "none of processed"),
        ({"limit": -1}, lambda o: o.number("limit"), "limit must be an unsigned integer"),
        ({"limit": True}, lambda o: o.number("limit"), "limit must be an unsigned integer"),
        ({"limit": 2**64}, lambda o: o.number("limit"), "limit must be an unsigned integer"),
        ({"flag": 1}, lambda o: o.flag("flag"), "flag must be true or false"),
        ({"rows": {}}, lambda o: o.rows("rows", size_max=2), "rows must be an array"),
        ({"rows": [1, 2, 3]}, lambda o: o.rows("rows", size_max=2), "at most 2"),
        ({"dataSlice": []}, lambda o: o.slice(), "dataSlice must be an object"),
        ({"dataSlice": {"offset": 1}}, lambda o: o.slice(), "needs offset and length"),
        ({"filters": [{}] * 5}, lambda o: o.filters(), "at most 4"),
        ({"filters": [{}]}, lambda o: o.filters(), "a filter is"),
        ({"filters": ["x"]}, lambda o: o.filters(), "a filter is"),
        ({"filters": [{"size": 1}]}, lambda o: o.filters(), "a filter is"),
        ({"filters": [{"memcmp": {"bytes": "0"}}]}, lambda o: o.filters(), r"memcmp\.bytes: '0' is not a base58"),
        ({"filters": [{"memcmp": {"bytes": "z" * 300}}]}, lambda o: o.filters(), r"memcmp\.bytes"),
        (
            {"filters": [{"memcmp": {"bytes": base64.b64encode(bytes(129)).decode(), "encoding": "base64"}}]},
            lambda o: o.filters(), "129 bytes, at most 128",
        ),
        ({"keys": ["x"]}, lambda o: o.keys("keys", size_max=9), "keys: 'x' is not"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named(body: dict[str, Json], ask: Ask, words: str) -> None:
    """Which member, and why."""
    with pytest.raises(RpcRefusal, match=words) as caught:
        ask(Options(body))
    assert caught.value.code == -32602


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda p: p.text(0, "name"), "name must be a string"),
        (lambda p: p.number(1, "size"), "size must be an unsigned integer"),
        (lambda p: p.key(2, "pubkey"), "pubkey must be a base58 public key"),
        (lambda p: p.texts(0, "names", size_max=2), "names must be an array"),
        (lambda p: p.texts(3, "names", size_max=2), "names must hold strings only"),
        (lambda p: p.options(0), "options must be an object"),
    ],
)
def test_a_wrong_parameter_is_named(ask: Callable[[Params], object], words: str) -> None:
    """By its place's name."""
    with pytest.raises(RpcRefusal, match=words):
        ask(Params([7, "x", None, [1]]))


def test_params_are_an_array() -> None:
    """By-name parameters are not Solana's."""
    with pytest.raises(RpcRefusal, match="params must be an array"):
        Params({"a": 1})


def test_filters_hold_for_what_they_say() -> None:
    """Size, bytes at an offset, and being a token account."""
    account = token(5)
    mint: Json = {"memcmp": {"offset": 0, "bytes": base64.b64encode(account.data[:32]).decode(), "encoding": "base64"}}
    asked: list[Json] = [{"dataSize": 165}, mint, "tokenAccountState"]
    filters = Options({"filters": asked}).filters()
    assert [each.holds(account) for each in filters] == [True, True, True]
    other = Snapshot(1, b"\1" * 164, TOKEN, False)
    assert [each.holds(other) for each in filters] == [False, False, False]
    assert Options({"filters": [{"tokenAccountState": None}]}).filters()[0].token_state


def test_a_slice_and_keys_are_read() -> None:
    """Both in their own types."""
    options = Options({"dataSlice": {"offset": 3, "length": 4}, "keys": [WSOL_TEXT]})
    assert options.slice() == Slice(3, 4)
    assert options.keys("keys", size_max=1) == {key(WSOL_TEXT)}
    assert Params([WSOL_TEXT]).key(0, "pubkey") == read_key(WSOL_TEXT, "x")


@pytest.mark.parametrize(("text", "encoding"), [("ZiCa", "base58"), ("YWJj", "base64")])
def test_bytes_are_read_in_both_encodings(text: str, encoding: str) -> None:
    """Base58 and base64 of the same three bytes."""
    assert read_bytes(text, encoding, "x", size_max=3) == b"abc"


@pytest.mark.parametrize(("text", "encoding"), [("0", "base58"), ("?", "base64"), ("YWJj", "morse")])
def test_wrong_bytes_are_named(text: str, encoding: str) -> None:
    """By the parameter's name."""
    with pytest.raises(RpcRefusal, match="blob"):
        read_bytes(text, encoding, "blob", size_max=9)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**65) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_any_filter_is_read_or_refused(value: Json) -> None:
    """No type error leaves the reader."""
    try:
        Options({"filters": [value]}).filters()
    except RpcRefusal as refusal:
        assert refusal.code == -32602


@given(JSON_VALUES)
def test_any_key_is_read_or_refused(value: Json) -> None:
    """No type error leaves the reader."""
    with pytest.raises(RpcRefusal):
        Pubkey(read_key(value, "pubkey"))
