"""JSON-RPC to a Solana endpoint: everything that is not on the hot path.

method + params -> parsed answer, or one line that says which endpoint failed how

Timeouts, bounded retries with growing pauses, and strict parsing: an answer that
is not what the method promises is a DecodeError naming method and endpoint, never
a guess. URLs are shown without path, query and user: keys of providers live there.

Source: Solana's JSON-RPC documentation (HTTP methods).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

import aiohttp
import msgspec
import orjson

from sniperforge.base.errors import ConfigError, DecodeError, UnavailableError
from sniperforge.base.keys import key, text
from sniperforge.base.units import Pubkey
from sniperforge.feeds.address import scrubbed

T = TypeVar("T")
#: A block is a few MiB; nothing we ask for is larger.
ANSWER_BYTES_MAX = 16 << 20
STATUSES_MAX = 256
RETRY_S = 0.1
_RETRIED_HTTP = frozenset((408, 425, 429, 500, 502, 503, 504))
#: Node is behind, or still cleaning up: another try may find it well.
_RETRIED_RPC = frozenset((-32004, -32005, -32014, -32016, -32603))


class EndpointUnavailable(UnavailableError):
    """An endpoint did not answer, or answered that it cannot, for all tries."""


class RpcRefused(UnavailableError):
    """The endpoint understood and said no."""

    def __init__(self, endpoint: str, method: str, code: int, message: str) -> None:
        self.code = code
        super().__init__(f"{endpoint}: {method} was refused ({code}): {message[:200]}; check the request or the plan")


class Endpoint(NamedTuple):
    """A URL taken apart once; `name` is what may be shown."""

    url: str
    host: str
    port: int
    path: str
    secure: bool
    name: str

    @property
    def is_loopback(self) -> bool:
        """Whether it is this very machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Status(NamedTuple):
    """What a node knows of a signature; `error` is "" when it succeeded."""

    slot: int
    error: str
    commitment: str


def endpoint(url: str, *, where: str, schemes: tuple[str, str] = ("http", "https")) -> Endpoint:
    """Return *url* taken apart; raises ConfigError naming the setting *where*, never the URL's secret parts."""
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(where, "not a URL", f"write {schemes[0]}://host:port or {schemes[1]}://host/…") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigError(where, f"must start with {schemes[0]}:// or {schemes[1]}://", "write the URL in full")
    secure = parts.scheme == schemes[1]
    port = port or (443 if secure else 80)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(url, parts.hostname, port, path, secure, f"{parts.scheme}://{host}:{port}")


def guard_live(target: Endpoint, *, live: bool, where: str) -> None:
    """Raise ConfigError when real money could move and nobody said it may."""
    if not live and not target.is_loopback:
        raise ConfigError(
            where, f"{target.name} is not this machine", "set coordinate.live = true and pass --live to trade for real"
        )


