"""A buy and a sell of a pool, tried before anybody pays: its accounts and programs fetched, our transactions built.

venue + address + size -> accounts of one call, programs once -> SellabilityTested

`Fetch` is where accounts come from: an endpoint (`Node`) or a file (`from_file`). All that
is asked for comes in one call, and again in one call where that showed that more is
needed: accounts of two slots do not fit together.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from sniperforge.base.clock import SystemClock
from sniperforge.base.errors import DecodeError, SniperForgeError, UnavailableError, UsageError
from sniperforge.base.events import FactsWanted, Pool, SellabilityTested, event_id
from sniperforge.base.keys import text
from sniperforge.base.units import NANOS_PER_SECOND, U64_MAX, ZERO_KEY, Pubkey
from sniperforge.chain.localnet.account_json import Snapshot
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.chain.sellability import CLOCK, Machine, Now, RoundTrip, Trial, code_at, code_in, now_in
from sniperforge.coordinate.builder import PROGRAMS, Builder, Terms
from sniperforge.dex.programs import COMPUTE_BUDGET, RENT, WSOL, ata, open_ata
from sniperforge.dex.venue import Instruction, Venue
from sniperforge.runtime.hand import Account, Found, Source, answered, load_pool
from sniperforge.trading.transaction import compile_message

#: Asked in one call; a node refuses more.
ACCOUNTS_MAX = 100
#: Together with their programs aside; the largest pool with its arrays has a tenth of it.
ACCOUNT_BYTES_MAX = 4 << 20
#: Calls until nothing new is needed: the pool, what it names, what that names.
ROUNDS_MAX = 5
#: Of a size nobody named: 0.01 SOL, or one token of six decimals.
LAMPORTS_DEFAULT, UNITS_DEFAULT = 10_000_000, 1_000_000
ATTEMPTS, WAIT_FIRST_S, WAIT_MAX_S = 8, 0.2, 3.0
_NOT_ASKED = PROGRAMS | {RENT}

Fetch = Callable[[Sequence[Pubkey]], Awaitable[Found]]


class _More(Exception):
    """These accounts have not been asked for yet."""

    def __init__(self, addresses: Sequence[Pubkey]) -> None:
        self.addresses = addresses


class _Asked(Source):
    """What has been fetched so far, for `load_pool`."""

    def __init__(self, name: str, asked: Mapping[Pubkey, None], found: Found) -> None:
        self.name, self._asked, self._found = name, asked, found

    def get(self, addresses: Sequence[Pubkey]) -> Found:
        """Return what is known of these; raises _More where nobody asked."""
        more = [one for one in addresses if one not in self._asked]
        if more:
            raise _More(more)
        return {one: self._found[one] for one in addresses if one in self._found}


class World(NamedTuple):
    """A pool as it is, and every account that its swaps list."""

    pool: Pool
    found: Found


class Node:
    """Accounts of an endpoint, the newest it has; the first of them is waited for.

    Args:
        attempts: how often the first account is looked for.
        pause: how it waits (tests pass their own).
    """

    name = "the rpc endpoint"

    def __init__(
        self,
        client: RpcClient,
        *,
        attempts: int = ATTEMPTS,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._attempts, self._pause = client, attempts, pause

    async def fetch(self, addresses: Sequence[Pubkey]) -> Found:
        """Return the accounts at *addresses*, None where there is none.

        Raises:
            UnavailableError, DecodeError: no answer, or none that makes sense.
        """
        names, wait_s = [text(one) for one in addresses], WAIT_FIRST_S
        options = {"encoding": "base64", "commitment": "processed"}
        for attempt in range(self._attempts):
            if attempt:
                await self._pause(wait_s)
                wait_s = min(wait_s * 2, WAIT_MAX_S)
            found = dict(answered(names, await self._client.call("getMultipleAccounts", [names, options]), self.name))
            if found[addresses[0]] is not None:
                break
        return found


def from_file(source: Source) -> Fetch:
    """Return what takes accounts from where they were saved."""

    async def fetch(addresses: Sequence[Pubkey]) -> Found:
        return source.get(addresses)

    return fetch


# ── the accounts ──────────────────────────────────────────────────────────


async def world(
    venue: Venue, address: Pubkey, mint: Pubkey, wallet: Pubkey, fetch: Fetch, name: str, told: Pool | None = None
) -> World:
    """Return a pool and all that its swaps list.

    Args:
        name: what error lines call the place of the accounts.
        told: the pool as somebody told it: its accounts are asked for at once.

    Raises:
        UnavailableError: an account is not there.
        DecodeError: one is not what it should be, or they are too many or too large.
    """
    asked: dict[Pubkey, None] = dict.fromkeys((address, CLOCK, mint) if any(mint) else (address, CLOCK))
    asked |= dict.fromkeys(_listed_if_told(venue, told, wallet))
    for _ in range(ROUNDS_MAX):
        if len(asked) > ACCOUNTS_MAX:
            raise DecodeError(f"pool {text(address)}: its swaps list {len(asked)} accounts, at most {ACCOUNTS_MAX} do")
        found = await fetch(list(asked))
        size = sum(len(one.data) for one in found.values() if one is not None and not one.executable)
        if size > ACCOUNT_BYTES_MAX:
            raise DecodeError(f"pool {text(address)}: {name} told {size} bytes, at most {ACCOUNT_BYTES_MAX} are")
        try:
            pool = load_pool(venue, address, mint, _Asked(name, asked, found))
            more = [one for one in _listed(venue, pool, wallet) if one not in asked]
        except _More as needed:
            more = list(needed.addresses)
        if not more:
            _check(pool, found, name)
            return World(pool, found)
        asked |= dict.fromkeys(more)
    raise DecodeError(f"pool {text(address)}: its accounts name others without end; it cannot be tried")


def _listed_if_told(venue: Venue, told: Pool | None, wallet: Pubkey) -> list[Pubkey]:
    """Return what swaps of a pool list, as far as what was told of it says."""
    if told is None:
        return []
    try:
        return _listed(venue, told, wallet)
    except (SniperForgeError, KeyError, ValueError):
        return []  # a pool without its arrays lists nothing yet


def _listed(venue: Venue, pool: Pool, wallet: Pubkey) -> list[Pubkey]:
    """Return every account of a buy and a sell, programs too, without the wallet's own."""
    builder = Builder(wallet, {venue.name: venue})
    listed: dict[Pubkey, None] = {}
    for one in _instructions(builder, venue, pool):
        listed |= dict.fromkeys((one.program, *(meta.key for meta in one.accounts)))
    own = {wallet, *_owned(builder, pool)} | _NOT_ASKED
    return [one for one in (*listed, pool.base_mint, pool.quote_mint) if one not in own]


