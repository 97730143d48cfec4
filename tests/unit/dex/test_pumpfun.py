"""pump.fun as recorded frames know it, and how a curve is loaded and traded."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from typing import Any

import pytest
from solders.transaction import VersionedTransaction

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import PoolCreated
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pumpfun
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL
from sniperforge.dex.pumpfun_instructions import CONSTANTS, INSTRUCTIONS
from sniperforge.dex.pumpfun_layouts import COMPLETE_EVENT, CREATE_EVENT, MIGRATION_EVENT, TRADE_EVENT
from sniperforge.dex.venue import SwapOrder
from tests.unit.dex.pumpfun_vectors import (
    CONTEXT,
    CREATOR,
    CURVE,
    FRAMES,
    MINT,
    OTHER,
    USER,
    make_pool,
    make_step,
    trade_event,
)

# ── recorded frames ────────────────────────────────────────────────────────────


def _frames(name: str) -> list[Any]:
    path = FRAMES / name
    if not path.exists():
        pytest.skip("the recorded frames of ../shared are absent")
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def _listed(transaction: str) -> list[tuple[bytes, bytes, list[tuple[bytes, bool, bool]]]]:
    """Return program, data and (account, signer, writable) of every instruction."""
    message = VersionedTransaction.from_bytes(bytes.fromhex(transaction)).message
    header, names = message.header, [bytes(name) for name in message.account_keys]
    signers, writable = header.num_required_signatures, len(names) - header.num_readonly_unsigned_accounts
    roles = [(at < signers, at < writable) for at in range(len(names))]
    return [
        (names[one.program_id_index], bytes(one.data), [(names[at], *roles[at]) for at in one.accounts])
        for one in message.instructions
    ]


def test_recorded_launches_read_and_trade_as_the_recorded_bot_did() -> None:
    """400 of 400: every field of the launch, and every account and byte of the buy."""
    frames, oracle = _frames("create.jsonl.gz"), _frames("oracle_create.jsonl.gz")
    user = Pubkey(VersionedTransaction.from_bytes(bytes.fromhex(oracle[0]["tx"])).message.account_keys[0].__bytes__())
    for frame, told in zip(frames, oracle, strict=True):
        lines = frame["params"]["result"]["value"]["logs"]
        payloads = [base64.b64decode(line[14:]) for line in lines if line.startswith("Program data: ")]
        created = next(
            reading for reading in pumpfun.read(make_step(*payloads), CONTEXT) if isinstance(reading, PoolCreated)
        )
        pool = created.pool
        assert pumpfun.verify(created) == ""
        keys = pumpfun.swap_keys(pool, user, True)
        assert {
            "name": created.name,
            "symbol": created.symbol,
            "mint": text(pool.base_mint),
            "bonding_curve": text(pool.address),
            "user": text(created.user),
            "creator": text(created.creator),
            "creator_vault": text(keys["creator_vault"]),
            "abc": text(keys["associated_base_bonding_curve"]),
            "mayhem": bool(pool.numbers["mayhem"]),
            "cashback": bool(pool.numbers["cashback"]),
            "quote_mint": text(pool.quote_mint),
            "vqr": pool.quote_reserve,
        } == {name: value for name, value in told.items() if name not in ("sig", "tx")}
        built = pumpfun.swap_exact_out(pool, user, 14_000_000, 130_000)
        ours = [(one.program, one.data, [(meta.key, meta.writable) for meta in one.accounts]) for one in built]
        theirs = [
            (program, data, [(account, writes) for account, _, writes in listed])
            for program, data, listed in _listed(told["tx"])[2:]
        ]
        # A message knows one role per account: the payer is a writable signer everywhere.
        ours = [(p, d, [(k, w or k == user) for k, w in metas]) for p, d, metas in ours]
        assert ours == theirs


def test_markers_are_in_every_recorded_launch_and_in_no_trade() -> None:
    """The reject path is a scan for them."""
    markers = pumpfun.VENUE.markers
    for name, wanted in (("create.jsonl.gz", True), ("trade.jsonl.gz", False)):
        for frame in _frames(name):
            line = json.dumps(frame).encode()
            assert any(marker in line for marker in markers) is wanted


def test_markers_are_the_discriminators_as_a_log_prints_them() -> None:
    """Whatever byte follows the discriminator, its first ten characters stay."""
    for marker, discriminator in zip(
        (*pumpfun.VENUE.markers[:3], pumpfun.VENUE.trade_markers[0][0]),
        (CREATE_EVENT, COMPLETE_EVENT, MIGRATION_EVENT, TRADE_EVENT),
        strict=True,
    ):
        for following in (b"\x00", b"\xff"):
            assert base64.b64encode(discriminator + following * 4).startswith(marker)
    (_, offset), event = pumpfun.VENUE.trade_markers[0], trade_event(is_buy=True)
    assert event[offset : offset + 32] == MINT


# ── loading ────────────────────────────────────────────────────────────


def _account(*, creator: Pubkey = CREATOR, own_bps: int = 0, size: int = 151, virtual: int = 5) -> bytes:
    raw = bytes.fromhex("17b7f83760d8ac60") + struct.pack("<5Q", virtual, 6, 7, 8, 9) + b"\0" + creator
    return (raw + b"\x01\0" + ZERO_KEY + struct.pack("<Q??", own_bps, False, False)).ljust(151, b"\0")[:size]


KNOWN = {"base_mint": MINT, "base_program": TOKEN_2022}


def test_a_curve_is_loaded_from_its_account() -> None:
    """With the fees the chain charged lately when no other account is given."""
    pool = pumpfun.load(CURVE, {**KNOWN, "bonding_curve": _account()})
    assert (pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program) == (MINT, WSOL, TOKEN_2022, TOKEN)
    assert (pool.base_reserve, pool.quote_reserve, pool.keys) == (5, 6, {"creator": CREATOR})
    assert pool.numbers == {
        "quote_is_sol": 1,
        "mayhem": 1,
        "cashback": 0,
        "holder_reward": 0,
        "complete": 0,
        "decimals": 6,
        "real_base_reserve": 7,
        "real_quote_reserve": 8,
        "supply": 9,
        "coin_creator_fee_bps": 0,
        "protocol_fee_bps": 95,
        "creator_fee_bps": 30,
    }
    assert pumpfun.market_cap(pool) == 6 * 9 // 5


@pytest.mark.parametrize(
    ("creator", "own", "rate"), [(CREATOR, 0, 30), (CREATOR, 77, 77), (ZERO_KEY, 77, 0), (ZERO_KEY, 0, 0)]
)
def test_the_creators_rate_of_a_loaded_curve(creator: Pubkey, own: int, rate: int) -> None:
    """As the launch would have had it."""
    pool = pumpfun.load(CURVE, {**KNOWN, "bonding_curve": _account(creator=creator, own_bps=own)})
    assert pool.numbers["creator_fee_bps"] == rate


@pytest.mark.parametrize(("configurable", "rate"), [(False, 40), (True, 77)])
def test_the_rates_of_global_hold_where_no_fee_config_is_given(configurable: bool, rate: int) -> None:
    """And its switch says whether a coin's own rate counts."""
    raw = bytearray(1087)
    raw[:8] = bytes.fromhex("a7e8e8b1c86c727f")
    struct.pack_into("<Q", raw, 105, 50)
    struct.pack_into("<Q", raw, 154, 40)
    raw[1045] = configurable
    pool = pumpfun.load(CURVE, {**KNOWN, "bonding_curve": _account(own_bps=77), "global": bytes(raw)})
    assert (pool.numbers["protocol_fee_bps"], pool.numbers["creator_fee_bps"]) == (50, rate)


