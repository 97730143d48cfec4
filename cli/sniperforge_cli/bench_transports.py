"""Transports for `sniperforge bench ring`: the ring, and what Python brings along.

open(load) in the parent; sender() in the producer, receiver(i) in consumer i.
What a user could install beside them stands in bench_peers.
"""

from __future__ import annotations

import abc
import multiprocessing
import socket
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, cast

Send = Callable[[bytes], object]
Receive = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Load:
    """What a run will carry, so that a transport can take its good configuration for it."""

    size: int  # bytes of every message
    consumers: int  # each gets every message
    paced: bool  # messages come on a schedule: none may be held back for a batch


class Transport(abc.ABC):
    """One way to carry bytes from a process to others; opened before the fork, closed by the parent."""

    name = ""
    #: A broker: it could also serve other hosts, and so does more work than the others.
    networked = False
    #: What exactly is measured, for the report; empty for what comes with this project or with Python.
    version = ""

    @abc.abstractmethod
    def open(self, load: Load) -> None:
        """Make what producer and consumers share."""

    @abc.abstractmethod
    def sender(self) -> Send:
        """Return the function that sends one message to every consumer; called in the producer."""

    @abc.abstractmethod
    def receiver(self, index: int) -> Receive:
        """Return the function that waits for one message; called in consumer *index*."""

    @abc.abstractmethod
    def close(self) -> None:
        """Remove what open() made."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that processes beside producer and consumers took so far."""
        return 0.0

    def flush(self) -> None:  # noqa: B027  # most hold nothing back
        """Send what the sender holds back for a batch; called in the producer after its last message."""


class RingTransport(Transport):
    """Our ring, ordered, one call per message on both sides."""

    def __init__(self, name: str = "ring", *, spin_ns: int = 0, drained: bool = False) -> None:
        self.name, self.spin_ns, self.drained = name, spin_ns, drained

    def open(self, load: Load) -> None:
        from sniperforge.shm.ring import Ring

        self.instance = f"bench-{uuid.uuid4().hex[:8]}"
        names = [str(index) for index in range(load.consumers)]
        self.ring = Ring.create(
            "bench", instance=self.instance, capacity=1 << 20, consumers=names, deadline_ns=10_000_000_000
        )

    def sender(self) -> Send:
        from sniperforge.shm.ring import Ring

        producer = Ring.attach("bench", instance=self.instance).producer("bench")
        return partial(producer.publish, 1)

    def receiver(self, index: int) -> Receive:
        from sniperforge.shm.ring import Ring

        consumer = Ring.attach("bench", instance=self.instance).consumer(str(index), spin_ns=self.spin_ns)
        wait, drain = consumer.wait, consumer.drain
        if not self.drained:
            return cast(Receive, partial(consumer.take, None))  # no signal is handled here, so it never returns None
        held: list[Any] = []

        def receive_drained() -> bytes:
            while not held:
                held.extend(reversed(drain()))
                if not held:
                    wait(None)
            payload: bytes = held.pop().payload
            return payload

        return receive_drained

    def close(self) -> None:
        self.ring.unlink()


class QueueTransport(Transport):
    """multiprocessing.Queue, one per consumer."""

    name = "multiprocessing.Queue"

    def open(self, load: Load) -> None:
        context = multiprocessing.get_context("fork")
        self.queues = [context.Queue(10_000) for _ in range(load.consumers)]

    def sender(self) -> Send:
        puts = [queue.put for queue in self.queues]

        def send(message: bytes) -> None:
            for put in puts:
                put(message)

        return send

    def receiver(self, index: int) -> Receive:
        receive: Receive = self.queues[index].get
        return receive

    def close(self) -> None:
        for queue in self.queues:
            queue.close()


