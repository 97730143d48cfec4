"""Every instruction and event of the ten programs has its name, its fields and its accounts; nothing else has one."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.detect.inputs import documents, read_frame
from sniperforge.detect.transaction import Transaction
from sniperforge.dex import instruction_names as names
from sniperforge.dex import pumpfun, pumpswap, raydium_amm_layouts
from sniperforge.dex.programs import ASSOCIATED_TOKEN, SYSTEM, TOKEN, TOKEN_2022
from sniperforge.dex.venue import Step

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
TEN = (
    "pumpfun",
    "pumpswap",
    "raydium_amm_v4",
    "raydium_cpmm",
    "raydium_clmm",
    "raydium_launchlab",
    "meteora_dlmm",
    "meteora_damm_v2",
    "meteora_dbc",
    "orca_whirlpool",
)
TABLES = {table.name: table for table in names.TABLES.values()}
PUMPFUN = TABLES["pumpfun"].program
AMM_V4 = TABLES["raydium_amm_v4"].program
CPMM = TABLES["raydium_cpmm"].program


def transactions() -> Iterator[tuple[str, Transaction]]:
    """Yield every recorded transaction with the name of its folder."""
    for root in ("mainnet", "program_output"):
        for path in sorted((SHARED / root).rglob("*.json")):
            if "accounts" in path.parts or "instructions" in path.parts or path.name.startswith("slots_"):
                continue
            for _, document in documents(path.read_bytes()):
                for reading in read_frame(document):
                    assert isinstance(reading, Transaction), path
                    yield f"{root}/{path.parent.name}", reading


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, Transaction, Step]]:
    if not SHARED.exists():
        pytest.skip("the recordings of ../shared are not here")
    return [(folder, one, step) for folder, one in transactions() for outer in one.steps for step in outer.walk()]


def test_every_recorded_instruction_and_event_of_the_ten_is_named(
    steps: list[tuple[str, Transaction, Step]],
) -> None:
    """0 undecoded: a name, all fields, and a list of accounts that fits; counted by venue and folder."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    undecoded = []
    for folder, transaction, step in steps:
        venue = names.program_name(step.program)
        if venue not in TEN:
            continue
        told = names.instruction(step.program, step.data, step.accounts, step.logs)
        assert told is not None
        if transaction.carries_instructions:
            counted[venue]["instructions"] += 1
            counted[venue][folder] += 1
            if told.problem or not told.name or not told.has_form:
                undecoded.append((folder, venue, told.name, told.problem))
        events = [names.event(step.program, payload) for payload in step.events]
        events += [names.log_event(step.program, line) for line in step.logs]
        for event in events:
            if event is not None:
                counted[venue]["events"] += 1
                if event.problem or not event.name:
                    undecoded.append((folder, venue, event.name, event.problem))
    assert undecoded == []
    assert {venue: (rows["instructions"], rows["events"]) for venue, rows in counted.items()} == {
        "pumpfun": (42, 45),
        "pumpswap": (78, 76),
        "raydium_amm_v4": (351, 201),
        "raydium_cpmm": (9, 6),
        "raydium_clmm": (86, 86),
        "raydium_launchlab": (3, 2),
        "meteora_dlmm": (91, 91),
        "meteora_damm_v2": (4, 5),
        "meteora_dbc": (5, 9),
        "orca_whirlpool": (90, 9),
    }


def test_every_labelled_instruction_has_the_names_of_its_label() -> None:
    """Fifteen instructions whose authors wrote down what each account is: an oracle from outside."""
    paths = sorted((SHARED / "mainnet" / "instructions").glob("*.json"))
    if not paths:
        pytest.skip("the recordings of ../shared are not here")
    for path in paths:
        body = json.loads(path.read_text())
        accounts = tuple(key(one["pubkey"]) for one in body["accounts"])
        told = names.instruction(key(body["program_id"]), bytes.fromhex(body["data"]), accounts)
        assert told is not None
        assert (told.problem, told.has_form) == ("", True), path
        assert path.stem == f"{told.program}__{told.name}_ix"
        for name, one in zip(told.accounts, body["accounts"], strict=True):
            label = re.sub(r"(?<!^)(?=[A-Z])|(?<=[a-z])(?=\d)", "_", one.get("label") or name).lower()
            assert label == name, path
    assert len(paths) == 15


