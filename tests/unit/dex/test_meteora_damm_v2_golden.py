"""DAMM v2 agrees with its official SDK case by case, and with the real program to the unit.

All golden cases (quotes, instructions, addresses, events), and the launch, the snipe,
the exit and the exact purchase the mainnet binary executed.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sniperforge.base.events import Pool, PoolCreated, Swapped
from sniperforge.base.keys import key, text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.dex import meteora_damm_v2 as damm
from sniperforge.dex import meteora_damm_v2_curve as curve
from sniperforge.dex import meteora_damm_v2_layouts as layout
from sniperforge.dex import meteora_liquidity as liquidity
from sniperforge.dex.meteora_fees import LIMITER, split_fee
from sniperforge.dex.programs import pda
from sniperforge.dex.venue import EmptyPool, Incomplete, Step, SwapOrder
from tests.unit.dex.meteora_recordings import calls, flat
from tests.unit.dex.raydium_recordings import CONTEXT, as_metas, golden, shared_json

RECORDINGS = ("program_output", "meteora_damm_v2")
_EVENTS = {
    "EvtSwap2": layout.SWAP2_EVENT_LAYOUT,
    "EvtInitializePool": layout.INITIALIZE_EVENT_LAYOUT,
}


@pytest.mark.parametrize("case", golden("meteora_damm_v2", "quote"))
def test_a_quote_is_the_sdks(case: Any) -> None:
    """Amounts, the root after, and where every unit of the fee goes."""
    given, wanted = case["inputs"], case["expected"]
    pool = damm.load(ZERO_KEY, {"pool": bytes.fromhex(given["pool_data_hex"])})
    numbers = {**pool.numbers, "point": int(given["current_point"])}
    # The SDK does not look at what the pool holds.
    state = curve.state(numbers, 2**64, 2**64)
    trade = curve.exact_in(state, int(given["amount_in"]), second_in=not given["a_to_b"])
    if "error" in wanted:
        assert (wanted["error"], trade.amount_out) == ("Amount out must be greater than 0", 0)
        return
    shares = split_fee(
        trade.fee,
        protocol_percent=numbers["protocol_fee_percent"],
        compounding_bps=numbers["compounding_fee_bps"],
        referral_percent=numbers["referral_fee_percent"] if given["has_referral"] else 0,
    )
    assert {
        "amount_left": 0,
        "included_fee_input_amount": trade.amount_in,
        "excluded_fee_input_amount": trade.net_in,
        "output_amount": trade.amount_out,
        "minimum_amount_out": trade.amount_out,
        "next_sqrt_price": trade.root_after,
        **{f"{name}_fee": share for name, share in shares._asdict().items()},
    } == {name: int(figure) for name, figure in wanted.items()}


def _ordered(given: Any, *, base: Pubkey, quote: Pubkey, is_buy: bool) -> Pool:
    base_is_0 = text(base) == given["token_a_mint"]
    sides = {"base": "a" if base_is_0 else "b", "quote": "b" if base_is_0 else "a"}
    keys = {f"{side}_vault": key(given[f"token_{token}_vault"]) for side, token in sides.items()}
    if given.get("referral_token_account"):
        keys["referral_token_account"] = key(given["referral_token_account"])
    return Pool(
        venue=damm.NAME,
        address=key(given["pool"]),
        base_mint=base,
        quote_mint=quote,
        base_program=key(given[f"token_{sides['base']}_program"]),
        quote_program=key(given[f"token_{sides['quote']}_program"]),
        base_reserve=1,
        quote_reserve=1,
        keys=keys,
        numbers={"base_is_0": int(base_is_0), "fee_mode": 0},
    )


@pytest.mark.parametrize("is_buy", [True, False])
@pytest.mark.parametrize("case", golden("meteora_damm_v2", "instruction", "swap", "swap2"))
def test_a_swap_is_the_sdks(case: Any, is_buy: bool) -> None:
    """Whichever of its tokens we call the coin."""
    given, wanted = case["inputs"], case["expected"]
    paid, got = key(given["input_mint"]), key(given["output_mint"])
    base, quote = (got, paid) if is_buy else (paid, got)
    pool = _ordered(given, base=base, quote=quote, is_buy=is_buy)
    if len(wanted["accounts"]) > 14:
        pool = msgspec.structs.replace(pool, numbers={**pool.numbers, "fee_mode": LIMITER})
    mode = given.get("swap_mode", 0)
    amounts = [
        int(given[name]) for name in ("amount_in", "minimum_amount_out", "amount_0", "amount_1") if name in given
    ]
    if mode == damm.EXACT_OUT:
        amounts.reverse()
    order = SwapOrder(
        key(given["payer"]), is_buy, amounts[0], amounts[1], wrap_quote=False, exact_out=mode == damm.EXACT_OUT
    )
    built = as_metas(next(one for one in damm.swap(pool, order) if one.program == damm.PROGRAM))
    assert built["accounts"] == wanted["accounts"]
    if case["op"] == "swap" or mode == damm.EXACT_OUT:
        assert built["data_hex"] == wanted["data_hex"]
    else:
        # Exact input by swap2, or filled partly: the same arguments under another name and a mode.
        assert built["data_hex"][16:] == wanted["data_hex"][16:-2]


@pytest.mark.parametrize(
    "case", golden("meteora_damm_v2", "instruction", "initialize_pool", "initialize_customizable_pool")
)
def test_a_creation_the_sdk_builds_is_read_as_meant(case: Any) -> None:
    """Pool, vaults, mints and programs stand where the reader looks; a config's fees do not stand there."""
    given, wanted = case["inputs"], case["expected"]
    accounts = tuple(key(meta["pubkey"]) for meta in wanted["accounts"])
    (told,) = damm.read(Step(damm.PROGRAM, accounts, bytes.fromhex(wanted["data_hex"])), CONTEXT)
    if case["op"] == "initialize_pool":
        assert isinstance(told, Incomplete)
        return
    assert isinstance(told, PoolCreated)
    pool = told.pool
    assert damm.verify(told) == ""
    mints = {"token_a_mint": pool.base_mint, "token_b_mint": pool.quote_mint}
    if not pool.numbers["base_is_0"]:
        mints = {"token_a_mint": pool.quote_mint, "token_b_mint": pool.base_mint}
    assert {name: text(mint) for name, mint in mints.items()} == {name: given[name] for name in mints}
    assert (text(told.creator), text(told.user)) == (given["creator"], given["payer"])
    for name, named in (("sqrt_price", "init_sqrt_price"), ("liquidity", "liquidity_delta")):
        assert liquidity.joined(pool.numbers, name) == int(given[named])
    assert pool.numbers["collect_fee_mode"] == given["collect_fee_mode"]


