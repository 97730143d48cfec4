"""Flags, mints, deploy slots and pool accounts are read from every form, or not at all; no bytes break it."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.coordinate.canary import Difference, Flags, Swap, compare
from sniperforge.coordinate.canary_forms import forms, stand_in
from sniperforge.coordinate.canary_reading import (
    UPGRADEABLE_LOADER,
    deploy_slot,
    program_data_of,
    read_accounts,
    read_pool,
    read_swaps,
)
from sniperforge.detect.values import base58_text
from sniperforge.dex import pumpfun, pumpswap, raydium_cpmm
from sniperforge.dex.programs import TOKEN
from sniperforge.dex.venue import Instruction, Venue
from sniperforge.dex.venues import VENUES
from sniperforge.trading.transaction import compile_message
from tests.unit.coordinate.stand import name_key
from tests.unit.coordinate.test_canary import HELD
from tests.unit.coordinate.test_canary_forms import trade_of

FORM = next(form for form in forms(raydium_cpmm.VENUE) if form.name == "swap_base_input")
TRADE = trade_of(FORM)
PAYER = stand_in("user")
SIGNATURE = base58_text(bytes(range(1, 65)))
CONFIG = stand_in("amm_config")


def message_of(*instructions: Instruction) -> bytes:
    return compile_message(PAYER, instructions, bytes(32))


def body(message: bytes, **meta: object) -> dict[str, Any]:
    """getTransaction's answer in base64."""
    raw = b"\1" + bytes(range(1, 65)) + message
    told: dict[str, object] = {
        "err": None,
        "innerInstructions": [],
        "logMessages": [],
        "preTokenBalances": [],
        "postTokenBalances": [],
    }
    encoded = [base64.b64encode(raw).decode(), "base64"]
    return {"slot": 77, "blockTime": 1, "transaction": encoded, "meta": {**told, **meta}, "version": "legacy"}


def keys_of(message: bytes) -> list[Pubkey]:
    return [Pubkey(message[4 + 32 * at : 36 + 32 * at]) for at in range(message[3])]


def plain(message: bytes, *, parsed: bool = False, snake: bool = False) -> dict[str, Any]:
    """The same as json, or with the keys as jsonParsed prints them."""
    keys = keys_of(message)
    required, signed, unsigned = message[:3]
    flags = [
        (at < required, at < required - signed if at < required else at < len(keys) - unsigned)
        for at in range(len(keys))
    ]
    rows: list[object] = [text(key) for key in keys]
    if parsed:
        rows = [{"pubkey": text(k), "signer": s, "writable": w} for k, (s, w) in zip(keys, flags, strict=True)]
    names = ("numRequiredSignatures", "numReadonlySignedAccounts", "numReadonlyUnsignedAccounts")
    if snake:
        names = ("num_required_signatures", "num_readonly_signed_accounts", "num_readonly_unsigned_accounts")
    instruction = {
        "programIdIndex": keys.index(TRADE.program),
        "accounts": [keys.index(meta.key) for meta in TRADE.accounts],
        "data": base58_text(TRADE.data),
    }
    made = body(message)
    inside: dict[str, Any] = {"accountKeys": rows, "instructions": [instruction], "recentBlockhash": text(ZERO_KEY)}
    if not parsed:
        inside["header"] = dict(zip(names, message[:3], strict=True))
    made["transaction"] = {"signatures": [SIGNATURE], "message": inside}
    return made


def read(document: object, venues: tuple[str, ...] = ("raydium_cpmm",)) -> list[Swap]:
    return read_swaps(json.dumps(document).encode(), source="test", venues=venues)


MESSAGE = message_of(TRADE)


@pytest.mark.parametrize(
    "document",
    [
        body(MESSAGE),
        {"jsonrpc": "2.0", "id": 1, "result": body(MESSAGE)},
        plain(MESSAGE),
        plain(MESSAGE, parsed=True),
        plain(MESSAGE, snake=True),
        {"blockTime": 5, "parentSlot": 76, "transactions": [body(MESSAGE)]},
    ],
    ids=["base64", "envelope", "json", "jsonParsed", "snake_case", "block"],
)
def test_a_swap_is_read_with_its_flags_from_every_form(document: dict[str, Any]) -> None:
    (swap,) = read(document)
    assert (swap.signature, swap.slot, swap.payer) == (SIGNATURE, 77, PAYER)
    assert swap.accounts == tuple(meta.key for meta in TRADE.accounts)
    assert {meta.key: Flags(meta.signer, meta.writable) for meta in TRADE.accounts if meta.key != PAYER} == {
        key: flags for key, flags in swap.flags.items() if key not in (PAYER, TRADE.program)
    }
    assert CONFIG in swap.own
    assert PAYER not in swap.own  # whoever pays is a writable signer in every transaction
    assert compare(swap).verdict == "equal"


