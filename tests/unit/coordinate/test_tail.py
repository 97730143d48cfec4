"""Every acknowledged record is there after a crash; a torn one is not there at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sniperforge.coordinate.tail import Tail

RECORDS = st.lists(st.binary(max_size=60), max_size=6)


@given(records=RECORDS, cut=st.integers(0, 80), flip=st.integers(0, 4_000))
def test_damage_at_the_end_costs_the_end_alone(
    records: list[bytes], cut: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Cut or scribble the last record: all before it are read as they were."""
    path = tmp_path_factory.mktemp("tail") / "t"
    tail = Tail(str(path), sync=False)
    for record in records:
        tail.append(record)
    assert tail.read() == records
    whole = path.read_bytes()
    last = len(records[-1]) + 8 if records else 0
    torn = bytearray(whole[: len(whole) - min(cut, last)])
    if records and len(torn) == len(whole):
        torn[len(whole) - last + flip % last] ^= 1 + flip % 255
    path.write_bytes(bytes(torn))
    read = tail.read()
    assert read[: len(records) - 1] == records[:-1]
    assert len(read) <= max(len(records), 1)
    tail.close()


def test_a_cleared_tail_is_empty_and_goes_on(tmp_path: Path) -> None:
    tail = Tail(str(tmp_path / "t"), sync=True)
    tail.append(b"one")
    tail.clear()
    tail.append(b"two")
    assert tail.read() == [b"two"]
    assert (tmp_path / "t").stat().st_mode & 0o777 == 0o600


class Half:
    """A disk that takes half of a write, once."""

    def __init__(self) -> None:
        self.write = os.write

    def __call__(self, file: int, data: bytes) -> int:
        return self.write(file, data[: len(data) // 2])


def test_a_half_written_record_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is half there would hide every record after it."""
    tail = Tail(str(tmp_path / "t"), sync=False)
    tail.append(b"one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Half())
        with pytest.raises(OSError, match="No space") as caught:
            tail.append(b"two")
    assert caught.value.errno == errno.ENOSPC
    tail.append(b"three")
    assert tail.read() == [b"one", b"three"]
