"""What every test of the coordinator starts from: one venue's pools, intents, and a market that stands still."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from sniperforge.base.clock import ManualClock
from sniperforge.base.events import Event, OrderProposed, Pool
from sniperforge.base.units import Pubkey
from sniperforge.coordinate.service import Coordinator
from sniperforge.coordinate.settings import CoordinateSettings, PaperSettings
from sniperforge.dex import raydium_cpmm
from sniperforge.dex.programs import TOKEN, WSOL

START_NS = 1_790_000_000 * 10**9
VENUES = {"raydium_cpmm": raydium_cpmm.VENUE}


def name_key(name: str) -> Pubkey:
    """A key of its own for every name."""
    return Pubkey(hashlib.blake2b(name.encode(), digest_size=32).digest())


def make_pool(number: int = 1, **changes: object) -> Pool:
    """A CPMM pool of 100 SOL and a million coins of nine decimals."""
    own = ("authority", "base_vault", "quote_vault", "lp_mint", "observation_state")
    pool = Pool(
        venue="raydium_cpmm",
        address=name_key(f"pool {number}"),
        base_mint=name_key(f"mint {number}"),
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=10**15,
        quote_reserve=100 * 10**9,
        keys={**{name: name_key(f"{name} {number}") for name in own}, "amm_config": name_key("config")},
        numbers={
            "base_is_0": 0,
            "trade_fee_rate": 2500,
            "protocol_fee_rate": 120000,
            "fund_fee_rate": 40000,
            "creator_fee_rate": 0,
            "enable_creator_fee": 0,
            "creator_fee_on": 0,
            "status": 0,
        },
        slot=100,
    )
    return msgspec.structs.replace(pool, **changes)


def make_buy(number: int = 1, **changes: object) -> OrderProposed:
    """A buy for a hundredth of a SOL; its id is 1000 + *number*."""
    order = OrderProposed(
        id=1000 + number,
        trace_id=7,
        bot="first",
        side="buy",
        pool=make_pool(number),
        amount_in=10_000_000,
        amount_out_min=0,
        slippage_bps=1_000,
        priority_fee_micro_lamports=100_000,
        tip_lamports=0,
        reason="entry",
        attempt=0,
        position_id=1000 + number,
        creator=name_key(f"creator {number}"),
    )
    return msgspec.structs.replace(order, **changes)


def make_sell(number: int, amount: int, *, attempt: int = 0, **changes: object) -> OrderProposed:
    """A sell of *amount* coins of position 1000 + *number*."""
    changed = {"id": 5000 + 100 * number + attempt, "side": "sell", "amount_in": amount, "attempt": attempt}
    return make_buy(number, **{**changed, "reason": "take_profit[0]", **changes})


class Stand:
    """A coordinator on paper whose time moves only when told; every order lands after 400 ms unless asked otherwise."""

    def __init__(self, folder: Path, **changes: object) -> None:
        paper = PaperSettings(latency_ms=(400,), landing_bps=10_000)
        self.settings = CoordinateSettings(**{"journal": str(folder / "journal.sqlite"), "paper": paper, **changes})  # type: ignore[arg-type]
        self.clock = ManualClock(START_NS)
        self.told: list[Event] = []
        self.coordinator = self.reopen()

    def reopen(self) -> Coordinator:
        """A new coordinator over the same journal, as after a crash."""
        self.coordinator = Coordinator(self.settings, clock=self.clock, publish=self.told.append, venues=VENUES)
        self.coordinator.open()
        return self.coordinator

    def on(self, event: Event) -> list[Event]:
        """Hand *event* in; return what was told by it."""
        self.told.clear()
        self.coordinator.on(event)
        return list(self.told)

    def wait(self, ms: int = 1_000) -> list[Event]:
        """Let time pass; return what was told by then."""
        self.told.clear()
        self.clock.advance(ms * 1_000_000)
        self.coordinator.tick(self.clock.now_ns())
        return list(self.told)