def test_an_account_another_instruction_lists_is_not_its_own() -> None:
    other = Instruction(name_key("another"), (TRADE.accounts[2]._replace(writable=True),), b"")
    (swap,) = read(body(message_of(TRADE, other)))
    assert CONFIG not in swap.own
    assert swap.flags[CONFIG] == Flags(False, True)


def test_looked_up_accounts_and_token_balances_belong_to_their_keys() -> None:
    """Two tables' keys follow the static ones: writable first; balances count in that space."""
    document = plain(MESSAGE)
    keys = keys_of(MESSAGE)
    more = [name_key("w"), name_key("r")]
    document["meta"]["loadedAddresses"] = {"writable": [text(more[0])], "readonly": [text(more[1])]}
    mint = name_key("mint")
    document["meta"]["preTokenBalances"] = [{"accountIndex": len(keys) + 1, "mint": text(mint)}, {"mint": text(mint)}]
    document["meta"]["postTokenBalances"] = [
        {"accountIndex": 0, "mint": text(mint)},
        {"accountIndex": 999, "mint": "x"},
    ]
    (swap,) = read(document)
    assert swap.flags[more[0]] == Flags(False, True)
    assert swap.flags[more[1]] == Flags(False, False)
    assert swap.mints == {more[1]: mint, keys[0]: mint}


def test_what_its_events_tell_comes_with_the_swap() -> None:
    form = next(form for form in forms(pumpfun.VENUE) if form.name == "buy_v2")
    trade = trade_of(form)
    creator = name_key("creator")
    event = bytes.fromhex("bddb7fd34ee661ee") + bytes(32 + 17 + 32 + 24)  # as of 2024, up to the virtual reserves
    event += bytes(16) + name_key("recipient") + bytes(16) + creator + bytes(16)
    logs = [
        f"Program {text(trade.program)} invoke [1]",
        f"Program data: {base64.b64encode(event).decode()}",
        f"Program {text(trade.program)} success",
    ]
    (swap,) = read(body(message_of(trade), logMessages=logs), ("pumpfun",))
    assert swap.told["creator"] == creator


@pytest.mark.parametrize(
    "change",
    [{"err": {"InstructionError": [0, "Custom"]}}],
)
def test_a_failed_transaction_shows_nothing(change: dict[str, object]) -> None:
    assert read(body(MESSAGE, **change)) == []


def test_another_venue_and_another_instruction_are_no_swaps() -> None:
    assert read(body(MESSAGE), ("pumpfun",)) == []
    deposit = TRADE._replace(data=bytes.fromhex("f223c68952e1f2b6") + bytes(24))
    assert read(body(message_of(deposit))) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one["transaction"]["message"].pop("header"),
        lambda one: one["transaction"]["message"]["header"].update(numRequiredSignatures="x"),
        lambda one: one["meta"].update(postTokenBalances=[{"accountIndex": 0, "mint": 7}]),
    ],
    ids=["no header", "no number", "no mint"],
)
def test_where_the_flags_cannot_be_read_the_swap_has_none(spoil: Any) -> None:
    document = copy.deepcopy(plain(MESSAGE))
    spoil(document)
    (swap,) = read(document)
    assert (dict(swap.flags), dict(swap.mints)) == ({}, {})
    assert compare(swap).verdict == "equal"


@pytest.mark.parametrize(
    "deep", [{"meta": {}, "transaction": "text"}, [[[[[[[[[{}]]]]]]]]], {"meta": {}, "transaction": {}}]
)
def test_what_stands_beside_a_transaction_is_passed_over(deep: object) -> None:
    """A block's other values may look like transactions, or nest without end."""
    document = {"blockTime": 5, "parentSlot": 76, "transactions": [body(MESSAGE)], "extra": deep}
    (swap,) = read(document)
    assert CONFIG in swap.flags
    message_only = {"meta": {}, "transaction": {"signatures": [SIGNATURE], "message": {"accountKeys": 5}}}
    assert len(read({**document, "extra": [message_only]})) == 1


