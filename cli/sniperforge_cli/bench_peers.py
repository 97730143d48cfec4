"""Peers of `sniperforge bench ring` that somebody could install: none of them is a dependency.

installed and running -> measured in the same rounds; anything else -> named, with the reason.
Each gets its good configuration; what that is, its docstring says.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import psutil

from sniperforge.base.errors import UnavailableError, UsageError
from sniperforge_cli.bench_transports import (
    DatagramTransport,
    DrainedFifoTransport,
    FifoTransport,
    Load,
    PipeTransport,
    QueueTransport,
    Receive,
    RingTransport,
    Send,
    Transport,
    ZmqTransport,
)

#: What to install to see every row of the benchmark.
PIP = "pip install pyzmq faster-fifo iceoryx2 redis hiredis nats-py"
START_S = 5.0  # a broker answers within 20 ms; one that needs longer than this is left out
BATCH = 100  # messages a broker's client sends at a time where no schedule waits for the single one
_SBIN = os.pathsep.join(("/usr/sbin", "/usr/local/sbin"))  # Debian puts nats-server there: not on a user's PATH
_GREETING = b"?"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def available(
    only: Sequence[str] = (), peers: Sequence[type[Transport]] | None = None
) -> tuple[list[Transport], dict[str, str]]:
    """Return the transports that run here, ours first, and name -> reason of the peers that do not.

    Args:
        only: names to keep, the ring always among them; empty: all.
        peers: what to try beside the ring and Python's own; PEERS when not given.

    Raises:
        UsageError: *only* names something that is not there.
    """
    kinds = PEERS if peers is None else peers
    made: list[Transport] = [
        RingTransport(),
        RingTransport("ring-drained", drained=True),
        RingTransport("ring-spinning", spin_ns=200_000),
        QueueTransport(),
        PipeTransport(),
        DatagramTransport(),
    ]
    known = [*(item.name for item in made), *(kind.name for kind in kinds)]
    for name in only:
        if name not in known:
            raise UsageError(f"bench ring: no transport is called {name}; there are {', '.join(known)}")
    absent: dict[str, str] = {}
    for kind in kinds:
        if only and kind.name not in only:
            continue
        try:
            made.append(_tried(kind))
        except ImportError as error:
            absent[kind.name] = f"no Python package {error.name}"
        except UnavailableError as error:
            absent[kind.name] = str(error)
    for name in only:
        if name in absent:
            raise UsageError(f"bench ring: {name} cannot run here: {absent[name]}; to install: {PIP}")
    return [item for item in made if not only or item.name in only or item.name == "ring"], absent


def _tried(kind: type[Transport]) -> Transport:
    """Return one of *kind*; a broker was started and stopped once: the rounds are too late to learn that it cannot."""
    made = kind()
    if made.networked:
        made.open(Load(size=24, consumers=1, paced=True))
        made.close()
    return made


class IceoryxTransport(Transport):
    """iceoryx2: publish-subscribe beside an event service, 256 samples deep, a publisher that waits, not drops."""

    name = "iceoryx2"

    def __init__(self) -> None:
        self.iox: Any = import_module("iceoryx2")
        self.version = f"iceoryx2 {metadata.version('iceoryx2')}"
        if not hasattr(self.iox, "BackpressureStrategy"):
            raise UnavailableError(f"{self.version} is too old; 0.10 is the first that works here")
        self.iox.set_log_level(self.iox.LogLevel.Error)

    def open(self, load: Load) -> None:
        self.load = load
        self.folder = tempfile.mkdtemp(prefix="sf-iox-")
        self.prefix = f"sf-{uuid.uuid4().hex[:8]}-"  # its own, so that close() knows what to remove
        self.greeted, self.greet = os.pipe()

    def _services(self) -> tuple[Any, Any]:
        iox, seats = self.iox, self.load.consumers
        config = iox.config.default()
        config.global_cfg.root_path = iox.Path.new(self.folder)
        config.global_cfg.prefix = iox.FileName.new(self.prefix)
        builder = iox.NodeBuilder.new().config(config).signal_handling_mode(iox.SignalHandlingMode.Disabled)
        self.node = builder.create(iox.ServiceType.Ipc)
        name = iox.ServiceName.new("bench")
        data = self.node.service_builder(name).publish_subscribe(iox.Slice[ctypes.c_uint8])
        data = data.max_publishers(1).max_subscribers(seats).max_nodes(seats + 1).history_size(0)
        data = data.subscriber_max_buffer_size(256).subscriber_max_borrowed_samples(2).enable_safe_overflow(False)
        event = self.node.service_builder(name).event().max_notifiers(1).max_listeners(seats).max_nodes(seats + 1)
        return data.open_or_create(), event.open_or_create()

    def sender(self) -> Send:
        data, event = self._services()
        builder = data.publisher_builder().initial_max_slice_len(self.load.size)
        publisher = builder.backpressure_strategy(self.iox.BackpressureStrategy.RetryUntilDelivered).create()
        loan, notify = publisher.loan_slice_uninit, event.notifier_builder().create().notify

        def send(message: bytes) -> None:
            sample = loan(len(message))
            ctypes.memmove(sample.payload_ptr, message, len(message))
            sample.assume_init().send()
            notify()

        # A full buffer is waited for only where a subscriber has looked at it once; before that
        # the publisher drops, whatever its strategy. So the first sample is a greeting.
        send(_GREETING)
        for _ in range(self.load.consumers):
            os.read(self.greeted, 1)
        return send

    def receiver(self, index: int) -> Receive:
        data, event = self._services()
        take, wait = data.subscriber_builder().create().receive, event.listener_builder().create().blocking_wait

        def receive() -> bytes:
            while True:
                while (sample := take()) is None:
                    wait()
                message = ctypes.string_at(sample.payload_ptr, sample.payload().number_of_elements)
                sample.delete()
                if message != _GREETING:
                    return message
                os.write(self.greet, b"!")

        return receive

    def close(self) -> None:
        os.close(self.greeted)
        os.close(self.greet)
        for path in Path("/dev/shm").glob(f"{self.prefix}*"):
            path.unlink()
        shutil.rmtree(self.folder)


class Server:
    """A broker of the benchmark's own, in a folder of its own, stopped by its pid."""

    def __init__(
        self, command: Sequence[str], folder: Path, ready: Callable[[], bool], *, patience_s: float = START_S
    ) -> None:
        """Start *command* in *folder* and wait until *ready* says so, *patience_s* at most.

        Raises:
            UnavailableError: the program is not there, ends, or is not ready within seconds.
        """
        program = found(command[0])
        log, self.patience_s = folder / "log", patience_s
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [program, *command[1:]], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=_ends_with_us,
            )  # fmt: skip
        end = time.monotonic() + patience_s
        with contextlib.ExitStack() as undo:
            undo.callback(self.stop)  # when it does not come up, and when we are interrupted before
            while not ready():
                code = self.process.poll()
                if code is None and time.monotonic() < end:
                    time.sleep(0.005)
                    continue
                said = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                what = f"did not start within {patience_s:g} s" if code is None else f"ended with {code}"
                raise UnavailableError(f"{command[0]} {what}: {said[-1]}")
            undo.pop_all()

    def cpu_s(self) -> float:
        """Return the CPU seconds it took so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """End the server, by force when it does not listen."""
        self.process.terminate()
        try:
            self.process.wait(self.patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def found(name: str) -> str:
    """Return the path of the program *name*; raise UnavailableError when there is none."""
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), _SBIN)))
    if path is None:
        raise UnavailableError(f"no program {name}; Debian has it as a package of that name")
    return path


def _ends_with_us() -> None:
    """Have the kernel end the server with the benchmark, even when that is killed with -9."""
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def program_version(program: str) -> str:
    """Return the first number with a dot in what *program* says of itself."""
    said = subprocess.run([found(program), "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+\.\d+[.\d]*", said)
    return f"{program} {number[0] if number else 'of unknown version'}"


class BrokerTransport(Transport):
    """What brokers share: a server and a temporary folder for each run."""

    networked = True
    server: Server

    @abc.abstractmethod
    def start(self) -> Server:
        """Start the server in self.folder."""

    def open(self, load: Load) -> None:
        self.load = load
        self.folder = Path(tempfile.mkdtemp(prefix="sf-"))  # short: a socket's path has a hundred bytes
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.folder)
            self.server = self.start()
            undo.pop_all()

    def cpu_s(self) -> float:
        return self.server.cpu_s()

    def close(self) -> None:
        self.server.stop()
        shutil.rmtree(self.folder)


class RedisTransport(BrokerTransport):
    """Redis pub/sub on a unix socket, with hiredis where it is; a pipeline of 100 when nobody sets the pace."""

    name = "redis"

    def __init__(self) -> None:
        self.redis: Any = import_module("redis")
        self.version = f"redis-py {self.redis.__version__}, {program_version('redis-server')}"

    def start(self) -> Server:
        # No cap on what waits for a slow subscriber: the default cuts it off at 32 MiB, which is a loss.
        settings = ["--port", "0", "--unixsocket", "s", "--save", "", "--appendonly", "no"]
        settings += ["--client-output-buffer-limit", "pubsub 0 0 0"]
        return Server(["redis-server", *settings], self.folder, self._answers)

    def _client(self) -> Any:
        never = self.redis.retry.Retry(self.redis.backoff.NoBackoff(), 0)  # its default waits seconds for a dead server
        return self.redis.Redis(unix_socket_path=str(self.folder / "s"), socket_timeout=None, retry=never)

    def _answers(self) -> bool:
        try:
            return bool(self._client().ping())
        except self.redis.exceptions.ConnectionError:
            return False

    def sender(self) -> Send:
        client = self._client()
        client.ping()  # it connects now, not with the first message
        if self.load.paced:
            return partial(client.publish, "bench")
        self.pipe = pipe = client.pipeline(transaction=False)

        def send(message: bytes) -> None:
            pipe.publish("bench", message)
            if len(pipe) >= BATCH:
                pipe.execute()

        return send

    def flush(self) -> None:
        if not self.load.paced:
            self.pipe.execute()

    def receiver(self, index: int) -> Receive:
        inbox = self._client().pubsub()
        inbox.subscribe("bench")
        inbox.parse_response()  # it is subscribed

        def receive() -> bytes:
            message: bytes = inbox.parse_response()[2]
            return message

        return receive


class NatsTransport(BrokerTransport):
    """NATS core over loopback TCP, nats-py on uvloop; written 100 at a time when nobody sets the pace."""

    name = "nats"

    def __init__(self) -> None:
        self.nats: Any = import_module("nats")
        self.version = f"nats-py {metadata.version('nats-py')}, {program_version('nats-server')}"

    def start(self) -> Server:
        # The server picks the port and writes it down. Like above, a slow subscriber is not to be cut off.
        settings = f'listen: "127.0.0.1:-1"\nports_file_dir: "{self.folder}"\nmax_pending: 1GB\nwrite_deadline: "30s"\n'
        (self.folder / "settings").write_text(settings)
        return Server(["nats-server", "-c", "settings"], self.folder, self._answers)

    def _answers(self) -> bool:
        for path in self.folder.glob("*.ports"):
            with contextlib.suppress(ValueError):  # half written
                self.address = json.loads(path.read_text())["nats"][0]
                return True
        return False

    def _connected(self) -> tuple[asyncio.AbstractEventLoop, Any]:
        import uvloop

        loop = uvloop.new_event_loop()
        return loop, loop.run_until_complete(self.nats.connect(self.address, allow_reconnect=False))

    def sender(self) -> Send:
        loop, client = self._connected()
        held: list[bytes] = []
        batch = 1 if self.load.paced else BATCH

        async def publish() -> None:
            for message in held:
                await client.publish("bench", message)
            while client.pending_data_size:  # noqa: ASYNC110  # its own task writes; a ping would cost a round trip
                await asyncio.sleep(0)
            held.clear()

        def send(message: bytes) -> None:
            held.append(message)
            if len(held) >= batch:
                loop.run_until_complete(publish())

        self.written: Callable[[], None] = lambda: loop.run_until_complete(publish())
        return send

    def flush(self) -> None:
        self.written()

    def receiver(self, index: int) -> Receive:
        loop, client = self._connected()
        arrived: deque[bytes] = deque()

        async def take(message: Any) -> None:
            arrived.append(message.data)
            loop.stop()

        async def subscribe() -> None:
            await client.subscribe("bench", cb=take, pending_msgs_limit=0, pending_bytes_limit=0)
            await client.flush()  # the server has it

        loop.run_until_complete(subscribe())

        def receive() -> bytes:
            while not arrived:
                loop.run_forever()
            return arrived.popleft()

        return receive


PEERS: tuple[type[Transport], ...] = (
    ZmqTransport,
    FifoTransport,
    DrainedFifoTransport,
    IceoryxTransport,
    RedisTransport,
    NatsTransport,
)
