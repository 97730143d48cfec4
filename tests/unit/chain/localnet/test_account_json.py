"""An account reads the same in every encoding a client may ask, and jsonParsed takes tokens apart as a node does."""

from __future__ import annotations

import base64
import struct

import pytest
import zstandard

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import account_json as accounts
from sniperforge.chain.localnet import base58
from sniperforge.chain.localnet.account_json import Slice, Snapshot
from sniperforge.chain.localnet.genesis import mint_data, native_token_data
from sniperforge.chain.localnet.refusal import Json, RpcRefusal
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022

OWNER = Pubkey(b"\5" * 32)
PLAIN = Snapshot(77, bytes(range(100)), OWNER, False)
MINT = Pubkey(b"\6" * 32)


def token(amount: int, *, program: Pubkey = TOKEN, delegate: bool = False, close: bool = False) -> Snapshot:
    """Return a token account of OWNER."""
    body = MINT + OWNER + struct.pack("<Q", amount)
    body += (b"\1\0\0\0" + OWNER) if delegate else bytes(36)
    body += b"\1" + bytes(12) + struct.pack("<Q", 9 if delegate else 0)
    body += (b"\1\0\0\0" + OWNER) if close else bytes(36)
    return Snapshot(2_039_280, body, program, False)


def data_of(account: Snapshot, encoding: str, part: Slice | None = None, decimals: int = 6) -> Json:
    """Return the data member alone."""
    return accounts.account_json(account, encoding, part, decimals)["data"]


def test_the_frame_around_the_data_is_a_nodes() -> None:
    """rentEpoch is the whole u64, which no float holds."""
    body = accounts.account_json(PLAIN, "base64")
    assert body == {
        "data": [base64.b64encode(PLAIN.data).decode(), "base64"],
        "executable": False,
        "lamports": 77,
        "owner": text(OWNER),
        "rentEpoch": 2**64 - 1,
        "space": 100,
    }


def test_every_encoding_carries_the_same_bytes() -> None:
    """binary is the bare base58 text of old clients."""
    packed = data_of(PLAIN, "base64+zstd")
    assert isinstance(packed, list)
    assert zstandard.decompress(base64.b64decode(str(packed[0]))) == PLAIN.data
    assert data_of(PLAIN, "base58") == [base58.encode(PLAIN.data), "base58"]
    assert data_of(PLAIN, "binary") == base58.encode(PLAIN.data)
    assert data_of(PLAIN, "jsonParsed") == [base64.b64encode(PLAIN.data).decode(), "base64"]


def test_a_slice_cuts_the_data_and_not_the_space() -> None:
    """An offset behind the end gives nothing."""
    assert data_of(PLAIN, "base64", Slice(3, 2)) == [base64.b64encode(b"\3\4").decode(), "base64"]
    assert data_of(PLAIN, "base64", Slice(500, 2)) == ["", "base64"]


def test_base58_is_for_small_accounts() -> None:
    """128 bytes pass, 129 are refused with the way out."""
    edge = PLAIN._replace(data=bytes(128))
    assert data_of(edge, "binary") == "1" * 128
    with pytest.raises(RpcRefusal, match="please use Base64"):
        data_of(edge._replace(data=bytes(129)), "base58")
    assert data_of(edge._replace(data=bytes(129)), "base58", Slice(0, 3)) == ["111", "base58"]


def test_an_unknown_encoding_is_refused() -> None:
    """It lists what there is."""
    with pytest.raises(RpcRefusal, match="none of binary, base58"):
        data_of(PLAIN, "morse")


