"""Accounts and tokens are answered as a node answers them."""

from __future__ import annotations

import base64

import pytest

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import cpmm
from sniperforge.chain.localnet.market_client import address
from sniperforge.chain.localnet.refusal import Json
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022, WSOL, ata
from tests.unit.chain.localnet.stand import SOL, Stand, base_of

STAND = Stand()
KEYS = STAND.pool("state")
MINT = base_of(KEYS)
ALICE = address(STAND.alice)
HOLDING = ata(ALICE, MINT)
NOBODY = text(Pubkey(b"\x44" * 32))


def part(body: Json, *path: str) -> Json:
    """Return a nested member."""
    for name in path:
        assert isinstance(body, dict)
        body = body[name]
    return body


def rows(body: Json) -> list[Json]:
    """Return a list."""
    assert isinstance(body, list)
    return body


def test_balances_and_accounts() -> None:
    """An absent account has no lamports and is null."""
    assert STAND.value("getBalance", text(ALICE)) == STAND.svm.get_balance(STAND.alice.pubkey())
    assert STAND.value("getBalance", NOBODY) == 0
    assert STAND.value("getAccountInfo", NOBODY) is None
    pool = STAND.value("getAccountInfo", text(KEYS.pool), {"encoding": "base64"})
    assert part(pool, "data") == [base64.b64encode(STAND.data(KEYS.pool)).decode(), "base64"]
    assert part(pool, "owner") == text(cpmm.PROGRAM)
    many = rows(STAND.value("getMultipleAccounts", [text(KEYS.pool), NOBODY]))
    assert [part(many[0], "space"), many[1]] == [637, None]
    assert STAND.refusal("getMultipleAccounts", [NOBODY] * 101) == (
        -32602, "Invalid params: pubkeys must be an array of at most 100",
    )  # fmt: skip


def test_program_accounts_are_filtered_and_cut() -> None:
    """The usual hunt for a pool by its mint."""
    filters: Json = [{"dataSize": 637}, {"memcmp": {"offset": 168 + 32 * KEYS.side(MINT), "bytes": text(MINT)}}]
    options: Json = {"encoding": "base64", "filters": filters, "dataSlice": {"offset": 0, "length": 8}}
    found = rows(STAND.result("getProgramAccounts", text(cpmm.PROGRAM), options))
    assert [part(each, "pubkey") for each in found] == [text(KEYS.pool)]
    assert part(found[0], "account", "data") == [base64.b64encode(STAND.data(KEYS.pool)[:8]).decode(), "base64"]
    assert isinstance(options, dict)
    wrapped = STAND.value("getProgramAccounts", text(cpmm.PROGRAM), {**options, "withContext": True})
    assert wrapped == found


def test_tokens_are_counted() -> None:
    """Balance, supply, holders."""
    held = int.from_bytes(STAND.data(HOLDING)[64:72], "little")
    assert part(STAND.value("getTokenAccountBalance", text(HOLDING)), "amount") == str(held)
    assert part(STAND.value("getTokenSupply", text(MINT)), "amount") == str(10**15)
    largest = rows(STAND.value("getTokenLargestAccounts", text(MINT)))
    vault = KEYS.vaults[KEYS.side(MINT)]
    assert [part(each, "address") for each in largest] == [text(vault), text(HOLDING)]


@pytest.mark.parametrize(
    ("method", "key", "words"),
    [
        ("getTokenAccountBalance", text(KEYS.pool), "not a Token account"),
        ("getTokenAccountBalance", NOBODY, "could not find account"),
        ("getTokenSupply", text(KEYS.pool), "not a Token mint"),
        ("getTokenLargestAccounts", NOBODY, "could not find account"),
    ],
)
def test_what_is_no_token_is_refused(method: str, key: str, words: str) -> None:
    """Absent and other accounts are told apart."""
    code, message = STAND.refusal(method, key)
    assert (code, words in message) == (-32602, True)


def test_a_wallets_token_accounts_are_found() -> None:
    """By mint, by program, and not another program's."""
    by_mint = rows(
        STAND.value("getTokenAccountsByOwner", text(ALICE), {"mint": text(MINT)}, {"encoding": "jsonParsed"})
    )
    assert [part(each, "pubkey") for each in by_mint] == [text(HOLDING)]
    assert part(by_mint[0], "account", "data", "parsed", "info", "tokenAmount", "decimals") == 6
    options: Json = {"encoding": "base64"}
    all_of = rows(STAND.value("getTokenAccountsByOwner", text(ALICE), {"programId": text(TOKEN)}, options))
    assert {part(each, "pubkey") for each in all_of} == {
        text(HOLDING), text(ata(ALICE, WSOL)), text(ata(ALICE, KEYS.lp_mint)),
    }  # fmt: skip
    assert STAND.value("getTokenAccountsByOwner", text(ALICE), {"programId": text(TOKEN_2022)}, options) == []
    assert STAND.value("getTokenAccountsByDelegate", text(ALICE), {"programId": text(TOKEN)}, options) == []
    others: list[Json] = [{"programId": text(SYSTEM)}, {}]
    for which in others:
        assert STAND.refusal("getTokenAccountsByOwner", text(ALICE), which)[0] == -32602


def test_the_rich_are_listed_and_rent_is_computed() -> None:
    """The faucet leads; 165 bytes cost what they cost."""
    largest = rows(STAND.value("getLargestAccounts"))
    assert part(largest[0], "address") == str(STAND.faucet.pubkey())
    assert STAND.result("getMinimumBalanceForRentExemption", 165) == 2_039_280
    assert STAND.result("getMinimumBalanceForRentExemption", 0) == 890_880


def test_an_answer_carries_its_slot_and_refuses_the_future() -> None:
    """minContextSlot is for clients that have seen more than this node."""
    answer = STAND.result("getBalance", text(ALICE), {"minContextSlot": STAND.bank.slot})
    assert part(answer, "context", "slot") == STAND.bank.slot
    code, _ = STAND.refusal("getBalance", text(ALICE), {"minContextSlot": STAND.bank.slot + 1})
    assert (code, SOL) == (-32016, 10**9)