def test_no_byte_of_a_recorded_event_is_unread(steps: list[tuple[str, Transaction, Step]]) -> None:
    """0 invented: the fields shown are exactly the bytes that were there."""
    for _, _, step in steps:
        for payload in step.events:
            told = names.event(step.program, payload)
            assert told is None or told.fields.tail == 0


def test_an_anchor_programs_own_words_agree(steps: list[tuple[str, Transaction, Step]]) -> None:
    """Where a program logs "Instruction: Name", that is the name its data was given."""
    compared = 0
    for _, _, step in steps:
        if names.program_name(step.program) in TEN and step.data:
            told = names.instruction(step.program, step.data, step.accounts)
            for line in step.logs:
                if line.startswith("Instruction: ") and told is not None:
                    compared += 1
                    assert line[13:].lower() == told.name.replace("_", "").lower()
    assert compared > 300


def test_pumps_own_layouts_say_the_same(steps: list[tuple[str, Transaction, Step]]) -> None:
    """The venues read these events to trade: both tables give equal values, and ours no field more."""
    compared = 0
    for _, _, step in steps:
        for module in (pumpfun, pumpswap):
            if step.program != module.PROGRAM:
                continue
            for payload in step.events:
                own, told = module.decode_event(payload), names.event(step.program, payload)
                assert own is not None
                assert told is not None
                assert told.name == own[0]
                ours, theirs = told.fields, own[1]
                assert ours.ints.items() <= theirs.ints.items()
                assert ours.keys.items() <= theirs.keys.items()
                assert ours.texts.items() <= theirs.texts.items()
                assert ours.rows.items() <= theirs.rows.items()
                compared += 1
    assert compared == 121


@pytest.mark.parametrize("name", [one for one in TEN if one != "raydium_amm_v4"])
def test_a_discriminator_is_the_hash_of_its_name(name: str) -> None:
    """Nobody can mistype a name or a tag: Anchor makes one of the other."""
    for tag, entry in TABLES[name].instructions.items():
        assert tag == hashlib.sha256(f"global:{entry.name}".encode()).digest()[:8], entry.name
    for tag, entry in TABLES[name].events.items():
        assert tag == hashlib.sha256(f"event:{entry.name}".encode()).digest()[:8], entry.name


@pytest.mark.parametrize("name", TEN)
def test_the_tables_hold_all_the_facts_list(name: str) -> None:
    path = SHARED / "dex" / f"{name}.json"
    if not path.exists():
        pytest.skip("the facts of ../shared are not here")
    facts = json.loads(path.read_text())
    table = TABLES[name]
    assert table.program == key(facts["program_id"])
    for title, one in facts["instructions"].items():
        entry = table.instructions[bytes.fromhex(one["disc"])]
        assert entry.name == title
        if isinstance(one.get("accounts"), list):
            listed = tuple(row[0] for row in one["accounts"])
            assert any(form.names[: len(listed)] == listed for form in entry.forms), title
    for title, one in facts["events"].items():
        if isinstance(one, dict) and "disc" in one:
            assert table.events[bytes.fromhex(one["disc"])].name == title


def test_a_program_without_a_table_is_nobody() -> None:
    stranger = Pubkey(bytes([7]) * 32)
    assert names.program_name(stranger) == ""
    assert names.instruction(stranger, b"\x01" * 8, ()) is None
    assert names.event(stranger, b"\x01" * 8) is None
    assert names.log_event(stranger, "ray_log: AA==") is None
    assert names.program_name(PUMPFUN) == "pumpfun"


def test_what_no_table_lists_is_told_and_not_guessed() -> None:
    told = names.instruction(PUMPFUN, bytes(8), (SYSTEM, PUMPFUN, Pubkey(bytes([9]) * 32)))
    assert told is not None
    assert (told.name, told.problem) == ("", "no instruction starts with 0000000000000000")
    event = names.event(PUMPFUN, bytes(8))
    assert event is not None
    assert (event.name, event.problem) == ("", "no event starts with 0000000000000000")


