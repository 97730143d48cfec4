"""A localnet of short slots, and a WebSocket client that waits for what it wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import orjson
import websockets

from sniperforge.chain.localnet import LocalNetSettings

#: Far above what any step takes; a loaded machine is slow, a hung one ends here.
LIMIT_S = 60.0
ROOT = Path(__file__).resolve().parents[3]
Made = TypeVar("Made")
Message = dict[str, Any]


def short(**changes: Any) -> LocalNetSettings:
    """Return settings of a quick localnet on free ports."""
    return LocalNetSettings(**{"port": 0, "slot_ms": 40, "entries_per_slot": 4, "finalized_after": 6, **changes})


def run(step: Coroutine[Any, Any, Made]) -> Made:
    """Run one test's coroutine within the limit."""
    return asyncio.run(asyncio.wait_for(step, LIMIT_S))


class Listener:
    """One WebSocket: subscriptions, and everything that came."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.heard: list[Message] = []
        self._requests = 0

    async def ask(self, method: str, *params: Any) -> Message:
        """Send a request and return its answer; news that comes before it is kept."""
        self._requests += 1
        number = self._requests
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        await self.socket.send(orjson.dumps(body).decode())
        return await self.until(lambda message: message.get("id") == number)

    async def subscribe(self, method: str, *params: Any) -> int:
        """Return the number of a subscription that must be given."""
        return int((await self.ask(method, *params))["result"])

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the first message *wanted* is true of, old ones first."""
        for message in self.heard:
            if wanted(message):
                return message
        while True:
            message = orjson.loads(await self.socket.recv())
            self.heard.append(message)
            if wanted(message):
                return dict(message)

    async def news(self, kind: str, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        """Return the result of the first notification of *kind* that is wanted."""
        method = f"{kind}Notification"
        found = await self.until(lambda m: m.get("method") == method and wanted(m["params"]["result"]))
        return found["params"]["result"]
