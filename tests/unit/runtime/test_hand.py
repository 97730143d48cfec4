"""By hand: accounts in any shape make the same pool, what is missing is named, a plan binds what was quoted."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import json
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import ConfigError, DecodeError, SniperForgeError, UnavailableError, UsageError
from sniperforge.base.events import Pool
from sniperforge.base.keys import key, text
from sniperforge.base.units import U64_MAX, ZERO_KEY, Pubkey
from sniperforge.chain.rpc import RpcClient
from sniperforge.dex import meteora_dlmm, meteora_dlmm_layouts, pumpfun, raydium_cpmm, raydium_cpmm_layouts
from sniperforge.dex.programs import TOKEN, TOKEN_2022, WSOL
from sniperforge.dex.pumpfun_instructions import CONSTANTS, curve_of
from sniperforge.dex.venue import EmptyPool, Quote, Venue
from sniperforge.dex.venues import VENUES
from sniperforge.runtime import hand
from sniperforge.runtime.hand import Account, Wanted

CPMM = VENUES["raydium_cpmm"]
PUMPFUN = VENUES["pumpfun"]


def named(name: str) -> Pubkey:
    return Pubkey(name.encode().ljust(32, b"_"))


POOL, COIN, WALLET = named("pool"), named("coin"), named("wallet")


def vault(mint: Pubkey, amount: int) -> bytes:
    return mint + POOL + struct.pack("<Q", amount) + bytes(36) + b"\x01" + bytes(56)


def pool_state() -> bytes:
    raw = bytearray(raydium_cpmm_layouts.POOL_STATE_SIZE)
    raw[:8] = raydium_cpmm_layouts.POOL_STATE
    keys = {
        8: named("config"),
        72: named("base vault"),
        104: named("quote vault"),
        136: named("lp"),
        168: COIN,
        200: WSOL,
        232: TOKEN,
        264: TOKEN,
        296: named("observation"),
    }
    for at, value in keys.items():
        raw[at : at + 32] = value
    raw[331], raw[332] = 6, 9
    return bytes(raw)


def amm_config() -> bytes:
    raw = bytearray(raydium_cpmm_layouts.AMM_CONFIG_SIZE)
    raw[:8] = raydium_cpmm_layouts.AMM_CONFIG
    raw[12:36] = struct.pack("<QQQ", 2_500, 120_000, 40_000)
    return bytes(raw)


MINT = bytes(4) + bytes(32) + struct.pack("<QBB", 10**15, 6, 1) + bytes(36)


def accounts() -> dict[Pubkey, Account]:
    return {
        POOL: Account(CPMM.program, pool_state()),
        named("config"): Account(CPMM.program, amm_config()),
        named("base vault"): Account(TOKEN, vault(COIN, 10**15)),
        named("quote vault"): Account(TOKEN, vault(WSOL, 50 * 10**9)),
        COIN: Account(TOKEN, MINT),
    }


def as_node(account: Account) -> dict[str, object]:
    return {
        "owner": text(account.owner),
        "data": [base64.b64encode(account.data).decode(), "base64"],
        "lamports": account.lamports,
        "executable": account.executable,
    }


class Kept:
    """Accounts in memory; counts how often it was asked."""

    name = "kept"

    def __init__(self, rows: Mapping[Pubkey, Account | None]) -> None:
        self.rows, self.calls = rows, 0

    def get(self, addresses: Sequence[Pubkey]) -> dict[Pubkey, Account | None]:
        self.calls += 1
        return {one: self.rows[one] for one in addresses if one in self.rows}


@pytest.fixture
def pool() -> Pool:
    return hand.load_pool(CPMM, POOL, ZERO_KEY, Kept(accounts()))


# ── accounts ──────────────────────────────────────────────────────────────


def shapes() -> list[object]:
    rows = accounts()
    value = [as_node(one) for one in rows.values()]
    addresses = [text(one) for one in rows]
    return [
        dict(zip(addresses, value, strict=True)),
        {"addresses": addresses, "context": {"slot": 5}, "value": value},
        {"addresses": addresses, "jsonrpc": "2.0", "id": 1, "result": {"context": {"slot": 5}, "value": value}},
        [{"pubkey": name, "account": one} for name, one in zip(addresses, value, strict=True)],
        [
            {"addresses": addresses[:2], "value": value[:2]},
            dict(zip(addresses[2:], value[2:], strict=True)),
        ],
    ]


@pytest.mark.parametrize("number", range(5))
def test_every_shape_of_a_state_file_is_the_same_accounts(tmp_path: Path, number: int) -> None:
    path = tmp_path / "state.json.gz"
    path.write_bytes(gzip.compress(json.dumps(shapes()[number]).encode()))
    source = hand.StateFile(str(path))
    assert source.get(list(accounts())) == accounts()
    assert source.get([named("nobody")]) == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("5", "holds no accounts"),
        ('{"value": []}', 'put "addresses"'),
        ('{"result": {"value": []}}', 'put "addresses"'),
        ('{"addresses": ["x"], "value": []}', "0 accounts for 1 addresses"),
        ('{"addresses": ["x"], "result": null}', "no accounts for 1 addresses"),
        ('{"addresses": ["x"], "value": [{}]}', "not a base58 public key"),
        ('{"11111111111111111111111111111111": {}}', "ask for base64"),
        ('{"11111111111111111111111111111111": 5}', "ask for base64"),
        ('{"11111111111111111111111111111111": {"data": ["", "base58"], "owner": ""}}', "ask for base64"),
        ('{"11111111111111111111111111111111": {"data": [], "owner": ""}}', "ask for base64"),
        ('[{"pubkey": "x", "account": {}}]', "[0]"),
    ],
)
def test_a_state_file_that_is_none_says_where(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(DecodeError) as caught:
        hand.StateFile(str(path))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_account_that_does_not_exist_is_known_not_to(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"addresses": [text(POOL), text(COIN)], "value": [None, as_node(accounts()[COIN])]}))
    assert hand.StateFile(str(path)).get([POOL, COIN]) == {POOL: None, COIN: accounts()[COIN]}
    path.write_text(json.dumps({text(POOL): None}))
    assert hand.StateFile(str(path)).get([POOL, COIN]) == {POOL: None}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner)))
def test_any_json_is_accounts_or_a_decode_error(tmp_path_factory: pytest.TempPathFactory, document: object) -> None:
    path = tmp_path_factory.mktemp("state") / "state.json"
    path.write_text(json.dumps({"addresses": [text(POOL)], "value": document}))
    try:
        hand.StateFile(str(path))
    except DecodeError as problem:
        assert "\n" not in str(problem)


def test_a_file_is_read_through_its_compression_and_a_pipe_by_its_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"hello"))
    assert hand.read_bytes(str(path)) == b"hello"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert hand.read_bytes("-") == b"piped"
    with pytest.raises(UsageError, match="No such file"):
        hand.read_bytes(str(tmp_path / "nothing"))
    monkeypatch.setattr(hand, "FILE_BYTES_MAX", 4)
    with pytest.raises(DecodeError, match="more than 4 bytes"):
        hand.read_bytes(str(path))


def test_an_endpoint_is_asked_for_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call, base64, confirmed; a null is not there; a wrong count is an error."""
    asked: list[object] = []
    rows = accounts()

    async def call(self: RpcClient, method: str, params: Sequence[object]) -> object:
        asked.append((method, params))
        return {"context": {"slot": 7}, "value": [as_node(rows[POOL]), None]}

    async def latest(self: RpcClient, commitment: str) -> tuple[bytes, int]:
        return bytes([4]) * 32, 100

    monkeypatch.setattr(RpcClient, "call", call)
    monkeypatch.setattr(RpcClient, "latest_blockhash", latest)
    source = hand.Endpoint("http://127.0.0.1:1/secret")
    assert source.get([POOL, COIN]) == {POOL: rows[POOL], COIN: None}
    options = {"encoding": "base64", "commitment": "confirmed"}
    assert asked == [("getMultipleAccounts", [[text(POOL), text(COIN)], options])]
    assert source.blockhash() == bytes([4]) * 32
    assert source.name == "http://127.0.0.1:1"
    with pytest.raises(DecodeError, match="2 accounts for 1 addresses"):
        source.get([POOL])


