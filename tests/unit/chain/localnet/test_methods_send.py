"""Sending and simulating: what is refused is refused before it costs, in the words clients match on."""

from __future__ import annotations

import base64

import pytest
from solders.message import to_bytes_versioned

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import base58, cpmm
from sniperforge.chain.localnet.envelope import Envelope
from sniperforge.chain.localnet.market_client import address, wallet
from sniperforge.chain.localnet.refusal import Json
from sniperforge.chain.localnet.settings import LocalNetSettings
from sniperforge.dex.programs import TOKEN, WSOL, compute_limit, compute_price, transfer_lamports
from sniperforge.dex.venue import AccountMeta, Instruction
from tests.unit.chain.localnet.stand import SOL, Stand
from tests.unit.chain.localnet.test_methods_state import part

BOB = Pubkey(b"bob".ljust(32, b"\1"))
BASE64: Json = {"encoding": "base64"}


def coded(envelope: Envelope) -> str:
    """Return the bytes as base64."""
    return base64.b64encode(envelope.raw).decode()


def failure(stand: Stand, *params: Json) -> tuple[Json, str, Json]:
    """Return code, message and err of a refused send."""
    error = stand.rpc("sendTransaction", *params)["error"]
    assert isinstance(error, dict)
    data = error.get("data")
    return error["code"], str(error["message"]), data["err"] if isinstance(data, dict) else None


@pytest.mark.parametrize("encoding", ["base58", "base64"])
def test_a_transaction_is_accepted_in_both_encodings(encoding: str) -> None:
    """base58 is the default of old clients."""
    stand = Stand()
    payment = stand.pay(2 * SOL, BOB)
    raw = coded(payment) if encoding == "base64" else base58.encode(payment.raw)
    options: Json = {"encoding": encoding} if encoding == "base64" else {}
    assert stand.result("sendTransaction", raw, options) == payment.signature
    stand.step()
    assert stand.bank.history.find(payment.signature) is not None


def test_preflight_refuses_with_the_error_and_its_logs() -> None:
    """-32002, Solana's sentence, the err value and the simulation's logs; nothing is charged."""
    stand = Stand()
    poor = stand.pay(10**15, BOB)
    assert failure(stand, coded(poor), BASE64) == (
        -32002,
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1",
        {"InstructionError": [0, {"Custom": 1}]},
    )
    data = part(stand.rpc("sendTransaction", coded(poor), BASE64), "error", "data")
    assert part(data, "unitsConsumed") == 150
    assert "Program 11111111111111111111111111111111 invoke [1]" in str(part(data, "logs"))
    dead = stand.pay(SOL, BOB, blockhash="1" * 32)
    assert failure(stand, coded(dead), BASE64) == (
        -32002, "Transaction simulation failed: Blockhash not found", "BlockhashNotFound",
    )  # fmt: skip
    missing = wallet(0, "nobody")
    unpaid = stand.envelope([transfer_lamports(address(missing), BOB, 1)], missing)
    assert failure(stand, coded(unpaid), BASE64)[2] == "AccountNotFound"
    assert stand.bank.counters.submitted == 0


def test_an_error_without_a_number_is_told_by_its_name() -> None:
    """InvalidInstructionData and the like."""
    stand = Stand()
    step = Instruction(TOKEN, (AccountMeta(WSOL),), b"\xff")
    code, message, _ = failure(stand, coded(stand.envelope([step], stand.alice)), BASE64)
    assert code == -32002
    assert message.startswith("Transaction simulation failed: Error processing Instruction 0: ")


def test_skipping_preflight_lets_a_failure_land() -> None:
    """The client asked for it: the fee is paid and the error is on chain."""
    stand = Stand()
    poor = stand.pay(10**15, BOB)
    stand.result("sendTransaction", coded(poor), {"encoding": "base64", "skipPreflight": True})
    stand.step()
    landed = stand.bank.history.find(poor.signature)
    assert landed is not None
    assert landed.error is not None


def test_a_signature_that_does_not_verify_is_refused() -> None:
    """-32003, before anything is simulated."""
    stand = Stand()
    raw = bytearray(stand.pay(2 * SOL, BOB).raw)
    raw[10] ^= 1
    bad = base64.b64encode(raw).decode()
    assert failure(stand, bad, BASE64)[:2] == (-32003, "Transaction signature verification failure")
    assert stand.refusal("simulateTransaction", bad, {"encoding": "base64", "sigVerify": True})[0] == -32003
    assert part(stand.value("simulateTransaction", bad, BASE64), "err") is None


@pytest.mark.parametrize("raw", ["", "AA==", "?", "A" * 2049])
def test_what_is_no_transaction_is_refused(raw: str) -> None:
    """-32602 with the reason."""
    assert Stand().refusal("sendTransaction", raw, BASE64)[0] == -32602


