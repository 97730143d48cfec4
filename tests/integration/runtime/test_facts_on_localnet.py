"""Facts of real accounts: coins launched, given away, burned and rugged on a localnet, told by the detect command.

The programs are the real SPL Token and Token-2022; every figure is compared with what was
sent there or with what the node says of the account.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any, NamedTuple

import orjson
import pytest
from solders.keypair import Keypair

from sniperforge.base import wire
from sniperforge.base.events import CreatorKnown, FactsWanted, Frame, PoolCreated
from sniperforge.base.keys import key, text
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import LocalNet, cpmm, genesis
from sniperforge.chain.localnet.market import OpenPool
from sniperforge.chain.localnet.market_client import Client, Outcome, address, wallet
from sniperforge.chain.localnet.market_plan import Launch
from sniperforge.chain.localnet.market_tokens import make_mint, wrap
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from sniperforge.dex.metadata import metaplex_address
from sniperforge.dex.programs import METADATA, SYSTEM, TOKEN, TOKEN_2022, ata, burn, open_ata
from sniperforge.dex.venue import AccountMeta, Instruction
from tests.e2e.command import run as command
from tests.integration.localnet.net import run, short
from tests.unit.dex.coin_accounts import metaplex

SOL, SUPPLY = 10**9, 10**15
INCINERATOR = key("1nc1nerator11111111111111111111111111111111")
LOCKER = key("3f7GcQFG397GAaEnv51zR6tsTVihYRydnydDD1cXekxH")
NAME, SYMBOL, URI = "Honest coin", "HNST", "https://coin.invalid/about.json"
Json = dict[str, Any]


class Told(NamedTuple):
    """What the detect command said, and what the test knows."""

    by_type: dict[str, list[Json]]
    pools: list[Pubkey]
    creator: Pubkey
    trader: Pubkey
    lp_given: int
    trader_holds: int


def transfer(source: Pubkey, target: Pubkey, owner: Pubkey, amount: int) -> Instruction:
    """Return SPL Token's Transfer."""
    accounts = (AccountMeta(source, writable=True), AccountMeta(target, writable=True), AccountMeta(owner, signer=True))
    return Instruction(TOKEN, accounts, struct.pack("<BQ", 3, amount))


