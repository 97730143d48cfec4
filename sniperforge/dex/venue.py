"""The shape of a venue, and of what the venues read and write.

steps of one transaction -> PoolCreated, Swapped, …      (reading)
pool + amount -> Quote; pool + order -> instructions       (writing)

A venue is one module with these names at its top (checked by the conformance
test): NAME, PROGRAM, `read`, `verify`, `load`, `quote_in`, `quote_out`, `swap`
and VENUE. No I/O, no float, no other venue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sniperforge.base.errors import SniperForgeError
from sniperforge.base.events import Event, LaunchDisbelieved, Pool, PoolCreated
from sniperforge.base.units import ZERO_KEY, Pubkey


class EmptyPool(SniperForgeError):
    """A quote was asked of a pool that holds nothing on one side (or is complete)."""


# ── reading ───────────────────────────────────────────────────────────────


class Context(NamedTuple):
    """What the source says about the whole transaction.

    Attributes:
        signer: the fee payer; the zero key when the source does not carry it.
        carries_instructions: False for a logs-only source.
        logs_truncated: the runtime cut the logs: an event may be missing.
    """

    signature: str
    slot: int
    recv_ns: int
    now_ns: int
    source: str
    signer: Pubkey
    carries_instructions: bool
    logs_truncated: bool
    late: bool
    block_time: int = 0


def disbelieved(venue: str, reason: str, context: Context, values: Mapping[str, str]) -> LaunchDisbelieved:
    """Return the event that says why *venue* does not believe a creation; *values* are what was compared, by name."""
    return LaunchDisbelieved(
        ts_ns=context.now_ns,
        origin_ns=context.recv_ns,
        reason=reason,
        venue=venue,
        slot=context.slot,
        signature=context.signature,
        source=context.source,
        values=dict(values),
    )


@dataclass(slots=True)
class Step:
    """One program invocation, in order of execution, attributed by the runtime's own words.

    Attributes:
        program: the program that ran.
        accounts, data: of the instruction; empty when only logs were carried.
        events: payloads (discriminator + Borsh) this program itself emitted in
            this invocation, by `Program data:` or by a CPI to itself.
        logs: its own `Program log:` texts, without the prefix.
        children: what it invoked, in order.
        index: position of the outer instruction; depth: 1 for an outer one.
        parent_program: who invoked it; the zero key for an outer instruction.
    """

    program: Pubkey
    accounts: tuple[Pubkey, ...] = ()
    data: bytes = b""
    events: tuple[bytes, ...] = ()
    logs: tuple[str, ...] = ()
    children: tuple[Step, ...] = ()
    index: int = 0
    depth: int = 1
    parent_program: Pubkey = ZERO_KEY

    def walk(self) -> Iterable[Step]:
        """Yield this step and everything below it in order of execution."""
        yield self
        for child in self.children:
            yield from child.walk()


class Incomplete(NamedTuple):
    """A creation is there, but this source does not carry enough to tell it whole."""

    reason: str


Reading = Event | Incomplete


# ── writing ───────────────────────────────────────────────────────────────


class AccountMeta(NamedTuple):
    """One account of an instruction."""

    key: Pubkey
    signer: bool = False
    writable: bool = False


class Instruction(NamedTuple):
    """One instruction, ready to be compiled into a message."""

    program: Pubkey
    accounts: tuple[AccountMeta, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Quote:
    """What a trade of *amount_in* gives against the pool as known.

    Attributes:
        amount_in: base units paid in, fees included.
        amount_out: base units that arrive, fees taken off, rounded as the program does.
        fee_amount: quote base units of all fees in it.
        impact_bps: how far the trade moves the price, rounded down.
    """

    amount_in: int
    amount_out: int
    fee_amount: int
    impact_bps: int


@dataclass(frozen=True, slots=True)
class SwapOrder:
    """What `swap` turns into instructions.

    Attributes:
        user: the wallet that pays and receives.
        is_buy: buy the base mint with the quote mint.
        amount_in: exact input in base units of the side sold.
        amount_out_min: least to accept.
        open_base_account: create the wallet's base token account first (idempotent).
        wrap_quote: quote is SOL held as lamports: wrap what is spent, unwrap what comes.
        close_base_account: after a full exit: give the rent back.
        exact_out: `amount_out_min` is exactly what is bought, `amount_in` the most
            to pay. A venue without such an instruction trades exact-in, which
            keeps both bounds.
    """

    user: Pubkey
    is_buy: bool
    amount_in: int
    amount_out_min: int
    open_base_account: bool = True
    wrap_quote: bool = True
    close_base_account: bool = False
    exact_out: bool = False


@dataclass(frozen=True, slots=True)
class Venue:
    """One venue as a value: what `VENUE` at the bottom of its module holds.

    Attributes:
        name: short name used in settings and events.
        program: its program id.
        markers: byte strings of which at least one is in every frame (any form)
            that may carry a creation, completion or migration of this venue.
            The reject path is a scan for these: keep them few and rare.
        trade_markers: base64 text of the trade events' discriminators as they
            stand in a log line, each with the offset in the payload of the
            32-byte key that names the pool or mint traded.
        read: one step of this program -> events; only facts, no belief.
        verify: re-derive every address a creation claims; "" when all match, else
            "name: claimed …, derived …".
        load: named raw accounts (see the venue) -> Pool.
        quote_in, quote_out: exact integer quotes, `is_buy` keyword.
        swap: pool + order -> instructions of the trade alone (no compute budget).
        compute_units: limit that covers a swap incl. account creation, by is_buy.
        apply: pool + market event -> pool with the reserves after it.
        swap_keys: pool + wallet + is_buy -> every key of the instructions that is
            not a constant of the program, by its name in the account tables;
            derives only what `pool.keys` does not hold.
        assemble: those keys + pool + order -> instructions;
            `swap(pool, order) == assemble(swap_keys(pool, order.user, order.is_buy), pool, order)`.
            It derives nothing. Which accounts stand where depends only on
            `order.is_buy`, the order's flags and `variant`: a message made once
            from placeholder keys can be patched for every other pool.
        variant: names the form of the instructions for a pool and an order
            (token program, kind of quote, …); equal names mean equal forms.
        coin_names, coin_keys: the short way to the keys of an exact-in buy, where a
            venue has one: pool + wallet -> (what decides every key that is not a
            coin's own, the coin's own keys in order of coin_names); None for a pool
            it is not for.
    """

    name: str
    program: Pubkey
    markers: tuple[bytes, ...]
    trade_markers: tuple[tuple[bytes, int], ...]
    read: Callable[[Step, Context], list[Reading]]
    verify: Callable[[PoolCreated], str]
    load: Callable[[Pubkey, Mapping[str, bytes]], Pool]
    quote_in: Callable[..., Quote]
    quote_out: Callable[..., Quote]
    swap: Callable[[Pool, SwapOrder], tuple[Instruction, ...]]
    compute_units: Callable[[bool], int]
    apply: Callable[[Pool, Event], Pool]
    swap_keys: Callable[[Pool, Pubkey, bool], dict[str, Pubkey]]
    assemble: Callable[[Mapping[str, Pubkey], Pool, SwapOrder], tuple[Instruction, ...]]
    variant: Callable[[Pool, SwapOrder], str]
    coin_names: tuple[str, ...] = ()
    coin_keys: Callable[[Pool, Pubkey], tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]] | None] | None = None