def bare(**changes: object) -> dict[str, object]:
    rows = [{"pubkey": text(m.key), "is_signer": m.signer, "is_writable": m.writable} for m in TRADE.accounts]
    return {"accounts": rows, "program_id": text(TRADE.program), "data": TRADE.data.hex(), **changes}


def test_a_bare_instruction_is_a_swap_of_no_slot() -> None:
    (swap,) = read(bare())
    assert (swap.signature, swap.slot, swap.payer, len(swap.own)) == ("", 0, ZERO_KEY, 0)
    assert swap.flags[CONFIG] == Flags(False, False)
    assert compare(swap).verdict == "equal"
    assert read(bare(program_id=text(TOKEN))) == []
    assert read(bare(accounts=None)) == []
    assert read(["program_id"]) == []


@pytest.mark.parametrize(
    "change", [{"data": "xyz"}, {"accounts": [{"key": 1}]}, {"accounts": [7]}, {"program_id": "0"}]
)
def test_what_is_no_instruction_is_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        read(bare(**change))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_document_is_read_or_refused(data: st.DataObject) -> None:
    """A byte changed, a piece cut out: swaps, or a DecodeError, and nothing else."""
    whole = json.dumps(data.draw(st.sampled_from([body(MESSAGE), plain(MESSAGE), plain(MESSAGE, parsed=True), bare()])))
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.integers(0, 6))
    spoiled = whole[:at] + data.draw(st.text(max_size=4)) + whole[at + length :]
    try:
        found = read_swaps(spoiled.encode(), source="test", venues=VENUES)
    except DecodeError:
        return
    for swap in found:
        compare(swap)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 1 << 70) | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["header", "accountKeys", "signatures", "message", "mint"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(["header", "accountKeys", "signatures"]),
)
def test_any_value_at_any_place_is_read_or_refused(value: object, place: str) -> None:
    document = copy.deepcopy(plain(MESSAGE))
    inside = document["transaction"]
    (inside if place == "signatures" else inside["message"])[place] = value
    try:
        read(document)
    except DecodeError:
        return


# ── accounts ──────────────────────────────────────────────────────────────


def test_the_slot_of_the_last_deploy() -> None:
    place = name_key("program data")
    program = (2).to_bytes(4, "little") + place
    assert program_data_of(UPGRADEABLE_LOADER, program) == place
    assert program_data_of(name_key("another loader"), b"\x7fELF") is None
    data = (3).to_bytes(4, "little") + (435_888_000).to_bytes(8, "little") + b"\1" + bytes(32)
    assert deploy_slot(data) == deploy_slot(data[:12]) == 435_888_000


@pytest.mark.parametrize("raw", [b"", (2).to_bytes(4, "little") + bytes(31), (3).to_bytes(4, "little") + bytes(32)])
def test_what_is_no_program_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="ask another node"):
        program_data_of(UPGRADEABLE_LOADER, raw)


@pytest.mark.parametrize("raw", [b"", (3).to_bytes(4, "little") + bytes(7), (1).to_bytes(4, "little") + bytes(41)])
def test_what_is_no_program_data_is_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError, match="ask another node"):
        deploy_slot(raw)


def test_a_pool_account_of_another_size_is_a_difference() -> None:
    """Yesterday's layout, or tomorrow's: the line says both sizes and what to do."""
    found = read_pool(raydium_cpmm.VENUE, bytes(700))
    assert isinstance(found, Difference)
    assert (found.field, found.found) == ("pool account", "raydium_cpmm: pool_state is 700 bytes, layout says 637")
    assert found.cure.startswith("it is another account, or the program was upgraded")


#: Bytes of each venue's pool account, and where it starts (AMM v4's with its status).
POOLS = {
    "meteora_damm_v2": (1112, "f19a6d0411b16dbc"),
    "meteora_dbc": (424, "d5e005d16245775c"),
    "meteora_dlmm": (904, "210b3162b565b10d"),
    "orca_whirlpool": (653, "3f95d10ce1806309"),
    "pumpfun": (125, "17b7f83760d8ac60"),
    "pumpswap": (271, "f19a6d0411b16dbc"),
    "raydium_amm_v4": (752, "0600000000000000"),
    "raydium_clmm": (1544, "f7ede3f5d7c3de46"),
    "raydium_cpmm": (637, "f7ede3f5d7c3de46"),
    "raydium_launchlab": (429, "f7ede3f5d7c3de46"),
}