def _owned(builder: Builder, pool: Pool) -> frozenset[Pubkey]:
    mine = {ata(builder.wallet, mint, program) for mint, program in _sides(pool)}
    return builder.owned(pool, is_buy=True) | builder.owned(pool, is_buy=False) | mine


def _sides(pool: Pool) -> tuple[tuple[Pubkey, Pubkey], ...]:
    return (pool.base_mint, pool.base_program), (pool.quote_mint, pool.quote_program)


def _check(pool: Pool, found: Found, name: str) -> None:
    """Raise UnavailableError where an account has to be and is not; others may be opened by the swap itself."""
    for what, address in (("mint", pool.base_mint), ("quote mint", pool.quote_mint)):
        if found.get(address) is None and address != WSOL:
            raise UnavailableError(f"{name}: has no {what} {text(address)}; add it, or check the address")
    poor = [text(address) for address, one in found.items() if one is not None and not one.lamports]
    if poor:
        raise UnavailableError(f"{name}: does not say how many lamports {poor[0]} has; save the answer whole")


def _buy(venue: Venue, amount: int) -> Terms:
    """Return a buy as the coordinator sends it; any price will do."""
    return Terms(True, amount, 1, 0, venue.compute_units(True), 0)


def _sell(venue: Venue, amount: int, *, closes: bool = True) -> Terms:
    """Return a sell of all there is: its account is closed behind it."""
    return Terms(False, amount, 1, 0, venue.compute_units(False), 0, closes_account=closes)


def _instructions(builder: Builder, venue: Venue, pool: Pool) -> list[Instruction]:
    return [one for terms in (_buy(venue, 1), _sell(venue, 1)) for one in builder.instructions(pool, terms)]


# ── the trial ─────────────────────────────────────────────────────────────


