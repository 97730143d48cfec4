"""PumpSwap: what its invocations are read as, and what a pool is loaded, quoted and traded as.

Vectors here are made by hand from the layouts; test_pumpswap_golden.py holds the SDK's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import LaunchDisbelieved, LiquidityChanged, Pool, PoolCreated, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pumpswap
from sniperforge.dex.borsh import TAIL_MAX, encode_text
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, ata
from sniperforge.dex.pump_fees import AMM_SCHEDULE, Rates, to_numbers
from sniperforge.dex.pumpswap_instructions import CONSTANTS, CREATE_POOL, pool_authority_of, pool_of, table_of
from sniperforge.dex.pumpswap_layouts import BUY_EVENT, CREATE_EVENT, SELL_EVENT
from sniperforge.dex.venue import Context, EmptyPool, Incomplete, Reading, Step, SwapOrder

BLOCK = Path(__file__).parents[4] / "shared" / "mainnet" / "blocks" / "332254908.json"


def _key(name: str) -> Pubkey:
    return Pubkey(hashlib.sha256(name.encode()).digest())


COIN, USER, CREATOR, OTHER, SIGNER = _key("coin"), _key("user"), _key("creator"), _key("other"), _key("signer")
AUTHORITY = pool_authority_of(COIN)
CONTEXT = Context("sig", 9, 100, 200, "endpoint", SIGNER, True, False, False)


def _pool_address(base: Pubkey = COIN, quote: Pubkey = WSOL, creator: Pubkey = AUTHORITY, index: int = 0) -> Pubkey:
    return pool_of(index, creator, base, quote)


def _create_event(
    *,
    base: Pubkey = COIN,
    quote: Pubkey = WSOL,
    creator: Pubkey = AUTHORITY,
    program: Pubkey = TOKEN_2022,
    coin_creator: Pubkey = CREATOR,
    pool: Pubkey | None = None,
) -> bytes:
    body = struct.pack("<qH", 1, 0) + creator + base + quote + b"\x06\x09"
    body += struct.pack("<7QB", 500, 700, 206_900, 85_000, 100, 1, 2, 255)
    body += (pool or _pool_address(base, quote, creator)) + _key("lp")
    body += ata(creator, base, program) + ata(creator, quote, TOKEN if quote in (WSOL, USDC) else program)
    return CREATE_EVENT + body + coin_creator + b"\x01" + struct.pack("<Q??", 42, True, False)


def _trade_event(*, is_buy: bool, pool: Pubkey | None = None, virtual: int = -30, latest: bool = True) -> bytes:
    amounts = (100, 0, 0, 0, 1000, 2000, 222, 20, 4, 5, 1, 226 if is_buy else 218, 230 if is_buy else 215)
    body = struct.pack("<q13Q", 1, *amounts) + (pool or _pool_address()) + USER + OTHER * 4
    body += CREATOR + struct.pack("<QQ", 5, 3)
    if is_buy:
        body += b"\x01" + struct.pack("<3QqQ", 0, 0, 0, 0, 0) + encode_text("buy")
    body += struct.pack("<4Q", 0, 0, 5000, 1) + virtual.to_bytes(16, "little", signed=True)
    body += struct.pack("<?3Q", True, 10**15, 0, 0)
    return (BUY_EVENT if is_buy else SELL_EVENT) + (body if latest else body[: 312 - 8])


def _accounts(name: str, *, base: Pubkey = COIN, quote: Pubkey = WSOL) -> tuple[Pubkey, ...]:
    keys = pumpswap.keys_for(
        base_mint=base,
        quote_mint=quote,
        user=AUTHORITY,
        pool=_pool_address(base, quote),
        base_token_program=TOKEN_2022,
        quote_token_program=TOKEN,
        coin_creator=CREATOR,
        protocol_fee_recipient=OTHER,
        buyback_fee_recipient=OTHER,
    )
    return tuple(keys[row[0]] for row in table_of(name))


ARGUMENTS = struct.pack("<HQQ", 0, 500, 700) + CREATOR + b"\0\x01" + bytes(10)


def _only(readings: list[Reading]) -> Any:
    (reading,) = readings
    return reading


def _step(*events: bytes, accounts: tuple[Pubkey, ...] = (), data: bytes = b"") -> Step:
    return Step(pumpswap.PROGRAM, accounts=accounts, data=data, events=events)


# ── pools opened ──────────────────────────────────────────────────────────


def test_a_pool_is_read_from_its_event() -> None:
    """The token program is told by whose associated account the creator paid from."""
    created = _only(pumpswap.read(_step(_create_event()), CONTEXT))
    assert isinstance(created, PoolCreated)
    assert (created.creator, created.user, created.believed_by, created.index) == (CREATOR, SIGNER, "event", 0)
    assert (created.ts_ns, created.origin_ns, created.slot) == (200, 100, 9)
    assert created.pool == Pool(
        venue="pumpswap",
        address=_pool_address(),
        base_mint=COIN,
        quote_mint=WSOL,
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=206_900,
        quote_reserve=85_000,
        keys={"pool_creator": AUTHORITY, "coin_creator": CREATOR},
        numbers={
            "index": 0,
            "canonical": 1,
            "base_is_0": 1,
            "mayhem": 1,
            "holder_reward": 0,
            "coin_creator_fee_bps": 42,
            "supply": 10**15,
            "decimals": 6,
        },
        slot=9,
    )
    assert pumpswap.verify(created) == ""


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022])
def test_a_pool_with_sol_on_its_base_side_is_turned_round(program: Pubkey) -> None:
    """`base_mint` always is the coin."""
    event = _create_event(base=WSOL, quote=COIN, creator=USER, program=program, coin_creator=ZERO_KEY)
    data = Context("sig", 9, 100, 200, "endpoint", ZERO_KEY, True, False, False)
    created = _only(pumpswap.read(_step(event), data))
    pool = created.pool
    assert (pool.base_mint, pool.quote_mint, pool.base_program) == (COIN, WSOL, program)
    assert (pool.base_reserve, pool.quote_reserve) == (85_000, 206_900)
    assert (pool.numbers["base_is_0"], pool.numbers["canonical"], pool.numbers["decimals"]) == (0, 0, 9)
    assert (created.creator, created.user) == (USER, USER)
    assert pumpswap.verify(created) == ""


def test_a_wrong_address_is_named_with_both() -> None:
    """Index, creator and mints give the address; a claimed one is not trusted."""
    created = _only(pumpswap.read(_step(_create_event(pool=OTHER)), CONTEXT))
    assert pumpswap.verify(created) == f"pool: claimed {text(OTHER)}, derived {text(_pool_address())}"


def test_event_and_instruction_agree() -> None:
    """The instruction tells the token programs and whether it is a cashback coin."""
    step = _step(_create_event(), accounts=_accounts("create_pool"), data=CREATE_POOL + ARGUMENTS)
    created = _only(pumpswap.read(step, CONTEXT))
    assert created.believed_by == "event+instruction"
    assert (created.pool.base_program, created.pool.numbers["cashback"]) == (TOKEN_2022, 1)


def test_a_pool_without_its_event_is_read_from_the_instruction() -> None:
    """Where the log was cut."""
    created = _only(pumpswap.read(_step(accounts=_accounts("create_pool"), data=CREATE_POOL + ARGUMENTS), CONTEXT))
    assert (created.believed_by, created.pool.address) == ("instruction", _pool_address())
    assert (created.pool.base_reserve, created.pool.quote_reserve) == (500, 700)
    assert pumpswap.verify(created) == ""


@pytest.mark.parametrize("place", [0, 3, 4])
def test_an_instruction_that_names_another_pool_is_disbelieved(place: int) -> None:
    """Pool and mints of the event must be the instruction's."""
    accounts = list(_accounts("create_pool"))
    accounts[place] = OTHER
    step = _step(_create_event(), accounts=tuple(accounts), data=CREATE_POOL + ARGUMENTS)
    refused = _only(pumpswap.read(step, CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.venue) == ("instruction", "pumpswap")


@pytest.mark.parametrize(
    "step",
    [
        _step(_create_event()[:-3]),
        _step(_create_event() + bytes(TAIL_MAX + 1)),
        _step(_create_event(), accounts=_accounts("create_pool"), data=CREATE_POOL + b"\0"),
        _step(accounts=_accounts("create_pool"), data=CREATE_POOL + b"\0"),
    ],
)
def test_bytes_that_do_not_fit_are_disbelieved_by_name(step: Step) -> None:
    """Of the event and of the instruction alike."""
    refused = _only(pumpswap.read(step, CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert refused.reason == "layout"


@pytest.mark.parametrize(
    "step",
    [
        _step(_create_event(program=OTHER)),
        _step(accounts=(COIN,), data=CREATE_POOL + ARGUMENTS),
        Step(pumpswap.PROGRAM, logs=("Instruction: CreatePool",)),
    ],
)
def test_what_a_source_cannot_tell_is_fetched(step: Step) -> None:
    """An unknown token program, a short account list, or nothing but a cut log."""
    assert isinstance(_only(pumpswap.read(step, CONTEXT)), Incomplete)


def test_a_newer_layout_still_reads_and_says_so() -> None:
    """The bytes nobody understands are counted."""
    assert _only(pumpswap.read(_step(_create_event() + bytes(5)), CONTEXT)).pool.numbers["newer_layout"] == 5


def test_two_pools_are_numbered_and_strangers_ignored() -> None:
    """Unknown events are none of ours."""
    readings = pumpswap.read(_step(_create_event(), b"unknown!" + bytes(9), _create_event()), CONTEXT)
    assert [reading.index for reading in readings if isinstance(reading, PoolCreated)] == [0, 1]
    assert pumpswap.read(Step(pumpswap.PROGRAM, logs=("Instruction: Buy",)), CONTEXT) == []


# ── trades ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("is_buy", "moved", "base", "quote"), [(True, 230, 900, 2226 - 30), (False, 215, 1100, 1782 - 30)]
)
def test_a_trade_tells_the_reserves_after_it(is_buy: bool, moved: int, base: int, quote: int) -> None:
    """The lp fee stays; the virtual part counts; logs alone do not name the mint."""
    traded = _only(pumpswap.read(_step(_trade_event(is_buy=is_buy)), CONTEXT))
    assert isinstance(traded, Swapped)
    assert (traded.pool, traded.base_mint, traded.trader) == (_pool_address(), ZERO_KEY, USER)
    assert (traded.is_buy, traded.base_amount, traded.quote_amount) == (is_buy, 100, moved)
    assert (traded.base_reserve, traded.quote_reserve, traded.creator) == (base, quote, CREATOR)


def test_an_old_trade_still_reads() -> None:
    """312 bytes: no creator, no virtual reserves."""
    traded = _only(pumpswap.read(_step(_trade_event(is_buy=True, latest=False)), CONTEXT))
    assert (traded.quote_reserve, traded.creator) == (2226, ZERO_KEY)


def test_a_trade_with_its_instruction_names_the_coin() -> None:
    """And is turned round where the coin is on the quote side."""
    straight = _step(_trade_event(is_buy=True), accounts=_accounts("buy"), data=b"")
    assert _only(pumpswap.read(straight, CONTEXT)).base_mint == COIN
    event = _trade_event(is_buy=True, pool=_pool_address(WSOL, COIN))
    turned = _only(pumpswap.read(_step(event, accounts=_accounts("buy", base=WSOL, quote=COIN)), CONTEXT))
    assert (turned.base_mint, turned.is_buy, turned.base_amount, turned.quote_amount) == (COIN, False, 230, 100)
    assert (turned.base_reserve, turned.quote_reserve) == (2196, 900)


def test_a_trade_that_does_not_fit_its_layout_is_an_error() -> None:
    """Counted by the caller, never guessed at."""
    with pytest.raises(DecodeError):
        pumpswap.read(_step(_trade_event(is_buy=True)[:200]), CONTEXT)
    assert pumpswap.decode_event(b"whatever") is None
    decoded = pumpswap.decode_event(_trade_event(is_buy=False))
    assert decoded is not None
    assert (decoded[0], decoded[1].ints["base_amount_in"]) == ("SellEvent", 100)


@given(st.sampled_from((CREATE_EVENT, BUY_EVENT, SELL_EVENT)), st.binary(max_size=600))
def test_reading_raises_its_own_error_or_nothing(kind: bytes, body: bytes) -> None:
    """Whatever follows a discriminator."""
    try:
        pumpswap.read(_step(kind + body), CONTEXT)
    except DecodeError as problem:
        assert "\n" not in str(problem)


@given(st.binary(max_size=120), st.integers(0, 22))
def test_reading_any_instruction_raises_nothing(data: bytes, count: int) -> None:
    """A pool read from its instruction is read, refused or incomplete."""
    readings = pumpswap.read(_step(accounts=(COIN,) * count, data=CREATE_POOL + data), CONTEXT)
    assert isinstance(_only(readings), PoolCreated | LaunchDisbelieved | Incomplete)


def test_markers_are_the_discriminators_as_a_log_prints_them() -> None:
    """Whatever byte follows; and the trade's pool stands where the offset says."""
    prints = [pumpswap.VENUE.markers[0], *(marker for marker, _ in pumpswap.VENUE.trade_markers)]
    for marker, discriminator in zip(prints, (CREATE_EVENT, BUY_EVENT, SELL_EVENT), strict=True):
        for following in (b"\x00", b"\xff"):
            assert base64.b64encode(discriminator + following * 4).startswith(marker)
    for (_, offset), is_buy in zip(pumpswap.VENUE.trade_markers, (True, False), strict=True):
        assert _trade_event(is_buy=is_buy)[offset : offset + 32] == _pool_address()


# ── recorded trades ───────────────────────────────────────────────────────


def _recorded() -> list[bytes]:
    """Return PumpSwap's own event payloads of a recorded block, in order."""
    if not BLOCK.exists():
        pytest.skip("the recorded blocks of ../shared are absent")
    payloads: list[bytes] = []
    for transaction in json.loads(BLOCK.read_bytes())["transactions"]:
        running: list[str] = []
        for line in () if transaction["meta"]["err"] else transaction["meta"]["logMessages"] or ():
            words = line.split()
            if line.startswith("Program ") and words[2:3] == ["invoke"]:
                running.append(words[1])
            elif line.startswith("Program ") and words[2:] == ["success"]:
                running.pop()
            elif line.startswith("Program data: ") and running[-1] == text(pumpswap.PROGRAM):
                payloads.append(base64.b64decode(words[2]))
    return payloads


def test_every_recorded_trade_is_quoted_exactly_and_leads_to_the_next() -> None:
    """35 trades of one block: amounts, fees, and the reserves the next trade starts from."""
    known: dict[bytes, Pool] = {}
    counts: dict[str, int] = defaultdict(int)
    for payload in _recorded():
        decoded = pumpswap.decode_event(payload)
        if decoded is None:
            continue
        name, record = decoded
        ints, address = record.ints, record.keys["pool"]
        before = (ints["pool_base_token_reserves"], ints["pool_quote_token_reserves"])
        pool = known.get(address)
        if pool is not None:
            assert (pool.base_reserve, pool.quote_reserve) == before
            counts["followed"] += 1
        rates = {"lp_fee_bps": ints["lp_fee_basis_points"], "protocol_fee_bps": ints["protocol_fee_basis_points"]}
        pool = _pool(address=address, base=before[0], quote=before[1], numbers={**rates, "creator_fee_bps": 0})
        if name == "BuyEvent":
            quote = pumpswap.quote_out(pool, ints["base_amount_out"], is_buy=True)
            assert quote.amount_in == ints["user_quote_amount_in"]
        else:
            quote = pumpswap.quote_in(pool, ints["base_amount_in"], is_buy=False)
            assert quote.amount_out == ints["user_quote_amount_out"]
        traded = _only(pumpswap.read(_step(payload), CONTEXT))
        known[address] = pumpswap.apply(pool, traded)
        counts[name] += 1
    assert counts == {"BuyEvent": 19, "SellEvent": 16, "followed": 22}


# ── the pool ──────────────────────────────────────────────────────────────


def _pool(**changes: Any) -> Pool:
    turned = changes.pop("turned", False)
    numbers = {"canonical": 1, "base_is_0": int(not turned), "supply": 10**15, **changes.pop("numbers", {})}
    return Pool(
        venue="pumpswap",
        address=changes.pop("address", _pool_address()),
        base_mint=COIN,
        quote_mint=changes.pop("quote_mint", WSOL),
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=changes.pop("base", 206_900_000_000_000),
        quote_reserve=changes.pop("quote", 85_000_000_000),
        keys=changes.pop("keys", {"pool_creator": AUTHORITY, "coin_creator": CREATOR}),
        numbers=numbers,
    )


@pytest.mark.parametrize(
    ("pool", "rates"),
    [
        (_pool(), Rates(2, 93, 30)),
        (_pool(quote=87_000_000_000), Rates(20, 5, 95)),
        (_pool(numbers={"canonical": 0}), Rates(25, 5, 0)),
        (_pool(numbers={"coin_creator_fee_bps": 77}), Rates(2, 93, 77)),
        (_pool(keys={}), Rates(2, 93, 0)),
        (_pool(numbers=to_numbers(AMM_SCHEDULE._replace(tiers=((0, Rates(1, 2, 3)),)))), Rates(1, 2, 3)),
        (_pool(numbers={"lp_fee_bps": 7, "protocol_fee_bps": 8, "creator_fee_bps": 9}), Rates(7, 8, 9)),
    ],
)
def test_the_rates_of_a_pool(pool: Pool, rates: Rates) -> None:
    """By market cap for migrated coins, flat for others; the creator's only where there is one."""
    assert pumpswap.rates_of(pool) == rates


@pytest.mark.parametrize("turned", [False, True])
@given(data=st.data())
def test_quotes_agree_with_each_other_on_both_sides(turned: bool, data: st.DataObject) -> None:
    """Paying what an exact amount costs gives at least that amount; selling the least gives enough."""
    pool = _pool(turned=turned)
    is_buy = data.draw(st.booleans())
    held = pool.base_reserve if is_buy else pool.quote_reserve
    wanted = data.draw(st.integers(1, held // 3))
    quote = pumpswap.quote_out(pool, wanted, is_buy=is_buy)
    assert quote.amount_out >= wanted
    if is_buy == turned:
        # The program's own sell: exact in both directions, and one unit less is too little.
        assert pumpswap.quote_in(pool, quote.amount_in, is_buy=is_buy) == quote
        assert pumpswap.quote_in(pool, quote.amount_in - 1, is_buy=is_buy).amount_out < wanted
    else:
        # It keeps a unit back where the input is exact.
        again = pumpswap.quote_in(pool, quote.amount_in, is_buy=is_buy)
        in_side, out_side = (
            (pool.quote_reserve, pool.base_reserve) if is_buy else (pool.base_reserve, pool.quote_reserve)
        )
        assert wanted - 4 * (out_side // in_side + 1) <= again.amount_out
    assert quote.impact_bps >= 0 < quote.fee_amount


@pytest.mark.parametrize("pool", [_pool(base=0), _pool(quote=0), _pool(base=0, turned=True)])
def test_an_empty_pool_gives_no_quote(pool: Pool) -> None:
    """Neither side may be empty."""
    for quote in (pumpswap.quote_in, pumpswap.quote_out):
        with pytest.raises(EmptyPool):
            quote(pool, 1, is_buy=True)


def test_more_than_a_pool_holds_is_refused() -> None:
    """Of the coin, of the quote, and of a vault whose price is partly virtual."""
    with pytest.raises(EmptyPool):
        pumpswap.quote_out(_pool(), 206_900_000_000_000, is_buy=True)
    with pytest.raises(EmptyPool):
        pumpswap.quote_out(_pool(), 85_000_000_000, is_buy=False)
    with pytest.raises(EmptyPool):
        pumpswap.quote_in(_pool(numbers={"virtual_quote_reserves": 84_000_000_000}), 10**14, is_buy=False)
    assert pumpswap.quote_in(_pool(), 1, is_buy=True).amount_out == 0


def _swapped(**changes: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": "pumpswap",
        "pool": _pool_address(),
        "base_mint": COIN,
        "trader": USER,
        "is_buy": True,
        "base_amount": 1,
        "quote_amount": 2,
        "base_reserve": 3,
        "quote_reserve": 4,
        "slot": 7,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


def test_a_trade_moves_the_pool_and_follows_its_creator() -> None:
    """Seen in logs alone, a turned pool's trade is turned, too."""
    pool = pumpswap.apply(_pool(), _swapped(creator=OTHER))
    assert (pool.base_reserve, pool.quote_reserve, pool.slot, pool.keys["coin_creator"]) == (3, 4, 7, OTHER)
    turned = pumpswap.apply(_pool(turned=True), _swapped(base_mint=ZERO_KEY))
    assert (turned.base_reserve, turned.quote_reserve, turned.keys["coin_creator"]) == (4, 3, CREATOR)


@pytest.mark.parametrize("event", [_swapped(pool=OTHER, creator=OTHER), _swapped(base_reserve=-1)])
def test_what_is_not_about_this_pool_leaves_it(event: Any) -> None:
    """Another pool, or reserves nobody told."""
    pool = _pool()
    assert pumpswap.apply(pool, event) == pool


def test_liquidity_moves_the_pool() -> None:
    """Should a source tell it."""
    event = LiquidityChanged(
        venue="pumpswap",
        pool=_pool_address(),
        base_mint=COIN,
        added=True,
        base_amount=1,
        quote_amount=1,
        base_reserve=5,
        quote_reserve=6,
        slot=8,
        signature="s",
    )
    pool = pumpswap.apply(_pool(), event)
    assert (pool.base_reserve, pool.quote_reserve) == (5, 6)


# ── loading ───────────────────────────────────────────────────────────────


def _raw(
    *, base: Pubkey = COIN, quote: Pubkey = WSOL, program: Pubkey = TOKEN_2022, size: int = 300, virtual: int = 0
) -> dict[str, bytes]:
    address = _pool_address(base, quote)
    programs = {COIN: program, WSOL: TOKEN}
    vaults = [ata(address, mint, programs[mint]) for mint in (base, quote)]
    state = bytes.fromhex("f19a6d0411b16dbc") + b"\xff\0\0" + AUTHORITY + base + quote + _key("lp")
    state += vaults[0] + vaults[1] + bytes(8) + CREATOR + b"\x01\x01" + virtual.to_bytes(16, "little", signed=True)
    state += struct.pack("<Q??", 66, True, True)
    amounts = zip((base, quote), (1000, 2000), strict=True)
    first, second = ((mint + OTHER + struct.pack("<Q", amount)).ljust(165, b"\0") for mint, amount in amounts)
    return {
        "pool": state.ljust(300, b"\0")[:size],
        "pool_base_token_account": first,
        "pool_quote_token_account": second,
    }


@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022])
def test_a_pool_is_loaded_from_its_accounts(program: Pubkey) -> None:
    """Balances, the virtual part, and the token program told by the vault's address."""
    pool = pumpswap.load(_pool_address(), _raw(program=program, virtual=-500))
    assert (pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program) == (COIN, WSOL, program, TOKEN)
    assert (pool.base_reserve, pool.quote_reserve) == (1000, 1500)
    assert pool.keys["pool_base_token_account"] == ata(_pool_address(), COIN, program)
    assert pool.numbers == {
        "index": 0,
        "canonical": 1,
        "base_is_0": 1,
        "mayhem": 1,
        "cashback": 1,
        "holder_reward": 1,
        "virtual_quote_reserves": -500,
        "supply": 10**15,
        "coin_creator_fee_bps": 66,
    }


def test_a_turned_pool_is_loaded_turned() -> None:
    """The vaults keep the program's sides, the reserves are the coin's first."""
    pool = pumpswap.load(_pool_address(WSOL, COIN), _raw(base=WSOL, quote=COIN))
    assert (pool.base_mint, pool.base_reserve, pool.quote_reserve) == (COIN, 2000, 1000)
    assert (pool.base_program, pool.numbers["base_is_0"]) == (TOKEN_2022, 0)
    assert pool.keys["pool_base_token_account"] == ata(pool.address, WSOL)


def test_an_old_pool_has_no_creator() -> None:
    """211 bytes: everything later reads as zero."""
    pool = pumpswap.load(_pool_address(), _raw(size=211))
    assert (pool.keys["coin_creator"], pool.numbers["cashback"]) == (ZERO_KEY, 0)


def test_the_programs_own_schedule_needs_no_numbers() -> None:
    """A FeeConfig equal to the built-in one is not carried along."""
    body = bytes.fromhex("8f3492bbdb7b4c9b") + bytes(33) + struct.pack("<3Q", *AMM_SCHEDULE.flat)
    for tiers in (AMM_SCHEDULE.tiers, AMM_SCHEDULE.stable_tiers):
        body += struct.pack("<I", len(tiers))
        body += b"".join(cap.to_bytes(16, "little") + struct.pack("<3Q", *rates) for cap, rates in tiers)
    pool = pumpswap.load(_pool_address(), {**_raw(), "fee_config": body + bytes(24)})
    assert "fees.flat" not in pool.numbers


@pytest.mark.parametrize(("fee_config", "own"), [(False, 0), (True, 66)])
def test_the_rates_of_the_global_config_are_fixed_and_know_no_override(fee_config: bool, own: int) -> None:
    """Only beside a FeeConfig does the coin's own rate count; a foreign schedule travels with the pool."""
    raw = bytearray(949)
    raw[:8] = bytes.fromhex("95089ccaa0fcb0d9")
    struct.pack_into("<QQ", raw, 40, 25, 5)
    struct.pack_into("<Q", raw, 313, 6)
    raw[940] = 1
    mint = bytes(36) + struct.pack("<Q", 999) + b"\x06\x01" + bytes(36)
    accounts = {**_raw(), "global_config": bytes(raw), "base_mint": mint}
    if fee_config:
        accounts["fee_config"] = bytes.fromhex("8f3492bbdb7b4c9b") + bytes(33) + struct.pack("<3Q4x", 1, 2, 3)
    pool = pumpswap.load(_pool_address(), accounts)
    assert pool.numbers["supply"] == 999
    assert pool.numbers["coin_creator_fee_bps"] == own
    assert pumpswap.rates_of(pool) == (Rates(1, 2, 66) if fee_config else Rates(25, 5, 6))


@pytest.mark.parametrize(
    "change",
    [
        {"pool": bytes(300)},
        {"pool": _raw()["pool"][:210]},
        {"pool": _raw(program=OTHER)["pool"]},
        {"pool_base_token_account": _raw()["pool_quote_token_account"]},
        {"global_config": bytes(949)},
    ],
)
def test_a_wrong_account_is_refused(change: dict[str, bytes]) -> None:
    """Of another kind, cut, with foreign vaults, or of another mint."""
    with pytest.raises(DecodeError):
        pumpswap.load(_pool_address(), {**_raw(), **change})
    with pytest.raises(DecodeError):
        pumpswap.load(_pool_address(), {})


def test_the_accounts_a_load_wants() -> None:
    """The pool's own vaults, the coin's mint, and the program's settings."""
    needed = pumpswap.needs(_raw()["pool"])
    assert needed == {
        "pool_base_token_account": ata(_pool_address(), COIN, TOKEN_2022),
        "pool_quote_token_account": ata(_pool_address(), WSOL),
        "base_mint": COIN,
        "global_config": CONSTANTS["global_config"],
        "fee_config": CONSTANTS["fee_config"],
    }


# ── orders ────────────────────────────────────────────────────────────────


def _trade(pool: Pool, order: SwapOrder) -> tuple[bytes, bytes]:
    built = [one for one in pumpswap.swap(pool, order) if one.program == pumpswap.PROGRAM]
    assert len(built) == 1
    return built[0].data[:8], built[0].data[8:]


@pytest.mark.parametrize(
    ("turned", "is_buy", "exact_out", "name", "numbers"),
    [
        (False, True, False, "c62e1552b4d9e870", (5, 7)),
        (False, True, True, "66063d1201daebea", (7, 5)),
        (False, False, False, "33e685a4017f83ad", (5, 7)),
        (True, True, False, "33e685a4017f83ad", (5, 7)),
        (True, True, True, "33e685a4017f83ad", (5, 7)),
        (True, False, False, "c62e1552b4d9e870", (5, 7)),
    ],
)
def test_an_order_becomes_the_programs_own_trade(
    turned: bool, is_buy: bool, exact_out: bool, name: str, numbers: tuple[int, int]
) -> None:
    """Buying the coin of a turned pool is the program's sell."""
    order = SwapOrder(USER, is_buy, amount_in=5, amount_out_min=7, exact_out=exact_out)
    head, arguments = _trade(_pool(turned=turned), order)
    assert (head.hex(), struct.unpack("<QQ", arguments[:16])) == (name, numbers)
    assert arguments[16:] == (b"" if name.startswith("33") else b"\x01")


@pytest.mark.parametrize("turned", [False, True])
def test_sol_is_wrapped_for_a_buy_and_unwrapped_after_either(turned: bool) -> None:
    """The wallet holds lamports between trades."""
    pool = _pool(turned=turned)
    buy = pumpswap.swap(pool, SwapOrder(USER, is_buy=True, amount_in=5, amount_out_min=7))
    wsol, coin = ata(USER, WSOL), ata(USER, COIN, TOKEN_2022)
    assert buy[0].accounts[1].key == wsol
    assert coin in {one.accounts[1].key for one in buy if one.data == b"\x01"}
    assert (buy[-1].data, buy[-1].accounts[0].key) == (b"\x09", wsol)
    sell = pumpswap.swap(pool, SwapOrder(USER, is_buy=False, amount_in=5, amount_out_min=7, close_base_account=True))
    assert [one.accounts[0].key for one in sell[-2:]] == [wsol, coin]


@pytest.mark.parametrize(
    ("pool", "form"),
    [
        (_pool(), "2022/spl/wrap/straight/plain/creator"),
        (_pool(turned=True, keys={}), "2022/spl/wrap/flipped/plain/nobody"),
        (_pool(numbers={"cashback": 1}, quote_mint=USDC), "2022/spl/hold/straight/cashback/creator"),
    ],
)
def test_the_form_is_named(pool: Pool, form: str) -> None:
    """Whatever changes the account list is in the name."""
    assert pumpswap.variant(pool, SwapOrder(USER, True, 1, 1)) == form


def test_a_mayhem_pool_pays_a_reserved_recipient() -> None:
    """And any pool the one its keys name."""
    assert text(pumpswap.swap_keys(_pool(numbers={"mayhem": 1}), USER, True)["protocol_fee_recipient"]).startswith(
        "Gesf"
    )
    keys = pumpswap.swap_keys(_pool(keys={"coin_creator": CREATOR, "protocol_fee_recipient": OTHER}), USER, True)
    assert keys["protocol_fee_recipient"] == OTHER


def test_compute_units_cover_recorded_trades() -> None:
    """61,818 was the dearest of 35; accounts to open and later fees come on top."""
    assert pumpswap.compute_units(True) > pumpswap.compute_units(False) > 2 * 61_818
