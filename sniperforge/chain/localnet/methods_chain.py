"""Methods about the chain: slots, epochs, blocks, transactions, and the node itself."""

from __future__ import annotations

import orjson

from sniperforge.chain.localnet.bank import CONFIRMED, FINALIZED, PROCESSED, SLOTS_PER_EPOCH, epoch_of
from sniperforge.chain.localnet.genesis import FAUCET_LAMPORTS
from sniperforge.chain.localnet.history import Block
from sniperforge.chain.localnet.landed import Landed
from sniperforge.chain.localnet.node import FEATURE_SET, SOLANA_CORE, Node
from sniperforge.chain.localnet.params import Options, Params
from sniperforge.chain.localnet.refusal import BLOCK_NOT_AVAILABLE, SLOT_SKIPPED, Json, RpcRefusal, invalid

STATUSES_MAX = 256
SIGNATURES_MAX = 1_000
BLOCKS_MAX = 500_000
FEES_KEYS_MAX = 128
_STATUS_NAMES = ("processed", "confirmed", "finalized")


def get_health(node: Node, params: Params) -> Json:
    """Always ok: a localnet that answers is not behind."""
    return "ok"


def get_version(node: Node, params: Params) -> Json:
    """The release whose runtime this is."""
    return {"solana-core": SOLANA_CORE, "feature-set": FEATURE_SET}


def get_identity(node: Node, params: Params) -> Json:
    """The key of this node."""
    return {"identity": node.identity}


def get_genesis_hash(node: Node, params: Params) -> Json:
    """The name of this cluster; equal seeds have equal ones."""
    return node.bank.genesis_hash


def get_slot(node: Node, params: Params) -> Json:
    """The newest slot of a commitment."""
    return node.bank.slot_at(params.options(0).commitment())


def get_block_height(node: Node, params: Params) -> Json:
    """The height of the newest block of a commitment."""
    return node.bank.height_of(node.bank.slot_at(params.options(0).commitment()))


def get_transaction_count(node: Node, params: Params) -> Json:
    """Transactions since the start, forgotten ones included."""
    return node.bank.history.transactions_total


def get_first_available_block(node: Node, params: Params) -> Json:
    """The oldest slot that is remembered."""
    return next(iter(node.bank.history.blocks))


def get_epoch_info(node: Node, params: Params) -> Json:
    """Where a commitment stands in its epoch."""
    slot = node.bank.slot_at(params.options(0).commitment())
    epoch, place = epoch_of(slot)
    return {
        "absoluteSlot": slot,
        "blockHeight": node.bank.height_of(slot),
        "epoch": epoch,
        "slotIndex": place,
        "slotsInEpoch": SLOTS_PER_EPOCH,
        "transactionCount": node.bank.history.transactions_total,
    }


def get_epoch_schedule(node: Node, params: Params) -> Json:
    """The schedule of the runtime, which is mainnet's."""
    schedule = node.bank.svm.get_epoch_schedule()
    return {
        "slotsPerEpoch": schedule.slots_per_epoch,
        "leaderScheduleSlotOffset": schedule.leader_schedule_slot_offset,
        "warmup": schedule.warmup,
        "firstNormalEpoch": schedule.first_normal_epoch,
        "firstNormalSlot": schedule.first_normal_slot,
    }


def get_supply(node: Node, params: Params) -> Json:
    """Lamports the faucet gave and kept."""
    # What the faucet still holds counts as not in circulation.
    left = node.bank.svm.get_balance(node.bank.faucet.pubkey()) or 0
    return node.answer(
        {
            "total": FAUCET_LAMPORTS,
            "circulating": FAUCET_LAMPORTS - left,
            "nonCirculating": left,
            "nonCirculatingAccounts": [str(node.bank.faucet.pubkey())],
        }
    )


def get_slot_leader(node: Node, params: Params) -> Json:
    """The one leader."""
    return node.identity


def get_slot_leaders(node: Node, params: Params) -> Json:
    """The one leader, as often as asked."""
    params.number(0, "start slot")
    count = params.number(1, "limit")
    if not 1 <= count <= 5_000:
        raise invalid("limit must be 1 to 5000")
    return [node.identity] * count


