"""Everything of ours in shared memory is found, and what is not readable is called foreign."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from sniperforge.base.errors import UsageError
from sniperforge.shm import listing, names
from sniperforge.shm.counters import Board
from sniperforge.shm.errors import RingMissing
from sniperforge.shm.ring import Ring


def test_rings_and_boards_are_found_by_name() -> None:
    instance = f"test-{uuid.uuid4().hex[:12]}"
    with (
        Ring.create("topic", instance=instance, capacity=4096) as ring,
        Board.create("stage", instance=instance, counters=["a"]),
    ):
        found = {item.name: item for item in listing.segments() if instance in item.name}
        assert {name: item.kind for name, item in found.items()} == {
            f"{instance}/topic": "ring",
            f"{instance}/counters/stage": "counters",
        }
        assert all(item.alive and item.open for item in found.values())
        assert listing.find("topic", instance=instance) == found[ring.name]
        assert listing.find(ring.name, instance=None) == found[ring.name]
        assert listing.attach(found[ring.name]).name == ring.name


def test_a_topic_of_two_instances_must_be_chosen() -> None:
    topic = f"t{uuid.uuid4().hex[:8]}"
    with Ring.create(topic, instance="one", capacity=4096), Ring.create(topic, instance="two", capacity=4096):
        with pytest.raises(UsageError, match="2 instances"):
            listing.find(topic, instance=None)
        assert listing.find(topic, instance="two").name == f"two/{topic}"
    with pytest.raises(RingMissing):
        listing.find(topic, instance="two")


def test_a_strange_file_is_foreign() -> None:
    path = names.SHM_DIRECTORY / f"sf-{uuid.uuid4().hex[:24]}"
    path.write_bytes(bytes(64))
    path.chmod(0o600)
    try:
        (found,) = [item for item in listing.segments() if item.shm_name == f"/{path.name}"]
        assert found.kind == "foreign"
        assert "is not ours" in found.problem
    finally:
        path.unlink()


def test_a_system_without_a_listing_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name the ring"):
        listing.segments(tmp_path / "absent")
    assert listing.segments(tmp_path) == []
    (tmp_path / "sf-gone").symlink_to(tmp_path / "nowhere")
    assert listing.segments(tmp_path) == []
