"""The process beside detection: it answers, and what happens when it does not."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from sniperforge.base.errors import UnavailableError
from sniperforge.base.events import Event, FactsWanted, InputRefused, Pool, SellabilityTested
from sniperforge.base.keys import text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import LocalNet
from sniperforge.chain.localnet.market import OpenPool
from sniperforge.chain.localnet.market_client import Client, address, wallet
from sniperforge.chain.localnet.market_plan import Launch
from sniperforge.chain.localnet.market_tokens import make_mint, wrap
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.runtime import prover as tested
from sniperforge.runtime.prover import MESSAGE_BYTES_MAX, Prover, unread
from tests.integration.localnet.net import run, short

SOL = 10**9
NOWHERE = "http://127.0.0.1:1/key-of-a-provider"


def bare(venue: str = "raydium_cpmm", keys: dict[str, Pubkey] | None = None) -> Pool:
    """Return a pool that is nowhere."""
    return Pool(
        venue=venue,
        address=Pubkey(bytes([1]) * 32),
        base_mint=Pubkey(bytes([2]) * 32),
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=1,
        quote_reserve=1,
        keys=keys or {},
    )


def asked(pool: Pool, amount: int = 10**8) -> FactsWanted:
    return FactsWanted(id=3, pool=pool, facts=("sellable",), quote_amount=amount)


def beside(url: str, step: Callable[[Prover], Awaitable[None]], deadline_s: float = 20.0) -> None:
    """Run *step* with a prover that is closed behind it."""

    async def main() -> None:
        prover = Prover(url, deadline_s=deadline_s)
        try:
            await step(prover)
        finally:
            await prover.close()

    run(main())


def only(told: list[Event]) -> SellabilityTested:
    (one,) = told
    assert isinstance(one, SellabilityTested)
    return one


def refused(told: list[Event], pool: Pool) -> InputRefused:
    line, last = told
    assert isinstance(line, InputRefused)
    assert last == unread(asked(pool))
    return line


def test_a_pool_of_a_live_chain_is_tried_and_its_process_ends_with_ours() -> None:
    async def main() -> None:
        async with LocalNet(short()) as net, Client(net.rpc_url) as client:
            creator, mint = wallet(5, "creator"), wallet(5, "mint")
            await client.airdrop(creator, 100 * SOL)
            plan = Launch(0, 0, "honest", False, False, False, False, 10 * SOL, 10**15, 8_000, (), -1)
            opened = OpenPool(plan, creator, mint, None)
            who = address(creator)
            made = make_mint(who, opened.mint, TOKEN, 10**15, keeps_mint=False, keeps_freeze=False)
            for steps, signers in (([*made, *wrap(who, 10 * SOL)], (creator, mint)), (opened.opening(), (creator,))):
                landed = await client.land(steps, *signers)
                assert landed is not None
                assert landed.error is None
            pool = Pool(**{**_fields(bare()), "address": opened.keys.pool, "base_mint": opened.mint})
            prover = Prover(net.rpc_url)
            prover.start()
            pid = prover.pid
            prover.start()
            done = only(await prover.prove(asked(pool)))
            assert (done.found, done.sellable, done.paid, done.loss_bps) == (True, True, 10**8, 50)
            assert (done.pool, done.base_mint, done.slot > 0) == (opened.keys.pool, opened.mint, True)
            several = await asyncio.gather(*(prover.prove(asked(pool, amount)) for amount in (10**7, 10**9)))
            assert [only(told).amount for told in several] == [10**7, 10**9]
            assert only(several[0]).returned < only(several[1]).returned
            stranger = asked(bare())
            lie = FactsWanted(pool=Pool(**{**_fields(pool), "base_mint": stranger.pool.base_mint}), facts=("sellable",))
            line, last = await prover.prove(lie)
            assert isinstance(line, InputRefused)
            assert isinstance(last, SellabilityTested)
            assert not last.found
            assert prover.pid == pid
            child = psutil.Process(pid)
            assert child.name() == "sf-prover"
            assert child.nice() == tested.NICENESS + psutil.Process().nice()
            await prover.close()
            assert not psutil.pid_exists(pid)
            await prover.close()

    run(main())


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _fields(pool: Pool) -> dict[str, Any]:
    return {name: getattr(pool, name) for name in pool.__struct_fields__}


def test_what_cannot_be_tried_is_one_line_without_the_key_of_a_provider() -> None:
    async def step(prover: Prover) -> None:
        pool = bare()
        line = refused(await prover.prove(asked(pool)), pool)
        assert line.where == f"sellable of pool {text(pool.address)}"
        assert "127.0.0.1:1" in line.problem
        assert "key-of-a-provider" not in line.problem
        unknown = bare("nosuch")
        assert "venue 'nosuch' is unknown" in refused(await prover.prove(asked(unknown)), unknown).problem

    beside(NOWHERE, step)


def test_one_that_died_is_told_and_started_again() -> None:
    """Whether it died before, behind or while it was asked."""

    async def step(prover: Prover) -> None:
        pool = bare()
        await prover.prove(asked(pool))
        first = prover.pid
        os.kill(first, signal.SIGSTOP)
        waiting = asyncio.ensure_future(prover.prove(asked(pool)))
        await asyncio.sleep(0.05)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(UnavailableError, match="died; it is started again"):
            await waiting
        assert prover.pid == 0
        refused(await prover.prove(asked(pool)), pool)
        second = prover.pid
        assert second not in (0, first)
        os.kill(second, signal.SIGKILL)
        _sleep(0.1)  # not asyncio's: nobody shall notice before the question is sent
        with pytest.raises(UnavailableError, match="died; it is started again"):
            await prover.prove(asked(pool))
        refused(await prover.prove(asked(pool)), pool)

    beside(NOWHERE, step)


def test_one_that_hangs_is_ended() -> None:
    async def step(prover: Prover) -> None:
        prover.start()
        pid = prover.pid
        os.kill(pid, signal.SIGSTOP)
        told = await asyncio.gather(*(prover.prove(asked(bare())) for _ in range(2_000)), return_exceptions=True)
        said = {str(one) for one in told}
        assert "too many pools are being tried; ask for fewer" in said
        assert "no answer within 0.3 s; it is started again" in said
        assert all(isinstance(one, UnavailableError) for one in told)
        assert not psutil.pid_exists(pid)

    beside(NOWHERE, step, deadline_s=0.3)


def test_one_that_does_not_end_by_itself_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "_CLOSE_POLLS", 3)
    pids = []

    async def step(prover: Prover) -> None:
        prover.start()
        pids.append(prover.pid)
        os.kill(prover.pid, signal.SIGSTOP)

    beside(NOWHERE, step)
    assert not psutil.pid_exists(pids[0])


def test_a_question_too_long_for_one_message_is_refused() -> None:
    async def step(prover: Prover) -> None:
        keys = {f"name {number}": Pubkey(bytes(32)) for number in range(MESSAGE_BYTES_MAX // 32)}
        with pytest.raises(UnavailableError, match="the question is over"):
            await prover.prove(asked(bare(keys=keys)))

    beside(NOWHERE, step)


def test_a_fault_of_ours_ends_it_with_a_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    async def step(prover: Prover) -> None:
        prover.start()
        assert prover._socket is not None
        waiting = asyncio.ensure_future(prover.prove(asked(bare())))
        prover._socket.send(tested._packed(9, InputRefused(where="x", problem="y", cure="z")))
        with pytest.raises(UnavailableError, match="died"):
            await waiting

    beside(NOWHERE, step)
    assert "AssertionError" in capfd.readouterr().err


def test_one_that_is_closed_at_work_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Whether the endpoint or the parent was waited for."""

    async def step(prover: Prover) -> None:
        for wait_s in (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
            waiting = asyncio.ensure_future(prover.prove(asked(bare())))
            await asyncio.sleep(wait_s)
            await prover.close()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    beside(NOWHERE, step)
    assert capfd.readouterr().err == ""