class PipeTransport(Transport):
    """multiprocessing.Pipe, send_bytes, one per consumer."""

    name = "multiprocessing.Pipe"

    def open(self, load: Load) -> None:
        self.pipes = [multiprocessing.Pipe(duplex=False) for _ in range(load.consumers)]

    def sender(self) -> Send:
        sends = [pipe[1].send_bytes for pipe in self.pipes]

        def send(message: bytes) -> None:
            for one in sends:
                one(message)

        return send

    def receiver(self, index: int) -> Receive:
        return self.pipes[index][0].recv_bytes

    def close(self) -> None:
        for ends in self.pipes:
            for end in ends:
                end.close()


class DatagramTransport(Transport):
    """Unix datagram sockets, one pair per consumer."""

    name = "unix datagram"

    def open(self, load: Load) -> None:
        self.pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(load.consumers)]

    def sender(self) -> Send:
        sends = [pair[1].send for pair in self.pairs]

        def send(message: bytes) -> None:
            for one in sends:
                one(message)

        return send

    def receiver(self, index: int) -> Receive:
        return partial(self.pairs[index][0].recv, 65536)

    def close(self) -> None:
        for ends in self.pairs:
            for end in ends:
                end.close()


class ZmqTransport(Transport):
    """pyzmq over ipc://, PUSH/PULL to one consumer, lossless XPUB/SUB to several."""

    name = "pyzmq"

    def __init__(self) -> None:
        self.zmq: Any = import_module("zmq")
        self.version = f"pyzmq {self.zmq.__version__}"

    def open(self, load: Load) -> None:
        self.consumers = load.consumers
        self.folder = tempfile.mkdtemp(prefix="sf-zmq-")
        self.address = f"ipc://{self.folder}/socket"

    def sender(self) -> Send:
        zmq = self.zmq
        one = self.consumers == 1
        end = zmq.Context().socket(zmq.PUSH if one else zmq.XPUB)
        end.set(zmq.SNDHWM, 10_000)
        if not one:
            end.set(zmq.XPUB_NODROP, 1)
            end.set(zmq.XPUB_VERBOSE, 1)  # else eight equal subscriptions arrive as one
        end.bind(self.address)
        if one:
            end.poll(flags=zmq.POLLOUT)  # the consumer is there: waiting for it is not what is measured
        else:
            for _ in range(self.consumers):
                end.recv()
        self.kept = end
        send: Send = end.send
        return send

    def receiver(self, index: int) -> Receive:
        zmq = self.zmq
        end = zmq.Context().socket(zmq.PULL if self.consumers == 1 else zmq.SUB)
        end.set(zmq.RCVHWM, 10_000)
        if self.consumers > 1:
            end.subscribe(b"")
        end.set(zmq.RECONNECT_IVL, 1)  # ms; it is here before the producer, and would look again after 100
        end.connect(self.address)
        self.kept = end
        receive: Receive = end.recv
        return receive

    def close(self) -> None:
        for path in Path(self.folder).iterdir():
            path.unlink()
        Path(self.folder).rmdir()


class FifoTransport(Transport):
    """faster-fifo with an identity codec, one per consumer."""

    name = "faster-fifo"

    def __init__(self) -> None:
        self.module: Any = import_module("faster_fifo")
        self.version = f"faster-fifo {metadata.version('faster-fifo')}"

    def open(self, load: Load) -> None:
        def same(message: bytes) -> bytes:
            return message

        self.queues = [self.module.Queue(1 << 20, loads=bytes, dumps=same) for _ in range(load.consumers)]

    def sender(self) -> Send:
        puts = [queue.put for queue in self.queues]

        def send(message: bytes) -> None:
            for put in puts:
                put(message, timeout=10)

        return send

    def receiver(self, index: int) -> Receive:
        get = self.queues[index].get
        receive: Receive = partial(get, timeout=10)
        return receive

    def close(self) -> None:
        for queue in self.queues:
            queue.close()


class DrainedFifoTransport(FifoTransport):
    """faster-fifo, where the consumer takes all there is with one call."""

    name = "faster-fifo-drained"

    def receiver(self, index: int) -> Receive:
        get_many = partial(self.queues[index].get_many, timeout=10)
        held: list[bytes] = []

        def receive() -> bytes:
            if not held:
                held.extend(reversed(get_many()))
            return held.pop()

        return receive
