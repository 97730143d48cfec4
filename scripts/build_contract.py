"""Build the bundled programs: contracts/NAME/NAME.c -> sniperforge/chain/localnet/programs/NAME.so.

Needs clang with the bpf target (Debian: `apt-get install clang`). Users do not:
the built files are in the tree, with the compiler that made them in
programs/COMPILER; where the same compiler is present, a test builds again and
compares byte by byte.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from scripts.link_sbf import link  # noqa: E402

PROGRAMS = ROOT / "sniperforge" / "chain" / "localnet" / "programs"
NAMES = ("cpmm", "forger")
#: No builtins: clang would turn loops into calls to a memcpy nobody links.
FLAGS = ("-target", "bpf", "-O2", "-fno-builtin", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-c")


def compiler() -> str:
    """Return the first line of `clang --version`, or "" when there is no clang."""
    clang = shutil.which("clang")
    if clang is None:
        return ""
    answer = subprocess.run([clang, "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()[0].strip()


def build(name: str) -> bytes:
    """Return the program built from contracts/*name*; raises CalledProcessError with clang's words."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / f"{name}.o"
        source = Path("contracts") / name / f"{name}.c"
        subprocess.run(["clang", *FLAGS, str(source), "-o", str(made)], check=True, cwd=ROOT)
        return link(made.read_bytes())


if __name__ == "__main__":
    if not compiler():
        sys.exit("no clang on PATH: install it (Debian: apt-get install clang), or use the built programs in the tree")
    for program in NAMES:
        body = build(program)
        (PROGRAMS / f"{program}.so").write_bytes(body)
        print(f"{program}.so {len(body)} bytes")
    (PROGRAMS / "COMPILER").write_text(compiler() + "\n")
