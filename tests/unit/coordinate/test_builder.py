"""A built message is the venue's swap behind a compute budget, whether patched or compiled."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Mapping
from pathlib import Path

import msgspec
import orjson
import pytest
from solders.message import Message
from solders.transaction import Transaction

from sniperforge.base.events import Pool
from sniperforge.base.keys import key
from sniperforge.base.units import Pubkey
from sniperforge.chain.keystore import from_seed
from sniperforge.coordinate.builder import READY_MAX, Builder, Terms, VenueUnknown
from sniperforge.dex import pumpfun, raydium_cpmm
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, ata, burn, close_account
from sniperforge.dex.venue import Instruction, SwapOrder
from sniperforge.trading.transaction import TransactionInvalid, compile_message
from tests.unit.coordinate.stand import make_pool, name_key

WALLET = from_seed(bytes(range(32))).public_key
TIP = name_key("tip account")
BLOCKHASH = b"\x07" * 32
CPMM = {"raydium_cpmm": raydium_cpmm.VENUE}
BUY = Terms(True, 10_000_000, 99, 100_000, 150_000, 0)
SELL = Terms(False, 500, 7, 100_000, 110_000, 0, closes_account=True)
ORACLE = Path(__file__).parents[4] / "shared" / "frames" / "oracle_create.jsonl.gz"


@pytest.mark.parametrize("terms", [BUY, SELL, BUY._replace(tip_lamports=5_000), BUY._replace(exact_out=True)])
def test_a_message_equals_the_slowly_compiled_one(terms: Terms) -> None:
    builder = Builder(WALLET, CPMM, tip_account=TIP)
    for number in range(3):
        pool = make_pool(number)
        wanted = compile_message(WALLET, builder.instructions(pool, terms), BLOCKHASH)
        assert builder.message(pool, terms, BLOCKHASH) == wanted
    assert builder.slow_count == 0


def test_a_pool_of_another_form_gets_a_shape_of_its_own() -> None:
    """Token-2022 coins, and pools whose keys coincide with fixed accounts, are right too."""
    builder = Builder(WALLET, CPMM)
    odd = make_pool(5, keys={**make_pool(5).keys, "observation_state": WSOL})
    twin = make_pool(7, keys={**make_pool(7).keys, "observation_state": TOKEN})
    for pool in (make_pool(4), make_pool(4, base_program=TOKEN_2022), odd, twin, odd, make_pool(6)):
        wanted = compile_message(WALLET, builder.instructions(pool, BUY), BLOCKHASH)
        assert builder.message(pool, BUY, BLOCKHASH) == wanted


def test_a_tip_is_the_last_instruction() -> None:
    builder = Builder(WALLET, CPMM, tip_account=TIP)
    last = builder.instructions(make_pool(), BUY._replace(tip_lamports=5_000))[-1]
    assert last.accounts[1].key == TIP
    assert int.from_bytes(last.data[4:], "little") == 5_000


def test_a_venue_that_takes_keys_from_the_pool_is_compiled_every_time() -> None:
    """Patching would freeze the first pool's key into every later order."""
    venue = raydium_cpmm.VENUE

    def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
        return venue.assemble({**keys, "base_vault": pool.keys["base_vault"]}, pool, order)

    builder = Builder(WALLET, {"raydium_cpmm": dataclasses.replace(venue, assemble=assemble)})
    for number in range(2):
        pool = make_pool(number)
        wanted = compile_message(WALLET, builder.instructions(pool, BUY), BLOCKHASH)
        assert builder.message(pool, BUY, BLOCKHASH) == wanted
    assert builder.slow_count == 2