# ── pools ─────────────────────────────────────────────────────────────────


def test_a_pool_is_loaded_in_two_calls_and_the_second_has_all_of_it(pool: Pool) -> None:
    source = Kept(accounts())
    again = hand.load_pool(CPMM, POOL, ZERO_KEY, source)
    assert source.calls == 2
    assert again == pool == raydium_cpmm.load(POOL, raw())
    assert (pool.base_reserve, pool.quote_reserve) == (10**15, 50 * 10**9)


def raw() -> dict[str, bytes]:
    rows = accounts()
    names = {"pool_state": POOL, **raydium_cpmm.needs(rows[POOL].data)}
    return {name: rows[place].data for name, place in names.items()}


def test_what_is_missing_is_named_with_its_address() -> None:
    rows = accounts()
    del rows[named("config")], rows[COIN]
    with pytest.raises(UnavailableError) as caught:
        hand.load_pool(CPMM, POOL, ZERO_KEY, Kept(rows))
    told = f"kept: has no amm_config {text(named('config'))}, no base_mint {text(COIN)}; add it, or check the address"
    assert str(caught.value) == told


def test_a_pool_of_another_program_is_refused() -> None:
    """A colliding discriminator must not make a pool: the owner tells."""
    rows = accounts() | {POOL: Account(TOKEN, pool_state())}
    with pytest.raises(DecodeError, match=r"belongs to Tokenkeg.*, not to raydium_cpmm"):
        hand.load_pool(CPMM, POOL, ZERO_KEY, Kept(rows))


