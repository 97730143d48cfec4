"""Reads facts of a pool from the chain: who holds the coin, whose its liquidity is, who may change its name.

FactsWanted -> HoldersInspected, LiquidityInspected, MetadataInspected, SellabilityTested

Everything here is asked of the node of [feed]; no address a coin names is ever opened
(its `uri` is its creator's server). Answers are read strictly: one that is not what its
method promises is told in a line, and the fact as not found.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from sniperforge.base.clock import Clock
from sniperforge.base.errors import DecodeError, UnavailableError
from sniperforge.base.events import (
    Event,
    FactsWanted,
    HoldersInspected,
    InputRefused,
    LiquidityInspected,
    MetadataInspected,
    SellabilityTested,
    event_id,
)
from sniperforge.base.keys import key, text
from sniperforge.base.units import NANOS_PER_SECOND, ZERO_KEY, Pubkey
from sniperforge.dex import metadata
from sniperforge.dex.lp_mints import LP_VENUES, lp_state
from sniperforge.dex.metadata import Metadata
from sniperforge.dex.programs import METADATA
from sniperforge.dex.token import decode_balance, decode_mint
from sniperforge.dex.venues import BY_PROGRAM
from sniperforge.runtime.prover import Prover
from sniperforge.trading.holders import Holding, lp_shares, pool_owned, shares

#: What a node tells of a mint's accounts, and no more.
LARGEST_MAX = 20
#: An answer so young is told again instead of asked again: several bots want the same.
FRESH_NS = 2 * NANOS_PER_SECOND
ANSWERS_KEPT = 4_096
NAME_CHARACTERS, SYMBOL_CHARACTERS, URI_CHARACTERS = 64, 32, 256
_COMMITMENT = "processed"
_T = TypeVar("_T")
_Fact = HoldersInspected | LiquidityInspected | MetadataInspected | SellabilityTested


class Asking(Protocol):
    """Asks a node until it has an answer; None when it never had one (that was told)."""

    def __call__(
        self, method: str, parameters: list[Any], what: str, *, ready: Callable[[Any], bool]
    ) -> Awaitable[Any]: ...


class _Context(msgspec.Struct):
    slot: int


class _Row(msgspec.Struct):
    data: tuple[str, str]
    owner: str


class _Rows(msgspec.Struct):
    context: _Context
    value: list[_Row | None]


class _Balance(msgspec.Struct):
    address: str


class _Balances(msgspec.Struct):
    context: _Context
    value: list[_Balance]


class _Account(NamedTuple):
    data: bytes
    owner: Pubkey


class _NeverTold(Exception):
    """The node has no answer; whoever asked it has said so."""


class Inspector:
    """Reads the facts that bots ask for.

    Args:
        ask: asks the node, again and again while it has no answer.
        deliver: called with each answer; on the event loop's thread.
        clock: stamps the answers.
        prover: tries whether a coin can be sold.
    """

    def __init__(self, ask: Asking, deliver: Callable[[Event], None], clock: Clock, prover: Prover) -> None:
        self._ask, self._deliver, self._clock, self._prover = ask, deliver, clock, prover
        self._answers: OrderedDict[tuple[str, Pubkey], _Fact | None] = OrderedDict()
        self._readers: dict[str, Callable[[FactsWanted], Awaitable[_Fact]]] = {
            "holders": self._holders,
            "liquidity": self._liquidity,
            "metadata": self._metadata,
            "sellable": self._sellable,
        }

    def missing(self, wanted: FactsWanted) -> tuple[str, ...]:
        """Return which facts of *wanted* must be read; those known just now are told again.

        One that is being read is told once, to everybody. A name that is no fact is refused.
        """
        now_ns, missing = self._clock.now_ns(), []
        for fact in dict.fromkeys(wanted.facts):
            if fact not in self._readers:
                self._refuse("FactsWanted", f"{fact[:40]!r} is no fact", f"choose from {', '.join(self._readers)}")
                continue
            place = (fact, wanted.pool.address)
            if place not in self._answers:
                missing.append(fact)
                continue
            known = self._answers[place]
            if known is not None and now_ns - known.ts_ns <= FRESH_NS:
                self._deliver(replace(known, ts_ns=now_ns))
            elif known is not None:
                missing.append(fact)
        return tuple(missing)

    def read(self, wanted: FactsWanted, facts: Sequence[str]) -> Coroutine[Any, Any, None]:
        """Return the work of reading *facts*; from now on they count as being read."""
        for fact in facts:
            self._answers[fact, wanted.pool.address] = None
            self._answers.move_to_end((fact, wanted.pool.address))
            if len(self._answers) > ANSWERS_KEPT:
                self._answers.popitem(last=False)
        return self._read(wanted, facts)

    async def _read(self, wanted: FactsWanted, facts: Sequence[str]) -> None:
        await asyncio.gather(*(self._one(fact, wanted) for fact in facts))

    async def _one(self, fact: str, wanted: FactsWanted) -> None:
        told, place = await self._told(fact, wanted), (fact, wanted.pool.address)
        if not told.found:
            self._answers.pop(place, None)
        elif place in self._answers:  # else it had to make room
            self._answers[place] = told
        self._deliver(told)

    async def _told(self, fact: str, wanted: FactsWanted) -> _Fact:
        try:
            return await self._readers[fact](wanted)
        except _NeverTold:
            return self._unread(fact, wanted)
        except (DecodeError, UnavailableError, msgspec.ValidationError, binascii.Error) as problem:
            where = f"{fact} of pool {text(wanted.pool.address)}"
            self._refuse(where, str(problem)[:300], "ask again, or check the rpc endpoint of [feed]")
            return self._unread(fact, wanted)

    def _unread(self, fact: str, wanted: FactsWanted) -> _Fact:
        header = self._header(fact, wanted)
        if fact == "holders":
            return HoldersInspected(**header, found=False)
        if fact == "sellable":
            return SellabilityTested(**header, quote_mint=wanted.pool.quote_mint, found=False)
        if fact == "liquidity":
            return LiquidityInspected(**header, applicable=wanted.pool.venue in LP_VENUES)
        return MetadataInspected(**header, found=False)

    def _header(self, fact: str, wanted: FactsWanted) -> Any:
        pool = wanted.pool
        return {
            "id": event_id("fact", fact, pool.address),
            "ts_ns": self._clock.now_ns(),
            "origin_ns": wanted.origin_ns,
            "trace_id": wanted.trace_id,
            "cause": wanted.id,
            "venue": pool.venue,
            "pool": pool.address,
            "base_mint": pool.base_mint,
        }

    def _refuse(self, where: str, problem: str, cure: str) -> None:
        self._deliver(InputRefused(ts_ns=self._clock.now_ns(), where=where, problem=problem, cure=cure))

    # ── the facts ─────────────────────────────────────────────────────────

    async def _holders(self, wanted: FactsWanted) -> HoldersInspected:
        pool = wanted.pool
        book = await self._book(pool.base_mint)
        owned = pool_owned(pool)
        strangers = {one.owner for one in book.holdings} - owned
        owned |= await self._venues_own(sorted(strangers))
        told = shares(book.holdings, supply=book.supply, owned=owned, creator=wanted.creator)
        return HoldersInspected(
            **self._header("holders", wanted),
            found=True,
            slot=book.slot,
            supply=book.supply,
            whole=book.whole,
            **told._asdict(),
        )

    async def _liquidity(self, wanted: FactsWanted) -> LiquidityInspected:
        pool = wanted.pool
        if pool.venue not in LP_VENUES:
            return LiquidityInspected(**self._header("liquidity", wanted), applicable=False)
        _, (account,) = await self._accounts([pool.address])
        lp_mint = lp_state(pool.venue, *_there(account, pool.address)).lp_mint
        # The pool again, with its LP tokens and of the same slot: a withdrawal between two
        # answers would look like a burn.
        book = await self._book(lp_mint, beside=pool.address)
        minted = lp_state(pool.venue, *_there(book.beside, pool.address)).minted
        told = lp_shares(book.holdings, minted=minted, supply=book.supply)
        return LiquidityInspected(
            **self._header("liquidity", wanted),
            applicable=True,
            found=True,
            slot=book.slot,
            lp_mint=lp_mint,
            minted=minted,
            supply=book.supply,
            **told._asdict(),
        )

    async def _metadata(self, wanted: FactsWanted) -> MetadataInspected:
        mint = wanted.pool.base_mint
        slot, (coin, beside) = await self._accounts([mint, metadata.metaplex_address(mint)])
        header = self._header("metadata", wanted)
        standard, said = _said(mint, _there(coin, mint), beside)
        if said is None:
            mutable = standard == "foreign"
            return MetadataInspected(**header, found=True, slot=slot, standard=standard, mutable=mutable)
        return MetadataInspected(
            **header,
            found=True,
            slot=slot,
            standard=standard,
            mutable=said.mutable,
            update_authority=said.update_authority,
            name=_shown(said.name, NAME_CHARACTERS),
            symbol=_shown(said.symbol, SYMBOL_CHARACTERS),
            uri=_shown(said.uri, URI_CHARACTERS),
            name_bytes=len(said.name),
            symbol_bytes=len(said.symbol),
            uri_bytes=len(said.uri),
        )

    async def _sellable(self, wanted: FactsWanted) -> SellabilityTested:
        """Return what the other process found; what it complains of is told beside it."""
        *told, tested = await self._prover.prove(wanted)
        for line in told:
            self._deliver(line)
        assert isinstance(tested, SellabilityTested)
        return replace(tested, **self._header("sellable", wanted))

    # ── what they are made of ─────────────────────────────────────────────

    async def _book(self, mint: Pubkey, beside: Pubkey | None = None) -> _Book:
        """Return the largest accounts of *mint* and its supply, of one slot; *beside*: an account to read with them."""
        parameters = [text(mint), {"commitment": _COMMITMENT}]
        answer = await self._asked("getTokenLargestAccounts", parameters, mint, _Balances, _is_there)
        if len(answer.value) > LARGEST_MAX:
            raise DecodeError(f"getTokenLargestAccounts told {len(answer.value)} accounts, at most {LARGEST_MAX} are")
        largest = list(dict.fromkeys(key(row.address) for row in answer.value))
        extra = [] if beside is None else [beside]
        slot, accounts = await self._accounts([mint, *largest, *extra])
        coin = decode_mint(*_there(accounts[0], mint))
        holdings = []
        for address, account in zip(largest, accounts[1:], strict=False):
            if account is None:
                continue  # closed since
            balance = decode_balance(*account)
            if balance.mint != mint:
                raise DecodeError(f"getTokenLargestAccounts told {text(address)}, an account of another mint")
            holdings.append(Holding(address, balance.owner, balance.amount))
        return _Book(slot, coin.supply, holdings, len(largest) < LARGEST_MAX, accounts[-1] if extra else None)

    async def _venues_own(self, owners: Sequence[Pubkey]) -> set[Pubkey]:
        """Return those of *owners* that are accounts of a venue's program: pools and curves, whichever they are."""
        if not owners:
            return set()
        _, accounts = await self._accounts(owners, whole=False)
        return {
            owner for owner, one in zip(owners, accounts, strict=True) if one is not None and one.owner in BY_PROGRAM
        }

    async def _accounts(self, addresses: Sequence[Pubkey], *, whole: bool = True) -> tuple[int, list[_Account | None]]:
        """Return a slot and the accounts at *addresses* in it, None where there is none.

        Args:
            whole: with their data; then the first must be there, and is waited for.
        """
        options: dict[str, Any] = {"encoding": "base64", "commitment": _COMMITMENT}
        if not whole:
            options["dataSlice"] = {"offset": 0, "length": 0}
        parameters = [[text(address) for address in addresses], options]
        ready = _first_is_there if whole else _is_there
        answer = await self._asked("getMultipleAccounts", parameters, addresses[0], _Rows, ready)
        if len(answer.value) != len(addresses):
            raise DecodeError(f"getMultipleAccounts told {len(answer.value)} accounts, {len(addresses)} were asked for")
        return answer.context.slot, [_account(row) for row in answer.value]

    async def _asked(
        self, method: str, parameters: list[Any], what: Pubkey, kind: type[_T], ready: Callable[[Any], bool]
    ) -> _T:
        answer = await self._ask(method, parameters, text(what), ready=ready)
        if answer is None:
            raise _NeverTold
        return msgspec.convert(answer, kind)