def test_old_curves_load() -> None:
    """49 bytes: no creator yet; an empty curve has no market cap and loads all the same."""
    assert pumpfun.load(CURVE, {**KNOWN, "bonding_curve": _account(size=49)}).keys == {"creator": ZERO_KEY}
    fees = bytes.fromhex("8f3492bbdb7b4c9b") + bytes(33) + struct.pack("<3Q", 1, 2, 3) + bytes(8 + 24)
    empty = pumpfun.load(CURVE, {**KNOWN, "bonding_curve": _account(virtual=0), "fee_config": fees})
    assert empty.numbers["protocol_fee_bps"] == 2


@pytest.mark.parametrize(
    "accounts",
    [
        KNOWN,
        {"bonding_curve": _account(), "base_mint": MINT},
        {**KNOWN, "bonding_curve": b"otherdisc" + bytes(100)},
        {**KNOWN, "bonding_curve": _account(size=48)},
        {**KNOWN, "bonding_curve": _account(), "base_mint": OTHER},
        {**KNOWN, "bonding_curve": _account(), "base_mint": b"short"},
        {**KNOWN, "bonding_curve": _account(), "global": bytes(2000)},
        {**KNOWN, "bonding_curve": _account(), "fee_config": bytes(2000)},
    ],
)
def test_a_wrong_account_is_refused(accounts: dict[str, bytes]) -> None:
    """Missing, of another kind, cut, or of another coin."""
    with pytest.raises(DecodeError):
        pumpfun.load(CURVE, accounts)


