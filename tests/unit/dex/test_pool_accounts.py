"""Every venue's pool account is known by its size and first bytes, and says by its own fields whether it is young."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.dex.pool_accounts import POOL_ACCOUNTS, Lately, is_young, lately
from sniperforge.dex.venues import VENUES
from tests.unit.dex.raydium_recordings import shared_json

PAGE = Path(__file__).parents[3] / "docs" / "venues.md"
SINCE = Lately(1_800_000_000, 400_000_000)
BEFORE, THEN = SINCE.second - 1, SINCE.second
#: Venue -> size and first bytes, as the programs have them.
FORMS = {
    "pumpfun": (151, "17b7f83760d8ac60"),
    "pumpswap": (300, "f19a6d0411b16dbc"),
    "raydium_cpmm": (637, "f7ede3f5d7c3de46"),
    "raydium_amm_v4": (752, ""),
    "raydium_launchlab": (429, "f7ede3f5d7c3de46"),
    "meteora_damm_v2": (1112, "f19a6d0411b16dbc"),
    "meteora_dbc": (424, "d5e005d16245775c"),
    "meteora_dlmm": (904, "210b3162b565b10d"),
    "orca_whirlpool": (653, "3f95d10ce1806309"),
    "raydium_clmm": (1544, "f7ede3f5d7c3de46"),
}
#: Recorded accounts, all of them of pools that were traded for long, but one.
RECORDED = {
    "meteora_damm_v2_pool_8Pm2kZpn.json": ("meteora_damm_v2", False),
    "meteora_damm_v2_pool_CGPxT5d1.json": ("meteora_damm_v2", False),
    # Activated in slot 448,432,755 and never traded.
    "meteora_dlmm_9t3EyC9F/lb_pair.json": ("meteora_dlmm", True),
    "meteora_dlmm_EtAdVRLF/lb_pair.json": ("meteora_dlmm", False),
    "meteora_dlmm__lb_pair_account.json": ("meteora_dlmm", False),
    "raydium_clmm__pool_state_account.json": ("raydium_clmm", False),
    "orca_sol_usdc/sol_usdc_wp_whirlpool.HJPjoWUrhoZzkNfRpHuieeFk9WcZWjwy6PBjZ81ngndJ.json": ("orca_whirlpool", False),
}


def account(venue: str, *fields: tuple[int, str, int]) -> bytes:
    """Return an account of *venue* with these fields (offset, struct format, value), the rest zero."""
    size, head = FORMS[venue]
    raw = bytearray(bytes.fromhex(head).ljust(size, b"\0"))
    for offset, form, value in fields:
        struct.pack_into(f"<{form}", raw, offset, value)
    return bytes(raw)


def test_every_venue_has_one_under_its_own_program() -> None:
    assert {name: one.program for name, one in POOL_ACCOUNTS.items()} == {
        name: venue.program for name, venue in VENUES.items()
    }


@pytest.mark.parametrize("venue", FORMS)
def test_size_and_first_bytes_are_those_of_the_program(venue: str) -> None:
    """Where sizes differ there is none."""
    size, head = FORMS[venue]
    known = POOL_ACCOUNTS[venue]
    assert (known.size, known.head.hex()) == (0 if venue in ("pumpfun", "pumpswap") else size, head)


def test_the_page_of_the_venues_says_the_same() -> None:
    lines = PAGE.read_text().splitlines()
    for name, one in POOL_ACCOUNTS.items():
        head = f"`{one.head.hex()}`" if one.head else "any"
        assert f"| {name} | {one.size or 'any'} | {head} | {one.tells} |" in lines


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_accounts_pass_the_filters_and_tell_their_age(name: str) -> None:
    venue, young = RECORDED[name]
    body = shared_json("mainnet", "accounts", *name.split("/"))
    data = body.get("account", body)["data"]
    raw = base64.b64decode(data[0] if isinstance(data, list) else data)
    known = POOL_ACCOUNTS[venue]
    assert len(raw) == known.size
    assert raw.startswith(known.head)
    assert is_young(known, raw, SINCE) is young


@pytest.mark.parametrize(
    ("venue", "fields", "young"),
    [
        # 1,073 and 793.1 million coins at the start; half of the virtual ones are real after 513.2 million sold.
        ("pumpfun", [(8, "Q", 1_073_000_000), (24, "Q", 793_100_000)], True),
        ("pumpfun", [(8, "Q", 559_800_000), (24, "Q", 279_900_000)], True),
        ("pumpfun", [(8, "Q", 559_799_999), (24, "Q", 279_899_999)], False),
        ("pumpfun", [(8, "Q", 1_073_000_000), (24, "Q", 793_100_000), (48, "B", 1)], False),
        ("pumpswap", [], True),
        ("raydium_cpmm", [(373, "Q", THEN)], True),
        ("raydium_cpmm", [(373, "Q", BEFORE)], False),
        ("raydium_cpmm", [(373, "Q", (1 << 64) - 1)], True),
        ("raydium_amm_v4", [(224, "Q", 0)], True),
        ("raydium_amm_v4", [(224, "Q", BEFORE), (256, "Q", 1)], False),
        ("raydium_amm_v4", [(224, "Q", BEFORE), (296, "Q", 1)], False),
        ("raydium_amm_v4", [(224, "Q", THEN), (256, "Q", 1)], True),
        ("raydium_launchlab", [(29, "Q", 793), (53, "Q", 396)], True),
        ("raydium_launchlab", [(29, "Q", 793), (53, "Q", 397)], False),
        ("raydium_launchlab", [(29, "Q", 793), (17, "B", 1)], False),
        ("meteora_damm_v2", [(472, "Q", SINCE.slot)], True),
        ("meteora_damm_v2", [(472, "Q", SINCE.slot - 1)], False),
        ("meteora_damm_v2", [(472, "Q", THEN), (480, "B", 1)], True),
        ("meteora_damm_v2", [(472, "Q", BEFORE), (480, "B", 1)], False),
        ("meteora_dbc", [(296, "Q", SINCE.slot)], True),
        ("meteora_dbc", [(296, "Q", SINCE.slot - 1)], False),
        ("meteora_dbc", [(296, "Q", THEN)], True),
        ("meteora_dbc", [(296, "Q", BEFORE)], False),
        ("meteora_dbc", [(296, "Q", THEN), (305, "B", 1)], False),
        ("meteora_dlmm", [], True),
        ("meteora_dlmm", [(216, "Q", 1)], False),
        ("meteora_dlmm", [(40, "I", 1), (816, "Q", SINCE.slot)], True),
        ("meteora_dlmm", [(40, "I", 1), (816, "Q", BEFORE), (86, "B", 1)], False),
        ("orca_whirlpool", [], True),
        ("orca_whirlpool", [(245, "Q", 1)], False),
        ("raydium_clmm", [], True),
        ("raydium_clmm", [(277, "Q", 1)], False),
        ("raydium_clmm", [(277, "Q", 1), (1080, "Q", THEN)], True),
    ],
)
def test_an_account_is_young_by_its_own_fields(venue: str, fields: list[tuple[int, str, int]], young: bool) -> None:
    """The last second or slot that counts as lately does; one earlier does not."""
    assert is_young(POOL_ACCOUNTS[venue], account(venue, *fields), SINCE) is young


def test_lately_is_so_many_seconds_ago_in_slots_too() -> None:
    """Of 400 ms; a chain younger than that has no negative slots."""
    assert lately(1_000, 1_000, age_s=60) == Lately(940, 850)
    assert lately(1_000, 100, age_s=60) == Lately(940, 0)


@given(
    venue=st.sampled_from(sorted(FORMS)),
    data=st.binary(max_size=1600),
    changes=st.lists(st.tuples(st.integers(0, 1600), st.integers(0, 255)), max_size=5),
)
def test_any_bytes_are_judged_or_refused(venue: str, data: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(account(venue))
    for place, byte in changes:
        mutated[place % len(mutated)] = byte
    for raw in (data, bytes(mutated), bytes(mutated[: len(data)])):
        try:
            assert is_young(POOL_ACCOUNTS[venue], raw, SINCE) in (True, False)
        except DecodeError as problem:
            assert "\n" not in str(problem)
