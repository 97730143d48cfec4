"""Mutated inputs for every decoder of every venue: `python scripts/fuzz.py [COUNT] [SEED]`.

recorded data (or what the venues themselves build) -> mutations -> decoders

A decoder raises DecodeError or nothing (a quote of what was loaded, EmptyPool or
nothing); anything else is printed with what caused it, and the exit code is 1. The
same seed gives the same inputs. What is mutated: events, instructions with their
accounts, log lines and account bytes; how: cut at any byte, lengthened, lengths made
huge, bytes flipped, the head of another kind or venue, another owner, accounts missing.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import inspect
import json
import pkgutil
import random
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sniperforge import dex
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import PoolCreated
from sniperforge.base.keys import key
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import instruction_names as names
from sniperforge.dex import programs, token_pair
from sniperforge.dex.venue import Context, EmptyPool, Step, Venue
from sniperforge.dex.venues import VENUES

COUNT = 1_000_000
SHARED = Path(__file__).resolve().parents[2] / "shared"
CONTEXT = Context("sig", 9, 100, 200, "fuzz", ZERO_KEY, True, True, False)
#: Lengths a decoder must not believe: far too long, just too long, negative when signed.
HOSTILE = tuple(value.to_bytes(4, "little") for value in (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x10000, 1025, 129))
_KEYS = tuple(Pubkey(bytes([number]) * 32) for number in range(40))
_SIZES = (0, 1, 8, 32, 64, 82, 120, 165, 252, 400, 653, 904, 1544)
_DISCRIMINATOR = 8
_AMOUNTS = (1, 10**6, 10**12)
#: Where a venue's pool names its two mints.
_MINTS_AT = {
    "meteora_damm_v2": (168, 200),
    "meteora_dlmm": (88, 120),
    "orca_whirlpool": (101, 181),
    "pumpswap": (43, 75),
    "raydium_amm_v4": (400, 432),
    "raydium_clmm": (73, 105),
    "raydium_cpmm": (168, 200),
    "raydium_launchlab": (205, 237),
}
_BALANCES = tuple(amount.to_bytes(8, "little") for amount in (0, 1, 10**9, 10**15, 2**63, 2**64 - 1))


class Corpus(NamedTuple):
    """What mutations start from.

    Attributes:
        payloads: of events; instructions: data and accounts; raws: bytes of accounts.
        heads: every discriminator of the house.
        named: accounts whose name is known, by that.
    """

    payloads: tuple[bytes, ...]
    instructions: tuple[tuple[bytes, tuple[Pubkey, ...]], ...]
    raws: tuple[bytes, ...]
    logs: tuple[str, ...]
    heads: tuple[bytes, ...]
    named: Mapping[str, tuple[bytes, ...]]


class Failure(NamedTuple):
    """What no decoder may raise."""

    decoder: str
    problem: str
    cause: str


Decoder = Callable[[random.Random], object]


# ── what is mutated ───────────────────────────────────────────────────────


def corpus(venue: str = "") -> Corpus:
    """Return recorded data (of *venue* alone) where it is there, and in any case zeros behind every discriminator."""
    heads = tuple(sorted(_heads()))
    plain = tuple(head + bytes(size) for head in heads for size in _SIZES)
    payloads, instructions, raws, logs = [*plain], [(data, _KEYS[:25]) for data in plain], [*plain], [""]
    named: dict[str, list[bytes]] = defaultdict(list)
    for path in sorted((SHARED / "dex" / "golden").glob(f"{venue or '*'}.json")):
        for case in json.loads(path.read_text())["cases"]:
            payloads += _payloads(case)
            for name, raw in _hex(case):
                raws.append(raw)
                named[name].append(raw)
            expected = case.get("expected", {})
            if isinstance(expected, dict) and "accounts" in expected and "data_hex" in expected:
                listed = tuple(key(meta["pubkey"]) for meta in expected["accounts"])
                instructions.append((bytes.fromhex(expected["data_hex"]), listed))
            if case.get("kind") == "log":
                logs += [value for value in case["inputs"].values() if isinstance(value, str)]
    for path in sorted((SHARED / "mainnet" / "instructions").glob(f"{venue}*.json")):
        case = json.loads(path.read_text())
        instructions.append((bytes.fromhex(case["data"]), tuple(key(one["pubkey"]) for one in case["accounts"])))
    for path in sorted((SHARED / "mainnet" / "accounts").rglob("*.json")):
        if venue in str(path):
            raws += _account(json.loads(path.read_text()))
    logs += ["ray_log: " + base64.b64encode(payload).decode() for payload in payloads[:200]]
    known = [pool[len(plain) :] or pool for pool in (payloads, raws)]
    return Corpus(
        payloads=tuple(known[0]),
        instructions=tuple(instructions[len(plain) :] or instructions),
        raws=tuple(known[1]),
        logs=tuple(logs),
        heads=heads,
        named={name: tuple(found) for name, found in named.items()},
    )


def _heads() -> Iterator[bytes]:
    for module in _modules():
        for value in vars(module).values():
            found = [value] if isinstance(value, bytes) else list(value) if isinstance(value, dict) else []
            yield from (one for one in found if isinstance(one, bytes) and len(one) == _DISCRIMINATOR)
    yield from (bytes([number]) for number in (1, 3, 4, 9, 11, 16, 17))


def _payloads(case: dict[str, Any]) -> list[bytes]:
    if "data_base64" in case:
        return [base64.b64decode(case["data_base64"])]
    inputs = case.get("inputs")
    text = inputs.get("payload_hex") if isinstance(inputs, dict) else None
    return [bytes.fromhex(text)] if text else []


def _hex(case: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Return the accounts of a case: named by its operation, or by the input that holds it."""
    inputs = case.get("inputs")
    found = inputs.items() if isinstance(inputs, dict) else ()
    return [
        (name.removesuffix("data_hex").rstrip("_") or case["op"], bytes.fromhex(value))
        for name, value in found
        if name.endswith("data_hex") and isinstance(value, str)
    ]


