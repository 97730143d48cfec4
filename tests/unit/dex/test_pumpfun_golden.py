"""pump.fun's codec agrees with the official SDK and with recorded mainnet events, to the last byte."""

from __future__ import annotations

import base64
import re
import struct
from typing import Any

import pytest

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Pool
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pumpfun
from sniperforge.dex.borsh import Record, encode_text
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL
from sniperforge.dex.pumpfun_instructions import CONSTANTS, INSTRUCTIONS, instruction, keys_for
from sniperforge.dex.venue import SwapOrder
from tests.unit.dex.pump_golden import GOLDEN, Case, cases, fee_account, listed, load, samples

FILE = load("pumpfun.json")


def _told(record: Record, name: str, expected: object) -> object:
    """Return the value of *name* in the form the vectors write it."""
    if isinstance(expected, list):
        if name in record.rows:
            return [_row(row) for row in record.rows[name]]
        return [text(record.keys[f"{name}.{number}"]) for number in range(len(expected))]
    if name in record.keys:
        return text(record.keys[name])
    if name in record.texts:
        return record.texts[name]
    return bool(record.ints[name]) if isinstance(expected, bool) else str(record.ints[name])


def _row(row: Record) -> dict[str, object]:
    return {**{name: text(raw) for name, raw in row.keys.items()}, **{n: str(number) for n, number in row.ints.items()}}


