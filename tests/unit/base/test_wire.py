"""Every message survives both its forms; what is not a message is refused by name."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base import wire
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Event, Pool, event_id
from sniperforge.base.units import Pubkey

KEYS = st.binary(min_size=32, max_size=32).map(Pubkey)
TEXT = st.text(max_size=20)
NUMBERS = st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1)


def _strategy(hint: Any) -> st.SearchStrategy[Any]:
    if hint is Pubkey:
        return KEYS
    if hint is Pool:
        return _struct(Pool)
    plain = {
        int: NUMBERS,
        str: TEXT,
        bool: st.booleans(),
        dict[str, Pubkey]: st.dictionaries(TEXT, KEYS, max_size=3),
        dict[str, int]: st.dictionaries(TEXT, NUMBERS, max_size=3),
        dict[str, str]: st.dictionaries(TEXT, TEXT, max_size=3),
        tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple),
    }
    return plain[hint]


def _struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: _strategy(hints[name]) for name in kind.__struct_fields__})


EVENTS = st.one_of([_struct(kind) for kind in wire.TAGS])


@given(event=EVENTS)
def test_every_message_survives_both_forms(event: Event) -> None:
    assert wire.decode(wire.TAGS[type(event)], wire.encode(event)) == event
    assert wire.from_json(wire.to_json(event)) == event


def test_tags_are_unique_and_fit_an_interest_mask() -> None:
    assert len(wire.TYPES) == len(wire.TAGS) == len(wire.NAMES)
    assert all(1 < tag < 64 for tag in wire.TYPES)


def test_unknown_fields_are_skipped_and_missing_defaults_filled() -> None:
    line = orjson.dumps({"type": "BotStarted", "bot": "a", "colour": "red"})
    assert wire.to_json(wire.from_json(line)) == wire.to_json(wire.NAMES["BotStarted"](bot="a"))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b'{"type":"Nope"}', "type 'Nope' is unknown"),
        (b'{"type":"BotStarted"}', "BotStarted.bot is missing"),
        (b'{"type":"BotStarted","bot":5}', "BotStarted: "),
        (b'{"type":"TokenWanted","mint":5}', "TokenWanted.mint must be str, got int"),
        (b'{"type":"TokenWanted","mint":"0OIl"}', "not a base58 public key"),
    ],
)
def test_what_is_no_message_is_refused_by_name(line: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        wire.from_json(line)


def test_a_record_of_another_schema_is_refused() -> None:
    with pytest.raises(DecodeError, match="record type 63"):
        wire.decode(63, b"")
    with pytest.raises(DecodeError, match=r"PoolCreated: .*restart both"):
        wire.decode(2, b"\x90")


@given(tag=st.sampled_from(sorted(wire.TYPES)), payload=st.binary(max_size=200))
def test_any_record_decodes_or_is_refused(tag: int, payload: bytes) -> None:
    try:
        assert isinstance(wire.decode(tag, payload), Event)
    except DecodeError as refusal:
        assert "restart both" in str(refusal)


def test_an_id_is_stable_and_exact_in_a_browser() -> None:
    assert event_id("launch", b"\x01" * 32) == event_id("launch", b"\x01" * 32)
    assert event_id("launch", "a", "bc") != event_id("launch", "ab", "c")
    assert 0 <= event_id("order", 7, "x") < 1 << 53