def test_a_venue_that_computes_with_an_amount_is_compiled_every_time() -> None:
    venue = raydium_cpmm.VENUE

    def assemble(keys: Mapping[str, Pubkey], pool: Pool, order: SwapOrder) -> tuple[Instruction, ...]:
        return venue.assemble(keys, pool, dataclasses.replace(order, amount_in=order.amount_in // 2))

    builder = Builder(WALLET, {"raydium_cpmm": dataclasses.replace(venue, assemble=assemble)})
    wanted = compile_message(WALLET, builder.instructions(make_pool(), BUY), BLOCKHASH)
    assert builder.message(make_pool(), BUY, BLOCKHASH) == wanted
    assert builder.slow_count == 1


def test_shapes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.coordinate.builder.SHAPES_MAX", 1)
    builder = Builder(WALLET, CPMM)
    for units in (1, 2, 3):
        builder.message(make_pool(), BUY._replace(compute_units=units), BLOCKHASH)
    assert len(builder._shapes) == 1


def test_an_unknown_venue_is_refused_by_name() -> None:
    with pytest.raises(VenueUnknown, match="'nowhere' is unknown here; known: raydium_cpmm"):
        Builder(WALLET, CPMM).message(make_pool(venue="nowhere"), BUY, BLOCKHASH)


def test_the_wallets_own_accounts_are_named_without_the_wallet() -> None:
    owned = Builder(WALLET, CPMM).owned(make_pool(), is_buy=True)
    assert len(owned) == 2
    assert WALLET not in owned


def meaning(message: Message) -> list[object]:
    keys, header = message.account_keys, message.header
    signers = header.num_required_signatures

    def flags(index: int) -> tuple[object, bool, bool]:
        if index < signers:
            return keys[index], True, index < signers - header.num_readonly_signed_accounts
        return keys[index], False, index < len(keys) - header.num_readonly_unsigned_accounts

    return [
        (keys[i.program_id_index], bytes(i.data), [flags(a) for a in bytes(i.accounts)]) for i in message.instructions
    ]


def test_the_pumpfun_buy_equals_the_recorded_bot_instruction_by_instruction() -> None:
    """400 transactions another bot built for the same launches."""
    if not ORACLE.exists():
        pytest.skip(f"{ORACLE} is absent")
    builder = Builder(WALLET, {"pumpfun": pumpfun.VENUE})
    equal = 0
    with gzip.open(ORACLE) as lines:
        for line in lines:
            row = orjson.loads(line)
            wanted = Transaction.from_bytes(bytes.fromhex(row["tx"])).message
            budget = [bytes(i.data) for i in wanted.instructions[:2]]
            units, price = (int.from_bytes(data[1:], "little") for data in budget)
            terms = Terms(True, 130_000, 14_000_000, price, units, 0, exact_out=True)
            pool = pump_pool(row)
            equal += meaning(Message.from_bytes(bytes(builder.message(pool, terms, BLOCKHASH)))) == meaning(wanted)
    assert equal == 400
    assert builder.slow_count == 0


def pump_pool(row: dict[str, object]) -> Pool:
    pool = make_pool(
        venue="pumpfun",
        address=key(str(row["bonding_curve"])),
        base_mint=key(str(row["mint"])),
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        keys={"creator": key(str(row["creator"]))},
    )
    return msgspec.structs.replace(pool, numbers={"mayhem": int(bool(row["mayhem"]))})


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022])
def test_a_write_off_burns_and_closes_and_calls_no_venue(program: Pubkey) -> None:
    """Two instructions of the coin's own token program, and the rent comes to the wallet."""
    builder, pool = Builder(WALLET, CPMM, tip_account=TIP), make_pool(1, base_program=program)
    terms = SELL._replace(writes_off=True, amount_out_min=0, tip_lamports=3)
    burned, closed = builder.instructions(pool, terms)[2:-1]
    account = ata(WALLET, pool.base_mint, program)
    assert burned == burn(account, pool.base_mint, WALLET, program, 500)
    assert closed == close_account(account, WALLET, program)
    assert builder.instructions(pool, terms._replace(closes_account=False))[2:-1] == (burned,)
    assert builder.message(pool, terms, BLOCKHASH) == compile_message(
        WALLET, builder.instructions(pool, terms), BLOCKHASH
    )


def _coin(number: int, **changes: object) -> Pool:
    """A pump.fun coin of its own creator, its curve's and vault's addresses not derived yet."""
    pool = Pool(
        venue="pumpfun",
        address=name_key(f"curve {number}"),
        base_mint=name_key(f"coin {number}"),
        quote_mint=WSOL,
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=10**15,
        quote_reserve=30 * 10**9,
        keys={"creator": name_key(f"creator {number}")},
        numbers={"quote_is_sol": 1},
    )
    return msgspec.structs.replace(pool, **changes)


