"""A transaction that landed, and the JSON a node says about it.

envelope + result -> meta, logs value, encoded transaction (each encoded once)

Source: Solana's RPC, getTransaction and the notifications that carry its parts.
`jsonParsed` gives account keys as objects and instructions partially decoded
(program, accounts, data), which is what a node does with programs it does not
know; instructions of the token and system programs are not taken apart.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from solders.transaction_status import (
    InstructionErrorCustom,
    InstructionErrorType,
    TransactionErrorDuplicateInstruction,
    TransactionErrorFieldless,
    TransactionErrorInstructionError,
    TransactionErrorInsufficientFundsForRent,
    TransactionErrorType,
)

from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import base58
from sniperforge.chain.localnet.envelope import CompiledCall, Envelope
from sniperforge.chain.localnet.refusal import UNSUPPORTED_VERSION, Json, RpcRefusal, invalid

TRANSACTION_ENCODINGS = ("json", "jsonParsed", "base58", "base64")


class InnerCall(NamedTuple):
    """An instruction a program invoked, with its depth (2 for a call by an outer one)."""

    call: CompiledCall
    depth: int


@dataclass(slots=True)
class Landed:
    """One executed transaction; failed ones landed too, and paid."""

    envelope: Envelope
    slot: int
    index: int
    block_time: int
    error: Json
    fee: int
    logs: list[str]
    units: int
    keys: tuple[Pubkey, ...]
    loaded_writable: tuple[Pubkey, ...]
    loaded_readonly: tuple[Pubkey, ...]
    balances: tuple[list[int], list[int]]
    token_balances: tuple[list[Json], list[Json]]
    inner: list[list[InnerCall]]
    return_data: tuple[Pubkey, bytes] | None
    _cache: dict[str, bytes] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        """The transaction's name."""
        return self.envelope.signature

    def logs_value(self) -> bytes:
        """Return the JSON of a logs notification's value."""
        return self._once("logs", lambda: {"signature": self.signature, "err": self.error, "logs": _list(self.logs)})

    def error_value(self) -> bytes:
        """Return the JSON of a signature notification's value."""
        return self._once("error", lambda: {"err": self.error})

    def encoded(self, encoding: str, version_max: int | None) -> orjson.Fragment:
        """Return {"transaction", "meta", "version"} in *encoding*.

        Raises:
            RpcRefusal: unknown encoding, or a version 0 transaction for a client
                that did not say it understands them (*version_max* None).
        """
        if encoding not in TRANSACTION_ENCODINGS:
            raise invalid(f"encoding {encoding!r} is none of {', '.join(TRANSACTION_ENCODINGS)}")
        if self.envelope.versioned and version_max is None:
            raise RpcRefusal(
                UNSUPPORTED_VERSION,
                "Transaction version (0) is not supported by the requesting client. Please try the request again "
                'with the following configuration parameter: "maxSupportedTransactionVersion": 0',
            )
        if version_max is None:
            # Clients of before version 0 are not told about versions.
            return orjson.Fragment(self._once(f"old {encoding}", lambda: self._body(encoding)))
        version: Json = 0 if self.envelope.versioned else "legacy"
        return orjson.Fragment(self._once(encoding, lambda: {**self._body(encoding), "version": version}))

    def _once(self, name: str, make: Callable[[], dict[str, Json]]) -> bytes:
        if name not in self._cache:
            self._cache[name] = orjson.dumps(make())
        return self._cache[name]

    def _body(self, encoding: str) -> dict[str, Json]:
        return {"transaction": self._transaction(encoding), "meta": self._meta(encoding)}

    def _meta(self, encoding: str) -> Json:
        parsed = encoding == "jsonParsed"
        return orjson.Fragment(self._once("meta parsed" if parsed else "meta", lambda: self._meta_body(parsed)))

    def _meta_body(self, parsed: bool) -> dict[str, Json]:
        body: dict[str, Json] = {
            "err": self.error,
            "status": {"Ok": None} if self.error is None else {"Err": self.error},
            "fee": self.fee,
            "preBalances": _list(self.balances[0]),
            "postBalances": _list(self.balances[1]),
            "preTokenBalances": self.token_balances[0],
            "postTokenBalances": self.token_balances[1],
            "innerInstructions": inner_json(self.inner, self.keys if parsed else None),
            "logMessages": _list(self.logs),
            "computeUnitsConsumed": self.units,
            "rewards": [],
        }
        if not parsed:
            body["loadedAddresses"] = {
                "writable": [text(each) for each in self.loaded_writable],
                "readonly": [text(each) for each in self.loaded_readonly],
            }
        if self.return_data is not None:
            program, data = self.return_data
            body["returnData"] = {"programId": text(program), "data": [base64.b64encode(data).decode(), "base64"]}
        return body

    def _transaction(self, encoding: str) -> Json:
        if encoding == "base64":
            return [base64.b64encode(self.envelope.raw).decode(), "base64"]
        if encoding == "base58":
            return [base58.encode(self.envelope.raw), "base58"]
        parsed = encoding == "jsonParsed"
        envelope = self.envelope
        message: dict[str, Json] = {
            "accountKeys": self.parsed_keys() if parsed else [text(each) for each in envelope.keys],
            "recentBlockhash": envelope.blockhash,
            "instructions": [
                _call_json(call, 1, self.keys) if parsed else _call_json(call, None, None) for call in envelope.calls
            ],
        }
        if not parsed:
            required, readonly_signed, readonly_unsigned = envelope.header
            message["header"] = {
                "numRequiredSignatures": required,
                "numReadonlySignedAccounts": readonly_signed,
                "numReadonlyUnsignedAccounts": readonly_unsigned,
            }
        if envelope.versioned:
            message["addressTableLookups"] = [
                {
                    "accountKey": text(each.table),
                    "writableIndexes": list(each.writable),
                    "readonlyIndexes": list(each.readonly),
                }
                for each in envelope.lookups
            ]
        return {"signatures": _list(envelope.signatures), "message": message}

    def parsed_keys(self) -> list[Json]:
        """Return every key with its rights and where it came from."""
        envelope = self.envelope
        rows: list[Json] = [
            {
                "pubkey": text(each),
                "signer": index < envelope.header[0],
                "writable": envelope.is_writable(index),
                "source": "transaction",
            }
            for index, each in enumerate(envelope.keys)
        ]
        for keys, writable in ((self.loaded_writable, True), (self.loaded_readonly, False)):
            rows += [
                {"pubkey": text(each), "signer": False, "writable": writable, "source": "lookupTable"} for each in keys
            ]
        return rows


