"""Migrations: a new home is believed by its named address or its own transaction, never by the coin alone."""

from __future__ import annotations

import msgspec

from sniperforge.base.events import CurveCompleted, FeedChanged, PoolMigrated
from sniperforge.base.units import ZERO_KEY, Pubkey
from sniperforge.bots.migrations import POOLS_PER_COIN_MAX, REMEMBERED_MAX, Migrations
from tests.unit.bots.market import launch_of, pool_of, pubkey

CURVE = pool_of(1, venue="pumpfun")
HOME = msgspec.structs.replace(pool_of(2, venue="pumpswap"), base_mint=CURVE.base_mint)
TRAP = msgspec.structs.replace(pool_of(3, venue="pumpswap"), base_mint=CURVE.base_mint)


def migrated(*, new_pool: Pubkey = HOME.address, signature: str = "m") -> PoolMigrated:
    return PoolMigrated(
        venue="pumpfun",
        pool=CURVE.address,
        base_mint=CURVE.base_mint,
        new_venue="pumpswap",
        new_pool=new_pool,
        slot=5,
        signature=signature,
    )


def test_a_completed_or_migrated_curve_has_ended() -> None:
    """Either message may be the first that arrives."""
    by_completion, by_move = Migrations(), Migrations()
    assert not by_completion.has_ended(CURVE.address)
    done = CurveCompleted(venue="pumpfun", pool=CURVE.address, base_mint=CURVE.base_mint, slot=4, signature="c")
    by_completion.note(done)
    by_move.note(migrated())
    assert by_completion.has_ended(CURVE.address)
    assert by_move.has_ended(CURVE.address)
    assert by_completion.home(CURVE.base_mint) is None


def test_the_home_is_the_pool_the_migration_names_in_either_order() -> None:
    """A pool somebody else opens for the coin is not it."""
    for events in ([launch_of(TRAP), launch_of(HOME), migrated()], [migrated(), launch_of(TRAP), launch_of(HOME)]):
        seen = Migrations()
        for event in events:
            seen.note(event)
        assert seen.home(CURVE.base_mint) == HOME


def test_without_an_address_the_same_transaction_is_the_evidence() -> None:
    """A source of logs alone may not tell the address."""
    seen = Migrations()
    seen.note(launch_of(TRAP))
    seen.note(migrated(new_pool=ZERO_KEY, signature="sig-home"))
    assert seen.home(CURVE.base_mint) is None
    seen.note(msgspec.structs.replace(launch_of(HOME), signature="sig-home"))
    assert seen.home(CURVE.base_mint) == HOME


def test_a_new_curve_is_nobodys_home() -> None:
    """A coin leaves its curve and never comes to another one, even one the migration itself names."""
    migrations = Migrations()
    migrations.note(launch_of(CURVE))
    migrations.note(migrated(new_pool=CURVE.address))
    assert migrations.home(CURVE.base_mint) is None


def test_memory_is_bounded() -> None:
    """The coin and the pool seen longest ago go first; other messages are nothing."""
    seen = Migrations()
    seen.note(FeedChanged(source="x", state="lost"))
    seen.note(migrated())
    seen.note(launch_of(HOME))
    for number in range(POOLS_PER_COIN_MAX):
        other = pubkey(50_000 + number)
        seen.note(launch_of(msgspec.structs.replace(TRAP, address=other)))
    assert seen.home(CURVE.base_mint) is None
    for number in range(REMEMBERED_MAX):
        seen.note(msgspec.structs.replace(migrated(), pool=pubkey(100_000 + number)))
    assert not seen.has_ended(CURVE.address)
