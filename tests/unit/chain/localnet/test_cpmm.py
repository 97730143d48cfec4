"""Our CPMM program and the codec the bots trade with agree to the unit, and it refuses what the real one refuses."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.events import LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.units import Pubkey
from sniperforge.chain.localnet import cpmm, genesis
from sniperforge.chain.localnet.landed import Landed
from sniperforge.chain.localnet.market_client import address, wallet
from sniperforge.dex import raydium_cpmm
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL, ata, compute_limit, open_ata
from sniperforge.dex.venue import AccountMeta, Context, Instruction, Step, SwapOrder
from tests.unit.chain.localnet.stand import SOL, Stand, base_of

PROGRAMS = pytest.mark.parametrize("program", [TOKEN, TOKEN_2022], ids=["spl-token", "token-2022"])


def loaded(stand: Stand, keys: cpmm.PoolKeys) -> Pool:
    """Return the pool as the codec reads it from the accounts."""
    quote = keys.side(WSOL)
    names = {
        "pool_state": keys.pool,
        "amm_config": cpmm.AMM_CONFIG,
        "base_vault": keys.vaults[1 - quote],
        "quote_vault": keys.vaults[quote],
        "base_mint": base_of(keys),
    }
    return raydium_cpmm.load(keys.pool, {name: stand.data(each) for name, each in names.items()})


def held(stand: Stand, mint: Pubkey, program: Pubkey) -> int:
    """Return alice's base units of *mint*, read without the code under test."""
    raw = stand.data(ata(address(stand.alice), mint, program))
    return int.from_bytes(raw[64:72], "little")


def readings(landed: Landed) -> list[object]:
    """Return what the codec reads in the program's invocations of a transaction."""
    found: list[object] = []
    context = Context(
        landed.signature, landed.slot, 0, 0, "test", landed.keys[0], True, False, False, landed.block_time
    )
    for index, call in enumerate(landed.envelope.calls):
        if landed.keys[call.program_index] != cpmm.PROGRAM:
            continue
        data = [line.removeprefix("Program data: ") for line in landed.logs if line.startswith("Program data: ")]
        logs = [line.removeprefix("Program log: ") for line in landed.logs if line.startswith("Program log: ")]
        step = Step(
            program=cpmm.PROGRAM,
            accounts=tuple(landed.keys[each] for each in call.accounts),
            data=call.data,
            events=tuple(base64.b64decode(each) for each in data),
            logs=tuple(logs),
            index=index,
        )
        found += raydium_cpmm.read(step, context)
    return found


def code_of(landed: Landed) -> int:
    """Return the custom error a transaction failed with."""
    assert isinstance(landed.error, dict), landed.error
    detail = landed.error["InstructionError"]
    assert isinstance(detail, list)
    assert isinstance(detail[1], dict), detail
    code = detail[1]["Custom"]
    assert isinstance(code, int)
    return code


@PROGRAMS
def test_a_creation_is_read_back_and_its_addresses_verify(program: Pubkey) -> None:
    """The codec finds the pool, its reserves and every derived address."""
    stand = Stand()
    keys = stand.pool("made", program=program)
    landed = next(each for each in reversed(stand.news.landed) if cpmm.PROGRAM in each.keys)
    created = [each for each in readings(landed) if isinstance(each, PoolCreated)]
    assert len(created) == 1
    pool = created[0].pool
    assert (pool.address, pool.base_mint, pool.quote_mint) == (keys.pool, base_of(keys), WSOL)
    assert (pool.quote_reserve, pool.base_reserve) == (50 * SOL, 8 * 10**14)
    assert raydium_cpmm.verify(created[0]) == ""
    state = loaded(stand, keys)
    assert (state.quote_reserve, state.base_reserve) == (50 * SOL, 8 * 10**14)
    assert state.numbers["open_time"] == landed.block_time + 1


@PROGRAMS
@pytest.mark.parametrize("is_buy", [True, False], ids=["buy", "sell"])
def test_an_exact_input_pays_what_the_codec_quotes(program: Pubkey, is_buy: bool) -> None:
    """Amount out, both balances and both reserves after, to the last unit."""
    stand = Stand()
    keys = stand.pool("in", program=program)
    mint, amount = base_of(keys), 1_234_567_891 if is_buy else 3_333_333_333_333
    before = loaded(stand, keys)
    quote = raydium_cpmm.quote_in(before, amount, is_buy=is_buy)
    had = held(stand, WSOL, TOKEN), held(stand, mint, program)
    sold = WSOL if is_buy else mint
    landed = stand.send([cpmm.swap_input(keys, address(stand.alice), sold, amount, quote.amount_out)], stand.alice)
    assert landed.error is None, landed.logs
    moved = held(stand, WSOL, TOKEN) - had[0], held(stand, mint, program) - had[1]
    assert moved == ((-amount, quote.amount_out) if is_buy else (quote.amount_out, -amount))
    swapped = next(each for each in readings(landed) if isinstance(each, Swapped))
    after, told = loaded(stand, keys), raydium_cpmm.apply(before, swapped)
    assert (told.base_reserve, told.quote_reserve) == (after.base_reserve, after.quote_reserve)
    assert swapped.is_buy is is_buy


