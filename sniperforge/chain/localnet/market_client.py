"""The market's line to the cluster: JSON-RPC, signing, and transactions brought home.

instructions -> sent -> (slot, error) | None when it never landed

A transaction that does not show up is sent again, the same bytes: it can land
only once. The statuses of all that is awaited are asked in one request.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import aiohttp
import orjson
from solders.hash import Hash
from solders.instruction import AccountMeta as SoldersMeta
from solders.instruction import Instruction as SoldersInstruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey as SoldersPubkey
from solders.transaction import VersionedTransaction

from sniperforge.base.errors import UnavailableError
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet.refusal import Json
from sniperforge.dex.venue import Instruction

POLL_S = 0.05
RESEND_POLLS = 16
GIVE_UP_POLLS = 400
#: Far below the window of 150 slots, at any length of a slot.
BLOCKHASH_S = 1.0
STATUSES_MAX = 256


class Outcome(NamedTuple):
    """How a transaction ended."""

    signature: str
    slot: int
    error: Json


class MarketUnreachable(UnavailableError):
    """The cluster does not answer the market."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"market: {url}: {problem}; is the localnet running?")


class Client:
    """One HTTP session; use as an async context manager."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sent = 0
        self._session: aiohttp.ClientSession | None = None
        self._refreshing = asyncio.Lock()
        self._blockhash = ""
        self._blockhash_at = -BLOCKHASH_S
        self._awaited: dict[str, asyncio.Future[Outcome]] = {}
        self._poller: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        self._poller = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, *params: Json) -> Json:
        """Return the result of one call; raises MarketUnreachable, also for an error answer."""
        if self._session is None:
            raise MarketUnreachable(self.url, "the session is closed")
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        headers = {"Content-Type": "application/json"}
        try:
            async with self._session.post(self.url, data=body, headers=headers) as response:
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as problem:
            raise MarketUnreachable(self.url, f"{method}: {problem or type(problem).__name__}") from problem
        if not isinstance(answer, dict) or "result" not in answer:
            error = answer.get("error") if isinstance(answer, dict) else answer
            raise MarketUnreachable(self.url, f"{method} was refused: {error}")
        result: Json = answer["result"]
        return result

    async def value(self, method: str, *params: Json) -> Json:
        """Return the `value` of an answer with a context."""
        result = await self.call(method, *params)
        return result["value"] if isinstance(result, dict) else None

    async def token_amount(self, account: str) -> int:
        """Return the base units in a token account, 0 when there is none."""
        row = await self.value("getAccountInfo", account, {"encoding": "jsonParsed", "commitment": "processed"})
        data = row.get("data") if isinstance(row, dict) else None
        if not isinstance(data, dict):
            return 0
        return int(orjson.loads(orjson.dumps(data))["parsed"]["info"]["tokenAmount"]["amount"])

    async def airdrop(self, wallet: Keypair, lamports: int) -> None:
        """Give *wallet* lamports and wait until they are there."""
        signature = await self.call("requestAirdrop", str(wallet.pubkey()), lamports)
        await self._arrival(str(signature))

    async def send(self, instructions: Sequence[Instruction], *signers: Keypair) -> str:
        """Send without waiting; the first signer pays. Return the signature."""
        text, signature = await self._sign(instructions, signers)
        await self._submit(text)
        return signature

    async def land(self, instructions: Sequence[Instruction], *signers: Keypair) -> Outcome | None:
        """Send, and send again, until it landed; None when its blockhash ran out before."""
        text, signature = await self._sign(instructions, signers)
        await self._submit(text)
        return await self._arrival(signature, text)

    async def _sign(self, instructions: Sequence[Instruction], signers: Sequence[Keypair]) -> tuple[str, str]:
        blockhash = Hash.from_string(await self._fresh_blockhash())
        compiled = [solders_instruction(each) for each in instructions]
        message = MessageV0.try_compile(signers[0].pubkey(), compiled, [], blockhash)
        transaction = VersionedTransaction(message, list(signers))
        return base64.b64encode(bytes(transaction)).decode(), str(transaction.signatures[0])

    async def _submit(self, text: str) -> None:
        self.sent += 1
        await self.call("sendTransaction", text, {"encoding": "base64", "skipPreflight": True})

    async def _fresh_blockhash(self) -> str:
        # Many tasks ask at once; one of them fetches.
        async with self._refreshing:
            now = asyncio.get_running_loop().time()
            if now - self._blockhash_at >= BLOCKHASH_S:
                row = await self.value("getLatestBlockhash", {"commitment": "processed"})
                if not isinstance(row, dict):
                    raise MarketUnreachable(self.url, "getLatestBlockhash gave no blockhash")
                self._blockhash, self._blockhash_at = str(row["blockhash"]), now
            return self._blockhash

    async def _arrival(self, signature: str, text: str = "") -> Outcome | None:
        future = asyncio.get_running_loop().create_future()
        self._awaited[signature] = future
        try:
            for poll in range(1, GIVE_UP_POLLS):
                done, _ = await asyncio.wait((future,), timeout=POLL_S)
                if done:
                    outcome: Outcome = future.result()
                    return outcome
                if text and poll % RESEND_POLLS == 0:
                    await self._submit(text)
            return None
        finally:
            self._awaited.pop(signature, None)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            names = list(self._awaited)[:STATUSES_MAX]
            if not names:
                continue
            rows = await self.value("getSignatureStatuses", list(names))
            for name, row in zip(names, rows if isinstance(rows, list) else [], strict=False):
                future = self._awaited.get(name)
                if isinstance(row, dict) and future is not None and not future.done():
                    future.set_result(Outcome(name, int(str(row["slot"])), row["err"]))


def solders_instruction(instruction: Instruction) -> SoldersInstruction:
    """Return *instruction* as solders compiles it."""
    metas = [SoldersMeta(SoldersPubkey(each.key), each.signer, each.writable) for each in instruction.accounts]
    return SoldersInstruction(SoldersPubkey(instruction.program), instruction.data, metas)


def wallet(seed: int, name: str) -> Keypair:
    """Return the keypair of that name in the market of *seed*; worthless anywhere else."""
    return Keypair.from_seed(hashlib.sha256(f"sniperforge market {seed} {name}".encode()).digest())


def address(keypair: Keypair) -> Pubkey:
    """Return the 32 bytes of a keypair's public key."""
    return Pubkey(bytes(keypair.pubkey()))