def _account(recorded: Any) -> list[bytes]:
    body = recorded.get("account", recorded) if isinstance(recorded, dict) else {}
    data = body.get("data") if isinstance(body, dict) else None
    text = data[0] if isinstance(data, list) and data and isinstance(data[0], str) else data
    try:
        return [base64.b64decode(text, validate=True)] if isinstance(text, str) else []
    except binascii.Error:
        return []


def mutated(dice: random.Random, raw: bytes, heads: tuple[bytes, ...]) -> bytes:
    """Return *raw* with one to three things wrong with it."""
    for _ in range(dice.randint(1, 3)):
        place, size = dice.randrange(6), len(raw)
        at = dice.randrange(size + 1)
        if place == 0:
            raw = raw[:at]
        elif place == 1:
            raw += dice.randbytes(dice.choice((1, 8, 32, 129, 1000)))
        elif place == 2:
            raw = raw[:at] + dice.choice(HOSTILE) + raw[at + 4 :]
        elif place == 3 and size:
            at %= size
            raw = raw[:at] + bytes([dice.choice((0, 1, 2, 127, 128, 255, dice.randrange(256)))]) + raw[at + 1 :]
        elif place == 4:
            raw = dice.choice(heads) + raw[_DISCRIMINATOR:]
        else:
            raw = raw[:at] + dice.randbytes(8) + raw[at + 8 :]
    return raw


# ── what decodes it ───────────────────────────────────────────────────────


