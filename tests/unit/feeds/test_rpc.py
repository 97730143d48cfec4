"""RPC calls are paced, bounded, tried again when that can help, and never show the key."""

from __future__ import annotations

import asyncio
import json

import pytest

from sniperforge.base.errors import ConfigError, UnavailableError
from sniperforge.feeds.rpc import Caller, Reply, ReplyError
from sniperforge.feeds.settings import Gaps

URL = "https://host.example/0123456789abcdef?api-key=secretsecret"
Post = tuple[int, bytes, str]


class Scripted(Caller):
    """A caller whose network is a list of answers, and whose time only its own pauses move."""

    def __init__(self, *answers: Post, attempts: int = 3, calls_per_s: float = 10.0) -> None:
        self.time_s = 0.0
        self.slept: list[float] = []
        self.bodies: list[dict[str, object]] = []
        self._answers = list(answers)

        async def sleep(seconds: float) -> None:
            self.slept.append(round(seconds, 6))
            self.time_s += seconds

        limits = Gaps(attempts_max=attempts, calls_per_s=calls_per_s, answer_bytes_max=1024)
        super().__init__(URL, limits, sleep=sleep, now_s=lambda: self.time_s)

    async def _post(self, body: bytes) -> Post:
        self.bodies.append(json.loads(body))
        return self._answers.pop(0)


def ask(caller: Caller, times: int = 1) -> list[Reply]:
    async def main() -> list[Reply]:
        return [await caller.call("getSlot", [{"a": 1}]) for _ in range(times)]

    return asyncio.run(main())


GOOD: Post = (200, b'{"jsonrpc":"2.0","result":{"x": 1},"id":1}', "")


def test_an_answer_is_handed_on_undecoded() -> None:
    """Whoever asked knows its shape."""
    caller = Scripted(GOOD)
    reply = ask(caller)[0]
    assert (bytes(reply.result), reply.error) == (b'{"x": 1}', None)
    assert caller.bodies == [{"jsonrpc": "2.0", "id": 1, "method": "getSlot", "params": [{"a": 1}]}]


def test_a_refusal_is_an_answer() -> None:
    """Also under HTTP 400; the words are told without the key."""
    caller = Scripted((400, b'{"error":{"code":-32602,"message":"bad secretsecret"}}', ""))
    reply = ask(caller)[0]
    assert reply.error == ReplyError(-32602, "bad secretsecret")
    assert caller.refusal("getSlot", reply.error) == (
        "host.example refused getSlot: bad *** (code -32602); check the rpc endpoint and its plan"
    )


def test_calls_begin_no_faster_than_the_rate() -> None:
    """A provider counts credits."""
    caller = Scripted(GOOD, GOOD, GOOD, calls_per_s=4.0)
    ask(caller, 3)
    assert caller.slept == [0.25, 0.25]


def test_a_busy_node_is_asked_again_with_doubling_waits() -> None:
    """And the last problem is told when it stays busy."""
    caller = Scripted((429, b"", ""), (0, b"", "reset"), (503, b"", ""), (502, b"", ""), attempts=4, calls_per_s=10_000)
    with pytest.raises(UnavailableError, match=r"host.example: getSlot failed, last with HTTP 502; check the rpc"):
        ask(caller)
    assert [pause for pause in caller.slept if pause >= 0.5] == [0.5, 1.0, 2.0]
    again = Scripted((429, b"", ""), GOOD)
    assert ask(again)[0].error is None


@pytest.mark.parametrize("body", [b"", b"<html>secretsecret</html>", b"[]", b'{"error":5}', b"[" * 100_000])
def test_what_is_no_json_rpc_is_refused_without_the_key(body: bytes) -> None:
    """A login page of a proxy, for example; asking again would not help."""
    with pytest.raises(UnavailableError, match="no JSON-RPC; check the rpc endpoint") as caught:
        ask(Scripted((200, body, "")))
    assert "secretsecret" not in str(caught.value)
    assert "HTTP 200" in str(caught.value)


@pytest.mark.parametrize("url", ["", "ws://h", "host", "http://h:x"])
def test_a_url_that_is_no_http_is_refused(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError):
        Caller(url, Gaps(), now_s=lambda: 0.0)


def test_a_caller_that_never_called_closes_too() -> None:
    """Nothing was opened."""
    asyncio.run(Scripted().close())
