"""A transaction as it arrives: bytes -> what the bank and the encoders ask of it.

Source: the wire format of legacy and version 0 transactions; solders decodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from solders.errors import BincodeError
from solders.message import Message, MessageV0
from solders.transaction import SanitizeError, VersionedTransaction

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.refusal import invalid
from sniperforge.dex.programs import COMPUTE_BUDGET

#: One IPv6 packet: the network carries nothing larger.
SIZE_MAX = 1232
_SET_UNIT_PRICE = 3


class CompiledCall(NamedTuple):
    """One outer instruction: indices into the transaction's keys."""

    program_index: int
    accounts: bytes
    data: bytes


class Lookup(NamedTuple):
    """Addresses a version 0 transaction takes from a table, by their places in it."""

    table: Pubkey
    writable: bytes
    readonly: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """One transaction, decoded once.

    Attributes:
        header: required signatures, read-only signed, read-only unsigned.
        unit_price: micro-lamports per compute unit it offers.
    """

    raw: bytes
    transaction: VersionedTransaction
    signatures: tuple[str, ...]
    versioned: bool
    header: tuple[int, int, int]
    keys: tuple[Pubkey, ...]
    blockhash: str
    calls: tuple[CompiledCall, ...]
    lookups: tuple[Lookup, ...]
    unit_price: int

    @property
    def signature(self) -> str:
        """The first signature: the transaction's name."""
        return self.signatures[0]

    @property
    def payer(self) -> Pubkey:
        """Who pays the fee."""
        return self.keys[0]

    def signed(self) -> bool:
        """Whether every required signature verifies."""
        return all(self.transaction.verify_with_results())

    def is_writable(self, index: int) -> bool:
        """Whether the static key at *index* is locked for writing."""
        required, readonly_signed, readonly_unsigned = self.header
        if index < required:
            return index < required - readonly_signed
        return index < len(self.keys) - readonly_unsigned


def read_envelope(raw: bytes) -> Envelope:
    """Return the transaction in *raw*; raises RpcRefusal when it is not exactly one."""
    if len(raw) > SIZE_MAX:
        raise invalid(f"transaction is {len(raw)} bytes, the network carries at most {SIZE_MAX}")
    try:
        transaction = VersionedTransaction.from_bytes(raw)
        transaction.sanitize()
    except (ValueError, BincodeError, SanitizeError) as problem:
        raise invalid(f"bytes are not a transaction: {problem}") from None
    if bytes(transaction) != raw:
        raise invalid("bytes follow the end of the transaction")
    message = transaction.message
    if not isinstance(message, (Message, MessageV0)):
        raise invalid("transaction version 1 is not known here; send legacy or version 0")
    header = message.header
    keys = tuple(Pubkey(bytes(each)) for each in message.account_keys)
    calls = tuple(CompiledCall(ix.program_id_index, ix.accounts, ix.data) for ix in message.instructions)
    lookups: tuple[Lookup, ...] = ()
    if isinstance(message, MessageV0):
        lookups = tuple(
            Lookup(Pubkey(bytes(each.account_key)), each.writable_indexes, each.readonly_indexes)
            for each in message.address_table_lookups
        )
    return Envelope(
        raw=raw,
        transaction=transaction,
        signatures=tuple(str(each) for each in transaction.signatures),
        versioned=isinstance(message, MessageV0),
        header=(
            header.num_required_signatures,
            header.num_readonly_signed_accounts,
            header.num_readonly_unsigned_accounts,
        ),
        keys=keys,
        blockhash=str(message.recent_blockhash),
        calls=calls,
        lookups=lookups,
        unit_price=_unit_price(keys, calls),
    )


def _unit_price(keys: tuple[Pubkey, ...], calls: tuple[CompiledCall, ...]) -> int:
    for call in calls:
        if keys[call.program_index] == COMPUTE_BUDGET and len(call.data) == 9 and call.data[0] == _SET_UNIT_PRICE:
            return int.from_bytes(call.data[1:], "little")
    return 0