@pytest.mark.parametrize("case", golden("meteora_damm_v2", "pda"))
def test_an_address_is_derived_as_the_sdk_does(case: Any) -> None:
    given, wanted = case["inputs"], case["expected"]
    derived: dict[str, Pubkey] = {}
    if case["op"] == "constants":
        derived = {"pool_authority": layout.AUTHORITY, "event_authority": layout.EVENT_AUTHORITY}
        assert pda(damm.PROGRAM, b"pool_authority") == layout.AUTHORITY
        assert pda(damm.PROGRAM, b"__event_authority") == layout.EVENT_AUTHORITY
    elif case["op"] == "config":
        derived = {"config": pda(damm.PROGRAM, b"config", int(given["index"]).to_bytes(8, "little"))}
    else:
        a, nft = key(given["token_a_mint"]), key(given["position_nft_mint"])
        smaller, larger = sorted((a, key(given["token_b_mint"])))
        pool = pda(damm.PROGRAM, b"pool", key(given["config"]), larger, smaller)
        derived = {
            "pool": pool,
            "customizable_pool": pda(damm.PROGRAM, b"cpool", larger, smaller),
            "token_a_vault_of_pool": pda(damm.PROGRAM, b"token_vault", a, pool),
            "position": pda(damm.PROGRAM, b"position", nft),
            "position_nft_account": pda(damm.PROGRAM, b"position_nft_account", nft),
        }
    assert {name: text(one) for name, one in derived.items()} == wanted