def get_leader_schedule(node: Node, params: Params) -> Json:
    """One leader: every place of the epoch is its own."""
    return {node.identity: list(range(SLOTS_PER_EPOCH))}


def get_cluster_nodes(node: Node, params: Params) -> Json:
    """The one node."""
    return [
        {
            "pubkey": node.identity,
            "gossip": None,
            "tpu": None,
            "rpc": node.rpc,
            "version": SOLANA_CORE,
            "featureSet": FEATURE_SET,
            "shredVersion": 0,
        }
    ]


def get_vote_accounts(node: Node, params: Params) -> Json:
    """One validator without stake that is never delinquent."""
    epoch, _ = epoch_of(node.bank.slot)
    row: Json = {
        "votePubkey": node.vote,
        "nodePubkey": node.identity,
        "activatedStake": 0,
        "epochVoteAccount": True,
        "commission": 0,
        "lastVote": node.bank.slot - 1,
        "epochCredits": [[epoch, 0, 0]],
        "rootSlot": node.bank.slot_at(FINALIZED),
    }
    return {"current": [row], "delinquent": []}


def get_prioritization_fees(node: Node, params: Params) -> Json:
    """The least price per compute unit in each recent block."""
    if params.get(0) is not None:
        params.texts(0, "addresses", size_max=FEES_KEYS_MAX)
    blocks = list(node.bank.history.blocks.values())[-node.bank.settings.blockhash_slots :]
    return [{"slot": each.slot, "prioritizationFee": each.unit_price_min} for each in blocks]


# ── transactions ──────────────────────────────────────────────────────────


def get_signature_statuses(node: Node, params: Params) -> Json:
    """How up to 256 transactions ended, null for unknown ones."""
    names = params.texts(0, "signatures", size_max=STATUSES_MAX)
    return node.answer([_status(node, node.bank.history.find(each)) for each in names])


def get_transaction(node: Node, params: Params) -> Json:
    """A landed transaction, null before it has the commitment asked."""
    options = _encoding_or_options(params, 1)
    commitment = _at_least_confirmed(options)
    landed = node.bank.history.find(params.text(0, "signature"))
    if landed is None or node.bank.commitment_of(landed.slot) < commitment:
        return None
    body = landed.encoded(options.text("encoding", "json"), options.number("maxSupportedTransactionVersion"))
    # The cached body is `{…}`: slot and time go in before its end.
    tail = orjson.dumps({"slot": landed.slot, "blockTime": landed.block_time})
    return orjson.Fragment(orjson.dumps(body)[:-1] + b"," + tail[1:])


def get_signatures_for_address(node: Node, params: Params) -> Json:
    """Transactions that name an address, newest first."""
    address, options = params.key(0, "address"), params.options(1)
    limit = options.number("limit", SIGNATURES_MAX) or 0
    if not 1 <= limit <= SIGNATURES_MAX:
        raise invalid(f"limit must be 1 to {SIGNATURES_MAX}")
    newest = node.bank.slot_at(_at_least_confirmed(options))
    before, until = options.text("before", ""), options.text("until", "")
    rows: list[Json] = []
    skipping = bool(before)
    for landed in node.bank.history.of_address(address):
        if landed.signature == until or len(rows) == limit:
            break
        if not skipping and landed.slot <= newest:
            rows.append(_signature_row(node, landed))
        skipping = skipping and landed.signature != before
    return rows


def get_block(node: Node, params: Params) -> Json:
    """A block in the detail asked."""
    slot, options = params.number(0, "slot"), _encoding_or_options(params, 1)
    return block_json(_block(node, slot, _at_least_confirmed(options)), options)


def get_blocks(node: Node, params: Params) -> Json:
    """Slots from one to another, or to the newest."""
    start = params.number(0, "start slot")
    end = params.get(1)
    options = params.options(2 if isinstance(end, int) or end is None else 1)
    newest = node.bank.slot_at(_at_least_confirmed(options))
    last = min(newest, params.number(1, "end slot")) if isinstance(end, int) else newest
    if last - start > BLOCKS_MAX:
        raise invalid(f"more than {BLOCKS_MAX} slots asked")
    return [slot for slot in node.bank.history.blocks if start <= slot <= last]