class Rounds:
    """Tries pools on one machine, and keeps their programs on it.

    Args:
        fetch, name: where accounts come from, and what error lines call it.
    """

    def __init__(self, fetch: Fetch, name: str) -> None:
        self._fetch, self._name = fetch, name
        self._machine = Machine()

    async def run(
        self, venue: Venue, address: Pubkey, mint: Pubkey, amount: int, told: Pool | None = None
    ) -> tuple[World, Now, RoundTrip]:
        """Return the pool, its time, and what a buy of *amount* and a sell of all of it came to.

        Raises:
            UnavailableError, DecodeError: it could not be tried.
            TransactionInvalid: our own transaction does not fit.
        """
        wallet = Pubkey(os.urandom(32))  # nobody's, so that nobody can be waiting for it
        there = await world(venue, address, mint, wallet, self._fetch, self._name, told)
        pool, found = there
        await self._install(found)
        builder = Builder(wallet, {venue.name: venue})
        self._has_programs(builder, venue, pool)
        accounts = {place: _snapshot(one) for place, one in found.items() if one is not None and place != CLOCK}
        clock = found.get(CLOCK)
        now = now_in(_snapshot(clock) if clock is not None else None) or Now(
            0, SystemClock().now_ns() // NANOS_PER_SECOND
        )
        opens = open_ata(wallet, wallet, pool.quote_mint, pool.quote_program, ata(wallet, *_sides(pool)[1]))
        trial = Trial(
            pool=pool,
            amount=amount,
            wallet=wallet,
            owned=_owned(builder, pool),
            accounts=accounts,
            now=now,
            opens=compile_message(wallet, (opens,), ZERO_KEY),
            buy=builder.message(pool, _buy(venue, amount), ZERO_KEY),
            sell=lambda bought, closes: builder.message(pool, _sell(venue, bought, closes=closes), ZERO_KEY),
        )
        return there, now, self._machine.round_trip(trial)

    async def _install(self, found: Found) -> None:
        """Install the programs among *found* that the machine does not have yet, one call each."""
        for program, one in found.items():
            if one is None or not one.executable or self._machine.runs(program):
                continue
            place, code = code_at(program, _snapshot(one)), one.data
            if place is not None:
                behind = (await self._fetch([place])).get(place)
                if behind is None:
                    raise UnavailableError(f"{self._name}: has no code of program {text(program)}; add {text(place)}")
                code = code_in(_snapshot(behind))
            self._machine.install(program, code)

    def _has_programs(self, builder: Builder, venue: Venue, pool: Pool) -> None:
        for one in _instructions(builder, venue, pool):
            # The compute budget is the runtime's own.
            if one.program != COMPUTE_BUDGET and not self._machine.runs(one.program):
                raise UnavailableError(f"{self._name}: has no program {text(one.program)}; add it with its code")


def _snapshot(one: Account) -> Snapshot:
    return Snapshot(one.lamports, one.data, one.owner, one.executable)


def size_of(wanted: FactsWanted) -> int:
    """Return the size a question means, quote base units."""
    default = LAMPORTS_DEFAULT if wanted.pool.quote_mint == WSOL else UNITS_DEFAULT
    return wanted.quote_amount if 0 < wanted.quote_amount <= U64_MAX else default


def by_hand(
    venue: Venue, address: Pubkey, mint: Pubkey, amount: int, *, source: Source | None = None, rpc: str = ""
) -> SellabilityTested:
    """Try a pool now, with accounts of *source* or of the endpoint *rpc*.

    Raises:
        UsageError: a size that cannot be.
        UnavailableError, DecodeError, TransactionInvalid: as `Rounds.run`.
    """
    if not 0 < amount <= U64_MAX:
        raise UsageError(f"--amount {amount}: not in 1..{U64_MAX}; write base units (1 SOL is 1000000000)")

    async def run() -> SellabilityTested:
        client = RpcClient(endpoint(rpc, where="--rpc")) if source is None else None
        try:
            if client is not None:
                rounds = Rounds(Node(client, attempts=1).fetch, client.target.name)
            else:
                assert source is not None
                rounds = Rounds(from_file(source), source.name)
            there, now, done = await rounds.run(venue, address, mint, amount)
        finally:
            if client is not None:
                await client.close()
        return tested(there.pool, amount, now, done)

    return asyncio.run(run())


def tested(pool: Pool, amount: int, now: Now, done: RoundTrip) -> SellabilityTested:
    """Return the event of a trial that took place."""
    return SellabilityTested(
        id=event_id("fact", "sellable", pool.address),
        ts_ns=SystemClock().now_ns(),
        venue=pool.venue,
        pool=pool.address,
        base_mint=pool.base_mint,
        quote_mint=pool.quote_mint,
        found=True,
        slot=now.slot,
        amount=amount,
        loss_bps=done.loss_bps,
        **done._asdict(),
    )
