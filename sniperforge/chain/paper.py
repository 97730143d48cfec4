"""The paper chain: what would have happened, in the venues' own arithmetic.

trade + the newest pool when it lands + seeded luck -> landed | failed | expired

Nothing here waits: `due(now_ns)` gives what has happened by then, so that the
same code runs live, in a pipe whose time is that of its events, and in tests.
Each order draws from dice of its own, seeded with the run's seed and its id:
the order in which bots speak does not change anybody's luck.

Our own trades do not move the pools (the market's events tell reserves), and
tips are paid only by what lands, as on the chain.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sniperforge.base.events import Pool
from sniperforge.base.units import Pubkey
from sniperforge.dex.venue import EmptyPool, Quote, Venue

NANOS_PER_MS = 1_000_000
BPS_ONE = 10_000


#: What burning coins brings.
NOTHING = Quote(0, 0, 0, 0)


class PaperTrade(NamedTuple):
    """A signed order, as far as paper cares. Costs are what it pays when it lands; `burns`: it sells nothing."""

    order_id: int
    is_buy: bool
    pool: Pool
    amount_in: int
    amount_out_min: int
    fee_lamports: int
    tip_lamports: int
    closes_account: bool
    burns: bool = False


class PaperResult(NamedTuple):
    """How it ended: "landed", "failed" (paid its fee) or "expired" (paid nothing)."""

    order_id: int
    end: str
    landed_ns: int
    slot: int
    base_amount: int = 0
    quote_amount: int = 0
    fee_lamports: int = 0
    tip_lamports: int = 0
    rent_lamports: int = 0
    problem: str = ""


class PaperChain:
    """A wallet and its orders on a chain that exists on paper only.

    Args:
        venues: name -> venue, for the quotes.
        newest: address -> newest state of that pool, or None when nobody told it.
        wallet_lamports: the balance to start from.
        latency_ms, landing_bps, expiry_ms, account_rent_lamports, seed: see `PaperSettings`.
    """

    def __init__(
        self,
        *,
        venues: Mapping[str, Venue],
        newest: Callable[[Pubkey], Pool | None],
        wallet_lamports: int,
        latency_ms: tuple[int, ...],
        landing_bps: int,
        expiry_ms: int,
        account_rent_lamports: int,
        seed: int,
    ) -> None:
        self.wallet_lamports = wallet_lamports
        self._venues, self._newest = venues, newest
        self._latency_ms, self._landing_bps, self._expiry_ms = latency_ms, landing_bps, expiry_ms
        self._rent_lamports = account_rent_lamports
        self._seed = seed
        self._held: dict[Pubkey, int] = {}
        self._queue: list[tuple[int, int, bool, PaperTrade]] = []

    def restore(self, wallet_lamports: int, held: Mapping[Pubkey, int]) -> None:
        """Take over the balances a journal says: lamports, and base units by mint."""
        self.wallet_lamports = wallet_lamports
        self._held = dict(held)

    def submit(self, trade: PaperTrade, now_ns: int) -> int:
        """Send *trade*; return when its end will be known."""
        dice = random.Random(f"{self._seed}:{trade.order_id}")
        lands = dice.randrange(BPS_ONE) < self._landing_bps
        delay_ms = dice.choice(self._latency_ms) if lands else self._expiry_ms
        # Inside one millisecond the dice decide who is first, as a leader would.
        due_ns = now_ns + delay_ms * NANOS_PER_MS + dice.randrange(NANOS_PER_MS)
        heapq.heappush(self._queue, (due_ns, trade.order_id, lands, trade))
        return due_ns

    @property
    def pending(self) -> int:
        """Orders whose end is not known yet."""
        return len(self._queue)

    @property
    def next_due_ns(self) -> int | None:
        """When the next end will be known; None when nothing is pending."""
        return self._queue[0][0] if self._queue else None

    def due(self, now_ns: int) -> list[PaperResult]:
        """Return what ended up to *now_ns*, in order."""
        ended = []
        while self._queue and self._queue[0][0] <= now_ns:
            due_ns, _, lands, trade = heapq.heappop(self._queue)
            ended.append(self._execute(trade, due_ns) if lands else self._end(trade, "expired", due_ns))
        return ended

    def _end(
        self, trade: PaperTrade, end: str, landed_ns: int, *, fee_lamports: int = 0, problem: str = ""
    ) -> PaperResult:
        slot = (self._newest(trade.pool.address) or trade.pool).slot
        return PaperResult(trade.order_id, end, landed_ns, slot, fee_lamports=fee_lamports, problem=problem)

    def _fail(self, trade: PaperTrade, landed_ns: int, problem: str) -> PaperResult:
        """A transaction that reverts pays its fee and nothing else."""
        fee_lamports = min(trade.fee_lamports, self.wallet_lamports)
        self.wallet_lamports -= fee_lamports
        return self._end(trade, "failed", landed_ns, fee_lamports=fee_lamports, problem=problem)

    def _execute(self, trade: PaperTrade, landed_ns: int) -> PaperResult:
        known = self._newest(trade.pool.address)
        pool = known if known is not None and known.slot >= trade.pool.slot else trade.pool
        mint = pool.base_mint
        try:
            quote = (
                NOTHING
                if trade.burns
                else self._venues[pool.venue].quote_in(pool, trade.amount_in, is_buy=trade.is_buy)
            )
        except EmptyPool:
            return self._fail(trade, landed_ns, "the pool is empty or closed")
        if quote.amount_out < trade.amount_out_min:
            return self._fail(trade, landed_ns, "slippage")
        if not trade.is_buy and self._held.get(mint, 0) < trade.amount_in:
            return self._fail(trade, landed_ns, "insufficient coins")
        rent_lamports = self._rent(trade, mint)
        costs = trade.fee_lamports + trade.tip_lamports + rent_lamports
        change = (-trade.amount_in if trade.is_buy else quote.amount_out) - costs
        if self.wallet_lamports + change < 0 or self.wallet_lamports < trade.fee_lamports:
            return self._fail(trade, landed_ns, "insufficient lamports")
        self.wallet_lamports += change
        base, paid = (quote.amount_out, trade.amount_in) if trade.is_buy else (trade.amount_in, quote.amount_out)
        self._held[mint] = self._held.get(mint, 0) + (base if trade.is_buy else -base)
        if rent_lamports < 0:
            del self._held[mint]
        return PaperResult(
            trade.order_id,
            "landed",
            landed_ns,
            pool.slot,
            base_amount=base,
            quote_amount=paid,
            fee_lamports=trade.fee_lamports,
            tip_lamports=trade.tip_lamports,
            rent_lamports=rent_lamports,
        )

    def _rent(self, trade: PaperTrade, mint: Pubkey) -> int:
        """Return the rent locked by opening the coin's account, or (negative) returned by closing it."""
        if trade.is_buy:
            return 0 if mint in self._held else self._rent_lamports
        closes = trade.closes_account and self._held.get(mint, 0) == trade.amount_in
        return -self._rent_lamports if closes else 0