@PROGRAMS
@pytest.mark.parametrize("is_buy", [True, False], ids=["buy", "sell"])
def test_an_exact_output_costs_what_the_codec_quotes(program: Pubkey, is_buy: bool) -> None:
    """The least input, and one unit less is refused."""
    stand = Stand()
    keys = stand.pool("out", program=program)
    mint, wanted = base_of(keys), 7_000_000_001 if is_buy else 1_000_000_007
    quote = raydium_cpmm.quote_out(loaded(stand, keys), wanted, is_buy=is_buy)
    sold, program_in = (WSOL, TOKEN) if is_buy else (mint, program)
    alice = address(stand.alice)
    refused = stand.send([cpmm.swap_output(keys, alice, sold, quote.amount_in - 1, wanted)], stand.alice)
    assert code_of(refused) == 6005
    had = held(stand, sold, program_in)
    landed = stand.send([cpmm.swap_output(keys, alice, sold, quote.amount_in, wanted)], stand.alice)
    assert landed.error is None, landed.logs
    assert had - held(stand, sold, program_in) == quote.amount_in


@settings(max_examples=25, deadline=None)
@given(
    amounts=st.lists(st.tuples(st.booleans(), st.integers(2_000, 40 * SOL)), min_size=1, max_size=6),
)
def test_any_walk_of_trades_stays_with_the_codec(amounts: list[tuple[bool, int]]) -> None:
    """Fee counters and reserves do not drift apart over many trades."""
    stand = WALKED
    keys = WALKED_KEYS
    for is_buy, amount in amounts:
        state = loaded(stand, keys)
        sold = WSOL if is_buy else base_of(keys)
        room = held(stand, sold, TOKEN) // 20
        paid = max(2_000, min(amount, room))
        quote = raydium_cpmm.quote_in(state, paid, is_buy=is_buy)
        ask = quote.amount_out
        landed = stand.send([cpmm.swap_input(keys, address(stand.alice), sold, paid, ask)], stand.alice)
        if ask == 0:
            assert code_of(landed) == 6006
        elif landed.error is not None:
            # The very same trade twice within a slot is the same transaction.
            raise AssertionError(landed.logs)
        stand.step()


WALKED = Stand()
WALKED_KEYS = WALKED.pool("walk")


def test_the_codecs_own_swap_runs_here() -> None:
    """The instructions the coordinator sends are accepted as they are, wrapping included."""
    stand = Stand()
    keys = stand.pool("codec")
    carol = stand.rich("carol")
    pool = loaded(stand, keys)
    quote = raydium_cpmm.quote_in(pool, SOL, is_buy=True)
    order = SwapOrder(user=address(carol), is_buy=True, amount_in=SOL, amount_out_min=quote.amount_out)
    landed = stand.send(list(raydium_cpmm.swap(pool, order)), carol)
    assert landed.error is None, landed.logs
    assert landed.units <= raydium_cpmm.compute_units(True)
    raw = stand.data(ata(address(carol), base_of(keys)))
    assert int.from_bytes(raw[64:72], "little") == quote.amount_out


