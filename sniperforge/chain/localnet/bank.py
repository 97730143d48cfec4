"""The bank: slots, blockhashes and order around LiteSVM, which has none of them.

submitted transaction -> waits -> executed in its slot -> processed, confirmed, finalized

LiteSVM 0.29 executes exactly (fees with the priority fee and rent included) but
knows one blockhash, a clock at zero and no commitment. All that is here, driven
by two calls: `run_entry` (the leader works off what waits, best price first)
and `close_slot`. No clock and no socket: time comes in, news goes to a listener.
"""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from typing import NamedTuple, Protocol

from solders.clock import Clock
from solders.hash import Hash
from solders.keypair import Keypair
from solders.litesvm import LiteSVM

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import execution
from sniperforge.chain.localnet.account_json import Snapshot
from sniperforge.chain.localnet.envelope import Envelope
from sniperforge.chain.localnet.history import Block, History
from sniperforge.chain.localnet.landed import Landed
from sniperforge.chain.localnet.refusal import NODE_UNHEALTHY, RpcRefusal
from sniperforge.chain.localnet.settings import LocalNetSettings

PROCESSED, CONFIRMED, FINALIZED = range(3)
COMMITMENTS = ("processed", "confirmed", "finalized")
SLOTS_PER_EPOCH = 432_000
#: Epochs of mainnet's schedule double until this one; ours starts far behind it.
FIRST_NORMAL_EPOCH, FIRST_NORMAL_SLOT = 14, 524_256
_MILLION = 1_000_000


class BankListener(Protocol):
    """Who is told what happens, at once and in order."""

    def received(self, signature: str) -> None:
        """A transaction arrived and waits."""

    def executed(self, landed: Landed, changes: dict[Pubkey, Snapshot]) -> None:
        """A transaction landed in the current slot and left these accounts."""

    def slot_opened(self, slot: int, root: int) -> None:
        """A new slot began; *root* is the newest final one."""

    def reached(self, block: Block, commitment: int) -> None:
        """A block became confirmed or final."""


class Waiting(NamedTuple):
    """A transaction in the queue: dearest first, then first come; not before its slot."""

    price: int
    arrival: int
    slot: int
    envelope: Envelope


class Counters:
    """What happened to transactions, for tests and the closing report."""

    def __init__(self) -> None:
        self.submitted = self.dropped = self.delayed = self.landed = self.failed = self.expired = 0


