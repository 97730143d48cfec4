"""What we would build: the swaps of every venue as rows of named accounts.

venue -> Form, … (discriminator, length of the data, and for each account its name, flags, and whether it is fixed)
form + the accounts somebody listed -> the account we would put at each place

The rows come out of the venue's own `assemble`, fed with stand-in keys of which each
says its name: there is no second table that could agree with a wrong first one. The
same stand-ins, sent through `swap_keys`, tell which accounts are taken from the pool
as they are and which are derived: the derived ones can be computed for any pool
somebody traded and compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from sniperforge.base.events import Pool
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import instruction_names
from sniperforge.dex.meteora_dbc_layouts import EVERY_SWAP
from sniperforge.dex.meteora_fees import LIMITER
from sniperforge.dex.programs import TOKEN, WSOL
from sniperforge.dex.venue import Instruction, SwapOrder, Venue

#: Accounts of the trader's own tokens: everybody may use another than the associated one.
TRADERS_TOKENS = frozenset(
    f"{name}{tail}" for name in ("user_base_token", "user_quote_token") for tail in ("", "_account")
) | {"associated_base_user", "associated_quote_user"}
#: The program that numbers its instructions with one byte.
_NUMBERED = "raydium_amm_v4"
TOKEN_PROGRAMS_OF = ("base_program", "quote_program")
_PLAIN = ("address", "base_mint", "quote_mint", "user", *TOKEN_PROGRAMS_OF)
#: Which of these a swap needs depends on prices, not on the form.
ARRAYS = ("tick_array_", "bin_array_", "bitmap_extension", "bin_array_bitmap_extension")
_ARRAYS_SHOWN = 3


class Specimen(NamedTuple):
    """A pool as far as the form of its swaps depends on it.

    Attributes:
        keys: names of `Pool.keys`.
        numbers: `Pool.numbers`.
        for_sol: the quote is SOL and the venue treats that as a form of its own.
        further: accounts the instruction lists that `swap_keys` derives from prices.
        told: {name of `Pool.keys`: the account that stands in for it where nobody tells it}.
    """

    keys: tuple[str, ...] = ()
    numbers: Mapping[str, int] = {}
    for_sol: bool = False
    further: tuple[str, ...] = ()
    told: Mapping[str, str] = {}


class Row(NamedTuple):
    """One account of an instruction we would build.

    Attributes:
        name: as the instruction's own table calls it; role: as the venue's keys do, "" for a constant.
        key: of a constant, else the zero key.
        is_optional: a constant that stands for "left out".
    """

    name: str
    role: str
    key: Pubkey
    signer: bool
    writable: bool
    is_optional: bool = False

    @property
    def is_array(self) -> bool:
        """Whether prices decide which account stands here."""
        return self.role.startswith(ARRAYS)


class Form(NamedTuple):
    """One instruction we would build for one kind of pool and order.

    Attributes:
        head: discriminator; name: of the instruction; size: bytes of its data.
        fixed: how many rows come before the open end; len(rows) where there is none.
        sources: role -> the field of the pool it is taken from as it is.
    """

    venue: Venue
    specimen: Specimen
    is_buy: bool
    head: bytes
    name: str
    size: int
    rows: tuple[Row, ...]
    fixed: int
    sources: Mapping[str, str]


def _numbers(*sets: Mapping[str, int], **same: int) -> list[dict[str, int]]:
    """Return the numbers of pools with the coin on either side, each with every one of *sets*."""
    return [{"base_is_0": side, **same, **more} for side in (1, 0) for more in sets or ({},)]


_PRICE = {"tick": 0, "tick_spacing": 1, "sqrt_price": 1 << 64, "liquidity": 1, "tick_first": -1, "tick_last": 1}
_TICKS = tuple(f"tick_array_{place}" for place in range(_ARRAYS_SHOWN))
_BINS = tuple(f"bin_array_{place}" for place in range(_ARRAYS_SHOWN))
_MARKET = (
    "open_orders", "target_orders", "market_program", "market", "market_bids", "market_asks", "market_event_queue",
    "market_base_vault", "market_quote_vault", "market_vault_signer",
)  # fmt: skip
_VAULTS = ("base_vault", "quote_vault")
_RECIPIENTS = ("fee_recipient", "buyback_fee_recipient")
_SWAP_RECIPIENTS = ("protocol_fee_recipient", "buyback_fee_recipient")
_CREATOR = {"coin_creator": "coin_creator_vault_authority"}

SPECIMENS: dict[str, tuple[Specimen, ...]] = {
    "pumpfun": tuple(
        Specimen((*_RECIPIENTS, "creator_vault"), {}, for_sol, told={"creator": "creator_vault"})
        for for_sol in (True, False)
    ),
    "pumpswap": tuple(
        Specimen((*_SWAP_RECIPIENTS, *keys), numbers, told=told)
        for keys, told in ((("coin_creator", "coin_creator_vault_authority"), _CREATOR), ((), {}))
        for numbers in _numbers({"cashback": 0}, {"cashback": 1})
    ),
    "raydium_cpmm": (Specimen(("amm_config", *_VAULTS, "observation_state"), {}),),
    "raydium_amm_v4": tuple(Specimen((*_VAULTS, *more), n) for more in (_MARKET, ()) for n in _numbers()),
    "raydium_launchlab": tuple(
        Specimen(("global_config", "platform_config", *_VAULTS, "creator_fee_vault", *more))
        for more in ((), ("share_fee_receiver",))
    ),
    "raydium_clmm": tuple(
        Specimen(("amm_config", *_VAULTS, "observation_state", *more), numbers, further=_TICKS)
        for more in ((), ("bitmap_extension",))
        for numbers in _numbers(**_PRICE)
    ),
    "orca_whirlpool": tuple(Specimen(_VAULTS, numbers, further=_TICKS) for numbers in _numbers(**_PRICE)),
    "meteora_dlmm": tuple(
        Specimen(more, numbers, further=_BINS)
        for more in ((), ("bin_array_bitmap_extension",))
        for numbers in _numbers(active_id=0)
    ),
    "meteora_damm_v2": tuple(
        Specimen(_VAULTS, numbers) for numbers in _numbers({"fee_mode": 0}, {"fee_mode": LIMITER})
    ),
    "meteora_dbc": tuple(Specimen(("config", *_VAULTS), {"sees_instructions": sees}) for sees in (0, EVERY_SWAP)),
}


def stand_in(name: str) -> Pubkey:
    """Return the key that stands for *name* where no pool is meant."""
    return Pubkey(hashlib.sha256(b"stand-in " + name.encode()).digest())


_PROGRAMS = frozenset(stand_in(name) for name in TOKEN_PROGRAMS_OF)


class _StandIns(dict[str, Pubkey]):
    """Keys by name, where every name has one; `roles` turns a key back into its name."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__((name, stand_in(name)) for name in names)
        self.roles = {key: name for name, key in self.items()}

    def __missing__(self, name: str) -> Pubkey:
        made = self[name] = stand_in(name)
        self.roles[made] = name
        return made


