"""Every order becomes bytes of its own, and what may not be signed becomes a refusal by name."""

from __future__ import annotations

import pytest
from solders.transaction import VersionedTransaction

from sniperforge.coordinate.builder import Builder, Terms
from sniperforge.coordinate.desk import Ticket
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.coordinate.signing import Signing
from sniperforge.coordinate.wallet import open_signer
from sniperforge.trading.risk import Cost, Refusal
from tests.unit.coordinate.stand import START_NS, VENUES, make_buy, make_sell

ANCHOR = (b"\x07" * 32, 99)
BUY = Ticket(Terms(True, 10_000_000, 1, 100_000, 200_000, 0), Cost(25_000, 300), 10_025_300)


def make_signing(*, minute_lamports_max: int = 10**9, kept: int = 8) -> Signing:
    settings = CoordinateSettings(wallet_signs_minute_lamports_max=minute_lamports_max)
    signer = open_signer(settings, VENUES, ())
    return Signing(Builder(signer.wallet, VENUES), signer, kept=kept)


def signed(signing: Signing, number: int = 1, *, pool: int = 1) -> Order:
    intent = make_buy(pool, id=number)
    order = signing.sign(intent, BUY, ANCHOR, START_NS)
    assert isinstance(order, Order)
    return order


def test_a_signed_order_has_all_that_the_journal_wants() -> None:
    order = signed(make_signing())
    transaction = VersionedTransaction.from_bytes(order.raw)
    assert transaction.verify_with_results() == [True]
    assert order.signature == str(transaction.signatures[0])
    assert (order.id, order.state, order.claimed, order.signed_ns) == (1, "signed", True, START_NS)
    assert (order.last_valid_block_height, order.cost_lamports) == (99, 25_300)


def test_equal_orders_are_two_transactions_and_count_once_each() -> None:
    """The chain answers for a signature: two orders that share one would share their fate."""
    signing = make_signing(minute_lamports_max=2 * BUY.spend_lamports)
    first, second = signed(signing, 1), signed(signing, 2)
    assert first.signature != second.signature
    third = signing.sign(make_buy(3), BUY, ANCHOR, START_NS)
    assert third == Refusal("signer.minute_lamports_max", BUY.spend_lamports, 0)


def test_an_order_of_an_earlier_life_is_never_signed_again() -> None:
    earlier = signed(make_signing())
    signing = make_signing()
    signing.remember(earlier, since_ns=START_NS)
    assert signed(signing).signature != earlier.signature


def test_only_what_was_signed_in_the_last_minute_counts_after_a_restart() -> None:
    earlier = signed(make_signing())
    for since_ns, verdict in ((START_NS, Order), (START_NS - 1, Refusal)):
        signing = make_signing(minute_lamports_max=BUY.spend_lamports)
        signing.remember(earlier, since_ns=since_ns)
        assert type(signing.sign(make_buy(2), BUY, ANCHOR, START_NS)) is verdict


@pytest.mark.parametrize("state", ["refused", "confirmed"])
def test_refusals_and_exits_spend_nothing_of_the_minute(state: str) -> None:
    signing = make_signing(minute_lamports_max=BUY.spend_lamports)
    intent = make_buy() if state == "refused" else make_sell(1, 5)
    signing.remember(Order(7, intent, state, signed_ns=START_NS, cost_lamports=9), since_ns=0)
    assert signed(signing)


def test_only_the_youngest_signatures_are_remembered() -> None:
    """A bound: after `kept` others, equal bytes could be signed again, minutes after their blockhash died."""
    signing = make_signing(kept=2)
    first = signed(signing)
    signed(signing, 2, pool=2)
    assert signed(signing, 3).signature != first.signature
    assert signed(signing, 4).signature == first.signature


def test_what_fits_no_transaction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.trading.transaction.TRANSACTION_BYTES_MAX", 500)
    assert make_signing().sign(make_buy(), BUY, ANCHOR, START_NS) == Refusal("transaction.size", 1, 0)


def test_a_rehearsal_looks_like_an_order_and_is_signed_by_nobody() -> None:
    """Were it sent, every node would throw it away; and the signer's minute has not seen it."""
    signing = make_signing(minute_lamports_max=BUY.spend_lamports)
    order = signing.rehearse(make_buy(), BUY.terms, START_NS)
    transaction = VersionedTransaction.from_bytes(order.raw)
    assert transaction.verify_with_results() == [False]
    assert bytes(transaction.message.recent_blockhash) == bytes(32)
    assert len(order.raw) == len(signed(signing).raw)
