"""Slots, blocks and transactions are answered at the commitment asked; what is not there is refused as a node does."""

from __future__ import annotations

import pytest

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.bank import CONFIRMED, FINALIZED
from sniperforge.chain.localnet.market_client import address
from sniperforge.chain.localnet.refusal import Json
from sniperforge.dex.programs import transfer_lamports
from tests.unit.chain.localnet.stand import SOL, START_MS, Stand
from tests.unit.chain.localnet.test_methods_state import part, rows

BOB = Pubkey(b"bob".ljust(32, b"\1"))


def paid(stand: Stand, lamports: int) -> str:
    """Return the signature of a landed payment to BOB."""
    return stand.send([transfer_lamports(address(stand.alice), BOB, lamports)], stand.alice).signature


def test_slots_and_heights_follow_commitment() -> None:
    """Each commitment is its slots behind."""
    stand = Stand()
    slot = stand.bank.slot
    for name, behind in (("processed", 0), ("confirmed", 2), ("finalized", 4)):
        assert stand.result("getSlot", {"commitment": name}) == slot - behind
        height = stand.result("getBlockHeight", {"commitment": name})
        assert height == slot - behind - stand.bank.first_slot
        info = stand.result("getEpochInfo", {"commitment": name})
        assert (part(info, "absoluteSlot"), part(info, "blockHeight")) == (slot - behind, height)


def test_the_node_says_who_it_is() -> None:
    """One node leads everything."""
    stand = Stand()
    identity = stand.node.identity
    assert stand.result("getHealth") == "ok"
    assert stand.result("getIdentity") == {"identity": identity}
    assert stand.result("getSlotLeader") == identity
    assert stand.result("getSlotLeaders", stand.bank.slot, 3) == [identity] * 3
    assert stand.refusal("getSlotLeaders", 1, 0)[0] == -32602
    assert list(part(stand.result("getLeaderSchedule"), identity) or ())[:2] == [0, 1]  # type: ignore[arg-type]
    assert part(rows(stand.result("getClusterNodes"))[0], "pubkey") == identity
    assert part(stand.result("getVoteAccounts"), "delinquent") == []
    assert part(stand.result("getVersion"), "solana-core") == "3.1.0"
    assert stand.result("getGenesisHash") == stand.bank.genesis_hash
    assert stand.result("getFirstAvailableBlock") == stand.bank.first_slot
    assert part(stand.result("getEpochSchedule"), "slotsPerEpoch") == 432_000
    supply = stand.value("getSupply")
    assert part(supply, "total") == 500_000_000 * SOL


def test_a_status_is_told_with_its_commitment() -> None:
    """Confirmations count up to null; the unknown is null."""
    stand = Stand()
    signature = paid(stand, 2 * SOL)
    seen = []
    for _ in range(5):
        status = rows(stand.value("getSignatureStatuses", [signature, "unknown"]))
        assert status[1] is None
        seen.append((part(status[0], "confirmationStatus"), part(status[0], "confirmations")))
        stand.step()
    assert seen == [("processed", 0), ("processed", 1), ("confirmed", 2), ("confirmed", 3), ("finalized", None)]
    assert stand.result("getTransactionCount") == 1


