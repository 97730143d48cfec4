"""JSON-RPC calls of back-fill: paced, bounded, tried again when the node is busy.

method + params -> Reply

Cold path: aiohttp (300-570 µs a call) is quick enough beside a node's 20 calls a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
import orjson

from sniperforge.base.errors import UnavailableError
from sniperforge.feeds.address import checked_url, default_name, masked, scrubbed
from sniperforge.feeds.settings import Gaps

if TYPE_CHECKING:
    from aiohttp import ClientSession

#: Answers that pass by themselves: too many requests, bad gateway, unavailable, gateway timeout.
_PASSING = (429, 500, 502, 503, 504)
_RETRY_FIRST_S = 0.5
_RETRY_MOST_S = 10.0


class ReplyError(msgspec.Struct):
    """The node's refusal, in its words."""

    code: int = 0
    message: str = ""


class Reply(msgspec.Struct):
    """The node's answer; exactly one of the two says something."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ReplyError | None = None


_reply = msgspec.json.Decoder(Reply)


class Caller:
    """Calls one JSON-RPC endpoint.

    Args:
        url: http(s); may hold a key, never printed.
        limits: rate, time, size and number of attempts.
        sleep: waits so many seconds.
        now_s: monotonic seconds.
    """

    def __init__(
        self,
        url: str,
        limits: Gaps,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now_s: Callable[[], float],
    ) -> None:
        # 227 ms to import: not for a feed without an RPC, and not on the loop of
        # one that has a gap to fill.
        import aiohttp

        self._aiohttp = aiohttp
        self.limits, self.pause = limits, sleep
        self.name = default_name(checked_url(url, f"rpc {masked(url)}", ("http", "https")))
        self._url, self._now_s = url, now_s
        self._next_s = 0.0
        self._number = 0
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._http: ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    def refusal(self, method: str, error: ReplyError) -> str:
        """Return one line about the node's refusal."""
        words = scrubbed(error.message, self._url)
        return f"{self.name} refused {method}: {words} (code {error.code}); check the rpc endpoint and its plan"

    async def call(self, method: str, params: list[object]) -> Reply:
        """Return the node's answer, its refusals included.

        Raises:
            UnavailableError: no usable answer after `attempts_max` tries.
        """
        self._number += 1
        body = orjson.dumps({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        problem, wait_s = "", _RETRY_FIRST_S
        for attempt in range(self.limits.attempts_max):
            if attempt:
                await self.pause(wait_s)
                wait_s = min(wait_s * 2, _RETRY_MOST_S)
            async with self._slots:
                await self._turn()
                status, answer, problem = await self._post(body)
            if not problem and status not in _PASSING:
                return self._read(method, status, answer)
            problem = problem or f"HTTP {status}"
        raise UnavailableError(f"{self.name}: {method} failed, last with {problem}; check the rpc endpoint")

    async def _turn(self) -> None:
        """Wait until the next call may begin."""
        now_s = self._now_s()
        due_s = max(now_s, self._next_s)
        self._next_s = due_s + 1 / self.limits.calls_per_s
        if due_s > now_s:
            await self.pause(due_s - now_s)

    async def _post(self, body: bytes) -> tuple[int, bytes, str]:
        """Return status, body and "", or what went wrong on the way."""
        aiohttp = self._aiohttp
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.limits.request_s))
        headers = {"Content-Type": "application/json"}
        parts = bytearray()
        try:
            async with self._http.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                async for chunk in answer.content.iter_any():
                    parts += chunk
                    if len(parts) > self.limits.answer_bytes_max:
                        return 0, b"", f"an answer larger than {self.limits.answer_bytes_max} bytes"
                return answer.status, bytes(parts), ""
        except TimeoutError:
            return 0, b"", f"no answer within {self.limits.request_s} s"
        except (aiohttp.ClientError, OSError) as problem:
            return 0, b"", scrubbed(str(problem) or type(problem).__name__, self._url)

    def _read(self, method: str, status: int, answer: bytes) -> Reply:
        try:
            return _reply.decode(answer)
        except (msgspec.DecodeError, ValueError, RecursionError):
            words = scrubbed(answer[:200].decode("utf-8", "replace"), self._url)
            raise UnavailableError(
                f"{self.name}: {method} answered HTTP {status} {words!r}, no JSON-RPC; check the rpc endpoint"
            ) from None
