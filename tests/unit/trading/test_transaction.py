"""Messages are byte for byte what the runtime expects, and a template never differs from the slow way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from solders.hash import Hash
from solders.instruction import AccountMeta as SoldersMeta
from solders.instruction import Instruction as SoldersInstruction
from solders.message import Message, MessageV0, from_bytes_versioned
from solders.pubkey import Pubkey as SoldersPubkey

from sniperforge.base.units import Pubkey
from sniperforge.dex.programs import SYSTEM, TOKEN, compute_limit, compute_price, transfer_lamports
from sniperforge.dex.venue import AccountMeta, Instruction
from sniperforge.trading.transaction import (
    ACCOUNTS_MAX,
    LookupTable,
    Template,
    TemplateMismatch,
    TransactionInvalid,
    TransactionTooLong,
    compact,
    compile_message,
)

PAYER = Pubkey(b"\x01" * 32)
BLOCKHASH = b"\x07" * 32
PROGRAM = Pubkey(b"\x09" * 32)
KEYS = st.binary(min_size=32, max_size=32).map(Pubkey)
METAS = st.builds(AccountMeta, KEYS, st.booleans(), st.booleans())
INSTRUCTIONS = st.builds(Instruction, KEYS, st.lists(METAS, max_size=4).map(tuple), st.binary(max_size=20))


def key(number: int) -> Pubkey:
    return Pubkey(number.to_bytes(32, "big"))


def build(keys: Sequence[Pubkey], numbers: Sequence[int]) -> tuple[Instruction, ...]:
    """A shape like a venue's: fixed accounts, keys used twice, amounts used twice."""
    amount_in, amount_out_min, price = numbers
    swap = Instruction(
        PROGRAM,
        (AccountMeta(PAYER, True, True), *(AccountMeta(k, False, k is keys[0]) for k in keys), AccountMeta(TOKEN)),
        b"\xaa" + amount_in.to_bytes(8, "little") + amount_out_min.to_bytes(8, "little"),
    )
    return compute_limit(90_000), compute_price(price), transfer_lamports(PAYER, keys[0], amount_in), swap


def solders_message(instructions: Sequence[Instruction]) -> Message:
    return Message.new_with_blockhash(
        [
            SoldersInstruction(
                SoldersPubkey(i.program), i.data, [SoldersMeta(SoldersPubkey(k), s, w) for k, s, w in i.accounts]
            )
            for i in instructions
        ],
        SoldersPubkey(PAYER),
        Hash(BLOCKHASH),
    )


def meaning(message: Message | MessageV0) -> list[object]:
    """What a message says, whatever the order inside an account class."""
    keys, header = message.account_keys, message.header
    signers = header.num_required_signatures
    writable = [
        i < signers - header.num_readonly_signed_accounts
        if i < signers
        else i < len(keys) - header.num_readonly_unsigned_accounts
        for i in range(len(keys))
    ]
    return [
        (keys[i.program_id_index], bytes(i.data), [(keys[a], a < signers, writable[a]) for a in bytes(i.accounts)])
        for i in message.instructions
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(INSTRUCTIONS, max_size=5))
def test_a_message_says_what_solders_says(instructions: list[Instruction]) -> None:
    """solders is the reference for the wire format."""
    reference = solders_message(instructions)
    assume(len(bytes(reference)) + 1 + 64 * reference.header.num_required_signatures <= 1232)
    ours = Message.from_bytes(compile_message(PAYER, instructions, BLOCKHASH))
    assert meaning(ours) == meaning(reference)
    assert str(ours.header) == str(reference.header)
    assert ours.recent_blockhash == reference.recent_blockhash
    assert set(ours.account_keys) == set(reference.account_keys)
    assert ours.account_keys[0] == SoldersPubkey(PAYER)