def test_a_curve_of_pumpfun_comes_with_its_coin() -> None:
    """The curve names no coin and no token program: the mint's owner does."""
    curve = curve_of(COIN)
    body = struct.pack("<QQQQQB", 1_073 * 10**12, 30 * 10**9, 793 * 10**12, 0, 10**15, 0)
    state = bytes.fromhex("17b7f83760d8ac60") + body
    rows = {curve: Account(PUMPFUN.program, state), COIN: Account(TOKEN, MINT)}
    with pytest.raises(UnavailableError, match="no global 4wTV"):
        hand.load_pool(PUMPFUN, curve, COIN, Kept(rows))
    loaded = pumpfun.load(curve, {"bonding_curve": state, "base_mint": COIN, "base_program": TOKEN})
    assert set(CONSTANTS) >= set(pumpfun.needs())
    assert loaded.base_program == TOKEN


def test_a_curve_is_loaded_with_the_coins_own_token_program() -> None:
    """Everything in one call, and `load` gets the mint's owner as the program."""
    curve = curve_of(COIN)
    given: dict[str, bytes] = {}

    def load(address: Pubkey, accounts: Mapping[str, bytes]) -> Pool:
        given.update(accounts)
        return pumpfun.load(address, {name: accounts[name] for name in ("bonding_curve", "base_mint", "base_program")})

    state = bytes.fromhex("17b7f83760d8ac60") + struct.pack("<QQQQQB", 10**15, 30 * 10**9, 10**14, 0, 10**15, 0)
    rows = {curve: Account(PUMPFUN.program, state), COIN: Account(TOKEN_2022, MINT)}
    rows |= {place: Account(PUMPFUN.program, name.encode()) for name, place in pumpfun.needs().items()}
    source = Kept(rows)
    loaded = hand.load_pool(dataclasses.replace(PUMPFUN, load=load), curve, COIN, source)
    assert source.calls == 1
    assert (loaded.base_mint, loaded.base_program) == (COIN, TOKEN_2022)
    assert (given["global"], given["fee_config"]) == (b"global", b"fee_config")


def test_addresses_follow_from_a_mint_where_they_do() -> None:
    coin = text(COIN)
    assert hand.address_of(PUMPFUN, pool="", mint=coin) == (curve_of(COIN), COIN)
    assert hand.address_of(PUMPFUN, pool=text(curve_of(COIN)), mint=coin)[0] == curve_of(COIN)
    assert hand.address_of(CPMM, pool=text(POOL), mint="") == (POOL, ZERO_KEY)
    swap, _ = hand.address_of(VENUES["pumpswap"], pool="", mint=coin)
    launch, _ = hand.address_of(VENUES["raydium_launchlab"], pool="", mint=coin)
    assert len({swap, launch, POOL}) == 3