def test_the_short_way_to_a_message_is_the_compiled_one_for_every_kind_of_coin() -> None:
    """Mayhem, either token program, chosen recipients, odd keys, tips, and what the short way is not for."""
    builder = Builder(WALLET, {"pumpfun": pumpfun.VENUE}, tip_account=TIP)
    vaults = [{"creator_vault": odd} for odd in (name_key("vault"), WSOL, pumpfun.PROGRAM, name_key("coin 7"))]
    coins = [
        *map(_coin, range(3)),
        _coin(3, numbers={"quote_is_sol": 1, "mayhem": 1}),
        _coin(4, base_program=TOKEN),
        _coin(5, keys={"creator": TIP, "fee_recipient": name_key("one"), "buyback_fee_recipient": name_key("two")}),
        _coin(6, quote_mint=USDC),
        *(_coin(7, keys=keys) for keys in vaults),
        _coin(8),
    ]
    for terms in (BUY, BUY._replace(tip_lamports=5), BUY._replace(exact_out=True), SELL, BUY):
        for pool in coins:
            wanted = compile_message(WALLET, builder.instructions(pool, terms), BLOCKHASH)
            assert builder.message(pool, terms, BLOCKHASH) == wanted


def test_a_buy_for_sol_derives_its_coin_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a kind of coin is known, the long way is not taken any more."""
    asked: list[Pool] = []

    def swap_keys(pool: Pool, user: Pubkey, is_buy: bool) -> dict[str, Pubkey]:
        asked.append(pool)
        return pumpfun.swap_keys(pool, user, is_buy)

    builder = Builder(WALLET, {"pumpfun": dataclasses.replace(pumpfun.VENUE, swap_keys=swap_keys)})
    builder.message(_coin(1), BUY, BLOCKHASH)
    asked.clear()
    wanted = compile_message(WALLET, builder.instructions(_coin(2), BUY), BLOCKHASH)
    asked.clear()
    assert builder.message(_coin(2), BUY, BLOCKHASH) == wanted
    assert asked == []


@pytest.mark.parametrize("wrong", ["standing", "coin", "nothing"])
def test_a_short_way_that_leads_elsewhere_is_not_taken(wrong: str) -> None:
    """It is compared with the long way for the coin at hand and for a stranger before anything is built by it."""

    def coin_keys(pool: Pool, user: Pubkey) -> tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]] | None:
        known = pumpfun.coin_keys(pool, user)
        assert known is not None
        if wrong == "standing":
            return (pool.address,), known[1]
        if wrong == "coin":
            return known[0], (*known[1][:-1], name_key("another account"))
        return known if pool.base_mint == _coin(1).base_mint else None

    builder = Builder(WALLET, {"pumpfun": dataclasses.replace(pumpfun.VENUE, coin_keys=coin_keys)})
    pool = _coin(1)
    wanted = compile_message(WALLET, builder.instructions(pool, BUY), BLOCKHASH)
    assert builder.message(pool, BUY, BLOCKHASH) == wanted


def _counting(asked: list[Pool]) -> Builder:
    """A builder that writes down for which pools keys were derived."""

    def coin_keys(pool: Pool, user: Pubkey) -> tuple[tuple[Pubkey, ...], tuple[Pubkey, ...]] | None:
        asked.append(pool)
        return pumpfun.coin_keys(pool, user)

    venues = {"pumpfun": dataclasses.replace(pumpfun.VENUE, coin_keys=coin_keys), "raydium_cpmm": raydium_cpmm.VENUE}
    return Builder(WALLET, venues)


@pytest.mark.parametrize("traded_before", [False, True])
def test_a_prepared_coin_is_derived_before_its_order(traded_before: bool) -> None:
    asked: list[Pool] = []
    builder = _counting(asked)
    if traded_before:
        builder.message(_coin(1), BUY, BLOCKHASH)
    builder.message(_coin(2), BUY, BLOCKHASH)
    wanted = builder.message(_coin(3), BUY, BLOCKHASH)
    builder.prepare(_coin(3))
    asked.clear()
    # Its reserves may have moved since.
    assert builder.message(_coin(3, base_reserve=5), BUY, BLOCKHASH) == wanted
    assert asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"keys": {"creator": name_key("another")}},
        {"base_mint": name_key("another")},
        {"base_program": TOKEN},
        {"quote_program": TOKEN_2022},
        {"quote_mint": USDC},
        {"numbers": {"quote_is_sol": 1, "mayhem": 1}},
    ],
)
def test_what_was_prepared_is_not_used_for_a_coin_that_differs(changes: dict[str, object]) -> None:
    builder = Builder(WALLET, {"pumpfun": pumpfun.VENUE})
    builder.prepare(_coin(1))
    odd = _coin(1, **changes)
    wanted = compile_message(WALLET, builder.instructions(odd, BUY), BLOCKHASH)
    assert builder.message(odd, BUY, BLOCKHASH) == wanted


def test_of_the_prepared_the_oldest_are_forgotten() -> None:
    asked: list[Pool] = []
    builder = _counting(asked)
    builder.message(_coin(0), BUY, BLOCKHASH)
    for number in range(1, READY_MAX + 2):
        builder.prepare(_coin(number))
    asked.clear()
    for number in (2, READY_MAX + 1, 1):
        builder.message(_coin(number), BUY, BLOCKHASH)
    assert asked == [_coin(1)]


def test_a_pool_that_cannot_be_prepared_is_passed_over() -> None:
    asked: list[Pool] = []
    builder = _counting(asked)
    builder.message(_coin(1), BUY, BLOCKHASH)
    asked.clear()
    for pool in (make_pool(1), _coin(2, venue="unknown"), _coin(2, keys={"creator": b"short"}), _coin(2, address=b"")):
        builder.prepare(pool)
    assert asked == []
    usdc = _coin(3, quote_mint=USDC)
    builder.prepare(usdc)
    assert asked == [usdc]


def test_preparing_never_fails_for_what_the_last_order_was() -> None:
    """An order that fits no transaction is told so itself; the launch after it is not."""
    asked: list[Pool] = []
    builder = _counting(asked)
    builder.message(_coin(1), BUY, BLOCKHASH)
    with pytest.raises(TransactionInvalid):
        builder.message(_coin(1), BUY._replace(amount_in=1 << 64), BLOCKHASH)
    builder.prepare(_coin(2))
    assert asked[-1] == _coin(2)


def test_a_coin_with_a_key_that_is_a_program_is_no_mold_for_the_others() -> None:
    """The first of its kind may be odd; the next still gets the short way."""
    for program in (TOKEN_2022, name_key("an unknown program")):
        asked: list[Pool] = []
        builder = _counting(asked)
        odd = _coin(1, keys={"creator": TIP, "creator_vault": WSOL}, base_program=program)
        same = _coin(2, quote_program=program, base_program=program)
        for pool in (odd, same, odd, _coin(3, base_program=program, numbers={"mayhem": 1})):
            wanted = compile_message(WALLET, builder.instructions(pool, BUY), BLOCKHASH)
            assert builder.message(pool, BUY, BLOCKHASH) == wanted


def test_kinds_of_coins_beyond_the_bound_start_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sniperforge.coordinate.builder.SHAPES_MAX", 2)
    builder = Builder(WALLET, {"pumpfun": pumpfun.VENUE})
    for number in range(4):
        pool = _coin(number, keys={"creator": TIP, "fee_recipient": name_key(f"recipient {number}")})
        wanted = compile_message(WALLET, builder.instructions(pool, BUY), BLOCKHASH)
        assert builder.message(pool, BUY, BLOCKHASH) == wanted


def test_a_recipient_that_is_another_fixed_key_is_built_the_long_way() -> None:
    """Two keys of one row cannot both be melted into a template."""
    builder = Builder(WALLET, {"pumpfun": pumpfun.VENUE})
    for number in range(2):
        keys = {"creator": TIP, "fee_recipient": pumpfun.PROGRAM, "buyback_fee_recipient": pumpfun.PROGRAM}
        pool = _coin(number, keys=keys)
        wanted = compile_message(WALLET, builder.instructions(pool, BUY), BLOCKHASH)
        assert builder.message(pool, BUY, BLOCKHASH) == wanted