def test_a_transaction_is_found_when_it_is_as_final_as_asked() -> None:
    """null before, whole after; processed cannot be asked."""
    stand = Stand()
    signature = paid(stand, 2 * SOL)
    options: Json = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    assert stand.result("getTransaction", signature, options) is None
    stand.step(2)
    found = stand.result("getTransaction", signature, options)
    assert (part(found, "slot"), part(found, "blockTime")) == (stand.bank.slot - 2, START_MS // 1000)
    assert part(found, "transaction", "signatures") == [signature]
    assert stand.result("getTransaction", signature, {"maxSupportedTransactionVersion": 0}) is None
    assert stand.refusal("getTransaction", signature, {"commitment": "processed"})[0] == -32602
    assert stand.refusal("getTransaction", signature, {"commitment": "confirmed"})[0] == -32015
    stand.step(2)
    assert stand.refusal("getTransaction", signature, "base64")[0] == -32015
    assert stand.result("getTransaction", "unknown") is None


def test_an_addresss_history_is_paged() -> None:
    """Newest first; before and until are left out; limits bind."""
    stand = Stand()
    names = [paid(stand, SOL + number) for number in range(4)]
    stand.step(stand.settings.finalized_after)

    def listed(**options: Json) -> list[Json]:
        return [part(each, "signature") for each in rows(stand.result("getSignaturesForAddress", text(BOB), options))]

    assert listed() == names[::-1]
    assert listed(limit=2) == names[:1:-1]
    assert listed(before=names[2]) == names[1::-1]
    assert listed(until=names[1]) == names[:1:-1]
    assert listed(before=names[3], until=names[0], limit=1) == [names[2]]
    for limit in (0, 1_001):
        assert stand.refusal("getSignaturesForAddress", text(BOB), {"limit": limit})[0] == -32602
    fresh = paid(stand, 9 * SOL)
    assert fresh not in listed()


def test_a_block_is_told_in_the_detail_asked() -> None:
    """full, accounts, signatures, none."""
    stand = Stand()
    signature = paid(stand, 2 * SOL)
    slot = stand.bank.slot
    stand.step(stand.settings.finalized_after)
    version: Json = 0
    full = stand.result("getBlock", slot, {"maxSupportedTransactionVersion": version, "encoding": "base64"})
    block = stand.bank.history.blocks[slot]
    assert part(full, "blockhash") == block.blockhash
    assert part(full, "parentSlot") == slot - 1
    assert (len(rows(part(full, "transactions"))), part(full, "rewards")) == (1, [])
    names = stand.result("getBlock", slot, {"transactionDetails": "signatures", "rewards": False})
    assert part(names, "signatures") == [signature]
    assert isinstance(names, dict)
    assert "rewards" not in names
    brief = stand.result("getBlock", slot, {"transactionDetails": "accounts"})
    row = rows(part(brief, "transactions"))[0]
    assert part(row, "transaction", "signatures") == [signature]
    assert part(row, "meta", "fee") == 5_000
    none = stand.result("getBlock", slot, {"transactionDetails": "none"})
    assert isinstance(none, dict)
    assert "transactions" not in none
    assert stand.refusal("getBlock", slot, {"transactionDetails": "half"})[0] == -32602
    assert stand.refusal("getBlock", slot)[0] == -32015


def test_blocks_that_are_not_there_are_refused() -> None:
    """Too new is not available; too old was cleaned up."""
    stand = Stand()
    assert stand.refusal("getBlock", stand.bank.slot)[0] == -32004
    assert stand.refusal("getBlock", stand.bank.first_slot - 1)[0] == -32007
    assert stand.refusal("getBlockTime", stand.bank.slot + 1)[0] == -32004
    assert stand.result("getBlockTime", stand.bank.slot) == START_MS // 1000


def test_ranges_of_blocks() -> None:
    """Ends are included and cut at the commitment."""
    stand = Stand()
    stand.step(10)
    first, final = stand.bank.slot_at(FINALIZED) - 3, stand.bank.slot_at(FINALIZED)
    everything = list(range(first, final + 1))
    assert stand.result("getBlocks", first) == everything
    assert stand.result("getBlocks", first, first + 1) == everything[:2]
    assert stand.result("getBlocks", first, final + 50) == everything
    confirmed = stand.bank.slot_at(CONFIRMED)
    assert stand.result("getBlocks", first, {"commitment": "confirmed"}) == list(range(first, confirmed + 1))
    assert stand.result("getBlocksWithLimit", first, 2) == everything[:2]
    assert stand.refusal("getBlocks", 0)[0] == -32602
    assert stand.refusal("getBlocksWithLimit", first, 500_001)[0] == -32602


def test_fees_of_recent_blocks() -> None:
    """One row a slot of the window, the least price that landed in it."""
    stand = Stand()
    listed = rows(stand.result("getRecentPrioritizationFees", [text(BOB)]))
    assert [part(each, "prioritizationFee") for each in listed] == [0] * len(listed)
    assert part(listed[-1], "slot") == stand.bank.slot


@pytest.mark.parametrize("method", ["getSignatureStatuses", "getRecentPrioritizationFees"])
def test_lists_are_bounded(method: str) -> None:
    """257 signatures and 129 addresses are too many."""
    assert Stand().refusal(method, ["x"] * 257)[0] == -32602
