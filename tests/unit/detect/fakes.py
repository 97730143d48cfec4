"""A venue of ten lines, and frames made by hand: what the tests of detection stand on."""

from __future__ import annotations

import base64
import json
from hashlib import sha256

from sniperforge.base import keys
from sniperforge.base.errors import DecodeError
from sniperforge.base.events import (
    CurveCompleted,
    Event,
    Frame,
    LaunchDisbelieved,
    LiquidityChanged,
    Pool,
    PoolCreated,
    PoolMigrated,
    PositionChanged,
    Swapped,
)
from sniperforge.base.units import Pubkey
from sniperforge.dex.venue import Context, Incomplete, Instruction, Quote, Reading, Step, SwapOrder, Venue

Json = dict[str, object]
SIGNATURE = "5" * 88


def key_of(name: str) -> Pubkey:
    """Return a key that is different for every name."""
    return Pubkey(sha256(name.encode()).digest())


PROGRAM, OTHER, TOKEN = key_of("program"), key_of("other program"), key_of("token program")
CREATE, TRADE, LIQUIDITY = b"creation", b"trading!", b"liquid!!"
COMPLETE, MIGRATE, ODD = b"complete", b"migrated", b"oddity!!"


def creation(name: str, *, pool: Pubkey | None = None) -> bytes:
    """Return the payload of a launch; its pool's address is derived from the mint's unless given."""
    mint = key_of(name)
    return CREATE + mint + (pool or pool_of(mint))


def pool_of(mint: Pubkey) -> Pubkey:
    """Return the address this venue derives from a mint."""
    return Pubkey(sha256(b"pool" + mint).digest())


def trade(name: str) -> bytes:
    """Return the payload of a trade of that launch."""
    return TRADE + pool_of(key_of(name))


class FakeVenue:
    """Reads the payloads above; everything else of a venue is not asked for here."""

    def __init__(self, name: str = "fake", program: Pubkey = PROGRAM) -> None:
        self.name, self.program = name, program

    def read(self, step: Step, context: Context) -> list[Reading]:
        readings: list[Reading] = []
        if not step.data and "Instruction: Initialize" in step.logs:
            readings.append(Incomplete("no accounts in the logs"))
        if step.data == b"\x07new" and step.accounts:
            readings.append(self.created(step.accounts[0], pool_of(step.accounts[0]), context))
        return readings + [self.reading(payload, context) for payload in step.events]

    def reading(self, payload: bytes, context: Context) -> Reading:
        kind, body = payload[:8], payload[8:]
        if kind == CREATE:
            if len(body) != 64:
                raise DecodeError("fake: a creation has 64 bytes; these are something else")
            return self.created(Pubkey(body[:32]), Pubkey(body[32:]), context)
        pool, mint, where = Pubkey(body[:32].ljust(32)), key_of("mint"), (context.slot, context.signature)
        if kind == TRADE:
            slot, signature = where
            return Swapped(
                venue=self.name,
                pool=pool,
                base_mint=mint,
                trader=mint,
                is_buy=True,
                base_amount=1,
                quote_amount=2,
                base_reserve=3,
                quote_reserve=4,
                slot=slot,
                signature=signature,
            )
        return self.rest(kind, body, pool, context)

    def rest(self, kind: bytes, body: bytes, pool: Pubkey, context: Context) -> Event:
        slot, signature, mint = context.slot, context.signature, key_of("mint")
        if kind == LIQUIDITY:
            return LiquidityChanged(
                venue=self.name,
                pool=pool,
                added=True,
                base_amount=1,
                quote_amount=1,
                base_reserve=1,
                quote_reserve=1,
                slot=slot,
                signature=signature,
            )
        if kind == COMPLETE:
            return CurveCompleted(venue=self.name, pool=pool, base_mint=mint, slot=slot, signature=signature)
        if kind == MIGRATE:
            return PoolMigrated(
                venue=self.name,
                pool=pool,
                base_mint=mint,
                new_venue=self.name,
                new_pool=Pubkey(body[32:64]),
                slot=slot,
                signature=signature,
            )
        if kind == ODD:
            return LaunchDisbelieved(
                reason="layout", venue=self.name, slot=slot, signature=signature, values={"a": "1"}
            )
        raise DecodeError("fake: an unknown payload; it is something else")

    def created(self, mint: Pubkey, pool: Pubkey, context: Context) -> PoolCreated:
        return PoolCreated(
            pool=Pool(
                venue=self.name,
                address=pool,
                base_mint=mint,
                quote_mint=TOKEN,
                base_program=TOKEN,
                quote_program=TOKEN,
                base_reserve=1,
                quote_reserve=1,
                slot=context.slot,
            ),
            creator=mint,
            user=mint,
            open_time=0,
            slot=context.slot,
            signature=context.signature,
            index=0,
            believed_by="event",
        )

    def verify(self, created: PoolCreated) -> str:
        if created.pool.address == pool_of(created.pool.base_mint):
            return ""
        return "pool: claimed one, derived another"


