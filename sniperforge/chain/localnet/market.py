"""The market maker: launches pools, trades them, rugs some, and lies, over RPC like anybody.

plan -> transactions -> ledger of what really happened

`await run_market(rpc_url, settings)` in any process; the ledger is the ground
truth a demo is judged by.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine
from pathlib import Path

import orjson
from solders.keypair import Keypair

from sniperforge.base.keys import text
from sniperforge.base.units import U64_MAX, Pubkey
from sniperforge.chain.localnet import cpmm, ledger
from sniperforge.chain.localnet.ledger import Entry, Ledger
from sniperforge.chain.localnet.market_client import Client, Outcome, address, wallet
from sniperforge.chain.localnet.market_lies import tell
from sniperforge.chain.localnet.market_plan import BPS, LAMPORTS, Launch, Lie, MarketSettings, Trade, make_plan
from sniperforge.chain.localnet.market_tokens import make_mint, wrap
from sniperforge.dex.programs import (
    TOKEN,
    TOKEN_2022,
    WSOL,
    ata,
    compute_limit,
    compute_price,
    open_ata,
    transfer_lamports,
)
from sniperforge.dex.venue import Instruction

VENUE = "raydium_cpmm"
TRADER_LAMPORTS, TRADER_WRAPPED = 2_000 * LAMPORTS, 1_500 * LAMPORTS
#: Rent of a pool's accounts, the creation fee of 0.15 SOL, and some to spare.
CREATOR_EXTRA = LAMPORTS
INITIALIZE_UNITS, TRADE_UNITS = 300_000, 120_000
#: Wallet and mint are made this long before the pool, so that it opens on time.
PREPARE_MS = 1_500


async def run_market(rpc_url: str, settings: MarketSettings, *, ledger_path: Path | None = None) -> list[Entry]:
    """Play the plan of *settings* against the cluster at *rpc_url* and return the ledger.

    Cancelled early, it still closes the ledger with its summary.

    Raises:
        ConfigError: a setting is out of its range.
        MarketUnreachable: the cluster does not answer.
    """
    plan = make_plan(settings.check())
    book = Ledger(ledger_path)
    try:
        async with Client(rpc_url) as client:
            market = Market(client, settings, book)
            try:
                await market.open()
                steps = [market.launch(each) for each in plan.launches]
                steps += [market.spoof(each) for each in plan.spoofs]
                steps += [market.fail(each) for each in plan.failures]
                await _all(steps)
                await market.rest()
            finally:
                market.summarize()
    finally:
        book.close()
    return book.entries


class Market:
    """Wallets and the clock of one run."""

    def __init__(self, client: Client, settings: MarketSettings, book: Ledger) -> None:
        self.client, self.settings, self.book = client, settings, book
        self.traders = [wallet(settings.seed, f"trader {number}") for number in range(settings.traders)]
        self.liar = wallet(settings.seed, "liar")
        self.trades_sent = 0
        self._start = 0.0

    async def open(self) -> None:
        """Fund everybody and start the clock."""
        wallets = [*self.traders, self.liar]
        await _all([self.client.airdrop(each, TRADER_LAMPORTS) for each in wallets])
        await _all([self._wrap(each) for each in self.traders])
        self._start = asyncio.get_running_loop().time()

    async def _wrap(self, trader: Keypair) -> None:
        await self.client.land(wrap(address(trader), TRADER_WRAPPED), trader)

    async def until(self, at_ms: int) -> None:
        """Sleep to *at_ms* of the run."""
        await asyncio.sleep(max(0.0, self._start + at_ms / 1000 - asyncio.get_running_loop().time()))

    async def rest(self) -> None:
        """Wait for the end of the run."""
        await self.until(self.settings.duration_ms)

    # ── what is real ──────────────────────────────────────────────────────

    async def launch(self, launch: Launch) -> None:
        """Make a mint and its pool, then let it live."""
        await self.until(launch.at_ms - PREPARE_MS)
        pool = await self._prepare(f"launch {launch.number}", launch)
        await self.until(launch.at_ms)
        landed = await self.client.land(pool.opening(), *pool.signers())
        if landed is None or landed.error is not None:
            self.book.write(self._entry(ledger.LOST, landed, pool))
            return
        self.book.write(self._entry(ledger.LAUNCH, landed, pool))
        opened_ms = int((asyncio.get_running_loop().time() - self._start) * 1000)
        for trade in launch.trades:
            if opened_ms + trade.at_ms >= self.settings.duration_ms:
                return
            await self.until(opened_ms + trade.at_ms)
            await self._trade(pool, trade)
        if launch.rug_at_ms >= 0 and opened_ms + launch.rug_at_ms < self.settings.duration_ms:
            await self.until(opened_ms + launch.rug_at_ms)
            await self._rug(pool)

    async def _prepare(self, name: str, launch: Launch) -> OpenPool:
        creator, mint = wallet(self.settings.seed, f"{name} creator"), wallet(self.settings.seed, f"{name} mint")
        key = wallet(self.settings.seed, f"{name} pool") if launch.pool_is_keypair else None
        pool = OpenPool(launch, creator, mint, key)
        await self.client.airdrop(creator, launch.liquidity + CREATOR_EXTRA)
        steps = make_mint(
            address(creator),
            pool.mint,
            pool.program,
            launch.supply,
            keeps_mint=launch.keeps_mint_authority,
            keeps_freeze=launch.keeps_freeze_authority,
        )
        await self.client.land([*steps, *wrap(address(creator), launch.liquidity)], creator, mint)
        return pool

    async def _trade(self, pool: OpenPool, trade: Trade) -> None:
        trader = self.traders[trade.trader]
        if trade.is_buy or trade.fails:
            amount = pool.launch.liquidity * trade.size_bps // BPS
            limit = U64_MAX if trade.fails else 0
            steps = pool.buy(address(trader), amount, limit)
        else:
            seller, held = await self._holder(pool, trader)
            if held == 0:
                return
            # A creator holds up to half the supply: a tenth of a trader's share moves the price as much.
            parts = BPS if seller is trader else 10 * BPS
            trader = seller
            amount = max(1, held * trade.size_bps // parts)
            steps = [cpmm.swap_input(pool.keys, address(seller), pool.mint, amount, 0)]
        self.trades_sent += 1
        budget = [compute_limit(TRADE_UNITS), compute_price(trade.unit_price)]
        await self.client.send([*budget, *steps], trader)

    async def _holder(self, pool: OpenPool, trader: Keypair) -> tuple[Keypair, int]:
        """Return who sells and what they hold: the trader, else the creator."""
        held = 0
        for seller in (trader, pool.creator):
            account = ata(address(seller), pool.mint, pool.program)
            held = await self.client.token_amount(text(account))
            if held:
                return seller, held
        return pool.creator, held

    async def _rug(self, pool: OpenPool) -> None:
        creator = address(pool.creator)
        held = await self.client.token_amount(text(ata(creator, pool.keys.lp_mint)))
        steps = [compute_limit(TRADE_UNITS), cpmm.withdraw(pool.keys, creator, held)]
        landed = await self.client.land(steps, pool.creator)
        if landed is not None and landed.error is None:
            self.book.write(self._entry(ledger.RUG, landed, pool))

    # ── what is not ───────────────────────────────────────────────────────

    async def spoof(self, lie: Lie) -> None:
        """Let the forger claim a creation."""
        await self.until(lie.at_ms)
        dice = random.Random(f"{self.settings.seed} spoof {lie.number}")
        claim = tell(lie.form, address(self.liar), dice, int(time.time()))
        # A price of its own for each keeps two equal lies of one second apart.
        landed = await self.client.land([compute_price(1_000 + lie.number), claim.instruction], self.liar)
        if landed is not None:
            self.book.write(
                Entry(
                    type=ledger.SPOOF,
                    ts_ms=_now_ms(),
                    signature=landed.signature,
                    slot=landed.slot,
                    venue=claim.venue,
                    form=lie.form,
                    pool=text(claim.pool),
                    mint=text(claim.mint),
                    creator=str(self.liar.pubkey()),
                    error=_error(landed),
                )
            )

    async def fail(self, lie: Lie) -> None:
        """Try a real creation that cannot succeed."""
        await self.until(lie.at_ms - PREPARE_MS)
        launch = Launch(lie.number, lie.at_ms, "", False, False, False, False, 2 * LAMPORTS, 10**15, BPS, (), -1)
        pool = await self._prepare(f"failure {lie.number}", launch)
        await self.until(lie.at_ms)
        steps = pool.opening(too_much=lie.form == "too_poor")
        if lie.form == "reverted_after":
            steps.append(transfer_lamports(address(pool.creator), address(self.liar), 10**18))
        landed = await self.client.land(steps, *pool.signers())
        if landed is not None:
            self.book.write(self._entry(ledger.FAILED_CREATE, landed, pool, form=lie.form))

    # ── the book ──────────────────────────────────────────────────────────

    def summarize(self) -> None:
        """Write the last line."""
        count = self.book.count
        self.book.write(
            Entry(
                type=ledger.SUMMARY,
                ts_ms=_now_ms(),
                launches=count(ledger.LAUNCH),
                spoofs=count(ledger.SPOOF),
                failed_creates=count(ledger.FAILED_CREATE),
                rugs=count(ledger.RUG),
                lost=count(ledger.LOST),
                trades_sent=self.trades_sent,
                sent=self.client.sent,
            )
        )

    def _entry(self, kind: str, landed: Outcome | None, pool: OpenPool, *, form: str = "") -> Entry:
        launch = pool.launch
        return Entry(
            type=kind,
            ts_ms=_now_ms(),
            signature=landed.signature if landed else "",
            slot=landed.slot if landed else 0,
            venue=VENUE,
            form=form,
            kind=launch.kind,
            pool=text(pool.keys.pool),
            mint=text(pool.mint),
            quote_mint=text(WSOL),
            creator=str(pool.creator.pubkey()),
            token_program=text(pool.program),
            mint_authority=launch.keeps_mint_authority,
            freeze_authority=launch.keeps_freeze_authority,
            pool_is_keypair=launch.pool_is_keypair,
            liquidity=launch.liquidity,
            supply=launch.supply,
            error=_error(landed),
        )


class OpenPool:
    """One pool of ours and the keys that made it."""

    def __init__(self, launch: Launch, creator: Keypair, mint: Keypair, key: Keypair | None) -> None:
        self.launch, self.creator, self.key = launch, creator, key
        self.program = TOKEN_2022 if launch.is_token_2022 else TOKEN
        self.mint = address(mint)
        self.keys = cpmm.pool_keys((self.mint, self.program), (WSOL, TOKEN), address(key) if key else None)

    def signers(self) -> list[Keypair]:
        """Return who signs the creation."""
        return [self.creator] if self.key is None else [self.creator, self.key]

    def opening(self, *, too_much: bool = False) -> list[Instruction]:
        """Return the creation; *too_much* asks for more tokens than there are."""
        pooled = self.launch.supply * self.launch.pooled_bps // BPS
        base, quote = (self.launch.supply + 1 if too_much else pooled), self.launch.liquidity
        amounts = (quote, base) if self.keys.side(WSOL) == 0 else (base, quote)
        made = cpmm.initialize(self.keys, address(self.creator), amounts, pool_signs=self.key is not None)
        return [compute_limit(INITIALIZE_UNITS), compute_price(10_000), made]

    def buy(self, user: Pubkey, lamports: int, amount_out_min: int) -> list[Instruction]:
        """Return a buy with wrapped SOL, the token account included."""
        account = ata(user, self.mint, self.program)
        return [
            open_ata(user, user, self.mint, self.program, account),
            cpmm.swap_input(self.keys, user, WSOL, max(1, lamports), amount_out_min),
        ]


async def _all(steps: list[Coroutine[None, None, None]]) -> None:
    """Run all together; the first failure ends the rest and is raised as it is."""
    tasks = [asyncio.ensure_future(each) for each in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _error(landed: Outcome | None) -> str:
    return "" if landed is None or landed.error is None else orjson.dumps(landed.error).decode()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