def _plain(value: object) -> object:
    """Return *value* with small integers as text: the vectors write some as numbers."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("case", cases(FILE, "event"))
def test_events_decode_as_the_sdk_does(case: Case) -> None:
    """Every field of every event, old and new layouts."""
    decoded = pumpfun.decode_event(bytes.fromhex(case["inputs"]["payload_hex"]))
    assert decoded is not None
    name, record = decoded
    assert (name, record.tail) == (case["op"], 0)
    assert {field: _told(record, field, value) for field, value in case["expected"].items()} == _plain(case["expected"])


@pytest.mark.parametrize("case", samples("pumpfun"))
def test_recorded_events_decode(case: Case) -> None:
    """Layouts from 2024 to 2026 as the chain wrote them."""
    decoded = pumpfun.decode_event(base64.b64decode(case["data_base64"]))
    assert decoded is not None
    name, record = decoded
    assert (name, record.tail) == (case["event"], 0)
    assert {field: _told(record, field, value) for field, value in case["decoded"].items()} == case["decoded"]


@pytest.mark.parametrize("case", cases(FILE, "account"))
def test_accounts_decode_as_the_sdk_does(case: Case) -> None:
    """Every field of curves and of Global, old and new sizes."""
    kind = {"bonding_curve": "BondingCurve", "global": "Global"}[case["op"]]
    record = pumpfun.decode_account(kind, bytes.fromhex(case["inputs"]["data_hex"]))
    assert {field: _told(record, field, value) for field, value in case["expected"].items()} == _plain(case["expected"])


@pytest.mark.parametrize("case", cases(FILE, "pda", "constants"))
def test_constant_addresses(case: Case) -> None:
    """The table of constants holds what the program derives."""
    ours = {**CONSTANTS, "mayhem_global_params": CONSTANTS["global_params"], "mayhem_sol_vault": CONSTANTS["sol_vault"]}
    assert {name: text(ours[name]) for name in case["expected"]} == case["expected"]


@pytest.mark.parametrize("case", cases(FILE, "pda", "coin"))
def test_addresses_of_a_coin(case: Case) -> None:
    """Every rule of derivation, for both token programs."""
    inputs = {name: key(value) for name, value in case["inputs"].items()}
    spl, new, usdc = (
        keys_for(
            base_mint=inputs["mint"],
            user=inputs["user"],
            creator=inputs["creator"],
            base_token_program=program,
            quote_mint=quote,
            quote_token_program=TOKEN,
        )
        for program, quote in ((TOKEN, WSOL), (TOKEN_2022, WSOL), (TOKEN, USDC))
    )
    renamed = {
        "associated_bonding_curve_spl": spl["associated_base_bonding_curve"],
        "associated_bonding_curve_token2022": new["associated_base_bonding_curve"],
        "user_ata_spl": spl["associated_base_user"],
        "user_ata_token2022": new["associated_base_user"],
        "canonical_pool_wsol": spl["pool"],
        "canonical_pool_usdc": usdc["pool"],
    }
    assert {name: text(renamed[name] if name in renamed else spl[name]) for name in case["expected"]} == case[
        "expected"
    ]


def _trade_keys(inputs: Case) -> Any:
    return keys_for(
        base_mint=key(inputs["mint"]),
        base_token_program=key(inputs["token_program"]),
        quote_mint=key(inputs.get("quote_mint", text(WSOL))),
        quote_token_program=key(inputs.get("quote_token_program", text(TOKEN))),
        creator=key(inputs["creator"]),
        user=key(inputs["user"]),
        fee_recipient=key(inputs["fee_recipient"]),
        buyback_fee_recipient=key(inputs["buyback_fee_recipient"]),
    )


TRADES = ("buy", "sell", "buy_v2", "sell_v2", "buy_exact_sol_in_idl", "buy_exact_quote_in_v2_idl")


@pytest.mark.parametrize("case", cases(FILE, "instruction", *TRADES))
def test_trades_are_built_as_the_sdk_builds_them(case: Case) -> None:
    """Program, data and the ordered accounts with their flags."""
    inputs, op = case["inputs"], case["op"].removesuffix("_idl")
    amounts = {
        "buy": ("amount", "sol_amount"),
        "sell": ("amount", "sol_amount"),
        "buy_v2": ("amount", "quote_amount"),
        "sell_v2": ("amount", "quote_amount"),
        "buy_exact_sol_in": ("spendable_sol_in", "min_tokens_out"),
        "buy_exact_quote_in_v2": ("spendable_quote_in", "min_tokens_out"),
    }[op]
    data = struct.pack("<QQ", *(int(inputs[name]) for name in amounts))
    if "track_volume" in inputs:
        data += bytes([inputs["track_volume"]])
    name = f"{op}+cashback" if op == "sell" and inputs["cashback"] else op
    assert listed(instruction(name, _trade_keys(inputs), data)) == case["expected"]


@pytest.mark.parametrize("case", cases(FILE, "instruction", "buy_v2", "sell_v2", "buy_exact_quote_in_v2_idl"))
def test_a_swap_of_a_pool_is_the_sdks_instruction(case: Case) -> None:
    """The way an order really takes: pool and order in, the same instruction out."""
    inputs, op = case["inputs"], case["op"].removesuffix("_idl")
    first, second = {
        "buy_v2": ("amount", "quote_amount"),
        "sell_v2": ("amount", "quote_amount"),
        "buy_exact_quote_in_v2": ("spendable_quote_in", "min_tokens_out"),
    }[op]
    amounts = int(inputs[first]), int(inputs[second])
    keys = _trade_keys(inputs)
    pool = Pool(
        venue="pumpfun",
        address=keys["bonding_curve"],
        base_mint=keys["base_mint"],
        quote_mint=keys["quote_mint"],
        base_program=keys["base_token_program"],
        quote_program=keys["quote_token_program"],
        base_reserve=1,
        quote_reserve=1,
        keys={name: keys[name] for name in ("creator", "fee_recipient", "buyback_fee_recipient")},
    )
    order = SwapOrder(
        keys["user"],
        is_buy=op != "sell_v2",
        amount_in=amounts[1] if op == "buy_v2" else amounts[0],
        amount_out_min=amounts[0] if op == "buy_v2" else amounts[1],
        exact_out=op == "buy_v2",
        open_base_account=False,
    )
    (built,) = pumpfun.swap(pool, order)
    if op == "buy_exact_quote_in_v2" and pool.quote_mint == WSOL:
        # SOL is spent by the shorter form, which is held to its own vectors above.
        shorter = struct.pack("<QQ?", *amounts, False)
        assert listed(built) == listed(instruction("buy_exact_sol_in", keys, shorter))
    else:
        assert listed(built) == case["expected"]


@pytest.mark.parametrize("case", cases(FILE, "instruction", "create", "create_v2"))
def test_launches_are_built_as_the_sdk_builds_them(case: Case) -> None:
    """Our own market maker launches coins, too."""
    inputs, op = case["inputs"], case["op"]
    quote = inputs.get("quote_mint")
    keys = keys_for(
        base_mint=key(inputs["mint"]),
        user=key(inputs["user"]),
        base_token_program=TOKEN_2022 if op == "create_v2" else TOKEN,
        quote_mint=key(quote) if quote else WSOL,
        quote_token_program=key(inputs.get("quote_token_program", text(TOKEN))),
    )
    data = b"".join(encode_text(inputs[name]) for name in ("name", "symbol", "uri")) + key(inputs["creator"])
    if op == "create_v2":
        data += bytes([inputs["mayhem_mode"], inputs["cashback"]])
        data += struct.pack("<Q?", int(inputs["creator_fee_bps"]), inputs["holder_reward"])
    name = "create_v2+quote" if op == "create_v2" and len(case["expected"]["accounts"]) == 20 else op
    assert listed(instruction(name, keys, data)) == case["expected"]


@pytest.mark.parametrize("case", cases(FILE, "instruction", "migrate", "migrate_v2", "extend_account"))
def test_migrations_are_built_as_the_sdk_builds_them(case: Case) -> None:
    """Permissionless instructions anybody may send."""
    inputs = case["inputs"]
    if case["op"] == "extend_account":
        keys = keys_for(account=key(inputs["account"]), user=key(inputs["user"]))
    else:
        keys = keys_for(
            base_mint=key(inputs["mint"]),
            user=key(inputs["user"]),
            withdraw_authority=key(inputs["withdraw_authority"]),
            base_token_program=key(inputs.get("base_token_program") or inputs["token_program"]),
            quote_mint=key(inputs.get("quote_mint", text(WSOL))),
            quote_token_program=key(inputs.get("quote_token_program", text(TOKEN))),
        )
    assert listed(instruction(case["op"], keys)) == case["expected"]


# ── quotes, through the accounts a trader would load ──────────────────────


def _curve_account(curve: Case) -> bytes:
    names = "virtual_token_reserves virtual_quote_reserves real_token_reserves real_quote_reserves token_total_supply"
    numbers = struct.pack("<5Q", *(int(curve[name]) for name in names.split()))
    tail = bytes([curve["complete"]]) + key(curve["creator"])
    tail += bytes([curve["is_mayhem_mode"], curve["is_cashback_coin"]]) + key(curve["quote_mint"])
    tail += struct.pack("<Q??", int(curve["creator_fee_bps"]), curve["can_edit_creator_fee"], curve["is_holder_reward"])
    return bytes.fromhex("17b7f83760d8ac60") + numbers + tail + bytes(26)


def _global_account(figures: Case) -> bytes:
    raw = bytearray(1087)
    raw[:8] = bytes.fromhex("a7e8e8b1c86c727f")
    struct.pack_into("<Q", raw, 105, int(figures["fee_basis_points"]))
    struct.pack_into("<Q", raw, 154, int(figures["creator_fee_basis_points"]))
    raw[1045] = figures["creator_fee_configurable"]
    return bytes(raw)


MINT = Pubkey(bytes(range(32)))


def _pool(inputs: Case) -> Any:
    curve = inputs["curve"] or {
        "virtual_token_reserves": 1_073_000_000_000_000,
        "virtual_quote_reserves": 30_000_000_000 if inputs["quote_mint"] == text(WSOL) else 4_292_000_000,
        "real_token_reserves": 793_100_000_000_000,
        "real_quote_reserves": 0,
        "token_total_supply": 1_000_000_000_000_000,
        "complete": False,
        "creator": text(MINT),
        "is_mayhem_mode": False,
        "is_cashback_coin": False,
        "quote_mint": text(ZERO_KEY) if inputs["quote_mint"] == text(WSOL) else inputs["quote_mint"],
        "creator_fee_bps": 0,
        "can_edit_creator_fee": False,
        "is_holder_reward": False,
    }
    accounts = {
        "bonding_curve": _curve_account(curve),
        "base_mint": MINT,
        "base_program": TOKEN_2022,
        "global": _global_account(inputs["global"]),
    }
    if inputs["fee_config"]:
        accounts["fee_config"] = fee_account(FILE["fee_configs"][inputs["fee_config"]])
    return pumpfun.load(keys_for(base_mint=MINT)["bonding_curve"], accounts)


@pytest.mark.parametrize("case", cases(FILE, "quote", "buy_cost_for_tokens"))
def test_cost_of_tokens_is_the_sdks(case: Case) -> None:
    """Exact-out buys, fees by tier, by the coin's own rate, or from Global."""
    pool, expected = _pool(case["inputs"]), case["expected"]
    tokens = min(int(case["inputs"]["tokens"]), pool.numbers["real_base_reserve"])
    assert pumpfun.quote_out(pool, tokens, is_buy=True).amount_in == int(expected["quote_cost"])
    rates = pumpfun.rates_of(pool)
    assert rates.protocol == int(expected["rates"]["protocol_fee_bps"])
    # The SDK prints the rate it looked up; a coin without a creator is charged none of it.
    nobody = case["inputs"]["curve"]["creator"] == text(ZERO_KEY)
    assert rates.creator == (0 if nobody else int(expected["rates"]["creator_fee_bps"]))


