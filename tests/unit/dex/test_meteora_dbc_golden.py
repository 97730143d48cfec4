"""The Meteora curve agrees with its official SDK case by case, and with the real program to the unit.

All golden cases (quotes, instructions, addresses, events), and the launch, the snipe and
the exit the mainnet binary executed; a swap of mainnet is read as it was recorded.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sniperforge.base.events import Pool, PoolCreated, Swapped
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY
from sniperforge.dex import meteora_dbc as dbc
from sniperforge.dex import meteora_dbc_curve as curve
from sniperforge.dex import meteora_dbc_layouts as layout
from sniperforge.dex.meteora_fees import split_fee
from sniperforge.dex.meteora_liquidity import split
from sniperforge.dex.programs import METADATA, pda
from sniperforge.dex.venue import EmptyPool, Step, SwapOrder
from tests.unit.dex.meteora_recordings import calls, flat
from tests.unit.dex.raydium_recordings import CONTEXT, as_metas, golden

MAINNET = (
    "mainnet",
    "meteora_dbc",
    "yellowstone-vixen__23BXcBmnM3S3kFxcR49poVKADhGyfdN8GtSGj4tjffFHAYRZHjLpZYWL2McmEMWQT2WcVDwa88CbzvU6N9NjCZCS"
    "_txupdate.json",
)
RECORDINGS = ("program_output", "meteora_dbc")
_EVENTS = {
    "EvtSwap": layout.SWAP_EVENT_LAYOUT,
    "EvtSwap2": layout.SWAP2_EVENT_LAYOUT,
    "EvtInitializePool": layout.INITIALIZE_EVENT_LAYOUT,
    "EvtCurveComplete": layout.COMPLETE_EVENT_LAYOUT,
}


@pytest.mark.parametrize("case", golden("meteora_dbc", "quote"))
def test_a_quote_is_the_sdks(case: Any) -> None:
    """Amounts, the root after, and where every unit of the fee goes."""
    given, wanted = case["inputs"], case["expected"]
    accounts = {"pool": bytes.fromhex(given["pool_data_hex"]), "config": bytes.fromhex(given["config_data_hex"])}
    pool = dbc.load(ZERO_KEY, accounts)
    state = curve.state({**pool.numbers, "point": int(given["current_point"])})
    amount, is_buy = int(given["amount_in"]), not given["base_for_quote"]
    if "error" in wanted:
        # The SDK refuses what the program, told to fill partly, fills partly.
        assert wanted["error"] == "Insufficient Liquidity"
        assert curve.exact_in(state, amount, is_buy=is_buy).amount_in < amount
        return
    trade = curve.exact_in(state, amount, is_buy=is_buy)
    shares = split_fee(
        trade.fee,
        protocol_percent=layout.PROTOCOL_PERCENT,
        compounding_bps=0,
        referral_percent=layout.REFERRAL_PERCENT if given["has_referral"] else 0,
    )
    assert {
        "amount_left": 0,
        "included_fee_input_amount": trade.amount_in,
        "excluded_fee_input_amount": trade.net_in,
        "output_amount": trade.amount_out,
        "minimum_amount_out": trade.amount_out,
        "next_sqrt_price": trade.root_after,
        "trading_fee": shares.claiming,
        "protocol_fee": shares.protocol,
        "referral_fee": shares.referral,
    } == {name: int(figure) for name, figure in wanted.items()}


@pytest.mark.parametrize("case", golden("meteora_dbc", "instruction", "swap", "swap2"))
def test_a_swap_is_the_sdks(case: Any) -> None:
    """Accounts, flags and arguments; an exact-in buy of ours is always a partial fill."""
    given, wanted = case["inputs"], case["expected"]
    is_buy, mode = not given["base_for_quote"], given.get("swap_mode", 0)
    keys = {name: key(given[name]) for name in ("config", "base_vault", "quote_vault")}
    if given["referral_token_account"]:
        keys["referral_token_account"] = key(given["referral_token_account"])
    pool = Pool(
        venue=dbc.NAME,
        address=key(given["pool"]),
        base_mint=key(given["base_mint"]),
        quote_mint=key(given["quote_mint"]),
        base_program=key(given["token_base_program"]),
        quote_program=key(given["token_quote_program"]),
        base_reserve=1,
        quote_reserve=1,
        keys=keys,
        numbers={"sees_instructions": 2 if given["enable_first_swap_with_min_fee"] else int(given["rate_limiter"])},
    )
    names = ("amount_in", "minimum_amount_out", "amount_0", "amount_1")
    amounts = [int(given[name]) for name in names if name in given]
    if mode == dbc.EXACT_OUT:
        amounts.reverse()
    order = SwapOrder(
        key(given["user"]), is_buy, amounts[0], amounts[1], wrap_quote=False, exact_out=mode == dbc.EXACT_OUT
    )
    built = as_metas(next(one for one in dbc.swap(pool, order) if one.program == dbc.PROGRAM))
    assert built["accounts"] == wanted["accounts"]
    if mode == dbc.EXACT_OUT or (is_buy and mode == dbc.PARTIAL_FILL) or (not is_buy and case["op"] == "swap"):
        assert built["data_hex"] == wanted["data_hex"]
    else:
        assert built["data_hex"][16:48] == wanted["data_hex"][16:48]


@pytest.mark.parametrize(
    "case",
    golden(
        "meteora_dbc",
        "instruction",
        "initialize_virtual_pool_with_spl_token",
        "initialize_virtual_pool_with_token2022",
    ),
)
def test_a_creation_the_sdk_builds_is_read_as_meant(case: Any) -> None:
    given, wanted = case["inputs"], case["expected"]
    accounts = tuple(key(meta["pubkey"]) for meta in wanted["accounts"])
    (told,) = dbc.read(Step(dbc.PROGRAM, accounts, bytes.fromhex(wanted["data_hex"])), CONTEXT)
    assert isinstance(told, PoolCreated)
    assert dbc.verify(told) == ""
    pool = told.pool
    read = {
        "name": told.name,
        "symbol": told.symbol,
        "uri": told.uri,
        "payer": text(told.user),
        "pool_creator": text(told.creator),
        "config": text(pool.keys["config"]),
        "base_mint": text(pool.base_mint),
        "quote_mint": text(pool.quote_mint),
    }
    assert read == {name: given[name] for name in read}
    with pytest.raises(EmptyPool, match="config"):
        dbc.quote_in(pool, 1, is_buy=True)


@pytest.mark.parametrize("case", golden("meteora_dbc", "pda"))
def test_an_address_is_derived_as_the_sdk_does(case: Any) -> None:
    given, wanted = case["inputs"], case["expected"]
    if case["op"] == "constants":
        assert pda(dbc.PROGRAM, b"pool_authority") == layout.AUTHORITY == key(wanted["pool_authority"])
        assert pda(dbc.PROGRAM, b"__event_authority") == layout.EVENT_AUTHORITY == key(wanted["event_authority"])
        return
    base, quote = key(given["base_mint"]), key(given["quote_mint"])
    smaller, larger = sorted((base, quote))
    pool = pda(dbc.PROGRAM, b"pool", key(given["config"]), larger, smaller)
    derived = {
        "pool": pool,
        "base_vault": pda(dbc.PROGRAM, b"token_vault", base, pool),
        "quote_vault": pda(dbc.PROGRAM, b"token_vault", quote, pool),
        "mint_metadata": pda(METADATA, b"metadata", METADATA, base),
    }
    assert {name: text(one) for name, one in derived.items()} == wanted


@pytest.mark.parametrize("case", golden("meteora_dbc", "event"))
def test_an_event_decodes_to_the_last_byte(case: Any) -> None:
    record = _EVENTS[case["op"]].decode(bytes.fromhex(case["inputs"]["payload_hex"]), 8)
    told: dict[str, Any] = {**record.ints, **{name: text(one) for name, one in record.keys.items()}}
    assert told == flat(case["expected"])


# ── the real program ──────────────────────────────────────────────────────


def _traded(*parts: str) -> tuple[Step, Swapped]:
    (step,) = calls(dbc.PROGRAM, *parts)
    (swapped,) = dbc.read(step, CONTEXT)
    assert isinstance(swapped, Swapped)
    return step, swapped


def test_a_swap_of_mainnet_is_read_once_though_told_twice() -> None:
    """EvtSwap and EvtSwap2 are one trade: 47,192.506267 coins for 0.553679124 quote."""
    _, sold = _traded(*MAINNET)
    assert (sold.is_buy, sold.base_amount, sold.quote_amount) == (False, 47_192_506_267, 553_679_124)
    assert (sold.quote_reserve, sold.numbers["quote_moved"]) == (220_681_418_340, 553_679_124 + 44_300 + 11_074)
    assert sold.base_mint != ZERO_KEY


def _configured() -> dict[str, int]:
    """Return the numbers of a pool of the config the recording made: a curve of 16 points, 0.25 % on the quote."""
    (made,) = calls(dbc.PROGRAM, *RECORDINGS, "create_config.json")
    data, points = made.data, made.data[-16 * 32 :]
    roots = [int.from_bytes(points[32 * at : 32 * at + 16], "little") for at in range(16)]
    depths = [int.from_bytes(points[32 * at + 16 : 32 * at + 32], "little") for at in range(16)]
    numbers = {
        "fee_mode": data[34],
        "fee_cliff": int.from_bytes(data[8:16], "little"),
        "fee_first": 0,
        "fee_second": 0,
        "fee_third": 0,
        "fee_max": layout.FEE_MAX,
        "collect_fee_mode": data[36],
        "activation_type": data[38],
        "activation_point": 0,
        "point": 0,
        "status": 0,
        "migration_quote_threshold": int.from_bytes(data[45:53], "little"),
        "curve_points": 16,
        "sees_instructions": 0,
        **split("sqrt_price", int.from_bytes(data[53:69], "little")),
        **split("sqrt_start_price", int.from_bytes(data[53:69], "little")),
        **split("migration_sqrt_price", roots[-1]),
    }
    for at in range(16):
        numbers |= split(f"curve_{at}_sqrt_price", roots[at]) | split(f"curve_{at}_liquidity", depths[at])
    return numbers


def test_a_launch_snipe_and_exit_of_the_program_are_reproduced_to_the_unit() -> None:
    """The snipe walks through several spans of the curve; the exit walks back."""
    (step,) = calls(dbc.PROGRAM, *RECORDINGS, "initialize.json")
    (created,) = dbc.read(step, CONTEXT)
    assert isinstance(created, PoolCreated)
    assert (dbc.verify(created), created.believed_by) == ("", "event+instruction")
    held = 2_329_141_248
    pool = msgspec.structs.replace(created.pool, base_reserve=held, numbers=_configured())
    snipe, bought = _traded(*RECORDINGS, "snipe.json")
    quote = dbc.quote_in(pool, bought.quote_amount, is_buy=True)
    assert (quote.amount_in, quote.amount_out) == (bought.quote_amount, bought.base_amount)
    after = dbc.apply(pool, bought)
    assert (after.base_reserve, after.quote_reserve) == (held - 681_099_627, 997_500_000)
    back, sold = _traded(*RECORDINGS, "exit.json")
    assert dbc.quote_in(after, sold.base_amount, is_buy=False).amount_out == sold.quote_amount == 995_006_249
    empty = dbc.apply(after, sold)
    assert (empty.base_reserve, empty.quote_reserve, empty.numbers["real_quote_reserve"]) == (held, 1, 1)
    for step, trade in ((snipe, bought), (back, sold)):
        order = SwapOrder(trade.trader, trade.is_buy, 5, 7, wrap_quote=False)
        built = next(one for one in dbc.swap(pool, order) if one.program == dbc.PROGRAM)
        assert [meta.key for meta in built.accounts] == list(step.accounts)