@pytest.mark.parametrize("case", golden("meteora_damm_v2", "event"))
def test_an_event_decodes_to_the_last_byte(case: Any) -> None:
    record = _EVENTS[case["op"]].decode(bytes.fromhex(case["inputs"]["payload_hex"]), 8)
    wanted = dict(case["expected"])
    fees = wanted.get("pool_fees")
    if fees:
        raw = bytes(fees["base_fee"].pop("data"))
        fees["base_fee"] = {"cliff": int.from_bytes(raw[:8], "little"), "mode": raw[26]}
        if fees["dynamic_fee"] is None:
            assert record.ints["pool_fees.dynamic_fee?"] == 0
            del fees["dynamic_fee"]
    told: dict[str, Any] = {**record.ints, **{name: text(one) for name, one in record.keys.items()}}
    for name, item in flat(wanted).items():
        assert told[name] == (text(ZERO_KEY) if item == int("1" * 32) else item), name


# ── the real program ──────────────────────────────────────────────────────


def _launched() -> PoolCreated:
    (step,) = calls(damm.PROGRAM, *RECORDINGS, "initialize.json")
    (created,) = [one for one in damm.read(step, CONTEXT) if isinstance(one, PoolCreated)]
    assert damm.verify(created) == ""
    assert created.believed_by == "event+instruction"
    return created


def _traded(name: str) -> tuple[Step, Swapped]:
    (step,) = calls(damm.PROGRAM, *RECORDINGS, name)
    (swapped,) = damm.read(step, CONTEXT)
    assert isinstance(swapped, Swapped)
    return step, swapped


def test_a_launch_snipe_and_exit_of_the_program_are_reproduced_to_the_unit() -> None:
    """Each trade is quoted from the state the ones before it left; so are the reserves after it."""
    pool = _launched().pool
    assert (pool.base_reserve, pool.quote_reserve) == (800_000_000_000_000, 78_999_998_150)
    snipe, bought = _traded("snipe.json")
    quote = damm.quote_in(pool, bought.quote_amount, is_buy=True)
    assert (quote.amount_in, quote.amount_out) == (1_000_000_000, bought.base_amount)
    held = damm.apply(pool, bought)
    back, sold = _traded("exit.json")
    assert damm.quote_in(held, sold.base_amount, is_buy=False).amount_out == sold.quote_amount == 980_222_527
    after = damm.apply(held, sold)
    assert (after.base_reserve, after.quote_reserve) == (sold.base_reserve, sold.quote_reserve)
    for step, trade in ((snipe, bought), (back, sold)):
        amounts = (trade.quote_amount, trade.base_amount)
        order = SwapOrder(trade.trader, trade.is_buy, amounts[not trade.is_buy], 0, wrap_quote=False)
        built = next(one for one in damm.swap(pool, order) if one.program == damm.PROGRAM)
        assert [meta.key for meta in built.accounts] == list(step.accounts)
        assert built.data[:16] == step.data[:16]


def test_an_exact_purchase_of_the_program_is_reproduced_to_the_unit() -> None:
    """Bought from the state the launch left: exactly that many coins, for exactly that price."""
    step, bought = _traded("swap2_exact_out.json")
    candidates = [_launched().pool]
    candidates.append(damm.apply(candidates[0], _traded("snipe.json")[1]))
    candidates.append(damm.apply(candidates[1], _traded("exit.json")[1]))
    wanted = (bought.quote_amount, bought.base_amount)
    sides = [damm.quote_out(pool, wanted[bought.is_buy], is_buy=bought.is_buy) for pool in candidates]
    assert wanted[not bought.is_buy] in [quote.amount_in for quote in sides]
    assert step.data[-1] == damm.EXACT_OUT


@pytest.mark.parametrize("name", ["8Pm2kZpn", "CGPxT5d1"])
def test_a_pool_of_mainnet_is_loaded(name: str) -> None:
    """Its addresses derive, and a sell brings less than the price before it."""
    import base64

    raw = shared_json("mainnet", "accounts", f"meteora_damm_v2_pool_{name}.json")
    data = base64.b64decode(raw["account"]["data"][0])
    pool = damm.load(key(raw["pubkey"]), {"pool": data})
    for side in ("base", "quote"):
        mint = pool.base_mint if side == "base" else pool.quote_mint
        assert pool.keys[f"{side}_vault"] == pda(damm.PROGRAM, b"token_vault", mint, pool.address)
    quote = damm.quote_in(pool, 1_000_000, is_buy=False)
    assert quote.amount_out > 0
    assert quote.fee_amount > 0
    with pytest.raises(EmptyPool):
        damm.quote_out(pool, pool.base_reserve * 2 + 1, is_buy=True)
