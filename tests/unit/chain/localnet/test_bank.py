"""The bank's promise: Solana's rules of blockhashes, duplicates, order, commitment and fees, exactly."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import genesis
from sniperforge.chain.localnet.bank import CONFIRMED, FINALIZED, PROCESSED, Bank, epoch_of
from sniperforge.chain.localnet.market_client import address, wallet
from sniperforge.chain.localnet.refusal import RpcRefusal
from sniperforge.chain.localnet.settings import LocalNetSettings
from sniperforge.dex.programs import SYSTEM, compute_limit, compute_price, transfer_lamports
from sniperforge.dex.venue import AccountMeta, Instruction
from tests.unit.chain.localnet.stand import SOL, START_MS, News, Stand

BOB = Pubkey(b"bob".ljust(32, b"\1"))
PLENTY = 2 * SOL


def test_a_blockhash_is_good_for_exactly_its_window() -> None:
    """The sixth slot after it still takes it, the seventh does not."""
    stand = Stand()
    early, late = stand.pay(PLENTY, BOB), stand.pay(PLENTY + 1, BOB)
    stand.step(stand.settings.blockhash_slots - 1)
    assert stand.bank.why_not(early) is None
    stand.bank.submit(early)
    stand.bank.run_entry()
    assert stand.bank.history.find(early.signature) is not None
    stand.step()
    assert stand.bank.why_not(late) == "BlockhashNotFound"
    stand.bank.submit(late)
    stand.bank.run_entry()
    assert stand.bank.history.find(late.signature) is None
    assert stand.bank.counters.expired == 1


def test_an_unknown_blockhash_is_refused() -> None:
    """A hash no block ever had is not in the window."""
    stand = Stand()
    assert stand.bank.why_not(stand.pay(PLENTY, BOB, blockhash="1" * 32)) == "BlockhashNotFound"


def test_the_same_transaction_lands_once() -> None:
    """Sent thrice, before and after it landed, it pays once."""
    stand = Stand()
    payment = stand.pay(PLENTY, BOB)
    stand.bank.submit(payment)
    stand.bank.submit(payment)
    stand.step()
    assert stand.bank.why_not(payment) == "AlreadyProcessed"
    stand.bank.submit(payment)
    stand.step()
    account = stand.bank.executor.account(BOB)
    assert account is not None
    assert account.lamports == PLENTY
    assert stand.bank.counters.landed == 1


def test_a_duplicate_that_slips_into_the_queue_does_not_run() -> None:
    """A copy delayed while the first landed is dropped when its turn comes."""
    stand = Stand()
    payment = stand.pay(PLENTY, BOB)
    stand.bank._execute(payment)
    stand.bank._execute(payment)
    assert (stand.bank.counters.landed, stand.bank.counters.expired) == (1, 1)


@pytest.mark.parametrize(
    ("price", "limit", "priority"),
    [(0, 0, 0), (1_000_000, 1_000, 1_000), (1_000_001, 1_000, 1_001), (1, 1_000, 1)],
)
def test_the_fee_is_five_thousand_a_signature_and_the_price_rounded_up(price: int, limit: int, priority: int) -> None:
    """micro-lamports x limit / 1e6, one part of a lamport is a whole one."""
    stand = Stand()
    before = stand.svm.get_balance(stand.alice.pubkey())
    steps = [compute_limit(limit), compute_price(price)] if limit else []
    landed = stand.send([*steps, transfer_lamports(address(stand.alice), BOB, PLENTY)], stand.alice)
    assert landed.fee == 5_000 + priority
    assert stand.svm.get_balance(stand.alice.pubkey()) == (before or 0) - PLENTY - landed.fee


def test_a_failed_transaction_lands_and_pays_its_fee_only() -> None:
    """Its instructions are undone, its fee is not."""
    stand = Stand()
    landed = stand.send([transfer_lamports(address(stand.alice), BOB, 10**15)], stand.alice)
    assert landed.error == {"InstructionError": [0, {"Custom": 1}]}
    assert landed.balances[0][0] - landed.balances[1][0] == landed.fee == 5_000
    assert stand.bank.executor.account(BOB) is None
    assert stand.bank.counters.failed == 1


def test_who_cannot_pay_does_not_land() -> None:
    """A payer without lamports leaves no trace in the block."""
    stand = Stand()
    poor = wallet(0, "poor")
    envelope = stand.envelope([transfer_lamports(address(poor), BOB, 1)], poor)
    stand.bank.submit(envelope)
    stand.step()
    assert stand.bank.history.find(envelope.signature) is None
    assert stand.bank.counters.expired == 1


def test_the_leader_takes_the_best_price_first() -> None:
    """Of what waits, the dearest is executed first; equals in order of arrival."""
    stand = Stand()
    prices = (5, 900, 5, 70)
    sent = []
    for number, price in enumerate(prices):
        steps = [compute_price(price), transfer_lamports(address(stand.alice), BOB, PLENTY + number)]
        sent.append(stand.envelope(steps, stand.alice))
        stand.bank.submit(sent[-1])
    stand.step()
    order = [each.signature for each in stand.news.landed]
    assert order == [sent[1].signature, sent[3].signature, sent[0].signature, sent[2].signature]
    assert [each.index for each in stand.news.landed] == [0, 1, 2, 3]


def test_commitment_rises_with_the_age_of_the_slot() -> None:
    """Processed at once, confirmed after two slots, final after four, told in that order."""
    stand = Stand()
    landed = stand.send([transfer_lamports(address(stand.alice), BOB, PLENTY)], stand.alice)
    seen = []
    for _ in range(5):
        seen.append(stand.bank.commitment_of(landed.slot))
        stand.step()
    assert seen == [PROCESSED, PROCESSED, CONFIRMED, CONFIRMED, FINALIZED]
    assert [c for slot, c in stand.news.risen if slot == landed.slot] == [CONFIRMED, FINALIZED]


def test_slots_follow_each_other_and_blocks_chain() -> None:
    """No slot is skipped; every block names the hash before it, and no two share one."""
    stand = Stand()
    stand.step(5)
    blocks = list(stand.bank.history.blocks.values())
    assert [each.slot for each in blocks] == list(range(blocks[0].slot, stand.bank.slot + 1))
    assert all(one.blockhash == other.previous_blockhash for one, other in pairwise(blocks))
    assert len({each.blockhash for each in blocks}) == len(blocks)
    assert stand.news.slots[-1] == (stand.bank.slot, stand.bank.slot - stand.settings.finalized_after)


def test_the_clock_sysvar_follows_the_slots() -> None:
    """Programs see the slot and the second its block was opened in."""
    stand = Stand()
    stand.step(3, ms=1_000)
    clock = stand.svm.get_clock()
    assert (clock.slot, clock.unix_timestamp) == (stand.bank.slot, START_MS // 1000 + 3)
    assert clock.epoch == epoch_of(stand.bank.slot)[0]
    assert stand.bank.block.time == START_MS // 1000 + 3


def test_the_newest_blockhash_of_a_commitment_is_of_its_slot() -> None:
    """A final blockhash is four slots old and expires that much earlier."""
    stand = Stand()
    stand.step(8)
    processed, last = stand.bank.blockhash_at(PROCESSED)
    final, final_last = stand.bank.blockhash_at(FINALIZED)
    assert processed == stand.bank.history.blocks[stand.bank.slot - 1].blockhash
    assert final == stand.bank.history.blocks[stand.bank.slot - 4].blockhash
    assert last - final_last == 3
    assert stand.bank.is_blockhash_valid(final)


def test_drops_are_accepted_and_never_land() -> None:
    """At a rate of one, nothing of a client's lands; the faucet's own does."""
    stand = Stand(LocalNetSettings(drop_ppm=1_000_000, finalized_after=4))
    lost, kept = stand.pay(PLENTY, BOB), stand.pay(PLENTY + 1, BOB)
    stand.bank.submit(lost)
    stand.bank.submit(kept, loses=False)
    stand.step(3)
    assert stand.bank.history.find(lost.signature) is None
    assert stand.bank.history.find(kept.signature) is not None
    assert stand.news.received_names == [lost.signature, kept.signature]
    assert stand.bank.counters.dropped == 1


def test_delays_are_whole_slots_within_their_bound() -> None:
    """At a rate of one, every transaction lands one to three slots late."""
    stand = Stand(LocalNetSettings(delay_ppm=1_000_000, delay_slots_max=3, finalized_after=4))
    sent = [stand.pay(PLENTY + number, BOB) for number in range(20)]
    born = stand.bank.slot
    for each in sent:
        stand.bank.submit(each)
    stand.step(5)
    late = [landed.slot - born for landed in stand.news.landed]
    assert len(late) == 20
    assert set(late) == {1, 2, 3}


def test_equal_seeds_lose_the_same() -> None:
    """The draws are the seed's, so a run can be told again."""
    fates = []
    for _ in range(2):
        stand = Stand(LocalNetSettings(drop_ppm=500_000, seed=9, finalized_after=4))
        sent = [stand.pay(PLENTY + number, BOB) for number in range(12)]
        for each in sent:
            stand.bank.submit(each)
        stand.step()
        fates.append([stand.bank.history.find(each.signature) is not None for each in sent])
    assert fates[0] == fates[1]
    assert 0 < sum(fates[0]) < 12