@lru_cache(maxsize=32)
def forms(venue: Venue) -> tuple[Form, ...]:
    """Return every swap *venue* would build here, for each kind of pool, side and bound."""
    specimens = SPECIMENS.get(venue.name, ())
    made = (
        _form(venue, specimen, is_buy=is_buy, exact_out=exact_out)
        for specimen in specimens
        for is_buy in (True, False)
        for exact_out in (False, True)
    )
    return tuple({(form.head, form.rows, form.size): form for form in made}.values())


def _form(venue: Venue, specimen: Specimen, *, is_buy: bool, exact_out: bool) -> Form:
    pool = pool_like(venue, specimen, {})
    known = venue.swap_keys(pool, stand_in("user"), is_buy)
    keys = _StandIns((*_PLAIN, *known, *specimen.further))
    order = SwapOrder(stand_in("user"), is_buy, 1, 1, open_base_account=False, wrap_quote=False, exact_out=exact_out)
    trade = next(one for one in venue.assemble(keys, pool, order) if one.program == venue.program)
    told = instruction_names.instruction(trade.program, trade.data, tuple(_nameable(one.key) for one in trade.accounts))
    named = told.accounts if told and told.has_form else ()
    rows = tuple(_row(trade, at, keys.roles, named) for at in range(len(trade.accounts)))
    fixed = len(rows)
    while fixed and rows[fixed - 1].is_array:
        fixed -= 1
    # What swap_keys returned unchanged was taken from the pool: its stand-in says from which field.
    fields = {stand_in(name): name for name in (*_PLAIN, *specimen.keys)}
    sources = {role: fields[key] for role, key in known.items() if key in fields}
    for row in rows:
        if row.role in _PLAIN:  # put there by assemble itself
            sources.setdefault(row.role, row.role)
    head = trade.data[: 1 if venue.name == _NUMBERED else 8]
    return Form(venue, specimen, is_buy, head, told.name if told else "", len(trade.data), rows, fixed, sources)


