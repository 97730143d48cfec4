"""pump.fun: what its invocations are read as, and what a curve is loaded, quoted and traded as.

Vectors here are made by hand from the layouts; test_pumpfun_golden.py holds the SDK's.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.transaction import VersionedTransaction

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import CurveCompleted, LaunchDisbelieved, Pool, PoolCreated, PoolMigrated, Swapped
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey, slippage_max
from sniperforge.dex import pumpfun
from sniperforge.dex.borsh import TAIL_MAX, encode_text
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, pda
from sniperforge.dex.pumpfun_instructions import CONSTANTS, INSTRUCTIONS
from sniperforge.dex.pumpfun_layouts import COMPLETE_EVENT, CREATE_EVENT, MIGRATION_EVENT, TRADE_EVENT
from sniperforge.dex.venue import Context, EmptyPool, Incomplete, Reading, Step, SwapOrder

FRAMES = Path(__file__).parents[4] / "shared" / "frames"
SLOT = 435_946_190
CONTEXT = Context("sig", SLOT, 100, 200, "endpoint", ZERO_KEY, True, False, False)


def _key(name: str) -> Pubkey:
    return Pubkey(hashlib.sha256(name.encode()).digest())


MINT, USER, CREATOR, OTHER = _key("mint"), _key("user"), _key("creator"), _key("other")
CURVE = pda(pumpfun.PROGRAM, b"bonding-curve", MINT)
POOL = pumpfun.keys_for(base_mint=MINT, quote_mint=WSOL)["pool"]


def _create_event(
    *,
    quote_mint: Pubkey = ZERO_KEY,
    quote: int = 30_000_000_000,
    creator: Pubkey = CREATOR,
    own_bps: int = 0,
    name: bytes = b"Coin",
    curve: Pubkey = CURVE,
) -> bytes:
    head = struct.pack("<I", len(name)) + name + encode_text("COIN") + encode_text("https://x")
    sol = 0 if quote_mint == USDC else quote
    body = MINT + curve + USER + creator + struct.pack("<qQQQQ", 1, 10**15, sol, 7 * 10**14, 10**15)
    body += TOKEN_2022 + b"\x00\x01" + quote_mint + struct.pack("<QQ?", quote, own_bps, True)
    return CREATE_EVENT + head + body


def _trade_event(*, is_buy: bool, quote_mint: Pubkey = ZERO_KEY, cashback: int = 0) -> bytes:
    paid_in_sol = quote_mint == ZERO_KEY
    body = MINT + struct.pack("<QQ?", 1000 if paid_in_sol else 0, 500, is_buy) + USER + struct.pack("<q", 1)
    body += struct.pack("<QQQQ", 31_000 if paid_in_sol else 0, 900_000, 1000, 600_000)
    body += OTHER + struct.pack("<QQ", 95, 10) + CREATOR + struct.pack("<QQ", 30, 3) + bytes(33)
    body += encode_text("buy") + b"\0" + struct.pack("<4Q", 30, cashback, 5000, 5) + bytes(4)
    return TRADE_EVENT + body + quote_mint + struct.pack("<3Q", 2000, 41_000, 1000) + bytes(16)


def _step(*events: bytes, name: str = "", accounts: tuple[Pubkey, ...] = (), data: bytes = b"") -> Step:
    head = INSTRUCTIONS[name][0] if name else b""
    return Step(pumpfun.PROGRAM, accounts=accounts, data=head + data, events=events)


def _accounts(name: str, **known: Pubkey) -> tuple[Pubkey, ...]:
    keys = pumpfun.keys_for(
        base_mint=MINT,
        user=USER,
        creator=CREATOR,
        base_token_program=TOKEN_2022 if name.startswith("create_v2") else TOKEN,
        quote_mint=known.get("quote_mint", WSOL),
        quote_token_program=TOKEN,
    )
    keys.update(known)
    return tuple(keys[row[0]] for row in INSTRUCTIONS[name][1])


def _only(readings: list[Reading]) -> Any:
    (reading,) = readings
    return reading


# ── launches ──────────────────────────────────────────────────────────────


def test_a_launch_is_read_from_its_event() -> None:
    """Every field a bot judges by, and the stamps of the frame."""
    created = _only(pumpfun.read(_step(_create_event()), CONTEXT))
    assert isinstance(created, PoolCreated)
    assert (created.ts_ns, created.origin_ns, created.slot, created.signature) == (200, 100, SLOT, "sig")
    assert (created.name, created.symbol, created.uri) == ("Coin", "COIN", "https://x")
    assert (created.creator, created.user, created.index, created.believed_by) == (CREATOR, USER, 0, "event")
    assert created.pool == Pool(
        venue="pumpfun",
        address=CURVE,
        base_mint=MINT,
        quote_mint=WSOL,
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=10**15,
        quote_reserve=30_000_000_000,
        keys={"creator": CREATOR},
        numbers={
            "quote_is_sol": 1,
            "mayhem": 0,
            "cashback": 1,
            "holder_reward": 1,
            "decimals": 6,
            "real_base_reserve": 7 * 10**14,
            "real_quote_reserve": 0,
            "supply": 10**15,
            "protocol_fee_bps": 95,
            "creator_fee_bps": 30,
            "coin_creator_fee_bps": 0,
        },
        slot=SLOT,
    )
    assert pumpfun.verify(created) == ""


def test_several_launches_in_one_invocation_are_numbered() -> None:
    """Two creations are two events."""
    readings = pumpfun.read(_step(_create_event(), _create_event()), CONTEXT)
    assert [reading.index for reading in readings if isinstance(reading, PoolCreated)] == [0, 1]


def test_a_wrong_curve_is_named_with_both_addresses() -> None:
    """The address is re-derived from the mint, never trusted."""
    created = _only(pumpfun.read(_step(_create_event(curve=OTHER)), CONTEXT))
    assert pumpfun.verify(created) == f"bonding_curve: claimed {text(OTHER)}, derived {text(CURVE)}"


def test_a_launch_paid_in_usdc() -> None:
    """Its SOL fields are zero; the reserves are in the quote's own."""
    event = _create_event(quote_mint=USDC, quote=4_292_000_000)
    pool = _only(pumpfun.read(_step(event), CONTEXT)).pool
    assert (pool.quote_mint, pool.quote_reserve, pool.numbers["quote_is_sol"]) == (USDC, 4_292_000_000, 0)


