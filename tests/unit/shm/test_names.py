"""Names are short, one per user and ring, and lie where only this user may look."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.base.errors import UsageError
from sniperforge.shm import names
from sniperforge.shm.errors import RingForeign, RingSpace


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_a_segment_name_fits_everywhere(topic: str, instance: str) -> None:
    """31 bytes with its slash: the limit of macOS."""
    assert len(names.segment_name(f"{instance}/{topic}")) <= 31


def test_two_instances_never_meet() -> None:
    one, two = (names.segment_name(names.full_name("t", instance=instance)) for instance in ("a", "b"))
    assert one != two


@pytest.mark.parametrize(("topic", "instance"), [("", "i"), ("t", ""), ("t\0", "i"), ("t" * 200, "i" * 60)])
def test_a_name_has_its_parts_and_a_bound(topic: str, instance: str) -> None:
    with pytest.raises(UsageError):
        names.full_name(topic, instance=instance)


def test_the_runtime_directory_is_this_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    directory = names.runtime_directory("/some/where")
    assert directory.is_relative_to(tmp_path)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert names.runtime_directory("/some/where") == directory
    directory.chmod(0o755)
    with pytest.raises(RingForeign, match="owner or mode"):
        names.runtime_directory("/some/where")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert names.runtime_directory("x").is_relative_to(f"/tmp/sniperforge-{os.geteuid()}")


def test_this_boot_has_one_id() -> None:
    assert len(names.boot_id()) == 16
    assert names.boot_id() == names.boot_id()
    assert names.pid_namespace() == names.pid_namespace()


def test_a_system_without_proc_still_has_names(tmp_path: Path) -> None:
    """Elsewhere the boot id is a constant and pids belong to one space."""
    assert len(names.boot_id(tmp_path / "absent")) == 16
    assert names.boot_id(tmp_path / "absent") == names.boot_id(tmp_path / "absent")
    assert names.pid_namespace(tmp_path / "absent") == 0


def test_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    path.write_bytes(b"")
    path.chmod(0o640)
    with path.open("r+b") as file, pytest.raises(RingForeign, match="mode"):
        names.check_owner(file.fileno(), "t")


def test_space_is_taken_at_once_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size no file system has is an error with a cure; another problem stays itself."""
    with (tmp_path / "segment").open("w+b") as file:
        names.allocate(file.fileno(), 4096, "t")
        assert os.fstat(file.fileno()).st_size == 4096
        with pytest.raises(RingSpace, match="less capacity"):
            names.allocate(file.fileno(), 1 << 62, "t")
    monkeypatch.delattr(os, "posix_fallocate")  # macOS
    with (tmp_path / "other").open("w+b") as file:
        names.allocate(file.fileno(), 8192, "t")
        assert os.fstat(file.fileno()).st_size == 8192
    monkeypatch.undo()
    with (tmp_path / "segment").open("rb") as file, pytest.raises(OSError, match="Bad file descriptor"):
        names.allocate(file.fileno(), 4096, "t")
