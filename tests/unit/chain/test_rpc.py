"""Every wrong answer is one line that names method and endpoint; URLs never show their secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import pytest

from sniperforge.base.errors import ConfigError, DecodeError, SniperForgeError
from sniperforge.base.units import Pubkey
from sniperforge.chain.rpc import (
    EndpointUnavailable,
    RpcClient,
    RpcRefused,
    Status,
    endpoint,
    error_text,
    guard_live,
)

LOCAL = endpoint("http://127.0.0.1:8899", where="coordinate.rpc")
SIGNATURE = "5" * 88


class Scripted(RpcClient):
    """A client whose tries give what the test says."""

    def __init__(self, *tries: bytes | str | Exception, attempts: int = 3) -> None:
        self.pauses: list[float] = []
        self.bodies: list[Any] = []
        super().__init__(LOCAL, attempts=attempts, pause=self._paused)
        self._tries = list(tries)

    async def _paused(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def _try(self, body: bytes) -> tuple[str, bytes]:
        self.bodies.append(orjson.loads(body))
        answer = self._tries.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return (answer, b"") if isinstance(answer, str) else ("", answer)


def result(value: object) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": value})


def error(code: object, message: str = "no") -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}})


# ── endpoints ──


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "secure", "name"),
    [
        ("http://127.0.0.1:8899", "127.0.0.1", 8899, "/", False, "http://127.0.0.1:8899"),
        (
            "https://rpc.example.com/v1/key?api-key=x",
            "rpc.example.com",
            443,
            "/v1/key?api-key=x",
            True,
            "https://rpc.example.com:443",
        ),
        ("http://user:pass@[::1]/x", "::1", 80, "/x", False, "http://[::1]:80"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, path: str, secure: bool, name: str) -> None:
    assert tuple(endpoint(url, where="x")) == (url, host, port, path, secure, name)


@pytest.mark.parametrize("url", ["", "ftp://host", "https://", "http://host:port", "http://[::1", "secret-token"])
def test_a_bad_url_names_the_setting_and_not_itself(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint(url, where="coordinate.rpc")
    assert caught.value.where == "coordinate.rpc"
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://localhost", True),
        ("http://127.8.0.1", True),
        ("http://[::1]", True),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, is_loopback: bool) -> None:
    target = endpoint(url, where="x")
    assert target.is_loopback is is_loopback
    guard_live(target, live=True, where="x")
    if is_loopback:
        guard_live(target, live=False, where="x")
    else:
        with pytest.raises(ConfigError, match="--live"):
            guard_live(target, live=False, where="x")


# ── calls ──


def test_an_answer_comes_at_the_first_try() -> None:
    client = Scripted(result(42))
    assert asyncio.run(client.call("getBlockHeight", [])) == 42
    assert client.bodies[0]["method"] == "getBlockHeight"
    assert (client.calls, client.retries, client.pauses) == (1, 0, [])


@pytest.mark.parametrize("first", ["HTTP 429", TimeoutError(), aiohttp.ClientError(), OSError(), error(-32005)])
def test_what_may_pass_is_tried_again_after_a_growing_pause(first: str | bytes | Exception) -> None:
    client = Scripted(first, first, result(42))
    assert asyncio.run(client.call("getBlockHeight", [])) == 42
    assert client.pauses == [0.1, 0.2]


@pytest.mark.parametrize(
    ("last", "told"), [("HTTP 503", "HTTP 503"), (TimeoutError(), "TimeoutError"), (error(-32016), "error -32016")]
)
def test_tries_are_bounded(last: str | bytes | Exception, told: str) -> None:
    client = Scripted(last, last, last)
    with pytest.raises(EndpointUnavailable, match=f"http://127.0.0.1:8899: getSlot failed 3 times, last {told}"):
        asyncio.run(client.call("getSlot", []))


def test_a_refusal_is_not_tried_again() -> None:
    client = Scripted(error(-32602, "Invalid param\nwith a second line"))
    with pytest.raises(RpcRefused, match=r"was refused \(-32602\)") as caught:
        asyncio.run(client.call("getSlot", []))
    assert caught.value.code == -32602
    assert client.calls == 1


@pytest.mark.parametrize(
    "answer", [b"<html>", b"", b"[]", b"1", b"{}", b'{"error": 1}', b'{"error": {}}', b'{"error": {"code": "1"}}']
)
def test_an_answer_that_is_no_json_rpc_names_the_endpoint(answer: bytes) -> None:
    with pytest.raises(DecodeError, match=r"http://127\.0\.0\.1:8899: getSlot answered"):
        asyncio.run(Scripted(answer).call("getSlot", []))


# ── methods ──


def test_a_blockhash_is_32_bytes_and_a_height() -> None:
    client = Scripted(result({"context": {"slot": 1}, "value": {"blockhash": "1" * 32, "lastValidBlockHeight": 7}}))
    assert asyncio.run(client.latest_blockhash("confirmed")) == (bytes(32), 7)
    assert client.bodies[0]["params"] == [{"commitment": "confirmed"}]


STATUS = {"slot": 5, "confirmations": None, "err": None, "confirmationStatus": "finalized"}


def test_statuses_are_told_in_order_and_absence_is_none() -> None:
    rows = [
        STATUS,
        None,
        {**STATUS, "err": {"InstructionError": [2, {"Custom": 6001}]}, "confirmationStatus": "confirmed"},
        {"slot": 6, "confirmations": 3, "err": "AccountInUse"},
        {"slot": 7, "confirmations": None, "err": None},
    ]
    client = Scripted(result({"context": {}, "value": rows}))
    assert asyncio.run(client.statuses([SIGNATURE] * 5, history=True)) == [
        Status(5, "", "finalized"),
        None,
        Status(5, "InstructionError[2, Custom 6001]", "confirmed"),
        Status(6, "AccountInUse", "processed"),
        Status(7, "", "finalized"),
    ]
    assert client.bodies[0]["params"][1] == {"searchTransactionHistory": True}


def test_balance_height_and_transaction_are_plain() -> None:
    wallet = Pubkey(bytes(32))
    assert asyncio.run(Scripted(result({"context": {}, "value": 12})).balance(wallet, "confirmed")) == 12
    assert asyncio.run(Scripted(result(9)).block_height("finalized")) == 9
    assert asyncio.run(Scripted(result(None)).transaction(SIGNATURE, "confirmed")) is None
    assert asyncio.run(Scripted(result({"slot": 1})).transaction(SIGNATURE, "confirmed")) == {"slot": 1}


@pytest.mark.parametrize(
    ("use", "answer"),
    [
        (lambda c: c.latest_blockhash("confirmed"), {"value": {"blockhash": "0OIl", "lastValidBlockHeight": 7}}),
        (lambda c: c.latest_blockhash("confirmed"), {"value": {"blockhash": "1" * 32}}),
        (lambda c: c.latest_blockhash("confirmed"), None),
        (lambda c: c.block_height("finalized"), "9"),
        (lambda c: c.block_height("finalized"), 1.5),
        (lambda c: c.statuses([SIGNATURE], history=False), {"value": []}),
        (lambda c: c.statuses([SIGNATURE], history=False), {"value": [{"slot": "5"}]}),
        (lambda c: c.balance(Pubkey(bytes(32)), "confirmed"), {"value": None}),
        (lambda c: c.transaction(SIGNATURE, "confirmed"), []),
    ],
)
def test_a_result_of_another_shape_is_a_decode_error(
    use: Callable[[RpcClient], Awaitable[object]], answer: object
) -> None:
    async def ask() -> None:
        await use(Scripted(result(answer)))

    with pytest.raises(DecodeError, match="the endpoint is broken") as caught:
        asyncio.run(ask())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (None, ""),
        ("AlreadyProcessed", "AlreadyProcessed"),
        ({"InstructionError": [2, {"Custom": 6}]}, "InstructionError[2, Custom 6]"),
        ({"InsufficientFundsForRent": {"account_index": 0}}, "InsufficientFundsForRent[account_index 0]"),
        ({"a": 1, "b": 2}, '{"a":1,"b":2}'),
        ([1], "[1]"),
        ("x" * 500, "x" * 120),
    ],
)
def test_a_chains_error_is_one_short_line(raw: object, shown: str) -> None:
    assert error_text(raw) == shown


def test_our_errors_are_of_the_one_tree() -> None:
    assert issubclass(EndpointUnavailable, SniperForgeError)
    asyncio.run(Scripted().close())
