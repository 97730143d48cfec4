"""What the localnet remembers: blocks, and in them who did what; the oldest are forgotten.

closed block -> by slot, by signature, by address, each as long as the block is kept
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.account_json import Snapshot
from sniperforge.chain.localnet.landed import Landed


@dataclass(slots=True)
class Block:
    """One slot's work.

    Attributes:
        changes: every account the slot wrote, as the slot left it. Emptied once
            the block is final and told.
    """

    slot: int
    height: int
    time: int
    blockhash: str
    previous_blockhash: str
    transactions: list[Landed] = field(default_factory=list)
    changes: dict[Pubkey, Snapshot] = field(default_factory=dict)

    @property
    def unit_price_min(self) -> int:
        """Least price per compute unit that landed; 0 in an empty block."""
        return min((each.envelope.unit_price for each in self.transactions), default=0)


class History:
    """The last *blocks_max* blocks and their transactions."""

    def __init__(self, blocks_max: int) -> None:
        self.blocks_max = blocks_max
        self.blocks: dict[int, Block] = {}
        self._signatures: dict[str, Landed] = {}
        self._addresses: dict[Pubkey, deque[Landed]] = {}
        self.transactions_total = 0

    def open(self, block: Block) -> None:
        """Begin a block; the oldest goes when there are too many."""
        self.blocks[block.slot] = block
        if len(self.blocks) > self.blocks_max:
            self._forget(next(iter(self.blocks.values())))

    def add(self, landed: Landed) -> None:
        """Remember a transaction in the block of its slot."""
        self.blocks[landed.slot].transactions.append(landed)
        self._signatures[landed.signature] = landed
        self.transactions_total += 1
        for key in set(landed.keys):
            self._addresses.setdefault(key, deque()).append(landed)

    def find(self, signature: str) -> Landed | None:
        """Return the transaction of that signature, or None."""
        return self._signatures.get(signature)

    def of_address(self, address: Pubkey) -> Iterable[Landed]:
        """Yield what named *address*, newest first."""
        return reversed(self._addresses.get(address, ()))

    def _forget(self, block: Block) -> None:
        del self.blocks[block.slot]
        for landed in block.transactions:
            del self._signatures[landed.signature]
            for key in set(landed.keys):
                row = self._addresses[key]
                # Rows are in order of landing, so the oldest is this one.
                row.popleft()
                if not row:
                    del self._addresses[key]