def mint_with_metadata(creator: Pubkey, mint: Pubkey) -> list[Instruction]:
    """Return what makes a Token-2022 mint that points to itself and holds its metadata; the creator may change it."""
    size = 166 + 4 + 64
    made, signs = AccountMeta(mint, writable=True), AccountMeta(creator, signer=True)
    payer = AccountMeta(creator, signer=True, writable=True)
    create = Instruction(
        SYSTEM,
        (payer, AccountMeta(mint, signer=True, writable=True)),
        struct.pack("<IQQ", 0, SOL // 50, size) + TOKEN_2022,
    )
    words = b"".join(struct.pack("<I", len(one)) + one.encode() for one in (NAME, SYMBOL, URI))
    fill = bytes.fromhex("d2e11ea258b84d8d") + words
    account = ata(creator, mint, TOKEN_2022)
    return [
        create,
        Instruction(TOKEN_2022, (made,), b"\x27\x00" + creator + mint),
        Instruction(TOKEN_2022, (made,), struct.pack("<BB", 20, 6) + creator + b"\0"),
        Instruction(TOKEN_2022, (made, AccountMeta(creator), AccountMeta(mint), signs), fill),
        open_ata(creator, creator, mint, TOKEN_2022, account),
        Instruction(TOKEN_2022, (made, AccountMeta(account, writable=True), signs), struct.pack("<BQ", 7, SUPPLY)),
    ]


class World:
    """A localnet, its client, and the signatures of what detection shall see."""

    def __init__(self, net: LocalNet, client: Client) -> None:
        self.net, self.client = net, client
        self.seen: list[str] = []
        self.creator, self.trader = wallet(9, "creator"), wallet(9, "trader")

    async def land(self, steps: list[Instruction], *signers: Keypair) -> Outcome:
        landed = await self.client.land(steps, *signers)
        assert landed is not None
        assert landed.error is None, landed
        return landed

    async def launch(self, name: str, *, modern: bool = False) -> OpenPool:
        """Make a coin and a pool of 10 SOL with four fifths of it."""
        mint, creator = wallet(9, name), address(self.creator)
        plan = Launch(0, 0, "honest", modern, False, False, False, 10 * SOL, SUPPLY, 8_000, (), -1)
        pool = OpenPool(plan, self.creator, mint, None)
        made = make_mint(creator, pool.mint, TOKEN, SUPPLY, keeps_mint=False, keeps_freeze=False)
        made = mint_with_metadata(creator, pool.mint) if modern else made
        # In one transaction: two equal ones under one blockhash would be one.
        await self.land([*made, *wrap(creator, 10 * SOL)], self.creator, mint)
        self.seen.append((await self.land(pool.opening(), self.creator)).signature)
        return pool

    async def give(self, mint: Pubkey, target: Pubkey, amount: int) -> None:
        """Send tokens of the creator to somebody's token account, opened if need be."""
        creator, account = address(self.creator), ata(target, mint)
        opened = open_ata(creator, target, mint, TOKEN, account)
        await self.land([opened, transfer(ata(creator, mint), account, creator, amount)], self.creator)

    async def frames(self) -> list[bytes]:
        """Return what was seen, as getTransaction tells it."""
        options: Any = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        frames = []
        for signature in self.seen:
            found = None
            while found is None:
                found = await self.client.call("getTransaction", signature, options)
                await asyncio.sleep(0.02)
            frames.append(orjson.dumps(found))
        return frames


async def played() -> Told:
    """Launch a coin and give it away, rug a second, launch a third; return what the detect command tells."""
    async with LocalNet(short()) as net, Client(net.rpc_url) as client:
        world = World(net, client)
        creator, trader = address(world.creator), address(world.trader)
        await client.airdrop(world.creator, 100 * SOL)
        await client.airdrop(world.trader, 10 * SOL)
        first = await world.launch("first")
        await world.give(first.mint, trader, SUPPLY // 100 + 1)
        await world.give(first.mint, INCINERATOR, SUPPLY // 50)
        lp, lp_mint = ata(creator, first.keys.lp_mint), first.keys.lp_mint
        given = await client.token_amount(text(lp))
        await world.land([burn(lp, lp_mint, creator, TOKEN, given // 2)], world.creator)
        await world.give(lp_mint, INCINERATOR, given // 8)
        await world.give(lp_mint, LOCKER, given // 4)
        said = metaplex(first.mint, authority=creator, texts=(b"First", b"FST", b"https://first.invalid"))
        genesis.place(net.bank.svm, metaplex_address(first.mint), SOL, said, METADATA)

        second = await world.launch("second")
        rug = await client.token_amount(text(ata(creator, second.keys.lp_mint)))
        world.seen.append((await world.land([cpmm.withdraw(second.keys, creator, rug)], world.creator)).signature)
        third = await world.launch("third", modern=True)

        await asyncio.sleep(1.2)  # a pool opens in the second after its creation
        bought = [*wrap(trader, SOL), *first.buy(trader, SOL, 0)]
        world.seen.append((await world.land(bought, world.trader)).signature)
        holds = await client.token_amount(text(ata(trader, first.mint)))
        frames = await world.frames()
        facts = ("holders", "liquidity", "metadata", "sellable")
        wanted = [
            wire.to_json(FactsWanted(id=7, pool=one.pool, creator=creator, facts=facts)) for one in launches(frames)
        ]
        arguments = ("detect", "--in", "-", "--rpc", net.rpc_url)
        done = await asyncio.to_thread(command, *arguments, given=b"\n".join([*frames, *wanted]) + b"\n")
        assert (done.code, done.err) == (0, "")
        by_type: dict[str, list[Json]] = {}
        for event in done.events():
            by_type.setdefault(str(event["type"]), []).append(event)
        return Told(by_type, [one.keys.pool for one in (first, second, third)], creator, trader, given, holds)


def launches(frames: list[bytes]) -> list[PoolCreated]:
    """Return the launches in *frames*; each creator is known right behind."""
    detector = Detector(DetectSettings())
    told = [one for frame in frames for one in detector.on_frame(Frame(frame, time.time_ns(), "x"), time.time_ns())]
    for at, one in enumerate(told):
        assert not isinstance(one, PoolCreated) or isinstance(told[at + 1], CreatorKnown)
    return [one for one in told if isinstance(one, PoolCreated)]


@pytest.fixture(scope="module")
def told() -> Told:
    return run(played())


def of(told: Told, kind: str, number: int) -> Json:
    """Return the only event of *kind* about the pool *number*."""
    (one,) = [event for event in told.by_type[kind] if event["pool"] == text(told.pools[number])]
    return one


def test_the_third_launch_knows_of_the_two_before_and_that_one_was_rugged(told: Told) -> None:
    known = [(of(told, "CreatorKnown", at)["launches"], of(told, "CreatorKnown", at)["rugged"]) for at in range(3)]
    assert known == [(0, 0), (1, 0), (2, 1)]
    assert {event["creator"] for event in told.by_type["CreatorKnown"]} == {text(told.creator)}


def test_every_launch_has_a_bundle_and_nobody_was_in_it(told: Told) -> None:
    """A pool of this venue cannot be bought in the second of its creation."""
    assert [of(told, "BundleSeen", at)["buys"] for at in range(3)] == [0, 0, 0]


def test_holders_are_those_the_coins_were_given_to(told: Told) -> None:
    """A fifth was not pooled: a fiftieth of all is burned, the trader bought some more, the rest is the creator's."""
    seen = of(told, "HoldersInspected", 0)
    kept = SUPPLY // 5 - SUPPLY // 100 - 1 - SUPPLY // 50
    assert (seen["found"], seen["supply"], seen["counted"], seen["whole"]) == (True, SUPPLY, 2, True)
    assert seen["creator_bps"] == -(-kept * 10_000 // SUPPLY)
    assert seen["top_1_bps"] == -(-max(kept, told.trader_holds) * 10_000 // SUPPLY)
    assert seen["top_5_bps"] == seen["top_10_bps"] == -(-(kept + told.trader_holds) * 10_000 // SUPPLY)
    assert (seen["burned_bps"], seen["excluded"]) == (200, 1)
    vault = SUPPLY - kept - told.trader_holds - SUPPLY // 50
    assert seen["excluded_bps"] == vault * 10_000 // SUPPLY
    assert seen["cause"] == 7


def test_liquidity_that_was_burned_given_away_and_locked_is_told_apart(told: Told) -> None:
    """The program keeps 100 LP tokens to itself for ever: they are burned too."""
    seen, given = of(told, "LiquidityInspected", 0), told.lp_given
    assert (seen["applicable"], seen["found"], seen["minted"]) == (True, True, given + 100)
    assert seen["supply"] == given - given // 2
    assert (seen["burned"], seen["locked"]) == (given // 2 + 100 + given // 8, given // 4)
    assert seen["burned_bps"] == seen["burned"] * 10_000 // (given + 100)
    assert seen["locked_bps"] == seen["locked"] * 10_000 // (given + 100)


def test_of_a_rugged_pool_nothing_but_what_nobody_can_withdraw_is_left(told: Told) -> None:
    seen = of(told, "LiquidityInspected", 1)
    assert (seen["minted"], seen["supply"], seen["burned_bps"]) == (100, 0, 10_000)
    whole = of(told, "LiquidityInspected", 2)
    assert (whole["burned"], whole["locked"], whole["burned_bps"]) == (100, 0, 0)


def test_metadata_of_both_standards_and_of_none_is_told(told: Told) -> None:
    """Token-2022's was written by its real program."""
    first, second, third = (of(told, "MetadataInspected", at) for at in range(3))
    assert (first["standard"], first["name"], first["mutable"]) == ("metaplex", "First", True)
    assert first["update_authority"] == text(told.creator)
    assert (second["found"], second["standard"]) == (True, "none")
    assert (third["standard"], third["mutable"]) == ("token_2022", True)
    assert (third["name"], third["symbol"], third["uri"]) == (NAME, SYMBOL, URI)
    assert third["update_authority"] == text(told.creator)
    assert (third["name_bytes"], third["uri_bytes"]) == (len(NAME), len(URI))


def test_the_facts_come_behind_the_launches_and_read_back_as_events(told: Told) -> None:
    for kind in (
        "CreatorKnown",
        "BundleSeen",
        "HoldersInspected",
        "LiquidityInspected",
        "MetadataInspected",
        "SellabilityTested",
    ):
        assert len(told.by_type[kind]) == 3
        for event in told.by_type[kind]:
            assert wire.from_json(orjson.dumps(event)).trace_id == event["trace_id"]


def test_what_can_be_sold_again_is_told_with_what_it_loses(told: Told) -> None:
    """Also the second, whose liquidity is gone: alone in a pool one gets one's own money back."""
    first, second, third = (of(told, "SellabilityTested", at) for at in range(3))
    for seen in (first, third):
        assert (seen["found"], seen["sellable"], seen["loss_bps"], seen["paid"]) == (True, True, 50, 10**7)
        assert (seen["problem"], seen["cause"]) == ("", 7)
    assert (second["sellable"], second["loss_bps"] < 50) == (True, True)
