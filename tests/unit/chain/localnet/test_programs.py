"""The built programs in the tree are what their sources make, and the linker refuses what the loader would."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts import build_contract
from scripts.link_sbf import Unlinkable, link
from sniperforge.chain.localnet.genesis import FORGER, bundled
from sniperforge.dex.venue import AccountMeta, Instruction
from tests.unit.chain.localnet.stand import Stand


def compiled(tmp_path: Path, source: str, *, target: str = "bpf") -> bytes:
    """Return a small program as clang's object file; skips without clang."""
    if shutil.which("clang") is None:
        pytest.skip("no clang on this machine")
    path = tmp_path / "x.c"
    path.write_text(source)
    command = ["clang", "-target", target, "-O1", "-c", str(path), "-o", str(tmp_path / "x.o")]
    subprocess.run(command, check=True, capture_output=True)
    return (tmp_path / "x.o").read_bytes()


@pytest.mark.parametrize("name", ["cpmm", "forger"])
def test_a_program_rebuilds_to_the_same_bytes(name: str) -> None:
    """Where the recorded compiler is present; else this says which one is missing."""
    wanted = (build_contract.PROGRAMS / "COMPILER").read_text().strip()
    if build_contract.compiler() != wanted:
        pytest.skip(f"built with {wanted}, here is {build_contract.compiler() or 'no clang'}")
    assert build_contract.build(name) == bundled(name)


def test_writable_data_is_refused(tmp_path: Path) -> None:
    """The loader maps none: the linker says so before a node does."""
    source = "int count = 5; int entrypoint(void) { return ++count; }"
    with pytest.raises(Unlinkable, match="writable data"):
        link(compiled(tmp_path, source))


def test_a_program_without_an_entry_is_refused(tmp_path: Path) -> None:
    """It names the function to export."""
    with pytest.raises(Unlinkable, match="no function `entrypoint`"):
        link(compiled(tmp_path, "int other(void) { return 1; }"))


FORGED = (
    (b"\0event", ["Program data: ZXZlbnQ="]),
    (b"\1words", ["Program log: words"]),
    (b"\3\5\0wordsevent", ["Program log: words", "Program data: ZXZlbnQ="]),
    (b"anything else", ["Program log: Instruction: Initialize"]),
    (b"", ["Program log: Instruction: Initialize"]),
)


@pytest.mark.parametrize(("data", "lines"), FORGED)
def test_the_forger_says_what_it_is_told(data: bytes, lines: list[str]) -> None:
    """Lines as the named program would print them, under the forger's own name."""
    landed = Stand().send_from_alice(Instruction(FORGER, (AccountMeta(FORGER),), data))
    assert landed.error is None
    assert landed.logs[1 : 1 + len(lines)] == lines


def test_the_forger_calls_itself_with_the_event() -> None:
    """An inner instruction whose data is the forged event."""
    landed = Stand().send_from_alice(Instruction(FORGER, (AccountMeta(FORGER),), b"\2event"))
    assert landed.error is None
    assert [(each.call.data, each.depth) for each in landed.inner[0]] == [(b"event", 2)]


@pytest.mark.parametrize("data", [b"\2event", b"\3\xff\xffshort"])
def test_the_forger_refuses_what_it_cannot_say(data: bytes) -> None:
    """No account to call, no text as long as it claims."""
    assert Stand().send_from_alice(Instruction(FORGER, (), data)).error is not None
