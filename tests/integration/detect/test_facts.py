"""What is learned of launches, on recorded ones: the creator's own buy, the buys of a real block, one history each."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from sniperforge.base.events import BundleSeen, CreatorKnown, Event, Frame, PoolCreated, Swapped
from sniperforge.detect.bundles import Bundles
from sniperforge.detect.detector import Detector
from sniperforge.detect.settings import DetectSettings
from tests.integration.detect.test_blocks import BLOCKS
from tests.integration.detect.test_blocks import load as block
from tests.integration.detect.test_create_frames import load as frames
from tests.unit.detect.launches import launch

SUPPLY = 1_000_000_000_000_000


def test_every_recorded_launch_has_its_creators_buy_in_its_bundle() -> None:
    """400 launches, each with its creator's first buy in the same transaction and a slot of its own."""
    detector, told = Detector(DetectSettings()), list[Event]()
    for number, line in enumerate(frames("create.jsonl.gz")):
        found = detector.on_frame(Frame(data=line, recv_ns=number + 1, source="x"), number + 1)
        assert [type(one) for one in found[:3]] == [PoolCreated, CreatorKnown, Swapped]
        told += found
    told += detector.end(999)
    bundles = [one for one in told if isinstance(one, BundleSeen)]
    buys = [one for one in told if isinstance(one, Swapped)]
    assert len(bundles) == len(buys) == 400
    for seen, buy in zip(bundles, buys, strict=True):
        assert (seen.pool, seen.slot, seen.trace_id) == (buy.pool, buy.slot, buy.trace_id)
        assert (seen.buys, seen.buyers, seen.creator_buys, seen.others_quote) == (1, 1, 1, 0)
        assert (seen.creator_quote, seen.creator_base, seen.supply) == (buy.quote_amount, buy.base_amount, SUPPLY)
        assert seen.creator_bps == -(-buy.base_amount * 10_000 // SUPPLY)
    assert [one.complete for one in bundles] == [True] * 399 + [False]


def test_the_same_launches_again_tell_nothing_twice() -> None:
    detector = Detector(DetectSettings())
    lines = frames("create.jsonl.gz")[:20]
    first = [one for line in lines for one in detector.on_frame(Frame(data=line, recv_ns=1), 1)]
    again = [one for line in lines for one in detector.on_frame(Frame(data=line, recv_ns=1), 1)]
    assert Counter(type(one) for one in first)[CreatorKnown] == 20
    assert again == []


@pytest.mark.parametrize("slot", BLOCKS)
def test_the_buys_of_a_pool_in_a_real_block_are_counted_by_wallet(slot: str) -> None:
    """As if its most bought pool had been launched in that block by its first buyer."""
    data, _ = block(slot)
    told = Detector(DetectSettings(trades="all")).on_frame(Frame(data=data, recv_ns=1), 2)
    swaps = [one for one in told if isinstance(one, Swapped)]
    bought = [one for one in swaps if one.is_buy]
    address = Counter(one.pool for one in bought).most_common(1)[0][0]
    buys = [one for one in bought if one.pool == address]
    venue, mint = buys[0].venue, buys[0].base_mint
    creator = buys[0].trader
    created = launch("x", slot=buys[0].slot, pool={"address": address, "base_mint": mint, "venue": venue})
    bundles = Bundles(bundles_max=1, window_ms=1)
    bundles.launch(replace(created, creator=creator), 0)
    for one in swaps:
        bundles.swapped(one)
    (seen,) = bundles.passed(buys[0].slot + 1, 1)
    assert (seen.buys, seen.buyers) == (len(buys), len({one.trader for one in buys}))
    own = [one for one in buys if one.trader == creator]
    assert seen.creator_buys == len(own) > 0
    assert seen.creator_quote == sum(one.quote_amount for one in own)
    assert seen.creator_quote + seen.others_quote == sum(one.quote_amount for one in buys)
    assert seen.creator_base + seen.others_base == sum(one.base_amount for one in buys)
