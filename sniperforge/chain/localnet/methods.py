"""The methods by name, and the way of one JSON-RPC call.

request bytes -> method -> answer bytes; a batch is a list of both
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from sniperforge.chain.localnet import methods_chain as chain
from sniperforge.chain.localnet import methods_send as send
from sniperforge.chain.localnet import methods_state as state
from sniperforge.chain.localnet.node import Node
from sniperforge.chain.localnet.params import Params
from sniperforge.chain.localnet.refusal import INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, Json, RpcRefusal

Method = Callable[[Node, Params], Json]

METHODS: dict[str, Method] = {
    "getAccountInfo": state.get_account_info,
    "getBalance": state.get_balance,
    "getBlock": chain.get_block,
    "getBlockHeight": chain.get_block_height,
    "getBlockTime": chain.get_block_time,
    "getBlocks": chain.get_blocks,
    "getBlocksWithLimit": chain.get_blocks_with_limit,
    "getClusterNodes": chain.get_cluster_nodes,
    "getEpochInfo": chain.get_epoch_info,
    "getEpochSchedule": chain.get_epoch_schedule,
    "getFeeForMessage": send.get_fee_for_message,
    "getFirstAvailableBlock": chain.get_first_available_block,
    "getGenesisHash": chain.get_genesis_hash,
    "getHealth": chain.get_health,
    "getIdentity": chain.get_identity,
    "getLargestAccounts": state.get_largest_accounts,
    "getLatestBlockhash": send.get_latest_blockhash,
    "getLeaderSchedule": chain.get_leader_schedule,
    "getMinimumBalanceForRentExemption": state.get_minimum_balance,
    "getMultipleAccounts": state.get_multiple_accounts,
    "getProgramAccounts": state.get_program_accounts,
    "getRecentPrioritizationFees": chain.get_prioritization_fees,
    "getSignatureStatuses": chain.get_signature_statuses,
    "getSignaturesForAddress": chain.get_signatures_for_address,
    "getSlot": chain.get_slot,
    "getSlotLeader": chain.get_slot_leader,
    "getSlotLeaders": chain.get_slot_leaders,
    "getSupply": chain.get_supply,
    "getTokenAccountBalance": state.get_token_account_balance,
    "getTokenAccountsByDelegate": state.get_token_accounts_by_delegate,
    "getTokenAccountsByOwner": state.get_token_accounts_by_owner,
    "getTokenLargestAccounts": state.get_token_largest_accounts,
    "getTokenSupply": state.get_token_supply,
    "getTransaction": chain.get_transaction,
    "getTransactionCount": chain.get_transaction_count,
    "getVersion": chain.get_version,
    "getVoteAccounts": chain.get_vote_accounts,
    "isBlockhashValid": send.is_blockhash_valid,
    "requestAirdrop": send.request_airdrop,
    "sendTransaction": send.send_transaction,
    "simulateTransaction": send.simulate_transaction,
}


def answer(node: Node, request: bytes | str) -> bytes:
    """Return the JSON answer to one request or a batch of them."""
    try:
        body = orjson.loads(request)
    except orjson.JSONDecodeError as problem:
        return refuse(None, RpcRefusal(PARSE_ERROR, f"Parse error: {problem}"))
    if not isinstance(body, list):
        return _answer_one(node, body)
    if not 1 <= len(body) <= node.bank.settings.batch_max:
        problem_line = f"Invalid request: a batch has 1 to {node.bank.settings.batch_max} requests, got {len(body)}"
        return refuse(None, RpcRefusal(INVALID_REQUEST, problem_line))
    return b"[" + b",".join(_answer_one(node, each) for each in body) + b"]"


def parse(body: Json) -> tuple[Json, str, Params]:
    """Return id, method and parameters of one request; raises RpcRefusal."""
    if not isinstance(body, dict) or not isinstance(method := body.get("method"), str):
        raise RpcRefusal(INVALID_REQUEST, "Invalid request: needs an object with a method")
    return body.get("id"), method, Params(body.get("params"))


def accept(identity: Json, result: Json) -> bytes:
    """Return a successful answer."""
    return orjson.dumps({"jsonrpc": "2.0", "result": result, "id": identity})


def refuse(identity: Json, refusal: RpcRefusal) -> bytes:
    """Return an error answer."""
    return orjson.dumps({"jsonrpc": "2.0", "error": refusal.body(), "id": identity})


def _answer_one(node: Node, body: Json) -> bytes:
    identity = body.get("id") if isinstance(body, dict) else None
    try:
        identity, name, params = parse(body)
        method = METHODS.get(name)
        if method is None:
            raise RpcRefusal(METHOD_NOT_FOUND, f"Method not found: {name[:60]}")
        return accept(identity, method(node, params))
    except RpcRefusal as refusal:
        return refuse(identity, refusal)
