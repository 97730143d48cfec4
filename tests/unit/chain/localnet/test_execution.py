"""Around one execution: lookup tables are resolved, simulations forget, refusals leave no trace."""

from __future__ import annotations

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.message import MessageV0
from solders.pubkey import Pubkey as SoldersPubkey
from solders.transaction import VersionedTransaction

from sniperforge.base.keys import key
from sniperforge.base.units import U64_MAX, Pubkey
from sniperforge.chain.localnet import genesis
from sniperforge.chain.localnet.bank import PROCESSED
from sniperforge.chain.localnet.envelope import Envelope, read_envelope
from sniperforge.chain.localnet.execution import GONE
from sniperforge.chain.localnet.market_client import address, solders_instruction
from sniperforge.dex.programs import SYSTEM, TOKEN, WSOL, ata, close_account, transfer_lamports
from sniperforge.dex.venue import AccountMeta, Instruction
from tests.unit.chain.localnet.stand import SOL, Stand

BOB = Pubkey(b"bob".ljust(32, b"\1"))
TABLE = Pubkey(b"\x33" * 32)
LOOKUP_PROGRAM = key("AddressLookupTab1e1111111111111111111111111")


def through_table(stand: Stand, *, owner: Pubkey = LOOKUP_PROGRAM) -> Envelope:
    """Return a payment to BOB that finds BOB in a lookup table."""
    head = (1).to_bytes(4, "little") + U64_MAX.to_bytes(8, "little") + bytes(8) + b"\0\0" + bytes(34)
    genesis.place(stand.svm, TABLE, 10**8, head + WSOL + BOB, owner)
    table = AddressLookupTableAccount(SoldersPubkey(TABLE), [SoldersPubkey(WSOL), SoldersPubkey(BOB)])
    move = solders_instruction(transfer_lamports(address(stand.alice), BOB, 2 * SOL))
    recent = Hash.from_string(stand.bank.blockhash_at(PROCESSED)[0])
    message = MessageV0.try_compile(stand.alice.pubkey(), [move], [table], recent)
    return read_envelope(bytes(VersionedTransaction(message, [stand.alice])))


def test_addresses_of_a_lookup_table_are_loaded() -> None:
    """They stand behind the static keys, writable ones first, and in the meta."""
    stand = Stand()
    envelope = through_table(stand)
    assert BOB not in envelope.keys
    stand.bank.submit(envelope)
    stand.step()
    landed = stand.bank.history.find(envelope.signature)
    assert landed is not None
    assert landed.error is None
    assert (landed.loaded_writable, landed.loaded_readonly) == ((BOB,), ())
    assert landed.balances[1][landed.keys.index(BOB)] == 2 * SOL
    assert list(stand.bank.history.of_address(BOB)) == [landed]
    sources = [row["source"] for row in landed.parsed_keys() if isinstance(row, dict)]
    assert sources == ["transaction", "transaction", "lookupTable"]
    body = landed.encoded("json", 0)
    assert body is not None


def test_a_table_that_is_none_gives_nothing() -> None:
    """The transaction cannot land, and nobody falls over it."""
    stand = Stand()
    envelope = through_table(stand, owner=SYSTEM)
    assert stand.bank.executor.resolve(envelope).writable == ()
    stand.bank.submit(envelope)
    stand.step()
    assert stand.bank.history.find(envelope.signature) is None


def test_a_simulation_tells_what_would_be_and_changes_nothing() -> None:
    """Fee, units, logs and accounts after; then all is as before."""
    stand = Stand()
    trial = stand.bank.executor.simulate(stand.pay(2 * SOL, BOB))
    assert (trial.error, trial.fee, trial.accounts[BOB].lamports) == (None, 5_000, 2 * SOL)
    assert trial.logs[-1] == "Program 11111111111111111111111111111111 success"
    assert trial.units > 0
    assert stand.bank.executor.account(BOB) is None


def test_a_failing_simulation_tells_why() -> None:
    """The error and the logs up to it."""
    stand = Stand()
    trial = stand.bank.executor.simulate(stand.pay(10**15, BOB))
    assert trial.error == {"InstructionError": [0, {"Custom": 1}]}
    assert any("insufficient lamports" in line for line in trial.logs)


def test_changes_are_the_accounts_written_as_they_were_left() -> None:
    """A closed account is told as gone; programs and untouched keys are not told."""
    stand = Stand()
    stand.mint("x")
    alice = address(stand.alice)
    account = ata(alice, WSOL)
    landed = stand.send([close_account(account, alice, TOKEN)], stand.alice)
    assert landed.error is None
    assert set(stand.news.changes[-1]) == {alice, account}
    assert stand.news.changes[-1][account] == GONE


def test_an_account_that_is_no_nonce_does_not_keep_a_transaction_alive() -> None:
    """Only an initialized account of the system program counts."""
    stand = Stand()
    assert not stand.bank.executor.has_live_nonce(stand.pay(2 * SOL, BOB, blockhash="1" * 32))
    metas = (AccountMeta(BOB, False, True), AccountMeta(WSOL), AccountMeta(address(stand.alice), True))
    advance = Instruction(SYSTEM, metas, b"\4\0\0\0")
    assert not stand.bank.executor.has_live_nonce(stand.envelope([advance], stand.alice))


def test_decimals_of_what_is_no_mint_are_unknown() -> None:
    """None, not a guess."""
    executor = Stand().bank.executor
    assert executor.decimals(BOB) is None
    assert executor.decimals(WSOL) == 9