def test_a_full_queue_refuses_by_name() -> None:
    """The last place is given, the next sender is told."""
    stand = Stand(LocalNetSettings(pending_max=2, finalized_after=4))
    for number in range(2):
        stand.bank.submit(stand.pay(PLENTY + number, BOB))
    with pytest.raises(RpcRefusal, match="2 transactions wait already; send slower"):
        stand.bank.submit(stand.pay(PLENTY + 9, BOB))


def test_a_durable_nonce_outlives_the_window_and_is_spent_once() -> None:
    """The nonce account's hash stands in for a recent blockhash until it advances."""
    stand = Stand()
    nonce = wallet(0, "nonce")
    alice, place = address(stand.alice), address(nonce)
    rent = stand.svm.minimum_balance_for_rent_exemption(80)
    create = struct.pack("<IQQ", 0, rent, 80) + SYSTEM
    sysvars = (
        AccountMeta(Pubkey(bytes.fromhex("06a7d517192c568ee08a845f73d29788cf035c3145b21ab344d8062ea9400000"))),
        AccountMeta(Pubkey(bytes.fromhex("06a7d517192c5c51218cc94c3d4af17f58daee089ba1fd44e3dbd98a00000000"))),
    )
    opened = stand.send(
        [
            Instruction(SYSTEM, (AccountMeta(alice, True, True), AccountMeta(place, True, True)), create),
            Instruction(SYSTEM, (AccountMeta(place, False, True), *sysvars), struct.pack("<I", 6) + alice),
        ],
        stand.alice,
        nonce,
    )
    assert opened.error is None, opened.logs
    held = text(stand.data(place)[40:72])
    advance = Instruction(
        SYSTEM, (AccountMeta(place, False, True), sysvars[0], AccountMeta(alice, True)), struct.pack("<I", 4)
    )
    spend = stand.envelope([advance, transfer_lamports(alice, BOB, PLENTY)], stand.alice, blockhash=held)
    again = stand.envelope([advance, transfer_lamports(alice, BOB, PLENTY + 1)], stand.alice, blockhash=held)
    stand.step(20)
    assert stand.bank.why_not(spend) is None
    stand.bank.submit(spend)
    stand.step()
    landed = stand.bank.history.find(spend.signature)
    assert landed is not None
    assert landed.error is None
    assert stand.bank.why_not(again) == "BlockhashNotFound"


def test_a_bank_starts_with_final_blocks() -> None:
    """A client that asks for the newest final slot at once gets one."""
    stand = Stand()
    assert stand.bank.slot_at(FINALIZED) > stand.bank.first_slot
    assert stand.bank.height_of(stand.bank.slot) == stand.settings.finalized_after + 1


def test_two_banks_of_one_seed_share_their_genesis_and_others_do_not() -> None:
    """The genesis hash names the cluster."""
    banks = []
    for seed in (1, 1, 2):
        faucet = wallet(0, "faucet")
        banks.append(Bank(LocalNetSettings(seed=seed), genesis.build(faucet), faucet, News(), unix_ms=START_MS))
    assert banks[0].genesis_hash == banks[1].genesis_hash != banks[2].genesis_hash