class Bank:
    """One leader, no forks: slots follow each other without gaps."""

    def __init__(
        self, settings: LocalNetSettings, svm: LiteSVM, faucet: Keypair, listener: BankListener, *, unix_ms: int
    ) -> None:
        self.settings, self.svm, self.faucet, self.listener = settings, svm, faucet, listener
        self.history = History(settings.history_slots)
        self.counters = Counters()
        self.executor = execution.Executor(svm)
        self._dice = random.Random(settings.seed)
        self._pending: dict[str, Waiting] = {}
        self._arrivals = 0
        #: blockhash -> height of its block, newest last.
        self._blockhashes: OrderedDict[str, int] = OrderedDict()
        self.genesis_hash = _hash(b"genesis", settings.seed.to_bytes(8, "little"))
        # Slots count on from LiteSVM's own: the programs it carries were deployed there.
        self.first_slot = svm.get_clock().slot
        self.slot = self.first_slot
        self._open(unix_ms, self.genesis_hash)
        # A node that starts has final blocks; ours gets empty ones.
        for _ in range(settings.finalized_after + 1):
            self.close_slot(unix_ms)

    # ── where we are ──────────────────────────────────────────────────────

    @property
    def block(self) -> Block:
        """The block being made."""
        return self.history.blocks[self.slot]

    def slot_at(self, commitment: int) -> int:
        """Return the newest slot of that commitment."""
        behind = (0, self.settings.confirmed_after, self.settings.finalized_after)
        return self.slot - behind[commitment]

    def height_of(self, slot: int) -> int:
        """Return the block height of *slot*."""
        return slot - self.first_slot

    def commitment_of(self, slot: int) -> int:
        """Return the best commitment *slot* has."""
        if slot <= self.slot_at(FINALIZED):
            return FINALIZED
        return CONFIRMED if slot <= self.slot_at(CONFIRMED) else PROCESSED

    def blockhash_at(self, commitment: int) -> tuple[str, int]:
        """Return the newest blockhash of that commitment and the last height it is good for."""
        newest = min(self.slot_at(commitment), self.slot - 1)
        block = self.history.blocks[newest]
        return block.blockhash, block.height + self.settings.blockhash_slots

    def is_blockhash_valid(self, blockhash: str) -> bool:
        """Whether a transaction with *blockhash* may still land in this slot."""
        return blockhash in self._blockhashes

    # ── transactions ──────────────────────────────────────────────────────

    def why_not(self, envelope: Envelope) -> str | None:
        """Return why *envelope* may not run now (BlockhashNotFound, AlreadyProcessed), or None."""
        if self.history.find(envelope.signature) is not None:
            return "AlreadyProcessed"
        if envelope.blockhash in self._blockhashes or self.executor.has_live_nonce(envelope):
            return None
        return "BlockhashNotFound"

    def submit(self, envelope: Envelope, *, loses: bool = True) -> None:
        """Queue a transaction for the leader; sent twice it waits once.

        Args:
            loses: whether it may be dropped or delayed, as the settings say.

        Raises:
            RpcRefusal: the queue is full.
        """
        self.counters.submitted += 1
        self.listener.received(envelope.signature)
        if envelope.signature in self._pending or self.history.find(envelope.signature) is not None:
            return
        if len(self._pending) >= self.settings.pending_max:
            raise RpcRefusal(NODE_UNHEALTHY, f"localnet: {len(self._pending)} transactions wait already; send slower")
        slot = self.slot
        if loses and self._draw(self.settings.drop_ppm):
            self.counters.dropped += 1
            return
        if loses and self._draw(self.settings.delay_ppm):
            self.counters.delayed += 1
            slot += self._dice.randint(1, self.settings.delay_slots_max)
        self._arrivals += 1
        self._pending[envelope.signature] = Waiting(-envelope.unit_price, self._arrivals, slot, envelope)

    def run_entry(self) -> None:
        """Execute what waits and is due, best price first."""
        if not self._pending:
            return
        for waiting in sorted(each for each in self._pending.values() if each.slot <= self.slot):
            del self._pending[waiting.envelope.signature]
            self._execute(waiting.envelope)

    def _draw(self, ppm: int) -> bool:
        return ppm > 0 and self._dice.randrange(_MILLION) < ppm

    def _execute(self, envelope: Envelope) -> None:
        if self.why_not(envelope) is not None:
            self.counters.expired += 1
            return
        block = self.block
        ran = self.executor.run(envelope, slot=block.slot, index=len(block.transactions), block_time=block.time)
        if ran is None:
            self.counters.expired += 1
            return
        landed, changes = ran
        self.counters.landed += 1
        self.counters.failed += landed.error is not None
        self.history.add(landed)
        block.changes.update(changes)
        self.listener.executed(landed, changes)

    # ── slots ─────────────────────────────────────────────────────────────

    def close_slot(self, unix_ms: int) -> None:
        """End the slot, begin the next at *unix_ms*, and tell whose commitment rose."""
        self.run_entry()
        block = self.block
        names = "".join(each.signature for each in block.transactions).encode()
        block.blockhash = _hash(block.previous_blockhash.encode(), block.slot.to_bytes(8, "little"), names)
        self._blockhashes[block.blockhash] = block.height
        while len(self._blockhashes) > self.settings.blockhash_slots:
            self._blockhashes.popitem(last=False)
        self.slot += 1
        self._open(unix_ms, block.blockhash)
        self.listener.slot_opened(self.slot, max(self.slot_at(FINALIZED), self.first_slot))
        for commitment in (CONFIRMED, FINALIZED):
            reached = self.history.blocks.get(self.slot_at(commitment))
            if reached is not None:
                self.listener.reached(reached, commitment)
                if commitment == FINALIZED:
                    reached.changes = {}

    def _open(self, unix_ms: int, previous: str) -> None:
        block = Block(self.slot, self.height_of(self.slot), unix_ms // 1000, "", previous)
        self.history.open(block)
        epoch, _ = epoch_of(self.slot)
        self.svm.set_clock(
            Clock(
                slot=self.slot,
                epoch_start_timestamp=block.time,
                epoch=epoch,
                leader_schedule_epoch=epoch + 1,
                unix_timestamp=block.time,
            )
        )
        # Durable nonces advance to a hash of LiteSVM's blockhash: it must move.
        self.svm.expire_blockhash()
        newest = [(self.first_slot + height, Hash.from_string(each)) for each, height in self._blockhashes.items()]
        self.svm.set_slot_hashes(newest[::-1])


def epoch_of(slot: int) -> tuple[int, int]:
    """Return the epoch of *slot* and the place of the slot in it."""
    epochs, place = divmod(slot - FIRST_NORMAL_SLOT, SLOTS_PER_EPOCH)
    return FIRST_NORMAL_EPOCH + epochs, place


def _hash(*parts: bytes) -> str:
    return str(Hash(hashlib.sha256(b"".join(parts)).digest()))
