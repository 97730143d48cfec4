"""Orders into messages: one template for each shape of transaction, patched for each order.

pool + terms + blockhash -> message bytes

A shape is (venue, variant, side, flags, tip or not) plus the keys that stand
for a fixed account anyway (wallet, token programs, wrapped SOL): those share a
row of the account table and cannot be left open. Everything else is a slot.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec

from sniperforge.base.errors import SniperForgeError
from sniperforge.base.events import Pool
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.coordinate.intake import keys_fit
from sniperforge.dex.programs import (
    ASSOCIATED_TOKEN,
    COMPUTE_BUDGET,
    SYSTEM,
    TOKEN,
    TOKEN_2022,
    USDC,
    WSOL,
    ata,
    burn,
    close_account,
    compute_limit,
    compute_price,
    transfer_lamports,
)
from sniperforge.dex.venue import Instruction, SwapOrder, Venue
from sniperforge.trading.transaction import (
    LookupTable,
    Template,
    TemplateMismatch,
    TransactionInvalid,
    TransactionTooLong,
    compile_message,
)

#: Programs every order calls beside its venue.
PROGRAMS = frozenset((SYSTEM, TOKEN, TOKEN_2022, ASSOCIATED_TOKEN, COMPUTE_BUDGET))
#: Coins whose keys are kept ready for an order; their order comes at once or not at all.
READY_MAX = 256
#: Shapes kept; a shape is a few kilobytes, and a venue has a handful.
SHAPES_MAX = 256


class VenueUnknown(SniperForgeError):
    """An order names a venue nobody loaded."""


class Terms(NamedTuple):
    """What an order asks for, decided to the last unit."""

    is_buy: bool
    amount_in: int
    amount_out_min: int
    price_micro_lamports: int
    compute_units: int
    tip_lamports: int
    closes_account: bool = False
    exact_out: bool = False
    writes_off: bool = False


CoinKeys = tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]]


class _Shape(NamedTuple):
    """How to take slots and fixed keys out of a swap's keys, and the template (None: it cannot be patched)."""

    slots: Callable[[Mapping[str, Pubkey]], tuple[Pubkey, ...]]
    fixed: Callable[[Mapping[str, Pubkey]], tuple[Pubkey, ...]]
    fixed_keys: tuple[Pubkey, ...]
    names: tuple[str, ...]
    template: Template | None


