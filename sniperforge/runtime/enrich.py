"""Fetches what a frame did not carry: transactions and mint accounts, off the hot path.

TransactionWanted -> Frame(late)      TokenWanted -> TokenInspected
CreationWanted -> TransactionWanted, for detection to judge, see `sniperforge.runtime.origin`
FactsWanted -> what `sniperforge.runtime.inspect` reads

A node shows a transaction some slots after its logs, so "not there yet" is asked
again with growing waits. Work in flight is bounded: what is dropped is counted.
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import orjson

from sniperforge.base.clock import Clock
from sniperforge.base.errors import DecodeError, UnavailableError
from sniperforge.base.events import (
    CreationWanted,
    Event,
    FactsWanted,
    Frame,
    InputRefused,
    TokenInspected,
    TokenWanted,
    TransactionWanted,
    event_id,
)
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.chain.rpc import RpcClient
from sniperforge.dex.token import decode_mint
from sniperforge.feeds.address import scrubbed
from sniperforge.runtime.inspect import Inspector
from sniperforge.runtime.loop import Message
from sniperforge.runtime.origin import BUSY, NOTHING, OLD, creation
from sniperforge.runtime.prover import Prover

IN_FLIGHT_MAX = 64
#: Beside those: a flood of accounts must not take the room of transactions and mints.
CREATIONS_MAX = 32
#: Mints whose answer is kept: detect and every bot ask for the same one.
TOKENS_KEPT = 4_096
ATTEMPTS = 8
WAIT_FIRST_S = 0.2
WAIT_MAX_S = 3.0
#: How long a stage whose input has ended waits for the answers it asked for.
FINISH_S = 15.0
SOURCE = "fetched"


class Enricher:
    """Does the fetching of one detect stage.

    Args:
        client: where to ask.
        deliver: called with each answer; on the event loop's thread.
        clock: stamps the answers.
        pause: how it waits between attempts (tests pass their own).
    """

    def __init__(
        self,
        client: RpcClient,
        deliver: Callable[[Message], None],
        clock: Clock,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._deliver = deliver
        self._clock = clock
        self._pause = pause
        self._tasks: set[asyncio.Task[None]] = set()
        self._creations: set[asyncio.Task[None]] = set()
        self._tokens: OrderedDict[Pubkey, TokenInspected | None] = OrderedDict()
        self.prover = Prover(client.target.url)
        self._inspector = Inspector(self._asked, deliver, clock, self.prover)
        self.dropped = 0
        #: How the questions about accounts ended.
        self.creations = {"found": 0, OLD: 0, BUSY: 0, NOTHING: 0}

    def take(self, event: Event) -> bool:
        """Start the work *event* asks for; False when it asks for none of ours."""
        if isinstance(event, TransactionWanted):
            work = self._transaction(event)
        elif isinstance(event, TokenWanted):
            if event.mint in self._tokens:
                self._answer_again(event.mint)
                return True
            work = self._token(event)
        elif isinstance(event, FactsWanted):
            self._inspect(event)
            return True
        elif isinstance(event, CreationWanted):
            if len(self._creations) >= CREATIONS_MAX:
                self._drop(event)
            else:
                self._start(self._creation(event), self._creations)
            return True
        else:
            return False
        if len(self._tasks) >= IN_FLIGHT_MAX:
            work.close()
            self._drop(event)
            return True
        if isinstance(event, TokenWanted):
            # Now, not when the task runs: two bots ask in one batch.
            self._tokens[event.mint] = None
            if len(self._tokens) > TOKENS_KEPT:
                self._tokens.popitem(last=False)
        self._start(work)
        return True

    def _inspect(self, wanted: FactsWanted) -> None:
        facts = self._inspector.missing(wanted)
        if facts and len(self._tasks) >= IN_FLIGHT_MAX:
            self._drop(wanted)
        elif facts:
            self._start(self._inspector.read(wanted, facts))

    def _start(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]] | None = None) -> None:
        tasks = self._tasks if tasks is None else tasks
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _drop(self, event: Event) -> None:
        """Count what there is no room for; it is told at 1, 2, 4, 8 … of them."""
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:
            where, cure = type(event).__name__, "give the rpc endpoint of [feed] more room, or use a faster one"
            room = CREATIONS_MAX if isinstance(event, CreationWanted) else IN_FLIGHT_MAX
            problem = f"{room} requests are in flight, {self.dropped} were dropped so far"
            self._deliver(InputRefused(ts_ns=self._clock.now_ns(), where=where, problem=problem, cure=cure))

    async def finish(self, deadline_s: float = FINISH_S) -> None:
        """Wait until what is in flight has been answered, or the deadline."""
        now_s = asyncio.get_running_loop().time
        end_s = now_s() + deadline_s
        while (tasks := self._tasks | self._creations) and now_s() < end_s:
            await asyncio.wait(tasks, timeout=end_s - now_s())
            # What was found may be asked about in its turn.
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Drop what is in flight and close the connection."""
        tasks = self._tasks | self._creations
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.prover.close()
        await self._client.close()

    async def _transaction(self, wanted: TransactionWanted) -> None:
        options = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        found = await self._asked("getTransaction", [wanted.signature, options], wanted.signature)
        if found is not None:
            data = orjson.dumps(found)
            self._deliver(Frame(data, self._clock.now_ns(), SOURCE, late=True))

    async def _creation(self, wanted: CreationWanted) -> None:
        try:
            found = await creation(self._asked, wanted)
        except DecodeError as problem:
            what, _, cure = str(problem).rpartition("; ")
            where = f"account {text(wanted.account)}"
            self._deliver(InputRefused(ts_ns=self._clock.now_ns(), where=where, problem=what or cure, cure=cure))
            found = NOTHING
        if isinstance(found, str):
            self.creations[found] += 1
            return
        self.creations["found"] += 1
        self._deliver(msgspec.structs.replace(found, ts_ns=self._clock.now_ns()))

    async def _token(self, wanted: TokenWanted) -> None:
        options = {"encoding": "base64", "commitment": "processed"}
        found = await self._asked("getAccountInfo", [text(wanted.mint), options], text(wanted.mint), "value")
        told = self._inspected(wanted, found)
        if told.found:
            self._tokens[wanted.mint] = told
        else:
            self._tokens.pop(wanted.mint, None)
        self._deliver(told)

    def _answer_again(self, mint: Pubkey) -> None:
        """Tell what is known of *mint*; when its answer is on its way, that will do."""
        known = self._tokens[mint]
        if known is not None:
            self._deliver(msgspec.structs.replace(known, ts_ns=self._clock.now_ns()))

    def _inspected(self, wanted: TokenWanted, found: Any) -> TokenInspected:
        now_ns = self._clock.now_ns()
        unread = TokenInspected(
            id=event_id("token", wanted.mint),
            ts_ns=now_ns,
            origin_ns=wanted.origin_ns,
            trace_id=wanted.trace_id,
            cause=wanted.id,
            mint=wanted.mint,
            token_program=ZERO_KEY,
            found=False,
        )
        try:
            owner = key(found["owner"])
            mint = decode_mint(base64.b64decode(found["data"][0], validate=True), owner)
        except (TypeError, KeyError, IndexError, ValueError, DecodeError):
            return unread
        return msgspec.structs.replace(
            unread,
            token_program=owner,
            found=True,
            decimals=mint.decimals,
            supply=mint.supply,
            mint_authority=mint.mint_authority,
            freeze_authority=mint.freeze_authority,
            extensions=mint.extensions,
        )

    async def _asked(
        self,
        method: str,
        parameters: list[Any],
        what: str,
        field: str = "",
        *,
        ready: Callable[[Any], bool] = lambda answer: answer is not None,
    ) -> Any:
        """Return the answer once it is *ready*, None when it is not after all attempts."""
        wait_s, last = WAIT_FIRST_S, ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await self._pause(wait_s)
                wait_s = min(wait_s * 2, WAIT_MAX_S)
            try:
                answer = await self._client.call(method, parameters)
            except (UnavailableError, DecodeError) as problem:
                # A server that answers "bad key abc" must not print abc through us.
                last = scrubbed(str(problem), self._client.target.url)
                continue
            found = answer.get(field) if field and isinstance(answer, dict) else answer
            if ready(found):
                return found
            last = "the node does not have it"
        self._deliver(
            InputRefused(
                ts_ns=self._clock.now_ns(),
                where=f"{method} {what}",
                problem=f"{last} after {ATTEMPTS} attempts",
                cure="check the rpc endpoint of [feed]",
            )
        )
        return None