@PROGRAMS
def test_liquidity_comes_and_goes_by_shares(program: Pubkey) -> None:
    """Deposits round up, withdrawals down; the rest after a rug is the locked hundred's."""
    stand = Stand()
    keys = stand.pool("rug", program=program)
    alice, lp = address(stand.alice), 0
    lp = held(stand, keys.lp_mint, TOKEN)
    supply = lp + 100
    grown = stand.send([cpmm.deposit(keys, alice, lp // 7, (10**18, 10**18))], stand.alice)
    assert grown.error is None, grown.logs
    changed = next(each for each in readings(grown) if isinstance(each, LiquidityChanged))
    assert changed.added
    assert changed.quote_amount == -(-50 * SOL * (lp // 7) // supply)
    gone = stand.send([cpmm.withdraw(keys, alice, held(stand, keys.lp_mint, TOKEN))], stand.alice)
    assert gone.error is None, gone.logs
    changed = next(each for each in readings(gone) if isinstance(each, LiquidityChanged))
    assert not changed.added
    assert held(stand, keys.lp_mint, TOKEN) == 0
    left = loaded(stand, keys)
    assert 0 < left.quote_reserve < 1_000
    assert "Program log: raydium_withdraw" in gone.logs


def test_a_pool_opens_in_the_next_second_and_not_before() -> None:
    """The program stores an open time of at least now + 1: an eager buyer is refused with 6000."""
    stand = Stand()
    keys = cpmm.pool_keys((stand.mint("soon"), TOKEN), (WSOL, TOKEN))
    stand.send([compute_limit(400_000), cpmm.initialize(keys, address(stand.alice), (10**10, 10**10))], stand.alice)
    trade = cpmm.swap_input(keys, address(stand.alice), WSOL, SOL, 0)
    assert code_of(stand.send([trade], stand.alice)) == 6000
    stand.step(ms=1_000)
    assert stand.send([trade], stand.alice).error is None


def test_a_pool_may_live_at_any_key_that_signs() -> None:
    """The derived address is usual and not required."""
    stand = Stand()
    key = wallet(0, "pool key")
    keys = cpmm.pool_keys((stand.mint("keyed"), TOKEN), (WSOL, TOKEN), address(key))
    made = cpmm.initialize(keys, address(stand.alice), (10**10, 10**10), pool_signs=True)
    landed = stand.send([compute_limit(400_000), made], stand.alice, key)
    assert landed.error is None, landed.logs
    assert readings(landed)


def test_lamports_sent_ahead_do_not_block_a_pool() -> None:
    """A griefer who funds the pool's address first changes nothing."""
    stand = Stand()
    keys = cpmm.pool_keys((stand.mint("grief"), TOKEN), (WSOL, TOKEN))
    for place, lamports in ((keys.pool, 1_000_000), (keys.vaults[0], 10**9), (keys.lp_mint, 1)):
        genesis.place(stand.svm, place, lamports, b"", Pubkey(bytes(32)))
    landed = stand.send(
        [compute_limit(400_000), cpmm.initialize(keys, address(stand.alice), (10**10, 10**10))], stand.alice
    )
    assert landed.error is None, landed.logs


Change = Callable[[list[AccountMeta], cpmm.PoolKeys, Stand], None]


def _swap_with(place: int, key: Callable[[cpmm.PoolKeys, Stand], Pubkey]) -> Change:
    def change(accounts: list[AccountMeta], keys: cpmm.PoolKeys, stand: Stand) -> None:
        accounts[place] = accounts[place]._replace(key=key(keys, stand))

    return change


def _mallory_account(keys: cpmm.PoolKeys, stand: Stand) -> Pubkey:
    mallory = stand.rich("mallory")
    place = ata(address(mallory), WSOL)
    stand.send([open_ata(address(mallory), address(mallory), WSOL, TOKEN, place)], mallory)
    return place


def _unsigned(accounts: list[AccountMeta], keys: cpmm.PoolKeys, stand: Stand) -> None:
    bob = address(stand.rich("bob"))
    accounts[0] = AccountMeta(bob)


def _swapped_vaults(accounts: list[AccountMeta], keys: cpmm.PoolKeys, stand: Stand) -> None:
    accounts[6], accounts[7] = accounts[7], accounts[6]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_unsigned, 3010),
        (_swap_with(1, lambda keys, stand: WSOL), 2006),
        (_swap_with(2, lambda keys, stand: keys.observation), 3002),
        (_swap_with(3, lambda keys, stand: cpmm.AMM_CONFIG), 3002),
        (_swap_with(3, lambda keys, stand: keys.vaults[0]), 3007),
        (_swap_with(4, lambda keys, stand: ata(address(stand.alice), base_of(keys))), 2014),
        (_swapped_vaults, 2012),
        (_swap_with(7, lambda keys, stand: keys.vaults[keys.side(WSOL)]), 6008),
        (_swap_with(6, _mallory_account), 2003),
        (_swap_with(8, lambda keys, stand: TOKEN_2022), 2012),
        (_swap_with(10, lambda keys, stand: base_of(keys)), 2012),
        (_swap_with(12, lambda keys, stand: keys.pool), 2012),
    ],
    ids=[
        "unsigned", "authority", "config", "pool layout", "pool owner", "token mint", "vaults turned",
        "one vault twice", "foreign vault", "token program", "mint", "observation",
    ],
)  # fmt: skip
def test_a_swap_with_one_wrong_account_is_refused_by_number(change: Change, code: int) -> None:
    """The numbers are Anchor's and the program's own; nothing moves."""
    stand = Stand()
    keys = stand.pool("wrong")
    good = cpmm.swap_input(keys, address(stand.alice), WSOL, SOL, 0)
    accounts = list(good.accounts)
    change(accounts, keys, stand)
    before = held(stand, WSOL, TOKEN)
    landed = stand.send([Instruction(good.program, tuple(accounts), good.data)], stand.alice)
    assert code_of(landed) == code, landed.logs
    assert held(stand, WSOL, TOKEN) == before


def test_the_limits_of_a_trade_bind_at_their_edge() -> None:
    """The quoted output passes, one unit more is 6005; nothing in is 2505; dust that buys nothing is 6006."""
    stand = Stand()
    keys = stand.pool("edge")
    alice = address(stand.alice)
    quote = raydium_cpmm.quote_in(loaded(stand, keys), SOL, is_buy=True)
    greedy = stand.send([cpmm.swap_input(keys, alice, WSOL, SOL, quote.amount_out + 1)], stand.alice)
    assert code_of(greedy) == 6005
    assert "Program log: AnchorError occurred. Error Code: ExceededSlippage. Error Number: 6005." in greedy.logs
    assert code_of(stand.send([cpmm.swap_input(keys, alice, WSOL, 0, 0)], stand.alice)) == 2505
    assert code_of(stand.send([cpmm.swap_input(keys, alice, base_of(keys), 2, 0)], stand.alice)) == 6006
    assert stand.send([cpmm.swap_input(keys, alice, WSOL, SOL, quote.amount_out)], stand.alice).error is None


@pytest.mark.parametrize("place", [2, 3, 6, 10, 11, 13])
def test_a_creation_with_a_wrong_derived_address_is_refused(place: int) -> None:
    """Authority, pool, LP mint, vaults and observation are re-derived: 2006."""
    stand = Stand()
    keys = cpmm.pool_keys((stand.mint("pda"), TOKEN), (WSOL, TOKEN))
    good = cpmm.initialize(keys, address(stand.alice), (10**10, 10**10))
    accounts = list(good.accounts)
    accounts[place] = accounts[place]._replace(key=Pubkey(bytes([place]) * 32))
    landed = stand.send([compute_limit(400_000), Instruction(good.program, tuple(accounts), good.data)], stand.alice)
    assert code_of(landed) == 2006


def test_a_creation_of_the_other_order_or_of_dust_is_refused() -> None:
    """Mints stand in the order of their keys, and 100 LP tokens are locked."""
    stand = Stand()
    mint = stand.mint("order")
    keys = cpmm.pool_keys((mint, TOKEN), (WSOL, TOKEN))
    turned = cpmm.PoolKeys(
        keys.pool, keys.mints[::-1], keys.programs[::-1], keys.vaults[::-1], keys.lp_mint, keys.observation
    )
    alice, limit = address(stand.alice), compute_limit(400_000)
    assert code_of(stand.send([limit, cpmm.initialize(turned, alice, (10**10, 10**10))], stand.alice)) == 2003
    assert code_of(stand.send([limit, cpmm.initialize(keys, alice, (9, 9))], stand.alice)) == 6009
    assert stand.send([limit, cpmm.initialize(keys, alice, (100, 101))], stand.alice).error is None
    assert code_of(stand.send([limit, cpmm.initialize(keys, alice, (100, 102))], stand.alice)) == 3000


@pytest.mark.parametrize(("data", "code"), [(b"", 101), (bytes(8), 101), (cpmm.SWAP_BASE_INPUT + bytes(15), 102)])
def test_instruction_data_that_is_none_is_refused(data: bytes, code: int) -> None:
    """Short and unknown data end with Anchor's numbers, not in a crash."""
    stand = Stand()
    keys = stand.pool("data")
    good = cpmm.swap_input(keys, address(stand.alice), WSOL, SOL, 0)
    assert code_of(stand.send([Instruction(good.program, good.accounts, data)], stand.alice)) == code


def test_too_few_accounts_are_refused() -> None:
    """A swap needs thirteen, a withdrawal fourteen, a creation twenty."""
    stand = Stand()
    keys = stand.pool("few")
    alice = address(stand.alice)
    whole = (
        cpmm.swap_input(keys, alice, WSOL, SOL, 0),
        cpmm.withdraw(keys, alice, 1),
        cpmm.initialize(keys, alice, (1, 1)),
    )
    for each in whole:
        short = Instruction(each.program, each.accounts[:-1], each.data)
        assert code_of(stand.send([short], stand.alice)) == 3005


def test_a_mint_with_a_transfer_fee_is_refused() -> None:
    """What the program would account wrongly it does not take: 6007."""
    stand = Stand()
    mint = stand.mint("fee", program=TOKEN_2022)
    plain = stand.data(mint)
    fee = plain.ljust(165, b"\0") + b"\1" + (1).to_bytes(2, "little") + (108).to_bytes(2, "little") + bytes(108)
    genesis.place(stand.svm, mint, 10**8, fee, TOKEN_2022)
    keys = cpmm.pool_keys((mint, TOKEN_2022), (WSOL, TOKEN))
    made = cpmm.initialize(keys, address(stand.alice), (10**10, 10**10))
    assert code_of(stand.send([compute_limit(400_000), made], stand.alice)) == 6007
