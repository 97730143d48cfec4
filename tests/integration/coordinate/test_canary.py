"""On recordings of years nothing is an alarm; on a chain with a changed program the venue halts and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
import uvloop

from sniperforge.base.events import HaltChanged, OrderLanded, OrderRefused, PositionChanged
from sniperforge.chain.rpc import RpcClient, endpoint
from sniperforge.coordinate.canary import Swap, compare, judge
from sniperforge.coordinate.canary_forms import forms
from sniperforge.coordinate.canary_watch import Bounds, look
from sniperforge.coordinate.service import Coordinator
from sniperforge.dex import raydium_cpmm
from sniperforge.dex.venues import VENUES
from sniperforge.runtime.doctor import check_recorded, read_recorded
from tests.integration.coordinate.localnet import on_localnet

SHARED = Path(__file__).resolve().parents[3].parent / "shared"
#: Successful swaps of ../shared/mainnet and ../shared/program_output: equal, older, differing, not compared.
#: There may be more recordings by now, never fewer.
RECORDED = {
    "pumpfun": (1, 0, 0, 36),
    "pumpswap": (0, 38, 0, 0),
    "raydium_cpmm": (6, 0, 0, 0),
    "raydium_amm_v4": (60, 29, 1, 0),
    "raydium_launchlab": (1, 0, 0, 0),
    "meteora_damm_v2": (3, 0, 0, 0),
    "meteora_dbc": (2, 0, 0, 1),
    "meteora_dlmm": (1, 0, 0, 25),
    "orca_whirlpool": (2, 0, 0, 32),
    "raydium_clmm": (39, 0, 0, 14),
}


@pytest.fixture(scope="module")
def recorded() -> tuple[Swap, ...]:
    folders = [SHARED / "mainnet", SHARED / "program_output"]
    if not all(folder.exists() for folder in folders):
        pytest.skip("the recordings of ../shared are not here")
    return read_recorded([str(folder) for folder in folders], VENUES).swaps


def test_every_recorded_swap_is_equal_older_or_not_ours(recorded: tuple[Swap, ...]) -> None:
    """The one that differs has two bytes more of data (March 2024, a client's own); later ones are equal."""
    told = {}
    for name, venue in VENUES.items():
        judged = judge(venue, [compare(swap) for swap in recorded if swap.venue is venue])
        assert judged.alarms == ()
        told[name] = tuple(judged.count(verdict) for verdict in ("equal", "older", "differing", "not compared"))
    assert all(now >= then for name in VENUES for now, then in zip(told[name], RECORDED[name], strict=True))


def test_our_flags_are_those_of_every_equal_recorded_swap(recorded: tuple[Swap, ...]) -> None:
    """Never less than it asked for where it alone explains the flag, and never more than the transaction had."""
    checked = 0
    for swap in recorded:
        found = compare(swap)
        if found.verdict != "equal" or found.form is None:
            continue
        for row, account in zip(found.form.rows[: found.form.fixed], swap.accounts, strict=False):
            if row.is_optional:
                continue
            assert swap.flags[account].writable or not row.writable, row.name
            if account in swap.own:
                checked += 1
                assert (row.signer, row.writable) == swap.flags[account], row.name
    assert checked > 400


def test_an_account_more_anywhere_in_a_recorded_swap_is_an_alarm(recorded: tuple[Swap, ...]) -> None:
    """What an upgraded program would ask for: put in at every place of every equal swap, the canary sees it.

    One place is left out: behind the fifteenth of LaunchLab's stands a referrer's
    account, in a list that we build too.
    """
    seen = 0
    for swap in recorded:
        found = compare(swap)
        if found.verdict != "equal" or found.form is None or found.form.fixed < len(found.form.rows):
            continue
        for at in range(len(swap.accounts) + 1):
            longer = (*swap.accounts[:at], bytes([at]) * 32, *swap.accounts[at:])
            changed = compare(swap._replace(accounts=longer))  # type: ignore[arg-type]
            is_referrer = found.swap.venue.name == "raydium_launchlab" and at == 15
            assert changed.verdict == ("equal" if is_referrer else "differing"), (swap.signature, at)
            seen += 1
    assert seen > 1_000


def test_files_are_checked_as_the_command_does(tmp_path: Path, recorded: tuple[Swap, ...]) -> None:
    checked = check_recorded(read_recorded([str(SHARED / "mainnet")], VENUES), VENUES)
    assert sum(one.judged.count("equal") for one in checked if one.judged) >= 103
    assert not [alarm for one in checked if one.judged for alarm in one.judged.alarms]
    pools = {one.venue: one.judged.pools for one in checked if one.judged and one.judged.pools}
    assert {"meteora_damm_v2", "meteora_dlmm", "orca_whirlpool"} <= set(pools)


def test_on_a_chain_our_own_swaps_are_equal_with_pool_and_deploy_slot(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with on_localnet(tmp_path) as stage:
            coordinator = await stage.open()
            coordinator.on(stage.buy(1))
            opened = await stage.heard(PositionChanged)
            coordinator.on(stage.sell(2, opened.base_amount // 2))
            await stage.heard(OrderLanded, lambda fill: fill.order_id == 2)
            client = RpcClient(endpoint(stage.net.rpc_url, where="test"))
            try:
                judged = await look(client, raydium_cpmm.VENUE, Bounds())
            finally:
                await client.close()
            assert (judged.count("equal"), judged.alarms) == (2, ())
            assert judged.deployed is not None
            assert judged.deployed.slot > 0
            assert all(one.swap.pool_keys and one.swap.flags for one in judged.compared)

    uvloop.run(scenario())


def test_a_changed_program_halts_its_venue_until_it_is_as_we_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain stays and our form changes: as wrong as if it were the other way round."""
    known = forms(raydium_cpmm.VENUE)

    def upgraded(venue: object) -> tuple[object, ...]:
        # As if the program had moved its authority behind the configuration.
        return tuple(one._replace(rows=(one.rows[0], one.rows[2], one.rows[1], *one.rows[3:])) for one in known)

    async def scenario() -> None:
        async with on_localnet(tmp_path) as stage:
            coordinator = await stage.open()
            coordinator.on(stage.buy(1))
            opened = await stage.heard(PositionChanged)
            await stage.close()

            monkeypatch.setattr("sniperforge.coordinate.canary.forms", upgraded)
            stage.settings = msgspec.structs.replace(stage.settings, canary_poll_s=1)
            stage.told.clear()
            watched: Coordinator = await stage.open()
            halt = await stage.heard(HaltChanged)
            assert (halt.venue, halt.halted, halt.exits_allowed) == ("raydium_cpmm", True, True)
            assert "account 2 (authority)" in halt.reason or "account 1 (amm_config)" in halt.reason
            watched.on(stage.buy(2))
            refused = await stage.heard(OrderRefused)
            assert (refused.limit, refused.detail) == ("risk.venue_halted", halt.reason)
            watched.on(stage.sell(3, opened.base_amount // 2))
            await stage.heard(OrderLanded, lambda fill: fill.order_id == 3)

            monkeypatch.setattr("sniperforge.coordinate.canary.forms", forms)
            lifted = await stage.heard(HaltChanged, lambda changed: not changed.halted)
            assert lifted.venue == "raydium_cpmm"
            watched.on(stage.buy(4, pool=msgspec.structs.replace(stage.pool, slot=stage.pool.slot + 1)))
            await asyncio.sleep(0)
            assert [event.limit for event in stage.told if isinstance(event, OrderRefused)][1:] == ["risk.claim"]

    uvloop.run(scenario())
