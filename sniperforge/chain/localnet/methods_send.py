"""Methods that simulate and send transactions, and the blockhashes and fees they need."""

from __future__ import annotations

import base64

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, from_bytes_versioned
from solders.pubkey import Pubkey as SoldersPubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from sniperforge.base.keys import text
from sniperforge.base.units import U64_MAX
from sniperforge.chain.localnet.account_json import account_json
from sniperforge.chain.localnet.bank import PROCESSED
from sniperforge.chain.localnet.envelope import SIZE_MAX, Envelope, read_envelope
from sniperforge.chain.localnet.execution import GONE, Trial
from sniperforge.chain.localnet.landed import inner_json
from sniperforge.chain.localnet.node import Node
from sniperforge.chain.localnet.params import Options, Params, read_bytes, read_key
from sniperforge.chain.localnet.refusal import PREFLIGHT_FAILURE, SIGNATURE_FAILURE, Json, RpcRefusal, invalid
from sniperforge.dex.programs import COMPUTE_BUDGET, compute_limit

#: Base64 of one packet, and a little for padding.
_TEXT_MAX = 2_048
_AIRDROP_UNITS = 10_000


def get_latest_blockhash(node: Node, params: Params) -> Json:
    """The newest blockhash of a commitment and the last height it is good for."""
    options = params.options(0)
    blockhash, height = node.bank.blockhash_at(options.commitment())
    return node.answer({"blockhash": blockhash, "lastValidBlockHeight": height}, options)


def is_blockhash_valid(node: Node, params: Params) -> Json:
    """Whether a transaction with that blockhash may still land."""
    return node.answer(node.bank.is_blockhash_valid(params.text(0, "blockhash")), params.options(1))


def get_fee_for_message(node: Node, params: Params) -> Json:
    """The fee LiteSVM would take, found by simulating; null for a dead blockhash."""
    raw = read_bytes(params.text(0, "message"), "base64", "message", size_max=SIZE_MAX)
    try:
        message = from_bytes_versioned(raw)
    except ValueError as problem:
        raise invalid(f"bytes are not a message: {problem}") from None
    blank = [Signature.default()] * message.header.num_required_signatures
    envelope = read_envelope(bytes(VersionedTransaction.populate(message, blank)))
    if not node.bank.is_blockhash_valid(envelope.blockhash):
        return node.answer(None, params.options(1))
    return node.answer(node.bank.executor.simulate(envelope).fee, params.options(1))


def simulate_transaction(node: Node, params: Params) -> Json:
    """What a transaction would do now; nothing is kept."""
    options = params.options(1)
    envelope = _envelope(params, options)
    verify, replace = options.flag("sigVerify"), options.flag("replaceRecentBlockhash")
    if verify and replace:
        raise invalid("sigVerify may not be used with replaceRecentBlockhash")
    if verify and not envelope.signed():
        raise RpcRefusal(SIGNATURE_FAILURE, "Transaction signature verification failure")
    why_not = None if replace else node.bank.why_not(envelope)
    trial = _refused(why_not) if why_not else node.bank.executor.simulate(envelope)
    body = _trial_json(trial)
    if replace:
        blockhash, height = node.bank.blockhash_at(PROCESSED)
        body["replacementBlockhash"] = {"blockhash": blockhash, "lastValidBlockHeight": height}
    if options.flag("innerInstructions"):
        body["innerInstructions"] = inner_json(trial.inner)
    wanted = options.inner("accounts")
    if wanted is not None:
        body["accounts"] = _accounts_after(node, trial, wanted)
    return node.answer(body, options)


def send_transaction(node: Node, params: Params) -> Json:
    """Check, simulate unless told not to, and queue a transaction."""
    options = params.options(1)
    envelope = _envelope(params, options)
    if not envelope.signed():
        raise RpcRefusal(SIGNATURE_FAILURE, "Transaction signature verification failure")
    if not options.flag("skipPreflight"):
        why_not = node.bank.why_not(envelope)
        trial = _refused(why_not) if why_not else node.bank.executor.simulate(envelope)
        if trial.error is not None:
            raise RpcRefusal(
                PREFLIGHT_FAILURE, f"Transaction simulation failed: {_words(trial.error)}", _trial_json(trial)
            )
    node.bank.submit(envelope)
    return envelope.signature


def request_airdrop(node: Node, params: Params) -> Json:
    """A transfer from the faucet, sent like any other but never lost."""
    target, lamports = params.key(0, "pubkey"), params.number(1, "lamports")
    if lamports > U64_MAX // 2:
        raise invalid("lamports is more than there are")
    bank = node.bank
    blockhash, _ = bank.blockhash_at(PROCESSED)
    # A limit of its own for each keeps two equal airdrops of one slot apart.
    limit = compute_limit(_AIRDROP_UNITS + bank.counters.submitted % 1_000_000)
    move = TransferParams(from_pubkey=bank.faucet.pubkey(), to_pubkey=SoldersPubkey(target), lamports=lamports)
    budget = Instruction(SoldersPubkey(COMPUTE_BUDGET), limit.data, [])
    message = MessageV0.try_compile(bank.faucet.pubkey(), [budget, transfer(move)], [], Hash.from_string(blockhash))
    envelope = read_envelope(bytes(VersionedTransaction(message, [bank.faucet])))
    bank.submit(envelope, loses=False)
    return envelope.signature


def _envelope(params: Params, options: Options) -> Envelope:
    coded = params.text(0, "transaction")
    if len(coded) > _TEXT_MAX:
        raise invalid(f"transaction text is {len(coded)} letters, a packet is at most {SIZE_MAX} bytes")
    return read_envelope(read_bytes(coded, options.text("encoding", "base58"), "transaction", size_max=SIZE_MAX))


def _refused(why: str) -> Trial:
    return Trial(why, [], 0, 0, {}, None, [])


def _trial_json(trial: Trial) -> dict[str, Json]:
    returned: Json = None
    if trial.return_data is not None:
        program, data = trial.return_data
        returned = {"programId": text(program), "data": [base64.b64encode(data).decode(), "base64"]}
    return {
        "err": trial.error,
        "logs": list(trial.logs),
        "accounts": None,
        "unitsConsumed": trial.units,
        "returnData": returned,
        "innerInstructions": None,
        "replacementBlockhash": None,
    }


def _accounts_after(node: Node, trial: Trial, wanted: Options) -> Json:
    encoding = wanted.encoding("base64")
    addresses = [read_key(each, "accounts.addresses") for each in wanted.rows("addresses", size_max=64)]
    rows: list[Json] = []
    for address in addresses:
        state = trial.accounts.get(address) or node.bank.executor.account(address)
        rows.append(None if state in (None, GONE) or state is None else account_json(state, encoding))
    return rows


def _words(error: Json) -> str:
    """Return an error as Solana's own sentence, for the few a trader meets daily."""
    if isinstance(error, str):
        return _SENTENCES.get(error, error)
    if isinstance(error, dict) and isinstance(inner := error.get("InstructionError"), list):
        place, what = inner
        if isinstance(what, dict) and isinstance(code := what.get("Custom"), int):
            return f"Error processing Instruction {place}: custom program error: {code:#x}"
        return f"Error processing Instruction {place}: {what}"
    return str(error)


_SENTENCES = {
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "InsufficientFundsForFee": "Insufficient funds for fee",
}