def error_json(error: TransactionErrorType) -> Json:
    """Return *error* in the form of Solana's RPC, such as {"InstructionError": [2, {"Custom": 6005}]}."""
    if isinstance(error, TransactionErrorInstructionError):
        custom = error.err.code if isinstance(error.err, InstructionErrorCustom) else None
        inner: Json = _name(error.err) if custom is None else {"Custom": custom}
        return {"InstructionError": [error.index, inner]}
    if isinstance(error, TransactionErrorInsufficientFundsForRent):
        return {"InsufficientFundsForRent": {"account_index": error.account_index}}
    if isinstance(error, TransactionErrorDuplicateInstruction):
        return {"DuplicateInstruction": error.index}
    if isinstance(error, TransactionErrorFieldless):
        return _name(error)
    return {"ProgramExecutionTemporarilyRestricted": {"account_index": error.account_index}}


def inner_json(inner: list[list[InnerCall]], keys: tuple[Pubkey, ...] | None = None) -> list[Json]:
    """Return invoked instructions under the index of their outer one; by key where *keys* are given."""
    return [
        {"index": index, "instructions": [_call_json(each.call, each.depth, keys) for each in calls]}
        for index, calls in enumerate(inner)
        if calls
    ]


def _call_json(call: CompiledCall, depth: int | None, keys: tuple[Pubkey, ...] | None) -> Json:
    data = base58.encode(call.data)
    if keys is not None:
        return {
            "programId": text(keys[call.program_index]),
            "accounts": [text(keys[each]) for each in call.accounts],
            "data": data,
            "stackHeight": depth,
        }
    return {"programIdIndex": call.program_index, "accounts": list(call.accounts), "data": data, "stackHeight": depth}


def _name(error: TransactionErrorFieldless | InstructionErrorType) -> str:
    return str(error).rpartition(".")[2]


def _list(values: Iterable[Json]) -> list[Json]:
    return list(values)
