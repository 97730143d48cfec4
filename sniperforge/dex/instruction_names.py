"""Instructions and events by name: what a program was asked, and what it said.

program + data + accounts -> Instruction named, arguments, accounts by name
program + payload         -> event named, fields
program + log text        -> event named, fields     (Raydium AMM v4's `ray_log`)

The tables (`names_pump`, `names_raydium`, `names_meteora`, `names_orca`,
`names_native`) are text: an entry is a name and its discriminator, `(` before the
arguments (`/` before those that may be missing), `=` before each list of accounts
the program took in its life. Of several lists the first fits in which every account
with a known address (system program, token programs, the program itself, its event
authority) stands where the list says; where none fits, only those addresses are
named. Nothing is guessed.

Discriminators are Anchor's, sha256("global:name") and sha256("event:Name"), except
for Raydium AMM v4 and the native programs, which number their instructions.
"""

from __future__ import annotations

from typing import NamedTuple

from sniperforge.base.errors import DecodeError
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import (
    names_meteora,
    names_native,
    names_orca,
    names_pump,
    names_raydium,
    raydium_amm_layouts,
)
from sniperforge.dex.borsh import Record
from sniperforge.dex.name_table import Entry, Table
from sniperforge.dex.programs import (
    ASSOCIATED_TOKEN,
    COMPUTE_BUDGET,
    METADATA,
    RENT,
    SYSTEM,
    TOKEN,
    TOKEN_2022,
    pda,
)

_NO_RECORD = Record({}, {}, {}, {})
_RAY_LOGS = ("init", "deposit", "withdraw", "swap_base_in", "swap_base_out")
_LOG_TELLS = "Instruction: "
_DISCRIMINATOR_SIZES = (8, 4, 1)


class Told(NamedTuple):
    """An instruction or event by name.

    Attributes:
        program: short name of the program.
        name: of the instruction or event; "" when the table does not have it.
        fields: its arguments or fields; empty where `problem` says why.
        accounts: names by position; `account_7` for one nobody named.
        problem: "" or why there is no name or there are no fields.
        has_form: False when none of the account lists fits.
    """

    program: str
    name: str
    fields: Record = _NO_RECORD
    accounts: tuple[str, ...] = ()
    problem: str = ""
    has_form: bool = True


TABLES: dict[Pubkey, Table] = {
    table.program: table
    for table in (
        names_pump.PUMPFUN,
        names_pump.PUMPSWAP,
        names_raydium.AMM_V4,
        names_raydium.CPMM,
        names_raydium.CLMM,
        names_raydium.LAUNCHLAB,
        names_meteora.DLMM,
        names_meteora.DAMM_V2,
        names_meteora.DBC,
        names_orca.WHIRLPOOL,
        *names_native.TABLES,
    )
}

_EVENT_AUTHORITIES = {program: pda(program, b"__event_authority") for program in TABLES}
_KNOWN: dict[str, frozenset[Pubkey]] = {
    "system_program": frozenset({SYSTEM}),
    "associated_token_program": frozenset({ASSOCIATED_TOKEN}),
    "token_2022_program": frozenset({TOKEN_2022}),
    "token_program_2022": frozenset({TOKEN_2022}),
    "rent": frozenset({RENT}),
    "rent_program": frozenset({RENT}),
    "metadata_program": frozenset({METADATA}),
    "mpl_token_metadata": frozenset({METADATA}),
}
_TOKEN_PROGRAMS = frozenset({TOKEN, TOKEN_2022})
_BY_ADDRESS: dict[Pubkey, str] = {
    SYSTEM: "system_program",
    TOKEN: "token_program",
    TOKEN_2022: "token_2022_program",
    ASSOCIATED_TOKEN: "associated_token_program",
    COMPUTE_BUDGET: "compute_budget_program",
    RENT: "rent",
    METADATA: "metadata_program",
}


def program_name(program: Pubkey) -> str:
    """Return the short name of *program*, "" for one without a table."""
    table = TABLES.get(program)
    return table.name if table else ""


