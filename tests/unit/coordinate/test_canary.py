"""Equal is equal, and whatever we would put elsewhere is told by name; nothing else is an alarm."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sniperforge.base.keys import text
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.coordinate.canary import (
    Compared,
    Deployed,
    Difference,
    Flags,
    Judged,
    Swap,
    compare,
    is_trade,
    judge,
    pool_of,
)
from sniperforge.coordinate.canary_forms import Form, expected, forms, stand_in
from sniperforge.dex import meteora_damm_v2, meteora_dbc, orca_whirlpool, pumpfun, pumpswap, raydium_amm, raydium_cpmm
from sniperforge.dex.venue import Venue
from sniperforge.dex.venues import VENUES
from tests.unit.coordinate.stand import name_key
from tests.unit.coordinate.test_canary_forms import EVERY, trade_of

CPMM = raydium_cpmm.VENUE
STRANGER = name_key("stranger")


def swap_of(form: Form, *, slot: int = 100, payer: str = "payer", **changes: object) -> Swap:
    """Our own swap, as if somebody else had made it."""
    trade = trade_of(form)
    accounts = tuple(meta.key for meta in trade.accounts)
    flags = {meta.key: Flags(meta.signer, meta.writable) for meta in trade.accounts}
    swap = Swap(form.venue, f"signature of {slot}", slot, name_key(payer), accounts, trade.data, flags=flags)
    return swap._replace(**changes)  # type: ignore[arg-type]


def form_of(venue: Venue, name: str) -> Form:
    return next(form for form in forms(venue) if form.name == name)


def put(swap: Swap, at: int, key: Pubkey) -> Swap:
    """The same with another account at one place."""
    return swap._replace(accounts=(*swap.accounts[:at], key, *swap.accounts[at + 1 :]))


# ── one swap ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", EVERY)
def test_our_own_swap_is_equal(form: Form) -> None:
    found = compare(swap_of(form))
    assert (found.verdict, found.differences, found.name) == ("equal", (), form.name)
    assert pool_of(found) == stand_in("address")


@pytest.mark.parametrize("form", EVERY)
def test_every_account_that_can_be_computed_is_missed_when_it_changes(form: Form) -> None:
    """A changed constant, derived address or token program is found at its own place.

    Where another kind of pool is now as near, the plainer one's name of that place is told.
    """
    swap = swap_of(form)
    wanted = expected(form, swap.accounts, {})
    for at, row in enumerate(form.rows[: form.fixed]):
        if wanted[at] is None and row.role not in ("base_program", "quote_program"):
            continue
        if form.sources.get(row.role) and row.role not in ("base_program", "quote_program"):
            continue  # taken from the pool as it stands: its account tells, see below
        found = compare(put(swap, at, STRANGER))
        assert found.verdict == "differing", row.name
        assert {"accounts", f"account {at} "} & {one.field.partition("(")[0] for one in found.differences}


@pytest.mark.parametrize("form", EVERY)
def test_an_account_more_in_front_or_behind_is_a_difference(form: Form) -> None:
    swap = swap_of(form)
    moved = compare(swap._replace(accounts=(STRANGER, *swap.accounts)))
    assert moved.verdict == "differing"
    assert any(one.field.startswith("account ") for one in moved.differences)
    longer = compare(swap._replace(accounts=(*swap.accounts, STRANGER)))
    if form.fixed < len(form.rows):
        assert longer.verdict == "equal"  # one more array: prices decide how many
    else:
        assert longer.differences[-1].field == "accounts"
        assert text(STRANGER) in longer.differences[-1].found


def test_a_difference_says_account_expected_found_and_cure() -> None:
    form = form_of(CPMM, "swap_base_input")
    found = compare(put(swap_of(form), 1, STRANGER))
    (difference,) = found.differences
    assert difference.field == "account 1 (authority)"
    assert difference.line() == f"account 1 (authority): expected {text(form.rows[1].key)}, found {text(STRANGER)}"
    assert difference.cure.startswith("stop trading on raydium_cpmm, ")


def test_an_account_that_is_another_one_of_the_list_is_named() -> None:
    """Two places exchanged: both are told, with the names of what stands there."""
    form = form_of(pumpfun.VENUE, "buy_exact_sol_in")
    swap = swap_of(form)
    names = [row.name for row in form.rows]
    one, other = names.index("fee_config"), names.index("fee_program")
    found = compare(put(put(swap, one, swap.accounts[other]), other, swap.accounts[one]))
    assert [one.found.rpartition(" ")[2] for one in found.differences] == ["(fee_program)", "(fee_config)"]


def test_a_known_account_at_the_place_of_a_free_one_is_a_difference() -> None:
    """Nobody can say which fee recipient stands there, but it is not the event authority."""
    form = form_of(pumpfun.VENUE, "buy_exact_sol_in")
    swap = swap_of(form)
    names = [row.name for row in form.rows]
    assert compare(put(swap, names.index("associated_user"), STRANGER)).verdict == "equal"
    wrong = compare(put(swap, names.index("associated_user"), swap.accounts[names.index("event_authority")]))
    assert wrong.differences[0].found.endswith("(event_authority)")


def test_a_token_account_of_another_mint_is_a_difference() -> None:
    form = form_of(CPMM, "swap_base_input")
    swap = swap_of(form)
    names = [row.role for row in form.rows]
    mints = {swap.accounts[names.index("base_vault")]: stand_in("base_mint")}
    assert compare(swap._replace(mints=mints)).verdict == "equal"
    mints = {swap.accounts[names.index("base_vault")]: STRANGER}
    (difference,) = compare(swap._replace(mints=mints)).differences
    assert difference.expected == f"a token account of {text(stand_in('base_mint'))}"


#: role -> what the pool's account of that venue calls it.
HELD = {
    "pumpfun": {"quote_mint": "quote_mint"},
    "pumpswap": {
        name: name for name in ("base_mint", "quote_mint", "pool_base_token_account", "pool_quote_token_account")
    },
    "raydium_cpmm": {
        "base_mint": "token_0_mint",
        "quote_mint": "token_1_mint",
        "amm_config": "amm_config",
        "base_vault": "token_0_vault",
        "quote_vault": "token_1_vault",
        "observation_state": "observation_key",
    },
    "raydium_amm_v4": {"coin_vault": "coin_vault", "pc_vault": "pc_vault"},
    "raydium_launchlab": {
        name: name
        for name in ("base_mint", "quote_mint", "base_vault", "quote_vault", "global_config", "platform_config")
    },
    "raydium_clmm": {
        "base_mint": "token_mint_1",
        "quote_mint": "token_mint_0",
        "amm_config": "amm_config",
        "base_vault": "token_vault_1",
        "quote_vault": "token_vault_0",
        "observation_state": "observation_key",
    },
    "orca_whirlpool": {
        "base_mint": "token_mint_a",
        "quote_mint": "token_mint_b",
        "base_vault": "token_vault_a",
        "quote_vault": "token_vault_b",
    },
    "meteora_dlmm": {
        "base_mint": "token_y_mint",
        "quote_mint": "token_x_mint",
        "reserve_x": "reserve_x",
        "reserve_y": "reserve_y",
    },
    "meteora_damm_v2": {
        "base_mint": "token_a_mint",
        "quote_mint": "token_b_mint",
        "base_vault": "token_a_vault",
        "quote_vault": "token_b_vault",
    },
    "meteora_dbc": {name: name for name in ("config", "base_mint", "base_vault", "quote_vault")},
}


def held_by(swap: Swap, form: Form) -> dict[str, Pubkey]:
    """The keys the account of that swap's pool holds, and some that have nothing to do with it."""
    named = HELD[form.venue.name]
    by_role = dict(zip((row.role for row in form.rows), swap.accounts, strict=False))
    others = {"creator": name_key("creator"), "lp_mint": name_key("lp"), "reward_mint_0": STRANGER}
    return {**others, **{name: by_role[role] for role, name in named.items() if role in by_role}}