def test_the_accounts_a_load_likes_to_have() -> None:
    """The program's own settings, at their fixed addresses."""
    assert pumpfun.needs() == {"global": CONSTANTS["global"], "fee_config": CONSTANTS["fee_config"]}


# ── orders ────────────────────────────────────────────────────────────


def test_a_buy_opens_the_coins_account_and_spends_exactly() -> None:
    """By default the whole budget, for at least the least wanted."""
    opened, buy = pumpfun.swap(make_pool(), SwapOrder(USER, is_buy=True, amount_in=5, amount_out_min=7))
    keys = pumpfun.swap_keys(make_pool(), USER, True)
    assert opened.accounts[1].key == keys["associated_base_user"]
    assert buy.data == INSTRUCTIONS["buy_exact_sol_in"][0] + struct.pack("<QQ?", 5, 7, False)
    assert len(buy.accounts) == 18
    (alone,) = pumpfun.swap(make_pool(), SwapOrder(USER, True, 5, 7, open_base_account=False))
    assert alone == buy


def test_a_buy_with_another_quote_takes_the_longer_form() -> None:
    """The old instruction knows SOL only."""
    pool = make_pool(quote_mint=USDC)
    _, buy = pumpfun.swap(pool, SwapOrder(USER, is_buy=True, amount_in=5, amount_out_min=7))
    assert buy.data == INSTRUCTIONS["buy_exact_quote_in_v2"][0] + struct.pack("<QQ", 5, 7)
    assert len(buy.accounts) == 27


def test_an_exact_out_buy_names_its_most() -> None:
    """`buy_v2`: coins first, then the most to pay."""
    _, buy = pumpfun.swap_exact_out(make_pool(), USER, base_out=7, quote_max=5)
    assert buy.data == INSTRUCTIONS["buy_v2"][0] + struct.pack("<QQ", 7, 5)


def test_a_sell_may_close_the_account() -> None:
    """The rent comes home after a full exit."""
    order = SwapOrder(USER, is_buy=False, amount_in=5, amount_out_min=7, close_base_account=True)
    sell, closed = pumpfun.swap(make_pool(), order)
    assert sell.data == INSTRUCTIONS["sell_v2"][0] + struct.pack("<QQ", 5, 7)
    assert (closed.program, closed.accounts[0].key) == (TOKEN_2022, sell.accounts[14].key)


@pytest.mark.parametrize(("mayhem", "recipient"), [(0, "CebN5WGQ4jvE"), (1, "GesfTA3X2ari")])
def test_the_fee_recipient_follows_the_kind_of_coin(mayhem: int, recipient: str) -> None:
    """A mayhem coin wants one of the reserved recipients."""
    keys = pumpfun.swap_keys(make_pool(numbers={"mayhem": mayhem}), USER, True)
    assert text(keys["fee_recipient"]).startswith(recipient)
    chosen = pumpfun.swap_keys(make_pool(keys={"creator": CREATOR, "fee_recipient": OTHER}), USER, True)
    assert chosen["fee_recipient"] == OTHER


def test_the_form_depends_on_token_program_and_quote() -> None:
    """Equal variants mean equal forms, so unequal forms have unequal names."""
    order = SwapOrder(USER, True, 1, 1)
    assert pumpfun.variant(make_pool(), order) == "2022/sol"
    assert pumpfun.variant(make_pool(quote_mint=USDC), order) == f"2022/{text(USDC)}/{text(TOKEN)}"


@pytest.mark.parametrize(("is_buy", "units"), [(True, 180_000), (False, 150_000)])
def test_compute_units_cover_recorded_trades(is_buy: bool, units: int) -> None:
    """94,040 was the dearest buy recorded, 17,110 the opening of an account."""
    assert pumpfun.compute_units(is_buy) == units > 94_040 + 17_110


def test_unknown_events_are_told_apart_from_broken_ones() -> None:
    """None for what we do not know."""
    assert pumpfun.decode_event(b"whatever") is None
    decoded = pumpfun.decode_event(trade_event(is_buy=True))
    assert decoded is not None
    assert (decoded[0], decoded[1].ints["sol_amount"]) == ("TradeEvent", 1000)
