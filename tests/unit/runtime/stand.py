"""Inboxes and outboxes of a few lines, and a message, for tests of the loop and its neighbours."""

from __future__ import annotations

import os

from sniperforge.base.events import Swapped
from sniperforge.base.units import ZERO_KEY
from sniperforge.runtime.loop import Message


class Batches:
    """An inbox that is always readable, like a file; None in *batches* is "nothing now"."""

    def __init__(self, *batches: list[Message]) -> None:
        self.batches = list(batches)
        self.committed = 0
        self.closed = False

    def fileno(self) -> int:
        return -1

    def drain(self) -> list[Message]:
        return self.batches.pop(0) if self.batches else []

    def arm(self) -> bool:
        return False

    def commit(self) -> None:
        self.committed += 1

    def ended(self) -> bool:
        return not self.batches

    def close(self) -> None:
        self.closed = True


class Pipe(Batches):
    """An inbox behind a descriptor: each byte in the pipe is one batch of its list; end of file ends it."""

    def __init__(self, *batches: list[Message]) -> None:
        super().__init__(*batches)
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.eof = False

    def fileno(self) -> int:
        return self.reading

    def drain(self) -> list[Message]:
        try:
            byte = os.read(self.reading, 1)
        except BlockingIOError:
            return []
        self.eof = not byte
        return super().drain() if byte else []

    def arm(self) -> bool:
        return not self.eof

    def ended(self) -> bool:
        return self.eof

    def send(self, count: int = 1) -> None:
        os.write(self.writing, b"x" * count)

    def send_last(self) -> None:
        self.send()
        os.close(self.writing)

    def close(self) -> None:
        super().close()
        os.close(self.reading)


class Kept:
    """An outbox that keeps what was flushed."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.flushed: list[Message] = []

    def put(self, message: Message) -> None:
        self.waiting.append(message)

    def flush(self) -> None:
        self.flushed += self.waiting
        self.waiting.clear()

    def close(self) -> None:
        raise AssertionError("the outbox belongs to whoever made it")


def swap(ts_ns: int, slot: int = 0) -> Swapped:
    return Swapped(
        ts_ns=ts_ns,
        venue="v",
        pool=ZERO_KEY,
        base_mint=ZERO_KEY,
        trader=ZERO_KEY,
        is_buy=True,
        base_amount=1,
        quote_amount=1,
        base_reserve=1,
        quote_reserve=1,
        slot=slot,
        signature="",
    )