@pytest.mark.parametrize("form", EVERY)
def test_a_swap_on_the_pool_whose_account_was_read_is_equal(form: Form) -> None:
    """Whatever the account calls its keys, and whatever it does not hold."""
    swap = swap_of(form)
    assert compare(swap._replace(pool_keys=held_by(swap, form))).verdict == "equal"


@pytest.mark.parametrize("form", EVERY)
def test_what_the_pools_account_holds_must_stand_in_the_list(form: Form) -> None:
    """Each key the account holds, changed there: the account of the list that is not it any more is told."""
    swap = swap_of(form)
    held = held_by(swap, form)
    roles = [row.role for row in form.rows]
    for role, name in HELD[form.venue.name].items():
        if role in roles:
            found = compare(swap._replace(pool_keys={**held, name: STRANGER}))
            row = form.rows[roles.index(role)]
            assert f"account {roles.index(role)} ({row.name})" in {one.field for one in found.differences}, role


def test_a_key_of_the_pools_account_is_told_by_its_name_or_its_kind() -> None:
    form = form_of(CPMM, "swap_base_input")
    swap = swap_of(form)
    held = held_by(swap, form)
    (config,) = compare(swap._replace(pool_keys={**held, "amm_config": STRANGER})).differences
    assert config.expected == f"{text(STRANGER)} as the pool's account says"
    (vault,) = compare(swap._replace(pool_keys={**held, "token_0_vault": STRANGER})).differences
    assert (vault.expected, vault.found) == ("a vault the pool's account holds", text(stand_in("base_vault")))


