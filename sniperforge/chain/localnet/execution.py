"""One transaction through LiteSVM, with everything a node says about it afterwards.

envelope -> (landed, accounts it left) | None when it may not land at all

LiteSVM gives logs, inner calls, fee and units; balances before and after, token
balances and addresses from lookup tables are read around the execution.
"""

from __future__ import annotations

from typing import NamedTuple

from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey as SoldersPubkey
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    SimulatedTransactionInfo,
    TransactionMetadata,
)

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.account_json import (
    Snapshot,
    amount_json,
    is_mint,
    is_token_account,
    snapshot,
    token_amount,
    token_mint,
    token_owner,
)
from sniperforge.chain.localnet.envelope import CompiledCall, Envelope
from sniperforge.chain.localnet.landed import InnerCall, Landed, error_json
from sniperforge.chain.localnet.refusal import Json
from sniperforge.dex.programs import SYSTEM, WSOL

_TABLE_ADDRESSES_AT = 56
_LOOKUP_PROGRAM = Pubkey(bytes(SoldersPubkey.from_string("AddressLookupTab1e1111111111111111111111111")))
_NONCE_INITIALIZED = bytes.fromhex("0100000001000000")
_NONCE_HASH_AT = 40
GONE = Snapshot(0, b"", SYSTEM, False)


class Loaded(NamedTuple):
    """All keys of a transaction: its own, then those its lookup tables give."""

    keys: tuple[Pubkey, ...]
    writable: tuple[Pubkey, ...]
    readonly: tuple[Pubkey, ...]


class Trial(NamedTuple):
    """What a simulation says."""

    error: Json
    logs: list[str]
    units: int
    fee: int
    accounts: dict[Pubkey, Snapshot]
    return_data: tuple[Pubkey, bytes] | None
    inner: list[list[InnerCall]]


