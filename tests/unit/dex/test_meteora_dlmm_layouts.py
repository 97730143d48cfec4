"""Accounts, events and addresses of Meteora DLMM are read as the official SDK does, or refused."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import key, text
from sniperforge.dex import meteora_dlmm_layouts as layout
from sniperforge.dex.borsh import Record
from sniperforge.dex.programs import pda
from tests.unit.dex.meteora_dlmm_vectors import PAIR, liquidity_event, raw_array, raw_pair, swap2_event, swap_event
from tests.unit.dex.raydium_recordings import SHARED, golden


def _told(record: Record, name: str, expected: object) -> object:
    """Return the value of *name* in the form the vectors write it."""
    if name in record.keys:
        return text(record.keys[name])
    value = record.ints[name]
    if isinstance(expected, bool):
        return bool(value)
    return str(value) if isinstance(expected, str) else value


@pytest.mark.parametrize("case", golden("meteora_dlmm", "event"))
def test_events_decode_as_the_sdk_does(case: Any) -> None:
    """Every field of the three."""
    decoded = layout.decode_event(bytes.fromhex(case["inputs"]["payload_hex"]))
    assert decoded is not None
    name, record = decoded
    assert name == case["op"]
    assert {field: _told(record, field, value) for field, value in case["expected"].items()} == case["expected"]


def _samples() -> list[Any]:
    path = SHARED / "dex" / "golden" / "mainnet_samples.json"
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/dex/golden is absent"), id="absent")]
    cases = json.loads(path.read_text())["cases"]
    return [pytest.param(case, id=case["id"]) for case in cases if case["dex"] == "meteora_dlmm"]


@pytest.mark.parametrize("case", _samples())
def test_recorded_events_decode(case: Any) -> None:
    """As mainnet wrote them in 2024 and 2025."""
    decoded = layout.decode_event(base64.b64decode(case["data_base64"]))
    assert decoded is not None
    name, record = decoded
    assert name == case["event"]
    assert {field: _told(record, field, value) for field, value in case["decoded"].items()} == case["decoded"]


def test_an_unknown_event_is_nobody_s() -> None:
    """A position opened, for one; a known one of another length is an error."""
    assert layout.decode_event(bytes.fromhex("908efc549d352579") + bytes(96)) is None
    for event in (
        swap_event(x_to_y=True, paid=1, got=2),
        swap2_event(x_to_y=True, paid=1, got=2),
        liquidity_event(added=True, x=1, y=2),
    ):
        assert layout.decode_event(event) is not None
        with pytest.raises(DecodeError):
            layout.decode_event(event + b"\0")


@pytest.mark.parametrize("case", golden("meteora_dlmm", "account", "lb_pair"))
def test_pairs_decode_as_the_sdk_does(case: Any) -> None:
    """Parameters, mints, reserves, creator."""
    record = layout.decode_lb_pair(bytes.fromhex(case["inputs"]["data_hex"]))
    assert {field: _told(record, field, value) for field, value in case["expected"].items()} == case["expected"]


@pytest.mark.parametrize("case", golden("meteora_dlmm", "account", "bin_array"))
def test_bin_arrays_decode_as_the_sdk_does(case: Any) -> None:
    """Index, pair, and every bin that holds something."""
    array = layout.decode_bin_array(bytes.fromhex(case["inputs"]["data_hex"]))
    expected = case["expected"]
    assert str(array.place) == str(expected["index"])
    assert text(array.lb_pair) == expected["lb_pair"]
    holding = [
        [place, str(one.amount_x), str(one.amount_y)]
        for place, one in enumerate(array.bins)
        if one.amount_x or one.amount_y
    ]
    assert holding == [row[:3] for row in expected["bins"]]


@pytest.mark.parametrize("case", golden("meteora_dlmm", "pda", "lb_pair"))
def test_addresses_are_the_sdk_s(case: Any) -> None:
    """Pairs of all four kinds, and everything that hangs on one."""
    given_, expected = case["inputs"], case["expected"]
    x, y = key(given_["token_x"]), key(given_["token_y"])
    step = struct.pack("<H", int(given_["bin_step"]))
    factor = struct.pack("<H", int(given_["base_factor"]))
    pair = key(expected["lb_pair_legacy_step_and_factor"])
    derived = {
        "lb_pair_legacy_step_and_factor": layout.pair_address(x, y, after=step + factor),
        "lb_pair_with_preset": layout.pair_address(x, y, before=key(given_["preset_parameter"])),
        "customizable_permissionless_lb_pair": layout.pair_address(y, x, before=layout.CUSTOMIZABLE_BASE),
        "permission_lb_pair": layout.pair_address(x, y, before=key(given_["base"]), after=step),
        "reserve_x": layout.reserve_address(pair, x),
        "reserve_y": layout.reserve_address(pair, y),
        "oracle": layout.oracle_address(pair),
        "bin_array": layout.bin_array_address(pair, int(given_["bin_array_index"])),
        "bin_array_bitmap_extension": layout.bitmap_extension_address(pair),
    }
    of_which = {name: address for name, address in derived.items() if name in expected}
    assert {name: text(address) for name, address in of_which.items()} == expected


def test_constants_are_derived_as_the_program_does() -> None:
    """The event authority is a PDA of a fixed seed."""
    assert pda(layout.PROGRAM, b"__event_authority") == layout.EVENT_AUTHORITY


# ── without recordings ────────────────────────────────────────────────────


def test_liquid_arrays_come_from_both_bitmaps() -> None:
    """512 on each side in the pair's own, the rest in its extension."""
    extension = bytearray(layout.BITMAP_EXTENSION_SIZE)
    extension[:8] = layout.BITMAP_EXTENSION
    extension[40] = 0b101
    extension[40 + 768 + 64] = 0b10
    pair = raw_pair(arrays=(-512, -1, 0, 511))
    assert layout.liquid_arrays(pair) == [-512, -1, 0, 511]
    assert layout.liquid_arrays(pair, bytes(extension)) == [-1026, -512, -1, 0, 511, 512, 514]
    for wrong in (bytes(extension[:-1]), b"\1" + bytes(extension[1:])):
        with pytest.raises(DecodeError):
            layout.liquid_arrays(pair, wrong)


