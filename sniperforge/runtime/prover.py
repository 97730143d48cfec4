"""The process that tries pools, beside the one that detects them.

FactsWanted -> (another process: accounts, virtual machine) -> SellabilityTested, InputRefused

Making the machine takes 15 ms and a program 25 ms for each MB, an answer with code is
megabytes of JSON: none of it may stand before a launch. So detection forks a process that
does the fetching too, and only hands over the question (700 bytes) and the answer. It is forked
when the stage starts: later, copying the page tables would take 1 to 4 ms of the loop.
It is niced, runs on any core, has no socket of its parent and dies with it.

Messages on the socket pair (kept whole by SOCK_SEQPACKET): u32 number, u8 tag, event.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys
import traceback
from typing import TYPE_CHECKING

from sniperforge.base import wire
from sniperforge.base.clock import SystemClock
from sniperforge.base.errors import SniperForgeError, UnavailableError
from sniperforge.base.events import Event, FactsWanted, InputRefused, SellabilityTested
from sniperforge.base.keys import text
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.dex.venues import VENUES
from sniperforge.feeds.address import scrubbed
from sniperforge.host import process

if TYPE_CHECKING:
    from sniperforge.runtime.round_trip import Rounds

MESSAGE_BYTES_MAX = 1 << 16
#: Eight attempts with growing waits take 14 s, a call that is retried 12 s.
DEADLINE_S = 30.0
NICENESS = 10
_HEAD = struct.Struct("<IB")
_CLOSE_POLLS, _CLOSE_POLL_S = 100, 0.01


class Prover:
    """Asks the other process; starts it again when it died.

    Args:
        url: the endpoint it asks.
        deadline_s: after so long without an answer it is ended.
    """

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S) -> None:
        self._url, self._deadline_s = url, deadline_s
        self._socket: socket.socket | None = None
        self._pid = 0
        self._asked = 0
        self._waiting: dict[int, tuple[asyncio.Future[list[Event]], list[Event]]] = {}

    @property
    def pid(self) -> int:
        """Of the other process, 0 while there is none."""
        return self._pid

    def start(self) -> None:
        """Fork the other process, unless it is there."""
        if self._socket is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        child = process.fork(lambda _ready: _work(theirs, self._url), name="sf-prover")
        os.close(child.ready_fd)
        theirs.close()
        ours.setblocking(False)
        self._socket, self._pid = ours, child.pid
        asyncio.get_running_loop().add_reader(ours.fileno(), self._read)

    async def prove(self, wanted: FactsWanted) -> list[Event]:
        """Return what the other process told of *wanted*, SellabilityTested last.

        Raises:
            UnavailableError: it died, has too much to do, or took too long.
        """
        self.start()
        assert self._socket is not None
        self._asked = number = self._asked + 1 & 0xFFFFFFFF
        question = _packed(number, wanted)
        if len(question) > MESSAGE_BYTES_MAX:
            raise UnavailableError(f"the question is over {MESSAGE_BYTES_MAX} bytes; ask with the pool as it was told")
        answered: asyncio.Future[list[Event]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered, []
        try:
            self._socket.send(question)
            return await asyncio.wait_for(answered, self._deadline_s)
        except BlockingIOError:
            raise UnavailableError("too many pools are being tried; ask for fewer") from None
        except TimeoutError:
            self.stop()
            raise UnavailableError(f"no answer within {self._deadline_s:g} s; it is started again") from None
        except OSError:
            self.stop()
            raise UnavailableError("the process that tries pools died; it is started again") from None
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Let the other process end by itself, and end it when it does not."""
        pid = self._pid
        self._hang_up()
        for _ in range(_CLOSE_POLLS):
            if not pid or _is_over(pid):
                return
            await asyncio.sleep(_CLOSE_POLL_S)
        _kill(pid)

    def stop(self) -> None:
        """End the other process at once; what was asked of it is answered with an error."""
        pid = self._pid
        self._hang_up()
        if pid:
            _kill(pid)

    def _hang_up(self) -> None:
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._socket, self._pid = None, 0
        for answered, _told in self._waiting.values():
            if not answered.done():
                answered.set_exception(UnavailableError("the process that tries pools died; it is started again"))

    def _read(self) -> None:
        while self._socket is not None:
            try:
                raw = self._socket.recv(MESSAGE_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:
                raw = b""
            if not raw:
                self.stop()
                return
            number, tag = _HEAD.unpack_from(raw)
            event = wire.decode(tag, raw[_HEAD.size :])
            answered, told = self._waiting.get(number, (None, []))
            told.append(event)
            if answered is not None and isinstance(event, SellabilityTested) and not answered.done():
                answered.set_result(told)


def _is_over(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)  # ours until it is waited for, dead or not
    os.waitpid(pid, 0)


def _packed(number: int, event: Event) -> bytes:
    return _HEAD.pack(number, wire.TAGS[type(event)]) + wire.encode(event)


# ── the other process ─────────────────────────────────────────────────────


def _work(theirs: socket.socket, url: str) -> int:
    """Answer questions until nobody can ask any more."""
    _leave_alone(theirs)
    # The fork was made inside a running loop, which is not ours to run.
    asyncio._set_running_loop(None)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(_serve(theirs, url))
    return 0


def _leave_alone(theirs: socket.socket) -> None:
    """Let go of all that is the parent's: its sockets and pipes, its core, its signals."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal tells all of us; the parent finishes first
    kept = theirs.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - whatever the parent wrote to may be closed now
    os.nice(NICENESS)
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


async def _serve(theirs: socket.socket, url: str) -> None:
    client = RpcClient(endpoint(url, where="rpc"))
    made: list[Rounds] = []
    theirs.setblocking(False)
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    async def answer(raw: bytes) -> None:
        number, tag = _HEAD.unpack_from(raw)
        wanted = wire.decode(tag, raw[_HEAD.size :])
        assert isinstance(wanted, FactsWanted)
        events = await told(wanted)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # nobody wants to know any more
            for event in events:
                await loop.sock_sendall(theirs, _packed(number, event))

    async def told(wanted: FactsWanted) -> list[Event]:
        # Here, where it costs nobody anything, and only if somebody asks: 50 ms and 20 MiB.
        from sniperforge.runtime.round_trip import Node, Rounds, size_of, tested

        if not made:
            made.append(Rounds(Node(client).fetch, Node.name))
        pool, amount = wanted.pool, size_of(wanted)
        try:
            venue = VENUES.get(pool.venue)
            if venue is None:
                raise UnavailableError(f"venue {pool.venue[:40]!r} is unknown here; upgrade this build")
            there, now, done = await made[0].run(venue, pool.address, pool.base_mint, amount, pool)
            if there.pool.base_mint != pool.base_mint:
                raise UnavailableError(f"the pool trades {text(there.pool.base_mint)}, another coin; ask for that one")
            return [tested(pool, amount, now, done)]
        except SniperForgeError as problem:
            return _refused(wanted, scrubbed(str(problem), url))

    def done(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            # Of the machine nothing is sure any more: the parent is told by our end, and starts another.
            try:
                traceback.print_exception(failure)
                sys.stderr.flush()
            finally:
                os._exit(1)

    while True:
        raw = await loop.sock_recv(theirs, MESSAGE_BYTES_MAX)
        if not raw:
            break
        task = loop.create_task(answer(raw))
        tasks.add(task)
        task.add_done_callback(done)
    # Nobody asks any more: what is under way ends before its client does, and is no failure.
    left = list(tasks)
    for task in left:
        task.remove_done_callback(done)
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await client.close()


def _refused(wanted: FactsWanted, problem: str) -> list[Event]:
    where, cure = f"sellable of pool {text(wanted.pool.address)}", "ask again, or check the rpc endpoint of [feed]"
    return [InputRefused(ts_ns=SystemClock().now_ns(), where=where, problem=problem[:300], cure=cure), unread(wanted)]


def unread(wanted: FactsWanted) -> SellabilityTested:
    """Return what is told where nothing could be tried."""
    pool = wanted.pool
    return SellabilityTested(
        venue=pool.venue, pool=pool.address, base_mint=pool.base_mint, quote_mint=pool.quote_mint, found=False
    )
