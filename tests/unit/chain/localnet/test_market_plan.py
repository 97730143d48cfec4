"""A plan is its seed's, keeps to its settings, and a demo of a minute shows every kind of thing."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from sniperforge.base.errors import ConfigError
from sniperforge.chain.localnet.market_plan import (
    FAILURE_FORMS,
    KINDS,
    RECORDED_DELAY_PPM,
    RECORDED_FAILED_PPM,
    SPOOF_FORMS,
    MarketSettings,
    make_plan,
)


def test_equal_seeds_plan_equally() -> None:
    """And others do not."""
    assert make_plan(MarketSettings(seed=4)) == make_plan(MarketSettings(seed=4)) != make_plan(MarketSettings(seed=5))


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_minute_is_lively_for_any_seed(seed: int) -> None:
    """Ten to thirty-five launches and at least three lies, none of them late."""
    settings = MarketSettings(seed=seed)
    plan = make_plan(settings)
    assert 10 <= len(plan.launches) <= 35
    assert len(plan.spoofs) >= 3
    until = settings.duration_ms * settings.launches_until_ppm // 1_000_000
    for row in (plan.launches, plan.spoofs, plan.failures):
        moments = [each.at_ms for each in row]
        assert moments == sorted(moments)
        assert all(0 <= each < until for each in moments)


def test_over_many_launches_the_shares_are_those_of_the_settings() -> None:
    """Within three parts in a hundred."""
    settings = MarketSettings(duration_ms=6_000_000)
    launches = make_plan(settings).launches
    kinds = Counter(each.kind for each in launches)
    assert set(kinds) == set(KINDS)

    def share(count: int, of: int = len(launches)) -> float:
        return count * 1_000_000 / of

    assert abs(share(kinds["rug"]) - settings.rug_ppm) < 30_000
    assert abs(share(sum(each.is_token_2022 for each in launches)) - settings.token_2022_ppm) < 30_000
    assert abs(share(sum(each.keeps_mint_authority for each in launches)) - settings.mint_authority_ppm) < 30_000
    trades = [trade for each in launches for trade in each.trades]
    assert abs(share(sum(each.fails for each in trades), len(trades)) - RECORDED_FAILED_PPM) < 30_000


def test_every_figure_is_within_its_bounds() -> None:
    """Liquidity, life, traders; a rug comes after its last trade."""
    settings = MarketSettings(duration_ms=600_000)
    for launch in make_plan(settings).launches:
        assert settings.liquidity[0] <= launch.liquidity <= settings.liquidity[1]
        assert (launch.rug_at_ms >= 0) is (launch.kind == "rug")
        for trade in launch.trades:
            assert 1_000 <= trade.at_ms < (launch.rug_at_ms if launch.kind == "rug" else settings.life_ms[1])
            assert 0 <= trade.trader < settings.traders
            assert 0 < trade.size_bps <= 10_000


def test_lies_go_round_their_forms() -> None:
    """A short run tells most of them."""
    plan = make_plan(MarketSettings(spoofs_per_minute=60, failed_creates_per_minute=60))
    assert [each.form for each in plan.spoofs[:5]] == list(SPOOF_FORMS)
    assert {each.form for each in plan.failures} == set(FAILURE_FORMS)
    assert make_plan(MarketSettings(spoofs_per_minute=0)).spoofs == ()


def test_recorded_rates_are_the_records() -> None:
    """231 of 482 failed; 5 of 48 slots were late."""
    assert (RECORDED_FAILED_PPM, RECORDED_DELAY_PPM) == (479_253, 104_166)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("duration_ms", 0),
        ("traders", 0),
        ("failed_ppm", 1_000_001),
        ("rug_ppm", -1),
        ("life_ms", (5, 4)),
        ("liquidity", (0, 4)),
        ("rug_ppm", 600_000),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, bad: object) -> None:
    """The first wrong one, by its path."""
    with pytest.raises(ConfigError, match=rf"market\.{name}"):
        replace(MarketSettings(), **{name: bad}).check()
    assert MarketSettings().check() == MarketSettings()