@settings(max_examples=20, deadline=None)
@given(st.lists(INSTRUCTIONS, max_size=2))
def test_a_v0_message_is_the_legacy_one_in_its_frame(instructions: list[Instruction]) -> None:
    legacy = compile_message(PAYER, instructions, BLOCKHASH)
    versioned = compile_message(PAYER, instructions, BLOCKHASH, versioned=True)
    assert versioned == b"\x80" + legacy + b"\x00"
    assert isinstance(from_bytes_versioned(versioned), MessageV0)


@pytest.mark.parametrize(
    ("length", "encoded"),
    [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\x01"), (16383, b"\xff\x7f"), (16384, b"\x80\x80\x01")],
)
def test_compact_lengths_have_their_known_bytes(length: int, encoded: bytes) -> None:
    assert compact(length) == encoded


@pytest.mark.parametrize("length", [-1, 65536])
def test_a_length_beyond_two_bytes_is_refused(length: int) -> None:
    with pytest.raises(TransactionInvalid, match="does not fit"):
        compact(length)


def resolved(message: MessageV0, tables: Sequence[LookupTable]) -> list[object]:
    """What a message says once its lookups are followed, as the runtime does it."""
    held = {SoldersPubkey(table.address): table.keys for table in tables}
    rows = message.address_table_lookups
    writable = [held[row.account_key][place] for row in rows for place in bytes(row.writable_indexes)]
    readonly = [held[row.account_key][place] for row in rows for place in bytes(row.readonly_indexes)]
    static, header = list(map(bytes, message.account_keys)), message.header
    signers = header.num_required_signatures
    flags = [
        (i < signers, i < signers - header.num_readonly_signed_accounts)
        if i < signers
        else (False, i < len(static) - header.num_readonly_unsigned_accounts)
        for i in range(len(static))
    ]
    keys = [*static, *writable, *readonly]
    flags += [(False, True)] * len(writable) + [(False, False)] * len(readonly)
    assert len(set(keys)) == len(keys)
    return [
        (static[i.program_id_index], bytes(i.data), [(keys[a], *flags[a]) for a in bytes(i.accounts)])
        for i in message.instructions
    ]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), small=st.lists(INSTRUCTIONS, max_size=2))
def test_what_is_too_long_takes_keys_from_tables_and_says_the_same(
    data: st.DataObject, small: list[Instruction]
) -> None:
    """Tables overlap, hold strangers, and hold what must not be taken from them."""
    listed = [AccountMeta(key(n), False, data.draw(st.booleans())) for n in range(1000, 1036)]
    instructions = [
        *small,
        Instruction(PROGRAM, tuple(listed), b"x"),
        transfer_lamports(PAYER, key(1000), 5),
        transfer_lamports(PAYER, key(1001), 5),
    ]
    offered = [PAYER, PROGRAM, SYSTEM, *(key(n) for n in range(998, 1036))]
    tables = [
        LookupTable(key(number), (*data.draw(st.permutations(offered)), *data.draw(st.permutations(offered))))
        for number in (1, 2)
    ]
    with pytest.raises(TransactionTooLong, match="name a lookup table"):
        compile_message(PAYER, instructions, BLOCKHASH)
    message = from_bytes_versioned(compile_message(PAYER, instructions, BLOCKHASH, tables=tables))
    assert isinstance(message, MessageV0)
    roles: dict[Pubkey, tuple[bool, bool]] = {PAYER: (True, True)}
    for one in instructions:
        for meta in one.accounts:
            before = roles.get(meta.key, (False, False))
            roles[meta.key] = (before[0] or meta.signer, before[1] or meta.writable)
    assert resolved(message, tables) == [
        (one.program, one.data, [(meta.key, *roles[meta.key]) for meta in one.accounts]) for one in instructions
    ]
    # Payer, programs, and what System is given: the runtime and the senders look for them here.
    assert {PAYER, SYSTEM, PROGRAM, key(1000), key(1001)} <= set(map(bytes, message.account_keys))


