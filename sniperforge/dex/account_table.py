"""Account lists of instructions as text, the way the IDLs print them, and keys that derive themselves.

"pool:w user:sw mint …"      -> AccountTable
known keys + rules           -> Keys           (a name nobody gave is derived on first use)
table + keys by name + data  -> Instruction
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sniperforge.base.units import Pubkey
from sniperforge.dex.venue import AccountMeta, Instruction

#: (name, signer, writable), in the order the program wants.
AccountTable = tuple[tuple[str, bool, bool], ...]


class Keys(dict[str, Pubkey]):
    """Keys by account name; what is missing comes from *rules*, once.

    A derivation costs about 11 µs, so a swap pays for the accounts it lists and
    for no other. A name that neither is known nor has a rule is a KeyError: a bug
    of the caller, never of the input.
    """

    def __init__(self, rules: Mapping[str, Callable[[Keys], Pubkey]], known: Mapping[str, Pubkey]) -> None:
        super().__init__(known)
        self._rules = rules

    def __missing__(self, name: str) -> Pubkey:
        derived = self[name] = self._rules[name](self)
        return derived


Rules = Mapping[str, Callable[[Keys], Pubkey]]


def accounts(text: str) -> AccountTable:
    """Return the table of *text*: one account a word, `:w` writable, `:s` signer, `:sw` both."""
    rows = (word.partition(":") for word in text.split())
    return tuple((name, "s" in flags, "w" in flags) for name, _, flags in rows)


def build(program: Pubkey, table: AccountTable, keys: Mapping[str, Pubkey], data: bytes) -> Instruction:
    """Return the instruction; *keys* holds (or derives) every name of *table*."""
    return Instruction(
        program, tuple([AccountMeta(keys[name], signer, writable) for name, signer, writable in table]), data
    )