@pytest.mark.parametrize(
    ("decode", "good", "size"),
    [
        (layout.decode_lb_pair, raw_pair(), layout.LB_PAIR_SIZE),
        (layout.decode_bin_array, raw_array(-1, {-1: (5, 6)}), layout.BIN_ARRAY_SIZE),
    ],
)
def test_accounts_of_another_size_or_kind_are_refused(
    decode: Callable[[bytes], object], good: bytes, size: int
) -> None:
    """With what to do about it."""
    assert decode(good)
    for wrong in (good[:-1], good + b"\0", b""):
        with pytest.raises(DecodeError, match=f"layout says {size}"):
            decode(wrong)
    with pytest.raises(DecodeError, match="another kind of account"):
        decode(bytes(size))


def test_numbers_no_pair_can_have_are_refused() -> None:
    """Bins end where the price leaves 64 bits."""
    assert layout.decode_lb_pair(raw_pair(active_id=-443_636))
    with pytest.raises(DecodeError, match="beyond"):
        layout.decode_lb_pair(raw_pair(active_id=443_637))
    with pytest.raises(DecodeError, match="no pair has a bin array"):
        layout.decode_bin_array(raw_array(6_339, {}))


def test_bins_are_numbered_by_their_array() -> None:
    """Floors, also below zero; orders and side as they stand."""
    array = layout.decode_bin_array(raw_array(-1, {-70: (1, 2), -1: (3, 4)}, orders={-1: (5, 6, 1)}, price=9))
    assert array.lb_pair == PAIR
    assert array.bins[0] == (-70, 1, 2, 9, 0, 0, False)
    assert array.bins[69] == (-1, 3, 4, 9, 5, 6, True)
    assert len(array.bins) == 70
    assert [layout.array_of(bin_id) for bin_id in (-71, -70, -1, 0, 69, 70)] == [-2, -1, -1, 0, 0, 1]


@settings(max_examples=60)
@given(data=st.data())
def test_broken_accounts_raise_a_decode_error_or_nothing(data: st.DataObject) -> None:
    """Whatever stands in them."""
    good, decode = data.draw(
        st.sampled_from([(raw_pair(), layout.decode_lb_pair), (raw_array(0, {0: (1, 1)}), layout.decode_bin_array)])
    )
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 20))):
        raw[data.draw(st.integers(8, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DecodeError):
        decode(bytes(raw))
        layout.liquid_arrays(bytes(raw))
