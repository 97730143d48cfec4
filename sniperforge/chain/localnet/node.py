"""What every method answers from: the bank and who the node says it is."""

from __future__ import annotations

from dataclasses import dataclass

from sniperforge.chain.localnet.bank import Bank
from sniperforge.chain.localnet.params import Options
from sniperforge.chain.localnet.refusal import MIN_CONTEXT_SLOT, Json, RpcRefusal

#: What clients that look for features find: the release LiteSVM's runtime is of.
SOLANA_CORE, FEATURE_SET = "3.1.0", 0


@dataclass(frozen=True, slots=True)
class Node:
    """One node: it leads every slot and votes for itself.

    Attributes:
        identity, vote: base58 keys it is known by.
        rpc: host:port it answers at.
    """

    bank: Bank
    identity: str
    vote: str
    rpc: str

    def context(self, slot: int | None = None) -> dict[str, Json]:
        """Return the `context` member of an answer about the present state."""
        return {"apiVersion": SOLANA_CORE, "slot": self.bank.slot if slot is None else slot}

    def answer(self, value: Json, options: Options | None = None) -> Json:
        """Return *value* with its context; refuses a client that has seen a later slot."""
        if options is not None:
            newest = options.number("minContextSlot")
            if newest is not None and newest > self.bank.slot:
                raise RpcRefusal(
                    MIN_CONTEXT_SLOT, "Minimum context slot has not been reached", {"contextSlot": self.bank.slot}
                )
        return {"context": self.context(), "value": value}
