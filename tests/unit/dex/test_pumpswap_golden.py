"""PumpSwap's codec agrees with the official SDK and with recorded mainnet events, to the last byte."""

from __future__ import annotations

import base64
import struct

import pytest

from sniperforge.base.events import Pool
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex import pumpswap
from sniperforge.dex.account_table import Keys
from sniperforge.dex.borsh import Record
from sniperforge.dex.programs import TOKEN, WSOL, ata, pda
from sniperforge.dex.pumpswap_instructions import (
    CONSTANTS,
    PROGRAM,
    instruction,
    keys_for,
    pool_authority_of,
    pool_of,
    table_of,
)
from sniperforge.dex.venue import SwapOrder
from tests.unit.dex.pump_golden import Case, cases, fee_account, listed, load, samples

FILE = load("pumpswap.json")


def _told(record: Record, name: str, expected: object) -> object:
    """Return the value of *name* in the form the vectors write it."""
    if name in record.keys:
        return text(record.keys[name])
    if name in record.texts:
        return record.texts[name]
    value = record.ints[name]
    if isinstance(expected, bool):
        return bool(value)
    return str(value) if isinstance(expected, str) else value


@pytest.mark.parametrize("case", cases(FILE, "event"))
def test_events_decode_as_the_sdk_does(case: Case) -> None:
    """Every field of every event, old and new layouts."""
    decoded = pumpswap.decode_event(bytes.fromhex(case["inputs"]["payload_hex"]))
    assert decoded is not None
    name, record = decoded
    assert (name, record.tail) == (case["op"], 0)
    assert {field: _told(record, field, value) for field, value in case["expected"].items()} == case["expected"]


@pytest.mark.parametrize("case", samples("pumpswap"))
def test_recorded_events_decode(case: Case) -> None:
    """Layouts from 2025-04 to 2026-09 as the chain wrote them."""
    decoded = pumpswap.decode_event(base64.b64decode(case["data_base64"]))
    assert decoded is not None
    name, record = decoded
    assert (name, record.tail) == (case["event"], 0)
    assert {field: _told(record, field, value) for field, value in case["decoded"].items()} == case["decoded"]


@pytest.mark.parametrize("case", cases(FILE, "account"))
def test_accounts_decode_as_the_sdk_does(case: Case) -> None:
    """Every field of a pool, old and new sizes."""
    record = pumpswap.decode_account("Pool", bytes.fromhex(case["inputs"]["data_hex"]))
    assert {field: _told(record, field, value) for field, value in case["expected"].items()} == case["expected"]


@pytest.mark.parametrize("case", cases(FILE, "pda", "constants"))
def test_constant_addresses(case: Case) -> None:
    """The table of constants holds what the program derives."""
    assert {name: text(CONSTANTS[name]) for name in case["expected"]} == case["expected"]


@pytest.mark.parametrize("case", cases(FILE, "pda", "pool"))
def test_addresses_of_a_pool(case: Case) -> None:
    """Every rule of derivation."""
    inputs = case["inputs"]
    base, quote = key(inputs["base_mint"]), key(inputs["quote_mint"])
    keys = keys_for(
        base_mint=base,
        quote_mint=quote,
        quote_token_program=TOKEN,
        user=key(inputs["user"]),
        coin_creator=key(inputs["coin_creator"]),
    )
    keys["pool"] = keys["canonical_pool"]
    renamed = {
        "pool": pool_of(inputs["index"], key(inputs["creator"]), base, quote),
        "lp_mint_of_canonical": keys["lp_mint"],
        "user_volume_accumulator_wsol_ata": ata(keys["user_volume_accumulator"], WSOL),
    }
    derived = {name: text(renamed[name] if name in renamed else keys[name]) for name in case["expected"]}
    # The vectors' boost vault belongs to the pool under the given index or to the canonical one.
    if derived["boost_vault_authority"] != case["expected"]["boost_vault_authority"]:
        derived["boost_vault_authority"] = text(pda(PROGRAM, b"boost_vault", renamed["pool"]))
    assert derived == case["expected"]