@pytest.mark.parametrize(("creator", "own", "rate"), [(CREATOR, 120, 120), (ZERO_KEY, 0, 0), (CREATOR, 0, 30)])
def test_the_creators_rate(creator: Pubkey, own: int, rate: int) -> None:
    """The coin's own rate, none without a creator, else the usual one."""
    created = _only(pumpfun.read(_step(_create_event(creator=creator, own_bps=own)), CONTEXT))
    assert created.pool.numbers["creator_fee_bps"] == rate
    assert created.creator == (CREATOR if creator == CREATOR else USER)


@pytest.mark.parametrize("size", [0, 32, 72])
def test_old_events_launch_with_the_usual_reserves(size: int) -> None:
    """2024's event ended after the user; what it lacks is assumed and said so."""
    event = _create_event()
    end = event.index(USER) + 32
    created = _only(pumpfun.read(_step(event[: end + size]), CONTEXT))
    assert created.pool.base_program == TOKEN
    if size < 72:
        assert created.pool.numbers["reserves_assumed"] == 1
        assert (created.pool.base_reserve, created.pool.quote_reserve) == (1_073_000_000_000_000, 30_000_000_000)
    assert created.creator == (USER if size == 0 else CREATOR)


def test_a_newer_layout_still_launches_and_says_so() -> None:
    """A bot must not go blind on the day a field is appended."""
    created = _only(pumpfun.read(_step(_create_event() + bytes(9)), CONTEXT))
    assert created.pool.numbers["newer_layout"] == 9