@pytest.mark.parametrize("venue", VENUES.values(), ids=list(VENUES))
def test_every_venues_pool_account_is_measured_and_names_its_keys(venue: Venue) -> None:
    """The names the comparison looks for are those of our layouts; a byte less is told as a difference."""
    size, head = POOLS[venue.name]
    raw = bytes.fromhex(head).ljust(size, b"\0")
    keys = read_pool(venue, raw)
    assert isinstance(keys, dict)
    assert set(HELD[venue.name].values()) <= set(keys)
    if venue.name not in ("pumpfun", "pumpswap"):  # their older accounts are shorter
        assert isinstance(read_pool(venue, raw[:-1]), Difference)
        assert isinstance(read_pool(venue, raw + b"\0"), Difference)
    one = {"owner": text(venue.program), "data": [base64.b64encode(raw).decode(), "base64"]}
    assert found_in(one) == ([] if venue.name == "raydium_amm_v4" else [venue.name])


def curve(tail: bytes = b"") -> bytes:
    return bytes.fromhex("17b7f83760d8ac60") + bytes(40) + b"\0" + name_key("creator") + tail


def found_in(document: object) -> list[str]:
    return [venue.name for venue, _ in read_accounts(json.dumps(document).encode())]


def test_pools_accounts_are_found_wherever_they_stand() -> None:
    """Dumps, answers, state files; other kinds of accounts and other programs' are passed over."""
    one = {"owner": text(pumpfun.PROGRAM), "data": [base64.b64encode(curve()).decode(), "base64"]}
    assert found_in(one) == found_in({"pubkey": "x", "account": one}) == found_in({"a": one}) == ["pumpfun"]
    assert found_in({"result": {"value": [one, None, one]}}) == ["pumpfun", "pumpfun"]
    assert found_in({**one, "owner": text(TOKEN)}) == found_in({**one, "data": ["", "base64"]}) == []
    assert found_in([[[[[[[[[[one]]]]]]]]]]) == []
    ((_, keys),) = read_accounts(json.dumps(one).encode())
    assert isinstance(keys, dict)


@pytest.mark.parametrize("changes", [{"owner": "0"}, {"data": ["%", "base64"]}])
def test_an_account_that_is_none_is_refused(changes: dict[str, object]) -> None:
    one = {"owner": text(pumpfun.PROGRAM), "data": ["", "base64"], **changes}
    with pytest.raises(DecodeError):
        found_in(one)
    with pytest.raises(DecodeError, match="not JSON"):
        read_accounts(b"{")


def test_a_pools_account_tells_its_keys() -> None:
    keys = read_pool(pumpfun.VENUE, curve())
    assert isinstance(keys, dict)
    assert keys["creator"] == name_key("creator")


def test_room_nobody_uses_is_no_difference_and_bytes_in_it_are_one() -> None:
    """pump.fun's curves were made larger before anything was written there."""
    room = bytes(200)
    assert isinstance(read_pool(pumpfun.VENUE, curve(room)), dict)
    found = read_pool(pumpfun.VENUE, curve(room + b"\1"))
    assert isinstance(found, Difference)
    assert found.found == "282 bytes, in use behind byte 125"


@pytest.mark.parametrize(
    ("venue", "known", "flag"),
    [(pumpfun.VENUE, 125, "is_holder_reward"), (pumpswap.VENUE, 271, "is_holder_reward")],
    ids=["pumpfun", "pumpswap"],
)
def test_what_is_known_of_an_account_ends_with_its_last_field(venue: Venue, known: int, flag: str) -> None:
    head = {"pumpfun": "17b7f83760d8ac60", "pumpswap": "f19a6d0411b16dbc"}[venue.name]
    raw = bytes.fromhex(head) + bytes(known - 9) + b"\1"
    name, module = ("BondingCurve", pumpfun) if venue is pumpfun.VENUE else ("Pool", pumpswap)
    assert module.decode_account(name, raw).ints[flag] == 1
    assert isinstance(read_pool(venue, raw), dict)
    assert isinstance(read_pool(venue, raw + b"\1"), Difference)
