"""How a PumpSwap pool is loaded and traded, whichever of its sides is the coin."""

from __future__ import annotations

import struct

import pytest

from sniperforge.base.errors import DecodeError
from sniperforge.base.events import Pool
from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import pumpswap
from sniperforge.dex.programs import TOKEN, TOKEN_2022, USDC, WSOL, ata
from sniperforge.dex.pump_fees import AMM_SCHEDULE, Rates
from sniperforge.dex.pumpswap_instructions import CONSTANTS
from sniperforge.dex.venue import SwapOrder
from tests.unit.dex.pumpswap_vectors import (
    AUTHORITY,
    COIN,
    CREATOR,
    OTHER,
    USER,
    make_key,
    make_pool,
    pool_address,
)

# ── loading ────────────────────────────────────────────────────────────


def _raw(
    *, base: Pubkey = COIN, quote: Pubkey = WSOL, program: Pubkey = TOKEN_2022, size: int = 300, virtual: int = 0
) -> dict[str, bytes]:
    address = pool_address(base, quote)
    programs = {COIN: program, WSOL: TOKEN}
    vaults = [ata(address, mint, programs[mint]) for mint in (base, quote)]
    state = bytes.fromhex("f19a6d0411b16dbc") + b"\xff\0\0" + AUTHORITY + base + quote + make_key("lp")
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
    pool = pumpswap.load(pool_address(), _raw(program=program, virtual=-500))
    assert (pool.base_mint, pool.quote_mint, pool.base_program, pool.quote_program) == (COIN, WSOL, program, TOKEN)
    assert (pool.base_reserve, pool.quote_reserve) == (1000, 1500)
    assert pool.keys["pool_base_token_account"] == ata(pool_address(), COIN, program)
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
    pool = pumpswap.load(pool_address(WSOL, COIN), _raw(base=WSOL, quote=COIN))
    assert (pool.base_mint, pool.base_reserve, pool.quote_reserve) == (COIN, 2000, 1000)
    assert (pool.base_program, pool.numbers["base_is_0"]) == (TOKEN_2022, 0)
    assert pool.keys["pool_base_token_account"] == ata(pool.address, WSOL)


def test_an_old_pool_has_no_creator() -> None:
    """211 bytes: everything later reads as zero."""
    pool = pumpswap.load(pool_address(), _raw(size=211))
    assert (pool.keys["coin_creator"], pool.numbers["cashback"]) == (ZERO_KEY, 0)


def test_the_programs_own_schedule_needs_no_numbers() -> None:
    """A FeeConfig equal to the built-in one is not carried along."""
    body = bytes.fromhex("8f3492bbdb7b4c9b") + bytes(33) + struct.pack("<3Q", *AMM_SCHEDULE.flat)
    for tiers in (AMM_SCHEDULE.tiers, AMM_SCHEDULE.stable_tiers):
        body += struct.pack("<I", len(tiers))
        body += b"".join(cap.to_bytes(16, "little") + struct.pack("<3Q", *rates) for cap, rates in tiers)
    pool = pumpswap.load(pool_address(), {**_raw(), "fee_config": body + bytes(24)})
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
    pool = pumpswap.load(pool_address(), accounts)
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
        pumpswap.load(pool_address(), {**_raw(), **change})
    with pytest.raises(DecodeError):
        pumpswap.load(pool_address(), {})


def test_the_accounts_a_load_wants() -> None:
    """The pool's own vaults, the coin's mint, and the program's settings."""
    needed = pumpswap.needs(_raw()["pool"])
    assert needed == {
        "pool_base_token_account": ata(pool_address(), COIN, TOKEN_2022),
        "pool_quote_token_account": ata(pool_address(), WSOL),
        "base_mint": COIN,
        "global_config": CONSTANTS["global_config"],
        "fee_config": CONSTANTS["fee_config"],
    }


# ── orders ────────────────────────────────────────────────────────────


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
    head, arguments = _trade(make_pool(turned=turned), order)
    assert (head.hex(), struct.unpack("<QQ", arguments[:16])) == (name, numbers)
    assert arguments[16:] == (b"" if name.startswith("33") else b"\x01")


@pytest.mark.parametrize("turned", [False, True])
def test_sol_is_wrapped_for_a_buy_and_unwrapped_after_either(turned: bool) -> None:
    """The wallet holds lamports between trades."""
    pool = make_pool(turned=turned)
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
        (make_pool(), "2022/spl/wrap/straight/plain/creator"),
        (make_pool(turned=True, keys={}), "2022/spl/wrap/flipped/plain/nobody"),
        (make_pool(numbers={"cashback": 1}, quote_mint=USDC), "2022/spl/hold/straight/cashback/creator"),
    ],
)
def test_the_form_is_named(pool: Pool, form: str) -> None:
    """Whatever changes the account list is in the name."""
    assert pumpswap.variant(pool, SwapOrder(USER, True, 1, 1)) == form


def test_a_mayhem_pool_pays_a_reserved_recipient() -> None:
    """And any pool the one its keys name."""
    assert text(pumpswap.swap_keys(make_pool(numbers={"mayhem": 1}), USER, True)["protocol_fee_recipient"]).startswith(
        "Gesf"
    )
    keys = pumpswap.swap_keys(make_pool(keys={"coin_creator": CREATOR, "protocol_fee_recipient": OTHER}), USER, True)
    assert keys["protocol_fee_recipient"] == OTHER


def test_compute_units_cover_recorded_trades() -> None:
    """61,818 was the dearest of 35; accounts to open and later fees come on top."""
    assert pumpswap.compute_units(True) > pumpswap.compute_units(False) > 2 * 61_818