class Builder:
    """Builds the messages of one wallet.

    Args:
        wallet: pays and receives.
        venues: name -> venue.
        tip_account: who gets tips; the zero key when nobody does.
        tables: lookup tables for what does not fit a transaction without.
    """

    def __init__(
        self,
        wallet: Pubkey,
        venues: Mapping[str, Venue],
        *,
        tip_account: Pubkey = ZERO_KEY,
        tables: Sequence[LookupTable] = (),
    ) -> None:
        self.wallet = wallet
        self.tip_account = tip_account
        self.tables = tuple(tables)
        self.slow_count = 0
        self._venues = venues
        self._constants = PROGRAMS | {wallet, WSOL, USDC, tip_account}
        self._shapes: dict[tuple[object, ...], list[_Shape]] = {}
        self._samples: dict[tuple[bool, bool, bool], SwapOrder] = {}
        self._molds: dict[tuple[object, ...], Template | None] = {}
        self._ready: dict[Pubkey, tuple[Pool, CoinKeys]] = {}
        self._last_buy: Terms | None = None

    def venue(self, name: str) -> Venue:
        """Return the venue *name*; raises VenueUnknown."""
        found = self._venues.get(name)
        if found is None:
            raise VenueUnknown(f"venue {name[:40]!r} is unknown here; known: {', '.join(sorted(self._venues))}")
        return found

    def message(self, pool: Pool, terms: Terms, blockhash: bytes) -> bytes:
        """Return the message of a swap on *pool*.

        Raises:
            VenueUnknown: no such venue.
            TransactionInvalid: it does not fit a transaction.
        """
        if terms.writes_off:
            return compile_message(self.wallet, self.instructions(pool, terms), blockhash)
        venue = self._venues.get(pool.venue) or self.venue(pool.venue)
        numbers = (terms.amount_in, terms.amount_out_min, terms.price_micro_lamports, terms.tip_lamports)
        if venue.coin_keys is not None and terms.is_buy and not terms.exact_out:
            ready = self._ready.get(pool.address)
            known = venue.coin_keys(pool, self.wallet) if ready is None or not _same(ready[0], pool) else ready[1]
            if known is not None:
                name = (pool.venue, known[0], terms.compute_units, terms.tip_lamports > 0, terms.closes_account)
                mold = self._molds[name] if name in self._molds else self._cast(venue, pool, terms, name)
                if mold is not None:
                    message = mold.patch(known[1], numbers, blockhash)
                    self._last_buy = terms
                    return message
        keys = venue.swap_keys(pool, self.wallet, terms.is_buy)
        shape = self._shape(venue, pool, keys, terms)
        if shape.template is None:
            self.slow_count += 1
            instructions = self._instructions(venue, keys, pool, self._order(terms), terms)
            return compile_message(self.wallet, instructions, blockhash, tables=self.tables)
        return shape.template.patch(shape.slots(keys), numbers, blockhash)

    def prepare(self, pool: Pool) -> None:
        """Derive what a buy on *pool* will list, and what its kind of coin needs; messages are the same without it.

        A pool that cannot be traded is passed over: its order, should one come, is told why.
        """
        venue = self._venues.get(pool.venue)
        if venue is None or venue.coin_keys is None or not keys_fit(pool):
            return
        known = venue.coin_keys(pool, self.wallet)
        if known is None:
            return
        self._ready.pop(pool.address, None)
        self._ready[pool.address] = (pool, known)
        if len(self._ready) > READY_MAX:
            del self._ready[next(iter(self._ready))]
        if self._last_buy is not None:
            # Casts what is missing, and has the code at hand when the order comes.
            with contextlib.suppress(TransactionInvalid):
                self.message(pool, self._last_buy, ZERO_KEY)

    def instructions(self, pool: Pool, terms: Terms) -> tuple[Instruction, ...]:
        """Return the instructions themselves (for showing and simulating; the slow way)."""
        if terms.writes_off:
            return self._framed(terms, self._write_off(pool, terms))
        venue = self.venue(pool.venue)
        keys = venue.swap_keys(pool, self.wallet, terms.is_buy)
        return self._instructions(venue, keys, pool, self._order(terms), terms)

    def owned(self, pool: Pool, *, is_buy: bool) -> frozenset[Pubkey]:
        """Return the accounts of a swap that hold the wallet's own rent, by their names in the venue's tables."""
        venue = self.venue(pool.venue)
        keys = venue.swap_keys(pool, self.wallet, is_buy)
        venue.assemble(keys, pool, SwapOrder(self.wallet, is_buy, 1, 1))
        return frozenset(key for name, key in keys.items() if "user" in name) - {self.wallet}

    def _order(self, terms: Terms) -> SwapOrder:
        return SwapOrder(
            user=self.wallet,
            is_buy=terms.is_buy,
            amount_in=terms.amount_in,
            amount_out_min=terms.amount_out_min,
            close_base_account=terms.closes_account,
            exact_out=terms.exact_out,
        )

    def _instructions(
        self, venue: Venue, keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder, terms: Terms
    ) -> tuple[Instruction, ...]:
        return self._framed(terms, venue.assemble(keys, pool, order))

    def _framed(self, terms: Terms, middle: Iterable[Instruction]) -> tuple[Instruction, ...]:
        """Return *middle* between the compute budget and the tip."""
        tip: Iterable[Instruction] = ()
        if terms.tip_lamports:
            tip = (transfer_lamports(self.wallet, self.tip_account, terms.tip_lamports),)
        budget = (compute_limit(terms.compute_units), compute_price(terms.price_micro_lamports))
        return (*budget, *middle, *tip)

    def _write_off(self, pool: Pool, terms: Terms) -> tuple[Instruction, ...]:
        """Burn the coins and, where that can be, close their account: its rent is all that comes back."""
        account = ata(self.wallet, pool.base_mint, pool.base_program)
        burned = burn(account, pool.base_mint, self.wallet, pool.base_program, terms.amount_in)
        if not terms.closes_account:
            return (burned,)
        return (burned, close_account(account, self.wallet, pool.base_program))

    # ── molds ──

    def _cast(self, venue: Venue, pool: Pool, terms: Terms, name: tuple[object, ...]) -> Template | None:
        """Make the template in which only a coin's own keys are open; None when the venue's short way is another."""
        if len(self._molds) >= SHAPES_MAX:
            self._molds.clear()
        keys = venue.swap_keys(pool, self.wallet, True)
        shape = self._shape(venue, pool, keys, terms)
        mold = None
        if not set(venue.coin_names) <= set(shape.names):
            # One odd coin, a key of which is a fixed account, says nothing about the others.
            return None
        if shape.template is not None:
            slots = [shape.names.index(coin_name) for coin_name in venue.coin_names]
            try:
                mold = shape.template.bound(shape.slots(keys), slots)
            except TemplateMismatch:
                mold = None
        if mold is not None and not all(self._fits(mold, venue, one, terms, name) for one in (pool, _stranger(pool))):
            mold = None
        self._molds[name] = mold
        return mold

    def _fits(self, mold: Template, venue: Venue, pool: Pool, terms: Terms, name: tuple[object, ...]) -> bool:
        """Return whether *mold* gives for *pool* what compiling its instructions gives."""
        assert venue.coin_keys is not None
        known, probe = venue.coin_keys(pool, self.wallet), bytes(32)
        if known is None or known[0] != name[1]:
            return False
        numbers = (terms.amount_in, terms.amount_out_min, terms.price_micro_lamports, terms.tip_lamports)
        slow = compile_message(self.wallet, self.instructions(pool, terms), probe)
        return mold.patch(known[1], numbers, probe) == slow

    # ── shapes ──

    def _shape(self, venue: Venue, pool: Pool, keys: Mapping[str, Pubkey], terms: Terms) -> _Shape:
        flags = (terms.is_buy, terms.closes_account, terms.exact_out)
        # Which variant an order is depends on its flags alone: one order stands for all of them.
        sample = self._samples.get(flags)
        if sample is None:
            sample = self._samples[flags] = self._order(terms)
        name = (venue.name, venue.variant(pool, sample), flags, terms.compute_units, terms.tip_lamports > 0)
        shapes = self._shapes.get(name)
        if shapes is None:
            if len(self._shapes) >= SHAPES_MAX:
                self._shapes.clear()
            shapes = self._shapes[name] = []
        for shape in shapes:
            if shape.fixed(keys) == shape.fixed_keys:
                return shape
        shape = self._make(venue, pool, self._order(terms), keys, terms)
        # The newest first: the next order most likely looks like this one.
        shapes.insert(0, shape)
        del shapes[8:]
        return shape

    def _make(self, venue: Venue, pool: Pool, order: SwapOrder, keys: Mapping[str, Pubkey], terms: Terms) -> _Shape:
        # A venue whose keys derive themselves is asked once for all of them.
        venue.assemble(keys, pool, order)
        fixed = tuple((name, key) for name, key in keys.items() if key in self._constants)
        names = tuple(name for name, key in keys.items() if key not in self._constants)
        build = self._open(venue, pool, order, terms, dict(fixed), names)
        shape = _Shape(_taker(names), _taker([name for name, _ in fixed]), tuple(key for _, key in fixed), names, None)
        try:
            template = Template(self.wallet, build, key_count=len(names), number_count=4)
        except (TemplateMismatch, TransactionTooLong):
            # Too long is told, or cured by a table, when it is compiled.
            return shape
        # A venue that takes a key from the pool instead of from `keys` would have
        # frozen this pool's key into every later order: proven not to be so, here.
        probe = bytes(32)
        numbers = (terms.amount_in, terms.amount_out_min, terms.price_micro_lamports, terms.tip_lamports)
        patched = template.patch(shape.slots(keys), numbers, probe)
        slow = compile_message(self.wallet, self._instructions(venue, keys, pool, order, terms), probe)
        return shape._replace(template=template) if patched == slow else shape

    def _open(
        self, venue: Venue, pool: Pool, order: SwapOrder, terms: Terms, fixed: dict[str, Pubkey], names: tuple[str, ...]
    ) -> Callable[[Sequence[Pubkey], Sequence[int]], tuple[Instruction, ...]]:
        """Return a builder with every slot open, over a pool that belongs to nobody."""
        stranger = _stranger(pool)

        def build(slots: Sequence[Pubkey], numbers: Sequence[int]) -> tuple[Instruction, ...]:
            amount_in, amount_out_min, price, tip = numbers
            keys = fixed | dict(zip(names, slots, strict=True))
            opened = dataclasses.replace(order, amount_in=amount_in, amount_out_min=amount_out_min)
            priced = terms._replace(price_micro_lamports=price, tip_lamports=tip if terms.tip_lamports else 0)
            return self._instructions(venue, keys, stranger, opened, priced)

        return build


def _taker(names: Sequence[str]) -> Callable[[Mapping[str, Pubkey]], tuple[Pubkey, ...]]:
    """Return what takes the keys *names* out of a mapping, in one step where there are two or more."""
    if len(names) >= 2:
        return itemgetter(*names)
    return lambda keys: tuple([keys[name] for name in names])


def _same(ready: Pool, pool: Pool) -> bool:
    """Return whether two states of a pool have the same keys: all that keys are made of is equal."""
    return ready is pool or (
        ready.keys == pool.keys
        and ready.base_mint == pool.base_mint
        and ready.numbers == pool.numbers
        and ready.base_program == pool.base_program
        and ready.quote_mint == pool.quote_mint
        and ready.quote_program == pool.quote_program
        and ready.venue == pool.venue
    )


def _stranger(pool: Pool) -> Pool:
    """Return *pool* with every key that is its own replaced by one nobody has."""

    def other(name: str) -> Pubkey:
        return Pubkey(hashlib.blake2b(f"stranger {name}".encode(), digest_size=32).digest())

    return msgspec.structs.replace(
        pool, address=other("address"), base_mint=other("base_mint"), keys={name: other(name) for name in pool.keys}
    )
