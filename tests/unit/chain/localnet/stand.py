"""A bank on a table: no socket and no clock, slots move when the test says so."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
from solders.hash import Hash
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message, MessageV0
from solders.transaction import VersionedTransaction

from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import cpmm, genesis, methods
from sniperforge.chain.localnet.account_json import Snapshot
from sniperforge.chain.localnet.bank import PROCESSED, Bank
from sniperforge.chain.localnet.envelope import Envelope, read_envelope
from sniperforge.chain.localnet.history import Block
from sniperforge.chain.localnet.landed import Landed
from sniperforge.chain.localnet.market_client import address, solders_instruction, wallet
from sniperforge.chain.localnet.market_tokens import make_mint, wrap
from sniperforge.chain.localnet.node import Node
from sniperforge.chain.localnet.refusal import Json
from sniperforge.chain.localnet.settings import LocalNetSettings
from sniperforge.dex.programs import SYSTEM, TOKEN, WSOL, compute_limit, transfer_lamports
from sniperforge.dex.venue import Instruction

START_MS = 1_800_000_000_000
SOL = 1_000_000_000


@dataclass
class News:
    """A listener that writes down what it hears."""

    received_names: list[str] = field(default_factory=list)
    landed: list[Landed] = field(default_factory=list)
    changes: list[dict[Pubkey, Snapshot]] = field(default_factory=list)
    slots: list[tuple[int, int]] = field(default_factory=list)
    risen: list[tuple[int, int]] = field(default_factory=list)

    def received(self, signature: str) -> None:
        self.received_names.append(signature)

    def executed(self, landed: Landed, changes: dict[Pubkey, Snapshot]) -> None:
        self.landed.append(landed)
        self.changes.append(changes)

    def slot_opened(self, slot: int, root: int) -> None:
        self.slots.append((slot, root))

    def reached(self, block: Block, commitment: int) -> None:
        self.risen.append((block.slot, commitment))


class Stand:
    """A bank with a rich wallet, and short words for what tests do with it."""

    def __init__(self, settings: LocalNetSettings | None = None) -> None:
        self.settings = settings or LocalNetSettings(finalized_after=4, blockhash_slots=6, history_slots=64)
        self.faucet = wallet(0, "faucet")
        self.svm: LiteSVM = genesis.build(self.faucet)
        self.news = News()
        self.unix_ms = START_MS
        self.bank = Bank(self.settings, self.svm, self.faucet, self.news, unix_ms=START_MS)
        self.node = Node(self.bank, "1" * 32, "1" * 32, "127.0.0.1:8899")
        self.alice = self.rich("alice")

    def rich(self, name: str, lamports: int = 1_000 * SOL) -> Keypair:
        """Return a wallet that holds *lamports*."""
        made = wallet(0, name)
        genesis.place(self.svm, address(made), lamports, b"", SYSTEM)
        return made

    def envelope(
        self, instructions: list[Instruction], *signers: Keypair, blockhash: str = "", legacy: bool = False
    ) -> Envelope:
        """Return a signed transaction; the first signer pays."""
        recent = Hash.from_string(blockhash or self.bank.blockhash_at(PROCESSED)[0])
        compiled = [solders_instruction(each) for each in instructions]
        payer = signers[0].pubkey()
        message: Message | MessageV0 = (
            Message.new_with_blockhash(compiled, payer, recent)
            if legacy
            else MessageV0.try_compile(payer, compiled, [], recent)
        )
        return read_envelope(bytes(VersionedTransaction(message, list(signers))))

    def pay(self, lamports: int, to: Pubkey, *, blockhash: str = "") -> Envelope:
        """Return a transfer from alice."""
        return self.envelope([transfer_lamports(address(self.alice), to, lamports)], self.alice, blockhash=blockhash)

    def send(self, instructions: list[Instruction], *signers: Keypair) -> Landed:
        """Execute a transaction now and return how it landed."""
        envelope = self.envelope(instructions, *signers)
        self.bank.submit(envelope)
        self.bank.run_entry()
        landed = self.bank.history.find(envelope.signature)
        assert landed is not None, "the transaction did not land"
        return landed

    def send_from_alice(self, *instructions: Instruction) -> Landed:
        """Execute a transaction alice pays for."""
        return self.send(list(instructions), self.alice)

    def step(self, slots: int = 1, *, ms: int = 400) -> None:
        """Close *slots* slots of *ms*."""
        for _ in range(slots):
            self.unix_ms += ms
            self.bank.close_slot(self.unix_ms)

    def data(self, address: Pubkey) -> bytes:
        """Return an account's bytes, which must exist."""
        account = self.bank.executor.account(address)
        assert account is not None
        return account.data

    def rpc(self, method: str, *params: Json) -> dict[str, Json]:
        """Return the whole answer to one call."""
        body = orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)})
        answer: dict[str, Json] = orjson.loads(methods.answer(self.node, body))
        assert answer["id"] == 7
        return answer

    def result(self, method: str, *params: Json) -> Json:
        """Return the result of a call that must succeed."""
        answer = self.rpc(method, *params)
        assert "result" in answer, answer
        return answer["result"]

    def value(self, method: str, *params: Json) -> Json:
        """Return the `value` of a result that has a context."""
        result = self.result(method, *params)
        assert isinstance(result, dict)
        return result["value"]

    def refusal(self, method: str, *params: Json) -> tuple[int, str]:
        """Return code and message of a call that must be refused."""
        error = self.rpc(method, *params)["error"]
        assert isinstance(error, dict)
        code, message = error["code"], error["message"]
        assert isinstance(code, int)
        return code, str(message)

    def mint(self, name: str, *, program: Pubkey = TOKEN, supply: int = 10**15, keeps: bool = False) -> Pubkey:
        """Return a new mint whose supply is alice's, 100 SOL wrapped beside it."""
        made = wallet(0, f"mint {name}")
        steps = make_mint(address(self.alice), address(made), program, supply, keeps_mint=keeps, keeps_freeze=keeps)
        assert self.send([*steps, *wrap(address(self.alice), 100 * SOL)], self.alice, made).error is None
        return address(made)

    def pool(
        self, name: str, *, program: Pubkey = TOKEN, quote: int = 50 * SOL, base: int = 8 * 10**14
    ) -> cpmm.PoolKeys:
        """Return an open pool of alice's, past its opening second."""
        keys = cpmm.pool_keys((self.mint(name, program=program), program), (WSOL, TOKEN))
        amounts = (quote, base) if keys.side(WSOL) == 0 else (base, quote)
        landed = self.send([compute_limit(400_000), cpmm.initialize(keys, address(self.alice), amounts)], self.alice)
        assert landed.error is None, landed.logs
        self.step(3)
        return keys


def base_of(keys: cpmm.PoolKeys) -> Pubkey:
    """Return the mint of a pool that is not wrapped SOL."""
    return keys.mints[1 - keys.side(WSOL)]
