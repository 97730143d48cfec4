"""What a localnet may be told: ports, the length of a slot, when a slot counts as final, what is lost on the way.

Slot timing as recorded on mainnet (49 slots of 2026-02-05): a slot every 388 ms
on average (320-648), confirmed about 100 ms after it was processed, finalized
12.0 s after, which is 31-32 slots.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from sniperforge.base.errors import ConfigError, DecodeError, UsageError
from sniperforge.base.keys import key


class LocalNetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of one localnet; checked by `check`.

    Attributes:
        host: address to listen on; loopback unless you mean otherwise.
        port: JSON-RPC port, WebSocket too; 0 takes any free one.
        ws_port: second WebSocket port; 0 takes port + 1 (or any free one when port is 0).
        slot_ms: length of a slot.
        entries_per_slot: how often in a slot waiting transactions are executed.
        confirmed_after, finalized_after: slots after which a slot has that commitment.
        blockhash_slots: how long a blockhash is good for.
        history_slots: how many blocks are remembered, with their transactions.
        drop_ppm: of a million transactions sent, how many are accepted and never land.
        delay_ppm: how many land 1 to delay_slots_max slots late.
        seed: of the draws for drops and delays.
        pending_max: transactions waiting to be executed; more are refused.
        body_bytes_max, batch_max: of one HTTP request.
        queue_max: notifications waiting for one slow client before it is dropped.
        subscriptions_max: on one socket.
        programs: (address, path of an ELF file) loaded besides the bundled ones.
        clones: (RPC URL of a cluster, addresses of programs and accounts to copy from it).
    """

    host: str = "127.0.0.1"
    port: int = 8899
    ws_port: int = 0
    slot_ms: int = 400
    entries_per_slot: int = 16
    confirmed_after: int = 2
    finalized_after: int = 32
    blockhash_slots: int = 150
    history_slots: int = 2000
    drop_ppm: int = 0
    delay_ppm: int = 0
    delay_slots_max: int = 4
    seed: int = 1
    pending_max: int = 4096
    body_bytes_max: int = 256 * 1024
    batch_max: int = 100
    queue_max: int = 8192
    subscriptions_max: int = 256
    programs: tuple[tuple[str, Path], ...] = ()
    clones: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def check(self) -> LocalNetSettings:
        """Return these settings; raises ConfigError naming the first that is out of its range."""
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"localnet.{name}", f"is {value}", f"choose {low} to {high}")
        if self.finalized_after < self.confirmed_after:
            raise ConfigError(
                "localnet.finalized_after",
                f"is {self.finalized_after}, below confirmed_after {self.confirmed_after}",
                "a slot is confirmed before it is final",
            )
        return self


_RANGES = (
    ("port", 0, 65_535),
    ("ws_port", 0, 65_535),
    ("slot_ms", 20, 60_000),
    ("entries_per_slot", 1, 64),
    ("confirmed_after", 1, 1_000),
    ("finalized_after", 1, 1_000),
    ("blockhash_slots", 1, 300),
    ("history_slots", 400, 1_000_000),
    ("drop_ppm", 0, 1_000_000),
    ("delay_ppm", 0, 1_000_000),
    ("delay_slots_max", 1, 1_000),
    ("pending_max", 1, 1_000_000),
    ("body_bytes_max", 2_048, 1 << 26),
    ("batch_max", 1, 10_000),
    ("queue_max", 1, 1_000_000),
    ("subscriptions_max", 1, 100_000),
)


def read_program(argument: str) -> tuple[str, Path]:
    """Return ID=FILE.so as address and path; raises UsageError."""
    name, found, path = argument.partition("=")
    if not found or not path:
        raise UsageError(f"--program {argument}: write ID=FILE.so")
    return _address("--program", name), Path(path)


def read_clone(argument: str) -> tuple[str, tuple[str, ...]]:
    """Return URL=ADDRESS[,ADDRESS…] as URL and addresses; raises UsageError.

    The last = counts: a URL may carry a key in its query.
    """
    url, found, names = argument.rpartition("=")
    if not found or not url.startswith(("http://", "https://")):
        raise UsageError(f"--clone {argument}: write URL=ADDRESS[,ADDRESS…] with an http(s) URL")
    return url, tuple(_address("--clone", each) for each in names.split(","))


def _address(option: str, name: str) -> str:
    try:
        key(name)
    except DecodeError as problem:
        raise UsageError(f"{option}: {problem}") from None
    return name
