"""A pool is tried on a machine of our own: honest coins come back less the fees, others say why not."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError, SniperForgeError, UnavailableError, UsageError
from sniperforge.base.events import FactsWanted, Pool
from sniperforge.base.keys import key, text
from sniperforge.base.units import U64_MAX, ZERO_KEY, Pubkey
from sniperforge.chain.localnet import cpmm, genesis
from sniperforge.chain.localnet.market_client import address
from sniperforge.chain.localnet.refusal import ProgramUnreadable
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.chain.sellability import CLOCK, KEPT, code_at
from sniperforge.dex import raydium_cpmm
from sniperforge.dex.programs import SYSTEM, TOKEN, TOKEN_2022, USDC, WSOL, ata, compute_limit, open_ata
from sniperforge.dex.venue import AccountMeta, Instruction
from sniperforge.dex.venues import VENUES
from sniperforge.runtime import round_trip
from sniperforge.runtime.hand import Account, Found, StateFile
from sniperforge.runtime.round_trip import ATTEMPTS, Node, Rounds, by_hand, from_file, size_of, world
from tests.unit.chain.localnet.stand import SOL, Stand, base_of
from tests.unit.chain.localnet.test_cpmm import held, loaded
from tests.unit.runtime.tried import CPMM, TENTH, Accounts, tried, vault_of

SHARED = Path(__file__).resolve().parents[4] / "shared"
NOBODY = Pubkey(bytes(range(1, 33)))
TRANSFER_FEE, DEFAULT_STATE = 1, 6


@pytest.fixture(scope="module")
def stand() -> Stand:
    return Stand()


@pytest.fixture(scope="module")
def honest(stand: Stand) -> cpmm.PoolKeys:
    return stand.pool("honest")


# ── honest coins ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022], ids=["spl-token", "token-2022"])
def test_an_honest_coin_gives_to_the_unit_what_the_chain_then_gives(program: Pubkey) -> None:
    """Compared with a real buy and sell of the same size, of another wallet, on the chain the accounts are from."""
    stand = Stand()
    keys = stand.pool("coin", program=program)
    done = tried(Accounts(stand), keys)
    alice, mint = address(stand.alice), base_of(keys)
    coins, lamports = held(stand, mint, program), held(stand, WSOL, TOKEN)
    assert stand.send([cpmm.swap_input(keys, alice, WSOL, TENTH, 1)], stand.alice).error is None
    bought = held(stand, mint, program) - coins
    assert stand.send([cpmm.swap_input(keys, alice, mint, bought, 1)], stand.alice).error is None
    returned = held(stand, WSOL, TOKEN) - lamports + TENTH
    assert (done.sellable, done.problem) == (True, "")
    assert (done.paid, done.bought, done.returned) == (TENTH, bought, returned)
    assert done.loss_bps == -(-(TENTH - returned) * 10_000 // TENTH) == 50
    assert 0 < done.buy_units <= CPMM.compute_units(True)
    assert 0 < done.sell_units <= CPMM.compute_units(False)


def test_a_pool_that_was_told_takes_one_call_and_the_code_one_more_once(stand: Stand, honest: cpmm.PoolKeys) -> None:
    accounts = Accounts(stand)
    rounds, told = Rounds(accounts.fetch, "here"), loaded(stand, honest)
    first = asyncio.run(rounds.run(CPMM, honest.pool, told.base_mint, TENTH, told))
    assert [len(asked) for asked in accounts.calls][1:] == [1]
    assert accounts.calls[0][0] == honest.pool
    assert CLOCK in accounts.calls[0]
    again = asyncio.run(rounds.run(CPMM, honest.pool, told.base_mint, TENTH, told))
    assert len(accounts.calls) == 3
    assert first[2]._replace(buy_units=0, sell_units=0) == again[2]._replace(buy_units=0, sell_units=0)
    assert first[1].slot == stand.bank.slot
    assert not any(NOBODY in asked for asked in accounts.calls)


def test_a_pool_nobody_told_is_read_until_all_it_names_is_of_one_call(stand: Stand, honest: cpmm.PoolKeys) -> None:
    accounts = Accounts(stand)
    there = asyncio.run(world(CPMM, honest.pool, ZERO_KEY, NOBODY, accounts.fetch, "here"))
    sizes = [len(asked) for asked in accounts.calls]
    assert sizes == sorted(sizes)
    assert set(there.found) == set(accounts.calls[-1])
    assert there.pool == loaded(stand, honest)


def test_what_was_told_wrongly_is_asked_for_in_vain_and_harms_nothing(stand: Stand, honest: cpmm.PoolKeys) -> None:
    """Also a pool without keys, as the venues tell that open empty."""
    right = loaded(stand, honest)
    bare = Pool(**{**{name: getattr(right, name) for name in right.__struct_fields__}, "keys": {}})
    fetch = Accounts(stand).fetch
    for told in (bare, loaded(stand, stand.pool("other"))):
        there = asyncio.run(world(CPMM, honest.pool, ZERO_KEY, NOBODY, fetch, "here", told))
        assert there.pool == right


@pytest.mark.parametrize("name", sorted(VENUES))
def test_a_pool_told_without_anything_is_read_like_one_nobody_told(name: str) -> None:
    """Of every venue: what it lists follows from what is missing there, and none fails over it."""
    asked: list[list[Pubkey]] = []

    async def fetch(addresses: Sequence[Pubkey]) -> Found:
        asked.append(list(addresses))
        return dict.fromkeys(addresses)

    bare = Pool(
        venue=name,
        address=NOBODY,
        base_mint=NOBODY,
        quote_mint=WSOL,
        base_program=TOKEN,
        quote_program=TOKEN,
        base_reserve=1,
        quote_reserve=1,
    )
    with pytest.raises(UnavailableError, match="here: has no "):
        asyncio.run(world(VENUES[name], NOBODY, NOBODY, NOBODY, fetch, "here", bare))
    assert asked[0][:2] == [NOBODY, CLOCK]


def test_a_pool_that_opens_later_is_tried_as_it_will_be() -> None:
    stand = Stand()
    keys = cpmm.pool_keys((stand.mint("later"), TOKEN), (WSOL, TOKEN))
    amounts = (50 * SOL, 10**14) if keys.side(WSOL) == 0 else (10**14, 50 * SOL)
    opens = stand.unix_ms // 1000 + 900
    step = cpmm.initialize(keys, address(stand.alice), amounts, open_time=opens)
    assert stand.send([compute_limit(400_000), step], stand.alice).error is None
    done = tried(Accounts(stand), keys)
    assert (done.sellable, done.ahead_s) == (True, 3_600)
    assert tried(Accounts(stand), stand.pool("open")).ahead_s == 2


def test_a_coin_that_is_paid_in_a_token_is_bought_with_that_token() -> None:
    """Fees of the network are lamports and no part of it."""
    stand = Stand()
    alice = address(stand.alice)
    genesis.place(stand.svm, USDC, SOL, genesis.mint_data(None, supply=10**15, decimals=6), TOKEN)
    assert stand.send([open_ata(alice, alice, USDC, TOKEN, ata(alice, USDC))], stand.alice).error is None
    purse = bytearray(stand.data(ata(alice, USDC)))
    struct.pack_into("<Q", purse, 64, 10**12)
    genesis.place(stand.svm, ata(alice, USDC), SOL, bytes(purse), TOKEN)
    keys = cpmm.pool_keys((stand.mint("dollars"), TOKEN), (USDC, TOKEN))
    amounts = (10**11, 10**14) if keys.side(USDC) == 0 else (10**14, 10**11)
    landed = stand.send([compute_limit(400_000), cpmm.initialize(keys, alice, amounts)], stand.alice)
    assert landed.error is None, landed.logs
    stand.step(3)
    done = tried(Accounts(stand), keys, 10**8)
    assert (done.sellable, done.paid) == (True, 10**8)
    assert (done.returned, done.loss_bps) == (99_500_000 + done.returned % 100_000, 50)
    gone = Accounts(stand, {USDC: None})
    with pytest.raises(UnavailableError, match="has no quote mint EPjF"):
        tried(gone, keys)
    odd = Accounts(stand, {USDC: Account(TOKEN, bytes(82), 1)})
    with pytest.raises(DecodeError, match="no account of it can be opened"):
        tried(odd, keys)


# ── coins that do not come back ───────────────────────────────────────────


def test_a_coin_whose_pool_was_frozen_does_not_trade() -> None:
    stand = Stand()
    mint = stand.mint("frozen", keeps=True)
    keys = cpmm.pool_keys((mint, TOKEN), (WSOL, TOKEN))
    amounts = (50 * SOL, 10**14) if keys.side(WSOL) == 0 else (10**14, 50 * SOL)
    steps = [compute_limit(400_000), cpmm.initialize(keys, address(stand.alice), amounts)]
    assert stand.send(steps, stand.alice).error is None
    stand.step(3)
    assert tried(Accounts(stand), keys).sellable
    who = (
        AccountMeta(vault_of(keys), writable=True),
        AccountMeta(mint),
        AccountMeta(address(stand.alice), signer=True),
    )
    assert stand.send([Instruction(TOKEN, who, b"\x0a")], stand.alice).error is None
    done = tried(Accounts(stand), keys)
    assert (done.sellable, done.paid, done.bought, done.returned, done.loss_bps) == (False, 0, 0, 0, 10_000)
    assert done.problem.startswith("buy: InstructionError[")
    assert "frozen" in done.problem


def extended(mint: Account, kind: int, value: bytes) -> Account:
    """Return a Token-2022 mint with one extension more."""
    data = mint.data.ljust(165, b"\0") + b"\1" + struct.pack("<HH", kind, len(value)) + value
    return Account(TOKEN_2022, data, SOL)


def test_a_coin_that_freezes_every_new_holder_does_not_trade() -> None:
    """Our program would not make such a pool (the real one neither), so the mint is changed behind it."""
    stand = Stand()
    keys = stand.pool("default", program=TOKEN_2022)
    accounts = Accounts(stand)
    mint = base_of(keys)
    assert tried(accounts, keys).sellable
    accounts.changed = {mint: extended(accounts.there(mint), DEFAULT_STATE, b"\2")}
    done = tried(accounts, keys)
    assert not done.sellable
    assert done.problem.startswith("buy: ")
    assert "rozen" in done.problem or "Custom 17" in done.problem


@pytest.mark.parametrize("fee_bps", [1_000, 0])
def test_a_coin_with_a_transfer_fee_cannot_have_its_account_closed(fee_bps: int) -> None:
    """What the token program keeps there has to be harvested first, and nothing we send does that: it is told."""
    stand = Stand()
    keys = stand.pool("taxed", program=TOKEN_2022)
    accounts = Accounts(stand)
    mint, vault = base_of(keys), vault_of(keys)
    fee = struct.pack("<QQH", 0, U64_MAX, fee_bps)
    config = bytes(64) + bytes(8) + fee + fee
    account = accounts.there(vault)
    plain = account.data[:165]
    holds = plain + b"\2" + struct.pack("<HHQ", 2, 8, 0)
    accounts.changed = {
        mint: extended(accounts.there(mint), TRANSFER_FEE, config),
        vault: account._replace(data=holds, lamports=SOL),
    }
    done = tried(accounts, keys)
    assert done.sellable is (fee_bps == 0)
    assert done.bought > 0
    if fee_bps:
        assert done.problem.startswith("sell: InstructionError[")
        assert done.problem.endswith(KEPT)


def test_a_size_too_small_to_come_back_is_no_sale(stand: Stand, honest: cpmm.PoolKeys) -> None:
    done = tried(Accounts(stand), honest, 2)
    assert (done.sellable, done.paid) == (False, 2)
    assert done.problem.startswith("sell: InstructionError[")


def test_a_trial_leaves_nothing_behind_for_the_next(stand: Stand, honest: cpmm.PoolKeys) -> None:
    accounts = Accounts(stand)
    rounds = Rounds(accounts.fetch, "here")

    def once() -> Any:
        return asyncio.run(rounds.run(CPMM, honest.pool, ZERO_KEY, TENTH))[2]

    before = once()
    vault = accounts.there(vault_of(honest))
    accounts.changed = {vault_of(honest): vault._replace(data=vault.data[:108] + b"\2" + vault.data[109:])}
    assert not once().sellable
    accounts.changed = {}
    assert once()._replace(buy_units=0, sell_units=0) == before._replace(buy_units=0, sell_units=0)


# ── endpoints that lie, or have not all ───────────────────────────────────


def test_what_has_to_be_there_and_is_not_is_named(stand: Stand, honest: cpmm.PoolKeys) -> None:
    cases: list[tuple[Pubkey, Account | None, str]] = [
        (honest.pool, None, "has no pool_state"),
        (vault_of(honest), None, "has no base_vault"),
        (base_of(honest), None, "has no base_mint"),
        (cpmm.PROGRAM, None, "has no program CPMM"),
        (honest.pool, Account(SYSTEM, bytes(637), 1), "belongs to 11111"),
        (honest.pool, Account(cpmm.PROGRAM, b"", 1), "pool_state is 0 bytes"),
        (vault_of(honest), Account(TOKEN, bytes(165), 1), "base_vault"),
        (honest.observation, Account(cpmm.PROGRAM, b"", 0), "does not say how many lamports"),
        (honest.observation, Account(cpmm.PROGRAM, bytes(5 << 20), 1), "bytes, at most 4194304 are"),
    ]
    for place, account, said in cases:
        with pytest.raises(SniperForgeError, match=said) as raised:
            tried(Accounts(stand, {place: account}), honest)
        assert "\n" not in str(raised.value)


def test_code_that_is_not_there_or_no_code_is_refused(stand: Stand, honest: cpmm.PoolKeys) -> None:
    loader = key("BPFLoaderUpgradeab1e11111111111111111111111")
    program, place = Account(loader, struct.pack("<I", 2) + NOBODY, 1, True), NOBODY
    with pytest.raises(UnavailableError, match="has no code of program CPMM"):
        tried(Accounts(stand, {cpmm.PROGRAM: program}), honest)
    with pytest.raises(ProgramUnreadable, match="not an ELF file"):
        tried(Accounts(stand, {cpmm.PROGRAM: program, place: Account(loader, bytes(99), 1)}), honest)
    with pytest.raises(ProgramUnreadable, match="the loader refuses it"):
        tried(Accounts(stand, {cpmm.PROGRAM: program, place: Account(loader, bytes(45) + b"\x7fELF", 1)}), honest)
    plain = Account(key("BPFLoader2111111111111111111111111111111111"), genesis.bundled("cpmm"), 1, True)
    assert tried(Accounts(stand, {cpmm.PROGRAM: plain}), honest).sellable
    with pytest.raises(DecodeError, match="no loader known here"):
        tried(Accounts(stand, {cpmm.PROGRAM: plain._replace(owner=NOBODY)}), honest)


def test_more_than_one_call_takes_is_refused(
    stand: Stand, honest: cpmm.PoolKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_trip, "ACCOUNTS_MAX", 5)
    with pytest.raises(DecodeError, match="accounts, at most 5 do"):
        tried(Accounts(stand), honest)
    monkeypatch.setattr(round_trip, "ACCOUNTS_MAX", 100)
    monkeypatch.setattr(round_trip, "ROUNDS_MAX", 2)
    with pytest.raises(DecodeError, match="name others without end"):
        tried(Accounts(stand), honest)


def test_a_clock_nobody_tells_is_the_present(stand: Stand, honest: cpmm.PoolKeys) -> None:
    _, now, done = asyncio.run(
        Rounds(Accounts(stand, {CLOCK: None}).fetch, "here").run(CPMM, honest.pool, ZERO_KEY, TENTH)
    )
    assert (now.slot, now.unix_s > 1_700_000_000) == (0, True)
    # The stand lives in 2027, the pool opens there.
    assert (done.sellable, done.ahead_s) in ((True, 2), (True, 3_600), (True, 30 * 86_400), (False, 0))


class Answers(RpcClient):
    """A node that does not have the first account before the third time."""

    def __init__(self, after: int) -> None:
        super().__init__(endpoint("http://h/", where="rpc"))
        self.after, self.asked = after, 0

    async def call(self, method: str, params: Sequence[Any]) -> Any:
        self.asked += 1
        row = {"data": ["", "base64"], "owner": text(SYSTEM), "lamports": 5, "executable": False}
        there = self.asked > self.after
        return {"context": {"slot": 1}, "value": [row if there else None for _ in params[0]]}


def test_a_node_is_asked_again_while_it_does_not_know_the_pool() -> None:
    waits: list[float] = []

    async def pause(seconds: float) -> None:
        waits.append(seconds)

    node, never = Answers(2), Answers(99)
    assert asyncio.run(Node(node, pause=pause).fetch([NOBODY]))[NOBODY] == Account(SYSTEM, b"", 5)
    assert waits == [0.2, 0.4]
    assert asyncio.run(Node(never, pause=pause).fetch([NOBODY])) == {NOBODY: None}
    assert never.asked == ATTEMPTS
    once = Answers(99)
    assert asyncio.run(Node(once, attempts=1).fetch([NOBODY])) == {NOBODY: None}
    assert once.asked == 1


ROUNDS = Stand()
TARGETS = (ROUNDS.pool("fuzzed"), ROUNDS.pool("fuzzed too", program=TOKEN_2022))
TRIED = Accounts(ROUNDS)
KEPT_ROUNDS = Rounds(TRIED.fetch, "here")


@settings(max_examples=200)
@given(target=st.sampled_from(TARGETS), place=st.integers(0, 8), how=st.integers(0, 3), noise=st.binary(max_size=300))
def test_any_bytes_in_an_account_are_a_verdict_or_one_error_of_ours(
    target: cpmm.PoolKeys, place: int, how: int, noise: bytes
) -> None:
    """On one machine all the while; 30,000 more were tried by hand."""
    places = (target.pool, *target.vaults, *target.mints, target.observation, cpmm.AMM_CONFIG, CLOCK, WSOL)
    TRIED.changed = {}
    one = TRIED.at(places[place])
    if one is None:
        return
    data = one.data
    at = min(len(noise), len(data))
    changed = (noise, data[: len(data) - at], data + noise, data[:at] + noise + data[at + len(noise) :])[how]
    TRIED.changed = {places[place]: one._replace(data=changed)}
    try:
        done = asyncio.run(KEPT_ROUNDS.run(CPMM, target.pool, ZERO_KEY, TENTH))[2]
    except SniperForgeError as problem:
        assert "\n" not in str(problem)
    else:
        assert done.sellable is (done.problem == "")
    TRIED.changed = {}
    assert asyncio.run(KEPT_ROUNDS.run(CPMM, target.pool, ZERO_KEY, TENTH))[2].sellable


# ── by hand ───────────────────────────────────────────────────────────────


def saved(stand: Stand, keys: cpmm.PoolKeys, folder: Path) -> StateFile:
    """Save what a trial asks for, as a person would."""
    accounts = Accounts(stand)
    asyncio.run(Rounds(accounts.fetch, "here").run(CPMM, keys.pool, ZERO_KEY, TENTH))
    rows = {}
    for asked in accounts.calls:
        for place in asked:
            one = accounts.at(place)
            rows[text(place)] = one and {
                "owner": text(one.owner),
                "data": [base64.b64encode(one.data).decode(), "base64"],
                "lamports": one.lamports,
                "executable": one.executable,
            }
    file = folder / "state.json"
    file.write_bytes(orjson.dumps(rows))
    return StateFile(str(file))


def test_accounts_that_were_saved_will_do(stand: Stand, honest: cpmm.PoolKeys, tmp_path: Path) -> None:
    source = saved(stand, honest, tmp_path)
    told = by_hand(CPMM, honest.pool, ZERO_KEY, TENTH, source=source)
    assert (told.found, told.sellable, told.amount, told.loss_bps) == (True, True, TENTH, 50)
    assert (told.pool, told.base_mint, told.quote_mint) == (honest.pool, base_of(honest), WSOL)
    assert told.slot == stand.bank.slot

    async def unknown() -> Found:
        return await from_file(source)([NOBODY])

    assert asyncio.run(unknown()) == {}
    for amount in (0, -1, U64_MAX + 1):
        with pytest.raises(UsageError, match="--amount"):
            by_hand(CPMM, honest.pool, ZERO_KEY, amount, source=source)
    with pytest.raises(UnavailableError):
        by_hand(CPMM, honest.pool, ZERO_KEY, 5, rpc="http://127.0.0.1:1/")


def test_a_size_nobody_named_is_a_small_one(stand: Stand, honest: cpmm.PoolKeys) -> None:
    pool = loaded(stand, honest)
    dollars = Pool(**{**{name: getattr(pool, name) for name in pool.__struct_fields__}, "quote_mint": USDC})
    sizes = [size_of(FactsWanted(pool=one, quote_amount=n)) for one in (pool, dollars) for n in (0, 7, -1, U64_MAX + 1)]
    assert sizes == [10**7, 7, 10**7, 10**7, 10**6, 7, 10**6, 10**6]


def test_a_recorded_pool_of_mainnet_lists_all_but_its_code() -> None:
    """The recordings hold accounts and no programs: the one that lacks is named."""
    folder = SHARED / "mainnet" / "accounts" / "orca_sol_usdc"
    if not folder.exists():
        pytest.skip("the recordings of ../shared are not here")
    rows: dict[Pubkey, Account] = {}
    for file in folder.iterdir():
        body = orjson.loads(file.read_bytes())
        one = body["account"]
        data = base64.b64decode(one["data"][0])
        rows[key(body["pubkey"])] = Account(key(one["owner"]), data, one["lamports"], one["executable"])
    rows[WSOL] = Account(TOKEN, genesis.mint_data(None, supply=0, decimals=9), 1)
    pool = key("HJPjoWUrhoZzkNfRpHuieeFk9WcZWjwy6PBjZ81ngndJ")

    async def fetch(addresses: Sequence[Pubkey]) -> dict[Pubkey, Account | None]:
        return {one: rows.get(one) for one in addresses}

    venue = VENUES["orca_whirlpool"]
    there = asyncio.run(world(venue, pool, ZERO_KEY, NOBODY, fetch, "here"))
    assert there.pool.base_mint in (WSOL, USDC)
    assert len([one for one in there.found.values() if one is not None]) >= 6
    with pytest.raises(UnavailableError, match="has no program whirL"):
        asyncio.run(Rounds(fetch, "here").run(venue, pool, ZERO_KEY, 10**7))


def test_the_code_of_our_own_program_lies_where_it_says(stand: Stand) -> None:
    found = stand.bank.executor.account(cpmm.PROGRAM)
    assert found is not None
    place = code_at(cpmm.PROGRAM, found)
    assert raydium_cpmm.PROGRAM == cpmm.PROGRAM
    assert place is None or stand.data(place)[45:49] == b"\x7fELF"