def test_a_curve_for_sol_holds_no_quote_mint() -> None:
    """pump.fun writes the zero key: that is SOL, and no other mint."""
    form = next(one for one in forms(pumpfun.VENUE) if one.name == "buy_v2" and not one.specimen.for_sol)
    held = {"quote_mint": ZERO_KEY, "creator": STRANGER}
    assert compare(swap_of(form)._replace(pool_keys=held)).verdict == "equal"


def test_the_order_book_of_amm_v4_may_be_anything() -> None:
    """Recorded in blocks of 2025: the pool's own address, or the system program's, at eight places of the list."""
    form = form_of(raydium_amm.VENUE, "swap_base_in")
    swap = swap_of(form)
    names = [row.name for row in form.rows]
    held = {**held_by(swap, form), "open_orders": STRANGER}
    for name in ("open_orders", "target_orders", "market_program", "market", "market_bids", "market_vault_signer"):
        swap = put(swap, names.index(name), stand_in("address"))
    assert compare(swap._replace(pool_keys=held)).verdict == "equal"


def test_longer_data_is_a_difference_unless_our_tables_read_it() -> None:
    form = form_of(CPMM, "swap_base_input")
    swap = swap_of(form)
    (difference,) = compare(swap._replace(data=swap.data + b"\1")).differences
    assert difference.line() == "data: expected 24 bytes, found 25 bytes"
    buy = swap_of(form_of(pumpswap.VENUE, "buy"))
    assert compare(buy._replace(data=buy.data[:-1])).verdict == "equal"  # track_volume may be missing


def test_accounts_behind_the_list_that_the_data_describes_are_no_difference() -> None:
    """Orca's clients append further tick arrays and say so in the arguments: Some([(kind 6, 3)])."""
    swap = swap_of(form_of(orca_whirlpool.VENUE, "swap_v2"))
    more = swap.data[:-1] + bytes.fromhex("01010000000603")
    assert compare(swap._replace(accounts=(*swap.accounts, STRANGER), data=more)).verdict == "equal"
    assert compare(swap._replace(accounts=(*swap.accounts, STRANGER))).verdict == "differing"


def test_an_older_list_that_our_tables_know_is_no_difference() -> None:
    """AMM v4 without target_orders: 17 accounts, as most pools are still traded."""
    form = form_of(raydium_amm.VENUE, "swap_base_in")
    swap = swap_of(form)
    names = [row.name for row in form.rows]
    shorter = tuple(key for name, key in zip(names, swap.accounts, strict=True) if name != "target_orders")
    found = compare(swap._replace(accounts=shorter))
    assert (found.verdict, found.reason) == ("older", "an older form: 17 accounts, ours has 18")
    cut = compare(swap._replace(accounts=swap.accounts[:15]))
    assert cut.verdict == "differing"
    assert cut.differences[-1].found == "15, without user_source, user_destination, user"