class _Anything(Mapping[str, bytes]):
    """Accounts under any name a venue asks for: the pool first, then others that mostly go with it."""

    def __init__(self, dice: random.Random, seeds: Corpus, mints_at: tuple[int, int]) -> None:
        self._dice, self._seeds, self._mints_at = dice, seeds, mints_at
        self._given: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        if name not in self._given:
            self._given[name] = self._drawn(name)
        if self._given[name] == b"":
            raise KeyError(name)
        return self._given[name]

    def _drawn(self, name: str) -> bytes:
        dice, pool = self._dice, next(iter(self._given.values()), b"")
        if pool and ("vault" in name or "reserve" in name or "token_account" in name):
            at = dice.choice(self._mints_at)
            return pool[at : at + 32] + dice.randbytes(32) + dice.choice(_BALANCES) + bytes(93)
        # A curve does not name its mint: whoever loads it gives both as bare keys.
        if name.endswith("_program") or (name == "base_mint" and dice.random() < 0.5):
            return dice.choice((programs.TOKEN, programs.TOKEN_2022, dice.randbytes(dice.choice((0, 31, 32)))))
        if name == "clock":
            return bytes(32) + dice.choice(_BALANCES)
        fitting = self._seeds.named.get(name.partition(".")[0])
        if pool and dice.random() < (0.1 if fitting else 0.7):
            return b""
        raw = dice.choice(fitting or self._seeds.raws)
        return raw if dice.random() < 0.3 else mutated(dice, raw, self._seeds.heads)

    def __iter__(self) -> Iterator[str]:
        yield from self._given

    def __len__(self) -> int:
        return len(self._given)


def decoders(seeds: Corpus) -> dict[str, Decoder]:
    """Return every decoder by name: each draws its own input."""
    found: dict[str, Decoder] = {}
    own = {name: corpus(name) for name in VENUES}
    for name, venue in VENUES.items():
        found[f"{name}.read"] = _reading(venue, own[name])
        found[f"{name}.load"] = _loading(venue, own[name])
        found[f"{name}.read, of others"] = _reading(venue, seeds)
    for module in _modules():
        for name, function in vars(module).items():
            is_ours = inspect.isfunction(function) and function.__module__ == module.__name__
            if is_ours and name.startswith("decode_") and module.__name__ != "sniperforge.dex.borsh":
                short = module.__name__.rpartition(".")[2]
                home = next((own[venue] for venue in VENUES if short.startswith(venue.removesuffix("_v4"))), seeds)
                found[f"{short}.{name}"] = _plain(module, function, home)
    found["token_pair.transfer_fee_numbers"] = lambda dice: token_pair.transfer_fee_numbers(
        mutated(dice, dice.choice(seeds.raws), seeds.heads)
    )
    found["names.instruction"] = _naming(seeds)
    found["names.event"] = lambda dice: names.event(
        _program(dice), mutated(dice, dice.choice(seeds.payloads), seeds.heads)
    )
    found["names.log_event"] = lambda dice: names.log_event(_program(dice), _line(dice, seeds))
    return found


def _modules() -> list[Any]:
    return [importlib.import_module(f"sniperforge.dex.{one.name}") for one in pkgutil.iter_modules(dex.__path__)]


def _program(dice: random.Random) -> Pubkey:
    return dice.choice([venue.program for venue in VENUES.values()])


def _line(dice: random.Random, seeds: Corpus) -> str:
    line = dice.choice(seeds.logs)
    at = dice.randrange(len(line) + 1)
    return line[:at] + dice.choice(("", "=", "\ud800", "A", line[at:], "\0", "é")) + line[at + 1 :]


def _listed(dice: random.Random, listed: tuple[Pubkey, ...]) -> tuple[Pubkey, ...]:
    way = dice.randrange(4)
    if way == 0:
        return listed[: dice.randrange(len(listed) + 1)]
    if way == 1:
        return tuple(dice.sample(listed, len(listed)))
    return listed + _KEYS[: dice.randrange(3)] if way == 2 else listed


def _step(dice: random.Random, seeds: Corpus, program: Pubkey, *, depth: int = 1) -> Step:
    data, listed = dice.choice(seeds.instructions)
    data = data if dice.random() < 0.4 else mutated(dice, data, seeds.heads)
    events = tuple(
        payload if dice.random() < 0.2 else mutated(dice, payload, seeds.heads)
        for payload in dice.choices(seeds.payloads, k=dice.randrange(3))
    )
    children: tuple[Step, ...] = ()
    if depth < 3 and dice.random() < 0.3:
        owners = (program, programs.TOKEN, programs.TOKEN_2022, programs.SYSTEM, _program(dice))
        children = tuple(_step(dice, seeds, dice.choice(owners), depth=depth + 1) for _ in range(dice.randint(1, 3)))
    has_instruction = dice.random() < 0.8
    return Step(
        program,
        _listed(dice, listed) if has_instruction else (),
        data if has_instruction else b"",
        events,
        tuple(_line(dice, seeds) for _ in range(dice.randrange(3))),
        children,
        depth=depth,
    )


