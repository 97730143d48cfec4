"""The signer signs what the policy allows, looks at the message itself, and shows nothing of its key."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.hash import Hash
from solders.instruction import AccountMeta as SoldersMeta
from solders.instruction import Instruction as SoldersInstruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey as SoldersPubkey
from solders.transaction import VersionedTransaction

from sniperforge.base.units import Pubkey
from sniperforge.chain.keystore import from_seed
from sniperforge.chain.signer import MINUTE_NS, Plan, Policy, Signer, SignRefused
from sniperforge.dex.programs import (
    ASSOCIATED_TOKEN,
    COMPUTE_BUDGET,
    SYSTEM,
    TOKEN,
    WSOL,
    ata,
    burn,
    close_account,
    compute_limit,
    open_ata,
    sync_native,
    transfer_lamports,
)
from sniperforge.dex.venue import AccountMeta, Instruction
from sniperforge.trading.transaction import LookupTable, compile_message

SEED = bytes(range(32))
WALLET = Pubkey(bytes(Keypair.from_seed(SEED).pubkey()))
TIPS = Pubkey(b"\x0b" * 32)
STRANGER = Pubkey(b"\x0c" * 32)
VENUE = Pubkey(b"\x0d" * 32)
MINT = Pubkey(b"\x0e" * 32)
TABLE = Pubkey(b"\x0f" * 32)
HELD = (MINT, TIPS, VENUE, *(Pubkey(bytes([n]) * 32) for n in range(0x20, 0x60)))
POLICY = Policy(
    programs=frozenset((SYSTEM, TOKEN, ASSOCIATED_TOKEN, COMPUTE_BUDGET, VENUE)),
    order_lamports_max=1_000,
    minute_lamports_max=2_500,
    tip_accounts=frozenset((TIPS,)),
    lookup_tables={TABLE: HELD},
)
WRAPPED = ata(WALLET, WSOL)
SWAP = Instruction(VENUE, (AccountMeta(WALLET, True, True), AccountMeta(MINT)), bytes(200))
ORDER = (
    compute_limit(100_000),
    open_ata(WALLET, WALLET, WSOL, TOKEN, WRAPPED),
    transfer_lamports(WALLET, WRAPPED, 600),
    sync_native(WRAPPED),
    SWAP,
    close_account(WRAPPED, WALLET, TOKEN),
    transfer_lamports(WALLET, TIPS, 300),
)
ENTRY, EXIT = Plan(900, False), Plan(900, True)


def signer() -> Signer:
    return Signer(from_seed(SEED), POLICY)


def message(*instructions: Instruction, payer: Pubkey = WALLET, versioned: bool = False) -> bytes:
    return compile_message(payer, instructions, bytes(32), versioned=versioned)


@pytest.mark.parametrize("versioned", [False, True])
def test_a_whole_order_is_signed_and_verifies(versioned: bool) -> None:
    raw = signer().sign(message(*ORDER, versioned=versioned), ENTRY, 0)
    transaction = VersionedTransaction.from_bytes(raw)
    assert transaction.verify_with_results() == [True]
    assert bytes(transaction.signatures[0]) == bytes(Keypair.from_seed(SEED).sign_message(raw[65:]))


def refused(*instructions: Instruction, plan: Plan = ENTRY) -> SignRefused:
    with pytest.raises(SignRefused) as caught:
        signer().sign(message(*instructions), plan, 0)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_program_that_is_not_listed_is_refused_by_its_id() -> None:
    assert refused(Instruction(STRANGER, (), b"")).rule == "programs"


def test_lamports_go_to_ourselves_and_tips_only() -> None:
    assert refused(transfer_lamports(WALLET, STRANGER, 1)).rule == "transfer"


def test_transfers_stay_within_the_plan() -> None:
    assert "transfers 901 lamports, planned 900" in str(
        refused(transfer_lamports(WALLET, WRAPPED, 600), transfer_lamports(WALLET, TIPS, 301))
    )


@pytest.mark.parametrize(
    "instruction",
    [
        Instruction(SYSTEM, (AccountMeta(WALLET, True, True), AccountMeta(WRAPPED)), b"\x01\0\0\0" + bytes(32)),
        Instruction(SYSTEM, (AccountMeta(WALLET, True, True), AccountMeta(WRAPPED)), b"\x02\0\0\0" + bytes(7)),
    ],
)
def test_no_other_system_instruction_is_signed(instruction: Instruction) -> None:
    assert refused(instruction).rule == "system"


def test_tokens_are_not_transferred_and_accounts_close_in_our_favour() -> None:
    transfer = Instruction(
        TOKEN, (AccountMeta(WRAPPED, False, True), AccountMeta(STRANGER, False, True)), b"\x03" + bytes(8)
    )
    assert refused(transfer).rule == "token"
    theirs = Instruction(TOKEN, (AccountMeta(WRAPPED, False, True), AccountMeta(STRANGER, False, True)), b"\x09")
    assert "in another's favour" in str(refused(theirs))


def test_only_our_wallet_pays_and_signs() -> None:
    with pytest.raises(SignRefused, match=r"signer\.fee_payer"):
        signer().sign(message(SWAP, payer=STRANGER), ENTRY, 0)
    with pytest.raises(SignRefused, match=r"signer\.fee_payer"):
        signer().sign(message(Instruction(VENUE, (AccountMeta(STRANGER, True),), b"")), ENTRY, 0)


def test_the_order_cap_binds_at_its_edge_for_exits_too() -> None:
    for is_exit in (False, True):
        signer().sign(message(SWAP), Plan(1_000, is_exit), 0)
        with pytest.raises(SignRefused, match="1001 asked, 1000 allowed"):
            signer().sign(message(SWAP), Plan(1_001, is_exit), 0)


def test_the_minute_cap_counts_entries_and_lets_exits_through() -> None:
    ours = signer()
    ours.sign(message(SWAP), Plan(1_000, False), 0)
    ours.sign(message(SWAP), Plan(1_000, False), 1)
    ours.sign(message(SWAP), Plan(500, False), 2)
    with pytest.raises(SignRefused, match="2501 in one minute, 2500 allowed"):
        ours.sign(message(SWAP), Plan(1, False), MINUTE_NS - 1)
    ours.sign(message(SWAP), Plan(1_000, True), MINUTE_NS - 1)
    ours.sign(message(SWAP), Plan(1_000, False), MINUTE_NS)


def test_what_was_signed_before_a_restart_counts() -> None:
    ours = signer()
    ours.remember(Plan(2_500, False), 0)
    ours.remember(Plan(2_500, True), 0)
    with pytest.raises(SignRefused, match="minute"):
        ours.sign(message(SWAP), Plan(1, False), 1)


def test_a_refused_order_is_not_counted() -> None:
    ours = signer()
    with pytest.raises(SignRefused):
        ours.sign(message(Instruction(STRANGER, (), b"")), Plan(1_000, False), 0)
    assert ours._spent_lamports == 0


@given(st.binary(max_size=300))
def test_bytes_that_are_no_message_are_refused_not_crashed_on(noise: bytes) -> None:
    with pytest.raises(SignRefused):
        signer().sign(noise, ENTRY, 0)


@given(cut=st.integers(0, 400), flip=st.integers(0, 8 * 400), data=st.binary(max_size=4))
def test_a_damaged_order_moves_nothing_foreign(cut: int, flip: int, data: bytes) -> None:
    """Whatever is signed after damage still calls listed programs only and pays ourselves or tips."""
    body = bytearray(message(*ORDER))
    body[flip // 8 % len(body)] ^= 1 << flip % 8
    damaged = bytes(body[: len(body) - cut % 3] + data)
    ours = signer()
    try:
        raw = ours.sign(damaged, ENTRY, 0)
    except SignRefused:
        return
    checked = VersionedTransaction.from_bytes(raw).message
    assert bytes(checked.account_keys[0]) == WALLET
    assert {bytes(checked.account_keys[i.program_id_index]) for i in checked.instructions} <= POLICY.programs


@pytest.mark.parametrize("version", [b"\x81", b"\xff"])
def test_an_unknown_version_is_refused(version: bytes) -> None:
    with pytest.raises(SignRefused, match="legacy"):
        signer().sign(version + message(SWAP) + b"\0", ENTRY, 0)


def test_left_over_bytes_are_refused() -> None:
    with pytest.raises(SignRefused, match="1 bytes are left over"):
        signer().sign(message(SWAP) + b"\0", ENTRY, 0)


def test_long_instruction_data_is_read_to_its_end() -> None:
    """Lengths of one, two and three bytes (the last cannot fit a packet, but must not confuse)."""
    big = Instruction(VENUE, (), bytes(900))
    assert signer().sign(message(big), ENTRY, 0)
    three = message(Instruction(VENUE, (), b""))[:-1] + b"\x80\x80\x01" + bytes(16384)
    assert signer().sign(three, ENTRY, 0)


def test_a_long_list_of_accounts_is_read_to_its_end() -> None:
    """An account may stand in a list many times: its length then takes two bytes, and the data follows all the same."""
    many = Instruction(VENUE, (AccountMeta(WALLET),) * 200, b"\1")
    assert signer().sign(message(many, transfer_lamports(WALLET, WALLET, 5)), ENTRY, 0)
    assert refused(many, transfer_lamports(WALLET, Pubkey(bytes(range(32))), 5)).rule == "transfer"


#: Forty keys of the table: too long without it.
LONG = Instruction(VENUE, tuple(AccountMeta(one, False, at % 3 == 0) for at, one in enumerate(HELD[3:43])), b"x")


def looked_up(*instructions: Instruction, table: Pubkey = TABLE, held: tuple[Pubkey, ...] = HELD) -> bytes:
    return compile_message(WALLET, (*instructions, LONG), bytes(32), tables=[LookupTable(table, held)])


def test_accounts_behind_a_table_of_the_settings_are_signed() -> None:
    raw = signer().sign(looked_up(*ORDER), ENTRY, 0)
    transaction = VersionedTransaction.from_bytes(raw)
    assert transaction.verify_with_results() == [True]
    assert isinstance(transaction.message, MessageV0)
    assert len(transaction.message.address_table_lookups) == 1


def test_a_table_nobody_named_is_refused() -> None:
    """What it holds may be anything."""
    with pytest.raises(SignRefused, match=r"signer\.lookup_table: .* is not on the list; name it in coordinate"):
        signer().sign(looked_up(table=STRANGER), ENTRY, 0)


def test_a_place_beyond_what_a_table_holds_is_refused() -> None:
    """The chain may have more there than the settings say: nobody here knows what."""
    longer = (*HELD, *(Pubkey(bytes([n]) * 32) for n in range(0x80, 0x90)))
    body = compile_message(
        WALLET,
        [LONG, Instruction(VENUE, (AccountMeta(longer[-1]), AccountMeta(longer[-2])), b"")],
        bytes(32),
        tables=[LookupTable(TABLE, longer)],
    )
    with pytest.raises(SignRefused, match=f"holds {len(HELD)} keys, the message wants others"):
        signer().sign(body, ENTRY, 0)


def test_a_list_of_places_too_long_for_one_byte_is_refused() -> None:
    """Its length would be read as another one by the chain."""
    body = looked_up()
    at = body.index(TABLE) + 32
    assert body[at] == 14
    with pytest.raises(SignRefused, match="lookup_table"):
        signer().sign(body[:at] + b"\x8e" + body[at + 1 :] + bytes(200), ENTRY, 0)


def test_nobody_is_paid_through_a_table() -> None:
    """As another builder would put it: solders takes all it can from a table."""
    metas = [SoldersMeta(SoldersPubkey(WALLET), True, True), SoldersMeta(SoldersPubkey(TIPS), False, True)]
    pay = SoldersInstruction(SoldersPubkey(SYSTEM), transfer_lamports(WALLET, TIPS, 5).data, metas)
    table = AddressLookupTableAccount(SoldersPubkey(TABLE), [SoldersPubkey(one) for one in HELD])
    body = bytes(to_bytes_versioned(MessageV0.try_compile(SoldersPubkey(WALLET), [pay], [table], Hash.default())))
    assert body.count(TIPS) == 0
    with pytest.raises(SignRefused, match="neither ours nor a tip account"):
        signer().sign(body, ENTRY, 0)


def test_no_program_is_called_through_a_table() -> None:
    """An index beyond the message's own keys is nobody's."""
    body = looked_up()
    count, at = body[4], 5 + 32 * body[4] + 32 + 1
    with pytest.raises(SignRefused, match="is not on the list"):
        signer().sign(body[:at] + bytes([count]) + body[at + 1 :], ENTRY, 0)


@given(flip=st.integers(0, 8 * 900), data=st.binary(max_size=4))
def test_a_damaged_order_with_a_table_takes_nothing_unknown(flip: int, data: bytes) -> None:
    """Whatever is signed after damage names listed tables only, and places they have."""
    body = bytearray(looked_up(*ORDER))
    body[flip // 8 % len(body)] ^= 1 << flip % 8
    try:
        raw = signer().sign(bytes(body) + data, ENTRY, 0)
    except SignRefused:
        return
    checked = VersionedTransaction.from_bytes(raw).message
    assert isinstance(checked, MessageV0)
    for row in checked.address_table_lookups:
        assert bytes(row.account_key) == TABLE
        assert max(bytes(row.writable_indexes) + bytes(row.readonly_indexes)) < len(HELD)
    assert {bytes(checked.account_keys[i.program_id_index]) for i in checked.instructions} <= POLICY.programs


def test_a_signer_is_never_shown_copied_or_pickled() -> None:
    ours = signer()
    assert "signer of" in repr(ours)
    for use in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never copied"):
            use(ours)
    assert SEED.hex() not in repr(ours)
    assert not hasattr(ours, "__dict__")


def test_only_a_write_off_may_burn() -> None:
    """No entry, and no exit that is not planned as one."""
    coins = burn(WRAPPED, STRANGER, WALLET, TOKEN, 5)
    for plan in (ENTRY, Plan(1_000, True)):
        with pytest.raises(SignRefused, match=r"signer\.token"):
            signer().sign(message(coins), plan, 0)
    assert signer().sign(message(coins), Plan(1_000, True, burns=True), 0)


def test_a_rehearsal_is_checked_like_an_order_and_signed_with_a_key_nobody_has() -> None:
    ours = signer()
    raw = ours.rehearse(message(*ORDER), ENTRY)
    assert VersionedTransaction.from_bytes(raw).verify_with_results() == [False]
    assert raw[65:] == message(*ORDER)
    for _ in range(10):  # counts into no minute
        ours.rehearse(message(*ORDER), ENTRY)
    ours.sign(message(*ORDER), ENTRY, 0)
    with pytest.raises(SignRefused, match=r"signer\.programs"):
        ours.rehearse(message(Instruction(STRANGER, (), b"")), ENTRY)