def test_what_we_do_not_build_is_not_compared() -> None:
    swap = swap_of(form_of(pumpfun.VENUE, "sell_v2"))
    found = compare(swap._replace(data=bytes.fromhex("33e685a4017f83ad") + bytes(16)))
    assert (found.verdict, found.name) == ("not compared", "sell")
    assert found.reason.startswith("we do not build sell, only buy_exact_quote_in_v2, ")
    assert compare(swap._replace(data=b"\xff" * 9)).name == "ff" * 8
    assert pool_of(found) is None


def test_the_side_we_do_not_build_is_not_compared() -> None:
    """We buy from DBC by swap2 and sell by swap: a buy by swap lists the same accounts, its two tokens exchanged."""
    form = form_of(meteora_dbc.VENUE, "swap")
    swap = swap_of(form)
    roles = [row.role for row in form.rows]
    base, quote = (swap.accounts[roles.index(f"user_{side}_token")] for side in ("base", "quote"))
    mints = {base: stand_in("quote_mint"), quote: stand_in("base_mint")}
    found = compare(swap._replace(mints=mints))
    assert (found.verdict, found.reason) == ("not compared", "we do not buy by swap")


@pytest.mark.parametrize(
    ("name", "trades"),
    [
        *((name, True) for name in ("swap_v2", "two_hop_swap", "buy", "sell_exact_in")),
        *((name, False) for name in ("migrate_to_cpswap", "create_pool", "deposit")),
    ],
)
def test_which_instructions_trade(name: str, trades: bool) -> None:
    assert is_trade(name) is trades


@settings(max_examples=150, deadline=None)
@given(
    form=st.sampled_from([form for venue in VENUES.values() for form in forms(venue)]),
    accounts=st.lists(st.binary(min_size=32, max_size=32), max_size=30),
    data=st.binary(max_size=60),
    keeps=st.integers(0, 30),
)
def test_whatever_somebody_listed_is_compared_and_never_fails(
    form: Form, accounts: list[bytes], data: bytes, keeps: int
) -> None:
    """Strangers' instructions are bytes from outside: every one gets a verdict."""
    swap = swap_of(form)
    mixed = (*swap.accounts[:keeps], *(Pubkey(key) for key in accounts))
    found = compare(swap._replace(accounts=mixed, data=form.head + data))
    assert found.verdict in ("equal", "older", "differing", "not compared")
    assert (found.verdict == "differing") is bool(found.differences)


# ── all of a venue ────────────────────────────────────────────────────────


def judged(*swaps: Swap, **more: object) -> Judged:
    return judge(CPMM, [compare(swap) for swap in swaps], **more)  # type: ignore[arg-type]


EQUAL = swap_of(form_of(CPMM, "swap_base_input"))
OTHER = put(EQUAL, 1, STRANGER)


def test_equal_swaps_are_no_alarm_and_prove_their_slot() -> None:
    told = judged(EQUAL, EQUAL._replace(slot=150))
    assert (told.alarms, told.notes, told.proven_slot, told.count("equal")) == ((), (), 150, 2)


def test_a_difference_is_an_alarm_with_its_swap() -> None:
    told = judged(EQUAL, OTHER._replace(slot=101))
    ((difference, swap),) = told.alarms
    assert difference.field == "account 1 (authority)"
    assert swap is not None
    assert swap.slot == 101


def test_an_equal_swap_that_is_not_older_explains_a_difference_away() -> None:
    """The last slot that proves: the difference's own."""
    told = judged(OTHER, EQUAL)
    assert told.alarms == ()
    assert told.notes[0].startswith("swap_base_input of slot 100 differs (account 1 (authority): expected ")
    assert judged(OTHER, EQUAL._replace(slot=99)).alarms


@pytest.mark.parametrize(
    ("deployed", "payers", "alarms"), [(100, 1, 0), (101, 1, 1), (100, 2, 2), (None, 1, 1)], ids=str
)
def test_one_odd_payer_since_the_last_deploy_is_no_alarm(deployed: int | None, payers: int, alarms: int) -> None:
    """EQUAL is of slot 100. Deployed after it, or two payers, or no deploy slot known: it may be a change."""
    odd = [OTHER._replace(slot=105 + n, payer=name_key(str(n))) for n in range(payers)]
    told = judged(EQUAL, *odd, deployed=Deployed(deployed) if deployed else None)
    assert len(told.alarms) == alarms
    assert bool(told.notes) is not bool(alarms)