class Executor:
    """Runs and simulates transactions; remembers what does not change (programs, decimals)."""

    def __init__(self, svm: LiteSVM) -> None:
        self.svm = svm
        self._programs: set[Pubkey] = set()
        self._decimals: dict[Pubkey, int] = {WSOL: 9}

    def account(self, address: Pubkey) -> Snapshot | None:
        """Return the account at *address* now."""
        return snapshot(self.svm.get_account(SoldersPubkey(address)))

    def decimals(self, mint: Pubkey) -> int | None:
        """Return the decimals of *mint*, or None when there is no such mint."""
        if mint not in self._decimals:
            found = self.account(mint)
            if found is None or not is_mint(found):
                return None
            self._decimals[mint] = found.data[44]
        return self._decimals[mint]

    def has_live_nonce(self, envelope: Envelope) -> bool:
        """Whether the transaction's blockhash is the one its durable nonce account holds."""
        if not envelope.transaction.uses_durable_nonce():
            return False
        place = envelope.calls[0].accounts[0]
        found = self.account(envelope.keys[place]) if place < len(envelope.keys) else None
        if found is None or found.owner != SYSTEM or not found.data.startswith(_NONCE_INITIALIZED):
            return False
        return text(found.data[_NONCE_HASH_AT : _NONCE_HASH_AT + 32]) == envelope.blockhash

    def resolve(self, envelope: Envelope) -> Loaded:
        """Return every key of *envelope*; places a table does not have give none."""
        writable: list[Pubkey] = []
        readonly: list[Pubkey] = []
        for lookup in envelope.lookups:
            table = self.account(lookup.table)
            if table is None or table.owner != _LOOKUP_PROGRAM:
                continue
            for places, into in ((lookup.writable, writable), (lookup.readonly, readonly)):
                into.extend(_table_entry(table.data, place) for place in places if _has_entry(table.data, place))
        return Loaded((*envelope.keys, *writable, *readonly), tuple(writable), tuple(readonly))

    def run(
        self, envelope: Envelope, *, slot: int, index: int, block_time: int
    ) -> tuple[Landed, dict[Pubkey, Snapshot]] | None:
        """Execute *envelope*; None when it could not even pay its fee (then nothing changed)."""
        loaded = self.resolve(envelope)
        before = self._snapshots(loaded.keys)
        tokens_before = self._tokens(loaded.keys, before)
        result = self.svm.send_transaction(envelope.transaction)
        failed = isinstance(result, FailedTransactionMetadata)
        meta: TransactionMetadata = result.meta() if isinstance(result, FailedTransactionMetadata) else result
        after = self._snapshots(loaded.keys)
        # A failed transaction landed if and only if it paid.
        if failed and (before[0] is None or after[0] == before[0]):
            return None
        landed = Landed(
            envelope=envelope,
            slot=slot,
            index=index,
            block_time=block_time,
            error=error_json(result.err()) if isinstance(result, FailedTransactionMetadata) else None,
            fee=meta.fee(),
            logs=meta.logs(),
            units=meta.compute_units_consumed(),
            keys=loaded.keys,
            loaded_writable=loaded.writable,
            loaded_readonly=loaded.readonly,
            balances=(self._lamports(loaded.keys, before), self._lamports(loaded.keys, after)),
            token_balances=(tokens_before, self._tokens(loaded.keys, after)),
            inner=_inner(meta),
            return_data=_return_data(meta),
        )
        changes = {
            key: new or GONE
            for key, old, new in zip(loaded.keys, before, after, strict=True)
            if key not in self._programs and new != old
        }
        return landed, changes

    def simulate(self, envelope: Envelope) -> Trial:
        """Execute *envelope* against the present state and forget it."""
        result = self.svm.simulate_transaction(envelope.transaction)
        accounts: dict[Pubkey, Snapshot] = {}
        error: Json = None
        meta = result.meta()
        if isinstance(result, SimulatedTransactionInfo):
            for address, account in result.post_accounts():
                state = snapshot(account)
                if state is not None:
                    accounts[Pubkey(bytes(address))] = state
        else:
            error = error_json(result.err())
        return Trial(
            error,
            meta.logs(),
            meta.compute_units_consumed(),
            meta.fee(),
            accounts,
            _return_data(meta),
            _inner(meta),
        )

    def _snapshots(self, keys: tuple[Pubkey, ...]) -> list[Snapshot | None]:
        found: list[Snapshot | None] = []
        for key in keys:
            # A program's 100 KB are not worth copying twice a transaction.
            state = None if key in self._programs else self.account(key)
            if state is not None and state.executable:
                self._programs.add(key)
            found.append(state)
        return found

    def _lamports(self, keys: tuple[Pubkey, ...], states: list[Snapshot | None]) -> list[int]:
        return [
            (self.svm.get_balance(SoldersPubkey(key)) or 0)
            if key in self._programs
            else (state.lamports if state is not None else 0)
            for key, state in zip(keys, states, strict=True)
        ]

    def _tokens(self, keys: tuple[Pubkey, ...], states: list[Snapshot | None]) -> list[Json]:
        rows: list[Json] = []
        for index, state in enumerate(states):
            if state is None or not is_token_account(state):
                continue
            decimals = self.decimals(token_mint(state))
            if decimals is not None:
                rows.append(
                    {
                        "accountIndex": index,
                        "mint": text(token_mint(state)),
                        "uiTokenAmount": amount_json(token_amount(state), decimals),
                        "owner": text(token_owner(state)),
                        "programId": text(state.owner),
                    }
                )
        return rows


def _has_entry(table: bytes, place: int) -> bool:
    return _TABLE_ADDRESSES_AT + 32 * (place + 1) <= len(table)


def _table_entry(table: bytes, place: int) -> Pubkey:
    start = _TABLE_ADDRESSES_AT + 32 * place
    return Pubkey(table[start : start + 32])


def _inner(meta: TransactionMetadata) -> list[list[InnerCall]]:
    rows = []
    for calls in meta.inner_instructions():
        row = []
        for each in calls:
            call = each.instruction()
            row.append(
                InnerCall(CompiledCall(call.program_id_index, call.accounts, call.data), each.stack_height() or 2)
            )
        rows.append(row)
    return rows


def _return_data(meta: TransactionMetadata) -> tuple[Pubkey, bytes] | None:
    returned = meta.return_data()
    if not returned.data:
        return None
    return Pubkey(bytes(returned.program_id)), returned.data
