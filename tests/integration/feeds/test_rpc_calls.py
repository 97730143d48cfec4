"""RPC calls over a real socket: large answers, silence, redirects and a closed port, each bounded and told."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sniperforge.feeds.rpc import Caller
from sniperforge.feeds.settings import Gaps
from tests.integration.feeds.node import KEY, http, run

LIMITS = Gaps(request_s=1.0, answer_bytes_max=2048)


async def post(url: str) -> tuple[int, bytes, str]:
    caller = Caller(f"{url}/?api-key={KEY}", LIMITS, now_s=lambda: 0.0)
    try:
        return await caller._post(b"{}")
    finally:
        await caller.close()


def test_an_answer_is_read_up_to_its_bound() -> None:
    """At the edge it is whole, one byte more is refused."""

    async def main() -> None:
        async def answer(request: web.Request) -> web.Response:
            assert await request.json() == {}
            return web.Response(body=b"x" * size)

        async with http(answer) as url:
            size = 2048
            assert await post(url) == (200, b"x" * 2048, "")
            size = 2049
            assert await post(url) == (0, b"", "an answer larger than 2048 bytes")

    run(main)


def test_silence_is_bounded() -> None:
    """A node that accepts and never answers does not hold the back-fill."""

    async def main() -> None:
        async def sleep(request: web.Request) -> web.Response:
            await asyncio.sleep(60)
            return web.Response()

        async with http(sleep) as url:
            assert await post(url) == (0, b"", "no answer within 1.0 s")

    run(main)


def test_a_redirect_is_not_followed() -> None:
    """It would carry the key to another host."""

    async def main() -> None:
        async def away(request: web.Request) -> web.Response:
            assert request.path == "/"
            return web.Response(status=302, headers={"Location": "/elsewhere"})

        async with http(away) as url:
            assert (await post(url))[0] == 302

    run(main)


def test_nobody_listening_is_told_without_the_key() -> None:
    """The port was free a moment ago."""

    async def main() -> None:
        async def never(request: web.Request) -> web.Response:
            raise AssertionError("nobody listens here")

        async with http(never) as url:
            gone = url
        status, body, problem = await post(gone)
        assert (status, body) == (0, b"")
        assert "Cannot connect to host 127.0.0.1" in problem
        assert KEY not in problem

    run(main)