def _nameable(key: Pubkey) -> Pubkey:
    """Tables know a list by the token programs in it, so these must not be stand-ins."""
    return TOKEN if key in _PROGRAMS else key


def _row(trade: Instruction, at: int, roles: Mapping[Pubkey, str], named: tuple[str, ...]) -> Row:
    meta = trade.accounts[at]
    role = roles.get(meta.key, "")
    name = named[at] if at < len(named) else ""
    if not name or name.startswith("account_"):  # nobody named those behind the list
        name = role or f"account_{at}"
    # Anchor's way to leave out an account is the program's own id.
    is_left_out = meta.key == trade.program and "program" not in name
    return Row(name, role, ZERO_KEY if role else meta.key, meta.signer, meta.writable, is_left_out)


def pool_like(venue: Venue, specimen: Specimen, fields: Mapping[str, Pubkey]) -> Pool:
    """Return a pool of the specimen's kind with *fields* where they are known, else with stand-ins."""
    values = _StandIns(())
    values.update(fields)
    # Told, it is not taken from the account that stands in for it.
    replaced = {stand for told, stand in specimen.told.items() if told in fields}
    keys = [name for name in specimen.keys if name not in replaced]
    keys += [name for name in specimen.told if name in fields and name not in keys]
    return Pool(
        venue=venue.name,
        address=values["address"],
        base_mint=values["base_mint"],
        quote_mint=WSOL if specimen.for_sol else values["quote_mint"],
        base_program=values["base_program"],
        quote_program=TOKEN if specimen.for_sol else values["quote_program"],
        base_reserve=1,
        quote_reserve=1,
        keys={name: values[name] for name in keys},
        numbers=dict(specimen.numbers),
    )


def expected(form: Form, listed: Sequence[Pubkey], told: Mapping[str, Pubkey]) -> list[Pubkey | None]:
    """Return for each row the account we would put there, given what somebody listed; None: nobody can say.

    Args:
        listed: the accounts of the instruction somebody made for the same pool.
        told: keys its events tell (a coin's creator).

    What a pool's account alone tells (its vaults, its configuration) is taken from
    *listed* as it stands and so cannot differ here; see `taken`.
    """
    fields = {name: told[name] for name in form.specimen.told if told.get(name, ZERO_KEY) != ZERO_KEY}
    for row, key in zip(form.rows, listed, strict=False):
        if field := form.sources.get(row.role):
            fields.setdefault(field, key)
    pool = pool_like(form.venue, form.specimen, fields)
    keys = form.venue.swap_keys(pool, fields.get("user", ZERO_KEY), form.is_buy)
    return [_expected(form, row, keys) for row in form.rows]


def _expected(form: Form, row: Row, keys: Mapping[str, Pubkey]) -> Pubkey | None:
    if row.is_optional or row.is_array or row.role in TRADERS_TOKENS or row.role in TOKEN_PROGRAMS_OF:
        return None
    return keys[row.role] if row.role else row.key