def _reading(venue: Venue, seeds: Corpus) -> Decoder:
    def decode(dice: random.Random) -> None:
        program = venue.program if dice.random() < 0.9 else _program(dice)
        for reading in venue.read(_step(dice, seeds, program), CONTEXT):
            if isinstance(reading, PoolCreated):
                venue.verify(reading)

    return decode


def _loading(venue: Venue, seeds: Corpus) -> Decoder:
    def decode(dice: random.Random) -> None:
        pool = venue.load(dice.choice(_KEYS), _Anything(dice, seeds, _MINTS_AT.get(venue.name, (0, 0))))
        for amount in _AMOUNTS:
            for is_buy in (True, False):
                try:
                    venue.quote_in(pool, amount, is_buy=is_buy)
                    venue.quote_out(pool, amount, is_buy=is_buy)
                except EmptyPool:
                    continue

    return decode


def _plain(module: Any, function: Callable[..., object], seeds: Corpus) -> Decoder:
    """Return a decoder that calls *function* with what its parameters' types and names say."""
    parameters = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    kinds = sorted(getattr(module, "_ACCOUNTS", {})) or ["Pool"]

    def argument(dice: random.Random, parameter: inspect.Parameter) -> object:
        if parameter.annotation == "str":
            return dice.choice(kinds) if parameter.name == "name" else _line(dice, seeds)
        if parameter.annotation == "int":
            return dice.choice((1, 8, 64, 128))
        if parameter.annotation == "Pubkey":
            return dice.choice((programs.TOKEN, programs.TOKEN_2022, _program(dice)))
        drawn = seeds.payloads if parameter.name == "payload" else seeds.raws
        return mutated(dice, dice.choice(drawn), seeds.heads)

    return lambda dice: function(*[argument(dice, parameter) for parameter in parameters])


def _naming(seeds: Corpus) -> Decoder:
    def decode(dice: random.Random) -> None:
        program = _program(dice)
        step = _step(dice, seeds, program)
        names.instruction(program, step.data, step.accounts, step.logs)

    return decode


# ── the run ───────────────────────────────────────────────────────────────


def run(count: int, *, seed: int = 1, seeds: Corpus | None = None) -> tuple[Counter[str], list[Failure]]:
    """Feed *count* mutated inputs to all decoders in turn.

    Returns how many each decoder got, and how many of them it took ("… took"); and what
    was raised that must not be, at most one for each decoder and kind of error.
    """
    seeds, dice = seeds or corpus(), random.Random(seed)
    told: Counter[str] = Counter()
    failures: dict[tuple[str, str], Failure] = {}
    turns = sorted(decoders(seeds).items())
    for number in range(count):
        name, decode = turns[number % len(turns)]
        told[name] += 1
        try:
            decode(dice)
        except DecodeError as problem:
            if "\n" in str(problem):
                failures.setdefault((name, "lines"), Failure(name, "a message of several lines", repr(problem)))
        # The very thing that is looked for.
        except Exception as problem:
            where = _where(problem)
            failures.setdefault((name, where), Failure(name, where, f"{type(problem).__name__}: {problem}"))
        else:
            told[f"{name} took"] += 1
    return told, list(failures.values())


def _where(problem: BaseException) -> str:
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def main(arguments: list[str]) -> int:
    """Run and print a line for each decoder; 1 when one of them failed."""
    count = int(arguments[0]) if arguments else COUNT
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    began = time.monotonic()
    told, failures = run(count, seed=seed)
    for name in sorted(name for name in told if not name.endswith(" took")):
        print(f"{name:44} {told[name]:>9} inputs {told[name + ' took']:>9} decoded")
    print(f"{count} inputs, seed {seed}, {time.monotonic() - began:.0f} s, {len(failures)} failures")
    for failure in failures:
        print(f"FAILED {failure.decoder} at {failure.problem}: {failure.cause}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