class RpcClient:
    """Calls of one endpoint.

    Args:
        target: where.
        timeout_s: of each try; attempts: tries of each call.
        pause: how it waits between tries (tests pass their own).
    """

    def __init__(
        self,
        target: Endpoint,
        *,
        timeout_s: float = 3.0,
        attempts: int = 4,
        pause: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self.target = target
        self.calls = 0
        self.retries = 0
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._attempts = attempts
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, params: Sequence[object]) -> Any:
        """Return the `result` of one call.

        Raises:
            EndpointUnavailable: no usable answer after all tries.
            RpcRefused: the endpoint answered with an error that a retry will not mend.
            DecodeError: the answer is no JSON-RPC.
        """
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        problem = ""
        for attempt in range(self._attempts):
            if attempt:
                self.retries += 1
                await self._pause(RETRY_S * (1 << attempt - 1))
            self.calls += 1
            try:
                problem, answer = await self._try(body)
            except (aiohttp.ClientError, TimeoutError, OSError) as failure:
                problem = type(failure).__name__
                continue
            if problem:
                continue
            done, result = self._result(method, answer)
            if done:
                return result
            problem = str(result)
        raise EndpointUnavailable(
            f"{self.target.name}: {method} failed {self._attempts} times, last {problem}; check the endpoint"
        )

    async def _try(self, body: bytes) -> tuple[str, bytes]:
        """Return ("", answer), or why this try is void."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self.target.url, data=body, headers=headers, allow_redirects=False) as reply:
            if reply.status in _RETRIED_HTTP:
                return f"HTTP {reply.status}", b""
            if reply.status != 200:
                # An error may carry JSON-RPC in its body; a redirect never does.
                if reply.status < 400:
                    return f"HTTP {reply.status} (a redirect is not followed)", b""
                if reply.content_type != "application/json":
                    return f"HTTP {reply.status}", b""
            answer = await reply.content.read(ANSWER_BYTES_MAX + 1)
            while len(answer) <= ANSWER_BYTES_MAX:
                more = await reply.content.read(ANSWER_BYTES_MAX + 1 - len(answer))
                if not more:
                    return "", answer
                answer += more
            return f"an answer over {ANSWER_BYTES_MAX} bytes", b""

    def _result(self, method: str, answer: bytes) -> tuple[bool, Any]:
        """Return (True, result), or (False, why to try again)."""
        try:
            parsed = orjson.loads(answer)
        except orjson.JSONDecodeError:
            raise self._malformed(method, "not JSON") from None
        if not isinstance(parsed, dict) or ("result" not in parsed and "error" not in parsed):
            raise self._malformed(method, "neither result nor error")
        error = parsed.get("error")
        if error is None:
            return True, parsed.get("result")
        if not isinstance(error, dict) or type(error.get("code")) is not int:
            raise self._malformed(method, "an error without a code")
        if error["code"] in _RETRIED_RPC:
            return False, f"error {error['code']}"
        # A server may quote the very key it refuses.
        words = scrubbed(str(error.get("message")), self.target.url)
        raise RpcRefused(self.target.name, method, error["code"], words)

    def _malformed(self, method: str, what: str) -> DecodeError:
        return DecodeError(f"{self.target.name}: {method} answered {what}; the endpoint is broken, use another")

    async def _typed(self, method: str, params: Sequence[object], kind: type[T]) -> T:
        answer = await self.call(method, params)
        try:
            return msgspec.convert(answer, kind)
        except (msgspec.ValidationError, ValueError) as problem:
            raise self._malformed(method, f"something else ({problem})") from None

    # ── methods ──

    async def latest_blockhash(self, commitment: str) -> tuple[bytes, int]:
        """Return the 32 bytes of the newest blockhash and the last block height it is valid at."""
        answer = await self._typed("getLatestBlockhash", [{"commitment": commitment}], _Blockhash)
        try:
            return key(answer.value.blockhash), answer.value.lastValidBlockHeight
        except DecodeError:
            raise self._malformed("getLatestBlockhash", "no base58 hash") from None

    async def block_height(self, commitment: str) -> int:
        """Return the block height at *commitment*."""
        return await self._typed("getBlockHeight", [{"commitment": commitment}], int)

    async def statuses(self, signatures: Sequence[str], *, history: bool) -> list[Status | None]:
        """Return what is known of up to 256 signatures, in order; None: nothing.

        Args:
            history: look beyond the recent cache (slower, but proof).
        """
        params = [list(signatures), {"searchTransactionHistory": history}]
        answer = await self._typed("getSignatureStatuses", params, _Statuses)
        if len(answer.value) != len(signatures):
            raise self._malformed("getSignatureStatuses", f"{len(answer.value)} of {len(signatures)} statuses")
        return [Status(s.slot, error_text(s.err), s.level()) if s else None for s in answer.value]

    async def transaction(self, signature: str, commitment: str) -> dict[str, Any] | None:
        """Return the transaction as the node tells it (encoding json), or None while it has none."""
        options = {"encoding": "json", "commitment": commitment, "maxSupportedTransactionVersion": 0}
        return await self._typed("getTransaction", [signature, options], dict[str, Any] | None)  # type: ignore[arg-type]

    async def balance(self, wallet: Pubkey, commitment: str) -> int:
        """Return the lamports of *wallet*."""
        return (await self._typed("getBalance", [text(wallet), {"commitment": commitment}], _Balance)).value


class _BlockhashValue(msgspec.Struct):
    blockhash: str
    lastValidBlockHeight: int


class _Blockhash(msgspec.Struct):
    value: _BlockhashValue


class _Balance(msgspec.Struct):
    value: int


class _StatusValue(msgspec.Struct):
    slot: int
    err: str | dict[str, Any] | None
    confirmationStatus: str | None = None
    confirmations: int | None = None

    def level(self) -> str:
        """Return the commitment; old nodes tell it by confirmations alone (null: rooted)."""
        if self.confirmationStatus in ("processed", "confirmed", "finalized"):
            return self.confirmationStatus
        return "finalized" if self.confirmations is None else "processed"


class _Statuses(msgspec.Struct):
    value: list[_StatusValue | None]


def error_text(error: object) -> str:
    """Return a transaction error as one line: "InstructionError[2, Custom 6001]", "AlreadyProcessed", ""."""
    if error is None:
        return ""
    if isinstance(error, str):
        return error[:120]
    if isinstance(error, dict) and len(error) == 1:
        name, value = next(iter(error.items()))
        return f"{name}[{_flat(value)}]"[:120]
    return orjson.dumps(error, default=str).decode()[:120]


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(item) for item in value)
    return str(value)