def test_another_instruction_proves_nothing() -> None:
    out = swap_of(form_of(CPMM, "swap_base_output"), slot=200)
    assert judged(OTHER, out).alarms


def test_nothing_as_we_build_it_is_told() -> None:
    strange = EQUAL._replace(data=b"\xff" * 24)
    assert judged(strange).notes == ("nothing here proves our form: 1 swaps, none as we build it",)
    assert judged().notes == ()


@pytest.mark.parametrize(
    ("slot", "known", "alarms"),
    [(90, 0, 0), (90, 90, 0), (100, 90, 0), (101, 90, 1), (101, 101, 0), (101, 0, 0)],
)
def test_a_deploy_since_the_last_look_is_doubted_until_an_equal_swap(slot: int, known: int, alarms: int) -> None:
    """EQUAL is of slot 100: a deploy of that slot is proven harmless, one of the next is not."""
    told = judged(EQUAL, deployed=Deployed(slot, known))
    assert len(told.alarms) == alarms
    for difference, swap in told.alarms:
        assert (difference.field, difference.found, swap) == ("deploy slot", str(slot), None)


def test_a_pool_account_of_another_size_is_an_alarm() -> None:
    difference = Difference("pool account", "637 bytes", "700 bytes", "stop")
    assert judged(EQUAL, accounts=[difference]).alarms == ((difference, None),)


def asking(count: int, *, payers: int, own: bool = True, spared: int = 0, flag: str = "writable") -> list[Swap]:
    """Equal swaps in which everybody asks for more at place 2 (amm_config) than we would, all but *spared*."""
    key = EQUAL.accounts[2]
    asked = {**EQUAL.flags, key: Flags(flag == "signer", flag == "writable")}
    swaps = [EQUAL._replace(flags=asked, payer=name_key(str(n % payers)), slot=n) for n in range(count)]
    swaps = [swap._replace(own=frozenset([key] if own else [])) for swap in swaps]
    return [*swaps[spared:], *([EQUAL] * spared)]


@pytest.mark.parametrize("flag", ["writable", "signer"])
def test_a_flag_all_ask_for_and_we_do_not_is_an_alarm(flag: str) -> None:
    ((difference, _),) = judged(*asking(3, payers=2, flag=flag)).alarms
    assert difference.line() == (
        f"account 2 (amm_config): expected not {flag}, found {flag} in all 3 of swap_base_input"
    )


@pytest.mark.parametrize(
    "swaps",
    [
        asking(2, payers=2),
        asking(3, payers=1),
        asking(3, payers=2, own=False),
        asking(4, payers=2, spared=1),
    ],
    ids=["too few", "one client", "another instruction may ask", "one did without"],
)
def test_a_flag_that_is_not_proven_is_none(swaps: list[Swap]) -> None:
    assert judged(*swaps).alarms == ()


def test_an_account_that_may_be_left_out_has_no_flag_to_differ() -> None:
    """A referrer's account is writable where there is one; we leave it out."""
    swap = swap_of(form_of(meteora_damm_v2.VENUE, "swap"))
    flags = {**swap.flags, swap.accounts[11]: Flags(False, True)}
    own = frozenset(swap.accounts) - {swap.accounts[13]}  # the program's id stands for itself as well
    swaps = [swap._replace(flags=flags, own=own, payer=name_key(str(n))) for n in range(3)]
    assert judge(meteora_damm_v2.VENUE, [compare(one) for one in swaps]).alarms == ()


def test_swaps_without_flags_say_nothing_of_them() -> None:
    bare = [EQUAL._replace(flags={}) for _ in range(5)]
    assert judged(*bare).alarms == ()


def test_a_verdict_that_is_not_there_counts_zero() -> None:
    assert Judged("x", (Compared(EQUAL, "older", "swap"),), (), ()).count("differing") == 0
