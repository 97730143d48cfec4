"""Waiting for signatures on one WebSocket: the fast word, never the only one.

watch(signature) -> seen(signature, error), when the node has it at the commitment

A subscription may be lost with its connection, or come too late to be told: the
poller behind it asks the chain anyway. So this reconnects for ever, subscribes
again to all that is still wanted, and never raises.

Source: Solana's JSON-RPC documentation (signatureSubscribe).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from sniperforge.chain.rpc import Endpoint, error_text

MESSAGE_BYTES_MAX = 1 << 20
RECONNECT_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
OPEN_TIMEOUT_S = 5.0
WATCHED_MAX = 10_000


class SignatureWatch:
    """One connection that watches many signatures.

    Args:
        target: a ws:// or wss:// endpoint.
        commitment: when a signature counts as seen.
        seen: called with (signature, "" or the transaction's error).
    """

    def __init__(self, target: Endpoint, *, commitment: str, seen: Callable[[str, str], None]) -> None:
        self.target = target
        self.connects = self.malformed = 0
        self._commitment, self._seen = commitment, seen
        self._wanted: dict[str, None] = {}
        self._asked: dict[int, str] = {}
        self._subscribed: dict[int, str] = {}
        self._early: dict[int, str] = {}
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._id = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin connecting; returns at once."""
        self._task = asyncio.create_task(self._run(), name="signature-watch")

    async def stop(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def watch(self, signature: str) -> None:
        """Want to be told about *signature*; above the bound it is left to the poller."""
        if signature not in self._wanted and len(self._wanted) < WATCHED_MAX:
            self._wanted[signature] = None
            self._outgoing.put_nowait(signature)

    def forget(self, signature: str) -> None:
        """Nobody waits for *signature* any more."""
        self._wanted.pop(signature, None)

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                async with connect(
                    self.target.url,
                    max_size=MESSAGE_BYTES_MAX,
                    open_timeout=OPEN_TIMEOUT_S,
                    compression=None,
                    proxy=None,
                ) as connection:
                    self.connects += 1
                    failures = 0
                    await self._serve(connection)
            except (OSError, TimeoutError, WebSocketException, InvalidHandshake, InvalidURI):
                failures += 1
            await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])

    async def _serve(self, connection: ClientConnection) -> None:
        self._asked.clear()
        self._subscribed.clear()
        self._early.clear()
        self._outgoing = asyncio.Queue()
        for signature in self._wanted:
            self._outgoing.put_nowait(signature)
        writer = asyncio.create_task(self._subscribe(connection))
        try:
            async for message in connection:
                self._take(message)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _subscribe(self, connection: ClientConnection) -> None:
        while True:
            signature = await self._outgoing.get()
            if signature not in self._wanted:
                continue
            self._id += 1
            self._asked[self._id] = signature
            params = [signature, {"commitment": self._commitment}]
            request = {"jsonrpc": "2.0", "id": self._id, "method": "signatureSubscribe", "params": params}
            await connection.send(orjson.dumps(request).decode())

    def _take(self, message: str | bytes) -> None:
        """Handle one message; one that makes no sense is counted and skipped."""
        try:
            self._handle(orjson.loads(message))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            self.malformed += 1

    def _handle(self, parsed: Any) -> None:
        if "id" in parsed:
            signature = self._asked.pop(parsed["id"])
            subscription = parsed.get("result")
            if type(subscription) is not int:
                # Refused: the poller finds it.
                return
            self._subscribed[subscription] = signature
            if subscription in self._early:
                self._tell(subscription, self._early.pop(subscription))
            return
        if parsed["method"] != "signatureNotification":
            return
        params = parsed["params"]
        value = params["result"]["value"]
        if isinstance(value, dict):
            self._tell(params["subscription"], error_text(value["err"]))

    def _tell(self, subscription: int, error: str) -> None:
        signature = self._subscribed.pop(subscription, None)
        if signature is None:
            # A node may notify before it answers the subscription itself.
            if len(self._early) < WATCHED_MAX:
                self._early[subscription] = error
            return
        if self._wanted.pop(signature, "") is None:
            self._seen(signature, error)