def test_broken_fields_keep_their_name() -> None:
    sell = bytes.fromhex("33e685a4017f83ad")
    told = names.instruction(PUMPFUN, sell + b"\x01", ())
    assert told is not None
    assert told.name == "sell"
    assert told.problem.startswith("arguments: ")
    event = names.event(PUMPFUN, bytes.fromhex("bddb7fd34ee661ee") + b"\x01")
    assert event is not None
    assert event.name == "TradeEvent"
    assert event.problem.startswith("fields: ")
    ray = names.log_event(AMM_V4, "ray_log: !")
    assert ray is not None
    assert ray.problem.startswith("fields: ")
    assert names.log_event(AMM_V4, "hello") is None
    assert raydium_amm_layouts.PROGRAM == AMM_V4


def test_a_list_of_accounts_fits_or_is_not_used() -> None:
    """A system program where a mint should stand: only known addresses are named."""
    other = Pubkey(bytes([9]) * 32)
    swap = bytes.fromhex("8fbe5adac41e33de") + bytes(16)
    fits = names.instruction(CPMM, swap, (*[other] * 8, TOKEN, TOKEN_2022, *[other] * 4))
    assert fits is not None
    assert fits.accounts[-2:] == ("observation_state", "account_0")
    assert fits.has_form
    wrong = names.instruction(CPMM, swap, (other, SYSTEM, CPMM, *[other] * 10))
    assert wrong is not None
    assert wrong.accounts[:4] == ("account_0", "system_program", "program", "account_3")
    assert not wrong.has_form
    authority = names.instruction(PUMPFUN, bytes.fromhex("ea66c2cb96483ee5"), (other, pumpfun_authority(), other))
    assert authority is not None
    assert authority.accounts == ("account_0", "event_authority", "account_2")


def pumpfun_authority() -> Pubkey:
    return key("Ce6TQqeHC9p8KetsN6JsjHK7UTZk7nasjjnr7XxXp9F1")


def test_further_accounts_have_the_name_the_list_gives_them() -> None:
    other = Pubkey(bytes([9]) * 32)
    told = names.instruction(TOKEN, b"\x03" + bytes(8), (other, other, other, other, TOKEN_2022))
    assert told is not None
    assert told.accounts == ("source", "destination", "authority", "signer_0", "token_2022_program")


def test_logs_alone_give_the_name_the_program_said() -> None:
    told = names.instruction(PUMPFUN, b"", (), ("something", "Instruction: BuyV2"))
    assert told is not None
    assert (told.name, told.problem) == ("buy_v2", "this source carries no arguments")
    silent = names.instruction(PUMPFUN, b"", (), ("Instruction: Unheard",))
    assert silent is not None
    assert (silent.name, silent.problem) == ("", "this source carries no instruction data")


def test_the_first_associated_account_instruction_has_no_number() -> None:
    other = Pubkey(bytes([9]) * 32)
    told = names.instruction(ASSOCIATED_TOKEN, b"", (other, other, other, other, SYSTEM, TOKEN))
    assert told is not None
    assert told.name == "create"


@given(
    program=st.sampled_from(sorted(names.TABLES)),
    tag=st.integers(0, 40),
    rest=st.binary(max_size=300),
    count=st.integers(0, 30),
)
def test_any_bytes_are_named_or_told(program: Pubkey, tag: int, rest: bytes, count: int) -> None:
    """No input raises; every account gets a name."""
    table = names.TABLES[program]
    tags = list(table.instructions)
    data = tags[tag % len(tags)] + rest
    accounts = tuple(Pubkey(bytes([number]) * 32) for number in range(count))
    told = names.instruction(program, data, accounts)
    assert told is not None
    assert not told.name or len(told.accounts) == count
    for payload in (rest, *(one + rest for one in list(table.events)[:3])):
        assert names.event(program, payload) is not None