@pytest.mark.parametrize("event", [_create_event()[:-3], _create_event() + bytes(TAIL_MAX + 1), CREATE_EVENT])
def test_an_event_that_does_not_fit_is_disbelieved_by_name(event: bytes) -> None:
    """Half a field, or far too many bytes, is not a launch."""
    refused = _only(pumpfun.read(_step(event), CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert (refused.reason, refused.venue, refused.source) == ("layout", "pumpfun", "endpoint")


def test_a_broken_name_is_still_a_launch() -> None:
    """Names are untrusted text."""
    assert _only(pumpfun.read(_step(_create_event(name=b"\xff\xfe")), CONTEXT)).name == "\ufffd\ufffd"


@pytest.mark.parametrize("count", [16, 19, 20])
def test_event_and_instruction_agree(count: int) -> None:
    """All three account lists of create_v2; the longer ones name the quote's program."""
    accounts = _accounts("create_v2+quote", quote_token_program=TOKEN_2022)[:count]
    data = encode_text("n") + encode_text("s") + encode_text("u") + CREATOR
    created = _only(pumpfun.read(_step(_create_event(), name="create_v2", accounts=accounts, data=data), CONTEXT))
    assert created.believed_by == "event+instruction"
    assert created.pool.quote_program == (TOKEN if count == 16 else TOKEN_2022)


@pytest.mark.parametrize("place", [0, 2])
def test_an_instruction_that_names_another_coin_is_disbelieved(place: int) -> None:
    """Mint and curve of the event must be the instruction's."""
    accounts = list(_accounts("create_v2"))
    accounts[place] = OTHER
    refused = _only(pumpfun.read(_step(_create_event(), name="create_v2", accounts=tuple(accounts)), CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)
    assert refused.reason == "instruction"


ARGUMENTS = encode_text("Coin") + encode_text("COIN") + encode_text("https://x") + CREATOR


@pytest.mark.parametrize(
    ("name", "data", "mayhem"),
    [("create", ARGUMENTS, 0), ("create_v2", ARGUMENTS, 0), ("create_v2", ARGUMENTS + b"\x01\0" + bytes(9), 1)],
)
def test_a_launch_without_its_event_is_read_from_the_instruction(name: str, data: bytes, mayhem: int) -> None:
    """Where the log was cut; trailing arguments may be missing."""
    created = _only(pumpfun.read(_step(name=name, accounts=_accounts(name), data=data), CONTEXT))
    assert (created.believed_by, created.user, created.creator) == ("instruction", USER, CREATOR)
    assert (created.pool.address, created.pool.base_mint) == (CURVE, MINT)
    assert created.pool.base_program == (TOKEN_2022 if name == "create_v2" else TOKEN)
    assert (created.pool.numbers["mayhem"], created.pool.numbers["reserves_assumed"]) == (mayhem, 1)
    assert pumpfun.verify(created) == ""


@pytest.mark.parametrize(("quote", "reserve"), [(WSOL, 30_000_000_000), (USDC, 4_292_000_000)])
def test_the_quote_of_a_launch_read_from_its_instruction(quote: Pubkey, reserve: int) -> None:
    """Global's first reserves are known for SOL and USDC."""
    step = _step(name="create_v2", accounts=_accounts("create_v2+quote", quote_mint=quote), data=ARGUMENTS)
    pool = _only(pumpfun.read(step, CONTEXT)).pool
    assert (pool.quote_mint, pool.quote_reserve) == (quote, reserve)


def test_what_an_instruction_cannot_tell_is_fetched() -> None:
    """An unknown quote's first reserves, a short account list, or nothing but a cut log."""
    strange = _step(name="create_v2", accounts=_accounts("create_v2+quote", quote_mint=OTHER), data=ARGUMENTS)
    short = _step(name="create", accounts=(MINT,), data=ARGUMENTS)
    cut = Step(pumpfun.PROGRAM, logs=("Instruction: CreateV2",))
    for step in (strange, short, cut):
        assert isinstance(_only(pumpfun.read(step, CONTEXT)), Incomplete)


def test_an_instruction_that_does_not_decode_is_disbelieved() -> None:
    """Its arguments are bytes from outside, too."""
    refused = _only(pumpfun.read(_step(name="create", accounts=_accounts("create"), data=b"\x01"), CONTEXT))
    assert isinstance(refused, LaunchDisbelieved)


def test_a_token_account_being_created_is_no_launch() -> None:
    """Other programs print "Create", and pump.fun prints much else."""
    assert pumpfun.read(Step(pumpfun.PROGRAM, logs=("Instruction: CreateIdempotent", "Create")), CONTEXT) == []
    assert pumpfun.read(_step(b"unknown!" + bytes(20)), CONTEXT) == []


# ── trades and the curve's end ────────────────────────────────────────────


@pytest.mark.parametrize(("is_buy", "cashback", "moved"), [(True, 0, 1013), (False, 0, 987), (True, 4, 1017)])
def test_a_trade_tells_what_the_trader_moved_and_what_is_left(is_buy: bool, cashback: int, moved: int) -> None:
    """Fees on top for a buyer, off for a seller; cashback is paid like a fee."""
    traded = _only(pumpfun.read(_step(_trade_event(is_buy=is_buy, cashback=cashback)), CONTEXT))
    assert isinstance(traded, Swapped)
    assert (traded.pool, traded.base_mint, traded.trader, traded.is_buy) == (CURVE, MINT, USER, is_buy)
    assert (traded.base_amount, traded.quote_amount) == (500, moved)
    assert (traded.base_reserve, traded.quote_reserve, traded.creator) == (900_000, 31_000, CREATOR)


def test_a_trade_in_usdc_uses_the_quote_fields() -> None:
    """The SOL fields of such a coin are zero."""
    traded = _only(pumpfun.read(_step(_trade_event(is_buy=True, quote_mint=USDC)), CONTEXT))
    assert (traded.quote_amount, traded.quote_reserve) == (2013, 41_000)


@pytest.mark.parametrize(
    ("size", "moved", "creator"), [(113, 1000, ZERO_KEY), (129, 1000, ZERO_KEY), (225, 1013, CREATOR)]
)
def test_old_trades_still_read(size: int, moved: int, creator: Pubkey) -> None:
    """Layouts of 2024, of 2025-04 and of 2025-05; the older told no fees."""
    traded = _only(pumpfun.read(_step(_trade_event(is_buy=True)[:size]), CONTEXT))
    assert (traded.quote_amount, traded.base_reserve, traded.creator) == (moved, 900_000, creator)


def test_a_trade_whose_event_is_missing_is_not_invented() -> None:
    """What an instruction asked for is not what happened."""
    step = _step(name="buy_v2", accounts=_accounts("buy_v2", fee_recipient=OTHER, buyback_fee_recipient=OTHER))
    assert pumpfun.read(step, CONTEXT) == []


def test_a_trade_that_does_not_fit_its_layout_is_an_error() -> None:
    """Counted by the caller, never guessed at."""
    with pytest.raises(DecodeError):
        pumpfun.read(_step(_trade_event(is_buy=True)[:130]), CONTEXT)


def test_completion_and_migration() -> None:
    """The curve is told sold out, and where the coin went."""
    complete = COMPLETE_EVENT + USER + MINT + CURVE + struct.pack("<q", 1)
    migration = MIGRATION_EVENT + USER + MINT + struct.pack("<3Q", 1, 2, 3) + CURVE + struct.pack("<q", 1) + POOL
    completed, migrated = pumpfun.read(_step(complete, migration), CONTEXT)
    assert isinstance(completed, CurveCompleted)
    assert (completed.pool, completed.base_mint, completed.index) == (CURVE, MINT, 0)
    assert isinstance(migrated, PoolMigrated)
    assert (migrated.pool, migrated.new_venue, migrated.new_pool, migrated.index) == (CURVE, "pumpswap", POOL, 1)


@given(st.sampled_from((CREATE_EVENT, TRADE_EVENT, COMPLETE_EVENT, MIGRATION_EVENT)), st.binary(max_size=500))
def test_reading_raises_its_own_error_or_nothing(kind: bytes, body: bytes) -> None:
    """Whatever follows a discriminator."""
    try:
        pumpfun.read(_step(kind + body), CONTEXT)
    except DecodeError as problem:
        assert "\n" not in str(problem)


@given(st.sampled_from(("create", "create_v2")), st.binary(max_size=300), st.integers(0, 24))
def test_reading_any_instruction_raises_nothing(name: str, data: bytes, count: int) -> None:
    """A launch read from its instruction is read, refused or incomplete."""
    readings = pumpfun.read(_step(name=name, accounts=(MINT,) * count, data=data), CONTEXT)
    assert isinstance(_only(readings), PoolCreated | LaunchDisbelieved | Incomplete)


# ── recorded frames ───────────────────────────────────────────────────────


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
            reading for reading in pumpfun.read(_step(*payloads), CONTEXT) if isinstance(reading, PoolCreated)
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
    (_, offset), event = pumpfun.VENUE.trade_markers[0], _trade_event(is_buy=True)
    assert event[offset : offset + 32] == MINT


# ── the curve ─────────────────────────────────────────────────────────────


def _pool(**changes: Any) -> Pool:
    numbers = {"real_base_reserve": 793_100_000_000_000, "supply": 10**15, **changes.pop("numbers", {})}
    return Pool(
        venue="pumpfun",
        address=CURVE,
        base_mint=MINT,
        quote_mint=changes.pop("quote_mint", WSOL),
        base_program=TOKEN_2022,
        quote_program=TOKEN,
        base_reserve=changes.pop("base", 1_073_000_000_000_000),
        quote_reserve=changes.pop("quote", 30_000_000_000),
        keys=changes.pop("keys", {"creator": CREATOR}),
        numbers=numbers,
        slot=changes.pop("slot", 0),
    )


def test_a_buy_as_the_chain_executed_it() -> None:
    """The launch buy of slot 435946190: 3,520,371,073,923 for 98,750,018 and its fees."""
    quote = pumpfun.quote_out(_pool(), 3_520_371_073_923, is_buy=True)
    assert (quote.amount_in, quote.fee_amount) == (98_750_018 + 938_126 + 296_251, 938_126 + 296_251)


@pytest.mark.parametrize(
    ("is_buy", "base", "quote", "tokens", "sol"),
    [
        (True, 815_861_183_296_812, 39_455_241_547, 0, 0),
        (False, 815_659_304_435_278, 39_465_006_873, 201_878_861_534, 9_765_326),
    ],
)
def test_a_sale_as_the_chain_executed_it(is_buy: bool, base: int, quote: int, tokens: int, sol: int) -> None:
    """A sale of slot 332254908, before fees; and nothing for nothing."""
    quoted = pumpfun.quote_in(_pool(base=base, quote=quote), tokens, is_buy=is_buy)
    assert quoted.amount_out + (0 if is_buy else quoted.fee_amount) == sol


def test_the_end_of_a_curve_is_bought_for_what_it_costs() -> None:
    """A buy larger than the rest pays only for the rest; asking for more is refused."""
    pool = _pool(numbers={"real_base_reserve": 1_000_000})
    rest = pumpfun.quote_in(pool, 10**12, is_buy=True)
    assert (rest.amount_out, rest.amount_in) == (1_000_000, pumpfun.quote_out(pool, 1_000_000, is_buy=True).amount_in)
    with pytest.raises(EmptyPool):
        pumpfun.quote_out(pool, 1_000_001, is_buy=True)
    with pytest.raises(EmptyPool):
        pumpfun.quote_out(_pool(), 30_000_000_000, is_buy=False)


@pytest.mark.parametrize("pool", [_pool(numbers={"complete": 1}), _pool(base=0), _pool(quote=0)])
def test_a_curve_that_does_not_trade_gives_no_quote(pool: Pool) -> None:
    """Complete, or empty on one side."""
    for quote in (pumpfun.quote_in, pumpfun.quote_out):
        with pytest.raises(EmptyPool):
            quote(pool, 1, is_buy=True)
    with pytest.raises(EmptyPool):
        pumpfun.base_for_budget(pool, 1)


def test_fees_that_leave_nothing_are_refused() -> None:
    """100 % of fees cannot be inverted."""
    with pytest.raises(EmptyPool):
        pumpfun.quote_out(_pool(numbers={"protocol_fee_bps": 9000, "creator_fee_bps": 1000}), 1, is_buy=False)


SOL_AMOUNTS = st.integers(1, 200_000_000_000)
CURVES = st.builds(
    lambda sold: _pool(
        base=1_073_000_000_000_000 - sold, quote=30_000_000_000 * 1_073 * 10**12 // (1_073 * 10**12 - sold)
    ),
    st.integers(0, 793_000_000_000_000),
)


@given(CURVES, SOL_AMOUNTS)
def test_a_buy_never_shrinks_the_product_and_never_overspends(pool: Pool, amount: int) -> None:
    """What arrives, bought exactly, costs no more than what was paid (but for the unit the program keeps)."""
    quote = pumpfun.quote_in(pool, amount, is_buy=True)
    net = quote.amount_in - quote.fee_amount
    assert (pool.base_reserve - quote.amount_out) * (pool.quote_reserve + net) >= pool.base_reserve * pool.quote_reserve
    assert quote.amount_in <= amount
    if quote.amount_out:
        assert pumpfun.quote_out(pool, quote.amount_out, is_buy=True).amount_in <= quote.amount_in
    assert quote.impact_bps >= 0


@given(CURVES, SOL_AMOUNTS)
def test_the_budget_form_fits_the_budget(pool: Pool, budget: int) -> None:
    """Exactly what `buy_v2` may ask for within it, slippage aside."""
    tokens = pumpfun.base_for_budget(pool, budget)
    assert pumpfun.quote_out(pool, tokens, is_buy=True).amount_in <= slippage_max(budget, 0) + 2


@given(CURVES, st.integers(1, 20_000_000_000))
def test_the_least_sale_for_an_amount_is_the_least(pool: Pool, wanted: int) -> None:
    """One unit less sold gives less than asked."""
    quote = pumpfun.quote_out(pool, wanted, is_buy=False)
    assert quote.amount_out >= wanted
    assert pumpfun.quote_in(pool, quote.amount_in, is_buy=False) == quote
    assert pumpfun.quote_in(pool, quote.amount_in - 1, is_buy=False).amount_out < wanted


def _swapped(**changes: Any) -> Swapped:
    fields: dict[str, Any] = {
        "venue": "pumpfun",
        "pool": CURVE,
        "base_mint": MINT,
        "trader": USER,
        "is_buy": True,
        "base_amount": 73,
        "quote_amount": 5,
        "base_reserve": 1_073_000_000_000_000 - 73,
        "quote_reserve": 30_000_000_005,
        "slot": 7,
        "signature": "s",
    }
    return Swapped(**{**fields, **changes})


def test_a_trade_moves_the_curve_and_follows_its_creator() -> None:
    """Virtual and real reserves move together; the next sell needs the new creator's vault."""
    pool = pumpfun.apply(_pool(), _swapped(creator=OTHER))
    assert (pool.base_reserve, pool.quote_reserve, pool.slot) == (1_073_000_000_000_000 - 73, 30_000_000_005, 7)
    assert (pool.numbers["real_base_reserve"], pool.numbers["real_quote_reserve"]) == (793_100_000_000_000 - 73, 5)
    assert pool.keys["creator"] == OTHER
    assert pumpfun.apply(_pool(), _swapped()).keys == {"creator": CREATOR}


@pytest.mark.parametrize(
    "event",
    [
        _swapped(pool=OTHER),
        _swapped(base_reserve=-1),
        _swapped(quote_reserve=-1),
        _swapped(slot=4),
        CurveCompleted(venue="pumpfun", pool=OTHER, base_mint=MINT, slot=9, signature="s"),
    ],
)
def test_what_is_not_about_this_curve_leaves_it(event: Any) -> None:
    """Another pool, untold reserves, or an older slot."""
    pool = _pool(slot=5)
    assert pumpfun.apply(pool, event) is pool
    assert pumpfun.apply(pool, _only(pumpfun.read(_step(_create_event()), CONTEXT))) is pool


@pytest.mark.parametrize(
    "event",
    [
        CurveCompleted(venue="pumpfun", pool=CURVE, base_mint=MINT, slot=9, signature="s"),
        PoolMigrated(
            venue="pumpfun", pool=CURVE, base_mint=MINT, new_venue="pumpswap", new_pool=POOL, slot=9, signature="s"
        ),
    ],
)
def test_a_completed_curve_trades_no_more(event: Any) -> None:
    """Exits move on to the coin's pool."""
    with pytest.raises(EmptyPool):
        pumpfun.quote_in(pumpfun.apply(_pool(), event), 1, is_buy=False)


# ── loading ───────────────────────────────────────────────────────────────


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


# ── orders ────────────────────────────────────────────────────────────────


def test_a_buy_opens_the_coins_account_and_spends_exactly() -> None:
    """By default the whole budget, for at least the least wanted."""
    opened, buy = pumpfun.swap(_pool(), SwapOrder(USER, is_buy=True, amount_in=5, amount_out_min=7))
    keys = pumpfun.swap_keys(_pool(), USER, True)
    assert opened.accounts[1].key == keys["associated_base_user"]
    assert buy.data == INSTRUCTIONS["buy_exact_quote_in_v2"][0] + struct.pack("<QQ", 5, 7)
    (alone,) = pumpfun.swap(_pool(), SwapOrder(USER, True, 5, 7, open_base_account=False))
    assert alone == buy


def test_an_exact_out_buy_names_its_most() -> None:
    """`buy_v2`: coins first, then the most to pay."""
    _, buy = pumpfun.swap_exact_out(_pool(), USER, base_out=7, quote_max=5)
    assert buy.data == INSTRUCTIONS["buy_v2"][0] + struct.pack("<QQ", 7, 5)


def test_a_sell_may_close_the_account() -> None:
    """The rent comes home after a full exit."""
    order = SwapOrder(USER, is_buy=False, amount_in=5, amount_out_min=7, close_base_account=True)
    sell, closed = pumpfun.swap(_pool(), order)
    assert sell.data == INSTRUCTIONS["sell_v2"][0] + struct.pack("<QQ", 5, 7)
    assert (closed.program, closed.accounts[0].key) == (TOKEN_2022, sell.accounts[14].key)


@pytest.mark.parametrize(("mayhem", "recipient"), [(0, "CebN5WGQ4jvE"), (1, "GesfTA3X2ari")])
def test_the_fee_recipient_follows_the_kind_of_coin(mayhem: int, recipient: str) -> None:
    """A mayhem coin wants one of the reserved recipients."""
    keys = pumpfun.swap_keys(_pool(numbers={"mayhem": mayhem}), USER, True)
    assert text(keys["fee_recipient"]).startswith(recipient)
    chosen = pumpfun.swap_keys(_pool(keys={"creator": CREATOR, "fee_recipient": OTHER}), USER, True)
    assert chosen["fee_recipient"] == OTHER


def test_the_form_depends_on_token_program_and_quote() -> None:
    """Equal variants mean equal forms, so unequal forms have unequal names."""
    order = SwapOrder(USER, True, 1, 1)
    assert pumpfun.variant(_pool(), order) == "2022/sol"
    assert pumpfun.variant(_pool(quote_mint=USDC), order) == f"2022/{text(USDC)}/{text(TOKEN)}"


@pytest.mark.parametrize(("is_buy", "units"), [(True, 180_000), (False, 150_000)])
def test_compute_units_cover_recorded_trades(is_buy: bool, units: int) -> None:
    """94,040 was the dearest buy recorded, 17,110 the opening of an account."""
    assert pumpfun.compute_units(is_buy) == units > 94_040 + 17_110


def test_unknown_events_are_told_apart_from_broken_ones() -> None:
    """None for what we do not know."""
    assert pumpfun.decode_event(b"whatever") is None
    decoded = pumpfun.decode_event(_trade_event(is_buy=True))
    assert decoded is not None
    assert (decoded[0], decoded[1].ints["sol_amount"]) == ("TradeEvent", 1000)