def instruction(program: Pubkey, data: bytes, accounts: tuple[Pubkey, ...], logs: tuple[str, ...] = ()) -> Told | None:
    """Return the instruction by name; None when *program* has no table.

    Args:
        data, accounts: empty where a source carries logs alone; then Anchor's own
            "Instruction: Name" among *logs* gives the name.
    """
    table = TABLES.get(program)
    if table is None:
        return None
    if not data and accounts and program == ASSOCIATED_TOKEN:
        data = b"\x00"  # its first instruction came without a number and still may
    if not data:
        return _told_by_logs(table, logs)
    entry, size = _entry(table, data)
    if entry is None:
        return Told(table.name, "", problem=f"no instruction starts with {data[:8].hex()}", has_form=False)
    names, fits = _account_names(program, entry, accounts)
    try:
        fields = entry.decode(data, size)
    except DecodeError as problem:
        return Told(table.name, entry.name, accounts=names, problem=f"arguments: {problem}", has_form=fits)
    return Told(table.name, entry.name, fields, names, "", fits)


def event(program: Pubkey, payload: bytes) -> Told | None:
    """Return the event by name; None when *program* has no table."""
    table = TABLES.get(program)
    if table is None:
        return None
    entry = table.events.get(payload[:8])
    if entry is None:
        return Told(table.name, "", problem=f"no event starts with {payload[:8].hex()}")
    try:
        return Told(table.name, entry.name, entry.decode(payload, 8))
    except DecodeError as problem:
        return Told(table.name, entry.name, problem=f"fields: {problem}")


def log_event(program: Pubkey, line: str) -> Told | None:
    """Return the event a log text carries; None for a text that is no event."""
    if program != raydium_amm_layouts.PROGRAM or not line.startswith(raydium_amm_layouts.LOG_PREFIX):
        return None
    try:
        kind, fields = raydium_amm_layouts.decode_log(line)
    except DecodeError as problem:
        return Told(raydium_amm_layouts.NAME, "ray_log", problem=f"fields: {problem}")
    return Told(raydium_amm_layouts.NAME, f"ray_log.{_RAY_LOGS[kind]}", fields)


def _entry(table: Table, data: bytes) -> tuple[Entry | None, int]:
    for size in _DISCRIMINATOR_SIZES:
        if len(data) >= size and (entry := table.instructions.get(data[:size])) is not None:
            return entry, size
    return None, 0


def _told_by_logs(table: Table, logs: tuple[str, ...]) -> Told:
    for line in logs:
        if line.startswith(_LOG_TELLS):
            words = line[len(_LOG_TELLS) :]
            for entry in table.instructions.values():
                if entry.name.replace("_", "").lower() == words.lower():
                    return Told(table.name, entry.name, problem="this source carries no arguments")
    return Told(table.name, "", problem="this source carries no instruction data")


def _account_names(program: Pubkey, entry: Entry, accounts: tuple[Pubkey, ...]) -> tuple[tuple[str, ...], bool]:
    for form in entry.forms:
        if len(accounts) >= len(form.names) and _fits(program, form.names, accounts):
            rest = len(accounts) - len(form.names)
            return (*form.names, *_rest(program, accounts[-rest:] if rest else (), form.rest)), True
    return tuple(_name_of(program, at, key) for at, key in enumerate(accounts)), not entry.forms


def _rest(program: Pubkey, accounts: tuple[Pubkey, ...], name: str) -> tuple[str, ...]:
    return tuple(
        _known_name(program, key) or (f"{name}_{at}" if name else f"account_{at}") for at, key in enumerate(accounts)
    )


def _name_of(program: Pubkey, at: int, key: Pubkey) -> str:
    return _known_name(program, key) or f"account_{at}"


def _known_name(program: Pubkey, key: Pubkey) -> str:
    if key == program:
        return "program"
    return "event_authority" if key == _EVENT_AUTHORITIES[program] else _BY_ADDRESS.get(key, "")


def _fits(program: Pubkey, names: tuple[str, ...], accounts: tuple[Pubkey, ...]) -> bool:
    """Say whether every account with a known address stands under its own name."""
    return all(_agrees(program, name, key) for name, key in zip(names, accounts, strict=False))


def _agrees(program: Pubkey, name: str, key: Pubkey) -> bool:
    known = _KNOWN.get(name)
    if known is not None:
        return key in known
    if name == "program":
        return key == program
    if name == "event_authority":
        return key == _EVENT_AUTHORITIES[program]
    is_program = "program" in name
    if "token" in name and is_program:
        return key in _TOKEN_PROGRAMS
    # A key with a name of its own under another name means that the list is another one;
    # an optional account left out holds the program's own id.
    return is_program or key in (program, ZERO_KEY, RENT) or key not in _BY_ADDRESS
