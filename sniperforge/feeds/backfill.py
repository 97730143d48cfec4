"""Fetches what a gap hid: the transactions of our programs in those slots, oldest first.

gap -> getSignaturesForAddress per program -> getTransaction each -> frames, late

A fetched transaction goes on in the shape of a Helius `transactionNotification`:
the node's own JSON spliced in, the signature and slot beside it, so that it is
known by its signature like any other frame. Failed transactions are not
fetched: the node already says that they are.

Source: solana.com/docs/rpc/http (agave 3.1): getSignaturesForAddress answers newest first, at most
1,000 a page; neither method knows "processed".
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from sniperforge.base import keys
from sniperforge.base.clock import Clock
from sniperforge.base.errors import UnavailableError
from sniperforge.base.units import Pubkey
from sniperforge.feeds.gaps import Gap
from sniperforge.feeds.rpc import Caller

_T = TypeVar("_T")

PAGE_SIGNATURES = 1_000
#: The node has not yet confirmed the slot asked for.
MIN_CONTEXT_SLOT_NOT_REACHED = -32_016
#: Seconds between tries while the chain confirms (about 13 s at worst), or the node indexes.
NOT_YET_S = 2.0


_SIGNATURE = re.compile(r"[1-9A-HJ-NP-Za-km-z]{64,88}")


class BackfillIncomplete(UnavailableError):
    """Some of a gap could not be fetched and it stays open; `filled` transactions came."""

    def __init__(self, message: str, *, filled: int = 0) -> None:
        self.filled = filled
        super().__init__(message)


class Listed(NamedTuple):
    """One transaction the node names."""

    slot: int
    signature: str


class _Entry(msgspec.Struct):
    signature: str
    slot: int
    err: msgspec.Raw = msgspec.Raw(b"null")


class _Transaction(msgspec.Struct):
    slot: int


_entries = msgspec.json.Decoder(list[_Entry])
_transaction = msgspec.json.Decoder(_Transaction | None)


class Backfill:
    """Fills gaps over one RPC endpoint.

    Args:
        caller: makes the RPC calls, within their rate.
        programs: whose transactions are wanted.
        pages_max, transactions_max, attempts_max: bounds of one gap.
        was_seen: whether a signature needs no fetching.
        found: takes a frame: data, recv_ns, source, late.
    """

    def __init__(
        self,
        caller: Caller,
        programs: tuple[Pubkey, ...],
        *,
        clock: Clock,
        was_seen: Callable[[str], bool],
        found: Callable[[bytes, int, str, bool], None],
    ) -> None:
        self._caller, self._programs, self._clock = caller, programs, clock
        self._limits = caller.limits
        self._was_seen, self._found = was_seen, found
        self.source = f"backfill {caller.name}"

    async def fill(self, gap: Gap) -> int:
        """Fetch what *gap* hid; return how many transactions went on as frames.

        Raises:
            BackfillIncomplete: a bound was reached, or the node did not answer;
                what could be fetched went on all the same.
        """
        listed: set[Listed] = set()
        problems: list[str] = []
        for program in self._programs:
            try:
                listed |= await self._listed(program, gap)
            except UnavailableError as problem:
                problems.append(str(problem))
        wanted = sorted(one for one in listed if not self._was_seen(one.signature))
        most = self._limits.transactions_max
        if len(wanted) > most:
            problems.append(f"{len(wanted) - most} transactions beyond the bound; raise gaps.transactions_max")
        filled = await self._fetch(wanted[:most], problems)
        if problems:
            raise BackfillIncomplete(
                f"slots {gap.slot_from} to {gap.slot_to}: {filled} transactions came, but {problems[0]}", filled=filled
            )
        return filled

    async def _listed(self, program: Pubkey, gap: Gap) -> set[Listed]:
        """Return the successful transactions of *program* in *gap*, page by page, newest first."""
        found: set[Listed] = set()
        before = ""
        for _ in range(self._limits.pages_max):
            options: dict[str, object] = {"limit": PAGE_SIGNATURES, "commitment": "confirmed"}
            if before:
                options["before"] = before
            else:
                options["minContextSlot"] = gap.slot_to
            page = await self._page(keys.text(program), options)
            for entry in page:
                if gap.slot_from <= entry.slot <= gap.slot_to and bytes(entry.err) == b"null":
                    found.add(Listed(entry.slot, entry.signature))
            if len(page) < PAGE_SIGNATURES or page[-1].slot < gap.slot_from:
                return found
            before = page[-1].signature
        raise BackfillIncomplete(
            f"{keys.text(program)} has more than {self._limits.pages_max} pages of transactions since then; "
            "raise gaps.pages_max"
        )

    async def _page(self, program: str, options: dict[str, object]) -> list[_Entry]:
        for _ in range(self._limits.attempts_max):
            reply = await self._caller.call("getSignaturesForAddress", [program, options])
            if reply.error is None:
                page = _read(_entries, reply.result, "getSignaturesForAddress")
                if all(_SIGNATURE.fullmatch(entry.signature) for entry in page):
                    return page
                raise UnavailableError("getSignaturesForAddress named no signature; check the rpc endpoint")
            if reply.error.code != MIN_CONTEXT_SLOT_NOT_REACHED:
                raise UnavailableError(self._caller.refusal("getSignaturesForAddress", reply.error))
            await self._caller.pause(NOT_YET_S)
        raise BackfillIncomplete("the node never confirmed those slots; check that it is in step with the cluster")

    async def _fetch(self, wanted: list[Listed], problems: list[str]) -> int:
        """Fetch a bounded number at once, and hand on in order."""
        filled = 0
        window: deque[asyncio.Task[bytes]] = deque()
        left = deque(wanted)
        try:
            while left or window:
                while left and len(window) < self._limits.concurrency:
                    window.append(asyncio.create_task(self._one(left.popleft())))
                try:
                    data = await window[0]
                except UnavailableError as problem:
                    problems.append(str(problem))
                else:
                    filled += 1
                    self._found(data, self._clock.now_ns(), self.source, True)
                window.popleft()
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)
        return filled

    async def _one(self, listed: Listed) -> bytes:
        options = {"encoding": "base64", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        for _ in range(self._limits.attempts_max):
            reply = await self._caller.call("getTransaction", [listed.signature, options])
            if reply.error is not None:
                raise UnavailableError(self._caller.refusal("getTransaction", reply.error))
            transaction = _read(_transaction, reply.result, "getTransaction")
            if transaction is not None:
                return late_frame(bytes(reply.result), listed.signature, transaction.slot)
            # Named but not yet served: the node's index is behind its ledger.
            await self._caller.pause(NOT_YET_S)
        raise BackfillIncomplete(f"{listed.signature} is named by the node but not served; try another rpc")


def late_frame(transaction: bytes, signature: str, slot: int) -> bytes:
    """Return a `transactionNotification` around the result object of `getTransaction`."""
    return (
        b'{"jsonrpc":"2.0","method":"transactionNotification","params":{"subscription":0,"result":{"transaction":%b,'
        b'"signature":"%b","slot":%d}}}' % (transaction, signature.encode(), slot)
    )


def _read(decoder: msgspec.json.Decoder[_T], raw: msgspec.Raw, method: str) -> _T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as problem:
        raise UnavailableError(f"{method} answered something else: {problem}; check the rpc endpoint") from None
