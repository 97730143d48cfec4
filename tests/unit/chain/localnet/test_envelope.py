"""Bytes are one whole transaction of a known version, or a refusal; what is read agrees with solders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.message import MessageV1
from solders.transaction import VersionedTransaction

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.envelope import SIZE_MAX, read_envelope
from sniperforge.chain.localnet.market_client import address, solders_instruction, wallet
from sniperforge.chain.localnet.refusal import RpcRefusal
from sniperforge.dex.programs import compute_price, transfer_lamports
from tests.unit.chain.localnet.stand import Stand

BOB = Pubkey(b"bob".ljust(32, b"\1"))
STAND = Stand()
PAYMENT = STAND.pay(5, BOB)


@pytest.mark.parametrize("legacy", [False, True], ids=["v0", "legacy"])
def test_both_versions_are_read(legacy: bool) -> None:
    """Keys, calls, rights and price stand where the wire has them."""
    alice = address(STAND.alice)
    steps = [compute_price(77), transfer_lamports(alice, BOB, 5)]
    envelope = STAND.envelope(steps, STAND.alice, legacy=legacy)
    assert envelope.versioned is not legacy
    assert (envelope.payer, envelope.unit_price, envelope.lookups) == (alice, 77, ())
    assert [envelope.keys[call.program_index] for call in envelope.calls] == [each.program for each in steps]
    assert [envelope.is_writable(place) for place in range(4)] == [True, True, False, False]
    assert envelope.signed()
    assert read_envelope(envelope.raw) == envelope


def test_rights_of_read_only_signers_are_told() -> None:
    """A co-signer that is not written to is not locked for writing."""
    carol = wallet(0, "carol")
    step = transfer_lamports(address(STAND.alice), BOB, 5)
    seen = step._replace(accounts=(*step.accounts, step.accounts[0]._replace(key=address(carol), writable=False)))
    envelope = STAND.envelope([seen], STAND.alice, carol)
    assert envelope.header[:2] == (2, 1)
    assert [envelope.is_writable(place) for place in range(3)] == [True, False, True]


def test_a_forged_signature_does_not_verify() -> None:
    """One bit is enough."""
    raw = bytearray(PAYMENT.raw)
    raw[5] ^= 1
    assert not read_envelope(bytes(raw)).signed()


def test_bytes_behind_the_end_are_refused() -> None:
    """A transaction is all of its bytes."""
    with pytest.raises(RpcRefusal, match="bytes"):
        read_envelope(PAYMENT.raw + b"\0")


def test_a_packet_is_the_limit() -> None:
    """1232 bytes are looked at, 1233 are not."""
    with pytest.raises(RpcRefusal, match="not a transaction"):
        read_envelope(bytes(SIZE_MAX))
    with pytest.raises(RpcRefusal, match="1233 bytes"):
        read_envelope(bytes(SIZE_MAX + 1))


@given(st.binary(max_size=300))
def test_noise_is_refused(raw: bytes) -> None:
    """Nothing but a refusal leaves the decoder."""
    with pytest.raises(RpcRefusal):
        read_envelope(raw)


@given(st.integers(0, len(PAYMENT.raw) - 1), st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused(place: int, value: int) -> None:
    """No index error, no panic of the library."""
    raw = bytearray(PAYMENT.raw)
    raw[place] = value
    try:
        assert read_envelope(bytes(raw)).raw == bytes(raw)
    except RpcRefusal as refusal:
        assert refusal.code == -32602


def test_a_version_that_is_not_known_here_is_refused() -> None:
    """The library reads version 1 already; the clusters traded on do not run it."""
    move = solders_instruction(transfer_lamports(address(STAND.alice), BOB, 5))
    message = MessageV1.try_compile(STAND.alice.pubkey(), [move], Hash.default())
    with pytest.raises(RpcRefusal, match="version 1 is not known here; send legacy or version 0"):
        read_envelope(bytes(VersionedTransaction(message, [STAND.alice])))


def test_an_instruction_that_names_no_key_is_refused() -> None:
    """The index of the program is checked before anybody uses it."""
    raw = bytearray(STAND.envelope([transfer_lamports(address(STAND.alice), BOB, 5)], STAND.alice, legacy=True).raw)
    # Signature (1 + 64), header (3), keys (1 + 3 x 32), blockhash (32), count (1): the program's index.
    raw[65 + 3 + 97 + 33] = 200
    with pytest.raises(RpcRefusal):
        read_envelope(bytes(raw))
