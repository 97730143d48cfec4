"""Trading by hand: accounts from a file or an endpoint -> a pool, and a plan with every number in it.

state file | RPC          -> Account by address        (`StateFile`, `Endpoint`)
venue + address + accounts -> Pool                      (`load_pool`)
pool + what is wanted      -> Plan: quotes, limits, instructions, message

A state file holds accounts as `getMultipleAccounts` answers give them, in any of
these shapes: {address: account, …} · {"addresses": [address, …], "value": [account, …]}
(also with the answer under "result") · {"pubkey": address, "account": account} as
`solana account --output json` prints it · a list of any of them. A null says that
no such account exists, which some venues' quotes need to know (a tick array nobody
made); an account the file does not mention is missing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Protocol

import orjson

from sniperforge.base.errors import ConfigError, DecodeError, UnavailableError, UsageError
from sniperforge.base.events import Pool
from sniperforge.base.keys import key, text
from sniperforge.base.units import BPS_ONE, U64_MAX, ZERO_KEY, Pubkey, slippage_max, slippage_min
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.coordinate.builder import Builder, Terms
from sniperforge.dex.programs import WSOL, pda
from sniperforge.dex.pumpfun_instructions import AMM, curve_of
from sniperforge.dex.pumpfun_instructions import PROGRAM as PUMPFUN
from sniperforge.dex.venue import EmptyPool, Instruction, Quote, Venue
from sniperforge.feeds.compression import unpacker_for
from sniperforge.trading.transaction import SIGNATURE_BYTES, compact, compile_message

#: A recorded block is 20 MB; a day of launches a few hundred.
FILE_BYTES_MAX = 1 << 30

#: Under which name a venue's `load` wants the account at the pool's address.
_STATES = {
    "meteora_damm_v2": "pool",
    "meteora_dbc": "pool",
    "meteora_dlmm": "lb_pair",
    "orca_whirlpool": "whirlpool",
    "pumpfun": "bonding_curve",
    "pumpswap": "pool",
    "raydium_amm_v4": "amm_id",
}
_MODULES = {"raydium_amm_v4": "raydium_amm"}
#: What need not exist on the chain (beside what a venue says itself by MAY_MISS).
_MAY_MISS = ("bin_array_bitmap_extension",)
_STATE = "pool_state"


class Account(NamedTuple):
    """One account as a node tells it; no lamports: it did not say."""

    owner: Pubkey
    data: bytes
    lamports: int = 0
    executable: bool = False


Found = dict[Pubkey, Account | None]


class Source(Protocol):
    """Where accounts come from; `name` is what error lines call it."""

    name: str

    def get(self, addresses: Sequence[Pubkey]) -> Found:
        """Return what is known of these: an account, None where none exists, nothing where nobody knows."""


# ── accounts ──────────────────────────────────────────────────────────────


def read_bytes(path: str) -> bytes:
    """Return a file's text ("-": standard input), unpacked from gzip or zstd.

    Raises:
        UsageError: it cannot be read.
        DecodeError: its compression is damaged, or it is larger than `FILE_BYTES_MAX`.
    """
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as problem:
        raise UsageError(f"{path}: {problem.strerror}; give a file that can be read, or -") from None
    pieces, size = [], 0
    for piece in unpacker_for(raw[:8]).unpack(raw):
        size += len(piece)
        if size > FILE_BYTES_MAX:
            raise DecodeError(f"{path}: more than {FILE_BYTES_MAX} bytes; split it")
        pieces.append(piece)
    return b"".join(pieces)


class StateFile:
    """Accounts somebody saved.

    Raises:
        UsageError: the file cannot be read.
        DecodeError: it is none of the shapes above; the line names the place.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        try:
            document = orjson.loads(read_bytes(path))
        except orjson.JSONDecodeError as problem:
            raise DecodeError(f"{path}: not JSON ({problem}); save the answer of getMultipleAccounts") from None
        self._accounts = dict(_rows(document, path))

    def get(self, addresses: Sequence[Pubkey]) -> Found:
        """Return what the file says of these."""
        return {address: self._accounts[address] for address in addresses if address in self._accounts}