class _Book(NamedTuple):
    """The largest accounts of a mint; `whole`: there are no others."""

    slot: int
    supply: int
    holdings: list[Holding]
    whole: bool
    beside: _Account | None


def _said(mint: Pubkey, coin: _Account, beside: _Account | None) -> tuple[str, Metadata | None]:
    """Return the standard of a coin's metadata and what it says; nothing where nobody here can read it."""
    pointer = metadata.pointed_to(*coin)
    inside = metadata.decode_token_2022(*coin, mint)
    if inside is not None and pointer in (mint, ZERO_KEY):
        return "token_2022", inside
    if pointer not in (mint, ZERO_KEY, metadata.metaplex_address(mint)):
        return "foreign", None
    if beside is None or beside.owner != METADATA:  # anybody may send lamports to an address
        return "none", None
    return "metaplex", metadata.decode_metaplex(*beside, mint)


def _is_there(answer: Any) -> bool:
    return answer is not None


def _first_is_there(answer: Any) -> bool:
    """Say whether the first account asked for exists; what is malformed is no matter of waiting."""
    if answer is None:
        return False
    rows = answer.get("value") if isinstance(answer, dict) else None
    return not (isinstance(rows, list) and rows and rows[0] is None)


def _account(row: _Row | None) -> _Account | None:
    return None if row is None else _Account(base64.b64decode(row.data[0], validate=True), key(row.owner))


def _there(account: _Account | None, address: Pubkey) -> _Account:
    if account is None:
        raise DecodeError(f"account {text(address)} is gone between two answers; ask again")
    return account


def _shown(raw: bytes, characters_max: int) -> str:
    return raw.decode("utf-8", "replace")[:characters_max]
