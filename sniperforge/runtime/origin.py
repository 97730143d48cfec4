"""Who made an account: the oldest transaction that names it, as long as that is news.

CreationWanted -> getSignaturesForAddress, a few pages -> TransactionWanted, or why there is none

A node lists newest first and no page says what stands before it: only a page that is not
full shows the oldest. The way back ends at the first transaction too old to be news.

Source: solana.com/docs/rpc/http/getsignaturesforaddress (agave 3.1); it knows no "processed".
"""

from __future__ import annotations

from typing import Any

import msgspec

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CreationWanted, TransactionWanted, event_id
from sniperforge.base.keys import text
from sniperforge.detect.values import signature_text
from sniperforge.runtime.inspect import Asking

#: A launch everybody jumps at has a few hundred transactions before a node confirms its first.
PAGE_SIGNATURES = 250
PAGES_MAX = 4
#: Why nobody is asked for a transaction, beside a node that has no answer.
OLD, BUSY, NOTHING = "old", "busy", "nothing"


class _Row(msgspec.Struct):
    signature: str
    slot: int
    err: Any = None
    blockTime: int | None = None

    def is_before(self, wanted: CreationWanted) -> bool:
        """Say whether this is too old to be news; a node may not know its second."""
        second = wanted.second_min if self.blockTime is None else self.blockTime
        return self.slot < wanted.slot_min or second < wanted.second_min


async def creation(ask: Asking, wanted: CreationWanted) -> TransactionWanted | str:
    """Return the question for the transaction that made an account, or why there is none.

    Raises:
        DecodeError: the node's answer is not what the method promises.
    """
    options: dict[str, Any] = {"limit": PAGE_SIGNATURES, "commitment": "confirmed"}
    oldest: _Row | None = None
    for page in range(PAGES_MAX):
        ready = _is_there if page else _is_listed
        answer = await ask(
            "getSignaturesForAddress", [text(wanted.account), options], text(wanted.account), ready=ready
        )
        if answer is None:
            return NOTHING
        rows = _rows(answer)
        oldest = next((row for row in reversed(rows) if row.err is None), oldest)
        if rows and rows[-1].is_before(wanted):
            return OLD
        if len(rows) < PAGE_SIGNATURES:
            return _question(oldest, wanted) if oldest is not None else NOTHING
        options["before"] = rows[-1].signature
    return BUSY


def _question(oldest: _Row, wanted: CreationWanted) -> TransactionWanted:
    return TransactionWanted(
        id=event_id("TransactionWanted", oldest.signature),
        ts_ns=wanted.ts_ns,
        origin_ns=wanted.origin_ns,
        trace_id=wanted.trace_id,
        cause=wanted.id,
        signature=oldest.signature,
        slot=oldest.slot,
        reason="account",
    )


def _rows(answer: Any) -> list[_Row]:
    try:
        rows = msgspec.convert(answer, list[_Row])
    except msgspec.ValidationError as problem:
        raise DecodeError(
            f"getSignaturesForAddress answered something else: {problem}; check the rpc endpoint"
        ) from None
    if len(rows) > PAGE_SIGNATURES:
        raise DecodeError(
            f"getSignaturesForAddress told {len(rows)} signatures, {PAGE_SIGNATURES} were asked for; "
            "check the rpc endpoint"
        )
    for row in rows:
        signature_text(row.signature)
    return rows


def _is_there(answer: Any) -> bool:
    return answer is not None


def _is_listed(answer: Any) -> bool:
    """An account that was shown has a transaction; what is no list is no matter of waiting."""
    return answer is not None and answer != []