def test_a_simulation_shows_the_accounts_after() -> None:
    """Asked addresses in order; an absent one is null."""
    stand = Stand()
    keys = stand.pool("simulate")
    trade = stand.envelope([cpmm.swap_input(keys, address(stand.alice), WSOL, SOL, 1)], stand.alice)
    wanted: Json = {"encoding": "base64", "addresses": [text(keys.pool), text(BOB), text(WSOL)]}
    value = stand.value("simulateTransaction", coded(trade), {"encoding": "base64", "accounts": wanted})
    assert part(value, "err") is None
    after = part(value, "accounts")
    assert isinstance(after, list)
    assert part(after[0], "data") != [base64.b64encode(stand.data(keys.pool)).decode(), "base64"]
    assert after[1] is None
    assert part(after[2], "space") == 82


def test_a_simulation_may_replace_the_blockhash() -> None:
    """A dead one is refused as a value, a replaced one is named with its last height."""
    stand = Stand()
    dead = coded(stand.pay(2 * SOL, BOB, blockhash="1" * 32))
    assert part(stand.value("simulateTransaction", dead, BASE64), "err") == "BlockhashNotFound"
    value = stand.value("simulateTransaction", dead, {"encoding": "base64", "replaceRecentBlockhash": True})
    assert part(value, "err") is None
    assert part(value, "replacementBlockhash", "blockhash") == stand.bank.blockhash_at(0)[0]
    both: Json = {"encoding": "base64", "replaceRecentBlockhash": True, "sigVerify": True}
    assert stand.refusal("simulateTransaction", dead, both)[0] == -32602


def test_a_simulation_tells_inner_instructions_and_return_data() -> None:
    """GetAccountDataSize returns; a swap calls the token program twice."""
    stand = Stand()
    sized = stand.envelope([Instruction(TOKEN, (AccountMeta(WSOL),), b"\x15")], stand.alice)
    value = stand.value("simulateTransaction", coded(sized), BASE64)
    assert part(value, "returnData", "programId") == text(TOKEN)
    assert part(value, "innerInstructions") is None
    keys = stand.pool("inner")
    trade = stand.envelope([cpmm.swap_input(keys, address(stand.alice), WSOL, SOL, 1)], stand.alice)
    value = stand.value("simulateTransaction", coded(trade), {"encoding": "base64", "innerInstructions": True})
    inner = part(value, "innerInstructions")
    assert isinstance(inner, list)
    calls = part(inner[0], "instructions")
    assert isinstance(calls, list)
    assert [part(each, "stackHeight") for each in calls] == [2, 2]


def test_blockhashes_age() -> None:
    """The newest is valid for its window and then not; its last height says when."""
    stand = Stand()
    value = stand.value("getLatestBlockhash", {"commitment": "processed"})
    name, last = part(value, "blockhash"), part(value, "lastValidBlockHeight")
    assert stand.value("isBlockhashValid", name) is True
    while stand.value("isBlockhashValid", name):
        height = stand.result("getBlockHeight", {"commitment": "processed"})
        assert isinstance(height, int)
        stand.step()
    assert height == last


def test_the_fee_of_a_message_is_exact() -> None:
    """With the priority fee; null when the blockhash is dead."""
    stand = Stand()
    steps = [compute_limit(100_000), compute_price(500_000), transfer_lamports(address(stand.alice), BOB, 2 * SOL)]
    envelope = stand.envelope(steps, stand.alice)
    message = base64.b64encode(to_bytes_versioned(envelope.transaction.message)).decode()
    assert stand.value("getFeeForMessage", message) == 55_000
    dead = stand.pay(2 * SOL, BOB, blockhash="1" * 32)
    old = base64.b64encode(to_bytes_versioned(dead.transaction.message)).decode()
    assert stand.value("getFeeForMessage", old) is None
    assert stand.refusal("getFeeForMessage", "AAAA")[0] == -32602


def test_airdrops_are_transfers_and_never_the_same_twice() -> None:
    """Two equal ones in a slot both land, even where everything else is lost."""
    stand = Stand(LocalNetSettings(drop_ppm=1_000_000, finalized_after=4))
    names = {stand.result("requestAirdrop", text(BOB), SOL) for _ in range(2)}
    stand.step()
    assert len(names) == 2
    assert stand.value("getBalance", text(BOB)) == 2 * SOL
    assert stand.refusal("requestAirdrop", text(BOB), 2**63)[0] == -32602


def test_an_error_of_the_whole_transaction_is_told_by_its_members() -> None:
    """Paying an account less than its rent fails the transaction, not an instruction."""
    stand = Stand()
    code, message, error = failure(stand, coded(stand.pay(5, BOB)), BASE64)
    assert (code, error) == (-32002, {"InsufficientFundsForRent": {"account_index": 1}})
    assert "InsufficientFundsForRent" in message