@pytest.mark.parametrize("case", cases(FILE, "quote", "buy_tokens_for_quote", "buy_new_curve"))
def test_tokens_for_a_budget_are_the_sdks(case: Case) -> None:
    """The SDK's helper, and the program's own exact-in form at most a few units above it."""
    pool, budget = _pool(case["inputs"]), int(case["inputs"]["amount_in"])
    tokens = pumpfun.base_for_budget(pool, budget)
    assert tokens == int(case["expected"]["tokens_out"])
    exact = pumpfun.quote_in(pool, budget, is_buy=True)
    assert exact.amount_in <= budget
    assert abs(exact.amount_out - tokens) <= 2 * pool.base_reserve // pool.quote_reserve + 2


@pytest.mark.parametrize("case", cases(FILE, "quote", "sell_quote_for_tokens"))
def test_sales_are_the_sdks(case: Case) -> None:
    """What arrives after both fees, and the market cap that picked the tier."""
    pool = _pool(case["inputs"])
    quote = pumpfun.quote_in(pool, int(case["inputs"]["tokens"]), is_buy=False)
    assert quote.amount_out == int(case["expected"]["quote_out"])
    if case["inputs"]["mint_supply"] == case["inputs"]["curve"]["token_total_supply"]:
        assert pumpfun.market_cap(pool) == int(case["expected"]["market_cap"])


