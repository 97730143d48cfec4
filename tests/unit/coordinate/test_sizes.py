"""Every venue's dearest transaction fits a packet with a tip and a durable nonce; one needs a lookup table for it."""

from __future__ import annotations

import dataclasses

import pytest
from solders.message import MessageV0, from_bytes_versioned

from sniperforge.chain.keystore import from_seed
from sniperforge.chain.signer import Plan, Policy, Signer
from sniperforge.coordinate.builder import PROGRAMS, Builder
from sniperforge.dex.venue import Instruction, Venue
from sniperforge.dex.venues import VENUES
from sniperforge.trading.transaction import (
    ACCOUNTS_MAX,
    SIGNATURE_BYTES,
    TRANSACTION_BYTES_MAX,
    LookupTable,
    TransactionTooLong,
    compile_message,
)
from tests.unit.coordinate import dearest

SECRET = from_seed(bytes(range(32)))
#: Bytes of the dearest buy and sell with a nonce and a tip, without a lookup table.
BYTES = {
    "pumpfun": (1205, 1169),
    "pumpswap": (1245, 1220),
    "raydium_cpmm": (878, 853),
    "raydium_amm_v4": (1100, 1043),
    "raydium_launchlab": (1020, 995),
    "meteora_damm_v2": (913, 888),
    "meteora_dbc": (946, 921),
    "meteora_dlmm": (1020, 995),
    "orca_whirlpool": (963, 938),
    "raydium_clmm": (1027, 1002),
}
each = pytest.mark.parametrize("venue", VENUES.values(), ids=list(VENUES))
SIDES = pytest.mark.parametrize("is_buy", [True, False], ids=["buy", "sell"])


@each
@SIDES
def test_the_dearest_order_of_a_venue_fits_with_tip_and_nonce(venue: Venue, is_buy: bool) -> None:
    """By its table where it needs one; and it locks no more accounts than it may."""
    found = dearest.largest(venue, is_buy=is_buy)
    assert found.bytes == BYTES[venue.name][0 if is_buy else 1]
    assert found.bytes_with_table <= TRANSACTION_BYTES_MAX
    assert found.accounts <= ACCOUNTS_MAX


@each
@SIDES
def test_without_a_nonce_no_venue_needs_a_table(venue: Venue, is_buy: bool) -> None:
    """A signature that expires by its blockhash is 74 bytes shorter: the nonce, the sysvar, and the instruction."""
    found = dearest.largest(venue, is_buy=is_buy, nonce=False)
    assert found.bytes == found.bytes_with_table == BYTES[venue.name][0 if is_buy else 1] - 74


def test_the_variants_are_all_there() -> None:
    """Opened and closed accounts, a Token-2022 coin, the nonce first, the tip last, in the dearest of each."""
    for venue in VENUES.values():
        for is_buy in (True, False):
            steps = max((dearest.instructions(*one) for one in dearest.orders(venue, is_buy=is_buy)), key=dearest.size)
            assert steps[0] == dearest.ADVANCE
            assert steps[-1].accounts[1].key == dearest.TIP
            heads = [one.data[:1] for one in steps]
            assert (b"\x01" if is_buy else b"\x09") in heads
            assert venue.program in {one.program for one in steps}


def test_only_a_cashback_coin_of_pumpswap_needs_the_table() -> None:
    """Bought with a nonce and a tip; with the table there is room for another hundred bytes."""
    for name, venue in VENUES.items():
        for is_buy in (True, False):
            for pool, terms in dearest.orders(venue, is_buy=is_buy):
                found = dearest.size(dearest.instructions(pool, terms))
                if found.bytes > TRANSACTION_BYTES_MAX:
                    assert (name, is_buy, pool.numbers["cashback"]) == ("pumpswap", True, 1)
                    assert found.bytes_with_table == 971


def test_the_builder_takes_the_table_when_it_must_and_the_signer_reads_it() -> None:
    """The whole way: instructions too long for a packet, a v0 message, checked and signed."""
    table = dearest.TABLE
    builder = Builder(SECRET.public_key, VENUES, tip_account=dearest.TIP, tables=[table])
    policy = Policy(
        programs=PROGRAMS | {VENUES["pumpswap"].program},
        order_lamports_max=10**12,
        minute_lamports_max=10**12,
        tip_accounts=frozenset((dearest.TIP,)),
        lookup_tables={table.address: table.keys},
    )
    orders = dearest.orders(VENUES["pumpswap"], is_buy=True)
    pool, terms = max(orders, key=lambda one: dearest.size(dearest.instructions(*one)))
    slow = compile_message(SECRET.public_key, builder.instructions(pool, terms), bytes(32))
    # Without the nonce it fits, and a table that is not needed is not used.
    assert builder.message(pool, terms, bytes(32)) == slow
    builder = Builder(SECRET.public_key, {"pumpswap": _padded(VENUES["pumpswap"])}, tip_account=dearest.TIP)
    with pytest.raises(TransactionTooLong) as caught:
        builder.message(pool, terms, bytes(32))
    assert caught.value.size > TRANSACTION_BYTES_MAX
    builder.tables = (table,)
    for _ in range(2):
        message = builder.message(pool, terms, bytes(32))
        assert SIGNATURE_BYTES + 1 + len(message) <= TRANSACTION_BYTES_MAX
    assert isinstance(from_bytes_versioned(message), MessageV0)
    assert Signer(SECRET, policy).sign(message, Plan(10**10, False), 0)[65:] == message
    with pytest.raises(TransactionTooLong):
        builder.tables = (LookupTable(table.address, table.keys[:2]),)
        builder.message(pool, terms, bytes(32))


def _padded(venue: Venue) -> Venue:
    """Return *venue* with a hundred bytes more for its program: about what a nonce and another tip take."""
    more = Instruction(venue.program, (), bytes(100))
    return dataclasses.replace(venue, assemble=lambda keys, pool, order: (*venue.assemble(keys, pool, order), more))