def test_a_token_account_is_taken_apart() -> None:
    """Mint, owner, amount with decimals, delegate and close authority."""
    body = data_of(token(1_500_000, delegate=True, close=True), "jsonParsed")
    assert isinstance(body, dict)
    assert body["program"] == "spl-token"
    assert body["parsed"] == {
        "type": "account",
        "info": {
            "mint": text(MINT),
            "owner": text(OWNER),
            "tokenAmount": {"amount": "1500000", "decimals": 6, "uiAmount": 1.5, "uiAmountString": "1.5"},
            "state": "initialized",
            "isNative": False,
            "delegate": text(OWNER),
            "delegatedAmount": {"amount": "9", "decimals": 6, "uiAmount": 9e-06, "uiAmountString": "0.000009"},
            "closeAuthority": text(OWNER),
        },
    }


def test_wrapped_sol_says_what_rent_it_keeps() -> None:
    """Its decimals are nine, whatever the caller believes."""
    body = data_of(Snapshot(2_039_280, native_token_data(OWNER, 2_039_280), TOKEN, False), "jsonParsed", decimals=0)
    assert isinstance(body, dict)
    parsed = body["parsed"]
    assert isinstance(parsed, dict)
    info = parsed["info"]
    assert isinstance(info, dict)
    assert info["isNative"] is True
    assert info["tokenAmount"] == {"amount": "0", "decimals": 9, "uiAmount": None, "uiAmountString": "0"}
    assert info["rentExemptReserve"] == {
        "amount": "2039280", "decimals": 9, "uiAmount": 0.00203928, "uiAmountString": "0.00203928",
    }  # fmt: skip


def test_a_mint_is_taken_apart() -> None:
    """Authorities that are given up are null."""
    raw = mint_data(OWNER, supply=10**15, decimals=6)
    body = data_of(Snapshot(1, raw, TOKEN_2022, False), "jsonParsed")
    assert body == {
        "program": "spl-token-2022",
        "space": 82,
        "parsed": {
            "type": "mint",
            "info": {
                "mintAuthority": text(OWNER),
                "supply": str(10**15),
                "decimals": 6,
                "isInitialized": True,
                "freezeAuthority": None,
            },
        },
    }


@pytest.mark.parametrize(
    ("account", "is_token", "is_mint"),
    [
        (token(1), True, False),
        (token(1, program=TOKEN_2022), True, False),
        (token(1)._replace(owner=SYSTEM), False, False),
        (token(1)._replace(data=bytes(165)), False, False),
        (token(1, program=TOKEN_2022)._replace(data=token(1).data + b"\2\7\0\0\0"), True, False),
        (Snapshot(1, mint_data(None, supply=1, decimals=2).ljust(165, b"\0") + b"\1", TOKEN_2022, False), False, True),
        (Snapshot(1, mint_data(None, supply=1, decimals=2), TOKEN, False), False, True),
        (Snapshot(1, bytes(82), TOKEN, False), False, False),
        (Snapshot(1, b"", TOKEN, False), False, False),
    ],
)  # fmt: skip
def test_tokens_and_mints_are_told_apart(account: Snapshot, is_token: bool, is_mint: bool) -> None:
    """By owner, length, state and, with extensions, by the type byte behind 165."""
    assert (accounts.is_token_account(account), accounts.is_mint(account)) == (is_token, is_mint)


def test_an_uninitialized_token_account_is_only_bytes() -> None:
    """There is nothing to take apart."""
    assert data_of(Snapshot(1, bytes(165), TOKEN, False), "jsonParsed") == [
        base64.b64encode(bytes(165)).decode(), "base64",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "decimals", "shown"),
    [(0, 6, "0"), (1, 0, "1"), (10, 1, "1"), (1_000_001, 6, "1.000001"), (2**64 - 1, 9, "18446744073.709551615")],
)
def test_amounts_are_shown_to_the_last_unit(amount: int, decimals: int, shown: str) -> None:
    """The string is exact where the float is not."""
    body = accounts.amount_json(amount, decimals)
    assert (body["amount"], body["uiAmountString"]) == (str(amount), shown)


def test_an_absent_account_has_no_snapshot() -> None:
    """None stays None."""
    assert accounts.snapshot(None) is None