def _recorded_trades() -> list[Record]:
    """Return every different TradeEvent of the recordings that is pump.fun's, by its layout."""
    mainnet = GOLDEN.parents[1] / "mainnet"
    files = [*mainnet.glob("pumpfun/*"), *mainnet.glob("logs_notification/*"), mainnet / "blocks" / "332254908.json"]
    found = {
        line: None for file in files if file.exists() for line in re.findall(rb"vdt/007mYe[\w+/]+=*", file.read_bytes())
    }
    trades = []
    for line in found:
        try:
            decoded = pumpfun.decode_event(base64.b64decode(line))
        except DecodeError:
            continue  # Another program's event of the same name.
        if decoded is not None and not decoded[1].ints.get("mayhem_mode"):
            trades.append(decoded[1])
    return trades


def test_every_recorded_trade_is_quoted_exactly() -> None:
    """Each from the reserves it left behind; a mayhem coin's agent trades by rules of its own."""
    trades = _recorded_trades()
    if not trades:
        pytest.skip("the recorded transactions of ../shared are absent")
    for trade in trades:
        ints, tokens = trade.ints, trade.ints["token_amount"]
        sign = 1 if ints["is_buy"] else -1
        pool = Pool(
            venue="pumpfun",
            address=MINT,
            base_mint=trade.keys["mint"],
            quote_mint=WSOL,
            base_program=TOKEN,
            quote_program=TOKEN,
            base_reserve=ints["virtual_token_reserves"] + sign * tokens,
            quote_reserve=ints["virtual_sol_reserves"] - sign * ints["sol_amount"],
            numbers={
                "protocol_fee_bps": ints.get("fee_basis_points", 0),
                "creator_fee_bps": ints.get("creator_fee_basis_points", 0),
            },
        )
        fee = ints.get("fee", 0) + ints.get("creator_fee", 0)
        if ints["is_buy"]:
            quote = pumpfun.quote_out(pool, tokens, is_buy=True)
            moved = quote.amount_in - quote.fee_amount
        else:
            quote = pumpfun.quote_in(pool, tokens, is_buy=False)
            moved = quote.amount_out + quote.fee_amount
        assert (moved, quote.fee_amount) == (ints["sol_amount"], fee)
    assert len(trades) == 35


def test_the_vectors_cover_every_instruction() -> None:
    """No builder of ours is left without a vector."""
    if not FILE["cases"]:
        pytest.skip("the golden vectors of ../shared are absent")
    seen = {case["op"].removesuffix("_idl") for case in FILE["cases"] if case["kind"] == "instruction"}
    assert {name.partition("+")[0] for name in INSTRUCTIONS} == seen