class Endpoint:
    """Accounts as an RPC endpoint has them now; all of one call are of one slot."""

    def __init__(self, url: str) -> None:
        self._target = endpoint(url, where="--rpc")
        self.name = self._target.name

    def get(self, addresses: Sequence[Pubkey]) -> Found:
        """Return what the endpoint has; raises UnavailableError or DecodeError."""
        return asyncio.run(self._ask(addresses))

    def blockhash(self) -> bytes:
        """Return a recent blockhash."""
        return asyncio.run(self._blockhash())

    async def _ask(self, addresses: Sequence[Pubkey]) -> Found:
        client = RpcClient(self._target)
        try:
            options = {"encoding": "base64", "commitment": "confirmed"}
            answer = await client.call("getMultipleAccounts", [[text(one) for one in addresses], options])
        finally:
            await client.close()
        return dict(answered([text(one) for one in addresses], answer, self.name))

    async def _blockhash(self) -> bytes:
        client = RpcClient(self._target)
        try:
            return (await client.latest_blockhash("confirmed"))[0]
        finally:
            await client.close()


def _rows(document: object, where: str) -> Iterable[tuple[Pubkey, Account | None]]:
    if isinstance(document, list):
        for number, item in enumerate(document):
            yield from _rows(item, f"{where}[{number}]")
    elif not isinstance(document, dict):
        raise DecodeError(f"{where}: holds no accounts; save the answer of getMultipleAccounts with its addresses")
    elif isinstance(document.get("addresses"), list):
        yield from answered(document["addresses"], document.get("result", document), where)
    elif "pubkey" in document and "account" in document:
        yield _address(document["pubkey"], where), _account(document["account"], where)
    elif "value" in document or "result" in document:
        raise DecodeError(f'{where}: an answer does not repeat what was asked; put "addresses": […] beside "value"')
    else:
        for name, item in document.items():
            yield _address(name, where), _account(item, f"{where}: {name}")


def answered(addresses: Sequence[object], answer: object, where: str) -> Iterable[tuple[Pubkey, Account | None]]:
    """Yield the accounts of a getMultipleAccounts answer (base64) with the addresses it was asked for."""
    value = answer.get("value") if isinstance(answer, dict) else None
    if not isinstance(value, list) or len(value) != len(addresses):
        found = len(value) if isinstance(value, list) else "no"
        raise DecodeError(f"{where}: {found} accounts for {len(addresses)} addresses; ask again")
    for address, item in zip(addresses, value, strict=True):
        yield _address(address, where), _account(item, f"{where}: {address}")


def _address(value: object, where: str) -> Pubkey:
    try:
        return key(str(value))
    except DecodeError as problem:
        raise DecodeError(f"{where}: {problem}") from None


def _account(item: object, where: str) -> Account | None:
    """Return an account of a node's answer, None for a null; its data must be base64."""
    if item is None:
        return None
    try:
        if not isinstance(item, dict) or not isinstance(item["data"], list) or item["data"][1] != "base64":
            raise TypeError
        lamports, runs = item.get("lamports", 0), item.get("executable") is True
        lamports = lamports if isinstance(lamports, int) and 0 < lamports <= U64_MAX else 0
        return Account(key(str(item["owner"])), base64.b64decode(item["data"][0], validate=True), lamports, runs)
    except (TypeError, KeyError, IndexError, binascii.Error, DecodeError):
        raise DecodeError(f'{where}: no account with an owner and ["…", "base64"] data; ask for base64') from None


# ── pools ─────────────────────────────────────────────────────────────────