def _trade_keys(inputs: Case) -> Keys:
    names = (
        "pool user base_mint quote_mint base_token_program quote_token_program coin_creator pool_base_token_account "
        "pool_quote_token_account protocol_fee_recipient buyback_fee_recipient"
    )
    return keys_for(**{name: key(inputs[name]) for name in names.split()})


AMOUNTS = {
    "buy": ("base_amount_out", "max_quote_amount_in"),
    "sell": ("base_amount_in", "min_quote_amount_out"),
    "buy_exact_quote_in": ("spendable_quote_in", "min_base_amount_out"),
}
TRADES = cases(FILE, "instruction", "buy", "sell", "buy_exact_quote_in_idl")


@pytest.mark.parametrize("case", TRADES)
def test_trades_are_built_as_the_sdk_builds_them(case: Case) -> None:
    """Program, data and the ordered accounts with their flags, and every appended account."""
    inputs, name = case["inputs"], case["op"].removesuffix("_idl")
    data = struct.pack("<QQ", *(int(inputs[amount]) for amount in AMOUNTS[name]))
    data += bytes([inputs["track_volume"]]) if "track_volume" in inputs else b""
    keys = _trade_keys(inputs)
    table = table_of(name, cashback=inputs["is_cashback_coin"], creator=keys["coin_creator"] != ZERO_KEY)
    assert listed(instruction(name, table, keys, data)) == case["expected"]


@pytest.mark.parametrize("case", TRADES)
def test_a_swap_of_a_pool_is_the_sdks_instruction(case: Case) -> None:
    """The way an order really takes: pool and order in, the same instruction out."""
    inputs, name = case["inputs"], case["op"].removesuffix("_idl")
    keys = _trade_keys(inputs)
    held = "coin_creator pool_base_token_account pool_quote_token_account protocol_fee_recipient buyback_fee_recipient"
    pool = Pool(
        venue="pumpswap",
        address=keys["pool"],
        base_mint=keys["base_mint"],
        quote_mint=keys["quote_mint"],
        base_program=keys["base_token_program"],
        quote_program=keys["quote_token_program"],
        base_reserve=1,
        quote_reserve=1,
        keys={word: keys[word] for word in held.split()},
        numbers={"cashback": int(inputs["is_cashback_coin"])},
    )
    first, second = (int(inputs[amount]) for amount in AMOUNTS[name])
    order = SwapOrder(
        keys["user"],
        is_buy=name != "sell",
        amount_in=second if name == "buy" else first,
        amount_out_min=first if name == "buy" else second,
        exact_out=name == "buy",
        open_base_account=False,
        wrap_quote=False,
    )
    (built,) = pumpswap.swap(pool, order)
    expected = case["expected"]
    if inputs.get("track_volume") is False:
        expected = {**expected, "data_hex": expected["data_hex"][:-2] + "01"}
    assert listed(built) == expected


@pytest.mark.parametrize("case", cases(FILE, "instruction", "create_pool"))
def test_pools_are_opened_as_the_sdk_opens_them(case: Case) -> None:
    """Anyone may open one."""
    inputs = case["inputs"]
    creator, base, quote = key(inputs["creator"]), key(inputs["base_mint"]), key(inputs["quote_mint"])
    keys = keys_for(
        user=creator,
        base_mint=base,
        quote_mint=quote,
        pool=pool_of(inputs["index"], creator, base, quote),
        base_token_program=key(inputs["base_token_program"]),
        quote_token_program=TOKEN,
    )
    data = struct.pack("<HQQ", inputs["index"], int(inputs["base_amount_in"]), int(inputs["quote_amount_in"]))
    size = len(bytes.fromhex(case["expected"]["data_hex"])) - 8 - len(data)
    built = instruction("create_pool", table_of("create_pool"), keys, data + bytes(size))
    assert listed(built) == case["expected"]


# ── quotes, through the accounts a trader would load ──────────────────────


def _token_account(mint: bytes, amount: int) -> bytes:
    return (mint + bytes(32) + struct.pack("<Q", amount)).ljust(165, b"\0")