def test_what_fits_takes_nothing_from_tables() -> None:
    """A legacy message is the same bytes with and without them."""
    order = [compute_limit(5), Instruction(PROGRAM, (AccountMeta(key(1)), AccountMeta(key(2))), b"")]
    tables = [LookupTable(key(9), (key(1), key(2)))]
    assert compile_message(PAYER, order, BLOCKHASH, tables=tables) == compile_message(PAYER, order, BLOCKHASH)


def test_a_table_that_saves_nothing_is_left_out() -> None:
    """Naming it costs 34 bytes, and a key found in it saves 31; a place beyond 256 has no byte."""
    order = [Instruction(PROGRAM, tuple(AccountMeta(key(n)) for n in range(100, 138)), b"")]
    useful = LookupTable(key(8), tuple(key(n) for n in range(101, 138)))
    single, beyond = LookupTable(key(9), (key(100),)), LookupTable(key(7), (*([key(5)] * 256), key(100), key(101)))
    message = from_bytes_versioned(compile_message(PAYER, order, BLOCKHASH, tables=[single, beyond, useful]))
    assert isinstance(message, MessageV0)
    assert [bytes(row.account_key) for row in message.address_table_lookups] == [key(8)]
    with pytest.raises(TransactionTooLong):
        compile_message(PAYER, order, BLOCKHASH, tables=[single, beyond])


def test_the_largest_transaction_passes_and_one_byte_more_is_refused() -> None:
    """1232 bytes with its signature, by the network's packet size."""
    room = 1232 - 1 - 64 - len(compile_message(PAYER, [Instruction(PROGRAM, (), b"")], BLOCKHASH))
    # Data beyond 127 bytes costs one more byte of length.
    assert compile_message(PAYER, [Instruction(PROGRAM, (), bytes(room - 1))], BLOCKHASH)
    with pytest.raises(TransactionInvalid, match="1233 bytes"):
        compile_message(PAYER, [Instruction(PROGRAM, (), bytes(room))], BLOCKHASH)


def test_too_many_accounts_are_refused_by_count() -> None:
    metas = tuple(AccountMeta(key(i + 1)) for i in range(ACCOUNTS_MAX))
    with pytest.raises(TransactionInvalid, match="66 accounts"):
        compile_message(PAYER, [Instruction(PROGRAM, metas, b"")], BLOCKHASH)


def test_a_short_blockhash_is_refused() -> None:
    with pytest.raises(TransactionInvalid, match="32 bytes"):
        compile_message(PAYER, [], b"\x07")


U64 = st.integers(min_value=0, max_value=2**64 - 1)


@settings(max_examples=100, deadline=None)
@given(keys=st.lists(KEYS, min_size=4, max_size=4), numbers=st.tuples(U64, U64, U64), blockhash=KEYS)
def test_a_patched_message_equals_the_compiled_one(
    keys: list[Pubkey], numbers: tuple[int, int, int], blockhash: Pubkey
) -> None:
    template = Template(PAYER, build, key_count=4, number_count=3)
    assert template.patch(keys, numbers, blockhash) == compile_message(PAYER, build(keys, numbers), blockhash)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([key(5), key(6), PAYER, SYSTEM, TOKEN, PROGRAM]), min_size=4, max_size=4))
def test_keys_that_coincide_are_compiled_the_slow_way(keys: list[Pubkey]) -> None:
    """Equal keys share a row of the account table; patching would lie."""
    template = Template(PAYER, build, key_count=4, number_count=3)
    assert template.patch(keys, (1, 2, 3), BLOCKHASH) == compile_message(PAYER, build(keys, (1, 2, 3)), BLOCKHASH)
    assert template.slow_count == 1


def test_a_builder_that_computes_is_refused() -> None:
    """A number that is not copied verbatim has no place to patch."""

    def adds(keys: Sequence[Pubkey], numbers: Sequence[int]) -> tuple[Instruction, ...]:
        return (compute_price((numbers[0] + 1) % 2**64),)

    with pytest.raises(TemplateMismatch, match="computes"):
        Template(PAYER, adds, key_count=0, number_count=1)