def address_of(venue: Venue, *, pool: str, mint: str) -> tuple[Pubkey, Pubkey]:
    """Return the pool's address and the coin's mint (the zero key when nobody said).

    Raises:
        UsageError: neither is given, or the venue's pools do not follow from a mint.
        ConfigError: one is no address.
    """
    coin, place = key_option(mint, option="--mint"), key_option(pool, option="--pool")
    if venue.name == "pumpfun":
        if not mint:
            raise UsageError("--mint: a curve of pumpfun does not name its coin; give --mint instead of --pool")
        if pool and place != curve_of(coin):
            raise UsageError(f"--pool {pool}: the curve of that mint is {text(curve_of(coin))}; leave --pool out")
        return curve_of(coin), coin
    if pool:
        return place, coin
    if not mint:
        raise UsageError("--pool: missing; give the pool's address (or --mint where it follows from the coin)")
    if venue.name == "pumpswap":
        # The pool a graduated coin went to; anybody may make others beside it.
        return pda(AMM, b"pool", b"\0\0", pda(PUMPFUN, b"pool-authority", coin), coin, WSOL), coin
    if venue.name == "raydium_launchlab":
        return pda(venue.program, b"pool", coin, WSOL), coin
    raise UsageError(f"--mint: {venue.name} has many pools for one coin; give --pool")


def load_pool(venue: Venue, address: Pubkey, mint: Pubkey, source: Source) -> Pool:
    """Return the pool with every account a quote needs, read in one call.

    Raises:
        UnavailableError: an account is not there; the line names each with its address.
        DecodeError: an account is another one than it should be.
    """
    state = _STATES.get(venue.name, _STATE)
    if venue.name == "pumpfun":
        wanted = {state: address, "mint": mint, **_needs(venue, address, b"")}
        found = _collect(venue, wanted, source)
        coin = found.pop("mint")
        raw = {name: account.data for name, account in found.items()} | {"base_mint": mint, "base_program": coin.owner}
    else:
        found = _collect(venue, {state: address}, source)
        _check_owner(venue, state, address, found[state].owner)
        found = _collect(venue, {state: address, **_needs(venue, address, found[state].data)}, source)
        extension = found.get("bin_array_bitmap_extension")
        if extension is not None:  # it may name more arrays
            needs = _needs(venue, address, found[state].data, extension=extension.data)
            found = _collect(venue, {state: address, **needs}, source)
        raw = {name: account.data for name, account in found.items()}
    _check_owner(venue, state, address, found[state].owner)
    return venue.load(address, raw)


def _module(venue: Venue) -> ModuleType:
    return import_module(f"sniperforge.dex.{_MODULES.get(venue.name, venue.name)}")


def _needs(venue: Venue, address: Pubkey, raw: bytes, **more: bytes) -> dict[str, Pubkey]:
    """Ask the venue what `load` wants beside the state; some want to know where that stands."""
    needs = _module(venue).needs
    known = {"raw": raw, "address": address} | more
    return dict(needs(**{name: known[name] for name in signature(needs).parameters if name in known}))


def _collect(venue: Venue, wanted: Mapping[str, Pubkey], source: Source) -> dict[str, Account]:
    """Return the accounts that exist; one that has to and does not, or that nobody knows of, is an error."""
    may_miss = (*_MAY_MISS, *getattr(_module(venue), "MAY_MISS", ()))
    known = source.get(list(wanted.values()))
    found: dict[str, Account] = {}
    missing = []
    for name, address in wanted.items():
        account = known.get(address)
        if account is not None:
            found[name] = account
        elif address not in known or not name.startswith(may_miss):
            missing.append(f"{name} {text(address)}")
    if missing:
        raise UnavailableError(f"{source.name}: has no {', no '.join(missing)}; add it, or check the address")
    return found


def _check_owner(venue: Venue, state: str, address: Pubkey, owner: Pubkey) -> None:
    if owner != venue.program:
        raise DecodeError(
            f"{state} {text(address)} belongs to {text(owner)}, not to {venue.name}; check the address and the venue"
        )


# ── plans ─────────────────────────────────────────────────────────────────


class Wanted(NamedTuple):
    """What somebody wants to trade.

    Attributes:
        amount: base units: paid in, or with `exact_out` what shall arrive.
        wallet: pays and receives; the zero key for a quote alone.
    """

    is_buy: bool
    amount: int
    exact_out: bool = False
    slippage_bps: int = 100
    wallet: Pubkey = ZERO_KEY
    tip_lamports: int = 0
    tip_account: Pubkey = ZERO_KEY
    price_micro_lamports: int = 0
    close: bool = False


