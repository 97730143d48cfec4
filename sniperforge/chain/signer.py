"""The signer: the only reader of keys, and the last to look before money moves.

message + plan -> raw transaction, or a refusal        (27 µs of libsodium, a few of looking)

It trusts nobody's word for what a message does: it walks the message's own
instructions, refuses programs that are not on its list, transfers to anybody
but itself and the tip accounts, token accounts closed in another's favour, lookup
tables it was not told the contents of, and spending beyond what one order or one
minute may. Whatever it looks at (programs, transfers, who gets a rent) must stand
in the message itself, never behind a table.

Source of the message format: Solana's transaction documentation, "Message format".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from nacl.bindings import crypto_sign, crypto_sign_keypair

from sniperforge.base.errors import LimitError
from sniperforge.base.keys import text
from sniperforge.base.units import NANOS_PER_SECOND, Pubkey
from sniperforge.chain.keystore import Secret
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022, WSOL, ata

MINUTE_NS = 60 * NANOS_PER_SECOND
#: What one transaction may lock; a list of so many is counted in one byte.
ACCOUNTS_MAX = 64
_LOOKED_INTO = frozenset((SYSTEM, TOKEN, TOKEN_2022))
_BURN, _CLOSE_ACCOUNT, _SYNC_NATIVE = b"\x08", b"\x09", b"\x11"
_TRANSFER = (2).to_bytes(4, "little")


class SignRefused(LimitError):
    """The signer will not sign this; `rule` names why."""

    def __init__(self, rule: str, detail: str, cure: str) -> None:
        self.rule = rule
        super().__init__(f"signer.{rule}: {detail}; {cure}")


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be signed at all.

    Attributes:
        programs: ids of the programs a message may call.
        order_lamports_max: most that one order may cost (spend, fees, tip).
        minute_lamports_max: most that all entries of any 60 seconds may cost.
        tip_accounts: who besides ourselves may be sent lamports.
        lookup_tables: tables a message may take accounts from -> what they hold.
    """

    programs: frozenset[Pubkey]
    order_lamports_max: int
    minute_lamports_max: int
    tip_accounts: frozenset[Pubkey] = frozenset()
    lookup_tables: Mapping[Pubkey, tuple[Pubkey, ...]] = field(default_factory=dict)


class Plan(NamedTuple):
    """What the coordinator says an order costs at most; an exit is not held up by what entries spent.

    `burns`: coins may be burned (a write-off); no other order may do that.
    """

    lamports: int
    is_exit: bool
    burns: bool = False


