"""Execution on a chain: send, re-send the same bytes, ask, and believe only what is proven.

signed order -> sendTransaction … until seen or dead -> landed | failed | expired

Exactly once: one order is one signature. Its bytes go out again and again until
the chain shows them or their blockhash is dead; nothing is ever signed anew here.
Dead is proven in this order: the block height at `expiry_commitment` is beyond
the last valid one, and *after that was read* the node's full history knows nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from sniperforge.base.clock import Clock
from sniperforge.base.errors import DecodeError, UnavailableError
from sniperforge.base.events import InputRefused, OrderProposed
from sniperforge.chain.rpc import STATUSES_MAX, RpcClient, Status, endpoint, guard_live
from sniperforge.chain.sender import RpcSender
from sniperforge.chain.watch import SignatureWatch
from sniperforge.coordinate.builder import Builder
from sniperforge.coordinate.desk import Desk, Ticket
from sniperforge.coordinate.execution import Ends, Transport
from sniperforge.coordinate.journal import Order
from sniperforge.coordinate.receipt import Receipt, fill, read_receipt
from sniperforge.coordinate.settings import CoordinateSettings
from sniperforge.coordinate.tables import check_tables
from sniperforge.trading.risk import Refusal

NANOS_PER_MS = 1_000_000
HEIGHT_MS = 1_000
FINALITY_MS = 2_000
UNFINAL_MAX = 4_096
_LEVELS = {"processed": 0, "confirmed": 1, "finalized": 2}
_NEVER_NS = -(1 << 62)


class ChainExecution:
    """Executes against one RPC endpoint.

    Args:
        transport: replaces the sender (tests, benchmarks).

    Raises:
        ConfigError: the endpoint is not this machine and `live` is not set.
    """

    def __init__(
        self,
        settings: CoordinateSettings,
        desk: Desk,
        ends: Ends,
        builder: Builder,
        clock: Clock,
        transport: Transport | None = None,
    ) -> None:
        target = endpoint(settings.rpc, where="coordinate.rpc")
        guard_live(target, live=settings.live, where="coordinate.rpc")
        timeout_s = settings.rpc_timeout_ms / 1000
        self.client = RpcClient(target, timeout_s=timeout_s, attempts=settings.rpc_attempts)
        self.resent = self.unproven = 0
        self.last_problem = ""
        self._settings, self._desk, self._ends, self._builder, self._clock = settings, desk, ends, builder, clock
        self._sender = RpcSender(target, connections=settings.senders) if transport is None else None
        self._transport: Transport = transport or self._sender  # type: ignore[assignment]
        self._watch: SignatureWatch | None = None
        if settings.ws:
            ws = endpoint(settings.ws, where="coordinate.ws", schemes=("ws", "wss"))
            guard_live(ws, live=settings.live, where="coordinate.ws")
            self._watch = SignatureWatch(ws, commitment=settings.confirm_commitment, seen=self._seen)
        self._blockhash, self._last_valid, self._blockhash_ns = bytes(32), 0, _NEVER_NS
        self._height, self._height_ns = 0, _NEVER_NS
        self._sent_ns: dict[int, int] = {}
        self._unfinal: dict[str, Order] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: Exception | None = None

    # ── what the coordinator calls ──

    def prime(self, blockhash: bytes, last_valid_block_height: int, now_ns: int) -> None:
        """Sign with this blockhash from now on."""
        self._blockhash, self._last_valid, self._blockhash_ns = blockhash, last_valid_block_height, now_ns

    def blockhash(self, intent: OrderProposed, now_ns: int) -> tuple[bytes, int] | Refusal:
        """Return the newest blockhash, unless it is older than allowed."""
        age_ms = (now_ns - self._blockhash_ns) // NANOS_PER_MS
        allowed = self._settings.blockhash_age_ms_max
        if age_ms > allowed:
            return Refusal("risk.blockhash_age_ms_max", age_ms, allowed)
        return self._blockhash, self._last_valid

    def submit(self, order: Order, ticket: Ticket, now_ns: int) -> None:
        """Write the order's bytes out and start waiting for them."""
        self._transport.send(order.signature, order.raw, now_ns)
        self._sent_ns[order.id] = now_ns
        if self._watch is not None:
            self._watch.watch(order.signature)

    def advance(self, now_ns: int) -> None:
        """Nothing is due by time alone; raises what ended a background task, if one ended."""
        if self._failure is not None:
            raise self._failure

    def settle_all(self, now_ns: int) -> None:
        """Ask at once instead of at the next poll."""
        self._wake.set()

    async def start(self, now_ns: int) -> None:
        """Connect, and ask what became of everything in flight before anything new is signed."""
        if self._sender is not None:
            await self._sender.start()
        await self._poll_blockhash()
        await check_tables(self.client, self._builder.tables, self._settings.confirm_commitment)
        for order in self._desk.recent(0):
            if order.state == "confirmed":
                self._unfinal[order.signature] = order
        await self._poll_height()
        await self._settle(list(self._desk.open_orders.values()), prove=True)
        await self._poll_balance()
        if self._watch is not None:
            self._watch.start()
            for order in self._desk.open_orders.values():
                self._watch.watch(order.signature)
        settings = self._settings
        self._every(settings.blockhash_poll_ms, self._poll_blockhash, "blockhash")
        self._every(settings.balance_poll_ms, self._poll_balance, "balance")
        self._every(settings.resend_ms, self._resend, "resend")
        self._every(FINALITY_MS, self._poll_finality, "finality")
        self._every(settings.status_poll_ms, self._poll_statuses, "statuses", wake=self._wake)

    async def stop(self) -> None:
        """End tasks, close sockets."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._watch is not None:
            await self._watch.stop()
        if self._sender is not None:
            await self._sender.stop()
        await self.client.close()

    def stats(self) -> dict[str, int]:
        """Return counters of sending and asking."""
        sender, watch = self._sender, self._watch
        return {
            "resent": self.resent,
            "unproven": self.unproven,
            "rpc_calls": self.client.calls,
            "rpc_retries": self.client.retries,
            "sends": sender.sent if sender else 0,
            "sends_refused": sender.refused if sender else 0,
            "sends_unsent": sender.unsent if sender else 0,
            "watch_connects": watch.connects if watch else 0,
            "block_height": self._height,
        }

    # ── what runs by itself ──

    def _every(
        self, period_ms: int, step: Callable[[], Awaitable[None]], name: str, *, wake: asyncio.Event | None = None
    ) -> None:
        async def run() -> None:
            while True:
                if wake is None:
                    await asyncio.sleep(period_ms / 1000)
                else:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(wake.wait(), period_ms / 1000)
                    wake.clear()
                try:
                    await step()
                except (UnavailableError, DecodeError) as problem:
                    self._tell(problem)
                except Exception as failure:
                    # A bug must end the process, not silently one of its tasks.
                    self._failure = failure
                    return

        self._tasks.append(asyncio.create_task(run(), name=f"chain-{name}"))

    def _tell(self, problem: UnavailableError | DecodeError) -> None:
        """Publish a failure once, not at every poll that meets it again."""
        line = str(problem)
        if line != self.last_problem:
            self.last_problem = line
            what, _, cure = line.rpartition("; ")
            where = self.client.target.name
            told = InputRefused(ts_ns=self._clock.now_ns(), where=where, problem=what or line, cure=cure)
            self._ends.publish(told)

    def _seen(self, signature: str, error: str) -> None:
        """The subscription speaks: ask the chain itself, now."""
        self._wake.set()

    async def _poll_blockhash(self) -> None:
        asked_ns = self._clock.now_ns()
        blockhash, last_valid = await self.client.latest_blockhash(self._settings.blockhash_commitment)
        # An endpoint behind a balancer may be older than the last one: never go back.
        if last_valid >= self._last_valid:
            self.prime(blockhash, last_valid, asked_ns)

    async def _poll_height(self) -> None:
        height = await self.client.block_height(self._settings.expiry_commitment)
        self._height, self._height_ns = max(height, self._height), self._clock.now_ns()

    async def _poll_balance(self) -> None:
        # With money in flight the answer is of some moment in between: skip it.
        if self._desk.open_orders and self._tasks:
            return
        counted = self._desk.fold_count
        balance = await self.client.balance(self._builder.wallet, self._settings.confirm_commitment)
        if counted == self._desk.fold_count:
            self._desk.exposure.wallet_lamports = balance - self._desk.bound_in_flight()

    async def _resend(self) -> None:
        now_ns = self._clock.now_ns()
        for order in list(self._desk.open_orders.values()):
            waited_ns = now_ns - self._sent_ns.get(order.id, 0)
            if (
                order.state in ("signed", "sent")
                and waited_ns >= self._settings.resend_ms * NANOS_PER_MS
                and self._height <= order.last_valid_block_height
            ):
                self.resent += 1
                self._sent_ns[order.id] = now_ns
                self._transport.send(order.signature, order.raw, now_ns)

    async def _poll_statuses(self) -> None:
        orders = list(self._desk.open_orders.values())
        if not orders:
            return
        if self._clock.now_ns() - self._height_ns >= HEIGHT_MS * NANOS_PER_MS:
            await self._poll_height()
        dead = [order for order in orders if self._height > order.last_valid_block_height]
        alive = [order for order in orders if self._height <= order.last_valid_block_height]
        await self._settle(alive, prove=False)
        await self._settle(dead, prove=True)

    async def _settle(self, orders: list[Order], *, prove: bool) -> None:
        """Ask what became of *orders*; with *prove* a dead one nobody knows is expired."""
        height = self._height
        for at in range(0, len(orders), STATUSES_MAX):
            batch = orders[at : at + STATUSES_MAX]
            statuses = await self.client.statuses([order.signature for order in batch], history=prove)
            for order, status in zip(batch, statuses, strict=True):
                if not order.in_flight:
                    continue
                if status is not None:
                    await self._found(order, status)
                elif prove and height > order.last_valid_block_height:
                    self._leave(order)
                    self._ends.expired(order, self._clock.now_ns())
                elif order.state == "processed":
                    # The fork that had it lost: send the same bytes again.
                    self._ends.noticed(order, "sent", self._clock.now_ns())

    async def _found(self, order: Order, status: Status) -> None:
        now_ns = self._clock.now_ns()
        wanted = self._settings.confirm_commitment
        if _LEVELS[status.commitment] < _LEVELS[wanted]:
            self._ends.noticed(order, "processed", now_ns)
            return
        receipt = await self._receipt(order)
        if receipt is None:
            # Confirmed, but this node cannot show it yet: the next poll asks again.
            self.unproven += 1
            self._wake_later()
            return
        if not order.in_flight:
            return
        now_ns = self._clock.now_ns()
        if receipt.error:
            self._leave(order)
            self._ends.failed(order, receipt.error, receipt.fee, now_ns)
            return
        landed = fill(order, receipt, commitment=wanted, now_ns=now_ns)
        self._leave(order)
        self._ends.landed(order, landed)
        if wanted != "finalized" and len(self._unfinal) < UNFINAL_MAX:
            self._unfinal[order.signature] = order

    async def _receipt(self, order: Order) -> Receipt | None:
        answer = await self.client.transaction(order.signature, self._settings.confirm_commitment)
        if answer is None:
            return None
        intent = order.intent
        return read_receipt(
            answer,
            signature=order.signature,
            wallet=self._builder.wallet,
            base_mint=intent.pool.base_mint,
            owned=self._builder.owned(intent.pool, is_buy=intent.side == "buy"),
            tip_account=self._builder.tip_account,
        )

    def _wake_later(self) -> None:
        asyncio.get_running_loop().call_later(0.05, self._wake.set)

    async def _poll_finality(self) -> None:
        signatures = list(self._unfinal)[:STATUSES_MAX]
        if not signatures:
            return
        statuses = await self.client.statuses(signatures, history=True)
        for signature, status in zip(signatures, statuses, strict=True):
            if status is not None and status.commitment == "finalized":
                self._ends.noticed(self._unfinal.pop(signature), "finalized", self._clock.now_ns())

    def _leave(self, order: Order) -> None:
        self._sent_ns.pop(order.id, None)
        if self._watch is not None:
            self._watch.forget(order.signature)