def get_blocks_with_limit(node: Node, params: Params) -> Json:
    """So many slots from one on."""
    start, limit = params.number(0, "start slot"), params.number(1, "limit")
    if limit > BLOCKS_MAX:
        raise invalid(f"more than {BLOCKS_MAX} slots asked")
    newest = node.bank.slot_at(_at_least_confirmed(params.options(2)))
    found: list[Json] = [slot for slot in node.bank.history.blocks if start <= slot <= newest]
    return found[:limit]


def get_block_time(node: Node, params: Params) -> Json:
    """Unix seconds at which a block was opened."""
    return _block(node, params.number(0, "slot"), PROCESSED).time


def block_json(block: Block, options: Options) -> Json:
    """Return *block* as getBlock and blockSubscribe give it; refuses what it cannot encode."""
    details = options.text("transactionDetails", "full")
    body: dict[str, Json] = {
        "blockhash": block.blockhash,
        "previousBlockhash": block.previous_blockhash,
        "parentSlot": block.slot - 1,
        "blockTime": block.time,
        "blockHeight": block.height,
    }
    version = options.number("maxSupportedTransactionVersion")
    if details == "full":
        encoding = options.text("encoding", "json")
        body["transactions"] = [each.encoded(encoding, version) for each in block.transactions]
    elif details == "signatures":
        body["signatures"] = [each.signature for each in block.transactions]
    elif details == "accounts":
        body["transactions"] = [
            {"transaction": {"accountKeys": each.parsed_keys(), "signatures": [each.signature]}, "meta": _brief(each)}
            for each in block.transactions
        ]
    elif details != "none":
        raise invalid(f"transactionDetails {details!r} is none of full, accounts, signatures, none")
    if options.flag("rewards", True) and options.flag("showRewards", True):
        body["rewards"] = []
    return body


def _brief(landed: Landed) -> Json:
    return {
        "err": landed.error,
        "status": {"Ok": None} if landed.error is None else {"Err": landed.error},
        "fee": landed.fee,
        "preBalances": list(landed.balances[0]),
        "postBalances": list(landed.balances[1]),
        "preTokenBalances": landed.token_balances[0],
        "postTokenBalances": landed.token_balances[1],
    }


def _status(node: Node, landed: Landed | None) -> Json:
    if landed is None:
        return None
    commitment = node.bank.commitment_of(landed.slot)
    return {
        "slot": landed.slot,
        "confirmations": None if commitment == FINALIZED else node.bank.slot - landed.slot,
        "err": landed.error,
        "status": {"Ok": None} if landed.error is None else {"Err": landed.error},
        "confirmationStatus": _STATUS_NAMES[commitment],
    }


def _signature_row(node: Node, landed: Landed) -> Json:
    return {
        "signature": landed.signature,
        "slot": landed.slot,
        "err": landed.error,
        "memo": None,
        "blockTime": landed.block_time,
        "confirmationStatus": _STATUS_NAMES[node.bank.commitment_of(landed.slot)],
    }


def _block(node: Node, slot: int, commitment: int) -> Block:
    if slot > node.bank.slot_at(commitment):
        raise RpcRefusal(BLOCK_NOT_AVAILABLE, f"Block not available for slot {slot}")
    block = node.bank.history.blocks.get(slot)
    if block is None:
        raise RpcRefusal(SLOT_SKIPPED, f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot")
    return block


def _encoding_or_options(params: Params, place: int) -> Options:
    """Return the options; old clients send the encoding alone."""
    value = params.get(place)
    return Options({"encoding": value}) if isinstance(value, str) else params.options(place)


def _at_least_confirmed(options: Options) -> int:
    commitment = options.commitment()
    if commitment < CONFIRMED:
        raise invalid("Method does not support commitment below `confirmed`")
    return commitment