@pytest.mark.parametrize(
    ("venue", "pool_text", "mint", "said"),
    [
        ("pumpfun", text(POOL), "", "--mint: a curve"),
        ("pumpfun", text(POOL), text(COIN), "the curve of that mint is"),
        ("raydium_cpmm", "", "", "--pool: missing"),
        ("raydium_cpmm", "", text(COIN), "many pools for one coin"),
    ],
)
def test_an_address_nobody_can_know_is_asked_for(venue: str, pool_text: str, mint: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        hand.address_of(VENUES[venue], pool=pool_text, mint=mint)


def test_an_option_that_is_no_address_is_named() -> None:
    assert hand.key_option("", option="--wallet") == ZERO_KEY
    with pytest.raises(ConfigError, match="--wallet: 'x' is not a base58"):
        hand.key_option("x", option="--wallet")


SHARED = Path(__file__).resolve().parents[3].parent / "shared"
MAINNET = SHARED / "mainnet" / "accounts"


def recorded(folder: str) -> list[tuple[str, dict[str, Any]]]:
    """Return (file name, body) of a recorded folder."""
    if not (MAINNET / folder).exists():
        pytest.skip("the recordings of ../shared are not here")
    paths = sorted((MAINNET / folder).glob("*.json"))
    return [(path.stem, json.loads(path.read_text())) for path in paths]


class Recorded(Kept):
    """What was recorded, and where all else is said not to exist."""

    def get(self, addresses: Sequence[Pubkey]) -> dict[Pubkey, Account | None]:
        self.calls += 1
        return {one: self.rows.get(one) for one in addresses}


def test_a_whirlpool_of_mainnet_is_loaded_with_its_tick_arrays() -> None:
    """Arrays that do not exist may be missing once the source says so; one nobody knows of may not."""
    files = recorded("orca_sol_usdc")
    rows = dict(row for name, body in files for row in hand._rows(body, name))
    rows[WSOL] = Account(TOKEN, bytes(4) + bytes(32) + struct.pack("<QBB", 0, 9, 1) + bytes(36))
    place = key("HJPjoWUrhoZzkNfRpHuieeFk9WcZWjwy6PBjZ81ngndJ")
    venue = VENUES["orca_whirlpool"]
    loaded = hand.load_pool(venue, place, ZERO_KEY, Recorded(rows))
    plan = hand.make_plan(venue, loaded, Wanted(True, 10**9, wallet=WALLET))
    assert plan.quote.amount_out > 0
    assert 0 < len(plan.transaction) <= 1232
    with pytest.raises(UnavailableError, match=r"no oracle|no tick_array"):
        hand.load_pool(venue, place, ZERO_KEY, Kept(rows))


def test_a_pair_of_mainnet_is_loaded_with_its_bin_arrays() -> None:
    """The pair does not know where it stands: the venue is told."""
    place = key("9t3EyC9FweyL7PBWvKz3mrXg8B9fwFc9SK3QxM4ENqhd")
    rows: dict[Pubkey, Account | None] = {}
    bodies = {name: base64.b64decode(body["account"]["data"][0]) for name, body in recorded("meteora_dlmm_9t3EyC9F")}
    pair = meteora_dlmm.needs(bodies["lb_pair"])
    rows[place] = Account(meteora_dlmm.PROGRAM, bodies["lb_pair"])
    for name, data in bodies.items():
        if name.startswith("bin_array_"):
            index = int.from_bytes(data[8:16], "little", signed=True)
            rows[meteora_dlmm_layouts.bin_array_address(place, index)] = Account(meteora_dlmm.PROGRAM, data)
        elif name.startswith("reserve_"):
            rows[pair[name]] = Account(TOKEN, data)
        elif name.startswith("token_") and pair["base_mint"] == bodies["lb_pair"][88:120]:
            rows[pair["base_mint"]] = Account(TOKEN, bodies["token_x_mint"])
        elif name.startswith("token_"):
            rows[pair["base_mint"]] = Account(TOKEN, bodies["token_y_mint"])
    clock = key("SysvarC1ock11111111111111111111111111111111")
    rows[clock] = Account(key("Sysvar1111111111111111111111111111111111111"), struct.pack("<QqQQq", 1, 0, 1, 1, 10**9))
    venue = VENUES["meteora_dlmm"]
    loaded = hand.load_pool(venue, place, ZERO_KEY, Recorded(rows))
    assert hand.make_plan(venue, loaded, Wanted(True, 10**6)).quote.amount_out > 0

    # A bitmap extension names further arrays: asked again with it, they are wanted too.
    bits = bytearray(meteora_dlmm_layouts.BITMAP_EXTENSION_SIZE - 8)
    bits[32] = 1
    extension = Account(meteora_dlmm.PROGRAM, meteora_dlmm_layouts.BITMAP_EXTENSION + bytes(bits))
    rows[meteora_dlmm_layouts.bitmap_extension_address(place)] = extension
    source = Recorded(rows)
    with pytest.raises(UnavailableError, match=r"has no bin_array\.512 "):
        hand.load_pool(venue, place, ZERO_KEY, source)
    assert source.calls == 3


# ── plans ─────────────────────────────────────────────────────────────────


def test_a_quote_alone_binds_its_slippage_and_has_no_transaction(pool: Pool) -> None:
    plan = hand.make_plan(CPMM, pool, Wanted(True, 10**9, slippage_bps=100))
    assert plan.quote == raydium_cpmm.quote_in(pool, 10**9, is_buy=True)
    assert (plan.amount_in_max, plan.amount_out_min) == (10**9, plan.quote.amount_out * 99 // 100)
    assert plan.back == raydium_cpmm.quote_in(pool, plan.quote.amount_out, is_buy=False)
    assert plan.transaction == b""


def test_exact_out_binds_the_most_to_pay(pool: Pool) -> None:
    plan = hand.make_plan(CPMM, pool, Wanted(True, 10**12, exact_out=True, slippage_bps=200))
    assert plan.amount_out_min == 10**12
    assert plan.amount_in_max == plan.quote.amount_in * 102 // 100


@pytest.mark.parametrize("is_buy", [True, False])
def test_a_plan_holds_the_unsigned_transaction(pool: Pool, is_buy: bool) -> None:
    """Zeros where the signature goes, the blockhash inside, the tip at the end."""
    wanted = Wanted(is_buy, 10**9, wallet=WALLET, tip_lamports=5_000, tip_account=named("tip"), close=not is_buy)
    plan = hand.make_plan(CPMM, pool, wanted, bytes([3]) * 32)
    assert plan.transaction[:65] == b"\x01" + bytes(64)
    assert plan.transaction[65:] == plan.message
    assert bytes([3]) * 32 in plan.message
    assert plan.instructions[-1].accounts[1].key == named("tip")
    assert len(plan.transaction) <= 1232


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(True, 0), "--amount 0"),
        (Wanted(True, U64_MAX + 1), "--amount"),
        (Wanted(True, 5, slippage_bps=10_001), "--slippage-bps 10001"),
        (Wanted(True, 5, slippage_bps=-1), "--slippage-bps -1"),
        (Wanted(True, 5, tip_lamports=-1), "--tip"),
        (Wanted(True, 5, price_micro_lamports=U64_MAX + 1), "--priority-fee"),
        (Wanted(True, 5, tip_lamports=1), "--tip-account"),
    ],
)
def test_what_nobody_can_want_is_a_usage_error(pool: Pool, wanted: Wanted, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        hand.make_plan(CPMM, pool, wanted)


def test_a_trade_that_gives_nothing_is_no_plan(pool: Pool) -> None:
    with pytest.raises(EmptyPool, match="buy nothing"):
        hand.make_plan(CPMM, pool, Wanted(False, 1))


class OneWay:
    """A venue that buys and never sells."""

    def quote_in(self, pool: Pool, amount: int, *, is_buy: bool) -> Quote:
        if not is_buy:
            raise EmptyPool("nothing left")
        return Quote(amount, amount, 0, 0)


def test_a_way_back_that_is_closed_is_told_as_such(pool: Pool) -> None:
    venue: Venue = dataclasses.replace(CPMM, quote_in=OneWay().quote_in)
    assert hand.make_plan(venue, pool, Wanted(True, 5)).back is None


@given(amount=st.integers(-5, U64_MAX + 5), bps=st.integers(-5, 10_005), is_buy=st.booleans(), exact=st.booleans())
def test_any_wish_is_a_plan_or_one_line(amount: int, bps: int, is_buy: bool, exact: bool) -> None:
    made = hand.load_pool(CPMM, POOL, ZERO_KEY, Kept(accounts()))
    try:
        plan = hand.make_plan(CPMM, made, Wanted(is_buy, amount, exact, bps, WALLET))
    except SniperForgeError as problem:
        assert "\n" not in str(problem)
        return
    assert plan.amount_in_max >= plan.quote.amount_in
    assert 0 <= plan.amount_out_min <= plan.quote.amount_out


@pytest.mark.parametrize("name", sorted(set(VENUES) - {"pumpfun"}))
def test_a_pool_of_no_bytes_is_told_so(name: str) -> None:
    """An account its program owns and has not written yet."""
    venue = VENUES[name]
    with pytest.raises(DecodeError):
        hand.load_pool(venue, POOL, ZERO_KEY, Kept({POOL: Account(venue.program, b"")}))