class Plan(NamedTuple):
    """A trade, worked out.

    Attributes:
        quote: of the trade; back: of selling what comes (buying it back) in the same state, None when impossible.
        amount_in_max, amount_out_min: what the order binds.
        instructions, message, size: of the unsigned transaction; empty and 0 for a quote alone.
    """

    venue: Venue
    pool: Pool
    wanted: Wanted
    quote: Quote
    back: Quote | None
    amount_in_max: int
    amount_out_min: int
    compute_units: int
    instructions: tuple[Instruction, ...] = ()
    message: bytes = b""

    @property
    def transaction(self) -> bytes:
        """The unsigned transaction: zeros where the signatures go."""
        count = self.message[0] if self.message else 0
        return compact(count) + bytes(SIGNATURE_BYTES * count) + self.message if count else b""


def make_plan(venue: Venue, pool: Pool, wanted: Wanted, blockhash: bytes = bytes(32)) -> Plan:
    """Return the plan of a trade; with a wallet also its transaction.

    Raises:
        EmptyPool: the pool cannot do it.
        UsageError: an amount, slippage or tip that cannot be.
        TransactionInvalid: it does not fit a transaction.
    """
    _check(wanted)
    ask = venue.quote_out if wanted.exact_out else venue.quote_in
    quote = ask(pool, wanted.amount, is_buy=wanted.is_buy)
    if quote.amount_out <= 0:
        raise EmptyPool(f"{venue.name}: {wanted.amount} base units buy nothing here; raise --amount")
    amount_in, amount_out = quote.amount_in, quote.amount_out
    if wanted.exact_out:
        amount_in, amount_out = slippage_max(amount_in, wanted.slippage_bps), wanted.amount
    else:
        amount_out = slippage_min(amount_out, wanted.slippage_bps)
    units = venue.compute_units(wanted.is_buy)
    plan = Plan(venue, pool, wanted, quote, _back(venue, pool, quote, wanted), amount_in, amount_out, units)
    if wanted.wallet == ZERO_KEY:
        return plan
    terms = Terms(
        wanted.is_buy,
        amount_in,
        amount_out,
        wanted.price_micro_lamports,
        units,
        wanted.tip_lamports,
        wanted.close,
        wanted.exact_out,
    )
    instructions = Builder(wanted.wallet, {venue.name: venue}, tip_account=wanted.tip_account).instructions(pool, terms)
    return plan._replace(instructions=instructions, message=compile_message(wanted.wallet, instructions, blockhash))


def _check(wanted: Wanted) -> None:
    if not 0 < wanted.amount <= U64_MAX:
        raise UsageError(f"--amount {wanted.amount}: not in 1..{U64_MAX}; write base units (1 SOL is 1000000000)")
    if not 0 <= wanted.slippage_bps <= BPS_ONE:
        raise UsageError(f"--slippage-bps {wanted.slippage_bps}: not in 0..{BPS_ONE}; 100 is one per cent")
    if not 0 <= wanted.tip_lamports <= U64_MAX or not 0 <= wanted.price_micro_lamports <= U64_MAX:
        raise UsageError("--tip, --priority-fee: not in 0..2^64-1; write lamports and micro-lamports")
    if wanted.tip_lamports and wanted.tip_account == ZERO_KEY:
        raise UsageError("--tip: nobody to give it to; name one of the sender's accounts with --tip-account")


def _back(venue: Venue, pool: Pool, quote: Quote, wanted: Wanted) -> Quote | None:
    try:
        return venue.quote_in(pool, quote.amount_out, is_buy=not wanted.is_buy)
    except EmptyPool:
        return None


def key_option(value: str, *, option: str) -> Pubkey:
    """Return an address given on a command line, the zero key for none; raises ConfigError naming the option."""
    try:
        return key(value) if value else ZERO_KEY
    except DecodeError as problem:
        raise ConfigError(option, str(problem), "write a base58 address") from None