def _config_account(figures: Case) -> bytes:
    raw = bytearray(949)
    raw[:8] = bytes.fromhex("95089ccaa0fcb0d9")
    struct.pack_into("<QQ", raw, 40, int(figures["lp"]), int(figures["protocol"]))
    struct.pack_into("<Q", raw, 313, int(figures["coin_creator"]))
    raw[940] = figures["creator_fee_configurable"]
    return bytes(raw)


def _pool(inputs: Case) -> Pool:
    base, quote, creator = key(inputs["base_mint"]), key(inputs["quote_mint"]), key(inputs["pool_creator"])
    address = pool_of(0, creator, base, quote)
    vaults = ata(address, base), ata(address, quote)
    state = bytes.fromhex("f19a6d0411b16dbc") + b"\xff\0\0" + creator + base + quote + bytes(32) + vaults[0] + vaults[1]
    state += bytes(8) + key(inputs["coin_creator"]) + bytes([inputs["is_mayhem_mode"], 0])
    state += int(inputs["virtual_quote_reserves"]).to_bytes(16, "little", signed=True)
    state += struct.pack("<Q", int(inputs["creator_fee_bps"]))
    accounts = {
        "pool": state.ljust(300, b"\0"),
        "pool_base_token_account": _token_account(base, int(inputs["base_reserve"])),
        "pool_quote_token_account": _token_account(quote, int(inputs["quote_reserve"])),
        "base_mint": bytes(36) + struct.pack("<Q", int(inputs["base_supply"])) + b"\x06\x01" + bytes(36),
        "global_config": _config_account(inputs["global_config"]),
    }
    if inputs["fee_config"]:
        accounts["fee_config"] = fee_account(FILE["fee_configs"][inputs["fee_config"]])
    return pumpswap.load(address, accounts)


def _rates_agree(pool: Pool, case: Case) -> bool:
    rates = list(pumpswap.rates_of(pool))
    expected = [int(rate) for rate in case["expected"]["rates_bps"]]
    return rates == expected or (case["inputs"]["coin_creator"] == text(ZERO_KEY) and rates == [*expected[:2], 0])


@pytest.mark.parametrize("case", cases(FILE, "quote", "buy_base_for_quote"))
def test_buys_for_an_exact_quote_are_the_sdks(case: Case) -> None:
    """What arrives for a budget, at every tier."""
    pool = _pool(case["inputs"])
    quote = pumpswap.quote_in(pool, int(case["inputs"]["quote_in"]), is_buy=True)
    assert quote.amount_out == int(case["expected"]["base_out"])
    assert _rates_agree(pool, case)


@pytest.mark.parametrize("case", cases(FILE, "quote", "buy_cost_for_base"))
def test_costs_of_an_exact_base_are_the_sdks(case: Case) -> None:
    """What exactly so many coins cost, and the part of it that is fees."""
    pool = _pool(case["inputs"])
    quote = pumpswap.quote_out(pool, int(case["inputs"]["base_out"]), is_buy=True)
    assert quote.amount_in == int(case["expected"]["quote_in_total"])
    assert quote.amount_in - quote.fee_amount == int(case["expected"]["quote_in_before_fees"])
    assert _rates_agree(pool, case)


@pytest.mark.parametrize("case", cases(FILE, "quote", "sell_quote_for_base"))
def test_sales_are_the_sdks(case: Case) -> None:
    """What arrives after all three fees."""
    pool = _pool(case["inputs"])
    quote = pumpswap.quote_in(pool, int(case["inputs"]["base_in"]), is_buy=False)
    assert quote.amount_out == int(case["expected"]["quote_out"])
    assert quote.amount_out + quote.fee_amount == int(case["expected"]["quote_out_before_fees"])
    assert _rates_agree(pool, case)


def test_a_canonical_pool_is_known_by_its_creator() -> None:
    """Only the launchpad's own authority earns the tiered fees."""
    mint = key("7YD6ZHb39jGb33ki2iFd7kHK11yMkSFCc9kvjJscpump")
    assert pool_authority_of(mint) == pda(key("6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P"), b"pool-authority", mint)