def test_a_slot_nobody_uses_needs_no_place() -> None:
    def ignores(keys: Sequence[Pubkey], numbers: Sequence[int]) -> tuple[Instruction, ...]:
        return (transfer_lamports(PAYER, keys[0], numbers[0]),)

    template = Template(PAYER, ignores, key_count=2, number_count=2)
    wanted = compile_message(PAYER, ignores([key(3), key(4)], [5, 6]), BLOCKHASH)
    assert template.patch([key(3), key(4)], [5, 6], BLOCKHASH) == wanted
    assert template.slow_count == 0


@pytest.mark.parametrize(
    ("keys", "numbers", "blockhash", "problem"),
    [
        ([key(1)], [1, 2, 3], BLOCKHASH, "takes 4 keys"),
        ([key(i) for i in range(4)], [1], BLOCKHASH, "takes 4 keys"),
        ([key(i) for i in range(5, 9)], [1, 2, 3], b"", "takes 4 keys"),
        ([key(5), key(6), key(7), Pubkey(b"short")], [1, 2, 3], BLOCKHASH, "not 32 bytes"),
        ([key(i) for i in range(5, 9)], [1, 2**64, 3], BLOCKHASH, "outside 0"),
    ],
)
def test_wrong_values_are_refused_in_one_line(
    keys: list[Pubkey], numbers: list[int], blockhash: bytes, problem: str
) -> None:
    template = Template(PAYER, build, key_count=4, number_count=3)
    with pytest.raises(TransactionInvalid, match=problem) as caught:
        template.patch(keys, numbers, blockhash)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(KEYS, min_size=4, max_size=4, unique=True),
    others=st.lists(KEYS | st.sampled_from([PAYER, key(5), key(6)]), min_size=2, max_size=2),
    slots=st.permutations(range(4)).map(lambda order: order[:2]),
)
def test_a_bound_template_equals_the_compiled_message(
    keys: list[Pubkey], others: list[Pubkey], slots: list[int]
) -> None:
    """Also where an open key turns out to be one that was filled in, or a fixed account."""
    keys = [key(5), key(6), *keys[2:]]
    assume(len({*keys, PAYER, SYSTEM, TOKEN, PROGRAM}) == 8)
    bound = Template(PAYER, build, key_count=4, number_count=3).bound(keys, slots)
    whole = [others[slots.index(slot)] if slot in slots else key for slot, key in enumerate(keys)]
    wanted = compile_message(PAYER, build(whole, (1, 2, 3)), BLOCKHASH)
    assert bound.patch(others, (1, 2, 3), BLOCKHASH) == wanted


def test_a_bound_template_knows_slots_nobody_uses() -> None:
    def ignores(keys: Sequence[Pubkey], numbers: Sequence[int]) -> tuple[Instruction, ...]:
        return (transfer_lamports(PAYER, keys[0], numbers[0]),)

    template = Template(PAYER, ignores, key_count=3, number_count=2)
    for slots in ([1, 0], [0], [2, 0, 1]):
        part = [key(7), key(8), key(9)][: len(slots)]
        wanted = compile_message(PAYER, ignores([part[slots.index(0)]], (5, 6)), BLOCKHASH)
        bound = template.bound([key(1), key(2), key(2)], slots)
        assert bound.patch(part, (5, 6), BLOCKHASH) == wanted
        assert bound.slow_count == 0


@pytest.mark.parametrize("filled", [key(7), TOKEN])
def test_keys_that_would_share_a_row_cannot_be_bound(filled: Pubkey) -> None:
    template = Template(PAYER, build, key_count=4, number_count=3)
    with pytest.raises(TemplateMismatch, match="leave its slot open"):
        template.bound([key(5), key(6), key(7), filled], [0])