def _never(*_: object, **__: object) -> Quote:
    raise AssertionError("detection neither quotes nor trades")


def _no_pool(*_: object) -> Pool:
    raise AssertionError("detection loads no pool")


def _no_swap(pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
    raise AssertionError("detection never trades")


def venue(
    name: str = "fake",
    program: Pubkey = PROGRAM,
    *,
    blind: bool = False,
    markers: tuple[bytes, ...] | None = None,
) -> Venue:
    """Return a venue whose creations and trades are the payloads above."""
    fake = FakeVenue(name, program)
    words = (*tuple(tag(kind) for kind in (CREATE, COMPLETE, MIGRATE, ODD)), b'Instruction: Initialize"')
    return Venue(
        name=name,
        program=program,
        markers=words if markers is None else markers,
        trade_markers=() if blind else ((tag(TRADE), 8), (tag(LIQUIDITY), 8)),
        read=fake.read,
        verify=fake.verify,
        load=_no_pool,
        quote_in=_never,
        quote_out=_never,
        swap=_no_swap,
        compute_units=lambda is_buy: 0,
        apply=lambda pool, event: pool,
        swap_keys=lambda pool, user, is_buy: {},
        assemble=lambda keys, pool, order: (),
        variant=lambda pool, order: "",
    )


def tag(kind: bytes) -> bytes:
    """Return the ten letters of a discriminator."""
    return base64.b64encode(kind)[:10]


def data_line(*payloads: bytes) -> str:
    """Return what the runtime prints for payloads."""
    return "Program data: " + " ".join(base64.b64encode(payload).decode() for payload in payloads)


def call(program: Pubkey, *inside: str | list[str], depth: int = 1) -> list[str]:
    """Return the lines of one invocation; a nested call is a list made with depth + 1."""
    name = keys.text(program)
    lines = [f"Program {name} invoke [{depth}]"]
    for item in inside:
        lines += [item] if isinstance(item, str) else item
    return [*lines, f"Program {name} consumed 5 of 9 compute units", f"Program {name} success"]


def logs_json(lines: list[str], *, signature: str = SIGNATURE, err: object = None, slot: int = 7) -> Json:
    """Return a logsNotification."""
    value = {"signature": signature, "err": err, "logs": lines}
    result = {"context": {"slot": slot}, "value": value}
    return {"jsonrpc": "2.0", "method": "logsNotification", "params": {"result": result, "subscription": 1}}


def frame(body: object, *, recv_ns: int = 100, source: str = "endpoint", late: bool = False) -> Frame:
    """Return a frame as a WebSocket delivers it: no spaces."""
    text = json.dumps(body, separators=(",", ":")).encode()
    return Frame(data=text, recv_ns=recv_ns, source=source, late=late)


def logs_frame(lines: list[str], *, signature: str = SIGNATURE, err: object = None, late: bool = False) -> Frame:
    """Return a logsNotification as a frame."""
    return frame(logs_json(lines, signature=signature, err=err), late=late)


def position(address: Pubkey, mint: Pubkey, state: str = "open", *, number: int = 1) -> PositionChanged:
    """Return what the coordinator says of a position in the fake venue."""
    pool = Pool(
        venue="fake",
        address=address,
        base_mint=mint,
        quote_mint=TOKEN,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=1,
        quote_reserve=1,
    )
    return PositionChanged(
        position_id=number,
        bot="bot",
        pool=pool,
        state=state,
        base_amount=1,
        spent_lamports=1,
        received_lamports=0,
        entry_quote=1,
        entry_base=1,
        opened_ns=1,
    )
