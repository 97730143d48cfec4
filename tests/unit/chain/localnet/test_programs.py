"""The built programs in the tree are what their sources make, and the linker refuses what the loader would."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sniperforge.chain.localnet.genesis import FORGER, bundled
from sniperforge.dex.venue import AccountMeta, Instruction
from tests.unit.chain.localnet.stand import Stand

ROOT = Path(__file__).resolve().parents[4]


def script(name: str) -> ModuleType:
    """Return a module of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


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
    build = script("build_contract")
    wanted = (build.PROGRAMS / "COMPILER").read_text().strip()
    if build.compiler() != wanted:
        pytest.skip(f"built with {wanted}, here is {build.compiler() or 'no clang'}")
    assert build.build(name) == bundled(name)


def test_writable_data_is_refused(tmp_path: Path) -> None:
    """The loader maps none: the linker says so before a node does."""
    link = script("link_sbf")
    source = "int count = 5; int entrypoint(void) { return ++count; }"
    with pytest.raises(link.Unlinkable, match="writable data"):
        link.link(compiled(tmp_path, source))


def test_a_program_without_an_entry_is_refused(tmp_path: Path) -> None:
    """It names the function to export."""
    link = script("link_sbf")
    with pytest.raises(link.Unlinkable, match="no function `entrypoint`"):
        link.link(compiled(tmp_path, "int other(void) { return 1; }"))


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