class Signer:
    """Signs for one wallet under one policy. Never shows, copies or pickles its key."""

    __slots__ = ("_nobody", "_policy", "_secret", "_spent", "_spent_lamports", "_targets", "wallet")

    def __init__(self, secret: Secret, policy: Policy) -> None:
        self.wallet = secret.public_key
        self._secret = secret
        self._policy = policy
        # Signs rehearsals: nobody owns anything with it, and it dies with this process.
        self._nobody = crypto_sign_keypair()[1]
        self._targets = policy.tip_accounts | {self.wallet, ata(self.wallet, WSOL)}
        self._spent: deque[tuple[int, int]] = deque()
        self._spent_lamports = 0

    def __repr__(self) -> str:
        return f"<signer of {text(self.wallet)}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a signer is never copied or pickled")

    def sign(self, message: bytes, plan: Plan, now_ns: int) -> bytes:
        """Return the raw transaction (one signature, then *message*).

        Raises:
            SignRefused: a rule of the policy; nothing was signed or counted.
        """
        try:
            moved = self._walk(message, plan.burns)
        except IndexError:
            raise SignRefused("malformed", "the message ends too early", "the builder is wrong") from None
        if moved > plan.lamports:
            raise SignRefused("transfer", f"transfers {moved} lamports, planned {plan.lamports}", "the order is wrong")
        self._admit(plan, now_ns)
        return b"\x01" + crypto_sign(message, self._secret.reveal())

    def rehearse(self, message: bytes, plan: Plan) -> bytes:
        """Check and sign as `sign` does, with a key nobody has; counts nothing. The chain takes it from nobody.

        Raises:
            SignRefused: a rule refuses what the message does.
            IndexError: it ends too early.
        """
        self._walk(message, plan.burns)
        return b"\x01" + crypto_sign(message, self._nobody)

    def remember(self, plan: Plan, signed_ns: int) -> None:
        """Count an order signed before a restart into its minute."""
        if not plan.is_exit:
            self._spent.append((signed_ns, plan.lamports))
            self._spent_lamports += plan.lamports

    def _admit(self, plan: Plan, now_ns: int) -> None:
        policy = self._policy
        if plan.lamports > policy.order_lamports_max:
            raise SignRefused(
                "order_lamports_max", f"{plan.lamports} asked, {policy.order_lamports_max} allowed", "lower the order"
            )
        if plan.is_exit:
            return
        while self._spent and self._spent[0][0] <= now_ns - MINUTE_NS:
            self._spent_lamports -= self._spent.popleft()[1]
        if self._spent_lamports + plan.lamports > policy.minute_lamports_max:
            raise SignRefused(
                "minute_lamports_max",
                f"{self._spent_lamports + plan.lamports} in one minute, {policy.minute_lamports_max} allowed",
                "wait, or raise the limit",
            )
        self.remember(plan, now_ns)

    def _walk(self, message: bytes, burns: bool) -> int:
        """Check every instruction; return the lamports that System transfers move. IndexError: it ends too early."""
        at = 0
        if message[0] & 0x80:
            at = 1
            if message[0] != 0x80:
                raise SignRefused("malformed", "a version we do not read", "send a legacy or v0 message")
        count = message[at + 3]
        if message[at] != 1 or count > 0x7F or message[at + 4 : at + 36] != self.wallet:
            raise SignRefused("fee_payer", "the only signer and payer must be our wallet", "the builder is wrong")
        table = at + 4
        at = table + 32 * count + 32
        moved, end, programs = 0, len(message), self._policy.programs
        instructions, at = message[at], at + 1
        for _ in range(instructions):
            index = message[at]
            start = table + 32 * index
            program = message[start : start + 32]
            if index >= count or program not in programs:
                raise SignRefused("programs", f"{_shown(program)} is not on the list", "add it only if you trust it")
            # Lengths below 128 are one byte: nearly all of them.
            size, first = message[at + 1], at + 2
            if size >= 0x80:
                size, first = _compact(message, at + 1)
            last = first + size
            size, at = message[last], last + 1
            if size >= 0x80:
                size, at = _compact(message, last)
            if program in _LOOKED_INTO:
                accounts, data = message[first:last], message[at : at + size]
                if program == SYSTEM:
                    moved += self._transfer(message, table, count, accounts, data)
                else:
                    self._token(accounts, data, burns)
            at += size
        if table > 4:
            at = self._lookups(message, at)
        if at != end:
            raise SignRefused("malformed", f"{end - at} bytes are left over", "the builder is wrong")
        return moved

    def _lookups(self, message: bytes, at: int) -> int:
        """Check what a v0 message takes from lookup tables; return where it ends. IndexError: it ends too early."""
        tables, at = message[at], at + 1
        for _ in range(tables):
            address = Pubkey(message[at : at + 32])
            keys = self._policy.lookup_tables.get(address)
            if keys is None:
                raise SignRefused(
                    "lookup_table", f"{_shown(address)} is not on the list", "name it in coordinate.lookup_tables"
                )
            at += 32
            for _ in range(2):  # writable places, then read-only ones
                first, at = at + 1, at + 1 + message[at]
                beyond = [place for place in message[first:at] if place >= len(keys)]
                if beyond or at - first > ACCOUNTS_MAX:
                    raise SignRefused(
                        "lookup_table",
                        f"{_shown(address)} holds {len(keys)} keys, the message wants others",
                        "compare coordinate.lookup_tables with the table",
                    )
        return at

    def _transfer(self, message: bytes, table: int, count: int, accounts: bytes, data: bytes) -> int:
        if data[:4] != _TRANSFER or len(data) != 12:
            raise SignRefused("system", "only transfers of lamports are signed", "the builder is wrong")
        index = accounts[1]
        target = message[table + 32 * index : table + 32 * index + 32]
        if index >= count or target not in self._targets:
            raise SignRefused("transfer", f"{_shown(target)} is neither ours nor a tip account", "check tip_accounts")
        return int.from_bytes(data[4:], "little")

    def _token(self, accounts: bytes, data: bytes, burns: bool) -> None:
        if data[:1] == _SYNC_NATIVE or (burns and data[:1] == _BURN):
            return
        if data[:1] != _CLOSE_ACCOUNT:
            raise SignRefused("token", "only SyncNative and CloseAccount are signed", "the builder is wrong")
        # Index 0 of the table is the fee payer: the rent comes back to us.
        if accounts[1] != 0:
            raise SignRefused("token", "an account would be closed in another's favour", "the builder is wrong")


def _shown(key: bytes) -> str:
    return text(key) if len(key) == 32 else "an account that is not there"


def _compact(message: bytes, at: int) -> tuple[int, int]:
    """Return a compact-u16 of two or three bytes, and where the next byte is."""
    low, high = message[at], message[at + 1]
    if high < 0x80:
        return low & 0x7F | high << 7, at + 2
    return low & 0x7F | (high & 0x7F) << 7 | message[at + 2] << 14, at + 3
